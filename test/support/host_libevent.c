/* SPDX-License-Identifier: MIT */
/* A program on libevent. */
#include <stdlib.h>

#ifdef HAVE_LIBEVENT

#include <string.h>

#include <check.h>

#include "gdws/adapters/libevent.h"
#include "host.h"

typedef struct event_host {
    struct event_base *base;
    struct event *limit; /* of a turn */
    struct event *timer;
    gdws_libevent adapter;
} event_host;

static void on_limit(evutil_socket_t descriptor, short events, void *user)
{
    (void)descriptor;
    (void)events;
    (void)user;
}

static void on_timer(evutil_socket_t descriptor, short events, void *user)
{
    (void)descriptor;
    (void)events;
    host_call_timer(user);
}

static void begin(host *h)
{
    event_host *e = calloc(1, sizeof(*e));
    ck_assert_ptr_nonnull(e);
    e->base = event_base_new();
    ck_assert_ptr_nonnull(e->base);
    e->limit = evtimer_new(e->base, on_limit, NULL);
    e->timer = evtimer_new(e->base, on_timer, h);
    ck_assert_ptr_nonnull(e->limit);
    ck_assert_ptr_nonnull(e->timer);
    h->state = e;
}

static void attach(host *h)
{
    event_host *e = h->state;
    ck_assert_int_eq(gdws_libevent_attach(&e->adapter, e->base, h->loop), GDWS_OK);
}

static void detach(host *h)
{
    event_host *e = h->state;
    gdws_libevent_detach(&e->adapter);
    memset(&e->adapter, 0xa5, sizeof(e->adapter)); /* nobody may need it any more */
}

static void start(struct event *timer, int delay_ms)
{
    struct timeval delay = {.tv_sec = delay_ms / 1000, .tv_usec = delay_ms % 1000 * 1000};
    ck_assert_int_eq(evtimer_add(timer, &delay), 0);
}

static void turn(host *h, int timeout_ms)
{
    event_host *e = h->state;
    if (timeout_ms > 0) {
        start(e->limit, timeout_ms);
    }
    ck_assert_int_ge(event_base_loop(e->base, timeout_ms == 0 ? EVLOOP_NONBLOCK : EVLOOP_ONCE), 0);
    (void)evtimer_del(e->limit);
}

static void after(host *h, int delay_ms)
{
    event_host *e = h->state;
    start(e->timer, delay_ms);
}

static bool end(host *h)
{
    event_host *e = h->state;
    event_free(e->limit);
    event_free(e->timer);
    unsigned all = EVENT_BASE_COUNT_ACTIVE | EVENT_BASE_COUNT_ADDED | EVENT_BASE_COUNT_VIRTUAL;
    bool is_clean = event_base_get_num_events(e->base, all) == 0;
    event_base_free(e->base);
    free(e);
    return is_clean;
}

const host_kind host_libevent = {.name = "libevent",
                                 .begin = begin,
                                 .attach = attach,
                                 .detach = detach,
                                 .turn = turn,
                                 .after = after,
                                 .end = end};

#endif
