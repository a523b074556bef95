/* SPDX-License-Identifier: MIT */
/* A gdws server on a vhost of a program that runs libwebsockets itself, on its own loop (poll) or
 * on one of libuv's. The other side is a client on a gdws loop of its own. */
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <openssl/ssl.h>
#include <uv.h>

#include "certs.h"
#include "gdws/lws.h"
#include "mem.h"
#include "rawsock.h"
#include "runtests.h"
#include "server.h"
#include "world.h"

/* What the program has besides. */
typedef struct program {
    struct lws_context *context;
    struct lws_vhost *vhost;
    uv_loop_t uv;
    bool is_uv;
    gdws_loop *loop; /* of the server on the vhost */
    gdws_server *server;
    struct lws_protocols protocols[4];
    uint16_t port;
    int own_messages; /* that the program's own protocol has received */
    int own_answers;  /* and answered */
} program;

static program p;
static world w; /* its loop and client are the other side, its server is not used */

/* The program's own HTTP and its own protocol. */
static int on_own(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in,
                  size_t length)
{
    uint8_t text[LWS_PRE + 16];
    switch (reason) {
    case LWS_CALLBACK_HTTP:
        return lws_return_http_status(wsi, 404, "of the program") != 0 ||
                       lws_http_transaction_completed(wsi) != 0
                   ? -1
                   : 0;
    case LWS_CALLBACK_RECEIVE:
        p.own_messages++;
        (void)lws_callback_on_writable(wsi);
        return 0;
    case LWS_CALLBACK_SERVER_WRITEABLE:
        /* It also comes when libwebsockets has sent what the kernel had not taken at once. */
        if (p.own_answers == p.own_messages) {
            return 0;
        }
        p.own_answers++;
        memcpy(text + LWS_PRE, "own", 3);
        return lws_write(wsi, text + LWS_PRE, 3, LWS_WRITE_TEXT) < 0 ? -1 : 0;
    default:
        return lws_callback_http_dummy(wsi, reason, user, in, length);
    }
}

/* Let the program's loop do what there is to do, without waiting. */
static void pass(void)
{
    if (p.context != NULL && p.is_uv) {
        (void)uv_run(&p.uv, UV_RUN_NOWAIT);
    } else if (p.context != NULL) {
        (void)lws_service(p.context, -1);
    }
}

#define WAIT(condition)                                                                            \
    do {                                                                                           \
        uint64_t limit_ = world_now_ms() + WORLD_LIMIT_MS;                                         \
        while (!(condition)) {                                                                     \
            pass();                                                                                \
            gdws_loop_wait(w.loop, 1);                                                             \
            ck_assert_msg(world_now_ms() < limit_, "waited in vain for: %s", #condition);          \
        }                                                                                          \
    } while (0)

/* What the next vhost is to be secured with; "" for nothing. */
static char certificate_file[64];
static char key_file[64];
static const char *alpn = "http/1.1";

static struct lws_vhost *make_vhost(const char *name, bool is_first)
{
    struct lws_context_creation_info info;
    memset(&info, 0, sizeof(info));
    memset(p.protocols, 0, sizeof(p.protocols));
    struct lws_protocols *entry = &p.protocols[is_first ? 0 : 1];
    p.protocols[is_first ? 1 : 0] = (struct lws_protocols){
        .name = "own", .callback = on_own, .per_session_data_size = 64, .rx_buffer_size = 4096};
    ck_assert_int_eq(gdws_server_init_lws_protocol(p.server, "gdws", entry), GDWS_OK);
    ck_assert_int_eq(gdws_server_init_lws_protocol(p.server, "gdws-2", &p.protocols[2]), GDWS_OK);
    info.vhost_name = name;
    info.port = 0;
    info.iface = "127.0.0.1";
    info.options = LWS_SERVER_OPTION_DISABLE_IPV6;
    info.protocols = p.protocols;
    if (key_file[0] != '\0') {
        info.options |= LWS_SERVER_OPTION_DO_SSL_GLOBAL_INIT;
        info.ssl_cert_filepath = certificate_file;
        info.ssl_private_key_filepath = key_file;
        info.alpn = alpn;
    }
    return lws_create_vhost(p.context, &info);
}

static void make_context(void)
{
    void *loops[1] = {&p.uv};
    struct lws_context_creation_info info;
    memset(&info, 0, sizeof(info));
    info.port = CONTEXT_PORT_NO_LISTEN;
    info.options = LWS_SERVER_OPTION_EXPLICIT_VHOSTS;
    if (p.is_uv) {
        ck_assert_int_eq(uv_loop_init(&p.uv), 0);
        info.options |= LWS_SERVER_OPTION_LIBUV;
        info.foreign_loops = loops;
    }
    p.context = lws_create_context(&info);
    ck_assert_ptr_nonnull(p.context);
}

/* Not UV_RUN_DEFAULT: where libwebsockets forgets a handle, that never ends. */
static void run_until_empty(void)
{
    uint64_t limit = world_now_ms() + WORLD_LIMIT_MS;
    while (uv_run(&p.uv, UV_RUN_NOWAIT) != 0) {
        ck_assert_msg(world_now_ms() < limit, "something is left in the program's loop");
    }
}

static void destroy_context(void)
{
    lws_context_destroy(p.context);
    if (p.is_uv) {
        run_until_empty();
        lws_context_destroy(p.context);
        run_until_empty();
        ck_assert_int_eq(uv_loop_close(&p.uv), 0);
    }
    p.context = NULL;
}

static void set_up(int kind)
{
    world_init_idle(&w);
    memset(&p, 0, sizeof(p));
    p.is_uv = kind % 2 == 1;
    p.loop = gdws_loop_new();
    p.server = gdws_server_new(p.loop);
    /* The world's witness writes down what the server on the vhost signals. */
    gdws_server_signals signals = w.server->signals;
    ck_assert_int_eq(gdws_server_set_signals(p.server, &signals), GDWS_OK);
    w.takes_packets = true;
    w.echoes = true;
    make_context();
}

static void open_vhost(bool is_first)
{
    p.vhost = make_vhost("vhost", is_first);
    ck_assert_ptr_nonnull(p.vhost);
    p.port = (uint16_t)lws_get_vhost_listen_port(p.vhost);
    ck_assert_uint_ne(p.port, 0);
}

static void tear_down(void)
{
    if (p.context != NULL) {
        destroy_context();
    }
    gdws_server_free(p.server);
    gdws_loop_free(p.loop);
    world_free(&w);
}

static void begin_to_connect(gdws_client *client, const char *protocol)
{
    char url[64];
    const char *const protocols[] = {protocol};
    (void)snprintf(url, sizeof(url), "%s://127.0.0.1:%u/room?a=1",
                   key_file[0] != '\0' ? "wss" : "ws", p.port);
    ck_assert_int_eq(gdws_client_set_supported_protocols(client, protocols, 1), GDWS_OK);
    ck_assert_int_eq(gdws_client_connect_to_url(client, url), GDWS_OK);
}

static void connect_client(const char *protocol)
{
    int connected = w.at_client.connected;
    begin_to_connect(w.client, protocol);
    WAIT(w.at_client.connected > connected || w.at_client.errors > 0);
    ck_assert_msg(w.at_client.errors == 0, "%s", gdws_client_get_error_message(w.client));
}

static gdws_peer *server_peer(void)
{
    return gdws_server_get_peer(p.server, w.at_server.id);
}

/* Both kinds of loops, and gdws' entry as the first of the table or not. */
enum { KINDS = 4 };

START_TEST(a_peer_on_a_vhost_is_one_like_others)
{
    set_up(_i);
    open_vhost(_i >= 2);
    connect_client("gdws");
    WAIT(w.at_server.connected == 1);
    ck_assert_str_eq(w.at_server.protocol, "gdws");
    ck_assert_str_eq(gdws_server_get_peer_address(p.server, w.at_server.id), "127.0.0.1");
    char url[64];
    (void)snprintf(url, sizeof(url), "ws://127.0.0.1:%u/room?a=1", p.port);
    ck_assert_str_eq(gdws_peer_get_requested_url(server_peer()), url);
    for (int i = 0; i < 1000; i++) {
        ck_assert_int_eq(gdws_peer_put_packet(world_client_peer(&w), "x", 1), GDWS_OK);
    }
    WAIT(w.at_client.data == 1000);
    ck_assert_int_eq(gdws_client_disconnect_from_host(w.client, 4001, "enough"), GDWS_OK);
    WAIT(w.at_server.closed == 1 && w.at_client.closed == 1);
    ck_assert(w.at_server.was_clean && w.at_client.was_clean);
    ck_assert_int_eq(w.at_server.code, 4001);
    ck_assert_str_eq(w.at_server.reason, "enough");
    connect_client("gdws-2");
    WAIT(w.at_server.connected == 2);
    ck_assert_str_eq(w.at_server.protocol, "gdws-2");
    ck_assert_int_eq(gdws_server_disconnect_peer(p.server, w.at_server.id, 4002, "you"), GDWS_OK);
    WAIT(w.at_server.closed == 2 && w.at_client.closed == 2);
    ck_assert_int_eq(w.at_client.code, 4002);
    ck_assert(w.at_server.was_clean && w.at_client.was_clean);
    tear_down();
}
END_TEST

static void expect_answer(rawsock *raw, const char *begin)
{
    uint64_t limit = world_now_ms() + WORLD_LIMIT_MS;
    size_t length = strlen(begin);
    while (raw->length < length && !raw->is_ended) {
        pass();
        gdws_loop_wait(w.loop, 1);
        rawsock_receive(raw);
        ck_assert(world_now_ms() < limit);
    }
    ck_assert_msg(raw->length >= length && memcmp(raw->bytes, begin, length) == 0, "%.*s",
                  (int)raw->length, (const char *)raw->bytes);
}

START_TEST(the_programs_own_http_and_protocols_go_on)
{
    rawsock raw;
    set_up(_i);
    open_vhost(_i >= 2);
    connect_client("gdws");
    gdws_client *second = gdws_client_new(w.loop);
    begin_to_connect(second, "own");
    gdws_peer *own = gdws_client_get_peer(second, 1);
    WAIT(gdws_peer_is_connected_to_host(own));
    for (int i = 0; i < 10; i++) {
        int heard = w.at_client.data;
        ck_assert_int_eq(gdws_peer_send_text(own, "x"), GDWS_OK);
        ck_assert_int_eq(gdws_peer_put_packet(world_client_peer(&w), "x", 1), GDWS_OK);
        rawsock_connect_plain(&raw, w.loop, p.port);
        static const char request[] = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
        rawsock_send(&raw, request, sizeof(request) - 1, 0);
        expect_answer(&raw, "HTTP/1.1 404 ");
        rawsock_close(&raw);
        WAIT(w.at_client.data > heard &&
             gdws_peer_get_available_packet_count(own) == (size_t)i + 1);
    }
    ck_assert_int_eq(p.own_messages, 10);
    gdws_client_free(second);
    tear_down();
}
END_TEST

START_TEST(a_table_that_begins_with_gdws_takes_clients_without_subprotocol)
{
    set_up(_i);
    open_vhost(true);
    char url[64];
    (void)snprintf(url, sizeof(url), "ws://127.0.0.1:%u/", p.port);
    ck_assert_int_eq(gdws_client_connect_to_url(w.client, url), GDWS_OK);
    WAIT(w.at_server.connected == 1 && w.at_client.connected == 1);
    ck_assert_str_eq(w.at_server.protocol, "");
    tear_down();
}
END_TEST

/* Put the message of this number, if there is room for it. Returns the next number. */
static int put_numbered(gdws_peer *peer, int number, uint8_t *message, size_t size)
{
    memset(message, number, size);
    return gdws_peer_put_packet(peer, message, size) == GDWS_OK ? number + 1 : number;
}

/* Take the message of this number, if it is there. Returns the next number. */
static int take_numbered(gdws_peer *peer, int number, size_t size)
{
    const uint8_t *packet;
    size_t length;
    if (gdws_peer_get_packet(peer, &packet, &length) != GDWS_OK) {
        return number;
    }
    ck_assert_uint_eq(length, size);
    ck_assert_int_eq(packet[0], number);
    ck_assert_int_eq(packet[size / 2], number);
    ck_assert_int_eq(packet[size - 1], number);
    return number + 1;
}

/* Large messages, more than the kernel takes at once, both ways, and readers that are slow. */
START_TEST(nothing_is_lost_when_it_is_too_much)
{
    enum { COUNT = 40 };
    const size_t size = 300000;
    uint8_t *message = malloc(size);
    int put[2] = {0, 0};
    int taken[2] = {0, 0};
    set_up(_i);
    open_vhost(false);
    connect_client("gdws");
    WAIT(w.at_server.connected == 1);
    w.echoes = false;
    w.takes_packets = false;
    uint64_t limit = world_now_ms() + 6 * WORLD_LIMIT_MS;
    for (int turn = 0; taken[0] < COUNT || taken[1] < COUNT; turn++) {
        gdws_peer *peers[2] = {server_peer(), world_client_peer(&w)};
        for (int i = 0; i < 2; i++) {
            put[i] = put[i] < COUNT ? put_numbered(peers[i], put[i], message, size) : COUNT;
            if (turn % 5 == 0) {
                taken[i] = take_numbered(peers[i], taken[i], size);
            }
        }
        pass();
        gdws_loop_poll(w.loop);
        ck_assert(world_now_ms() < limit);
    }
    free(message);
    tear_down();
}
END_TEST

START_TEST(the_queue_drains_and_says_so)
{
    const size_t size = 900000;
    uint8_t *message = calloc(1, size);
    set_up(_i);
    open_vhost(false);
    connect_client("gdws");
    WAIT(w.at_server.connected == 1);
    ck_assert_int_eq(gdws_peer_put_packet(server_peer(), message, size), GDWS_OK);
    ck_assert_int_eq(gdws_peer_put_packet(server_peer(), message, size), GDWS_OUT_OF_MEMORY);
    WAIT(w.at_server.drained == 1 && w.at_client.data == 1);
    ck_assert_int_eq(gdws_peer_put_packet(server_peer(), message, size), GDWS_OK);
    WAIT(w.at_client.data == 2);
    free(message);
    tear_down();
}
END_TEST

START_TEST(tls_is_the_vhosts)
{
    const size_t size = 700000;
    uint8_t *message = calloc(1, size);
    set_up(_i);
    cert_write(cert_localhost()->certificate, certificate_file);
    cert_write(cert_localhost()->key, key_file);
    ck_assert_int_eq(gdws_client_set_trusted_certificate(w.client, cert_authority()->certificate),
                     GDWS_OK);
    open_vhost(_i >= 2);
    connect_client("gdws");
    WAIT(w.at_server.connected == 1);
    ck_assert_int_eq(strncmp(gdws_peer_get_requested_url(server_peer()), "wss://127.0.0.1:", 16),
                     0);
    for (int i = 1; i <= 20; i++) {
        ck_assert_int_eq(gdws_peer_put_packet(world_client_peer(&w), message, size), GDWS_OK);
        WAIT(w.at_client.data == i);
    }
    ck_assert_int_eq(gdws_client_disconnect_from_host(w.client, 1000, ""), GDWS_OK);
    WAIT(w.at_server.closed == 1 && w.at_client.closed == 1);
    ck_assert(w.at_server.was_clean && w.at_client.was_clean);
    (void)unlink(certificate_file);
    (void)unlink(key_file);
    key_file[0] = '\0';
    free(message);
    tear_down();
}
END_TEST

/* The program puts it, and libwebsockets' loop may be asleep. */
START_TEST(what_is_put_between_events_leaves_without_another_event)
{
    set_up(_i);
    open_vhost(false);
    connect_client("gdws");
    WAIT(w.at_server.connected == 1);
    for (int i = 0; i < 20; i++) {
        pass();
    }
    ck_assert_int_eq(gdws_peer_put_packet(server_peer(), "x", 1), GDWS_OK);
    /* These sleep until something happens, for 30 s if need be. */
    if (p.is_uv) {
        (void)uv_run(&p.uv, UV_RUN_ONCE);
        (void)uv_run(&p.uv, UV_RUN_ONCE);
    } else {
        ck_assert_int_ge(lws_service(p.context, 0), 0);
    }
    uint64_t start = world_now_ms();
    WAIT(w.at_client.data == 1);
    ck_assert_uint_lt(world_now_ms() - start, 5000);
    tear_down();
}
END_TEST

static bool refuse_all(gdws_server *server, gdws_request *asked, void *user)
{
    int *times = user;
    ++*times;
    ck_assert_int_eq(gdws_server_poll(server), GDWS_BUSY);
    ck_assert_str_eq(gdws_request_get_path(asked), "/room");
    ck_assert_str_eq(gdws_request_get_query(asked), "a=1");
    const char *const *offered;
    ck_assert_uint_eq(gdws_request_get_protocols(asked, &offered), 1);
    ck_assert_str_eq(offered[0], "gdws");
    ck_assert_int_eq(gdws_request_set_refusal(asked, 401, "Log in first."), GDWS_OK);
    return false;
}

static void expect_refusal(int status)
{
    int errors = w.at_client.errors;
    begin_to_connect(w.client, "gdws");
    WAIT(w.at_client.errors > errors);
    ck_assert_int_eq(gdws_client_get_http_status(w.client), status);
}

START_TEST(who_is_not_let_in_gets_an_answer)
{
    static const char *const origins[] = {"https://game.example"};
    static const char *const foreign[] = {"Origin: https://other.example"};
    int asked = 0;
    set_up(_i);
    open_vhost(_i >= 2);
    ck_assert_int_eq(gdws_server_set_admission(p.server, refuse_all, &asked), GDWS_OK);
    expect_refusal(401);
    ck_assert_int_eq(asked, 1);
    ck_assert_int_eq(gdws_server_set_admission(p.server, NULL, NULL), GDWS_OK);
    gdws_server_set_refuse_new_connections(p.server, true);
    expect_refusal(503);
    gdws_server_set_refuse_new_connections(p.server, false);
    ck_assert_int_eq(gdws_server_set_allowed_origins(p.server, origins, 1), GDWS_OK);
    ck_assert_int_eq(gdws_client_set_handshake_headers(w.client, foreign, 1), GDWS_OK);
    expect_refusal(403);
    ck_assert_int_eq(gdws_client_set_handshake_headers(w.client, NULL, 0), GDWS_OK);
    w.at_client.errors = 0;
    connect_client("gdws");
    WAIT(w.at_server.connected == 1);
    ck_assert_ptr_eq(p.server->links->next, NULL);
    tear_down();
}
END_TEST

/* libwebsockets lets requests for a WebSocket through that ask for no path. */
START_TEST(a_request_without_a_path_is_refused)
{
    static const char *const targets[] = {"room", "*", "http://127.0.0.1/room", ""};
    rawsock raw;
    set_up(_i);
    open_vhost(_i >= 2);
    for (size_t i = 0; i < sizeof(targets) / sizeof(targets[0]); i++) {
        char request[256];
        int length = snprintf(request, sizeof(request),
                              "GET %s HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\n"
                              "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
                              "Sec-WebSocket-Protocol: gdws\r\n"
                              "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
                              targets[i]);
        rawsock_connect_plain(&raw, w.loop, p.port);
        rawsock_send(&raw, request, (size_t)length, 0);
        expect_answer(&raw, "HTTP/1.1 400 ");
        rawsock_close(&raw);
    }
    connect_client("gdws");
    WAIT(w.at_server.connected == 1);
    tear_down();
}
END_TEST

/* A peer that answers no ping is given up: the loop's timers run in the context. */
START_TEST(timers_run_in_the_context)
{
    static const char request[] = "GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\n"
                                  "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
                                  "Sec-WebSocket-Protocol: gdws\r\n"
                                  "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
    rawsock raw;
    set_up(_i);
    ck_assert_int_eq(gdws_server_set_heartbeat(p.server, 50, 50), GDWS_OK);
    open_vhost(false);
    rawsock_connect_plain(&raw, w.loop, p.port);
    rawsock_send(&raw, request, sizeof(request) - 1, 0);
    expect_answer(&raw, "HTTP/1.1 101 ");
    WAIT(w.at_server.connected == 1);
    WAIT(w.at_server.closed == 1);
    ck_assert(!w.at_server.was_clean);
    rawsock_close(&raw);
    tear_down();
}
END_TEST

static void *wake_up(void *loop)
{
    gdws_loop_wakeup(loop);
    return NULL;
}

/* The rest of the loop lives in the context, too. */
START_TEST(clients_and_listeners_of_the_loop_are_driven_as_well)
{
    pthread_t thread;
    set_up(_i);
    open_vhost(false);
    ck_assert_int_eq(gdws_server_set_bind_ip(w.server, "127.0.0.1"), GDWS_OK);
    gdws_server *listening = gdws_server_new(p.loop);
    gdws_client *client = gdws_client_new(p.loop);
    char url[64];
    ck_assert_int_eq(gdws_server_set_bind_ip(listening, "127.0.0.1"), GDWS_OK);
    ck_assert_int_eq(gdws_server_listen(listening, 0), GDWS_OK);
    (void)snprintf(url, sizeof(url), "ws://127.0.0.1:%u", gdws_server_get_port(listening));
    ck_assert_int_eq(gdws_client_connect_to_url(client, url), GDWS_OK);
    WAIT(gdws_server_is_connection_available(listening));
    uint64_t activity = p.loop->activity;
    ck_assert_int_eq(pthread_create(&thread, NULL, wake_up, p.loop), 0);
    (void)pthread_join(thread, NULL);
    gdws_server_free(listening);
    WAIT(gdws_client_get_connection_status(client) == GDWS_CONNECTION_DISCONNECTED);
    ck_assert_uint_gt(p.loop->activity, activity);
    gdws_client_free(client);
    tear_down();
}
END_TEST

/* Every order in which vhost, context, server and loop may go while peers are connected. */
static const char *const orders[] = {"vcsl", "vcls", "vscl", "vslc", "vlsc", "vlcs",
                                     "svcl", "svlc", "slvc", "scl",  "slc",  "csl",
                                     "cls",  "lvcs", "lcs",  "lsc",  "lvsc", "lsvc"};

static void destroy_one(char what)
{
    switch (what) {
    case 'v':
        lws_vhost_destroy(p.vhost);
        break;
    case 'c':
        destroy_context();
        break;
    case 's':
        gdws_server_free(p.server);
        p.server = NULL;
        break;
    default:
        gdws_loop_free(p.loop);
        p.loop = NULL;
        break;
    }
}

static void tear_down_in_order(const char *order, bool waits)
{
    for (const char *what = order; *what != '\0'; what++) {
        destroy_one(*what);
        for (int i = 0; waits && i < 5; i++) {
            pass();
            gdws_loop_wait(w.loop, 1);
        }
    }
}

START_TEST(everything_may_go_in_any_order)
{
    int count = (int)(sizeof(orders) / sizeof(orders[0]));
    bool waits = _i / 2 >= count;
    set_up(_i);
    open_vhost(_i % 3 == 0);
    connect_client("gdws");
    WAIT(w.at_server.connected == 1);
    /* Something is on its way. */
    ck_assert_int_eq(gdws_peer_put_packet(server_peer(), "x", 1), GDWS_OK);
    tear_down_in_order(orders[(_i / 2) % count], waits);
    ck_assert_int_eq(w.at_server.closed, 1);
    WAIT(w.at_client.closed == 1);
    world_free(&w);
}
END_TEST

/* The vhost goes on without its server, and another server comes. */
START_TEST(a_vhost_without_its_server_refuses)
{
    set_up(_i);
    open_vhost(false);
    connect_client("gdws");
    WAIT(w.at_server.connected == 1);
    gdws_server_free(p.server);
    p.server = NULL;
    WAIT(w.at_client.closed == 1);
    ck_assert_int_eq(w.at_client.code, 1001);
    begin_to_connect(w.client, "gdws");
    WAIT(w.at_client.errors == 1);
    tear_down();
}
END_TEST

static void free_server(void *user)
{
    (void)user;
    gdws_server_free(p.server);
    p.server = NULL;
}

START_TEST(a_signal_may_free_the_server)
{
    set_up(_i);
    open_vhost(false);
    connect_client("gdws");
    WAIT(w.at_server.connected == 1);
    w.at_server.on_data = free_server;
    ck_assert_int_eq(gdws_peer_put_packet(world_client_peer(&w), "x", 1), GDWS_OK);
    WAIT(w.at_client.closed == 1);
    tear_down();
}
END_TEST

START_TEST(stop_closes_the_peers_and_new_ones_come_in)
{
    set_up(_i);
    open_vhost(false);
    ck_assert_int_eq(gdws_server_set_read_size(p.server, 4096), GDWS_ALREADY_IN_USE);
    connect_client("gdws");
    WAIT(w.at_server.connected == 1);
    gdws_server_stop(p.server);
    WAIT(w.at_server.closed == 1 && w.at_client.closed == 1);
    ck_assert_int_eq(w.at_client.code, 1001);
    connect_client("gdws");
    WAIT(w.at_server.connected == 2);
    tear_down();
}
END_TEST

START_TEST(two_vhosts_share_a_server)
{
    set_up(_i);
    open_vhost(false);
    connect_client("gdws");
    struct lws_vhost *first = p.vhost;
    open_vhost(true);
    gdws_client *second = gdws_client_new(w.loop);
    begin_to_connect(second, "gdws");
    gdws_peer *peer = gdws_client_get_peer(second, 1);
    WAIT(w.at_server.connected == 2 && gdws_peer_is_connected_to_host(peer));
    /* libwebsockets 4.1 closes its connections only with the context; newer ones within 30 s. */
    lws_vhost_destroy(first);
    ck_assert_int_eq(gdws_peer_send_text(peer, "x"), GDWS_OK);
    WAIT(gdws_peer_get_available_packet_count(peer) == 1);
    gdws_client_free(second);
    destroy_context();
    ck_assert_int_eq(w.at_server.closed, 2);
    tear_down();
}
END_TEST

/* What the library has warned of. */
static char logged[4096];

static void note_line(gdws_log_level level, const char *line, void *user)
{
    size_t used = strlen(logged);
    (void)level;
    (void)user;
    (void)snprintf(logged + used, sizeof(logged) - used, "%s\n", line);
}

/* The second context is one of poll, whatever the first one is. */
START_TEST(a_server_lives_in_one_context)
{
    set_up(_i);
    open_vhost(false);
    connect_client("gdws");
    WAIT(w.at_server.connected == 1);
    struct lws_context *first = p.context;
    p.is_uv = false;
    logged[0] = '\0';
    gdws_set_log_callback(note_line, NULL);
    make_context();
    open_vhost(false);
    WAIT(strstr(logged, "two libwebsockets contexts") != NULL);
    gdws_set_log_callback(NULL, NULL);
    gdws_client *second = gdws_client_new(w.loop);
    begin_to_connect(second, "gdws");
    WAIT(gdws_client_get_connection_status(second) == GDWS_CONNECTION_DISCONNECTED);
    ck_assert_str_ne(gdws_client_get_error_message(second), "");
    ck_assert_int_eq(w.at_server.connected, 1);
    /* The program's own protocol goes on there. */
    begin_to_connect(second, "own");
    WAIT(gdws_peer_is_connected_to_host(gdws_client_get_peer(second, 1)));
    gdws_client_free(second);
    destroy_context();
    /* The first one has noticed nothing. */
    p.context = first;
    p.is_uv = _i % 2 == 1;
    ck_assert_int_eq(gdws_peer_put_packet(world_client_peer(&w), "x", 1), GDWS_OK);
    WAIT(w.at_client.data == 1);
    tear_down();
}
END_TEST

#if defined(LWS_WITH_HTTP2) && !defined(__SANITIZE_ADDRESS__)

/* A client of HTTP/2 (RFC 9113), as far as it takes one to ask for a WebSocket (RFC 8441). */
typedef struct h2 {
    rawsock raw;
    SSL_CTX *context;
    SSL *tls;
    uint8_t bytes[16384];
    size_t length;
    bool is_ended;
} h2;

enum { H2_HEADERS = 1, H2_RST_STREAM = 3, H2_SETTINGS = 4, H2_GOAWAY = 7 };
enum { H2_ACK = 1, H2_END_HEADERS = 4, H2_ENABLE_CONNECT_PROTOCOL = 8 };

static void h2_open(h2 *one)
{
    const unsigned char *chosen;
    unsigned length;
    memset(one, 0, sizeof(*one));
    rawsock_connect_plain(&one->raw, w.loop, p.port);
    one->context = SSL_CTX_new(TLS_client_method());
    ck_assert_int_eq(SSL_CTX_set_alpn_protos(one->context, (const uint8_t *)"\x02h2", 3), 0);
    one->tls = SSL_new(one->context);
    ck_assert_int_eq(SSL_set_fd(one->tls, one->raw.descriptor), 1);
    WAIT(SSL_connect(one->tls) == 1);
    SSL_get0_alpn_selected(one->tls, &chosen, &length);
    ck_assert_uint_eq(length, 2);
}

static void h2_close(h2 *one)
{
    SSL_free(one->tls);
    SSL_CTX_free(one->context);
    rawsock_close(&one->raw);
}

static void h2_send(h2 *one, uint8_t type, uint8_t flags, const void *payload, uint8_t length)
{
    const uint8_t stream = type == H2_HEADERS ? 1 : 0;
    uint8_t frame[9 + UINT8_MAX] = {0, 0, length, type, flags, 0, 0, 0, stream};
    if (length > 0) {
        memcpy(frame + 9, payload, length);
    }
    ck_assert_int_eq(SSL_write(one->tls, frame, 9 + length), 9 + length);
}

/* The next whole frame of this type; NULL while there is none. */
static const uint8_t *h2_find(h2 *one, uint8_t type)
{
    int room = (int)(sizeof(one->bytes) - one->length);
    int got = SSL_read(one->tls, one->bytes + one->length, room);
    one->length += got > 0 ? (size_t)got : 0;
    if (got <= 0 && SSL_get_error(one->tls, got) != SSL_ERROR_WANT_READ) {
        one->is_ended = true;
    }
    size_t at = 0;
    while (at + 9 <= one->length) {
        const uint8_t *frame = one->bytes + at;
        at += 9 + ((size_t)frame[0] << 16 | (size_t)frame[1] << 8 | frame[2]);
        if (frame[3] == type && at <= one->length) {
            return frame;
        }
    }
    return NULL;
}

/* A header whose name and value are literals (RFC 7541 section 6.2.2). Returns its length. */
static size_t h2_put_header(uint8_t *target, const char *name, const char *value)
{
    int length = snprintf((char *)target, 128, "%c%c%s%c%s", 0, (int)strlen(name), name,
                          (int)strlen(value), value);
    return (size_t)length;
}

static void h2_ask_for_websocket(h2 *one)
{
    static const char *const headers[][2] = {{":method", "CONNECT"},
                                             {":protocol", "websocket"},
                                             {":scheme", "https"},
                                             {":path", "/room"},
                                             {":authority", "127.0.0.1"},
                                             {"sec-websocket-version", "13"},
                                             {"sec-websocket-protocol", "gdws"}};
    uint8_t block[UINT8_MAX];
    size_t length = 0;
    for (size_t i = 0; i < sizeof(headers) / sizeof(headers[0]); i++) {
        length += h2_put_header(block + length, headers[i][0], headers[i][1]);
    }
    h2_send(one, H2_HEADERS, H2_END_HEADERS, block, (uint8_t)length);
}

/* As a browser does where the program has forgotten the vhost's alpn. */
START_TEST(a_websocket_over_http_2_is_refused)
{
    static const char preface[] = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
    static const uint8_t takes_websockets[] = {0, H2_ENABLE_CONNECT_PROTOCOL, 0, 0, 0, 1};
    const uint8_t *frame = NULL;
    h2 one;
    set_up(_i);
    cert_write(cert_localhost()->certificate, certificate_file);
    cert_write(cert_localhost()->key, key_file);
    ck_assert_int_eq(gdws_client_set_trusted_certificate(w.client, cert_authority()->certificate),
                     GDWS_OK);
    alpn = "h2,http/1.1";
    open_vhost(false);
    h2_open(&one);
    ck_assert_int_eq(SSL_write(one.tls, preface, sizeof(preface) - 1), sizeof(preface) - 1);
    h2_send(&one, H2_SETTINGS, 0, NULL, 0);
    WAIT((frame = h2_find(&one, H2_SETTINGS)) != NULL);
    ck_assert_ptr_nonnull(memmem(frame + 9, frame[2], takes_websockets, sizeof(takes_websockets)));
    h2_send(&one, H2_SETTINGS, H2_ACK, NULL, 0);
    logged[0] = '\0';
    gdws_set_log_callback(note_line, NULL);
    h2_ask_for_websocket(&one);
    WAIT(h2_find(&one, H2_RST_STREAM) != NULL || h2_find(&one, H2_GOAWAY) != NULL || one.is_ended);
    ck_assert_ptr_null(h2_find(&one, H2_HEADERS));
    ck_assert_ptr_nonnull(strstr(logged, "a WebSocket over HTTP/2 is refused"));
    gdws_set_log_callback(NULL, NULL);
    ck_assert_int_eq(w.at_server.connected, 0);
    ck_assert_ptr_null(p.server->links);
    /* Who asks in HTTP/1.1 is let in. */
    connect_client("gdws");
    WAIT(w.at_server.connected == 1);
    h2_close(&one);
    alpn = "http/1.1";
    (void)unlink(certificate_file);
    (void)unlink(key_file);
    key_file[0] = '\0';
    tear_down();
}
END_TEST

#endif

START_TEST(bad_arguments_are_refused)
{
    struct lws_protocols entry;
    set_up(0);
    ck_assert_int_eq(gdws_server_init_lws_protocol(NULL, "a", &entry), GDWS_INVALID_PARAMETER);
    ck_assert_int_eq(gdws_server_init_lws_protocol(p.server, "a", NULL), GDWS_INVALID_PARAMETER);
    ck_assert_int_eq(gdws_server_init_lws_protocol(p.server, "a b", &entry),
                     GDWS_INVALID_PARAMETER);
    ck_assert_int_eq(gdws_server_init_lws_protocol(p.server, "", &entry), GDWS_INVALID_PARAMETER);
    ck_assert_int_eq(gdws_server_init_lws_protocol(p.server, NULL, &entry), GDWS_INVALID_PARAMETER);
    ck_assert(entry.callback == NULL);
    tear_down();
}
END_TEST

Suite *vhost_suite(void)
{
    const int count = (int)(sizeof(orders) / sizeof(orders[0]));
    Suite *suite = suite_create("vhost");
    TCase *tests = tcase_create("vhost");
    tcase_set_timeout(tests, 120);
    tcase_add_loop_test(tests, a_peer_on_a_vhost_is_one_like_others, 0, KINDS);
    tcase_add_loop_test(tests, the_programs_own_http_and_protocols_go_on, 0, KINDS);
    tcase_add_loop_test(tests, a_table_that_begins_with_gdws_takes_clients_without_subprotocol, 0,
                        2);
    tcase_add_loop_test(tests, nothing_is_lost_when_it_is_too_much, 0, 2);
    tcase_add_loop_test(tests, the_queue_drains_and_says_so, 0, 2);
    tcase_add_loop_test(tests, what_is_put_between_events_leaves_without_another_event, 0, 2);
    tcase_add_loop_test(tests, who_is_not_let_in_gets_an_answer, 0, KINDS);
    tcase_add_loop_test(tests, a_request_without_a_path_is_refused, 0, KINDS);
    tcase_add_loop_test(tests, tls_is_the_vhosts, 0, KINDS);
    tcase_add_loop_test(tests, timers_run_in_the_context, 0, 2);
    tcase_add_loop_test(tests, clients_and_listeners_of_the_loop_are_driven_as_well, 0, 2);
    tcase_add_loop_test(tests, everything_may_go_in_any_order, 0, count * 4);
    tcase_add_loop_test(tests, a_vhost_without_its_server_refuses, 0, 2);
    tcase_add_loop_test(tests, a_signal_may_free_the_server, 0, 2);
    tcase_add_loop_test(tests, stop_closes_the_peers_and_new_ones_come_in, 0, 2);
    tcase_add_loop_test(tests, two_vhosts_share_a_server, 0, 2);
    tcase_add_loop_test(tests, a_server_lives_in_one_context, 0, 2);
#if defined(LWS_WITH_HTTP2) && !defined(__SANITIZE_ADDRESS__)
    /* libwebsockets 4.1 loses what it has allocated for a WebSocket over HTTP/2 that is refused. */
    if (getenv("GDWS_TEST_VALGRIND") == NULL) {
        tcase_add_loop_test(tests, a_websocket_over_http_2_is_refused, 0, 2);
    }
#endif
    tcase_add_test(tests, bad_arguments_are_refused);
    suite_add_tcase(suite, tests);
    return suite;
}
