/* SPDX-License-Identifier: Apache-2.0 */
#include "base/run.h"

#include "base/mem.h"

#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

static bool mmap_fails;
void *__real_mmap(void *at, size_t bytes, int protection, int flags, int fd, off_t offset);
void *__wrap_mmap(void *at, size_t bytes, int protection, int flags, int fd, off_t offset);
void *__wrap_mmap(void *at, size_t bytes, int protection, int flags, int fd, off_t offset)
{
    return mmap_fails ? MAP_FAILED : __real_mmap(at, bytes, protection, flags, fd, offset);
}

START_TEST(zalloc_of_any_size_gives_zeroed_memory)
{
    for (size_t bytes = 0; bytes < 3000; bytes += 7) {
        unsigned char *block = NULL;
        ck_assert_int_eq(sn__mem_zalloc(bytes, 1, "test", &block), SN_OK);
        ck_assert_ptr_nonnull(block);
        for (size_t i = 0; i < bytes; i++)
            if (block[i] != 0)
                ck_abort_msg("byte %zu of %zu is %d", i, bytes, block[i]);
        memset(block, 0xff, bytes);
        sn__mem_free(block);
    }
}
END_TEST

START_TEST(zalloc_with_an_overflow_fails_and_leaves_the_pointer)
{
    int here, *block = &here;
    ck_assert_int_eq(sn__mem_zalloc(SIZE_MAX / 2, 3, "table", &block), SN_E_NOMEM);
    ck_assert_ptr_eq(block, &here);
    ck_assert_ptr_nonnull(strstr(sn_error_detail(), "table"));
    ck_assert_ptr_nonnull(strstr(sn_error_detail(), "overflow"));
}
END_TEST

START_TEST(grow_by_ones_keeps_contents_and_is_amortised)
{
    uint32_t *block = NULL;
    size_t capacity = 0, moves = 0;
    for (size_t n = 1; n <= 20000; n++) {
        size_t before = capacity;
        ck_assert_int_eq(sn__mem_grow(&block, &capacity, n, sizeof *block, "list"), SN_OK);
        if (capacity < n)
            ck_abort_msg("capacity %zu for %zu", capacity, n);
        moves += capacity != before;
        block[n - 1] = (uint32_t)n * 2654435761u;
    }
    ck_assert_uint_lt(moves, 60);
    for (size_t n = 1; n <= 20000; n++)
        if (block[n - 1] != (uint32_t)n * 2654435761u)
            ck_abort_msg("element %zu is lost", n);
    sn__mem_free(block);
}
END_TEST

START_TEST(grow_with_an_overflow_fails_and_keeps_the_block)
{
    uint64_t *block = NULL;
    size_t capacity = 0;
    ck_assert_int_eq(sn__mem_grow(&block, &capacity, 10, sizeof *block, "list"), SN_OK);
    uint64_t *before = block;
    size_t held = capacity;
    block[9] = 42;
    ck_assert_int_eq(sn__mem_grow(&block, &capacity, SIZE_MAX / 4, sizeof *block, "list"),
                     SN_E_NOMEM);
    ck_assert_ptr_eq(block, before);
    ck_assert_uint_eq(capacity, held);
    ck_assert_uint_eq(block[9], 42);
    sn__mem_free(block);
}
END_TEST

START_TEST(strdup_of_a_text_is_a_copy)
{
    char text[] = "paper__cites__paper", *copy = NULL;
    ck_assert_int_eq(sn__mem_strdup(text, &copy), SN_OK);
    ck_assert_str_eq(copy, text);
    ck_assert_ptr_ne(copy, text);
    sn__mem_free(copy);
}
END_TEST

START_TEST(pages_of_any_size_are_zeroed_and_large_ones_aligned)
{
    static const size_t sizes[] = {
        0, 1, 4096, 4097, (2 << 20) - 1, 2 << 20, (2 << 20) + 1, 7 << 20
    };
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        unsigned char *block = NULL;
        ck_assert_int_eq(sn__mem_pages(sizes[i], "table", &block), SN_OK);
        ck_assert_ptr_nonnull(block);
        size_t unit = sizes[i] >= 2 << 20 ? 2 << 20 : 4096;
        ck_assert_uint_eq((uintptr_t)block % unit, 0);
        for (size_t at = 0; at < sizes[i]; at += 997)
            if (block[at] != 0)
                ck_abort_msg("byte %zu of %zu is %d", at, sizes[i], block[at]);
        memset(block, 0xff, sizes[i]);
        sn__mem_pages_free(block, sizes[i]);
    }
    sn__mem_pages_free(NULL, 4096);
}
END_TEST

/* Mapped kilobytes of this process. */
static long mapped_pages(void)
{
    long pages = 0;
    FILE *file = fopen("/proc/self/statm", "r");
    ck_assert_ptr_nonnull(file);
    ck_assert_int_eq(fscanf(file, "%ld", &pages), 1);
    fclose(file);
    return pages;
}

START_TEST(pages_given_back_many_times_leave_no_mapping)
{
    long before = mapped_pages();
    for (int i = 0; i < 200; i++) {
        void *block = NULL;
        size_t bytes = ((size_t)5 << 20) + (size_t)i * 4096 + 1;
        ck_assert_int_eq(sn__mem_pages(bytes, "table", &block), SN_OK);
        sn__mem_pages_free(block, bytes);
    }
    ck_assert_int_lt(mapped_pages() - before, 1024);
}
END_TEST

START_TEST(pages_that_the_system_refuses_fail_naming_the_size)
{
    int here, *block = &here;
    mmap_fails = true;
    sn_status status = sn__mem_pages(12345678, "label map", &block);
    mmap_fails = false;
    ck_assert_int_eq(status, SN_E_NOMEM);
    ck_assert_ptr_eq(block, &here);
    ck_assert_ptr_nonnull(strstr(sn_error_detail(), "label map"));
    ck_assert_int_eq(sn__mem_pages(SIZE_MAX - 100, "label map", &block), SN_E_NOMEM);
    ck_assert_ptr_nonnull(strstr(sn_error_detail(), "overflow"));
}
END_TEST

START_TEST(sizes_at_the_edge_are_added_and_multiplied_or_refused)
{
    size_t out = 7;
    ck_assert(sn__mul_size(SIZE_MAX / 3, 3, &out));
    ck_assert_uint_eq(out, SIZE_MAX / 3 * 3);
    ck_assert(!sn__mul_size(SIZE_MAX / 3 + 1, 3, &out));
    ck_assert(sn__add_size(SIZE_MAX - 1, 1, &out));
    ck_assert_uint_eq(out, SIZE_MAX);
    ck_assert(!sn__add_size(SIZE_MAX, 1, &out));
}
END_TEST

int main(void)
{
    TCase *cases = tcase_create("mem");
    tcase_add_test(cases, zalloc_of_any_size_gives_zeroed_memory);
    tcase_add_test(cases, zalloc_with_an_overflow_fails_and_leaves_the_pointer);
    tcase_add_test(cases, grow_by_ones_keeps_contents_and_is_amortised);
    tcase_add_test(cases, grow_with_an_overflow_fails_and_keeps_the_block);
    tcase_add_test(cases, strdup_of_a_text_is_a_copy);
    tcase_add_test(cases, pages_of_any_size_are_zeroed_and_large_ones_aligned);
    tcase_add_test(cases, pages_given_back_many_times_leave_no_mapping);
    tcase_add_test(cases, pages_that_the_system_refuses_fail_naming_the_size);
    tcase_add_test(cases, sizes_at_the_edge_are_added_and_multiplied_or_refused);
    return run_cases("mem", cases);
}
