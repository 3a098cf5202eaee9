/* SPDX-License-Identifier: Apache-2.0 */
/* The body of coo_bucket.c, once per width of ids: WORD is uint32_t or uint64_t, NAME(x) adds a
 * suffix.
 *
 * A round takes its buckets' edges from the stream (scatter), each thread from its slice into its
 * own part of each bucket, so a bucket holds its edges in stream order whatever the number of
 * threads. Then buckets are sorted one by one, in the cache: stable counting passes over the digits
 * of the column, last one over the rows, which writes the result. Stable and in stream order:
 * parallel edges stay by edge id. */

typedef struct NAME(key) {
    WORD row, col;
} NAME(key);

/* The head of one thread's part of a bucket: full lines go to memory, so that a scatter to
 * thousands of places costs lines, not elements. */
typedef struct NAME(lane) {
    NAME(key) keys[LINE];
    WORD ids[LINE];
    uint64_t first, at, end; /* of the part, in `temp`; `at` moves */
} NAME(lane);

/* Two arrays that a sort goes to and fro between. */
typedef struct NAME(pair) {
    NAME(key) * keys;
    WORD *ids;
} NAME(pair);

const size_t NAME(sn__coo_edge_bytes) = sizeof(NAME(key)) + sizeof(WORD);

static NAME(pair) NAME(temp_at)(const sn__coo_job *job, uint64_t at)
{
    NAME(key) *keys = job->temp;
    WORD *ids = (WORD *)(keys + job->round_edges);
    return (NAME(pair)){ keys + at, ids + at };
}

static void NAME(set_lanes)(sn__coo_job *job)
{
    const sn__coo_bucket *bucket = job->buckets + job->rounds[job->round];
    int64_t count = job->rounds[job->round + 1] - job->rounds[job->round];
    uint64_t at = 0;
    for (int64_t b = 0; b < count; b++)
        for (int32_t t = 0; t < job->coo->options.threads; t++) {
            const uint64_t *counts = job->side->counts + t * job->side->cells;
            NAME(lane) *lane = (NAME(lane) *)job->lanes[t] + b;
            lane->first = lane->at = at;
            for (int64_t c = bucket[b].cell; c < bucket[b].cell_end; c++)
                at += counts[c];
            lane->end = at;
        }
}

/* Writes out what a lane holds of its last, perhaps partial line. False: more edges than were
 * counted. */
static bool NAME(flush)(const sn__coo_job *job, const NAME(lane) * lane)
{
    if (lane->at > lane->end)
        return false;
    uint64_t from = (lane->at - 1) / LINE * LINE;
    from = from < lane->first ? lane->first : from;
    uint64_t slot = from % LINE, count = lane->at - from;
    NAME(pair) to = NAME(temp_at)(job, from);
    if (count == LINE) {
        memcpy(to.keys, lane->keys, sizeof lane->keys);
        memcpy(to.ids, lane->ids, sizeof lane->ids);
    } else {
        memcpy(to.keys, lane->keys + slot, count * sizeof *to.keys);
        memcpy(to.ids, lane->ids + slot, count * sizeof *to.ids);
    }
    return true;
}

static sn_status NAME(scatter_block)(const sn__coo_job *job, NAME(lane) * lanes, int64_t first,
                                     int32_t count)
{
    int64_t row[SN__EDGE_BLOCK], col[SN__EDGE_BLOCK];
    int32_t mine[SN__EDGE_BLOCK], found = 0; /* branch-free choice of this round's edges */
    int64_t cell = job->buckets[job->rounds[job->round]].cell;
    uint64_t cells = (uint64_t)(job->buckets[job->rounds[job->round + 1] - 1].cell_end - cell);
    int shift = job->side->shift;
    SN_TRY(sn__coo_read(job->coo, job->by, first, count, row, col));
    for (int32_t i = 0; i < count; i++) {
        mine[found] = i;
        found += (uint64_t)((row[i] >> shift) - cell) < cells;
    }
    for (int32_t j = 0; j < found; j++) {
        int32_t i = mine[j];
        NAME(lane) *lane = lanes + job->bucket_of[row[i] >> shift];
        uint64_t slot = lane->at++ % LINE;
        lane->keys[slot] = (NAME(key)){ (WORD)row[i], (WORD)col[i] };
        lane->ids[slot] = (WORD)(first + i);
        if (slot == LINE - 1 && !NAME(flush)(job, lane))
            return sn__coo_changed();
    }
    return SN_OK;
}

static sn_status NAME(scatter)(void *context, int32_t thread, int64_t begin, int64_t end)
{
    const sn__coo_job *job = context;
    for (int64_t at = begin; at < end; at += SN__EDGE_BLOCK) {
        int64_t left = end - at;
        SN_TRY(NAME(scatter_block)(job, job->lanes[thread], at,
                                   left < SN__EDGE_BLOCK ? (int32_t)left : SN__EDGE_BLOCK));
    }
    if (job->coo->source.forget != NULL)
        job->coo->source.forget(job->coo->source.context, begin, end - begin);
    return SN_OK;
}

static sn_status NAME(flush_all)(const sn__coo_job *job)
{
    int64_t count = job->rounds[job->round + 1] - job->rounds[job->round];
    for (int32_t t = 0; t < job->coo->options.threads; t++)
        for (int64_t b = 0; b < count; b++) {
            const NAME(lane) *lane = (const NAME(lane) *)job->lanes[t] + b;
            if (lane->at != lane->end)
                return sn__coo_changed();
            if (lane->at % LINE != 0 && lane->at > lane->first)
                (void)NAME(flush)(job, lane); /* full lines went before */
        }
    return SN_OK;
}

/* One stable counting pass over digit `shift` of the column or the row. */
static void NAME(digit_pass)(NAME(pair) from, NAME(pair) to, uint64_t count, int shift, int bits,
                             bool by_row)
{
    WORD place[1 << DIGIT_BITS];
    WORD mask = (WORD)(((uint64_t)1 << bits) - 1);
    memset(place, 0, sizeof *place << bits);
    for (uint64_t i = 0; i < count; i++)
        place[((by_row ? from.keys[i].row : from.keys[i].col) >> shift) & mask]++;
    WORD before = 0;
    for (WORD d = 0; d <= mask; d++) {
        WORD here = place[d];
        place[d] = before;
        before += here;
    }
    for (uint64_t i = 0; i < count; i++) {
        NAME(key) key = from.keys[i];
        WORD at = place[((by_row ? key.row : key.col) >> shift) & mask]++;
        to.keys[at] = key;
        to.ids[at] = from.ids[i];
    }
}

/* An even number of passes: the result is where the edges were. */
static void NAME(sort_digits)(NAME(pair) here, NAME(pair) spare, uint64_t count, int passes,
                              int bits, bool by_row)
{
    for (int p = 0; p < passes; p += 2) {
        NAME(digit_pass)(here, spare, count, p * bits, bits, by_row);
        NAME(digit_pass)(spare, here, count, (p + 1) * bits, bits, by_row);
    }
}

/* The last pass: rows. Entry r + 1 of indptr first counts row r, then is the place of its next
 * edge. */
static void NAME(write_rows)(const sn__coo_job *job, const sn__coo_bucket *bucket, NAME(pair) from)
{
    int64_t row = bucket->cell << job->side->shift, end = bucket->cell_end << job->side->shift;
    int64_t *place = job->indptr + 1, next = (int64_t)bucket->first;
    end = end < job->side->rows ? end : job->side->rows;
    memset(place + row, 0, (size_t)(end - row) * sizeof *place);
    for (uint64_t i = 0; i < bucket->count; i++)
        place[from.keys[i].row]++;
    for (int64_t r = row; r < end; r++) {
        int64_t here = place[r];
        place[r] = next;
        next += here;
    }
    for (uint64_t i = 0; i < bucket->count; i++) {
        int64_t at = place[from.keys[i].row]++;
        if (job->index_bytes == sizeof(int32_t))
            ((int32_t *)job->indices)[at] = (int32_t)from.keys[i].col;
        else
            ((int64_t *)job->indices)[at] = (int64_t)from.keys[i].col;
        job->edge_ids[at] = (int64_t)from.ids[i];
    }
}

/* Other threads mark edges in the same words. Whoever comes first, the set is the same. */
static void NAME(mark_duplicates)(const sn__coo_job *job, NAME(pair) sorted, uint64_t count)
{
    for (uint64_t i = 1; i < count; i++) {
        NAME(key) one = sorted.keys[i - 1], two = sorted.keys[i];
        if (one.row == two.row && one.col == two.col)
            __atomic_fetch_or(&job->duplicates[sorted.ids[i] / 64],
                              (uint64_t)1 << (sorted.ids[i] % 64), __ATOMIC_RELAXED);
    }
}

static NAME(pair)
    NAME(spare_of)(const sn__coo_job *job, int32_t thread, const sn__coo_bucket *bucket)
{
    if (job->spare != NULL) {
        NAME(key) *keys = job->spare[thread];
        return (NAME(pair)){ keys, (WORD *)(keys + job->bucket_edges) };
    }
    /* The place of the result serves: an edge id holds a small key, an index a small id. */
    return (NAME(pair)){ (NAME(key) *)(job->edge_ids + bucket->first),
                         (WORD *)(job->indices + bucket->first * job->index_bytes) };
}

static sn_status NAME(sort_bucket)(void *context, int32_t thread, int64_t begin, int64_t end)
{
    const sn__coo_job *job = context;
    const sn__coo_bucket *buckets = job->buckets + job->rounds[job->round];
    for (int64_t b = begin; b < end; b++) {
        NAME(pair) here = NAME(temp_at)(job, buckets[b].first - buckets[0].first);
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
    job->temp_bytes = job->round_edges * NAME(sn__coo_edge_bytes);
    job->lane_bytes = (size_t)job->round_buckets * sizeof(NAME(lane));
    bool second = job->col_passes > 0 || job->duplicates != NULL;
    if (second && (job->duplicates != NULL || sizeof(WORD) == sizeof(uint64_t)))
        job->spare_bytes = job->bucket_edges * NAME(sn__coo_edge_bytes);
    SN_TRY(get_memory(job, threads));
    for (job->round = 0; job->round < job->num_rounds; job->round++)
        SN_TRY(NAME(sort_round)(job));
    return SN_OK;
}
