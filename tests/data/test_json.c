/* SPDX-License-Identifier: Apache-2.0 */
/* Typed members of JSON objects, and hashes. */
#include "base/json.h"

#include "base/hash.h"
#include "data/support/faults.h"
#include "data/support/folder.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static json_t *parse(const char *text)
{
    json_t *root;
    ck_ok(sn__json_parse(text, strlen(text), "m.json", &root));
    return root;
}

START_TEST(json_that_is_loaded_keeps_its_members)
{
    json_t *root;
    put_text(in_folder("m.json"), "{\"a\": 9223372036854775807}\n");
    ck_ok(sn__json_load(in_folder("m.json"), &root));
    ck_assert_int_eq(json_integer_value(json_object_get(root, "a")), INT64_MAX);
    json_decref(root);
}
END_TEST

static const struct {
    const char *text, *detail;
} broken[] = {
    { "", "m.json: line 1" },
    { "{", "m.json: line 1" },
    { "{\n\"a\": 1,\n}", "m.json: line 3" },
    { "[]", "m.json: not a JSON object" },
    { "{\"a\": 1, \"a\": 2}", "duplicate" },
    { "{\"a\": 9223372036854775808}", "too big" },
    { "{\"a\": \"\\u0000\"}", "m.json: line 1" },
    { "{\"a\": \"\xff\"}", "unable to decode byte 0xff" },
    { "{} x", "m.json: line 1" },
    { "{\"a\": NaN}", "m.json: line 1" },
};

START_TEST(json_that_is_broken_is_refused_with_its_line)
{
    json_t *root = NULL;
    put_text(in_folder("m.json"), broken[_i].text);
    ck_fails(sn__json_load(in_folder("m.json"), &root), SN_E_FORMAT, broken[_i].detail);
    check_detail(in_folder("m.json"), __FILE__, __LINE__);
    ck_assert_ptr_null(root);
}
END_TEST

START_TEST(json_that_is_no_file_is_refused)
{
    json_t *root = NULL;
    ck_fails(sn__json_load(in_folder("absent"), &root), SN_E_SYSTEM, "absent");
    ck_fails(sn__json_load(in_folder("%s", ""), &root), SN_E_SYSTEM, "directory");
    put_file(in_folder("zero"), "{}\0", 3);
    ck_fails(sn__json_load(in_folder("zero"), &root), SN_E_FORMAT, "byte 2 is zero");
    put_text(in_folder("fine"), "{}");
    fault_arm(FAULT_calloc, 1, 100, ENOMEM);
    sn_status status = sn__json_load(in_folder("fine"), &root);
    fault_disarm();
    ck_assert_int_eq(status, SN_E_NOMEM);
    ck_assert_ptr_null(root);
}
END_TEST

#define EVERY                                                                                \
    "{\"o\": {}, \"a\": [], \"s\": \"t\", \"i\": 5, \"r\": 1.5, \"t\": true, \"f\": false, " \
    "\"n\": null}"

START_TEST(members_of_the_right_type_are_given)
{
    json_t *root = parse(EVERY), *value;
    const char *text;
    int64_t number;
    double real;
    bool yes;
    ck_ok(sn__json_object(root, "o", "w", &value));
    ck_assert_ptr_eq(value, json_object_get(root, "o"));
    ck_ok(sn__json_object_opt(root, "o", "w", &value));
    ck_assert_ptr_eq(value, json_object_get(root, "o"));
    ck_ok(sn__json_array(root, "a", "w", &value));
    ck_assert_ptr_eq(value, json_object_get(root, "a"));
    ck_ok(sn__json_array_opt(root, "a", "w", &value));
    ck_assert_ptr_eq(value, json_object_get(root, "a"));
    ck_ok(sn__json_string(root, "s", "w", &text));
    ck_assert_str_eq(text, "t");
    ck_ok(sn__json_string_opt(root, "s", "w", &text));
    ck_assert_str_eq(text, "t");
    ck_ok(sn__json_int(root, "i", "w", 5, 5, &number));
    ck_assert_int_eq(number, 5);
    ck_ok(sn__json_int_opt(root, "i", "w", 0, 9, 7, &number));
    ck_assert_int_eq(number, 5);
    ck_ok(sn__json_number_opt(root, "i", "w", 7, &real));
    ck_assert_double_eq(real, 5.0);
    ck_ok(sn__json_number_opt(root, "r", "w", 7, &real));
    ck_assert_double_eq(real, 1.5);
    ck_ok(sn__json_bool_opt(root, "t", "w", false, &yes));
    ck_assert(yes);
    ck_ok(sn__json_bool_opt(root, "f", "w", true, &yes));
    ck_assert(!yes);
    json_decref(root);
}
END_TEST

START_TEST(members_that_are_missing_are_absent_or_an_error)
{
    json_t *root = parse("{}"), *value = root;
    const char *text = "unset";
    int64_t number = 3;
    double real;
    bool yes;
    ck_fails(sn__json_object(root, "k", "m.json: x", &value), SN_E_FORMAT,
             "m.json: x: 'k' is missing");
    ck_fails(sn__json_array(root, "k", "m.json: x", &value), SN_E_FORMAT,
             "m.json: x: 'k' is missing");
    ck_fails(sn__json_string(root, "k", "m.json: x", &text), SN_E_FORMAT,
             "m.json: x: 'k' is missing");
    ck_fails(sn__json_int(root, "k", "m.json: x", 0, 9, &number), SN_E_FORMAT, "'k' is missing");
    ck_assert_ptr_eq(value, root);
    ck_assert_str_eq(text, "unset");
    ck_assert_int_eq(number, 3);
    ck_ok(sn__json_object_opt(root, "k", "w", &value));
    ck_assert_ptr_null(value);
    value = root;
    ck_ok(sn__json_array_opt(root, "k", "w", &value));
    ck_assert_ptr_null(value);
    ck_ok(sn__json_string_opt(root, "k", "w", &text));
    ck_assert_ptr_null(text);
    ck_ok(
        sn__json_int_opt(root, "k", "w", 0, 9, 77, &number)); /* the default need not be in range */
    ck_assert_int_eq(number, 77);
    ck_ok(sn__json_number_opt(root, "k", "w", 0.5, &real));
    ck_assert_double_eq(real, 0.5);
    ck_ok(sn__json_bool_opt(root, "k", "w", true, &yes));
    ck_assert(yes);
    json_decref(root);
}
END_TEST

static const struct {
    const char *key, *is;
} kinds[] = { { "o", "an object" },  { "a", "an array" },      { "s", "a string" },
              { "i", "an integer" }, { "r", "a real number" }, { "t", "a boolean" },
              { "f", "a boolean" },  { "n", "null" } };

START_TEST(members_of_another_type_are_an_error_that_says_both)
{
    const char *key = kinds[_i].key;
    json_t *root = parse(EVERY), *value = NULL;
    const char *text = NULL;
    int64_t number = 0;
    double real = 0;
    bool yes = false;
    char expected[100];
    snprintf(expected, sizeof expected, "w: '%s' is %s, expected ", key, kinds[_i].is);
    if (*key != 'o') {
        ck_fails(sn__json_object(root, key, "w", &value), SN_E_FORMAT, expected);
        ck_fails(sn__json_object_opt(root, key, "w", &value), SN_E_FORMAT, "expected an object");
    }
    if (*key != 'a') {
        ck_fails(sn__json_array(root, key, "w", &value), SN_E_FORMAT, expected);
        ck_fails(sn__json_array_opt(root, key, "w", &value), SN_E_FORMAT, "expected an array");
    }
    if (*key != 's') {
        ck_fails(sn__json_string(root, key, "w", &text), SN_E_FORMAT, expected);
        ck_fails(sn__json_string_opt(root, key, "w", &text), SN_E_FORMAT, "expected a string");
    }
    if (*key != 'i') {
        ck_fails(sn__json_int(root, key, "w", 0, 9, &number), SN_E_FORMAT, expected);
        ck_fails(sn__json_int_opt(root, key, "w", 0, 9, 1, &number), SN_E_FORMAT, "an integer");
    }
    if (*key != 'i' && *key != 'r')
        ck_fails(sn__json_number_opt(root, key, "w", 0, &real), SN_E_FORMAT, expected);
    if (*key != 't' && *key != 'f')
        ck_fails(sn__json_bool_opt(root, key, "w", true, &yes), SN_E_FORMAT, expected);
    json_decref(root);
}
END_TEST

START_TEST(integers_outside_their_range_are_an_error)
{
    json_t *root = parse("{\"k\": 10}");
    int64_t number = 3;
    ck_fails(sn__json_int(root, "k", "w", 0, 9, &number), SN_E_FORMAT,
             "w: 'k' is 10, expected 0 to 9");
    ck_fails(sn__json_int(root, "k", "w", 11, 20, &number), SN_E_FORMAT, "expected 11 to 20");
    ck_fails(sn__json_int_opt(root, "k", "w", 11, 20, 1, &number), SN_E_FORMAT, "'k' is 10");
    ck_assert_int_eq(number, 3);
    json_decref(root);
}
END_TEST

/* The values that xxh128sum prints. */
START_TEST(hash_is_xxh3_128_with_the_high_half_first)
{
    char hex[SN__HASH_HEX];
    sn__hash_hex("", 0, hex);
    ck_assert_str_eq(hex, "99aa06d3014798d86001c324468d497f");
    sn__hash_hex("seine", 5, hex);
    ck_assert_str_eq(hex, "e08d001c8fd29b47f472e2e2a7b410fd");
}
END_TEST

START_TEST(hash_in_pieces_is_the_hash_of_the_whole)
{
    enum { BYTES = 5000 };
    uint8_t data[BYTES];
    char whole[SN__HASH_HEX], pieces[SN__HASH_HEX];
    for (int i = 0; i < BYTES; i++)
        data[i] = (uint8_t)(i * i >> 3);
    sn__hash_hex(data, BYTES, whole);
    for (size_t step = 1; step < 3000; step = step * 3 + 1) {
        sn__hash hash;
        ck_ok(sn__hash_begin(&hash));
        for (size_t at = 0; at < BYTES; at += step) {
            sn__hash_add(&hash, data + at, BYTES - at < step ? BYTES - at : step);
            sn__hash_add(&hash, NULL, 0);
        }
        sn__hash_end(&hash, pieces);
        ck_assert_str_eq(pieces, whole);
    }
    sn__hash hash;
    fault_arm(FAULT_XXH3_createState, 1, 0, ENOMEM);
    ck_fails(sn__hash_begin(&hash), SN_E_NOMEM, "hash");
    fault_disarm();
}
END_TEST

int main(void)
{
    TCase *cases = tcase_create("json");
    tcase_add_test(cases, json_that_is_loaded_keeps_its_members);
    tcase_add_loop_test(cases, json_that_is_broken_is_refused_with_its_line, 0,
                        sizeof broken / sizeof broken[0]);
    tcase_add_test(cases, json_that_is_no_file_is_refused);
    tcase_add_test(cases, members_of_the_right_type_are_given);
    tcase_add_test(cases, members_that_are_missing_are_absent_or_an_error);
    tcase_add_loop_test(cases, members_of_another_type_are_an_error_that_says_both, 0,
                        sizeof kinds / sizeof kinds[0]);
    tcase_add_test(cases, integers_outside_their_range_are_an_error);
    tcase_add_test(cases, hash_is_xxh3_128_with_the_high_half_first);
    tcase_add_test(cases, hash_in_pieces_is_the_hash_of_the_whole);
    return run_in_folder("json", cases);
}
