/* SPDX-License-Identifier: MIT */
/* Server: the struct, for server.c (peers and signals), server_admission.c (who may come in),
 * server_adopt.c (sockets that others have accepted) and server_options.c (all the rest). */
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
#include "tally.h"
#include "taps.h"
#include "tls_context.h"
#include "tls_options.h"

struct gdws_server {
    gdws_loop *loop;
    gdws_server_signals signals;
    gdwsi_config config;
    gdwsi_listener_options listening;
    gdwsi_tls_options tls;
    gdwsi_tls_context *tls_context; /* while it listens or adopts; NULL: ws */
    gdwsi_listener *listener;
    gdwsi_endpoint *endpoint;           /* while it listens */
    gdwsi_endpoint *adopting;           /* from the first socket that it adopts; NULL before */
    void *place;                        /* vhost's, on vhosts of the program; NULL without */
    void (*leave)(gdws_server *server); /* the place is to be left */
    gdwsi_link *links;                  /* all of them, those that shake hands, too */
    gdwsi_peertable peers;              /* those that were signalled as connected */
    gdwsi_link *first_untaken;
    gdwsi_link *last_untaken;
    int32_t current_id; /* whose signal is running */
    gdws_admission admission;
    void *admission_user;
    size_t max_peers; /* 0: no limit */
    size_t max_peers_per_address;
    size_t admitted;   /* peers that were let in and have not been released */
    gdwsi_tally tally; /* the same by address */
    gdwsi_taps taps;
    gdwsi_task burial;
    bool is_in_signal;
    bool is_freed;
};

/* Whether it listens or has begun to adopt. */
bool gdwsi_server_is_open(const gdws_server *server);

/* INVALID_PARAMETER without a server, ALREADY_IN_USE when it is open or on vhosts: what is fixed
 * then may not be changed. */
gdws_error gdwsi_server_check_idle(const gdws_server *server);

/* Make a link for a connection from there. Returns NULL without memory. */
gdwsi_link *gdwsi_server_add_link(gdws_server *server, const char *host, uint16_t port);

/* Let a link go. */
void gdwsi_server_release_link(gdws_server *server, gdwsi_link *link);

/* The config's admit. */
int gdwsi_server_admit(void *owner, gdwsi_link *link, gdws_request *request);

/* A link that may have been let in goes. */
void gdwsi_server_discount(gdws_server *server, gdwsi_link *link);

/* The end of free. */
void gdwsi_server_destroy(gdws_server *server);
/* Make the context for wss before listening, if there is to be one. */
gdws_error gdwsi_server_prepare_tls(gdws_server *server);

/* Free what belongs to the options for wss. */
void gdwsi_server_clear_tls(gdws_server *server);

#endif
