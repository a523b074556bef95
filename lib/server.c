/* SPDX-License-Identifier: MIT */
/* The server: accepts, gives ids, delivers its peers' signals, and broadcasts. Invariants: a link
 * is on the list of links from its acceptance until its disconnection has been signalled; it is in
 * the table of peers exactly between the two signals connected and disconnected. */
#include "server.h"

#include <string.h>
#include <unistd.h>

#include "mem.h"
#include "outq.h"
#include "random.h"
#include "utf8.h"
#include "wire_tls.h"

#define GOING_AWAY 1001
#define NO_MEMORY 1011

/* The list of links, and the queue of those that were not taken */

static void list_add(gdws_server *server, gdwsi_link *link)
{
    link->next = server->links;
    link->previous = NULL;
    if (server->links != NULL) {
        server->links->previous = link;
    }
    server->links = link;
}

static void list_remove(gdws_server *server, gdwsi_link *link)
{
    if (link->previous != NULL) {
        link->previous->next = link->next;
    } else {
        server->links = link->next;
    }
    if (link->next != NULL) {
        link->next->previous = link->previous;
    }
}

static void untaken_add(gdws_server *server, gdwsi_link *link)
{
    link->is_untaken = true;
    link->next_untaken = NULL;
    link->previous_untaken = server->last_untaken;
    if (server->last_untaken != NULL) {
        server->last_untaken->next_untaken = link;
    } else {
        server->first_untaken = link;
    }
    server->last_untaken = link;
}

static void untaken_remove(gdws_server *server, gdwsi_link *link)
{
    if (!link->is_untaken) {
        return;
    }
    link->is_untaken = false;
    if (link->previous_untaken != NULL) {
        link->previous_untaken->next_untaken = link->next_untaken;
    } else {
        server->first_untaken = link->next_untaken;
    }
    if (link->next_untaken != NULL) {
        link->next_untaken->previous_untaken = link->previous_untaken;
    } else {
        server->last_untaken = link->previous_untaken;
    }
}

void gdwsi_server_release_link(gdws_server *server, gdwsi_link *link)
{
    untaken_remove(server, link);
    gdwsi_server_discount(server, link);
    if (link->id != 0) {
        gdwsi_peertable_remove(&server->peers, link);
    }
    list_remove(server, link);
    gdwsi_link_release(link);
}

/* Signals */

/* Give the link an id and a place among the peers. Returns false when that cannot be had. */
static bool enroll(gdws_server *server, gdwsi_link *link)
{
    int32_t id = link->peer.id;
    while (id == 0 || gdwsi_peertable_find(&server->peers, id) != NULL) {
        id = gdwsi_random_id();
        if (id == 0) {
            return false;
        }
    }
    link->peer.id = id;
    link->id = id;
    if (!gdwsi_peertable_add(&server->peers, link)) {
        link->id = 0;
        return false;
    }
    untaken_add(server, link);
    return true;
}

static void signal_connected(gdws_server *server, gdwsi_link *link)
{
    if (server->signals.client_connected != NULL) {
        server->signals.client_connected(
            server, link->id, gdws_peer_get_selected_protocol(&link->peer), server->signals.user);
    }
}

static void signal_disconnected(gdws_server *server, gdwsi_link *link)
{
    if (server->signals.client_disconnected != NULL) {
        server->signals.client_disconnected(server, link->id, gdwsi_peer_was_clean(&link->peer),
                                            server->signals.user);
    }
}

/* Signal one event. Returns false when it was the link's last. */
static bool signal_event(gdws_server *server, gdwsi_link *link, gdwsi_peer_event event)
{
    const gdws_server_signals *signals = &server->signals;
    switch (event) {
    case GDWSI_PEER_CONNECTED:
        if (!enroll(server, link)) {
            gdwsi_link_shut(link, NO_MEMORY);
            return false;
        }
        server->current_id = link->id;
        signal_connected(server, link);
        break;
    case GDWSI_PEER_DATA:
        if (signals->data_received != NULL) {
            signals->data_received(server, link->id, signals->user);
        }
        break;
    case GDWSI_PEER_CLOSE_REQUEST:
        if (signals->client_close_request != NULL) {
            signals->client_close_request(server, link->id, link->peer.close_code,
                                          link->peer.close_reason, signals->user);
        }
        break;
    case GDWSI_PEER_DRAINED:
        if (signals->drained != NULL) {
            signals->drained(server, link->id, signals->user);
        }
        break;
    case GDWSI_PEER_DISCONNECTED:
        signal_disconnected(server, link);
        return false;
    case GDWSI_PEER_NOTHING:
        break;
    }
    return true;
}

static void deliver_events(gdws_server *server, gdwsi_link *link)
{
    bool is_there = true;
    server->is_in_signal = true;
    while (is_there && !server->is_freed) {
        gdwsi_peer_event event = gdwsi_peer_next_event(&link->peer);
        if (event == GDWSI_PEER_NOTHING) {
            break;
        }
        server->current_id = link->id;
        is_there = signal_event(server, link, event);
    }
    server->current_id = 0;
    server->is_in_signal = false;
    if (server->is_freed) {
        gdwsi_server_destroy(server); /* its links have gone */
    } else if (!is_there) {
        gdwsi_server_release_link(server, link);
    }
}

static void deliver(void *owner, gdwsi_link *link)
{
    gdws_server *server = owner;
    if (link->is_established) {
        deliver_events(server, link);
    } else if (link->error != GDWS_OK) {
        gdwsi_server_release_link(server, link);
    }
}

/* Listening */

gdwsi_link *gdwsi_server_add_link(gdws_server *server, const char *host, uint16_t port)
{
    gdwsi_link *link = gdwsi_link_new(server->loop, &server->config, false, server, deliver);
    if (link == NULL) {
        return NULL;
    }
    list_add(server, link);
    link->peer.port = port;
    link->peer.taps = gdwsi_taps_for_peers(&server->taps);
    link->peer.host = gdwsi_mem_copy_text(host, strlen(host));
    if (link->peer.host == NULL) {
        gdwsi_server_release_link(server, link);
        return NULL;
    }
    return link;
}

static void on_accepted(void *user, int descriptor, const char *host, uint16_t port)
{
    gdws_server *server = user;
    gdwsi_link *link = gdwsi_server_add_link(server, host, port);
    if (link == NULL) {
        (void)close(descriptor);
        return;
    }
    if (server->tls_context != NULL &&
        gdwsi_wire_tls_start(link, server->tls_context, NULL) != GDWS_OK) {
        (void)close(descriptor);
        gdwsi_server_release_link(server, link);
        return;
    }
    if (gdwsi_endpoint_adopt(server->endpoint, link, descriptor) != GDWS_OK) {
        gdwsi_server_release_link(server, link);
    }
}

bool gdwsi_server_is_open(const gdws_server *server)
{
    return server->listener != NULL || server->adopting != NULL;
}

gdws_error gdwsi_server_check_idle(const gdws_server *server)
{
    if (server == NULL) {
        return GDWS_INVALID_PARAMETER;
    }
    return gdwsi_server_is_open(server) || server->place != NULL ? GDWS_ALREADY_IN_USE : GDWS_OK;
}

gdws_error gdws_server_listen(gdws_server *server, uint16_t port)
{
    gdwsi_endpoint *endpoint = NULL;
    gdwsi_listener *listener = NULL;
    if (server == NULL) {
        return GDWS_INVALID_PARAMETER;
    }
    if (server->is_freed) {
        return GDWS_UNAVAILABLE;
    }
    if (server->listener != NULL) {
        return GDWS_ALREADY_IN_USE;
    }
    gdws_error error = GDWS_OK;
    if (!gdwsi_server_is_open(server)) {
        error = gdwsi_server_prepare_tls(server);
    }
    if (error == GDWS_OK) {
        error = gdwsi_endpoint_get(server->loop, &server->config, false, &endpoint);
    }
    if (error != GDWS_OK) {
        return error;
    }
    error = gdwsi_listener_start(server->loop, &server->listening, port, on_accepted, server,
                                 &listener);
    if (error != GDWS_OK) {
        gdwsi_endpoint_release(endpoint);
        return error;
    }
    server->endpoint = endpoint;
    server->listener = listener;
    return GDWS_OK;
}

static void release_endpoint(gdwsi_endpoint **endpoint)
{
    if (*endpoint != NULL) {
        gdwsi_endpoint_release(*endpoint);
        *endpoint = NULL;
    }
}

void gdws_server_stop(gdws_server *server)
{
    if (server == NULL || (!gdwsi_server_is_open(server) && server->place == NULL)) {
        return;
    }
    gdwsi_listener_stop(server->listener);
    server->listener = NULL;
    release_endpoint(&server->endpoint);
    release_endpoint(&server->adopting);
    gdwsi_link *link = server->links;
    while (link != NULL) {
        gdwsi_link *next = link->next;
        if (link->is_established) {
            gdwsi_link_shut(link, GOING_AWAY);
        } else {
            gdwsi_server_release_link(server, link);
        }
        link = next;
    }
}

/* Peers */

size_t gdws_server_get_peer_list(const gdws_server *server, int32_t *ids, size_t capacity)
{
    if (server == NULL) {
        return 0;
    }
    return gdwsi_peertable_list(&server->peers, ids, ids != NULL ? capacity : 0);
}

int32_t gdws_server_take_connection(gdws_server *server)
{
    if (server == NULL || server->first_untaken == NULL) {
        return 0;
    }
    int32_t id = server->first_untaken->id;
    untaken_remove(server, server->first_untaken);
    return id;
}

/* A message for all. */
typedef struct announcement {
    const void *message;
    size_t length;
    gdws_write_mode mode;
    int32_t except_id;
    gdwsi_outq encoded;
} announcement;

static gdws_error put_to(gdws_peer *peer, const announcement *news)
{
    /* What is compressed refers to what this peer was sent before. */
    if (peer->deflate != NULL) {
        return gdws_peer_send(peer, news->message, news->length, news->mode);
    }
    uint8_t *bytes;
    size_t length = gdwsi_outq_peek(&news->encoded, &bytes);
    gdws_error error = gdwsi_peer_put_encoded(peer, bytes, length);
    if (error == GDWS_OK) {
        gdwsi_peer_note_sent(peer, news->message, news->length, news->mode == GDWS_WRITE_MODE_TEXT);
    }
    return error;
}

/* Queue it for all open peers but one. Returns how many had no room. */
static size_t put_to_all(gdws_server *server, const announcement *news)
{
    size_t refused = 0;
    for (gdwsi_link *link = server->links; link != NULL; link = link->next) {
        if (link->id == 0 || link->id == news->except_id || link->peer.state != GDWS_STATE_OPEN) {
            continue;
        }
        if (put_to(&link->peer, news) != GDWS_OK) {
            refused++;
        }
    }
    return refused;
}

gdws_error gdws_server_broadcast(gdws_server *server, const void *message, size_t length,
                                 gdws_write_mode mode, int32_t except_id, size_t *refused)
{
    bool is_text = mode == GDWS_WRITE_MODE_TEXT;
    announcement all = {.message = message, .length = length, .mode = mode, .except_id = except_id};
    size_t count = 0;
    if (refused != NULL) {
        *refused = 0;
    }
    if (server == NULL || (message == NULL && length > 0) ||
        (!is_text && mode != GDWS_WRITE_MODE_BINARY)) {
        return GDWS_INVALID_PARAMETER;
    }
    if (is_text && !gdwsi_utf8_is_valid(message, length)) {
        return GDWS_INVALID_DATA;
    }
    gdwsi_outq_init(&all.encoded, &server->loop->pool);
    gdws_error error = gdwsi_outq_put_message(
        &all.encoded, gdwsi_frame_of_message(is_text, length, false), message);
    if (error == GDWS_OK) {
        count = put_to_all(server, &all);
        error = count > 0 ? GDWS_OUT_OF_MEMORY : GDWS_OK;
    }
    gdwsi_outq_clear(&all.encoded);
    if (refused != NULL) {
        *refused = count;
    }
    return error;
}

/* Life */

static void run_burial(gdwsi_task *task)
{
    gdws_server *server = (gdws_server *)(void *)((char *)task - offsetof(gdws_server, burial));
    gdwsi_config_clear(&server->config);
    gdwsi_server_clear_tls(server);
    gdwsi_mem_free(server);
}

gdws_server *gdws_server_new(gdws_loop *loop)
{
    gdws_server *server = gdwsi_mem_calloc(1, sizeof(*server));
    if (server == NULL) {
        return NULL;
    }
    if (loop != NULL) {
        gdwsi_loop_retain(loop);
    } else {
        loop = gdws_loop_new();
    }
    if (loop == NULL) {
        gdwsi_mem_free(server);
        return NULL;
    }
    server->loop = loop;
    server->burial.run = run_burial;
    gdwsi_listener_init_options(&server->listening);
    gdwsi_config_init_server(&server->config);
    server->config.admit = gdwsi_server_admit;
    return server;
}

/* The disconnections that are owed come here, inside of free, also where that is called in a
 * signal: then the program may free what its signals use. A handler may call anything but change
 * nothing. */
static void say_goodbye(gdws_server *server)
{
    gdws_loop *loop = server->loop;
    bool was_polling = loop->is_polling;
    bool was_in_signal = server->is_in_signal;
    gdws_server_stop(server);
    if (server->leave != NULL) {
        server->leave(server);
    }
    server->is_in_signal = true;
    loop->is_polling = true; /* for handlers this is a signal like any other */
    while (server->links != NULL) {
        gdwsi_link *link = server->links;
        bool is_connected = link->id != 0 && gdwsi_peer_is_owed_disconnected(&link->peer);
        if (is_connected) {
            link->peer.owes_disconnected = false;
            server->current_id = link->id;
            signal_disconnected(server, link);
        }
        gdwsi_server_release_link(server, link);
    }
    loop->is_polling = was_polling;
    server->is_in_signal = was_in_signal;
    server->current_id = 0;
    gdwsi_taps_clear(&server->taps);
}

void gdwsi_server_destroy(gdws_server *server)
{
    gdws_loop *loop = server->loop;
    gdwsi_loop_touch(loop);
    gdwsi_peertable_clear(&server->peers);
    gdwsi_tally_clear(&server->tally);
    gdwsi_loop_add_burial(loop, &server->burial);
    gdwsi_loop_release(loop);
}

void gdws_server_free(gdws_server *server)
{
    if (server == NULL || server->is_freed) {
        return;
    }
    server->is_freed = true;
    say_goodbye(server);
    if (!server->is_in_signal) {
        gdwsi_server_destroy(server);
    }
}
