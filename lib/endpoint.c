/* SPDX-License-Identifier: MIT */
/* Vhosts, and how connections get to them. libwebsockets wants a vhost for each way to treat a
 * connection: one for all whose bytes we frame ourselves, and those of its own ws role, which are
 * apart for servers and clients and by the size of a read. Knows no queues and no signals. */
#include "endpoint.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <fcntl.h>
#include <sys/epoll.h>

#include <libwebsockets.h>

#include "admission.h"
#include "context.h"
#include "log.h"
#include "mem.h"
#include "wire.h"
#include "wire_opening.h"
#include "wsrole.h"

typedef enum endpoint_kind { KIND_WIRE, KIND_SERVER, KIND_CLIENT } endpoint_kind;

struct gdwsi_endpoint {
    gdwsi_endpoint *next;
    gdws_loop *loop;
    struct lws_vhost *vhost;
    struct lws_protocols protocols[2];
    char protocol_name[GDWSI_ADMISSION_PROTOCOL_MAX + 1];
    endpoint_kind kind;
    size_t read_size;
    size_t references;
    gdwsi_task burial;
};

/* Life */

static void bury(gdwsi_task *task)
{
    gdwsi_endpoint *endpoint =
        (gdwsi_endpoint *)(void *)((char *)task - offsetof(gdwsi_endpoint, burial));
    if (endpoint->references > 0) {
        return;
    }
    gdwsi_endpoint **place = (gdwsi_endpoint **)&endpoint->loop->endpoints;
    while (*place != endpoint) {
        place = &(*place)->next;
    }
    *place = endpoint->next;
    if (endpoint->loop->context != NULL) {
        lws_vhost_destroy(endpoint->vhost);
        gdwsi_loop_touch(endpoint->loop);
    }
    gdwsi_mem_free(endpoint);
}

static gdwsi_endpoint *find(gdws_loop *loop, endpoint_kind kind, size_t read_size)
{
    gdwsi_endpoint *endpoint = loop->endpoints;
    while (endpoint != NULL &&
           (endpoint->kind != kind || (kind == KIND_CLIENT && endpoint->read_size != read_size))) {
        endpoint = endpoint->next;
    }
    return endpoint;
}

/* libwebsockets 4.1 uses the last part of a vhost whether it has got the memory for it or not. */
#define VHOST_BYTES ((size_t)16 << 10)

static struct lws_vhost *make_vhost(gdwsi_endpoint *endpoint)
{
    static const char *const names[] = {"gdws", "gdws server", "gdws client"};
    static const lws_retry_bo_t no_validity_checks = {0};
    struct lws_protocols *protocol = &endpoint->protocols[0];
    memcpy(endpoint->protocol_name, "gdws", sizeof("gdws"));
    protocol->name = endpoint->protocol_name;
    protocol->user = endpoint->protocol_name;
    protocol->callback = endpoint->kind == KIND_WIRE ? gdwsi_wire_event : gdwsi_wsrole_event;
    protocol->per_session_data_size = endpoint->kind == KIND_WIRE ? 0 : sizeof(void *);
    protocol->rx_buffer_size = endpoint->read_size;
    protocol->tx_packet_size = 1u << 20;

    struct lws_context_creation_info info;
    memset(&info, 0, sizeof(info));
    info.vhost_name = names[endpoint->kind];
    info.port =
        endpoint->kind == KIND_CLIENT ? CONTEXT_PORT_NO_LISTEN : CONTEXT_PORT_NO_LISTEN_SERVER;
    info.protocols = endpoint->protocols;
    info.http_proxy_address = "";
    info.retry_and_idle_policy = &no_validity_checks;
    return gdwsi_mem_has_room(VHOST_BYTES) ? lws_create_vhost(endpoint->loop->context, &info)
                                           : NULL;
}

static gdwsi_endpoint *make(gdws_loop *loop, endpoint_kind kind, size_t read_size)
{
    gdwsi_endpoint *endpoint = gdwsi_mem_calloc(1, sizeof(*endpoint));
    if (endpoint == NULL) {
        return NULL;
    }
    endpoint->loop = loop;
    endpoint->kind = kind;
    endpoint->read_size = read_size;
    endpoint->burial.run = bury;
    endpoint->vhost = make_vhost(endpoint);
    if (endpoint->vhost == NULL) {
        gdwsi_mem_free(endpoint);
        return NULL;
    }
    endpoint->next = loop->endpoints;
    loop->endpoints = endpoint;
    return endpoint;
}

static gdws_error get(gdws_loop *loop, endpoint_kind kind, size_t read_size,
                      gdwsi_endpoint **endpoint)
{
    *endpoint = find(loop, kind, read_size);
    if (*endpoint != NULL && kind == KIND_SERVER && (*endpoint)->read_size != read_size) {
        *endpoint = NULL;
        return GDWS_INVALID_PARAMETER;
    }
    if (*endpoint == NULL) {
        *endpoint = make(loop, kind, read_size);
    }
    if (*endpoint == NULL) {
        return GDWS_OUT_OF_MEMORY;
    }
    (*endpoint)->references++;
    return GDWS_OK;
}

gdws_error gdwsi_endpoint_get(gdws_loop *loop, const gdwsi_config *config, bool is_client,
                              gdwsi_endpoint **endpoint)
{
    endpoint_kind kind = KIND_WIRE;
    if (config->writes_frames_singly) {
        kind = is_client ? KIND_CLIENT : KIND_SERVER;
    }
    return get(loop, kind, config->read_size_bytes, endpoint);
}

gdws_error gdwsi_endpoint_get_wire(gdws_loop *loop, const gdwsi_config *config,
                                   gdwsi_endpoint **endpoint)
{
    return get(loop, KIND_WIRE, config->read_size_bytes, endpoint);
}

void gdwsi_endpoint_release(gdwsi_endpoint *endpoint)
{
    endpoint->references--;
    if (endpoint->references == 0) {
        gdwsi_loop_add_burial(endpoint->loop, &endpoint->burial);
    }
}

static void release_of(gdwsi_link *link)
{
    gdwsi_endpoint_release(link->endpoint);
}

static void bind_link(gdwsi_endpoint *endpoint, gdwsi_link *link)
{
    endpoint->references++;
    link->endpoint = endpoint;
    link->gone = release_of;
    link->transport = endpoint->kind == KIND_WIRE ? &gdwsi_wire_transport : &gdwsi_wsrole_transport;
}

/* libwebsockets sizes its table by the limit that the process has when the context is made. A
 * descriptor beyond it is not only refused: what was made for it never goes, and neither would the
 * context. So it must not see one. */
static bool has_room(const gdws_loop *loop, int descriptor)
{
    if (descriptor >= loop->descriptors) {
        gdwsi_log_write(GDWS_LOG_WARNING,
                        "a connection is refused: the loop was made for %d descriptors, raise the "
                        "limit before it is made",
                        loop->descriptors);
    }
    return descriptor < loop->descriptors;
}

/* Whether libwebsockets will take the descriptor that a new socket gets. Where there is none, it
 * finds that out by itself. */
static bool has_room_for_next(const gdws_loop *loop)
{
    int next = fcntl(uv_backend_fd(&loop->uv), F_DUPFD_CLOEXEC, 0);
    if (next < 0) {
        return true;
    }
    (void)close(next);
    return has_room(loop, next);
}

/* libwebsockets takes it for granted that libuv can watch a descriptor, and uses a handle that was
 * never made where it cannot: when the system has no more watches (fs.epoll.max_user_watches), or
 * no memory. So that is tried before. */
static bool is_watchable(const gdws_loop *loop, int descriptor)
{
    struct epoll_event trial = {.events = EPOLLIN, .data.fd = -1};
    int set = uv_backend_fd(&loop->uv);
    if (epoll_ctl(set, EPOLL_CTL_ADD, descriptor, &trial) != 0) {
        gdwsi_log_write(GDWS_LOG_WARNING, "a connection is refused: it cannot be watched: %s",
                        strerror(errno));
        return false;
    }
    (void)epoll_ctl(set, EPOLL_CTL_DEL, descriptor, &trial);
    return true;
}

gdws_error gdwsi_endpoint_adopt(gdwsi_endpoint *endpoint, gdwsi_link *link, int descriptor)
{
    lws_adopt_desc_t info;
    /* From here on the transport frees what the link has, TLS above all. */
    bind_link(endpoint, link);
    if (!has_room(endpoint->loop, descriptor) || !is_watchable(endpoint->loop, descriptor)) {
        (void)close(descriptor);
        return GDWS_CANT_ACQUIRE_RESOURCE;
    }
    memset(&info, 0, sizeof(info));
    info.vh = endpoint->vhost;
    /* As a file, libwebsockets leaves reading to us, too. */
    info.type = LWS_ADOPT_RAW_FILE_DESC;
    info.fd.filefd = descriptor;
    if (endpoint->kind != KIND_WIRE) {
        info.type = LWS_ADOPT_SOCKET | LWS_ADOPT_ALLOW_SSL | LWS_ADOPT_HTTP;
        info.fd.sockfd = descriptor;
    }
    info.opaque = link;
    struct lws *wsi = lws_adopt_descriptor_vhost_via_info(&info);
    if (wsi == NULL) {
        /* libwebsockets closes sockets that it does not take, but not files. */
        if (endpoint->kind == KIND_WIRE) {
            (void)close(descriptor);
        }
        return GDWS_OUT_OF_MEMORY;
    }
    gdwsi_context_note_new(&link->loop->uv, &link->loop->lost, wsi);
    gdwsi_link_start_handshake(link, wsi);
    return GDWS_OK;
}

/* The offered subprotocols as the header wants them. Returns NULL without memory. */
static char *join_protocols(const gdwsi_list *protocols)
{
    size_t size = 1;
    for (size_t i = 0; i < protocols->count; i++) {
        size += strlen(protocols->items[i]) + 2;
    }
    char *text = gdwsi_mem_calloc(1, size);
    size_t length = 0;
    for (size_t i = 0; text != NULL && i < protocols->count; i++) {
        length += (size_t)snprintf(text + length, size - length, "%s%s", i > 0 ? ", " : "",
                                   protocols->items[i]);
    }
    return text;
}

static void connect_with(struct lws_client_connect_info *info, gdwsi_link *link)
{
    struct lws *wsi = NULL;
    info->pwsi = &wsi;
    gdwsi_link_start_handshake(link, NULL);
    if (!has_room_for_next(link->loop)) {
        gdwsi_link_note_error(link, GDWS_CANT_ACQUIRE_RESOURCE,
                              "the loop was made for %d descriptors", link->loop->descriptors);
        gdwsi_link_ended(link);
        return;
    }
    if (lws_client_connect_via_info(info) == NULL) {
        wsi = NULL;
        gdwsi_link_note_error(link, GDWS_CANT_CONNECT, "connection refused, or host not reachable");
        gdwsi_link_ended(link);
    }
    if (wsi != NULL) {
        gdwsi_context_note_new(&link->loop->uv, &link->loop->lost, wsi);
    }
    link->wsi = wsi;
}

gdws_error gdwsi_endpoint_connect(gdwsi_endpoint *endpoint, gdwsi_link *link, const gdwsi_url *url,
                                  const char *address)
{
    struct lws_client_connect_info info;
    memset(&info, 0, sizeof(info));
    info.context = endpoint->loop->context;
    info.vhost = endpoint->vhost;
    info.address = address;
    info.port = url->port;
    info.path = url->path;
    info.host = url->authority;
    info.local_protocol_name = endpoint->protocol_name;
    info.ietf_version_or_minus_one = -1;
    info.opaque_user_data = link;
    bind_link(endpoint, link);
    if (endpoint->kind == KIND_WIRE) {
        info.method = "RAW";
        gdws_error error = gdwsi_wire_prepare(link, url);
        if (error == GDWS_OK) {
            connect_with(&info, link);
        }
        return error;
    }
    char *protocols = join_protocols(&link->config->protocols);
    if (protocols == NULL) {
        return GDWS_OUT_OF_MEMORY;
    }
    info.protocol = protocols[0] != '\0' ? protocols : NULL;
    connect_with(&info, link);
    gdwsi_mem_free(protocols);
    return GDWS_OK;
}
