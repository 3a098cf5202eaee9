/* SPDX-License-Identifier: Apache-2.0 */
/* Types, views and arrays. An sn_array is either a mapped file or zeroed memory of its own; its
 * view never changes, so any thread may read it until the release. */
#include "base/tensor.h"

#include "base/mem.h"
#include "base/npy.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* -- Types ------------------------------------------------------------------------------------- */

static const struct {
    const char *name;
    sn_dtype dtype;
} types[] = {
    { "bool", { SN_BOOL, 8 } },
    { "int8", { SN_INT, 8 } },
    { "int16", { SN_INT, 16 } },
    { "int32", { SN_INT, 32 } },
    { "int64", { SN_INT, 64 } },
    { "uint8", { SN_UINT, 8 } },
    { "uint16", { SN_UINT, 16 } },
    { "uint32", { SN_UINT, 32 } },
    { "uint64", { SN_UINT, 64 } },
    { "float16", { SN_FLOAT, 16 } },
    { "float32", { SN_FLOAT, 32 } },
    { "float64", { SN_FLOAT, 64 } },
    { "bfloat16", { SN_BFLOAT, 16 } },
    { "complex64", { SN_COMPLEX, 64 } },
    { "complex128", { SN_COMPLEX, 128 } },
};
enum { TYPES = sizeof types / sizeof types[0] };

const char *sn_dtype_name(sn_dtype dtype)
{
    for (size_t i = 0; i < TYPES; i++)
        if (sn__dtype_equal(types[i].dtype, dtype))
            return types[i].name;
    return "?";
}

sn_status sn_dtype_parse(const char *name, sn_dtype *out)
{
    for (size_t i = 0; i < TYPES; i++)
        if (strcmp(types[i].name, name) == 0) {
            *out = types[i].dtype;
            return SN_OK;
        }
    return sn__fail(SN_E_INVALID, "no type is named '%.40s'", name);
}

size_t sn__dtype_bytes(sn_dtype dtype)
{
    for (size_t i = 0; i < TYPES; i++)
        if (sn__dtype_equal(types[i].dtype, dtype))
            return dtype.bits / 8;
    return 0;
}

size_t sn__dtype_align(sn_dtype dtype)
{
    size_t bytes = sn__dtype_bytes(dtype);
    return dtype.code == SN_COMPLEX ? bytes / 2 : bytes;
}

/* -- Views ------------------------------------------------------------------------------------- */

sn_tensor sn__tensor_make(void *data, sn_dtype dtype, int32_t ndim, const int64_t *shape)
{
    sn_tensor view = { .data = data, .dtype = dtype, .ndim = ndim, .shape = { 1, 1, 1, 1 } };
    for (int32_t i = 0; i < ndim; i++)
        view.shape[i] = shape[i];
    return view;
}

bool sn__shape_bytes(sn_dtype dtype, int32_t ndim, const int64_t *shape, size_t *out)
{
    int64_t bytes = (int64_t)sn__dtype_bytes(dtype);
    if (bytes == 0 || ndim < 0 || ndim > SN_MAX_DIMS)
        return false;
    bool empty = false;
    for (int32_t i = 0; i < ndim; i++) {
        empty |= shape[i] == 0;
        if (shape[i] < 0 || __builtin_mul_overflow(bytes, shape[i] > 0 ? shape[i] : 1, &bytes))
            return false;
    }
    *out = empty ? 0 : (size_t)bytes;
    return true;
}

sn_status sn__tensor_check(const sn_tensor *tensor, const char *what)
{
    char text[SN__SHAPE_TEXT];
    size_t bytes;
    if (sn__dtype_bytes(tensor->dtype) == 0)
        return sn__fail(SN_E_INVALID, "%s: no type has code %d and %d bits", what,
                        tensor->dtype.code, tensor->dtype.bits);
    if (tensor->ndim < 0 || tensor->ndim > SN_MAX_DIMS)
        return sn__fail(SN_E_INVALID, "%s: %" PRId32 " dimensions, not 0 to %d", what, tensor->ndim,
                        SN_MAX_DIMS);
    if (!sn__shape_bytes(tensor->dtype, tensor->ndim, tensor->shape, &bytes))
        return sn__fail(SN_E_INVALID, "%s: impossible shape %s", what,
                        sn__shape_text(tensor->ndim, tensor->shape, text));
    if (bytes > 0 && tensor->data == NULL)
        return sn__fail(SN_E_INVALID, "%s: no data for %zu bytes", what, bytes);
    return SN_OK;
}

const char *sn__shape_text(int32_t ndim, const int64_t *shape, char out[SN__SHAPE_TEXT])
{
    size_t used = 0;
    out[used++] = '(';
    for (int32_t i = 0; i < ndim && i < SN_MAX_DIMS; i++)
        used += (size_t)snprintf(out + used, SN__SHAPE_TEXT - used, "%s%" PRId64, i > 0 ? ", " : "",
                                 shape[i]);
    (void)snprintf(out + used, SN__SHAPE_TEXT - used, ndim == 1 ? ",)" : ")");
    return out;
}

static int64_t product(const int64_t *shape, int32_t from, int32_t to)
{
    int64_t count = 1;
    for (int32_t i = from; i < to; i++)
        count *= shape[i];
    return count;
}

int64_t sn_tensor_count(const sn_tensor *tensor)
{
    return product(tensor->shape, 0, tensor->ndim);
}

int64_t sn_tensor_bytes(const sn_tensor *tensor)
{
    return sn_tensor_count(tensor) * (tensor->dtype.bits / 8);
}

int64_t sn_tensor_row_bytes(const sn_tensor *tensor)
{
    return product(tensor->shape, 1, tensor->ndim) * (tensor->dtype.bits / 8);
}

/* -- Arrays ------------------------------------------------------------------------------------ */

enum {
    DATA_ALIGN = 64,       /* a cache line, as in files */
    PAGES_BYTES = 1 << 20, /* from here on pages of the system: huge ones where it grants them */
};

struct sn_array {
    sn_tensor view;
    sn__npy npy;  /* a mapped file, if its data is not NULL */
    void *block;  /* else memory: from sn__mem_zalloc, */
    void *pages;  /* or from sn__mem_pages */
    size_t bytes; /* of `pages` */
};

sn_status sn_array_open(const char *path, sn_array **out)
{
    sn_array *array;
    SN_TRY(sn__mem_zalloc(1, sizeof *array, "array", &array));
    sn_status st = sn__npy_open(path, &array->npy);
    if (st != SN_OK) {
        sn__mem_free(array);
        return st;
    }
    array->view = array->npy.view;
    *out = array;
    return SN_OK;
}

static sn_status allocate_data(sn_array *array, size_t bytes, void **data)
{
    if (bytes >= PAGES_BYTES) {
        SN_TRY(sn__mem_pages(bytes, "array", &array->pages));
        array->bytes = bytes;
        *data = array->pages;
        return SN_OK;
    }
    SN_TRY(sn__mem_zalloc(bytes + DATA_ALIGN, 1, "array", &array->block));
    uintptr_t address = (uintptr_t)array->block;
    *data = (uint8_t *)array->block + (DATA_ALIGN - address % DATA_ALIGN) % DATA_ALIGN;
    return SN_OK;
}

sn_status sn_array_create(sn_dtype dtype, int32_t ndim, const int64_t *shape, sn_array **out)
{
    size_t bytes;
    char text[SN__SHAPE_TEXT];
    if (ndim < 0 || ndim > SN_MAX_DIMS)
        return sn__fail(SN_E_INVALID, "array: %" PRId32 " dimensions, not 0 to %d", ndim,
                        SN_MAX_DIMS);
    if (!sn__shape_bytes(dtype, ndim, shape, &bytes))
        return sn__fail(SN_E_INVALID, "array: impossible type '%s' or shape %s",
                        sn_dtype_name(dtype), sn__shape_text(ndim, shape, text));
    sn_array *array;
    void *data;
    SN_TRY(sn__mem_zalloc(1, sizeof *array, "array", &array));
    sn_status st = allocate_data(array, bytes, &data);
    if (st != SN_OK) {
        sn__mem_free(array);
        return st;
    }
    array->view = sn__tensor_make(data, dtype, ndim, shape);
    *out = array;
    return SN_OK;
}

void sn_array_release(sn_array *array)
{
    if (array == NULL)
        return;
    sn__npy_close(&array->npy);
    sn__mem_free(array->block);
    sn__mem_pages_free(array->pages, array->bytes);
    sn__mem_free(array);
}

const sn_tensor *sn_array_view(const sn_array *array)
{
    return &array->view;
}

/* -- Saving ------------------------------------------------------------------------------------ */

static sn_status write_file(const sn_tensor *tensor, const char *path)
{
    sn__npy_out file = { 0 };
    SN_TRY(sn__npy_out_create(path, tensor->dtype, tensor->ndim, tensor->shape, &file));
    size_t bytes = (size_t)sn_tensor_bytes(tensor);
    if (bytes > 0)
        memcpy(file.view.data, tensor->data, bytes);
    sn_status st = SN_OK;
    if (fsync(file.fd) != 0) /* or the new name may come to stand for unwritten pages */
        st = sn__fail_errno("%s: cannot flush", path);
    sn_status closed = sn__npy_out_close(&file);
    if (st == SN_OK)
        st = closed;
    if (st != SN_OK)
        (void)unlink(path);
    return st;
}

sn_status sn_tensor_save(const sn_tensor *tensor, const char *path)
{
    char *temporary;
    SN_TRY(sn__tensor_check(tensor, path));
    SN_TRY(sn__path_temporary(path, &temporary));
    sn_status st = write_file(tensor, temporary);
    if (st == SN_OK && rename(temporary, path) != 0) {
        st = sn__fail_errno("%s: cannot rename to %s", temporary, path);
        (void)unlink(temporary);
    }
    sn__mem_free(temporary);
    return st;
}
