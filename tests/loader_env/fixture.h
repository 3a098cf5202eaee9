/* SPDX-License-Identifier: Apache-2.0 */
/* The plan of a test program and its stream, made before each case and released after it. */
#ifndef SEINE_TESTS_LOADER_ENV_FIXTURE_H
#define SEINE_TESTS_LOADER_ENV_FIXTURE_H

#include "loader_env/env.h"

extern sn_plan *plan;
extern env_stream stream;

/* The small plan, and what a sampler makes of it. */
void env_begin(void);
/* Releases both, and cleans up. */
void env_end(void);

#endif
