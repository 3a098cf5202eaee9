/* SPDX-License-Identifier: Apache-2.0 */
/* Runs a few actors in every order of their steps that is near to the plain one.
 *
 * An actor is a coroutine; between two steps nobody else moves. The plain order lets an actor run until it
 * sleeps or ends, then goes round. A schedule departs from it a given number of times (another actor goes
 * on instead) and kills actors a given number of times, each at any step; explore runs all schedules.
 * Every execution begins anew, so a schedule is a list of choices and nothing else.
 *
 * Threads: one. */
#ifndef SN_TESTS_CHANNEL_SCHEDULER_H
#define SN_TESTS_CHANNEL_SCHEDULER_H

#include <stdbool.h>
#include <stdint.h>

enum { SCHEDULER_ACTORS = 5 };

typedef struct schedules {
    uint32_t actors;              /* the run is over when actor 0 has ended */
    uint32_t departures, deaths;  /* at most; actor 0 does not die */
    uint32_t stride, offset;      /* of first departures or deaths, only each stride-th: 1 is all */
    void (*begin)(void);          /* a new run */
    void (*act)(uint32_t actor);  /* an actor's life */
    void (*bury)(uint32_t actor); /* it has died; its next life follows. One step for the others */
    void (*end)(void);            /* actor 0 has ended: are things as they must be? */
} schedules;

/* Runs all schedules; returns how many. A state in which nobody can go on is a failure. */
uint64_t scheduler_explore(const schedules *space);
/* Runs `count` schedules of choices at random, with so many departures in a hundred steps. */
void scheduler_wander(const schedules *space, uint64_t count, uint32_t percent, uint64_t seed);

/* For actors, before each access to what they share. Does nothing outside of them. */
void scheduler_step(void);
/* The actor spins: somebody else goes on first. */
int scheduler_yield(void);
/* A futex, as ipc/sync/event.c uses it. */
long scheduler_futex(long number, ...);
/* Ends the test, telling the schedule. */
_Noreturn void scheduler_fail(const char *what, int line);

#define must_hold(condition)                      \
    do {                                          \
        if (!(condition))                         \
            scheduler_fail(#condition, __LINE__); \
    } while (0)

#endif
