/* SPDX-License-Identifier: Apache-2.0 */
/* Writing JSON to a stream: commas by themselves, floats as %.9g, what JSON cannot say as null.
 * Write errors stay in the stream. */
#ifndef TOOLS_SEINE_JSON_OUT_H
#define TOOLS_SEINE_JSON_OUT_H

#include "seine/tensor.h"

#include <stdio.h>

typedef struct json_out {
    FILE *to;
    bool comma; /* a value stands before the next one */
} json_out;

/* `kind` is '{' or '['. */
void jout_open(json_out *out, char kind);
void jout_close(json_out *out, char kind);
/* The key of the next value. */
void jout_key(json_out *out, const char *key);
void jout_text(json_out *out, const char *text); /* NULL: null; bytes that are no UTF-8: U+FFFD */
void jout_int(json_out *out, int64_t value);
void jout_uint(json_out *out, uint64_t value);
void jout_real(json_out *out, double value); /* NaN and infinities: null */
void jout_bool(json_out *out, bool value);
void jout_null(json_out *out);
/* Nested arrays of rows; complex numbers as [real, imaginary]. */
void jout_tensor(json_out *out, const sn_tensor *tensor);
/* The end of a line of JSON; the next value begins anew. */
void jout_line(json_out *out);

#endif
