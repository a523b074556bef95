/* SPDX-License-Identifier: MIT */
/* Hostile servers against a gdws client. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "cases.h"
#include "runtests.h"

static world w;
static rawsock raw;
static int listener;
static uint16_t port;

static void set_up(void)
{
    char url[64];
    world_init(&w);
    w.takes_packets = true;
    listener = rawsock_listen(&port);
    (void)snprintf(url, sizeof(url), "%s://127.0.0.1:%u/", world_scheme(), port);
    ck_assert_int_eq(gdws_client_connect_to_url(w.client, url), GDWS_OK);
    rawsock_accept(&raw, w.loop, listener);
}

static void set_up_open(void)
{
    set_up();
    rawsock_answer_upgrade(&raw, "");
    WAIT_FOR(&w, w.at_client.connected == 1);
}

static void tear_down(void)
{
    rawsock_close(&raw);
    (void)close(listener);
    world_free(&w);
}

static void expect_case(const hostile_case *c)
{
    bool is_clean = c->is_clean || is_hidden_code(c);
    int seen_code = is_hidden_code(c) ? 1002 : c->seen_code;
    WAIT_FOR(&w, w.at_client.closed == 1);
    ck_assert_msg(w.at_client.data == c->packets, "%s: %d packets", c->name, w.at_client.data);
    ck_assert_msg(w.at_client.was_clean == is_clean, "%s: clean %d", c->name,
                  w.at_client.was_clean);
    ck_assert_msg(w.at_client.code == seen_code, "%s: code %d", c->name, w.at_client.code);
}

START_TEST(a_case_is_answered_as_the_rfc_says)
{
    play_case(&hostile_cases[_i], &raw, false, 0);
    expect_case(&hostile_cases[_i]);
}
END_TEST

START_TEST(a_case_in_single_bytes_is_answered_the_same)
{
    play_case(&hostile_cases[_i], &raw, false, 1);
    expect_case(&hostile_cases[_i]);
}
END_TEST

START_TEST(every_frame_of_a_client_is_masked_with_a_key_of_its_own)
{
    uint8_t first_key[4] = {0};
    for (int i = 0; i < 8; i++) {
        ck_assert_int_eq(gdws_peer_send_text(world_client_peer(&w), "same"), GDWS_OK);
    }
    rawsock_wait_for(&raw, 8 * 10);
    for (size_t i = 0; i < 8; i++) {
        const uint8_t *frame = raw.bytes + i * 10;
        ck_assert_uint_eq(frame[0], 0x81);
        ck_assert_uint_eq(frame[1], 0x84);
        ck_assert(i == 0 || memcmp(first_key, frame + 2, 4) != 0);
        memcpy(first_key, frame + 2, 4);
    }
}
END_TEST

START_TEST(a_ping_is_answered_with_its_payload)
{
    const uint8_t *payload;
    size_t length;
    rawsock_send_frame(&raw, 0x89, "ping", 4, false);
    rawsock_wait_for(&raw, 2);
    ck_assert_uint_eq(raw.bytes[1] & 0x80, 0x80);
    ck_assert_int_eq(rawsock_read_frame(&raw, &payload, &length), 0x8a);
    ck_assert_str_eq((const char *)payload, "ping");
}
END_TEST

/* libwebsockets' own framing takes it. */
START_TEST(a_masked_frame_of_a_server_is_a_protocol_error)
{
    rawsock_send_frame(&raw, 0x81, "masked", 6, true);
    if (world_is_fallback()) {
        WAIT_FOR(&w, w.at_client.data == 1);
    } else {
        rawsock_expect_close(&raw, 1002);
        WAIT_FOR(&w, w.at_client.closed == 1);
        ck_assert_int_eq(w.at_client.data, 0);
    }
}
END_TEST

START_TEST(text_fails_at_its_first_bad_byte)
{
    /* A frame of 1000 bytes, of which only three come. libwebsockets' own framing waits for all. */
    static const uint8_t start[] = {0x81, 0x7e, 0x03, 0xe8, 'a', 'b', 0xff};
    static const uint8_t rest[997];
    rawsock_send(&raw, start, sizeof(start), 0);
    if (world_is_fallback()) {
        rawsock_send(&raw, rest, sizeof(rest), 0);
    }
    rawsock_expect_close(&raw, 1007);
    rawsock_wait_for_end(&raw, (uint64_t)world_scale(1000, 6000));
}
END_TEST

START_TEST(an_end_without_a_close_is_not_clean)
{
    rawsock_send_frame(&raw, 0x81, "last", 4, false);
    rawsock_close(&raw);
    WAIT_FOR(&w, w.at_client.closed == 1);
    ck_assert_str_eq(w.at_client.log, "CdX");
    ck_assert(!w.at_client.was_clean);
    ck_assert_int_eq(gdws_peer_get_close_code(world_client_peer(&w)), -1);
}
END_TEST

START_TEST(the_request_is_what_the_rfc_asks_for)
{
    char request[4096];
    char host[64];
    rawsock_read_headers(&raw, request, sizeof(request));
    (void)snprintf(host, sizeof(host), "\r\nHost: 127.0.0.1:%u\r\n", port);
    ck_assert_msg(strncmp(request, "GET / HTTP/1.1\r\n", 16) == 0, "%s", request);
    ck_assert_msg(strstr(request, host) != NULL, "%s", request);
    ck_assert_msg(strcasestr(request, "\r\nUpgrade: websocket\r\n") != NULL, "%s", request);
    ck_assert_msg(strcasestr(request, "\r\nConnection: Upgrade\r\n") != NULL, "%s", request);
    ck_assert_msg(strcasestr(request, "\r\nSec-WebSocket-Version: 13\r\n") != NULL, "%s", request);
    ck_assert_msg(strcasestr(request, "\r\nSec-WebSocket-Key: ") != NULL, "%s", request);
    ck_assert_msg(strcasestr(request, "Sec-WebSocket-Protocol") == NULL, "%s", request);
    ck_assert_msg(strcasestr(request, "Sec-WebSocket-Extensions") == NULL, "%s", request);
    ck_assert_msg(strcasestr(request, "Origin") == NULL, "%s", request);
}
END_TEST

/* Answers to the request that are no answers (RFC 9112 section 4), or never end. */
static const struct {
    const char *name;
    const char *start;
    size_t filling; /* so many bytes between the start and the end */
    const char *end;
    const char *message;
} no_answers[] = {
    {"another protocol", "220 mail.example ESMTP\r\n\r\n", 0, "", "is not HTTP"},
    {"HTTP/2", "HTTP/2.0 101 Switching Protocols\r\n\r\n", 0, "", "is not HTTP"},
    {"a version of two digits", "HTTP/1.10 101 Switching Protocols\r\n\r\n", 0, "", "is not HTTP"},
    {"no status", "HTTP/1.1\r\n\r\n", 0, "", "is not HTTP"},
    {"a status of letters", "HTTP/1.1 abc Fine\r\n\r\n", 0, "", "is not HTTP"},
    {"a status of four digits", "HTTP/1.1 1010 Fine\r\n\r\n", 0, "", "is not HTTP"},
    {"a line without a colon", "HTTP/1.1 101 Fine\r\nUpgrade\r\n\r\n", 0, "", "is not HTTP"},
    {"a folded line", "HTTP/1.1 101 Fine\r\nX: y\r\n z: a\r\n\r\n", 0, "", "is not HTTP"},
    {"a long value", "HTTP/1.1 101 Fine\r\nX: ", 9000, "\r\n\r\n", "is too long"},
    {"a value that never ends", "HTTP/1.1 101 Fine\r\nX: ", 20000, "", "is too long"},
    {"a reason that never ends", "HTTP/1.1 404 ", 20000, "", "is too long"},
};

START_TEST(what_is_no_answer_is_given_up)
{
    static const char request[] = "GET / HTTP/1.1\r\n";
    size_t start = strlen(no_answers[_i].start);
    size_t length = start + no_answers[_i].filling + strlen(no_answers[_i].end);
    char *answer = malloc(length + 1);
    memcpy(answer, no_answers[_i].start, start);
    memset(answer + start, 'a', no_answers[_i].filling);
    memcpy(answer + start + no_answers[_i].filling, no_answers[_i].end,
           strlen(no_answers[_i].end) + 1);
    rawsock_wait_for(&raw, sizeof(request) - 1);
    ck_assert_mem_eq(raw.bytes, request, sizeof(request) - 1);
    rawsock_send(&raw, answer, length, 1000);
    free(answer);
    WAIT_FOR(&w, w.at_client.errors == 1);
    ck_assert_str_eq(w.at_client.log, "E");
    const char *message = gdws_client_get_error_message(w.client);
    ck_assert_msg(strstr(message, no_answers[_i].message) != NULL, "%s: %s", no_answers[_i].name,
                  message);
    ck_assert_int_eq(gdws_client_get_http_status(w.client), 0);
    rawsock_wait_for_end(&raw, (uint64_t)world_scale(4000, 9000));
}
END_TEST

/* RFC 9110 section 15.2: any number of them, before the answer. */
START_TEST(interim_answers_are_passed_over)
{
    static const char interim[] = "HTTP/1.1 100 Continue\r\n\r\n"
                                  "HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n";
    rawsock_send(&raw, interim, sizeof(interim) - 1, _i == 0 ? 0 : 1);
    rawsock_answer_upgrade(&raw, "");
    WAIT_FOR(&w, w.at_client.connected == 1);
    ck_assert_str_eq(w.at_client.log, "C");
    ck_assert_int_eq(gdws_client_get_http_status(w.client), 101);
}
END_TEST

Suite *at_client_suite(void)
{
    Suite *suite = suite_create("at client");
    TCase *open = tcase_create("open");
    tcase_set_timeout(open, 60);
    tcase_add_checked_fixture(open, set_up_open, tear_down);
    tcase_add_loop_test(open, a_case_is_answered_as_the_rfc_says, 0, hostile_case_count);
    tcase_add_loop_test(open, a_case_in_single_bytes_is_answered_the_same, 0, hostile_case_count);
    tcase_add_test(open, every_frame_of_a_client_is_masked_with_a_key_of_its_own);
    tcase_add_test(open, a_ping_is_answered_with_its_payload);
    tcase_add_test(open, a_masked_frame_of_a_server_is_a_protocol_error);
    tcase_add_test(open, text_fails_at_its_first_bad_byte);
    tcase_add_test(open, an_end_without_a_close_is_not_clean);
    suite_add_tcase(suite, open);
    TCase *connecting = tcase_create("connecting");
    tcase_add_checked_fixture(connecting, set_up, tear_down);
    tcase_add_test(connecting, the_request_is_what_the_rfc_asks_for);
    if (!world_is_fallback()) {
        /* Where libwebsockets shakes hands, it is more lenient: see wsrole.h. */
        tcase_add_loop_test(connecting, interim_answers_are_passed_over, 0, 2);
        tcase_add_loop_test(connecting, what_is_no_answer_is_given_up, 0,
                            (int)(sizeof(no_answers) / sizeof(no_answers[0])));
    }
    suite_add_tcase(suite, connecting);
    return suite;
}
