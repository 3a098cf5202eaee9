/* SPDX-License-Identifier: Apache-2.0 */
/* Loaders where /dev/shm is small, as in containers: a tmpfs over it, in a mount namespace of the case's
 * own. Exit code 77 where namespaces are not permitted. */
#include "base/run.h"

#include "loader_env/fixture.h"
#include "loader_env/refuse.h"
#include "support/leftovers.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/statvfs.h>
#include <sys/wait.h>
#include <unistd.h>

enum { NOT_PERMITTED = 77 };

/* -- A /dev/shm of one's own ------------------------------------------------------------------- */

static void put(const char *path, const char *text)
{
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    if (fd < 0)
        return; /* an older system does not have setgroups */
    ENV_CHECK(write(fd, text, strlen(text)) == (ssize_t)strlen(text));
    close(fd);
}

/* With a user namespace, in which everybody may mount; the same user is inside and out. */
static bool unshare_mounts(void)
{
    char line[64];
    unsigned user = getuid(), group = getgid();
    if (unshare(CLONE_NEWUSER | CLONE_NEWNS) != 0)
        return false;
    snprintf(line, sizeof line, "%u %u 1", user, user);
    put("/proc/self/uid_map", line);
    put("/proc/self/setgroups", "deny");
    snprintf(line, sizeof line, "%u %u 1", group, group);
    put("/proc/self/gid_map", line);
    return true;
}

/* This process alone, and what it starts, sees a fresh tmpfs. False: it is not permitted. */
static bool mount_shm(const char *size)
{
    struct statvfs info;
    unsigned long wanted = strtoul(size, NULL, 10) << (strchr(size, 'm') != NULL ? 20 : 10);
    char options[64];
    if (!unshare_mounts() || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0)
        return false;
    snprintf(options, sizeof options, "size=%s", size);
    if (mount("seine-test", "/dev/shm", "tmpfs", MS_NOSUID | MS_NODEV, options) != 0)
        return false;
    ENV_CHECK(statvfs("/dev/shm", &info) == 0);
    ENV_CHECK(info.f_blocks * info.f_frsize == wanted); /* it is that one */
    return true;
}

static unsigned long used_of_shm(void)
{
    struct statvfs info;
    ENV_CHECK(statvfs("/dev/shm", &info) == 0);
    return (info.f_blocks - info.f_bfree) * info.f_frsize;
}

typedef struct small_shm {
    const char *size;
    uint64_t channel_bytes;
    bool refuse; /* memfd_create */
    bool fails;  /* for want of memory there */
} small_shm;

/* `loader`: NULL, or what failed later. */
static void check_refusal(sn_status status, sn_loader *loader)
{
    ENV_CHECK(status == SN_E_NOMEM);
    ENV_CHECK(strncmp(sn_error_detail(), loader == NULL ? "segment" : "worker ", 7) == 0);
    ENV_CHECK(strstr(sn_error_detail(), "segment seine-") != NULL);
    ENV_CHECK(strstr(sn_error_detail(), "no memory for bytes") != NULL);
    sn_loader_release(loader);
    ENV_CHECK(used_of_shm() == 0);
    _exit(0);
}

static void stream_with(void *context)
{
    const small_shm *shm = context;
    sn_loader *loader;
    sn_batch *batch;
    if (!mount_shm(shm->size))
        _exit(NOT_PERMITTED);
    if (shm->refuse)
        refuse_memfd(ENOSYS);
    sn_status status = sn_node_loader_create(
        plan, SN_LOADER_OPTIONS(.workers = 2, .channel_bytes = shm->channel_bytes), &loader);
    if (status != SN_OK && shm->fails)
        check_refusal(status, NULL);
    ENV_OK(status);
    ENV_OK(sn_loader_begin(loader, 0));
    status = sn_loader_next(loader, SN_WAIT_DEFAULT, &batch);
    if (status != SN_OK && shm->fails) /* the arenas are made when the first batch is there */
        check_refusal(status, loader);
    ENV_OK(status);
    ENV_CHECK(!shm->fails);
    sn_batch_release(batch);
    env_workers workers = env_workers_of(getpid(), 2);
    kill(workers.pids[0], SIGKILL);
    env_rest(loader, &stream, 0, 1);
    env_epoch(loader, &stream, 1);
    ENV_CHECK((used_of_shm() > 0) == shm->refuse);
    sn_loader_release(loader);
    ENV_CHECK(used_of_shm() == 0);
}

#define MB (UINT64_C(1) << 20)

static const small_shm all[] = {
    { "64m", 0, false, false },      { "64m", 128 * MB, false, false },
    { "4k", 0, false, false },       { "4k", 128 * MB, false, false },
    { "64m", 0, true, false },       { "64m", 8 * MB, true, false },
    { "64m", 160 * MB, true, true }, { "4k", 0, true, true },
};

START_TEST(loader_with_a_small_dev_shm_delivers_the_same)
{
    int code = env_run(stream_with, (void *)(uintptr_t)&all[_i]);
    ck_assert_int_eq(code, 0);
}
END_TEST

static void try_mount(void *unused)
{
    (void)unused;
    _exit(mount_shm("64m") ? 0 : NOT_PERMITTED);
}

/* Before there is a suite: libcheck has no word for it. */
static bool is_permitted(void)
{
    int status;
    pid_t pid = fork();
    if (pid == 0)
        try_mount(NULL);
    return waitpid(pid, &status, 0) == pid && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

int main(void)
{
    if (!is_permitted()) {
        printf("mount namespaces are not permitted here\n");
        return NOT_PERMITTED;
    }
    TCase *cases = tcase_create("shm");
    tcase_set_timeout(cases, 120);
    tcase_add_checked_fixture(cases, leftovers_before, leftovers_after);
    tcase_add_checked_fixture(cases, env_begin, env_end);
    tcase_add_loop_test(cases, loader_with_a_small_dev_shm_delivers_the_same, 0,
                        sizeof all / sizeof *all);
    return run_cases("shm", cases);
}
