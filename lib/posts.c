/* SPDX-License-Identifier: MIT */
/* The queue of posted functions: one array under a lock, taken as a whole by the thread that runs
 * it, so that a function costs its poster a lock and two words, and the loop a fraction of a lock.
 * Invariant: each function that was put is run exactly once, and never under the lock. */
#include "posts.h"

#include <stdint.h>

#include "mem.h"

#define CAPACITY_FIRST 64u
#define CAPACITY_KEPT 4096u /* a larger block goes back when its functions have run */

bool gdwsi_posts_init(gdwsi_posts *posts)
{
    *posts = (gdwsi_posts){0};
    return pthread_mutex_init(&posts->lock, NULL) == 0;
}

static bool make_room(gdwsi_posts *posts)
{
    if (posts->count < posts->capacity) {
        return true;
    }
    size_t capacity = posts->capacity > 0 ? posts->capacity * 2 : CAPACITY_FIRST;
    if (capacity > SIZE_MAX / sizeof(*posts->items)) {
        return false;
    }
    gdwsi_post *items = gdwsi_mem_realloc(posts->items, capacity * sizeof(*items));
    if (items == NULL) {
        return false;
    }
    posts->items = items;
    posts->capacity = capacity;
    return true;
}

gdws_error gdwsi_posts_put(gdwsi_posts *posts, gdws_loop_function function, void *user,
                           bool *must_wake)
{
    gdws_error error = GDWS_OK;
    *must_wake = false;
    (void)pthread_mutex_lock(&posts->lock);
    if (posts->is_closed) {
        error = GDWS_UNAVAILABLE;
    } else if (!make_room(posts)) {
        error = GDWS_OUT_OF_MEMORY;
    } else {
        *must_wake = posts->count == 0;
        posts->items[posts->count] = (gdwsi_post){function, user};
        posts->count++;
    }
    (void)pthread_mutex_unlock(&posts->lock);
    return error;
}

/* Keep a block for the next time, unless it is large or there is one. */
static void give_back(gdwsi_posts *posts, gdwsi_post *items, size_t capacity)
{
    if (posts->spare != NULL || capacity > CAPACITY_KEPT) {
        gdwsi_mem_free(items);
        return;
    }
    posts->spare = items;
    posts->spare_capacity = capacity;
}

size_t gdwsi_posts_run(gdwsi_posts *posts, gdws_loop *loop)
{
    (void)pthread_mutex_lock(&posts->lock);
    gdwsi_post *items = posts->items;
    size_t count = posts->count;
    size_t capacity = posts->capacity;
    posts->items = posts->spare;
    posts->capacity = posts->spare_capacity;
    posts->count = 0;
    (void)pthread_mutex_unlock(&posts->lock);
    posts->spare = NULL;
    posts->spare_capacity = 0;
    for (size_t i = 0; i < count; i++) {
        items[i].function(loop, items[i].user);
    }
    give_back(posts, items, capacity);
    return count;
}

void gdwsi_posts_clear(gdwsi_posts *posts)
{
    (void)pthread_mutex_lock(&posts->lock);
    posts->is_closed = true;
    (void)pthread_mutex_unlock(&posts->lock);
    (void)gdwsi_posts_run(posts, NULL);
    gdwsi_mem_free(posts->items);
    gdwsi_mem_free(posts->spare);
    (void)pthread_mutex_destroy(&posts->lock);
}
