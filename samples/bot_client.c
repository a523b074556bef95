/* SPDX-License-Identifier: MIT */
/* A bot that joins a Godot 3 game (or the lobby server), greets each player that it meets, prints
 * what it hears, and leaves after a while. Usage: bot_client URL SECONDS */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <gdws/gdws.h>

#define GOES_ON (-1)

/* Godot's MultiplayerAPI takes the first byte for the kind of packet; 4 is a raw one, which it
 * gives to the signal network_peer_packet. */
static const char greeting[] = "\x04hello from the bot";

static void on_succeeded(gdws_multiplayer *game, void *user)
{
    (void)user;
    printf("bot: joined as %d\n", (int)gdws_multiplayer_get_unique_id(game));
}

static void on_connected(gdws_multiplayer *game, int32_t id, void *user)
{
    (void)user;
    printf("bot: meets %d\n", (int)id);
    if (id != GDWS_TARGET_PEER_SERVER) {
        gdws_multiplayer_set_target_peer(game, id);
        gdws_multiplayer_put_packet(game, greeting, strlen(greeting));
    }
}

static void on_disconnected(gdws_multiplayer *game, int32_t id, void *user)
{
    (void)game;
    (void)user;
    printf("bot: loses %d\n", (int)id);
}

static void on_packet(gdws_multiplayer *game, int32_t id, void *user)
{
    const uint8_t *packet;
    size_t length;
    (void)id;
    (void)user;
    int32_t from = gdws_multiplayer_get_packet_peer(game);
    if (gdws_multiplayer_get_packet(game, &packet, &length) == GDWS_OK) {
        printf("bot: %d says: %s\n", (int)from,
               packet[0] == 4 ? (const char *)packet + 1 : "(RPC)");
    }
}

static void on_failed(gdws_multiplayer *game, void *user)
{
    int *result = user;
    fprintf(stderr, "bot: %s\n", gdws_multiplayer_get_error_message(game));
    *result = 1;
}

static void on_over(gdws_multiplayer *game, void *user)
{
    int *result = user;
    (void)game;
    *result = 0;
}

int main(int argc, char **argv)
{
    int result = GOES_ON;
    const gdws_multiplayer_signals signals = {
        .size = sizeof(signals),
        .user = &result,
        .peer_connected = on_connected,
        .peer_disconnected = on_disconnected,
        .connection_succeeded = on_succeeded,
        .connection_failed = on_failed,
        .server_disconnected = on_over,
        .peer_packet = on_packet,
    };
    if (argc != 3) {
        fprintf(stderr, "usage: %s URL SECONDS\n", argv[0]);
        return 2;
    }
    gdws_multiplayer *game = gdws_multiplayer_new(NULL);
    gdws_multiplayer_set_signals(game, &signals);
    time_t end = time(NULL) + atoi(argv[2]);
    if (gdws_multiplayer_create_client(game, argv[1]) != GDWS_OK) {
        on_failed(game, &result);
    }
    while (result == GOES_ON) {
        gdws_multiplayer_wait(game, 200);
        if (time(NULL) >= end) {
            gdws_multiplayer_close(game);
        }
    }
    gdws_multiplayer_free(game);
    return result;
}
