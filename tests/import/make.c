/* SPDX-License-Identifier: Apache-2.0 */
#include "import/make.h"

#include "base/random.h"
#include "data/support/folder.h"
#include "support/scale.h"

#include <stdio.h>
#include <string.h>

static uint64_t state;

void draw_from(uint64_t salt)
{
    state = sn__mix64(sn_test_seed() ^ salt);
}

int64_t draw_below(int64_t n)
{
    state += 0x9E3779B97F4A7C15u;
    return (int64_t)(sn__mix64(state) % (uint64_t)n);
}

void save_array(const char *path, const char *dtype, int64_t n0, int64_t n1, const void *data)
{
    sn_tensor tensor = { .ndim = n1 < 0 ? 1 : 2, .shape = { n0, n1 < 0 ? 1 : n1, 1, 1 } };
    union {
        const void *in;
        void *out;
    } view = { .in = data };
    tensor.data = view.out;
    ck_ok(sn_dtype_parse(dtype, &tensor.dtype));
    ck_ok(sn_tensor_save(&tensor, path));
}

void save_json(const char *path, json_t *root)
{
    ck_assert_ptr_nonnull(root);
    ck_assert_int_eq(json_dump_file(root, path, JSON_INDENT(1)), 0);
    json_decref(root);
}

void check_same_dir(const char *one, const char *two)
{
    char names[4096], a[700], b[700], *rest = names;
    snprintf(names, sizeof names, "%s", list_dir(one));
    ck_assert_str_eq(names, list_dir(two));
    for (char *name; (name = strtok_r(rest, " ", &rest)) != NULL;) {
        size_t a_bytes, b_bytes;
        snprintf(a, sizeof a, "%s/%s", one, name);
        snprintf(b, sizeof b, "%s/%s", two, name);
        char *a_data = get_file(a, &a_bytes), *b_data = get_file(b, &b_bytes);
        ck_assert_msg(a_bytes == b_bytes && memcmp(a_data, b_data, a_bytes) == 0, "%s differs",
                      name);
        free(a_data);
        free(b_data);
    }
}

sn_dataset *open_verified(const char *path)
{
    sn_dataset *dataset;
    ck_ok(sn_dataset_open(path, NULL, &dataset));
    ck_ok(sn_dataset_verify(dataset, NULL, NULL));
    return dataset;
}

const char *shipped(const char *name)
{
    static char path[700];
    const char *source = getenv("SEINE_SOURCE");
    ck_assert_msg(source != NULL, "SEINE_SOURCE is not set");
    snprintf(path, sizeof path, "%s/examples/data/%s", source, name);
    return path;
}
