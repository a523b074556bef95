/* SPDX-License-Identifier: MIT */
/* Who may come in, as the server and its program see it: limits, and the program's admission. */
#include <string.h>

#include "random.h"
#include "request.h"
#include "server.h"

/* Say no with a sentence of the server's. */
static int refuse(gdws_request *request, const char *text)
{
    (void)gdws_request_set_refusal(request, 503, text);
    return 503;
}

/* Ask the program. It may do anything, even stop or free the server. */
static int ask_program(gdws_server *server, gdwsi_link *link, gdws_request *request)
{
    bool was_in_signal = server->is_in_signal;
    server->is_in_signal = true;
    bool is_welcome = server->admission(server, request, server->admission_user);
    server->is_in_signal = was_in_signal;
    bool is_gone = link->owner == NULL || link->is_killed;
    if (server->is_freed && !was_in_signal) {
        gdwsi_server_destroy(server);
        is_gone = true;
    }
    if (is_gone) {
        return -1;
    }
    if (!is_welcome && request->text[0] == '\0') {
        /* The sentences of the statuses are about other refusals than the program's. */
        (void)gdws_request_set_refusal(request, request->status, "The request is not let in.");
    }
    return is_welcome ? 0 : request->status;
}

int gdwsi_server_admit(void *owner, gdwsi_link *link, gdws_request *request)
{
    gdws_server *server = owner;
    const char *address = gdws_peer_get_connected_host(&link->peer);
    if (server->max_peers > 0 && server->admitted >= server->max_peers) {
        return refuse(request, "There are as many peers as this server takes.");
    }
    if (server->max_peers_per_address > 0 &&
        gdwsi_tally_get(&server->tally, address) >= server->max_peers_per_address) {
        return refuse(request, "There are as many peers of this address as this server takes.");
    }
    int status = server->admission != NULL ? ask_program(server, link, request) : 0;
    if (status != 0) {
        return status;
    }
    if (!gdwsi_tally_add(&server->tally, address)) {
        return 500;
    }
    link->is_counted = true;
    /* Taps are told of packets before the server has signalled the peer. */
    link->peer.id = gdwsi_random_id();
    server->admitted++;
    return 0;
}

void gdwsi_server_discount(gdws_server *server, gdwsi_link *link)
{
    if (link->is_counted) {
        link->is_counted = false;
        server->admitted--;
        gdwsi_tally_remove(&server->tally, gdws_peer_get_connected_host(&link->peer));
    }
}

/* For the program */

gdws_error gdws_server_set_admission(gdws_server *server, gdws_admission admission, void *user)
{
    if (server == NULL) {
        return GDWS_INVALID_PARAMETER;
    }
    server->admission = admission;
    server->admission_user = user;
    return GDWS_OK;
}

gdws_error gdws_server_set_max_peers(gdws_server *server, size_t peers)
{
    if (server == NULL) {
        return GDWS_INVALID_PARAMETER;
    }
    server->max_peers = peers;
    return GDWS_OK;
}

gdws_error gdws_server_set_max_peers_per_address(gdws_server *server, size_t peers)
{
    if (server == NULL) {
        return GDWS_INVALID_PARAMETER;
    }
    server->max_peers_per_address = peers;
    return GDWS_OK;
}

gdws_error gdws_server_set_max_request_size(gdws_server *server, size_t bytes)
{
    if (server == NULL) {
        return GDWS_INVALID_PARAMETER;
    }
    return gdwsi_config_set_request_size(&server->config, bytes);
}

gdws_error gdws_server_set_document_root(gdws_server *server, const char *directory)
{
    if (server == NULL) {
        return GDWS_INVALID_PARAMETER;
    }
    return gdwsi_config_set_document_root(&server->config, directory);
}

gdws_error gdws_server_set_cross_origin_isolation(gdws_server *server, bool enabled)
{
    if (server == NULL) {
        return GDWS_INVALID_PARAMETER;
    }
    server->config.is_cross_origin_isolated = enabled;
    return GDWS_OK;
}
