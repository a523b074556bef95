/* SPDX-License-Identifier: MIT */
/* What idle peers cost: the CPU time of a poll with nothing to do, and how often a wait wakes the
 * process. Prints one line of JSON. Usage: idle PEERS WAIT_MS */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <arpa/inet.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include <gdws/gdws.h>

#define POLLS 20000

static uint64_t own_cpu_ns(void)
{
    struct timespec time;
    (void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
    return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
}

static void connect_one(uint16_t port)
{
    static const char request[] = "GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\n"
                                  "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
                                  "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
    int descriptor = socket(AF_INET, SOCK_STREAM, 0);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (connect(descriptor, (struct sockaddr *)&address, sizeof(address)) != 0 ||
        send(descriptor, request, sizeof(request) - 1, MSG_NOSIGNAL) < 0) {
        perror("idle");
        exit(1);
    }
}

/* The other side, a process of its own: it ends with its parent. */
static void connect_all(uint16_t port, size_t count, int lifeline)
{
    char byte;
    for (size_t i = 0; i < count; i++) {
        connect_one(port);
    }
    (void)!read(lifeline, &byte, 1);
    _exit(0);
}

static long wakeups(void)
{
    struct rusage usage;
    (void)getrusage(RUSAGE_SELF, &usage);
    return usage.ru_nvcsw;
}

int main(int argc, char **argv)
{
    struct rlimit limit;
    if (argc != 3) {
        return 2;
    }
    size_t count = strtoul(argv[1], NULL, 10);
    int wait_ms = atoi(argv[2]);
    (void)getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max;
    (void)setrlimit(RLIMIT_NOFILE, &limit);
    gdws_server *server = gdws_server_new(NULL);
    gdws_loop *loop = gdws_server_get_loop(server);
    (void)gdws_server_set_bind_ip(server, "127.0.0.1");
    if (gdws_server_listen(server, 0) != GDWS_OK) {
        return 1;
    }
    int lifeline[2];
    if (pipe(lifeline) != 0) {
        return 1;
    }
    if (fork() == 0) {
        (void)close(lifeline[1]);
        connect_all(gdws_server_get_port(server), count, lifeline[0]);
    }
    while (gdws_server_get_peer_list(server, NULL, 0) < count) {
        (void)gdws_loop_wait(loop, 100);
    }
    (void)gdws_loop_wait(loop, 100);
    uint64_t cpu = own_cpu_ns();
    for (int i = 0; i < POLLS; i++) {
        (void)gdws_loop_poll(loop);
    }
    cpu = own_cpu_ns() - cpu;
    long before = wakeups();
    gdws_error error = gdws_loop_wait(loop, wait_ms);
    /* Going to sleep is one switch; each waking in between is one more. */
    long woken = wakeups() - before - 1;
    (void)printf("{\"peers\": %zu, \"poll_us\": %.3f, \"wait_ms\": %d, \"woken\": %ld, "
                 "\"timed_out\": %s}\n",
                 count, (double)cpu / 1e3 / POLLS, wait_ms, woken,
                 error == GDWS_TIMEOUT ? "true" : "false");
    return 0;
}
