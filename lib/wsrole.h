/* SPDX-License-Identifier: MIT */
/* Wsrole: a link whose frames libwebsockets encodes and decodes (its "ws" role), for connections
 * where it has to: those with an extension, and those of a libwebsockets program. */
#ifndef GDWSI_WSROLE_H
#define GDWSI_WSROLE_H

#include <stddef.h>

#include <libwebsockets.h>

#include "link.h"

extern const gdwsi_link_transport gdwsi_wsrole_transport;

/* libwebsockets' callback. The opaque user data of a wsi is its link. */
int gdwsi_wsrole_event(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in,
                       size_t length);

#endif
