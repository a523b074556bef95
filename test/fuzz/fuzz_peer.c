/* SPDX-License-Identifier: MIT */
/* A random program of calls and arrivals on a peer, with its invariants checked after each. */
#include <stdlib.h>
#include <string.h>

#include "mem.h"
#include "peer.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(int condition)
{
    if (!condition) {
        abort();
    }
}

static void ignore_change(gdws_peer *peer)
{
    (void)peer;
}

static gdws_error ignore_no_delay(gdws_peer *peer, bool enabled)
{
    (void)peer;
    (void)enabled;
    return GDWS_OK;
}

static size_t send_nothing(gdws_peer *to, const gdwsi_frame *frame, const void *payload)
{
    (void)to;
    (void)frame;
    (void)payload;
    return 0;
}

static const gdwsi_peer_carrier carrier = {
    .send_at_once = send_nothing, .changed = ignore_change, .set_no_delay = ignore_no_delay};

/* What has been signalled so far. */
typedef struct history {
    int connected;
    int close_requests;
    int disconnected;
} history;

static void take_event(gdws_peer *peer, history *past)
{
    gdwsi_peer_event event = gdwsi_peer_next_event(peer);
    require(past->disconnected == 0 || event == GDWSI_PEER_NOTHING);
    require(past->connected == 1 || event == GDWSI_PEER_CONNECTED);
    require(past->close_requests == 0 || event != GDWSI_PEER_DATA);
    past->connected += event == GDWSI_PEER_CONNECTED ? 1 : 0;
    past->close_requests += event == GDWSI_PEER_CLOSE_REQUEST ? 1 : 0;
    past->disconnected += event == GDWSI_PEER_DISCONNECTED ? 1 : 0;
    require(past->connected <= 1 && past->close_requests <= 1 && past->disconnected <= 1);
}

static void send_some(gdws_peer *peer, size_t max)
{
    uint8_t *bytes;
    size_t length = gdwsi_outq_peek(&peer->out, &bytes);
    gdwsi_outq_drop(&peer->out, length < max ? length : max);
    gdwsi_peer_note_flushed(peer);
}

static void step(gdws_peer *peer, uint8_t what, const uint8_t *bytes, size_t length, history *past)
{
    static const uint8_t mask[4] = {1, 2, 3, 4};
    const uint8_t *packet;
    size_t got;
    switch (what % 12) {
    case 0:
    case 1:
    case 2:
        if (!gdwsi_peer_update_paused(peer)) {
            gdwsi_piece piece = {.bytes = bytes,
                                 .length = length,
                                 .mask = what % 3 == 0 ? mask : NULL,
                                 .remaining = what >> 4,
                                 .is_text = what % 2 == 0,
                                 .is_final = what < 128};
            int code = gdwsi_peer_receive(peer, &piece);
            if (code != 0) {
                gdwsi_peer_fail(peer, code, "");
            }
        }
        break;
    case 3:
        gdwsi_peer_receive_close(peer, bytes, length < 125 ? length : 125);
        break;
    case 4:
        (void)gdws_peer_get_packet(peer, &packet, &got);
        break;
    case 5:
    case 6:
        (void)gdws_peer_send(peer, bytes, length,
                             what < 128 ? GDWS_WRITE_MODE_TEXT : GDWS_WRITE_MODE_BINARY);
        break;
    case 7:
        (void)gdws_peer_close(peer, 1000 + what * 16, "");
        break;
    case 8:
        send_some(peer, what);
        break;
    case 9:
    case 10:
        take_event(peer, past);
        break;
    default:
        if (what > 240) {
            gdwsi_peer_end(peer);
        } else if (what > 220) {
            gdwsi_peer_shut(peer, 1001);
        }
        break;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    gdws_peer peer;
    gdwsi_config config;
    history past = {0};
    gdwsi_config_init_client(&config);
    config.inbound_buffer_bytes = 300;
    config.outbound_buffer_bytes = 300;
    config.max_queued_packets_in = 8;
    config.max_queued_packets_out = 8;
    gdwsi_peer_init(&peer, &carrier, &config, NULL, size % 2 == 0);
    gdwsi_peer_open(&peer);
    while (size >= 2) {
        size_t length = data[1] < size - 2 ? data[1] : size - 2;
        bool was_closed = peer.close_queued;
        size_t queued = gdwsi_outq_bytes(&peer.out);
        step(&peer, data[0], data + 2, length, &past);
        /* Nothing is queued behind a Close frame, and no limit is passed. */
        require(!was_closed || gdwsi_outq_bytes(&peer.out) <= queued);
        require(gdwsi_outq_bytes(&peer.out) <= 300 + 131);
        require(gdwsi_pktq_bytes(&peer.in) <= 600);
        data += 2 + length;
        size -= 2 + length;
    }
    gdwsi_peer_end(&peer);
    gdwsi_peer_abandon(&peer);
    for (int i = 0; i < 40; i++) {
        take_event(&peer, &past);
    }
    require(past.connected == 1 && past.disconnected == 1);
    gdwsi_peer_clear(&peer);
    require(gdwsi_mem_live() == 0);
    return 0;
}
