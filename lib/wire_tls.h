/* SPDX-License-Identifier: MIT */
/* Wire, TLS: the securing of a link, before and under its handshake. */
#ifndef GDWSI_WIRE_TLS_H
#define GDWSI_WIRE_TLS_H

#include <stddef.h>
#include <stdint.h>

#include "link.h"
#include "tls.h"

/* A new link is to be secured. host: as gdwsi_tls_new's. Returns OUT_OF_MEMORY. */
gdws_error gdwsi_wire_tls_start(gdwsi_link *link, gdwsi_tls_context *context, const char *host);

/* A client's connection has been made: begin. */
void gdwsi_wire_tls_connected(gdwsi_link *link);

/* Bytes have arrived. take: takes plaintext. The link may be dropped or killed by it. Returns true
 * when the other side has ended the connection. */
bool gdwsi_wire_tls_receive(gdwsi_link *link, uint8_t *bytes, size_t length,
                            void (*take)(gdwsi_link *link, uint8_t *bytes, size_t length));

/* The connection has gone. */
void gdwsi_wire_tls_free(gdwsi_link *link);

#endif
