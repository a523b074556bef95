/* SPDX-License-Identifier: MIT */
/* Frames inwards. Every MUST of RFC 6455 section 5 that concerns a receiver is judged here, but for
 * text, limits and Close payloads, which are the peer's. Invariant: a frame's header is judged
 * before the first byte of its payload goes to the peer. */
#include "decoder.h"

#include <string.h>

#define RESERVED_BITS 0x70
#define LENGTH_16 126
#define LENGTH_64 127

enum { CLOSE_PROTOCOL_ERROR = 1002, CLOSE_TOO_BIG = 1009 };

static bool is_control(uint8_t opcode)
{
    return opcode >= GDWSI_OPCODE_CLOSE;
}

static const char *judge_opcode(const gdws_peer *peer, const gdwsi_frame *frame)
{
    switch (frame->opcode) {
    case GDWSI_OPCODE_CONTINUATION:
        return peer->is_receiving ? NULL : "continuation of no message";
    case GDWSI_OPCODE_TEXT:
    case GDWSI_OPCODE_BINARY:
        return peer->is_receiving ? "message inside a message" : NULL;
    case GDWSI_OPCODE_CLOSE:
    case GDWSI_OPCODE_PING:
    case GDWSI_OPCODE_PONG:
        if (!frame->final) {
            return "fragmented control frame";
        }
        return frame->length > GDWSI_FRAME_CONTROL_MAX ? "control frame over 125 bytes" : NULL;
    default:
        return "unknown opcode";
    }
}

/* The first frame of a message may say that it is compressed, where that was agreed on (RFC 7692
 * section 6.1); nothing else may set a reserved bit. */
static bool may_reserve(const gdws_peer *peer, const gdwsi_frame *frame, uint8_t bits)
{
    return bits == GDWSI_FRAME_COMPRESSED_BIT && peer->deflate != NULL &&
           (frame->opcode == GDWSI_OPCODE_TEXT || frame->opcode == GDWSI_OPCODE_BINARY);
}

/* Judge a header. Returns what is wrong with it, NULL when nothing is. */
static const char *judge_header(const gdws_peer *peer, const gdwsi_frame *frame,
                                const uint8_t *bytes)
{
    uint8_t length7 = bytes[1] & 0x7f;
    uint8_t reserved = bytes[0] & RESERVED_BITS;
    if (reserved != 0 && !may_reserve(peer, frame, reserved)) {
        return "reserved bits are set";
    }
    if (frame->masked == peer->is_client) {
        return peer->is_client ? "masked frame of a server" : "unmasked frame of a client";
    }
    if ((length7 == LENGTH_16 && frame->length < LENGTH_16) ||
        (length7 == LENGTH_64 && frame->length <= UINT16_MAX)) {
        return "length is not in its shortest form";
    }
    if (frame->length > INT64_MAX) {
        return "length over 63 bits";
    }
    return judge_opcode(peer, frame);
}

/* Read a header from the bytes, or go on with one. Returns how many bytes it used; size is that of
 * the whole header, 0 while some of it is missing. */
static size_t read_header(gdwsi_decoder *decoder, gdwsi_frame *frame, const uint8_t *bytes,
                          size_t length, size_t *size)
{
    size_t used = 0;
    if (decoder->header_length == 0) {
        *size = gdwsi_frame_read_header(frame, bytes, length);
        if (*size > 0) {
            memcpy(decoder->header, bytes, 2);
            return *size;
        }
    }
    do {
        *size = gdwsi_frame_read_header(frame, decoder->header, decoder->header_length);
        if (*size == 0 && used < length) {
            decoder->header[decoder->header_length] = bytes[used];
            decoder->header_length++;
            used++;
        } else {
            break;
        }
    } while (true);
    return used;
}

/* Begin a frame. Returns 0 or a close code; *is_whole tells whether the header was complete. */
static int begin_frame(gdwsi_decoder *decoder, const gdws_peer *peer, const uint8_t *bytes,
                       size_t length, size_t *used)
{
    gdwsi_frame frame;
    size_t size = 0;
    *used += read_header(decoder, &frame, bytes, length, &size);
    if (size == 0) {
        return 0;
    }
    decoder->fault = judge_header(peer, &frame, decoder->header);
    if (decoder->fault != NULL) {
        return CLOSE_PROTOCOL_ERROR;
    }
    decoder->header_length = 0;
    decoder->control_length = 0;
    decoder->opcode = (uint8_t)frame.opcode;
    decoder->is_final = frame.final;
    decoder->is_masked = frame.masked;
    decoder->remaining = frame.length;
    decoder->is_in_frame = true;
    memcpy(decoder->mask, frame.mask, sizeof(decoder->mask));
    return 0;
}

/* Turn the key so that its first byte is for the byte after length more. */
static void turn_mask(gdwsi_decoder *decoder, size_t length)
{
    uint8_t turned[4];
    for (size_t i = 0; i < sizeof(turned); i++) {
        turned[i] = decoder->mask[(i + length) & 3];
    }
    memcpy(decoder->mask, turned, sizeof(turned));
}

static void finish_control(gdwsi_decoder *decoder, gdws_peer *peer)
{
    switch (decoder->opcode) {
    case GDWSI_OPCODE_CLOSE:
        decoder->is_done = true;
        gdwsi_peer_receive_close(peer, decoder->control, decoder->control_length);
        break;
    case GDWSI_OPCODE_PING:
        gdwsi_peer_receive_ping(peer, decoder->control, decoder->control_length);
        break;
    default:
        peer->carrier->received_pong(peer, decoder->control, decoder->control_length);
        break;
    }
}

static void take_control(gdwsi_decoder *decoder, gdws_peer *peer, const uint8_t *bytes,
                         size_t length)
{
    /* The key is all zero where nothing is masked. */
    gdwsi_frame_mask(decoder->control + decoder->control_length, bytes, length, decoder->mask);
    decoder->control_length = (uint8_t)(decoder->control_length + length);
    if (decoder->remaining == 0) {
        finish_control(decoder, peer);
    }
}

/* Take what there is of the frame's payload, possibly nothing. Returns 0 or a close code. */
static int take_payload(gdwsi_decoder *decoder, gdws_peer *peer, const uint8_t *bytes,
                        size_t length)
{
    int code = 0;
    decoder->remaining -= length;
    bool is_whole = decoder->remaining == 0;
    if (is_control(decoder->opcode)) {
        take_control(decoder, peer, bytes, length);
    } else {
        gdwsi_piece piece = {.bytes = bytes,
                             .length = length,
                             .mask = decoder->is_masked ? decoder->mask : NULL,
                             .remaining = decoder->remaining,
                             .is_text = decoder->opcode == GDWSI_OPCODE_TEXT,
                             .is_compressed =
                                 (decoder->header[0] & GDWSI_FRAME_COMPRESSED_BIT) != 0,
                             .is_final = decoder->is_final && is_whole};
        code = gdwsi_peer_receive(peer, &piece);
        decoder->fault = "";
    }
    if (!is_whole) {
        turn_mask(decoder, length);
    }
    decoder->is_in_frame = !is_whole;
    return code;
}

/* A few compressed bytes can be very many: even at the end not all is taken from a peer whose
 * packets nobody takes. */
static bool is_overfull(const gdws_peer *peer)
{
    return peer->deflate != NULL && gdwsi_pktq_bytes(&peer->in) / 4 >= peer->inbound_bytes;
}

int gdwsi_decoder_feed(gdwsi_decoder *decoder, gdws_peer *peer, const uint8_t *bytes, size_t length,
                       bool must_take_all, size_t *used)
{
    size_t at = 0;
    int code = 0;
    bool is_full = false;
    while (at < length && code == 0 && !decoder->is_done && !is_full) {
        if (!decoder->is_in_frame) {
            code = begin_frame(decoder, peer, bytes + at, length - at, &at);
        }
        if (code == 0 && decoder->is_in_frame) {
            size_t piece = length - at;
            if (piece > decoder->remaining) {
                piece = (size_t)decoder->remaining;
            }
            code = take_payload(decoder, peer, bytes + at, piece);
            at += piece;
            is_full = !must_take_all ? gdwsi_peer_update_paused(peer) : is_overfull(peer);
        }
    }
    decoder->is_done = decoder->is_done || code != 0;
    *used = decoder->is_done ? length : at;
    return code;
}
