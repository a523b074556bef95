/* SPDX-License-Identifier: MIT */
#include "process.h"

#include <dirent.h>
#include <stdio.h>
#include <unistd.h>

uint64_t process_cpu_ns(int pid)
{
    char path[320];
    uint64_t sum = 0;
    (void)snprintf(path, sizeof(path), "/proc/%d/task", pid);
    DIR *directory = opendir(path);
    if (directory == NULL) {
        return 0;
    }
    const struct dirent *entry = readdir(directory);
    while (entry != NULL) {
        unsigned long long ns = 0;
        (void)snprintf(path, sizeof(path), "/proc/%d/task/%s/schedstat", pid, entry->d_name);
        /* ".." is the process itself, whose first thread has been counted. */
        FILE *file = entry->d_name[0] != '.' ? fopen(path, "r") : NULL;
        if (file != NULL) {
            if (fscanf(file, "%llu", &ns) == 1) {
                sum += ns;
            }
            (void)fclose(file);
        }
        entry = readdir(directory);
    }
    (void)closedir(directory);
    return sum;
}

size_t process_resident(int pid)
{
    char path[64];
    size_t total = 0;
    size_t pages = 0;
    (void)snprintf(path, sizeof(path), "/proc/%d/statm", pid);
    FILE *file = fopen(path, "r");
    if (file == NULL) {
        return 0;
    }
    if (fscanf(file, "%zu %zu", &total, &pages) != 2) {
        pages = 0;
    }
    (void)fclose(file);
    return pages * (size_t)sysconf(_SC_PAGESIZE);
}
