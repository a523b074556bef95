/* SPDX-License-Identifier: MIT */
/* A server that sends back what it receives, with signals. Usage: echo_server PORT [PROTOCOL…] */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include <gdws/gdws.h>

static volatile sig_atomic_t is_stopped;

static void stop(int number)
{
    (void)number;
    is_stopped = 1;
}

static void on_connected(gdws_server *server, int32_t id, const char *protocol, void *user)
{
    (void)user;
    printf("%d connected from %s, subprotocol \"%s\"\n", (int)id,
           gdws_server_get_peer_address(server, id), protocol);
}

static void on_data(gdws_server *server, int32_t id, void *user)
{
    const uint8_t *packet;
    size_t length;
    gdws_peer *peer = gdws_server_get_peer(server, id);
    (void)user;
    if (gdws_peer_get_packet(peer, &packet, &length) != GDWS_OK) {
        return;
    }
    gdws_write_mode mode = GDWS_WRITE_MODE_BINARY;
    if (gdws_peer_was_string_packet(peer)) {
        mode = GDWS_WRITE_MODE_TEXT;
        printf("%d says: %.100s\n", (int)id, (const char *)packet);
    }
    if (gdws_peer_send(peer, packet, length, mode) == GDWS_OUT_OF_MEMORY) {
        gdws_peer_close(peer, 1013, "you do not read your echoes");
    }
}

static void on_close_request(gdws_server *server, int32_t id, int code, const char *reason,
                             void *user)
{
    (void)server;
    (void)user;
    printf("%d closes: %d \"%s\"\n", (int)id, code, reason);
}

static void on_disconnected(gdws_server *server, int32_t id, bool was_clean, void *user)
{
    (void)server;
    (void)user;
    printf("%d is gone, %s\n", (int)id, was_clean ? "clean" : "not clean");
}

int main(int argc, char **argv)
{
    const gdws_server_signals signals = {
        .size = sizeof(signals),
        .client_connected = on_connected,
        .data_received = on_data,
        .client_close_request = on_close_request,
        .client_disconnected = on_disconnected,
    };
    if (argc < 2) {
        fprintf(stderr, "usage: %s PORT [SUBPROTOCOL...]\n", argv[0]);
        return 2;
    }
    setvbuf(stdout, NULL, _IOLBF, 0);
    signal(SIGINT, stop);
    signal(SIGTERM, stop);
    gdws_server *server = gdws_server_new(NULL);
    gdws_server_set_signals(server, &signals);
    gdws_server_set_bind_ip(server, "127.0.0.1");
    gdws_server_set_supported_protocols(server, (const char *const *)(argv + 2),
                                        (size_t)(argc - 2));
    gdws_error error = gdws_server_listen(server, (uint16_t)atoi(argv[1]));
    if (error != GDWS_OK) {
        fprintf(stderr, "cannot listen: %s\n", gdws_error_text(error));
        gdws_server_free(server);
        return 1;
    }
    printf("listening on %d\n", gdws_server_get_port(server));
    while (!is_stopped) {
        gdws_server_wait(server, 500);
    }
    gdws_server_free(server);
    return 0;
}
