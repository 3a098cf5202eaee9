/* SPDX-License-Identifier: Apache-2.0 */
/* Datasets that another process gets: equal to the bit, without a second copy, refused when they are
 * not the ones that were shared. */
#include "engine/data/image.h"

#include "data/support/faults.h"
#include "data/support/folder.h"
#include "data/support/sample.h"
#include "engine/data/inside.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

/* -- Datasets of every origin -- */

enum origin { MAPPED, LOADED, COPIED, LENT, TAKEN, ORIGINS };

static sample content;

static sn_dataset *make(enum origin origin)
{
    content = sample_make();
    if (origin == MAPPED || origin == LOADED) {
        ck_ok(sample_write(&content, in_folder("ds")));
        return sample_open(in_folder("ds"), origin == MAPPED ? SN_LOAD_MAP : SN_LOAD_MEMORY);
    }
    static const sn_keep keeps[] = {
        [COPIED] = SN_KEEP_COPY, [LENT] = SN_KEEP_BORROW, [TAKEN] = SN_KEEP_TAKE
    };
    sample_spec spec;
    sn_dataset *dataset;
    sample_specify(&content, keeps[origin], &spec);
    ck_ok(sn_dataset_create(&spec.spec, &dataset));
    return dataset;
}

/* The share as another process gets it: with a descriptor of its own. */
static sn__share received(sn_dataset *dataset)
{
    sn__share share;
    ck_ok(sn__dataset_share(dataset, &share));
    share.fd = dup(share.fd);
    ck_assert_int_ge(share.fd, 0);
    return share;
}

static bool same_arrays(const sn_dataset *a, const sn_dataset *b)
{
    sn__array_ref *of_a, *of_b;
    size_t count, count_b;
    bool same = true;
    ck_ok(sn__dataset_arrays(a, &of_a, &count));
    ck_ok(sn__dataset_arrays(b, &of_b, &count_b));
    same = count == count_b && count > 0;
    for (size_t i = 0; same && i < count; i++) {
        const sn_tensor *x = &of_a[i].array->view, *y = &of_b[i].array->view;
        same = of_a[i].of == of_b[i].of && of_a[i].type == of_b[i].type &&
               of_a[i].role == of_b[i].role && x->dtype.code == y->dtype.code &&
               x->dtype.bits == y->dtype.bits && x->ndim == y->ndim &&
               memcmp(x->shape, y->shape, sizeof x->shape) == 0 &&
               memcmp(x->data, y->data, (size_t)sn_tensor_bytes(x)) == 0 &&
               (uintptr_t)y->data % 64 == 0;
    }
    free(of_a);
    free(of_b);
    return same;
}

static bool same_types(const sn_dataset *a, const sn_dataset *b)
{
    if (a->num_nodes != b->num_nodes || a->num_edges != b->num_edges ||
        a->num_links != b->num_links || a->unlabelled != b->unlabelled ||
        strcmp(a->fingerprint, b->fingerprint) != 0)
        return false;
    for (size_t i = 0; i < a->num_nodes; i++)
        if (strcmp(a->nodes[i].name, b->nodes[i].name) != 0 ||
            a->nodes[i].count != b->nodes[i].count)
            return false;
    for (size_t i = 0; i < a->num_edges; i++)
        if (strcmp(a->edges[i].name, b->edges[i].name) != 0 ||
            a->edges[i].count != b->edges[i].count ||
            a->edges[i].src_type != b->edges[i].src_type ||
            a->edges[i].dst_type != b->edges[i].dst_type)
            return false;
    return a->num_links == 0 || strcmp(a->links[0].name, b->links[0].name) == 0;
}

START_TEST(dataset_of_any_origin_is_the_same_in_another_process)
{
    sn_dataset *dataset = make((enum origin)_i), *attached;
    sn__share share = received(dataset);
    ck_assert_int_eq(share.image_bytes == 0, _i == MAPPED);
    pid_t child = fork();
    if (child == 0) {
        ck_ok(sn__dataset_attach(&share, &attached));
        bool same = same_types(dataset, attached) && same_arrays(dataset, attached);
        if (same && sn_dataset_verify(attached, NULL, NULL) != SN_OK)
            same = false;
        sn_dataset_release(attached);
        _exit(same ? 0 : 1);
    }
    int status = -1;
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert_int_eq(status, 0);
    close(share.fd);
    sn_dataset_release(dataset);
}
END_TEST

START_TEST(dataset_attached_leaves_no_descriptor_and_outlives_its_owner)
{
    int files = count_open_files();
    sn_dataset *dataset = make((enum origin)_i), *attached;
    sn__share share = received(dataset);
    ck_ok(sn__dataset_attach(&share, &attached));
    sn_dataset_release(dataset);
    ck_assert_int_eq(count_open_files(), files + (_i == MAPPED)); /* its directory */
    sample expected = sample_make();
    sn_node_info info;
    ck_ok(sn_dataset_node_type(attached, 0, &info));
    ck_assert_mem_eq(info.x->data, expected.x, sizeof expected.x);
    sn_dataset_release(attached);
    ck_assert_int_eq(count_open_files(), files);
    ck_assert_int_eq(count_mappings("seine-dataset"), 0);
}
END_TEST

/* -- One image, one copy -- */

static void *share_once(void *dataset)
{
    sn__share *share = malloc(sizeof *share);
    if (share == NULL || sn__dataset_share(dataset, share) != SN_OK)
        abort();
    return share;
}

START_TEST(image_is_made_once_for_all_threads)
{
    enum { THREADS = 4 };
    pthread_t threads[THREADS];
    int files = count_open_files();
    sn_dataset *dataset = make(COPIED);
    sn__share *shares[THREADS];
    for (int i = 0; i < THREADS; i++)
        ck_assert_int_eq(pthread_create(&threads[i], NULL, share_once, dataset), 0);
    for (int i = 0; i < THREADS; i++) {
        void *result;
        pthread_join(threads[i], &result);
        shares[i] = result;
        ck_assert_int_eq(shares[i]->fd, shares[0]->fd);
        ck_assert_uint_eq(shares[i]->image_bytes, shares[0]->image_bytes);
    }
    ck_assert_int_eq(count_open_files(), files + 1);
    for (int i = 0; i < THREADS; i++)
        free(shares[i]);
    sn_dataset_release(dataset);
    ck_assert_int_eq(count_open_files(), files);
}
END_TEST

/* Sum in KiB over the mappings whose line has `name`; NULL: over all. */
static long sum_mappings(const char *name, const char *field)
{
    char line[1024];
    long sum = 0, value;
    bool counts = false;
    FILE *file = fopen("/proc/self/smaps", "r");
    ck_assert_ptr_nonnull(file);
    while (fgets(line, sizeof line, file) != NULL) {
        if (strchr(line, '-') != NULL && strstr(line, "kB") == NULL)
            counts = name == NULL || strstr(line, name) != NULL;
        else if (counts && strncmp(line, field, strlen(field)) == 0 &&
                 sscanf(line + strlen(field), "%ld", &value) == 1)
            sum += value;
    }
    fclose(file);
    return sum;
}

/* Above the size from which arrays begin at huge pages. */
enum { ROWS = 70 << 10, ROW = 1 << 10, LARGE = ROWS * ROW };

static sn_dataset *make_large(enum origin origin, sn_array **x)
{
    ck_ok(sn_array_create((sn_dtype){ SN_UINT, 8 }, 2, (int64_t[]){ ROWS, ROW }, x));
    uint8_t *bytes = sn_array_view(*x)->data;
    for (size_t i = 0; i < LARGE; i++)
        bytes[i] = (uint8_t)(i ^ i >> 9);
    if (origin == LOADED) {
        ck_ok(large_write(in_folder("ds"), sn_array_view(*x), false, NULL));
        return sample_open(in_folder("ds"), SN_LOAD_MEMORY);
    }
    static int32_t no_edges[2];
    sn_dataset *dataset;
    sn_node_spec node = { .count = ROWS, .x = { .tensor = *sn_array_view(*x) } };
    sn_edge_spec edge = { .edge_index = { { no_edges, { SN_INT, 32 }, 2, { 2, 1, 1, 1 } },
                                          .keep = SN_KEEP_COPY } };
    ck_ok(sn_dataset_create(SN_DATASET_SPEC(.num_node_types = 1, .node_types = &node,
                                            .num_edge_types = 1, .edge_types = &edge),
                            &dataset));
    return dataset;
}

START_TEST(image_adds_no_copy)
{
    static const enum origin origins[] = { LOADED, COPIED };
    sn_array *x;
    sn_dataset *dataset = make_large(origins[_i], &x), *attached;
    sn_node_info before, after;
    ck_ok(sn_dataset_node_type(dataset, 0, &before));
    long anonymous = sum_mappings(NULL, "Anonymous:");
    sn__share share = received(dataset);
    long rest = sum_mappings(NULL, "Anonymous:");
    ck_assert_msg(origins[_i] == LOADED || rest < anonymous - (LARGE >> 10) / 10 * 9,
                  "%ld KiB of this process' own, %ld before", rest, anonymous);
    ck_ok(sn_dataset_node_type(dataset, 0, &after));
    ck_assert_ptr_eq(after.x->data, before.x->data);
    ck_assert(memcmp(after.x->data, sn_array_view(x)->data, LARGE) == 0);

    ck_ok(sn__dataset_attach(&share, &attached));
    ck_ok(sn_dataset_node_type(attached, 0, &after));
    ck_assert(memcmp(after.x->data, sn_array_view(x)->data, LARGE) == 0);
    ck_assert_int_eq((int64_t)((uintptr_t)after.x->data % (2 << 20)), 0);
    ck_assert_int_eq(sum_mappings("seine-dataset", "Anonymous:"), 0);
    long most = (long)(share.image_bytes >> 10) + 4096;
    ck_assert_int_le(sum_mappings("seine-dataset", "Pss:"), most);
    ck_assert_int_gt(sum_mappings("seine-dataset", "Pss:"), LARGE >> 10);
    sn_dataset_release(attached);
    sn_dataset_release(dataset);
    sn_array_release(x);
}
END_TEST

START_TEST(image_when_a_step_fails_is_made_by_the_next_who_asks)
{
    static const struct {
        enum fault call;
        int error;
        bool tolerated;
    } steps[] = { { FAULT_calloc, ENOMEM, true },
                  { FAULT_realloc, ENOMEM, true },
                  { FAULT_mmap, ENOMEM, false },
                  { FAULT_posix_fallocate, ENOSPC, false },
                  { FAULT_fcntl, EINVAL, false } };
    for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++)
        for (int n = 1, failed = 0;; n += n < 60 ? 1 : 9) {
            sn__share share = { .fd = 77 };
            sn_dataset *dataset = make(LENT);
            const char *fingerprint;
            ck_ok(sn_dataset_fingerprint(dataset, &fingerprint));
            int files = count_open_files();
            fault_arm(steps[i].call, n, 0, steps[i].error);
            sn_status status = sn__dataset_share(dataset, &share);
            bool over = fault_disarm() == 0;
            if (status != SN_OK) {
                failed++;
                ck_assert_int_eq(share.fd, 77);
                ck_assert_int_eq(count_open_files(), files);
                ck_assert_int_eq(count_mappings("seine-dataset"), 0);
                ck_ok(sn__dataset_share(dataset, &share));
            } else {
                ck_assert(over || steps[i].tolerated);
            }
            sn_dataset_release(dataset);
            if (over) {
                ck_assert(failed > 0 || steps[i].tolerated);
                break;
            }
        }
}
END_TEST

/* -- Not the one that was shared -- */

START_TEST(directory_that_was_moved_is_attached_where_it_is)
{
    sn_dataset *dataset = make(MAPPED), *attached;
    sn__share share = received(dataset);
    ck_assert_int_eq(rename(in_folder("ds"), in_folder("elsewhere")), 0);
    make_dir(in_folder("ds"));
    ck_ok(sn__dataset_attach(&share, &attached));
    ck_assert(same_types(dataset, attached) && same_arrays(dataset, attached));
    sn_dataset_release(attached);
    sn_dataset_release(dataset);
}
END_TEST

/* As the library replaces it: the old one is gone, but its mappings stay. Who was told of the
 * directory before finds nothing there; who asks then gets an image. */
START_TEST(directory_that_was_replaced_is_shared_as_it_was)
{
    sn_dataset *dataset = make(MAPPED), *attached = NULL;
    sample other = sample_make();
    other.x[0][0] = 17;
    int files = count_open_files();
    sn__share early = received(dataset);
    ck_ok(sample_write(&other, in_folder("ds")));
    ck_fails(sn__dataset_attach(&early, &attached), SN_E_SYSTEM, in_folder("ds/META.json"));
    ck_assert_ptr_null(attached);
    ck_assert_int_eq(count_open_files(), files);
    sn__share share = received(dataset);
    ck_assert_uint_gt(share.image_bytes, 0);
    ck_ok(sn__dataset_attach(&share, &attached));
    ck_assert(same_types(dataset, attached) && same_arrays(dataset, attached));
    sn_dataset_release(attached);
    ck_assert_int_eq(count_open_files(), files + 1);
    sn_dataset_release(dataset);
}
END_TEST

START_TEST(directory_with_other_files_is_refused_by_its_path)
{
    sn_dataset *dataset = make(MAPPED), *attached = NULL;
    sample other = sample_make();
    other.x[0][0] = 17;
    int files = count_open_files();
    ck_ok(sample_write(&other, in_folder("other")));
    remove_tree(in_folder("ds/node0.x.npy")); /* not rewritten: it is mapped */
    remove_tree(in_folder("ds/META.json"));
    copy_file(in_folder("other/node0.x.npy"), in_folder("ds/node0.x.npy"));
    copy_file(in_folder("other/META.json"), in_folder("ds/META.json"));
    sn__share share = received(dataset);
    ck_fails(sn__dataset_attach(&share, &attached), SN_E_CORRUPT,
             in_folder("ds is not the one that the loader has"));
    ck_assert_ptr_null(attached);
    ck_assert_int_eq(count_open_files(), files);
    sn_dataset_release(dataset);
}
END_TEST

/* A segment with these bytes, as a share of `like`. */
static sn__share altered(const sn__share *like, const uint8_t *bytes, size_t count)
{
    sn__share share = *like;
    sn__segment segment;
    ck_ok(sn__segment_create("altered", count, &segment));
    memcpy(segment.base, bytes, count);
    share.fd = segment.fd;
    share.image_bytes = count;
    sn__segment_unmap(&segment);
    return share;
}

static void ck_refused(const sn__share *share)
{
    sn_dataset *attached = NULL;
    sn_status status = sn__dataset_attach(share, &attached);
    ck_assert_msg(status == SN_E_CORRUPT, "%s (%s)", sn_status_name(status), sn_error_detail());
    check_detail("dataset image", __FILE__, __LINE__);
    ck_assert_ptr_null(attached);
}

START_TEST(image_that_was_cut_or_changed_is_refused)
{
    sn_dataset *dataset = make(COPIED), *attached;
    int files = count_open_files() + 1;
    sn__share good;
    ck_ok(sn__dataset_share(dataset, &good));
    uint8_t *bytes = malloc(good.image_bytes);
    ck_assert_ptr_nonnull(bytes);
    ck_assert_int_eq(pread(good.fd, bytes, good.image_bytes, 0), (ssize_t)good.image_bytes);
    uint64_t text;
    memcpy(&text, bytes + 16, sizeof text);
    for (size_t cut = 1; cut < good.image_bytes; cut += cut < 80 ? 1 : 61) {
        sn__share share = altered(&good, bytes, cut);
        ck_refused(&share);
    }
    for (size_t at = 0; at < good.image_bytes; at = at == 63 ? text : at + (at < 63 ? 1 : 23)) {
        bytes[at] ^= 1;
        sn__share share = altered(&good, bytes, good.image_bytes);
        bytes[at] ^= 1;
        ck_refused(&share);
    }
    sn__share share = altered(&good, bytes, good.image_bytes);
    ck_ok(sn__dataset_attach(&share, &attached));
    sn_dataset_release(attached);
    share = altered(&good, bytes, good.image_bytes);
    share.fingerprint[3] ^= 1;
    ck_fails(sn__dataset_attach(&share, &attached), SN_E_CORRUPT,
             "dataset image is not the one that the loader has");
    ck_assert_int_eq(count_open_files(), files);
    free(bytes);
    sn_dataset_release(dataset);
}
END_TEST

int main(void)
{
    TCase *cases = tcase_create("image");
    tcase_set_timeout(cases, 60);
    tcase_add_loop_test(cases, dataset_of_any_origin_is_the_same_in_another_process, 0, ORIGINS);
    tcase_add_loop_test(cases, dataset_attached_leaves_no_descriptor_and_outlives_its_owner, 0,
                        ORIGINS);
    tcase_add_test(cases, image_is_made_once_for_all_threads);
    tcase_add_loop_test(cases, image_adds_no_copy, 0, 2);
    tcase_add_test(cases, image_when_a_step_fails_is_made_by_the_next_who_asks);
    tcase_add_test(cases, directory_that_was_moved_is_attached_where_it_is);
    tcase_add_test(cases, directory_that_was_replaced_is_shared_as_it_was);
    tcase_add_test(cases, directory_with_other_files_is_refused_by_its_path);
    tcase_add_test(cases, image_that_was_cut_or_changed_is_refused);
    return run_in_folder("image", cases);
}
