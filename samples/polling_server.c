/* SPDX-License-Identifier: MIT */
/* An echo server without signals, as a game's frame would do it. Usage: polling_server PORT */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include <gdws/gdws.h>

#define PEERS_MAX 64

static volatile sig_atomic_t is_stopped;

static void stop(int number)
{
    (void)number;
    is_stopped = 1;
}

static void greet_new_peers(gdws_server *server)
{
    while (gdws_server_is_connection_available(server)) {
        int32_t id = gdws_server_take_connection(server);
        printf("%d has come\n", (int)id);
        gdws_peer_send_text(gdws_server_get_peer(server, id), "welcome");
    }
}

static void echo_packets(gdws_server *server, int32_t id)
{
    const uint8_t *packet;
    size_t length;
    gdws_peer *peer = gdws_server_get_peer(server, id);
    /* Take only what can be sent back: the rest waits, and so does the sender. */
    while (gdws_peer_get_current_outbound_buffered_amount(peer) < 65536 &&
           gdws_server_get_peer_packet(server, id, &packet, &length) == GDWS_OK) {
        bool is_text = gdws_peer_was_string_packet(peer);
        gdws_peer_send(peer, packet, length,
                       is_text ? GDWS_WRITE_MODE_TEXT : GDWS_WRITE_MODE_BINARY);
    }
}

int main(int argc, char **argv)
{
    int32_t ids[PEERS_MAX];
    if (argc != 2) {
        fprintf(stderr, "usage: %s PORT\n", argv[0]);
        return 2;
    }
    setvbuf(stdout, NULL, _IOLBF, 0);
    signal(SIGINT, stop);
    signal(SIGTERM, stop);
    gdws_server *server = gdws_server_new(NULL);
    gdws_server_set_bind_ip(server, "127.0.0.1");
    gdws_error error = gdws_server_listen(server, (uint16_t)atoi(argv[1]));
    if (error != GDWS_OK) {
        fprintf(stderr, "cannot listen: %s\n", gdws_error_text(error));
        gdws_server_free(server);
        return 1;
    }
    printf("listening on %d\n", gdws_server_get_port(server));
    while (!is_stopped) {
        gdws_server_wait(server, 16);
        greet_new_peers(server);
        size_t count = gdws_server_get_peer_list(server, ids, PEERS_MAX);
        for (size_t i = 0; i < count && i < PEERS_MAX; i++) {
            echo_packets(server, ids[i]);
        }
    }
    gdws_server_free(server);
    return 0;
}
