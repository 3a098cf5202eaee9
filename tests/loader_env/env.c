/* SPDX-License-Identifier: Apache-2.0 */
#include "loader_env/env.h"

#include <check.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { FINISH_S = 60, MOST_FOLDERS = 8 };

static bool is_child; /* of env_start: libcheck does not hear of it */
static char folders[MOST_FOLDERS][256];
static int num_folders;

void env_check(bool holds, const char *what, const char *file, int line)
{
    if (holds)
        return;
    if (!is_child)
        ck_abort_msg("%s:%d: %s (%s)", file, line, what, sn_error_detail());
    fprintf(stderr, "%s:%d: %s (%s)\n", file, line, what, sn_error_detail());
    _exit(1);
}

/* -- Streams ----------------------------------------------------------------------------------- */

const char *env_folder(void)
{
    const char *base = getenv("TMPDIR");
    char *folder = folders[num_folders++];
    ENV_CHECK(num_folders < MOST_FOLDERS);
    snprintf(folder, sizeof folders[0], "%s/seine-env-XXXXXX", base != NULL ? base : "/tmp");
    ENV_CHECK(mkdtemp(folder) != NULL);
    return folder;
}

sn_dataset *env_dataset(const env_graph *graph)
{
    char path[300];
    sn_dataset *dataset;
    snprintf(path, sizeof path, "%s/dataset", env_folder());
    ENV_OK(sn_gen_rmat(SN_RMAT_OPTIONS(.num_nodes = graph->nodes, .degree = graph->degree,
                                       .feat_dim = graph->feat_dim, .seed = 7),
                       path));
    ENV_OK(sn_dataset_open(path, SN_DATASET_OPTIONS(.load = graph->load), &dataset));
    return dataset;
}

const char *env_dataset_path(void)
{
    static char path[300];
    snprintf(path, sizeof path, "%s/dataset", folders[0]);
    return path;
}

void env_clean(void)
{
    char command[300];
    while (num_folders > 0) {
        snprintf(command, sizeof command, "rm -r '%s'", folders[--num_folders]);
        ENV_CHECK(system(command) == 0);
    }
}

sn_plan *env_plan(sn_dataset *dataset, int64_t batch_size, int64_t fanout)
{
    sn_plan *plan;
    const int64_t hops[] = { fanout, fanout };
    ENV_OK(sn_plan_create(dataset,
                          SN_PLAN_OPTIONS(.batch_size = batch_size, .shuffle = true, .seed = 5,
                                          .hops = 2, .fanout = hops, .features = true),
                          &plan));
    return plan;
}

sn_plan *env_small_plan(void)
{
    sn_dataset *dataset = env_dataset(&(env_graph){ .nodes = 1200, .degree = 8, .feat_dim = 16 });
    sn_plan *plan = env_plan(dataset, 50, 5);
    sn_dataset_release(dataset);
    return plan;
}

env_stream env_expect(sn_plan *plan)
{
    env_stream stream = { .steps = sn_plan_num_steps(plan) };
    sn_sampler *sampler;
    sn_batch *batch;
    stream.digests = calloc((size_t)stream.steps * ENV_EPOCHS, sizeof *stream.digests);
    ENV_CHECK(stream.digests != NULL);
    ENV_OK(sn_sampler_create(plan, &sampler));
    for (uint64_t epoch = 0; epoch < ENV_EPOCHS; epoch++)
        for (int64_t step = 0; step < stream.steps; step++) {
            ENV_OK(sn_sampler_sample_step(sampler, epoch, step, &batch));
            stream.digests[(int64_t)epoch * stream.steps + step] = sn_batch_digest(batch);
            sn_batch_release(batch);
        }
    sn_sampler_release(sampler);
    return stream;
}

void env_stream_free(env_stream *stream)
{
    free(stream->digests);
    stream->digests = NULL;
}

sn_loader *env_loader(sn_plan *plan, int32_t workers)
{
    sn_loader *loader;
    ENV_OK(sn_node_loader_create(plan, SN_LOADER_OPTIONS(.workers = workers), &loader));
    return loader;
}

sn_batch *env_next(sn_loader *loader, const env_stream *stream, uint64_t epoch, int64_t step)
{
    sn_batch *batch;
    ENV_OK(sn_loader_next(loader, 30 * ENV_S, &batch));
    ENV_CHECK(sn_batch_get_info(batch).epoch == epoch);
    ENV_CHECK(sn_batch_digest(batch) == stream->digests[(int64_t)epoch * stream->steps + step]);
    return batch;
}

void env_rest(sn_loader *loader, const env_stream *stream, uint64_t epoch, int64_t from)
{
    sn_batch *batch;
    for (int64_t step = from; step < stream->steps; step++)
        sn_batch_release(env_next(loader, stream, epoch, step));
    ENV_CHECK(sn_loader_next(loader, SN_WAIT_DEFAULT, &batch) == SN_E_END);
}

void env_epoch(sn_loader *loader, const env_stream *stream, uint64_t epoch)
{
    ENV_OK(sn_loader_begin(loader, epoch));
    env_rest(loader, stream, epoch, 0);
}

/* -- Processes --------------------------------------------------------------------------------- */

int64_t env_now(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * ENV_S + now.tv_nsec;
}

void env_sleep(int64_t ns)
{
    int64_t end = env_now() + ns; /* signals may cut it */
    for (int64_t left = ns; left > 0; left = end - env_now())
        nanosleep(&(struct timespec){ left / ENV_S, left % ENV_S }, NULL);
}

/* Of the leak checker, where there is one. */
extern void __lsan_disable(void) __attribute__((weak));

void env_may_leak(void)
{
    if (__lsan_disable != NULL)
        __lsan_disable();
}

pid_t env_start(void (*body)(void *context), void *context)
{
    fflush(NULL);
    pid_t pid = fork();
    ENV_CHECK(pid >= 0);
    if (pid > 0)
        return pid;
    is_child = true;
    body(context);
    _exit(0);
}

int env_finish(pid_t pid)
{
    int status;
    pid_t got;
    for (int64_t end = env_now() + FINISH_S * ENV_S; (got = waitpid(pid, &status, WNOHANG)) == 0;)
        if (env_now() > end) {
            kill(pid, SIGKILL);
            waitpid(pid, NULL, 0);
            env_check(false, "a process has ended within a minute", __FILE__, __LINE__);
        } else {
            env_sleep(ENV_MS);
        }
    ENV_CHECK(got == pid);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

int env_run(void (*body)(void *context), void *context)
{
    return env_finish(env_start(body, context));
}

static int look_at_workers(pid_t owner, env_workers *out)
{
    sn_watch *watch;
    out->count = 0;
    ENV_OK(sn_watch_open(owner, &watch));
    for (int32_t i = 0; i < sn_watch_count(watch); i++) {
        sn_loader_stats stats;
        sn_worker_stats worker;
        int64_t pid;
        if (sn_watch_loader(watch, i, &pid, &stats) != SN_OK)
            continue; /* it is going, or is not laid out yet */
        for (int32_t w = 0; w < stats.workers && out->count < ENV_MOST_WORKERS; w++) {
            ENV_OK(sn_watch_worker(watch, i, w, &worker));
            if (worker.pid != 0)
                out->pids[out->count++] = (pid_t)worker.pid;
        }
    }
    sn_watch_close(watch);
    return out->count;
}

env_workers env_workers_of(pid_t owner, int count)
{
    env_workers workers;
    int64_t end = env_now() + 20 * ENV_S;
    while (look_at_workers(owner, &workers) < count && env_now() < end)
        env_sleep(ENV_MS);
    ENV_CHECK(workers.count == count);
    return workers;
}

/* 'R', 'S', 'T', ... of a file like /proc/PID/stat; 0: there is no such process. */
static char state_in(const char *path)
{
    char line[512];
    FILE *file = fopen(path, "re");
    if (file == NULL)
        return 0;
    size_t bytes = fread(line, 1, sizeof line - 1, file);
    fclose(file);
    line[bytes] = '\0';
    const char *end = strrchr(line, ')'); /* of the name, which may hold anything */
    return end != NULL ? end[2] : 0;
}

static char state_of(pid_t pid)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
    return state_in(path);
}

static bool has_stopped(pid_t pid)
{
    char path[512];
    bool all = true;
    snprintf(path, sizeof path, "/proc/%d/task", (int)pid);
    DIR *threads = opendir(path);
    ENV_CHECK(threads != NULL);
    for (struct dirent *one; (one = readdir(threads)) != NULL;) {
        snprintf(path, sizeof path, "/proc/%d/task/%s/stat", (int)pid, one->d_name);
        char state = one->d_name[0] != '.' ? state_in(path) : 0;
        all = all && (state == 0 || state == 'T');
    }
    closedir(threads);
    return all;
}

void env_stop(const env_workers *workers)
{
    int64_t end = env_now() + 20 * ENV_S;
    for (int i = 0; i < workers->count; i++)
        kill(workers->pids[i], SIGSTOP);
    for (int i = 0; i < workers->count; i++)
        while (!has_stopped(workers->pids[i])) {
            ENV_CHECK(env_now() < end);
            env_sleep(ENV_MS);
        }
}

bool env_is_alive(pid_t pid)
{
    char state = state_of(pid);
    return state != 0 && state != 'Z' && state != 'X';
}

bool env_is_running(pid_t pid)
{
    return env_is_alive(pid) && state_of(pid) != 'T';
}

void env_expect_gone(const env_workers *workers, int64_t within_ns)
{
    int64_t end = env_now() + within_ns;
    for (int i = 0; i < workers->count; i++) {
        while (env_is_alive(workers->pids[i])) {
            env_check(env_now() < end, "all workers are gone", __FILE__, __LINE__);
            env_sleep(ENV_MS);
        }
        (void)waitpid(workers->pids[i], NULL, 0); /* ours, in a test that orphans come to */
    }
}

void env_tell(int fd)
{
    ENV_CHECK(write(fd, "n", 1) == 1);
}

void env_await(int fd)
{
    char byte;
    struct pollfd wait = { .fd = fd, .events = POLLIN };
    ENV_CHECK(poll(&wait, 1, FINISH_S * 1000) == 1);
    ENV_CHECK(read(fd, &byte, 1) == 1);
}

/* -- Mappings ---------------------------------------------------------------------------------- */

/* The next mapping whose name holds `name`; false: there is none. */
static bool next_mapping(FILE *maps, const char *name, uintptr_t range[2])
{
    char line[4400];
    while (fgets(line, sizeof line, maps) != NULL)
        if (strstr(line, name) != NULL &&
            sscanf(line, "%" SCNxPTR "-%" SCNxPTR, &range[0], &range[1]) == 2)
            return true;
    return false;
}

int env_count_mappings(const char *name)
{
    uintptr_t range[2];
    int count = 0;
    FILE *maps = fopen("/proc/self/maps", "re");
    ENV_CHECK(maps != NULL);
    while (next_mapping(maps, name, range))
        count++;
    fclose(maps);
    return count;
}

bool env_is_mapped_as(const void *address, const char *name)
{
    uintptr_t range[2];
    bool found = false;
    FILE *maps = fopen("/proc/self/maps", "re");
    ENV_CHECK(maps != NULL);
    while (!found && next_mapping(maps, name, range))
        found = (uintptr_t)address >= range[0] && (uintptr_t)address < range[1];
    fclose(maps);
    return found;
}
