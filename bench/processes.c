/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/processes.h"

#include <dirent.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

/* Field `number`, counted as proc(5) does, of /proc/PID/stat; from 3 on. */
static bool read_field(long pid, int number, uint64_t *out)
{
    char path[64], text[1024];
    snprintf(path, sizeof path, "/proc/%ld/stat", pid);
    FILE *file = fopen(path, "re");
    if (file == NULL)
        return false;
    size_t length = fread(text, 1, sizeof text - 1, file);
    fclose(file);
    text[length] = '\0';
    const char *at = strrchr(text, ')'); /* the name may hold anything */
    for (int field = 2; at != NULL && field < number; field++)
        at = strchr(at + 1, ' ');
    if (at == NULL)
        return false;
    *out = strtoull(at + 1, NULL, 10);
    return true;
}

/* Calls `each` for every child of this process. */
static void for_children(void (*each)(long pid, void *context), void *context)
{
    DIR *all = opendir("/proc");
    const struct dirent *entry;
    while (all != NULL && (entry = readdir(all)) != NULL) {
        long pid = strtol(entry->d_name, NULL, 10);
        uint64_t parent;
        if (pid > 0 && read_field(pid, 4, &parent) && parent == (uint64_t)getpid())
            each(pid, context);
    }
    if (all != NULL)
        closedir(all);
}

static void add_faults(long pid, void *context)
{
    uint64_t faults;
    if (read_field(pid, 10, &faults))
        *(uint64_t *)context += faults;
}

uint64_t faults_of_children(void)
{
    uint64_t sum = 0;
    for_children(add_faults, &sum);
    return sum;
}

uint64_t faults_here(void)
{
    struct rusage usage;
    return getrusage(RUSAGE_SELF, &usage) == 0 ? (uint64_t)usage.ru_minflt : 0;
}

static bool holds_batches(const char *line)
{
    return strstr(line, "seine-lane") != NULL || strstr(line, "seine-spill") != NULL;
}

/* Mappings begin with a line of hexadecimal addresses, their numbers with a name and a colon. */
static void add_memory(long pid, void *context)
{
    double *sum = context;
    char path[64], line[4352];
    bool counts = true;
    snprintf(path, sizeof path, "/proc/%ld/smaps", pid);
    FILE *file = fopen(path, "re");
    if (file == NULL || *sum < 0) {
        *sum = -1;
    } else {
        while (fgets(line, sizeof line, file) != NULL) {
            if (strchr("0123456789abcdef", line[0]) != NULL)
                counts = !holds_batches(line);
            else if (counts && strncmp(line, "Pss:", 4) == 0)
                *sum += strtod(line + 4, NULL) * 1024;
        }
    }
    if (file != NULL)
        fclose(file);
}

double memory_of_all(void)
{
    double sum = 0;
    add_memory((long)getpid(), &sum);
    for_children(add_memory, &sum);
    return sum;
}
