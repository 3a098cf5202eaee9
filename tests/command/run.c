/* SPDX-License-Identifier: Apache-2.0 */
/* One child at a time. Its stdin is a memfd with the whole input, so that nothing here can block on it;
 * stdout and stderr are pipes that are read together until both end or time is over. The child asks the
 * kernel to be killed with its parent: a case that fails or times out leaves no process. */
#include "command/run.h"

#include "command/scratch.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

extern char **environ;

enum { DEFAULT_SECONDS = 60, MAX_ENV = 256, STEP_MS = 20 };

/* What came through one pipe. */
typedef struct stream {
    int fd; /* -1: ended */
    char *text;
    size_t bytes, room;
    int lines_left; /* close after so many; -1: never */
} stream;

struct run_process {
    pid_t pid;
    stream out, err;
    int seconds;
    struct timespec began;
    char name[512]; /* the words, for messages */
};

static double elapsed(const struct timespec *began)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)(now.tv_sec - began->tv_sec) + (double)(now.tv_nsec - began->tv_nsec) * 1e-9;
}

/* -- The child --------------------------------------------------------------------------------- */

static bool same_name(const char *entry, const char *change)
{
    size_t length = strcspn(change, "=");
    return strncmp(entry, change, length) == 0 && entry[length] == '=';
}

/* The caller's environment without SEINE_ variables, changed as asked. */
static void make_env(const char *const *changes, char **out)
{
    int count = 0;
    for (char **entry = environ; *entry != NULL; entry++) {
        bool keep = strncmp(*entry, "SEINE_", 6) != 0;
        for (int i = 0; changes != NULL && changes[i] != NULL; i++)
            keep = keep && !same_name(*entry, changes[i]);
        if (keep && count < MAX_ENV - 1)
            out[count++] = *entry;
    }
    for (int i = 0; changes != NULL && changes[i] != NULL && count < MAX_ENV - 1; i++)
        if (strchr(changes[i], '=') != NULL)
            out[count++] = strdup(changes[i]);
    out[count] = NULL;
}

static int open_input(const char *text)
{
    if (text == NULL)
        return open("/dev/null", O_RDONLY | O_CLOEXEC);
    int fd = memfd_create("stdin", MFD_CLOEXEC);
    size_t bytes = strlen(text);
    if (fd < 0 || write(fd, text, bytes) != (ssize_t)bytes || lseek(fd, 0, SEEK_SET) != 0)
        return -1;
    return fd;
}

/* In the child, between fork and exec. Exit code 126 says that this itself failed. */
static void become(const char *const *args, const run_options *options, int out_fd, int err_fd)
{
    char *words[RUN_MAX_ARGS + 2], *env[MAX_ENV], program[1024];
    const char *bin = getenv("SEINE_BIN");
    int count = 0, in_fd = open_input(options->input);
    snprintf(program, sizeof program, "%s/seine", bin != NULL ? bin : "bin");
    words[count++] = strdup("seine");
    for (int i = 0; args[i] != NULL && count <= RUN_MAX_ARGS; i++)
        words[count++] = strdup(args[i]);
    words[count] = NULL;
    make_env(options->env, env);
    if (options->out_path != NULL && options->out_path[0] != '\0')
        out_fd = open(options->out_path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    if (in_fd < 0 || out_fd < 0 || prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 ||
        chdir(scratch_path()) != 0 || dup2(in_fd, 0) < 0 || dup2(out_fd, 1) < 0 ||
        dup2(err_fd, 2) < 0)
        _exit(126);
    if (options->out_path != NULL && options->out_path[0] == '\0')
        close(1);
    execve(program, words, env);
    dprintf(2, "cannot run %s: %s\n", program, strerror(errno));
    _exit(126);
}

static void join_words(const char *const *args, char *out, size_t bytes)
{
    size_t used = (size_t)snprintf(out, bytes, "seine");
    for (int i = 0; args[i] != NULL && used < bytes; i++)
        used += (size_t)snprintf(out + used, bytes - used, " %s", args[i][0] ? args[i] : "''");
}

run_process *run_start(const char *const *args, const run_options *options)
{
    const run_options none = { 0 };
    int out[2], err[2];
    run_process *made = calloc(1, sizeof *made);
    options = options != NULL ? options : &none;
    ck_assert_ptr_nonnull(made);
    ck_assert_int_eq(pipe2(out, O_CLOEXEC), 0);
    ck_assert_int_eq(pipe2(err, O_CLOEXEC), 0);
    join_words(args, made->name, sizeof made->name);
    fflush(NULL);
    clock_gettime(CLOCK_MONOTONIC, &made->began);
    made->pid = fork();
    ck_assert_int_ge(made->pid, 0);
    if (made->pid == 0)
        become(args, options, out[1], err[1]);
    close(out[1]);
    close(err[1]);
    made->out = (stream){ .fd = out[0], .lines_left = options->head > 0 ? options->head : -1 };
    made->err = (stream){ .fd = err[0], .lines_left = -1 };
    made->seconds = options->seconds > 0 ? options->seconds : DEFAULT_SECONDS;
    return made;
}

/* -- Its end ----------------------------------------------------------------------------------- */

pid_t run_pid(const run_process *process)
{
    return process->pid;
}

void run_signal(run_process *process, int number)
{
    ck_assert_int_eq(kill(process->pid, number), 0);
}

static void end_stream(stream *from)
{
    close(from->fd);
    from->fd = -1;
}

static void take(stream *from)
{
    if (from->room - from->bytes < 65536) {
        from->room = from->room * 2 + 131072;
        from->text = realloc(from->text, from->room);
        ck_assert_ptr_nonnull(from->text);
    }
    ssize_t got = read(from->fd, from->text + from->bytes, from->room - from->bytes - 1);
    if (got < 0 && errno == EINTR)
        return;
    ck_assert_int_ge(got, 0);
    for (ssize_t i = 0; i < got && from->lines_left > 0; i++)
        from->lines_left -= from->text[from->bytes + (size_t)i] == '\n';
    from->bytes += (size_t)got;
    if (got == 0 || from->lines_left == 0)
        end_stream(from);
}

static void kill_late(run_process *process)
{
    kill(process->pid, SIGKILL);
    waitpid(process->pid, NULL, 0);
    ck_abort_msg("'%s' was not done after %d s", process->name, process->seconds);
}

static void read_all(run_process *process)
{
    while (process->out.fd >= 0 || process->err.fd >= 0) {
        struct pollfd wait[2] = { { .fd = process->out.fd, .events = POLLIN },
                                  { .fd = process->err.fd, .events = POLLIN } };
        double left = process->seconds - elapsed(&process->began);
        if (left <= 0)
            kill_late(process);
        if (poll(wait, 2, (int)(left * 1e3) + 1) <= 0)
            continue;
        if (wait[0].revents != 0)
            take(&process->out);
        if (wait[1].revents != 0)
            take(&process->err);
    }
}

static int wait_end(run_process *process)
{
    int status;
    for (;;) {
        pid_t ended = waitpid(process->pid, &status, WNOHANG);
        ck_assert_int_ge(ended, 0);
        if (ended == process->pid)
            return status;
        if (elapsed(&process->began) > process->seconds)
            kill_late(process);
        poll(NULL, 0, STEP_MS / 10);
    }
}

static char *text_of(stream *from)
{
    char *text = from->text != NULL ? from->text : calloc(1, 1);
    ck_assert_ptr_nonnull(text);
    text[from->bytes] = '\0';
    return text;
}

void run_finish(run_process *process, run_result *out)
{
    read_all(process);
    int status = wait_end(process);
    *out = (run_result){
        .code = WIFEXITED(status) ? WEXITSTATUS(status) : -1,
        .signal = WIFSIGNALED(status) ? WTERMSIG(status) : 0,
        .out = text_of(&process->out),
        .err = text_of(&process->err),
        .out_bytes = process->out.bytes,
        .err_bytes = process->err.bytes,
    };
    ck_assert_msg(out->code != 126, "%s", out->err);
    free(process);
}

void run_command(const char *const *args, const run_options *options, run_result *out)
{
    run_finish(run_start(args, options), out);
}

void run_free(run_result *result)
{
    free(result->out);
    free(result->err);
    *result = (run_result){ 0 };
}

/* -- Words ------------------------------------------------------------------------------------- */

void run_split(const char *line, char *room, size_t room_bytes, const char **words)
{
    int count = 0;
    ck_assert_msg(strlen(line) < room_bytes, "too long: %s", line);
    for (;;) {
        line += strspn(line, " ");
        if (*line == '\0')
            break;
        ck_assert_int_lt(count, RUN_MAX_ARGS);
        words[count++] = room;
        for (bool quoted = false; *line != '\0' && (quoted || *line != ' '); line++) {
            if (*line == '\'')
                quoted = !quoted;
            else
                *room++ = *line;
        }
        *room++ = '\0';
        if (words[count - 1][0] == '@')
            words[count - 1] = shared_file("%s", words[count - 1] + 1);
    }
    words[count] = NULL;
}

void run_line(const char *line, const run_options *options, run_result *out)
{
    char room[2048];
    const char *words[RUN_MAX_ARGS + 1];
    run_split(line, room, sizeof room, words);
    run_command(words, options, out);
}

/* -- Verdicts ---------------------------------------------------------------------------------- */

int run_lines(const char *text)
{
    int lines = 0;
    for (; *text != '\0'; text++)
        lines += *text == '\n' || text[1] == '\0';
    return lines;
}

static void check_names(const char *err, const char *names, const char *what)
{
    char word[512];
    while (*names != '\0') {
        size_t length = strcspn(names, "|");
        snprintf(word, sizeof word, "%.*s", (int)length, names);
        if (strstr(err, word) == NULL)
            ck_abort_msg("%s: the line does not name '%s': %s", what, word, err);
        names += length + (names[length] == '|');
    }
}

void run_check_refused(const run_result *result, int code, const char *names, const char *what)
{
    const char *err = result->err;
    if (result->signal != 0)
        ck_abort_msg("%s: ended by signal %d: %s", what, result->signal, err);
    if (result->code != code)
        ck_abort_msg("%s: exit code %d, not %d: %s", what, result->code, code, err);
    if (result->out_bytes != 0)
        ck_abort_msg("%s: stdout is not empty: %.200s", what, result->out);
    if (strncmp(err, "seine: ", 7) != 0 || run_lines(err) != 1 ||
        err[result->err_bytes - 1] != '\n')
        ck_abort_msg("%s: not one line 'seine: ...': %s", what, err);
    for (size_t i = 0; i + 1 < result->err_bytes; i++)
        if ((unsigned char)err[i] < 0x20 || err[i] == 0x7f)
            ck_abort_msg("%s: a control character (%d) in: %s", what, err[i], err);
    check_names(err, names, what);
}

void run_check_done(const run_result *result, const char *what)
{
    if (result->signal != 0 || result->code != 0)
        ck_abort_msg("%s: exit code %d, signal %d: %s", what, result->code, result->signal,
                     result->err);
    if (result->err_bytes != 0)
        ck_abort_msg("%s: stderr is not empty: %s", what, result->err);
}
