/* SPDX-License-Identifier: Apache-2.0 */
/* Picks by weight, sixteen rows at once: docs/sampling.md, section 7.2. A part of pick_template.h, whose
 * functions it uses; what it does is that of pick_weighted.c.
 *
 * A try's place is guessed, since the sums of most rows rise evenly. Tiles of rows follow one another through
 * these steps, so that what one waits for comes while the others compute:
 *
 *     reach    by the draw's word and the row's length alone: the lines of the guess, and of the row's sum
 *     aim      by the sum that is there: a better guess, and its line
 *     correct  the same once more: nearly always the right line
 *     settle   the place, by a search that begins there; tries that repeat a pick are passed over
 *
 * Rows that have too few picks after one try for each are finished one by one. */

enum { TILES = SN__BLOCK_ROWS / SN__LANES, MORE_TRIES = 4 };

/* Rows whose picks are drawn; the others have one edge and the total 1. */
typedef struct weighted_tile {
    tile of;
    uint32_t *places; /* [k] by rows of sixteen: words, guesses, places, at last positions */
    lanes start, count, total;
    uint32_t drawn; /* bits */
    lane_mask is_drawn;
    /* Of each row, as lanes above. */
    uint32_t starts[SN__LANES], counts[SN__LANES], totals[SN__LANES];
    uint32_t at[SN__MOST_LANE_PICKS][SN__LANES]; /* draws below the total */
    uint32_t more[MORE_TRIES][SN__LANES];        /* words of the tries behind the first k */
    uint32_t again[SN__MOST_LANE_PICKS];         /* bits of rows: tries that repeat a pick */
} weighted_tile;

/* Draw i, uniform below the total, of a word. No total is below 2^31 here, so a word is rejected if the lower
 * half of the product is below 2^32 less the total: next to never. */
ALWAYS lanes bound_total(const weighted_tile *of, uint32_t i, lanes word)
{
    lanes high, low;
    lanes_mul(word, of->total, &high, &low);
    lane_mask is_bad = lanes_less(low, lanes_sub(lanes_set(0), of->total));
    uint32_t bad = lanes_bits(lanes_and(of->is_drawn, is_bad));
    if (__builtin_expect(bad != 0, 0)) {
        uint32_t draws[SN__LANES], below[SN__LANES];
        lanes_store(draws, high);
        lanes_store(below, of->total);
        sn__redraw what = { of->of.key, of->of.block, of->of.at, i, bad };
        sn__pick_redraw(&what, below, draws);
        high = lanes_load(draws);
    }
    return high;
}

/* A place that is `from` moved on by what the sums between two draws make up, if they rise evenly. */
ALWAYS lanes move_guess(lanes from, lanes count, lanes before, lanes after)
{
    lanes up, down, unused;
    lanes_mul(lanes_sub(after, before), count, &up, &unused);
    lanes_mul(lanes_sub(before, after), count, &down, &unused);
    down = lanes_sub(from, lanes_min(from, down));
    return lanes_select(lanes_less(after, before), down, lanes_add(from, up));
}

ALWAYS void prefetch_lanes(const void *base, const size_t width, lanes places)
{
    uint32_t at[SN__LANES];
    lanes_store(at, places);
    sn__in_memory(at); /* taking lanes out of a register takes longer */
    for (int row = 0; row < SN__LANES; row++)
        sn__prefetch_at(base, (uint64_t)at[row] * width);
}

ALWAYS void prefetch_sums(const sn__rows *rows, lanes places)
{
    prefetch_lanes(rows->sums, 2 * sizeof *rows->sums, places);
}

/* -- Reach ------------------------------------------------------------------------------------- */

ALWAYS void begin_reach(const sn__rows *rows, const int k, weighted_tile *of)
{
    lanes words[SN__MOST_LANE_PICKS + MORE_TRIES + 3], unused;
    const sn__row_block *block = of->of.block;
    const size_t at = of->of.at;
    lanes_split(block->nodes + at, &of->of.node_low, &of->of.node_high);
    lanes_split(block->start + at, &of->start, &unused);
    lanes_split(block->degree + at, &of->count, &unused);
    of->of.tree = lanes_load(block->trees + at);
    draw_words(&of->of, k + MORE_TRIES, words);
    for (int i = 0; i < k; i++)
        lanes_store(of->places + i * SN__LANES, words[i]);
    for (int i = 0; i < MORE_TRIES; i++)
        lanes_store(of->more[i], words[k + i]);
    prefetch_sums(rows, lanes_sub(lanes_add(of->start, of->count), lanes_set(1)));
    /* Rows behind the last edge have none, and look at it. */
    of->start = lanes_min(of->start, lanes_set((uint32_t)(rows->edges - 1)));
    lanes_store(of->starts, of->start);
}

ALWAYS void reach(const sn__rows *rows, const weighted_tile *of, int i)
{
    lanes guess, unused;
    lanes_mul(lanes_load(of->places + i * SN__LANES), of->count, &guess, &unused);
    prefetch_sums(rows, lanes_add(of->start, guess));
}

/* -- Aim --------------------------------------------------------------------------------------- */

/* Finds out which rows are drawn; the picks of the others are put in place. */
static sn_status begin_aim(const sn__rows *rows, const sn__pick_rule *rule, sn__row_block *block,
                           sn__pick_set *set, weighted_tile *of)
{
    uint32_t drawn[SN__LANES], *count = of->counts, *total = of->totals;
    int64_t few[SN__MOST_LANE_PICKS + SN__SLACK];
    of->drawn = 0;
    for (size_t lane = 0; lane < SN__LANES; lane++) {
        size_t row = of->of.at + lane;
        drawn[lane] =
            row < block->count && sn__weighted_is_drawn(rows, rule, block, row, &total[lane]);
        count[lane] = (uint32_t)block->degree[row];
        of->drawn |= drawn[lane] << lane;
        if (drawn[lane] != 0)
            continue;
        count[lane] = total[lane] = 1;
        int64_t some = block->start[row] < rows->edges ? block->start[row] : rows->edges - 1;
        if (row < block->count && block->picked[row] > 0)
            SN_TRY(sn__weighted_row(rows, rule, block, row, set, few));
        for (int64_t i = 0; i < rule->fanout; i++)
            of->places[(size_t)i * SN__LANES + lane] =
                (uint32_t)(i < block->picked[row] ? block->start[row] + few[i] : some);
    }
    of->count = lanes_load(count);
    of->total = lanes_load(total);
    of->is_drawn = lanes_less(lanes_set(0), lanes_load(drawn));
    return SN_OK;
}

/* A better guess, by the sum at the one before. */
ALWAYS lanes improve(const sn__rows *rows, const weighted_tile *of, lanes guess, lanes at)
{
    lanes near = lanes_add(of->start, guess);
    lanes sum = lanes_gather(rows->sums, lanes_add(near, near));
    guess = move_guess(guess, of->count, sum, at);
    guess = lanes_min(guess, lanes_sub(of->count, lanes_set(1)));
    prefetch_sums(rows, lanes_add(of->start, guess));
    return guess;
}

ALWAYS void aim(const sn__rows *rows, weighted_tile *of, int i)
{
    uint32_t *places = of->places + i * SN__LANES;
    lanes word = lanes_select(of->is_drawn, lanes_load(places), lanes_set(0)), guess, unused;
    lanes at = bound_total(of, (uint32_t)i, word);
    lanes_mul(word, of->count, &guess, &unused);
    guess = improve(rows, of, guess, at);
    lanes_store(of->at[i], at);
    lanes_store(places, lanes_select(of->is_drawn, guess, lanes_load(places)));
}

ALWAYS void correct(const sn__rows *rows, const weighted_tile *of, int i)
{
    uint32_t *places = of->places + i * SN__LANES;
    lanes guess = lanes_select(of->is_drawn, lanes_load(places), lanes_set(0));
    guess = improve(rows, of, guess, lanes_load(of->at[i]));
    lanes_store(places, lanes_select(of->is_drawn, guess, lanes_load(places)));
}

/* -- Settle ------------------------------------------------------------------------------------ */

ALWAYS lanes half_of(lanes x)
{
    lanes high, low;
    lanes_mul(x, lanes_set(1u << 31), &high, &low);
    return high;
}

/* A few searches at once, of which one computes while the others wait. */
enum { SEARCHES = 4 };

/* The first places whose sums are above the draws, or the last of the row: step by step from the guesses,
 * which become the places. What is far is found by halves. */
ALWAYS void search(const sn__rows *rows, const weighted_tile *of, int first, const int searches,
                   lanes guess[SEARCHES])
{
    enum { STEPS = 6 };
    const lanes one = lanes_set(1), last = lanes_sub(of->count, one);
    lanes low[SEARCHES], high[SEARCHES];
    for (int q = 0; q < searches; q++)
        low[q] = lanes_set(0), high[q] = last;
    for (int step = 0;; step++) {
        uint32_t open = 0;
        for (int q = 0; q < searches; q++) {
            lane_mask is_open = lanes_less(low[q], high[q]);
            open |= lanes_bits(is_open);
            if (step >= STEPS)
                guess[q] = lanes_add(low[q], half_of(lanes_sub(high[q], low[q])));
            guess[q] = lanes_select(is_open, lanes_min(guess[q], lanes_sub(high[q], one)), low[q]);
        }
        if (open == 0)
            return;
        for (int q = 0; q < searches; q++) {
            lanes near = lanes_add(of->start, guess[q]);
            lanes sum = lanes_gather(rows->sums, lanes_add(near, near));
            lane_mask is_down = lanes_less(lanes_load(of->at[first + q]), sum);
            lanes up = lanes_min(lanes_add(guess[q], one), high[q]);
            low[q] = lanes_select(is_down, low[q], up);
            high[q] = lanes_select(is_down, guess[q], high[q]);
            guess[q] = lanes_select(is_down, lanes_sub(high[q], one), up);
        }
    }
}

ALWAYS void settle_some(const sn__rows *rows, weighted_tile *of, int first, const int searches,
                        bool replace)
{
    lanes place[SEARCHES];
    for (int q = 0; q < searches; q++)
        place[q] = lanes_select(of->is_drawn, lanes_load(of->places + (first + q) * SN__LANES),
                                lanes_set(0));
    search(rows, of, first, searches, place);
    for (int q = 0; q < searches; q++) {
        const int i = first + q;
        uint32_t *places = of->places + i * SN__LANES;
        lane_mask found = lanes_none();
        place[q] = lanes_select(of->is_drawn, place[q], lanes_load(places));
        lanes_store(places, place[q]);
        for (int j = 0; j < i && !replace; j++)
            found = lanes_or_equal(found, place[q], lanes_load(of->places + j * SN__LANES));
        of->again[i] = lanes_bits(lanes_and(found, of->is_drawn));
    }
}

/* Tries up to number i, if they are a group, or the last ones. */
ALWAYS void settle(const sn__rows *rows, weighted_tile *of, int i, const int k, bool replace)
{
    if (i % SEARCHES == SEARCHES - 1)
        settle_some(rows, of, i + 1 - SEARCHES, SEARCHES, replace);
    else if (i == k - 1)
        for (int j = i / SEARCHES * SEARCHES; j <= i; j++)
            settle_some(rows, of, j, 1, replace);
}

/* Where a sum of one row lies: the first place whose sum is above `at`, or the last. Two better guesses, then
 * steps to either side; a row whose sums rise too unevenly for that is halved. */
static uint32_t search_row(const uint32_t *sums, uint32_t count, uint32_t at)
{
    enum { STEPS = 8 };
    int64_t guess = (int64_t)((uint64_t)at * count >> 32);
    for (int i = 0; i < 2; i++) {
        guess += ((int64_t)at - sums[2 * guess]) * count >> 32;
        guess = guess < 0 ? 0 : guess >= count ? (int64_t)count - 1 : guess;
    }
    for (int i = 0; i < STEPS; i++) {
        if (sums[2 * guess] <= at && guess + 1 < count)
            guess++;
        else if (guess > 0 && sums[2 * (guess - 1)] > at)
            guess--;
        else
            return (uint32_t)guess;
    }
    return (uint32_t)sn__weighted_find(sums, count, at);
}

/* Try number `i` of a row, from the first k on. */
static uint32_t try_again(const sn__rows *rows, const sn__pick_rule *rule, const weighted_tile *of,
                          int row, uint32_t i)
{
    const sn__row_block *block = of->of.block;
    const uint32_t total = of->totals[row], more = i - (uint32_t)rule->fanout;
    uint64_t product = more < MORE_TRIES ? (uint64_t)of->more[more][row] * total : 0;
    uint32_t at = (uint32_t)(product >> 32);
    if ((uint32_t)product < 0u - total) { /* rejected, or there is no word */
        sn__draws draws;
        sn__draws_begin(&draws, rule->key, (uint64_t)block->nodes[of->of.at + (size_t)row],
                        block->trees[of->of.at + (size_t)row], of->counts[row]);
        at = (uint32_t)sn__draw(&draws, i, total);
    }
    return search_row(rows->sums + 2 * (size_t)of->starts[row], of->counts[row], at);
}

ALWAYS bool is_among(const uint32_t *picks, int count, uint32_t place)
{
    bool found = false;
    for (int i = 0; i < count; i++)
        found |= picks[i] == place;
    return found;
}

/* A row some of whose tries were in vain. */
static sn_status finish_row(const sn__rows *rows, const sn__pick_rule *rule,
                            const weighted_tile *of, int row)
{
    uint32_t picks[SN__MOST_LANE_PICKS + 1];
    const int k = (int)rule->fanout;
    int count = 0;
    for (int i = 0; i < k; i++) {
        picks[count] = of->places[i * SN__LANES + row];
        count += (of->again[i] >> row & 1) == 0;
    }
    for (uint32_t i = (uint32_t)k; i < 2 * (uint32_t)k && count < k; i++) {
        picks[count] = try_again(rows, rule, of, row, i);
        count += !is_among(picks, count, picks[count]);
    }
    if (count < k)
        SN_TRY(sn__weighted_finish(rows, rule, of->of.block, of->of.at + (size_t)row, (size_t)count,
                                   picks));
    for (int i = 0; i < k; i++)
        of->places[i * SN__LANES + row] = picks[i];
    return SN_OK;
}

/* Places become positions. */
ALWAYS sn_status end_settle(const sn__rows *rows, const sn__pick_rule *rule,
                            const weighted_tile *of, const int k)
{
    uint32_t again = 0;
    for (int i = 0; i < k; i++)
        again |= of->again[i];
    for (; again != 0; again &= again - 1)
        SN_TRY(finish_row(rows, rule, of, __builtin_ctz(again)));
    for (int i = 0; i < k; i++) {
        uint32_t *places = of->places + i * SN__LANES;
        lanes place = lanes_load(places);
        place = lanes_select(of->is_drawn, lanes_add(of->start, place), place);
        lanes_store(places, place);
        if (rows->wide) /* else the neighbours are beside the sums */
            prefetch_lanes(rows->indices, sizeof(int64_t), place);
    }
    return SN_OK;
}

/* -- Blocks ------------------------------------------------------------------------------------ */

/* What the steps of a block are about. */
typedef struct weighted_block {
    const sn__rows *rows;
    const sn__pick_rule *rule;
    sn__row_block *block;
    sn__pick_set *set;
    size_t count;
    weighted_tile tiles[TILES];
} weighted_block;

ALWAYS weighted_tile *tile_at(weighted_block *self, size_t step, size_t late)
{
    return step >= late && step - late < self->count ? &self->tiles[step - late] : NULL;
}

/* Tile `step` reaches, the one before aims, and so on: those of them that there are. */
ALWAYS sn_status move_tiles(weighted_block *self, size_t step, const int k)
{
    const sn__rows *rows = self->rows;
    weighted_tile *reaches = tile_at(self, step, 0), *aims = tile_at(self, step, 1);
    weighted_tile *corrects = tile_at(self, step, 2), *settles = tile_at(self, step, 3);
    if (reaches != NULL)
        begin_reach(rows, k, reaches);
    if (aims != NULL)
        SN_TRY(begin_aim(rows, self->rule, self->block, self->set, aims));
    for (int i = 0; i < k; i++) {
        if (reaches != NULL)
            reach(rows, reaches, i);
        if (aims != NULL)
            aim(rows, aims, i);
        if (corrects != NULL)
            correct(rows, corrects, i);
        if (settles != NULL)
            settle(rows, settles, i, k, self->rule->replace);
    }
    return settles == NULL ? SN_OK : end_settle(rows, self->rule, settles, k);
}

ALWAYS sn_status draw_weighted_block(const sn__rows *rows, const sn__pick_rule *rule,
                                     sn__row_block *block, sn__pick_set *set, const int k)
{
    weighted_block self;
    self.rows = rows, self.rule = rule, self.block = block, self.set = set;
    self.count = (block->count + SN__LANES - 1) / SN__LANES;
    for (size_t t = 0; t < self.count; t++) {
        self.tiles[t].of = (tile){ .block = block, .key = rule->key, .at = t * SN__LANES };
        self.tiles[t].places = block->tiles + t * SN__LANES * (size_t)k;
    }
    for (size_t step = 0; step < self.count + 3; step++)
        SN_TRY(move_tiles(&self, step, k));
    block->picks = 0;
    for (size_t row = 0; row < block->count; row++)
        block->picks += (size_t)block->picked[row];
    return SN_OK;
}
