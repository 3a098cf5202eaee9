/* SPDX-License-Identifier: Apache-2.0 */
/* Prints the golden values that the reference sampler gives. */
#include "golden.h"

int main(void)
{
    golden_print(stdout, golden_reference_digest);
    return ferror(stdout) ? 1 : 0;
}
