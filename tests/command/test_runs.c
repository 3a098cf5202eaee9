/* SPDX-License-Identifier: Apache-2.0 */
/* What the commands do when all is well, on the graphs that ship with the project. */
#include "base/run.h"

#include "command/drive.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

static void import_manifest(const char *manifest, const char *out)
{
    outcome of = SEINE("import", "--manifest", source_path(manifest), "--out", out);
    ck_assert_msg(of.code == 0, "%s: %s", manifest, of.err);
    ck_assert_str_eq(of.err, "");
    ck_assert_int_eq(count_lines(of.out), 1);
    ck_assert_int_eq(strncmp(of.out, out, strlen(out)), 0);
    outcome_free(&of);
}

static void import_packages(void)
{
    import_manifest("examples/data/debian-packages/manifest.json", "packages");
}

/* stdout of a call that succeeds; freed by the caller. */
static char *printed(const char *const *arguments)
{
    outcome of = seine(arguments, NULL);
    ck_assert_msg(of.code == 0, "exit code %d: %s", of.code, of.err);
    free(of.err);
    return of.out;
}
#define PRINTED(...) printed(ARGUMENTS(__VA_ARGS__))

static json_t *parsed(const char *text)
{
    json_error_t error;
    json_t *value = json_loads(text, 0, &error);
    ck_assert_msg(value != NULL, "%s at %d", error.text, error.position);
    return value;
}

/* -- Import and inspect ------------------------------------------------------------------------ */

START_TEST(import_of_each_manifest_is_whole_and_verified)
{
    static const struct {
        const char *manifest;
        int node_types, edge_types;
        json_int_t nodes, edges; /* 0: not known from the documents */
    } table[] = {
        { "examples/data/debian-packages/manifest.json", 1, 1, 63436, 651162 },
        { "examples/data/debian-packages/typed.json", 3, 11, 0, 0 },
        { "examples/data/wordnet/manifest.json", 5, 42, 117659 + 147306, 0 },
        { "examples/data/wordnet/links.json", 1, 1, 117659, 2 * 147033 },
    };
    import_manifest(table[_i].manifest, "out");
    char *text = PRINTED("inspect", "out", "--verify", "--json");
    json_t *all = parsed(text), *type;
    json_int_t nodes = 0, edges = 0;
    size_t i;
    json_array_foreach(json_object_get(all, "node_types"), i, type) nodes +=
        json_integer_value(json_object_get(type, "count"));
    json_array_foreach(json_object_get(all, "edge_types"), i, type) edges +=
        json_integer_value(json_object_get(type, "count"));
    ck_assert_uint_eq(json_array_size(json_object_get(all, "node_types")),
                      (size_t)table[_i].node_types);
    ck_assert_uint_eq(json_array_size(json_object_get(all, "edge_types")),
                      (size_t)table[_i].edge_types);
    ck_assert_int_eq(nodes, table[_i].nodes > 0 ? table[_i].nodes : nodes);
    ck_assert_int_eq(edges, table[_i].edges > 0 ? table[_i].edges : edges);
    ck_assert(json_is_true(json_object_get(all, "verified")));
    ck_assert_uint_eq(strlen(json_string_value(json_object_get(all, "fingerprint"))), 32);
    json_decref(all);
    free(text);
    expect_done(SEINE("inspect", "out"));
    ck_assert_str_eq(listing("."), "out");
}
END_TEST

START_TEST(inspect_of_the_packages_has_their_degrees_and_files)
{
    import_packages();
    char *text = PRINTED("inspect", "packages", "--json");
    json_t *all = parsed(text), *file;
    json_t *edges = json_array_get(json_object_get(all, "edge_types"), 0);
    json_t *out = json_object_get(edges, "out_degree"), *in = json_object_get(edges, "in_degree");
    size_t i;
    ck_assert_int_eq(json_integer_value(json_object_get(out, "max")), 21823);
    ck_assert_int_eq(json_integer_value(json_object_get(out, "median")), 5);
    ck_assert_double_eq_tol(json_real_value(json_object_get(out, "mean")), 651162.0 / 63436, 1e-6);
    ck_assert(json_equal(out, in)); /* every edge has its reverse */
    json_array_foreach(json_object_get(all, "files"), i, file)
    {
        char path[512];
        struct stat info;
        snprintf(path, sizeof path, "packages/%s",
                 json_string_value(json_object_get(file, "file")));
        ck_assert_int_eq(stat(path, &info), 0);
        ck_assert_int_eq(json_integer_value(json_object_get(file, "bytes")), info.st_size);
    }
    ck_assert_uint_ge(i, 9);
    json_decref(all);
    free(text);
}
END_TEST

START_TEST(import_over_a_dataset_replaces_it_and_over_anything_else_is_refused)
{
    static const int32_t edges[2][2] = { { 0, 1 }, { 1, 0 } };
    put_npy("e.npy", "<i4", "(2, 2)", edges, sizeof edges);
    ck_assert_int_eq(mkdir("foreign", 0700), 0);
    put_text("foreign/thesis.tex", "years of work");
    expect_failure(SEINE("import", "--edges", "e.npy", "--out", "foreign"), 1, "foreign",
                   "foreign");
    ck_assert_str_eq(listing("foreign"), "thesis.tex");
    ck_assert_int_eq(mkdir("empty", 0700), 0);
    expect_done(SEINE("import", "--edges", "e.npy", "--out", "empty"));
    import_manifest("examples/data/debian-packages/manifest.json", "empty");
    char *text = PRINTED("inspect", "empty", "--verify");
    ck_assert_ptr_nonnull(strstr(text, "63436 nodes"));
    free(text);
    ck_assert_str_eq(listing("."), "e.npy empty foreign");
}
END_TEST

START_TEST(import_of_edges_with_all_attributes_carries_them)
{
    static const int64_t edges[2][3] = { { 0, 2, 1 }, { 1, 0, 1 } };
    static const float feat[4][2] = { { 0, .5f }, { 1, 1.5f }, { 2, 2.5f }, { 3, 3.5f } };
    static const float edge_feat[3] = { 10, 11, 12 }, weights[3] = { 1, 2, 3 };
    static const int64_t times[3] = { 7, 8, 9 }, node_times[4] = { 1, 2, 3, 4 };
    static const int64_t labels[4] = { ((int64_t)1 << 62) + 1, -1, 0, INT64_MIN };
    put_npy("e.npy", "<i8", "(2, 3)", edges, sizeof edges);
    put_npy("x.npy", "<f4", "(4, 2)", feat, sizeof feat);
    put_npy("f.npy", "<f4", "(3, 1)", edge_feat, sizeof edge_feat);
    put_npy("w.npy", "<f4", "(3,)", weights, sizeof weights);
    put_npy("t.npy", "<i8", "(3,)", times, sizeof times);
    put_npy("n.npy", "<i8", "(4,)", node_times, sizeof node_times);
    put_npy("y.npy", "<i8", "(4,)", labels, sizeof labels);
    expect_done(SEINE("import", "--edges", "e.npy", "--node-feat", "x.npy", "--edge-feat", "f.npy",
                      "--weights", "w.npy", "--times", "t.npy", "--node-times", "n.npy", "--labels",
                      "y.npy", "--undirected", "--num-nodes", "4", "--out", "g"));
    expect_done(SEINE("inspect", "g", "--verify"));
    char *text = PRINTED("sample", "g", "--input", "2", "--fanout", "-1,-1", "--with-edge",
                         "--features", "--labels", "all", "--format", "json");
    json_t *line = parsed(text), *tensors = json_object_get(line, "tensors");
    json_t *nodes = json_object_get(tensors, "node");
    ck_assert_int_eq(json_integer_value(json_array_get(nodes, 0)), 2);
    json_t *x0 = json_array_get(json_object_get(tensors, "x"), 0);
    ck_assert_double_eq(json_number_value(json_array_get(x0, 0)), 2);
    ck_assert_double_eq(json_number_value(json_array_get(x0, 1)), 2.5);
    json_t *edge = json_object_get(tensors, "edge"), *attr = json_object_get(tensors, "edge_attr");
    size_t i;
    json_t *id;
    json_array_foreach(edge, i, id)
        ck_assert_double_eq(json_number_value(json_array_get(json_array_get(attr, i), 0)),
                            10 + (double)(json_integer_value(id) % 3)); /* reverses share theirs */
    ck_assert_uint_ge(i, 3);
    json_decref(line);
    ck_assert_ptr_nonnull(strstr(text, "4611686018427387905"));
    free(text);
}
END_TEST

START_TEST(import_with_shuffled_ends_keeps_degrees_and_changes_the_graph)
{
    enum { EDGES = 2000 };
    int32_t edges[2 * EDGES];
    for (uint32_t i = 0; i < 2 * EDGES; i++) /* few nodes have many edges */
        edges[i] = (int32_t)((i * 2654435761u >> 22) * (i * 40503u >> 5 & 1023) >> 10);
    put_npy("e.npy", "<i4", "(2, 2000)", edges, sizeof edges);
    expect_done(SEINE("import", "--edges", "e.npy", "--out", "plain"));
    expect_done(SEINE("import", "--edges", "e.npy", "--shuffle-ends", "1", "--out", "one"));
    expect_done(SEINE("import", "--edges", "e.npy", "--shuffle-ends=1", "--out", "same"));
    expect_done(SEINE("import", "--edges", "e.npy", "--shuffle-ends", "2", "--out", "two"));
    static const char *const names[] = { "plain", "one", "same", "two" };
    json_t *all[4];
    for (int i = 0; i < 4; i++) {
        char *text = PRINTED("inspect", names[i], "--verify", "--json");
        all[i] = parsed(text);
        free(text);
        json_t *mine = json_array_get(json_object_get(all[i], "edge_types"), 0);
        json_t *first = json_array_get(json_object_get(all[0], "edge_types"), 0);
        ck_assert(
            json_equal(json_object_get(mine, "out_degree"), json_object_get(first, "out_degree")));
        ck_assert(
            json_equal(json_object_get(mine, "in_degree"), json_object_get(first, "in_degree")));
        for (int k = 0; k < i; k++)
            ck_assert_int_eq(json_equal(json_object_get(all[i], "fingerprint"),
                                        json_object_get(all[k], "fingerprint")),
                             i == 2 && k == 1);
    }
    for (int i = 0; i < 4; i++)
        json_decref(all[i]);
}
END_TEST

START_TEST(gen_with_the_same_seed_makes_the_same_dataset)
{
    static const char *const seeds[] = { "5", "5", "6" };
    char fingerprints[3][33];
    for (int i = 0; i < 3; i++) {
        char *text = PRINTED("gen", "rmat", "--nodes", "3000", "--degree", "7", "--feat-dim", "5",
                             "--feat-dtype", "float16", "--classes", "3", "--undirected", "--seed",
                             seeds[i], "--probs", ".5,.2,.2", "--out", "g");
        const char *at = strstr(text, "fingerprint ");
        ck_assert_ptr_nonnull(at);
        snprintf(fingerprints[i], 33, "%s", at + 12);
        free(text);
        text = PRINTED("inspect", "g", "--verify", "--json");
        ck_assert_ptr_nonnull(strstr(text, fingerprints[i]));
        ck_assert_ptr_nonnull(strstr(text, "\"dtype\":\"float16\",\"shape\":[3000,5]"));
        ck_assert_ptr_nonnull(strstr(text, "\"train\":300"));
        free(text);
    }
    ck_assert_str_eq(fingerprints[0], fingerprints[1]);
    ck_assert_str_ne(fingerprints[0], fingerprints[2]);
}
END_TEST

START_TEST(layout_that_is_not_there_is_refused_by_the_direction_that_needs_it)
{
    expect_done(
        SEINE("gen", "rmat", "--scale", "6", "--degree", "3", "--layout", "csr", "--out", "r"));
    expect_done(
        SEINE("gen", "rmat", "--scale", "6", "--degree", "3", "--layout", "csc", "--out", "c"));
    expect_done(SEINE("sample", "r", "--fanout", "2"));
    expect_done(SEINE("sample", "c", "--fanout", "2", "--edge-dir", "in"));
    expect_done(SEINE("inspect", "r", "--verify"));
    expect_done(SEINE("inspect", "c", "--verify"));
    expect_failure(SEINE("sample", "r", "--fanout", "2", "--edge-dir", "in"), EITHER, NULL,
                   "csr, in");
    expect_failure(SEINE("sample", "c", "--fanout", "2"), EITHER, NULL, "csc, out");
}
END_TEST

/* -- Sample ------------------------------------------------------------------------------------ */

/* "total batches=3 nodes=10 edges=20 seconds=0.1 restarts=0 spills=0" */
static void read_totals(const char *text, long long out[3])
{
    double took = -1;
    int end = 0;
    int read =
        sscanf(text, "total batches=%lld nodes=%lld edges=%lld seconds=%lf restarts=0 spills=0%n",
               &out[0], &out[1], &out[2], &took, &end);
    ck_assert_msg(read == 4 && end > 0 && text[end] == '\n' && text[end + 1] == '\0', "%s", text);
    ck_assert_double_ge(took, 0);
}

/* The line of JSON against the line of digests; adds how many nodes and edges its tensors have. */
static void compare_lines(const char *json, const char *digest, long long *nodes, long long *edges)
{
    unsigned long long epoch, batch;
    long long said_nodes, said_edges, has_nodes = 0, has_edges = 0;
    char hex[17];
    json_t *line = parsed(json), *tensor;
    const char *name;
    ck_assert_int_eq(
        sscanf(digest, "%llu %llu %16s %lld %lld", &epoch, &batch, hex, &said_nodes, &said_edges),
        5);
    ck_assert_str_eq(json_string_value(json_object_get(line, "digest")), hex);
    ck_assert_int_eq(json_integer_value(json_object_get(line, "epoch")), (json_int_t)epoch);
    ck_assert_int_eq(json_integer_value(json_object_get(line, "batch")), (json_int_t)batch);
    json_object_foreach(json_object_get(line, "tensors"), name, tensor)
    {
        const char *dot = strrchr(name, '.'), *last = dot != NULL ? dot + 1 : name;
        if (strcmp(last, "node") == 0)
            has_nodes += (long long)json_array_size(tensor);
        if (strcmp(last, "row") == 0)
            has_edges += (long long)json_array_size(tensor);
        if (strcmp(last, "x") == 0 && json_array_size(tensor) > 0)
            ck_assert_uint_eq(json_array_size(json_array_get(tensor, 0)), 72);
    }
    json_decref(line);
    ck_assert_int_eq(has_nodes, said_nodes);
    ck_assert_int_eq(has_edges, said_edges);
    *nodes += has_nodes;
    *edges += has_edges;
}

START_TEST(sample_in_three_formats_tells_the_same)
{
    static const struct {
        const char *manifest, *fanout;
    } table[] = {
        { "examples/data/debian-packages/manifest.json", "5,3" },
        { "examples/data/debian-packages/typed.json",
          "package__depends__package=5,3;maintainer__maintains__source=2,2;other=1,0" },
    };
    import_manifest(table[_i].manifest, "g");
    outcome of[3];
    static const char *const formats[] = { "digest", "json", "none" };
    long long totals[3][3], nodes = 0, edges = 0;
    for (int i = 0; i < 3; i++) {
        of[i] =
            SEINE("sample", "g", "--input", "train", "--fanout", table[_i].fanout, "--batch-size",
                  "16", "--shuffle", "--seed", "3", "--epoch", "2", "--batches", "4", "--features",
                  "--labels", "seeds", "--with-edge", "--edge-dir", "in", "--format", formats[i]);
        ck_assert_msg(of[i].code == 0, "%s", of[i].err);
        read_totals(of[i].err, totals[i]);
        ck_assert_int_eq(count_lines(of[i].out), i < 2 ? 4 : 0);
        ck_assert_int_eq(totals[i][0], 4);
    }
    char *save[2] = { NULL, NULL };
    char *digest = strtok_r(of[0].out, "\n", &save[0]), *json = strtok_r(of[1].out, "\n", &save[1]);
    for (; digest != NULL;
         digest = strtok_r(NULL, "\n", &save[0]), json = strtok_r(NULL, "\n", &save[1]))
        compare_lines(json, digest, &nodes, &edges);
    for (int i = 0; i < 3; i++) {
        ck_assert_int_eq(totals[i][1], nodes);
        ck_assert_int_eq(totals[i][2], edges);
        outcome_free(&of[i]);
    }
}
END_TEST

/* Appends to a text. */
static void join(char **all, char *part)
{
    size_t length = *all != NULL ? strlen(*all) : 0, more = strlen(part);
    *all = realloc(*all, length + more + 1);
    ck_assert_ptr_nonnull(*all);
    memcpy(*all + length, part, more + 1);
    free(part);
}

#define PLAN                                                                              \
    "sample", "packages", "--input", "train", "--fanout", "10,5", "--batch-size", "1000", \
        "--shuffle", "--features", "--labels", "all", "--with-edge"

START_TEST(digests_of_a_stream_do_not_depend_on_how_it_is_read)
{
    import_packages();
    char *whole = PRINTED(PLAN, "--epochs", "2"), *other = NULL;
    ck_assert_int_eq(count_lines(whole), 2 * 38);

    other = PRINTED(PLAN, "--epochs", "2", "--load", "memory");
    ck_assert_str_eq(other, whole);
    free(other);
    other = PRINTED(PLAN, "--epochs", "2", "--index", "int32");
    ck_assert_str_eq(other, whole);
    free(other);

    other = PRINTED(PLAN);
    join(&other, PRINTED(PLAN, "--epoch", "1"));
    ck_assert_str_eq(other, whole);
    free(other);

    /* From the back to the front, in pieces of 10. */
    char *pieces[4];
    static const char *const starts[] = { "0", "10", "20", "30" };
    for (int i = 3; i >= 0; i--)
        pieces[i] = PRINTED(PLAN, "--start-batch", starts[i], "--batches", "10");
    for (int i = 1; i < 4; i++)
        join(&pieces[0], pieces[i]);
    join(&pieces[0], PRINTED(PLAN, "--epoch", "1"));
    ck_assert_str_eq(pieces[0], whole);
    free(pieces[0]);
    free(whole);
}
END_TEST

/* The digest line of batch `number` in a text of lines. */
static bool has_line(const char *text, const char *line, size_t length)
{
    for (const char *at = text; (at = strstr(at, line)) != NULL; at++)
        if ((at == text || at[-1] == '\n') && at[length] == '\n')
            return true;
    return false;
}

START_TEST(shards_of_an_epoch_share_it_out)
{
    import_packages();
    char *whole = PRINTED(PLAN);
    static const struct {
        const char *uneven;
        int lines[3]; /* of 38 batches over 3 ranks */
    } table[] = { { "short", { 13, 13, 12 } },
                  { "pad", { 13, 13, 13 } },
                  { "drop", { 12, 12, 12 } } };
    static const char *const shards[] = { "0/3", "1/3", "2/3" };
    for (int policy = 0; policy < 3; policy++) {
        int all = 0;
        for (int rank = 0; rank < 3; rank++) {
            char *part = PRINTED(PLAN, "--shard", shards[rank], "--uneven", table[policy].uneven);
            ck_assert_int_eq(count_lines(part), table[policy].lines[rank]);
            for (char *line = strtok(part, "\n"); line != NULL; line = strtok(NULL, "\n")) {
                char text[256];
                snprintf(text, sizeof text, "%s", line);
                ck_assert_msg(has_line(whole, text, strlen(text)), "%s is not of the epoch", text);
                all++;
            }
            free(part);
        }
        ck_assert_int_eq(all, policy == 0 ? 38 : policy == 1 ? 39 : 36);
    }
    /* --batches counts global batches, which the ranks share. */
    char *part = PRINTED(PLAN, "--shard", "1/3", "--start-batch", "5", "--batches", "6");
    ck_assert_int_eq(count_lines(part), 2); /* 7 and 10 of 5 to 10 */
    ck_assert_int_eq(strncmp(part, "0 7 ", 4), 0);
    free(part);
    free(whole);
}
END_TEST

START_TEST(input_in_any_form_means_the_same_seeds)
{
    static const int32_t ids[3] = { 7, 3, 7 };
    import_packages();
    put_npy("ids.npy", "<i4", "(3,)", ids, sizeof ids);
    char *file = PRINTED("sample", "packages", "--input", "ids.npy", "--fanout", "4");
    char *list = PRINTED("sample", "packages", "--input", "7,3,7", "--fanout", "4", "--input-type",
                         "package");
    ck_assert_str_eq(file, list);
    free(file);
    free(list);
    char *all = PRINTED("sample", "packages", "--fanout", "1", "--batch-size", "10000");
    char *named =
        PRINTED("sample", "packages", "--fanout", "1", "--batch-size", "10000", "--input", "all");
    ck_assert_str_eq(all, named);
    ck_assert_int_eq(count_lines(all), 7);
    free(all);
    free(named);
    char *dropped =
        PRINTED("sample", "packages", "--fanout", "1", "--batch-size", "10000", "--drop-last");
    ck_assert_int_eq(count_lines(dropped), 6);
    free(dropped);
}
END_TEST

START_TEST(input_of_a_typed_graph_needs_a_type_where_it_is_open)
{
    import_manifest("examples/data/debian-packages/typed.json", "t");
    expect_done(SEINE("sample", "t", "--input", "train", "--batches", "1"));
    expect_failure(SEINE("sample", "t", "--input", "all"), 2, "--input-type", "all");
    expect_failure(SEINE("sample", "t", "--input", "0"), 2, "--input-type", "ids");
    expect_done(SEINE("sample", "t", "--input", "0", "--input-type", "maintainer"));
    expect_failure(SEINE("sample", "t", "--input", "train", "--input-type", "source"), 1, "source",
                   "no split");
    expect_failure(SEINE("sample", "t", "--input", "0", "--input-type", "author"), 2, "author",
                   "no type");
    expect_failure(
        SEINE("sample", "t", "--input", "train", "--fanout", "package__depends__package=3"), 2,
        "other", "not all named");
}
END_TEST

START_TEST(json_of_floats_that_json_lacks_is_null)
{
    static const int32_t edges[2][1] = { { 0 }, { 1 } };
    static const uint32_t bits[4] = { 0x7fc00000, 0x7f800000, 0xff800000, 0x3dcccccd };
    put_npy("e.npy", "<i4", "(2, 1)", edges, sizeof edges);
    put_npy("x.npy", "<f4", "(2, 2)", bits, sizeof bits);
    expect_done(SEINE("import", "--edges", "e.npy", "--node-feat", "x.npy", "--out", "g"));
    char *text = PRINTED("sample", "g", "--features", "--format", "json", "--fanout", "1");
    ck_assert_msg(strstr(text, "\"x\":[[null,null],[null,0.100000001]]") != NULL, "%s", text);
    json_decref(parsed(text));
    free(text);
}
END_TEST

START_TEST(train_on_the_packages_prints_its_epoch_as_json)
{
    outcome help = SEINE("doctor");
    bool has_trainer = strstr(help.out, "missing  trainer") == NULL;
    outcome_free(&help);
    import_packages();
    if (!has_trainer) {
        expect_failure(SEINE("train", "packages"), 1, "OpenBLAS", "no trainer");
        return;
    }
    char *text = PRINTED("train", "packages", "--epochs", "1", "--hidden", "16", "--fanout", "3,2",
                         "--json");
    ck_assert_int_eq(count_lines(text), 2);
    char *end = strchr(text, '\n');
    *end = '\0';
    json_t *epoch = parsed(text), *last = parsed(end + 1);
    ck_assert(json_is_integer(json_object_get(epoch, "epoch")));
    ck_assert(json_is_number(json_object_get(epoch, "loss")));
    ck_assert(json_is_number(json_object_get(last, "test_accuracy")));
    json_decref(epoch);
    json_decref(last);
    free(text);
}
END_TEST

START_TEST(bench_of_a_small_graph_prints_rows_with_limit_and_share)
{
    expect_done(
        SEINE("gen", "rmat", "--scale", "10", "--degree", "8", "--feat-dim", "8", "--out", "g"));
    static const char *const benches[] = { "sample", "gather" };
    for (int i = 0; i < 2; i++) {
        char *text =
            PRINTED("bench", benches[i], "--dataset", "g", "--runs", "3", "--json", "--size", "64",
                    "--fanout", "5,5", "--load", i == 0 ? "map" : "memory");
        json_t *row = json_loads(text, JSON_DISABLE_EOF_CHECK, NULL);
        ck_assert_ptr_nonnull(row);
        static const char *const numbers[] = { "median", "p10", "p90", "runs", "limit", "share" };
        for (size_t k = 0; k < 6; k++)
            ck_assert_msg(json_is_number(json_object_get(row, numbers[k])) || i == 1, "%s: %s",
                          numbers[k], text);
        ck_assert_str_eq(json_string_value(json_object_get(row, "bench")), benches[i]);
        ck_assert_int_eq(json_integer_value(json_object_get(row, "runs")), 3);
        json_decref(row);
        ck_assert_int_eq(strstr(text, "\"sample + gather\"") != NULL, i == 1);
        free(text);
    }
    expect_done(SEINE("bench", "sample", "--dataset", "g", "--runs", "2", "--size", "64"));
    expect_done(SEINE("bench", "sample", "--scale", "6", "--runs", "1", "--size", "64",
                      "--edge-dir", "in"));
}
END_TEST

START_TEST(bench_sample_prints_a_row_for_all_that_it_measures_in_turn)
{
    static const char *const shapes[] = { "small-pages", "typed" };
    static const char *const names[] = { "edges", "batches", "shared", "beside plain", NULL };
    static const char *const last[] = { "small pages", "typed" };
    for (int i = 0; i < 2; i++) {
        char *text = PRINTED("bench", "sample", "--scale", "8", "--runs", "2", "--json", "--size",
                             "64", "--threads", "2", "--with-edge", "--replace", "--fanout", "7,-1",
                             "--edge-dir", i == 0 ? "out" : "in", "--beside", shapes[i]);
        const char *at = text;
        for (int r = 0; r < 5; r++) {
            json_error_t error;
            json_t *row = json_loads(at, JSON_DISABLE_EOF_CHECK, &error);
            ck_assert_msg(row != NULL, "row %d: %s", r, text);
            ck_assert_str_eq(json_string_value(json_object_get(row, "name")),
                             names[r] != NULL ? names[r] : last[i]);
            ck_assert(json_is_number(json_object_get(row, "share")) == (r != 1));
            at += error.position;
            json_decref(row);
        }
        ck_assert_str_eq(at, "\n");
        free(text);
    }
}
END_TEST

START_TEST(bench_limits_prints_a_row_per_limit)
{
    char *text =
        PRINTED("bench", "limits", "--size", "64", "--runs", "1", "--threads", "1", "--json");
    int rows = 0;
    for (char *line = strtok(text, "\n"); line != NULL; line = strtok(NULL, "\n"), rows++) {
        json_t *row = parsed(line);
        ck_assert_str_eq(json_string_value(json_object_get(row, "bench")), "limits");
        ck_assert(json_number_value(json_object_get(row, "median")) > 0);
        ck_assert(json_is_null(json_object_get(row, "limit")));
        json_decref(row);
    }
    ck_assert_int_ge(rows, 10);
    free(text);
}
END_TEST

int main(void)
{
    TCase *cases = tcase_create("runs");
    tcase_add_checked_fixture(cases, workspace_make, workspace_remove);
    tcase_set_timeout(cases, 300);
    tcase_add_loop_test(cases, import_of_each_manifest_is_whole_and_verified, 0, 4);
    tcase_add_test(cases, inspect_of_the_packages_has_their_degrees_and_files);
    tcase_add_test(cases, import_over_a_dataset_replaces_it_and_over_anything_else_is_refused);
    tcase_add_test(cases, import_of_edges_with_all_attributes_carries_them);
    tcase_add_test(cases, import_with_shuffled_ends_keeps_degrees_and_changes_the_graph);
    tcase_add_test(cases, gen_with_the_same_seed_makes_the_same_dataset);
    tcase_add_test(cases, layout_that_is_not_there_is_refused_by_the_direction_that_needs_it);
    tcase_add_loop_test(cases, sample_in_three_formats_tells_the_same, 0, 2);
    tcase_add_test(cases, digests_of_a_stream_do_not_depend_on_how_it_is_read);
    tcase_add_test(cases, shards_of_an_epoch_share_it_out);
    tcase_add_test(cases, input_in_any_form_means_the_same_seeds);
    tcase_add_test(cases, input_of_a_typed_graph_needs_a_type_where_it_is_open);
    tcase_add_test(cases, json_of_floats_that_json_lacks_is_null);
    tcase_add_test(cases, train_on_the_packages_prints_its_epoch_as_json);
    tcase_add_test(cases, bench_of_a_small_graph_prints_rows_with_limit_and_share);
    tcase_add_test(cases, bench_sample_prints_a_row_for_all_that_it_measures_in_turn);
    tcase_add_test(cases, bench_limits_prints_a_row_per_limit);
    return run_cases("runs", cases);
}
