/* SPDX-License-Identifier: Apache-2.0 */
/* Reading all of a dataset and holding it against what it says of itself.
 *
 * First the hashes: a damaged file is named before its content confuses anything. Then the
 * contents, which a writer may have got wrong with the right hashes. The fingerprint needs no look
 * of its own: opening held it against the listed hashes.
 * Threads: any; the dataset may be in use meanwhile. */
#include "base/mem.h"
#include "base/option.h"
#include "engine/data/inside.h"

#include <string.h>

static sn_status compare_hashes(const sn_dataset *dataset, const sn__array_ref *refs, size_t count)
{
    char where[SN__WHERE];
    for (size_t i = 0; i < count; i++)
        if (strcmp(refs[i].hash, refs[i].array->hash) != 0)
            return sn__fail(SN_E_CORRUPT, "%s: hash is %s, META.json says %s",
                            sn__array_where(dataset, &refs[i], where), refs[i].hash,
                            refs[i].array->hash);
    return SN_OK;
}

static sn_status check_hashes(const sn_dataset *dataset, sn__progress *progress)
{
    sn__array_ref *refs;
    size_t count;
    int32_t threads;
    SN_TRY(sn__threads_resolve(0, &threads));
    SN_TRY(sn__dataset_arrays(dataset, &refs, &count));
    sn_status st = sn__arrays_hash(refs, count, threads, progress);
    if (st == SN_OK)
        st = compare_hashes(dataset, refs, count);
    sn__mem_free(refs);
    return st;
}

sn_status sn_dataset_verify(const sn_dataset *dataset, sn_progress progress, void *context)
{
    sn__progress reports = { .call = progress, .context = context };
    sn__content_rule rule = { .bad_range = SN_E_CORRUPT,
                              .bad_other = SN_E_CORRUPT,
                              .progress = &reports };
    if (dataset->path != NULL) /* arrays in memory have no hash to be held against */
        SN_TRY(check_hashes(dataset, &reports));
    return sn__content_check(dataset, &rule);
}
