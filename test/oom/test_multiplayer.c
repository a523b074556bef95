/* SPDX-License-Identifier: MIT */
/* Each allocation fails in turn while a multiplayer server and two clients are made, talk and go.
 * What must hold each time: either all packets come, or somebody is told of an error; each signal
 * has its counterpart; no crash, no leak. */
#include <stdio.h>
#include <string.h>

#include "mem.h"
#include "rawsock.h"
#include "runtests.h"
#include "world.h"

#define ALLOCATIONS_MAX 600
#define PLAYERS 2

typedef struct player {
    gdws_multiplayer *mp;
    int connected;
    int disconnected;
    int succeeded;
    int failed;
    int over;
    int heard;
    int refused;
    int drained;
    bool has_spoken;
} player;

typedef struct scene {
    gdws_loop *loop;
    player host;
    player players[PLAYERS];
} scene;

static void count(player *one, gdws_error error)
{
    one->refused += error != GDWS_OK ? 1 : 0;
}

static void on_peer_connected(gdws_multiplayer *mp, int32_t id, void *user)
{
    player *one = user;
    (void)mp;
    (void)id;
    one->connected++;
}

static void on_peer_disconnected(gdws_multiplayer *mp, int32_t id, void *user)
{
    player *one = user;
    (void)mp;
    (void)id;
    one->disconnected++;
}

static void on_succeeded(gdws_multiplayer *mp, void *user)
{
    player *one = user;
    (void)mp;
    one->succeeded++;
}

static void on_failed(gdws_multiplayer *mp, void *user)
{
    player *one = user;
    ck_assert_str_ne(gdws_multiplayer_get_error_message(mp), "");
    one->failed++;
}

static void on_over(gdws_multiplayer *mp, void *user)
{
    player *one = user;
    (void)mp;
    one->over++;
}

static void on_packet(gdws_multiplayer *mp, int32_t id, void *user)
{
    player *one = user;
    const uint8_t *packet;
    size_t length;
    (void)id;
    ck_assert_int_eq(gdws_multiplayer_get_packet(mp, &packet, &length), GDWS_OK);
    one->heard++;
}

static void on_drained(gdws_multiplayer *mp, int32_t id, void *user)
{
    player *one = user;
    (void)mp;
    (void)id;
    one->drained++;
}

static void make(scene *s, player *one)
{
    const gdws_multiplayer_signals signals = {.size = sizeof(signals),
                                              .user = one,
                                              .peer_connected = on_peer_connected,
                                              .peer_disconnected = on_peer_disconnected,
                                              .connection_succeeded = on_succeeded,
                                              .connection_failed = on_failed,
                                              .server_disconnected = on_over,
                                              .peer_packet = on_packet,
                                              .drained = on_drained};
    one->mp = gdws_multiplayer_new(s->loop);
    if (one->mp != NULL) {
        (void)gdws_multiplayer_set_signals(one->mp, &signals);
    }
}

/* Say something to all, once everybody is there: the other one and the server are to hear it. */
static void speak(player *one)
{
    static const char message[2000] = "hello";
    if (one->connected == PLAYERS && !one->has_spoken) {
        one->has_spoken = true;
        count(one, gdws_multiplayer_put_packet(one->mp, message, sizeof(message)));
        gdws_multiplayer_set_target_peer(one->mp, GDWS_TARGET_PEER_SERVER);
        count(one, gdws_multiplayer_put_packet(one->mp, NULL, 0));
    }
}

static bool is_all_heard(const scene *s)
{
    return s->host.heard == 2 * PLAYERS && s->players[0].heard == 2 && s->players[1].heard == 2;
}

static bool is_noticed(const scene *s)
{
    int errors = s->host.refused + s->host.disconnected;
    for (int i = 0; i < PLAYERS; i++) {
        const player *one = &s->players[i];
        errors += one->refused + one->failed + one->over;
    }
    return errors > 0;
}

static void talk(scene *s)
{
    char url[64];
    player *host = &s->host;
    (void)gdws_server_set_bind_ip(gdws_multiplayer_get_server(host->mp), "127.0.0.1");
    count(host, gdws_multiplayer_create_server(host->mp, 0));
    (void)snprintf(url, sizeof(url), "ws://127.0.0.1:%u",
                   gdws_server_get_port(gdws_multiplayer_get_server(host->mp)));
    for (int i = 0; i < PLAYERS && !is_noticed(s); i++) {
        count(&s->players[i], gdws_multiplayer_create_client(s->players[i].mp, url));
    }
    bool has_answered = false;
    uint64_t limit = world_now_ms() + WORLD_LIMIT_MS;
    while (!is_all_heard(s) && !is_noticed(s)) {
        (void)gdws_loop_wait(s->loop, 20);
        for (int i = 0; i < PLAYERS; i++) {
            speak(&s->players[i]);
        }
        if (host->connected == PLAYERS && !has_answered) {
            has_answered = true;
            count(host, gdws_multiplayer_put_packet(host->mp, "all", 3));
        }
        ck_assert_msg(world_now_ms() < limit, "heard %d, %d and %d", host->heard,
                      s->players[0].heard, s->players[1].heard);
    }
    gdws_multiplayer_close(s->players[0].mp);
    (void)gdws_loop_poll(s->loop);
}

static void end(player *one)
{
    gdws_multiplayer_free(one->mp);
    ck_assert_int_eq(one->connected, one->disconnected);
    ck_assert_int_eq(one->succeeded, one->over);
}

static bool play(size_t nth)
{
    scene s;
    memset(&s, 0, sizeof(s));
    gdwsi_mem_fail_at(nth);
    s.loop = gdws_loop_new();
    if (s.loop != NULL) {
        make(&s, &s.host);
        make(&s, &s.players[0]);
        make(&s, &s.players[1]);
    }
    if (s.host.mp != NULL && s.players[0].mp != NULL && s.players[1].mp != NULL) {
        talk(&s);
        ck_assert(is_all_heard(&s) || gdwsi_mem_has_failed());
    }
    end(&s.players[0]);
    end(&s.host);
    end(&s.players[1]);
    gdws_loop_free(s.loop);
    bool has_failed = gdwsi_mem_has_failed();
    gdwsi_mem_fail_at(0);
    ck_assert_msg(gdwsi_mem_live() == 0, "allocation %zu: %zu left", nth, gdwsi_mem_live());
    return has_failed;
}

START_TEST(every_allocation_of_a_session_may_fail)
{
    size_t nth = 1;
    gdws_set_log_level(GDWS_LOG_NONE);
    while (play(nth)) {
        nth++;
        ck_assert_uint_lt(nth, ALLOCATIONS_MAX);
    }
    ck_assert_uint_gt(nth, 40);
}
END_TEST

/* Connect a client on Godot 4's wire to a raw server, which has not greeted it yet. */
static void connect_to_raw(gdws_multiplayer *mp, rawsock *raw)
{
    char url[64];
    uint16_t port;
    int listener = rawsock_listen(&port);
    ck_assert_int_eq(gdws_multiplayer_set_wire(mp, GDWS_MULTIPLAYER_GODOT_4), GDWS_OK);
    (void)snprintf(url, sizeof(url), "ws://127.0.0.1:%u/", port);
    ck_assert_int_eq(gdws_multiplayer_create_client(mp, url), GDWS_OK);
    rawsock_accept_plain(raw, gdws_multiplayer_get_loop(mp), listener);
    rawsock_stop_listening(listener);
    rawsock_answer_upgrade(raw, "");
}

/* The nth allocation fails while a client reads a greeting that is none. */
static void greet_wrongly(size_t nth)
{
    uint8_t frame[16];
    rawsock raw;
    player one = {.mp = gdws_multiplayer_new(NULL)};
    const gdws_multiplayer_signals signals = {
        .size = sizeof(signals), .user = &one, .connection_failed = on_failed};
    gdws_loop *loop = gdws_multiplayer_get_loop(one.mp);
    gdws_client *client = gdws_multiplayer_get_client(one.mp);
    ck_assert_int_eq(gdws_multiplayer_set_signals(one.mp, &signals), GDWS_OK);
    connect_to_raw(one.mp, &raw);
    WAIT_FOR_ON(loop, gdws_client_get_connection_status(client) == GDWS_CONNECTION_CONNECTED);
    size_t size = rawsock_frame(frame, 0x82, "no", 2, false);
    ck_assert_int_gt(rawsock_try_send(&raw, frame, size), 0);
    gdwsi_mem_fail_at(nth);
    for (int i = 0; i < 5; i++) {
        (void)gdws_loop_wait(loop, 10);
    }
    gdwsi_mem_fail_at(0);
    /* The server says no more, and neither reads nor leaves. */
    WAIT_FOR_ON(loop,
                gdws_peer_get_ready_state(gdws_client_get_peer(client, 1)) != GDWS_STATE_OPEN);
    rawsock_close(&raw);
    WAIT_FOR_ON(loop, one.failed == 1);
    gdws_multiplayer_free(one.mp);
    ck_assert_uint_eq(gdwsi_mem_live(), 0);
}

START_TEST(a_wrong_greeting_ends_the_session_without_memory_for_a_close_frame_too)
{
    gdws_set_log_level(GDWS_LOG_NONE);
    for (size_t nth = 1; nth <= 6; nth++) {
        greet_wrongly(nth);
    }
}
END_TEST

static int warnings;

static void count_warning(gdws_log_level level, const char *line, void *user)
{
    (void)line;
    (void)user;
    warnings += level <= GDWS_LOG_WARNING ? 1 : 0;
}

/* The nth allocation fails while a client reads a packet and the end behind it. Returns whether the
 * packet waited for memory and came nevertheless. */
static bool read_last_words(size_t nth)
{
    uint8_t frames[64];
    rawsock raw;
    player one = {.mp = gdws_multiplayer_new(NULL)};
    const gdws_multiplayer_signals signals = {.size = sizeof(signals),
                                              .user = &one,
                                              .connection_succeeded = on_succeeded,
                                              .server_disconnected = on_over,
                                              .peer_packet = on_packet};
    gdws_loop *loop = gdws_multiplayer_get_loop(one.mp);
    gdws_client *client = gdws_multiplayer_get_client(one.mp);
    ck_assert_int_eq(gdws_multiplayer_set_signals(one.mp, &signals), GDWS_OK);
    connect_to_raw(one.mp, &raw);
    size_t size = rawsock_frame(frames, 0x82, "\2\0\0\0", 4, false);
    ck_assert_int_gt(rawsock_try_send(&raw, frames, size), 0);
    WAIT_FOR_ON(loop, one.succeeded == 1);
    size = rawsock_frame(frames, 0x82, "last", 4, false);
    size += rawsock_frame(frames + size, 0x88, "\3\xe8", 2, false);
    ck_assert_int_gt(rawsock_try_send(&raw, frames, size), 0);
    warnings = 0;
    gdwsi_mem_fail_at(nth);
    for (int i = 0; i < 3; i++) {
        (void)gdws_loop_poll(loop);
    }
    bool has_failed = gdwsi_mem_has_failed();
    gdwsi_mem_fail_at(0);
    rawsock_end(&raw);
    WAIT_FOR_ON(loop, one.over == 1);
    int code = gdws_peer_get_close_code(gdws_client_get_peer(client, 1));
    ck_assert_msg(one.heard == 1 || warnings > 0 || code != 1000,
                  "allocation %zu: the packet is lost and nobody is told", nth);
    rawsock_close(&raw);
    gdws_multiplayer_free(one.mp);
    ck_assert_uint_eq(gdwsi_mem_live(), 0);
    return has_failed && one.heard == 1;
}

START_TEST(last_words_for_which_there_was_no_memory_come_all_the_same)
{
    int saved = 0;
    gdws_set_log_callback(count_warning, NULL);
    for (size_t nth = 1; nth <= 8; nth++) {
        saved += read_last_words(nth) ? 1 : 0;
    }
    gdws_set_log_callback(NULL, NULL);
    ck_assert_int_gt(saved, 0);
}
END_TEST

static int refusals;

/* The Close frame with which it is turned away finds no memory either. */
static void fail_again(gdws_log_level level, const char *line, void *user)
{
    (void)level;
    (void)user;
    if (strstr(line, "no memory for a multiplayer peer") != NULL) {
        refusals++;
        gdwsi_mem_fail_at(1);
    }
}

static void begin(scene *s)
{
    char url[64];
    s->loop = gdws_loop_new();
    make(s, &s->host);
    make(s, &s->players[0]);
    gdws_server *server = gdws_multiplayer_get_server(s->host.mp);
    player *one = &s->players[0];
    ck_assert_int_eq(gdws_server_set_bind_ip(server, "127.0.0.1"), GDWS_OK);
    ck_assert_int_eq(gdws_multiplayer_create_server(s->host.mp, 0), GDWS_OK);
    ck_assert_int_eq(gdws_multiplayer_set_greeting_timeout_ms(one->mp, 60000), GDWS_OK);
    (void)snprintf(url, sizeof(url), "ws://127.0.0.1:%u", gdws_server_get_port(server));
    ck_assert_int_eq(gdws_multiplayer_create_client(one->mp, url), GDWS_OK);
}

static void finish(scene *s)
{
    end(&s->players[0]);
    end(&s->host);
    gdws_loop_free(s->loop);
    ck_assert_uint_eq(gdwsi_mem_live(), 0);
}

/* The nth allocation fails while somebody joins, and the one for the Close frame. */
static void join_without_memory(size_t nth)
{
    scene s = {0};
    player *one = &s.players[0];
    begin(&s);
    gdwsi_mem_fail_at(nth);
    WAIT_FOR_ON(s.loop, one->succeeded == 1 || one->failed == 1);
    gdwsi_mem_fail_at(0);
    finish(&s);
}

START_TEST(who_is_turned_away_for_want_of_memory_does_not_stay_connected)
{
    refusals = 0;
    gdws_set_log_level(GDWS_LOG_ERROR);
    gdws_set_log_callback(fail_again, NULL);
    for (size_t nth = 1; nth <= 60 && refusals < 2; nth++) {
        join_without_memory(nth);
    }
    gdws_set_log_callback(NULL, NULL);
    ck_assert_int_eq(refusals, 2);
}
END_TEST

/* The nth allocation fails while something is put. Returns whether a put was refused. */
static bool put_without_memory(size_t nth, bool is_host)
{
    scene s = {0};
    player *one = is_host ? &s.host : &s.players[0];
    begin(&s);
    WAIT_FOR_ON(s.loop, s.players[0].succeeded == 1 && s.host.connected == 1);
    one->drained = 0;
    gdwsi_mem_fail_at(nth);
    count(one, gdws_multiplayer_put_packet(one->mp, "1", 1));
    gdwsi_mem_fail_at(0);
    count(one, gdws_multiplayer_put_packet(one->mp, "2", 1));
    bool is_refused = one->refused > 0;
    if (is_refused) {
        WAIT_FOR_ON(s.loop, one->drained >= 1);
        ck_assert_int_eq(gdws_multiplayer_put_packet(one->mp, "2", 1), GDWS_OK);
    }
    finish(&s);
    return is_refused;
}

START_TEST(drained_comes_for_a_put_that_found_no_memory)
{
    gdws_set_log_level(GDWS_LOG_NONE);
    for (int is_host = 0; is_host < 2; is_host++) {
        int refused = 0;
        for (size_t nth = 1; nth <= 4; nth++) {
            refused += put_without_memory(nth, is_host == 1) ? 1 : 0;
        }
        ck_assert_int_gt(refused, 0);
    }
}
END_TEST

START_TEST(a_client_that_closes_without_memory_closes_all_the_same)
{
    gdws_set_log_level(GDWS_LOG_NONE);
    for (size_t nth = 1; nth <= 3; nth++) {
        scene s = {0};
        player *one = &s.players[0];
        begin(&s);
        WAIT_FOR_ON(s.loop, one->succeeded == 1 && s.host.connected == 1);
        gdwsi_mem_fail_at(nth);
        gdws_multiplayer_close(one->mp);
        gdwsi_mem_fail_at(0);
        WAIT_FOR_ON(s.loop, one->over == 1 && s.host.disconnected == 1);
        finish(&s);
    }
}
END_TEST

Suite *multiplayer_oom_suite(void)
{
    Suite *suite = suite_create("multiplayer oom");
    TCase *tests = tcase_create("oom");
    tcase_set_timeout(tests, 300);
    tcase_add_test(tests, every_allocation_of_a_session_may_fail);
    tcase_add_test(tests, last_words_for_which_there_was_no_memory_come_all_the_same);
    tcase_add_test(tests, a_wrong_greeting_ends_the_session_without_memory_for_a_close_frame_too);
    tcase_add_test(tests, who_is_turned_away_for_want_of_memory_does_not_stay_connected);
    tcase_add_test(tests, drained_comes_for_a_put_that_found_no_memory);
    tcase_add_test(tests, a_client_that_closes_without_memory_closes_all_the_same);
    suite_add_tcase(suite, tests);
    return suite;
}
