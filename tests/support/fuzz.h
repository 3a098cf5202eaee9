/* SPDX-License-Identifier: Apache-2.0 */
/* A fuzz target defines this function and is registered with seine_fuzz() in a CMakeLists.txt. It
 * is built twice: with libFuzzer (preset fuzz), and with support/replay.c as a test that runs over
 * the kept corpus with every compiler. Returns 0; a fault shows as a crash or a sanitizer's report.
 */
#ifndef SEINE_TESTS_SUPPORT_FUZZ_H
#define SEINE_TESTS_SUPPORT_FUZZ_H

#include <stddef.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#endif
