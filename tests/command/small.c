/* SPDX-License-Identifier: Apache-2.0 */
#include "command/small.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { NODES = 12, EDGES = 24, AUTHORS = 5, WRITES = 15, LINE = 4096, MAX_WORDS = 60 };

const char ring_manifest[] =
    "{'format': 'seine-import-1', 'name': 'ring', 'unlabelled': -1, 'classes': 4,"
    " 'node_types': {'node': {'count': 12,"
    "  'x': {'file': 'x.npy'}, 'y': {'file': 'y.npy'}, 'times': 'times.npy',"
    "  'names': 'names.txt',"
    "  'splits': {'train': 'train.npy', 'val': 'val.npy', 'test': 'test.npy'}}},"
    " 'edge_types': [{'type': ['node', 'to', 'node'], 'files': ['cites.npy'],"
    "  'x': {'file': 'ex.npy'}, 'weights': 'ew.npy', 'times': {'file': 'et.npy'}}],"
    " 'links': {'val_pos': 'pairs.npy'}}";

const char typed_manifest[] =
    "{'format': 'seine-import-1', 'about': 'papers and authors',"
    " 'node_types': {"
    "  'paper': {'count': 12,"
    "   'x': {'file': 'x.npy', 'rows': [0, 12], 'convert': 'float16', 'scale': 0.5},"
    "   'y': {'file': 'y.npy', 'convert': 'int32'}, 'times': 'times.npy', 'names': 'names.txt',"
    "   'splits': {'train': 'train.npy', 'val': 'val.npy', 'test': 'test.npy'}},"
    "  'author': {'count': 5}},"
    " 'edge_types': ["
    "  {'type': ['paper', 'cites', 'paper'], 'files': ['cites.npy', 'pairs.npy'],"
    "   'undirected': true, 'deduplicate': true},"
    "  {'type': ['author', 'writes', 'paper'], 'files': ['writes.npy']},"
    "  {'type': ['paper', 'links', 'paper'], 'files': ['cites.npy'], 'weights': 'ew.npy',"
    "   'times': 'et.npy', 'x': 'ex.npy'}],"
    " 'links': {'val_pos': 'pairs.npy', 'candidates': 'train.npy'}}";

/* -- JSON -------------------------------------------------------------------------------------- */

json_t *json_of(const char *text)
{
    json_error_t error;
    char *copy = strdup(text);
    ck_assert_ptr_nonnull(copy);
    for (char *at = copy; *at != '\0'; at++)
        if (*at == '\'')
            *at = '"';
    json_t *value = json_loads(copy, JSON_DECODE_ANY, &error);
    if (value == NULL)
        ck_abort_msg("%s at %d: %s", error.text, error.position, copy);
    free(copy);
    return value;
}

json_t *parsed(const char *text)
{
    json_error_t error;
    json_t *value = json_loads(text, JSON_REJECT_DUPLICATES, &error);
    if (value == NULL)
        ck_abort_msg("no JSON: %s at %d: %.300s", error.text, error.position, text);
    return value;
}

void put_json(const char *path, const json_t *value)
{
    char *text = json_dumps(value, JSON_INDENT(1));
    ck_assert_ptr_nonnull(text);
    put_text(path, text);
    free(text);
}

static json_t *member(json_t *at, const char *key)
{
    return json_is_array(at) ? json_array_get(at, strtoul(key, NULL, 10))
                             : json_object_get(at, key);
}

json_t *json_at(json_t *root, const char *path)
{
    char copy[256], *save = NULL;
    ck_assert_uint_lt(strlen(path), sizeof copy);
    snprintf(copy, sizeof copy, "%s", path);
    for (char *key = strtok_r(copy, "/", &save); key != NULL; key = strtok_r(NULL, "/", &save)) {
        root = member(root, key);
        ck_assert_msg(root != NULL, "no '%s' in %s", key, path);
    }
    return root;
}

int64_t json_int_at(json_t *root, const char *path)
{
    json_t *found = json_at(root, path);
    ck_assert_msg(json_is_integer(found), "%s is no integer", path);
    return json_integer_value(found);
}

const char *json_text_at(json_t *root, const char *path)
{
    const char *found = json_string_value(json_at(root, path));
    ck_assert_msg(found != NULL, "%s is no text", path);
    return found;
}

void json_change(json_t *root, const char *path, json_t *value)
{
    char copy[256], *save = NULL;
    ck_assert_uint_lt(strlen(path), sizeof copy);
    snprintf(copy, sizeof copy, "%s", path);
    json_t *at = root;
    char *key = strtok_r(copy, "/", &save), *next;
    while ((next = strtok_r(NULL, "/", &save)) != NULL) {
        at = member(at, key);
        ck_assert_msg(at != NULL, "no '%s' in %s", key, path);
        key = next;
    }
    int failed;
    if (json_is_array(at))
        failed = value != NULL ? json_array_set_new(at, strtoul(key, NULL, 10), value)
                               : json_array_remove(at, strtoul(key, NULL, 10));
    else
        failed = value != NULL ? json_object_set_new(at, key, value) : json_object_del(at, key);
    ck_assert_msg(failed == 0, "cannot change %s", path);
}

/* -- Sources ----------------------------------------------------------------------------------- */

static void put_integers(const char *path, const char *descr, const char *shape, const int64_t *ids,
                         size_t n)
{
    int32_t narrow[1024];
    ck_assert_uint_le(n, 1024);
    for (size_t i = 0; i < n; i++)
        narrow[i] = (int32_t)ids[i];
    bool wide = strcmp(descr, "<i8") == 0;
    put_npy(path, descr, shape, wide ? (const void *)ids : narrow,
            n * (wide ? sizeof *ids : sizeof *narrow));
}

void put_ids(const char *path, const char *descr, const int64_t *ids, size_t n)
{
    char shape[32];
    snprintf(shape, sizeof shape, "(%zu,)", n);
    put_integers(path, descr, shape, ids, n);
}

void put_pairs(const char *path, const char *descr, const int64_t *ids, size_t n)
{
    char shape[32];
    snprintf(shape, sizeof shape, "(2, %zu)", n / 2);
    put_integers(path, descr, shape, ids, n);
}

static void put_edges(void)
{
    int64_t cites[2 * EDGES], writes[2 * WRITES], pairs[] = { 0, 3, 5, 4, 0, 9 };
    for (int i = 0; i < EDGES; i++) {
        cites[i] = i / 2;
        cites[EDGES + i] = (i / 2 + 1 + i % 2) % NODES;
    }
    for (int i = 0; i < WRITES; i++) {
        writes[i] = i % AUTHORS;
        writes[WRITES + i] = i * 5 % NODES;
    }
    put_pairs("cites.npy", "<i8", cites, 2 * EDGES);
    put_pairs("writes.npy", "<i4", writes, 2 * WRITES);
    put_pairs("pairs.npy", "<i8", pairs, 6);
}

static void put_attributes(void)
{
    float x[NODES][3], ex[EDGES][2], ew[EDGES];
    int64_t y[NODES], times[NODES], et[EDGES];
    char names[NODES * 16] = "";
    for (int v = 0; v < NODES; v++) {
        for (int i = 0; i < 3; i++)
            x[v][i] = (float)(v - 5) / (float)(i + 1);
        y[v] = v == 7 ? -1 : v % 4;
        times[v] = 100 + v;
        snprintf(names + strlen(names), 16, "node %d\n", v);
    }
    for (int e = 0; e < EDGES; e++) {
        ex[e][0] = (float)e;
        ex[e][1] = (float)-e;
        ew[e] = (float)(e % 5) / 4;
        et[e] = 1000 - e;
    }
    put_npy("x.npy", "<f4", "(12, 3)", x, sizeof x);
    put_npy("ex.npy", "<f4", "(24, 2)", ex, sizeof ex);
    put_npy("ew.npy", "<f4", "(24,)", ew, sizeof ew);
    put_ids("y.npy", "<i8", y, NODES);
    put_ids("times.npy", "<i8", times, NODES);
    put_ids("et.npy", "<i8", et, EDGES);
    put_text("names.txt", names);
}

static void put_splits(void)
{
    const int64_t train[] = { 0, 2, 4, 6, 8, 10, 1 }, val[] = { 3, 5 }, test[] = { 11, 9, 7 };
    put_ids("train.npy", "<i8", train, 7);
    put_ids("val.npy", "<i4", val, 2);
    put_ids("test.npy", "<i8", test, 3);
}

static void put_manifest(const char *name, const char *text)
{
    json_t *manifest = json_of(text);
    put_json(name, manifest);
    json_decref(manifest);
}

void put_sources(void)
{
    put_edges();
    put_attributes();
    put_splits();
    put_manifest("ring.json", ring_manifest);
    put_manifest("typed.json", typed_manifest);
}

/* -- Fixtures ---------------------------------------------------------------------------------- */

static char shared[2048];

const char *shared_path(const char *format, ...)
{
    static char texts[32][LINE];
    static int next;
    char *text = texts[next++ % 32];
    va_list args;
    size_t used = (size_t)snprintf(text, LINE, "%s/", shared);
    va_start(args, format);
    vsnprintf(text + used, LINE - used, format, args);
    va_end(args);
    return text;
}

void small_begin(void)
{
    workspace_make();
    ck_assert_ptr_nonnull(getcwd(shared, sizeof shared));
    put_sources();
    free(printed("import --manifest ring.json --out ring"));
    free(printed("import --manifest typed.json --out typed"));
    free(printed("import --manifest ring.json --layout csr --out ring-csr"));
    free(printed("import --edges cites.npy --out bare"));
}

void small_end(void)
{
    workspace_remove();
}

void case_begin(void)
{
    workspace_make();
}

void case_end(void)
{
    const char *left = listing(".");
    ck_assert_msg(strstr(left, ".tmp.") == NULL, "left: %s", left);
    workspace_remove();
}

/* -- Calls ------------------------------------------------------------------------------------- */

/* Words of `line`, which lie in `room`; NULL at the end. */
static void split(const char *line, char *room, const char **words)
{
    int count = 0;
    ck_assert_msg(strlen(line) < LINE, "too long: %s", line);
    for (;;) {
        line += strspn(line, " ");
        if (*line == '\0')
            break;
        ck_assert_int_lt(count, MAX_WORDS);
        words[count++] = room;
        for (bool quoted = false; *line != '\0' && (quoted || *line != ' '); line++) {
            if (*line == '\'')
                quoted = !quoted;
            else
                *room++ = *line;
        }
        *room++ = '\0';
        if (words[count - 1][0] == '@')
            words[count - 1] = shared_path("%s", words[count - 1] + 1);
    }
    words[count] = NULL;
}

pid_t start_line(const char *line, const start_options *options)
{
    const start_options none = { 0 };
    char room[LINE];
    const char *words[MAX_WORDS + 1];
    split(line, room, words);
    return start(words, options != NULL ? options : &none);
}

outcome run_line(const char *line, const start_options *options)
{
    return finish(start_line(line, options));
}

char *printed(const char *line)
{
    outcome of = run_line(line, NULL);
    ck_assert_msg(of.code == 0, "%s: exit code %d: %s", line, of.code, of.err);
    ck_assert_msg(of.err[0] == '\0', "%s: says: %s", line, of.err);
    free(of.err);
    return of.out;
}

void expect_named(outcome of, int code, const char *names, const char *what)
{
    char word[512];
    while (*names != '\0') {
        size_t length = strcspn(names, "|");
        snprintf(word, sizeof word, "%.*s", (int)length, names);
        ck_assert_msg(strstr(of.err, word) != NULL, "%s: '%s' is not named: %s", what, word,
                      of.err);
        names += length + (names[length] == '|');
    }
    for (const char *at = of.err; *at != '\0'; at++)
        ck_assert_msg((unsigned char)*at >= 0x20 || (*at == '\n' && at[1] == '\0'),
                      "%s: a control character: %s", what, of.err);
    expect_failure(of, code, NULL, what);
}

void refuse_line(const char *line, int code, const char *names, const char *what)
{
    static char before[65536];
    if (!is_chosen())
        return;
    snprintf(before, sizeof before, "%s", listing("."));
    expect_named(run_line(line, &(start_options){ .bound = true }), code, names, what);
    ck_assert_msg(strcmp(listing("."), before) == 0, "%s: leaves %s", what, listing("."));
}
