/* SPDX-License-Identifier: MIT */
/* Closing: codes and reasons both ways, in order after the data, exactly one disconnected. */
#include <string.h>

#include <sys/socket.h>

#include "rawsock.h"
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

START_TEST(client_closes_with_code_and_reason)
{
    ck_assert_int_eq(gdws_client_disconnect_from_host(w.client, 4001, "b\xc3\xa9"), GDWS_OK);
    ck_assert_int_eq(gdws_peer_get_ready_state(world_client_peer(&w)), GDWS_STATE_CLOSING);
    WAIT_FOR(&w, w.at_client.closed == 1 && w.at_server.closed == 1);
    ck_assert_str_eq(w.at_server.log, "CRX");
    ck_assert_int_eq(w.at_server.code, 4001);
    ck_assert_str_eq(w.at_server.reason, "b\xc3\xa9");
    ck_assert(w.at_server.was_clean);
    ck_assert(w.at_client.was_clean);
    ck_assert_int_eq(gdws_peer_get_close_code(world_client_peer(&w)), 4001);
    ck_assert_str_eq(gdws_peer_get_close_reason(world_client_peer(&w)), "b\xc3\xa9");
    ck_assert_int_eq(gdws_client_get_connection_status(w.client), GDWS_CONNECTION_DISCONNECTED);
}
END_TEST

START_TEST(server_closes_with_code_and_reason)
{
    ck_assert_int_eq(gdws_server_disconnect_peer(w.server, w.at_server.id, 3999, "kicked"),
                     GDWS_OK);
    WAIT_FOR(&w, w.at_client.closed == 1 && w.at_server.closed == 1);
    ck_assert_str_eq(w.at_client.log, "CRX");
    ck_assert_int_eq(w.at_client.code, 3999);
    ck_assert_str_eq(w.at_client.reason, "kicked");
    ck_assert(w.at_server.was_clean);
    ck_assert(w.at_client.was_clean);
}
END_TEST

START_TEST(what_is_queued_goes_before_the_close)
{
    w.takes_packets = true;
    for (int i = 0; i < 50; i++) {
        ck_assert_int_eq(gdws_peer_send_text(world_server_peer(&w), "last words"), GDWS_OK);
    }
    ck_assert_int_eq(gdws_peer_close(world_server_peer(&w), 1000, NULL), GDWS_OK);
    ck_assert_int_eq(gdws_peer_send_text(world_server_peer(&w), "too late"), GDWS_UNAVAILABLE);
    ck_assert_int_eq(gdws_peer_close(world_server_peer(&w), 1000, NULL), GDWS_UNAVAILABLE);
    WAIT_FOR(&w, w.at_client.closed == 1);
    ck_assert_int_eq(w.at_client.data, 50);
    ck_assert_int_eq(w.at_client.code, 1000);
    ck_assert_str_eq(w.at_client.log + 51, "RX");
}
END_TEST

START_TEST(packets_stay_readable_after_the_close)
{
    const uint8_t *packet;
    size_t length;
    ck_assert_int_eq(gdws_peer_send_text(world_server_peer(&w), "one"), GDWS_OK);
    ck_assert_int_eq(gdws_peer_send_text(world_server_peer(&w), "two"), GDWS_OK);
    ck_assert_int_eq(gdws_peer_close(world_server_peer(&w), 1000, NULL), GDWS_OK);
    WAIT_FOR(&w, gdws_peer_get_ready_state(world_client_peer(&w)) == GDWS_STATE_CLOSED);
    ck_assert_int_eq(w.at_client.closed, 0);
    ck_assert_int_eq(gdws_peer_send_text(world_client_peer(&w), "x"), GDWS_UNAVAILABLE);
    ck_assert_int_eq(gdws_peer_get_packet(world_client_peer(&w), &packet, &length), GDWS_OK);
    ck_assert_str_eq((const char *)packet, "one");
    gdws_loop_poll(w.loop);
    ck_assert_int_eq(w.at_client.closed, 0);
    ck_assert_int_eq(gdws_peer_get_packet(world_client_peer(&w), &packet, &length), GDWS_OK);
    ck_assert_str_eq((const char *)packet, "two");
    ck_assert_int_eq(w.at_client.closed, 0);
    gdws_loop_poll(w.loop);
    ck_assert_int_eq(w.at_client.closed, 1);
    ck_assert_str_eq(w.at_client.log, "CddRX");
}
END_TEST

START_TEST(packets_that_nobody_takes_are_given_up_after_the_linger_time)
{
    ck_assert_int_eq(gdws_peer_send_text(world_server_peer(&w), "one"), GDWS_OK);
    ck_assert_int_eq(gdws_peer_close(world_server_peer(&w), 1000, NULL), GDWS_OK);
    uint64_t start = world_now_ms();
    WAIT_FOR(&w, w.at_client.closed == 1);
    ck_assert_uint_ge(world_now_ms() - start, 4900);
}
END_TEST

/* How a raw peer can go, and what is said of it. */
static void go_away(rawsock *raw, int how)
{
    static const char large[5000];
    switch (how) {
    case 0: /* in order */
        rawsock_send_frame(raw, 0x88, "\x03\xe8", 2, true);
        break;
    case 1:
        rawsock_end(raw);
        break;
    case 2:
        rawsock_send_frame(raw, 0x82, large, sizeof(large), true);
        break;
    case 3:
        rawsock_send_frame(raw, 0x81, "\xff", 1, true);
        break;
    case 4: /* does not answer ours */
        ck_assert_int_eq(gdws_peer_close(world_server_peer(&w), 1000, NULL), GDWS_OK);
        break;
    case 5: /* with a code that may not be sent */
        rawsock_send_frame(raw, 0x88, "\x03\xed", 2, true);
        break;
    case 6: /* does not answer pings */
        break;
    default:
        rawsock_send_frame(raw, 0x83, "", 0, true);
        break;
    }
}

START_TEST(the_end_of_a_connection_has_a_reason)
{
    static const char *const reasons[] = {"",
                                          "ended without a Close frame",
                                          "message too big",
                                          "text that is not UTF-8",
                                          "no answer to the Close frame",
                                          "a Close frame that is not in order",
                                          "no pong",
                                          NULL};
    rawsock raw;
    world_init_idle(&w);
    ck_assert_int_eq(gdws_server_set_inbound_buffer_size(w.server, 4096), GDWS_OK);
    ck_assert_int_eq(gdws_server_set_close_timeout_ms(w.server, 300), GDWS_OK);
    if (_i == 6) {
        ck_assert_int_eq(gdws_server_set_heartbeat(w.server, 50, 300), GDWS_OK);
    }
    world_listen(&w);
    rawsock_connect(&raw, w.loop, gdws_server_get_port(w.server));
    rawsock_upgrade(&raw);
    WAIT_FOR(&w, w.at_server.connected == 1);
    ck_assert_str_eq(gdws_peer_get_end_reason(world_server_peer(&w)), "");
    go_away(&raw, _i);
    WAIT_FOR(&w, w.at_server.closed == 1);
    ck_assert_int_eq(w.at_server.was_clean, _i == 0);
    ck_assert_msg(reasons[_i] != NULL ? strcmp(w.at_server.end_reason, reasons[_i]) == 0
                                      : w.at_server.end_reason[0] != '\0',
                  "%s", w.at_server.end_reason);
    rawsock_close(&raw);
    world_free(&w);
}
END_TEST

START_TEST(data_that_comes_before_the_answer_to_our_close_is_kept)
{
    rawsock raw;
    const uint8_t *packet;
    size_t length;
    rawsock_connect(&raw, w.loop, gdws_server_get_port(w.server));
    rawsock_upgrade(&raw);
    WAIT_FOR(&w, w.at_server.connected == 2);
    gdws_peer *peer = world_server_peer(&w);
    ck_assert_int_eq(gdws_peer_close(peer, 4000, "enough"), GDWS_OK);
    rawsock_expect_close(&raw, 4000);
    rawsock_send_frame(&raw, 0x81, "more", 4, true);
    rawsock_send_frame(&raw, 0x88,
                       "\x0f\xa1"
                       "answer",
                       8, true);
    WAIT_FOR(&w, gdws_peer_get_ready_state(peer) == GDWS_STATE_CLOSED);
    ck_assert_int_eq(gdws_peer_get_packet(peer, &packet, &length), GDWS_OK);
    ck_assert_str_eq((const char *)packet, "more");
    WAIT_FOR(&w, w.at_server.closed == 1);
    ck_assert(w.at_server.was_clean);
    ck_assert_int_eq(w.at_server.code, 4001);
    ck_assert_str_eq(w.at_server.reason, "answer");
    rawsock_close(&raw);
}
END_TEST

#define MESSAGES 30

/* A server with a raw peer for which much more waits than the kernel takes. */
static gdws_peer *fill(rawsock *raw, uint32_t close_timeout_ms)
{
    static uint8_t message[1 << 20];
    world_init_idle(&w);
    world_fill_with_noise(message, sizeof(message));
    ck_assert_int_eq(gdws_server_set_close_timeout_ms(w.server, close_timeout_ms), GDWS_OK);
    ck_assert_int_eq(gdws_server_set_outbound_buffer_size(w.server, 64u << 20), GDWS_OK);
    ck_assert_int_eq(gdws_server_set_heartbeat(w.server, 20, 60000), GDWS_OK);
    world_listen(&w);
    rawsock_connect(raw, w.loop, gdws_server_get_port(w.server));
    rawsock_upgrade(raw);
    WAIT_FOR(&w, w.at_server.connected == 1);
    gdws_peer *peer = world_server_peer(&w);
    for (int i = 0; i < MESSAGES; i++) {
        ck_assert_int_eq(gdws_peer_put_packet(peer, message, sizeof(message)), GDWS_OK);
    }
    uint64_t limit = world_now_ms() + 100;
    while (world_now_ms() < limit) {
        (void)gdws_loop_wait(w.loop, 5);
    }
    ck_assert_uint_gt(gdws_peer_get_current_outbound_buffered_amount(peer), 0);
    return peer;
}

/* Read what comes, slowly, until the Close frame. Returns how many messages came before it. */
static int read_slowly(rawsock *raw, int code)
{
    const uint8_t *payload;
    size_t length;
    int messages = 0;
    const gdws_peer *peer = world_server_peer(&w);
    int first = rawsock_read_frame(raw, &payload, &length);
    while (first != 0x88) {
        ck_assert(first == 0x82 || first == 0x89);
        messages += first == 0x82 ? 1 : 0;
        uint64_t limit = world_now_ms() + (uint64_t)world_scale(60, 300);
        while (w.at_server.closed == 0 &&
               gdws_peer_get_current_outbound_buffered_amount(peer) > 0 && world_now_ms() < limit) {
            (void)gdws_loop_wait(w.loop, 5);
        }
        first = rawsock_read_frame(raw, &payload, &length);
    }
    ck_assert_uint_eq(length, 2);
    ck_assert_int_eq(payload[0] << 8 | payload[1], code);
    return messages;
}

START_TEST(what_is_queued_goes_before_the_close_to_a_slow_reader_too)
{
    rawsock raw;
    gdws_peer *peer = fill(&raw, (uint32_t)world_scale(600, 3000));
    ck_assert_int_eq(gdws_peer_close(peer, 4000, ""), GDWS_OK);
    ck_assert_int_eq(read_slowly(&raw, 4000), MESSAGES);
    rawsock_send_frame(&raw, 0x88, "\x0f\xa0", 2, true);
    WAIT_FOR(&w, w.at_server.closed == 1);
    ck_assert(w.at_server.was_clean);
    rawsock_close(&raw);
    world_free(&w);
}
END_TEST

/* Where libwebsockets frames, it answers a Close at once. */
START_TEST(nothing_follows_the_answer_to_a_close)
{
    rawsock raw;
    (void)fill(&raw, 60000);
    rawsock_send_frame(&raw, 0x88, "\x0f\xa0", 2, true);
    WAIT_FOR(&w, w.at_server.close_requests == 1);
    ck_assert_int_eq(read_slowly(&raw, 4000), MESSAGES);
    rawsock_wait_for_end(&raw, WORLD_LIMIT_MS);
    ck_assert_uint_eq(raw.length, 0);
    WAIT_FOR(&w, w.at_server.closed == 1);
    rawsock_close(&raw);
    world_free(&w);
}
END_TEST

#define STEADY_TOTAL (5u << 20)

/* Read steadily, a little each time, until the end or until so much has come. A socket becomes
 * writable much more rarely than that. Returns how much has come. */
static size_t read_steadily(const rawsock *raw, size_t most)
{
    static uint8_t bytes[100000];
    size_t total = 0;
    ssize_t got = 1;
    uint64_t next = world_now_ms();
    while (total < most && got != 0) {
        uint64_t limit = next + WORLD_LIMIT_MS;
        do {
            (void)gdws_loop_wait(w.loop, 5);
            got = world_now_ms() >= next ? recv(raw->descriptor, bytes, sizeof(bytes), MSG_DONTWAIT)
                                         : -1;
            ck_assert(world_now_ms() < limit);
        } while (got < 0);
        total += (size_t)got;
        next += 50;
    }
    return total;
}

static gdws_peer *begin_steadily(rawsock *raw)
{
    static uint8_t message[STEADY_TOTAL];
    int small = 65536;
    world_fill_with_noise(message, sizeof(message));
    ck_assert_int_eq(gdws_server_set_outbound_buffer_size(w.server, 64u << 20), GDWS_OK);
    world_listen(&w);
    rawsock_connect(raw, w.loop, gdws_server_get_port(w.server));
    ck_assert_int_eq(setsockopt(raw->descriptor, SOL_SOCKET, SO_RCVBUF, &small, sizeof(small)), 0);
    rawsock_upgrade(raw);
    WAIT_FOR(&w, w.at_server.connected == 1);
    gdws_peer *peer = world_server_peer(&w);
    ck_assert_int_eq(gdws_peer_put_packet(peer, message, sizeof(message)), GDWS_OK);
    return peer;
}

START_TEST(a_steady_reader_is_waited_for_however_long_it_takes)
{
    rawsock raw;
    world_init_idle(&w);
    ck_assert_int_eq(gdws_server_set_close_timeout_ms(w.server, (uint32_t)world_scale(200, 2000)),
                     GDWS_OK);
    gdws_peer *peer = begin_steadily(&raw);
    ck_assert_int_eq(gdws_peer_close(peer, 4000, ""), GDWS_OK);
    ck_assert_uint_ge(read_steadily(&raw, STEADY_TOTAL), STEADY_TOTAL);
    WAIT_FOR(&w, w.at_server.closed == 1);
    ck_assert_str_eq(w.at_server.end_reason, "no answer to the Close frame");
    rawsock_close(&raw);
    world_free(&w);
}
END_TEST

/* Its pongs are behind what it has still to read. */
START_TEST(a_steady_reader_is_no_dead_peer)
{
    rawsock raw;
    world_init_idle(&w);
    uint32_t interval = (uint32_t)world_scale(50, 1000);
    ck_assert_int_eq(gdws_server_set_heartbeat(w.server, interval, 4 * interval), GDWS_OK);
    (void)begin_steadily(&raw);
    ck_assert_uint_ge(read_steadily(&raw, STEADY_TOTAL - 200000), STEADY_TOTAL - 200000);
    ck_assert_int_eq(w.at_server.closed, 0);
    WAIT_FOR(&w, w.at_server.closed == 1);
    ck_assert_str_eq(w.at_server.end_reason, "no pong");
    rawsock_close(&raw);
    world_free(&w);
}
END_TEST

/* It has ended its half of TCP, and still listens. */
START_TEST(who_ends_its_half_hears_what_is_queued_and_the_close)
{
    rawsock raw;
    bool is_ours = _i == 1;
    gdws_peer *peer = fill(&raw, (uint32_t)world_scale(600, 3000));
    if (is_ours) {
        ck_assert_int_eq(gdws_peer_close(peer, 4000, ""), GDWS_OK);
    } else {
        rawsock_send_frame(&raw, 0x88, "\x0f\xa0", 2, true);
    }
    rawsock_end(&raw);
    ck_assert_int_eq(read_slowly(&raw, 4000), MESSAGES);
    WAIT_FOR(&w, w.at_server.closed == 1);
    ck_assert_int_eq(w.at_server.was_clean, !is_ours);
    rawsock_close(&raw);
    world_free(&w);
}
END_TEST

/* What our Close frame was to follow did not go out. */
START_TEST(an_end_without_our_close_is_not_clean)
{
    rawsock raw;
    (void)fill(&raw, 200);
    rawsock_send_frame(&raw, 0x88, "\x0f\xa0", 2, true);
    WAIT_FOR(&w, w.at_server.closed == 1);
    ck_assert_int_eq(w.at_server.close_requests, 1);
    ck_assert(!w.at_server.was_clean);
    ck_assert_str_eq(w.at_server.end_reason, "the other side takes nothing");
    rawsock_close(&raw);
    world_free(&w);
}
END_TEST

START_TEST(who_says_close_and_does_not_read_is_not_waited_for)
{
    rawsock raw;
    (void)fill(&raw, 200);
    rawsock_send_frame(&raw, 0x88, "\x0f\xa0", 2, true);
    WAIT_FOR(&w, w.at_server.closed == 1);
    ck_assert_int_eq(w.at_server.close_requests, 1);
    rawsock_close(&raw);
    world_free(&w);
}
END_TEST

START_TEST(bad_codes_and_reasons_change_nothing)
{
    static const int codes[] = {-1,   0,    1,    999,  1004, 1005,  1006,
                                1015, 1016, 2000, 2999, 5000, 65536, 70000};
    char long_reason[125];
    memset(long_reason, 'x', sizeof(long_reason));
    long_reason[124] = '\0';
    for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++) {
        ck_assert_int_eq(gdws_peer_close(world_client_peer(&w), codes[i], ""),
                         GDWS_INVALID_PARAMETER);
        ck_assert_int_eq(gdws_client_disconnect_from_host(w.client, codes[i], ""),
                         GDWS_INVALID_PARAMETER);
    }
    ck_assert_int_eq(gdws_peer_close(world_client_peer(&w), 1000, long_reason),
                     GDWS_INVALID_PARAMETER);
    ck_assert_int_eq(gdws_peer_close(world_client_peer(&w), 1000, "\xff"), GDWS_INVALID_PARAMETER);
    ck_assert_int_eq(gdws_server_disconnect_peer(w.server, 1, 1000, ""), GDWS_DOES_NOT_EXIST);
    ck_assert_int_eq(gdws_peer_get_ready_state(world_client_peer(&w)), GDWS_STATE_OPEN);
    long_reason[123] = '\0';
    ck_assert_int_eq(gdws_peer_close(world_client_peer(&w), 1000, long_reason), GDWS_OK);
    WAIT_FOR(&w, w.at_server.closed == 1);
    ck_assert_str_eq(w.at_server.reason, long_reason);
    WAIT_FOR(&w, w.at_client.closed == 1);
}
END_TEST

START_TEST(both_may_close_at_once)
{
    ck_assert_int_eq(gdws_client_disconnect_from_host(w.client, 4001, "a"), GDWS_OK);
    ck_assert_int_eq(gdws_server_disconnect_peer(w.server, w.at_server.id, 4002, "b"), GDWS_OK);
    WAIT_FOR(&w, w.at_client.closed == 1 && w.at_server.closed == 1);
    ck_assert(w.at_server.was_clean);
    ck_assert(w.at_client.was_clean);
    ck_assert_int_eq(w.at_server.code, 4001);
    ck_assert_int_eq(w.at_client.code, 4002);
}
END_TEST

START_TEST(a_client_connects_again_after_the_end)
{
    for (int i = 0; i < 5; i++) {
        ck_assert_int_eq(gdws_client_connect_to_url(w.client, "ws://127.0.0.1:1"),
                         GDWS_ALREADY_IN_USE);
        ck_assert_int_eq(gdws_client_disconnect_from_host(w.client, 1000, ""), GDWS_OK);
        WAIT_FOR(&w, w.at_client.closed == i + 1);
        world_connect(&w);
    }
}
END_TEST

START_TEST(stop_tells_each_peer_and_the_server_may_listen_again)
{
    uint16_t port = gdws_server_get_port(w.server);
    gdws_server_stop(w.server);
    ck_assert(!gdws_server_is_listening(w.server));
    ck_assert_int_eq(w.at_server.closed, 0);
    ck_assert_int_eq(gdws_server_listen(w.server, port), GDWS_OK);
    WAIT_FOR(&w, w.at_server.closed == 1 && w.at_client.closed == 1);
    ck_assert_int_eq(w.at_client.code, 1001);
    ck_assert(!gdws_server_has_peer(w.server, w.at_server.id));
    world_connect(&w);
}
END_TEST

Suite *closing_suite(void)
{
    Suite *suite = suite_create("closing");
    TCase *tests = tcase_create("closing");
    tcase_set_timeout(tests, 60);
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_test(tests, client_closes_with_code_and_reason);
    tcase_add_test(tests, server_closes_with_code_and_reason);
    tcase_add_test(tests, what_is_queued_goes_before_the_close);
    tcase_add_test(tests, packets_stay_readable_after_the_close);
    tcase_add_test(tests, packets_that_nobody_takes_are_given_up_after_the_linger_time);
    tcase_add_test(tests, data_that_comes_before_the_answer_to_our_close_is_kept);
    tcase_add_test(tests, bad_codes_and_reasons_change_nothing);
    tcase_add_test(tests, both_may_close_at_once);
    tcase_add_test(tests, a_client_connects_again_after_the_end);
    tcase_add_test(tests, stop_tells_each_peer_and_the_server_may_listen_again);
    suite_add_tcase(suite, tests);
    tests = tcase_create("reasons");
    /* libwebsockets does not tell of all that breaks a rule. */
    tcase_add_loop_test(tests, the_end_of_a_connection_has_a_reason, 0,
                        world_is_fallback() ? 5 : 8);
    suite_add_tcase(suite, tests);
    tests = tcase_create("slow readers");
    tcase_set_timeout(tests, 60);
    /* libwebsockets does not tell of parts of a frame that go. */
    if (!world_is_fallback()) {
        tcase_add_test(tests, what_is_queued_goes_before_the_close_to_a_slow_reader_too);
        tcase_add_test(tests, nothing_follows_the_answer_to_a_close);
        tcase_add_loop_test(tests, who_ends_its_half_hears_what_is_queued_and_the_close, 0, 2);
        tcase_add_test(tests, an_end_without_our_close_is_not_clean);
        tcase_add_test(tests, a_steady_reader_is_waited_for_however_long_it_takes);
        tcase_add_test(tests, a_steady_reader_is_no_dead_peer);
    }
    tcase_add_test(tests, who_says_close_and_does_not_read_is_not_waited_for);
    suite_add_tcase(suite, tests);
    return suite;
}
