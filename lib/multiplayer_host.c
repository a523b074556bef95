/* SPDX-License-Identifier: MIT */
/* The server of a session: greets, introduces, relays, and keeps what is for itself. Invariant: a
 * message goes to all its targets or, while one of them is behind, to none yet, but for a put of
 * the program that has its turn. */
#include "multiplayer_host.h"

#include "link.h"
#include "log.h"
#include "multiplayer_backlog.h"
#include "multiplayer_wire.h"

enum { CLOSE_GOING_AWAY = 1001, CLOSE_MESSAGE_TOO_BIG = 1009, CLOSE_INTERNAL_ERROR = 1011 };

/* Sending */

static gdws_error send_to(gdws_multiplayer *multiplayer, int32_t target, int32_t from,
                          const uint8_t *message, size_t length)
{
    const gdwsi_roster *roster = &multiplayer->roster;
    gdws_error error = GDWS_OK;
    if (target > 0) {
        gdwsi_member *member = gdwsi_roster_find(roster, target);
        return member != NULL ? gdwsi_backlog_deliver(multiplayer, member, message, length)
                              : GDWS_DOES_NOT_EXIST;
    }
    for (size_t i = 0; i < roster->count && error == GDWS_OK; i++) {
        int32_t id = roster->ids[i];
        if (id != from && gdwsi_multiplayer_wire_is_for(target, id)) {
            error = gdwsi_backlog_deliver(multiplayer, roster->members[i], message, length);
        }
    }
    return error;
}

static void send_system(gdws_multiplayer *multiplayer, gdwsi_member *member,
                        gdwsi_multiplayer_type type, int32_t id)
{
    uint8_t message[GDWSI_MULTIPLAYER_WIRE_SYSTEM];
    gdwsi_multiplayer_wire_put_system(message, type, id);
    (void)gdwsi_backlog_deliver(multiplayer, member, message, sizeof(message));
}

gdws_error gdwsi_host_put(gdws_multiplayer *multiplayer, const void *packet, size_t length)
{
    int32_t target = multiplayer->target;
    const uint8_t *message = packet;
    if (!gdws_server_is_listening(multiplayer->server)) {
        return GDWS_UNAVAILABLE;
    }
    if (target == GDWS_TARGET_PEER_SERVER) {
        return GDWS_INVALID_PARAMETER;
    }
    if (target > 0 && gdwsi_roster_find(&multiplayer->roster, target) == NULL) {
        return GDWS_DOES_NOT_EXIST;
    }
    if (gdwsi_backlog_must_wait(multiplayer, target, 0) &&
        !gdwsi_backlog_use_turns(multiplayer, target)) {
        gdwsi_backlog_await(multiplayer, target);
        return GDWS_OUT_OF_MEMORY;
    }
    if (multiplayer->wire == GDWS_MULTIPLAYER_GODOT_3) {
        uint8_t *composed =
            gdwsi_room_compose(multiplayer, GDWSI_MULTIPLAYER_WIRE_HEADER, packet, length);
        if (composed == NULL) {
            gdwsi_backlog_await(multiplayer, target);
            return GDWS_OUT_OF_MEMORY;
        }
        gdwsi_multiplayer_wire_put_header(composed, GDWS_TARGET_PEER_SERVER, target);
        message = composed;
        length += GDWSI_MULTIPLAYER_WIRE_HEADER;
    }
    return send_to(multiplayer, target, 0, message, length);
}

/* Receiving */

/* Say why a message is not passed on (nothing of it but numbers, so that the log stays text). */
static const char *find_fault(const gdws_multiplayer *multiplayer, const gdwsi_member *member,
                              gdwsi_multiplayer_header *header)
{
    if (!gdwsi_multiplayer_wire_read(member->held, member->held_length, header)) {
        return "shorter than its header";
    }
    if (header->type != GDWSI_MULTIPLAYER_PAYLOAD) {
        return "a type that only the server may send";
    }
    if (header->from != member->id) {
        return "another sender's id";
    }
    if (header->to == member->id) {
        return "addressed to its sender";
    }
    if (header->to > 1 && gdwsi_roster_find(&multiplayer->roster, header->to) == NULL) {
        return "addressed to somebody who is not there";
    }
    return NULL;
}

/* Put what a message carries behind its header into the own queue. For the last one of somebody who
 * has left there is room when the queue is full, too: as much again as it may hold. */
static bool keep_payload(gdws_multiplayer *multiplayer, const gdwsi_member *member, size_t header,
                         bool is_last)
{
    bool is_kept = !(is_last && gdwsi_room_is_overfull(multiplayer)) &&
                   gdwsi_room_keep(multiplayer, member->id, member->held + header,
                                   member->held_length - header);
    if (!is_kept && is_last) {
        gdwsi_log_write(GDWS_LOG_WARNING,
                        "multiplayer peer %d has left with a message of %zu bytes for which there "
                        "is no room",
                        (int)member->id, member->held_length);
    }
    return is_kept;
}

/* Hear a member no more. What it has said goes at once: its disconnection comes behind its packets,
 * and those would wait for as long as the queue is full. */
static void mute(gdwsi_member *member)
{
    member->is_kicked = true;
    do {
        member->held = NULL;
    } while (gdwsi_room_take(member));
}

/* Pass a message of Godot 3's wire on. Returns false when it must wait. is_last: it cannot wait. */
static bool relay(gdws_multiplayer *multiplayer, gdwsi_member *member, bool is_last)
{
    gdwsi_multiplayer_header header = {0};
    const uint8_t *message = member->held;
    size_t length = member->held_length;
    int32_t id = member->id;
    const char *fault = find_fault(multiplayer, member, &header);
    if (fault != NULL) {
        gdwsi_log_write(GDWS_LOG_INFO, "multiplayer peer %d: a message of %zu bytes dropped: %s",
                        (int)id, length, fault);
        member->held = NULL;
        return true;
    }
    bool is_for_others = header.to != GDWS_TARGET_PEER_SERVER;
    if (is_for_others && length > gdws_peer_get_max_packet_size(member->peer)) {
        /* Of a message that is lost nobody gets a part, nor what came behind it. */
        gdwsi_backlog_give_up(multiplayer, member, CLOSE_MESSAGE_TOO_BIG,
                              "too large to be passed on");
        mute(member);
        return true;
    }
    bool is_kept = gdwsi_multiplayer_wire_is_for(header.to, GDWS_TARGET_PEER_SERVER);
    if (!is_last && is_for_others && gdwsi_backlog_must_wait(multiplayer, header.to, id)) {
        return false;
    }
    if (is_kept && !keep_payload(multiplayer, member, GDWSI_MULTIPLAYER_WIRE_HEADER, is_last)) {
        if (!is_last) {
            return false;
        }
        is_kept = false;
    }
    if (is_for_others) {
        (void)send_to(multiplayer, header.to, id, message, length);
    }
    member->held = NULL;
    if (is_kept) {
        gdwsi_room_signal_packet(multiplayer, id);
    }
    return true;
}

/* The same on Godot 4's wire, where it stays here. */
static bool keep(gdws_multiplayer *multiplayer, gdwsi_member *member, bool is_last)
{
    int32_t id = member->id;
    if (!keep_payload(multiplayer, member, 0, is_last)) {
        return false;
    }
    member->held = NULL;
    gdwsi_room_signal_packet(multiplayer, id);
    return true;
}

static bool take_in(gdws_multiplayer *multiplayer, gdwsi_member *member, bool is_last)
{
    if (member->is_kicked) {
        member->held = NULL;
        return true;
    }
    return multiplayer->wire == GDWS_MULTIPLAYER_GODOT_3 ? relay(multiplayer, member, is_last)
                                                         : keep(multiplayer, member, is_last);
}

static bool handle(gdws_multiplayer *multiplayer, gdwsi_member *member)
{
    return take_in(multiplayer, member, false);
}

/* Find who has sent something. Returns NULL for whoever is in no session of this server: on the
 * roster of a client session there are others, of whom the connection here may have the id. */
static gdwsi_member *find_member(const gdws_multiplayer *multiplayer, int32_t id)
{
    return multiplayer->role == &gdwsi_multiplayer_host
               ? gdwsi_roster_find(&multiplayer->roster, id)
               : NULL;
}

static void on_data(gdws_server *server, int32_t id, void *user)
{
    gdws_multiplayer *multiplayer = user;
    const uint8_t *packet;
    size_t length;
    gdwsi_member *member = find_member(multiplayer, id);
    if (member != NULL && !member->is_kicked) {
        gdwsi_room_receive(multiplayer, member);
    } else {
        /* It was turned away, and its connection is being closed. */
        (void)gdws_server_get_peer_packet(server, id, &packet, &length);
    }
}

/* Coming and going */

/* In the order of Godot 3.2: the new one's id, the server, then each present peer and the new one
 * to each other. */
static void introduce(gdws_multiplayer *multiplayer, gdwsi_member *member)
{
    const gdwsi_roster *roster = &multiplayer->roster;
    send_system(multiplayer, member, GDWSI_MULTIPLAYER_ID, member->id);
    send_system(multiplayer, member, GDWSI_MULTIPLAYER_ADD, GDWS_TARGET_PEER_SERVER);
    for (size_t i = 0; i < roster->count; i++) {
        gdwsi_member *other = roster->members[i];
        if (other != member) {
            send_system(multiplayer, other, GDWSI_MULTIPLAYER_ADD, member->id);
            send_system(multiplayer, member, GDWSI_MULTIPLAYER_ADD, other->id);
        }
    }
}

/* Close the connection of somebody who gets no part in a session: hard when there is no memory for
 * a Close frame, for nobody would come back to it. */
static void turn_away(gdws_peer *peer, int code, const char *reason)
{
    gdwsi_log_write(GDWS_LOG_INFO, "multiplayer: a connection is closed with %d: %s", code, reason);
    if (gdws_peer_close(peer, code, reason) == GDWS_OUT_OF_MEMORY) {
        gdwsi_link_shut(gdwsi_link_of_peer(peer), code);
    }
}

/* The program may have ended the session, or begun another one as a client, since this connection
 * was made; or it has given it to the server without a session. */
static bool is_open(const gdws_multiplayer *multiplayer)
{
    return multiplayer->role == &gdwsi_multiplayer_host &&
           gdws_server_is_listening(multiplayer->server);
}

static void on_connected(gdws_server *server, int32_t id, const char *protocol, void *user)
{
    gdws_multiplayer *multiplayer = user;
    gdws_peer *peer = gdws_server_get_peer(server, id);
    (void)protocol;
    if (!is_open(multiplayer)) {
        turn_away(peer, CLOSE_GOING_AWAY, "there is no session");
        return;
    }
    gdwsi_member *member =
        gdwsi_roster_add(&multiplayer->roster, id, peer, &multiplayer->loop->pool);
    if (member == NULL) {
        gdwsi_log_write(GDWS_LOG_ERROR, "no memory for a multiplayer peer");
        turn_away(peer, CLOSE_INTERNAL_ERROR, "out of memory");
        return;
    }
    if (multiplayer->wire == GDWS_MULTIPLAYER_GODOT_3) {
        introduce(multiplayer, member);
    } else {
        uint8_t greeting[GDWSI_MULTIPLAYER_WIRE_GREETING];
        gdwsi_multiplayer_wire_put_id(greeting, id);
        (void)gdwsi_backlog_deliver(multiplayer, member, greeting, sizeof(greeting));
    }
    gdwsi_room_signal_connected(multiplayer, id);
}

static void on_close_request(gdws_server *server, int32_t id, int code, const char *reason,
                             void *user)
{
    gdws_multiplayer *multiplayer = user;
    gdwsi_member *member = find_member(multiplayer, id);
    (void)server;
    (void)code;
    (void)reason;
    if (member != NULL) {
        /* Nothing can be sent to it any more, so nobody needs to wait for it. */
        gdwsi_backlog_end(multiplayer, member);
    }
}

static void on_disconnected(gdws_server *server, int32_t id, bool was_clean, void *user)
{
    gdws_multiplayer *multiplayer = user;
    gdwsi_member *member = find_member(multiplayer, id);
    (void)server;
    (void)was_clean;
    if (member == NULL) {
        return;
    }
    gdwsi_backlog_end(multiplayer, member);
    if (member->is_awaited) {
        gdwsi_backlog_signal_drained(multiplayer, member);
    }
    if (!multiplayer->is_freed && member->held != NULL) {
        (void)take_in(multiplayer, member, true);
    }
    if (multiplayer->is_freed) {
        return;
    }
    gdwsi_room_forget(multiplayer, member);
    gdwsi_roster_remove(&multiplayer->roster, member);
    gdwsi_roster_free_member(member);
    if (multiplayer->wire == GDWS_MULTIPLAYER_GODOT_3) {
        for (size_t i = 0; i < multiplayer->roster.count; i++) {
            send_system(multiplayer, multiplayer->roster.members[i], GDWSI_MULTIPLAYER_REMOVE, id);
        }
    }
    gdwsi_room_signal_disconnected(multiplayer, id);
}

static void on_drained(gdws_server *server, int32_t id, void *user)
{
    gdws_multiplayer *multiplayer = user;
    gdwsi_member *member = find_member(multiplayer, id);
    (void)server;
    if (member != NULL && member->is_behind) {
        gdwsi_backlog_catch_up(multiplayer, member);
    }
    if (member != NULL && !member->is_behind) {
        gdwsi_backlog_signal_drained(multiplayer, member);
    }
}

gdws_error gdwsi_host_attach(gdws_multiplayer *multiplayer)
{
    const gdws_server_signals signals = {.size = sizeof(signals),
                                         .user = multiplayer,
                                         .client_connected = on_connected,
                                         .data_received = on_data,
                                         .client_close_request = on_close_request,
                                         .client_disconnected = on_disconnected,
                                         .drained = on_drained};
    return gdws_server_set_signals(multiplayer->server, &signals);
}

gdws_error gdwsi_host_disconnect(gdws_multiplayer *multiplayer, int32_t id, int code,
                                 const char *reason)
{
    gdwsi_member *member = gdwsi_roster_find(&multiplayer->roster, id);
    if (member == NULL) {
        return GDWS_DOES_NOT_EXIST;
    }
    gdws_error error = gdws_server_disconnect_peer(multiplayer->server, id, code, reason);
    if (error == GDWS_OK) {
        mute(member);
        gdwsi_backlog_end(multiplayer, member);
        gdwsi_room_wake(multiplayer);
    }
    return error;
}

void gdwsi_host_end(gdws_multiplayer *multiplayer)
{
    gdwsi_roster *roster = &multiplayer->roster;
    while (roster->count > 0) {
        gdwsi_member *member = roster->members[roster->count - 1];
        int32_t id = member->id;
        gdwsi_room_forget(multiplayer, member);
        gdwsi_roster_remove(roster, member);
        gdwsi_roster_free_member(member);
        gdwsi_room_signal_disconnected(multiplayer, id);
    }
}

const gdwsi_multiplayer_role gdwsi_multiplayer_host = {.handle = handle,
                                                       .check_time = gdwsi_backlog_check_time,
                                                       .next_deadline =
                                                           gdwsi_backlog_next_deadline};
