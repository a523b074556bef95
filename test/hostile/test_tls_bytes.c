/* SPDX-License-Identifier: MIT */
/* Hostile bytes where TLS should be: none of them brings the server down, holds memory or anybody
 * else up. */
#include <stdlib.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/ssl.h>

#include "certs.h"
#include "mem.h"
#include "rawsock.h"
#include "runtests.h"
#include "world.h"

static world w;

static void set_up(void)
{
    world_init_idle(&w);
    gdws_set_log_level(GDWS_LOG_ERROR);
    ck_assert_int_eq(gdws_server_set_private_key(w.server, cert_localhost()->key, NULL), GDWS_OK);
    ck_assert_int_eq(gdws_server_set_ssl_certificate(w.server, cert_localhost()->certificate),
                     GDWS_OK);
    w.echoes = true;
    world_listen(&w);
}

/* After all of it a good client is served, and nothing of the others is left. */
static void tear_down(void)
{
    rawsock raw;
    const uint8_t *payload;
    size_t length;
    int connected = w.at_server.connected;
    rawsock_connect_plain(&raw, w.loop, gdws_server_get_port(w.server));
    ck_assert(rawsock_secure(&raw, NULL, true));
    rawsock_upgrade(&raw);
    rawsock_send_frame(&raw, 0x81, "hello", 5, true);
    ck_assert_int_eq(rawsock_read_frame(&raw, &payload, &length), 0x81);
    ck_assert_int_eq(w.at_server.connected, connected + 1);
    rawsock_close(&raw);
    world_free(&w);
}

/* What a client sends first, as OpenSSL makes it. Returns its length. */
static size_t make_hello(uint8_t *target, size_t size)
{
    SSL_CTX *context = SSL_CTX_new(TLS_client_method());
    SSL *tls = SSL_new(context);
    SSL_set_bio(tls, BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem()));
    SSL_set_connect_state(tls);
    (void)SSL_do_handshake(tls);
    int length = BIO_read(SSL_get_wbio(tls), target, (int)size);
    ck_assert_int_gt(length, 100);
    SSL_free(tls);
    SSL_CTX_free(context);
    ERR_clear_error();
    return (size_t)length;
}

/* Send bytes to the server; it must end the connection, with or without our end before. */
static void expect_end(const void *bytes, size_t length, bool we_end)
{
    rawsock raw;
    rawsock_connect_plain(&raw, w.loop, gdws_server_get_port(w.server));
    rawsock_send(&raw, bytes, length, 0);
    if (we_end) {
        rawsock_end(&raw);
    }
    rawsock_wait_for_end(&raw, 5000);
    rawsock_close(&raw);
}

typedef struct sample {
    const char *bytes;
    size_t length;
} sample;

#define SAMPLE(text)                                                                               \
    {                                                                                              \
        (text), sizeof(text) - 1                                                                   \
    }

START_TEST(garbage_is_ended)
{
    static const sample samples[] = {
        SAMPLE("\x00"),
        SAMPLE("\xff\xff\xff\xff\xff\xff\xff\xff"),
        SAMPLE("hello, server\r\n"),
        SAMPLE("\x16\x02\x00\x00\x05hello"),                  /* SSL 2 */
        SAMPLE("\x16\x03\x01\x00\x00"),                       /* an empty record */
        SAMPLE("\x16\x03\x01\xff\xff"),                       /* longer than any may be */
        SAMPLE("\x16\x03\x01\x40\x01"),                       /* longer by one */
        SAMPLE("\x16\x03\x01\x00\x04\x02\x00\x00\x00"),       /* a ServerHello */
        SAMPLE("\x16\x03\x01\x00\x04\x01\xff\xff\xff"),       /* a ClientHello of 16 MiB */
        SAMPLE("\x16\x03\x01\x00\x04\x14\x00\x00\x00"),       /* Finished at once */
        SAMPLE("\x17\x03\x03\x00\x05hello"),                  /* data before the handshake */
        SAMPLE("\x15\x03\x01\x00\x02\x02\x28"),               /* an alert */
        SAMPLE("\x15\x03\x01\x00\x02\x01\x00"),               /* close_notify */
        SAMPLE("\x14\x03\x01\x00\x01\x01"),                   /* ChangeCipherSpec */
        SAMPLE("\x18\x03\x01\x00\x03\x01\x40\x00"),           /* a heartbeat that bleeds */
        SAMPLE("\x80\x2e\x01\x00\x02\x00\x15\x00\x00\x00"),   /* an SSL 2 hello, cut */
        SAMPLE("\x16\x03\x01\x00\x2f\x01\x00\x00\x2b\x03\x03" /* no cipher at all */
               "0123456789abcdef0123456789abcdef"
               "\x00\x00\x00\x01\x00\x00\x00"),
    };
    for (size_t i = 0; i < sizeof(samples) / sizeof(samples[0]); i++) {
        expect_end(samples[i].bytes, samples[i].length, true);
    }
    ck_assert_int_eq(w.at_server.connected, 0);
}
END_TEST

START_TEST(a_hello_that_is_cut_anywhere_is_ended)
{
    static uint8_t hello[4096];
    size_t length = make_hello(hello, sizeof(hello));
    for (size_t cut = 0; cut < length; cut += (size_t)world_scale(1, 16)) {
        expect_end(hello, cut, true);
    }
}
END_TEST

START_TEST(a_hello_with_any_byte_changed_ends_or_goes_on)
{
    static uint8_t hello[4096];
    size_t length = make_hello(hello, sizeof(hello));
    for (size_t i = 0; i < length; i += (size_t)world_scale(1, 16)) {
        static const uint8_t changes[] = {0x01, 0x80, 0xff};
        for (size_t j = 0; j < sizeof(changes); j++) {
            hello[i] ^= changes[j];
            expect_end(hello, length, true);
            hello[i] ^= changes[j];
        }
    }
}
END_TEST

START_TEST(a_handshake_and_data_in_single_bytes_are_understood)
{
    for (size_t piece = 1; piece < 6; piece++) {
        rawsock raw;
        const uint8_t *payload;
        size_t length;
        rawsock_connect_plain(&raw, w.loop, gdws_server_get_port(w.server));
        raw.piece = piece;
        ck_assert(rawsock_secure(&raw, NULL, true));
        rawsock_upgrade(&raw);
        rawsock_send_frame(&raw, 0x81, "cut everywhere", 14, true);
        ck_assert_int_eq(rawsock_read_frame(&raw, &payload, &length), 0x81);
        ck_assert_uint_eq(length, 14);
        rawsock_close(&raw);
    }
    WAIT_FOR(&w, w.at_server.closed == 5);
}
END_TEST

static void connect_secured(rawsock *raw, int version)
{
    SSL_CTX *context = SSL_CTX_new(TLS_client_method());
    (void)SSL_CTX_set_max_proto_version(context, version);
    int connected = w.at_server.connected;
    rawsock_connect_plain(raw, w.loop, gdws_server_get_port(w.server));
    ck_assert(rawsock_secure(raw, context, true));
    rawsock_upgrade(raw);
    WAIT_FOR(&w, w.at_server.connected == connected + 1);
    SSL_CTX_free(context);
}

START_TEST(a_record_that_was_changed_ends_the_connection)
{
    static const int versions[] = {TLS1_2_VERSION, TLS1_3_VERSION};
    for (int i = 0; i < 2; i++) {
        static const size_t places[] = {0, 1, 3, 4, 5, 6, 20, 30};
        for (size_t j = 0; j < sizeof(places) / sizeof(places[0]); j++) {
            rawsock raw;
            uint8_t frame[64];
            uint8_t sealed[256];
            int closed = w.at_server.closed;
            connect_secured(&raw, versions[i]);
            size_t length = rawsock_frame(frame, 0x81, "not what I have sent", 20, true);
            ck_assert_int_eq(SSL_write(raw.tls, frame, (int)length), (int)length);
            int size = BIO_read(SSL_get_wbio(raw.tls), sealed, sizeof(sealed));
            ck_assert_int_gt(size, 30);
            sealed[places[j]] ^= 0x40;
            rawsock_send_plain(&raw, sealed, (size_t)size);
            /* A length that has grown is waited for. */
            rawsock_end(&raw);
            WAIT_FOR(&w, w.at_server.closed == closed + 1);
            ck_assert(!w.at_server.was_clean);
            ck_assert_int_eq(w.at_server.data, 0);
            rawsock_wait_for_end(&raw, 5000);
            rawsock_close(&raw);
        }
    }
}
END_TEST

START_TEST(plain_bytes_behind_the_handshake_end_the_connection)
{
    rawsock raw;
    connect_secured(&raw, TLS1_3_VERSION);
    rawsock_send_plain(&raw, "\x81\x85\x00\x00\x00\x00hello", 11);
    WAIT_FOR(&w, w.at_server.closed == 1);
    ck_assert(!w.at_server.was_clean);
    rawsock_wait_for_end(&raw, 5000);
    rawsock_close(&raw);
}
END_TEST

START_TEST(new_keys_all_the_time_are_not_made)
{
    rawsock raw;
    uint64_t longest = 0;
    connect_secured(&raw, TLS1_3_VERSION);
    for (int i = 0; i < 5000; i++) {
        if (SSL_key_update(raw.tls, SSL_KEY_UPDATE_REQUESTED) != 1 ||
            SSL_do_handshake(raw.tls) != 1) {
            break;
        }
    }
    rawsock_flush(&raw);
    while (w.at_server.closed == 0) {
        uint64_t start = world_now_ms();
        gdws_loop_wait(w.loop, 10);
        longest = world_now_ms() - start > longest ? world_now_ms() - start : longest;
    }
    ck_assert_uint_lt(longest, (uint64_t)world_scale(100, 1000));
    ck_assert(!w.at_server.was_clean);
    rawsock_wait_for_end(&raw, 5000);
    rawsock_close(&raw);
}
END_TEST

START_TEST(new_keys_now_and_then_are)
{
    rawsock raw;
    const uint8_t *payload;
    size_t length;
    connect_secured(&raw, TLS1_3_VERSION);
    for (int i = 0; i < 20; i++) {
        ck_assert_int_eq(SSL_key_update(raw.tls, SSL_KEY_UPDATE_REQUESTED), 1);
        rawsock_send_frame(&raw, 0x81, "hello", 5, true);
        ck_assert_int_eq(rawsock_read_frame(&raw, &payload, &length), 0x81);
    }
    rawsock_close(&raw);
}
END_TEST

START_TEST(renegotiations_all_the_time_cost_little)
{
    rawsock raw;
    connect_secured(&raw, TLS1_2_VERSION);
    /* Each is refused; the client's library then gives up, or begins anew. */
    for (int i = 0; i < 1000 && !raw.is_ended; i++) {
        (void)SSL_renegotiate(raw.tls);
        (void)SSL_do_handshake(raw.tls);
        rawsock_flush(&raw);
        gdws_loop_wait(w.loop, 0);
        rawsock_receive(&raw);
        ERR_clear_error();
    }
    rawsock_close(&raw);
    WAIT_FOR(&w, w.at_server.closed == 1);
}
END_TEST

/* For the client: servers that answer its hello with something. */
START_TEST(a_client_survives_what_servers_answer)
{
    static const sample samples[] = {
        SAMPLE("\x00"),
        SAMPLE("\x16\x03\x03\xff\xff"),
        SAMPLE("\x16\x03\x03\x00\x04\x02\x00\x00\x00"),
        SAMPLE("\x16\x03\x03\x00\x04\x0e\x00\x00\x00"),
        SAMPLE("\x17\x03\x03\x00\x05hello"),
        SAMPLE("\x15\x03\x03\x00\x02\x02\x28"),
        SAMPLE("\x15\x03\x03\x00\x02\x01\x00"),
        SAMPLE("\x14\x03\x03\x00\x01\x01"),
    };
    for (size_t i = 0; i < sizeof(samples) / sizeof(samples[0]); i++) {
        rawsock raw;
        char url[64];
        uint16_t port = 0;
        int listener = rawsock_listen(&port);
        (void)snprintf(url, sizeof(url), "wss://127.0.0.1:%u/", port);
        ck_assert_int_eq(gdws_client_connect_to_url(w.client, url), GDWS_OK);
        rawsock_accept_plain(&raw, w.loop, listener);
        rawsock_wait_for(&raw, 100);
        rawsock_send_plain(&raw, samples[i].bytes, samples[i].length);
        rawsock_end(&raw);
        WAIT_FOR(&w, w.at_client.errors == (int)i + 1);
        ck_assert_str_ne(gdws_client_get_error_message(w.client), "");
        rawsock_wait_for_end(&raw, 5000);
        rawsock_close(&raw);
        rawsock_stop_listening(listener);
    }
}
END_TEST

Suite *tls_bytes_suite(void)
{
    Suite *suite = suite_create("tls bytes");
    TCase *tests = tcase_create("tls bytes");
    tcase_set_timeout(tests, 120);
    tcase_add_checked_fixture(tests, set_up, tear_down);
    if (!world_is_fallback()) {
        tcase_add_test(tests, garbage_is_ended);
        tcase_add_test(tests, a_hello_that_is_cut_anywhere_is_ended);
        tcase_add_test(tests, a_hello_with_any_byte_changed_ends_or_goes_on);
        tcase_add_test(tests, a_handshake_and_data_in_single_bytes_are_understood);
        tcase_add_test(tests, a_record_that_was_changed_ends_the_connection);
        tcase_add_test(tests, plain_bytes_behind_the_handshake_end_the_connection);
        tcase_add_test(tests, new_keys_all_the_time_are_not_made);
        tcase_add_test(tests, new_keys_now_and_then_are);
        tcase_add_test(tests, renegotiations_all_the_time_cost_little);
        tcase_add_test(tests, a_client_survives_what_servers_answer);
    }
    suite_add_tcase(suite, tests);
    return suite;
}
