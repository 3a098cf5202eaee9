/* SPDX-License-Identifier: Apache-2.0 */
/* The R-MAT generator: the same bytes always, held against a model that knows only what rmat.h
 * says. */
#include "base/random.h"
#include "data/support/folder.h"
#include "engine/data/convert.h"
#include "engine/data/rmat.h"
#include "import/make.h"
#include "support/scale.h"

#include <stdio.h>
#include <string.h>

static uint64_t key_of(uint64_t seed, uint64_t purpose)
{
    return sn__phase_key(seed, 0, 0, 0x524D4154 + purpose, 0, 0);
}

/* -- The model --------------------------------------------------------------------------------- */

static uint64_t rounded(double p)
{
    return (uint64_t)(p * 4294967296.0 + 0.5);
}

static void model_edge(const sn_rmat_options *o, uint64_t i, uint64_t *src, uint64_t *dst)
{
    uint64_t n = (uint64_t)o->num_nodes, key = key_of(o->seed, 0);
    int levels = 0;
    while ((uint64_t)1 << levels < n)
        levels++;
    for (uint32_t attempt = 0;; attempt++) {
        *src = *dst = 0;
        for (int l = 0; l < levels; l++) {
            uint32_t counter[4] = { (uint32_t)i, (uint32_t)(i >> 32), (uint32_t)l / 4, attempt };
            uint32_t words[4];
            sn__philox(key, counter, words);
            uint64_t w = words[l % 4];
            int quadrant = w < rounded(o->a)                 ? 0
                           : w < rounded(o->a + o->b)        ? 1
                           : w < rounded(o->a + o->b + o->c) ? 2
                                                             : 3;
            *src = 2 * *src + (uint64_t)(quadrant / 2);
            *dst = 2 * *dst + (uint64_t)(quadrant % 2);
        }
        if (*src < n && *dst < n)
            break;
        if (attempt == 63) {
            uint64_t top = (uint64_t)1 << (levels - 1);
            *src -= *src >= n ? top : 0;
            *dst -= *dst >= n ? top : 0;
            break;
        }
    }
    sn__shuffle shuffle = sn__shuffle_make(key_of(o->seed, 1), 0, n);
    *src = sn__shuffle_at(&shuffle, *src);
    *dst = sn__shuffle_at(&shuffle, *dst);
}

/* edge[src * n + dst]: whether it is there. */
static char *model_matrix(const sn_rmat_options *o)
{
    int64_t n = o->num_nodes;
    char *edge = calloc(1, (size_t)(n * n));
    for (int64_t i = 0; i < n * o->degree; i++) {
        uint64_t src, dst;
        model_edge(o, (uint64_t)i, &src, &dst);
        edge[src * (uint64_t)n + dst] = 1;
        if (o->undirected)
            edge[dst * (uint64_t)n + src] = 1;
    }
    return edge;
}

static void check_edges(const sn_dataset *dataset, const sn_rmat_options *o)
{
    sn_edge_info info;
    ck_ok(sn_dataset_edge_type(dataset, 0, &info));
    char *edge = model_matrix(o);
    int64_t count = 0, at = 0;
    for (int64_t i = 0; i < o->num_nodes * o->num_nodes; i++)
        count += edge[i];
    ck_assert_int_eq(info.count, count);
    bool ok = true;
    for (int64_t r = 0; r < o->num_nodes && info.csr.indptr != NULL; r++) {
        ok &= info.csr.indptr[r] == at;
        for (int64_t d = 0; d < o->num_nodes; d++)
            if (edge[r * o->num_nodes + d])
                ok &= ((const int32_t *)info.csr.indices.data)[at++] == d;
    }
    ck_assert(ok);
    if (info.csr.indptr != NULL)
        ck_assert_ptr_null(info.csr.edge_ids);
    for (int64_t d = 0; d < o->num_nodes && info.csc.indptr != NULL; d++)
        for (int64_t i = info.csc.indptr[d]; i < info.csc.indptr[d + 1]; i++)
            ok &= edge[((const int32_t *)info.csc.indices.data)[i] * o->num_nodes + d];
    ck_assert(ok);
    free(edge);
}

static uint32_t word_of(const sn_rmat_options *o, uint64_t purpose, int64_t e)
{
    uint32_t counter[4] = { (uint32_t)(e / 4), 0, 0, 0 }, words[4];
    sn__philox(key_of(o->seed, purpose), counter, words);
    return words[e % 4];
}

static void check_weights_and_times(const sn_dataset *dataset, const sn_rmat_options *o)
{
    sn_edge_info info;
    ck_ok(sn_dataset_edge_type(dataset, 0, &info));
    ck_assert_int_eq(info.weights != NULL, o->weights);
    ck_assert_int_eq(info.times != NULL, o->times);
    bool ok = true;
    for (int64_t e = 0; e < info.count && o->weights; e++) {
        float weight = ((const float *)info.weights->data)[e];
        ok &= weight > 0 && weight <= 1;
        ok &= weight == (float)((word_of(o, 5, e) >> 8) + 1) / 16777216.0f;
    }
    for (int64_t e = 0; e < info.count && o->times; e++) {
        int64_t time = ((const int64_t *)info.times->data)[e];
        ok &= time >= 0 && time < 1 << 20;
        ok &= time == word_of(o, 6, e) >> 12;
    }
    ck_assert(ok);
}

static void check_nodes(const sn_dataset *dataset, const sn_rmat_options *o)
{
    sn_node_info info;
    ck_ok(sn_dataset_node_type(dataset, 0, &info));
    ck_assert_int_eq(info.count, o->num_nodes);
    ck_assert_int_eq(info.x != NULL, o->feat_dim > 0);
    bool ok = true;
    for (int64_t e = 0; e < o->num_nodes * o->feat_dim; e++) {
        uint32_t counter[4] = { (uint32_t)(e / 4), 0, 0, 0 }, words[4];
        sn__philox(key_of(o->seed, 2), counter, words);
        double value = o->feat_float16 ? (words[e % 4] >> 21) / 1024.0 - 1
                                       : (words[e % 4] >> 8) / 8388608.0 - 1;
        double stored = o->feat_float16 ? sn__half_to_double(((const uint16_t *)info.x->data)[e])
                                        : (double)((const float *)info.x->data)[e];
        ok &= value == stored;
    }
    int64_t classes = o->classes > 0 ? o->classes : 16, chosen = o->num_nodes / 10;
    int bits = classes <= 128 ? 8 : classes <= 32768 ? 16 : 32;
    ck_assert_int_eq(info.y->dtype.bits, bits);
    for (int64_t v = 0; v < o->num_nodes; v++) {
        sn__draws draws;
        sn__draws_begin(&draws, key_of(o->seed, 3), (uint64_t)v, 0, 0);
        int64_t label = (int64_t)sn__draw(&draws, 0, (uint64_t)classes);
        ok &= label == (bits == 8    ? ((const int8_t *)info.y->data)[v]
                        : bits == 16 ? ((const int16_t *)info.y->data)[v]
                                     : ((const int32_t *)info.y->data)[v]);
    }
    ck_assert(ok);
    chosen = chosen > 0 ? chosen : 1;
    ck_assert_int_eq(info.train->shape[0], chosen);
    const int32_t *train = info.train->data;
    sn__shuffle shuffle = sn__shuffle_make(key_of(o->seed, 4), 0, (uint64_t)o->num_nodes);
    for (int64_t i = 0; i < chosen; i++) {
        int64_t v = (int64_t)sn__shuffle_at(&shuffle, (uint64_t)i), found = 0;
        for (int64_t j = 0; j < chosen; j++)
            found += train[j] == v;
        ck_assert_int_eq(found, 1);
        if (i > 0)
            ck_assert_int_lt(train[i - 1], train[i]);
    }
}

START_TEST(rmat_equals_the_model_for_any_options_and_threads)
{
    draw_from(61);
    int64_t rounds = sn_test_scale(40);
    for (int64_t round = 0; round < rounds; round++) {
        sn_rmat_options o = { .struct_size = sizeof o };
        o.num_nodes = 1 + draw_below(round % 4 == 0 ? 3 : 300);
        o.degree = draw_below(12);
        o.feat_dim = draw_below(3) * 3;
        o.feat_float16 = draw_below(2) == 0;
        o.classes = (int32_t)(draw_below(4) * draw_below(40000));
        o.a = (double)draw_below(50) / 100;
        o.b = (double)draw_below(30) / 100;
        o.c = round % 5 == 0 ? 0.01 : (double)draw_below(20) / 100;
        if (o.a + o.b + o.c == 0)
            o.a = 0.5;
        o.undirected = draw_below(2) == 0;
        o.seed = (uint64_t)draw_below(1000) << 40;
        o.layout = (sn_layout)draw_below(4);
        o.threads = 1 + (int32_t)draw_below(3);
        o.weights = draw_below(2) == 0;
        o.times = draw_below(2) == 0;
        ck_ok(sn_gen_rmat(&o, in_folder("one")));
        sn_dataset *dataset = open_verified(in_folder("one"));
        check_edges(dataset, &o);
        check_weights_and_times(dataset, &o);
        check_nodes(dataset, &o);
        sn_dataset_release(dataset);
        o.threads = o.threads % 3 + 1;
        ck_ok(sn_gen_rmat(&o, in_folder("two")));
        check_same_dir(in_folder("one"), in_folder("two"));
    }
}
END_TEST

/* Several buckets, chunks that are full, keys merged on the way. */
START_TEST(rmat_of_some_size_is_the_same_for_any_number_of_threads)
{
    sn_rmat_options o = { .struct_size = sizeof o,
                          .scale = 17,
                          .degree = 10,
                          .threads = 1,
                          .undirected = true,
                          .weights = true,
                          .times = true,
                          .feat_dim = 2 };
    ck_ok(sn_gen_rmat(&o, in_folder("one")));
    for (o.threads = 2; o.threads <= 3; o.threads++) {
        ck_ok(sn_gen_rmat(&o, in_folder("two")));
        check_same_dir(in_folder("one"), in_folder("two"));
    }
    sn_dataset *dataset = open_verified(in_folder("one"));
    sn_edge_info info;
    check_weights_and_times(dataset, &o);
    ck_ok(sn_dataset_edge_type(dataset, 0, &info));
    ck_assert_int_gt(info.count, 2 * 1000000);
    ck_assert_int_lt(info.count, 2 * 10 << 17);
    int64_t most = 0;
    for (int64_t v = 0; v < 1 << 17; v++) {
        int64_t degree = info.csr.indptr[v + 1] - info.csr.indptr[v];
        most = degree > most ? degree : most;
    }
    ck_assert_int_gt(most, 1000); /* a power law: fifty times the mean */
    sn_dataset_release(dataset);

    /* Few nodes, the same edges again and again. */
    o = (sn_rmat_options){
        .struct_size = sizeof o, .num_nodes = 20, .degree = 150000, .threads = 2
    };
    ck_ok(sn_gen_rmat(&o, in_folder("few")));
    dataset = open_verified(in_folder("few"));
    ck_ok(sn_dataset_edge_type(dataset, 0, &info));
    ck_assert_int_eq(info.count, 400); /* all there can be */
    sn_dataset_release(dataset);
}
END_TEST

START_TEST(rmat_with_bad_options_is_refused)
{
    static const struct {
        sn_rmat_options o;
        const char *detail;
    } cases[] = {
        { { .degree = 1 }, "scale 0 and 0 nodes" },
        { { .scale = 3, .num_nodes = 8, .degree = 1 }, "scale 3 and 8 nodes" },
        { { .scale = -1, .degree = 1 }, "scale -1" },
        { { .scale = 33, .degree = 1 }, "scale 33" },
        { { .num_nodes = -5, .degree = 1 }, "-5 nodes" },
        { { .num_nodes = ((int64_t)1 << 32) + 1, .degree = 1 }, "4294967297 nodes" },
        { { .scale = 3, .degree = -1 }, "degree -1 of 8 nodes" },
        { { .scale = 32, .degree = (int64_t)1 << 40 }, "degree 1099511627776" },
        { { .scale = 20, .degree = (int64_t)1 << 29 }, "degree 536870912" },
        { { .scale = 3, .degree = 1, .feat_dim = -1 }, "feat_dim -1" },
        { { .scale = 3, .degree = 1, .classes = -1 }, "-1 classes" },
        { { .scale = 3, .degree = 1, .a = 0.5, .b = 0.6 }, "probabilities 0.5, 0.6, 0" },
        { { .scale = 3, .degree = 1, .a = -0.5 }, "probabilities -0.5" },
        { { .scale = 3, .degree = 1, .layout = (sn_layout)9 }, "layout 9" },
        { { .scale = 3, .degree = 1, .threads = -1 }, "threads" },
        { { .scale = 3, .degree = 1, .feat_dim = (int64_t)1 << 60 }, "impossible shape" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        sn_rmat_options o = cases[i].o;
        o.struct_size = sizeof o;
        ck_fails(sn_gen_rmat(&o, in_folder("out")), SN_E_INVALID, cases[i].detail);
    }
    sn_rmat_options o = { .struct_size = sizeof o, .scale = 3, .a = 0.0 / 1, .b = 1, .c = 1e-10 };
    ck_ok(sn_gen_rmat(&o, in_folder("out"))); /* the dust of rounding is fine */
    remove_tree(in_folder("out"));
    o.struct_size = 8;
    ck_fails(sn_gen_rmat(&o, in_folder("out")), SN_E_INVALID, "struct_size 8");
    ck_fails(sn_gen_rmat(NULL, in_folder("out")), SN_E_INVALID, "no options");
    o.struct_size = sizeof o;
    ck_fails(sn_gen_rmat(&o, NULL), SN_E_INVALID, "no output");
    ck_assert_str_eq(list_dir(in_folder(".")), "");
}
END_TEST

typedef struct countdown {
    int calls, cancel_at;
} countdown;

static bool on_progress(void *context, const char *stage, uint64_t done, uint64_t total)
{
    countdown *c = context;
    if (done > total)
        ck_abort_msg("%s: %llu of %llu", stage, (unsigned long long)done,
                     (unsigned long long)total);
    return c->calls++ != c->cancel_at;
}

START_TEST(rmat_cancelled_at_any_call_leaves_nothing)
{
    int files = count_open_files(), call = 0;
    for (;; call++) {
        countdown c = { 0, call };
        sn_status status =
            sn_gen_rmat(SN_RMAT_OPTIONS(.scale = 10, .degree = 8, .feat_dim = 2, .threads = 2,
                                        .progress = on_progress, .progress_context = &c),
                        in_folder("out"));
        ck_assert_int_eq(count_open_files(), files);
        if (status == SN_OK)
            break;
        ck_assert_int_eq(status, SN_E_CANCELLED);
        ck_assert_int_eq(c.calls, call + 1);
        ck_assert_str_eq(list_dir(in_folder(".")), "");
    }
    ck_assert_int_ge(call, 8);
}
END_TEST

START_TEST(rmat_tells_in_its_meta_how_it_was_made)
{
    ck_ok(sn_gen_rmat(SN_RMAT_OPTIONS(.scale = 4, .degree = 2, .seed = UINT64_MAX),
                      in_folder("out")));
    sn_dataset *dataset = open_verified(in_folder("out"));
    const char *info = strstr(sn_dataset_meta(dataset), "\"info\"");
    ck_assert_ptr_nonnull(info);
    ck_assert_ptr_nonnull(strstr(info, "\"generator\": \"rmat\""));
    ck_assert_ptr_nonnull(strstr(info, "\"seed\": \"18446744073709551615\""));
    sn_dataset_release(dataset);
}
END_TEST

int main(void)
{
    TCase *cases = tcase_create("rmat");
    tcase_set_timeout(cases, 100);
    tcase_add_test(cases, rmat_equals_the_model_for_any_options_and_threads);
    tcase_add_test(cases, rmat_of_some_size_is_the_same_for_any_number_of_threads);
    tcase_add_test(cases, rmat_with_bad_options_is_refused);
    tcase_add_test(cases, rmat_cancelled_at_any_call_leaves_nothing);
    tcase_add_test(cases, rmat_tells_in_its_meta_how_it_was_made);
    return run_in_folder("rmat", cases);
}
