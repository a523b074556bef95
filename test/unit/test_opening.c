/* SPDX-License-Identifier: MIT */
/* http and handshake: heads that are taken and heads that are not. Expectations are those of RFC
 * 9112 and of RFC 6455 section 4. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "handshake.h"
#include "http.h"
#include "runtests.h"

/* The key and its answer in RFC 6455 section 1.3. */
#define KEY "dGhlIHNhbXBsZSBub25jZQ=="
#define ACCEPT "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
#define UPGRADE "Upgrade: websocket\r\nConnection: Upgrade\r\n"
#define VERSION "Sec-WebSocket-Version: 13\r\n"
#define KEY_LINE "Sec-WebSocket-Key: " KEY "\r\n"
#define GOOD UPGRADE VERSION KEY_LINE

static const struct {
    const char *name;
    const char *text;
    int status; /* of the refusal; 0: let in */
} requests[] = {
    {"good", "GET / HTTP/1.1\r\nHost: a\r\n" GOOD "\r\n", 0},
    {"HTTP/1.2", "GET / HTTP/1.2\r\nHost: a\r\n" GOOD "\r\n", 0},
    {"path and query", "GET /a/b?c=d HTTP/1.1\r\nHost: a\r\n" GOOD "\r\n", 0},
    {"odd case",
     "GET / HTTP/1.1\r\nhOST:a\r\nuPgRaDe:WebSocket\r\n"
     "CONNECTION:keep-alive ,\tuPGRADE\r\n" VERSION KEY_LINE "\r\n",
     0},
    {"two upgrades",
     "GET / HTTP/1.1\r\nHost: a\r\nUpgrade: h2c, websocket\r\n"
     "Connection: Upgrade\r\n" VERSION KEY_LINE "\r\n",
     0},
    {"two connection lines", "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n" GOOD "\r\n", 0},
    {"a header that begins another",
     "GET / HTTP/1.1\r\nHost: a\r\nX-A: b\r\nSec: c\r\n" GOOD "\r\n", 0},
    {"empty value", "GET / HTTP/1.1\r\nHost: a\r\nX-Empty:\r\n" GOOD "\r\n", 0},
    {"HTTP/1.0", "GET / HTTP/1.0\r\nHost: a\r\n" GOOD "\r\n", 426},
    {"no host", "GET / HTTP/1.1\r\n" GOOD "\r\n", 400},
    {"empty host", "GET / HTTP/1.1\r\nHost:\r\n" GOOD "\r\n", 400},
    {"two hosts", "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n" GOOD "\r\n", 400},
    {"two keys", "GET / HTTP/1.1\r\nHost: a\r\n" KEY_LINE GOOD "\r\n", 400},
    {"two versions", "GET / HTTP/1.1\r\nHost: a\r\n" VERSION GOOD "\r\n", 400},
    {"two origins", "GET / HTTP/1.1\r\nHost: a\r\nOrigin: x\r\nOrigin: y\r\n" GOOD "\r\n", 400},
    {"no upgrade", "GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\n" VERSION KEY_LINE "\r\n",
     426},
    {"no connection", "GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\n" VERSION KEY_LINE "\r\n",
     426},
    {"no version", "GET / HTTP/1.1\r\nHost: a\r\n" UPGRADE KEY_LINE "\r\n", 426},
    {"version 8",
     "GET / HTTP/1.1\r\nHost: a\r\n" UPGRADE "Sec-WebSocket-Version: 8\r\n" KEY_LINE "\r\n", 426},
    {"no key", "GET / HTTP/1.1\r\nHost: a\r\n" UPGRADE VERSION "\r\n", 400},
    {"short key", "GET / HTTP/1.1\r\nHost: a\r\n" UPGRADE VERSION "Sec-WebSocket-Key: YQ==\r\n\r\n",
     400},
    {"POST", "POST / HTTP/1.1\r\nHost: a\r\n" GOOD "\r\n", 426},
    {"lower case method", "get / HTTP/1.1\r\nHost: a\r\n" GOOD "\r\n", 426},
    {"no target", "GET HTTP/1.1\r\nHost: a\r\n" GOOD "\r\n", 400},
    {"two spaces", "GET  / HTTP/1.1\r\nHost: a\r\n" GOOD "\r\n", 400},
    {"space in the target", "GET /a b HTTP/1.1\r\nHost: a\r\n" GOOD "\r\n", 400},
    {"target without slash", "GET a HTTP/1.1\r\nHost: a\r\n" GOOD "\r\n", 400},
    {"whole URL", "GET http://a/b?c HTTP/1.1\r\nHost: a\r\n" GOOD "\r\n", 0},
    {"whole URL without a path", "GET HTTP://a HTTP/1.1\r\nHost: a\r\n" GOOD "\r\n", 0},
    {"whole URL of another kind", "GET ftp://a/ HTTP/1.1\r\nHost: a\r\n" GOOD "\r\n", 400},
    {"whole URL without a host", "GET http:///a HTTP/1.1\r\nHost: a\r\n" GOOD "\r\n", 400},
    {"a body", "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n" GOOD "\r\nabc", 400},
    {"an empty body", "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n" GOOD "\r\n", 0},
    {"chunks", "GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n" GOOD "\r\n", 400},
    {"asterisk", "GET * HTTP/1.1\r\nHost: a\r\n" GOOD "\r\n", 400},
    {"HTTP/2", "GET / HTTP/2.0\r\nHost: a\r\n" GOOD "\r\n", 505},
    {"preface of HTTP/2", "PRI * HTTP/2.0\r\n\r\n", 505},
    {"no HTTP", "GET / FTP/1.1\r\nHost: a\r\n" GOOD "\r\n", 400},
    {"version of two digits", "GET / HTTP/1.10\r\nHost: a\r\n" GOOD "\r\n", 400},
    {"version without a dot", "GET / HTTP/1,1\r\nHost: a\r\n" GOOD "\r\n", 400},
    {"version below digits", "GET / HTTP/!.1\r\nHost: a\r\n" GOOD "\r\n", 400},
    {"version above digits", "GET / HTTP/x.1\r\nHost: a\r\n" GOOD "\r\n", 400},
    {"minor version below digits", "GET / HTTP/1.!\r\nHost: a\r\n" GOOD "\r\n", 400},
    {"minor version above digits", "GET / HTTP/1.x\r\nHost: a\r\n" GOOD "\r\n", 400},
    {"short version", "GET / HTTP/1\r\nHost: a\r\n" GOOD "\r\n", 400},
    {"method that is no token", "G@T / HTTP/1.1\r\nHost: a\r\n" GOOD "\r\n", 400},
    {"tab in the target", "GET /a\tb HTTP/1.1\r\nHost: a\r\n" GOOD "\r\n", 400},
    {"DEL in a value",
     "GET / HTTP/1.1\r\nHost: a\r\nX: a\x7f"
     "b\r\n" GOOD "\r\n",
     400},
    {"tab in a value", "GET / HTTP/1.1\r\nHost: a\r\nX: a\tb\r\n" GOOD "\r\n", 0},
    {"white space around a value", "GET / HTTP/1.1\r\nHost: \t a \t\r\n" GOOD "\r\n", 0},
    {"name of all kinds of bytes",
     "GET / HTTP/1.1\r\nHost: a\r\nX!#$%&'*+-.^_`|~09azAZ: b\r\n" GOOD "\r\n", 0},
    {"list that ends with spaces",
     "GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\n"
     "Connection: a \t, Upgrade \t,\r\n" VERSION KEY_LINE "\r\n",
     0},
    {"token that only begins the same",
     "GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websockets\r\n"
     "Connection: Upgrade\r\n" VERSION KEY_LINE "\r\n",
     426},
    {"key without its end",
     "GET / HTTP/1.1\r\nHost: a\r\n" UPGRADE VERSION
     "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=a\r\n\r\n",
     400},
    {"folded line", "GET / HTTP/1.1\r\nHost: a\r\nX: a\r\n b\r\n" GOOD "\r\n", 400},
    {"space before the colon", "GET / HTTP/1.1\r\nHost : a\r\n" GOOD "\r\n", 400},
    {"no colon", "GET / HTTP/1.1\r\nHost: a\r\nnothing\r\n" GOOD "\r\n", 400},
    {"no name", "GET / HTTP/1.1\r\nHost: a\r\n: x\r\n" GOOD "\r\n", 400},
    {"control character", "GET / HTTP/1.1\r\nHost: a\x01\r\n" GOOD "\r\n", 400},
    {"bare CR", "GET / HTTP/1.1\r\nHost: a\rb\r\n" GOOD "\r\n", 400},
    {"bare LF", "GET / HTTP/1.1\nHost: a\r\n" GOOD "\r\n", 400},
    {"empty first line", "\r\nGET / HTTP/1.1\r\nHost: a\r\n" GOOD "\r\n", 400},
};

/* Parse and judge a request as a server does. */
static int judge(const gdwsi_config *config, const char *text, gdwsi_http_head *head, char *copy)
{
    gdwsi_offer offer;
    size_t length = strlen(text);
    memcpy(copy, text, length + 1);
    int status = gdwsi_http_parse_request(head, copy, length);
    status = status == 0 ? gdwsi_handshake_judge_head(head) : status;
    return status != 0 ? status : gdwsi_handshake_judge_request(config, head, &offer);
}

START_TEST(a_request_is_judged_as_the_rfc_says)
{
    gdwsi_config config;
    gdwsi_http_head head;
    char copy[2048];
    gdwsi_config_init_server(&config);
    int status = judge(&config, requests[_i].text, &head, copy);
    ck_assert_msg(status == requests[_i].status, "%s: %d", requests[_i].name, status);
    gdwsi_config_clear(&config);
}
END_TEST

START_TEST(a_nul_byte_in_a_head_is_refused)
{
    gdwsi_http_head head;
    char text[] = "GET / HTTP/1.1\r\nHost: a\r\nX: \0\r\n" GOOD "\r\n";
    ck_assert_int_eq(gdwsi_http_parse_request(&head, text, sizeof(text) - 1), 400);
}
END_TEST

START_TEST(too_many_lines_are_refused)
{
    gdwsi_http_head head;
    char text[4096] = "GET / HTTP/1.1\r\n";
    for (int i = 0; i < GDWSI_HTTP_HEADERS_MAX + 1; i++) {
        (void)strcat(text, "X: y\r\n");
    }
    (void)strcat(text, "\r\n");
    ck_assert_int_eq(gdwsi_http_parse_request(&head, text, strlen(text)), 431);
}
END_TEST

START_TEST(the_end_of_a_head_is_found_wherever_it_is_cut)
{
    static const char text[] = "GET / HTTP/1.1\r\nHost: a\r\n\r\n\x81";
    size_t end = sizeof(text) - 2;
    for (size_t first = 0; first < sizeof(text); first++) {
        size_t found = gdwsi_http_find_end(text, first, 0);
        ck_assert_uint_eq(found, first >= end ? end : 0);
        ck_assert_uint_eq(gdwsi_http_find_end(text, sizeof(text) - 1, first < end ? first : 0),
                          end);
    }
}
END_TEST

START_TEST(the_answer_is_that_of_the_rfc)
{
    gdwsi_config config;
    gdwsi_http_head head;
    gdwsi_offer offer = {.protocol = "chat"};
    char copy[2048];
    char answer[GDWSI_HANDSHAKE_TEXT_MAX];
    gdwsi_config_init_server(&config);
    ck_assert_int_eq(judge(&config, requests[0].text, &head, copy), 0);
    size_t length = gdwsi_handshake_write_answer(&config, &head, &offer, answer, sizeof(answer));
    ck_assert_str_eq(answer, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
                             "Connection: Upgrade\r\nSec-WebSocket-Accept: " ACCEPT "\r\n"
                             "Sec-WebSocket-Protocol: chat\r\n\r\n");
    ck_assert_uint_eq(length, strlen(answer));
    ck_assert_uint_eq(gdwsi_handshake_write_answer(&config, &head, &offer, answer, 100), 0);
    gdwsi_config_clear(&config);
}
END_TEST

static const struct {
    const char *text;
    const char *fault; /* a part of it; NULL: the answer is good; "" for no HTTP */
} answers[] = {
    {"HTTP/1.1 101 Switching Protocols\r\n" UPGRADE "Sec-WebSocket-Accept: " ACCEPT "\r\n\r\n",
     NULL},
    {"HTTP/1.1 101\r\n" UPGRADE "Sec-WebSocket-Accept: " ACCEPT "\r\n\r\n", NULL},
    {"HTTP/1.1 101 x\r\nupgrade: WebSocket\r\nconnection: keep-alive, upgrade\r\n"
     "sec-websocket-accept:  " ACCEPT " \r\n\r\n",
     NULL},
    {"HTTP/1.1 101 x\r\n" UPGRADE "\r\n", "no Sec-WebSocket-Accept"},
    {"HTTP/1.1 101 x\r\n" UPGRADE "Sec-WebSocket-Accept: S3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n",
     "wrong Sec-WebSocket-Accept"},
    {"HTTP/1.1 101 x\r\n" UPGRADE "Sec-WebSocket-Accept: " ACCEPT
     "\r\nSec-WebSocket-Accept: " ACCEPT "\r\n\r\n",
     "wrong Sec-WebSocket-Accept"},
    {"HTTP/1.1 101 x\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: " ACCEPT "\r\n\r\n",
     "no WebSocket upgrade"},
    {"HTTP/1.1 101 x\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: " ACCEPT "\r\n\r\n",
     "no WebSocket upgrade"},
    {"HTTP/1.1 101 x\r\n" UPGRADE "Sec-WebSocket-Accept: " ACCEPT
     "\r\nSec-WebSocket-Protocol: chat\r\n\r\n",
     "not offered"},
    {"HTTP/1.1 101 x\r\n" UPGRADE "Sec-WebSocket-Accept: " ACCEPT
     "\r\nSec-WebSocket-Extensions: permessage-deflate\r\n\r\n",
     "extension"},
    {"HTTP/2.0 101 x\r\n\r\n", ""},
    {"HTTP/1.1 1x1 x\r\n\r\n", ""},
    {"HTTP/1.1 1011 x\r\n\r\n", ""},
    {"HTTP/1.1 !01 x\r\n\r\n", ""},
    {"HTTP/1.1 10x x\r\n\r\n", ""},
    {"HTTP/1.1 10\r\n\r\n", ""},
    {"HTTP/1.1 101 x\r\nNo colon\r\n\r\n", ""},
    {"HTTP/1.1\r\n\r\n", ""},
    {"SSH-2.0-OpenSSH_9.2\r\n\r\n", ""},
    {"\r\n\r\n", ""},
};

START_TEST(an_answer_is_judged_as_the_rfc_says)
{
    gdwsi_config config;
    gdwsi_http_head head;
    gdwsi_extension_terms terms;
    char copy[2048];
    const char *protocol;
    const char *fault = "";
    size_t length = strlen(answers[_i].text);
    memcpy(copy, answers[_i].text, length + 1);
    gdwsi_config_init_client(&config);
    if (gdwsi_http_parse_answer(&head, copy, length)) {
        ck_assert_int_eq(head.status, 101);
        fault = gdwsi_handshake_judge_answer(&config, &head, KEY, &protocol, &terms);
        ck_assert(fault == NULL || fault[0] != '\0');
    }
    if (answers[_i].fault == NULL) {
        ck_assert_ptr_null(fault);
    } else {
        ck_assert_ptr_nonnull(fault);
        ck_assert_msg(strstr(fault, answers[_i].fault) != NULL, "%s", fault);
        ck_assert(fault[0] == '\0' || answers[_i].fault[0] != '\0');
    }
    gdwsi_config_clear(&config);
}
END_TEST

START_TEST(keys_differ_and_a_server_takes_them)
{
    char first[GDWSI_HANDSHAKE_KEY_SIZE];
    char second[GDWSI_HANDSHAKE_KEY_SIZE];
    char text[1024];
    char copy[1024];
    gdwsi_config config;
    gdwsi_http_head head;
    gdwsi_config_init_client(&config);
    ck_assert(gdwsi_handshake_make_key(first));
    ck_assert(gdwsi_handshake_make_key(second));
    ck_assert_str_ne(first, second);
    size_t length =
        gdwsi_handshake_write_request(&config, "a:80", "/x?y", first, text, sizeof(text));
    ck_assert_uint_eq(length, strlen(text));
    ck_assert_int_eq(judge(&config, text, &head, copy), 0);
    ck_assert_str_eq(head.target, "/x?y");
    ck_assert_uint_eq(gdwsi_handshake_write_request(&config, "a", "/", first, text, 50), 0);
    gdwsi_config_clear(&config);
}
END_TEST

Suite *opening_suite(void)
{
    Suite *suite = suite_create("opening");
    TCase *tests = tcase_create("opening");
    tcase_add_checked_fixture(tests, begin, assert_nothing_is_left);
    tcase_add_loop_test(tests, a_request_is_judged_as_the_rfc_says, 0,
                        (int)(sizeof(requests) / sizeof(requests[0])));
    tcase_add_test(tests, a_nul_byte_in_a_head_is_refused);
    tcase_add_test(tests, too_many_lines_are_refused);
    tcase_add_test(tests, the_end_of_a_head_is_found_wherever_it_is_cut);
    tcase_add_test(tests, the_answer_is_that_of_the_rfc);
    tcase_add_loop_test(tests, an_answer_is_judged_as_the_rfc_says, 0,
                        (int)(sizeof(answers) / sizeof(answers[0])));
    tcase_add_test(tests, keys_differ_and_a_server_takes_them);
    suite_add_tcase(suite, tests);
    return suite;
}
