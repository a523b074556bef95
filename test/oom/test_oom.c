/* SPDX-License-Identifier: MIT */
/* Each allocation of gdws fails in turn while a client and a server are made, configured,
 * connected, talk, close and are freed. What must hold each time: an error that the program can
 * see, no crash, no leak, and objects that can be used on or freed. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "certs.h"
#include "gdws/lws.h"
#include "mem.h"
#include "rawsock.h"
#include "runtests.h"
#include "world.h"

/* No scenario has more allocations than this; if it seems to, something never recovers. */
#define ALLOCATIONS_MAX 400

typedef struct scene {
    gdws_loop *loop;
    gdws_server *server;
    gdws_client *client;
    int connected;
    int errors;
    int closed;
    int server_connected;
    int server_closed;
    int heard;
    int refused; /* calls that said OUT_OF_MEMORY */
} scene;

static void count(scene *s, gdws_error error)
{
    s->refused += error == GDWS_OUT_OF_MEMORY ? 1 : 0;
}

static void on_client_connected(gdws_server *server, int32_t id, const char *protocol, void *user)
{
    scene *s = user;
    (void)server;
    (void)id;
    (void)protocol;
    s->server_connected++;
}

static void on_server_data(gdws_server *server, int32_t id, void *user)
{
    scene *s = user;
    const uint8_t *packet;
    size_t length;
    gdws_peer *peer = gdws_server_get_peer(server, id);
    if (gdws_peer_get_packet(peer, &packet, &length) == GDWS_OK) {
        count(s, gdws_peer_put_packet(peer, packet, length));
        count(s, gdws_server_broadcast(server, packet, length, GDWS_WRITE_MODE_BINARY, 0, NULL));
    }
}

static void on_client_disconnected(gdws_server *server, int32_t id, bool was_clean, void *user)
{
    scene *s = user;
    (void)server;
    (void)id;
    (void)was_clean;
    s->server_closed++;
}

static void on_connected(gdws_client *client, const char *protocol, void *user)
{
    static const char message[3000] = "hello";
    scene *s = user;
    gdws_peer *peer = gdws_client_get_peer(client, 0);
    (void)protocol;
    s->connected++;
    count(s, gdws_peer_put_packet(peer, message, sizeof(message)));
    count(s, gdws_peer_send_text(peer, "and more"));
}

static void on_data(gdws_client *client, void *user)
{
    scene *s = user;
    const uint8_t *packet;
    size_t length;
    (void)gdws_client_get_peer_packet(client, 0, &packet, &length);
    s->heard++;
    if (s->heard == 4) {
        count(s, gdws_client_disconnect_from_host(client, 1000, "done"));
    }
}

static void on_closed(gdws_client *client, bool was_clean, void *user)
{
    scene *s = user;
    (void)client;
    (void)was_clean;
    s->closed++;
}

static void on_error(gdws_client *client, void *user)
{
    scene *s = user;
    ck_assert_str_ne(gdws_client_get_error_message(client), "");
    s->errors++;
}

static bool admit(gdws_server *server, gdws_request *request, void *user)
{
    (void)server;
    (void)user;
    ck_assert_str_eq(gdws_request_get_path(request), "/");
    /* A header for which there was no memory is not sent. */
    const char *token = gdws_request_get_header(request, "X-Token");
    ck_assert(token == NULL || strcmp(token, "b") == 0);
    return true;
}

static void configure(scene *s)
{
    static const char *const protocols[] = {"chat"};
    static const char *const headers[] = {"X-Token: b"};
    static const char *const origins[] = {"https://a.example"};
    gdws_server_signals server_signals = {.size = sizeof(server_signals),
                                          .user = s,
                                          .client_connected = on_client_connected,
                                          .data_received = on_server_data,
                                          .client_disconnected = on_client_disconnected};
    gdws_client_signals client_signals = {.size = sizeof(client_signals),
                                          .user = s,
                                          .connected_to_host = on_connected,
                                          .connection_error = on_error,
                                          .data_received = on_data,
                                          .connection_closed = on_closed};
    (void)gdws_server_set_signals(s->server, &server_signals);
    (void)gdws_client_set_signals(s->client, &client_signals);
    (void)gdws_server_set_bind_ip(s->server, "127.0.0.1");
    count(s, gdws_server_set_supported_protocols(s->server, protocols, 1));
    count(s, gdws_server_set_extra_headers(s->server, headers, 1));
    count(s, gdws_server_set_allowed_origins(s->server, origins, 1));
    count(s, gdws_server_set_document_root(s->server, "."));
    (void)gdws_server_set_admission(s->server, admit, s);
    count(s, gdws_client_set_supported_protocols(s->client, protocols, 1));
    count(s, gdws_client_set_handshake_headers(s->client, headers, 1));
    (void)gdws_client_set_handshake_timeout_ms(s->client, 1000);
}

/* From a file, which is read into memory. */
static void configure_tls(scene *s, const char *key_file)
{
    const cert *own = cert_localhost();
    const char *trusted = cert_authority()->certificate;
    count(s, gdws_server_set_private_key(s->server, key_file, NULL));
    count(s, gdws_server_set_ssl_certificate(s->server, own->certificate));
    count(s, gdws_client_set_trusted_certificate(s->client, trusted));
    count(s, gdws_server_replace_certificate(s->server, own->certificate, NULL, own->key, NULL));
}

/* Talk until it is over one way or another. */
static void talk(scene *s, const char *scheme, const char *host)
{
    char url[64];
    gdws_error error = gdws_server_listen(s->server, 0);
    count(s, error);
    if (error != GDWS_OK) {
        return;
    }
    (void)snprintf(url, sizeof(url), "%s://%s:%u/", scheme, host, gdws_server_get_port(s->server));
    error = gdws_client_connect_to_url(s->client, url);
    count(s, error);
    if (error != GDWS_OK) {
        return;
    }
    uint64_t limit = world_now_ms() + WORLD_LIMIT_MS;
    uint64_t quiet_since = world_now_ms();
    int heard = 0;
    while (s->closed == 0 && s->errors == 0 && world_now_ms() - quiet_since < 300) {
        (void)gdws_loop_wait(s->loop, 10);
        if (s->heard != heard || s->connected == 0) {
            /* A message that could not be queued is missed: the talk ends when it falls silent. */
            quiet_since = world_now_ms();
            heard = s->heard;
        }
        ck_assert(world_now_ms() < limit);
    }
}

/* Play the scene with the nth allocation failing. Returns whether it was reached. */
static bool play(size_t nth, const char *host, const char *key_file)
{
    scene s = {0};
    gdwsi_mem_fail_at(nth);
    s.loop = gdws_loop_new();
    if (s.loop != NULL) {
        s.server = gdws_server_new(s.loop);
        s.client = gdws_client_new(s.loop);
    }
    if (s.server != NULL && s.client != NULL) {
        configure(&s);
        if (key_file != NULL) {
            configure_tls(&s, key_file);
        }
        talk(&s, key_file != NULL ? "wss" : "ws", host);
    }
    bool is_noticed = s.loop == NULL || s.server == NULL || s.client == NULL || s.refused > 0 ||
                      s.errors > 0 || s.closed > 0;
    gdws_client_free(s.client);
    gdws_server_free(s.server);
    gdws_loop_free(s.loop);
    bool has_failed = gdwsi_mem_has_failed();
    gdwsi_mem_fail_at(0);
    ck_assert_msg(gdwsi_mem_live() == 0, "allocation %zu: %zu left", nth, gdwsi_mem_live());
    ck_assert_msg(is_noticed, "allocation %zu: nobody noticed", nth);
    ck_assert_int_eq(s.connected, s.closed);
    ck_assert_int_eq(s.server_connected, s.server_closed);
    ck_assert_msg(has_failed || (s.heard == 4 && s.errors == 0),
                  "nothing failed, but heard %d, errors %d, connected %d, refused %d, n %zu",
                  s.heard, s.errors, s.connected, s.refused, nth);
    return has_failed;
}

static void play_all(const char *host, const char *key_file)
{
    size_t nth = 1;
    gdws_set_log_level(GDWS_LOG_NONE);
    while (play(nth, host, key_file)) {
        nth++;
        ck_assert_uint_lt(nth, ALLOCATIONS_MAX);
    }
    /* The hook was used at all. */
    ck_assert_uint_gt(nth, 20);
}

START_TEST(every_allocation_may_fail)
{
    play_all("127.0.0.1", NULL);
}
END_TEST

START_TEST(every_allocation_may_fail_with_a_lookup)
{
    play_all("localhost", NULL);
}
END_TEST

START_TEST(what_cannot_even_begin_is_said_at_once)
{
    gdws_error error = GDWS_FAILED;
    gdws_client *client = gdws_client_new(NULL);
    gdws_set_log_level(GDWS_LOG_NONE);
    for (size_t nth = 1; error != GDWS_OK; nth++) {
        gdwsi_mem_fail_at(nth);
        error = gdws_client_connect_to_url(client, "ws://localhost:1/");
        gdwsi_mem_fail_at(0);
        ck_assert(error == GDWS_OK || error == GDWS_OUT_OF_MEMORY);
        ck_assert_int_eq(gdws_client_get_error(client), error);
        const char *text = gdws_client_get_error_message(client);
        ck_assert(error == GDWS_OK || strstr(text, "out of memory") != NULL);
    }
    gdws_client_free(client);
    ck_assert_uint_eq(gdwsi_mem_live(), 0);
}
END_TEST

START_TEST(every_allocation_may_fail_with_tls)
{
    char key_file[64];
    cert_write(cert_localhost()->key, key_file);
    play_all("127.0.0.1", key_file);
    (void)unlink(key_file);
}
END_TEST

/* Fetch a file twice on one connection with the nth allocation from now failing. Returns whether it
 * was reached. What comes is the file, or an answer that says that there is no memory, or an end.
 */
static bool fetch(size_t nth)
{
    static const char request[] = "GET /LICENSE HTTP/1.1\r\nHost: a\r\n\r\n"
                                  "GET /LICENSE HTTP/1.1\r\nHost: a\r\n\r\n";
    char head[2048];
    rawsock raw;
    gdws_loop *loop = gdws_loop_new();
    gdws_server *server = gdws_server_new(loop);
    ck_assert_int_eq(gdws_server_set_bind_ip(server, "127.0.0.1"), GDWS_OK);
    ck_assert_int_eq(gdws_server_set_document_root(server, "."), GDWS_OK);
    ck_assert_int_eq(gdws_server_listen(server, 0), GDWS_OK);
    rawsock_connect(&raw, loop, gdws_server_get_port(server));
    gdwsi_mem_fail_at(nth);
    rawsock_send(&raw, request, sizeof(request) - 1, 0);
    rawsock_wait_for(&raw, 12);
    int answers = 0;
    while (answers < 2 && raw.length > 0) {
        rawsock_read_headers(&raw, head, sizeof(head));
        bool is_file = strncmp(head, "HTTP/1.1 200 ", 13) == 0;
        ck_assert_msg(is_file || strncmp(head, "HTTP/1.1 500 ", 13) == 0, "%s", head);
        size_t length = strtoul(strstr(head, "Content-Length: ") + 16, NULL, 10);
        rawsock_wait_for(&raw, length);
        ck_assert_uint_ge(raw.length, length);
        rawsock_consume(&raw, length);
        answers = is_file ? answers + 1 : 2;
        rawsock_wait_for(&raw, answers < 2 ? 12 : 0);
    }
    bool has_failed = gdwsi_mem_has_failed();
    gdwsi_mem_fail_at(0);
    ck_assert(has_failed || answers == 2);
    rawsock_close(&raw);
    gdws_server_free(server);
    gdws_loop_free(loop);
    ck_assert_uint_eq(gdwsi_mem_live(), 0);
    return has_failed;
}

START_TEST(every_allocation_may_fail_while_a_file_is_sent)
{
    size_t nth = 1;
    gdws_set_log_level(GDWS_LOG_NONE);
    while (fetch(nth)) {
        nth++;
        ck_assert_uint_lt(nth, ALLOCATIONS_MAX);
    }
    ck_assert_uint_gt(nth, 3);
}
END_TEST

/* Adopt a socket with the nth allocation from now failing. Returns whether it was reached. The
 * socket is the caller's on error, and good for another try. */
static bool adopt(size_t nth)
{
    static const char request[] =
        "GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
    rawsock raw = {.descriptor = -1};
    int ends[2];
    gdws_loop *loop = gdws_loop_new();
    gdws_server *server = gdws_server_new(loop);
    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
    ck_assert_int_eq(fcntl(ends[0], F_SETFL, O_NONBLOCK), 0);
    raw.loop = loop;
    raw.descriptor = ends[0];
    gdwsi_mem_fail_at(nth);
    gdws_error error = gdws_server_adopt_socket(server, ends[1], request, sizeof(request) - 1);
    bool was_refused = error != GDWS_OK;
    if (was_refused) {
        gdwsi_mem_fail_at(0);
        ck_assert_int_eq(error, GDWS_OUT_OF_MEMORY);
        ck_assert_int_eq(fcntl(ends[1], F_GETFL) & O_NONBLOCK, 0);
        ck_assert_int_eq(gdws_server_adopt_socket(server, ends[1], request, sizeof(request) - 1),
                         GDWS_OK);
    }
    rawsock_wait_for(&raw, 12);
    bool has_failed = was_refused || gdwsi_mem_has_failed();
    gdwsi_mem_fail_at(0);
    bool is_answered = raw.length >= 12 && memcmp(raw.bytes, "HTTP/1.1 101", 12) == 0;
    ck_assert(is_answered || (has_failed && !was_refused));
    rawsock_close(&raw);
    gdws_server_free(server);
    gdws_loop_free(loop);
    ck_assert_uint_eq(gdwsi_mem_live(), 0);
    return has_failed;
}

START_TEST(every_allocation_may_fail_while_a_socket_is_adopted)
{
    size_t nth = 1;
    gdws_set_log_level(GDWS_LOG_NONE);
    while (adopt(nth)) {
        nth++;
        ck_assert_uint_lt(nth, ALLOCATIONS_MAX);
    }
    ck_assert_uint_gt(nth, 4);
}
END_TEST

/* What a program has that runs libwebsockets itself. */
static struct lws_context *make_context(struct lws_protocols *protocols)
{
    struct lws_context_creation_info info;
    memset(&info, 0, sizeof(info));
    info.port = 0;
    info.iface = "127.0.0.1";
    info.options = LWS_SERVER_OPTION_DISABLE_IPV6;
    info.protocols = protocols;
    info.vhost_name = "host";
    return lws_create_context(&info);
}

/* A peer comes to a vhost with the nth allocation from now failing. Returns whether it was reached.
 * What comes is the handshake, a refusal, or an end. */
static bool visit_vhost(size_t nth)
{
    static const char request[] =
        "GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
    struct lws_protocols protocols[2];
    struct lws_context *context = NULL;
    rawsock raw = {.descriptor = -1};
    gdws_loop *loop = gdws_loop_new();
    gdws_server *server = gdws_server_new(loop);
    memset(protocols, 0, sizeof(protocols));
    gdwsi_mem_fail_at(nth);
    gdws_error error = gdws_server_init_lws_protocol(server, "gdws", &protocols[0]);
    ck_assert(error == GDWS_OK || error == GDWS_OUT_OF_MEMORY);
    if (error == GDWS_OK) {
        context = make_context(protocols);
    }
    struct lws_vhost *vhost = context != NULL ? lws_get_vhost_by_name(context, "host") : NULL;
    if (vhost != NULL) {
        rawsock_connect_plain(&raw, loop, (uint16_t)lws_get_vhost_listen_port(vhost));
        ck_assert_int_eq(send(raw.descriptor, request, sizeof(request) - 1, 0),
                         sizeof(request) - 1);
        uint64_t limit = world_now_ms() + WORLD_LIMIT_MS;
        while (raw.length < 12 && !raw.is_ended) {
            (void)lws_service(context, -1);
            rawsock_receive(&raw);
            ck_assert(world_now_ms() < limit);
        }
        for (int i = 0; i < 5; i++) {
            (void)lws_service(context, -1);
        }
    }
    bool has_failed = gdwsi_mem_has_failed();
    gdwsi_mem_fail_at(0);
    ck_assert(has_failed || (raw.length >= 12 && memcmp(raw.bytes, "HTTP/1.1 101", 12) == 0));
    lws_context_destroy(context);
    if (raw.descriptor >= 0) {
        rawsock_close(&raw);
    }
    gdws_server_free(server);
    gdws_loop_free(loop);
    ck_assert_uint_eq(gdwsi_mem_live(), 0);
    return has_failed;
}

START_TEST(every_allocation_may_fail_on_a_vhost)
{
    size_t nth = 1;
    gdws_set_log_level(GDWS_LOG_NONE);
    while (visit_vhost(nth)) {
        nth++;
        ck_assert_uint_lt(nth, ALLOCATIONS_MAX);
    }
    ck_assert_uint_gt(nth, 6);
}
END_TEST

/* In a process that may not have more memory than it has and room bytes: make a loop, which may
 * fail. Returns how it ends. */
static int make_loop_within(size_t room)
{
    int status = 0;
    pid_t child = fork();
    ck_assert_int_ge(child, 0);
    if (child == 0) {
        size_t pages = 0;
        FILE *file = fopen("/proc/self/statm", "r");
        if (file == NULL || fscanf(file, "%zu", &pages) != 1) {
            _exit(2);
        }
        struct rlimit limit = {.rlim_cur = pages * (size_t)sysconf(_SC_PAGESIZE) + room};
        limit.rlim_max = limit.rlim_cur;
        if (setrlimit(RLIMIT_AS, &limit) != 0) {
            _exit(2);
        }
        gdws_loop *loop = gdws_loop_new();
        gdws_loop_free(loop);
        _exit(loop != NULL ? 0 : 1);
    }
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    return status;
}

/* What libwebsockets does not survive, it is not asked for. A sanitizer's own memory is no part of
 * any limit, so there is none of this with one. */
START_TEST(a_loop_for_which_there_is_no_memory_is_not_made)
{
    int made = 0;
    int refused = 0;
    size_t room = 0;
    gdws_set_log_level(GDWS_LOG_NONE);
    gdws_loop_free(gdws_loop_new()); /* libwebsockets' plugin is loaded */
    for (; room < (size_t)64 << 20 && made < 3; room += (size_t)128 << 10) {
        int status = make_loop_within(room);
        ck_assert_msg(WIFEXITED(status), "%zu bytes: signal %d", room, WTERMSIG(status));
        ck_assert_int_ne(WEXITSTATUS(status), 2);
        made += WEXITSTATUS(status) == 0 ? 1 : 0;
        refused += WEXITSTATUS(status) == 1 ? 1 : 0;
    }
    ck_assert_int_eq(made, 3);
    ck_assert_int_gt(refused, 0);
}
END_TEST

Suite *oom_suite(void)
{
    Suite *suite = suite_create("oom");
    TCase *tests = tcase_create("oom");
    tcase_set_timeout(tests, 300);
    tcase_add_test(tests, every_allocation_may_fail);
    tcase_add_test(tests, every_allocation_may_fail_with_a_lookup);
    tcase_add_test(tests, every_allocation_may_fail_while_a_file_is_sent);
    tcase_add_test(tests, what_cannot_even_begin_is_said_at_once);
    tcase_add_test(tests, every_allocation_may_fail_with_tls);
    tcase_add_test(tests, every_allocation_may_fail_while_a_socket_is_adopted);
    tcase_add_test(tests, every_allocation_may_fail_on_a_vhost);
    if (world_limits_memory()) {
        tcase_add_test(tests, a_loop_for_which_there_is_no_memory_is_not_made);
    }
    suite_add_tcase(suite, tests);
    return suite;
}
