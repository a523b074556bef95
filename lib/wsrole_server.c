/* SPDX-License-Identifier: MIT */
/* A server's opening where libwebsockets shakes hands: it parses the request, and we judge it.
 * libwebsockets picks subprotocols by the names in its protocol table; ours has one entry, whose
 * name (its user pointer, too) is rewritten to the chosen subprotocol just before libwebsockets
 * looks. Of the headers those are seen that libwebsockets has a token for, and of the path what it
 * has decoded. */
#include "wsrole_server.h"

#include <string.h>
#include <strings.h>

#include "admission.h"
#include "answer.h"
#include "log.h"
#include "mem.h"
#include "request.h"

/* Copy a header; NULL when it is not there or too long (then *is_too_long is set). */
const char *gdwsi_wsrole_copy_header(struct lws *wsi, enum lws_token_indexes token, char *text,
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

static int refuse(gdwsi_link *link, struct lws *wsi, int status, const char *text,
                  const char *origin)
{
    uint8_t bytes[LWS_PRE + GDWSI_ANSWER_MAX];
    size_t length =
        gdwsi_answer_write_refusal(link->config, status, text, origin, (char *)bytes + LWS_PRE);
    gdwsi_log_write(GDWS_LOG_INFO, "%s port %u: request refused with %d",
                    gdws_peer_get_connected_host(&link->peer), link->peer.port, status);
    if (lws_hdr_total_length(wsi, WSI_TOKEN_HEAD_URI) > 0) {
        length = gdwsi_http_find_end((char *)bytes + LWS_PRE, length, 0);
    }
    (void)lws_write(wsi, bytes + LWS_PRE, length, LWS_WRITE_HTTP);
    return -1;
}

/* A request as libwebsockets has parsed it, and the texts of it. */
typedef struct copied_request {
    gdwsi_http_head head;
    size_t used;
    char text[GDWSI_HTTP_HEAD_MAX];
} copied_request;

/* Copy a text of the request. Returns NULL when it is not there, or does not fit. */
static char *copy_text(copied_request *request, struct lws *wsi, enum lws_token_indexes token)
{
    char *text = request->text + request->used;
    int length = lws_hdr_total_length(wsi, token);
    int room = (int)(sizeof(request->text) - request->used);
    if (length <= 0 || length >= room || lws_hdr_copy(wsi, text, room, token) < 0) {
        return NULL;
    }
    request->used += (size_t)length + 1;
    return text;
}

/* libwebsockets keeps the arguments of a query apart. */
static void copy_target(copied_request *request, struct lws *wsi)
{
    const char *path = copy_text(request, wsi, WSI_TOKEN_GET_URI);
    request->head.target = path != NULL ? path : "/";
    int length = path != NULL ? 1 : 0;
    for (int i = 0; length > 0; i++) {
        int room = (int)(sizeof(request->text) - request->used);
        length = lws_hdr_copy_fragment(wsi, request->text + request->used, room,
                                       WSI_TOKEN_HTTP_URI_ARGS, i);
        if (length > 0) {
            request->text[request->used - 1] = i == 0 ? '?' : '&';
            request->used += (size_t)length + 1;
        }
    }
}

/* Copy the headers that libwebsockets knows by name. */
static void copy_headers(copied_request *request, struct lws *wsi)
{
    gdwsi_http_head *head = &request->head;
    for (int token = 0; head->count < GDWSI_HTTP_HEADERS_MAX; token++) {
        const char *name = (const char *)lws_token_to_string((enum lws_token_indexes)token);
        if (name == NULL) {
            break;
        }
        size_t length = strlen(name);
        bool is_header = length > 1 && name[0] != ':' && name[length - 1] == ':';
        size_t start = request->used;
        if (!is_header || length >= sizeof(request->text) - start) {
            continue;
        }
        memcpy(request->text + start, name, length - 1);
        request->text[start + length - 1] = '\0';
        request->used += length;
        const char *value = copy_text(request, wsi, (enum lws_token_indexes)token);
        if (value == NULL) {
            request->used = start;
            continue;
        }
        head->headers[head->count].name = request->text + start;
        head->headers[head->count].value = value;
        head->count++;
    }
}

/* Keep what the program may ask for later, and ask the owner. Returns 0 to let the request in, or
 * the status to refuse with, or -1 when the link has been let go. */
static int admit(gdwsi_link *link, struct lws *wsi, const gdwsi_http_head *head,
                 const char *offered, char refusal[GDWSI_REQUEST_TEXT_MAX + 1])
{
    gdws_request request;
    const char *host = gdwsi_http_get(head, "Host");
    /* libwebsockets asks for a path in other requests only. */
    if (gdwsi_http_path(head->target) == NULL || (host != NULL && !gdwsi_http_is_host(host))) {
        return 400;
    }
    link->peer.url = gdwsi_request_make_record(lws_is_ssl(wsi) != 0 ? "wss" : "ws", head,
                                               &link->peer.request_headers);
    if (link->peer.url == NULL ||
        !gdwsi_request_init(&request, head, link->peer.request_headers, offered)) {
        return 500;
    }
    request.host = gdws_peer_get_connected_host(&link->peer);
    request.port = link->peer.port;
    int status = link->config->admit != NULL ? link->config->admit(link->owner, link, &request) : 0;
    memcpy(refusal, request.text, sizeof(request.text));
    gdwsi_request_clear(&request);
    return status;
}

static int copy_and_admit(gdwsi_link *link, struct lws *wsi, const char *offered,
                          char refusal[GDWSI_REQUEST_TEXT_MAX + 1])
{
    copied_request *request = gdwsi_mem_calloc(1, sizeof(*request));
    if (request == NULL) {
        return 500;
    }
    copy_target(request, wsi);
    copy_headers(request, wsi);
    int status = admit(link, wsi, &request->head, offered, refusal);
    gdwsi_mem_free(request);
    return status;
}

/* What is looked at of a request, and the texts of it. */
typedef struct read_request {
    gdwsi_request request;
    bool is_too_long;
    char version[8];
    char key[64];
    char origin[GDWSI_WSROLE_HEADER_MAX];
    char protocols[GDWSI_WSROLE_HEADER_MAX];
} read_request;

static void read_headers(struct lws *wsi, read_request *read)
{
    bool *is_too_long = &read->is_too_long;
    memset(read, 0, sizeof(*read));
    read->request.version = gdwsi_wsrole_copy_header(wsi, WSI_TOKEN_VERSION, read->version,
                                                     sizeof(read->version), is_too_long);
    read->request.key =
        gdwsi_wsrole_copy_header(wsi, WSI_TOKEN_KEY, read->key, sizeof(read->key), is_too_long);
    read->request.origin = gdwsi_wsrole_copy_header(wsi, WSI_TOKEN_ORIGIN, read->origin,
                                                    sizeof(read->origin), is_too_long);
    read->request.protocols = gdwsi_wsrole_copy_header(wsi, WSI_TOKEN_PROTOCOL, read->protocols,
                                                       sizeof(read->protocols), is_too_long);
}

/* Judge a request and ask the owner about it; who is not let in is answered. Returns 0 or -1. */
static int judge(gdwsi_link *link, struct lws *wsi, const read_request *read, const char *offered,
                 char protocol[GDWSI_ADMISSION_PROTOCOL_MAX + 1])
{
    char refusal[GDWSI_REQUEST_TEXT_MAX + 1] = "";
    int status = gdwsi_admission_decide(link->config, &read->request, protocol);
    if (read->is_too_long && (status == 0 || status == 426)) {
        status = 400;
    }
    if (status == 0) {
        status = copy_and_admit(link, wsi, offered, refusal);
    }
    if (status > 0) {
        return refuse(link, wsi, status, refusal, read->request.origin);
    }
    return status;
}

/* Before libwebsockets looks at an upgrade request: let it in, or answer it. */
int gdwsi_wsrole_confirm_upgrade(gdwsi_link *link, struct lws *wsi, const char *upgrade)
{
    char protocol[GDWSI_ADMISSION_PROTOCOL_MAX + 1];
    read_request read;
    if (link->config == NULL) {
        return -1;
    }
    read_headers(wsi, &read);
    read.request.is_upgrade = upgrade != NULL && strcasecmp(upgrade, "websocket") == 0;
    if (judge(link, wsi, &read, read.request.protocols, protocol) != 0) {
        return -1;
    }
    link->peer.protocol = gdwsi_mem_copy_text(protocol, strlen(protocol));
    if (link->peer.protocol == NULL) {
        return -1;
    }
    memcpy(lws_get_protocol(wsi)->user, protocol, sizeof(protocol));
    return 0;
}

int gdwsi_wsrole_filter(gdwsi_link *link, struct lws *wsi, const char *name)
{
    char ignored[GDWSI_ADMISSION_PROTOCOL_MAX + 1];
    read_request read;
    read_headers(wsi, &read);
    const char *offered = read.request.protocols;
    read.request.protocols = NULL;
    read.request.is_upgrade = true;
    const char *chosen = offered != NULL ? name : "";
    link->peer.protocol = gdwsi_mem_copy_text(chosen, strlen(chosen));
    if (link->peer.protocol == NULL) {
        return refuse(link, wsi, 500, NULL, read.request.origin);
    }
    return judge(link, wsi, &read, offered, ignored);
}

int gdwsi_wsrole_answer_plain_http(gdwsi_link *link, struct lws *wsi)
{
    char origin[GDWSI_WSROLE_HEADER_MAX];
    bool is_too_long = false;
    if (link->config == NULL) {
        return -1;
    }
    return refuse(
        link, wsi, 426, NULL,
        gdwsi_wsrole_copy_header(wsi, WSI_TOKEN_ORIGIN, origin, sizeof(origin), &is_too_long));
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

bool gdwsi_wsrole_append_headers(const gdwsi_config *config, char **position, const char *end)
{
    for (size_t i = 0; i < config->headers.count; i++) {
        if (!append_line(position, end, config->headers.items[i])) {
            return false;
        }
    }
    return true;
}

/* libwebsockets ends its own lines before this and begins none after it. */
int gdwsi_wsrole_add_headers(gdwsi_link *link, struct lws *wsi, struct lws_process_html_args *args)
{
    char origin[GDWSI_WSROLE_HEADER_MAX];
    bool is_too_long = false;
    char *end = args->p + args->max_len;
    if (link->config == NULL) {
        return -1;
    }
    const char *from =
        gdwsi_wsrole_copy_header(wsi, WSI_TOKEN_ORIGIN, origin, sizeof(origin), &is_too_long);
    args->p += gdwsi_answer_write_origin(from, args->p, (size_t)(end - args->p));
    return gdwsi_wsrole_append_headers(link->config, &args->p, end) ? 0 : -1;
}
