/* SPDX-License-Identifier: Apache-2.0 */
/* A folder of its own for every case, files in it made byte by byte, and what is left at the end.
 *
 * The folder knows what the case put there. scratch_end fails the case if anything else is left (an output
 * folder, a temporary one) or if something vanished. One thread. */
#ifndef SN_TESTS_COMMAND_SCRATCH_H
#define SN_TESTS_COMMAND_SCRATCH_H

#include "seine/types.h"

#include <jansson.h>

/* Fixtures: made before, checked and removed after. */
void scratch_begin(void);
void scratch_end(void);
/* The folder, and a path in it, printf-like. A path is valid until 32 more were asked for. */
const char *scratch_path(void);
const char *scratch_file(const char *format, ...) SN_PRINTF(1, 2);
/* The folder that all cases of a program read: unchecked fixtures, and a path in it. */
void shared_begin(void);
void shared_end(void);
const char *shared_file(const char *format, ...) SN_PRINTF(1, 2);
/* A file of the source tree ("examples/data/wordnet/manifest.json"). Valid as above. */
const char *source_file(const char *format, ...) SN_PRINTF(1, 2);
/* The case made, or makes the command make, this name of the top level. */
void scratch_expect(const char *name);
/* Names in a folder, sorted, with spaces between. Valid until the next call. */
const char *scratch_list(const char *path);
/* The names of the top level that should be there, likewise. */
const char *scratch_expected(void);

/* -- Files. Names are relative to the folder. All fail the case if they cannot. -- */

void put_bytes(const char *name, const void *data, size_t bytes);
void put_text(const char *name, const char *text);
void put_folder(const char *name);
void put_copy(const char *from, const char *name); /* `from` is a path */
void put_tree(const char *from, const char *name); /* a folder with its files, one level */
void cut_file(const char *name, size_t bytes);     /* keeps the first so many */
void remove_name(const char *name);                /* a file or a tree */
/* The whole file with a NUL behind it, to be freed. `path` as for open(2). */
char *get_bytes(const char *path, size_t *bytes);

/* -- Arrays -- */

/* An .npy file, format 1: header text from descr and shape ("(2, 3)"), then `bytes` of data. */
void put_npy(const char *name, const char *descr, const char *shape, const void *data,
             size_t bytes);
/* [n] and [2, n / 2] int64 (or int32 with `descr` "<i4"), from the values. */
void put_ids(const char *name, const char *descr, const int64_t *ids, size_t n);
void put_pairs(const char *name, const char *descr, const int64_t *ids, size_t n);

/* -- JSON -- */

void put_json(const char *name, const json_t *value);
json_t *get_json(const char *path);
/* Parses text that must be one JSON value. */
json_t *parse_json(const char *text);

#endif
