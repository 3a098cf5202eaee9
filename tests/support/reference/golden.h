/* SPDX-License-Identifier: Apache-2.0 */
/* Golden values of docs/sampling.md, one `name value` to a line (golden.txt holds them). */
#ifndef SEINE_TESTS_GOLDEN_H
#define SEINE_TESTS_GOLDEN_H

#include "reference.h"

#include <stdio.h>

/* The digest of one batch, by whichever sampler is asked. */
typedef uint64_t golden_digest(const ref_graph *graph, const ref_plan *plan, uint64_t epoch,
                               uint64_t g);

uint64_t golden_reference_digest(const ref_graph *graph, const ref_plan *plan, uint64_t epoch,
                                 uint64_t g);

/* Prints all lines; digests of batches come from `digest`, everything else from the reference.
 * One call at a time. */
void golden_print(FILE *file, golden_digest *digest);

#endif
