/* SPDX-License-Identifier: Apache-2.0 */
/* The promise on memory: an import of a few million edges, each layout, stays below 2.2 times the
 * index arrays that it writes, everything resident counted (libraries, mapped input and output).
 * Each import runs in a process of its own, whose peak the system tells. */
#include "data/support/folder.h"
#include "import/make.h"

#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

enum { NODES = 200000, EDGES = 4000000 };

static int64_t index_bytes(const char *path)
{
    int64_t bytes = 0;
    sn_dataset *dataset;
    sn_edge_info info;
    ck_ok(sn_dataset_open(path, NULL, &dataset));
    ck_ok(sn_dataset_edge_type(dataset, 0, &info));
    const sn_adjacency *layouts[2] = { &info.csr, &info.csc };
    for (int i = 0; i < 2; i++)
        if (layouts[i]->indptr != NULL)
            bytes += (layouts[i]->rows + 1) * 8 + sn_tensor_bytes(&layouts[i]->indices) +
                     (layouts[i]->edge_ids != NULL ? info.count * 8 : 0);
    sn_dataset_release(dataset);
    return bytes;
}

/* The peak of a process that makes the dataset; it begins with little of its own. */
static int64_t peak_of(sn_status (*make)(const void *context), const void *context)
{
    pid_t child = fork();
    ck_assert_int_ge(child, 0);
    if (child == 0) {
        sn_status status = make(context);
        if (status != SN_OK)
            fprintf(stderr, "%s\n", sn_error_detail());
        _exit(status == SN_OK ? 0 : 1);
    }
    struct rusage usage;
    int result;
    ck_assert_int_eq(wait4(child, &result, 0, &usage), child);
    ck_assert_int_eq(result, 0);
    return usage.ru_maxrss * 1024;
}

static void check_peak(const char *what, int64_t peak)
{
    int64_t written = index_bytes(in_folder("out"));
    printf("%-32s %6.1f MB written, peak %6.1f MB: %.2f times\n", what, (double)written / 1e6,
           (double)peak / 1e6, (double)peak / (double)written);
    ck_assert_msg((double)peak < 2.2 * (double)written, "%s: %.2f times", what,
                  (double)peak / (double)written);
    remove_tree(in_folder("out"));
}

typedef struct kind {
    const char *name;
    sn_layout layout;
    const char *flags; /* of the edge type */
} kind;

static sn_status import_kind(const void *context)
{
    const kind *k = context;
    return sn_import_manifest(in_folder("%s.json", k->name), in_folder("out"),
                              SN_IMPORT_OPTIONS(.threads = 2, .layout = k->layout));
}

static void save_kind(const kind *k)
{
    char text[512];
    snprintf(
        text, sizeof text,
        "{\"format\": \"seine-import-1\", \"node_types\": {\"n\": {\"count\": %d}}, \"edge_types\":"
        " [{\"type\": [\"n\", \"r\", \"n\"], \"files\": [\"%.20s.npy\"]%s}]}",
        NODES, k->name, k->flags);
    put_text(in_folder("%s.json", k->name), text);
}

/* Written block by block: the test itself must stay small, as a fork begins with its pages. */
static void save_edges(const char *name, int64_t (*id)(int64_t row, int64_t i))
{
    static int32_t block[1 << 16];
    int64_t shape[2] = { 2, EDGES };
    FILE *file = fopen(in_folder("%s.npy", name), "wb");
    ck_assert_ptr_nonnull(file);
    char header[128];
    int used = snprintf(header + 10, sizeof header - 10,
                        "{'descr': '<i4', 'fortran_order': False, 'shape': (%d, %d), }",
                        (int)shape[0], (int)shape[1]);
    memset(header + 10 + used, ' ', sizeof header - 10 - (size_t)used);
    memcpy(header, "\x93NUMPY\x01\x00\x76\x00", 10);
    header[127] = '\n';
    ck_assert_uint_eq(fwrite(header, 1, 128, file), 128);
    for (int64_t row = 0; row < 2; row++)
        for (int64_t i = 0; i < EDGES;) {
            size_t n = 0;
            for (; n < 1 << 16 && i < EDGES; i++)
                block[n++] = (int32_t)id(row, i);
            ck_assert_uint_eq(fwrite(block, sizeof block[0], n, file), n);
        }
    ck_assert_int_eq(fclose(file), 0);
}

static int64_t any_id(int64_t row, int64_t i)
{
    (void)row;
    (void)i;
    return draw_below(1 + draw_below(NODES)); /* low ids more often */
}

static int64_t sorted_id(int64_t row, int64_t i)
{
    return row == 0 ? i / 20 % NODES : i % 20 * 1000;
}

static int64_t star_id(int64_t row, int64_t i)
{
    return row == 0 ? draw_below(NODES) : i % 1000 == 0 ? draw_below(NODES) : 7;
}

START_TEST(import_peaks_below_its_promise)
{
    static const kind kinds[] = {
        { "any", SN_LAYOUT_BOTH, "" },
        { "any", SN_LAYOUT_CSR, "" },
        { "any", SN_LAYOUT_CSC, "" },
        { "sorted", SN_LAYOUT_BOTH, "" },
        { "star", SN_LAYOUT_CSR, "" },
        { "star", SN_LAYOUT_CSC, "" }, /* one row has nearly all edges */
        { "any", SN_LAYOUT_BOTH, ", \"undirected\": true" },
        { "any", SN_LAYOUT_CSC, ", \"undirected\": true, \"deduplicate\": true" },
        { "any", SN_LAYOUT_BOTH, ", \"deduplicate\": true" },
    };
    draw_from(71);
    save_edges("any", any_id);
    save_edges("sorted", sorted_id);
    save_edges("star", star_id);
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        char what[128];
        snprintf(what, sizeof what, "%s, layout %d%s", kinds[i].name, (int)kinds[i].layout,
                 kinds[i].flags);
        save_kind(&kinds[i]);
        check_peak(what, peak_of(import_kind, &kinds[i]));
    }
}
END_TEST

static sn_status generate(const void *context)
{
    return sn_gen_rmat(context, in_folder("out"));
}

START_TEST(rmat_peaks_below_its_promise)
{
    for (int undirected = 0; undirected < 2; undirected++)
        for (int layout = SN_LAYOUT_BOTH; layout <= SN_LAYOUT_CSC; layout++) {
            sn_rmat_options o = { .struct_size = sizeof o,
                                  .scale = 19,
                                  .degree = 16,
                                  .threads = 2,
                                  .undirected = undirected,
                                  .layout = (sn_layout)layout };
            char what[64];
            snprintf(what, sizeof what, "rmat, layout %d, undirected %d", layout, undirected);
            check_peak(what, peak_of(generate, &o));
        }
}
END_TEST

int main(void)
{
    TCase *cases = tcase_create("memory");
    tcase_set_timeout(cases, 200);
    tcase_add_test(cases, import_peaks_below_its_promise);
    tcase_add_test(cases, rmat_peaks_below_its_promise);
    return run_in_folder("memory", cases);
}
