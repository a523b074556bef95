/* SPDX-License-Identifier: MIT */
/* A multiplayer server with clients, all on one loop, that write down their signals. */
#ifndef PARTY_H
#define PARTY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "gdws/gdws.h"
#include "rawsock.h"
#include "world.h"

#define PARTY_MAX 8

/* One object and what it was told. log has a word for each signal: +ID, -ID, ok, fail, over, pID.
 */
typedef struct guest {
    gdws_multiplayer *mp;
    char log[1024];
    int connected;
    int disconnected;
    int succeeded;
    int failed;
    int over;
    int packets;
    int drained;
    int32_t last_id;
    void (*on_packet)(struct guest *one);
    void (*on_peer_connected)(struct guest *one);
    void (*on_peer_disconnected)(struct guest *one);
} guest;

typedef struct party {
    gdws_loop *loop;
    guest host;
    guest guests[PARTY_MAX];
    size_t count;
    gdws_multiplayer_wire wire;
} party;

/* Make the loop and a server that listens on a free port of 127.0.0.1. */
void party_init(party *p, gdws_multiplayer_wire wire);

/* The same in two steps. */
void party_init_idle(party *p, gdws_multiplayer_wire wire);
void party_listen(party *p);

/* Make an object that notes its signals. */
void party_make(party *p, guest *one);

/* Add a client and wait until it is connected and everybody knows. Returns its id. */
int32_t party_join(party *p);

/* Connect a client, without waiting. */
void party_connect(party *p, guest *one);

uint16_t party_port(party *p);

/* Free everything, and assert that nothing is left and that each signal had its counterpart. */
void party_free(party *p);

/* Send a text to a target. */
void party_say(guest *one, int32_t target, const char *text);

/* Wait for a packet and assert who sent it and what it says. */
void party_expect(party *p, guest *one, int32_t from, const char *text);

#endif
