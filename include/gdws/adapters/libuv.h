/* SPDX-License-Identifier: MIT */
/**
 * gdws in a libuv loop, for programs that want to attach and detach a loop while it lives.
 * gdws_loop_new_on_uv does the same in one call, for as long as the loop lives.
 *
 * uv_run polls the attached loop when there is something to do, and signals run inside it. An
 * attached loop keeps uv_run(..., UV_RUN_DEFAULT) from returning, as an active handle does. Detach
 * before gdws_loop_free; both may be done in a signal, and after the program has closed all handles
 * of its loop, as with uv_walk. uv.h itself wants -std=gnu99 or _GNU_SOURCE from C programs. Since
 * 0.1.
 */
#ifndef GDWS_ADAPTERS_LIBUV_H
#define GDWS_ADAPTERS_LIBUV_H

#include <stddef.h>

#include <uv.h>

#include "gdws/loop.h"

/** An attached loop. The program gives the memory and leaves it alone. Since 0.1. */
typedef struct gdws_libuv {
    gdws_loop *loop; /* NULL when detached */
    uv_poll_t readable;
    uv_timer_t due;
    uv_prepare_t before_sleep;
    uv_timer_t later; /* closed at once, to be called back */
    int handles;      /* that we close and that are not yet closed */
    void (*gone)(struct gdws_libuv *adapter);
} gdws_libuv;

/* Private. */
static inline void gdws_libuv_on_due_(uv_timer_t *timer)
{
    (void)gdws_loop_poll(((gdws_libuv *)timer->data)->loop);
}

static inline void gdws_libuv_on_readable_(uv_poll_t *poll, int status, int events)
{
    (void)status;
    (void)events;
    (void)gdws_loop_poll(((gdws_libuv *)poll->data)->loop);
}

/* Each time, since the program may have polled by itself. */
static inline void gdws_libuv_on_prepare_(uv_prepare_t *prepare)
{
    gdws_libuv *adapter = (gdws_libuv *)prepare->data;
    int timeout_ms = gdws_loop_get_timeout_ms(adapter->loop);
    if (timeout_ms >= 0) {
        (void)uv_timer_start(&adapter->due, gdws_libuv_on_due_, (uint64_t)timeout_ms, 0);
    } else {
        (void)uv_timer_stop(&adapter->due);
    }
}

static inline void gdws_libuv_settle_(gdws_libuv *adapter);

static inline void gdws_libuv_on_closed_(uv_handle_t *handle)
{
    gdws_libuv *adapter = (gdws_libuv *)handle->data;
    adapter->handles--;
    gdws_libuv_settle_(adapter);
}

/* Whether libuv is not yet done with a handle that is closing: one that is closed has no reference
 * any more. */
static inline int gdws_libuv_is_closing_(const gdws_libuv *adapter)
{
    return uv_has_ref((const uv_handle_t *)&adapter->readable) != 0 ||
           uv_has_ref((const uv_handle_t *)&adapter->due) != 0 ||
           uv_has_ref((const uv_handle_t *)&adapter->before_sleep) != 0;
}

/* Tell that the memory is no longer needed, once that is so. What the program has closed itself
 * calls nobody back. When all of it is closed the program's loop may have gone, too. */
static inline void gdws_libuv_settle_(gdws_libuv *adapter)
{
    if (adapter->handles > 0) {
        return;
    }
    if (gdws_libuv_is_closing_(adapter)) {
        adapter->handles = 1;
        (void)uv_timer_init(adapter->due.loop, &adapter->later);
        adapter->later.data = adapter;
        uv_close((uv_handle_t *)&adapter->later, gdws_libuv_on_closed_);
    } else if (adapter->gone != NULL) {
        adapter->gone(adapter);
    }
}

static inline void gdws_libuv_close_(gdws_libuv *adapter, uv_handle_t *handle)
{
    if (!uv_is_closing(handle)) {
        adapter->handles++;
        uv_close(handle, gdws_libuv_on_closed_);
    }
}

/**
 * Attach a loop.
 *
 * adapter: memory that lives until detach has told that it is no longer needed.
 *
 * Returns INVALID_PARAMETER for a loop that is NULL, CANT_CREATE when libuv cannot watch the loop's
 * descriptor; the memory is free to go then. Since 0.1.
 */
static inline gdws_error gdws_libuv_attach(gdws_libuv *adapter, uv_loop_t *host, gdws_loop *loop)
{
    if (loop == NULL) {
        return GDWS_INVALID_PARAMETER;
    }
    if (uv_poll_init(host, &adapter->readable, gdws_loop_get_fd(loop)) != 0) {
        return GDWS_CANT_CREATE;
    }
    (void)uv_timer_init(host, &adapter->due);
    (void)uv_prepare_init(host, &adapter->before_sleep);
    adapter->loop = loop;
    adapter->readable.data = adapter;
    adapter->due.data = adapter;
    adapter->before_sleep.data = adapter;
    adapter->handles = 0;
    adapter->gone = NULL;
    (void)uv_poll_start(&adapter->readable, UV_READABLE, gdws_libuv_on_readable_);
    (void)uv_timer_start(&adapter->due, gdws_libuv_on_due_, 0, 0);
    (void)uv_prepare_start(&adapter->before_sleep, gdws_libuv_on_prepare_);
    return GDWS_OK;
}

/**
 * Detach a loop. libuv closes its handles when it runs the next time.
 *
 * gone: called when the adapter's memory is no longer needed: by uv_run, or at once where the
 *   program has closed all handles of its loop and run it; may be NULL.
 *
 * Since 0.1.
 */
static inline void gdws_libuv_detach(gdws_libuv *adapter, void (*gone)(gdws_libuv *adapter))
{
    if (adapter->loop == NULL) {
        return;
    }
    adapter->loop = NULL;
    adapter->gone = gone;
    gdws_libuv_close_(adapter, (uv_handle_t *)&adapter->readable);
    gdws_libuv_close_(adapter, (uv_handle_t *)&adapter->due);
    gdws_libuv_close_(adapter, (uv_handle_t *)&adapter->before_sleep);
    gdws_libuv_settle_(adapter);
}

#endif
