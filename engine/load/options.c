/* SPDX-License-Identifier: Apache-2.0 */
/* The options of a loader: what is allowed, and what zero means. */
#include "base/log.h"
#include "base/options_struct.h"
#include "engine/load/loader.h"

#include <stdatomic.h>

static const int64_t SECOND_NS = 1000000000, TIMEOUT_S = 600, STALL_S = 60;

/* The struct of the first version of this header ends with no_bind. */
static const size_t FIRST_OPTIONS =
    offsetof(sn_loader_options, no_bind) + sizeof((sn_loader_options *)0)->no_bind;

static sn_status check_number(const char *name, int64_t value, int64_t most)
{
    if (value >= 0 && value <= most)
        return SN_OK;
    if (most == INT64_MAX)
        return sn__fail(SN_E_INVALID, "loader: %s %lld is negative", name, (long long)value);
    return sn__fail(SN_E_INVALID, "loader: %s %lld, allowed are 0 to %lld", name, (long long)value,
                    (long long)most);
}

static sn_status check_devices(const sn_loader_options *options)
{
    if (options->num_devices < 0 || (options->devices == NULL) != (options->num_devices == 0))
        return sn__fail(SN_E_INVALID, "loader: num_devices %d with %s devices",
                        options->num_devices, options->devices == NULL ? "no" : "a list of");
    for (int32_t i = 0; i < options->num_devices; i++) {
        if (options->devices[i] < -1)
            return sn__fail(SN_E_INVALID, "loader: device %d at position %d", options->devices[i],
                            i);
        if (options->devices[i] >= 0)
            return sn__fail(SN_E_UNSUPPORTED,
                            "loader: device %d at position %d: only the CPU (-1) is in this "
                            "version",
                            options->devices[i], i);
    }
    return SN_OK;
}

static void warn_not_pinned(void)
{
    static atomic_flag warned = ATOMIC_FLAG_INIT;
    if (!atomic_flag_test_and_set_explicit(&warned, memory_order_relaxed))
        sn__log(SN_LOG_WARN, "loader: pin_memory has no effect, this version has no CUDA");
}

sn_status sn__loader_options(const sn_loader_options *from, sn_loader_options *out)
{
    sn_loader_options known = { 0 };
    if (from != NULL)
        SN_TRY(sn__options_read(&known, sizeof known, from, FIRST_OPTIONS, "loader options"));
    SN_TRY(check_number("workers", known.workers, SN_MAX_WORKERS));
    SN_TRY(check_number("concurrency", known.concurrency, SN_MAX_CONCURRENCY));
    SN_TRY(check_number("threads", known.threads, SN_MAX_THREADS));
    SN_TRY(check_number("timeout_ns", known.timeout_ns, INT64_MAX));
    SN_TRY(check_number("stall_ns", known.stall_ns, INT64_MAX));
    SN_TRY(check_devices(&known));
    if (known.pin_memory)
        warn_not_pinned();

    known.concurrency = known.concurrency == 0 ? 1 : known.concurrency;
    known.threads = known.threads == 0 ? 1 : known.threads;
    known.timeout_ns = known.timeout_ns == 0 ? TIMEOUT_S * SECOND_NS : known.timeout_ns;
    known.stall_ns = known.stall_ns == 0 ? STALL_S * SECOND_NS : known.stall_ns;
    *out = known;
    return SN_OK;
}
