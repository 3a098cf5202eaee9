/* SPDX-License-Identifier: Apache-2.0 */
/* What a test must not leave behind. As the outermost fixture of a case:
 *
 *     tcase_add_checked_fixture(cases, leftovers_before, leftovers_after);
 *
 * `before` notes what is there; `after` fails the case, naming everything, if there is more (or less)
 * for longer than leftovers_grace_ns:
 *   - descriptors of this process, by number and by what they lead to: also one that is gone;
 *   - its mappings of memory files, its threads;
 *   - processes, also dead ones that nobody reaped: children of this process, members of its group (each
 *     case of libcheck leads one), and whoever has inherited its environment, wherever they are now.
 *     Dead ones that belong to others are those others' to reap;
 *   - entries of /dev/shm, SysV objects, named sockets of Seine;
 *   - files in TMPDIR, which is an empty folder of the case's own from `before` to `after`.
 *
 * A memory file or a socket without a name exists only while a process has it, so that there is nothing
 * more to look for.
 *
 * Threads: the one of the test; no other is needed to stand still but for what it leaves. */
#ifndef SEINE_TESTS_SUPPORT_LEFTOVERS_H
#define SEINE_TESTS_SUPPORT_LEFTOVERS_H

#include <stdint.h>

/* For threads that were joined, processes that are being killed, other tests' short-lived files: 5 s. */
extern int64_t leftovers_grace_ns;

void leftovers_before(void);
void leftovers_after(void);
/* What is there now was there before: what a case keeps until its process ends. */
void leftovers_accept(void);

/* What is there more, or less, than at `before` right now, one thing per line; "": nothing. LENT until
 * the next call. */
const char *leftovers_now(void);
/* Processes that `after` would name, now. */
int leftovers_count_processes(void);

#endif
