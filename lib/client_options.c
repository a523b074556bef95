/* SPDX-License-Identifier: MIT */
/* The client's options and the questions it answers: thin, everything is done elsewhere. */
#include "client.h"

#include <string.h>

static gdws_error check_idle(const gdws_client *client)
{
    if (client == NULL) {
        return GDWS_INVALID_PARAMETER;
    }
    return gdwsi_client_is_busy(client) ? GDWS_ALREADY_IN_USE : GDWS_OK;
}

gdws_error gdws_client_set_signals(gdws_client *client, const gdws_client_signals *signals)
{
    if (client == NULL || (signals != NULL && signals->size != sizeof(*signals))) {
        return GDWS_INVALID_PARAMETER;
    }
    if (signals != NULL) {
        client->signals = *signals;
    } else {
        memset(&client->signals, 0, sizeof(client->signals));
    }
    return GDWS_OK;
}

gdws_error gdws_client_set_supported_protocols(gdws_client *client, const char *const *protocols,
                                               size_t count)
{
    gdws_error error = check_idle(client);
    return error == GDWS_OK ? gdwsi_config_set_protocols(&client->config, protocols, count) : error;
}

gdws_error gdws_client_set_handshake_headers(gdws_client *client, const char *const *headers,
                                             size_t count)
{
    gdws_error error = check_idle(client);
    return error == GDWS_OK ? gdwsi_config_set_headers(&client->config, headers, count) : error;
}

gdws_error gdws_client_set_compression(gdws_client *client, bool enabled)
{
    gdws_error error = check_idle(client);
    if (error == GDWS_OK) {
        client->config.compresses = enabled;
    }
    return error;
}

gdws_error gdws_client_set_buffers(gdws_client *client, size_t in_kb, size_t in_packets,
                                   size_t out_kb, size_t out_packets)
{
    gdws_error error = check_idle(client);
    return error == GDWS_OK
               ? gdwsi_config_set_buffers(&client->config, in_kb, in_packets, out_kb, out_packets)
               : error;
}

gdws_error gdws_client_set_inbound_buffer_size(gdws_client *client, size_t bytes)
{
    gdws_error error = check_idle(client);
    return error == GDWS_OK ? gdwsi_config_set_inbound_buffer(&client->config, bytes) : error;
}

gdws_error gdws_client_set_outbound_buffer_size(gdws_client *client, size_t bytes)
{
    gdws_error error = check_idle(client);
    return error == GDWS_OK ? gdwsi_config_set_outbound_buffer(&client->config, bytes) : error;
}

gdws_error gdws_client_set_max_queued_packets(gdws_client *client, size_t packets)
{
    gdws_error error = check_idle(client);
    return error == GDWS_OK ? gdwsi_config_set_max_queued_packets(&client->config, packets) : error;
}

gdws_error gdws_client_set_read_size(gdws_client *client, size_t bytes)
{
    gdws_error error = check_idle(client);
    return error == GDWS_OK ? gdwsi_config_set_read_size(&client->config, bytes) : error;
}

gdws_error gdws_client_set_heartbeat(gdws_client *client, uint32_t interval_ms, uint32_t timeout_ms)
{
    gdws_error error = check_idle(client);
    return error == GDWS_OK ? gdwsi_config_set_heartbeat(&client->config, interval_ms, timeout_ms)
                            : error;
}

gdws_error gdws_client_set_handshake_timeout_ms(gdws_client *client, uint32_t timeout_ms)
{
    gdws_error error = check_idle(client);
    return error == GDWS_OK ? gdwsi_config_set_handshake_timeout(&client->config, timeout_ms)
                            : error;
}

gdws_error gdws_client_set_close_timeout_ms(gdws_client *client, uint32_t timeout_ms)
{
    gdws_error error = check_idle(client);
    return error == GDWS_OK ? gdwsi_config_set_close_timeout(&client->config, timeout_ms) : error;
}

gdws_connection_status gdws_client_get_connection_status(const gdws_client *client)
{
    return client != NULL ? client->status : GDWS_CONNECTION_DISCONNECTED;
}

gdws_peer *gdws_client_get_peer(gdws_client *client, int32_t id)
{
    bool is_server = id == 0 || id == 1;
    return client != NULL && client->link != NULL && is_server ? &client->link->peer : NULL;
}

int32_t gdws_client_get_peer_id(const gdws_client *client)
{
    return client != NULL && client->status == GDWS_CONNECTION_CONNECTED ? 1 : 0;
}

gdws_error gdws_client_get_peer_packet(gdws_client *client, int32_t id, const uint8_t **packet,
                                       size_t *length)
{
    gdws_error error = gdws_peer_get_packet(gdws_client_get_peer(client, id), packet, length);
    bool is_known = client == NULL || id == 0 || id == 1;
    if (packet == NULL || length == NULL || client == NULL) {
        return GDWS_INVALID_PARAMETER;
    }
    if (client->link == NULL && is_known) {
        return GDWS_UNAVAILABLE;
    }
    return is_known ? error : GDWS_DOES_NOT_EXIST;
}

static const gdws_peer *connected_peer(const gdws_client *client)
{
    bool is_connected = client != NULL && client->status == GDWS_CONNECTION_CONNECTED;
    return is_connected ? &client->link->peer : NULL;
}

const char *gdws_client_get_connected_host(const gdws_client *client)
{
    return gdws_peer_get_connected_host(connected_peer(client));
}

uint16_t gdws_client_get_connected_port(const gdws_client *client)
{
    return gdws_peer_get_connected_port(connected_peer(client));
}

gdws_error gdws_client_get_error(const gdws_client *client)
{
    return client != NULL ? client->error : GDWS_INVALID_PARAMETER;
}

const char *gdws_client_get_error_message(const gdws_client *client)
{
    return client != NULL ? client->message : "";
}

int gdws_client_get_http_status(const gdws_client *client)
{
    return client != NULL ? client->http_status : 0;
}

static void update_taps(gdws_client *client)
{
    if (client->link != NULL) {
        client->link->peer.taps = gdwsi_taps_for_peers(&client->taps);
    }
}

gdws_error gdws_client_add_tap(gdws_client *client, const gdws_tap *tap)
{
    gdws_error error = client != NULL ? gdwsi_taps_add(&client->taps, tap) : GDWS_INVALID_PARAMETER;
    if (error == GDWS_OK) {
        update_taps(client);
    }
    return error;
}

gdws_error gdws_client_remove_tap(gdws_client *client, const gdws_tap *tap)
{
    gdws_error error =
        client != NULL ? gdwsi_taps_remove(&client->taps, tap) : GDWS_INVALID_PARAMETER;
    if (error == GDWS_OK) {
        update_taps(client);
    }
    return error;
}

gdws_error gdws_client_poll(gdws_client *client)
{
    return gdws_loop_poll(client != NULL ? client->loop : NULL);
}

gdws_error gdws_client_wait(gdws_client *client, int timeout_ms)
{
    return gdws_loop_wait(client != NULL ? client->loop : NULL, timeout_ms);
}

gdws_loop *gdws_client_get_loop(const gdws_client *client)
{
    return client != NULL ? client->loop : NULL;
}
