/* SPDX-License-Identifier: Apache-2.0 */
/* Reads the variables at every call: they cost nothing against a test, and nothing has to be
 * kept. */
#include "support/scale.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

/* The variable as a number in [least, most]; `absent` if it is not set. */
static uint64_t number(const char *name, uint64_t least, uint64_t most, uint64_t absent)
{
    const char *text = getenv(name);
    if (text == NULL || text[0] == '\0')
        return absent;
    char *end;
    errno = 0;
    unsigned long long value = strtoull(text, &end, 10);
    if (errno != 0 || *end != '\0' || text[0] < '0' || text[0] > '9' || value < least ||
        value > most) {
        fprintf(stderr, "%s: '%s' is no number in [%llu, %llu]\n", name, text,
                (unsigned long long)least, (unsigned long long)most);
        exit(99);
    }
    return value;
}

int64_t sn_test_scale(int64_t full)
{
    int64_t percent = (int64_t)number("SEINE_TEST_SCALE", 1, 10000, 100);
    int64_t whole = full / 100 * percent, rest = (full % 100 * percent + 99) / 100;
    return full <= 0 ? 0 : whole + rest;
}

uint64_t sn_test_seed(void)
{
    return number("SEINE_TEST_SEED", 0, UINT64_MAX, 1);
}

int32_t sn_test_threads(void)
{
    return (int32_t)number("SEINE_TEST_THREADS", 1, 16, 1);
}
