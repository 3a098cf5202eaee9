/* SPDX-License-Identifier: Apache-2.0 */
/* The option table (public side: seine/options.h). */
#ifndef SN_BASE_OPTION_H
#define SN_BASE_OPTION_H

#include "seine/options.h"

typedef enum sn__option {
    SN__OPTION_LOG,        /* SEINE_LOG         error|warn|info|debug|trace, default warn */
    SN__OPTION_LOAD,       /* SEINE_LOAD        map|memory, default map */
    SN__OPTION_THREADS,    /* SEINE_THREADS     auto|1..1024, default auto (0): the cores granted */
    SN__OPTION_HUGE_PAGES, /* SEINE_HUGE_PAGES  auto|never, default auto */
    SN__OPTION_PROGRESS,   /* SEINE_PROGRESS    auto|always|never, default auto (on a terminal) */
    SN__OPTION_BIND,       /* SEINE_BIND        auto|never, default auto */
    SN__OPTION_WORKER,     /* SEINE_WORKER      auto|/path, default auto (beside the library) */
    SN__OPTION_ISA, /* SEINE_ISA         auto|plain|neon|avx2|avx512, default auto (the best) */
    SN__OPTION_LABEL_MAP, /* SEINE_LABEL_MAP   auto|array|table, default auto (by the graph) */
    SN__OPTION_COUNT
} sn__option;

/* The value: position of a choice, or the number. Fails: SN_E_INVALID if its variable is bad. */
SN_NODISCARD sn_status sn__option_value(sn__option option, int64_t *out);
/* The path that was given, or NULL for a choice; LENT while the library is loaded. Fails: SN_E_INVALID
 * if its variable is bad. */
SN_NODISCARD sn_status sn__option_path(sn__option option, const char **out);
/* The same, with the default where the variable is bad: for places that cannot fail. */
int64_t sn__option_value_or_default(sn__option option);
/* Cores granted to this process: affinity and cgroup v2 / v1 CPU quota, at least 1. */
int32_t sn__cores_granted(void);
/* asked > 0: asked; else the option; else the cores granted. Fails: SN_E_INVALID (negative or >
 * 1024). */
SN_NODISCARD sn_status sn__threads_resolve(int32_t asked, int32_t *out);

#endif
