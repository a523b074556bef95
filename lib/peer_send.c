/* SPDX-License-Identifier: MIT */
/* How the program sends: what may be queued, and how it gets into the queue, or past it. */
#include <string.h>

#include "peer.h"
#include "utf8.h"

/* Whether an encoded message may be queued now. */
static gdws_error check_room(gdws_peer *peer, size_t encoded)
{
    if (peer->state != GDWS_STATE_OPEN || peer->close_queued) {
        return GDWS_UNAVAILABLE;
    }
    if (encoded > peer->outbound_bytes) {
        return GDWS_PARAMETER_RANGE_ERROR;
    }
    size_t queued = gdwsi_outq_bytes(&peer->out) + peer->handed;
    if (queued > peer->outbound_bytes - encoded ||
        gdwsi_outq_packets(&peer->out) >= peer->outbound_packets) {
        peer->owes_drained = true;
        return GDWS_OUT_OF_MEMORY;
    }
    return GDWS_OK;
}

/* Messages from this length on skip the queue where they can: copying costs more than a call. */
#define AT_ONCE_MIN 4096u

/* Send at once what can be sent of a message, and queue what is left of it. */
static gdws_error put_at_once(gdws_peer *peer, const gdwsi_frame *frame, const void *payload)
{
    gdwsi_outq *out = &peer->out;
    size_t size = gdwsi_frame_header_size(frame) + (size_t)frame->length;
    /* There must be room for the rest before a part of it has gone. */
    gdws_error error = gdwsi_outq_reserve(out, size);
    if (error != GDWS_OK) {
        return error;
    }
    size_t sent = peer->carrier->send_at_once(peer, frame, payload);
    if (sent == size) {
        gdwsi_outq_clear(out);
        return GDWS_OK;
    }
    return sent > 0 ? gdwsi_outq_put_rest(out, *frame, payload, sent)
                    : gdwsi_outq_put_message(out, *frame, payload);
}

static inline __attribute__((always_inline)) gdws_error
put_message(gdws_peer *peer, const gdwsi_frame *frame, const void *payload)
{
    if (frame->length >= AT_ONCE_MIN && !peer->is_client && gdwsi_outq_bytes(&peer->out) == 0) {
        return put_at_once(peer, frame, payload);
    }
    return gdwsi_outq_put_message(&peer->out, *frame, payload);
}

/* A message while it is compressed; all zero if it is not. */
typedef struct packed_message {
    uint8_t *bytes;
    size_t capacity;
    bool is_shorter;
} packed_message;

/* Compress a message if it shrinks: so it never takes more room than was asked for. Returns the
 * payload to send. */
static const void *compress(gdws_peer *peer, gdwsi_frame *frame, const void *message,
                            packed_message *packed)
{
    size_t length = (size_t)frame->length;
    if (!gdwsi_deflate_is_worth(peer->deflate, length)) {
        return message;
    }
    packed->bytes = gdwsi_pool_get(peer->out.pool, GDWSI_DEFLATE_ROOM(length), &packed->capacity);
    size_t shorter = packed->bytes != NULL
                         ? gdwsi_deflate_compress(peer->deflate, message, length, packed->bytes)
                         : 0;
    packed->is_shorter = shorter > 0;
    if (!packed->is_shorter) {
        return message;
    }
    frame->compressed = true;
    frame->length = shorter;
    return packed->bytes;
}

static void conclude_compression(gdws_peer *peer, packed_message *packed, gdws_error error)
{
    if (error != GDWS_OK && packed->is_shorter) {
        gdwsi_deflate_forget(peer->deflate);
    }
    gdwsi_pool_put(peer->out.pool, packed->bytes, packed->capacity);
}

/* Queue a message where it is to be compressed, or somebody is to be told. */
static __attribute__((noinline)) gdws_error send_with_care(gdws_peer *peer, gdwsi_frame *frame,
                                                           const void *message, size_t length)
{
    bool is_text = frame->opcode == GDWSI_OPCODE_TEXT;
    packed_message packed = {0};
    const void *payload = peer->deflate != NULL ? compress(peer, frame, message, &packed) : message;
    gdws_error error = put_message(peer, frame, payload);
    if (peer->deflate != NULL) {
        conclude_compression(peer, &packed, error);
    }
    if (error == GDWS_OK) {
        gdwsi_peer_note_sent(peer, message, length, is_text);
        peer->carrier->changed(peer);
    }
    return error;
}

gdws_error gdws_peer_send(gdws_peer *peer, const void *message, size_t length, gdws_write_mode mode)
{
    bool is_text = mode == GDWS_WRITE_MODE_TEXT;
    if (peer == NULL || (message == NULL && length > 0) ||
        (!is_text && mode != GDWS_WRITE_MODE_BINARY)) {
        return GDWS_INVALID_PARAMETER;
    }
    if (peer->state == GDWS_STATE_OPEN && length > gdwsi_outq_message_max(peer->outbound_bytes)) {
        return GDWS_PARAMETER_RANGE_ERROR;
    }
    bool is_masked = peer->is_client && !peer->writes_unmasked;
    gdwsi_frame frame = gdwsi_frame_of_message(is_text, length, is_masked);
    gdws_error error = check_room(peer, gdwsi_frame_header_size(&frame) + length);
    if (error != GDWS_OK) {
        return error;
    }
    if (is_text && !gdwsi_utf8_is_valid(message, length)) {
        return GDWS_INVALID_DATA;
    }
    if (peer->deflate != NULL || gdwsi_taps_are_on(peer->taps)) {
        return send_with_care(peer, &frame, message, length);
    }
    error = put_message(peer, &frame, message);
    if (error == GDWS_OK) {
        peer->packets_sent++;
        peer->bytes_sent += frame.length;
        peer->carrier->changed(peer);
    }
    return error;
}

gdws_error gdwsi_peer_put_encoded(gdws_peer *peer, const uint8_t *bytes, size_t length)
{
    gdws_error error = check_room(peer, length);
    if (error == GDWS_OK) {
        error = gdwsi_outq_put_encoded(&peer->out, bytes, length, 1);
    }
    if (error == GDWS_OK) {
        peer->carrier->changed(peer);
    }
    return error;
}

gdws_error gdws_peer_put_packet(gdws_peer *peer, const void *packet, size_t length)
{
    return gdws_peer_send(peer, packet, length,
                          peer != NULL ? peer->write_mode : GDWS_WRITE_MODE_BINARY);
}

gdws_error gdws_peer_send_text(gdws_peer *peer, const char *text)
{
    if (text == NULL) {
        return GDWS_INVALID_PARAMETER;
    }
    return gdws_peer_send(peer, text, strlen(text), GDWS_WRITE_MODE_TEXT);
}

gdws_error gdws_peer_set_write_mode(gdws_peer *peer, gdws_write_mode mode)
{
    if (peer == NULL || (mode != GDWS_WRITE_MODE_TEXT && mode != GDWS_WRITE_MODE_BINARY)) {
        return GDWS_INVALID_PARAMETER;
    }
    peer->write_mode = mode;
    return GDWS_OK;
}
