/* SPDX-License-Identifier: MIT */
/**
 * gdws in a libevent loop (libevent 2.1 or newer).
 *
 * event_base_dispatch polls the attached loop when there is something to do, and signals run inside
 * it. An attached loop keeps event_base_dispatch from returning, as a pending event does. Detach
 * before gdws_loop_free; both may be done in a signal. A program that polls the attached loop by
 * itself calls gdws_loop_wakeup afterwards: libevent does not tell when it goes to sleep, so that
 * the adapter would not see what has become due. Since 0.1.
 */
#ifndef GDWS_ADAPTERS_LIBEVENT_H
#define GDWS_ADAPTERS_LIBEVENT_H

#include <stdbool.h>
#include <stddef.h>

#include <event2/event.h>

#include "gdws/loop.h"

/** An attached loop. The program gives the memory and leaves it alone. Since 0.1. */
typedef struct gdws_libevent {
    gdws_loop *loop;     /* NULL when detached */
    struct event *event; /* for the descriptor and for the time */
    bool *is_gone;       /* while it polls: set by detach, after which this memory may have gone */
} gdws_libevent;

/* Private. */
static inline void gdws_libevent_set_timeout_(gdws_libevent *adapter, int timeout_ms)
{
    struct timeval timeout;
    if (timeout_ms < 0) {
        (void)event_remove_timer(adapter->event);
        return;
    }
    timeout.tv_sec = timeout_ms / 1000;
    timeout.tv_usec = timeout_ms % 1000 * 1000;
    (void)event_add(adapter->event, &timeout);
}

static inline void gdws_libevent_run_(evutil_socket_t descriptor, short events, void *user)
{
    gdws_libevent *adapter = (gdws_libevent *)user;
    bool is_gone = false;
    (void)descriptor;
    (void)events;
    adapter->is_gone = &is_gone;
    (void)gdws_loop_poll(adapter->loop);
    if (is_gone) {
        return;
    }
    adapter->is_gone = NULL;
    gdws_libevent_set_timeout_(adapter, gdws_loop_get_timeout_ms(adapter->loop));
}

/**
 * Attach a loop.
 *
 * adapter: memory that lives until detach.
 *
 * Returns INVALID_PARAMETER for a loop that is NULL, CANT_CREATE when libevent cannot make an
 * event. Since 0.1.
 */
static inline gdws_error gdws_libevent_attach(gdws_libevent *adapter, struct event_base *host,
                                              gdws_loop *loop)
{
    const struct timeval at_once = {0, 0};
    if (loop == NULL) {
        return GDWS_INVALID_PARAMETER;
    }
    adapter->event =
        event_new(host, gdws_loop_get_fd(loop), EV_READ | EV_PERSIST, gdws_libevent_run_, adapter);
    if (adapter->event == NULL) {
        return GDWS_CANT_CREATE;
    }
    if (event_add(adapter->event, &at_once) != 0) {
        event_free(adapter->event);
        return GDWS_CANT_CREATE;
    }
    adapter->loop = loop;
    adapter->is_gone = NULL;
    return GDWS_OK;
}

/**
 * Detach a loop. The adapter's memory is no longer needed. Since 0.1.
 */
static inline void gdws_libevent_detach(gdws_libevent *adapter)
{
    if (adapter->loop == NULL) {
        return;
    }
    if (adapter->is_gone != NULL) {
        *adapter->is_gone = true;
    }
    event_free(adapter->event);
    adapter->loop = NULL;
}

#endif
