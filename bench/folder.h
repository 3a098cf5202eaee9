/* SPDX-License-Identifier: Apache-2.0 */
/* A temporary folder of a benchmark. */
#ifndef BENCH_FOLDER_H
#define BENCH_FOLDER_H

#include <stddef.h>

enum { FOLDER_BYTES = 512, FOLDER_PATH = 600 };

/* <TMPDIR, or /tmp>/seine-bench-XXXXXX. Returns the exit code; "" in `out` on failure. */
int folder_make(char out[FOLDER_BYTES]);
/* With all that is in it; "" is fine, and is what it leaves in `folder`. */
void folder_remove(char folder[FOLDER_BYTES]);
/* "<folder>/<name>". Returns `out`. */
const char *folder_path(const char *folder, const char *name, char out[FOLDER_PATH]);
/* Bytes of all files below `path`. */
double folder_bytes(const char *path);

#endif
