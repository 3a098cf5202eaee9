/* SPDX-License-Identifier: Apache-2.0 */
/* The reader of messages. What it accepts leads nowhere outside the message, and means what it says:
 * letter.h checks that. */
#include "channel/letter.h"
#include "support/fuzz.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (!letter_is_accepted(data, size) && strncmp(sn_error_detail(), "message: ", 9) != 0)
        abort();
    return 0;
}
