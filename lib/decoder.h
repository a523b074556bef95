/* SPDX-License-Identifier: MIT */
/* Decoder: RFC 6455 section 5 inwards. Turns the bytes of a connection, cut anywhere, into what the
 * peer receives. Knows no socket. */
#ifndef GDWSI_DECODER_H
#define GDWSI_DECODER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "frame.h"
#include "peer.h"

/* All zero at the beginning of a connection. Fields are private to decoder.c, but for fault. */
typedef struct gdwsi_decoder {
    uint64_t remaining;                     /* payload bytes of the frame that are still to come */
    const char *fault;                      /* what was wrong, after an error */
    uint8_t header[GDWSI_FRAME_HEADER_MAX]; /* of a frame, as far as it has come; then its first two
                                               bytes */
    uint8_t header_length;
    uint8_t control_length;
    uint8_t opcode;
    bool is_final;
    bool is_masked;
    bool is_in_frame; /* the header is complete */
    bool is_done;     /* a Close frame or an error: whatever follows is ignored */
    uint8_t mask[4];  /* the key, turned so that its first byte is for the next byte */
    uint8_t control[GDWSI_FRAME_CONTROL_MAX];
} gdwsi_decoder;

/* Give the next bytes to the peer. Stops early when the peer is full; with must_take_all only when
 * it is very full of what was compressed. Returns 0 with the number of bytes used, or the code with
 * which the connection must fail. */
int gdwsi_decoder_feed(gdwsi_decoder *decoder, gdws_peer *peer, const uint8_t *bytes, size_t length,
                       bool must_take_all, size_t *used);

#endif
