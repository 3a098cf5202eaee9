/* SPDX-License-Identifier: Apache-2.0 */
/* Recorded machines: a folder with what /proc and /sys say there. */
#include "base/run.h"

#include "base/cgroup.h"
#include "base/option.h"
#include "seine/system.h"

#include <ftw.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char root[256];

static void make_root(void)
{
    const char *parent = getenv("TMPDIR");
    snprintf(root, sizeof root, "%s/seine-cgroup-XXXXXX", parent != NULL ? parent : "/tmp");
    ck_assert_ptr_nonnull(mkdtemp(root));
}

static int remove_one(const char *path, const struct stat *info, int kind, struct FTW *where)
{
    (void)info, (void)kind, (void)where;
    return remove(path);
}

static void remove_root(void)
{
    nftw(root, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

/* Writes root/path with its folders. */
static void put(const char *path, const char *text)
{
    char full[1024];
    snprintf(full, sizeof full, "%s/%s", root, path);
    for (char *slash = strchr(full + strlen(root) + 1, '/'); slash != NULL;
         slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        (void)mkdir(full, 0700);
        *slash = '/';
    }
    FILE *file = fopen(full, "w");
    ck_assert_ptr_nonnull(file);
    fputs(text, file);
    fclose(file);
}

#define V2_MOUNT "31 22 0:27 / /sys/fs/cgroup rw,nosuid shared:9 - cgroup2 cgroup2 rw,nsdelegate\n"

START_TEST(cgroup_of_nothing_readable_limits_nothing)
{
    ck_assert_int_eq(sn__cgroup_cpus(root), INT64_MAX);
    sn__memory memory = sn__memory_granted(root);
    ck_assert_uint_eq(memory.available, UINT64_MAX);
    ck_assert_uint_eq(memory.headroom, UINT64_MAX);
    ck_assert_uint_eq(memory.limit, UINT64_MAX);
}
END_TEST

START_TEST(cgroup_v2_limits_at_any_level_count)
{
    put("proc/self/cgroup", "0::/user.slice/job.scope\n");
    put("proc/self/mountinfo", "22 1 8:1 / / rw - ext4 /dev/sda1 rw\n" V2_MOUNT);
    put("proc/meminfo", "MemTotal:       16000000 kB\nMemAvailable:    8000000 kB\n");
    put("sys/fs/cgroup/user.slice/cpu.max", "350000 100000\n");
    put("sys/fs/cgroup/user.slice/job.scope/cpu.max", "max 100000\n");
    put("sys/fs/cgroup/user.slice/memory.max", "max\n");
    put("sys/fs/cgroup/user.slice/job.scope/memory.max", "1000000\n");
    put("sys/fs/cgroup/user.slice/job.scope/memory.current", "700000\n");
    put("sys/fs/cgroup/user.slice/job.scope/memory.stat", "anon 500000\ninactive_file 150000\n");
    ck_assert_int_eq(sn__cgroup_cpus(root), 4);
    sn__memory memory = sn__memory_granted(root);
    ck_assert_uint_eq(memory.available, 8000000ull * 1024);
    ck_assert_uint_eq(memory.limit, 1000000);
    ck_assert_uint_eq(memory.headroom, 450000);

    put("sys/fs/cgroup/user.slice/job.scope/cpu.max", "50000 100000\n");
    put("sys/fs/cgroup/user.slice/job.scope/memory.high", "600000\n");
    ck_assert_int_eq(sn__cgroup_cpus(root), 1);
    memory = sn__memory_granted(root);
    ck_assert_uint_eq(memory.limit, 600000);
    ck_assert_uint_eq(memory.headroom, 50000);
}
END_TEST

START_TEST(cgroup_v2_above_its_limit_has_no_headroom)
{
    put("proc/self/cgroup", "0::/\n");
    put("proc/self/mountinfo", V2_MOUNT);
    put("sys/fs/cgroup/memory.max", "1000\n");
    put("sys/fs/cgroup/memory.current", "5000\n");
    put("sys/fs/cgroup/memory.stat", "inactive_file 100\n");
    ck_assert_uint_eq(sn__memory_granted(root).headroom, 0);
}
END_TEST

START_TEST(cgroup_v1_hierarchies_are_found_by_controller)
{
    put("proc/self/cgroup", "12:cpuset:/other\n9:memory:/docker/abc\n4:cpu,cpuacct:/docker/abc\n"
                            "1:name=systemd:/docker/abc\n");
    put("proc/self/mountinfo",
        "40 30 0:35 /docker/abc /sys/fs/cgroup/cpu,cpuacct ro - cgroup cgroup rw,cpu,cpuacct\n"
        "41 30 0:36 /docker/abc /sys/fs/cgroup/memory ro master:3 - cgroup cgroup rw,memory\n"
        "42 30 0:37 /other /sys/fs/cgroup/cpuset ro - cgroup cgroup rw,cpuset\n");
    put("sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us", "150000\n");
    put("sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us", "100000\n");
    put("sys/fs/cgroup/memory/memory.limit_in_bytes", "4096000\n");
    put("sys/fs/cgroup/memory/memory.usage_in_bytes", "96000\n");
    put("sys/fs/cgroup/memory/memory.stat", "cache 5\ntotal_inactive_file 6000\n");
    ck_assert_int_eq(sn__cgroup_cpus(root), 2);
    ck_assert_uint_eq(sn__memory_granted(root).headroom, 4006000);
}
END_TEST

START_TEST(cgroup_v1_without_limits_limits_nothing)
{
    put("proc/self/cgroup", "4:cpu,cpuacct:/a\n9:memory:/a\n0::/\n");
    put("proc/self/mountinfo", "40 30 0:35 / /cg/cpu ro - cgroup cgroup rw,cpu,cpuacct\n"
                               "41 30 0:36 / /cg/memory ro - cgroup cgroup rw,memory\n");
    put("cg/cpu/a/cpu.cfs_quota_us", "-1\n");
    put("cg/cpu/a/cpu.cfs_period_us", "100000\n");
    put("cg/memory/a/memory.limit_in_bytes", "9223372036854771712\n");
    put("cg/memory/a/memory.usage_in_bytes", "96000\n");
    ck_assert_int_eq(sn__cgroup_cpus(root), INT64_MAX);
    ck_assert_uint_eq(sn__memory_granted(root).headroom, UINT64_MAX);
    ck_assert_uint_eq(sn__memory_granted(root).limit, UINT64_MAX);
}
END_TEST

START_TEST(cgroup_path_outside_the_mount_reads_the_mount_itself)
{
    static const char *const paths[] = { "0::/kubepods/pod7/abc\n", "0::/../../elsewhere\n",
                                         "0::/inner-but-longer\n" };
    put("proc/self/cgroup", paths[_i]);
    put("proc/self/mountinfo", "31 22 0:27 /inner /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n");
    put("sys/fs/cgroup/cpu.max", "200000 100000\n");
    ck_assert_int_eq(sn__cgroup_cpus(root), 2);
}
END_TEST

START_TEST(cgroup_mount_point_with_a_blank_is_decoded)
{
    put("proc/self/cgroup", "0::/a\n");
    put("proc/self/mountinfo", "31 22 0:27 / /my\\040groups rw - cgroup2 cgroup2 rw\n");
    put("my groups/a/cpu.max", "300000 100000\n");
    ck_assert_int_eq(sn__cgroup_cpus(root), 3);
}
END_TEST

START_TEST(cgroup_mountinfo_with_a_line_of_any_length_is_read_on)
{
    static char text[100000];
    size_t length =
        (size_t)snprintf(text, sizeof text, "23 1 0:1 / / rw - overlay overlay rw,lowerdir=");
    memset(text + length, 'l', 70000);
    snprintf(text + length + 70000, 1000, "\n%s", V2_MOUNT);
    put("proc/self/cgroup", "0::/\n");
    put("proc/self/mountinfo", text);
    put("sys/fs/cgroup/cpu.max", "200000 100000\n");
    ck_assert_int_eq(sn__cgroup_cpus(root), 2);
}
END_TEST

START_TEST(cgroup_files_with_rubbish_limit_nothing)
{
    static const char *const cpu_max[] = {
        "",         "\n",        "max\n",
        "100000\n", "0 100\n",   "100000 0\n",
        "-5 100\n", "abc def\n", "99999999999999999999999 100000\n"
    };
    put("proc/self/cgroup", "0::/\nrubbish\n::\n");
    put("proc/self/mountinfo", "rubbish\n - \n1 2 3\n" V2_MOUNT);
    put("sys/fs/cgroup/cpu.max", cpu_max[_i]);
    put("sys/fs/cgroup/memory.max", "lots\n");
    put("sys/fs/cgroup/memory.current", "\n");
    put("proc/meminfo", "MemAvailable: unknown\n");
    ck_assert_int_eq(sn__cgroup_cpus(root), INT64_MAX);
    ck_assert_uint_eq(sn__memory_granted(root).headroom, UINT64_MAX);
    ck_assert_uint_eq(sn__memory_granted(root).available, UINT64_MAX);
}
END_TEST

static const struct {
    const char *v1, *v2,
        *machine; /* memory.oom_control, memory.events, vmstat; NULL: no such file */
    int64_t kills;
} oom[] = {
    { NULL, NULL, NULL, -1 },
    { NULL, NULL, "nr_free_pages 5\noom_kill 7\n", 7 },
    { NULL, NULL, "nr_free_pages 5\n", -1 },
    { NULL, "low 0\nhigh 1\noom 9\noom_kill 2\noom_group_kill 4\n", "oom_kill 7\n", 2 },
    { NULL, "low 0\nhigh 1\noom 9\noom_kill 0\n", "oom_kill 7\n", 0 },
    { NULL, "low 0\n", "oom_kill 7\n", 7 },
    { NULL, "oom_kill lots\n", "oom_kill 7\n", 7 },
    { "oom_kill_disable 1\nunder_oom 0\noom_kill 3\n", NULL, "oom_kill 7\n", 3 },
    { "oom_kill_disable 1\nunder_oom 0\noom_kill 3\n", "oom_kill 2\n", "oom_kill 7\n", 3 },
    { "oom_kill_disable 1\nunder_oom 0\n", "oom_kill 2\n", "oom_kill 7\n",
      2 }, /* before Linux 4.13 */
    { "oom_kill_disable 1\nunder_oom 0\n", NULL, "oom_kill 7\n", 7 },
};

START_TEST(oom_kills_are_those_of_the_group_or_of_the_machine)
{
    put("proc/self/cgroup", "9:memory:/a/b\n0::/a/b\n");
    put("proc/self/mountinfo", V2_MOUNT "41 30 0:36 / /cg/memory rw - cgroup cgroup rw,memory\n");
    put("sys/fs/cgroup/a/memory.events", "oom_kill 50\n"); /* the group above is not asked */
    put("cg/memory/a/memory.oom_control", "oom_kill 60\n");
    if (oom[_i].v1 != NULL)
        put("cg/memory/a/b/memory.oom_control", oom[_i].v1);
    if (oom[_i].v2 != NULL)
        put("sys/fs/cgroup/a/b/memory.events", oom[_i].v2);
    if (oom[_i].machine != NULL)
        put("proc/vmstat", oom[_i].machine);
    ck_assert_int_eq(sn__oom_kills(root), oom[_i].kills);
}
END_TEST

START_TEST(memory_of_this_machine_is_some)
{
    sn__memory memory = sn__memory_granted("");
    ck_assert_uint_gt(memory.available, 1 << 20);
    ck_assert_uint_lt(memory.available, (uint64_t)1 << 60);
    ck_assert_uint_ge(memory.limit, memory.headroom);
}
END_TEST

START_TEST(system_info_agrees_with_what_it_is_made_of)
{
    sn_system_info info = sn_system_get_info();
    ck_assert_int_eq(info.cores, sn__affinity_cores());
    ck_assert_int_eq(info.cores_granted, sn__cores_granted());
    ck_assert_int_le(info.cores_granted, info.cores);
    ck_assert(info.core_quota == 0 || info.core_quota == sn__cgroup_cpus(""));
    ck_assert_uint_gt(info.memory_available, 1 << 20);
    ck_assert_uint_eq(info.memory_limit, sn__memory_granted("").limit);
    ck_assert_uint_le(info.memory_headroom, info.memory_limit);
}
END_TEST

int main(void)
{
    TCase *cases = tcase_create("cgroup");
    tcase_add_checked_fixture(cases, make_root, remove_root);
    tcase_add_test(cases, cgroup_of_nothing_readable_limits_nothing);
    tcase_add_test(cases, cgroup_v2_limits_at_any_level_count);
    tcase_add_test(cases, cgroup_v2_above_its_limit_has_no_headroom);
    tcase_add_test(cases, cgroup_v1_hierarchies_are_found_by_controller);
    tcase_add_test(cases, cgroup_v1_without_limits_limits_nothing);
    tcase_add_loop_test(cases, cgroup_path_outside_the_mount_reads_the_mount_itself, 0, 3);
    tcase_add_test(cases, cgroup_mount_point_with_a_blank_is_decoded);
    tcase_add_test(cases, cgroup_mountinfo_with_a_line_of_any_length_is_read_on);
    tcase_add_loop_test(cases, cgroup_files_with_rubbish_limit_nothing, 0, 9);
    tcase_add_loop_test(cases, oom_kills_are_those_of_the_group_or_of_the_machine, 0,
                        (int)(sizeof oom / sizeof oom[0]));
    tcase_add_test(cases, memory_of_this_machine_is_some);
    tcase_add_test(cases, system_info_agrees_with_what_it_is_made_of);
    return run_cases("cgroup", cases);
}
