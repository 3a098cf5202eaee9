/* SPDX-License-Identifier: Apache-2.0 */
/* Reading an options struct of a caller that was compiled against another version of its header. */
#ifndef SN_BASE_OPTIONS_STRUCT_H
#define SN_BASE_OPTIONS_STRUCT_H

#include "base/status.h"

/* Copies the struct at `from`, whose first field is its size, to `to` of `bytes`. A shorter one (an
 * older caller) is filled up with zeros, which mean "default"; a longer one (a newer caller) is
 * taken if what this library does not know is zero. `least` is the size of the first version;
 * `what` names it in the error. Fails: SN_E_INVALID. */
SN_NODISCARD sn_status sn__options_read(void *to, size_t bytes, const void *from, size_t least,
                                        const char *what);

#endif
