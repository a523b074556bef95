/* SPDX-License-Identifier: MIT */
/* The multiplayer object: its life, and which role does what it is asked for. Invariant: role is
 * the one of the last create_server or create_client; whoever is on the roster belongs to it. */
#include "gdws/multiplayer.h"

#include <string.h>

#include "mem.h"
#include "multiplayer_guest.h"
#include "multiplayer_host.h"
#include "multiplayer_room.h"
#include "multiplayer_wire.h"

#define INBOX_BYTES (1024u * 1024u)
#define INBOX_PACKETS 4096u
#define GREETING_TIMEOUT_MS 10000u
#define STALL_TIMEOUT_MS 4000u

#define BYTES_MIN 128u
#define BYTES_MAX (1024u * 1024u * 1024u)
#define PACKETS_MAX 1048576u
#define TIMEOUT_MIN_MS 10u
#define TIMEOUT_MAX_MS (24u * 60u * 60u * 1000u)

static bool is_host(const gdws_multiplayer *multiplayer)
{
    return multiplayer->role == &gdwsi_multiplayer_host;
}

static bool is_guest(const gdws_multiplayer *multiplayer)
{
    return multiplayer->role == &gdwsi_multiplayer_guest;
}

/* Options */

/* Whether a session goes on, or the last one's signals are owed. */
static bool is_busy(const gdws_multiplayer *multiplayer)
{
    return gdws_multiplayer_get_connection_status(multiplayer) != GDWS_CONNECTION_DISCONNECTED ||
           multiplayer->ended != GDWS_CONNECTION_DISCONNECTED || multiplayer->roster.count > 0;
}

/* Whether a session may begin. */
static gdws_error check_idle(const gdws_multiplayer *multiplayer)
{
    if (multiplayer->is_freed) {
        return GDWS_UNAVAILABLE;
    }
    return is_busy(multiplayer) ? GDWS_ALREADY_IN_USE : GDWS_OK;
}

gdws_error gdws_multiplayer_set_signals(gdws_multiplayer *multiplayer,
                                        const gdws_multiplayer_signals *signals)
{
    if (multiplayer == NULL || (signals != NULL && signals->size != sizeof(*signals))) {
        return GDWS_INVALID_PARAMETER;
    }
    if (signals != NULL) {
        multiplayer->signals = *signals;
    } else {
        memset(&multiplayer->signals, 0, sizeof(multiplayer->signals));
    }
    return GDWS_OK;
}

gdws_error gdws_multiplayer_set_wire(gdws_multiplayer *multiplayer, gdws_multiplayer_wire wire)
{
    if (multiplayer == NULL ||
        (wire != GDWS_MULTIPLAYER_GODOT_3 && wire != GDWS_MULTIPLAYER_GODOT_4)) {
        return GDWS_INVALID_PARAMETER;
    }
    if (is_busy(multiplayer)) {
        return GDWS_ALREADY_IN_USE;
    }
    multiplayer->wire = wire;
    return GDWS_OK;
}

gdws_error gdws_multiplayer_set_inbound_buffer_size(gdws_multiplayer *multiplayer, size_t bytes)
{
    if (multiplayer == NULL) {
        return GDWS_INVALID_PARAMETER;
    }
    if (bytes < BYTES_MIN || bytes > BYTES_MAX) {
        return GDWS_PARAMETER_RANGE_ERROR;
    }
    multiplayer->inbox_bytes = bytes;
    gdwsi_room_wake(multiplayer);
    return GDWS_OK;
}

gdws_error gdws_multiplayer_set_max_queued_packets(gdws_multiplayer *multiplayer, size_t packets)
{
    if (multiplayer == NULL) {
        return GDWS_INVALID_PARAMETER;
    }
    if (packets < 1 || packets > PACKETS_MAX) {
        return GDWS_PARAMETER_RANGE_ERROR;
    }
    multiplayer->inbox_packets = packets;
    gdwsi_room_wake(multiplayer);
    return GDWS_OK;
}

gdws_error gdws_multiplayer_set_greeting_timeout_ms(gdws_multiplayer *multiplayer,
                                                    uint32_t timeout_ms)
{
    if (multiplayer == NULL) {
        return GDWS_INVALID_PARAMETER;
    }
    if (timeout_ms < TIMEOUT_MIN_MS || timeout_ms > TIMEOUT_MAX_MS) {
        return GDWS_PARAMETER_RANGE_ERROR;
    }
    gdwsi_guest_set_timeout(multiplayer, timeout_ms);
    return GDWS_OK;
}

gdws_error gdws_multiplayer_set_stall_timeout_ms(gdws_multiplayer *multiplayer, uint32_t timeout_ms)
{
    if (multiplayer == NULL) {
        return GDWS_INVALID_PARAMETER;
    }
    if (timeout_ms < TIMEOUT_MIN_MS || timeout_ms > TIMEOUT_MAX_MS) {
        return GDWS_PARAMETER_RANGE_ERROR;
    }
    multiplayer->stall_timeout_ms = timeout_ms;
    return GDWS_OK;
}

gdws_server *gdws_multiplayer_get_server(gdws_multiplayer *multiplayer)
{
    return multiplayer != NULL ? multiplayer->server : NULL;
}

gdws_client *gdws_multiplayer_get_client(gdws_multiplayer *multiplayer)
{
    return multiplayer != NULL ? multiplayer->client : NULL;
}

void gdws_multiplayer_set_refuse_new_connections(gdws_multiplayer *multiplayer, bool refuse)
{
    if (multiplayer != NULL) {
        gdws_server_set_refuse_new_connections(multiplayer->server, refuse);
    }
}

bool gdws_multiplayer_is_refusing_new_connections(const gdws_multiplayer *multiplayer)
{
    return multiplayer != NULL && gdws_server_is_refusing_new_connections(multiplayer->server);
}

gdws_error gdws_multiplayer_set_transfer_mode(gdws_multiplayer *multiplayer,
                                              gdws_transfer_mode mode)
{
    bool is_known = mode == GDWS_TRANSFER_MODE_UNRELIABLE ||
                    mode == GDWS_TRANSFER_MODE_UNRELIABLE_ORDERED ||
                    mode == GDWS_TRANSFER_MODE_RELIABLE;
    return multiplayer != NULL && is_known ? GDWS_OK : GDWS_INVALID_PARAMETER;
}

gdws_transfer_mode gdws_multiplayer_get_transfer_mode(const gdws_multiplayer *multiplayer)
{
    (void)multiplayer;
    return GDWS_TRANSFER_MODE_RELIABLE;
}

/* Driving */

/* A new session begins: nothing of the last one is left. */
static void begin(gdws_multiplayer *multiplayer, const gdwsi_multiplayer_role *role)
{
    gdwsi_pktq_clear(&multiplayer->inbox);
    multiplayer->role = role;
    multiplayer->owes_close = false;
    multiplayer->owes_drained = false;
    multiplayer->message[0] = '\0';
}

gdws_error gdws_multiplayer_create_server(gdws_multiplayer *multiplayer, uint16_t port)
{
    if (multiplayer == NULL) {
        return GDWS_INVALID_PARAMETER;
    }
    gdws_error error = check_idle(multiplayer);
    if (error != GDWS_OK) {
        return error;
    }
    error = gdws_server_listen(multiplayer->server, port);
    if (error == GDWS_OK) {
        begin(multiplayer, &gdwsi_multiplayer_host);
    }
    return error;
}

gdws_error gdws_multiplayer_create_client(gdws_multiplayer *multiplayer, const char *url)
{
    if (multiplayer == NULL) {
        return GDWS_INVALID_PARAMETER;
    }
    gdws_error error = check_idle(multiplayer);
    if (error != GDWS_OK) {
        return error;
    }
    multiplayer->message[0] = '\0';
    error = gdws_client_connect_to_url(multiplayer->client, url);
    if (error == GDWS_OK) {
        begin(multiplayer, &gdwsi_multiplayer_guest);
        gdwsi_guest_begin(multiplayer);
    }
    return error;
}

gdws_error gdws_multiplayer_poll(gdws_multiplayer *multiplayer)
{
    return gdws_loop_poll(multiplayer != NULL ? multiplayer->loop : NULL);
}

gdws_error gdws_multiplayer_wait(gdws_multiplayer *multiplayer, int timeout_ms)
{
    return gdws_loop_wait(multiplayer != NULL ? multiplayer->loop : NULL, timeout_ms);
}

void gdws_multiplayer_set_target_peer(gdws_multiplayer *multiplayer, int32_t target)
{
    if (multiplayer != NULL) {
        multiplayer->target = target;
    }
}

gdws_error gdws_multiplayer_put_packet(gdws_multiplayer *multiplayer, const void *packet,
                                       size_t length)
{
    if (multiplayer == NULL || (packet == NULL && length > 0)) {
        return GDWS_INVALID_PARAMETER;
    }
    if (length > BYTES_MAX) {
        return GDWS_PARAMETER_RANGE_ERROR;
    }
    if (is_host(multiplayer)) {
        return gdwsi_host_put(multiplayer, packet, length);
    }
    return is_guest(multiplayer) ? gdwsi_guest_put(multiplayer, packet, length) : GDWS_UNAVAILABLE;
}

size_t gdws_multiplayer_get_available_packet_count(const gdws_multiplayer *multiplayer)
{
    return multiplayer != NULL ? gdwsi_pktq_packets(&multiplayer->inbox) : 0;
}

int32_t gdws_multiplayer_get_packet_peer(const gdws_multiplayer *multiplayer)
{
    const uint8_t *packet;
    size_t length;
    if (multiplayer == NULL || gdwsi_pktq_peek(&multiplayer->inbox, &packet, &length) != GDWS_OK) {
        return 0;
    }
    return gdwsi_multiplayer_wire_get_id(packet);
}

gdws_error gdws_multiplayer_get_packet(gdws_multiplayer *multiplayer, const uint8_t **packet,
                                       size_t *length)
{
    if (packet != NULL) {
        *packet = NULL;
    }
    if (length != NULL) {
        *length = 0;
    }
    if (multiplayer == NULL || packet == NULL || length == NULL) {
        return GDWS_INVALID_PARAMETER;
    }
    gdws_error error = gdwsi_pktq_take(&multiplayer->inbox, packet, length, NULL);
    if (error != GDWS_OK) {
        return error;
    }
    *packet += sizeof(int32_t);
    *length -= sizeof(int32_t);
    if (multiplayer->first_waiting != NULL && !gdwsi_room_is_full(multiplayer)) {
        gdwsi_room_wake(multiplayer);
    }
    return GDWS_OK;
}

gdws_error gdws_multiplayer_disconnect_peer(gdws_multiplayer *multiplayer, int32_t id, int code,
                                            const char *reason)
{
    if (multiplayer == NULL) {
        return GDWS_INVALID_PARAMETER;
    }
    if (is_host(multiplayer)) {
        return gdwsi_host_disconnect(multiplayer, id, code, reason);
    }
    if (!is_guest(multiplayer) || id != GDWS_TARGET_PEER_SERVER ||
        gdwsi_roster_find(&multiplayer->roster, id) == NULL) {
        return GDWS_DOES_NOT_EXIST;
    }
    return gdws_client_disconnect_from_host(multiplayer->client, code, reason);
}

void gdws_multiplayer_close(gdws_multiplayer *multiplayer)
{
    if (multiplayer == NULL) {
        return;
    }
    if (is_host(multiplayer)) {
        gdws_server_stop(multiplayer->server);
    } else if (is_guest(multiplayer)) {
        gdwsi_guest_leave(multiplayer);
    }
}

/* Questions */

gdws_connection_status gdws_multiplayer_get_connection_status(const gdws_multiplayer *multiplayer)
{
    if (multiplayer == NULL || multiplayer->role == NULL) {
        return GDWS_CONNECTION_DISCONNECTED;
    }
    if (is_guest(multiplayer)) {
        return multiplayer->status;
    }
    return gdws_server_is_listening(multiplayer->server) ? GDWS_CONNECTION_CONNECTED
                                                         : GDWS_CONNECTION_DISCONNECTED;
}

int32_t gdws_multiplayer_get_unique_id(const gdws_multiplayer *multiplayer)
{
    if (gdws_multiplayer_get_connection_status(multiplayer) == GDWS_CONNECTION_DISCONNECTED) {
        return 0;
    }
    return is_host(multiplayer) ? GDWS_TARGET_PEER_SERVER : multiplayer->unique_id;
}

size_t gdws_multiplayer_get_peer_list(const gdws_multiplayer *multiplayer, int32_t *ids,
                                      size_t capacity)
{
    if (multiplayer == NULL) {
        return 0;
    }
    const gdwsi_roster *roster = &multiplayer->roster;
    for (size_t i = 0; ids != NULL && i < roster->count && i < capacity; i++) {
        ids[i] = roster->ids[i];
    }
    return roster->count;
}

gdws_peer *gdws_multiplayer_get_peer(gdws_multiplayer *multiplayer, int32_t id)
{
    if (multiplayer == NULL || multiplayer->role == NULL) {
        return NULL;
    }
    if (is_host(multiplayer)) {
        return gdws_server_get_peer(multiplayer->server, id);
    }
    return id == GDWS_TARGET_PEER_SERVER ? gdws_client_get_peer(multiplayer->client, id) : NULL;
}

const char *gdws_multiplayer_get_peer_address(gdws_multiplayer *multiplayer, int32_t id)
{
    return gdws_peer_get_connected_host(gdws_multiplayer_get_peer(multiplayer, id));
}

uint16_t gdws_multiplayer_get_peer_port(gdws_multiplayer *multiplayer, int32_t id)
{
    return gdws_peer_get_connected_port(gdws_multiplayer_get_peer(multiplayer, id));
}

const char *gdws_multiplayer_get_error_message(const gdws_multiplayer *multiplayer)
{
    if (multiplayer == NULL) {
        return "";
    }
    return multiplayer->message[0] != '\0' ? multiplayer->message
                                           : gdws_client_get_error_message(multiplayer->client);
}

gdws_loop *gdws_multiplayer_get_loop(const gdws_multiplayer *multiplayer)
{
    return multiplayer != NULL ? multiplayer->loop : NULL;
}

/* Life */

static void run_burial(gdwsi_task *task)
{
    gdws_multiplayer *multiplayer =
        (gdws_multiplayer *)(void *)((char *)task - offsetof(gdws_multiplayer, burial));
    gdwsi_mem_free(multiplayer);
}

static void free_timer(uv_handle_t *timer)
{
    gdwsi_mem_free(timer);
}

static gdws_multiplayer *make_on(gdws_loop *loop)
{
    gdws_multiplayer *multiplayer = gdwsi_mem_calloc(1, sizeof(*multiplayer));
    uv_timer_t *timer = gdwsi_mem_calloc(1, sizeof(*timer));
    gdws_server *server = gdws_server_new(loop);
    gdws_client *client = gdws_client_new(loop);
    if (multiplayer == NULL || timer == NULL || server == NULL || client == NULL) {
        gdws_client_free(client);
        gdws_server_free(server);
        gdwsi_mem_free(timer);
        gdwsi_mem_free(multiplayer);
        return NULL;
    }
    gdwsi_loop_retain(loop);
    multiplayer->loop = loop;
    multiplayer->server = server;
    multiplayer->client = client;
    multiplayer->timer = timer;
    (void)uv_timer_init(&loop->uv, timer);
    timer->data = multiplayer;
    multiplayer->wire = GDWS_MULTIPLAYER_GODOT_3;
    multiplayer->inbox_bytes = INBOX_BYTES;
    multiplayer->inbox_packets = INBOX_PACKETS;
    multiplayer->greeting_timeout_ms = GREETING_TIMEOUT_MS;
    multiplayer->stall_timeout_ms = STALL_TIMEOUT_MS;
    multiplayer->task.run = gdwsi_room_run;
    multiplayer->burial.run = run_burial;
    gdwsi_pktq_init(&multiplayer->inbox, &loop->pool);
    (void)gdwsi_host_attach(multiplayer);
    (void)gdwsi_guest_attach(multiplayer);
    return multiplayer;
}

gdws_multiplayer *gdws_multiplayer_new(gdws_loop *loop)
{
    if (loop != NULL) {
        return make_on(loop);
    }
    loop = gdws_loop_new();
    gdws_multiplayer *multiplayer = loop != NULL ? make_on(loop) : NULL;
    /* The object keeps it alive, if there is one. */
    gdws_loop_free(loop);
    return multiplayer;
}

void gdws_multiplayer_free(gdws_multiplayer *multiplayer)
{
    if (multiplayer == NULL || multiplayer->is_freed) {
        return;
    }
    gdws_loop *loop = multiplayer->loop;
    bool was_polling = loop->is_polling;
    multiplayer->is_freed = true;
    (void)gdws_server_set_signals(multiplayer->server, NULL);
    (void)gdws_client_set_signals(multiplayer->client, NULL);
    loop->is_polling = true; /* for handlers these are signals like any other */
    if (is_host(multiplayer)) {
        gdwsi_host_end(multiplayer);
    } else if (is_guest(multiplayer)) {
        gdwsi_guest_end(multiplayer);
    }
    loop->is_polling = was_polling;
    multiplayer->role = NULL;
    gdws_server_free(multiplayer->server);
    gdws_client_free(multiplayer->client);
    gdwsi_roster_clear(&multiplayer->roster);
    gdwsi_pktq_clear(&multiplayer->inbox);
    gdwsi_mem_free(multiplayer->scratch);
    multiplayer->scratch = NULL;
    gdwsi_loop_remove(&multiplayer->task);
    uv_close((uv_handle_t *)multiplayer->timer, free_timer);
    gdwsi_loop_touch(loop);
    gdwsi_loop_add_burial(loop, &multiplayer->burial);
    gdwsi_loop_release(loop);
}
