/* SPDX-License-Identifier: MIT */
/* Wire: a link whose bytes we frame ourselves. libwebsockets makes, secures, polls and closes the
 * connection (its "raw" role); the handshake and the frames are ours. */
#ifndef GDWSI_WIRE_H
#define GDWSI_WIRE_H

#include <stddef.h>

#include <libwebsockets.h>

#include "link.h"

extern const gdwsi_link_transport gdwsi_wire_transport;

/* libwebsockets' callback. The opaque user data of a wsi is its link. */
int gdwsi_wire_event(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in,
                     size_t length);

#endif
