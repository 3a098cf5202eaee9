/* SPDX-License-Identifier: Apache-2.0 */
/* Memory of label maps. */
#include "kernels/label_map.h"

#include "base/mem.h"
#include "base/option.h"

#include <string.h>

enum { LEAST_BITS = 12, ALWAYS_ARRAY = 1, ALWAYS_TABLE = 2 };

static size_t bytes_of(const sn__label_map *map)
{
    return map->slots != NULL ? sizeof *map->slots << map->bits
                              : (size_t)map->size * sizeof *map->entries;
}

static sn_status make_slots(int bits, sn__label_slot **out)
{
    return sn__mem_pages(sizeof **out << bits, "label table", out);
}

sn_status sn__label_map_init_table(sn__label_map *map)
{
    *map = (sn__label_map){ .size = INT64_MAX, .base = 1, .bits = LEAST_BITS };
    return make_slots(map->bits, &map->slots);
}

sn_status sn__label_map_init(sn__label_map *map, int64_t nodes)
{
    int64_t choice;
    SN_TRY(sn__option_value(SN__OPTION_LABEL_MAP, &choice));
    bool table =
        choice == ALWAYS_TABLE || (choice != ALWAYS_ARRAY && nodes > SN__LABEL_ARRAY_NODES);
    *map =
        (sn__label_map){ .size = nodes, .base = 1 }; /* fresh pages are zero: no entry is valid */
    if (!table)
        return sn__mem_pages(bytes_of(map), "label map", &map->entries);
    map->bits = LEAST_BITS;
    return make_slots(map->bits, &map->slots);
}

void sn__label_map_deinit(sn__label_map *map)
{
    void *memory = map->slots != NULL ? (void *)map->slots : map->entries;
    sn__mem_pages_free(memory, bytes_of(map));
    *map = (sn__label_map){ 0 };
}

void sn__label_map_forget(sn__label_map *map, size_t count)
{
    map->base += (uint32_t)count;
    if (map->base > SN__LABEL_LIMIT) {
        memset(map->slots != NULL ? (void *)map->slots : map->entries, 0, bytes_of(map));
        map->base = 1;
    }
}

bool sn__label_map_has_room(const sn__label_map *map, size_t count)
{
    return map->slots == NULL || count <= (size_t)1 << (map->bits - 1);
}

sn_status sn__label_map_reserve(sn__label_map *map, const int64_t *ids, size_t count, size_t more)
{
    if (sn__label_map_has_room(map, count + more))
        return SN_OK;
    sn__label_map grown = *map;
    while (!sn__label_map_has_room(&grown, count + more))
        grown.bits++;
    SN_TRY(make_slots(grown.bits, &grown.slots));
    for (size_t i = 0; i < count; i++)
        *sn__label_find(&grown, ids[i]) = (sn__label_slot){ ids[i], map->base + (uint32_t)i };
    sn__mem_pages_free(map->slots, bytes_of(map));
    *map = grown;
    return SN_OK;
}
