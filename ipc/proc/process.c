/* SPDX-License-Identifier: Apache-2.0 */
/* Child processes: posix_spawn, a pidfd, and one place that reaps.
 *
 * A host's SIGCHLD handler may reap our child at any moment, and its number may then belong to anybody.
 * So nothing is done by number once the pidfd is there, and the pidfd is only believed if the process
 * behind it is a child of ours. */
#include "ipc/proc/process.h"

#include "base/mem.h"
#include "ipc/sync/deadline.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

/* How long to wait for a debugger that takes the exit status first. */
static const int64_t debugger_ns = 1000000;

/* -- Starting ---------------------------------------------------------------------------------- */

/* What to do with descriptors, in this order: the control socket may be any of those that are
 * replaced. Without a standard error there is none in the child either. */
static int add_files(posix_spawn_file_actions_t *files, int control)
{
    int error = posix_spawn_file_actions_adddup2(files, control, SN__PROCESS_CONTROL_FD);
    if (error == 0)
        error = posix_spawn_file_actions_addopen(files, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    if (error == 0 && fcntl(STDERR_FILENO, F_GETFD) < 0)
        error = posix_spawn_file_actions_addopen(files, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
    if (error == 0)
        error = posix_spawn_file_actions_adddup2(files, STDERR_FILENO, STDOUT_FILENO);
    if (error == 0)
        error = posix_spawn_file_actions_addclosefrom_np(files, SN__PROCESS_CONTROL_FD + 1);
    return error;
}

static int set_signals(posix_spawnattr_t *attributes)
{
    sigset_t all;
    sigfillset(&all);
    int error = posix_spawnattr_setsigmask(attributes, &all);
    if (error == 0)
        error = posix_spawnattr_setsigdefault(attributes, &all);
    if (error == 0)
        error =
            posix_spawnattr_setflags(attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
    return error;
}

sn_status sn__process_environment(char ***out)
{
    size_t count = 0, bytes = 0;
    char **copy;
    while (environ != NULL && environ[count] != NULL)
        bytes += strlen(environ[count++]) + 1;
    SN_TRY(sn__mem_zalloc((count + 1) * sizeof *copy + bytes, 1, "environment", &copy));
    char *text = (char *)(copy + count + 1);
    for (size_t i = 0; i < count; i++) {
        copy[i] = text;
        text = stpcpy(text, environ[i]) + 1;
    }
    *out = copy;
    return SN_OK;
}

/* 0 or the error's number. */
static int spawn(const sn__spawn *how, pid_t *pid)
{
    posix_spawn_file_actions_t files;
    posix_spawnattr_t attributes;
    int error = posix_spawn_file_actions_init(&files);
    if (error != 0)
        return error;
    error = posix_spawnattr_init(&attributes);
    if (error == 0) {
        error = add_files(&files, how->control);
        if (error == 0)
            error = set_signals(&attributes);
        if (error == 0)
            error = posix_spawn(pid, how->path, &files, &attributes, how->argv, how->environment);
        posix_spawnattr_destroy(&attributes);
    }
    posix_spawn_file_actions_destroy(&files);
    return error;
}

/* Whether the process behind a pidfd is a child of ours that nobody reaped. */
static bool is_our_child(int pidfd)
{
    siginfo_t info;
    return waitid(P_PIDFD, (id_t)pidfd, &info, WEXITED | WNOHANG | WNOWAIT) == 0;
}

static sn_status watch(pid_t pid, const char *path, int *out)
{
    int pidfd = pidfd_open(pid, 0);
    if (pidfd >= 0 && is_our_child(pidfd)) {
        *out = pidfd;
        return SN_OK;
    }
    if (pidfd >= 0 || errno == ESRCH) {
        if (pidfd >= 0)
            close(pidfd);
        return sn__fail(SN_E_PEER_DIED, "%s: process %d died at once, and was reaped by others",
                        path, (int)pid);
    }
    sn_status st = sn__fail_errno("%s: cannot watch process %d", path, (int)pid);
    /* Alive or dead it is still our child: it was not found missing. (0 would mean a whole group.) */
    if (pid > 0)
        kill(pid, SIGKILL);
    while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
        ;
    return st;
}

sn_status sn__process_spawn(const sn__spawn *how, sn__process *out)
{
    sn__process made = SN__PROCESS_NONE;
    int error = spawn(how, &made.pid);
    if (error == ENOENT || error == EACCES || error == ENOTDIR)
        return sn__fail(SN_E_NOT_FOUND, "%s: cannot be executed: %s", how->path, strerror(error));
    if (error != 0) {
        errno = error;
        return sn__fail_errno("%s: cannot start it", how->path);
    }
    SN_TRY(watch(made.pid, how->path, &made.pidfd));
    *out = made;
    return SN_OK;
}

/* -- Ending ------------------------------------------------------------------------------------ */

sn_status sn__process_kill(const sn__process *process, int signal)
{
    if (pidfd_send_signal(process->pidfd, signal, NULL, 0) == 0 || errno == ESRCH)
        return SN_OK;
    return sn__fail_errno("process %d: cannot send signal %d", (int)process->pid, signal);
}

static sn__exit end_of(const siginfo_t *info)
{
    sn__exit end = { .known = true, .core = info->si_code == CLD_DUMPED };
    if (info->si_code == CLD_EXITED)
        end.code = info->si_status;
    else
        end.signal = info->si_status;
    return end;
}

sn_status sn__process_reap(sn__process *process, int64_t deadline_ns, sn__exit *out)
{
    sn__exit end = { .known = false };
    if (process->pidfd < 0)
        return sn__fail(SN_E_INVALID, "process %d: nothing to reap", (int)process->pid);
    for (;;) {
        siginfo_t info = { .si_pid = 0 };
        SN_TRY(sn__deadline_poll(process->pidfd, POLLIN, deadline_ns));
        if (waitid(P_PIDFD, (id_t)process->pidfd, &info, WEXITED | WNOHANG) == 0) {
            if (info.si_pid != 0) {
                end = end_of(&info);
                break;
            }
            SN_TRY(sn__deadline_pause(debugger_ns, deadline_ns));
        } else if (errno == ECHILD) {
            break; /* dead, and reaped by others */
        } else if (errno != EINTR) {
            return sn__fail_errno("process %d: cannot reap it", (int)process->pid);
        }
    }
    close(process->pidfd);
    process->pidfd = -1;
    *out = end;
    return SN_OK;
}

const char *sn__exit_text(const sn__exit *end, char out[SN__EXIT_BYTES])
{
    const char *name = end->signal != 0 ? sigabbrev_np(end->signal) : NULL;
    const char *core = end->core ? ", core dumped" : "";
    if (!end->known)
        snprintf(out, SN__EXIT_BYTES, "ended, and was reaped by others");
    else if (name != NULL)
        snprintf(out, SN__EXIT_BYTES, "killed by signal %d (SIG%s)%s", end->signal, name, core);
    else if (end->signal != 0)
        snprintf(out, SN__EXIT_BYTES, "killed by signal %d%s", end->signal, core);
    else
        snprintf(out, SN__EXIT_BYTES, "exited with code %d", end->code);
    return out;
}

/* -- In the child ------------------------------------------------------------------------------ */

sn_status sn__process_die_with_parent(pid_t parent)
{
    if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0)
        return sn__fail_errno("cannot ask to die with process %d", (int)parent);
    /* It may have died before it was asked for. */
    pid_t now = getppid();
    if (now != parent)
        return sn__fail(SN_E_PEER_DIED, "the parent is process %d, not %d", (int)now, (int)parent);
    return SN_OK;
}
