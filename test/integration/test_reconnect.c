/* SPDX-License-Identifier: MIT */
/* Reconnecting: when a client tries again and when it does not, what its program sees meanwhile,
 * and how it gets out of it. The random part of the waits is what each test says. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client.h"
#include "rawsock.h"
#include "runtests.h"
#include "world.h"

#define DAY_MS (24u * 60u * 60u * 1000u)
#define NOTES_MAX 16

/* What the handlers of the client have seen. */
typedef struct notes {
    uint32_t attempts[NOTES_MAX];
    uint32_t delays_ms[NOTES_MAX];
    gdws_connection_status ends[NOTES_MAX]; /* in connection_error and connection_closed */
    size_t waits;
    size_t ended;
    char url[64];
    gdws_error error;
} notes;

static world w;
static notes seen;
static uint16_t port; /* of the server, nobody else's when it does not listen */
static int holder;

static uint32_t shortest(void)
{
    return 0;
}

static uint32_t longest(void)
{
    return UINT32_MAX;
}

static void note_wait(void *user)
{
    (void)user;
    ck_assert_int_eq(gdws_client_get_connection_status(w.client), GDWS_CONNECTION_CONNECTING);
    if (seen.waits < NOTES_MAX) {
        seen.attempts[seen.waits] = w.at_client.attempt;
        seen.delays_ms[seen.waits] = w.at_client.delay_ms;
        seen.waits++;
    }
}

static void note_end(void *user)
{
    (void)user;
    if (seen.ended < NOTES_MAX) {
        seen.ends[seen.ended] = gdws_client_get_connection_status(w.client);
        seen.ended++;
    }
}

static void set_up(void)
{
    memset(&seen, 0, sizeof(seen));
    holder = rawsock_hold_port(&port);
    world_init_idle(&w);
    ck_assert_int_eq(gdws_server_listen(w.server, port), GDWS_OK);
    w.at_client.on_reconnecting = note_wait;
    w.at_client.on_end = note_end;
    (void)snprintf(seen.url, sizeof(seen.url), "%s://127.0.0.1:%u/", world_scheme(), port);
}

static void tear_down(void)
{
    world_free(&w);
    rawsock_stop_listening(holder);
}

static void set_reconnect(uint32_t (*draw)(void), uint32_t first_ms, uint32_t max_ms,
                          uint32_t attempts)
{
    w.client->backoff.draw = draw;
    ck_assert_int_eq(gdws_client_set_reconnect(w.client, first_ms, max_ms, attempts), GDWS_OK);
}

static void dial(void)
{
    ck_assert_int_eq(gdws_client_connect_to_url(w.client, seen.url), GDWS_OK);
}

static gdws_connection_status status(void)
{
    return gdws_client_get_connection_status(w.client);
}

/* The loop comes to rest: nothing happens any more. */
static void expect_quiet(void)
{
    uint64_t limit = world_now_ms() + WORLD_LIMIT_MS;
    while (gdws_loop_wait(w.loop, 50) != GDWS_TIMEOUT) {
        ck_assert(world_now_ms() < limit);
    }
}

/* Connect with a wait that will not end by itself, and let the server end the connection. */
static void connect_and_lose(int code)
{
    set_reconnect(longest, DAY_MS, DAY_MS, 0);
    world_connect(&w);
    ck_assert_int_eq(gdws_server_disconnect_peer(w.server, w.at_server.id, code, ""), GDWS_OK);
    WAIT_FOR(&w, w.at_client.closed == 1 && w.at_server.closed == 1);
}

START_TEST(waits_double_up_to_the_longest_and_end_with_the_attempts)
{
    static const uint32_t delays_ms[] = {10, 20, 40, 40, 40};
    gdws_server_stop(w.server);
    set_reconnect(longest, 10, 40, 5);
    uint64_t start = world_now_ms();
    dial();
    WAIT_FOR(&w, w.at_client.errors == 6);
    /* The clock counts whole milliseconds. */
    ck_assert_uint_ge(world_now_ms() - start, 150 - 5);
    ck_assert_str_eq(w.at_client.log, "ErErErErErE");
    for (uint32_t i = 0; i < 5; i++) {
        ck_assert_uint_eq(seen.attempts[i], i + 1);
        ck_assert_uint_eq(seen.delays_ms[i], delays_ms[i]);
        ck_assert_int_eq(seen.ends[i], GDWS_CONNECTION_CONNECTING);
    }
    ck_assert_int_eq(seen.ends[5], GDWS_CONNECTION_DISCONNECTED);
    ck_assert_int_eq(status(), GDWS_CONNECTION_DISCONNECTED);
    ck_assert_int_eq(gdws_client_get_error(w.client), GDWS_CANT_CONNECT);
    expect_quiet();
    ck_assert_int_eq(w.at_client.errors, 6);
}
END_TEST

START_TEST(waits_are_random_and_within_their_limit)
{
    gdws_server_stop(w.server);
    ck_assert_int_eq(gdws_client_set_reconnect(w.client, 10, 20, 3), GDWS_OK);
    dial();
    WAIT_FOR(&w, w.at_client.errors == 4);
    ck_assert_uint_eq(seen.waits, 3);
    ck_assert_uint_le(seen.delays_ms[0], 10);
    ck_assert_uint_le(seen.delays_ms[1], 20);
    ck_assert_uint_le(seen.delays_ms[2], 20);
}
END_TEST

START_TEST(a_server_that_is_not_there_yet_is_waited_for)
{
    gdws_server_stop(w.server);
    ck_assert_int_eq(gdws_client_set_reconnect(w.client, 10, 50, 0), GDWS_OK);
    dial();
    WAIT_FOR(&w, w.at_client.errors >= 2);
    ck_assert_int_eq(gdws_server_listen(w.server, port), GDWS_OK);
    WAIT_FOR(&w, w.at_client.connected == 1 && w.at_server.connected == 1);
    ck_assert_int_eq(w.at_client.reconnecting, w.at_client.errors);
    ck_assert_int_eq(gdws_client_get_error(w.client), GDWS_OK);
    ck_assert_str_eq(gdws_client_get_error_message(w.client), "");
}
END_TEST

START_TEST(a_server_that_comes_back_has_its_client_again)
{
    w.echoes = true;
    w.takes_packets = true;
    ck_assert_int_eq(gdws_client_set_reconnect(w.client, 10, 50, 0), GDWS_OK);
    for (int i = 1; i <= 3; i++) {
        if (i == 1) {
            world_connect(&w);
        } else {
            ck_assert_int_eq(gdws_server_listen(w.server, port), GDWS_OK);
            WAIT_FOR(&w, w.at_client.connected == i && w.at_server.connected == i);
        }
        ck_assert_int_eq(gdws_peer_send_text(world_client_peer(&w), "hello"), GDWS_OK);
        WAIT_FOR(&w, w.at_client.data == i);
        gdws_server_stop(w.server);
        WAIT_FOR(&w, w.at_client.closed == i && w.at_client.errors > 0);
        ck_assert_int_eq(w.at_client.code, 1001);
    }
}
END_TEST

/* Where libwebsockets shakes hands the server does not see the headers. */
static void expect_new_token(void)
{
    const char *token = gdws_peer_get_request_header(world_server_peer(&w), "X-Token");
    ck_assert_str_eq(token != NULL || !world_is_fallback() ? token : "new", "new");
}

START_TEST(while_it_waits_the_client_can_be_asked_and_changed)
{
    static const char *const headers[] = {"X-Token: new"};
    connect_and_lose(1011);
    ck_assert_str_eq(w.at_client.log, "CRXr");
    ck_assert_int_eq(seen.ends[0], GDWS_CONNECTION_CONNECTING);
    ck_assert_int_eq(status(), GDWS_CONNECTION_CONNECTING);
    ck_assert_uint_eq(w.at_client.attempt, 1);
    ck_assert_uint_eq(w.at_client.delay_ms, DAY_MS);
    expect_quiet();

    gdws_peer *peer = gdws_client_get_peer(w.client, 1);
    ck_assert_int_eq(gdws_peer_get_ready_state(peer), GDWS_STATE_CLOSED);
    ck_assert_int_eq(gdws_peer_get_close_code(peer), 1011);
    ck_assert_int_eq(gdws_peer_send_text(peer, "x"), GDWS_UNAVAILABLE);
    ck_assert_int_eq(gdws_client_get_peer_id(w.client), 0);
    ck_assert_str_eq(gdws_client_get_connected_host(w.client), "");
    ck_assert_int_eq(gdws_client_set_handshake_headers(w.client, headers, 1), GDWS_OK);

    /* "Try now": begins at once, and counts anew. */
    world_connect(&w);
    expect_new_token();
    ck_assert_int_eq(gdws_server_disconnect_peer(w.server, w.at_server.id, 1012, ""), GDWS_OK);
    WAIT_FOR(&w, w.at_client.closed == 2 && w.at_server.closed == 2);
    ck_assert_uint_eq(w.at_client.attempt, 1);
}
END_TEST

START_TEST(options_that_were_changed_count_in_the_next_attempt)
{
    static const char *const headers[] = {"X-Token: new"};
    set_reconnect(longest, 100, 100, 0);
    world_connect(&w);
    ck_assert_int_eq(gdws_server_disconnect_peer(w.server, w.at_server.id, 1012, ""), GDWS_OK);
    WAIT_FOR(&w, w.at_client.reconnecting == 1);
    ck_assert_int_eq(gdws_client_set_handshake_headers(w.client, headers, 1), GDWS_OK);
    world_prepare_client(w.client);
    WAIT_FOR(&w, w.at_client.connected == 2 && w.at_server.connected == 2);
    expect_new_token();
}
END_TEST

START_TEST(disconnect_from_host_ends_the_wait)
{
    connect_and_lose(1012);
    ck_assert_int_eq(gdws_client_disconnect_from_host(w.client, 1005, ""), GDWS_INVALID_PARAMETER);
    ck_assert_int_eq(gdws_client_disconnect_from_host(w.client, 1000, ""), GDWS_OK);
    ck_assert_int_eq(status(), GDWS_CONNECTION_DISCONNECTED);
    WAIT_FOR(&w, w.at_client.errors == 1);
    ck_assert_str_eq(w.at_client.log, "CRXrE");
    ck_assert_int_eq(gdws_client_get_error(w.client), GDWS_SKIP);
    ck_assert_int_eq(gdws_client_disconnect_from_host(w.client, 1000, ""), GDWS_UNAVAILABLE);
    expect_quiet();
    w.at_client.errors = 0;
    world_connect(&w);
}
END_TEST

static void leave(void *user)
{
    (void)user;
    seen.error = gdws_client_disconnect_from_host(w.client, 1000, "");
}

START_TEST(disconnect_from_host_in_reconnecting_ends_the_wait)
{
    w.at_client.on_reconnecting = leave;
    connect_and_lose(1012);
    WAIT_FOR(&w, w.at_client.errors == 1);
    ck_assert_int_eq(seen.error, GDWS_OK);
    ck_assert_str_eq(w.at_client.log, "CRXrE");
    ck_assert_int_eq(seen.ends[1], GDWS_CONNECTION_DISCONNECTED);
    expect_quiet();
}
END_TEST

START_TEST(disconnect_from_host_in_connection_closed_prevents_the_attempt)
{
    w.at_client.on_end = leave;
    connect_and_lose(1012);
    ck_assert_int_eq(seen.error, GDWS_OK);
    expect_quiet();
    ck_assert_str_eq(w.at_client.log, "CRX");
    ck_assert_int_eq(status(), GDWS_CONNECTION_DISCONNECTED);
}
END_TEST

START_TEST(disconnect_from_host_in_connection_error_prevents_the_attempt)
{
    gdws_server_stop(w.server);
    w.at_client.on_end = leave;
    set_reconnect(longest, DAY_MS, DAY_MS, 0);
    dial();
    WAIT_FOR(&w, w.at_client.errors == 1);
    ck_assert_int_eq(seen.error, GDWS_OK);
    expect_quiet();
    ck_assert_str_eq(w.at_client.log, "E");
    ck_assert_int_eq(gdws_client_get_error(w.client), GDWS_CANT_CONNECT);
    ck_assert_int_eq(status(), GDWS_CONNECTION_DISCONNECTED);
}
END_TEST

/* Runs in each pass before the signals, and so between the handshake and connected_to_host. */
static void leave_before_connected(gdws_loop *loop, void *user)
{
    if (loop == NULL || w.at_client.connected > 0) {
        return;
    }
    if (w.client->link != NULL && w.client->link->is_established) {
        leave(user);
        return;
    }
    ck_assert_int_eq(gdws_loop_post(loop, leave_before_connected, user), GDWS_OK);
}

START_TEST(disconnect_from_host_before_connected_to_host_is_final_although_the_server_leaves)
{
    rawsock raw;
    uint16_t raw_port;
    int listener = rawsock_listen(&raw_port);
    (void)snprintf(seen.url, sizeof(seen.url), "%s://127.0.0.1:%u/", world_scheme(), raw_port);
    set_reconnect(shortest, 10, 10, 0);
    seen.error = GDWS_FAILED;
    dial();
    rawsock_accept(&raw, w.loop, listener);
    ck_assert_int_eq(gdws_loop_post(w.loop, leave_before_connected, NULL), GDWS_OK);
    /* Behind the answer's empty line a Close frame with 1001. */
    rawsock_answer_upgrade(&raw, "\r\n\x88\x02\x03\xe9");
    WAIT_FOR(&w, w.at_client.connected == 1);
    rawsock_close(&raw);
    WAIT_FOR(&w, w.at_client.closed == 1);
    ck_assert_int_eq(seen.error, GDWS_OK);
    ck_assert_int_eq(seen.ends[0], GDWS_CONNECTION_DISCONNECTED);
    expect_quiet();
    ck_assert_int_eq(w.at_client.reconnecting, 0);
    rawsock_stop_listening(listener);
}
END_TEST

START_TEST(disconnect_from_host_while_connecting_is_final)
{
    set_reconnect(shortest, 10, 10, 0);
    dial();
    ck_assert_int_eq(gdws_client_disconnect_from_host(w.client, 1000, ""), GDWS_OK);
    WAIT_FOR(&w, w.at_client.errors == 1);
    expect_quiet();
    ck_assert_str_eq(w.at_client.log, "E");
    ck_assert_int_eq(gdws_client_get_error(w.client), GDWS_SKIP);
}
END_TEST

/* 0: disconnect_from_host; 1: gdws_peer_close; 2: disconnect_from_host when the server is closing
 * already. */
START_TEST(what_the_program_has_closed_stays_closed)
{
    set_reconnect(shortest, 10, 10, 0);
    world_connect(&w);
    if (_i == 0) {
        ck_assert_int_eq(gdws_client_disconnect_from_host(w.client, 1000, ""), GDWS_OK);
    } else if (_i == 1) {
        ck_assert_int_eq(gdws_peer_close(world_client_peer(&w), 4000, ""), GDWS_OK);
    } else {
        w.at_client.on_close_request = leave;
        ck_assert_int_eq(gdws_server_disconnect_peer(w.server, w.at_server.id, 1001, ""), GDWS_OK);
    }
    WAIT_FOR(&w, w.at_client.closed == 1);
    ck_assert_int_eq(seen.error, GDWS_OK);
    ck_assert_int_eq(seen.ends[0], GDWS_CONNECTION_DISCONNECTED);
    expect_quiet();
    ck_assert_int_eq(w.at_client.reconnecting, 0);
    ck_assert_int_eq(w.at_client.connected, 1);
    /* And the next connection is one like the first. */
    w.at_client.on_close_request = NULL;
    world_connect(&w);
    ck_assert_int_eq(gdws_server_disconnect_peer(w.server, w.at_server.id, 1001, ""), GDWS_OK);
    WAIT_FOR(&w, w.at_client.connected == 3 && w.at_server.connected == 3);
}
END_TEST

START_TEST(a_server_that_has_done_with_a_client_says_1000)
{
    static const int codes[] = {1000, 1001, 1008, 1011, 1013, 4001};
    bool is_final = codes[_i] == 1000;
    connect_and_lose(codes[_i]);
    ck_assert_int_eq(w.at_client.reconnecting, is_final ? 0 : 1);
    ck_assert_int_eq(status(),
                     is_final ? GDWS_CONNECTION_DISCONNECTED : GDWS_CONNECTION_CONNECTING);
    expect_quiet();
}
END_TEST

typedef struct refusal {
    int status;
    bool is_final;
} refusal;

static const refusal refusals[] = {{200, false}, {302, true},  {400, true},  {401, true},
                                   {403, true},  {404, true},  {408, false}, {425, false},
                                   {426, true},  {429, false}, {500, false}, {503, false}};

START_TEST(a_refusal_is_final_unless_it_is_for_now)
{
    const refusal *one = &refusals[_i];
    rawsock raw;
    char text[4096];
    uint16_t raw_port = 0;
    int listener = rawsock_listen(&raw_port);
    (void)snprintf(seen.url, sizeof(seen.url), "%s://127.0.0.1:%u/", world_scheme(), raw_port);
    set_reconnect(longest, DAY_MS, DAY_MS, 0);
    dial();
    rawsock_accept(&raw, w.loop, listener);
    rawsock_read_headers(&raw, text, sizeof(text));
    int length =
        snprintf(text, sizeof(text), "HTTP/1.1 %d X\r\nContent-Length: 0\r\n\r\n", one->status);
    rawsock_send(&raw, text, (size_t)length, 0);
    WAIT_FOR(&w, w.at_client.errors == 1);
    rawsock_close(&raw);
    rawsock_stop_listening(listener);
    ck_assert_int_eq(gdws_client_get_http_status(w.client), one->status);
    ck_assert_int_eq(w.at_client.reconnecting, one->is_final ? 0 : 1);
    ck_assert_int_eq(status(),
                     one->is_final ? GDWS_CONNECTION_DISCONNECTED : GDWS_CONNECTION_CONNECTING);
    expect_quiet();
}
END_TEST

START_TEST(a_name_that_is_not_found_is_looked_up_again)
{
    set_reconnect(shortest, 10, 10, 1);
    ck_assert_int_eq(gdws_client_connect_to_url(w.client, "ws://does-not-exist.invalid/"), GDWS_OK);
    WAIT_FOR(&w, w.at_client.errors == 2);
    ck_assert_str_eq(w.at_client.log, "ErE");
    ck_assert_int_eq(gdws_client_get_error(w.client), GDWS_CANT_RESOLVE);
}
END_TEST

/* A lookup cannot be taken back; if each attempt began another one, they would take all threads for
 * lookups, and no other name of the process would be found meanwhile. */
START_TEST(a_name_that_is_not_answered_is_asked_for_once)
{
    char url[64];
    int before = world_slow_lookups();
    uint64_t start = world_now_ms();
    set_reconnect(shortest, 10, 10, 0);
    ck_assert_int_eq(gdws_client_set_handshake_timeout_ms(w.client, 50), GDWS_OK);
    ck_assert_int_eq(gdws_client_connect_to_url(w.client, "ws://slow.invalid/"), GDWS_OK);
    WAIT_FOR(&w, w.at_client.errors >= 5);
    gdws_client *other = gdws_client_new(w.loop);
    world_prepare_client(other);
    other->config.writes_frames_singly = world_is_fallback();
    (void)snprintf(url, sizeof(url), "%s://localhost:%u/", world_scheme(), port);
    ck_assert_int_eq(gdws_client_connect_to_url(other, url), GDWS_OK);
    WAIT_FOR(&w, w.at_server.connected == 1);
    /* One such lookup takes three seconds. */
    int most = 1 + (int)((world_now_ms() - start) / 3000);
    ck_assert_int_le(world_slow_lookups() - before, most);
    gdws_client_free(other);
    WAIT_FOR(&w, w.at_server.closed == 1);
}
END_TEST

/* What was queued for a connection that is lost stays lost; what is said on the new one comes. */
START_TEST(what_was_queued_is_not_sent_again)
{
    enum { SIZE = 1000 * 1000, COUNT = 30 };
    uint8_t *packet = calloc(1, SIZE);
    const uint8_t *heard;
    size_t length;
    gdws_server_stop(w.server);
    ck_assert_int_eq(gdws_server_set_max_queued_packets(w.server, 1), GDWS_OK);
    ck_assert_int_eq(gdws_server_listen(w.server, port), GDWS_OK);
    ck_assert_int_eq(gdws_client_set_outbound_buffer_size(w.client, 2 * SIZE * COUNT), GDWS_OK);
    set_reconnect(shortest, 10, 10, 0);
    world_connect(&w);
    /* What compression cannot make small. */
    for (size_t i = 0; i < SIZE; i++) {
        packet[i] = (uint8_t)rand();
    }
    for (int i = 0; i < COUNT; i++) {
        ck_assert_int_eq(gdws_peer_put_packet(world_client_peer(&w), packet, SIZE), GDWS_OK);
    }
    free(packet);
    WAIT_FOR(&w, w.at_server.data == 1);
    expect_quiet();
    ck_assert_uint_gt(gdws_peer_get_current_outbound_buffered_amount(world_client_peer(&w)), 0);
    gdws_server_stop(w.server);
    ck_assert_int_eq(gdws_server_listen(w.server, port), GDWS_OK);
    WAIT_FOR(&w, w.at_client.connected == 2 && w.at_server.connected == 2);
    ck_assert_uint_eq(gdws_peer_get_current_outbound_buffered_amount(world_client_peer(&w)), 0);
    ck_assert_int_eq(gdws_peer_send_text(world_client_peer(&w), "again"), GDWS_OK);
    WAIT_FOR(&w, w.at_server.data == 2);
    ck_assert_int_eq(gdws_peer_get_packet(world_server_peer(&w), &heard, &length), GDWS_OK);
    ck_assert_uint_eq(length, 5);
    ck_assert(memcmp(heard, "again", 5) == 0);
}
END_TEST

START_TEST(packets_from_before_are_read_before_the_next_attempt)
{
    const uint8_t *packet;
    size_t length;
    set_reconnect(shortest, 10, 10, 0);
    world_connect(&w);
    ck_assert_int_eq(gdws_peer_send_text(world_server_peer(&w), "last words"), GDWS_OK);
    ck_assert_int_eq(gdws_server_disconnect_peer(w.server, w.at_server.id, 1012, ""), GDWS_OK);
    WAIT_FOR(&w, w.at_client.data == 1 && w.at_client.close_requests == 1);
    expect_quiet();
    ck_assert_int_eq(w.at_client.closed, 0);
    ck_assert_int_eq(gdws_client_get_peer_packet(w.client, 1, &packet, &length), GDWS_OK);
    ck_assert_uint_eq(length, 10);
    WAIT_FOR(&w, w.at_client.connected == 2 && w.at_server.connected == 2);
    ck_assert_str_eq(w.at_client.log, "CdRXrC");
}
END_TEST

START_TEST(a_server_that_throws_everybody_out_is_no_success)
{
    enum { ATTEMPTS = 4 };
    uint16_t raw_port = 0;
    int listener = rawsock_listen(&raw_port);
    (void)snprintf(seen.url, sizeof(seen.url), "%s://127.0.0.1:%u/", world_scheme(), raw_port);
    set_reconnect(shortest, 60000, 120000, ATTEMPTS);
    dial();
    for (int i = 0; i <= ATTEMPTS; i++) {
        rawsock raw;
        rawsock_accept(&raw, w.loop, listener);
        rawsock_answer_upgrade(&raw, "");
        WAIT_FOR(&w, w.at_client.connected == i + 1);
        rawsock_close(&raw);
        WAIT_FOR(&w, w.at_client.closed == i + 1);
    }
    expect_quiet();
    rawsock_stop_listening(listener);
    ck_assert_str_eq(w.at_client.log, "CXrCXrCXrCXrCX");
    ck_assert_uint_eq(w.at_client.attempt, ATTEMPTS);
    ck_assert_int_eq(seen.ends[ATTEMPTS], GDWS_CONNECTION_DISCONNECTED);
}
END_TEST

START_TEST(a_connection_that_has_lasted_begins_a_new_row)
{
    enum { FIRST_MS = 10 };
    set_reconnect(shortest, FIRST_MS, 1000, 1);
    world_connect(&w);
    for (int i = 2; i < 6; i++) {
        /* The time that it lasts is the state that is waited for. */
        uint64_t start = world_now_ms();
        WAIT_FOR(&w, world_now_ms() > start + FIRST_MS);
        ck_assert_int_eq(gdws_server_disconnect_peer(w.server, w.at_server.id, 1012, ""), GDWS_OK);
        WAIT_FOR(&w, w.at_client.connected == i && w.at_server.connected == i);
        ck_assert_uint_eq(w.at_client.attempt, 1);
    }
}
END_TEST

static void go_elsewhere(void *user)
{
    (void)user;
    w.at_client.on_end = note_end;
    seen.error = gdws_client_connect_to_url(w.client, seen.url);
}

START_TEST(connect_to_url_in_connection_error_goes_elsewhere)
{
    char nowhere[64];
    uint16_t other_port = 0;
    int other = rawsock_hold_port(&other_port);
    (void)snprintf(nowhere, sizeof(nowhere), "%s://127.0.0.1:%u/", world_scheme(), other_port);
    set_reconnect(longest, DAY_MS, DAY_MS, 0);
    w.at_client.on_end = go_elsewhere;
    ck_assert_int_eq(gdws_client_connect_to_url(w.client, nowhere), GDWS_OK);
    WAIT_FOR(&w, w.at_client.connected == 1 && w.at_server.connected == 1);
    rawsock_stop_listening(other);
    ck_assert_int_eq(seen.error, GDWS_OK);
    ck_assert_str_eq(w.at_client.log, "EC");
}
END_TEST

START_TEST(connect_to_url_in_connection_error_that_fails_has_its_own_wait)
{
    gdws_server_stop(w.server);
    set_reconnect(longest, DAY_MS, DAY_MS, 0);
    w.at_client.on_end = go_elsewhere;
    dial();
    WAIT_FOR(&w, w.at_client.reconnecting == 1);
    ck_assert_str_eq(w.at_client.log, "EEr");
    ck_assert_uint_eq(w.at_client.attempt, 1);
}
END_TEST

static void free_client(void *user)
{
    (void)user;
    gdws_client_free(w.client);
    w.client = NULL;
}

/* 0: while it waits; 1: in reconnecting; 2: in connection_closed; 3: in connection_error; 4: in the
 * attempt. */
START_TEST(a_client_may_be_freed_whatever_it_waits_for)
{
    static const char *const logs[] = {"CRXr", "CRXr", "CRX", "E", "CRXr"};
    w.at_client.on_reconnecting = _i == 1 ? free_client : NULL;
    w.at_client.on_end = _i == 2 || _i == 3 ? free_client : NULL;
    if (_i == 3) {
        gdws_server_stop(w.server);
        set_reconnect(longest, DAY_MS, DAY_MS, 0);
        dial();
        WAIT_FOR(&w, w.client == NULL);
    } else {
        connect_and_lose(1012);
    }
    if (_i == 4) {
        w.client->backoff.draw = shortest;
        gdwsi_client_try_again(w.client);
    }
    if (w.client != NULL) {
        free_client(&w);
    }
    expect_quiet();
    ck_assert_str_eq(w.at_client.log, logs[_i]);
}
END_TEST

START_TEST(the_limits_are_checked)
{
    ck_assert_int_eq(gdws_client_set_reconnect(NULL, 10, 10, 0), GDWS_INVALID_PARAMETER);
    ck_assert_int_eq(gdws_client_set_reconnect(w.client, 9, 10, 0), GDWS_PARAMETER_RANGE_ERROR);
    ck_assert_int_eq(gdws_client_set_reconnect(w.client, 100, 99, 0), GDWS_PARAMETER_RANGE_ERROR);
    ck_assert_int_eq(gdws_client_set_reconnect(w.client, 100, DAY_MS + 1, 0),
                     GDWS_PARAMETER_RANGE_ERROR);
    ck_assert_int_eq(gdws_client_set_reconnect(w.client, 10, DAY_MS, 0), GDWS_OK);
    ck_assert_int_eq(gdws_client_set_reconnect(w.client, 0, 0, 0), GDWS_OK);
    world_connect(&w);
    /* While connected, too: it counts from then on. */
    set_reconnect(longest, DAY_MS, DAY_MS, 0);
    ck_assert_int_eq(gdws_server_disconnect_peer(w.server, w.at_server.id, 1012, ""), GDWS_OK);
    WAIT_FOR(&w, w.at_client.reconnecting == 1);
}
END_TEST

static void count_over(gdws_multiplayer *game, void *user)
{
    int *over = user;
    (void)game;
    (*over)++;
}

START_TEST(a_multiplayer_session_ends_with_its_connection)
{
    int over = 0;
    const gdws_multiplayer_signals signals = {
        .size = sizeof(signals), .user = &over, .server_disconnected = count_over};
    gdws_multiplayer *host = gdws_multiplayer_new(w.loop);
    gdws_multiplayer *guest = gdws_multiplayer_new(w.loop);
    gdws_client *client = gdws_multiplayer_get_client(guest);
    char url[64];
    ck_assert_int_eq(gdws_server_set_bind_ip(gdws_multiplayer_get_server(host), "127.0.0.1"),
                     GDWS_OK);
    world_prepare_server(gdws_multiplayer_get_server(host));
    world_prepare_client(client);
    ck_assert_int_eq(gdws_multiplayer_set_signals(guest, &signals), GDWS_OK);
    ck_assert_int_eq(gdws_client_set_reconnect(client, 10, 10, 0), GDWS_OK);
    ck_assert_int_eq(gdws_multiplayer_create_server(host, 0), GDWS_OK);
    (void)snprintf(url, sizeof(url), "%s://127.0.0.1:%u", world_scheme(),
                   gdws_server_get_port(gdws_multiplayer_get_server(host)));
    ck_assert_int_eq(gdws_multiplayer_create_client(guest, url), GDWS_OK);
    WAIT_FOR(&w, gdws_multiplayer_get_connection_status(guest) == GDWS_CONNECTION_CONNECTED);
    gdws_multiplayer_free(host);
    WAIT_FOR(&w, over == 1);
    expect_quiet();
    ck_assert_int_eq(gdws_client_get_connection_status(client), GDWS_CONNECTION_DISCONNECTED);
    ck_assert_int_eq(over, 1);
    gdws_multiplayer_free(guest);
}
END_TEST

Suite *reconnect_suite(void)
{
    Suite *suite = suite_create("reconnect");
    TCase *tests = tcase_create("reconnect");
    tcase_set_timeout(tests, 60);
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_test(tests, waits_double_up_to_the_longest_and_end_with_the_attempts);
    tcase_add_test(tests, waits_are_random_and_within_their_limit);
    tcase_add_test(tests, a_server_that_is_not_there_yet_is_waited_for);
    tcase_add_test(tests, a_server_that_comes_back_has_its_client_again);
    tcase_add_test(tests, while_it_waits_the_client_can_be_asked_and_changed);
    tcase_add_test(tests, options_that_were_changed_count_in_the_next_attempt);
    tcase_add_test(tests, disconnect_from_host_ends_the_wait);
    tcase_add_test(tests, disconnect_from_host_in_reconnecting_ends_the_wait);
    tcase_add_test(tests, disconnect_from_host_in_connection_closed_prevents_the_attempt);
    tcase_add_test(tests, disconnect_from_host_in_connection_error_prevents_the_attempt);
    tcase_add_test(
        tests, disconnect_from_host_before_connected_to_host_is_final_although_the_server_leaves);
    tcase_add_test(tests, disconnect_from_host_while_connecting_is_final);
    tcase_add_loop_test(tests, what_the_program_has_closed_stays_closed, 0, 3);
    tcase_add_loop_test(tests, a_server_that_has_done_with_a_client_says_1000, 0, 6);
    tcase_add_loop_test(tests, a_refusal_is_final_unless_it_is_for_now, 0,
                        (int)(sizeof(refusals) / sizeof(refusals[0])));
    tcase_add_test(tests, a_name_that_is_not_found_is_looked_up_again);
    tcase_add_test(tests, a_name_that_is_not_answered_is_asked_for_once);
    tcase_add_test(tests, what_was_queued_is_not_sent_again);
    tcase_add_test(tests, packets_from_before_are_read_before_the_next_attempt);
    tcase_add_test(tests, a_server_that_throws_everybody_out_is_no_success);
    tcase_add_test(tests, a_connection_that_has_lasted_begins_a_new_row);
    tcase_add_test(tests, connect_to_url_in_connection_error_goes_elsewhere);
    tcase_add_test(tests, connect_to_url_in_connection_error_that_fails_has_its_own_wait);
    tcase_add_loop_test(tests, a_client_may_be_freed_whatever_it_waits_for, 0, 5);
    tcase_add_test(tests, the_limits_are_checked);
    tcase_add_test(tests, a_multiplayer_session_ends_with_its_connection);
    suite_add_tcase(suite, tests);
    return suite;
}
