/* SPDX-License-Identifier: Apache-2.0 */
/* Segments: memfds, sealed against shrinking; where memfd_create is refused, objects of shm_open whose
 * name is removed at once.
 *
 * A memfd has no size limit, and a control group does not refuse memory, it kills. So the size is held
 * against what is granted first, and then all of it is reserved: whoever writes there later cannot
 * fail. Page tables are filled as well, so that the first writer of a page does not pay for it.
 *
 * I1  A mapped segment is never shorter than it says: it is sealed, or nobody has a name to open it by.
 *     (A process that was passed the descriptor of an unsealed one could still shrink it.) */
#include "ipc/shm/segment.h"

#include "base/cgroup.h"
#include "base/option.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#ifndef MFD_NOEXEC_SEAL
#    define MFD_NOEXEC_SEAL 0x0008U /* Linux 6.3 */
#endif
#ifndef MADV_POPULATE_WRITE
#    define MADV_POPULATE_WRITE 23 /* Linux 5.14 */
#endif

#ifndef MADV_COLLAPSE
#    define MADV_COLLAPSE 25 /* Linux 6.1 */
#endif

enum { NAME_TRIES = 16, HUGE_BYTES = 2 << 20 };
static const size_t most_bytes = (size_t)64 << 20, least_bytes = (size_t)64 << 10;

/* -- Making ------------------------------------------------------------------------------------ */

static void print_bytes(uint64_t bytes, const char *without, char out[48])
{
    if (bytes == UINT64_MAX)
        snprintf(out, 48, "%s", without);
    else
        snprintf(out, 48, "%" PRIu64 " bytes", bytes);
}

static sn_status check_size(const char *name, size_t bytes)
{
    char available[48], headroom[48];
    if (bytes == 0)
        return sn__fail(SN_E_INVALID, "segment %s: 0 bytes", name);
    sn__memory memory = sn__memory_granted("");
    if (bytes <= memory.available && bytes <= memory.headroom && bytes <= PTRDIFF_MAX)
        return SN_OK;
    print_bytes(memory.available, "unknown", available);
    print_bytes(memory.headroom, "no limit", headroom);
    return sn__fail(
        SN_E_NOMEM,
        "segment %s: %zu bytes are too many: available on this machine: %s; left by the "
        "control group: %s",
        name, bytes, available, headroom);
}

/* The name is there for a moment only. */
static sn_status open_unlinked(const char *name, int *out)
{
    static const char ours[] = "seine-"; /* every name there begins so, once */
    const char *rest = strncmp(name, ours, sizeof ours - 1) == 0 ? name + sizeof ours - 1 : name;
    for (int i = 0; i < NAME_TRIES; i++) {
        uint64_t random;
        char path[64]; /* shows in /proc what the segment is, as the name of a memfd does */
        if (getrandom(&random, sizeof random, 0) != (ssize_t)sizeof random)
            return sn__fail_errno("segment %s: no random name", name);
        snprintf(path, sizeof path, "/%s%.32s-%016" PRIx64, ours, rest, random);
        int fd = shm_open(path, O_RDWR | O_CREAT | O_EXCL, 0600);
        if (fd >= 0) {
            shm_unlink(path);
            *out = fd;
            return SN_OK;
        }
        if (errno != EEXIST)
            break;
    }
    return sn__fail_errno("segment %s: neither memfd_create nor shm_open makes it", name);
}

static sn_status open_object(const char *name, int *out, bool *sealable)
{
    const unsigned flags = MFD_CLOEXEC | MFD_ALLOW_SEALING;
    int fd = memfd_create(name, flags | MFD_NOEXEC_SEAL);
    if (fd < 0 && errno == EINVAL) /* an older kernel does not know that flag */
        fd = memfd_create(name, flags);
    *sealable = fd >= 0;
    if (fd < 0 && (errno == EMFILE || errno == ENFILE || errno == ENOMEM))
        return sn__fail_errno("segment %s: cannot make it", name);
    if (fd < 0)
        return open_unlinked(name, out);
    *out = fd;
    return SN_OK;
}

/* In pieces: a signal makes the system undo the whole request, so under a timer that is faster than
 * the request it would never be done. */
static sn_status reserve(const char *name, int fd, size_t bytes)
{
    size_t most = most_bytes;
    for (size_t done = 0; done < bytes;) {
        size_t piece = bytes - done < most ? bytes - done : most;
        int error = posix_fallocate(fd, (off_t)done, (off_t)piece);
        if (error == EINTR) {
            most = most > least_bytes ? most / 2 : most;
            continue;
        }
        if (error == ENOSPC) /* of the file system behind shm_open, or of the machine */
            return sn__fail(SN_E_NOMEM, "segment %s: no memory for bytes %zu to %zu of %zu", name,
                            done, done + piece, bytes);
        if (error != 0) {
            errno = error;
            return sn__fail_errno("segment %s: cannot reserve %zu bytes", name, bytes);
        }
        done += piece;
    }
    return SN_OK;
}

/* F_SEAL_SEAL: nor can a peer seal it against writing. */
static sn_status seal(const char *name, int fd)
{
    if (fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) != 0)
        return sn__fail_errno("segment %s: cannot seal it", name);
    return SN_OK;
}

/* -- Mapping ----------------------------------------------------------------------------------- */

/* Peers may write there already, so nothing is written. That reading is enough is a property of
 * shared memory: its pages are mapped writable at the first fault of any kind. */
static void touch(const uint8_t *base, size_t bytes)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    for (size_t at = 0; at < bytes; at += page)
        (void)*(const volatile uint8_t *)(base + at);
}

static sn_status populate(const char *name, uint8_t *base, size_t bytes)
{
    int result;
    do
        result = madvise(base, bytes, MADV_POPULATE_WRITE);
    while (result != 0 && (errno == EINTR || errno == EAGAIN));
    if (result != 0 && errno == EINVAL) { /* an older kernel */
        touch(base, bytes);
        return SN_OK;
    }
    return result == 0 ? SN_OK
                       : sn__fail_errno("segment %s: cannot populate %zu bytes", name, bytes);
}

/* Large ones at a multiple of a huge page, or none could be used: the middle of a larger hole. */
static void *map_aligned(int fd, size_t bytes, int protection)
{
    if (bytes < HUGE_BYTES)
        return mmap(NULL, bytes, protection, MAP_SHARED, fd, 0);
    size_t page = (size_t)sysconf(_SC_PAGESIZE), length = (bytes + page - 1) / page * page;
    uint8_t *hole = mmap(NULL, length + HUGE_BYTES, PROT_NONE,
                         MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (hole == MAP_FAILED)
        return MAP_FAILED;
    size_t before = (HUGE_BYTES - (uintptr_t)hole % HUGE_BYTES) % HUGE_BYTES;
    void *base = mmap(hole + before, bytes, protection, MAP_SHARED | MAP_FIXED, fd, 0);
    int error = errno;
    if (base == MAP_FAILED || before > 0)
        munmap(hole, base == MAP_FAILED ? length + HUGE_BYTES : before);
    if (base != MAP_FAILED)
        munmap(hole + before + length, HUGE_BYTES - before);
    errno = error;
    return base;
}

static sn_status map(const char *name, int fd, size_t bytes, uint8_t **out)
{
    void *base = map_aligned(fd, bytes, PROT_READ | PROT_WRITE);
    if (base == MAP_FAILED)
        return sn__fail_errno("segment %s: cannot map %zu bytes", name, bytes);
    sn_status st = populate(name, base, bytes);
    if (st != SN_OK) {
        munmap(base, bytes);
        return st;
    }
    *out = base;
    return SN_OK;
}

sn_status sn__segment_create(const char *name, size_t bytes, sn__segment *out)
{
    sn__segment made = { .bytes = bytes, .fd = -1 };
    bool sealable = false;
    SN_TRY(check_size(name, bytes));
    SN_TRY(open_object(name, &made.fd, &sealable));
    sn_status st = reserve(name, made.fd, bytes);
    if (st == SN_OK && sealable)
        st = seal(name, made.fd);
    if (st == SN_OK)
        st = map(name, made.fd, bytes, &made.base);
    if (st != SN_OK) {
        close(made.fd);
        return st;
    }
    *out = made;
    return SN_OK;
}

/* -- Attaching --------------------------------------------------------------------------------- */

/* I1: an object that could be sealed and is not, or that has a name, is none of ours. */
static sn_status check_object(int fd, size_t bytes)
{
    struct stat info;
    if (bytes == 0)
        return sn__fail(SN_E_INVALID, "segment: 0 bytes");
    if (fstat(fd, &info) != 0)
        return sn__fail_errno("segment: descriptor %d", fd);
    if (!S_ISREG(info.st_mode) || info.st_size < 0 || (uint64_t)info.st_size < bytes)
        return sn__fail(SN_E_CORRUPT, "segment: descriptor %d has %lld bytes, not %zu", fd,
                        (long long)info.st_size, bytes);
    int seals = fcntl(fd, F_GET_SEALS);
    bool cannot_be_sealed = seals < 0 || seals == F_SEAL_SEAL;
    if (cannot_be_sealed ? info.st_nlink > 0 : (seals & F_SEAL_SHRINK) == 0)
        return sn__fail(SN_E_CORRUPT, "segment: descriptor %d can be shortened", fd);
    return SN_OK;
}

sn_status sn__segment_attach(int fd, size_t bytes, sn__segment *out)
{
    sn__segment made = { .bytes = bytes, .fd = -1 };
    sn_status st = check_object(fd, bytes);
    if (st == SN_OK)
        st = map("of another process", fd, bytes, &made.base);
    if (fd >= 0)
        close(fd);
    if (st == SN_OK)
        *out = made;
    return st;
}

sn_status sn__segment_attach_read(int fd, size_t bytes, sn__segment *out)
{
    sn_status st = check_object(fd, bytes);
    void *base = NULL;
    if (st == SN_OK) {
        base = map_aligned(fd, bytes, PROT_READ);
        if (base == MAP_FAILED)
            st = sn__fail_errno("segment of another process: cannot map %zu bytes", bytes);
    }
    if (fd >= 0)
        close(fd);
    if (st == SN_OK)
        *out = (sn__segment){ .base = base, .bytes = bytes, .fd = -1 };
    return st;
}

/* Collapsing works where the system gives shared memory no huge pages by itself, which is the usual
 * case; an older kernel may take the advice. */
void sn__segment_ask_huge(const sn__segment *segment)
{
    if (segment->bytes < HUGE_BYTES || sn__option_value_or_default(SN__OPTION_HUGE_PAGES) != 0)
        return;
    (void)madvise(segment->base, segment->bytes, MADV_HUGEPAGE);
    (void)madvise(segment->base, segment->bytes, MADV_COLLAPSE);
}

void sn__segment_close_fd(sn__segment *segment)
{
    if (segment->fd >= 0)
        close(segment->fd);
    segment->fd = -1;
}

void sn__segment_unmap(sn__segment *segment)
{
    if (segment->base != NULL)
        munmap(segment->base, segment->bytes);
    segment->base = NULL;
    segment->bytes = 0;
}
