/* SPDX-License-Identifier: MIT */
/* wss: what goes over a secured connection and how it ends, a certificate that is replaced under
 * peers that stay, and those that never begin. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <sys/socket.h>

#include "certs.h"
#include "mem.h"
#include "rawsock.h"
#include "runtests.h"
#include "world.h"

static world w;

static void set_up(void)
{
    world_init_idle(&w);
    ck_assert_int_eq(gdws_server_set_private_key(w.server, cert_localhost()->key, NULL), GDWS_OK);
    ck_assert_int_eq(gdws_server_set_ssl_certificate(w.server, cert_localhost()->certificate),
                     GDWS_OK);
    ck_assert_int_eq(gdws_client_set_trusted_certificate(w.client, cert_authority()->certificate),
                     GDWS_OK);
}

static void tear_down(void)
{
    world_free(&w);
}

static void connect_client(gdws_client *client)
{
    char url[64];
    (void)snprintf(url, sizeof(url), "wss://127.0.0.1:%u/", gdws_server_get_port(w.server));
    ck_assert_int_eq(gdws_client_connect_to_url(client, url), GDWS_OK);
}

static void connect_world(void)
{
    connect_client(w.client);
    WAIT_FOR(&w,
             w.at_client.errors > 0 || (w.at_client.connected == 1 && w.at_server.connected == 1));
    ck_assert_msg(w.at_client.errors == 0, "%s", gdws_client_get_error_message(w.client));
}

static void connect_raw(rawsock *raw, SSL_CTX *context)
{
    int connected = w.at_server.connected;
    rawsock_connect_plain(raw, w.loop, gdws_server_get_port(w.server));
    ck_assert(rawsock_secure(raw, context, true));
    rawsock_upgrade(raw);
    WAIT_FOR(&w, w.at_server.connected == connected + 1);
}

/* Records */

/* Counts the records that come in. */
static void count_record(int is_writing, int version, int type, const void *bytes, size_t length,
                         SSL *ssl, void *user)
{
    int *records = user;
    (void)version;
    (void)bytes;
    (void)length;
    (void)ssl;
    if (!is_writing && type == SSL3_RT_HEADER) {
        (*records)++;
    }
}

START_TEST(a_batch_of_messages_goes_in_one_record)
{
    rawsock raw;
    const uint8_t *payload;
    size_t length;
    int records = 0;
    SSL_CTX *context = SSL_CTX_new(TLS_client_method());
    /* OpenSSL 3.2 and newer ask once, when a connection's keys are made, whether to tell. */
    SSL_CTX_set_msg_callback(context, count_record);
    SSL_CTX_set_msg_callback_arg(context, &records);
    world_listen(&w);
    connect_raw(&raw, context);
    records = 0;
    for (int i = 0; i < 100; i++) {
        ck_assert_int_eq(gdws_peer_send_text(world_server_peer(&w), "one of a hundred"), GDWS_OK);
    }
    for (int i = 0; i < 100; i++) {
        ck_assert_int_eq(rawsock_read_frame(&raw, &payload, &length), 0x81);
    }
    ck_assert_int_eq(records, 1);
    rawsock_close(&raw);
    SSL_CTX_free(context);
}
END_TEST

START_TEST(a_name_is_indicated_an_address_is_not_and_http_is_agreed_on)
{
    static const char *const hosts[] = {"localhost", "127.0.0.1"};
    for (int i = 0; i < 2; i++) {
        rawsock raw;
        char url[64];
        uint16_t port = 0;
        const unsigned char *offered = NULL;
        unsigned offered_length = 0;
        SSL_CTX *context = SSL_CTX_new(TLS_server_method());
        cert_use(context, cert_localhost());
        int listener = rawsock_listen(&port);
        (void)snprintf(url, sizeof(url), "wss://%s:%u/", hosts[i], port);
        ck_assert_int_eq(gdws_client_connect_to_url(w.client, url), GDWS_OK);
        rawsock_accept_plain(&raw, w.loop, listener);
        ck_assert(rawsock_secure(&raw, context, false));
        const char *name = SSL_get_servername(raw.tls, TLSEXT_NAMETYPE_host_name);
        ck_assert(i == 0 ? name != NULL && strcmp(name, "localhost") == 0 : name == NULL);
        rawsock_answer_upgrade(&raw, "");
        WAIT_FOR(&w, w.at_client.connected == i + 1);
        rawsock_close(&raw);
        WAIT_FOR(&w, w.at_client.closed == i + 1);
        (void)close(listener);
        SSL_CTX_free(context);

        /* The other way round. */
        context = SSL_CTX_new(TLS_client_method());
        ck_assert_int_eq(
            SSL_CTX_set_alpn_protos(context, (const unsigned char *)"\x02h2\x08http/1.1", 12), 0);
        if (i == 0) {
            world_listen(&w);
        }
        connect_raw(&raw, context);
        SSL_get0_alpn_selected(raw.tls, &offered, &offered_length);
        ck_assert_uint_eq(offered_length, 8);
        ck_assert(memcmp(offered, "http/1.1", 8) == 0);
        rawsock_close(&raw);
        SSL_CTX_free(context);
    }
}
END_TEST

START_TEST(renegotiation_is_refused_and_nothing_else_happens)
{
    rawsock raw;
    const uint8_t *payload;
    size_t length;
    SSL_CTX *context = SSL_CTX_new(TLS_client_method());
    (void)SSL_CTX_set_max_proto_version(context, TLS1_2_VERSION);
    world_listen(&w);
    connect_raw(&raw, context);
    ck_assert_int_eq(SSL_renegotiate(raw.tls), 1);
    (void)SSL_do_handshake(raw.tls);
    rawsock_flush(&raw);
    bool is_refused = false;
    uint64_t limit = world_now_ms() + WORLD_LIMIT_MS;
    while (!is_refused) {
        ck_assert(world_now_ms() < limit);
        gdws_loop_wait(w.loop, 2);
        rawsock_receive(&raw);
        is_refused = raw.is_tls_ended || raw.is_ended || SSL_do_handshake(raw.tls) != 1;
    }
    ERR_clear_error();
    /* Whether the client goes on is its affair; ours serves the next. */
    rawsock_close(&raw);
    connect_raw(&raw, context);
    rawsock_send_frame(&raw, 0x89, "?", 1, true);
    ck_assert_int_eq(rawsock_read_frame(&raw, &payload, &length), 0x8a);
    rawsock_close(&raw);
    SSL_CTX_free(context);
}
END_TEST

/* Ends */

START_TEST(a_close_ends_with_close_notify_on_both_sides)
{
    rawsock raw;
    world_listen(&w);
    connect_raw(&raw, NULL);
    rawsock_send_frame(&raw, 0x88, "\x03\xe8", 2, true);
    rawsock_expect_close(&raw, 1000);
    rawsock_wait_for_end(&raw, 2000);
    ck_assert_int_eq(SSL_get_shutdown(raw.tls) & SSL_RECEIVED_SHUTDOWN, SSL_RECEIVED_SHUTDOWN);
    WAIT_FOR(&w, w.at_server.closed == 1);
    ck_assert(w.at_server.was_clean);
    rawsock_close(&raw);
}
END_TEST

START_TEST(close_close_notify_and_the_end_may_come_in_one)
{
    rawsock raw;
    uint8_t frame[32];
    world_listen(&w);
    connect_raw(&raw, NULL);
    size_t length = rawsock_frame(frame, 0x88, "\x03\xe8", 2, true);
    ck_assert_int_eq(SSL_write(raw.tls, frame, (int)length), (int)length);
    (void)SSL_shutdown(raw.tls);
    rawsock_flush(&raw);
    (void)shutdown(raw.descriptor, SHUT_WR);
    rawsock_expect_close(&raw, 1000);
    rawsock_wait_for_end(&raw, 2000);
    WAIT_FOR(&w, w.at_server.closed == 1);
    ck_assert(w.at_server.was_clean);
    ck_assert_int_eq(w.at_server.code, 1000);
    rawsock_close(&raw);
}
END_TEST

/* Compressed, all of it comes in one read, the end of TLS with it, and is far more than the queue
 * takes. */
START_TEST(what_came_with_the_end_of_tls_is_not_lost)
{
    enum { COUNT = 500, SIZE = 2000 };
    uint8_t message[SIZE] = {0};
    const uint8_t *packet;
    size_t length;
    int taken = 0;
    gdws_loop *loop = gdws_loop_new();
    gdws_client *client = gdws_client_new(loop);
    ck_assert_int_eq(gdws_client_set_trusted_certificate(client, cert_authority()->certificate),
                     GDWS_OK);
    ck_assert_int_eq(gdws_client_set_compression(client, true), GDWS_OK);
    ck_assert_int_eq(gdws_client_set_outbound_buffer_size(client, 4 * COUNT * SIZE), GDWS_OK);
    ck_assert_int_eq(gdws_server_set_compression(w.server, true), GDWS_OK);
    ck_assert_int_eq(gdws_server_set_inbound_buffer_size(w.server, 70000), GDWS_OK);
    world_listen(&w);
    connect_client(client);
    WAIT_FOR(&w, (gdws_loop_poll(loop), w.at_server.connected == 1));
    WAIT_FOR_ON(loop, gdws_client_get_connection_status(client) == GDWS_CONNECTION_CONNECTED);
    ck_assert_int_eq(gdws_server_disconnect_peer(w.server, w.at_server.id, 1000, ""), GDWS_OK);
    (void)gdws_loop_poll(w.loop);
    /* The client has not heard of it yet. */
    gdws_peer *peer = gdws_client_get_peer(client, 1);
    for (int i = 0; i < COUNT; i++) {
        memcpy(message, &i, sizeof(i));
        ck_assert_int_eq(gdws_peer_put_packet(peer, message, SIZE), GDWS_OK);
    }
    WAIT_FOR_ON(loop, gdws_peer_get_ready_state(peer) == GDWS_STATE_CLOSED);
    uint64_t limit = world_now_ms() + WORLD_LIMIT_MS;
    while (w.at_server.closed == 0) {
        (void)gdws_loop_wait(w.loop, 1);
        while (gdws_server_get_peer_packet(w.server, w.at_server.id, &packet, &length) == GDWS_OK) {
            ck_assert_uint_eq(length, SIZE);
            ck_assert_int_eq(memcmp(packet, &taken, sizeof(taken)), 0);
            taken++;
        }
        ck_assert(world_now_ms() < limit);
    }
    ck_assert_int_eq(taken, COUNT);
    ck_assert_int_eq(w.at_server.code, 1000);
    ck_assert(w.at_server.was_clean);
    gdws_client_free(client);
    gdws_loop_free(loop);
}
END_TEST

/* The request and the end of TLS in one segment. */
START_TEST(a_file_is_sent_to_who_has_ended_its_half_of_tls)
{
    enum { SIZE = 300000 };
    static const char request[] = "GET /file HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
    char directory[] = "/tmp/gdws-XXXXXX";
    char path[64];
    char head[1024];
    rawsock raw;
    ck_assert_ptr_nonnull(mkdtemp(directory));
    (void)snprintf(path, sizeof(path), "%s/file", directory);
    FILE *file = fopen(path, "wb");
    ck_assert(file != NULL && ftruncate(fileno(file), SIZE) == 0 && fclose(file) == 0);
    ck_assert_int_eq(gdws_server_set_document_root(w.server, directory), GDWS_OK);
    world_listen(&w);
    rawsock_connect_plain(&raw, w.loop, gdws_server_get_port(w.server));
    ck_assert(rawsock_secure(&raw, NULL, true));
    ck_assert_int_eq(SSL_write(raw.tls, request, sizeof(request) - 1), sizeof(request) - 1);
    (void)SSL_shutdown(raw.tls);
    rawsock_flush(&raw);
    rawsock_read_headers(&raw, head, sizeof(head));
    ck_assert_ptr_nonnull(strstr(head, "Content-Length: 300000\r\n"));
    rawsock_wait_for_end(&raw, WORLD_LIMIT_MS);
    ck_assert_uint_eq(raw.length, SIZE);
    rawsock_close(&raw);
    ck_assert_int_eq(unlink(path), 0);
    ck_assert_int_eq(rmdir(directory), 0);
}
END_TEST

START_TEST(close_notify_without_a_close_is_an_end_that_is_not_clean)
{
    rawsock raw;
    const uint8_t *packet;
    size_t length;
    uint8_t frame[32];
    world_listen(&w);
    connect_raw(&raw, NULL);
    size_t size = rawsock_frame(frame, 0x81, "last words", 10, true);
    ck_assert_int_eq(SSL_write(raw.tls, frame, (int)size), (int)size);
    (void)SSL_shutdown(raw.tls);
    rawsock_flush(&raw);
    WAIT_FOR(&w, w.at_server.data == 1);
    ck_assert_int_eq(gdws_peer_get_packet(world_server_peer(&w), &packet, &length), GDWS_OK);
    ck_assert_str_eq((const char *)packet, "last words");
    rawsock_wait_for_end(&raw, 2000);
    ck_assert_int_eq(SSL_get_shutdown(raw.tls) & SSL_RECEIVED_SHUTDOWN, SSL_RECEIVED_SHUTDOWN);
    WAIT_FOR(&w, w.at_server.closed == 1);
    ck_assert(!w.at_server.was_clean);
    ck_assert_int_eq(w.at_server.close_requests, 0);
    rawsock_close(&raw);
}
END_TEST

START_TEST(a_cut_connection_is_not_clean_whatever_came_before)
{
    rawsock raw;
    world_listen(&w);
    connect_raw(&raw, NULL);
    rawsock_send_frame(&raw, 0x01, "the beginning of a mess", 23, true);
    (void)shutdown(raw.descriptor, SHUT_WR);
    WAIT_FOR(&w, w.at_server.closed == 1);
    ck_assert(!w.at_server.was_clean);
    ck_assert_int_eq(w.at_server.data, 0);
    rawsock_close(&raw);
}
END_TEST

/* The server's answers to a packet: the first goes to a connection that breaks meanwhile. */
static rawsock broken;
static int32_t ids[2];

static void break_one_and_answer_both(void *extra)
{
    const struct linger at_once = {.l_onoff = 1, .l_linger = 0};
    const uint8_t *packet;
    size_t length;
    (void)extra;
    ck_assert_int_eq(gdws_server_get_peer_packet(w.server, ids[1], &packet, &length), GDWS_OK);
    ck_assert_int_eq(
        setsockopt(broken.descriptor, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once)), 0);
    rawsock_close(&broken);
    for (int i = 0; i < 2; i++) {
        ck_assert_int_eq(gdws_peer_send_text(gdws_server_get_peer(w.server, ids[i]), "answer"),
                         GDWS_OK);
    }
}

START_TEST(what_could_not_be_sent_to_a_broken_connection_goes_to_no_other)
{
    rawsock raw;
    const uint8_t *payload;
    size_t length;
    world_listen(&w);
    connect_raw(&broken, NULL);
    ids[0] = w.at_server.id;
    connect_raw(&raw, NULL);
    ids[1] = w.at_server.id;
    w.at_server.on_data = break_one_and_answer_both;
    rawsock_send_frame(&raw, 0x81, "question", 8, true);
    ck_assert_int_eq(rawsock_read_frame(&raw, &payload, &length), 0x81);
    ck_assert_uint_eq(length, 6);
    ck_assert(memcmp(payload, "answer", 6) == 0);
    WAIT_FOR(&w, w.at_server.closed == 1);
    rawsock_close(&raw);
}
END_TEST

START_TEST(a_refused_request_is_answered_over_tls_and_ended_in_order)
{
    static const char request[] = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
    rawsock raw;
    char answer[4096];
    world_listen(&w);
    rawsock_connect_plain(&raw, w.loop, gdws_server_get_port(w.server));
    ck_assert(rawsock_secure(&raw, NULL, true));
    rawsock_send(&raw, request, sizeof(request) - 1, 0);
    rawsock_read_headers(&raw, answer, sizeof(answer));
    ck_assert(strncmp(answer, "HTTP/1.1 4", 10) == 0);
    rawsock_wait_for_end(&raw, 2000);
    ck_assert_int_eq(SSL_get_shutdown(raw.tls) & SSL_RECEIVED_SHUTDOWN, SSL_RECEIVED_SHUTDOWN);
    rawsock_close(&raw);
}
END_TEST

/* Big and slow */

static void take_at_server(void *user)
{
    world *all = user;
    const uint8_t *packet;
    size_t length;
    size_t *bytes = all->extra;
    if (gdws_peer_get_packet(world_server_peer(all), &packet, &length) == GDWS_OK) {
        for (size_t i = 0; i < length; i += 4093) {
            ck_assert_uint_eq(packet[i], (uint8_t)(i * 31 + (i >> 8)));
        }
        *bytes += length;
    }
}

START_TEST(a_message_of_64_mib_arrives_both_ways)
{
    size_t size = (size_t)world_scale(64, 8) << 20;
    size_t taken = 0;
    const uint8_t *packet;
    size_t length;
    uint8_t *message = malloc(size);
    for (size_t i = 0; i < size; i++) {
        message[i] = (uint8_t)(i * 31 + (i >> 8));
    }
    ck_assert_int_eq(gdws_server_set_inbound_buffer_size(w.server, size), GDWS_OK);
    ck_assert_int_eq(gdws_server_set_outbound_buffer_size(w.server, size + 64), GDWS_OK);
    ck_assert_int_eq(gdws_client_set_inbound_buffer_size(w.client, size), GDWS_OK);
    ck_assert_int_eq(gdws_client_set_outbound_buffer_size(w.client, size + 64), GDWS_OK);
    w.at_server.on_data = take_at_server;
    w.extra = &taken;
    world_listen(&w);
    connect_world();
    ck_assert_int_eq(gdws_peer_put_packet(world_client_peer(&w), message, size), GDWS_OK);
    WAIT_FOR(&w, taken == size);
    ck_assert_int_eq(gdws_peer_put_packet(world_server_peer(&w), message, size), GDWS_OK);
    WAIT_FOR(&w, w.at_client.data == 1);
    ck_assert_int_eq(gdws_peer_get_packet(world_client_peer(&w), &packet, &length), GDWS_OK);
    ck_assert_uint_eq(length, size);
    ck_assert(memcmp(packet, message, size) == 0);
    free(message);
}
END_TEST

START_TEST(a_slow_reader_holds_the_sender_back_and_loses_nothing)
{
    enum { SIZE = 10000 };
    const int count = world_scale(2000, 500);
    static uint8_t message[SIZE];
    const uint8_t *packet;
    size_t length;
    int sent = 0;
    int taken = 0;
    int refused = 0;
    world_fill_with_noise(message, sizeof(message));
    ck_assert_int_eq(gdws_client_set_max_queued_packets(w.client, 4), GDWS_OK);
    ck_assert_int_eq(gdws_server_set_outbound_buffer_size(w.server, 100000), GDWS_OK);
    world_listen(&w);
    connect_world();
    uint64_t limit = world_now_ms() + WORLD_LIMIT_MS;
    while (taken < count) {
        ck_assert(world_now_ms() < limit);
        message[0] = (uint8_t)sent;
        gdws_error error = sent < count ? gdws_peer_put_packet(world_server_peer(&w), message, SIZE)
                                        : GDWS_OUT_OF_MEMORY;
        ck_assert(error == GDWS_OK || error == GDWS_OUT_OF_MEMORY);
        sent += error == GDWS_OK ? 1 : 0;
        refused += error == GDWS_OK ? 0 : 1;
        /* What waits on both sides stays within the limits, but for what TLS keeps. */
        ck_assert_uint_le(gdws_peer_get_current_outbound_buffered_amount(world_server_peer(&w)),
                          100000 + 70000);
        ck_assert_uint_le(gdws_peer_get_available_packet_count(world_client_peer(&w)), 4);
        (void)gdws_loop_poll(w.loop);
        if (refused > taken &&
            gdws_peer_get_packet(world_client_peer(&w), &packet, &length) == GDWS_OK) {
            ck_assert_uint_eq(length, SIZE);
            ck_assert_uint_eq(packet[0], (uint8_t)taken);
            taken++;
        }
    }
    ck_assert_int_gt(refused, 100);
    WAIT_FOR(&w, w.at_server.drained > 0);
    ck_assert_uint_eq(gdws_peer_get_current_outbound_buffered_amount(world_server_peer(&w)), 0);
}
END_TEST

/* Crowds */

/* A client with what it trusts. */
static gdws_client *join(const char *trusted)
{
    gdws_client *client = gdws_client_new(w.loop);
    ck_assert_int_eq(gdws_client_set_trusted_certificate(client, trusted), GDWS_OK);
    connect_client(client);
    return client;
}

static void expect_the_old_certificate(int others)
{
    int closed = w.at_server.closed;
    connect_client(w.client);
    WAIT_FOR(&w, w.at_client.connected == 1 && w.at_server.connected == others + 1);
    ck_assert_str_eq(gdws_peer_get_certificate_subject(world_client_peer(&w)),
                     "CN=gdws test server");
    ck_assert_int_eq(gdws_client_disconnect_from_host(w.client, 1000, ""), GDWS_OK);
    WAIT_FOR(&w, w.at_client.closed == 1 && w.at_server.closed == closed + 1);
}

START_TEST(a_certificate_is_replaced_under_200_peers_and_none_drops)
{
    enum { MOST = 200 };
    const int count = world_scale(MOST, 20);
    static gdws_client *clients[MOST];
    cert fresh;
    cert_make(&fresh, &(cert_wish){.name = "renewed", .alternatives = "IP:127.0.0.1"});
    const char *old = cert_localhost()->certificate;
    w.echoes = true;
    ck_assert_int_eq(gdws_server_set_handshake_timeout_ms(w.server, 60000), GDWS_OK);
    world_listen(&w);
    for (int i = 0; i < count; i++) {
        clients[i] = join(cert_authority()->certificate);
    }
    WAIT_FOR(&w, w.at_server.connected == count);

    /* What cannot be used changes nothing. */
    ck_assert_int_eq(gdws_server_replace_certificate(w.server, old, NULL, fresh.key, NULL),
                     GDWS_INVALID_DATA);
    ck_assert_int_eq(gdws_server_replace_certificate(w.server, "/no/such", NULL, fresh.key, NULL),
                     GDWS_FILE_NOT_FOUND);
    ck_assert_int_eq(gdws_server_replace_certificate(w.server, NULL, NULL, fresh.key, NULL),
                     GDWS_INVALID_PARAMETER);
    expect_the_old_certificate(count);
    ck_assert_int_eq(
        gdws_server_replace_certificate(w.server, fresh.certificate, NULL, fresh.key, NULL),
        GDWS_OK);
    connect_client(w.client);
    WAIT_FOR(&w, w.at_client.errors == 1);
    ck_assert_int_eq(gdws_client_set_trusted_certificate(w.client, fresh.certificate), GDWS_OK);
    connect_client(w.client);
    WAIT_FOR(&w, w.at_client.connected == 2 && w.at_server.connected == count + 2);
    ck_assert_str_eq(gdws_peer_get_certificate_subject(world_client_peer(&w)), "CN=renewed");

    /* All the others are still there, and are answered. */
    for (int i = 0; i < count; i++) {
        gdws_peer *peer = gdws_client_get_peer(clients[i], 1);
        ck_assert_int_eq(gdws_peer_send_text(peer, "still here"), GDWS_OK);
        WAIT_FOR(&w, gdws_peer_get_available_packet_count(peer) == 1);
    }
    ck_assert_int_eq(w.at_server.closed, 1);
    for (int i = 0; i < count; i++) {
        gdws_client_free(clients[i]);
    }
    WAIT_FOR(&w, w.at_server.closed == count + 1);
    cert_free(&fresh);
}
END_TEST

START_TEST(a_plain_server_does_not_become_a_secure_one_while_it_listens)
{
    const cert *own = cert_localhost();
    ck_assert_int_eq(gdws_server_set_private_key(w.server, NULL, NULL), GDWS_OK);
    ck_assert_int_eq(gdws_server_set_ssl_certificate(w.server, NULL), GDWS_OK);
    world_listen(&w);
    ck_assert_int_eq(
        gdws_server_replace_certificate(w.server, own->certificate, NULL, own->key, NULL),
        GDWS_UNCONFIGURED);
    gdws_server_stop(w.server);
    ck_assert_int_eq(
        gdws_server_replace_certificate(w.server, own->certificate, NULL, own->key, NULL), GDWS_OK);
    world_listen(&w);
    connect_world();
}
END_TEST

START_TEST(five_hundred_that_never_begin_hold_nobody_up_and_end)
{
    enum { COUNT_MAX = 500 };
    static rawsock idle[COUNT_MAX];
    int count = world_scale(COUNT_MAX, 100);
    uint32_t timeout_ms = (uint32_t)world_scale(1000, 4000);
    ck_assert_int_eq(gdws_server_set_handshake_timeout_ms(w.server, timeout_ms), GDWS_OK);
    world_listen(&w);
    size_t live = gdwsi_mem_live();
    for (int i = 0; i < count; i++) {
        /* Some say nothing, some a part of a record. */
        rawsock_connect_plain(&idle[i], w.loop, gdws_server_get_port(w.server));
        rawsock_send(&idle[i], "\x16\x03\x01\x02\x00\x01\x00", (size_t)i % 8, 0);
    }
    uint64_t start = world_now_ms();
    connect_world();
    /* It has not waited for them: they would have held it up until they end. */
    ck_assert_uint_lt(world_now_ms() - start, timeout_ms / 2);
    for (int i = 0; i < count; i++) {
        rawsock_wait_for_end(&idle[i], 2ull * timeout_ms + 2000);
        rawsock_close(&idle[i]);
    }
    ck_assert_uint_lt(world_now_ms() - start, 2ull * timeout_ms + 2000);
    ck_assert_int_eq(gdws_peer_send_text(world_client_peer(&w), "still there"), GDWS_OK);
    WAIT_FOR(&w, w.at_server.data == 1);
    ck_assert_int_eq(w.at_server.closed, 0);
    /* Nothing of them is left; the client and its peer have a few blocks. */
    WAIT_FOR(&w, gdwsi_mem_live() < live + 40);
}
END_TEST

START_TEST(the_handshake_timeout_covers_tls_and_http_together)
{
    rawsock raw;
    uint32_t timeout_ms = (uint32_t)world_scale(400, 2000);
    ck_assert_int_eq(gdws_server_set_handshake_timeout_ms(w.server, timeout_ms), GDWS_OK);
    world_listen(&w);
    uint64_t start = world_now_ms();
    rawsock_connect_plain(&raw, w.loop, gdws_server_get_port(w.server));
    /* The half of the time goes by before TLS begins. */
    WAIT_FOR(&w, world_now_ms() - start > timeout_ms / 2);
    ck_assert(rawsock_secure(&raw, NULL, true));
    rawsock_send(&raw, "GET / HTTP/1.1\r\n", 16, 0);
    rawsock_wait_for_end(&raw, 2ull * timeout_ms);
    ck_assert_uint_lt(world_now_ms() - start, timeout_ms * 3ull / 2);
    rawsock_close(&raw);
}
END_TEST

Suite *tls_traffic_suite(void)
{
    Suite *suite = suite_create("tls traffic");
    TCase *tests = tcase_create("tls traffic");
    tcase_set_timeout(tests, 120);
    tcase_add_checked_fixture(tests, set_up, tear_down);
    if (!world_is_fallback()) {
        tcase_add_test(tests, a_batch_of_messages_goes_in_one_record);
        tcase_add_test(tests, a_name_is_indicated_an_address_is_not_and_http_is_agreed_on);
        tcase_add_test(tests, renegotiation_is_refused_and_nothing_else_happens);
        tcase_add_test(tests, a_close_ends_with_close_notify_on_both_sides);
        tcase_add_test(tests, close_close_notify_and_the_end_may_come_in_one);
        if (!world_is_fallback()) {
            tcase_add_test(tests, a_file_is_sent_to_who_has_ended_its_half_of_tls);
        }
        if (!world_is_fallback() && !world_is_cut()) {
            tcase_add_test(tests, what_came_with_the_end_of_tls_is_not_lost);
        }
        tcase_add_test(tests, close_notify_without_a_close_is_an_end_that_is_not_clean);
        tcase_add_test(tests, a_cut_connection_is_not_clean_whatever_came_before);
        tcase_add_test(tests, what_could_not_be_sent_to_a_broken_connection_goes_to_no_other);
        tcase_add_test(tests, a_refused_request_is_answered_over_tls_and_ended_in_order);
        tcase_add_test(tests, a_message_of_64_mib_arrives_both_ways);
        tcase_add_test(tests, a_slow_reader_holds_the_sender_back_and_loses_nothing);
        tcase_add_test(tests, a_certificate_is_replaced_under_200_peers_and_none_drops);
        tcase_add_test(tests, a_plain_server_does_not_become_a_secure_one_while_it_listens);
        tcase_add_test(tests, five_hundred_that_never_begin_hold_nobody_up_and_end);
        tcase_add_test(tests, the_handshake_timeout_covers_tls_and_http_together);
    }
    suite_add_tcase(suite, tests);
    return suite;
}
