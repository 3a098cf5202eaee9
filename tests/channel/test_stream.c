/* SPDX-License-Identifier: Apache-2.0 */
/* Layout of the control segment, and attaching to what may be none. */
#include "base/run.h"
#include "channel/control.h"

#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* -- Layout ------------------------------------------------------------------------------------ */

static const sn__stream_shape shapes[] = {
    { 1, 1, 1 },   { 1, 1, 2 },       { 2, 1, 3 },     { 3, 2, 14 },      { 3, 2, 15 },
    { 3, 2, 16 },  { 7, 2, 17 },      { 4, 4, 62 },    { 4, 4, 63 },      { 1, 32, 1000 },
    { 256, 1, 1 }, { 256, 32, 4096 }, { 4096, 15, 1 }, { 1, 1, 1 << 20 },
};
enum { SHAPES = sizeof shapes / sizeof *shapes };

/* A view over addresses that are reserved and, but for what init writes, never touched. */
static sn__stream view_of(const sn__stream_shape *shape)
{
    sn__stream stream;
    void *base = mmap(NULL, sn__stream_bytes(shape), PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    ck_assert_ptr_ne(base, MAP_FAILED);
    sn__stream_init(base, shape, &stream);
    return stream;
}

static uint64_t at(const sn__stream *stream, const void *part)
{
    must((uintptr_t)part >= (uintptr_t)stream->header);
    return (uintptr_t)part - (uintptr_t)stream->header;
}

START_TEST(stream_of_any_shape_has_parts_that_lie_one_behind_the_other)
{
    const sn__stream_shape *shape = &shapes[_i];
    sn__stream stream = view_of(shape);
    uint64_t end = sizeof *stream.header;

    must(at(&stream, stream.entries) >= end);
    end = at(&stream, stream.entries + stream.window);
    for (uint32_t worker = 0; worker < stream.workers; worker++) {
        const sn__worker_block *block = sn__stream_worker(&stream, worker);
        must(at(&stream, block) >= end);
        must(at(&stream, block) % SN__LINE == 0);
        end = at(&stream, block + 1);
    }
    must(stream.lanes == (uint64_t)shape->workers * shape->concurrency);
    for (uint32_t lane = 0; lane < stream.lanes; lane++) {
        const sn__lane_block *block = sn__stream_lane(&stream, lane);
        must(at(&stream, block) >= end);
        must(at(&stream, block) % SN__LINE == 0);
        const sn__slot *first = sn__stream_slot(&stream, lane, 0);
        must(at(&stream, first) >= at(&stream, block + 1));
        end = at(&stream, first + stream.slots);
    }
    ck_assert_uint_le(end, sn__stream_bytes(shape));
    ck_assert_uint_lt(sn__stream_bytes(shape) - end, SN__LINE);
}
END_TEST

START_TEST(stream_slots_are_a_power_of_two_above_what_a_ring_holds)
{
    for (uint32_t window = 1; window <= 1 << 20; window += window < 300 ? 1 : window / 3) {
        sn__stream_shape shape = { 1, 1, window };
        sn__stream stream = view_of(&shape);
        ck_assert_uint_gt(stream.slots, window + 1);
        ck_assert_uint_lt(stream.slots, 2 * window + 5); /* and no larger one */
        ck_assert_uint_eq(stream.slots & (stream.slots - 1), 0);
        /* Positions run free: any `slots` of them are different, also where 64 bits end. */
        for (uint64_t i = 0; i < 300; i++) {
            uint64_t position = UINT64_MAX - 150 + i;
            const sn__slot *slot = sn__stream_slot(&stream, 0, position);
            must(slot == sn__stream_slot(&stream, 0, 0) + position % stream.slots);
        }
        munmap(stream.header, sn__stream_bytes(&shape));
    }
}
END_TEST

/* Two cache lines between what different threads write all the time. */
START_TEST(stream_writers_are_apart)
{
    ck_assert_uint_eq(offsetof(sn__stream_header, run) % SN__LINE, 0);
    const size_t header[] = {
        offsetof(sn__stream_header, run),    offsetof(sn__stream_header, position),
        offsetof(sn__stream_header, opened), offsetof(sn__stream_header, published),
        offsetof(sn__stream_header, totals), sizeof(sn__stream_header)
    };
    const size_t lane[] = { offsetof(sn__lane_block, tail), offsetof(sn__lane_block, head),
                            offsetof(sn__lane_block, progress), offsetof(sn__lane_block, blocks),
                            sizeof(sn__lane_block) };
    for (size_t i = 0; i < 6; i++) {
        ck_assert_uint_eq(header[i] % SN__LINE, 0);
        ck_assert_uint_ge(header[i] - (i > 0 ? header[i - 1] : 0), SN__LINE);
    }
    for (size_t i = 0; i < 5; i++) {
        ck_assert_uint_eq(lane[i] % SN__LINE, 0);
        ck_assert(i == 0 || lane[i] - lane[i - 1] >= SN__LINE);
    }
    ck_assert_uint_eq(sizeof(sn__worker_block) % SN__LINE, 0);
    ck_assert_uint_eq(sizeof(sn__stream_header), 1024); /* as the byte map says */
}
END_TEST

START_TEST(stream_laid_out_says_what_it_is_and_is_closed)
{
    control made = control_make(3, 2, 10);
    const sn__stream_header *header = made.stream.header;
    ck_assert_uint_eq(header->bytes, made.bytes);
    ck_assert_uint_eq(header->header_bytes, sizeof *header);
    ck_assert_int_eq(header->owner_pid, getpid());
    ck_assert_uint_eq(header->window, 10);
    ck_assert_uint_eq(header->workers, 3);
    ck_assert_uint_eq(header->concurrency, 2);
    ck_assert_uint_eq(header->slots, 16);
    ck_assert_uint_eq(header->entries_at, at(&made.stream, made.stream.entries));
    ck_assert_uint_eq(header->workers_at, at(&made.stream, sn__stream_worker(&made.stream, 0)));
    ck_assert_uint_eq(header->lanes_at, at(&made.stream, sn__stream_lane(&made.stream, 0)));
    ck_assert_uint_eq(header->lane_stride,
                      at(&made.stream, sn__stream_lane(&made.stream, 1)) - header->lanes_at);
    for (uint32_t t = 0; t < 10; t++)
        ck_assert_uint_eq(atomic_load(&made.stream.entries[t]), (uint64_t)t << 16);
    control_free(&made);
}
END_TEST

/* -- Attach ------------------------------------------------------------------------------------ */

static const sn__stream untouched = { .window = 77 };

/* Field by field: the padding is nobody's. */
static bool same_view(const sn__stream *a, const sn__stream *b)
{
    return a->header == b->header && a->entries == b->entries &&
           a->workers_base == b->workers_base && a->lanes_base == b->lanes_base &&
           a->lane_stride == b->lane_stride && a->window == b->window && a->workers == b->workers &&
           a->concurrency == b->concurrency && a->lanes == b->lanes && a->slots == b->slots;
}

static void attach_fails(control *made, size_t bytes, sn_status expected, const char *detail)
{
    sn__stream stream = untouched;
    must(sn__stream_attach(made->base, bytes, &stream) == expected);
    must(same_view(&stream, &untouched));
    must(detail == NULL || strstr(sn_error_detail(), detail) != NULL);
}

START_TEST(attach_of_what_was_laid_out_gives_the_same_view)
{
    sn__stream stream;
    control made = control_make(shapes[_i].workers, shapes[_i].concurrency, shapes[_i].window);
    ck_assert_int_eq(sn__stream_attach(made.base, made.bytes, &stream), SN_OK);
    ck_assert(same_view(&stream, &made.stream));
    ck_assert_int_eq(sn__stream_attach(made.base, made.bytes + 4096, &stream), SN_OK);
    ck_assert(same_view(&stream, &made.stream));
    control_free(&made);
}
END_TEST

START_TEST(attach_before_the_magic_says_again_and_nothing_else)
{
    control made = control_make(1, 1, 4);
    atomic_store(&made.stream.header->magic, 0);
    attach_fails(&made, made.bytes, SN_E_AGAIN, NULL);
    memset(made.base, 0, made.bytes);
    attach_fails(&made, made.bytes, SN_E_AGAIN, NULL);
    control_free(&made);
}
END_TEST

START_TEST(attach_of_something_else_is_a_format_error)
{
    control made = control_make(1, 1, 4);
    for (int bit = 0; bit < 64; bit++) {
        atomic_store(&made.stream.header->magic, SN__STREAM_MAGIC ^ UINT64_C(1) << bit);
        attach_fails(&made, made.bytes, SN_E_FORMAT, "magic");
    }
    control_free(&made);
}
END_TEST

START_TEST(attach_of_another_build_is_a_version_error)
{
    control made = control_make(1, 1, 4);
    made.stream.header->version++;
    attach_fails(&made, made.bytes, SN_E_VERSION, "version 2");
    made.stream.header->version--;
    made.stream.header->layout ^= 1;
    attach_fails(&made, made.bytes, SN_E_VERSION, "layout");
    control_free(&made);
}
END_TEST

START_TEST(attach_with_too_few_bytes_reads_none_behind_them)
{
    control made = control_make(2, 1, 3);
    for (size_t bytes = 0; bytes < made.bytes; bytes++) {
        control cut = { .base = NULL, .bytes = bytes };
        must(posix_memalign(&cut.base, 4096, bytes > 0 ? bytes : 1) == 0);
        memcpy(cut.base, made.base, bytes);
        attach_fails(&cut, bytes, bytes < sizeof(sn__stream_header) ? SN_E_FORMAT : SN_E_CORRUPT,
                     "control segment: ");
        control_free(&cut);
    }
    control_free(&made);
}
END_TEST

/* A shape as it would be, if it were laid out: whatever attach believes, it lies in `bytes`. */
START_TEST(attach_with_a_shape_that_cannot_be_is_refused)
{
    static const sn__stream_shape wrong[] = {
        { 0, 2, 3 },          { 2, 0, 3 },          { 2, 2, 0 },
        { 4097, 1, 1 },       { 1, 257, 1 },        { 1, 1, (1 << 20) + 1 },
        { UINT32_MAX, 1, 1 }, { 1, UINT32_MAX, 1 }, { 1, 1, UINT32_MAX },
        { 4096, 16, 1 }, /* more lanes than an entry has owners for */
        { 4096, 256, 1 },
    };
    control made = control_make(2, 2, 3);
    made.stream.header->workers = wrong[_i].workers;
    made.stream.header->concurrency = wrong[_i].concurrency;
    made.stream.header->window = wrong[_i].window;
    attach_fails(&made, SIZE_MAX, SN_E_CORRUPT, "control segment: ");
    control_free(&made);
}
END_TEST

START_TEST(attach_with_places_that_are_not_ours_is_refused)
{
    control made = control_make(2, 2, 3);
    sn__stream_header *header = made.stream.header, good = { 0 };
    uint64_t *const words[] = { &header->bytes, &header->entries_at, &header->workers_at,
                                &header->lanes_at, &header->lane_stride };
    memcpy((void *)&good, header, sizeof good);
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        for (int bit = 0; bit < 64; bit++) {
            *words[i] ^= UINT64_C(1) << bit;
            attach_fails(&made, made.bytes, SN_E_CORRUPT, "control segment: ");
            *words[i] ^= UINT64_C(1) << bit;
        }
    }
    header->slots *= 2;
    attach_fails(&made, made.bytes, SN_E_CORRUPT, "control segment: ");
    header->slots /= 2;
    header->header_bytes += 64;
    attach_fails(&made, made.bytes, SN_E_CORRUPT, "control segment: ");
    header->header_bytes -= 64;
    ck_assert_mem_eq(header, &good, sizeof good);
    control_free(&made);
}
END_TEST

START_TEST(attach_keeps_its_sizes_whatever_is_written_later)
{
    sn__stream stream;
    control made = control_make(2, 2, 3);
    ck_assert_int_eq(sn__stream_attach(made.base, made.bytes, &stream), SN_OK);
    memset(made.base, 0xff, sizeof(sn__stream_header));
    ck_assert(same_view(&stream, &made.stream));
    ck_assert_uint_le(at(&stream, sn__stream_slot(&stream, 3, UINT64_MAX) + 1), made.bytes);
    control_free(&made);
}
END_TEST

int main(void)
{
    TCase *cases = tcase_create("stream");
    tcase_set_timeout(cases, 60);
    tcase_add_loop_test(cases, stream_of_any_shape_has_parts_that_lie_one_behind_the_other, 0,
                        SHAPES);
    tcase_add_test(cases, stream_slots_are_a_power_of_two_above_what_a_ring_holds);
    tcase_add_test(cases, stream_writers_are_apart);
    tcase_add_test(cases, stream_laid_out_says_what_it_is_and_is_closed);
    tcase_add_loop_test(cases, attach_of_what_was_laid_out_gives_the_same_view, 0, 10);
    tcase_add_test(cases, attach_before_the_magic_says_again_and_nothing_else);
    tcase_add_test(cases, attach_of_something_else_is_a_format_error);
    tcase_add_test(cases, attach_of_another_build_is_a_version_error);
    tcase_add_test(cases, attach_with_too_few_bytes_reads_none_behind_them);
    tcase_add_loop_test(cases, attach_with_a_shape_that_cannot_be_is_refused, 0, 11);
    tcase_add_test(cases, attach_with_places_that_are_not_ours_is_refused);
    tcase_add_test(cases, attach_keeps_its_sizes_whatever_is_written_later);
    return run_cases("stream", cases);
}
