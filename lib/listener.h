/* SPDX-License-Identifier: MIT */
/* Listener: a socket that accepts connections, bound to exactly the address that was asked for.
 * Knows nothing of WebSockets. */
#ifndef GDWSI_LISTENER_H
#define GDWSI_LISTENER_H

#include <stdint.h>

#include "gdws/error.h"
#include "loop.h"

#define GDWSI_LISTENER_TEXT 64

typedef struct gdwsi_listener gdwsi_listener;

/* A connection has been accepted: a non-blocking socket that the function takes over, and where it
 * comes from (numeric). */
typedef void (*gdwsi_listener_accepted)(void *user, int descriptor, const char *host,
                                        uint16_t port);

/* Whether listen can understand an address: "*" or numeric. */
bool gdwsi_listener_is_address(const char *address);

/* Begin to listen. port 0 takes a free one. Returns INVALID_PARAMETER, ALREADY_IN_USE, CANT_CREATE
 * or OUT_OF_MEMORY. */
gdws_error gdwsi_listener_start(gdws_loop *loop, const char *address, uint16_t port,
                                gdwsi_listener_accepted accepted, void *user,
                                gdwsi_listener **listener);

/* Stop; the port is free when this returns. */
void gdwsi_listener_stop(gdwsi_listener *listener);

uint16_t gdwsi_listener_port(const gdwsi_listener *listener);

#endif
