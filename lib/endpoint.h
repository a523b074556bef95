/* SPDX-License-Identifier: MIT */
/* Endpoint: libwebsockets' vhost and protocol callback, which turns its events into calls of link.
 * The servers on a loop share one, and the clients that read the same amount at once share one:
 * libwebsockets chooses a vhost anew for each request, by its Host header, so that a vhost for each
 * server would not stay with its server. */
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

/* Get the endpoint of all servers on a loop. Returns OUT_OF_MEMORY, or INVALID_PARAMETER when
 * another server on the loop reads another amount at once. */
gdws_error gdwsi_endpoint_get_server(gdws_loop *loop, size_t read_size, gdwsi_endpoint **endpoint);

/* Get the endpoint of the clients on a loop that read this much at once. */
gdws_error gdwsi_endpoint_get_client(gdws_loop *loop, size_t read_size, gdwsi_endpoint **endpoint);

/* Give back what get gave. */
void gdwsi_endpoint_release(gdwsi_endpoint *endpoint);

/* Hand an accepted, non-blocking socket to libwebsockets. It is closed on failure. */
gdws_error gdwsi_endpoint_adopt(gdwsi_endpoint *endpoint, gdwsi_link *link, int descriptor);

/* Begin to connect to a numeric address. */
gdws_error gdwsi_endpoint_connect(gdwsi_endpoint *endpoint, gdwsi_link *link, const gdwsi_url *url,
                                  const char *address);

#endif
