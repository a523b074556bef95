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

/* Queue a message, or what is left of it after sending at once what can be sent. */
static gdws_error put_message(gdws_peer *peer, gdwsi_opcode opcode, const void *message,
                              size_t length, bool is_masked)
{
    gdwsi_outq *out = &peer->out;
    gdwsi_frame frame = {.opcode = opcode, .final = true, .length = length};
    size_t size = gdwsi_outq_encoded_size(length, is_masked);
    size_t sent = 0;
    if (length >= AT_ONCE_MIN && !peer->is_client && gdwsi_outq_bytes(out) == 0) {
        /* There must be room for the rest before a part of it has gone. */
        gdws_error error = gdwsi_outq_reserve(out, size);
        if (error != GDWS_OK) {
            return error;
        }
        sent = peer->carrier->send_at_once(peer, &frame, message);
    }
    if (sent == size) {
        gdwsi_outq_clear(out);
        return GDWS_OK;
    }
    if (sent > 0) {
        return gdwsi_outq_put_rest(out, opcode, message, length, sent);
    }
    return gdwsi_outq_put_message(out, opcode, message, length, is_masked);
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
    gdws_error error = check_room(peer, gdwsi_outq_encoded_size(length, is_masked));
    if (error != GDWS_OK) {
        return error;
    }
    if (is_text && !gdwsi_utf8_is_valid(message, length)) {
        return GDWS_INVALID_DATA;
    }
    error = put_message(peer, is_text ? GDWSI_OPCODE_TEXT : GDWSI_OPCODE_BINARY, message, length,
                        is_masked);
    if (error == GDWS_OK) {
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
