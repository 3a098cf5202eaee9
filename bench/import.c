/* SPDX-License-Identifier: Apache-2.0 */
/* seine bench import: edges per second from a file to a dataset with both layouts, hashes included,
 * in turn with reading and writing as many bytes and nothing else; with one thread and with all.
 * And the most memory that an import had, mapped files included, against what it wrote.
 *
 * Each import is a process of its own, so that its peak of memory (VmHWM) is of that one alone.
 * Files go to the page cache; where that is full both the import and the copy wait for the disk. */
#include "bench/edge_file.h"
#include "bench/file_copy.h"
#include "bench/folder.h"
#include "bench/rows.h"
#include "seine/seine.h"
#include "tools/seine/bench_args.h"
#include "tools/seine/progress_bar.h"
#include "tools/seine/report.h"
#include "tools/seine/seconds.h"

#include <errno.h>
#include <math.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

/* -- One import, in a process of its own ------------------------------------------------------- */

/* What the process says at its end. */
typedef struct outcome {
    sn_status status;
    int64_t edges;
    double seconds, cpu_seconds, peak_bytes;
    char detail[400];
} outcome;

static double peak_here(void)
{
    char line[256];
    double kibibytes = NAN;
    FILE *file = fopen("/proc/self/status", "re");
    while (file != NULL && fgets(line, sizeof line, file) != NULL)
        if (strncmp(line, "VmHWM:", 6) == 0)
            kibibytes = strtod(line + 6, NULL);
    if (file != NULL)
        fclose(file);
    return kibibytes * 1024;
}

/* Of all threads, user and system: what it takes where others do not leave it the cores. */
static double cpu_seconds_here(void)
{
    struct rusage used;
    if (getrusage(RUSAGE_SELF, &used) != 0)
        return NAN;
    return (double)(used.ru_utime.tv_sec + used.ru_stime.tv_sec) +
           (double)(used.ru_utime.tv_usec + used.ru_stime.tv_usec) * 1e-6;
}

static sn_status count_edges(const char *path, int64_t *out)
{
    sn_dataset *dataset;
    sn_edge_info info;
    sn_status st = sn_dataset_open(path, NULL, &dataset);
    if (st != SN_OK)
        return st;
    st = sn_dataset_edge_type(dataset, 0, &info);
    *out = st == SN_OK ? info.count : 0;
    sn_dataset_release(dataset);
    return st;
}

static bool was_not_stopped(void *context, const char *stage, uint64_t done, uint64_t total)
{
    (void)context, (void)stage, (void)done, (void)total;
    return report_signal == 0;
}

static _Noreturn void import_here(const char *edges, const char *to, int32_t threads, int out)
{
    outcome of = { .edges = 0 };
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    double start = seconds_now();
    of.status = sn_import_edges(SN_IMPORT_FILES(.edges = edges), to,
                                SN_IMPORT_OPTIONS(.layout = SN_LAYOUT_BOTH, .threads = threads,
                                                  .progress = was_not_stopped));
    of.seconds = seconds_now() - start;
    of.cpu_seconds = cpu_seconds_here();
    of.peak_bytes = peak_here();
    if (of.status == SN_OK)
        of.status = count_edges(to, &of.edges);
    if (of.status != SN_OK)
        snprintf(of.detail, sizeof of.detail, "%.399s", sn_error_detail());
    _exit(write(out, &of, sizeof of) == (ssize_t)sizeof of ? 0 : 1);
}

/* Until the process has said how it ended; a signal to this process goes on to that one. */
static bool hear(int from, pid_t child, outcome *of)
{
    struct pollfd ready = { .fd = from, .events = POLLIN };
    for (bool told = false;;) {
        int count = poll(&ready, 1, 100);
        if (report_signal != 0 && !told)
            told = kill(child, SIGTERM) == 0;
        if (count > 0)
            return read(from, of, sizeof *of) == (ssize_t)sizeof *of;
        if (count < 0 && errno != EINTR)
            return false;
    }
}

static int import_apart(const char *edges, const char *to, int32_t threads, outcome *out)
{
    int ends[2];
    outcome of = { .edges = 0 };
    if (pipe(ends) != 0)
        return report_failure("bench import: pipe: %s", strerror(errno));
    pid_t child = fork();
    if (child == 0)
        import_here(edges, to, threads, ends[1]);
    close(ends[1]);
    bool heard = child > 0 && hear(ends[0], child, &of);
    close(ends[0]);
    if (child < 0)
        return report_failure("bench import: a process: %s", strerror(errno));
    while (waitpid(child, NULL, 0) < 0 && errno == EINTR)
        ;
    if (report_signal != 0)
        return report_interrupted();
    if (!heard)
        return report_failure("bench import: the process that imports ended without a word");
    if (of.status != SN_OK)
        return report_failure("%s", of.detail);
    *out = of;
    return CODE_DONE;
}

/* -- All of them ------------------------------------------------------------------------------- */

enum column { IMPORT, COPY, PEAK, WRITTEN, CPU, COLUMNS };

/* With one number of threads. */
typedef struct series {
    int32_t threads;
    double *columns[COLUMNS]; /* [runs] */
} series;

typedef struct bench {
    const bench_import_args *args;
    const char *edges; /* the file */
    char folder[FOLDER_BYTES];
    series series[2];
    int count;
} bench;

static int measure_one(bench *self, series *to, int64_t run)
{
    char dataset[FOLDER_PATH], copy[FOLDER_PATH];
    outcome of = { .edges = 0 };
    double copying = NAN;
    folder_path(self->folder, "dataset", dataset);
    int code = import_apart(self->edges, dataset, to->threads, &of);
    double written = folder_bytes(dataset);
    folder_remove(dataset);
    if (code == CODE_DONE)
        code = file_copy(self->edges, folder_path(self->folder, "copy", copy), (int64_t)written,
                         to->threads, &copying);
    if (code != CODE_DONE)
        return code;
    to->columns[IMPORT][run] = (double)of.edges / of.seconds / 1e6;
    to->columns[CPU][run] = (double)of.edges / of.cpu_seconds / 1e6;
    to->columns[COPY][run] = (double)of.edges / copying / 1e6;
    to->columns[PEAK][run] = of.peak_bytes / (1 << 20);
    to->columns[WRITTEN][run] = written / (1 << 20);
    return CODE_DONE;
}

static void print_results(const bench *self, series *of)
{
    static const struct {
        const char *name, *unit, *limit_name;
        enum column values, limits;
    } rows[] = { { "import, both layouts", "M edges/s", "the same bytes copied", IMPORT, COPY },
                 { "import, of CPU time", "M edges/s", NULL, CPU, COLUMNS },
                 { "memory of an import", "MiB", "what it wrote", PEAK, WRITTEN } };
    for (int i = 0; i < 3; i++) {
        double *limits = rows[i].limits != COLUMNS ? of->columns[rows[i].limits] : NULL;
        bench_row row = row_of_pairs(of->columns[rows[i].values], limits, self->args->runs);
        row.bench = "import";
        row.name = rows[i].name;
        row.unit = rows[i].unit;
        row.limit_name = rows[i].limit_name;
        row.threads = of->threads;
        print_row(&row, self->args->json);
    }
}

static int measure(bench *self)
{
    int64_t runs = self->args->runs;
    for (int64_t run = 0; run < runs; run++)
        for (int i = 0; i < self->count; i++) {
            int code = measure_one(self, &self->series[i], run);
            if (code != CODE_DONE)
                return code;
            if (!bar_progress(NULL, "imports and copies", (uint64_t)(run * self->count + i + 1),
                              (uint64_t)(runs * self->count)))
                return report_interrupted();
        }
    bar_clear();
    for (int i = 0; i < self->count; i++)
        print_results(self, &self->series[i]);
    return CODE_DONE;
}

static int with_edges(bench *self)
{
    char path[FOLDER_PATH];
    int64_t count = self->args->degree << self->args->scale;
    self->edges = self->args->edges;
    if (self->edges != NULL)
        return measure(self);
    fprintf(stderr, "no --edges: %lld edges over 2^%lld nodes are made in %s, and removed\n",
            (long long)count, (long long)self->args->scale, self->folder);
    self->edges = folder_path(self->folder, "edges.npy", path);
    int code = edge_file_make(path, self->args->scale, count);
    return code == CODE_DONE ? measure(self) : code;
}

int bench_import(const bench_import_args *args)
{
    bench self = { .args = args, .count = 1 };
    int32_t threads = args->threads != ARG_NOT_GIVEN ? (int32_t)args->threads
                                                     : sn_system_get_info().cores_granted;
    size_t runs = (size_t)args->runs;
    double *values = calloc(2 * COLUMNS * runs, sizeof *values);
    if (values == NULL)
        return report_failure("bench: out of memory");
    for (size_t i = 0; i < 2 * COLUMNS; i++)
        self.series[i / COLUMNS].columns[i % COLUMNS] = values + i * runs;
    self.series[0].threads = 1;
    if (threads > 1)
        self.series[self.count++].threads = threads;
    int code = folder_make(self.folder);
    if (code == CODE_DONE)
        code = with_edges(&self);
    folder_remove(self.folder);
    free(values);
    return code;
}
