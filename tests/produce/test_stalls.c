/* SPDX-License-Identifier: Apache-2.0 */
/* Who is taken for dead, and who is not: with a stall time of one second, workers that are stopped or
 * loop are replaced; those that are slow, that have nothing to do, or whose consumer or whole process
 * pauses are not. */
#include "produce/rig.h"

#include "base/clock.h"

#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define STALL_NS (1000 * MS)
#define LATE_NS  (20000 * MS) /* on a machine that has much else to do */

static rig_stream stream;

static sn_loader *start(rig_kind kind, int workers, int concurrency, uint64_t channel_bytes)
{
    stream = rig_stream_of(rig_plan(kind));
    return rig_loader(stream.plan,
                      SN_LOADER_OPTIONS(.workers = workers, .concurrency = concurrency,
                                        .channel_bytes = channel_bytes, .stall_ns = STALL_NS));
}

static void finish(sn_loader *loader)
{
    sn_loader_release(loader);
    rig_stream_free(&stream);
}

/* How the worker's predecessor ended. */
static void expect_words(uint32_t worker, const char *part)
{
    sn_watch *watch;
    sn_worker_stats stats;
    rig_require(sn_watch_open(getpid(), &watch));
    rig_require(sn_watch_worker(watch, 0, (int32_t)worker, &stats));
    ck_assert_msg(strstr(stats.words, part) != NULL, "'%s' is not in '%s'", part, stats.words);
    sn_watch_close(watch);
}

START_TEST(stopped_worker_is_replaced_and_its_batch_computed_again)
{
    int workers = _i + 1;
    sn_loader *loader = start(RIG_HOMOGENEOUS, workers, 1, 0);
    rig_view view = rig_view_open();
    sn_batch *batch;
    rig_require(sn_loader_begin(loader, 0));
    rig_take(loader, &stream, 0, 0, 10);
    int64_t began = sn__now_ns();
    for (uint32_t worker = 0; worker < view.stream.workers; worker++)
        rig_stop(&view, worker);
    rig_take(loader, &stream, 0, 10, stream.steps);
    ck_assert_int_eq(sn_loader_next(loader, 0, &batch), SN_E_END);
    int64_t took = sn__now_ns() - began;
    ck_assert_int_ge(took, STALL_NS);
    ck_assert_int_lt(took, STALL_NS + LATE_NS);
    if (workers == 1)
        expect_words(0, "was killed: it made no progress for the stall time");
    ck_assert_uint_ge(rig_stats(loader).restarts, 1); /* one may do what another one would have */
    rig_view_close(&view);
    finish(loader);
}
END_TEST

START_TEST(consumer_that_does_not_wait_so_long_is_told_and_may_come_again)
{
    sn_loader *loader = start(RIG_TYPED, 1, 2, 0);
    rig_view view = rig_view_open();
    sn_batch *batch;
    sn_status status;
    rig_require(sn_loader_begin(loader, 2));
    rig_take(loader, &stream, 2, 0, 5);
    rig_stop(&view, 0);
    int64_t step = 5;
    while ((status = sn_loader_next(loader, 50 * MS, &batch)) == SN_OK) { /* what is there */
        rig_expect(&stream, batch, 2, step++);
        sn_batch_release(batch);
    }
    ck_assert_int_eq(status, SN_E_TIMEOUT);
    ck_assert_int_eq(sn_loader_next(loader, 0, &batch), SN_E_AGAIN);
    rig_take(loader, &stream, 2, step, stream.steps);
    ck_assert_uint_eq(rig_stats(loader).restarts, 1);
    rig_view_close(&view);
    finish(loader);
}
END_TEST

/* At every step, and with a lane beside it that goes on. */
START_TEST(lane_that_loops_or_stops_its_worker_is_replaced)
{
    static const char *const steps[] = { "claimed", "needed", "gather", "published" };
    static const char *const acts[] = { "loop", "stop" };
    int chosen = _i + (int)(sn_test_seed() % 8);
    RIG_ORDER(.at = steps[chosen % 4], .act = acts[chosen / 4 % 2], .nth = 8, .once = true);
    sn_loader *loader = start(RIG_WIDE, 1, 2, 65536);
    rig_take_epoch(loader, &stream, 1);
    rig_wait_restarts(loader, 1);
    expect_words(0, "was killed: it made no progress for the stall time");
    finish(loader);
}
END_TEST

START_TEST(slow_worker_is_left_in_peace)
{
    RIG_ORDER(.at = "any", .act = "sleep", .below = 1, .ms = 300);
    sn_loader *loader = start(RIG_WIDE, 1, 1, 65536);
    int64_t began = sn__now_ns();
    rig_require(sn_loader_begin(loader, 0));
    rig_take(loader, &stream, 0, 0, 5);
    ck_assert_int_gt(sn__now_ns() - began, STALL_NS);
    ck_assert_uint_eq(rig_stats(loader).restarts, 0);
    finish(loader);
}
END_TEST

START_TEST(consumer_that_pauses_kills_nobody)
{
    sn_loader *loader = start(_i == 0 ? RIG_HOMOGENEOUS : RIG_WIDE, 2, 2, _i == 0 ? 0 : 65536);
    rig_sleep_ms(1300); /* before the first epoch */
    rig_require(sn_loader_begin(loader, 0));
    rig_take(loader, &stream, 0, 0, 20);
    rig_sleep_ms(1600);
    rig_take(loader, &stream, 0, 20, stream.steps);
    rig_take_epoch(loader, &stream, 1);
    ck_assert_uint_eq(rig_stats(loader).restarts, 0);
    finish(loader);
}
END_TEST

START_TEST(stopped_worker_without_work_is_replaced_when_there_is_some)
{
    sn_loader *loader = start(RIG_HOMOGENEOUS, 1, 1, 0);
    rig_view view = rig_view_open();
    rig_take_epoch(loader, &stream, 0);
    rig_sleep_ms(50);
    rig_stop(&view, 0);
    rig_sleep_ms(1600);
    ck_assert_uint_eq(rig_stats(loader).restarts, 0);
    rig_take_epoch(loader, &stream, 1);
    ck_assert_uint_eq(rig_stats(loader).restarts, 1);
    rig_view_close(&view);
    finish(loader);
}
END_TEST

/* An epoch in a process that tells what it saw. */
static void consume(void)
{
    sn_loader *loader = start(RIG_WIDE, 1, 1, 65536);
    rig_take_epoch(loader, &stream, 0);
    int restarts = (int)rig_stats(loader).restarts;
    finish(loader);
    _exit(restarts);
}

/* By a debugger, or by the terminal: time in which nobody watched is nobody's fault. The worker has asked
 * for memory meanwhile, and there was no answer. */
START_TEST(process_that_is_stopped_as_a_whole_kills_nobody)
{
    int ended;
    RIG_ORDER(.at = "sampled", .act = "sleep", .nth = 20, .ms = 800, .once = true);
    pid_t consumer = fork();
    ck_assert_int_ge(consumer, 0);
    if (consumer == 0)
        consume();
    for (int i = 0; i < 2000 && rig_order_followed() == 0; i++)
        rig_sleep_ms(5);
    rig_sleep_ms(400); /* the lane has been seen there */
    ck_assert_int_eq(kill(consumer, SIGSTOP), 0);
    rig_sleep_ms(1600);
    ck_assert_int_eq(kill(consumer, SIGCONT), 0);
    ck_assert_int_eq(waitpid(consumer, &ended, 0), consumer);
    ck_assert_msg(WIFEXITED(ended) && WEXITSTATUS(ended) == 0, "ended with %x", (unsigned)ended);
}
END_TEST

int main(void)
{
    TCase *cases = tcase_create("stalls");
    tcase_add_loop_test(cases, stopped_worker_is_replaced_and_its_batch_computed_again, 0, 2);
    tcase_add_test(cases, consumer_that_does_not_wait_so_long_is_told_and_may_come_again);
    tcase_add_loop_test(cases, lane_that_loops_or_stops_its_worker_is_replaced, 0,
                        (int)sn_test_scale(8));
    tcase_add_test(cases, slow_worker_is_left_in_peace);
    tcase_add_loop_test(cases, consumer_that_pauses_kills_nobody, 0, 2);
    tcase_add_test(cases, stopped_worker_without_work_is_replaced_when_there_is_some);
    tcase_add_test(cases, process_that_is_stopped_as_a_whole_kills_nobody);
    return rig_run("stalls", cases, 120);
}
