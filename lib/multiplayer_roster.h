/* SPDX-License-Identifier: MIT */
/* Multiplayer roster: who is in the session, ascending by id. */
#ifndef GDWSI_MULTIPLAYER_ROSTER_H
#define GDWSI_MULTIPLAYER_ROSTER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "gdws/peer.h"
#include "pktq.h"

/* One participant. All but the id belongs to room and host. */
typedef struct gdwsi_member gdwsi_member;
struct gdwsi_member {
    int32_t id;
    gdws_peer *peer; /* its connection, lent; NULL on a client for other clients */

    /* Inwards: the message that was taken from its queue and could not be dealt with yet. */
    const uint8_t *held; /* lent by the peer; NULL: none */
    size_t held_length;
    bool is_waiting; /* on the list of those whose packets wait */
    gdwsi_member *next_waiting;
    gdwsi_member *previous_waiting;
    bool is_kicked; /* what it sends is ignored */

    /* Outwards: messages that its connection had no room for. */
    bool is_given_up; /* it missed something: it gets nothing more, and is closed */
    bool is_behind;
    uint64_t behind_since; /* loop time */
    bool is_awaited; /* a put was refused because of it: drained is owed when it may be tried */
    bool has_turn;   /* that was signalled: the next put may come behind the backlog */
    gdwsi_pktq backlog;
};

/* All zero is an empty roster. Invariant: ids[i] is members[i]->id, and they ascend. */
typedef struct gdwsi_roster {
    int32_t *ids;
    gdwsi_member **members;
    size_t count;
    size_t capacity;
} gdwsi_roster;

/* Make a member, whose id must not be in the roster. pool: for its backlog. Returns NULL without
 * memory. */
gdwsi_member *gdwsi_roster_add(gdwsi_roster *roster, int32_t id, gdws_peer *peer, gdwsi_pool *pool);

/* Find a member. Returns NULL when there is none with this id. */
gdwsi_member *gdwsi_roster_find(const gdwsi_roster *roster, int32_t id);

/* Take a member off the roster. It is to be freed. */
void gdwsi_roster_remove(gdwsi_roster *roster, const gdwsi_member *member);

/* Free a member that is on no roster. */
void gdwsi_roster_free_member(gdwsi_member *member);

/* Free what a roster is made of, once nobody is on it. */
void gdwsi_roster_clear(gdwsi_roster *roster);

#endif
