/* SPDX-License-Identifier: Apache-2.0 */
/* Small graphs that have everything a dataset can have, and calls over them written as one line.
 *
 * "ring" is homogeneous: 12 nodes, edges v -> v+1 (id 2v) and v -> v+2 (id 2v+1) modulo 12.
 * "typed" has papers (the same ring, undirected and without duplicates, from two files, and once
 * more as it is) and 5 authors without features who write papers. Both are described by
 * manifests over the same arrays. */
#ifndef SN_TESTS_COMMAND_SMALL_H
#define SN_TESTS_COMMAND_SMALL_H

#include "command/drive.h"

#include "seine/types.h"

#include <jansson.h>

/* -- Fixtures ---------------------------------------------------------------------------------- */

/* Unchecked: a folder that all cases of a program share, with the datasets "ring", "typed",
 * "ring-csr" (one layout) and "bare" (edges alone). */
void small_begin(void);
void small_end(void);
/* A path in it, printf-like. Valid until 32 more were asked for. */
const char *shared_path(const char *format, ...) SN_PRINTF(1, 2);
/* Checked: a workspace of the case; at the end nothing half-written may be left in it. */
void case_begin(void);
void case_end(void);

/* -- Sources ----------------------------------------------------------------------------------- */

/* Writes the arrays, ring.json and typed.json into the workspace. */
void put_sources(void);
/* The manifests; ' stands for ". */
extern const char ring_manifest[], typed_manifest[];
/* [n] and [2, n / 2] of "<i8" or "<i4". */
void put_ids(const char *path, const char *descr, const int64_t *ids, size_t n);
void put_pairs(const char *path, const char *descr, const int64_t *ids, size_t n);

/* -- JSON -------------------------------------------------------------------------------------- */

/* JSON of text in which ' stands for ". New. */
json_t *json_of(const char *text);
/* Text that must be one JSON value. New. */
json_t *parsed(const char *text);
/* The value at "a/0/b" (member names and positions), which must be there. BORROWED. */
json_t *json_at(json_t *root, const char *path);
int64_t json_int_at(json_t *root, const char *path);
const char *json_text_at(json_t *root, const char *path);
/* Sets the value there, or removes it where `value` is NULL. Takes it. */
void json_change(json_t *root, const char *path, json_t *value);
void put_json(const char *path, const json_t *value);

/* -- Calls ------------------------------------------------------------------------------------- */

/* Runs seine with the words of a line: blanks between them, '...' keeps blanks, a word @name is
 * that path in the shared folder. `options` may be NULL. */
outcome run_line(const char *line, const start_options *options);
/* The same without waiting for the end. */
pid_t start_line(const char *line, const start_options *options);
/* Exit code 0 and nothing on stderr. Returns what it printed; freed by the caller. */
char *printed(const char *line);
/* As expect_failure, but each of the words in `names` ('|' between them) is in the line, nothing
 * in the line is a control character, and the workspace is as it was before the call. Does
 * nothing where is_chosen() says so. */
void refuse_line(const char *line, int code, const char *names, const char *what);
/* The same check of a call that was made otherwise; frees. */
void expect_named(outcome of, int code, const char *names, const char *what);

#endif
