/* SPDX-License-Identifier: Apache-2.0 */
/* The manual's pages in docs/man are what the command prints from its tables of flags. */
#include "base/run.h"

#include "command/drive.h"

#include <stdio.h>
#include <string.h>

static const char *const pages[] = { "bench",   "doctor", "gen", "import",
                                     "inspect", "sample", "top", "train" };
enum { PAGES = sizeof pages / sizeof pages[0] };

START_TEST(page_of_the_manual_is_what_the_tables_say)
{
    char path[128] = "docs/man/seine.1";
    outcome of;
    if (_i < PAGES) {
        snprintf(path, sizeof path, "docs/man/seine-%s.1", pages[_i]);
        of = SEINE("help", "--man", pages[_i]);
    } else {
        of = SEINE("help", "--man");
    }
    ck_assert_int_eq(of.code, 0);
    char *page = get_file(source_path(path), NULL);
    ck_assert_msg(strcmp(of.out, page) == 0, "%s differs: seine help --man %s > %s writes it", path,
                  _i < PAGES ? pages[_i] : "", path);
    free(page);
    outcome_free(&of);
}
END_TEST

START_TEST(folder_of_the_manual_has_a_page_for_each_command_and_no_other)
{
    char want[1024] = "";
    for (int i = 0; i < PAGES; i++)
        snprintf(want + strlen(want), sizeof want - strlen(want), "seine-%s.1 ", pages[i]);
    snprintf(want + strlen(want), sizeof want - strlen(want), "seine.1");
    ck_assert_str_eq(listing(source_path("docs/man")), want);
    outcome help = SEINE("help");
    for (int i = 0; i < PAGES; i++) {
        char line[64];
        snprintf(line, sizeof line, "\n  %s ", pages[i]);
        ck_assert_msg(strstr(help.out, line) != NULL, "%s is not in the help", pages[i]);
    }
    outcome_free(&help);
}
END_TEST

int main(void)
{
    TCase *cases = tcase_create("manual");
    tcase_add_checked_fixture(cases, workspace_make, workspace_remove);
    tcase_add_loop_test(cases, page_of_the_manual_is_what_the_tables_say, 0, PAGES + 1);
    tcase_add_test(cases, folder_of_the_manual_has_a_page_for_each_command_and_no_other);
    return run_cases("manual", cases);
}
