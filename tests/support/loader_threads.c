/* SPDX-License-Identifier: Apache-2.0 */
/* Linked in the place of sn_node_loader_create (--wrap): loaders whose test leaves their threads open get
 * those of SEINE_TEST_THREADS. What a test refuses or gives stays as it is. */
#include "seine/loader.h"
#include "support/scale.h"

sn_status __real_sn_node_loader_create(sn_plan *plan, const sn_loader_options *options,
                                       sn_loader **out);
sn_status __wrap_sn_node_loader_create(sn_plan *plan, const sn_loader_options *options,
                                       sn_loader **out);

sn_status __wrap_sn_node_loader_create(sn_plan *plan, const sn_loader_options *options,
                                       sn_loader **out)
{
    if (options == NULL || options->struct_size != sizeof *options || options->threads != 0)
        return __real_sn_node_loader_create(plan, options, out);
    sn_loader_options all = *options;
    all.threads = sn_test_threads();
    return __real_sn_node_loader_create(plan, &all, out);
}
