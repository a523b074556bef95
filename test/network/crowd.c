/* SPDX-License-Identifier: MIT */
/* See crowd.h. */
#include "crowd.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { PASS_MS = 10, KINDS = 6, RECONNECT_MS = 200, RECONNECT_MAX_MS = 1000 };

/* The kinds of connections: how they are made and what goes over them. */
typedef struct kind {
    bool is_secure;
    bool is_v6;
    bool is_compressed;
} kind;

static const kind kinds[KINDS] = {{false, false, false}, {false, true, true}, {true, false, false},
                                  {false, true, false},  {true, true, true},  {false, false, true}};

void stage_fail(stage *one, const char *format, ...)
{
    va_list arguments;
    if (atomic_exchange(&one->is_faulty, true)) {
        return;
    }
    va_start(arguments, format);
    (void)vsnprintf(one->fault, sizeof(one->fault), format, arguments);
    va_end(arguments);
}

bool crowd_require(crowd *all, bool condition, const char *what)
{
    if (!condition) {
        stage_fail(all->here, "%s", what);
    }
    return condition;
}

/* Signals */

static void on_connected(gdws_client *client, const char *protocol, void *user)
{
    guest *one = user;
    uint32_t tag = (uint32_t)(one->index + CROWD_MAX * 2 * one->connections + 1);
    (void)client;
    (void)protocol;
    (void)crowd_require(one->all, !one->is_open, "connected twice");
    one->is_open = true;
    one->connections++;
    books_open(&one->account, &one->all->here->scene->terms, tag);
}

static void on_error(gdws_client *client, void *user)
{
    guest *one = user;
    one->failures++;
    one->failed_ms = road_now_ms();
    one->error = gdws_client_get_error(client);
    (void)snprintf(one->message, sizeof(one->message), "%s", gdws_client_get_error_message(client));
}

static void on_closed(gdws_client *client, bool was_clean, void *user)
{
    guest *one = user;
    (void)crowd_require(one->all, one->is_open, "closed, but not connected");
    one->is_open = false;
    one->ends++;
    one->ended_ms = road_now_ms();
    one->was_clean = was_clean;
    one->code = gdws_peer_get_close_code(gdws_client_get_peer(client, 1));
    (void)crowd_require(one->all, !was_clean || one->is_leaving || one->account.has_last,
                        "a clean end at a client, but not all messages have come");
    (void)crowd_require(one->all, !was_clean || one->code != -1,
                        "a clean end at a client without a Close frame");
}

/* Life */

static void make(crowd *all, guest *one, size_t index)
{
    const scenario *scene = all->here->scene;
    const kind *mine = &kinds[index % KINDS];
    const gdws_client_signals signals = {.size = sizeof(signals),
                                         .user = one,
                                         .connected_to_host = on_connected,
                                         .connection_error = on_error,
                                         .connection_closed = on_closed};
    *one = (guest){.all = all, .index = index, .client = gdws_client_new(all->loop)};
    bool is_made =
        gdws_client_set_signals(one->client, &signals) == GDWS_OK &&
        gdws_client_set_trusted_certificate(one->client, all->trusted->certificate) == GDWS_OK &&
        gdws_client_set_compression(one->client, mine->is_compressed) == GDWS_OK &&
        gdws_client_set_heartbeat(one->client, scene->interval_ms, scene->timeout_ms) == GDWS_OK &&
        gdws_client_set_close_timeout_ms(one->client, scene->close_timeout_ms) == GDWS_OK &&
        gdws_client_set_handshake_timeout_ms(one->client, scene->handshake_timeout_ms) == GDWS_OK;
    (void)crowd_require(all, is_made, "a client could not be made");
}

void crowd_open(crowd *all, size_t guests)
{
    all->count = guests;
    all->loop = gdws_loop_new();
    for (size_t i = 0; i < all->count; i++) {
        make(all, &all->guests[i], i);
    }
}

void crowd_close(crowd *all)
{
    for (size_t i = 0; i < all->count; i++) {
        gdws_client_free(all->guests[i].client);
    }
    gdws_loop_free(all->loop);
}

void crowd_dial(guest *one)
{
    const kind *mine = &kinds[one->index % KINDS];
    stage *here = one->all->here;
    char url[64];
    (void)snprintf(url, sizeof(url), "%s://%s:%u/", mine->is_secure ? "wss" : "ws",
                   mine->is_v6 ? "[" ROAD_FIRST_V6 "]" : ROAD_FIRST_V4,
                   atomic_load(mine->is_secure ? &here->secure_port : &here->port));
    if (one->comes_back) {
        (void)gdws_client_set_reconnect(one->client, RECONNECT_MS, RECONNECT_MAX_MS, 0);
    }
    (void)crowd_require(one->all, gdws_client_connect_to_url(one->client, url) == GDWS_OK,
                        "a client could not begin to connect");
}

void crowd_dial_all(crowd *all)
{
    for (size_t i = 0; i < all->count; i++) {
        crowd_dial(&all->guests[i]);
    }
}

void crowd_leave(guest *one)
{
    one->is_leaving = true;
    gdws_error error = gdws_client_disconnect_from_host(one->client, 1000, "thanks");
    (void)crowd_require(one->all, error == GDWS_OK, "a client could not close");
}

uint64_t crowd_close_road(crowd *all, bool is_closed)
{
    atomic_store(&all->here->sign.is_closed, is_closed);
    return road_now_ms();
}

/* Passing time */

static void follow_timetable(crowd *all, uint64_t now)
{
    const scenario *scene = all->here->scene;
    if (all->began_ms == 0 || now < all->began_ms + scene->close_from_ms) {
        return;
    }
    uint64_t since = now - all->began_ms - scene->close_from_ms;
    if (scene->close_every_ms > 0) {
        since %= scene->close_every_ms;
    }
    (void)crowd_close_road(all, since < scene->close_for_ms);
}

bool crowd_pass(crowd *all)
{
    (void)gdws_loop_wait(all->loop, PASS_MS);
    uint64_t now = road_now_ms();
    for (size_t i = 0; i < all->count; i++) {
        guest *one = &all->guests[i];
        gdws_peer *peer = gdws_client_get_peer(one->client, 1);
        if (!one->is_open || peer == NULL) {
            continue;
        }
        books_send_due(&one->account, peer);
        atomic_fetch_add(&all->here->messages, (unsigned)books_take(&one->account, peer));
        if (one->account.fault != NULL) {
            stage_fail(all->here, "at client %zu: %s", i, one->account.fault);
        }
    }
    follow_timetable(all, now);
    return !atomic_load(&all->here->is_faulty);
}

bool crowd_wait_for(crowd *all, bool (*holds)(const guest *one), size_t count, const char *what)
{
    while (crowd_count(all, holds) < count) {
        if (road_now_ms() > all->limit_ms) {
            stage_fail(all->here, "only %zu of %zu %s", crowd_count(all, holds), count, what);
        }
        if (!crowd_pass(all)) {
            return false;
        }
    }
    return true;
}

bool crowd_wait_for_server(crowd *all, const atomic_uint *number, unsigned count, const char *what)
{
    while (atomic_load(number) < count) {
        if (road_now_ms() > all->limit_ms) {
            stage_fail(all->here, "at the server only %u of %u %s", atomic_load(number), count,
                       what);
        }
        if (!crowd_pass(all)) {
            return false;
        }
    }
    return true;
}

bool crowd_go_on_for(crowd *all, uint32_t time_ms)
{
    uint64_t until = road_now_ms() + time_ms;
    size_t open = crowd_count(all, guest_is_open);
    while (road_now_ms() < until) {
        if (!crowd_pass(all) ||
            !crowd_require(all, crowd_count(all, guest_is_open) >= open, "a connection was lost")) {
            return false;
        }
    }
    return true;
}

/* Questions */

size_t crowd_count(const crowd *all, bool (*holds)(const guest *one))
{
    size_t count = 0;
    for (size_t i = 0; i < all->count; i++) {
        count += holds(&all->guests[i]) ? 1 : 0;
    }
    return count;
}

bool guest_is_open(const guest *one)
{
    return one->is_open;
}

bool guest_is_complete(const guest *one)
{
    return one->connections > 0 && books_is_complete(&one->account);
}

bool guest_is_sent(const guest *one)
{
    return one->connections > 0 && books_is_sent(&one->account);
}

bool guest_has_failed(const guest *one)
{
    return one->failures > 0;
}

bool guest_has_ended(const guest *one)
{
    return one->ends > 0;
}
