/* SPDX-License-Identifier: Apache-2.0 */
#include "command/drive.h"

#include "support/scale.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <linux/capability.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { PATH_BYTES = 4096, LIMIT_MS = 120000 };

static char workspace[PATH_BYTES];
/* Outputs lie beside the workspace, so that they do not show in a listing. */
static char out_path[PATH_BYTES + 8], err_path[PATH_BYTES + 8];

/* -- Workspace --------------------------------------------------------------------------------- */

void workspace_make(void)
{
    const char *parent = getenv("TMPDIR");
    snprintf(workspace, sizeof workspace, "%s/seine-command-XXXXXX",
             parent != NULL && parent[0] == '/' ? parent : "/tmp");
    ck_assert_ptr_nonnull(mkdtemp(workspace));
    ck_assert_int_eq(chdir(workspace), 0);
    snprintf(out_path, sizeof out_path, "%s.out", workspace);
    snprintf(err_path, sizeof err_path, "%s.err", workspace);
}

static int remove_one(const char *path, const struct stat *info, int kind, struct FTW *where)
{
    (void)info, (void)kind, (void)where;
    return remove(path);
}

void workspace_remove(void)
{
    nftw(workspace, remove_one, 32, FTW_DEPTH | FTW_PHYS);
    unlink(out_path);
    unlink(err_path);
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

const char *listing(const char *folder)
{
    static char text[65536];
    char *names[1024];
    size_t count = 0, at = 0;
    DIR *open = opendir(folder);
    ck_assert_msg(open != NULL, "%s: %s", folder, strerror(errno));
    for (struct dirent *entry = readdir(open); entry != NULL; entry = readdir(open))
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0 && count < 1024)
            names[count++] = strdup(entry->d_name);
    closedir(open);
    qsort(names, count, sizeof names[0], by_name);
    text[0] = '\0';
    for (size_t i = 0; i < count; i++) {
        at += (size_t)snprintf(text + at, sizeof text - at, "%s%s", i > 0 ? " " : "", names[i]);
        ck_assert_uint_lt(at, sizeof text);
        free(names[i]);
    }
    return text;
}

const char *source_path(const char *path)
{
    static char texts[4][PATH_BYTES];
    static int next;
    char *text = texts[next++ % 4];
    const char *root = getenv("SEINE_SOURCE");
    ck_assert_msg(root != NULL, "SEINE_SOURCE is not set");
    snprintf(text, PATH_BYTES, "%s/%s", root, path);
    return text;
}

void put_bytes(const char *path, const void *data, size_t bytes)
{
    FILE *file = fopen(path, "w");
    ck_assert_msg(file != NULL, "%s: %s", path, strerror(errno));
    ck_assert_uint_eq(fwrite(data, 1, bytes, file), bytes);
    ck_assert_int_eq(fclose(file), 0);
}

void put_text(const char *path, const char *text)
{
    put_bytes(path, text, strlen(text));
}

char *get_file(const char *path, size_t *bytes)
{
    struct stat info;
    FILE *file = fopen(path, "r");
    ck_assert_msg(file != NULL && fstat(fileno(file), &info) == 0, "%s: %s", path, strerror(errno));
    char *text = calloc(1, (size_t)info.st_size + 1);
    ck_assert_ptr_nonnull(text);
    size_t got = fread(text, 1, (size_t)info.st_size, file);
    fclose(file);
    if (bytes != NULL)
        *bytes = got;
    return text;
}

void put_npy(const char *path, const char *descr, const char *shape, const void *data, size_t bytes)
{
    char header[128];
    memset(header, ' ', sizeof header);
    memcpy(header, "\x93NUMPY\x01\x00\x76\x00", 10);
    int length = snprintf(header + 10, sizeof header - 10,
                          "{'descr': '%s', 'fortran_order': False, 'shape': %s, }", descr, shape);
    ck_assert_int_lt(length, 117);
    header[10 + length] = ' ';
    header[127] = '\n';
    FILE *file = fopen(path, "w");
    ck_assert_msg(file != NULL, "%s: %s", path, strerror(errno));
    fwrite(header, 1, sizeof header, file);
    fwrite(data, 1, bytes, file);
    ck_assert_int_eq(fclose(file), 0);
}

void copy_folder(const char *from, const char *to)
{
    char old[PATH_BYTES], new[PATH_BYTES];
    DIR *open = opendir(from);
    ck_assert_ptr_nonnull(open);
    ck_assert_int_eq(mkdir(to, 0700), 0);
    for (struct dirent *entry = readdir(open); entry != NULL; entry = readdir(open)) {
        if (entry->d_name[0] == '.')
            continue;
        size_t bytes;
        snprintf(old, sizeof old, "%s/%s", from, entry->d_name);
        snprintf(new, sizeof new, "%s/%s", to, entry->d_name);
        char *text = get_file(old, &bytes);
        put_bytes(new, text, bytes);
        free(text);
    }
    closedir(open);
}

/* -- Processes --------------------------------------------------------------------------------- */

static void open_as(const char *path, int flags, int fd)
{
    int opened = open(path, flags, 0600);
    if (opened < 0 || dup2(opened, fd) < 0)
        _exit(126);
    close(opened);
}

static void set_output(output to)
{
    int ends[2];
    switch (to) {
    case OUTPUT_FILE:
        open_as(out_path, O_WRONLY | O_CREAT | O_TRUNC, STDOUT_FILENO);
        break;
    case OUTPUT_FULL:
        open_as("/dev/full", O_WRONLY, STDOUT_FILENO);
        break;
    case OUTPUT_CLOSED:
        close(STDOUT_FILENO);
        break;
    case OUTPUT_BROKEN_PIPE:
        if (pipe(ends) != 0 || dup2(ends[1], STDOUT_FILENO) < 0)
            _exit(126);
        close(ends[0]);
        close(ends[1]);
        break;
    case OUTPUT_STUCK:
        if (pipe(ends) != 0 || dup2(ends[1], STDOUT_FILENO) < 0)
            _exit(126); /* ends[0] stays open: the command is its own reader that never reads */
        break;
    }
}

static bool limit_to(int resource, long most)
{
    struct rlimit limit = { (rlim_t)most, (rlim_t)most };
    return most == 0 || setrlimit((unsigned)resource, &limit) == 0;
}

/* Limits and rights of the child, from its exec on. */
static void set_limits(const start_options *options)
{
    if (options->bound) { /* without the right to drop them it has none of them */
        (void)prctl(PR_CAPBSET_DROP, CAP_DAC_OVERRIDE);
        (void)prctl(PR_CAPBSET_DROP, CAP_DAC_READ_SEARCH);
    }
    if (options->file_limit > 0)
        signal(SIGXFSZ, SIG_IGN); /* writing then fails with EFBIG */
    if (!limit_to(RLIMIT_FSIZE, options->file_limit) ||
        !limit_to(RLIMIT_NOFILE, options->files_limit) ||
        !limit_to(RLIMIT_AS, options->memory_limit))
        _exit(126);
}

pid_t start(const char *const *arguments, const start_options *options)
{
    char program[PATH_BYTES];
    const char *folder = getenv("SEINE_BIN");
    ck_assert_msg(folder != NULL, "SEINE_BIN is not set");
    snprintf(program, sizeof program, "%s/seine", folder);
    char *words[64] = { program };
    size_t count = 1;
    for (; arguments[count - 1] != NULL; count++) {
        ck_assert_uint_lt(count, 63);
        words[count] = strdup(arguments[count - 1]); /* exec takes what is not const */
    }
    put_text(out_path, "");
    put_text(err_path, "");
    /* The test's own handlers, in a child that a signal reaches before its exec, would end the test. */
    sigset_t all, before;
    sigfillset(&all);
    sigprocmask(SIG_BLOCK, &all, &before);
    pid_t pid = fork();
    if (pid != 0)
        sigprocmask(SIG_SETMASK, &before, NULL);
    ck_assert_int_ge(pid, 0);
    if (pid == 0) {
        for (size_t i = 0; options->environment != NULL && options->environment[i] != NULL; i++)
            putenv(strdup(options->environment[i]));
        open_as("/dev/null", O_RDONLY, STDIN_FILENO);
        open_as(err_path, O_WRONLY | O_CREAT | O_TRUNC, STDERR_FILENO);
        if (options->err_fd != 0 && dup2(options->err_fd, STDERR_FILENO) < 0)
            _exit(126);
        set_output(options->to);
        set_limits(options);
        signal(SIGPIPE, SIG_DFL);
        signal(SIGINT, options->interrupt_ignored ? SIG_IGN : SIG_DFL);
        signal(SIGTERM, SIG_DFL);
        sigprocmask(SIG_SETMASK, &before, NULL);
        execv(program, words);
        _exit(127);
    }
    while (--count > 0)
        free(words[count]);
    return pid;
}

void await_stderr(void)
{
    struct stat info;
    for (int i = 0; i < LIMIT_MS; i++) {
        if (stat(err_path, &info) == 0 && info.st_size > 0)
            return;
        nanosleep(&(struct timespec){ .tv_nsec = 1000000 }, NULL);
    }
    ck_abort_msg("seine draws nothing");
}

outcome finish(pid_t pid)
{
    outcome of = { 0 };
    int status = 0, waited_ms = 0;
    while (waitpid(pid, &status, WNOHANG) == 0) {
        if (waited_ms++ >= LIMIT_MS) {
            kill(pid, SIGKILL);
            waitpid(pid, &status, 0);
            ck_abort_msg("seine did not end within %d s", LIMIT_MS / 1000);
        }
        nanosleep(&(struct timespec){ .tv_nsec = 1000000 }, NULL);
    }
    of.code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    of.out = get_file(out_path, NULL);
    of.err = get_file(err_path, NULL);
    return of;
}

void outcome_free(outcome *of)
{
    free(of->out);
    free(of->err);
    of->out = of->err = NULL;
}

outcome seine(const char *const *arguments, const char *const *environment)
{
    start_options options = { .environment = environment };
    return finish(start(arguments, &options));
}

/* -- What is expected -------------------------------------------------------------------------- */

bool is_chosen(void)
{
    static uint64_t number;
    uint64_t mixed = (sn_test_seed() ^ 0x636f6d6d) + number * 0x9E3779B97F4A7C15u;
    mixed = (mixed ^ (mixed >> 30)) * 0xBF58476D1CE4E5B9u;
    mixed = (mixed ^ (mixed >> 27)) * 0x94D049BB133111EBu;
    return number++ == 0 || (int64_t)((mixed >> 32) % 100) < sn_test_scale(100);
}

int count_lines(const char *text)
{
    int lines = 0;
    for (; *text != '\0'; text++)
        lines += *text == '\n';
    return lines;
}

void expect_done(outcome of)
{
    ck_assert_msg(of.code == 0, "exit code %d: %s", of.code, of.err);
    outcome_free(&of);
}

void expect_failure(outcome of, int code, const char *name, const char *what)
{
    size_t length = strlen(of.err);
    bool right = code == EITHER ? of.code == 1 || of.code == 2 : of.code == code;
    ck_assert_msg(right, "%s: exit code %d: %s%s", what, of.code, of.out, of.err);
    ck_assert_msg(of.out[0] == '\0', "%s: prints %s", what, of.out);
    ck_assert_msg(length > 1 && count_lines(of.err) == 1 && of.err[length - 1] == '\n',
                  "%s: not one line: '%s'", what, of.err);
    ck_assert_msg(strncmp(of.err, "seine: ", 7) == 0 || strstr(of.err, ": not in this version"),
                  "%s: %s", what, of.err);
    ck_assert_msg(name == NULL || strstr(of.err, name) != NULL, "%s: '%s' is not named: %s", what,
                  name, of.err);
    outcome_free(&of);
}
