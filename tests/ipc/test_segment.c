/* SPDX-License-Identifier: Apache-2.0 */
/* Segments: what is made is whole, what fails leaves nothing, and what a peer passes is looked at. */
#include "ipc/shm/segment.h"

#include "base/run.h"
#include "data/support/folder.h"
#include "ipc/faults.h"
#include "support/leftovers.h"
#include "support/scale.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

enum { BYTES = 1000001, HUGE = 2 << 20 };
#define MARK "ipc-test"

/* -- What is left ------------------------------------------------------------------------------ */

static int files_before;

static void remember(void)
{
    files_before = count_open_files();
}

static bool has_names(void)
{
    bool found = false;
    DIR *dir = opendir("/dev/shm");
    if (dir == NULL)
        return false;
    for (struct dirent *entry = readdir(dir); entry != NULL; entry = readdir(dir))
        found = found || strncmp(entry->d_name, "seine-", 6) == 0;
    closedir(dir);
    return found;
}

/* Another run of this test, elsewhere, has such names for moments. */
static bool keeps_names(void)
{
    for (int i = 0; i < 500 && has_names(); i++)
        usleep(10000);
    return has_names();
}

static void check_nothing_left(void)
{
    ck_assert_int_eq(count_open_files(), files_before);
    ck_assert_int_eq(count_mappings("memfd:"), 0);
    ck_assert_int_eq(count_mappings("/dev/shm"), 0);
    ck_assert(!keeps_names());
}

/* Bit 63 of a page's entry says that the page tables have it. A page that the kernel is moving is away
 * for a moment, or until the thread that moves it gets a core again; one that was not populated stays away. */
static bool is_present(int pagemap, uintptr_t page)
{
    for (int looks = 0; looks < 1000; looks++) {
        uint64_t entry = 0;
        ck_assert_int_eq(pread(pagemap, &entry, sizeof entry, (off_t)(page * sizeof entry)),
                         sizeof entry);
        if (entry >> 63 == 1)
            return true;
        usleep(2000);
    }
    return false;
}

static bool is_populated(const uint8_t *base, size_t bytes)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    int pagemap = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
    ck_assert_int_ge(pagemap, 0);
    bool all = true;
    for (size_t at = 0; at < bytes && all; at += page)
        all = is_present(pagemap, ((uintptr_t)base + at) / page);
    close(pagemap);
    return all;
}

static bool holds_only(const uint8_t *base, size_t bytes, uint8_t value)
{
    return base[0] == value && memcmp(base, base + 1, bytes - 1) == 0;
}

static sn__segment make(size_t bytes)
{
    sn__segment made = SN__SEGMENT_NONE;
    ck_ok(sn__segment_create(MARK, bytes, &made));
    return made;
}

static void drop(sn__segment *segment)
{
    sn__segment_unmap(segment);
    sn__segment_close_fd(segment);
}

/* -- Making ------------------------------------------------------------------------------------ */

START_TEST(segment_is_zero_sealed_and_all_there)
{
    static const size_t sizes[] = { 1, 4096, 4097, BYTES, HUGE - 1, HUGE, 3 * HUGE + 5 };
    size_t bytes = sizes[_i];
    sn__segment made = make(bytes);
    struct stat info;
    ck_assert_uint_eq(made.bytes, bytes);
    ck_assert_int_eq(fstat(made.fd, &info), 0);
    ck_assert_int_eq(info.st_size, (off_t)bytes);
    ck_assert_int_eq(info.st_blocks * 512 >= (off_t)bytes, 1);
    ck_assert_int_eq(fcntl(made.fd, F_GETFD), FD_CLOEXEC);
    ck_assert_int_eq(ftruncate(made.fd, (off_t)bytes - 1), -1);
    ck_assert_int_eq(ftruncate(made.fd, (off_t)bytes + 1), -1);
    ck_assert_int_eq(fcntl(made.fd, F_ADD_SEALS, F_SEAL_FUTURE_WRITE), -1);
    ck_assert_int_eq(count_mappings("memfd:" MARK), 1);
    ck_assert(is_populated(made.base, bytes));
    ck_assert(holds_only(made.base, bytes, 0));
    if (bytes >= HUGE) /* so that huge pages can be used */
        ck_assert_uint_eq((uintptr_t)made.base % HUGE, 0);
    drop(&made);
    check_nothing_left();
}
END_TEST

START_TEST(segment_is_written_without_a_page_fault)
{
    sn__segment made = make(BYTES), other = SN__SEGMENT_NONE;
    ck_ok(sn__segment_attach(dup(made.fd), BYTES, &other));
    struct rusage before, after;
    memset(made.base, 1, 1); /* the code of memset is there */
    getrusage(RUSAGE_SELF, &before);
    memset(made.base, 1, BYTES);
    memset(other.base, 2, BYTES);
    getrusage(RUSAGE_SELF, &after);
    /* A few come from elsewhere (under ASan its shadow); each mapping that was not populated would cost
     * one for each of its pages. */
    ck_assert_int_le(after.ru_minflt - before.ru_minflt, BYTES / 4096 / 2);
    ck_assert_uint_eq(made.base[BYTES - 1], 2);
    drop(&made);
    drop(&other);
}
END_TEST

START_TEST(segment_closed_and_unmapped_again_stays_so)
{
    sn__segment none = SN__SEGMENT_NONE, made = make(BYTES);
    drop(&none);
    ck_assert_int_eq(none.fd, -1);
    sn__segment_close_fd(&made);
    ck_assert_int_eq(made.fd, -1);
    made.base[BYTES - 1] = 7; /* still mapped */
    int next = dup(0);        /* takes the number that was closed */
    sn__segment_close_fd(&made);
    ck_assert_int_ge(fcntl(next, F_GETFD), 0);
    close(next);
    sn__segment_unmap(&made);
    ck_assert_ptr_null(made.base);
    ck_assert_uint_eq(made.bytes, 0);
    sn__segment_unmap(&made);
    check_nothing_left();
}
END_TEST

/* Neighbours in memory are not touched when a large one is placed and taken away. */
START_TEST(segments_that_are_large_lie_side_by_side)
{
    sn__segment all[24];
    for (size_t i = 0; i < 24; i++) {
        all[i] = make(HUGE + i * 5000);
        memset(all[i].base, (int)i, all[i].bytes);
    }
    for (size_t i = 0; i < 24; i += 2)
        drop(&all[i]);
    for (size_t i = 1; i < 24; i += 2) {
        ck_assert(holds_only(all[i].base, all[i].bytes, (uint8_t)i));
        drop(&all[i]);
    }
    check_nothing_left();
}
END_TEST

static size_t address_space(void)
{
    size_t pages = 0;
    FILE *file = fopen("/proc/self/statm", "r");
    ck_assert_ptr_nonnull(file);
    ck_assert_int_eq(fscanf(file, "%zu", &pages), 1);
    fclose(file);
    return pages;
}

START_TEST(segment_that_is_large_when_a_mapping_fails_leaves_no_hole)
{
    sn__segment made = SN__SEGMENT_NONE;
    made = make(HUGE + 1); /* what is needed once is there */
    drop(&made);
    size_t before = address_space();
    for (int i = 0; i < 8; i++) {
        fault_arm(FAULT_mmap, 1 + _i, 0, ENOMEM);
        ck_fails(sn__segment_create(MARK, HUGE + 1, &made), SN_E_NOMEM, "cannot map");
        ck_assert_int_eq(fault_disarm(), 1);
        check_nothing_left();
    }
    ck_assert_uint_lt(address_space(), before + HUGE / 4096);
    for (int i = 0; i < 8; i++) {
        made = make(HUGE + 1);
        drop(&made);
    }
    ck_assert_uint_lt(address_space(), before + HUGE / 4096);
}
END_TEST

/* Whether the system grants them is its own affair; the bytes are the same. */
START_TEST(segment_that_asks_for_huge_pages_keeps_its_bytes)
{
    size_t bytes = _i == 0 ? BYTES : 2 * HUGE + 5;
    if (_i == 2)
        setenv("SEINE_HUGE_PAGES", "never", 1);
    sn__segment made = make(bytes);
    memset(made.base, 'h', bytes);
    fault_arm(FAULT_calloc, 0, -1, 0);
    sn__segment_ask_huge(&made);
    ck_assert_int_eq(fault_calls(FAULT_madvise), _i == 1 ? 2 : 0);
    ck_assert(holds_only(made.base, bytes, 'h'));
    ck_assert_int_eq(ftruncate(made.fd, 1), -1);
    drop(&made);
    check_nothing_left();
}
END_TEST

/* -- Limits ------------------------------------------------------------------------------------ */

static const struct {
    uint64_t available, headroom;
    size_t bytes;
    const char *texts[2]; /* NULL: it is made */
} limits[] = {
    { 20000, 20000, 20000, { NULL } },
    { UINT64_MAX, UINT64_MAX, 20000, { NULL } },
    { UINT64_MAX, 20000, 20000, { NULL } },
    { 19999, 50000, 20000, { "20000 bytes", "available on this machine: 19999 bytes" } },
    { 50000, 19999, 20000, { "50000 bytes", "left by the control group: 19999 bytes" } },
    { 19999, UINT64_MAX, 20000, { "19999 bytes", "no limit" } },
    { UINT64_MAX, 0, 1, { "unknown", "0 bytes" } },
    { UINT64_MAX, UINT64_MAX, SIZE_MAX, { "18446744073709551615", "unknown" } },
};

START_TEST(segment_larger_than_what_is_granted_is_refused_before_anything_is_reserved)
{
    sn__segment made = SN__SEGMENT_NONE;
    sn__memory granted = { .available = limits[_i].available, .headroom = limits[_i].headroom };
    fault_memory(&granted);
    fault_arm(FAULT_calloc, 0, -1, 0);
    sn_status status = sn__segment_create(MARK, limits[_i].bytes, &made);
    if (limits[_i].texts[0] == NULL) {
        ck_assert_int_eq(status, SN_OK);
        drop(&made);
    } else {
        ck_assert_int_eq(status, SN_E_NOMEM);
        check_detail("segment " MARK, __FILE__, __LINE__);
        check_detail(limits[_i].texts[0], __FILE__, __LINE__);
        check_detail(limits[_i].texts[1], __FILE__, __LINE__);
        ck_assert_int_eq(fault_calls(FAULT_memfd_create), 0);
        ck_assert_int_eq(made.fd, -1);
    }
    check_nothing_left();
}
END_TEST

START_TEST(segment_of_nothing_is_refused)
{
    sn__segment made = SN__SEGMENT_NONE;
    ck_fails(sn__segment_create(MARK, 0, &made), SN_E_INVALID, "segment " MARK ": 0 bytes");
    ck_fails(sn__segment_attach(open("/dev/zero", O_RDWR), 0, &made), SN_E_INVALID, "0 bytes");
    check_nothing_left();
}
END_TEST

/* -- Failing calls ----------------------------------------------------------------------------- */

static const struct {
    enum fault function;
    int more, error;
    sn_status status; /* SN_OK: it is made all the same */
} faults[] = {
    { FAULT_memfd_create, 0, EMFILE, SN_E_SYSTEM },
    { FAULT_memfd_create, 0, ENFILE, SN_E_SYSTEM },
    { FAULT_memfd_create, 0, ENOMEM, SN_E_NOMEM },
    { FAULT_memfd_create, 0, EINVAL, SN_OK }, /* a flag that it does not know */
    { FAULT_posix_fallocate, 0, ENOSPC, SN_E_NOMEM },
    { FAULT_posix_fallocate, 0, ENOMEM, SN_E_NOMEM },
    { FAULT_posix_fallocate, 0, EIO, SN_E_SYSTEM },
    { FAULT_posix_fallocate, 0, EINTR, SN_OK },
    { FAULT_posix_fallocate, 30, EINTR, SN_OK },
    { FAULT_fcntl, 0, EPERM, SN_E_SYSTEM },
    { FAULT_mmap, 0, ENOMEM, SN_E_NOMEM },
    { FAULT_mmap, 0, EPERM, SN_E_SYSTEM },
    { FAULT_madvise, 0, ENOMEM, SN_E_NOMEM },
    { FAULT_madvise, 0, EFAULT, SN_E_SYSTEM },
    { FAULT_madvise, 3, EINTR, SN_OK },
    { FAULT_madvise, 3, EAGAIN, SN_OK },
    { FAULT_madvise, 0, EINVAL, SN_OK }, /* an older kernel */
};

START_TEST(segment_when_a_call_fails_leaves_nothing)
{
    sn__segment made = { .base = (uint8_t *)&made, .bytes = 5, .fd = -7 };
    sn__memory plenty = { UINT64_MAX, UINT64_MAX, UINT64_MAX };
    fault_memory(&plenty); /* or it would open files */
    fault_arm(faults[_i].function, 1, faults[_i].more, faults[_i].error);
    sn_status status = sn__segment_create(MARK, BYTES, &made);
    ck_assert_int_eq(fault_disarm(), faults[_i].more + 1);
    ck_assert_msg(status == faults[_i].status, "%s %d: %s", fault_name(faults[_i].function),
                  faults[_i].error, sn_error_detail());
    if (status == SN_OK) {
        ck_assert(is_populated(made.base, BYTES));
        ck_assert_int_eq(ftruncate(made.fd, 1), -1);
        made.base[BYTES - 1] = 1;
        drop(&made);
    } else {
        check_detail("segment " MARK, __FILE__, __LINE__);
        ck_assert_ptr_eq(made.base, &made); /* as before */
        ck_assert_int_eq(made.fd, -7);
    }
    check_nothing_left();
}
END_TEST

static int timer_signals;

static void count_signal(int signal)
{
    (void)signal;
    timer_signals++;
}

/* A profiler's timer that is faster than the reservation of the whole. */
START_TEST(segment_under_a_fast_timer_is_made)
{
    struct sigaction action = { .sa_handler = count_signal };
    struct itimerval fast = { { 0, 300 }, { 0, 300 } }, none = { { 0, 0 }, { 0, 0 } };
    size_t bytes = (size_t)sn_test_scale(512) << 20;
    sigaction(SIGALRM, &action, NULL);
    setitimer(ITIMER_REAL, &fast, NULL);
    sn__segment made = make(bytes);
    setitimer(ITIMER_REAL, &none, NULL);
    ck_assert_int_gt(timer_signals, 0);
    ck_assert(is_populated(made.base, bytes));
    drop(&made);
}
END_TEST

/* -- Without memfd ----------------------------------------------------------------------------- */

START_TEST(segment_without_memfd_has_its_name_for_a_moment_only)
{
    static const int refusals[] = { ENOSYS, EPERM, EACCES, EINVAL };
    sn__segment made = SN__SEGMENT_NONE, other = SN__SEGMENT_NONE;
    fault_arm(FAULT_memfd_create, 1, 1, refusals[_i]);
    ck_ok(sn__segment_create(MARK, BYTES, &made));
    ck_assert_int_ge(fault_disarm(), 1);
    ck_assert_int_eq(fault_calls(FAULT_shm_open), 1);
    ck_assert(!keeps_names());
    ck_assert_int_eq(count_mappings("/dev/shm/seine-"), 1);
    ck_assert_int_eq(fcntl(made.fd, F_GETFD), FD_CLOEXEC);
    ck_assert(is_populated(made.base, BYTES));
    ck_ok(sn__segment_attach(dup(made.fd), BYTES, &other));
    made.base[5] = 9;
    ck_assert_uint_eq(other.base[5], 9);
    drop(&made);
    drop(&other);
    check_nothing_left();
}
END_TEST

static const struct {
    enum fault function;
    int more, error;
    sn_status status;
} unnamed[] = {
    { FAULT_shm_open, 0, EEXIST, SN_OK },
    { FAULT_shm_open, 14, EEXIST, SN_OK },
    { FAULT_shm_open, 99, EEXIST, SN_E_SYSTEM },
    { FAULT_shm_open, 0, EACCES, SN_E_SYSTEM },
    { FAULT_getrandom, 0, ENOSYS, SN_E_SYSTEM },
    { FAULT_posix_fallocate, 0, ENOSPC, SN_E_NOMEM }, /* a small /dev/shm */
    { FAULT_mmap, 0, ENOMEM, SN_E_NOMEM },
    { FAULT_madvise, 0, ENOMEM, SN_E_NOMEM },
};

START_TEST(segment_without_memfd_when_a_call_fails_leaves_nothing)
{
    sn__segment made = SN__SEGMENT_NONE;
    fault_arm(FAULT_memfd_create, 1, 99, EPERM);
    fault_also(unnamed[_i].function, 1, unnamed[_i].more, unnamed[_i].error);
    sn_status status = sn__segment_create(MARK, BYTES, &made);
    ck_assert_int_ge(fault_disarm(), 2);
    ck_assert_msg(status == unnamed[_i].status, "%s %d: %s", fault_name(unnamed[_i].function),
                  unnamed[_i].error, sn_error_detail());
    if (status == SN_OK)
        drop(&made);
    else
        check_detail("segment " MARK, __FILE__, __LINE__);
    check_nothing_left();
}
END_TEST

/* -- Attaching --------------------------------------------------------------------------------- */

START_TEST(segment_attached_by_another_process_is_the_same_memory)
{
    sn__segment made = make(BYTES);
    pid_t child = fork();
    if (child == 0) { /* no checks of the test engine here */
        sn__segment other = SN__SEGMENT_NONE;
        sn__segment_unmap(&made);
        bool good = sn__segment_attach(made.fd, BYTES, &other) == SN_OK && other.fd == -1 &&
                    other.bytes == BYTES && fcntl(made.fd, F_GETFD) == -1 &&
                    is_populated(other.base, BYTES);
        if (good)
            memset(other.base, 'w', BYTES);
        _exit(good ? 0 : 1);
    }
    int status = -1;
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert_int_eq(status, 0);
    ck_assert(holds_only(made.base, BYTES, 'w'));
    drop(&made);
    check_nothing_left();
}
END_TEST

START_TEST(segment_attached_by_its_beginning_has_that_many_bytes)
{
    sn__segment made = make(BYTES), other = SN__SEGMENT_NONE;
    ck_ok(sn__segment_attach(dup(made.fd), 10, &other));
    ck_assert_uint_eq(other.bytes, 10);
    drop(&other);
    ck_fails(sn__segment_attach(dup(made.fd), BYTES + 1, &other), SN_E_CORRUPT, "1000001 bytes");
    ck_assert_ptr_null(other.base);
    drop(&made);
    check_nothing_left();
}
END_TEST

START_TEST(segment_attached_for_reading_cannot_be_written)
{
    size_t bytes = _i == 0 ? BYTES : HUGE + 1;
    sn__segment made = make(bytes), other = SN__SEGMENT_NONE;
    int fd = dup(made.fd);
    memset(made.base, 'r', bytes);
    ck_ok(sn__segment_attach_read(fd, bytes, &other));
    ck_assert_int_eq(fcntl(fd, F_GETFD), -1);
    ck_assert_int_eq(other.fd, -1);
    ck_assert_uint_eq(other.bytes, bytes);
    ck_assert(holds_only(other.base, bytes, 'r'));
    ck_assert_int_eq(mprotect(other.base, 4096, PROT_READ), 0);
    ck_assert_int_eq(count_mappings("r--s"), 1);
    drop(&other);
    ck_fails(sn__segment_attach_read(dup(made.fd), bytes + 1, &other), SN_E_CORRUPT, "bytes, not");
    fault_arm(FAULT_mmap, 1, 0, ENOMEM);
    ck_fails(sn__segment_attach_read(dup(made.fd), bytes, &other), SN_E_NOMEM, "cannot map");
    ck_fails(sn__segment_attach_read(-1, bytes, &other), SN_E_SYSTEM, "descriptor -1");
    ck_assert_ptr_null(other.base);
    drop(&made);
    check_nothing_left();
}
END_TEST

static int unsealed(unsigned flags, int seals)
{
    int fd = memfd_create("unsealed", MFD_CLOEXEC | flags);
    ck_assert_int_eq(ftruncate(fd, BYTES), 0);
    if (seals != 0)
        ck_assert_int_eq(fcntl(fd, F_ADD_SEALS, seals), 0);
    return fd;
}

/* A file on tmpfs cannot be sealed either, but has a name. */
static char file_name[64];

static int named_file(void)
{
    snprintf(file_name, sizeof file_name, "/test-of-segments-%d", (int)getpid());
    int fd = shm_open(file_name, O_RDWR | O_CREAT | O_EXCL, 0600);
    ck_assert_int_eq(ftruncate(fd, BYTES), 0);
    return fd;
}

START_TEST(segment_of_a_foreign_object_is_refused_and_its_descriptor_closed)
{
    int ends[2], fd = -1;
    sn__segment other = SN__SEGMENT_NONE;
    sn_status want = SN_E_CORRUPT;
    switch (_i) {
    case 0:
        fd = unsealed(MFD_ALLOW_SEALING, 0);
        break;
    case 1:
        fd = unsealed(MFD_ALLOW_SEALING, F_SEAL_GROW);
        break;
    case 2:
        fd = named_file();
        break;
    case 3:
        fd = open("/dev/zero", O_RDWR | O_CLOEXEC);
        break;
    case 4:
        ck_assert_int_eq(pipe2(ends, O_CLOEXEC), 0);
        fd = ends[0];
        close(ends[1]);
        break;
    case 5:
        fd = open("/", O_RDONLY | O_CLOEXEC);
        break;
    default: /* no descriptor at all */
        want = SN_E_SYSTEM;
    }
    ck_assert_int_eq(sn__segment_attach(fd, 4096, &other), want);
    if (file_name[0] != '\0')
        shm_unlink(file_name);
    check_detail("segment", __FILE__, __LINE__);
    ck_assert_ptr_null(other.base);
    check_nothing_left();
}
END_TEST

START_TEST(segment_attached_when_a_call_fails_closes_its_descriptor)
{
    static const enum fault failing[] = { FAULT_fstat, FAULT_mmap, FAULT_madvise };
    sn__segment made = make(BYTES), other = SN__SEGMENT_NONE;
    int fd = dup(made.fd);
    fault_arm(failing[_i], 1, 0, ENOMEM);
    ck_fails(sn__segment_attach(fd, BYTES, &other), SN_E_NOMEM, "segment");
    ck_assert_int_eq(fault_disarm(), 1);
    ck_assert_int_eq(fcntl(fd, F_GETFD), -1);
    ck_assert_ptr_null(other.base);
    drop(&made);
    check_nothing_left();
}
END_TEST

int main(void)
{
    TCase *cases = tcase_create("segment");
    tcase_set_timeout(cases, 60);
    tcase_add_checked_fixture(cases, leftovers_before, leftovers_after);
    tcase_add_checked_fixture(cases, remember, NULL);
    tcase_add_loop_test(cases, segment_is_zero_sealed_and_all_there, 0, 7);
    tcase_add_test(cases, segment_is_written_without_a_page_fault);
    tcase_add_test(cases, segments_that_are_large_lie_side_by_side);
    tcase_add_loop_test(cases, segment_that_is_large_when_a_mapping_fails_leaves_no_hole, 0, 2);
    tcase_add_loop_test(cases, segment_that_asks_for_huge_pages_keeps_its_bytes, 0, 3);
    tcase_add_test(cases, segment_closed_and_unmapped_again_stays_so);
    tcase_add_loop_test(cases,
                        segment_larger_than_what_is_granted_is_refused_before_anything_is_reserved,
                        0, (int)(sizeof limits / sizeof limits[0]));
    tcase_add_test(cases, segment_of_nothing_is_refused);
    tcase_add_loop_test(cases, segment_when_a_call_fails_leaves_nothing, 0,
                        (int)(sizeof faults / sizeof faults[0]));
    tcase_add_test(cases, segment_under_a_fast_timer_is_made);
    tcase_add_loop_test(cases, segment_without_memfd_has_its_name_for_a_moment_only, 0, 4);
    tcase_add_loop_test(cases, segment_without_memfd_when_a_call_fails_leaves_nothing, 0,
                        (int)(sizeof unnamed / sizeof unnamed[0]));
    tcase_add_test(cases, segment_attached_by_another_process_is_the_same_memory);
    tcase_add_test(cases, segment_attached_by_its_beginning_has_that_many_bytes);
    tcase_add_loop_test(cases, segment_attached_for_reading_cannot_be_written, 0, 2);
    tcase_add_loop_test(cases, segment_of_a_foreign_object_is_refused_and_its_descriptor_closed, 0,
                        7);
    tcase_add_loop_test(cases, segment_attached_when_a_call_fails_closes_its_descriptor, 0, 3);
    return run_cases("segment", cases);
}
