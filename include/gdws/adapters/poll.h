/* SPDX-License-Identifier: MIT */
/**
 * gdws in a program that calls poll(2) or select(2): it calls gdws_poll_wait or gdws_poll_select
 * instead.
 *
 * Both poll the attached loop first, when there is something to do, and then wait. Signals run at
 * their beginning, when the program has dealt with the events of the last time. Detach before
 * gdws_loop_free; both may be done in a signal. With a detached adapter, and inside of a signal,
 * they do as poll(2) and select(2) alone. Since 0.1.
 */
#ifndef GDWS_ADAPTERS_POLL_H
#define GDWS_ADAPTERS_POLL_H

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>

#include <poll.h>
#include <sys/select.h>

#include "gdws/loop.h"

/** An attached loop. The program gives the memory and leaves it alone. Since 0.1. */
typedef struct gdws_poll {
    gdws_loop *loop; /* NULL when detached */
    bool is_ready;   /* the loop's descriptor was readable */
    bool *is_gone;   /* while it polls: set by detach, after which this memory may have gone */
} gdws_poll;

/**
 * Attach a loop.
 *
 * adapter: memory that lives until detach.
 *
 * Returns INVALID_PARAMETER for a loop that is NULL. Since 0.1.
 */
static inline gdws_error gdws_poll_attach(gdws_poll *adapter, gdws_loop *loop)
{
    if (loop == NULL) {
        return GDWS_INVALID_PARAMETER;
    }
    adapter->loop = loop;
    adapter->is_ready = true;
    adapter->is_gone = NULL;
    return GDWS_OK;
}

/* Private. Poll the loop when it is time. Puts the time that is left for sleeping into *timeout_ms.
 * Returns false when the adapter has been detached meanwhile, and inside of a signal. */
static inline bool gdws_poll_begin_(gdws_poll *adapter, int *timeout_ms)
{
    int due_ms = gdws_loop_get_timeout_ms(adapter->loop);
    if (adapter->is_gone != NULL) {
        return false;
    }
    if (adapter->is_ready || due_ms == 0) {
        bool is_gone = false;
        *timeout_ms = 0; /* the signals may be what the program has been waiting for */
        adapter->is_ready = false;
        adapter->is_gone = &is_gone;
        (void)gdws_loop_poll(adapter->loop);
        if (is_gone) {
            return false;
        }
        adapter->is_gone = NULL;
    } else if (due_ms > 0 && (*timeout_ms < 0 || due_ms < *timeout_ms)) {
        *timeout_ms = due_ms;
    }
    return true;
}

/**
 * Do as poll(2), and poll the loop when it is time.
 *
 * descriptors: count of the program's, and room for one more behind them.
 * timeout_ms: how long the program wants to sleep at most; negative without a limit.
 *
 * Returns the number of the program's descriptors with events; 0 when the time has passed or
 * signals may have run; -1 as poll(2) does. Since 0.1.
 */
static inline int gdws_poll_wait(gdws_poll *adapter, struct pollfd *descriptors, nfds_t count,
                                 int timeout_ms)
{
    int ready;
    if (!gdws_poll_begin_(adapter, &timeout_ms)) {
        return poll(descriptors, count, timeout_ms);
    }
    descriptors[count].fd = gdws_loop_get_fd(adapter->loop);
    descriptors[count].events = POLLIN;
    descriptors[count].revents = 0;
    ready = poll(descriptors, count + 1, timeout_ms);
    if (ready > 0 && descriptors[count].revents != 0) {
        adapter->is_ready = true;
        ready--;
    }
    return ready;
}

/**
 * Do as select(2), and poll the loop when it is time.
 *
 * count, readable, writable, failed: as for select(2); sets that are NULL are empty.
 * timeout_ms: how long the program wants to sleep at most; negative without a limit.
 *
 * Returns the number of the program's descriptors in the sets; 0 when the time has passed or
 * signals may have run; -1 as select(2) does, with EINVAL, too, when the loop's descriptor is
 * FD_SETSIZE or more. Since 0.1.
 */
static inline int gdws_poll_select(gdws_poll *adapter, int count, fd_set *readable,
                                   fd_set *writable, fd_set *failed, int timeout_ms)
{
    int fd = gdws_loop_get_fd(adapter->loop);
    int ready;
    bool is_attached;
    fd_set alone;
    struct timeval timeout;
    if (fd >= FD_SETSIZE) {
        errno = EINVAL;
        return -1;
    }
    is_attached = gdws_poll_begin_(adapter, &timeout_ms) && fd >= 0;
    if (readable == NULL) {
        FD_ZERO(&alone);
        readable = &alone;
    }
    if (is_attached) {
        FD_SET(fd, readable);
        count = count > fd ? count : fd + 1;
    }
    timeout.tv_sec = timeout_ms / 1000;
    timeout.tv_usec = timeout_ms % 1000 * 1000;
    ready = select(count, readable, writable, failed, timeout_ms >= 0 ? &timeout : NULL);
    if (is_attached && ready > 0 && FD_ISSET(fd, readable)) {
        FD_CLR(fd, readable);
        adapter->is_ready = true;
        ready--;
    } else if (is_attached && ready < 0) {
        FD_CLR(fd, readable);
    }
    return ready;
}

/**
 * Detach a loop. The adapter's memory is no longer needed. Since 0.1.
 */
static inline void gdws_poll_detach(gdws_poll *adapter)
{
    if (adapter->loop != NULL && adapter->is_gone != NULL) {
        *adapter->is_gone = true;
        adapter->is_gone = NULL;
    }
    adapter->loop = NULL;
    adapter->is_ready = false;
}

#endif
