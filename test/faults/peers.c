/* SPDX-License-Identifier: MIT */
/* A server and some clients that talk while the dice falls, end, and then, without faults, a client
 * that has come new. Connections to a unix socket come over a bridge, those that are adopted are
 * accepted here: that is the program's work, so no faults are in it. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <arpa/inet.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "client.h"
#include "ledger.h"
#include "server.h"

#define CLIENTS_MAX 5
#define BRIDGES_MAX 64
#define BUFFER (16 * 1024)

/* Clients that connect again do so at most this often. */
#define ATTEMPTS_MAX 6

/* Short where something may be lost, so that it is noticed soon; never reached where nothing may.
 */
#define HANDSHAKE_MS 400
#define CLOSE_MS 300

typedef struct bridge {
    int ends[2]; /* -1: not there */
    char held[2][BUFFER];
    size_t length[2];
    bool has_ended[2]; /* reading from it has */
    bool is_said[2];   /* and the other end has been told */
} bridge;

typedef struct caller {
    struct scene *in;
    gdws_client *client;
    talker *talks; /* the connection's; NULL before it */
    int index;
    int attempts;
    int errors;
    bool is_new; /* came after the faults */
    bool is_called;
} caller;

typedef struct scene {
    const plan *all;
    outcome *result;
    gdws_loop *loop;
    gdws_server *server;
    ledger book;
    caller callers[CLIENTS_MAX];
    int count;
    int door; /* our own listening socket; -1 */
    uint16_t port;
    char unix_path[64];
    bridge *bridges;
    int bridge_count;
    uint64_t dice;
} scene;

/* Talkers */

static talker *talker_at_server(scene *s, int32_t id)
{
    for (int i = s->book.count - 1; i >= 0; i--) {
        talker *one = &s->book.talkers[i];
        if (one->is_server && one->id == id && !one->is_over) {
            return one;
        }
    }
    return NULL;
}

static void on_client_connected(gdws_server *server, int32_t id, const char *protocol, void *user)
{
    scene *s = user;
    (void)protocol;
    if (id < 2 || talker_at_server(s, id) != NULL || gdws_server_get_peer(server, id) == NULL) {
        seed_fail(s->result, "connected: id %d", id);
    }
    (void)ledger_enter(&s->book, true, -1, id);
}

static void on_server_data(gdws_server *server, int32_t id, void *user)
{
    scene *s = user;
    talker *one = talker_at_server(s, id);
    if (one == NULL) {
        seed_fail(s->result, "data of %d, who is not there", id);
    } else if (seed_draw(&s->dice, 2) == 0) {
        gdws_peer *peer = gdws_server_get_peer(server, id);
        ledger_listen(&s->book, one, peer);
        /* In a poll long messages skip the queue. */
        if (gdws_peer_get_ready_state(peer) == GDWS_STATE_OPEN) {
            ledger_talk(&s->book, one, peer);
        }
    }
}

static void on_client_disconnected(gdws_server *server, int32_t id, bool was_clean, void *user)
{
    scene *s = user;
    (void)fprintf(stderr, "    server: %d is gone, %s\n", id, was_clean ? "clean" : "not clean");
    ledger_end(&s->book, talker_at_server(s, id), gdws_server_get_peer(server, id), was_clean);
}

static void on_connected(gdws_client *client, const char *protocol, void *user)
{
    caller *one = user;
    scene *s = one->in;
    (void)protocol;
    if (one->talks != NULL && !one->talks->is_over) {
        seed_fail(s->result, "client %d: connected twice", one->index);
    }
    if (gdws_client_get_connection_status(client) != GDWS_CONNECTION_CONNECTED) {
        seed_fail(s->result, "client %d: connected, but its status is not", one->index);
    }
    one->talks = ledger_enter(&s->book, false, one->index, 0);
}

static void on_data(gdws_client *client, void *user)
{
    caller *one = user;
    if (seed_draw(&one->in->dice, 2) == 0) {
        ledger_listen(&one->in->book, one->talks, gdws_client_get_peer(client, 1));
    }
}

/* Another attempt, or none any more. */
static void count_attempt(caller *one)
{
    one->attempts++;
    if (one->attempts >= ATTEMPTS_MAX) {
        (void)gdws_client_set_reconnect(one->client, 0, 0, 0);
    }
}

static void on_closed(gdws_client *client, bool was_clean, void *user)
{
    caller *one = user;
    (void)fprintf(stderr, "    client %d: gone, %s\n", one->index,
                  was_clean ? "clean" : "not clean");
    ledger_end(&one->in->book, one->talks, gdws_client_get_peer(client, 1), was_clean);
    count_attempt(one);
}

static void on_error(gdws_client *client, void *user)
{
    caller *one = user;
    scene *s = one->in;
    const char *message = gdws_client_get_error_message(client);
    (void)fprintf(stderr, "    client %d: %s (%s)\n", one->index, message,
                  gdws_error_name(gdws_client_get_error(client)));
    if (message == NULL || message[0] == '\0' || gdws_client_get_error(client) == GDWS_OK) {
        seed_fail(s->result, "client %d: an error without words", one->index);
    }
    if (one->talks != NULL && !one->talks->is_over) {
        seed_fail(s->result, "client %d: could not connect, but is connected", one->index);
    }
    one->errors++;
    s->result->refused++;
    count_attempt(one);
}

static void expect_ok(scene *s, gdws_error error, const char *what)
{
    if (error != GDWS_OK) {
        seed_fail(s->result, "%s says %s", what, gdws_error_name(error));
    }
}

/* Making */

static void make_server(scene *s)
{
    const plan *all = s->all;
    const gdws_server_signals signals = {.size = sizeof(signals),
                                         .user = s,
                                         .client_connected = on_client_connected,
                                         .data_received = on_server_data,
                                         .client_disconnected = on_client_disconnected};
    char address[80] = "127.0.0.1";
    if (all->way == WAY_UNIX) {
        (void)snprintf(s->unix_path, sizeof(s->unix_path), "/tmp/gdws-faults-%d", (int)getpid());
        (void)snprintf(address, sizeof(address), "unix:%s", s->unix_path);
    }
    s->server = gdws_server_new(s->loop);
    expect_ok(s, gdws_server_set_signals(s->server, &signals), "set_signals");
    expect_ok(s, gdws_server_set_bind_ip(s->server, address), "set_bind_ip");
    expect_ok(s, gdws_server_set_compression(s->server, all->is_compressed), "set_compression");
    (void)gdws_server_set_close_timeout_ms(s->server, all->harm == HARM_GENTLE ? 10000 : CLOSE_MS);
    if (all->is_narrow) {
        (void)gdws_server_set_buffers(s->server, 4, 8, 4, 8);
    }
    if (all->has_heartbeat) {
        (void)gdws_server_set_heartbeat(s->server, 10, 5000);
    }
    if (all->is_secure) {
        const cert *own = cert_localhost();
        expect_ok(s, gdws_server_set_private_key(s->server, own->key, NULL), "set_private_key");
        expect_ok(s, gdws_server_set_ssl_certificate(s->server, own->certificate),
                  "set_ssl_certificate");
    }
    s->server->config.writes_frames_singly = all->is_fallback;
}

static void make_caller(scene *s, caller *one, int index)
{
    const plan *all = s->all;
    const gdws_client_signals signals = {.size = sizeof(signals),
                                         .user = one,
                                         .connected_to_host = on_connected,
                                         .connection_error = on_error,
                                         .data_received = on_data,
                                         .connection_closed = on_closed};
    *one = (caller){.in = s, .index = index, .client = gdws_client_new(s->loop)};
    gdws_client *client = one->client;
    expect_ok(s, gdws_client_set_signals(client, &signals), "set_signals");
    expect_ok(s, gdws_client_set_compression(client, all->is_compressed), "set_compression");
    (void)gdws_client_set_close_timeout_ms(client, all->harm == HARM_GENTLE ? 10000 : CLOSE_MS);
    if (all->harm != HARM_GENTLE) {
        (void)gdws_client_set_handshake_timeout_ms(client, HANDSHAKE_MS);
    }
    if (all->is_narrow) {
        (void)gdws_client_set_buffers(client, 4, 8, 4, 8);
    }
    if (all->reconnects) {
        (void)gdws_client_set_reconnect(client, 10, 40, 5);
    }
    if (all->is_secure) {
        expect_ok(s, gdws_client_set_trusted_certificate(client, cert_authority()->certificate),
                  "set_trusted_certificate");
    }
    client->config.writes_frames_singly = all->is_fallback;
}

/* A listening socket of the program's, beside gdws. */
static void open_door(scene *s)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof(address);
    faults_pause();
    s->door = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (bind(s->door, (struct sockaddr *)&address, length) != 0 || listen(s->door, 64) != 0 ||
        getsockname(s->door, (struct sockaddr *)&address, &length) != 0) {
        seed_fail(s->result, "no listening socket: %s", strerror(errno));
    }
    s->port = ntohs(address.sin_port);
    faults_resume();
}

/* Listen, where the way is one on which gdws listens. Returns whether connections can come. */
static bool open_server(scene *s)
{
    if (s->all->way == WAY_ADOPTED) {
        return true;
    }
    gdws_error error = gdws_server_listen(s->server, 0);
    (void)fprintf(stderr, "    listen: %s\n", gdws_error_name(error));
    if (gdws_server_is_listening(s->server) != (error == GDWS_OK)) {
        seed_fail(s->result, "listen says %s, is_listening something else", gdws_error_name(error));
    }
    if (error == GDWS_OK && s->all->way == WAY_TCP) {
        s->port = gdws_server_get_port(s->server);
    }
    return error == GDWS_OK;
}

static void call(scene *s, caller *one)
{
    char url[128];
    (void)snprintf(url, sizeof(url), "%s://%s:%u/%d", s->all->is_secure ? "wss" : "ws",
                   s->all->is_named ? "localhost" : "127.0.0.1", s->port, one->index);
    gdws_error error = gdws_client_connect_to_url(one->client, url);
    gdws_connection_status status = gdws_client_get_connection_status(one->client);
    one->is_called = error == GDWS_OK;
    if (error != GDWS_OK) {
        (void)fprintf(stderr, "    client %d: connect_to_url says %s: %s\n", one->index,
                      gdws_error_name(error), gdws_client_get_error_message(one->client));
        s->result->refused++;
    }
    /* What fails at once is told by the next poll nevertheless. */
    bool is_failed = gdws_client_get_error(one->client) != GDWS_OK;
    bool is_connecting = status == GDWS_CONNECTION_CONNECTING;
    if (is_connecting ? error != GDWS_OK : error == GDWS_OK && !is_failed) {
        seed_fail(s->result, "client %d: connect_to_url says %s, its status is %d", one->index,
                  gdws_error_name(error), (int)status);
    }
}

/* What the program does for connections */

static void adopt(scene *s, int descriptor)
{
    int flags = fcntl(descriptor, F_GETFL);
    faults_resume();
    gdws_error error = gdws_server_adopt_socket(s->server, descriptor, NULL, 0);
    faults_pause();
    if (error == GDWS_OK) {
        return;
    }
    (void)fprintf(stderr, "    adopt_socket: %s\n", gdws_error_name(error));
    if (fcntl(descriptor, F_GETFL) != flags) {
        seed_fail(s->result, "adopt_socket says %s, and the socket is not as it was",
                  gdws_error_name(error));
    }
    (void)close(descriptor);
}

static void span(scene *s, int descriptor)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int other = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    memcpy(address.sun_path, s->unix_path, strlen(s->unix_path));
    if (s->bridge_count == BRIDGES_MAX ||
        connect(other, (const struct sockaddr *)&address, sizeof(address)) != 0) {
        (void)close(other);
        (void)close(descriptor);
        return;
    }
    bridge *made = &s->bridges[s->bridge_count];
    s->bridge_count++;
    memset(made, 0, sizeof(*made));
    made->ends[0] = descriptor;
    made->ends[1] = other;
}

static void raze(bridge *one)
{
    for (int i = 0; i < 2; i++) {
        if (one->ends[i] >= 0) {
            (void)close(one->ends[i]);
        }
        one->ends[i] = -1;
    }
}

/* Carry from one end to the other. Returns false when the bridge is broken. */
static bool carry(bridge *one, int from)
{
    size_t *length = &one->length[from];
    if (!one->has_ended[from] && *length < BUFFER) {
        ssize_t got = recv(one->ends[from], one->held[from] + *length, BUFFER - *length, 0);
        if (got < 0 && errno != EAGAIN) {
            return false;
        }
        *length += got > 0 ? (size_t)got : 0;
        one->has_ended[from] = got == 0;
    }
    if (*length > 0) {
        ssize_t sent = send(one->ends[1 - from], one->held[from], *length, MSG_NOSIGNAL);
        if (sent < 0 && errno != EAGAIN) {
            return false;
        }
        *length -= sent > 0 ? (size_t)sent : 0;
        memmove(one->held[from], one->held[from] + (sent > 0 ? sent : 0), *length);
    }
    if (one->has_ended[from] && *length == 0 && !one->is_said[from]) {
        one->is_said[from] = true;
        (void)shutdown(one->ends[1 - from], SHUT_WR);
    }
    return !one->is_said[0] || !one->is_said[1];
}

static void serve_door(scene *s)
{
    if (s->door < 0) {
        return;
    }
    faults_pause();
    int descriptor = accept4(s->door, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    while (descriptor >= 0) {
        if (s->all->way == WAY_ADOPTED) {
            adopt(s, descriptor);
        } else {
            span(s, descriptor);
        }
        descriptor = accept4(s->door, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    }
    for (int i = 0; i < s->bridge_count; i++) {
        bridge *one = &s->bridges[i];
        if (one->ends[0] >= 0 && (!carry(one, 0) || !carry(one, 1))) {
            raze(one);
        }
    }
    faults_resume();
}

/* Turns */

static void talk_all(scene *s)
{
    for (int i = 0; i < s->book.count; i++) {
        talker *one = &s->book.talkers[i];
        if (one->is_over) {
            continue;
        }
        gdws_peer *peer = one->is_server ? gdws_server_get_peer(s->server, one->id)
                                         : gdws_client_get_peer(s->callers[one->client].client, 1);
        if (peer == NULL) {
            seed_fail(s->result, "talker %d: its peer is not there", one->serial);
            return;
        }
        ledger_listen(&s->book, one, peer);
        if (gdws_peer_get_ready_state(peer) == GDWS_STATE_OPEN) {
            ledger_talk(&s->book, one, peer);
        }
    }
}

static void turn(scene *s)
{
    s->result->turns++;
    serve_door(s);
    (void)gdws_loop_wait(s->loop, s->door >= 0 ? 1 : 20);
    talk_all(s);
}

/* Whether a client has come to what it can come to: all is said, or it is out of hope. */
static bool is_settled(const scene *s, const caller *one)
{
    bool is_idle = gdws_client_get_connection_status(one->client) == GDWS_CONNECTION_DISCONNECTED;
    bool is_talking = one->talks != NULL && !one->talks->is_over;
    if (is_talking) {
        return ledger_is_complete(&s->book, one->talks);
    }
    return !one->is_called || (is_idle && (one->errors > 0 || one->talks != NULL));
}

static bool are_settled(const scene *s)
{
    for (int i = 0; i < s->count; i++) {
        if (!is_settled(s, &s->callers[i])) {
            return false;
        }
    }
    return true;
}

static bool are_over(const scene *s)
{
    for (int i = 0; i < s->book.count; i++) {
        if (!s->book.talkers[i].is_over) {
            return false;
        }
    }
    return are_settled(s);
}

static void turn_until(scene *s, bool (*is_reached)(const scene *s), const char *what)
{
    uint64_t limit = seed_now_ms() + seed_patience_ms();
    while (s->result->is_right && !is_reached(s)) {
        turn(s);
        if (seed_now_ms() > limit) {
            seed_fail(s->result, "waits in vain until %s", what);
        }
    }
}

/* Endings */

static void close_from_clients(scene *s)
{
    for (int i = 0; i < s->count; i++) {
        (void)gdws_client_disconnect_from_host(s->callers[i].client, 1000, "bye");
    }
}

static void close_from_server(scene *s)
{
    int32_t ids[64];
    size_t count = gdws_server_get_peer_list(s->server, ids, 64);
    for (size_t i = 0; i < count && i < 64; i++) {
        (void)gdws_server_disconnect_peer(s->server, ids[i], 1000, "bye");
    }
}

static void stop_reconnecting(scene *s)
{
    for (int i = 0; i < s->count; i++) {
        (void)gdws_client_set_reconnect(s->callers[i].client, 0, 0, 0);
    }
}

/* End what is there, in one of several ways. 4: only by freeing everything. */
static void end_all(scene *s)
{
    (void)fprintf(stderr, "  ending %d\n", s->all->ending);
    if (s->all->ending == 4) {
        return;
    }
    stop_reconnecting(s);
    if (s->all->ending == 0 || s->all->ending == 2) {
        close_from_clients(s);
    }
    if (s->all->ending == 1 || s->all->ending == 2) {
        close_from_server(s);
    }
    if (s->all->ending == 3) {
        s->book.is_over = true;
        gdws_server_stop(s->server);
        close_from_clients(s);
    }
    turn_until(s, are_over, "all connections have ended");
    s->book.is_over = false;
}

/* Without faults nothing may be missing any more. */
static void recover(scene *s)
{
    (void)fprintf(stderr, "  recovery\n");
    faults_disarm();
    bool is_open = s->all->way == WAY_ADOPTED || gdws_server_is_listening(s->server);
    if (!is_open && !open_server(s)) {
        seed_fail(s->result, "the server cannot listen even without faults");
        return;
    }
    caller *one = &s->callers[s->count];
    make_caller(s, one, s->count);
    (void)gdws_client_set_reconnect(one->client, 0, 0, 0);
    (void)gdws_client_set_handshake_timeout_ms(one->client, 10000);
    one->is_new = true;
    s->count++;
    call(s, one);
    turn_until(s, are_settled, "the new client has talked");
    if (one->talks == NULL || !ledger_is_complete(&s->book, one->talks)) {
        seed_fail(s->result, "the new client cannot talk: %s",
                  gdws_client_get_error_message(one->client));
    }
}

static void free_all(scene *s)
{
    s->book.is_over = true;
    gdws_server_free(s->server);
    for (int i = 0; i < s->count; i++) {
        gdws_client_free(s->callers[i].client);
    }
    for (int i = 0; i < s->bridge_count; i++) {
        raze(&s->bridges[i]);
    }
    if (s->door >= 0) {
        (void)close(s->door);
    }
    free(s->bridges);
}

/* Where only what a program must bear anyway was injected, all must have worked. */
static void expect_all(scene *s)
{
    for (int i = 0; i < s->count; i++) {
        const caller *one = &s->callers[i];
        if (one->errors > 0 || one->talks == NULL || !ledger_is_complete(&s->book, one->talks)) {
            seed_fail(s->result, "client %d: nothing is wrong, and yet something is missing: %s", i,
                      gdws_client_get_error_message(one->client));
        }
    }
}

static void play(scene *s)
{
    make_server(s);
    if (s->all->way != WAY_TCP) {
        open_door(s);
    }
    bool is_open = open_server(s);
    if (s->port == 0) {
        s->port = 1; /* nobody is there */
    }
    for (int i = 0; i < s->all->clients; i++) {
        make_caller(s, &s->callers[i], i);
        s->count++;
        call(s, &s->callers[i]);
    }
    turn_until(s, are_settled, "all have talked, or given up");
    if (s->all->harm == HARM_GENTLE && is_open) {
        expect_all(s);
    }
    end_all(s);
    recover(s);
}

void peers_play(const plan *all, gdws_loop *loop, outcome *result)
{
    scene *s = calloc(1, sizeof(*s));
    s->all = all;
    s->result = result;
    s->loop = loop;
    s->door = -1;
    s->dice = all->seed ^ 0x5eed;
    s->book.all = all;
    s->book.result = result;
    s->book.dice = all->seed ^ 0xb00c;
    s->bridges = calloc(BRIDGES_MAX, sizeof(*s->bridges));
    play(s);
    faults_disarm();
    free_all(s);
    ledger_audit(&s->book);
    free(s);
}
