/* SPDX-License-Identifier: Apache-2.0 */
/* Which cores worker processes run on, by hwloc.
 *
 * Binding is a help to the scheduler: where it would leave a worker fewer cores than it has threads, or
 * where anything is not known, a worker is left alone. */
#include "ipc/proc/bind.h"

#include "base/mem.h"
#include "base/option.h"
#include "base/spin.h"

#include <hwloc.h>
#include <sched.h>
#include <string.h>

/* A set as text; false if it does not fit. */
static bool print_set(hwloc_const_bitmap_t set, char *out)
{
    int length = hwloc_bitmap_list_snprintf(out, SN__BIND_BYTES, set);
    if (length > 0 && length < SN__BIND_BYTES)
        return true;
    out[0] = '\0';
    return false;
}

/* Cores of its own for each worker; false if one of them would get too few. Threads that share a core
 * are not torn apart. */
static bool choose_own(hwloc_topology_t machine, int32_t workers, int32_t threads_each,
                       char (*sets)[SN__BIND_BYTES])
{
    hwloc_cpuset_t *parts;
    hwloc_obj_t root = hwloc_get_root_obj(machine);
    if (sn__mem_zalloc((size_t)workers, sizeof *parts, "core sets", &parts) != SN_OK)
        return false;
    int depth = hwloc_get_type_or_below_depth(machine, HWLOC_OBJ_CORE);
    bool enough = hwloc_distrib(machine, &root, 1, parts, (unsigned)workers, depth, 0) == 0;
    hwloc_bitmap_t taken = hwloc_bitmap_alloc();
    for (int32_t i = 0; i < workers; i++) {
        enough = enough && taken != NULL && parts[i] != NULL &&
                 hwloc_bitmap_weight(parts[i]) >= threads_each &&
                 !hwloc_bitmap_intersects(taken, parts[i]) && print_set(parts[i], sets[i]) &&
                 hwloc_bitmap_or(taken, taken, parts[i]) == 0;
        hwloc_bitmap_free(parts[i]);
    }
    hwloc_bitmap_free(taken);
    sn__mem_free(parts);
    return enough;
}

/* Whether node a, with its workers and one more, would be less crowded than b. */
static bool is_freer(int64_t cores_a, int64_t workers_a, int64_t cores_b, int64_t workers_b)
{
    return (workers_a + 1) * cores_b < (workers_b + 1) * cores_a;
}

/* Each worker all cores of a node, larger nodes with more workers; "" where there is one node. */
static void choose_nodes(hwloc_topology_t machine, int32_t workers, int32_t threads_each,
                         char (*sets)[SN__BIND_BYTES])
{
    int nodes = hwloc_get_nbobjs_by_type(machine, HWLOC_OBJ_NUMANODE), usable = 0;
    int64_t *cores = NULL, *taken;
    if (nodes < 2 ||
        sn__mem_zalloc(2 * (size_t)nodes, sizeof *cores, "NUMA nodes", &cores) != SN_OK)
        return;
    taken = cores + nodes;
    for (int i = 0; i < nodes; i++) {
        hwloc_obj_t node = hwloc_get_obj_by_type(machine, HWLOC_OBJ_NUMANODE, (unsigned)i);
        int weight = hwloc_bitmap_weight(node->cpuset);
        cores[i] = weight >= threads_each ? weight : 0;
        usable += cores[i] > 0;
    }
    for (int32_t w = 0; w < workers && usable > 1; w++) {
        int best = -1;
        for (int i = 0; i < nodes; i++)
            if (cores[i] > 0 &&
                (best < 0 || is_freer(cores[i], taken[i], cores[best], taken[best])))
                best = i;
        taken[best]++;
        (void)print_set(hwloc_get_obj_by_type(machine, HWLOC_OBJ_NUMANODE, (unsigned)best)->cpuset,
                        sets[w]);
    }
    sn__mem_free(cores);
}

void sn__bind_choose_on(struct hwloc_topology *machine, int32_t granted, int32_t workers,
                        int32_t threads_each, char (*sets)[SN__BIND_BYTES])
{
    if (granted >= 2 * (int64_t)workers * threads_each &&
        choose_own(machine, workers, threads_each, sets))
        return;
    for (int32_t i = 0; i < workers; i++)
        sets[i][0] = '\0';
    choose_nodes(machine, workers, threads_each, sets);
}

/* The topology of this machine, without the cores that the calling thread may not use. */
static bool load_machine(hwloc_topology_t *out)
{
    hwloc_topology_t machine;
    hwloc_bitmap_t mine = hwloc_bitmap_alloc();
    bool loaded = false;
    if (mine == NULL)
        return false;
    if (hwloc_topology_init(&machine) == 0) {
        loaded = hwloc_topology_load(machine) == 0 && hwloc_topology_is_thissystem(machine) &&
                 hwloc_get_cpubind(machine, mine, HWLOC_CPUBIND_THREAD) == 0 &&
                 hwloc_topology_restrict(machine, mine, 0) == 0;
        if (loaded)
            *out = machine;
        else
            hwloc_topology_destroy(machine);
    }
    hwloc_bitmap_free(mine);
    return loaded;
}

void sn__bind_choose(int32_t workers, int32_t threads_each, char (*sets)[SN__BIND_BYTES])
{
    hwloc_topology_t machine;
    for (int32_t i = 0; i < workers; i++)
        sets[i][0] = '\0';
    if (!load_machine(&machine))
        return;
    sn__bind_choose_on(machine, sn__cores_granted(), workers, threads_each, sets);
    hwloc_topology_destroy(machine);
}

/* -- In the worker ----------------------------------------------------------------------------- */

static sn_status bind_to(hwloc_const_bitmap_t cores, const char *text)
{
    int count = hwloc_bitmap_last(cores) + 1;
    cpu_set_t *set = CPU_ALLOC((size_t)count);
    if (set == NULL)
        return sn__fail(SN_E_NOMEM, "cores %s: no memory for %d of them", text, count);
    sn_status st = SN_OK;
    CPU_ZERO_S(CPU_ALLOC_SIZE((size_t)count), set);
    for (int core = hwloc_bitmap_first(cores); core >= 0; core = hwloc_bitmap_next(cores, core))
        CPU_SET_S((size_t)core, CPU_ALLOC_SIZE((size_t)count), set);
    if (sched_setaffinity(0, CPU_ALLOC_SIZE((size_t)count), set) != 0)
        st = sn__fail_errno("cores %s: cannot be bound to them", text);
    CPU_FREE(set);
    return st;
}

sn_status sn__bind_self(const char *set)
{
    if (set[0] == '\0')
        return SN_OK;
    (void)sn__spin_limit_ns(); /* by the cores that were granted, not by those that are left here */
    hwloc_bitmap_t cores = hwloc_bitmap_alloc();
    if (cores == NULL)
        return sn__fail(SN_E_NOMEM, "cores %s: no memory", set);
    sn_status st;
    char again[SN__BIND_BYTES]; /* hwloc reads more than it writes, and some rubbish too */
    if (hwloc_bitmap_list_sscanf(cores, set) != 0 || hwloc_bitmap_weight(cores) <= 0 ||
        !print_set(cores, again) || strcmp(again, set) != 0)
        st = sn__fail(SN_E_INVALID, "cores %s: no list of cores", set);
    else
        st = bind_to(cores, set);
    hwloc_bitmap_free(cores);
    return st;
}
