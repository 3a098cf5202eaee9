/* SPDX-License-Identifier: Apache-2.0 */
/* Local ids in order of first occurrence, and those that there are: docs/sampling.md, sections 3.2 and 11. */
#include "kernels/cpu/relabel.h"

void sn__relabel_table(sn__node_list *list, const int64_t *ids, size_t count, uint32_t *labels)
{
    sn__label_map *map = &list->map;
    SN_ASSERT(list->capacity - list->count >= count + SN__SLACK);
    SN_ASSERT(sn__label_map_has_room(map, list->count + count));
    for (size_t i = 0; i < count; i++) {
        sn__label_slot *slot = sn__label_find(map, ids[i]);
        if (slot->entry < map->base) {
            *slot = (sn__label_slot){ ids[i], map->base + (uint32_t)list->count };
            list->ids[list->count++] = ids[i];
        }
        labels[i] = slot->entry - map->base;
    }
}

void sn__cpu_relabel(sn__node_list *list, const int64_t *ids, size_t count, uint32_t *labels)
{
    if (list->map.slots != NULL) {
        sn__relabel_table(list, ids, count, labels);
        return;
    }
    SN_ASSERT(list->capacity - list->count >= count + SN__SLACK);
    uint32_t *entries = list->map.entries, base = list->map.base;
    uint32_t next = base + (uint32_t)list->count;
    int64_t *tail = list->ids + list->count;
    for (size_t i = 0; i < count; i++) {
        /* Branch-free: whether a node is new is a coin toss that no predictor learns. The id is
         * written behind the list in any case and stays there if it was new. */
        uint32_t entry = entries[ids[i]], is_new = sn__opaque(entry < base);
        uint32_t label = entry + ((next - entry) & (0u - is_new));
        entries[ids[i]] = label;
        *tail = ids[i];
        tail += is_new;
        next += is_new;
        labels[i] = label - base;
    }
    list->count = next - base;
}

static void lookup_table(const sn__label_map *map, const int64_t *ids, size_t count,
                         uint32_t *labels)
{
    for (size_t i = 0; i < count; i++) {
        uint32_t entry = sn__label_find(map, ids[i])->entry;
        labels[i] = entry < map->base ? SN__NO_LABEL : entry - map->base;
    }
}

void sn__cpu_lookup(const sn__label_map *map, const int64_t *ids, size_t count, uint32_t *labels)
{
    if (map->slots != NULL) {
        lookup_table(map, ids, count, labels);
        return;
    }
    const uint32_t *entries = map->entries, base = map->base;
    for (size_t i = 0; i < count; i++) {
        /* Branch-free: whether a node is in the batch is another coin toss. */
        uint32_t entry = entries[ids[i]], is_absent = sn__opaque(entry < base);
        labels[i] = (entry - base) | (0u - is_absent);
    }
}
