/* SPDX-License-Identifier: MIT */
/* What the kernel accounts to a process. */
#ifndef PROCESS_H
#define PROCESS_H

#include <stddef.h>
#include <stdint.h>

/* CPU time of all its threads, user and system, in ns. */
uint64_t process_cpu_ns(int pid);

/* Its resident memory in bytes. */
size_t process_resident(int pid);

#endif
