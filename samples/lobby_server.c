/* SPDX-License-Identifier: MIT */
/* A dedicated server for a Godot 3 game: welcomes players, passes on what they send each other, and
 * says who is there. samples/godot3 is a game that joins it. Usage: lobby_server PORT */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <gdws/gdws.h>

#define PLAYERS_MAX 64

static volatile sig_atomic_t is_stopped;

static void stop(int number)
{
    (void)number;
    is_stopped = 1;
}

static void print_players(gdws_multiplayer *lobby)
{
    int32_t ids[PLAYERS_MAX];
    size_t count = gdws_multiplayer_get_peer_list(lobby, ids, PLAYERS_MAX);
    printf("players:");
    for (size_t i = 0; i < count && i < PLAYERS_MAX; i++) {
        printf(" %d", (int)ids[i]);
    }
    printf("\n");
}

static void on_connected(gdws_multiplayer *lobby, int32_t id, void *user)
{
    (void)user;
    printf("%d joins from %s\n", (int)id, gdws_multiplayer_get_peer_address(lobby, id));
    print_players(lobby);
    /* Godot's RPCs are packets, too; the first byte 4 marks a raw one, for network_peer_packet. */
    static const char welcome[] = "\x04welcome to the lobby";
    gdws_multiplayer_set_target_peer(lobby, id);
    gdws_multiplayer_put_packet(lobby, welcome, strlen(welcome));
}

static void on_disconnected(gdws_multiplayer *lobby, int32_t id, void *user)
{
    (void)user;
    printf("%d leaves\n", (int)id);
    print_players(lobby);
}

/* Packets to all are for the server, too: it must take them, or in the end nobody can send. */
static void on_packet(gdws_multiplayer *lobby, int32_t id, void *user)
{
    const uint8_t *packet;
    size_t length;
    (void)user;
    (void)id;
    int32_t from = gdws_multiplayer_get_packet_peer(lobby);
    if (gdws_multiplayer_get_packet(lobby, &packet, &length) == GDWS_OK) {
        printf("%d sends %zu bytes\n", (int)from, length);
    }
}

int main(int argc, char **argv)
{
    const gdws_multiplayer_signals signals = {
        .size = sizeof(signals),
        .peer_connected = on_connected,
        .peer_disconnected = on_disconnected,
        .peer_packet = on_packet,
    };
    if (argc != 2) {
        fprintf(stderr, "usage: %s PORT\n", argv[0]);
        return 2;
    }
    setvbuf(stdout, NULL, _IOLBF, 0);
    signal(SIGINT, stop);
    signal(SIGTERM, stop);
    gdws_multiplayer *lobby = gdws_multiplayer_new(NULL);
    gdws_server *server = gdws_multiplayer_get_server(lobby);
    gdws_multiplayer_set_signals(lobby, &signals);
    gdws_server_set_bind_ip(server, "127.0.0.1");
    gdws_server_set_heartbeat(server, 5000, 10000);
    gdws_error error = gdws_multiplayer_create_server(lobby, (uint16_t)atoi(argv[1]));
    if (error != GDWS_OK) {
        fprintf(stderr, "cannot listen: %s\n", gdws_error_text(error));
        gdws_multiplayer_free(lobby);
        return 1;
    }
    printf("listening on %d\n", gdws_server_get_port(server));
    while (!is_stopped) {
        gdws_multiplayer_wait(lobby, 500);
    }
    gdws_multiplayer_free(lobby);
    return 0;
}
