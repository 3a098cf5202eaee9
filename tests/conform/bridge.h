/* SPDX-License-Identifier: Apache-2.0 */
/* From the reference sampler's graphs and plans to the library's, and comparing what both give. */
#ifndef SEINE_TESTS_CONFORM_BRIDGE_H
#define SEINE_TESTS_CONFORM_BRIDGE_H

#include "reference.h"
#include "seine/seine.h"

/* How the library is given the edges of a graph. */
typedef enum bridge_form {
    BRIDGE_COO,
    BRIDGE_ROWS,      /* CSR and CSC, int32 columns where they fit */
    BRIDGE_ROWS_WIDE, /* CSR and CSC, int64 columns, borrowed */
    BRIDGE_FORMS
} bridge_form;

/* Fails the running test on an error. The arrays of `graph` must outlive the dataset. */
sn_dataset *bridge_dataset(const ref_graph *graph, bridge_form form);
/* Frees what a dataset of BRIDGE_ROWS... borrowed; after its release. */
void bridge_forget(void);
sn_plan *bridge_plan(sn_dataset *dataset, const ref_graph *graph, const ref_plan *plan,
                     sn_index_type index);
/* Fails the running test with the first difference: names, types, shapes, bytes, digest. */
void bridge_compare(const sn_batch *batch, const ref_batch *expected);

#endif
