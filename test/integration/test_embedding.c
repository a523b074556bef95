/* SPDX-License-Identifier: MIT */
/* Embedding: the loop's descriptor and timeout, waiting, waking from another thread. */
#include <poll.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>

#include "loop.h"
#include "mem.h"
#include "runtests.h"
#include "world.h"

START_TEST(a_foreign_loop_needs_only_the_descriptor_and_the_timeout)
{
    world w;
    char url[64];
    world_init(&w);
    w.echoes = true;
    (void)snprintf(url, sizeof(url), "%s://127.0.0.1:%u", world_scheme(),
                   gdws_server_get_port(w.server));
    ck_assert_int_eq(gdws_client_connect_to_url(w.client, url), GDWS_OK);
    bool is_sent = false;
    uint64_t limit = world_now_ms() + WORLD_LIMIT_MS;
    while (w.at_client.data < 10) {
        struct pollfd descriptor = {.fd = gdws_loop_get_fd(w.loop), .events = POLLIN};
        int timeout = gdws_loop_get_timeout_ms(w.loop);
        int ready = poll(&descriptor, 1, timeout < 0 || timeout > 2000 ? 2000 : timeout);
        ck_assert_msg(ready > 0 || timeout >= 0, "slept through an event");
        ck_assert_int_eq(gdws_loop_poll(w.loop), GDWS_OK);
        if (w.at_client.connected == 1 && !is_sent) {
            is_sent = true;
            for (int i = 0; i < 10; i++) {
                ck_assert_int_eq(gdws_peer_send_text(world_client_peer(&w), "x"), GDWS_OK);
            }
            ck_assert_int_eq(gdws_loop_get_timeout_ms(w.loop), 0);
        }
        ck_assert(world_now_ms() < limit);
    }
    world_free(&w);
}
END_TEST

static bool wants_a_poll(world *w)
{
    struct pollfd descriptor = {.fd = gdws_loop_get_fd(w->loop), .events = POLLIN};
    return poll(&descriptor, 1, 0) == 1;
}

/* Poll until nothing is left to do at once. */
static void come_to_rest(world *w)
{
    while (gdws_loop_get_timeout_ms(w->loop) == 0 || wants_a_poll(w)) {
        ck_assert_int_eq(gdws_loop_poll(w->loop), GDWS_OK);
    }
}

START_TEST(the_descriptor_is_readable_when_something_was_put_outside_of_a_poll)
{
    const uint8_t *packet;
    size_t length;
    world w;
    world_init_idle(&w);
    ck_assert_int_eq(gdws_server_set_max_queued_packets(w.server, 2), GDWS_OK);
    world_listen(&w);
    world_connect(&w);
    come_to_rest(&w);
    for (int i = 0; i < 4; i++) {
        ck_assert_int_eq(gdws_peer_send_text(world_client_peer(&w), "x"), GDWS_OK);
        ck_assert(wants_a_poll(&w));
    }
    come_to_rest(&w);
    ck_assert_int_eq(w.at_server.data, 2);
    /* Room for what was not read. */
    ck_assert_int_eq(gdws_peer_get_packet(world_server_peer(&w), &packet, &length), GDWS_OK);
    ck_assert_int_eq(gdws_peer_get_packet(world_server_peer(&w), &packet, &length), GDWS_OK);
    ck_assert(wants_a_poll(&w));
    come_to_rest(&w);
    ck_assert_int_eq(gdws_server_disconnect_peer(w.server, w.at_server.id, 1000, ""), GDWS_OK);
    ck_assert(wants_a_poll(&w));
    gdws_loop_wakeup(w.loop);
    come_to_rest(&w);
    gdws_loop_wakeup(w.loop);
    ck_assert(wants_a_poll(&w));
    world_free(&w);
}
END_TEST

/* For that, the descriptor must have been asked for. */
START_TEST(a_program_that_does_not_watch_the_descriptor_does_not_pay_for_it)
{
    world w;
    world_init(&w);
    world_connect(&w);
    while (gdws_loop_wait(w.loop, 0) == GDWS_OK) {
    }
    w.loop->is_watched = false; /* an adapter has asked for it */
    struct pollfd descriptor = {.fd = uv_backend_fd(&w.loop->uv), .events = POLLIN};
    ck_assert_int_eq(gdws_peer_send_text(world_client_peer(&w), "x"), GDWS_OK);
    ck_assert_int_eq(poll(&descriptor, 1, 0), 0);
    /* Asked for the first time, it tells what has been put before. */
    ck_assert_int_eq(gdws_loop_get_fd(w.loop), descriptor.fd);
    ck_assert_int_eq(poll(&descriptor, 1, 0), 1);
    world_free(&w);
}
END_TEST

START_TEST(wait_without_events_is_a_timeout)
{
    world w;
    world_init(&w);
    world_connect(&w);
    while (gdws_loop_wait(w.loop, 0) == GDWS_OK) {
    }
    uint64_t start = world_now_ms();
    ck_assert_int_eq(gdws_loop_wait(w.loop, 50), GDWS_TIMEOUT);
    ck_assert_uint_ge(world_now_ms() - start, 49);
    ck_assert_int_eq(gdws_client_wait(w.client, 0), GDWS_TIMEOUT);
    world_free(&w);
}
END_TEST

static void poll_inside(void *user)
{
    world *w = user;
    ck_assert_int_eq(gdws_loop_poll(w->loop), GDWS_BUSY);
    ck_assert_int_eq(gdws_server_poll(w->server), GDWS_BUSY);
    ck_assert_int_eq(gdws_client_wait(w->client, 10), GDWS_BUSY);
}

START_TEST(poll_inside_a_signal_is_busy)
{
    world w;
    world_init(&w);
    world_connect(&w);
    w.at_server.on_data = poll_inside;
    ck_assert_int_eq(gdws_peer_send_text(world_client_peer(&w), "x"), GDWS_OK);
    WAIT_FOR(&w, w.at_server.data == 1);
    world_free(&w);
}
END_TEST

START_TEST(null_objects_are_no_crash)
{
    ck_assert_int_eq(gdws_loop_poll(NULL), GDWS_INVALID_PARAMETER);
    ck_assert_int_eq(gdws_client_poll(NULL), GDWS_INVALID_PARAMETER);
    ck_assert_int_eq(gdws_loop_wait(NULL, 0), GDWS_INVALID_PARAMETER);
    ck_assert_int_eq(gdws_loop_get_fd(NULL), -1);
    ck_assert_int_eq(gdws_loop_get_timeout_ms(NULL), -1);
    gdws_loop_wakeup(NULL);
    ck_assert_int_eq(gdws_server_listen(NULL, 0), GDWS_INVALID_PARAMETER);
    gdws_server_stop(NULL);
    ck_assert_int_eq(gdws_server_get_port(NULL), 0);
    ck_assert_int_eq(gdws_peer_send_text(NULL, "x"), GDWS_INVALID_PARAMETER);
    ck_assert_int_eq(gdws_peer_get_ready_state(NULL), GDWS_STATE_CLOSED);
}
END_TEST

typedef struct waker {
    gdws_loop *loop;
    sem_t is_wanted; /* posted for each wakeup that the test waits for */
    int calls;
} waker;

static void *wake(void *user)
{
    waker *other = user;
    for (int i = 0; i < other->calls; i++) {
        while (sem_wait(&other->is_wanted) != 0) {
        }
        gdws_loop_wakeup(other->loop);
    }
    return NULL;
}

START_TEST(another_thread_may_wake_a_wait)
{
    waker other = {.loop = gdws_loop_new(), .calls = world_scale(1000, 100)};
    pthread_t thread;
    while (gdws_loop_wait(other.loop, 0) == GDWS_OK) {
    }
    ck_assert_int_eq(sem_init(&other.is_wanted, 0, 0), 0);
    ck_assert_int_eq(pthread_create(&thread, NULL, wake, &other), 0);
    int woken = 0;
    for (int i = 0; i < other.calls; i++) {
        ck_assert_int_eq(sem_post(&other.is_wanted), 0);
        /* Without the wakeup this sleeps for a minute, which is a timeout. */
        woken += gdws_loop_wait(other.loop, 6 * (int)WORLD_LIMIT_MS) == GDWS_OK ? 1 : 0;
    }
    (void)pthread_join(thread, NULL);
    ck_assert_int_eq(woken, other.calls);
    (void)sem_destroy(&other.is_wanted);
    gdws_loop_free(other.loop);
    ck_assert_uint_eq(gdwsi_mem_live(), 0);
}
END_TEST

START_TEST(options_are_checked_and_fixed_while_in_use)
{
    static const char *const bad_protocols[] = {"a b"};
    static const char *const bad_headers[] = {"Host: x"};
    static const char *const bad_origins[] = {"*.*"};
    gdws_server_signals short_signals = {.size = 3};
    gdws_client_signals short_client_signals = {.size = 3};
    world w;
    world_init_idle(&w);
    ck_assert_int_eq(gdws_server_set_signals(w.server, &short_signals), GDWS_INVALID_PARAMETER);
    ck_assert_int_eq(gdws_client_set_signals(w.client, &short_client_signals),
                     GDWS_INVALID_PARAMETER);
    ck_assert_int_eq(gdws_server_set_buffers(w.server, 0, 1, 1, 1), GDWS_PARAMETER_RANGE_ERROR);
    ck_assert_int_eq(gdws_client_set_buffers(w.client, 3, 5, 60, 1000), GDWS_OK);
    ck_assert_int_eq(gdws_server_set_buffers(w.server, 64, 1024, 64, 1024), GDWS_OK);
    ck_assert_int_eq(gdws_server_set_supported_protocols(w.server, bad_protocols, 1),
                     GDWS_INVALID_PARAMETER);
    ck_assert_int_eq(gdws_client_set_handshake_headers(w.client, bad_headers, 1),
                     GDWS_INVALID_PARAMETER);
    ck_assert_int_eq(gdws_server_set_allowed_origins(w.server, bad_origins, 1),
                     GDWS_INVALID_PARAMETER);
    ck_assert_int_eq(gdws_server_set_outbound_buffer_size(w.server, 1), GDWS_PARAMETER_RANGE_ERROR);
    ck_assert_int_eq(gdws_client_set_read_size(w.client, 1), GDWS_PARAMETER_RANGE_ERROR);
    ck_assert_int_eq(gdws_client_set_max_queued_packets(w.client, 0), GDWS_PARAMETER_RANGE_ERROR);
    ck_assert_int_eq(gdws_client_set_heartbeat(w.client, 1, 1), GDWS_PARAMETER_RANGE_ERROR);
    ck_assert_int_eq(gdws_client_set_close_timeout_ms(w.client, 0), GDWS_PARAMETER_RANGE_ERROR);
    ck_assert_int_eq(gdws_server_set_read_size(w.server, 1024), GDWS_OK);
    world_listen(&w);
    ck_assert_int_eq(gdws_server_set_read_size(w.server, 2048), GDWS_ALREADY_IN_USE);
    world_connect(&w);
    ck_assert_uint_eq(gdws_peer_get_inbound_buffer_size(world_client_peer(&w)), 4096);
    ck_assert_uint_eq(gdws_peer_get_max_queued_packets(world_client_peer(&w)), 8);
    ck_assert_int_eq(gdws_client_set_read_size(w.client, 1024), GDWS_ALREADY_IN_USE);
    world_free(&w);
}
END_TEST

static void count_debug(gdws_log_level level, const char *line, void *user)
{
    int *lines = user;
    (void)line;
    *lines += level == GDWS_LOG_DEBUG ? 1 : 0;
}

/* It has some for each context. */
START_TEST(libwebsockets_notices_are_for_those_who_debug)
{
    int lines = 0;
    gdws_set_log_callback(count_debug, &lines);
    gdws_set_log_level(GDWS_LOG_INFO);
    gdws_loop_free(gdws_loop_new());
    ck_assert_int_eq(lines, 0);
    gdws_set_log_level(GDWS_LOG_DEBUG);
    gdws_loop_free(gdws_loop_new());
    ck_assert_int_gt(lines, 0);
    gdws_set_log_level(GDWS_LOG_WARNING);
    gdws_set_log_callback(NULL, NULL);
    gdws_loop_free(gdws_loop_new());
}
END_TEST

/* What large messages have needed goes back to the system when they are over, and with that the
 * timer that sees to it. */
START_TEST(an_idle_loop_keeps_little_memory)
{
    enum { LITTLE = 256 << 10 };
    world w;
    const size_t size = 3u << 20;
    uint8_t *message = calloc(1, size);
    world_init_idle(&w);
    w.takes_packets = true;
    ck_assert_int_eq(gdws_server_set_inbound_buffer_size(w.server, 2 * size), GDWS_OK);
    ck_assert_int_eq(gdws_client_set_outbound_buffer_size(w.client, 2 * size), GDWS_OK);
    world_listen(&w);
    world_connect(&w);
    for (int i = 0; i < 4; i++) {
        ck_assert_int_eq(gdws_peer_put_packet(world_client_peer(&w), message, size), GDWS_OK);
        WAIT_FOR(&w, w.at_server.data == i + 1);
    }
    free(message);
#if !defined(__SANITIZE_ADDRESS__)
    ck_assert_uint_gt(w.loop->pool.bytes, LITTLE);
#endif
    WAIT_FOR(&w, w.loop->pool.bytes <= LITTLE && !uv_is_active((uv_handle_t *)&w.loop->trim));
    world_free(&w);
}
END_TEST

Suite *embedding_suite(void)
{
    Suite *suite = suite_create("embedding");
    TCase *tests = tcase_create("embedding");
    tcase_set_timeout(tests, 60);
    tcase_add_test(tests, a_foreign_loop_needs_only_the_descriptor_and_the_timeout);
    tcase_add_test(tests, the_descriptor_is_readable_when_something_was_put_outside_of_a_poll);
    tcase_add_test(tests, a_program_that_does_not_watch_the_descriptor_does_not_pay_for_it);
    tcase_add_test(tests, wait_without_events_is_a_timeout);
    tcase_add_test(tests, poll_inside_a_signal_is_busy);
    tcase_add_test(tests, null_objects_are_no_crash);
    tcase_add_test(tests, another_thread_may_wake_a_wait);
    tcase_add_test(tests, libwebsockets_notices_are_for_those_who_debug);
    tcase_add_test(tests, an_idle_loop_keeps_little_memory);
    tcase_add_test(tests, options_are_checked_and_fixed_while_in_use);
    suite_add_tcase(suite, tests);
    return suite;
}
