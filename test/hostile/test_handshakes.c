/* SPDX-License-Identifier: MIT */
/* Requests of every kind to a server without a document root. What must come of each follows RFC
 * 6455 section 4.2, RFC 9112 and RFC 9110; where those leave a choice, this table is the choice:
 * strict. After each of them the server takes another client. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cases.h"
#include "runtests.h"
#include "server.h"

#define START "GET / HTTP/1.1\r\nHost: a\r\n"
#define UP "Upgrade: websocket\r\n"
#define CON "Connection: Upgrade\r\n"
#define VER "Sec-WebSocket-Version: 13\r\n"
#define KEY "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
#define REST UP CON VER KEY
#define END "\r\n"

static const struct {
    const char *name;
    const char *bytes;
    size_t length;
    int status; /* of the answer */
} table[] = {
    /* The handshake as it should be, and what is as good. */
    {"as in the RFC", S(START REST END), 101},
    {"path and query", S("GET /chat?a=b&c=%20 HTTP/1.1\r\nHost: a\r\n" REST END), 101},
    {"a whole URL as target", S("GET ws://a/chat HTTP/1.1\r\nHost: a\r\n" REST END), 101},
    {"HTTP/1.9", S("GET / HTTP/1.9\r\nHost: a\r\n" REST END), 101},
    {"names in odd case",
     S("GET / HTTP/1.1\r\nhOsT: a\r\nuPGRADE: websocket\r\nCONNECTION: Upgrade\r\n"
       "sec-websocket-version: 13\r\nSEC-WEBSOCKET-KEY: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"),
     101},
    {"values in odd case", S(START "Upgrade: WebSocket\r\nConnection: UPGRADE\r\n" VER KEY END),
     101},
    {"connection with more", S(START UP "Connection: keep-alive, Upgrade\r\n" VER KEY END), 101},
    {"connection in two lines", S(START UP "Connection: keep-alive\r\n" CON VER KEY END), 101},
    {"upgrade with more", S(START "Upgrade: h2c, websocket\r\n" CON VER KEY END), 101},
    {"no space after colons",
     S("GET / HTTP/1.1\r\nHost:a\r\nUpgrade:websocket\r\nConnection:Upgrade\r\n"
       "Sec-WebSocket-Version:13\r\nSec-WebSocket-Key:dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"),
     101},
    {"much space around values",
     S(START "Upgrade: \t websocket \t \r\nConnection:   Upgrade  \r\n" VER KEY END), 101},
    {"an empty value", S(START "X:\r\n" REST END), 101},
    {"bytes over 0x7f in a value", S(START "X: \xc3\xa4\xff\r\n" REST END), 101},
    {"an unknown extension", S(START REST "Sec-WebSocket-Extensions: x-a; b=c\r\n" END), 101},
    {"a subprotocol", S(START REST "Sec-WebSocket-Protocol: chat\r\n" END), 101},
    {"subprotocols in two lines",
     S(START REST "Sec-WebSocket-Protocol: a\r\nSec-WebSocket-Protocol: b\r\n" END), 101},
    {"an origin", S(START REST "Origin: https://page.example\r\n" END), 101},
    {"the origin of a file", S(START REST "Origin: null\r\n" END), 101},
    {"a body of no bytes", S(START REST "Content-Length: 0\r\n" END), 101},
    {"a host with a port", S("GET / HTTP/1.1\r\nHost: a.example:8080\r\n" REST END), 101},
    {"a host of IPv6", S("GET / HTTP/1.1\r\nHost: [::1]:80\r\n" REST END), 101},

    /* No upgrade. */
    {"plain", S(START END), 426},
    {"plain HEAD", S("HEAD / HTTP/1.1\r\nHost: a\r\n\r\n"), 426},
    {"plain POST", S("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc"), 426},
    {"two plain ones", S(START END START END), 426},
    {"plain HTTP/1.0", S("GET / HTTP/1.0\r\n\r\n"), 426},
    {"handshake in HTTP/1.0", S("GET / HTTP/1.0\r\nHost: a\r\n" REST END), 426},
    {"no Upgrade", S(START CON VER KEY END), 426},
    {"no Connection", S(START UP VER KEY END), 426},
    {"connection closes", S(START UP "Connection: close\r\n" VER KEY END), 426},
    {"connection of another name", S(START UP "Connection: Upgraded\r\n" VER KEY END), 426},
    {"upgrade to another", S(START "Upgrade: h2c\r\n" CON VER KEY END), 426},
    {"upgrade with a version", S(START "Upgrade: websocket/13\r\n" CON VER KEY END), 426},
    {"empty Upgrade", S(START "Upgrade:\r\n" CON VER KEY END), 426},
    {"POST handshake", S("POST / HTTP/1.1\r\nHost: a\r\n" REST END), 426},
    {"PUT handshake", S("PUT / HTTP/1.1\r\nHost: a\r\n" REST END), 426},
    {"HEAD handshake", S("HEAD / HTTP/1.1\r\nHost: a\r\n" REST END), 426},
    {"unknown method", S("BREW / HTTP/1.1\r\nHost: a\r\n" REST END), 426},
    {"method in lower case", S("get / HTTP/1.1\r\nHost: a\r\n" REST END), 426},

    /* The version (RFC 6455 section 4.2.2, item 4). */
    {"no version", S(START UP CON KEY END), 426},
    {"version 8", S(START UP CON KEY "Sec-WebSocket-Version: 8\r\n" END), 426},
    {"version 0", S(START UP CON KEY "Sec-WebSocket-Version: 0\r\n" END), 426},
    {"version 14", S(START UP CON KEY "Sec-WebSocket-Version: 14\r\n" END), 426},
    {"version 013", S(START UP CON KEY "Sec-WebSocket-Version: 013\r\n" END), 426},
    {"version 13.0", S(START UP CON KEY "Sec-WebSocket-Version: 13.0\r\n" END), 426},
    {"versions 13, 8", S(START UP CON KEY "Sec-WebSocket-Version: 13, 8\r\n" END), 426},
    {"empty version", S(START UP CON KEY "Sec-WebSocket-Version:\r\n" END), 426},
    {"two versions", S(START REST VER END), 400},

    /* The key: 16 bytes in base64. */
    {"no key", S(START UP CON VER END), 400},
    {"empty key", S(START UP CON VER "Sec-WebSocket-Key:\r\n" END), 400},
    {"key of 1 byte", S(START UP CON VER "Sec-WebSocket-Key: YQ==\r\n" END), 400},
    {"key of 15 bytes", S(START UP CON VER "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25j\r\n" END), 400},
    {"key of 17 bytes", S(START UP CON VER "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZWE=\r\n" END),
     400},
    {"key of 18 bytes", S(START UP CON VER "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZWEx\r\n" END),
     400},
    {"key of 32 bytes",
     S(START UP CON VER
       "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZWRHaGxJSE5oYlhCc1pTQnViMjVq\r\n" END),
     400},
    {"key without its padding",
     S(START UP CON VER "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ\r\n" END), 400},
    {"key that is not base64",
     S(START UP CON VER "Sec-WebSocket-Key: dGhlIHNhbXBsZS!ub25jZQ==\r\n" END), 400},
    {"key of URL-safe base64",
     S(START UP CON VER "Sec-WebSocket-Key: dGhlIHNhbXBs-SBub25j_Q==\r\n" END), 400},
    {"key with a space in it",
     S(START UP CON VER "Sec-WebSocket-Key: dGhlIHNhbXBs ZSBub25jZQ=\r\n" END), 400},
    {"two keys", S(START REST KEY END), 400},
    {"two different keys", S(START REST "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n" END),
     400},

    /* Host and origin. */
    {"no host", S("GET / HTTP/1.1\r\n" REST END), 400},
    {"empty host", S("GET / HTTP/1.1\r\nHost:\r\n" REST END), 400},
    {"two hosts", S("GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n" REST END), 400},
    {"the same host twice", S("GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n" REST END), 400},
    {"a host with a path", S("GET /a HTTP/1.1\r\nHost: a/vip?\r\n" REST END), 400},
    {"a host with a query", S("GET /a HTTP/1.1\r\nHost: a?b\r\n" REST END), 400},
    {"a host with a fragment", S("GET /a HTTP/1.1\r\nHost: a#b\r\n" REST END), 400},
    {"a host with a user", S("GET /a HTTP/1.1\r\nHost: user@a\r\n" REST END), 400},
    {"a host with a backslash", S("GET /a HTTP/1.1\r\nHost: a\\b\r\n" REST END), 400},
    {"a host with a space", S("GET /a HTTP/1.1\r\nHost: a b\r\n" REST END), 400},
    {"two hosts in one", S("GET /a HTTP/1.1\r\nHost: a,b\r\n" REST END), 400},
    {"a host of other bytes", S("GET /a HTTP/1.1\r\nHost: \xc3\xa4\r\n" REST END), 400},
    {"a port alone", S("GET /a HTTP/1.1\r\nHost: :80\r\n" REST END), 400},
    {"a port of letters", S("GET /a HTTP/1.1\r\nHost: a:b\r\n" REST END), 400},
    {"two ports", S("GET /a HTTP/1.1\r\nHost: a:1:2\r\n" REST END), 400},
    {"a port over 65535", S("GET /a HTTP/1.1\r\nHost: a:65536\r\n" REST END), 400},
    {"a port of many digits", S("GET /a HTTP/1.1\r\nHost: a:4294967376\r\n" REST END), 400},
    {"an open bracket", S("GET /a HTTP/1.1\r\nHost: [::1\r\n" REST END), 400},
    {"empty brackets", S("GET /a HTTP/1.1\r\nHost: []\r\n" REST END), 400},
    {"a name in brackets", S("GET /a HTTP/1.1\r\nHost: [a/b]\r\n" REST END), 400},
    {"more behind brackets", S("GET /a HTTP/1.1\r\nHost: [::1]a\r\n" REST END), 400},
    {"a bad host of a page", S("GET / HTTP/1.1\r\nHost: a/b\r\n\r\n"), 400},
    {"a bad host in HTTP/1.0", S("GET / HTTP/1.0\r\nHost: a/b\r\n\r\n"), 400},
    {"a host with a port", S("GET /a HTTP/1.1\r\nHost: a.example:65535\r\n" REST END), 101},
    {"a host with an empty port", S("GET /a HTTP/1.1\r\nHost: a.example:\r\n" REST END), 101},
    {"a host of all characters", S("GET /a HTTP/1.1\r\nHost: A-z_0~9%41.example\r\n" REST END),
     101},
    {"IPv6 with a port", S("GET /a HTTP/1.1\r\nHost: [fe80::1]:9\r\n" REST END), 101},
    {"two origins", S(START REST "Origin: http://a\r\nOrigin: http://b\r\n" END), 400},

    /* The first line. */
    {"no target", S("GET HTTP/1.1\r\nHost: a\r\n" REST END), 400},
    {"two spaces", S("GET  / HTTP/1.1\r\nHost: a\r\n" REST END), 400},
    {"a space in the target", S("GET /a b HTTP/1.1\r\nHost: a\r\n" REST END), 400},
    {"a tab for a space", S("GET\t/ HTTP/1.1\r\nHost: a\r\n" REST END), 400},
    {"a space at the end", S("GET / HTTP/1.1 \r\nHost: a\r\n" REST END), 400},
    {"target without a slash", S("GET chat HTTP/1.1\r\nHost: a\r\n" REST END), 400},
    {"asterisk", S("GET * HTTP/1.1\r\nHost: a\r\n" REST END), 400},
    {"a URL of another kind", S("GET ftp://a/ HTTP/1.1\r\nHost: a\r\n" REST END), 400},
    {"CONNECT", S("CONNECT a:80 HTTP/1.1\r\nHost: a\r\n\r\n"), 400},
    {"HTTP/0.9", S("GET /\r\n\r\n"), 400},
    {"HTTP/2.0", S("GET / HTTP/2.0\r\nHost: a\r\n" REST END), 505},
    {"HTTP/3.0", S("GET / HTTP/3.0\r\nHost: a\r\n" REST END), 505},
    {"HTTP/0.9 in words", S("GET / HTTP/0.9\r\nHost: a\r\n" REST END), 505},
    {"preface of HTTP/2", S("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), 505},
    {"version of two digits", S("GET / HTTP/1.10\r\nHost: a\r\n" REST END), 400},
    {"version in lower case", S("GET / http/1.1\r\nHost: a\r\n" REST END), 400},
    {"another protocol", S("GET / FTP/1.1\r\nHost: a\r\n" REST END), 400},
    {"an answer", S("HTTP/1.1 200 OK\r\n\r\n"), 400},
    {"an empty line first", S("\r\n" START REST END), 101},
    {"empty lines first", S("\r\n\r\n\r\n" START REST END), 101},
    {"an empty line of LF first", S("\n" START REST END), 400},
    {"CR first", S("\r" START REST END), 400},
    {"a line of space first", S(" \r\n" START REST END), 400},

    /* Lines. */
    {"a folded line", S(START "X: a\r\n b\r\n" REST END), 400},
    {"a folded line with a tab", S(START "X: a\r\n\tb\r\n" REST END), 400},
    {"the first header folded", S("GET / HTTP/1.1\r\n Host: a\r\n" REST END), 400},
    {"a space before a colon", S("GET / HTTP/1.1\r\nHost : a\r\n" REST END), 400},
    {"no colon", S(START "nothing\r\n" REST END), 400},
    {"no name", S(START ": x\r\n" REST END), 400},
    {"a space in a name", S(START "X Y: z\r\n" REST END), 400},
    {"a control character in a name", S(START "X\x01: z\r\n" REST END), 400},
    {"a control character in a value", S(START "X: a\x02z\r\n" REST END), 400},
    {"NUL in a value", S(START "X: a\0b\r\n" REST END), 400},
    {"DEL in a value", S(START "X: a\x7f\r\n" REST END), 400},
    {"a bare CR", S(START "X: a\rY: b\r\n" REST END), 400},
    {"a bare LF", S(START "X: a\nY: b\r\n" REST END), 400},
    {"bare LFs everywhere", S("GET / HTTP/1.1\nHost: a\n\n\r\n\r\n"), 400},

    /* Bodies: what follows a handshake is frames. */
    {"a body", S(START REST "Content-Length: 3\r\n" END "abc"), 400},
    {"a body of a length that is none", S(START REST "Content-Length: x\r\n" END), 400},
    {"a body of a negative length", S(START REST "Content-Length: -1\r\n" END), 400},
    {"chunks", S(START REST "Transfer-Encoding: chunked\r\n" END "0\r\n\r\n"), 400},
    {"chunks and a length", S(START REST "Content-Length: 0\r\nTransfer-Encoding: chunked\r\n" END),
     400},

    /* What is no HTTP. */
    {"TLS", S("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"), 400},
    {"SSL 2", S("\x80\x2e\x01\x00\x02"), 400},
    {"a zero byte", S("\0"), 400},
    {"a frame", S("\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58"), 400},
    {"SSH", S("SSH-2.0-OpenSSH_9.2\r\n\r\n"), 400},
    {"a proxy's line", S("PROXY TCP4 1.2.3.4 5.6.7.8 1 2\r\n" START REST END), 400},
};

static world w;

static void set_up(void)
{
    world_init(&w);
    w.echoes = true;
}

static void tear_down(void)
{
    world_free(&w);
}

/* A client comes in, and is heard. */
static void visit(void)
{
    int heard = w.at_client.data;
    world_connect(&w);
    ck_assert_int_eq(gdws_peer_send_text(world_client_peer(&w), "hello"), GDWS_OK);
    WAIT_FOR(&w, w.at_client.data == heard + 1);
}

static int status_of(const char *answer)
{
    ck_assert_msg(strncmp(answer, "HTTP/1.1 ", 9) == 0, "%s", answer);
    return atoi(answer + 9);
}

/* The same whole, and byte by byte. */
START_TEST(a_request_gets_its_answer_and_the_server_goes_on)
{
    rawsock raw;
    char answer[2048];
    int i = _i / 2;
    rawsock_connect(&raw, w.loop, gdws_server_get_port(w.server));
    rawsock_send(&raw, table[i].bytes, table[i].length, _i % 2 == 0 ? 0 : 1);
    rawsock_read_headers(&raw, answer, sizeof(answer));
    ck_assert_msg(status_of(answer) == table[i].status, "%s: %s", table[i].name, answer);
    if (table[i].status == 101) {
        WAIT_FOR(&w, w.at_server.connected == 1);
        ck_assert_uint_eq(raw.length, 0);
    } else {
        ck_assert_ptr_nonnull(strstr(answer, "\r\nConnection: close"));
        rawsock_wait_for_end(&raw, (uint64_t)world_scale(4000, 9000));
        ck_assert_int_eq(w.at_server.connected, 0);
    }
    if (table[i].status == 426) {
        ck_assert_ptr_nonnull(strstr(answer, "\r\nUpgrade: websocket\r\n"));
        ck_assert_ptr_nonnull(strstr(answer, "\r\nSec-WebSocket-Version: 13\r\n"));
    }
    rawsock_close(&raw);
    visit();
}
END_TEST

/* Heads that are too long in one way or another. */
static const struct {
    const char *name;
    const char *start;
    const char *repeated;
    size_t times;
    const char *end;
    int status;
} oversized[] = {
    {"a long target", "GET /", "a", 9000, " HTTP/1.1\r\nHost: a\r\n" REST END, 431},
    {"a target that never ends", "GET /", "a", 20000, "", 431},
    {"a method that never ends", "", "GET", 5000, "", 431},
    {"a long value", START "X: ", "a", 9000, "\r\n" REST END, 431},
    {"a long name", START, "a", 9000, ": x\r\n" REST END, 431},
    {"many lines", START, "X: y\r\n", 100, REST END, 431},
    {"many lines that never end", START, "X: y\r\n", 3000, "", 431},
    {"63 lines", START, "X: y\r\n", 58, REST END, 101},
    {"many subprotocols", START "Sec-WebSocket-Protocol: ", "a,", 2000, "a\r\n" REST END, 431},
    {"some subprotocols", START "Sec-WebSocket-Protocol: ", "a,", 500, "a\r\n" REST END, 101},
    {"a long value that is not too long", START "X: ", "a", 7000, "\r\n" REST END, 101},
};

START_TEST(an_oversized_request_is_refused)
{
    static char request[32768];
    rawsock raw;
    char answer[2048];
    size_t length = strlen(oversized[_i].start);
    memcpy(request, oversized[_i].start, length);
    for (size_t i = 0; i < oversized[_i].times; i++) {
        memcpy(request + length, oversized[_i].repeated, strlen(oversized[_i].repeated));
        length += strlen(oversized[_i].repeated);
    }
    memcpy(request + length, oversized[_i].end, strlen(oversized[_i].end));
    length += strlen(oversized[_i].end);
    rawsock_connect(&raw, w.loop, gdws_server_get_port(w.server));
    rawsock_send(&raw, request, length, 1000);
    rawsock_read_headers(&raw, answer, sizeof(answer));
    ck_assert_msg(status_of(answer) == oversized[_i].status, "%s: %s", oversized[_i].name, answer);
    if (oversized[_i].status != 101) {
        rawsock_wait_for_end(&raw, (uint64_t)world_scale(4000, 9000));
    }
    rawsock_close(&raw);
    visit();
}
END_TEST

/* Texts of the program with which a header could be put into what is sent. */
START_TEST(headers_cannot_be_injected)
{
    static const char *const ends[] = {"\r\nX: y", "\nX: y", "\r",  "\n",
                                       "\r\n\r\n", "\x01",   "\x7f"};
    const char *end = ends[_i];
    char text[128];
    const char *item = text;
    (void)snprintf(text, sizeof(text), "ws://127.0.0.1/a%s", end);
    ck_assert_int_eq(gdws_client_connect_to_url(w.client, text), GDWS_INVALID_PARAMETER);
    (void)snprintf(text, sizeof(text), "ws://127.0.0.1%s/a", end);
    ck_assert_int_eq(gdws_client_connect_to_url(w.client, text), GDWS_INVALID_PARAMETER);
    (void)snprintf(text, sizeof(text), "ws://127.0.0.1/?a%s=b", end);
    ck_assert_int_eq(gdws_client_connect_to_url(w.client, text), GDWS_INVALID_PARAMETER);
    gdws_server_stop(w.server);
    (void)snprintf(text, sizeof(text), "chat%s", end);
    ck_assert_int_eq(gdws_client_set_supported_protocols(w.client, &item, 1),
                     GDWS_INVALID_PARAMETER);
    ck_assert_int_eq(gdws_server_set_supported_protocols(w.server, &item, 1),
                     GDWS_INVALID_PARAMETER);
    (void)snprintf(text, sizeof(text), "X-A: b%s", end);
    ck_assert_int_eq(gdws_client_set_handshake_headers(w.client, &item, 1), GDWS_INVALID_PARAMETER);
    ck_assert_int_eq(gdws_server_set_extra_headers(w.server, &item, 1), GDWS_INVALID_PARAMETER);
    (void)snprintf(text, sizeof(text), "X%s-A: b", end);
    ck_assert_int_eq(gdws_client_set_handshake_headers(w.client, &item, 1), GDWS_INVALID_PARAMETER);
    ck_assert_int_eq(gdws_server_set_extra_headers(w.server, &item, 1), GDWS_INVALID_PARAMETER);
    (void)snprintf(text, sizeof(text), "https://a.example%s", end);
    ck_assert_int_eq(gdws_server_set_allowed_origins(w.server, &item, 1), GDWS_INVALID_PARAMETER);
    ck_assert_uint_eq(w.server->config.headers.count + w.server->config.protocols.count +
                          w.server->config.origins.count,
                      0);
}
END_TEST

/* Headers that the handshake owns. */
START_TEST(the_handshakes_own_headers_cannot_be_given)
{
    static const char *const owned[] = {
        "Host: b",
        "UPGRADE: h2c",
        "connection: close",
        "Content-Length: 5",
        "Transfer-Encoding: chunked",
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
        "sec-websocket-accept: x",
        "Sec-WebSocket-Protocol: x",
        "Sec-WebSocket-Extensions: permessage-deflate",
        "Sec-WebSocket-Version: 8",
        "Sec-WebSocket-Anything: x",
    };
    gdws_server_stop(w.server);
    for (size_t i = 0; i < sizeof(owned) / sizeof(owned[0]); i++) {
        ck_assert_int_eq(gdws_client_set_handshake_headers(w.client, &owned[i], 1),
                         GDWS_INVALID_PARAMETER);
        ck_assert_int_eq(gdws_server_set_extra_headers(w.server, &owned[i], 1),
                         GDWS_INVALID_PARAMETER);
    }
}
END_TEST

/* Where libwebsockets shakes hands, too. */
START_TEST(a_host_that_is_none_is_refused)
{
    static const char *const hosts[] = {"a/vip?", "a?b", "a#b", "user@a", "a:b"};
    char request[512];
    char answer[2048];
    rawsock raw;
    int length =
        snprintf(request, sizeof(request), "GET /a HTTP/1.1\r\nHost: %s\r\n" REST END, hosts[_i]);
    rawsock_connect(&raw, w.loop, gdws_server_get_port(w.server));
    rawsock_send(&raw, request, (size_t)length, 0);
    rawsock_read_headers(&raw, answer, sizeof(answer));
    ck_assert_msg(status_of(answer) == 400, "%s: %s", hosts[_i], answer);
    rawsock_close(&raw);
    visit();
}
END_TEST

#define FIFTY "01234567890123456789012345678901234567890123456789"

/* RFC 9110 section 9.3.2; where libwebsockets shakes hands, too. */
static const struct {
    const char *request;
    int status;
} heads[] = {
    {"HEAD / HTTP/1.1\r\nHost: a\r\n\r\n", 426},
    /* libwebsockets lets this one in, and does not tell us of the others. */
    {"HEAD / HTTP/1.1\r\nHost: a\r\n" REST END, 426},
    {"HEAD / HTTP/1.1\r\nHost: a/b\r\n\r\n", 400},
    {"HEAD / HTTP/1.1\r\nHost: a\r\nX : y\r\n\r\n", 400},
    {"HEAD / HTTP/2.0\r\nHost: a\r\n\r\n", 505},
    {"HEAD / HTTP/1.1\r\nHost: a\r\nX: " FIFTY FIFTY FIFTY FIFTY FIFTY "\r\n", 431},
    {"HEAD / HTTP/1.1\r\nHost: a\r\nOrigin: https://bad.example\r\n\r\n", 403},
};

START_TEST(a_refused_head_gets_no_body)
{
    static const char *const origins[] = {"https://good.example"};
    rawsock raw;
    char answer[2048];
    gdws_server_stop(w.server);
    ck_assert_int_eq(gdws_server_set_max_request_size(w.server, 256), GDWS_OK);
    ck_assert_int_eq(gdws_server_set_allowed_origins(w.server, origins, 1), GDWS_OK);
    world_listen(&w);
    rawsock_connect(&raw, w.loop, gdws_server_get_port(w.server));
    rawsock_send(&raw, heads[_i].request, strlen(heads[_i].request), 0);
    rawsock_read_headers(&raw, answer, sizeof(answer));
    ck_assert_msg(status_of(answer) == heads[_i].status, "%s", answer);
    ck_assert_ptr_nonnull(strstr(answer, "\r\nContent-Length: "));
    rawsock_wait_for_end(&raw, (uint64_t)world_scale(4000, 9000));
    ck_assert_uint_eq(raw.length, 0);
    rawsock_close(&raw);
}
END_TEST

#define COUNT(list) ((int)(sizeof(list) / sizeof((list)[0])))

Suite *handshakes_suite(void)
{
    Suite *suite = suite_create("handshakes");
    TCase *tests = tcase_create("handshakes");
    tcase_set_timeout(tests, 60);
    tcase_add_checked_fixture(tests, set_up, tear_down);
    suite_add_tcase(suite, tests);
    tcase_add_loop_test(tests, headers_cannot_be_injected, 0, 7);
    tcase_add_test(tests, the_handshakes_own_headers_cannot_be_given);
    tcase_add_loop_test(tests, a_host_that_is_none_is_refused, 0, 5);
    tcase_add_loop_test(tests, a_refused_head_gets_no_body, 0,
                        world_is_fallback() ? 1 : COUNT(heads));
    if (!world_is_fallback()) {
        /* Where libwebsockets shakes hands, it is more lenient: see wsrole.h. */
        tcase_add_loop_test(tests, a_request_gets_its_answer_and_the_server_goes_on, 0,
                            2 * COUNT(table));
        tcase_add_loop_test(tests, an_oversized_request_is_refused, 0, COUNT(oversized));
    }
    return suite;
}
