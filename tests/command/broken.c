/* SPDX-License-Identifier: Apache-2.0 */
#include "command/broken.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

void expect_refused(const reading *of, const char *how)
{
    char before[4096], what[512];
    if (!is_chosen())
        return;
    const char *last = strrchr(of->file, '/');
    const char *name = of->name != NULL ? of->name : last != NULL ? last + 1 : of->file;
    snprintf(before, sizeof before, "%s", listing("."));
    snprintf(what, sizeof what, "%.200s %.200s: %s", of->call[0], of->file, how);
    expect_failure(seine(of->call, NULL), EITHER, name, what);
    ck_assert_msg(strcmp(listing("."), before) == 0, "%s: leaves %s", what, listing("."));
    ck_assert_msg(access("made", F_OK) != 0, "%s: a dataset was made", what);
}

void refuse_contents(const reading *of, const void *data, size_t bytes, const char *how)
{
    put_bytes(of->file, data, bytes);
    expect_refused(of, how);
}

static void refuse_text(const reading *of, const char *text, const char *how)
{
    refuse_contents(of, text, strlen(text), how);
}

void refuse_foreign(const reading *of)
{
    static const char elf[] = "\x7f"
                              "ELF\x02\x01\x01\0\0\0\0\0\0\0\0\0\x03\0\x3e\0\x01\0\0\0";
    static const char zip[] = "PK\x03\x04\x14\0\0\0\0\0\0\0!\0\0\0\0\0";
    static const char gzip[] = "\x1f\x8b\x08\0\0\0\0\0\0\x03\x4b\xcb\xcf\x07\0";
    static const char pickle[] = "\x80\x05\x95\x10\0\0\0\0\0\0\0}\x94(K\x01K\x02u.";
    char zeros[4096] = { 0 }, ones[4096];
    memset(ones, 0xff, sizeof ones);

    size_t bytes;
    char *kept = get_file(of->file, &bytes);
    unlink(of->file);
    expect_refused(of, "missing");
    ck_assert_int_eq(mkdir(of->file, 0700), 0);
    expect_refused(of, "a folder");
    rmdir(of->file);
    ck_assert_int_eq(symlink("/nonexistent/target", of->file), 0);
    expect_refused(of, "a link to nowhere");
    unlink(of->file);
    ck_assert_int_eq(symlink("/dev/zero", of->file), 0);
    expect_refused(of, "an endless device");
    unlink(of->file);
    ck_assert_int_eq(mkfifo(of->file, 0600), 0);
    expect_refused(of, "a pipe that nobody writes to");
    unlink(of->file);
    refuse_contents(of, "", 0, "empty");
    refuse_contents(of, elf, sizeof elf, "a program");
    refuse_contents(of, zip, sizeof zip, "a zip archive");
    refuse_contents(of, gzip, sizeof gzip, "a gzip file");
    refuse_contents(of, pickle, sizeof pickle, "a pickle");
    refuse_contents(of, zeros, sizeof zeros, "zeros");
    refuse_contents(of, ones, sizeof ones, "ones");
    refuse_text(of, "\n", "a newline");
    refuse_text(of, "src,dst\n0,1\n1,2\n", "a table as text");
    refuse_text(of, "<?xml version=\"1.0\"?><graph/>\n", "XML");
    put_bytes(of->file, kept, bytes);
    free(kept);
}
