/* SPDX-License-Identifier: Apache-2.0 */
/* One seed, one stream: batches of real graphs have the same digests in the calling thread and from any
 * number of workers, with one thread or two on each batch, whether an epoch is taken whole, left in the
 * middle, or gone on with elsewhere. */
#include "base/run.h"

#include "loader_env/env.h"
#include "support/leftovers.h"
#include "support/scale.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct {
    const char *manifest;
    sn_edge_dir dir;
    sn_load load;
} graphs[] = {
    { "debian-packages/manifest.json", SN_DIR_OUT, SN_LOAD_MAP },
    { "debian-packages/manifest.json", SN_DIR_IN, SN_LOAD_MEMORY },
    { "debian-packages/typed.json", SN_DIR_OUT, SN_LOAD_MEMORY },
    { "debian-packages/typed.json", SN_DIR_IN, SN_LOAD_MAP },
};
enum { GRAPHS = sizeof graphs / sizeof *graphs };

typedef struct way {
    int32_t workers, concurrency, threads;
} way;
static const way ways[] = { { 0, 1, 2 }, { 1, 1, 1 }, { 1, 2, 2 }, { 2, 1, 2 },
                            { 2, 2, 1 }, { 3, 1, 1 }, { 3, 2, 2 }, { 4, 1, 2 },
                            { 4, 2, 1 }, { 7, 1, 1 }, { 7, 2, 2 } };
enum { WAYS = sizeof ways / sizeof *ways };

static sn_dataset *dataset;
static int64_t *seeds, num_seeds;
static sn_dtype id_type = { SN_INT, 64 };
static unsigned random_state;

static int64_t below(int64_t end)
{
    return rand_r(&random_state) % end;
}

/* A share of the packages, each once, so that epochs have some twenty batches at any scale. */
static void begin_graph(int index)
{
    char manifest[4096], path[300];
    sn_node_info info;
    const char *folder = env_folder();
    snprintf(manifest, sizeof manifest, "%s/examples/data/%s", getenv("SEINE_SOURCE"),
             graphs[index].manifest);
    snprintf(path, sizeof path, "%s/dataset", folder);
    ENV_OK(sn_import_manifest(manifest, path, NULL));
    ENV_OK(sn_dataset_open(path, SN_DATASET_OPTIONS(.load = graphs[index].load), &dataset));
    int32_t type;
    ENV_OK(sn_dataset_find_node_type(dataset, "package", &type));
    ENV_OK(sn_dataset_node_type(dataset, type, &info));
    num_seeds = sn_test_scale(info.count);
    seeds = malloc((size_t)num_seeds * sizeof *seeds);
    for (int64_t i = 0; i < num_seeds; i++)
        seeds[i] = i * info.count / num_seeds;
    random_state = (unsigned)sn_test_seed() + (unsigned)index;
}

static void end_graph(void)
{
    sn_dataset_release(dataset);
    free(seeds);
    env_clean();
}

static sn_plan *plan_of(int index, int64_t rank, int64_t world)
{
    static const int64_t fanout[] = { 6, 4 };
    sn_tensor input = { seeds, id_type, 1, { num_seeds, 1, 1, 1 } };
    sn_plan *plan;
    int32_t type;
    ENV_OK(sn_dataset_find_node_type(dataset, "package", &type));
    ENV_OK(sn_plan_create(
        dataset,
        SN_PLAN_OPTIONS(.input_type = type, .input = &input, .batch_size = num_seeds / 20 + 1,
                        .shuffle = true, .seed = 3, .hops = 2, .fanout = fanout,
                        .dir = graphs[index].dir, .with_edge = true, .features = true,
                        .labels = SN_LABELS_ALL, .rank = rank, .world = world),
        &plan));
    return plan;
}

static sn_loader *open_way(sn_plan *plan, const way *how)
{
    sn_loader *loader;
    ENV_OK(sn_node_loader_create(plan,
                                 SN_LOADER_OPTIONS(.workers = how->workers,
                                                   .concurrency = how->concurrency,
                                                   .threads = how->threads),
                                 &loader));
    return loader;
}

/* -- One rank ---------------------------------------------------------------------------------- */

/* An epoch that is left at some step for another, and that one for the first again. */
static void check_whole_and_broken(sn_plan *plan, const env_stream *stream, const way *how)
{
    sn_loader *loader = open_way(plan, how);
    for (uint64_t epoch = 0; epoch < ENV_EPOCHS; epoch++)
        env_epoch(loader, stream, epoch);
    int64_t left_at = below(stream->steps);
    ENV_OK(sn_loader_begin(loader, 1));
    for (int64_t step = 0; step < left_at; step++)
        sn_batch_release(env_next(loader, stream, 1, step));
    env_epoch(loader, stream, 0);
    sn_loader_release(loader);
}

/* An epoch that is gone on with by another loader, made in another way. */
static void check_resumed(sn_plan *plan, const env_stream *stream, const way *how, const way *other)
{
    uint8_t state[SN_LOADER_STATE_BYTES];
    size_t bytes;
    uint64_t epoch = (uint64_t)below(ENV_EPOCHS);
    int64_t left_at = below(stream->steps + 1);
    sn_loader *loader = open_way(plan, how);
    ENV_OK(sn_loader_begin(loader, epoch));
    for (int64_t step = 0; step < left_at; step++)
        sn_batch_release(env_next(loader, stream, epoch, step));
    ENV_OK(sn_loader_state_save(loader, state, sizeof state, &bytes));
    sn_loader_release(loader);
    loader = open_way(plan, other);
    ENV_OK(sn_loader_state_restore(loader, state, bytes));
    env_rest(loader, stream, epoch, left_at);
    sn_loader_release(loader);
}

START_TEST(stream_of_a_real_graph_is_the_same_from_any_number_of_workers)
{
    begin_graph(_i);
    sn_plan *plan = plan_of(_i, 0, 1);
    env_stream stream = env_expect(plan);
    ck_assert_uint_ne(stream.digests[0], stream.digests[stream.steps]);
    for (int w = 0; w < WAYS; w++) {
        check_whole_and_broken(plan, &stream, &ways[w]);
        if (sn_test_scale(100) >= 50 || w % GRAPHS == _i)
            check_resumed(plan, &stream, &ways[w], &ways[(w + 1 + below(WAYS - 1)) % WAYS]);
    }
    env_stream_free(&stream);
    sn_plan_release(plan);
    end_graph();
}
END_TEST

/* -- Ranks ------------------------------------------------------------------------------------- */

typedef struct part {
    int graph;
    int64_t world, count; /* batches that each rank takes; -1: all that are left */
    const uint8_t *from;  /* a state; NULL: the beginning of epoch 1 */
    uint8_t *to;          /* where each rank stands then; NULL: nobody asks */
    const env_stream *stream;
    char *seen; /* [steps]: how often */
} part;

static void take(const part *of, sn_loader *loader)
{
    sn_batch *batch;
    for (int64_t taken = 0; taken != of->count; taken++) {
        sn_status status = sn_loader_next(loader, 30 * ENV_S, &batch);
        if (status == SN_E_END && of->count < 0)
            return;
        ENV_OK(status);
        uint64_t number = sn_batch_get_info(batch).batch;
        ENV_CHECK(of->seen[number]++ == 0);
        ENV_CHECK(sn_batch_digest(batch) ==
                  of->stream->digests[of->stream->steps + (int64_t)number]);
        sn_batch_release(batch);
    }
}

static void take_of_ranks(const part *of)
{
    size_t bytes;
    for (int64_t rank = 0; rank < of->world; rank++) {
        sn_plan *plan = plan_of(of->graph, rank, of->world);
        sn_loader *loader = open_way(plan, &ways[below(WAYS)]);
        if (of->from != NULL)
            ENV_OK(sn_loader_state_restore(loader, of->from, SN_LOADER_STATE_BYTES));
        else
            ENV_OK(sn_loader_begin(loader, 1));
        take(of, loader);
        if (of->to != NULL)
            ENV_OK(sn_loader_state_save(loader, of->to, SN_LOADER_STATE_BYTES, &bytes));
        sn_loader_release(loader);
        sn_plan_release(plan);
    }
}

START_TEST(stream_goes_on_with_another_number_of_ranks_and_workers)
{
    static const int64_t worlds[] = { 3, 2, 4, 1 };
    begin_graph(_i);
    sn_plan *whole = plan_of(_i, 0, 1);
    env_stream stream = env_expect(whole);
    char *seen = calloc((size_t)stream.steps, 1);
    uint8_t states[2][SN_LOADER_STATE_BYTES];
    for (int i = 0; i < 4; i++)
        take_of_ranks(&(part){ .graph = _i,
                               .world = worlds[i],
                               .count = i < 3 ? 1 + i % 2 : -1,
                               .from = i > 0 ? states[i % 2] : NULL,
                               .to = i < 3 ? states[(i + 1) % 2] : NULL,
                               .stream = &stream,
                               .seen = seen });
    for (int64_t g = 0; g < stream.steps; g++)
        ck_assert_int_eq(seen[g], 1);
    free(seen);
    env_stream_free(&stream);
    sn_plan_release(whole);
    end_graph();
}
END_TEST

int main(void)
{
    TCase *cases = tcase_create("digests");
    tcase_set_timeout(cases, 300);
    tcase_add_checked_fixture(cases, leftovers_before, leftovers_after);
    tcase_add_loop_test(cases, stream_of_a_real_graph_is_the_same_from_any_number_of_workers, 0,
                        GRAPHS);
    tcase_add_loop_test(cases, stream_goes_on_with_another_number_of_ranks_and_workers, 0, GRAPHS);
    return run_cases("digests", cases);
}
