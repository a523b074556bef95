/* SPDX-License-Identifier: MIT */
/* Who comes in: the program's admission, limits, and what is known of a peer afterwards. */
#include <stdio.h>
#include <string.h>

#include "rawsock.h"
#include "request.h"
#include "runtests.h"
#include "server.h"
#include "world.h"

#define UPGRADE                                                                                    \
    "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"                   \
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"

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

/* What the admission is to do, and what it has seen. */
static struct {
    bool is_welcome;
    int status;
    const char *text;
    void (*act)(gdws_server *server);
    int asked;
    char path[256];
    char query[256];
    char token[256];
    char address[64];
    char origin[64];
    uint16_t port;
    size_t protocols;
    char second[64];
    bool has_nothing;
} plan;

static bool admit(gdws_server *server, gdws_request *request, void *user)
{
    const char *const *protocols;
    ck_assert_ptr_eq(user, &plan);
    plan.asked++;
    plan.protocols = gdws_request_get_protocols(request, &protocols);
    (void)snprintf(plan.path, sizeof(plan.path), "%s", gdws_request_get_path(request));
    (void)snprintf(plan.query, sizeof(plan.query), "%s", gdws_request_get_query(request));
    (void)snprintf(plan.address, sizeof(plan.address), "%s", gdws_request_get_address(request));
    (void)snprintf(plan.second, sizeof(plan.second), "%s", plan.protocols > 1 ? protocols[1] : "");
    const char *token = gdws_request_get_header(request, "AUTHORIZATION");
    (void)snprintf(plan.token, sizeof(plan.token), "%s", token != NULL ? token : "(none)");
    const char *origin = gdws_request_get_header(request, "origin");
    (void)snprintf(plan.origin, sizeof(plan.origin), "%s", origin != NULL ? origin : "(none)");
    plan.port = gdws_request_get_port(request);
    plan.has_nothing = gdws_request_get_header(request, "X-Not-There") == NULL &&
                       gdws_request_get_header(request, "") == NULL &&
                       gdws_request_get_certificate_subject(request) == NULL;
    if (plan.status != 0) {
        ck_assert_int_eq(gdws_request_set_refusal(request, plan.status, plan.text), GDWS_OK);
    }
    if (plan.act != NULL) {
        plan.act(server);
    }
    return plan.is_welcome;
}

static void set_plan(bool is_welcome, int status, const char *text)
{
    memset(&plan, 0, sizeof(plan));
    plan.is_welcome = is_welcome;
    plan.status = status;
    plan.text = text;
    ck_assert_int_eq(gdws_server_set_admission(w.server, admit, &plan), GDWS_OK);
}

/* Send a request; the answer's head and body, as far as it comes before the end or the limit. */
static void ask(rawsock *raw, const char *request, char *answer, size_t size)
{
    rawsock_connect(raw, w.loop, gdws_server_get_port(w.server));
    rawsock_send(raw, request, strlen(request), 0);
    rawsock_read_headers(raw, answer, size);
}

START_TEST(an_admission_sees_the_request_and_the_peer_knows_it_later)
{
    static const char request[] =
        "GET /room/7%20b?user=a&x=/?y HTTP/1.1\r\nHost: game.example:81\r\n"
        "Authorization: Bearer 123\r\nOrigin: http://page.example\r\nX-Empty:\r\n"
        "Sec-WebSocket-Protocol: one, two\r\nSec-WebSocket-Protocol: three\r\n" UPGRADE "\r\n";
    char answer[2048];
    rawsock raw;
    set_plan(true, 0, NULL);
    ask(&raw, request, answer, sizeof(answer));
    ck_assert_msg(strncmp(answer, "HTTP/1.1 101 ", 13) == 0, "%s", answer);
    ck_assert_int_eq(plan.asked, 1);
    /* libwebsockets has decoded it where it shakes hands. */
    ck_assert_str_eq(plan.path, world_is_fallback() ? "/room/7 b" : "/room/7%20b");
    ck_assert_str_eq(plan.query, "user=a&x=/?y");
    ck_assert_str_eq(plan.token, "Bearer 123");
    ck_assert_str_eq(plan.origin, "http://page.example");
    ck_assert_str_eq(plan.address, "127.0.0.1");
    ck_assert_uint_ne(plan.port, 0);
    ck_assert(plan.has_nothing);
    if (!world_is_fallback()) {
        ck_assert_uint_eq(plan.protocols, 3);
    }
    ck_assert_str_eq(plan.second, "two");
    WAIT_FOR(&w, w.at_server.connected == 1);
    const gdws_peer *peer = world_server_peer(&w);
    char url[128];
    (void)snprintf(url, sizeof(url), "%s://game.example:81/room/7%sb?user=a&x=/?y", world_scheme(),
                   world_is_fallback() ? " " : "%20");
    ck_assert_str_eq(gdws_peer_get_requested_url(peer), url);
    ck_assert_str_eq(gdws_peer_get_request_header(peer, "authorization"), "Bearer 123");
    ck_assert_str_eq(gdws_peer_get_request_header(peer, "Host"), "game.example:81");
    ck_assert_ptr_null(gdws_peer_get_request_header(peer, "Sec-WebSocket-Key"));
    ck_assert_ptr_null(gdws_peer_get_request_header(peer, "Connection"));
    ck_assert_ptr_null(gdws_peer_get_request_header(peer, "Bearer 123"));
    ck_assert_ptr_null(gdws_peer_get_request_header(peer, NULL));
    if (!world_is_fallback()) {
        ck_assert_str_eq(gdws_peer_get_request_header(peer, "X-EMPTY"), "");
    }
    ck_assert_uint_eq(gdws_peer_get_connected_port(peer), plan.port);
    rawsock_close(&raw);
}
END_TEST

START_TEST(lines_of_one_name_are_one_value)
{
    static const char request[] =
        "GET / HTTP/1.1\r\nHost: a\r\nX-For: a\r\nCookie: a=1\r\n"
        "x-for: b\r\nX-Other: z\r\nCOOKIE: b=2\r\nX-FOR:\r\n" UPGRADE "\r\n";
    char answer[2048];
    rawsock raw;
    if (world_is_fallback()) {
        return; /* libwebsockets' own joining */
    }
    ask(&raw, request, answer, sizeof(answer));
    WAIT_FOR(&w, w.at_server.connected == 1);
    const gdws_peer *peer = world_server_peer(&w);
    ck_assert_str_eq(gdws_peer_get_request_header(peer, "X-For"), "a, b, ");
    ck_assert_str_eq(gdws_peer_get_request_header(peer, "cookie"), "a=1; b=2");
    ck_assert_str_eq(gdws_peer_get_request_header(peer, "X-Other"), "z");
    rawsock_close(&raw);
}
END_TEST

static const struct {
    int status;
    const char *text;
    const char *line;
    const char *body;
} refusals[] = {
    {0, NULL, "HTTP/1.1 403 Forbidden\r\n", "The request is not let in.\n"},
    {401, "Log in first.", "HTTP/1.1 401 Unauthorized\r\n", "Log in first.\n"},
    {404, "No such room: \xc3\xa4", "HTTP/1.1 404 Not Found\r\n", "No such room: \xc3\xa4\n"},
    {409, "", "HTTP/1.1 409 Conflict\r\n", "The request is not let in.\n"},
    {429, "Later.", "HTTP/1.1 429 Too Many Requests\r\n", "Later.\n"},
    {499, "Odd.", "HTTP/1.1 499 Refused\r\n", "Odd.\n"},
    {503, "Full.", "HTTP/1.1 503 Service Unavailable\r\n", "Full.\n"},
    {599, NULL, "HTTP/1.1 599 Refused\r\n", "The request is not let in.\n"},
};

START_TEST(a_refusal_has_its_status_and_its_text)
{
    char answer[2048];
    rawsock raw;
    set_plan(false, refusals[_i].status, refusals[_i].text);
    ask(&raw, "GET /x HTTP/1.1\r\nHost: a\r\n" UPGRADE "\r\n", answer, sizeof(answer));
    ck_assert_msg(strncmp(answer, refusals[_i].line, strlen(refusals[_i].line)) == 0, "%s", answer);
    ck_assert_ptr_nonnull(strstr(answer, "Connection: close\r\n"));
    rawsock_wait_for_end(&raw, 5000);
    if (refusals[_i].body[0] != '\0') {
        ck_assert_uint_eq(raw.length, strlen(refusals[_i].body));
        ck_assert(memcmp(raw.bytes, refusals[_i].body, raw.length) == 0);
    }
    ck_assert_int_eq(w.at_server.connected, 0);
    rawsock_close(&raw);
    WAIT_FOR(&w, w.server->links == NULL);
}
END_TEST

START_TEST(a_client_learns_the_status)
{
    char url[64];
    set_plan(false, 401, "no");
    (void)snprintf(url, sizeof(url), "%s://127.0.0.1:%d/", world_scheme(),
                   gdws_server_get_port(w.server));
    ck_assert_int_eq(gdws_client_connect_to_url(w.client, url), GDWS_OK);
    WAIT_FOR(&w, w.at_client.errors == 1);
    ck_assert_int_eq(gdws_client_get_http_status(w.client), 401);
    w.at_client.errors = 0;
    set_plan(true, 401, "a refusal that was not needed");
    world_connect(&w);
}
END_TEST

START_TEST(bad_refusals_are_errors_and_refuse_nothing_else)
{
    char longest[257];
    gdws_request request;
    memset(&request, 0, sizeof(request));
    memset(longest, 'a', sizeof(longest) - 1);
    longest[256] = '\0';
    ck_assert_int_eq(gdws_request_set_refusal(&request, 200, "x"), GDWS_PARAMETER_RANGE_ERROR);
    ck_assert_int_eq(gdws_request_set_refusal(&request, 399, "x"), GDWS_PARAMETER_RANGE_ERROR);
    ck_assert_int_eq(gdws_request_set_refusal(&request, 600, "x"), GDWS_PARAMETER_RANGE_ERROR);
    ck_assert_int_eq(gdws_request_set_refusal(&request, 400, "a\r\nX: y"), GDWS_INVALID_PARAMETER);
    ck_assert_int_eq(gdws_request_set_refusal(&request, 400, "\x7f"), GDWS_INVALID_PARAMETER);
    ck_assert_int_eq(gdws_request_set_refusal(&request, 400, "\xff"), GDWS_INVALID_PARAMETER);
    ck_assert_int_eq(gdws_request_set_refusal(&request, 400, longest), GDWS_INVALID_PARAMETER);
    ck_assert_int_eq(gdws_request_set_refusal(NULL, 400, "x"), GDWS_INVALID_PARAMETER);
    ck_assert_int_eq(request.status, 0);
    ck_assert_int_eq(gdws_request_set_refusal(&request, 400, longest + 1), GDWS_OK);
    ck_assert_str_eq(gdws_request_get_path(NULL), "");
    ck_assert_str_eq(gdws_request_get_query(NULL), "");
    ck_assert_str_eq(gdws_request_get_address(NULL), "");
    ck_assert_uint_eq(gdws_request_get_port(NULL), 0);
    ck_assert_ptr_null(gdws_request_get_header(NULL, "a"));
    ck_assert_uint_eq(gdws_request_get_protocols(NULL, NULL), 0);
}
END_TEST

static void stop_it(gdws_server *server)
{
    gdws_server_stop(server);
}

static void free_it(gdws_server *server)
{
    gdws_server_free(server);
}

static void poll_it(gdws_server *server)
{
    ck_assert_int_eq(gdws_server_poll(server), GDWS_BUSY);
}

START_TEST(an_admission_may_stop_or_free_the_server)
{
    static void (*const acts[])(gdws_server *) = {stop_it, free_it, poll_it};
    rawsock raw;
    set_plan(true, 0, NULL);
    plan.act = acts[_i];
    rawsock_connect(&raw, w.loop, gdws_server_get_port(w.server));
    rawsock_send(&raw, "GET / HTTP/1.1\r\nHost: a\r\n" UPGRADE "\r\n",
                 strlen("GET / HTTP/1.1\r\nHost: a\r\n" UPGRADE "\r\n"), 0);
    if (_i < 2) {
        rawsock_wait_for_end(&raw, 5000);
        ck_assert_uint_eq(raw.length, 0);
    } else {
        WAIT_FOR(&w, w.at_server.connected == 1);
    }
    ck_assert_int_eq(plan.asked, 1);
    w.server = _i == 1 ? NULL : w.server;
    rawsock_close(&raw);
}
END_TEST

/* An upgrade of its own, which is let in or not. */
static bool comes_in(rawsock *raw)
{
    char answer[2048];
    ask(raw, "GET / HTTP/1.1\r\nHost: a\r\n" UPGRADE "\r\n", answer, sizeof(answer));
    bool is_in = strncmp(answer, "HTTP/1.1 101 ", 13) == 0;
    ck_assert_msg(is_in || strncmp(answer, "HTTP/1.1 503 ", 13) == 0, "%s", answer);
    return is_in;
}

START_TEST(more_peers_than_the_limit_are_refused_until_one_has_gone)
{
    rawsock peers[4];
    bool is_by_address = _i == 1;
    if (is_by_address) {
        ck_assert_int_eq(gdws_server_set_max_peers_per_address(w.server, 2), GDWS_OK);
    } else {
        ck_assert_int_eq(gdws_server_set_max_peers(w.server, 2), GDWS_OK);
    }
    ck_assert(comes_in(&peers[0]));
    ck_assert(comes_in(&peers[1]));
    ck_assert(!comes_in(&peers[2]));
    WAIT_FOR(&w, w.at_server.connected == 2);
    rawsock_close(&peers[0]);
    WAIT_FOR(&w, w.at_server.closed == 1);
    ck_assert(comes_in(&peers[3]));
    for (int i = 1; i < 4; i++) {
        rawsock_close(&peers[i]);
    }
    WAIT_FOR(&w, w.server->links == NULL);
    ck_assert_uint_eq(w.server->admitted, 0);
}
END_TEST

/* A connection that never asks does not count. */
START_TEST(half_open_connections_do_not_use_the_limit_up)
{
    rawsock silent;
    rawsock peer;
    ck_assert_int_eq(gdws_server_set_max_peers(w.server, 1), GDWS_OK);
    rawsock_connect(&silent, w.loop, gdws_server_get_port(w.server));
    rawsock_send(&silent, "GET / HT", 8, 0);
    WAIT_FOR(&w, w.server->links != NULL);
    ck_assert(comes_in(&peer));
    rawsock_close(&peer);
    rawsock_close(&silent);
}
END_TEST

START_TEST(a_head_over_the_limit_is_refused_with_431)
{
    static char request[4096];
    char answer[2048];
    rawsock raw;
    ck_assert_int_eq(gdws_server_set_max_request_size(w.server, 255), GDWS_PARAMETER_RANGE_ERROR);
    ck_assert_int_eq(gdws_server_set_max_request_size(w.server, 32769), GDWS_PARAMETER_RANGE_ERROR);
    ck_assert_int_eq(gdws_server_set_max_request_size(w.server, 1024), GDWS_OK);
    /* Where libwebsockets shakes hands, its own limit holds. */
    for (size_t over = 0; over < 2 && !world_is_fallback(); over++) {
        int length =
            snprintf(request, sizeof(request), "GET / HTTP/1.1\r\nHost: a\r\n%sX: ", UPGRADE);
        memset(request + length, 'x', 1024 + over - (size_t)length - 4);
        memcpy(request + 1020 + over, "\r\n\r\n", 5);
        ck_assert_uint_eq(strlen(request), 1024 + over);
        ask(&raw, request, answer, sizeof(answer));
        const char *expected = over == 0 ? "HTTP/1.1 101 " : "HTTP/1.1 431 ";
        ck_assert_msg(strncmp(answer, expected, 13) == 0, "%s", answer);
        rawsock_close(&raw);
    }
}
END_TEST

Suite *admission_suite(void)
{
    Suite *suite = suite_create("admission");
    TCase *tests = tcase_create("admission");
    tcase_set_timeout(tests, 60);
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_test(tests, an_admission_sees_the_request_and_the_peer_knows_it_later);
    tcase_add_test(tests, lines_of_one_name_are_one_value);
    tcase_add_loop_test(tests, a_refusal_has_its_status_and_its_text, 0,
                        (int)(sizeof(refusals) / sizeof(refusals[0])));
    tcase_add_test(tests, a_client_learns_the_status);
    tcase_add_test(tests, bad_refusals_are_errors_and_refuse_nothing_else);
    tcase_add_loop_test(tests, an_admission_may_stop_or_free_the_server, 0, 3);
    tcase_add_loop_test(tests, more_peers_than_the_limit_are_refused_until_one_has_gone, 0, 2);
    tcase_add_test(tests, half_open_connections_do_not_use_the_limit_up);
    tcase_add_test(tests, a_head_over_the_limit_is_refused_with_431);
    suite_add_tcase(suite, tests);
    return suite;
}
