/* SPDX-License-Identifier: MIT */
/* Memory: the one place that calls malloc, with overflow checks and a seam where tests make
 * allocations fail and count what is still allocated. */
#ifndef GDWSI_MEM_H
#define GDWSI_MEM_H

#include <stdbool.h>
#include <stddef.h>

/* Allocate size bytes, not cleared. Returns NULL when there is no memory. size 0 gives a valid
 * pointer. */
void *gdwsi_mem_alloc(size_t size);

/* Allocate count objects of size bytes, all bits zero. Returns NULL on overflow or no memory. */
void *gdwsi_mem_calloc(size_t count, size_t size);

/* Change the size of an allocation. On failure returns NULL and leaves the old one as it was. */
void *gdwsi_mem_realloc(void *pointer, size_t size);

/* Copy length bytes and add a NUL. Returns NULL when there is no memory. */
char *gdwsi_mem_copy_text(const char *text, size_t length);

/* Give memory back; NULL is fine. */
void gdwsi_mem_free(void *pointer);

/* Whether that much can be had now: for calls into libraries that do not survive their own lack of
 * memory. What was free for us is free for them, unless another thread takes it in between. */
bool gdwsi_mem_has_room(size_t size);

/* For a pool, before it gives out memory that it kept: false when a test wants this to fail. */
bool gdwsi_mem_may_reuse(void);

/* For tests: how often memory was asked for from the system. */
size_t gdwsi_mem_allocations(void);

/* For tests: make the nth allocation from now fail (1 is the next), once; 0 switches it off.
 * Thread-safe only in that one thread may use it at a time. */
void gdwsi_mem_fail_at(size_t nth);

/* For tests: how many allocations there are up to the one that is to fail; 0 when there is none. */
size_t gdwsi_mem_until_failure(void);

/* For tests: whether the allocation that gdwsi_mem_fail_at named has been reached. */
bool gdwsi_mem_has_failed(void);

/* For tests: how many allocations are alive now. Atomic, all threads. */
size_t gdwsi_mem_live(void);

#endif
