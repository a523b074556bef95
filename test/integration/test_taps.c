/* SPDX-License-Identifier: MIT */
/* Taps, and what else can be asked about the traffic of a peer. */
#include <stdio.h>
#include <string.h>

#include "peer.h"
#include "runtests.h"
#include "world.h"

/* What a tap was told: a letter and a text for each. */
typedef struct ear {
    gdws_tap tap;
    char log[4096];
    int32_t id;
    int removed;
    size_t longest;
} ear;

static world w;
static ear at_server;
static ear at_client;

static void set_up(void)
{
    world_init(&w);
    memset(&at_server, 0, sizeof(at_server));
    memset(&at_client, 0, sizeof(at_client));
}

static void tear_down(void)
{
    world_free(&w);
}

static void note(ear *one, const char *letter, const uint8_t *packet, size_t length, bool is_text)
{
    size_t used = strlen(one->log);
    (void)snprintf(one->log + used, sizeof(one->log) - used, "%s%s:%.*s ", letter,
                   is_text ? "t" : "b", length < 20 ? (int)length : 0,
                   packet != NULL ? (const char *)packet : "");
    one->longest = length > one->longest ? length : one->longest;
}

static void on_received(gdws_peer *peer, const uint8_t *packet, size_t length, bool is_text,
                        void *user)
{
    ear *one = user;
    ck_assert_ptr_nonnull(packet);
    one->id = gdws_peer_get_id(peer);
    note(one, "in", packet, length, is_text);
}

static void on_sent(gdws_peer *peer, const uint8_t *packet, size_t length, bool is_text, void *user)
{
    ear *one = user;
    ck_assert_int_ne(gdws_peer_get_id(peer), 0);
    note(one, "out", packet, length, is_text);
}

static void on_state(gdws_peer *peer, gdws_ready_state state, void *user)
{
    static const char *const names[] = {"CONNECTING", "OPEN", "CLOSING", "CLOSED"};
    ear *one = user;
    size_t used = strlen(one->log);
    ck_assert_int_eq(gdws_peer_get_ready_state(peer), state);
    (void)snprintf(one->log + used, sizeof(one->log) - used, "%s ", names[state]);
}

static void on_removed(void *user)
{
    ear *one = user;
    one->removed++;
}

static const gdws_tap *make_tap(ear *one)
{
    one->tap = (gdws_tap){.size = sizeof(one->tap),
                          .user = one,
                          .packet_received = on_received,
                          .packet_sent = on_sent,
                          .state_changed = on_state,
                          .removed = on_removed};
    return &one->tap;
}

static void send_text(gdws_peer *peer, const char *text)
{
    ck_assert_int_eq(gdws_peer_send_text(peer, text), GDWS_OK);
}

START_TEST(a_tap_is_told_of_each_packet_and_each_state)
{
    ck_assert_int_eq(gdws_server_add_tap(w.server, make_tap(&at_server)), GDWS_OK);
    ck_assert_int_eq(gdws_client_add_tap(w.client, make_tap(&at_client)), GDWS_OK);
    w.echoes = true;
    world_connect(&w);
    send_text(world_client_peer(&w), "one");
    WAIT_FOR(&w, w.at_client.data == 1);
    ck_assert_int_eq(gdws_peer_put_packet(world_client_peer(&w), "two", 3), GDWS_OK);
    WAIT_FOR(&w, w.at_client.data == 2);
    ck_assert_int_eq(gdws_peer_put_packet(world_client_peer(&w), NULL, 0), GDWS_OK);
    WAIT_FOR(&w, w.at_client.data == 3);
    ck_assert_int_eq(at_server.id, w.at_server.id);
    ck_assert_int_eq(gdws_peer_get_id(world_server_peer(&w)), w.at_server.id);
    ck_assert_int_eq(gdws_peer_get_id(world_client_peer(&w)), 1);
    w.takes_packets = true;
    ck_assert_int_eq(gdws_client_disconnect_from_host(w.client, 1000, ""), GDWS_OK);
    const uint8_t *packet;
    size_t length;
    while (gdws_client_get_peer_packet(w.client, 1, &packet, &length) == GDWS_OK) {
        continue;
    }
    WAIT_FOR(&w, w.at_client.closed == 1 && w.at_server.closed == 1);
    ck_assert_str_eq(at_client.log, "OPEN outt:one int:one outb:two inb:two outb: inb: "
                                    "CLOSING CLOSED ");
    ck_assert_str_eq(at_server.log, "OPEN int:one outt:one inb:two outb:two inb: outb: "
                                    "CLOSING CLOSED ");
}
END_TEST

START_TEST(a_tap_sees_packets_whole_however_they_come)
{
    static uint8_t large[300000];
    memset(large, 'x', sizeof(large));
    ck_assert_int_eq(gdws_server_add_tap(w.server, make_tap(&at_server)), GDWS_OK);
    world_connect(&w);
    w.takes_packets = true;
    ck_assert_int_eq(
        gdws_peer_send(world_client_peer(&w), large, sizeof(large), GDWS_WRITE_MODE_TEXT), GDWS_OK);
    WAIT_FOR(&w, w.at_server.data == 1);
    ck_assert_uint_eq(at_server.longest, sizeof(large));
    ck_assert_uint_eq(gdws_peer_get_received_bytes(world_server_peer(&w)), sizeof(large));
}
END_TEST

START_TEST(a_broadcast_is_a_packet_to_each_peer)
{
    gdws_client *second = gdws_client_new(w.loop);
    char url[64];
    ck_assert_int_eq(gdws_server_add_tap(w.server, make_tap(&at_server)), GDWS_OK);
    world_connect(&w);
    world_prepare_client(second);
    (void)snprintf(url, sizeof(url), "%s://127.0.0.1:%u", world_scheme(),
                   gdws_server_get_port(w.server));
    ck_assert_int_eq(gdws_client_connect_to_url(second, url), GDWS_OK);
    WAIT_FOR(&w, w.at_server.connected == 2 &&
                     gdws_client_get_connection_status(second) == GDWS_CONNECTION_CONNECTED);
    at_server.log[0] = '\0';
    ck_assert_int_eq(gdws_server_broadcast(w.server, "all", 3, GDWS_WRITE_MODE_TEXT, 0, NULL),
                     GDWS_OK);
    ck_assert_str_eq(at_server.log, "outt:all outt:all ");
    ck_assert_uint_eq(gdws_peer_get_sent_packet_count(world_server_peer(&w)), 1);
    ck_assert_uint_eq(gdws_peer_get_sent_bytes(world_server_peer(&w)), 3);
    gdws_client_free(second);
    WAIT_FOR(&w, w.at_server.closed == 1);
}
END_TEST

START_TEST(what_was_refused_was_not_sent)
{
    static const uint8_t bad[] = {0xff};
    world_connect(&w);
    ck_assert_int_eq(gdws_client_add_tap(w.client, make_tap(&at_client)), GDWS_OK);
    ck_assert_int_eq(gdws_peer_send(world_client_peer(&w), bad, 1, GDWS_WRITE_MODE_TEXT),
                     GDWS_INVALID_DATA);
    ck_assert_int_eq(gdws_peer_put_packet(world_client_peer(&w), bad, (size_t)1 << 28),
                     GDWS_PARAMETER_RANGE_ERROR);
    ck_assert_str_eq(at_client.log, "");
    ck_assert_uint_eq(gdws_peer_get_sent_packet_count(world_client_peer(&w)), 0);
}
END_TEST

START_TEST(taps_come_and_go_and_several_are_told)
{
    ear third = {.log = ""};
    ck_assert_int_eq(gdws_server_add_tap(NULL, make_tap(&at_server)), GDWS_INVALID_PARAMETER);
    ck_assert_int_eq(gdws_server_add_tap(w.server, NULL), GDWS_INVALID_PARAMETER);
    ck_assert_int_eq(gdws_client_add_tap(NULL, &at_server.tap), GDWS_INVALID_PARAMETER);
    at_server.tap.size = 3;
    ck_assert_int_eq(gdws_server_add_tap(w.server, &at_server.tap), GDWS_INVALID_PARAMETER);
    ck_assert_int_eq(gdws_server_add_tap(w.server, make_tap(&at_server)), GDWS_OK);
    ck_assert_int_eq(gdws_server_add_tap(w.server, &at_server.tap), GDWS_ALREADY_EXISTS);
    world_connect(&w);
    ck_assert_int_eq(gdws_server_add_tap(w.server, make_tap(&third)), GDWS_OK);
    send_text(world_server_peer(&w), "a");
    w.takes_packets = true;
    send_text(world_client_peer(&w), "c");
    WAIT_FOR(&w, w.at_server.data == 1);
    ck_assert_int_eq(third.id, w.at_server.id);
    ck_assert_int_eq(gdws_server_remove_tap(w.server, &at_server.tap), GDWS_OK);
    ck_assert_int_eq(gdws_server_remove_tap(w.server, &at_server.tap), GDWS_DOES_NOT_EXIST);
    send_text(world_server_peer(&w), "b");
    ck_assert_str_eq(at_server.log, "OPEN outt:a int:c ");
    ck_assert_str_eq(third.log, "outt:a int:c outt:b ");
    ck_assert_int_eq(gdws_client_remove_tap(w.client, &third.tap), GDWS_DOES_NOT_EXIST);
    ck_assert_int_eq(at_server.removed + third.removed, 0);
    gdws_server_free(w.server);
    w.server = NULL;
    ck_assert_int_eq(third.removed, 1);
    ck_assert_int_eq(at_server.removed, 0);
    WAIT_FOR(&w, w.at_client.closed == 1);
}
END_TEST

START_TEST(a_client_keeps_its_taps_from_one_connection_to_the_next)
{
    ck_assert_int_eq(gdws_client_add_tap(w.client, make_tap(&at_client)), GDWS_OK);
    for (int i = 1; i <= 2; i++) {
        world_connect(&w);
        ck_assert_int_eq(gdws_client_disconnect_from_host(w.client, 1000, ""), GDWS_OK);
        WAIT_FOR(&w, w.at_client.closed == i && w.at_server.closed == i);
    }
    ck_assert_str_eq(at_client.log, "OPEN CLOSING CLOSED OPEN CLOSING CLOSED ");
    gdws_client_free(w.client);
    w.client = NULL;
    ck_assert_int_eq(at_client.removed, 1);
}
END_TEST

/* Whether so many packets have come to the server; room is made for more. */
static bool have_come(uint64_t count)
{
    gdws_peer *peer = world_server_peer(&w);
    const uint8_t *packet;
    size_t length;
    ck_assert_ptr_nonnull(peer);
    (void)gdws_peer_get_packet(peer, &packet, &length);
    return gdws_peer_get_received_packet_count(peer) >= count;
}

START_TEST(a_peer_tells_what_has_passed_and_what_waits)
{
    ck_assert_int_eq(gdws_server_set_max_queued_packets(w.server, 4), GDWS_ALREADY_IN_USE);
    world_connect(&w);
    gdws_peer *peer = world_server_peer(&w);
    ck_assert_int_gt(gdws_peer_get_connected_since_ms(peer), 1600000000000);
    ck_assert(!gdws_peer_is_paused(peer));
    peer->inbound_packets = 4;
    for (int i = 0; i < 10; i++) {
        send_text(world_client_peer(&w), "0123456789");
    }
    WAIT_FOR(&w, gdws_peer_is_paused(peer));
    ck_assert_uint_ge(gdws_peer_get_received_packet_count(peer), 4);
    ck_assert_uint_ge(gdws_peer_get_current_inbound_buffered_amount(peer), 40);
    ck_assert_uint_eq(gdws_peer_get_current_inbound_buffered_amount(peer),
                      gdws_peer_get_received_bytes(peer));
    WAIT_FOR(&w, have_come(10));
    ck_assert_uint_eq(gdws_peer_get_received_bytes(peer), 100);
    ck_assert_uint_eq(gdws_peer_get_sent_packet_count(world_client_peer(&w)), 10);
    ck_assert_uint_eq(gdws_peer_get_sent_bytes(world_client_peer(&w)), 100);
    w.takes_packets = true;
}
END_TEST

START_TEST(no_peer_has_no_traffic)
{
    ck_assert_int_eq(gdws_peer_get_id(NULL), 0);
    ck_assert_int_eq(gdws_peer_get_connected_since_ms(NULL), 0);
    ck_assert_uint_eq(gdws_peer_get_received_packet_count(NULL), 0);
    ck_assert_uint_eq(gdws_peer_get_received_bytes(NULL), 0);
    ck_assert_uint_eq(gdws_peer_get_sent_packet_count(NULL), 0);
    ck_assert_uint_eq(gdws_peer_get_sent_bytes(NULL), 0);
    ck_assert_uint_eq(gdws_peer_get_current_inbound_buffered_amount(NULL), 0);
    ck_assert(!gdws_peer_is_paused(NULL));
}
END_TEST

Suite *taps_suite(void)
{
    Suite *suite = suite_create("taps");
    TCase *tests = tcase_create("taps");
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_set_timeout(tests, 60);
    tcase_add_test(tests, a_tap_is_told_of_each_packet_and_each_state);
    tcase_add_test(tests, a_tap_sees_packets_whole_however_they_come);
    tcase_add_test(tests, a_broadcast_is_a_packet_to_each_peer);
    tcase_add_test(tests, what_was_refused_was_not_sent);
    tcase_add_test(tests, taps_come_and_go_and_several_are_told);
    tcase_add_test(tests, a_client_keeps_its_taps_from_one_connection_to_the_next);
    tcase_add_test(tests, a_peer_tells_what_has_passed_and_what_waits);
    tcase_add_test(tests, no_peer_has_no_traffic);
    suite_add_tcase(suite, tests);
    return suite;
}
