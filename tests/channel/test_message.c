/* SPDX-License-Identifier: Apache-2.0 */
/* Messages: round trips, and readers that believe nothing. */
#include "base/run.h"
#include "channel/letter.h"

#include "base/tensor.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>

static const sn_dtype float32 = { SN_FLOAT, 32 }, int64 = { SN_INT, 64 };
static const char *const types[] = { "bool",    "int8",    "int16",    "int32",     "int64",
                                     "uint8",   "uint16",  "uint32",   "uint64",    "float16",
                                     "float32", "float64", "bfloat16", "complex64", "complex128" };
enum { TYPES = sizeof types / sizeof *types };

/* What every reader must see of a letter. */
static void check_read(const letter *sent)
{
    sn__message_header header;
    ck_assert_int_eq(sn__message_read(sent->bytes, sent->num_bytes, &header), SN_OK);
    ck_assert_uint_eq(header.bytes, sent->num_bytes);
    ck_assert_uint_eq(header.plan, UINT64_C(0x1122334455667788));
    ck_assert_uint_eq(header.seed, sent->info.seed);
    ck_assert_uint_eq(header.epoch, sent->info.epoch);
    ck_assert_uint_eq(header.batch, sent->info.batch);
    ck_assert_uint_eq(header.flags, sent->info.flags);
    ck_assert_int_eq(header.tensors, sent->info.tensors);
    ck_assert_int_eq(header.num_nodes, sent->info.num_nodes);
    ck_assert_int_eq(header.num_edges, sent->info.num_edges);
    ck_assert_uint_eq(header.payload_at % SN__MESSAGE_ALIGN, 0);
    for (int32_t i = 0; i < sent->info.tensors; i++) {
        sn_tensor view;
        const char *name;
        const sn_tensor *tensor = &sent->tensors[i];
        ck_assert_int_eq(sn__message_tensor_at(sent->bytes, &header, (uint32_t)i, &view, &name),
                         SN_OK);
        ck_assert_str_eq(name, sent->names[i]);
        ck_assert_int_eq(view.dtype.code, tensor->dtype.code);
        ck_assert_int_eq(view.dtype.bits, tensor->dtype.bits);
        ck_assert_int_eq(view.ndim, tensor->ndim);
        ck_assert_mem_eq(view.shape, tensor->shape, sizeof view.shape);
        ck_assert_ptr_eq(view.data, sent->bytes + header.payload_at + (uintptr_t)tensor->data);
        ck_assert_int_eq(sn__message_tensor_at(sent->bytes, &header, (uint32_t)i, &view, NULL),
                         SN_OK);
    }
    ck_assert(letter_is_accepted(sent->bytes, sent->num_bytes));
}

START_TEST(message_of_any_type_and_rank_comes_back)
{
    static const int64_t shape[] = { 3, 2, 5, 1 };
    sn_dtype dtype;
    ck_assert_int_eq(sn_dtype_parse(types[_i / 5], &dtype), SN_OK);
    letter sent = { .info = { .seed = 1,
                              .epoch = 2,
                              .batch = 3,
                              .flags = SN_BATCH_PADDED,
                              .num_nodes = 5,
                              .num_edges = -1 } };
    letter_add(&sent, "x", dtype, _i % 5, shape);
    letter_write(&sent);
    check_read(&sent);
    letter_free(&sent);
}
END_TEST

START_TEST(message_of_many_tensors_and_of_none_comes_back)
{
    char names[LETTER_TENSORS][16];
    for (int32_t tensors = 0; tensors <= LETTER_TENSORS; tensors++) {
        letter sent = { .info = { .seed = UINT64_MAX, .num_nodes = INT64_MAX } };
        for (int32_t i = 0; i < tensors; i++) {
            snprintf(names[i], sizeof names[i], "%.*s", i % 15, "abcdefghijklmno");
            letter_add(&sent, names[i], float32, 2, (int64_t[]){ i, 7 });
        }
        letter_write(&sent);
        check_read(&sent);
        letter_free(&sent);
    }
}
END_TEST

START_TEST(message_of_zero_rows_comes_back)
{
    static const int64_t shapes[][SN_MAX_DIMS] = {
        { 0, 1, 1, 1 }, { 0, 128, 1, 1 }, { 4, 0, 3, 1 }, { 0, 0, 0, 0 }, { 0, INT32_MAX, 9, 1 }
    };
    letter sent = { .info = { 0 } };
    for (int32_t i = 0; i < 5; i++)
        letter_add(&sent, "empty", int64, 1 + i * 3 / 4, shapes[i]);
    letter_add(&sent, "last", int64, 1, (int64_t[]){ 1 });
    letter_write(&sent);
    check_read(&sent);
    letter_free(&sent);
}
END_TEST

/* The same batch is the same bytes, wherever it is written. */
START_TEST(message_leaves_no_byte_before_the_payload_as_it_was)
{
    letter sent = { .info = { .batch = 9 } };
    letter_add(&sent, "weight", float32, 1, (int64_t[]){ 3 });
    letter_write(&sent);
    sn__message_source source = { .info = &sent.info,
                                  .tensors = sent.tensors,
                                  .names = sent.names,
                                  .names_bytes = sent.names_bytes,
                                  .plan = UINT64_C(0x1122334455667788),
                                  .payload_bytes = sent.payload_bytes };
    _Alignas(64) uint8_t other[1024] = { 0 };
    size_t before = sn__message_payload_at(1, sent.names_bytes);
    sn__message_write(&source, other);
    ck_assert_mem_eq(other, sent.bytes, before);
    letter_free(&sent);
}
END_TEST

/* -- Bytes of a peer --------------------------------------------------------------------------- */

static letter common_letter(void)
{
    letter sent = { .info = { .seed = 4, .num_nodes = 9, .num_edges = 8 } };
    letter_add(&sent, "x", float32, 2, (int64_t[]){ 9, 4 });
    letter_add(&sent, "row", int64, 1, (int64_t[]){ 8 });
    letter_add(&sent, "none", int64, 3, (int64_t[]){ 0, 3, 2 });
    letter_add(&sent, "one", int64, 0, NULL);
    letter_write(&sent);
    return sent;
}

START_TEST(message_with_any_byte_changed_is_refused_or_harmless)
{
    letter sent = common_letter();
    size_t before = sn__message_payload_at(sent.info.tensors, sent.names_bytes), accepted = 0;
    for (size_t i = 0; i < before; i++) {
        uint8_t was = sent.bytes[i];
        for (int value = 0; value < 256; value++) {
            sent.bytes[i] = (uint8_t)value;
            accepted += letter_is_accepted(sent.bytes, sent.num_bytes);
        }
        sent.bytes[i] = was;
    }
    /* What is no length and no offset may be anything: plan, seed to batch, flags, nodes and edges,
     * the row of a tensor without rows, letters of names and what pads them. All else has few values
     * that fit. */
    size_t numbers = 8 + 3 * 8 + 4 + 2 * 8, row = 2 * 8;
    size_t table = sizeof(sn__message_header) + 4 * sizeof(sn__message_tensor);
    ck_assert_uint_ge(accepted, numbers * 256);
    ck_assert_uint_lt(accepted, (numbers + row + before - table) * 256 + table);
    letter_free(&sent);
}
END_TEST

/* Every word of header and table as the numbers at which sums and products break. */
START_TEST(message_with_any_word_changed_is_refused_or_harmless)
{
    static const uint64_t values[] = { 0,
                                       1,
                                       2,
                                       63,
                                       64,
                                       65,
                                       88,
                                       127,
                                       128,
                                       1 << 16,
                                       INT32_MAX,
                                       UINT64_C(1) << 31,
                                       UINT32_MAX,
                                       UINT64_C(1) << 32,
                                       UINT64_C(1) << 58,
                                       UINT64_C(1) << 61,
                                       INT64_MAX,
                                       UINT64_C(1) << 63,
                                       UINT64_MAX - 63,
                                       UINT64_MAX };
    letter sent = common_letter();
    size_t words = sn__message_payload_at(sent.info.tensors, 0) / 8;
    for (size_t i = 0; i < words; i++)
        for (size_t width = 4; width <= 8; width += 4)
            for (size_t at = i * 8; at < i * 8 + 8; at += width)
                for (size_t v = 0; v < sizeof values / sizeof *values; v++) {
                    uint64_t was;
                    memcpy(&was, sent.bytes + at, width);
                    memcpy(sent.bytes + at, &values[v], width);
                    (void)letter_is_accepted(sent.bytes, sent.num_bytes);
                    uint64_t near = was + values[v]; /* and by as much more than it was */
                    memcpy(sent.bytes + at, &near, width);
                    (void)letter_is_accepted(sent.bytes, sent.num_bytes);
                    memcpy(sent.bytes + at, &was, width);
                }
    check_read(&sent);
    letter_free(&sent);
}
END_TEST

START_TEST(message_cut_anywhere_is_refused)
{
    letter sent = common_letter();
    for (size_t bytes = 0; bytes < sent.num_bytes; bytes++) {
        uint8_t *cut = malloc(bytes > 0 ? bytes : 1);
        memcpy(cut, sent.bytes, bytes);
        sn__message_header header = { .plan = 5 };
        ck_assert_int_eq(sn__message_read(cut, bytes, &header), SN_E_CORRUPT);
        ck_assert_uint_eq(header.plan, 5);
        free(cut);
    }
    letter_free(&sent);
}
END_TEST

typedef struct bad_tensor {
    const char *what;
    size_t offset, bytes;
    uint64_t value;
} bad_tensor;

#define FIELD(name, value)                                                                 \
    {                                                                                      \
#        name, offsetof(sn__message_tensor, name), sizeof((sn__message_tensor){ 0 }.name), \
            (uint64_t)(value)                                                              \
    }
#define DIM(d, value)                                                                \
    {                                                                                \
        "shape", offsetof(sn__message_tensor, shape) + 8 * (d), 8, (uint64_t)(value) \
    }

/* Tensor 0 is "x", float32 of 9 times 4, the first of the payload. */
static const bad_tensor bad_tensors[] = {
    FIELD(offset, 1),
    FIELD(offset, 63),
    FIELD(offset, UINT64_MAX - 63),
    FIELD(offset, 1 << 20),
    FIELD(bytes, 143),
    FIELD(bytes, 145),
    FIELD(bytes, UINT64_MAX),
    FIELD(ndim, -1),
    FIELD(ndim, 0),
    FIELD(ndim, 1),
    FIELD(ndim, 5),
    FIELD(ndim, INT32_MIN),
    DIM(0, 8),
    DIM(0, -1),
    DIM(0, INT64_MAX),
    DIM(1, -4),
    DIM(2, 0),
    DIM(2, 2),
    DIM(3, -1),
    FIELD(code, 3),
    FIELD(code, 255),
    FIELD(bits, 0),
    FIELD(bits, 4),
    FIELD(bits, 33),
    FIELD(bits, 128),
    FIELD(lanes, 0),
    FIELD(lanes, 2),
    FIELD(name_at, 1 << 10),
    FIELD(name_at, UINT32_MAX),
    FIELD(name_bytes, 2), /* "x" ends before */
    FIELD(name_bytes, UINT32_MAX),
};

START_TEST(message_with_a_bad_tensor_is_refused_with_its_number)
{
    const bad_tensor *bad = &bad_tensors[_i];
    letter sent = common_letter();
    sn__message_header header;
    sn_tensor view = { .ndim = 3 };
    const char *name = "untouched";
    memcpy(sent.bytes + sizeof header + bad->offset, &bad->value, bad->bytes);
    ck_assert_int_eq(sn__message_read(sent.bytes, sent.num_bytes, &header), SN_OK);
    ck_assert_msg(sn__message_tensor_at(sent.bytes, &header, 0, &view, &name) == SN_E_CORRUPT,
                  "%s as %llu was accepted", bad->what, (unsigned long long)bad->value);
    ck_assert_ptr_nonnull(strstr(sn_error_detail(), "tensor 0"));
    ck_assert_int_eq(view.ndim, 3);
    ck_assert_str_eq(name, "untouched");
    ck_assert_int_eq(sn__message_tensor_at(sent.bytes, &header, 1, &view, NULL), SN_OK);
    letter_free(&sent);
}
END_TEST

/* Rows of no tensor are none, but their size still is a number for whoever asks for it. */
START_TEST(message_with_an_empty_tensor_of_impossible_rows_is_refused)
{
    letter sent = common_letter();
    sn__message_header header;
    sn_tensor view;
    const int64_t shape[] = { 0, INT64_MAX / 2, INT64_MAX / 2, 1 };
    size_t at = sizeof header + 2 * sizeof(sn__message_tensor);
    memcpy(sent.bytes + at + offsetof(sn__message_tensor, shape), shape, sizeof shape);
    ck_assert_int_eq(sn__message_read(sent.bytes, sent.num_bytes, &header), SN_OK);
    ck_assert_int_eq(sn__message_tensor_at(sent.bytes, &header, 2, &view, NULL), SN_E_CORRUPT);
    letter_free(&sent);
}
END_TEST

/* The header alone decides; of a message this large nothing else would be here to read. */
START_TEST(message_header_with_more_tensors_than_can_be_is_refused)
{
    sn__message_header header = { .magic = SN__MESSAGE_MAGIC,
                                  .version = SN__MESSAGE_VERSION,
                                  .bytes = UINT64_C(1) << 62,
                                  .tensors = UINT32_MAX, /* as a signed number: -1 */
                                  .payload_at = 64 },
                       out;
    ck_assert_int_eq(sn__message_read((const uint8_t *)&header, SIZE_MAX, &out), SN_E_CORRUPT);
    header.tensors = 0;
    header.payload_at = sn__message_payload_at(0, 0);
    ck_assert_int_eq(sn__message_read((const uint8_t *)&header, SIZE_MAX, &out), SN_OK);
    header.names_bytes = header.bytes + 1;
    ck_assert_int_eq(sn__message_read((const uint8_t *)&header, SIZE_MAX, &out), SN_E_CORRUPT);
}
END_TEST

START_TEST(message_with_a_name_that_does_not_end_is_refused)
{
    letter sent = { .info = { 0 } };
    letter_add(&sent, "last", int64, 1, (int64_t[]){ 1 });
    letter_write(&sent);
    sn__message_header header;
    sn_tensor view;
    size_t names = sizeof header + sizeof(sn__message_tensor);
    ck_assert_int_eq(sn__message_read(sent.bytes, sent.num_bytes, &header), SN_OK);
    ck_assert_int_eq(sn__message_tensor_at(sent.bytes, &header, 0, &view, NULL), SN_OK);
    memset(sent.bytes + names, 'n', sent.num_bytes - names);
    ck_assert_int_eq(sn__message_tensor_at(sent.bytes, &header, 0, &view, NULL), SN_E_CORRUPT);
    letter_free(&sent);
}
END_TEST

int main(void)
{
    TCase *cases = tcase_create("message");
    tcase_set_timeout(cases, 60);
    tcase_add_loop_test(cases, message_of_any_type_and_rank_comes_back, 0, TYPES * 5);
    tcase_add_test(cases, message_of_many_tensors_and_of_none_comes_back);
    tcase_add_test(cases, message_of_zero_rows_comes_back);
    tcase_add_test(cases, message_leaves_no_byte_before_the_payload_as_it_was);
    tcase_add_test(cases, message_with_any_byte_changed_is_refused_or_harmless);
    tcase_add_test(cases, message_with_any_word_changed_is_refused_or_harmless);
    tcase_add_test(cases, message_cut_anywhere_is_refused);
    tcase_add_loop_test(cases, message_with_a_bad_tensor_is_refused_with_its_number, 0,
                        sizeof bad_tensors / sizeof *bad_tensors);
    tcase_add_test(cases, message_with_an_empty_tensor_of_impossible_rows_is_refused);
    tcase_add_test(cases, message_header_with_more_tensors_than_can_be_is_refused);
    tcase_add_test(cases, message_with_a_name_that_does_not_end_is_refused);
    return run_cases("message", cases);
}
