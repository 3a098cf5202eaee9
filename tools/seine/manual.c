/* SPDX-License-Identifier: Apache-2.0 */
/* Texts from the tables: --help in 80 columns, manual pages in roff. The pages in docs/man are what
 * this prints; a test compares them. */
#include "seine/options.h"
#include "tools/seine/args.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

enum { WIDTH = 80, INDENT = 28 };

static const char *value_of(const arg *flag)
{
    return flag->value != NULL ? flag->value : flag->choices;
}

/* -- Help -------------------------------------------------------------------------------------- */

/* Words wrapped at WIDTH, all lines but the first indented; `column` is where the first begins. */
static void print_wrapped(const char *text, int column, int indent)
{
    while (*text != '\0') {
        int length = (int)strcspn(text, " ");
        if (column + length > WIDTH && column > indent) {
            printf("\n%*s", indent, "");
            column = indent;
        }
        printf("%.*s", length, text);
        column += length;
        text += length;
        if (*text == ' ') {
            text++;
            if (column + 1 + (int)strcspn(text, " ") <= WIDTH)
                putchar(' ');
            column++;
        }
    }
    putchar('\n');
}

static void print_flag(const arg *flag)
{
    char head[128], text[512];
    int column =
        snprintf(head, sizeof head, "  %s%s%s", flag->name, flag->kind != ARG_SWITCH ? " " : "",
                 flag->kind != ARG_SWITCH ? value_of(flag) : "");
    snprintf(text, sizeof text, "%s%s%s%s", flag->text, flag->fallback != NULL ? " (default " : "",
             flag->fallback != NULL ? flag->fallback : "", flag->fallback != NULL ? ")" : "");
    fputs(head, stdout);
    if (column + 2 > INDENT)
        printf("\n%*s", INDENT, "");
    else
        printf("%*s", INDENT - column, "");
    print_wrapped(text, INDENT, INDENT);
}

void args_help(const command *self)
{
    printf("usage: seine %s%s%s%s\n\n", self->name, self->operand != NULL ? " " : "",
           self->operand != NULL ? self->operand : "", self->groups[0] != NULL ? " [FLAGS]" : "");
    print_wrapped(self->summary, 0, 0);
    for (const arg_group *const *group = self->groups; *group != NULL; group++) {
        printf("\n%s:\n", (*group)->title);
        for (int i = 0; i < (*group)->count; i++)
            print_flag(&(*group)->args[i]);
    }
}

/* -- Manual ------------------------------------------------------------------------------------ */

/* Text with roff's characters escaped; a line that would be a request is kept from being one. */
static void print_roff(const char *text)
{
    bool line_begins = true;
    for (; *text != '\0'; text++) {
        if (line_begins && (*text == '.' || *text == '\''))
            fputs("\\&", stdout);
        if (*text == '\\')
            fputs("\\e", stdout);
        else if (*text == '-')
            fputs("\\-", stdout);
        else
            putchar(*text);
        line_begins = *text == '\n';
    }
}

/* Paragraphs separated by blank lines. */
static void print_paragraphs(const char *text)
{
    while (text != NULL && *text != '\0') {
        const char *end = strstr(text, "\n\n");
        char paragraph[2048];
        size_t length = end != NULL ? (size_t)(end - text) : strlen(text);
        length = length < sizeof paragraph ? length : sizeof paragraph - 1;
        memcpy(paragraph, text, length);
        paragraph[length] = '\0';
        printf(".PP\n");
        print_roff(paragraph);
        putchar('\n');
        text = end != NULL ? end + 2 : NULL;
    }
}

static void print_option(const arg *flag)
{
    printf(".TP\n\\fB");
    print_roff(flag->name);
    printf("\\fR");
    if (flag->kind != ARG_SWITCH) {
        printf(" \\fI");
        print_roff(value_of(flag));
        printf("\\fR");
    }
    putchar('\n');
    print_roff(flag->text);
    if (flag->fallback != NULL) {
        printf(" (default ");
        print_roff(flag->fallback);
        putchar(')');
    }
    printf(".\n");
}

static void print_synopsis(const command *self)
{
    printf(".br\n.B seine %s\n", self->name);
    if (self->operand != NULL)
        printf(".I %s\n", self->operand);
    if (self->groups[0] != NULL)
        printf("[\\fIFLAGS\\fR]\n");
}

static void print_command(const command *self, bool alone)
{
    if (!alone)
        printf(".SH SEINE %s\n", self->name);
    print_paragraphs(self->about);
    if (alone && self->groups[0] != NULL)
        printf(".SH OPTIONS\n");
    for (const arg_group *const *group = self->groups; *group != NULL; group++) {
        printf(".SS %s\n", (*group)->title);
        for (int i = 0; i < (*group)->count; i++)
            print_option(&(*group)->args[i]);
    }
    if (self->examples != NULL) {
        printf("%s\n.nf\n", alone ? ".SH EXAMPLES" : ".SS Examples");
        print_roff(self->examples);
        printf(".fi\n");
    }
}

void args_environment(void)
{
    sn_option_info info;
    printf(".SH ENVIRONMENT\n");
    for (int32_t i = 0; i < sn_option_count(); i++)
        if (sn_option_get(i, &info) == SN_OK) {
            printf(".TP\n\\fB%s\\fR=\\fI%s\\fR\n", info.env, info.choices);
            print_roff(info.text);
            printf(" (default %s).\n", info.default_value);
        }
}

void args_exit_status(void)
{
    printf(
        ".SH EXIT STATUS\n0 done, 1 failed, 2 wrong usage, 130 interrupted. A failure prints one "
        "line that names the\nfile, flag or variable.\n");
}

void args_manual(const char *page, const char *summary, const command *const *commands, int count)
{
    char capitals[64];
    size_t i = 0;
    for (; page[i] != '\0' && i + 1 < sizeof capitals; i++)
        capitals[i] = (char)toupper((unsigned char)page[i]);
    capitals[i] = '\0';
    printf(".\\\" SPDX-License-Identifier: Apache-2.0\n");
    printf(".\\\" Printed by seine help --man from the tables of flags.\n");
    printf(".TH %s 1 \"\" \"seine %s\" \"Seine\"\n.SH NAME\n%s \\- ", capitals, sn_version_string(),
           page);
    print_roff(summary);
    printf("\n.SH SYNOPSIS\n");
    for (int k = 0; k < count; k++)
        print_synopsis(commands[k]);
    printf(".SH DESCRIPTION\n");
    for (int k = 0; k < count; k++)
        print_command(commands[k], count == 1);
    args_environment();
    args_exit_status();
    printf(".SH SEE ALSO\n.BR seine (1)\n");
}
