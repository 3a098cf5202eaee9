/* SPDX-License-Identifier: Apache-2.0 */
/* Child processes, watched by a pidfd: a process that was started is never mistaken for another one
 * that got its number later.
 *
 * Deadlines are those of ipc/sync/deadline.h.
 * Threads: a process is used by one thread at a time. The one that spawns it has to live as long as the
 * child asks to die with it (sn__process_die_with_parent).
 * Signals: no handler is installed, and one of the host's may reap the child first. */
#ifndef SN_IPC_PROC_PROCESS_H
#define SN_IPC_PROC_PROCESS_H

#include "base/status.h"

#include <sys/types.h>

typedef struct sn__process {
    pid_t pid;
    int pidfd; /* readable (POLLIN) once it is dead; -1: none */
} sn__process;
#define SN__PROCESS_NONE ((sn__process){ .pidfd = -1 })

enum { SN__PROCESS_CONTROL_FD = 3 };

typedef struct sn__spawn {
    const char *path;         /* of the program; PATH is not searched */
    char *const *argv;        /* with the program's name first and NULL last */
    int control;              /* BORROWED: becomes SN__PROCESS_CONTROL_FD of the child */
    char *const *environment; /* with NULL last */
} sn__spawn;

typedef struct sn__exit {
    bool known; /* false: somebody else reaped it, and the rest says nothing */
    int code;   /* of exit, if signal is 0 */
    int signal; /* that killed it, or 0 */
    bool core;  /* it left a core file */
} sn__exit;

/* This process' environment as it is now, for programs that are started later, while other threads change
 * it. *out is NEW, one block (sn__mem_free). Fails: SN_E_NOMEM. */
SN_NODISCARD sn_status sn__process_environment(char ***out);
/* Starts a program. It has /dev/null as standard input, this process'
 * standard error as output and error, the control socket, and no other descriptor; all signals are
 * blocked, with default actions. *out is NEW: to be reaped. Fails: SN_E_NOT_FOUND (no such program, or
 * it may not be executed), SN_E_PEER_DIED (it died, and somebody else reaped it), SN_E_NOMEM,
 * SN_E_SYSTEM. */
SN_NODISCARD sn_status sn__process_spawn(const sn__spawn *how, sn__process *out);
/* SN_OK also if it is dead already. Fails: SN_E_SYSTEM. */
SN_NODISCARD sn_status sn__process_kill(const sn__process *process, int signal);
/* Waits until it is dead, takes its exit status and closes the pidfd. Results: SN_E_AGAIN (deadline 0),
 * SN_E_TIMEOUT. Fails: SN_E_SYSTEM, SN_E_INVALID (none). */
SN_NODISCARD sn_status sn__process_reap(sn__process *process, int64_t deadline_ns, sn__exit *out);

enum { SN__EXIT_BYTES = 64 };
/* "killed by signal 9 (SIGKILL)", "exited with code 1". Returns `out`. */
const char *sn__exit_text(const sn__exit *end, char out[SN__EXIT_BYTES]);

/* For the child: from now on it is killed when the thread that spawned it ends. Fails: SN_E_PEER_DIED
 * (`parent` is gone already, or never was the parent), SN_E_SYSTEM. */
SN_NODISCARD sn_status sn__process_die_with_parent(pid_t parent);

#endif
