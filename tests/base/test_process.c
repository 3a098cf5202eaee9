/* SPDX-License-Identifier: Apache-2.0 */
/* The id of this process, asked again and again, and in copies of it that were made behind the C library's
 * back; also where the system does not wipe pages. */
#include "base/process.h"

#include "base/run.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

int __real_madvise(void *address, size_t bytes, int advice);
int __wrap_madvise(void *address, size_t bytes, int advice);

static bool wipes = true;
static atomic_int wiped;

int __wrap_madvise(void *address, size_t bytes, int advice)
{
    if (advice != MADV_WIPEONFORK)
        return __real_madvise(address, bytes, advice);
    atomic_fetch_add(&wiped, 1);
    return wipes ? __real_madvise(address, bytes, advice) : -1;
}

static bool knows_itself(void)
{
    return sn__process_id() == getpid() && sn__process_id() == getpid();
}

static pid_t copy(bool raw)
{
    return raw ? (pid_t)syscall(SYS_clone, SIGCHLD, NULL, NULL, NULL, NULL) : fork();
}

static void expect_in_copy(pid_t child)
{
    int status = -1;
    ck_assert_int_gt(child, 0);
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert_int_eq(status, 0);
}

/* A copy, and a copy of the copy. */
static void expect_copies(bool raw)
{
    pid_t child = copy(raw);
    if (child == 0) {
        bool right = knows_itself();
        pid_t grandchild = copy(raw);
        if (grandchild == 0)
            _exit(knows_itself() ? 0 : 1);
        int status = -1;
        _exit(right && waitpid(grandchild, &status, 0) == grandchild && status == 0 ? 0 : 1);
    }
    expect_in_copy(child);
}

static void *look(void *out)
{
    *(bool *)out = knows_itself();
    return NULL;
}

START_TEST(process_knows_itself_and_so_do_its_copies)
{
    enum { THREADS = 4 };
    pthread_t threads[THREADS];
    bool right[THREADS];
    wipes = _i == 0;
    expect_copies(false); /* none has asked before */
    for (int i = 0; i < THREADS; i++)
        ck_assert_int_eq(pthread_create(&threads[i], NULL, look, &right[i]), 0);
    for (int i = 0; i < THREADS; i++) {
        ck_assert_int_eq(pthread_join(threads[i], NULL), 0);
        ck_assert(right[i]);
    }
    int asked = wiped;
    ck_assert_int_ge(asked, 1);
    ck_assert(knows_itself());
    ck_assert_int_eq(wiped, asked); /* not each time, nor where it was refused */
    expect_copies(false);
    expect_copies(true);
    ck_assert(knows_itself());
}
END_TEST

int main(void)
{
    TCase *cases = tcase_create("process");
    tcase_add_loop_test(cases, process_knows_itself_and_so_do_its_copies, 0, 2);
    return run_cases("process", cases);
}
