/* SPDX-License-Identifier: MIT */
/* Event loops of other libraries, each driven as a program of its own would do it, with a gdws loop
 * attached. GDWS_TEST_ADAPTER=NAME makes all loops of a test program live in such a one:
 * gdws_loop_wait then runs the foreign loop, which polls when the adapter says so. */
#ifndef HOST_H
#define HOST_H

#include <stdbool.h>
#include <stdint.h>

#include "gdws/loop.h"

typedef struct host host;

typedef struct host_kind {
    const char *name;
    /* Make the foreign loop, without a gdws loop. */
    void (*begin)(host *h);
    /* Attach h->loop; "uvloop" makes it. */
    void (*attach)(host *h);
    void (*detach)(host *h);
    /* Run one turn of the foreign loop. timeout_ms: how long it sleeps at most; negative: no limit.
     */
    void (*turn)(host *h, int timeout_ms);
    /* Start the foreign loop's own timer. */
    void (*after)(host *h, int delay_ms);
    /* Free the foreign loop, as a program would that has detached. Returns whether nothing of ours
     * was left in it. */
    bool (*end)(host *h);
} host_kind;

struct host {
    const host_kind *kind;
    gdws_loop *loop;
    void *state; /* the kind's */
    /* What the foreign loop's timer does. */
    void (*on_timer)(void *user);
    void *user;
    bool is_woken; /* it polled when the descriptor was readable */
    struct host *next;
    void (*leave)(gdws_loop *loop); /* the library's own leave_host */
};

/* The kinds that were built; NULL at the end. */
extern const host_kind *const host_kinds[];
const host_kind *host_find_kind(const char *name);

/* Make a host with a loop attached, and take them apart again: the loop first is detached, unless
 * it has gone already; then free asserts that the host is clean. */
host *host_new(const host_kind *kind);
void host_detach(host *h);
void host_free(host *h);

void host_turn(host *h, int timeout_ms);
void host_after(host *h, int delay_ms, void (*call)(void *user), void *user);

/* Turn until the host sleeps. */
void host_settle(host *h);

/* For the kinds: the timer has come. */
void host_call_timer(host *h);

extern const host_kind host_poll;
extern const host_kind host_select;
extern const host_kind host_epoll;
extern const host_kind host_libuv;
extern const host_kind host_uvloop;
extern const host_kind host_libev;
extern const host_kind host_libevent;
extern const host_kind host_glib;

#endif
