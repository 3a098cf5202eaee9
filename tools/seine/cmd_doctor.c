/* SPDX-License-Identifier: Apache-2.0 */
/* seine doctor: what this machine grants, each point with a verdict. "ok": as good as it gets;
 * "note": works, and could be better; "missing": not there, and what that means. */
#include "seine/seine.h"
#include "tools/seine/commands.h"
#include "tools/seine/json_out.h"
#include "tools/seine/report.h"

#include <dirent.h>
#include <errno.h>
#include <hwloc.h>
#include <stdarg.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/statvfs.h>
#include <unistd.h>

typedef struct doctor_args {
    bool json;
} doctor_args;

static const arg doctor_flags[] = {
    { .name = "--json",
      .text = "print one JSON object",
      .kind = ARG_SWITCH,
      .offset = offsetof(doctor_args, json) },
};
static const arg_group doctor_group = ARG_GROUP("Flags", doctor_flags);

enum { MAX_POINTS = 20 };

typedef struct point {
    const char *name, *verdict;
    char value[160], text[200];
} point;

typedef struct findings {
    point points[MAX_POINTS];
    int count;
} findings;

/* The next point: its name, its value, and "ok". */
static point *add(findings *all, const char *name, const char *format, ...) SN_PRINTF(3, 4);
static point *add(findings *all, const char *name, const char *format, ...)
{
    point *to = &all->points[all->count++];
    va_list arguments;
    to->name = name;
    to->verdict = "ok";
    va_start(arguments, format);
    vsnprintf(to->value, sizeof to->value, format, arguments);
    va_end(arguments);
    return to;
}

static void judge(point *to, const char *verdict, const char *text)
{
    to->verdict = verdict;
    snprintf(to->text, sizeof to->text, "%s", text);
}

static double gib(uint64_t bytes)
{
    return (double)bytes / (1 << 30);
}

/* -- Points ------------------------------------------------------------------------------------ */

static void look_at_cores(findings *all, const sn_system_info *system)
{
    long online = sysconf(_SC_NPROCESSORS_ONLN);
    point *cores = add(all, "cores", "%d granted, %ld online", system->cores_granted, online);
    if (system->core_quota > 0 && system->core_quota < system->cores)
        judge(cores, "note", "a control group's quota allows fewer cores than the affinity");
    else if (system->cores < online)
        judge(cores, "note", "the affinity leaves cores out");
    else if (system->cores_granted < 2)
        judge(cores, "note", "one core: imports and checks run on one thread");
}

static void look_at_kernels(findings *all, const sn_system_info *system)
{
    point *kernels = add(all, "kernels", "%s", system->isa);
    if (strcmp(system->isa, "plain") == 0)
        judge(kernels, "note", "no vector instructions are used: sampling is several times slower");
}

static void look_at_topology(findings *all)
{
    hwloc_topology_t topology;
    if (hwloc_topology_init(&topology) != 0)
        return;
    if (hwloc_topology_load(topology) == 0) {
        int nodes = hwloc_get_nbobjs_by_type(topology, HWLOC_OBJ_NUMANODE);
        hwloc_obj_t cache = hwloc_get_obj_by_type(topology, HWLOC_OBJ_L3CACHE, 0);
        point *numa = add(all, "numa", "%d node%s", nodes, nodes == 1 ? "" : "s");
        if (nodes > 1)
            judge(numa, "note", "memory of another node is slower: run one process per node");
        if (cache != NULL)
            add(all, "l3 cache", "%.1f MiB", (double)cache->attr->cache.size / (1 << 20));
    }
    hwloc_topology_destroy(topology);
}

static void look_at_memory(findings *all, const sn_system_info *system)
{
    if (system->memory_available == UINT64_MAX)
        judge(add(all, "memory", "unknown"), "missing", "/proc/meminfo cannot be read");
    else
        add(all, "memory", "%.1f GiB available", gib(system->memory_available));
    if (system->memory_limit == UINT64_MAX) {
        add(all, "control group memory", "no limit");
        return;
    }
    point *group = add(all, "control group memory", "%.1f GiB, %.1f GiB left",
                       gib(system->memory_limit), gib(system->memory_headroom));
    if (system->memory_headroom < system->memory_limit / 10)
        judge(group, "note", "less than a tenth is left; above the limit the kernel kills");
}

/* The word in brackets of a file like "always [madvise] never". */
static bool chosen_word(const char *path, char *out, size_t bytes)
{
    char line[128] = "";
    FILE *file = fopen(path, "re");
    if (file == NULL)
        return false;
    bool read = fgets(line, sizeof line, file) != NULL;
    fclose(file);
    char *begin = strchr(line, '['), *end = strchr(line, ']');
    if (!read || begin == NULL || end == NULL || end < begin)
        return false;
    snprintf(out, bytes, "%.*s", (int)(end - begin - 1), begin + 1);
    return true;
}

static void look_at_huge_pages(findings *all)
{
    char word[32];
    if (!chosen_word("/sys/kernel/mm/transparent_hugepage/enabled", word, sizeof word)) {
        judge(add(all, "huge pages", "unknown"), "note",
              "the kernel does not say; large tables may be slower");
        return;
    }
    point *huge = add(all, "huge pages", "%s", word);
    if (strcmp(word, "never") == 0)
        judge(huge, "note", "random access to large tables is slower: enable madvise");
}

static void add_limit(findings *all, const char *name, int resource, double unit, const char *text)
{
    struct rlimit limit;
    if (getrlimit((unsigned)resource, &limit) != 0)
        return;
    if (limit.rlim_cur == RLIM_INFINITY)
        add(all, name, "unlimited");
    else
        judge(add(all, name, "%.10g%s", (double)limit.rlim_cur / unit, text), "ok", "");
}

static void look_at_shared_memory(findings *all)
{
    struct statvfs shm;
    if (statvfs("/dev/shm", &shm) == 0)
        add(all, "/dev/shm", "%.1f GiB, %.1f GiB free", gib((uint64_t)shm.f_blocks * shm.f_frsize),
            gib((uint64_t)shm.f_bavail * shm.f_frsize));
    else
        judge(add(all, "/dev/shm", "none"), "note", "not mounted; segments are memfds");
    int fd = memfd_create("seine-doctor", MFD_CLOEXEC);
    if (fd >= 0)
        add(all, "memfd", "allowed");
    else
        judge(add(all, "memfd", "%s", strerror(errno)), "missing",
              "memory cannot be shared without names");
    if (fd >= 0)
        close(fd);
}

static int count_gpus(void)
{
    int count = 0;
    DIR *folder = opendir("/dev");
    if (folder == NULL)
        return 0;
    for (struct dirent *entry = readdir(folder); entry != NULL; entry = readdir(folder))
        count += strncmp(entry->d_name, "nvidia", 6) == 0 && entry->d_name[6] >= '0' &&
                 entry->d_name[6] <= '9';
    closedir(folder);
    return count;
}

static void look_at_gpus(findings *all)
{
    int gpus = count_gpus();
    if (gpus == 0) {
        judge(add(all, "gpu", "none"), "missing", "no NVIDIA device: everything runs on the CPU");
        return;
    }
    judge(add(all, "gpu", "%d seen", gpus), "note",
          "this build has no CUDA support: everything runs on the CPU");
}

static void look_at_build(findings *all)
{
#ifdef SEINE_HAVE_TRAIN
    add(all, "trainer", "built in");
#else
    judge(add(all, "trainer", "none"), "missing", "built without OpenBLAS: no seine train");
#endif
#ifdef SEINE_HAVE_BENCH
    add(all, "benchmarks", "built in");
#else
    judge(add(all, "benchmarks", "none"), "missing", "built with SEINE_BENCH=OFF: no seine bench");
#endif
    judge(add(all, "cuda", "none"), "missing", "this version samples and gathers on the CPU");
    judge(add(all, "nccl", "not used"), "missing", "needed by builds with CUDA only");
}

static void examine(findings *all)
{
    sn_system_info system = sn_system_get_info();
    look_at_cores(all, &system);
    look_at_kernels(all, &system);
    look_at_topology(all);
    look_at_memory(all, &system);
    look_at_huge_pages(all);
    add_limit(all, "memlock", RLIMIT_MEMLOCK, 1 << 20, " MiB");
    add_limit(all, "open files", RLIMIT_NOFILE, 1, "");
    look_at_shared_memory(all);
    look_at_gpus(all);
    look_at_build(all);
}

/* -- Printing ---------------------------------------------------------------------------------- */

static void print_json(const findings *all)
{
    json_out out = { .to = stdout };
    jout_open(&out, '{');
    jout_key(&out, "version");
    jout_text(&out, sn_version_string());
    jout_key(&out, "checks");
    jout_open(&out, '[');
    for (int i = 0; i < all->count; i++) {
        const point *at = &all->points[i];
        jout_open(&out, '{');
        jout_key(&out, "name");
        jout_text(&out, at->name);
        jout_key(&out, "value");
        jout_text(&out, at->value);
        jout_key(&out, "verdict");
        jout_text(&out, at->verdict);
        jout_key(&out, "text");
        jout_text(&out, at->text);
        jout_close(&out, '{');
    }
    jout_close(&out, '[');
    jout_key(&out, "options");
    jout_open(&out, '{');
    for (int32_t i = 0; i < sn_option_count(); i++) {
        sn_option_info info;
        if (sn_option_get(i, &info) != SN_OK)
            continue;
        jout_key(&out, info.env);
        jout_text(&out, info.value);
    }
    jout_close(&out, '{');
    jout_close(&out, '{');
    jout_line(&out);
}

static void print_text(const findings *all)
{
    printf("seine %s\n", sn_version_string());
    for (int i = 0; i < all->count; i++) {
        const point *at = &all->points[i];
        printf("%-8s %-21s %s%s%s\n", at->verdict, at->name, at->value,
               at->text[0] != '\0' ? ": " : "", at->text);
    }
    for (int32_t i = 0; i < sn_option_count(); i++) {
        sn_option_info info;
        if (sn_option_get(i, &info) == SN_OK)
            printf("%-8s %-21s %s: %s (%s)\n", "option", info.env, info.value, info.text,
                   info.from_env ? "from the environment" : "default");
    }
}

static int run(const void *values, const char *operand)
{
    const doctor_args *args = values;
    findings all = { .count = 0 };
    (void)operand;
    examine(&all);
    if (args->json)
        print_json(&all);
    else
        print_text(&all);
    return CODE_DONE;
}

static const arg_group *const groups[] = { &doctor_group, NULL };

const command command_doctor = {
    .name = "doctor",
    .summary = "says what this machine can do",
    .about =
        "Prints what the machine and the system grant to this process: cores, NUMA nodes, memory "
        "and the limits of\ncontrol groups, huge pages, limits on locked memory and open files, "
        "shared memory, GPUs; what this build\nlacks; and the options in force. Each point has "
        "a verdict: ok, note (works, and could be better), or\nmissing.",
    .examples = "seine doctor --json\n",
    .groups = groups,
    .bytes = sizeof(doctor_args),
    .run = run,
};
