/* SPDX-License-Identifier: MIT */
/* Client: the struct, for client.c (connecting and signals), client_reconnect.c (when it tries
 * again) and client_options.c (all the rest). */
#ifndef GDWSI_CLIENT_H
#define GDWSI_CLIENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "backoff.h"
#include "config.h"
#include "endpoint.h"
#include "gdws/client.h"
#include "link.h"
#include "loop.h"
#include "resolver.h"
#include "taps.h"
#include "tls_context.h"
#include "tls_options.h"
#include "url.h"

struct gdws_client {
    gdws_loop *loop;
    gdws_client_signals signals;
    gdwsi_config config;
    gdwsi_tls_options tls;
    gdwsi_tls_context *tls_context; /* NULL until the options are used */
    gdwsi_url url;
    gdwsi_lookup *lookup;
    gdwsi_addresses addresses;
    size_t next_address;
    uint64_t deadline; /* loop time, for all addresses together */
    gdwsi_endpoint *endpoint;
    gdwsi_link *link;
    gdws_connection_status status;
    gdws_error error;
    int http_status;
    char message[256];
    gdwsi_taps taps;
    gdwsi_task failure; /* connection_error is owed, or the next address is to be tried */
    gdwsi_task burial;
    uv_timer_t *timer; /* of the lookup, or of the wait for the next attempt */

    /* Trying again. From the failure on is_waiting says that there will be an attempt; its timer
     * runs from the signal reconnecting on. */
    gdwsi_backoff backoff;
    uint64_t connected_at; /* loop time */
    uint32_t delay_ms;     /* of the attempt that is waited for */
    unsigned plans;        /* counts changes of mind */
    bool is_waiting;
    bool is_announced;
    bool is_leaving; /* the program has asked to close: no more attempts */

    bool is_in_signal;
    bool is_freed;
};

/* Whether connecting, connected, or a connection_closed is still owed; not while waiting for the
 * next attempt. */
bool gdwsi_client_is_busy(const gdws_client *client);

/* Make the context for wss if it is not there. reason: receives a static text when that fails. */
gdws_error gdwsi_client_prepare_tls(gdws_client *client, const char **reason);

/* Free what belongs to the options for wss. */
void gdwsi_client_clear_tls(gdws_client *client);

/* Of client_reconnect.c */

/* The connection could not be made, or it has ended: decide whether there will be another attempt.
 * Sets the status to CONNECTING or DISCONNECTED. */
void gdwsi_client_plan_after_error(gdws_client *client);
void gdwsi_client_plan_after_end(gdws_client *client);

/* After the signal for that, whose handler may have changed the plan: start to wait. plan: what
 * plans was when it was made. */
void gdwsi_client_announce(gdws_client *client, unsigned plan);

/* There will be no attempt. */
void gdwsi_client_cancel_plan(gdws_client *client);

/* Of client.c: make the next attempt. */
void gdwsi_client_try_again(gdws_client *client);

#endif
