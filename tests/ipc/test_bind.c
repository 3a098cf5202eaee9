/* SPDX-License-Identifier: Apache-2.0 */
/* Cores of workers, on machines that are described and on this one. */
#include "ipc/proc/bind.h"

#include "base/option.h"
#include "base/run.h"
#include "base/spin.h"
#include "data/support/folder.h"
#include "ipc/faults.h"
#include "support/leftovers.h"

#include <errno.h>
#include <hwloc.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>

enum { MOST = 300 };

static char sets[MOST][SN__BIND_BYTES];

/* Two sockets of 56 cores with two threads each, numbered as such machines do it: first one thread of
 * every core, then the other. */
static const char dgx[] = "Package:2 NUMANode:1 Core:56 PU:2(indexes=2*112:112*1)";
/* One socket, four cores. */
static const char small[] = "Package:1 NUMANode:1 Core:4 PU:1";
/* Two sockets of four nodes of 16 cores. */
static const char epyc[] = "Package:2 NUMANode:4 Core:16 PU:1";

/* The machine, with the cores of `allowed` only ("" = all). */
static hwloc_topology_t machine_of(const char *description, const char *allowed)
{
    hwloc_topology_t machine;
    ck_assert_int_eq(hwloc_topology_init(&machine), 0);
    ck_assert_int_eq(hwloc_topology_set_synthetic(machine, description), 0);
    ck_assert_int_eq(hwloc_topology_load(machine), 0);
    if (allowed[0] != '\0') {
        hwloc_bitmap_t set = hwloc_bitmap_alloc();
        ck_assert_int_eq(hwloc_bitmap_list_sscanf(set, allowed), 0);
        ck_assert_int_eq(hwloc_topology_restrict(machine, set, 0), 0);
        hwloc_bitmap_free(set);
    }
    return machine;
}

static void choose(const char *description, const char *allowed, int32_t granted, int32_t workers,
                   int32_t threads_each)
{
    hwloc_topology_t machine = machine_of(description, allowed);
    memset(sets, 'x', sizeof sets);
    sn__bind_choose_on(machine, granted, workers, threads_each, sets);
    for (int32_t i = 0; i < workers; i++)
        ck_assert_ptr_nonnull(memchr(sets[i], '\0', SN__BIND_BYTES));
    ck_assert_int_eq(sets[workers][0], 'x');
    hwloc_topology_destroy(machine);
}

static void expect(int32_t worker, const char *want)
{
    ck_assert_msg(strcmp(sets[worker], want) == 0, "worker %d: '%s', not '%s'", worker,
                  sets[worker], want);
}

START_TEST(workers_on_a_large_machine_have_cores_of_their_own)
{
    choose(dgx, "", 224, 2, 1);
    expect(0, "0-55,112-167"); /* a socket each, both threads of a core together */
    expect(1, "56-111,168-223");
    choose(dgx, "", 224, 4, 8);
    expect(0, "0-27,112-139");
    expect(1, "28-55,140-167");
    expect(3, "84-111,196-223");
    choose(dgx, "", 224, 112, 1);
    expect(0, "0,112");
    expect(111, "111,223");
    choose(epyc, "", 128, 8, 8);
    expect(0, "0-15");
    expect(7, "112-127");
    choose(small, "", 4, 2, 1);
    expect(0, "0-1");
    expect(1, "2-3");
}
END_TEST

START_TEST(workers_with_many_threads_have_a_node)
{
    choose(dgx, "", 224, 4, 29); /* 116 threads: less than two cores for each */
    for (int32_t i = 0; i < 4; i++)
        expect(i, i % 2 == 0 ? "0-55,112-167" : "56-111,168-223");
    choose(epyc, "", 128, 9, 8);
    for (int32_t i = 0; i < 8; i++) {
        char want[32];
        snprintf(want, sizeof want, "%d-%d", 16 * i, 16 * i + 15);
        expect(i, want);
    }
    expect(8, "0-15");
    choose(dgx, "", 4, 3, 1); /* a quota of four cores */
    expect(0, "0-55,112-167");
    expect(1, "56-111,168-223");
    expect(2, "0-55,112-167");
}
END_TEST

START_TEST(workers_on_nodes_of_different_size_follow_the_cores)
{
    choose(epyc, "0-11,16-19", 16, 4, 3); /* 12 cores of one node, 4 of another */
    expect(0, "0-11");
    expect(1, "0-11");
    expect(2, "0-11");
    expect(3, "16-19");
    choose(epyc, "0-11,16-19", 16, 3, 5); /* the small one has no room for 5 threads: not bound */
    for (int32_t i = 0; i < 3; i++)
        expect(i, "");
    choose(epyc, "0-11,16-17", 14, 2, 3); /* nor has the part of its own that one would get */
    ck_assert(strcmp(sets[0], sets[1]) != 0 || sets[0][0] == '\0');
}
END_TEST

START_TEST(workers_on_a_small_machine_are_left_alone)
{
    choose(small, "", 4, 3, 1);
    for (int32_t i = 0; i < 3; i++)
        expect(i, "");
    choose(small, "", 4, 1, 4);
    expect(0, "");
    choose(small, "2", 1, 1, 1);
    expect(0, "");
}
END_TEST

/* Each core a worker's, none shared, whatever the numbers. */
START_TEST(workers_with_cores_of_their_own_share_none)
{
    for (int32_t workers = 1; workers <= 64; workers++) {
        hwloc_bitmap_t taken = hwloc_bitmap_alloc(), one = hwloc_bitmap_alloc();
        choose(epyc, "", 128, workers, 1);
        for (int32_t i = 0; i < workers; i++) {
            ck_assert_int_eq(hwloc_bitmap_list_sscanf(one, sets[i]), 0);
            ck_assert_int_ge(hwloc_bitmap_weight(one), 1);
            ck_assert(!hwloc_bitmap_intersects(one, taken));
            hwloc_bitmap_or(taken, taken, one);
        }
        ck_assert_int_eq(hwloc_bitmap_weight(taken), 128);
        hwloc_bitmap_free(taken);
        hwloc_bitmap_free(one);
    }
}
END_TEST

/* Every second core of 512: its list is longer than what is passed on. */
START_TEST(workers_whose_cores_are_too_many_to_name_are_left_alone)
{
    char odd[4096] = "";
    for (int i = 0; i < 512; i += 2)
        snprintf(odd + strlen(odd), sizeof odd - strlen(odd), "%s%d", i > 0 ? "," : "", i);
    choose("Package:1 NUMANode:1 Core:512 PU:1", odd, 256, 1, 1);
    expect(0, "");
    choose("Package:2 NUMANode:1 Core:256 PU:1", odd, 256, 2, 100);
    expect(0, "");
    expect(1, "");
}
END_TEST

static const enum fault choosing[] = { FAULT_calloc,
                                       FAULT_hwloc_bitmap_alloc,
                                       FAULT_hwloc_topology_init,
                                       FAULT_hwloc_topology_load,
                                       FAULT_hwloc_get_cpubind,
                                       FAULT_hwloc_topology_restrict };

START_TEST(workers_when_a_call_fails_are_left_alone_or_bound_right)
{
    hwloc_topology_t machine = machine_of(dgx, "");
    for (int n = 1; n < 100; n++) {
        memset(sets, 'x', sizeof sets);
        fault_arm(choosing[_i], n, 0, ENOMEM);
        sn__bind_choose_on(machine, 224, 4, 8, sets);
        int failed = fault_disarm();
        for (int32_t i = 0; i < 4; i++) {
            hwloc_bitmap_t set = hwloc_bitmap_alloc();
            ck_assert_int_eq(hwloc_bitmap_list_sscanf(set, sets[i]), 0);
            int weight = hwloc_bitmap_weight(set); /* its own cores, a node, nothing */
            ck_assert_msg(weight == 56 || (failed > 0 && (weight == 112 || weight == 0)),
                          "%s %d: %s", fault_name(choosing[_i]), n, sets[i]);
            hwloc_bitmap_free(set);
        }
        memset(sets, 'x', sizeof sets);
        fault_arm(choosing[_i], n, 0, ENOMEM);
        sn__bind_choose(1, 1, sets);
        failed += fault_disarm();
        ck_assert_ptr_nonnull(memchr(sets[0], '\0', SN__BIND_BYTES));
        if (failed == 0)
            break;
        ck_assert_int_lt(n, 99);
    }
    hwloc_topology_destroy(machine);
}
END_TEST

/* -- This machine ------------------------------------------------------------------------------ */

START_TEST(workers_of_this_machine_are_bound_within_its_cores)
{
    cpu_set_t allowed, now;
    memset(sets, 'x', sizeof sets);
    sn__bind_choose(_i, 1, sets);
    ck_assert_int_eq(sched_getaffinity(0, sizeof allowed, &allowed), 0);
    for (int i = 0; i < _i; i++) {
        ck_assert_int_eq(sched_setaffinity(0, sizeof allowed, &allowed), 0);
        ck_ok(sn__bind_self(sets[i]));
        ck_assert_int_eq(sched_getaffinity(0, sizeof now, &now), 0);
        CPU_OR(&now, &now, &allowed);
        ck_assert(CPU_EQUAL(&now, &allowed));
    }
}
END_TEST

/* hwloc can be told by its variables that the machine is another one: its cores are not ours. */
START_TEST(workers_are_left_alone_when_hwloc_describes_another_machine)
{
    setenv("HWLOC_SYNTHETIC", dgx, 1);
    memset(sets, 'x', sizeof sets);
    sn__bind_choose(2, 1, sets);
    expect(0, "");
    expect(1, "");
}
END_TEST

START_TEST(thread_is_bound_to_the_cores_of_its_set)
{
    cpu_set_t allowed, now;
    char one[16];
    size_t core = 0;
    int64_t spin = sn__cores_granted() > 1 ? 20000 : 0;
    ck_assert_int_eq(sched_getaffinity(0, sizeof allowed, &allowed), 0);
    while (!CPU_ISSET(core, &allowed))
        core++;
    snprintf(one, sizeof one, "%zu", core);
    ck_ok(sn__bind_self(one));
    ck_assert_int_eq(sched_getaffinity(0, sizeof now, &now), 0);
    ck_assert_int_eq(CPU_COUNT(&now), 1);
    ck_assert(CPU_ISSET(core, &now));
    ck_ok(sn__bind_self("")); /* as it is */
    ck_assert_int_eq(sched_getaffinity(0, sizeof now, &now), 0);
    ck_assert_int_eq(CPU_COUNT(&now), 1);
    ck_assert_int_eq(sn__spin_limit_ns(), spin); /* the others' cores count */
}
END_TEST

START_TEST(thread_cannot_be_bound_to_no_core)
{
    static const char *const wrong[] = { "x", "0-", "1;2", "-1", "3-2" };
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        sn_status status = sn__bind_self(wrong[i]);
        ck_assert_msg(status == SN_E_INVALID, "%s: %s", wrong[i], sn_status_name(status));
        check_detail(wrong[i], __FILE__, __LINE__);
    }
    ck_fails(sn__bind_self("4000"), SN_E_SYSTEM, "cores 4000");
    fault_arm(FAULT_hwloc_bitmap_alloc, 1, 0, ENOMEM);
    ck_fails(sn__bind_self("0"), SN_E_NOMEM, "cores 0");
    fault_arm(FAULT_sched_setaffinity, 1, 0, EPERM);
    ck_fails(sn__bind_self("0"), SN_E_SYSTEM, "cores 0");
}
END_TEST

int main(void)
{
    TCase *cases = tcase_create("bind");
    tcase_set_timeout(cases, 60);
    tcase_add_checked_fixture(cases, leftovers_before, leftovers_after);
    tcase_add_test(cases, workers_on_a_large_machine_have_cores_of_their_own);
    tcase_add_test(cases, workers_with_many_threads_have_a_node);
    tcase_add_test(cases, workers_on_nodes_of_different_size_follow_the_cores);
    tcase_add_test(cases, workers_on_a_small_machine_are_left_alone);
    tcase_add_test(cases, workers_with_cores_of_their_own_share_none);
    tcase_add_test(cases, workers_whose_cores_are_too_many_to_name_are_left_alone);
    tcase_add_loop_test(cases, workers_when_a_call_fails_are_left_alone_or_bound_right, 0,
                        (int)(sizeof choosing / sizeof choosing[0]));
    tcase_add_loop_test(cases, workers_of_this_machine_are_bound_within_its_cores, 1, 5);
    tcase_add_test(cases, workers_are_left_alone_when_hwloc_describes_another_machine);
    tcase_add_test(cases, thread_is_bound_to_the_cores_of_its_set);
    tcase_add_test(cases, thread_cannot_be_bound_to_no_core);
    return run_cases("bind", cases);
}
