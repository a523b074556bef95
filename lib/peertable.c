/* SPDX-License-Identifier: MIT */
/* Linear probing without tombstones: a removal moves the links behind it up, so that a search may
 * always stop at an empty slot. */
#include "peertable.h"

#include <stdlib.h>
#include <string.h>

#include "mem.h"

#define FIRST_CAPACITY 16

static size_t home_of(const gdwsi_peertable *table, int32_t id)
{
    return (size_t)id & (table->capacity - 1);
}

static size_t after(const gdwsi_peertable *table, size_t slot)
{
    return (slot + 1) & (table->capacity - 1);
}

static void put(gdwsi_peertable *table, gdwsi_link *link)
{
    size_t slot = home_of(table, link->id);
    while (table->slots[slot] != NULL) {
        slot = after(table, slot);
    }
    table->slots[slot] = link;
}

static bool grow(gdwsi_peertable *table)
{
    gdwsi_peertable larger = {.count = table->count};
    larger.capacity = table->capacity > 0 ? table->capacity * 2 : FIRST_CAPACITY;
    larger.slots = gdwsi_mem_calloc(larger.capacity, sizeof(gdwsi_link *));
    if (larger.slots == NULL) {
        return false;
    }
    for (size_t i = 0; i < table->capacity; i++) {
        if (table->slots[i] != NULL) {
            put(&larger, table->slots[i]);
        }
    }
    gdwsi_mem_free(table->slots);
    *table = larger;
    return true;
}

bool gdwsi_peertable_add(gdwsi_peertable *table, gdwsi_link *link)
{
    if ((table->count + 1) * 2 > table->capacity && !grow(table)) {
        return false;
    }
    put(table, link);
    table->count++;
    return true;
}

void gdwsi_peertable_remove(gdwsi_peertable *table, const gdwsi_link *link)
{
    size_t hole = home_of(table, link->id);
    while (table->slots[hole] != link) {
        hole = after(table, hole);
    }
    table->slots[hole] = NULL;
    table->count--;
    /* What comes behind the hole may have been pushed there by what was in it. */
    for (size_t i = after(table, hole); table->slots[i] != NULL; i = after(table, i)) {
        gdwsi_link *moved = table->slots[i];
        table->slots[i] = NULL;
        put(table, moved);
    }
    if (table->count == 0) {
        gdwsi_peertable_clear(table);
    }
}

gdwsi_link *gdwsi_peertable_find(const gdwsi_peertable *table, int32_t id)
{
    if (table->capacity == 0) {
        return NULL;
    }
    size_t slot = home_of(table, id);
    while (table->slots[slot] != NULL && table->slots[slot]->id != id) {
        slot = after(table, slot);
    }
    return table->slots[slot];
}

static int compare_ids(const void *left, const void *right)
{
    int32_t a = *(const int32_t *)left;
    int32_t b = *(const int32_t *)right;
    return (a > b) - (a < b);
}

/* When there is not room for all, the smallest ids are kept: insert into the sorted ones. */
static void keep_smallest(int32_t *ids, size_t capacity, int32_t id)
{
    size_t place = capacity;
    while (place > 0 && ids[place - 1] > id) {
        place--;
    }
    if (place < capacity) {
        memmove(ids + place + 1, ids + place, (capacity - place - 1) * sizeof(*ids));
        ids[place] = id;
    }
}

size_t gdwsi_peertable_list(const gdwsi_peertable *table, int32_t *ids, size_t capacity)
{
    size_t count = 0;
    for (size_t i = 0; i < table->capacity; i++) {
        if (table->slots[i] == NULL) {
            continue;
        }
        if (count < capacity) {
            ids[count] = table->slots[i]->id;
        }
        count++;
        if (count == capacity) {
            qsort(ids, capacity, sizeof(*ids), compare_ids);
        } else if (count > capacity && capacity > 0) {
            keep_smallest(ids, capacity, table->slots[i]->id);
        }
    }
    if (count < capacity && count > 0) {
        qsort(ids, count, sizeof(*ids), compare_ids);
    }
    return count;
}

void gdwsi_peertable_clear(gdwsi_peertable *table)
{
    gdwsi_mem_free(table->slots);
    memset(table, 0, sizeof(*table));
}
