/* SPDX-License-Identifier: Apache-2.0 */
/* Host memory. Every allocation of the library goes through here, counted and overflow-checked. */
#ifndef SN_BASE_MEM_H
#define SN_BASE_MEM_H

#include "base/status.h"

/* count * size bytes, zeroed; never NULL on SN_OK, also for 0 bytes. `what` names it in the error.
 */
SN_NODISCARD sn_status sn__mem_zalloc(size_t count, size_t size, const char *what, void *out);
/* Grows *block (a pointer variable, NULL at first) to at least `need` elements of `size` bytes, at
 * least doubling; *capacity is in elements. Old contents stay, new ones are undefined. */
SN_NODISCARD sn_status sn__mem_grow(void *block, size_t *capacity, size_t need, size_t size,
                                    const char *what);
SN_NODISCARD sn_status sn__mem_strdup(const char *text, char **out);
void sn__mem_free(void *block);

/* Pages straight from the system: zeroed, 2 MiB aligned when larger than that, huge pages asked for
 * (unless SEINE_HUGE_PAGES=never). For tables and arenas. NULL is fine in the free. */
SN_NODISCARD sn_status sn__mem_pages(size_t bytes, const char *what, void *out);
void sn__mem_pages_free(void *block, size_t bytes);

/* a * b and a + b, or false on overflow. */
static inline bool sn__mul_size(size_t a, size_t b, size_t *out)
{
    return !__builtin_mul_overflow(a, b, out);
}
static inline bool sn__add_size(size_t a, size_t b, size_t *out)
{
    return !__builtin_add_overflow(a, b, out);
}

#endif
