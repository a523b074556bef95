/* SPDX-License-Identifier: MIT */
/* Those who are behind. Invariants: a member is behind exactly while its backlog is not empty; what
 * goes to a member goes through its backlog while there is one, so that the order holds. */
#include "multiplayer_backlog.h"

#include "log.h"
#include "multiplayer_wire.h"

/* How often those who are behind are looked at, besides when their queues have drained. */
#define TICK_MS 250u

/* A backlog takes this much and one outbound queue's worth more before its member is given up: the
 * introductions of 70,000 peers. */
#define BACKLOG_MAX (1024u * 1024u)

enum { CLOSE_INTERNAL_ERROR = 1011, CLOSE_TRY_AGAIN_LATER = 1013 };

void gdwsi_backlog_end(gdws_multiplayer *multiplayer, gdwsi_member *member)
{
    if (member->is_behind) {
        member->is_behind = false;
        multiplayer->behind--;
        gdwsi_pktq_clear(&member->backlog);
        multiplayer->owes_drained = multiplayer->owes_drained || member->is_awaited;
        gdwsi_room_wake(multiplayer);
    }
}

void gdwsi_backlog_give_up(gdws_multiplayer *multiplayer, gdwsi_member *member, int code,
                           const char *reason)
{
    gdwsi_log_write(GDWS_LOG_INFO, "multiplayer peer %d: %s, closing with %d", (int)member->id,
                    reason, code);
    member->is_given_up = true;
    gdwsi_backlog_end(multiplayer, member);
    if (gdws_peer_close(member->peer, code, reason) == GDWS_OUT_OF_MEMORY) {
        multiplayer->owes_close = true;
        gdwsi_room_set_timer(multiplayer);
    }
}

/* Keep a message until the member's queue has drained. */
static void fall_behind(gdws_multiplayer *multiplayer, gdwsi_member *member, const uint8_t *message,
                        size_t length)
{
    size_t limit = gdws_peer_get_outbound_buffer_size(member->peer) + BACKLOG_MAX;
    if (gdwsi_pktq_bytes(&member->backlog) > limit) {
        gdwsi_backlog_give_up(multiplayer, member, CLOSE_TRY_AGAIN_LATER, "too far behind");
        return;
    }
    if (gdwsi_pktq_put(&member->backlog, false, message, length, NULL) != GDWS_OK) {
        gdwsi_backlog_give_up(multiplayer, member, CLOSE_INTERNAL_ERROR, "out of memory");
        return;
    }
    if (!member->is_behind) {
        member->is_behind = true;
        member->behind_since = gdwsi_loop_now(multiplayer->loop);
        multiplayer->behind++;
        gdwsi_room_set_timer(multiplayer);
    }
}

void gdwsi_backlog_catch_up(gdws_multiplayer *multiplayer, gdwsi_member *member)
{
    const uint8_t *message;
    size_t length;
    if (gdws_peer_get_ready_state(member->peer) != GDWS_STATE_OPEN) {
        gdwsi_backlog_end(multiplayer, member);
        return;
    }
    while (gdwsi_pktq_peek(&member->backlog, &message, &length) == GDWS_OK) {
        if (gdws_peer_send(member->peer, message, length, GDWS_WRITE_MODE_BINARY) ==
            GDWS_OUT_OF_MEMORY) {
            return;
        }
        (void)gdwsi_pktq_take(&member->backlog, &message, &length, NULL);
        /* It has read, if slowly, or as often as this program polls: its time begins anew. */
        member->behind_since = gdwsi_loop_now(multiplayer->loop);
    }
    gdwsi_backlog_end(multiplayer, member);
}

gdws_error gdwsi_backlog_deliver(gdws_multiplayer *multiplayer, gdwsi_member *member,
                                 const uint8_t *message, size_t length)
{
    gdws_error error = GDWS_OUT_OF_MEMORY;
    if (member->is_given_up) {
        return GDWS_OK;
    }
    if (!member->is_behind) {
        error = gdws_peer_send(member->peer, message, length, GDWS_WRITE_MODE_BINARY);
    } else if (length > gdws_peer_get_max_packet_size(member->peer)) {
        error = GDWS_PARAMETER_RANGE_ERROR;
    }
    if (error == GDWS_OUT_OF_MEMORY) {
        fall_behind(multiplayer, member, message, length);
        error = GDWS_OK;
    }
    return error == GDWS_UNAVAILABLE ? GDWS_OK : error;
}

static bool is_behind(const gdws_multiplayer *multiplayer, int32_t id)
{
    const gdwsi_member *member = gdwsi_roster_find(&multiplayer->roster, id);
    return member != NULL && member->is_behind;
}

bool gdwsi_backlog_must_wait(const gdws_multiplayer *multiplayer, int32_t target, int32_t from)
{
    size_t behind = multiplayer->behind;
    if (behind == 0) {
        return false;
    }
    if (target > 0) {
        return is_behind(multiplayer, target);
    }
    behind -= is_behind(multiplayer, from) ? 1 : 0;
    if (target != INT32_MIN && -target != from) {
        behind -= is_behind(multiplayer, -target) ? 1 : 0;
    }
    return behind > 0;
}

void gdwsi_backlog_signal_drained(gdws_multiplayer *multiplayer, gdwsi_member *member)
{
    /* The program may put after the poll, when those who wait have had their turns. */
    member->has_turn = member->has_turn || member->is_awaited;
    member->is_awaited = false;
    gdwsi_room_signal_drained(multiplayer, member->id);
}

static bool holds_up(const gdwsi_member *member)
{
    return member != NULL && member->is_behind && !member->has_turn;
}

/* Find a target because of which a put must wait. Returns NULL when there is none. */
static gdwsi_member *find_obstacle(const gdws_multiplayer *multiplayer, int32_t target)
{
    const gdwsi_roster *roster = &multiplayer->roster;
    if (target > 0) {
        gdwsi_member *member = gdwsi_roster_find(roster, target);
        return holds_up(member) ? member : NULL;
    }
    for (size_t i = 0; i < roster->count; i++) {
        gdwsi_member *member = roster->members[i];
        if (holds_up(member) && gdwsi_multiplayer_wire_is_for(target, member->id)) {
            return member;
        }
    }
    return NULL;
}

bool gdwsi_backlog_use_turns(gdws_multiplayer *multiplayer, int32_t target)
{
    const gdwsi_roster *roster = &multiplayer->roster;
    if (find_obstacle(multiplayer, target) != NULL) {
        return false;
    }
    for (size_t i = 0; i < roster->count; i++) {
        gdwsi_member *member = roster->members[i];
        if (member->is_behind && gdwsi_multiplayer_wire_is_for(target, member->id)) {
            member->has_turn = false;
        }
    }
    return true;
}

void gdwsi_backlog_await(gdws_multiplayer *multiplayer, int32_t target)
{
    const gdwsi_roster *roster = &multiplayer->roster;
    gdwsi_member *member = find_obstacle(multiplayer, target);
    for (size_t i = 0; i < roster->count && member == NULL; i++) {
        if (gdwsi_multiplayer_wire_is_for(target, roster->ids[i])) {
            member = roster->members[i];
        }
    }
    if (member == NULL) {
        return;
    }
    member->is_awaited = true;
    if (!member->is_behind) {
        /* There was no memory, which no event brings back. */
        multiplayer->owes_drained = true;
        gdwsi_room_set_timer(multiplayer);
    }
}

/* Time */

/* Signal drained for those who are awaited and not behind any more. */
static void pay_drained(gdws_multiplayer *multiplayer)
{
    multiplayer->owes_drained = false;
    for (size_t i = 0; i < multiplayer->roster.count; i++) {
        gdwsi_member *member = multiplayer->roster.members[i];
        if (member->is_awaited && !member->is_behind) {
            gdwsi_backlog_signal_drained(multiplayer, member);
            if (multiplayer->is_freed) {
                return;
            }
        }
    }
}

/* A Close frame that could not be queued for want of memory. */
static void pay_closes(gdws_multiplayer *multiplayer)
{
    multiplayer->owes_close = false;
    for (size_t i = 0; i < multiplayer->roster.count; i++) {
        gdwsi_member *member = multiplayer->roster.members[i];
        if (member->is_given_up &&
            gdws_peer_close(member->peer, CLOSE_INTERNAL_ERROR, "") == GDWS_OUT_OF_MEMORY) {
            multiplayer->owes_close = true;
        }
    }
}

void gdwsi_backlog_check_time(gdws_multiplayer *multiplayer, uint64_t now)
{
    if (multiplayer->owes_close) {
        pay_closes(multiplayer);
    }
    for (size_t i = 0; i < multiplayer->roster.count && multiplayer->behind > 0; i++) {
        gdwsi_member *member = multiplayer->roster.members[i];
        if (member->is_behind) {
            gdwsi_backlog_catch_up(multiplayer, member);
        }
        if (member->is_behind && now >= member->behind_since + multiplayer->stall_timeout_ms) {
            gdwsi_backlog_give_up(multiplayer, member, CLOSE_TRY_AGAIN_LATER, "too slow");
        }
    }
    if (multiplayer->owes_drained) {
        pay_drained(multiplayer);
    }
}

uint64_t gdwsi_backlog_next_deadline(const gdws_multiplayer *multiplayer, uint64_t now)
{
    uint32_t tick =
        multiplayer->stall_timeout_ms < TICK_MS ? multiplayer->stall_timeout_ms : TICK_MS;
    bool is_needed =
        multiplayer->behind > 0 || multiplayer->owes_close || multiplayer->owes_drained;
    return is_needed ? now + tick : 0;
}
