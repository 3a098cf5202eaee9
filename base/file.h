/* SPDX-License-Identifier: Apache-2.0 */
/* Files: mappings, whole texts, and output directories that appear whole or not at all. */
#ifndef SN_BASE_FILE_H
#define SN_BASE_FILE_H

#include "base/status.h"

/* A file by its name in a directory that is open, so that it is of that directory whatever the
 * directory's path has come to mean. `path` is for errors. */
typedef struct sn__file_at {
    int dir; /* AT_FDCWD: `name` is a path */
    const char *name, *path;
} sn__file_at;

/* For reading. Fails: SN_E_SYSTEM, naming the path; a directory or device is refused. The
 * descriptor is NEW; its size is in *bytes. */
SN_NODISCARD sn_status sn__file_open_at(const sn__file_at *file, int *out, size_t *bytes);

/* -- Mapped input ------------------------------------------------------------------------------ */

typedef struct sn__map {
    const uint8_t *data; /* NULL for an empty file */
    size_t bytes;
} sn__map;

/* Maps a regular file read-only. Fails: SN_E_SYSTEM, naming the path (a directory or device is
 * refused). */
SN_NODISCARD sn_status sn__map_open(const char *path, sn__map *out);
SN_NODISCARD sn_status sn__map_open_at(const sn__file_at *file, sn__map *out);
void sn__map_close(sn__map *map);
/* Tells the system that [offset, offset + bytes) was read and is not needed soon: keeps resident
 * memory of a stream over a large file bounded. */
void sn__map_forget(const sn__map *map, size_t offset, size_t bytes);

/* The whole of a text file, NUL-terminated, freed by sn__mem_free. Refuses files above `limit`
 * bytes and files with NUL bytes. Fails: SN_E_SYSTEM, SN_E_FORMAT. */
SN_NODISCARD sn_status sn__file_read(const char *path, size_t limit, char **out, size_t *bytes);
SN_NODISCARD sn_status sn__file_read_at(const sn__file_at *file, size_t limit, char **out,
                                        size_t *bytes);
/* dir + "/" + name, freed by sn__mem_free. An absolute `name` stays as it is. */
SN_NODISCARD sn_status sn__path_join(const char *dir, const char *name, char **out);
/* path + ".tmp.XXXXXX" with a random end, freed by sn__mem_free. Nothing is made: create it
 * exclusively. */
SN_NODISCARD sn_status sn__path_temporary(const char *path, char **out);

/* -- Output directories ------------------------------------------------------------------------ */

/* A directory under construction: `path` is "<out>.tmp.XXXXXX" beside `out`. */
typedef struct sn__outdir sn__outdir;

/* `out` must not exist, be an empty directory, or be a directory whose META.json says
 * "seine-dataset"; not the current directory. A link to one is followed. Fails: SN_E_EXISTS,
 * SN_E_INVALID (an empty name), SN_E_SYSTEM, SN_E_NOMEM. Also removes nothing of other processes.
 */
SN_NODISCARD sn_status sn__outdir_begin(const char *out, sn__outdir **dir);
const char *sn__outdir_path(const sn__outdir *dir);
/* Renames it to `out`, replacing what was there; TAKES `dir` in every case and leaves nothing on
 * error. */
SN_NODISCARD sn_status sn__outdir_commit(sn__outdir *dir);
/* Removes it with everything inside. NULL is fine. */
void sn__outdir_abort(sn__outdir *dir);

#endif
