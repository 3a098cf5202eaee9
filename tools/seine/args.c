/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/seine/args.h"

#include "seine/options.h"
#include "tools/seine/report.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { MAX_FLAGS = 64 };

bool args_int(const char *text, int64_t least, int64_t most, int64_t *out)
{
    const char *digits = text + (*text == '-' && least < 0);
    char *end;
    if (*digits < '0' || *digits > '9')
        return false;
    errno = 0;
    long long value = strtoll(text, &end, 10);
    if (errno != 0 || *end != '\0' || value < least || value > most)
        return false;
    *out = value;
    return true;
}

bool args_seed(const char *text, uint64_t *out)
{
    char *end;
    if (*text < '0' || *text > '9')
        return false;
    errno = 0;
    unsigned long long value = strtoull(text, &end, 10);
    if (errno != 0 || *end != '\0')
        return false;
    *out = value;
    return true;
}

/* Digits with at most one point among them, as far as they go; *end is behind them. */
static bool read_decimal(const char *text, const char **end, double *out)
{
    size_t length = strspn(text, "0123456789."), digits = 0;
    char word[64], *stop;
    for (size_t i = 0; i < length; i++)
        digits += text[i] != '.';
    if (digits == 0 || length - digits > 1 || length >= sizeof word)
        return false;
    memcpy(word, text, length);
    word[length] = '\0';
    *out = strtod(word, &stop);
    *end = text + length;
    return *stop == '\0';
}

bool args_size(const char *text, uint64_t *out)
{
    static const char *const units[] = { "kb", "k", "mb", "m", "gb", "g" };
    const char *unit;
    double value;
    if (strcmp(text, "0") == 0) {
        *out = 0;
        return true;
    }
    if (!read_decimal(text, &unit, &value))
        return false;
    for (int i = 0; i < 6; i++)
        if (strcasecmp(unit, units[i]) == 0) {
            value *= (double)((int64_t)1 << (10 * (i / 2 + 1)));
            if (value < 1 || value >= 0x1p62)
                return false;
            *out = (uint64_t)value;
            return true;
        }
    return false;
}

bool args_seconds(const char *text, int64_t *out)
{
    const char *end;
    double seconds;
    if (!read_decimal(text, &end, &seconds) || *end != '\0' || seconds * 1e9 < 1 || seconds > 1e9)
        return false;
    *out = (int64_t)(seconds * 1e9);
    return true;
}

bool args_int_list(const char *text, int64_t least, int64_t most, int64_t *out, int room,
                   int *count)
{
    *count = 0;
    for (;;) {
        char word[32];
        size_t length = strcspn(text, ",");
        if (length >= sizeof word || *count == room)
            return false;
        memcpy(word, text, length);
        word[length] = '\0';
        if (!args_int(word, least, most, &out[*count]))
            return false;
        ++*count;
        if (text[length] == '\0')
            return true;
        text += length + 1;
    }
}

/* Position of `text` in "a|b|c", or -1. */
static int find_choice(const char *choices, const char *text)
{
    size_t wanted = strlen(text);
    for (int i = 0;; i++) {
        size_t length = strcspn(choices, "|");
        if (length == wanted && strncmp(choices, text, length) == 0)
            return i;
        if (choices[length] == '\0')
            return -1;
        choices += length + 1;
    }
}

static int store(const arg *flag, const char *text, void *values)
{
    void *to = (char *)values + flag->offset;
    int choice;
    switch (flag->kind) {
    case ARG_SWITCH:
        *(bool *)to = true;
        return CODE_DONE;
    case ARG_TEXT:
        *(const char **)to = text;
        return text[0] != '\0' ? CODE_DONE : report_usage("%s: the value is empty", flag->name);
    case ARG_CHOICE:
        choice = find_choice(flag->choices, text);
        if (choice < 0)
            return report_usage("%s: '%s' is not one of %s", flag->name, text, flag->choices);
        *(int *)to = choice;
        return CODE_DONE;
    case ARG_INT:
        if (!args_int(text, flag->least, flag->most, to))
            return report_usage("%s: '%s' is not a number from %lld to %lld", flag->name, text,
                                (long long)flag->least, (long long)flag->most);
        return CODE_DONE;
    case ARG_SEED:
        if (!args_seed(text, to))
            return report_usage("%s: '%s' is not a number from 0 to 18446744073709551615",
                                flag->name, text);
        return CODE_DONE;
    case ARG_SIZE:
        if (!args_size(text, to))
            return report_usage("%s: '%s' is not 0 or a size like 64MB", flag->name, text);
        return CODE_DONE;
    case ARG_SECONDS:
        if (!args_seconds(text, to))
            return report_usage("%s: '%s' is not a number of seconds above 0", flag->name, text);
        return CODE_DONE;
    }
    return CODE_DONE;
}

static int store_fallbacks(const command *self, void *values)
{
    for (const arg_group *const *group = self->groups; *group != NULL; group++)
        for (int i = 0; i < (*group)->count; i++) {
            const arg *flag = &(*group)->args[i];
            if (flag->kind == ARG_INT && flag->fallback == NULL)
                *(int64_t *)(void *)((char *)values + flag->offset) = ARG_NOT_GIVEN;
            if (flag->kind == ARG_CHOICE && flag->fallback == NULL)
                *(int *)(void *)((char *)values + flag->offset) = -1;
            if (flag->fallback == NULL)
                continue;
            int code = store(flag, flag->fallback, values);
            if (code != CODE_DONE)
                return code;
        }
    return CODE_DONE;
}

/* The flag named by the first `length` characters; *number counts over all groups. */
static const arg *find_flag(const command *self, const char *word, size_t length, int *number)
{
    *number = 0;
    for (const arg_group *const *group = self->groups; *group != NULL; group++)
        for (int i = 0; i < (*group)->count; i++, ++*number) {
            const char *name = (*group)->args[i].name;
            if (strlen(name) == length && strncmp(name, word, length) == 0)
                return &(*group)->args[i];
        }
    return NULL;
}

static int report_unknown(const command *self, const char *word, size_t length)
{
    for (int i = 0; self->later != NULL && self->later[i] != NULL; i++)
        if (strlen(self->later[i]) == length && strncmp(self->later[i], word, length) == 0)
            return report_later(self->name, self->later[i]);
    return report_usage("%.*s: no such flag (seine %s --help lists them)", (int)length, word,
                        self->name);
}

/* One flag at argv[*at]; moves *at to the last word that belongs to it. */
static int parse_flag(const command *self, int argc, char **argv, int *at, bool *given,
                      void *values)
{
    const char *word = argv[*at], *value = strchr(word, '=');
    size_t length = value != NULL ? (size_t)(value - word) : strlen(word);
    int number;
    const arg *flag = find_flag(self, word, length, &number);
    if (flag == NULL)
        return report_unknown(self, word, length);
    if (given[number])
        return report_usage("%s: given twice", flag->name);
    given[number] = true;
    if (flag->kind == ARG_SWITCH)
        return value == NULL ? store(flag, NULL, values)
                             : report_usage("%s: takes no value", flag->name);
    if (value != NULL)
        return store(flag, value + 1, values);
    if (*at + 1 >= argc || strncmp(argv[*at + 1], "--", 2) == 0)
        return report_usage("%s: the value is missing", flag->name);
    return store(flag, argv[++*at], values);
}

int args_parse(const command *self, int argc, char **argv, void *values, const char **operand)
{
    bool given[MAX_FLAGS] = { false }, flags_end = false;
    int code = store_fallbacks(self, values);
    *operand = NULL;
    for (int i = 0; i < argc && code == CODE_DONE; i++) {
        if (!flags_end && strcmp(argv[i], "--") == 0) {
            flags_end = true;
        } else if (!flags_end && (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0)) {
            return ARGS_HELP;
        } else if (!flags_end && argv[i][0] == '-' && argv[i][1] != '\0') {
            code = parse_flag(self, argc, argv, &i, given, values);
        } else if (self->operand == NULL) {
            code = report_usage("%s: '%s': takes flags only", self->name, argv[i]);
        } else if (*operand != NULL) {
            code = report_usage("%s: '%s': one %s only", self->name, argv[i], self->operand);
        } else {
            *operand = argv[i];
        }
    }
    if (code == CODE_DONE && self->operand != NULL &&
        (*operand != NULL ? **operand == '\0' : self->operand[0] != '['))
        code = report_usage("%s: %s is missing", self->name, self->operand);
    return code;
}

bool args_option_is(const char *name, const char *value)
{
    sn_option_info info;
    for (int32_t i = 0; i < sn_option_count(); i++)
        if (sn_option_get(i, &info) == SN_OK && strcmp(info.name, name) == 0)
            return strcmp(info.value, value) == 0;
    return false;
}
