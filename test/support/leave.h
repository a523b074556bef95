/* SPDX-License-Identifier: MIT */
/* The end of a process that was forked: nothing of what its parent has begun is finished here, but
 * what ran is counted where coverage is measured. */
#ifndef LEAVE_H
#define LEAVE_H

#include <unistd.h>

#ifdef WITH_GCOV
void __gcov_dump(void);
#endif

static inline _Noreturn void leave(int status)
{
#ifdef WITH_GCOV
    __gcov_dump();
#endif
    _exit(status);
}

#endif
