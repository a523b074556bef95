/* SPDX-License-Identifier: MIT */
/* Between libwebsockets and link. libwebsockets picks subprotocols by the names in its protocol
 * table; ours has one entry, whose name is rewritten to the chosen subprotocol just before
 * libwebsockets looks. Invariant: the opaque user data of a wsi is its link from adoption or
 * connection until WSI_DESTROY. Knows no queues and no signals. */
#include "endpoint.h"

#include <stdio.h>
#include <string.h>

#include <libwebsockets.h>

#include "admission.h"
#include "log.h"
#include "mem.h"

#define HEADER_MAX 1024

struct gdwsi_endpoint {
    gdwsi_endpoint *next;
    gdws_loop *loop;
    struct lws_vhost *vhost;
    struct lws_protocols protocols[2];
    char protocol_name[GDWSI_ADMISSION_PROTOCOL_MAX + 1];
    size_t read_size;
    size_t references;
    bool is_client;
    gdwsi_task burial;
};

static gdwsi_link *link_of(struct lws *wsi)
{
    return lws_get_opaque_user_data(wsi);
}

/* Server's handshake */

/* Copy a header; NULL when it is not there or too long (then *is_too_long is set). */
static const char *copy_header(struct lws *wsi, enum lws_token_indexes token, char *text,
                               size_t size, bool *is_too_long)
{
    if (lws_hdr_total_length(wsi, token) <= 0) {
        return NULL;
    }
    if (lws_hdr_copy(wsi, text, (int)size, token) < 0) {
        *is_too_long = true;
        return NULL;
    }
    return text;
}

static int refuse(gdwsi_link *link, struct lws *wsi, int status, const char *origin)
{
    uint8_t bytes[LWS_PRE + GDWSI_ADMISSION_ANSWER_MAX];
    size_t length =
        gdwsi_admission_write_refusal(link->config, status, origin, (char *)bytes + LWS_PRE);
    gdwsi_log_write(GDWS_LOG_INFO, "%s port %u: handshake refused with %d",
                    gdws_peer_get_connected_host(&link->peer), link->peer.port, status);
    (void)lws_write(wsi, bytes + LWS_PRE, length, LWS_WRITE_HTTP);
    return -1;
}

/* The URL as Godot 4 gives it: scheme, Host header, path and query. */
static bool note_url(gdwsi_link *link, struct lws *wsi)
{
    char host[HEADER_MAX] = "";
    char path[HEADER_MAX] = "";
    char query[HEADER_MAX] = "";
    char url[3 * HEADER_MAX + 16];
    bool is_too_long = false;
    (void)copy_header(wsi, WSI_TOKEN_HOST, host, sizeof(host), &is_too_long);
    (void)copy_header(wsi, WSI_TOKEN_GET_URI, path, sizeof(path), &is_too_long);
    (void)copy_header(wsi, WSI_TOKEN_HTTP_URI_ARGS, query, sizeof(query), &is_too_long);
    int length =
        snprintf(url, sizeof(url), "ws://%s%s%s%s", host, path, query[0] != '\0' ? "?" : "", query);
    link->peer.url = gdwsi_mem_copy_text(url, (size_t)length);
    return link->peer.url != NULL;
}

/* Before libwebsockets looks at an upgrade request: let it in, or answer it. */
static int confirm_upgrade(gdwsi_link *link, gdwsi_endpoint *endpoint, struct lws *wsi,
                           const char *upgrade)
{
    char version[8];
    char key[64];
    char origin[HEADER_MAX];
    char protocols[HEADER_MAX];
    char protocol[GDWSI_ADMISSION_PROTOCOL_MAX + 1];
    bool is_too_long = false;
    if (link->config == NULL) {
        return -1;
    }
    gdwsi_request request = {
        .version = copy_header(wsi, WSI_TOKEN_VERSION, version, sizeof(version), &is_too_long),
        .key = copy_header(wsi, WSI_TOKEN_KEY, key, sizeof(key), &is_too_long),
        .origin = copy_header(wsi, WSI_TOKEN_ORIGIN, origin, sizeof(origin), &is_too_long),
        .protocols =
            copy_header(wsi, WSI_TOKEN_PROTOCOL, protocols, sizeof(protocols), &is_too_long),
        .is_upgrade = upgrade != NULL && strcasecmp(upgrade, "websocket") == 0,
    };
    int status = gdwsi_admission_decide(link->config, &request, protocol);
    if (is_too_long && (status == 0 || status == 426)) {
        status = 400;
    }
    if (status != 0) {
        return refuse(link, wsi, status, request.origin);
    }
    link->peer.protocol = gdwsi_mem_copy_text(protocol, strlen(protocol));
    if (link->peer.protocol == NULL || !note_url(link, wsi)) {
        return -1;
    }
    memcpy(endpoint->protocol_name, protocol, sizeof(protocol));
    return 0;
}

static int answer_plain_http(gdwsi_link *link, struct lws *wsi)
{
    char origin[HEADER_MAX];
    bool is_too_long = false;
    if (link->config == NULL) {
        return -1;
    }
    return refuse(link, wsi, 426,
                  copy_header(wsi, WSI_TOKEN_ORIGIN, origin, sizeof(origin), &is_too_long));
}

/* Append "line\r\n" where there is room. */
static bool append_line(char **position, const char *end, const char *line)
{
    size_t length = strlen(line);
    if ((size_t)(end - *position) < length + 2) {
        return false;
    }
    memcpy(*position, line, length);
    memcpy(*position + length, "\r\n", 2);
    *position += length + 2;
    return true;
}

static bool append_headers(const gdwsi_config *config, char **position, const char *end)
{
    for (size_t i = 0; i < config->headers.count; i++) {
        if (!append_line(position, end, config->headers.items[i])) {
            return false;
        }
    }
    return true;
}

/* libwebsockets ends its own lines before this and begins none after it. */
static int add_server_headers(gdwsi_link *link, struct lws *wsi, struct lws_process_html_args *args)
{
    char origin[HEADER_MAX];
    bool is_too_long = false;
    char *end = args->p + args->max_len;
    if (link->config == NULL) {
        return -1;
    }
    const char *from = copy_header(wsi, WSI_TOKEN_ORIGIN, origin, sizeof(origin), &is_too_long);
    args->p += gdwsi_admission_write_origin(from, args->p, (size_t)(end - args->p));
    return append_headers(link->config, &args->p, end) ? 0 : -1;
}

/* Client's handshake */

static int add_client_headers(gdwsi_link *link, char **position, size_t room)
{
    link->is_tcp_connected = true;
    if (link->config == NULL || !append_headers(link->config, position, *position + room)) {
        return -1;
    }
    return 0;
}

/* libwebsockets has found the answer in order; the subprotocol is ours to judge: one that was asked
 * for, and one at all when any was (as browsers and Godot do). */
static int judge_answer(gdwsi_link *link, struct lws *wsi)
{
    char protocol[HEADER_MAX] = "";
    bool is_too_long = false;
    (void)copy_header(wsi, WSI_TOKEN_PROTOCOL, protocol, sizeof(protocol), &is_too_long);
    if (link->config == NULL) {
        return -1;
    }
    link->http_status = (int)lws_http_client_http_response(wsi);
    if (link->config->protocols.count > 0 &&
        (is_too_long || !gdwsi_list_has(&link->config->protocols, protocol))) {
        gdwsi_link_note_error(link, GDWS_CONNECTION_ERROR,
                              "the server chose no subprotocol that was offered");
        return -1;
    }
    link->peer.protocol = gdwsi_mem_copy_text(protocol, strlen(protocol));
    return link->peer.protocol != NULL ? 0 : -1;
}

/* What libwebsockets says when a connection could not be made, in our words. */
static void note_client_failure(gdwsi_link *link, struct lws *wsi, const char *text)
{
    static const struct {
        const char *theirs;
        gdws_error error;
        const char *ours;
    } table[] = {
        {"HS: Accept hash wrong", GDWS_CONNECTION_ERROR,
         "wrong Sec-WebSocket-Accept in the answer"},
        {"HS: ACCEPT missing", GDWS_CONNECTION_ERROR, "no Sec-WebSocket-Accept in the answer"},
        {"HS: PROTOCOL malformed", GDWS_CONNECTION_ERROR,
         "the server chose a subprotocol that was not offered"},
        {"HS: UPGRADE", GDWS_CONNECTION_ERROR, "the answer is no WebSocket upgrade"},
        {"HS: CONNECTION", GDWS_CONNECTION_ERROR, "the answer is no WebSocket upgrade"},
        {"HS: EXT", GDWS_CONNECTION_ERROR, "the server chose an extension that was not offered"},
        {"HS: Rejected", GDWS_CONNECTION_ERROR, "no memory for the connection"},
        {"problem parsing", GDWS_CONNECTION_ERROR, "the answer is not HTTP"},
    };
    int status = (int)lws_http_client_http_response(wsi);
    if (!link->is_tcp_connected) {
        gdwsi_link_note_error(link, GDWS_CANT_CONNECT, "connection refused, or host not reachable");
        return;
    }
    if (status != 0 && status != 101) {
        link->http_status = status;
        gdwsi_link_note_error(link, GDWS_CONNECTION_ERROR,
                              "the server answered with HTTP status %d", status);
        return;
    }
    for (size_t i = 0; text != NULL && i < sizeof(table) / sizeof(table[0]); i++) {
        if (strstr(text, table[i].theirs) != NULL) {
            gdwsi_link_note_error(link, table[i].error, "%s", table[i].ours);
            return;
        }
    }
    gdwsi_link_note_error(link, GDWS_CONNECTION_ERROR,
                          "the server ended the connection instead of a WebSocket handshake");
    gdwsi_log_write(GDWS_LOG_DEBUG, "libwebsockets: %s", text != NULL ? text : "no reason");
}

static void client_failed(gdwsi_link *link, struct lws *wsi, const char *in, size_t length)
{
    char text[HEADER_MAX] = "";
    if (in != NULL && length < sizeof(text)) {
        memcpy(text, in, length);
    }
    note_client_failure(link, wsi, in != NULL ? text : NULL);
    gdwsi_link_ended(link);
}

/* The callback */

/* Events of an open connection, the same for both sides but for their names. */
static int on_open_event(gdwsi_link *link, struct lws *wsi, enum lws_callback_reasons reason,
                         void *in, size_t length)
{
    switch (reason) {
    case LWS_CALLBACK_RECEIVE:
    case LWS_CALLBACK_CLIENT_RECEIVE:
        gdwsi_link_received(link, in, length, lws_frame_is_binary(wsi) == 0);
        return 0;
    case LWS_CALLBACK_RECEIVE_PONG:
    case LWS_CALLBACK_CLIENT_RECEIVE_PONG:
        gdwsi_link_received_pong(link, in, length);
        return 0;
    case LWS_CALLBACK_SERVER_WRITEABLE:
    case LWS_CALLBACK_CLIENT_WRITEABLE:
        return gdwsi_link_writeable(link);
    case LWS_CALLBACK_WS_PEER_INITIATED_CLOSE:
        return gdwsi_link_received_close(link, in, length);
    case LWS_CALLBACK_WS_SERVER_DROP_PROTOCOL:
    case LWS_CALLBACK_WS_CLIENT_DROP_PROTOCOL:
        gdwsi_link_dropped(link);
        return 0;
    case LWS_CALLBACK_CLOSED:
    case LWS_CALLBACK_CLIENT_CLOSED:
        gdwsi_link_ended(link);
        return 0;
    case LWS_CALLBACK_WSI_DESTROY:
        lws_set_opaque_user_data(wsi, NULL);
        gdwsi_link_destroyed(link);
        return 0;
    default:
        return 0;
    }
}

static int on_event(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in,
                    size_t length)
{
    (void)user;
    gdwsi_link *link = wsi != NULL ? link_of(wsi) : NULL;
    if (link == NULL) {
        return 0;
    }
    switch (reason) {
    case LWS_CALLBACK_HTTP_CONFIRM_UPGRADE:
        return confirm_upgrade(link, link->endpoint, wsi, in);
    case LWS_CALLBACK_HTTP:
        return answer_plain_http(link, wsi);
    case LWS_CALLBACK_ADD_HEADERS:
        return add_server_headers(link, wsi, in);
    case LWS_CALLBACK_CLIENT_APPEND_HANDSHAKE_HEADER:
        return add_client_headers(link, in, length);
    case LWS_CALLBACK_CLIENT_FILTER_PRE_ESTABLISH:
        return judge_answer(link, wsi);
    case LWS_CALLBACK_ESTABLISHED:
    case LWS_CALLBACK_CLIENT_ESTABLISHED:
        gdwsi_link_established(link);
        return 0;
    case LWS_CALLBACK_CLIENT_CONNECTION_ERROR:
        client_failed(link, wsi, in, length);
        return 0;
    default:
        return on_open_event(link, wsi, reason, in, length);
    }
}

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

static gdwsi_endpoint *find(gdws_loop *loop, bool is_client, size_t read_size)
{
    gdwsi_endpoint *endpoint = loop->endpoints;
    while (endpoint != NULL &&
           (endpoint->is_client != is_client || (is_client && endpoint->read_size != read_size))) {
        endpoint = endpoint->next;
    }
    return endpoint;
}

static gdwsi_endpoint *make(gdws_loop *loop, bool is_client, size_t read_size)
{
    static const lws_retry_bo_t no_validity_checks = {0};
    gdwsi_endpoint *endpoint = gdwsi_mem_calloc(1, sizeof(*endpoint));
    if (endpoint == NULL) {
        return NULL;
    }
    memcpy(endpoint->protocol_name, "gdws", sizeof("gdws"));
    endpoint->protocols[0].name = endpoint->protocol_name;
    endpoint->protocols[0].callback = on_event;
    endpoint->protocols[0].per_session_data_size = sizeof(void *);
    endpoint->protocols[0].rx_buffer_size = read_size;
    endpoint->protocols[0].tx_packet_size = 1u << 20;

    struct lws_context_creation_info info;
    memset(&info, 0, sizeof(info));
    info.vhost_name = is_client ? "gdws client" : "gdws server";
    info.port = is_client ? CONTEXT_PORT_NO_LISTEN : CONTEXT_PORT_NO_LISTEN_SERVER;
    info.protocols = endpoint->protocols;
    info.http_proxy_address = "";
    info.retry_and_idle_policy = &no_validity_checks;
    endpoint->vhost = lws_create_vhost(loop->context, &info);
    if (endpoint->vhost == NULL) {
        gdwsi_mem_free(endpoint);
        return NULL;
    }
    endpoint->loop = loop;
    endpoint->read_size = read_size;
    endpoint->is_client = is_client;
    endpoint->burial.run = bury;
    endpoint->next = loop->endpoints;
    loop->endpoints = endpoint;
    return endpoint;
}

gdws_error gdwsi_endpoint_get_server(gdws_loop *loop, size_t read_size, gdwsi_endpoint **endpoint)
{
    *endpoint = find(loop, false, 0);
    if (*endpoint != NULL && (*endpoint)->read_size != read_size) {
        *endpoint = NULL;
        return GDWS_INVALID_PARAMETER;
    }
    if (*endpoint == NULL) {
        *endpoint = make(loop, false, read_size);
    }
    if (*endpoint == NULL) {
        return GDWS_OUT_OF_MEMORY;
    }
    (*endpoint)->references++;
    return GDWS_OK;
}

gdws_error gdwsi_endpoint_get_client(gdws_loop *loop, size_t read_size, gdwsi_endpoint **endpoint)
{
    *endpoint = find(loop, true, read_size);
    if (*endpoint == NULL) {
        *endpoint = make(loop, true, read_size);
    }
    if (*endpoint == NULL) {
        return GDWS_OUT_OF_MEMORY;
    }
    (*endpoint)->references++;
    return GDWS_OK;
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
}

gdws_error gdwsi_endpoint_adopt(gdwsi_endpoint *endpoint, gdwsi_link *link, int descriptor)
{
    lws_adopt_desc_t info;
    memset(&info, 0, sizeof(info));
    info.vh = endpoint->vhost;
    info.type = LWS_ADOPT_SOCKET | LWS_ADOPT_HTTP | LWS_ADOPT_ALLOW_SSL;
    info.fd.sockfd = descriptor;
    info.opaque = link;
    bind_link(endpoint, link);
    struct lws *wsi = lws_adopt_descriptor_vhost_via_info(&info);
    if (wsi == NULL) {
        return GDWS_OUT_OF_MEMORY;
    }
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

gdws_error gdwsi_endpoint_connect(gdwsi_endpoint *endpoint, gdwsi_link *link, const gdwsi_url *url,
                                  const char *address)
{
    char *protocols = join_protocols(&link->config->protocols);
    if (protocols == NULL) {
        return GDWS_OUT_OF_MEMORY;
    }
    struct lws *wsi = NULL;
    struct lws_client_connect_info info;
    memset(&info, 0, sizeof(info));
    info.context = endpoint->loop->context;
    info.vhost = endpoint->vhost;
    info.address = address;
    info.port = url->port;
    info.path = url->path;
    info.host = url->authority;
    info.protocol = protocols[0] != '\0' ? protocols : NULL;
    info.local_protocol_name = endpoint->protocol_name;
    info.ietf_version_or_minus_one = -1;
    info.opaque_user_data = link;
    info.pwsi = &wsi;
    bind_link(endpoint, link);
    gdwsi_link_start_handshake(link, NULL);
    if (lws_client_connect_via_info(&info) == NULL) {
        wsi = NULL;
        gdwsi_link_note_error(link, GDWS_CANT_CONNECT, "connection refused, or host not reachable");
        gdwsi_link_ended(link);
    }
    link->wsi = wsi;
    gdwsi_mem_free(protocols);
    return GDWS_OK;
}
