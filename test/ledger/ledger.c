/* SPDX-License-Identifier: MIT */
/* A room full of multiplayer peers, each of which sends to all others at a fixed rate, and a ledger
 * of every packet: each receiver must get each sender's packets once and in order, the server too.
 * The server is a process of its own. Usage: ledger PEERS PACKETS_PER_SECOND SECONDS */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "gdws/gdws.h"

/* How long the last packets may take once nobody sends any more. */
#define SETTLE_MS 60000

typedef struct entry {
    uint32_t number; /* counts a sender's packets from 0 */
    uint32_t sender; /* its index */
    uint64_t sent_ns;
} entry;

typedef struct room {
    size_t peers;
    uint32_t *next;    /* what each sender's next packet must be, for each receiver */
    int32_t *ids;      /* of the senders; NULL on the server */
    uint64_t received; /* by all receivers together */
    uint64_t wrong;
    uint64_t slowest_ns;
    double joined_cpu; /* of the server, when the first packet came */
} room;

typedef struct peer {
    room *room;
    gdws_multiplayer *mp;
    size_t index;
    size_t seen; /* peers that it knows */
    uint32_t sent;
    bool is_over;
} peer;

/* What the server says at the end, through a pipe. */
typedef struct report {
    uint64_t received;
    uint64_t wrong;
    double joined_cpu; /* seconds of CPU until all were there */
    double cpu;        /* and from then on */
    long resident_kb;  /* the most that it ever was */
    size_t left;       /* peers that are still there */
} report;

static uint64_t now_ns(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

/* Enter a packet into the ledger of one receiver. */
static void book(room *all, uint32_t *next, gdws_multiplayer *mp)
{
    entry one;
    const uint8_t *packet;
    size_t length;
    int32_t from = gdws_multiplayer_get_packet_peer(mp);
    if (gdws_multiplayer_get_packet(mp, &packet, &length) != GDWS_OK || length != sizeof(one)) {
        all->wrong++;
        return;
    }
    memcpy(&one, packet, sizeof(one));
    all->received++;
    if (one.sender >= all->peers || next[one.sender] != one.number ||
        (all->ids != NULL && all->ids[one.sender] != from)) {
        all->wrong++;
        return;
    }
    next[one.sender]++;
    if ((all->received & 1023u) == 0) {
        uint64_t late_ns = now_ns() - one.sent_ns;
        all->slowest_ns = late_ns > all->slowest_ns ? late_ns : all->slowest_ns;
    }
}

/* The server's process */

static volatile sig_atomic_t is_stopped;

static void stop(int number)
{
    (void)number;
    is_stopped = 1;
}

static double cpu_seconds(void)
{
    struct rusage used;
    (void)getrusage(RUSAGE_SELF, &used);
    return (double)(used.ru_utime.tv_sec + used.ru_stime.tv_sec) +
           (double)(used.ru_utime.tv_usec + used.ru_stime.tv_usec) / 1e6;
}

static void on_server_packet(gdws_multiplayer *mp, int32_t id, void *user)
{
    room *all = user;
    (void)id;
    if (all->received == 0) {
        all->joined_cpu = cpu_seconds();
    }
    book(all, all->next, mp);
}

static void serve(size_t peers, int channel)
{
    room all = {.peers = peers, .next = calloc(peers, sizeof(uint32_t))};
    const gdws_multiplayer_signals signals = {
        .size = sizeof(signals), .user = &all, .peer_packet = on_server_packet};
    (void)signal(SIGTERM, stop);
    gdws_multiplayer *mp = gdws_multiplayer_new(NULL);
    gdws_server *server = gdws_multiplayer_get_server(mp);
    (void)gdws_multiplayer_set_signals(mp, &signals);
    (void)gdws_multiplayer_set_stall_timeout_ms(mp, SETTLE_MS);
    (void)gdws_server_set_bind_ip(server, "127.0.0.1");
    (void)gdws_server_set_handshake_timeout_ms(server, SETTLE_MS);
    uint16_t port =
        gdws_multiplayer_create_server(mp, 0) == GDWS_OK ? gdws_server_get_port(server) : 0;
    if (write(channel, &port, sizeof(port)) != (ssize_t)sizeof(port)) {
        _exit(1);
    }
    while (is_stopped == 0) {
        (void)gdws_multiplayer_wait(mp, 1000);
    }
    struct rusage used;
    (void)getrusage(RUSAGE_SELF, &used);
    report result = {.received = all.received,
                     .wrong = all.wrong,
                     .joined_cpu = all.joined_cpu,
                     .cpu = cpu_seconds() - all.joined_cpu,
                     .resident_kb = used.ru_maxrss,
                     .left = gdws_multiplayer_get_peer_list(mp, NULL, 0)};
    gdws_multiplayer_free(mp);
    free(all.next);
    _exit(write(channel, &result, sizeof(result)) == (ssize_t)sizeof(result) ? 0 : 1);
}

/* The peers' process */

static void on_connected(gdws_multiplayer *mp, int32_t id, void *user)
{
    peer *one = user;
    (void)mp;
    (void)id;
    one->seen++;
}

static void on_packet(gdws_multiplayer *mp, int32_t id, void *user)
{
    peer *one = user;
    (void)id;
    book(one->room, one->room->next + one->index * one->room->peers, mp);
}

static void on_end(gdws_multiplayer *mp, void *user)
{
    peer *one = user;
    if (!one->is_over) {
        printf("WRONG: peer %zu is gone: %s, code %d\n", one->index,
               gdws_multiplayer_get_error_message(mp),
               gdws_peer_get_close_code(gdws_multiplayer_get_peer(mp, 1)));
        one->room->wrong++;
        one->is_over = true;
    }
}

/* Let all join, one after the other, and wait until each knows each. */
static bool join_all(gdws_loop *loop, room *all, peer *peers, uint16_t port)
{
    const gdws_multiplayer_signals template = {.size = sizeof(template),
                                               .peer_connected = on_connected,
                                               .connection_failed = on_end,
                                               .server_disconnected = on_end,
                                               .peer_packet = on_packet};
    char url[64];
    size_t known = 0;
    (void)snprintf(url, sizeof(url), "ws://127.0.0.1:%u", port);
    for (size_t i = 0; i < all->peers; i++) {
        gdws_multiplayer_signals signals = template;
        peers[i] = (peer){.room = all, .index = i, .mp = gdws_multiplayer_new(loop)};
        signals.user = &peers[i];
        if (peers[i].mp == NULL || gdws_multiplayer_set_signals(peers[i].mp, &signals) != GDWS_OK ||
            gdws_multiplayer_create_client(peers[i].mp, url) != GDWS_OK) {
            return false;
        }
        while (gdws_multiplayer_get_connection_status(peers[i].mp) == GDWS_CONNECTION_CONNECTING) {
            (void)gdws_loop_wait(loop, 100);
        }
        all->ids[i] = gdws_multiplayer_get_unique_id(peers[i].mp);
    }
    while (known < all->peers && all->wrong == 0) {
        (void)gdws_loop_wait(loop, 100);
        while (known < all->peers && peers[known].seen == all->peers) {
            known++;
        }
    }
    return all->wrong == 0;
}

/* Send what is due for one peer. Returns whether its connection takes no more. */
static bool send_due(peer *one, uint32_t due)
{
    while (one->sent < due) {
        entry packet = {.number = one->sent, .sender = (uint32_t)one->index, .sent_ns = now_ns()};
        if (gdws_multiplayer_put_packet(one->mp, &packet, sizeof(packet)) != GDWS_OK) {
            return true;
        }
        one->sent++;
    }
    return false;
}

/* Send at the rate that was asked for, everybody at another moment. Returns the seconds it took. */
static double talk(gdws_loop *loop, const room *all, peer *peers, uint32_t rate, uint32_t seconds)
{
    uint64_t start = now_ns();
    uint64_t gap = 1000000000u / rate;
    uint32_t total = rate * seconds;
    size_t unfinished = all->peers;
    while (unfinished > 0 && all->wrong == 0) {
        unfinished = 0;
        uint64_t elapsed = now_ns() - start;
        for (size_t i = 0; i < all->peers; i++) {
            uint64_t own = gap * i / all->peers;
            uint64_t due = elapsed >= own ? (elapsed - own) / gap + 1 : 0;
            (void)send_due(&peers[i], due < total ? (uint32_t)due : total);
            unfinished += peers[i].sent < total ? 1 : 0;
        }
        (void)gdws_loop_wait(loop, 2);
    }
    return (double)(now_ns() - start) / 1e9;
}

/* Wait until all that was sent has come. */
static void settle(gdws_loop *loop, const room *all, uint64_t expected)
{
    uint64_t limit = now_ns() + SETTLE_MS * UINT64_C(1000000);
    while (all->received < expected && all->wrong == 0 && now_ns() < limit) {
        (void)gdws_loop_wait(loop, 100);
    }
}

static int play(size_t count, uint32_t rate, uint32_t seconds, pid_t server, int channel)
{
    uint16_t port = 0;
    room all = {.peers = count,
                .next = calloc(count * count, sizeof(uint32_t)),
                .ids = calloc(count, sizeof(int32_t))};
    peer *peers = calloc(count, sizeof(peer));
    gdws_loop *loop = gdws_loop_new();
    report result = {0};
    bool is_there = read(channel, &port, sizeof(port)) == (ssize_t)sizeof(port) &&
                    join_all(loop, &all, peers, port);
    double took = is_there ? talk(loop, &all, peers, rate, seconds) : 0;
    uint64_t sent = (uint64_t)count * rate * seconds;
    settle(loop, &all, sent * (count - 1));
    (void)kill(server, SIGTERM);
    /* The server is read to its end first: then it has all that the peers have. */
    bool is_reported = read(channel, &result, sizeof(result)) == (ssize_t)sizeof(result);
    for (size_t i = 0; i < count; i++) {
        peers[i].is_over = true;
        gdws_multiplayer_free(peers[i].mp);
    }
    gdws_loop_free(loop);
    printf("%zu peers, %u packets a second each to all, for %u s (took %.1f s)\n", count, rate,
           seconds, took);
    printf("sent %llu, delivered %llu of %llu, to the server %llu of %llu, wrong %llu\n",
           (unsigned long long)sent, (unsigned long long)all.received,
           (unsigned long long)(sent * (count - 1)), (unsigned long long)result.received,
           (unsigned long long)sent, (unsigned long long)(all.wrong + result.wrong));
    printf("deliveries a second: %.0f; slowest of a sample: %.0f ms\n",
           took > 0 ? (double)all.received / took : 0, (double)all.slowest_ns / 1e6);
    printf("server: %.1f s of CPU for the joining, %.1f s after it, %.0f ns a delivery, %.1f MiB\n",
           result.joined_cpu, result.cpu,
           all.received > 0 ? result.cpu * 1e9 / (double)all.received : 0,
           (double)result.resident_kb / 1024);
    bool is_right = is_there && is_reported && all.wrong + result.wrong == 0 &&
                    all.received == sent * (count - 1) && result.received == sent &&
                    result.left == count;
    printf("ledger: %s\n", is_right ? "nothing lost" : "WRONG");
    free(peers);
    free(all.ids);
    free(all.next);
    return is_right ? 0 : 1;
}

int main(int argc, char **argv)
{
    int channel[2];
    struct rlimit limit;
    if (argc != 4 || atoi(argv[1]) < 2 || atoi(argv[2]) < 1 || atoi(argv[3]) < 1) {
        (void)fprintf(stderr, "usage: %s PEERS PACKETS_PER_SECOND SECONDS\n", argv[0]);
        return 2;
    }
    size_t count = (size_t)atoi(argv[1]);
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < limit.rlim_max) {
        limit.rlim_cur = limit.rlim_max;
        (void)setrlimit(RLIMIT_NOFILE, &limit);
    }
    if (socketpair(AF_UNIX, SOCK_SEQPACKET, 0, channel) != 0) {
        return 2;
    }
    pid_t server = fork();
    if (server == 0) {
        (void)close(channel[0]);
        serve(count, channel[1]);
    }
    (void)close(channel[1]);
    int status = server > 0 ? play(count, (uint32_t)atoi(argv[2]), (uint32_t)atoi(argv[3]), server,
                                   channel[0])
                            : 2;
    if (server > 0) {
        (void)waitpid(server, NULL, 0);
    }
    return status;
}
