/* SPDX-License-Identifier: Apache-2.0 */
/* Which node has which local id in the batch under way.
 *
 * An entry is valid if it is at least `base`; then entry - base is the local id. `base` grows by the nodes
 * of every batch, so nothing is cleared but once in 2^30 nodes.
 *
 * A type's nodes have an array of entries, or, if there are too many of them, a table of the nodes that
 * batches meet: open addressing, linear probing, at most half full. The array takes 4 bytes for each node
 * of the graph, the table 32 to 64 for each of the largest batch; labelling takes about twice as long
 * with it, as long as the array lies in the caches. SEINE_LABEL_MAP overrules the choice.
 * Threads: one at a time. */
#ifndef SN_KERNELS_LABEL_MAP_H
#define SN_KERNELS_LABEL_MAP_H

#include "base/status.h"

enum {
    SN__LABEL_LIMIT =
        1 << 30, /* nodes of one type in one batch, and greatest base: sums fit 32 bits */
    SN__LABEL_ARRAY_NODES = 1 << 27 /* a type with more of them has a table: 512 MiB */
};
#define SN__NO_LABEL UINT32_MAX /* the node is not in the batch */

typedef struct sn__label_slot {
    int64_t node;
    uint32_t entry;
} sn__label_slot;

typedef struct sn__label_map {
    uint32_t *entries; /* [size]; NULL: a table */
    int64_t size;      /* nodes of the type */
    uint32_t base;
    sn__label_slot *slots; /* [1 << bits] */
    int bits;
} sn__label_map;

/* Empty, of a type of `nodes`. Fails: SN_E_NOMEM; SN_E_INVALID: SEINE_LABEL_MAP is bad. */
SN_NODISCARD sn_status sn__label_map_init(sn__label_map *map, int64_t nodes);
/* The same as a table, of ids that are any numbers from 0 on. Fails: SN_E_NOMEM. */
SN_NODISCARD sn_status sn__label_map_init_table(sn__label_map *map);
/* A map of zeros is allowed. */
void sn__label_map_deinit(sn__label_map *map);
/* Forgets the batch, which had `count` nodes. */
void sn__label_map_forget(sn__label_map *map, size_t count);
/* Whether `count` nodes find room; an array has it always. */
bool sn__label_map_has_room(const sn__label_map *map, size_t count);
/* Makes room for `more` nodes behind those that the batch has: `ids`, by local id. Slots may move. Fails:
 * SN_E_NOMEM. */
SN_NODISCARD sn_status sn__label_map_reserve(sn__label_map *map, const int64_t *ids, size_t count,
                                             size_t more);

/* Where the search for a node begins: Fibonacci hashing (Knuth, The Art of Computer Programming, vol. 3,
 * section 6.4). */
static inline size_t sn__label_home(const sn__label_map *map, int64_t node)
{
    return (size_t)((uint64_t)node * UINT64_C(0x9E3779B97F4A7C15) >> (64 - map->bits));
}

/* The slot of the node, or where it belongs. */
static inline sn__label_slot *sn__label_find(const sn__label_map *map, int64_t node)
{
    size_t at = sn__label_home(map, node), last = ((size_t)1 << map->bits) - 1;
    while (map->slots[at].entry >= map->base && map->slots[at].node != node)
        at = (at + 1) & last;
    return &map->slots[at];
}

#endif
