/* SPDX-License-Identifier: MIT */
/* The server's options and the questions it answers: thin, everything is done elsewhere. */
#include "server.h"

#include <string.h>

gdws_error gdws_server_set_signals(gdws_server *server, const gdws_server_signals *signals)
{
    if (server == NULL || (signals != NULL && signals->size != sizeof(*signals))) {
        return GDWS_INVALID_PARAMETER;
    }
    if (signals != NULL) {
        server->signals = *signals;
    } else {
        memset(&server->signals, 0, sizeof(server->signals));
    }
    return GDWS_OK;
}

gdws_error gdws_server_set_supported_protocols(gdws_server *server, const char *const *protocols,
                                               size_t count)
{
    gdws_error error = gdwsi_server_check_idle(server);
    return error == GDWS_OK ? gdwsi_config_set_protocols(&server->config, protocols, count) : error;
}

gdws_error gdws_server_set_extra_headers(gdws_server *server, const char *const *headers,
                                         size_t count)
{
    gdws_error error = gdwsi_server_check_idle(server);
    return error == GDWS_OK ? gdwsi_config_set_headers(&server->config, headers, count) : error;
}

gdws_error gdws_server_set_compression(gdws_server *server, bool enabled)
{
    if (server == NULL) {
        return GDWS_INVALID_PARAMETER;
    }
    server->config.compresses = enabled;
    return GDWS_OK;
}

gdws_error gdws_server_set_buffers(gdws_server *server, size_t in_kb, size_t in_packets,
                                   size_t out_kb, size_t out_packets)
{
    gdws_error error = gdwsi_server_check_idle(server);
    return error == GDWS_OK
               ? gdwsi_config_set_buffers(&server->config, in_kb, in_packets, out_kb, out_packets)
               : error;
}

gdws_error gdws_server_set_inbound_buffer_size(gdws_server *server, size_t bytes)
{
    gdws_error error = gdwsi_server_check_idle(server);
    return error == GDWS_OK ? gdwsi_config_set_inbound_buffer(&server->config, bytes) : error;
}

gdws_error gdws_server_set_outbound_buffer_size(gdws_server *server, size_t bytes)
{
    gdws_error error = gdwsi_server_check_idle(server);
    return error == GDWS_OK ? gdwsi_config_set_outbound_buffer(&server->config, bytes) : error;
}

gdws_error gdws_server_set_max_queued_packets(gdws_server *server, size_t packets)
{
    gdws_error error = gdwsi_server_check_idle(server);
    return error == GDWS_OK ? gdwsi_config_set_max_queued_packets(&server->config, packets) : error;
}

gdws_error gdws_server_set_read_size(gdws_server *server, size_t bytes)
{
    gdws_error error = gdwsi_server_check_idle(server);
    return error == GDWS_OK ? gdwsi_config_set_read_size(&server->config, bytes) : error;
}

gdws_error gdws_server_set_heartbeat(gdws_server *server, uint32_t interval_ms, uint32_t timeout_ms)
{
    gdws_error error = gdwsi_server_check_idle(server);
    return error == GDWS_OK ? gdwsi_config_set_heartbeat(&server->config, interval_ms, timeout_ms)
                            : error;
}

gdws_error gdws_server_set_handshake_timeout_ms(gdws_server *server, uint32_t timeout_ms)
{
    gdws_error error = gdwsi_server_check_idle(server);
    return error == GDWS_OK ? gdwsi_config_set_handshake_timeout(&server->config, timeout_ms)
                            : error;
}

uint32_t gdws_server_get_handshake_timeout_ms(const gdws_server *server)
{
    return server != NULL ? server->config.handshake_timeout_ms : 0;
}

gdws_error gdws_server_set_close_timeout_ms(gdws_server *server, uint32_t timeout_ms)
{
    gdws_error error = gdwsi_server_check_idle(server);
    return error == GDWS_OK ? gdwsi_config_set_close_timeout(&server->config, timeout_ms) : error;
}

gdws_error gdws_server_set_bind_ip(gdws_server *server, const char *address)
{
    gdws_error error = gdwsi_server_check_idle(server);
    if (error != GDWS_OK) {
        return error;
    }
    if (address == NULL || strlen(address) >= sizeof(server->listening.address) ||
        !gdwsi_listener_is_address(address)) {
        return GDWS_INVALID_PARAMETER;
    }
    memcpy(server->listening.address, address, strlen(address) + 1);
    return GDWS_OK;
}

const char *gdws_server_get_bind_ip(const gdws_server *server)
{
    return server != NULL ? server->listening.address : "";
}

gdws_error gdws_server_set_unix_mode(gdws_server *server, unsigned mode)
{
    gdws_error error = gdwsi_server_check_idle(server);
    if (error == GDWS_OK && mode > 0777) {
        error = GDWS_PARAMETER_RANGE_ERROR;
    }
    if (error == GDWS_OK) {
        server->listening.unix_mode = (mode_t)mode;
    }
    return error;
}

gdws_error gdws_server_set_backlog(gdws_server *server, unsigned connections)
{
    gdws_error error = gdwsi_server_check_idle(server);
    if (error == GDWS_OK && (connections == 0 || connections > 65535)) {
        error = GDWS_PARAMETER_RANGE_ERROR;
    }
    if (error == GDWS_OK) {
        server->listening.backlog = (int)connections;
    }
    return error;
}

gdws_error gdws_server_set_shares_port(gdws_server *server, bool enabled)
{
    gdws_error error = gdwsi_server_check_idle(server);
    if (error == GDWS_OK) {
        server->listening.shares_port = enabled;
    }
    return error;
}

gdws_error gdws_server_set_allowed_origins(gdws_server *server, const char *const *origins,
                                           size_t count)
{
    if (server == NULL) {
        return GDWS_INVALID_PARAMETER;
    }
    return gdwsi_config_set_origins(&server->config, origins, count);
}

void gdws_server_set_refuse_new_connections(gdws_server *server, bool refuse)
{
    if (server != NULL) {
        server->config.refuses_connections = refuse;
    }
}

bool gdws_server_is_refusing_new_connections(const gdws_server *server)
{
    return server != NULL && server->config.refuses_connections;
}

static void update_taps(gdws_server *server)
{
    for (gdwsi_link *link = server->links; link != NULL; link = link->next) {
        link->peer.taps = gdwsi_taps_for_peers(&server->taps);
    }
}

gdws_error gdws_server_add_tap(gdws_server *server, const gdws_tap *tap)
{
    gdws_error error = server != NULL ? gdwsi_taps_add(&server->taps, tap) : GDWS_INVALID_PARAMETER;
    if (error == GDWS_OK) {
        update_taps(server);
    }
    return error;
}

gdws_error gdws_server_remove_tap(gdws_server *server, const gdws_tap *tap)
{
    gdws_error error =
        server != NULL ? gdwsi_taps_remove(&server->taps, tap) : GDWS_INVALID_PARAMETER;
    if (error == GDWS_OK) {
        update_taps(server);
    }
    return error;
}

bool gdws_server_is_listening(const gdws_server *server)
{
    return server != NULL && server->listener != NULL;
}

uint16_t gdws_server_get_port(const gdws_server *server)
{
    return server != NULL ? gdwsi_listener_port(server->listener) : 0;
}

int32_t gdws_server_get_peer_id(const gdws_server *server)
{
    return server != NULL ? server->current_id : 0;
}

bool gdws_server_has_peer(const gdws_server *server, int32_t id)
{
    return server != NULL && gdwsi_peertable_find(&server->peers, id) != NULL;
}

gdws_peer *gdws_server_get_peer(gdws_server *server, int32_t id)
{
    gdwsi_link *link = server != NULL ? gdwsi_peertable_find(&server->peers, id) : NULL;
    return link != NULL ? &link->peer : NULL;
}

gdws_error gdws_server_get_peer_packet(gdws_server *server, int32_t id, const uint8_t **packet,
                                       size_t *length)
{
    gdws_peer *peer = gdws_server_get_peer(server, id);
    gdws_error error = gdws_peer_get_packet(peer, packet, length);
    bool is_unknown = server != NULL && peer == NULL && packet != NULL && length != NULL;
    return is_unknown ? GDWS_DOES_NOT_EXIST : error;
}

static const gdws_peer *find_peer(const gdws_server *server, int32_t id)
{
    const gdwsi_link *link = server != NULL ? gdwsi_peertable_find(&server->peers, id) : NULL;
    return link != NULL ? &link->peer : NULL;
}

const char *gdws_server_get_peer_address(const gdws_server *server, int32_t id)
{
    return gdws_peer_get_connected_host(find_peer(server, id));
}

uint16_t gdws_server_get_peer_port(const gdws_server *server, int32_t id)
{
    return gdws_peer_get_connected_port(find_peer(server, id));
}

gdws_error gdws_server_disconnect_peer(gdws_server *server, int32_t id, int code,
                                       const char *reason)
{
    gdws_peer *peer = gdws_server_get_peer(server, id);
    if (server == NULL || gdwsi_peer_check_close(code, reason) != GDWS_OK) {
        return GDWS_INVALID_PARAMETER;
    }
    return peer != NULL ? gdws_peer_close(peer, code, reason) : GDWS_DOES_NOT_EXIST;
}

bool gdws_server_is_connection_available(const gdws_server *server)
{
    return server != NULL && server->first_untaken != NULL;
}

gdws_error gdws_server_poll(gdws_server *server)
{
    return gdws_loop_poll(server != NULL ? server->loop : NULL);
}

gdws_error gdws_server_wait(gdws_server *server, int timeout_ms)
{
    return gdws_loop_wait(server != NULL ? server->loop : NULL, timeout_ms);
}

gdws_loop *gdws_server_get_loop(const gdws_server *server)
{
    return server != NULL ? server->loop : NULL;
}
