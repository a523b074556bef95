/* SPDX-License-Identifier: MIT */
/* Packets: they arrive, all, in order, byte for byte, and nothing is dropped when nobody takes
 * them. */
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "mem.h"
#include "peer.h"
#include "runtests.h"
#include "world.h"

static world w;

static void set_up(void)
{
    world_init(&w);
    world_connect(&w);
}

static void tear_down(void)
{
    world_free(&w);
}

/* Bytes that depend on their place and on the packet. */
static void fill(uint8_t *bytes, size_t length, unsigned seed)
{
    for (size_t i = 0; i < length; i++) {
        bytes[i] = (uint8_t)(i * 31 + seed * 7 + (i >> 8));
    }
}

static void expect_packet(gdws_peer *peer, const uint8_t *bytes, size_t length, bool is_text)
{
    const uint8_t *packet;
    size_t got;
    ck_assert_int_eq(gdws_peer_get_packet(peer, &packet, &got), GDWS_OK);
    ck_assert_uint_eq(got, length);
    ck_assert(length == 0 || memcmp(packet, bytes, length) == 0);
    ck_assert_uint_eq(packet[length], 0);
    ck_assert(gdws_peer_was_string_packet(peer) == is_text);
}

START_TEST(packets_of_all_sizes_go_both_ways)
{
    static const size_t sizes[] = {0,     1,     125,   126,   127,    1000,   65535,
                                   65536, 65537, 65550, 70000, 131072, 200000, 900000};
    size_t size = sizes[_i];
    uint8_t *bytes = malloc(size + 1);
    fill(bytes, size, (unsigned)_i);
    ck_assert_int_eq(gdws_peer_put_packet(world_client_peer(&w), bytes, size), GDWS_OK);
    WAIT_FOR(&w, gdws_peer_get_available_packet_count(world_server_peer(&w)) == 1);
    expect_packet(world_server_peer(&w), bytes, size, false);
    ck_assert_int_eq(gdws_peer_put_packet(world_server_peer(&w), bytes, size), GDWS_OK);
    WAIT_FOR(&w, gdws_peer_get_available_packet_count(world_client_peer(&w)) == 1);
    expect_packet(world_client_peer(&w), bytes, size, false);
    free(bytes);
}
END_TEST

START_TEST(text_and_binary_are_told_apart)
{
    gdws_peer *client = world_client_peer(&w);
    gdws_peer *server = world_server_peer(&w);
    ck_assert_int_eq(gdws_peer_get_write_mode(client), GDWS_WRITE_MODE_BINARY);
    ck_assert_int_eq(gdws_peer_set_write_mode(client, GDWS_WRITE_MODE_TEXT), GDWS_OK);
    ck_assert_int_eq(gdws_peer_put_packet(client, "gr\xc3\xbc\xc3\x9f", 6), GDWS_OK);
    ck_assert_int_eq(gdws_peer_send(client, "\xff", 1, GDWS_WRITE_MODE_BINARY), GDWS_OK);
    ck_assert_int_eq(gdws_peer_send_text(client, ""), GDWS_OK);
    WAIT_FOR(&w, gdws_peer_get_available_packet_count(server) == 3);
    expect_packet(server, (const uint8_t *)"gr\xc3\xbc\xc3\x9f", 6, true);
    expect_packet(server, (const uint8_t *)"\xff", 1, false);
    expect_packet(server, NULL, 0, true);
}
END_TEST

START_TEST(text_that_is_not_utf8_is_refused_when_sent)
{
    gdws_peer *client = world_client_peer(&w);
    ck_assert_int_eq(gdws_peer_send_text(client, "\xff"), GDWS_INVALID_DATA);
    ck_assert_int_eq(gdws_peer_send_text(client, NULL), GDWS_INVALID_PARAMETER);
    ck_assert_int_eq(gdws_peer_send(client, "x", 1, (gdws_write_mode)7), GDWS_INVALID_PARAMETER);
    ck_assert_int_eq(gdws_peer_put_packet(client, NULL, 1), GDWS_INVALID_PARAMETER);
    ck_assert_int_eq(gdws_peer_set_write_mode(client, (gdws_write_mode)2), GDWS_INVALID_PARAMETER);
    ck_assert_uint_eq(gdws_peer_get_current_outbound_buffered_amount(client), 0);
}
END_TEST

START_TEST(no_packet_clears_the_outputs)
{
    const uint8_t *packet = (const uint8_t *)"";
    size_t length = 7;
    ck_assert_int_eq(gdws_peer_get_packet(world_client_peer(&w), &packet, &length),
                     GDWS_UNAVAILABLE);
    ck_assert_ptr_null(packet);
    ck_assert_uint_eq(length, 0);
    ck_assert_int_eq(gdws_peer_get_packet(NULL, &packet, &length), GDWS_INVALID_PARAMETER);
    ck_assert_int_eq(gdws_client_get_peer_packet(w.client, 2, &packet, &length),
                     GDWS_DOES_NOT_EXIST);
    ck_assert_int_eq(gdws_server_get_peer_packet(w.server, 1, &packet, &length),
                     GDWS_DOES_NOT_EXIST);
}
END_TEST

START_TEST(a_signal_comes_for_each_packet)
{
    w.takes_packets = true;
    for (int i = 0; i < 100; i++) {
        ck_assert_int_eq(gdws_peer_put_packet(world_client_peer(&w), &i, sizeof(i)), GDWS_OK);
    }
    WAIT_FOR(&w, w.at_server.data == 100);
    ck_assert_uint_eq(gdws_peer_get_available_packet_count(world_server_peer(&w)), 0);
}
END_TEST

/* A sender that never stops for a receiver that takes ten packets in each poll. */
static void flood(gdws_peer *from, gdws_peer *to, int total)
{
    uint32_t sent = 0;
    uint32_t taken = 0;
    uint8_t packet[200];
    const uint8_t *got;
    size_t length;
    struct rusage before;
    struct rusage after;
    (void)getrusage(RUSAGE_SELF, &before);
    uint64_t limit = world_now_ms() + WORLD_LIMIT_MS;
    while (taken < (uint32_t)total) {
        gdws_error error = GDWS_OK;
        while (sent < (uint32_t)total && error == GDWS_OK) {
            size_t size = 4 + sent % 190;
            fill(packet, sizeof(packet), sent);
            memcpy(packet, &sent, sizeof(sent));
            error = gdws_peer_put_packet(from, packet, size);
            ck_assert(error == GDWS_OK || error == GDWS_OUT_OF_MEMORY);
            sent += error == GDWS_OK ? 1 : 0;
        }
        ck_assert_int_eq(gdws_loop_poll(w.loop), GDWS_OK);
        ck_assert_msg(world_now_ms() < limit, "no packet comes after %u", taken);
        for (int i = 0; i < 10 && gdws_peer_get_packet(to, &got, &length) == GDWS_OK; i++) {
            uint32_t number;
            memcpy(&number, got, sizeof(number));
            ck_assert_uint_eq(number, taken);
            ck_assert_uint_eq(length, 4 + taken % 190);
            fill(packet, sizeof(packet), taken);
            ck_assert(memcmp(got + 4, packet + 4, length - 4) == 0);
            taken++;
            limit = world_now_ms() + WORLD_LIMIT_MS;
        }
    }
    (void)getrusage(RUSAGE_SELF, &after);
    if (world_scale(1, 0) != 0) {
        ck_assert_int_lt(after.ru_maxrss - before.ru_maxrss, 8 * 1024);
    }
}

START_TEST(a_slow_server_loses_nothing)
{
    flood(world_client_peer(&w), world_server_peer(&w), world_scale(100000, 3000));
}
END_TEST

START_TEST(a_slow_client_loses_nothing)
{
    flood(world_server_peer(&w), world_client_peer(&w), world_scale(100000, 3000));
}
END_TEST

START_TEST(a_full_outbound_queue_says_so_and_drains)
{
    gdws_peer *client = world_client_peer(&w);
    static uint8_t bytes[100000];
    gdws_error error = GDWS_OK;
    int accepted = 0;
    w.takes_packets = true;
    world_fill_with_noise(bytes, sizeof(bytes));
    while (error == GDWS_OK) {
        error = gdws_peer_put_packet(client, bytes, sizeof(bytes));
        accepted += error == GDWS_OK ? 1 : 0;
    }
    ck_assert_int_eq(error, GDWS_OUT_OF_MEMORY);
    ck_assert_int_eq(accepted, 10);
    ck_assert_uint_gt(gdws_peer_get_current_outbound_buffered_amount(client), 1000000);
    WAIT_FOR(&w, w.at_client.drained == 1);
    WAIT_FOR(&w, w.at_server.data == accepted);
    ck_assert_uint_eq(gdws_peer_get_current_outbound_buffered_amount(client), 0);
    ck_assert_int_eq(gdws_peer_put_packet(client, bytes, sizeof(bytes)), GDWS_OK);
    WAIT_FOR(&w, w.at_server.data == accepted + 1);
}
END_TEST

START_TEST(a_packet_that_never_fits_is_out_of_range)
{
    gdws_peer *client = world_client_peer(&w);
    size_t max = gdws_peer_get_max_packet_size(client);
    uint8_t *bytes = calloc(1, max + 1);
    w.takes_packets = true;
    ck_assert_int_eq(gdws_peer_put_packet(client, bytes, max + 1), GDWS_PARAMETER_RANGE_ERROR);
    ck_assert_int_eq(gdws_peer_put_packet(client, bytes, max), GDWS_OK);
    WAIT_FOR(&w, w.at_server.data == 1);
    free(bytes);
}
END_TEST

START_TEST(broadcast_reaches_all_but_one)
{
    size_t refused = 7;
    const uint8_t *packet;
    size_t length;
    w.takes_packets = false;
    ck_assert_int_eq(gdws_server_broadcast(w.server, "hi", 2, GDWS_WRITE_MODE_TEXT, 0, &refused),
                     GDWS_OK);
    ck_assert_uint_eq(refused, 0);
    WAIT_FOR(&w, w.at_client.data == 1);
    ck_assert_int_eq(
        gdws_server_broadcast(w.server, "no", 2, GDWS_WRITE_MODE_TEXT, w.at_server.id, NULL),
        GDWS_OK);
    ck_assert_int_eq(gdws_server_broadcast(w.server, "yes", 3, GDWS_WRITE_MODE_BINARY, 0, NULL),
                     GDWS_OK);
    WAIT_FOR(&w, w.at_client.data == 2);
    expect_packet(world_client_peer(&w), (const uint8_t *)"hi", 2, true);
    expect_packet(world_client_peer(&w), (const uint8_t *)"yes", 3, false);
    ck_assert_int_eq(gdws_peer_get_packet(world_client_peer(&w), &packet, &length),
                     GDWS_UNAVAILABLE);
    ck_assert_int_eq(gdws_server_broadcast(w.server, "\xff", 1, GDWS_WRITE_MODE_TEXT, 0, NULL),
                     GDWS_INVALID_DATA);
}
END_TEST

START_TEST(a_broadcast_that_never_fits_is_refused_and_the_peer_goes_on)
{
    static const uint8_t large[(1u << 20) + 1];
    size_t refused = 0;
    ck_assert_int_eq(
        gdws_server_broadcast(w.server, large, sizeof(large), GDWS_WRITE_MODE_BINARY, 0, &refused),
        GDWS_OUT_OF_MEMORY);
    ck_assert_uint_eq(refused, 1);
    ck_assert_uint_eq(gdws_peer_get_sent_packet_count(world_server_peer(&w)), 0);
    ck_assert_int_eq(gdws_server_broadcast(w.server, "hi", 2, GDWS_WRITE_MODE_TEXT, 0, &refused),
                     GDWS_OK);
    ck_assert_uint_eq(refused, 0);
    WAIT_FOR(&w, w.at_client.data == 1);
    expect_packet(world_client_peer(&w), (const uint8_t *)"hi", 2, true);
}
END_TEST

/* There and back, in different sizes. */
static void echo_some(size_t count)
{
    static uint8_t bytes[20000];
    for (size_t i = 0; i < count; i++) {
        size_t length = i % 3 == 0 ? 20 : (i * 997) % sizeof(bytes);
        int heard = w.at_client.data;
        ck_assert_int_eq(gdws_peer_put_packet(world_client_peer(&w), bytes, length), GDWS_OK);
        WAIT_FOR(&w, w.at_client.data == heard + 1);
    }
}

START_TEST(echoes_cost_no_allocation_in_the_steady_state)
{
    w.echoes = true;
    w.takes_packets = true;
    echo_some(300);
    size_t allocations = gdwsi_mem_allocations();
    echo_some(300);
#if defined(__SANITIZE_ADDRESS__)
    /* Nothing is kept for reuse, so that each use after free is seen. */
    ck_assert_uint_ge(gdwsi_mem_allocations(), allocations);
#else
    ck_assert_uint_eq(gdwsi_mem_allocations(), allocations);
#endif
}
END_TEST

/* Each side sends far more than the kernel holds before it takes anything: if either stopped
 * reading while it cannot write, both would wait for ever. */
START_TEST(two_sides_that_flood_each_other_do_not_stop)
{
    static uint8_t bytes[30000];
    const int total = world_scale(2000, 200);
    int sent[2] = {0, 0};
    int taken[2] = {0, 0};
    gdws_peer *peers[2] = {world_server_peer(&w), world_client_peer(&w)};
    uint64_t limit = world_now_ms() + 3 * WORLD_LIMIT_MS;
    while (taken[0] < total || taken[1] < total) {
        for (int side = 0; side < 2; side++) {
            const uint8_t *packet;
            size_t length;
            while (sent[side] < total &&
                   gdws_peer_put_packet(peers[side], bytes, sizeof(bytes)) == GDWS_OK) {
                sent[side]++;
            }
            if (gdws_peer_get_packet(peers[side], &packet, &length) == GDWS_OK) {
                ck_assert_uint_eq(length, sizeof(bytes));
                taken[side]++;
            }
        }
        gdws_loop_poll(w.loop);
        /* Before a peer's pointer means nothing any more. */
        ck_assert_int_eq(w.at_server.closed + w.at_client.closed, 0);
        ck_assert_msg(world_now_ms() < limit, "stuck at %d and %d", taken[0], taken[1]);
    }
}
END_TEST

/* 64 MiB both ways when the limits are raised. */
START_TEST(huge_messages_go_both_ways)
{
    size_t size = (size_t)world_scale(64, 4) << 20;
    uint8_t *bytes = malloc(size);
    world big;
    world_init_idle(&big);
    size_t limit = size + (1u << 20);
    ck_assert_int_eq(gdws_server_set_inbound_buffer_size(big.server, size), GDWS_OK);
    ck_assert_int_eq(gdws_server_set_outbound_buffer_size(big.server, limit), GDWS_OK);
    ck_assert_int_eq(gdws_client_set_inbound_buffer_size(big.client, size), GDWS_OK);
    ck_assert_int_eq(gdws_client_set_outbound_buffer_size(big.client, limit), GDWS_OK);
    world_listen(&big);
    world_connect(&big);
    fill(bytes, size, 3);
    ck_assert_int_eq(gdws_peer_put_packet(world_client_peer(&big), bytes, size), GDWS_OK);
    WAIT_FOR(&big, big.at_server.data == 1);
    expect_packet(world_server_peer(&big), bytes, size, false);
    ck_assert_int_eq(gdws_peer_put_packet(world_server_peer(&big), bytes, size), GDWS_OK);
    WAIT_FOR(&big, big.at_client.data == 1);
    expect_packet(world_client_peer(&big), bytes, size, false);
    /* One byte more than the receiver allows. */
    ck_assert_int_eq(gdws_peer_put_packet(world_client_peer(&big), bytes, size), GDWS_OK);
    uint8_t *more = realloc(bytes, size + 1);
    ck_assert_ptr_nonnull(more);
    more[size] = 0;
    WAIT_FOR(&big, big.at_server.data == 2);
    expect_packet(world_server_peer(&big), more, size, false);
    ck_assert_int_eq(gdws_peer_put_packet(world_client_peer(&big), more, size + 1), GDWS_OK);
    WAIT_FOR(&big, big.at_client.closed == 1);
    ck_assert_int_eq(big.at_client.code, 1009);
    WAIT_FOR(&big, big.at_server.closed == 1);
    gdws_client_free(big.client);
    gdws_server_free(big.server);
    gdws_loop_free(big.loop);
    free(more);
}
END_TEST

/* What a program keeps with a peer stays until it has gone. */
static int *user_at_end;

static void end_of_user(void *user)
{
    (void)user;
    user_at_end = gdws_peer_get_user(world_client_peer(&w));
}

START_TEST(a_peer_keeps_a_pointer_of_the_programs)
{
    static int player;
    static int other;
    ck_assert_ptr_null(gdws_peer_get_user(world_server_peer(&w)));
    ck_assert_ptr_null(gdws_peer_get_user(world_client_peer(&w)));
    gdws_peer_set_user(world_server_peer(&w), &player);
    gdws_peer_set_user(world_client_peer(&w), &other);
    ck_assert_ptr_eq(gdws_peer_get_user(world_server_peer(&w)), &player);
    w.at_client.on_end = end_of_user;
    ck_assert_int_eq(gdws_client_disconnect_from_host(w.client, 1000, NULL), GDWS_OK);
    WAIT_FOR(&w, w.at_server.closed == 1 && w.at_client.closed == 1);
    ck_assert_ptr_eq(user_at_end, &other);
    /* The next connection is another peer. */
    world_connect(&w);
    ck_assert_ptr_null(gdws_peer_get_user(world_server_peer(&w)));
    ck_assert_ptr_null(gdws_peer_get_user(world_client_peer(&w)));
}
END_TEST

START_TEST(values_of_godot_go_as_packets)
{
    gdws_variant *value = gdws_variant_new(GDWS_VARIANT_ARRAY);
    gdws_variant *back;
    ck_assert_int_eq(gdws_variant_append(value, gdws_variant_new_string("hello")), GDWS_OK);
    ck_assert_int_eq(gdws_variant_append(value, gdws_variant_new_int(7)), GDWS_OK);
    ck_assert_int_eq(gdws_peer_put_var(world_client_peer(&w), value), GDWS_OK);
    /* Not a value at all, and one that is too large for the queue. */
    ck_assert_int_eq(gdws_peer_put_packet(world_client_peer(&w), "\x11", 1), GDWS_OK);
    static const uint8_t big[2 * 1024 * 1024];
    gdws_variant *bytes = gdws_variant_new_bytes(big, sizeof(big));
    ck_assert_int_eq(gdws_peer_put_var(world_client_peer(&w), bytes), GDWS_PARAMETER_RANGE_ERROR);
    gdws_variant_free(bytes);
    gdws_variant_free(value);
    WAIT_FOR(&w, w.at_server.data == 2);
    ck_assert_int_eq(gdws_peer_get_var(world_server_peer(&w), &back), GDWS_OK);
    ck_assert(!gdws_peer_was_string_packet(world_server_peer(&w)));
    ck_assert_str_eq(gdws_variant_get_string(gdws_variant_get_item(back, 0)), "hello");
    ck_assert_int_eq(gdws_variant_get_int(gdws_variant_get_item(back, 1)), 7);
    gdws_variant_free(back);
    ck_assert_int_eq(gdws_peer_get_var(world_server_peer(&w), &back), GDWS_INVALID_DATA);
    ck_assert_ptr_null(back);
    ck_assert_int_eq(gdws_peer_get_var(world_server_peer(&w), &back), GDWS_UNAVAILABLE);
}
END_TEST

Suite *packets_suite(void)
{
    Suite *suite = suite_create("packets");
    TCase *tests = tcase_create("packets");
    tcase_set_timeout(tests, 120);
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_loop_test(tests, packets_of_all_sizes_go_both_ways, 0, 14);
    tcase_add_test(tests, text_and_binary_are_told_apart);
    tcase_add_test(tests, values_of_godot_go_as_packets);
    tcase_add_test(tests, a_peer_keeps_a_pointer_of_the_programs);
    tcase_add_test(tests, text_that_is_not_utf8_is_refused_when_sent);
    tcase_add_test(tests, no_packet_clears_the_outputs);
    tcase_add_test(tests, a_signal_comes_for_each_packet);
    tcase_add_test(tests, a_slow_server_loses_nothing);
    tcase_add_test(tests, a_slow_client_loses_nothing);
    tcase_add_test(tests, a_full_outbound_queue_says_so_and_drains);
    tcase_add_test(tests, a_packet_that_never_fits_is_out_of_range);
    tcase_add_test(tests, broadcast_reaches_all_but_one);
    tcase_add_test(tests, a_broadcast_that_never_fits_is_refused_and_the_peer_goes_on);
    tcase_add_test(tests, echoes_cost_no_allocation_in_the_steady_state);
    tcase_add_test(tests, two_sides_that_flood_each_other_do_not_stop);
    tcase_add_test(tests, huge_messages_go_both_ways);
    suite_add_tcase(suite, tests);
    return suite;
}
