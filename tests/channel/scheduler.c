/* SPDX-License-Identifier: Apache-2.0 */
/* Coroutines that are switched at chosen steps. */
#include "channel/scheduler.h"

#include "base/random.h"

#include <check.h>
#include <errno.h>
#include <linux/futex.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <ucontext.h>

enum { STACK_BYTES = 1 << 16, MOST_STEPS = 1 << 14, NOBODY = SCHEDULER_ACTORS };

typedef enum actor_state {
    READY,
    SLEEPS, /* at `word`, until it is woken */
    SPINS,  /* until somebody else has made a step */
    DEAD,   /* to be buried: then it is ready again */
    ENDED
} actor_state;

typedef struct actor {
    actor_state state;
    const _Atomic uint32_t *word;
    ucontext_t context;
    _Alignas(64) char stack[STACK_BYTES];
} actor;

static actor actors[SCHEDULER_ACTORS];
static ucontext_t home;
static const schedules *space;
static uint32_t current = NOBODY, num_spinners, departures_left, deaths_left;

/* The schedule: option 0 is the plain order. Beyond `planned` it is followed. */
static struct {
    uint8_t chosen, options;
} steps[MOST_STEPS];
static uint32_t planned, made; /* choices: steps at which there was one */
static uint32_t walked;        /* steps */
static uint32_t percent;       /* of steps that depart, when wandering */
static uint64_t dice;

_Noreturn void scheduler_fail(const char *what, int line)
{
    fprintf(stderr, "schedule of %u choices in %u steps:", made, walked);
    for (uint32_t i = 0; i < made; i++)
        if (steps[i].chosen != 0)
            fprintf(stderr, " %u:%u/%u", i, steps[i].chosen, steps[i].options);
    fprintf(stderr, "; actor %u\n", current);
    ck_abort_msg("line %d: %s", line, what);
}

/* -- Choices ----------------------------------------------------------------------------------- */

static uint64_t roll(uint64_t below)
{
    dice += UINT64_C(0x9E3779B97F4A7C15);
    return sn__mix64(dice) % below;
}

static uint32_t choose(uint32_t options)
{
    uint32_t choice = 0;
    if (options == 1)
        return 0;
    if (made < planned)
        choice = steps[made].chosen;
    else if (percent > 0 && roll(100) < percent)
        choice = (uint32_t)(1 + roll(options - 1));
    steps[made].chosen = (uint8_t)choice;
    steps[made].options = (uint8_t)options;
    made++;
    return choice;
}

static uint32_t list_runnable(uint32_t order[SCHEDULER_ACTORS])
{
    uint32_t count = 0, from = current == NOBODY ? 0 : current;
    for (uint32_t i = 0; i < space->actors; i++) {
        uint32_t a = (from + i) % space->actors;
        if (actors[a].state == READY || actors[a].state == DEAD)
            order[count++] = a;
    }
    return count;
}

static void wake_spinners(void)
{
    for (uint32_t a = 0; num_spinners > 0 && a < space->actors; a++)
        if (actors[a].state == SPINS)
            actors[a].state = READY;
    num_spinners = 0;
}

/* Who goes on. Options: the plain one; the others that can, if a departure is left; a death of the
 * current actor, which NOBODY says. */
static uint32_t decide(bool current_can_die)
{
    uint32_t order[SCHEDULER_ACTORS], count = list_runnable(order);
    if (count ==
        0) { /* a yield comes back if there is nobody else; spinning on ends at MOST_STEPS */
        wake_spinners();
        count = list_runnable(order);
    }
    if (count == 0)
        scheduler_fail("nobody can go on", __LINE__);
    uint32_t others = departures_left > 0 ? count : 1;
    bool can_die = current_can_die && deaths_left > 0;
    uint32_t choice = choose(others + can_die);
    if (choice == others) {
        deaths_left--;
        return NOBODY;
    }
    if (choice > 0)
        departures_left--;
    return order[choice];
}

/* -- Switching --------------------------------------------------------------------------------- */

static void live(void)
{
    space->act(current);
    actors[current].state = ENDED;
    swapcontext(&actors[current].context, &home);
}

static void be_born(uint32_t a)
{
    actor *to = &actors[a];
    getcontext(&to->context);
    to->context.uc_stack.ss_sp = to->stack;
    to->context.uc_stack.ss_size = STACK_BYTES;
    to->context.uc_link = NULL;
    makecontext(&to->context, live, 0);
    to->state = READY;
}

void scheduler_step(void)
{
    if (current == NOBODY)
        return;
    uint32_t me = current;
    must_hold(walked++ < MOST_STEPS);
    wake_spinners(); /* it is not one */
    if (departures_left == 0 && deaths_left == 0)
        return;
    uint32_t next = decide(me != 0);
    if (next == me)
        return;
    if (next == NOBODY) {
        actors[me].state = DEAD;
        next = decide(false); /* its burial, or that comes later */
    }
    current = next;
    swapcontext(&actors[me].context, &home);
}

static void leave(actor_state state, const _Atomic uint32_t *word)
{
    uint32_t me = current;
    actors[me].state = state;
    actors[me].word = word;
    swapcontext(&actors[me].context, &home);
}

int scheduler_yield(void)
{
    if (current == NOBODY)
        return 0;
    num_spinners++;
    leave(SPINS, NULL);
    return 0;
}

static void wake(const _Atomic uint32_t *word)
{
    for (uint32_t a = 0; a < space->actors; a++)
        if (actors[a].state == SLEEPS && actors[a].word == word)
            actors[a].state = READY;
}

long scheduler_futex(long number, ...)
{
    va_list arguments;
    va_start(arguments, number);
    _Atomic uint32_t *word = va_arg(arguments, _Atomic uint32_t *);
    int operation = va_arg(arguments, int);
    uint32_t value = va_arg(arguments, uint32_t);
    va_end(arguments);
    scheduler_step();
    if (operation == FUTEX_WAKE_OP) { /* the word loses its mark and all wake, in one step */
        *word &= ~UINT32_C(1);
        wake(word);
        return 0;
    }
    must_hold(operation == FUTEX_WAIT_BITSET && current != NOBODY);
    if (*word != value) {
        errno = EAGAIN;
        return -1;
    }
    leave(SLEEPS, word);
    return 0;
}

/* -- Executions -------------------------------------------------------------------------------- */

static void execute(void)
{
    departures_left = space->departures;
    deaths_left = space->deaths;
    made = walked = num_spinners = 0;
    current = NOBODY;
    space->begin();
    for (uint32_t a = 0; a < space->actors; a++)
        be_born(a);
    current = 0;
    while (actors[0].state != ENDED) {
        if (actors[current].state != READY && actors[current].state != DEAD)
            current = decide(false);
        if (actors[current].state == DEAD) {
            uint32_t died = current;
            current = NOBODY;
            space->bury(died);
            be_born(died);
            current = died;
            wake_spinners();
        }
        swapcontext(&home, &actors[current].context);
    }
    current = NOBODY;
    space->end();
}

static bool is_left_out(uint32_t step)
{
    for (uint32_t i = 0; i < step; i++)
        if (steps[i].chosen != 0)
            return false;
    return space->stride > 1 && (step + space->offset) % space->stride != 0;
}

/* The next schedule, in the order of a depth-first search; false: that was the last. */
static bool advance(void)
{
    for (planned = made; planned > 0; planned--) {
        uint32_t last = planned - 1;
        if (steps[last].chosen + 1 < steps[last].options && !is_left_out(last)) {
            steps[last].chosen++;
            return true;
        }
    }
    return false;
}

uint64_t scheduler_explore(const schedules *of)
{
    uint64_t count = 0;
    space = of;
    percent = planned = 0;
    do {
        execute();
        count++;
    } while (advance());
    return count;
}

void scheduler_wander(const schedules *of, uint64_t count, uint32_t how_often, uint64_t seed)
{
    space = of;
    percent = how_often;
    dice = seed;
    planned = 0;
    while (count-- > 0)
        execute();
}
