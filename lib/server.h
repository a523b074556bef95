/* SPDX-License-Identifier: MIT */
/* Server: the struct, for server.c (peers and signals) and server_options.c (all the rest). */
#ifndef GDWSI_SERVER_H
#define GDWSI_SERVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "config.h"
#include "endpoint.h"
#include "gdws/server.h"
#include "link.h"
#include "listener.h"
#include "loop.h"
#include "peertable.h"
#include "tls_context.h"
#include "tls_options.h"

struct gdws_server {
    gdws_loop *loop;
    gdws_server_signals signals;
    gdwsi_config config;
    gdwsi_tls_options tls;
    gdwsi_tls_context *tls_context; /* while it listens; NULL: ws */
    char bind_ip[GDWSI_LISTENER_TEXT];
    gdwsi_listener *listener;
    gdwsi_endpoint *endpoint;
    gdwsi_link *links;     /* all of them, those that shake hands, too */
    gdwsi_peertable peers; /* those that were signalled as connected */
    gdwsi_link *first_untaken;
    gdwsi_link *last_untaken;
    int32_t current_id; /* whose signal is running */
    gdwsi_task burial;
    bool is_in_signal;
    bool is_freed;
};

/* Make the context for wss before listening, if there is to be one. */
gdws_error gdwsi_server_prepare_tls(gdws_server *server);

/* Free what belongs to the options for wss. */
void gdwsi_server_clear_tls(gdws_server *server);

#endif
