/* SPDX-License-Identifier: Apache-2.0 */
/* The plain work of moving files, which no import can be faster than. */
#ifndef BENCH_FILE_COPY_H
#define BENCH_FILE_COPY_H

#include <stdint.h>

/* Reads all of file `from` and writes `bytes` bytes to the new file `to`, piece by piece, by
 * `threads` threads at once, each its slice of both; removes `to`. *out is in seconds. Returns the
 * exit code. */
int file_copy(const char *from, const char *to, int64_t bytes, int32_t threads, double *out);

#endif
