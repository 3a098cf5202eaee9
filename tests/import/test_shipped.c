/* SPDX-License-Identifier: Apache-2.0 */
/* The graphs that ship with the project: what is said of them (counts, degrees, types) holds after
 * import. */
#include "data/support/folder.h"
#include "import/make.h"

#include <string.h>

static sn_dataset *import(const char *manifest, int32_t threads)
{
    ck_ok(sn_import_manifest(shipped(manifest), in_folder("out"),
                             SN_IMPORT_OPTIONS(.threads = threads)));
    return open_verified(in_folder("out"));
}

static sn_node_info node_info(const sn_dataset *dataset, const char *name)
{
    int32_t index;
    sn_node_info info;
    ck_ok(sn_dataset_find_node_type(dataset, name, &index));
    ck_ok(sn_dataset_node_type(dataset, index, &info));
    return info;
}

static sn_edge_info edge_info(const sn_dataset *dataset, const char *name)
{
    int32_t index;
    sn_edge_info info;
    ck_ok(sn_dataset_find_edge_type(dataset, name, &index));
    ck_ok(sn_dataset_edge_type(dataset, index, &info));
    return info;
}

/* Stored int8 of the source file beside the converted float32. */
static void check_features(const sn_node_info *info, const char *file, int64_t first)
{
    sn_array *array;
    ck_ok(sn_array_open(shipped(file), &array));
    const sn_tensor *stored = sn_array_view(array);
    int64_t columns = stored->shape[1];
    const int8_t *from = (const int8_t *)stored->data + first * columns;
    const float *to = info->x->data;
    ck_assert_int_eq(info->x->shape[0], info->count);
    ck_assert_int_eq(info->x->shape[1], columns);
    bool ok = true;
    for (int64_t i = 0; i < info->count * columns; i++)
        ok &= to[i] == (float)from[i] * 0.015625f;
    ck_assert(ok);
    sn_array_release(array);
}

START_TEST(debian_packages_is_the_undirected_union_that_its_description_says)
{
    sn_dataset *dataset = import("debian-packages/manifest.json", 2);
    ck_assert(sn_dataset_is_homogeneous(dataset));
    sn_node_info nodes = node_info(dataset, "package");
    sn_edge_info edges = edge_info(dataset, "package__related__package");
    ck_assert_int_eq(nodes.count, 63436);
    ck_assert_int_eq(edges.count, 651162);
    check_features(&nodes, "debian-packages/package_x.npy", 0);
    ck_assert_int_eq(nodes.train->shape[0] + nodes.val->shape[0] + nodes.test->shape[0], 63081);
    ck_assert_int_eq(nodes.train->shape[0], 37848);

    int64_t most = 0, isolated = 0, unlabelled = 0, asymmetric = 0;
    const int32_t *out = edges.csr.indices.data, *in = edges.csc.indices.data;
    const int8_t *y = nodes.y->data;
    for (int64_t v = 0; v < nodes.count; v++) {
        int64_t degree = edges.csr.indptr[v + 1] - edges.csr.indptr[v];
        most = degree > most ? degree : most;
        isolated += degree == 0;
        unlabelled += y[v] == sn_dataset_unlabelled(dataset);
        asymmetric += edges.csc.indptr[v] != edges.csr.indptr[v];
    }
    ck_assert_int_eq(most, 21823);
    ck_assert_int_eq((isolated * 1000 + 31718) / 63436, 27); /* 2.7 % */
    ck_assert_int_eq(unlabelled, 355);
    ck_assert_int_eq(asymmetric, 0);
    ck_assert_mem_eq(out, in, 651162 * sizeof *out);

    const char *meta = sn_dataset_meta(dataset);
    ck_assert_ptr_nonnull(strstr(meta, "\"names\": \"node0.names.txt\""));
    ck_assert_ptr_nonnull(strstr(meta, "\"name\": \"debian-packages\""));
    ck_assert_ptr_nonnull(strstr(meta, "\"cli-mono\""));
    size_t bytes, source_bytes;
    char *names = get_file(in_folder("out/node0.names.txt"), &bytes);
    char *source = get_file(shipped("debian-packages/package_names.txt"), &source_bytes);
    ck_assert(bytes == source_bytes && memcmp(names, source, bytes) == 0);
    free(names);
    free(source);
    sn_dataset_release(dataset);
}
END_TEST

START_TEST(debian_packages_typed_has_its_types_in_the_declared_order)
{
    sn_dataset *dataset = import("debian-packages/typed.json", 1);
    ck_assert(!sn_dataset_is_homogeneous(dataset));
    ck_assert_int_eq(sn_dataset_num_node_types(dataset), 3);
    ck_assert_int_eq(sn_dataset_num_edge_types(dataset), 11);
    ck_assert_int_eq(node_info(dataset, "source").count, 34169);
    ck_assert_int_eq(node_info(dataset, "maintainer").count, 2104);
    ck_assert_ptr_null(node_info(dataset, "maintainer").x);
    sn_edge_info first;
    ck_ok(sn_dataset_edge_type(dataset, 0, &first));
    ck_assert_str_eq(first.name, "package__depends__package");
    ck_assert_int_eq(first.count, 271227);
    sn_edge_info built = edge_info(dataset, "package__built_from__source");
    ck_assert_int_eq(built.count, 63436);
    ck_assert_int_eq(built.csr.rows, 63436);
    ck_assert_int_eq(built.csc.rows, 34169);
    sn_dataset_release(dataset);
}
END_TEST

START_TEST(wordnet_is_typed_with_every_synset_and_pointer)
{
    static const struct {
        const char *name;
        int64_t count, first;
    } kinds[] = { { "noun", 82115, 0 },
                  { "verb", 13767, 82115 },
                  { "adj", 18156, 95882 },
                  { "adv", 3621, 114038 } };
    sn_dataset *dataset = import("wordnet/manifest.json", 2);
    int64_t synsets = 0;
    for (int i = 0; i < 4; i++) {
        sn_node_info info = node_info(dataset, kinds[i].name);
        ck_assert_int_eq(info.count, kinds[i].count);
        synsets += info.count;
        check_features(&info, "wordnet/x.npy", kinds[i].first);
    }
    ck_assert_int_eq(synsets, 117659);
    ck_assert_int_eq(node_info(dataset, "lemma").count, 147306);
    ck_assert_int_eq(sn_dataset_num_edge_types(dataset), 42);
    ck_assert_int_eq(edge_info(dataset, "noun__hypernym__noun").count, 75850);
    ck_assert_int_eq(edge_info(dataset, "verb__domain_region__noun").count, 2);
    sn_dataset_release(dataset);
}
END_TEST

START_TEST(wordnet_links_carries_its_pairs)
{
    static const char *const names[] = { "val_pos", "val_neg", "test_pos", "test_neg" };
    sn_dataset *dataset = import("wordnet/links.json", 3);
    ck_assert_int_eq(edge_info(dataset, "synset__related__synset").count, 2 * 147033);
    for (int i = 0; i < 4; i++) {
        const sn_tensor *pairs = sn_dataset_link(dataset, names[i]);
        ck_assert_ptr_nonnull(pairs);
        ck_assert_int_eq(pairs->shape[0], 2);
        ck_assert_int_eq(pairs->shape[1], 18378);
    }
    const sn_tensor *candidates = sn_dataset_link(dataset, "candidates");
    ck_assert_int_eq(candidates->ndim, 1);
    ck_assert_int_eq(candidates->shape[0], 500);
    sn_array *array;
    ck_ok(sn_array_open(shipped("wordnet/link_test_neg.npy"), &array));
    ck_assert_mem_eq(sn_dataset_link(dataset, "test_neg")->data, sn_array_view(array)->data,
                     2 * 18378 * sizeof(int32_t));
    sn_array_release(array);
    sn_dataset_release(dataset);
}
END_TEST

START_TEST(shipped_graphs_import_to_the_same_bytes_with_any_number_of_threads)
{
    static const char *const all[] = { "debian-packages/manifest.json", "wordnet/links.json" };
    for (int i = 0; i < 2; i++) {
        ck_ok(
            sn_import_manifest(shipped(all[i]), in_folder("one"), SN_IMPORT_OPTIONS(.threads = 1)));
        for (int32_t threads = 2; threads <= 3; threads++) {
            ck_ok(sn_import_manifest(shipped(all[i]), in_folder("more"),
                                     SN_IMPORT_OPTIONS(.threads = threads)));
            check_same_dir(in_folder("one"), in_folder("more"));
        }
    }
}
END_TEST

int main(void)
{
    TCase *cases = tcase_create("shipped");
    tcase_set_timeout(cases, 100);
    tcase_add_test(cases, debian_packages_is_the_undirected_union_that_its_description_says);
    tcase_add_test(cases, debian_packages_typed_has_its_types_in_the_declared_order);
    tcase_add_test(cases, wordnet_is_typed_with_every_synset_and_pointer);
    tcase_add_test(cases, wordnet_links_carries_its_pairs);
    tcase_add_test(cases, shipped_graphs_import_to_the_same_bytes_with_any_number_of_threads);
    return run_in_folder("shipped graphs", cases);
}
