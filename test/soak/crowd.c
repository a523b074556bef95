/* SPDX-License-Identifier: MIT */
/* A process full of clients on one loop. Each connects, talks, stalls and leaves in one of several
 * ways, again and again; some let gdws connect again. All that they are sent is checked. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <uv.h>

#include "dice.h"
#include "gdws/adapters/epoll.h"
#include "gdws/adapters/poll.h"
#include "gdws/gdws.h"
#include "mem.h"
#include "message.h"
#include "roles.h"

enum {
    TURN_MS = 10,
    STALL_MAX_MS = 2000,
    LINGER_MS = 4000,
    BURST = 60,
    RETRY_MS = 100,
    RETRY_MAX_MS = 2000,
};

typedef struct crowd {
    book *ledger;
    const crowd_plan *plan;
    const char *authority;
    gdws_loop *loop;
    struct member *members;
    size_t done;
    uint64_t now_ms;
    gdws_poll by_poll;
    gdws_epoll by_epoll;
    int epoll_fd;
    uv_loop_t uv;
} crowd;

typedef struct member {
    crowd *all;
    gdws_client *client; /* NULL: all is over */
    entry *in;           /* the book, for the connection or attempt that there is */
    uint64_t dice;
    uint64_t dial_ms;
    uint64_t talk_ms;
    uint64_t leave_ms;
    uint64_t stalled_until_ms;
    uint64_t taken_ms; /* when it last wanted to take what there is */
    uint32_t connection;
    uint32_t said;      /* what the server has said to this one alone */
    uint32_t echoed;    /* its own messages up to here have come back, or are not wanted back */
    uint32_t broadcast; /* the number of the last */
    kind what;
    bool is_small;      /* has little room */
    bool is_persistent; /* lets gdws connect again */
} member;

static bool is_phase(const crowd *all, phase one)
{
    return atomic_load(&all->ledger->phase) == (int)one;
}

static gdws_peer *server_of(const member *one)
{
    return gdws_client_get_peer(one->client, 1);
}

/* Taking */

/* What must come now, from who seems to be speaking. */
static message expect(member *one, const uint8_t *packet, size_t length)
{
    uint32_t limit = one->in->limit;
    uint32_t place = atomic_load(&one->in->client.taken);
    switch (message_speaker(packet, length)) {
    case SPEAKER_ALL: {
        uint32_t number = message_number(packet);
        bool is_next = number > one->broadcast;
        one->broadcast = number;
        return is_next ? message_make(SPEAKER_ALL, 0, number, 0, MESSAGE_SMALL_MAX) : (message){0};
    }
    case SPEAKER_ECHO: {
        uint32_t put = atomic_load(&one->in->client.put);
        while (one->echoed < put &&
               message_client(one->connection, one->echoed, limit) != SPEAKER_ECHO) {
            one->echoed++;
        }
        one->echoed++;
        return message_make(SPEAKER_ECHO, one->connection, one->echoed - 1, one->echoed - 1, limit);
    }
    default:
        one->said++;
        return message_make(SPEAKER_SERVER, one->connection, one->said - 1, place, limit);
    }
}

static void check(member *one, const uint8_t *packet, size_t length)
{
    uint32_t place = atomic_load(&one->in->client.taken);
    message expected = expect(one, packet, length);
    if (expected.bytes == NULL ||
        !message_is(&expected, packet, length, gdws_peer_was_string_packet(server_of(one)))) {
        book_wrong(one->all->ledger,
                   "connection %u: the client got, at place %u, %zu bytes \"%.*s\" instead of %zu "
                   "bytes \"%.*s\"",
                   one->connection, place, length, length >= MESSAGE_HEADER ? MESSAGE_HEADER : 0,
                   (const char *)packet, expected.length,
                   expected.length >= MESSAGE_HEADER ? MESSAGE_HEADER : 0,
                   expected.bytes != NULL ? (const char *)expected.bytes : "");
    }
    (void)atomic_fetch_add(&one->in->client.bytes, length);
    (void)atomic_fetch_add(&one->in->client.taken, 1);
}

/* Once it is closed, gdws keeps what came for a few seconds only. */
static bool may_stall(const member *one)
{
    return is_phase(one->all, PHASE_TALK) &&
           gdws_peer_get_ready_state(server_of(one)) == GDWS_STATE_OPEN;
}

static void take(member *one)
{
    const uint8_t *packet;
    size_t length;
    if (one->stalled_until_ms <= one->all->now_ms) {
        one->taken_ms = one->all->now_ms;
    }
    while (one->stalled_until_ms <= one->all->now_ms &&
           gdws_client_get_peer_packet(one->client, 1, &packet, &length) == GDWS_OK) {
        check(one, packet, length);
        if (may_stall(one) && dice_one_in(&one->dice, 200)) {
            one->stalled_until_ms = one->all->now_ms + dice_between(&one->dice, 50, STALL_MAX_MS);
            book_add(one->all->ledger, COUNT_CLIENT_STALLS);
        }
    }
}

/* Putting */

/* The book knows of a message before the library does, so that it stands when this process is
 * killed in between. Returns false when there is no room now, or no connection. */
static bool put(member *one)
{
    uint32_t number = atomic_load(&one->in->client.put);
    speaker who = message_client(one->connection, number, one->in->limit);
    message made = message_make(who, one->connection, number, number, one->in->limit);
    atomic_store(&one->in->client.put, number + 1);
    gdws_error error = gdws_peer_send(server_of(one), made.bytes, made.length,
                                      made.is_text ? GDWS_WRITE_MODE_TEXT : GDWS_WRITE_MODE_BINARY);
    if (error == GDWS_OK) {
        (void)atomic_fetch_add(&one->all->ledger->put[0], 1);
        return true;
    }
    atomic_store(&one->in->client.put, number);
    if (error == GDWS_OUT_OF_MEMORY) {
        book_add(one->all->ledger, COUNT_REFUSED_PUTS);
    } else if (error != GDWS_UNAVAILABLE) {
        book_wrong(one->all->ledger, "connection %u: the client's put: %s", one->connection,
                   gdws_error_name(error));
    }
    return false;
}

static void talk(member *one)
{
    uint64_t count = dice_one_in(&one->dice, 20) ? BURST : 1;
    while (count > 0 && put(one)) {
        count--;
    }
    one->talk_ms = one->all->now_ms + dice_between(&one->dice, 50, 1500);
}

/* Coming */

/* Give the next attempt a number. Returns false when there are no more. */
static bool enter(member *one)
{
    char header[64];
    const char *const headers[] = {header};
    uint32_t limit =
        one->is_small || one->what == KIND_COMPRESSED ? MESSAGE_SMALL_MAX : MESSAGE_MAX;
    uint32_t number = book_open(one->all->ledger, one->what, one->all->plan->owner, limit);
    if (number == 0) {
        return false;
    }
    one->connection = number;
    one->in = &one->all->ledger->entries[number];
    one->said = 0;
    one->echoed = 0;
    one->broadcast = 0;
    (void)snprintf(header, sizeof(header), "%s: %u", BOOK_HEADER, number);
    return gdws_client_set_handshake_headers(one->client, headers, 1) == GDWS_OK;
}

static void dial(member *one)
{
    char url[64];
    (void)snprintf(url, sizeof(url), "%s://127.0.0.1:%u", one->what == KIND_SECURE ? "wss" : "ws",
                   one->all->ledger->ports[one->what]);
    one->dial_ms = UINT64_MAX;
    if (!enter(one) || gdws_client_connect_to_url(one->client, url) != GDWS_OK) {
        book_wrong(one->all->ledger, "a client cannot dial: %s",
                   gdws_client_get_error_message(one->client));
    }
}

static void on_connected(gdws_client *client, const char *protocol, void *user)
{
    member *one = user;
    (void)client;
    (void)protocol;
    one->in->client.connected++;
    one->stalled_until_ms = 0;
    one->taken_ms = one->all->now_ms;
    one->talk_ms = one->all->now_ms;
    one->leave_ms = one->all->now_ms + dice_between(&one->dice, 0, 30000);
}

static void on_error(gdws_client *client, void *user)
{
    member *one = user;
    if (gdws_client_get_error(client) == GDWS_SKIP) {
        return; /* it was told at the end not to connect again */
    }
    one->in->ending = ENDING_FAILED;
    one->dial_ms = one->all->now_ms + dice_between(&one->dice, 50, 500);
}

static void on_data(gdws_client *client, void *user)
{
    (void)client;
    take(user);
}

static void on_close_request(gdws_client *client, int code, const char *reason, void *user)
{
    member *one = user;
    (void)client;
    if (code == BOOK_KICKED && strcmp(reason, "kicked") == 0 && one->in->ending == ENDING_NONE) {
        one->in->ending = ENDING_KICKED;
    }
}

static void on_closed(gdws_client *client, bool was_clean, void *user)
{
    member *one = user;
    side *own = &one->in->client;
    own->ended++;
    own->is_clean = was_clean;
    own->is_late = book_now_ms() - one->taken_ms > LINGER_MS;
    own->arrived = (uint32_t)gdws_peer_get_received_packet_count(gdws_client_get_peer(client, 1));
    if (one->in->ending == ENDING_NONE) {
        one->in->ending = ENDING_LOST;
    }
    one->dial_ms = one->all->now_ms + dice_between(&one->dice, 0, 1000);
}

static void on_reconnecting(gdws_client *client, uint32_t attempt, uint32_t delay_ms, void *user)
{
    member *one = user;
    (void)attempt;
    (void)delay_ms;
    one->dial_ms = UINT64_MAX;
    if (enter(one)) {
        book_add(one->all->ledger, COUNT_RECONNECTS);
    } else {
        (void)gdws_client_disconnect_from_host(client, 1000, "");
    }
}

static void make(member *one)
{
    const gdws_client_signals signals = {.size = sizeof(signals),
                                         .user = one,
                                         .connected_to_host = on_connected,
                                         .connection_error = on_error,
                                         .data_received = on_data,
                                         .server_close_request = on_close_request,
                                         .connection_closed = on_closed,
                                         .reconnecting = on_reconnecting};
    uint32_t patience_ms = (uint32_t)one->all->ledger->patience_ms;
    one->client = gdws_client_new(one->all->loop);
    (void)gdws_client_set_signals(one->client, &signals);
    (void)gdws_client_set_handshake_timeout_ms(one->client, patience_ms);
    (void)gdws_client_set_close_timeout_ms(one->client, patience_ms);
    (void)gdws_client_set_heartbeat(one->client, 2000, patience_ms / 2);
    (void)gdws_client_set_compression(one->client, one->what == KIND_COMPRESSED);
    if (one->is_small) {
        (void)gdws_client_set_inbound_buffer_size(one->client, MESSAGE_SMALL_MAX);
        (void)gdws_client_set_outbound_buffer_size(one->client, MESSAGE_SMALL_MAX * 2);
        (void)gdws_client_set_max_queued_packets(one->client, 8);
    }
    if (one->is_persistent) {
        (void)gdws_client_set_reconnect(one->client, RETRY_MS, RETRY_MAX_MS, 0);
    }
    if (one->what == KIND_SECURE) {
        (void)gdws_client_set_trusted_certificate(one->client, one->all->authority);
    }
}

/* Going */

static void drop(member *one)
{
    one->in->ending = ENDING_DROPPED;
    /* It may stall, and the server may have closed the connection meanwhile. */
    one->in->client.left = (uint32_t)gdws_peer_get_available_packet_count(server_of(one));
    gdws_client_free(one->client);
    make(one);
}

static void leave(member *one)
{
    uint64_t way = dice_between(&one->dice, 0, 9);
    one->leave_ms = UINT64_MAX;
    if (way < 2) {
        drop(one);
    } else if (way < 8 && gdws_peer_close(server_of(one), way < 5 ? 1000 : 4001,
                                          way < 5 ? "" : "bye") == GDWS_OK) {
        one->in->ending = ENDING_CLOSED;
    } /* The others wait to be kicked. */
}

/* At the end: whether all that was put has been taken, both ways. The server takes a message after
 * its echo was put, hence the order. */
static bool is_settled(const member *one)
{
    bool is_heard = one->in->server.taken == one->in->client.put;
    return is_heard && one->in->client.taken == one->in->server.put;
}

static void retire(member *one)
{
    gdws_client_free(one->client);
    one->client = NULL;
    one->all->done++;
}

static void settle(member *one)
{
    gdws_ready_state state = gdws_peer_get_ready_state(server_of(one));
    gdws_connection_status status = gdws_client_get_connection_status(one->client);
    if (one->is_persistent) {
        (void)gdws_client_set_reconnect(one->client, 0, 0, 0);
    }
    if (status == GDWS_CONNECTION_DISCONNECTED) {
        retire(one);
    } else if (status == GDWS_CONNECTION_CONNECTED && state == GDWS_STATE_OPEN && is_settled(one)) {
        one->in->ending = ENDING_SETTLED;
        (void)gdws_peer_close(server_of(one), 1000, "settled");
    }
}

static void attend(member *one)
{
    uint64_t now_ms = one->all->now_ms;
    gdws_connection_status status = gdws_client_get_connection_status(one->client);
    if (status == GDWS_CONNECTION_CONNECTED) {
        take(one);
    }
    if (is_phase(one->all, PHASE_SETTLE)) {
        settle(one);
    } else if (!is_phase(one->all, PHASE_TALK)) {
        return;
    } else if (status == GDWS_CONNECTION_DISCONNECTED && one->dial_ms <= now_ms) {
        dial(one);
    } else if (status == GDWS_CONNECTION_CONNECTED && one->talk_ms <= now_ms) {
        talk(one);
    } else if (status == GDWS_CONNECTION_CONNECTED && one->leave_ms <= now_ms) {
        leave(one);
    }
}

/* The process */

static void begin(crowd *all)
{
    all->epoll_fd = -1;
    if (all->plan->way == DRIVE_UV) {
        (void)uv_loop_init(&all->uv);
        all->loop = gdws_loop_new_on_uv(&all->uv);
        return;
    }
    all->loop = gdws_loop_new();
    if (all->plan->way == DRIVE_POLL) {
        (void)gdws_poll_attach(&all->by_poll, all->loop);
    } else if (all->plan->way == DRIVE_EPOLL) {
        all->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
        (void)gdws_epoll_attach(&all->by_epoll, all->epoll_fd, all->loop);
    }
}

static void on_turn(uv_timer_t *timer)
{
    uv_stop(timer->loop);
}

static void run_uv(crowd *all)
{
    uv_timer_t turn;
    (void)uv_timer_init(&all->uv, &turn);
    (void)uv_timer_start(&turn, on_turn, TURN_MS, 0);
    (void)uv_run(&all->uv, UV_RUN_DEFAULT);
    uv_close((uv_handle_t *)&turn, NULL);
    (void)uv_run(&all->uv, UV_RUN_NOWAIT);
}

static void turn(crowd *all)
{
    struct pollfd descriptors[1];
    struct epoll_event events[4];
    switch (all->plan->way) {
    case DRIVE_POLL:
        (void)gdws_poll_wait(&all->by_poll, descriptors, 0, TURN_MS);
        break;
    case DRIVE_EPOLL:
        (void)gdws_epoll_wait(&all->by_epoll, events, 4, TURN_MS);
        break;
    case DRIVE_UV:
        run_uv(all);
        break;
    default:
        (void)gdws_loop_wait(all->loop, TURN_MS);
        break;
    }
}

static void end(crowd *all)
{
    gdws_poll_detach(&all->by_poll);
    gdws_epoll_detach(&all->by_epoll);
    gdws_loop_free(all->loop);
    if (all->epoll_fd >= 0) {
        (void)close(all->epoll_fd);
    }
    if (all->plan->way == DRIVE_UV) {
        (void)uv_run(&all->uv, UV_RUN_DEFAULT);
        if (uv_loop_close(&all->uv) != 0) {
            book_wrong(all->ledger, "a crowd's libuv loop has handles left");
        }
    }
    free(all->members);
}

static void tell_unsettled(const crowd *all)
{
    for (size_t i = 0; i < all->plan->clients; i++) {
        const member *one = &all->members[i];
        if (one->client != NULL) {
            book_wrong(all->ledger,
                       "connection %u (%s) does not settle: status %d, client put %u, server took "
                       "%u; server put %u, client took %u",
                       one->connection, book_kind_names[one->what],
                       (int)gdws_client_get_connection_status(one->client), one->in->client.put,
                       one->in->server.taken, one->in->server.put, one->in->client.taken);
        }
    }
}

static void live(crowd *all)
{
    uint64_t limit_ms = UINT64_MAX;
    while (all->done < all->plan->clients && all->now_ms < limit_ms) {
        turn(all);
        all->now_ms = book_now_ms();
        if (limit_ms == UINT64_MAX && is_phase(all, PHASE_SETTLE)) {
            limit_ms = all->now_ms + all->ledger->patience_ms * 2;
        }
        for (size_t i = 0; i < all->plan->clients; i++) {
            if (all->members[i].client != NULL) {
                attend(&all->members[i]);
            }
        }
    }
    tell_unsettled(all);
}

int crowd_run(book *ledger, const char *authority, const crowd_plan *plan)
{
    gdws_loop_free(gdws_loop_new()); /* libuv makes some things once, for ever */
    size_t descriptors = book_descriptors();
    size_t live_before = gdwsi_mem_live();
    crowd all = {.ledger = ledger, .plan = plan, .authority = authority, .now_ms = book_now_ms()};
    all.members = calloc(plan->clients, sizeof(*all.members));
    begin(&all);
    for (size_t i = 0; i < plan->clients; i++) {
        member *one = &all.members[i];
        *one =
            (member){.all = &all, .dice = dice_mix(plan->seed + i), .what = (kind)(i % KIND_RAW)};
        one->is_small = dice_one_in(&one->dice, 5);
        one->is_persistent = dice_one_in(&one->dice, 3);
        one->dial_ms = all.now_ms + dice_between(&one->dice, 0, 2000);
        make(one);
    }
    live(&all);
    if (all.done < plan->clients) {
        return 1;
    }
    end(&all);
    if (gdwsi_mem_live() != live_before || book_descriptors() != descriptors) {
        book_wrong(ledger,
                   "a crowd's process ends with %zu allocations and %zu descriptors; it "
                   "began with %zu and %zu",
                   gdwsi_mem_live(), book_descriptors(), live_before, descriptors);
    }
    return 0;
}
