/* SPDX-License-Identifier: MIT */
/* Frame headers (RFC 6455 section 5.2) and masking (5.3). */
#include "frame.h"

#include <string.h>

#define FINAL_BIT 0x80
#define MASK_BIT 0x80
#define LENGTH_16 126
#define LENGTH_64 127
#define MASK_SIZE 4

/* What gcc and clang turn into the vector instructions that every processor of a kind has. */
typedef uint64_t vector __attribute__((vector_size(16), aligned(1), may_alias));

size_t gdwsi_frame_write_header(const gdwsi_frame *frame, uint8_t *bytes)
{
    size_t extra = gdwsi_frame_length_size(frame->length);
    uint8_t length7 = (uint8_t)frame->length;
    if (extra > 0) {
        length7 = extra == 2 ? LENGTH_16 : LENGTH_64;
    }
    bytes[0] = (uint8_t)(frame->final << 7 | frame->compressed << 6 | (int)frame->opcode);
    bytes[1] = (uint8_t)((frame->masked ? MASK_BIT : 0) | length7);
    for (size_t i = 0; i < extra; i++) {
        bytes[2 + i] = (uint8_t)(frame->length >> (8 * (extra - 1 - i)));
    }
    if (!frame->masked) {
        return 2 + extra;
    }
    memcpy(bytes + 2 + extra, frame->mask, MASK_SIZE);
    return 2 + extra + MASK_SIZE;
}

size_t gdwsi_frame_read_header(gdwsi_frame *frame, const uint8_t *bytes, size_t length)
{
    if (length < 2) {
        return 0;
    }
    uint8_t length7 = bytes[1] & 0x7f;
    size_t extra = 0;
    if (length7 >= LENGTH_16) {
        extra = length7 == LENGTH_16 ? 2 : 8;
    }
    bool masked = (bytes[1] & MASK_BIT) != 0;
    size_t size = 2 + extra + (masked ? MASK_SIZE : 0);
    if (length < size) {
        return 0;
    }
    frame->opcode = (gdwsi_opcode)(bytes[0] & 0x0f);
    frame->final = (bytes[0] & FINAL_BIT) != 0;
    frame->masked = masked;
    frame->length = extra > 0 ? 0 : length7;
    for (size_t i = 0; i < extra; i++) {
        frame->length = frame->length << 8 | bytes[2 + i];
    }
    memset(frame->mask, 0, MASK_SIZE);
    if (masked) {
        memcpy(frame->mask, bytes + 2 + extra, MASK_SIZE);
    }
    return size;
}

void gdwsi_frame_mask(uint8_t *target, const uint8_t *source, size_t length, const uint8_t mask[4])
{
    uint64_t mask_word;
    uint64_t word;
    size_t i = 0;
    memcpy(&mask_word, mask, MASK_SIZE);
    memcpy((uint8_t *)&mask_word + MASK_SIZE, mask, MASK_SIZE);
    const vector mask_vector = {mask_word, mask_word};
    for (; length - i >= 4 * sizeof(vector); i += 4 * sizeof(vector)) {
        const vector *from = (const vector *)(source + i);
        vector *to = (vector *)(target + i);
        to[0] = from[0] ^ mask_vector;
        to[1] = from[1] ^ mask_vector;
        to[2] = from[2] ^ mask_vector;
        to[3] = from[3] ^ mask_vector;
    }
    for (; length - i >= sizeof(word); i += sizeof(word)) {
        memcpy(&word, source + i, sizeof(word));
        word ^= mask_word;
        memcpy(target + i, &word, sizeof(word));
    }
    if (length - i >= MASK_SIZE) {
        uint32_t half;
        memcpy(&half, source + i, MASK_SIZE);
        half ^= (uint32_t)mask_word;
        memcpy(target + i, &half, MASK_SIZE);
        i += MASK_SIZE;
    }
    for (; i < length; i++) {
        target[i] = source[i] ^ mask[i & 3];
    }
}

bool gdwsi_frame_is_sendable_close_code(int code)
{
    return (code >= 1000 && code <= 1003) || (code >= 1007 && code <= 1014) ||
           (code >= 3000 && code <= 4999);
}
