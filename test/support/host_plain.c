/* SPDX-License-Identifier: MIT */
/* Hosts that wait by themselves: poll(2), select(2), epoll_wait(2). Their timer is a deadline. */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/select.h>
#include <unistd.h>

#include <check.h>

#include "gdws/adapters/epoll.h"
#include "gdws/adapters/poll.h"
#include "host.h"
#include "world.h"

typedef struct plain {
    gdws_poll poll;
    gdws_epoll epoll;
    int epoll_fd;
    int pipe[2]; /* what the program itself waits for */
    uint64_t deadline;
} plain;

static void begin(host *h)
{
    plain *p = calloc(1, sizeof(*p));
    struct epoll_event event = {.events = EPOLLIN};
    ck_assert_ptr_nonnull(p);
    ck_assert_int_eq(pipe(p->pipe), 0);
    p->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    event.data.fd = p->pipe[0];
    ck_assert_int_eq(epoll_ctl(p->epoll_fd, EPOLL_CTL_ADD, p->pipe[0], &event), 0);
    h->state = p;
}

static void attach_poll(host *h)
{
    plain *p = h->state;
    ck_assert_int_eq(gdws_poll_attach(&p->poll, h->loop), GDWS_OK);
}

static void attach_epoll(host *h)
{
    plain *p = h->state;
    ck_assert_int_eq(gdws_epoll_attach(&p->epoll, p->epoll_fd, h->loop), GDWS_OK);
}

static void detach_poll(host *h)
{
    plain *p = h->state;
    gdws_poll_detach(&p->poll);
}

static void detach_epoll(host *h)
{
    plain *p = h->state;
    int fd = gdws_loop_get_fd(h->loop);
    gdws_epoll_detach(&p->epoll);
    /* It is no longer in the set. */
    ck_assert_int_eq(epoll_ctl(p->epoll_fd, EPOLL_CTL_DEL, fd, NULL), -1);
    ck_assert_int_eq(errno, ENOENT);
}

static int limit_sleep(const host *h, int timeout_ms)
{
    const plain *p = h->state;
    uint64_t now = world_now_ms();
    int left = p->deadline > now ? (int)(p->deadline - now) : 0;
    if (h->on_timer == NULL || (timeout_ms >= 0 && timeout_ms < left)) {
        return timeout_ms;
    }
    return left;
}

static void look_at_the_clock(host *h)
{
    const plain *p = h->state;
    if (h->on_timer != NULL && world_now_ms() >= p->deadline) {
        host_call_timer(h);
    }
}

static void turn_poll(host *h, int timeout_ms)
{
    plain *p = h->state;
    struct pollfd descriptors[2] = {{.fd = p->pipe[0], .events = POLLIN}};
    ck_assert_int_eq(gdws_poll_wait(&p->poll, descriptors, 1, limit_sleep(h, timeout_ms)), 0);
    ck_assert_int_eq(descriptors[0].revents, 0);
    look_at_the_clock(h);
}

static void turn_select(host *h, int timeout_ms)
{
    plain *p = h->state;
    fd_set readable;
    FD_ZERO(&readable);
    FD_SET(p->pipe[0], &readable);
    int ready = gdws_poll_select(&p->poll, p->pipe[0] + 1, &readable, NULL, NULL,
                                 limit_sleep(h, timeout_ms));
    ck_assert_int_eq(ready, 0);
    ck_assert(!FD_ISSET(p->pipe[0], &readable));
    look_at_the_clock(h);
}

static void turn_epoll(host *h, int timeout_ms)
{
    plain *p = h->state;
    struct epoll_event events[4];
    ck_assert_int_eq(gdws_epoll_wait(&p->epoll, events, 4, limit_sleep(h, timeout_ms)), 0);
    look_at_the_clock(h);
}

static void after(host *h, int delay_ms)
{
    plain *p = h->state;
    p->deadline = world_now_ms() + (uint64_t)delay_ms;
}

/* The program's own event still comes, and nothing else is in the set. */
static bool end(host *h)
{
    plain *p = h->state;
    struct epoll_event events[4];
    ck_assert_int_eq(write(p->pipe[1], "x", 1), 1);
    int count = epoll_wait(p->epoll_fd, events, 4, 0);
    bool is_clean = count == 1 && events[0].data.fd == p->pipe[0] && p->poll.loop == NULL &&
                    p->epoll.loop == NULL;
    (void)close(p->epoll_fd);
    (void)close(p->pipe[0]);
    (void)close(p->pipe[1]);
    free(p);
    return is_clean;
}

const host_kind host_poll = {.name = "poll",
                             .begin = begin,
                             .attach = attach_poll,
                             .detach = detach_poll,
                             .turn = turn_poll,
                             .after = after,
                             .end = end};

const host_kind host_select = {.name = "select",
                               .begin = begin,
                               .attach = attach_poll,
                               .detach = detach_poll,
                               .turn = turn_select,
                               .after = after,
                               .end = end};

const host_kind host_epoll = {.name = "epoll",
                              .begin = begin,
                              .attach = attach_epoll,
                              .detach = detach_epoll,
                              .turn = turn_epoll,
                              .after = after,
                              .end = end};
