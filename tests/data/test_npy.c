/* SPDX-License-Identifier: Apache-2.0 */
#include "base/npy.h"

#include "base/mem.h"
#include "base/tensor.h"
#include "data/support/faults.h"
#include "data/support/folder.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

/* A file image: prefix of format `major`, the header text as it is, `bytes` of data counting up. */
static size_t image(uint8_t *out, int major, const char *text, size_t bytes)
{
    size_t length = strlen(text), at = 8;
    memcpy(out, "\x93NUMPY", 6);
    out[6] = (uint8_t)major;
    out[7] = 0;
    for (int i = 0; i < (major == 1 ? 2 : 4); i++)
        out[at++] = (uint8_t)(length >> (8 * i));
    memcpy(out + at, text, length);
    at += length;
    for (size_t i = 0; i < bytes; i++)
        out[at++] = (uint8_t)i;
    return at;
}

/* The same with spaces behind the text up to a multiple of 64, as NumPy writes. */
static size_t padded_image(uint8_t *out, int major, const char *text, size_t bytes)
{
    char line[512];
    size_t prefix = major == 1 ? 10 : 12, length = strlen(text) + 1;
    length += (64 - (prefix + length) % 64) % 64;
    memset(line, ' ', length);
    memcpy(line, text, strlen(text));
    line[length - 1] = '\n';
    line[length] = '\0';
    return image(out, major, line, bytes);
}

static const struct {
    const char *text;
    const char *dtype;
    int32_t ndim;
    int64_t shape[4];
    size_t bytes;
} good[] = {
    { "{'descr': '<i4', 'fortran_order': False, 'shape': (2, 3), }",
      "int32",
      2,
      { 2, 3, 1, 1 },
      24 },
    { "{'descr': '<i4', 'fortran_order': False, 'shape': (2, 3)}", "int32", 2, { 2, 3, 1, 1 }, 24 },
    { "{'shape':(2,3,),'fortran_order':False,'descr':'<i4',}", "int32", 2, { 2, 3, 1, 1 }, 24 },
    { "  { \"descr\" : \"=i8\" ,\n'shape' : ( 2 , ) , 'fortran_order'\t:\rFalse } ",
      "int64",
      1,
      { 2, 1, 1, 1 },
      16 },
    { "{'descr': '|b1', 'fortran_order': False, 'shape': (), }", "bool", 0, { 1, 1, 1, 1 }, 1 },
    { "{'descr': '|i1', 'fortran_order': False, 'shape': (5,), }", "int8", 1, { 5, 1, 1, 1 }, 5 },
    { "{'descr': '<i1', 'fortran_order': False, 'shape': (5,), }", "int8", 1, { 5, 1, 1, 1 }, 5 },
    { "{'descr': '|u1', 'fortran_order': False, 'shape': (5,), }", "uint8", 1, { 5, 1, 1, 1 }, 5 },
    { "{'descr': '<i2', 'fortran_order': False, 'shape': (5,), }", "int16", 1, { 5, 1, 1, 1 }, 10 },
    { "{'descr': '<u2', 'fortran_order': False, 'shape': (5,), }",
      "uint16",
      1,
      { 5, 1, 1, 1 },
      10 },
    { "{'descr': '<u4', 'fortran_order': False, 'shape': (5,), }",
      "uint32",
      1,
      { 5, 1, 1, 1 },
      20 },
    { "{'descr': '<u8', 'fortran_order': False, 'shape': (5,), }",
      "uint64",
      1,
      { 5, 1, 1, 1 },
      40 },
    { "{'descr': '<f2', 'fortran_order': False, 'shape': (5,), }",
      "float16",
      1,
      { 5, 1, 1, 1 },
      10 },
    { "{'descr': '<f4', 'fortran_order': False, 'shape': (5,), }",
      "float32",
      1,
      { 5, 1, 1, 1 },
      20 },
    { "{'descr': '<f8', 'fortran_order': False, 'shape': (5,), }",
      "float64",
      1,
      { 5, 1, 1, 1 },
      40 },
    { "{'descr': '<c8', 'fortran_order': False, 'shape': (5,), }",
      "complex64",
      1,
      { 5, 1, 1, 1 },
      40 },
    { "{'descr': '<c16', 'fortran_order': False, 'shape': (5,), }",
      "complex128",
      1,
      { 5, 1, 1, 1 },
      80 },
    { "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3, 1, 2), }",
      "float32",
      4,
      { 2, 3, 1, 2 },
      48 },
    { "{'descr': '<f4', 'fortran_order': False, 'shape': (0, 7), }",
      "float32",
      2,
      { 0, 7, 1, 1 },
      0 },
    { "{'descr': '<f4', 'fortran_order': True, 'shape': (1, 7, 1), }",
      "float32",
      3,
      { 1, 7, 1, 1 },
      28 },
    { "{'descr': '<f4', 'fortran_order': True, 'shape': (0, 7), }",
      "float32",
      2,
      { 0, 7, 1, 1 },
      0 },
};

START_TEST(npy_header_in_every_accepted_form_is_read)
{
    uint8_t data[1024];
    sn__npy_header header;
    for (int major = 1; major <= 3; major++) {
        size_t bytes = padded_image(data, major, good[_i].text, good[_i].bytes);
        ck_ok(sn__npy_parse(data, bytes, bytes, "f.npy", &header));
        ck_assert_str_eq(sn_dtype_name(header.dtype), good[_i].dtype);
        ck_assert_int_eq(header.ndim, good[_i].ndim);
        ck_assert_mem_eq(header.shape, good[_i].shape, sizeof header.shape);
        ck_assert_uint_eq(header.data_offset, bytes - good[_i].bytes);
    }
}
END_TEST

#define HEAD "{'descr': '<i4', 'fortran_order': False, 'shape': "
static const struct {
    const char *text;
    const char *detail;
} bad[] = {
    { "", "header ends at character" },
    { "[]", "header has '[]          ' at character 0, expected '{'" },
    { "{", "header ends at character" },
    { "{,}", "expected a string" },
    { "{}", "lacks the key 'descr'" },
    { "{'descr': '<i4'}", "lacks the key 'fortran_order'" },
    { "{'descr': '<i4', 'fortran_order': False}", "lacks the key 'shape'" },
    { "{'fortran_order': False, 'shape': (3,)}", "lacks the key 'descr'" },
    { "{'descr': '<i4', 'descr': '<i4', 'fortran_order': False, 'shape': (3,)}", "'descr' twice" },
    { HEAD "(3,), 'more': 1}", "unknown key 'more'" },
    { HEAD "(3,)} x", "has 'x" },
    { HEAD "(3,) 'x'", "expected ',' or '}'" },
    { HEAD "(3,),,}", "expected a string" },
    { HEAD "(3)}", "shape (3) is not a tuple" },
    { HEAD "3}", "expected a tuple" },
    { HEAD "[3]}", "expected a tuple" },
    { HEAD "(-3,)}", "expected a dimension" },
    { HEAD "(+3,)}", "expected a dimension" },
    { HEAD "(3.0,)}", "expected ',' or ')'" },
    { HEAD "(3 4)}", "expected ',' or ')'" },
    { HEAD "(,)}", "expected a dimension" },
    { HEAD "(3,,)}", "expected a dimension" },
    { HEAD "(0x3,)}", "expected ',' or ')'" },
    { HEAD "(3,", "expected a dimension" },
    { HEAD "(9223372036854775808,)}", "expected a dimension below 2^63" },
    { HEAD "(99999999999999999999999999,)}", "expected a dimension below 2^63" },
    { HEAD "(9223372036854775807,)}", "overflows" },
    { HEAD "(4294967296, 4294967296)}", "overflows" },
    { HEAD "(0, 4294967296, 4294967296)}", "overflows" },
    { HEAD "(1, 1, 1, 1, 1)}", "more than 4 dimensions" },
    { HEAD "(2,)}", "12 bytes of data, shape (2,) of int32 needs 8" },
    { HEAD "(4,)}", "12 bytes of data, shape (4,) of int32 needs 16" },
    { HEAD "(2, 2)}", "12 bytes of data, shape (2, 2) of int32 needs 16" },
    { HEAD "()}", "needs 4" },
    { "{'descr': '>i4', 'fortran_order': False, 'shape': (3,)}", "type '>i4' is big-endian" },
    { "{'descr': '|i4', 'fortran_order': False, 'shape': (3,)}", "type '|i4' is not supported" },
    { "{'descr': '<V2', 'fortran_order': False, 'shape': (6,)}", "type '<V2' is not supported" },
    { "{'descr': '|V2', 'fortran_order': False, 'shape': (6,)}", "type '|V2' is not supported" },
    { "{'descr': '|O', 'fortran_order': False, 'shape': (3,)}", "type '|O' is not supported" },
    { "{'descr': '<U3', 'fortran_order': False, 'shape': (1,)}", "type '<U3' is not supported" },
    { "{'descr': '|S12', 'fortran_order': False, 'shape': (1,)}", "type '|S12' is not supported" },
    { "{'descr': '<M8[ns]', 'fortran_order': False, 'shape': (1,)}", "type '<M8[ns]' is not supp" },
    { "{'descr': '<f16', 'fortran_order': False, 'shape': (1,)}", "type '<f16' is not supported" },
    { "{'descr': 'i4', 'fortran_order': False, 'shape': (3,)}", "type 'i4' is not supported" },
    { "{'descr': '', 'fortran_order': False, 'shape': (3,)}", "type '' is not supported" },
    { "{'descr': [('a', '<i4')], 'fortran_order': False, 'shape': (3,)}", "structured" },
    { "{'descr': 4, 'fortran_order': False, 'shape': (3,)}", "expected a string" },
    { "{'descr': '<i\\x34', 'fortran_order': False, 'shape': (3,)}", "short plain string" },
    { "{'descr': '<i4\", 'fortran_order': False, 'shape': (3,)}",
      "type '<i4\", ' is not supported" },
    { "{'descr': '<i4', 'fortran_order': false, 'shape': (3,)}", "expected True or False" },
    { "{'descr': '<i4', 'fortran_order': 0, 'shape': (3,)}", "expected True or False" },
    { "{'descr': '<i4', 'fortran_order': Falsehood, 'shape': (3,)}", "expected ',' or '}'" },
    { "{'descr': '<i2', 'fortran_order': True, 'shape': (2, 3)}", "shape (2, 3) in Fortran order" },
    { "{'descr' '<i4'}", "expected ':'" },
    { "{descr: '<i4'}", "expected a string" },
    { "{'an unreasonably long key that nobody wants': 1}", "short plain string" },
    { "{'descr': '\x01\xff'}", "header has ''" },
};
#undef HEAD

START_TEST(npy_header_that_is_wrong_is_refused_by_name)
{
    uint8_t data[1024];
    sn__npy_header header = { .ndim = 77 };
    for (int major = 1; major <= 3; major++) {
        size_t bytes = padded_image(data, major, bad[_i].text, 12);
        ck_fails(sn__npy_parse(data, bytes, bytes, "dir/f.npy", &header), SN_E_FORMAT,
                 bad[_i].detail);
        check_detail("dir/f.npy: ", __FILE__, __LINE__);
    }
    ck_assert_int_eq(header.ndim, 77);
}
END_TEST

START_TEST(npy_data_that_is_not_aligned_is_refused)
{
    static const char text[] = "{'descr': '<i8', 'fortran_order': False, 'shape': (2,)}";
    uint8_t data[256];
    char spaced[128];
    sn__npy_header header;
    for (int spaces = 0; spaces < 16; spaces++) {
        snprintf(spaced, sizeof spaced, "%s%*s", text, spaces, "");
        size_t bytes = image(data, 1, spaced, 16);
        if ((10 + strlen(spaced)) % 8 == 0)
            ck_ok(sn__npy_parse(data, bytes, bytes, "f.npy", &header));
        else
            ck_fails(sn__npy_parse(data, bytes, bytes, "f.npy", &header), SN_E_FORMAT,
                     "f.npy: data of int64 begins at byte");
    }
}
END_TEST

START_TEST(npy_of_another_format_is_refused)
{
    uint8_t data[256];
    sn__npy_header header;
    size_t bytes =
        padded_image(data, 1, "{'descr': '<i4', 'fortran_order': False, 'shape': (3,)}", 12);
    ck_ok(sn__npy_parse(data, bytes, bytes, "f.npy", &header));
    data[6] = 4;
    ck_fails(sn__npy_parse(data, bytes, bytes, "f.npy", &header), SN_E_FORMAT, "format 4.0");
    data[6] = 0;
    ck_fails(sn__npy_parse(data, bytes, bytes, "f.npy", &header), SN_E_FORMAT, "format 0.0");
    data[6] = 2;
    data[7] = 1;
    ck_fails(sn__npy_parse(data, bytes, bytes, "f.npy", &header), SN_E_FORMAT, "format 2.1");
    data[5] = 'X';
    ck_fails(sn__npy_parse(data, bytes, bytes, "f.npy", &header), SN_E_FORMAT, "not an .npy file");
    put_text(in_folder("a.npy"), "PK\x03\x04 a zip, say");
    sn__npy npy;
    ck_fails(sn__npy_open(in_folder("a.npy"), &npy), SN_E_FORMAT, in_folder("a.npy"));
}
END_TEST

START_TEST(npy_file_cut_anywhere_is_refused)
{
    uint8_t data[256];
    sn__npy npy = { .data_offset = 77 };
    for (int major = 1; major <= 2; major++) {
        size_t bytes = padded_image(data, major,
                                    "{'descr': '<i4', 'fortran_order': False, 'shape': (3,)}", 12);
        for (size_t cut = 0; cut < bytes; cut++) {
            put_file(in_folder("cut.npy"), data, cut);
            ck_fails(sn__npy_open(in_folder("cut.npy"), &npy), SN_E_FORMAT, in_folder("cut.npy"));
        }
        put_file(in_folder("cut.npy"), data, bytes + 1);
        ck_fails(sn__npy_open(in_folder("cut.npy"), &npy), SN_E_FORMAT, "13 bytes of data");
    }
    ck_assert_uint_eq(npy.data_offset, 77);
    ck_assert_int_eq(count_mappings("cut.npy"), 0);
}
END_TEST

START_TEST(npy_header_parsed_from_the_start_of_a_file_knows_its_whole_size)
{
    uint8_t data[256];
    sn__npy_header header;
    size_t bytes =
        padded_image(data, 1, "{'descr': '<i4', 'fortran_order': False, 'shape': (3,)}", 12);
    ck_ok(sn__npy_parse(data, bytes - 12, bytes, "f.npy", &header));
    ck_assert_uint_eq(header.data_offset, bytes - 12);
    ck_fails(sn__npy_parse(data, bytes - 13, bytes, "f.npy", &header), SN_E_FORMAT,
             "ends inside its header");
}
END_TEST

START_TEST(npy_that_is_open_shows_the_data)
{
    uint8_t data[256];
    sn__npy npy;
    size_t bytes =
        padded_image(data, 1, "{'descr': '<i4', 'fortran_order': False, 'shape': (2, 3)}", 24);
    put_file(in_folder("a.npy"), data, bytes);
    int files = count_open_files();
    ck_ok(sn__npy_open(in_folder("a.npy"), &npy));
    ck_assert_int_eq(((const int32_t *)npy.view.data)[0], 0x03020100);
    ck_assert_int_eq(((const int32_t *)npy.view.data)[5], 0x17161514);
    ck_assert_int_eq(npy.view.shape[2], 1);
    ck_assert_int_eq(count_open_files(), files);
    sn__npy_close(&npy);
    sn__npy_close(&npy);
    ck_assert_int_eq(count_mappings("a.npy"), 0);
}
END_TEST

/* Every array that ships with the project is read, and has the size that its header says. */
START_TEST(npy_files_of_the_examples_are_read)
{
    static const char *const names[] = { "debian-packages/package_x.npy",
                                         "debian-packages/split_val.npy",
                                         "wordnet/edge_synset_train.npy", /* no comma at its end */
                                         "wordnet/edge_adj__pertainym__noun.npy" };
    const char *source = getenv("SEINE_SOURCE");
    ck_assert_ptr_nonnull(source);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        char path[700];
        sn__npy npy;
        snprintf(path, sizeof path, "%s/examples/data/%s", source, names[i]);
        ck_ok(sn__npy_open(path, &npy));
        ck_assert_uint_eq(npy.data_offset + (size_t)sn_tensor_bytes(&npy.view), npy.map.bytes);
        sn__npy_close(&npy);
    }
}
END_TEST

/* -- Output -- */

START_TEST(npy_out_writes_the_header_that_numpy_writes)
{
    static const char header[] = "\x93NUMPY\x01\x00\x76\x00"
                                 "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }";
    sn__npy_out out;
    size_t bytes;
    ck_ok(sn__npy_out_create(in_folder("a.npy"), (sn_dtype){ SN_FLOAT, 32 }, 2, (int64_t[]){ 2, 3 },
                             &out));
    for (int i = 0; i < 6; i++)
        ((float *)out.view.data)[i] = (float)i;
    ck_assert_uint_eq((uintptr_t)out.view.data % 64, 0);
    ck_ok(sn__npy_out_close(&out));
    char *text = get_file(in_folder("a.npy"), &bytes);
    ck_assert_uint_eq(bytes, 128 + 24);
    ck_assert_mem_eq(text, header, sizeof header - 1);
    for (size_t i = sizeof header - 1; i < 127; i++)
        ck_assert_int_eq(text[i], ' ');
    ck_assert_int_eq(text[127], '\n');
    float values[6];
    memcpy(values, text + 128, sizeof values);
    ck_assert_float_eq(values[5], 5.0f);
    free(text);
}
END_TEST

static const char *const dtypes[] = { "bool",    "int8",    "int16",     "int32",     "int64",
                                      "uint8",   "uint16",  "uint32",    "uint64",    "float16",
                                      "float32", "float64", "complex64", "complex128" };

START_TEST(npy_out_of_every_type_and_shape_reads_back)
{
    static const int64_t shapes[][4] = { { 0, 0, 0, 0 }, { 3, 0, 0, 0 }, { 2, 3, 0, 0 },
                                         { 2, 1, 3, 0 }, { 1, 2, 3, 4 }, { 0, 5, 0, 0 } };
    static const int32_t dims[] = { 0, 1, 2, 3, 4, 2 };
    sn_dtype dtype;
    ck_ok(sn_dtype_parse(dtypes[_i], &dtype));
    for (int s = 0; s < 6; s++) {
        const char *path = in_folder("%s-%d.npy", dtypes[_i], s);
        sn__npy_out out;
        sn__npy npy;
        ck_ok(sn__npy_out_create(path, dtype, dims[s], shapes[s], &out));
        size_t bytes = (size_t)sn_tensor_bytes(&out.view);
        memset(out.view.data, 0x5a, bytes);
        ck_ok(sn__npy_out_close(&out));
        ck_ok(sn__npy_open(path, &npy));
        ck_assert_str_eq(sn_dtype_name(npy.view.dtype), dtypes[_i]);
        ck_assert_int_eq(npy.view.ndim, dims[s]);
        ck_assert_mem_eq(npy.view.shape, shapes[s], (size_t)dims[s] * 8);
        for (size_t i = 0; i < bytes; i++)
            ck_assert_int_eq(((const uint8_t *)npy.view.data)[i], 0x5a);
        sn__npy_close(&npy);
    }
}
END_TEST

/* The longest header that a shape with a legal size can have still fits. */
START_TEST(npy_out_with_long_dimensions_fits_its_header)
{
    sn__npy_out out;
    sn__npy_header header;
    int64_t shape[] = { 1000000000, 1000000000, 9, 1 };
    ck_ok(sn__npy_out_create(in_folder("a.npy"), (sn_dtype){ SN_INT, 8 }, 4,
                             (int64_t[]){ 100, 10, 9, 1 }, &out));
    for (int i = 0; i < 4; i++)
        out.view.shape[i] = shape[i];
    ck_ok(sn__npy_out_shrink(&out, 999999999));
    size_t claimed = 128 + (size_t)999999999 * 1000000000 * 9;
    ck_ok(sn__npy_parse(out.base, 128, claimed, "f.npy", &header));
    ck_assert_int_eq(header.shape[0], 999999999);
    ck_assert_int_eq(header.shape[1], 1000000000);
    out.view.shape[0] = 1; /* or the close would make a file of that size */
    out.view.shape[1] = 1;
    ck_ok(sn__npy_out_close(&out));
}
END_TEST

START_TEST(npy_out_that_is_shrunk_keeps_the_first_rows)
{
    sn__npy_out out;
    sn__npy npy;
    size_t bytes;
    ck_ok(sn__npy_out_create(in_folder("a.npy"), (sn_dtype){ SN_INT, 64 }, 2,
                             (int64_t[]){ 100000, 2 }, &out));
    int64_t *data = out.view.data;
    for (int64_t i = 0; i < 200000; i++)
        data[i] = i;
    ck_ok(sn__npy_out_shrink(&out, 7));
    data[13] = -1; /* still mapped */
    ck_fails(sn__npy_out_shrink(&out, 8), SN_E_INVALID, "a.npy: cannot shrink to 8 rows");
    ck_fails(sn__npy_out_shrink(&out, -1), SN_E_INVALID, "cannot shrink to -1 rows");
    ck_ok(sn__npy_out_close(&out));
    free(get_file(in_folder("a.npy"), &bytes));
    ck_assert_uint_eq(bytes, 128 + 7 * 16);
    ck_ok(sn__npy_open(in_folder("a.npy"), &npy));
    ck_assert_int_eq(npy.view.shape[0], 7);
    ck_assert_int_eq(((const int64_t *)npy.view.data)[12], 12);
    ck_assert_int_eq(((const int64_t *)npy.view.data)[13], -1);
    sn__npy_close(&npy);
}
END_TEST

START_TEST(npy_out_of_one_value_has_no_rows_to_shrink)
{
    sn__npy_out out;
    ck_ok(sn__npy_out_create(in_folder("a.npy"), (sn_dtype){ SN_INT, 64 }, 0, NULL, &out));
    ck_fails(sn__npy_out_shrink(&out, 0), SN_E_INVALID, "cannot shrink");
    ck_ok(sn__npy_out_close(&out));
}
END_TEST

START_TEST(npy_out_closed_twice_or_never_opened_is_fine)
{
    sn__npy_out out = { 0 };
    int files = count_open_files();
    ck_ok(sn__npy_out_close(&out));
    ck_assert_int_eq(count_open_files(), files); /* file 0 is not ours */
    ck_ok(sn__npy_out_create(in_folder("a.npy"), (sn_dtype){ SN_INT, 64 }, 1, (int64_t[]){ 3 },
                             &out));
    ck_ok(sn__npy_out_close(&out));
    ck_ok(sn__npy_out_close(&out));
    ck_assert_int_eq(count_open_files(), files);
    ck_assert_int_eq(count_mappings("a.npy"), 0);
}
END_TEST

START_TEST(npy_out_that_cannot_be_is_refused)
{
    static const sn_dtype int64 = { SN_INT, 64 };
    sn__npy_out out = { .fd = 77 };
    put_text(in_folder("there.npy"), "mine");
    ck_fails(sn__npy_out_create(in_folder("a.npy"), (sn_dtype){ SN_BFLOAT, 16 }, 1,
                                (int64_t[]){ 3 }, &out),
             SN_E_UNSUPPORTED, "a.npy: .npy files have no type for 'bfloat16'");
    ck_fails(sn__npy_out_create(in_folder("a.npy"), (sn_dtype){ 9, 9 }, 1, (int64_t[]){ 3 }, &out),
             SN_E_UNSUPPORTED, "'?'");
    ck_fails(sn__npy_out_create(in_folder("a.npy"), int64, 1, (int64_t[]){ -3 }, &out),
             SN_E_INVALID, "a.npy: impossible shape");
    ck_fails(sn__npy_out_create(in_folder("a.npy"), int64, 5, (int64_t[]){ 1, 1, 1, 1, 1 }, &out),
             SN_E_INVALID, "impossible shape");
    ck_fails(sn__npy_out_create(in_folder("a.npy"), (sn_dtype){ SN_INT, 8 }, 1,
                                (int64_t[]){ INT64_MAX }, &out),
             SN_E_INVALID, "impossible shape");
    ck_fails(sn__npy_out_create(in_folder("there.npy"), int64, 1, (int64_t[]){ 3 }, &out),
             SN_E_SYSTEM, "there.npy: cannot create: File exists");
    ck_fails(sn__npy_out_create(in_folder("absent/a.npy"), int64, 1, (int64_t[]){ 3 }, &out),
             SN_E_SYSTEM, "absent/a.npy");
    ck_assert_int_eq(out.fd, 77);
    ck_assert_str_eq(list_dir(in_folder("%s", "")), "there.npy");
}
END_TEST

/* More than any disk: the error comes from the system itself, at once, and no file stays. */
START_TEST(npy_out_larger_than_the_disk_fails_before_it_is_written)
{
    sn__npy_out out;
    signal(SIGXFSZ, SIG_IGN); /* if this process has a limit for files, too */
    ck_fails(sn__npy_out_create(in_folder("a.npy"), (sn_dtype){ SN_INT, 8 }, 2,
                                (int64_t[]){ INT64_C(1) << 31, INT64_C(1) << 30 }, &out),
             SN_E_SYSTEM, "a.npy: cannot reserve 2305843009213694080 bytes");
    ck_assert_str_eq(list_dir(in_folder("%s", "")), "");
}
END_TEST

static const struct {
    enum fault call;
    int error;
    sn_status status;
} steps[] = { { FAULT_calloc, ENOMEM, SN_E_NOMEM },
              { FAULT_open, EMFILE, SN_E_SYSTEM },
              { FAULT_posix_fallocate, ENOSPC, SN_E_SYSTEM },
              { FAULT_mmap, ENODEV, SN_E_SYSTEM } };

START_TEST(npy_out_when_a_step_fails_leaves_nothing)
{
    sn__npy_out out = { .fd = 77 };
    int files = count_open_files();
    fault_arm(steps[_i].call, 1, 0, steps[_i].error);
    sn_status status =
        sn__npy_out_create(in_folder("a.npy"), (sn_dtype){ SN_INT, 64 }, 1, (int64_t[]){ 3 }, &out);
    ck_assert_int_eq(fault_disarm(), 1);
    ck_assert_int_eq(status, steps[_i].status);
    if (status == SN_E_SYSTEM)
        check_detail(in_folder("a.npy"), __FILE__, __LINE__);
    ck_assert_int_eq(out.fd, 77);
    ck_assert_int_eq(count_open_files(), files);
    ck_assert_str_eq(list_dir(in_folder("%s", "")), "");
}
END_TEST

START_TEST(npy_out_goes_on_when_the_reservation_is_interrupted)
{
    sn__npy_out out;
    fault_arm(FAULT_posix_fallocate, 1, 1, EINTR);
    ck_ok(sn__npy_out_create(in_folder("a.npy"), (sn_dtype){ SN_INT, 64 }, 1, (int64_t[]){ 3 },
                             &out));
    ck_assert_int_eq(fault_disarm(), 2);
    ck_ok(sn__npy_out_close(&out));
}
END_TEST

static const enum fault close_steps[] = { FAULT_ftruncate, FAULT_close };

START_TEST(npy_out_that_cannot_be_closed_says_so_and_leaves_no_descriptor)
{
    sn__npy_out out;
    int files = count_open_files();
    ck_ok(sn__npy_out_create(in_folder("a.npy"), (sn_dtype){ SN_INT, 64 }, 1, (int64_t[]){ 3 },
                             &out));
    ck_ok(sn__npy_out_shrink(&out, 1));
    fault_arm(close_steps[_i], 1, 0, EIO);
    ck_fails(sn__npy_out_close(&out), SN_E_SYSTEM, in_folder("a.npy"));
    ck_assert_int_eq(fault_disarm(), 1);
    ck_ok(sn__npy_out_close(&out));
    ck_assert_int_eq(count_open_files(), files);
    ck_assert_int_eq(count_mappings("a.npy"), 0);
}
END_TEST

int main(void)
{
    TCase *cases = tcase_create("npy");
    tcase_add_loop_test(cases, npy_header_in_every_accepted_form_is_read, 0,
                        sizeof good / sizeof good[0]);
    tcase_add_loop_test(cases, npy_header_that_is_wrong_is_refused_by_name, 0,
                        sizeof bad / sizeof bad[0]);
    tcase_add_test(cases, npy_data_that_is_not_aligned_is_refused);
    tcase_add_test(cases, npy_of_another_format_is_refused);
    tcase_add_test(cases, npy_file_cut_anywhere_is_refused);
    tcase_add_test(cases, npy_header_parsed_from_the_start_of_a_file_knows_its_whole_size);
    tcase_add_test(cases, npy_that_is_open_shows_the_data);
    tcase_add_test(cases, npy_files_of_the_examples_are_read);
    tcase_add_test(cases, npy_out_writes_the_header_that_numpy_writes);
    tcase_add_loop_test(cases, npy_out_of_every_type_and_shape_reads_back, 0,
                        sizeof dtypes / sizeof dtypes[0]);
    tcase_add_test(cases, npy_out_with_long_dimensions_fits_its_header);
    tcase_add_test(cases, npy_out_that_is_shrunk_keeps_the_first_rows);
    tcase_add_test(cases, npy_out_of_one_value_has_no_rows_to_shrink);
    tcase_add_test(cases, npy_out_closed_twice_or_never_opened_is_fine);
    tcase_add_test(cases, npy_out_that_cannot_be_is_refused);
    tcase_add_test(cases, npy_out_larger_than_the_disk_fails_before_it_is_written);
    tcase_add_loop_test(cases, npy_out_when_a_step_fails_leaves_nothing, 0,
                        sizeof steps / sizeof steps[0]);
    tcase_add_test(cases, npy_out_goes_on_when_the_reservation_is_interrupted);
    tcase_add_loop_test(cases, npy_out_that_cannot_be_closed_says_so_and_leaves_no_descriptor, 0,
                        sizeof close_steps / sizeof close_steps[0]);
    return run_in_folder("npy", cases);
}
