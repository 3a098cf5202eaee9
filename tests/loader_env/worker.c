/* SPDX-License-Identifier: Apache-2.0 */
/* A worker that does, at a step of each batch, what SEINE_TEST_WORKER says: what tests have to notice.
 *
 *     slow    sleeps 150 ms in the middle of the gather
 *     late    sleeps 150 ms before it asks for memory
 *     deadly  dies in the gather of ticket 5
 *     fresh buffer   takes a new page for each batch
 *     copy    writes each batch to some other memory as well */
#include "engine/produce/worker.h"
#include "seine/worker.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

enum { PAGE = 4096 };

static void rest(void)
{
    nanosleep(&(struct timespec){ .tv_nsec = 150000000 }, NULL);
}

static void be_slow(uint32_t lane, sn_step step, uint64_t ticket)
{
    (void)lane;
    (void)ticket;
    if (step == SN_STEP_GATHER)
        rest();
}

static void be_late(uint32_t lane, sn_step step, uint64_t ticket)
{
    (void)lane;
    (void)ticket;
    if (step == SN_STEP_SAMPLED)
        rest();
}

static void die_at_five(uint32_t lane, sn_step step, uint64_t ticket)
{
    (void)lane;
    if (step == SN_STEP_GATHER && ticket == 5)
        raise(SIGKILL);
}

static void take_a_page(uint32_t lane, sn_step step, uint64_t ticket)
{
    (void)lane;
    (void)ticket;
    if (step != SN_STEP_GATHER)
        return;
    volatile uint8_t *page =
        mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (page == MAP_FAILED)
        abort();
    page[0] = 1;
    munmap((void *)(uintptr_t)page, PAGE);
}

static void write_elsewhere(uint32_t lane, sn_step step, uint64_t ticket)
{
    static volatile uint8_t other[1 << 20];
    (void)lane;
    if (step == SN_STEP_WRITTEN)
        for (size_t i = 0; i < sizeof other; i++)
            other[i] = (uint8_t)ticket;
}

static const struct {
    const char *name;
    void (*hook)(uint32_t, sn_step, uint64_t);
} all[] = { { "slow", be_slow },
            { "late", be_late },
            { "deadly", die_at_five },
            { "fresh buffer", take_a_page },
            { "copy", write_elsewhere } };

int main(void)
{
    const char *what = getenv("SEINE_TEST_WORKER");
    for (size_t i = 0; what != NULL && i < sizeof all / sizeof *all; i++)
        if (strcmp(what, all[i].name) == 0)
            sn__worker_hook = all[i].hook;
    signal(SIGINT, SIG_IGN); /* as seine-worker does */
    return sn_worker_main();
}
