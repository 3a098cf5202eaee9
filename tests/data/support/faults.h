/* SPDX-License-Identifier: Apache-2.0 */
/* Makes the n-th call of a system function fail, by link-time wrapping (--wrap, see
 * CMakeLists.txt).
 *
 * Calls of this program's objects and of the library's inside are counted, those of libc are not;
 * jansson's allocations count as calloc.
 * Threads: counters are atomic, arming is not. */
#ifndef SEINE_TESTS_DATA_FAULTS_H
#define SEINE_TESTS_DATA_FAULTS_H

#include <stdbool.h>

/* X(function) */
#define FAULTS(X)      \
    X(calloc)          \
    X(realloc)         \
    X(mmap)            \
    X(open)            \
    X(openat)          \
    X(fopen)           \
    X(fstat)           \
    X(stat)            \
    X(read)            \
    X(pread)           \
    X(fputs)           \
    X(fclose)          \
    X(fcntl)           \
    X(readdir)         \
    X(realpath)        \
    X(getrandom)       \
    X(posix_fallocate) \
    X(ftruncate)       \
    X(fsync)           \
    X(close)           \
    X(mkdir)           \
    X(rename)          \
    X(renameat2)       \
    X(unlinkat)        \
    X(pthread_create)  \
    X(XXH3_createState)

enum fault {
#define FAULT_ENUM(function) FAULT_##function,
    FAULTS(FAULT_ENUM)
#undef FAULT_ENUM
        FAULT_COUNT
};

/* From now on the n-th call (from 1) of `function` fails with `error`, and the `more` calls behind
 * it. */
void fault_arm(enum fault function, int n, int more, int error);
/* Everything works again. Returns how many calls failed. */
int fault_disarm(void);
const char *fault_name(enum fault function);
/* Runs in the n-th call of the armed function instead of failing it; NULL: none. */
extern void (*fault_hook)(void);
/* renameat2 knows no flags, as on some file systems. */
void fault_no_exchange(bool yes);

#endif
