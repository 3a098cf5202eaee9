/* SPDX-License-Identifier: Apache-2.0 */
/* The header parser of .npy files. What it accepts must be true: the data lies in the file,
 * aligned, whole, and the header that we would write for it means the same. */
#include "base/npy.h"
#include "base/tensor.h"
#include "support/fuzz.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void require(bool truth)
{
    if (!truth)
        abort();
}

static void check_again(const sn__npy_header *header, size_t data_bytes)
{
    char text[256], shape[SN__SHAPE_TEXT], file[256];
    static const struct {
        const char *name, *descr;
    } names[] = {
        { "bool", "|b1" },      { "int8", "|i1" },        { "int16", "<i2" },
        { "int32", "<i4" },     { "int64", "<i8" },       { "uint8", "|u1" },
        { "uint16", "<u2" },    { "uint32", "<u4" },      { "uint64", "<u8" },
        { "float16", "<f2" },   { "float32", "<f4" },     { "float64", "<f8" },
        { "complex64", "<c8" }, { "complex128", "<c16" },
    };
    sn__npy_header again;
    const char *descr = NULL;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (strcmp(names[i].name, sn_dtype_name(header->dtype)) == 0)
            descr = names[i].descr;
    require(descr != NULL);
    int used = snprintf(text, sizeof text, "{'descr':'%s','fortran_order':False,'shape':%s}", descr,
                        sn__shape_text(header->ndim, header->shape, shape));
    int header_bytes = (used + 10 + 63) / 64 * 64 - 10;
    memcpy(file, "\x93NUMPY\x01\x00", 8);
    file[8] = (char)header_bytes;
    file[9] = 0;
    memset(file + 10, ' ', (size_t)header_bytes);
    memcpy(file + 10, text, (size_t)used);
    size_t offset = (size_t)header_bytes + 10;
    require(sn__npy_parse((const uint8_t *)file, offset, offset + data_bytes, "again", &again) ==
            SN_OK);
    require(again.ndim == header->ndim && sn__dtype_equal(again.dtype, header->dtype) &&
            memcmp(again.shape, header->shape, sizeof again.shape) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    sn__npy_header header;
    if (sn__npy_parse(data, size, size, "input", &header) != SN_OK) {
        require(strncmp(sn_error_detail(), "input: ", 7) == 0);
        return 0;
    }
    size_t bytes;
    require(sn__shape_bytes(header.dtype, header.ndim, header.shape, &bytes));
    require(header.data_offset <= size && bytes == size - header.data_offset);
    require(header.data_offset % sn__dtype_align(header.dtype) == 0);
    check_again(&header, bytes);
    return 0;
}
