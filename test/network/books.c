/* SPDX-License-Identifier: MIT */
/* See books.h. A message is its sender's tag, its number and whether it is the last one, in text,
 * and then bytes that follow from these: words (as text) and noise (as binary) in turn. */
#include "books.h"

#include <stdio.h>
#include <string.h>

#include "road.h"

enum { HEAD = 17, LARGE_MAX = 256 * 1024, SMALL = 220 };

void books_open(books_account *one, const books_terms *terms, uint32_t tag)
{
    *one = (books_account){.terms = terms, .tag = tag, .opened_ms = road_now_ms()};
}

static uint32_t mix(uint32_t value)
{
    value ^= value >> 16;
    value *= 0x7feb352du;
    value ^= value >> 15;
    value *= 0x846ca68bu;
    return value ^ (value >> 16);
}

static bool is_text(uint32_t number)
{
    return number % 2 == 0;
}

static size_t compose(char *message, const books_terms *terms, uint32_t tag, uint32_t number,
                      bool is_last)
{
    static const char words[] = "the quick brown fox jumps over the lazy dog and ";
    uint32_t state = mix(tag ^ mix(number));
    uint32_t most = number % 16 == 7 && terms->large > SMALL ? terms->large : SMALL;
    size_t length = HEAD + state % most;
    (void)snprintf(message, HEAD + 1, "%08x%08x%c", tag, number, is_last ? '!' : '.');
    for (size_t i = HEAD; i < length; i++) {
        state = state * 1664525u + 1013904223u;
        message[i] = is_text(number) ? words[(i + tag) % (sizeof(words) - 1)] : (char)(state >> 24);
    }
    return length;
}

static uint32_t due(const books_account *one)
{
    uint64_t elapsed = road_now_ms() - one->opened_ms;
    uint64_t messages = one->terms->messages;
    if (elapsed >= one->terms->duration_ms) {
        return one->terms->messages;
    }
    return (uint32_t)(messages * elapsed / one->terms->duration_ms);
}

void books_send_due(books_account *one, gdws_peer *peer)
{
    static char message[HEAD + LARGE_MAX];
    for (uint32_t most = due(one); one->sent < most; one->sent++) {
        bool is_last = one->sent + 1 == one->terms->messages;
        size_t length = compose(message, one->terms, one->tag, one->sent, is_last);
        gdws_error error =
            gdws_peer_send(peer, message, length,
                           is_text(one->sent) ? GDWS_WRITE_MODE_TEXT : GDWS_WRITE_MODE_BINARY);
        if (error != GDWS_OK) {
            /* A full queue, or a connection that is ending: both are allowed. */
            bool is_allowed = error == GDWS_OUT_OF_MEMORY || error == GDWS_UNAVAILABLE;
            one->fault = is_allowed ? one->fault : "a message was refused";
            return;
        }
    }
}

static const char *check(books_account *one, const gdws_peer *peer, const uint8_t *packet,
                         size_t length)
{
    static char expected[HEAD + LARGE_MAX];
    unsigned tag;
    unsigned number;
    char end;
    if (length < HEAD || sscanf((const char *)packet, "%8x%8x%c", &tag, &number, &end) != 3) {
        return "a message has no head";
    }
    if (one->has_last) {
        return "a message came behind the last one";
    }
    if ((one->other_tag != 0 && one->other_tag != tag) || tag == one->tag) {
        return "a message is another connection's";
    }
    if (number != one->received) {
        return number < one->received ? "a message came twice" : "a message is missing";
    }
    if (compose(expected, one->terms, tag, number, end == '!') != length ||
        memcmp(expected, packet, length) != 0 ||
        gdws_peer_was_string_packet(peer) != is_text(number)) {
        return "a message was altered";
    }
    one->other_tag = tag;
    one->received++;
    one->has_last = end == '!';
    return NULL;
}

size_t books_take(books_account *one, gdws_peer *peer)
{
    const uint8_t *packet;
    size_t length;
    size_t taken = 0;
    while (one->fault == NULL && gdws_peer_get_packet(peer, &packet, &length) == GDWS_OK) {
        one->fault = check(one, peer, packet, length);
        taken += one->fault == NULL ? 1 : 0;
    }
    return taken;
}

bool books_is_sent(const books_account *one)
{
    return one->sent == one->terms->messages;
}

bool books_is_complete(const books_account *one)
{
    return books_is_sent(one) && one->has_last;
}
