/* SPDX-License-Identifier: Apache-2.0 */
/* Which vector instructions there are, and which are used. */
#include "base/isa.h"

#include "base/log.h"
#include "base/option.h"

#include <pthread.h>

static const char *const names[SN__ISA_COUNT] = { "plain", "neon", "avx2", "avx512" };

const char *sn__isa_name(sn__isa isa)
{
    return names[isa];
}

bool sn__isa_is_there(sn__isa isa)
{
    switch (isa) {
    case SN__ISA_PLAIN:
        return true;
#ifdef __aarch64__
    case SN__ISA_NEON:
        return true;
#endif
#ifdef __x86_64__
    case SN__ISA_AVX2:
        return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("bmi2");
    case SN__ISA_AVX512:
        return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512cd") &&
               __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq") &&
               __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("bmi2");
#endif
    default:
        return false;
    }
}

static sn__isa chosen;

static void choose(void)
{
    int64_t asked = sn__option_value_or_default(SN__OPTION_ISA);
    chosen = SN__ISA_COUNT - 1;
    while (!sn__isa_is_there(chosen))
        chosen--;
    if (asked > 0 && sn__isa_is_there((sn__isa)(asked - 1)))
        chosen = (sn__isa)(asked - 1);
    else if (asked > 0)
        sn__log(SN_LOG_WARN, "SEINE_ISA: this processor or build has no '%s': '%s' is used",
                names[asked - 1], names[chosen]);
}

sn__isa sn__isa_choose(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, choose);
    return chosen;
}
