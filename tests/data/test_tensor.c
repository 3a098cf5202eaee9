/* SPDX-License-Identifier: Apache-2.0 */
#include "base/tensor.h"

#include "data/support/faults.h"
#include "data/support/folder.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static const struct {
    const char *name;
    sn_dtype dtype;
    size_t bytes, align;
} types[] = {
    { "bool", { 6, 8 }, 1, 1 },          { "int8", { 0, 8 }, 1, 1 },
    { "int16", { 0, 16 }, 2, 2 },        { "int32", { 0, 32 }, 4, 4 },
    { "int64", { 0, 64 }, 8, 8 },        { "uint8", { 1, 8 }, 1, 1 },
    { "uint16", { 1, 16 }, 2, 2 },       { "uint32", { 1, 32 }, 4, 4 },
    { "uint64", { 1, 64 }, 8, 8 },       { "float16", { 2, 16 }, 2, 2 },
    { "float32", { 2, 32 }, 4, 4 },      { "float64", { 2, 64 }, 8, 8 },
    { "bfloat16", { 4, 16 }, 2, 2 },     { "complex64", { 5, 64 }, 8, 4 },
    { "complex128", { 5, 128 }, 16, 8 },
};

START_TEST(dtype_of_every_kind_has_a_name_that_parses_back)
{
    sn_dtype dtype = { 99, 99 };
    ck_assert_str_eq(sn_dtype_name(types[_i].dtype), types[_i].name);
    ck_ok(sn_dtype_parse(types[_i].name, &dtype));
    ck_assert(sn__dtype_equal(dtype, types[_i].dtype));
    ck_assert_uint_eq(sn__dtype_bytes(dtype), types[_i].bytes);
    ck_assert_uint_eq(sn__dtype_align(dtype), types[_i].align);
}
END_TEST

START_TEST(dtype_that_is_unknown_is_refused)
{
    sn_dtype dtype = { 99, 99 };
    ck_fails(sn_dtype_parse("float", &dtype), SN_E_INVALID, "no type is named 'float'");
    ck_fails(sn_dtype_parse("", &dtype), SN_E_INVALID, "no type is named ''");
    ck_assert_int_eq(dtype.code, 99);
    ck_assert_str_eq(sn_dtype_name((sn_dtype){ SN_FLOAT, 8 }), "?");
    ck_assert_str_eq(sn_dtype_name((sn_dtype){ 3, 32 }), "?");
    ck_assert_uint_eq(sn__dtype_bytes((sn_dtype){ SN_INT, 24 }), 0);
}
END_TEST

START_TEST(tensor_sizes_are_products_of_the_shape)
{
    sn_tensor t = sn__tensor_make(NULL, (sn_dtype){ SN_FLOAT, 32 }, 3, (int64_t[]){ 5, 2, 3 });
    ck_assert_int_eq(t.shape[3], 1);
    ck_assert_int_eq(sn_tensor_count(&t), 30);
    ck_assert_int_eq(sn_tensor_bytes(&t), 120);
    ck_assert_int_eq(sn_tensor_row_bytes(&t), 24);
    t = sn__tensor_make(NULL, (sn_dtype){ SN_COMPLEX, 128 }, 0, NULL);
    ck_assert_int_eq(sn_tensor_count(&t), 1);
    ck_assert_int_eq(sn_tensor_bytes(&t), 16);
    ck_assert_int_eq(sn_tensor_row_bytes(&t), 16);
    t = sn__tensor_make(NULL, (sn_dtype){ SN_INT, 8 }, 2, (int64_t[]){ 0, 7 });
    ck_assert_int_eq(sn_tensor_bytes(&t), 0);
    ck_assert_int_eq(sn_tensor_row_bytes(&t), 7);
}
END_TEST

START_TEST(tensor_from_outside_is_checked)
{
    int data[6];
    sn_tensor t = { data, { SN_INT, 32 }, 2, { 2, 3, 1, 1 } };
    ck_ok(sn__tensor_check(&t, "x"));
    t.dtype.bits = 12;
    ck_fails(sn__tensor_check(&t, "x"), SN_E_INVALID, "x: no type has code 0 and 12 bits");
    t.dtype.bits = 32;
    t.ndim = 5;
    ck_fails(sn__tensor_check(&t, "x"), SN_E_INVALID, "x: 5 dimensions, not 0 to 4");
    t.ndim = -1;
    ck_fails(sn__tensor_check(&t, "x"), SN_E_INVALID, "x: -1 dimensions");
    t.ndim = 2;
    t.shape[1] = -3;
    ck_fails(sn__tensor_check(&t, "x"), SN_E_INVALID, "x: impossible shape (2, -3)");
    t.shape[1] = INT64_MAX / 4;
    ck_fails(sn__tensor_check(&t, "x"), SN_E_INVALID,
             "x: impossible shape (2, 2305843009213693951)");
    t.shape[0] = 0;
    t.shape[1] = 3;
    t.data = NULL;
    ck_ok(sn__tensor_check(&t, "x"));
    t.shape[0] = 2;
    ck_fails(sn__tensor_check(&t, "x"), SN_E_INVALID, "x: no data for 24 bytes");
}
END_TEST

START_TEST(shape_text_of_the_longest_shape_fits)
{
    char text[SN__SHAPE_TEXT];
    int64_t shape[] = { INT64_MIN, INT64_MIN, INT64_MIN, INT64_MIN };
    ck_assert_str_eq(sn__shape_text(4, shape, text),
                     "(-9223372036854775808, -9223372036854775808, -9223372036854775808, "
                     "-9223372036854775808)");
    ck_assert_str_eq(sn__shape_text(0, NULL, text), "()");
    ck_assert_str_eq(sn__shape_text(1, (int64_t[]){ 3 }, text), "(3,)");
}
END_TEST

static const int64_t sizes[] = { 0, 1, 7, 1000, (1 << 20) - 1, 1 << 20, (1 << 22) + 5 };

START_TEST(array_of_any_size_is_zeroed_aligned_and_writable)
{
    sn_array *array;
    ck_ok(sn_array_create((sn_dtype){ SN_UINT, 8 }, 1, &sizes[_i], &array));
    const sn_tensor *view = sn_array_view(array);
    ck_assert_int_eq(sn_tensor_bytes(view), sizes[_i]);
    ck_assert_uint_eq((uintptr_t)view->data % 64, 0);
    uint8_t *data = view->data;
    for (int64_t i = 0; i < sizes[_i]; i++)
        if (data[i] != 0)
            ck_abort_msg("byte %lld is %d", (long long)i, data[i]);
    memset(data, 0xff, (size_t)sizes[_i]);
    sn_array_release(array);
    sn_array_release(NULL);
}
END_TEST

START_TEST(array_that_cannot_be_is_refused)
{
    sn_array *array = NULL;
    sn_dtype dtype = { SN_INT, 64 };
    ck_fails(sn_array_create(dtype, 5, (int64_t[]){ 1, 1, 1, 1, 1 }, &array), SN_E_INVALID,
             "5 dimensions");
    ck_fails(sn_array_create(dtype, -1, NULL, &array), SN_E_INVALID, "-1 dimensions");
    ck_fails(sn_array_create(dtype, 1, (int64_t[]){ -1 }, &array), SN_E_INVALID, "shape (-1,)");
    ck_fails(sn_array_create(dtype, 2, (int64_t[]){ 1, INT64_MAX }, &array), SN_E_INVALID, "shape");
    ck_fails(sn_array_create((sn_dtype){ 7, 7 }, 1, (int64_t[]){ 1 }, &array), SN_E_INVALID, "'?'");
    ck_fails(sn_array_create(dtype, 1, (int64_t[]){ INT64_MAX / 8 }, &array), SN_E_NOMEM, "array");
    fault_arm(FAULT_calloc, 1, 0, ENOMEM);
    ck_assert_int_eq(sn_array_create(dtype, 1, (int64_t[]){ 1 }, &array), SN_E_NOMEM);
    fault_arm(FAULT_calloc, 2, 0, ENOMEM);
    ck_assert_int_eq(sn_array_create(dtype, 1, (int64_t[]){ 1 }, &array), SN_E_NOMEM);
    ck_assert_int_eq(fault_disarm(), 1);
    ck_assert_ptr_null(array);
}
END_TEST

START_TEST(array_that_is_saved_opens_as_it_was)
{
    sn_array *made, *read;
    ck_ok(sn_array_create((sn_dtype){ SN_FLOAT, 32 }, 2, (int64_t[]){ 3, 4 }, &made));
    float *values = sn_array_view(made)->data;
    for (int i = 0; i < 12; i++)
        values[i] = (float)i / 3;
    ck_ok(sn_tensor_save(sn_array_view(made), in_folder("a.npy")));
    ck_ok(sn_array_open(in_folder("a.npy"), &read));
    const sn_tensor *view = sn_array_view(read);
    ck_assert_str_eq(sn_dtype_name(view->dtype), "float32");
    ck_assert_int_eq(view->ndim, 2);
    ck_assert_mem_eq(view->data, values, 48);
    sn_array_release(read);
    ck_assert_int_eq(count_mappings("a.npy"), 0);
    ck_ok(sn_tensor_save(&(sn_tensor){ NULL, { SN_INT, 32 }, 2, { 0, 4, 1, 1 } },
                         in_folder("a.npy"))); /* replaces it */
    ck_ok(sn_array_open(in_folder("a.npy"), &read));
    ck_assert_int_eq(sn_array_view(read)->shape[0], 0);
    sn_array_release(read);
    sn_array_release(made);
    ck_assert_str_eq(list_dir(in_folder("%s", "")), "a.npy");
}
END_TEST

START_TEST(array_that_cannot_be_opened_names_the_file)
{
    sn_array *array = NULL;
    put_text(in_folder("a.npy"), "text");
    ck_fails(sn_array_open(in_folder("a.npy"), &array), SN_E_FORMAT, in_folder("a.npy"));
    ck_fails(sn_array_open(in_folder("b.npy"), &array), SN_E_SYSTEM, in_folder("b.npy"));
    ck_assert_ptr_null(array);
}
END_TEST

static const struct {
    enum fault call;
    int error;
} steps[] = { { FAULT_calloc, ENOMEM }, { FAULT_getrandom, EAGAIN },
              { FAULT_open, ENOSPC },   { FAULT_posix_fallocate, ENOSPC },
              { FAULT_mmap, ENOMEM },   { FAULT_fsync, EIO },
              { FAULT_close, EIO },     { FAULT_rename, EXDEV } };

START_TEST(save_that_fails_keeps_the_old_file_and_leaves_nothing)
{
    int64_t data[] = { 1, 2, 3 };
    sn_tensor tensor = { data, { SN_INT, 64 }, 1, { 3, 1, 1, 1 } };
    int files = count_open_files(), failures = 0;
    size_t bytes;
    put_text(in_folder("a.npy"), "old");
    for (int n = 1;; n++) {
        fault_arm(steps[_i].call, n, 0, steps[_i].error);
        sn_status status = sn_tensor_save(&tensor, in_folder("a.npy"));
        if (fault_disarm() == 0)
            break;
        ck_assert_int_ne(status, SN_OK);
        failures++;
        char *text = get_file(in_folder("a.npy"), &bytes);
        ck_assert_str_eq(text, "old");
        free(text);
        ck_assert_str_eq(list_dir(in_folder("%s", "")), "a.npy");
        ck_assert_int_eq(count_open_files(), files);
    }
    ck_assert_int_gt(failures, 0);
}
END_TEST

START_TEST(save_of_what_is_no_tensor_is_refused)
{
    sn_tensor tensor = { NULL, { SN_INT, 64 }, 1, { 3, 1, 1, 1 } };
    uint16_t half[3] = { 0 };
    sn_tensor bfloat = { half, { SN_BFLOAT, 16 }, 1, { 3, 1, 1, 1 } };
    ck_fails(sn_tensor_save(&tensor, in_folder("a.npy")), SN_E_INVALID, "a.npy: no data");
    ck_fails(sn_tensor_save(&bfloat, in_folder("a.npy")), SN_E_UNSUPPORTED, "bfloat16");
    ck_assert_str_eq(list_dir(in_folder("%s", "")), "");
}
END_TEST

int main(void)
{
    TCase *cases = tcase_create("tensor");
    tcase_add_loop_test(cases, dtype_of_every_kind_has_a_name_that_parses_back, 0,
                        sizeof types / sizeof types[0]);
    tcase_add_test(cases, dtype_that_is_unknown_is_refused);
    tcase_add_test(cases, tensor_sizes_are_products_of_the_shape);
    tcase_add_test(cases, tensor_from_outside_is_checked);
    tcase_add_test(cases, shape_text_of_the_longest_shape_fits);
    tcase_add_loop_test(cases, array_of_any_size_is_zeroed_aligned_and_writable, 0,
                        sizeof sizes / sizeof sizes[0]);
    tcase_add_test(cases, array_that_cannot_be_is_refused);
    tcase_add_test(cases, array_that_is_saved_opens_as_it_was);
    tcase_add_test(cases, array_that_cannot_be_opened_names_the_file);
    tcase_add_loop_test(cases, save_that_fails_keeps_the_old_file_and_leaves_nothing, 0,
                        sizeof steps / sizeof steps[0]);
    tcase_add_test(cases, save_of_what_is_no_tensor_is_refused);
    return run_in_folder("tensor", cases);
}
