/* SPDX-License-Identifier: MIT */
/* A server and a plain socket in one thread, in lockstep, so that callgrind counts the same each
 * time. Only what runs inside gdws_loop_poll is counted. Usage: instructions WORKLOAD ROUNDS */
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <gdws/gdws.h>

typedef struct workload {
    const char *name;
    size_t size;
    size_t messages; /* in each round */
    bool is_watched; /* by an inspector with a page that reads nothing */
} workload;

static const workload workloads[] = {{"burst", 20, 16, false},
                                     {"single", 20, 1, false},
                                     {"large", 16384, 1, false},
                                     {"stalled", 20, 16, true}};

static void on_data(gdws_server *server, int32_t id, void *user)
{
    const uint8_t *packet;
    size_t length;
    gdws_peer *peer = gdws_server_get_peer(server, id);
    (void)user;
    if (gdws_peer_get_packet(peer, &packet, &length) == GDWS_OK) {
        (void)gdws_peer_put_packet(peer, packet, length);
    }
}

static size_t encode(uint8_t *target, size_t size)
{
    size_t at = 2;
    target[0] = 0x82;
    if (size < 126) {
        target[1] = (uint8_t)(0x80 | size);
    } else {
        target[1] = 0xfe;
        target[2] = (uint8_t)(size >> 8);
        target[3] = (uint8_t)size;
        at = 4;
    }
    memset(target + at, 'm', size + 4);
    return at + 4 + size;
}

static int connect_to(uint16_t port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
    int on = 1;
    int descriptor = socket(AF_INET, SOCK_STREAM, 0);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (connect(descriptor, (struct sockaddr *)&address, sizeof(address)) != 0) {
        exit(1);
    }
    (void)setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    return descriptor;
}

static void send_all(int descriptor, const void *bytes, size_t length)
{
    if (send(descriptor, bytes, length, MSG_NOSIGNAL) != (ssize_t)length) {
        exit(1);
    }
}

/* Let the server do what is ready, then read what it sent. */
static void exchange(gdws_loop *loop, int descriptor, size_t expected)
{
    static uint8_t answer[65536];
    struct pollfd ready = {.fd = gdws_loop_get_fd(loop), .events = POLLIN};
    size_t got = 0;
    (void)poll(&ready, 1, 1000);
    (void)gdws_loop_poll(loop);
    while (got < expected) {
        ssize_t length = recv(descriptor, answer, sizeof(answer), 0);
        if (length <= 0) {
            exit(1);
        }
        got += (size_t)length;
    }
}

#define UPGRADE                                                                                    \
    "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"                   \
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"

/* Watch the server, and open a page that takes nothing once it is told of what is there. */
static gdws_inspector *watch(gdws_server *server)
{
    gdws_loop *loop = gdws_server_get_loop(server);
    gdws_inspector *inspector = gdws_inspector_new(loop, NULL, 0);
    char request[512];
    if (gdws_inspector_watch_server(inspector, server, "echo") != GDWS_OK) {
        exit(1);
    }
    const char *port = strrchr(gdws_inspector_get_url(inspector), ':') + 1;
    int length =
        snprintf(request, sizeof(request), "GET %ssocket HTTP/1.1\r\nHost: localhost\r\n%s",
                 strchr(port, '/'), UPGRADE);
    send_all(connect_to((uint16_t)atoi(port)), request, (size_t)length);
    while (gdws_inspector_get_page_count(inspector) == 0) {
        (void)gdws_loop_wait(loop, 100);
    }
    for (int i = 0; i < 6; i++) {
        (void)gdws_loop_wait(loop, 100);
    }
    return inspector;
}

int main(int argc, char **argv)
{
    static const char request[] = "GET / HTTP/1.1\r\nHost: a\r\n" UPGRADE;
    static uint8_t batch[32768];
    const gdws_server_signals signals = {.size = sizeof(signals), .data_received = on_data};
    const workload *w = NULL;
    size_t length = 0;
    for (size_t i = 0; argc == 3 && i < sizeof(workloads) / sizeof(workloads[0]); i++) {
        w = strcmp(argv[1], workloads[i].name) == 0 ? &workloads[i] : w;
    }
    if (w == NULL) {
        return 2;
    }
    for (size_t i = 0; i < w->messages; i++) {
        length += encode(batch + length, w->size);
    }
    gdws_server *server = gdws_server_new(NULL);
    gdws_loop *loop = gdws_server_get_loop(server);
    (void)gdws_server_set_signals(server, &signals);
    (void)gdws_server_set_bind_ip(server, "127.0.0.1");
    if (gdws_server_listen(server, 0) != GDWS_OK) {
        return 1;
    }
    (void)gdws_loop_poll(loop);
    int descriptor = connect_to(gdws_server_get_port(server));
    exchange(loop, descriptor, 0);
    send_all(descriptor, request, sizeof(request) - 1);
    exchange(loop, descriptor, 1);
    gdws_inspector *inspector = w->is_watched ? watch(server) : NULL;
    unsigned long rounds = strtoul(argv[2], NULL, 10);
    for (unsigned long i = 0; i < rounds; i++) {
        send_all(descriptor, batch, length);
        exchange(loop, descriptor, length - 4 * w->messages);
    }
    (void)close(descriptor);
    gdws_inspector_free(inspector);
    gdws_server_free(server);
    return 0;
}
