/* SPDX-License-Identifier: MIT */
/* Tally: how many peers each address has. Of IPv6 the first 64 bits count, because whoever has one
 * such address has all of them. */
#ifndef GDWSI_TALLY_H
#define GDWSI_TALLY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* All zero is an empty one. Fields are private to tally.c. */
typedef struct gdwsi_tally {
    struct gdwsi_tally_entry *entries;
    size_t capacity; /* 0 or a power of two */
    size_t used;
    size_t total;
} gdwsi_tally;

/* Count one more of this numeric address. Returns false without memory. What is no address is not
 * counted. */
bool gdwsi_tally_add(gdwsi_tally *tally, const char *address);

/* Count one less of an address that was added. */
void gdwsi_tally_remove(gdwsi_tally *tally, const char *address);

size_t gdwsi_tally_get(const gdwsi_tally *tally, const char *address);

void gdwsi_tally_clear(gdwsi_tally *tally);

#endif
