/* SPDX-License-Identifier: Apache-2.0 */
/* The option table. One row says everything of an option: reading its variable, `seine doctor` and
 * the manual's list all come from it.
 *
 * Variables are read once, at the first use of any option, and never again: a program that changes
 * its environment later changes nothing here, and no call depends on when another thread first
 * asked.
 * Threads: any; after the first use everything is read-only. */
#include "base/option.h"

#include "base/cgroup.h"
#include "base/status.h"

#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_THREADS = 1024, NUMBER_BYTES = 24, GIVEN_BYTES = 64, MAX_CHOICES = 6 };

static char worker_path[PATH_MAX];

typedef struct row {
    const char *name, *env, *text, *choices;
    const char *words[MAX_CHOICES]; /* the value is the position */
    int64_t default_value;
    int64_t most; /* > 0: numbers from 1 to this are allowed too; then words[0] is number 0 */
    char *path;   /* not NULL: absolute paths are allowed too, kept here; the value is then 1 */
} row;

static const row rows[SN__OPTION_COUNT] = {
    [SN__OPTION_LOG] = { .name = "log",
                         .env = "SEINE_LOG",
                         .text = "least severe messages that are logged",
                         .choices = "error|warn|info|debug|trace",
                         .words = { "error", "warn", "info", "debug", "trace" },
                         .default_value = 1 },
    [SN__OPTION_LOAD] = { .name = "load",
                          .env = "SEINE_LOAD",
                          .text = "where a dataset's arrays live: mapped files or memory",
                          .choices = "map|memory",
                          .words = { "map", "memory" } },
    [SN__OPTION_THREADS] = { .name = "threads",
                             .env = "SEINE_THREADS",
                             .text = "threads of imports and checks; auto is the cores granted",
                             .choices = "auto|1..1024",
                             .words = { "auto" },
                             .most = MAX_THREADS },
    [SN__OPTION_HUGE_PAGES] = { .name = "huge_pages",
                                .env = "SEINE_HUGE_PAGES",
                                .text = "whether large tables ask for huge pages",
                                .choices = "auto|never",
                                .words = { "auto", "never" } },
    [SN__OPTION_PROGRESS] = { .name = "progress",
                              .env = "SEINE_PROGRESS",
                              .text = "progress bars of the command; auto is on a terminal",
                              .choices = "auto|always|never",
                              .words = { "auto", "always", "never" } },
    [SN__OPTION_BIND] = { .name = "bind",
                          .env = "SEINE_BIND",
                          .text = "whether worker processes keep to cores or a node of their own",
                          .choices = "auto|never",
                          .words = { "auto", "never" } },
    [SN__OPTION_WORKER] = { .name = "worker",
                            .env = "SEINE_WORKER",
                            .text = "the program of worker processes; auto is beside the library",
                            .choices = "auto|/path",
                            .words = { "auto" },
                            .path = worker_path },
    [SN__OPTION_ISA] = { .name = "isa",
                         .env = "SEINE_ISA",
                         .text = "vector instructions of the kernels; what is missing is not used",
                         .choices = "auto|plain|neon|avx2|avx512",
                         .words = { "auto", "plain", "neon", "avx2", "avx512" } },
    [SN__OPTION_LABEL_MAP] = { .name = "label_map",
                               .env = "SEINE_LABEL_MAP",
                               .text = "how sampling finds local ids; auto is by the graph's size",
                               .choices = "auto|array|table",
                               .words = { "auto", "array", "table" } },
};

/* What the environment said, filled once. */
static struct state {
    int64_t value;
    bool from_env, bad;
    const char *text;          /* the value in force */
    char number[NUMBER_BYTES]; /* where a number is printed for it */
    char given[GIVEN_BYTES];   /* a bad value, cut, for the message */
} states[SN__OPTION_COUNT];
static pthread_once_t read_once = PTHREAD_ONCE_INIT;

/* Decimal digits only: no sign, no blanks, nothing behind. */
static bool parse_number(const char *text, int64_t most, int64_t *out)
{
    int64_t value = 0;
    if (*text == '\0')
        return false;
    for (; *text != '\0'; text++) {
        if (*text < '0' || *text > '9')
            return false;
        value = value * 10 + (*text - '0');
        if (value > most)
            return false;
    }
    if (value < 1)
        return false;
    *out = value;
    return true;
}

static bool parse_value(const row *option, const char *given, struct state *out)
{
    for (int i = 0; i < MAX_CHOICES && option->words[i] != NULL; i++)
        if (strcmp(given, option->words[i]) == 0) {
            out->value = i;
            out->text = option->words[i];
            return true;
        }
    if (option->path != NULL && given[0] == '/' && strlen(given) < PATH_MAX) {
        memcpy(option->path, given, strlen(given) + 1);
        out->value = 1;
        out->text = option->path;
        return true;
    }
    if (option->most == 0 || !parse_number(given, option->most, &out->value))
        return false;
    snprintf(out->number, NUMBER_BYTES, "%lld", (long long)out->value);
    out->text = out->number;
    return true;
}

static void read_environment(void)
{
    for (int i = 0; i < SN__OPTION_COUNT; i++) {
        const char *given = getenv(rows[i].env);
        states[i].value = rows[i].default_value;
        states[i].text = rows[i].words[rows[i].default_value];
        if (given != NULL) {
            states[i].bad = !parse_value(&rows[i], given, &states[i]);
            states[i].from_env = !states[i].bad;
            snprintf(states[i].given, GIVEN_BYTES, "%s", given);
        }
    }
}

static const struct state *state_of(sn__option option)
{
    pthread_once(&read_once, read_environment);
    return &states[option];
}

sn_status sn__option_value(sn__option option, int64_t *out)
{
    const struct state *state = state_of(option);
    if (state->bad)
        return sn__fail(SN_E_INVALID, "%s: \"%s\" is not one of %s", rows[option].env, state->given,
                        rows[option].choices);
    *out = state->value;
    return SN_OK;
}

sn_status sn__option_path(sn__option option, const char **out)
{
    int64_t value;
    SN_TRY(sn__option_value(option, &value));
    *out = state_of(option)->text == rows[option].path ? rows[option].path : NULL;
    return SN_OK;
}

int64_t sn__option_value_or_default(sn__option option)
{
    return state_of(option)->value;
}

int32_t sn_option_count(void)
{
    return SN__OPTION_COUNT;
}

sn_status sn_option_get(int32_t index, sn_option_info *out)
{
    if (index < 0 || index >= SN__OPTION_COUNT)
        return sn__fail(SN_E_RANGE, "option %d: there are %d", index, SN__OPTION_COUNT);
    const row *option = &rows[index];
    const struct state *state = state_of((sn__option)index);
    *out = (sn_option_info){ .name = option->name,
                             .env = option->env,
                             .text = option->text,
                             .choices = option->choices,
                             .default_value = option->words[option->default_value],
                             .value = state->text,
                             .from_env = state->from_env };
    return SN_OK;
}

sn_status sn_options_check(void)
{
    int64_t value;
    for (int i = 0; i < SN__OPTION_COUNT; i++)
        SN_TRY(sn__option_value((sn__option)i, &value));
    return SN_OK;
}

int32_t sn__cores_granted(void)
{
    int32_t cores = sn__affinity_cores();
    int64_t quota = sn__cgroup_cpus("");
    return quota < cores ? (int32_t)quota : cores;
}

sn_status sn__threads_resolve(int32_t asked, int32_t *out)
{
    if (asked < 0 || asked > MAX_THREADS)
        return sn__fail(SN_E_INVALID, "threads: %d is outside 0..%d", asked, MAX_THREADS);
    int64_t threads = asked;
    if (threads == 0)
        SN_TRY(sn__option_value(SN__OPTION_THREADS, &threads));
    if (threads == 0)
        threads = sn__cores_granted();
    *out = threads > MAX_THREADS ? MAX_THREADS : (int32_t)threads;
    return SN_OK;
}
