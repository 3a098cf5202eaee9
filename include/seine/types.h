/* SPDX-License-Identifier: Apache-2.0 */
/* Words that every header uses: ids, export and check marks, the version of the library. */
#ifndef SEINE_TYPES_H
#define SEINE_TYPES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SN_VERSION_MAJOR 0
#define SN_VERSION_MINOR 1
#define SN_VERSION_PATCH 0

#if defined(__GNUC__)
#    define SN_API                 __attribute__((visibility("default")))
#    define SN_NODISCARD           __attribute__((warn_unused_result))
#    define SN_PRINTF(text, first) __attribute__((format(printf, text, first)))
#else
#    define SN_API
#    define SN_NODISCARD
#    define SN_PRINTF(text, first)
#endif

#ifdef __cplusplus
extern "C" {
#endif

/* Node and edge ids are 64-bit at every border, whatever width they are stored in. */
typedef int64_t sn_id;
typedef int64_t sn_eid;

/* Which rows a plan reads. OUT: from a source along its edges. IN: from a destination against them.
 */
typedef enum sn_edge_dir { SN_DIR_DEFAULT = 0, SN_DIR_OUT = 1, SN_DIR_IN = 2 } sn_edge_dir;

/* Version of the loaded library as (major << 16 | minor << 8 | patch). Any thread. */
SN_API uint32_t sn_version(void);
/* The same as text, "0.1.0". BORROWED, never freed. */
SN_API const char *sn_version_string(void);

#ifdef __cplusplus
}
#endif
#endif
