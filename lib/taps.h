/* SPDX-License-Identifier: MIT */
/* Taps: the list of those that are on one client or server. Its peers point to the list while there
 * is a tap that wants to hear of them. */
#ifndef GDWSI_TAPS_H
#define GDWSI_TAPS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "gdws/tap.h"

/* All zero is an empty list. */
typedef struct gdwsi_taps {
    const gdws_tap **items; /* lent */
    size_t count;
    const gdws_tap *only; /* the one that wants to hear of peers; NULL: none does, or several */
} gdwsi_taps;

/* As gdws_server_add_tap and gdws_server_remove_tap. */
gdws_error gdwsi_taps_add(gdwsi_taps *taps, const gdws_tap *tap);
gdws_error gdwsi_taps_remove(gdwsi_taps *taps, const gdws_tap *tap);

/* Take all off, and tell them. */
void gdwsi_taps_clear(gdwsi_taps *taps);

/* What the peers are to point to: the list, or NULL when nobody on it wants to hear of them. */
const gdwsi_taps *gdwsi_taps_for_peers(const gdwsi_taps *taps);

/* Told only where taps_for_peers has given the list. */
void gdwsi_taps_tell_received(const gdwsi_taps *taps, gdws_peer *peer, const uint8_t *packet,
                              size_t length, bool is_text);
void gdwsi_taps_tell_sent(const gdwsi_taps *taps, gdws_peer *peer, const uint8_t *packet,
                          size_t length, bool is_text);
void gdwsi_taps_tell_state(const gdwsi_taps *taps, gdws_peer *peer, gdws_ready_state state);

/* Whether there is a list, which is rare: what is done about it is out of the way. */
static inline bool gdwsi_taps_are_on(const gdwsi_taps *taps)
{
    return __builtin_expect(taps != NULL, 0);
}

#endif
