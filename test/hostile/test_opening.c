/* SPDX-License-Identifier: MIT */
/* Hostile openings: what comes to a gdws server before a WebSocket is open. */
#include <string.h>
#include <sys/socket.h>

#include "cases.h"
#include "runtests.h"
#include "server.h"

static world w;

static void set_up(void)
{
    world_init(&w);
    w.takes_packets = true;
}

static void tear_down(void)
{
    world_free(&w);
}

static const struct {
    const char *name;
    const char *request;
    const char *answer; /* how it begins; "" for none at all */
} requests[] = {
    {"plain", "GET / HTTP/1.1\r\nHost: a\r\n\r\n", "HTTP/1.1 426 "},
    {"no key",
     "GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
     "Sec-WebSocket-Version: 13\r\n\r\n",
     "HTTP/1.1 400 "},
    {"short key",
     "GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
     "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: YQ==\r\n\r\n",
     "HTTP/1.1 400 "},
    {"version 8",
     "GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
     "Sec-WebSocket-Version: 8\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
     "HTTP/1.1 426 "},
    {"no version",
     "GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
     "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
     "HTTP/1.1 426 "},
    {"any case",
     "GET / HTTP/1.1\r\nhost: a\r\nUPGRADE: WebSocket\r\nconnection: keep-alive, UPGRADE\r\n"
     "sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
     "HTTP/1.1 101 "},
    {"garbage", "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", ""},
};

START_TEST(a_request_is_answered)
{
    rawsock one;
    rawsock_connect(&one, w.loop, gdws_server_get_port(w.server));
    rawsock_send(&one, requests[_i].request, strlen(requests[_i].request), 0);
    size_t length = strlen(requests[_i].answer);
    if (length > 0) {
        rawsock_wait_for(&one, length);
        ck_assert_msg(one.length >= length && memcmp(one.bytes, requests[_i].answer, length) == 0,
                      "%s: %.*s", requests[_i].name, (int)one.length, (char *)one.bytes);
    }
    if (strstr(requests[_i].answer, "101") == NULL) {
        rawsock_wait_for_end(&one, (uint64_t)world_scale(4000, 9000));
    }
    rawsock_close(&one);
    world_connect(&w);
}
END_TEST

static int count_links(void)
{
    int count = 0;
    for (const gdwsi_link *link = w.server->links; link != NULL; link = link->next) {
        count++;
    }
    return count;
}

/* Connect and disconnect a client. Returns how long connecting took. */
static uint64_t visit(void)
{
    int closed = w.at_client.closed;
    uint64_t start = world_now_ms();
    world_connect(&w);
    uint64_t took = world_now_ms() - start;
    ck_assert_int_eq(gdws_client_disconnect_from_host(w.client, 1000, ""), GDWS_OK);
    WAIT_FOR(&w, w.at_client.closed > closed);
    return took;
}

/* 2,000 connections send a byte a second each, one after the other: a new client does not wait for
 * them, and at the handshake timeout they are gone. */
START_TEST(half_open_connections_hold_nobody_up_and_end)
{
    enum { MOST = 2000 };
    static rawsock idle[MOST];
    static const char request[] = "GET / HTTP/1.1\r\nX: ";
    const int count = world_scale(MOST, 100);
    gdws_server_stop(w.server);
    uint32_t timeout_ms = (uint32_t)world_scale(3000, 8000);
    ck_assert_int_eq(gdws_server_set_handshake_timeout_ms(w.server, timeout_ms), GDWS_OK);
    WAIT_FOR(&w, gdws_server_listen(w.server, 0) == GDWS_OK);
    for (int i = 0; i < count; i++) {
        rawsock_connect(&idle[i], w.loop, gdws_server_get_port(w.server));
    }
    WAIT_FOR(&w, count_links() == count);
    uint64_t start = world_now_ms();
    int slow = 0;
    int visits = 0;
    size_t sent = 0;
    while (world_now_ms() - start < timeout_ms / 2) {
        size_t due = (size_t)(world_now_ms() - start) * (size_t)count / 1000;
        for (; sent < due; sent++) {
            size_t place = sent / (size_t)count;
            ck_assert_int_eq(
                send(idle[sent % (size_t)count].descriptor, request + place, 1, MSG_NOSIGNAL), 1);
        }
        uint64_t took = visit();
        slow += took > (uint64_t)world_scale(100, 2000) ? 1 : 0;
        visits++;
    }
    ck_assert_int_gt(visits, 2);
    /* A busy machine delays some of them; what the server does wrong would delay them all. */
    ck_assert_int_lt(2 * slow, visits);
    for (int i = 0; i < count; i++) {
        rawsock_wait_for_end(&idle[i], 2ull * timeout_ms);
        ck_assert_uint_eq(idle[i].length, 0);
        rawsock_close(&idle[i]);
    }
    ck_assert_uint_ge(world_now_ms() - start, timeout_ms - 1000);
    WAIT_FOR(&w, w.server->links == NULL);
    world_connect(&w);
}
END_TEST

START_TEST(frames_right_behind_the_request_are_not_lost)
{
    uint8_t bytes[512];
    char answer[1024];
    rawsock one;
    static const char request[] = "GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\n"
                                  "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
                                  "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
    size_t length = sizeof(request) - 1;
    memcpy(bytes, request, length);
    length += rawsock_frame(bytes + length, 0x81, "early", 5, true);
    rawsock_connect(&one, w.loop, gdws_server_get_port(w.server));
    rawsock_send(&one, bytes, length, 0);
    rawsock_read_headers(&one, answer, sizeof(answer));
    WAIT_FOR(&w, w.at_server.data == 1);
    rawsock_close(&one);
}
END_TEST

Suite *opening_suite(void)
{
    Suite *suite = suite_create("opening");
    TCase *tests = tcase_create("opening");
    tcase_set_timeout(tests, 60);
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_loop_test(tests, a_request_is_answered, 0,
                        (int)(sizeof(requests) / sizeof(requests[0])));
    /* Over TLS there is a test of its own: connections that never begin with it. */
    if (!world_is_secure()) {
        tcase_add_test(tests, half_open_connections_hold_nobody_up_and_end);
    }
    tcase_add_test(tests, frames_right_behind_the_request_are_not_lost);
    suite_add_tcase(suite, tests);
    return suite;
}
