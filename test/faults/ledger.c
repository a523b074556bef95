/* SPDX-License-Identifier: MIT */
/* A message says who sent it and which it is; its text follows from that, so that each byte is
 * checked. */
#include "ledger.h"

#include <stdio.h>
#include <string.h>

#define HEAD 27
#define MESSAGE_MAX (160 * 1024)

static char text[MESSAGE_MAX];

talker *ledger_enter(ledger *book, bool is_server, int client, int32_t id)
{
    if (book->count == TALKERS_MAX) {
        seed_fail(book->result, "more connections than the ledger has pages");
        return NULL;
    }
    talker *one = &book->talkers[book->count];
    book->count++;
    *one = (talker){.serial = book->count, .is_server = is_server, .client = client, .id = id};
    book->result->connections += is_server ? 0 : 1;
    return one;
}

/* Most are short, some pass the queue by, few are longer than a frame or a buffer of the kernel. */
static size_t length_of(int serial, uint32_t number, bool is_narrow)
{
    uint64_t state = (uint64_t)serial << 32 ^ number;
    uint32_t kind = seed_draw(&state, 20);
    if (kind < 12) {
        return HEAD + seed_draw(&state, 200);
    }
    if (kind < 18 || is_narrow) {
        return HEAD + seed_draw(&state, is_narrow ? 1500 : 9000);
    }
    return HEAD + seed_draw(&state, MESSAGE_MAX - HEAD);
}

/* Half of them can be compressed. */
static size_t write_message(int serial, uint32_t number, bool is_narrow)
{
    size_t length = length_of(serial, number, is_narrow);
    uint64_t state = (uint64_t)serial * 31 + number;
    char head[HEAD + 1];
    (void)snprintf(head, sizeof(head), "%08x %08x %08x ", (unsigned)serial, (unsigned)number,
                   (unsigned)length);
    memcpy(text, head, HEAD);
    for (size_t i = HEAD; i < length; i++) {
        text[i] = number % 2 == 0 ? (char)('a' + i % 7) : (char)(' ' + seed_draw(&state, 90));
    }
    return length;
}

static bool may_refuse(gdws_error error)
{
    return error == GDWS_OUT_OF_MEMORY || error == GDWS_UNAVAILABLE || error == GDWS_FAILED;
}

void ledger_talk(ledger *book, talker *one, gdws_peer *peer)
{
    uint32_t some = 1 + seed_draw(&book->dice, 4);
    while (some > 0 && one->put < book->all->goal) {
        size_t length = write_message(one->serial, one->put, book->all->is_narrow);
        uint64_t sent = gdws_peer_get_sent_packet_count(peer);
        size_t queued = gdws_peer_get_current_outbound_buffered_amount(peer);
        gdws_error error = gdws_peer_send(
            peer, text, length, one->put % 3 == 0 ? GDWS_WRITE_MODE_TEXT : GDWS_WRITE_MODE_BINARY);
        if (error != GDWS_OK) {
            if (!may_refuse(error) || gdws_peer_get_sent_packet_count(peer) != sent ||
                gdws_peer_get_current_outbound_buffered_amount(peer) != queued) {
                seed_fail(book->result, "talker %d: a put that says %s has changed something",
                          one->serial, gdws_error_name(error));
            }
            return;
        }
        one->put++;
        some--;
    }
}

static void hear(ledger *book, talker *one, const gdws_peer *peer, const uint8_t *packet,
                 size_t length)
{
    unsigned serial = 0;
    unsigned number = 0;
    unsigned size = 0;
    if (length < HEAD ||
        sscanf((const char *)packet, "%8x %8x %8x ", &serial, &number, &size) != 3 || serial == 0 ||
        serial > (unsigned)book->count) {
        seed_fail(book->result, "talker %d: a message that nobody has sent", one->serial);
        return;
    }
    const talker *other = &book->talkers[serial - 1];
    if (one->partner == 0) {
        one->partner = (int)serial;
    }
    if (one->partner != (int)serial || other->is_server == one->is_server) {
        seed_fail(book->result, "talker %d: hears %u, but talks with %d", one->serial, serial,
                  one->partner);
    } else if (number != one->got || number >= other->put) {
        seed_fail(book->result, "talker %d: message %u of %u comes, due is %u of %u", one->serial,
                  number, serial, one->got, other->put);
    } else if (write_message((int)serial, number, book->all->is_narrow) != length ||
               memcmp(text, packet, length) != 0 ||
               gdws_peer_was_string_packet(peer) != (number % 3 == 0)) {
        seed_fail(book->result, "talker %d: message %u of %u is another one", one->serial, number,
                  serial);
    }
    one->got++;
    book->result->received++;
}

void ledger_listen(ledger *book, talker *one, gdws_peer *peer)
{
    const uint8_t *packet;
    size_t length;
    gdws_error error = gdws_peer_get_packet(peer, &packet, &length);
    while (error == GDWS_OK && book->result->is_right) {
        hear(book, one, peer, packet, length);
        error = gdws_peer_get_packet(peer, &packet, &length);
    }
    if (error != GDWS_OK && error != GDWS_UNAVAILABLE) {
        seed_fail(book->result, "talker %d: get_packet says %s", one->serial,
                  gdws_error_name(error));
    }
}

void ledger_end(ledger *book, talker *one, gdws_peer *peer, bool was_clean)
{
    if (one == NULL || one->is_over) {
        seed_fail(book->result, "an end without a beginning");
        return;
    }
    if (peer != NULL) {
        ledger_listen(book, one, peer);
    }
    one->is_over = true;
    one->is_clean = was_clean;
    book->result->lost += was_clean || one->is_server || book->is_over ? 0 : 1;
}

bool ledger_is_complete(const ledger *book, const talker *one)
{
    uint32_t goal = book->all->goal;
    if (one->partner == 0 || one->got != goal || one->put != goal) {
        return false;
    }
    const talker *other = &book->talkers[one->partner - 1];
    return other->got == goal && other->put == goal;
}

void ledger_audit(const ledger *book)
{
    for (int i = 0; i < book->count; i++) {
        const talker *one = &book->talkers[i];
        if (!one->is_over) {
            seed_fail(book->result, "talker %d: connected, never disconnected", one->serial);
        }
        if (one->partner == 0) {
            continue;
        }
        const talker *other = &book->talkers[one->partner - 1];
        if (other->partner != 0 && other->partner != one->serial) {
            seed_fail(book->result, "talker %d hears %d, who hears %d", one->serial, one->partner,
                      other->partner);
        }
        /* Whoever has seen the other's Close frame has seen all that was put before it. On
         * libwebsockets' role a read that fails is answered like a broken rule, with 1002 instead
         * of what was queued: there the sender alone is told. */
        bool is_told = book->all->is_fallback && !other->is_clean;
        if (one->is_clean && !is_told && one->got != other->put) {
            seed_fail(book->result, "talker %d: a clean end after %u of %u messages", one->serial,
                      one->got, other->put);
        }
    }
}
