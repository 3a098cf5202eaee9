/* SPDX-License-Identifier: Apache-2.0 */
/* The seine command: finds the command that is asked for, parses its flags and runs it. */
#include "seine/seine.h"
#include "tools/seine/commands.h"
#include "tools/seine/progress_bar.h"
#include "tools/seine/report.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const command *const commands[] = {
    &command_gen,           &command_import,       &command_inspect,      &command_sample,
    &command_train,         &command_bench_limits, &command_bench_sample, &command_bench_gather,
    &command_bench_channel, &command_bench_loader, &command_bench_import, &command_bench_open,
    &command_top,           &command_doctor,
};
enum { COMMANDS = sizeof commands / sizeof commands[0] };

/* Words that later versions give a meaning. */
static const char *const later[] = {
    "partition", "serve", "secret", "bench rpc", "bench certificate",
};

/* Pages of the manual: first words of commands. */
static const struct {
    const char *word, *summary;
} pages[] = {
    { "gen", "makes random graphs" },
    { "import", "makes a dataset of files" },
    { "inspect", "says what a dataset holds, and checks it" },
    { "sample", "samples mini-batches" },
    { "train", "trains a GraphSAGE model" },
    { "bench", "measures this machine and Seine on it" },
    { "top", "shows running loaders and their workers" },
    { "doctor", "says what this machine can do" },
};
enum { PAGES = sizeof pages / sizeof pages[0] };

/* Whether `name` is `word`, or begins with `word` and a blank. */
static bool begins_with_word(const char *name, const char *word)
{
    size_t length = strlen(word);
    return strncmp(name, word, length) == 0 && (name[length] == '\0' || name[length] == ' ');
}

/* Whether `name` is "first", or "first second" (*words is set to how many that are). */
static bool is_named(const char *name, const char *first, const char *second, int *words)
{
    size_t length = strlen(first);
    if (!begins_with_word(name, first))
        return false;
    *words = name[length] == '\0' ? 1 : 2;
    return *words == 1 || (second != NULL && strcmp(name + length + 1, second) == 0);
}

static const command *find_command(const char *first, const char *second, int *words)
{
    for (int i = 0; i < COMMANDS; i++)
        if (is_named(commands[i]->name, first, second, words))
            return commands[i];
    return NULL;
}

/* -- Texts ------------------------------------------------------------------------------------- */

static int print_overview(void)
{
    printf("usage: seine COMMAND [FLAGS]\n\n"
           "Mini-batches for graph neural networks, reproducible to the bit.\n\n");
    for (int i = 0; i < COMMANDS; i++)
        printf("  %-14s %s\n", commands[i]->name, commands[i]->summary);
    printf("\nseine help COMMAND, or seine COMMAND --help, lists the flags of a command.\n"
           "seine --version prints the version.\n");
    return report_output(true);
}

/* The commands whose names begin with `word`. */
static int select_commands(const char *word, const command **out)
{
    int count = 0;
    for (int i = 0; i < COMMANDS; i++)
        if (begins_with_word(commands[i]->name, word))
            out[count++] = commands[i];
    return count;
}

static void print_main_page(void)
{
    printf(".\\\" SPDX-License-Identifier: Apache-2.0\n"
           ".\\\" Printed by seine help --man from the tables of flags.\n"
           ".TH SEINE 1 \"\" \"seine %s\" \"Seine\"\n"
           ".SH NAME\nseine \\- mini\\-batches for graph neural networks, reproducible to the bit\n"
           ".SH SYNOPSIS\n.B seine\n.I COMMAND\n[\\fIFLAGS\\fR]\n.br\n"
           ".B seine help\n[\\fICOMMAND\\fR]\n.br\n.B seine \\-\\-version\n"
           ".SH DESCRIPTION\n"
           "Seine samples the mini\\-batches that train a graph neural network. Results go to "
           "standard output,\nprogress bars (on a terminal) and errors to standard error.\n"
           ".SH COMMANDS\n",
           sn_version_string());
    for (int i = 0; i < PAGES; i++)
        printf(".TP\n.BR seine\\-%s (1)\n%s\n", pages[i].word, pages[i].summary);
    args_environment();
    args_exit_status();
}

static int print_page(const char *word)
{
    const command *selected[COMMANDS];
    char name[64];
    if (word == NULL) {
        print_main_page();
        return report_output(true);
    }
    for (int i = 0; i < PAGES; i++)
        if (strcmp(pages[i].word, word) == 0) {
            snprintf(name, sizeof name, "seine-%s", word);
            args_manual(name, pages[i].summary, selected, select_commands(word, selected));
            return report_output(true);
        }
    return report_usage("help: %s: there is no such page", word);
}

/* seine help [--man] [COMMAND [SECOND]] */
static int help(int argc, char **argv)
{
    const command *selected[COMMANDS];
    int words, count;
    if (argc > 0 && strcmp(argv[0], "--man") == 0)
        return argc <= 2 ? print_page(argc == 2 ? argv[1] : NULL)
                         : report_usage("help: one page at a time");
    if (argc == 0)
        return print_overview();
    const command *one = find_command(argv[0], argc > 1 ? argv[1] : NULL, &words);
    if (one != NULL && argc == words) {
        args_help(one);
        return report_output(true);
    }
    count = select_commands(argv[0], selected);
    if (count == 0 || argc > 1)
        return report_usage("help: %s: no such command (seine help lists them)", argv[argc - 1]);
    for (int i = 0; i < count; i++) {
        if (i > 0)
            putchar('\n');
        args_help(selected[i]);
    }
    return report_output(true);
}

/* -- Running ----------------------------------------------------------------------------------- */

static int unknown(int argc, char **argv)
{
    const command *selected[COMMANDS];
    const char *second = argc > 1 ? argv[1] : NULL;
    int words;
    for (size_t i = 0; i < sizeof later / sizeof later[0]; i++)
        if (is_named(later[i], argv[0], second, &words))
            return words == 1 ? report_later(argv[0], NULL) : report_later(argv[0], second);
    if (select_commands(argv[0], selected) == 0)
        return report_usage("%s: no such command (seine help lists them)", argv[0]);
    if (second != NULL && strcmp(second, "--help") == 0)
        return help(1, argv);
    if (second == NULL)
        return report_usage("%s: which one? (seine help %s lists them)", argv[0], argv[0]);
    return report_usage("%s: '%s': no such command (seine help %s lists them)", argv[0], second,
                        argv[0]);
}

static int run(const command *self, int argc, char **argv)
{
    const char *operand;
    void *values = calloc(1, self->bytes > 0 ? self->bytes : 1);
    if (values == NULL)
        return report_failure("%s: out of memory", self->name);
    int code = args_parse(self, argc, argv, values, &operand);
    if (code == ARGS_HELP) {
        args_help(self);
        code = CODE_DONE;
    } else if (code == CODE_DONE && sn_options_check() != SN_OK) {
        code = report_usage("%s", sn_error_detail());
    } else if (code == CODE_DONE) {
        code = self->run(values, operand);
    }
    free(values);
    bar_clear();
    if (code == CODE_DONE)
        code = report_output(true); /* one failure, one line */
    report_leave();
    return code;
}

int main(int argc, char **argv)
{
    int words;
    report_install();
    if (argc < 2)
        return report_usage("no command is given (seine help lists them)");
    if (strcmp(argv[1], "--version") == 0 && argc == 2) {
        printf("seine %s\n", sn_version_string());
        return report_output(true);
    }
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0)
        return help(argc - 2, argv + 2);
    if (strcmp(argv[1], "help") == 0)
        return help(argc - 2, argv + 2);
    const command *self = find_command(argv[1], argc > 2 ? argv[2] : NULL, &words);
    if (self == NULL)
        return unknown(argc - 1, argv + 1);
    return run(self, argc - 1 - words, argv + 1 + words);
}
