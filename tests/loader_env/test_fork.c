/* SPDX-License-Identifier: Apache-2.0 */
/* fork() and its relatives in the process of a user whose loader is running. */
#include "base/run.h"

#include "loader_env/fixture.h"
#include "support/leftovers.h"
#include "support/scale.h"

#include <dirent.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static sn_loader *loader;

static void begin(void)
{
    env_begin();
    loader = env_loader(plan, 2);
}

static void end(void)
{
    sn_loader_release(loader);
    env_end();
}

/* -- What a child gets ------------------------------------------------------------------------- */

static sn_batch *held;
static DLManagedTensorVersioned *exported;

static void check_refused(sn_status status)
{
    ENV_CHECK(status == SN_E_INVALID);
    ENV_CHECK(strcmp(sn_error_detail(), "loader: made by another process") == 0);
}

/* Every call, and every way in which a program that knows nothing of the loader gives things back. */
static void use_everything(void *context)
{
    uint8_t state[SN_LOADER_STATE_BYTES] = { 0 };
    size_t bytes = 0;
    sn_batch *none = NULL;
    sn_loader_stats stats;
    (void)context;
    check_refused(sn_loader_next(loader, 0, &none));
    check_refused(sn_loader_next(loader, SN_WAIT_DEFAULT, &none));
    check_refused(sn_loader_begin(loader, 1));
    check_refused(sn_loader_begin_at(loader, 1, 2, 3));
    check_refused(sn_loader_state_save(loader, state, sizeof state, &bytes));
    check_refused(sn_loader_state_restore(loader, state, sizeof state));
    ENV_CHECK(none == NULL && bytes == 0);
    sn_loader_get_stats(loader, &stats);
    ENV_CHECK(stats.workers == 0 && stats.batches == 0);
    exported->deleter(exported);
    sn_batch_release(held);
    sn_loader_shutdown(loader);
    sn_loader_release(loader);
}

static void use_everything_and_exit(void *context)
{
    use_everything(context);
    exit(0); /* with all that the program has registered for its end */
}

static void execute(void *context)
{
    (void)context;
    execl("/bin/true", "true", (char *)NULL);
    _exit(9);
}

static void die(void *context)
{
    (void)context;
    raise(SIGKILL);
}

static const struct {
    void (*body)(void *);
    int code;
} children[] = {
    { use_everything, 0 }, { use_everything_and_exit, 0 }, { execute, 0 }, { die, 128 + SIGKILL }
};

START_TEST(child_of_fork_is_refused_by_every_call_and_disturbs_nothing)
{
    ENV_OK(sn_loader_begin(loader, 0));
    held = env_next(loader, &stream, 0, 0);
    ENV_OK(sn_batch_to_dlpack(held, "x", &exported));
    ck_assert_int_eq(env_run(children[_i].body, NULL), children[_i].code);
    env_rest(loader, &stream, 0, 1);
    env_epoch(loader, &stream, 1);
    /* What the child gave back is still ours: nothing was written over it. */
    ck_assert_uint_eq(sn_batch_digest(held), stream.digests[0]);
    exported->deleter(exported);
    sn_batch_release(held);
    sn_loader_stats stats;
    sn_loader_get_stats(loader, &stats);
    ck_assert_uint_eq(stats.restarts, 0);
}
END_TEST

START_TEST(child_of_fork_has_a_loader_of_its_own)
{
    ENV_OK(sn_loader_begin(loader, 0));
    pid_t child = fork();
    if (child == 0) { /* the dataset and the plan are read only, and there are no threads to miss */
        sn_loader *own;
        sn_batch *batch;
        int code = 1;
        if (sn_node_loader_create(plan, SN_LOADER_OPTIONS(.workers = 1), &own) == SN_OK &&
            sn_loader_begin(own, 1) == SN_OK && sn_loader_next(own, ENV_S * 30, &batch) == SN_OK) {
            code = sn_batch_digest(batch) == stream.digests[stream.steps] ? 0 : 2;
            sn_batch_release(batch);
            sn_loader_release(own);
        }
        _exit(code);
    }
    ck_assert_int_eq(env_finish(child), 0);
    env_rest(loader, &stream, 0, 0);
}
END_TEST

/* -- Many, while batches come ------------------------------------------------------------------ */

static atomic_bool over;

/* Returns the address of what went wrong, or NULL. */
static void *fork_again_and_again(void *count)
{
    static int fault;
    while (!atomic_load(&over)) {
        pid_t pid = fork();
        if (pid == 0)
            _exit(3);
        int status = 0;
        if (pid < 0 || waitpid(pid, &status, 0) != pid || !WIFEXITED(status) ||
            WEXITSTATUS(status) != 3)
            return &fault;
        ++*(int *)count;
    }
    return NULL;
}

START_TEST(forks_in_other_threads_while_batches_come_disturb_nothing)
{
    pthread_t threads[2];
    int counts[2] = { 0 };
    void *fault;
    atomic_store(&over, false);
    for (int i = 0; i < 2; i++)
        pthread_create(&threads[i], NULL, fork_again_and_again, &counts[i]);
    for (int64_t i = sn_test_scale(20); i > 0 || counts[0] == 0 || counts[1] == 0; i--)
        env_epoch(loader, &stream, (uint64_t)(i & 1));
    atomic_store(&over, true);
    for (int i = 0; i < 2; i++) {
        pthread_join(threads[i], &fault);
        ck_assert_ptr_null(fault);
    }
}
END_TEST

/* -- Programs that are started ----------------------------------------------------------------- */

START_TEST(program_that_the_user_starts_inherits_no_descriptor)
{
    int before = 0;
    DIR *open_files = opendir("/proc/self/fd");
    for (const struct dirent *entry; (entry = readdir(open_files)) != NULL;) {
        char link[300], target[300];
        snprintf(link, sizeof link, "/proc/self/fd/%s", entry->d_name);
        ssize_t bytes = readlink(link, target, sizeof target - 1);
        target[bytes < 0 ? 0 : bytes] = '\0';
        before += strstr(target, "seine-") != NULL || strstr(target, "pidfd") != NULL;
    }
    closedir(open_files);
    ck_assert_int_gt(before, 2); /* there would be something to see */
    FILE *list = popen("ls -l /proc/self/fd", "re");
    ck_assert_ptr_nonnull(list);
    char line[600];
    while (fgets(line, sizeof line, list) != NULL)
        ck_assert_msg(strstr(line, "memfd") == NULL && strstr(line, "pidfd") == NULL &&
                          strstr(line, "eventpoll") == NULL && strstr(line, "eventfd") == NULL &&
                          strstr(line, "dataset") == NULL,
                      "%s", line);
    ck_assert_int_eq(pclose(list), 0);
}
END_TEST

/* -- Children that outlive ---------------------------------------------------------------------- */

/* A program that has a child which lives on, and its loader's descriptors with it. */
static void have_a_child(void *pipe_ends)
{
    int *ends = pipe_ends;
    sn_loader *own = env_loader(plan, 3);
    ENV_OK(sn_loader_begin(own, 0));
    pid_t child = fork();
    if (child == 0) {
        env_sleep(60 * ENV_S);
        _exit(0);
    }
    ENV_CHECK(write(ends[1], &child, sizeof child) == sizeof child);
    env_sleep(60 * ENV_S);
}

START_TEST(workers_end_with_their_loader_though_a_child_of_it_lives_on)
{
    int ends[2];
    pid_t child;
    sn_loader_release(loader); /* the user would inherit what it is seen by */
    loader = NULL;
    ck_assert_int_eq(pipe(ends), 0);
    pid_t user = env_start(have_a_child, ends);
    ck_assert_int_eq(read(ends[0], &child, sizeof child), sizeof child);
    env_workers workers = env_workers_of(user, 3);
    kill(user, SIGKILL);
    ck_assert_int_eq(env_finish(user), 128 + SIGKILL);
    env_expect_gone(&workers, ENV_S);
    ck_assert(env_is_alive(child));
    kill(child, SIGKILL);
    close(ends[0]);
    close(ends[1]);
}
END_TEST

int main(void)
{
    TCase *cases = tcase_create("fork");
    tcase_set_timeout(cases, 120);
    tcase_add_checked_fixture(cases, leftovers_before, leftovers_after);
    tcase_add_checked_fixture(cases, begin, end);
    tcase_add_loop_test(cases, child_of_fork_is_refused_by_every_call_and_disturbs_nothing, 0,
                        sizeof children / sizeof *children);
    tcase_add_test(cases, child_of_fork_has_a_loader_of_its_own);
    tcase_add_test(cases, forks_in_other_threads_while_batches_come_disturb_nothing);
    tcase_add_test(cases, program_that_the_user_starts_inherits_no_descriptor);
    tcase_add_test(cases, workers_end_with_their_loader_though_a_child_of_it_lives_on);
    return run_cases("fork", cases);
}
