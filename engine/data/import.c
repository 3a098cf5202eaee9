/* SPDX-License-Identifier: Apache-2.0 */
/* Importing: a description (from a manifest or from a list of .npy files) becomes a dataset
 * directory.
 *
 * Node types first, then edge types, in their declared order, each streamed from its files to the
 * directory under construction; any error or cancel removes that. Memory: what coo_to_csr.h says,
 * and a bit per node and split.
 * Threads: the job's own. */
#include "engine/data/import.h"

#include "base/mem.h"
#include "base/option.h"
#include "base/options_struct.h"
#include "engine/data/dataset.h"

#include <inttypes.h>
#include <stddef.h>

/* Sizes of the first versions of the structs. */
enum {
    FIRST_OPTIONS = offsetof(sn_import_options, progress_context) + sizeof(void *),
    FIRST_FILES = offsetof(sn_import_files, undirected) + sizeof(bool)
};

static sn_status read_options(const sn_import_options *given, sn_import_options *out)
{
    *out = (sn_import_options){ .struct_size = sizeof *out };
    if (given != NULL)
        SN_TRY(sn__options_read(out, sizeof *out, given, FIRST_OPTIONS, "import options"));
    if ((int)out->layout < SN_LAYOUT_DEFAULT || out->layout > SN_LAYOUT_CSC)
        return sn__fail(SN_E_INVALID, "import options: layout %d", (int)out->layout);
    return SN_OK;
}

/* -- The run ----------------------------------------------------------------------------------- */

static sn_status note_shuffle(const sn__import_job *job)
{
    uint64_t seed = job->options->shuffle_seed;
    if (job->options->shuffle_ends && json_object_set_new(job->import->info, "shuffled_ends",
                                                          json_sprintf("seed %" PRIu64, seed)) != 0)
        return sn__fail(SN_E_NOMEM, "information: out of memory");
    return SN_OK;
}

static sn_status fill(sn__import_job *job)
{
    sn__import *import = job->import;
    for (size_t i = 0; i < import->num_nodes; i++)
        SN_TRY(sn__import_node_type(job, i));
    for (size_t i = 0; i < import->num_edges; i++)
        SN_TRY(sn__import_edge_type(job, i));
    SN_TRY(sn__writer_tables(job->writer, job->threads, &job->progress));
    SN_TRY(sn__import_links(job));
    SN_TRY(note_shuffle(job));
    sn__writer_unlabelled(job->writer, import->unlabelled);
    return sn__writer_info(job->writer, import->info);
}

static sn_status run(sn__import *import, const char *out, const sn_import_options *options)
{
    sn__import_job job = { .import = import, .options = options };
    job.progress.call = options->progress;
    job.progress.context = options->progress_context;
    job.layout = options->layout == SN_LAYOUT_DEFAULT ? SN_LAYOUT_BOTH : options->layout;
    SN_TRY(sn__threads_resolve(options->threads, &job.threads));
    SN_TRY(sn__writer_begin(out, &job.writer));
    sn_status st = fill(&job);
    if (st != SN_OK) {
        sn__writer_abort(job.writer);
        return st;
    }
    return sn__writer_commit(job.writer, job.threads, &job.progress);
}

sn_status sn_import_manifest(const char *manifest, const char *out,
                             const sn_import_options *options)
{
    sn__import import = { 0 };
    sn_import_options known;
    if (manifest == NULL || out == NULL)
        return sn__fail(SN_E_INVALID, "import: no %s", manifest == NULL ? "manifest" : "output");
    SN_TRY(read_options(options, &known));
    sn_status st = sn__import_parse(manifest, &import);
    if (st == SN_OK)
        st = run(&import, out, &known);
    sn__import_free(&import);
    return st;
}

/* -- A list of files --------------------------------------------------------------------------- */

static sn_status copy_name(const char *from, char **to)
{
    return from == NULL ? SN_OK : sn__mem_strdup(from, to);
}

static sn_status rows_of(const char *path, int64_t *out)
{
    sn__npy npy;
    SN_TRY(sn__npy_open(path, &npy));
    sn_status st = SN_OK;
    if (npy.view.ndim < 1)
        st = sn__fail(SN_E_FORMAT, "%s: has no rows", path);
    else
        *out = npy.view.shape[0];
    sn__npy_close(&npy);
    return st;
}

/* As given, else from the features, else from the labels, else the greatest id and one. */
static sn_status count_nodes(const sn_import_files *files, const sn_import_options *options,
                             int64_t *out)
{
    int64_t greatest;
    int32_t threads;
    sn__progress progress = { options->progress, options->progress_context, 0 };
    if (files->num_nodes < 0 || files->num_nodes >= (int64_t)1 << 62)
        return sn__fail(SN_E_INVALID, "import: num_nodes %" PRId64 ", not 0 to 2^62 - 1",
                        files->num_nodes);
    if (files->num_nodes > 0) {
        *out = files->num_nodes;
        return SN_OK;
    }
    if (files->node_feat != NULL)
        return rows_of(files->node_feat, out);
    if (files->labels != NULL)
        return rows_of(files->labels, out);
    SN_TRY(sn__threads_resolve(options->threads, &threads));
    SN_TRY(sn__import_greatest_id(files->edges, threads, &progress, &greatest));
    if (greatest >= ((int64_t)1 << 62) - 1)
        return sn__fail(SN_E_RANGE, "%s: greatest id %" PRId64 ", not below 2^62 - 1", files->edges,
                        greatest);
    *out = greatest + 1;
    return SN_OK;
}

static sn_status describe(const sn_import_files *files, const sn_import_options *options,
                          sn__import *import)
{
    SN_TRY(sn__mem_zalloc(1, sizeof *import->nodes, "node type", &import->nodes));
    import->num_nodes = 1;
    SN_TRY(sn__mem_zalloc(1, sizeof *import->edges, "edge type", &import->edges));
    import->num_edges = 1;
    import->unlabelled = -1;
    import->info = json_object();
    if (import->info == NULL)
        return sn__fail(SN_E_NOMEM, "import: out of memory");
    sn__import_node *node = import->nodes;
    sn__import_edge *edge = import->edges;
    SN_TRY(count_nodes(files, options, &node->count));
    SN_TRY(copy_name("node", &node->name));
    SN_TRY(copy_name(files->node_feat, &node->x.file));
    SN_TRY(copy_name(files->labels, &node->y.file));
    SN_TRY(copy_name(files->node_times, &node->times.file));
    SN_TRY(copy_name("node", &edge->src));
    SN_TRY(copy_name("to", &edge->rel));
    SN_TRY(copy_name("node", &edge->dst));
    SN_TRY(sn__mem_zalloc(1, sizeof *edge->files, "file names", &edge->files));
    SN_TRY(copy_name(files->edges, &edge->files[0]));
    edge->num_files = 1;
    edge->undirected = files->undirected;
    SN_TRY(copy_name(files->edge_feat, &edge->x.file));
    SN_TRY(copy_name(files->weights, &edge->weights.file));
    return copy_name(files->times, &edge->times.file);
}

sn_status sn_import_edges(const sn_import_files *files, const char *out,
                          const sn_import_options *options)
{
    sn__import import = { 0 };
    sn_import_options known;
    sn_import_files known_files;
    if (files == NULL || out == NULL)
        return sn__fail(SN_E_INVALID, "import: no %s", files == NULL ? "files" : "output");
    SN_TRY(sn__options_read(&known_files, sizeof known_files, files, FIRST_FILES, "import files"));
    if (known_files.edges == NULL)
        return sn__fail(SN_E_INVALID, "import files: no edges");
    SN_TRY(read_options(options, &known));
    sn_status st = describe(&known_files, &known, &import);
    if (st == SN_OK)
        st = run(&import, out, &known);
    sn__import_free(&import);
    return st;
}
