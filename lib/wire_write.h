/* SPDX-License-Identifier: MIT */
/* Wire, writing: the handshake's text and the peer's queue go to the kernel. */
#ifndef GDWSI_WIRE_WRITE_H
#define GDWSI_WIRE_WRITE_H

#include <stdbool.h>
#include <stddef.h>

#include "link.h"

/* Send text of the handshake, and keep what the kernel does not take. Returns false when the
 * connection is broken or there is no memory. */
bool gdwsi_wire_send_text(gdwsi_link *link, const char *text, size_t length);

/* Go on with what was kept, the TLS layer's, too. Returns false when the connection is broken. */
bool gdwsi_wire_send_unsent(gdwsi_link *link);
bool gdwsi_wire_has_unsent(const gdwsi_link *link);

/* Send what the TLS layer has to send. Returns false when the connection is broken or there is no
 * memory for what the kernel does not take. */
bool gdwsi_wire_send_sealed(gdwsi_link *link);

/* All has been written: say so, by TLS where there is TLS and, on TCP, by its end. */
void gdwsi_wire_say_end(gdwsi_link *link, bool is_tcp_ended);

/* Have the transport called when the connection can take more. */
void gdwsi_wire_ask_for_writeable(gdwsi_link *link);

/* After a part of the last text: the connection is over once all of it has gone. */
void gdwsi_wire_end_text(gdwsi_link *link, bool is_alive);

/* Write a ping that is due, and what is queued, as far as the kernel takes it. Returns false when
 * the connection is broken. */
bool gdwsi_wire_write(gdwsi_link *link);

/* Send as much of a frame as the kernel takes now, past the queue, which is empty. Returns how many
 * bytes. */
size_t gdwsi_wire_send_at_once(gdwsi_link *link, const gdwsi_frame *frame, const void *payload);

#endif
