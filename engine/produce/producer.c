/* SPDX-License-Identifier: Apache-2.0 */
/* Batches from worker processes. */
#include "engine/produce/source.h"

sn_status sn__producer_create(sn_plan *plan, const sn_loader_options *options, sn__source **out)
{
    (void)plan, (void)out;
    return sn__fail(SN_E_UNSUPPORTED, "loader: %d workers are not in this version",
                    options->workers);
}
