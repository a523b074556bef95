/* SPDX-License-Identifier: MIT */
/**
 * High-level multiplayer: what Godot's MultiplayerAPI talks to, byte for byte.
 *
 * One object is either the server, which is peer 1, or a client, which the server gives an id. A
 * packet goes to a target: one peer, all, or all but one; on Godot 3's wire the server passes on
 * what clients send to each other, so that a C server takes Godot games, a C client joins them, and
 * nobody has to write RPC. What the packets mean (RPC, synchronization) is the program's business.
 *
 * It is made of a gdws_server and a gdws_client, which it lends for everything that can be set on
 * those: addresses, limits, TLS, headers, heartbeat. Their signals and packets belong to it.
 *
 * Packets of all peers wait in one queue in order of arrival. When it is full, packets wait with
 * their peers, take turns when there is room, and TCP slows the senders down (rule 3). A message
 * that one of its targets has no room for waits, too, and its sender with it; whoever takes so
 * little that others have to wait for longer than the stall timeout is disconnected. A client's
 * message for others that is larger than the server's outbound queues closes that client with 1009.
 */
#ifndef GDWS_MULTIPLAYER_H
#define GDWS_MULTIPLAYER_H

#include "gdws/client.h"
#include "gdws/error.h"
#include "gdws/loop.h"
#include "gdws/peer.h"
#include "gdws/server.h"
#include "gdws/variant.h"

#ifdef __cplusplus
extern "C" {
#endif

/** A server or client of a multiplayer session. Opaque. Source: Godot 3 WebSocketMultiplayerPeer,
 *  Godot 4 WebSocketMultiplayerPeer. Since 0.1. */
typedef struct gdws_multiplayer gdws_multiplayer;

/** The target of a packet that goes to all others. Source: Godot
 *  NetworkedMultiplayerPeer.TARGET_PEER_BROADCAST. Since 0.1. */
#define GDWS_TARGET_PEER_BROADCAST 0

/** The server's id. Source: Godot NetworkedMultiplayerPeer.TARGET_PEER_SERVER. Since 0.1. */
#define GDWS_TARGET_PEER_SERVER 1

/** Whose bytes are spoken. Since 0.1. */
typedef enum gdws_multiplayer_wire {
    /** Godot 3.1 to 3.6 with gd_mp_api: the server relays, and tells who comes and goes. */
    GDWS_MULTIPLAYER_GODOT_3 = 3,
    /** Godot 4's WebSocketMultiplayerPeer: packets as they are, between server and clients only
     *  (Godot's SceneMultiplayer does the rest inside the packets). */
    GDWS_MULTIPLAYER_GODOT_4 = 4
} gdws_multiplayer_wire;

/** How packets travel; a WebSocket is always reliable. Source: Godot
 *  NetworkedMultiplayerPeer.TransferMode. Since 0.1. */
typedef enum gdws_transfer_mode {
    GDWS_TRANSFER_MODE_UNRELIABLE = 0,
    GDWS_TRANSFER_MODE_UNRELIABLE_ORDERED = 1,
    GDWS_TRANSFER_MODE_RELIABLE = 2
} gdws_transfer_mode;

/**
 * What a session tells. Each function may be NULL. Each gets the object and the user pointer.
 *
 * size must be sizeof(gdws_multiplayer_signals): the struct may grow in later versions.
 */
typedef struct gdws_multiplayer_signals {
    size_t size;
    void *user;
    /** A peer is there: on a server each client, on a client the server (1) and, on Godot 3's wire,
     *  the other clients. Source: Godot peer_connected. */
    void (*peer_connected)(gdws_multiplayer *multiplayer, int32_t id, void *user);
    /** The peer is gone; exactly one for each peer_connected. Packets of it that have arrived stay
     *  readable. Source: Godot peer_disconnected. */
    void (*peer_disconnected)(gdws_multiplayer *multiplayer, int32_t id, void *user);
    /** A client has its id and is connected; peer_connected(1) has come before. Source: Godot
     *  connection_succeeded. */
    void (*connection_succeeded)(gdws_multiplayer *multiplayer, void *user);
    /** A client could not connect; gdws_multiplayer_get_error_message says why. Source: Godot
     *  connection_failed. */
    void (*connection_failed)(gdws_multiplayer *multiplayer, void *user);
    /** A client's session has ended, whoever ended it; exactly one for each connection_succeeded,
     *  after the last peer_disconnected. Source: Godot server_disconnected. */
    void (*server_disconnected)(gdws_multiplayer *multiplayer, void *user);
    /** A packet has arrived, once for each; it waits in the queue. id: who sent it. Source: Godot 3
     *  peer_packet. */
    void (*peer_packet)(gdws_multiplayer *multiplayer, int32_t id, void *user);
    /** A peer's outbound queue was full or had to wait for the network, and is empty again: a put
     *  that was refused may be tried again. Also where the peer because of which it was refused is
     *  not waited for any more, or there was no memory. Where others flood the same peer, one
     *  put after a poll is taken for each drained that was waited for. id: 1 on a client. */
    void (*drained)(gdws_multiplayer *multiplayer, int32_t id, void *user);
} gdws_multiplayer_signals;

/* Create */

/**
 * Make an object that is neither server nor client yet.
 *
 * loop: the loop to live on; NULL makes one of its own.
 *
 * Returns NULL when there is no memory or no descriptor. Source: Godot
 * WebSocketMultiplayerPeer.new. Since 0.1.
 */
GDWS_API gdws_multiplayer *gdws_multiplayer_new(gdws_loop *loop);

/* Configure: before create_server and create_client; ALREADY_IN_USE after, unless said otherwise */

/**
 * Say what to call when something happens. May be called at any time.
 *
 * signals: copied; NULL calls nothing any more. INVALID_PARAMETER when its size is wrong. Since
 * 0.1.
 */
GDWS_API gdws_error gdws_multiplayer_set_signals(gdws_multiplayer *multiplayer,
                                                 const gdws_multiplayer_signals *signals);

/** Choose the wire; the default is Godot 3's. Anything else is INVALID_PARAMETER. Since 0.1. */
GDWS_API gdws_error gdws_multiplayer_set_wire(gdws_multiplayer *multiplayer,
                                              gdws_multiplayer_wire wire);

/** Limit the queue of packets that wait for the program, whoever sent them, in bytes: 128 bytes to
 * 1 GiB, default 1 MiB. May be called at any time; PARAMETER_RANGE_ERROR for other values. A single
 * packet may be larger: what a packet may measure is set on the server or client beneath. Since
 * 0.1. */
GDWS_API gdws_error gdws_multiplayer_set_inbound_buffer_size(gdws_multiplayer *multiplayer,
                                                             size_t bytes);

/** Limit the same queue in packets: 1 to 1048576, default 4096. May be called at any time. Since
 * 0.1. */
GDWS_API gdws_error gdws_multiplayer_set_max_queued_packets(gdws_multiplayer *multiplayer,
                                                            size_t packets);

/**
 * Limit the time that a client waits for its id, once the connection is open: 10 ms to one day,
 * default 10 s. Then it gives up: connection_failed. May be called at any time, and then counts for
 * a wait that has begun, too.
 *
 * Returns PARAMETER_RANGE_ERROR for other values. Source: Godot 4
 * WebSocketMultiplayerPeer.handshake_timeout. Since 0.1.
 */
GDWS_API gdws_error gdws_multiplayer_set_greeting_timeout_ms(gdws_multiplayer *multiplayer,
                                                             uint32_t timeout_ms);

/**
 * Limit how long a server lets a peer with a full outbound queue hold up others while nothing of
 * what waits for it goes out: 10 ms to one day, default 4 s, below the 5 s for which the packets of
 * a peer that has left are kept (rule 4). Then it is closed with 1013. May be called at any time.
 *
 * Returns PARAMETER_RANGE_ERROR for other values. Since 0.1.
 */
GDWS_API gdws_error gdws_multiplayer_set_stall_timeout_ms(gdws_multiplayer *multiplayer,
                                                          uint32_t timeout_ms);

/** Lend the server beneath, to set its options before create_server and to ask it afterwards (its
 * port is gdws_server_get_port). Its signals and its peers' packets are not to be touched.
 * Connections that it adopts before create_server are closed with 1001. Since 0.1. */
GDWS_API gdws_server *gdws_multiplayer_get_server(gdws_multiplayer *multiplayer);

/** Lend the client beneath, to set its options before create_client and to ask it afterwards. Its
 *  signals and packets are not to be touched. What it connects to without create_client is closed
 *  with 1000. Since 0.1. */
GDWS_API gdws_client *gdws_multiplayer_get_client(gdws_multiplayer *multiplayer);

/** Refuse (true) new clients, or let them in again, as gdws_server_set_refuse_new_connections does.
 *  May be called at any time. Source: Godot refuse_new_connections. Since 0.1. */
GDWS_API void gdws_multiplayer_set_refuse_new_connections(gdws_multiplayer *multiplayer,
                                                          bool refuse);

/** Tell whether new clients are refused. Source: Godot is_refusing_new_connections. Since 0.1. */
GDWS_API bool gdws_multiplayer_is_refusing_new_connections(const gdws_multiplayer *multiplayer);

/** Accept any transfer mode and stay with GDWS_TRANSFER_MODE_RELIABLE, as Godot's WebSocket classes
 *  do. Unknown modes are INVALID_PARAMETER. Source: Godot transfer_mode. Since 0.1. */
GDWS_API gdws_error gdws_multiplayer_set_transfer_mode(gdws_multiplayer *multiplayer,
                                                       gdws_transfer_mode mode);

/** Give the transfer mode: always GDWS_TRANSFER_MODE_RELIABLE. Source: Godot transfer_mode. Since
 *  0.1. */
GDWS_API gdws_transfer_mode gdws_multiplayer_get_transfer_mode(const gdws_multiplayer *multiplayer);

/* Drive */

/**
 * Become the server: listen.
 *
 * port: as gdws_server_listen's.
 *
 * Returns ALREADY_IN_USE while it is a server or a client or a peer_disconnected or
 * server_disconnected is still owed, and what gdws_server_listen returns. Source: Godot 3
 * WebSocketServer.listen with gd_mp_api, Godot 4 create_server. Since 0.1.
 */
GDWS_API gdws_error gdws_multiplayer_create_server(gdws_multiplayer *multiplayer, uint16_t port);

/**
 * Become a client: begin to connect. The answer comes as connection_succeeded or connection_failed.
 *
 * url: as gdws_client_connect_to_url's.
 *
 * Returns ALREADY_IN_USE as create_server does, and what gdws_client_connect_to_url returns.
 * Source: Godot 3 WebSocketClient.connect_to_url with gd_mp_api, Godot 4 create_client. Since 0.1.
 */
GDWS_API gdws_error gdws_multiplayer_create_client(gdws_multiplayer *multiplayer, const char *url);

/** Poll the loop, and so all objects on it. Source: Godot poll. Since 0.1. */
GDWS_API gdws_error gdws_multiplayer_poll(gdws_multiplayer *multiplayer);

/** Wait on the loop, as gdws_loop_wait does. Since 0.1. */
GDWS_API gdws_error gdws_multiplayer_wait(gdws_multiplayer *multiplayer, int timeout_ms);

/**
 * Choose whom put_packet sends to from now on.
 *
 * target: 0, the default: all others; a peer's id: that peer; a negative id: all others but that
 * peer. On Godot 4's wire a client's packets always go to the server.
 *
 * Source: Godot set_target_peer. Since 0.1.
 */
GDWS_API void gdws_multiplayer_set_target_peer(gdws_multiplayer *multiplayer, int32_t target);

/**
 * Queue a packet for the target; the next poll sends it. It is encoded once.
 *
 * packet, length: as gdws_peer_put_packet's.
 *
 * Returns OUT_OF_MEMORY when a target has no room (nobody gets it then; wait for drained),
 * PARAMETER_RANGE_ERROR when it is too large for the outbound queue (on Godot 3's wire a packet has
 * 9 bytes less than gdws_peer_get_max_packet_size says), DOES_NOT_EXIST on a server for a target
 * that is not there, INVALID_PARAMETER when the target is oneself, UNAVAILABLE when there is no
 * session. Peers that are leaving are left out. Source: Godot PacketPeer.put_packet. Since 0.1.
 */
GDWS_API gdws_error gdws_multiplayer_put_packet(gdws_multiplayer *multiplayer, const void *packet,
                                                size_t length);

/** Tell how many packets wait to be taken. Source: Godot get_available_packet_count. Since 0.1. */
GDWS_API size_t gdws_multiplayer_get_available_packet_count(const gdws_multiplayer *multiplayer);

/** Tell who sent the packet that get_packet gives next; 0 when there is none. Source: Godot
 *  get_packet_peer. Since 0.1. */
GDWS_API int32_t gdws_multiplayer_get_packet_peer(const gdws_multiplayer *multiplayer);

/**
 * Take the oldest packet.
 *
 * packet, length: as gdws_peer_get_packet's; lent until the next gdws_multiplayer_get_packet, or
 * until the next session begins.
 *
 * Returns UNAVAILABLE when there is none. Source: Godot PacketPeer.get_packet. Since 0.1.
 */
GDWS_API gdws_error gdws_multiplayer_get_packet(gdws_multiplayer *multiplayer,
                                                const uint8_t **packet, size_t *length);

/**
 * Queue a value for the target, as put_packet queues a packet.
 *
 * Returns INVALID_PARAMETER for NULL, and what put_packet returns. Source: Godot 3
 * PacketPeer.put_var. Since 0.1.
 */
GDWS_API gdws_error gdws_multiplayer_put_var(gdws_multiplayer *multiplayer,
                                             const gdws_variant *variant);

/**
 * Take the oldest packet and decode it; get_packet_peer before it tells who sent it.
 *
 * variant: receives the value, which the caller frees; NULL on error.
 *
 * Returns UNAVAILABLE when there is none; INVALID_DATA or OUT_OF_MEMORY, as gdws_variant_decode
 * does: the packet is taken nevertheless. Source: Godot 3 PacketPeer.get_var. Since 0.1.
 */
GDWS_API gdws_error gdws_multiplayer_get_var(gdws_multiplayer *multiplayer, gdws_variant **variant);

/**
 * Close a peer's connection. On a server: what it sends from now on is ignored, and
 * peer_disconnected comes when it has gone. On a client id 1 closes the own connection.
 *
 * code, reason: as gdws_peer_close's.
 *
 * Returns DOES_NOT_EXIST for other ids, and what gdws_peer_close returns. Source: Godot
 * disconnect_peer. Since 0.1.
 */
GDWS_API gdws_error gdws_multiplayer_disconnect_peer(gdws_multiplayer *multiplayer, int32_t id,
                                                     int code, const char *reason);

/** End the session: a server stops (as gdws_server_stop), a client closes with 1000 or gives up
 *  connecting. The signals that this brings come in the next polls, and a new session may begin
 *  when they have come. Source: Godot 3
 *  WebSocketServer.stop, WebSocketClient.disconnect_from_host, Godot 4 close. Since 0.1. */
GDWS_API void gdws_multiplayer_close(gdws_multiplayer *multiplayer);

/* Ask */

/** Give how far it is: CONNECTED for a server that listens and for a client that has its id.
 * Source: Godot get_connection_status. Since 0.1. */
GDWS_API gdws_connection_status
gdws_multiplayer_get_connection_status(const gdws_multiplayer *multiplayer);

/** Give the own id: 1 on a server, the id that the server chose on a client, 0 without a session.
 *  Source: Godot get_unique_id. Since 0.1. */
GDWS_API int32_t gdws_multiplayer_get_unique_id(const gdws_multiplayer *multiplayer);

/**
 * List the ids of all peers that are there, ascending, oneself not among them.
 *
 * ids: receives at most capacity ids; may be NULL when capacity is 0.
 *
 * Returns how many there are. Source: Godot MultiplayerAPI.get_network_connected_peers, Godot 4
 * get_peers. Since 0.1.
 */
GDWS_API size_t gdws_multiplayer_get_peer_list(const gdws_multiplayer *multiplayer, int32_t *ids,
                                               size_t capacity);

/** Give the connection to a peer, to ask it: on a server a client's, on a client that of the
 * server, 1; NULL for others. Lent until peer_disconnected has returned; its packets are not to be
 * touched. Source: Godot get_peer. Since 0.1. */
GDWS_API gdws_peer *gdws_multiplayer_get_peer(gdws_multiplayer *multiplayer, int32_t id);

/** Give a peer's address, as gdws_peer_get_connected_host does; "" where get_peer gives NULL.
 *  Source: Godot get_peer_address. Since 0.1. */
GDWS_API const char *gdws_multiplayer_get_peer_address(gdws_multiplayer *multiplayer, int32_t id);

/** Give a peer's port; 0 where get_peer gives NULL. Source: Godot get_peer_port. Since 0.1. */
GDWS_API uint16_t gdws_multiplayer_get_peer_port(gdws_multiplayer *multiplayer, int32_t id);

/** Say in words why the last create_client failed; "" when it did not. Since 0.1. */
GDWS_API const char *gdws_multiplayer_get_error_message(const gdws_multiplayer *multiplayer);

/** Give the loop. Lent. Since 0.1. */
GDWS_API gdws_loop *gdws_multiplayer_get_loop(const gdws_multiplayer *multiplayer);

/* Destroy */

/** Free it: the session ends as with close, and the peer_disconnected and server_disconnected that
 *  are still owed come inside this call. Where the loop goes with it, above all one of its own,
 * this may wait for a name lookup that is under way, as gdws_client_free does. Since 0.1. */
GDWS_API void gdws_multiplayer_free(gdws_multiplayer *multiplayer);

#ifdef __cplusplus
}
#endif

#endif
