/* SPDX-License-Identifier: Apache-2.0 */
/* The trainer's own random numbers, for initial weights and dropout: SplitMix64.
 *
 * The state is a counter, and a stream is a function of (seed, name of the stream, position) alone,
 * so a run repeats whatever else the process does. (What a batch contains is the library's affair:
 * it draws from generators of its own, keyed by the plan's seed.) */
#ifndef EXAMPLES_TRAIN_RANDOM_H
#define EXAMPLES_TRAIN_RANDOM_H

#include <stdint.h>

struct random_stream {
    uint64_t state;
};

static inline uint64_t random_mix(uint64_t z)
{
    z = (z ^ (z >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94D049BB133111EB);
    return z ^ (z >> 31);
}

static inline struct random_stream random_open(uint64_t seed, uint64_t stream)
{
    return (struct random_stream){ random_mix(random_mix(seed + 1) ^ (stream + 1)) };
}

static inline uint64_t random_next(struct random_stream *random)
{
    random->state += UINT64_C(0x9E3779B97F4A7C15);
    return random_mix(random->state);
}

/* Uniform on [low, high), in steps of 2^-24 of the range: all that a float resolves. */
static inline float random_uniform(struct random_stream *random, float low, float high)
{
    return low + (high - low) * ((float)(random_next(random) >> 40) * 0x1p-24F);
}

#endif
