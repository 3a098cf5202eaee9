/* SPDX-License-Identifier: Apache-2.0 */
/* Conversion of numbers: every pair of types at its borders, rounding, and what does not fit. */
#include "engine/data/convert.h"

#include "data/support/folder.h"
#include "import/make.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static sn_dtype type_of(const char *name)
{
    sn_dtype dtype;
    ck_ok(sn_dtype_parse(name, &dtype));
    return dtype;
}

/* -- float16 ----------------------------------------------------------------------------------- */

START_TEST(half_of_every_pattern_returns_to_itself)
{
    for (uint32_t h = 0; h < 0x10000; h++) {
        double value = sn__half_to_double((uint16_t)h);
        uint16_t back = sn__half_from_double(value);
        bool ok = isnan(value) ? (back & 0x7fff) > 0x7c00 : back == h;
        if (!ok)
            ck_abort_msg("%04x became %g became %04x", h, value, back);
    }
}
END_TEST

/* Neighbours, the middle between them, and the doubles beside the middle. */
START_TEST(half_between_two_numbers_rounds_to_nearest_even)
{
    for (uint32_t h = 0; h < 0x7c00; h++) {
        double low = sn__half_to_double((uint16_t)h);
        double high = h == 0x7bff ? 65536 : sn__half_to_double((uint16_t)(h + 1));
        double middle = (low + high) / 2;
        uint32_t even = h % 2 == 0 ? h : h + 1;
        bool ok = sn__half_from_double(middle) == even &&
                  sn__half_from_double(-middle) == (even | 0x8000) &&
                  sn__half_from_double(nextafter(middle, 0)) == h &&
                  sn__half_from_double(nextafter(middle, INFINITY)) == h + 1;
        if (!ok)
            ck_abort_msg("around %04x", h);
    }
}
END_TEST

START_TEST(half_of_known_numbers_is_right)
{
    static const struct {
        double value;
        uint16_t half;
    } cases[] = {
        { 1, 0x3c00 },        { -2, 0xc000 },          { 65504, 0x7bff },
        { 65519.99, 0x7bff }, { 65520, 0x7c00 },       { 1e300, 0x7c00 },
        { INFINITY, 0x7c00 }, { -INFINITY, 0xfc00 },   { 0x1p-14, 0x0400 },
        { 0x1p-24, 0x0001 },  { 0x1p-25, 0x0000 },     { 0x1.8p-25, 0x0001 },
        { 1.0 / 3, 0x3555 },  { 0.1, 0x2e66 },         { -0.0, 0x8000 },
        { 1e-300, 0x0000 },   { 0x1.ff8p-15, 0x03ff }, { 0x1.fffp-15, 0x0400 },
        { 2049, 0x6800 },     { 2051, 0x6802 },
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        ck_assert_msg(sn__half_from_double(cases[i].value) == cases[i].half, "%g", cases[i].value);
    ck_assert(isnan(sn__half_to_double(0x7e01)));
}
END_TEST

/* -- Every pair of integers -------------------------------------------------------------------- */

static const char *const integers[] = { "int8",  "int16",  "int32",  "int64",
                                        "uint8", "uint16", "uint32", "uint64" };
enum { INTEGERS = 8 };
__extension__ typedef __int128 wide;

static wide lowest(sn_dtype dtype)
{
    return dtype.code == SN_INT ? -((wide)1 << (dtype.bits - 1)) : 0;
}

static wide highest(sn_dtype dtype)
{
    return ((wide)1 << (dtype.bits - (dtype.code == SN_INT))) - 1;
}

static wide read_integer(sn_dtype dtype, const void *at)
{
    uint64_t bits = 0;
    memcpy(&bits, at, dtype.bits / 8); /* little-endian */
    wide value = bits;
    return dtype.code == SN_INT && bits >> (dtype.bits - 1) != 0 ? value - ((wide)1 << dtype.bits)
                                                                 : value;
}

START_TEST(integers_convert_exactly_or_not_at_all)
{
    for (int a = 0; a < INTEGERS; a++)
        for (int b = 0; b < INTEGERS; b++) {
            sn__convert convert = { .from = type_of(integers[a]), .to = type_of(integers[b]) };
            wide low = lowest(convert.to), high = highest(convert.to);
            wide values[] = { 0,
                              1,
                              -1,
                              low - 1,
                              low,
                              low + 1,
                              high - 1,
                              high,
                              high + 1,
                              lowest(convert.from),
                              highest(convert.from) };
            for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
                wide v = values[i];
                if (v < lowest(convert.from) || v > highest(convert.from))
                    continue;
                uint64_t in = (uint64_t)v, out = 0;
                int64_t done = sn__convert_run(&convert, &in, &out, 1);
                bool fits = v >= low && v <= high;
                if (done != fits || (fits && read_integer(convert.to, &out) != v))
                    ck_abort_msg("%s to %s, value %zu", integers[a], integers[b], i);
            }
        }
}
END_TEST

START_TEST(floats_convert_to_integers_by_nearest_even)
{
    static const struct {
        double value;
        const char *to;
        int64_t done, result;
    } cases[] = {
        { 2.5, "int8", 1, 2 },
        { 3.5, "int8", 1, 4 },
        { -2.5, "int64", 1, -2 },
        { 127.4, "int8", 1, 127 },
        { 127.5, "int8", 0, 0 },
        { -128.5, "int8", 1, -128 },
        { -128.6, "int8", 0, 0 },
        { -0.5, "uint8", 1, 0 },
        { -0.6, "uint8", 0, 0 },
        { 255.5, "uint8", 0, 0 },
        { 65535.4, "uint16", 1, 65535 },
        { 0x1p63, "int64", 0, 0 },
        { -0x1p63, "int64", 1, INT64_MIN },
        { 0x1p64, "uint64", 0, 0 },
        { 0x1.fffffffffffffp63, "uint64", 1, (int64_t)0xfffffffffffff800 },
        { NAN, "int32", 0, 0 },
        { INFINITY, "int32", 0, 0 },
        { -INFINITY, "uint32", 0, 0 },
        { 4294967295.0, "uint32", 1, 4294967295 },
        { 32767.5, "int16", 0, 0 },
        { -2147483648.5, "int32", 1, INT32_MIN },
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        sn__convert convert = { .from = type_of("float64"), .to = type_of(cases[i].to) };
        uint64_t out = 0;
        ck_assert_int_eq(sn__convert_run(&convert, &cases[i].value, &out, 1), cases[i].done);
        if (cases[i].done == 1)
            ck_assert_msg((int64_t)read_integer(convert.to, &out) == cases[i].result, "case %zu",
                          i);
    }
}
END_TEST

/* -- To floats --------------------------------------------------------------------------------- */

START_TEST(integers_convert_to_floats_with_one_rounding)
{
    /* Just above the middle of two float32: through float64 it would fall on the middle, then to
     * even. */
    int64_t big = ((int64_t)1 << 60) + ((int64_t)1 << 36) + 1;
    uint64_t huge = UINT64_MAX;
    float out;
    double wide_out;
    sn__convert convert = { .from = type_of("int64"), .to = type_of("float32") };
    ck_assert_int_eq(sn__convert_run(&convert, &big, &out, 1), 1);
    ck_assert(out == 0x1.000002p60f);
    convert.from = type_of("uint64");
    ck_assert_int_eq(sn__convert_run(&convert, &huge, &out, 1), 1);
    ck_assert(out == 0x1p64f);
    convert.to = type_of("float64");
    ck_assert_int_eq(sn__convert_run(&convert, &huge, &wide_out, 1), 1);
    ck_assert(wide_out == 0x1p64);
}
END_TEST

START_TEST(floats_that_would_become_infinite_do_not_fit)
{
    double in[] = { 1, INFINITY, -INFINITY, NAN, 3.5e38, 1 };
    float out[6];
    uint16_t half[6];
    sn__convert convert = { .from = type_of("float64"), .to = type_of("float32") };
    ck_assert_int_eq(sn__convert_run(&convert, in, out, 6), 4);
    ck_assert(isinf(out[1]) && isinf(out[2]) && isnan(out[3]));
    convert.to = type_of("float16");
    in[4] = 65519;
    ck_assert_int_eq(sn__convert_run(&convert, in, half, 6), 6);
    in[5] = -65520;
    ck_assert_int_eq(sn__convert_run(&convert, in, half, 6), 5);
    ck_assert_int_eq(half[4], 0x7bff);
    int32_t integer = 70000;
    convert.from = type_of("int32");
    ck_assert_int_eq(sn__convert_run(&convert, &integer, half, 1), 0);
}
END_TEST

START_TEST(scale_multiplies_in_float64_before_rounding)
{
    int8_t in[] = { 1, -3, 127, -128 };
    float out[4];
    int16_t rounded[4];
    sn__convert convert = { type_of("int8"), type_of("float32"), true, 0.015625 };
    ck_assert_int_eq(sn__convert_run(&convert, in, out, 4), 4);
    ck_assert(out[0] == 0x1p-6f && out[1] == -3 * 0x1p-6f && out[2] == 127 * 0x1p-6f &&
              out[3] == -2);
    convert.to = type_of("int16");
    convert.scale = 0.5;
    ck_assert_int_eq(sn__convert_run(&convert, in, rounded, 4), 4);
    ck_assert_int_eq(rounded[0], 0); /* half way: to even */
    ck_assert_int_eq(rounded[1], -2);
    ck_assert_int_eq(rounded[2], 64);
    convert.scale = 300;
    ck_assert_int_eq(sn__convert_run(&convert, in, rounded, 4), 2);
    float f = 0.1f;
    double d;
    sn__convert widen = { type_of("float32"), type_of("float64"), true, 10 };
    ck_assert_int_eq(sn__convert_run(&widen, &f, &d, 1), 1);
    ck_assert(d == (double)0.1f * 10);
}
END_TEST

START_TEST(blocks_of_any_length_convert_every_element)
{
    enum { MOST = 1600 };
    static uint16_t in[MOST];
    static double out[MOST];
    for (int i = 0; i < MOST; i++)
        in[i] = (uint16_t)(i * 37);
    sn__convert convert = { .from = type_of("uint16"), .to = type_of("float64") };
    for (int64_t n = 0; n <= MOST; n += n < 5 ? 1 : 511) {
        memset(out, 0, sizeof out);
        ck_assert_int_eq(sn__convert_run(&convert, in, out, n), n);
        for (int i = 0; i < MOST; i++)
            if (out[i] != (i < n ? in[i] : 0))
                ck_abort_msg("element %d of %d", i, (int)n);
    }
}
END_TEST

START_TEST(bool_converts_from_but_not_to)
{
    uint8_t in[] = { 0, 1, 7 };
    int32_t out[3];
    sn__convert convert = { .from = type_of("bool"), .to = type_of("int32") };
    ck_assert(sn__convert_possible(&convert));
    ck_assert_int_eq(sn__convert_run(&convert, in, out, 3), 3);
    ck_assert(out[0] == 0 && out[1] == 1 && out[2] == 1);
    convert.to = type_of("bool");
    ck_assert(!sn__convert_possible(&convert));
    convert = (sn__convert){ .from = type_of("complex64"), .to = type_of("float32") };
    ck_assert(!sn__convert_possible(&convert));
    convert = (sn__convert){ .from = type_of("bfloat16"), .to = type_of("float32") };
    ck_assert(!sn__convert_possible(&convert));
}
END_TEST

int main(void)
{
    TCase *cases = tcase_create("convert");
    tcase_add_test(cases, half_of_every_pattern_returns_to_itself);
    tcase_add_test(cases, half_between_two_numbers_rounds_to_nearest_even);
    tcase_add_test(cases, half_of_known_numbers_is_right);
    tcase_add_test(cases, integers_convert_exactly_or_not_at_all);
    tcase_add_test(cases, floats_convert_to_integers_by_nearest_even);
    tcase_add_test(cases, integers_convert_to_floats_with_one_rounding);
    tcase_add_test(cases, floats_that_would_become_infinite_do_not_fit);
    tcase_add_test(cases, scale_multiplies_in_float64_before_rounding);
    tcase_add_test(cases, blocks_of_any_length_convert_every_element);
    tcase_add_test(cases, bool_converts_from_but_not_to);
    return run_in_folder("convert", cases);
}
