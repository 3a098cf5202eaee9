/* SPDX-License-Identifier: Apache-2.0 */
/* From a dataset to a batch in a peer's eyes, with each system call and allocation failing in turn:
 * an error that says so, and nothing left. */
#include "data/support/faults.h"
#include "data/support/folder.h"
#include "small.h"

#include "engine/data/image.h"
#include "engine/sample/batch.h"
#include "engine/sample/plan_pack.h"

#include <check.h>
#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const int64_t two[] = { 2, 2 };
static int64_t ids[] = { 5, 3, 39, 3, 0, 7 };

/* All that a run makes; released whole, however far it came. */
typedef struct run {
    sn_dataset *dataset, *attached;
    sn_plan *plan, *unpacked;
    sn__segment packed;
    sn_sampler *sampler;
    sn_batch *batch, *borrowed;
    sn__batch_pool *pool;
    bool subgraph;
} run;

static int given_back;

static void count_return(sn__lender *lender, uint64_t what, uint64_t where)
{
    (void)lender, (void)what, (void)where;
    given_back++;
}

static sn_status attach(run *r)
{
    sn__share share;
    SN_TRY(sn__dataset_share(r->dataset, &share));
    share.fd = dup(share.fd);
    return sn__dataset_attach(&share, &r->attached);
}

static sn_status sample(run *r)
{
    static sn__lender lender = { count_return };
    sn__loan loan = { .lender = &lender };
    DLManagedTensorVersioned *tensor;
    SN_TRY(sn_sampler_create(r->unpacked, &r->sampler));
    SN_TRY(sn_sampler_sample(r->sampler, 0, 0, &r->batch));
    SN_TRY(sn_batch_to_dlpack(r->batch, "x", &tensor));
    tensor->deleter(tensor);
    SN_TRY(sn__batch_pool_create(SN__POOL_ALL, &r->pool));
    return sn__batch_pool_borrow(r->pool, r->unpacked, &loan, &r->borrowed);
}

static sn_status go(run *r)
{
    const sn_tensor input = { ids, { SN_INT, 64 }, 1, { 6, 1, 1, 1 } };
    SN_TRY(sn_plan_create(r->dataset,
                          SN_PLAN_OPTIONS(.input = &input, .batch_size = 4, .hops = 2,
                                          .fanout = two, .with_edge = true, .features = true,
                                          .labels = SN_LABELS_ALL, .subgraph = r->subgraph),
                          &r->plan));
    SN_TRY(attach(r));
    SN_TRY(sn__plan_pack(r->plan, &r->packed));
    SN_TRY(sn__plan_unpack(r->packed.base, r->packed.bytes, r->attached, &r->unpacked));
    return sample(r);
}

static void drop(run *r)
{
    sn_dataset_release(r->dataset);
    sn_dataset_release(r->attached);
    sn_plan_release(r->plan);
    sn_plan_release(r->unpacked);
    sn_sampler_release(r->sampler);
    sn__batch_pool_release(r->pool);
    sn_batch_release(r->batch);
    sn_batch_release(r->borrowed);
    sn__segment_unmap(&r->packed);
    sn__segment_close_fd(&r->packed);
}

/* Tolerated: without what the control group says, memory is asked for all the same; a system without
 * seals has segments too. */
static const struct {
    enum fault call;
    int error;
    bool tolerated;
} steps[] = {
    { FAULT_calloc, ENOMEM, true }, { FAULT_realloc, ENOMEM, true },
    { FAULT_mmap, ENOMEM, false },  { FAULT_posix_fallocate, ENOSPC, false },
    { FAULT_fcntl, EINVAL, true },  { FAULT_fstat, EIO, true },
    { FAULT_openat, EMFILE, true }, { FAULT_XXH3_createState, ENOMEM, false },
};

enum { STEPS = sizeof steps / sizeof steps[0] };

START_TEST(sampling_for_a_peer_when_a_call_fails_leaves_nothing)
{
    int files = count_open_files(), failures = 0, at = _i % STEPS;
    bool subgraph = _i >= STEPS;
    for (int n = 1;; n++) {
        run r = { .packed = SN__SEGMENT_NONE, .dataset = small_ring(), .subgraph = subgraph };
        given_back = 0;
        fault_arm(steps[at].call, n, 0, steps[at].error);
        /* jansson 2.14 writes outside its memory when its parser gets none */
        json_set_alloc_funcs(malloc, free);
        sn_status status = go(&r);
        bool over = fault_disarm() == 0, borrowed = r.borrowed != NULL;
        const char *name = fault_name(steps[at].call);
        if (status == SN_OK) {
            ck_assert_msg(over || steps[at].tolerated, "%s %d went unnoticed", name, n);
        } else {
            failures++;
            ck_assert_msg(!over && (status == SN_E_NOMEM || status == SN_E_SYSTEM), "%s %d: %s: %s",
                          name, n, sn_status_name(status), sn_error_detail());
            ck_assert_str_ne(sn_error_detail(), "");
        }
        drop(&r);
        ck_assert_int_eq(given_back, borrowed);
        ck_assert_msg(count_open_files() == files, "%s %d leaves a file open", name, n);
        ck_assert_msg(count_mappings("memfd:seine") == 0, "%s %d leaves a mapping", name, n);
        if (over)
            break;
    }
    ck_assert(failures > 0 || steps[at].tolerated);
}
END_TEST

int main(void)
{
    TCase *cases = tcase_create("torture");
    tcase_set_timeout(cases, 100);
    tcase_add_loop_test(cases, sampling_for_a_peer_when_a_call_fails_leaves_nothing, 0, 2 * STEPS);
    return run_in_folder("torture of plans and batches", cases);
}
