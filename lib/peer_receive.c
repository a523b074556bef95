/* SPDX-License-Identifier: MIT */
/* What a peer makes of the data that arrives: packets in its queue. */
#include "peer.h"

#include "frame.h"

enum { CLOSE_INVALID_PAYLOAD = 1007, CLOSE_TOO_BIG = 1009, CLOSE_INTERNAL_ERROR = 1011 };

static int begin_message(gdws_peer *peer, const gdwsi_piece *piece)
{
    if (gdwsi_pktq_begin(&peer->in, piece->is_text) != GDWS_OK) {
        return CLOSE_INTERNAL_ERROR;
    }
    peer->is_receiving = true;
    peer->is_receiving_text = piece->is_text;
    peer->is_receiving_compressed = piece->is_compressed;
    peer->compressed = 0;
    peer->utf8 = (gdwsi_utf8){0};
    return 0;
}

static int add_piece(gdws_peer *peer, const gdwsi_piece *piece)
{
    const uint8_t *added;
    size_t room = peer->inbound_bytes - gdwsi_pktq_open_length(&peer->in);
    if (piece->length > room || piece->remaining > room - piece->length) {
        return CLOSE_TOO_BIG;
    }
    if (gdwsi_pktq_append(&peer->in, piece->bytes, piece->length, piece->mask, piece->remaining,
                          &added) != GDWS_OK) {
        return CLOSE_INTERNAL_ERROR;
    }
    if (peer->is_receiving_text && !gdwsi_utf8_check(&peer->utf8, added, piece->length)) {
        return CLOSE_INVALID_PAYLOAD;
    }
    return 0;
}

static int add_expanded(void *user, const uint8_t *bytes, size_t length)
{
    gdwsi_piece piece = {.bytes = bytes, .length = length};
    return add_piece(user, &piece);
}

/* Add what a compressed piece expands to. The limits are those of the expanded message; one that
 * takes twice as much compressed, which no compressor does, is refused at once. */
static int add_compressed(gdws_peer *peer, const gdwsi_piece *piece)
{
    static const uint8_t no_mask[4];
    uint8_t clear[4096];
    size_t at = 0;
    int code = 0;
    peer->compressed += piece->length;
    if (piece->remaining + peer->compressed > 2 * (uint64_t)peer->inbound_bytes) {
        return CLOSE_TOO_BIG;
    }
    do {
        size_t length = piece->length - at < sizeof(clear) ? piece->length - at : sizeof(clear);
        gdwsi_frame_mask(clear, piece->bytes + at, length,
                         piece->mask != NULL ? piece->mask : no_mask);
        at += length;
        code = gdwsi_deflate_expand(peer->deflate, clear, length,
                                    piece->is_final && at == piece->length, add_expanded, peer);
    } while (code == 0 && at < piece->length);
    return code;
}

/* A message is in the queue: count it and tell. */
static inline void note_received(gdws_peer *peer, size_t length, bool is_text)
{
    peer->owed_data++;
    peer->packets_received++;
    peer->bytes_received += length;
    if (gdwsi_taps_are_on(peer->taps)) {
        gdwsi_taps_tell_received(peer->taps, peer, gdwsi_pktq_last(&peer->in, length), length,
                                 is_text);
    }
}

static int finish_message(gdws_peer *peer)
{
    size_t length = gdwsi_pktq_open_length(&peer->in);
    if (peer->is_receiving_text && !gdwsi_utf8_is_complete(&peer->utf8)) {
        return CLOSE_INVALID_PAYLOAD;
    }
    gdwsi_pktq_commit(&peer->in);
    peer->is_receiving = false;
    note_received(peer, length, peer->is_receiving_text);
    return 0;
}

/* A binary message in one piece, as most are. */
static int take_whole(gdws_peer *peer, const gdwsi_piece *piece)
{
    if (piece->length > peer->inbound_bytes) {
        return CLOSE_TOO_BIG;
    }
    if (gdwsi_pktq_put(&peer->in, false, piece->bytes, piece->length, piece->mask) != GDWS_OK) {
        return CLOSE_INTERNAL_ERROR;
    }
    note_received(peer, piece->length, false);
    return 0;
}

int gdwsi_peer_receive(gdws_peer *peer, const gdwsi_piece *piece)
{
    if (peer->is_failed || peer->close_received || peer->state == GDWS_STATE_CLOSED) {
        return 0;
    }
    if (piece->is_final && !peer->is_receiving && !piece->is_text && !piece->is_compressed) {
        return take_whole(peer, piece);
    }
    int code = peer->is_receiving ? 0 : begin_message(peer, piece);
    if (code == 0) {
        code = peer->is_receiving_compressed ? add_compressed(peer, piece) : add_piece(peer, piece);
    }
    if (code == 0 && piece->is_final) {
        code = finish_message(peer);
    }
    if (code != 0) {
        gdwsi_pktq_abort(&peer->in);
        peer->is_receiving = false;
    }
    return code;
}
