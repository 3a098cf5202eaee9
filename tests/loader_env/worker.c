/* SPDX-License-Identifier: Apache-2.0 */
/* A worker that does, at a step of each batch, what SEINE_TEST_WORKER says: what tests have to notice.
 *
 *     slow    sleeps 150 ms in the middle of the gather
 *     late    sleeps 150 ms before it asks for memory */
#include "engine/produce/worker.h"
#include "seine/worker.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

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

static const struct {
    const char *name;
    void (*hook)(uint32_t, sn_step, uint64_t);
} all[] = { { "slow", be_slow }, { "late", be_late } };

int main(int argc, char **argv)
{
    const char *what = getenv("SEINE_TEST_WORKER");
    for (size_t i = 0; what != NULL && i < sizeof all / sizeof *all; i++)
        if (strcmp(what, all[i].name) == 0)
            sn__worker_hook = all[i].hook;
    return sn_worker_main(argc, argv);
}
