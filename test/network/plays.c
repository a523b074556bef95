/* SPDX-License-Identifier: MIT */
/* See plays.h. */
#include "plays.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

/* How much later than its limit something may be told, on a machine with other things to do, and
 * how much earlier: a ping may have been under way when the road was closed. */
#define SLACK_MS 5000u
#define EARLY_MS 1200u
#define SHORT_MS 2000u
#define CLOSED_MS 30000u

static bool is_between(uint64_t time, uint64_t first, uint64_t last)
{
    return time + EARLY_MS >= first && time <= last + SLACK_MS;
}

/* All leave, and everybody is told a clean end with 1000. before: ends at the server so far. */
static bool leave_cleanly(crowd *all, unsigned before)
{
    stage *here = all->here;
    unsigned left = 0;
    unsigned clean = atomic_load(&here->clean);
    for (size_t i = 0; i < all->count; i++) {
        if (all->guests[i].is_open) {
            all->guests[i].ends = 0;
            crowd_leave(&all->guests[i]);
            left++;
        }
    }
    if (!crowd_wait_for(all, guest_has_ended, all->count, "have been told the end") ||
        !crowd_wait_for_server(all, &here->ended, before + left, "have gone")) {
        return false;
    }
    for (size_t i = 0; i < all->count; i++) {
        const guest *one = &all->guests[i];
        if (one->is_leaving &&
            !crowd_require(all, one->was_clean && one->code == 1000, "an end was not clean")) {
            return false;
        }
    }
    return crowd_require(all, atomic_load(&here->clean) == clean + left,
                         "an end at the server was not clean");
}

static bool connect_all(crowd *all)
{
    crowd_open(all, all->here->scene->guests);
    crowd_dial_all(all);
    return crowd_wait_for(all, guest_is_open, all->count, "are connected");
}

static bool finish_talk(crowd *all)
{
    size_t open = crowd_count(all, guest_is_open);
    return crowd_wait_for(all, guest_is_complete, open, "have heard all") &&
           crowd_wait_for_server(all, &all->here->complete, (unsigned)open, "were heard") &&
           crowd_require(all, crowd_count(all, guest_is_open) == open, "a connection was lost");
}

bool play_talk(crowd *all)
{
    if (!connect_all(all)) {
        return false;
    }
    all->began_ms = road_now_ms();
    if (!finish_talk(all)) {
        return false;
    }
    all->began_ms = 0;
    (void)crowd_close_road(all, false);
    return crowd_require(all, crowd_count(all, guest_has_ended) == 0, "a connection was lost") &&
           leave_cleanly(all, 0);
}

/* Both sides have been told that all are lost, in time, and that no Close frame came. */
static bool are_all_lost(crowd *all, uint64_t first, uint64_t last)
{
    for (size_t i = 0; i < all->count; i++) {
        const guest *one = &all->guests[i];
        if (!crowd_require(all, is_between(one->ended_ms, first, last),
                           "a client was not told within the deadline") ||
            !crowd_require(all, one->ends == 1 && !one->was_clean && one->code == -1,
                           "a lost client was told something else")) {
            return false;
        }
    }
    return true;
}

static bool has_server_lost_all(crowd *all, uint64_t first, uint64_t last)
{
    stage *here = all->here;
    return crowd_require(all,
                         is_between(atomic_load(&here->first_end_ms), first, last) &&
                             is_between(atomic_load(&here->last_end_ms), first, last),
                         "the server was not told within the deadline") &&
           crowd_require(all, atomic_load(&here->clean) == 0 && atomic_load(&here->coded) == 0,
                         "the server was told something else of a lost peer");
}

static bool is_back(const guest *one)
{
    return one->connections == 2 && one->is_open;
}

static bool has_tried_in_vain(const guest *one)
{
    return one->failures > 0 && one->error == GDWS_TIMEOUT &&
           strstr(one->message, "no answer within") != NULL;
}

/* Those that come back have tried in vain so far; then they are there again, and all is well. */
static bool come_back(crowd *all, size_t returning)
{
    if (!crowd_wait_for(all, has_tried_in_vain, returning, "have tried in vain") ||
        !crowd_require(all, crowd_count(all, guest_is_open) == 0, "connected on a closed road")) {
        return false;
    }
    (void)crowd_close_road(all, false);
    if (!crowd_wait_for(all, is_back, returning, "are back")) {
        return false;
    }
    return finish_talk(all) &&
           crowd_require(all, crowd_count(all, guest_is_open) == returning,
                         "somebody else is back") &&
           leave_cleanly(all, (unsigned)all->count);
}

bool play_notice(crowd *all)
{
    const scenario *scene = all->here->scene;
    size_t returning = 0;
    crowd_open(all, scene->guests);
    for (size_t i = 0; i < all->count; i += 2) {
        all->guests[i].comes_back = true;
        returning++;
    }
    crowd_dial_all(all);
    if (!crowd_wait_for(all, guest_is_open, all->count, "are connected") ||
        !crowd_go_on_for(all, SHORT_MS)) {
        return false;
    }
    uint64_t closed = crowd_close_road(all, true);
    uint64_t first = closed + scene->timeout_ms;
    uint64_t last = first + scene->interval_ms;
    if (!crowd_wait_for(all, guest_has_ended, all->count, "have noticed") ||
        !crowd_wait_for_server(all, &all->here->ended, (unsigned)all->count, "were missed") ||
        !are_all_lost(all, first, last) || !has_server_lost_all(all, first, last)) {
        return false;
    }
    while (road_now_ms() < closed + CLOSED_MS) {
        if (!crowd_pass(all)) {
            return false;
        }
    }
    return come_back(all, returning);
}

bool play_dial_in_vain(crowd *all)
{
    const scenario *scene = all->here->scene;
    crowd_open(all, scene->guests);
    uint64_t dialled = crowd_close_road(all, true);
    crowd_dial_all(all);
    if (!crowd_wait_for(all, guest_has_failed, all->count, "have failed")) {
        return false;
    }
    uint64_t due = dialled + scene->handshake_timeout_ms;
    for (size_t i = 0; i < all->count; i++) {
        guest *one = &all->guests[i];
        if (!crowd_require(all, has_tried_in_vain(one), "the message does not say why") ||
            !crowd_require(all, is_between(one->failed_ms, due, due),
                           "connecting did not end at the handshake timeout")) {
            return false;
        }
        (void)gdws_client_set_handshake_timeout_ms(one->client, CLOSED_MS);
    }
    crowd_dial_all(all);
    if (!crowd_go_on_for(all, SHORT_MS) ||
        !crowd_require(all, crowd_count(all, guest_is_open) == 0, "connected on a closed road")) {
        return false;
    }
    (void)crowd_close_road(all, false);
    return crowd_wait_for(all, guest_is_open, all->count, "are connected in the end") &&
           finish_talk(all) && leave_cleanly(all, 0);
}

static bool leaves_first(const guest *one)
{
    return one->index % 2 == 1;
}

static bool has_left_first(const guest *one)
{
    return one->is_leaving && one->ends > 0;
}

/* Those that closed while the road was closed, on either side. */
static bool have_given_up(crowd *all, uint64_t due)
{
    for (size_t i = 0; i < all->count; i++) {
        const guest *one = &all->guests[i];
        if (leaves_first(one) &&
            (!crowd_require(all, is_between(one->ended_ms, due, due),
                            "a client's close did not end at the close timeout") ||
             !crowd_require(all, one->ends == 1 && !one->was_clean && one->code == -1,
                            "a client's close without an answer was told as something else"))) {
            return false;
        }
    }
    return has_server_lost_all(all, due, due);
}

bool play_close_in_vain(crowd *all)
{
    stage *here = all->here;
    if (!connect_all(all) || !finish_talk(all)) {
        return false;
    }
    uint64_t due = crowd_close_road(all, true) + here->scene->close_timeout_ms;
    size_t leaving = crowd_count(all, leaves_first);
    unsigned kept = (unsigned)(all->count - leaving);
    atomic_store(&here->must_close_odd, true);
    for (size_t i = 0; i < all->count; i++) {
        if (leaves_first(&all->guests[i])) {
            crowd_leave(&all->guests[i]);
        }
    }
    if (!crowd_wait_for(all, has_left_first, leaving, "have given up waiting") ||
        !crowd_wait_for_server(all, &here->ended, kept, "were given up") ||
        !have_given_up(all, due) ||
        !crowd_require(all, crowd_count(all, guest_is_open) == kept, "somebody else has gone")) {
        return false;
    }
    /* The Close frames still come, once there is a road. */
    (void)crowd_close_road(all, false);
    if (!crowd_wait_for(all, guest_has_ended, all->count, "were told") ||
        !crowd_wait_for_server(all, &here->ended, (unsigned)all->count, "have gone")) {
        return false;
    }
    for (size_t i = 0; i < all->count; i++) {
        const guest *one = &all->guests[i];
        if (!leaves_first(one) &&
            !crowd_require(all, one->code == 1000, "the server's Close frame has not come")) {
            return false;
        }
    }
    return crowd_require(all, atomic_load(&here->coded) == leaving,
                         "a client's Close frame has not come");
}

static bool has_connected(const guest *one)
{
    return one->connections > 0;
}

bool play_linger(crowd *all)
{
    stage *here = all->here;
    atomic_store(&here->must_close_odd, true);
    crowd_open(all, here->scene->guests);
    crowd_dial_all(all);
    /* The server may have done with some before the others are there. */
    if (!crowd_wait_for(all, has_connected, all->count, "have been connected")) {
        return false;
    }
    all->began_ms = road_now_ms();
    while (crowd_count(all, guest_has_ended) < all->count) {
        for (size_t i = 0; i < all->count; i++) {
            guest *one = &all->guests[i];
            if (leaves_first(one) && !one->is_leaving && guest_is_sent(one) && one->is_open) {
                crowd_leave(one);
            }
        }
        if (!crowd_require(all, road_now_ms() < all->limit_ms, "not all have ended") ||
            !crowd_pass(all)) {
            return false;
        }
    }
    for (size_t i = 0; i < all->count; i++) {
        if (!crowd_require(all, all->guests[i].was_clean && all->guests[i].code == 1000,
                           "an end was not clean")) {
            return false;
        }
    }
    return crowd_wait_for_server(all, &here->ended, (unsigned)all->count, "have gone") &&
           crowd_require(all, atomic_load(&here->clean) == all->count,
                         "an end at the server was not clean");
}

/* Let the killed side's end be noticed: by the deadline, or when the road is open again. */
static bool wait_for_notice(crowd *all, uint64_t closed, bool *is_timed)
{
    *is_timed = all->here->scene->interval_ms > 0;
    if (!*is_timed) {
        while (road_now_ms() < closed + SHORT_MS) {
            if (!crowd_pass(all)) {
                return false;
            }
        }
        (void)crowd_close_road(all, false);
    }
    return true;
}

bool play_clients_killed(crowd *all)
{
    stage *here = all->here;
    const scenario *scene = here->scene;
    unsigned guests = (unsigned)scene->guests;
    bool is_timed = false;
    pid_t victim = fork();
    if (victim == 0) {
        (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
        (void)connect_all(all);
        while (crowd_pass(all)) {
        }
        _exit(1);
    }
    crowd_open(all, 0);
    if (!crowd_wait_for_server(all, &here->connected, guests, "are connected") ||
        !crowd_go_on_for(all, SHORT_MS)) {
        return false;
    }
    uint64_t closed = crowd_close_road(all, true);
    (void)kill(victim, SIGKILL);
    (void)waitpid(victim, NULL, 0);
    if (!wait_for_notice(all, closed, &is_timed) ||
        !crowd_wait_for_server(all, &here->ended, guests, "were missed")) {
        return false;
    }
    uint64_t first = is_timed ? closed + scene->timeout_ms : closed + SHORT_MS;
    uint64_t last = is_timed ? first + scene->interval_ms : first + CLOSED_MS;
    return has_server_lost_all(all, first, last);
}

bool play_server_killed(crowd *all)
{
    const scenario *scene = all->here->scene;
    bool is_timed = false;
    if (!connect_all(all) || !crowd_go_on_for(all, SHORT_MS)) {
        return false;
    }
    uint64_t closed = crowd_close_road(all, true);
    atomic_store(&all->here->is_server_killed, true);
    (void)kill(atomic_load(&all->here->server_pid), SIGKILL);
    if (!wait_for_notice(all, closed, &is_timed) ||
        !crowd_wait_for(all, guest_has_ended, all->count, "have noticed")) {
        return false;
    }
    uint64_t first = is_timed ? closed + scene->timeout_ms : closed + SHORT_MS;
    uint64_t last = is_timed ? first + scene->interval_ms : first + CLOSED_MS;
    return are_all_lost(all, first, last);
}
