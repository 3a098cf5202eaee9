/* SPDX-License-Identifier: Apache-2.0 */
/* Opening and verifying a dataset directory that somebody else wrote.
 *
 * The input is the text of META.json and then files: "\n--- name\n" begins the next one, the name
 * being letters, digits, '.' and '_'. They are written to a directory of this process. A directory
 * is opened three times: as it is; with every hash, type and shape in META.json put right; and with
 * the fingerprint put right. So damage is seen by the checks behind those too. What opens is read
 * in full. */
#include "base/hash.h"
#include "base/npy.h"
#include "engine/data/dataset.h"
#include "support/fuzz.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { MOST_FILES = 48, NAME = 40 };

/* What lies in the folder: an input differs from the one before in one file, mostly, and writing is
 * slow. */
typedef struct kept {
    char name[NAME];
    uint8_t *data;
    size_t bytes;
    bool wanted; /* by the input at hand */
} kept;

static char folder[256];
static kept files[MOST_FILES];
static int num_files;

static void require(bool truth, const char *what)
{
    if (!truth) {
        fprintf(stderr, "%s: %s\n", what, sn_error_detail());
        abort();
    }
}

static const char *path_of(const char *name)
{
    static char path[512];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    return path;
}

static void forget(int i)
{
    unlink(path_of(files[i].name));
    free(files[i].data);
    files[i] = files[--num_files];
    files[num_files] = (kept){ .data = NULL };
}

static void remove_folder(void)
{
    while (num_files > 0)
        forget(0);
    rmdir(folder);
}

static void make_folder(void)
{
    const char *base = getenv("TMPDIR");
    snprintf(folder, sizeof folder, "%s/seine-fuzz-XXXXXX", base != NULL ? base : "/tmp");
    require(mkdtemp(folder) != NULL, "mkdtemp");
    atexit(remove_folder);
}

static void put(const char *name, const uint8_t *data, size_t bytes)
{
    int i = 0;
    while (i < num_files && strcmp(files[i].name, name) != 0)
        i++;
    if (i == num_files)
        snprintf(files[num_files++].name, NAME, "%s", name);
    kept *file = &files[i];
    file->wanted = true;
    if (file->data != NULL && file->bytes == bytes && memcmp(file->data, data, bytes) == 0)
        return;
    FILE *out = fopen(path_of(name), "wb");
    require(out != NULL && fwrite(data, 1, bytes, out) == bytes && fclose(out) == 0, "write");
    free(file->data);
    file->data = malloc(bytes + 1);
    require(file->data != NULL, "malloc");
    memcpy(file->data, data, bytes);
    file->bytes = bytes;
}

/* The next separator at or behind `at`: its begin, and the name and begin of the file behind it. */
static const uint8_t *find_separator(const uint8_t *at, const uint8_t *end, char name[NAME],
                                     const uint8_t **next)
{
    static const char letters[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._";
    for (; (at = memmem(at, (size_t)(end - at), "\n--- ", 5)) != NULL; at += 5) {
        size_t used = 0;
        const uint8_t *c = at + 5;
        while (c < end && used < NAME - 1 && *c != '\0' && strchr(letters, *c) != NULL)
            name[used++] = (char)*c++;
        name[used] = '\0';
        if (c < end && *c == '\n' && used > 0 && name[0] != '.') {
            *next = c + 1;
            return at;
        }
    }
    return NULL;
}

static void write_folder(const uint8_t *data, size_t size)
{
    const uint8_t *at = data, *end = data + size, *next = NULL;
    char name[NAME] = "META.json", following[NAME];
    for (int i = 0; i < num_files; i++)
        files[i].wanted = false;
    for (int n = 0; at != NULL && n < MOST_FILES / 2; n++) {
        const uint8_t *stop = find_separator(at, end, following, &next);
        put(name, at, (size_t)((stop != NULL ? stop : end) - at));
        snprintf(name, sizeof name, "%s", following);
        at = stop != NULL ? next : NULL;
    }
    for (int i = num_files - 1; i >= 0; i--)
        if (!files[i].wanted)
            forget(i);
}

/* Reads what a dataset shows, so that a sanitizer sees every wrong pointer. */
static uint64_t read_all(const sn_tensor *view)
{
    uint64_t sum = 0;
    for (int64_t i = 0; view != NULL && i < sn_tensor_bytes(view); i++)
        sum += ((const uint8_t *)view->data)[i];
    return sum;
}

static void read_dataset(const sn_dataset *dataset)
{
    volatile uint64_t sum = 0;
    int32_t index;
    for (int32_t i = 0; i < sn_dataset_num_node_types(dataset); i++) {
        sn_node_info info;
        require(sn_dataset_node_type(dataset, i, &info) == SN_OK, "node type");
        require(sn_dataset_find_node_type(dataset, info.name, &index) == SN_OK && index == i,
                "find");
        sum += read_all(info.x) + read_all(info.y) + read_all(info.times) + read_all(info.train) +
               read_all(info.val) + read_all(info.test);
    }
    for (int32_t i = 0; i < sn_dataset_num_edge_types(dataset); i++) {
        sn_edge_info info;
        require(sn_dataset_edge_type(dataset, i, &info) == SN_OK, "edge type");
        require(sn_dataset_find_edge_type(dataset, info.name, &index) == SN_OK && index == i,
                "find");
        require(info.csr.indptr != NULL || info.csc.indptr != NULL, "layout");
        sum += read_all(info.x) + read_all(info.weights) + read_all(info.times);
    }
    (void)sum;
}

static void walk_layout(const sn_adjacency *layout, int64_t edges, int64_t neighbours)
{
    int64_t last = -1, last_id = -1;
    for (int64_t row = 0; layout->indptr != NULL && row < layout->rows; row++, last = last_id = -1)
        for (int64_t at = layout->indptr[row]; at < layout->indptr[row + 1]; at++) {
            int64_t node = layout->indices.dtype.bits == 32
                               ? ((const int32_t *)layout->indices.data)[at]
                               : ((const int64_t *)layout->indices.data)[at];
            int64_t id = layout->edge_ids != NULL ? layout->edge_ids[at] : at;
            require(at >= 0 && at < edges, "position");
            require(node >= 0 && node < neighbours && id >= 0 && id < edges, "row");
            require(node > last || (node == last && id > last_id), "order");
            last = node;
            last_id = id;
        }
}

/* If the dataset verifies, every row must be what verifying promises. */
static void walk_rows(const sn_dataset *dataset)
{
    for (int32_t i = 0; i < sn_dataset_num_edge_types(dataset); i++) {
        sn_edge_info info;
        sn_node_info src, dst;
        require(sn_dataset_edge_type(dataset, i, &info) == SN_OK, "edge type");
        require(sn_dataset_node_type(dataset, info.src_type, &src) == SN_OK, "node type");
        require(sn_dataset_node_type(dataset, info.dst_type, &dst) == SN_OK, "node type");
        walk_layout(&info.csr, info.count, dst.count);
        walk_layout(&info.csc, info.count, src.count);
    }
}

static sn_status open_once(sn_load load)
{
    sn_dataset *dataset = NULL;
    sn_status status = sn_dataset_open(folder, SN_DATASET_OPTIONS(.load = load), &dataset);
    if (status != SN_OK) {
        require(dataset == NULL && strstr(sn_error_detail(), folder) != NULL,
                "error without a name");
        return status;
    }
    const char *fingerprint;
    require(sn_dataset_fingerprint(dataset, &fingerprint) == SN_OK, "fingerprint");
    read_dataset(dataset);
    status = sn_dataset_verify(dataset, NULL, NULL);
    require(status == SN_OK || status == SN_E_CORRUPT, "verify");
    if (status == SN_OK)
        walk_rows(dataset);
    sn_dataset_release(dataset);
    return SN_OK;
}

/* -- Putting META.json right -- */

static void put_right(json_t *entry)
{
    sn__npy npy;
    char hash[SN__HASH_HEX];
    const char *file = json_string_value(json_object_get(entry, "file"));
    if (file == NULL || strchr(file, '/') != NULL || sn__npy_open(path_of(file), &npy) != SN_OK)
        return;
    json_t *shape = json_array();
    for (int32_t i = 0; i < npy.view.ndim; i++)
        json_array_append_new(shape, json_integer(npy.view.shape[i]));
    sn__hash_hex(npy.view.data, (size_t)sn_tensor_bytes(&npy.view), hash);
    json_object_set_new(entry, "shape", shape);
    json_object_set_new(entry, "dtype", json_string(sn_dtype_name(npy.view.dtype)));
    json_object_set_new(entry, "hash", json_string(hash));
    sn__npy_close(&npy);
}

static void put_all_right(json_t *value)
{
    json_t *member;
    const char *key;
    size_t i;
    if (json_is_object(value)) {
        put_right(value);
        json_object_foreach(value, key, member) put_all_right(member);
    }
    json_array_foreach(value, i, member) put_all_right(member);
}

static void save(const json_t *root)
{
    char *text = json_dumps(root, JSON_COMPACT);
    if (text != NULL)
        put("META.json", (const uint8_t *)text, strlen(text));
    free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char gives[] = "its types and hashes give ";
    if (folder[0] == '\0')
        make_folder();
    write_folder(data, size);
    (void)open_once(SN_LOAD_MEMORY);
    json_t *root = json_load_file(path_of("META.json"), 0, NULL);
    if (json_is_object(root)) {
        put_all_right(root);
        save(root);
        const char *right =
            open_once(SN_LOAD_MAP) == SN_E_CORRUPT ? strstr(sn_error_detail(), gives) : NULL;
        if (right != NULL) {
            json_object_set_new(root, "fingerprint", json_string(right + strlen(gives)));
            save(root);
            (void)open_once(SN_LOAD_MAP);
        }
    }
    json_decref(root);
    return 0;
}
