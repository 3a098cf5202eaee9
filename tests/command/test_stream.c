/* SPDX-License-Identifier: Apache-2.0 */
/* Sampling by the command: the stream is the one of the contract, whole and in parts, whatever
 * way the dataset is loaded and the output is printed. */
#include "base/run.h"

#include "command/small.h"
#include "command/stream.h"

#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

/* The small graphs, and two that ship with the source. */
static void stream_begin(void)
{
    small_begin();
    const char *packages = source_path("examples/data/debian-packages/manifest.json"),
               *typed = source_path("examples/data/debian-packages/typed.json");
    expect_done(SEINE("import", "--manifest", packages, "--out", "packages"));
    expect_done(SEINE("import", "--manifest", typed, "--out", "packages-typed"));
}

/* -- The contract's own example ---------------------------------------------------------------- */

static void check_integers(const json_t *batch, const char *name, const char *wanted)
{
    char text[512] = "";
    int count;
    int64_t *values = batch_integers(batch, name, &count);
    for (int i = 0; i < count; i++)
        snprintf(text + strlen(text), sizeof text - strlen(text), "%s%" PRId64, i > 0 ? " " : "",
                 values[i]);
    ck_assert_msg(strcmp(text, wanted) == 0, "%s is %s, expected %s", name, text, wanted);
    free(values);
}

/* docs/sampling.md, section 5. */
START_TEST(ring_of_the_contract_gives_the_batch_and_the_digest_of_the_contract)
{
    enum { NODES = 40 };
    int64_t edges[4 * NODES];
    for (int i = 0; i < 2 * NODES; i++) {
        edges[i] = i / 2;
        edges[2 * NODES + i] = (i / 2 + 1 + i % 2) % NODES;
    }
    put_pairs("edges.npy", "<i8", edges, 4 * NODES);
    free(printed("import --edges edges.npy --out ring40"));
    outcome result =
        run_line("sample ring40 --seed 1 --batch-size 7 --fanout 1,1 --with-edge --epoch 3 "
                 "--start-batch 1 --batches 1 --format json",
                 NULL);
    ck_assert_int_eq(result.code, 0);
    json_t *batch = parsed(result.out);
    ck_assert_str_eq(json_string_value(json_object_get(batch, "digest")), "22159549117b933c");
    ck_assert_int_eq(json_integer_value(json_object_get(batch, "epoch")), 3);
    ck_assert_int_eq(json_integer_value(json_object_get(batch, "batch")), 1);
    ck_assert_uint_eq(batch_digest(batch), UINT64_C(0x22159549117b933c));
    check_integers(batch, "node", "7 8 9 10 11 12 13 14 15");
    check_integers(batch, "row", "1 3 3 4 5 6 7 8");
    check_integers(batch, "col", "0 1 2 3 4 5 6 7");
    check_integers(batch, "edge", "14 17 18 20 22 24 26 28");
    check_integers(batch, "batch", "7 8 9 10 11 12 13");
    check_integers(batch, "num_sampled_nodes", "7 1 1");
    check_integers(batch, "num_sampled_edges", "7 1");
    json_decref(batch);
    outcome_free(&result);
    stream of = stream_of("ring40 --seed 1 --batch-size 7 --fanout 1,1 --with-edge --epoch 3");
    ck_assert_int_eq(of.count, 6);
    ck_assert_str_eq(of.lines[1].digest, "22159549117b933c");
    ck_assert_int_eq(of.lines[1].nodes, 9);
    ck_assert_int_eq(of.lines[1].edges, 8);
    stream_free(&of);
}
END_TEST

/* -- Plans ------------------------------------------------------------------------------------- */

typedef struct plan {
    const char *words;
    const char *tensors; /* of its batches, in order; NULL: not compared */
} plan;

static const plan plans[] = {
    { "@ring --fanout 2,2 --batch-size 5",
      "node row col batch num_sampled_nodes num_sampled_edges" },
    { "@ring --fanout 1 --batch-size 4 --with-edge --shuffle --seed 18446744073709551615",
      "node row col edge batch num_sampled_nodes num_sampled_edges" },
    { "@ring --fanout 1,1 --batch-size 5 --edge-dir in --with-edge --features --labels all",
      "node row col edge x edge_attr y batch num_sampled_nodes num_sampled_edges" },
    { "@ring --fanout 3 --replace --input train --labels seeds --batch-size 3 --epochs 2",
      "node row col y batch num_sampled_nodes num_sampled_edges" },
    { "@ring --fanout -1,1,0 --input 3,3,11,0 --batch-size 3 --features",
      "node row col x batch num_sampled_nodes num_sampled_edges" },
    { "@ring --fanout 0 --batch-size 12 --drop-last",
      "node row col batch num_sampled_nodes num_sampled_edges" },
    { "@typed --fanout 2,2 --input train --batch-size 3",
      "paper.node author.node paper__cites__paper.row paper__rev_writes__author.row "
      "paper__links__paper.row paper__cites__paper.col paper__rev_writes__author.col "
      "paper__links__paper.col paper.batch paper.num_sampled_nodes author.num_sampled_nodes "
      "paper__cites__paper.num_sampled_edges paper__rev_writes__author.num_sampled_edges "
      "paper__links__paper.num_sampled_edges" },
    { "@typed --fanout 'author__writes__paper=2,1;other=1,1' --edge-dir in --input-type paper "
      "--with-edge --batch-size 7",
      "paper.node author.node paper__cites__paper.row author__writes__paper.row "
      "paper__links__paper.row paper__cites__paper.col author__writes__paper.col "
      "paper__links__paper.col paper__cites__paper.edge author__writes__paper.edge "
      "paper__links__paper.edge paper.batch paper.num_sampled_nodes author.num_sampled_nodes "
      "paper__cites__paper.num_sampled_edges author__writes__paper.num_sampled_edges "
      "paper__links__paper.num_sampled_edges" },
    { "@ring --fanout 2 --input 3,3,11,0 --batch-size 3 --subgraph --with-edge --features",
      "node row col edge x edge_attr batch mapping" },
    { "@typed --fanout 2 --input train --batch-size 3 --subgraph",
      "paper.node author.node paper__cites__paper.row paper__rev_writes__author.row "
      "paper__links__paper.row paper__cites__paper.col paper__rev_writes__author.col "
      "paper__links__paper.col paper.batch paper.mapping" },
    { "@packages --input test --fanout 10,5 --batch-size 64 --batches 2 --subgraph", NULL },
    { "@ring --fanout 2,1 --batch-size 5 --weighted --with-edge",
      "node row col edge batch num_sampled_nodes num_sampled_edges" },
    { "@ring --fanout 2,2 --input 3,3,11,0 --batch-size 3 --disjoint",
      "node row col batch num_sampled_nodes num_sampled_edges tree" },
    { "@ring --fanout 2,2 --disjoint --temporal uniform --times nodes --window 6 --labels seeds",
      "node row col y batch num_sampled_nodes num_sampled_edges tree" },
    { "@ring --fanout 1,1 --disjoint --temporal last --times edges --edge-dir in --seed-times "
      "@times.npy",
      "node row col batch num_sampled_nodes num_sampled_edges tree" },
    { "@ring --fanout 3 --links all --disjoint --temporal uniform --weighted",
      "node row col batch num_sampled_nodes num_sampled_edges edge_label_index tree" },
    { "@packages --input train --fanout 5,5 --batch-size 64 --labor --batches 2", NULL },
    { "@packages --input train --fanout 5,5 --batch-size 64 --labor --layer-dependent --subgraph "
      "--batches 2",
      NULL },
    { "@packages-typed --input train --fanout 4,4 --batch-size 32 --batches 2 --disjoint", NULL },
    { "@typed --fanout 3,3 --input-type author --batch-size 2 --features --labels all --with-edge",
      NULL },
    { "@typed --fanout 2 --input val --labels seeds --features --shuffle --epoch 7", NULL },
    { "@packages --input train --fanout 15,10 --batch-size 64 --shuffle --batches 3", NULL },
    { "@packages --input test --fanout 5,5 --batch-size 32 --features --batches 2 --seed 5", NULL },
    { "@packages-typed --input train --fanout 4,4 --batch-size 32 --batches 2 --with-edge "
      "--edge-dir in",
      NULL },
};
enum { PLANS = sizeof plans / sizeof plans[0] };

static void check_names(const json_t *batch, const char *wanted)
{
    char text[2048] = "";
    const char *name;
    json_t *tensor;
    json_object_foreach(json_object_get(batch, "tensors"), name, tensor)
        snprintf(text + strlen(text), sizeof text - strlen(text), "%s%s", text[0] ? " " : "", name);
    ck_assert_str_eq(text, wanted);
}

static bool ends_in(const char *name, const char *end)
{
    size_t length = strlen(name), wanted = strlen(end);
    return length >= wanted && strcmp(name + length - wanted, end) == 0;
}

/* Nodes and edges of a batch, over all types: the sums of what each hop added; of subgraphs, which have no such
 * tensors, what there is. */
static void count_batch(const json_t *batch, bool induced, stream_line *out)
{
    const char *name;
    json_t *tensor, *value;
    size_t i;
    json_object_foreach(json_object_get(batch, "tensors"), name, tensor)
    {
        if (induced && ends_in(name, "node"))
            out->nodes += (int64_t)json_array_size(tensor);
        if (induced && ends_in(name, "row"))
            out->edges += (int64_t)json_array_size(tensor);
        bool nodes = strstr(name, "num_sampled_nodes") != NULL;
        if (!nodes && strstr(name, "num_sampled_edges") == NULL)
            continue;
        json_array_foreach(tensor, i, value) * (nodes ? &out->nodes : &out->edges) +=
            json_integer_value(value);
    }
}

/* Each line of the JSON is a batch whose digest, computed here, is the one it names and the one
 * that --format digest prints. */
START_TEST(json_holds_what_the_digests_say)
{
    const plan *tried = &plans[_i];
    char command[1024], *save = NULL;
    stream of = stream_of(tried->words);
    ck_assert_int_gt(of.count, 0);
    snprintf(command, sizeof command, "sample %s --format json", tried->words);
    outcome result = run_line(command, NULL);
    ck_assert_int_eq(result.code, 0);
    int at = 0;
    for (char *text = strtok_r(result.out, "\n", &save); text != NULL;
         text = strtok_r(NULL, "\n", &save), at++) {
        char digest[17];
        json_t *batch = parsed(text);
        stream_line counted = { .epoch = json_integer_value(json_object_get(batch, "epoch")),
                                .batch = json_integer_value(json_object_get(batch, "batch")) };
        ck_assert_uint_eq(json_object_size(batch), 4);
        snprintf(digest, sizeof digest, "%016" PRIx64, batch_digest(batch));
        ck_assert_str_eq(json_string_value(json_object_get(batch, "digest")), digest);
        snprintf(counted.digest, sizeof counted.digest, "%s", digest);
        count_batch(batch, strstr(tried->words, "--subgraph") != NULL, &counted);
        stream one = { .lines = &counted, .count = 1 };
        stream_check_part(&of, at, &one, tried->words);
        if (tried->tensors != NULL)
            check_names(batch, tried->tensors);
        json_decref(batch);
    }
    ck_assert_int_eq(at, of.count);
    outcome_free(&result);
    stream_free(&of);
}
END_TEST

static stream more(const char *words, const char *extra)
{
    char all[1024];
    snprintf(all, sizeof all, "%s %s", words, extra);
    return stream_of(all);
}

static outcome seine_with(const char *line, const char *setting)
{
    return run_line(line, &(start_options){ .environment = ENVIRONMENT(setting) });
}

/* Nothing of how it runs is in the stream. */
START_TEST(stream_is_the_same_however_it_runs)
{
    static const char *const ways[] = { "--load map", "--load memory", "--index int32",
                                        "--index int64", "--workers 0 --threads 1 --device cpu" };
    static const char *const environments[] = { "SEINE_LOAD=memory", "SEINE_LOAD=map",
                                                "SEINE_HUGE_PAGES=never", "SEINE_THREADS=1",
                                                "SEINE_PROGRESS=never" };
    const char *words = plans[_i].words;
    char command[1024];
    stream base = stream_of(words);
    for (size_t i = 0; i < sizeof ways / sizeof *ways; i++) {
        stream other = more(words, ways[i]);
        stream_check_same(&base, &other, ways[i]);
        stream_free(&other);
    }
    snprintf(command, sizeof command, "sample %s", words);
    outcome first = run_line(command, NULL), other;
    for (size_t i = 0; i < sizeof environments / sizeof *environments; i++) {
        other = seine_with(command, environments[i]);
        ck_assert_int_eq(other.code, 0);
        ck_assert_msg(strcmp(first.out, other.out) == 0, "%s changes: %s", environments[i], words);
        outcome_free(&other);
    }
    outcome_free(&first);
    snprintf(command, sizeof command, "sample %s --format none", words);
    other = run_line(command, NULL);
    ck_assert_int_eq(other.code, 0);
    ck_assert_str_eq(other.out, "");
    ck_assert_int_eq(count_lines(other.err), 1);
    outcome_free(&other);
    stream_free(&base);
}
END_TEST

/* -- Parts of a stream ------------------------------------------------------------------------- */

#define PARTED \
    "@packages --input train --fanout 3,2 --batch-size 3000 --shuffle --seed 3" /* 13 batches */
enum { PARTED_BATCHES = 13 };

START_TEST(stream_from_any_start_batch_is_the_rest_of_the_whole)
{
    char extra[64], what[128];
    stream whole = stream_of(PARTED);
    ck_assert_int_eq(whole.count, PARTED_BATCHES);
    for (int first = PARTED_BATCHES; first >= 0; first -= first > 3 ? 4 : 1) { /* backwards */
        snprintf(extra, sizeof extra, "--start-batch %d", first);
        stream rest = more(PARTED, extra);
        ck_assert_int_eq(rest.count, PARTED_BATCHES - first);
        stream_check_part(&whole, first, &rest, extra);
        stream_free(&rest);
        snprintf(what, sizeof what, "%s --batches 2", extra);
        stream two = more(PARTED, what);
        ck_assert_int_eq(two.count, PARTED_BATCHES - first < 2 ? PARTED_BATCHES - first : 2);
        stream_check_part(&whole, first, &two, what);
        stream_free(&two);
    }
    stream none = more(PARTED, "--batches 0");
    ck_assert_int_eq(none.count, 0);
    stream all = more(PARTED, "--batches 9223372036854775807");
    stream_check_same(&whole, &all, "more batches than there are");
    stream_free(&all);
    stream_free(&none);
    stream_free(&whole);
}
END_TEST

START_TEST(epochs_are_one_after_the_other)
{
    static const char *const singles[] = { "--epoch 2", "--epoch 3", "--epoch 4" };
    stream whole = more(PARTED, "--epoch 2 --epochs 3 --start-batch 5 --batches 4");
    ck_assert_int_eq(whole.count, 12);
    for (int i = 0; i < 3; i++) {
        char extra[128];
        snprintf(extra, sizeof extra, "%s --start-batch 5 --batches 4", singles[i]);
        stream one = more(PARTED, extra);
        ck_assert_int_eq(one.count, 4);
        stream_check_part(&whole, 4 * i, &one, extra);
        stream_free(&one);
    }
    for (int i = 0; i < 4; i++)
        for (int k = 1; k < 3; k++)
            ck_assert_str_ne(whole.lines[i].digest, whole.lines[4 * k + i].digest);
    stream_free(&whole);
}
END_TEST

/* The batch that rank r of w prints as its line `at`, or -1: docs/sampling.md, section 2. */
static int64_t wanted_batch(const char *uneven, int rank, int world, int at, int first)
{
    int g = PARTED_BATCHES, most = strcmp(uneven, "drop") == 0  ? g / world * world
                                   : strcmp(uneven, "pad") == 0 ? (g + world - 1) / world * world
                                                                : g;
    int step = rank;
    while (step < first)
        step += world;
    step += at * world;
    return step < most ? step % g : -1;
}

START_TEST(shards_together_are_the_whole)
{
    static const char *const policies[] = { "short", "pad", "drop" };
    const char *uneven = policies[_i % 3];
    int world = _i / 3 + 2, first = _i % 2 == 0 ? 0 : 4;
    bool seen[PARTED_BATCHES] = { false };
    stream whole = stream_of(PARTED);
    for (int rank = world - 1; rank >= 0; rank--) {
        char extra[128];
        snprintf(extra, sizeof extra, "--shard %d/%d --uneven %s --start-batch %d", rank, world,
                 uneven, first);
        stream part = more(PARTED, extra);
        for (int i = 0; i < part.count; i++) {
            int64_t batch = part.lines[i].batch;
            ck_assert_msg(batch == wanted_batch(uneven, rank, world, i, first),
                          "%s: line %d is batch %" PRId64, extra, i, batch);
            stream one = { .lines = &part.lines[i], .count = 1 };
            stream_check_part(&whole, (int)batch, &one, extra);
            ck_assert_msg(!seen[batch] || strcmp(uneven, "pad") == 0, "%s: %" PRId64 " again",
                          extra, batch);
            seen[batch] = true;
        }
        ck_assert_int_eq(wanted_batch(uneven, rank, world, part.count, first), -1);
        stream_free(&part);
    }
    int most = strcmp(uneven, "drop") == 0 ? PARTED_BATCHES / world * world : PARTED_BATCHES;
    for (int g = first; g < most; g++)
        ck_assert_msg(seen[g], "nobody has batch %d", g);
    stream_free(&whole);
}
END_TEST

/* -- Fanouts ----------------------------------------------------------------------------------- */

#define ALL_NAMED                                                                          \
    "--fanout 'paper__cites__paper=2,3;author__writes__paper=2,3;paper__links__paper=2,3;" \
    "other=1,1'"

START_TEST(typed_fanouts_that_mean_the_same_give_the_same)
{
    static const char *const same[] = {
        "--fanout 2,3",
        "--fanout other=2,3",
        "--fanout 'paper__cites__paper=2,3;other=2,3'",
        "--fanout 'other=2,3;author__writes__paper=2,3'",
        "--fanout 'paper__cites__paper=2,3;author__writes__paper=2,3;paper__links__paper=2,3'",
        "--fanout 'paper__links__paper=2,3;paper__cites__paper=2,3;author__writes__paper=2,3'",
        ALL_NAMED,
    };
#define TYPED "@typed --input train --batch-size 4 --edge-dir in --with-edge"
    stream base = more(TYPED, same[0]);
    for (size_t i = 1; i < sizeof same / sizeof *same; i++) {
        stream other = more(TYPED, same[i]);
        stream_check_same(&base, &other, same[i]);
        stream_free(&other);
    }
    stream other = more(TYPED, "--fanout 'paper__cites__paper=1,3;other=2,3'");
    ck_assert_int_eq(other.count, base.count);
    ck_assert_int_lt(other.total_edges, base.total_edges);
    stream_free(&other);
    stream_free(&base);
}
END_TEST

START_TEST(homogeneous_fanout_by_name_is_the_plain_one)
{
    stream plain = stream_of("@ring --fanout 2,1"),
           named = stream_of("@ring --fanout node__to__node=2,1"),
           rest = stream_of("@ring --fanout other=2,1");
    stream_check_same(&plain, &named, "by name");
    stream_check_same(&plain, &rest, "by other");
    stream_free(&plain);
    stream_free(&named);
    stream_free(&rest);
}
END_TEST

/* All neighbours of the ring, written down. */
START_TEST(all_neighbours_are_those_of_the_graph)
{
    outcome result =
        run_line("sample @ring --input 11,4 --fanout -1 --with-edge --features --labels seeds "
                 "--format json",
                 NULL);
    ck_assert_int_eq(result.code, 0);
    json_t *batch = parsed(result.out), *row;
    size_t i;
    check_integers(batch, "node", "11 4 0 1 5 6"); /* 11 -> 0, 1; 4 -> 5, 6 */
    check_integers(batch, "row", "2 3 4 5");
    check_integers(batch, "col", "0 0 1 1");
    check_integers(batch, "edge", "22 23 8 9");
    check_integers(batch, "y", "3 0");
    json_array_foreach(batch_tensor(batch, "x"), i, row)
    {
        static const int nodes[] = { 11, 4, 0, 1, 5, 6 };
        double value = json_number_value(json_array_get(row, 1));
        ck_assert_double_eq(value, (nodes[i] - 5) / 2.0);
    }
    json_array_foreach(batch_tensor(batch, "edge_attr"), i, row)
    {
        static const int edges[] = { 22, 23, 8, 9 };
        ck_assert_double_eq(json_number_value(json_array_get(row, 1)), -edges[i]);
    }
    ck_assert_uint_eq(i, 4);
    json_decref(batch);
    outcome_free(&result);
}
END_TEST

/* -- Seeds ------------------------------------------------------------------------------------- */

START_TEST(seeds_come_the_same_from_a_list_a_file_and_a_split)
{
    const int64_t train[] = { 0, 2, 4, 6, 8, 10, 1 };
    put_ids("wide.npy", "<i8", train, 7);
    put_ids("narrow.npy", "<i4", train, 7);
    put_ids("none.npy", "<i8", train, 0);
    static const char *const same[] = { "--input 0,2,4,6,8,10,1", "--input wide.npy",
                                        "--input narrow.npy", "--input ./wide.npy",
                                        "--input train --input-type node" };
    stream base = stream_of("@ring --fanout 2 --batch-size 3 --input train --shuffle");
    ck_assert_int_eq(base.count, 3);
    for (size_t i = 0; i < sizeof same / sizeof *same; i++) {
        stream other = more("@ring --fanout 2 --batch-size 3 --shuffle", same[i]);
        stream_check_same(&base, &other, same[i]);
        stream_free(&other);
    }
    stream none = stream_of("@ring --fanout 2 --input none.npy");
    ck_assert_int_eq(none.count, 0);
    stream all = stream_of("@ring --fanout 1"), list = stream_of("@ring --fanout 1 --input "
                                                                 "0,1,2,3,4,5,6,7,8,9,10,11");
    stream_check_same(&all, &list, "all");
    stream_free(&base);
    stream_free(&none);
    stream_free(&all);
    stream_free(&list);
}
END_TEST

/* Over an epoch every seed is in exactly one batch, in another order in every epoch. */
START_TEST(shuffled_epoch_has_every_seed_once)
{
    enum { SEEDS = 12616 }; /* the val split */
    int64_t *order[2];
    for (int epoch = 0; epoch < 2; epoch++) {
        char command[256], *save = NULL;
        order[epoch] = calloc(SEEDS, sizeof *order[0]);
        char *seen = calloc(63436, 1);
        ck_assert(order[epoch] != NULL && seen != NULL);
        snprintf(command, sizeof command,
                 "sample @packages --input val --fanout 0 --batch-size 1000 --shuffle --epoch %d "
                 "--format json",
                 epoch);
        outcome result = run_line(command, NULL);
        ck_assert_int_eq(result.code, 0);
        int at = 0;
        for (char *text = strtok_r(result.out, "\n", &save); text != NULL;
             text = strtok_r(NULL, "\n", &save)) {
            int count;
            json_t *batch = parsed(text);
            int64_t *ids = batch_integers(batch, "batch", &count);
            ck_assert_int_eq(count, at + 1000 <= SEEDS ? 1000 : SEEDS - at);
            for (int i = 0; i < count; i++) {
                ck_assert_msg(!seen[ids[i]], "seed %" PRId64 " again", ids[i]);
                seen[ids[i]] = 1;
                order[epoch][at++] = ids[i];
            }
            free(ids);
            json_decref(batch);
        }
        ck_assert_int_eq(at, SEEDS);
        free(seen);
        outcome_free(&result);
    }
    int same = 0;
    for (int i = 0; i < SEEDS; i++)
        same += order[0][i] == order[1][i];
    ck_assert_int_lt(same, 20); /* 1 is expected */
    free(order[0]);
    free(order[1]);
}
END_TEST

START_TEST(drop_last_leaves_out_the_batch_that_is_not_full)
{
    stream whole = stream_of("@ring --fanout 2 --batch-size 5"),
           dropped = stream_of("@ring --fanout 2 --batch-size 5 --drop-last"),
           none = stream_of("@ring --fanout 2 --batch-size 13 --drop-last"),
           larger = stream_of("@ring --fanout 2 --batch-size 9223372036854775807");
    ck_assert_int_eq(whole.count, 3);
    ck_assert_int_eq(dropped.count, 2);
    ck_assert_int_eq(none.count, 0);
    ck_assert_int_eq(larger.count, 1);
    stream_check_part(&whole, 0, &dropped, "--drop-last");
    stream_free(&whole);
    stream_free(&dropped);
    stream_free(&none);
    stream_free(&larger);
}
END_TEST

START_TEST(seed_changes_the_stream_and_nothing_else_about_it)
{
    stream zero = stream_of(PARTED), other = stream_of("@packages --input train --fanout 3,2 "
                                                       "--batch-size 3000 --shuffle --seed 4");
    ck_assert_int_eq(zero.count, other.count);
    for (int i = 0; i < zero.count; i++)
        ck_assert_str_ne(zero.lines[i].digest, other.lines[i].digest);
    stream_free(&zero);
    stream_free(&other);
}
END_TEST

int main(void)
{
    TCase *cases = tcase_create("stream");
    tcase_set_timeout(cases, 120);
    tcase_add_unchecked_fixture(cases, stream_begin, small_end);
    tcase_add_checked_fixture(cases, case_begin, case_end);
    tcase_add_test(cases, ring_of_the_contract_gives_the_batch_and_the_digest_of_the_contract);
    tcase_add_loop_test(cases, json_holds_what_the_digests_say, 0, PLANS);
    tcase_add_loop_test(cases, stream_is_the_same_however_it_runs, 0, PLANS);
    tcase_add_test(cases, stream_from_any_start_batch_is_the_rest_of_the_whole);
    tcase_add_test(cases, epochs_are_one_after_the_other);
    tcase_add_loop_test(cases, shards_together_are_the_whole, 0, 9);
    tcase_add_test(cases, typed_fanouts_that_mean_the_same_give_the_same);
    tcase_add_test(cases, homogeneous_fanout_by_name_is_the_plain_one);
    tcase_add_test(cases, all_neighbours_are_those_of_the_graph);
    tcase_add_test(cases, seeds_come_the_same_from_a_list_a_file_and_a_split);
    tcase_add_test(cases, shuffled_epoch_has_every_seed_once);
    tcase_add_test(cases, drop_last_leaves_out_the_batch_that_is_not_full);
    tcase_add_test(cases, seed_changes_the_stream_and_nothing_else_about_it);
    return run_cases("stream", cases);
}
