/* SPDX-License-Identifier: Apache-2.0 */
/* The same dataset in another process of this machine, without a second copy of its arrays.
 *
 * Mapped files are shared by the page cache: the other process opens the same directory. Arrays in
 * memory lie in an image: one segment with all of them and a description, made at opening
 * (SN_LOAD_MEMORY) or when it is first asked for (arrays of the caller, and mapped files whose
 * directory is gone). Arrays that the caller lent
 * are there twice from then on; copies of the dataset's own give way to the image's pages.
 *
 *     0        header    what follows, and its hash
 *     64       arrays    each at a multiple of 64; of a page from 64 KiB on, of 2 MiB from 64 MiB on
 *     behind   text      JSON (description.h); entries of arrays have their `offset`
 *
 * The contents of arrays are as little known to be right as those of mapped files. */
#ifndef SN_ENGINE_DATA_IMAGE_H
#define SN_ENGINE_DATA_IMAGE_H

#include "base/hash.h"
#include "engine/data/dataset.h"

/* What another process needs; goes there in a message, the descriptor beside it. */
typedef struct sn__share {
    int fd;                         /* of the image, or of the directory */
    size_t image_bytes;             /* 0: the directory */
    const char *path;               /* of the directory, for errors; NULL: none */
    char fingerprint[SN__HASH_HEX]; /* both ends hold it against what they find */
} sn__share;

/* Makes the image if one is needed. fd and path are BORROWED from the dataset. Ask anew for each
 * process: a directory may go meanwhile. Any thread. Fails: SN_E_NOMEM, SN_E_SYSTEM. */
SN_NODISCARD sn_status sn__dataset_share(sn_dataset *dataset, sn__share *out);
/* TAKES share->fd in every case. *out is NEW. Fails: SN_E_CORRUPT (not the dataset that was shared,
 * or damaged), SN_E_NOMEM, SN_E_SYSTEM, and as sn_dataset_open. */
SN_NODISCARD sn_status sn__dataset_attach(const sn__share *share, sn_dataset **out);

#endif
