/* SPDX-License-Identifier: MIT */
/* What the system refuses: descriptors, routes, random numbers. Found by test/faults, and here each
 * by itself. */
#include "runtests.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <fcntl.h>
#include <openssl/rand.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "certs.h"
#include "client.h"
#include "leave.h"
#include "mem.h"
#include "rawsock.h"
#include "server.h"
#include "world.h"

static int count_descriptors(void)
{
    int count = 0;
    for (int descriptor = 0; descriptor < 1024; descriptor++) {
        count += fcntl(descriptor, F_GETFD) >= 0 ? 1 : 0;
    }
    return count;
}

/* In a process of its own, whose first loop it is: libuv makes a pipe for the process then. Returns
 * whether a loop is made that lives, or none and nothing stays open. */
static bool try_loop(int spare)
{
    struct rlimit limit;
    int next = dup(STDERR_FILENO);
    (void)close(next);
    gdws_set_log_level(GDWS_LOG_NONE);
    (void)getrlimit(RLIMIT_NOFILE, &limit);
    struct rlimit lower = limit;
    lower.rlim_cur = (rlim_t)next + (rlim_t)spare;
    (void)setrlimit(RLIMIT_NOFILE, &lower);
    int before = count_descriptors();
    gdws_loop *loop = gdws_loop_new();
    if (loop == NULL && (spare > 10 || count_descriptors() != before)) {
        return false;
    }
    if (loop != NULL) {
        gdws_loop_wakeup(loop);
        (void)gdws_loop_wait(loop, 0);
        gdws_loop_free(loop);
    }
    /* With enough of them it works. */
    (void)setrlimit(RLIMIT_NOFILE, &limit);
    loop = gdws_loop_new();
    gdws_loop_free(loop);
    return loop != NULL && gdwsi_mem_live() == 0;
}

START_TEST(a_loop_is_made_whole_or_not_at_all)
{
    /* By a pipe: under valgrind the exit status of a fork is valgrind's. */
    int verdict[2];
    bool is_right = false;
    ck_assert_int_eq(pipe(verdict), 0);
    pid_t child = fork();
    if (child == 0) {
        is_right = try_loop(_i);
        leave(write(verdict[1], &is_right, sizeof(is_right)) > 0 ? 0 : 1);
    }
    (void)close(verdict[1]);
    ck_assert_msg(read(verdict[0], &is_right, sizeof(is_right)) > 0, "with %d it crashes", _i);
    ck_assert_msg(is_right, "with %d descriptors to spare it is not right", _i);
    (void)close(verdict[0]);
    ck_assert_int_eq(waitpid(child, NULL, 0), child);
}
END_TEST

/* The system says no at once: there is no way to this address for a stream. */
START_TEST(an_address_without_a_route_leaves_nothing)
{
    world w;
    /* The first loop of a process leaves a pipe. */
    gdws_loop_free(gdws_loop_new());
    int before = count_descriptors();
    world_init_idle(&w);
    int at_rest = count_descriptors();
    for (int i = 0; i < 3; i++) {
        ck_assert_int_eq(gdws_client_connect_to_url(w.client, "ws://255.255.255.255:9"), GDWS_OK);
        WAIT_FOR(&w, w.at_client.errors == i + 1);
        ck_assert_str_ne(gdws_client_get_error_message(w.client), "");
        ck_assert_int_eq(count_descriptors(), at_rest);
    }
    world_free(&w);
    /* A loop that libuv does not close keeps its descriptors. */
    ck_assert_int_eq(count_descriptors(), before);
}
END_TEST

/* Many clients on the loop of a world, and how their attempts have ended. */
typedef struct crowd {
    world w;
    gdws_client *clients[300];
    size_t count;
    int connected;
    int errors;
} crowd;

static void count_connected(gdws_client *client, const char *protocol, void *user)
{
    (void)client;
    (void)protocol;
    ((crowd *)user)->connected++;
}

static void count_error(gdws_client *client, void *user)
{
    (void)client;
    ((crowd *)user)->errors++;
}

static void crowd_dial(crowd *all, const char *url)
{
    gdws_client_signals signals = {.size = sizeof(signals),
                                   .user = all,
                                   .connected_to_host = count_connected,
                                   .connection_error = count_error};
    gdws_client *client = gdws_client_new(all->w.loop);
    ck_assert_ptr_nonnull(client);
    world_prepare_client(client);
    client->config.writes_frames_singly = world_is_fallback();
    ck_assert_int_eq(gdws_client_set_signals(client, &signals), GDWS_OK);
    ck_assert_int_eq(gdws_client_connect_to_url(client, url), GDWS_OK);
    all->clients[all->count] = client;
    all->count++;
}

static void crowd_free(crowd *all)
{
    for (size_t i = 0; i < all->count; i++) {
        gdws_client_free(all->clients[i]);
    }
    world_free(&all->w);
    memset(all, 0, sizeof(*all));
}

/* 0: by the other side, 1: by the system at once. */
START_TEST(refused_clients_do_not_each_walk_over_the_loop)
{
    enum { COUNT = 300, WALKS_MAX = 12 };
    static crowd all;
    char url[64] = "ws://255.255.255.255:9";
    uint16_t port = 0;
    int holder = rawsock_hold_port(&port);
    if (_i == 0) {
        (void)snprintf(url, sizeof(url), "ws://127.0.0.1:%u", port);
    }
    world_init_idle(&all.w);
    int before = world_walks();
    for (int i = 0; i < COUNT; i++) {
        crowd_dial(&all, url);
    }
    WAIT_FOR(&all.w, all.errors == COUNT);
    ck_assert_int_le(world_walks() - before, WALKS_MAX);
    crowd_free(&all);
    (void)close(holder);
}
END_TEST

/* libwebsockets makes a connection where a refused one was a moment ago, and that is not taken for
 * it. */
START_TEST(between_refused_clients_others_connect)
{
    enum { EACH = 40 };
    static crowd all;
    char refused[64];
    char good[64];
    uint16_t port = 0;
    int holder = rawsock_hold_port(&port);
    world_init(&all.w);
    (void)snprintf(refused, sizeof(refused), "ws://127.0.0.1:%u", port);
    (void)snprintf(good, sizeof(good), "%s://127.0.0.1:%u", world_scheme(),
                   gdws_server_get_port(all.w.server));
    for (int i = 1; i <= EACH; i++) {
        crowd_dial(&all, refused);
        crowd_dial(&all, "ws://255.255.255.255:9");
        crowd_dial(&all, good);
        if (i % 10 == 0) {
            WAIT_FOR(&all.w, all.errors == 2 * i && all.connected == i);
        }
    }
    crowd_free(&all);
    (void)close(holder);
}
END_TEST

/* See what_libwebsockets_has_no_room_for_is_refused; here the server has made a TLS side already.
 */
START_TEST(a_secured_connection_that_is_refused_leaves_nothing)
{
    enum { COUNT = 60, LIMIT = 48 };
    static rawsock raw[COUNT];
    struct rlimit limit;
    world small;
    gdws_set_log_level(GDWS_LOG_NONE);
    ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &limit), 0);
    struct rlimit lower = limit;
    lower.rlim_cur = LIMIT;
    ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &lower), 0);
    world_init_idle(&small);
    ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
    const cert *own = cert_localhost();
    ck_assert_int_eq(gdws_server_set_private_key(small.server, own->key, NULL), GDWS_OK);
    ck_assert_int_eq(gdws_server_set_ssl_certificate(small.server, own->certificate), GDWS_OK);
    small.server->config.writes_frames_singly = false;
    world_listen(&small);
    for (int i = 0; i < COUNT; i++) {
        rawsock_connect_plain(&raw[i], small.loop, gdws_server_get_port(small.server));
    }
    WAIT_FOR(&small, (rawsock_receive(&raw[COUNT - 1]), raw[COUNT - 1].is_ended));
    for (int i = 0; i < COUNT; i++) {
        rawsock_close(&raw[i]);
    }
    world_free(&small);
    gdws_set_log_level(GDWS_LOG_WARNING);
}
END_TEST

static int fail_to_draw(unsigned char *bytes, int count)
{
    (void)bytes;
    (void)count;
    return 0;
}

/* OpenSSL's own word for this is old, and there is no new one that tests could use. */
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"

static const RAND_METHOD no_random_numbers = {.bytes = fail_to_draw, .pseudorand = fail_to_draw};

START_TEST(without_random_numbers_nothing_is_sent_and_an_error_says_so)
{
    world w;
    const RAND_METHOD *usual = RAND_get_rand_method();
    world_init(&w);
    w.takes_packets = true;
    world_connect(&w);
    gdws_peer *peer = world_client_peer(&w);
    ck_assert_int_eq(RAND_set_rand_method(&no_random_numbers), 1);
    gdws_error error = GDWS_OK;
    int sent = 0;
    /* So many masks may have been drawn before. */
    while (error == GDWS_OK && sent < 1000) {
        error = gdws_peer_send_text(peer, "a");
        sent += error == GDWS_OK ? 1 : 0;
    }
    ck_assert_int_eq(error, GDWS_FAILED);
    ck_assert_uint_eq(gdws_peer_get_sent_packet_count(peer), (uint64_t)sent);
    ck_assert_int_eq(gdws_client_disconnect_from_host(w.client, 1000, ""), GDWS_FAILED);
    ck_assert_int_eq(RAND_set_rand_method(usual), 1);
    ck_assert_int_eq(gdws_peer_send_text(peer, "b"), GDWS_OK);
    WAIT_FOR(&w, w.at_server.data == sent + 1);
    ck_assert_int_eq(gdws_client_disconnect_from_host(w.client, 1000, ""), GDWS_OK);
    WAIT_FOR(&w, w.at_client.closed == 1 && w.at_server.closed == 1);

    ck_assert_int_eq(RAND_set_rand_method(&no_random_numbers), 1);
    char url[64];
    (void)snprintf(url, sizeof(url), "ws://127.0.0.1:%u", gdws_server_get_port(w.server));
    for (int i = 0; w.at_client.errors == 0 && i < 1000; i++) {
        /* Each takes 16 of the bytes that are left. */
        ck_assert_int_eq(gdws_client_connect_to_url(w.client, url), GDWS_OK);
        (void)gdws_loop_poll(w.loop);
        (void)gdws_client_disconnect_from_host(w.client, 1000, "");
        (void)gdws_loop_poll(w.loop);
        w.at_client.errors -= gdws_client_get_error(w.client) == GDWS_SKIP ? 1 : 0;
    }
    ck_assert_int_eq(gdws_client_get_error(w.client), GDWS_FAILED);
    ck_assert_ptr_nonnull(strstr(gdws_client_get_error_message(w.client), "no random numbers"));
    ck_assert_int_eq(RAND_set_rand_method(usual), 1);
    world_free(&w);
}
END_TEST

Suite *exhaustion_suite(void)
{
    Suite *suite = suite_create("exhaustion");
    TCase *tests = tcase_create("exhaustion");
    tcase_set_timeout(tests, 60);
    /* An adapter makes more than the loop. */
    if (getenv("GDWS_TEST_ADAPTER") == NULL) {
        tcase_add_loop_test(tests, a_loop_is_made_whole_or_not_at_all, 0, 14);
    }
    tcase_add_test(tests, an_address_without_a_route_leaves_nothing);
    tcase_add_loop_test(tests, refused_clients_do_not_each_walk_over_the_loop, 0, 2);
    tcase_add_test(tests, between_refused_clients_others_connect);
    tcase_add_test(tests, a_secured_connection_that_is_refused_leaves_nothing);
    /* Elsewhere libwebsockets or TLS draw, too. */
    if (!world_is_fallback() && !world_is_secure()) {
        tcase_add_test(tests, without_random_numbers_nothing_is_sent_and_an_error_says_so);
    }
    suite_add_tcase(suite, tests);
    return suite;
}
