/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/seine/json_out.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

static void begin_value(json_out *out)
{
    if (out->comma)
        putc(',', out->to);
    out->comma = true;
}

void jout_open(json_out *out, char kind)
{
    begin_value(out);
    putc(kind, out->to);
    out->comma = false;
}

void jout_close(json_out *out, char kind)
{
    putc(kind == '{' ? '}' : ']', out->to);
    out->comma = true;
}

/* Bytes of the UTF-8 character at `text`, 0 if it is none (also overlong forms and surrogates). */
static int utf8_length(const unsigned char *text)
{
    uint32_t code;
    int length = text[0] < 0x80   ? 1
                 : text[0] < 0xc2 ? 0
                 : text[0] < 0xe0 ? 2
                 : text[0] < 0xf0 ? 3
                 : text[0] < 0xf5 ? 4
                                  : 0;
    if (length < 2)
        return length;
    code = text[0] & (0x7fu >> length);
    for (int i = 1; i < length; i++) {
        if ((text[i] & 0xc0) != 0x80)
            return 0;
        code = code << 6 | (text[i] & 0x3f);
    }
    if ((length == 3 && (code < 0x800 || (code >= 0xd800 && code < 0xe000))) ||
        (length == 4 && (code < 0x10000 || code > 0x10ffff)))
        return 0;
    return length;
}

static void quoted(FILE *to, const char *text)
{
    const unsigned char *at = (const unsigned char *)text;
    putc('"', to);
    while (*at != '\0') {
        int length = utf8_length(at);
        if (length == 0)
            fputs("\\ufffd", to);
        else if (*at == '"' || *at == '\\')
            fprintf(to, "\\%c", *at);
        else if (*at < 0x20)
            fprintf(to, "\\u%04x", *at);
        else
            fwrite(at, 1, (size_t)length, to);
        at += length > 0 ? length : 1;
    }
    putc('"', to);
}

void jout_key(json_out *out, const char *key)
{
    begin_value(out);
    quoted(out->to, key);
    putc(':', out->to);
    out->comma = false;
}

void jout_text(json_out *out, const char *text)
{
    if (text == NULL) {
        jout_null(out);
        return;
    }
    begin_value(out);
    quoted(out->to, text);
}

void jout_int(json_out *out, int64_t value)
{
    begin_value(out);
    fprintf(out->to, "%" PRId64, value);
}

void jout_uint(json_out *out, uint64_t value)
{
    begin_value(out);
    fprintf(out->to, "%" PRIu64, value);
}

void jout_real(json_out *out, double value)
{
    begin_value(out);
    if (isfinite(value))
        fprintf(out->to, "%.9g", value);
    else
        fputs("null", out->to);
}

void jout_bool(json_out *out, bool value)
{
    begin_value(out);
    fputs(value ? "true" : "false", out->to);
}

void jout_null(json_out *out)
{
    begin_value(out);
    fputs("null", out->to);
}

void jout_line(json_out *out)
{
    putc('\n', out->to);
    out->comma = false;
}

/* -- Tensors ----------------------------------------------------------------------------------- */

static uint64_t load_bits(const void *data, int bits)
{
    uint64_t value = 0; /* little-endian */
    memcpy(&value, data, (size_t)bits / 8);
    return value;
}

/* IEEE 754 binary16. */
static double half_value(uint64_t bits)
{
    int exponent = (int)(bits >> 10 & 31);
    double fraction = (double)(bits & 1023), sign = bits >> 15 & 1 ? -1 : 1;
    if (exponent == 31)
        return fraction != 0 ? NAN : sign * INFINITY;
    if (exponent == 0)
        return sign * ldexp(fraction, -24);
    return sign * ldexp(fraction + 1024, exponent - 25);
}

static double float_value(const void *data, int code, int bits)
{
    if (code == SN_BFLOAT || bits == 32) {
        uint32_t word =
            (uint32_t)(code == SN_BFLOAT ? load_bits(data, 16) << 16 : load_bits(data, 32));
        float value;
        memcpy(&value, &word, sizeof value);
        return value;
    }
    if (bits == 64) {
        double value;
        memcpy(&value, data, sizeof value);
        return value;
    }
    return half_value(load_bits(data, 16));
}

static void write_element(json_out *out, sn_dtype dtype, const uint8_t *data)
{
    int bits = dtype.bits;
    uint64_t word;
    switch (dtype.code) {
    case SN_INT:
        word = load_bits(data, bits);
        jout_int(out, bits < 64 ? (int64_t)(word << (64 - bits)) >> (64 - bits) : (int64_t)word);
        break;
    case SN_UINT:
        jout_uint(out, load_bits(data, bits));
        break;
    case SN_BOOL:
        jout_bool(out, *data != 0);
        break;
    case SN_COMPLEX:
        jout_open(out, '[');
        jout_real(out, float_value(data, SN_FLOAT, bits / 2));
        jout_real(out, float_value(data + bits / 16, SN_FLOAT, bits / 2));
        jout_close(out, '[');
        break;
    default:
        jout_real(out, float_value(data, dtype.code, bits));
        break;
    }
}

/* Writes the part of dimension `dim` that starts at `data`; returns its end. At most SN_MAX_DIMS
 * deep. */
static const uint8_t *write_dimension(json_out *out, const sn_tensor *tensor, int32_t dim,
                                      const uint8_t *data)
{
    if (dim == tensor->ndim || dim == SN_MAX_DIMS) {
        write_element(out, tensor->dtype, data);
        return data + tensor->dtype.bits / 8;
    }
    jout_open(out, '[');
    for (int64_t i = 0; i < tensor->shape[dim]; i++)
        data = write_dimension(out, tensor, dim + 1, data);
    jout_close(out, '[');
    return data;
}

void jout_tensor(json_out *out, const sn_tensor *tensor)
{
    write_dimension(out, tensor, 0, tensor->data);
}
