/* SPDX-License-Identifier: Apache-2.0 */
/* Runs a fuzz target over every file of a kept corpus, and over random changes of each: a few bytes
 * replaced, the end cut off. The changes come from the seed of the run, so a fault can be run
 * again. Every input lies in a block of exactly its size, so that a sanitizer sees a read behind
 * it. */
#include "support/fuzz.h"
#include "support/scale.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CHANGES = 200, LARGEST = 1 << 24 };

static _Noreturn void give_up(const char *path, const char *why)
{
    fprintf(stderr, "%s: %s\n", path, why);
    exit(1);
}

/* xorshift64*, good enough to pick bytes. */
static uint64_t next(uint64_t *state)
{
    *state ^= *state >> 12;
    *state ^= *state << 25;
    *state ^= *state >> 27;
    return *state * 0x2545F4914F6CDD1Du;
}

static void run(const uint8_t *data, size_t bytes)
{
    uint8_t *exact = malloc(bytes > 0 ? bytes : 1);
    if (exact == NULL)
        give_up("replay", "out of memory");
    if (bytes > 0)
        memcpy(exact, data, bytes);
    LLVMFuzzerTestOneInput(exact, bytes);
    free(exact);
}

static void run_changed(uint8_t *data, size_t bytes, uint64_t *state)
{
    uint8_t *copy = malloc(bytes);
    if (copy == NULL)
        give_up("replay", "out of memory");
    memcpy(copy, data, bytes);
    for (uint64_t n = next(state) % 4; n > 0; n--)
        copy[next(state) % bytes] = (uint8_t)next(state);
    run(copy, next(state) % 2 ? bytes : next(state) % bytes);
    free(copy);
}

static void replay_file(const char *path, uint64_t *state)
{
    FILE *file = fopen(path, "rb");
    uint8_t *data = malloc(LARGEST);
    if (file == NULL || data == NULL)
        give_up(path, "cannot be read");
    size_t bytes = fread(data, 1, LARGEST, file);
    if (ferror(file) || bytes == LARGEST)
        give_up(path, "cannot be read, or is larger than a corpus file should be");
    fclose(file);
    run(data, bytes);
    for (int64_t i = sn_test_scale(CHANGES); i > 0 && bytes > 0; i--)
        run_changed(data, bytes, state);
    free(data);
}

static int by_name(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name); /* not alphasort: that asks the locale */
}

int main(int argc, char **argv)
{
    if (argc != 2)
        give_up(argv[0], "expects the folder of a corpus");
    struct dirent **entries;
    int count = scandir(argv[1], &entries, NULL, by_name), files = 0;
    if (count < 0)
        give_up(argv[1], "cannot be listed");
    uint64_t state = (sn_test_seed() ^ 0x5EED5EED5EEDu) | 1; /* never 0 */
    for (int i = 0; i < count; i++) {
        char path[4096];
        if (entries[i]->d_name[0] != '.') {
            snprintf(path, sizeof path, "%s/%s", argv[1], entries[i]->d_name);
            replay_file(path, &state);
            files++;
        }
        free(entries[i]);
    }
    free(entries);
    if (files == 0)
        give_up(argv[1], "is an empty corpus");
    printf("%d files, %lld changes of each, seed %llu\n", files, (long long)sn_test_scale(CHANGES),
           (unsigned long long)sn_test_seed());
    return 0;
}
