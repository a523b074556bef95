/* SPDX-License-Identifier: MIT */
/* A raw TCP socket on the other side of gdws, which sends scripted bytes and collects what comes.
 * Its calls poll the loop, so that one thread plays both sides. */
#ifndef RAWSOCK_H
#define RAWSOCK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <openssl/types.h>

#include "gdws/loop.h"

typedef struct rawsock {
    gdws_loop *loop;
    int descriptor;
    uint8_t *bytes; /* received and not yet consumed */
    size_t length;
    size_t capacity;
    bool is_ended; /* the other side has closed the TCP connection */
    SSL *tls;      /* where world_is_secure() */
    size_t piece;  /* cut what TLS says into pieces of at most so many bytes; 0: not */
    bool is_tls_ended;
} rawsock;

/* Connect to a port of 127.0.0.1; over TLS where world_is_secure(). */
void rawsock_connect(rawsock *raw, gdws_loop *loop, uint16_t port);

/* Connect to a unix socket. */
void rawsock_connect_unix(rawsock *raw, gdws_loop *loop, const char *path);
/* The same without TLS in any case. */
void rawsock_connect_plain(rawsock *raw, gdws_loop *loop, uint16_t port);

/* Secure the connection. context: NULL for the usual one. Returns whether the handshake has been
 * done, as the other side sees it, too, in TLS 1.2; with TLS 1.3 it may still refuse. */
bool rawsock_secure(rawsock *raw, SSL_CTX *context, bool is_client);

/* Listen on a free port of 127.0.0.1; accept takes one connection from it. */
int rawsock_listen(uint16_t *port);

/* Keep a free port of 127.0.0.1 from others, without listening: who dials it is refused, and a
 * server can listen on it. rawsock_stop_listening lets it go. */
int rawsock_hold_port(uint16_t *port);
void rawsock_accept(rawsock *raw, gdws_loop *loop, int listener);
void rawsock_accept_plain(rawsock *raw, gdws_loop *loop, int listener);

void rawsock_stop_listening(int listener);

void rawsock_close(rawsock *raw);

/* Send all bytes, in pieces of at most piece bytes with a poll after each; 0: in one piece. */
void rawsock_send(rawsock *raw, const void *bytes, size_t length, size_t piece);

/* Send what the kernel takes at once. Returns how many bytes, -1 when it takes none. */
ssize_t rawsock_try_send(rawsock *raw, const void *bytes, size_t length);

/* Send bytes past TLS, and the end of TCP. */
void rawsock_send_plain(rawsock *raw, const void *bytes, size_t length);
void rawsock_end(rawsock *raw);

/* Send what TLS has to say, after calls that go past these. */
void rawsock_flush(rawsock *raw);

/* Read what is there. */
void rawsock_receive(rawsock *raw);

/* Wait until that many bytes are there, or the connection has ended. */
void rawsock_wait_for(rawsock *raw, size_t length);

/* Wait until the other side has closed the connection; fail after the limit. */
void rawsock_wait_for_end(rawsock *raw, uint64_t limit_ms);

/* Remove bytes from the front. */
void rawsock_consume(rawsock *raw, size_t length);

/* Wait for the end of a block of HTTP headers and copy it, NUL at the end, out of the way. */
void rawsock_read_headers(rawsock *raw, char *text, size_t size);

/* Shake hands as a client, and as a server. */
void rawsock_upgrade(rawsock *raw);
void rawsock_answer_upgrade(rawsock *raw, const char *extra_lines);

/* Write a frame as either side sends it. Returns its length. first: FIN, RSV bits and opcode. */
size_t rawsock_frame(uint8_t *target, uint8_t first, const void *payload, size_t length,
                     bool is_masked);

/* Send one frame, masked as given. */
void rawsock_send_frame(rawsock *raw, uint8_t first, const void *payload, size_t length,
                        bool is_masked);

/* Wait for one frame. Returns its first byte, -1 at the end; the payload (unmasked) is lent until
 * the next call. */
int rawsock_read_frame(rawsock *raw, const uint8_t **payload, size_t *length);

/* Wait for a frame and assert that it is a Close with this code, 1005 for none. */
void rawsock_expect_close(rawsock *raw, int code);

#endif
