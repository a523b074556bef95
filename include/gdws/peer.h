/* SPDX-License-Identifier: MIT */
/**
 * A peer: one WebSocket connection, as the program sees it.
 *
 * A server lends one for each client (gdws_server_get_peer), a client lends one for its server
 * (gdws_client_get_peer). Packets that arrived wait in its inbound queue for gdws_peer_get_packet;
 * packets that are put wait in its outbound queue for the end of the next poll. A peer is never
 * made or freed by the program.
 */
#ifndef GDWS_PEER_H
#define GDWS_PEER_H

#include "gdws/error.h"

#ifdef __cplusplus
extern "C" {
#endif

/** A peer. Opaque; lent by its client or server. Since 0.1. */
typedef struct gdws_peer gdws_peer;

/** What a connection is doing. Source: Godot 4 WebSocketPeer.State. Since 0.1. */
typedef enum gdws_ready_state {
    GDWS_STATE_CONNECTING = 0, /**< Resolving, connecting or shaking hands. */
    GDWS_STATE_OPEN = 1,       /**< Packets go both ways. */
    GDWS_STATE_CLOSING = 2,    /**< close was called; packets may still arrive. */
    GDWS_STATE_CLOSED = 3      /**< Over; packets that arrived before are still readable. */
} gdws_ready_state;

/** How a packet is sent. Source: Godot WebSocketPeer.WriteMode. Since 0.1. */
typedef enum gdws_write_mode {
    GDWS_WRITE_MODE_TEXT = 0,  /**< As a text message: must be UTF-8. */
    GDWS_WRITE_MODE_BINARY = 1 /**< As a binary message: any bytes. The default. */
} gdws_write_mode;

/* Packets */

/**
 * Take the oldest packet.
 *
 * packet: receives a pointer to its bytes, never NULL on success; one NUL byte that does not count
 * follows them. Lent until the next gdws_peer_get_packet on this peer, or until the peer has gone.
 * length: receives its length in bytes; 0 is a packet, too.
 *
 * Returns UNAVAILABLE when none has arrived; *packet is NULL and *length 0 then. Source: Godot
 * PacketPeer.get_packet. Since 0.1.
 */
GDWS_API gdws_error gdws_peer_get_packet(gdws_peer *peer, const uint8_t **packet, size_t *length);

/** Tell how many packets wait to be taken. Source: Godot PacketPeer.get_available_packet_count.
 *  Since 0.1. */
GDWS_API size_t gdws_peer_get_available_packet_count(const gdws_peer *peer);

/** Tell whether the packet that was taken last was a text message. Source: Godot
 *  WebSocketPeer.was_string_packet. Since 0.1. */
GDWS_API bool gdws_peer_was_string_packet(const gdws_peer *peer);

/**
 * Queue a packet in the peer's write mode; the next poll sends it.
 *
 * packet: the bytes, copied; may be NULL when length is 0.
 * length: in bytes; 0 sends an empty message.
 *
 * Returns UNAVAILABLE when the connection is not open (before it is established and from close on),
 * OUT_OF_MEMORY when the outbound queue has no room now (wait for drained),
 * PARAMETER_RANGE_ERROR when the packet is over gdws_peer_get_max_packet_size, INVALID_DATA in text
 * mode when it is not UTF-8, FAILED on a client when the system gives no random numbers for the
 * mask (RFC 6455 section 5.3). Source: Godot PacketPeer.put_packet. Since 0.1.
 */
GDWS_API gdws_error gdws_peer_put_packet(gdws_peer *peer, const void *packet, size_t length);

/**
 * Queue a message in a mode of its own, whatever the peer's write mode is.
 *
 * message, length: as gdws_peer_put_packet's.
 * mode: text or binary; anything else is INVALID_PARAMETER.
 *
 * Returns what gdws_peer_put_packet returns. Source: Godot 4 WebSocketPeer.send. Since 0.1.
 */
GDWS_API gdws_error gdws_peer_send(gdws_peer *peer, const void *message, size_t length,
                                   gdws_write_mode mode);

/**
 * Queue a text message.
 *
 * text: ends with NUL; NULL is INVALID_PARAMETER.
 *
 * Returns what gdws_peer_put_packet returns. Source: Godot 4 WebSocketPeer.send_text. Since 0.1.
 */
GDWS_API gdws_error gdws_peer_send_text(gdws_peer *peer, const char *text);

/** Set how gdws_peer_put_packet sends from now on. Unknown modes are INVALID_PARAMETER. Source:
 * Godot WebSocketPeer.set_write_mode. Since 0.1. */
GDWS_API gdws_error gdws_peer_set_write_mode(gdws_peer *peer, gdws_write_mode mode);

/** Give the write mode. Source: Godot WebSocketPeer.get_write_mode. Since 0.1. */
GDWS_API gdws_write_mode gdws_peer_get_write_mode(const gdws_peer *peer);

/** Give the size in bytes of the largest packet that fits an empty outbound queue. Source: Godot
 *  PacketPeer.get_max_packet_size. Since 0.1. */
GDWS_API size_t gdws_peer_get_max_packet_size(const gdws_peer *peer);

/** Tell how many bytes wait to be sent, frame headers included: those that the kernel has not yet
 *  taken. Source: Godot WebSocketPeer.get_current_outbound_buffered_amount. Since 0.1. */
GDWS_API size_t gdws_peer_get_current_outbound_buffered_amount(const gdws_peer *peer);

/* Closing */

/**
 * Close the connection in order: what is queued goes out first, then a Close frame.
 *
 * code: 1000 to 1003, 1007 to 1014 or 3000 to 4999 (RFC 6455 section 7.4).
 * reason: at most 123 bytes of UTF-8; NULL is "".
 *
 * Returns INVALID_PARAMETER for codes that may not be sent and for bad reasons, UNAVAILABLE when
 * the connection is not open, OUT_OF_MEMORY, and FAILED as gdws_peer_put_packet does. Source: Godot
 * WebSocketPeer.close. Since 0.1.
 */
GDWS_API gdws_error gdws_peer_close(gdws_peer *peer, int code, const char *reason);

/* Asking */

/** Keep a pointer of the program's with the peer: what it knows of this player. NULL at first, and
 *  forgotten with the peer; what it points to stays the program's. Source: ENet's ENetPeer.data.
 *  Since 0.1. */
GDWS_API void gdws_peer_set_user(gdws_peer *peer, void *user);

/** Give that pointer, in client_disconnected and connection_closed, too. Since 0.1. */
GDWS_API void *gdws_peer_get_user(const gdws_peer *peer);

/** Give the state. CLOSED for NULL. Source: Godot 4 WebSocketPeer.get_ready_state. Since 0.1. */
GDWS_API gdws_ready_state gdws_peer_get_ready_state(const gdws_peer *peer);

/** Tell whether the connection is open or closing. Source: Godot
 * WebSocketPeer.is_connected_to_host. Since 0.1. */
GDWS_API bool gdws_peer_is_connected_to_host(const gdws_peer *peer);

/** Give the code of the other side's Close frame, 1005 when it carried none (RFC 6455 section
 *  7.1.5), -1 when no Close frame came. Source: Godot 4 WebSocketPeer.get_close_code. Since 0.1. */
GDWS_API int gdws_peer_get_close_code(const gdws_peer *peer);

/** Give the reason in the other side's Close frame; "" without one. Source: Godot 4
 *  WebSocketPeer.get_close_reason. Since 0.1. */
GDWS_API const char *gdws_peer_get_close_reason(const gdws_peer *peer);

/** Say in a few words why the connection has ended, where it has not ended with both sides' Close
 *  frames: "no pong", "message too big", "ended without a Close frame" and so on; for people, not
 *  to be compared with. "" while it lasts, and after a clean end. Since 0.1. */
GDWS_API const char *gdws_peer_get_end_reason(const gdws_peer *peer);

/** Give the other side's address: numeric on a server, as in the URL on a client; "" before.
 *  Source: Godot WebSocketPeer.get_connected_host. Since 0.1. */
GDWS_API const char *gdws_peer_get_connected_host(const gdws_peer *peer);

/** Give the other side's port; 0 before. Source: Godot WebSocketPeer.get_connected_port. Since 0.1.
 */
GDWS_API uint16_t gdws_peer_get_connected_port(const gdws_peer *peer);

/** Give the subprotocol that was agreed on; "" for none. Source: Godot 4
 *  WebSocketPeer.get_selected_protocol. Since 0.1. */
GDWS_API const char *gdws_peer_get_selected_protocol(const gdws_peer *peer);

/** Give the extensions that were agreed on: "permessage-deflate" when messages are compressed, ""
 *  otherwise. Source: extensions of the browsers' WebSocket. Since 0.1. */
GDWS_API const char *gdws_peer_get_extensions(const gdws_peer *peer);

/** Give the URL that was asked for: on a client what connect_to_url was given, normalized; on a
 *  server scheme, Host header, path and query. Source: Godot 4 WebSocketPeer.get_requested_url.
 *  Since 0.1. */
GDWS_API const char *gdws_peer_get_requested_url(const gdws_peer *peer);

/**
 * Give the value of a header of the request with which a server's peer came in.
 *
 * name: without the colon, in any case.
 *
 * Returns NULL when the request had none of that name, on a client, and for Upgrade, Connection and
 * the key, version and extensions of the handshake, which are not kept. Several lines of one name
 * are one value, as gdws_request_get_header gives it. Lent as long as the peer is. Since 0.1.
 */
GDWS_API const char *gdws_peer_get_request_header(const gdws_peer *peer, const char *name);

/** Give the subject of the other side's certificate as text (RFC 4514: "CN=player 7,O=Example"), on
 *  wss; "" when it has shown none or when certificates are not verified here. Since 0.1. */
GDWS_API const char *gdws_peer_get_certificate_subject(const gdws_peer *peer);

/** Give the time in ms between the last ping and its pong, as polls saw it: up to a frame more than
 *  the network takes; -1 before the first pong or without a heartbeat. Since 0.1. */
GDWS_API int gdws_peer_get_round_trip_time_ms(const gdws_peer *peer);

/** Give its id: on a server what the signals call it, on a client 1; 0 before the handshake. Since
 *  0.1. */
GDWS_API int32_t gdws_peer_get_id(const gdws_peer *peer);

/** Give the time at which the connection was open, in ms since 1970 (UTC); 0 before. Since 0.1. */
GDWS_API int64_t gdws_peer_get_connected_since_ms(const gdws_peer *peer);

/** Tell how many packets have arrived since the connection was open, taken or not. Since 0.1. */
GDWS_API uint64_t gdws_peer_get_received_packet_count(const gdws_peer *peer);

/** Tell how many bytes those packets had, without frame headers. Since 0.1. */
GDWS_API uint64_t gdws_peer_get_received_bytes(const gdws_peer *peer);

/** Tell how many packets have been put since the connection was open. Since 0.1. */
GDWS_API uint64_t gdws_peer_get_sent_packet_count(const gdws_peer *peer);

/** Tell how many bytes those packets had, without frame headers. Since 0.1. */
GDWS_API uint64_t gdws_peer_get_sent_bytes(const gdws_peer *peer);

/** Tell how many bytes wait in the inbound queue: packets that have not been taken, and what has
 *  come of the next one. Since 0.1. */
GDWS_API size_t gdws_peer_get_current_inbound_buffered_amount(const gdws_peer *peer);

/** Tell whether its socket is not read because the inbound queue is full (rule 3). Since 0.1. */
GDWS_API bool gdws_peer_is_paused(const gdws_peer *peer);

/** Give the heartbeat's interval in ms; 0 when it is off. Source: Godot 4
 *  WebSocketPeer.heartbeat_interval (there in seconds). Since 0.1. */
GDWS_API uint32_t gdws_peer_get_heartbeat_interval_ms(const gdws_peer *peer);

/** List the subprotocols that its client or server was given.
 *
 * protocols: receives the list, lent until the option is changed; may be NULL.
 *
 * Returns how many there are. Source: Godot 4 WebSocketPeer.supported_protocols. Since 0.1. */
GDWS_API size_t gdws_peer_get_supported_protocols(const gdws_peer *peer,
                                                  const char *const **protocols);

/** List the extra headers, "Name: value", that its client's requests or its server's answers carry.
 *
 * headers: receives the list, lent until the option is changed; may be NULL.
 *
 * Returns how many there are. Source: Godot 4 WebSocketPeer.handshake_headers. Since 0.1. */
GDWS_API size_t gdws_peer_get_handshake_headers(const gdws_peer *peer, const char *const **headers);

/** Give the limit of the inbound queue in bytes. Source: Godot 4 WebSocketPeer.inbound_buffer_size.
 *  Since 0.1. */
GDWS_API size_t gdws_peer_get_inbound_buffer_size(const gdws_peer *peer);

/** Give the limit of the outbound queue in bytes. Source: Godot 4
 *  WebSocketPeer.outbound_buffer_size. Since 0.1. */
GDWS_API size_t gdws_peer_get_outbound_buffer_size(const gdws_peer *peer);

/** Give the limit of the inbound queue in packets. Source: Godot 4
 * WebSocketPeer.max_queued_packets. Since 0.1. */
GDWS_API size_t gdws_peer_get_max_queued_packets(const gdws_peer *peer);

/**
 * Switch Nagle's algorithm off (true, as it is from the start) or on.
 *
 * Returns UNAVAILABLE when there is no connection, FAILED when the socket refuses (a unix socket
 * has no such option). Source: Godot WebSocketPeer.set_no_delay. Since 0.1.
 */
GDWS_API gdws_error gdws_peer_set_no_delay(gdws_peer *peer, bool enabled);

#ifdef __cplusplus
}
#endif

#endif
