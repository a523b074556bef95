/* SPDX-License-Identifier: MIT */
/* Bytes of a hostile peer: a head, and frames. The frames are decoded twice, whole and cut as the
 * input says, and must mean the same. The first byte says whose they are and what was agreed on. */
#include <stdlib.h>
#include <string.h>

#include "decoder.h"
#include "handshake.h"
#include "mem.h"
#include "request.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(int condition)
{
    if (!condition) {
        abort();
    }
}

static void ignore_pong(gdws_peer *peer, const uint8_t *payload, size_t length)
{
    (void)peer;
    (void)payload;
    (void)length;
}

static const gdwsi_peer_carrier carrier = {.received_pong = ignore_pong};

/* What came of the bytes. */
typedef struct outcome {
    int code;
    int close_code;
    size_t packets;
    size_t bytes;
    size_t queued;
} outcome;

static uint8_t window_bits(uint8_t kind)
{
    return (uint8_t)(8 + (kind >> 4) % 8);
}

/* Decode in pieces of a few sizes; step 0 is all at once. */
static outcome decode(const uint8_t *data, size_t size, uint8_t kind, size_t step)
{
    gdws_peer peer;
    gdwsi_config config;
    gdwsi_decoder decoder = {0};
    outcome result = {0};
    gdwsi_config_init_client(&config);
    config.inbound_buffer_bytes = 4096;
    gdwsi_peer_init(&peer, &carrier, &config, NULL, kind % 2 == 0);
    if (kind & 2) {
        const gdwsi_extension_terms terms = {.is_agreed = true,
                                             .they_forget = (kind & 4) != 0,
                                             .our_bits = 12,
                                             .their_bits = window_bits(kind)};
        peer.deflate = gdwsi_deflate_new(&terms);
    }
    gdwsi_peer_open(&peer);
    size_t at = 0;
    bool is_full = false;
    while (at < size && result.code == 0 && !is_full) {
        uint8_t piece[4096];
        size_t used = 0;
        size_t length = size - at;
        size_t most = step == 0 ? sizeof(piece) : 1 + at % step;
        length = length < most ? length : most;
        memcpy(piece, data + at, length);
        result.code = gdwsi_decoder_feed(&decoder, &peer, piece, length, true, &used);
        is_full = used < length;
        require(!is_full || peer.deflate != NULL);
        require(gdwsi_pktq_bytes(&peer.in) <= 5 * (size_t)4096 || peer.deflate == NULL);
        require(result.code == 0 || decoder.fault != NULL);
        at += length;
    }
    result.close_code = peer.close_code;
    result.packets = gdwsi_pktq_packets(&peer.in);
    result.bytes = gdwsi_pktq_bytes(&peer.in);
    result.queued = gdwsi_outq_bytes(&peer.out);
    gdwsi_peer_clear(&peer);
    gdwsi_config_clear(&config);
    return result;
}

/* What is kept of a request says what the request said. */
static void keep(const gdwsi_http_head *head, const char *offered)
{
    const char *headers = NULL;
    gdws_request request;
    char *record = gdwsi_request_make_record("ws", head, &headers);
    require(record != NULL && strncmp(record, "ws://", 5) == 0);
    require(gdwsi_request_init(&request, head, headers, offered));
    require(gdws_request_get_path(&request)[0] == '/');
    for (size_t i = 0; i < head->count; i++) {
        const char *value = gdws_request_get_header(&request, head->headers[i].name);
        require(value != NULL);
        require(gdwsi_http_count(head, head->headers[i].name) > 1 ||
                strcmp(value, head->headers[i].value) == 0);
    }
    gdwsi_request_clear(&request);
    gdwsi_mem_free(record);
}

static void shake_hands(const uint8_t *data, size_t size)
{
    gdwsi_http_head head;
    gdwsi_config config;
    const char *chosen;
    gdwsi_offer offer;
    gdwsi_extension_terms terms;
    char answer[GDWSI_HANDSHAKE_TEXT_MAX];
    gdwsi_config_init_server(&config);
    config.compresses = true;
    char *text = malloc(size + 1);
    memcpy(text, data, size);
    size_t end = gdwsi_http_find_end(text, size, 0);
    if (end > 0 && gdwsi_http_parse_request(&head, text, end) == 0 &&
        gdwsi_handshake_judge_head(&head) == 0 &&
        gdwsi_handshake_judge_request(&config, &head, &offer) == 0) {
        size_t length =
            gdwsi_handshake_write_answer(&config, &head, &offer, answer, sizeof(answer));
        require(length == 0 || strstr(answer, "\r\n\r\n") == answer + length - 4);
        keep(&head, offer.offered);
    }
    memcpy(text, data, size);
    if (end > 0 && gdwsi_http_parse_answer(&head, text, end)) {
        (void)gdwsi_handshake_judge_answer(&config, &head, "dGhlIHNhbXBsZSBub25jZQ==", &chosen,
                                           &terms);
    }
    free(text);
    gdwsi_config_clear(&config);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2) {
        return 0;
    }
    outcome whole = decode(data + 2, size - 2, data[0], 0);
    outcome cut = decode(data + 2, size - 2, data[0], 1 + data[1] % 16);
    /* Whether zlib notices a reference beyond a small window depends on how the bytes are cut. */
    if ((data[0] & 2) == 0 || window_bits(data[0]) == 15) {
        /* Of a message that is too long and no text either, what is seen first counts. */
        bool may_differ = (data[0] & 2) != 0 && whole.code != 0 && cut.code != 0;
        require(whole.code == cut.code || may_differ);
        require(whole.close_code == cut.close_code);
        require(whole.packets == cut.packets && whole.bytes == cut.bytes);
        require(whole.queued == cut.queued);
    }
    if (size <= GDWSI_HTTP_HEAD_MAX) {
        shake_hands(data + 2, size - 2);
    }
    require(gdwsi_mem_live() == 0);
    return 0;
}
