/* SPDX-License-Identifier: Apache-2.0 */
/* Messages with descriptors: whole, in order, within the deadline, and no descriptor is lost. */
#include "ipc/shm/pass.h"

#include "base/clock.h"
#include "base/run.h"
#include "data/support/folder.h"
#include "ipc/faults.h"
#include "ipc/sync/deadline.h"
#include "support/leftovers.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

enum { ROOM = 64, MS = 1000000 };

static int ends[2], files_before;
static char text[ROOM];
static int fds[SN__PASS_MAX_FDS];
static sn__incoming in;

static void make_pair(void)
{
    files_before = count_open_files();
    ck_ok(sn__pass_pair(ends));
    in = (sn__incoming){ .bytes = text, .capacity = ROOM, .fds = fds, .max_fds = SN__PASS_MAX_FDS };
}

static void close_ends(void)
{
    close(ends[0]);
    close(ends[1]);
    ck_assert_int_eq(count_open_files(), files_before);
}

static sn_status send_text(const char *words)
{
    return sn__pass_send(ends[0], &(sn__outgoing){ .bytes = words, .count = strlen(words) + 1 }, 0);
}

static void expect_text(const char *words)
{
    ck_ok(sn__pass_receive(ends[1], &in, 0));
    ck_assert_str_eq(text, words);
    ck_assert_uint_eq(in.count, strlen(words) + 1);
}

static bool same_file(int a, int b)
{
    struct stat left, right;
    return fstat(a, &left) == 0 && fstat(b, &right) == 0 && left.st_dev == right.st_dev &&
           left.st_ino == right.st_ino;
}

/* -- Messages ---------------------------------------------------------------------------------- */

START_TEST(messages_arrive_whole_and_in_order)
{
    ck_assert_int_eq(fcntl(ends[0], F_GETFD), FD_CLOEXEC);
    ck_assert_int_eq(fcntl(ends[1], F_GETFD), FD_CLOEXEC);
    ck_ok(send_text("one"));
    ck_ok(send_text("twenty-two"));
    expect_text("one");
    ck_assert_uint_eq(in.num_fds, 0);
    expect_text("twenty-two");
    close_ends();
}
END_TEST

START_TEST(message_of_every_number_of_descriptors_brings_them_all)
{
    int sent[SN__PASS_MAX_FDS];
    size_t count = (size_t)_i;
    for (size_t i = 0; i < count; i++) {
        sent[i] = memfd_create("passed", 0);
        ck_assert_int_eq(ftruncate(sent[i], (off_t)i), 0);
    }
    ck_ok(sn__pass_send(ends[0], &(sn__outgoing){ "x", 1, sent, count }, 0));
    ck_ok(sn__pass_receive(ends[1], &in, 0));
    ck_assert_uint_eq(in.num_fds, count);
    for (size_t i = 0; i < count; i++) {
        ck_assert_int_ne(fds[i], sent[i]);
        ck_assert(same_file(fds[i], sent[i]));
        ck_assert_int_eq(fcntl(fds[i], F_GETFD), FD_CLOEXEC);
        close(fds[i]);
        close(sent[i]);
    }
    close_ends();
}
END_TEST

START_TEST(message_without_a_byte_or_with_too_many_descriptors_is_not_sent)
{
    int many[SN__PASS_MAX_FDS + 1] = { 0 };
    ck_fails(sn__pass_send(ends[0], &(sn__outgoing){ "x", 0, NULL, 0 }, 0), SN_E_INVALID,
             "0 bytes");
    ck_fails(sn__pass_send(ends[0], &(sn__outgoing){ "x", 1, many, SN__PASS_MAX_FDS + 1 }, 0),
             SN_E_INVALID, "17 descriptors");
    ck_assert_int_eq(sn__pass_receive(ends[1], &in, 0), SN_E_AGAIN);
    close_ends();
}
END_TEST

/* What does not belong to us comes along and is left alone. */
START_TEST(message_with_credentials_is_received)
{
    int on = 1;
    ck_assert_int_eq(setsockopt(ends[1], SOL_SOCKET, SO_PASSCRED, &on, sizeof on), 0);
    ck_ok(send_text("named"));
    expect_text("named");
    ck_assert_uint_eq(in.num_fds, 0);
    close_ends();
}
END_TEST

START_TEST(pair_is_above_the_standard_streams)
{
    pid_t child = fork();
    if (child == 0) {
        int made[2] = { -1, -1 };
        close(0);
        close(1);
        close(2);
        bool good = sn__pass_pair(made) == SN_OK && made[0] > 2 && made[1] > 2 &&
                    fcntl(0, F_GETFD) == -1 && fcntl(1, F_GETFD) == -1 &&
                    fcntl(made[0], F_GETFD) == FD_CLOEXEC &&
                    fcntl(made[1], F_GETFD) == FD_CLOEXEC &&
                    sn__pass_send(made[0], &(sn__outgoing){ "x", 1, NULL, 0 }, 0) == SN_OK;
        fault_arm(FAULT_fcntl, 1 + _i, 0, EMFILE);
        good = good && (_i == 2 || sn__pass_pair(made) == SN_E_SYSTEM);
        good = good && fcntl(0, F_GETFD) == -1 && fcntl(1, F_GETFD) == -1;
        _exit(good ? 0 : 1);
    }
    int status = -1;
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert_int_eq(status, 0);
    close_ends();
}
END_TEST

/* -- Deadlines --------------------------------------------------------------------------------- */

static void ignore(int signal)
{
    (void)signal;
}

/* Interrupted all the time, which changes nothing. */
static void start_timer(int microseconds)
{
    struct sigaction action = { .sa_handler = ignore };
    struct itimerval timer = { { 0, microseconds }, { 0, microseconds } };
    sigaction(SIGALRM, &action, NULL);
    setitimer(ITIMER_REAL, &timer, NULL);
}

START_TEST(receive_of_nothing_ends_at_the_deadline)
{
    int64_t begin = sn__now_ns();
    start_timer(_i == 0 ? 0 : 1000);
    ck_assert_int_eq(sn__pass_receive(ends[1], &in, 0), SN_E_AGAIN);
    ck_assert_int_eq(sn__pass_receive(ends[1], &in, 1), SN_E_TIMEOUT);
    ck_assert_int_eq(sn__pass_receive(ends[1], &in, -5), SN_E_TIMEOUT);
    ck_assert_int_eq(sn__pass_receive(ends[1], &in, begin + 50 * MS), SN_E_TIMEOUT);
    ck_assert_int_ge(sn__now_ns() - begin, 50 * MS);
    start_timer(0);
    close_ends();
}
END_TEST

static void *send_later(void *argument)
{
    usleep(20000);
    sn_status *status = argument;
    *status = send_text("late");
    return NULL;
}

START_TEST(receive_waits_for_a_message)
{
    pthread_t thread;
    sn_status sent = SN_E_INTERNAL;
    ck_assert_int_eq(pthread_create(&thread, NULL, send_later, &sent), 0);
    ck_ok(sn__pass_receive(ends[1], &in, _i == 0 ? INT64_MAX : sn__now_ns() + (int64_t)60e9));
    ck_assert_str_eq(text, "late");
    pthread_join(thread, NULL);
    ck_ok(sent);
    close_ends();
}
END_TEST

/* All of them: a socket is said to have room when a good part of it is free. */
static void *receive_later(void *argument)
{
    const int *count = argument;
    usleep(20000);
    for (int i = 0; i < *count; i++)
        expect_text("fill");
    return NULL;
}

START_TEST(send_to_a_full_socket_waits_for_room)
{
    pthread_t thread;
    int sent = 0;
    while (send_text("fill") == SN_OK)
        ck_assert_int_lt(sent++, 1000000);
    ck_assert_int_gt(sent, 0);
    sn__outgoing more = { "more", 5, NULL, 0 };
    ck_assert_int_eq(sn__pass_send(ends[0], &more, 0), SN_E_AGAIN);
    ck_assert_int_eq(sn__pass_send(ends[0], &more, sn__now_ns() + 5 * MS), SN_E_TIMEOUT);
    ck_assert_int_eq(pthread_create(&thread, NULL, receive_later, &sent), 0);
    ck_ok(sn__pass_send(ends[0], &more, INT64_MAX));
    pthread_join(thread, NULL);
    expect_text("more");
    ck_assert_int_eq(sn__pass_receive(ends[1], &in, 0), SN_E_AGAIN);
    close_ends();
}
END_TEST

START_TEST(pause_ends_at_its_time_or_at_the_deadline)
{
    int64_t begin = sn__now_ns();
    ck_ok(sn__deadline_pause(20 * MS, INT64_MAX));
    ck_assert_int_ge(sn__now_ns() - begin, 20 * MS);
    begin = sn__now_ns();
    ck_ok(sn__deadline_pause((int64_t)3600e9, begin + 20 * MS));
    ck_assert_int_ge(sn__now_ns() - begin, 20 * MS);
    ck_assert_int_eq(sn__deadline_pause(MS, begin), SN_E_TIMEOUT);
    ck_assert_int_eq(sn__deadline_pause(MS, -1), SN_E_TIMEOUT);
    ck_assert_int_eq(sn__deadline_pause(MS, 0), SN_E_AGAIN);
    close_ends();
}
END_TEST

/* -- Ends -------------------------------------------------------------------------------------- */

START_TEST(peer_that_is_gone_is_heard_to_the_end)
{
    ck_ok(send_text("last"));
    ck_ok(send_text("words"));
    if (_i == 1) /* it dies with a message unread: the system says so before anything else */
        ck_ok(sn__pass_send(ends[1], &(sn__outgoing){ "unread", 7, NULL, 0 }, 0));
    close(ends[0]);
    expect_text("last");
    expect_text("words");
    ck_assert_int_eq(sn__pass_receive(ends[1], &in, 0), SN_E_CLOSED);
    ck_assert_int_eq(sn__pass_receive(ends[1], &in, INT64_MAX), SN_E_CLOSED);
    sn__outgoing to_nobody = { "x", 1, NULL, 0 };
    ck_assert_int_eq(sn__pass_send(ends[1], &to_nobody, INT64_MAX), SN_E_CLOSED); /* no SIGPIPE */
    close(ends[1]);
    ck_assert_int_eq(count_open_files(), files_before);
}
END_TEST

START_TEST(peer_that_is_killed_wakes_who_waits)
{
    pid_t child = fork();
    if (child == 0) {
        close(ends[1]);
        usleep(20000);
        raise(SIGKILL);
    }
    close(ends[0]);
    ck_assert_int_eq(sn__pass_receive(ends[1], &in, sn__now_ns() + (int64_t)60e9), SN_E_CLOSED);
    waitpid(child, NULL, 0);
    close(ends[1]);
}
END_TEST

/* -- Messages that are no good ----------------------------------------------------------------- */

/* What a peer can do that sn__pass_send does not. */
static void send_raw(const void *bytes, size_t count, size_t num_fds)
{
    union {
        char bytes[CMSG_SPACE(100 * sizeof(int))];
        struct cmsghdr align;
    } control = { .bytes = "" };
    struct iovec part = { .iov_base = (void *)(uintptr_t)bytes, .iov_len = count };
    struct msghdr header = { .msg_iov = &part, .msg_iovlen = 1 };
    if (num_fds > 0) {
        control.align = (struct cmsghdr){ .cmsg_len = CMSG_LEN(num_fds * sizeof(int)),
                                          .cmsg_level = SOL_SOCKET,
                                          .cmsg_type = SCM_RIGHTS };
        for (size_t i = 0; i < num_fds; i++)
            memcpy(CMSG_DATA(&control.align) + i * sizeof(int), &ends[0], sizeof(int));
        header.msg_control = &control;
        header.msg_controllen = CMSG_SPACE(num_fds * sizeof(int));
    }
    ck_assert_int_eq(sendmsg(ends[0], &header, 0), (ssize_t)count);
}

static const struct {
    size_t bytes, fds, max_fds;
    sn_status status;
    const char *detail;
} bad[] = {
    { ROOM, 2, 2, SN_OK, "" },
    { ROOM + 1, 0, 2, SN_E_CORRUPT, "more than 64 bytes" },
    { ROOM + 1, 2, 2, SN_E_CORRUPT, "more than 64 bytes" },
    { 9, 3, 2, SN_E_CORRUPT, "descriptors than 2" },
    { 9, 1, 0, SN_E_CORRUPT, "descriptors than 0" },
    { 9, SN__PASS_MAX_FDS + 1, SN__PASS_MAX_FDS, SN_E_CORRUPT, "descriptors than 16" },
    { 9, 100, SN__PASS_MAX_FDS, SN_E_CORRUPT, "descriptors than 16" },
    { 0, 0, 2, SN_E_CLOSED, "" },
    { 0, 2, 2, SN_E_CLOSED, "" },
};

START_TEST(message_that_does_not_fit_is_refused_with_all_its_descriptors)
{
    char big[2 * ROOM] = "";
    in.max_fds = bad[_i].max_fds;
    in.count = in.num_fds = 77;
    send_raw(big, bad[_i].bytes, bad[_i].fds);
    int open_files = count_open_files();
    ck_assert_int_eq(sn__pass_receive(ends[1], &in, 0), bad[_i].status);
    if (bad[_i].status == SN_OK) {
        ck_assert_uint_eq(in.num_fds, bad[_i].fds);
        for (size_t i = 0; i < in.num_fds; i++)
            close(fds[i]);
    } else {
        ck_assert_uint_eq(in.count, 77);
        ck_assert_uint_eq(in.num_fds, 77);
        check_detail(bad[_i].detail, __FILE__, __LINE__);
    }
    ck_assert_int_eq(count_open_files(), open_files);
    ck_ok(send_text("next")); /* the socket is as before */
    expect_text("next");
    close_ends();
}
END_TEST

START_TEST(message_whose_descriptors_cannot_be_opened_is_refused)
{
    struct rlimit before, few;
    send_raw("x", 2, 4);
    ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &before), 0);
    int lowest = dup(0); /* that one fits, the others do not */
    close(lowest);
    few = (struct rlimit){ .rlim_cur = (rlim_t)lowest + 1, .rlim_max = before.rlim_max };
    ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &few), 0);
    ck_fails(sn__pass_receive(ends[1], &in, 0), SN_E_CORRUPT, "than may be open");
    ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &before), 0);
    close_ends();
}
END_TEST

/* -- Failing calls ----------------------------------------------------------------------------- */

static const struct {
    enum fault function;
    int n, more, error;
    sn_status status;
} send_faults[] = {
    { FAULT_sendmsg, 1, 2, EINTR, SN_OK },
    { FAULT_sendmsg, 1, 2, ETOOMANYREFS, SN_OK }, /* others have not received theirs yet */
    { FAULT_sendmsg, 1, 0, EPIPE, SN_E_CLOSED },
    { FAULT_sendmsg, 1, 0, ECONNRESET, SN_E_CLOSED },
    { FAULT_sendmsg, 1, 0, ECONNREFUSED, SN_E_CLOSED },
    { FAULT_sendmsg, 1, 0, ENOTCONN, SN_E_CLOSED },
    { FAULT_sendmsg, 1, 0, ENOMEM, SN_E_NOMEM },
    { FAULT_sendmsg, 1, 0, EMSGSIZE, SN_E_SYSTEM },
    { FAULT_sendmsg, 1, 1, EAGAIN, SN_OK },
};

START_TEST(send_when_a_call_fails_says_so)
{
    sn__outgoing message = { "x", 2, NULL, 0 };
    fault_arm(send_faults[_i].function, send_faults[_i].n, send_faults[_i].more,
              send_faults[_i].error);
    ck_assert_int_eq(sn__pass_send(ends[0], &message, sn__now_ns() + (int64_t)60e9),
                     send_faults[_i].status);
    ck_assert_int_eq(fault_disarm(), send_faults[_i].more + 1);
    if (send_faults[_i].status == SN_OK)
        expect_text("x");
    fault_arm(FAULT_sendmsg, 1, 0, ETOOMANYREFS);
    ck_assert_int_eq(sn__pass_send(ends[0], &message, 0), SN_E_AGAIN);
    close_ends();
}
END_TEST

static const struct {
    enum fault function;
    int more, error;
    sn_status status;
} receive_faults[] = {
    { FAULT_recvmsg, 2, EINTR, SN_OK },
    { FAULT_recvmsg, 0, ECONNRESET, SN_OK },
    { FAULT_recvmsg, 1, ECONNRESET, SN_E_CLOSED },
    { FAULT_recvmsg, 0, ENOTCONN, SN_E_CLOSED },
    { FAULT_recvmsg, 0, EBADF, SN_E_SYSTEM },
    { FAULT_recvmsg, 0, ENOMEM, SN_E_NOMEM },
    { FAULT_recvmsg, 0, EAGAIN, SN_OK },
};

START_TEST(receive_when_a_call_fails_says_so)
{
    ck_ok(send_text("x"));
    fault_arm(receive_faults[_i].function, 1, receive_faults[_i].more, receive_faults[_i].error);
    ck_assert_int_eq(sn__pass_receive(ends[1], &in, sn__now_ns() + (int64_t)60e9),
                     receive_faults[_i].status);
    ck_assert_int_eq(fault_disarm(), receive_faults[_i].more + 1);
    close_ends();
}
END_TEST

START_TEST(wait_when_poll_fails_says_so)
{
    fault_arm(FAULT_ppoll, 1, 0, _i == 0 ? ENOMEM : EFAULT);
    ck_fails(sn__pass_receive(ends[1], &in, sn__now_ns() + MS), _i == 0 ? SN_E_NOMEM : SN_E_SYSTEM,
             "cannot wait");
    close_ends();
}
END_TEST

START_TEST(pair_when_it_cannot_be_made_says_so)
{
    int made[2] = { -3, -4 };
    fault_arm(FAULT_socketpair, 1, 0, EMFILE);
    ck_fails(sn__pass_pair(made), SN_E_SYSTEM, "socket pair");
    ck_assert_int_eq(made[0], -3);
    close_ends();
}
END_TEST

int main(void)
{
    TCase *cases = tcase_create("pass");
    tcase_set_timeout(cases, 60);
    tcase_add_checked_fixture(cases, leftovers_before, leftovers_after);
    tcase_add_checked_fixture(cases, make_pair, NULL);
    tcase_add_test(cases, messages_arrive_whole_and_in_order);
    tcase_add_loop_test(cases, message_of_every_number_of_descriptors_brings_them_all, 0,
                        SN__PASS_MAX_FDS + 1);
    tcase_add_test(cases, message_without_a_byte_or_with_too_many_descriptors_is_not_sent);
    tcase_add_test(cases, message_with_credentials_is_received);
    tcase_add_loop_test(cases, pair_is_above_the_standard_streams, 0, 3);
    tcase_add_loop_test(cases, receive_of_nothing_ends_at_the_deadline, 0, 2);
    tcase_add_loop_test(cases, receive_waits_for_a_message, 0, 2);
    tcase_add_test(cases, send_to_a_full_socket_waits_for_room);
    tcase_add_test(cases, pause_ends_at_its_time_or_at_the_deadline);
    tcase_add_loop_test(cases, peer_that_is_gone_is_heard_to_the_end, 0, 2);
    tcase_add_test(cases, peer_that_is_killed_wakes_who_waits);
    tcase_add_loop_test(cases, message_that_does_not_fit_is_refused_with_all_its_descriptors, 0,
                        (int)(sizeof bad / sizeof bad[0]));
    tcase_add_test(cases, message_whose_descriptors_cannot_be_opened_is_refused);
    tcase_add_loop_test(cases, send_when_a_call_fails_says_so, 0,
                        (int)(sizeof send_faults / sizeof send_faults[0]));
    tcase_add_loop_test(cases, receive_when_a_call_fails_says_so, 0,
                        (int)(sizeof receive_faults / sizeof receive_faults[0]));
    tcase_add_loop_test(cases, wait_when_poll_fails_says_so, 0, 2);
    tcase_add_test(cases, pair_when_it_cannot_be_made_says_so);
    return run_cases("pass", cases);
}
