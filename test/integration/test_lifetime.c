/* SPDX-License-Identifier: MIT */
/* Lifetime: anything may be freed in any signal. */
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "client.h"
#include "gdws/lws.h"
#include "mem.h"
#include "rawsock.h"
#include "runtests.h"
#include "server.h"
#include "world.h"

/* What is freed in which signal. */
typedef struct victim {
    gdws_loop *loop;
    gdws_client *client;
    gdws_server *server;
    char when;     /* letter of the signal, as in world.h; small for the server's */
    char what;     /* 'c' client, 's' server */
    int connected; /* at the server */
    int disconnected;
    int client_connected;
    int client_closed;
    bool is_done;
} victim;

static void happen(victim *v, char when)
{
    if (v->when != when || v->is_done) {
        return;
    }
    v->is_done = true;
    if (v->what == 'c') {
        gdws_client_free(v->client);
        v->client = NULL;
        /* Now the program may free what its signals use. */
        ck_assert_int_eq(v->client_connected, v->client_closed);
    } else {
        gdws_server_free(v->server);
        v->server = NULL;
        ck_assert_int_eq(v->connected, v->disconnected);
    }
}

static void v_client_connected(gdws_server *server, int32_t id, const char *protocol, void *user)
{
    victim *v = user;
    (void)protocol;
    v->connected++;
    ck_assert_int_eq(gdws_peer_send_text(gdws_server_get_peer(server, id), "hi"), GDWS_OK);
    happen(v, 'c');
}

static void v_server_data(gdws_server *server, int32_t id, void *user)
{
    const uint8_t *packet;
    size_t length;
    ck_assert_int_eq(gdws_server_get_peer_packet(server, id, &packet, &length), GDWS_OK);
    happen(user, 'd');
}

static void v_server_close_request(gdws_server *server, int32_t id, int code, const char *reason,
                                   void *user)
{
    (void)server;
    (void)id;
    (void)code;
    (void)reason;
    happen(user, 'r');
}

static void v_client_disconnected(gdws_server *server, int32_t id, bool was_clean, void *user)
{
    victim *v = user;
    (void)server;
    (void)id;
    (void)was_clean;
    v->disconnected++;
    happen(v, 'x');
}

static void v_connected(gdws_client *client, const char *protocol, void *user)
{
    victim *v = user;
    (void)protocol;
    v->client_connected++;
    gdws_peer *peer = gdws_client_get_peer(client, 0);
    /* A server that was freed in its signal has said goodbye already. */
    bool is_open = gdws_peer_get_ready_state(peer) == GDWS_STATE_OPEN;
    ck_assert_int_eq(gdws_peer_send_text(peer, "hi"), is_open ? GDWS_OK : GDWS_UNAVAILABLE);
    happen(v, 'C');
}

static void v_data(gdws_client *client, void *user)
{
    victim *v = user;
    const uint8_t *packet;
    size_t length;
    ck_assert_int_eq(gdws_client_get_peer_packet(client, 0, &packet, &length), GDWS_OK);
    bool is_alive = !(v->when == 'D' && v->what == 'c');
    happen(v, 'D');
    if (is_alive && v->client != NULL) {
        (void)gdws_client_disconnect_from_host(client, 1000, "");
    }
}

static void v_close_request(gdws_client *client, int code, const char *reason, void *user)
{
    (void)client;
    (void)code;
    (void)reason;
    happen(user, 'R');
}

static void v_closed(gdws_client *client, bool was_clean, void *user)
{
    victim *v = user;
    (void)client;
    (void)was_clean;
    v->client_closed++;
    happen(v, 'X');
}

static void v_error(gdws_client *client, void *user)
{
    (void)client;
    happen(user, 'E');
}

static void make_victim(victim *v, char when, char what)
{
    gdws_server_signals server_signals = {.size = sizeof(server_signals),
                                          .user = v,
                                          .client_connected = v_client_connected,
                                          .data_received = v_server_data,
                                          .client_close_request = v_server_close_request,
                                          .client_disconnected = v_client_disconnected};
    gdws_client_signals client_signals = {.size = sizeof(client_signals),
                                          .user = v,
                                          .connected_to_host = v_connected,
                                          .connection_error = v_error,
                                          .data_received = v_data,
                                          .server_close_request = v_close_request,
                                          .connection_closed = v_closed};
    memset(v, 0, sizeof(*v));
    v->when = when;
    v->what = what;
    v->loop = gdws_loop_new();
    v->server = gdws_server_new(v->loop);
    v->client = gdws_client_new(v->loop);
    world_prepare_server(v->server);
    world_prepare_client(v->client);
    ck_assert_int_eq(gdws_server_set_signals(v->server, &server_signals), GDWS_OK);
    ck_assert_int_eq(gdws_client_set_signals(v->client, &client_signals), GDWS_OK);
    ck_assert_int_eq(gdws_server_set_bind_ip(v->server, "127.0.0.1"), GDWS_OK);
    ck_assert_int_eq(gdws_server_listen(v->server, 0), GDWS_OK);
}

static void bury_victim(victim *v)
{
    gdws_client_free(v->client);
    gdws_server_free(v->server);
    gdws_loop_free(v->loop);
    ck_assert_int_eq(v->connected, v->disconnected);
    ck_assert_int_eq(v->client_connected, v->client_closed);
    ck_assert_uint_eq(gdwsi_mem_live(), 0);
}

START_TEST(anything_may_be_freed_in_any_signal)
{
    static const char whens[] = "cdrxCDRX";
    char what = _i % 2 == 0 ? 'c' : 's';
    char when = whens[_i / 2];
    victim v;
    char url[64];
    make_victim(&v, when, what);
    (void)snprintf(url, sizeof(url), "%s://127.0.0.1:%u", world_scheme(),
                   gdws_server_get_port(v.server));
    ck_assert_int_eq(gdws_client_connect_to_url(v.client, url), GDWS_OK);
    WAIT_FOR_ON(v.loop, v.is_done);
    for (int i = 0; i < 20; i++) {
        (void)gdws_loop_wait(v.loop, 5);
    }
    bury_victim(&v);
}
END_TEST

START_TEST(a_client_may_be_freed_in_connection_error)
{
    victim v;
    make_victim(&v, 'E', 'c');
    ck_assert_int_eq(gdws_client_connect_to_url(v.client, "ws://127.0.0.1:1"), GDWS_OK);
    WAIT_FOR_ON(v.loop, v.is_done);
    bury_victim(&v);
}
END_TEST

START_TEST(objects_may_be_freed_at_every_step_of_a_connection)
{
    for (int steps = 0; steps < 12; steps++) {
        victim v;
        char url[64];
        make_victim(&v, '-', '-');
        (void)snprintf(url, sizeof(url), "%s://localhost:%u", world_scheme(),
                       gdws_server_get_port(v.server));
        ck_assert_int_eq(gdws_client_connect_to_url(v.client, url), GDWS_OK);
        for (int i = 0; i < steps; i++) {
            (void)gdws_loop_wait(v.loop, 2);
        }
        bury_victim(&v);
    }
}
END_TEST

static gdws_loop *polled;

static void poll_at_server_end(gdws_server *server, int32_t id, bool was_clean, void *user)
{
    (void)id;
    (void)was_clean;
    ck_assert_int_eq(gdws_server_poll(server), GDWS_BUSY);
    ck_assert_int_eq(gdws_loop_poll(polled), GDWS_BUSY);
    ck_assert_int_eq(gdws_loop_wait(polled, 0), GDWS_BUSY);
    ++*(int *)user;
}

static void poll_at_client_end(gdws_client *client, bool was_clean, void *user)
{
    (void)was_clean;
    ck_assert_int_eq(gdws_client_poll(client), GDWS_BUSY);
    ck_assert_int_eq(gdws_loop_poll(polled), GDWS_BUSY);
    ++*(int *)user;
}

/* The server would take it for a client that has come, and stays. */
START_TEST(a_client_that_gives_up_before_it_is_connected_asks_for_nothing)
{
    char url[64];
    world w;
    world_init(&w);
    gdws_client *hasty = gdws_client_new(w.loop);
    ck_assert_ptr_nonnull(hasty);
    hasty->config.writes_frames_singly = world_is_fallback();
    world_prepare_client(hasty);
    (void)snprintf(url, sizeof(url), "%s://127.0.0.1:%u/", world_scheme(),
                   gdws_server_get_port(w.server));
    /* When libwebsockets has nothing else to do, it sees first that the client is connected. */
    while (gdws_loop_wait(w.loop, 20) == GDWS_OK) {
        continue;
    }
    ck_assert_int_eq(gdws_client_connect_to_url(hasty, url), GDWS_OK);
    if (_i == 0) {
        gdws_client_free(hasty);
    } else {
        ck_assert_int_eq(gdws_client_disconnect_from_host(hasty, 1000, ""), GDWS_OK);
    }
    /* Its connection is accepted before that of the next one. */
    world_connect(&w);
    WAIT_FOR(&w, w.server->links->next == NULL);
    ck_assert_str_eq(w.at_server.log, "C");
    if (_i != 0) {
        gdws_client_free(hasty);
    }
    world_free(&w);
}
END_TEST

/* The signals that free delivers are signals. */
START_TEST(a_poll_in_the_signals_of_free_is_busy)
{
    int count = 0;
    world w;
    world_init(&w);
    world_connect(&w);
    polled = w.loop;
    const gdws_server_signals at_server = {
        .size = sizeof(at_server), .client_disconnected = poll_at_server_end, .user = &count};
    const gdws_client_signals at_client = {
        .size = sizeof(at_client), .connection_closed = poll_at_client_end, .user = &count};
    ck_assert_int_eq(gdws_server_set_signals(w.server, &at_server), GDWS_OK);
    ck_assert_int_eq(gdws_client_set_signals(w.client, &at_client), GDWS_OK);
    gdws_client_free(w.client);
    w.client = NULL;
    ck_assert_int_eq(count, 1);
    gdws_server_free(w.server);
    w.server = NULL;
    ck_assert_int_eq(count, 2);
    ck_assert_int_eq(gdws_loop_poll(w.loop), GDWS_OK);
    /* The ends went to other handlers than the world's. */
    w.at_server.closed = w.at_server.connected;
    w.at_client.closed = w.at_client.connected;
    world_free(&w);
}
END_TEST

/* What a game does in connection_closed, and a server in its last client_disconnected. */
typedef struct beginner {
    char url[64];
    int count;
} beginner;

static void connect_at_client_end(gdws_client *client, bool was_clean, void *user)
{
    beginner *one = user;
    (void)was_clean;
    one->count++;
    ck_assert_int_eq(gdws_client_connect_to_url(client, one->url), GDWS_UNAVAILABLE);
}

static void listen_at_server_end(gdws_server *server, int32_t id, bool was_clean, void *user)
{
    beginner *one = user;
    struct lws_protocols entry;
    (void)id;
    (void)was_clean;
    one->count++;
    ck_assert_int_eq(gdws_server_listen(server, 0), GDWS_UNAVAILABLE);
    ck_assert_int_eq(gdws_server_init_lws_protocol(server, "late", &entry), GDWS_UNAVAILABLE);
    ck_assert(!gdws_server_is_listening(server));
}

/* Free ends what it finds, and would not see what begins in its signals: by address and by name. */
START_TEST(nothing_begins_in_the_signals_of_free)
{
    world w;
    beginner one = {.count = 0};
    world_init(&w);
    world_connect(&w);
    (void)snprintf(one.url, sizeof(one.url), "%s://%s:%u", world_scheme(),
                   _i == 0 ? "127.0.0.1" : "localhost", gdws_server_get_port(w.server));
    const gdws_server_signals at_server = {
        .size = sizeof(at_server), .client_disconnected = listen_at_server_end, .user = &one};
    const gdws_client_signals at_client = {
        .size = sizeof(at_client), .connection_closed = connect_at_client_end, .user = &one};
    ck_assert_int_eq(gdws_server_set_signals(w.server, &at_server), GDWS_OK);
    ck_assert_int_eq(gdws_client_set_signals(w.client, &at_client), GDWS_OK);
    gdws_client_free(w.client);
    w.client = NULL;
    ck_assert_int_eq(one.count, 1);
    gdws_server_free(w.server);
    w.server = NULL;
    ck_assert_int_eq(one.count, 2);
    ck_assert_int_eq(gdws_loop_poll(w.loop), GDWS_OK);
    /* The ends went to other handlers than the world's. */
    w.at_server.closed = w.at_server.connected;
    w.at_client.closed = w.at_client.connected;
    world_free(&w);
}
END_TEST

START_TEST(free_takes_null)
{
    gdws_client_free(NULL);
    gdws_server_free(NULL);
    gdws_loop_free(NULL);
    ck_assert_uint_eq(gdwsi_mem_live(), 0);
}
END_TEST

START_TEST(objects_with_loops_of_their_own_need_no_loop)
{
    gdws_server *server = gdws_server_new(NULL);
    gdws_client *client = gdws_client_new(NULL);
    char url[64];
    world_prepare_server(server);
    world_prepare_client(client);
    ck_assert_int_eq(gdws_server_set_bind_ip(server, "::1"), GDWS_OK);
    ck_assert_int_eq(gdws_server_listen(server, 0), GDWS_OK);
    (void)snprintf(url, sizeof(url), "%s://[::1]:%u", world_scheme(), gdws_server_get_port(server));
    ck_assert_int_eq(gdws_client_connect_to_url(client, url), GDWS_OK);
    uint64_t limit = world_now_ms() + WORLD_LIMIT_MS;
    while (gdws_client_get_connection_status(client) != GDWS_CONNECTION_CONNECTED) {
        ck_assert_int_eq(gdws_server_poll(server), GDWS_OK);
        (void)gdws_client_wait(client, 1);
        ck_assert(world_now_ms() < limit);
    }
    while (!gdws_server_is_connection_available(server)) {
        (void)gdws_server_wait(server, 1);
        ck_assert(world_now_ms() < limit);
    }
    ck_assert_ptr_ne(gdws_client_get_loop(client), gdws_server_get_loop(server));
    gdws_client_free(client);
    while (gdws_server_get_peer_list(server, NULL, 0) != 0) {
        (void)gdws_server_wait(server, 1);
        ck_assert(world_now_ms() < limit);
    }
    gdws_server_free(server);
    ck_assert_uint_eq(gdwsi_mem_live(), 0);
}
END_TEST

START_TEST(sigpipe_and_its_handler_are_left_alone)
{
    struct sigaction before;
    struct sigaction after;
    ck_assert_int_eq(sigaction(SIGPIPE, NULL, &before), 0);
    gdws_loop *loop = gdws_loop_new();
    ck_assert_int_eq(sigaction(SIGPIPE, NULL, &after), 0);
    ck_assert(before.sa_handler == after.sa_handler);
    gdws_loop_free(loop);
}
END_TEST

Suite *lifetime_suite(void)
{
    Suite *suite = suite_create("lifetime");
    TCase *tests = tcase_create("lifetime");
    tcase_set_timeout(tests, 60);
    tcase_add_loop_test(tests, anything_may_be_freed_in_any_signal, 0, 16);
    tcase_add_test(tests, a_client_may_be_freed_in_connection_error);
    tcase_add_test(tests, objects_may_be_freed_at_every_step_of_a_connection);
    tcase_add_loop_test(tests, a_client_that_gives_up_before_it_is_connected_asks_for_nothing, 0,
                        2);
    tcase_add_test(tests, a_poll_in_the_signals_of_free_is_busy);
    tcase_add_loop_test(tests, nothing_begins_in_the_signals_of_free, 0, 2);
    tcase_add_test(tests, free_takes_null);
    tcase_add_test(tests, objects_with_loops_of_their_own_need_no_loop);
    tcase_add_test(tests, sigpipe_and_its_handler_are_left_alone);
    suite_add_tcase(suite, tests);
    return suite;
}
