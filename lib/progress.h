/* SPDX-License-Identifier: MIT */
/* Progress: how far what was sent on a socket has come, as the kernel knows it. A socket becomes
 * writable only when a third of its buffer is free, which for a slow reader takes long. */
#ifndef GDWSI_PROGRESS_H
#define GDWSI_PROGRESS_H

#include <stddef.h>
#include <stdint.h>

/* How many bytes the other side's kernel has taken since the connection was made; 0 where the
 * system does not say (a unix socket). */
uint64_t gdwsi_progress_arrived(int descriptor);

/* How many bytes the kernel still holds, sent or not; 0 where it does not say. */
size_t gdwsi_progress_held(int descriptor);

#endif
