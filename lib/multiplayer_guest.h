/* SPDX-License-Identifier: MIT */
/* Multiplayer guest: a client in a session, on gdws_client. */
#ifndef GDWSI_MULTIPLAYER_GUEST_H
#define GDWSI_MULTIPLAYER_GUEST_H

#include "multiplayer_room.h"

extern const gdwsi_multiplayer_role gdwsi_multiplayer_guest;

/* Listen to the client's signals. */
gdws_error gdwsi_guest_attach(gdws_multiplayer *multiplayer);

/* The client has begun to connect. */
void gdwsi_guest_begin(gdws_multiplayer *multiplayer);

/* Send a packet to the target that is set. */
gdws_error gdwsi_guest_put(gdws_multiplayer *multiplayer, const void *packet, size_t length);

/* Change how long the id may take, also where the wait for it has begun. */
void gdwsi_guest_set_timeout(gdws_multiplayer *multiplayer, uint32_t timeout_ms);

/* Close the connection, or give up connecting; without memory a moment later. */
void gdwsi_guest_leave(gdws_multiplayer *multiplayer);

/* The session is over: signal what is owed. */
void gdwsi_guest_end(gdws_multiplayer *multiplayer);

#endif
