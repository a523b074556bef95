/* SPDX-License-Identifier: MIT */
/* Where a server listens: unix sockets, shared ports, and what happens when there are no
 * descriptors left. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "rawsock.h"
#include "runtests.h"
#include "server.h"
#include "world.h"

static world w;
static char place[64];
static char path[128];

static void set_up(void)
{
    char address[160];
    world_init_idle(&w);
    w.takes_packets = true;
    (void)snprintf(place, sizeof(place), "/tmp/gdws-unix-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(place));
    (void)snprintf(path, sizeof(path), "%s/socket", place);
    (void)snprintf(address, sizeof(address), "unix:%s", path);
    ck_assert_int_eq(gdws_server_set_bind_ip(w.server, address), GDWS_OK);
}

static void tear_down(void)
{
    world_free(&w);
    ck_assert_int_ne(access(path, F_OK), 0);
    ck_assert_int_eq(rmdir(place), 0);
}

static size_t count_descriptors(void)
{
    size_t count = 0;
    for (int descriptor = 0; descriptor < 1024; descriptor++) {
        count += fcntl(descriptor, F_GETFD) >= 0 ? 1 : 0;
    }
    return count;
}

static mode_t mode_of_path(void)
{
    struct stat facts;
    ck_assert_int_eq(lstat(path, &facts), 0);
    ck_assert(S_ISSOCK(facts.st_mode));
    return facts.st_mode & 0777;
}

START_TEST(a_peer_on_a_unix_socket_is_one_like_others)
{
    rawsock raw;
    const uint8_t *payload;
    size_t length;
    w.echoes = true;
    ck_assert_int_eq(gdws_server_set_max_peers_per_address(w.server, 1), GDWS_OK);
    ck_assert_int_eq(gdws_server_listen(w.server, 80), GDWS_OK);
    ck_assert_uint_eq(gdws_server_get_port(w.server), 0);
    ck_assert_uint_eq(mode_of_path(), 0600);
    rawsock_connect_unix(&raw, w.loop, path);
    rawsock_upgrade(&raw);
    WAIT_FOR(&w, w.at_server.connected == 1);
    ck_assert_str_eq(gdws_server_get_peer_address(w.server, w.at_server.id), "unix:");
    ck_assert_uint_eq(gdws_server_get_peer_port(w.server, w.at_server.id), 0);
    rawsock_send_frame(&raw, 0x81, "hello", 5, true);
    ck_assert_int_eq(rawsock_read_frame(&raw, &payload, &length), 0x81);
    ck_assert_uint_eq(length, 5);
    rawsock second;
    rawsock_connect_unix(&second, w.loop, path);
    rawsock_upgrade(&second);
    rawsock_close(&second);
    rawsock_close(&raw);
    gdws_server_stop(w.server);
    ck_assert_int_ne(access(path, F_OK), 0);
}
END_TEST

START_TEST(the_file_has_the_mode_that_was_asked_for)
{
    static const unsigned modes[] = {0, 0600, 0660, 0666, 0777};
    mode_t mask = umask(_i % 2 == 0 ? 077 : 0);
    unsigned mode = modes[_i / 2];
    ck_assert_int_eq(gdws_server_set_unix_mode(w.server, 01000), GDWS_PARAMETER_RANGE_ERROR);
    ck_assert_int_eq(gdws_server_set_unix_mode(w.server, mode), GDWS_OK);
    ck_assert_int_eq(gdws_server_listen(w.server, 0), GDWS_OK);
    ck_assert_uint_eq(mode_of_path(), mode);
    ck_assert_int_eq(gdws_server_set_unix_mode(w.server, mode), GDWS_ALREADY_IN_USE);
    ck_assert_uint_eq(umask(mask), _i % 2 == 0 ? 077 : 0);
}
END_TEST

START_TEST(a_path_is_taken_only_from_servers_that_have_ended)
{
    char address[160];
    gdws_server *second = gdws_server_new(w.loop);
    (void)snprintf(address, sizeof(address), "unix:%s", path);
    ck_assert_int_eq(gdws_server_set_bind_ip(second, address), GDWS_OK);
    ck_assert_int_eq(gdws_server_listen(w.server, 0), GDWS_OK);
    ck_assert_int_eq(gdws_server_listen(second, 0), GDWS_ALREADY_IN_USE);
    ck_assert(!gdws_server_is_listening(second));
    rawsock raw;
    rawsock_connect_unix(&raw, w.loop, path);
    rawsock_upgrade(&raw);
    rawsock_close(&raw);

    /* Another file took the path: it is not ours to remove. */
    ck_assert_int_eq(unlink(path), 0);
    ck_assert_int_eq(gdws_server_listen(second, 0), GDWS_OK);
    gdws_server_stop(w.server);
    ck_assert_int_eq(access(path, F_OK), 0);
    gdws_server_stop(second);
    ck_assert_int_ne(access(path, F_OK), 0);

    int file = open(path, O_CREAT | O_WRONLY, 0600);
    ck_assert_int_ge(file, 0);
    (void)close(file);
    ck_assert_int_eq(gdws_server_listen(second, 0), GDWS_ALREADY_IN_USE);
    ck_assert_int_eq(unlink(path), 0);

    /* What a process left that was killed. */
    struct sockaddr_un dead = {.sun_family = AF_UNIX};
    (void)snprintf(dead.sun_path, sizeof(dead.sun_path), "%.100s", path);
    int descriptor = socket(AF_UNIX, SOCK_STREAM, 0);
    ck_assert_int_eq(bind(descriptor, (struct sockaddr *)&dead, sizeof(dead)), 0);
    (void)close(descriptor);
    ck_assert_int_eq(access(path, F_OK), 0);
    ck_assert_int_eq(gdws_server_listen(second, 0), GDWS_OK);
    gdws_server_free(second);
}
END_TEST

/* Whether somebody listens is then not to be seen by connecting. */
START_TEST(a_path_is_taken_also_where_the_backlog_is_full)
{
    char address[160];
    int waiting[64];
    int count = 0;
    bool is_full = false;
    struct sockaddr_un taken = {.sun_family = AF_UNIX};
    gdws_server *second = gdws_server_new(w.loop);
    (void)snprintf(taken.sun_path, sizeof(taken.sun_path), "%.100s", path);
    (void)snprintf(address, sizeof(address), "unix:%s", path);
    ck_assert_int_eq(gdws_server_set_backlog(w.server, 1), GDWS_OK);
    ck_assert_int_eq(gdws_server_listen(w.server, 0), GDWS_OK);
    while (!is_full) {
        ck_assert_int_lt(count, 64);
        waiting[count] = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
        is_full = connect(waiting[count], (struct sockaddr *)&taken, sizeof(taken)) != 0;
        count++;
    }
    ck_assert_int_eq(gdws_server_set_bind_ip(second, address), GDWS_OK);
    ck_assert_int_eq(gdws_server_listen(second, 0), GDWS_ALREADY_IN_USE);
    for (int i = 0; i < count; i++) {
        (void)close(waiting[i]);
    }
    gdws_server_free(second);
}
END_TEST

START_TEST(bad_paths_are_refused)
{
    char longest[200] = "unix:/";
    memset(longest + 6, 'a', sizeof(longest) - 7);
    ck_assert_int_eq(gdws_server_set_bind_ip(w.server, "unix:"), GDWS_INVALID_PARAMETER);
    ck_assert_int_eq(gdws_server_set_bind_ip(w.server, longest), GDWS_INVALID_PARAMETER);
    longest[5 + 107] = '\0';
    ck_assert_int_eq(gdws_server_set_bind_ip(w.server, longest), GDWS_OK);
    ck_assert_int_eq(gdws_server_set_bind_ip(w.server, "unix:/no/such/place"), GDWS_OK);
    ck_assert_int_eq(gdws_server_listen(w.server, 0), GDWS_CANT_CREATE);
    ck_assert_int_eq(gdws_server_set_backlog(w.server, 0), GDWS_PARAMETER_RANGE_ERROR);
    ck_assert_int_eq(gdws_server_set_backlog(w.server, 65536), GDWS_PARAMETER_RANGE_ERROR);
}
END_TEST

/* As daemon(3) does: a relative path is meant from where the process was when it listened. */
START_TEST(a_relative_path_is_removed_wherever_the_process_is)
{
    struct stat facts;
    char other[64];
    int home = open(".", O_PATH | O_DIRECTORY);
    (void)snprintf(other, sizeof(other), "/tmp/gdws-unix-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(other));
    ck_assert_int_eq(gdws_server_set_bind_ip(w.server, "unix:./socket"), GDWS_OK);
    (void)gdws_loop_poll(w.loop);
    size_t before = count_descriptors();
    for (int i = 0; i < 2; i++) {
        ck_assert_int_eq(chdir(place), 0);
        ck_assert_int_eq(gdws_server_listen(w.server, 0), GDWS_OK);
        ck_assert_int_eq(gdws_server_listen(w.server, 0), GDWS_ALREADY_IN_USE);
        ck_assert_uint_eq(mode_of_path(), 0600);
        ck_assert_int_eq(chdir(other), 0);
        /* Here there is a file of the same name, and there, in the end, another one. */
        ck_assert_int_eq(mknod("socket", S_IFSOCK | 0600, 0), 0);
        if (i == 1) {
            ck_assert_int_eq(rename("socket", path), 0);
        }
        gdws_server_stop(w.server);
        ck_assert_int_eq(lstat(path, &facts), i == 0 ? -1 : 0);
        ck_assert_int_eq(unlink(i == 0 ? "socket" : path), 0);
        WAIT_FOR(&w, count_descriptors() == before);
    }
    ck_assert_int_eq(fchdir(home), 0);
    (void)close(home);
    ck_assert_int_eq(rmdir(other), 0);
}
END_TEST

START_TEST(a_relative_path_that_cannot_be_taken_leaves_nothing_open)
{
    size_t before = count_descriptors();
    ck_assert_int_eq(gdws_server_set_bind_ip(w.server, "unix:no/such/place"), GDWS_OK);
    gdws_set_log_level(GDWS_LOG_NONE);
    ck_assert_int_eq(gdws_server_listen(w.server, 0), GDWS_CANT_CREATE);
    gdws_set_log_level(GDWS_LOG_WARNING);
    ck_assert_uint_eq(count_descriptors(), before);
}
END_TEST

START_TEST(a_port_is_shared_by_those_who_share_it)
{
    enum { COUNT = 64 };
    static rawsock raw[COUNT];
    gdws_server *second = gdws_server_new(w.loop);
    size_t at_second = 0;
    ck_assert_int_eq(gdws_server_set_bind_ip(w.server, "127.0.0.1"), GDWS_OK);
    ck_assert_int_eq(gdws_server_set_bind_ip(second, "127.0.0.1"), GDWS_OK);
    ck_assert_int_eq(gdws_server_set_shares_port(w.server, true), GDWS_OK);
    ck_assert_int_eq(gdws_server_set_backlog(w.server, 128), GDWS_OK);
    ck_assert_int_eq(gdws_server_listen(w.server, 0), GDWS_OK);
    uint16_t port = gdws_server_get_port(w.server);
    ck_assert_int_eq(gdws_server_listen(second, port), GDWS_ALREADY_IN_USE);
    ck_assert_int_eq(gdws_server_set_shares_port(second, true), GDWS_OK);
    ck_assert_int_eq(gdws_server_listen(second, port), GDWS_OK);
    for (int i = 0; i < COUNT; i++) {
        rawsock_connect(&raw[i], w.loop, port);
        rawsock_upgrade(&raw[i]);
    }
    WAIT_FOR(&w, gdws_server_get_peer_list(w.server, NULL, 0) +
                         (at_second = gdws_server_get_peer_list(second, NULL, 0)) ==
                     COUNT);
    ck_assert_uint_gt(at_second, 0);
    ck_assert_uint_lt(at_second, COUNT);
    for (int i = 0; i < COUNT; i++) {
        rawsock_close(&raw[i]);
    }
    gdws_server_free(second);
}
END_TEST

static uint64_t own_cpu_ms(void)
{
    struct timespec time;
    (void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
    return (uint64_t)time.tv_sec * 1000 + (uint64_t)time.tv_nsec / 1000000;
}

/* Twenty connections more than there are descriptors: those that have one go on, the others wait in
 * the kernel, the processor rests, and when some have gone the others come in. */
START_TEST(out_of_descriptors_peers_go_on_and_others_wait)
{
    enum { COUNT = 40, SPARE = 20 };
    static const char request[] = "GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\n"
                                  "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
                                  "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
    static rawsock raw[COUNT];
    struct rlimit limit;
    struct rlimit lower;
    w.echoes = true;
    gdws_set_log_level(GDWS_LOG_NONE);
    ck_assert_int_eq(gdws_server_set_bind_ip(w.server, "127.0.0.1"), GDWS_OK);
    uint32_t timeout_ms = (uint32_t)world_scale(10000, 60000);
    ck_assert_int_eq(gdws_server_set_handshake_timeout_ms(w.server, timeout_ms), GDWS_OK);
    world_listen(&w);
    world_connect(&w);
    for (int i = 0; i < COUNT; i++) {
        rawsock_connect(&raw[i], w.loop, gdws_server_get_port(w.server));
    }
    ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &limit), 0);
    lower = limit;
    lower.rlim_cur = (rlim_t)raw[COUNT - 1].descriptor + 1 + SPARE;
    ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &lower), 0);
    for (int i = 0; i < COUNT; i++) {
        rawsock_send(&raw[i], request, sizeof(request) - 1, 0);
    }
    WAIT_FOR(&w, w.at_server.connected == 1 + SPARE);

    uint64_t start = world_now_ms();
    uint64_t cpu = own_cpu_ms();
    while (world_now_ms() - start < 1000) {
        (void)gdws_loop_wait(w.loop, 1000);
    }
    ck_assert_uint_lt(own_cpu_ms() - cpu, (uint64_t)world_scale(100, 800));
    ck_assert_int_eq(w.at_server.connected, 1 + SPARE);
    ck_assert_int_eq(gdws_peer_send_text(world_client_peer(&w), "still there"), GDWS_OK);
    WAIT_FOR(&w, w.at_client.data == 1);

    for (int i = 0; i < SPARE; i++) {
        rawsock_close(&raw[i]);
    }
    WAIT_FOR(&w, w.at_server.closed == SPARE && w.at_server.connected == 1 + COUNT);
    ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
    gdws_set_log_level(GDWS_LOG_WARNING);
    for (int i = SPARE; i < COUNT; i++) {
        rawsock_close(&raw[i]);
    }
}
END_TEST

/* A program that raises its limit after it has made the loop: libwebsockets' table is too small
 * then, and what it does not take must not stay open. */
START_TEST(what_libwebsockets_has_no_room_for_is_refused)
{
    enum { COUNT = 60, LIMIT = 48 };
    static rawsock raw[COUNT];
    struct rlimit limit;
    struct rlimit lower;
    world small;
    gdws_set_log_level(GDWS_LOG_NONE);
    ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &limit), 0);
    lower = limit;
    lower.rlim_cur = LIMIT;
    ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &lower), 0);
    world_init(&small);
    ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
    size_t before = count_descriptors();
    for (int i = 0; i < COUNT; i++) {
        rawsock_connect_plain(&raw[i], small.loop, gdws_server_get_port(small.server));
    }
    for (int i = 0; i < 100; i++) {
        (void)gdws_loop_poll(small.loop);
    }
    /* Ours, and at most as many of the server's as its table has room for. */
    ck_assert_uint_lt(count_descriptors(), before + COUNT + LIMIT);
    int ended = 0;
    for (int i = 0; i < COUNT; i++) {
        rawsock_receive(&raw[i]);
        ended += raw[i].is_ended ? 1 : 0;
    }
    ck_assert_int_gt(ended, 0);
    /* The same for a client. */
    char url[64];
    (void)snprintf(url, sizeof(url), "%s://127.0.0.1:%u", world_scheme(),
                   gdws_server_get_port(small.server));
    ck_assert_int_eq(gdws_client_connect_to_url(small.client, url), GDWS_OK);
    WAIT_FOR(&small, small.at_client.errors == 1);
    ck_assert_int_eq(gdws_client_get_error(small.client), GDWS_CANT_ACQUIRE_RESOURCE);
    for (int i = 0; i < COUNT; i++) {
        rawsock_close(&raw[i]);
    }
    world_free(&small);
    ck_assert_uint_le(count_descriptors(), before);
    gdws_set_log_level(GDWS_LOG_WARNING);
}
END_TEST

/* libwebsockets sets aside what a connection reads at once for all connections of its kind. */
START_TEST(servers_that_libwebsockets_frames_for_read_alike_on_one_loop)
{
    gdws_server *second = gdws_server_new(w.loop);
    ck_assert_ptr_nonnull(second);
    w.server->config.writes_frames_singly = true;
    second->config.writes_frames_singly = true;
    ck_assert_int_eq(gdws_server_set_bind_ip(w.server, "127.0.0.1"), GDWS_OK);
    ck_assert_int_eq(gdws_server_set_bind_ip(second, "127.0.0.1"), GDWS_OK);
    ck_assert_int_eq(gdws_server_listen(w.server, 0), GDWS_OK);
    ck_assert_int_eq(gdws_server_set_read_size(second, 1024), GDWS_OK);
    ck_assert_int_eq(gdws_server_listen(second, 0), GDWS_INVALID_PARAMETER);
    ck_assert(!gdws_server_is_listening(second));
    ck_assert_int_eq(gdws_server_set_read_size(second, 65536), GDWS_OK);
    ck_assert_int_eq(gdws_server_listen(second, 0), GDWS_OK);
    gdws_server_free(second);
}
END_TEST

Suite *listening_suite(void)
{
    Suite *suite = suite_create("listening");
    TCase *tests = tcase_create("listening");
    tcase_set_timeout(tests, 60);
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_test(tests, a_peer_on_a_unix_socket_is_one_like_others);
    tcase_add_loop_test(tests, the_file_has_the_mode_that_was_asked_for, 0, 10);
    tcase_add_test(tests, a_path_is_taken_only_from_servers_that_have_ended);
    tcase_add_test(tests, a_path_is_taken_also_where_the_backlog_is_full);
    tcase_add_test(tests, bad_paths_are_refused);
    tcase_add_test(tests, a_relative_path_is_removed_wherever_the_process_is);
    tcase_add_test(tests, a_relative_path_that_cannot_be_taken_leaves_nothing_open);
    tcase_add_test(tests, a_port_is_shared_by_those_who_share_it);
    /* Valgrind accepts a connection first and closes it when it is one too many. */
    if (getenv("GDWS_TEST_VALGRIND") == NULL) {
        tcase_add_test(tests, out_of_descriptors_peers_go_on_and_others_wait);
    }
    tcase_add_test(tests, servers_that_libwebsockets_frames_for_read_alike_on_one_loop);
    suite_add_tcase(suite, tests);
    TCase *table = tcase_create("table");
    tcase_set_timeout(table, 60);
    tcase_add_test(table, what_libwebsockets_has_no_room_for_is_refused);
    suite_add_tcase(suite, table);
    return suite;
}
