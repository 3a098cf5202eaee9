/* SPDX-License-Identifier: Apache-2.0 */
/* Messages with descriptors over SOCK_SEQPACKET pairs.
 *
 * Sockets stay in blocking mode and every call says MSG_DONTWAIT: waiting is done in poll, where it has
 * a deadline. The mode of a socket belongs to both processes, so it is not touched. */
#include "ipc/shm/pass.h"

#include "ipc/sync/deadline.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

/* How long to wait when too many descriptors of this user are on their way: nothing tells the end. */
static const int64_t busy_ns = 1000000;

/* Room for the descriptors of one message, aligned as the system wants it. */
typedef union control {
    char bytes[CMSG_SPACE(SN__PASS_MAX_FDS * sizeof(int))];
    struct cmsghdr align;
} control;

/* -- Pairs ------------------------------------------------------------------------------------- */

/* Moves a descriptor above 2: a program that closed its standard streams may still print to them. */
static sn_status lift(int *fd)
{
    if (*fd > STDERR_FILENO)
        return SN_OK;
    int lifted = fcntl(*fd, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
    if (lifted < 0)
        return sn__fail_errno("socket pair: cannot move descriptor %d", *fd);
    close(*fd);
    *fd = lifted;
    return SN_OK;
}

sn_status sn__pass_pair(int ends[2])
{
    int made[2];
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, made) != 0)
        return sn__fail_errno("cannot make a socket pair");
    sn_status st = lift(&made[0]);
    if (st == SN_OK)
        st = lift(&made[1]);
    if (st != SN_OK) {
        close(made[0]);
        close(made[1]);
        return st;
    }
    ends[0] = made[0];
    ends[1] = made[1];
    return SN_OK;
}

/* -- Sending ----------------------------------------------------------------------------------- */

static bool peer_is_gone(int error)
{
    return error == EPIPE || error == ECONNRESET || error == ECONNREFUSED || error == ENOTCONN;
}

sn_status sn__pass_send(int socket, const sn__outgoing *message, int64_t deadline_ns)
{
    control space = { 0 };
    struct iovec part = { .iov_base = (void *)(uintptr_t)message->bytes,
                          .iov_len = message->count };
    struct msghdr header = { .msg_iov = &part, .msg_iovlen = 1 };
    if (message->count == 0 || message->num_fds > SN__PASS_MAX_FDS)
        return sn__fail(SN_E_INVALID, "socket %d: a message of %zu bytes with %zu descriptors",
                        socket, message->count, message->num_fds);
    if (message->num_fds > 0) {
        size_t bytes = message->num_fds * sizeof(int);
        space.align = (struct cmsghdr){ .cmsg_len = CMSG_LEN(bytes),
                                        .cmsg_level = SOL_SOCKET,
                                        .cmsg_type = SCM_RIGHTS };
        memcpy(CMSG_DATA(&space.align), message->fds, bytes);
        header.msg_control = &space;
        header.msg_controllen = CMSG_SPACE(bytes);
    }
    for (;;) {
        if (sendmsg(socket, &header, MSG_NOSIGNAL | MSG_DONTWAIT) >= 0)
            return SN_OK; /* whole: the socket keeps messages together */
        if (errno == EAGAIN)
            SN_TRY(sn__deadline_poll(socket, POLLOUT, deadline_ns));
        else if (errno == ETOOMANYREFS)
            SN_TRY(sn__deadline_pause(busy_ns, deadline_ns));
        else if (peer_is_gone(errno))
            return SN_E_CLOSED;
        else if (errno != EINTR)
            return sn__fail_errno("socket %d: cannot send %zu bytes", socket, message->count);
    }
}

/* -- Receiving --------------------------------------------------------------------------------- */

/* One call that does not wait: the message's length, or -1 and errno. A peer that died with unread
 * messages is reported once, before what it had sent itself: that is asked for again. */
static ssize_t receive_once(int socket, struct msghdr *header)
{
    bool reset = false;
    for (;;) {
        struct msghdr tried = *header;
        ssize_t got = recvmsg(socket, &tried, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
        if (got < 0 && (errno == EINTR || (errno == ECONNRESET && !reset))) {
            reset = errno == ECONNRESET || reset;
            continue;
        }
        *header = tried;
        return got;
    }
}

/* The descriptors that came with a message. */
static size_t take_fds(struct msghdr *header, int fds[SN__PASS_MAX_FDS])
{
    size_t count = 0;
    for (struct cmsghdr *at = CMSG_FIRSTHDR(header); at != NULL; at = CMSG_NXTHDR(header, at)) {
        if (at->cmsg_level != SOL_SOCKET || at->cmsg_type != SCM_RIGHTS)
            continue;
        size_t more = (at->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        if (more > SN__PASS_MAX_FDS - count)
            more = SN__PASS_MAX_FDS - count; /* cannot be: there was no room for more */
        memcpy(fds + count, CMSG_DATA(at), more * sizeof(int));
        count += more;
    }
    return count;
}

/* Hands over what came, or closes it. */
static sn_status deliver(int socket, struct msghdr *header, size_t got, sn__incoming *message)
{
    int fds[SN__PASS_MAX_FDS];
    size_t count = take_fds(header, fds);
    sn_status st = SN_OK;
    if (header->msg_flags & MSG_TRUNC)
        st = sn__fail(SN_E_CORRUPT, "socket %d: a message of more than %zu bytes", socket,
                      message->capacity);
    else if ((header->msg_flags & MSG_CTRUNC) || count > message->max_fds)
        st = sn__fail(SN_E_CORRUPT,
                      "socket %d: a message with more descriptors than %zu, or than may be open",
                      socket, message->max_fds);
    else if (got == 0)
        st = SN_E_CLOSED; /* a message without a byte is none of ours */
    for (size_t i = 0; i < count; i++) {
        if (st != SN_OK)
            close(fds[i]);
        else
            message->fds[i] = fds[i];
    }
    if (st == SN_OK) {
        message->count = got;
        message->num_fds = count;
    }
    return st;
}

sn_status sn__pass_receive(int socket, sn__incoming *message, int64_t deadline_ns)
{
    for (;;) {
        control space = { 0 };
        struct iovec part = { .iov_base = message->bytes, .iov_len = message->capacity };
        struct msghdr header = {
            .msg_iov = &part, .msg_iovlen = 1, .msg_control = &space, .msg_controllen = sizeof space
        };
        ssize_t got = receive_once(socket, &header);
        if (got >= 0)
            return deliver(socket, &header, (size_t)got, message);
        if (peer_is_gone(errno))
            return SN_E_CLOSED;
        if (errno != EAGAIN)
            return sn__fail_errno("socket %d: cannot receive", socket);
        SN_TRY(sn__deadline_poll(socket, POLLIN, deadline_ns));
    }
}
