/* SPDX-License-Identifier: MIT */
/* TLS: one connection as OpenSSL sees it, between ciphertext and plaintext in memory. It knows no
 * socket: whoever moves the bytes feeds it what arrived and takes what is to be sent. */
#ifndef GDWSI_TLS_H
#define GDWSI_TLS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "gdws/error.h"
#include "tls_context.h"

typedef struct gdwsi_tls gdwsi_tls;

struct gdwsi_tls_room;

typedef enum gdwsi_tls_state {
    GDWSI_TLS_SHAKING_HANDS,
    GDWSI_TLS_SECURED,
    GDWSI_TLS_ENDED, /* the other side has said that it sends no more */
    GDWSI_TLS_FAILED
} gdwsi_tls_state;

/* Encrypt at most this much at once, so that what a full socket leaves over stays small. */
#define GDWSI_TLS_CHUNK_MAX ((size_t)64 << 10)

/* Make a connection's side. room: where the loop keeps its room, NULL at first; lent for as long as
 * the connection is there. host: whom a client wants, a name or a numeric address; NULL on a
 * server. Returns NULL without memory. */
gdwsi_tls *gdwsi_tls_new(gdwsi_tls_context *context, struct gdwsi_tls_room **room,
                         const char *host);

/* NULL is fine. */
void gdwsi_tls_free(gdwsi_tls *tls);

gdwsi_tls_state gdwsi_tls_get_state(const gdwsi_tls *tls);

/* Lend bytes that have arrived; gdwsi_tls_shake_hands and gdwsi_tls_read use them all up. */
void gdwsi_tls_feed(gdwsi_tls *tls, const uint8_t *bytes, size_t length);

/* After each of the next four there may be something to send: gdwsi_tls_peek. */

/* Go on with the handshake, as far as it goes with what was fed. */
gdwsi_tls_state gdwsi_tls_shake_hands(gdwsi_tls *tls);

/* Decrypt. Returns how many bytes, lent until the next call for a connection with the same room; 0
 * when more must be fed, or when the state has changed. */
size_t gdwsi_tls_read(gdwsi_tls *tls, uint8_t **bytes);

/* Encrypt, at most GDWSI_TLS_CHUNK_MAX. Returns false when the connection has failed. */
bool gdwsi_tls_write(gdwsi_tls *tls, const void *bytes, size_t length);

/* Say that we send no more (close_notify). Once is enough. */
void gdwsi_tls_end(gdwsi_tls *tls);

/* Look at what is to be sent, and remove what has been: at once, before another connection with the
 * same room is used. What is left is kept; drop returns false when there is no memory for it. */
size_t gdwsi_tls_peek(const gdwsi_tls *tls, const uint8_t **bytes);
bool gdwsi_tls_drop(gdwsi_tls *tls, size_t length);

/* How many bytes are kept. */
size_t gdwsi_tls_kept(const gdwsi_tls *tls);

/* Say why the state is FAILED. Lent until the next call for a connection with the same room. */
const char *gdwsi_tls_get_fault(const gdwsi_tls *tls);

/* Give the subject of the other side's certificate (RFC 4514, UTF-8), to be freed with
 * gdwsi_mem_free; "" when it has shown none that was verified. Returns NULL without memory. */
char *gdwsi_tls_get_subject(const gdwsi_tls *tls);

#endif
