/* SPDX-License-Identifier: MIT */
/* A multiplayer session under faults: a server and some clients, each of which sends to all others.
 * Whoever hears a player hears all that he says from then on, in order. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "seed.h"

#define PLAYERS_MAX 5
#define TIMEOUT_MS 400
#define PATIENT_MS 10000

typedef struct player {
    struct party *in;
    gdws_multiplayer *mp;
    int index;
    uint32_t put;
    uint32_t next[PLAYERS_MAX]; /* 0: nothing has come of him; else the number after the last */
    int known;                  /* peers that are there */
    int succeeded;
    int failed;
    int disconnected;
    bool is_new; /* came after the faults */
} player;

typedef struct party {
    const plan *all;
    outcome *result;
    gdws_loop *loop;
    player players[PLAYERS_MAX]; /* the first is the server */
    int count;
    bool is_over; /* who goes now is not lost */
} party;

typedef struct message {
    uint32_t index;
    uint32_t number;
    uint8_t fill[56];
} message;

static void fill(message *one, uint32_t index, uint32_t number)
{
    one->index = index;
    one->number = number;
    memset(one->fill, (int)((index * 7 + number) & 0xff), sizeof(one->fill));
}

static void hear(player *one)
{
    party *in = one->in;
    const uint8_t *packet;
    size_t length;
    message heard;
    message expected;
    while (gdws_multiplayer_get_packet(one->mp, &packet, &length) == GDWS_OK) {
        if (length != sizeof(heard)) {
            seed_fail(in->result, "player %d: a packet of %zu bytes", one->index, length);
            return;
        }
        memcpy(&heard, packet, sizeof(heard));
        fill(&expected, heard.index, heard.number);
        if (heard.index >= PLAYERS_MAX || memcmp(&heard, &expected, sizeof(heard)) != 0 ||
            heard.index == (uint32_t)one->index || heard.number >= in->players[heard.index].put) {
            seed_fail(in->result, "player %d: a packet that nobody has sent", one->index);
            return;
        }
        uint32_t *next = &one->next[heard.index];
        if (*next != 0 && *next != heard.number + 1) {
            seed_fail(in->result, "player %d: packet %u of player %u comes, due is %u", one->index,
                      heard.number, heard.index, *next - 1);
        }
        *next = heard.number + 2;
        in->result->received++;
    }
}

static void on_peer_connected(gdws_multiplayer *mp, int32_t id, void *user)
{
    player *one = user;
    (void)mp;
    one->known++;
    one->in->result->connections += one->index == 0 && id > 1 ? 1 : 0;
}

static void on_peer_disconnected(gdws_multiplayer *mp, int32_t id, void *user)
{
    player *one = user;
    (void)mp;
    one->known--;
    one->in->result->lost += one->index == 0 && !one->in->is_over ? 1 : 0;
    if (one->known < 0) {
        seed_fail(one->in->result, "player %d: %d is gone, and was never there", one->index, id);
    }
}

static void on_succeeded(gdws_multiplayer *mp, void *user)
{
    player *one = user;
    (void)mp;
    one->succeeded++;
}

static void on_failed(gdws_multiplayer *mp, void *user)
{
    player *one = user;
    const char *words = gdws_multiplayer_get_error_message(mp);
    one->failed++;
    one->in->result->refused++;
    (void)fprintf(stderr, "    player %d: %s\n", one->index, words);
    if (words[0] == '\0') {
        seed_fail(one->in->result, "player %d: an error without words", one->index);
    }
}

static void on_disconnected(gdws_multiplayer *mp, void *user)
{
    player *one = user;
    (void)mp;
    one->disconnected++;
    if (one->disconnected > one->succeeded || one->known != 0) {
        seed_fail(one->in->result, "player %d: an end too early", one->index);
    }
}

static void make_player(party *in, player *one, int index)
{
    const gdws_multiplayer_signals signals = {.size = sizeof(signals),
                                              .user = one,
                                              .peer_connected = on_peer_connected,
                                              .peer_disconnected = on_peer_disconnected,
                                              .connection_succeeded = on_succeeded,
                                              .connection_failed = on_failed,
                                              .server_disconnected = on_disconnected};
    memset(one, 0, sizeof(*one));
    one->in = in;
    one->index = index;
    one->mp = gdws_multiplayer_new(in->loop);
    (void)gdws_multiplayer_set_signals(one->mp, &signals);
    if (in->all->seed % 2 == 0) {
        (void)gdws_multiplayer_set_stall_timeout_ms(one->mp, 5000);
    }
    gdws_client *client = gdws_multiplayer_get_client(one->mp);
    gdws_server *server = gdws_multiplayer_get_server(one->mp);
    (void)gdws_server_set_bind_ip(server, "127.0.0.1");
    (void)gdws_server_set_compression(server, in->all->is_compressed);
    (void)gdws_client_set_compression(client, in->all->is_compressed);
    if (in->all->harm != HARM_GENTLE) {
        (void)gdws_multiplayer_set_greeting_timeout_ms(one->mp, TIMEOUT_MS);
        (void)gdws_client_set_handshake_timeout_ms(client, TIMEOUT_MS);
        (void)gdws_client_set_close_timeout_ms(client, TIMEOUT_MS);
        (void)gdws_server_set_close_timeout_ms(server, TIMEOUT_MS);
    }
}

static bool join(party *in, player *one)
{
    char url[64];
    (void)snprintf(url, sizeof(url), "ws://%s:%u", in->all->is_named ? "localhost" : "127.0.0.1",
                   gdws_server_get_port(gdws_multiplayer_get_server(in->players[0].mp)));
    gdws_error error = gdws_multiplayer_create_client(one->mp, url);
    if (error != GDWS_OK) {
        (void)fprintf(stderr, "    player %d: create_client says %s\n", one->index,
                      gdws_error_name(error));
        one->failed++;
        in->result->refused++;
    }
    return error == GDWS_OK;
}

static bool is_in(const player *one)
{
    return one->index == 0 ? one->known > 0 : one->succeeded > one->disconnected;
}

/* Nobody speaks before all are in, or out: so that whoever is in hears all. */
static bool is_gathered(const party *in)
{
    for (int i = 1; i < in->count; i++) {
        const player *one = &in->players[i];
        if (one->succeeded == 0 && one->failed == 0) {
            return false;
        }
    }
    return true;
}

static void speak(party *in, player *one)
{
    message said;
    if (!is_gathered(in) || !is_in(one) || one->put >= in->all->goal) {
        return;
    }
    fill(&said, (uint32_t)one->index, one->put);
    gdws_multiplayer_set_target_peer(one->mp, 0);
    if (gdws_multiplayer_put_packet(one->mp, &said, sizeof(said)) == GDWS_OK) {
        one->put++;
    }
}

/* Whether those who are in have heard all that a player has said. Who has come new has not. */
static bool is_heard(const party *in, const player *one)
{
    for (int i = 0; i < in->count; i++) {
        const player *other = &in->players[i];
        bool is_asked = other != one && (i == 0 || is_in(other)) && (i == 0 || !other->is_new);
        if (is_asked && other->next[one->index] != one->put + 1) {
            return false;
        }
    }
    return true;
}

/* Whether a player has failed, or has said all that he has to say. */
static bool is_done(const party *in, const player *one)
{
    if (one->failed > 0 || one->disconnected > 0 || one->index == 0) {
        return true;
    }
    return is_in(one) && one->put == in->all->goal && is_heard(in, one);
}

static void turn_until_done(party *in, const char *what)
{
    uint64_t limit = seed_now_ms() + seed_patience_ms();
    int done = 0;
    while (in->result->is_right && done < in->count) {
        in->result->turns++;
        (void)gdws_loop_wait(in->loop, 20);
        done = 0;
        for (int i = 0; i < in->count; i++) {
            speak(in, &in->players[i]);
            hear(&in->players[i]);
            done += is_done(in, &in->players[i]) ? 1 : 0;
        }
        if (seed_now_ms() > limit) {
            seed_fail(in->result, "waits in vain until %s", what);
        }
    }
}

/* A new client says something, without faults, and the server hears it. */
static void recover(party *in)
{
    gdws_server *server = gdws_multiplayer_get_server(in->players[0].mp);
    (void)fprintf(stderr, "  recovery\n");
    faults_disarm();
    if (!gdws_server_is_listening(server) &&
        gdws_multiplayer_create_server(in->players[0].mp, 0) != GDWS_OK) {
        seed_fail(in->result, "the server cannot listen even without faults");
        return;
    }
    player *one = &in->players[in->count];
    make_player(in, one, in->count);
    one->is_new = true;
    (void)gdws_multiplayer_set_greeting_timeout_ms(one->mp, PATIENT_MS);
    (void)gdws_client_set_handshake_timeout_ms(gdws_multiplayer_get_client(one->mp), PATIENT_MS);
    in->count++;
    (void)join(in, one);
    turn_until_done(in, "the new player has talked");
    if (one->failed > 0 || in->players[0].next[one->index] != one->put + 1) {
        seed_fail(in->result, "the new player cannot talk");
    }
}

static void play(party *in)
{
    make_player(in, &in->players[0], 0);
    in->count = 1;
    bool is_open = gdws_multiplayer_create_server(in->players[0].mp, 0) == GDWS_OK;
    for (int i = 1; is_open && i <= in->all->clients; i++) {
        make_player(in, &in->players[i], i);
        in->count++;
        (void)join(in, &in->players[i]);
    }
    turn_until_done(in, "all have talked");
    for (int i = 1; in->all->harm == HARM_GENTLE && i < in->count; i++) {
        if (in->players[i].failed > 0 || in->players[i].disconnected > 0) {
            seed_fail(in->result, "player %d: nothing is wrong, and yet he is gone", i);
        }
    }
    recover(in);
}

void party_play(const plan *all, gdws_loop *loop, outcome *result)
{
    party *in = calloc(1, sizeof(*in));
    in->all = all;
    in->result = result;
    in->loop = loop;
    play(in);
    faults_disarm();
    in->is_over = true;
    for (int i = 0; i < in->count; i++) {
        gdws_multiplayer_free(in->players[i].mp);
    }
    for (int i = 0; i < in->count; i++) {
        const player *one = &in->players[i];
        if (one->known != 0 || one->succeeded != one->disconnected) {
            seed_fail(result, "player %d: %d peers never left, %d beginnings, %d ends", i,
                      one->known, one->succeeded, one->disconnected);
        }
    }
    free(in);
}
