/* SPDX-License-Identifier: MIT */
/* Sockets that another server has accepted, wherever it has stopped to read. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <netinet/in.h>
#include <sys/socket.h>

#include "certs.h"
#include "rawsock.h"
#include "runtests.h"
#include "server.h"
#include "world.h"

static const char request[] = "GET /room?a=1 HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\n"
                              "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
                              "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
static const char accept_line[] = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";

static world w;
static int listener; /* of the other server */
static uint16_t port;

static void set_up(void)
{
    world_init_idle(&w);
    w.echoes = true;
    w.takes_packets = true;
    listener = rawsock_listen(&port);
}

static void tear_down(void)
{
    rawsock_stop_listening(listener);
    world_free(&w);
}

/* Go on until there is something to read. Sleeps on the descriptor, of which the loop knows
 * nothing.
 */
static void wait_for_readable(int descriptor)
{
    struct pollfd readable = {.fd = descriptor, .events = POLLIN};
    uint64_t limit = world_now_ms() + WORLD_LIMIT_MS;
    ck_assert_int_eq(gdws_loop_poll(w.loop), GDWS_OK);
    while (poll(&readable, 1, 1) == 0) {
        ck_assert_int_eq(gdws_loop_poll(w.loop), GDWS_OK);
        ck_assert(world_now_ms() < limit);
    }
}

/* Accept a connection that is there or will be, as a blocking socket. */
static int accept_one(void)
{
    wait_for_readable(listener);
    int descriptor = accept(listener, NULL, NULL);
    ck_assert_int_ge(descriptor, 0);
    return descriptor;
}

/* A client connects to the other server. Returns that one's end. */
static int meet(rawsock *client)
{
    rawsock_connect_plain(client, w.loop, port);
    return accept_one();
}

static void read_exactly(int descriptor, uint8_t *bytes, size_t length)
{
    size_t done = 0;
    uint64_t limit = world_now_ms() + WORLD_LIMIT_MS;
    while (done < length) {
        ssize_t got = recv(descriptor, bytes + done, length - done, MSG_DONTWAIT);
        done += got > 0 ? (size_t)got : 0;
        (void)gdws_loop_poll(w.loop);
        ck_assert(world_now_ms() < limit);
    }
}

static bool is_open(int descriptor)
{
    return fcntl(descriptor, F_GETFD) >= 0 || errno != EBADF;
}

static void expect_101(rawsock *client)
{
    char answer[4096];
    rawsock_read_headers(client, answer, sizeof(answer));
    ck_assert_msg(strncmp(answer, "HTTP/1.1 101", 12) == 0, "%s", answer);
    ck_assert_ptr_nonnull(strstr(answer, accept_line));
}

static void expect_text(rawsock *client, const char *text)
{
    const uint8_t *payload;
    size_t length;
    ck_assert_int_eq(rawsock_read_frame(client, &payload, &length), 0x81);
    ck_assert_uint_eq(length, strlen(text));
    ck_assert_mem_eq(payload, text, length);
}

/* Write the request and two frames behind it. Returns their length. */
static size_t write_opening(uint8_t bytes[1024])
{
    size_t length = sizeof(request) - 1;
    memcpy(bytes, request, length);
    length += rawsock_frame(bytes + length, 0x81, "first", 5, true);
    return length + rawsock_frame(bytes + length, 0x81, "second", 6, true);
}

START_TEST(a_request_may_have_been_read_up_to_any_byte)
{
    uint8_t opening[1024];
    uint8_t read_by_other[1024];
    rawsock client;
    size_t total = write_opening(opening);
    for (size_t split = 0; split <= total; split += (size_t)world_scale(1, 7)) {
        int closed = w.at_server.closed;
        int descriptor = meet(&client);
        rawsock_send(&client, opening, total, 0);
        read_exactly(descriptor, read_by_other, split);
        ck_assert_int_eq(gdws_server_adopt_socket(w.server, descriptor, read_by_other, split),
                         GDWS_OK);
        ck_assert(!is_open(descriptor));
        memset(read_by_other, 0xff, sizeof(read_by_other)); /* it was copied */
        expect_101(&client);
        expect_text(&client, "first");
        expect_text(&client, "second");
        ck_assert_str_eq(gdws_server_get_peer_address(w.server, w.at_server.id), "127.0.0.1");
        ck_assert_str_eq(gdws_peer_get_requested_url(world_server_peer(&w)),
                         "ws://127.0.0.1/room?a=1");
        rawsock_send_frame(&client, 0x88, "\x03\xe8", 2, true);
        rawsock_expect_close(&client, 1000);
        WAIT_FOR(&w, w.at_server.closed > closed);
        ck_assert(w.at_server.was_clean);
        rawsock_close(&client);
    }
    ck_assert_int_eq(w.at_server.data, 2 * w.at_server.connected);
}
END_TEST

START_TEST(what_was_not_sent_yet_is_waited_for)
{
    uint8_t opening[1024];
    rawsock client;
    size_t total = write_opening(opening);
    for (size_t split = 0; split < total; split += 11) {
        int descriptor = meet(&client);
        ck_assert_int_eq(gdws_server_adopt_socket(w.server, descriptor, opening, split), GDWS_OK);
        rawsock_send(&client, opening + split, total - split, 3);
        expect_101(&client);
        expect_text(&client, "first");
        expect_text(&client, "second");
        rawsock_close(&client);
    }
}
END_TEST

/* Nothing happens between polls, and the next one sees to it without being told by a socket. */
START_TEST(what_was_read_is_used_by_the_next_poll)
{
    rawsock client;
    int descriptor = meet(&client);
    ck_assert_int_eq(gdws_server_adopt_socket(w.server, descriptor, request, sizeof(request) - 1),
                     GDWS_OK);
    ck_assert_int_eq(w.at_server.connected, 0);
    ck_assert_int_eq(gdws_loop_get_timeout_ms(w.loop), 0);
    ck_assert_int_eq(gdws_loop_poll(w.loop), GDWS_OK);
    ck_assert_int_eq(w.at_server.connected, 1);
    rawsock_close(&client);
}
END_TEST

START_TEST(a_client_that_has_hung_up_has_said_all_it_said)
{
    uint8_t opening[1024];
    rawsock client;
    size_t total = write_opening(opening);
    total += rawsock_frame(opening + total, 0x88,
                           "\x03\xe8"
                           "bye",
                           5, true);
    int descriptor = meet(&client);
    rawsock_close(&client);
    ck_assert_int_eq(gdws_server_adopt_socket(w.server, descriptor, opening, total), GDWS_OK);
    w.echoes = false;
    w.takes_packets = true;
    WAIT_FOR(&w, w.at_server.closed == 1);
    ck_assert_str_eq(w.at_server.log, "CddRX");
    ck_assert_str_eq(w.at_server.reason, "bye");
}
END_TEST

/* Connect the client by TLS; the other server reads so much of the ClientHello, or all of it.
 * Returns how long it was. */
static size_t join_by_tls(size_t split)
{
    static uint8_t hello[4096];
    char url[64];
    int connected = w.at_client.connected;
    (void)snprintf(url, sizeof(url), "wss://127.0.0.1:%u/", port);
    ck_assert_int_eq(gdws_client_connect_to_url(w.client, url), GDWS_OK);
    int descriptor = accept_one();
    wait_for_readable(descriptor);
    uint64_t limit = world_now_ms() + WORLD_LIMIT_MS;
    while (recv(descriptor, hello, 5, MSG_PEEK) < 5) {
        (void)gdws_loop_poll(w.loop);
        ck_assert(world_now_ms() < limit);
    }
    ck_assert_int_eq(hello[0], 22); /* a record of the handshake, RFC 8446 section 5.1 */
    size_t total = 5 + ((size_t)hello[3] << 8 | hello[4]);
    size_t length = split < total ? split : total;
    read_exactly(descriptor, hello, length);
    ck_assert_int_eq(gdws_server_adopt_socket(w.server, descriptor, hello, length), GDWS_OK);
    WAIT_FOR(&w, w.at_client.connected > connected || w.at_client.errors > 0);
    ck_assert_msg(w.at_client.errors == 0, "%s", gdws_client_get_error_message(w.client));
    return total;
}

static void leave_and_wait(void)
{
    int closed = w.at_server.closed;
    int gone = w.at_client.closed;
    ck_assert_int_eq(gdws_client_disconnect_from_host(w.client, 1000, ""), GDWS_OK);
    WAIT_FOR(&w, w.at_server.closed > closed && w.at_client.closed > gone);
}

static void secure(void)
{
    const cert *own = cert_localhost();
    ck_assert_int_eq(gdws_server_set_private_key(w.server, own->key, NULL), GDWS_OK);
    ck_assert_int_eq(gdws_server_set_ssl_certificate(w.server, own->certificate), GDWS_OK);
    ck_assert_int_eq(gdws_client_set_trusted_certificate(w.client, cert_authority()->certificate),
                     GDWS_OK);
}

START_TEST(a_client_hello_may_have_been_read_up_to_any_byte)
{
    size_t total = 0;
    secure();
    for (size_t split = 0; split <= total; split += (size_t)world_scale(1, 41)) {
        total = join_by_tls(split);
        ck_assert_uint_gt(total, 100);
        int data = w.at_client.data;
        ck_assert_int_eq(gdws_peer_send_text(world_client_peer(&w), "sealed"), GDWS_OK);
        WAIT_FOR(&w, w.at_client.data > data);
        leave_and_wait();
    }
}
END_TEST

/* One server for TLS and one for what comes in plaintext, as the program chooses. */
START_TEST(tls_is_the_servers_and_plaintext_is_another_servers)
{
    rawsock client;
    char answer[4096];
    secure();
    gdws_server *plain = gdws_server_new(w.loop);
    (void)join_by_tls(3);
    int descriptor = meet(&client);
    ck_assert_int_eq(gdws_server_adopt_socket(plain, descriptor, request, sizeof(request) - 1),
                     GDWS_OK);
    expect_101(&client);
    rawsock_close(&client);
    descriptor = meet(&client);
    ck_assert_int_eq(gdws_server_adopt_socket(w.server, descriptor, request, sizeof(request) - 1),
                     GDWS_OK);
    rawsock_read_headers(&client, answer, sizeof(answer));
    ck_assert_msg(strncmp(answer, "HTTP/1.1 400 ", 13) == 0, "%s", answer);
    rawsock_close(&client);
    gdws_server_free(plain);
}
END_TEST

START_TEST(a_key_without_a_certificate_adopts_nothing)
{
    rawsock client;
    ck_assert_int_eq(gdws_server_set_private_key(w.server, cert_localhost()->key, NULL), GDWS_OK);
    int descriptor = meet(&client);
    ck_assert_int_eq(gdws_server_adopt_socket(w.server, descriptor, NULL, 0), GDWS_UNCONFIGURED);
    ck_assert(is_open(descriptor));
    ck_assert_int_eq(gdws_server_set_private_key(w.server, NULL, NULL), GDWS_OK);
    ck_assert_int_eq(gdws_server_adopt_socket(w.server, descriptor, NULL, 0), GDWS_OK);
    rawsock_upgrade(&client);
    rawsock_close(&client);
}
END_TEST

/* What is no connection */

static int open_pipe(void)
{
    int ends[2];
    ck_assert_int_eq(pipe(ends), 0);
    (void)close(ends[1]);
    return ends[0];
}

static int open_reset(void)
{
    rawsock client;
    struct linger at_once = {.l_onoff = 1};
    int descriptor = meet(&client);
    (void)setsockopt(client.descriptor, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
    rawsock_close(&client);
    uint8_t byte;
    while (recv(descriptor, &byte, 1, 0) >= 0) {
    }
    return descriptor;
}

static int open_closed(void)
{
    int descriptor = open_pipe();
    (void)close(descriptor);
    return descriptor;
}

static int open_datagrams(void)
{
    return socket(AF_INET, SOCK_DGRAM, 0);
}

static int open_unconnected(void)
{
    return socket(AF_INET, SOCK_STREAM, 0);
}

static int open_sequence(void)
{
    int ends[2];
    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, ends), 0);
    (void)close(ends[1]);
    return ends[0];
}

static int open_listening(void)
{
    uint16_t ignored;
    return rawsock_listen(&ignored);
}

static int open_file(void)
{
    return open("/dev/null", O_RDWR);
}

static int open_nothing(void)
{
    return -1;
}

static const struct {
    int (*open)(void);
    gdws_error error;
} no_connections[] = {
    {open_nothing, GDWS_INVALID_PARAMETER},   {open_closed, GDWS_INVALID_PARAMETER},
    {open_pipe, GDWS_INVALID_PARAMETER},      {open_file, GDWS_INVALID_PARAMETER},
    {open_datagrams, GDWS_INVALID_PARAMETER}, {open_sequence, GDWS_INVALID_PARAMETER},
    {open_listening, GDWS_INVALID_PARAMETER}, {open_unconnected, GDWS_CONNECTION_ERROR},
    {open_reset, GDWS_CONNECTION_ERROR},
};

START_TEST(what_is_no_connection_stays_the_callers)
{
    int descriptor = no_connections[_i].open();
    bool was_open = is_open(descriptor);
    int flags = fcntl(descriptor, F_GETFL);
    int descriptor_flags = fcntl(descriptor, F_GETFD);
    ck_assert_int_eq(gdws_server_adopt_socket(w.server, descriptor, request, sizeof(request) - 1),
                     no_connections[_i].error);
    ck_assert_int_eq(gdws_server_adopt_upgraded(w.server, descriptor, request, NULL, 0),
                     no_connections[_i].error);
    ck_assert(is_open(descriptor) == was_open);
    ck_assert_int_eq(fcntl(descriptor, F_GETFL), flags);
    ck_assert_int_eq(fcntl(descriptor, F_GETFD), descriptor_flags);
    ck_assert_ptr_null(w.server->links);
    /* Nothing has been fixed by it. */
    ck_assert_int_eq(gdws_server_set_read_size(w.server, 4096), GDWS_OK);
    if (was_open) {
        (void)close(descriptor);
    }
}
END_TEST

START_TEST(bad_arguments_are_refused)
{
    char half[sizeof(request)];
    rawsock client;
    int descriptor = meet(&client);
    memcpy(half, request, sizeof(request));
    half[sizeof(request) - 3] = '\0';
    ck_assert_int_eq(gdws_server_adopt_socket(NULL, descriptor, NULL, 0), GDWS_INVALID_PARAMETER);
    ck_assert_int_eq(gdws_server_adopt_socket(w.server, descriptor, NULL, 1),
                     GDWS_INVALID_PARAMETER);
    ck_assert_int_eq(gdws_server_adopt_upgraded(NULL, descriptor, request, NULL, 0),
                     GDWS_INVALID_PARAMETER);
    ck_assert_int_eq(gdws_server_adopt_upgraded(w.server, descriptor, NULL, NULL, 0),
                     GDWS_INVALID_PARAMETER);
    /* The request of an upgraded connection is there as a whole. */
    ck_assert_int_eq(gdws_server_adopt_upgraded(w.server, descriptor, half, NULL, 0),
                     GDWS_INVALID_PARAMETER);
    ck_assert_int_eq(gdws_server_judge_request(NULL, request, NULL, NULL), 400);
    ck_assert_int_eq(gdws_server_judge_request(w.server, NULL, NULL, NULL), 400);
    ck_assert(is_open(descriptor));
    (void)close(descriptor);
    rawsock_close(&client);
}
END_TEST

START_TEST(a_unix_socket_is_one_like_others)
{
    rawsock client = {.loop = w.loop};
    int ends[2];
    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
    ck_assert_int_eq(fcntl(ends[0], F_SETFL, O_NONBLOCK), 0);
    client.descriptor = ends[0];
    ck_assert_int_eq(gdws_server_adopt_socket(w.server, ends[1], NULL, 0), GDWS_OK);
    rawsock_upgrade(&client);
    WAIT_FOR(&w, w.at_server.connected == 1);
    ck_assert_str_eq(gdws_server_get_peer_address(w.server, w.at_server.id), "unix:");
    rawsock_close(&client);
}
END_TEST

/* The ping waits behind the message, and the pong cannot come before it. The small buffer is the
 * slow network. */
START_TEST(a_peer_that_reads_slowly_is_not_timed_out)
{
    static uint8_t message[1 << 20];
    static uint8_t piece[4096];
    rawsock client = {.loop = w.loop};
    size_t length = (size_t)world_scale(sizeof(message), 300000);
    size_t read_bytes = 0;
    int small = 32768;
    int ends[2];
    ck_assert_int_eq(gdws_server_set_heartbeat(w.server, 50, (uint32_t)world_scale(200, 2000)),
                     GDWS_OK);
    ck_assert_int_eq(gdws_server_set_outbound_buffer_size(w.server, 2 << 20), GDWS_OK);
    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
    ck_assert_int_eq(fcntl(ends[0], F_SETFL, O_NONBLOCK), 0);
    ck_assert_int_eq(setsockopt(ends[1], SOL_SOCKET, SO_SNDBUF, &small, sizeof(small)), 0);
    client.descriptor = ends[0];
    ck_assert_int_eq(gdws_server_adopt_socket(w.server, ends[1], NULL, 0), GDWS_OK);
    rawsock_upgrade(&client);
    WAIT_FOR(&w, w.at_server.connected == 1);
    ck_assert_int_eq(gdws_peer_put_packet(world_server_peer(&w), message, length), GDWS_OK);
    while (read_bytes < length) {
        uint64_t next = world_now_ms() + (uint64_t)world_scale(5, 50);
        while (world_now_ms() < next) {
            (void)gdws_loop_wait(w.loop, 2);
        }
        ssize_t got = recv(ends[0], piece, sizeof(piece), 0);
        ck_assert_int_ne((int)got, 0);
        read_bytes += got > 0 ? (size_t)got : 0;
        ck_assert_int_eq(w.at_server.closed, 0);
    }
    rawsock_close(&client);
}
END_TEST

/* The same rules as for a listened connection */

static bool refuse_all(gdws_server *server, gdws_request *asked, void *user)
{
    int *asked_times = user;
    (void)server;
    ++*asked_times;
    ck_assert_str_eq(gdws_request_get_path(asked), "/room");
    ck_assert_int_eq(gdws_request_set_refusal(asked, 401, "Log in first."), GDWS_OK);
    return false;
}

static void expect_status(rawsock *client, const char *status)
{
    char answer[4096];
    rawsock_read_headers(client, answer, sizeof(answer));
    ck_assert_msg(strncmp(answer + 9, status, 3) == 0, "%s", answer);
    rawsock_wait_for_end(client, WORLD_LIMIT_MS);
    rawsock_close(client);
}

static void adopt_opening(rawsock *client)
{
    int descriptor = meet(client);
    ck_assert_int_eq(gdws_server_adopt_socket(w.server, descriptor, request, sizeof(request) - 1),
                     GDWS_OK);
}

START_TEST(who_is_not_let_in_gets_an_answer)
{
    rawsock client;
    rawsock second;
    int asked = 0;
    ck_assert_int_eq(gdws_server_set_admission(w.server, refuse_all, &asked), GDWS_OK);
    adopt_opening(&client);
    expect_status(&client, "401");
    ck_assert_int_eq(asked, 1);
    ck_assert_int_eq(gdws_server_set_admission(w.server, NULL, NULL), GDWS_OK);
    ck_assert_int_eq(gdws_server_set_max_peers(w.server, 1), GDWS_OK);
    adopt_opening(&client);
    expect_101(&client);
    adopt_opening(&second);
    expect_status(&second, "503");
    rawsock_close(&client);
    int descriptor = meet(&client);
    ck_assert_int_eq(gdws_server_adopt_socket(w.server, descriptor, "GET / HTTP/1.1\r\n\r\n", 18),
                     GDWS_OK);
    expect_status(&client, "400");
    ck_assert_int_eq(w.at_server.connected, 1);
}
END_TEST

START_TEST(the_handshake_timeout_counts_from_the_adoption)
{
    rawsock client;
    ck_assert_int_eq(gdws_server_set_handshake_timeout_ms(w.server, 50), GDWS_OK);
    int descriptor = meet(&client);
    ck_assert_int_eq(gdws_server_adopt_socket(w.server, descriptor, request, 20), GDWS_OK);
    rawsock_wait_for_end(&client, WORLD_LIMIT_MS);
    ck_assert_uint_eq(client.length, 0);
    WAIT_FOR(&w, w.server->links == NULL);
    rawsock_close(&client);
}
END_TEST

/* A program may have slept in its own loop since it has last polled ours. */
START_TEST(the_time_before_the_adoption_does_not_count)
{
    enum { TIMEOUT_MS = 200 };
    rawsock client;
    ck_assert_int_eq(
        gdws_server_set_handshake_timeout_ms(w.server, (uint32_t)world_scale(TIMEOUT_MS, 4000)),
        GDWS_OK);
    int descriptor = meet(&client);
    ck_assert_int_eq(gdws_loop_poll(w.loop), GDWS_OK);
    uint64_t start = world_now_ms();
    while (world_now_ms() <= start + (uint64_t)world_scale(TIMEOUT_MS, 4000)) {
    }
    ck_assert_int_eq(gdws_server_adopt_socket(w.server, descriptor, request, 20), GDWS_OK);
    ck_assert_int_eq(gdws_loop_poll(w.loop), GDWS_OK);
    rawsock_send(&client, request + 20, sizeof(request) - 21, 0);
    expect_101(&client);
    rawsock_close(&client);
}
END_TEST

START_TEST(a_server_that_adopts_need_not_listen)
{
    rawsock client;
    adopt_opening(&client);
    ck_assert(!gdws_server_is_listening(w.server));
    ck_assert_int_eq(gdws_server_set_read_size(w.server, 4096), GDWS_ALREADY_IN_USE);
    expect_101(&client);
    WAIT_FOR(&w, w.at_server.connected == 1);
    gdws_server_stop(w.server);
    rawsock_expect_close(&client, 1001);
    WAIT_FOR(&w, w.at_server.closed == 1);
    rawsock_close(&client);
    ck_assert_int_eq(gdws_server_set_read_size(w.server, 4096), GDWS_OK);
    /* And it may do both at once. */
    adopt_opening(&client);
    expect_101(&client);
    rawsock_close(&client);
    world_listen(&w);
    WAIT_FOR(&w, w.at_server.closed == 2);
    world_connect(&w);
    adopt_opening(&client);
    expect_101(&client);
    rawsock_close(&client);
}
END_TEST

static void adopt_within(void *user)
{
    world *here = user;
    const uint8_t *packet;
    size_t length;
    int *descriptor = here->extra;
    ck_assert_int_eq(
        gdws_server_get_peer_packet(here->server, here->at_server.id, &packet, &length), GDWS_OK);
    ck_assert_int_eq(
        gdws_server_adopt_socket(here->server, *descriptor, request, sizeof(request) - 1), GDWS_OK);
}

START_TEST(a_signal_may_adopt)
{
    rawsock client;
    rawsock second;
    adopt_opening(&client);
    expect_101(&client);
    int descriptor = meet(&second);
    w.extra = &descriptor;
    w.at_server.on_data = adopt_within;
    rawsock_send_frame(&client, 0x81, "go", 2, true);
    expect_101(&second);
    rawsock_close(&client);
    rawsock_close(&second);
}
END_TEST

START_TEST(a_server_may_go_before_the_poll)
{
    rawsock client;
    adopt_opening(&client);
    gdws_server_free(w.server);
    w.server = NULL;
    rawsock_wait_for_end(&client, WORLD_LIMIT_MS);
    ck_assert_uint_eq(client.length, 0);
    rawsock_close(&client);
}
END_TEST

/* Requests that another server has answered */

typedef struct answer_lines {
    char text[1024];
} answer_lines;

static void note_header(const char *name, const char *value, void *user)
{
    answer_lines *lines = user;
    size_t used = strlen(lines->text);
    (void)snprintf(lines->text + used, sizeof(lines->text) - used, "%s: %s\n", name, value);
}

START_TEST(an_upgraded_connection_is_not_answered_again)
{
    static const char *const headers[] = {"X-Extra: yes"};
    answer_lines lines = {""};
    uint8_t opening[1024];
    rawsock client;
    ck_assert_int_eq(gdws_server_set_extra_headers(w.server, headers, 1), GDWS_OK);
    ck_assert_int_eq(gdws_server_judge_request(w.server, request, note_header, &lines), 101);
    ck_assert_str_eq(lines.text, "Upgrade: websocket\n"
                                 "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\n"
                                 "X-Extra: yes\n");
    size_t total = write_opening(opening);
    const size_t head = sizeof(request) - 1;
    for (size_t split = head; split <= total; split++) {
        int descriptor = meet(&client);
        rawsock_send(&client, opening + split, total - split, 0);
        ck_assert_int_eq(
            gdws_server_adopt_upgraded(w.server, descriptor, request, opening + head, split - head),
            GDWS_OK);
        expect_text(&client, "first");
        expect_text(&client, "second");
        rawsock_close(&client);
    }
}
END_TEST

START_TEST(a_server_with_a_key_takes_upgraded_connections_in_plaintext)
{
    const size_t head = sizeof(request) - 1;
    uint8_t opening[1024];
    rawsock client;
    secure();
    size_t total = write_opening(opening);
    int descriptor = meet(&client);
    ck_assert_int_eq(
        gdws_server_adopt_upgraded(w.server, descriptor, request, opening + head, total - head),
        GDWS_OK);
    expect_text(&client, "first");
    expect_text(&client, "second");
    rawsock_close(&client);
    (void)join_by_tls(0);
}
END_TEST

static void expect_refusal(int code, const char *reason)
{
    rawsock client;
    const uint8_t *payload;
    size_t length;
    int descriptor = meet(&client);
    ck_assert_int_eq(gdws_server_adopt_upgraded(w.server, descriptor, request, NULL, 0), GDWS_OK);
    ck_assert_int_eq(rawsock_read_frame(&client, &payload, &length), 0x88);
    ck_assert_int_eq(payload[0] << 8 | payload[1], code);
    ck_assert_str_eq((const char *)payload + 2, reason);
    rawsock_wait_for_end(&client, WORLD_LIMIT_MS);
    ck_assert_uint_eq(client.length, 0);
    rawsock_close(&client);
}

START_TEST(who_is_not_let_in_after_all_gets_a_close_frame)
{
    static const char *const protocols[] = {"chat"};
    int asked = 0;
    ck_assert_int_eq(gdws_server_set_admission(w.server, refuse_all, &asked), GDWS_OK);
    expect_refusal(1008, "Log in first.");
    ck_assert_int_eq(asked, 1);
    gdws_server_set_refuse_new_connections(w.server, true);
    expect_refusal(1013, "refused with 503");
    gdws_server_stop(w.server);
    ck_assert_int_eq(gdws_server_set_supported_protocols(w.server, protocols, 1), GDWS_OK);
    ck_assert_int_eq(w.at_server.connected, 0);
}
END_TEST

/* Whoever answered such a request with 101 made a mistake; the answer was given all the same. */
START_TEST(a_head_that_asks_for_no_upgrade_is_not_answered_either)
{
    static const char *const heads[] = {
        "GET / HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET /missing HTTP/1.1\r\nHost: a\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: a\r\n\r\n",
        "OPTIONS / HTTP/1.1\r\nHost: a\r\n\r\n",
    };
    rawsock client;
    if (_i >= 4) {
        ck_assert_int_eq(gdws_server_set_document_root(w.server, "test"), GDWS_OK);
    }
    int descriptor = meet(&client);
    ck_assert_int_eq(gdws_server_adopt_upgraded(w.server, descriptor, heads[_i % 4], NULL, 0),
                     GDWS_OK);
    rawsock_wait_for_end(&client, WORLD_LIMIT_MS);
    ck_assert_msg(client.length > 0 && client.bytes[0] == 0x88, "%.*s", (int)client.length,
                  (char *)client.bytes);
    rawsock_close(&client);
}
END_TEST

static int judge(const char *text)
{
    return gdws_server_judge_request(w.server, text, NULL, NULL);
}

START_TEST(a_request_is_judged_as_it_is_when_it_comes)
{
    static const char *const origins[] = {"https://game.example"};
    static const char *const protocols[] = {"chat", "game"};
    static const char offering[] =
        "GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        "Origin: https://game.example\r\nSec-WebSocket-Version: 13\r\n"
        "Sec-WebSocket-Protocol: other, game\r\n"
        "User-Agent: one of those that have much to say about themselves\r\n"
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
    answer_lines lines = {""};
    rawsock client;
    ck_assert_int_eq(judge("GET / HTTP/1.1\r\nHost: a\r\n\r\n"), 426);
    ck_assert_int_eq(judge("GET / HTTP/1.1\r\n\r\n"), 400);
    ck_assert_int_eq(judge("GET / HTTP/1.1\r\nHost: a\r\n"), 400);
    ck_assert_int_eq(judge("nonsense\r\n\r\n"), 400);
    ck_assert_int_eq(judge(request), 101);
    ck_assert_int_eq(gdws_server_set_supported_protocols(w.server, protocols, 2), GDWS_OK);
    ck_assert_int_eq(gdws_server_set_allowed_origins(w.server, origins, 1), GDWS_OK);
    ck_assert_int_eq(gdws_server_judge_request(w.server, offering, note_header, &lines), 101);
    ck_assert_ptr_nonnull(strstr(lines.text, "Sec-WebSocket-Protocol: game\n"));
    ck_assert_ptr_nonnull(
        strstr(lines.text, "Access-Control-Allow-Origin: https://game.example\n"));
    int descriptor = meet(&client);
    ck_assert_int_eq(gdws_server_adopt_upgraded(w.server, descriptor, offering, NULL, 0), GDWS_OK);
    WAIT_FOR(&w, w.at_server.connected == 1);
    ck_assert_str_eq(w.at_server.protocol, "game");
    ck_assert_int_eq(gdws_server_set_max_peers(w.server, 1), GDWS_OK);
    ck_assert_int_eq(judge(request), 503);
    ck_assert_int_eq(gdws_server_set_allowed_origins(w.server, protocols, 0), GDWS_OK);
    ck_assert_int_eq(gdws_server_set_max_request_size(w.server, 256), GDWS_OK);
    ck_assert_int_eq(judge(offering), 431);
    rawsock_close(&client);
}
END_TEST

Suite *adopting_suite(void)
{
    Suite *suite = suite_create("adopting");
    TCase *tests = tcase_create("adopting");
    tcase_set_timeout(tests, 120);
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_test(tests, a_request_may_have_been_read_up_to_any_byte);
    tcase_add_test(tests, what_was_not_sent_yet_is_waited_for);
    tcase_add_test(tests, what_was_read_is_used_by_the_next_poll);
    tcase_add_test(tests, a_client_that_has_hung_up_has_said_all_it_said);
    tcase_add_test(tests, a_client_hello_may_have_been_read_up_to_any_byte);
    tcase_add_test(tests, tls_is_the_servers_and_plaintext_is_another_servers);
    tcase_add_test(tests, a_key_without_a_certificate_adopts_nothing);
    tcase_add_test(tests, a_server_with_a_key_takes_upgraded_connections_in_plaintext);
    tcase_add_loop_test(tests, what_is_no_connection_stays_the_callers, 0,
                        (int)(sizeof(no_connections) / sizeof(no_connections[0])));
    tcase_add_test(tests, bad_arguments_are_refused);
    tcase_add_test(tests, a_unix_socket_is_one_like_others);
    if (!world_is_cut()) {
        tcase_add_test(tests, a_peer_that_reads_slowly_is_not_timed_out);
    }
    tcase_add_test(tests, who_is_not_let_in_gets_an_answer);
    tcase_add_test(tests, the_handshake_timeout_counts_from_the_adoption);
    tcase_add_test(tests, the_time_before_the_adoption_does_not_count);
    tcase_add_test(tests, a_server_that_adopts_need_not_listen);
    tcase_add_test(tests, a_signal_may_adopt);
    tcase_add_test(tests, a_server_may_go_before_the_poll);
    tcase_add_test(tests, an_upgraded_connection_is_not_answered_again);
    tcase_add_test(tests, who_is_not_let_in_after_all_gets_a_close_frame);
    tcase_add_loop_test(tests, a_head_that_asks_for_no_upgrade_is_not_answered_either, 0, 8);
    tcase_add_test(tests, a_request_is_judged_as_it_is_when_it_comes);
    suite_add_tcase(suite, tests);
    return suite;
}
