/* SPDX-License-Identifier: MIT */
/* The roster: two arrays side by side, because ids alone are looked through. */
#include "multiplayer_roster.h"

#include <string.h>

#include "mem.h"

#define CAPACITY_MIN 8

/* Where the id is or would be. */
static size_t place_of(const gdwsi_roster *roster, int32_t id)
{
    size_t low = 0;
    size_t high = roster->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (roster->ids[middle] < id) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

/* Make room for one more. Returns false without memory, with the roster as it was. */
static bool reserve(gdwsi_roster *roster)
{
    if (roster->count < roster->capacity) {
        return true;
    }
    size_t capacity = roster->capacity > 0 ? roster->capacity * 2 : CAPACITY_MIN;
    int32_t *ids = gdwsi_mem_realloc(roster->ids, capacity * sizeof(*ids));
    if (ids == NULL) {
        return false;
    }
    roster->ids = ids;
    gdwsi_member **members = gdwsi_mem_realloc(roster->members, capacity * sizeof(gdwsi_member *));
    if (members == NULL) {
        return false;
    }
    roster->members = members;
    roster->capacity = capacity;
    return true;
}

gdwsi_member *gdwsi_roster_add(gdwsi_roster *roster, int32_t id, gdws_peer *peer, gdwsi_pool *pool)
{
    gdwsi_member *member = gdwsi_mem_calloc(1, sizeof(*member));
    if (member == NULL || !reserve(roster)) {
        gdwsi_mem_free(member);
        return NULL;
    }
    member->id = id;
    member->peer = peer;
    gdwsi_pktq_init(&member->backlog, pool);
    size_t place = place_of(roster, id);
    size_t behind = roster->count - place;
    memmove(roster->ids + place + 1, roster->ids + place, behind * sizeof(*roster->ids));
    memmove(roster->members + place + 1, roster->members + place, behind * sizeof(gdwsi_member *));
    roster->ids[place] = id;
    roster->members[place] = member;
    roster->count++;
    return member;
}

gdwsi_member *gdwsi_roster_find(const gdwsi_roster *roster, int32_t id)
{
    size_t place = place_of(roster, id);
    return place < roster->count && roster->ids[place] == id ? roster->members[place] : NULL;
}

void gdwsi_roster_remove(gdwsi_roster *roster, const gdwsi_member *member)
{
    size_t place = place_of(roster, member->id);
    size_t behind = roster->count - place - 1;
    memmove(roster->ids + place, roster->ids + place + 1, behind * sizeof(*roster->ids));
    memmove(roster->members + place, roster->members + place + 1, behind * sizeof(gdwsi_member *));
    roster->count--;
}

void gdwsi_roster_free_member(gdwsi_member *member)
{
    gdwsi_pktq_clear(&member->backlog);
    gdwsi_mem_free(member);
}

void gdwsi_roster_clear(gdwsi_roster *roster)
{
    gdwsi_mem_free(roster->ids);
    gdwsi_mem_free(roster->members);
    memset(roster, 0, sizeof(*roster));
}
