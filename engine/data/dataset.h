/* SPDX-License-Identifier: Apache-2.0 */
/* What the other engine layers need of a dataset beyond seine/dataset.h.
 *
 * Opening a directory does not read its arrays. Shapes, types and both ends of indptr are right;
 * what lies between is not known to be. Whoever reads them checks: a row that leaves the array, or
 * a neighbour or edge id out of range, must end in an error or count as isolated, never in a read
 * outside. */
#ifndef SN_ENGINE_DATA_DATASET_H
#define SN_ENGINE_DATA_DATASET_H

#include "seine/dataset.h"

/* sn_dataset_open of the directory that is open as `directory`, with mapped files; `path` is for
 * errors. TAKES `directory` in every case. */
SN_NODISCARD sn_status sn__dataset_open_at(int directory, const char *path, sn_dataset **out);
/* Another reference. */
sn_dataset *sn__dataset_retain(sn_dataset *dataset);

/* Tables of the rows of one layout: engine/data/tables.h. Contents are not known to be right. */
typedef struct sn__time_table {
    const uint32_t *order; /* [edges] places in the row, by time; NULL: there are no such times */
    const int64_t *times;  /* [edges] in that order */
    const uint32_t *sums;  /* [edges] of weights in that order; NULL: no weights */
} sn__time_table;
typedef struct sn__row_tables {
    const uint32_t *sums; /* [edges][2] of weights, and low 32 bits of neighbours; NULL: none */
    sn__time_table by_edge, by_node;
} sn__row_tables;
/* Those of an edge type that is there; `csc`: of its second layout. BORROWED. */
sn__row_tables sn__dataset_tables(const sn_dataset *dataset, int32_t edge_type, bool csc);

/* A type name: 1 to 255 bytes of UTF-8 without control characters, without "__", not starting or
 * ending with "_" next to the separator ("a_" + "__" + "b" would be ambiguous), not "other". Fails:
 * SN_E_FORMAT, "<where>: type name ...". */
SN_NODISCARD sn_status sn__type_name_check(const char *name, const char *where);

#endif
