/* SPDX-License-Identifier: MIT */
/* A crowd: very many peers on one thread come, talk and go, and leave nothing behind. */
#include <dirent.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "leave.h"
#include "loop.h"
#include "mem.h"
#include "runtests.h"
#include "world.h"

/* What the process really uses, once the allocator has given back what it can. */
static size_t resident_bytes(void)
{
    size_t total = 0;
    size_t pages = 0;
    (void)malloc_trim(0);
    FILE *file = fopen("/proc/self/statm", "r");
    ck_assert_ptr_nonnull(file);
    ck_assert_int_eq(fscanf(file, "%zu %zu", &total, &pages), 2);
    (void)fclose(file);
    return pages * (size_t)sysconf(_SC_PAGESIZE);
}

static int open_descriptors(void)
{
    int count = 0;
    DIR *directory = opendir("/proc/self/fd");
    ck_assert_ptr_nonnull(directory);
    while (readdir(directory) != NULL) {
        count++;
    }
    (void)closedir(directory);
    return count;
}

typedef struct crowd {
    int connected;
    int heard;
    int closed;
    int failed;
} crowd;

static void c_connected(gdws_client *client, const char *protocol, void *user)
{
    crowd *all = user;
    (void)protocol;
    all->connected++;
    (void)gdws_peer_send_text(gdws_client_get_peer(client, 0), "hello");
}

static void c_data(gdws_client *client, void *user)
{
    crowd *all = user;
    const uint8_t *packet;
    size_t length;
    if (gdws_client_get_peer_packet(client, 0, &packet, &length) == GDWS_OK && length == 5) {
        all->heard++;
    }
}

static void c_closed(gdws_client *client, bool was_clean, void *user)
{
    crowd *all = user;
    (void)client;
    all->closed += was_clean ? 1 : 0;
    all->failed += was_clean ? 0 : 1;
}

static void c_error(gdws_client *client, void *user)
{
    crowd *all = user;
    (void)fprintf(stderr, "%s\n", gdws_client_get_error_message(client));
    all->failed++;
}

/* Wait a little. Returns false when that is in vain. */
static bool goes_on(crowd *all, gdws_loop *loop, uint64_t limit)
{
    (void)gdws_loop_wait(loop, 10);
    all->failed += world_now_ms() < limit ? 0 : 1;
    return all->failed == 0;
}

/* Make `count` clients and connect them to `port`, at most some 200 at a time. */
static void begin_clients(crowd *all, gdws_loop *loop, gdws_client **clients, int count,
                          uint16_t port, uint64_t limit)
{
    char url[64];
    gdws_client_signals signals = {.size = sizeof(signals),
                                   .user = all,
                                   .connected_to_host = c_connected,
                                   .connection_error = c_error,
                                   .data_received = c_data,
                                   .connection_closed = c_closed};
    (void)snprintf(url, sizeof(url), "%s://127.0.0.1:%u", world_scheme(), port);
    for (int i = 0; i < count && all->failed == 0; i++) {
        clients[i] = gdws_client_new(loop);
        world_prepare_client(clients[i]);
        (void)gdws_client_set_signals(clients[i], &signals);
        (void)gdws_client_set_handshake_timeout_ms(clients[i], 60000);
        all->failed += gdws_client_connect_to_url(clients[i], url) == GDWS_OK ? 0 : 1;
        while (i - all->connected > 200 && goes_on(all, loop, limit)) {
            continue;
        }
    }
}

/* The other process: that many clients on one loop. Ends with status 0 when all went well. */
static int run_clients(uint16_t port, int count)
{
    crowd all = {0};
    size_t live = gdwsi_mem_live(); /* of the parent */
    gdws_loop *loop = gdws_loop_new();
    gdws_client **clients = calloc((size_t)count, sizeof(*clients));
    uint64_t limit = world_now_ms() + 4 * WORLD_LIMIT_MS;
    if (loop == NULL || clients == NULL) {
        return 1;
    }
    begin_clients(&all, loop, clients, count, port, limit);
    while (all.heard < count && goes_on(&all, loop, limit)) {
        continue;
    }
    for (int i = 0; i < count; i++) {
        (void)gdws_client_disconnect_from_host(clients[i], 1000, "");
    }
    while (all.closed < count && goes_on(&all, loop, limit)) {
        continue;
    }
    for (int i = 0; i < count; i++) {
        gdws_client_free(clients[i]);
    }
    gdws_loop_free(loop);
    free(clients);
    return all.failed == 0 && gdwsi_mem_live() == live ? 0 : 1;
}

START_TEST(ten_thousand_peers_come_talk_and_go)
{
    int count = world_scale(world_is_secure() ? 1000 : 10000, 300);
    struct rlimit limit;
    world w;
    ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &limit), 0);
    limit.rlim_cur = limit.rlim_max;
    (void)setrlimit(RLIMIT_NOFILE, &limit);
    if (limit.rlim_cur < (rlim_t)count + 200) {
        count = (int)limit.rlim_cur - 200;
        (void)printf("only %d peers: the limit on descriptors is %d\n", count, (int)limit.rlim_cur);
    }
    world_init_idle(&w);
    w.echoes = true;
    ck_assert_int_eq(gdws_server_set_handshake_timeout_ms(w.server, 60000), GDWS_OK);
    world_listen(&w);
    gdws_loop_poll(w.loop);
    size_t live = gdwsi_mem_live() - gdwsi_pool_kept(&w.loop->pool);
    int descriptors = open_descriptors();
    size_t resident = resident_bytes();
    uint16_t port = gdws_server_get_port(w.server);
    /* The verdict comes by a pipe: under valgrind the exit status of a fork is valgrind's, which
     * takes what the parent's threads held for lost. */
    int verdict[2];
    ck_assert_int_eq(pipe(verdict), 0);
    pid_t child = fork();
    if (child == 0) {
        char result = (char)run_clients(port, count);
        leave(write(verdict[1], &result, 1) == 1 ? 0 : 1);
    }
    (void)close(verdict[1]);
    size_t most = 0;
    int status = 0;
    char result = 1;
    while (waitpid(child, &status, WNOHANG) == 0) {
        (void)gdws_loop_wait(w.loop, 20);
        size_t peers = gdws_server_get_peer_list(w.server, NULL, 0);
        most = peers > most ? peers : most;
    }
    ck_assert_int_eq(read(verdict[0], &result, 1), 1);
    ck_assert_int_eq(result, 0);
    (void)close(verdict[0]);
    WAIT_FOR(&w, w.at_server.closed == count);
    ck_assert_int_eq(w.at_server.connected, count);
    ck_assert_uint_eq(most, (size_t)count);
    gdws_loop_poll(w.loop);
    WAIT_FOR(&w, !uv_is_active((uv_handle_t *)&w.loop->trim));
    ck_assert_uint_eq(gdwsi_mem_live() - gdwsi_pool_kept(&w.loop->pool), live);
    ck_assert_int_eq(open_descriptors(), descriptors);
    /* Of about 25 MiB, once the loop has given back what it kept for reuse; under sanitizers, which
     * reduce the crowd, memory is kept for a while. */
    ck_assert_uint_lt(resident_bytes(), resident + (8u << 20) + (count < 10000 ? (64u << 20) : 0));
    world_free(&w);
}
END_TEST

START_TEST(ids_are_listed_in_order_and_connections_are_taken_in_order)
{
    enum { COUNT = 20 };
    world w;
    gdws_client *clients[COUNT];
    int32_t ids[COUNT];
    int32_t few[5];
    int32_t taken[COUNT];
    char url[64];
    world_init(&w);
    (void)snprintf(url, sizeof(url), "%s://127.0.0.1:%u", world_scheme(),
                   gdws_server_get_port(w.server));
    for (int i = 0; i < COUNT; i++) {
        clients[i] = gdws_client_new(w.loop);
        world_prepare_client(clients[i]);
        ck_assert_int_eq(gdws_client_connect_to_url(clients[i], url), GDWS_OK);
        WAIT_FOR(&w, w.at_server.connected == i + 1);
        taken[i] = w.at_server.id;
    }
    ck_assert_uint_eq(gdws_server_get_peer_list(w.server, ids, COUNT), COUNT);
    for (int i = 1; i < COUNT; i++) {
        ck_assert_int_lt(ids[i - 1], ids[i]);
    }
    ck_assert_uint_eq(gdws_server_get_peer_list(w.server, few, 5), COUNT);
    ck_assert(memcmp(few, ids, sizeof(few)) == 0);
    for (int i = 0; i < COUNT; i++) {
        ck_assert(gdws_server_is_connection_available(w.server));
        ck_assert_int_eq(gdws_server_take_connection(w.server), taken[i]);
    }
    ck_assert(!gdws_server_is_connection_available(w.server));
    ck_assert_int_eq(gdws_server_take_connection(w.server), 0);
    for (int i = 0; i < COUNT; i++) {
        gdws_client_free(clients[i]);
    }
    WAIT_FOR(&w, w.at_server.closed == COUNT);
    world_free(&w);
}
END_TEST

Suite *crowd_suite(void)
{
    Suite *suite = suite_create("crowd");
    TCase *tests = tcase_create("crowd");
    tcase_set_timeout(tests, 120);
    tcase_add_test(tests, ids_are_listed_in_order_and_connections_are_taken_in_order);
    tcase_add_test(tests, ten_thousand_peers_come_talk_and_go);
    suite_add_tcase(suite, tests);
    return suite;
}
