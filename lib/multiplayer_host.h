/* SPDX-License-Identifier: MIT */
/* Multiplayer host: the server of a session, on gdws_server. */
#ifndef GDWSI_MULTIPLAYER_HOST_H
#define GDWSI_MULTIPLAYER_HOST_H

#include "multiplayer_room.h"

extern const gdwsi_multiplayer_role gdwsi_multiplayer_host;

/* Listen to the server's signals. */
gdws_error gdwsi_host_attach(gdws_multiplayer *multiplayer);

/* Send a packet to the target that is set. */
gdws_error gdwsi_host_put(gdws_multiplayer *multiplayer, const void *packet, size_t length);

/* Close a peer and ignore what it still sends. */
gdws_error gdwsi_host_disconnect(gdws_multiplayer *multiplayer, int32_t id, int code,
                                 const char *reason);

/* Signal peer_disconnected to all, because the object goes. */
void gdwsi_host_end(gdws_multiplayer *multiplayer);

#endif
