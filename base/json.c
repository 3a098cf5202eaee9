/* SPDX-License-Identifier: Apache-2.0 */
/* Reading JSON. Every error is one line: "<where>: '<key>' is a string, expected an integer". */
#include "base/json.h"

#include "base/file.h"
#include "base/mem.h"

#include <inttypes.h>
#include <string.h>

enum { LARGEST_FILE = 256 << 20 }; /* more is no description of a dataset */

sn_status sn__json_parse(const char *text, size_t bytes, const char *path, json_t **out)
{
    json_error_t error;
    json_t *root = json_loadb(text, bytes, JSON_REJECT_DUPLICATES, &error);
    if (root == NULL) /* without memory jansson gives up before it has a text */
        return error.text[0] == '\0' || json_error_code(&error) == json_error_out_of_memory
                   ? sn__fail(SN_E_NOMEM, "%s: out of memory", path)
                   : sn__fail(SN_E_FORMAT, "%s: line %d: %s", path, error.line, error.text);
    if (!json_is_object(root)) {
        json_decref(root);
        return sn__fail(SN_E_FORMAT, "%s: not a JSON object", path);
    }
    *out = root;
    return SN_OK;
}

sn_status sn__json_load(const char *path, json_t **out)
{
    char *text;
    size_t bytes;
    SN_TRY(sn__file_read(path, LARGEST_FILE, &text, &bytes));
    sn_status st = sn__json_parse(text, bytes, path, out);
    sn__mem_free(text);
    return st;
}

static const char *type_name(const json_t *value)
{
    switch (json_typeof(value)) {
    case JSON_OBJECT:
        return "an object";
    case JSON_ARRAY:
        return "an array";
    case JSON_STRING:
        return "a string";
    case JSON_INTEGER:
        return "an integer";
    case JSON_REAL:
        return "a real number";
    case JSON_TRUE:
    case JSON_FALSE:
        return "a boolean";
    default:
        return "null";
    }
}

static sn_status wrong_type(const json_t *value, const char *key, const char *where,
                            const char *expected)
{
    return sn__fail(SN_E_FORMAT, "%s: '%s' is %s, expected %s", where, key, type_name(value),
                    expected);
}

static sn_status missing(const char *key, const char *where)
{
    return sn__fail(SN_E_FORMAT, "%s: '%s' is missing", where, key);
}

static sn_status get_container(const json_t *object, const char *key, const char *where,
                               json_type type, bool optional, json_t **out)
{
    json_t *value = json_object_get(object, key);
    if (value == NULL && !optional)
        return missing(key, where);
    if (value != NULL && json_typeof(value) != type)
        return wrong_type(value, key, where, type == JSON_OBJECT ? "an object" : "an array");
    *out = value;
    return SN_OK;
}

sn_status sn__json_object(const json_t *object, const char *key, const char *where, json_t **out)
{
    return get_container(object, key, where, JSON_OBJECT, false, out);
}

sn_status sn__json_object_opt(const json_t *object, const char *key, const char *where,
                              json_t **out)
{
    return get_container(object, key, where, JSON_OBJECT, true, out);
}

sn_status sn__json_array(const json_t *object, const char *key, const char *where, json_t **out)
{
    return get_container(object, key, where, JSON_ARRAY, false, out);
}

sn_status sn__json_array_opt(const json_t *object, const char *key, const char *where, json_t **out)
{
    return get_container(object, key, where, JSON_ARRAY, true, out);
}

sn_status sn__json_string_opt(const json_t *object, const char *key, const char *where,
                              const char **out)
{
    const json_t *value = json_object_get(object, key);
    if (value != NULL && !json_is_string(value))
        return wrong_type(value, key, where, "a string");
    *out = json_string_value(value); /* NULL for NULL */
    return SN_OK;
}

sn_status sn__json_string(const json_t *object, const char *key, const char *where,
                          const char **out)
{
    if (json_object_get(object, key) == NULL)
        return missing(key, where);
    return sn__json_string_opt(object, key, where, out);
}

sn_status sn__json_int_opt(const json_t *object, const char *key, const char *where, int64_t least,
                           int64_t most, int64_t absent, int64_t *out)
{
    const json_t *value = json_object_get(object, key);
    if (value == NULL) {
        *out = absent;
        return SN_OK;
    }
    if (!json_is_integer(value))
        return wrong_type(value, key, where, "an integer");
    int64_t number = json_integer_value(value);
    if (number < least || number > most)
        return sn__fail(SN_E_FORMAT, "%s: '%s' is %" PRId64 ", expected %" PRId64 " to %" PRId64,
                        where, key, number, least, most);
    *out = number;
    return SN_OK;
}

sn_status sn__json_int(const json_t *object, const char *key, const char *where, int64_t least,
                       int64_t most, int64_t *out)
{
    if (json_object_get(object, key) == NULL)
        return missing(key, where);
    return sn__json_int_opt(object, key, where, least, most, 0, out);
}

sn_status sn__json_number_opt(const json_t *object, const char *key, const char *where,
                              double absent, double *out)
{
    const json_t *value = json_object_get(object, key);
    if (value != NULL && !json_is_number(value))
        return wrong_type(value, key, where, "a number");
    *out = value != NULL ? json_number_value(value) : absent;
    return SN_OK;
}

sn_status sn__json_bool_opt(const json_t *object, const char *key, const char *where, bool absent,
                            bool *out)
{
    const json_t *value = json_object_get(object, key);
    if (value != NULL && !json_is_boolean(value))
        return wrong_type(value, key, where, "true or false");
    *out = value != NULL ? json_is_true(value) : absent;
    return SN_OK;
}
