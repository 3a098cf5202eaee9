/* SPDX-License-Identifier: Apache-2.0 */
#include "loader_env/fixture.h"

sn_plan *plan;
env_stream stream;

void env_begin(void)
{
    plan = env_small_plan();
    stream = env_expect(plan);
}

void env_end(void)
{
    sn_plan_release(plan);
    env_stream_free(&stream);
    env_clean();
}
