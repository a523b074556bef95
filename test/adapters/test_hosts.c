/* SPDX-License-Identifier: MIT */
/* What each adapter owes its host: things put by the host's own timers happen without another
 * event, detaching leaves the host as it was, and signals may detach and free. Each test is run for
 * each kind of host. What must happen by itself is seen by a thread at the other end of a plain
 * connection; it wakes the loop when it has seen enough, so that the host's turn ends. */
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <arpa/inet.h>
#include <netinet/in.h>

#include <uv.h>

#include "gdws/adapters/epoll.h"
#include "gdws/adapters/libuv.h"
#include "gdws/adapters/poll.h"
#include "host.h"
#include "loop.h"
#include "mem.h"
#include "rawsock.h"
#include "runtests.h"
#include "world.h"

enum { DELAY_MS = 20, PATIENCE_S = 5 };

/* A host with a server on it, a raw peer that has shaken hands, and a thread that listens to it. */
typedef struct stage {
    host *h;
    gdws_server *server;
    gdws_client *client;
    rawsock raw;
    int32_t id;
    int disconnected;
    bool is_freed; /* by the test, in a signal */
    /* The thread's. */
    pthread_t thread;
    int descriptor;
    const char *expected; /* bytes; NULL: the end of the connection */
    bool has_seen;
    atomic_bool is_done;
} stage;

static void on_connected(gdws_server *server, int32_t id, const char *protocol, void *user)
{
    stage *s = user;
    (void)server;
    (void)protocol;
    s->id = id;
}

static void on_disconnected(gdws_server *server, int32_t id, bool was_clean, void *user)
{
    stage *s = user;
    (void)server;
    (void)id;
    (void)was_clean;
    s->disconnected++;
}

static void free_all(stage *s)
{
    host_detach(s->h);
    gdws_loop *loop = gdws_server_get_loop(s->server);
    gdws_client_free(s->client);
    gdws_server_free(s->server);
    gdws_loop_free(loop);
    s->is_freed = true;
}

static void on_data(gdws_server *server, int32_t id, void *user)
{
    stage *s = user;
    const uint8_t *packet;
    size_t length;
    ck_assert_int_eq(gdws_server_get_peer_packet(server, id, &packet, &length), GDWS_OK);
    if (length == 4 && memcmp(packet, "free", 4) == 0) {
        free_all(s);
    } else if (length == 6 && memcmp(packet, "detach", 6) == 0) {
        host_detach(s->h);
    }
}

static void begin(stage *s, int kind)
{
    const gdws_server_signals signals = {.size = sizeof(signals),
                                         .user = s,
                                         .client_connected = on_connected,
                                         .client_disconnected = on_disconnected,
                                         .data_received = on_data};
    memset(s, 0, sizeof(*s));
    s->h = host_new(host_kinds[kind]);
    s->server = gdws_server_new(s->h->loop);
    s->client = gdws_client_new(s->h->loop);
    ck_assert_int_eq(gdws_server_set_signals(s->server, &signals), GDWS_OK);
    ck_assert_int_eq(gdws_server_set_bind_ip(s->server, "127.0.0.1"), GDWS_OK);
    ck_assert_int_eq(gdws_server_set_close_timeout_ms(s->server, 100), GDWS_OK);
    ck_assert_int_eq(gdws_server_listen(s->server, 0), GDWS_OK);
    rawsock_connect_plain(&s->raw, s->h->loop, gdws_server_get_port(s->server));
    rawsock_upgrade(&s->raw);
    WAIT_FOR_ON(s->h->loop, s->id != 0);
    host_settle(s->h);
}

static void end(stage *s)
{
    rawsock_close(&s->raw);
    if (!s->is_freed) {
        free_all(s);
    }
    host_free(s->h);
    ck_assert_uint_eq(gdwsi_mem_live(), 0);
}

/* The thread */

static bool see(stage *s)
{
    const struct timeval patience = {.tv_sec = PATIENCE_S};
    char bytes[256];
    (void)setsockopt(s->descriptor, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
    if (s->expected == NULL) {
        ssize_t length = 1;
        while (length > 0) {
            length = recv(s->descriptor, bytes, sizeof(bytes), 0);
        }
        return length == 0;
    }
    size_t length = strlen(s->expected);
    return recv(s->descriptor, bytes, length, MSG_WAITALL) == (ssize_t)length &&
           memcmp(bytes, s->expected, length) == 0;
}

static void *watch(void *user)
{
    stage *s = user;
    s->has_seen = see(s);
    atomic_store(&s->is_done, true);
    gdws_loop_wakeup(s->h->loop);
    return NULL;
}

/* Let the host's timer do something, and nothing else happen until the thread has seen what is
 * expected. */
static void do_in_timer(stage *s, int descriptor, const char *expected, void (*act)(void *user))
{
    s->descriptor = descriptor;
    s->expected = expected;
    int flags = fcntl(descriptor, F_GETFL);
    ck_assert_int_eq(fcntl(descriptor, F_SETFL, flags & ~O_NONBLOCK), 0);
    ck_assert_int_eq(pthread_create(&s->thread, NULL, watch, s), 0);
    host_after(s->h, DELAY_MS, act, s);
    while (!atomic_load(&s->is_done)) {
        host_turn(s->h, 2 * PATIENCE_S * 1000);
    }
    (void)pthread_join(s->thread, NULL);
    ck_assert(s->has_seen);
}

static void put_packet(void *user)
{
    stage *s = user;
    gdws_peer *peer = gdws_server_get_peer(s->server, s->id);
    ck_assert_int_eq(gdws_peer_put_packet(peer, "ding", 4), GDWS_OK);
}

START_TEST(a_packet_put_by_a_foreign_timer_leaves_without_another_event)
{
    stage s;
    begin(&s, _i);
    do_in_timer(&s, s.raw.descriptor,
                "\x82\x04"
                "ding",
                put_packet);
    end(&s);
}
END_TEST

static void disconnect(void *user)
{
    stage *s = user;
    ck_assert_int_eq(gdws_server_disconnect_peer(s->server, s->id, 1000, ""), GDWS_OK);
}

/* The Close leaves, is not answered, and when the close timeout has passed, the connection ends. */
START_TEST(a_timer_set_by_a_foreign_timer_is_kept)
{
    stage s;
    begin(&s, _i);
    do_in_timer(&s, s.raw.descriptor, NULL, disconnect);
    WAIT_FOR_ON(s.h->loop, s.disconnected == 1);
    end(&s);
}
END_TEST

static int listener;

static void connect_out(void *user)
{
    stage *s = user;
    struct sockaddr_in address;
    socklen_t length = sizeof(address);
    char url[64];
    ck_assert_int_eq(getsockname(listener, (struct sockaddr *)&address, &length), 0);
    (void)snprintf(url, sizeof(url), "ws://127.0.0.1:%u/", ntohs(address.sin_port));
    ck_assert_int_eq(gdws_client_connect_to_url(s->client, url), GDWS_OK);
}

static bool accept_request(stage *s)
{
    const struct timeval patience = {.tv_sec = PATIENCE_S};
    (void)setsockopt(listener, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
    s->descriptor = accept(listener, NULL, NULL);
    bool is_seen = s->descriptor >= 0 && see(s);
    (void)close(s->descriptor);
    return is_seen;
}

static void *watch_listener(void *user)
{
    stage *s = user;
    s->has_seen = accept_request(s);
    atomic_store(&s->is_done, true);
    gdws_loop_wakeup(s->h->loop);
    return NULL;
}

START_TEST(a_connection_begun_by_a_foreign_timer_is_made)
{
    stage s;
    uint16_t port;
    begin(&s, _i);
    listener = rawsock_listen(&port);
    int flags = fcntl(listener, F_GETFL);
    ck_assert_int_eq(fcntl(listener, F_SETFL, flags & ~O_NONBLOCK), 0);
    s.expected = "GET / HTTP/1.1\r\n";
    ck_assert_int_eq(pthread_create(&s.thread, NULL, watch_listener, &s), 0);
    host_after(s.h, DELAY_MS, connect_out, &s);
    while (!atomic_load(&s.is_done)) {
        host_turn(s.h, 2 * PATIENCE_S * 1000);
    }
    (void)pthread_join(s.thread, NULL);
    rawsock_stop_listening(listener);
    ck_assert(s.has_seen);
    end(&s);
}
END_TEST

/* The program polls by itself, and what its polls have begun ends when time alone has passed. */
static void connect_and_poll(void *user)
{
    stage *s = user;
    connect_out(s);
    uint64_t limit = world_now_ms() + WORLD_LIMIT_MS;
    do {
        (void)gdws_loop_wait(s->h->loop, 0);
        ck_assert(world_now_ms() < limit);
    } while (gdws_loop_get_timeout_ms(s->h->loop) == 0);
    if (strcmp(s->h->kind->name, "libevent") == 0) {
        gdws_loop_wakeup(s->h->loop);
    }
}

static void on_failed(gdws_client *client, void *user)
{
    stage *s = user;
    ck_assert_int_eq(gdws_client_get_error(client), GDWS_TIMEOUT);
    s->has_seen = true;
}

START_TEST(a_timer_set_by_a_poll_of_the_programs_is_kept)
{
    stage s;
    uint16_t port;
    begin(&s, _i);
    const gdws_client_signals signals = {
        .size = sizeof(signals), .user = &s, .connection_error = on_failed};
    ck_assert_int_eq(gdws_client_set_signals(s.client, &signals), GDWS_OK);
    ck_assert_int_eq(gdws_client_set_handshake_timeout_ms(s.client, 300), GDWS_OK);
    listener = rawsock_listen(&port);
    uint64_t start = world_now_ms();
    host_after(s.h, DELAY_MS, connect_and_poll, &s);
    while (!s.has_seen) {
        host_turn(s.h, PATIENCE_S * 1000);
        ck_assert_uint_lt(world_now_ms() - start, PATIENCE_S * 1000);
    }
    rawsock_stop_listening(listener);
    end(&s);
}
END_TEST

/* Send a packet and turn the host until a flag is set. */
static void tell(stage *s, const char *text, const bool *flag)
{
    uint8_t frame[64];
    size_t length = rawsock_frame(frame, 0x82, text, strlen(text), true);
    uint64_t limit = world_now_ms() + WORLD_LIMIT_MS;
    ck_assert_int_eq(send(s->raw.descriptor, frame, length, MSG_NOSIGNAL), (ssize_t)length);
    while (!*flag) {
        host_turn(s->h, 1000);
        ck_assert(world_now_ms() < limit);
    }
}

START_TEST(everything_may_be_freed_in_a_signal)
{
    stage s;
    begin(&s, _i);
    tell(&s, "free", &s.is_freed);
    end(&s);
}
END_TEST

static void set_flag(void *user)
{
    bool *flag = user;
    *flag = true;
}

/* Turn the host until its own timer has come; it does so, too, when there is nothing else to do. */
static void expect_host_timer(host *h)
{
    bool has_come = false;
    uint64_t start = world_now_ms();
    host_after(h, DELAY_MS, set_flag, &has_come);
    while (!has_come) {
        host_turn(h, 1000);
        ck_assert_uint_lt(world_now_ms() - start, WORLD_LIMIT_MS);
    }
    ck_assert_uint_ge(world_now_ms() - start, DELAY_MS - 1);
}

START_TEST(the_host_goes_on_beside_and_after_a_loop)
{
    stage s;
    begin(&s, _i);
    expect_host_timer(s.h);
    end(&s);
}
END_TEST

/* For those that attach: what is detached is not polled any more, and works by itself; attached
 * again it is polled again. */
START_TEST(a_loop_can_be_detached_and_attached_again)
{
    stage s;
    begin(&s, _i);
    if (s.h->kind == &host_uvloop) {
        end(&s); /* it is attached for life */
        return;
    }
    gdws_loop *loop = s.h->loop;
    for (int i = 0; i < 3; i++) {
        uint8_t frame[64];
        size_t length = rawsock_frame(frame, 0x82, "detach", 6, true);
        ck_assert_int_eq(send(s.raw.descriptor, frame, length, MSG_NOSIGNAL), (ssize_t)length);
        uint64_t limit = world_now_ms() + WORLD_LIMIT_MS;
        while (s.h->loop != NULL) {
            host_turn(s.h, 1000);
            ck_assert(world_now_ms() < limit);
        }
        expect_host_timer(s.h);
        put_packet(&s);
        host_turn(s.h, 10);
        rawsock_receive(&s.raw);
        ck_assert_uint_eq(s.raw.length, 0);
        rawsock_wait_for(&s.raw, 6);
        rawsock_consume(&s.raw, 6);
        /* The host's end shows that nothing is left in it. */
        ck_assert(s.h->kind->end(s.h));
        s.h->kind->begin(s.h);
        s.h->loop = loop;
        s.h->kind->attach(s.h);
    }
    end(&s);
}
END_TEST

/* A program's own waiting inside of a signal, as of a dialog, that ends with detaching: what the
 * adapter is made of has gone when the signal returns. */
typedef struct dialog {
    gdws_loop *loop;
    void (*wait)(struct dialog *one);
    void (*detach)(struct dialog *one);
    union {
        gdws_poll poll;
        gdws_epoll epoll;
        uint8_t bytes[64];
    } adapter;
    bool is_over;
} dialog;

static void wait_with_poll(dialog *one)
{
    struct pollfd room[1];
    ck_assert_int_ge(gdws_poll_wait(&one->adapter.poll, room, 0, 10), 0);
}

static void wait_with_select(dialog *one)
{
    ck_assert_int_ge(gdws_poll_select(&one->adapter.poll, 0, NULL, NULL, NULL, 10), 0);
}

static void wait_with_epoll(dialog *one)
{
    struct epoll_event room[1];
    ck_assert_int_ge(gdws_epoll_wait(&one->adapter.epoll, room, 1, 10), 0);
}

static void detach_from_poll(dialog *one)
{
    gdws_poll_detach(&one->adapter.poll);
}

static void detach_from_epoll(dialog *one)
{
    gdws_epoll_detach(&one->adapter.epoll);
}

static void open_dialog(gdws_loop *loop, void *user)
{
    dialog *one = user;
    (void)loop;
    one->wait(one);
    one->detach(one);
    memset(one->adapter.bytes, 0xff, sizeof(one->adapter.bytes));
    one->is_over = true;
}

static void play_dialog(dialog *one)
{
    ck_assert_int_eq(gdws_loop_post(one->loop, open_dialog, one), GDWS_OK);
    uint64_t limit = world_now_ms() + WORLD_LIMIT_MS;
    while (!one->is_over) {
        one->wait(one);
        ck_assert(world_now_ms() < limit);
    }
    for (size_t i = 0; i < sizeof(one->adapter.bytes); i++) {
        ck_assert_uint_eq(one->adapter.bytes[i], 0xff);
    }
    gdws_loop_free(one->loop);
    ck_assert_uint_eq(gdwsi_mem_live(), 0);
}

/* libev has nested loops of its own. The host's end shows that its adapter was left alone. */
static void turn_and_detach(gdws_loop *loop, void *user)
{
    host *h = user;
    (void)loop;
    host_turn(h, 0);
    host_detach(h);
}

START_TEST(a_program_on_libev_may_wait_in_a_signal_and_detach_then)
{
    const host_kind *kind = host_find_kind("libev");
    host *h = kind != NULL ? host_new(kind) : NULL;
    if (h == NULL) {
        return;
    }
    gdws_loop *loop = h->loop;
    ck_assert_int_eq(gdws_loop_post(loop, turn_and_detach, h), GDWS_OK);
    uint64_t limit = world_now_ms() + WORLD_LIMIT_MS;
    while (h->loop != NULL) {
        host_turn(h, 1000);
        ck_assert(world_now_ms() < limit);
    }
    host_free(h);
    gdws_loop_free(loop);
    ck_assert_uint_eq(gdwsi_mem_live(), 0);
}
END_TEST

START_TEST(a_program_may_wait_in_a_signal_and_detach_then)
{
    static void (*const ways[])(dialog *) = {wait_with_poll, wait_with_select, wait_with_epoll};
    dialog one = {.loop = gdws_loop_new(), .wait = ways[_i]};
    if (ways[_i] == wait_with_epoll) {
        int set = epoll_create1(EPOLL_CLOEXEC);
        one.detach = detach_from_epoll;
        ck_assert_int_eq(gdws_epoll_attach(&one.adapter.epoll, set, one.loop), GDWS_OK);
        play_dialog(&one);
        (void)close(set);
    } else {
        one.detach = detach_from_poll;
        ck_assert_int_eq(gdws_poll_attach(&one.adapter.poll, one.loop), GDWS_OK);
        play_dialog(&one);
    }
}
END_TEST

/* gdws_loop_new_on_uv */

typedef struct inside {
    uv_timer_t timer;
    gdws_loop *loop;
    gdws_error polled;
    gdws_error waited;
} inside;

static void poll_and_wait(uv_timer_t *timer)
{
    inside *in = timer->data;
    in->polled = gdws_loop_poll(in->loop);
    while (gdws_loop_wait(in->loop, 0) == GDWS_OK) {
    }
    in->waited = gdws_loop_wait(in->loop, 10);
    uv_stop(timer->loop);
}

START_TEST(a_loop_on_uv_can_be_polled_and_waited_for_in_the_hosts_callbacks)
{
    uv_loop_t uv;
    inside in = {.polled = GDWS_BUG, .waited = GDWS_BUG};
    ck_assert_int_eq(uv_loop_init(&uv), 0);
    in.loop = gdws_loop_new_on_uv(&uv);
    ck_assert_ptr_nonnull(in.loop);
    ck_assert_int_eq(uv_timer_init(&uv, &in.timer), 0);
    in.timer.data = &in;
    ck_assert_int_eq(uv_timer_start(&in.timer, poll_and_wait, 1, 0), 0);
    ck_assert_int_ne(uv_run(&uv, UV_RUN_DEFAULT), 0);
    ck_assert_int_eq(in.polled, GDWS_OK);
    ck_assert_int_eq(in.waited, GDWS_TIMEOUT);
    uv_close((uv_handle_t *)&in.timer, NULL);
    gdws_loop_free(in.loop);
    /* As documented: the handles are closing, and uv_run closes them. */
    ck_assert_int_eq(uv_loop_close(&uv), UV_EBUSY);
    ck_assert_uint_gt(gdwsi_mem_live(), 0);
    ck_assert_int_eq(uv_run(&uv, UV_RUN_DEFAULT), 0);
    ck_assert_int_eq(uv_loop_close(&uv), 0);
    ck_assert_uint_eq(gdwsi_mem_live(), 0);
}
END_TEST

START_TEST(a_loop_on_uv_lives_as_long_as_its_last_object)
{
    uv_loop_t uv;
    ck_assert_ptr_null(gdws_loop_new_on_uv(NULL));
    ck_assert_int_eq(uv_loop_init(&uv), 0);
    gdws_loop *loop = gdws_loop_new_on_uv(&uv);
    gdws_server *server = gdws_server_new(loop);
    gdws_loop_free(loop);
    ck_assert_int_ne(uv_run(&uv, UV_RUN_NOWAIT), 0);
    ck_assert_int_eq(gdws_server_set_bind_ip(server, "127.0.0.1"), GDWS_OK);
    ck_assert_int_eq(gdws_server_listen(server, 0), GDWS_OK);
    gdws_server_free(server);
    ck_assert_int_eq(uv_run(&uv, UV_RUN_DEFAULT), 0);
    ck_assert_int_eq(uv_loop_close(&uv), 0);
    ck_assert_uint_eq(gdwsi_mem_live(), 0);
}
END_TEST

/* A program that shuts its libuv loop down by closing whatever is in it. */
typedef struct shutdown_plan {
    int closed;    /* it closes so many handles before it frees ours */
    bool has_run;  /* and runs its loop */
    bool has_gone; /* and closes it; the memory is used for something else */
} shutdown_plan;

static const shutdown_plan plans[] = {
    {.closed = 100, .has_run = true, .has_gone = true},
    {.closed = 100, .has_run = true},
    {.closed = 100},
    {.closed = 1},
    {.closed = 2},
    {.closed = 1, .has_run = true},
    {.closed = 2, .has_run = true},
};

static void close_some(uv_handle_t *handle, void *user)
{
    int *left = user;
    if (!uv_is_closing(handle) && *left > 0) {
        --*left;
        uv_close(handle, NULL);
    }
}

static void shut_down(uv_loop_t *uv, const shutdown_plan *plan)
{
    int left = plan->closed;
    uv_walk(uv, close_some, &left);
    if (plan->has_run) {
        (void)uv_run(uv, UV_RUN_NOWAIT);
    }
    if (plan->has_gone) {
        ck_assert_int_eq(uv_loop_close(uv), 0);
        memset(uv, 0xa5, sizeof(*uv));
    }
}

static void end_uv(uv_loop_t *uv, const shutdown_plan *plan)
{
    if (!plan->has_gone) {
        ck_assert_int_eq(uv_run(uv, UV_RUN_DEFAULT), 0);
        ck_assert_int_eq(uv_loop_close(uv), 0);
    }
    ck_assert_uint_eq(gdwsi_mem_live(), 0);
}

START_TEST(a_host_may_close_all_handles_before_a_loop_on_it_is_freed)
{
    uv_loop_t uv;
    ck_assert_int_eq(uv_loop_init(&uv), 0);
    gdws_loop *loop = gdws_loop_new_on_uv(&uv);
    gdws_server *server = gdws_server_new(loop);
    ck_assert_int_eq(gdws_server_set_bind_ip(server, "127.0.0.1"), GDWS_OK);
    ck_assert_int_eq(gdws_server_listen(server, 0), GDWS_OK);
    (void)uv_run(&uv, UV_RUN_NOWAIT);
    shut_down(&uv, &plans[_i]);
    gdws_server_free(server);
    gdws_loop_free(loop);
    end_uv(&uv, &plans[_i]);
}
END_TEST

static int gone_times;

static void count_gone(gdws_libuv *adapter)
{
    memset(adapter, 0xa5, sizeof(*adapter));
    gone_times++;
}

START_TEST(a_host_may_close_all_handles_before_a_loop_is_detached)
{
    uv_loop_t uv;
    gdws_libuv adapter;
    gone_times = 0;
    ck_assert_int_eq(uv_loop_init(&uv), 0);
    gdws_loop *loop = gdws_loop_new();
    ck_assert_int_eq(gdws_libuv_attach(&adapter, &uv, loop), GDWS_OK);
    (void)uv_run(&uv, UV_RUN_NOWAIT);
    shut_down(&uv, &plans[_i]);
    gdws_libuv_detach(&adapter, count_gone);
    ck_assert_int_eq(gone_times, plans[_i].has_run && plans[_i].closed > 3 ? 1 : 0);
    gdws_loop_free(loop);
    end_uv(&uv, &plans[_i]);
    ck_assert_int_eq(gone_times, 1);
}
END_TEST

START_TEST(without_memory_there_is_no_loop_on_uv_and_nothing_is_left)
{
    uv_loop_t uv;
    size_t nth = 0;
    gdws_loop *loop = NULL;
    gdws_set_log_level(GDWS_LOG_NONE);
    ck_assert_int_eq(uv_loop_init(&uv), 0);
    while (loop == NULL) {
        nth++;
        ck_assert_uint_lt(nth, 1000);
        gdwsi_mem_fail_at(nth);
        loop = gdws_loop_new_on_uv(&uv);
        bool has_failed = gdwsi_mem_has_failed();
        gdwsi_mem_fail_at(0);
        ck_assert_int_eq(has_failed, loop == NULL);
        if (loop == NULL) {
            ck_assert_int_eq(uv_run(&uv, UV_RUN_DEFAULT), 0);
            ck_assert_uint_eq(gdwsi_mem_live(), 0);
        }
    }
    ck_assert_uint_gt(nth, 2);
    gdws_loop_free(loop);
    ck_assert_int_eq(uv_run(&uv, UV_RUN_DEFAULT), 0);
    ck_assert_int_eq(uv_loop_close(&uv), 0);
}
END_TEST

Suite *hosts_suite(void)
{
    Suite *suite = suite_create("hosts");
    TCase *tests = tcase_create("hosts");
    int kinds = 0;
    while (host_kinds[kinds] != NULL) {
        kinds++;
    }
    tcase_set_timeout(tests, 60);
    tcase_add_loop_test(tests, a_packet_put_by_a_foreign_timer_leaves_without_another_event, 0,
                        kinds);
    tcase_add_loop_test(tests, a_timer_set_by_a_foreign_timer_is_kept, 0, kinds);
    tcase_add_loop_test(tests, a_connection_begun_by_a_foreign_timer_is_made, 0, kinds);
    tcase_add_loop_test(tests, a_timer_set_by_a_poll_of_the_programs_is_kept, 0, kinds);
    tcase_add_loop_test(tests, a_program_may_wait_in_a_signal_and_detach_then, 0, 3);
    tcase_add_test(tests, a_program_on_libev_may_wait_in_a_signal_and_detach_then);
    tcase_add_loop_test(tests, everything_may_be_freed_in_a_signal, 0, kinds);
    tcase_add_loop_test(tests, the_host_goes_on_beside_and_after_a_loop, 0, kinds);
    tcase_add_loop_test(tests, a_loop_can_be_detached_and_attached_again, 0, kinds);
    tcase_add_test(tests, a_loop_on_uv_can_be_polled_and_waited_for_in_the_hosts_callbacks);
    tcase_add_test(tests, a_loop_on_uv_lives_as_long_as_its_last_object);
    const int count = (int)(sizeof(plans) / sizeof(plans[0]));
    tcase_add_loop_test(tests, a_host_may_close_all_handles_before_a_loop_on_it_is_freed, 0, count);
    tcase_add_loop_test(tests, a_host_may_close_all_handles_before_a_loop_is_detached, 0, count);
    tcase_add_test(tests, without_memory_there_is_no_loop_on_uv_and_nothing_is_left);
    suite_add_tcase(suite, tests);
    return suite;
}
