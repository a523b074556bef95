/* SPDX-License-Identifier: MIT */
/* A short notation for frames, so that hundreds of conversations can be read.
 *
 *   t text, b binary; T, B their first fragments, m more, l the last; i ping, o pong, c close;
 *   #xx any other first byte in hex. Then the payload: 'text', <hex>, both any number of times,
 *   'text'*N repeated; for c first the code in decimal, if there is one.
 *   Then what is wrong with the header: /16 and /64 an extended length that need not be, ^ masked
 *   where that is not allowed and the other way round, =N a length of N, whatever follows.
 *
 *   "T'Hel' i'x' l'lo' c1000'bye'" */
#ifndef NOTATION_H
#define NOTATION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define NOTATION_PAYLOAD_MAX 70000

typedef struct notation_frame {
    uint8_t first;
    uint8_t payload[NOTATION_PAYLOAD_MAX];
    size_t length;
    int length_bits; /* 0: the shortest form */
    bool is_mask_wrong;
    bool has_false_length;
    uint64_t false_length;
} notation_frame;

/* Read a frame; *at is moved behind it. Returns false at the end; fails the test for what is no
 * notation. */
bool notation_read(const char **at, notation_frame *frame);

/* Write all frames of a text. Returns the bytes, which the caller frees. */
uint8_t *notation_encode(const char *text, bool is_masked, size_t *length);

#endif
