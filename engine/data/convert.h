/* SPDX-License-Identifier: Apache-2.0 */
/* Numbers of one type to another, exactly or rounded to the nearest even; never silently wrong.
 *
 * Without a scale integers are converted as integers (no detour through float64). With a scale the
 * value is the stored one times the scale, computed in float64, then rounded. A value that the
 * target cannot hold (an integer outside its range, NaN as an integer, a finite number that would
 * become infinite) does not fit. Infinities and NaN stay what they are among floats. */
#ifndef SN_ENGINE_DATA_CONVERT_H
#define SN_ENGINE_DATA_CONVERT_H

#include "seine/tensor.h"

typedef struct sn__convert {
    sn_dtype from, to; /* bool (as 0 and 1, from only), int8-64, uint8-64, float16, 32, 64 */
    bool scaled;
    double scale;
} sn__convert;

/* Whether both types are known to sn__convert_run. */
bool sn__convert_possible(const sn__convert *convert);
/* Converts `count` elements and returns `count`, or the place of the first that does not fit (those
 * from there on are undefined). */
int64_t sn__convert_run(const sn__convert *convert, const void *from, void *to, int64_t count);

double sn__half_to_double(uint16_t half);
/* Rounds to nearest even; too large numbers become infinite. */
uint16_t sn__half_from_double(double value);

#endif
