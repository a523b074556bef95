/* SPDX-License-Identifier: MIT */
/* A program with much to watch: a server and a multiplayer session, PEERS clients on the same loop
 * that send RATE messages a second to the server, which answers them, and an inspector. Usage:
 * crowd PEERS RATE */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <gdws/gdws.h>

static const char *const texts[] = {
    "{\"type\":\"move\",\"x\":12.25,\"y\":-3.5,\"facing\":\"north\"}",
    "{\"type\":\"chat\",\"from\":\"anna\",\"text\":\"has anyone seen the key to the cellar?\"}",
    "ping", "{\"type\":\"inventory\",\"items\":[\"lamp\",\"rope\",\"bread\"],\"gold\":37}"};

static uint64_t now_us(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

static void on_data(gdws_server *server, int32_t id, void *user)
{
    static const uint8_t state[24] = {7, 0, 0, 0, 200, 13, 66, 9, 1, 2, 3, 4, 5};
    const uint8_t *packet;
    size_t length;
    gdws_peer *peer = gdws_server_get_peer(server, id);
    (void)user;
    if (gdws_peer_get_packet(peer, &packet, &length) == GDWS_OK) {
        if (gdws_peer_was_string_packet(peer) && length < 20) {
            (void)gdws_peer_send_text(peer, "pong");
        } else {
            (void)gdws_peer_send(peer, state, sizeof(state), GDWS_WRITE_MODE_BINARY);
        }
    }
}

static void on_answer(gdws_client *client, void *user)
{
    const uint8_t *packet;
    size_t length;
    (void)user;
    (void)gdws_client_get_peer_packet(client, 1, &packet, &length);
}

static void send_one(gdws_client *client, uint64_t number)
{
    static uint8_t binary[300];
    gdws_peer *peer = gdws_client_get_peer(client, 1);
    if (number % 3 == 0) {
        binary[0] = (uint8_t)number;
        (void)gdws_peer_put_packet(peer, binary, number % sizeof(binary));
    } else {
        (void)gdws_peer_send_text(peer, texts[number % (sizeof(texts) / sizeof(texts[0]))]);
    }
}

/* Send what is due since the beginning. A little more and less each second, as it is in a game. */
static void send_due(gdws_client **clients, size_t peers, uint64_t rate, uint64_t began,
                     uint64_t *sent)
{
    uint64_t passed = now_us() - began;
    uint64_t wave = (passed / 1000000) % 20;
    uint64_t due = passed * rate / 1000000;
    while (*sent < due) {
        uint64_t number = *sent;
        bool is_sent = (number * 2654435761u >> 7) % 40 >= (wave < 10 ? wave : 20 - wave);
        if (is_sent) {
            send_one(clients[(number * 7919) % peers], number);
        }
        (*sent)++;
    }
}

int main(int argc, char **argv)
{
    const gdws_server_signals at_server = {.size = sizeof(at_server), .data_received = on_data};
    const gdws_client_signals at_client = {.size = sizeof(at_client), .data_received = on_answer};
    const char *const protocols[] = {"game-v2"};
    size_t peers = argc == 3 ? strtoul(argv[1], NULL, 10) : 0;
    char url[64];
    uint64_t sent = 0;
    if (peers == 0) {
        return 2;
    }
    gdws_loop *loop = gdws_loop_new();
    gdws_server *server = gdws_server_new(loop);
    gdws_multiplayer *lobby = gdws_multiplayer_new(loop);
    gdws_client **clients = calloc(peers, sizeof(*clients));
    gdws_inspector *inspector = gdws_inspector_new(loop, NULL, 0);
    gdws_server_set_bind_ip(server, "127.0.0.1");
    gdws_server_set_heartbeat(server, 1000, 10000);
    gdws_server_set_signals(server, &at_server);
    gdws_server_set_bind_ip(gdws_multiplayer_get_server(lobby), "127.0.0.1");
    if (clients == NULL || inspector == NULL || gdws_server_listen(server, 0) != GDWS_OK ||
        gdws_multiplayer_create_server(lobby, 0) != GDWS_OK) {
        return 1;
    }
    gdws_inspector_watch_server(inspector, server, "game");
    gdws_inspector_watch_multiplayer(inspector, lobby, "lobby");
    gdws_inspector_set_allow_closing(inspector, true);
    snprintf(url, sizeof(url), "ws://127.0.0.1:%d", gdws_server_get_port(server));
    for (size_t i = 0; i < peers; i++) {
        clients[i] = gdws_client_new(loop);
        gdws_client_set_signals(clients[i], &at_client);
        gdws_client_set_supported_protocols(clients[i], protocols, 1);
        gdws_client_connect_to_url(clients[i], url);
        (void)gdws_loop_poll(loop);
    }
    while (gdws_server_get_peer_list(server, NULL, 0) < peers) {
        (void)gdws_loop_wait(loop, 10);
    }
    printf("inspector: %s\nlistening on %d\n", gdws_inspector_get_url(inspector),
           gdws_server_get_port(server));
    (void)fflush(stdout);
    for (uint64_t began = now_us();;) {
        send_due(clients, peers, strtoull(argv[2], NULL, 10), began, &sent);
        (void)gdws_loop_wait(loop, 2);
    }
}
