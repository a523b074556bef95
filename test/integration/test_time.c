/* SPDX-License-Identifier: MIT */
/* Time: peers that vanish are noticed, and what came in time counts although the program polls
 * late. */
#include <signal.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "rawsock.h"
#include "runtests.h"
#include "server.h"
#include "world.h"

/* Longer than the deadlines of the tests that stall for it. */
#define LONG_FRAME_MS 300

START_TEST(a_peer_that_is_stopped_is_noticed_by_the_heartbeat)
{
    world w;
    int port_pipe[2];
    world_init_idle(&w);
    ck_assert_int_eq(gdws_server_set_heartbeat(w.server, 100, 300), GDWS_OK);
    world_listen(&w);
    ck_assert_int_eq(pipe(port_pipe), 0);
    uint16_t port = gdws_server_get_port(w.server);
    pid_t child = fork();
    if (child == 0) {
        char url[64];
        gdws_client *client = gdws_client_new(NULL);
        world_prepare_client(client);
        (void)snprintf(url, sizeof(url), "%s://127.0.0.1:%u", world_scheme(), port);
        (void)gdws_client_connect_to_url(client, url);
        for (;;) {
            (void)gdws_client_wait(client, -1);
        }
    }
    WAIT_FOR(&w, w.at_server.connected == 1);
    WAIT_FOR(&w, gdws_peer_get_round_trip_time_ms(world_server_peer(&w)) >= 0);
    ck_assert_uint_eq(gdws_peer_get_heartbeat_interval_ms(world_server_peer(&w)), 100);
    ck_assert_int_eq(kill(child, SIGSTOP), 0);
    uint64_t start = world_now_ms();
    WAIT_FOR(&w, w.at_server.closed == 1);
    uint64_t elapsed = world_now_ms() - start;
    ck_assert(!w.at_server.was_clean);
    ck_assert_uint_ge(elapsed, 200);
    ck_assert_uint_le(elapsed, (uint64_t)world_scale(700, 3000));
    (void)kill(child, SIGKILL);
    (void)waitpid(child, NULL, 0);
    (void)close(port_pipe[0]);
    (void)close(port_pipe[1]);
    world_free(&w);
}
END_TEST

static void answer_now(rawsock *raw, uint8_t first, const void *payload, size_t length)
{
    uint8_t frame[160];
    size_t size = rawsock_frame(frame, first, payload, length, true);
    ck_assert_int_gt(rawsock_try_send(raw, frame, size), 0);
}

START_TEST(a_pong_that_came_in_time_counts_after_a_long_frame)
{
    world w;
    rawsock raw;
    const uint8_t *payload;
    size_t length;
    world_init_idle(&w);
    ck_assert_int_eq(gdws_server_set_heartbeat(w.server, 50, 100), GDWS_OK);
    world_listen(&w);
    rawsock_connect(&raw, w.loop, gdws_server_get_port(w.server));
    rawsock_upgrade(&raw);
    for (int i = 0; i < 3; i++) {
        ck_assert_int_eq(rawsock_read_frame(&raw, &payload, &length), 0x89);
        answer_now(&raw, 0x8a, payload, length);
        world_stall(LONG_FRAME_MS);
    }
    ck_assert_int_eq(rawsock_read_frame(&raw, &payload, &length), 0x89);
    ck_assert_int_eq(w.at_server.closed, 0);
    rawsock_close(&raw);
    world_free(&w);
}
END_TEST

START_TEST(an_answer_to_a_close_that_came_in_time_counts_after_a_long_frame)
{
    world w;
    rawsock raw;
    world_init_idle(&w);
    ck_assert_int_eq(gdws_server_set_close_timeout_ms(w.server, 100), GDWS_OK);
    world_listen(&w);
    rawsock_connect(&raw, w.loop, gdws_server_get_port(w.server));
    rawsock_upgrade(&raw);
    WAIT_FOR(&w, w.at_server.connected == 1);
    ck_assert_int_eq(gdws_peer_close(world_server_peer(&w), 4000, ""), GDWS_OK);
    rawsock_expect_close(&raw, 4000);
    answer_now(&raw, 0x88, "\x0f\xa0", 2);
    world_stall(LONG_FRAME_MS);
    WAIT_FOR(&w, w.at_server.closed == 1);
    ck_assert(w.at_server.was_clean);
    ck_assert_int_eq(w.at_server.code, 4000);
    rawsock_close(&raw);
    world_free(&w);
}
END_TEST

START_TEST(a_request_that_came_in_time_counts_after_a_long_frame)
{
    static const char request[] = "GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\n"
                                  "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
                                  "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
    world w;
    rawsock raw;
    char answer[1024];
    int timeout_ms = world_scale(300, 3000);
    world_init_idle(&w);
    ck_assert_int_eq(gdws_server_set_handshake_timeout_ms(w.server, (uint32_t)timeout_ms), GDWS_OK);
    world_listen(&w);
    rawsock_connect(&raw, w.loop, gdws_server_get_port(w.server));
    WAIT_FOR(&w, w.server->links != NULL);
    ck_assert_int_gt(rawsock_try_send(&raw, request, sizeof(request) - 1), 0);
    world_stall((uint64_t)timeout_ms + 100);
    rawsock_read_headers(&raw, answer, sizeof(answer));
    WAIT_FOR(&w, w.at_server.connected == 1);
    rawsock_close(&raw);
    world_free(&w);
}
END_TEST

/* While their timers run the clock must stand still: what one sets would come due before the last
 * has run, and the pass would not end. */
START_TEST(many_whose_time_is_up_at_once_do_not_hold_up_the_loop)
{
    enum { MOST = 9000, TIMEOUT_MS = 3000 };
    static rawsock raws[MOST];
    int count = world_scale(MOST, 300);
    struct rlimit limit;
    world w;
    ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &limit), 0);
    limit.rlim_cur = limit.rlim_max;
    (void)setrlimit(RLIMIT_NOFILE, &limit);
    if (limit.rlim_cur < 2 * (rlim_t)count + 200) {
        count = ((int)limit.rlim_cur - 200) / 2;
        (void)printf("only %d connections: the limit on descriptors is %d\n", count,
                     (int)limit.rlim_cur);
    }
    world_init_idle(&w);
    ck_assert_int_eq(gdws_server_set_handshake_timeout_ms(w.server, TIMEOUT_MS), GDWS_OK);
    world_listen(&w);
    for (int i = 0; i < count; i++) {
        rawsock_connect_plain(&raws[i], w.loop, gdws_server_get_port(w.server));
        if (i % 100 == 0 || i == count - 1) {
            (void)gdws_loop_poll(w.loop);
        }
    }
    world_stall(TIMEOUT_MS + 500);
    uint64_t start = world_now_ms();
    ck_assert_int_eq(gdws_loop_poll(w.loop), GDWS_OK);
    WAIT_FOR(&w, w.server->links == NULL);
    ck_assert_uint_lt(world_now_ms() - start, WORLD_LIMIT_MS);
    for (int i = 0; i < count; i++) {
        rawsock_close(&raws[i]);
    }
    world_free(&w);
}
END_TEST

static void close_slowly(void *user)
{
    world *w = user;
    world_stall((uint64_t) * (int *)w->extra + 100);
    ck_assert_int_eq(gdws_peer_close(world_server_peer(w), 4000, ""), GDWS_OK);
}

START_TEST(a_slow_signal_takes_no_time_off_what_it_begins)
{
    world w;
    rawsock raw;
    int timeout_ms = world_scale(300, 3000);
    world_init_idle(&w);
    w.extra = &timeout_ms;
    w.at_server.on_data = close_slowly;
    ck_assert_int_eq(gdws_server_set_close_timeout_ms(w.server, (uint32_t)timeout_ms), GDWS_OK);
    world_listen(&w);
    rawsock_connect(&raw, w.loop, gdws_server_get_port(w.server));
    rawsock_upgrade(&raw);
    rawsock_send_frame(&raw, 0x82, "x", 1, true);
    rawsock_expect_close(&raw, 4000);
    uint64_t limit = world_now_ms() + 50;
    while (world_now_ms() < limit) {
        (void)gdws_loop_wait(w.loop, 5);
    }
    rawsock_send_frame(&raw, 0x88, "\x0f\xa0", 2, true);
    WAIT_FOR(&w, w.at_server.closed == 1);
    ck_assert(w.at_server.was_clean);
    rawsock_close(&raw);
    world_free(&w);
}
END_TEST

START_TEST(a_peer_that_we_do_not_read_is_not_timed_out)
{
    world w;
    world_init_idle(&w);
    ck_assert_int_eq(gdws_server_set_heartbeat(w.server, 50, 100), GDWS_OK);
    ck_assert_int_eq(gdws_server_set_max_queued_packets(w.server, 1), GDWS_OK);
    world_listen(&w);
    world_connect(&w);
    for (int i = 0; i < 5; i++) {
        ck_assert_int_eq(gdws_peer_send_text(world_client_peer(&w), "x"), GDWS_OK);
    }
    uint64_t limit = world_now_ms() + 500;
    while (world_now_ms() < limit) {
        (void)gdws_loop_wait(w.loop, 20);
    }
    ck_assert_int_eq(w.at_server.closed, 0);
    ck_assert_uint_eq(gdws_peer_get_available_packet_count(world_server_peer(&w)), 1);
    w.takes_packets = true;
    const uint8_t *packet;
    size_t length;
    ck_assert_int_eq(gdws_peer_get_packet(world_server_peer(&w), &packet, &length), GDWS_OK);
    WAIT_FOR(&w, w.at_server.data == 5);
    world_free(&w);
}
END_TEST

START_TEST(a_paused_peer_with_unread_input_costs_nothing)
{
    world w;
    static uint8_t bytes[50000];
    world_init_idle(&w);
    ck_assert_int_eq(gdws_server_set_max_queued_packets(w.server, 1), GDWS_OK);
    world_listen(&w);
    world_connect(&w);
    for (int i = 0; i < 10; i++) {
        ck_assert_int_eq(gdws_peer_put_packet(world_client_peer(&w), bytes, sizeof(bytes)),
                         GDWS_OK);
    }
    WAIT_FOR(&w, w.at_server.data == 1);
    uint64_t limit = world_now_ms() + WORLD_LIMIT_MS;
    while (gdws_loop_wait(w.loop, 100) == GDWS_OK) {
        ck_assert_msg(world_now_ms() < limit, "the loop spins");
    }
    ck_assert_int_eq(gdws_loop_wait(w.loop, 100), GDWS_TIMEOUT);
    ck_assert_uint_eq(gdws_peer_get_available_packet_count(world_server_peer(&w)), 1);
    world_free(&w);
}
END_TEST

START_TEST(a_handshake_that_never_ends_is_cut_off)
{
    world w;
    rawsock raw;
    world_init_idle(&w);
    ck_assert_int_eq(gdws_server_set_handshake_timeout_ms(w.server, 200), GDWS_OK);
    world_listen(&w);
    rawsock_connect(&raw, w.loop, gdws_server_get_port(w.server));
    rawsock_send(&raw, "GET / HTTP/1.1\r\n", 16, 0);
    rawsock_wait_for_end(&raw, (uint64_t)world_scale(1000, 5000));
    rawsock_close(&raw);
    world_free(&w);
}
END_TEST

START_TEST(a_close_that_is_never_answered_ends_after_the_close_timeout)
{
    world w;
    rawsock raw;
    world_init_idle(&w);
    ck_assert_int_eq(gdws_server_set_close_timeout_ms(w.server, 200), GDWS_OK);
    world_listen(&w);
    rawsock_connect(&raw, w.loop, gdws_server_get_port(w.server));
    rawsock_upgrade(&raw);
    WAIT_FOR(&w, w.at_server.connected == 1);
    ck_assert_int_eq(gdws_peer_close(world_server_peer(&w), 1000, ""), GDWS_OK);
    rawsock_expect_close(&raw, 1000);
    rawsock_wait_for_end(&raw, (uint64_t)world_scale(1000, 5000));
    WAIT_FOR(&w, w.at_server.closed == 1);
    ck_assert(!w.at_server.was_clean);
    ck_assert_int_eq(w.at_server.close_requests, 0);
    rawsock_close(&raw);
    world_free(&w);
}
END_TEST

Suite *time_suite(void)
{
    Suite *suite = suite_create("time");
    TCase *tests = tcase_create("time");
    tcase_set_timeout(tests, 60);
    tcase_add_test(tests, a_peer_that_is_stopped_is_noticed_by_the_heartbeat);
    if (!world_is_cut()) {
        tcase_add_test(tests, a_pong_that_came_in_time_counts_after_a_long_frame);
        tcase_add_test(tests, an_answer_to_a_close_that_came_in_time_counts_after_a_long_frame);
        tcase_add_test(tests, a_request_that_came_in_time_counts_after_a_long_frame);
    }
    tcase_add_test(tests, many_whose_time_is_up_at_once_do_not_hold_up_the_loop);
    tcase_add_test(tests, a_slow_signal_takes_no_time_off_what_it_begins);
    tcase_add_test(tests, a_peer_that_we_do_not_read_is_not_timed_out);
    tcase_add_test(tests, a_paused_peer_with_unread_input_costs_nothing);
    tcase_add_test(tests, a_handshake_that_never_ends_is_cut_off);
    tcase_add_test(tests, a_close_that_is_never_answered_ends_after_the_close_timeout);
    suite_add_tcase(suite, tests);
    return suite;
}
