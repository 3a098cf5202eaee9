/* SPDX-License-Identifier: Apache-2.0 */
/* The writer of JSON by itself; jansson reads what it wrote. */
#include "base/run.h"

#include "tools/seine/json_out.h"

#include <jansson.h>
#include <math.h>
#include <string.h>

static char *text;
static size_t text_bytes;

static json_out begin(void)
{
    json_out out = { .to = open_memstream(&text, &text_bytes) };
    ck_assert_ptr_nonnull(out.to);
    return out;
}

/* Closes the stream and checks its text. */
static void expect(json_out *out, const char *want)
{
    ck_assert_int_eq(fclose(out->to), 0);
    ck_assert_str_eq(text, want);
    json_t *value = json_loads(text, JSON_DECODE_ANY | JSON_DECODE_INT_AS_REAL, NULL);
    ck_assert_msg(value != NULL, "no JSON: %s", text);
    json_decref(value);
    free(text);
}

START_TEST(json_of_nested_values_has_commas_between_them_only)
{
    json_out out = begin();
    jout_open(&out, '{');
    jout_key(&out, "a");
    jout_open(&out, '[');
    jout_int(&out, INT64_MIN);
    jout_uint(&out, UINT64_MAX);
    jout_bool(&out, true);
    jout_null(&out);
    jout_open(&out, '[');
    jout_close(&out, '[');
    jout_close(&out, '[');
    jout_key(&out, "b");
    jout_open(&out, '{');
    jout_close(&out, '{');
    jout_key(&out, "c");
    jout_text(&out, NULL);
    jout_close(&out, '{');
    jout_line(&out);
    expect(&out, "{\"a\":[-9223372036854775808,18446744073709551615,true,null,[]],\"b\":{},"
                 "\"c\":null}\n");
}
END_TEST

START_TEST(json_of_any_bytes_is_a_string)
{
    static const struct {
        const char *bytes, *want;
    } table[] = {
        { "", "\"\"" },
        { "a\"b\\c", "\"a\\\"b\\\\c\"" },
        { "\x01\n\t\x1f", "\"\\u0001\\u000a\\u0009\\u001f\"" },
        { "caf\xc3\xa9 \xe2\x82\xac \xf0\x9f\x90\x9f",
          "\"caf\xc3\xa9 \xe2\x82\xac \xf0\x9f\x90\x9f\"" },
        { "\xff|\xc3|\xe2\x82|\x80", "\"\\ufffd|\\ufffd|\\ufffd\\ufffd|\\ufffd\"" },
        { "\xc0\x80", "\"\\ufffd\\ufffd\"" },                       /* overlong */
        { "\xed\xa0\x80", "\"\\ufffd\\ufffd\\ufffd\"" },            /* a surrogate */
        { "\xf4\x90\x80\x80", "\"\\ufffd\\ufffd\\ufffd\\ufffd\"" }, /* beyond U+10FFFF */
        { "\xe0\x80\xaf", "\"\\ufffd\\ufffd\\ufffd\"" },
        { "\xf0\x80\x80\xaf", "\"\\ufffd\\ufffd\\ufffd\\ufffd\"" },
    };
    json_out out = begin();
    jout_text(&out, table[_i].bytes);
    expect(&out, table[_i].want);
}
END_TEST

START_TEST(json_of_reals_has_nine_digits_and_null_for_what_is_no_number)
{
    json_out out = begin();
    static const double values[] = { 0, -0.0, 1.0 / 3, 1e300, -1e-300, 123456789012.0, 5e-324 };
    jout_open(&out, '[');
    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++)
        jout_real(&out, values[i]);
    jout_real(&out, NAN);
    jout_real(&out, INFINITY);
    jout_real(&out, -INFINITY);
    jout_close(&out, '[');
    ck_assert_int_eq(fclose(out.to), 0);
    ck_assert_str_eq(text, "[0,-0,0.333333333,1e+300,-1e-300,1.23456789e+11,4.94065646e-324,null,"
                           "null,null]");
    free(text);
}
END_TEST

static void expect_tensor(sn_dtype dtype, int32_t ndim, const int64_t *shape, const void *data,
                          const char *want)
{
    sn_tensor tensor = { .dtype = dtype, .ndim = ndim, .shape = { 1, 1, 1, 1 } };
    char copy[256];
    memcpy(copy, data, sizeof copy);
    tensor.data = copy;
    for (int32_t i = 0; i < ndim; i++)
        tensor.shape[i] = shape[i];
    json_out out = begin();
    jout_tensor(&out, &tensor);
    expect(&out, want);
}

START_TEST(json_of_tensors_of_any_type_has_their_values)
{
    union {
        char bytes[256];
        int8_t i8[8];
        int16_t i16[4];
        int32_t i32[4];
        int64_t i64[4];
        uint8_t u8[8];
        uint64_t u64[4];
        uint16_t half[8];
        float f32[8];
        double f64[8];
    } data;
    const int64_t two[] = { 2 }, six[] = { 6 };
#define SET(member, ...)                                               \
    memset(&data, 0, sizeof data);                                     \
    memcpy(data.member, (__typeof__(data.member[0])[]){ __VA_ARGS__ }, \
           sizeof((__typeof__(data.member[0])[]){ __VA_ARGS__ }))
    SET(i8, -128, 127);
    expect_tensor((sn_dtype){ SN_INT, 8 }, 1, two, &data, "[-128,127]");
    SET(i16, -32768, 5);
    expect_tensor((sn_dtype){ SN_INT, 16 }, 1, two, &data, "[-32768,5]");
    SET(i32, INT32_MIN, INT32_MAX);
    expect_tensor((sn_dtype){ SN_INT, 32 }, 1, two, &data, "[-2147483648,2147483647]");
    SET(i64, INT64_MIN, INT64_MAX);
    expect_tensor((sn_dtype){ SN_INT, 64 }, 1, two, &data,
                  "[-9223372036854775808,9223372036854775807]");
    SET(u8, 0, 255);
    expect_tensor((sn_dtype){ SN_UINT, 8 }, 1, two, &data, "[0,255]");
    expect_tensor((sn_dtype){ SN_BOOL, 8 }, 1, two, &data, "[false,true]");
    SET(u64, 0, UINT64_MAX);
    expect_tensor((sn_dtype){ SN_UINT, 64 }, 1, two, &data, "[0,18446744073709551615]");
    SET(f32, 0.1f, -3);
    expect_tensor((sn_dtype){ SN_FLOAT, 32 }, 1, two, &data, "[0.100000001,-3]");
    SET(f64, 0.1, NAN);
    expect_tensor((sn_dtype){ SN_FLOAT, 64 }, 1, two, &data, "[0.1,null]");
    SET(half, 0x3c00, 0xc000, 0x0001, 0x7c00, 0x7e00, 0x3555);
    expect_tensor((sn_dtype){ SN_FLOAT, 16 }, 1, six, &data,
                  "[1,-2,5.96046448e-08,null,null,0.333251953]");
    SET(half, 0x3f80, 0xc040, 0x7f80, 0x7fc0, 0x0000, 0x3eab);
    expect_tensor((sn_dtype){ SN_BFLOAT, 16 }, 1, six, &data, "[1,-3,null,null,0,0.333984375]");
    SET(f32, 1, 2, -0.5f, INFINITY);
    expect_tensor((sn_dtype){ SN_COMPLEX, 64 }, 1, two, &data, "[[1,2],[-0.5,null]]");
    SET(f64, 1, 2, -0.5, 4);
    expect_tensor((sn_dtype){ SN_COMPLEX, 128 }, 1, two, &data, "[[1,2],[-0.5,4]]");
#undef SET
}
END_TEST

START_TEST(json_of_tensors_of_any_shape_is_arrays_of_rows)
{
    int32_t data[64];
    for (int32_t i = 0; i < 64; i++)
        data[i] = i;
    const sn_dtype type = { SN_INT, 32 };
    expect_tensor(type, 2, (const int64_t[]){ 2, 3 }, data, "[[0,1,2],[3,4,5]]");
    expect_tensor(type, 3, (const int64_t[]){ 2, 1, 2 }, data, "[[[0,1]],[[2,3]]]");
    expect_tensor(type, 4, (const int64_t[]){ 1, 2, 1, 1 }, data, "[[[[0]],[[1]]]]");
    expect_tensor(type, 1, (const int64_t[]){ 0 }, data, "[]");
    expect_tensor(type, 2, (const int64_t[]){ 2, 0 }, data, "[[],[]]");
    expect_tensor(type, 2, (const int64_t[]){ 0, 7 }, data, "[]");
    expect_tensor(type, 0, NULL, data, "0");
}
END_TEST

int main(void)
{
    TCase *cases = tcase_create("json_out");
    tcase_add_test(cases, json_of_nested_values_has_commas_between_them_only);
    tcase_add_loop_test(cases, json_of_any_bytes_is_a_string, 0, 10);
    tcase_add_test(cases, json_of_reals_has_nine_digits_and_null_for_what_is_no_number);
    tcase_add_test(cases, json_of_tensors_of_any_type_has_their_values);
    tcase_add_test(cases, json_of_tensors_of_any_shape_is_arrays_of_rows);
    return run_cases("json_out", cases);
}
