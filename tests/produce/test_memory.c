/* SPDX-License-Identifier: Apache-2.0 */
/* A worker that takes more memory than its control group grants is killed by the kernel, and the error
 * says so. Needs a memory control group of its own, v1 or v2: exit status 77 where there is none. */
#include "produce/rig.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { SKIPPED = 77, POISONED = 9 };
#define LIMIT "335544320" /* 320 MiB: sanitizers take their share */

static char group[4096], reason[8192];

/* -- The group --------------------------------------------------------------------------------- */

/* False, with the reason. */
static bool write_file(const char *name, const char *text)
{
    char path[sizeof group + 64];
    (void)snprintf(path, sizeof path, "%s/%s", group, name);
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    bool written = fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);
    if (!written)
        (void)snprintf(reason, sizeof reason, "%s: %s", path, strerror(errno));
    if (fd >= 0)
        close(fd);
    return written;
}

/* Where hierarchy `type` with `option` is mounted. */
static bool find_mount(const char *type, const char *option, char out[1024])
{
    char line[4096], point[1024], kind[64], options[1024];
    FILE *mounts = fopen("/proc/self/mounts", "re");
    bool found = false;
    while (mounts != NULL && !found && fgets(line, sizeof line, mounts) != NULL)
        if (sscanf(line, "%*s %1023s %63s %1023s", point, kind, options) == 3 &&
            strcmp(kind, type) == 0 && strstr(options, option) != NULL) {
            (void)snprintf(out, 1024, "%s", point);
            found = true;
        }
    if (mounts != NULL)
        (void)fclose(mounts);
    return found;
}

/* This process' group in the hierarchy of `controller` ("": v2), as a path below the mount. */
static bool find_own(const char *controller, char out[1024])
{
    char line[2048];
    FILE *groups = fopen("/proc/self/cgroup", "re");
    bool found = false;
    while (groups != NULL && !found && fgets(line, sizeof line, groups) != NULL) {
        char *names = strchr(line, ':'), *path = names != NULL ? strchr(names + 1, ':') : NULL;
        if (path == NULL)
            continue;
        *path++ = '\0';
        path[strcspn(path, "\n")] = '\0';
        found = controller[0] == '\0' ? names[1] == '\0' : strstr(names, controller) != NULL;
        (void)snprintf(out, 1024, "%s", strcmp(path, "/") == 0 ? "" : path);
    }
    if (groups != NULL)
        (void)fclose(groups);
    return found;
}

static bool make_one(const char *type, const char *option, const char *limit)
{
    char mount[1024], own[1024];
    if (!find_mount(type, option, mount) || !find_own(option, own)) {
        (void)snprintf(reason, sizeof reason, "no %s hierarchy for memory", type);
        return false;
    }
    (void)snprintf(group, sizeof group, "%s%s/seine-test-%d", mount, own, (int)getpid());
    if (mkdir(group, 0700) != 0) {
        (void)snprintf(reason, sizeof reason, "%s: %s", group, strerror(errno));
        return false;
    }
    if (write_file(limit, LIMIT))
        return true;
    (void)rmdir(group);
    return false;
}

static bool make_group(void)
{
    if (!make_one("cgroup", "memory", "memory.limit_in_bytes") &&
        !make_one("cgroup2", "", "memory.max"))
        return false;
    (void)write_file("memory.swap.max", "0"); /* v2, where there is swap */
    return true;
}

/* -- Inside it --------------------------------------------------------------------------------- */

static void join_group(void)
{
    char pid[16];
    (void)snprintf(pid, sizeof pid, "%d", (int)getpid());
    ck_assert_msg(write_file("cgroup.procs", pid), "%s", reason);
}

static void expect_words(const char *words)
{
    ck_assert_msg(strstr(words, "killed by signal 9 (SIGKILL)") != NULL &&
                      strstr(words, "out of memory") != NULL,
                  "'%s'", words);
}

static void be_killed_for_memory(bool always)
{
    rig_stream stream = rig_stream_of(rig_plan(RIG_HOMOGENEOUS));
    join_group();
    RIG_ORDER(.at = "gather", .act = "eat", .nth = POISONED + 1, .once = !always);
    sn_loader *loader = rig_loader(stream.plan, SN_LOADER_OPTIONS(.workers = 1));
    sn_worker_stats stats;
    sn_watch *watch;
    sn_batch *batch;
    rig_require(sn_loader_begin(loader, 0));
    rig_take(loader, &stream, 0, 0, always ? POISONED : stream.steps);
    if (always) {
        ck_assert_int_eq(sn_loader_next(loader, SN_WAIT_DEFAULT, &batch), SN_E_PEER_DIED);
        printf("%s\n", sn_error_detail());
        expect_words(sn_error_detail());
        ck_assert_ptr_nonnull(strstr(sn_error_detail(), "worker 0: died three times in a row in "
                                                        "gather of batch 9 of epoch 0: "));
    }
    rig_require(sn_watch_open(getpid(), &watch));
    rig_require(sn_watch_worker(watch, 0, 0, &stats));
    expect_words(stats.words);
    sn_watch_close(watch);
    rig_order_clear();
    rig_take_epoch(loader, &stream, 1);
    ck_assert_uint_eq(rig_stats(loader).restarts, always ? 3 : 1);
    sn_loader_release(loader);
    rig_stream_free(&stream);
    (void)fflush(stdout);
    _exit(0);
}

START_TEST(worker_that_is_killed_for_memory_is_told_so)
{
    int ended;
    ck_assert_msg(make_group(), "%s", reason);
    pid_t child = fork();
    if (child == 0)
        be_killed_for_memory(_i == 1);
    ck_assert_int_eq(waitpid(child, &ended, 0), child);
    for (int i = 0; i < 1000 && rmdir(group) != 0; i++)
        rig_sleep_ms(5); /* until those that were killed are reaped */
    ck_assert_int_ne(access(group, F_OK), 0);
    ck_assert_msg(WIFEXITED(ended) && WEXITSTATUS(ended) == 0, "ended with %x", (unsigned)ended);
}
END_TEST

int main(void)
{
    TCase *cases = tcase_create("memory");
    if (!make_group()) {
        printf("skipped: no memory control group can be made: %s\n", reason);
        return SKIPPED;
    }
    (void)rmdir(group);
    tcase_add_loop_test(cases, worker_that_is_killed_for_memory_is_told_so, 0, 2);
    return rig_run("memory", cases, 60);
}
