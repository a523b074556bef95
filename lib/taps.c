/* SPDX-License-Identifier: MIT */
/* The list is short and changes rarely: an array. A tap may go while it is told that its object
 * goes, and may take others off then. */
#include "taps.h"

#include <string.h>

#include "mem.h"

static size_t find(const gdwsi_taps *taps, const gdws_tap *tap)
{
    size_t i = 0;
    while (i < taps->count && taps->items[i] != tap) {
        i++;
    }
    return i;
}

static bool listens(const gdws_tap *tap)
{
    return tap->packet_received != NULL || tap->packet_sent != NULL || tap->state_changed != NULL;
}

static void note_only(gdwsi_taps *taps)
{
    size_t count = 0;
    taps->only = NULL;
    for (size_t i = 0; i < taps->count; i++) {
        if (listens(taps->items[i])) {
            taps->only = taps->items[i];
            count++;
        }
    }
    if (count > 1) {
        taps->only = NULL;
    }
}

gdws_error gdwsi_taps_add(gdwsi_taps *taps, const gdws_tap *tap)
{
    if (tap == NULL || tap->size != sizeof(*tap)) {
        return GDWS_INVALID_PARAMETER;
    }
    if (find(taps, tap) < taps->count) {
        return GDWS_ALREADY_EXISTS;
    }
    const gdws_tap **items = gdwsi_mem_calloc(taps->count + 1, sizeof(*items));
    if (items == NULL) {
        return GDWS_OUT_OF_MEMORY;
    }
    if (taps->count > 0) {
        memcpy(items, taps->items, taps->count * sizeof(*items));
    }
    items[taps->count] = tap;
    gdwsi_mem_free(taps->items);
    taps->items = items;
    taps->count++;
    note_only(taps);
    return GDWS_OK;
}

gdws_error gdwsi_taps_remove(gdwsi_taps *taps, const gdws_tap *tap)
{
    size_t found = find(taps, tap);
    if (found == taps->count) {
        return GDWS_DOES_NOT_EXIST;
    }
    taps->count--;
    memmove(taps->items + found, taps->items + found + 1,
            (taps->count - found) * sizeof(*taps->items));
    if (taps->count == 0) {
        gdwsi_mem_free(taps->items);
        taps->items = NULL;
    }
    note_only(taps);
    return GDWS_OK;
}

void gdwsi_taps_clear(gdwsi_taps *taps)
{
    while (taps->count > 0) {
        const gdws_tap *last = taps->items[taps->count - 1];
        (void)gdwsi_taps_remove(taps, last);
        if (last->removed != NULL) {
            last->removed(last->user);
        }
    }
}

const gdwsi_taps *gdwsi_taps_for_peers(const gdwsi_taps *taps)
{
    for (size_t i = 0; i < taps->count; i++) {
        if (listens(taps->items[i])) {
            return taps;
        }
    }
    return NULL;
}

void gdwsi_taps_tell_received(const gdwsi_taps *taps, gdws_peer *peer, const uint8_t *packet,
                              size_t length, bool is_text)
{
    const gdws_tap *only = taps->only;
    if (only != NULL && only->packet_received != NULL) {
        only->packet_received(peer, packet, length, is_text, only->user);
        return;
    }
    for (size_t i = 0; i < taps->count; i++) {
        const gdws_tap *tap = taps->items[i];
        if (tap->packet_received != NULL) {
            tap->packet_received(peer, packet, length, is_text, tap->user);
        }
    }
}

void gdwsi_taps_tell_sent(const gdwsi_taps *taps, gdws_peer *peer, const uint8_t *packet,
                          size_t length, bool is_text)
{
    const gdws_tap *only = taps->only;
    if (only != NULL && only->packet_sent != NULL) {
        only->packet_sent(peer, packet, length, is_text, only->user);
        return;
    }
    for (size_t i = 0; i < taps->count; i++) {
        const gdws_tap *tap = taps->items[i];
        if (tap->packet_sent != NULL) {
            tap->packet_sent(peer, packet, length, is_text, tap->user);
        }
    }
}

void gdwsi_taps_tell_state(const gdwsi_taps *taps, gdws_peer *peer, gdws_ready_state state)
{
    for (size_t i = 0; i < taps->count; i++) {
        const gdws_tap *tap = taps->items[i];
        if (tap->state_changed != NULL) {
            tap->state_changed(peer, state, tap->user);
        }
    }
}
