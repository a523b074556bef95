/* SPDX-License-Identifier: MIT */
/* A random program of calls on servers, clients and raw sockets that share a loop, from inside of
 * signals, too. What must hold: signals come in order, exactly one end for each beginning; messages
 * are neither lost, doubled, altered nor out of order; errors are those that are documented;
 * nothing is left when all is freed. */
#include <stdio.h>
#include <string.h>

#include "gdws/gdws.h"
#include "program.h"
#include "raw.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum {
    OBJECTS = 12,
    RECORDS = 64,
    HEADER = 16,
    MESSAGE_MAX = 5000,
    DELAY_MIN_MS = 10,
    DELAY_MAX_MS = 40,
    SETTLE_MAX_MS = 3000,
    NORMAL_CLOSURE = 1000
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

/* How far a client is with what it was told to do: gdws_client_set_reconnect. */
typedef struct attempt {
    bool is_begun;     /* connect_to_url has accepted it, and no answer has come */
    bool is_announced; /* by reconnecting, and no answer has come */
    bool is_given_up;  /* by disconnect_from_host: its error may be forgotten, too */
    bool is_planned;   /* error or closed has said that there will be one: reconnecting follows */
    bool is_left;      /* the program has closed the connection: no other attempt */
    bool is_to_raw;
    bool is_blurred; /* a message that is not in the ledger may reach this connection */
    bool reconnects; /* as it is set now */
    bool is_limited; /* to a number of attempts */
    bool is_awaited; /* by the end of the program */
} attempt;

typedef struct object {
    gdws_server *server;
    gdws_client *client;
    record records[RECORDS]; /* of a client the first one */
    size_t count;
    unsigned tag; /* of its messages */
    attempt attempt;
    uint16_t port;  /* that the server has had last */
    bool is_freed;  /* what is owed still comes, nothing else */
    bool is_buried; /* nothing comes any more */
} object;

static object objects[OBJECTS];
static size_t object_count;
static unsigned next_tag;
static bool must_poll; /* after most steps */

static void go_on(object *owner);

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

static void put_packet(gdws_peer *peer, record *one, object *owner)
{
    static char message[MESSAGE_MAX + 1];
    uint8_t how = program_take();
    size_t length =
        write_message(message, owner->tag, one->sent, (size_t)program_take() * (how % 20u));
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

/* Signals of a server */

/* Inside of the signals that free delivers nothing begins any more. */
static void check_freed_server(object *owner, gdws_server *server)
{
    require(!owner->is_buried);
    if (owner->is_freed) {
        require(gdws_server_listen(server, 0) == GDWS_UNAVAILABLE);
        gdws_server_free(server);
    }
}

static bool on_admission(gdws_server *server, gdws_request *request, void *user)
{
    static const int statuses[] = {401, 403, 408, 429, 503, 503, 503, 503};
    object *owner = user;
    (void)server;
    require(!owner->is_freed);
    uint8_t how = program_take();
    go_on(user);
    if (how % 4 != 1) {
        return true;
    }
    require(gdws_request_set_refusal(request, statuses[how / 4 % 8], NULL) == GDWS_OK);
    return false;
}

static void on_client_connected(gdws_server *server, int32_t id, const char *protocol, void *user)
{
    object *owner = user;
    require(!owner->is_freed);
    require(protocol != NULL && id > 1 && find(owner, id) == NULL);
    require(gdws_server_has_peer(server, id));
    if (owner->count == RECORDS) {
        return;
    }
    record *one = &owner->records[owner->count];
    owner->count++;
    *one = (record){.id = id, .is_open = true};
    one->is_foreign = raw_is_port(gdws_server_get_peer_port(server, id));
    go_on(user);
}

static void on_server_data(gdws_server *server, int32_t id, void *user)
{
    record *one = find(user, id);
    require(!((object *)user)->is_freed);
    require(one == NULL || (one->is_open && !one->has_closing));
    if (one != NULL && (program_take() & 7) != 0) {
        take_packet(gdws_server_get_peer(server, id), one);
    }
    go_on(user);
}

static void on_client_closing(gdws_server *server, int32_t id, int code, const char *reason,
                              void *user)
{
    record *one = find(user, id);
    (void)server;
    require(!((object *)user)->is_freed);
    require(reason != NULL && code >= 0 && code <= 65535);
    require(one == NULL || (one->is_open && !one->has_closing));
    if (one != NULL) {
        one->has_closing = true;
    }
    go_on(user);
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
    check_freed_server(user, server);
    go_on(user);
}

static void on_server_drained(gdws_server *server, int32_t id, void *user)
{
    record *one = find(user, id);
    (void)server;
    require(!((object *)user)->is_freed);
    require(one == NULL || one->is_open);
    go_on(user);
}

/* Signals of a client */

static bool is_answer_due(const attempt *attempt)
{
    return attempt->is_begun || attempt->is_announced;
}

static void end_attempt(attempt *attempt)
{
    attempt->is_begun = false;
    attempt->is_announced = false;
    attempt->is_given_up = false;
    attempt->is_awaited = false;
}

static void on_connected(gdws_client *client, const char *protocol, void *user)
{
    object *owner = user;
    require(!owner->is_buried && protocol != NULL);
    require(is_answer_due(&owner->attempt) && !owner->attempt.is_given_up);
    require(!owner->attempt.is_planned && !owner->records[0].is_open);
    require(gdws_client_get_connection_status(client) == GDWS_CONNECTION_CONNECTED);
    end_attempt(&owner->attempt);
    owner->tag = ++next_tag;
    owner->records[0] = (record){.id = 1, .is_open = true};
    owner->records[0].is_foreign = owner->attempt.is_to_raw || owner->attempt.is_blurred;
    go_on(user);
}

static void on_error(gdws_client *client, void *user)
{
    object *owner = user;
    attempt *attempt = &owner->attempt;
    int http_status = gdws_client_get_http_status(client);
    require(!owner->is_freed && !owner->records[0].is_open);
    require(is_answer_due(attempt) && !attempt->is_planned);
    require(gdws_client_get_error(client) != GDWS_OK);
    require(!attempt->is_given_up || gdws_client_get_error(client) == GDWS_SKIP);
    require(gdws_client_get_error_message(client)[0] != '\0');
    require(gdws_client_get_connection_status(client) != GDWS_CONNECTION_CONNECTED);
    attempt->is_planned = gdws_client_get_connection_status(client) == GDWS_CONNECTION_CONNECTING;
    require(!attempt->is_planned ||
            (!attempt->is_given_up && http_status != 401 && http_status != 403));
    end_attempt(attempt);
    go_on(user);
}

static void on_reconnecting(gdws_client *client, uint32_t number, uint32_t delay_ms, void *user)
{
    object *owner = user;
    require(!owner->is_freed && !owner->records[0].is_open);
    require(owner->attempt.is_planned && !is_answer_due(&owner->attempt));
    require(number > 0 && delay_ms <= DELAY_MAX_MS);
    require(gdws_client_get_connection_status(client) == GDWS_CONNECTION_CONNECTING);
    owner->attempt.is_planned = false;
    owner->attempt.is_announced = true;
    owner->attempt.is_blurred = false;
    go_on(user);
}

static void on_data(gdws_client *client, void *user)
{
    object *owner = user;
    require(!owner->is_freed && owner->records[0].is_open && !owner->records[0].has_closing);
    if ((program_take() & 7) != 0) {
        take_packet(gdws_client_get_peer(client, 1), &owner->records[0]);
    }
    go_on(user);
}

static void on_closing(gdws_client *client, int code, const char *reason, void *user)
{
    object *owner = user;
    (void)client;
    (void)code;
    require(!owner->is_freed && reason != NULL);
    require(owner->records[0].is_open && !owner->records[0].has_closing);
    owner->records[0].has_closing = true;
    go_on(user);
}

/* Whether there will be another attempt is known beforehand, unless attempts are counted. */
static void check_plan(const object *owner, const gdws_client *client, bool is_dismissed)
{
    const attempt *attempt = &owner->attempt;
    gdws_connection_status status = gdws_client_get_connection_status(client);
    bool may_retry = attempt->reconnects && !attempt->is_left && !is_dismissed && !owner->is_freed;
    require(status != GDWS_CONNECTION_CONNECTED);
    require(may_retry || status == GDWS_CONNECTION_DISCONNECTED);
    require(!may_retry || attempt->is_limited || status == GDWS_CONNECTION_CONNECTING);
}

static void on_closed(gdws_client *client, bool was_clean, void *user)
{
    object *owner = user;
    char url[PROGRAM_URL_MAX];
    int code = gdws_peer_get_close_code(gdws_client_get_peer(client, 1));
    require(!owner->is_buried && owner->records[0].is_open && !is_answer_due(&owner->attempt));
    owner->records[0].is_open = false;
    check_plan(owner, client, was_clean && code == NORMAL_CLOSURE);
    owner->attempt.is_planned =
        gdws_client_get_connection_status(client) == GDWS_CONNECTION_CONNECTING;
    if (owner->is_freed) {
        program_write_url(url, raw_get_port(), (code & 1) != 0);
        require(gdws_client_connect_to_url(client, url) == GDWS_UNAVAILABLE);
        gdws_client_free(client);
    }
    go_on(user);
}

static void on_drained(gdws_client *client, void *user)
{
    object *owner = user;
    (void)client;
    require(!owner->is_freed && owner->records[0].is_open);
    go_on(user);
}

/* Steps */

static object *pick(bool is_server)
{
    size_t start = program_take();
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
    one->server = gdws_server_new(program_loop());
    require(gdws_server_set_signals(one->server, &mine) == GDWS_OK);
    require(gdws_server_set_bind_ip(one->server, program_address()) == GDWS_OK);
    uint8_t how = program_take();
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
    if (how & 16) {
        require(gdws_server_set_admission(one->server, on_admission, one) == GDWS_OK);
    }
    require(gdws_server_listen(one->server, 0) == GDWS_OK);
    one->port = gdws_server_get_port(one->server);
}

/* After stop, also from inside of its signals: at once. */
static void listen_again(void)
{
    object *one = pick(true);
    if (one == NULL) {
        return;
    }
    bool is_listening = gdws_server_is_listening(one->server);
    uint16_t port = program_take() & 1 ? one->port : 0;
    gdws_error error = gdws_server_listen(one->server, port);
    require(error == GDWS_ALREADY_IN_USE || (error == GDWS_OK && !is_listening));
    require(error == GDWS_OK || is_listening || port != 0);
    one->port = error == GDWS_OK ? gdws_server_get_port(one->server) : one->port;
}

static void set_reconnect(object *one)
{
    uint8_t how = program_take();
    uint32_t first_ms = DELAY_MIN_MS + how % 8;
    uint32_t last_ms = how & 8 ? DELAY_MAX_MS : first_ms;
    uint32_t attempts = how / 16 % 4;
    one->attempt.reconnects = how < 192;
    one->attempt.is_limited = attempts != 0;
    require(gdws_client_set_reconnect(one->client, how < 192 ? first_ms : 0, last_ms, attempts) ==
            GDWS_OK);
}

static void change_reconnect(void)
{
    object *one = pick(false);
    if (one != NULL) {
        set_reconnect(one);
    }
}

static void make_client(void)
{
    gdws_client_signals signals = {.size = sizeof(signals),
                                   .connected_to_host = on_connected,
                                   .connection_error = on_error,
                                   .data_received = on_data,
                                   .server_close_request = on_closing,
                                   .connection_closed = on_closed,
                                   .drained = on_drained,
                                   .reconnecting = on_reconnecting};
    object *one = make();
    if (one == NULL) {
        return;
    }
    signals.user = one;
    one->client = gdws_client_new(program_loop());
    require(gdws_client_set_signals(one->client, &signals) == GDWS_OK);
    uint8_t how = program_take();
    (void)gdws_client_set_compression(one->client, how & 1);
    (void)gdws_client_set_close_timeout_ms(one->client, 10);
    if (how & 2) {
        require(gdws_client_set_inbound_buffer_size(one->client, 128 + how * 8u) == GDWS_OK);
    }
    if (how & 4) {
        require(gdws_client_set_max_queued_packets(one->client, 1 + how % 3u) == GDWS_OK);
    }
    if (how & 8) {
        set_reconnect(one);
    }
    if (how & 16) {
        require(gdws_client_set_handshake_timeout_ms(one->client, 20) == GDWS_OK);
    }
}

static bool is_busy(const object *client)
{
    const attempt *attempt = &client->attempt;
    return client->records[0].is_open || (attempt->is_begun && !attempt->is_given_up);
}

static void begin_attempt(object *client, uint16_t port, bool by_name)
{
    char url[PROGRAM_URL_MAX];
    attempt *attempt = &client->attempt;
    program_write_url(url, port, by_name);
    gdws_error error = gdws_client_connect_to_url(client->client, url);
    require(error == (is_busy(client) ? GDWS_ALREADY_IN_USE : GDWS_OK) ||
            /* It may have begun already. */
            (error == GDWS_ALREADY_IN_USE && attempt->is_announced));
    if (error == GDWS_OK) {
        end_attempt(attempt);
        attempt->is_begun = true;
        attempt->is_planned = false;
        attempt->is_left = false;
        attempt->is_to_raw = port == raw_get_port();
        attempt->is_blurred = false;
    }
}

static void connect_client(void)
{
    object *client = pick(false);
    const object *server = pick(true);
    if (client != NULL && server != NULL) {
        uint8_t how = program_take();
        begin_attempt(client, (how & 3) == 0 ? raw_get_port() : server->port, how >= 224);
    }
}

/* Inside of a signal of its own it goes when that has returned. */
static void free_object(object *one)
{
    gdws_client *client = one->client;
    gdws_server *server = one->server;
    one->is_freed = true;
    one->client = NULL;
    one->server = NULL;
    gdws_client_free(client);
    gdws_server_free(server);
}

/* Inside of a signal: whoever is busy is so for all others, too. */
static void go_on(object *owner)
{
    for (size_t i = 0; i < object_count; i++) {
        if (objects[i].client != NULL && is_busy(&objects[i])) {
            begin_attempt(&objects[i], raw_get_port(), false);
        }
    }
    if (program_go_on() && (owner->client != NULL || owner->server != NULL)) {
        free_object(owner);
    }
}

static void disconnect_client(object *one)
{
    attempt *attempt = &one->attempt;
    /* A connection that is open, but not yet signalled, may have ended already. That is an error,
     * unless there is an attempt to be prevented. */
    bool must_work = is_answer_due(attempt) && !attempt->is_given_up && !attempt->is_left &&
                     attempt->reconnects &&
                     gdws_client_get_connection_status(one->client) == GDWS_CONNECTION_CONNECTING;
    gdws_error error = gdws_client_disconnect_from_host(one->client, NORMAL_CLOSURE, "");
    require(error == GDWS_OK || (error == GDWS_UNAVAILABLE && !must_work && !attempt->is_planned));
    if (error == GDWS_OK) {
        attempt->is_planned = false;
        attempt->is_left = true;
        attempt->is_given_up =
            is_answer_due(attempt) && gdws_client_get_error(one->client) == GDWS_SKIP;
    }
}

/* Act on a peer of either side. */
static void act_on_peer(void (*act)(gdws_peer *peer, record *one, object *owner))
{
    object *owner = pick(program_take() & 1);
    if (owner == NULL) {
        return;
    }
    record *one = &owner->records[0];
    gdws_peer *peer = NULL;
    if (owner->client != NULL) {
        peer = gdws_client_get_peer(owner->client, 1);
    } else if (owner->count > 0) {
        one = &owner->records[program_take() % owner->count];
        peer = gdws_server_get_peer(owner->server, one->id);
        require((peer != NULL) == one->is_open || program_is_in_signal());
    }
    if (peer != NULL && one->is_open) {
        act(peer, one, owner);
    }
}

static void act_take(gdws_peer *peer, record *one, object *owner)
{
    (void)owner;
    take_packet(peer, one);
}

static void act_close(gdws_peer *peer, record *one, object *owner)
{
    static const int codes[] = {1000, 1001, 3000, 4999};
    (void)one;
    bool is_open = gdws_peer_get_ready_state(peer) == GDWS_STATE_OPEN;
    gdws_error error = gdws_peer_close(peer, codes[program_take() % 4], "bye");
    require(error == (is_open ? GDWS_OK : GDWS_UNAVAILABLE));
    owner->attempt.is_left = owner->attempt.is_left || error == GDWS_OK;
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
        objects[i].attempt.is_blurred = true;
    }
    size_t refused;
    gdws_error error =
        gdws_server_broadcast(one->server, "to all", 6, GDWS_WRITE_MODE_TEXT, 0, &refused);
    require(error == (refused > 0 ? GDWS_OUT_OF_MEMORY : GDWS_OK));
}

static void connect_raw(void)
{
    const object *server = pick(true);
    if (server != NULL && gdws_server_is_listening(server->server)) {
        raw_connect(gdws_server_get_port(server->server));
    }
}

static void end_client(void)
{
    object *one = pick(false);
    if (one == NULL) {
        return;
    }
    uint8_t how = program_take();
    if (how & 1) {
        free_object(one);
        return;
    }
    disconnect_client(one);
    if (how & 2) {
        begin_attempt(one, raw_get_port(), false);
    }
}

static void end_server(void)
{
    object *one = pick(true);
    if (one == NULL) {
        return;
    }
    uint8_t how = program_take();
    if (how & 1) {
        free_object(one);
    } else if (how & 2) {
        gdws_server_stop(one->server);
    } else if (one->count > 0) {
        int32_t id = one->records[how % one->count].id;
        gdws_error error = gdws_server_disconnect_peer(one->server, id, 4000, "out");
        require(error == GDWS_OK || error == GDWS_DOES_NOT_EXIST || error == GDWS_UNAVAILABLE);
    }
}

static void step(void)
{
    uint8_t what = program_take();
    must_poll = what < 204 || what >= 238;
    /* The last ones were added when there was a corpus already. */
    switch (what < 238 ? what % 17 : 17 + what % 2) {
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
        connect_raw();
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
    case 17:
        listen_again();
        break;
    case 18:
        change_reconnect();
        break;
    default:
        program_poll();
        break;
    }
}

/* Between polls: what was announced has come, and of what was freed nothing is left. */
static void check_objects(void)
{
    for (size_t i = 0; i < object_count; i++) {
        object *one = &objects[i];
        require(!one->attempt.is_planned || one->is_freed);
        for (size_t j = 0; j < RECORDS && one->is_freed && !one->is_buried; j++) {
            require(!one->records[j].is_open);
        }
        one->is_buried = one->is_freed;
    }
}

static bool is_settled(const object *one)
{
    return one->client == NULL ||
           (!is_answer_due(&one->attempt) && !one->records[0].is_open &&
            gdws_client_get_connection_status(one->client) == GDWS_CONNECTION_DISCONNECTED);
}

static bool take_all(void)
{
    bool is_over = true;
    for (size_t i = 0; i < object_count; i++) {
        object *one = &objects[i];
        gdws_peer *peer = gdws_client_get_peer(one->client, 1);
        while (one->records[0].is_open && gdws_peer_get_available_packet_count(peer) > 0) {
            take_packet(peer, &one->records[0]);
        }
        is_over = is_over && is_settled(one);
    }
    return is_over;
}

static bool has_awaited(void)
{
    for (size_t i = 0; i < object_count; i++) {
        if (objects[i].client != NULL && objects[i].attempt.is_awaited) {
            return false;
        }
    }
    return true;
}

static void wait_until(bool (*holds)(void))
{
    bool is_over = holds();
    for (int i = 0; i < SETTLE_MAX_MS && !is_over; i++) {
        (void)gdws_loop_wait(program_loop(), 1);
        check_objects();
        is_over = holds();
    }
    require(is_over);
}

/* An attempt that was announced is made and answered; of raw servers only if they want. Each
 * connection ends when the program leaves and takes what is there. */
static void settle(void)
{
    program_end();
    for (size_t i = 0; i < object_count; i++) {
        attempt *attempt = &objects[i].attempt;
        attempt->is_awaited = attempt->is_announced && !attempt->is_to_raw;
    }
    wait_until(has_awaited);
    for (size_t i = 0; i < object_count; i++) {
        if (objects[i].client != NULL) {
            require(gdws_client_set_reconnect(objects[i].client, 0, 0, 0) == GDWS_OK);
            objects[i].attempt.reconnects = false;
            disconnect_client(&objects[i]);
        }
    }
    wait_until(take_all);
}

static void free_all(void)
{
    for (size_t i = 0; i < object_count; i++) {
        free_object(&objects[i]);
    }
    check_objects();
    raw_end();
    program_require_nothing_left();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    program_begin(data, size, step);
    raw_begin();
    object_count = 0;
    next_tag = 0;
    make_server();
    make_client();
    while (program_has_more()) {
        step();
        if (must_poll) {
            require(gdws_loop_poll(program_loop()) == GDWS_OK);
            check_objects();
        }
    }
    for (int i = 0; i < 3; i++) {
        require(gdws_loop_poll(program_loop()) == GDWS_OK);
    }
    settle();
    free_all();
    return 0;
}
