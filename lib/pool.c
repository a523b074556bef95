/* SPDX-License-Identifier: MIT */
/* A free list for each power of two. What is kept is bounded for the whole pool; beyond that, and
 * above the largest class, blocks go back to the allocator. */
#include "pool.h"

#include <string.h>

#include "mem.h"

/* At most this much is kept. AddressSanitizer has to see each use of a freed block. */
#if defined(__SANITIZE_ADDRESS__)
#define KEPT_MAX 0
#else
#define KEPT_MAX ((size_t)256 << 20)
#endif

/* Of each class at most so many, which serves a broadcast to as many peers: a small block that is
 * kept can hold a whole page back from the system. */
#define COUNT_MAX 2048

/* From this size on the allocator moves pages instead of copying. */
#define REMAP_MIN ((size_t)128 << 10)

static size_t capacity_for(size_t size, size_t *class)
{
    size_t capacity = GDWSI_POOL_BLOCK_MIN;
    *class = 0;
    while (capacity < size) {
        capacity *= 2;
        (*class)++;
    }
    return capacity;
}

void *gdwsi_pool_get(gdwsi_pool *pool, size_t size, size_t *capacity)
{
    size_t class;
    *capacity = capacity_for(size, &class);
    if (pool == NULL || class >= GDWSI_POOL_CLASSES || pool->free[class] == NULL) {
        return gdwsi_mem_alloc(*capacity);
    }
    void *block = pool->free[class];
    if (!gdwsi_mem_may_reuse()) {
        return NULL;
    }
    memcpy(&pool->free[class], block, sizeof(void *));
    pool->count[class]--;
    if (pool->count[class] < pool->fewest[class]) {
        pool->fewest[class] = pool->count[class];
    }
    pool->bytes -= *capacity;
    return block;
}

bool gdwsi_pool_keeps(const gdwsi_pool *pool, size_t size)
{
    size_t class;
    if (pool == NULL || size > (size_t)GDWSI_POOL_BLOCK_MIN << (GDWSI_POOL_CLASSES - 1)) {
        return false;
    }
    (void)capacity_for(size, &class);
    return pool->free[class] != NULL;
}

void gdwsi_pool_put(gdwsi_pool *pool, void *block, size_t capacity)
{
    size_t class;
    if (block == NULL) {
        return;
    }
    (void)capacity_for(capacity, &class);
    if (pool == NULL || class >= GDWSI_POOL_CLASSES || capacity > KEPT_MAX - pool->bytes ||
        pool->count[class] == COUNT_MAX) {
        gdwsi_mem_free(block);
        return;
    }
    memcpy(block, &pool->free[class], sizeof(void *));
    pool->free[class] = block;
    pool->count[class]++;
    pool->bytes += capacity;
}

void *gdwsi_pool_grow(gdwsi_pool *pool, void *block, size_t used, size_t size, size_t *capacity)
{
    size_t class;
    if (block != NULL && *capacity >= REMAP_MIN && !gdwsi_pool_keeps(pool, size)) {
        size_t larger = capacity_for(size, &class);
        void *grown = gdwsi_mem_realloc(block, larger);
        if (grown != NULL) {
            *capacity = larger;
        }
        return grown;
    }
    size_t larger;
    void *grown = gdwsi_pool_get(pool, size, &larger);
    if (grown == NULL) {
        return NULL;
    }
    if (block != NULL) {
        memcpy(grown, block, used);
    }
    gdwsi_pool_put(pool, block, *capacity);
    *capacity = larger;
    return grown;
}

/* Give number blocks of a class back. */
static void give_back(gdwsi_pool *pool, size_t class, unsigned number)
{
    for (unsigned i = 0; i < number; i++) {
        void *block = pool->free[class];
        memcpy(&pool->free[class], block, sizeof(void *));
        gdwsi_mem_free(block);
    }
    pool->count[class] -= number;
    pool->fewest[class] = pool->count[class];
    pool->bytes -= number * ((size_t)GDWSI_POOL_BLOCK_MIN << class);
}

void gdwsi_pool_trim(gdwsi_pool *pool)
{
    for (size_t i = 0; i < GDWSI_POOL_CLASSES; i++) {
        give_back(pool, i, pool->fewest[i]);
    }
}

void gdwsi_pool_clear(gdwsi_pool *pool)
{
    for (size_t i = 0; i < GDWSI_POOL_CLASSES; i++) {
        give_back(pool, i, pool->count[i]);
    }
}

size_t gdwsi_pool_kept(const gdwsi_pool *pool)
{
    size_t count = 0;
    for (size_t i = 0; i < GDWSI_POOL_CLASSES; i++) {
        count += pool->count[i];
    }
    return count;
}
