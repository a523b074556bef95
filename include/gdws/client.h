/* SPDX-License-Identifier: MIT */
/**
 * A client: one connection, outwards.
 *
 * Make it, set what is to be set, connect_to_url, then poll once a frame. Whether it worked comes
 * as connected_to_host or connection_error; a program without signals asks
 * gdws_client_get_connection_status. After a connection has ended the client may connect again, or
 * does so by itself (gdws_client_set_reconnect).
 */
#ifndef GDWS_CLIENT_H
#define GDWS_CLIENT_H

#include "gdws/error.h"
#include "gdws/loop.h"
#include "gdws/peer.h"

#ifdef __cplusplus
extern "C" {
#endif

/** A client. Opaque. Source: Godot 3 WebSocketClient. Since 0.1. */
typedef struct gdws_client gdws_client;

/** How far a client is. Source: Godot NetworkedMultiplayerPeer.ConnectionStatus. Since 0.1. */
typedef enum gdws_connection_status {
    GDWS_CONNECTION_DISCONNECTED = 0,
    GDWS_CONNECTION_CONNECTING = 1,
    GDWS_CONNECTION_CONNECTED = 2
} gdws_connection_status;

/**
 * What a client tells. Each function may be NULL. Each gets the client and the user pointer.
 *
 * size must be sizeof(gdws_client_signals): the struct may grow in later versions.
 */
typedef struct gdws_client_signals {
    size_t size;
    void *user;
    /** The connection is open. protocol: the subprotocol agreed on, "" for none; lent. Source:
     * Godot 3 connection_established. */
    void (*connected_to_host)(gdws_client *client, const char *protocol, void *user);
    /** The connection could not be made; gdws_client_get_error_message says why. */
    void (*connection_error)(gdws_client *client, void *user);
    /** A packet has arrived, once for each; it waits in the queue. */
    void (*data_received)(gdws_client *client, void *user);
    /** The server has sent a Close frame. code: as gdws_peer_get_close_code. reason: lent. */
    void (*server_close_request)(gdws_client *client, int code, const char *reason, void *user);
    /** The connection has ended. was_clean: both Close frames were seen. */
    void (*connection_closed)(gdws_client *client, bool was_clean, void *user);
    /** An outbound queue that was full or had to wait for the network is empty again. */
    void (*drained)(gdws_client *client, void *user);
    /** After connection_error or connection_closed: the next attempt comes in delay_ms. attempt:
     * counts from 1, see gdws_client_set_reconnect. */
    void (*reconnecting)(gdws_client *client, uint32_t attempt, uint32_t delay_ms, void *user);
} gdws_client_signals;

/* Create */

/**
 * Make a client.
 *
 * loop: the loop to live on; NULL makes one of its own.
 *
 * Returns NULL when there is no memory or no descriptor. Source: Godot WebSocketClient.new. Since
 * 0.1.
 */
GDWS_API gdws_client *gdws_client_new(gdws_loop *loop);

/* Configure: before connect_to_url; ALREADY_IN_USE while connecting or connected */

/**
 * Say what to call when something happens. May be called at any time.
 *
 * signals: copied; NULL calls nothing any more. INVALID_PARAMETER when its size is wrong. Since
 * 0.1.
 */
GDWS_API gdws_error gdws_client_set_signals(gdws_client *client,
                                            const gdws_client_signals *signals);

/**
 * Offer subprotocols (RFC 6455 section 1.9), the most wanted first. The connection fails when the
 * server chooses none or another.
 *
 * protocols: count names of 1 to 63 token characters, no two alike; copied. count 0 offers none,
 * the default.
 *
 * Returns INVALID_PARAMETER for anything else. Source: Godot connect_to_url's protocols, Godot 4
 * supported_protocols. Since 0.1.
 */
GDWS_API gdws_error gdws_client_set_supported_protocols(gdws_client *client,
                                                        const char *const *protocols, size_t count);

/**
 * Add headers to the handshake request.
 *
 * headers: count lines "Name: value", copied. Not those that the handshake owns (Host, Upgrade,
 * Connection, Sec-WebSocket-…), nothing with a line end in it.
 *
 * Returns INVALID_PARAMETER for anything else. Source: Godot connect_to_url's custom_headers, Godot
 * 4 handshake_headers. Since 0.1.
 */
GDWS_API gdws_error gdws_client_set_handshake_headers(gdws_client *client,
                                                      const char *const *headers, size_t count);

/**
 * Set all limits at once, as Godot 3 does: KiB and packets, each rounded up to a power of two.
 *
 * Returns PARAMETER_RANGE_ERROR for 0 or more than the single setters allow. Source: Godot 3
 * WebSocketMultiplayerPeer.set_buffers. Since 0.1.
 */
GDWS_API gdws_error gdws_client_set_buffers(gdws_client *client, size_t in_kb, size_t in_packets,
                                            size_t out_kb, size_t out_packets);

/** Limit the inbound queue and a single inbound message: 128 bytes to 1 GiB, default 1 MiB. Source:
 *  Godot 4 inbound_buffer_size. Since 0.1. */
GDWS_API gdws_error gdws_client_set_inbound_buffer_size(gdws_client *client, size_t bytes);

/** Limit the outbound queue, frame headers included: 128 bytes to 1 GiB, default 1 MiB. Source:
 * Godot 4 outbound_buffer_size. Since 0.1. */
GDWS_API gdws_error gdws_client_set_outbound_buffer_size(gdws_client *client, size_t bytes);

/** Limit both queues in packets: 1 to 1048576, default 4096. Source: Godot 4 max_queued_packets.
 *  Since 0.1. */
GDWS_API gdws_error gdws_client_set_max_queued_packets(gdws_client *client, size_t packets);

/** As gdws_server_set_read_size. Since 0.1. */
GDWS_API gdws_error gdws_client_set_read_size(gdws_client *client, size_t bytes);

/**
 * Notice a dead connection: send a ping each interval_ms, and end the connection, not clean, when
 * nothing at all has come for timeout_ms since one, and, where packets wait for the network, none
 * could go on their way either. While reading is paused because the inbound queue is full, nobody
 * is timed out.
 *
 * interval_ms: 10 ms to one day; 0, the default, switches the heartbeat off.
 * timeout_ms: 10 ms to one day.
 *
 * Returns PARAMETER_RANGE_ERROR for other values. Source: Godot 4 WebSocketPeer.heartbeat_interval.
 * Since 0.1.
 */
GDWS_API gdws_error gdws_client_set_heartbeat(gdws_client *client, uint32_t interval_ms,
                                              uint32_t timeout_ms);

/** Limit the time from connect_to_url to the open connection, all addresses together: 10 ms to one
 *  day, default 10 s. While TCP connects, each address that is left has the same share of what is
 *  left; the one that accepts has all of it. Since 0.1. */
GDWS_API gdws_error gdws_client_set_handshake_timeout_ms(gdws_client *client, uint32_t timeout_ms);

/** Limit the wait for the other side's Close frame: 10 ms to one day, default 5 s. What is queued
 *  goes out before ours, and as long as the other side takes 64 KiB of it within that time, the
 * time begins anew. Since 0.1. */
GDWS_API gdws_error gdws_client_set_close_timeout_ms(gdws_client *client, uint32_t timeout_ms);

/**
 * Connect again when an attempt fails or the connection ends: after a random time up to a limit,
 * which doubles with each attempt, so that the clients of a server that was down do not all come
 * back at once. May be called at any time, for the waits that begin after it. For each attempt come
 *
 * - connection_error or connection_closed, as always; the status is CONNECTING in it when there
 *   will be another attempt, else DISCONNECTED,
 * - then reconnecting(attempt, delay_ms). Until the attempt begins the status is CONNECTING, the
 *   peer is still the old one, options may be changed (a new token in the headers), and
 *   connect_to_url begins at once and counts anew,
 * - then connected_to_host or connection_error, once, whatever happens (but for free).
 *
 * There is no further attempt after disconnect_from_host and gdws_peer_close, after a clean close
 * with 1000 by the server (after 1001 and all others there is), after an HTTP status 3xx or 4xx
 * except 408, 425 and 429, and after max_attempts attempts in a row, the first one, which
 * connect_to_url began, not counted. A row ends when a connection
 * has lasted longer than the limit on the wait before it. disconnect_from_host ends the wait with
 * connection_error (SKIP); in connection_error and connection_closed it prevents the attempt, and
 * nothing follows.
 *
 * Nothing that was queued for the old connection is sent on the new one: the server may have had it
 * already, and only the program knows what to say again in connected_to_host. The new connection
 * has a new peer: ask gdws_client_get_peer again.
 *
 * first_delay_ms: the first limit, 10 ms to one day; 0, the default, switches this off.
 * max_delay_ms: where the doubling ends, first_delay_ms to one day.
 * max_attempts: 0 for no limit.
 *
 * Returns PARAMETER_RANGE_ERROR for other values. The client of a gdws_multiplayer does not connect
 * again: its session is over. Source: RFC 6455 section 7.2.3; names as in Socket.IO
 * (reconnectionDelay, reconnectionDelayMax, reconnectionAttempts). Since 0.1.
 */
GDWS_API gdws_error gdws_client_set_reconnect(gdws_client *client, uint32_t first_delay_ms,
                                              uint32_t max_delay_ms, uint32_t max_attempts);

/* For wss. A certificate or key is given as PEM text or as the name of a file of it: what holds
 * "-----BEGIN " is text. Both are read at once. */

/**
 * Choose which server certificates are trusted.
 *
 * certificate: one or more certificates in PEM. Only these, roots or not, and what they have signed
 * are trusted then; the certificate must still be for the host in the URL. NULL, the default: the
 * system's authorities.
 *
 * Returns FILE_NOT_FOUND, FILE_CANT_READ, INVALID_DATA when there is no certificate in it. Source:
 * Godot 3 WebSocketClient.trusted_ssl_certificate. Since 0.1.
 */
GDWS_API gdws_error gdws_client_set_trusted_certificate(gdws_client *client,
                                                        const char *certificate);

/**
 * Choose whether the server's certificate is verified: that somebody trusted has signed it, that it
 * is valid today, for servers, and for the host in the URL. true is the default. With false anybody
 * on the way can read and change everything.
 *
 * Source: Godot 3 WebSocketClient.verify_ssl. Since 0.1.
 */
GDWS_API gdws_error gdws_client_set_verify_tls(gdws_client *client, bool verify);

/**
 * Choose whether messages may be compressed (permessage-deflate, RFC 7692), where the server does
 * so, too. false is the default.
 *
 * Compression saves bandwidth and costs memory and time on both sides: up to 80 KiB for each
 * connection that uses it, and many times the processor time of a plain message. Messages under 32
 * bytes, and those that do not shrink, go as they are. All limits count expanded bytes, and what
 * gdws_peer_get_current_outbound_buffered_amount gives counts compressed ones.
 * gdws_peer_get_extensions tells whether it was agreed on.
 *
 * Returns ALREADY_IN_USE while the client connects or is connected. Source: RFC 7692. Since 0.1.
 */
GDWS_API gdws_error gdws_client_set_compression(gdws_client *client, bool enabled);

/**
 * Give the client a certificate of its own, for servers that ask for one.
 *
 * certificate: PEM, its issuers' behind it where the server does not have them; NULL for none, the
 * default.
 * private_key: PEM; NULL with a NULL certificate only, else INVALID_PARAMETER.
 * passphrase: of the key; NULL when it has none.
 *
 * Returns FILE_NOT_FOUND, FILE_CANT_READ, INVALID_DATA when something is not in it or the two do
 * not belong together, UNAUTHORIZED when the passphrase is missing or wrong. Source: RFC 8446
 * section 4.4.2. Since 0.1.
 */
GDWS_API gdws_error gdws_client_set_certificate(gdws_client *client, const char *certificate,
                                                const char *private_key, const char *passphrase);

/* Drive */

/**
 * Begin to connect. Never blocks; the answer comes as a signal.
 *
 * url: "ws://host:port/path?query", or "wss://…" for TLS 1.2 or newer; a missing scheme means ws,
 * the default ports are 80 and 443.
 *
 * Returns INVALID_PARAMETER for anything that is not such a URL, ALREADY_IN_USE while connecting
 * (not while waiting to, see gdws_client_set_reconnect), connected or before connection_error or
 * connection_closed has come (not after giving up by disconnect_from_host: nothing more is heard of
 * that attempt then), INVALID_DATA when the certificates that were set cannot be used, UNAVAILABLE
 * inside of free (in the connection_closed that it delivers). Source: Godot
 * WebSocketClient.connect_to_url. Since 0.1.
 */
GDWS_API gdws_error gdws_client_connect_to_url(gdws_client *client, const char *url);

/** Poll the client's loop, and so all objects on it. Source: Godot poll. Since 0.1. */
GDWS_API gdws_error gdws_client_poll(gdws_client *client);

/** Wait on the client's loop, as gdws_loop_wait does. Since 0.1. */
GDWS_API gdws_error gdws_client_wait(gdws_client *client, int timeout_ms);

/**
 * Close the connection, as gdws_peer_close does; while connecting, give up: the next poll brings
 * connection_error. In any case no attempt to reconnect follows. Packets that have arrived can
 * still be read: until they are taken, or have waited for 5 s, connection_closed does not come, and
 * the status stays CONNECTED.
 *
 * Returns what gdws_peer_close returns. Source: Godot WebSocketClient.disconnect_from_host. Since
 * 0.1.
 */
GDWS_API gdws_error gdws_client_disconnect_from_host(gdws_client *client, int code,
                                                     const char *reason);

/* Ask */

/** Give how far the client is. While it waits to reconnect it is CONNECTING: DISCONNECTED says that
 * nothing more will happen. Source: Godot get_connection_status. Since 0.1. */
GDWS_API gdws_connection_status gdws_client_get_connection_status(const gdws_client *client);

/**
 * Give the peer, which stands for the server.
 *
 * id: 0 or 1, both mean the server; NULL for others, before the first connect_to_url, and while
 * the name in its URL is looked up.
 *
 * The pointer is lent until the next connect_to_url, the next attempt to reconnect, or free; while
 * connecting until the next poll, since each address of a name gets a peer of its own. So ask for
 * it from connected_to_host on.
 * Source: Godot get_peer. Since 0.1.
 */
GDWS_API gdws_peer *gdws_client_get_peer(gdws_client *client, int32_t id);

/** Give the id of the peer that the client talks to: 1, the server, while connected; else 0.
 * Source: the tutorial's get_peer_id. Since 0.1. */
GDWS_API int32_t gdws_client_get_peer_id(const gdws_client *client);

/**
 * Take the oldest packet of a peer, as gdws_peer_get_packet does.
 *
 * id: 0 or 1. Returns DOES_NOT_EXIST for other ids. Since 0.1.
 */
GDWS_API gdws_error gdws_client_get_peer_packet(gdws_client *client, int32_t id,
                                                const uint8_t **packet, size_t *length);

/** Give the host that the client is connected to; "" when it is not. Source: Godot
 *  get_connected_host. Since 0.1. */
GDWS_API const char *gdws_client_get_connected_host(const gdws_client *client);

/** Give the port that the client is connected to; 0 when it is not. Source: Godot
 *  get_connected_port. Since 0.1. */
GDWS_API uint16_t gdws_client_get_connected_port(const gdws_client *client);

/** Tell which step of the last connect_to_url failed: INVALID_PARAMETER (the URL), CANT_RESOLVE
 * (the name), CANT_CONNECT (TCP), CONNECTION_ERROR (the handshake), TIMEOUT, SKIP (given up by
 *  disconnect_from_host), OUT_OF_MEMORY; OK when none did. Since 0.1. */
GDWS_API gdws_error gdws_client_get_error(const gdws_client *client);

/** Say in words why the last connect_to_url failed; "" when it did not. For wss the words say which
 *  check has failed: a certificate that has expired, is not yet valid, self-signed, by an unknown
 *  authority, for another host or for another purpose, the version, or no TLS at all. Since 0.1. */
GDWS_API const char *gdws_client_get_error_message(const gdws_client *client);

/** Give the HTTP status with which the server answered the handshake; 0 when it did not answer with
 *  one. Since 0.1. */
GDWS_API int gdws_client_get_http_status(const gdws_client *client);

/** Give the client's loop. Lent. Since 0.1. */
GDWS_API gdws_loop *gdws_client_get_loop(const gdws_client *client);

/* Destroy */

/** Free a client. An open connection is closed with 1000 first, as far as that goes without
 * waiting; connection_closed comes inside this call if it is still owed. Where the loop goes with
 * it, above all one of its own, this may wait for a name lookup that is under way, also one that
 * was given up, as gdws_loop_free does. Since 0.1. */
GDWS_API void gdws_client_free(gdws_client *client);

#ifdef __cplusplus
}
#endif

#endif
