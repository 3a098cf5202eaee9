/* SPDX-License-Identifier: Apache-2.0 */
/* Datasets that the command makes, down to their edges: of files, of random graphs, in any
 * place, with any number of threads; and what inspect and doctor say in JSON. */
#include "base/run.h"

#include "command/small.h"
#include "command/stream.h"

#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Runs a command that must be done; what it prints does not matter. */
static void done(const char *line)
{
    free(printed(line));
}

/* What inspect says, after a full check. New. */
static json_t *inspect(const char *name)
{
    char line[4200];
    snprintf(line, sizeof line, "inspect %s --verify --json", name);
    char *text = printed(line);
    ck_assert_msg(count_lines(text) == 1, "%s: not one line: %.300s", line, text);
    json_t *all = parsed(text);
    ck_assert(json_is_true(json_at(all, "verified")));
    free(text);
    return all;
}

/* Valid until 8 more were asked for. */
static const char *fingerprint(const char *name)
{
    static char texts[8][40];
    static int next;
    char *text = texts[next++ % 8];
    json_t *all = inspect(name);
    snprintf(text, 40, "%s", json_text_at(all, "fingerprint"));
    ck_assert_uint_eq(strlen(text), 32);
    json_decref(all);
    return text;
}

/* The one batch that a line of sample prints as JSON. New. */
static json_t *only_batch(const char *line)
{
    outcome of = run_line(line, NULL);
    ck_assert_msg(of.code == 0 && count_lines(of.out) == 1, "%s: %s", line, of.err);
    json_t *batch = parsed(of.out);
    outcome_free(&of);
    return batch;
}

static void import_with(const char *manifest, const char *setting)
{
    expect_done(
        seine(ARGUMENTS("import", "--manifest", manifest, "--out", "out"), ENVIRONMENT(setting)));
}

/* -- Of files ---------------------------------------------------------------------------------- */

START_TEST(import_gives_the_same_with_any_number_of_threads)
{
    static const char *const threads[] = { "SEINE_THREADS=1", "SEINE_THREADS=2", "SEINE_THREADS=7",
                                           "SEINE_THREADS=auto" };
    static const char *const graphs[] = { "examples/data/debian-packages/manifest.json",
                                          "examples/data/wordnet/links.json" };
    char first[40] = "";
    const char *manifest = source_path(graphs[_i]);
    for (size_t i = 0; i < sizeof threads / sizeof *threads; i++) {
        import_with(manifest, threads[i]); /* replaces the one before */
        if (i == 0)
            snprintf(first, sizeof first, "%s", fingerprint("out"));
        else
            ck_assert_str_eq(first, fingerprint("out"));
    }
}
END_TEST

/* Reverses follow in the same order: ids E to 2E - 1, with the same attributes. */
START_TEST(undirected_edges_have_reverses_behind_them)
{
    const int64_t pairs[] = { 2, 0, 0, 1 }; /* 2 -> 0, 0 -> 1 */
    const float attributes[] = { 1.5f, 2.5f };
    int count;
    put_pairs("edges.npy", "<i4", pairs, 4);
    put_npy("ex.npy", "<f4", "(2, 1)", attributes, sizeof attributes);
    done("import --edges edges.npy --edge-feat ex.npy --undirected --out out");
    json_t *batch = only_batch(
               "sample out --fanout -1 --input 0,1,2 --with-edge --features --format json"),
           *value;
    static const int64_t rows[] = { 1, 2, 0, 0 }, cols[] = { 0, 0, 1, 2 }, ids[] = { 1, 2, 3, 0 };
    int64_t *row = batch_integers(batch, "row", &count),
            *col = batch_integers(batch, "col", &count),
            *edge = batch_integers(batch, "edge", &count);
    ck_assert_int_eq(count, 4);
    ck_assert_mem_eq(row, rows, sizeof rows);
    ck_assert_mem_eq(col, cols, sizeof cols);
    ck_assert_mem_eq(edge, ids, sizeof ids);
    size_t i;
    json_array_foreach(batch_tensor(batch, "edge_attr"), i, value) ck_assert_double_eq(
        json_number_value(json_array_get(value, 0)), ids[i] % 2 == 0 ? 1.5 : 2.5);
    free(row);
    free(col);
    free(edge);
    json_decref(batch);
}
END_TEST

START_TEST(number_of_nodes_is_as_given_or_as_the_files_say)
{
    put_sources();
    static const struct {
        const char *flags;
        int64_t nodes;
    } ways[] = { { "--edges cites.npy", 12 },
                 { "--edges pairs.npy", 10 },
                 { "--edges pairs.npy --node-feat x.npy", 12 },
                 { "--edges pairs.npy --labels y.npy", 12 },
                 { "--edges pairs.npy --num-nodes 1000", 1000 } };
    for (size_t i = 0; i < sizeof ways / sizeof *ways; i++) {
        char line[256];
        snprintf(line, sizeof line, "import %s --out out", ways[i].flags);
        done(line);
        json_t *all = inspect("out");
        ck_assert_int_eq(json_int_at(all, "node_types/0/count"), ways[i].nodes);
        json_decref(all);
    }
}
END_TEST

START_TEST(graph_without_edges_or_nodes_is_a_dataset)
{
    put_npy("none.npy", "<i8", "(2, 0)", "", 0);
    done("import --edges none.npy --out empty");
    done("import --edges none.npy --num-nodes 3 --out alone");
    json_t *all = inspect("empty");
    ck_assert_int_eq(json_int_at(all, "node_types/0/count"), 0);
    ck_assert_int_eq(json_int_at(all, "edge_types/0/count"), 0);
    json_decref(all);
    stream none = stream_of("empty --fanout 2"), three = stream_of("alone --fanout 2,-1");
    ck_assert_int_eq(none.count, 0);
    ck_assert_int_eq(three.count, 1);
    ck_assert_int_eq(three.lines[0].nodes, 3);
    ck_assert_int_eq(three.lines[0].edges, 0);
    stream_free(&none);
    stream_free(&three);
}
END_TEST

START_TEST(output_may_be_new_an_empty_folder_or_a_dataset)
{
    put_sources();
    ck_assert_int_eq(mkdir("empty", 0700) | mkdir("sub", 0700), 0);
    done("import --edges cites.npy --out new");
    done("import --edges cites.npy --out empty");
    done("import --manifest ring.json --out new");
    done("import --manifest ring.json --out new/");
    done("import --manifest ring.json --out ./sub/../sub/inner");
    done("gen rmat --nodes 9 --degree 2 --out empty/");
    ck_assert_str_eq(fingerprint("new"), fingerprint(shared_path("ring")));
    ck_assert_str_eq(fingerprint("sub/inner"), fingerprint(shared_path("ring")));
    ck_assert_str_eq(listing("sub"), "inner");
    json_t *all = inspect("empty");
    ck_assert_int_eq(json_int_at(all, "node_types/0/count"), 9);
    json_decref(all);
}
END_TEST

START_TEST(output_behind_a_link_is_written_where_the_link_points)
{
    put_sources();
    ck_assert_int_eq(mkdir("there", 0700), 0);
    ck_assert_int_eq(symlink("there", "here"), 0);
    done("import --manifest ring.json --out here");
    ck_assert_str_eq(fingerprint("there"), fingerprint(shared_path("ring")));
    struct stat info;
    ck_assert_int_eq(lstat("here", &info), 0);
    ck_assert(S_ISLNK(info.st_mode));
}
END_TEST

START_TEST(rmat_is_what_its_flags_say)
{
    done("gen rmat --nodes 3000 --degree 7 --feat-dim 5 --feat-dtype float16 --classes 3 --seed 9 "
         "--out out");
    json_t *all = inspect("out");
    ck_assert_int_eq(json_int_at(all, "node_types/0/count"), 3000);
    ck_assert_int_eq(json_int_at(all, "node_types/0/train"), 300);
    ck_assert_str_eq(json_text_at(all, "node_types/0/x/dtype"), "float16");
    ck_assert_int_eq(json_int_at(all, "node_types/0/x/shape/1"), 5);
    int64_t edges = json_int_at(all, "edge_types/0/count");
    ck_assert_msg(edges > 15000 && edges <= 21000, "%" PRId64 " edges", edges);
    ck_assert_int_gt(json_int_at(all, "edge_types/0/out_degree/max"), 50); /* a power law */
    json_decref(all);
    json_t *batch =
        only_batch("sample out --fanout 0 --labels all --batch-size 3000 --format json");
    int count, seen[3] = { 0 };
    int64_t *labels = batch_integers(batch, "y", &count);
    ck_assert_int_eq(count, 3000);
    for (int i = 0; i < count; i++) {
        ck_assert_msg(labels[i] >= 0 && labels[i] < 3, "label %" PRId64, labels[i]);
        seen[labels[i]]++;
    }
    for (int i = 0; i < 3; i++)
        ck_assert_msg(seen[i] > 850 && seen[i] < 1150, "label %d: %d times", i, seen[i]); /* 1000 */
    free(labels);
    json_decref(batch);
}
END_TEST

START_TEST(rmat_depends_on_its_seed_and_not_on_threads)
{
#define RMAT "gen rmat --scale 12 --degree 8 --feat-dim 4 --out out --seed "
    static const struct {
        const char *line, *env;
    } ways[] = { { RMAT "1", "SEINE_THREADS=1" },
                 { RMAT "1", "SEINE_THREADS=2" },
                 { RMAT "1", "SEINE_THREADS=5" },
                 { RMAT "1 --probs .57,.19,.19", "SEINE_THREADS=auto" },
                 { RMAT "2", "SEINE_THREADS=auto" },
                 { RMAT "1 --probs .25,.25,.25", "SEINE_THREADS=auto" },
                 { RMAT "1 --undirected", "SEINE_THREADS=auto" } };
    char prints[7][40];
    for (int i = 0; i < 7; i++) {
        expect_done(
            run_line(ways[i].line, &(start_options){ .environment = ENVIRONMENT(ways[i].env) }));
        snprintf(prints[i], sizeof prints[i], "%s", fingerprint("out"));
        for (int k = 0; k < i; k++)
            ck_assert_msg((strcmp(prints[k], prints[i]) == 0) == (i < 4), "%s and %s", ways[k].line,
                          ways[i].line);
    }
}
END_TEST

/* Ids are positions after sorting by source and destination, so row and edge order are one; of an
 * undirected graph every edge has its reverse. */
START_TEST(rmat_edges_are_sorted_and_single_and_undirected_when_asked)
{
    enum { NODES = 200 };
    static char adjacent[NODES][NODES];
    int count;
    memset(adjacent, 0, sizeof adjacent);
    done(_i == 0 ? "gen rmat --nodes 200 --degree 4 --seed 3 --out out"
                 : "gen rmat --nodes 200 --degree 4 --seed 3 --undirected --out out");
    json_t *batch = only_batch("sample out --fanout -1 --with-edge --batch-size 200 --format json");
    int64_t *row = batch_integers(batch, "row", &count),
            *col = batch_integers(batch, "col", &count),
            *edge = batch_integers(batch, "edge", &count);
    for (int i = 0; i < count; i++) { /* all nodes are seeds: local ids are ids */
        ck_assert_int_eq(edge[i], i);
        ck_assert(i == 0 || col[i - 1] < col[i] || (col[i - 1] == col[i] && row[i - 1] < row[i]));
        adjacent[col[i]][row[i]] = 1;
    }
    int lone = 0;
    for (int u = 0; u < NODES; u++)
        for (int v = 0; v < NODES; v++)
            lone += adjacent[u][v] && !adjacent[v][u];
    ck_assert_msg((lone == 0) == (_i == 1), "%d edges without a reverse", lone);
    free(row);
    free(col);
    free(edge);
    json_decref(batch);
}
END_TEST

START_TEST(rmat_of_the_smallest_sizes_is_a_dataset)
{
    static const char *const lines[] = {
        "gen rmat --nodes 1 --degree 0 --out out",
        "gen rmat --nodes 1 --degree 5 --out out",
        "gen rmat --nodes 2 --degree 1 --undirected --out out",
        "gen rmat --scale 1 --degree 3 --feat-dim 0 --classes 1 --out out",
        "gen rmat --nodes 7 --degree 1000 --probs 1,0,0 --out out",
        "gen rmat --nodes 5 --degree 2 --probs 0,0,0.5 --out out"
    };
    done(lines[_i]);
    json_t *all = inspect("out");
    json_decref(all);
    stream of = stream_of("out --fanout -1,-1");
    ck_assert_int_eq(of.count, 1);
    stream_free(&of);
}
END_TEST

START_TEST(doctor_prints_an_object_with_a_verdict_for_each_point)
{
    static const char *const env[] = { "SEINE_THREADS=3", "SEINE_LOAD=memory", NULL };
    json_t *point;
    size_t i;
    outcome result = run_line("doctor --json", &(start_options){ .environment = env });
    ck_assert_int_eq(result.code, 0);
    json_t *all = parsed(result.out);
    ck_assert_uint_ge(json_array_size(json_at(all, "checks")), 8);
    json_array_foreach(json_at(all, "checks"), i, point)
    {
        const char *verdict = json_text_at(point, "verdict");
        ck_assert_msg(strcmp(verdict, "ok") == 0 || strcmp(verdict, "note") == 0 ||
                          strcmp(verdict, "missing") == 0,
                      "verdict '%s'", verdict);
        ck_assert_str_ne(json_text_at(point, "name"), "");
    }
    ck_assert_str_eq(json_text_at(all, "options/SEINE_THREADS"), "3");
    ck_assert_str_eq(json_text_at(all, "options/SEINE_LOAD"), "memory");
    ck_assert_str_eq(json_text_at(all, "options/SEINE_LOG"), "warn");
    json_decref(all);
    outcome_free(&result);
}
END_TEST

/* Names may hold any character that JSON must escape. */
START_TEST(inspect_of_any_names_prints_json)
{
    put_sources();
    json_t *manifest = json_of(ring_manifest);
    json_change(manifest, "node_types", json_object());
    json_change(manifest, "node_types/\"quoted\\\"", json_of("{'count': 12}"));
    json_change(manifest, "node_types/\xc3\xa9\xe2\x82\xac\xf0\x9f\x90\x9f",
                json_of("{'count': 3}"));
    json_change(manifest, "edge_types/0/type/0", json_string("\"quoted\\\""));
    json_change(manifest, "edge_types/0/type/2", json_string("\"quoted\\\""));
    put_json("ring.json", manifest);
    json_decref(manifest);
    const char *out = "out \"2\"\\";
    expect_done(SEINE("import", "--manifest", "ring.json", "--out", out));
    outcome result = SEINE("inspect", out, "--json");
    ck_assert_int_eq(result.code, 0);
    json_t *all = parsed(result.out);
    ck_assert_str_eq(json_text_at(all, "path"), out);
    ck_assert_str_eq(json_text_at(all, "node_types/0/name"), "\"quoted\\\"");
    ck_assert_str_eq(json_text_at(all, "node_types/1/name"),
                     "\xc3\xa9\xe2\x82\xac\xf0\x9f\x90\x9f");
    json_decref(all);
    outcome_free(&result);
}
END_TEST

START_TEST(inspect_says_in_words_what_the_json_says)
{
    json_t *all = inspect(shared_path("typed")), *type, *file;
    size_t i;
    char *text = printed("inspect @typed --verify");
    ck_assert_ptr_nonnull(strstr(text, json_text_at(all, "fingerprint")));
    json_array_foreach(json_at(all, "edge_types"), i, type)
        ck_assert_ptr_nonnull(strstr(text, json_text_at(type, "name")));
    json_array_foreach(json_at(all, "files"), i, file)
    {
        ck_assert_ptr_nonnull(strstr(text, json_text_at(file, "file")));
        ck_assert_ptr_nonnull(strstr(text, json_text_at(file, "hash")));
    }
    free(text);
    json_decref(all);
}
END_TEST

int main(void)
{
    TCase *cases = tcase_create("made");
    tcase_set_timeout(cases, 200);
    tcase_add_unchecked_fixture(cases, small_begin, small_end);
    tcase_add_checked_fixture(cases, case_begin, case_end);
    tcase_add_loop_test(cases, import_gives_the_same_with_any_number_of_threads, 0, 2);
    tcase_add_test(cases, undirected_edges_have_reverses_behind_them);
    tcase_add_test(cases, number_of_nodes_is_as_given_or_as_the_files_say);
    tcase_add_test(cases, graph_without_edges_or_nodes_is_a_dataset);
    tcase_add_test(cases, output_may_be_new_an_empty_folder_or_a_dataset);
    tcase_add_test(cases, output_behind_a_link_is_written_where_the_link_points);
    tcase_add_test(cases, rmat_is_what_its_flags_say);
    tcase_add_test(cases, rmat_depends_on_its_seed_and_not_on_threads);
    tcase_add_loop_test(cases, rmat_edges_are_sorted_and_single_and_undirected_when_asked, 0, 2);
    tcase_add_loop_test(cases, rmat_of_the_smallest_sizes_is_a_dataset, 0, 6);
    tcase_add_test(cases, doctor_prints_an_object_with_a_verdict_for_each_point);
    tcase_add_test(cases, inspect_of_any_names_prints_json);
    tcase_add_test(cases, inspect_says_in_words_what_the_json_says);
    return run_cases("made", cases);
}
