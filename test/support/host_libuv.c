/* SPDX-License-Identifier: MIT */
/* Programs on libuv: with the adapter, and with gdws_loop_new_on_uv. */
#include <stdlib.h>
#include <string.h>

#include <check.h>

#include "gdws/adapters/libuv.h"
#include "host.h"

typedef struct uv_host {
    uv_loop_t loop;
    uv_timer_t limit; /* of a turn */
    uv_timer_t timer;
    gdws_libuv adapter;
    bool is_gone; /* the adapter's memory is no longer needed */
} uv_host;

static void begin(host *h)
{
    uv_host *u = calloc(1, sizeof(*u));
    ck_assert_ptr_nonnull(u);
    ck_assert_int_eq(uv_loop_init(&u->loop), 0);
    ck_assert_int_eq(uv_timer_init(&u->loop, &u->limit), 0);
    ck_assert_int_eq(uv_timer_init(&u->loop, &u->timer), 0);
    u->timer.data = h;
    u->is_gone = true;
    h->state = u;
}

static void attach(host *h)
{
    uv_host *u = h->state;
    u->is_gone = false;
    ck_assert_int_eq(gdws_libuv_attach(&u->adapter, &u->loop, h->loop), GDWS_OK);
}

static void attach_on_uv(host *h)
{
    uv_host *u = h->state;
    h->loop = gdws_loop_new_on_uv(&u->loop);
}

static void note_gone(gdws_libuv *adapter)
{
    uv_host *u = (uv_host *)(void *)((char *)adapter - offsetof(uv_host, adapter));
    memset(adapter, 0xa5, sizeof(*adapter)); /* nobody may need it any more */
    u->is_gone = true;
}

static void detach(host *h)
{
    uv_host *u = h->state;
    gdws_libuv_detach(&u->adapter, note_gone);
}

/* The loop does that itself when it goes. */
static void detach_on_uv(host *h)
{
    (void)h;
}

static void on_limit(uv_timer_t *timer)
{
    (void)timer;
}

static void turn(host *h, int timeout_ms)
{
    uv_host *u = h->state;
    uv_update_time(&u->loop);
    if (timeout_ms > 0) {
        ck_assert_int_eq(uv_timer_start(&u->limit, on_limit, (uint64_t)timeout_ms, 0), 0);
    }
    (void)uv_run(&u->loop, timeout_ms == 0 ? UV_RUN_NOWAIT : UV_RUN_ONCE);
    (void)uv_timer_stop(&u->limit);
}

static void on_timer(uv_timer_t *timer)
{
    host_call_timer(timer->data);
}

static void after(host *h, int delay_ms)
{
    uv_host *u = h->state;
    uv_update_time(&u->loop);
    ck_assert_int_eq(uv_timer_start(&u->timer, on_timer, (uint64_t)delay_ms, 0), 0);
}

static bool end(host *h)
{
    uv_host *u = h->state;
    uv_close((uv_handle_t *)&u->limit, NULL);
    uv_close((uv_handle_t *)&u->timer, NULL);
    for (int i = 0; i < 4; i++) {
        (void)uv_run(&u->loop, UV_RUN_NOWAIT);
    }
    bool is_clean = uv_loop_close(&u->loop) == 0 && u->is_gone;
    free(u);
    return is_clean;
}

const host_kind host_libuv = {.name = "libuv",
                              .begin = begin,
                              .attach = attach,
                              .detach = detach,
                              .turn = turn,
                              .after = after,
                              .end = end};

const host_kind host_uvloop = {.name = "uvloop",
                               .begin = begin,
                               .attach = attach_on_uv,
                               .detach = detach_on_uv,
                               .turn = turn,
                               .after = after,
                               .end = end};
