/* SPDX-License-Identifier: Apache-2.0 */
/* A second opinion on `seine bench limits`: the same limits of one core, measured by a program that
 * shares nothing with the library. One file, no options but the size.
 *
 *   limits_probe [MiB]      size of each of the two arrays, default 1024
 *
 * random lines   64-byte lines of the array in random order. "branch": each decides a random branch
 *                branch and the line 16 positions on is prefetched; "free": summed, no branch, no
 *                prefetch
 * row gather     rows from random places of the array into one buffer, the row 16 positions on
 *                prefetched line by line; payload bytes per second
 * copy           memcpy of the array, bytes read plus bytes written
 *
 * Medians of 9 runs with the lowest and the highest, without and with huge pages (if granted). */
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

enum { RUNS = 9, READS = 1 << 23, AHEAD = 16, KINDS = 9 };
static const size_t GATHERED = (size_t)128 << 20;

static size_t array_bytes = (size_t)1 << 30;
static uint32_t *order;  /* [READS + AHEAD] random line numbers */
static size_t *row_from; /* [READS + AHEAD] offsets of random rows */
static volatile uint64_t sink;

static double seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

static uint64_t mix(uint64_t z)
{
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

static void *pages(size_t bytes, bool huge)
{
    const size_t align = (size_t)2 << 20;
    char *base =
        mmap(NULL, bytes + align, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (base == MAP_FAILED) {
        fprintf(stderr, "limits_probe: %zu bytes: %s\n", bytes, strerror(errno));
        exit(1);
    }
    base += (align - (uintptr_t)base % align) % align;
    madvise(base, bytes, huge ? MADV_HUGEPAGE : MADV_NOHUGEPAGE);
    return base; /* never given back: the program ends soon */
}

static char *filled(bool huge)
{
    uint64_t *words = pages(array_bytes, huge);
    for (size_t i = 0; i < array_bytes / 8; i++)
        words[i] = mix(i);
    return (char *)words;
}

static uint64_t first_word(const char *line)
{
    uint64_t word;
    memcpy(&word, line, sizeof word);
    return word;
}

static double lines_branch(const char *array)
{
    uint64_t odd = 0, even = 1;
    double start = seconds();
    for (size_t i = 0; i < READS; i++) {
        __builtin_prefetch(array + (size_t)order[i + AHEAD] * 64);
        uint64_t word = first_word(array + (size_t)order[i] * 64);
        if (word & 1) { /* the empty asm keeps this a branch */
            odd += word;
            __asm__ volatile("" : "+r"(odd));
        } else {
            even ^= word;
            __asm__ volatile("" : "+r"(even));
        }
    }
    double took = seconds() - start;
    sink = odd + even;
    return READS / took / 1e6;
}

static double lines_free(const char *array)
{
    uint64_t sum = 0;
    double start = seconds();
    for (size_t i = 0; i < READS; i++)
        sum += first_word(array + (size_t)order[i] * 64);
    double took = seconds() - start;
    sink = sum;
    return READS / took / 1e6;
}

static double row_gather(const char *array, char *out, size_t row)
{
    size_t rows = array_bytes / row, buffer = GATHERED < array_bytes ? GATHERED : array_bytes;
    size_t count = buffer / row;
    for (size_t i = 0; i < count + AHEAD; i++)
        row_from[i] = order[i] % rows * row;
    double start = seconds();
    for (size_t i = 0; i < count; i++) {
        for (size_t byte = 0; byte < row; byte += 64)
            __builtin_prefetch(array + row_from[i + AHEAD] + byte, 0,
                               2); /* into the second cache */
        memcpy(out + i * row, array + row_from[i], row);
    }
    return (double)(count * row) / (seconds() - start) / 1e9;
}

static double copy(const char *array, char *out)
{
    double start = seconds();
    memcpy(out, array, array_bytes);
    return 2.0 * (double)array_bytes / (seconds() - start) / 1e9;
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void measure(bool huge)
{
    static const size_t rows[] = { 64, 128, 256, 400, 1024, 4096 };
    char *array = filled(huge), *out = filled(huge);
    static double values[KINDS][RUNS];
    for (int run = 0; run < RUNS; run++) {
        values[0][run] = lines_branch(array);
        values[1][run] = lines_free(array);
        for (int i = 0; i < 6; i++)
            values[2 + i][run] = row_gather(array, out, rows[i]);
        values[8][run] = copy(array, out);
    }
    munmap(array, array_bytes);
    munmap(out, array_bytes);
    for (int k = 0; k < KINDS; k++) {
        char name[64] = "copy";
        if (k < 2)
            snprintf(name, sizeof name, "random lines, %s", k == 0 ? "branch" : "free");
        else if (k < 8)
            snprintf(name, sizeof name, "row gather %zu B", rows[k - 2]);
        qsort(values[k], RUNS, sizeof values[k][0], by_value);
        printf("%-22s %-10s %8.2f %-9s [%.2f, %.2f]\n", name, huge ? "asked huge" : "4k",
               values[k][RUNS / 2], k < 2 ? "M lines/s" : "GB/s", values[k][0],
               values[k][RUNS - 1]);
    }
}

int main(int argc, char **argv)
{
    char *end = NULL;
    unsigned long mebibytes = argc > 1 ? strtoul(argv[1], &end, 10) : 1024;
    if (argc > 2 || (end != NULL && *end != '\0') || mebibytes < 64 || mebibytes > 1 << 17) {
        fprintf(stderr, "usage: limits_probe [MiB from 64 to 131072]\n");
        return 2;
    }
    array_bytes = (size_t)mebibytes << 20;
    order = pages((READS + AHEAD) * sizeof *order, false);
    row_from = pages((READS + AHEAD) * sizeof *row_from, false);
    for (size_t i = 0; i < READS + AHEAD; i++)
        order[i] = (uint32_t)(mix(i * 77) % (array_bytes / 64));
    measure(false);
    measure(true);
    return 0;
}
