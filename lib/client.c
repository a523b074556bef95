/* SPDX-License-Identifier: MIT */
/* The client: resolves a name, tries its addresses one after the other, and signals what its link
 * has to say. Invariant: while connecting there is a lookup or a link, never both; the link stays
 * after the connection has ended, so that its packets can be read, until the next attempt. */
#include "client.h"

#include <stdio.h>
#include <string.h>

#include "mem.h"
#include "wire_tls.h"

static gdws_client *client_of_failure(gdwsi_task *task)
{
    return (gdws_client *)(void *)((char *)task - offsetof(gdws_client, failure));
}

static gdws_client *client_of_burial(gdwsi_task *task)
{
    return (gdws_client *)(void *)((char *)task - offsetof(gdws_client, burial));
}

/* Signals. A handler may free the client: it stays in memory until the poll is over. */

static void signal_connected(gdws_client *client)
{
    client->status = GDWS_CONNECTION_CONNECTED;
    client->connected_at = gdwsi_loop_now(client->loop);
    client->http_status = client->link->http_status;
    if (client->signals.connected_to_host != NULL) {
        client->signals.connected_to_host(
            client, gdws_peer_get_selected_protocol(&client->link->peer), client->signals.user);
    }
}

static void signal_error(gdws_client *client)
{
    if (client->signals.connection_error != NULL) {
        client->signals.connection_error(client, client->signals.user);
    }
}

static void signal_closed(gdws_client *client)
{
    bool was_clean = gdwsi_peer_was_clean(&client->link->peer);
    gdwsi_client_plan_after_end(client);
    unsigned plan = client->plans;
    if (client->signals.connection_closed != NULL) {
        client->signals.connection_closed(client, was_clean, client->signals.user);
    }
    gdwsi_client_announce(client, plan);
}

static void signal_event(gdws_client *client, gdwsi_peer_event event)
{
    const gdws_client_signals *signals = &client->signals;
    const gdws_peer *peer = &client->link->peer;
    switch (event) {
    case GDWSI_PEER_CONNECTED:
        signal_connected(client);
        break;
    case GDWSI_PEER_DATA:
        if (signals->data_received != NULL) {
            signals->data_received(client, signals->user);
        }
        break;
    case GDWSI_PEER_CLOSE_REQUEST:
        if (signals->server_close_request != NULL) {
            signals->server_close_request(client, peer->close_code, peer->close_reason,
                                          signals->user);
        }
        break;
    case GDWSI_PEER_DRAINED:
        if (signals->drained != NULL) {
            signals->drained(client, signals->user);
        }
        break;
    case GDWSI_PEER_DISCONNECTED:
        signal_closed(client);
        break;
    case GDWSI_PEER_NOTHING:
        break;
    }
}

static void destroy(gdws_client *client);

/* Deliver what a link has to say, until a handler frees the client or takes another link. */
static void deliver_events(gdws_client *client, const gdwsi_link *link)
{
    client->is_in_signal = true;
    while (!client->is_freed && client->link == link) {
        gdwsi_peer_event event = gdwsi_peer_next_event(&client->link->peer);
        if (event == GDWSI_PEER_NOTHING) {
            break;
        }
        signal_event(client, event);
    }
    client->is_in_signal = false;
    if (client->is_freed) {
        destroy(client);
    }
}

/* Connecting */

static void fail(gdws_client *client, gdws_error error, const char *subject, const char *reason)
{
    client->error = error;
    (void)snprintf(client->message, sizeof(client->message), "%.120s: %.120s", subject, reason);
    gdwsi_client_plan_after_error(client);
    gdwsi_loop_add_signal(client->loop, &client->failure);
}

static void deliver(void *owner, gdwsi_link *link);

static void release_link(gdws_client *client)
{
    if (client->link != NULL) {
        gdwsi_link *link = client->link;
        client->link = NULL;
        gdwsi_link_release(link);
    }
}

/* Try the next address. Each gets its share of the time that is left, for TCP alone. */
static void try_next_address(gdws_client *client)
{
    const char *address = client->addresses.items[client->next_address];
    size_t left = client->addresses.count - client->next_address;
    uint64_t now = gdwsi_loop_now(client->loop);
    uint64_t time_left = client->deadline > now ? client->deadline - now : 0;
    client->next_address++;
    release_link(client);
    client->link = gdwsi_link_new(client->loop, &client->config, true, client, deliver);
    if (client->link == NULL) {
        fail(client, GDWS_OUT_OF_MEMORY, client->url.authority, "out of memory");
        return;
    }
    client->link->connect_timeout_ms = (uint32_t)(time_left / left);
    client->link->handshake_deadline = client->deadline;
    client->link->peer.host = gdwsi_mem_copy_text(client->url.host, strlen(client->url.host));
    client->link->peer.url = gdwsi_mem_copy_text(client->url.text, strlen(client->url.text));
    client->link->peer.port = client->url.port;
    client->link->peer.id = 1;
    client->link->peer.taps = gdwsi_taps_for_peers(&client->taps);
    gdws_error error = GDWS_OUT_OF_MEMORY;
    if (client->link->peer.host != NULL && client->link->peer.url != NULL) {
        error = client->url.is_secure
                    ? gdwsi_wire_tls_start(client->link, client->tls_context, client->url.host)
                    : GDWS_OK;
    }
    if (error == GDWS_OK) {
        error = gdwsi_endpoint_connect(client->endpoint, client->link, &client->url, address);
    }
    if (error != GDWS_OK) {
        const char *known = client->link->message;
        fail(client, error, client->url.authority, known[0] != '\0' ? known : "out of memory");
        release_link(client);
    }
}

/* The connection could not be made: go on to the next address where that may help, or give up. A
 * server that has accepted and does not answer has had all the time there was. */
static void link_failed(gdws_client *client)
{
    gdws_error error = client->link->error;
    client->http_status = client->link->http_status;
    bool may_help =
        error == GDWS_CANT_CONNECT || (error == GDWS_TIMEOUT && !client->link->is_tcp_connected);
    if (may_help && client->next_address < client->addresses.count) {
        try_next_address(client);
        return;
    }
    fail(client, error, client->url.authority, client->link->message);
}

static void deliver(void *owner, gdwsi_link *link)
{
    gdws_client *client = owner;
    if (client->is_freed || client->link != link) {
        return;
    }
    if (!link->is_established) {
        if (link->error != GDWS_OK && client->status == GDWS_CONNECTION_CONNECTING &&
            !client->is_waiting) {
            link_failed(client);
        }
        return;
    }
    deliver_events(client, link);
}

static void run_failure(gdwsi_task *task)
{
    gdws_client *client = client_of_failure(task);
    unsigned plan = client->plans;
    client->is_in_signal = true;
    signal_error(client);
    gdwsi_client_announce(client, plan);
    client->is_in_signal = false;
    if (client->is_freed) {
        destroy(client);
    }
}

static void on_resolved(void *user, const gdwsi_addresses *addresses, const char *reason)
{
    gdws_client *client = user;
    client->lookup = NULL;
    (void)uv_timer_stop(client->timer);
    if (reason != NULL) {
        fail(client, GDWS_CANT_RESOLVE, client->url.host, reason);
        return;
    }
    client->addresses = *addresses;
    client->next_address = 0;
    try_next_address(client);
}

static void on_lookup_timeout(uv_timer_t *timer)
{
    gdws_client *client = timer->data;
    gdwsi_lookup_abandon(client->lookup);
    client->lookup = NULL;
    fail(client, GDWS_CANT_RESOLVE, client->url.host, "the name service does not answer");
}

/* What was left of the last connection goes, but for the URL. */
static void forget_attempt(gdws_client *client)
{
    gdwsi_client_cancel_plan(client);
    release_link(client);
    gdwsi_loop_remove(&client->failure);
    if (client->endpoint != NULL) {
        gdwsi_endpoint_release(client->endpoint);
        client->endpoint = NULL;
    }
    client->error = GDWS_OK;
    client->http_status = 0;
    client->message[0] = '\0';
}

static void forget_last(gdws_client *client)
{
    forget_attempt(client);
    gdwsi_url_clear(&client->url);
    client->backoff.attempts = 0;
    client->is_leaving = false;
}

/* Whether a connection_error is still to come that the program does not know of. */
static bool owes_error(const gdws_client *client)
{
    return client->failure.next != NULL && client->error != GDWS_SKIP;
}

bool gdwsi_client_is_busy(const gdws_client *client)
{
    return owes_error(client) ||
           (client->status != GDWS_CONNECTION_DISCONNECTED && !client->is_waiting) ||
           (client->link != NULL && gdwsi_peer_is_owed_disconnected(&client->link->peer));
}

/* Begin to connect to the URL. endpoint is the client's from here on. */
static gdws_error start(gdws_client *client, gdwsi_endpoint *endpoint)
{
    client->endpoint = endpoint;
    client->deadline = gdwsi_loop_now(client->loop) + client->config.handshake_timeout_ms;
    client->status = GDWS_CONNECTION_CONNECTING;
    if (gdwsi_addresses_parse(&client->addresses, client->url.host)) {
        client->next_address = 0;
        try_next_address(client);
        return GDWS_OK;
    }
    client->lookup = gdwsi_lookup_start(client->loop, client->url.host, on_resolved, client);
    if (client->lookup == NULL) {
        return GDWS_OUT_OF_MEMORY;
    }
    (void)uv_timer_start(client->timer, on_lookup_timeout, client->config.handshake_timeout_ms, 0);
    return GDWS_OK;
}

/* Get what an attempt needs. */
static gdws_error prepare(gdws_client *client, bool is_secure, gdwsi_endpoint **endpoint,
                          const char **reason)
{
    gdws_error error = is_secure ? gdwsi_client_prepare_tls(client, reason) : GDWS_OK;
    if (error == GDWS_OK) {
        error = gdwsi_endpoint_get(client->loop, &client->config, true, endpoint);
        *reason = "out of memory";
    }
    return error;
}

void gdwsi_client_try_again(gdws_client *client)
{
    gdwsi_endpoint *endpoint = NULL;
    const char *reason = "";
    forget_attempt(client);
    gdws_error error = prepare(client, client->url.is_secure, &endpoint, &reason);
    if (error == GDWS_OK) {
        error = start(client, endpoint);
    }
    if (error != GDWS_OK) {
        fail(client, error, client->url.authority, reason);
    }
}

gdws_error gdws_client_connect_to_url(gdws_client *client, const char *url)
{
    gdwsi_url parsed;
    gdwsi_endpoint *endpoint = NULL;
    const char *reason = "";
    if (client == NULL || url == NULL) {
        return GDWS_INVALID_PARAMETER;
    }
    if (client->is_freed) {
        return GDWS_UNAVAILABLE;
    }
    if (gdwsi_client_is_busy(client)) {
        return GDWS_ALREADY_IN_USE;
    }
    gdws_error error = gdwsi_url_parse(&parsed, url, &reason);
    if (error == GDWS_OK) {
        error = prepare(client, parsed.is_secure, &endpoint, &reason);
    }
    if (error != GDWS_OK) {
        gdwsi_url_clear(&parsed);
        client->error = error;
        (void)snprintf(client->message, sizeof(client->message), "%.60s: %.120s", url, reason);
        return error;
    }
    forget_last(client);
    client->url = parsed;
    gdwsi_loop_update_time(client->loop);
    error = start(client, endpoint);
    if (error != GDWS_OK) {
        client->status = GDWS_CONNECTION_DISCONNECTED;
        client->error = error;
        (void)snprintf(client->message, sizeof(client->message), "%.120s: out of memory",
                       client->url.authority);
    }
    return error;
}

/* Close the connection. When the other side is closing it already there is nothing to send, but
 * no attempt follows. */
static gdws_error close_link(gdws_client *client, int code, const char *reason)
{
    if (client->link == NULL) {
        return GDWS_UNAVAILABLE;
    }
    gdws_error error = gdws_peer_close(&client->link->peer, code, reason);
    if (error == GDWS_UNAVAILABLE && client->backoff.first_delay_ms > 0 && !client->is_leaving &&
        gdwsi_peer_is_owed_disconnected(&client->link->peer)) {
        client->is_leaving = true;
        error = GDWS_OK;
    }
    return error;
}

/* The attempt that was announced is over before it has begun; one that was not needs no word. */
static gdws_error stop_waiting(gdws_client *client)
{
    bool was_announced = client->is_announced;
    gdwsi_client_cancel_plan(client);
    client->status = GDWS_CONNECTION_DISCONNECTED;
    if (was_announced) {
        fail(client, GDWS_SKIP, client->url.authority, "given up by disconnect_from_host");
    }
    return GDWS_OK;
}

gdws_error gdws_client_disconnect_from_host(gdws_client *client, int code, const char *reason)
{
    if (client == NULL || gdwsi_peer_check_close(code, reason) != GDWS_OK) {
        return GDWS_INVALID_PARAMETER;
    }
    if (client->status != GDWS_CONNECTION_CONNECTING) {
        return close_link(client, code, reason);
    }
    if (client->is_waiting) {
        return stop_waiting(client);
    }
    if (client->link != NULL && client->link->is_established) {
        /* Open, but not yet signalled; the server may be closing it already. */
        return close_link(client, code, reason);
    }
    gdwsi_lookup_abandon(client->lookup);
    client->lookup = NULL;
    (void)uv_timer_stop(client->timer);
    release_link(client);
    fail(client, GDWS_SKIP, client->url.authority, "given up by disconnect_from_host");
    return GDWS_OK;
}

/* Life */

static void run_burial(gdwsi_task *task)
{
    gdws_client *client = client_of_burial(task);
    gdwsi_config_clear(&client->config);
    gdwsi_client_clear_tls(client);
    gdwsi_mem_free(client);
}

static void free_timer(uv_handle_t *timer)
{
    gdwsi_mem_free(timer);
}

gdws_client *gdws_client_new(gdws_loop *loop)
{
    gdws_client *client = gdwsi_mem_calloc(1, sizeof(*client));
    uv_timer_t *timer = gdwsi_mem_calloc(1, sizeof(*timer));
    if (client == NULL || timer == NULL) {
        goto fail;
    }
    if (loop != NULL) {
        gdwsi_loop_retain(loop);
    } else {
        loop = gdws_loop_new();
    }
    if (loop == NULL) {
        goto fail;
    }
    client->loop = loop;
    client->timer = timer;
    (void)uv_timer_init(&loop->uv, timer);
    timer->data = client;
    client->failure.run = run_failure;
    client->burial.run = run_burial;
    gdwsi_config_init_client(&client->config);
    gdwsi_backoff_init(&client->backoff);
    return client;

fail:
    gdwsi_mem_free(timer);
    gdwsi_mem_free(client);
    return NULL;
}

/* What the program is still owed comes inside of free, also where that is called in a signal: then
 * it may free what its signals use. */
static void say_goodbye(gdws_client *client)
{
    gdws_loop *loop = client->loop;
    if (client->link != NULL) {
        gdwsi_peer_event event;
        bool was_polling = loop->is_polling;
        gdwsi_link_shut(client->link, 1000);
        loop->is_polling = true; /* for handlers this is a signal like any other */
        do {
            event = gdwsi_peer_next_event(&client->link->peer);
            if (event == GDWSI_PEER_CONNECTED || event == GDWSI_PEER_DISCONNECTED) {
                signal_event(client, event);
            }
        } while (event != GDWSI_PEER_NOTHING);
        loop->is_polling = was_polling;
        client->link->peer.taps = NULL;
    }
    gdwsi_taps_clear(&client->taps);
}

static void destroy(gdws_client *client)
{
    gdws_loop *loop = client->loop;
    gdwsi_lookup_abandon(client->lookup);
    client->lookup = NULL;
    forget_last(client);
    uv_close((uv_handle_t *)client->timer, free_timer);
    gdwsi_loop_touch(loop);
    gdwsi_loop_add_burial(loop, &client->burial);
    gdwsi_loop_release(loop);
}

void gdws_client_free(gdws_client *client)
{
    if (client == NULL || client->is_freed) {
        return;
    }
    client->is_freed = true;
    say_goodbye(client);
    if (!client->is_in_signal) {
        destroy(client);
    }
}
