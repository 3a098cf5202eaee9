/* SPDX-License-Identifier: Apache-2.0 */
/* What a loader takes in memory, over all of its processes: the dataset once, and for each worker what
 * docs/caveats.md allows it. Shared memory for batches is left out: its size is the user's to choose. */
#include "base/run.h"

#include "loader_env/env.h"
#include "support/leftovers.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { NODES = 40000, FEATURES = 512, BATCH = 64, FANOUT = 5 };

#define MB (INT64_C(1) << 20)

/* -- The budget -------------------------------------------------------------------------------- */

/* Of one worker, as docs/caveats.md has it. */
static int64_t budget_of_worker(int64_t nodes, int64_t batch_nodes, int64_t batch_edges,
                                int32_t concurrency)
{
    int64_t labels = 4 * nodes, scratch = 24 * (batch_nodes + batch_edges);
    if (labels >= 2 * MB) /* huge pages */
        labels = (labels + 2 * MB - 1) / (2 * MB) * (2 * MB);
    return 4 * MB + concurrency * (labels + scratch);
}

/* -- Proportional sizes ------------------------------------------------------------------------ */

typedef struct sizes {
    int64_t all, lanes; /* the latter: what is left out, not in `all` */
} sizes;

/* Each page counts by its share among the processes that have it mapped. */
static sizes sizes_of(pid_t pid)
{
    char path[64], line[4400];
    sizes out = { 0 };
    bool in_lane = false;
    snprintf(path, sizeof path, "/proc/%d/smaps", (int)pid);
    FILE *from = fopen(path, "re");
    ENV_CHECK(from != NULL);
    while (fgets(line, sizeof line, from) != NULL) {
        int64_t kilobytes;
        uintptr_t begin, end;
        if (sscanf(line, "%" SCNxPTR "-%" SCNxPTR " ", &begin, &end) == 2)
            in_lane = strstr(line, "seine-lane") != NULL || strstr(line, "seine-spill") != NULL;
        else if (sscanf(line, "Pss: %" SCNd64, &kilobytes) == 1)
            *(in_lane ? &out.lanes : &out.all) += kilobytes * 1024;
    }
    fclose(from);
    return out;
}

static int64_t sum_of_sizes(const env_workers *workers)
{
    int64_t sum = sizes_of(getpid()).all;
    for (int w = 0; w < workers->count; w++)
        sum += sizes_of(workers->pids[w]).all;
    return sum;
}

/* -- Datasets ---------------------------------------------------------------------------------- */

/* Reads it, so that all of it is resident; returns its bytes. */
static int64_t touch(const sn_tensor *tensor)
{
    volatile uint8_t sum = 0;
    if (tensor == NULL || tensor->data == NULL)
        return 0;
    const uint8_t *bytes = tensor->data;
    for (int64_t i = 0; i < sn_tensor_bytes(tensor); i += 4096)
        sum = (uint8_t)(sum + bytes[i]);
    return sn_tensor_bytes(tensor);
}

static int64_t touch_rows(const sn_adjacency *rows)
{
    sn_tensor indptr = rows->indices;
    indptr.data = (void *)(uintptr_t)rows->indptr;
    indptr.dtype = (sn_dtype){ SN_INT, 64 };
    indptr.shape[0] = rows->rows + 1;
    sn_tensor ids = rows->indices;
    ids.data = (void *)(uintptr_t)rows->edge_ids;
    ids.dtype = (sn_dtype){ SN_INT, 64 };
    return touch(&indptr) + touch(&rows->indices) + touch(&ids);
}

static int64_t touch_all(const sn_dataset *dataset)
{
    sn_node_info node;
    sn_edge_info edge;
    ENV_OK(sn_dataset_node_type(dataset, 0, &node));
    ENV_OK(sn_dataset_edge_type(dataset, 0, &edge));
    return touch(node.x) + touch(node.y) + touch(node.train) + touch(node.val) + touch(node.test) +
           touch_rows(&edge.csr) + touch_rows(&edge.csc);
}

typedef enum source { MAPPED, LOADED, COPIED, LENT, SOURCES } source;

static float *lent_rows;
static int64_t *lent_edges;

/* From the caller's arrays: 2 KB a node, and edges to eight others. */
static sn_dataset *create(sn_keep keep)
{
    sn_dataset *dataset;
    lent_rows = malloc(sizeof *lent_rows * NODES * FEATURES);
    lent_edges = malloc(sizeof *lent_edges * 2 * 8 * NODES);
    for (int64_t i = 0; i < (int64_t)NODES * FEATURES; i++)
        lent_rows[i] = (float)i;
    for (int64_t e = 0; e < 8 * NODES; e++) {
        lent_edges[e] = e / 8;
        lent_edges[8 * NODES + e] = (e * 31 + 7) % NODES;
    }
    sn_node_spec node = {
        .count = NODES,
        .x = { .tensor = { lent_rows, { SN_FLOAT, 32 }, 2, { NODES, FEATURES, 1, 1 } },
               .keep = keep }
    };
    sn_edge_spec edge = {
        .edge_index = { .tensor = { lent_edges, { SN_INT, 64 }, 2, { 2, 8 * NODES, 1, 1 } } }
    };
    ENV_OK(sn_dataset_create(SN_DATASET_SPEC(.num_node_types = 1, .node_types = &node,
                                             .num_edge_types = 1, .edge_types = &edge),
                             &dataset));
    free(lent_edges);
    if (keep == SN_KEEP_COPY) {
        free(lent_rows);
        lent_rows = NULL;
    }
    return dataset;
}

static sn_dataset *open_source(source from)
{
    if (from == COPIED || from == LENT)
        return create(from == LENT ? SN_KEEP_BORROW : SN_KEEP_COPY);
    return env_dataset(&(env_graph){ .nodes = NODES,
                                     .degree = 8,
                                     .feat_dim = FEATURES,
                                     .load = from == MAPPED ? SN_LOAD_MAP : SN_LOAD_MEMORY });
}

/* -- Streams ----------------------------------------------------------------------------------- */

static void take_epoch(sn_loader *loader, sn_batch_info *largest)
{
    sn_batch *batch;
    sn_status status;
    *largest = (sn_batch_info){ 0 };
    ENV_OK(sn_loader_begin(loader, 0));
    while ((status = sn_loader_next(loader, SN_WAIT_DEFAULT, &batch)) == SN_OK) {
        sn_batch_info info = sn_batch_get_info(batch);
        if (info.num_nodes + info.num_edges > largest->num_nodes + largest->num_edges)
            *largest = info;
        sn_batch_release(batch);
    }
    ENV_CHECK(status == SN_E_END);
}

static const struct {
    source from;
    int32_t workers, concurrency;
} all[] = { { MAPPED, 1, 1 }, { MAPPED, 4, 1 }, { MAPPED, 2, 2 },
            { LOADED, 4, 1 }, { COPIED, 3, 1 }, { LENT, 3, 1 } };

START_TEST(processes_of_a_loader_hold_the_dataset_once_and_their_budgets)
{
    int64_t before = sizes_of(getpid()).all;
    sn_batch_info largest;
    sn_loader *loader;
    sn_dataset *dataset = open_source(all[_i].from);
    int64_t bytes = touch_all(dataset);
    ck_assert_int_gt(bytes, 80 * MB);
    sn_plan *plan = env_plan(dataset, BATCH, FANOUT);
    ENV_OK(sn_node_loader_create(
        plan, SN_LOADER_OPTIONS(.workers = all[_i].workers, .concurrency = all[_i].concurrency),
        &loader));
    take_epoch(loader, &largest);
    env_workers workers = env_workers_of(getpid(), all[_i].workers);
    int64_t sum = sum_of_sizes(&workers) - before;
    int64_t lent = all[_i].from == LENT ? (int64_t)sizeof(float) * NODES * FEATURES : 0;
    int64_t budget =
        budget_of_worker(NODES, largest.num_nodes, largest.num_edges, all[_i].concurrency);
    printf("%d workers of %d lanes: %" PRId64 " bytes; dataset %" PRId64 ", lent %" PRId64
           ", %" PRId64 " each worker of %" PRId64 "\n",
           all[_i].workers, all[_i].concurrency, sum, bytes, lent,
           (sum - bytes - lent) / all[_i].workers, budget);
    fflush(stdout);
    ck_assert_int_gt(sizes_of(getpid()).lanes, 0); /* they are known by their names */
    ck_assert_int_gt(sum, bytes * 99 / 100);       /* all of it is there */
    ck_assert_int_le(sum, bytes + bytes * 3 / 100 + lent + all[_i].workers * budget);
    sn_loader_release(loader);
    sn_plan_release(plan);
    sn_dataset_release(dataset);
    free(lent_rows);
    env_clean();
}
END_TEST

int main(void)
{
    TCase *cases = tcase_create("memory");
    tcase_set_timeout(cases, 120);
    tcase_add_checked_fixture(cases, leftovers_before, leftovers_after);
    tcase_add_loop_test(cases, processes_of_a_loader_hold_the_dataset_once_and_their_budgets, 0,
                        sizeof all / sizeof *all);
    return run_cases("memory", cases);
}
