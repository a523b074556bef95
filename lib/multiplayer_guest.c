/* SPDX-License-Identifier: MIT */
/* A client in a session: waits for its id, notes who comes and goes, and keeps packets. Invariants:
 * the roster holds exactly those whose peer_connected was signalled; status is CONNECTED exactly
 * between connection_succeeded and server_disconnected. */
#include "multiplayer_guest.h"

#include <stdio.h>

#include "log.h"
#include "multiplayer_wire.h"

enum { NORMAL_CLOSURE = 1000, CLOSE_PROTOCOL_ERROR = 1002 };

/* Signals */

static void signal_succeeded(gdws_multiplayer *multiplayer)
{
    const gdws_multiplayer_signals *signals = &multiplayer->signals;
    multiplayer->has_succeeded = true;
    if (signals->connection_succeeded != NULL) {
        signals->connection_succeeded(multiplayer, signals->user);
    }
}

static void signal_failed(gdws_multiplayer *multiplayer)
{
    const gdws_multiplayer_signals *signals = &multiplayer->signals;
    if (signals->connection_failed != NULL) {
        signals->connection_failed(multiplayer, signals->user);
    }
}

static void signal_server_disconnected(gdws_multiplayer *multiplayer)
{
    const gdws_multiplayer_signals *signals = &multiplayer->signals;
    if (signals->server_disconnected != NULL) {
        signals->server_disconnected(multiplayer, signals->user);
    }
}

/* Receiving */

static void drop(gdwsi_member *uplink, const char *fault)
{
    gdwsi_log_write(GDWS_LOG_INFO, "multiplayer server: a message of %zu bytes dropped: %s",
                    uplink->held_length, fault);
    uplink->held = NULL;
}

/* Close the connection that was refused; again later when there is no memory for that. */
static void turn_away(gdws_multiplayer *multiplayer)
{
    gdws_error error = gdws_client_disconnect_from_host(multiplayer->client, CLOSE_PROTOCOL_ERROR,
                                                        multiplayer->message);
    multiplayer->greeting_deadline = 0;
    if (error == GDWS_OUT_OF_MEMORY) {
        multiplayer->greeting_deadline = gdwsi_loop_now(multiplayer->loop) + GDWSI_ROOM_RETRY_MS;
        gdwsi_room_set_timer(multiplayer);
    }
}

/* The greeting was wrong or late: the session cannot begin. */
static void refuse(gdws_multiplayer *multiplayer, const char *reason)
{
    multiplayer->is_refused = true;
    (void)snprintf(multiplayer->message, sizeof(multiplayer->message), "%.100s", reason);
    turn_away(multiplayer);
}

/* A peer is there. Returns false without memory. */
static bool add_peer(gdws_multiplayer *multiplayer, gdwsi_member *uplink, int32_t id)
{
    bool is_server = id == GDWS_TARGET_PEER_SERVER;
    gdws_peer *peer = is_server ? uplink->peer : NULL;
    if (gdwsi_roster_add(&multiplayer->roster, id, peer, NULL) == NULL) {
        return false;
    }
    uplink->held = NULL;
    if (is_server) {
        multiplayer->status = GDWS_CONNECTION_CONNECTED;
        multiplayer->greeting_deadline = 0;
    }
    gdwsi_room_signal_connected(multiplayer, id);
    if (is_server && !multiplayer->is_freed) {
        signal_succeeded(multiplayer);
    }
    return true;
}

static void remove_peer(gdws_multiplayer *multiplayer, gdwsi_member *member)
{
    int32_t id = member->id;
    gdwsi_roster_remove(&multiplayer->roster, member);
    gdwsi_roster_free_member(member);
    gdwsi_room_signal_disconnected(multiplayer, id);
}

static bool keep(gdws_multiplayer *multiplayer, gdwsi_member *uplink, int32_t from, size_t header)
{
    if (!gdwsi_room_keep(multiplayer, from, uplink->held + header, uplink->held_length - header)) {
        return false;
    }
    uplink->held = NULL;
    gdwsi_room_signal_packet(multiplayer, from);
    return true;
}

static bool handle_add(gdws_multiplayer *multiplayer, gdwsi_member *uplink, int32_t id)
{
    if (id < 1 || multiplayer->unique_id == 0 || id == multiplayer->unique_id) {
        drop(uplink, "adds a peer that cannot be");
    } else if (gdwsi_roster_find(&multiplayer->roster, id) != NULL) {
        drop(uplink, "adds a peer that is there");
    } else {
        return add_peer(multiplayer, uplink, id);
    }
    return true;
}

static void handle_remove(gdws_multiplayer *multiplayer, gdwsi_member *uplink, int32_t id)
{
    gdwsi_member *member = gdwsi_roster_find(&multiplayer->roster, id);
    if (member == NULL || id == GDWS_TARGET_PEER_SERVER) {
        drop(uplink, "removes a peer that is not there");
        return;
    }
    uplink->held = NULL;
    remove_peer(multiplayer, member);
}

static void handle_id(gdws_multiplayer *multiplayer, gdwsi_member *uplink, int32_t id)
{
    if (id < 2 || multiplayer->unique_id != 0) {
        drop(uplink, "gives an id that cannot be");
        return;
    }
    multiplayer->unique_id = id;
    uplink->held = NULL;
}

/* A message of Godot 3's wire. Returns false when it must wait. */
static bool handle_3(gdws_multiplayer *multiplayer, gdwsi_member *uplink)
{
    gdwsi_multiplayer_header header;
    if (!gdwsi_multiplayer_wire_read(uplink->held, uplink->held_length, &header)) {
        drop(uplink, "shorter than its header");
        return true;
    }
    if (header.type == GDWSI_MULTIPLAYER_PAYLOAD) {
        /* Godot takes it from whomever it says it is, and so do we: the server has looked. */
        return keep(multiplayer, uplink, header.from, GDWSI_MULTIPLAYER_WIRE_HEADER);
    }
    if (uplink->held_length != GDWSI_MULTIPLAYER_WIRE_SYSTEM) {
        drop(uplink, "not what a system message measures");
        return true;
    }
    int32_t id = gdwsi_multiplayer_wire_get_id(uplink->held + GDWSI_MULTIPLAYER_WIRE_HEADER);
    switch (header.type) {
    case GDWSI_MULTIPLAYER_ADD:
        return handle_add(multiplayer, uplink, id);
    case GDWSI_MULTIPLAYER_REMOVE:
        handle_remove(multiplayer, uplink, id);
        break;
    case GDWSI_MULTIPLAYER_ID:
        handle_id(multiplayer, uplink, id);
        break;
    default:
        drop(uplink, "an unknown type");
    }
    return true;
}

/* A message of Godot 4's wire: the first one is the id, all others are packets. */
static bool handle_4(gdws_multiplayer *multiplayer, gdwsi_member *uplink)
{
    if (multiplayer->status == GDWS_CONNECTION_CONNECTED) {
        return keep(multiplayer, uplink, GDWS_TARGET_PEER_SERVER, 0);
    }
    int32_t id = uplink->held_length == GDWSI_MULTIPLAYER_WIRE_GREETING
                     ? gdwsi_multiplayer_wire_get_id(uplink->held)
                     : 0;
    if (id < 2) {
        refuse(multiplayer, "the server's first message is no id");
        uplink->held = NULL;
        return true;
    }
    multiplayer->unique_id = id;
    return add_peer(multiplayer, uplink, GDWS_TARGET_PEER_SERVER);
}

static bool handle(gdws_multiplayer *multiplayer, gdwsi_member *uplink)
{
    if (multiplayer->is_refused) {
        uplink->held = NULL;
        return true;
    }
    return multiplayer->wire == GDWS_MULTIPLAYER_GODOT_3 ? handle_3(multiplayer, uplink)
                                                         : handle_4(multiplayer, uplink);
}

/* The client's signals */

/* Whether it is about a session. Without one the program has connected the client by itself, whose
 * packets are nobody's. */
static bool is_on(const gdws_multiplayer *multiplayer)
{
    return multiplayer->role == &gdwsi_multiplayer_guest &&
           multiplayer->status != GDWS_CONNECTION_DISCONNECTED;
}

/* A session does not outlive its connection: who comes back is another player. */
static void stay_away(gdws_client *client)
{
    (void)gdws_client_disconnect_from_host(client, NORMAL_CLOSURE, NULL);
}

static void on_connected(gdws_client *client, const char *protocol, void *user)
{
    gdws_multiplayer *multiplayer = user;
    (void)protocol;
    if (!is_on(multiplayer)) {
        stay_away(client);
        return;
    }
    multiplayer->uplink.peer = gdws_client_get_peer(client, GDWS_TARGET_PEER_SERVER);
    multiplayer->greeting_since = gdwsi_loop_now(multiplayer->loop);
    multiplayer->greeting_deadline = multiplayer->greeting_since + multiplayer->greeting_timeout_ms;
    gdwsi_room_set_timer(multiplayer);
}

static void on_error(gdws_client *client, void *user)
{
    gdws_multiplayer *multiplayer = user;
    stay_away(client);
    if (is_on(multiplayer)) {
        gdwsi_guest_end(multiplayer);
    }
}

static void on_data(gdws_client *client, void *user)
{
    gdws_multiplayer *multiplayer = user;
    const uint8_t *packet;
    size_t length;
    if (is_on(multiplayer)) {
        gdwsi_room_receive(multiplayer, &multiplayer->uplink);
    } else {
        (void)gdws_client_get_peer_packet(client, GDWS_TARGET_PEER_SERVER, &packet, &length);
    }
}

/* What has waited for memory. It cannot wait any longer. */
static void take_last(gdws_multiplayer *multiplayer)
{
    size_t length = multiplayer->uplink.held_length;
    if (!handle(multiplayer, &multiplayer->uplink)) {
        gdwsi_log_write(GDWS_LOG_WARNING, "no memory for a multiplayer message of %zu bytes",
                        length);
    }
}

static void on_closed(gdws_client *client, bool was_clean, void *user)
{
    gdws_multiplayer *multiplayer = user;
    (void)was_clean;
    stay_away(client);
    if (!is_on(multiplayer)) {
        return;
    }
    if (multiplayer->status == GDWS_CONNECTION_CONNECTING && multiplayer->message[0] == '\0') {
        (void)snprintf(multiplayer->message, sizeof(multiplayer->message), "%s",
                       "the connection ended before the server had given an id");
    }
    if (multiplayer->uplink.held != NULL) {
        take_last(multiplayer);
        if (multiplayer->is_freed) {
            return;
        }
    }
    gdwsi_guest_end(multiplayer);
}

static void on_drained(gdws_client *client, void *user)
{
    gdws_multiplayer *multiplayer = user;
    (void)client;
    if (is_on(multiplayer) && multiplayer->status == GDWS_CONNECTION_CONNECTED) {
        multiplayer->owes_drained = false;
        gdwsi_room_signal_drained(multiplayer, GDWS_TARGET_PEER_SERVER);
    }
}

gdws_error gdwsi_guest_attach(gdws_multiplayer *multiplayer)
{
    const gdws_client_signals signals = {.size = sizeof(signals),
                                         .user = multiplayer,
                                         .connected_to_host = on_connected,
                                         .connection_error = on_error,
                                         .data_received = on_data,
                                         .connection_closed = on_closed,
                                         .drained = on_drained};
    return gdws_client_set_signals(multiplayer->client, &signals);
}

/* Life */

void gdwsi_guest_begin(gdws_multiplayer *multiplayer)
{
    multiplayer->uplink = (gdwsi_member){.id = GDWS_TARGET_PEER_SERVER};
    multiplayer->status = GDWS_CONNECTION_CONNECTING;
    multiplayer->unique_id = 0;
    multiplayer->greeting_deadline = 0;
    multiplayer->has_looked = false;
    multiplayer->is_refused = false;
    multiplayer->has_succeeded = false;
}

/* The other clients first, for they cannot be reached without the server: from the end of the
 * roster, where nothing needs to move up. */
void gdwsi_guest_end(gdws_multiplayer *multiplayer)
{
    gdwsi_roster *roster = &multiplayer->roster;
    gdwsi_room_forget(multiplayer, &multiplayer->uplink);
    multiplayer->uplink.held = NULL;
    multiplayer->greeting_deadline = 0;
    multiplayer->owes_close = false;
    multiplayer->unique_id = 0;
    if (multiplayer->status != GDWS_CONNECTION_DISCONNECTED) {
        multiplayer->ended = multiplayer->status;
        multiplayer->status = GDWS_CONNECTION_DISCONNECTED;
    }
    bool was_freed = multiplayer->is_freed;
    while (roster->count > 0) {
        remove_peer(multiplayer, roster->members[roster->count - 1]);
        if (multiplayer->is_freed && !was_freed) {
            /* Freeing has signalled the rest. */
            return;
        }
    }
    gdws_connection_status status = multiplayer->ended;
    multiplayer->ended = GDWS_CONNECTION_DISCONNECTED;
    if (status == GDWS_CONNECTION_CONNECTED && multiplayer->has_succeeded) {
        signal_server_disconnected(multiplayer);
    } else if (status == GDWS_CONNECTION_CONNECTING && !was_freed) {
        signal_failed(multiplayer);
    }
}

static gdws_error put(gdws_multiplayer *multiplayer, const void *packet, size_t length)
{
    gdws_peer *peer = multiplayer->uplink.peer;
    if (multiplayer->status != GDWS_CONNECTION_CONNECTED) {
        return GDWS_UNAVAILABLE;
    }
    if (multiplayer->wire == GDWS_MULTIPLAYER_GODOT_4) {
        return gdws_peer_send(peer, packet, length, GDWS_WRITE_MODE_BINARY);
    }
    if (multiplayer->target == multiplayer->unique_id) {
        return GDWS_INVALID_PARAMETER;
    }
    uint8_t *message =
        gdwsi_room_compose(multiplayer, GDWSI_MULTIPLAYER_WIRE_HEADER, packet, length);
    if (message == NULL) {
        return GDWS_OUT_OF_MEMORY;
    }
    gdwsi_multiplayer_wire_put_header(message, multiplayer->unique_id, multiplayer->target);
    return gdws_peer_send(peer, message, length + GDWSI_MULTIPLAYER_WIRE_HEADER,
                          GDWS_WRITE_MODE_BINARY);
}

gdws_error gdwsi_guest_put(gdws_multiplayer *multiplayer, const void *packet, size_t length)
{
    gdws_error error = put(multiplayer, packet, length);
    if (error == GDWS_OUT_OF_MEMORY && !multiplayer->owes_drained) {
        multiplayer->owes_drained = true;
        gdwsi_room_set_timer(multiplayer);
    }
    return error;
}

void gdwsi_guest_set_timeout(gdws_multiplayer *multiplayer, uint32_t timeout_ms)
{
    bool is_waiting = multiplayer->greeting_deadline != 0 && !multiplayer->is_refused;
    multiplayer->greeting_timeout_ms = timeout_ms;
    if (is_waiting && !multiplayer->has_looked) {
        multiplayer->greeting_deadline = multiplayer->greeting_since + timeout_ms;
        gdwsi_room_set_timer(multiplayer);
    }
}

void gdwsi_guest_leave(gdws_multiplayer *multiplayer)
{
    gdws_error error = gdws_client_disconnect_from_host(multiplayer->client, NORMAL_CLOSURE, NULL);
    multiplayer->owes_close = error == GDWS_OUT_OF_MEMORY;
    if (multiplayer->owes_close) {
        gdwsi_room_set_timer(multiplayer);
    }
}

/* Time */

/* Where a put found no memory, and the queue was empty, nothing drains. */
static void check_drained(gdws_multiplayer *multiplayer)
{
    bool is_connected = multiplayer->status == GDWS_CONNECTION_CONNECTED;
    if (!multiplayer->owes_drained ||
        (is_connected &&
         gdws_peer_get_current_outbound_buffered_amount(multiplayer->uplink.peer) > 0)) {
        return;
    }
    multiplayer->owes_drained = false;
    if (is_connected) {
        gdwsi_room_signal_drained(multiplayer, GDWS_TARGET_PEER_SERVER);
    }
}

/* When the program polls late, the id that has come in time is still to be read, or to be
 * signalled: so the verdict waits for one more pass. */
static void check_greeting(gdws_multiplayer *multiplayer, uint64_t now)
{
    uint64_t deadline = multiplayer->greeting_deadline;
    if (deadline == 0 || now < deadline) {
        return;
    }
    if (multiplayer->is_refused) {
        turn_away(multiplayer);
    } else if (multiplayer->has_looked) {
        refuse(multiplayer, "the server has given no id in time");
    } else {
        multiplayer->has_looked = true;
        multiplayer->greeting_deadline = now + 1;
    }
}

static void check_time(gdws_multiplayer *multiplayer, uint64_t now)
{
    check_greeting(multiplayer, now);
    if (multiplayer->owes_close) {
        gdwsi_guest_leave(multiplayer);
    }
    check_drained(multiplayer);
}

static uint64_t next_deadline(const gdws_multiplayer *multiplayer, uint64_t now)
{
    uint64_t deadline = multiplayer->greeting_deadline;
    uint64_t retry = now + GDWSI_ROOM_RETRY_MS;
    bool is_sooner = deadline == 0 || retry < deadline;
    bool is_owed = multiplayer->owes_close || multiplayer->owes_drained;
    return is_owed && is_sooner ? retry : deadline;
}

const gdwsi_multiplayer_role gdwsi_multiplayer_guest = {
    .handle = handle, .check_time = check_time, .next_deadline = next_deadline};
