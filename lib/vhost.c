/* SPDX-License-Identifier: MIT */
/* Peers on vhosts of a program that runs libwebsockets itself, and a loop that lives in its
 * context: the loop's descriptor is watched there, its next timer is one of libwebsockets', and
 * what comes up between its polls is done at the beginning of the context's next pass.
 *
 * Who keeps whom: a server has a place, which entries of tables point to; each vhost that has such
 * an entry has a seat there, until libwebsockets says that the vhost goes. The server and each
 * entry of a vhost keep the place; the place, and each link that has a wsi of the context, keep the
 * loop. A link's last event is CLOSED (WSI_DESTROY goes to the first entry of the table alone). */
#include "gdws/lws.h"

#include <string.h>

#include <fcntl.h>
#include <libwebsockets.h>

#include "listener.h"
#include "log.h"
#include "mem.h"
#include "server.h"
#include "wsrole.h"
#include "wsrole_server.h"

/* As soon as possible, which is not at once. */
#define SOON_US 1

/* One call of the system. */
#define WRITE_MAX ((size_t)1 << 20)

typedef struct place {
    gdws_server *server; /* NULL once it has gone */
    gdws_loop *loop;
    size_t references;
} place;

typedef struct seat {
    struct seat *next;
    place *at;
    struct lws_vhost *vhost;
    size_t entries; /* of its table that point to the place */
} seat;

/* What drives a loop in a context: the loop's host while there are seats. */
typedef struct driver {
    gdws_loop *loop;
    struct lws_context *context;
    lws_sorted_usec_list_t timer;
    seat *seats;
    unsigned inside; /* calls from libwebsockets in which it is used */
    bool is_due;     /* the timer is set for as soon as possible */
} driver;

/* Driving */

static void enter(driver *driving)
{
    driving->inside++;
    if (!driving->loop->is_polling) {
        gdwsi_loop_update_time(driving->loop);
    }
}

/* Frees the driver when it has no seats any more. */
static void leave(driver *driving)
{
    driving->inside--;
    if (driving->inside == 0 && driving->seats == NULL) {
        gdws_loop *loop = driving->loop;
        loop->driver = NULL;
        loop->stir = NULL;
        lws_sul_cancel(&driving->timer);
        gdwsi_mem_free(driving);
        gdwsi_loop_release(loop);
    }
}

static void on_timer(lws_sorted_usec_list_t *timer);

/* Poll the loop, and see to it that it is polled again when it wants to be. */
static void drive(driver *driving)
{
    gdws_loop *loop = driving->loop;
    driving->is_due = false;
    if (gdws_loop_poll(loop) != GDWS_OK || driving->seats == NULL) {
        return;
    }
    int timeout_ms = gdws_loop_get_timeout_ms(loop);
    if (timeout_ms < 0) {
        lws_sul_cancel(&driving->timer);
        return;
    }
    driving->is_due = timeout_ms == 0;
    lws_sul_schedule(driving->context, 0, &driving->timer, on_timer,
                     timeout_ms > 0 ? (lws_usec_t)timeout_ms * 1000 : SOON_US);
}

static void on_timer(lws_sorted_usec_list_t *timer)
{
    driver *driving = (driver *)(void *)((char *)timer - offsetof(driver, timer));
    enter(driving);
    drive(driving);
    leave(driving);
}

/* The loop's stir. Within libwebsockets' own events the timer is enough; otherwise its loop may be
 * asleep. */
static void stir(gdws_loop *loop)
{
    driver *driving = loop->driver;
    if (driving->is_due) {
        return;
    }
    driving->is_due = true;
    lws_sul_schedule(driving->context, 0, &driving->timer, on_timer, SOON_US);
    if (driving->inside == 0) {
        lws_cancel_service(driving->context);
    }
}

/* Places and seats */

static void release_place(place *at)
{
    gdws_loop *loop = at->loop;
    at->references--;
    if (at->references == 0) {
        gdwsi_mem_free(at);
        gdwsi_loop_release(loop);
    }
}

static seat *find_seat(const driver *driving, const place *at, const struct lws_vhost *vhost)
{
    seat *found = driving->seats;
    while (found != NULL && (found->at != at || found->vhost != vhost)) {
        found = found->next;
    }
    return found;
}

/* What drives the place's loop in this context; NULL when nothing does. */
static driver *get_host(const place *at, const struct lws *wsi)
{
    driver *driving = at->loop->driver;
    return driving != NULL && driving->context == lws_get_context(wsi) ? driving : NULL;
}

static driver *get_driver(gdws_loop *loop, struct lws_context *context)
{
    driver *driving = loop->driver;
    if (driving != NULL && driving->context != context) {
        gdwsi_log_write(GDWS_LOG_ERROR, "a loop cannot live in two libwebsockets contexts");
        return NULL;
    }
    if (driving == NULL) {
        driving = gdwsi_mem_calloc(1, sizeof(*driving));
    }
    if (driving != NULL && driving->loop == NULL) {
        driving->loop = loop;
        driving->context = context;
        loop->driver = driving;
        loop->stir = stir;
        gdwsi_loop_retain(loop);
    }
    return driving;
}

/* Have the vhost watch the loop's descriptor, for what is not a peer on a vhost: wakeups, clients,
 * connections that were accepted elsewhere. libwebsockets closes what it watches. */
static bool watch(const driver *driving, struct lws_vhost *vhost, const char *name)
{
    lws_sock_file_fd_type descriptor;
    descriptor.filefd = fcntl(uv_backend_fd(&driving->loop->uv), F_DUPFD_CLOEXEC, 0);
    return descriptor.filefd >= 0 && lws_adopt_descriptor_vhost(vhost, LWS_ADOPT_RAW_FILE_DESC,
                                                                descriptor, name, NULL) != NULL;
}

static seat *take_seat(driver *driving, place *at, struct lws_vhost *vhost, const char *name)
{
    seat *taken = gdwsi_mem_calloc(1, sizeof(*taken));
    if (taken == NULL || !watch(driving, vhost, name)) {
        gdwsi_mem_free(taken);
        return NULL;
    }
    taken->at = at;
    taken->vhost = vhost;
    taken->next = driving->seats;
    driving->seats = taken;
    return taken;
}

/* A vhost is being made. If it gets no seat it refuses: libwebsockets 4.1 does not survive it when
 * a protocol says that it could not begin. */
static void sit_down(place *at, struct lws *wsi)
{
    struct lws_vhost *vhost = lws_get_vhost(wsi);
    driver *driving = get_driver(at->loop, lws_get_context(wsi));
    at->references++;
    if (driving == NULL) {
        return;
    }
    enter(driving);
    seat *taken = find_seat(driving, at, vhost);
    if (taken == NULL) {
        taken = take_seat(driving, at, vhost, lws_get_protocol(wsi)->name);
    }
    if (taken != NULL) {
        taken->entries++;
        gdwsi_loop_touch(driving->loop);
    } else {
        gdwsi_log_write(GDWS_LOG_ERROR, "no memory or no descriptor for a vhost: it refuses");
    }
    leave(driving);
}

/* A vhost has closed its connections and goes. What is owed to the program is delivered now: nobody
 * may drive the loop any more afterwards. */
static void stand_up(place *at, struct lws *wsi)
{
    driver *driving = get_host(at, wsi);
    seat *left = driving != NULL ? find_seat(driving, at, lws_get_vhost(wsi)) : NULL;
    if (left != NULL) {
        left->entries--;
    }
    if (left != NULL && left->entries == 0) {
        enter(driving);
        drive(driving);
        seat **link = &driving->seats;
        while (*link != left) {
            link = &(*link)->next;
        }
        *link = left->next;
        gdwsi_mem_free(left);
        leave(driving);
    }
    release_place(at);
}

/* Peers */

/* A request for a WebSocket has come for our entry. Returns what libwebsockets is told. */
static int filter(const driver *driving, const place *at, struct lws *wsi, void *user)
{
    char host[GDWSI_LISTENER_TEXT] = "";
    uint16_t port = 0;
    gdws_server *server = at->server;
    gdws_loop *loop = at->loop;
    if (server == NULL || server->is_freed || find_seat(driving, at, lws_get_vhost(wsi)) == NULL) {
        gdwsi_log_write(GDWS_LOG_INFO, "the vhost of a request for a WebSocket has no server");
        return -1;
    }
    if (lws_get_network_wsi(wsi) != wsi) {
        gdwsi_log_write(GDWS_LOG_WARNING, "a WebSocket over HTTP/2 is refused");
        return -1;
    }
    (void)gdwsi_listener_ask_origin(lws_get_socket_fd(wsi), host, &port);
    gdwsi_link *link = gdwsi_server_add_link(server, host, port);
    if (link == NULL) {
        return -1;
    }
    link->transport = &gdwsi_wsrole_bulk_transport;
    /* The program is asked now, and may not poll meanwhile, as everywhere in a signal. */
    bool was_polling = loop->is_polling;
    loop->is_polling = true;
    int status = gdwsi_wsrole_filter(link, wsi, lws_get_protocol(wsi)->name);
    loop->is_polling = was_polling;
    gdwsi_loop_touch(loop);
    if (status != 0) {
        if (link->owner != NULL) {
            gdwsi_server_release_link(server, link);
        }
        return -1;
    }
    *(gdwsi_link **)user = link;
    gdwsi_loop_retain(loop);
    gdwsi_link_start_handshake(link, wsi);
    return 0;
}

static int on_link_event(gdwsi_link *link, struct lws *wsi, enum lws_callback_reasons reason,
                         void *user, void *in, size_t length)
{
    gdws_loop *loop = link->loop;
    switch (reason) {
    case LWS_CALLBACK_ADD_HEADERS:
        return gdwsi_wsrole_add_headers(link, wsi, in);
    case LWS_CALLBACK_ESTABLISHED:
        gdwsi_link_established(link);
        return 0;
    case LWS_CALLBACK_CLOSED:
        *(gdwsi_link **)user = NULL;
        gdwsi_link_destroyed(link);
        gdwsi_loop_release(loop);
        return 0;
    default:
        return gdwsi_wsrole_open_event(link, reason, in, length);
    }
}

/* Whether an event is one of a WebSocket, whose user data is ours then. The first entry of a table
 * gets events of others' connections, too. */
static bool is_of_link(enum lws_callback_reasons reason)
{
    switch (reason) {
    case LWS_CALLBACK_ADD_HEADERS:
    case LWS_CALLBACK_ESTABLISHED:
    case LWS_CALLBACK_RECEIVE:
    case LWS_CALLBACK_RECEIVE_PONG:
    case LWS_CALLBACK_SERVER_WRITEABLE:
    case LWS_CALLBACK_WS_PEER_INITIATED_CLOSE:
    case LWS_CALLBACK_WS_SERVER_DROP_PROTOCOL:
    case LWS_CALLBACK_CLOSED:
        return true;
    default:
        return false;
    }
}

/* An event of a loop that a context drives. */
static int on_driven_event(place *at, struct lws *wsi, enum lws_callback_reasons reason, void *user,
                           void *in, size_t length)
{
    driver *driving = get_host(at, wsi);
    gdwsi_link *link = is_of_link(reason) && user != NULL ? *(gdwsi_link **)user : NULL;
    int result = 0;
    if (driving == NULL) {
        return -1;
    }
    enter(driving);
    if (reason == LWS_CALLBACK_FILTER_PROTOCOL_CONNECTION) {
        result = filter(driving, at, wsi, user);
    } else if (reason == LWS_CALLBACK_RAW_RX_FILE) {
        drive(driving);
    } else if (link != NULL) {
        result = on_link_event(link, wsi, reason, user, in, length);
    }
    leave(driving);
    return result;
}

static int on_event(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in,
                    size_t length)
{
    bool is_driven = is_of_link(reason) || reason == LWS_CALLBACK_FILTER_PROTOCOL_CONNECTION ||
                     reason == LWS_CALLBACK_RAW_RX_FILE;
    if (reason == LWS_CALLBACK_PROTOCOL_INIT) {
        sit_down(lws_get_protocol(wsi)->user, wsi);
        return 0;
    }
    if (reason == LWS_CALLBACK_PROTOCOL_DESTROY) {
        stand_up(lws_get_protocol(wsi)->user, wsi);
        return 0;
    }
    if (is_driven) {
        return on_driven_event(lws_get_protocol(wsi)->user, wsi, reason, user, in, length);
    }
    return lws_callback_http_dummy(wsi, reason, user, in, length);
}

/* For the program */

static void leave_place(gdws_server *server)
{
    place *at = server->place;
    server->place = NULL;
    server->leave = NULL;
    at->server = NULL;
    release_place(at);
}

gdws_error gdws_server_init_lws_protocol(gdws_server *server, const char *name,
                                         struct lws_protocols *protocol)
{
    if (server == NULL || protocol == NULL) {
        return GDWS_INVALID_PARAMETER;
    }
    memset(protocol, 0, sizeof(*protocol));
    if (server->is_freed) {
        return GDWS_UNAVAILABLE;
    }
    gdws_error error = gdwsi_config_check_protocol(name);
    if (error != GDWS_OK) {
        return error;
    }
    place *at = server->place;
    if (at == NULL) {
        at = gdwsi_mem_calloc(1, sizeof(*at));
        if (at == NULL) {
            return GDWS_OUT_OF_MEMORY;
        }
        at->server = server;
        at->loop = server->loop;
        at->references = 1;
        gdwsi_loop_retain(at->loop);
        server->place = at;
        server->leave = leave_place;
    }
    protocol->name = name;
    protocol->callback = on_event;
    protocol->per_session_data_size = sizeof(gdwsi_link *);
    protocol->rx_buffer_size = server->config.read_size_bytes;
    protocol->tx_packet_size = WRITE_MAX;
    protocol->user = at;
    return GDWS_OK;
}
