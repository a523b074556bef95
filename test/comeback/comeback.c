/* SPDX-License-Identifier: MIT */
/* Very many clients on one loop lose their server, which is killed, and find it again when another
 * one listens on the same port. All must be back, and not all at once. Usage: comeback CLIENTS
 * PER_SECOND [together]; together takes the random part out of the waits and expects the crush. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <netinet/in.h>

#include "client.h"
#include "gdws/gdws.h"

#define FIRST_DELAY_MS 1000
#define MAX_DELAY_MS 5000
#define WINDOW_MS 100
#define WINDOWS 100
/* Percent of all clients that may come back in one window: by the plan of their waits, and in fact,
 * where a machine that has other things to do lets some wait for each other. */
#define PLANNED_MAX 15
#define ACTUAL_MAX 40
#define LIMIT_MS 60000
#define SPARE_DESCRIPTORS 64

typedef struct crowd {
    gdws_loop *loop;
    size_t count;
    size_t connected; /* now */
    size_t heard;     /* answers, since the last phase began */
    size_t closed;
    size_t bereft; /* have tried in vain since they lost the server */
    size_t planned[WINDOWS];
    size_t actual[WINDOWS];
    size_t attempts;
    uint64_t start_ms; /* of the phase */
    uint64_t slowest_ms;
    uint32_t most_attempts;
} crowd;

typedef struct member {
    crowd *all;
    gdws_client *client;
    uint64_t dialled_ms;
    uint64_t due_ms; /* of its next attempt */
    bool is_bereft;
} member;

/* A process for a server, which waits to be told its port, and tells it when it listens. */
typedef struct house {
    pid_t pid;
    int channel;
} house;

static uint64_t now_ms(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/* The server's process */

static void echo(gdws_server *server, int32_t id, void *user)
{
    const uint8_t *packet;
    size_t length;
    (void)user;
    if (gdws_server_get_peer_packet(server, id, &packet, &length) == GDWS_OK) {
        (void)gdws_peer_put_packet(gdws_server_get_peer(server, id), packet, length);
    }
}

static void serve(int channel)
{
    const gdws_server_signals signals = {.size = sizeof(signals), .data_received = echo};
    uint16_t port = 0;
    if (read(channel, &port, sizeof(port)) != (ssize_t)sizeof(port)) {
        _exit(0);
    }
    gdws_server *server = gdws_server_new(NULL);
    (void)gdws_server_set_signals(server, &signals);
    (void)gdws_server_set_bind_ip(server, "127.0.0.1");
    (void)gdws_server_set_handshake_timeout_ms(server, LIMIT_MS);
    (void)gdws_server_listen(server, port);
    port = gdws_server_get_port(server);
    if (port == 0 || write(channel, &port, sizeof(port)) != (ssize_t)sizeof(port)) {
        _exit(1);
    }
    for (;;) {
        (void)gdws_server_wait(server, -1);
    }
}

static bool build(house *one, int other_channel)
{
    int channel[2];
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, channel) != 0) {
        return false;
    }
    one->pid = fork();
    if (one->pid == 0) {
        (void)close(channel[0]);
        (void)close(other_channel);
        serve(channel[1]);
    }
    one->channel = channel[0];
    (void)close(channel[1]);
    return one->pid > 0;
}

/* Keep a port from others while no server listens on it; else a client that dials it might even be
 * given the same one for its own end, and be connected with itself. Returns 0 when there is none.
 */
static uint16_t hold_port(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET};
    socklen_t length = sizeof(address);
    int on = 1;
    int descriptor = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    bool is_held = setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) == 0 &&
                   bind(descriptor, (struct sockaddr *)&address, sizeof(address)) == 0 &&
                   getsockname(descriptor, (struct sockaddr *)&address, &length) == 0;
    return is_held ? ntohs(address.sin_port) : 0;
}

/* Let it listen. Returns the port, 0 when that failed. */
static uint16_t open_house(const house *one, uint16_t port)
{
    if (write(one->channel, &port, sizeof(port)) != (ssize_t)sizeof(port) ||
        read(one->channel, &port, sizeof(port)) != (ssize_t)sizeof(port)) {
        return 0;
    }
    return port;
}

static void raze(house *one)
{
    if (one->pid > 0) {
        (void)kill(one->pid, SIGKILL);
        (void)waitpid(one->pid, NULL, 0);
        one->pid = 0;
    }
}

/* The clients' process */

static void count_in(size_t windows[WINDOWS], const crowd *all, uint64_t time_ms)
{
    uint64_t window = time_ms > all->start_ms ? (time_ms - all->start_ms) / WINDOW_MS : 0;
    windows[window < WINDOWS ? window : WINDOWS - 1]++;
}

static void on_connected(gdws_client *client, const char *protocol, void *user)
{
    member *one = user;
    crowd *all = one->all;
    (void)protocol;
    all->connected++;
    if (one->dialled_ms != 0) {
        uint64_t took_ms = now_ms() - one->dialled_ms;
        all->slowest_ms = took_ms > all->slowest_ms ? took_ms : all->slowest_ms;
        one->dialled_ms = 0;
    } else {
        count_in(all->planned, all, one->due_ms);
        count_in(all->actual, all, now_ms());
    }
    (void)gdws_peer_send_text(gdws_client_get_peer(client, 1), "here");
}

static void on_data(gdws_client *client, void *user)
{
    member *one = user;
    const uint8_t *packet;
    size_t length;
    if (gdws_client_get_peer_packet(client, 1, &packet, &length) == GDWS_OK && length == 4) {
        one->all->heard++;
    }
}

static void on_closed(gdws_client *client, bool was_clean, void *user)
{
    member *one = user;
    (void)client;
    (void)was_clean;
    one->all->connected--;
    one->all->closed++;
    one->is_bereft = false;
}

static void on_error(gdws_client *client, void *user)
{
    member *one = user;
    (void)client;
    if (!one->is_bereft) {
        one->is_bereft = true;
        one->all->bereft++;
    }
}

static void on_reconnecting(gdws_client *client, uint32_t attempt, uint32_t delay_ms, void *user)
{
    member *one = user;
    crowd *all = one->all;
    (void)client;
    one->due_ms = now_ms() + delay_ms;
    all->attempts++;
    all->most_attempts = attempt > all->most_attempts ? attempt : all->most_attempts;
}

static uint32_t draw_nothing(void)
{
    return UINT32_MAX;
}

static void make(member *one, crowd *all, bool is_together)
{
    const gdws_client_signals signals = {.size = sizeof(signals),
                                         .user = one,
                                         .connected_to_host = on_connected,
                                         .connection_error = on_error,
                                         .data_received = on_data,
                                         .connection_closed = on_closed,
                                         .reconnecting = on_reconnecting};
    *one = (member){.all = all, .client = gdws_client_new(all->loop)};
    (void)gdws_client_set_signals(one->client, &signals);
    (void)gdws_client_set_handshake_timeout_ms(one->client, LIMIT_MS);
    (void)gdws_client_set_reconnect(one->client, FIRST_DELAY_MS, MAX_DELAY_MS, 0);
    if (is_together) {
        one->client->backoff.draw = draw_nothing;
    }
}

static void begin_phase(crowd *all)
{
    all->start_ms = now_ms();
    all->heard = 0;
}

/* Poll until a number has been reached. Returns false, and says so, after the limit. */
static bool wait_for(crowd *all, const size_t *number, const char *what)
{
    uint64_t limit = now_ms() + LIMIT_MS;
    while (*number < all->count) {
        (void)gdws_loop_wait(all->loop, 100);
        if (now_ms() > limit) {
            printf("WRONG: only %zu of %zu %s\n", *number, all->count, what);
            return false;
        }
    }
    return true;
}

/* Connect at the rate that was asked for, and wait until all have had an answer. */
static bool arrive(crowd *all, member *members, uint64_t per_second, uint16_t port)
{
    char url[64];
    size_t dialled = 0;
    (void)snprintf(url, sizeof(url), "ws://127.0.0.1:%u", port);
    begin_phase(all);
    while (dialled < all->count) {
        uint64_t due = (now_ms() - all->start_ms) * per_second / 1000 + 1;
        while (dialled < all->count && dialled < due) {
            members[dialled].dialled_ms = now_ms();
            if (gdws_client_connect_to_url(members[dialled].client, url) != GDWS_OK) {
                return false;
            }
            dialled++;
        }
        (void)gdws_loop_wait(all->loop, 1);
    }
    uint64_t dialled_ms = now_ms() - all->start_ms;
    if (!wait_for(all, &all->heard, "have had an answer")) {
        return false;
    }
    printf("%zu clients on one loop, dialled in %.1f s, connected and answered in %.1f s; the "
           "slowest handshake took %llu ms\n",
           all->count, (double)dialled_ms / 1000, (double)(now_ms() - all->start_ms) / 1000,
           (unsigned long long)all->slowest_ms);
    return true;
}

static double percent(const crowd *all, size_t number)
{
    return 100.0 * (double)number / (double)all->count;
}

static size_t largest(const size_t windows[WINDOWS])
{
    size_t most = 0;
    for (size_t i = 0; i < WINDOWS; i++) {
        most = windows[i] > most ? windows[i] : most;
    }
    return most;
}

/* Print who came back when, and judge it. */
static bool judge(const crowd *all, bool is_together)
{
    size_t end = WINDOWS;
    while (end > 0 && all->actual[end - 1] == 0) {
        end--;
    }
    for (size_t i = 0; i < end; i++) {
        double share = percent(all, all->actual[i]);
        printf("%5zu ms %6zu %5.1f %% %.*s\n", i * WINDOW_MS, all->actual[i], share,
               (int)(share * 2 < 60 ? share * 2 + 0.5 : 60),
               "############################################################");
    }
    double planned = percent(all, largest(all->planned));
    double actual = percent(all, largest(all->actual));
    bool is_spread = planned <= PLANNED_MAX && actual <= ACTUAL_MAX;
    bool is_crush = planned > PLANNED_MAX && actual > ACTUAL_MAX;
    bool is_right = is_together ? is_crush : is_spread;
    printf("%s: all are back, within %d ms at most %.1f %% by plan (%s %d) and %.1f %% in fact (%s "
           "%d)\n",
           is_right ? "comeback" : "WRONG", WINDOW_MS, planned, is_together ? "over" : "up to",
           PLANNED_MAX, actual, is_together ? "over" : "up to", ACTUAL_MAX);
    return is_right;
}

static bool play(crowd *all, member *members, uint64_t per_second, house houses[2])
{
    uint16_t port = hold_port();
    if (port == 0 || open_house(&houses[0], port) != port ||
        !arrive(all, members, per_second, port)) {
        return false;
    }
    all->attempts = 0;
    begin_phase(all);
    raze(&houses[0]);
    if (!wait_for(all, &all->closed, "have noticed") ||
        !wait_for(all, &all->bereft, "have tried in vain")) {
        return false;
    }
    printf("server killed; %.1f s later all have noticed and tried in vain, %zu attempts so far\n",
           (double)(now_ms() - all->start_ms) / 1000, all->attempts);
    if (open_house(&houses[1], port) != port) {
        printf("WRONG: the second server does not listen on port %u\n", port);
        return false;
    }
    begin_phase(all);
    if (!wait_for(all, &all->connected, "are connected again") ||
        !wait_for(all, &all->heard, "have had an answer again")) {
        return false;
    }
    printf("server back; %.1f s later all are connected and answered, by at most %u attempts\n",
           (double)(now_ms() - all->start_ms) / 1000, all->most_attempts);
    return true;
}

/* Raise the limit on descriptors, for this process and the servers. */
static bool has_descriptors(size_t count)
{
    struct rlimit limit;
    rlim_t needed = (rlim_t)count + SPARE_DESCRIPTORS;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0) {
        return false;
    }
    if (limit.rlim_max != RLIM_INFINITY && limit.rlim_max < needed) {
        printf("%zu clients need %llu descriptors, but the hard limit (ulimit -Hn) is %llu\n",
               count, (unsigned long long)needed, (unsigned long long)limit.rlim_max);
        return false;
    }
    if (limit.rlim_cur == RLIM_INFINITY || limit.rlim_cur >= needed) {
        return true;
    }
    limit.rlim_cur = needed;
    return setrlimit(RLIMIT_NOFILE, &limit) == 0;
}

static bool run(size_t count, uint64_t per_second, bool is_together, house houses[2])
{
    crowd all = {.count = count, .loop = gdws_loop_new()};
    member *members = calloc(count, sizeof(*members));
    for (size_t i = 0; i < count; i++) {
        make(&members[i], &all, is_together);
    }
    bool is_right = play(&all, members, per_second, houses) && judge(&all, is_together);
    for (size_t i = 0; i < count; i++) {
        gdws_client_free(members[i].client);
    }
    gdws_loop_free(all.loop);
    free(members);
    return is_right;
}

int main(int argc, char **argv)
{
    house houses[2] = {{.channel = -1}, {.channel = -1}};
    bool is_together = argc == 4 && strcmp(argv[3], "together") == 0;
    if ((argc != 3 && !is_together) || atoi(argv[1]) < 1 || atoi(argv[2]) < 1) {
        (void)fprintf(stderr, "usage: %s CLIENTS PER_SECOND [together]\n", argv[0]);
        return 2;
    }
    size_t count = (size_t)atoi(argv[1]);
    bool is_right = has_descriptors(count) && build(&houses[0], -1) &&
                    build(&houses[1], houses[0].channel) &&
                    run(count, (uint64_t)atoi(argv[2]), is_together, houses);
    raze(&houses[0]);
    raze(&houses[1]);
    return is_right ? 0 : 1;
}
