/* SPDX-License-Identifier: MIT */
/* TLS room: working memory for one operation of one connection, which all secured connections of a
 * loop share, so that one that rests holds none. It is there while one of them is. */
#ifndef GDWSI_TLS_ROOM_H
#define GDWSI_TLS_ROOM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tls_fault.h"

/* Plaintext that is handed on at once: some records, so that many small ones cost one pass. */
#define GDWSI_TLS_ROOM_PLAIN ((size_t)64 << 10)

typedef struct gdwsi_tls_room {
    size_t references;
    const void *owner; /* whose ciphertext that is */
    uint8_t *out;      /* ciphertext that is to be sent */
    size_t out_length;
    size_t out_capacity;
    char fault[GDWSI_TLS_FAULT_MAX];
    uint8_t plain[GDWSI_TLS_ROOM_PLAIN];
} gdwsi_tls_room;

/* One connection more, or less, uses the room. Enter returns NULL without memory. */
gdwsi_tls_room *gdwsi_tls_room_enter(gdwsi_tls_room **place);
void gdwsi_tls_room_leave(gdwsi_tls_room **place);

/* Append ciphertext to the owner's. What another one has left behind, because its connection broke,
 * goes. Returns false without memory. */
bool gdwsi_tls_room_append(gdwsi_tls_room *room, const void *owner, const void *bytes,
                           size_t length);

/* How much of the ciphertext is the owner's: all or nothing. */
size_t gdwsi_tls_room_length(const gdwsi_tls_room *room, const void *owner);

#endif
