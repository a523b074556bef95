/* SPDX-License-Identifier: MIT */
/* Frames: RFC 6455 section 5.2 headers, written and read back, and masking (5.3). Knows bytes
 * only: no sockets, no queues. */
#ifndef GDWSI_FRAME_H
#define GDWSI_FRAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The longest header: 2 bytes, 8 bytes of length, 4 bytes of mask. */
#define GDWSI_FRAME_HEADER_MAX 14

/* RSV1 in the first byte, which permessage-deflate uses (RFC 7692 section 6). */
#define GDWSI_FRAME_COMPRESSED_BIT 0x40

/* The longest payload of a control frame (RFC 6455 section 5.5). */
#define GDWSI_FRAME_CONTROL_MAX 125

typedef enum gdwsi_opcode {
    GDWSI_OPCODE_CONTINUATION = 0x0,
    GDWSI_OPCODE_TEXT = 0x1,
    GDWSI_OPCODE_BINARY = 0x2,
    GDWSI_OPCODE_CLOSE = 0x8,
    GDWSI_OPCODE_PING = 0x9,
    GDWSI_OPCODE_PONG = 0xa
} gdwsi_opcode;

typedef struct gdwsi_frame {
    gdwsi_opcode opcode;
    bool final;
    bool compressed; /* sets the bit below */
    bool masked;
    uint8_t mask[4];
    uint64_t length; /* of the payload */
} gdwsi_frame;

/* How many bytes of extended length a payload's length takes, in the shortest encoding. */
static inline size_t gdwsi_frame_length_size(uint64_t length)
{
    if (length < 126) {
        return 0;
    }
    return length <= UINT16_MAX ? 2 : 8;
}

/* How many bytes the header of this frame takes: 2 to 14. */
static inline size_t gdwsi_frame_header_size(const gdwsi_frame *frame)
{
    return 2 + gdwsi_frame_length_size(frame->length) + (frame->masked ? sizeof(frame->mask) : 0);
}

/* A message in one frame. */
static inline gdwsi_frame gdwsi_frame_of_message(bool is_text, size_t length, bool is_masked)
{
    return (gdwsi_frame){.opcode = is_text ? GDWSI_OPCODE_TEXT : GDWSI_OPCODE_BINARY,
                         .final = true,
                         .masked = is_masked,
                         .length = length};
}

/* Write the header at bytes, which has room for gdwsi_frame_header_size. Returns that size. */
size_t gdwsi_frame_write_header(const gdwsi_frame *frame, uint8_t *bytes);

/* Read a header back, but for compressed; the mask of a frame without one is all zero. Returns its
 * size, 0, with frame as it was, when length bytes do not hold all of it yet. Meant for frames that
 * gdws wrote: it does not judge opcodes, reserved bits or length encodings. */
size_t gdwsi_frame_read_header(gdwsi_frame *frame, const uint8_t *bytes, size_t length);

/* Copy length bytes from source to target, masked with the key, the first byte with mask[0].
 * source and target may be the same. A word at a time. */
void gdwsi_frame_mask(uint8_t *target, const uint8_t *source, size_t length, const uint8_t mask[4]);

/* Whether a close code may be sent in a Close frame (RFC 6455 section 7.4 and the IANA registry:
 * 1000-1003, 1007-1011, 1012-1014, 3000-4999). */
bool gdwsi_frame_is_sendable_close_code(int code);

#endif
