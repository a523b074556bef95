/* SPDX-License-Identifier: MIT */
/* What can be asked of a peer: thin, nothing changes. */
#include "peer.h"
#include "request.h"

gdws_write_mode gdws_peer_get_write_mode(const gdws_peer *peer)
{
    return peer != NULL ? peer->write_mode : GDWS_WRITE_MODE_BINARY;
}

void gdws_peer_set_user(gdws_peer *peer, void *user)
{
    if (peer != NULL) {
        peer->user = user;
    }
}

void *gdws_peer_get_user(const gdws_peer *peer)
{
    return peer != NULL ? peer->user : NULL;
}

size_t gdws_peer_get_max_packet_size(const gdws_peer *peer)
{
    return peer != NULL ? gdwsi_outq_message_max(peer->outbound_bytes) : 0;
}

gdws_ready_state gdws_peer_get_ready_state(const gdws_peer *peer)
{
    return peer != NULL ? peer->state : GDWS_STATE_CLOSED;
}

bool gdws_peer_is_connected_to_host(const gdws_peer *peer)
{
    return peer != NULL && (peer->state == GDWS_STATE_OPEN || peer->state == GDWS_STATE_CLOSING);
}

int gdws_peer_get_close_code(const gdws_peer *peer)
{
    return peer != NULL ? peer->close_code : -1;
}

const char *gdws_peer_get_close_reason(const gdws_peer *peer)
{
    return peer != NULL ? peer->close_reason : "";
}

static const char *text_or_empty(const char *text)
{
    return text != NULL ? text : "";
}

const char *gdws_peer_get_end_reason(const gdws_peer *peer)
{
    bool is_lost = peer != NULL && peer->state == GDWS_STATE_CLOSED && !gdwsi_peer_was_clean(peer);
    return text_or_empty(is_lost ? peer->end_reason : NULL);
}

const char *gdws_peer_get_connected_host(const gdws_peer *peer)
{
    return text_or_empty(peer != NULL ? peer->host : NULL);
}

uint16_t gdws_peer_get_connected_port(const gdws_peer *peer)
{
    return peer != NULL ? peer->port : 0;
}

const char *gdws_peer_get_selected_protocol(const gdws_peer *peer)
{
    return text_or_empty(peer != NULL ? peer->protocol : NULL);
}

const char *gdws_peer_get_extensions(const gdws_peer *peer)
{
    return peer != NULL && peer->deflate != NULL ? "permessage-deflate" : "";
}

const char *gdws_peer_get_requested_url(const gdws_peer *peer)
{
    return text_or_empty(peer != NULL ? peer->url : NULL);
}

const char *gdws_peer_get_request_header(const gdws_peer *peer, const char *name)
{
    return peer != NULL && name != NULL ? gdwsi_request_find(peer->request_headers, name) : NULL;
}

const char *gdws_peer_get_certificate_subject(const gdws_peer *peer)
{
    return text_or_empty(peer != NULL ? peer->certificate_subject : NULL);
}

int gdws_peer_get_round_trip_time_ms(const gdws_peer *peer)
{
    return peer != NULL ? peer->round_trip_time_ms : -1;
}

uint32_t gdws_peer_get_heartbeat_interval_ms(const gdws_peer *peer)
{
    return peer != NULL ? peer->heartbeat_interval_ms : 0;
}

int32_t gdws_peer_get_id(const gdws_peer *peer)
{
    return peer != NULL ? peer->id : 0;
}

int64_t gdws_peer_get_connected_since_ms(const gdws_peer *peer)
{
    return peer != NULL ? peer->opened_at_ms : 0;
}

uint64_t gdws_peer_get_received_packet_count(const gdws_peer *peer)
{
    return peer != NULL ? peer->packets_received : 0;
}

uint64_t gdws_peer_get_received_bytes(const gdws_peer *peer)
{
    return peer != NULL ? peer->bytes_received : 0;
}

uint64_t gdws_peer_get_sent_packet_count(const gdws_peer *peer)
{
    return peer != NULL ? peer->packets_sent : 0;
}

uint64_t gdws_peer_get_sent_bytes(const gdws_peer *peer)
{
    return peer != NULL ? peer->bytes_sent : 0;
}

size_t gdws_peer_get_current_inbound_buffered_amount(const gdws_peer *peer)
{
    return peer != NULL ? gdwsi_pktq_bytes(&peer->in) + gdwsi_pktq_open_length(&peer->in) : 0;
}

bool gdws_peer_is_paused(const gdws_peer *peer)
{
    return peer != NULL && peer->is_paused;
}

static size_t lend_list(const gdwsi_list *list, const char *const **items)
{
    if (items != NULL) {
        *items = list != NULL ? (const char *const *)list->items : NULL;
    }
    return list != NULL ? list->count : 0;
}

size_t gdws_peer_get_supported_protocols(const gdws_peer *peer, const char *const **protocols)
{
    return lend_list(peer != NULL ? &peer->config->protocols : NULL, protocols);
}

size_t gdws_peer_get_handshake_headers(const gdws_peer *peer, const char *const **headers)
{
    return lend_list(peer != NULL ? &peer->config->headers : NULL, headers);
}

size_t gdws_peer_get_inbound_buffer_size(const gdws_peer *peer)
{
    return peer != NULL ? peer->inbound_bytes : 0;
}

size_t gdws_peer_get_outbound_buffer_size(const gdws_peer *peer)
{
    return peer != NULL ? peer->outbound_bytes : 0;
}

size_t gdws_peer_get_max_queued_packets(const gdws_peer *peer)
{
    return peer != NULL ? peer->inbound_packets : 0;
}

gdws_error gdws_peer_set_no_delay(gdws_peer *peer, bool enabled)
{
    if (peer == NULL) {
        return GDWS_INVALID_PARAMETER;
    }
    if (!gdws_peer_is_connected_to_host(peer)) {
        return GDWS_UNAVAILABLE;
    }
    return peer->carrier->set_no_delay(peer, enabled);
}
