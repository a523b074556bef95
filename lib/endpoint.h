/* SPDX-License-Identifier: MIT */
/* Endpoint: where connections come from, libwebsockets' vhosts. All links whose bytes we frame
 * ourselves share one on a loop. Where libwebsockets frames, the servers share one (it chooses a
 * vhost anew for each request, by its Host header, so that a vhost for each server would not stay
 * with its server), and so do the clients that read the same amount at once. */
#ifndef GDWSI_ENDPOINT_H
#define GDWSI_ENDPOINT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "config.h"
#include "gdws/error.h"
#include "link.h"
#include "loop.h"
#include "url.h"

typedef struct gdwsi_endpoint gdwsi_endpoint;

/* Get the endpoint for connections of a config. Returns OUT_OF_MEMORY, or INVALID_PARAMETER when
 * libwebsockets is to frame and another server on the loop reads another amount at once. */
gdws_error gdwsi_endpoint_get(gdws_loop *loop, const gdwsi_config *config, bool is_client,
                              gdwsi_endpoint **endpoint);

/* Get the endpoint for connections that we frame ourselves, whatever the config says about that.
 * Returns OUT_OF_MEMORY. */
gdws_error gdwsi_endpoint_get_wire(gdws_loop *loop, const gdwsi_config *config,
                                   gdwsi_endpoint **endpoint);

/* Give back what get gave. */
void gdwsi_endpoint_release(gdwsi_endpoint *endpoint);

/* Hand an accepted, non-blocking socket to libwebsockets. It is closed on failure. */
gdws_error gdwsi_endpoint_adopt(gdwsi_endpoint *endpoint, gdwsi_link *link, int descriptor);

/* Begin to connect to a numeric address. */
gdws_error gdwsi_endpoint_connect(gdwsi_endpoint *endpoint, gdwsi_link *link, const gdwsi_url *url,
                                  const char *address);

#endif
