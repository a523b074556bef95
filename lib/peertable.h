/* SPDX-License-Identifier: MIT */
/* Peer table: a server's open links by id. Open addressing; ids are random, so they are their own
 * hash. */
#ifndef GDWSI_PEERTABLE_H
#define GDWSI_PEERTABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "link.h"

/* All zero is an empty table. Invariant: at most half of the slots are taken. */
typedef struct gdwsi_peertable {
    gdwsi_link **slots;
    size_t capacity; /* a power of two, or 0 */
    size_t count;
} gdwsi_peertable;

/* Add a link under its id, which must not be in the table. Returns false without memory. */
bool gdwsi_peertable_add(gdwsi_peertable *table, gdwsi_link *link);

/* Remove a link that is in the table. */
void gdwsi_peertable_remove(gdwsi_peertable *table, const gdwsi_link *link);

/* Find a link. Returns NULL when there is none with this id. */
gdwsi_link *gdwsi_peertable_find(const gdwsi_peertable *table, int32_t id);

/* Write all ids, ascending, as far as capacity goes. Returns how many there are. */
size_t gdwsi_peertable_list(const gdwsi_peertable *table, int32_t *ids, size_t capacity);

void gdwsi_peertable_clear(gdwsi_peertable *table);

#endif
