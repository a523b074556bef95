/* SPDX-License-Identifier: MIT */
/* See party.h. */
#include "party.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "client.h"
#include "mem.h"
#include "server.h"

static void note(guest *one, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void note(guest *one, const char *format, ...)
{
    size_t used = strlen(one->log);
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(one->log + used, sizeof(one->log) - used, format, arguments);
    va_end(arguments);
}

static void on_peer_connected(gdws_multiplayer *mp, int32_t id, void *user)
{
    guest *one = user;
    (void)mp;
    note(one, "+%d ", (int)id);
    one->connected++;
    one->last_id = id;
    if (one->on_peer_connected != NULL) {
        one->on_peer_connected(one);
    }
}

static void on_peer_disconnected(gdws_multiplayer *mp, int32_t id, void *user)
{
    guest *one = user;
    (void)mp;
    note(one, "-%d ", (int)id);
    one->disconnected++;
    one->last_id = id;
    if (one->on_peer_disconnected != NULL) {
        one->on_peer_disconnected(one);
    }
}

static void on_succeeded(gdws_multiplayer *mp, void *user)
{
    guest *one = user;
    (void)mp;
    note(one, "ok ");
    one->succeeded++;
}

static void on_failed(gdws_multiplayer *mp, void *user)
{
    guest *one = user;
    (void)mp;
    note(one, "fail ");
    one->failed++;
}

static void on_over(gdws_multiplayer *mp, void *user)
{
    guest *one = user;
    (void)mp;
    note(one, "over ");
    one->over++;
}

static void on_packet(gdws_multiplayer *mp, int32_t id, void *user)
{
    guest *one = user;
    (void)mp;
    note(one, "p%d ", (int)id);
    one->packets++;
    if (one->on_packet != NULL) {
        one->on_packet(one);
    }
}

static void on_drained(gdws_multiplayer *mp, int32_t id, void *user)
{
    guest *one = user;
    (void)mp;
    (void)id;
    one->drained++;
}

void party_make(party *p, guest *one)
{
    const gdws_multiplayer_signals signals = {.size = sizeof(signals),
                                              .user = one,
                                              .peer_connected = on_peer_connected,
                                              .peer_disconnected = on_peer_disconnected,
                                              .connection_succeeded = on_succeeded,
                                              .connection_failed = on_failed,
                                              .server_disconnected = on_over,
                                              .peer_packet = on_packet,
                                              .drained = on_drained};
    memset(one, 0, sizeof(*one));
    one->mp = gdws_multiplayer_new(p->loop);
    ck_assert_ptr_nonnull(one->mp);
    ck_assert_int_eq(gdws_multiplayer_set_signals(one->mp, &signals), GDWS_OK);
    ck_assert_int_eq(gdws_multiplayer_set_wire(one->mp, p->wire), GDWS_OK);
    gdws_server *server = gdws_multiplayer_get_server(one->mp);
    server->config.writes_frames_singly = world_is_fallback();
    gdws_multiplayer_get_client(one->mp)->config.writes_frames_singly = world_is_fallback();
    ck_assert_int_eq(gdws_server_set_bind_ip(server, "127.0.0.1"), GDWS_OK);
    world_prepare_server(server);
    world_prepare_client(gdws_multiplayer_get_client(one->mp));
}

void party_init_idle(party *p, gdws_multiplayer_wire wire)
{
    memset(p, 0, sizeof(*p));
    p->wire = wire;
    p->loop = gdws_loop_new();
    ck_assert_ptr_nonnull(p->loop);
    party_make(p, &p->host);
}

void party_listen(party *p)
{
    ck_assert_int_eq(gdws_multiplayer_create_server(p->host.mp, 0), GDWS_OK);
}

void party_init(party *p, gdws_multiplayer_wire wire)
{
    party_init_idle(p, wire);
    party_listen(p);
}

uint16_t party_port(party *p)
{
    return gdws_server_get_port(gdws_multiplayer_get_server(p->host.mp));
}

void party_connect(party *p, guest *one)
{
    char url[64];
    (void)snprintf(url, sizeof(url), "%s://127.0.0.1:%u/", world_scheme(), party_port(p));
    ck_assert_int_eq(gdws_multiplayer_create_client(one->mp, url), GDWS_OK);
}

int32_t party_join(party *p)
{
    guest *joiner = &p->guests[p->count];
    p->count++;
    party_make(p, joiner);
    party_connect(p, joiner);
    size_t seen = p->wire == GDWS_MULTIPLAYER_GODOT_3 ? p->count : 1;
    WAIT_FOR_ON(p->loop, joiner->succeeded == 1 && (size_t)joiner->connected == seen &&
                             (size_t)p->host.connected >= p->count);
    for (size_t i = 0; i < p->count && p->wire == GDWS_MULTIPLAYER_GODOT_3; i++) {
        WAIT_FOR_ON(p->loop, (size_t)p->guests[i].connected == p->count);
    }
    return gdws_multiplayer_get_unique_id(joiner->mp);
}

static void check_and_free(guest *one)
{
    if (one->mp == NULL) {
        return;
    }
    gdws_multiplayer_free(one->mp);
    ck_assert_int_eq(one->connected, one->disconnected);
    ck_assert_int_eq(one->succeeded, one->over);
}

void party_free(party *p)
{
    for (size_t i = 0; i < PARTY_MAX; i++) {
        check_and_free(&p->guests[i]);
    }
    check_and_free(&p->host);
    gdws_loop_free(p->loop);
    ck_assert_uint_eq(gdwsi_mem_live(), 0);
}

void party_say(guest *one, int32_t target, const char *text)
{
    gdws_multiplayer_set_target_peer(one->mp, target);
    ck_assert_int_eq(gdws_multiplayer_put_packet(one->mp, text, strlen(text)), GDWS_OK);
}

void party_expect(party *p, guest *one, int32_t from, const char *text)
{
    const uint8_t *packet;
    size_t length;
    WAIT_FOR_ON(p->loop, gdws_multiplayer_get_available_packet_count(one->mp) > 0);
    ck_assert_int_eq(gdws_multiplayer_get_packet_peer(one->mp), from);
    ck_assert_int_eq(gdws_multiplayer_get_packet(one->mp, &packet, &length), GDWS_OK);
    ck_assert_str_eq((const char *)packet, text);
    ck_assert_uint_eq(length, strlen(text));
}
