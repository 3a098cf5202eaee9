/* SPDX-License-Identifier: Apache-2.0 */
/* What weighted and temporal sampling look up in a row, made once when the graph is: docs/sampling.md,
 * sections 7.1 and 9.
 *
 * For each layout of an edge type, as far as it has weights and times (its own, or of the neighbours):
 *
 *     weight_sums             c of each edge, rows in their own order, and beside it the neighbour's low 32 bits:
 *                             who has found one has the other
 *     time_order              places of the edges in their row, by time
 *     times                   the times in that order
 *     time_weight_sums        c in that order
 *     node_time_order, node_times, node_time_weight_sums    the same by the neighbour's time */
#ifndef SN_ENGINE_DATA_TABLES_H
#define SN_ENGINE_DATA_TABLES_H

#include "engine/data/inside.h"

enum {
    SN__TABLE_ROW_LIMIT = 1 << 30
}; /* edges of a row that has tables: twice that sums up to 2^32 */

typedef struct sn__table_maker {
    /* Writable memory of that type and shape for the empty slot `role` of edge type `type`. */
    sn_status (*place)(void *context, size_t type, int role, const sn_tensor *like, void **out);
    void *context;
    int32_t threads;
    sn__progress *progress; /* NULL: nobody asked */
} sn__table_maker;

/* Fills all tables that can be there and are not. Contents of rows, weights and times are right
 * (sn__content_check). Fails: SN_E_UNSUPPORTED (a row is too long), SN_E_NOMEM, SN_E_CANCELLED, and as
 * `place`. */
SN_NODISCARD sn_status sn__tables_make(const sn_dataset *dataset, const sn__table_maker *maker);
/* Whether the tables of an edge type are what they should be; its rows are right. Fails: `bad`, SN_E_NOMEM,
 * SN_E_CANCELLED. */
SN_NODISCARD sn_status sn__tables_check(const sn_dataset *dataset, size_t type, sn_status bad,
                                        sn__progress *progress);

#endif
