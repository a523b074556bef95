/* SPDX-License-Identifier: MIT */
/* Wire, opening: the handshake as a link goes through it. */
#ifndef GDWSI_WIRE_OPENING_H
#define GDWSI_WIRE_OPENING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "link.h"
#include "url.h"

/* Prepare a client's request. Returns OUT_OF_MEMORY, or FAILED when there is no randomness. */
gdws_error gdwsi_wire_prepare(gdwsi_link *link, const gdwsi_url *url);

/* Send it. Returns false when the connection is broken or there is no memory. */
bool gdwsi_wire_send_request(gdwsi_link *link);

/* Take the head of a request or an answer, of which known bytes were looked at before, or an empty
 * line before a request. Returns its length, 0 while it is incomplete; all is used when nothing
 * good can come any more. */
size_t gdwsi_wire_shake_hands(gdwsi_link *link, uint8_t *bytes, size_t length, size_t known);

#endif
