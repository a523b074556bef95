/* SPDX-License-Identifier: MIT */
/* The inspector: who may see it, what it tells, what it costs, and how it goes. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "inspector.h"
#include "mem.h"
#include "page.h"
#include "party.h"
#include "rawsock.h"
#include "runtests.h"
#include "server.h"
#include "world.h"

static world w;
static gdws_inspector *inspector;
static page one;

static void set_up(void)
{
    world_init(&w);
    w.takes_packets = true;
    ck_assert_int_eq(gdws_client_set_outbound_buffer_size(w.client, (size_t)4 << 20), GDWS_OK);
    inspector = gdws_inspector_new(w.loop, NULL, 0);
    ck_assert_ptr_nonnull(inspector);
}

static void tear_down(void)
{
    gdws_inspector_free(inspector);
    world_free(&w);
}

static uint16_t inspector_port(void)
{
    return gdws_server_get_port(inspector->server);
}

/* Ask for something. Returns the status; the answer, head and what has come of the body, is lent
 * until the next call. */
static const char *answer;
static int ask(const char *method, const char *path, const char *headers)
{
    static char text[8192];
    char request[1024];
    rawsock raw;
    rawsock_connect_plain(&raw, w.loop, inspector_port());
    (void)snprintf(request, sizeof(request), "%s %s HTTP/1.1\r\n%sConnection: close\r\n\r\n",
                   method, path, headers);
    rawsock_send(&raw, request, strlen(request), 0);
    rawsock_wait_for_end(&raw, WORLD_LIMIT_MS);
    size_t length = raw.length < sizeof(text) - 1 ? raw.length : sizeof(text) - 1;
    memcpy(text, raw.bytes, length);
    text[length] = '\0';
    rawsock_close(&raw);
    answer = text;
    return strncmp(text, "HTTP/1.1 ", 9) == 0 ? atoi(text + 9) : 0;
}

static const char *path_of(const char *name)
{
    static char path[128];
    (void)snprintf(path, sizeof(path), "/%s/%s", inspector->token, name);
    return path;
}

#define OWN_HOST "Host: 127.0.0.1\r\n"
#define UPGRADE                                                                                    \
    "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"                   \
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"

/* Who may see it */

START_TEST(the_url_has_128_random_bits_and_gives_the_page)
{
    char expected[64];
    gdws_inspector *other = gdws_inspector_new(w.loop, "127.0.0.1", 0);
    ck_assert_ptr_nonnull(other);
    const char *url = gdws_inspector_get_url(inspector);
    (void)snprintf(expected, sizeof(expected), "http://127.0.0.1:%u/", inspector_port());
    ck_assert_int_eq(strncmp(url, expected, strlen(expected)), 0);
    const char *token = url + strlen(expected);
    ck_assert_uint_eq(strspn(token, "0123456789abcdef"), 32);
    ck_assert_str_eq(token + 32, "/");
    ck_assert_str_ne(inspector->token, other->token);
    gdws_inspector_free(other);
    ck_assert_int_eq(ask("GET", path_of(""), OWN_HOST), 200);
    ck_assert_ptr_nonnull(strstr(answer, "Content-Type: text/html; charset=utf-8\r\n"));
    ck_assert_int_eq(ask("GET", path_of("inspector.js"), OWN_HOST), 200);
    ck_assert_ptr_nonnull(strstr(answer, "Content-Type: text/javascript; charset=utf-8\r\n"));
    ck_assert_int_eq(ask("HEAD", path_of("inspector.css?x"), OWN_HOST), 404);
    ck_assert_int_eq(ask("HEAD", path_of("inspector.css"), OWN_HOST), 200);
    ck_assert_str_eq(strstr(answer, "\r\n\r\n"), "\r\n\r\n");
    ck_assert_int_eq(ask("GET", path_of("../inspector.c"), OWN_HOST), 404);
    ck_assert_int_eq(ask("POST", path_of(""), OWN_HOST), 405);
}
END_TEST

START_TEST(answers_keep_the_page_to_itself)
{
    static const char *const lines[] = {
        "Content-Security-Policy: default-src 'none'; script-src 'self'; style-src 'self'; ",
        "Referrer-Policy: no-referrer\r\n",
        "X-Frame-Options: DENY\r\n",
        "X-Content-Type-Options: nosniff\r\n",
        "Cross-Origin-Resource-Policy: same-origin\r\n",
        "Cache-Control: no-store\r\n"};
    ck_assert_int_eq(ask("GET", path_of(""), OWN_HOST), 200);
    for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
        ck_assert_msg(strstr(answer, lines[i]) != NULL, "%s in %s", lines[i], answer);
    }
    ck_assert_ptr_null(strstr(answer, "Access-Control-Allow-Origin"));
    ck_assert_ptr_null(strstr(answer, "unsafe"));
}
END_TEST

START_TEST(without_the_right_token_all_is_refused)
{
    char wrong[128];
    (void)snprintf(wrong, sizeof(wrong), "%s", path_of(""));
    wrong[32] = wrong[32] == '0' ? '1' : '0';
    const char *const paths[] = {"/",
                                 "/socket",
                                 "/index.html",
                                 "/favicon.ico",
                                 wrong,
                                 "//",
                                 "/0123456789abcdef0123456789abcdef/",
                                 "/0123456789abcdef0123456789abcdef/socket"};
    for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
        ck_assert_int_eq(ask("GET", paths[i], OWN_HOST), 401);
        ck_assert_ptr_null(strstr(answer, inspector->token));
        ck_assert_int_eq(ask("GET", paths[i], OWN_HOST UPGRADE), 401);
    }
    /* Without the last slash, too, and with more behind it. */
    (void)snprintf(wrong, sizeof(wrong), "/%s", inspector->token);
    ck_assert_int_eq(ask("GET", wrong, OWN_HOST), 401);
    (void)snprintf(wrong, sizeof(wrong), "/%s0/", inspector->token);
    ck_assert_int_eq(ask("GET", wrong, OWN_HOST), 401);
    ck_assert_uint_eq(gdws_inspector_get_page_count(inspector), 0);
}
END_TEST

START_TEST(foreign_origins_are_refused)
{
    static const char *const origins[] = {"http://evil.example",
                                          "null",
                                          "https://127.0.0.1",
                                          "http://127.0.0.1:1",
                                          "http://localhost",
                                          "http://127.0.0.1.evil.example",
                                          "http://"};
    char headers[256];
    for (size_t i = 0; i < sizeof(origins) / sizeof(origins[0]); i++) {
        (void)snprintf(headers, sizeof(headers), OWN_HOST "Origin: %s\r\n", origins[i]);
        ck_assert_msg(ask("GET", path_of(""), headers) == 403, "%s", origins[i]);
        ck_assert_ptr_null(strstr(answer, "Access-Control-Allow-Origin"));
        (void)snprintf(headers, sizeof(headers), OWN_HOST UPGRADE "Origin: %s\r\n", origins[i]);
        ck_assert_msg(ask("GET", path_of("socket"), headers) == 403, "%s", origins[i]);
    }
    page_connect(&one, w.loop, gdws_inspector_get_url(inspector), "http://evil.example");
    ck_assert_int_eq(gdws_client_get_http_status(one.client), 403);
    page_close(&one);
    (void)snprintf(headers, sizeof(headers), "http://127.0.0.1:%u", inspector_port());
    page_connect(&one, w.loop, gdws_inspector_get_url(inspector), headers);
    ck_assert_int_eq(gdws_client_get_connection_status(one.client), GDWS_CONNECTION_CONNECTED);
    page_close(&one);
}
END_TEST

START_TEST(foreign_hosts_are_refused)
{
    /* Those that are none at all do not get as far as the inspector. */
    static const struct {
        const char *host;
        int status;
    } foreign[] = {
        {"evil.example", 403},
        {"localhost.evil.example", 403},
        {"127.0.0.1.nip.io", 403},
        {"127.1", 403},
        {"a-name-that-is-longer-than-any-number-which-a-machine-could-have.example", 403},
        {"127.0.0.1:80x", 400},
        {"[::1", 400},
        {"::1", 400},
        {"[evil]", 400},
        {"localhost:80:80", 400}};
    static const char *const own[] = {"127.0.0.1", "localhost", "LOCALHOST:1234",
                                      "[::1]",     "[::1]:80",  "192.168.1.7:9000"};
    char headers[256];
    for (size_t i = 0; i < sizeof(foreign) / sizeof(foreign[0]); i++) {
        const char *host = foreign[i].host;
        (void)snprintf(headers, sizeof(headers), "Host: %s\r\n", host);
        ck_assert_msg(ask("GET", path_of(""), headers) == foreign[i].status, "%s", host);
        (void)snprintf(headers, sizeof(headers), "Host: %s\r\nOrigin: http://%s\r\n" UPGRADE, host,
                       host);
        ck_assert_msg(ask("GET", path_of("socket"), headers) == foreign[i].status, "%s", host);
    }
    for (size_t i = 0; i < sizeof(own) / sizeof(own[0]); i++) {
        (void)snprintf(headers, sizeof(headers), "Host: %s\r\nOrigin: http://%s\r\n", own[i],
                       own[i]);
        ck_assert_msg(ask("GET", path_of(""), headers) == 200, "%s", own[i]);
    }
}
END_TEST

/* What it tells */

START_TEST(it_tells_of_objects_and_peers)
{
    ck_assert_int_eq(gdws_inspector_watch_server(inspector, w.server, "game"), GDWS_OK);
    ck_assert_int_eq(gdws_inspector_watch_client(inspector, w.client, "bot <1>"), GDWS_OK);
    world_connect(&w);
    ck_assert_int_eq(gdws_peer_send_text(world_client_peer(&w), "hello"), GDWS_OK);
    WAIT_FOR(&w, w.at_server.data == 1);
    page_open(&one, w.loop, gdws_inspector_get_url(inspector));
    ck_assert_uint_eq(gdws_inspector_get_page_count(inspector), 1);
    const cJSON *watches = cJSON_GetObjectItem(one.update, "watches");
    ck_assert_int_eq(page_count(watches), 2);
    ck_assert_str_eq(page_text(watches, 0, WATCH_KIND), "server");
    ck_assert_str_eq(page_text(watches, 0, WATCH_NAME), "game");
    ck_assert_str_eq(page_text(watches, 1, WATCH_KIND), "client");
    ck_assert_str_eq(page_text(watches, 1, WATCH_NAME), "bot <1>");
    ck_assert_int_eq((int)page_number(watches, 0, WATCH_PEERS), 1);
    ck_assert_int_eq(page_count(one.peers), 2);
    ck_assert_int_eq((int)page_number(one.peers, 0, PEER_ID), w.at_server.id);
    ck_assert_str_eq(page_text(one.peers, 0, PEER_HOST), "127.0.0.1");
    ck_assert_int_eq((int)page_number(one.peers, 0, PEER_STATE), GDWS_STATE_OPEN);
    ck_assert_int_eq((int)page_number(one.peers, 0, PEER_RECEIVED), 1);
    ck_assert_int_eq((int)page_number(one.peers, 0, PEER_BYTES_RECEIVED), 5);
    ck_assert_int_eq((int)page_number(one.peers, 1, PEER_ID), 1);
    ck_assert_int_eq((int)page_number(one.peers, 1, PEER_SENT), 1);
    ck_assert_int_eq((int)page_number(one.peers, 1, PEER_PORT), gdws_server_get_port(w.server));
    /* Who leaves is not told of in the next round. */
    ck_assert_int_eq(gdws_client_disconnect_from_host(w.client, 1000, ""), GDWS_OK);
    WAIT_FOR(&w, w.at_server.closed == 1 && w.at_client.closed == 1);
    uint32_t rounds = one.rounds;
    PAGE_WAIT_FOR(&one, one.rounds >= rounds + 2);
    ck_assert_int_eq(page_count(one.peers), 1);
    ck_assert_int_eq((int)page_number(one.peers, 0, PEER_STATE), GDWS_STATE_CLOSED);
    page_close(&one);
    WAIT_FOR(&w, gdws_inspector_get_page_count(inspector) == 0);
}
END_TEST

static void open_watching(void)
{
    ck_assert_int_eq(gdws_inspector_watch_server(inspector, w.server, "game"), GDWS_OK);
    world_connect(&w);
    page_open(&one, w.loop, gdws_inspector_get_url(inspector));
}

static void send_bytes(const void *bytes, size_t length, gdws_write_mode mode)
{
    int before = page_count(one.packets);
    ck_assert_int_eq(gdws_peer_send(world_client_peer(&w), bytes, length, mode), GDWS_OK);
    PAGE_WAIT_FOR(&one, page_count(one.packets) == before + 1);
}

/* Ask for the packet that came last, and wait for its bytes. */
static void show_last(void)
{
    char command[80];
    uint32_t shown = one.shown;
    int last = page_count(one.packets) - 1;
    (void)snprintf(command, sizeof(command), "{\"do\":\"show\",\"packet\":%.0f}",
                   page_number(one.packets, last, PACKET_NUMBER));
    page_say(&one, command);
    PAGE_WAIT_FOR(&one, one.shown == shown + 1);
}

START_TEST(packets_are_shown_as_what_they_are)
{
    static const char script[] = "<script>alert(1)</script>";
    static const uint8_t invalid[] = {0xff, 0xc0, 0x80, 'a', 0xed, 0xa0, 0x80};
    uint8_t every[256];
    uint8_t *large = malloc((size_t)1 << 20);
    for (size_t i = 0; i < (size_t)1 << 20; i++) {
        every[i & 255] = (uint8_t)i;
        large[i] = (uint8_t)(i * 7 + i / 251);
    }
    open_watching();
    send_bytes(script, strlen(script), GDWS_WRITE_MODE_TEXT);
    ck_assert_str_eq(page_text(one.packets, 0, PACKET_PREVIEW), script);
    ck_assert_int_eq((int)page_number(one.packets, 0, PACKET_IS_TEXT), 1);
    ck_assert_int_eq((int)page_number(one.packets, 0, PACKET_IS_SENT), 0);
    ck_assert_int_eq((int)page_number(one.packets, 0, PACKET_PEER), w.at_server.id);
    show_last();
    ck_assert_mem_eq(one.bytes, script, strlen(script));
    send_bytes(invalid, sizeof(invalid), GDWS_WRITE_MODE_BINARY);
    ck_assert_str_eq(page_text(one.packets, 1, PACKET_PREVIEW), "ff c0 80 61 ed a0 80");
    send_bytes(every, sizeof(every), GDWS_WRITE_MODE_BINARY);
    show_last();
    ck_assert_uint_eq(one.length, sizeof(every));
    ck_assert_mem_eq(one.bytes, every, sizeof(every));
    send_bytes("a\0b", 3, GDWS_WRITE_MODE_TEXT);
    ck_assert_str_eq(page_text(one.packets, 3, PACKET_PREVIEW), "a\xe2\x90\x80"
                                                                "b");
    send_bytes("", 0, GDWS_WRITE_MODE_TEXT);
    ck_assert_str_eq(page_text(one.packets, 4, PACKET_PREVIEW), "");
    show_last();
    ck_assert_uint_eq(one.length, 0);
    send_bytes(large, (size_t)1 << 20, GDWS_WRITE_MODE_BINARY);
    ck_assert_int_eq((int)page_number(one.packets, 5, PACKET_LENGTH), 1 << 20);
    show_last();
    ck_assert_uint_eq(one.length, (size_t)1 << 20);
    ck_assert_mem_eq(one.bytes, large, (size_t)1 << 20);
    free(large);
    page_close(&one);
}
END_TEST

START_TEST(long_texts_are_cut_where_a_character_ends)
{
    char text[400] = "";
    for (size_t i = 0; i + 4 < sizeof(text); i += 3) {
        memcpy(text + i, "\xe2\x82\xac", 4);
    }
    open_watching();
    for (size_t i = 0; i < 3; i++) {
        char shifted[404];
        (void)snprintf(shifted, sizeof(shifted), "%.*s%s", (int)i, "ab", text);
        send_bytes(shifted, strlen(shifted), GDWS_WRITE_MODE_TEXT);
        const char *preview = page_text(one.packets, (int)i, PACKET_PREVIEW);
        ck_assert_uint_gt(strlen(preview), 110);
        ck_assert_int_eq(strncmp(shifted, preview, strlen(preview)), 0);
        ck_assert_uint_eq((strlen(preview) - i) % 3, 0);
    }
    page_close(&one);
}
END_TEST

/* Send so many packets of one byte from the client. */
static void send_many(int count)
{
    for (int i = 0; i < count; i++) {
        WAIT_FOR(&w, gdws_peer_put_packet(world_client_peer(&w), "x", 1) == GDWS_OK);
    }
}

START_TEST(what_is_left_out_is_counted)
{
    open_watching();
    send_many(20000);
    WAIT_FOR(&w, w.at_server.data == 20000);
    uint32_t updates = one.updates;
    PAGE_WAIT_FOR(&one, one.updates >= updates + 3);
    ck_assert_int_eq(page_count(one.packets) + (int)one.left_out, 20000);
    ck_assert_int_gt(page_count(one.packets), 0);
    ck_assert_int_gt((int)one.left_out, 0);
    const cJSON *watches = cJSON_GetObjectItem(one.update, "watches");
    ck_assert_int_eq((int)page_number(watches, 0, WATCH_RECEIVED), 20000);
    page_close(&one);
}
END_TEST

/* Say something, and wait until it has been obeyed: the answer to a question comes after it. */
static void command(const char *text)
{
    uint32_t shown = one.shown;
    page_say(&one, text);
    page_say(&one, "{\"do\":\"show\",\"packet\":0}");
    PAGE_WAIT_FOR(&one, one.shown == shown + 1);
}

static void wait_for_updates(uint32_t count)
{
    uint32_t updates = one.updates;
    PAGE_WAIT_FOR(&one, one.updates >= updates + count);
}

START_TEST(a_filter_chooses_before_anything_is_left_out)
{
    char filter[160];
    open_watching();
    command("{\"do\":\"filter\",\"watch\":0,\"peer\":0,\"direction\":\"sent\"}");
    send_many(2000);
    WAIT_FOR(&w, w.at_server.data == 2000);
    ck_assert_int_eq(gdws_peer_send_text(world_server_peer(&w), "wanted"), GDWS_OK);
    PAGE_WAIT_FOR(&one, page_count(one.packets) == 1);
    ck_assert_str_eq(page_text(one.packets, 0, PACKET_PREVIEW), "wanted");
    ck_assert_int_eq((int)one.left_out, 0);
    (void)snprintf(filter, sizeof(filter),
                   "{\"do\":\"filter\",\"watch\":1,\"peer\":%d,\"direction\":\"received\"}",
                   (int)w.at_server.id);
    command(filter);
    ck_assert_int_eq(gdws_peer_send_text(world_server_peer(&w), "not wanted"), GDWS_OK);
    send_bytes("mine", 4, GDWS_WRITE_MODE_TEXT);
    ck_assert_str_eq(page_text(one.packets, 1, PACKET_PREVIEW), "mine");
    command("{\"do\":\"filter\",\"watch\":1,\"peer\":77,\"direction\":\"both\"}");
    ck_assert_int_eq(gdws_peer_send_text(world_client_peer(&w), "other peer"), GDWS_OK);
    command("{\"do\":\"filter\",\"watch\":2,\"peer\":0,\"direction\":\"both\"}");
    ck_assert_int_eq(gdws_peer_send_text(world_client_peer(&w), "other object"), GDWS_OK);
    wait_for_updates(3);
    ck_assert_int_eq(page_count(one.packets), 2);
    page_close(&one);
}
END_TEST

START_TEST(a_pause_counts_what_passes)
{
    open_watching();
    command("{\"do\":\"pause\"}");
    send_many(10);
    WAIT_FOR(&w, w.at_server.data == 10);
    wait_for_updates(3);
    ck_assert_int_eq(page_count(one.packets), 0);
    ck_assert_int_eq((int)one.passed, 10);
    ck_assert_int_eq((int)one.left_out, 0);
    command("{\"do\":\"resume\"}");
    send_bytes("back", 4, GDWS_WRITE_MODE_TEXT);
    page_close(&one);
}
END_TEST

static bool hide(const char *name, int32_t id, uint8_t *payload, size_t length, bool is_text,
                 void *user)
{
    int *asked = user;
    (*asked)++;
    ck_assert_str_eq(name, "game");
    ck_assert_int_eq(id, w.at_server.id);
    ck_assert(is_text);
    if (length > 7 && memcmp(payload, "secret ", 7) == 0) {
        memset(payload + 7, '*', length - 7);
    }
    return length < 7 || memcmp(payload, "private", 7) != 0;
}

START_TEST(the_program_can_hide_what_is_secret)
{
    int asked = 0;
    ck_assert_int_eq(gdws_inspector_set_redact(inspector, hide, &asked), GDWS_OK);
    open_watching();
    send_bytes("secret 12345", 12, GDWS_WRITE_MODE_TEXT);
    ck_assert_str_eq(page_text(one.packets, 0, PACKET_PREVIEW), "secret *****");
    show_last();
    ck_assert_mem_eq(one.bytes, "secret *****", 12);
    send_bytes("private talk", 12, GDWS_WRITE_MODE_TEXT);
    ck_assert_str_eq(page_text(one.packets, 1, PACKET_PREVIEW), "");
    show_last();
    ck_assert_uint_eq(one.length, 0);
    ck_assert(cJSON_IsTrue(cJSON_GetObjectItem(one.answer, "is_hidden")));
    ck_assert_int_eq(asked, 2);
    ck_assert_int_eq(gdws_inspector_set_redact(inspector, NULL, NULL), GDWS_OK);
    ck_assert_int_eq(gdws_inspector_set_payload_limit(inspector, 3), GDWS_OK);
    send_bytes("abcdef", 6, GDWS_WRITE_MODE_TEXT);
    ck_assert_str_eq(page_text(one.packets, 2, PACKET_PREVIEW), "abc");
    ck_assert_int_eq((int)page_number(one.packets, 2, PACKET_LENGTH), 6);
    ck_assert_int_eq((int)page_number(one.packets, 2, PACKET_KEPT), 3);
    ck_assert_int_eq(gdws_inspector_set_payload_limit(inspector, 0), GDWS_OK);
    send_bytes("abcdef", 6, GDWS_WRITE_MODE_TEXT);
    ck_assert_str_eq(page_text(one.packets, 3, PACKET_PREVIEW), "");
    page_close(&one);
}
END_TEST

static const char *close_peer(uint32_t watch, int32_t id, const char *reason)
{
    char text[256];
    cJSON_Delete(one.answer);
    one.answer = NULL;
    (void)snprintf(text, sizeof(text),
                   "{\"do\":\"close\",\"watch\":%u,\"peer\":%d,\"code\":4001,\"reason\":\"%s\"}",
                   watch, (int)id, reason);
    page_say(&one, text);
    PAGE_WAIT_FOR(&one, one.answer != NULL);
    return cJSON_GetStringValue(cJSON_GetObjectItem(one.answer, "error"));
}

START_TEST(peers_are_closed_only_where_the_program_allows_it)
{
    open_watching();
    ck_assert_str_eq(close_peer(1, w.at_server.id, "bye"), "UNAUTHORIZED");
    ck_assert_int_eq(gdws_inspector_set_allow_closing(inspector, true), GDWS_OK);
    ck_assert_str_eq(close_peer(1, 5, "bye"), "DOES_NOT_EXIST");
    ck_assert_str_eq(close_peer(9, w.at_server.id, "bye"), "DOES_NOT_EXIST");
    ck_assert_str_eq(close_peer(1, w.at_server.id, "by\\u00e9"), "OK");
    WAIT_FOR(&w, w.at_client.closed == 1 && w.at_server.closed == 1);
    ck_assert_int_eq(w.at_client.code, 4001);
    ck_assert_str_eq(w.at_client.reason, "by\xc3\xa9");
    ck_assert_int_eq(gdws_inspector_watch_client(inspector, w.client, "bot"), GDWS_OK);
    world_connect(&w);
    ck_assert_str_eq(close_peer(2, 1, "and you"), "OK");
    WAIT_FOR(&w, w.at_client.closed == 2 && w.at_server.closed == 2);
    ck_assert_str_eq(w.at_server.reason, "and you");
    page_close(&one);
}
END_TEST

START_TEST(what_is_no_command_ends_the_page)
{
    static const char *const texts[] = {
        "",
        "{",
        "nonsense",
        "[]",
        "{}",
        "{\"do\":\"dance\"}",
        "{\"do\":1}",
        "{\"do\":\"pause\"} x",
        "{\"do\":\"show\"}",
        "{\"do\":\"show\",\"packet\":-1}",
        "{\"do\":\"show\",\"packet\":1.5}",
        "{\"do\":\"show\",\"packet\":1e99}",
        "{\"do\":\"seen\",\"update\":\"1\"}",
        "{\"do\":\"filter\",\"watch\":0,\"peer\":0,\"direction\":\"up\"}",
        "{\"do\":\"filter\",\"watch\":0,\"peer\":3000000000,\"direction\":\"both\"}",
        "{\"do\":\"close\",\"watch\":1,\"peer\":1,\"code\":1000}",
        "{\"do\":\"close\",\"watch\":1,\"peer\":1,\"code\":5000,\"reason\":\"\"}",
        "{\"do\":\"close\",\"watch\":1,\"peer\":1,\"code\":1005,\"reason\":\"\"}"};
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        page_open(&one, w.loop, gdws_inspector_get_url(inspector));
        page_say(&one, texts[i]);
        PAGE_WAIT_FOR(&one, gdws_client_get_connection_status(one.client) ==
                                GDWS_CONNECTION_DISCONNECTED);
        ck_assert_msg(gdws_peer_get_close_code(gdws_client_get_peer(one.client, 1)) == 1008, "%s",
                      texts[i]);
        page_close(&one);
    }
    WAIT_FOR(&w, gdws_inspector_get_page_count(inspector) == 0);
}
END_TEST

static bool all_are_ready(page *pages)
{
    bool are_ready = true;
    for (size_t i = 0; i < GDWSI_INSPECTOR_PAGES; i++) {
        page_read(&pages[i]);
        are_ready = are_ready && inspector->pages[i].room > 0;
    }
    return are_ready;
}

START_TEST(eight_pages_may_be_open)
{
    page pages[GDWSI_INSPECTOR_PAGES];
    ck_assert_int_eq(gdws_inspector_watch_server(inspector, w.server, "game"), GDWS_OK);
    world_connect(&w);
    for (size_t i = 0; i < GDWSI_INSPECTOR_PAGES; i++) {
        page_open(&pages[i], w.loop, gdws_inspector_get_url(inspector));
    }
    /* While others came, the first ones have not read. */
    WAIT_FOR(&w, all_are_ready(pages));
    page_connect(&one, w.loop, gdws_inspector_get_url(inspector), NULL);
    ck_assert_int_eq(gdws_client_get_http_status(one.client), 503);
    page_close(&one);
    ck_assert_int_eq(gdws_peer_send_text(world_client_peer(&w), "for all"), GDWS_OK);
    for (size_t i = 0; i < GDWSI_INSPECTOR_PAGES; i++) {
        PAGE_WAIT_FOR(&pages[i], page_count(pages[i].packets) == 1);
    }
    for (size_t i = 0; i < GDWSI_INSPECTOR_PAGES; i++) {
        page_close(&pages[i]);
    }
    WAIT_FOR(&w, gdws_inspector_get_page_count(inspector) == 0);
}
END_TEST

/* What it costs */

START_TEST(without_a_page_there_are_no_taps_and_no_memory)
{
    size_t before = gdwsi_mem_live();
    ck_assert_int_eq(gdws_inspector_watch_server(inspector, w.server, "game"), GDWS_OK);
    size_t watched = gdwsi_mem_live();
    ck_assert_uint_eq(watched, before + 2); /* the watch, and the server's list of taps */
    world_connect(&w);
    ck_assert_ptr_null(world_server_peer(&w)->taps);
    page_open(&one, w.loop, gdws_inspector_get_url(inspector));
    ck_assert_ptr_nonnull(world_server_peer(&w)->taps);
    ck_assert(uv_is_active((uv_handle_t *)inspector->timer));
    page_close(&one);
    WAIT_FOR(&w, gdws_inspector_get_page_count(inspector) == 0);
    ck_assert_ptr_null(world_server_peer(&w)->taps);
    ck_assert(!uv_is_active((uv_handle_t *)inspector->timer));
    ck_assert_ptr_null(inspector->store.records);
    ck_assert_ptr_null(inspector->json.values);
}
END_TEST

START_TEST(a_stalled_page_takes_no_memory)
{
    open_watching();
    send_many(50000);
    WAIT_FOR(&w, w.at_server.data == 50000);
    wait_for_updates(3);
    int left_out = (int)one.left_out;
    one.is_stalled = true;
    /* Two updates go out, then nothing more whatever passes. */
    gdwsi_page *seen = &inspector->pages[0];
    WAIT_FOR(&w, seen->updates - seen->seen == 2);
    send_many(1000);
    WAIT_FOR(&w, w.at_server.data == 51000);
    ck_assert_uint_eq(seen->room, 0);
    size_t kept = inspector->store.bytes;
    size_t live = gdwsi_mem_live();
    send_many(50000);
    WAIT_FOR(&w, w.at_server.data == 101000);
    ck_assert_int_eq((int)seen->left_out, left_out + 51000 - (int)GDWSI_PAGE_ROOM);
    ck_assert_uint_eq(inspector->store.bytes, kept);
    ck_assert_uint_le(gdwsi_mem_live(), live + 8);
    ck_assert_uint_eq(gdws_peer_get_current_outbound_buffered_amount(
                          gdws_server_get_peer(inspector->server, inspector->pages[0].id)),
                      0);
    /* It goes on where it likes to. */
    one.is_stalled = false;
    PAGE_WAIT_FOR(&one, (int)one.left_out == left_out + 51000 - (int)GDWSI_PAGE_ROOM);
    ck_assert_int_eq(page_count(one.packets) + (int)one.left_out, 101000);
    page_close(&one);
}
END_TEST

START_TEST(what_is_kept_is_bounded)
{
    static uint8_t packet[700000];
    uint64_t first = 0;
    open_watching();
    for (int i = 0; i < 30; i++) {
        send_bytes(packet, sizeof(packet), GDWS_WRITE_MODE_BINARY);
        ck_assert_uint_le(inspector->store.bytes, GDWSI_STORE_BYTES);
    }
    first = inspector->store.first;
    ck_assert_uint_gt(first, 10);
    show_last();
    ck_assert_uint_eq(one.length, sizeof(packet));
    page_say(&one, "{\"do\":\"show\",\"packet\":0}");
    PAGE_WAIT_FOR(&one, one.shown == 2);
    ck_assert_uint_eq(one.length, 0);
    ck_assert(cJSON_IsFalse(cJSON_GetObjectItem(one.answer, "is_kept")));
    page_close(&one);
}
END_TEST

/* How it goes */

START_TEST(it_may_be_freed_before_what_it_watches)
{
    open_watching();
    gdws_inspector_free(inspector);
    inspector = NULL;
    PAGE_WAIT_FOR(&one,
                  gdws_client_get_connection_status(one.client) == GDWS_CONNECTION_DISCONNECTED);
    ck_assert_ptr_null(world_server_peer(&w)->taps);
    ck_assert_int_eq(gdws_peer_send_text(world_client_peer(&w), "goes on"), GDWS_OK);
    WAIT_FOR(&w, w.at_server.data == 1);
    page_close(&one);
}
END_TEST

START_TEST(it_may_be_freed_after_what_it_watches)
{
    ck_assert_int_eq(gdws_inspector_watch_client(inspector, w.client, "bot"), GDWS_OK);
    open_watching();
    gdws_server_free(w.server);
    w.server = NULL;
    gdws_client_free(w.client);
    w.client = NULL;
    ck_assert_ptr_null(inspector->watches);
    wait_for_updates(3);
    ck_assert_int_eq(page_count(cJSON_GetObjectItem(one.update, "watches")), 0);
    uint32_t rounds = one.rounds;
    PAGE_WAIT_FOR(&one, one.rounds >= rounds + 2);
    ck_assert_int_eq(page_count(one.peers), 0);
    page_close(&one);
}
END_TEST

static void free_inspector(void *seen)
{
    (void)seen;
    gdws_inspector_free(inspector);
    inspector = NULL;
}

START_TEST(it_may_be_freed_in_a_signal_of_what_it_watches)
{
    open_watching();
    w.at_server.on_data = free_inspector;
    ck_assert_int_eq(gdws_peer_send_text(world_client_peer(&w), "end it"), GDWS_OK);
    WAIT_FOR(&w, w.at_server.data == 1);
    ck_assert_ptr_null(inspector);
    PAGE_WAIT_FOR(&one,
                  gdws_client_get_connection_status(one.client) == GDWS_CONNECTION_DISCONNECTED);
    page_close(&one);
}
END_TEST

START_TEST(a_multiplayer_session_is_watched_and_may_go_first)
{
    party p;
    gdws_inspector *of_party;
    party_init(&p, GDWS_MULTIPLAYER_GODOT_3);
    of_party = gdws_inspector_new(p.loop, "127.0.0.1", 0);
    ck_assert_int_eq(gdws_inspector_watch_multiplayer(of_party, p.host.mp, "lobby"), GDWS_OK);
    ck_assert_int_eq(gdws_inspector_watch_multiplayer(of_party, p.host.mp, "again"),
                     GDWS_ALREADY_EXISTS);
    int32_t id = party_join(&p);
    page_open(&one, p.loop, gdws_inspector_get_url(of_party));
    ck_assert_str_eq(page_text(cJSON_GetObjectItem(one.update, "watches"), 0, WATCH_KIND),
                     "multiplayer");
    ck_assert_int_eq(page_count(one.peers), 1);
    ck_assert_int_eq((int)page_number(one.peers, 0, PEER_ID), id);
    party_say(&p.guests[0], 1, "hello");
    PAGE_WAIT_FOR(&one, page_count(one.packets) == 1);
    /* type, from, to, and the payload */
    ck_assert_int_eq((int)page_number(one.packets, 0, PACKET_LENGTH), 9 + 5);
    party_expect(&p, &p.host, id, "hello");
    ck_assert_int_eq(gdws_inspector_set_allow_closing(of_party, true), GDWS_OK);
    ck_assert_str_eq(close_peer(1, id, "out"), "OK");
    PAGE_WAIT_FOR(&one, p.host.disconnected == 1 && p.guests[0].over == 1);
    page_close(&one);
    /* Its own world is made and freed around this one. */
    gdws_inspector_free(of_party);
    gdws_inspector_free(inspector);
    inspector = NULL;
    gdws_client_free(w.client);
    gdws_server_free(w.server);
    gdws_loop_free(w.loop);
    party_free(&p);
    world_init(&w);
}
END_TEST

START_TEST(names_and_objects_are_checked)
{
    char name[GDWS_INSPECTOR_NAME_MAX + 2];
    gdws_server *elsewhere = gdws_server_new(NULL);
    memset(name, 'n', sizeof(name));
    name[sizeof(name) - 1] = '\0';
    ck_assert_int_eq(gdws_inspector_watch_server(inspector, w.server, name),
                     GDWS_INVALID_PARAMETER);
    ck_assert_int_eq(gdws_inspector_watch_server(inspector, w.server, ""), GDWS_INVALID_PARAMETER);
    ck_assert_int_eq(gdws_inspector_watch_server(inspector, w.server, "\xff"),
                     GDWS_INVALID_PARAMETER);
    ck_assert_int_eq(gdws_inspector_watch_server(inspector, w.server, NULL),
                     GDWS_INVALID_PARAMETER);
    ck_assert_int_eq(gdws_inspector_watch_server(inspector, NULL, "a"), GDWS_INVALID_PARAMETER);
    ck_assert_int_eq(gdws_inspector_watch_client(inspector, NULL, "a"), GDWS_INVALID_PARAMETER);
    ck_assert_int_eq(gdws_inspector_watch_multiplayer(inspector, NULL, "a"),
                     GDWS_INVALID_PARAMETER);
    ck_assert_int_eq(gdws_inspector_watch_server(NULL, w.server, "a"), GDWS_INVALID_PARAMETER);
    ck_assert_int_eq(gdws_inspector_watch_server(inspector, elsewhere, "a"),
                     GDWS_INVALID_PARAMETER);
    ck_assert_int_eq(gdws_inspector_watch_server(inspector, w.server, name + 1), GDWS_OK);
    ck_assert_int_eq(gdws_inspector_watch_server(inspector, w.server, "b"), GDWS_ALREADY_EXISTS);
    ck_assert_int_eq(gdws_inspector_watch_client(inspector, w.client, name + 1),
                     GDWS_ALREADY_EXISTS);
    ck_assert_int_eq(gdws_inspector_unwatch(inspector, "b"), GDWS_DOES_NOT_EXIST);
    ck_assert_int_eq(gdws_inspector_unwatch(inspector, NULL), GDWS_INVALID_PARAMETER);
    ck_assert_int_eq(gdws_inspector_unwatch(inspector, name + 1), GDWS_OK);
    ck_assert_int_eq(gdws_inspector_watch_client(inspector, w.client, name + 1), GDWS_OK);
    gdws_server_free(elsewhere);
}
END_TEST

START_TEST(an_inspector_that_cannot_listen_is_none)
{
    gdws_set_log_level(GDWS_LOG_NONE);
    ck_assert_ptr_null(gdws_inspector_new(NULL, NULL, 0));
    ck_assert_ptr_null(gdws_inspector_new(w.loop, "localhost", 0));
    ck_assert_ptr_null(gdws_inspector_new(w.loop, "unix:/tmp/x", 0));
    ck_assert_ptr_null(gdws_inspector_new(w.loop, "127.0.0.1", inspector_port()));
    gdws_set_log_level(GDWS_LOG_WARNING);
    ck_assert_int_eq(gdws_inspector_set_allow_closing(NULL, true), GDWS_INVALID_PARAMETER);
    ck_assert_int_eq(gdws_inspector_set_redact(NULL, NULL, NULL), GDWS_INVALID_PARAMETER);
    ck_assert_int_eq(gdws_inspector_set_payload_limit(NULL, 1), GDWS_INVALID_PARAMETER);
    ck_assert_int_eq(gdws_inspector_set_payload_limit(inspector, ((size_t)16 << 20) + 1),
                     GDWS_PARAMETER_RANGE_ERROR);
    ck_assert_str_eq(gdws_inspector_get_url(NULL), "");
    ck_assert_uint_eq(gdws_inspector_get_page_count(NULL), 0);
    gdws_inspector_free(NULL);
    gdws_inspector *everywhere = gdws_inspector_new(w.loop, "*", 0);
    ck_assert_int_eq(strncmp(gdws_inspector_get_url(everywhere), "http://127.0.0.1:", 17), 0);
    gdws_inspector_free(everywhere);
}
END_TEST

Suite *inspector_suite(void)
{
    Suite *suite = suite_create("inspector");
    TCase *tests = tcase_create("inspector");
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_set_timeout(tests, 120);
    tcase_add_test(tests, the_url_has_128_random_bits_and_gives_the_page);
    tcase_add_test(tests, answers_keep_the_page_to_itself);
    tcase_add_test(tests, without_the_right_token_all_is_refused);
    tcase_add_test(tests, foreign_origins_are_refused);
    tcase_add_test(tests, foreign_hosts_are_refused);
    tcase_add_test(tests, it_tells_of_objects_and_peers);
    tcase_add_test(tests, packets_are_shown_as_what_they_are);
    tcase_add_test(tests, long_texts_are_cut_where_a_character_ends);
    tcase_add_test(tests, what_is_left_out_is_counted);
    tcase_add_test(tests, a_filter_chooses_before_anything_is_left_out);
    tcase_add_test(tests, a_pause_counts_what_passes);
    tcase_add_test(tests, the_program_can_hide_what_is_secret);
    tcase_add_test(tests, peers_are_closed_only_where_the_program_allows_it);
    tcase_add_test(tests, what_is_no_command_ends_the_page);
    tcase_add_test(tests, eight_pages_may_be_open);
    tcase_add_test(tests, without_a_page_there_are_no_taps_and_no_memory);
    tcase_add_test(tests, a_stalled_page_takes_no_memory);
    tcase_add_test(tests, what_is_kept_is_bounded);
    tcase_add_test(tests, it_may_be_freed_before_what_it_watches);
    tcase_add_test(tests, it_may_be_freed_after_what_it_watches);
    tcase_add_test(tests, it_may_be_freed_in_a_signal_of_what_it_watches);
    tcase_add_test(tests, a_multiplayer_session_is_watched_and_may_go_first);
    tcase_add_test(tests, names_and_objects_are_checked);
    tcase_add_test(tests, an_inspector_that_cannot_listen_is_none);
    suite_add_tcase(suite, tests);
    return suite;
}
