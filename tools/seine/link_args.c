/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/seine/link_args.h"

#include "tools/seine/report.h"

#include <stdlib.h>
#include <string.h>

#define AT(member) offsetof(plan_args, member)

static const arg link_flags[] = {
    { .name = "--links",
      .value = "all|NAME|FILE.npy",
      .text = "pairs of nodes as seeds: all edges by id, a list of the dataset, or a file [2, P]",
      .kind = ARG_TEXT,
      .offset = AT(links) },
    { .name = "--edge-type",
      .value = "TYPE",
      .text = "edge type of the pairs, src__rel__dst, where the dataset has several",
      .kind = ARG_TEXT,
      .offset = AT(edge_type) },
    { .name = "--link-labels",
      .value = "FILE.npy",
      .text = "a label for each pair [P]",
      .kind = ARG_TEXT,
      .offset = AT(link_labels) },
    { .name = "--neg",
      .value = "binary:A|triplet:A",
      .text = "negative links, A for each pair: pairs of their own, or destinations for its source",
      .kind = ARG_TEXT,
      .offset = AT(neg) },
    { .name = "--non-strict",
      .text = "negatives may be edges",
      .kind = ARG_SWITCH,
      .offset = AT(non_strict) },
    { .name = "--neg-by-degree",
      .text = "draw the ends of negatives in proportion to their degree",
      .kind = ARG_SWITCH,
      .offset = AT(neg_by_degree) },
    { .name = "--remove-links",
      .text = "leave the batch's pairs, and edges that lead back, out of its edges",
      .kind = ARG_SWITCH,
      .offset = AT(remove_links) },
};
const arg_group link_group = ARG_GROUP("Links", link_flags);

static bool ends_in_npy(const char *text)
{
    size_t length = strlen(text);
    return length >= 4 && strcmp(text + length - 4, ".npy") == 0;
}

int link_args_check(const plan_args *args)
{
    const struct {
        const char *name, *value;
        bool given;
    } needs_links[] = {
        { "--edge-type", args->edge_type, args->edge_type != NULL },
        { "--link-labels", args->link_labels, args->link_labels != NULL },
        { "--neg", args->neg, args->neg != NULL },
        { "--non-strict", NULL, args->non_strict },
        { "--neg-by-degree", NULL, args->neg_by_degree },
        { "--remove-links", NULL, args->remove_links },
    };
    for (size_t i = 0; i < sizeof needs_links / sizeof *needs_links && args->links == NULL; i++)
        if (needs_links[i].given)
            return report_usage("%s%s%s: only with --links", needs_links[i].name,
                                needs_links[i].value != NULL ? " " : "",
                                needs_links[i].value != NULL ? needs_links[i].value : "");
    if (args->links != NULL && (args->input != NULL || args->input_type != NULL))
        return report_usage("--links: not together with %s",
                            args->input != NULL ? "--input" : "--input-type");
    if (args->links != NULL && args->subgraph)
        return report_usage("--links: not together with --subgraph");
    if (args->neg == NULL && (args->non_strict || args->neg_by_degree))
        return report_usage("%s: only with --neg",
                            args->non_strict ? "--non-strict" : "--neg-by-degree");
    return CODE_DONE;
}

static int choose_edge_type(const plan_args *args, const sn_dataset *dataset, int32_t *out)
{
    if (args->edge_type != NULL) {
        sn_status st = sn_dataset_find_edge_type(dataset, args->edge_type, out);
        return st == SN_OK ? CODE_DONE : report_usage("--edge-type: %s", sn_error_detail());
    }
    if (sn_dataset_num_edge_types(dataset) > 1)
        return report_usage("--edge-type: needed, the dataset has %d edge types",
                            sn_dataset_num_edge_types(dataset));
    *out = 0;
    return CODE_DONE;
}

/* "binary:1.5" or "triplet:3". */
static int parse_neg(const char *text, sn_link_options *out)
{
    const char *colon = strchr(text, ':');
    size_t length = colon != NULL ? (size_t)(colon - text) : 0;
    if (length == 6 && strncmp(text, "binary", 6) == 0)
        out->neg = SN_NEG_BINARY;
    else if (length == 7 && strncmp(text, "triplet", 7) == 0)
        out->neg = SN_NEG_TRIPLET;
    if (out->neg != SN_NEG_NONE && strspn(colon + 1, "0123456789.") == strlen(colon + 1)) {
        char *end;
        out->amount = strtod(colon + 1, &end);
        int64_t whole;
        bool fits = out->neg == SN_NEG_BINARY || args_int(colon + 1, 1, INT32_MAX, &whole);
        if (end != colon + 1 && *end == '\0' && out->amount > 0 && out->amount <= INT32_MAX && fits)
            return CODE_DONE;
    }
    return report_usage("--neg: '%s' is not binary:A with A above 0, or triplet:A with a whole "
                        "number A",
                        text);
}

static int open_array(const char *path, sn_array **array, const sn_tensor **view)
{
    sn_status st = sn_array_open(path, array);
    if (st != SN_OK)
        return report_library(st);
    *view = sn_array_view(*array);
    return CODE_DONE;
}

static int find_pairs(const plan_args *args, const sn_dataset *dataset, link_input *out)
{
    if (strcmp(args->links, "all") == 0)
        return CODE_DONE;
    if (ends_in_npy(args->links))
        return open_array(args->links, &out->pairs, &out->options.pairs);
    out->options.pairs = sn_dataset_link(dataset, args->links);
    if (out->options.pairs == NULL)
        return report_failure(
            "--links: '%s' is not all, a list of links that the dataset has, or a "
            "file that ends in .npy",
            args->links);
    return CODE_DONE;
}

int link_input_open(const plan_args *args, const sn_dataset *dataset, link_input *out)
{
    sn_link_options *options = &out->options;
    options->struct_size = sizeof *options;
    options->non_strict = args->non_strict;
    options->by_degree = args->neg_by_degree;
    options->remove = args->remove_links;
    int code = CODE_DONE;
    if (args->neg != NULL)
        code = parse_neg(args->neg, options);
    if (code == CODE_DONE)
        code = choose_edge_type(args, dataset, &options->edge_type);
    if (code == CODE_DONE)
        code = find_pairs(args, dataset, out);
    if (code == CODE_DONE && args->link_labels != NULL)
        code = open_array(args->link_labels, &out->labels, &options->labels);
    return code;
}

void link_input_close(link_input *self)
{
    sn_array_release(self->pairs);
    sn_array_release(self->labels);
}
