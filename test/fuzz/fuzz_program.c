/* SPDX-License-Identifier: MIT */
/* A random program of calls on servers, clients and raw sockets that share a loop, from inside of
 * signals, too. What must hold: signals come in order, exactly one end for each beginning; messages
 * are neither lost, doubled, altered nor out of order; errors are those that are documented;
 * nothing is left when all is freed. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <openssl/evp.h>

#include "gdws/gdws.h"
#include "loop.h"
#include "mem.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum {
    OBJECTS = 12,
    RECORDS = 64,
    RAWS = 4,
    RAW_PORTS = 64,
    DEPTH_MAX = 3,
    HEADER = 16,
    MESSAGE_MAX = 5000
};

/* One connection, as one side sees it. */
typedef struct record {
    int32_t id;
    bool is_open;      /* connected was signalled, its end was not */
    bool has_closing;  /* the close request was signalled */
    bool is_foreign;   /* the other side is a raw socket, or does not speak our ledger */
    unsigned other;    /* the tag of the other side's messages; 0: none has come */
    unsigned received; /* the number of the next message */
    unsigned sent;
} record;

typedef struct object {
    gdws_server *server;
    gdws_client *client;
    record records[RECORDS]; /* of a client the first one */
    size_t count;
    unsigned tag; /* of its messages */
    bool is_connecting;
} object;

static gdws_loop *loop;
static object objects[OBJECTS];
static size_t object_count;
static int raws[RAWS];
static bool is_raw_server[RAWS]; /* it was accepted */
static int raw_listener = -1;
static uint16_t raw_listener_port;
static uint16_t raw_ports[RAW_PORTS]; /* that any of them has had */
static size_t raw_port_count;
static const uint8_t *program;
static size_t left;
static int depth; /* of signals */
static unsigned next_tag;
static size_t in_use_before;

static void require(bool condition)
{
    if (!condition) {
        abort();
    }
}

static uint8_t take(void)
{
    if (left == 0) {
        return 0;
    }
    left--;
    return *program++;
}

static void step(void);

/* Inside of a signal the program goes on, for a step or two. */
static void go_on(void)
{
    if (depth < DEPTH_MAX && left > 0 && (take() & 3) == 0) {
        depth++;
        step();
        depth--;
    }
}

/* Messages: tag and number as text, then a pattern that follows from them. */

static size_t write_message(char *message, unsigned tag, unsigned number, size_t length)
{
    length = length < HEADER ? HEADER : length;
    (void)snprintf(message, MESSAGE_MAX, "%08x%08x", tag, number);
    for (size_t i = HEADER; i < length; i++) {
        message[i] = (char)('a' + (tag + number + i) % 26);
    }
    return length;
}

static void check_message(record *one, const uint8_t *packet, size_t length)
{
    static char expected[MESSAGE_MAX + 1];
    unsigned tag;
    unsigned number;
    if (one->is_foreign) {
        return;
    }
    require(length >= HEADER && length <= MESSAGE_MAX);
    require(sscanf((const char *)packet, "%8x%8x", &tag, &number) == 2);
    require(one->other == 0 || one->other == tag);
    require(number == one->received);
    one->other = tag;
    one->received++;
    require(write_message(expected, tag, number, length) == length);
    require(memcmp(expected, packet, length) == 0);
}

static void take_packet(gdws_peer *peer, record *one)
{
    const uint8_t *packet;
    size_t length;
    size_t before = gdws_peer_get_available_packet_count(peer);
    gdws_error error = gdws_peer_get_packet(peer, &packet, &length);
    require(error == (before > 0 ? GDWS_OK : GDWS_UNAVAILABLE));
    if (error == GDWS_OK) {
        check_message(one, packet, length);
    }
}

static void put_packet(gdws_peer *peer, record *one, unsigned tag)
{
    static char message[MESSAGE_MAX + 1];
    uint8_t how = take();
    size_t length = write_message(message, tag, one->sent, (size_t)take() * (how % 20u));
    gdws_write_mode mode = how & 128 ? GDWS_WRITE_MODE_TEXT : GDWS_WRITE_MODE_BINARY;
    size_t queued = gdws_peer_get_current_outbound_buffered_amount(peer);
    gdws_error error = gdws_peer_send(peer, message, length, mode);
    require(error == GDWS_OK || error == GDWS_OUT_OF_MEMORY || error == GDWS_UNAVAILABLE ||
            error == GDWS_PARAMETER_RANGE_ERROR);
    require(error != GDWS_OK || gdws_peer_get_ready_state(peer) == GDWS_STATE_OPEN);
    require(error == GDWS_OK || gdws_peer_get_current_outbound_buffered_amount(peer) == queued);
    one->sent += error == GDWS_OK ? 1 : 0;
}

/* Records */

static record *find(object *owner, int32_t id)
{
    for (size_t i = owner->count; i > 0; i--) {
        if (owner->records[i - 1].id == id) {
            return &owner->records[i - 1];
        }
    }
    return NULL;
}

static bool is_raw_port(uint16_t port)
{
    for (size_t i = 0; i < raw_port_count; i++) {
        if (raw_ports[i] == port) {
            return true;
        }
    }
    return false;
}

/* Signals of a server */

static void on_client_connected(gdws_server *server, int32_t id, const char *protocol, void *user)
{
    object *owner = user;
    require(protocol != NULL && id > 1 && find(owner, id) == NULL);
    require(gdws_server_has_peer(server, id));
    if (owner->count == RECORDS) {
        return;
    }
    record *one = &owner->records[owner->count];
    owner->count++;
    *one = (record){.id = id, .is_open = true};
    one->is_foreign = is_raw_port(gdws_server_get_peer_port(server, id));
    go_on();
}

static void on_server_data(gdws_server *server, int32_t id, void *user)
{
    record *one = find(user, id);
    require(one == NULL || (one->is_open && !one->has_closing));
    if (one != NULL && (take() & 7) != 0) {
        take_packet(gdws_server_get_peer(server, id), one);
    }
    go_on();
}

static void on_client_closing(gdws_server *server, int32_t id, int code, const char *reason,
                              void *user)
{
    record *one = find(user, id);
    (void)server;
    require(reason != NULL && code >= 0 && code <= 65535);
    require(one == NULL || (one->is_open && !one->has_closing));
    if (one != NULL) {
        one->has_closing = true;
    }
    go_on();
}

static void on_client_disconnected(gdws_server *server, int32_t id, bool was_clean, void *user)
{
    record *one = find(user, id);
    (void)was_clean;
    require(gdws_server_has_peer(server, id));
    require(one == NULL || one->is_open);
    if (one != NULL) {
        one->is_open = false;
    }
    go_on();
}

static void on_server_drained(gdws_server *server, int32_t id, void *user)
{
    record *one = find(user, id);
    (void)server;
    require(one == NULL || one->is_open);
    go_on();
}

/* Signals of a client */

static void on_connected(gdws_client *client, const char *protocol, void *user)
{
    object *owner = user;
    record *one = &owner->records[0];
    (void)client;
    require(protocol != NULL && owner->is_connecting && !one->is_open);
    owner->is_connecting = false;
    one->is_open = true;
    go_on();
}

static void on_error(gdws_client *client, void *user)
{
    object *owner = user;
    require(owner->is_connecting && !owner->records[0].is_open);
    require(gdws_client_get_error_message(client)[0] != '\0');
    owner->is_connecting = false;
    go_on();
}

static void on_data(gdws_client *client, void *user)
{
    object *owner = user;
    require(owner->records[0].is_open && !owner->records[0].has_closing);
    if ((take() & 7) != 0) {
        take_packet(gdws_client_get_peer(client, 1), &owner->records[0]);
    }
    go_on();
}

static void on_closing(gdws_client *client, int code, const char *reason, void *user)
{
    object *owner = user;
    (void)client;
    (void)code;
    require(reason != NULL && owner->records[0].is_open && !owner->records[0].has_closing);
    owner->records[0].has_closing = true;
    go_on();
}

static void on_closed(gdws_client *client, bool was_clean, void *user)
{
    object *owner = user;
    (void)client;
    (void)was_clean;
    require(owner->records[0].is_open);
    owner->records[0].is_open = false;
    go_on();
}

static void on_drained(gdws_client *client, void *user)
{
    object *owner = user;
    (void)client;
    require(owner->records[0].is_open);
    go_on();
}

/* Steps */

static object *pick(bool is_server)
{
    size_t start = take();
    for (size_t i = 0; i < object_count; i++) {
        object *one = &objects[(start + i) % object_count];
        if (is_server ? one->server != NULL : one->client != NULL) {
            return one;
        }
    }
    return NULL;
}

static object *make(void)
{
    if (object_count == OBJECTS) {
        return NULL;
    }
    object *one = &objects[object_count];
    object_count++;
    memset(one, 0, sizeof(*one));
    one->tag = ++next_tag;
    return one;
}

static void make_server(void)
{
    const gdws_server_signals signals = {.size = sizeof(signals),
                                         .client_connected = on_client_connected,
                                         .data_received = on_server_data,
                                         .client_close_request = on_client_closing,
                                         .client_disconnected = on_client_disconnected,
                                         .drained = on_server_drained};
    object *one = make();
    if (one == NULL) {
        return;
    }
    gdws_server_signals mine = signals;
    mine.user = one;
    one->server = gdws_server_new(loop);
    require(gdws_server_set_signals(one->server, &mine) == GDWS_OK);
    require(gdws_server_set_bind_ip(one->server, "127.0.0.1") == GDWS_OK);
    uint8_t how = take();
    (void)gdws_server_set_compression(one->server, how & 1);
    (void)gdws_server_set_close_timeout_ms(one->server, 10);
    if (how & 2) {
        require(gdws_server_set_inbound_buffer_size(one->server, 128 + how * 8u) == GDWS_OK);
        require(gdws_server_set_outbound_buffer_size(one->server, 128 + how * 8u) == GDWS_OK);
    }
    if (how & 4) {
        require(gdws_server_set_max_queued_packets(one->server, 1 + how % 3u) == GDWS_OK);
    }
    if (how & 8) {
        require(gdws_server_set_heartbeat(one->server, 10, 10) == GDWS_OK);
    }
    require(gdws_server_listen(one->server, 0) == GDWS_OK);
}

static void make_client(void)
{
    gdws_client_signals signals = {.size = sizeof(signals),
                                   .connected_to_host = on_connected,
                                   .connection_error = on_error,
                                   .data_received = on_data,
                                   .server_close_request = on_closing,
                                   .connection_closed = on_closed,
                                   .drained = on_drained};
    object *one = make();
    if (one == NULL) {
        return;
    }
    signals.user = one;
    one->client = gdws_client_new(loop);
    require(gdws_client_set_signals(one->client, &signals) == GDWS_OK);
    uint8_t how = take();
    (void)gdws_client_set_compression(one->client, how & 1);
    (void)gdws_client_set_close_timeout_ms(one->client, 10);
    if (how & 2) {
        require(gdws_client_set_inbound_buffer_size(one->client, 128 + how * 8u) == GDWS_OK);
    }
    if (how & 4) {
        require(gdws_client_set_max_queued_packets(one->client, 1 + how % 3u) == GDWS_OK);
    }
}

static void connect_client(void)
{
    object *client = pick(false);
    object *server = pick(true);
    char url[64];
    if (client == NULL || server == NULL) {
        return;
    }
    bool is_to_raw = (take() & 3) == 0;
    uint16_t port =
        gdws_server_is_listening(server->server) ? gdws_server_get_port(server->server) : 1;
    (void)snprintf(url, sizeof(url), "ws://127.0.0.1:%u/", is_to_raw ? raw_listener_port : port);
    gdws_error error = gdws_client_connect_to_url(client->client, url);
    require(error == GDWS_OK || error == GDWS_ALREADY_IN_USE);
    if (error == GDWS_OK) {
        require(!client->records[0].is_open);
        client->records[0] = (record){.id = 1, .is_foreign = is_to_raw};
        client->tag = ++next_tag;
        client->is_connecting = true;
    }
}

/* Act on a peer of either side. */
static void act_on_peer(void (*act)(gdws_peer *peer, record *one, unsigned tag))
{
    object *owner = pick(take() & 1);
    if (owner == NULL) {
        return;
    }
    record *one = &owner->records[0];
    gdws_peer *peer = NULL;
    if (owner->client != NULL) {
        peer = gdws_client_get_peer(owner->client, 1);
    } else if (owner->count > 0) {
        one = &owner->records[take() % owner->count];
        peer = gdws_server_get_peer(owner->server, one->id);
        require((peer != NULL) == one->is_open || depth > 0);
    }
    if (peer != NULL && one->is_open) {
        act(peer, one, owner->tag);
    }
}

static void act_take(gdws_peer *peer, record *one, unsigned tag)
{
    (void)tag;
    take_packet(peer, one);
}

static void act_close(gdws_peer *peer, record *one, unsigned tag)
{
    static const int codes[] = {1000, 1001, 3000, 4999};
    (void)one;
    (void)tag;
    bool is_open = gdws_peer_get_ready_state(peer) == GDWS_STATE_OPEN;
    gdws_error error = gdws_peer_close(peer, codes[take() % 4], "bye");
    require(error == (is_open ? GDWS_OK : GDWS_UNAVAILABLE));
}

/* Everybody gets it, so nobody's numbers can be kept: for those it is the end of the ledger. */
static void broadcast(void)
{
    object *one = pick(true);
    if (one == NULL) {
        return;
    }
    for (size_t i = 0; i < object_count; i++) {
        objects[i].records[0].is_foreign =
            objects[i].records[0].is_foreign || (objects[i].client != NULL);
    }
    size_t refused;
    gdws_error error =
        gdws_server_broadcast(one->server, "to all", 6, GDWS_WRITE_MODE_TEXT, 0, &refused);
    require(error == (refused > 0 ? GDWS_OUT_OF_MEMORY : GDWS_OK));
}

static void poll_loop(void)
{
    if (depth > 0) {
        require(gdws_loop_poll(loop) == GDWS_BUSY);
        return;
    }
    for (int i = 1 + take() % 4; i > 0; i--) {
        require(gdws_loop_poll(loop) == GDWS_OK);
    }
}

static void end_client(void)
{
    object *one = pick(false);
    if (one == NULL) {
        return;
    }
    if (take() & 1) {
        gdws_client *client = one->client;
        one->client = NULL;
        gdws_client_free(client);
        return;
    }
    gdws_error error = gdws_client_disconnect_from_host(one->client, 1000, "");
    require(error == GDWS_OK || error == GDWS_UNAVAILABLE);
}

static void end_server(void)
{
    object *one = pick(true);
    if (one == NULL) {
        return;
    }
    uint8_t how = take();
    if (how & 1) {
        gdws_server *server = one->server;
        one->server = NULL;
        gdws_server_free(server);
    } else if (how & 2) {
        gdws_server_stop(one->server);
    } else if (one->count > 0) {
        int32_t id = one->records[how % one->count].id;
        gdws_error error = gdws_server_disconnect_peer(one->server, id, 4000, "out");
        require(error == GDWS_OK || error == GDWS_DOES_NOT_EXIST || error == GDWS_UNAVAILABLE);
    }
}

/* Raw sockets */

static void raw_connect(void)
{
    object *server = pick(true);
    uint8_t which = take() % RAWS;
    if (server == NULL || !gdws_server_is_listening(server->server) || raws[which] >= 0 ||
        raw_port_count == RAW_PORTS) {
        return;
    }
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons(gdws_server_get_port(server->server)),
                                  .sin_addr = {htonl(INADDR_LOOPBACK)}};
    is_raw_server[which] = false;
    raws[which] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    socklen_t length = sizeof(address);
    (void)connect(raws[which], (struct sockaddr *)&address, sizeof(address));
    require(getsockname(raws[which], (struct sockaddr *)&address, &length) == 0);
    raw_ports[raw_port_count] = ntohs(address.sin_port);
    raw_port_count++;
}

static void raw_listen(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t length = sizeof(address);
    raw_listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    require(bind(raw_listener, (struct sockaddr *)&address, sizeof(address)) == 0);
    require(listen(raw_listener, 64) == 0);
    require(getsockname(raw_listener, (struct sockaddr *)&address, &length) == 0);
    raw_listener_port = ntohs(address.sin_port);
}

static void raw_accept(void)
{
    uint8_t which = take() % RAWS;
    if (raws[which] < 0) {
        is_raw_server[which] = true;
        raws[which] = accept4(raw_listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    }
}

/* Answer a client's request as a server does, and agree on compression, asked or not. */
static void raw_answer(int raw)
{
    static const char guid[] = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
    char request[4096];
    char text[128];
    uint8_t digest[EVP_MAX_MD_SIZE];
    char accepted[EVP_MAX_MD_SIZE * 2];
    char answer[512];
    ssize_t length = recv(raw, request, sizeof(request) - 1, 0);
    request[length > 0 ? length : 0] = '\0';
    const char *key = strstr(request, "Sec-WebSocket-Key: ");
    if (key == NULL) {
        return;
    }
    (void)snprintf(text, sizeof(text), "%.24s%s", key + 19, guid);
    unsigned size = 0;
    require(EVP_Digest(text, strlen(text), digest, &size, EVP_sha1(), NULL) == 1);
    (void)EVP_EncodeBlock((unsigned char *)accepted, digest, (int)size);
    length =
        snprintf(answer, sizeof(answer),
                 "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
                 "Connection: Upgrade\r\nSec-WebSocket-Accept: %s\r\n%s\r\n",
                 accepted, take() & 1 ? "Sec-WebSocket-Extensions: permessage-deflate\r\n" : "");
    (void)send(raw, answer, (size_t)length, MSG_NOSIGNAL);
}

static void raw_send(void)
{
    static const char request[] =
        "GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"
        "Sec-WebSocket-Extensions: permessage-deflate\r\n\r\n";
    uint8_t which = take() % RAWS;
    int raw = raws[which];
    size_t length = take();
    if (raw < 0) {
        return;
    }
    if (length == 0 && is_raw_server[which]) {
        raw_answer(raw);
        return;
    }
    if (length == 0) {
        (void)send(raw, request, sizeof(request) - 1, MSG_NOSIGNAL);
        return;
    }
    length = length < left ? length : left;
    (void)send(raw, program, length, MSG_NOSIGNAL);
    program += length;
    left -= length;
}

static void raw_close(void)
{
    uint8_t how = take();
    int *raw = &raws[how % RAWS];
    if (*raw < 0) {
        return;
    }
    if (how & 128) {
        (void)shutdown(*raw, SHUT_WR);
        return;
    }
    if (how & 64) {
        const struct linger hard = {.l_onoff = 1};
        (void)setsockopt(*raw, SOL_SOCKET, SO_LINGER, &hard, sizeof(hard));
    }
    (void)close(*raw);
    *raw = -1;
}

static void step(void)
{
    switch (take() % 17) {
    case 0:
        make_server();
        break;
    case 1:
        make_client();
        break;
    case 2:
    case 3:
        connect_client();
        break;
    case 4:
    case 5:
    case 6:
        act_on_peer(put_packet);
        break;
    case 7:
        act_on_peer(act_take);
        break;
    case 8:
        act_on_peer(act_close);
        break;
    case 9:
        end_client();
        break;
    case 10:
        end_server();
        break;
    case 11:
        raw_connect();
        break;
    case 12:
        raw_send();
        break;
    case 13:
        raw_close();
        break;
    case 14:
        broadcast();
        break;
    case 15:
        raw_accept();
        break;
    default:
        poll_loop();
        break;
    }
}

/* Allocations, but for those that are kept for reuse. */
static size_t in_use(void)
{
    return gdwsi_mem_live() - gdwsi_pool_kept(&loop->pool);
}

static void free_all(void)
{
    left = 0;
    for (size_t i = 0; i < object_count; i++) {
        gdws_client_free(objects[i].client);
        gdws_server_free(objects[i].server);
    }
    for (size_t i = 0; i < object_count; i++) {
        for (size_t j = 0; j < RECORDS; j++) {
            require(!objects[i].records[j].is_open);
        }
    }
    for (size_t i = 0; i < RAWS; i++) {
        if (raws[i] >= 0) {
            (void)close(raws[i]);
        }
    }
    /* Nothing is left for the next input's accept, either. */
    int late = accept4(raw_listener, NULL, NULL, SOCK_CLOEXEC);
    while (late >= 0) {
        (void)close(late);
        late = accept4(raw_listener, NULL, NULL, SOCK_CLOEXEC);
    }
    /* What has been let go ends in the background, soon. */
    for (int i = 0; i < 2000 && in_use() > in_use_before; i++) {
        (void)gdws_loop_wait(loop, 1);
    }
    require(in_use() == in_use_before);
}

static void ignore_log(gdws_log_level level, const char *text, void *user)
{
    (void)level;
    (void)user;
    require(text != NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    gdws_set_log_callback(ignore_log, NULL);
    program = data;
    left = size;
    object_count = 0;
    depth = 0;
    next_tag = 0;
    raw_port_count = 0;
    memset(raws, -1, sizeof(raws));
    /* One loop for all inputs: to make one takes longer than most of them. */
    if (loop == NULL) {
        loop = gdws_loop_new();
        require(loop != NULL);
        raw_listen();
        in_use_before = in_use();
    }
    make_server();
    make_client();
    while (left > 0) {
        step();
        require(gdws_loop_poll(loop) == GDWS_OK);
    }
    for (int i = 0; i < 3; i++) {
        require(gdws_loop_poll(loop) == GDWS_OK);
    }
    free_all();
    return 0;
}
