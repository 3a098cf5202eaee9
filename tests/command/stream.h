/* SPDX-License-Identifier: Apache-2.0 */
/* What `seine sample` prints, taken apart: the lines of digests, the totals, and batches as
 * JSON, whose digests are computed here again from docs/sampling.md, section 4.1. */
#ifndef SN_TESTS_COMMAND_STREAM_H
#define SN_TESTS_COMMAND_STREAM_H

#include <jansson.h>
#include <stdint.h>

typedef struct stream_line {
    int64_t epoch, batch, nodes, edges;
    char digest[17];
} stream_line;

typedef struct stream {
    stream_line *lines;
    int count;
    int64_t total_nodes, total_edges; /* as the totals say */
    int64_t restarts, spills;
} stream;

/* Runs `sample` with these words (as run_line) and --format digest. Checks the form of every
 * line, and that the totals are those of the lines. */
stream stream_of(const char *words);
void stream_free(stream *of);
/* Fails unless `part` is lines [first, first + part->count) of `whole`. */
void stream_check_part(const stream *whole, int first, const stream *part, const char *what);
/* Fails unless both are the same, line by line. */
void stream_check_same(const stream *a, const stream *b, const char *what);

/* One line of --format json. */
json_t *batch_tensor(const json_t *batch, const char *name); /* BORROWED, NULL: none */
/* The integers of a tensor of one dimension; to be freed. */
int64_t *batch_integers(const json_t *batch, const char *name, int *count);
/* The digest, from the tensors in the order in which they stand. Tensors that are no index
 * tensors have the types of the small graphs and of the graphs in examples/data. */
uint64_t batch_digest(const json_t *batch);

#endif
