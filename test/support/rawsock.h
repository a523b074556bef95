/* SPDX-License-Identifier: MIT */
/* A raw TCP socket on the other side of gdws, which sends scripted bytes and collects what comes.
 * Its calls poll the loop, so that one thread plays both sides. */
#ifndef RAWSOCK_H
#define RAWSOCK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "gdws/loop.h"

typedef struct rawsock {
    gdws_loop *loop;
    int descriptor;
    uint8_t *bytes; /* received and not yet consumed */
    size_t length;
    size_t capacity;
    bool is_ended; /* the other side has closed the TCP connection */
} rawsock;

/* Connect to a port of 127.0.0.1. */
void rawsock_connect(rawsock *raw, gdws_loop *loop, uint16_t port);

/* Connect to a unix socket. */
void rawsock_connect_unix(rawsock *raw, gdws_loop *loop, const char *path);

/* Listen on a free port of 127.0.0.1; accept takes one connection from it. */
int rawsock_listen(uint16_t *port);
void rawsock_accept(rawsock *raw, gdws_loop *loop, int listener);

void rawsock_close(rawsock *raw);

/* Send all bytes, in pieces of at most piece bytes with a poll after each; 0: in one piece. */
void rawsock_send(rawsock *raw, const void *bytes, size_t length, size_t piece);

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
