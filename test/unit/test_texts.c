/* SPDX-License-Identifier: MIT */
/* url, config, admission and faults of TLS. */
#include <stdio.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/ssl.h>

#include "admission.h"
#include "answer.h"
#include "config.h"
#include "runtests.h"
#include "tally.h"
#include "tls_fault.h"
#include "url.h"

static const struct {
    const char *text;
    bool is_secure;
    const char *host;
    uint16_t port;
    const char *authority;
    const char *path;
} good_urls[] = {
    {"ws://example.org", false, "example.org", 80, "example.org", "/"},
    {"WS://Example.org/", false, "Example.org", 80, "Example.org", "/"},
    {"wss://example.org", true, "example.org", 443, "example.org", "/"},
    {"WsS://example.org:443/a", true, "example.org", 443, "example.org", "/a"},
    {"ws://example.org:80/a/b", false, "example.org", 80, "example.org", "/a/b"},
    {"ws://example.org:443", false, "example.org", 443, "example.org:443", "/"},
    {"localhost:8080", false, "localhost", 8080, "localhost:8080", "/"},
    {"localhost", false, "localhost", 80, "localhost", "/"},
    {"example.org/chat?x=1", false, "example.org", 80, "example.org", "/chat?x=1"},
    {"ws://127.0.0.1:65535/", false, "127.0.0.1", 65535, "127.0.0.1:65535", "/"},
    {"ws://[::1]/", false, "::1", 80, "[::1]", "/"},
    {"ws://[::1]:9000/x", false, "::1", 9000, "[::1]:9000", "/x"},
    {"[::1]:9000", false, "::1", 9000, "[::1]:9000", "/"},
    {"ws://[2001:db8::1:2]", false, "2001:db8::1:2", 80, "[2001:db8::1:2]", "/"},
    {"ws://host?x=1", false, "host", 80, "host", "/?x=1"},
    {"ws://host:81?x=1", false, "host", 81, "host:81", "/?x=1"},
    {"ws://host/%20%C3%A9", false, "host", 80, "host", "/%20%C3%A9"},
    {"ws://a_b.c-d.e/", false, "a_b.c-d.e", 80, "a_b.c-d.e", "/"},
    {"ws://host./", false, "host.", 80, "host.", "/"},
    {"ws://host/a?url=http://x/y@z", false, "host", 80, "host", "/a?url=http://x/y@z"},
    {"host/a://b", false, "host", 80, "host", "/a://b"},
    {"ws://host//", false, "host", 80, "host", "//"},
};

START_TEST(a_good_url_is_parsed)
{
    gdwsi_url url;
    const char *reason;
    ck_assert_int_eq(gdwsi_url_parse(&url, good_urls[_i].text, &reason), GDWS_OK);
    ck_assert(url.is_secure == good_urls[_i].is_secure);
    ck_assert_str_eq(url.host, good_urls[_i].host);
    ck_assert_uint_eq(url.port, good_urls[_i].port);
    ck_assert_str_eq(url.authority, good_urls[_i].authority);
    ck_assert_str_eq(url.path, good_urls[_i].path);
    gdwsi_url_clear(&url);
}
END_TEST

/* Fifty bytes and a dot: five of them are more than a name may have. */
#define LABEL "12345678901234567890123456789012345678901234567890."

static const char *const bad_urls[] = {
    "",
    " ",
    "ws://",
    "ws:///",
    "ws://?",
    "://host",
    "http://host",
    "wsx://host",
    "w s://host",
    "ws://host:",
    "ws://host:0",
    "ws://host:00000",
    "ws://host:65536",
    "ws://host:123456",
    "ws://host:+1",
    "ws://host:-1",
    "ws://host: 1",
    "ws://host:1x",
    "ws://:80",
    "ws://u@host",
    "ws://u:p@host",
    "ws://@host",
    "ws://[::1",
    "ws://::1",
    "ws://[]",
    "ws://[::1]80",
    "ws://[::1]:",
    "ws://[fe80::1%25eth0]",
    "ws://[1.2.3.4]",
    "ws://1.2.3",
    "ws://1.2.3.4.5",
    "ws://256.0.0.1",
    "ws://host#",
    "ws://host/#x",
    "ws://host/a b",
    "ws://ho st",
    "ws://host/\n",
    "ws://host\r\nX: y",
    "ws://host/\x7f",
    "ws://h\xc3\xb6st",
    "ws://host/\xc3\xb6",
    "ws://-a",
    "ws://a-",
    "ws://a..b",
    "ws://.a",
    "ws://.",
    "ws://a,b",
    "ws://a!b",
    "ws://host/\"",
    "ws://host/<",
    "ws://host/\\",
    "ws://host/^",
    "ws://host/`",
    "ws://host/{}",
    "ws://host/|",
    "ws:host",
    "//host",
    "ws://1234567890123456789012345678901234567890123456789012345678901234.org",
    "ws://" LABEL LABEL LABEL LABEL LABEL "a",
    "ws://[1111:2222:3333:4444:5555:6666:7777:8888:9999:aaaa]"};

START_TEST(a_bad_url_is_refused_with_a_reason)
{
    gdwsi_url url;
    const char *reason = NULL;
    gdws_error error = gdwsi_url_parse(&url, bad_urls[_i], &reason);
    ck_assert_msg(error == GDWS_INVALID_PARAMETER, "%s", bad_urls[_i]);
    ck_assert_ptr_nonnull(reason);
    ck_assert_ptr_null(url.host);
}
END_TEST

START_TEST(a_url_of_any_length_is_no_crash)
{
    static char text[3000];
    const char *reason;
    gdwsi_url url;
    for (size_t length = 240; length < 2990; length += 50) {
        memset(text, 'a', length);
        memcpy(text, "ws://h/", 7);
        text[length] = '\0';
        gdws_error error = gdwsi_url_parse(&url, text, &reason);
        ck_assert_int_eq(error, length <= 2000 ? GDWS_OK : GDWS_INVALID_PARAMETER);
        gdwsi_url_clear(&url);
    }
}
END_TEST

START_TEST(without_memory_a_url_leaves_nothing)
{
    size_t nth = 1;
    bool has_failed = true;
    for (; has_failed && nth < 50; nth++) {
        gdwsi_url url;
        const char *reason;
        gdwsi_mem_fail_at(nth);
        gdws_error error = gdwsi_url_parse(&url, "ws://host:1/x", &reason);
        has_failed = gdwsi_mem_has_failed();
        ck_assert_int_eq(error, has_failed ? GDWS_OUT_OF_MEMORY : GDWS_OK);
        gdwsi_url_clear(&url);
    }
    ck_assert_uint_eq(nth, 6);
}
END_TEST

static gdwsi_config config;

START_TEST(numbers_are_checked)
{
    gdwsi_config_init_server(&config);
    ck_assert_uint_eq(config.handshake_timeout_ms, 3000);
    ck_assert_int_eq(gdwsi_config_set_inbound_buffer(&config, 127), GDWS_PARAMETER_RANGE_ERROR);
    ck_assert_int_eq(gdwsi_config_set_inbound_buffer(&config, 128), GDWS_OK);
    ck_assert_int_eq(gdwsi_config_set_outbound_buffer(&config, (1u << 30) + 1),
                     GDWS_PARAMETER_RANGE_ERROR);
    ck_assert_int_eq(gdwsi_config_set_buffers(&config, 3, 5, 17, 1000), GDWS_OK);
    ck_assert_uint_eq(config.inbound_buffer_bytes, 4096);
    ck_assert_uint_eq(config.max_queued_packets_in, 8);
    ck_assert_uint_eq(config.outbound_buffer_bytes, 32768);
    ck_assert_uint_eq(config.max_queued_packets_out, 1024);
    ck_assert_int_eq(gdwsi_config_set_buffers(&config, 1, 1, 1, 0), GDWS_PARAMETER_RANGE_ERROR);
    ck_assert_uint_eq(config.inbound_buffer_bytes, 4096);
    ck_assert_int_eq(gdwsi_config_set_heartbeat(&config, 9, 100), GDWS_PARAMETER_RANGE_ERROR);
    ck_assert_int_eq(gdwsi_config_set_heartbeat(&config, 10, 9), GDWS_PARAMETER_RANGE_ERROR);
    ck_assert_int_eq(gdwsi_config_set_heartbeat(&config, 0, 0), GDWS_OK);
    ck_assert_int_eq(gdwsi_config_set_read_size(&config, 127), GDWS_PARAMETER_RANGE_ERROR);
    ck_assert_int_eq(gdwsi_config_set_close_timeout(&config, 86400001), GDWS_PARAMETER_RANGE_ERROR);
}
END_TEST

START_TEST(lists_are_checked_and_kept_on_error)
{
    static const char *const good[] = {"chat", "v1.super"};
    static const char *const doubled[] = {"a", "a"};
    static const char *const bad_protocols[] = {"",
                                                "a b",
                                                "a,b",
                                                "\"a\"",
                                                "a\r\n",
                                                "\xc3\xa4",
                                                ("1234567890123456789012345678901234567890123456789"
                                                 "012345678901234")};
    static const char *const bad_headers[] = {"",
                                              "no colon",
                                              ": value",
                                              "Na me: x",
                                              "Name : x",
                                              "A: b\r\nC: d",
                                              "A: b\nC: d",
                                              "Host: x",
                                              "UPGRADE: x",
                                              "connection: x",
                                              "Sec-WebSocket-Key: x",
                                              "sec-websocket-extensions: x",
                                              "Content-Length: 1",
                                              "A: \x01"};
    static const char *const bad_origins[] = {
        "", "example.org", "https://", "*.*", "https://a/b", "http://a b", "*.", "https://*"};
    gdwsi_config_init_client(&config);
    ck_assert_int_eq(gdwsi_config_set_protocols(&config, good, 2), GDWS_OK);
    ck_assert_int_eq(gdwsi_config_set_protocols(&config, doubled, 2), GDWS_INVALID_PARAMETER);
    ck_assert_int_eq(gdwsi_config_set_protocols(&config, NULL, 1), GDWS_INVALID_PARAMETER);
    for (size_t i = 0; i < sizeof(bad_protocols) / sizeof(bad_protocols[0]); i++) {
        ck_assert_int_eq(gdwsi_config_set_protocols(&config, bad_protocols + i, 1),
                         GDWS_INVALID_PARAMETER);
    }
    ck_assert(gdwsi_list_has(&config.protocols, "v1.super"));
    for (size_t i = 0; i < sizeof(bad_headers) / sizeof(bad_headers[0]); i++) {
        ck_assert_msg(gdwsi_config_set_headers(&config, bad_headers + i, 1) ==
                          GDWS_INVALID_PARAMETER,
                      "%s", bad_headers[i]);
    }
    for (size_t i = 0; i < sizeof(bad_origins) / sizeof(bad_origins[0]); i++) {
        ck_assert_msg(gdwsi_config_set_origins(&config, bad_origins + i, 1) ==
                          GDWS_INVALID_PARAMETER,
                      "%s", bad_origins[i]);
    }
    static const char *const header[] = {"X-Name:   value \t"};
    ck_assert_int_eq(gdwsi_config_set_headers(&config, header, 1), GDWS_OK);
    ck_assert_str_eq(config.headers.items[0], "X-Name: value");
    gdwsi_config_clear(&config);
}
END_TEST

/* As many as there may be, and one more; a NULL among them. */
START_TEST(lists_have_ends)
{
    static const char *const none[] = {NULL};
    static char names[65][16];
    static char lines[33][24];
    static char origins[257][32];
    static char long_one[2100];
    const char *items[257];
    gdwsi_config_init_server(&config);
    ck_assert_int_eq(gdwsi_config_set_protocols(&config, none, 1), GDWS_INVALID_PARAMETER);
    ck_assert_int_eq(gdwsi_config_set_headers(&config, none, 1), GDWS_INVALID_PARAMETER);
    ck_assert_int_eq(gdwsi_config_set_origins(&config, none, 1), GDWS_INVALID_PARAMETER);
    for (int i = 0; i < 65; i++) {
        (void)snprintf(names[i], sizeof(names[i]), "p%d", i);
        items[i] = names[i];
    }
    ck_assert_int_eq(gdwsi_config_set_protocols(&config, items, 64), GDWS_OK);
    ck_assert_int_eq(gdwsi_config_set_protocols(&config, items, 65), GDWS_INVALID_PARAMETER);
    ck_assert_uint_eq(config.protocols.count, 64);
    for (int i = 0; i < 33; i++) {
        (void)snprintf(lines[i], sizeof(lines[i]), "X-%d: a\tb \t", i);
        items[i] = lines[i];
    }
    ck_assert_int_eq(gdwsi_config_set_headers(&config, items, 32), GDWS_OK);
    ck_assert_str_eq(config.headers.items[31], "X-31: a\tb");
    ck_assert_int_eq(gdwsi_config_set_headers(&config, items, 33), GDWS_INVALID_PARAMETER);
    for (int i = 0; i < 257; i++) {
        (void)snprintf(origins[i], sizeof(origins[i]), "http://o%d.example", i);
        items[i] = origins[i];
    }
    ck_assert_int_eq(gdwsi_config_set_origins(&config, items, 256), GDWS_OK);
    ck_assert_int_eq(gdwsi_config_set_origins(&config, items, 257), GDWS_INVALID_PARAMETER);
    ck_assert_uint_eq(config.origins.count, 256);
    memset(long_one, 'a', sizeof(long_one) - 1);
    memcpy(long_one, "http://", 7);
    items[0] = long_one;
    ck_assert_int_eq(gdwsi_config_set_origins(&config, items, 1), GDWS_INVALID_PARAMETER);
    items[0] = "http://\x7f";
    ck_assert_int_eq(gdwsi_config_set_origins(&config, items, 1), GDWS_INVALID_PARAMETER);
    items[0] = "http://.example";
    ck_assert_int_eq(gdwsi_config_set_origins(&config, items, 1), GDWS_INVALID_PARAMETER);
    memcpy(long_one, "Long: a", 7);
    items[0] = long_one;
    ck_assert_int_eq(gdwsi_config_set_headers(&config, items, 1), GDWS_INVALID_PARAMETER);
    long_one[1100] = '\0';
    items[1] = long_one;
    ck_assert_int_eq(gdwsi_config_set_headers(&config, items, 1), GDWS_OK);
    ck_assert_int_eq(gdwsi_config_set_headers(&config, items, 2), GDWS_INVALID_PARAMETER);
    items[0] = "Del: \x7f";
    ck_assert_int_eq(gdwsi_config_set_headers(&config, items, 1), GDWS_INVALID_PARAMETER);
    ck_assert_uint_eq(config.headers.count, 1);
    gdwsi_config_clear(&config);
}
END_TEST

START_TEST(all_origins_and_ports_of_wildcards_are_matched)
{
    static const char *const all[] = {"*"};
    static const char *const some[] = {"https://*.a.example", "*.b.example:8000"};
    gdwsi_config_init_server(&config);
    ck_assert_int_eq(gdwsi_config_set_origins(&config, all, 1), GDWS_OK);
    ck_assert(gdwsi_config_allows_origin(&config, "ftp://x"));
    ck_assert_int_eq(gdwsi_config_set_origins(&config, some, 2), GDWS_OK);
    ck_assert(gdwsi_config_allows_origin(&config, "https://x.a.example:1"));
    ck_assert(!gdwsi_config_allows_origin(&config, "http://x.a.example"));
    ck_assert(!gdwsi_config_allows_origin(&config, "wxyzq://x.a.example"));
    ck_assert(gdwsi_config_allows_origin(&config, "http://x.b.example:8000"));
    ck_assert(!gdwsi_config_allows_origin(&config, "http://x.b.example:8001"));
    ck_assert(!gdwsi_config_allows_origin(&config, "x.b.example:8000"));
    gdwsi_config_clear(&config);
}
END_TEST

/* Several thousand addresses, so that some have the same place in the table. */
START_TEST(addresses_are_counted)
{
    gdwsi_tally tally = {0};
    char address[32];
    ck_assert_uint_eq(gdwsi_tally_get(&tally, "127.0.0.1"), 0);
    gdwsi_tally_remove(&tally, "127.0.0.1");
    ck_assert(gdwsi_tally_add(&tally, "unix:/tmp/a"));
    ck_assert_uint_eq(tally.total, 0);
    for (int i = 0; i < 5000; i++) {
        (void)snprintf(address, sizeof(address), "10.0.%d.%d", i / 250, i % 250);
        ck_assert(gdwsi_tally_add(&tally, address));
        ck_assert(gdwsi_tally_add(&tally, address));
    }
    ck_assert(gdwsi_tally_add(&tally, "2001:db8::1"));
    ck_assert(gdwsi_tally_add(&tally, "2001:db8::2"));
    ck_assert_uint_eq(gdwsi_tally_get(&tally, "2001:db8::3"), 2);
    ck_assert_uint_eq(gdwsi_tally_get(&tally, "unix:/tmp/a"), 0);
    gdwsi_tally_remove(&tally, "unix:/tmp/a");
    gdwsi_tally_remove(&tally, "192.0.2.1");
    for (int i = 0; i < 5000; i++) {
        (void)snprintf(address, sizeof(address), "10.0.%d.%d", i / 250, i % 250);
        ck_assert_uint_eq(gdwsi_tally_get(&tally, address), 2);
        gdwsi_tally_remove(&tally, address);
        gdwsi_tally_remove(&tally, address);
        ck_assert_uint_eq(gdwsi_tally_get(&tally, address), 0);
    }
    ck_assert_uint_eq(tally.total, 2);
    /* Those that count nothing go when room is made. */
    for (int i = 0; i < 20000; i++) {
        (void)snprintf(address, sizeof(address), "11.%d.%d.1", i / 250, i % 250);
        ck_assert(gdwsi_tally_add(&tally, address));
        gdwsi_tally_remove(&tally, address);
    }
    ck_assert_uint_eq(gdwsi_tally_get(&tally, "2001:db8::1"), 2);
    gdwsi_tally_remove(&tally, "2001:db8::1");
    gdwsi_tally_remove(&tally, "2001:db8::1");
    ck_assert_uint_eq(tally.capacity, 0);
    gdwsi_mem_fail_at(1);
    ck_assert(!gdwsi_tally_add(&tally, "127.0.0.1"));
    ck_assert_uint_eq(gdwsi_mem_live(), 0);
}
END_TEST

START_TEST(origins_are_matched)
{
    static const char *const rules[] = {"https://good.example", "*.games.example", "null",
                                        "http://localhost:8000"};
    static const char *const in[] = {
        "https://good.example",   "HTTPS://GOOD.example",          "null",
        "http://a.games.example", "https://a.b.games.example:444", "http://localhost:8000"};
    static const char *const out[] = {"http://good.example",
                                      "https://good.example:444",
                                      "https://games.example",
                                      "https://evilgames.example",
                                      "http://localhost",
                                      "https://good.example.evil",
                                      "",
                                      "*"};
    gdwsi_config_init_server(&config);
    ck_assert(gdwsi_config_allows_origin(&config, "https://any.example"));
    ck_assert_int_eq(gdwsi_config_set_origins(&config, rules, 4), GDWS_OK);
    ck_assert(gdwsi_config_allows_origin(&config, NULL));
    for (size_t i = 0; i < sizeof(in) / sizeof(in[0]); i++) {
        ck_assert_msg(gdwsi_config_allows_origin(&config, in[i]), "%s", in[i]);
    }
    for (size_t i = 0; i < sizeof(out) / sizeof(out[0]); i++) {
        ck_assert_msg(!gdwsi_config_allows_origin(&config, out[i]), "%s", out[i]);
    }
    gdwsi_config_clear(&config);
}
END_TEST

START_TEST(without_memory_a_list_stays_as_it_was)
{
    static const char *const first[] = {"a"};
    static const char *const second[] = {"b", "c"};
    size_t nth = 1;
    bool has_failed = true;
    for (; has_failed && nth < 50; nth++) {
        gdwsi_config_init_client(&config);
        ck_assert_int_eq(gdwsi_config_set_protocols(&config, first, 1), GDWS_OK);
        gdwsi_mem_fail_at(nth);
        gdws_error error = gdwsi_config_set_protocols(&config, second, 2);
        has_failed = gdwsi_mem_has_failed();
        ck_assert_int_eq(error, has_failed ? GDWS_OUT_OF_MEMORY : GDWS_OK);
        ck_assert(gdwsi_list_has(&config.protocols, has_failed ? "a" : "b"));
        gdwsi_config_clear(&config);
    }
    ck_assert_uint_eq(nth, 5);
}
END_TEST

START_TEST(admission_decides)
{
    static const char *const spoken[] = {"one", "two"};
    char protocol[GDWSI_ADMISSION_PROTOCOL_MAX + 1];
    char answer[GDWSI_ANSWER_MAX];
    gdwsi_request request = {
        .version = "13", .key = "dGhlIHNhbXBsZSBub25jZQ==", .is_upgrade = true};
    gdwsi_config_init_server(&config);
    ck_assert_int_eq(gdwsi_admission_decide(&config, &request, protocol), 0);
    ck_assert_str_eq(protocol, "");
    request.protocols = " x , two,one";
    ck_assert_int_eq(gdwsi_admission_decide(&config, &request, protocol), 0);
    ck_assert_str_eq(protocol, "x");
    ck_assert_int_eq(gdwsi_config_set_protocols(&config, spoken, 2), GDWS_OK);
    ck_assert_int_eq(gdwsi_admission_decide(&config, &request, protocol), 0);
    ck_assert_str_eq(protocol, "two");
    request.protocols = "ONE";
    ck_assert_int_eq(gdwsi_admission_decide(&config, &request, protocol), 400);
    request.protocols = NULL;
    request.key = "dGhlIHNhbXBsZSBub25jZQ=";
    ck_assert_int_eq(gdwsi_admission_decide(&config, &request, protocol), 400);
    request.key = NULL;
    ck_assert_int_eq(gdwsi_admission_decide(&config, &request, protocol), 400);
    request.version = "12";
    ck_assert_int_eq(gdwsi_admission_decide(&config, &request, protocol), 426);
    size_t length = gdwsi_answer_write_refusal(&config, 426, NULL, "http://a", answer);
    ck_assert_uint_gt(length, 0);
    ck_assert_ptr_nonnull(strstr(answer, "Sec-WebSocket-Version: 13\r\n"));
    ck_assert_ptr_nonnull(strstr(answer, "Access-Control-Allow-Origin: http://a\r\n"));
    gdwsi_config_clear(&config);
}
END_TEST

START_TEST(a_certificates_fault_has_our_words_or_openssls)
{
    static const struct {
        long result;
        const char *text;
    } table[] = {
        {X509_V_ERR_CERT_HAS_EXPIRED, "the server's certificate has expired"},
        {X509_V_ERR_HOSTNAME_MISMATCH,
         "the server's certificate is for another host than a.example"},
        {X509_V_ERR_PATH_LENGTH_EXCEEDED,
         "the server's certificate: path length constraint exceeded"},
    };
    char text[GDWSI_TLS_FAULT_MAX];
    SSL_CTX *context = SSL_CTX_new(TLS_client_method());
    SSL *ssl = SSL_new(context);
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        SSL_set_verify_result(ssl, table[i].result);
        ERR_raise(ERR_LIB_SSL, SSL_R_CERTIFICATE_VERIFY_FAILED);
        gdwsi_tls_fault_write(text, ssl, "server", "a.example");
        ck_assert_str_eq(text, table[i].text);
        ERR_clear_error();
    }
    SSL_free(ssl);
    SSL_CTX_free(context);
}
END_TEST

Suite *texts_suite(void)
{
    Suite *suite = suite_create("texts");
    TCase *tests = tcase_create("texts");
    tcase_add_checked_fixture(tests, begin, assert_nothing_is_left);
    tcase_add_loop_test(tests, a_good_url_is_parsed, 0,
                        (int)(sizeof(good_urls) / sizeof(good_urls[0])));
    tcase_add_loop_test(tests, a_bad_url_is_refused_with_a_reason, 0,
                        (int)(sizeof(bad_urls) / sizeof(bad_urls[0])));
    tcase_add_test(tests, a_url_of_any_length_is_no_crash);
    tcase_add_test(tests, without_memory_a_url_leaves_nothing);
    tcase_add_test(tests, numbers_are_checked);
    tcase_add_test(tests, lists_are_checked_and_kept_on_error);
    tcase_add_test(tests, origins_are_matched);
    tcase_add_test(tests, lists_have_ends);
    tcase_add_test(tests, all_origins_and_ports_of_wildcards_are_matched);
    tcase_add_test(tests, addresses_are_counted);
    tcase_add_test(tests, without_memory_a_list_stays_as_it_was);
    tcase_add_test(tests, admission_decides);
    tcase_add_test(tests, a_certificates_fault_has_our_words_or_openssls);
    suite_add_tcase(suite, tests);
    return suite;
}
