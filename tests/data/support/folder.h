/* SPDX-License-Identifier: Apache-2.0 */
/* What the data tests share: a temporary folder per case, small files in it, and looks at what is
 * left. Case and suite helpers are for one thread. */
#ifndef SEINE_TESTS_DATA_FOLDER_H
#define SEINE_TESTS_DATA_FOLDER_H

#include "seine/status.h"

#include <check.h>
#include <stdlib.h>

/* Runs the cases, each with a folder of its own; the exit status of the program. */
int run_in_folder(const char *name, TCase *cases);
/* A path in the folder, printf-like; "" is the folder. Valid until 32 more were asked for. */
const char *in_folder(const char *format, ...) SN_PRINTF(1, 2);

void put_file(const char *path, const void *data, size_t bytes);
void put_text(const char *path, const char *text);
/* The whole file with a NUL behind it, to be freed. */
char *get_file(const char *path, size_t *bytes);
void copy_file(const char *from, const char *to);
void make_dir(const char *path);
void remove_tree(const char *path);
/* Names in a directory, sorted, with spaces between. Valid until the next call. */
const char *list_dir(const char *path);
int count_open_files(void);
/* Mappings of this process whose line has `text` in it. */
int count_mappings(const char *text);

/* The last error's detail is one line that has `text` in it. */
void check_detail(const char *text, const char *file, int line);
#define ck_fails(expression, status, text)                                                \
    do {                                                                                  \
        sn_status ck_status = (expression);                                               \
        if (ck_status != (status))                                                        \
            ck_abort_msg("%s is %s, not %s (%s)", #expression, sn_status_name(ck_status), \
                         sn_status_name(status), sn_error_detail());                      \
        check_detail(text, __FILE__, __LINE__);                                           \
    } while (0)
#define ck_ok(expression)                                                        \
    do {                                                                         \
        sn_status ck_status = (expression);                                      \
        if (ck_status != SN_OK)                                                  \
            ck_abort_msg("%s is %s: %s", #expression, sn_status_name(ck_status), \
                         sn_error_detail());                                     \
    } while (0)

#endif
