/* SPDX-License-Identifier: Apache-2.0 */
/* Tables of weights and times (docs/sampling.md, section 7.1; docs/formats.md, section 2.2), computed by hand for
 * a small graph: from arrays in memory and from an import. */
#include "data/support/folder.h"
#include "engine/data/dataset.h"
#include "import/make.h"
#include "seine/seine.h"

#include <stdio.h>
#include <string.h>

/* papers 0 .. 4 and authors 0 .. 2; cites: edge e from cites_ends[0][e] to cites_ends[1][e], writes likewise. */
static const int64_t cites_ends[2][6] = { { 0, 0, 3, 0, 4, 2 }, { 1, 2, 0, 1, 4, 0 } },
                     writes_ends[2][4] = { { 0, 0, 2, 2 }, { 0, 4, 1, 2 } },
                     edge_times[] = { 5, 4, 3, 2, 1, 0 }, paper_times[] = { 14, 10, 12, 11, 10 };
static const float weights[] = { 1, 0, 0.5f, 2, 3, 4 };

/* -- By hand ----------------------------------------------------------------------------------- */

/* Rows of cites by source: 0: ids 0 3 1, papers 1 1 2, weights 1 2 0, times 5 2 4; 1: none; 2: id 5; 3: id 2;
 * 4: id 4. Alone in its row an edge has all: 1 + (2^32 - 1 - 1). Of d = 3 the range is 4294967292, and
 * 1/3 and 2/3 of it are 1431655764 and 2863311528. */
static const uint32_t csr_sums[][2] = { { 1431655765, 1 }, { 4294967294, 1 }, { 4294967294, 2 },
                                        { 4294967295, 0 }, { 4294967295, 0 }, { 4294967295, 4 } },
                      csr_order[] = { 1, 2, 0, 0, 0, 0 },
                      csr_time_sums[] = { 2863311529, 2863311529, 4294967294,
                                          4294967295, 4294967295, 4294967295 },
                      csr_node_order[] = { 0, 1, 2, 0, 0, 0 },
                      csr_node_sums[] = { 1431655765, 4294967294, 4294967294,
                                          4294967295, 4294967295, 4294967295 };
static const int64_t csr_times[] = { 2, 4, 5, 0, 3, 1 },
                     csr_node_times[] = { 10, 10, 12, 14, 14, 10 };

/* By destination: 0: ids 5 2, papers 2 3, weights 4 0.5, times 0 3; 1: ids 0 3, both of paper 0; 2: id 1, which
 * has no weight; 3: none; 4: id 4. Of d = 2 the range is 4294967293; 8/9 of it are 3817748704.9, 1/9 are
 * 477218588.1, 1/3 are 1431655764.3, 2/3 are 2863311528.7. */
static const uint32_t csc_sums[][2] = { { 3817748705, 2 }, { 4294967295, 3 }, { 1431655765, 0 },
                                        { 4294967295, 0 }, { 0, 0 },          { 4294967295, 4 } },
                      csc_order[] = { 0, 1, 1, 0, 0, 0 },
                      csc_time_sums[] = { 3817748705, 4294967295, 2863311529,
                                          4294967295, 0,          4294967295 },
                      csc_node_order[] = { 1, 0, 0, 1, 0, 0 },
                      csc_node_sums[] = { 477218589,  4294967295, 1431655765,
                                          4294967295, 0,          4294967295 };
static const int64_t csc_times[] = { 0, 3, 2, 5, 4, 1 },
                     csc_node_times[] = { 11, 12, 14, 14, 14, 10 };

/* writes by source: 0: papers 0 4; 2: papers 1 2. By destination the neighbours are authors, without times. */
static const uint32_t writes_order[] = { 1, 0, 0, 1 };
static const int64_t writes_times[] = { 10, 14, 10, 12 };

#define EQUAL(table, wanted)                                               \
    do {                                                                   \
        ck_assert_msg((table) != NULL, "no " #table);                      \
        ck_assert_msg(memcmp(table, wanted, sizeof(wanted)) == 0, #table); \
    } while (0)

static void check_tables(const sn_dataset *dataset)
{
    sn__row_tables out = sn__dataset_tables(dataset, 0, false),
                   in = sn__dataset_tables(dataset, 0, true),
                   writes = sn__dataset_tables(dataset, 1, false),
                   written = sn__dataset_tables(dataset, 1, true);
    EQUAL(out.sums, csr_sums);
    EQUAL(out.by_edge.order, csr_order);
    EQUAL(out.by_edge.times, csr_times);
    EQUAL(out.by_edge.sums, csr_time_sums);
    EQUAL(out.by_node.order, csr_node_order);
    EQUAL(out.by_node.times, csr_node_times);
    EQUAL(out.by_node.sums, csr_node_sums);
    EQUAL(in.sums, csc_sums);
    EQUAL(in.by_edge.order, csc_order);
    EQUAL(in.by_edge.times, csc_times);
    EQUAL(in.by_edge.sums, csc_time_sums);
    EQUAL(in.by_node.order, csc_node_order);
    EQUAL(in.by_node.times, csc_node_times);
    EQUAL(in.by_node.sums, csc_node_sums);
    EQUAL(writes.by_node.order, writes_order);
    EQUAL(writes.by_node.times, writes_times);
    ck_assert(writes.sums == NULL && writes.by_edge.order == NULL && writes.by_node.sums == NULL);
    ck_assert(written.sums == NULL && written.by_edge.order == NULL &&
              written.by_node.order == NULL);
}

/* -- Made in both ways ------------------------------------------------------------------------- */

static sn_tensor view(const void *data, sn_dtype dtype, int64_t rows, int64_t columns)
{
    return (sn_tensor){ (void *)(uintptr_t)data,
                        dtype,
                        columns > 0 ? 2 : 1,
                        { rows, columns > 0 ? columns : 1, 1, 1 } };
}

static sn_dataset *from_memory(void)
{
    const sn_dtype wide = { SN_INT, 64 };
    sn_node_spec nodes[] = {
        { .name = "paper", .count = 5, .times.tensor = view(paper_times, wide, 5, 0) },
        { .name = "author", .count = 3 }
    };
    sn_edge_spec edges[] = {
        { .src = "paper",
          .rel = "cites",
          .dst = "paper",
          .edge_index.tensor = view(cites_ends, wide, 2, 6),
          .weights.tensor = view(weights, (sn_dtype){ SN_FLOAT, 32 }, 6, 0),
          .times.tensor = view(edge_times, wide, 6, 0) },
        { .src = "author",
          .rel = "writes",
          .dst = "paper",
          .edge_index.tensor = view(writes_ends, wide, 2, 4) },
    };
    sn_dataset *dataset;
    ck_ok(sn_dataset_create(SN_DATASET_SPEC(.num_node_types = 2, .node_types = nodes,
                                            .num_edge_types = 2, .edge_types = edges),
                            &dataset));
    return dataset;
}

static void import_it(const char *out, sn_layout layout)
{
    static const char manifest[] =
        "{\"format\": \"seine-import-1\", \"node_types\": {\"paper\": {\"count\": 5,"
        " \"times\": \"n.npy\"}, \"author\": {\"count\": 3}}, \"edge_types\": ["
        " {\"type\": [\"paper\", \"cites\", \"paper\"], \"files\": [\"c.npy\"],"
        "  \"weights\": \"w.npy\", \"times\": \"t.npy\"},"
        " {\"type\": [\"author\", \"writes\", \"paper\"], \"files\": [\"a.npy\"]}]}";
    save_array(in_folder("n.npy"), "int64", 5, -1, paper_times);
    save_array(in_folder("c.npy"), "int64", 2, 6, cites_ends);
    save_array(in_folder("a.npy"), "int64", 2, 4, writes_ends);
    save_array(in_folder("w.npy"), "float32", 6, -1, weights);
    save_array(in_folder("t.npy"), "int64", 6, -1, edge_times);
    put_text(in_folder("m.json"), manifest);
    ck_ok(sn_import_manifest(in_folder("m.json"), in_folder("%s", out),
                             SN_IMPORT_OPTIONS(.layout = layout)));
}

START_TEST(tables_from_memory_are_those_by_hand)
{
    sn_dataset *dataset = from_memory();
    check_tables(dataset);
    ck_ok(sn_dataset_verify(dataset, NULL, NULL));
    sn_dataset_release(dataset);
}
END_TEST

START_TEST(tables_of_an_import_are_those_by_hand)
{
    static const sn_load loads[] = { SN_LOAD_MAP, SN_LOAD_MEMORY };
    import_it("ds", SN_LAYOUT_BOTH);
    sn_dataset_release(open_verified(in_folder("ds")));
    for (int i = 0; i < 2; i++) {
        sn_dataset *dataset;
        ck_ok(sn_dataset_open(in_folder("ds"), SN_DATASET_OPTIONS(.load = loads[i]), &dataset));
        check_tables(dataset);
        sn_dataset_release(dataset);
    }
}
END_TEST

START_TEST(tables_of_a_layout_that_is_not_there_are_not_there)
{
    import_it("ds", SN_LAYOUT_CSC);
    sn_dataset *dataset = open_verified(in_folder("ds"));
    sn__row_tables out = sn__dataset_tables(dataset, 0, false),
                   in = sn__dataset_tables(dataset, 0, true);
    ck_assert(out.sums == NULL && out.by_edge.order == NULL && out.by_node.order == NULL);
    EQUAL(in.sums, csc_sums);
    EQUAL(in.by_node.sums, csc_node_sums);
    sn_dataset_release(dataset);
}
END_TEST

static const char *fingerprint_of(const sn_dataset *dataset)
{
    const char *fingerprint;
    ck_ok(sn_dataset_fingerprint(dataset, &fingerprint));
    return fingerprint;
}

/* A directory from which all tables are taken is the same dataset. */
START_TEST(fingerprint_does_not_count_tables)
{
    static const char *const names[] = { "weight_sums",          "time_order",      "times",
                                         "time_weight_sums",     "node_time_order", "node_times",
                                         "node_time_weight_sums" };
    char name[64], before[64];
    import_it("ds", SN_LAYOUT_BOTH);
    sn_dataset *with = open_verified(in_folder("ds")), *memory = from_memory();
    snprintf(before, sizeof before, "%s", fingerprint_of(with));
    ck_assert_str_eq(fingerprint_of(memory), before);
    sn_dataset_release(with);
    sn_dataset_release(memory);

    json_t *meta = json_load_file(in_folder("ds/META.json"), 0, NULL);
    ck_assert_ptr_nonnull(meta);
    int removed = 0;
    for (size_t e = 0; e < 2; e++)
        for (int i = 0; i < 14; i++) {
            json_t *arrays =
                json_object_get(json_array_get(json_object_get(meta, "edge_types"), e), "arrays");
            snprintf(name, sizeof name, "%s.%s", i < 7 ? "csr" : "csc", names[i % 7]);
            removed += json_object_del(arrays, name) == 0;
        }
    ck_assert_int_eq(removed, 14 + 2);
    save_json(in_folder("ds/META.json"), meta);
    sn_dataset *without = open_verified(in_folder("ds"));
    ck_assert_str_eq(fingerprint_of(without), before);
    ck_assert_ptr_null(sn__dataset_tables(without, 0, false).sums);
    sn_dataset_release(without);
}
END_TEST

/* Wrong tables have no wrong hash in memory: their contents are compared. */
START_TEST(verify_compares_tables_with_what_they_are_made_of)
{
    static const char *const names[] = { "csr.weight_sums",           "csr.time_order",
                                         "csr.time_weight_sums",      "csc.node_time_order",
                                         "csc.node_time_weight_sums", "csc.times" };
    sn_dataset *dataset = from_memory();
    sn__row_tables out = sn__dataset_tables(dataset, 0, false),
                   in = sn__dataset_tables(dataset, 0, true);
    const void *const tables[] = { out.sums,         out.by_edge.order, out.by_edge.sums,
                                   in.by_node.order, in.by_node.sums,   in.by_edge.times };
    for (size_t i = 0; i < sizeof tables / sizeof tables[0]; i++) {
        uint32_t *first = (uint32_t *)(uintptr_t)tables[i];
        char text[128];
        snprintf(text, sizeof text,
                 "%s of edge type 'paper__cites__paper': row 0 is not what its weights and times "
                 "give",
                 names[i]);
        *first ^= 1;
        ck_fails(sn_dataset_verify(dataset, NULL, NULL), SN_E_CORRUPT, text);
        *first ^= 1;
    }
    ck_ok(sn_dataset_verify(dataset, NULL, NULL));
    sn_dataset_release(dataset);
}
END_TEST

/* -- Sampling by them -------------------------------------------------------------------------- */

static void digest_of(const char *path, sn_load load, const sn_plan_options *options,
                      uint64_t digests[2])
{
    sn_dataset *dataset;
    sn_plan *plan;
    sn_sampler *sampler;
    ck_ok(sn_dataset_open(path, SN_DATASET_OPTIONS(.load = load), &dataset));
    ck_ok(sn_plan_create(dataset, options, &plan));
    ck_ok(sn_sampler_create(plan, &sampler));
    for (int64_t b = 0; b < 2; b++) {
        sn_batch *batch;
        ck_ok(sn_sampler_sample(sampler, 1, b, &batch));
        ck_assert_int_gt(sn_batch_get_info(batch).num_edges, 0);
        digests[b] = sn_batch_digest(batch);
        sn_batch_release(batch);
    }
    sn_sampler_release(sampler);
    sn_plan_release(plan);
    sn_dataset_release(dataset);
}

START_TEST(batches_of_mapped_tables_equal_those_of_tables_in_memory)
{
    static const int64_t fanout[] = { 5, 3 };
    static int64_t until[1024];
    const sn_tensor times = view(until, (sn_dtype){ SN_INT, 64 }, 1024, 0);
    const sn_temporal_options *by = SN_TEMPORAL_OPTIONS(.seed_times = &times);
    for (int64_t i = 0; i < 1024; i++)
        until[i] = i * 1024;
    ck_ok(sn_gen_rmat(SN_RMAT_OPTIONS(.scale = 10, .degree = 12, .weights = true, .times = true),
                      in_folder("ds")));
    for (int way = 0; way < 8; way++) {
        bool temporal = way / 2 % 2 == 1;
        const sn_plan_options *options =
            SN_PLAN_OPTIONS(.batch_size = 400, .hops = 2, .fanout = fanout,
                            .weighted = way < 4 || !temporal, .disjoint = temporal,
                            .temporal = temporal ? by : NULL,
                            .dir = way % 2 == 0 ? SN_DIR_OUT : SN_DIR_IN);
        uint64_t mapped[2], read[2];
        digest_of(in_folder("ds"), SN_LOAD_MAP, options, mapped);
        digest_of(in_folder("ds"), SN_LOAD_MEMORY, options, read);
        ck_assert_mem_eq(mapped, read, sizeof mapped);
    }
}
END_TEST

int main(void)
{
    TCase *cases = tcase_create("tables");
    tcase_set_timeout(cases, 60);
    tcase_add_test(cases, tables_from_memory_are_those_by_hand);
    tcase_add_test(cases, tables_of_an_import_are_those_by_hand);
    tcase_add_test(cases, tables_of_a_layout_that_is_not_there_are_not_there);
    tcase_add_test(cases, fingerprint_does_not_count_tables);
    tcase_add_test(cases, verify_compares_tables_with_what_they_are_made_of);
    tcase_add_test(cases, batches_of_mapped_tables_equal_those_of_tables_in_memory);
    return run_in_folder("tables", cases);
}
