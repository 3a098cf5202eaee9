/* SPDX-License-Identifier: Apache-2.0 */
/* Loaders that get little: few files, small channels, no memfd_create, and a consumer that gives nothing
 * back. */
#include "base/run.h"

#include "loader_env/fixture.h"
#include "loader_env/refuse.h"
#include "support/leftovers.h"
#include "support/scale.h"

#include <dirent.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

static sn_loader_stats stats_of(const sn_loader *loader)
{
    sn_loader_stats stats;
    sn_loader_get_stats(loader, &stats);
    return stats;
}

/* -- Channels ---------------------------------------------------------------------------------- */

START_TEST(channel_of_any_size_delivers_the_same)
{
    static const uint64_t sizes[] = { 1,      2,      63,     64,       65,      4095,
                                      4096,   65535,  65536,  65537,    99999,   131072,
                                      200001, 300000, 524288, 1 << 20U, 3000001, 1 << 24U };
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        sn_loader *loader;
        ENV_OK(sn_node_loader_create(plan,
                                     SN_LOADER_OPTIONS(.workers = 1 + (int32_t)(i % 3),
                                                       .concurrency = 1 + (int32_t)(i % 2),
                                                       .channel_bytes = sizes[i]),
                                     &loader));
        for (uint64_t epoch = 0; epoch < ENV_EPOCHS; epoch++)
            env_epoch(loader, &stream, epoch);
        sn_loader_stats stats = stats_of(loader);
        /* A lane that came to no batch has asked for no memory. */
        uint64_t each = sizes[i] / (uint64_t)stats.lanes;
        ck_assert_uint_ge(stats.lane_bytes, each < 65536 ? 65536 : each);
        ck_assert_uint_le(stats.lane_bytes,
                          (uint64_t)stats.lanes * (each < 65536 ? 65536 : each + 4096));
        ck_assert_uint_eq(stats.batches, 2 * (uint64_t)stream.steps);
        sn_loader_release(loader);
    }
}
END_TEST

START_TEST(batches_beyond_lanes_of_a_megabyte_spill_and_are_the_same)
{
    sn_dataset *dataset = env_dataset(&(env_graph){ .nodes = 4000, .degree = 10, .feat_dim = 256 });
    sn_plan *large = env_plan(dataset, 200, 10);
    env_stream expected = env_expect(large);
    sn_loader *loader;
    ENV_OK(sn_node_loader_create(
        large, SN_LOADER_OPTIONS(.workers = 2, .channel_bytes = UINT64_C(2) << 20), &loader));
    for (uint64_t epoch = 0; epoch < ENV_EPOCHS; epoch++)
        env_epoch(loader, &expected, epoch);
    sn_loader_stats stats = stats_of(loader);
    ck_assert_uint_eq(stats.lane_bytes, UINT64_C(2) << 20);
    ck_assert_uint_gt(stats.spills, 0);
    ck_assert_uint_gt(stats.spill_bytes, stats.spills << 20);
    /* Given back in time, they are used again: a few serve all. */
    ck_assert_uint_lt(stats.segment_bytes, UINT64_C(64) << 20);
    ck_assert_int_lt(env_count_mappings("seine-spill"), 10);
    sn_loader_release(loader);
    env_stream_free(&expected);
    sn_plan_release(large);
    sn_dataset_release(dataset);
}
END_TEST

/* -- A consumer that keeps everything ----------------------------------------------------------- */

enum { KEPT_BATCHES = 240, KEEPERS = 3 };

static sn_batch *kept[KEPT_BATCHES];
static DLManagedTensorVersioned *exported[KEPT_BATCHES]; /* of those that are kept in this form */

/* Every batch of an epoch at once, more than a lane has blocks; every third one is kept by DLPack. */
static sn_loader *keep_all(uint64_t channel_bytes, env_stream *expected, sn_plan **small)
{
    sn_loader *loader;
    sn_dataset *dataset;
    ENV_OK(sn_dataset_open(env_dataset_path(), NULL, &dataset));
    *small = env_plan(dataset, 5, 5);
    sn_dataset_release(dataset);
    *expected = env_expect(*small);
    ENV_CHECK(expected->steps == KEPT_BATCHES);
    ENV_OK(sn_node_loader_create(
        *small, SN_LOADER_OPTIONS(.workers = 2, .channel_bytes = channel_bytes), &loader));
    ENV_OK(sn_loader_begin(loader, 0));
    for (int64_t i = 0; i < KEPT_BATCHES; i++) {
        kept[i] = env_next(loader, expected, 0, i);
        if (i % 3 == 0)
            ENV_OK(sn_batch_to_dlpack(kept[i], "x", &exported[i]));
    }
    return loader;
}

typedef struct keeper {
    const env_stream *expected;
    int order[KEPT_BATCHES], count; /* batches that it gives back, in this order */
} keeper;

/* Looks at each batch once more before it goes. */
static void *give_back(void *argument)
{
    const keeper *self = argument;
    for (int k = 0; k < self->count; k++) {
        int i = self->order[k];
        ENV_CHECK(sn_batch_digest(kept[i]) == self->expected->digests[i]);
        sn_batch_release(kept[i]);
        if (exported[i] != NULL)
            exported[i]->deleter(exported[i]);
        exported[i] = NULL;
    }
    return NULL;
}

/* Batches `from` up to `to` in random order, from several threads at once. */
static void give_back_some(const env_stream *expected, int from, int to)
{
    static keeper keepers[KEEPERS];
    pthread_t threads[KEEPERS];
    int order[KEPT_BATCHES];
    unsigned random = (unsigned)sn_test_seed();
    for (int i = from; i < to; i++)
        order[i] = i;
    for (int i = to - 1; i > from; i--) {
        int j = from + (int)((unsigned)rand_r(&random) % (unsigned)(i - from + 1)), at = order[i];
        order[i] = order[j];
        order[j] = at;
    }
    memset(keepers, 0, sizeof keepers);
    for (int i = from; i < to; i++) {
        keeper *one = &keepers[i % KEEPERS];
        one->expected = expected;
        one->order[one->count++] = order[i];
    }
    for (int t = 0; t < KEEPERS; t++)
        ENV_CHECK(pthread_create(&threads[t], NULL, give_back, &keepers[t]) == 0);
    for (int t = 0; t < KEEPERS; t++)
        pthread_join(threads[t], NULL);
}

static const uint64_t keep_sizes[] = { 0, 1, 1 << 20 };

START_TEST(consumer_that_keeps_an_epoch_gives_it_back_in_any_order_before_and_after_the_loader)
{
    env_stream expected;
    sn_plan *small;
    sn_loader *loader = keep_all(keep_sizes[_i], &expected, &small);
    ck_assert_uint_gt(stats_of(loader).spills, 0);
    give_back_some(&expected, 0, KEPT_BATCHES / 2);
    env_epoch(loader, &expected, 1); /* what is free is used, what is held is not */
    sn_loader_release(loader);
    sn_plan_release(small);
    give_back_some(&expected, KEPT_BATCHES / 2, KEPT_BATCHES);
    ck_assert_int_eq(env_count_mappings("memfd:seine-"), 0);
    env_stream_free(&expected);
}
END_TEST

static void keep_and_exit(void *release)
{
    env_stream expected;
    sn_plan *small;
    env_may_leak();
    sn_loader *loader = keep_all(1, &expected, &small);
    if (release != NULL)
        sn_loader_release(loader);
    exit(7);
}

START_TEST(consumer_that_keeps_an_epoch_may_exit)
{
    int release;
    ck_assert_int_eq(env_run(keep_and_exit, NULL), 7);
    ck_assert_int_eq(env_run(keep_and_exit, &release), 7);
}
END_TEST

/* -- Files ------------------------------------------------------------------------------------- */

typedef struct demand {
    rlim_t files;
    int32_t workers, concurrency;
} demand;

static void set_files(rlim_t files)
{
    ENV_CHECK(setrlimit(RLIMIT_NOFILE, &(struct rlimit){ files, 256 }) == 0);
}

/* A stream in which spills need descriptors and workers are replaced. 0: it is whole; 1: not; 3: no
 * loader for want of files, and the error says so; 4: the epoch ends so. */
static void stream_within(void *context)
{
    const demand *want = context;
    sn_loader *loader;
    sn_batch *batch;
    char limit[64];
    snprintf(limit, sizeof limit, "this process may have %d", (int)want->files);
    set_files(want->files);
    sn_status status = sn_node_loader_create(plan,
                                             SN_LOADER_OPTIONS(.workers = want->workers,
                                                               .concurrency = want->concurrency,
                                                               .channel_bytes = 1),
                                             &loader);
    if (status != SN_OK) {
        ENV_CHECK(status == SN_E_SYSTEM);
        ENV_CHECK(strstr(sn_error_detail(), limit) != NULL);
        _exit(3);
    }
    for (uint64_t epoch = 0; epoch < ENV_EPOCHS; epoch++) {
        ENV_OK(sn_loader_begin(loader, epoch));
        if (epoch == 1) {
            set_files(256); /* to look at it takes some, too */
            env_workers workers = env_workers_of(getpid(), want->workers);
            set_files(want->files);
            kill(workers.pids[0], SIGKILL);
        }
        for (int64_t step = 0; step < stream.steps; step++) {
            status = sn_loader_next(loader, 30 * ENV_S, &batch);
            if (status != SN_OK)
                break;
            ENV_CHECK(sn_batch_digest(batch) ==
                      stream.digests[(int64_t)epoch * stream.steps + step]);
            sn_batch_release(batch);
        }
        if (status != SN_OK) {
            ENV_CHECK(status == SN_E_SYSTEM);
            ENV_CHECK(strncmp(sn_error_detail(), "worker ", 7) == 0);
            ENV_CHECK(strstr(sn_error_detail(), limit) != NULL);
            sn_loader_release(loader);
            _exit(4);
        }
    }
    sn_loader_release(loader);
}

START_TEST(loader_needs_few_files)
{
    ck_assert_int_eq(env_run(stream_within, &(demand){ 256, 7, 2 }), 0);
    ck_assert_int_eq(env_run(stream_within, &(demand){ 256, 32, 1 }), 0);
}
END_TEST

/* Between enough and too few there is no number with which it hangs, crashes or says something else. */
START_TEST(loader_with_too_few_files_says_how_many_there_may_be)
{
    int codes[65] = { 0 };
    int stride = sn_test_scale(100) < 50 ? 4 : 1;
    for (int files = 64; files >= 8; files -= stride) {
        codes[files] = env_run(stream_within, &(demand){ (rlim_t)files, 2, 1 });
        ck_assert_msg(codes[files] == 0 || codes[files] == 3 || codes[files] == 4,
                      "%d files: code %d", files, codes[files]);
    }
    ck_assert_int_eq(codes[40], 0);
    ck_assert_int_eq(codes[8], 3);
}
END_TEST

/* -- Memory files ------------------------------------------------------------------------------ */

static int count_in_shm(void)
{
    int count = 0;
    DIR *folder = opendir("/dev/shm");
    ENV_CHECK(folder != NULL);
    for (const struct dirent *entry; (entry = readdir(folder)) != NULL;)
        count += strncmp(entry->d_name, "seine", 5) == 0;
    closedir(folder);
    return count;
}

/* A name is there for a moment, in which its maker may have to wait for a core. */
static bool has_no_name(void)
{
    for (int ms = 0; ms < 5000; ms++) {
        if (count_in_shm() == 0)
            return true;
        nanosleep(&(struct timespec){ .tv_nsec = 1000000 }, NULL);
    }
    return false;
}

static void stream_without_memfd(void *error)
{
    refuse_memfd(*(const int *)error);
    sn_loader *loader;
    ENV_OK(sn_node_loader_create(
        plan, SN_LOADER_OPTIONS(.workers = 2, .channel_bytes = UINT64_C(1) << 17), &loader));
    ENV_OK(sn_loader_begin(loader, 0));
    sn_batch *batch = env_next(loader, &stream, 0, 0);
    ENV_CHECK(env_count_mappings("/dev/shm/seine-control") == 1);
    ENV_CHECK(env_count_mappings("memfd:") == 0);
    ENV_CHECK(has_no_name());
    env_workers workers = env_workers_of(getpid(), 2); /* as `seine top` sees them */
    kill(workers.pids[1], SIGKILL);
    env_rest(loader, &stream, 0, 1);
    env_epoch(loader, &stream, 1);
    sn_loader_release(loader);
    ENV_CHECK(sn_batch_digest(batch) == stream.digests[0]);
    sn_batch_release(batch);
    ENV_CHECK(env_count_mappings("/dev/shm/seine") == 0);
}

START_TEST(loader_where_memfd_create_is_refused_uses_shared_memory_without_a_name)
{
    static const int errors[] = { EPERM, ENOSYS };
    int error = errors[_i];
    ck_assert_int_eq(env_run(stream_without_memfd, &error), 0);
    ck_assert(has_no_name());
}
END_TEST

int main(void)
{
    TCase *cases = tcase_create("limits");
    tcase_set_timeout(cases, 120);
    tcase_add_checked_fixture(cases, leftovers_before, leftovers_after);
    tcase_add_checked_fixture(cases, env_begin, env_end);
    tcase_add_test(cases, channel_of_any_size_delivers_the_same);
    tcase_add_test(cases, batches_beyond_lanes_of_a_megabyte_spill_and_are_the_same);
    tcase_add_loop_test(
        cases, consumer_that_keeps_an_epoch_gives_it_back_in_any_order_before_and_after_the_loader,
        0, 3);
    tcase_add_test(cases, consumer_that_keeps_an_epoch_may_exit);
    tcase_add_test(cases, loader_needs_few_files);
    tcase_add_test(cases, loader_with_too_few_files_says_how_many_there_may_be);
    tcase_add_loop_test(
        cases, loader_where_memfd_create_is_refused_uses_shared_memory_without_a_name, 0, 2);
    return run_cases("limits", cases);
}
