/* SPDX-License-Identifier: MIT */
/* Listener: a socket that accepts connections, bound to exactly the address that was asked for.
 * Knows nothing of WebSockets. */
#ifndef GDWSI_LISTENER_H
#define GDWSI_LISTENER_H

#include <stdbool.h>
#include <stdint.h>

#include <sys/types.h>

#include "gdws/error.h"
#include "loop.h"

#define GDWSI_LISTENER_TEXT 64

typedef struct gdwsi_listener gdwsi_listener;

/* A connection has been accepted: a non-blocking socket that the function takes over, and where it
 * comes from (numeric). */
typedef void (*gdwsi_listener_accepted)(void *user, int descriptor, const char *host,
                                        uint16_t port);

/* The longest address, "unix:" and a path. */
#define GDWSI_LISTENER_ADDRESS_MAX 127

typedef struct gdwsi_listener_options {
    char address[GDWSI_LISTENER_ADDRESS_MAX + 1];
    int backlog;
    bool shares_port; /* SO_REUSEPORT */
    mode_t unix_mode; /* of a unix socket's file */
} gdwsi_listener_options;

/* "*", 4096 connections, alone, for the owner. */
void gdwsi_listener_init_options(gdwsi_listener_options *options);

/* Whether listen can understand an address: "*", numeric, or "unix:" and a path. */
bool gdwsi_listener_is_address(const char *address);

/* Begin to listen. port 0 takes a free one; a unix socket has none. Returns INVALID_PARAMETER,
 * ALREADY_IN_USE, CANT_CREATE or OUT_OF_MEMORY. */
gdws_error gdwsi_listener_start(gdws_loop *loop, const gdwsi_listener_options *options,
                                uint16_t port, gdwsi_listener_accepted accepted, void *user,
                                gdwsi_listener **listener);

/* Stop; the port is free when this returns. */
void gdwsi_listener_stop(gdwsi_listener *listener);

uint16_t gdwsi_listener_port(const gdwsi_listener *listener);

/* Ask the system where a connected socket's other end is, as accepted tells it. Returns false when
 * there is none any more. */
bool gdwsi_listener_ask_origin(int descriptor, char host[GDWSI_LISTENER_TEXT], uint16_t *port);

#endif
