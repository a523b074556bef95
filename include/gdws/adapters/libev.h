/* SPDX-License-Identifier: MIT */
/**
 * gdws in a libev loop.
 *
 * ev_run polls the attached loop when there is something to do, and signals run inside it. An
 * attached loop keeps ev_run from returning, as an active watcher does. Detach before
 * gdws_loop_free; both may be done in a signal. Since 0.1.
 */
#ifndef GDWS_ADAPTERS_LIBEV_H
#define GDWS_ADAPTERS_LIBEV_H

#include <stdbool.h>
#include <stddef.h>

#include <ev.h>

#include "gdws/loop.h"

/** An attached loop. The program gives the memory and leaves it alone. Since 0.1. */
typedef struct gdws_libev {
    gdws_loop *loop; /* NULL when detached */
    struct ev_loop *host;
    ev_io readable;
    ev_timer due;
    ev_prepare before_sleep;
    bool *is_gone; /* while it polls: set by detach, after which this memory may have gone */
} gdws_libev;

/* Private. */
static inline void gdws_libev_run_(gdws_libev *adapter)
{
    bool is_gone = false;
    if (adapter->is_gone != NULL) {
        return; /* ev_run inside of a signal, where the loop is not polled */
    }
    adapter->is_gone = &is_gone;
    (void)gdws_loop_poll(adapter->loop);
    if (!is_gone) {
        adapter->is_gone = NULL;
    }
}

static inline void gdws_libev_on_readable_(struct ev_loop *host, ev_io *watcher, int events)
{
    (void)host;
    (void)events;
    gdws_libev_run_((gdws_libev *)watcher->data);
}

static inline void gdws_libev_on_due_(struct ev_loop *host, ev_timer *watcher, int events)
{
    (void)host;
    (void)events;
    gdws_libev_run_((gdws_libev *)watcher->data);
}

/* Each time, since the program may have polled by itself. */
static inline void gdws_libev_on_prepare_(struct ev_loop *host, ev_prepare *watcher, int events)
{
    gdws_libev *adapter = (gdws_libev *)watcher->data;
    int timeout_ms = gdws_loop_get_timeout_ms(adapter->loop);
    (void)events;
    ev_timer_stop(host, &adapter->due);
    if (timeout_ms >= 0) {
        ev_timer_set(&adapter->due, timeout_ms / 1000.0, 0.0);
        ev_timer_start(host, &adapter->due);
    }
}

/**
 * Attach a loop.
 *
 * adapter: memory that lives until detach.
 *
 * Returns INVALID_PARAMETER for a loop that is NULL. Since 0.1.
 */
static inline gdws_error gdws_libev_attach(gdws_libev *adapter, struct ev_loop *host,
                                           gdws_loop *loop)
{
    if (loop == NULL) {
        return GDWS_INVALID_PARAMETER;
    }
    adapter->loop = loop;
    adapter->host = host;
    adapter->is_gone = NULL;
    ev_io_init(&adapter->readable, gdws_libev_on_readable_, gdws_loop_get_fd(loop), EV_READ);
    ev_timer_init(&adapter->due, gdws_libev_on_due_, 0.0, 0.0);
    ev_prepare_init(&adapter->before_sleep, gdws_libev_on_prepare_);
    adapter->readable.data = adapter;
    adapter->due.data = adapter;
    adapter->before_sleep.data = adapter;
    ev_io_start(host, &adapter->readable);
    ev_timer_start(host, &adapter->due);
    ev_prepare_start(host, &adapter->before_sleep);
    return GDWS_OK;
}

/**
 * Detach a loop. The adapter's memory is no longer needed. Since 0.1.
 */
static inline void gdws_libev_detach(gdws_libev *adapter)
{
    if (adapter->loop == NULL) {
        return;
    }
    if (adapter->is_gone != NULL) {
        *adapter->is_gone = true;
    }
    ev_io_stop(adapter->host, &adapter->readable);
    ev_timer_stop(adapter->host, &adapter->due);
    ev_prepare_stop(adapter->host, &adapter->before_sleep);
    adapter->loop = NULL;
}

#endif
