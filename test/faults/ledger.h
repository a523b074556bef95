/* SPDX-License-Identifier: MIT */
/* The ledger: each end of a connection is a talker, who sends numbered messages and books what he
 * hears from the other end. */
#ifndef LEDGER_H
#define LEDGER_H

#include "seed.h"

#define TALKERS_MAX 512

typedef struct talker {
    int serial; /* from 1 */
    bool is_server;
    int client;  /* whose; -1 on a server */
    int32_t id;  /* on a server */
    int partner; /* the other end's serial, once something has come of it */
    uint32_t put;
    uint32_t got;
    bool is_over;
    bool is_clean;
} talker;

typedef struct ledger {
    const plan *all;
    outcome *result;
    uint64_t dice;
    bool is_over; /* what ends now is not lost */
    int count;
    talker talkers[TALKERS_MAX];
} ledger;

/* Give a new talker; NULL when there are too many. */
talker *ledger_enter(ledger *book, bool is_server, int client, int32_t id);

/* Send some of what is still to be sent. */
void ledger_talk(ledger *book, talker *one, gdws_peer *peer);

/* Take all packets that have arrived, and book them. */
void ledger_listen(ledger *book, talker *one, gdws_peer *peer);

/* The connection has ended for one end. */
void ledger_end(ledger *book, talker *one, gdws_peer *peer, bool was_clean);

/* Whether both ends have sent and heard all. */
bool ledger_is_complete(const ledger *book, const talker *one);

/* When all is over: what came must be what was put. */
void ledger_audit(const ledger *book);

#endif
