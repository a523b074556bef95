/* SPDX-License-Identifier: MIT */
/**
 * A server inside of a program that runs libwebsockets itself.
 *
 * gdws gives an entry for the table of protocols of the program's own vhost. Clients that connect
 * to that vhost and ask for the entry's name become peers of the gdws server, with its queues,
 * limits and signals; the program's HTTP and its other protocols go on as before. libwebsockets'
 * loop, of whatever kind, drives gdws: signals run inside of lws_service, and what was queued is
 * written once for each pass. There is nothing to poll.
 *
 * This header alone includes libwebsockets.h, and gdws.h does not include it.
 */
#ifndef GDWS_LWS_H
#define GDWS_LWS_H

#include <libwebsockets.h>

#include "gdws/error.h"
#include "gdws/server.h"

#ifdef __cplusplus
extern "C" {
#endif

/**
 * Fill an entry of a table of protocols. Make the server and set its options first: what may not be
 * changed while a server listens is fixed from now on, for good.
 *
 * name: the subprotocol by which clients choose the entry, 1 to 63 bytes of a token; lent, as long
 * as there is a vhost with the entry. Clients that name no subprotocol get the first entry of the
 * table, as always with libwebsockets, or the one that a per-vhost option makes the default. A
 * server may have several entries; gdws_server_set_supported_protocols counts for nothing here.
 * protocol: receives the entry. It may be put on any number of vhosts of one context, while the
 * server lives.
 *
 * What differs from a server that listens:
 * - libwebsockets reads the request: its limits and timeouts for that are the vhost's, headers that
 *   it does not know are not seen, and wss is what the vhost has. It also frames what comes, see
 * the README for what it takes that RFC 6455 forbids. WebSockets over HTTP/2 are refused: a vhost
 * with TLS needs the option alpn = "http/1.1". Without it libwebsockets 4.1 also loses some 200
 *   bytes with each that is refused.
 * - All of the server's loop lives in the context's thread: its clients, timers and wakeups, too.
 *   Call gdws in that thread only, inside of callbacks of libwebsockets or between calls of
 *   lws_service. gdws_server_poll may be called but need not be, gdws_server_wait sees no peer.
 * - gdws_server_stop closes the peers; new ones still come in. See
 *   gdws_server_set_refuse_new_connections.
 * - Vhost, context, server and loop may go in any order, but not the context inside of a signal.
 * When the context goes, all peers get their client_disconnected; when the server goes, the vhost
 * stays and refuses. lws_vhost_destroy closes no connections in libwebsockets 4.1, those of peers
 *   neither: call gdws_server_stop before.
 * - gdws_loop_new sends libwebsockets' log lines to gdws_set_log_callback. A program that wants
 * them itself calls lws_set_log_level after it has made its servers.
 *
 * Returns INVALID_PARAMETER for a bad name, OUT_OF_MEMORY, UNAVAILABLE inside of free. Since 0.1.
 */
GDWS_API gdws_error gdws_server_init_lws_protocol(gdws_server *server, const char *name,
                                                  struct lws_protocols *protocol);

#ifdef __cplusplus
}
#endif

#endif
