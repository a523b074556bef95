/* SPDX-License-Identifier: MIT */
/* Multiplayer sessions of gdws with gdws, both wires: who is told what, in which order, who gets
 * which packet, and nothing is lost when somebody is slow. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <sys/socket.h>

#include "mem.h"
#include "party.h"
#include "runtests.h"

static party p;

static void set_up_3(void)
{
    party_init(&p, GDWS_MULTIPLAYER_GODOT_3);
}

static void set_up_4(void)
{
    party_init(&p, GDWS_MULTIPLAYER_GODOT_4);
}

static void tear_down(void)
{
    party_free(&p);
}

static const char *words(const char *format, ...) __attribute__((format(printf, 1, 2)));

static const char *words(const char *format, ...)
{
    static char text[128];
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    return text;
}

static void free_it(guest *one)
{
    gdws_multiplayer_free(one->mp);
    one->mp = NULL;
}

START_TEST(a_session_on_godot_3s_wire_in_order)
{
    int32_t a = party_join(&p);
    int32_t b = party_join(&p);
    ck_assert_int_ge(a, 2);
    ck_assert_int_ge(b, 2);
    ck_assert_int_ne(a, b);
    ck_assert_int_eq(gdws_multiplayer_get_unique_id(p.host.mp), 1);
    ck_assert_str_eq(p.host.log, words("+%d +%d ", a, b));
    ck_assert_str_eq(p.guests[0].log, words("+1 ok +%d ", b));
    ck_assert_str_eq(p.guests[1].log, words("+1 ok +%d ", a));
    gdws_multiplayer_close(p.guests[0].mp);
    WAIT_FOR_ON(p.loop, p.guests[0].over == 1 && p.guests[1].disconnected == 1);
    ck_assert_str_eq(p.guests[0].log, words("+1 ok +%d -%d -1 over ", b, b));
    ck_assert_str_eq(p.guests[1].log, words("+1 ok +%d -%d ", a, a));
    ck_assert_int_eq(gdws_multiplayer_get_unique_id(p.guests[0].mp), 0);
    ck_assert_int_eq(gdws_multiplayer_get_connection_status(p.guests[0].mp),
                     GDWS_CONNECTION_DISCONNECTED);
}
END_TEST

START_TEST(a_session_on_godot_4s_wire_in_order)
{
    int32_t a = party_join(&p);
    int32_t b = party_join(&p);
    ck_assert_str_eq(p.host.log, words("+%d +%d ", a, b));
    ck_assert_str_eq(p.guests[0].log, "+1 ok ");
    ck_assert_str_eq(p.guests[1].log, "+1 ok ");
    party_say(&p.guests[0], 0, "hello");
    party_expect(&p, &p.host, a, "hello");
    party_say(&p.host, 0, "all");
    party_expect(&p, &p.guests[0], 1, "all");
    party_expect(&p, &p.guests[1], 1, "all");
    party_say(&p.host, b, "one");
    party_say(&p.host, -b, "all but");
    party_expect(&p, &p.guests[1], 1, "one");
    party_expect(&p, &p.guests[0], 1, "all but");
    party_say(&p.host, 0, "");
    party_expect(&p, &p.guests[0], 1, "");
    /* Nothing else has come. */
    party_expect(&p, &p.guests[1], 1, "");
    gdws_multiplayer_close(p.host.mp);
    WAIT_FOR_ON(p.loop, p.guests[0].over == 1 && p.guests[1].over == 1);
    int32_t low = a < b ? a : b;
    WAIT_FOR_ON(p.loop, p.host.disconnected == 2);
    ck_assert_ptr_nonnull(strstr(p.host.log, words("-%d ", low)));
    ck_assert_str_eq(p.guests[0].log, "+1 ok p1 p1 p1 -1 over ");
}
END_TEST

START_TEST(what_can_be_asked)
{
    int32_t a = party_join(&p);
    int32_t b = party_join(&p);
    int32_t ids[4] = {0};
    ck_assert_uint_eq(gdws_multiplayer_get_peer_list(p.host.mp, ids, 4), 2);
    ck_assert_int_eq(ids[0], a < b ? a : b);
    ck_assert_int_eq(ids[1], a < b ? b : a);
    ck_assert_uint_eq(gdws_multiplayer_get_peer_list(p.guests[0].mp, ids, 1), 2);
    ck_assert_int_eq(ids[0], 1);
    ck_assert_str_eq(gdws_multiplayer_get_peer_address(p.host.mp, a), "127.0.0.1");
    ck_assert_uint_ne(gdws_multiplayer_get_peer_port(p.host.mp, a), 0);
    ck_assert_str_eq(gdws_multiplayer_get_peer_address(p.host.mp, 7), "");
    ck_assert_ptr_null(gdws_multiplayer_get_peer(p.host.mp, 1));
    ck_assert_uint_eq(gdws_multiplayer_get_peer_port(p.guests[0].mp, 1), party_port(&p));
    ck_assert_ptr_null(gdws_multiplayer_get_peer(p.guests[0].mp, b));
    ck_assert_ptr_eq(gdws_multiplayer_get_loop(p.host.mp), p.loop);
    ck_assert_str_eq(gdws_multiplayer_get_error_message(p.guests[0].mp), "");
    ck_assert_int_eq(gdws_multiplayer_set_transfer_mode(p.host.mp, GDWS_TRANSFER_MODE_UNRELIABLE),
                     GDWS_OK);
    ck_assert_int_eq(gdws_multiplayer_get_transfer_mode(p.host.mp), GDWS_TRANSFER_MODE_RELIABLE);
    ck_assert_int_eq(gdws_multiplayer_set_transfer_mode(p.host.mp, (gdws_transfer_mode)7),
                     GDWS_INVALID_PARAMETER);
    ck_assert_int_eq(gdws_multiplayer_create_server(p.host.mp, 0), GDWS_ALREADY_IN_USE);
    ck_assert_int_eq(gdws_multiplayer_create_client(p.host.mp, "ws://127.0.0.1:1"),
                     GDWS_ALREADY_IN_USE);
    ck_assert_int_eq(gdws_multiplayer_set_wire(p.host.mp, GDWS_MULTIPLAYER_GODOT_4),
                     GDWS_ALREADY_IN_USE);
    ck_assert_int_eq(gdws_multiplayer_poll(p.host.mp), GDWS_OK);
    ck_assert_int_eq(gdws_multiplayer_wait(p.host.mp, 0), GDWS_TIMEOUT);
}
END_TEST

START_TEST(what_cannot_be_put)
{
    const uint8_t *packet;
    size_t length;
    gdws_multiplayer *host = p.host.mp;
    gdws_multiplayer_set_target_peer(host, 0);
    ck_assert_int_eq(gdws_multiplayer_put_packet(host, "x", 1), GDWS_OK);
    gdws_multiplayer_set_target_peer(host, 1);
    ck_assert_int_eq(gdws_multiplayer_put_packet(host, "x", 1), GDWS_INVALID_PARAMETER);
    gdws_multiplayer_set_target_peer(host, 4711);
    ck_assert_int_eq(gdws_multiplayer_put_packet(host, "x", 1), GDWS_DOES_NOT_EXIST);
    gdws_multiplayer_set_target_peer(host, INT32_MIN);
    ck_assert_int_eq(gdws_multiplayer_put_packet(host, "x", 1), GDWS_OK);
    ck_assert_int_eq(gdws_multiplayer_put_packet(host, NULL, 1), GDWS_INVALID_PARAMETER);
    ck_assert_int_eq(gdws_multiplayer_get_packet(host, &packet, &length), GDWS_UNAVAILABLE);
    ck_assert_int_eq(gdws_multiplayer_get_packet_peer(host), 0);
    guest *gives_up = &p.guests[PARTY_MAX - 2];
    party_make(&p, gives_up);
    party_connect(&p, gives_up);
    free_it(gives_up);
    ck_assert_int_eq(gives_up->failed, 0);
    party_make(&p, &p.guests[PARTY_MAX - 1]);
    gdws_multiplayer *idle = p.guests[PARTY_MAX - 1].mp;
    ck_assert_int_eq(gdws_multiplayer_put_packet(idle, "x", 1), GDWS_UNAVAILABLE);
    ck_assert_int_eq(gdws_multiplayer_get_unique_id(idle), 0);
    ck_assert_int_eq(gdws_multiplayer_disconnect_peer(idle, 1, 1000, ""), GDWS_DOES_NOT_EXIST);
    ck_assert_int_eq(gdws_multiplayer_set_wire(idle, (gdws_multiplayer_wire)5),
                     GDWS_INVALID_PARAMETER);
    int32_t a = party_join(&p);
    gdws_multiplayer_set_target_peer(p.guests[0].mp, a);
    ck_assert_int_eq(gdws_multiplayer_put_packet(p.guests[0].mp, "x", 1), GDWS_INVALID_PARAMETER);
    gdws_multiplayer_set_target_peer(host, 0);
    static uint8_t big[1024 * 1024 + 1];
    ck_assert_int_eq(gdws_multiplayer_put_packet(host, big, sizeof(big)),
                     GDWS_PARAMETER_RANGE_ERROR);
}
END_TEST

START_TEST(limits_have_ranges)
{
    gdws_multiplayer *mp = p.host.mp;
    ck_assert_int_eq(gdws_multiplayer_set_inbound_buffer_size(mp, 127), GDWS_PARAMETER_RANGE_ERROR);
    ck_assert_int_eq(gdws_multiplayer_set_inbound_buffer_size(mp, 128), GDWS_OK);
    ck_assert_int_eq(gdws_multiplayer_set_max_queued_packets(mp, 0), GDWS_PARAMETER_RANGE_ERROR);
    ck_assert_int_eq(gdws_multiplayer_set_max_queued_packets(mp, 1), GDWS_OK);
    ck_assert_int_eq(gdws_multiplayer_set_greeting_timeout_ms(mp, 9), GDWS_PARAMETER_RANGE_ERROR);
    ck_assert_int_eq(gdws_multiplayer_set_stall_timeout_ms(mp, 9), GDWS_PARAMETER_RANGE_ERROR);
    ck_assert_int_eq(gdws_multiplayer_set_stall_timeout_ms(NULL, 10), GDWS_INVALID_PARAMETER);
    const gdws_multiplayer_signals wrong = {.size = 1};
    ck_assert_int_eq(gdws_multiplayer_set_signals(mp, &wrong), GDWS_INVALID_PARAMETER);
}
END_TEST

START_TEST(a_kicked_peer_is_heard_no_more)
{
    int32_t a = party_join(&p);
    int32_t b = party_join(&p);
    ck_assert_int_eq(gdws_multiplayer_disconnect_peer(p.host.mp, 99, 4000, "x"),
                     GDWS_DOES_NOT_EXIST);
    ck_assert_int_eq(gdws_multiplayer_disconnect_peer(p.host.mp, a, 1005, "x"),
                     GDWS_INVALID_PARAMETER);
    party_say(&p.guests[0], 0, "before");
    party_expect(&p, &p.host, a, "before");
    party_say(&p.guests[0], 0, "after");
    ck_assert_int_eq(gdws_multiplayer_disconnect_peer(p.host.mp, a, 4000, "out"), GDWS_OK);
    WAIT_FOR_ON(p.loop,
                p.guests[0].over == 1 && p.host.disconnected == 1 && p.guests[1].disconnected == 1);
    party_expect(&p, &p.guests[1], a, "before");
    ck_assert_uint_eq(gdws_multiplayer_get_available_packet_count(p.guests[1].mp), 0);
    ck_assert_uint_eq(gdws_multiplayer_get_available_packet_count(p.host.mp), 0);
    ck_assert_int_eq(gdws_peer_get_close_code(gdws_multiplayer_get_peer(p.guests[0].mp, 1)), 4000);
    ck_assert_str_eq(p.host.log, words("+%d +%d p%d -%d ", a, b, a, a));
}
END_TEST

/* The server's queue has room for one packet, which nobody takes; whoever says more waits. */
static void fill_the_queue(guest *talker)
{
    ck_assert_int_eq(gdws_multiplayer_set_max_queued_packets(p.host.mp, 1), GDWS_OK);
    party_say(talker, 1, "full");
    WAIT_FOR_ON(p.loop, p.host.packets == 1);
}

/* Its packets are not in the way of its disconnection, nor is what it says afterwards. */
START_TEST(who_is_kicked_while_the_queue_is_full_goes_at_once)
{
    int32_t a = party_join(&p);
    int32_t b = party_join(&p);
    fill_the_queue(&p.guests[1]);
    for (int i = 0; i < 3; i++) {
        party_say(&p.guests[0], 1, "waits");
    }
    gdws_peer *peer = gdws_multiplayer_get_peer(p.host.mp, a);
    WAIT_FOR_ON(p.loop, gdws_peer_get_available_packet_count(peer) == 3);
    party_say(&p.guests[0], 1, "on its way");
    ck_assert_int_eq(gdws_multiplayer_disconnect_peer(p.host.mp, a, 4000, "out"), GDWS_OK);
    ck_assert_uint_eq(gdws_peer_get_available_packet_count(peer), 0);
    WAIT_FOR_ON(p.loop,
                p.host.disconnected == 1 && p.guests[1].disconnected == 1 && p.guests[0].over == 1);
    ck_assert_int_eq(p.host.packets, 1);
    party_expect(&p, &p.host, b, "full");
}
END_TEST

START_TEST(a_server_may_be_freed_when_what_has_waited_comes)
{
    int32_t a = party_join(&p);
    int32_t b = party_join(&p);
    fill_the_queue(&p.guests[1]);
    party_say(&p.guests[0], 1, "waits");
    gdws_peer *peer = gdws_multiplayer_get_peer(p.host.mp, a);
    WAIT_FOR_ON(p.loop, gdws_peer_get_available_packet_count(peer) == 1);
    p.host.on_packet = free_it;
    party_expect(&p, &p.host, b, "full");
    WAIT_FOR_ON(p.loop, p.host.mp == NULL);
    ck_assert_int_eq(p.host.disconnected, 2);
}
END_TEST

static int heard_code; /* with which the server has seen somebody close */

static void note_code(guest *one)
{
    heard_code = gdws_peer_get_close_code(gdws_multiplayer_get_peer(one->mp, one->last_id));
}

START_TEST(a_client_disconnects_itself_and_nobody_else)
{
    int32_t a = party_join(&p);
    int32_t b = party_join(&p);
    gdws_multiplayer *leaver = p.guests[0].mp;
    p.host.on_peer_disconnected = note_code;
    ck_assert_int_eq(gdws_multiplayer_disconnect_peer(leaver, b, 4000, "x"), GDWS_DOES_NOT_EXIST);
    ck_assert_int_eq(gdws_multiplayer_disconnect_peer(leaver, a, 4000, "x"), GDWS_DOES_NOT_EXIST);
    ck_assert_int_eq(gdws_multiplayer_disconnect_peer(leaver, 1, 1005, "x"),
                     GDWS_INVALID_PARAMETER);
    /* One that has no id yet has nobody to disconnect from. */
    guest *early = &p.guests[PARTY_MAX - 1];
    party_make(&p, early);
    party_connect(&p, early);
    ck_assert_int_eq(gdws_multiplayer_disconnect_peer(early->mp, 1, 4000, "x"),
                     GDWS_DOES_NOT_EXIST);
    free_it(early);
    ck_assert_int_eq(gdws_multiplayer_disconnect_peer(leaver, 1, 4001, "bye"), GDWS_OK);
    WAIT_FOR_ON(p.loop, p.guests[0].over == 1 && p.guests[1].disconnected == 1);
    ck_assert_int_eq(heard_code, 4001);
    ck_assert_str_eq(p.guests[0].log, words("+1 ok +%d -%d -1 over ", b, b));
    ck_assert_str_eq(p.guests[1].log, words("+1 ok +%d -%d ", a, a));
}
END_TEST

START_TEST(a_refused_client_hears_why)
{
    gdws_multiplayer_set_refuse_new_connections(p.host.mp, true);
    ck_assert(gdws_multiplayer_is_refusing_new_connections(p.host.mp));
    guest *one = &p.guests[0];
    party_make(&p, one);
    party_connect(&p, one);
    ck_assert_int_eq(gdws_multiplayer_get_connection_status(one->mp), GDWS_CONNECTION_CONNECTING);
    WAIT_FOR_ON(p.loop, one->failed == 1);
    ck_assert_str_eq(one->log, "fail ");
    ck_assert_ptr_nonnull(strstr(gdws_multiplayer_get_error_message(one->mp), "503"));
    /* The object can be used again. */
    gdws_multiplayer_set_refuse_new_connections(p.host.mp, false);
    party_connect(&p, one);
    WAIT_FOR_ON(p.loop, one->succeeded == 1);
    ck_assert_str_eq(one->log, "fail +1 ok ");
}
END_TEST

START_TEST(a_stopped_server_tells_everybody_once_and_can_start_again)
{
    int32_t a = party_join(&p);
    party_say(&p.guests[0], 1, "kept");
    WAIT_FOR_ON(p.loop, p.host.packets == 1);
    gdws_multiplayer_close(p.host.mp);
    gdws_multiplayer_close(p.host.mp);
    ck_assert_int_eq(p.host.disconnected, 0);
    ck_assert_int_eq(gdws_multiplayer_create_server(p.host.mp, 0), GDWS_ALREADY_IN_USE);
    WAIT_FOR_ON(p.loop, p.host.disconnected == 1 && p.guests[0].over == 1);
    ck_assert_str_eq(p.guests[0].log, "+1 ok -1 over ");
    party_expect(&p, &p.host, a, "kept");
    party_listen(&p);
    party_connect(&p, &p.guests[0]);
    WAIT_FOR_ON(p.loop, p.guests[0].succeeded == 2 && p.host.connected == 2);
}
END_TEST

START_TEST(an_object_may_be_freed_in_its_signals)
{
    party_join(&p);
    party_join(&p);
    p.guests[1].on_packet = free_it;
    party_say(&p.guests[0], 0, "free yourself");
    WAIT_FOR_ON(p.loop, p.guests[1].mp == NULL && p.guests[0].disconnected == 1);
    ck_assert_int_eq(p.guests[1].over, 1);
    ck_assert_int_eq(p.guests[1].disconnected, 2);
    p.host.on_packet = free_it;
    party_say(&p.guests[0], 1, "you too");
    WAIT_FOR_ON(p.loop, p.host.mp == NULL && p.guests[0].over == 1);
    ck_assert_int_eq(p.host.disconnected, p.host.connected);
}
END_TEST

START_TEST(a_server_may_be_freed_when_somebody_comes)
{
    p.host.on_peer_connected = free_it;
    guest *one = &p.guests[0];
    party_make(&p, one);
    party_connect(&p, one);
    WAIT_FOR_ON(p.loop, p.host.mp == NULL && one->failed + one->over == 1);
    ck_assert_int_eq(p.host.disconnected, 1);
}
END_TEST

START_TEST(a_client_that_is_freed_before_it_has_succeeded_has_not_lost_its_server)
{
    guest *one = &p.guests[0];
    party_make(&p, one);
    one->on_peer_connected = free_it;
    party_connect(&p, one);
    WAIT_FOR_ON(p.loop, one->mp == NULL);
    ck_assert_str_eq(one->log, "+1 -1 ");
}
END_TEST

static int freed_after; /* how many peer_disconnected have come when the object is freed */

static void free_when_someone_goes(guest *one)
{
    if (one->disconnected == freed_after) {
        free_it(one);
    }
}

/* From the end of the roster: from its beginning each would move all the others, 50,000 of them for
 * a client of a large session. */
START_TEST(when_all_is_over_the_highest_ids_go_first)
{
    int32_t a = party_join(&p);
    int32_t b = party_join(&p);
    party_join(&p);
    guest *last = &p.guests[2];
    gdws_multiplayer_close(last->mp);
    WAIT_FOR_ON(p.loop, last->over == 1);
    ck_assert_ptr_nonnull(
        strstr(last->log, words("-%d -%d -1 over ", a > b ? a : b, a > b ? b : a)));
    WAIT_FOR_ON(p.loop, p.host.disconnected == 1);
    free_it(&p.host);
    const char *order = strstr(p.host.log, words("-%d ", a > b ? a : b));
    ck_assert_ptr_nonnull(order);
    ck_assert_str_eq(order, words("-%d -%d ", a > b ? a : b, a > b ? b : a));
}
END_TEST

START_TEST(a_client_may_be_freed_while_it_hears_that_all_is_over)
{
    for (freed_after = 1; freed_after <= 3; freed_after++) {
        party_join(&p);
        party_join(&p);
        guest *leaver = &p.guests[p.count];
        party_join(&p);
        leaver->on_peer_disconnected = free_when_someone_goes;
        gdws_multiplayer_close(p.host.mp);
        WAIT_FOR_ON(p.loop, leaver->mp == NULL && p.host.disconnected == p.host.connected);
        ck_assert_int_eq(leaver->disconnected, 3);
        ck_assert_int_eq(leaver->over, 1);
        tear_down();
        set_up_3();
    }
}
END_TEST

static void poll_and_begin(guest *one)
{
    ck_assert_int_eq(gdws_loop_poll(p.loop), GDWS_BUSY);
    ck_assert_int_eq(gdws_multiplayer_wait(one->mp, 0), GDWS_BUSY);
    ck_assert_int_eq(gdws_multiplayer_create_server(one->mp, 0), GDWS_UNAVAILABLE);
    ck_assert_int_eq(gdws_multiplayer_create_client(one->mp, "ws://localhost:1"), GDWS_UNAVAILABLE);
}

/* The signals that free delivers are signals, and nothing begins in them. */
START_TEST(an_object_that_is_freed_neither_polls_nor_begins)
{
    party_join(&p);
    p.host.on_peer_disconnected = poll_and_begin;
    p.guests[0].on_peer_disconnected = poll_and_begin;
    free_it(&p.guests[0]);
    ck_assert_int_eq(p.guests[0].over, 1);
    free_it(&p.host);
    ck_assert_int_eq(p.host.disconnected, 1);
    ck_assert_int_eq(gdws_loop_poll(p.loop), GDWS_OK);
}
END_TEST

static void begin_again(guest *one)
{
    char url[64];
    (void)snprintf(url, sizeof(url), "%s://localhost:%u", world_scheme(), party_port(&p));
    ck_assert_int_eq(gdws_multiplayer_create_client(one->mp, url), GDWS_ALREADY_IN_USE);
    ck_assert_int_eq(gdws_multiplayer_create_server(one->mp, 0), GDWS_ALREADY_IN_USE);
}

/* Or server_disconnected would come in the middle of the next session. */
START_TEST(a_session_begins_when_the_last_one_has_said_all)
{
    party_join(&p);
    guest *one = &p.guests[0];
    one->on_peer_disconnected = begin_again;
    gdws_multiplayer_close(one->mp);
    WAIT_FOR_ON(p.loop, one->over == 1);
    ck_assert_str_eq(one->log, "+1 ok -1 over ");
    one->on_peer_disconnected = NULL;
    party_connect(&p, one);
    WAIT_FOR_ON(p.loop, one->succeeded == 2);
}
END_TEST

START_TEST(an_object_with_its_own_loop)
{
    gdws_multiplayer *mp = gdws_multiplayer_new(NULL);
    ck_assert_ptr_nonnull(gdws_multiplayer_get_loop(mp));
    ck_assert_int_eq(gdws_multiplayer_create_client(mp, "not a url"), GDWS_INVALID_PARAMETER);
    ck_assert_str_ne(gdws_multiplayer_get_error_message(mp), "");
    ck_assert_int_eq(gdws_multiplayer_create_client(mp, "ws://127.0.0.1:1"), GDWS_OK);
    gdws_multiplayer_close(mp);
    gdws_multiplayer_free(mp);
    gdws_multiplayer_free(NULL);
    ck_assert_ptr_null(gdws_multiplayer_get_server(NULL));
    ck_assert_ptr_null(gdws_multiplayer_get_client(NULL));
    gdws_multiplayer_close(NULL);
}
END_TEST

/* The queue */

/* The server takes larger messages than it sends. What nobody can be given is not dropped in
 * silence: its sender is closed, as for a message over the inbound limit, and nobody gets a part of
 * it, or of what came behind it. */
START_TEST(a_message_that_never_fits_closes_its_sender)
{
    static uint8_t large[8000];
    party_init_idle(&p, GDWS_MULTIPLAYER_GODOT_3);
    ck_assert_int_eq(
        gdws_server_set_outbound_buffer_size(gdws_multiplayer_get_server(p.host.mp), 4096),
        GDWS_OK);
    party_listen(&p);
    int32_t a = party_join(&p);
    (void)party_join(&p);
    gdws_multiplayer *sender = p.guests[0].mp;
    size_t most = gdws_peer_get_max_packet_size(gdws_multiplayer_get_peer(p.host.mp, a));
    /* For the server alone, any size: it goes nowhere from there. */
    gdws_multiplayer_set_target_peer(sender, 1);
    ck_assert_int_eq(gdws_multiplayer_put_packet(sender, large, sizeof(large)), GDWS_OK);
    /* The largest that can be passed on, and one byte more. */
    gdws_multiplayer_set_target_peer(sender, 0);
    ck_assert_int_eq(gdws_multiplayer_put_packet(sender, large, most - 9), GDWS_OK);
    WAIT_FOR_ON(p.loop, p.guests[1].packets == 1 && p.host.packets == 2);
    ck_assert_int_eq(gdws_multiplayer_put_packet(sender, large, most - 8), GDWS_OK);
    party_say(&p.guests[0], 0, "behind it");
    WAIT_FOR_ON(p.loop,
                p.guests[0].over == 1 && p.host.disconnected == 1 && p.guests[1].disconnected == 1);
    gdws_peer *end = gdws_client_get_peer(gdws_multiplayer_get_client(sender), 1);
    ck_assert_int_eq(gdws_peer_get_close_code(end), 1009);
    ck_assert_int_eq(p.guests[1].packets, 1);
    ck_assert_int_eq(p.host.packets, 2);
    party_free(&p);
}
END_TEST

START_TEST(values_of_godot_go_through_a_session)
{
    gdws_variant *value = gdws_variant_new(GDWS_VARIANT_ARRAY);
    gdws_variant *back;
    party_init(&p, GDWS_MULTIPLAYER_GODOT_3);
    int32_t a = party_join(&p);
    (void)party_join(&p);
    ck_assert_int_eq(gdws_variant_append(value, gdws_variant_new_string("hello")), GDWS_OK);
    gdws_multiplayer_set_target_peer(p.guests[0].mp, 0);
    ck_assert_int_eq(gdws_multiplayer_put_var(p.guests[0].mp, value), GDWS_OK);
    ck_assert_int_eq(gdws_multiplayer_put_packet(p.guests[0].mp, "\x11", 1), GDWS_OK);
    gdws_variant_free(value);
    WAIT_FOR_ON(p.loop, p.host.packets == 2 && p.guests[1].packets == 2);
    ck_assert_int_eq(gdws_multiplayer_get_packet_peer(p.guests[1].mp), a);
    ck_assert_int_eq(gdws_multiplayer_get_var(p.guests[1].mp, &back), GDWS_OK);
    ck_assert_str_eq(gdws_variant_get_string(gdws_variant_get_item(back, 0)), "hello");
    gdws_variant_free(back);
    /* No value, but taken. */
    ck_assert_int_eq(gdws_multiplayer_get_var(p.guests[1].mp, &back), GDWS_INVALID_DATA);
    ck_assert_ptr_null(back);
    ck_assert_int_eq(gdws_multiplayer_get_var(p.guests[1].mp, &back), GDWS_UNAVAILABLE);
    ck_assert_int_eq(gdws_multiplayer_get_var(p.host.mp, &back), GDWS_OK);
    gdws_variant_free(back);
    party_free(&p);
}
END_TEST

START_TEST(packets_come_in_order_of_arrival_across_peers)
{
    int32_t ids[3];
    char text[16];
    for (int i = 0; i < 3; i++) {
        ids[i] = party_join(&p);
    }
    for (int i = 0; i < 30; i++) {
        (void)snprintf(text, sizeof(text), "%d", i);
        party_say(&p.guests[i * 7 % 3], 1, text);
        WAIT_FOR_ON(p.loop, p.host.packets == i + 1);
    }
    for (int i = 0; i < 30; i++) {
        (void)snprintf(text, sizeof(text), "%d", i);
        party_expect(&p, &p.host, ids[i * 7 % 3], text);
    }
}
END_TEST

/* Put numbered packets until the connection takes no more, take them slowly, and see all come. */
static void flood(guest *from, guest *to, int32_t from_id, int count)
{
    static uint8_t bytes[1000];
    const uint8_t *packet;
    size_t length;
    int sent = 0;
    int heard = 0;
    uint64_t limit = world_now_ms() + WORLD_LIMIT_MS;
    while (heard < count) {
        while (sent < count) {
            memcpy(bytes, &sent, sizeof(sent));
            if (gdws_multiplayer_put_packet(from->mp, bytes, sizeof(bytes)) != GDWS_OK) {
                break;
            }
            sent++;
        }
        (void)gdws_loop_wait(p.loop, 20);
        /* The queue is full with the packet that reaches the limit of 4,000 bytes. */
        ck_assert_uint_le(gdws_multiplayer_get_available_packet_count(to->mp), 4);
        for (int i = 0; i < 3; i++) {
            int number = -1;
            if (gdws_multiplayer_get_packet_peer(to->mp) == from_id &&
                gdws_multiplayer_get_packet(to->mp, &packet, &length) == GDWS_OK) {
                memcpy(&number, packet, sizeof(number));
                ck_assert_int_eq(number, heard);
                ck_assert_uint_eq(length, sizeof(bytes));
                heard++;
            }
        }
        ck_assert(world_now_ms() < limit);
    }
}

static void set_small_limits(gdws_multiplayer *mp)
{
    gdws_server *server = gdws_multiplayer_get_server(mp);
    gdws_client *client = gdws_multiplayer_get_client(mp);
    ck_assert_int_eq(gdws_server_set_inbound_buffer_size(server, 4000), GDWS_OK);
    ck_assert_int_eq(gdws_server_set_outbound_buffer_size(server, 4000), GDWS_OK);
    ck_assert_int_eq(gdws_client_set_inbound_buffer_size(client, 4000), GDWS_OK);
    ck_assert_int_eq(gdws_client_set_outbound_buffer_size(client, 4000), GDWS_OK);
    ck_assert_int_eq(gdws_multiplayer_set_inbound_buffer_size(mp, 4000), GDWS_OK);
    ck_assert_int_eq(gdws_multiplayer_set_stall_timeout_ms(mp, 60000), GDWS_OK);
}

static void small_party(gdws_multiplayer_wire wire, int32_t *ids, size_t count)
{
    gdws_multiplayer_close(p.host.mp);
    gdws_loop_poll(p.loop);
    set_small_limits(p.host.mp);
    party_listen(&p);
    for (size_t i = 0; i < count; i++) {
        guest *one = &p.guests[i];
        party_make(&p, one);
        set_small_limits(one->mp);
        party_connect(&p, one);
        WAIT_FOR_ON(p.loop, one->succeeded == 1);
        ids[i] = gdws_multiplayer_get_unique_id(one->mp);
        p.count++;
    }
    int seen = wire == GDWS_MULTIPLAYER_GODOT_3 ? (int)count : 1;
    for (size_t i = 0; i < count; i++) {
        WAIT_FOR_ON(p.loop, p.guests[i].connected == seen);
    }
}

START_TEST(a_slow_server_slows_its_clients_and_loses_nothing)
{
    int32_t ids[1];
    small_party(p.wire, ids, 1);
    gdws_multiplayer_set_target_peer(p.guests[0].mp, 1);
    flood(&p.guests[0], &p.host, ids[0], world_scale(3000, 300));
}
END_TEST

START_TEST(a_slow_client_slows_its_server_and_loses_nothing)
{
    int32_t ids[1];
    small_party(p.wire, ids, 1);
    flood(&p.host, &p.guests[0], 1, world_scale(3000, 300));
    ck_assert_int_gt(p.host.drained, 0);
}
END_TEST

START_TEST(a_slow_client_slows_another_one_and_loses_nothing)
{
    int32_t ids[2];
    small_party(p.wire, ids, 2);
    gdws_multiplayer_set_target_peer(p.guests[0].mp, ids[1]);
    flood(&p.guests[0], &p.guests[1], ids[0], world_scale(3000, 300));
    ck_assert_uint_eq(gdws_multiplayer_get_available_packet_count(p.host.mp), 0);
}
END_TEST

/* Strangers: connections of the server or the client beneath that are in no session */

static int32_t first_id;

static void end_session(guest *one)
{
    first_id = one->last_id;
    one->on_peer_connected = NULL;
    gdws_multiplayer_close(one->mp);
}

static void join_another(guest *one)
{
    char url[64];
    guest *other = &p.guests[2];
    (void)snprintf(url, sizeof(url), "%s://127.0.0.1:%u/", world_scheme(),
                   gdws_server_get_port(gdws_multiplayer_get_server(other->mp)));
    one->on_peer_disconnected = NULL;
    ck_assert_int_eq(gdws_multiplayer_create_client(one->mp, url), GDWS_OK);
}

/* Two have connected when the server hears of the first one, and ends the session. */
START_TEST(who_comes_when_a_session_has_ended_is_not_in_the_next_one)
{
    for (size_t i = 0; i < 3; i++) {
        party_make(&p, &p.guests[i]);
    }
    ck_assert_int_eq(gdws_multiplayer_create_server(p.guests[2].mp, 0), GDWS_OK);
    p.host.on_peer_connected = end_session;
    p.host.on_peer_disconnected = join_another;
    party_connect(&p, &p.guests[0]);
    party_connect(&p, &p.guests[1]);
    WAIT_FOR_ON(p.loop, p.host.succeeded == 1);
    for (int i = 0; i < 2; i++) {
        WAIT_FOR_ON(p.loop, p.guests[i].over + p.guests[i].failed == 1);
    }
    ck_assert_str_eq(p.host.log, words("+%d -%d +1 ok ", first_id, first_id));
}
END_TEST

/* Let the server beneath adopt a connection, which speaks as a server of Godot 3 does. */
static void adopt_and_speak(guest *one, rawsock *raw)
{
    static const uint8_t id[13] = {3, 1, 0, 0, 0, 0, 0, 0, 0, 0x39, 5, 0, 0};
    static const uint8_t add[13] = {1, 1, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0};
    int descriptor;
    uint16_t port;
    int listener = rawsock_listen(&port);
    rawsock_connect_plain(raw, p.loop, port);
    WAIT_FOR_ON(p.loop, (descriptor = accept(listener, NULL, NULL)) >= 0);
    rawsock_stop_listening(listener);
    ck_assert_int_eq(
        gdws_server_adopt_socket(gdws_multiplayer_get_server(one->mp), descriptor, NULL, 0),
        GDWS_OK);
    ck_assert(!world_is_secure() || rawsock_secure(raw, NULL, true));
    rawsock_upgrade(raw);
    rawsock_send_frame(raw, 0x82, id, sizeof(id), true);
    rawsock_send_frame(raw, 0x82, add, sizeof(add), true);
}

static void expect_to_be_turned_away(rawsock *raw)
{
    rawsock_expect_close(raw, 1001);
    rawsock_send_frame(raw, 0x88, "\x03\xe9", 2, true);
    rawsock_wait_for_end(raw, WORLD_LIMIT_MS);
    rawsock_close(raw);
}

START_TEST(a_connection_that_is_adopted_without_a_session_is_turned_away)
{
    rawsock raw;
    guest *one = &p.guests[0];
    party_make(&p, one);
    adopt_and_speak(one, &raw);
    expect_to_be_turned_away(&raw);
    ck_assert_str_eq(one->log, "");
    /* In a session it is let in like any other. */
    adopt_and_speak(&p.host, &raw);
    WAIT_FOR_ON(p.loop, p.host.connected == 1);
    rawsock_close(&raw);
    WAIT_FOR_ON(p.loop, p.host.disconnected == 1);
}
END_TEST

START_TEST(whoever_connects_to_a_client_is_not_its_server)
{
    rawsock raw;
    int32_t id = party_join(&p);
    guest *one = &p.guests[0];
    adopt_and_speak(one, &raw);
    expect_to_be_turned_away(&raw);
    ck_assert_str_eq(one->log, "+1 ok ");
    ck_assert_int_eq(gdws_multiplayer_get_unique_id(one->mp), id);
    /* Nor before it has one. */
    guest *early = &p.guests[1];
    party_make(&p, early);
    party_connect(&p, early);
    adopt_and_speak(early, &raw);
    expect_to_be_turned_away(&raw);
    WAIT_FOR_ON(p.loop, early->succeeded == 1);
    ck_assert_int_ne(gdws_multiplayer_get_unique_id(early->mp), 1337);
}
END_TEST

/* The program connects the client beneath by itself, as it must not. */
static void connect_beneath(guest *one)
{
    char url[64];
    gdws_client *client = gdws_multiplayer_get_client(one->mp);
    int before = p.host.disconnected;
    (void)snprintf(url, sizeof(url), "%s://127.0.0.1:%u/", world_scheme(), party_port(&p));
    ck_assert_int_eq(gdws_client_connect_to_url(client, url), GDWS_OK);
    WAIT_FOR_ON(p.loop, p.host.disconnected == before + 1);
    WAIT_FOR_ON(p.loop, gdws_client_get_connection_status(client) == GDWS_CONNECTION_DISCONNECTED);
    ck_assert_int_eq(gdws_client_connect_to_url(client, "ws://127.0.0.1:1/"), GDWS_OK);
    WAIT_FOR_ON(p.loop, gdws_client_get_connection_status(client) == GDWS_CONNECTION_DISCONNECTED);
}

START_TEST(a_client_that_is_connected_past_its_session_does_not_disturb_one)
{
    guest *one = &p.guests[PARTY_MAX - 1];
    party_make(&p, one);
    connect_beneath(one);
    ck_assert_str_eq(one->log, "");
    /* While it is a server, with somebody in its session: here the own one. */
    int32_t id = party_join(&p);
    connect_beneath(&p.host);
    ck_assert_uint_eq(gdws_multiplayer_get_peer_list(p.host.mp, NULL, 0), 1);
    party_say(&p.host, id, "still there");
    party_expect(&p, &p.guests[0], 1, "still there");
}
END_TEST

static Suite *make(void)
{
    Suite *suite = suite_create("multiplayer");
    TCase *three = tcase_create("godot 3");
    tcase_add_checked_fixture(three, set_up_3, tear_down);
    tcase_set_timeout(three, 60);
    tcase_add_test(three, a_session_on_godot_3s_wire_in_order);
    tcase_add_test(three, what_can_be_asked);
    tcase_add_test(three, what_cannot_be_put);
    tcase_add_test(three, limits_have_ranges);
    tcase_add_test(three, a_kicked_peer_is_heard_no_more);
    tcase_add_test(three, who_is_kicked_while_the_queue_is_full_goes_at_once);
    tcase_add_test(three, a_server_may_be_freed_when_what_has_waited_comes);
    tcase_add_test(three, a_client_disconnects_itself_and_nobody_else);
    tcase_add_test(three, a_refused_client_hears_why);
    tcase_add_test(three, a_stopped_server_tells_everybody_once_and_can_start_again);
    tcase_add_test(three, an_object_may_be_freed_in_its_signals);
    tcase_add_test(three, a_server_may_be_freed_when_somebody_comes);
    tcase_add_test(three, a_client_that_is_freed_before_it_has_succeeded_has_not_lost_its_server);
    tcase_add_test(three, when_all_is_over_the_highest_ids_go_first);
    tcase_add_test(three, a_client_may_be_freed_while_it_hears_that_all_is_over);
    tcase_add_test(three, an_object_that_is_freed_neither_polls_nor_begins);
    tcase_add_test(three, a_session_begins_when_the_last_one_has_said_all);
    tcase_add_test(three, packets_come_in_order_of_arrival_across_peers);
    tcase_add_test(three, a_slow_server_slows_its_clients_and_loses_nothing);
    tcase_add_test(three, a_slow_client_slows_its_server_and_loses_nothing);
    tcase_add_test(three, a_slow_client_slows_another_one_and_loses_nothing);
    tcase_add_test(three, who_comes_when_a_session_has_ended_is_not_in_the_next_one);
    tcase_add_test(three, a_connection_that_is_adopted_without_a_session_is_turned_away);
    tcase_add_test(three, whoever_connects_to_a_client_is_not_its_server);
    tcase_add_test(three, a_client_that_is_connected_past_its_session_does_not_disturb_one);
    suite_add_tcase(suite, three);
    TCase *four = tcase_create("godot 4");
    tcase_add_checked_fixture(four, set_up_4, tear_down);
    tcase_set_timeout(four, 60);
    tcase_add_test(four, a_session_on_godot_4s_wire_in_order);
    tcase_add_test(four, a_refused_client_hears_why);
    tcase_add_test(four, a_stopped_server_tells_everybody_once_and_can_start_again);
    tcase_add_test(four, a_server_may_be_freed_when_somebody_comes);
    tcase_add_test(four, packets_come_in_order_of_arrival_across_peers);
    tcase_add_test(four, a_slow_server_slows_its_clients_and_loses_nothing);
    tcase_add_test(four, a_slow_client_slows_its_server_and_loses_nothing);
    suite_add_tcase(suite, four);
    TCase *alone = tcase_create("alone");
    tcase_set_timeout(alone, 60);
    tcase_add_test(alone, an_object_with_its_own_loop);
    tcase_add_test(alone, a_message_that_never_fits_closes_its_sender);
    tcase_add_test(alone, values_of_godot_go_through_a_session);
    suite_add_tcase(suite, alone);
    return suite;
}

Suite *multiplayer_suite(void)
{
    return make();
}
