/* SPDX-License-Identifier: Apache-2.0 */
/* Images: laid out, described, filled and attached.
 *
 * Invariant  M1  image.fd is -1, or the image is whole and stays so: who sees it under the lock may
 *                pass it on. (While a dataset is opened nobody else has it.)
 * Threads: sn__dataset_share by any; attaching makes a dataset of the caller's own. */
#include "engine/data/image.h"

#include "base/mem.h"
#include "base/tensor.h"
#include "engine/data/description.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { LINE = 64, PAGE = 4096, HUGE_PAGE = 2 << 20, FROM_PAGE = 64 << 10, FROM_HUGE = 64 << 20 };

typedef struct image_head {
    uint64_t magic, bytes; /* of the whole */
    uint64_t text_offset, text_bytes;
    char text_hash[32]; /* without a NUL */
} image_head;
_Static_assert(sizeof(image_head) == LINE, "image.h says where arrays begin");

static const uint64_t image_magic = UINT64_C(0x314547414d494e53); /* "SNIMAGE1" */

/* -- Making ------------------------------------------------------------------------------------ */

static size_t alignment(size_t bytes)
{
    return bytes >= FROM_HUGE ? HUGE_PAGE : bytes >= FROM_PAGE ? PAGE : LINE;
}

/* Gives every array its offset; *end is behind the last, rounded up so that a page of it is not
 * shared with the text. */
static sn_status lay_out(const sn__array_ref *refs, size_t count, size_t *end)
{
    size_t at = sizeof(image_head);
    for (size_t i = 0; i < count; i++) {
        size_t bytes = (size_t)sn_tensor_bytes(&refs[i].array->view), unit = alignment(bytes);
        if (!sn__add_size(at, unit - 1, &at) || !sn__add_size(at / unit * unit, bytes, &at))
            return sn__fail(SN_E_NOMEM, "dataset image: its arrays overflow");
        refs[i].array->image_offset = at - bytes;
    }
    if (!sn__add_size(at, PAGE - 1, &at))
        return sn__fail(SN_E_NOMEM, "dataset image: its arrays overflow");
    *end = at / PAGE * PAGE;
    return SN_OK;
}

static json_t *describe_array(const sn__stored *array)
{
    json_t *entry = json_object();
    bool ok = sn__description_put_view(entry, &array->view) &&
              sn__description_put(entry, "offset", json_integer((json_int_t)array->image_offset));
    if (ok)
        return entry;
    json_decref(entry);
    return NULL;
}

/* *out is freed by free(): jansson allocates by malloc. */
static sn_status describe(const sn_dataset *dataset, char **out)
{
    json_t *root = json_object();
    char *text = NULL;
    if (sn__description_put(root, "fingerprint", json_string(dataset->fingerprint)) &&
        sn__description_write(dataset, root, describe_array))
        text = json_dumps(root, JSON_COMPACT);
    json_decref(root);
    if (text == NULL)
        return sn__fail(SN_E_NOMEM, "dataset image: cannot describe it");
    *out = text;
    return SN_OK;
}

static sn_status make_segment(const char *text, size_t end, sn__segment *out)
{
    char hash[SN__HASH_HEX];
    image_head head = { .magic = image_magic, .text_offset = end, .text_bytes = strlen(text) };
    head.bytes = head.text_offset + head.text_bytes;
    sn__hash_hex(text, head.text_bytes, hash);
    memcpy(head.text_hash, hash, sizeof head.text_hash);
    SN_TRY(sn__segment_create("seine-dataset", head.bytes, out));
    memcpy(out->base, &head, sizeof head);
    memcpy(out->base + head.text_offset, text, head.text_bytes);
    return SN_OK;
}

sn_status sn__image_reserve(sn_dataset *dataset, const sn__array_ref *refs, size_t count)
{
    size_t end = 0;
    char *text = NULL;
    SN_TRY(lay_out(refs, count, &end));
    SN_TRY(describe(dataset, &text));
    sn_status st = make_segment(text, end, &dataset->image);
    free(text);
    if (st == SN_OK)
        dataset->image_bytes = dataset->image.bytes;
    return st;
}

void sn__image_close(sn_dataset *dataset)
{
    sn__segment_unmap(&dataset->image);
    sn__segment_close_fd(&dataset->image);
    dataset->image_bytes = 0;
}

/* -- Sharing ----------------------------------------------------------------------------------- */

/* The pages of the image take the place of our own, at the same address and with the same bytes, so
 * whoever reads there notices nothing. Where the system refuses, both stay. */
static void give_way(const sn_dataset *dataset, const sn__stored *array)
{
    if (array->pages == NULL || array->page_bytes < FROM_PAGE)
        return;
    size_t bytes = (array->page_bytes + PAGE - 1) / PAGE * PAGE;
    (void)mmap(array->pages, bytes, PROT_READ, MAP_SHARED | MAP_FIXED, dataset->image.fd,
               (off_t)array->image_offset);
}

/* Under the lock. */
static sn_status make_image(sn_dataset *dataset)
{
    sn__array_ref *refs;
    size_t count;
    SN_TRY(sn__dataset_arrays(dataset, &refs, &count));
    sn_status st = sn__image_reserve(dataset, refs, count);
    for (size_t i = 0; i < count && st == SN_OK; i++) {
        const sn__stored *array = refs[i].array;
        if (sn_tensor_bytes(&array->view) > 0)
            memcpy(dataset->image.base + array->image_offset, array->view.data,
                   (size_t)sn_tensor_bytes(&array->view));
        give_way(dataset, array);
    }
    if (st == SN_OK) {
        sn__segment_ask_huge(&dataset->image);
        sn__segment_unmap(&dataset->image); /* this process reads its own arrays */
    }
    sn__mem_free(refs);
    return st;
}

/* A directory that was replaced has lost its files; the mappings stay. */
static bool is_there(int directory)
{
    return directory >= 0 && faccessat(directory, "META.json", R_OK, 0) == 0;
}

sn_status sn__dataset_share(sn_dataset *dataset, sn__share *out)
{
    const char *fingerprint;
    sn__share share = { .fd = dataset->directory, .path = dataset->path };
    SN_TRY(sn_dataset_fingerprint(dataset, &fingerprint));
    memcpy(share.fingerprint, fingerprint, sizeof share.fingerprint);
    if (!is_there(dataset->directory)) {
        pthread_mutex_lock(&dataset->lock);
        sn_status st = dataset->image.fd >= 0 ? SN_OK : make_image(dataset);
        share.fd = dataset->image.fd;
        share.image_bytes = dataset->image_bytes;
        pthread_mutex_unlock(&dataset->lock);
        SN_TRY(st);
    }
    *out = share;
    return SN_OK;
}

/* -- Attaching --------------------------------------------------------------------------------- */

static sn_status place_array(void *context, const json_t *entry, const char *where,
                             const sn_tensor *said, sn__stored *array)
{
    const sn_dataset *dataset = context;
    int64_t offset;
    size_t bytes = (size_t)sn_tensor_bytes(said);
    SN_TRY(sn__json_int(entry, "offset", where, 0, INT64_MAX, &offset));
    if ((size_t)offset > dataset->image.bytes || bytes > dataset->image.bytes - (size_t)offset)
        return sn__fail(SN_E_CORRUPT, "%s: %zu bytes at %lld of %zu", where, bytes,
                        (long long)offset, dataset->image.bytes);
    if (offset % LINE != 0)
        return sn__fail(SN_E_CORRUPT, "%s: at %lld, no multiple of %d", where, (long long)offset,
                        LINE);
    array->view = *said;
    array->view.data = dataset->image.base + offset;
    array->image_offset = (size_t)offset;
    return SN_OK;
}

static sn_status read_description(sn_dataset *dataset, const char *text, size_t bytes)
{
    static const char where[] = "dataset image";
    json_t *root;
    const char *fingerprint;
    sn__array_reader reader = { .read = place_array, .context = dataset };
    SN_TRY(sn__json_parse(text, bytes, where, &root));
    sn_status st = sn__json_string(root, "fingerprint", where, &fingerprint);
    if (st == SN_OK)
        st = sn__description_check_hash(fingerprint, "fingerprint", where);
    if (st == SN_OK)
        memcpy(dataset->fingerprint, fingerprint, SN__HASH_HEX);
    if (st == SN_OK)
        st = sn__description_read(dataset, root, where, &reader);
    json_decref(root);
    return st == SN_OK ? sn__dataset_check(dataset, SN_E_CORRUPT) : st;
}

static sn_status read_image(sn_dataset *dataset)
{
    image_head head;
    char hash[SN__HASH_HEX];
    const sn__segment *image = &dataset->image;
    if (image->bytes < sizeof head)
        return sn__fail(SN_E_CORRUPT, "dataset image: %zu bytes are none", image->bytes);
    memcpy(&head, image->base, sizeof head);
    if (head.magic != image_magic || head.bytes != image->bytes || head.text_offset > head.bytes ||
        head.text_bytes != head.bytes - head.text_offset)
        return sn__fail(SN_E_CORRUPT, "dataset image: its %zu bytes do not begin as one",
                        image->bytes);
    const char *text = (const char *)image->base + head.text_offset;
    sn__hash_hex(text, head.text_bytes, hash);
    if (memcmp(hash, head.text_hash, sizeof head.text_hash) != 0)
        return sn__fail(SN_E_CORRUPT, "dataset image: its description has hash %s, was %.32s", hash,
                        head.text_hash);
    return read_description(dataset, text, head.text_bytes);
}

static sn_status attach_image(const sn__share *share, sn_dataset **out)
{
    sn_dataset *dataset;
    sn_status st = sn__dataset_new(NULL, &dataset);
    if (st != SN_OK) {
        close(share->fd);
        return st;
    }
    st = sn__segment_attach_read(share->fd, share->image_bytes, &dataset->image);
    if (st == SN_OK)
        st = read_image(dataset);
    if (st != SN_OK) {
        sn_dataset_release(dataset);
        return st == SN_E_FORMAT ? SN_E_CORRUPT : st; /* no user wrote that text */
    }
    *out = dataset;
    return SN_OK;
}

sn_status sn__dataset_attach(const sn__share *share, sn_dataset **out)
{
    sn_dataset *dataset;
    if (share->image_bytes > 0)
        SN_TRY(attach_image(share, &dataset));
    else
        SN_TRY(sn__dataset_open_at(share->fd, share->path, &dataset));
    if (strcmp(dataset->fingerprint, share->fingerprint) != 0) {
        sn_dataset_release(dataset);
        return sn__fail(SN_E_CORRUPT, "dataset %s is not the one that the loader has",
                        share->path != NULL ? share->path : "image");
    }
    *out = dataset;
    return SN_OK;
}
