/* SPDX-License-Identifier: MIT */
/* Each allocation fails in turn while a client that has lost its connection makes another one. What
 * must hold each time: it gets there, because an attempt without memory is one that has failed. */
#include <stdio.h>

#include "mem.h"
#include "runtests.h"
#include "world.h"

#define ALLOCATIONS_MAX 200

typedef struct scene {
    gdws_loop *loop;
    gdws_server *server;
    gdws_client *client;
    int connected;
    int closed;
    int errors;
    int reconnecting;
} scene;

static void on_connected(gdws_client *client, const char *protocol, void *user)
{
    scene *s = user;
    (void)client;
    (void)protocol;
    s->connected++;
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

static void on_reconnecting(gdws_client *client, uint32_t attempt, uint32_t delay_ms, void *user)
{
    scene *s = user;
    (void)client;
    (void)attempt;
    (void)delay_ms;
    s->reconnecting++;
}

static void set_scene(scene *s, const char *host)
{
    char url[64];
    const gdws_client_signals signals = {.size = sizeof(signals),
                                         .user = s,
                                         .connected_to_host = on_connected,
                                         .connection_error = on_error,
                                         .connection_closed = on_closed,
                                         .reconnecting = on_reconnecting};
    s->loop = gdws_loop_new();
    s->server = gdws_server_new(s->loop);
    s->client = gdws_client_new(s->loop);
    ck_assert_int_eq(gdws_client_set_signals(s->client, &signals), GDWS_OK);
    ck_assert_int_eq(gdws_client_set_reconnect(s->client, 10, 10, 0), GDWS_OK);
    ck_assert_int_eq(gdws_server_set_bind_ip(s->server, "127.0.0.1"), GDWS_OK);
    ck_assert_int_eq(gdws_server_listen(s->server, 0), GDWS_OK);
    (void)snprintf(url, sizeof(url), "ws://%s:%u/", host, gdws_server_get_port(s->server));
    ck_assert_int_eq(gdws_client_connect_to_url(s->client, url), GDWS_OK);
}

/* Returns whether the nth allocation after the first connection was reached. */
static bool play(size_t nth, const char *host)
{
    scene s = {0};
    int32_t id = 0;
    set_scene(&s, host);
    WAIT_FOR_ON(s.loop, s.connected == 1 && gdws_server_get_peer_list(s.server, &id, 1) == 1);
    gdwsi_mem_fail_at(nth);
    gdws_error error = gdws_server_disconnect_peer(s.server, id, 1012, "");
    if (error == GDWS_OUT_OF_MEMORY) {
        error = gdws_server_disconnect_peer(s.server, id, 1012, "");
    }
    ck_assert_int_eq(error, GDWS_OK);
    WAIT_FOR_ON(s.loop, s.closed >= 1 && s.connected == s.closed + 1);
    bool has_failed = gdwsi_mem_has_failed();
    gdwsi_mem_fail_at(0);
    ck_assert_int_eq(s.reconnecting, s.errors + s.closed);
    gdws_client_free(s.client);
    gdws_server_free(s.server);
    gdws_loop_free(s.loop);
    ck_assert_int_eq(s.connected, s.closed);
    ck_assert_msg(gdwsi_mem_live() == 0, "allocation %zu: %zu left", nth, gdwsi_mem_live());
    return has_failed;
}

static void play_all(const char *host)
{
    size_t nth = 1;
    gdws_set_log_level(GDWS_LOG_NONE);
    while (play(nth, host)) {
        nth++;
        ck_assert_uint_lt(nth, ALLOCATIONS_MAX);
    }
    ck_assert_uint_gt(nth, 5);
}

START_TEST(every_allocation_of_an_attempt_may_fail)
{
    play_all("127.0.0.1");
}
END_TEST

START_TEST(every_allocation_of_an_attempt_with_a_lookup_may_fail)
{
    play_all("localhost");
}
END_TEST

Suite *reconnect_oom_suite(void)
{
    Suite *suite = suite_create("reconnect oom");
    TCase *tests = tcase_create("oom");
    tcase_set_timeout(tests, 300);
    tcase_add_test(tests, every_allocation_of_an_attempt_may_fail);
    tcase_add_test(tests, every_allocation_of_an_attempt_with_a_lookup_may_fail);
    suite_add_tcase(suite, tests);
    return suite;
}
