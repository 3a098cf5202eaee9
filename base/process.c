/* SPDX-License-Identifier: Apache-2.0 */
/* The process's id in a page that every copy of the process finds filled with zeros (MADV_WIPEONFORK, Linux
 * 4.14). It lies among the library's own variables, so nothing is left when the library is unloaded, and a
 * thread that still runs at the process's end finds it. */
#include "base/process.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/mman.h>
#include <unistd.h>

enum { LARGEST_PAGE = 65536 };

static unsigned char room[2 * LARGEST_PAGE]; /* a page of it; the others are never touched */
static atomic_bool refused;                  /* by the system: asked each time */

static uintptr_t page_at(void)
{
    return ((uintptr_t)room + LARGEST_PAGE - 1) / LARGEST_PAGE * LARGEST_PAGE;
}

static pid_t ask(_Atomic pid_t *known)
{
    pid_t id = getpid();
    if (atomic_load_explicit(&refused, memory_order_relaxed))
        return id;
    /* Before the id is there: a copy made in between has none. */
    if (madvise((void *)page_at(), (size_t)sysconf(_SC_PAGESIZE), MADV_WIPEONFORK) == 0)
        atomic_store_explicit(known, id, memory_order_relaxed);
    else
        atomic_store_explicit(&refused, true, memory_order_relaxed);
    return id;
}

pid_t sn__process_id(void)
{
    _Atomic pid_t *known = (_Atomic pid_t *)page_at();
    pid_t id = atomic_load_explicit(known, memory_order_relaxed);
    return id != 0 ? id : ask(known);
}
