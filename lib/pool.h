/* SPDX-License-Identifier: MIT */
/* Pool: blocks of memory for queues, kept for reuse when a queue has become empty, so that messages
 * cost no allocation in the steady state while idle peers hold no memory. Each loop has one. Fresh
 * memory is dear: the kernel clears each page of it, which can cost more than the message. */
#ifndef GDWSI_POOL_H
#define GDWSI_POOL_H

#include <stdbool.h>
#include <stddef.h>

/* Blocks have a power of two of bytes, from 512 to 128 MiB; larger ones are not kept. */
#define GDWSI_POOL_BLOCK_MIN 512
#define GDWSI_POOL_CLASSES 19

/* All zero is an empty pool. Fields are private to pool.c. */
typedef struct gdwsi_pool {
    void *free[GDWSI_POOL_CLASSES]; /* lists, linked by their first word */
    unsigned count[GDWSI_POOL_CLASSES];
    unsigned fewest[GDWSI_POOL_CLASSES]; /* of count, since the last trim */
    size_t bytes;                        /* kept in all */
} gdwsi_pool;

/* Get a block of at least size bytes; *capacity is what it has. Without a pool (NULL) it is simply
 * allocated. Returns NULL without memory. */
void *gdwsi_pool_get(gdwsi_pool *pool, size_t size, size_t *capacity);

/* Whether a block of at least size bytes can be had without asking the system for memory. */
bool gdwsi_pool_keeps(const gdwsi_pool *pool, size_t size);

/* Give a block back. NULL is fine. */
void gdwsi_pool_put(gdwsi_pool *pool, void *block, size_t capacity);

/* Make a block larger, its first used bytes kept; *capacity is updated. Returns NULL without
 * memory, with the block as it was. */
void *gdwsi_pool_grow(gdwsi_pool *pool, void *block, size_t used, size_t size, size_t *capacity);

/* Give all memory back that is not in use. */
void gdwsi_pool_clear(gdwsi_pool *pool);

/* Give back what has not been needed since the last trim. Call it now and then while much is kept.
 */
void gdwsi_pool_trim(gdwsi_pool *pool);

/* How many blocks are kept: allocated, but nobody's. */
size_t gdwsi_pool_kept(const gdwsi_pool *pool);

#endif
