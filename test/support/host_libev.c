/* SPDX-License-Identifier: MIT */
/* A program on libev. */
#include <stdlib.h>

#ifdef HAVE_LIBEV

#include <string.h>

#include <check.h>

#include "gdws/adapters/libev.h"
#include "host.h"

#define GONE 0xa5

typedef struct ev_host {
    struct ev_loop *loop;
    ev_timer limit; /* of a turn */
    ev_timer timer;
    gdws_libev adapter;
} ev_host;

static void on_limit(struct ev_loop *loop, ev_timer *timer, int events)
{
    (void)loop;
    (void)timer;
    (void)events;
}

static void on_timer(struct ev_loop *loop, ev_timer *timer, int events)
{
    (void)loop;
    (void)events;
    host_call_timer(timer->data);
}

static void begin(host *h)
{
    ev_host *e = calloc(1, sizeof(*e));
    ck_assert_ptr_nonnull(e);
    e->loop = ev_loop_new(EVFLAG_AUTO);
    ck_assert_ptr_nonnull(e->loop);
    ev_timer_init(&e->limit, on_limit, 0.0, 0.0);
    ev_timer_init(&e->timer, on_timer, 0.0, 0.0);
    e->timer.data = h;
    h->state = e;
}

static void attach(host *h)
{
    ev_host *e = h->state;
    ck_assert_int_eq(gdws_libev_attach(&e->adapter, e->loop, h->loop), GDWS_OK);
}

static void detach(host *h)
{
    ev_host *e = h->state;
    gdws_libev_detach(&e->adapter);
    memset(&e->adapter, GONE, sizeof(e->adapter)); /* nobody may need it any more */
}

static bool is_left_alone(const ev_host *e)
{
    const unsigned char *bytes = (const unsigned char *)&e->adapter;
    size_t i = 0;
    while (i < sizeof(e->adapter) && bytes[i] == GONE) {
        i++;
    }
    return i == sizeof(e->adapter);
}

static void start(ev_host *e, ev_timer *timer, int delay_ms)
{
    ev_now_update(e->loop);
    ev_timer_stop(e->loop, timer);
    ev_timer_set(timer, delay_ms / 1000.0, 0.0);
    ev_timer_start(e->loop, timer);
}

static void turn(host *h, int timeout_ms)
{
    ev_host *e = h->state;
    if (timeout_ms > 0) {
        start(e, &e->limit, timeout_ms);
    }
    (void)ev_run(e->loop, timeout_ms == 0 ? EVRUN_NOWAIT : EVRUN_ONCE);
    ev_timer_stop(e->loop, &e->limit);
}

static void after(host *h, int delay_ms)
{
    ev_host *e = h->state;
    start(e, &e->timer, delay_ms);
}

static bool end(host *h)
{
    ev_host *e = h->state;
    ev_timer_stop(e->loop, &e->timer);
    /* Whether watchers are active. */
    bool is_clean = !ev_run(e->loop, EVRUN_NOWAIT) && is_left_alone(e);
    ev_loop_destroy(e->loop);
    free(e);
    return is_clean;
}

const host_kind host_libev = {.name = "libev",
                              .begin = begin,
                              .attach = attach,
                              .detach = detach,
                              .turn = turn,
                              .after = after,
                              .end = end};

#endif
