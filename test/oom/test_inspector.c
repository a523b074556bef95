/* SPDX-License-Identifier: MIT */
/* Each allocation fails in turn while an inspector watches a server and a client, a page opens, is
 * told of a packet, asks for it, has a peer closed and goes. What must hold each time: no crash, no
 * leak, and what is watched does not suffer: only a failure in its own memory may be felt there.
 * cJSON allocates through lib/mem here, which a program's process must not be made to do. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cjson/cJSON.h>

#include "mem.h"
#include "runtests.h"
#include "world.h"

#define ALLOCATIONS_MAX 600

typedef struct scene {
    gdws_loop *loop;
    gdws_server *server;
    gdws_client *client;
    gdws_inspector *inspector;
    gdws_client *page;
    int heard; /* by the server */
    int closed;
    int updates;
    int answers;
    bool is_told; /* the page knows of the packet */
} scene;

static void on_data(gdws_server *server, int32_t id, void *user)
{
    scene *s = user;
    const uint8_t *packet;
    size_t length;
    (void)gdws_server_get_peer_packet(server, id, &packet, &length);
    s->heard++;
}

static void on_closed(gdws_client *client, bool was_clean, void *user)
{
    scene *s = user;
    (void)client;
    (void)was_clean;
    s->closed++;
}

static bool make(scene *s)
{
    const gdws_server_signals at_server = {
        .size = sizeof(at_server), .user = s, .data_received = on_data};
    const gdws_client_signals at_client = {
        .size = sizeof(at_client), .user = s, .connection_closed = on_closed};
    s->loop = gdws_loop_new();
    if (s->loop == NULL) {
        return false;
    }
    s->server = gdws_server_new(s->loop);
    s->client = gdws_client_new(s->loop);
    s->inspector = gdws_inspector_new(s->loop, NULL, 0);
    s->page = gdws_client_new(s->loop);
    if (s->server == NULL || s->client == NULL || s->inspector == NULL || s->page == NULL) {
        return false;
    }
    (void)gdws_server_set_signals(s->server, &at_server);
    (void)gdws_client_set_signals(s->client, &at_client);
    (void)gdws_server_set_bind_ip(s->server, "127.0.0.1");
    (void)gdws_inspector_set_allow_closing(s->inspector, true);
    return gdws_inspector_watch_server(s->inspector, s->server, "server") == GDWS_OK &&
           gdws_inspector_watch_client(s->inspector, s->client, "client") == GDWS_OK &&
           gdws_server_listen(s->server, 0) == GDWS_OK;
}

/* Wait until a client is connected or has failed. */
static bool connect_to(scene *s, gdws_client *client, const char *url)
{
    uint64_t limit = world_now_ms() + WORLD_LIMIT_MS;
    if (gdws_client_connect_to_url(client, url) != GDWS_OK) {
        return false;
    }
    while (gdws_client_get_connection_status(client) == GDWS_CONNECTION_CONNECTING) {
        (void)gdws_loop_wait(s->loop, 20);
        ck_assert(world_now_ms() < limit);
    }
    return gdws_client_get_connection_status(client) == GDWS_CONNECTION_CONNECTED;
}

static void say(scene *s, const char *text)
{
    (void)gdws_peer_send_text(gdws_client_get_peer(s->page, 1), text);
}

/* Read what the page is told, as a page does: it must parse, whatever has failed. */
static void read_page(scene *s)
{
    gdws_peer *peer = gdws_client_get_peer(s->page, 1);
    const uint8_t *packet;
    size_t length;
    char seen[64];
    while (gdws_peer_get_packet(peer, &packet, &length) == GDWS_OK) {
        if (!gdws_peer_was_string_packet(peer)) {
            continue;
        }
        ck_assert_int_eq(packet[length - 1], '}');
        const char *number = strstr((const char *)packet, "{\"update\":");
        s->answers += strstr((const char *)packet, "\"answer\":") != NULL ? 1 : 0;
        s->is_told = s->is_told || strstr((const char *)packet, "the packet") != NULL;
        if (number != NULL) {
            s->updates++;
            (void)snprintf(seen, sizeof(seen), "{\"do\":\"seen\",\"update\":%d}",
                           atoi(number + strlen("{\"update\":")));
            say(s, seen);
        }
    }
}

static bool is_page_open(const scene *s)
{
    return gdws_client_get_connection_status(s->page) == GDWS_CONNECTION_CONNECTED;
}

/* Go on until so many updates have come, the page is closed, or nothing comes any more. */
static void wait_for_updates(scene *s, int count)
{
    uint64_t limit = world_now_ms() + 400;
    while (s->updates < count && is_page_open(s) && world_now_ms() < limit) {
        (void)gdws_loop_wait(s->loop, 20);
        read_page(s);
    }
}

static void talk(scene *s)
{
    char url[256];
    char command[128];
    (void)snprintf(url, sizeof(url), "ws://127.0.0.1:%u", gdws_server_get_port(s->server));
    if (!connect_to(s, s->client, url)) {
        return;
    }
    const char *base = gdws_inspector_get_url(s->inspector);
    (void)snprintf(url, sizeof(url), "ws://%ssocket", base + strlen("http://"));
    if (connect_to(s, s->page, url)) {
        wait_for_updates(s, 1);
    }
    gdws_error error = gdws_peer_send_text(gdws_client_get_peer(s->client, 1), "the packet");
    wait_for_updates(s, s->updates + 2);
    say(s, "{\"do\":\"show\",\"packet\":0}");
    int32_t id = 0;
    (void)gdws_server_get_peer_list(s->server, &id, 1);
    (void)snprintf(command, sizeof(command),
                   "{\"do\":\"close\",\"watch\":1,\"peer\":%d,\"code\":4001,\"reason\":\"\"}",
                   (int)id);
    say(s, command);
    wait_for_updates(s, s->updates + 2);
    /* The game goes on: what it sent has arrived, unless it was told otherwise. */
    ck_assert(s->heard == 1 || error != GDWS_OK || s->closed > 0 || gdwsi_mem_has_failed());
}

static bool play(size_t nth)
{
    scene s;
    memset(&s, 0, sizeof(s));
    gdwsi_mem_fail_at(nth);
    if (make(&s)) {
        talk(&s);
    }
    bool has_failed = gdwsi_mem_has_failed();
    if (!has_failed) {
        ck_assert(s.is_told && s.answers == 2 && s.closed == 1);
    }
    /* In another order each time. */
    if (nth % 2 == 0) {
        gdws_inspector_free(s.inspector);
    }
    gdws_client_free(s.page);
    gdws_server_free(s.server);
    gdws_client_free(s.client);
    if (nth % 2 == 1) {
        gdws_inspector_free(s.inspector);
    }
    gdws_loop_free(s.loop);
    gdwsi_mem_fail_at(0);
    ck_assert_msg(gdwsi_mem_live() == 0, "allocation %zu: %zu left", nth, gdwsi_mem_live());
    return has_failed;
}

START_TEST(every_allocation_of_an_inspector_may_fail)
{
    cJSON_Hooks hooks = {.malloc_fn = gdwsi_mem_alloc, .free_fn = gdwsi_mem_free};
    size_t nth = 1;
    gdws_set_log_level(GDWS_LOG_NONE);
    cJSON_InitHooks(&hooks);
    while (play(nth)) {
        nth++;
        ck_assert_uint_lt(nth, ALLOCATIONS_MAX);
    }
    cJSON_InitHooks(NULL);
    ck_assert_uint_gt(nth, 60);
}
END_TEST

Suite *inspector_oom_suite(void)
{
    Suite *suite = suite_create("inspector oom");
    TCase *tests = tcase_create("oom");
    tcase_set_timeout(tests, 300);
    tcase_add_test(tests, every_allocation_of_an_inspector_may_fail);
    suite_add_tcase(suite, tests);
    return suite;
}
