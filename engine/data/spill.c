/* SPDX-License-Identifier: Apache-2.0 */
/* Nameless temporary files: made, reserved in full, mapped; read and written either way. */
#include "engine/data/spill.h"

#include "base/file.h"
#include "base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* Unlinked before anything is written: also where the file system has no O_TMPFILE. */
static sn_status open_nameless(const sn__writer *writer, int *out)
{
    char *path;
    SN_TRY(sn__writer_path(writer, "spill.tmp", &path));
    sn_status st = SN_OK;
    int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0)
        st = sn__fail_errno("%s: cannot create", path);
    else
        (void)unlink(path);
    sn__mem_free(path);
    *out = fd;
    return st;
}

sn_status sn__spill_make(const sn__writer *writer, size_t bytes, sn__spill *out)
{
    int fd = -1, error;
    bytes = bytes > 0 ? bytes : 1;
    if (bytes > INT64_MAX)
        return sn__fail(SN_E_NOMEM, "temporary file: %zu bytes", bytes);
    SN_TRY(open_nameless(writer, &fd));
    do
        error = posix_fallocate(fd, 0, (off_t)bytes);
    while (error == EINTR);
    sn_status st = SN_OK;
    void *data = MAP_FAILED;
    if (error != 0) {
        errno = error;
        st = sn__fail_errno("temporary file: cannot reserve %zu bytes", bytes);
    } else {
        data = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
        if (data == MAP_FAILED)
            st = sn__fail_errno("temporary file: cannot map %zu bytes", bytes);
    }
    if (st == SN_OK)
        *out = (sn__spill){ .data = data, .bytes = bytes, .fd = fd };
    else
        close(fd);
    return st;
}

/* Both may move less than asked for, and be interrupted. */
sn_status sn__spill_write(const sn__spill *spill, size_t offset, const void *data, size_t bytes)
{
    for (size_t done = 0; done < bytes;) {
        ssize_t n =
            pwrite(spill->fd, (const uint8_t *)data + done, bytes - done, (off_t)(offset + done));
        if (n < 0 && errno != EINTR)
            return sn__fail_errno("temporary file: cannot write %zu bytes", bytes);
        done += n > 0 ? (size_t)n : 0;
    }
    return SN_OK;
}

sn_status sn__spill_read(const sn__spill *spill, size_t offset, void *data, size_t bytes)
{
    for (size_t done = 0; done < bytes;) {
        ssize_t n = pread(spill->fd, (uint8_t *)data + done, bytes - done, (off_t)(offset + done));
        if (n == 0)
            return sn__fail(SN_E_SYSTEM, "temporary file: ends at %zu", offset + done);
        if (n < 0 && errno != EINTR)
            return sn__fail_errno("temporary file: cannot read %zu bytes", bytes);
        done += n > 0 ? (size_t)n : 0;
    }
    return SN_OK;
}

void sn__spill_forget(const sn__spill *spill, size_t offset, size_t bytes)
{
    sn__map map = { .data = spill->data, .bytes = spill->bytes };
    sn__map_forget(&map, offset, bytes); /* shared: changed pages are kept by the file */
}

void sn__spill_free(sn__spill *spill)
{
    if (spill->data != NULL) {
        munmap(spill->data, spill->bytes);
        close(spill->fd);
    }
    *spill = (sn__spill){ 0 };
}
