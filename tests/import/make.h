/* SPDX-License-Identifier: Apache-2.0 */
/* Making input for imports: arrays, manifests; and comparing directories. */
#ifndef SEINE_TESTS_IMPORT_MAKE_H
#define SEINE_TESTS_IMPORT_MAKE_H

#include "seine/dataset.h"
#include "seine/import.h"

#include <jansson.h>

/* A sequence of numbers that the seed of the run decides; `salt` is the case's own. */
void draw_from(uint64_t salt);
int64_t draw_below(int64_t n);

/* Saves an array; n1 < 0: one dimension. */
void save_array(const char *path, const char *dtype, int64_t n0, int64_t n1, const void *data);
/* Saves a manifest and forgets it. */
void save_json(const char *path, json_t *root);
/* The same files with the same bytes. */
void check_same_dir(const char *one, const char *two);
/* Opens and verifies a dataset. */
sn_dataset *open_verified(const char *path);
/* Path of a shipped file. */
const char *shipped(const char *name);

#endif
