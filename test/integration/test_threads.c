/* SPDX-License-Identifier: MIT */
/* Threads: functions posted to a loop from others, and one loop for each thread. What happens on
 * other threads is noted there and asserted here. */
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "loop.h"
#include "mem.h"
#include "rawsock.h"
#include "runtests.h"
#include "server.h"
#include "world.h"

#define POSTERS 4

/* Posts, in order */

typedef struct poster {
    gdws_loop *loop;
    pthread_t thread;
    pthread_t runner; /* that the functions must run on */
    size_t count;
    size_t refused;

    /* Of the functions. */
    size_t run;
    size_t out_of_order;
    size_t elsewhere;
} poster;

typedef struct order {
    poster *from;
    size_t number;
} order;

static void run_order(gdws_loop *loop, void *user)
{
    order *one = user;
    poster *from = one->from;
    from->out_of_order += one->number != from->run ? 1 : 0;
    from->elsewhere += pthread_equal(pthread_self(), from->runner) == 0 ? 1 : 0;
    from->elsewhere += loop != from->loop ? 1 : 0;
    from->run++;
    free(one);
}

static void *post_orders(void *user)
{
    poster *self = user;
    for (size_t i = 0; i < self->count; i++) {
        order *one = malloc(sizeof(*one));
        *one = (order){self, i};
        if (gdws_loop_post(self->loop, run_order, one) != GDWS_OK) {
            self->refused++;
            free(one);
        }
    }
    return NULL;
}

/* Post from several threads while this one waits for the posts and for nothing else. */
static void post_from_all(gdws_loop *loop, size_t count)
{
    poster posters[POSTERS];
    size_t run = 0;
    for (int i = 0; i < POSTERS; i++) {
        posters[i] = (poster){.loop = loop, .runner = pthread_self(), .count = count};
        ck_assert_int_eq(pthread_create(&posters[i].thread, NULL, post_orders, &posters[i]), 0);
    }
    while (run < POSTERS * count) {
        /* A wakeup that is lost is a timeout. */
        ck_assert_int_eq(gdws_loop_wait(loop, 6 * (int)WORLD_LIMIT_MS), GDWS_OK);
        run = 0;
        for (int i = 0; i < POSTERS; i++) {
            run += posters[i].run;
        }
    }
    for (int i = 0; i < POSTERS; i++) {
        (void)pthread_join(posters[i].thread, NULL);
        ck_assert_uint_eq(posters[i].refused, 0);
        ck_assert_uint_eq(posters[i].run, count);
        ck_assert_uint_eq(posters[i].out_of_order, 0);
        ck_assert_uint_eq(posters[i].elsewhere, 0);
    }
}

START_TEST(a_million_posts_from_four_threads_all_run_in_order)
{
    gdws_loop *loop = gdws_loop_new();
    post_from_all(loop, 250000);
    gdws_loop_free(loop);
    ck_assert_uint_eq(gdwsi_mem_live(), 0);
}
END_TEST

/* What the posts cost and what the sockets cost come out of the same passes. */
START_TEST(posts_run_between_the_packets_of_a_busy_server)
{
    world w;
    world_init(&w);
    w.echoes = true;
    world_connect(&w);
    for (int i = 0; i < 1000; i++) {
        ck_assert_int_eq(gdws_peer_send_text(world_client_peer(&w), "ping"), GDWS_OK);
    }
    w.takes_packets = true;
    post_from_all(w.loop, 10000);
    WAIT_FOR(&w, w.at_client.data == 1000);
    world_free(&w);
}
END_TEST

typedef struct caller {
    gdws_loop *loop;
    sem_t is_wanted;
    int calls;
    int run;
} caller;

static void count_call(gdws_loop *loop, void *user)
{
    caller *other = user;
    (void)loop;
    other->run++;
}

static void *post_when_wanted(void *user)
{
    caller *other = user;
    for (int i = 0; i < other->calls; i++) {
        while (sem_wait(&other->is_wanted) != 0) {
        }
        (void)gdws_loop_post(other->loop, count_call, other);
    }
    return NULL;
}

START_TEST(a_post_wakes_a_sleeper)
{
    caller other = {.loop = gdws_loop_new(), .calls = world_scale(1000, 100)};
    pthread_t thread;
    while (gdws_loop_wait(other.loop, 0) == GDWS_OK) {
    }
    ck_assert_int_eq(sem_init(&other.is_wanted, 0, 0), 0);
    ck_assert_int_eq(pthread_create(&thread, NULL, post_when_wanted, &other), 0);
    for (int i = 0; i < other.calls; i++) {
        ck_assert_int_eq(sem_post(&other.is_wanted), 0);
        while (other.run == i) {
            /* Not woken, this sleeps for a minute, which is a timeout. */
            ck_assert_int_eq(gdws_loop_wait(other.loop, 6 * (int)WORLD_LIMIT_MS), GDWS_OK);
        }
        ck_assert_int_eq(other.run, i + 1);
    }
    (void)pthread_join(thread, NULL);
    (void)sem_destroy(&other.is_wanted);
    gdws_loop_free(other.loop);
    ck_assert_uint_eq(gdwsi_mem_live(), 0);
}
END_TEST

static void *post_for_ever(void *user)
{
    caller *other = user;
    (void)sem_post(&other->is_wanted);
    for (;;) {
        (void)gdws_loop_post(other->loop, count_call, other);
        pthread_testcancel();
    }
    return NULL;
}

/* Waking is a write, where a thread may be cancelled; the loop must not wait for it then. */
START_TEST(a_poster_may_be_cancelled)
{
    for (int i = 0; i < world_scale(100, 10); i++) {
        caller other = {.loop = gdws_loop_new()};
        pthread_t thread;
        ck_assert_int_eq(sem_init(&other.is_wanted, 0, 0), 0);
        ck_assert_int_eq(pthread_create(&thread, NULL, post_for_ever, &other), 0);
        while (sem_wait(&other.is_wanted) != 0) {
        }
        ck_assert_int_eq(pthread_cancel(thread), 0);
        while (pthread_tryjoin_np(thread, NULL) != 0) {
            ck_assert_int_eq(gdws_loop_poll(other.loop), GDWS_OK);
        }
        gdws_loop_free(other.loop);
        (void)sem_destroy(&other.is_wanted);
        ck_assert_uint_eq(gdwsi_mem_live(), 0);
    }
}
END_TEST

/* What may be done in a posted function */

typedef struct deed {
    gdws_loop *loop;
    gdws_client *client;
    gdws_server *server;
    int run;
    int run_without_loop;
    gdws_error error;
} deed;

static void count_run(gdws_loop *loop, void *user)
{
    deed *d = user;
    d->run++;
    d->run_without_loop += loop == NULL ? 1 : 0;
}

START_TEST(posts_run_inside_of_a_poll_only)
{
    deed d = {.loop = gdws_loop_new()};
    for (int i = 0; i < 10; i++) {
        ck_assert_int_eq(gdws_loop_post(d.loop, count_run, &d), GDWS_OK);
    }
    ck_assert_int_eq(d.run, 0);
    while (d.run < 10) {
        ck_assert_int_eq(gdws_loop_wait(d.loop, 6 * (int)WORLD_LIMIT_MS), GDWS_OK);
    }
    ck_assert_int_eq(gdws_loop_post(NULL, count_run, &d), GDWS_INVALID_PARAMETER);
    ck_assert_int_eq(gdws_loop_post(d.loop, NULL, &d), GDWS_INVALID_PARAMETER);
    gdws_loop_free(d.loop);
    ck_assert_int_eq(d.run, 10);
    ck_assert_uint_eq(gdwsi_mem_live(), 0);
}
END_TEST

static void poll_inside(gdws_loop *loop, void *user)
{
    deed *d = user;
    d->error = gdws_loop_poll(loop);
    d->run++;
}

START_TEST(poll_in_a_posted_function_is_busy)
{
    deed d = {.loop = gdws_loop_new()};
    ck_assert_int_eq(gdws_loop_post(d.loop, poll_inside, &d), GDWS_OK);
    WAIT_FOR_ON(d.loop, d.run == 1);
    ck_assert_int_eq(d.error, GDWS_BUSY);
    gdws_loop_free(d.loop);
}
END_TEST

static void post_again(gdws_loop *loop, void *user)
{
    deed *d = user;
    d->run++;
    if (loop != NULL) {
        d->error = gdws_loop_post(loop, post_again, d);
    }
}

/* A function that posts itself for ever neither keeps a poll from ending nor others from their
 * turn. */
START_TEST(a_function_that_posts_itself_leaves_room_for_others)
{
    world w;
    world_init(&w);
    deed d = {.loop = w.loop};
    w.echoes = true;
    world_connect(&w);
    ck_assert_int_eq(gdws_loop_post(w.loop, post_again, &d), GDWS_OK);
    for (int i = 1; i <= 20; i++) {
        ck_assert_int_eq(gdws_peer_send_text(world_client_peer(&w), "x"), GDWS_OK);
        int run = d.run;
        WAIT_FOR(&w, w.at_client.data == i && d.run > run);
        ck_assert_int_eq(d.error, GDWS_OK);
    }
    world_free(&w);
}
END_TEST

static void free_all(gdws_loop *loop, void *user)
{
    deed *d = user;
    gdws_client_free(d->client);
    gdws_server_free(d->server);
    gdws_loop_free(loop);
    d->run++;
}

/* The loop lives until the poll is over: what was posted behind it still has it. */
START_TEST(everything_may_be_freed_in_a_posted_function)
{
    deed d = {.loop = gdws_loop_new()};
    char url[64];
    d.server = gdws_server_new(d.loop);
    d.client = gdws_client_new(d.loop);
    world_prepare_server(d.server);
    world_prepare_client(d.client);
    ck_assert_int_eq(gdws_server_set_bind_ip(d.server, "127.0.0.1"), GDWS_OK);
    ck_assert_int_eq(gdws_server_listen(d.server, 0), GDWS_OK);
    (void)snprintf(url, sizeof(url), "%s://127.0.0.1:%u", world_scheme(),
                   gdws_server_get_port(d.server));
    ck_assert_int_eq(gdws_client_connect_to_url(d.client, url), GDWS_OK);
    WAIT_FOR_ON(d.loop, gdws_client_get_connection_status(d.client) == GDWS_CONNECTION_CONNECTED);
    ck_assert_int_eq(gdws_loop_post(d.loop, free_all, &d), GDWS_OK);
    ck_assert_int_eq(gdws_loop_post(d.loop, count_run, &d), GDWS_OK);
    gdws_loop *loop = d.loop;
    while (d.run == 0) {
        (void)gdws_loop_wait(loop, 6 * (int)WORLD_LIMIT_MS);
    }
    ck_assert_int_eq(d.run, 2);
    ck_assert_int_eq(d.run_without_loop, 0);
    ck_assert_uint_eq(gdwsi_mem_live(), 0);
}
END_TEST

/* When the loop goes */

static void note_refusal(gdws_loop *loop, void *user)
{
    deed *d = user;
    count_run(loop, d);
    d->error = gdws_loop_post(d->loop, count_run, d);
}

START_TEST(what_has_not_run_when_the_loop_goes_is_called_without_it)
{
    deed d = {.loop = gdws_loop_new()};
    ck_assert_int_eq(gdws_loop_post(d.loop, count_run, &d), GDWS_OK);
    ck_assert_int_eq(gdws_loop_post(d.loop, note_refusal, &d), GDWS_OK);
    ck_assert_int_eq(gdws_loop_post(d.loop, count_run, &d), GDWS_OK);
    gdws_loop_free(d.loop);
    ck_assert_int_eq(d.run, 3);
    ck_assert_int_eq(d.run_without_loop, 3);
    ck_assert_int_eq(d.error, GDWS_UNAVAILABLE);
    ck_assert_uint_eq(gdwsi_mem_live(), 0);
}
END_TEST

static void free_loop_and_post(gdws_loop *loop, void *user)
{
    deed *d = user;
    gdws_loop_free(loop);
    d->error = gdws_loop_post(loop, count_run, d);
}

START_TEST(what_is_posted_to_a_loop_that_goes_with_its_poll_is_called_too)
{
    deed d = {.loop = gdws_loop_new()};
    ck_assert_int_eq(gdws_loop_post(d.loop, free_loop_and_post, &d), GDWS_OK);
    gdws_loop *loop = d.loop;
    /* Where the second post was refused, there is no loop any more. */
    while (d.run == 0 && d.error == GDWS_OK) {
        (void)gdws_loop_wait(loop, 6 * (int)WORLD_LIMIT_MS);
    }
    ck_assert_int_eq(d.error, GDWS_OK);
    ck_assert_int_eq(d.run, 1);
    ck_assert_uint_eq(gdwsi_mem_live(), 0);
}
END_TEST

/* The loop is its client's when the program has given its own share back. */
START_TEST(posts_run_while_an_object_keeps_the_loop)
{
    deed d = {.client = gdws_client_new(NULL)};
    d.loop = gdws_client_get_loop(d.client);
    ck_assert_int_eq(gdws_loop_post(d.loop, count_run, &d), GDWS_OK);
    WAIT_FOR_ON(d.loop, d.run == 1);
    ck_assert_int_eq(d.run_without_loop, 0);
    ck_assert_int_eq(gdws_loop_post(d.loop, count_run, &d), GDWS_OK);
    gdws_client_free(d.client);
    ck_assert_int_eq(d.run, 2);
    ck_assert_int_eq(d.run_without_loop, 1);
    ck_assert_uint_eq(gdwsi_mem_live(), 0);
}
END_TEST

START_TEST(a_post_without_memory_has_posted_nothing)
{
    enum { COUNT = 1000 };
    deed d = {.loop = gdws_loop_new()};
    int posted = 0;
    int refused = 0;
    for (int i = 0; i < COUNT; i++) {
        gdwsi_mem_fail_at(i % 3 == 0 ? 1 : 0);
        gdws_error error = gdws_loop_post(d.loop, count_run, &d);
        ck_assert(error == GDWS_OK || (error == GDWS_OUT_OF_MEMORY && gdwsi_mem_has_failed()));
        posted += error == GDWS_OK ? 1 : 0;
        refused += error == GDWS_OK ? 0 : 1;
    }
    gdwsi_mem_fail_at(0);
    ck_assert_int_gt(refused, 0);
    WAIT_FOR_ON(d.loop, d.run == posted);
    gdws_loop_free(d.loop);
    ck_assert_int_eq(d.run, posted);
    ck_assert_uint_eq(gdwsi_mem_live(), 0);
}
END_TEST

START_TEST(a_flood_of_posts_leaves_no_memory_behind)
{
    deed d = {.loop = gdws_loop_new()};
    size_t live = gdwsi_mem_live();
    for (int i = 0; i < 100000; i++) {
        ck_assert_int_eq(gdws_loop_post(d.loop, count_run, &d), GDWS_OK);
    }
    WAIT_FOR_ON(d.loop, d.run == 100000);
    ck_assert_uint_eq(gdwsi_mem_live(), live);
    gdws_loop_free(d.loop);
    ck_assert_uint_eq(gdwsi_mem_live(), 0);
}
END_TEST

/* A loop for each thread */

typedef struct worker {
    pthread_t thread;
    gdws_loop *loop;
    gdws_server *server;
    struct worker *other;
    atomic_int peers; /* that this one has */
    bool is_stopped;
    gdws_error error;
} worker;

typedef struct rumour {
    worker *to;
    char text[16];
} rumour;

static void spread(gdws_loop *loop, void *user)
{
    rumour *one = user;
    if (loop != NULL) {
        (void)gdws_server_broadcast(one->to->server, one->text, strlen(one->text),
                                    GDWS_WRITE_MODE_TEXT, 0, NULL);
    }
    free(one);
}

static void note_peer(gdws_server *server, int32_t id, const char *protocol, void *user)
{
    worker *self = user;
    (void)server;
    (void)id;
    (void)protocol;
    (void)atomic_fetch_add(&self->peers, 1);
}

/* Tell everybody here, and everybody there by a post. */
static void tell_all(gdws_server *server, int32_t id, void *user)
{
    worker *self = user;
    const uint8_t *packet;
    size_t length;
    if (gdws_server_get_peer_packet(server, id, &packet, &length) != GDWS_OK) {
        return;
    }
    (void)gdws_server_broadcast(server, packet, length, GDWS_WRITE_MODE_TEXT, 0, NULL);
    rumour *one = calloc(1, sizeof(*one));
    one->to = self->other;
    memcpy(one->text, packet, length < sizeof(one->text) ? length : sizeof(one->text) - 1);
    if (gdws_loop_post(self->other->loop, spread, one) != GDWS_OK) {
        free(one);
    }
}

static void note_stop(gdws_loop *loop, void *user)
{
    worker *self = user;
    (void)loop;
    self->is_stopped = true;
}

static void *work(void *user)
{
    worker *self = user;
    while (!self->is_stopped) {
        (void)gdws_loop_wait(self->loop, -1);
    }
    gdws_server_free(self->server);
    return NULL;
}

static void make_worker(worker *self, worker *other, uint16_t port)
{
    const gdws_server_signals signals = {.size = sizeof(signals),
                                         .user = self,
                                         .client_connected = note_peer,
                                         .data_received = tell_all};
    self->loop = gdws_loop_new();
    self->server = gdws_server_new(self->loop);
    self->other = other;
    world_prepare_server(self->server);
    self->server->config.writes_frames_singly = world_is_fallback();
    ck_assert_int_eq(gdws_server_set_signals(self->server, &signals), GDWS_OK);
    ck_assert_int_eq(gdws_server_set_bind_ip(self->server, "127.0.0.1"), GDWS_OK);
    ck_assert_int_eq(gdws_server_set_shares_port(self->server, true), GDWS_OK);
    ck_assert_int_eq(gdws_server_listen(self->server, port), GDWS_OK);
}

static void count_packets(gdws_client *client, void *user)
{
    int *heard = user;
    const uint8_t *packet;
    size_t length;
    if (gdws_client_get_peer_packet(client, 1, &packet, &length) == GDWS_OK && length == 5 &&
        memcmp(packet, "hello", 5) == 0) {
        (*heard)++;
    }
}

START_TEST(two_loops_on_two_threads_share_a_port_and_both_get_peers)
{
    enum { CLIENTS = 64, TALKERS = 8 };
    worker workers[2] = {0};
    gdws_client *clients[CLIENTS];
    char url[64];
    int heard = 0;
    const gdws_client_signals signals = {
        .size = sizeof(signals), .user = &heard, .data_received = count_packets};
    make_worker(&workers[0], &workers[1], 0);
    uint16_t port = gdws_server_get_port(workers[0].server);
    make_worker(&workers[1], &workers[0], port);
    for (int i = 0; i < 2; i++) {
        ck_assert_int_eq(pthread_create(&workers[i].thread, NULL, work, &workers[i]), 0);
    }
    gdws_loop *loop = gdws_loop_new();
    (void)snprintf(url, sizeof(url), "%s://127.0.0.1:%u", world_scheme(), port);
    for (int i = 0; i < CLIENTS; i++) {
        clients[i] = gdws_client_new(loop);
        world_prepare_client(clients[i]);
        ck_assert_int_eq(gdws_client_set_signals(clients[i], &signals), GDWS_OK);
        ck_assert_int_eq(gdws_client_connect_to_url(clients[i], url), GDWS_OK);
    }
    WAIT_FOR_ON(loop, atomic_load(&workers[0].peers) + atomic_load(&workers[1].peers) == CLIENTS);
    ck_assert_int_gt(atomic_load(&workers[0].peers), 0);
    ck_assert_int_gt(atomic_load(&workers[1].peers), 0);
    for (int i = 0; i < CLIENTS; i++) {
        WAIT_FOR_ON(loop,
                    gdws_client_get_connection_status(clients[i]) == GDWS_CONNECTION_CONNECTED);
    }
    for (int i = 0; i < TALKERS; i++) {
        ck_assert_int_eq(gdws_peer_send_text(gdws_client_get_peer(clients[i], 1), "hello"),
                         GDWS_OK);
    }
    WAIT_FOR_ON(loop, heard == TALKERS * CLIENTS);
    for (int i = 0; i < 2; i++) {
        ck_assert_int_eq(gdws_loop_post(workers[i].loop, note_stop, &workers[i]), GDWS_OK);
    }
    for (int i = 0; i < 2; i++) {
        (void)pthread_join(workers[i].thread, NULL);
    }
    for (int i = 0; i < CLIENTS; i++) {
        gdws_client_free(clients[i]);
    }
    gdws_loop_free(loop);
    gdws_loop_free(workers[0].loop);
    gdws_loop_free(workers[1].loop);
    ck_assert_uint_eq(gdwsi_mem_live(), 0);
}
END_TEST

static void *make_loops(void *user)
{
    int *missing = user;
    for (int i = 0; i < 20; i++) {
        gdws_loop *loop = gdws_loop_new();
        *missing += loop == NULL || gdws_loop_poll(loop) != GDWS_OK ? 1 : 0;
        gdws_loop_free(loop);
    }
    return NULL;
}

/* libwebsockets sets SIGPIPE to ignored for a moment; two loops that are made at once must not take
 * that for what the program has set. */
START_TEST(loops_made_on_several_threads_leave_sigpipe_alone)
{
    pthread_t threads[POSTERS];
    int missing[POSTERS] = {0};
    struct sigaction before;
    struct sigaction after;
    ck_assert_int_eq(sigaction(SIGPIPE, NULL, &before), 0);
    for (int i = 0; i < POSTERS; i++) {
        ck_assert_int_eq(pthread_create(&threads[i], NULL, make_loops, &missing[i]), 0);
    }
    for (int i = 0; i < POSTERS; i++) {
        (void)pthread_join(threads[i], NULL);
        ck_assert_int_eq(missing[i], 0);
    }
    ck_assert_int_eq(sigaction(SIGPIPE, NULL, &after), 0);
    ck_assert(before.sa_handler == after.sa_handler);
    ck_assert_uint_eq(gdwsi_mem_live(), 0);
}
END_TEST

/* With one thread that would do no harm; with several it closes what another has opened. */
START_TEST(a_loop_closes_nothing_twice)
{
    int before = world_vain_closes();
    ck_assert_int_eq(close(-1), -1);
    ck_assert_int_eq(world_vain_closes(), before + 1);
    world w;
    world_init(&w);
    world_connect(&w);
    world_free(&w);
    ck_assert_int_eq(world_vain_closes(), before + 1);
}
END_TEST

Suite *threads_suite(void)
{
    Suite *suite = suite_create("threads");
    TCase *tests = tcase_create("threads");
    tcase_set_timeout(tests, 120);
    tcase_add_test(tests, a_million_posts_from_four_threads_all_run_in_order);
    tcase_add_test(tests, posts_run_between_the_packets_of_a_busy_server);
    tcase_add_test(tests, a_post_wakes_a_sleeper);
    tcase_add_test(tests, a_poster_may_be_cancelled);
    tcase_add_test(tests, posts_run_inside_of_a_poll_only);
    tcase_add_test(tests, poll_in_a_posted_function_is_busy);
    tcase_add_test(tests, a_function_that_posts_itself_leaves_room_for_others);
    tcase_add_test(tests, everything_may_be_freed_in_a_posted_function);
    tcase_add_test(tests, what_has_not_run_when_the_loop_goes_is_called_without_it);
    tcase_add_test(tests, what_is_posted_to_a_loop_that_goes_with_its_poll_is_called_too);
    tcase_add_test(tests, posts_run_while_an_object_keeps_the_loop);
    tcase_add_test(tests, a_post_without_memory_has_posted_nothing);
    tcase_add_test(tests, a_flood_of_posts_leaves_no_memory_behind);
    tcase_add_test(tests, two_loops_on_two_threads_share_a_port_and_both_get_peers);
    tcase_add_test(tests, a_loop_closes_nothing_twice);
    tcase_add_test(tests, loops_made_on_several_threads_leave_sigpipe_alone);
    suite_add_tcase(suite, tests);
    return suite;
}
