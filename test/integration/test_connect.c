/* SPDX-License-Identifier: MIT */
/* Connecting: what works, and why what does not work does not. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "rawsock.h"
#include "runtests.h"
#include "world.h"

static world w;

static void set_up(void)
{
    world_init(&w);
}

static void tear_down(void)
{
    world_free(&w);
}

START_TEST(both_sides_know_each_other)
{
    char url[64];
    world_connect_path(&w, "/chat?room=1");
    gdws_peer *client = world_client_peer(&w);
    gdws_peer *server = world_server_peer(&w);
    uint16_t port = gdws_server_get_port(w.server);
    (void)snprintf(url, sizeof(url), "%s://127.0.0.1:%u/chat?room=1", world_scheme(), port);
    ck_assert_str_eq(gdws_peer_get_requested_url(client), url);
    ck_assert_str_eq(gdws_peer_get_requested_url(server), url);
    ck_assert_str_eq(gdws_client_get_connected_host(w.client), "127.0.0.1");
    ck_assert_int_eq(gdws_client_get_connected_port(w.client), port);
    ck_assert_str_eq(gdws_peer_get_connected_host(server), "127.0.0.1");
    ck_assert_str_eq(gdws_server_get_peer_address(w.server, w.at_server.id), "127.0.0.1");
    ck_assert_int_eq(gdws_server_get_peer_port(w.server, w.at_server.id),
                     gdws_peer_get_connected_port(server));
    ck_assert_ptr_eq(gdws_client_get_peer(w.client, 1), client);
    ck_assert_ptr_null(gdws_client_get_peer(w.client, 2));
    ck_assert_int_eq(gdws_client_get_peer_id(w.client), 1);
    ck_assert(gdws_peer_is_connected_to_host(client));
    ck_assert_int_ge(w.at_server.id, 2);
    ck_assert_int_eq(gdws_server_get_peer_id(w.server), 0);
    ck_assert_int_eq(gdws_client_get_error(w.client), GDWS_OK);
    ck_assert_int_eq(gdws_client_get_http_status(w.client), 101);
    ck_assert_int_eq(gdws_peer_set_no_delay(client, false), GDWS_OK);
    ck_assert_int_eq(gdws_peer_set_no_delay(server, true), GDWS_OK);
    const char *const *list = NULL;
    ck_assert_uint_eq(gdws_peer_get_supported_protocols(server, &list), 0);
    ck_assert_uint_eq(gdws_peer_get_handshake_headers(server, NULL), 0);
    ck_assert_uint_eq(gdws_peer_get_supported_protocols(NULL, &list), 0);
    ck_assert_ptr_null(list);
    ck_assert_uint_eq(gdws_peer_get_inbound_buffer_size(server), 1u << 20);
    ck_assert_uint_eq(gdws_peer_get_outbound_buffer_size(server), 1u << 20);
    ck_assert_uint_eq(gdws_peer_get_max_queued_packets(server), 4096);
}
END_TEST

START_TEST(a_name_is_resolved)
{
    char url[64];
    (void)snprintf(url, sizeof(url), "%slocalhost:%u", world_is_secure() ? "wss://" : "",
                   gdws_server_get_port(w.server));
    ck_assert_int_eq(gdws_client_connect_to_url(w.client, url), GDWS_OK);
    ck_assert_int_eq(gdws_client_get_connection_status(w.client), GDWS_CONNECTION_CONNECTING);
    WAIT_FOR(&w, w.at_client.connected == 1 && w.at_server.connected == 1);
    ck_assert_str_eq(gdws_client_get_connected_host(w.client), "localhost");
}
END_TEST

/* How often this thread has slept, or waited for something, inside a system call. Having to let
 * others run does not count. */
static long waits_so_far(void)
{
    struct rusage usage;
    ck_assert_int_eq(getrusage(RUSAGE_THREAD, &usage), 0);
    return usage.ru_nvcsw;
}

/* Wait for connection_error; no poll on the way may wait for 10 ms. */
static void expect_error(gdws_error error, const char *words)
{
    uint64_t limit = world_now_ms() + WORLD_LIMIT_MS;
    while (w.at_client.errors == 0) {
        uint64_t start = world_now_ms();
        long waits = waits_so_far();
        gdws_loop_poll(w.loop);
        uint64_t elapsed = world_now_ms() - start;
        ck_assert(elapsed <= (uint64_t)world_scale(10, 500) || waits_so_far() == waits);
        ck_assert_msg(world_now_ms() < limit, "no connection_error");
        ck_assert_int_eq(w.at_client.connected, 0);
        gdws_loop_wait(w.loop, 5);
    }
    ck_assert_msg(gdws_client_get_error(w.client) == error &&
                      strstr(gdws_client_get_error_message(w.client), words) != NULL,
                  "%s: %s", gdws_error_name(gdws_client_get_error(w.client)),
                  gdws_client_get_error_message(w.client));
    ck_assert_int_eq(gdws_client_get_connection_status(w.client), GDWS_CONNECTION_DISCONNECTED);
}

/* Connect to a raw server that sends this answer and closes, or stays silent. */
static void connect_to_answer(const char *answer)
{
    rawsock raw;
    char url[64];
    char request[4096];
    uint16_t port = 0;
    int listener = rawsock_listen(&port);
    (void)snprintf(url, sizeof(url), "%s://127.0.0.1:%u/", world_scheme(), port);
    ck_assert_int_eq(gdws_client_connect_to_url(w.client, url), GDWS_OK);
    rawsock_accept(&raw, w.loop, listener);
    rawsock_read_headers(&raw, request, sizeof(request));
    if (answer != NULL) {
        rawsock_send(&raw, answer, strlen(answer), 0);
        (void)shutdown(raw.descriptor, SHUT_WR);
    }
    WAIT_FOR(&w, w.at_client.errors == 1);
    rawsock_close(&raw);
    (void)close(listener);
}

START_TEST(a_refused_port_is_said)
{
    uint16_t port = 0;
    char url[64];
    int holder = rawsock_hold_port(&port);
    (void)snprintf(url, sizeof(url), "%s://127.0.0.1:%u", world_scheme(), port);
    ck_assert_int_eq(gdws_client_connect_to_url(w.client, url), GDWS_OK);
    expect_error(GDWS_CANT_CONNECT, "refused");
    (void)close(holder);
}
END_TEST

START_TEST(a_name_that_does_not_exist_is_said)
{
    ck_assert_int_eq(gdws_client_connect_to_url(w.client, "ws://does-not-exist.invalid/"), GDWS_OK);
    expect_error(GDWS_CANT_RESOLVE, "does-not-exist.invalid");
}
END_TEST

START_TEST(a_slow_name_service_holds_nothing_up)
{
    uint64_t start = world_now_ms();
    long waits = waits_so_far();
    ck_assert_int_eq(gdws_client_connect_to_url(w.client, "ws://slow.invalid/"), GDWS_OK);
    ck_assert(world_now_ms() - start <= (uint64_t)world_scale(10, 500) || waits_so_far() == waits);
    expect_error(GDWS_CANT_RESOLVE, "slow.invalid");
    ck_assert_uint_ge(world_now_ms() - start, 2900);
}
END_TEST

START_TEST(a_name_service_that_does_not_answer_in_time_is_said)
{
    ck_assert_int_eq(gdws_client_set_handshake_timeout_ms(w.client, 100), GDWS_OK);
    ck_assert_int_eq(gdws_client_connect_to_url(w.client, "ws://slow.invalid/"), GDWS_OK);
    expect_error(GDWS_CANT_RESOLVE, "does not answer");
    /* The lookup goes on in the background, and the client is usable. */
    w.at_client.errors = 0;
    ck_assert_int_eq(gdws_client_set_handshake_timeout_ms(w.client, 10000), GDWS_OK);
    world_connect(&w);
}
END_TEST

/* One of three gives up, the others hear what the name service says. */
START_TEST(clients_of_one_name_share_a_lookup)
{
    gdws_client *second = gdws_client_new(w.loop);
    gdws_client *third = gdws_client_new(w.loop);
    int before = world_slow_lookups();
    ck_assert_int_eq(gdws_client_connect_to_url(w.client, "ws://slow.invalid/"), GDWS_OK);
    ck_assert_int_eq(gdws_client_connect_to_url(second, "ws://slow.invalid/2"), GDWS_OK);
    ck_assert_int_eq(gdws_client_connect_to_url(third, "ws://slow.invalid/3"), GDWS_OK);
    /* Another name is another lookup, and ends later. */
    gdws_client *other = gdws_client_new(w.loop);
    ck_assert_int_eq(gdws_client_connect_to_url(other, "ws://slower.invalid/"), GDWS_OK);
    ck_assert_int_eq(gdws_client_disconnect_from_host(second, 1000, ""), GDWS_OK);
    expect_error(GDWS_CANT_RESOLVE, "slow.invalid");
    ck_assert_int_eq(gdws_client_get_error(second), GDWS_SKIP);
    ck_assert_int_eq(gdws_client_get_error(third), GDWS_CANT_RESOLVE);
    ck_assert_int_eq(world_slow_lookups() - before, 2);
    WAIT_FOR(&w, gdws_client_get_error(other) == GDWS_CANT_RESOLVE);
    gdws_client_free(other);
    gdws_client_free(second);
    gdws_client_free(third);
}
END_TEST

START_TEST(a_silent_server_is_said)
{
    ck_assert_int_eq(gdws_client_set_handshake_timeout_ms(w.client, 200), GDWS_OK);
    connect_to_answer(NULL);
    expect_error(GDWS_TIMEOUT, "no answer within 200 ms");
}
END_TEST

/* Connect to a port of two.test, whose certificate nobody has. */
static void connect_to_two(uint16_t port, uint32_t limit_ms)
{
    char url[64];
    (void)snprintf(url, sizeof(url), "%s://two.test:%u/", world_scheme(), port);
    ck_assert_int_eq(gdws_client_set_verify_tls(w.client, false), GDWS_OK);
    ck_assert_int_eq(gdws_client_set_handshake_timeout_ms(w.client, limit_ms), GDWS_OK);
    ck_assert_int_eq(gdws_client_connect_to_url(w.client, url), GDWS_OK);
}

START_TEST(a_server_with_a_second_address_has_the_whole_limit_to_answer)
{
    rawsock raw;
    uint16_t port = 0;
    int listener = rawsock_listen(&port);
    uint64_t start = world_now_ms();
    connect_to_two(port, 3000);
    rawsock_accept(&raw, w.loop, listener);
    WAIT_FOR(&w, world_now_ms() - start > 1700 || w.at_client.errors > 0);
    ck_assert_str_eq(gdws_client_get_error_message(w.client), "");
    rawsock_answer_upgrade(&raw, "");
    WAIT_FOR(&w, w.at_client.connected == 1);
    ck_assert_int_eq(accept(listener, NULL, NULL), -1);
    rawsock_close(&raw);
    (void)close(listener);
}
END_TEST

START_TEST(a_silent_server_with_a_second_address_is_said)
{
    rawsock raw;
    uint16_t port = 0;
    int listener = rawsock_listen(&port);
    uint64_t start = world_now_ms();
    connect_to_two(port, 500);
    rawsock_accept_plain(&raw, w.loop, listener);
    expect_error(GDWS_TIMEOUT, "no answer within 500 ms");
    ck_assert_uint_ge(world_now_ms() - start, 500);
    ck_assert_int_eq(accept(listener, NULL, NULL), -1);
    rawsock_close(&raw);
    (void)close(listener);
}
END_TEST

/* Connect to a listener that takes one connection and no more, so that the next ones hang. */
static int fill_backlog(uint16_t port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int descriptor = socket(AF_INET, SOCK_STREAM, 0);
    ck_assert_int_eq(connect(descriptor, (struct sockaddr *)&address, sizeof(address)), 0);
    return descriptor;
}

START_TEST(an_address_that_hangs_leaves_time_for_the_next)
{
    uint16_t port = 0;
    int listener = rawsock_hold_port(&port);
    ck_assert_int_eq(listen(listener, 0), 0);
    int first = fill_backlog(port);
    gdws_server_stop(w.server);
    ck_assert_int_eq(gdws_server_set_bind_ip(w.server, "127.0.0.2"), GDWS_OK);
    ck_assert_int_eq(gdws_server_listen(w.server, port), GDWS_OK);
    uint64_t start = world_now_ms();
    connect_to_two(port, 4000);
    WAIT_FOR(&w, w.at_client.connected == 1 || w.at_client.errors > 0);
    ck_assert_str_eq(gdws_client_get_error_message(w.client), "");
    ck_assert_uint_ge(world_now_ms() - start, 1990);
    (void)close(first);
    (void)close(listener);
}
END_TEST

START_TEST(a_server_that_is_not_websocket_is_said)
{
    connect_to_answer("SSH-2.0-OpenSSH_9.2p1\r\n\r\n");
    expect_error(GDWS_CONNECTION_ERROR, "");
}
END_TEST

START_TEST(an_http_status_is_said)
{
    connect_to_answer("HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n");
    expect_error(GDWS_CONNECTION_ERROR, "403");
    ck_assert_int_eq(gdws_client_get_http_status(w.client), 403);
}
END_TEST

START_TEST(a_wrong_accept_is_said)
{
    connect_to_answer(
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
        "Connection: Upgrade\r\nSec-WebSocket-Accept: AAAAAAAAAAAAAAAAAAAAAAAAAAA=\r\n"
        "\r\n");
    expect_error(GDWS_CONNECTION_ERROR, "Sec-WebSocket-Accept");
}
END_TEST

START_TEST(a_closed_connection_is_said)
{
    connect_to_answer("");
    expect_error(GDWS_CONNECTION_ERROR, "ended the connection");
}
END_TEST

START_TEST(a_subprotocol_that_was_not_offered_is_said)
{
    rawsock raw;
    char url[64];
    uint16_t port = 0;
    int listener = rawsock_listen(&port);
    (void)snprintf(url, sizeof(url), "%s://127.0.0.1:%u/", world_scheme(), port);
    ck_assert_int_eq(gdws_client_connect_to_url(w.client, url), GDWS_OK);
    rawsock_accept(&raw, w.loop, listener);
    rawsock_answer_upgrade(&raw, "Sec-WebSocket-Protocol: surprise\r\n");
    expect_error(GDWS_CONNECTION_ERROR, "subprotocol");
    rawsock_close(&raw);
    (void)close(listener);
}
END_TEST

START_TEST(no_subprotocol_where_some_were_offered_is_said)
{
    static const char *const protocols[] = {"chat", "super"};
    rawsock raw;
    char url[64];
    uint16_t port = 0;
    int listener = rawsock_listen(&port);
    ck_assert_int_eq(gdws_client_set_supported_protocols(w.client, protocols, 2), GDWS_OK);
    (void)snprintf(url, sizeof(url), "%s://127.0.0.1:%u/", world_scheme(), port);
    ck_assert_int_eq(gdws_client_connect_to_url(w.client, url), GDWS_OK);
    rawsock_accept(&raw, w.loop, listener);
    rawsock_answer_upgrade(&raw, "");
    expect_error(GDWS_CONNECTION_ERROR, "subprotocol");
    rawsock_close(&raw);
    (void)close(listener);
}
END_TEST

START_TEST(giving_up_is_an_error_that_was_asked_for)
{
    uint16_t port = 0;
    char url[64];
    int listener = rawsock_listen(&port);
    (void)snprintf(url, sizeof(url), "%s://127.0.0.1:%u/", world_scheme(), port);
    ck_assert_int_eq(gdws_client_connect_to_url(w.client, url), GDWS_OK);
    ck_assert_int_eq(gdws_client_disconnect_from_host(w.client, 1000, ""), GDWS_OK);
    ck_assert_int_eq(w.at_client.errors, 0);
    expect_error(GDWS_SKIP, "given up");
    (void)close(listener);
    w.at_client.errors = 0;
    world_connect(&w);
}
END_TEST

static char url_of_server[64];
static bool has_asked;

/* Runs in each pass before the signals, and so between a failure and its connection_error. */
static void connect_before_the_error(gdws_loop *loop, void *user)
{
    (void)user;
    if (loop == NULL || w.at_client.errors > 0) {
        return;
    }
    if (gdws_client_get_error(w.client) != GDWS_OK) {
        has_asked = true;
        ck_assert_int_eq(gdws_client_connect_to_url(w.client, url_of_server), GDWS_ALREADY_IN_USE);
        ck_assert_int_eq(gdws_client_set_compression(w.client, true), GDWS_ALREADY_IN_USE);
    }
    ck_assert_int_eq(gdws_loop_post(loop, connect_before_the_error, NULL), GDWS_OK);
}

/* With and without another attempt to come. */
START_TEST(an_attempt_begins_when_the_end_of_the_last_one_was_told)
{
    char url[64];
    uint16_t port = 0;
    int listener = rawsock_hold_port(&port);
    (void)snprintf(url, sizeof(url), "%s://127.0.0.1:%u", world_scheme(), port);
    (void)snprintf(url_of_server, sizeof(url_of_server), "%s://127.0.0.1:%u", world_scheme(),
                   gdws_server_get_port(w.server));
    ck_assert_int_eq(gdws_client_set_reconnect(w.client, _i == 0 ? 0 : 60000, 60000, 0), GDWS_OK);
    has_asked = false;
    ck_assert_int_eq(gdws_client_connect_to_url(w.client, url), GDWS_OK);
    ck_assert_int_eq(gdws_loop_post(w.loop, connect_before_the_error, NULL), GDWS_OK);
    WAIT_FOR(&w, w.at_client.errors == 1);
    ck_assert(has_asked);
    ck_assert_int_eq(gdws_client_connect_to_url(w.client, url_of_server), GDWS_OK);
    WAIT_FOR(&w, w.at_client.connected == 1 && w.at_server.connected == 1);
    rawsock_stop_listening(listener);
}
END_TEST

/* Who has given up need not wait to be told. */
START_TEST(who_gives_up_may_go_elsewhere_at_once)
{
    char url[64];
    (void)snprintf(url, sizeof(url), "%s://127.0.0.1:%u", world_scheme(),
                   gdws_server_get_port(w.server));
    ck_assert_int_eq(gdws_client_connect_to_url(w.client, url), GDWS_OK);
    ck_assert_int_eq(gdws_client_disconnect_from_host(w.client, 1000, ""), GDWS_OK);
    ck_assert_int_eq(gdws_client_connect_to_url(w.client, url), GDWS_OK);
    WAIT_FOR(&w, w.at_client.connected == 1 && w.at_server.connected == 1);
    ck_assert_int_eq(w.at_client.errors, 0);
}
END_TEST

START_TEST(bad_urls_are_refused_at_once)
{
    static const char *const urls[] = {"",
                                       " ",
                                       "ws://",
                                       "ws:///path",
                                       "http://host",
                                       "https://host",
                                       "ws:host",
                                       "ftp://host",
                                       "ws://host:",
                                       "ws://host:0",
                                       "ws://host:65536",
                                       "ws://host:99999999",
                                       "ws://host:-1",
                                       "ws://host:8a",
                                       "ws://user@host",
                                       "ws://user:password@host",
                                       "ws://[::1",
                                       "ws://::1",
                                       "ws://[::1]x",
                                       "ws://[gg::1]",
                                       "ws://[127.0.0.1]",
                                       "ws://1.2.3",
                                       "ws://1.2.3.4.5",
                                       "ws://256.1.1.1",
                                       "ws://host/#fragment",
                                       "ws://host/a b",
                                       "ws://ho st/",
                                       "ws://h\xc3\xb6st/",
                                       "ws://host/\r\nEvil: 1",
                                       "ws://host\t/",
                                       "ws://-host",
                                       "ws://host-",
                                       "ws://a..b",
                                       "ws://.host",
                                       "ws://host/<>",
                                       "//host"};
    for (size_t i = 0; i < sizeof(urls) / sizeof(urls[0]); i++) {
        gdws_error error = gdws_client_connect_to_url(w.client, urls[i]);
        ck_assert_msg(error == GDWS_INVALID_PARAMETER, "%s: %s", urls[i], gdws_error_name(error));
        ck_assert_str_ne(gdws_client_get_error_message(w.client), "");
    }
    ck_assert_int_eq(gdws_client_connect_to_url(w.client, NULL), GDWS_INVALID_PARAMETER);
    gdws_loop_poll(w.loop);
    ck_assert_int_eq(w.at_client.errors, 0);
}
END_TEST

START_TEST(the_first_of_the_clients_subprotocols_is_chosen)
{
    static const char *const offered[] = {"x", "two", "one"};
    static const char *const spoken[] = {"one", "two"};
    world v;
    world_init_idle(&v);
    ck_assert_int_eq(gdws_server_set_supported_protocols(v.server, spoken, 2), GDWS_OK);
    ck_assert_int_eq(gdws_client_set_supported_protocols(v.client, offered, 3), GDWS_OK);
    world_listen(&v);
    world_connect(&v);
    ck_assert_str_eq(v.at_client.protocol, "two");
    ck_assert_str_eq(v.at_server.protocol, "two");
    ck_assert_str_eq(gdws_peer_get_selected_protocol(world_client_peer(&v)), "two");
    gdws_client_free(v.client);
    gdws_server_free(v.server);
    gdws_loop_free(v.loop);
}
END_TEST

START_TEST(an_unknown_subprotocol_is_answered_with_400)
{
    static const char *const offered[] = {"x"};
    static const char *const spoken[] = {"one"};
    gdws_server_stop(w.server);
    ck_assert_int_eq(gdws_server_set_supported_protocols(w.server, spoken, 1), GDWS_OK);
    world_listen(&w);
    ck_assert_int_eq(gdws_client_set_supported_protocols(w.client, offered, 1), GDWS_OK);
    char url[64];
    (void)snprintf(url, sizeof(url), "%s://127.0.0.1:%u", world_scheme(),
                   gdws_server_get_port(w.server));
    ck_assert_int_eq(gdws_client_connect_to_url(w.client, url), GDWS_OK);
    expect_error(GDWS_CONNECTION_ERROR, "400");
}
END_TEST

START_TEST(a_server_that_refuses_answers_with_503)
{
    char url[64];
    (void)snprintf(url, sizeof(url), "%s://127.0.0.1:%u", world_scheme(),
                   gdws_server_get_port(w.server));
    gdws_server_set_refuse_new_connections(w.server, true);
    ck_assert(gdws_server_is_refusing_new_connections(w.server));
    ck_assert_int_eq(gdws_client_connect_to_url(w.client, url), GDWS_OK);
    expect_error(GDWS_CONNECTION_ERROR, "503");
    gdws_server_set_refuse_new_connections(w.server, false);
    w.at_client.errors = 0;
    world_connect(&w);
}
END_TEST

START_TEST(foreign_origins_are_answered_with_403)
{
    static const char *const origins[] = {"https://good.example"};
    static const char *const from_bad[] = {"Origin: https://bad.example"};
    static const char *const from_good[] = {"Origin: https://good.example"};
    char url[64];
    (void)snprintf(url, sizeof(url), "%s://127.0.0.1:%u", world_scheme(),
                   gdws_server_get_port(w.server));
    ck_assert_int_eq(gdws_server_set_allowed_origins(w.server, origins, 1), GDWS_OK);
    ck_assert_int_eq(gdws_client_set_handshake_headers(w.client, from_bad, 1), GDWS_OK);
    ck_assert_int_eq(gdws_client_connect_to_url(w.client, url), GDWS_OK);
    expect_error(GDWS_CONNECTION_ERROR, "403");
    w.at_client.errors = 0;
    ck_assert_int_eq(gdws_client_set_handshake_headers(w.client, from_good, 1), GDWS_OK);
    world_connect(&w);
}
END_TEST

START_TEST(headers_go_with_the_request_and_the_answer)
{
    static const char *const extra[] = {"X-Server: gdws"};
    rawsock raw;
    char answer[4096];
    gdws_server_stop(w.server);
    ck_assert_int_eq(gdws_server_set_extra_headers(w.server, extra, 1), GDWS_OK);
    world_listen(&w);
    rawsock_connect(&raw, w.loop, gdws_server_get_port(w.server));
    static const char request[] =
        "GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: keep-alive, Upgrade\r\n"
        "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
        "Origin: http://page.example\r\n\r\n";
    rawsock_send(&raw, request, sizeof(request) - 1, 0);
    rawsock_read_headers(&raw, answer, sizeof(answer));
    ck_assert_ptr_nonnull(strstr(answer, "X-Server: gdws\r\n"));
    ck_assert_ptr_nonnull(strstr(answer, "Access-Control-Allow-Origin: http://page.example\r\n"));
    ck_assert_ptr_nonnull(strstr(answer, "Vary: Origin\r\n"));
    rawsock_close(&raw);
    WAIT_FOR(&w, w.at_server.closed == 1);
    ck_assert(!w.at_server.was_clean);
}
END_TEST

static char last_line[256];

static void keep_line(gdws_log_level level, const char *line, void *user)
{
    (void)user;
    if (level == GDWS_LOG_WARNING) {
        (void)snprintf(last_line, sizeof(last_line), "%s", line);
    }
}

START_TEST(listening_twice_and_on_a_taken_port_is_already_in_use)
{
    world v;
    world_init_idle(&v);
    ck_assert_int_eq(gdws_server_listen(w.server, 0), GDWS_ALREADY_IN_USE);
    ck_assert_int_eq(gdws_server_listen(v.server, gdws_server_get_port(w.server)),
                     GDWS_ALREADY_IN_USE);
    ck_assert_int_eq(gdws_server_set_bind_ip(w.server, "*"), GDWS_ALREADY_IN_USE);
    ck_assert_int_eq(gdws_server_set_bind_ip(v.server, "localhost"), GDWS_INVALID_PARAMETER);
    ck_assert_int_eq(gdws_server_set_bind_ip(v.server, "203.0.113.1"), GDWS_OK);
    gdws_set_log_callback(keep_line, NULL);
    ck_assert_int_eq(gdws_server_listen(v.server, 9), GDWS_CANT_CREATE);
    ck_assert_str_eq(last_line, "cannot listen on 203.0.113.1, port 9: address not available");
    ck_assert_int_eq(gdws_server_set_bind_ip(v.server, "unix:/nowhere/at/all"), GDWS_OK);
    ck_assert_int_eq(gdws_server_listen(v.server, 0), GDWS_CANT_CREATE);
    ck_assert_str_eq(last_line,
                     "cannot listen on unix:/nowhere/at/all, port 0: no such file or directory");
    gdws_set_log_callback(NULL, NULL);
    gdws_client_free(v.client);
    gdws_server_free(v.server);
    gdws_loop_free(v.loop);
}
END_TEST

/* Whether a TCP connection to an address and port can be made. */
static bool can_reach(const char *address, uint16_t port)
{
    struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_port = htons(port)};
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_port = htons(port)};
    bool is_v4 = inet_pton(AF_INET, address, &v4.sin_addr) == 1;
    ck_assert(is_v4 || inet_pton(AF_INET6, address, &v6.sin6_addr) == 1);
    int descriptor = socket(is_v4 ? AF_INET : AF_INET6, SOCK_STREAM, 0);
    int result = is_v4 ? connect(descriptor, (struct sockaddr *)&v4, sizeof(v4))
                       : connect(descriptor, (struct sockaddr *)&v6, sizeof(v6));
    (void)close(descriptor);
    return result == 0;
}

typedef struct binding {
    const char *bind_ip;
    bool on_127_0_0_1;
    bool on_127_0_0_2;
    bool on_v6;
} binding;

static bool is_bound(const binding *wanted)
{
    gdws_server *server = gdws_server_new(w.loop);
    ck_assert_int_eq(gdws_server_set_bind_ip(server, wanted->bind_ip), GDWS_OK);
    ck_assert_int_eq(gdws_server_listen(server, 0), GDWS_OK);
    uint16_t port = gdws_server_get_port(server);
    bool is_right = can_reach("127.0.0.1", port) == wanted->on_127_0_0_1 &&
                    can_reach("127.0.0.2", port) == wanted->on_127_0_0_2 &&
                    can_reach("::1", port) == wanted->on_v6;
    gdws_server_free(server);
    return is_right;
}

START_TEST(a_server_is_reachable_where_it_was_bound_and_nowhere_else)
{
    static const binding table[] = {
        {"127.0.0.1", true, false, false}, {"127.0.0.2", false, true, false},
        {"0.0.0.0", true, true, false},    {"::1", false, false, true},
        {"::", false, false, true},        {"*", true, true, true}};
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        /* Another program may have the same port on another address; hardly twice. */
        ck_assert_msg(is_bound(&table[i]) || is_bound(&table[i]), "%s", table[i].bind_ip);
    }
}
END_TEST

Suite *connect_suite(void)
{
    Suite *suite = suite_create("connect");
    TCase *tests = tcase_create("connect");
    tcase_set_timeout(tests, 60);
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_test(tests, both_sides_know_each_other);
    tcase_add_test(tests, a_name_is_resolved);
    tcase_add_test(tests, a_refused_port_is_said);
    tcase_add_test(tests, a_name_that_does_not_exist_is_said);
    tcase_add_test(tests, a_slow_name_service_holds_nothing_up);
    tcase_add_test(tests, a_name_service_that_does_not_answer_in_time_is_said);
    tcase_add_test(tests, clients_of_one_name_share_a_lookup);
    tcase_add_test(tests, a_silent_server_is_said);
    tcase_add_test(tests, a_server_with_a_second_address_has_the_whole_limit_to_answer);
    tcase_add_test(tests, a_silent_server_with_a_second_address_is_said);
    tcase_add_test(tests, an_address_that_hangs_leaves_time_for_the_next);
    tcase_add_test(tests, a_server_that_is_not_websocket_is_said);
    tcase_add_test(tests, an_http_status_is_said);
    tcase_add_test(tests, a_wrong_accept_is_said);
    tcase_add_test(tests, a_closed_connection_is_said);
    tcase_add_test(tests, a_subprotocol_that_was_not_offered_is_said);
    tcase_add_test(tests, no_subprotocol_where_some_were_offered_is_said);
    tcase_add_test(tests, giving_up_is_an_error_that_was_asked_for);
    tcase_add_loop_test(tests, an_attempt_begins_when_the_end_of_the_last_one_was_told, 0, 2);
    tcase_add_test(tests, who_gives_up_may_go_elsewhere_at_once);
    tcase_add_test(tests, bad_urls_are_refused_at_once);
    tcase_add_test(tests, the_first_of_the_clients_subprotocols_is_chosen);
    tcase_add_test(tests, an_unknown_subprotocol_is_answered_with_400);
    tcase_add_test(tests, a_server_that_refuses_answers_with_503);
    tcase_add_test(tests, foreign_origins_are_answered_with_403);
    tcase_add_test(tests, headers_go_with_the_request_and_the_answer);
    tcase_add_test(tests, listening_twice_and_on_a_taken_port_is_already_in_use);
    tcase_add_test(tests, a_server_is_reachable_where_it_was_bound_and_nowhere_else);
    suite_add_tcase(suite, tests);
    return suite;
}
