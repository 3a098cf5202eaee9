/* SPDX-License-Identifier: Apache-2.0 */
/* .npy files: the header parser, mapped input, and output of known size.
 *
 * The header is a Python dictionary with three keys. It is read by a small tokenizer that knows
 * strings, True, False and tuples of decimal integers and nothing else: any key order, spaces and
 * commas at the end are fine; everything else (escapes, other keys, nested types) is refused by
 * name. What the parser lets pass, the rest may rely on: the data lies whole in the file, is
 * aligned to its type, and its size does not overflow.
 * Threads: any; one handle belongs to one thread. */
#include "base/npy.h"

#include "base/mem.h"
#include "base/tensor.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static const uint8_t magic[6] = { 0x93, 'N', 'U', 'M', 'P', 'Y' };

enum {
    PREFIX_BYTES = 8, /* magic and version; then 2 (format 1) or 4 (2, 3) bytes of header length */
    HEADER_BYTES =
        128 /* of our own files: a multiple of 64, as the format asks for, and enough for any
             * shape, because the digits of the dimensions are bounded by their product */
};

/* -- Tokens ------------------------------------------------------------------------------------ */

typedef struct cursor {
    const char *path;
    const char *begin, *at, *end;
} cursor;

static sn_status unexpected(const cursor *c, const char *expected)
{
    char text[13] = { 0 };
    int at = (int)(c->at - c->begin);
    if (c->at == c->end)
        return sn__fail(SN_E_FORMAT, "%s: header ends at character %d, expected %s", c->path, at,
                        expected);
    for (size_t i = 0; i < sizeof text - 1 && c->at + i < c->end; i++)
        text[i] = c->at[i] >= ' ' && c->at[i] <= '~' ? c->at[i] : '?';
    return sn__fail(SN_E_FORMAT, "%s: header has '%s' at character %d, expected %s", c->path, text,
                    at, expected);
}

static void skip_space(cursor *c)
{
    while (c->at < c->end && (*c->at == ' ' || *c->at == '\n' || *c->at == '\t' || *c->at == '\r'))
        c->at++;
}

static bool take(cursor *c, char symbol)
{
    skip_space(c);
    if (c->at == c->end || *c->at != symbol)
        return false;
    c->at++;
    return true;
}

static bool take_word(cursor *c, const char *word)
{
    size_t bytes = strlen(word);
    skip_space(c);
    if ((size_t)(c->end - c->at) < bytes || memcmp(c->at, word, bytes) != 0)
        return false;
    c->at += bytes;
    return true;
}

/* A string of printable ASCII in either quote, without escapes. */
static sn_status take_string(cursor *c, char *out, size_t capacity)
{
    skip_space(c);
    if (c->at == c->end || (*c->at != '\'' && *c->at != '"'))
        return unexpected(c, "a string");
    char quote = *c->at;
    const char *from = c->at + 1, *to = from;
    while (to < c->end && *to != quote && *to >= ' ' && *to <= '~' && *to != '\\')
        to++;
    if (to == c->end || *to != quote || (size_t)(to - from) >= capacity)
        return unexpected(c, "a short plain string");
    memcpy(out, from, (size_t)(to - from));
    out[to - from] = '\0';
    c->at = to + 1;
    return SN_OK;
}

static sn_status take_dimension(cursor *c, int64_t *out)
{
    int64_t value = 0;
    const char *from = c->at;
    for (; c->at < c->end && *c->at >= '0' && *c->at <= '9'; c->at++)
        if (__builtin_mul_overflow(value, 10, &value) ||
            __builtin_add_overflow(value, *c->at - '0', &value)) {
            c->at = from;
            return unexpected(c, "a dimension below 2^63");
        }
    if (c->at == from)
        return unexpected(c, "a dimension");
    *out = value;
    return SN_OK;
}

/* ( ), (3,), (2, 3), (2, 3,); "(3)" is a number in Python, not a tuple. */
static sn_status take_shape(cursor *c, sn__npy_header *header)
{
    bool comma = false;
    if (!take(c, '('))
        return unexpected(c, "a tuple");
    header->ndim = 0;
    for (; !take(c, ')'); comma = take(c, ',')) {
        if (header->ndim > 0 && !comma)
            return unexpected(c, "',' or ')'");
        if (header->ndim == SN_MAX_DIMS)
            return sn__fail(SN_E_FORMAT, "%s: more than %d dimensions", c->path, SN_MAX_DIMS);
        SN_TRY(take_dimension(c, &header->shape[header->ndim++]));
    }
    if (header->ndim == 1 && !comma)
        return sn__fail(SN_E_FORMAT, "%s: shape (%" PRId64 ") is not a tuple", c->path,
                        header->shape[0]);
    return SN_OK;
}

/* -- Header ------------------------------------------------------------------------------------ */

static const struct {
    const char *name; /* without byte order */
    sn_dtype dtype;
} names[] = {
    { "b1", { SN_BOOL, 8 } },     { "i1", { SN_INT, 8 } },        { "i2", { SN_INT, 16 } },
    { "i4", { SN_INT, 32 } },     { "i8", { SN_INT, 64 } },       { "u1", { SN_UINT, 8 } },
    { "u2", { SN_UINT, 16 } },    { "u4", { SN_UINT, 32 } },      { "u8", { SN_UINT, 64 } },
    { "f2", { SN_FLOAT, 16 } },   { "f4", { SN_FLOAT, 32 } },     { "f8", { SN_FLOAT, 64 } },
    { "c8", { SN_COMPLEX, 64 } }, { "c16", { SN_COMPLEX, 128 } },
};
enum { NAMES = sizeof names / sizeof names[0] };

static sn_status find_dtype(const char *path, const char *descr, sn_dtype *out)
{
    char order = descr[0];
    if (order == '>')
        return sn__fail(SN_E_FORMAT, "%s: type '%s' is big-endian", path, descr);
    for (size_t i = 0; i < NAMES; i++) {
        bool one_byte = names[i].dtype.bits == 8;
        if ((order == '<' || order == '=' || (order == '|' && one_byte)) &&
            strcmp(descr + 1, names[i].name) == 0) {
            *out = names[i].dtype;
            return SN_OK;
        }
    }
    return sn__fail(SN_E_FORMAT, "%s: type '%s' is not supported", path, descr);
}

static const char *find_name(sn_dtype dtype)
{
    for (size_t i = 0; i < NAMES; i++)
        if (sn__dtype_equal(names[i].dtype, dtype))
            return names[i].name;
    return NULL;
}

enum { KEY_DESCR = 1, KEY_ORDER = 2, KEY_SHAPE = 4, KEY_ALL = 7 };

static sn_status take_member(cursor *c, unsigned *seen, bool *fortran, sn__npy_header *header)
{
    char key[32], descr[32];
    SN_TRY(take_string(c, key, sizeof key));
    unsigned bit = strcmp(key, "descr") == 0           ? KEY_DESCR
                   : strcmp(key, "fortran_order") == 0 ? KEY_ORDER
                   : strcmp(key, "shape") == 0         ? KEY_SHAPE
                                                       : 0;
    if (bit == 0)
        return sn__fail(SN_E_FORMAT, "%s: header has the unknown key '%s'", c->path, key);
    if (*seen & bit)
        return sn__fail(SN_E_FORMAT, "%s: header has the key '%s' twice", c->path, key);
    *seen |= bit;
    if (!take(c, ':'))
        return unexpected(c, "':'");
    if (bit == KEY_SHAPE)
        return take_shape(c, header);
    if (bit == KEY_ORDER) {
        *fortran = take_word(c, "True");
        return *fortran || take_word(c, "False") ? SN_OK : unexpected(c, "True or False");
    }
    skip_space(c);
    if (c->at < c->end && *c->at == '[')
        return sn__fail(SN_E_FORMAT, "%s: structured types are not supported", c->path);
    SN_TRY(take_string(c, descr, sizeof descr));
    return find_dtype(c->path, descr, &header->dtype);
}

static sn_status parse_dictionary(cursor *c, bool *fortran, sn__npy_header *header)
{
    unsigned seen = 0;
    bool comma = true;
    if (!take(c, '{'))
        return unexpected(c, "'{'");
    for (; !take(c, '}'); comma = take(c, ',')) {
        if (!comma)
            return unexpected(c, "',' or '}'");
        SN_TRY(take_member(c, &seen, fortran, header));
    }
    skip_space(c);
    if (c->at != c->end)
        return unexpected(c, "nothing more");
    if (seen != KEY_ALL)
        return sn__fail(SN_E_FORMAT, "%s: header lacks the key '%s'", c->path,
                        !(seen & KEY_DESCR)   ? "descr"
                        : !(seen & KEY_ORDER) ? "fortran_order"
                                              : "shape");
    return SN_OK;
}

/* The text of the header: [*text, *text + *text_bytes). */
static sn_status find_text(const uint8_t *data, size_t bytes, const char *path, size_t *text,
                           size_t *text_bytes)
{
    if (bytes < sizeof magic || memcmp(data, magic, sizeof magic) != 0)
        return sn__fail(SN_E_FORMAT, "%s: not an .npy file", path);
    if (bytes < PREFIX_BYTES + 4)
        return sn__fail(SN_E_FORMAT, "%s: ends after %zu bytes, inside its header", path, bytes);
    if (data[6] < 1 || data[6] > 3 || data[7] != 0)
        return sn__fail(SN_E_FORMAT, "%s: .npy format %d.%d, not 1.0 to 3.0", path, data[6],
                        data[7]);
    *text = PREFIX_BYTES + (data[6] == 1 ? 2 : 4);
    *text_bytes = (size_t)data[8] | (size_t)data[9] << 8;
    if (data[6] > 1)
        *text_bytes |= (size_t)data[10] << 16 | (size_t)data[11] << 24;
    if (*text_bytes > bytes - *text)
        return sn__fail(SN_E_FORMAT, "%s: ends inside its header: %zu bytes long, %zu are there",
                        path, *text_bytes, bytes - *text);
    return SN_OK;
}

static sn_status check_order(const char *path, const sn__npy_header *header)
{
    int long_dims = 0;
    char text[SN__SHAPE_TEXT];
    for (int32_t i = 0; i < header->ndim; i++)
        long_dims += header->shape[i] > 1;
    if (long_dims > 1)
        return sn__fail(SN_E_FORMAT, "%s: shape %s in Fortran order, not C order", path,
                        sn__shape_text(header->ndim, header->shape, text));
    return SN_OK;
}

static sn_status check_size(const char *path, const sn__npy_header *header, size_t file_bytes)
{
    char text[SN__SHAPE_TEXT];
    size_t need, have = file_bytes - header->data_offset;
    sn__shape_text(header->ndim, header->shape, text);
    if (!sn__shape_bytes(header->dtype, header->ndim, header->shape, &need))
        return sn__fail(SN_E_FORMAT, "%s: shape %s overflows", path, text);
    if (need != have)
        return sn__fail(SN_E_FORMAT, "%s: %zu bytes of data, shape %s of %s needs %zu", path, have,
                        text, sn_dtype_name(header->dtype), need);
    if (header->data_offset % sn__dtype_align(header->dtype) != 0)
        return sn__fail(SN_E_FORMAT, "%s: data of %s begins at byte %zu, not aligned", path,
                        sn_dtype_name(header->dtype), header->data_offset);
    return SN_OK;
}

sn_status sn__npy_parse(const uint8_t *data, size_t bytes, size_t file_bytes, const char *path,
                        sn__npy_header *out)
{
    size_t text = 0, text_bytes = 0;
    SN_TRY(find_text(data, bytes, path, &text, &text_bytes));
    sn__npy_header header = { .shape = { 1, 1, 1, 1 }, .data_offset = text + text_bytes };
    bool fortran = false;
    const char *begin = (const char *)data + text;
    cursor c = { .path = path, .begin = begin, .at = begin, .end = begin + text_bytes };
    SN_TRY(parse_dictionary(&c, &fortran, &header));
    if (fortran)
        SN_TRY(check_order(path, &header));
    SN_TRY(check_size(path, &header, file_bytes));
    *out = header;
    return SN_OK;
}

/* -- Input ------------------------------------------------------------------------------------- */

sn_status sn__npy_open(const char *path, sn__npy *out)
{
    sn__file_at file = { .dir = AT_FDCWD, .name = path, .path = path };
    return sn__npy_open_at(&file, out);
}

sn_status sn__npy_open_at(const sn__file_at *file, sn__npy *out)
{
    sn__map map;
    sn__npy_header header;
    SN_TRY(sn__map_open_at(file, &map));
    sn_status st = sn__npy_parse(map.data, map.bytes, map.bytes, file->path, &header);
    if (st != SN_OK) {
        sn__map_close(&map);
        return st;
    }
    void *data = (void *)(uintptr_t)(map.data + header.data_offset); /* read-only all the same */
    *out = (sn__npy){ .map = map,
                      .data_offset = header.data_offset,
                      .view = sn__tensor_make(data, header.dtype, header.ndim, header.shape) };
    return SN_OK;
}

void sn__npy_close(sn__npy *npy)
{
    sn__map_close(&npy->map);
    *npy = (sn__npy){ 0 };
}

/* -- Output ------------------------------------------------------------------------------------ */

static void write_header(uint8_t out[HEADER_BYTES], const sn_tensor *view)
{
    char shape[SN__SHAPE_TEXT], text[HEADER_BYTES];
    bool one_byte = view->dtype.bits == 8;
    int used =
        snprintf(text, sizeof text, "{'descr': '%c%s', 'fortran_order': False, 'shape': %s, }",
                 one_byte ? '|' : '<', find_name(view->dtype),
                 sn__shape_text(view->ndim, view->shape, shape));
    SN_ASSERT(used > 0 && used < HEADER_BYTES - PREFIX_BYTES - 2);
    memcpy(out, magic, sizeof magic);
    out[6] = 1;
    out[7] = 0;
    out[8] = HEADER_BYTES - PREFIX_BYTES - 2;
    out[9] = 0;
    memset(out + 10, ' ', HEADER_BYTES - 11);
    memcpy(out + 10, text, (size_t)used);
    out[HEADER_BYTES - 1] = '\n';
}

/* Full size, or an error now: a store to a page that has no block on the disk is a signal. */
static sn_status make_file(sn__npy_out *file, const char *path)
{
    file->fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (file->fd < 0)
        return sn__fail_errno("%s: cannot create", path);
    int error;
    do
        error = posix_fallocate(file->fd, 0, (off_t)file->map_bytes);
    while (error == EINTR);
    sn_status st = SN_OK;
    void *base = MAP_FAILED;
    if (error != 0) {
        errno = error;
        st = sn__fail_errno("%s: cannot reserve %zu bytes", path, file->map_bytes);
    } else {
        base = mmap(NULL, file->map_bytes, PROT_READ | PROT_WRITE, MAP_SHARED, file->fd, 0);
        if (base == MAP_FAILED)
            st = sn__fail_errno("%s: cannot map %zu bytes", path, file->map_bytes);
    }
    if (st != SN_OK) {
        close(file->fd);
        (void)unlink(path);
        return st;
    }
    file->base = base;
    return SN_OK;
}

sn_status sn__npy_out_create(const char *path, sn_dtype dtype, int32_t ndim, const int64_t *shape,
                             sn__npy_out *out)
{
    size_t bytes;
    sn__npy_out file = { .fd = -1 };
    if (find_name(dtype) == NULL)
        return sn__fail(SN_E_UNSUPPORTED, "%s: .npy files have no type for '%s'", path,
                        sn_dtype_name(dtype));
    if (!sn__shape_bytes(dtype, ndim, shape, &bytes) ||
        !sn__add_size(bytes, HEADER_BYTES, &file.map_bytes) || file.map_bytes > INT64_MAX)
        return sn__fail(SN_E_INVALID, "%s: impossible shape", path);
    SN_TRY(sn__mem_strdup(path, &file.path));
    sn_status st = make_file(&file, path);
    if (st != SN_OK) {
        sn__mem_free(file.path);
        return st;
    }
    file.view = sn__tensor_make(file.base + HEADER_BYTES, dtype, ndim, shape);
    write_header(file.base, &file.view);
    *out = file;
    return SN_OK;
}

sn_status sn__npy_out_shrink(sn__npy_out *out, int64_t rows)
{
    if (out->view.ndim == 0 || rows < 0 || rows > out->view.shape[0])
        return sn__fail(SN_E_INVALID, "%s: cannot shrink to %" PRId64 " rows", out->path, rows);
    out->view.shape[0] = rows;
    write_header(out->base, &out->view);
    return SN_OK;
}

sn_status sn__npy_out_close(sn__npy_out *out)
{
    if (out->path == NULL) /* closed before, or never created */
        return SN_OK;
    sn_status st = SN_OK;
    int64_t bytes = HEADER_BYTES + sn_tensor_bytes(&out->view);
    munmap(out->base, out->map_bytes);
    if ((size_t)bytes < out->map_bytes && ftruncate(out->fd, bytes) != 0)
        st = sn__fail_errno("%s: cannot cut to %" PRId64 " bytes", out->path, bytes);
    if (close(out->fd) != 0 && st == SN_OK)
        st = sn__fail_errno("%s: cannot close", out->path);
    sn__mem_free(out->path);
    *out = (sn__npy_out){ .fd = -1 };
    return st;
}
