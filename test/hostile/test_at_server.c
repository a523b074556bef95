/* SPDX-License-Identifier: MIT */
/* Hostile clients against a gdws server. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "cases.h"
#include "runtests.h"

static world w;
static rawsock raw;

static void set_up(void)
{
    world_init(&w);
    w.takes_packets = true;
    rawsock_connect(&raw, w.loop, gdws_server_get_port(w.server));
    rawsock_upgrade(&raw);
    WAIT_FOR(&w, w.at_server.connected == 1);
}

static void tear_down(void)
{
    rawsock_close(&raw);
    world_free(&w);
}

static void expect_case(const hostile_case *c)
{
    bool is_clean = c->is_clean || is_hidden_code(c);
    int seen_code = is_hidden_code(c) ? 1002 : c->seen_code;
    WAIT_FOR(&w, w.at_server.closed == 1);
    ck_assert_msg(w.at_server.data == c->packets, "%s: %d packets", c->name, w.at_server.data);
    ck_assert_msg(w.at_server.was_clean == is_clean, "%s: clean %d", c->name,
                  w.at_server.was_clean);
    ck_assert_msg(w.at_server.close_requests == (c->seen_code != 0 ? 1 : 0), "%s: %d requests",
                  c->name, w.at_server.close_requests);
    ck_assert_msg(w.at_server.code == seen_code, "%s: code %d", c->name, w.at_server.code);
}

START_TEST(a_case_is_answered_as_the_rfc_says)
{
    play_case(&hostile_cases[_i], &raw, true, 0);
    expect_case(&hostile_cases[_i]);
}
END_TEST

START_TEST(a_case_in_single_bytes_is_answered_the_same)
{
    play_case(&hostile_cases[_i], &raw, true, 1);
    expect_case(&hostile_cases[_i]);
}
END_TEST

START_TEST(a_ping_is_answered_with_its_payload)
{
    const uint8_t *payload;
    size_t length;
    char bytes[125];
    for (size_t size = 0; size <= sizeof(bytes); size += 25) {
        memset(bytes, (int)('a' + size % 26), sizeof(bytes));
        rawsock_send_frame(&raw, 0x89, bytes, size, true);
        ck_assert_int_eq(rawsock_read_frame(&raw, &payload, &length), 0x8a);
        ck_assert_uint_eq(length, size);
        ck_assert(memcmp(payload, bytes, size) == 0);
    }
}
END_TEST

/* libwebsockets' own framing answers the oldest only. */
START_TEST(ten_pings_at_once_get_ten_answers)
{
    uint8_t bytes[256];
    const uint8_t *payload;
    size_t length = 0;
    for (char i = 0; i < 10; i++) {
        length += rawsock_frame(bytes + length, 0x89, &i, 1, true);
    }
    rawsock_send(&raw, bytes, length, 0);
    for (int i = 0; i < (world_is_fallback() ? 1 : 10); i++) {
        ck_assert_int_eq(rawsock_read_frame(&raw, &payload, &length), 0x8a);
        ck_assert_uint_eq(length, 1);
        ck_assert_int_eq(payload[0], i);
    }
    rawsock_send_frame(&raw, 0x81, "still there", 11, true);
    WAIT_FOR(&w, w.at_server.data == 1);
}
END_TEST

START_TEST(a_pong_never_lands_inside_a_message)
{
    static uint8_t big[300000];
    const uint8_t *payload;
    size_t length;
    size_t data = 0;
    int pongs = 0;
    ck_assert_int_eq(gdws_peer_put_packet(world_server_peer(&w), big, sizeof(big)), GDWS_OK);
    rawsock_send_frame(&raw, 0x89, "p", 1, true);
    while (data < sizeof(big) || pongs < 1) {
        int first = rawsock_read_frame(&raw, &payload, &length);
        ck_assert(first == 0x8a || first == 0x82);
        pongs += first == 0x8a ? 1 : 0;
        data += first == 0x8a ? 0 : length;
    }
    ck_assert_uint_eq(data, sizeof(big));
}
END_TEST

/* Only the header of a frame that can never be taken. */
START_TEST(an_endless_frame_is_refused_at_its_first_bytes)
{
    static const uint8_t header[] = {0x82, 0xff, 0, 0, 1, 0, 0, 0, 0, 0, 1, 2, 3, 4, 'x'};
    rawsock_send(&raw, header, sizeof(header), 0);
    rawsock_expect_close(&raw, 1009);
    rawsock_wait_for_end(&raw, (uint64_t)world_scale(1000, 6000));
    WAIT_FOR(&w, w.at_server.closed == 1);
    ck_assert_int_eq(w.at_server.data, 0);
}
END_TEST

START_TEST(many_small_fragments_count_against_the_limit)
{
    static uint8_t piece[65536];
    rawsock_send_frame(&raw, 0x02, piece, sizeof(piece), true);
    for (int i = 0; i < 20; i++) {
        rawsock_send_frame(&raw, 0x00, piece, sizeof(piece), true);
    }
    rawsock_expect_close(&raw, 1009);
    WAIT_FOR(&w, w.at_server.closed == 1);
}
END_TEST

START_TEST(text_fails_at_its_first_bad_byte)
{
    /* A frame of 1000 bytes, of which only three come. */
    static const uint8_t start[] = {0x81, 0xfe, 0x03, 0xe8, 0, 0, 0, 0, 'a', 'b', 0xff};
    rawsock_send(&raw, start, sizeof(start), 0);
    rawsock_expect_close(&raw, 1007);
    rawsock_wait_for_end(&raw, (uint64_t)world_scale(1000, 6000));
}
END_TEST

START_TEST(nothing_is_sent_after_our_close)
{
    const uint8_t *payload;
    size_t length;
    gdws_peer *peer = world_server_peer(&w);
    ck_assert_int_eq(gdws_peer_send_text(peer, "before"), GDWS_OK);
    ck_assert_int_eq(gdws_peer_close(peer, 4000, "x"), GDWS_OK);
    ck_assert_int_eq(gdws_peer_send_text(peer, "after"), GDWS_UNAVAILABLE);
    ck_assert_int_eq(rawsock_read_frame(&raw, &payload, &length), 0x81);
    rawsock_expect_close(&raw, 4000);
    rawsock_send_frame(&raw, 0x81, "data", 4, true);
    rawsock_send_frame(&raw, 0x88, "\x0f\xa0", 2, true);
    rawsock_wait_for_end(&raw, (uint64_t)world_scale(1000, 6000));
    ck_assert_uint_eq(raw.length, 0);
}
END_TEST

START_TEST(queued_messages_go_before_the_answer_to_a_close)
{
    const uint8_t *payload;
    size_t length;
    for (int i = 0; i < 3; i++) {
        ck_assert_int_eq(gdws_peer_send_text(world_server_peer(&w), "queued"), GDWS_OK);
    }
    rawsock_send_frame(&raw, 0x88, "\x03\xe8", 2, true);
    for (int i = 0; i < 3; i++) {
        ck_assert_int_eq(rawsock_read_frame(&raw, &payload, &length), 0x81);
    }
    rawsock_expect_close(&raw, 1000);
}
END_TEST

START_TEST(an_end_without_a_close_is_not_clean)
{
    rawsock_send_frame(&raw, 0x81, "last", 4, true);
    ck_assert_int_eq(shutdown(raw.descriptor, SHUT_WR), 0);
    WAIT_FOR(&w, w.at_server.closed == 1);
    ck_assert_int_eq(w.at_server.data, 1);
    ck_assert(!w.at_server.was_clean);
    ck_assert_str_eq(w.at_server.log, "CdX");
}
END_TEST

START_TEST(a_peer_that_never_reads_does_not_hold_the_server_up)
{
    static uint8_t big[100000];
    gdws_error error = GDWS_OK;
    int queued = 0;
    while (queued < 2000 && error == GDWS_OK) {
        error = gdws_peer_put_packet(world_server_peer(&w), big, sizeof(big));
        gdws_loop_poll(w.loop);
        queued++;
    }
    ck_assert_int_eq(error, GDWS_OUT_OF_MEMORY);
    world_connect(&w);
    ck_assert_int_eq(gdws_peer_send_text(world_client_peer(&w), "hello"), GDWS_OK);
    WAIT_FOR(&w, w.at_server.data == 1);
}
END_TEST

START_TEST(a_slow_reader_gets_whole_frames_in_order)
{
    static uint8_t message[40000];
    const uint8_t *payload;
    size_t length;
    uint32_t sent = 0;
    uint32_t heard = 0;
    const uint32_t total = (uint32_t)world_scale(500, 50);
    while (heard < total) {
        memcpy(message, &sent, sizeof(sent));
        size_t size = 4 + sent * 977 % (sizeof(message) - 4);
        if (sent < total && gdws_peer_put_packet(world_server_peer(&w), message, size) == GDWS_OK) {
            sent++;
            continue;
        }
        uint32_t number;
        ck_assert_int_eq(rawsock_read_frame(&raw, &payload, &length), 0x82);
        ck_assert_uint_ge(length, sizeof(number));
        memcpy(&number, payload, sizeof(number));
        ck_assert_uint_eq(number, heard);
        ck_assert_uint_eq(length, 4 + heard * 977 % (sizeof(message) - 4));
        heard++;
    }
}
END_TEST

/* A header that breaks RFC 6455 section 5.1 or 5.2. libwebsockets' own framing takes most of
 * these; the test shows it, so that a version in which it is otherwise is noticed. */
static const struct {
    const char *name;
    const char *bytes;
    size_t length;
} bad_headers[] = {
    {"unmasked", "\x81\x02hi", 4},
    {"unmasked ping", "\x89\x00", 2},
    {"unmasked close", "\x88\x02\x03\xe8", 4},
    {"two bytes of length for 2", "\x81\xfe\x00\x02\x00\x00\x00\x00hi", 10},
    {"two bytes of length for 0", "\x81\xfe\x00\x00\x00\x00\x00\x00", 8},
    {"eight bytes of length for 2", "\x81\xff\x00\x00\x00\x00\x00\x00\x00\x02\x00\x00\x00\x00hi",
     16},
    {"length with the highest bit", "\x82\xff\x80\x00\x00\x00\x00\x00\x00\x01\x00\x00\x00\x00h",
     15},
};

START_TEST(a_bad_header_is_a_protocol_error)
{
    rawsock_send(&raw, bad_headers[_i].bytes, bad_headers[_i].length, 0);
    if (world_is_fallback() && _i < 6) {
        rawsock_send_frame(&raw, 0x88, "\x03\xe8", 2, true);
        rawsock_wait_for_end(&raw, (uint64_t)world_scale(1000, 6000));
    } else {
        rawsock_expect_close(&raw, 1002);
    }
    WAIT_FOR(&w, w.at_server.closed == 1);
    ck_assert_int_eq(w.at_server.data, world_is_fallback() && (_i == 0 || (_i > 2 && _i < 6)));
}
END_TEST

START_TEST(codes_1012_to_1014_are_seen_and_answered)
{
    int code = 1012 + _i;
    uint8_t payload[2] = {(uint8_t)(code >> 8), (uint8_t)code};
    int expected = world_is_fallback() ? 1002 : code;
    rawsock_send_frame(&raw, 0x88, payload, 2, true);
    rawsock_expect_close(&raw, expected);
    WAIT_FOR(&w, w.at_server.closed == 1);
    ck_assert_int_eq(w.at_server.code, expected);
    ck_assert(w.at_server.was_clean);
}
END_TEST

START_TEST(pings_of_a_peer_that_does_not_read_do_not_pile_up)
{
    static uint8_t pings[64 * 131];
    const uint8_t *payload;
    size_t length = 0;
    static char text[125];
    for (int i = 0; i < 64; i++) {
        length += rawsock_frame(pings + length, 0x89, text, sizeof(text), true);
    }
    bool is_blocked = false;
    size_t sent = 0;
    size_t peak = 0;
    while (!is_blocked && sent < (64u << 20)) {
        ssize_t n = rawsock_try_send(&raw, pings + sent % length, length - sent % length);
        is_blocked = n < 0;
        sent += n > 0 ? (size_t)n : 0;
        gdws_loop_poll(w.loop);
        size_t queued = gdws_peer_get_current_outbound_buffered_amount(world_server_peer(&w));
        peak = queued > peak ? queued : peak;
    }
    ck_assert(is_blocked || world_is_fallback());
    ck_assert_uint_le(peak, 256 * 1024);
    ck_assert_int_eq(rawsock_read_frame(&raw, &payload, &length), 0x8a);
    if (!is_blocked || world_is_secure()) {
        return;
    }
    /* Once it reads, it is read again. The last ping was sent in part. */
    size_t whole = sizeof(pings);
    rawsock_send(&raw, pings + sent % whole, (131 - sent % 131) % 131, 0);
    rawsock_send_frame(&raw, 0x81, "still there", 11, true);
    WAIT_FOR(&w, (rawsock_receive(&raw), w.at_server.data == 1));
}
END_TEST

START_TEST(the_smallest_read_size_takes_control_frames_and_messages)
{
    static char message[100000];
    const uint8_t *payload;
    size_t length;
    size_t echoed = 0;
    rawsock one;
    gdws_server_stop(w.server);
    WAIT_FOR(&w, w.at_server.closed == 1);
    gdws_loop_poll(w.loop);
    rawsock_wait_for_end(&raw, 5000);
    WAIT_FOR(&w, gdws_server_set_read_size(w.server, 128) == GDWS_OK &&
                     gdws_server_listen(w.server, 0) == GDWS_OK);
    w.takes_packets = false;
    w.echoes = true;
    rawsock_connect(&one, w.loop, gdws_server_get_port(w.server));
    rawsock_upgrade(&one);
    memset(message, 'm', sizeof(message));
    rawsock_send_frame(&one, 0x89, message, 125, true);
    ck_assert_int_eq(rawsock_read_frame(&one, &payload, &length), 0x8a);
    ck_assert_uint_eq(length, 125);
    rawsock_send_frame(&one, 0x82, message, sizeof(message), true);
    while (echoed < sizeof(message)) {
        int first = rawsock_read_frame(&one, &payload, &length);
        ck_assert_int_eq(first, 0x82);
        echoed += length;
    }
    rawsock_close(&one);
}
END_TEST

Suite *at_server_suite(void)
{
    Suite *suite = suite_create("at server");
    TCase *tests = tcase_create("at server");
    tcase_set_timeout(tests, 60);
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_loop_test(tests, a_case_is_answered_as_the_rfc_says, 0, hostile_case_count);
    tcase_add_loop_test(tests, a_case_in_single_bytes_is_answered_the_same, 0, hostile_case_count);
    tcase_add_test(tests, a_ping_is_answered_with_its_payload);
    tcase_add_test(tests, ten_pings_at_once_get_ten_answers);
    tcase_add_test(tests, a_pong_never_lands_inside_a_message);
    tcase_add_test(tests, an_endless_frame_is_refused_at_its_first_bytes);
    tcase_add_test(tests, many_small_fragments_count_against_the_limit);
    tcase_add_test(tests, text_fails_at_its_first_bad_byte);
    tcase_add_test(tests, nothing_is_sent_after_our_close);
    tcase_add_test(tests, queued_messages_go_before_the_answer_to_a_close);
    tcase_add_test(tests, an_end_without_a_close_is_not_clean);
    tcase_add_test(tests, a_peer_that_never_reads_does_not_hold_the_server_up);
    tcase_add_test(tests, a_slow_reader_gets_whole_frames_in_order);
    tcase_add_loop_test(tests, a_bad_header_is_a_protocol_error, 0,
                        (int)(sizeof(bad_headers) / sizeof(bad_headers[0])));
    tcase_add_loop_test(tests, codes_1012_to_1014_are_seen_and_answered, 0, 3);
    tcase_add_test(tests, pings_of_a_peer_that_does_not_read_do_not_pile_up);
    tcase_add_test(tests, the_smallest_read_size_takes_control_frames_and_messages);
    suite_add_tcase(suite, tests);
    return suite;
}
