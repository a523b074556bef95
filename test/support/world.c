/* SPDX-License-Identifier: MIT */
/* See world.h. */
#include "world.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "certs.h"
#include "client.h"
#include "mem.h"
#include "server.h"

uint64_t world_now_ms(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

void world_stall(uint64_t time_ms)
{
    uint64_t end = world_now_ms() + time_ms;
    while (world_now_ms() < end) {
        (void)poll(NULL, 0, 10);
    }
}

static uint64_t limit_in_ms; /* 0: the usual one */

uint64_t world_limit_ms(void)
{
    return limit_in_ms > 0 ? limit_in_ms : (uint64_t)world_scale(10000, 30000);
}

void world_set_limit_ms(uint64_t limit_ms)
{
    limit_in_ms = limit_ms;
}

bool world_is_fallback(void)
{
    return getenv("GDWS_TEST_FALLBACK") != NULL;
}

bool world_is_secure(void)
{
    return getenv("GDWS_TEST_TLS") != NULL;
}

bool world_is_compressed(void)
{
    return getenv("GDWS_TEST_COMPRESSION") != NULL;
}

bool world_is_cut(void)
{
    return getenv("GDWS_TEST_CUT") != NULL;
}

const char *world_scheme(void)
{
    return world_is_secure() ? "wss" : "ws";
}

void world_prepare_server(gdws_server *server)
{
    ck_assert_int_eq(gdws_server_set_compression(server, world_is_compressed()), GDWS_OK);
    if (world_is_secure()) {
        const cert *own = cert_localhost();
        ck_assert_int_eq(gdws_server_set_private_key(server, own->key, NULL), GDWS_OK);
        ck_assert_int_eq(gdws_server_set_ssl_certificate(server, own->certificate), GDWS_OK);
    }
}

void world_prepare_client(gdws_client *client)
{
    ck_assert_int_eq(gdws_client_set_compression(client, world_is_compressed()), GDWS_OK);
    if (world_is_secure()) {
        const char *trusted = cert_authority()->certificate;
        ck_assert_int_eq(gdws_client_set_trusted_certificate(client, trusted), GDWS_OK);
    }
}

bool world_limits_memory(void)
{
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
    return false;
#else
    return getenv("GDWS_TEST_VALGRIND") == NULL;
#endif
}

int world_scale(int full, int reduced)
{
    return getenv("GDWS_TEST_SLOW") != NULL ? reduced : full;
}

void world_fill_with_noise(void *bytes, size_t length)
{
    uint32_t state = 2463534242u;
    for (size_t i = 0; i < length; i++) {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        ((uint8_t *)bytes)[i] = (uint8_t)state;
    }
}

static void note(witness *seen, char letter)
{
    if (seen->logged + 1 < sizeof(seen->log)) {
        seen->log[seen->logged] = letter;
        seen->logged++;
        seen->log[seen->logged] = '\0';
    }
}

static void on_client_connected(gdws_server *server, int32_t id, const char *protocol, void *user)
{
    world *w = user;
    (void)server;
    note(&w->at_server, 'C');
    w->at_server.connected++;
    w->at_server.id = id;
    (void)snprintf(w->at_server.protocol, sizeof(w->at_server.protocol), "%s", protocol);
}

/* Whoever loses a connection is told why. */
static void note_end_reason(witness *side, const gdws_peer *peer, bool was_clean)
{
    const char *reason = gdws_peer_get_end_reason(peer);
    ck_assert_msg(was_clean == (reason[0] == '\0'), "clean: %d, but: %s", was_clean, reason);
    (void)snprintf(side->end_reason, sizeof(side->end_reason), "%s", reason);
}

static void on_server_data(gdws_server *server, int32_t id, void *user)
{
    world *w = user;
    const uint8_t *packet;
    size_t length;
    note(&w->at_server, 'd');
    w->at_server.data++;
    if (w->at_server.on_data != NULL) {
        w->at_server.on_data(w);
        return;
    }
    gdws_peer *peer = gdws_server_get_peer(server, id);
    if ((w->takes_packets || w->echoes) &&
        gdws_peer_get_packet(peer, &packet, &length) == GDWS_OK && w->echoes) {
        gdws_write_mode mode =
            gdws_peer_was_string_packet(peer) ? GDWS_WRITE_MODE_TEXT : GDWS_WRITE_MODE_BINARY;
        ck_assert_int_eq(gdws_peer_send(peer, packet, length, mode), GDWS_OK);
    }
}

static void on_client_close_request(gdws_server *server, int32_t id, int code, const char *reason,
                                    void *user)
{
    world *w = user;
    (void)server;
    (void)id;
    note(&w->at_server, 'R');
    w->at_server.close_requests++;
    w->at_server.code = code;
    (void)snprintf(w->at_server.reason, sizeof(w->at_server.reason), "%s", reason);
}

static void on_client_disconnected(gdws_server *server, int32_t id, bool was_clean, void *user)
{
    world *w = user;
    ck_assert(gdws_server_has_peer(server, id));
    note_end_reason(&w->at_server, gdws_server_get_peer(server, id), was_clean);
    note(&w->at_server, 'X');
    w->at_server.closed++;
    w->at_server.was_clean = was_clean;
}

static void on_server_drained(gdws_server *server, int32_t id, void *user)
{
    world *w = user;
    (void)server;
    (void)id;
    note(&w->at_server, 'w');
    w->at_server.drained++;
}

static void on_connected(gdws_client *client, const char *protocol, void *user)
{
    world *w = user;
    (void)client;
    note(&w->at_client, 'C');
    w->at_client.connected++;
    (void)snprintf(w->at_client.protocol, sizeof(w->at_client.protocol), "%s", protocol);
}

static void on_error(gdws_client *client, void *user)
{
    world *w = user;
    (void)client;
    note(&w->at_client, 'E');
    w->at_client.errors++;
    if (w->at_client.on_end != NULL) {
        w->at_client.on_end(w);
    }
}

static void on_data(gdws_client *client, void *user)
{
    world *w = user;
    const uint8_t *packet;
    size_t length;
    note(&w->at_client, 'd');
    w->at_client.data++;
    if (w->at_client.on_data != NULL) {
        w->at_client.on_data(w);
    } else if (w->takes_packets) {
        (void)gdws_client_get_peer_packet(client, 1, &packet, &length);
    }
}

static void on_close_request(gdws_client *client, int code, const char *reason, void *user)
{
    world *w = user;
    (void)client;
    note(&w->at_client, 'R');
    w->at_client.close_requests++;
    w->at_client.code = code;
    (void)snprintf(w->at_client.reason, sizeof(w->at_client.reason), "%s", reason);
    if (w->at_client.on_close_request != NULL) {
        w->at_client.on_close_request(w);
    }
}

static void on_closed(gdws_client *client, bool was_clean, void *user)
{
    world *w = user;
    note_end_reason(&w->at_client, gdws_client_get_peer(client, 1), was_clean);
    note(&w->at_client, 'X');
    w->at_client.closed++;
    w->at_client.was_clean = was_clean;
    if (w->at_client.on_end != NULL) {
        w->at_client.on_end(w);
    }
}

static void on_reconnecting(gdws_client *client, uint32_t attempt, uint32_t delay_ms, void *user)
{
    world *w = user;
    (void)client;
    note(&w->at_client, 'r');
    w->at_client.reconnecting++;
    w->at_client.attempt = attempt;
    w->at_client.delay_ms = delay_ms;
    if (w->at_client.on_reconnecting != NULL) {
        w->at_client.on_reconnecting(w);
    }
}

static void on_drained(gdws_client *client, void *user)
{
    world *w = user;
    (void)client;
    note(&w->at_client, 'w');
    w->at_client.drained++;
}

void world_init_idle(world *w)
{
    memset(w, 0, sizeof(*w));
    gdws_server_signals server_signals = {.size = sizeof(server_signals),
                                          .user = w,
                                          .client_connected = on_client_connected,
                                          .data_received = on_server_data,
                                          .client_close_request = on_client_close_request,
                                          .client_disconnected = on_client_disconnected,
                                          .drained = on_server_drained};
    gdws_client_signals client_signals = {.size = sizeof(client_signals),
                                          .user = w,
                                          .connected_to_host = on_connected,
                                          .connection_error = on_error,
                                          .data_received = on_data,
                                          .server_close_request = on_close_request,
                                          .connection_closed = on_closed,
                                          .drained = on_drained,
                                          .reconnecting = on_reconnecting};
    w->loop = gdws_loop_new();
    ck_assert_ptr_nonnull(w->loop);
    w->server = gdws_server_new(w->loop);
    w->client = gdws_client_new(w->loop);
    ck_assert_ptr_nonnull(w->server);
    ck_assert_ptr_nonnull(w->client);
    ck_assert_int_eq(gdws_server_set_signals(w->server, &server_signals), GDWS_OK);
    ck_assert_int_eq(gdws_client_set_signals(w->client, &client_signals), GDWS_OK);
    ck_assert_int_eq(gdws_server_set_bind_ip(w->server, "127.0.0.1"), GDWS_OK);
    world_prepare_server(w->server);
    world_prepare_client(w->client);
    w->server->config.writes_frames_singly = world_is_fallback();
    w->client->config.writes_frames_singly = world_is_fallback();
}

void world_listen(world *w)
{
    ck_assert_int_eq(gdws_server_listen(w->server, 0), GDWS_OK);
    ck_assert_int_ne(gdws_server_get_port(w->server), 0);
}

void world_init(world *w)
{
    world_init_idle(w);
    world_listen(w);
}

void world_connect_path(world *w, const char *path)
{
    char url[256];
    int connected = w->at_client.connected;
    int accepted = w->at_server.connected;
    (void)snprintf(url, sizeof(url), "%s://127.0.0.1:%u%s", world_scheme(),
                   gdws_server_get_port(w->server), path);
    ck_assert_int_eq(gdws_client_connect_to_url(w->client, url), GDWS_OK);
    WAIT_FOR(w, (w->at_client.connected > connected && w->at_server.connected > accepted) ||
                    w->at_client.errors > 0);
    ck_assert_msg(w->at_client.errors == 0, "%s", gdws_client_get_error_message(w->client));
}

void world_connect(world *w)
{
    world_connect_path(w, "/");
}

void world_free(world *w)
{
    gdws_client_free(w->client);
    gdws_server_free(w->server);
    gdws_loop_free(w->loop);
    ck_assert_int_eq(w->at_server.connected, w->at_server.closed);
    ck_assert_int_eq(w->at_client.connected, w->at_client.closed);
    ck_assert_uint_eq(gdwsi_mem_live(), 0);
}

gdws_peer *world_server_peer(world *w)
{
    return gdws_server_get_peer(w->server, w->at_server.id);
}

gdws_peer *world_client_peer(world *w)
{
    return gdws_client_get_peer(w->client, 0);
}
