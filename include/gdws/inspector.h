/* SPDX-License-Identifier: MIT */
/**
 * The remote inspector: watch peers and packets live, in a browser.
 *
 * It serves one page on a port of its own, from the loop that the watched objects live on. Make it,
 * watch what is to be watched, and open gdws_inspector_get_url. The URL holds a random token;
 * whoever has it sees all packets, so it is as secret as they are.
 *
 * While no page is open, watching costs nothing. While one is, each packet is counted, and as many
 * are shown as the page takes (2,000 a second at most); how many were left out is shown, too. A
 * page that does not keep up holds up nothing and takes no memory.
 */
#ifndef GDWS_INSPECTOR_H
#define GDWS_INSPECTOR_H

#include "gdws/client.h"
#include "gdws/error.h"
#include "gdws/loop.h"
#include "gdws/multiplayer.h"
#include "gdws/server.h"

#ifdef __cplusplus
extern "C" {
#endif

/** An inspector. Opaque. Source: the tutorial's "Debug, Remote". Since 0.1. */
typedef struct gdws_inspector gdws_inspector;

/** The longest name of a watched object, in bytes. */
#define GDWS_INSPECTOR_NAME_MAX 63

/**
 * Take secrets out of a packet before a page sees it.
 *
 * name: of the watched object. id: of the peer.
 * payload: a copy of the packet's first length bytes, as many as are kept; it may be overwritten.
 *
 * Returns false to show nothing of the packet but its length. It runs in the middle of sending and
 * receiving, once for each packet that is shown, and must not call gdws.
 */
typedef bool (*gdws_inspector_redact)(const char *name, int32_t id, uint8_t *payload, size_t length,
                                      bool is_text, void *user);

/* Create */

/**
 * Make an inspector and begin to listen.
 *
 * loop: that of the objects that are to be watched.
 * address: as gdws_server_set_bind_ip's, but no unix socket; NULL is "127.0.0.1". On any other
 * address everybody on the way can read the token and the packets: there is no TLS here.
 * port: as gdws_server_listen's; 0 takes a free one.
 *
 * Returns NULL when it cannot listen, when there is no memory, or for a NULL loop or a bad address;
 * a log line says which. Since 0.1.
 */
GDWS_API gdws_inspector *gdws_inspector_new(gdws_loop *loop, const char *address, uint16_t port);

/* Configure: at any time */

/**
 * Watch a server and its peers, until the server is freed or gdws_inspector_unwatch.
 *
 * name: what the page calls it: 1 to GDWS_INSPECTOR_NAME_MAX bytes of UTF-8; copied.
 *
 * Returns INVALID_PARAMETER for a bad name and for an object on another loop, ALREADY_EXISTS when
 * it is watched or the name is in use, OUT_OF_MEMORY. Since 0.1.
 */
GDWS_API gdws_error gdws_inspector_watch_server(gdws_inspector *inspector, gdws_server *server,
                                                const char *name);

/** Watch a client, as gdws_inspector_watch_server does a server. Since 0.1. */
GDWS_API gdws_error gdws_inspector_watch_client(gdws_inspector *inspector, gdws_client *client,
                                                const char *name);

/** Watch a multiplayer session: the connections beneath and what goes over them, as bytes of its
 * wire. Since 0.1. */
GDWS_API gdws_error gdws_inspector_watch_multiplayer(gdws_inspector *inspector,
                                                     gdws_multiplayer *multiplayer,
                                                     const char *name);

/** Watch the object of this name no longer; DOES_NOT_EXIST when there is none. Since 0.1. */
GDWS_API gdws_error gdws_inspector_unwatch(gdws_inspector *inspector, const char *name);

/** Allow (true) a page to close peers; false is the default. Since 0.1. */
GDWS_API gdws_error gdws_inspector_set_allow_closing(gdws_inspector *inspector, bool allow);

/** Limit how much of each packet is kept for the page: 0 to 16 MiB, default 1 MiB, else
 *  PARAMETER_RANGE_ERROR. All that is kept takes at most 8 MiB, or one packet. Since 0.1. */
GDWS_API gdws_error gdws_inspector_set_payload_limit(gdws_inspector *inspector, size_t bytes);

/** Set what takes secrets out of packets; NULL shows all, the default. Since 0.1. */
GDWS_API gdws_error gdws_inspector_set_redact(gdws_inspector *inspector,
                                              gdws_inspector_redact redact, void *user);

/* Ask */

/** Give the URL to open, with its token. Lent as long as the inspector lives; "" for NULL. Since
 *  0.1. */
GDWS_API const char *gdws_inspector_get_url(const gdws_inspector *inspector);

/** Tell how many pages are open; there may be 8. Since 0.1. */
GDWS_API size_t gdws_inspector_get_page_count(const gdws_inspector *inspector);

/* Destroy */

/** Free an inspector. What it watched may be freed before or after it. Since 0.1. */
GDWS_API void gdws_inspector_free(gdws_inspector *inspector);

#ifdef __cplusplus
}
#endif

#endif
