/* SPDX-License-Identifier: Apache-2.0 */
/* Array files in the directory of a writer: made, forgotten page by page, closed. */
#include "engine/data/output.h"

#include "base/mem.h"

sn_status sn__output_make(const sn__writer *writer, const char *file, sn_dtype dtype, int32_t ndim,
                          const int64_t *shape, sn__npy_out *out)
{
    char *path;
    SN_TRY(sn__writer_path(writer, file, &path));
    sn_status st = sn__npy_out_create(path, dtype, ndim, shape, out);
    sn__mem_free(path);
    return st;
}

sn_status sn__output_vector(const sn__writer *writer, const char *file, sn_dtype dtype,
                            int64_t count, sn__npy_out *out)
{
    return sn__output_make(writer, file, dtype, 1, &count, out);
}

void sn__output_forget(const sn__npy_out *out, size_t offset, size_t bytes)
{
    sn__map map = { out->base, out->map_bytes };
    size_t data = (size_t)((const uint8_t *)out->view.data - out->base);
    sn__map_forget(&map, data + offset, bytes); /* shared: changed pages are kept by the file */
}

sn_status sn__output_close(sn__npy_out *out, sn_status st)
{
    if (st == SN_OK)
        return sn__npy_out_close(out);
    char *detail; /* of the first error, which closing may overwrite */
    bool kept = sn__mem_strdup(sn_error_detail(), &detail) == SN_OK;
    if (sn__npy_out_close(out) != SN_OK && kept)
        st = sn__fail(st, "%s", detail);
    if (kept)
        sn__mem_free(detail);
    return st;
}
