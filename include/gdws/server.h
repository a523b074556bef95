/* SPDX-License-Identifier: MIT */
/**
 * A server: many peers, inwards.
 *
 * Make it, set what is to be set, listen, then poll. Each client that has shaken hands gets an id;
 * whoever uses no signals takes ids with gdws_server_take_connection or asks for all of them with
 * gdws_server_get_peer_list.
 */
#ifndef GDWS_SERVER_H
#define GDWS_SERVER_H

#include "gdws/error.h"
#include "gdws/loop.h"
#include "gdws/peer.h"
#include "gdws/request.h"

#ifdef __cplusplus
extern "C" {
#endif

/** A server. Opaque. Source: Godot 3 WebSocketServer. Since 0.1. */
typedef struct gdws_server gdws_server;

/**
 * What a server tells. Each function may be NULL. Each gets the server, the peer's id and the user
 * pointer.
 *
 * size must be sizeof(gdws_server_signals): the struct may grow in later versions.
 */
typedef struct gdws_server_signals {
    size_t size;
    void *user;
    /** A client has connected. protocol: the subprotocol agreed on, "" for none; lent. */
    void (*client_connected)(gdws_server *server, int32_t id, const char *protocol, void *user);
    /** A packet of this peer has arrived, once for each; it waits in the peer's queue. */
    void (*data_received)(gdws_server *server, int32_t id, void *user);
    /** The client has sent a Close frame. code: as gdws_peer_get_close_code. reason: lent. */
    void (*client_close_request)(gdws_server *server, int32_t id, int code, const char *reason,
                                 void *user);
    /** The peer is gone; its pointer and its last packet are valid until this returns. was_clean:
     *  both Close frames were seen. */
    void (*client_disconnected)(gdws_server *server, int32_t id, bool was_clean, void *user);
    /** The peer's outbound queue was full or had to wait for the network, and is empty again. */
    void (*drained)(gdws_server *server, int32_t id, void *user);
} gdws_server_signals;

/**
 * Decide whether a client may come in.
 *
 * request: what the client says; lent until the function returns.
 * user: what was given to gdws_server_set_admission.
 *
 * Returns true to let it in, false to answer with 403 or what gdws_request_set_refusal was given.
 * It runs inside of poll and wait; all that may be done in a signal may be done here.
 */
typedef bool (*gdws_admission)(gdws_server *server, gdws_request *request, void *user);

/** Called once for each header of an answer. name, value: lent. user: what was handed along. */
typedef void (*gdws_header_function)(const char *name, const char *value, void *user);

/* Create */

/**
 * Make a server.
 *
 * loop: the loop to live on; NULL makes one of its own.
 *
 * Returns NULL when there is no memory or no descriptor. Source: Godot WebSocketServer.new. Since
 * 0.1.
 */
GDWS_API gdws_server *gdws_server_new(gdws_loop *loop);

/* Configure: before listen and before the first socket is adopted; ALREADY_IN_USE from then until
 * stop, unless said otherwise */

/**
 * Say what to call when something happens. May be called at any time.
 *
 * signals: copied; NULL calls nothing any more. INVALID_PARAMETER when its size is wrong. Since
 * 0.1.
 */
GDWS_API gdws_error gdws_server_set_signals(gdws_server *server,
                                            const gdws_server_signals *signals);

/**
 * Choose the address to listen on.
 *
 * address: "*", the default, is all of IPv4 and IPv6; a numeric IPv4 or IPv6 address is that one
 * alone ("0.0.0.0" and "::" are all of one family). "unix:" and a path is a unix socket, whose file
 * is made by listen and removed by stop; listen's port counts for nothing then.
 *
 * Returns INVALID_PARAMETER for anything else. Source: Godot WebSocketServer.bind_ip. Since 0.1.
 */
GDWS_API gdws_error gdws_server_set_bind_ip(gdws_server *server, const char *address);

/** Give that address, as it was set. Lent until it is set anew. Source: Godot
 *  WebSocketServer.get_bind_ip. Since 0.1. */
GDWS_API const char *gdws_server_get_bind_ip(const gdws_server *server);

/** Set who may connect to a unix socket, by the mode of its file: 0 to 0777, default 0600, the
 *  owner alone. PARAMETER_RANGE_ERROR otherwise. Since 0.1. */
GDWS_API gdws_error gdws_server_set_unix_mode(gdws_server *server, unsigned mode);

/** Limit how many connections wait in the kernel until a poll takes them: 1 to 65535, default 4096,
 *  else PARAMETER_RANGE_ERROR. The system may have a lower limit. Source: listen(2). Since 0.1. */
GDWS_API gdws_error gdws_server_set_backlog(gdws_server *server, unsigned connections);

/** Share (true) the port with other servers that do, in this process or others: the kernel deals
 *  the connections out, as to one server for each thread. Off by default. Source: SO_REUSEPORT of
 *  socket(7). Since 0.1. */
GDWS_API gdws_error gdws_server_set_shares_port(gdws_server *server, bool enabled);

/**
 * Name the subprotocols that the server speaks (RFC 6455 section 1.9). A client that offers some
 * gets the first of its own list that is among them, or is refused with 400 when there is none.
 * Without a list, the default, it gets the first that it offers.
 *
 * protocols, count: as gdws_client_set_supported_protocols's. A client that offers none is let in.
 *
 * Source: Godot WebSocketServer.listen's protocols, Godot 4 supported_protocols. Since 0.1.
 */
GDWS_API gdws_error gdws_server_set_supported_protocols(gdws_server *server,
                                                        const char *const *protocols, size_t count);

/**
 * Add headers to the answer that accepts a handshake.
 *
 * headers, count: as gdws_client_set_handshake_headers's.
 *
 * Source: Godot 3.5 WebSocketServer.set_extra_headers, Godot 4 handshake_headers. Since 0.1.
 */
GDWS_API gdws_error gdws_server_set_extra_headers(gdws_server *server, const char *const *headers,
                                                  size_t count);

/**
 * Say from which web pages browsers may connect. Others are refused with 403; clients that send no
 * Origin header are no browsers and are let in. Allowed ones get Access-Control-Allow-Origin. May
 * be called at any time.
 *
 * origins: count strings: "https://example.org", "http://localhost:8000", "*.example.org" (all its
 * subdomains, any scheme and port), the same behind a scheme, "null" (files and sandboxes), "*"
 * (all, as with count 0, the default).
 *
 * Returns INVALID_PARAMETER for anything else. Source: RFC 6455 section 10.2. Since 0.1.
 */
GDWS_API gdws_error gdws_server_set_allowed_origins(gdws_server *server, const char *const *origins,
                                                    size_t count);

/** Refuse (true) new handshakes with 503, or let them in again. May be called at any time; peers
 * that are there stay. Source: Godot refuse_new_connections. Since 0.1. */
GDWS_API void gdws_server_set_refuse_new_connections(gdws_server *server, bool refuse);

/** Tell whether new handshakes are refused. Source: Godot is_refusing_new_connections. Since 0.1.
 */
GDWS_API bool gdws_server_is_refusing_new_connections(const gdws_server *server);

/**
 * Have a function decide about each handshake that is in order and that nothing else refuses. May
 * be called at any time.
 *
 * admission: the function; NULL, the default, lets all in. user: handed to it.
 *
 * Files of the document root are not asked about. Source: proposals of Godot's users; RFC 6455
 * section 4.2.2. Since 0.1.
 */
GDWS_API gdws_error gdws_server_set_admission(gdws_server *server, gdws_admission admission,
                                              void *user);

/** Limit how many peers there are at once, those included whose client_disconnected is still to
 * come: more are refused with 503. 0, the default: no limit. May be called at any time. Since 0.1.
 */
GDWS_API gdws_error gdws_server_set_max_peers(gdws_server *server, size_t peers);

/** Limit how many peers one address has at once, as gdws_server_set_max_peers does. All IPv6
 *  addresses with the same first 64 bits are one; unix sockets have none. Since 0.1. */
GDWS_API gdws_error gdws_server_set_max_peers_per_address(gdws_server *server, size_t peers);

/** Limit the head of each request: 256 bytes to 32 KiB, default 8 KiB; longer ones are refused with
 *  431. May be called at any time. Since 0.1. */
GDWS_API gdws_error gdws_server_set_max_request_size(gdws_server *server, size_t bytes);

/**
 * Serve the files of a directory to GET and HEAD on the same port, so that one process hosts a
 * game's web build and its WebSocket. May be called at any time.
 *
 * directory: opened now: when another is put in its place, set it anew. NULL, the default: plain
 * HTTP is answered with 426.
 *
 * A path that ends with a slash gives the index.html in it. Nothing outside of the directory is
 * sent, wherever links lead; names that begin with a dot (but .well-known) are not found;
 * directories are not listed. Foreign origins are refused as they are for WebSockets.
 *
 * Returns FILE_NOT_FOUND, or CANT_OPEN when it is no directory or may not be read; the old one
 * stays then. Since 0.1.
 */
GDWS_API gdws_error gdws_server_set_document_root(gdws_server *server, const char *directory);

/** Send (true) the headers with which browsers give a page of the document root threads and
 * SharedArrayBuffer: Cross-Origin-Opener-Policy and Cross-Origin-Embedder-Policy. May be called at
 * any time. Source: Godot's documentation, Exporting for the Web. Since 0.1. */
GDWS_API gdws_error gdws_server_set_cross_origin_isolation(gdws_server *server, bool enabled);

/** Choose whether peers that ask for it may compress messages, as gdws_client_set_compression does;
 *  false is the default. May be called at any time; peers that are there already stay as they are.
 *  Source: RFC 7692. Since 0.1. */
GDWS_API gdws_error gdws_server_set_compression(gdws_server *server, bool enabled);

/** Set all limits of each peer at once, as gdws_client_set_buffers does. Since 0.1. */
GDWS_API gdws_error gdws_server_set_buffers(gdws_server *server, size_t in_kb, size_t in_packets,
                                            size_t out_kb, size_t out_packets);

/** Limit each peer's inbound queue and each inbound message: 128 bytes to 1 GiB, default 1 MiB.
 *  Since 0.1. */
GDWS_API gdws_error gdws_server_set_inbound_buffer_size(gdws_server *server, size_t bytes);

/** Limit each peer's outbound queue: 128 bytes to 1 GiB, default 1 MiB. Since 0.1. */
GDWS_API gdws_error gdws_server_set_outbound_buffer_size(gdws_server *server, size_t bytes);

/** Limit each peer's queues in packets: 1 to 1048576, default 4096. Since 0.1. */
GDWS_API gdws_error gdws_server_set_max_queued_packets(gdws_server *server, size_t packets);

/** Set how much libwebsockets allocates for each peer, and reads at once, where it has to frame:
 * 128 bytes to 1 MiB, default 64 KiB. All other peers of a loop share one buffer, for which this
 *  changes nothing. Since 0.1. */
GDWS_API gdws_error gdws_server_set_read_size(gdws_server *server, size_t bytes);

/** Notice dead peers, as gdws_client_set_heartbeat does. Since 0.1. */
GDWS_API gdws_error gdws_server_set_heartbeat(gdws_server *server, uint32_t interval_ms,
                                              uint32_t timeout_ms);

/** Limit the time from accepting a connection to the end of its handshake: 10 ms to one day,
 * default 3 s. Source: Godot 3.4 WebSocketServer.handshake_timeout. Since 0.1. */
GDWS_API gdws_error gdws_server_set_handshake_timeout_ms(gdws_server *server, uint32_t timeout_ms);

/** Give that limit in milliseconds. Source: Godot 3.4 WebSocketServer.get_handshake_timeout. Since
 *  0.1. */
GDWS_API uint32_t gdws_server_get_handshake_timeout_ms(const gdws_server *server);

/** Limit the wait for the other side's Close frame, as gdws_client_set_close_timeout_ms does: 10 ms
 *  to one day, default 5 s. Since 0.1. */
GDWS_API gdws_error gdws_server_set_close_timeout_ms(gdws_server *server, uint32_t timeout_ms);

/* For wss. With a private key and a certificate the server speaks TLS (1.2 or newer) and nothing
 * else. A certificate or key is given as PEM text or as the name of a file of it: what holds
 * "-----BEGIN " is text. Both are read at once; NULL takes the option back. */

/**
 * Set the private key.
 *
 * private_key: PEM.
 * passphrase: NULL when the key has none; it is not kept.
 *
 * Returns FILE_NOT_FOUND, FILE_CANT_READ, INVALID_DATA when there is no key in it, UNAUTHORIZED
 * when the passphrase is missing or wrong. Source: Godot WebSocketServer.private_key. Since 0.1.
 */
GDWS_API gdws_error gdws_server_set_private_key(gdws_server *server, const char *private_key,
                                                const char *passphrase);

/**
 * Set the certificate.
 *
 * certificate: PEM, the server's own first; others behind it are sent as its chain.
 *
 * Returns FILE_NOT_FOUND, FILE_CANT_READ, INVALID_DATA when there is no certificate in it. Source:
 * Godot WebSocketServer.ssl_certificate. Since 0.1.
 */
GDWS_API gdws_error gdws_server_set_ssl_certificate(gdws_server *server, const char *certificate);

/** Set more certificates of the chain up to a root that clients know. Returns as
 *  gdws_server_set_ssl_certificate. Source: Godot WebSocketServer.ca_chain. Since 0.1. */
GDWS_API gdws_error gdws_server_set_ca_chain(gdws_server *server, const char *chain);

/**
 * Ask clients for certificates. gdws_peer_get_certificate_subject tells whose it is.
 *
 * certificate: PEM: only what these, roots or not, have signed is accepted; NULL, the default, asks
 * for none.
 * required: whether clients without a certificate are refused. One that is not in order always is.
 *
 * Returns as gdws_server_set_ssl_certificate. Source: RFC 8446 section 4.3.2. Since 0.1.
 */
GDWS_API gdws_error gdws_server_set_trusted_certificate(gdws_server *server,
                                                        const char *certificate, bool required);

/**
 * Replace certificate, chain and key together, when the old certificate runs out. May be called
 * while listening: peers that are there stay, connections from then on get the new one. On error
 * the old one stays.
 *
 * certificate, chain, private_key, passphrase: as above; chain and passphrase may be NULL.
 *
 * Returns what the single setters return, INVALID_DATA when key and certificate do not belong
 * together, too, and UNCONFIGURED while a server listens without TLS. A log line says more. Since
 * 0.1.
 */
GDWS_API gdws_error gdws_server_replace_certificate(gdws_server *server, const char *certificate,
                                                    const char *chain, const char *private_key,
                                                    const char *passphrase);

/* Drive */

/**
 * Begin to listen.
 *
 * port: 1 to 65535; 0 takes a free one, see gdws_server_get_port.
 *
 * Returns ALREADY_IN_USE when it listens already or the port is taken, CANT_CREATE when the address
 * is not one of this machine or the system refuses (a log line says why), OUT_OF_MEMORY. For wss
 * UNCONFIGURED when there is a key without a certificate or the other way round, and INVALID_DATA
 * when they cannot be used; a log line says more. UNAVAILABLE inside of free. Source: Godot
 * WebSocketServer.listen. Since 0.1.
 */
GDWS_API gdws_error gdws_server_listen(gdws_server *server, uint16_t port);

/**
 * Take over a connection that another server has accepted. It becomes a peer, or is refused, as one
 * that this server has accepted: limits, origins, subprotocols, admission and signals are the same,
 * and the handshake timeout begins now. The server need not listen; like listen, the first adoption
 * fixes what may not be changed until stop.
 *
 * fd: a connected TCP or unix stream socket, blocking or not. On success it is the server's: its
 * number is closed when this returns and means nothing to the caller any more. Take it out of your
 * own event loop before. On error it is the caller's, open and as it was.
 * already_read: what was read from it, from the first byte of this request on, which is handed
 * along: all of it or a part, with what follows it, or nothing; no earlier request that has been
 * answered. Copied; used by the next poll.
 * length: of already_read in bytes; 0 when nothing was read.
 *
 * A server with a private key and a certificate speaks TLS on all of its connections: the first
 * byte, read or not, is that of a ClientHello. For connections that come in plaintext, because they
 * are plain or somebody else has decrypted them, use a server without a key; there may be both.
 *
 * Returns INVALID_PARAMETER when fd is no open descriptor, no stream socket, or listens;
 * CONNECTION_ERROR when it is not connected (any more); CANT_ACQUIRE_RESOURCE when there is no
 * descriptor left, OUT_OF_MEMORY; what listen returns when keys and certificates cannot be used;
 * UNAVAILABLE inside of free. Source: Godot 4 WebSocketPeer.accept_stream. Since 0.1.
 */
GDWS_API gdws_error gdws_server_adopt_socket(gdws_server *server, int fd, const void *already_read,
                                             size_t length);

/**
 * Tell how this server answers a request, for another server that has read it and can only answer
 * it itself (as GNU libmicrohttpd does). If it answers so, gdws_server_adopt_upgraded takes the
 * connection.
 *
 * head: the request line, the headers and the empty line behind them, each with CR LF; ends with
 * NUL.
 * add: called for each header that the answer must have, Upgrade and Sec-WebSocket-Accept among
 * them, when the result is 101; only "Connection: Upgrade" is left to the other server. May be
 * NULL.
 * user: handed to it.
 *
 * Returns the HTTP status of the answer: 101, or why not, 400 to 505. What the program's admission
 * thinks, and the limit of peers per address, are seen only when the connection is adopted. Source:
 * RFC 6455 section 4.2.2. Since 0.1.
 */
GDWS_API int gdws_server_judge_request(const gdws_server *server, const char *head,
                                       gdws_header_function add, void *user);

/**
 * Take over a connection whose request another server has read and answered with 101, as
 * gdws_server_judge_request has told. Who is not let in after all gets a Close frame instead of an
 * HTTP answer: 1008, 1013 for 503, or 1011 for other statuses from 500 on. What the answer has
 * promised, the subprotocol and compression, must not be set anew between the two.
 *
 * fd: as gdws_server_adopt_socket's. It carries plaintext, whatever this server does elsewhere.
 * head: the request, as it was judged.
 * already_read: what was read behind it. Copied, as head is; used by the next poll.
 * length: of already_read in bytes.
 *
 * Returns what gdws_server_adopt_socket returns; INVALID_PARAMETER also when head is no whole one.
 * Since 0.1.
 */
GDWS_API gdws_error gdws_server_adopt_upgraded(gdws_server *server, int fd, const char *head,
                                               const void *already_read, size_t length);

/** Poll the server's loop, and so all objects on it. Source: Godot poll. Since 0.1. */
GDWS_API gdws_error gdws_server_poll(gdws_server *server);

/** Wait on the server's loop, as gdws_loop_wait does. Since 0.1. */
GDWS_API gdws_error gdws_server_wait(gdws_server *server, int timeout_ms);

/** Stop listening and adopting, and close all peers with 1001, without waiting for their answers;
 * the next poll brings their client_disconnected. The server may listen again at once. Source:
 * Godot WebSocketServer.stop. Since 0.1. */
GDWS_API void gdws_server_stop(gdws_server *server);

/** Tell whether there is a peer that has not been taken. Source: Godot TCP_Server
 *  is_connection_available. Since 0.1. */
GDWS_API bool gdws_server_is_connection_available(const gdws_server *server);

/** Take the oldest peer that has not been taken. Returns its id, 0 when there is none. It changes
 *  nothing else: signals and lists know peers that were never taken. Source: Godot TCP_Server
 *  take_connection. Since 0.1. */
GDWS_API int32_t gdws_server_take_connection(gdws_server *server);

/**
 * Send a message to all peers, or all but one; it is encoded once.
 *
 * message, length, mode: as gdws_peer_send's.
 * except_id: the id of a peer to leave out; 0 leaves out nobody.
 * refused: receives how many peers did not get it because their outbound queue has no room or is
 * too small; NULL if that is of no interest.
 *
 * Returns OUT_OF_MEMORY when a peer did not get it (the others did), INVALID_DATA for text that is
 * not UTF-8, INVALID_PARAMETER. Since 0.1.
 */
GDWS_API gdws_error gdws_server_broadcast(gdws_server *server, const void *message, size_t length,
                                          gdws_write_mode mode, int32_t except_id, size_t *refused);

/** Close a peer, as gdws_peer_close does; DOES_NOT_EXIST for an unknown id. Source: Godot
 *  WebSocketServer.disconnect_peer. Since 0.1. */
GDWS_API gdws_error gdws_server_disconnect_peer(gdws_server *server, int32_t id, int code,
                                                const char *reason);

/* Ask */

/** Tell whether it listens. Source: Godot WebSocketServer.is_listening. Since 0.1. */
GDWS_API bool gdws_server_is_listening(const gdws_server *server);

/** Give the port that it listens on; 0 when it does not. Since 0.1. */
GDWS_API uint16_t gdws_server_get_port(const gdws_server *server);

/**
 * List the ids of all peers, ascending.
 *
 * ids: receives at most capacity ids; may be NULL when capacity is 0.
 *
 * Returns how many peers there are, which may be more than capacity. Since 0.1.
 */
GDWS_API size_t gdws_server_get_peer_list(const gdws_server *server, int32_t *ids, size_t capacity);

/** Tell whether there is such a peer. Source: Godot WebSocketServer.has_peer. Since 0.1. */
GDWS_API bool gdws_server_has_peer(const gdws_server *server, int32_t id);

/** Give a peer; NULL for an unknown id. Source: Godot get_peer. Since 0.1. */
GDWS_API gdws_peer *gdws_server_get_peer(gdws_server *server, int32_t id);

/** Give the id of the peer whose signal is running; 0 outside of signals. Source: the tutorial's
 *  get_peer_id. Since 0.1. */
GDWS_API int32_t gdws_server_get_peer_id(const gdws_server *server);

/** Take the oldest packet of a peer, as gdws_peer_get_packet does; DOES_NOT_EXIST for an unknown
 * id. Source: the tutorial's get_peer_packet. Since 0.1. */
GDWS_API gdws_error gdws_server_get_peer_packet(gdws_server *server, int32_t id,
                                                const uint8_t **packet, size_t *length);

/** Give a peer's numeric address; "" for an unknown id. Source: Godot
 *  WebSocketServer.get_peer_address. Since 0.1. */
GDWS_API const char *gdws_server_get_peer_address(const gdws_server *server, int32_t id);

/** Give a peer's port; 0 for an unknown id. Source: Godot WebSocketServer.get_peer_port. Since 0.1.
 */
GDWS_API uint16_t gdws_server_get_peer_port(const gdws_server *server, int32_t id);

/** Give the server's loop. Lent. Since 0.1. */
GDWS_API gdws_loop *gdws_server_get_loop(const gdws_server *server);

/* Destroy */

/** Free a server: it is stopped, and the client_disconnected that are still owed come inside this
 *  call. Since 0.1. */
GDWS_API void gdws_server_free(gdws_server *server);

#ifdef __cplusplus
}
#endif

#endif
