/* SPDX-License-Identifier: MIT */
/* UTF-8: incremental validation (RFC 3629), a byte stream cut anywhere, fails at the first byte
 * that cannot be part of valid UTF-8. */
#ifndef GDWSI_UTF8_H
#define GDWSI_UTF8_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* State between two pieces; all zero is the start of a text. */
typedef struct gdwsi_utf8 {
    uint8_t missing; /* continuation bytes still to come */
    uint8_t lowest;  /* bounds of the next continuation byte, valid while missing > 0 */
    uint8_t highest;
} gdwsi_utf8;

/* Check the next piece of a text. Returns false at the first bad byte; the state is then of no
 * more use. A sequence left incomplete at the end of the piece is fine so far. */
bool gdwsi_utf8_check(gdwsi_utf8 *state, const void *bytes, size_t length);

/* Whether the text may end here: no sequence is incomplete. */
bool gdwsi_utf8_is_complete(const gdwsi_utf8 *state);

/* Check a whole text at once. */
bool gdwsi_utf8_is_valid(const void *bytes, size_t length);

#endif
