/* SPDX-License-Identifier: MIT */
/* Compressed messages from clients that mean harm, or only do it in their own way (RFC 7692). */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ZLIB_CONST
#include <zlib.h>

#include "cases.h"
#include "runtests.h"

#define OFFER                                                                                      \
    "GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"                   \
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"

static world w;
static rawsock raw;

static void set_up(void)
{
    world_init_idle(&w);
    ck_assert_int_eq(gdws_server_set_compression(w.server, true), GDWS_OK);
    w.takes_packets = true;
    world_listen(&w);
    rawsock_connect(&raw, w.loop, gdws_server_get_port(w.server));
}

static void tear_down(void)
{
    rawsock_close(&raw);
    world_free(&w);
}

/* Shake hands with an offer; the answer's headers are in text. */
static void shake_hands(const char *offer, char *text, size_t size)
{
    rawsock_send(&raw, OFFER, sizeof(OFFER) - 1, 0);
    rawsock_send(&raw, offer, strlen(offer), 0);
    rawsock_send(&raw, "\r\n", 2, 0);
    rawsock_read_headers(&raw, text, size);
}

static void set_up_compressed(void)
{
    char text[1024];
    set_up();
    shake_hands("Sec-WebSocket-Extensions: permessage-deflate\r\n", text, sizeof(text));
    ck_assert_ptr_nonnull(strstr(text, "\r\nSec-WebSocket-Extensions: permessage-deflate\r\n"));
    WAIT_FOR(&w, w.at_server.connected == 1);
    ck_assert_str_eq(gdws_peer_get_extensions(world_server_peer(&w)), "permessage-deflate");
}

#define HELLO S("\xf2\x48\xcd\xc9\xc9\x07\x00")
#define COMPRESSED_TEXT 0xc1
#define COMPRESSED_BINARY 0xc2
#define END                                                                                        \
    {                                                                                              \
        0xff, NULL, 0                                                                              \
    }
#define BYE                                                                                        \
    {                                                                                              \
        0x88, S("\x03\xe8")                                                                        \
    }

static const hostile_case cases[] = {
    {"text", {{COMPRESSED_TEXT, HELLO}, BYE, END}, 1000, 1, true, 1000},
    {"binary", {{COMPRESSED_BINARY, HELLO}, BYE, END}, 1000, 1, true, 1000},
    {"uncompressed text between",
     {{COMPRESSED_TEXT, HELLO},
      {0x81, S("plain")},
      {COMPRESSED_TEXT, S("\xf2\x00\x11\x00\x00")},
      BYE,
      END},
     1000,
     3,
     true,
     1000},
    {"fragments",
     {{0x41, S("\xf2\x48")}, {0x00, S("\xcd")}, {0x80, S("\xc9\xc9\x07\x00")}, BYE, END},
     1000,
     1,
     true,
     1000},
    {"fragments with a pong and empty ones between",
     {{0x41, S("")},
      {0x00, S("\xf2\x48\xcd")},
      {0x8a, S("p")},
      {0x00, S("\xc9\xc9\x07\x00")},
      {0x80, S("")},
      BYE,
      END},
     1000,
     1,
     true,
     1000},
    {"nothing but a block's header", {{COMPRESSED_TEXT, S("\x00")}, BYE, END}, 1000, 1, true, 1000},
    {"no bytes at all", {{COMPRESSED_TEXT, S("")}, BYE, END}, 1000, 1, true, 1000},
    {"stored",
     {{COMPRESSED_TEXT, S("\x00\x05\x00\xfa\xffHello\x00")}, BYE, END},
     1000,
     1,
     true,
     1000},
    {"RSV1 on a continuation",
     {{0x41, S("\xf2\x48")}, {0xc0, S("\xcd\xc9\xc9\x07\x00")}, END},
     1002,
     0,
     false,
     0},
    {"RSV1 on a ping", {{0xc9, S("p")}, END}, 1002, 0, false, 0},
    {"RSV1 on a pong", {{0xca, S("p")}, END}, 1002, 0, false, 0},
    {"RSV1 on a close", {{0xc8, S("\x03\xe8")}, END}, 1002, 0, false, 0},
    {"RSV1 and RSV2", {{0xe1, HELLO}, END}, 1002, 0, false, 0},
    {"RSV1 and RSV3", {{0xd1, HELLO}, END}, 1002, 0, false, 0},
    {"RSV2 alone", {{0xa1, S("a")}, END}, 1002, 0, false, 0},
    {"a message inside of a compressed one",
     {{0x41, S("\xf2\x48")}, {COMPRESSED_TEXT, HELLO}, END},
     1002,
     0,
     false,
     0},
    {"no DEFLATE data", {{COMPRESSED_TEXT, S("\xff\xff")}, END}, 1007, 0, false, 0},
    {"cut off", {{COMPRESSED_TEXT, S("\xf2\x48\xcd")}, END}, 1007, 0, false, 0},
    {"refers to nothing", {{COMPRESSED_TEXT, S("\xf2\x00\x11\x00\x00")}, END}, 1007, 0, false, 0},
    {"text that is not UTF-8",
     {{COMPRESSED_TEXT, S("\x00\x01\x00\xfe\xff\xff\x00")}, END},
     1007,
     0,
     false,
     0},
    {"text that ends inside of a character",
     {{COMPRESSED_TEXT, S("\x00\x01\x00\xfe\xff\xc3\x00")}, END},
     1007,
     0,
     false,
     0},
};

static void expect_case(const hostile_case *c)
{
    WAIT_FOR(&w, w.at_server.closed == 1);
    ck_assert_msg(w.at_server.data == c->packets, "%s: %d packets", c->name, w.at_server.data);
    ck_assert_msg(w.at_server.was_clean == c->is_clean, "%s", c->name);
    ck_assert_msg(w.at_server.code == c->seen_code, "%s: code %d", c->name, w.at_server.code);
}

START_TEST(a_case_is_answered_as_the_rfc_says)
{
    play_case(&cases[_i], &raw, true, 0);
    expect_case(&cases[_i]);
}
END_TEST

START_TEST(a_case_in_single_bytes_is_answered_the_same)
{
    play_case(&cases[_i], &raw, true, 1);
    expect_case(&cases[_i]);
}
END_TEST

/* What the offer says decides what is answered; what cannot be had is not compressed. */
START_TEST(an_offer_is_answered)
{
    static const struct {
        const char *lines;
        const char *expected; /* in the answer; NULL: no extension */
        int status;
    } offers[] = {
        {"", NULL, 101},
        {"Sec-WebSocket-Extensions: x-webkit-deflate-frame\r\n", NULL, 101},
        {"Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n",
         "permessage-deflate; client_max_window_bits=12\r\n", 101},
        {"Sec-WebSocket-Extensions: permessage-deflate; server_max_window_bits=3\r\n"
         "sec-websocket-extensions: permessage-deflate; server_no_context_takeover\r\n",
         "permessage-deflate; server_no_context_takeover\r\n", 101},
        {"Sec-WebSocket-Extensions: permessage-deflate;\r\n", NULL, 400},
        {"Sec-WebSocket-Extensions: ;\r\n", NULL, 400},
    };
    char text[1024];
    char status[16];
    shake_hands(offers[_i].lines, text, sizeof(text));
    (void)snprintf(status, sizeof(status), "HTTP/1.1 %d ", offers[_i].status);
    ck_assert_msg(strncmp(text, status, strlen(status)) == 0, "%s", text);
    const char *extension = strstr(text, "Sec-WebSocket-Extensions: ");
    ck_assert((extension != NULL) == (offers[_i].expected != NULL));
    if (extension != NULL) {
        ck_assert(strncmp(strchr(extension, ' ') + 1, offers[_i].expected,
                          strlen(offers[_i].expected)) == 0);
    }
}
END_TEST

START_TEST(rsv1_without_an_agreement_is_an_error)
{
    char text[1024];
    shake_hands("", text, sizeof(text));
    WAIT_FOR(&w, w.at_server.connected == 1);
    ck_assert_str_eq(gdws_peer_get_extensions(world_server_peer(&w)), "");
    rawsock_send_frame(&raw, COMPRESSED_TEXT, HELLO, true);
    rawsock_expect_close(&raw, 1002);
}
END_TEST

/* Compress a message of zeros that expands to size bytes. */
static uint8_t *make_bomb(size_t size, size_t *length)
{
    static const uint8_t zeros[65536];
    z_stream stream = {0};
    size_t room = size / 900 + 1000;
    uint8_t *bomb = malloc(room);
    ck_assert_int_eq(deflateInit2(&stream, 9, Z_DEFLATED, -15, 9, Z_DEFAULT_STRATEGY), Z_OK);
    stream.next_out = bomb;
    stream.avail_out = (unsigned)room;
    for (size_t done = 0; done < size; done += sizeof(zeros)) {
        stream.next_in = zeros;
        stream.avail_in = sizeof(zeros);
        ck_assert_int_eq(deflate(&stream, Z_NO_FLUSH), Z_OK);
    }
    ck_assert_int_eq(deflate(&stream, Z_SYNC_FLUSH), Z_OK);
    *length = room - stream.avail_out - 4;
    ck_assert_int_eq(deflateEnd(&stream), Z_DATA_ERROR);
    return bomb;
}

START_TEST(a_bomb_is_refused)
{
    size_t length;
    uint8_t *bomb = make_bomb((size_t)64 << 20, &length);
    ck_assert_uint_lt(length, 70000);
    rawsock_send_frame(&raw, COMPRESSED_BINARY, bomb, length, true);
    rawsock_expect_close(&raw, 1009);
    WAIT_FOR(&w, w.at_server.closed == 1);
    ck_assert_int_eq(w.at_server.data, 0);
    free(bomb);
}
END_TEST

/* Many messages that are each within the limit, in one go: not more than the queue has room for is
 * expanded while nobody takes packets, and none is lost when somebody does. */
START_TEST(many_small_bombs_wait_compressed)
{
    enum { COUNT = 40, SIZE = 1 << 20 };
    size_t length;
    size_t taken = 0;
    uint8_t *bomb = make_bomb(SIZE, &length);
    const uint8_t *packet;
    w.takes_packets = false;
    for (int i = 0; i < COUNT; i++) {
        /* Each begins with a block of its own, so that they can be sent again and again. */
        rawsock_send_frame(&raw, COMPRESSED_BINARY, bomb, length, true);
    }
    gdws_peer *peer = world_server_peer(&w);
    for (int i = 0; i < 20; i++) {
        (void)gdws_loop_poll(w.loop);
        ck_assert_uint_le(gdws_peer_get_available_packet_count(peer), 1);
    }
    while (taken < COUNT) {
        WAIT_FOR(&w, gdws_peer_get_available_packet_count(peer) > 0);
        ck_assert_int_eq(gdws_peer_get_packet(peer, &packet, &length), GDWS_OK);
        ck_assert_uint_eq(length, SIZE);
        taken++;
    }
    free(bomb);
}
END_TEST

/* Even when the connection breaks, with all of it read already. */
START_TEST(what_is_left_at_the_end_is_not_expanded_without_a_limit)
{
    enum { COUNT = 40, SIZE = 1 << 20 };
    size_t length;
    uint8_t *bomb = make_bomb(SIZE, &length);
    w.takes_packets = false;
    for (int i = 0; i < COUNT; i++) {
        rawsock_send_frame(&raw, COMPRESSED_BINARY, bomb, length, true);
    }
    gdws_peer *peer = world_server_peer(&w);
    WAIT_FOR(&w, gdws_peer_get_available_packet_count(peer) == 1);
    gdws_server_stop(w.server);
    ck_assert_uint_le(gdws_peer_get_available_packet_count(peer), 5);
    WAIT_FOR(&w, w.at_server.closed == 1);
    free(bomb);
}
END_TEST

START_TEST(a_compressed_frame_that_is_too_long_is_refused_at_its_first_bytes)
{
    static const uint8_t header[] = {0xc2, 0xff, 0, 0, 0, 0, 0, 0x20, 0, 1, 1, 2, 3, 4, 'x'};
    rawsock_send(&raw, header, sizeof(header), 0);
    rawsock_expect_close(&raw, 1009);
}
END_TEST

Suite *compressed_suite(void)
{
    Suite *suite = suite_create("compressed");
    int count = (int)(sizeof(cases) / sizeof(cases[0]));
    TCase *opening = tcase_create("opening");
    tcase_add_checked_fixture(opening, set_up, tear_down);
    tcase_add_loop_test(opening, an_offer_is_answered, 0, 6);
    tcase_add_test(opening, rsv1_without_an_agreement_is_an_error);
    suite_add_tcase(suite, opening);
    TCase *messages = tcase_create("messages");
    tcase_set_timeout(messages, 30);
    tcase_add_checked_fixture(messages, set_up_compressed, tear_down);
    tcase_add_loop_test(messages, a_case_is_answered_as_the_rfc_says, 0, count);
    tcase_add_loop_test(messages, a_case_in_single_bytes_is_answered_the_same, 0, count);
    tcase_add_test(messages, a_bomb_is_refused);
    tcase_add_test(messages, many_small_bombs_wait_compressed);
    tcase_add_test(messages, what_is_left_at_the_end_is_not_expanded_without_a_limit);
    tcase_add_test(messages, a_compressed_frame_that_is_too_long_is_refused_at_its_first_bytes);
    suite_add_tcase(suite, messages);
    return suite;
}
