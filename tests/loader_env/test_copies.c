/* SPDX-License-Identifier: Apache-2.0 */
/* Rows cross memory once: what a stream costs in page faults and memory once it is warm, and where its
 * batches lie. One added copy or one fresh buffer per batch, in the consumer or in a worker, is planted
 * to see that it would be found. */
#include "base/run.h"

#include "engine/produce/hold.h"
#include "loader_env/fixture.h"
#include "support/leftovers.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

enum {
    NODES = 6000,
    FEATURES = 1024, /* rows of 4 KB: a batch takes some megabytes, which nothing else here does */
    WORKERS = 2,
    LANES = 32 << 20, /* enough for every batch: a spill would be another thing */
    WARM_EPOCHS = 3, /* by then each worker has labelled every node, and met batches of all sizes */
    /* In all of the measured epoch. What may still come: a scratch list that grows for a batch larger
     * than any before, a page of a library or of a stack that a rare path needs first. */
    FEW_FAULTS = 20
};

static void begin(void)
{
    sn_dataset *dataset = env_dataset(
        &(env_graph){ .nodes = NODES, .degree = 8, .feat_dim = FEATURES, .load = SN_LOAD_MEMORY });
    plan = env_plan(dataset, 29, 5);
    sn_dataset_release(dataset);
    ck_assert_int_ge(sn_plan_num_steps(plan), 200);
}

static void end(void)
{
    env_end();
}

/* -- What is planted --------------------------------------------------------------------------- */

typedef enum plant { NOTHING, COPY, FRESH_BUFFER, IDLE_COPY } plant;
static plant planted;

sn_status __real_sn__hold_lend(sn__hold *hold, uint32_t lane, const sn__slot *slot,
                               const uint8_t **message);
sn_status __wrap_sn__hold_lend(sn__hold *hold, uint32_t lane, const sn__slot *slot,
                               const uint8_t **message);

enum { BUFFER = 16 << 20 };

static uint8_t *fresh_buffer(void)
{
    static uint8_t *last;
    if (last != NULL)
        munmap(last, BUFFER);
    last = mmap(NULL, BUFFER, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    ENV_CHECK(last != MAP_FAILED);
    return last;
}

/* The consumer that takes a message of its lane. */
sn_status __wrap_sn__hold_lend(sn__hold *hold, uint32_t lane, const sn__slot *slot,
                               const uint8_t **message)
{
    static _Alignas(64) uint8_t buffer[BUFFER];
    sn_status status = __real_sn__hold_lend(hold, lane, slot, message);
    if (planted == NOTHING || status != SN_OK || slot->bytes > BUFFER)
        return status;
    uint8_t *to = planted == FRESH_BUFFER ? fresh_buffer() : buffer;
    memcpy(to, *message, slot->bytes);
    if (planted != IDLE_COPY)
        *message = to;
    return status;
}

/* -- What is measured -------------------------------------------------------------------------- */

typedef struct cost {
    int64_t batches, bytes;     /* of the largest batch */
    int64_t own_faults, faults; /* of this process, of the workers; in the measured epoch */
    int64_t own_growth,
        scratch;       /* memory of no file: what all epochs added, the largest worker's */
    int64_t elsewhere; /* batches that did not lie in a lane */
} cost;

/* A number behind `key` in a file of /proc. */
static int64_t proc_number(pid_t pid, const char *file, const char *key)
{
    char path[64], line[256];
    int64_t value = -1;
    snprintf(path, sizeof path, "/proc/%d/%s", (int)pid, file);
    FILE *from = fopen(path, "re");
    ENV_CHECK(from != NULL);
    while (value < 0 && fgets(line, sizeof line, from) != NULL)
        if (strncmp(line, key, strlen(key)) == 0)
            ENV_CHECK(sscanf(line + strlen(key), ": %" SCNd64, &value) == 1);
    fclose(from);
    ENV_CHECK(value >= 0);
    return value;
}

static int64_t anonymous_bytes(pid_t pid)
{
    return 1024 * proc_number(pid, "smaps_rollup", "Anonymous");
}

static int64_t faults_of(pid_t pid)
{
    char path[64], line[512];
    long long faults = -1;
    snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
    FILE *from = fopen(path, "re");
    ENV_CHECK(from != NULL);
    line[fread(line, 1, sizeof line - 1, from)] = '\0';
    fclose(from);
    const char *fields = strrchr(line, ')');
    ENV_CHECK(fields != NULL &&
              sscanf(fields + 1, " %*c %*d %*d %*d %*d %*d %*u %lld", &faults) == 1);
    return faults;
}

static int64_t own_faults(void)
{
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return usage.ru_minflt;
}

static int64_t faults_of_all(const env_workers *workers)
{
    int64_t sum = 0;
    for (int w = 0; w < workers->count; w++)
        sum += faults_of(workers->pids[w]);
    return sum;
}

/* Reads every row, as a consumer does. */
static void take_epoch(sn_loader *loader, uint64_t epoch, cost *out)
{
    sn_batch *batch;
    volatile float sum = 0;
    ENV_OK(sn_loader_begin(loader, epoch));
    while (sn_loader_next(loader, SN_WAIT_DEFAULT, &batch) == SN_OK) {
        const sn_tensor *x = sn_batch_find(batch, "x");
        const float *values = x->data;
        for (int64_t i = 0; i < sn_tensor_count(x); i += 16)
            sum = sum + values[i];
        if (sn_tensor_bytes(x) > out->bytes)
            out->bytes = sn_tensor_bytes(x);
        out->batches++;
        sn_batch_release(batch);
    }
}

static void look_where(sn_loader *loader, uint64_t epoch, cost *out)
{
    sn_batch *batch;
    ENV_OK(sn_loader_begin(loader, epoch));
    while (sn_loader_next(loader, SN_WAIT_DEFAULT, &batch) == SN_OK) {
        out->elsewhere += !env_is_mapped_as(sn_batch_find(batch, "x")->data, "memfd:seine-lane") ||
                          !env_is_mapped_as(sn_batch_find(batch, "node")->data, "memfd:seine-lane");
        sn_batch_release(batch);
    }
}

static cost measure(const char *worker)
{
    cost warm = { 0 }, out = { 0 };
    sn_loader *loader;
    setenv("SEINE_TEST_WORKER", worker, 1);
    ENV_OK(sn_node_loader_create(plan,
                                 SN_LOADER_OPTIONS(.workers = WORKERS, .channel_bytes = LANES,
                                                   .worker_path = "./seine_env_worker"),
                                 &loader));
    env_workers workers = env_workers_of(getpid(), WORKERS);
    int64_t before = anonymous_bytes(getpid());
    for (uint64_t epoch = 0; epoch < WARM_EPOCHS; epoch++)
        take_epoch(loader, epoch, &warm);
    look_where(loader, 0, &out);
    int64_t own = own_faults(), others = faults_of_all(&workers);
    take_epoch(loader, WARM_EPOCHS, &out);
    out.own_faults = own_faults() - own;
    out.faults = faults_of_all(&workers) - others;
    out.own_growth = anonymous_bytes(getpid()) - before;
    for (int w = 0; w < WORKERS; w++) {
        int64_t bytes = anonymous_bytes(workers.pids[w]);
        out.scratch = bytes > out.scratch ? bytes : out.scratch;
    }
    sn_loader_release(loader);
    return out;
}

/* What is wrong with it; "": nothing. */
static const char *judge(const cost *of)
{
    static char text[300];
    bool copies = of->own_growth > of->bytes / 2 || of->scratch > of->bytes / 2;
    snprintf(text, sizeof text, "%s%s%s", of->own_faults > FEW_FAULTS ? "consumer faults, " : "",
             of->faults > FEW_FAULTS ? "worker faults, " : "",
             of->elsewhere > 0 ? "batches elsewhere, " : "");
    if (copies)
        strcat(text, of->scratch > of->bytes / 2 ? "worker memory, " : "consumer memory, ");
    printf("%" PRId64 " batches of up to %" PRId64 " bytes: faults %" PRId64 " and %" PRId64
           " (workers), memory +%" PRId64 " and %" PRId64 " (a worker), %" PRId64
           " batches not in a lane: %s\n",
           of->batches, of->bytes, of->own_faults, of->faults, of->own_growth, of->scratch,
           of->elsewhere, text);
    fflush(stdout);
    return text;
}

START_TEST(stream_that_is_warm_takes_no_page_fault_and_makes_no_copy)
{
    cost of = measure("");
    ck_assert_int_ge(of.batches, 200);
    ck_assert_str_eq(judge(&of), "");
}
END_TEST

static const struct {
    plant consumer;
    const char *worker, *wrong;
} plants[] = {
    { COPY, "", "batches elsewhere" },
    { FRESH_BUFFER, "", "consumer faults, batches elsewhere" },
    { IDLE_COPY, "", "consumer memory" },
    { NOTHING, "fresh buffer", "worker faults" },
    { NOTHING, "copy", "worker memory" },
};

START_TEST(one_copy_or_one_fresh_buffer_more_is_found)
{
    planted = plants[_i].consumer;
    cost of = measure(plants[_i].worker);
    ck_assert_ptr_nonnull(strstr(judge(&of), plants[_i].wrong));
}
END_TEST

int main(void)
{
    TCase *cases = tcase_create("copies");
    tcase_set_timeout(cases, 120);
    tcase_add_checked_fixture(cases, leftovers_before, leftovers_after);
    tcase_add_checked_fixture(cases, begin, end);
    tcase_add_test(cases, stream_that_is_warm_takes_no_page_fault_and_makes_no_copy);
    tcase_add_loop_test(cases, one_copy_or_one_fresh_buffer_more_is_found, 0,
                        sizeof plants / sizeof *plants);
    return run_cases("copies", cases);
}
