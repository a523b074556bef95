/* SPDX-License-Identifier: MIT */
/* Many gdws clients on one loop keep messages in flight to an echo server. Prints their CPU time.
 * Usage: gdws_clients PORT COUNT SIZE IN_FLIGHT MS */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <gdws/gdws.h>

#include "process.h"

static size_t size;
static size_t in_flight;
static size_t connected;
static uint64_t received;
static uint8_t *payload;

static uint64_t now_ms(void)
{
    struct timespec time;
    (void)clock_gettime(CLOCK_MONOTONIC, &time);
    return (uint64_t)time.tv_sec * 1000u + (uint64_t)time.tv_nsec / 1000000u;
}

static void put(gdws_peer *peer)
{
    if (gdws_peer_put_packet(peer, payload, size) != GDWS_OK) {
        exit(1);
    }
}

static void on_connected(gdws_client *client, const char *protocol, void *user)
{
    (void)protocol;
    (void)user;
    connected++;
    for (size_t i = 0; i < in_flight; i++) {
        put(gdws_client_get_peer(client, 1));
    }
}

static void on_data(gdws_client *client, void *user)
{
    const uint8_t *packet;
    size_t length;
    gdws_peer *peer = gdws_client_get_peer(client, 1);
    (void)user;
    if (gdws_peer_get_packet(peer, &packet, &length) != GDWS_OK || length != size ||
        memcmp(packet, payload, size) != 0) {
        (void)fprintf(stderr, "a message differs\n");
        exit(1);
    }
    received++;
    put(peer);
}

static void on_error(gdws_client *client, void *user)
{
    (void)user;
    (void)fprintf(stderr, "%s\n", gdws_client_get_error_message(client));
    exit(1);
}

static void run_until(gdws_loop *loop, uint64_t end)
{
    while (now_ms() < end) {
        (void)gdws_loop_wait(loop, 10);
    }
}

int main(int argc, char **argv)
{
    const gdws_client_signals signals = {.size = sizeof(signals),
                                         .connected_to_host = on_connected,
                                         .connection_error = on_error,
                                         .data_received = on_data};
    char url[64];
    if (argc != 6) {
        return 2;
    }
    size_t count = strtoul(argv[2], NULL, 10);
    uint64_t duration = strtoul(argv[5], NULL, 10);
    size = strtoul(argv[3], NULL, 10);
    in_flight = strtoul(argv[4], NULL, 10);
    payload = calloc(1, size + 1);
    gdws_loop *loop = gdws_loop_new();
    (void)snprintf(url, sizeof(url), "ws://127.0.0.1:%s", argv[1]);
    for (size_t i = 0; i < count; i++) {
        gdws_client *client = gdws_client_new(loop);
        (void)gdws_client_set_signals(client, &signals);
        (void)gdws_client_set_inbound_buffer_size(client, 16u << 20);
        (void)gdws_client_set_outbound_buffer_size(client, 16u << 20);
        (void)gdws_client_connect_to_url(client, url);
    }
    while (connected < count) {
        (void)gdws_loop_wait(loop, 100);
    }
    run_until(loop, now_ms() + 300);
    uint64_t before = received;
    uint64_t start = now_ms();
    uint64_t cpu = process_cpu_ns(getpid());
    run_until(loop, start + duration);
    cpu = process_cpu_ns(getpid()) - cpu;
    double messages = (double)(received - before);
    (void)printf("{\"cpu_us\": %.4f, \"per_second\": %.0f}\n", (double)cpu / 1e3 / messages,
                 messages * 1e3 / (double)(now_ms() - start));
    return 0;
}
