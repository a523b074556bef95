/* SPDX-License-Identifier: MIT */
/* Backoff: how long a client waits before it tries again (RFC 6455 section 7.2.3). The wait is a
 * random time up to a limit that doubles with each attempt, so that those who lost the same server
 * at the same moment do not come back together. Knows no clock. */
#ifndef GDWSI_BACKOFF_H
#define GDWSI_BACKOFF_H

#include <stdbool.h>
#include <stdint.h>

#include "gdws/error.h"

typedef struct gdwsi_backoff {
    uint32_t first_delay_ms; /* 0: there are no more attempts */
    uint32_t max_delay_ms;
    uint32_t max_attempts;  /* in a row; 0: no limit */
    uint32_t attempts;      /* in this row */
    uint32_t (*draw)(void); /* any number, each as likely as the other; tests give their own */
} gdwsi_backoff;

/* No attempts, until something is set. */
void gdwsi_backoff_init(gdwsi_backoff *backoff);

/* first_delay_ms 0 switches it off; else both delays are 10 ms to one day, the second not less than
 * the first, else PARAMETER_RANGE_ERROR. */
gdws_error gdwsi_backoff_set(gdwsi_backoff *backoff, uint32_t first_delay_ms, uint32_t max_delay_ms,
                             uint32_t max_attempts);

/* Count the next attempt and tell how long to wait for it. Returns false when there is none. */
bool gdwsi_backoff_next(gdwsi_backoff *backoff, uint32_t *delay_ms);

/* A connection has ended that lasted this long. A new row begins, unless it was shorter than the
 * limit on the wait before it: a server that takes everybody in and throws them out again is no
 * better than one that refuses. */
void gdwsi_backoff_note_connection(gdwsi_backoff *backoff, uint64_t lasted_ms);

#endif
