/* SPDX-License-Identifier: Apache-2.0 */
#include "base/run.h"

#include "base/log.h"
#include "base/status.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

typedef struct heard {
    int lines;
    sn_log_level level;
    char last[2048];
} heard;

static void hear(void *context, sn_log_level level, const char *line)
{
    heard *to = context;
    to->lines++;
    to->level = level;
    snprintf(to->last, sizeof to->last, "%s", line);
    errno = EBADF;
    (void)sn__fail(SN_E_INVALID, "the sink's own trouble");
}

START_TEST(log_with_a_sink_gives_it_the_line_and_level)
{
    heard got = { 0 };
    sn_log_set_sink(hear, &got);
    sn__log(SN_LOG_WARN, "worker %d restarts", 3);
    ck_assert_int_eq(got.lines, 1);
    ck_assert_int_eq(got.level, SN_LOG_WARN);
    ck_assert_str_eq(got.last, "worker 3 restarts");
    sn_log_set_sink(NULL, NULL);
    sn__log(SN_LOG_ERROR, "not for the old sink");
    ck_assert_int_eq(got.lines, 1);
}
END_TEST

START_TEST(log_at_each_level_passes_what_is_as_severe)
{
    static const struct {
        const char *env;
        sn_log_level set, least;
    } table[] = {
        { NULL, SN_LOG_DEFAULT, SN_LOG_WARN },     { "error", SN_LOG_DEFAULT, SN_LOG_ERROR },
        { "trace", SN_LOG_DEFAULT, SN_LOG_TRACE }, { "rubbish", SN_LOG_DEFAULT, SN_LOG_WARN },
        { "error", SN_LOG_DEBUG, SN_LOG_DEBUG },   { "trace", SN_LOG_ERROR, SN_LOG_ERROR },
        { "info", SN_LOG_DEFAULT, SN_LOG_INFO },
    };
    if (table[_i].env != NULL)
        setenv("SEINE_LOG", table[_i].env, 1);
    else
        unsetenv("SEINE_LOG");
    sn_log_set_level(table[_i].set);
    heard got = { 0 };
    sn_log_set_sink(hear, &got);
    for (int level = SN_LOG_ERROR; level <= SN_LOG_TRACE; level++) {
        got.lines = 0;
        sn__log((sn_log_level)level, "line");
        ck_assert_int_eq(got.lines, level <= (int)table[_i].least);
    }
}
END_TEST

START_TEST(log_with_a_sink_that_fails_keeps_errno_and_the_detail)
{
    heard got = { 0 };
    sn_log_set_sink(hear, &got);
    (void)sn__fail(SN_E_RANGE, "seed 9");
    errno = EAGAIN;
    sn__log(SN_LOG_ERROR, "line");
    ck_assert_int_eq(errno, EAGAIN);
    ck_assert_str_eq(sn_error_detail(), "seed 9");
    ck_assert_int_eq(got.lines, 1);
}
END_TEST

START_TEST(log_with_newlines_and_a_long_text_stays_one_line)
{
    heard got = { 0 };
    char text[4000];
    memset(text, 'y', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    text[5] = '\n';
    text[6] = '\r';
    sn_log_set_sink(hear, &got);
    sn__log(SN_LOG_ERROR, "%s", text);
    ck_assert_ptr_null(strchr(got.last, '\n'));
    ck_assert_ptr_null(strchr(got.last, '\r'));
    ck_assert_uint_gt(strlen(got.last), 500);
}
END_TEST

START_TEST(log_without_a_sink_writes_one_line_to_stderr)
{
    int ends[2], kept = dup(STDERR_FILENO);
    ck_assert_int_eq(pipe(ends), 0);
    ck_assert_int_ge(dup2(ends[1], STDERR_FILENO), 0);
    unsetenv("SEINE_LOG");
    sn__log(SN_LOG_WARN, "memory is short");
    sn__log(SN_LOG_INFO, "not severe enough");
    dup2(kept, STDERR_FILENO);
    close(ends[1]);
    char text[4096], want[128];
    ssize_t bytes = read(ends[0], text, sizeof text - 1);
    ck_assert_int_gt(bytes, 0);
    text[bytes] = '\0';
    snprintf(want, sizeof want, "seine[%ld]: warn: memory is short\n", (long)getpid());
    ck_assert_str_eq(text, want);
    ck_assert_int_eq(read(ends[0], text, sizeof text), 0);
}
END_TEST

int main(void)
{
    TCase *cases = tcase_create("log");
    tcase_add_test(cases, log_with_a_sink_gives_it_the_line_and_level);
    tcase_add_loop_test(cases, log_at_each_level_passes_what_is_as_severe, 0, 7);
    tcase_add_test(cases, log_with_a_sink_that_fails_keeps_errno_and_the_detail);
    tcase_add_test(cases, log_with_newlines_and_a_long_text_stays_one_line);
    tcase_add_test(cases, log_without_a_sink_writes_one_line_to_stderr);
    return run_cases("log", cases);
}
