/* SPDX-License-Identifier: MIT */
/* The room. A packet is dealt with at once when it arrives, unless the queue is full or the role
 * says that it must wait; then its sender joins those who wait, and each of them has a turn of one
 * packet whenever something has changed. Invariant: a member that does not wait has only packets
 * whose signal is still to come. It must not know who is connected how. */
#include "multiplayer_room.h"

#include <string.h>

#include "mem.h"
#include "multiplayer_wire.h"

/* Larger scratch memory is given back at once. */
#define SCRATCH_KEPT 65536u

/* The queue */

bool gdwsi_room_is_full(const gdws_multiplayer *multiplayer)
{
    size_t packets = gdwsi_pktq_packets(&multiplayer->inbox);
    return packets >= multiplayer->inbox_packets ||
           (packets > 0 && gdwsi_pktq_bytes(&multiplayer->inbox) >= multiplayer->inbox_bytes);
}

bool gdwsi_room_is_overfull(const gdws_multiplayer *multiplayer)
{
    return gdwsi_pktq_packets(&multiplayer->inbox) / 2 >= multiplayer->inbox_packets ||
           gdwsi_pktq_bytes(&multiplayer->inbox) / 2 >= multiplayer->inbox_bytes;
}

bool gdwsi_room_keep(gdws_multiplayer *multiplayer, int32_t from, const uint8_t *payload,
                     size_t length)
{
    gdwsi_pktq *inbox = &multiplayer->inbox;
    const uint8_t *added;
    uint8_t sender[sizeof(from)];
    gdwsi_multiplayer_wire_put_id(sender, from);
    if (gdwsi_pktq_begin(inbox, false) != GDWS_OK) {
        return false;
    }
    if (gdwsi_pktq_append(inbox, sender, sizeof(sender), NULL, length, &added) != GDWS_OK ||
        gdwsi_pktq_append(inbox, payload, length, NULL, 0, &added) != GDWS_OK) {
        gdwsi_pktq_abort(inbox);
        return false;
    }
    gdwsi_pktq_commit(inbox);
    return true;
}

/* Those who wait */

static void wait_for_turn(gdws_multiplayer *multiplayer, gdwsi_member *member)
{
    member->is_waiting = true;
    member->next_waiting = NULL;
    member->previous_waiting = multiplayer->last_waiting;
    if (multiplayer->last_waiting != NULL) {
        multiplayer->last_waiting->next_waiting = member;
    } else {
        multiplayer->first_waiting = member;
    }
    multiplayer->last_waiting = member;
}

void gdwsi_room_forget(gdws_multiplayer *multiplayer, gdwsi_member *member)
{
    if (!member->is_waiting) {
        return;
    }
    member->is_waiting = false;
    if (member->previous_waiting != NULL) {
        member->previous_waiting->next_waiting = member->next_waiting;
    } else {
        multiplayer->first_waiting = member->next_waiting;
    }
    if (member->next_waiting != NULL) {
        member->next_waiting->previous_waiting = member->previous_waiting;
    } else {
        multiplayer->last_waiting = member->previous_waiting;
    }
}

bool gdwsi_room_take(gdwsi_member *member)
{
    if (member->held == NULL) {
        (void)gdws_peer_get_packet(member->peer, &member->held, &member->held_length);
    }
    return member->held != NULL;
}

void gdwsi_room_receive(gdws_multiplayer *multiplayer, gdwsi_member *member)
{
    if (member->is_waiting) {
        return;
    }
    bool is_done = !gdwsi_room_is_full(multiplayer) &&
                   (!gdwsi_room_take(member) || multiplayer->role->handle(multiplayer, member));
    if (!is_done && !multiplayer->is_freed) {
        wait_for_turn(multiplayer, member);
        gdwsi_room_set_timer(multiplayer);
    }
}

/* Give each of those who wait, from this one on, one turn. Who had it goes to the back; who must
 * wait on keeps its place, or it would never be the first for whom there is room. Returns with whom
 * the next round begins: who had a turn and has more. The others wait for what only an event
 * brings, and that wakes the room. */
static gdwsi_member *run_round(gdws_multiplayer *multiplayer, gdwsi_member *next)
{
    gdwsi_member *again = NULL;
    const gdwsi_member *last = multiplayer->last_waiting;
    gdwsi_member *member = NULL;
    while (member != last && !gdwsi_room_is_full(multiplayer)) {
        member = next;
        next = member->next_waiting;
        bool is_done = !gdwsi_room_take(member) || multiplayer->role->handle(multiplayer, member);
        if (multiplayer->is_freed) {
            return NULL;
        }
        if (is_done) {
            gdwsi_room_forget(multiplayer, member);
        }
        if (is_done && gdws_peer_get_available_packet_count(member->peer) > 0) {
            wait_for_turn(multiplayer, member);
            again = again != NULL ? again : member;
        }
    }
    return gdwsi_room_is_full(multiplayer) ? NULL : again;
}

void gdwsi_room_wake(gdws_multiplayer *multiplayer)
{
    gdwsi_loop_add_signal(multiplayer->loop, &multiplayer->task);
}

void gdwsi_room_run(gdwsi_task *task)
{
    gdws_multiplayer *multiplayer =
        (gdws_multiplayer *)(void *)((char *)task - offsetof(gdws_multiplayer, task));
    if (multiplayer->role == NULL) {
        return;
    }
    multiplayer->role->check_time(multiplayer, gdwsi_loop_now(multiplayer->loop));
    gdwsi_member *next = multiplayer->is_freed ? NULL : multiplayer->first_waiting;
    while (next != NULL) {
        /* Until all have been heard or must wait. */
        next = run_round(multiplayer, next);
    }
    if (!multiplayer->is_freed) {
        gdwsi_room_set_timer(multiplayer);
    }
}

/* Time */

static void on_timer(uv_timer_t *timer)
{
    gdwsi_room_wake(timer->data);
}

void gdwsi_room_set_timer(gdws_multiplayer *multiplayer)
{
    uint64_t now = gdwsi_loop_now(multiplayer->loop);
    uint64_t due =
        multiplayer->role != NULL ? multiplayer->role->next_deadline(multiplayer, now) : 0;
    bool is_hungry = multiplayer->first_waiting != NULL && !gdwsi_room_is_full(multiplayer);
    if (is_hungry && (due == 0 || due > now + GDWSI_ROOM_RETRY_MS)) {
        due = now + GDWSI_ROOM_RETRY_MS;
    }
    uint64_t wait_ms = due > now ? due - now : 0;
    if (due == 0) {
        (void)uv_timer_stop(multiplayer->timer);
    } else if (uv_is_active((const uv_handle_t *)multiplayer->timer) == 0 ||
               uv_timer_get_due_in(multiplayer->timer) > wait_ms) {
        /* Never later than it was: what is asked for again and again must come, too. */
        (void)uv_timer_start(multiplayer->timer, on_timer, wait_ms, 0);
    }
    gdwsi_loop_touch(multiplayer->loop);
}

/* Outwards */

uint8_t *gdwsi_room_compose(gdws_multiplayer *multiplayer, size_t header, const void *packet,
                            size_t length)
{
    size_t size = header + length;
    bool is_too_large = multiplayer->scratch_size > SCRATCH_KEPT && size <= SCRATCH_KEPT;
    if (size > multiplayer->scratch_size || is_too_large) {
        uint8_t *scratch = gdwsi_mem_realloc(multiplayer->scratch, size);
        if (scratch == NULL) {
            return NULL;
        }
        multiplayer->scratch = scratch;
        multiplayer->scratch_size = size;
    }
    if (length > 0) {
        memcpy(multiplayer->scratch + header, packet, length);
    }
    return multiplayer->scratch;
}

/* Signals */

void gdwsi_room_signal_connected(gdws_multiplayer *multiplayer, int32_t id)
{
    const gdws_multiplayer_signals *signals = &multiplayer->signals;
    if (signals->peer_connected != NULL) {
        signals->peer_connected(multiplayer, id, signals->user);
    }
}

void gdwsi_room_signal_disconnected(gdws_multiplayer *multiplayer, int32_t id)
{
    const gdws_multiplayer_signals *signals = &multiplayer->signals;
    if (signals->peer_disconnected != NULL) {
        signals->peer_disconnected(multiplayer, id, signals->user);
    }
}

void gdwsi_room_signal_packet(gdws_multiplayer *multiplayer, int32_t id)
{
    const gdws_multiplayer_signals *signals = &multiplayer->signals;
    if (signals->peer_packet != NULL) {
        signals->peer_packet(multiplayer, id, signals->user);
    }
}

void gdwsi_room_signal_drained(gdws_multiplayer *multiplayer, int32_t id)
{
    const gdws_multiplayer_signals *signals = &multiplayer->signals;
    if (signals->drained != NULL) {
        signals->drained(multiplayer, id, signals->user);
    }
}
