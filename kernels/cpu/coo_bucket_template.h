/* SPDX-License-Identifier: Apache-2.0 */
/* The body of coo_bucket.c, once per width of ids: WORD is uint32_t or uint64_t, NAME(x) adds a
 * suffix.
 *
 * A round takes its buckets' edges from the stream (scatter), each thread from its slice into its
 * own part of each bucket, so a bucket holds its edges in stream order whatever the number of
 * threads. Then buckets are sorted one by one, in the cache: stable counting passes over the digits
 * of the column, last one over the rows, which writes the result. Stable and in stream order:
 * parallel edges stay by edge id. */

/* As an edge lies in `temp`. */
typedef struct NAME(edge) {
    WORD row, col, id;
} NAME(edge);

typedef struct NAME(key) {
    WORD row, col;
} NAME(key);

/* The other array of a sort, in two parts, so that it fits the place of the result: an edge id
 * holds a small key, an index a small id. */
typedef struct NAME(pair) {
    NAME(key) * keys;
    WORD *ids;
} NAME(pair);

/* A thread's parts of the buckets. Full lines go to memory, so that a scatter to thousands of
 * places costs lines, not elements; the places are apart from the lines, so that they stay in the
 * L1 cache. */
typedef struct NAME(lanes) {
    uint64_t *at, *first, *end; /* of each part, in `temp`; `at` moves */
    NAME(edge) * lines;         /* [buckets][LINE] */
} NAME(lanes);

const size_t NAME(sn__coo_edge_bytes) = sizeof(NAME(edge));

static NAME(lanes) NAME(lanes_of)(const sn__coo_job *job, int32_t thread)
{
    uint64_t *at = job->lanes[thread];
    size_t buckets = places_of(job);
    return (NAME(lanes)){ at, at + buckets, at + 2 * buckets,
                          (NAME(edge) *)(void *)(at + 3 * buckets) };
}

static void NAME(set_lanes)(sn__coo_job *job)
{
    const sn__coo_bucket *bucket = job->buckets + job->rounds[job->round];
    int64_t count = job->rounds[job->round + 1] - job->rounds[job->round];
    uint64_t at = 0;
    for (int64_t b = 0; b < count; b++)
        for (int32_t t = 0; t < job->coo->options.threads; t++) {
            const uint64_t *counts = job->side->counts + t * job->side->cells;
            NAME(lanes) lanes = NAME(lanes_of)(job, t);
            lanes.first[b] = lanes.at[b] = at;
            for (int64_t c = bucket[b].cell; c < bucket[b].cell_end; c++)
                at += counts[c];
            lanes.end[b] = at;
        }
}

/* Writes out what bucket b's line holds. False: more edges than were counted. */
static bool NAME(flush)(const sn__coo_job *job, const NAME(lanes) * lanes, int64_t b)
{
    uint64_t at = lanes->at[b], from = (at - 1) / LINE * LINE;
    if (at > lanes->end[b])
        return false;
    from = from < lanes->first[b] ? lanes->first[b] : from;
    const NAME(edge) *line = lanes->lines + b * LINE;
    NAME(edge) *to = (NAME(edge) *)job->temp + from;
    if (at - from == LINE)
        write_line(to, line, LINE * sizeof *to);
    else
        memcpy(to, line + from % LINE, (at - from) * sizeof *to);
    return true;
}

/* One edge. `lanes` and `bucket_of` are the caller's locals: what is stored through them may alias
 * whatever `job` points to, which would be read again for each edge. */
static inline bool NAME(put)(const sn__coo_job *job, const NAME(lanes) * lanes, int64_t b,
                             NAME(edge) edge)
{
    uint64_t slot = lanes->at[b]++ % LINE;
    lanes->lines[b * LINE + (int64_t)slot] = edge;
    return slot < LINE - 1 || NAME(flush)(job, lanes, b);
}

static sn_status NAME(scatter_block)(const sn__coo_job *job, NAME(lanes) lanes, int64_t first,
                                     int32_t count)
{
    int64_t row[SN__EDGE_BLOCK], col[SN__EDGE_BLOCK];
    int32_t mine[SN__EDGE_BLOCK], found = 0; /* branch-free choice of this round's edges */
    const int32_t *bucket_of = job->bucket_of;
    int shift = job->side->shift;
    bool ok = true;
    SN_TRY(sn__coo_read(job->coo, job->by, first, count, row, col));
    if (job->num_rounds == 1) {
        for (int32_t i = 0; i < count && ok; i++)
            ok = NAME(put)(job, &lanes, bucket_of[row[i] >> shift],
                           (NAME(edge)){ (WORD)row[i], (WORD)col[i], (WORD)(first + i) });
        return ok ? SN_OK : sn__coo_changed();
    }
    int64_t cell = job->buckets[job->rounds[job->round]].cell;
    uint64_t cells = (uint64_t)(job->buckets[job->rounds[job->round + 1] - 1].cell_end - cell);
    for (int32_t i = 0; i < count; i++) {
        mine[found] = i;
        found += (uint64_t)((row[i] >> shift) - cell) < cells;
    }
    for (int32_t j = 0; j < found && ok; j++) {
        int32_t i = mine[j];
        ok = NAME(put)(job, &lanes, bucket_of[row[i] >> shift],
                       (NAME(edge)){ (WORD)row[i], (WORD)col[i], (WORD)(first + i) });
    }
    return ok ? SN_OK : sn__coo_changed();
}

static sn_status NAME(scatter)(void *context, int32_t thread, int64_t begin, int64_t end)
{
    const sn__coo_job *job = context;
    NAME(lanes) lanes = NAME(lanes_of)(job, thread);
    for (int64_t at = begin; at < end; at += SN__EDGE_BLOCK) {
        int64_t left = end - at;
        SN_TRY(NAME(scatter_block)(job, lanes, at,
                                   left < SN__EDGE_BLOCK ? (int32_t)left : SN__EDGE_BLOCK));
    }
    write_lines_done();
    if (job->coo->source.forget != NULL)
        job->coo->source.forget(job->coo->source.context, begin, end - begin);
    return SN_OK;
}

static sn_status NAME(flush_all)(const sn__coo_job *job)
{
    int64_t count = job->rounds[job->round + 1] - job->rounds[job->round];
    for (int32_t t = 0; t < job->coo->options.threads; t++) {
        NAME(lanes) lanes = NAME(lanes_of)(job, t);
        for (int64_t b = 0; b < count; b++) {
            if (lanes.at[b] != lanes.end[b])
                return sn__coo_changed();
            if (lanes.at[b] % LINE != 0 && lanes.at[b] > lanes.first[b])
                (void)NAME(flush)(job, &lanes, b); /* full lines went before */
        }
    }
    return SN_OK;
}

/* Counts of a digit become the places where its edges begin. */
static void NAME(sum_places)(WORD *place, WORD mask)
{
    WORD before = 0;
    for (WORD d = 0; d <= mask; d++) {
        WORD here = place[d];
        place[d] = before;
        before += here;
    }
}

/* Two stable counting passes over two digits of the column or the row: there and back. */
static void NAME(sort_two_digits)(NAME(edge) * here, NAME(pair) spare, uint64_t count, int shift,
                                  int bits, bool by_row)
{
    WORD low[1 << DIGIT_BITS], high[1 << DIGIT_BITS];
    WORD mask = (WORD)(((uint64_t)1 << bits) - 1);
    memset(low, 0, sizeof *low << bits);
    memset(high, 0, sizeof *high << bits);
    for (uint64_t i = 0; i < count; i++) {
        WORD value = (by_row ? here[i].row : here[i].col) >> shift;
        low[value & mask]++;
        high[value >> bits & mask]++;
    }
    NAME(sum_places)(low, mask);
    NAME(sum_places)(high, mask);
    for (uint64_t i = 0; i < count; i++) {
        NAME(edge) edge = here[i];
        WORD at = low[(by_row ? edge.row : edge.col) >> shift & mask]++;
        spare.keys[at] = (NAME(key)){ edge.row, edge.col };
        spare.ids[at] = edge.id;
    }
    for (uint64_t i = 0; i < count; i++) {
        NAME(key) key = spare.keys[i];
        WORD at = high[(by_row ? key.row : key.col) >> shift >> bits & mask]++;
        here[at] = (NAME(edge)){ key.row, key.col, spare.ids[i] };
    }
}

static void NAME(sort_digits)(NAME(edge) * here, NAME(pair) spare, uint64_t count, int passes,
                              int bits, bool by_row)
{
    for (int p = 0; p < passes; p += 2)
        NAME(sort_two_digits)(here, spare, count, p * bits, bits, by_row);
}

/* The last pass: rows. Entry r + 1 of indptr first counts row r, then is the place of its next
 * edge. */
static void NAME(write_rows)(const sn__coo_job *job, const sn__coo_bucket *bucket,
                             const NAME(edge) * from)
{
    int64_t row = bucket->cell << job->side->shift, end = bucket->cell_end << job->side->shift;
    int64_t *place = job->indptr + 1, next = (int64_t)bucket->first;
    end = end < job->side->rows ? end : job->side->rows;
    memset(place + row, 0, (size_t)(end - row) * sizeof *place);
    for (uint64_t i = 0; i < bucket->count; i++)
        place[from[i].row]++;
    for (int64_t r = row; r < end; r++) {
        int64_t here = place[r];
        place[r] = next;
        next += here;
    }
    for (uint64_t i = 0; i < bucket->count; i++) {
        int64_t at = place[from[i].row]++;
        if (job->index_bytes == sizeof(int32_t))
            ((int32_t *)job->indices)[at] = (int32_t)from[i].col;
        else
            ((int64_t *)job->indices)[at] = (int64_t)from[i].col;
        job->edge_ids[at] = (int64_t)from[i].id;
    }
}

/* Other threads mark edges in the same words. Whoever comes first, the set is the same. */
static void NAME(mark_duplicates)(const sn__coo_job *job, const NAME(edge) * sorted, uint64_t count)
{
    for (uint64_t i = 1; i < count; i++) {
        NAME(edge) one = sorted[i - 1], two = sorted[i];
        if (one.row == two.row && one.col == two.col)
            __atomic_fetch_or(&job->duplicates[two.id / 64], (uint64_t)1 << (two.id % 64),
                              __ATOMIC_RELAXED);
    }
}

static NAME(pair)
    NAME(spare_of)(const sn__coo_job *job, int32_t thread, const sn__coo_bucket *bucket)
{
    if (job->spare != NULL) {
        NAME(key) *keys = job->spare[thread];
        return (NAME(pair)){ keys, (WORD *)(keys + job->bucket_edges) };
    }
    return (NAME(pair)){ (NAME(key) *)(job->edge_ids + bucket->first),
                         (WORD *)(job->indices + bucket->first * job->index_bytes) };
}

static sn_status NAME(sort_bucket)(void *context, int32_t thread, int64_t begin, int64_t end)
{
    const sn__coo_job *job = context;
    const sn__coo_bucket *buckets = job->buckets + job->rounds[job->round];
    for (int64_t b = begin; b < end; b++) {
        NAME(edge) *here = (NAME(edge) *)job->temp + (buckets[b].first - buckets[0].first);
        NAME(pair) spare = NAME(spare_of)(job, thread, &buckets[b]);
        uint64_t count = buckets[b].count;
        NAME(sort_digits)(here, spare, count, job->col_passes, job->col_bits, false);
        if (job->duplicates == NULL) {
            NAME(write_rows)(job, &buckets[b], here);
        } else {
            NAME(sort_digits)(here, spare, count, job->row_passes, job->row_bits, true);
            NAME(mark_duplicates)(job, here, count);
        }
    }
    return SN_OK;
}

static sn_status NAME(sort_round)(sn__coo_job *job)
{
    int64_t edges = job->coo->source.count;
    NAME(set_lanes)(job);
    sn__sweep sweep = { .count = edges, .block = SWEEP_EDGES, .context = job };
    sweep.threads = job->coo->options.threads;
    sweep.body = NAME(scatter);
    sweep.stage = &job->stage;
    SN_TRY(sn__sweep_slices(&sweep));
    SN_TRY(NAME(flush_all)(job));
    sweep.count = job->rounds[job->round + 1] - job->rounds[job->round];
    sweep.block = 1;
    sweep.body = NAME(sort_bucket);
    sweep.weight = (uint64_t)(edges / job->num_buckets);
    return sn__sweep_claims(&sweep);
}

sn_status NAME(sn__coo_sort)(sn__coo_job *job)
{
    int32_t threads = job->coo->options.threads;
    size_t temp_bytes = job->round_edges * NAME(sn__coo_edge_bytes);
    job->lane_bytes = places_of(job) * (3 * sizeof(uint64_t) + LINE * sizeof(NAME(edge)));
    bool second = job->col_passes > 0 || job->duplicates != NULL;
    if (second && (job->duplicates != NULL || sizeof(WORD) == sizeof(uint64_t)))
        job->spare_bytes = job->bucket_edges * NAME(sn__coo_edge_bytes);
    SN_TRY(get_memory(job, temp_bytes, threads));
    for (job->round = 0; job->round < job->num_rounds; job->round++)
        SN_TRY(NAME(sort_round)(job));
    return SN_OK;
}
