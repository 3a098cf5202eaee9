/* SPDX-License-Identifier: Apache-2.0 */
/* Graphs, reference digests, orders and views of the fault tests. */
#include "produce/rig.h"

#include "base/clock.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/pidfd.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static char order_folder[4096];

void rig_require(sn_status status)
{
    ck_assert_msg(status == SN_OK, "%s: %s", sn_status_name(status), sn_error_detail());
}

void rig_sleep_ms(int64_t ms)
{
    struct timespec left = { .tv_sec = ms / 1000, .tv_nsec = (long)(ms % 1000 * MS) };
    while (nanosleep(&left, &left) != 0)
        ;
}

uint64_t rig_random(uint64_t *state)
{
    uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return z ^ z >> 31;
}

/* -- Fixture ----------------------------------------------------------------------------------- */

void rig_set_up(void)
{
    leftovers_before();
}

void rig_tear_down(void)
{
    rig_order_clear();
    leftovers_after();
}

int rig_run(const char *name, TCase *cases, double seconds)
{
    tcase_set_timeout(cases, seconds);
    tcase_add_checked_fixture(cases, rig_set_up, rig_tear_down);
    return run_cases(name, cases);
}

/* -- Graphs ------------------------------------------------------------------------------------ */

enum { NODES = 1440, DEGREE = 8, EDGES = NODES * DEGREE, COLUMNS = 16, WIDE_COLUMNS = 128 };

static sn_source array(void *data, uint8_t code, uint8_t bits, int64_t rows, int64_t columns)
{
    return (sn_source){ .tensor = { data,
                                    { code, bits },
                                    columns > 0 ? 2 : 1,
                                    { rows, columns > 0 ? columns : 1, 1, 1 } } };
}

static sn_source random_edges(uint64_t seed)
{
    static int64_t pairs[2][EDGES]; /* copied by the dataset */
    for (int64_t e = 0; e < EDGES; e++) {
        pairs[0][e] = e / DEGREE;
        pairs[1][e] = (int64_t)(rig_random(&seed) % NODES);
    }
    return array(pairs, SN_INT, 64, 2, EDGES);
}

static sn_source random_rows(uint64_t seed, int64_t rows, int64_t columns)
{
    static float x[EDGES > NODES * WIDE_COLUMNS ? EDGES : NODES * WIDE_COLUMNS];
    for (int64_t i = 0; i < rows * columns; i++)
        x[i] = (float)(rig_random(&seed) % 1000);
    return array(x, SN_FLOAT, 32, rows, columns);
}

static sn_dataset *create(const sn_node_spec *nodes, int32_t num_nodes, const sn_edge_spec *edges,
                          int32_t num_edges)
{
    sn_dataset *dataset;
    rig_require(sn_dataset_create(SN_DATASET_SPEC(.num_node_types = num_nodes, .node_types = nodes,
                                                  .num_edge_types = num_edges, .edge_types = edges),
                                  &dataset));
    return dataset;
}

static sn_dataset *typed(void)
{
    static int64_t likes[2][EDGES], by[2][EDGES];
    uint64_t seed = 5;
    for (int64_t e = 0; e < EDGES; e++) {
        likes[0][e] = by[1][e] = (int64_t)(rig_random(&seed) % NODES);
        likes[1][e] = by[0][e] = (int64_t)(rig_random(&seed) % NODES);
    }
    sn_node_spec nodes[] = {
        { .name = "user", .count = NODES },
        { .name = "item", .count = NODES, .x = random_rows(6, NODES, COLUMNS) }
    };
    sn_edge_spec edges[] = {
        { .src = "user",
          .rel = "likes",
          .dst = "item",
          .edge_index = array(likes, SN_INT, 64, 2, EDGES) },
        { .src = "item",
          .rel = "by",
          .dst = "user",
          .edge_index = array(by, SN_INT, 64, 2, EDGES) },
        { .src = "item", .rel = "near", .dst = "item", .edge_index = random_edges(7) },
    };
    return create(nodes, 2, edges, 3);
}

sn_dataset *rig_dataset(rig_kind kind)
{
    if (kind == RIG_TYPED)
        return typed();
    sn_node_spec node = { .count = NODES,
                          .x = random_rows(1, NODES, kind == RIG_WIDE ? WIDE_COLUMNS : COLUMNS) };
    sn_edge_spec edge = { .edge_index = random_edges(2) };
    return create(&node, 1, &edge, 1);
}

sn_plan *rig_plan_over(sn_dataset *dataset, rig_kind kind)
{
    static const int64_t fanout[] = { 4, 3 };
    sn_plan *plan;
    rig_require(sn_plan_create(dataset,
                               SN_PLAN_OPTIONS(.batch_size = 16, .shuffle = true, .seed = 23,
                                               .hops = 2, .fanout = fanout, .features = true,
                                               .with_edge = kind == RIG_TYPED,
                                               .dir = kind == RIG_TYPED ? SN_DIR_IN : SN_DIR_OUT,
                                               .input_type = kind == RIG_TYPED ? 1 : 0),
                               &plan));
    return plan;
}

sn_plan *rig_plan(rig_kind kind)
{
    sn_dataset *dataset = rig_dataset(kind);
    sn_plan *plan = rig_plan_over(dataset, kind);
    sn_dataset_release(dataset);
    return plan;
}

/* -- What must come ---------------------------------------------------------------------------- */

rig_stream rig_stream_of(sn_plan *plan)
{
    rig_stream stream = { .plan = plan, .steps = sn_plan_num_steps(plan) };
    sn_sampler *sampler;
    sn_batch *batch;
    stream.digests = calloc((size_t)stream.steps * RIG_EPOCHS, sizeof *stream.digests);
    ck_assert_ptr_nonnull(stream.digests);
    rig_require(sn_sampler_create(plan, &sampler));
    for (int64_t i = 0; i < stream.steps * RIG_EPOCHS; i++) {
        rig_require(sn_sampler_sample_step(sampler, (uint64_t)(i / stream.steps), i % stream.steps,
                                           &batch));
        stream.digests[i] = sn_batch_digest(batch);
        sn_batch_release(batch);
    }
    sn_sampler_release(sampler);
    return stream;
}

void rig_stream_free(rig_stream *stream)
{
    sn_plan_release(stream->plan);
    free(stream->digests);
}

void rig_expect(const rig_stream *stream, const sn_batch *batch, uint64_t epoch, int64_t step)
{
    sn_batch_info info = sn_batch_get_info(batch);
    int64_t number;
    ck_assert_uint_lt(epoch, RIG_EPOCHS);
    rig_require(sn_plan_step(stream->plan, step, &number, NULL));
    ck_assert_msg(info.epoch == epoch && info.batch == (uint64_t)number,
                  "batch %llu of epoch %llu came instead of batch %lld of epoch %llu",
                  (unsigned long long)info.batch, (unsigned long long)info.epoch, (long long)number,
                  (unsigned long long)epoch);
    ck_assert_msg(sn_batch_digest(batch) == stream->digests[(int64_t)epoch * stream->steps + step],
                  "batch %lld of epoch %llu is another one", (long long)number,
                  (unsigned long long)epoch);
}

void rig_take(sn_loader *loader, const rig_stream *stream, uint64_t epoch, int64_t first,
              int64_t end)
{
    sn_batch *batch;
    for (int64_t step = first; step < end; step++) {
        sn_status status = sn_loader_next(loader, SN_WAIT_DEFAULT, &batch);
        ck_assert_msg(status == SN_OK, "step %lld of epoch %llu: %s: %s", (long long)step,
                      (unsigned long long)epoch, sn_status_name(status), sn_error_detail());
        rig_expect(stream, batch, epoch, step);
        sn_batch_release(batch);
    }
}

void rig_take_epoch(sn_loader *loader, const rig_stream *stream, uint64_t epoch)
{
    sn_batch *batch;
    rig_require(sn_loader_begin(loader, epoch));
    rig_take(loader, stream, epoch, 0, stream->steps);
    ck_assert_int_eq(sn_loader_next(loader, SN_WAIT_DEFAULT, &batch), SN_E_END);
}

/* -- Loaders ----------------------------------------------------------------------------------- */

const char *rig_worker_path(void)
{
    return RIG_STOP_WORKER;
}

sn_loader_options rig_options(const sn_loader_options *options)
{
    sn_loader_options all = *options;
    all.no_bind = true;
    if (all.threads == 0)
        all.threads = sn_test_threads();
    if (all.worker_path == NULL)
        all.worker_path = rig_worker_path();
    if (all.timeout_ns == 0)
        all.timeout_ns = 60000 * MS;
    if (all.stall_ns == 0)
        all.stall_ns = 20000 * MS;
    return all;
}

sn_loader *rig_loader(sn_plan *plan, const sn_loader_options *options)
{
    sn_loader_options all = rig_options(options);
    sn_loader *loader;
    rig_require(sn_node_loader_create(plan, &all, &loader));
    return loader;
}

sn_loader_stats rig_stats(const sn_loader *loader)
{
    sn_loader_stats stats;
    sn_loader_get_stats(loader, &stats);
    return stats;
}

void rig_wait_restarts(const sn_loader *loader, uint64_t count)
{
    int64_t deadline = sn__now_ns() + 20000 * MS;
    while (rig_stats(loader).restarts < count && sn__now_ns() < deadline)
        rig_sleep_ms(2);
    ck_assert_uint_eq(rig_stats(loader).restarts, count);
}

/* -- Orders ------------------------------------------------------------------------------------ */

/* Workers read it when they start: their environment is that of the loader's creation. */
static const char *order_path(void)
{
    static char path[4096];
    (void)snprintf(path, sizeof path, "%s/order", getenv("TMPDIR"));
    return path;
}

static void put_number(FILE *file, const char *name, int64_t value, bool is_set)
{
    if (is_set)
        ck_assert_int_gt(fprintf(file, "%s=%lld\n", name, (long long)value), 0);
}

void rig_order_clear(void)
{
    (void)unlink(order_path());
    DIR *files = order_folder[0] != '\0' ? opendir(order_folder) : NULL;
    const struct dirent *file;
    while (files != NULL && (file = readdir(files)) != NULL)
        (void)unlinkat(dirfd(files), file->d_name, 0);
    if (files != NULL)
        closedir(files);
    if (order_folder[0] != '\0')
        (void)rmdir(order_folder);
    order_folder[0] = '\0';
}

void rig_order_set(const rig_order *order)
{
    char fresh[4200];
    rig_order_clear();
    if (order->once) {
        (void)snprintf(order_folder, sizeof order_folder, "%s/order-XXXXXX", getenv("TMPDIR"));
        ck_assert_ptr_nonnull(mkdtemp(order_folder));
    }
    (void)snprintf(fresh, sizeof fresh, "%s.new", order_path());
    FILE *file = fopen(fresh, "w");
    ck_assert_ptr_nonnull(file);
    ck_assert_int_gt(fprintf(file, "STOP_AT=%s\nSTOP_ACT=%s\n", order->at, order->act), 0);
    put_number(file, "STOP_TICKET", order->nth - 1, order->nth > 0);
    put_number(file, "STOP_EVERY", order->every, order->every > 0);
    put_number(file, "STOP_BELOW", order->below, order->below > 0);
    put_number(file, "STOP_ONE_OF", order->one_of, order->one_of > 0);
    put_number(file, "STOP_MS", order->ms, true);
    put_number(file, "STOP_SEED", (int64_t)(sn_test_seed() >> 1), true);
    if (order->once)
        ck_assert_int_gt(fprintf(file, "STOP_ONCE=%s\n", order_folder), 0);
    ck_assert_int_eq(fclose(file), 0);
    ck_assert_int_eq(rename(fresh, order_path()), 0);
}

int64_t rig_order_followed(void)
{
    DIR *files = opendir(order_folder);
    const struct dirent *file;
    int64_t count = 0;
    ck_assert_ptr_nonnull(files);
    while ((file = readdir(files)) != NULL)
        count += file->d_name[0] != '.';
    closedir(files);
    return count;
}

int64_t rig_order_time(uint64_t ticket)
{
    char path[sizeof order_folder + 32];
    long long ns = 0;
    (void)snprintf(path, sizeof path, "%s/%lld", order_folder, (long long)ticket);
    FILE *file = fopen(path, "re");
    if (file == NULL)
        return 0;
    if (fscanf(file, "%lld", &ns) != 1)
        ns = 0;
    (void)fclose(file);
    return ns;
}

/* -- Workers from inside ----------------------------------------------------------------------- */

static int open_control(void)
{
    DIR *files = opendir("/proc/self/fd");
    const struct dirent *file;
    int found = -1;
    ck_assert_ptr_nonnull(files);
    while (found < 0 && (file = readdir(files)) != NULL) {
        char target[4096];
        ssize_t bytes = readlinkat(dirfd(files), file->d_name, target, sizeof target - 1);
        target[bytes > 0 ? bytes : 0] = '\0';
        if (strncmp(target, "/memfd:seine-control", 20) == 0)
            found = openat(dirfd(files), file->d_name, O_RDONLY | O_CLOEXEC);
    }
    closedir(files);
    ck_assert_msg(found >= 0, "no loader is there");
    return found;
}

rig_view rig_view_open(void)
{
    rig_view view = { 0 };
    struct stat info;
    int fd = open_control();
    ck_assert_int_eq(fstat(fd, &info), 0);
    view.bytes = (size_t)info.st_size;
    view.base = mmap(NULL, view.bytes, PROT_READ, MAP_SHARED, fd, 0);
    ck_assert_ptr_ne(view.base, MAP_FAILED);
    close(fd);
    rig_require(sn__stream_attach(view.base, view.bytes, &view.stream));
    return view;
}

void rig_view_close(rig_view *view)
{
    munmap(view->base, view->bytes);
}

int rig_worker_pid(const rig_view *view, uint32_t worker)
{
    return (int)atomic_load(&sn__stream_worker(&view->stream, worker)->pid);
}

/* The state of process `pid` as /proc tells it, if it is a child of this one; else 'X'. */
static char state_of_child(int pid)
{
    char path[64], text[512], state = 'X';
    int parent = 0;
    (void)snprintf(path, sizeof path, "/proc/%d/stat", pid);
    FILE *file = fopen(path, "re");
    if (file == NULL)
        return 'X';
    size_t bytes = fread(text, 1, sizeof text - 1, file);
    (void)fclose(file);
    text[bytes] = '\0';
    const char *end = strrchr(text, ')');
    bool read = end != NULL && sscanf(end + 1, " %c %d", &state, &parent) == 2;
    return read && parent == getpid() ? state : 'X';
}

static bool is_running_child(int pid)
{
    char state = state_of_child(pid);
    return state != 'Z' && state != 'X';
}

/* The number may have gone to another process before the descriptor was there, not after it. */
bool rig_signal_process(int pid, int signal)
{
    int pidfd = pid > 0 ? pidfd_open(pid, 0) : -1;
    bool sent =
        pidfd >= 0 && is_running_child(pid) && pidfd_send_signal(pidfd, signal, NULL, 0) == 0;
    if (pidfd >= 0)
        close(pidfd);
    return sent;
}

bool rig_signal(const rig_view *view, uint32_t worker, int signal)
{
    return rig_signal_process(rig_worker_pid(view, worker), signal);
}

void rig_stop(const rig_view *view, uint32_t worker)
{
    int pid = rig_worker_pid(view, worker);
    ck_assert(rig_signal_process(pid, SIGSTOP));
    for (int i = 0; i < 2000 && state_of_child(pid) != 'T'; i++)
        rig_sleep_ms(1);
    ck_assert_int_eq(state_of_child(pid), 'T');
}
