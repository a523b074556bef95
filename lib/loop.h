/* SPDX-License-Identifier: MIT */
/* Loop: the uv loop, the libwebsockets context, and three lists of tasks: signals to deliver,
 * output to flush, memory to free. What the tasks do is their owners' business. */
#ifndef GDWSI_LOOP_H
#define GDWSI_LOOP_H

#include <stdbool.h>
#include <stdint.h>

#include <uv.h>

#include "context.h"
#include "gdws/loop.h"
#include "pool.h"
#include "posts.h"

struct lws_context;

/* One read takes at most this much, into a buffer that all connections share. A peer that is full
 * keeps at most this much undecoded. */
#define GDWSI_LOOP_READ_MAX ((size_t)256 << 10)

/* Something to be done once. Lives inside its owner, all zero at first; being put on a list twice
 * does nothing, and it may be taken off at any time. */
typedef struct gdwsi_task {
    struct gdwsi_task *next;
    struct gdwsi_task *previous;
    void (*run)(struct gdwsi_task *task);
} gdwsi_task;

struct gdws_loop {
    uv_loop_t uv;
    uv_async_t wakeup;
    uv_timer_t trim; /* of the pool */
    struct lws_context *context;
    gdwsi_context_pipe pipe;
    gdwsi_context_lost lost;
    int descriptors;                 /* the context has room for numbers below this one */
    void *endpoints;                 /* endpoint's list */
    void *queries;                   /* resolver's */
    struct gdwsi_tls_room *tls_room; /* for tls; NULL while no connection is secured */
    gdwsi_task signals;              /* heads of the lists */
    gdwsi_task flushes;
    gdwsi_task burials;
    gdwsi_posts posts;
    unsigned references;  /* the program's one, and one for each client and server */
    gdwsi_pool pool;      /* for the queues of its peers */
    uint8_t *read_buffer; /* GDWSI_LOOP_READ_MAX bytes, whose content lasts for one event */
    uint64_t activity;    /* counts signals delivered */
    uint64_t passes;      /* counts how often libuv has run */
    size_t batch;         /* signals added since they were last run */
    void *driver;         /* vhost's; NULL: the program polls */
    void (*stir)(
        gdws_loop *loop); /* between polls: there is something to do; NULL without a driver */
    bool is_polling;
    bool is_clock_held; /* libuv may be running timers */
    bool is_woken;      /* by another thread, perhaps because it has posted */
    bool is_touched;    /* descriptors or timers were changed outside of uv_run */
    bool is_watched;    /* the program sleeps on the descriptor by itself */
    bool is_calling;    /* the descriptor is readable because something waits for a poll */
    void *host; /* the loop that this one is attached to, for leave_host; NULL without one */
    void (*leave_host)(struct gdws_loop *loop);
};

/* The next poll or this one, later, runs the task to deliver signals. */
void gdwsi_loop_add_signal(gdws_loop *loop, gdwsi_task *task);

/* At the end of a callback of libwebsockets: when very many signals wait, deliver them and flush
 * before the rest is read, while what they are about is still in the processor's cache. */
void gdwsi_loop_run_batch(gdws_loop *loop);

/* The end of the next pass runs the task to write what is queued. */
void gdwsi_loop_add_flush(gdws_loop *loop, gdwsi_task *task);

/* The task frees its owner, at the end of the poll when nobody can be using it any more. */
void gdwsi_loop_add_burial(gdws_loop *loop, gdwsi_task *task);

/* Take a task off whatever list it is on. */
void gdwsi_loop_remove(gdwsi_task *task);

/* Descriptors or timers have been changed: libuv must run once more before the program sleeps.
 * Timers that are set inside of a poll need no touch. */
void gdwsi_loop_touch(gdws_loop *loop);

/* Objects keep their loop alive. Outside of a poll, release runs the burials. */
void gdwsi_loop_retain(gdws_loop *loop);
void gdwsi_loop_release(gdws_loop *loop);

/* Set the loop's clock, after the program has used time for something else. Not while libuv runs
 * timers: what these set would come due before the last of them has run, and that without an end
 * when there are many. */
void gdwsi_loop_update_time(gdws_loop *loop);

/* Milliseconds on the loop's clock, which stands still during a pass. Between polls, which may be
 * far apart, it is set first. */
uint64_t gdwsi_loop_now(gdws_loop *loop);

#endif
