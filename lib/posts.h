/* SPDX-License-Identifier: MIT */
/* Posts: functions that any thread may leave for a loop's thread to run, in order. Knows no loop:
 * whoever owns the queue wakes its thread when it is told to. */
#ifndef GDWSI_POSTS_H
#define GDWSI_POSTS_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>

#include "gdws/loop.h"

typedef struct gdwsi_post {
    gdws_loop_function function;
    void *user;
} gdwsi_post;

typedef struct gdwsi_posts {
    pthread_mutex_t lock;

    /* Under the lock. */
    gdwsi_post *items;
    size_t count;
    size_t capacity;
    bool is_closed;

    /* The running thread's: a block that takes the place of the one whose functions run. */
    gdwsi_post *spare;
    size_t spare_capacity;
} gdwsi_posts;

/* Make an empty queue. Returns false when the system has no lock to give. */
bool gdwsi_posts_init(gdwsi_posts *posts);

/* Add a function, from any thread. *must_wake: whether the queue was empty, so that its thread does
 * not know yet. Returns OUT_OF_MEMORY, or UNAVAILABLE once the queue is closed. */
gdws_error gdwsi_posts_put(gdwsi_posts *posts, gdws_loop_function function, void *user,
                           bool *must_wake);

/* Run what is in the queue now; what is put meanwhile waits for the next time. loop is what the
 * functions get. Returns how many there were. */
size_t gdwsi_posts_run(gdwsi_posts *posts, gdws_loop *loop);

/* Close the queue, run what is left in it without a loop, and free its memory. */
void gdwsi_posts_clear(gdwsi_posts *posts);

#endif
