/* SPDX-License-Identifier: Apache-2.0 */
/* Opening a dataset directory (docs/formats.md).
 *
 * META.json is read and believed in nothing: every member is checked, every file is held against
 * what it says of it, and the whole against dataset_check.c. The work depends on the number of
 * arrays, not on their size, unless the arrays are loaded into memory. The directory stays open:
 * whatever its path comes to mean, workers open the same one.
 * Threads: any. */
#include "base/mem.h"
#include "base/option.h"
#include "base/options_struct.h"
#include "base/tensor.h"
#include "engine/data/description.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum {
    LARGEST_META = 256 << 20,
    FIRST_OPTIONS = 8, /* size of sn_dataset_options in its first version */
    WHERE = 1200       /* path of META.json and the member */
};

/* -- META.json --------------------------------------------------------------------------------- */

/* The file must be what META.json says of it; what it says alone is worth nothing. */
static sn_status compare_file(const sn_dataset *dataset, const sn__stored *array,
                              const sn_tensor *said)
{
    char is[SN__SHAPE_TEXT], should[SN__SHAPE_TEXT];
    const sn_tensor *view = &array->view;
    bool same = sn__dtype_equal(view->dtype, said->dtype) && view->ndim == said->ndim &&
                memcmp(view->shape, said->shape, sizeof view->shape) == 0;
    if (same)
        return SN_OK;
    return sn__fail(SN_E_CORRUPT, "%s/%s: is %s %s, META.json says %s %s", dataset->path,
                    array->file, sn_dtype_name(view->dtype),
                    sn__shape_text(view->ndim, view->shape, is), sn_dtype_name(said->dtype),
                    sn__shape_text(said->ndim, said->shape, should));
}

static sn_status read_file(void *context, const json_t *entry, const char *where,
                           const sn_tensor *said, sn__stored *array)
{
    const sn_dataset *dataset = context;
    const char *file, *hash;
    SN_TRY(sn__json_string(entry, "file", where, &file));
    SN_TRY(sn__json_string(entry, "hash", where, &hash));
    SN_TRY(sn__file_name_check(file, where));
    SN_TRY(sn__description_check_hash(hash, "hash", where));
    SN_TRY(sn__stored_open(dataset, file, array));
    memcpy(array->hash, hash, SN__HASH_HEX);
    return compare_file(dataset, array, said);
}

static sn_status parse_head(sn_dataset *dataset, const json_t *root, const char *path)
{
    const char *format, *fingerprint;
    int64_t version;
    json_t *info;
    SN_TRY(sn__json_string(root, "format", path, &format));
    if (strcmp(format, "seine-dataset") != 0)
        return sn__fail(SN_E_FORMAT, "%s: 'format' is '%.80s', expected 'seine-dataset'", path,
                        format);
    SN_TRY(sn__json_int(root, "version", path, 1, INT64_MAX, &version));
    if (version != SN__META_VERSION)
        return sn__fail(SN_E_VERSION, "%s: version %" PRId64 ", this library reads %d", path,
                        version, SN__META_VERSION);
    SN_TRY(sn__json_string(root, "fingerprint", path, &fingerprint));
    SN_TRY(sn__description_check_hash(fingerprint, "fingerprint", path));
    SN_TRY(sn__json_object_opt(root, "info", path, &info));
    memcpy(dataset->fingerprint, fingerprint, SN__HASH_HEX);
    return SN_OK;
}

/* Over the hashes that META.json lists: a META.json that was edited or mixed up is found at once.
 */
static sn_status check_fingerprint(const sn_dataset *dataset, const char *path)
{
    sn__array_ref *refs;
    size_t count;
    char is[SN__HASH_HEX];
    SN_TRY(sn__dataset_arrays(dataset, &refs, &count));
    for (size_t i = 0; i < count; i++)
        memcpy(refs[i].hash, refs[i].array->hash, SN__HASH_HEX);
    sn_status st = sn__dataset_fingerprint(dataset, refs, count, is);
    if (st == SN_OK && strcmp(is, dataset->fingerprint) != 0)
        st = sn__fail(SN_E_CORRUPT, "%s: 'fingerprint' is %s, its types and hashes give %s", path,
                      dataset->fingerprint, is);
    sn__mem_free(refs);
    return st;
}

static sn_status parse_text(sn_dataset *dataset, const char *path, size_t bytes)
{
    json_t *root;
    sn__array_reader reader = { .read = read_file, .context = dataset };
    SN_TRY(sn__json_parse(dataset->meta, bytes, path, &root));
    sn_status st = parse_head(dataset, root, path);
    if (st == SN_OK)
        st = sn__description_read(dataset, root, path, &reader);
    json_decref(root);
    if (st == SN_OK)
        st = check_fingerprint(dataset, path);
    return st == SN_OK ? sn__dataset_check(dataset, SN_E_CORRUPT) : st;
}

static sn_status parse_meta(sn_dataset *dataset)
{
    char *path;
    sn__file_at file;
    size_t bytes;
    SN_TRY(sn__dataset_file(dataset, "META.json", &path, &file));
    sn_status st = sn__file_read_at(&file, LARGEST_META, &dataset->meta, &bytes);
    if (st == SN_OK)
        st = parse_text(dataset, path, bytes);
    sn__mem_free(path);
    return st;
}

/* -- Open -------------------------------------------------------------------------------------- */

static sn_status resolve_load(const sn_dataset_options *options, sn_load *out)
{
    sn_load load = SN_LOAD_DEFAULT;
    if (options != NULL) {
        sn_dataset_options known;
        SN_TRY(sn__options_read(&known, sizeof known, options, FIRST_OPTIONS, "dataset options"));
        load = known.load;
    }
    if (load == SN_LOAD_DEFAULT) {
        int64_t choice;
        SN_TRY(sn__option_value(SN__OPTION_LOAD, &choice));
        load = choice == 1 ? SN_LOAD_MEMORY : SN_LOAD_MAP;
    }
    if (load != SN_LOAD_MAP && load != SN_LOAD_MEMORY)
        return sn__fail(SN_E_INVALID, "dataset options: load %d", (int)load);
    *out = load;
    return SN_OK;
}

/* O_PATH: that the directory can be listed is not needed. */
static sn_status open_directory(sn_dataset *dataset)
{
    dataset->directory = open(dataset->path, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (dataset->directory < 0)
        return sn__fail_errno("%s/META.json: cannot open", dataset->path);
    return SN_OK;
}

/* From the directory that is open. */
static sn_status read_directory(sn_dataset *dataset, sn_load load)
{
    SN_TRY(parse_meta(dataset));
    return load == SN_LOAD_MEMORY ? sn__dataset_load(dataset) : SN_OK;
}

sn_status sn_dataset_open(const char *path, const sn_dataset_options *options, sn_dataset **out)
{
    sn_load load = SN_LOAD_DEFAULT;
    sn_dataset *dataset;
    if (path == NULL || out == NULL)
        return sn__fail(SN_E_INVALID, "dataset: path and out are needed");
    SN_TRY(resolve_load(options, &load));
    SN_TRY(sn__dataset_new(path, &dataset));
    sn_status st = open_directory(dataset);
    if (st == SN_OK)
        st = read_directory(dataset, load);
    if (st != SN_OK) {
        sn_dataset_release(dataset);
        return st;
    }
    *out = dataset;
    return SN_OK;
}

sn_status sn__dataset_open_at(int directory, const char *path, sn_dataset **out)
{
    sn_dataset *dataset;
    sn_status st = sn__dataset_new(path, &dataset);
    if (st != SN_OK) {
        close(directory);
        return st;
    }
    dataset->directory = directory;
    st = read_directory(dataset, SN_LOAD_MAP);
    if (st != SN_OK) {
        sn_dataset_release(dataset);
        return st;
    }
    *out = dataset;
    return SN_OK;
}
