/* SPDX-License-Identifier: MIT */
/* Multiplayer room: what server and client of a session share: the object, its queue, those whose
 * packets wait, and the time. Connections are made and used by host and guest. */
#ifndef GDWSI_MULTIPLAYER_ROOM_H
#define GDWSI_MULTIPLAYER_ROOM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "gdws/multiplayer.h"
#include "loop.h"
#include "multiplayer_roster.h"
#include "pktq.h"

/* Without memory something waits that no event will wake: it is tried again after this time. */
#define GDWSI_ROOM_RETRY_MS 250u

/* What a role does when the room asks. */
typedef struct gdwsi_multiplayer_role {
    /* Deal with member->held, and set it to NULL unless false is returned: then it must wait. May
     * signal, and so free the object, once held is NULL. */
    bool (*handle)(gdws_multiplayer *multiplayer, gdwsi_member *member);
    /* Look at what has a deadline; it is called at the latest when the next one has passed. */
    void (*check_time)(gdws_multiplayer *multiplayer, uint64_t now);
    /* Give the loop time of the next deadline; 0 for none. */
    uint64_t (*next_deadline)(const gdws_multiplayer *multiplayer, uint64_t now);
} gdwsi_multiplayer_role;

struct gdws_multiplayer {
    gdws_loop *loop;
    gdws_server *server;
    gdws_client *client;
    gdws_multiplayer_signals signals;
    gdws_multiplayer_wire wire;
    const gdwsi_multiplayer_role *role; /* NULL before create_server and create_client */
    int32_t target;
    gdwsi_roster roster; /* who was signalled as connected */

    /* Packets for the program: the sender's id stands before each. */
    gdwsi_pktq inbox;
    size_t inbox_bytes;
    size_t inbox_packets;

    /* Those who have packets that were signalled to us and wait, a round each. */
    gdwsi_member *first_waiting;
    gdwsi_member *last_waiting;

    /* For the server. */
    size_t behind; /* how many members are */
    uint32_t stall_timeout_ms;

    /* For a client. */
    gdwsi_member uplink; /* the connection; never on the roster */
    gdws_connection_status status;
    gdws_connection_status ended; /* what a session was whose last signal is still owed */
    int32_t unique_id;
    uint32_t greeting_timeout_ms;
    uint64_t greeting_since;    /* loop time */
    uint64_t greeting_deadline; /* loop time; 0: none */
    bool has_looked;            /* it has passed, and the socket was read once more */
    bool is_refused;            /* the server's greeting was wrong or late */
    bool has_succeeded;         /* connection_succeeded has been signalled */
    char message[160];

    bool owes_close;   /* who is given up, or on a client the server, could not be closed yet */
    bool owes_drained; /* a put was refused, and may be tried again, or soon */

    uint8_t *scratch; /* where a header is put before a packet */
    size_t scratch_size;

    gdwsi_task task; /* something waits for a turn, or the timer has fired */
    gdwsi_task burial;
    uv_timer_t *timer;
    bool is_freed;
};

/* Whether the queue takes no more. */
bool gdwsi_room_is_full(const gdws_multiplayer *multiplayer);

/* Whether it does not even take the last words of those who have left: twice as much is in it. */
bool gdwsi_room_is_overfull(const gdws_multiplayer *multiplayer);

/* Queue a packet for the program. Returns false without memory. The signal is the caller's. */
bool gdwsi_room_keep(gdws_multiplayer *multiplayer, int32_t from, const uint8_t *payload,
                     size_t length);

/* A packet of this member has arrived: deal with it, or let it wait. */
void gdwsi_room_receive(gdws_multiplayer *multiplayer, gdwsi_member *member);

/* Whoever waits is to be looked at again, in this poll or the next. */
void gdwsi_room_wake(gdws_multiplayer *multiplayer);

/* The member goes: it waits no longer. */
void gdwsi_room_forget(gdws_multiplayer *multiplayer, gdwsi_member *member);

/* Deadlines have changed. */
void gdwsi_room_set_timer(gdws_multiplayer *multiplayer);

/* Put a header of this length before a packet. Returns the message, whose header is still to be
 * written, or NULL without memory; lent until the next call. */
uint8_t *gdwsi_room_compose(gdws_multiplayer *multiplayer, size_t header, const void *packet,
                            size_t length);

/* Signals; the object may be freed afterwards (is_freed tells). */
void gdwsi_room_signal_connected(gdws_multiplayer *multiplayer, int32_t id);
void gdwsi_room_signal_disconnected(gdws_multiplayer *multiplayer, int32_t id);
void gdwsi_room_signal_packet(gdws_multiplayer *multiplayer, int32_t id);
void gdwsi_room_signal_drained(gdws_multiplayer *multiplayer, int32_t id);

/* What gdwsi_task.run is for multiplayer->task. */
void gdwsi_room_run(gdwsi_task *task);

/* Take the member's next packet as held, if there is one. Returns whether something is held. */
bool gdwsi_room_take(gdwsi_member *member);

#endif
