/* SPDX-License-Identifier: MIT */
/* Wsrole: a link whose frames libwebsockets encodes and decodes (its "ws" role), for connections
 * where it has to: those with an extension, and those of a libwebsockets program. What
 * libwebsockets 4.1 does otherwise than RFC 6455 there: unmasked frames of clients, masked frames
 * of servers and overlong lengths are taken; of several pings at once the oldest is answered; Close
 * codes 1012 to 1014 and those that may not be sent are seen as 1002; a Close that comes while it
 * holds output back ends the connection without an answer; a client checks text of up to a read
 * when the frame is whole; a header whose name is the beginning of one that it knows breaks the
 * handshake. */
#ifndef GDWSI_WSROLE_H
#define GDWSI_WSROLE_H

#include <stddef.h>

#include <libwebsockets.h>

#include "link.h"

extern const gdwsi_link_transport gdwsi_wsrole_transport;

/* The same for a server's link, but what it writes are our frames, many at once: libwebsockets
 * passes them on as they are. Each write holds whole frames, between which its own may land. */
extern const gdwsi_link_transport gdwsi_wsrole_bulk_transport;

/* libwebsockets' callback. The opaque user data of a wsi is its link. */
int gdwsi_wsrole_event(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in,
                       size_t length);

/* What happens to an open connection, the end of the wsi excepted: to be returned to
 * libwebsockets. */
int gdwsi_wsrole_open_event(gdwsi_link *link, enum lws_callback_reasons reason, void *in,
                            size_t length);

#endif
