/* SPDX-License-Identifier: Apache-2.0 */
/* Control group limits, found the way the kernel documents it: /proc/self/cgroup names this
 * process's group in each hierarchy, /proc/self/mountinfo says where the hierarchies are mounted
 * and which part of them is seen there. A limit may stand at any level, so every directory from the
 * group up to the mount counts.
 *
 * In a container the group's path may lie outside what is mounted; then the mount point itself is
 * the nearest that can be read. */
#include "base/cgroup.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LINE_BYTES = 16384, PATH_BYTES = PATH_MAX };

/* -- Small files ------------------------------------------------------------------------------- */

/* One line without its newline; what does not fit is dropped. */
static bool read_line(FILE *file, char *line, int bytes)
{
    if (fgets(line, bytes, file) == NULL)
        return false;
    char *end = strchr(line, '\n');
    if (end != NULL) {
        *end = '\0';
        return true;
    }
    for (int c = getc(file); c != EOF && c != '\n';)
        c = getc(file);
    return true;
}

static FILE *open_below(const char *folder, const char *name)
{
    char path[PATH_BYTES];
    int length = snprintf(path, sizeof path, "%s/%s", folder, name);
    return length >= 0 && (size_t)length < sizeof path ? fopen(path, "re") : NULL;
}

static bool first_line(const char *folder, const char *name, char *line, int bytes)
{
    FILE *file = open_below(folder, name);
    if (file == NULL)
        return false;
    bool read = read_line(file, line, bytes);
    fclose(file);
    return read;
}

/* A number at the start of `text`; "max", -1 and anything else that is no count is false. */
static bool parse_count(const char *text, uint64_t *out)
{
    if (!isdigit((unsigned char)*text))
        return false;
    errno = 0;
    uintmax_t value = strtoumax(text, NULL, 10);
    if (errno != 0)
        return false;
    *out = value;
    return true;
}

static bool read_count(const char *folder, const char *name, uint64_t *out)
{
    char line[128];
    return first_line(folder, name, line, sizeof line) && parse_count(line, out);
}

/* The number behind `key` in a file of "key number" or "key: number" lines. */
static bool read_keyed(const char *folder, const char *name, const char *key, uint64_t *out)
{
    char line[256];
    size_t length = strlen(key);
    bool found = false;
    FILE *file = open_below(folder, name);
    if (file == NULL)
        return false;
    while (!found && read_line(file, line, sizeof line))
        if (strncmp(line, key, length) == 0 && (line[length] == ' ' || line[length] == ':'))
            found = parse_count(line + length + 1 + strspn(line + length + 1, " \t"), out);
    fclose(file);
    return found;
}

/* -- Finding the groups ------------------------------------------------------------------------ */

/* One hierarchy of this process. */
typedef struct group {
    bool v2;
    char path[PATH_BYTES];  /* of the group, as /proc/self/cgroup has it */
    char mount[PATH_BYTES]; /* where the hierarchy is mounted, behind `root` */
} group;

/* Whether `word` is in a comma-separated list. */
static bool in_list(const char *list, const char *word)
{
    size_t length = strlen(word);
    for (const char *at = list; at != NULL; at = strchr(at, ',')) {
        at += *at == ',';
        if (strncmp(at, word, length) == 0 && (at[length] == ',' || at[length] == '\0'))
            return true;
    }
    return false;
}

/* The group's path in hierarchy v2, or in the v1 hierarchy of `controller`. */
static bool find_path(const char *root, const char *controller, bool v2, char *out)
{
    char line[LINE_BYTES];
    bool found = false;
    FILE *file = open_below(root, "proc/self/cgroup");
    if (file == NULL)
        return false;
    while (!found && read_line(file, line, sizeof line)) {
        char *list = strchr(line, ':');
        char *path = list != NULL ? strchr(list + 1, ':') : NULL;
        if (path == NULL)
            continue;
        *path++ = '\0';
        bool wanted = v2 ? list[1] == '\0' && line[0] == '0' : in_list(list + 1, controller);
        if (wanted && strlen(path) < PATH_BYTES) {
            memcpy(out, path, strlen(path) + 1);
            found = true;
        }
    }
    fclose(file);
    return found;
}

/* \040 and the like, in place. */
static void decode_octal(char *text)
{
    char *to = text;
    for (const char *from = text; *from != '\0';) {
        if (from[0] == '\\' && from[1] >= '0' && from[1] <= '3' && from[2] >= '0' &&
            from[2] <= '7' && from[3] >= '0' && from[3] <= '7') {
            *to++ = (char)((from[1] - '0') * 64 + (from[2] - '0') * 8 + (from[3] - '0'));
            from += 4;
        } else {
            *to++ = *from++;
        }
    }
    *to = '\0';
}

/* A line of mountinfo, cut in place: field 4 is the part of the hierarchy that is seen, field 5
 * where; type and options stand behind " - ". */
static bool split_mount(char *line, char **seen, char **where, char **type, char **options)
{
    char *save = NULL, *tail = strstr(line, " - ");
    if (tail == NULL)
        return false;
    *tail = '\0';
    char *word = strtok_r(line, " ", &save);
    for (int field = 1; word != NULL && field < 4; field++)
        word = strtok_r(NULL, " ", &save);
    *seen = word;
    *where = word != NULL ? strtok_r(NULL, " ", &save) : NULL;
    *type = strtok_r(tail + 3, " ", &save);
    (void)strtok_r(NULL, " ", &save); /* the source says nothing */
    *options = strtok_r(NULL, " ", &save);
    if (*seen == NULL || *where == NULL || *type == NULL)
        return false;
    decode_octal(*seen);
    decode_octal(*where);
    return true;
}

/* Where the group's directory is below the mount: its path without the part that the mount leaves
 * out;
 * "" if it is not seen there. */
static const char *seen_path(const char *path, const char *seen)
{
    size_t length = strcmp(seen, "/") == 0 ? 0 : strlen(seen);
    if (strstr(path, "/..") != NULL || strncmp(path, seen, length) != 0 ||
        (path[length] != '/' && path[length] != '\0') || strcmp(path, "/") == 0)
        return "";
    return path + length;
}

static bool find_group(const char *root, const char *controller, bool v2, group *out)
{
    char line[LINE_BYTES], path[PATH_BYTES], *seen, *where, *type, *options;
    bool found = false;
    FILE *file;
    if (!find_path(root, controller, v2, path))
        return false;
    file = open_below(root, "proc/self/mountinfo");
    if (file == NULL)
        return false;
    while (!found && read_line(file, line, sizeof line)) {
        if (!split_mount(line, &seen, &where, &type, &options) ||
            strcmp(type, v2 ? "cgroup2" : "cgroup") != 0 ||
            (!v2 && (options == NULL || !in_list(options, controller))))
            continue;
        int mount = snprintf(out->mount, sizeof out->mount, "%s%s", root, where);
        int below = snprintf(out->path, sizeof out->path, "%s", seen_path(path, seen));
        out->v2 = v2;
        found = mount >= 0 && mount < PATH_BYTES && below >= 0 && below < PATH_BYTES;
    }
    fclose(file);
    return found;
}

typedef void (*visitor)(const char *folder, bool v2, void *context);

/* Calls `visit` for the group and every group above it, in v1 and v2 (a machine may have both). */
static void visit_groups(const char *root, const char *controller, visitor visit, void *context)
{
    group found;
    for (int v2 = 0; v2 <= 1; v2++) {
        if (!find_group(root, controller, v2 == 1, &found))
            continue;
        for (;;) {
            char folder[2 * PATH_BYTES];
            snprintf(folder, sizeof folder, "%s%s", found.mount, found.path);
            visit(folder, found.v2, context);
            char *last = strrchr(found.path, '/');
            if (last == NULL)
                break;
            *last = '\0';
        }
    }
}

/* -- Cores ------------------------------------------------------------------------------------- */

int32_t sn__affinity_cores(void)
{
    for (int cpus = 1024; cpus <= 1 << 20; cpus *= 2) { /* the kernel's mask may be wider */
        cpu_set_t *set = CPU_ALLOC((size_t)cpus);
        if (set == NULL)
            return 1;
        size_t bytes = CPU_ALLOC_SIZE((size_t)cpus);
        int error = sched_getaffinity(0, bytes, set) == 0 ? 0 : errno;
        int count = error == 0 ? CPU_COUNT_S(bytes, set) : 0;
        CPU_FREE(set);
        if (error != EINVAL)
            return count > 0 ? count : 1;
    }
    return 1;
}

static void visit_cpu(const char *folder, bool v2, void *context)
{
    int64_t *least = context;
    uint64_t quota = 0, period = 0;
    char line[128];
    if (v2) {
        if (!first_line(folder, "cpu.max", line, sizeof line) || !parse_count(line, &quota))
            return;
        const char *behind = strchr(line, ' ');
        if (behind == NULL || !parse_count(behind + 1, &period))
            return;
    } else if (!read_count(folder, "cpu.cfs_quota_us", &quota) ||
               !read_count(folder, "cpu.cfs_period_us", &period)) {
        return;
    }
    if (quota == 0 || period == 0)
        return;
    uint64_t cores = quota / period + (quota % period != 0);
    if (cores < (uint64_t)*least)
        *least = (int64_t)cores;
}

int64_t sn__cgroup_cpus(const char *root)
{
    int64_t least = INT64_MAX;
    visit_groups(root, "cpu", visit_cpu, &least);
    return least;
}

/* -- Memory ------------------------------------------------------------------------------------ */

static void visit_memory(const char *folder, bool v2, void *context)
{
    sn__memory *memory = context;
    uint64_t limit = UINT64_MAX, high, used, cache = 0;
    const uint64_t unlimited = (uint64_t)1 << 62; /* v1 writes a huge number for "none" */
    (void)read_count(folder, v2 ? "memory.max" : "memory.limit_in_bytes", &limit);
    if (v2 && read_count(folder, "memory.high", &high) && high < limit)
        limit = high; /* above it the kernel throttles */
    if (limit >= unlimited ||
        !read_count(folder, v2 ? "memory.current" : "memory.usage_in_bytes", &used))
        return;
    (void)read_keyed(folder, "memory.stat", v2 ? "inactive_file" : "total_inactive_file", &cache);
    used -= cache < used ? cache : used;
    uint64_t headroom = limit > used ? limit - used : 0;
    if (headroom < memory->headroom) {
        memory->headroom = headroom;
        memory->limit = limit;
    }
}

sn__memory sn__memory_granted(const char *root)
{
    sn__memory memory = { UINT64_MAX, UINT64_MAX, UINT64_MAX };
    uint64_t kilobytes;
    char folder[PATH_BYTES];
    int length = snprintf(folder, sizeof folder, "%s/proc", root);
    if (length >= 0 && (size_t)length < sizeof folder &&
        read_keyed(folder, "meminfo", "MemAvailable", &kilobytes) && kilobytes < UINT64_MAX / 1024)
        memory.available = kilobytes * 1024;
    visit_groups(root, "memory", visit_memory, &memory);
    return memory;
}

/* Of a kill, the group of the killed process is told, whichever limit above it was met. */
int64_t sn__oom_kills(const char *root)
{
    char folder[2 * PATH_BYTES];
    uint64_t kills;
    group found;
    for (int v2 = 0; v2 <= 1; v2++) {
        if (!find_group(root, "memory", v2 == 1, &found))
            continue;
        snprintf(folder, sizeof folder, "%s%s", found.mount, found.path);
        if (read_keyed(folder, v2 ? "memory.events" : "memory.oom_control", "oom_kill", &kills))
            return (int64_t)kills;
    }
    int length = snprintf(folder, sizeof folder, "%s/proc", root);
    if (length >= 0 && (size_t)length < sizeof folder &&
        read_keyed(folder, "vmstat", "oom_kill", &kills))
        return (int64_t)kills;
    return -1;
}
