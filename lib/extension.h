/* SPDX-License-Identifier: MIT */
/* Extension: what Sec-WebSocket-Extensions says about permessage-deflate (RFC 7692, RFC 6455
 * section 9.1), on both sides. Knows texts only. */
#ifndef GDWSI_EXTENSION_H
#define GDWSI_EXTENSION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The longest header that is looked at, and the longest that is written. */
#define GDWSI_EXTENSION_HEADER_MAX 1024
#define GDWSI_EXTENSION_ANSWER_MAX 160

/* What was agreed on. All zero: no compression. */
typedef struct gdwsi_extension_terms {
    bool is_agreed;
    bool we_forget;     /* each of our messages is compressed without the ones before it */
    bool they_forget;   /* so is each of theirs */
    uint8_t our_bits;   /* our window has 2^our_bits bytes: 8 to 15 */
    uint8_t their_bits; /* theirs */
} gdwsi_extension_terms;

/* The offer of a client (RFC 7692 section 7.1). */
extern const char gdwsi_extension_offer[];

/* Choose from what a client offers: the first permessage-deflate that can be had. answer gets the
 * header's value for the response, "" when there is none. Returns false when the offer is not well
 * formed: the handshake fails then. */
bool gdwsi_extension_choose(const char *offers, gdwsi_extension_terms *terms,
                            char answer[GDWSI_EXTENSION_ANSWER_MAX]);

/* Judge what a server has chosen. Returns false when it is not what was offered. */
bool gdwsi_extension_accept(const char *chosen, gdwsi_extension_terms *terms);

#endif
