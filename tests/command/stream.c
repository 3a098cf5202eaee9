/* SPDX-License-Identifier: Apache-2.0 */
#include "command/stream.h"

#include "command/small.h"
#include <inttypes.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

/* -- Lines ------------------------------------------------------------------------------------- */

static void parse_line(const char *text, stream_line *out)
{
    char again[256];
    int fields = sscanf(text, "%" SCNd64 " %" SCNd64 " %16[0-9a-f] %" SCNd64 " %" SCNd64,
                        &out->epoch, &out->batch, out->digest, &out->nodes, &out->edges);
    snprintf(again, sizeof again, "%" PRId64 " %" PRId64 " %s %" PRId64 " %" PRId64, out->epoch,
             out->batch, out->digest, out->nodes, out->edges);
    if (fields != 5 || strlen(out->digest) != 16 || strcmp(again, text) != 0)
        ck_abort_msg("no line 'epoch batch digest nodes edges': '%s'", text);
}

/* The last line on stderr, and nothing else there. */
static void check_totals(const char *err, stream *of, const char *what)
{
    int64_t batches = -1, nodes = 0, edges = 0;
    double seconds;
    int end = -1;
    int fields = sscanf(err,
                        "total batches=%" SCNd64 " nodes=%" SCNd64 " edges=%" SCNd64
                        " seconds=%lf restarts=%" SCNd64 " spills=%" SCNd64 "%n",
                        &batches, &of->total_nodes, &of->total_edges, &seconds, &of->restarts,
                        &of->spills, &end);
    ck_assert_msg(fields == 6 && end > 0 && strcmp(err + end, "\n") == 0, "%s: no totals: %s", what,
                  err);
    for (int i = 0; i < of->count; i++) {
        nodes += of->lines[i].nodes;
        edges += of->lines[i].edges;
    }
    ck_assert_msg(batches == of->count && nodes == of->total_nodes && edges == of->total_edges,
                  "%s: %d batches, %" PRId64 " nodes, %" PRId64 " edges are printed, not: %s", what,
                  of->count, nodes, edges, err);
}

stream stream_of(const char *words)
{
    char command[2048], *save = NULL;
    snprintf(command, sizeof command, "sample %s --format digest", words);
    outcome result = run_line(command, NULL);
    ck_assert_msg(result.code == 0, "%s: exit code %d: %s", words, result.code, result.err);
    stream of = { .count = count_lines(result.out) };
    of.lines = calloc((size_t)of.count + 1, sizeof *of.lines);
    ck_assert_ptr_nonnull(of.lines);
    int count = 0;
    for (char *at = strtok_r(result.out, "\n", &save); at != NULL; at = strtok_r(NULL, "\n", &save))
        parse_line(at, &of.lines[count++]);
    ck_assert_int_eq(count, of.count);
    check_totals(result.err, &of, words);
    if (strstr(words, "--workers") == NULL)
        ck_assert_msg(of.restarts == 0 && of.spills == 0, "%s: %s", words, result.err);
    outcome_free(&result);
    return of;
}

void stream_free(stream *of)
{
    free(of->lines);
    *of = (stream){ 0 };
}

static bool same_line(const stream_line *a, const stream_line *b)
{
    return a->epoch == b->epoch && a->batch == b->batch && a->nodes == b->nodes &&
           a->edges == b->edges && strcmp(a->digest, b->digest) == 0;
}

void stream_check_part(const stream *whole, int first, const stream *part, const char *what)
{
    ck_assert_msg(first >= 0 && first + part->count <= whole->count, "%s: %d lines from %d of %d",
                  what, part->count, first, whole->count);
    for (int i = 0; i < part->count; i++) {
        const stream_line *a = &whole->lines[first + i], *b = &part->lines[i];
        if (!same_line(a, b))
            ck_abort_msg("%s: line %d is %" PRId64 " %" PRId64 " %s, expected %" PRId64 " %" PRId64
                         " %s",
                         what, i, b->epoch, b->batch, b->digest, a->epoch, a->batch, a->digest);
    }
}

void stream_check_same(const stream *a, const stream *b, const char *what)
{
    ck_assert_msg(a->count == b->count, "%s: %d lines and %d lines", what, a->count, b->count);
    stream_check_part(a, 0, b, what);
}

/* -- Batches ----------------------------------------------------------------------------------- */

json_t *batch_tensor(const json_t *batch, const char *name)
{
    return json_object_get(json_object_get(batch, "tensors"), name);
}

int64_t *batch_integers(const json_t *batch, const char *name, int *count)
{
    json_t *tensor = batch_tensor(batch, name), *value;
    size_t i;
    ck_assert_msg(json_is_array(tensor), "no tensor '%s'", name);
    int64_t *out = calloc(json_array_size(tensor) + 1, sizeof *out);
    ck_assert_ptr_nonnull(out);
    json_array_foreach(tensor, i, value)
    {
        ck_assert_msg(json_is_integer(value), "%s[%zu] is no integer", name, i);
        out[i] = json_integer_value(value);
    }
    *count = (int)json_array_size(tensor);
    return out;
}

/* -- Digest ------------------------------------------------------------------------------------ */

enum { CODE_INT = 0, CODE_FLOAT = 2 };

typedef struct type {
    uint8_t code, bits;
} type;

/* IEEE 754 binary16 of the decimal digits of one: the nearest. */
static uint16_t half_bits(double value)
{
    int exponent;
    double fraction = frexp(fabs(value), &exponent); /* in [0.5, 1), or 0 */
    uint16_t sign = signbit(value) ? 0x8000 : 0;
    if (value == 0)
        return sign;
    if (exponent < -13) /* subnormal: units of 2^-24 */
        return (uint16_t)(sign | (uint16_t)lround(ldexp(fabs(value), 24)));
    return (uint16_t)(sign + ((exponent + 14) << 10) + lround(ldexp(fraction, 11)) - 1024);
}

/* The type of a tensor by its name, "x" or "paper.x". */
static type type_of(const char *name)
{
    const char *dot = strrchr(name, '.'), *last = dot != NULL ? dot + 1 : name;
    if (strcmp(last, "edge_attr") == 0)
        return (type){ CODE_FLOAT, 32 };
    if (strcmp(last, "x") == 0)
        return (type){ CODE_FLOAT, strcmp(name, "paper.x") == 0 ? 16 : 32 };
    if (strcmp(name, "package.y") == 0 || strcmp(name, "package_y") == 0)
        return (type){ CODE_INT, 8 };
    if (strcmp(name, "paper.y") == 0)
        return (type){ CODE_INT, 32 };
    return (type){ CODE_INT, 64 };
}

static void absorb(XXH3_state_t *state, const void *data, size_t bytes)
{
    ck_assert_int_eq(XXH3_64bits_update(state, data, bytes), XXH_OK);
}

static void absorb_number(XXH3_state_t *state, uint64_t value, size_t bytes)
{
    absorb(state, &value, bytes); /* little-endian */
}

/* Numbers of any depth, in C order. */
static void absorb_elements(XXH3_state_t *state, type of, const json_t *value)
{
    if (json_is_array(value)) {
        const json_t *inner;
        size_t i;
        json_array_foreach(value, i, inner) absorb_elements(state, of, inner);
    } else if (of.code == CODE_INT) {
        ck_assert(json_is_integer(value));
        absorb_number(state, (uint64_t)json_integer_value(value), of.bits / 8);
    } else if (of.bits == 16) {
        absorb_number(state, half_bits(json_number_value(value)), 2);
    } else {
        float real = (float)json_number_value(value);
        absorb(state, &real, sizeof real);
    }
}

static void absorb_tensor(XXH3_state_t *state, const char *name, const json_t *tensor)
{
    type of = type_of(name);
    uint8_t ndim = 0;
    int64_t dims[4];
    for (const json_t *at = tensor; json_is_array(at); at = json_array_get(at, 0)) {
        ck_assert_int_lt(ndim, 4);
        dims[ndim++] = (int64_t)json_array_size(at);
    }
    absorb(state, name, strlen(name) + 1);
    absorb_number(state, of.code, 1);
    absorb_number(state, of.bits, 1);
    absorb_number(state, ndim, 1);
    for (int i = 0; i < ndim; i++)
        absorb_number(state, (uint64_t)dims[i], 8);
    absorb_elements(state, of, tensor);
}

uint64_t batch_digest(const json_t *batch)
{
    const char *name;
    json_t *tensor;
    XXH3_state_t *state = XXH3_createState();
    ck_assert_ptr_nonnull(state);
    ck_assert_int_eq(XXH3_64bits_reset(state), XXH_OK);
    absorb_number(state, (uint64_t)json_integer_value(json_object_get(batch, "epoch")), 8);
    absorb_number(state, (uint64_t)json_integer_value(json_object_get(batch, "batch")), 8);
    json_object_foreach(json_object_get(batch, "tensors"), name, tensor)
        absorb_tensor(state, name, tensor);
    uint64_t digest = XXH3_64bits_digest(state);
    XXH3_freeState(state);
    return digest;
}
