/* SPDX-License-Identifier: Apache-2.0 */
/* Label maps in both shapes: the same labels, through growth, many batches, and the end of the base. */
#include "base/run.h"

#include "base/random.h"
#include "kernels/ops.h"
#include "support/scale.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

enum { NODES = 5000, MOST = 3000, ROOM = 40000 };

static const char *const shapes[] = { "array", "table" };

typedef struct labelled {
    sn__node_list list;
    uint32_t labels[MOST + SN__SLACK];
} labelled;

/* Options are read once in a process, so each shape is made by hand. */
static labelled *labelled_make(int shape, int64_t nodes, int bits)
{
    labelled *of = calloc(1, sizeof *of);
    ck_assert_ptr_nonnull(of);
    sn__label_map *map = &of->list.map;
    *map = (sn__label_map){ .size = nodes, .base = 1 };
    if (shape == 0) {
        map->entries = calloc((size_t)nodes, sizeof *map->entries);
    } else {
        map->bits = bits;
        map->slots = calloc((size_t)1 << bits, sizeof *map->slots);
    }
    of->list.capacity = ROOM;
    of->list.ids = malloc(ROOM * sizeof *of->list.ids);
    ck_assert(of->list.ids != NULL && (map->entries != NULL || map->slots != NULL));
    return of;
}

static void labelled_free(labelled *of)
{
    free(of->list.map.entries);
    free(of->list.map.slots);
    free(of->list.ids);
    free(of);
}

static void label(labelled *of, const int64_t *ids, size_t count)
{
    sn__kernels_cpu()->relabel(&of->list, ids, count, of->labels);
}

static void forget(labelled *of)
{
    sn__label_map_forget(&of->list.map, of->list.count);
    of->list.count = 0;
}

START_TEST(table_labels_as_the_array_does)
{
    int64_t ids[MOST];
    uint64_t state = sn_test_seed();
    labelled *of[2] = { labelled_make(0, NODES, 0), labelled_make(1, NODES, 13) };
    for (int64_t round = 0; round < sn_test_scale(2000); round++) {
        bool few = sn__mix64(++state) % 2 == 0; /* the same again and again */
        uint64_t spread = 1 + sn__mix64(++state) % (few ? 40 : NODES);
        size_t count = sn__mix64(++state) % (MOST + 1);
        for (size_t i = 0; i < count; i++)
            ids[i] = (int64_t)(sn__mix64(++state) % spread);
        bool again = sn__mix64(++state) % 3 != 0 || of[0]->list.count + MOST > 4096;
        for (int shape = 0; shape < 2; shape++) {
            if (again)
                forget(of[shape]);
            label(of[shape], ids, count);
        }
        ck_assert_uint_eq(of[0]->list.count, of[1]->list.count);
        ck_assert_mem_eq(of[0]->list.ids, of[1]->list.ids, of[0]->list.count * sizeof *ids);
        ck_assert_mem_eq(of[0]->labels, of[1]->labels, count * sizeof *of[0]->labels);
    }
    labelled_free(of[0]);
    labelled_free(of[1]);
}
END_TEST

/* Nodes whose search begins in the last slot: those behind the first go on at the front. */
START_TEST(search_goes_on_at_the_front)
{
    int64_t ids[4];
    labelled *of = labelled_make(1, INT64_MAX, 4);
    size_t found = 0;
    for (int64_t node = INT64_MAX - 1; found < 4; node--)
        if (sn__label_home(&of->list.map, node) == 15)
            ids[found++] = node;
    label(of, ids, 4);
    for (uint32_t i = 0; i < 4; i++)
        ck_assert_uint_eq(of->labels[i], i);
    ck_assert_int_eq(of->list.map.slots[15].node, ids[0]);
    ck_assert_int_eq(of->list.map.slots[0].node, ids[1]);
    label(of, ids, 4);
    ck_assert_uint_eq(of->list.count, 4);
    ck_assert_uint_eq(of->labels[3], 3);
    labelled_free(of);
}
END_TEST

/* Nodes of the batch alone have a label, whatever batches before had. */
START_TEST(lookup_finds_what_the_batch_has_and_appends_nothing)
{
    int64_t ids[MOST], all[NODES];
    uint32_t labels[NODES], wanted[NODES];
    uint64_t state = sn_test_seed();
    labelled *of = labelled_make(_i, NODES, 13);
    for (int64_t i = 0; i < NODES; i++)
        all[i] = NODES - 1 - i;
    for (int64_t round = sn_test_scale(200); round > 0; round--) {
        size_t count = sn__mix64(++state) % (MOST + 1);
        for (size_t i = 0; i < count; i++)
            ids[i] = (int64_t)(sn__mix64(++state) % NODES);
        forget(of);
        label(of, ids, count);
        size_t nodes = of->list.count;
        memset(wanted, 0xff, sizeof wanted);
        for (size_t i = 0; i < nodes; i++)
            wanted[NODES - 1 - of->list.ids[i]] = (uint32_t)i;
        sn__kernels_cpu()->lookup(&of->list.map, all, NODES, labels);
        ck_assert_mem_eq(labels, wanted, sizeof wanted);
        ck_assert_uint_eq(of->list.count, nodes);
    }
    labelled_free(of);
}
END_TEST

/* Near the end of the base the map is cleared: no label of a batch before comes to life again. */
START_TEST(base_begins_again_with_nothing_known)
{
    static const int64_t ids[] = { 7, 9, 7 }, others[] = { 9, 8 };
    labelled *of = labelled_make(_i, 10, 4);
    label(of, ids, 3);
    forget(of);
    ck_assert_uint_eq(of->list.map.base, 3);
    of->list.map.base = SN__LABEL_LIMIT;
    label(of, ids, 3);
    ck_assert_uint_eq(of->labels[2], 0);
    forget(of);
    ck_assert_uint_eq(of->list.map.base, 1);
    label(of, others, 2);
    ck_assert_uint_eq(of->list.count, 2);
    ck_assert_uint_eq(of->labels[0], 0);
    ck_assert_uint_eq(of->labels[1], 1);
    labelled_free(of);
}
END_TEST

/* Memory that the map has made itself: a table begins small and grows under a batch. */
START_TEST(room_is_made_and_labels_stay)
{
    enum { PART = 1000 };
    labelled of = { 0 };
    setenv("SEINE_LABEL_MAP", shapes[_i], 1); /* the case has a process of its own */
    ck_assert_int_eq(sn__label_map_init(&of.list.map, (int64_t)1 << 20), SN_OK);
    ck_assert((of.list.map.slots != NULL) == (_i == 1) &&
              (of.list.map.entries != NULL) == (_i == 0));
    of.list.capacity = ROOM;
    of.list.ids = malloc(ROOM * sizeof *of.list.ids);
    ck_assert_ptr_nonnull(of.list.ids);
    int first_bits = of.list.map.bits;
    for (int batch = 0; batch < 3; batch++) {
        for (int64_t part = 0; part < 20; part++) {
            int64_t ids[PART];
            for (int64_t i = 0; i < PART; i++) /* half of them are known */
                ids[i] = (part * PART / 2 + i) * 37;
            ck_assert_int_eq(sn__label_map_reserve(&of.list.map, of.list.ids, of.list.count, PART),
                             SN_OK);
            ck_assert(sn__label_map_has_room(&of.list.map, of.list.count + PART));
            label(&of, ids, PART);
            for (int64_t i = 0; i < PART; i++)
                ck_assert_uint_eq(of.labels[i], (uint32_t)(part * PART / 2 + i));
        }
        ck_assert_uint_eq(of.list.count, 21 * PART / 2);
        forget(&of);
    }
    ck_assert(_i == 0 || of.list.map.bits > first_bits);
    sn__label_map_deinit(&of.list.map);
    sn__label_map_deinit(&of.list.map);
    free(of.list.ids);
}
END_TEST

START_TEST(size_decides_between_array_and_table)
{
    sn__label_map map;
    ck_assert_int_eq(sn__label_map_init(&map, SN__LABEL_ARRAY_NODES), SN_OK);
    ck_assert(map.entries != NULL && map.slots == NULL);
    sn__label_map_deinit(&map);
    ck_assert_int_eq(sn__label_map_init(&map, (int64_t)SN__LABEL_ARRAY_NODES + 1), SN_OK);
    ck_assert(map.entries == NULL && map.slots != NULL);
    sn__label_map_deinit(&map);
}
END_TEST

START_TEST(bad_choice_is_named)
{
    sn__label_map map = { 0 };
    setenv("SEINE_LABEL_MAP", "tree", 1);
    ck_assert_int_eq(sn__label_map_init(&map, 10), SN_E_INVALID);
    ck_assert_ptr_nonnull(strstr(sn_error_detail(), "SEINE_LABEL_MAP"));
    ck_assert_ptr_nonnull(strstr(sn_error_detail(), "tree"));
    sn__label_map_deinit(&map);
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("label_map");
    unsetenv("SEINE_LABEL_MAP");
    tcase_set_timeout(tests, 120);
    tcase_add_test(tests, table_labels_as_the_array_does);
    tcase_add_test(tests, search_goes_on_at_the_front);
    tcase_add_loop_test(tests, lookup_finds_what_the_batch_has_and_appends_nothing, 0, 2);
    tcase_add_loop_test(tests, base_begins_again_with_nothing_known, 0, 2);
    tcase_add_loop_test(tests, room_is_made_and_labels_stay, 0, 2);
    tcase_add_test(tests, size_decides_between_array_and_table);
    tcase_add_test(tests, bad_choice_is_named);
    return run_cases("label_map", tests);
}
