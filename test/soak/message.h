/* SPDX-License-Identifier: MIT */
/* What is said on a connection. Each message is a function of the seed, of who says it on which
 * connection, and of its number: so whoever receives it knows each of its bytes without being told.
 * Those that are long enough begin with a line that names them:
 *
 *     s 0000002a 00000007 00000123 00000009...
 *
 * speaker, connection, number, length, and the place in the stream: how many messages of any
 * speaker this side has put on this connection before. Shorter ones, the empty one among them, are
 * known by their turn. */
#ifndef SOAK_MESSAGE_H
#define SOAK_MESSAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MESSAGE_HEADER 40
#define MESSAGE_MAX (300 * 1024)

/* What all peers have room for: broadcasts are no longer. */
#define MESSAGE_SMALL_MAX (40 * 1024)

typedef enum speaker {
    SPEAKER_CLIENT = 'c',
    SPEAKER_ECHO = 'e', /* a client, which wants to have this one back */
    SPEAKER_SERVER = 's',
    SPEAKER_ALL = 'b' /* the server, to all; the connection is 0 */
} speaker;

typedef struct message {
    const uint8_t *bytes; /* lent until the next is made */
    size_t length;
    bool is_text;
} message;

void message_seed(uint64_t seed);

/* Make a message. limit: of its length, always the same on one connection. */
message message_make(speaker who, uint32_t connection, uint32_t number, uint32_t place,
                     uint32_t limit);

/* Who says a client's message: SPEAKER_CLIENT or SPEAKER_ECHO. */
speaker message_client(uint32_t connection, uint32_t number, uint32_t limit);

/* Who seems to say what was received. */
speaker message_speaker(const uint8_t *bytes, size_t length);

/* The number that is written on it; its speaker must be known. */
uint32_t message_number(const uint8_t *bytes);

/* Whether what was received is just that message. */
bool message_is(const message *expected, const uint8_t *bytes, size_t length, bool is_text);

#endif
