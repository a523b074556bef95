/* SPDX-License-Identifier: MIT */
/* The server's process: three listeners on one loop, plain, TLS and compressed, whose limits
 * differ, too. It talks with its guests, echoes what they want back, stalls, broadcasts and kicks;
 * at the end it must be as it was at the beginning. What it has put is counted by a tap. */
#include <inttypes.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "dice.h"
#include "gdws/gdws.h"
#include "loop.h"
#include "mem.h"
#include "message.h"
#include "roles.h"

enum {
    TURN_MS = 20,
    BROADCAST_MS = 300,
    STALL_MAX_MS = 1500,
    LINGER_MS = 4000, /* after so long without serving, gdws may have given packets up */
    BURST = 40,
    HEAP_SLACK = 1024 * 1024 /* what the libraries beneath may keep */
};

typedef struct guest {
    struct house *home;
    gdws_server *server;
    entry *in; /* the book */
    uint64_t dice;
    uint64_t talk_ms;
    uint64_t kick_ms;
    uint64_t stalled_until_ms;
    uint64_t served_ms; /* when it last wanted to take what there is */
    size_t index;       /* in the house's list */
    uint32_t connection;
    int32_t id;
    uint32_t said;
    bool owes_echo; /* of the packet that was taken last, for which there was no room */
} guest;

typedef struct house {
    book *ledger;
    gdws_loop *loop;
    gdws_server *servers[KIND_RAW];
    gdws_tap tap;
    guest **guests;
    size_t count;
    size_t room;
    uint64_t now_ms;
    uint64_t broadcast_ms;
    uint32_t broadcasts;
} house;

static bool is_phase(const house *home, phase one)
{
    return atomic_load(&home->ledger->phase) == (int)one;
}

static gdws_peer *peer_of(const guest *one)
{
    return gdws_server_get_peer(one->server, one->id);
}

/* Whose connection that is. NULL: nobody's. */
static entry *find(const house *home, const char *header, uint32_t *number)
{
    *number = header != NULL ? (uint32_t)strtoul(header, NULL, 10) : 0;
    bool is_known = *number > 0 && *number < atomic_load(&home->ledger->used);
    return is_known ? &home->ledger->entries[*number] : NULL;
}

static bool admit(gdws_server *server, gdws_request *request, void *user)
{
    house *home = user;
    uint32_t number;
    (void)server;
    if (find(home, gdws_request_get_header(request, BOOK_HEADER), &number) == NULL) {
        book_add(home->ledger, COUNT_NOT_ADMITTED);
        return false;
    }
    return true;
}

/* The tap: it sees what was put, broadcasts too, and who got it. */
static void on_put(gdws_peer *peer, const uint8_t *packet, size_t length, bool is_text, void *user)
{
    house *home = user;
    uint32_t number;
    entry *in = find(home, gdws_peer_get_request_header(peer, BOOK_HEADER), &number);
    (void)packet;
    (void)length;
    (void)is_text;
    if (in == NULL) {
        book_wrong(home->ledger, "the tap was told of a peer without a number");
        return;
    }
    (void)atomic_fetch_add(&in->server.put, 1);
    (void)atomic_fetch_add(&home->ledger->put[1], 1);
}

/* Talking */

/* Send to a guest. Returns false when there is no room now. */
static bool put(guest *one, const message *what, bool *is_gone)
{
    gdws_error error =
        gdws_peer_send(peer_of(one), what->bytes, what->length,
                       what->is_text ? GDWS_WRITE_MODE_TEXT : GDWS_WRITE_MODE_BINARY);
    *is_gone = error == GDWS_UNAVAILABLE;
    if (error == GDWS_OUT_OF_MEMORY) {
        book_add(one->home->ledger, COUNT_REFUSED_PUTS);
    } else if (error != GDWS_OK && !*is_gone) {
        book_wrong(one->home->ledger, "connection %u: the server's put: %s", one->connection,
                   gdws_error_name(error));
    }
    return error == GDWS_OK;
}

static void talk(guest *one)
{
    uint64_t count = dice_one_in(&one->dice, 20) ? BURST : 1;
    bool is_gone = false;
    bool has_room = true;
    while (count > 0 && has_room) {
        message made = message_make(SPEAKER_SERVER, one->connection, one->said,
                                    atomic_load(&one->in->server.put), one->in->limit);
        has_room = put(one, &made, &is_gone);
        one->said += has_room ? 1 : 0;
        count--;
    }
    one->talk_ms = one->home->now_ms + dice_between(&one->dice, 100, 1500);
}

/* Send back the packet that was taken last, if its client wants that. Returns false when there is
 * no room: then nothing more is taken, until there is. */
static bool echo(guest *one)
{
    uint32_t number = atomic_load(&one->in->server.taken);
    bool is_gone = false;
    if (message_client(one->connection, number, one->in->limit) == SPEAKER_ECHO) {
        message made = message_make(SPEAKER_ECHO, one->connection, number, number, one->in->limit);
        if (!put(one, &made, &is_gone) && !is_gone) {
            return false;
        }
    }
    (void)atomic_fetch_add(&one->in->server.taken, 1);
    return true;
}

/* Check a packet against what the client must have put. */
static void check(guest *one, const uint8_t *packet, size_t length)
{
    uint32_t number = atomic_load(&one->in->server.taken);
    speaker who = message_client(one->connection, number, one->in->limit);
    message expected = message_make(who, one->connection, number, number, one->in->limit);
    (void)atomic_fetch_add(&one->in->server.bytes, length);
    if (!message_is(&expected, packet, length, gdws_peer_was_string_packet(peer_of(one)))) {
        book_wrong(one->home->ledger,
                   "connection %u: the server got %zu bytes \"%.*s\" instead of message %u",
                   one->connection, length, length >= MESSAGE_HEADER ? MESSAGE_HEADER : 0,
                   (const char *)packet, number);
    }
}

/* Once it is closed, gdws keeps what came for a few seconds only. */
static bool may_stall(const guest *one)
{
    return is_phase(one->home, PHASE_TALK) &&
           gdws_peer_get_ready_state(peer_of(one)) == GDWS_STATE_OPEN;
}

/* Take what has come, as far as one may and wants to. */
static void serve(guest *one)
{
    const uint8_t *packet;
    size_t length;
    if (one->stalled_until_ms <= one->home->now_ms) {
        one->served_ms = one->home->now_ms;
    }
    if (one->owes_echo) {
        one->owes_echo = !echo(one);
    }
    while (!one->owes_echo && one->stalled_until_ms <= one->home->now_ms) {
        if (gdws_server_get_peer_packet(one->server, one->id, &packet, &length) != GDWS_OK) {
            return;
        }
        check(one, packet, length);
        one->owes_echo = !echo(one);
        if (may_stall(one) && dice_one_in(&one->dice, 300)) {
            one->stalled_until_ms = one->home->now_ms + dice_between(&one->dice, 50, STALL_MAX_MS);
            book_add(one->home->ledger, COUNT_SERVER_STALLS);
        }
    }
}

/* Signals */

static void on_connected(gdws_server *server, int32_t id, const char *protocol, void *user)
{
    house *home = user;
    guest *one = calloc(1, sizeof(*one));
    (void)protocol;
    one->in =
        find(home, gdws_peer_get_request_header(gdws_server_get_peer(server, id), BOOK_HEADER),
             &one->connection);
    one->home = home;
    one->server = server;
    one->id = id;
    one->dice = home->ledger->seed ^ dice_mix(one->connection);
    one->served_ms = home->now_ms;
    one->index = home->count;
    one->talk_ms = home->now_ms + dice_between(&one->dice, 0, 500);
    one->kick_ms = dice_one_in(&one->dice, 4) ? home->now_ms + dice_between(&one->dice, 100, 20000)
                                              : UINT64_MAX;
    one->in->guest = one;
    one->in->server.connected++;
    if (home->count == home->room) {
        home->room = home->room * 2 + 64;
        home->guests = realloc(home->guests, home->room * sizeof(*home->guests));
    }
    home->guests[home->count] = one;
    home->count++;
    atomic_store(&home->ledger->peers, (uint32_t)home->count);
}

static guest *guest_of(const house *home, gdws_server *server, int32_t id)
{
    uint32_t number;
    gdws_peer *peer = gdws_server_get_peer(server, id);
    entry *in = find(home, gdws_peer_get_request_header(peer, BOOK_HEADER), &number);
    guest *one = in != NULL ? in->guest : NULL;
    if (one == NULL || one->id != id) {
        book_wrong(home->ledger, "a signal for peer %d, which is not there", (int)id);
        return NULL;
    }
    return one;
}

static void on_data(gdws_server *server, int32_t id, void *user)
{
    guest *one = guest_of(user, server, id);
    if (one != NULL) {
        serve(one);
    }
}

static void on_disconnected(gdws_server *server, int32_t id, bool was_clean, void *user)
{
    house *home = user;
    guest *one = guest_of(home, server, id);
    if (one == NULL) {
        return;
    }
    one->in->server.ended++;
    one->in->server.is_clean = was_clean;
    one->in->server.is_late = book_now_ms() - one->served_ms > LINGER_MS;
    one->in->server.arrived = (uint32_t)gdws_peer_get_received_packet_count(peer_of(one));
    one->in->guest = NULL;
    home->count--;
    home->guests[one->index] = home->guests[home->count];
    home->guests[one->index]->index = one->index;
    atomic_store(&home->ledger->peers, (uint32_t)home->count);
    free(one);
}

/* The house */

static gdws_server *open_door(house *home, kind what, const cert *own)
{
    static const struct {
        size_t bytes;
        size_t packets;
    } limits[KIND_RAW] = {{512 * 1024, 4096}, {MESSAGE_MAX, 16}, {64 * 1024, 256}};
    const gdws_server_signals signals = {.size = sizeof(signals),
                                         .user = home,
                                         .client_connected = on_connected,
                                         .data_received = on_data,
                                         .client_disconnected = on_disconnected};
    uint32_t patience_ms = (uint32_t)home->ledger->patience_ms;
    gdws_server *server = gdws_server_new(home->loop);
    (void)gdws_server_set_signals(server, &signals);
    (void)gdws_server_set_bind_ip(server, "127.0.0.1");
    (void)gdws_server_set_admission(server, admit, home);
    (void)gdws_server_add_tap(server, &home->tap);
    (void)gdws_server_set_inbound_buffer_size(server, limits[what].bytes);
    (void)gdws_server_set_max_queued_packets(server, limits[what].packets);
    (void)gdws_server_set_heartbeat(server, 1000, patience_ms / 2);
    (void)gdws_server_set_handshake_timeout_ms(server, patience_ms);
    (void)gdws_server_set_close_timeout_ms(server, patience_ms);
    (void)gdws_server_set_compression(server, what == KIND_COMPRESSED);
    if (what == KIND_SECURE) {
        (void)gdws_server_set_private_key(server, own->key, NULL);
        (void)gdws_server_set_ssl_certificate(server, own->certificate);
    }
    if (gdws_server_listen(server, 0) != GDWS_OK) {
        book_wrong(home->ledger, "the server cannot listen");
    }
    return server;
}

static void open_house(house *home, const cert *own)
{
    home->tap = (gdws_tap){.size = sizeof(home->tap), .user = home, .packet_sent = on_put};
    home->loop = gdws_loop_new();
    for (size_t i = 0; i < KIND_RAW; i++) {
        home->servers[i] = open_door(home, (kind)i, own);
        home->ledger->ports[i] = gdws_server_get_port(home->servers[i]);
    }
}

static void close_house(house *home)
{
    for (size_t i = 0; i < KIND_RAW; i++) {
        gdws_server_free(home->servers[i]);
    }
    gdws_loop_free(home->loop);
}

static void broadcast(house *home)
{
    size_t refused = 0;
    gdws_server *server = home->servers[home->broadcasts % KIND_RAW];
    message made = message_make(SPEAKER_ALL, 0, home->broadcasts + 1, 0, MESSAGE_SMALL_MAX);
    gdws_error error = gdws_server_broadcast(
        server, made.bytes, made.length,
        made.is_text ? GDWS_WRITE_MODE_TEXT : GDWS_WRITE_MODE_BINARY, 0, &refused);
    if (error != GDWS_OK && error != GDWS_OUT_OF_MEMORY) {
        book_wrong(home->ledger, "broadcast: %s", gdws_error_name(error));
    }
    (void)atomic_fetch_add(&home->ledger->counts[COUNT_REFUSED_PUTS], refused);
    book_add(home->ledger, COUNT_BROADCASTS);
    home->broadcasts++;
    home->broadcast_ms = home->now_ms + BROADCAST_MS;
}

static void attend(guest *one)
{
    uint64_t now_ms = one->home->now_ms;
    serve(one);
    if (!is_phase(one->home, PHASE_TALK)) {
        return;
    }
    if (one->talk_ms <= now_ms) {
        talk(one);
    }
    if (one->kick_ms <= now_ms) {
        one->kick_ms = UINT64_MAX;
        if (gdws_server_disconnect_peer(one->server, one->id, BOOK_KICKED, "kicked") == GDWS_OK) {
            book_add(one->home->ledger, COUNT_KICKS);
        }
    }
}

static void turn(house *home)
{
    (void)gdws_loop_wait(home->loop, TURN_MS);
    home->now_ms = book_now_ms();
    if (!is_phase(home, PHASE_TALK)) {
        atomic_store(&home->ledger->is_hushed, true);
    } else if (home->broadcast_ms <= home->now_ms) {
        broadcast(home);
    }
    for (size_t i = 0; i < home->count; i++) {
        attend(home->guests[i]);
    }
}

/* What libuv has of a loop's. */
typedef struct handles {
    size_t all;
    size_t timers; /* that run */
} handles;

static void count_handle(uv_handle_t *handle, void *user)
{
    handles *found = user;
    found->all++;
    found->timers += handle->type == UV_TIMER && uv_is_active(handle) != 0 ? 1 : 0;
}

static handles count_handles(const house *home)
{
    handles found = {0};
    uv_walk(&home->loop->uv, count_handle, &found);
    return found;
}

/* All are gone: nobody may be left, and nothing of theirs. The one timer that runs in any case is
 * libwebsockets' own, once in 30 s. */
static void be_alone(house *home, const handles *before)
{
    uint64_t limit_ms = book_now_ms() + home->ledger->patience_ms * 2;
    handles now = count_handles(home);
    while ((home->count > 0 || now.all > before->all || now.timers > before->timers) &&
           home->ledger->wrong == 0) {
        turn(home);
        now = count_handles(home);
        if (book_now_ms() > limit_ms) {
            book_wrong(home->ledger,
                       "all clients are gone; the server has %zu peers, %zu handles and %zu "
                       "timers; before there were %zu and %zu",
                       home->count, now.all, now.timers, before->all, before->timers);
        }
    }
}

/* What a process has that must not become more. */
typedef struct belongings {
    size_t descriptors;
    size_t live; /* allocations of gdws' */
    size_t heap; /* bytes of anybody's */
} belongings;

static belongings count_belongings(void)
{
    return (belongings){
        .descriptors = book_descriptors(), .live = gdwsi_mem_live(), .heap = mallinfo2().uordblks};
}

static void judge_end(book *ledger, const belongings *before, const handles *kept)
{
    belongings now = count_belongings();
    if (now.live != before->live || now.descriptors != before->descriptors ||
        now.heap > before->heap + HEAP_SLACK) {
        book_wrong(ledger,
                   "the server ends with %zu allocations, %zu descriptors and %zu bytes of heap; "
                   "it began with %zu, %zu and %zu",
                   now.live, now.descriptors, now.heap, before->live, before->descriptors,
                   before->heap);
    }
    printf("the server without peers: %zu handles, %zu timer, as before the first; freed: %zu "
           "allocations, %zu descriptors, %zu KiB of heap, after %zu, %zu and %zu KiB\n",
           kept->all, kept->timers, now.live, now.descriptors, now.heap >> 10, before->live,
           before->descriptors, before->heap >> 10);
    (void)fflush(stdout);
}

int house_run(book *ledger, const cert *own, int channel)
{
    house home = {.ledger = ledger, .now_ms = book_now_ms()};
    /* Once in vain, so that the libraries beneath have made what they keep for ever. */
    open_house(&home, own);
    close_house(&home);
    belongings before = count_belongings();
    open_house(&home, own);
    turn(&home);
    handles kept = count_handles(&home);
    if (write(channel, "", 1) != 1) {
        return 1;
    }
    while (!is_phase(&home, PHASE_OVER)) {
        turn(&home);
    }
    be_alone(&home, &kept);
    close_house(&home);
    free(home.guests);
    judge_end(ledger, &before, &kept);
    return 0;
}
