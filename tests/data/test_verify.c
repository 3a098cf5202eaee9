/* SPDX-License-Identifier: Apache-2.0 */
/* Verifying datasets: every fault that a directory can have with all its hashes right, and every
 * bit. */
#include "data/support/faults.h"
#include "data/support/folder.h"
#include "data/support/sample.h"
#include "engine/data/inside.h"
#include "support/scale.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

static const sn_load loads[] = { SN_LOAD_MAP, SN_LOAD_MEMORY };

/* -- Contents that are wrong with the right hashes -- */

typedef void (*spoil)(sample *s);
#define FAULT(name, code)       \
    static void name(sample *s) \
    {                           \
        code;                   \
    }
FAULT(indptr_falls, s->csr_indptr[2] = 2)
FAULT(indptr_leaves, s->csr_indptr[1] = INT64_MAX)
FAULT(indptr_negative, s->csc_indptr[1] = INT64_MIN)
FAULT(index_high, s->csr_indices[5] = 5)
FAULT(index_negative, s->csc_indices[0] = INT32_MIN)
FAULT(other_type_high, s->writes_indices[1] = 5)
FAULT(order, s->csr_indices[1] = 2; s->csr_indices[2] = 1)
FAULT(id_order, s->csr_ids[0] = 3; s->csr_ids[1] = 0)
FAULT(id_high, s->csr_ids[5] = INT64_MAX)
FAULT(id_negative, s->csc_ids[5] = -1)
FAULT(id_twice, s->csc_ids[0] = 3)
FAULT(moved_edge, s->csc_indptr[3] = 4)
FAULT(swapped_ids, s->csr_ids[4] = 4; s->csr_ids[5] = 2)
FAULT(split_high, s->val[0] = 5)
FAULT(split_twice, s->train[0] = 0)
FAULT(split_overlap, s->test[0] = 3)
FAULT(weight_negative, s->weights[0] = -1)
FAULT(weight_nan, s->weights[5] = NAN)

static const struct {
    spoil spoil;
    const char *detail;
} faults[] = {
    { indptr_falls, "edge0.csr.indptr.npy: csr.indptr of edge type 'paper__cites__paper': row 1 "
                    "runs from 3 to 2 of 6" },
    { indptr_leaves,
      "edge0.csr.indptr.npy: csr.indptr of edge type 'paper__cites__paper': row 0 runs" },
    { indptr_negative,
      "edge0.csc.indptr.npy: csc.indptr of edge type 'paper__cites__paper': row 0 runs" },
    { index_high, "edge0.csr.indices.npy: csr.indices of edge type 'paper__cites__paper': position "
                  "5 has node 5, there are 5" },
    { index_negative, "edge0.csc.indices.npy: csc.indices of edge type 'paper__cites__paper': "
                      "position 0 has node -2147483648" },
    { other_type_high,
      "edge1.csr.indices.npy: csr.indices of edge type 'author__writes__paper': position 1" },
    { order, "edge0.csr.indices.npy: csr.indices of edge type 'paper__cites__paper': row 0 is not "
             "in order at position 2" },
    { id_order, "row 0 is not in order at position 1" },
    { id_high, "edge0.csr.edge_ids.npy: csr.edge_ids of edge type 'paper__cites__paper': position "
               "5 has edge 9223372036854775807" },
    { id_negative, "edge0.csc.edge_ids.npy: csc.edge_ids of edge type 'paper__cites__paper': "
                   "position 5 has edge -1" },
    { id_twice, "edge0.csc.edge_ids.npy: csc.edge_ids of edge type 'paper__cites__paper': position "
                "3 has edge 3, which is there before" },
    { moved_edge, "edge0.csc.indices.npy: csc.indices of edge type 'paper__cites__paper': edge 1 "
                  "is 0 -> 3, in csr 0 -> 2" },
    { swapped_ids, "edge0.csc.indices.npy: csc.indices of edge type 'paper__cites__paper': edge 2 "
                   "is 3 -> 0, in csr 4 -> 4" },
    { split_high, "node0.val.npy: val of node type 'paper': position 0 has node 5, there are 5" },
    { split_twice,
      "node0.train.npy: train of node type 'paper': position 1 has node 0, which is there before" },
    { split_overlap,
      "node0.test.npy: test of node type 'paper': position 0 has node 3, which is there before" },
    { weight_negative,
      "edge0.weights.npy: weights of edge type 'paper__cites__paper': edge 0 has weight -1" },
    { weight_nan,
      "edge0.weights.npy: weights of edge type 'paper__cites__paper': edge 5 has weight" },
};

START_TEST(verify_of_wrong_contents_names_the_file_and_the_place)
{
    sample s = sample_make();
    faults[_i].spoil(&s);
    ck_ok(sample_write(&s, in_folder("ds")));
    for (int i = 0; i < 2; i++) {
        sn_dataset *dataset = sample_open(in_folder("ds"), loads[i]); /* not seen without reading */
        ck_fails(sn_dataset_verify(dataset, NULL, NULL), SN_E_CORRUPT, faults[_i].detail);
        check_detail(in_folder("ds/"), __FILE__, __LINE__);
        sn_dataset_release(dataset);
    }
}
END_TEST

static const char *const files[] = {
    "node0.x.npy",          "node0.y.npy",           "node0.times.npy",
    "node0.train.npy",      "node0.val.npy",         "node0.test.npy",
    "edge0.csr.indptr.npy", "edge0.csr.indices.npy", "edge0.csr.edge_ids.npy",
    "edge0.csc.indptr.npy", "edge0.csc.indices.npy", "edge0.csc.edge_ids.npy",
    "edge0.x.npy",          "edge0.weights.npy",     "edge0.times.npy",
    "edge1.csr.indptr.npy", "edge1.csr.indices.npy", "link0.val_pos.npy",
};

/* One bit of the data of one file: found, by the open or by the hashes, and the file is named. */
START_TEST(verify_finds_any_bit_that_was_turned)
{
    sample s = sample_make();
    size_t bytes;
    ck_ok(sample_write(&s, in_folder("ds")));
    char path[700];
    snprintf(path, sizeof path, "%s", in_folder("ds/%s", files[_i]));
    char *data = get_file(path, &bytes);
    for (size_t bit = 128 * 8; bit < bytes * 8; bit += 5) {
        sn_dataset *dataset = NULL;
        data[bit / 8] = (char)(data[bit / 8] ^ 1 << bit % 8);
        put_file(path, data, bytes);
        data[bit / 8] = (char)(data[bit / 8] ^ 1 << bit % 8);
        sn_status status =
            sn_dataset_open(in_folder("ds"), SN_DATASET_OPTIONS(.load = SN_LOAD_MAP), &dataset);
        if (status == SN_OK)
            status = sn_dataset_verify(dataset, NULL, NULL);
        ck_assert_int_eq(status, SN_E_CORRUPT);
        check_detail(files[_i], __FILE__, __LINE__);
        sn_dataset_release(dataset);
    }
    free(data);
}
END_TEST

static sn_status write_link(const sn_tensor *link)
{
    uint8_t x[3] = { 0 };
    sn_tensor features = { x, { SN_UINT, 8 }, 1, { 3, 1, 1, 1 } };
    return large_write(in_folder("ds"), &features, false, link);
}

/* In a homogeneous dataset links are pairs of its nodes. */
static const struct {
    int64_t id;
    bool ok;
} link_ids[] = { { 0, true }, { 2, true }, { 3, false }, { -1, false } };

START_TEST(verify_of_links_checks_ids_of_homogeneous_datasets)
{
    int64_t pairs[2][2] = { { 0, 1 }, { link_ids[_i].id, 2 } };
    sn_tensor link = { pairs, { SN_INT, 64 }, 2, { 2, 2, 1, 1 } };
    ck_ok(write_link(&link));
    sn_dataset *dataset = sample_open(in_folder("ds"), SN_LOAD_MAP);
    if (link_ids[_i].ok)
        ck_ok(sn_dataset_verify(dataset, NULL, NULL));
    else
        ck_fails(sn_dataset_verify(dataset, NULL, NULL), SN_E_CORRUPT,
                 "link0.pairs.npy: link 'pairs': position 2 has node");
    sn_dataset_release(dataset);
}
END_TEST

START_TEST(verify_leaves_links_of_other_types_alone)
{
    double scores[2] = { 0.5, -1 };
    sn_tensor link = { scores, { SN_FLOAT, 64 }, 1, { 2, 1, 1, 1 } };
    ck_ok(write_link(&link));
    sn_dataset *dataset = sample_open(in_folder("ds"), SN_LOAD_MAP);
    ck_ok(sn_dataset_verify(dataset, NULL, NULL));
    sn_dataset_release(dataset);
}
END_TEST

/* -- Larger graphs -- */

typedef struct watch {
    int calls, cancel_at;
    char stages[200];
    uint64_t done, total;
    bool backwards;
} watch;

static bool watch_progress(void *context, const char *stage, uint64_t done, uint64_t total)
{
    watch *w = context;
    size_t used = strlen(w->stages), length = strlen(stage);
    if (used < length || strcmp(w->stages + used - length, stage) != 0) {
        snprintf(w->stages + used, sizeof w->stages - used, " %s", stage);
        w->done = 0;
    }
    w->backwards |= done < w->done || done > total;
    w->done = done;
    w->total = total;
    return ++w->calls != w->cancel_at;
}

enum { NODES = 3000, EDGES = 20000 };

/* A graph whose tables need many windows of 64 bytes, in memory of its own that a test may spoil.
 */
typedef struct large {
    sn_dataset *dataset;
    int64_t *csr_ids, *train;
} large;

static large large_make(void)
{
    static int64_t edges[2][EDGES], train[NODES / 2];
    uint64_t state = sn_test_seed() ^ 43;
    for (int i = 0; i < 2 * EDGES; i++) {
        state = state * 6364136223846793005u + 1442695040888963407u;
        edges[i / EDGES][i % EDGES] = (int64_t)((state >> 33) % NODES);
    }
    for (int i = 0; i < NODES / 2; i++)
        train[i] = NODES - 1 - 2 * i;
    sn_node_spec node = { .count = NODES,
                          .train = { .tensor = { train, { SN_INT, 64 }, 1, { NODES / 2, 1, 1, 1 } },
                                     .keep = SN_KEEP_BORROW } };
    sn_edge_spec edge = { .edge_index = {
                              .tensor = { edges, { SN_INT, 64 }, 2, { 2, EDGES, 1, 1 } } } };
    large g = { .train = train };
    ck_ok(sn_dataset_create(SN_DATASET_SPEC(.num_node_types = 1, .node_types = &node,
                                            .num_edge_types = 1, .edge_types = &edge),
                            &g.dataset));
    g.csr_ids = g.dataset->edges[0].arrays[SN__CSR_EDGE_IDS].view.data;
    return g;
}

/* The id of an edge without a parallel one, in csr, from `row` on. */
static int64_t *lone_edge(const large *g, int64_t row)
{
    sn_edge_info info;
    ck_ok(sn_dataset_edge_type(g->dataset, 0, &info));
    const int32_t *indices = info.csr.indices.data;
    for (; row < NODES; row++) {
        int64_t begin = info.csr.indptr[row], end = info.csr.indptr[row + 1];
        if (end - begin > 1 && indices[begin] != indices[begin + 1])
            return &g->csr_ids[begin];
    }
    ck_abort_msg("no such row");
    return NULL;
}

static const size_t windows[] = { 16, 64, 1000, 0 };

START_TEST(verify_in_small_windows_finds_the_same)
{
    large g = large_make();
    char detail[2][200];
    watch w = { 0 };
    sn__progress progress = { .call = watch_progress, .context = &w };
    sn__content_rule rule = { .bad_range = SN_E_RANGE,
                              .bad_other = SN_E_CORRUPT,
                              .window_bytes = windows[_i],
                              .progress = &progress };
    ck_ok(sn__content_check(g.dataset, &rule));
    ck_assert(!w.backwards);
    ck_assert_uint_eq(w.done, w.total);
    rule.progress = NULL;

    int64_t was = g.csr_ids[77]; /* twice: seen wherever the other one is */
    g.csr_ids[77] = g.csr_ids[EDGES - 77];
    ck_assert_int_eq(sn__content_check(g.dataset, &rule), SN_E_CORRUPT);
    g.csr_ids[77] = was;

    /* Two edges of csr change ids, and every row stays in order: only both layouts together tell.
     */
    int64_t *a = lone_edge(&g, 5), *b = lone_edge(&g, 2000), id = *a;
    *a = *b;
    *b = id;
    ck_assert_int_eq(sn__content_check(g.dataset, &rule), SN_E_CORRUPT);
    for (int i = 0; i < 2; i++)
        snprintf(detail[i], sizeof detail[i],
                 "csc.indices of edge type 'node__to__node': edge %lld is ",
                 (long long)(i == 0 ? *a : *b));
    ck_assert(strstr(sn_error_detail(), detail[0]) != NULL ||
              strstr(sn_error_detail(), detail[1]) != NULL);
    *b = *a;
    *a = id;

    g.train[0] = g.train[NODES / 2 - 1]; /* the first and the last of the split */
    ck_fails(sn__content_check(g.dataset, &rule), SN_E_CORRUPT,
             "train of node type 'node': position 1499 has node 1, which is there before");
    g.train[0] = NODES;
    ck_fails(sn__content_check(g.dataset, &rule), SN_E_RANGE,
             "train of node type 'node': position 0 has node 3000, there are 3000");
    g.train[0] = NODES - 1;
    ck_ok(sn__content_check(g.dataset, &rule));
    sn_dataset_release(g.dataset);
}
END_TEST

/* More than one report per array, also within one long row. */
START_TEST(verify_of_a_hub_reports_progress_in_steps)
{
    enum { HUB = 2500000 };
    int64_t *edges = calloc(2 * HUB, sizeof *edges);
    ck_assert_ptr_nonnull(edges);
    for (int64_t e = 0; e < HUB; e++) {
        edges[e] = e < HUB / 2 ? 0 : e % 1000;
        edges[HUB + e] = e % 977;
    }
    sn_node_spec node = { .count = 1000 };
    sn_edge_spec edge = { .edge_index = {
                              .tensor = { edges, { SN_INT, 64 }, 2, { 2, HUB, 1, 1 } } } };
    sn_dataset *dataset;
    watch w = { 0 };
    ck_ok(sn_dataset_create(SN_DATASET_SPEC(.num_node_types = 1, .node_types = &node,
                                            .num_edge_types = 1, .edge_types = &edge),
                            &dataset));
    free(edges);
    ck_ok(sn_dataset_verify(dataset, watch_progress, &w));
    ck_assert_str_eq(w.stages, " check"); /* nothing to hash in memory */
    ck_assert(!w.backwards);
    ck_assert_uint_eq(w.done, w.total);
    ck_assert_uint_eq(w.total, 2 * (1000 + HUB + HUB));
    sn_dataset_release(dataset);
}
END_TEST

/* -- Progress -- */

START_TEST(verify_tells_its_progress_to_the_end)
{
    sample s = sample_make();
    watch w = { 0 };
    ck_ok(sample_write(&s, in_folder("ds")));
    sn_dataset *dataset = sample_open(in_folder("ds"), SN_LOAD_MAP);
    ck_ok(sn_dataset_verify(dataset, watch_progress, &w));
    ck_assert_str_eq(w.stages, " hash check");
    ck_assert(!w.backwards);
    ck_assert_uint_eq(w.done, w.total); /* the last call says that it is all */
    sn_dataset_release(dataset);
}
END_TEST

START_TEST(verify_that_is_cancelled_ends_so)
{
    sample s = sample_make();
    ck_ok(sample_write(&s, in_folder("ds")));
    sn_dataset *dataset = sample_open(in_folder("ds"), SN_LOAD_MAP);
    for (int n = 1;; n++) {
        watch w = { .cancel_at = n };
        sn_status status = sn_dataset_verify(dataset, watch_progress, &w);
        if (w.calls < n) {
            ck_assert_int_eq(status, SN_OK);
            ck_assert_int_gt(n, 2); /* in both stages */
            break;
        }
        ck_assert_int_eq(status, SN_E_CANCELLED);
        ck_assert_int_eq(w.calls, n);
    }
    sn_dataset_release(dataset);
}
END_TEST

/* The most that any mapping of this process keeps in memory, in KiB. */
static size_t largest_mapping(void)
{
    char line[1024];
    size_t kib = 0, most = 0;
    FILE *file = fopen("/proc/self/smaps", "r");
    ck_assert_ptr_nonnull(file);
    while (fgets(line, sizeof line, file) != NULL)
        if (sscanf(line, "Rss: %zu kB", &kib) == 1 && kib > most)
            most = kib;
    fclose(file);
    return most;
}

static size_t most_kib;
static bool measure(void *context, const char *stage, uint64_t done, uint64_t total)
{
    size_t now = largest_mapping();
    most_kib = now > most_kib ? now : most_kib;
    return watch_progress(context, stage, done, total);
}

/* The passes over mapped files give their pages back as they go: of 32 MiB files, a step of 8 is
 * there. */
START_TEST(verify_of_large_files_keeps_little_of_them_in_memory)
{
    sn_array *x;
    watch w = { 0 };
    setenv("SEINE_THREADS", "1", 1);
    ck_ok(sn_array_create((sn_dtype){ SN_INT, 64 }, 1, &(int64_t){ 4 << 20 }, &x));
    ck_ok(large_write(in_folder("ds"), sn_array_view(x), true, NULL));
    sn_array_release(x);
    sn_dataset *dataset = sample_open(in_folder("ds"), SN_LOAD_MAP);
    ck_ok(sn_dataset_verify(dataset, measure, &w));
    measure(&w, "end", 0, 0);
    ck_assert_uint_lt(most_kib, 14 << 10);
    sn_dataset_release(dataset);
}
END_TEST

static const struct {
    enum fault call;
    int error;
} steps[] = { { FAULT_calloc, ENOMEM },
              { FAULT_mmap, ENOMEM },
              { FAULT_XXH3_createState, ENOMEM } };

START_TEST(verify_when_memory_is_out_says_so)
{
    sample s = sample_make();
    int failures = 0;
    ck_ok(sample_write(&s, in_folder("ds")));
    sn_dataset *dataset = sample_open(in_folder("ds"), SN_LOAD_MAP);
    ck_ok(sn_dataset_verify(dataset, NULL, NULL));
    for (int n = 1;; n++) {
        fault_arm(steps[_i].call, n, 0, steps[_i].error);
        sn_status status = sn_dataset_verify(dataset, NULL, NULL);
        if (fault_disarm() == 0)
            break;
        ck_assert_int_eq(status, SN_E_NOMEM);
        failures++;
    }
    ck_assert_int_gt(failures, 0);
    sn_dataset_release(dataset);
}
END_TEST

/* One thread fails, others hash on: the error is told, and nobody waits for ever. */
START_TEST(verify_with_threads_ends_when_one_of_them_fails)
{
    sample s = sample_make();
    setenv("SEINE_THREADS", "4", 1);
    ck_ok(sample_write(&s, in_folder("ds")));
    sn_dataset *dataset = sample_open(in_folder("ds"), SN_LOAD_MAP);
    for (int n = 1; n <= 18; n++) {
        fault_arm(FAULT_XXH3_createState, n, 0, ENOMEM);
        ck_assert_int_eq(sn_dataset_verify(dataset, NULL, NULL), SN_E_NOMEM);
        fault_disarm();
    }
    fault_arm(FAULT_pthread_create, 1, 2, 0);
    ck_ok(sn_dataset_verify(dataset, NULL, NULL)); /* fewer threads do */
    ck_assert_int_eq(fault_disarm(), 3);
    sn_dataset_release(dataset);
}
END_TEST

int main(void)
{
    TCase *cases = tcase_create("verify");
    tcase_set_timeout(cases, 60);
    tcase_add_loop_test(cases, verify_of_wrong_contents_names_the_file_and_the_place, 0,
                        sizeof faults / sizeof faults[0]);
    tcase_add_loop_test(cases, verify_finds_any_bit_that_was_turned, 0,
                        sizeof files / sizeof files[0]);
    tcase_add_loop_test(cases, verify_of_links_checks_ids_of_homogeneous_datasets, 0,
                        sizeof link_ids / sizeof link_ids[0]);
    tcase_add_test(cases, verify_leaves_links_of_other_types_alone);
    tcase_add_loop_test(cases, verify_in_small_windows_finds_the_same, 0,
                        sizeof windows / sizeof windows[0]);
    tcase_add_test(cases, verify_of_a_hub_reports_progress_in_steps);
    tcase_add_test(cases, verify_tells_its_progress_to_the_end);
    tcase_add_test(cases, verify_that_is_cancelled_ends_so);
    tcase_add_test(cases, verify_of_large_files_keeps_little_of_them_in_memory);
    tcase_add_loop_test(cases, verify_when_memory_is_out_says_so, 0,
                        sizeof steps / sizeof steps[0]);
    tcase_add_test(cases, verify_with_threads_ends_when_one_of_them_fails);
    return run_in_folder("verify", cases);
}
