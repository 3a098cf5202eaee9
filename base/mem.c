/* SPDX-License-Identifier: Apache-2.0 */
/* Host memory: zeroed blocks, growing blocks, and pages straight from the system. */
#include "base/mem.h"

#include "base/option.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

enum { HUGE_BYTES = 2 << 20 };

sn_status sn__mem_zalloc(size_t count, size_t size, const char *what, void *out)
{
    size_t bytes;
    if (!sn__mul_size(count, size, &bytes))
        return sn__fail(SN_E_NOMEM, "%s: %zu elements of %zu bytes overflow", what, count, size);
    void *block = calloc(1, bytes > 0 ? bytes : 1);
    if (block == NULL)
        return sn__fail(SN_E_NOMEM, "%s: cannot allocate %zu bytes", what, bytes);
    *(void **)out = block;
    return SN_OK;
}

sn_status sn__mem_grow(void *block, size_t *capacity, size_t need, size_t size, const char *what)
{
    if (need <= *capacity)
        return SN_OK;
    size_t count = *capacity + *capacity / 2 < need ? need : *capacity + *capacity / 2;
    size_t bytes;
    if (!sn__mul_size(count, size, &bytes))
        return sn__fail(SN_E_NOMEM, "%s: %zu elements of %zu bytes overflow", what, count, size);
    void *grown = realloc(*(void **)block, bytes);
    if (grown == NULL)
        return sn__fail(SN_E_NOMEM, "%s: cannot allocate %zu bytes", what, bytes);
    *(void **)block = grown;
    *capacity = count;
    return SN_OK;
}

sn_status sn__mem_strdup(const char *text, char **out)
{
    SN_TRY(sn__mem_zalloc(strlen(text) + 1, 1, "string", out));
    memcpy(*out, text, strlen(text));
    return SN_OK;
}

void sn__mem_free(void *block)
{
    free(block);
}

static size_t whole_pages(size_t bytes)
{
    size_t unit = bytes >= HUGE_BYTES ? HUGE_BYTES : 4096;
    return (bytes + unit - 1) / unit * unit;
}

sn_status sn__mem_pages(size_t bytes, const char *what, void *out)
{
    size_t padded;
    bool huge = bytes >= HUGE_BYTES;
    if (!sn__add_size(bytes > 0 ? bytes : 1, huge ? 2 * (size_t)HUGE_BYTES : 4096, &padded))
        return sn__fail(SN_E_NOMEM, "%s: %zu bytes overflow", what, bytes);
    size_t length = whole_pages(bytes > 0 ? bytes : 1),
           mapped = huge ? length + HUGE_BYTES : length;
    uint8_t *base = mmap(NULL, mapped, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (base == MAP_FAILED)
        return sn__fail(SN_E_NOMEM, "%s: cannot map %zu bytes", what, mapped);
    if (huge) { /* cut to the aligned part */
        uint8_t *aligned =
            (uint8_t *)(((uintptr_t)base + HUGE_BYTES - 1) & ~(uintptr_t)(HUGE_BYTES - 1));
        if (aligned > base)
            munmap(base, (size_t)(aligned - base));
        if (aligned + length < base + mapped)
            munmap(aligned + length, (size_t)(base + mapped - (aligned + length)));
        base = aligned;
        if (sn__option_value_or_default(SN__OPTION_HUGE_PAGES) == 0)
            (void)madvise(base, length, MADV_HUGEPAGE); /* a wish: 4 KiB pages are right too */
    }
    *(void **)out = base;
    return SN_OK;
}

void sn__mem_pages_free(void *block, size_t bytes)
{
    if (block != NULL)
        munmap(block, whole_pages(bytes > 0 ? bytes : 1));
}
