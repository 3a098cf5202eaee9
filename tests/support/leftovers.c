/* SPDX-License-Identifier: Apache-2.0 */
/* Both times everything is listed as lines of text, sorted; what differs is a leftover. */
#include "support/leftovers.h"

#include <check.h>
#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { LINE_BYTES = 2 * PATH_MAX, REPORT_BYTES = 16384, PROCESS_BYTES = 1 << 17 };
#define MARK "LEFTOVERS_MARK"

typedef struct list {
    char **lines;
    size_t count, capacity;
} list;

int64_t leftovers_grace_ns = INT64_C(5000000000);

static list noted;
static char mark[64], folder[PATH_MAX], outer_folder[PATH_MAX], report[REPORT_BYTES];
static bool has_outer_folder;
static pid_t owner; /* of the folder */

/* -- Lists ------------------------------------------------------------------------------------- */

static void add(list *to, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void add(list *to, const char *format, ...)
{
    char line[LINE_BYTES];
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(line, sizeof line, format, arguments);
    va_end(arguments);
    if (to->count == to->capacity) {
        to->capacity = to->capacity * 2 + 64;
        to->lines = realloc(to->lines, to->capacity * sizeof *to->lines);
        ck_assert_ptr_nonnull(to->lines);
    }
    to->lines[to->count] = strdup(line);
    ck_assert_ptr_nonnull(to->lines[to->count]);
    to->count++;
}

static void clear(list *of)
{
    for (size_t i = 0; i < of->count; i++)
        free(of->lines[i]);
    free(of->lines);
    *of = (list){ 0 };
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* -- This process ------------------------------------------------------------------------------ */

static void list_descriptors(list *to)
{
    DIR *entries = opendir("/proc/self/fd");
    ck_assert_ptr_nonnull(entries);
    const struct dirent *entry;
    while ((entry = readdir(entries)) != NULL) {
        char target[PATH_MAX];
        if (entry->d_name[0] == '.' || atoi(entry->d_name) == dirfd(entries))
            continue;
        ssize_t bytes = readlinkat(dirfd(entries), entry->d_name, target, sizeof target - 1);
        target[bytes > 0 ? bytes : 0] = '\0';
        add(to, "descriptor %s: %s", entry->d_name, target);
    }
    closedir(entries);
}

/* ThreadSanitizer starts a thread of its own with the first one of the program, for good. */
#if defined(__SANITIZE_THREAD__)
static const bool threads_are_ours = false;
#else
static const bool threads_are_ours = true;
#endif

static void list_threads(list *to)
{
    if (!threads_are_ours)
        return;
    DIR *entries = opendir("/proc/self/task");
    ck_assert_ptr_nonnull(entries);
    const struct dirent *entry;
    while ((entry = readdir(entries)) != NULL)
        if (entry->d_name[0] != '.')
            add(to, "thread %s", entry->d_name);
    closedir(entries);
}

/* The lines of a file that `wanted` accepts; it may cut them. */
static void list_lines(list *to, const char *path, const char *what, bool (*wanted)(char *line))
{
    char line[LINE_BYTES / 2];
    FILE *file = fopen(path, "re");
    if (file == NULL)
        return; /* not on this system */
    while (fgets(line, sizeof line, file) != NULL) {
        line[strcspn(line, "\n")] = '\0';
        if (wanted(line))
            add(to, "%s %s", what, line);
    }
    (void)fclose(file);
}

static bool is_shared_memory(char *line)
{
    return strstr(line, "/memfd:") != NULL || strstr(line, "/dev/shm/") != NULL;
}

/* -- Processes --------------------------------------------------------------------------------- */

typedef struct process {
    int pid, parent, group;
    char state, name[32];
} process;

/* False: it has just gone. */
static bool read_process(int pid, process *out)
{
    char path[64], text[512];
    *out = (process){ .pid = pid };
    (void)snprintf(path, sizeof path, "/proc/%d/stat", pid);
    FILE *file = fopen(path, "re");
    if (file == NULL)
        return false;
    size_t bytes = fread(text, 1, sizeof text - 1, file);
    (void)fclose(file);
    text[bytes] = '\0';
    char *name = strchr(text, '('), *end = strrchr(text, ')');
    if (name == NULL || end == NULL ||
        sscanf(end + 1, " %c %d %d", &out->state, &out->parent, &out->group) != 3)
        return false;
    (void)snprintf(out->name, sizeof out->name, "%.*s", (int)(end - name - 1), name + 1);
    return true;
}

static bool has_mark(int pid)
{
    static char text[PROCESS_BYTES];
    char path[64];
    (void)snprintf(path, sizeof path, "/proc/%d/environ", pid);
    FILE *file = fopen(path, "re");
    if (file == NULL)
        return false;
    size_t bytes = fread(text, 1, sizeof text, file);
    (void)fclose(file);
    return mark[0] != '\0' && memmem(text, bytes, mark, strlen(mark)) != NULL;
}

static bool is_ours(const process *it)
{
    pid_t self = getpid();
    if (it->pid == self)
        return false;
    if (it->parent == self)
        return true;
    return it->state != 'Z' && it->state != 'X' &&
           ((getpgrp() == self && it->group == self) || has_mark(it->pid));
}

static void list_processes(list *to)
{
    DIR *entries = opendir("/proc");
    ck_assert_ptr_nonnull(entries);
    const struct dirent *entry;
    while ((entry = readdir(entries)) != NULL) {
        process it;
        int pid = atoi(entry->d_name);
        if (pid > 0 && read_process(pid, &it) && is_ours(&it))
            add(to, "process %d (%s, state %c, child of %d)", pid, it.name, it.state, it.parent);
    }
    closedir(entries);
}

/* -- The system -------------------------------------------------------------------------------- */

static void list_folder(list *to, const char *path)
{
    DIR *entries = opendir(path);
    if (entries == NULL)
        return;
    const struct dirent *entry;
    while ((entry = readdir(entries)) != NULL) {
        struct stat info;
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0 &&
            fstatat(dirfd(entries), entry->d_name, &info, AT_SYMLINK_NOFOLLOW) == 0 &&
            info.st_uid == geteuid())
            add(to, "file %s/%s", path, entry->d_name);
    }
    closedir(entries);
}

static bool is_named_socket(char *line)
{
    char *name = strpbrk(line, "@/");
    if (name == NULL || strstr(name, "seine") == NULL)
        return false;
    memmove(line, name, strlen(name) + 1);
    return true;
}

/* Key and identifier; the rest changes with use. */
static bool is_object(char *line)
{
    int key, id, end = 0;
    if (sscanf(line, "%d %d%n", &key, &id, &end) != 2)
        return false;
    line[end] = '\0';
    return true;
}

static list list_all(void)
{
    list all = { 0 };
    list_descriptors(&all);
    list_threads(&all);
    list_lines(&all, "/proc/self/maps", "mapping", is_shared_memory);
    list_processes(&all);
    list_folder(&all, "/dev/shm");
    list_folder(&all, folder);
    list_lines(&all, "/proc/net/unix", "socket", is_named_socket);
    list_lines(&all, "/proc/sysvipc/shm", "SysV memory", is_object);
    list_lines(&all, "/proc/sysvipc/sem", "SysV semaphores", is_object);
    list_lines(&all, "/proc/sysvipc/msg", "SysV queue", is_object);
    qsort(all.lines, all.count, sizeof *all.lines, by_text);
    return all;
}

/* -- Comparing --------------------------------------------------------------------------------- */

static void say(const char *line, const char *what)
{
    size_t used = strlen(report);
    (void)snprintf(report + used, sizeof report - used, "%s%s\n", line, what);
}

/* What other programs of the machine also make and remove: that it is gone says nothing of this one. */
static bool is_of_all(const char *line)
{
    return strncmp(line, "file /dev/shm/", 14) == 0 || strncmp(line, "socket ", 7) == 0 ||
           strncmp(line, "SysV ", 5) == 0;
}

const char *leftovers_now(void)
{
    list now = list_all();
    size_t i = 0, j = 0;
    report[0] = '\0';
    while (i < noted.count || j < now.count) {
        int order = i == noted.count ? 1
                    : j == now.count ? -1
                                     : strcmp(noted.lines[i], now.lines[j]);
        if (order < 0 && is_of_all(noted.lines[i]))
            i++;
        else if (order < 0)
            say(noted.lines[i++], ": is gone");
        else if (order > 0)
            say(now.lines[j++], "");
        else
            i++, j++;
    }
    clear(&now);
    return report;
}

int leftovers_count_processes(void)
{
    list now = { 0 };
    list_processes(&now);
    int count = (int)now.count;
    clear(&now);
    return count;
}

/* -- The fixture ------------------------------------------------------------------------------- */

/* A case that fails ends without `after`. */
static void remove_folder(void)
{
    if (owner == getpid())
        (void)rmdir(folder);
}

static void make_folder(void)
{
    const char *outer = getenv("TMPDIR");
    has_outer_folder = outer != NULL;
    const char *parent = outer != NULL && outer[0] == '/' ? outer : "/tmp";
    ck_assert_uint_lt(strlen(parent) + 32, sizeof folder);
    (void)snprintf(outer_folder, sizeof outer_folder, "%s", outer != NULL ? outer : "");
    (void)stpcpy(stpcpy(folder, parent), "/seine-leftovers-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(folder));
    owner = getpid();
    ck_assert_int_eq(atexit(remove_folder), 0);
    ck_assert_int_eq(setenv("TMPDIR", folder, 1), 0);
}

/* Behind the mark of a test that runs this one, which looks for its own. */
static void set_mark(void)
{
    char all[1024];
    struct timespec now;
    const char *outer = getenv(MARK);
    (void)clock_gettime(CLOCK_REALTIME, &now);
    (void)snprintf(mark, sizeof mark, "<%d %lld.%09ld>", (int)getpid(), (long long)now.tv_sec,
                   now.tv_nsec);
    (void)snprintf(all, sizeof all, "%s%s", outer != NULL ? outer : "", mark);
    ck_assert_int_eq(setenv(MARK, all, 1), 0);
}

void leftovers_accept(void)
{
    clear(&noted);
    noted = list_all();
}

void leftovers_before(void)
{
    make_folder();
    set_mark();
    leftovers_accept();
}

void leftovers_after(void)
{
    struct timespec pause = { .tv_nsec = 5000000 }, start, now;
    int64_t waited_ns = 0;
    (void)clock_gettime(CLOCK_MONOTONIC, &start);
    const char *left;
    while ((left = leftovers_now())[0] != '\0' && waited_ns < leftovers_grace_ns) {
        (void)nanosleep(&pause, NULL);
        (void)clock_gettime(CLOCK_MONOTONIC, &now);
        waited_ns = (now.tv_sec - start.tv_sec) * INT64_C(1000000000) + now.tv_nsec - start.tv_nsec;
    }
    remove_folder();
    if (has_outer_folder)
        (void)setenv("TMPDIR", outer_folder, 1);
    else
        (void)unsetenv("TMPDIR");
    ck_assert_msg(left[0] == '\0', "left behind:\n%s", left);
    clear(&noted);
}
