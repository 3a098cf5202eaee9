/* SPDX-License-Identifier: Apache-2.0 */
/* The error detail of each thread: one buffer, written by the function that decides the error. */
#include "base/status.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>

enum {
    DETAIL_BYTES = 1024, /* one line; longer ones are cut */
    LIMIT_BYTES = 64
};

static _Thread_local char detail[DETAIL_BYTES];

/* A path or a key from outside may hold newlines or control characters: one line stays one line. */
static void keep_one_line(char *text)
{
    for (; *text != '\0'; text++)
        if ((unsigned char)*text < 0x20 || *text == 0x7f)
            *text = '?';
}

sn_status sn__fail(sn_status status, const char *format, ...)
{
    char text[DETAIL_BYTES]; /* an argument may point into the old detail */
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    keep_one_line(text);
    memcpy(detail, text, sizeof text);
    return status;
}

/* The one limit that users meet and can raise: how many files may be open. */
static void limit_text(int error, char out[LIMIT_BYTES])
{
    struct rlimit files;
    out[0] = '\0';
    if (error == EMFILE && getrlimit(RLIMIT_NOFILE, &files) == 0)
        snprintf(out, LIMIT_BYTES, ": this process may have %llu",
                 (unsigned long long)files.rlim_cur);
}

sn_status sn__fail_errno(const char *format, ...)
{
    int error = errno;
    char text[DETAIL_BYTES], reason[128], limit[LIMIT_BYTES];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    limit_text(error, limit);
    /* The GNU form: it may or may not use the buffer. */
    return sn__fail(error == ENOMEM ? SN_E_NOMEM : SN_E_SYSTEM, "%s: %s%s", text,
                    strerror_r(error, reason, sizeof reason), limit);
}

void sn_error_context(const char *format, ...)
{
    char text[DETAIL_BYTES];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    (void)sn__fail(SN_OK, "%s: %s", text, detail);
}

const char *sn_error_detail(void)
{
    return detail;
}

const char *sn_status_name(sn_status status)
{
    switch (status) {
#define SN_STATUS_NAME(name, value, text) \
    case name:                            \
        return #name;
        SN_STATUS_LIST(SN_STATUS_NAME)
#undef SN_STATUS_NAME
    }
    return "SN_E_?";
}

const char *sn_status_text(sn_status status)
{
    switch (status) {
#define SN_STATUS_TEXT(name, value, text) \
    case name:                            \
        return text;
        SN_STATUS_LIST(SN_STATUS_TEXT)
#undef SN_STATUS_TEXT
    }
    return "unknown status";
}
