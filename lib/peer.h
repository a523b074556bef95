/* SPDX-License-Identifier: MIT */
/* Peer: one connection as a state machine with two queues. It knows no socket: whoever moves the
 * bytes (link) feeds it what arrived and takes what is to be sent, and whoever owns it (client,
 * server) asks it for the next event to signal. */
#ifndef GDWSI_PEER_H
#define GDWSI_PEER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "config.h"
#include "deflate.h"
#include "gdws/peer.h"
#include "outq.h"
#include "pktq.h"
#include "taps.h"
#include "utf8.h"

/* The longest reason in a Close frame (RFC 6455 section 5.5). */
#define GDWSI_PEER_REASON_MAX 123

/* The code of a Close frame without one, never sent (RFC 6455 section 7.1.5). */
#define GDWSI_PEER_NO_STATUS 1005

/* What an owner signals next, in the order of rule 2. */
typedef enum gdwsi_peer_event {
    GDWSI_PEER_NOTHING,
    GDWSI_PEER_CONNECTED,
    GDWSI_PEER_DATA,
    GDWSI_PEER_CLOSE_REQUEST,
    GDWSI_PEER_DRAINED,
    GDWSI_PEER_DISCONNECTED
} gdwsi_peer_event;

/* What the carrier of the bytes offers to the peer. */
typedef struct gdwsi_peer_carrier {
    /* The program has changed something: queued, taken or closed. Called outside of receiving. */
    void (*changed)(gdws_peer *peer);
    gdws_error (*set_no_delay)(gdws_peer *peer, bool enabled);
    /* Send as much of a frame as the kernel takes at once, without queueing; nothing is queued
     * before it. Returns how many bytes, possibly 0. */
    size_t (*send_at_once)(gdws_peer *peer, const gdwsi_frame *frame, const void *payload);
    void (*received_pong)(gdws_peer *peer, const uint8_t *payload, size_t length);
} gdwsi_peer_carrier;

struct gdws_peer {
    const gdwsi_peer_carrier *carrier;
    const gdwsi_config *config; /* its owner's, lent */
    gdws_ready_state state;
    gdws_write_mode write_mode;
    bool is_client;       /* our side masks */
    bool writes_unmasked; /* libwebsockets frames our messages, and masks them */
    int32_t id;           /* as its owner calls it; 0: not yet */

    const gdwsi_taps *taps; /* its owner's; NULL while nobody listens */
    /* In this order: what is counted together lies apart, or gcc makes a vector of the two. */
    uint64_t packets_received;
    uint64_t packets_sent;
    uint64_t bytes_received; /* of payload */
    uint64_t bytes_sent;
    int64_t opened_at_ms; /* since 1970 */

    gdwsi_deflate *deflate; /* NULL unless compression was agreed on */
    uint64_t compressed;    /* bytes of the compressed message that is arriving, so far */

    /* Limits, from the config. */
    size_t inbound_bytes;
    size_t inbound_packets;
    size_t outbound_bytes;
    size_t outbound_packets;
    uint32_t heartbeat_interval_ms;

    /* Inwards. */
    gdwsi_pktq in;
    gdwsi_utf8 utf8; /* of the text message that is arriving */
    bool is_receiving;
    bool is_receiving_text;
    bool is_receiving_compressed;
    bool is_paused; /* the carrier does not read until the program has taken packets */
    bool was_string;

    /* Outwards. */
    gdwsi_outq out;
    size_t handed; /* bytes that the carrier holds but the kernel has not taken */
    size_t pongs;  /* bytes of pongs queued since the queue was last empty */
    bool owes_drained;

    /* Closing. */
    bool close_queued;      /* our Close frame is the last one in the outbound queue, or sent */
    bool close_flushed;     /* it has gone, and all that was queued before it */
    bool close_received;    /* theirs was seen and was in order */
    bool is_left;           /* the program has closed it */
    bool is_failed;         /* we ended the connection for a violation */
    bool is_abandoned;      /* packets that nobody took are given up */
    const char *end_reason; /* why it is not clean: static; NULL: nothing is known yet */
    int close_code;
    char close_reason[GDWSI_PEER_REASON_MAX + 1];

    /* Events that have not been signalled. */
    bool owes_connected;
    bool owes_close_request;
    bool owes_disconnected;
    size_t owed_data;

    void *user; /* the program's */

    /* What it is called. */
    char *host;
    uint16_t port;
    char *protocol;
    char *url;
    const char *request_headers; /* of the request's record, which url begins; NULL on a client */
    char *certificate_subject;   /* of the other side's; NULL or "": none */
    int round_trip_time_ms;
};

/* Make a peer in state CONNECTING. config and pool are lent; pool may be NULL. */
void gdwsi_peer_init(gdws_peer *peer, const gdwsi_peer_carrier *carrier, const gdwsi_config *config,
                     gdwsi_pool *pool, bool is_client);

/* Free what the peer owns, not the struct. */
void gdwsi_peer_clear(gdws_peer *peer);

/* The handshake is done. */
void gdwsi_peer_open(gdws_peer *peer);

/* A piece of a message that has arrived. */
typedef struct gdwsi_piece {
    const uint8_t *bytes;
    size_t length;
    const uint8_t *mask; /* its key, whose first byte is for the first of bytes; NULL: not masked */
    uint64_t remaining;  /* bytes still to come of the same frame */
    bool is_text;        /* counts at the beginning of the message */
    bool is_compressed;  /* so does this */
    bool is_final;       /* the message ends with this piece */
} gdwsi_piece;

/* Take a piece. Returns 0, or the close code with which the connection must fail (1007, 1009,
 * 1011). */
int gdwsi_peer_receive(gdws_peer *peer, const gdwsi_piece *piece);

/* A Ping frame has arrived: the Pong is queued (RFC 6455 section 5.5.3). */
void gdwsi_peer_receive_ping(gdws_peer *peer, const uint8_t *payload, size_t length);

/* A Close frame has arrived, with this payload. Queues the answer, if one is owed. */
void gdwsi_peer_receive_close(gdws_peer *peer, const uint8_t *payload, size_t length);

/* Fail the connection (RFC 6455 section 7.1.7): a Close frame with the code follows what is queued.
 */
void gdwsi_peer_fail(gdws_peer *peer, int code, const char *reason);

/* Say why the connection ends; what was said first counts. reason: static. */
void gdwsi_peer_note_end(gdws_peer *peer, const char *reason);

/* Close with a code, at once and for good: for the program the connection is over, its packets are
 * given up, and disconnected is due; what is queued and the Close frame may still be sent. */
void gdwsi_peer_shut(gdws_peer *peer, int code);

/* The carrier has lost the connection, or given it up. No more bytes move. */
void gdwsi_peer_end(gdws_peer *peer);

/* Whether the peer has been open and its disconnection has not been signalled. */
bool gdwsi_peer_is_owed_disconnected(const gdws_peer *peer);

/* Give up packets that were not taken: disconnected is due. */
void gdwsi_peer_abandon(gdws_peer *peer);

/* For gdwsi_peer_update_paused: where it is not plain that there is room. */
bool gdwsi_peer_judge_paused(gdws_peer *peer);

/* Update and tell whether reading is to pause because the inbound queue is full, or because of
 * pongs that the other side does not read. */
static inline bool gdwsi_peer_update_paused(gdws_peer *peer)
{
    size_t bytes = gdwsi_pktq_bytes(&peer->in) + gdwsi_pktq_open_length(&peer->in);
    bool has_room = !peer->is_paused && peer->pongs == 0 && bytes < peer->inbound_bytes &&
                    gdwsi_pktq_packets(&peer->in) < peer->inbound_packets;
    return !has_room && gdwsi_peer_judge_paused(peer);
}

/* Whether both Close frames were seen. */
bool gdwsi_peer_was_clean(const gdws_peer *peer);

/* Queue whole frames that were encoded elsewhere: one message of length payload bytes. Returns what
 * gdws_peer_put_packet returns. */
gdws_error gdwsi_peer_put_encoded(gdws_peer *peer, const uint8_t *bytes, size_t length);

/* A message has been queued, or sent at once: count it and tell. */
static inline void gdwsi_peer_note_sent(gdws_peer *peer, const void *message, size_t length,
                                        bool is_text)
{
    peer->packets_sent++;
    peer->bytes_sent += length;
    if (gdwsi_taps_are_on(peer->taps)) {
        gdwsi_taps_tell_sent(peer->taps, peer, message, length, is_text);
    }
}

/* A write pass is over: note whether something is left, and whether the queue has drained. */
void gdwsi_peer_note_flushed(gdws_peer *peer);

/* Take the next event to signal. */
gdwsi_peer_event gdwsi_peer_next_event(gdws_peer *peer);

/* For gdwsi_peer_has_event: whether drained or disconnected is due. */
bool gdwsi_peer_has_late_event(const gdws_peer *peer);

/* Whether gdwsi_peer_next_event would give one. */
static inline bool gdwsi_peer_has_event(const gdws_peer *peer)
{
    return (peer->owed_data > 0 && gdwsi_pktq_packets(&peer->in) > 0) || peer->owes_connected ||
           peer->owes_close_request ||
           ((peer->owes_drained || peer->state == GDWS_STATE_CLOSED) &&
            gdwsi_peer_has_late_event(peer));
}

/* Check the arguments of a close: GDWS_OK or INVALID_PARAMETER. */
gdws_error gdwsi_peer_check_close(int code, const char *reason);

#endif
