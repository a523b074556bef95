/* SPDX-License-Identifier: MIT */
/* The one place that calls malloc. Each allocation is counted, and a test can make the nth one
 * fail. Invariant: the count is the number of pointers given out and not yet taken back. */
#include "mem.h"

#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static atomic_size_t live;
static atomic_size_t allocations;
static atomic_size_t countdown; /* 0: nothing is to fail */
static atomic_bool has_failed;

/* Whether the test wants this allocation to fail. */
static bool must_fail(void)
{
    if (atomic_load_explicit(&countdown, memory_order_relaxed) == 0) {
        return false;
    }
    if (atomic_fetch_sub_explicit(&countdown, 1, memory_order_relaxed) != 1) {
        return false;
    }
    atomic_store_explicit(&has_failed, true, memory_order_relaxed);
    return true;
}

static void *count(void *pointer)
{
    if (pointer != NULL) {
        (void)atomic_fetch_add_explicit(&live, 1, memory_order_relaxed);
        (void)atomic_fetch_add_explicit(&allocations, 1, memory_order_relaxed);
    }
    return pointer;
}

void *gdwsi_mem_alloc(size_t size)
{
    return must_fail() ? NULL : count(malloc(size > 0 ? size : 1));
}

void *gdwsi_mem_calloc(size_t number, size_t size)
{
    if (size > 0 && number > SIZE_MAX / size) {
        return NULL;
    }
    return must_fail() ? NULL : count(calloc(number > 0 ? number : 1, size > 0 ? size : 1));
}

void *gdwsi_mem_realloc(void *pointer, size_t size)
{
    if (pointer == NULL) {
        return gdwsi_mem_alloc(size);
    }
    return must_fail() ? NULL : realloc(pointer, size > 0 ? size : 1);
}

char *gdwsi_mem_copy_text(const char *text, size_t length)
{
    if (length == SIZE_MAX) {
        return NULL;
    }
    char *copy = gdwsi_mem_alloc(length + 1);
    if (copy != NULL) {
        if (length > 0) {
            memcpy(copy, text, length);
        }
        copy[length] = '\0';
    }
    return copy;
}

void gdwsi_mem_free(void *pointer)
{
    if (pointer != NULL) {
        (void)atomic_fetch_sub_explicit(&live, 1, memory_order_relaxed);
        free(pointer);
    }
}

bool gdwsi_mem_has_room(size_t size)
{
    void *room = gdwsi_mem_alloc(size);
    gdwsi_mem_free(room);
    return room != NULL;
}

bool gdwsi_mem_may_reuse(void)
{
    return !must_fail();
}

size_t gdwsi_mem_allocations(void)
{
    return atomic_load_explicit(&allocations, memory_order_relaxed);
}

void gdwsi_mem_fail_at(size_t nth)
{
    atomic_store_explicit(&has_failed, false, memory_order_relaxed);
    atomic_store_explicit(&countdown, nth, memory_order_relaxed);
}

size_t gdwsi_mem_until_failure(void)
{
    return atomic_load_explicit(&countdown, memory_order_relaxed);
}

bool gdwsi_mem_has_failed(void)
{
    return atomic_load_explicit(&has_failed, memory_order_relaxed);
}

size_t gdwsi_mem_live(void)
{
    return atomic_load_explicit(&live, memory_order_relaxed);
}
