/* SPDX-License-Identifier: MIT */
/**
 * Taps: functions that are called for each packet and each change of state, to log or measure.
 *
 * A tap is put on a client or server and sees all its peers; those of a gdws_multiplayer are seen
 * on the server or client beneath. Without taps all of this costs one branch for each packet.
 */
#ifndef GDWS_TAP_H
#define GDWS_TAP_H

#include "gdws/client.h"
#include "gdws/error.h"
#include "gdws/peer.h"
#include "gdws/server.h"

#ifdef __cplusplus
extern "C" {
#endif

/**
 * What a tap is told. Each function may be NULL. Each gets the user pointer.
 *
 * They run in the middle of what they tell about, inside and outside of polls. So they only look:
 * they may ask the peer and its owner anything, but must not call what changes one of them, nor
 * free them or take the tap off. A server's peer has its id (gdws_peer_get_id) from the handshake
 * on, and is found by it once client_connected has come.
 *
 * size must be sizeof(gdws_tap): the struct may grow in later versions.
 */
typedef struct gdws_tap {
    size_t size;
    void *user;
    /** A packet has arrived whole; it waits in the queue. packet: lent until the function returns;
     *  never NULL. */
    void (*packet_received)(gdws_peer *peer, const uint8_t *packet, size_t length, bool is_text,
                            void *user);
    /** A packet has been put into the outbound queue, by a put, a send or a broadcast. packet: lent
     *  until the function returns; may be NULL when length is 0. */
    void (*packet_sent)(gdws_peer *peer, const uint8_t *packet, size_t length, bool is_text,
                        void *user);
    /** The peer's state has become another one. */
    void (*state_changed)(gdws_peer *peer, gdws_ready_state state, void *user);
    /** The client or server is being freed, and the tap has been taken off. */
    void (*removed)(void *user);
} gdws_tap;

/**
 * Put a tap on a server. May be called at any time but inside of a tap.
 *
 * tap: not copied: it must stay as it is until it has been taken off.
 *
 * Returns INVALID_PARAMETER when its size is wrong, ALREADY_EXISTS when it is on this server,
 * OUT_OF_MEMORY. Since 0.1.
 */
GDWS_API gdws_error gdws_server_add_tap(gdws_server *server, const gdws_tap *tap);

/** Take a tap off a server; DOES_NOT_EXIST when it is not on it. Since 0.1. */
GDWS_API gdws_error gdws_server_remove_tap(gdws_server *server, const gdws_tap *tap);

/** Put a tap on a client, as gdws_server_add_tap does on a server. It stays there from one
 *  connection to the next. Since 0.1. */
GDWS_API gdws_error gdws_client_add_tap(gdws_client *client, const gdws_tap *tap);

/** Take a tap off a client; DOES_NOT_EXIST when it is not on it. Since 0.1. */
GDWS_API gdws_error gdws_client_remove_tap(gdws_client *client, const gdws_tap *tap);

#ifdef __cplusplus
}
#endif

#endif
