/* SPDX-License-Identifier: MIT */
/* See host.h. The linker puts __wrap_ functions in the place of the library's, for all callers but
 * the file that defines them. */
#include "host.h"

#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include <check.h>

#include "loop.h"
#include "world.h"

gdws_loop *__real_gdws_loop_new(void);
gdws_error __real_gdws_loop_poll(gdws_loop *loop);
gdws_error __real_gdws_loop_wait(gdws_loop *loop, int timeout_ms);
gdws_loop *__wrap_gdws_loop_new(void);
gdws_error __wrap_gdws_loop_poll(gdws_loop *loop);
gdws_error __wrap_gdws_loop_wait(gdws_loop *loop, int timeout_ms);

const host_kind *const host_kinds[] = {
    &host_poll,     &host_select, &host_epoll, &host_libuv, &host_uvloop,
#ifdef HAVE_LIBEV
    &host_libev,
#endif
#ifdef HAVE_LIBEVENT
    &host_libevent,
#endif
#ifdef HAVE_GLIB
    &host_glib,
#endif
    NULL,
};

const host_kind *host_find_kind(const char *name)
{
    for (size_t i = 0; host_kinds[i] != NULL; i++) {
        if (strcmp(host_kinds[i]->name, name) == 0) {
            return host_kinds[i];
        }
    }
    return NULL;
}

/* Hosts */

static bool is_making; /* what gdws_loop_new makes now is for a host */

host *host_new(const host_kind *kind)
{
    host *h = calloc(1, sizeof(*h));
    ck_assert_ptr_nonnull(h);
    h->kind = kind;
    kind->begin(h);
    is_making = true;
    if (kind != &host_uvloop) {
        h->loop = gdws_loop_new();
        ck_assert_ptr_nonnull(h->loop);
    }
    kind->attach(h);
    is_making = false;
    ck_assert_ptr_nonnull(h->loop);
    return h;
}

void host_detach(host *h)
{
    if (h->loop != NULL) {
        h->kind->detach(h);
        h->loop = NULL;
    }
}

void host_free(host *h)
{
    host_detach(h);
    ck_assert_msg(h->kind->end(h), "something is left in the %s loop", h->kind->name);
    free(h);
}

void host_turn(host *h, int timeout_ms)
{
    h->kind->turn(h, timeout_ms);
}

void host_after(host *h, int delay_ms, void (*call)(void *user), void *user)
{
    h->on_timer = call;
    h->user = user;
    h->kind->after(h, delay_ms);
}

void host_call_timer(host *h)
{
    void (*call)(void *user) = h->on_timer;
    h->on_timer = NULL;
    if (call != NULL) {
        call(h->user);
    }
}

void host_settle(host *h)
{
    uint64_t limit = world_now_ms() + WORLD_LIMIT_MS;
    uint64_t start;
    do {
        start = world_now_ms();
        ck_assert_msg(start < limit, "the %s loop does not come to rest", h->kind->name);
        host_turn(h, 30);
    } while (world_now_ms() - start < 29);
}

/* All loops of the program in hosts of their own */

static host *hosts;

static host *find_host(const gdws_loop *loop)
{
    host *h = hosts;
    while (h != NULL && h->loop != loop) {
        h = h->next;
    }
    return h;
}

/* As leave_host: the loop goes. */
static void leave(gdws_loop *loop)
{
    host **link = &hosts;
    while ((*link)->loop != loop) {
        link = &(*link)->next;
    }
    host *h = *link;
    *link = h->next;
    if (h->leave != NULL) {
        h->leave(loop);
        h->loop = NULL;
    }
    host_free(h);
}

gdws_loop *__wrap_gdws_loop_new(void)
{
    const char *name = getenv("GDWS_TEST_ADAPTER");
    if (is_making || name == NULL) {
        return __real_gdws_loop_new();
    }
    const host_kind *kind = host_find_kind(name);
    ck_assert_msg(kind != NULL, "GDWS_TEST_ADAPTER=%s is unknown here", name);
    host *h = host_new(kind);
    h->next = hosts;
    hosts = h;
    h->leave = h->loop->leave_host;
    h->loop->leave_host = leave;
    return h->loop;
}

static bool is_readable(gdws_loop *loop)
{
    struct pollfd descriptor = {.fd = uv_backend_fd(&loop->uv), .events = POLLIN};
    return poll(&descriptor, 1, 0) > 0;
}

gdws_error __wrap_gdws_loop_poll(gdws_loop *loop)
{
    host *h = loop != NULL ? find_host(loop) : NULL;
    if (h != NULL && !loop->is_polling && is_readable(loop)) {
        h->is_woken = true;
    }
    return __real_gdws_loop_poll(loop);
}

/* Run the foreign loop until something has happened. */
static gdws_error wait_in_host(host *h, int timeout_ms)
{
    gdws_loop *loop = h->loop;
    uint64_t activity = loop->activity;
    uint64_t now = world_now_ms();
    uint64_t deadline = now + (timeout_ms > 0 ? (uint64_t)timeout_ms : 0);
    h->is_woken = false;
    do {
        host_turn(h, timeout_ms < 0 ? -1 : (int)(deadline > now ? deadline - now : 0));
        now = world_now_ms();
        if (h->is_woken || loop->activity != activity) {
            return GDWS_OK;
        }
        /* Some hosts poll in the turn after the one in which they notice. */
    } while (timeout_ms < 0 || now < deadline || is_readable(loop));
    return GDWS_TIMEOUT;
}

gdws_error __wrap_gdws_loop_wait(gdws_loop *loop, int timeout_ms)
{
    host *h = loop != NULL ? find_host(loop) : NULL;
    if (h == NULL || loop->is_polling) {
        return __real_gdws_loop_wait(loop, timeout_ms);
    }
    gdwsi_loop_retain(loop);
    gdws_error error = wait_in_host(h, timeout_ms);
    gdwsi_loop_release(loop);
    return error;
}
