/* SPDX-License-Identifier: MIT */
/* A few raw sockets, as clients and as servers, which send what a random program says: a right
 * handshake, or anything. */
#ifndef FUZZ_RAW_H
#define FUZZ_RAW_H

#include <stdbool.h>
#include <stdint.h>

void raw_begin(void);
void raw_end(void);

/* Where they listen. */
uint16_t raw_get_port(void);

/* Whether one of them has had this port. */
bool raw_is_port(uint16_t port);

void raw_connect(uint16_t port);
void raw_accept(void);
void raw_send(void);
void raw_close(void);

#endif
