/* SPDX-License-Identifier: MIT */
/* Any messages from players to a session's server, and from a server to a session's client, on
 * Godot 3's and Godot 4's wire. What must hold: a peer is added before its packets come and removed
 * once; a server's packets come from somebody who is there; nothing is left when all is freed. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gdws/gdws.h"
#include "loop.h"
#include "mem.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { KNOWN_MAX = 64, PLAYERS = 2 };

static gdws_loop *loop;
static size_t in_use_before;

/* Who a session has been told of. */
typedef struct crowd {
    int32_t ids[KNOWN_MAX];
    size_t count;
    int succeeded;
    int ended;
    bool is_client;
} crowd;

static void require(bool condition)
{
    if (!condition) {
        abort();
    }
}

static size_t in_use(void)
{
    return gdwsi_mem_live() - gdwsi_pool_kept(&loop->pool);
}

static size_t place_of(const crowd *known, int32_t id)
{
    size_t i = 0;
    while (i < known->count && known->ids[i] != id) {
        i++;
    }
    return i;
}

static void on_peer_connected(gdws_multiplayer *multiplayer, int32_t id, void *user)
{
    crowd *known = user;
    (void)multiplayer;
    require(place_of(known, id) == known->count);
    if (known->count < KNOWN_MAX) {
        known->ids[known->count] = id;
        known->count++;
    }
}

static void on_peer_disconnected(gdws_multiplayer *multiplayer, int32_t id, void *user)
{
    crowd *known = user;
    size_t place = place_of(known, id);
    (void)multiplayer;
    require(place < known->count || known->count == KNOWN_MAX);
    if (place < known->count) {
        known->count--;
        known->ids[place] = known->ids[known->count];
    }
}

static void on_succeeded(gdws_multiplayer *multiplayer, void *user)
{
    crowd *known = user;
    (void)multiplayer;
    known->succeeded++;
    require(known->succeeded == 1 && known->ended == 0);
}

static void on_ended(gdws_multiplayer *multiplayer, void *user)
{
    crowd *known = user;
    (void)multiplayer;
    known->ended++;
    require(known->ended == 1);
}

static void on_packet(gdws_multiplayer *multiplayer, int32_t id, void *user)
{
    crowd *known = user;
    const uint8_t *packet;
    size_t length;
    require(gdws_multiplayer_get_packet_peer(multiplayer) == id);
    /* A client believes its server in this, as Godot's does. */
    require(known->is_client || place_of(known, id) < known->count || known->count == KNOWN_MAX);
    require(gdws_multiplayer_get_packet(multiplayer, &packet, &length) == GDWS_OK);
}

static gdws_multiplayer *make(crowd *known, gdws_multiplayer_wire wire)
{
    const gdws_multiplayer_signals signals = {.size = sizeof(signals),
                                              .user = known,
                                              .peer_connected = on_peer_connected,
                                              .peer_disconnected = on_peer_disconnected,
                                              .connection_succeeded = on_succeeded,
                                              .connection_failed = on_ended,
                                              .server_disconnected = on_ended,
                                              .peer_packet = on_packet};
    gdws_multiplayer *multiplayer = gdws_multiplayer_new(loop);
    require(gdws_multiplayer_set_signals(multiplayer, &signals) == GDWS_OK);
    require(gdws_multiplayer_set_wire(multiplayer, wire) == GDWS_OK);
    return multiplayer;
}

static void poll_until(bool (*holds)(void *what), void *what)
{
    for (int i = 0; i < 2000 && !holds(what); i++) {
        (void)gdws_loop_wait(loop, 1);
    }
    require(holds(what));
}

static bool is_connected(void *client)
{
    return gdws_client_get_connection_status(client) == GDWS_CONNECTION_CONNECTED;
}

static bool has_greeting(void *client)
{
    return gdws_peer_get_available_packet_count(gdws_client_get_peer(client, 1)) > 0;
}

static bool has_connection(void *server)
{
    return gdws_server_is_connection_available(server);
}

/* Who sends: players, or a server's peer. */
typedef struct senders {
    gdws_client *players[PLAYERS];
    gdws_server *server;
    int32_t id;
} senders;

static gdws_peer *sender(const senders *all, size_t turn)
{
    return all->server != NULL ? gdws_server_get_peer(all->server, all->id)
                               : gdws_client_get_peer(all->players[turn % PLAYERS], 1);
}

/* Send what the input says: a length, then so many bytes, as many times as it has them. */
static void send_all(const senders *all, int32_t own_id, const uint8_t *data, size_t size)
{
    for (size_t turn = 0; size > 1; turn++) {
        uint8_t message[256];
        size_t length = data[0] % 64u;
        bool is_text = data[0] > 250;
        bool names_itself = data[0] & 64;
        length = length < size - 1 ? length : size - 1;
        memcpy(message, data + 1, length);
        if (names_itself && length >= 5) {
            /* The sender's true id, which no input could guess. */
            memcpy(message + 1, &own_id, sizeof(own_id));
        }
        (void)gdws_peer_send(sender(all, turn), message, length,
                             is_text ? GDWS_WRITE_MODE_TEXT : GDWS_WRITE_MODE_BINARY);
        data += 1 + length;
        size -= 1 + length;
        (void)gdws_loop_poll(loop);
    }
    for (int i = 0; i < 4; i++) {
        (void)gdws_loop_poll(loop);
    }
}

static void connect_to(gdws_client *client, gdws_server *server)
{
    char url[64];
    (void)snprintf(url, sizeof(url), "ws://127.0.0.1:%u", gdws_server_get_port(server));
    require(gdws_client_connect_to_url(client, url) == GDWS_OK);
}

static void play_at_server(gdws_multiplayer_wire wire, const uint8_t *data, size_t size)
{
    crowd known = {0};
    senders all = {.server = NULL};
    const uint8_t *packet;
    size_t length;
    int32_t own_id = 0;
    gdws_multiplayer *game = make(&known, wire);
    gdws_server *server = gdws_multiplayer_get_server(game);
    require(gdws_server_set_bind_ip(server, "127.0.0.1") == GDWS_OK);
    require(gdws_multiplayer_create_server(game, 0) == GDWS_OK);
    for (size_t i = 0; i < PLAYERS; i++) {
        all.players[i] = gdws_client_new(loop);
        connect_to(all.players[i], server);
        poll_until(is_connected, all.players[i]);
        poll_until(has_greeting, all.players[i]);
    }
    require(gdws_peer_get_packet(sender(&all, 0), &packet, &length) == GDWS_OK && length >= 4);
    memcpy(&own_id, packet + length - 4, sizeof(own_id));
    send_all(&all, own_id, data, size);
    gdws_client_free(all.players[0]);
    (void)gdws_loop_poll(loop);
    gdws_client_free(all.players[1]);
    gdws_multiplayer_free(game);
    require(known.count == 0 || known.count == KNOWN_MAX);
}

static void play_at_client(gdws_multiplayer_wire wire, const uint8_t *data, size_t size)
{
    crowd known = {.is_client = true};
    char url[64];
    gdws_server *server = gdws_server_new(loop);
    require(gdws_server_set_bind_ip(server, "127.0.0.1") == GDWS_OK);
    require(gdws_server_listen(server, 0) == GDWS_OK);
    (void)snprintf(url, sizeof(url), "ws://127.0.0.1:%u", gdws_server_get_port(server));
    gdws_multiplayer *game = make(&known, wire);
    require(gdws_multiplayer_create_client(game, url) == GDWS_OK);
    poll_until(has_connection, server);
    const senders all = {.server = server, .id = gdws_server_take_connection(server)};
    send_all(&all, 1, data, size);
    gdws_server_free(server);
    (void)gdws_loop_poll(loop);
    gdws_multiplayer_free(game);
}

static void ignore_log(gdws_log_level level, const char *line, void *user)
{
    (void)level;
    (void)user;
    require(line != NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2) {
        return 0;
    }
    gdws_set_log_callback(ignore_log, NULL);
    if (loop == NULL) {
        loop = gdws_loop_new();
        require(loop != NULL);
        in_use_before = in_use();
    }
    gdws_multiplayer_wire wire = data[0] & 1 ? GDWS_MULTIPLAYER_GODOT_4 : GDWS_MULTIPLAYER_GODOT_3;
    if (data[0] & 2) {
        play_at_client(wire, data + 1, size - 1);
    } else {
        play_at_server(wire, data + 1, size - 1);
    }
    for (int i = 0; i < 2000 && in_use() > in_use_before; i++) {
        (void)gdws_loop_wait(loop, 1);
    }
    require(in_use() == in_use_before);
    return 0;
}
