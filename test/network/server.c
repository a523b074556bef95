/* SPDX-License-Identifier: MIT */
/* The server's process: a plain and a secured server on one loop, which talk with every peer and
 * keep a ledger for each until the scenario is over. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "stage.h"

enum { SEATS = 256, PASS_MS = 10 };

typedef struct seat {
    gdws_server *server; /* NULL: free */
    int32_t id;
    books_account account;
    bool is_closed; /* by us */
} seat;

typedef struct house {
    stage *here;
    seat seats[SEATS];
    uint32_t seated; /* ever */
} house;

static seat *find(house *all, const gdws_server *server, int32_t id)
{
    for (size_t i = 0; i < SEATS; i++) {
        if (all->seats[i].server == server && (server == NULL || all->seats[i].id == id)) {
            return &all->seats[i];
        }
    }
    return NULL;
}

static void on_connected(gdws_server *server, int32_t id, const char *protocol, void *user)
{
    house *all = user;
    seat *one = find(all, NULL, 0);
    (void)protocol;
    if (one == NULL) {
        stage_fail(all->here, "the server has no seat left");
        return;
    }
    all->seated++;
    *one = (seat){.server = server, .id = id};
    books_open(&one->account, &all->here->scene->terms, 0x80000000u + all->seated);
    atomic_fetch_add(&all->here->connected, 1);
}

static void judge(house *all, const seat *one, bool was_clean, int code)
{
    if (one->account.fault != NULL) {
        stage_fail(all->here, "at the server: %s", one->account.fault);
    }
    /* Whoever closes says its last word first. */
    if (was_clean && !one->is_closed && !one->account.has_last) {
        stage_fail(all->here, "a clean end at the server, but only %u messages have come",
                   one->account.received);
    }
    if (was_clean && code == -1) {
        stage_fail(all->here, "a clean end at the server without a Close frame");
    }
}

static void on_disconnected(gdws_server *server, int32_t id, bool was_clean, void *user)
{
    house *all = user;
    stage *here = all->here;
    seat *one = find(all, server, id);
    uint64_t now = road_now_ms();
    unsigned long long none = 0;
    if (one == NULL) {
        stage_fail(here, "a peer was disconnected that was not connected");
        return;
    }
    int code = gdws_peer_get_close_code(gdws_server_get_peer(server, id));
    judge(all, one, was_clean, code);
    atomic_fetch_add(&here->clean, was_clean ? 1 : 0);
    atomic_fetch_add(&here->coded, code != -1 ? 1 : 0);
    (void)atomic_compare_exchange_strong(&here->first_end_ms, &none, now);
    atomic_store(&here->last_end_ms, now);
    atomic_fetch_add(&here->ended, 1);
    one->server = NULL;
}

static gdws_server *open_house(house *all, gdws_loop *loop, const secret *own)
{
    const scenario *scene = all->here->scene;
    const gdws_server_signals signals = {.size = sizeof(signals),
                                         .user = all,
                                         .client_connected = on_connected,
                                         .client_disconnected = on_disconnected};
    gdws_server *server = gdws_server_new(loop);
    bool is_right =
        gdws_server_set_signals(server, &signals) == GDWS_OK &&
        gdws_server_set_compression(server, true) == GDWS_OK &&
        gdws_server_set_heartbeat(server, scene->interval_ms, scene->timeout_ms) == GDWS_OK &&
        gdws_server_set_close_timeout_ms(server, scene->close_timeout_ms) == GDWS_OK &&
        gdws_server_set_handshake_timeout_ms(server, scene->handshake_timeout_ms) == GDWS_OK;
    if (own != NULL) {
        is_right = is_right && gdws_server_set_private_key(server, own->key, NULL) == GDWS_OK &&
                   gdws_server_set_ssl_certificate(server, own->certificate) == GDWS_OK;
    }
    if (!is_right || gdws_server_listen(server, 0) != GDWS_OK) {
        stage_fail(all->here, "the server does not listen");
    }
    return server;
}

/* One pass over all peers. */
static void talk(house *all)
{
    stage *here = all->here;
    for (size_t i = 0; i < SEATS; i++) {
        seat *one = &all->seats[i];
        gdws_peer *peer = one->server != NULL ? gdws_server_get_peer(one->server, one->id) : NULL;
        if (peer == NULL) {
            continue;
        }
        bool was_complete = books_is_complete(&one->account);
        books_send_due(&one->account, peer);
        atomic_fetch_add(&here->messages, (unsigned)books_take(&one->account, peer));
        if (one->account.fault != NULL) {
            stage_fail(here, "at the server: %s", one->account.fault);
        }
        if (books_is_complete(&one->account) && !was_complete) {
            atomic_fetch_add(&here->complete, 1);
        }
        if (atomic_load(&here->must_close_odd) && one->account.other_tag % 2 == 1 &&
            books_is_sent(&one->account) && !one->is_closed) {
            one->is_closed = gdws_peer_close(peer, 1000, "odd") == GDWS_OK;
        }
    }
}

void serve(stage *here, const secret *own)
{
    gdws_loop *loop = gdws_loop_new();
    house *all = calloc(1, sizeof(*all));
    if (all == NULL) {
        _exit(2);
    }
    all->here = here;
    gdws_server *plain = open_house(all, loop, NULL);
    gdws_server *secured = open_house(all, loop, own);
    atomic_store(&here->secure_port, gdws_server_get_port(secured));
    atomic_store(&here->server_pid, (int)getpid());
    atomic_store(&here->port, gdws_server_get_port(plain));
    while (!atomic_load(&here->is_over)) {
        (void)gdws_loop_wait(loop, PASS_MS);
        talk(all);
    }
    gdws_server_free(plain);
    gdws_server_free(secured);
    gdws_loop_free(loop);
    free(all);
    _exit(0);
}
