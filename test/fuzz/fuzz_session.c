/* SPDX-License-Identifier: MIT */
/* A random program of calls on the servers and clients of multiplayer sessions that share a loop,
 * on both wires, from inside of signals, too. What must hold: signals come in order, exactly one
 * end for each beginning; packets of each peer come to each of their targets in order, none lost or
 * doubled while both stay; everybody knows who is there; errors are those that are documented;
 * nothing comes after free, and nothing is left when all is freed. */
#include <stdio.h>
#include <string.h>

#include "gdws/gdws.h"
#include "program.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum {
    PLAYERS_MIN = 2,
    PLAYERS_MAX = 6,
    LIVES_MAX = 200,
    PUTS_MAX = 256,
    HEADER = 24,
    SMALL_MAX = 900, /* fits all queues, also with its headers */
    LARGE_MAX = 5000,
    SETTLE_MAX_MS = 4000,
    NORMAL_CLOSURE = 1000
};

/* What one object does between a create_server or create_client and the next one. */
typedef struct life {
    int32_t id; /* 0: not known yet */
    bool is_host;
    bool is_leaving; /* it has been told to end, or was kicked */
    unsigned sent;
    int32_t targets[PUTS_MAX]; /* of what it has sent */
    unsigned heard[LIVES_MAX]; /* of each other: the number after the last one that has come */
} life;

/* Somebody who is there, as one player sees it. */
typedef struct person {
    int32_t id;
    unsigned since; /* the number of the first packet that is put with this person there */
    bool is_kicked;
} person;

typedef struct player {
    gdws_multiplayer *game;
    gdws_multiplayer_wire wire;
    life *life;       /* the last one; NULL: none yet */
    bool is_waiting;  /* for connection_succeeded or connection_failed */
    bool is_in;       /* connection_succeeded has come */
    bool is_host;     /* it listens */
    bool is_freed;    /* free runs */
    uint16_t port;    /* that it has had last */
    size_t signalled; /* packets of this life */
    size_t taken;
    person people[LIVES_MAX];
    size_t count;
    const uint8_t *lent;
    size_t lent_length;
} player;

static player players[PLAYERS_MAX];
static size_t player_count;
static life lives[LIVES_MAX];
static size_t life_count;
static gdws_multiplayer_wire common_wire;
static bool must_poll; /* after every other step */

/* Packets: whose, which one and for whom as text, then a pattern that follows from them. */

static size_t write_packet(char *packet, size_t tag, unsigned number, int32_t target, size_t length)
{
    length = length < HEADER ? HEADER : length;
    (void)snprintf(packet, LARGE_MAX, "%08x%08x%08x", (unsigned)tag, number, (unsigned)target);
    for (size_t i = HEADER; i < length; i++) {
        packet[i] = (char)('a' + (tag + number + i) % 26);
    }
    return length;
}

/* Whose packet it is, unaltered; and which one. */
static const life *read_packet(const uint8_t *packet, size_t length, unsigned *number)
{
    static char expected[LARGE_MAX + 1];
    char header[HEADER + 1] = "";
    unsigned tag;
    unsigned target;
    require(length >= HEADER && length <= LARGE_MAX);
    memcpy(header, packet, HEADER);
    require(sscanf(header, "%8x%8x%8x", &tag, number, &target) == 3);
    require(tag < life_count && *number < lives[tag].sent);
    require((int32_t)target == lives[tag].targets[*number]);
    require(write_packet(expected, tag, *number, (int32_t)target, length) == length);
    require(memcmp(expected, packet, length) == 0);
    return &lives[tag];
}

/* As Godot's set_target_peer says. */
static bool is_for(int32_t target, int32_t id)
{
    return target > 0 ? target == id : -(int64_t)target != id;
}

/* Who is there */

static person *find_person(player *one, int32_t id)
{
    for (size_t i = 0; i < one->count; i++) {
        if (one->people[i].id == id) {
            return &one->people[i];
        }
    }
    return NULL;
}

static player *owner_of(const life *life)
{
    for (size_t i = 0; i < player_count; i++) {
        if (players[i].life == life && players[i].game != NULL) {
            return &players[i];
        }
    }
    return NULL;
}

/* The number of the first packet of the sender that the receiver must not miss: the one after the
 * last that has come, or the first that was put when the receiver was there. */
static unsigned first_due(const life *sender, const life *receiver, unsigned otherwise)
{
    player *owner = owner_of(sender);
    unsigned heard = receiver->heard[sender - lives];
    person *known = owner != NULL ? find_person(owner, receiver->id) : NULL;
    if (heard > 0) {
        return heard;
    }
    return known != NULL ? known->since : otherwise;
}

/* Whether packets of the sender between the two numbers are for the receiver. */
static bool has_missed(const life *sender, const life *receiver, unsigned from, unsigned to)
{
    for (unsigned i = from; i < to; i++) {
        if (is_for(sender->targets[i], receiver->id)) {
            return true;
        }
    }
    return false;
}

static void check_lent(const player *one)
{
    unsigned number;
    if (one->lent != NULL) {
        (void)read_packet(one->lent, one->lent_length, &number);
    }
}

static bool take_packet(player *one)
{
    const uint8_t *packet;
    size_t length;
    unsigned number = 0;
    check_lent(one);
    int32_t from = gdws_multiplayer_get_packet_peer(one->game);
    size_t count = gdws_multiplayer_get_available_packet_count(one->game);
    gdws_error error = gdws_multiplayer_get_packet(one->game, &packet, &length);
    require(count == one->signalled - one->taken);
    require(error == (count > 0 ? GDWS_OK : GDWS_UNAVAILABLE));
    one->lent = packet;
    one->lent_length = length;
    if (error != GDWS_OK) {
        return false;
    }
    const life *sender = read_packet(packet, length, &number);
    unsigned *heard = &one->life->heard[sender - lives];
    require(sender != one->life && from == sender->id);
    require(is_for(sender->targets[number], one->life->id));
    require(number >= *heard);
    require(!has_missed(sender, one->life, first_due(sender, one->life, number), number));
    *heard = number + 1;
    one->taken++;
    return true;
}

/* Signals */

static void try_freed(const player *one);
static void free_player(player *one);
static void go_on(player *own);

/* The player whose signal it is: nothing comes after free. */
static player *check_player(const gdws_multiplayer *game, void *user)
{
    player *one = user;
    require(one->game == game && one->life != NULL);
    return one;
}

static void on_peer_connected(gdws_multiplayer *game, int32_t id, void *user)
{
    player *one = check_player(game, user);
    require(!one->is_freed && find_person(one, id) == NULL && id >= 1);
    if (!one->life->is_host) {
        /* The server first; then its client knows its own id. */
        require(id == 1 ? one->is_waiting : one->is_in);
        require(id == 1 || (find_person(one, 1) != NULL && one->wire == GDWS_MULTIPLAYER_GODOT_3));
        one->life->id = gdws_multiplayer_get_unique_id(game);
        require(one->life->id >= 2 && one->life->id != id);
    } else {
        require(id >= 2);
    }
    one->people[one->count] = (person){.id = id, .since = one->life->sent};
    one->count++;
    go_on(one);
}

static void on_peer_disconnected(gdws_multiplayer *game, int32_t id, void *user)
{
    player *one = check_player(game, user);
    person *gone = find_person(one, id);
    require(gone != NULL);
    one->count--;
    *gone = one->people[one->count];
    require(one->life->is_host || id != 1 || one->count == 0);
    try_freed(one);
    go_on(one);
}

static void on_succeeded(gdws_multiplayer *game, void *user)
{
    player *one = check_player(game, user);
    require(!one->is_freed && !one->life->is_host);
    require(one->is_waiting && !one->is_in && find_person(one, 1) != NULL);
    require(gdws_multiplayer_get_connection_status(game) == GDWS_CONNECTION_CONNECTED);
    one->is_waiting = false;
    one->is_in = true;
    go_on(one);
}

static void on_failed(gdws_multiplayer *game, void *user)
{
    player *one = check_player(game, user);
    require(!one->is_freed && !one->life->is_host);
    require(one->is_waiting && !one->is_in && one->count == 0);
    require(gdws_multiplayer_get_connection_status(game) == GDWS_CONNECTION_DISCONNECTED);
    require(gdws_multiplayer_get_error_message(game)[0] != '\0');
    one->is_waiting = false;
    go_on(one);
}

static void on_server_disconnected(gdws_multiplayer *game, void *user)
{
    player *one = check_player(game, user);
    require(!one->life->is_host && one->is_in && one->count == 0);
    one->is_in = false;
    try_freed(one);
    go_on(one);
}

static void on_packet(gdws_multiplayer *game, int32_t id, void *user)
{
    player *one = check_player(game, user);
    require(!one->is_freed && find_person(one, id) != NULL);
    one->signalled++;
    require(gdws_multiplayer_get_available_packet_count(game) == one->signalled - one->taken);
    if ((program_take() & 3) != 0) {
        (void)take_packet(one);
    }
    go_on(one);
}

static void on_drained(gdws_multiplayer *game, int32_t id, void *user)
{
    player *one = check_player(game, user);
    require(!one->is_freed && find_person(one, id) != NULL);
    go_on(one);
}

/* Steps */

static player *pick(void)
{
    size_t start = program_take();
    for (size_t i = 0; i < player_count; i++) {
        player *one = &players[(start + i) % player_count];
        if (one->game != NULL && !one->is_freed) {
            return one;
        }
    }
    return NULL;
}

static void limit_queues(gdws_multiplayer *game)
{
    uint8_t how = program_take();
    gdws_server *server = gdws_multiplayer_get_server(game);
    gdws_client *client = gdws_multiplayer_get_client(game);
    size_t kib = 1 + how % 4u;
    size_t packets = 1 + how / 4 % 8u;
    require(gdws_server_set_buffers(server, kib, packets, kib, packets) == GDWS_OK);
    require(gdws_client_set_buffers(client, kib, packets, kib, packets) == GDWS_OK);
}

static void change_limits(gdws_multiplayer *game)
{
    uint8_t how = program_take();
    require(gdws_multiplayer_set_max_queued_packets(game, 1 + how % 8u) == GDWS_OK);
    require(gdws_multiplayer_set_inbound_buffer_size(game, 128 + how * 8u) == GDWS_OK);
    require(gdws_multiplayer_set_stall_timeout_ms(game, 10 + how * 4u) == GDWS_OK);
}

static void make_player(player *one)
{
    const gdws_multiplayer_signals signals = {.size = sizeof(signals),
                                              .user = one,
                                              .peer_connected = on_peer_connected,
                                              .peer_disconnected = on_peer_disconnected,
                                              .connection_succeeded = on_succeeded,
                                              .connection_failed = on_failed,
                                              .server_disconnected = on_server_disconnected,
                                              .peer_packet = on_packet,
                                              .drained = on_drained};
    uint8_t how = program_take();
    gdws_multiplayer *game = gdws_multiplayer_new(program_loop());
    gdws_server *server = gdws_multiplayer_get_server(game);
    gdws_client *client = gdws_multiplayer_get_client(game);
    bool is_other = (how & 15) == 15;
    memset(one, 0, sizeof(*one));
    one->game = game;
    one->wire = is_other ? (gdws_multiplayer_wire)(GDWS_MULTIPLAYER_GODOT_3 +
                                                   GDWS_MULTIPLAYER_GODOT_4 - common_wire)
                         : common_wire;
    require(gdws_multiplayer_set_signals(game, &signals) == GDWS_OK);
    require(gdws_multiplayer_set_wire(game, one->wire) == GDWS_OK);
    require(gdws_multiplayer_set_greeting_timeout_ms(game, 100) == GDWS_OK);
    require(gdws_server_set_bind_ip(server, program_address()) == GDWS_OK);
    require(gdws_server_set_close_timeout_ms(server, 20) == GDWS_OK);
    require(gdws_client_set_close_timeout_ms(client, 20) == GDWS_OK);
    require(gdws_server_set_compression(server, how & 16) == GDWS_OK);
    require(gdws_client_set_compression(client, how & 16) == GDWS_OK);
    /* A session does not outlive its connection, whatever is set. */
    require(gdws_client_set_reconnect(client, how & 32 ? 10 : 0, 10, 0) == GDWS_OK);
    if (how & 64) {
        limit_queues(game);
    }
    if (how & 128) {
        change_limits(game);
    }
}

static void remake_player(void)
{
    player *one = &players[program_take() % player_count];
    if (one->game == NULL) {
        make_player(one);
    }
}

/* What create_server and create_client say. */
static gdws_error expect_create(const player *one)
{
    bool is_busy = one->is_host || one->is_waiting || one->is_in || one->count > 0;
    return is_busy ? GDWS_ALREADY_IN_USE : GDWS_OK;
}

/* Inside of a signal: whoever is busy is so for all others, too. */
static void go_on(player *own)
{
    for (size_t i = 0; i < player_count; i++) {
        const player *one = &players[i];
        if (one->game != NULL && !one->is_freed && expect_create(one) != GDWS_OK) {
            require(gdws_multiplayer_create_server(one->game, 0) == GDWS_ALREADY_IN_USE);
            require(gdws_multiplayer_create_client(one->game, "a") == GDWS_ALREADY_IN_USE);
        }
    }
    if (program_go_on() && own->game != NULL && !own->is_freed) {
        free_player(own);
    }
}

static void begin_life(player *one, bool is_host)
{
    one->life = &lives[life_count];
    life_count++;
    one->life->id = is_host ? GDWS_TARGET_PEER_SERVER : 0;
    one->life->is_host = is_host;
    one->life->is_leaving = false;
    one->life->sent = 0;
    memset(one->life->heard, 0, sizeof(one->life->heard));
    one->is_host = is_host;
    one->is_waiting = !is_host;
    one->signalled = 0;
    one->taken = 0;
    one->lent = NULL;
}

static void create_server(player *one)
{
    if (one == NULL || life_count == LIVES_MAX) {
        return;
    }
    gdws_error expected = expect_create(one);
    require(gdws_multiplayer_create_server(one->game, 0) == expected);
    if (expected == GDWS_OK) {
        begin_life(one, true);
        one->port = gdws_server_get_port(gdws_multiplayer_get_server(one->game));
    }
}

static void create_client(player *one, uint16_t port, bool by_name)
{
    char url[PROGRAM_URL_MAX];
    if (one == NULL || port == 0 || life_count == LIVES_MAX) {
        return;
    }
    gdws_error expected = expect_create(one);
    program_write_url(url, port, by_name);
    require(gdws_multiplayer_create_client(one->game, url) == expected);
    if (expected == GDWS_OK) {
        begin_life(one, false);
    }
}

static void join(void)
{
    player *one = pick();
    uint8_t how = program_take();
    create_client(one, players[how % player_count].port, how >= 224);
}

/* Inside of the signals that free delivers nothing begins any more. */
static void try_freed(const player *one)
{
    char url[PROGRAM_URL_MAX];
    if (one->is_freed) {
        program_write_url(url, 1, false);
        require(gdws_multiplayer_create_server(one->game, 0) == GDWS_UNAVAILABLE);
        require(gdws_multiplayer_create_client(one->game, url) == GDWS_UNAVAILABLE);
        require(gdws_multiplayer_poll(one->game) == GDWS_BUSY);
        gdws_multiplayer_free(one->game);
    }
}

static void free_player(player *one)
{
    if (one == NULL) {
        return;
    }
    check_lent(one);
    one->is_freed = true;
    gdws_multiplayer_free(one->game);
    require(one->count == 0 && !one->is_in);
    one->game = NULL;
    one->is_freed = false;
    one->port = 0;
}

static void close_session(player *one)
{
    if (one == NULL) {
        return;
    }
    gdws_multiplayer_close(one->game);
    one->is_host = false;
    if (one->life != NULL) {
        one->life->is_leaving = true;
    }
}

/* Everybody that can be meant, also oneself and nobody. */
static int32_t choose_target(const player *one)
{
    uint8_t how = program_take();
    int32_t id = one->count > 0 ? one->people[how / 8 % one->count].id : 2;
    switch (how % 8) {
    case 0:
    case 1:
        return GDWS_TARGET_PEER_BROADCAST;
    case 2:
        return GDWS_TARGET_PEER_SERVER;
    case 3:
        return how >= 128 ? one->life->id : -one->life->id;
    case 4:
        return how >= 128 ? INT32_MIN : 2;
    case 5:
        return -id;
    default:
        return id;
    }
}

/* What put_packet says where that can be known; FAILED: when there is room, OK. */
static gdws_error expect_put(player *one, int32_t target)
{
    bool is_client = !one->life->is_host;
    bool is_there = gdws_multiplayer_get_connection_status(one->game) == GDWS_CONNECTION_CONNECTED;
    /* Where the session has ended, the server may still be there: it goes last. */
    if (is_client ? find_person(one, 1) == NULL || !is_there : !one->is_host) {
        return GDWS_UNAVAILABLE;
    }
    if (is_client && one->wire == GDWS_MULTIPLAYER_GODOT_4) {
        return GDWS_FAILED;
    }
    if (target == one->life->id) {
        return GDWS_INVALID_PARAMETER;
    }
    return one->life->is_host && target > 0 && find_person(one, target) == NULL
               ? GDWS_DOES_NOT_EXIST
               : GDWS_FAILED;
}

static void put_packet(void)
{
    static char packet[LARGE_MAX + 1];
    player *one = pick();
    if (one == NULL || one->life == NULL || one->life->sent == PUTS_MAX) {
        return;
    }
    life *own = one->life;
    int32_t target = choose_target(one);
    uint8_t how = program_take();
    size_t length = how < 192 || !own->is_host ? how % 8 * (SMALL_MAX / 8) : LARGE_MAX - how;
    gdws_error expected = expect_put(one, target);
    gdws_multiplayer_set_target_peer(one->game, target);
    if (!own->is_host && one->wire == GDWS_MULTIPLAYER_GODOT_4) {
        target = GDWS_TARGET_PEER_SERVER;
    }
    length = write_packet(packet, (size_t)(own - lives), own->sent, target, length);
    gdws_error error = gdws_multiplayer_put_packet(one->game, packet, length);
    if (expected != GDWS_FAILED) {
        require(error == expected);
    } else {
        bool is_known = error == GDWS_OK || error == GDWS_OUT_OF_MEMORY;
        require(is_known || (error == GDWS_UNAVAILABLE && !own->is_host) ||
                (error == GDWS_PARAMETER_RANGE_ERROR && length > SMALL_MAX));
    }
    if (error == GDWS_OK) {
        own->targets[own->sent] = target;
        own->sent++;
    }
}

static void kick(void)
{
    player *one = pick();
    uint8_t how = program_take();
    if (one == NULL || one->life == NULL || (how & 1) != 0) {
        return;
    }
    person *other = one->count > 0 ? &one->people[how / 4 % one->count] : NULL;
    int32_t id = other != NULL ? other->id : 2;
    bool can_be = other != NULL && (one->life->is_host || id == GDWS_TARGET_PEER_SERVER);
    gdws_error error = gdws_multiplayer_disconnect_peer(one->game, id, how & 2 ? 4000 : 1000, "x");
    if (!can_be) {
        require(error == GDWS_DOES_NOT_EXIST);
        return;
    }
    require(error == GDWS_OK || error == GDWS_UNAVAILABLE);
    other->is_kicked = other->is_kicked || error == GDWS_OK;
    one->life->is_leaving = one->life->is_leaving || (error == GDWS_OK && !one->life->is_host);
}

static void take_some(void)
{
    player *one = pick();
    uint8_t how = program_take();
    if (one == NULL || one->life == NULL) {
        return;
    }
    for (int i = 0; i <= how % 8 && take_packet(one); i++) {
        /* One after the other. */
    }
}

static void set_options(void)
{
    player *one = pick();
    uint8_t how = program_take();
    if (one == NULL) {
        return;
    }
    gdws_multiplayer_set_refuse_new_connections(one->game, how % 4 == 1);
    if (how & 128) {
        change_limits(one->game);
    }
}

static void step(void)
{
    uint8_t what = program_take();
    must_poll = what & 64;
    switch (what % 18) {
    case 0:
        remake_player();
        break;
    case 1:
        free_player(pick());
        break;
    case 2:
        create_server(pick());
        break;
    case 3:
    case 4:
        join();
        break;
    case 5:
        close_session(pick());
        break;
    case 6:
        kick();
        break;
    case 7:
    case 8:
        take_some();
        break;
    case 9:
        set_options();
        break;
    case 10:
    case 11:
        program_poll();
        break;
    default:
        put_packet();
        break;
    }
}

/* Between polls */

static void check_player_lists(player *one)
{
    int32_t ids[LIVES_MAX];
    if (one->game == NULL || one->life == NULL) {
        return;
    }
    size_t count = gdws_multiplayer_get_peer_list(one->game, ids, LIVES_MAX);
    require(count == one->count);
    for (size_t i = 0; i < count; i++) {
        require(find_person(one, ids[i]) != NULL && (i == 0 || ids[i - 1] < ids[i]));
    }
    check_lent(one);
}

static void poll_once(int timeout_ms)
{
    (void)gdws_loop_wait(program_loop(), timeout_ms);
    for (size_t i = 0; i < player_count; i++) {
        check_player_lists(&players[i]);
    }
}

/* The end */

/* The server of the session that a client is in, if that goes on for both of them. */
static player *find_host(const player *client)
{
    for (size_t i = 0; i < player_count; i++) {
        player *one = &players[i];
        if (one->game != NULL && one->is_host && !client->life->is_leaving) {
            const person *known = find_person(one, client->life->id);
            if (known != NULL) {
                return known->is_kicked ? NULL : one;
            }
        }
    }
    return NULL;
}

/* Whether both are in one session, and know each other. */
static bool are_together(player *one, player *other)
{
    const player *host = one->is_host ? one : find_host(one);
    const player *others_host = other->is_host ? other : find_host(other);
    return host != NULL && host == others_host && find_person(one, other->life->id) != NULL &&
           find_person(other, one->life->id) != NULL;
}

static bool is_playing(const player *one)
{
    return one->game != NULL && one->life != NULL && (one->is_in || one->is_host);
}

/* Whether the receiver has got all that the sender has put for it. */
static bool has_all(player *receiver, player *sender)
{
    if (!is_playing(receiver) || !is_playing(sender) || receiver == sender ||
        !are_together(receiver, sender)) {
        return true;
    }
    unsigned from = first_due(sender->life, receiver->life, sender->life->sent);
    return !has_missed(sender->life, receiver->life, from, sender->life->sent);
}

/* Whether a client knows everybody in its session. */
static bool knows_all(player *one)
{
    player *host = is_playing(one) && !one->is_host ? find_host(one) : NULL;
    if (host == NULL || one->wire == GDWS_MULTIPLAYER_GODOT_4) {
        return true;
    }
    size_t known = 0;
    for (size_t i = 0; i < host->count; i++) {
        known += find_person(one, host->people[i].id) != NULL ? 1 : 0;
    }
    return known == host->count - 1 && one->count == host->count;
}

static bool is_settled(player *one)
{
    bool is_settled = !one->is_waiting || one->game == NULL;
    for (size_t i = 0; i < player_count && is_settled; i++) {
        is_settled = has_all(one, &players[i]);
    }
    return is_settled && knows_all(one);
}

/* When everybody takes what has come, each attempt is answered, everybody gets what was put for
 * whoever is still there, and knows who that is. */
static void settle(void)
{
    bool is_over = false;
    program_end();
    for (int i = 0; i < SETTLE_MAX_MS && !is_over; i++) {
        poll_once(is_over || i < 4 ? 0 : 1);
        is_over = true;
        for (size_t j = 0; j < player_count; j++) {
            while (players[j].game != NULL && players[j].life != NULL && take_packet(&players[j])) {
                is_over = false;
            }
        }
        for (size_t j = 0; j < player_count && is_over; j++) {
            is_over = is_settled(&players[j]);
        }
    }
    require(is_over);
}

/* Most programs begin in a session that everybody is in. */
static void begin(uint8_t how)
{
    common_wire = how & 1 ? GDWS_MULTIPLAYER_GODOT_4 : GDWS_MULTIPLAYER_GODOT_3;
    life_count = 0;
    player_count = PLAYERS_MIN + how / 4 % (PLAYERS_MAX - PLAYERS_MIN + 1);
    memset(players, 0, sizeof(players));
    for (size_t i = 0; i < player_count; i++) {
        make_player(&players[i]);
    }
    if (how & 2) {
        return;
    }
    create_server(&players[0]);
    for (size_t i = 1; i < player_count; i++) {
        create_client(&players[i], players[0].port, false);
    }
    if (how & 128) {
        for (int i = 0; i < 6; i++) {
            poll_once(0);
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    program_begin(data, size, step);
    begin(program_take());
    while (program_has_more()) {
        step();
        if (must_poll) {
            poll_once(0);
        }
    }
    settle();
    for (size_t i = 0; i < player_count; i++) {
        if (players[i].game != NULL) {
            free_player(&players[i]);
        }
    }
    program_require_nothing_left();
    return 0;
}
