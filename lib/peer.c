/* SPDX-License-Identifier: MIT */
/* The peer's state machine. Invariants: nothing is queued behind our Close frame; a Close frame is
 * queued at most once; the inbound queue never holds more than one message over its limit in bytes;
 * disconnected is owed exactly once to a peer that was open. It must not know sockets, time or
 * libwebsockets. */
#include "peer.h"

#include <string.h>

#include "frame.h"
#include "mem.h"

enum { CLOSE_PROTOCOL_ERROR = 1002, CLOSE_INVALID_PAYLOAD = 1007 };

void gdwsi_peer_init(gdws_peer *peer, const gdwsi_peer_carrier *carrier, const gdwsi_config *config,
                     gdwsi_pool *pool, bool is_client)
{
    memset(peer, 0, sizeof(*peer));
    peer->carrier = carrier;
    peer->config = config;
    peer->state = GDWS_STATE_CONNECTING;
    peer->write_mode = GDWS_WRITE_MODE_BINARY;
    peer->is_client = is_client;
    peer->inbound_bytes = config->inbound_buffer_bytes;
    peer->inbound_packets = config->max_queued_packets_in;
    peer->outbound_bytes = config->outbound_buffer_bytes;
    peer->outbound_packets = config->max_queued_packets_out;
    peer->heartbeat_interval_ms = config->heartbeat_interval_ms;
    peer->close_code = -1;
    peer->round_trip_time_ms = -1;
    gdwsi_pktq_init(&peer->in, pool);
    gdwsi_outq_init(&peer->out, pool);
}

void gdwsi_peer_clear(gdws_peer *peer)
{
    gdwsi_pktq_clear(&peer->in);
    gdwsi_outq_clear(&peer->out);
    gdwsi_deflate_free(peer->deflate);
    gdwsi_mem_free(peer->host);
    gdwsi_mem_free(peer->protocol);
    gdwsi_mem_free(peer->url);
    gdwsi_mem_free(peer->certificate_subject);
    peer->deflate = NULL;
    peer->host = NULL;
    peer->protocol = NULL;
    peer->url = NULL;
    peer->request_headers = NULL;
    peer->certificate_subject = NULL;
}

static void set_state(gdws_peer *peer, gdws_ready_state state)
{
    bool is_new = peer->state != state;
    peer->state = state;
    if (is_new && gdwsi_taps_are_on(peer->taps)) {
        gdwsi_taps_tell_state(peer->taps, peer, state);
    }
}

void gdwsi_peer_open(gdws_peer *peer)
{
    peer->owes_connected = true;
    peer->owes_disconnected = true;
    set_state(peer, GDWS_STATE_OPEN);
}

/* Inwards: the rest is in peer_receive.c */

/* Pongs that the other side does not read must not pile up: then its pings wait in its own buffers.
 */
#define PONGS_MAX 65536u

void gdwsi_peer_receive_ping(gdws_peer *peer, const uint8_t *payload, size_t length)
{
    if (peer->close_queued || peer->state == GDWS_STATE_CLOSED) {
        return;
    }
    size_t before = gdwsi_outq_bytes(&peer->out);
    if (before == 0) {
        peer->pongs = 0;
    }
    /* Without memory there is no answer, as if the ping had been lost. */
    (void)gdwsi_outq_put_control(&peer->out, GDWSI_OPCODE_PONG, payload, length, peer->is_client);
    peer->pongs += gdwsi_outq_bytes(&peer->out) - before;
}

static bool has_too_many_pongs(const gdws_peer *peer)
{
    return peer->pongs >= PONGS_MAX && gdwsi_outq_bytes(&peer->out) > 0;
}

static bool is_full(const gdws_peer *peer)
{
    if (has_too_many_pongs(peer)) {
        return true;
    }
    size_t packets = gdwsi_pktq_packets(&peer->in);
    size_t bytes = gdwsi_pktq_bytes(&peer->in) + gdwsi_pktq_open_length(&peer->in);
    return packets >= peer->inbound_packets || (packets > 0 && bytes >= peer->inbound_bytes);
}

/* Half empty, so that pausing and going on do not alternate with each packet. */
static bool has_room_again(const gdws_peer *peer)
{
    size_t packets = gdwsi_pktq_packets(&peer->in);
    if (has_too_many_pongs(peer)) {
        return false;
    }
    return packets == 0 || (packets <= peer->inbound_packets / 2 &&
                            gdwsi_pktq_bytes(&peer->in) <= peer->inbound_bytes / 2);
}

bool gdwsi_peer_judge_paused(gdws_peer *peer)
{
    if (peer->is_failed) {
        peer->is_paused = false;
    } else if (peer->is_paused) {
        peer->is_paused = !has_room_again(peer);
    } else {
        peer->is_paused = is_full(peer);
    }
    return peer->is_paused;
}

/* Closing */

/* Queue our Close frame, once. Without memory nothing has changed. */
static gdws_error queue_close(gdws_peer *peer, int code, const char *reason)
{
    if (peer->close_queued) {
        return GDWS_OK;
    }
    uint8_t payload[GDWSI_FRAME_CONTROL_MAX];
    size_t length = 0;
    if (code != GDWSI_PEER_NO_STATUS) {
        payload[0] = (uint8_t)(code >> 8);
        payload[1] = (uint8_t)code;
        size_t reason_length = strnlen(reason, GDWSI_PEER_REASON_MAX);
        memcpy(payload + 2, reason, reason_length);
        length = 2 + reason_length;
    }
    gdws_error error =
        gdwsi_outq_put_control(&peer->out, GDWSI_OPCODE_CLOSE, payload, length, peer->is_client);
    peer->close_queued = error == GDWS_OK;
    return error;
}

/* The same where the connection ends in any case: without memory it ends without a Close frame. */
static void queue_last_close(gdws_peer *peer, int code, const char *reason)
{
    (void)queue_close(peer, code, reason);
    peer->close_queued = true;
}

/* Judge the payload of a Close frame (RFC 6455 sections 5.5.1 and 7.4). Returns the code to answer
 * with, which is the code received when that is in order. */
static int judge_close(const uint8_t *payload, size_t length)
{
    if (length == 0) {
        return GDWSI_PEER_NO_STATUS;
    }
    int code = length >= 2 ? payload[0] << 8 | payload[1] : 0;
    if (!gdwsi_frame_is_sendable_close_code(code)) {
        return CLOSE_PROTOCOL_ERROR;
    }
    if (!gdwsi_utf8_is_valid(payload + 2, length - 2)) {
        return CLOSE_INVALID_PAYLOAD;
    }
    return code;
}

void gdwsi_peer_receive_close(gdws_peer *peer, const uint8_t *payload, size_t length)
{
    if (peer->close_code != -1 || peer->state == GDWS_STATE_CLOSED) {
        return;
    }
    int code = length >= 2 ? payload[0] << 8 | payload[1] : GDWSI_PEER_NO_STATUS;
    int answer = judge_close(payload, length);
    bool is_in_order = answer == code;
    if (is_in_order && length > 2) {
        size_t reason_length = length - 2;
        if (reason_length > GDWSI_PEER_REASON_MAX) {
            reason_length = GDWSI_PEER_REASON_MAX;
        }
        memcpy(peer->close_reason, payload + 2, reason_length);
        peer->close_reason[reason_length] = '\0';
    }
    peer->close_code = code;
    peer->close_received = is_in_order;
    if (!is_in_order) {
        gdwsi_peer_note_end(peer, "a Close frame that is not in order");
        peer->is_failed = true;
    }
    peer->owes_close_request = true;
    gdwsi_pktq_abort(&peer->in);
    peer->is_receiving = false;
    queue_last_close(peer, answer, is_in_order ? peer->close_reason : "");
    set_state(peer, GDWS_STATE_CLOSING);
}

void gdwsi_peer_note_end(gdws_peer *peer, const char *reason)
{
    if (peer->end_reason == NULL) {
        peer->end_reason = reason;
    }
}

void gdwsi_peer_fail(gdws_peer *peer, int code, const char *reason)
{
    if (reason[0] != '\0') {
        gdwsi_peer_note_end(peer, reason);
    }
    peer->is_failed = true;
    queue_last_close(peer, code, reason);
    if (peer->state == GDWS_STATE_OPEN) {
        set_state(peer, GDWS_STATE_CLOSING);
    }
}

void gdwsi_peer_shut(gdws_peer *peer, int code)
{
    if (peer->state != GDWS_STATE_CLOSED) {
        gdwsi_peer_note_end(peer, "closed here, and not waited for");
        gdwsi_peer_fail(peer, code, "");
        set_state(peer, GDWS_STATE_CLOSED);
    }
    peer->is_abandoned = true;
}

static const char *reason_of_end(const gdws_peer *peer)
{
    if (!peer->close_queued) {
        return "ended without a Close frame";
    }
    return peer->close_flushed ? "no answer to the Close frame" : "the other side takes nothing";
}

void gdwsi_peer_end(gdws_peer *peer)
{
    gdwsi_pktq_abort(&peer->in);
    peer->is_receiving = false;
    gdwsi_outq_clear(&peer->out);
    peer->handed = 0;
    peer->owes_drained = false;
    if (!gdwsi_peer_was_clean(peer)) {
        gdwsi_peer_note_end(peer, reason_of_end(peer));
    }
    set_state(peer, GDWS_STATE_CLOSED);
}

bool gdwsi_peer_is_owed_disconnected(const gdws_peer *peer)
{
    return peer->owes_disconnected;
}

void gdwsi_peer_abandon(gdws_peer *peer)
{
    peer->is_abandoned = true;
}

bool gdwsi_peer_was_clean(const gdws_peer *peer)
{
    return peer->close_received && peer->close_flushed && !peer->is_failed;
}

/* Events */

static bool is_disconnected_due(const gdws_peer *peer)
{
    return peer->owes_disconnected && peer->state == GDWS_STATE_CLOSED &&
           (peer->is_abandoned || gdwsi_pktq_packets(&peer->in) == 0);
}

/* Packets that a handler took before their signal came need no signal any more. */
static size_t owed_data(const gdws_peer *peer)
{
    size_t packets = gdwsi_pktq_packets(&peer->in);
    return peer->owed_data < packets ? peer->owed_data : packets;
}

static bool is_drained_due(const gdws_peer *peer)
{
    return peer->owes_drained && peer->state != GDWS_STATE_CLOSED &&
           gdws_peer_get_current_outbound_buffered_amount(peer) == 0;
}

gdwsi_peer_event gdwsi_peer_next_event(gdws_peer *peer)
{
    if (peer->owes_connected) {
        peer->owes_connected = false;
        return GDWSI_PEER_CONNECTED;
    }
    peer->owed_data = owed_data(peer);
    if (peer->owed_data > 0) {
        peer->owed_data--;
        return GDWSI_PEER_DATA;
    }
    if (is_drained_due(peer)) {
        peer->owes_drained = false;
        return GDWSI_PEER_DRAINED;
    }
    if (peer->owes_close_request) {
        peer->owes_close_request = false;
        return GDWSI_PEER_CLOSE_REQUEST;
    }
    if (is_disconnected_due(peer)) {
        peer->owes_disconnected = false;
        return GDWSI_PEER_DISCONNECTED;
    }
    return GDWSI_PEER_NOTHING;
}

bool gdwsi_peer_has_late_event(const gdws_peer *peer)
{
    return is_drained_due(peer) || is_disconnected_due(peer);
}

/* Packets */

gdws_error gdws_peer_get_packet(gdws_peer *peer, const uint8_t **packet, size_t *length)
{
    if (packet != NULL) {
        *packet = NULL;
    }
    if (length != NULL) {
        *length = 0;
    }
    if (peer == NULL || packet == NULL || length == NULL) {
        return GDWS_INVALID_PARAMETER;
    }
    bool is_text = false;
    gdws_error error = gdwsi_pktq_take(&peer->in, packet, length, &is_text);
    if (error != GDWS_OK) {
        return error;
    }
    peer->was_string = is_text;
    if ((peer->is_paused && has_room_again(peer)) || is_disconnected_due(peer)) {
        peer->carrier->changed(peer);
    }
    return GDWS_OK;
}

size_t gdws_peer_get_available_packet_count(const gdws_peer *peer)
{
    return peer != NULL ? gdwsi_pktq_packets(&peer->in) : 0;
}

bool gdws_peer_was_string_packet(const gdws_peer *peer)
{
    return peer != NULL && peer->was_string;
}

size_t gdws_peer_get_current_outbound_buffered_amount(const gdws_peer *peer)
{
    return peer != NULL ? gdwsi_outq_bytes(&peer->out) + peer->handed : 0;
}

void gdwsi_peer_note_flushed(gdws_peer *peer)
{
    if (gdws_peer_get_current_outbound_buffered_amount(peer) > 0) {
        peer->owes_drained = true;
    }
}

/* Closing, by the program */

gdws_error gdwsi_peer_check_close(int code, const char *reason)
{
    if (!gdwsi_frame_is_sendable_close_code(code)) {
        return GDWS_INVALID_PARAMETER;
    }
    size_t length = reason != NULL ? strlen(reason) : 0;
    if (length > GDWSI_PEER_REASON_MAX || !gdwsi_utf8_is_valid(reason, length)) {
        return GDWS_INVALID_PARAMETER;
    }
    return GDWS_OK;
}

gdws_error gdws_peer_close(gdws_peer *peer, int code, const char *reason)
{
    if (peer == NULL || gdwsi_peer_check_close(code, reason) != GDWS_OK) {
        return GDWS_INVALID_PARAMETER;
    }
    if (peer->state != GDWS_STATE_OPEN) {
        return GDWS_UNAVAILABLE;
    }
    gdws_error error = queue_close(peer, code, reason != NULL ? reason : "");
    if (error == GDWS_OK) {
        peer->is_left = true;
        set_state(peer, GDWS_STATE_CLOSING);
        peer->carrier->changed(peer);
    }
    return error;
}
