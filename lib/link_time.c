/* SPDX-License-Identifier: MIT */
/* A link's time: one timer, whose purpose changes with the life of the connection. Invariant: no
 * connection is given up for its silence before its socket has been read once more. */
#include "link.h"

#include "progress.h"

/* Who takes less than this within a timeout takes nothing. What waits behind so much in the kernel
 * may well be late. */
#define STEADY_BYTES 65536u

static void on_timer(uv_timer_t *timer);

/* Whether the other side takes what is on its way to it. */
static bool is_taken(const gdwsi_link *link, uint64_t least)
{
    return gdwsi_progress_arrived(gdwsi_link_descriptor(link)) >= link->arrived + least;
}

void gdwsi_link_set_timer(gdwsi_link *link, gdwsi_link_timer purpose, uint64_t timeout_ms)
{
    link->timer_purpose = purpose;
    link->looked_in = 0;
    if (purpose == GDWSI_LINK_TIMER_HEARTBEAT || purpose == GDWSI_LINK_TIMER_CLOSE ||
        link->answer != NULL) {
        link->arrived = gdwsi_progress_arrived(gdwsi_link_descriptor(link));
    }
    /* The loop's clock stands still between polls and inside of signals, however long the program
     * takes for them. */
    gdwsi_loop_update_time(link->loop);
    if (!link->loop->is_polling) {
        /* The program may be going to sleep for longer than the timeout. */
        gdwsi_loop_touch(link->loop);
    }
    (void)uv_timer_start(&link->timer, on_timer, timeout_ms, 0);
}

void gdwsi_link_stop_timer(gdwsi_link *link)
{
    link->timer_purpose = GDWSI_LINK_TIMER_NONE;
    (void)uv_timer_stop(&link->timer);
}

/* The time is up. libuv runs timers before it reads, and if the program comes late, what the other
 * side has sent in time is still to be read: so the verdict waits for one more pass. Returns false
 * when that has been. */
static bool look_again(gdwsi_link *link, gdwsi_link_timer purpose)
{
    if (link->looked_in != 0 && link->looked_in != link->loop->passes) {
        return false;
    }
    gdwsi_link_set_timer(link, purpose, 1);
    link->looked_in = link->loop->passes;
    return true;
}

void gdwsi_link_arm_heartbeat(gdwsi_link *link)
{
    uint64_t now = gdwsi_loop_now(link->loop);
    uint64_t due = link->pinged_at + link->peer.heartbeat_interval_ms;
    uint64_t deadline = link->unanswered_since + link->heartbeat_timeout_ms;
    if (link->unanswered_since != 0 && deadline < due) {
        due = deadline;
    }
    gdwsi_link_set_timer(link, GDWSI_LINK_TIMER_HEARTBEAT, due > now ? due - now : 0);
}

void gdwsi_link_note_heard(gdwsi_link *link)
{
    link->unanswered_since = 0;
}

void gdwsi_link_note_taken(gdwsi_link *link)
{
    /* A ping alone, cut in two, says nothing. */
    if (gdws_peer_get_current_outbound_buffered_amount(&link->peer) > GDWSI_FRAME_CONTROL_MAX) {
        link->unanswered_since = 0;
    }
}

/* A ping is behind all that the kernel holds, and its pong behind the other side's reading of it.
 */
static bool is_ping_on_its_way(const gdwsi_link *link)
{
    return gdwsi_progress_held(gdwsi_link_descriptor(link)) >= STEADY_BYTES && is_taken(link, 1);
}

static void beat(gdwsi_link *link)
{
    uint64_t now = gdwsi_loop_now(link->loop);
    if (link->unanswered_since != 0 && is_ping_on_its_way(link)) {
        link->unanswered_since = 0;
    }
    if (!link->is_reading) {
        /* The pong may be waiting behind what we do not read: no verdict. */
        link->unanswered_since = 0;
    }
    if (link->unanswered_since != 0 && now >= link->unanswered_since + link->heartbeat_timeout_ms) {
        if (look_again(link, GDWSI_LINK_TIMER_HEARTBEAT)) {
            return;
        }
        gdwsi_peer_note_end(&link->peer, "no pong");
        gdwsi_link_kill(link);
        return;
    }
    if (now >= link->pinged_at + link->peer.heartbeat_interval_ms) {
        link->is_ping_due = true;
        link->pinged_at = now;
        if (link->unanswered_since == 0 && link->is_reading) {
            link->unanswered_since = now;
        }
        gdwsi_loop_add_flush(link->loop, &link->flush);
    }
    gdwsi_link_arm_heartbeat(link);
}

static void judge_close(gdwsi_link *link)
{
    bool is_waited_for = !link->is_dropped && !link->peer.is_failed && link->owner != NULL;
    if (is_waited_for && is_taken(link, STEADY_BYTES)) {
        gdwsi_link_set_timer(link, GDWSI_LINK_TIMER_CLOSE, link->close_timeout_ms);
    } else if (!look_again(link, GDWSI_LINK_TIMER_CLOSE)) {
        gdwsi_link_kill(link);
    }
}

static void on_timer(uv_timer_t *timer)
{
    gdwsi_link *link = timer->data;
    gdwsi_link_timer purpose = link->timer_purpose;
    link->timer_purpose = GDWSI_LINK_TIMER_NONE;
    switch (purpose) {
    case GDWSI_LINK_TIMER_HANDSHAKE:
        if (link->answer != NULL && is_taken(link, STEADY_BYTES)) {
            gdwsi_link_set_timer(link, purpose, GDWSI_LINK_STALL_TIMEOUT_MS);
            return;
        }
        if (look_again(link, GDWSI_LINK_TIMER_HANDSHAKE)) {
            return;
        }
        gdwsi_link_note_error(link, GDWS_TIMEOUT, "no answer within %u ms",
                              link->handshake_timeout_ms);
        gdwsi_link_kill(link);
        break;
    case GDWSI_LINK_TIMER_HEARTBEAT:
        beat(link);
        break;
    case GDWSI_LINK_TIMER_CLOSE:
        judge_close(link);
        break;
    case GDWSI_LINK_TIMER_LINGER:
        gdwsi_peer_abandon(&link->peer);
        gdwsi_link_owe_signal(link);
        break;
    case GDWSI_LINK_TIMER_NONE:
        break;
    }
}
