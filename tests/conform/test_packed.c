/* SPDX-License-Identifier: Apache-2.0 */
/* Random plans in another process, over datasets of every origin: equal hashes and digests; and no
 * batch above the plan's bound. */
#include "bridge.h"
#include "random_case.h"
#include "support/scale.h"

#include "base/mem.h"
#include "engine/data/image.h"
#include "engine/data/inside.h"
#include "engine/data/writer.h"
#include "engine/sample/compute.h"
#include "engine/sample/plan_pack.h"

#include <check.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { CASES = 400, PARTS = 10, MOST_BATCHES = 5 };
enum origin { OF_CALLER, LOADED, MAPPED, ORIGINS };

static char folder[512];

static void ck_fine(sn_status status)
{
    ck_assert_msg(status == SN_OK, "%s", sn_error_detail());
}

static int remove_one(const char *path, const struct stat *info, int kind, struct FTW *place)
{
    (void)info, (void)kind, (void)place;
    return remove(path);
}

static void remove_folder(void)
{
    if (folder[0] != '\0')
        nftw(folder, remove_one, 16, FTW_DEPTH | FTW_PHYS);
    folder[0] = '\0';
}

/* -- A directory of what a dataset holds ------------------------------------------------------- */

static void save_array(sn__writer *writer, const sn__array_ref *ref, size_t number)
{
    char name[32], *path;
    int32_t type = (int32_t)ref->type;
    snprintf(name, sizeof name, "%zu.npy", number);
    ck_fine(sn__writer_path(writer, name, &path));
    ck_fine(sn_tensor_save(&ref->array->view, path));
    sn__mem_free(path);
    if (ref->of == SN__OF_NODES)
        ck_fine(sn__writer_node_array(writer, type, sn__node_roles[ref->role], name));
    else
        ck_fine(sn__writer_edge_array(writer, type, sn__edge_roles[ref->role], name));
}

static void save_dataset(const sn_dataset *dataset, const char *path)
{
    sn__writer *writer;
    sn__array_ref *refs;
    size_t count;
    int32_t index;
    ck_fine(sn__writer_begin(path, &writer));
    for (size_t i = 0; i < dataset->num_nodes; i++)
        ck_fine(
            sn__writer_node_type(writer, dataset->nodes[i].name, dataset->nodes[i].count, &index));
    for (size_t i = 0; i < dataset->num_edges; i++) {
        const sn__edge_type *type = &dataset->edges[i];
        ck_fine(sn__writer_edge_type(writer, type->src, type->rel, type->dst, type->count, &index));
    }
    ck_fine(sn__dataset_arrays(dataset, &refs, &count));
    for (size_t i = 0; i < count; i++)
        save_array(writer, &refs[i], i);
    sn__mem_free(refs);
    ck_fine(sn__writer_commit(writer, 1, NULL));
}

static sn_dataset *dataset_of(const random_case *c, enum origin origin, uint64_t number)
{
    sn_dataset *dataset = bridge_dataset(&c->graph, (bridge_form)(number % BRIDGE_FORMS)), *opened;
    if (origin == OF_CALLER)
        return dataset;
    const char *base = getenv("TMPDIR");
    snprintf(folder, sizeof folder, "%s/seine-packed-XXXXXX", base != NULL ? base : "/tmp");
    ck_assert_ptr_nonnull(mkdtemp(folder));
    save_dataset(dataset, folder);
    ck_fine(sn_dataset_open(
        folder, SN_DATASET_OPTIONS(.load = origin == LOADED ? SN_LOAD_MEMORY : SN_LOAD_MAP),
        &opened));
    sn_dataset_release(dataset);
    return opened;
}

/* -- Here and there ---------------------------------------------------------------------------- */

/* What a plan is and gives. */
typedef struct image {
    uint64_t hash, hash_all, bound;
    int64_t steps;
    int count;
    uint64_t digests[MOST_BATCHES];
} image;

static void look(sn_plan *plan, uint64_t epoch, image *out)
{
    sn_sampler *sampler;
    *out = (image){ .steps = sn_plan_num_steps(plan), .bound = sn__plan_bound_bytes(plan) };
    ck_fine(sn__plan_hash(plan, &out->hash));
    ck_fine(sn__plan_hash_all(plan, &out->hash_all));
    ck_fine(sn_sampler_create(plan, &sampler));
    for (; out->count < MOST_BATCHES && out->count < out->steps; out->count++) {
        sn_batch *batch;
        ck_fine(sn_sampler_sample_step(sampler, epoch, out->count, &batch));
        out->digests[out->count] = sn_batch_digest(batch);
        sn_batch_release(batch);
    }
    sn_sampler_release(sampler);
}

/* In the other process, which has descriptors and nothing else. */
static void look_there(const sn__share *share, sn__segment *packed, uint64_t epoch, image *out)
{
    sn_dataset *dataset;
    sn_plan *plan;
    sn__segment segment;
    ck_fine(sn__dataset_attach(share, &dataset));
    ck_fine(sn__segment_attach(packed->fd, packed->bytes, &segment));
    ck_fine(sn__plan_unpack(segment.base, segment.bytes, dataset, &plan));
    sn_dataset_release(dataset);
    look(plan, epoch, out);
    sn_plan_release(plan);
    sn__segment_unmap(&segment);
}

static void compare_processes(sn_dataset *dataset, sn_plan *plan, uint64_t epoch)
{
    image here, there = { 0 };
    sn__share share;
    sn__segment packed;
    int status = -1, ends[2];
    ck_fine(sn__dataset_share(dataset, &share));
    ck_fine(sn__plan_pack(plan, &packed));
    ck_assert_int_eq(pipe(ends), 0);
    pid_t child = fork();
    if (child == 0) {
        look_there(&share, &packed, epoch, &there);
        _exit(write(ends[1], &there, sizeof there) == (ssize_t)sizeof there ? 0 : 1);
    }
    close(ends[1]);
    look(plan, epoch, &here);
    ck_assert_int_eq(read(ends[0], &there, sizeof there), (ssize_t)sizeof there);
    close(ends[0]);
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert_int_eq(status, 0);
    ck_assert_mem_eq(&there, &here, sizeof here);
    sn__segment_unmap(&packed);
    sn__segment_close_fd(&packed);
}

/* -- Bound ------------------------------------------------------------------------------------- */

static size_t largest;

static sn_status measure(void *context, const sn_batch_info *info, const sn_tensor *tensors,
                         size_t bytes, uint8_t **payload)
{
    (void)context, (void)info, (void)tensors, (void)payload;
    largest = bytes > largest ? bytes : largest;
    return SN_E_CLOSED; /* the content is of no interest */
}

static void check_bound(const sn_plan *plan, uint64_t epoch)
{
    sn__compute *compute;
    sn__sink sink = { .reserve = measure };
    sn_batch_info info;
    uint64_t bound = sn__plan_bound_bytes(plan);
    ck_fine(sn__compute_create(plan, &compute));
    for (int64_t g = 0; g < sn_plan_num_batches(plan); g++) {
        largest = 0;
        ck_assert_int_eq(sn__compute_batch(compute, epoch, g, &sink, &info), SN_E_CLOSED);
        ck_assert_msg(largest <= bound, "%zu bytes, bound %llu", largest,
                      (unsigned long long)bound);
    }
    sn__compute_release(compute);
}

static void run_case(uint64_t number)
{
    random_case c;
    random_case_init(&c, sn_test_seed() ^ 0x7061636b, number);
    enum origin origin = (enum origin)(number % ORIGINS);
    sn_dataset *dataset = dataset_of(&c, origin, number / ORIGINS);
    sn_plan *plan = bridge_plan(dataset, &c.graph, &c.plan,
                                number % 2 == 0 ? SN_INDEX_INT32 : SN_INDEX_DEFAULT);
    compare_processes(dataset, plan, c.epoch);
    check_bound(plan, c.epoch);
    sn_plan_release(plan);
    sn_dataset_release(dataset);
    remove_folder();
    bridge_forget();
    random_case_deinit(&c);
}

START_TEST(plan_in_another_process_is_the_same_and_within_its_bound)
{
    int64_t cases = sn_test_scale(CASES) / PARTS + 1;
    for (int64_t i = 0; i < cases; i++)
        run_case((uint64_t)(_i * cases + i));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("packed");
    TCase *tests = tcase_create("packed");
    tcase_set_timeout(tests, 400);
    tcase_add_checked_fixture(tests, NULL, remove_folder);
    tcase_add_loop_test(tests, plan_in_another_process_is_the_same_and_within_its_bound, 0, PARTS);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? 0 : 1;
}
