/* SPDX-License-Identifier: MIT */
/**
 * gdws in a program that calls epoll_wait(2): it calls gdws_epoll_wait instead.
 *
 * gdws_epoll_wait polls the attached loop first, when there is something to do, and then waits.
 * Signals run at its beginning, when the program has dealt with the events of the last time. Detach
 * before gdws_loop_free; both may be done in a signal. With a detached adapter, and inside of a
 * signal, it does as epoll_wait(2) alone, but that it may return early. Since 0.1.
 */
#ifndef GDWS_ADAPTERS_EPOLL_H
#define GDWS_ADAPTERS_EPOLL_H

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include <sys/epoll.h>

#include "gdws/loop.h"

/** An attached loop. The program gives the memory and leaves it alone. Since 0.1. */
typedef struct gdws_epoll {
    gdws_loop *loop; /* NULL when detached */
    int epoll_fd;
    bool is_ready; /* the loop's descriptor was readable */
    bool *is_gone; /* while it polls: set by detach, after which this memory may have gone */
} gdws_epoll;

/**
 * Attach a loop: its descriptor is added to the program's epoll descriptor.
 *
 * adapter: memory that lives until detach. Its address is the data.ptr of an event; the program's
 *   own events need another one.
 *
 * Returns INVALID_PARAMETER for a loop that is NULL, CANT_CREATE when epoll_ctl(2) fails, as errno
 * tells. Since 0.1.
 */
static inline gdws_error gdws_epoll_attach(gdws_epoll *adapter, int epoll_fd, gdws_loop *loop)
{
    struct epoll_event event;
    if (loop == NULL) {
        return GDWS_INVALID_PARAMETER;
    }
    memset(&event, 0, sizeof(event));
    event.events = EPOLLIN;
    event.data.ptr = adapter;
    if (epoll_ctl(epoll_fd, EPOLL_CTL_ADD, gdws_loop_get_fd(loop), &event) != 0) {
        return GDWS_CANT_CREATE;
    }
    adapter->loop = loop;
    adapter->epoll_fd = epoll_fd;
    adapter->is_ready = false;
    adapter->is_gone = NULL;
    return GDWS_OK;
}

/* Private. Take our event out of those of the program. Returns how many are left. */
static inline int gdws_epoll_take_(gdws_epoll *adapter, struct epoll_event *events, int count)
{
    int kept = 0;
    int i;
    for (i = 0; i < count; i++) {
        if (events[i].data.ptr == adapter) {
            adapter->is_ready = true;
        } else {
            events[kept] = events[i];
            kept++;
        }
    }
    return count < 0 ? count : kept;
}

/**
 * Do as epoll_wait(2) on the epoll descriptor of attach, and poll the loop when it is time.
 *
 * count: room for the program's events and one more.
 * timeout_ms: how long the program wants to sleep at most; negative without a limit.
 *
 * Returns the number of the program's events; 0 when the time has passed or signals may have run;
 * -1 as epoll_wait does. Since 0.1.
 */
static inline int gdws_epoll_wait(gdws_epoll *adapter, struct epoll_event *events, int count,
                                  int timeout_ms)
{
    int epoll_fd = adapter->epoll_fd;
    int due_ms = gdws_loop_get_timeout_ms(adapter->loop);
    if (adapter->is_gone != NULL) {
        /* Inside of a signal the loop is not polled. */
        return gdws_epoll_take_(adapter, events, epoll_wait(epoll_fd, events, count, timeout_ms));
    }
    if (adapter->is_ready || due_ms == 0) {
        bool is_gone = false;
        adapter->is_ready = false;
        adapter->is_gone = &is_gone;
        (void)gdws_loop_poll(adapter->loop);
        if (is_gone) {
            return epoll_wait(epoll_fd, events, count, 0);
        }
        adapter->is_gone = NULL;
        timeout_ms = 0; /* the signals may be what the program has been waiting for */
    } else if (due_ms > 0 && (timeout_ms < 0 || due_ms < timeout_ms)) {
        timeout_ms = due_ms;
    }
    return gdws_epoll_take_(adapter, events, epoll_wait(epoll_fd, events, count, timeout_ms));
}

/**
 * Detach a loop. The adapter's memory is no longer needed. Since 0.1.
 */
static inline void gdws_epoll_detach(gdws_epoll *adapter)
{
    if (adapter->loop == NULL) {
        return;
    }
    if (adapter->is_gone != NULL) {
        *adapter->is_gone = true;
        adapter->is_gone = NULL;
    }
    (void)epoll_ctl(adapter->epoll_fd, EPOLL_CTL_DEL, gdws_loop_get_fd(adapter->loop), NULL);
    adapter->loop = NULL;
    adapter->is_ready = false;
}

#endif
