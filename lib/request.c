/* SPDX-License-Identifier: MIT */
/* A record is "URL\0Name\0value\0Name\0value\0\0": an idle peer keeps nothing else of its request.
 */
#include "request.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "mem.h"
#include "utf8.h"

/* Whether a header says anything once the handshake is over. */
static bool is_kept(const char *name)
{
    static const char *const used_up[] = {"Upgrade", "Connection", "Sec-WebSocket-Key",
                                          "Sec-WebSocket-Version", "Sec-WebSocket-Extensions"};
    for (size_t i = 0; i < sizeof(used_up) / sizeof(used_up[0]); i++) {
        if (strcasecmp(name, used_up[i]) == 0) {
            return false;
        }
    }
    return true;
}

static size_t append(char *target, const char *text)
{
    size_t length = strlen(text);
    memcpy(target, text, length);
    return length;
}

/* Whether an earlier line has the same name. */
static bool is_joined(const gdwsi_http_head *head, size_t index)
{
    for (size_t i = 0; i < index; i++) {
        if (strcasecmp(head->headers[i].name, head->headers[index].name) == 0) {
            return true;
        }
    }
    return false;
}

/* Append the value of a header, with those of the later lines of that name. */
static size_t append_value(char *target, const gdwsi_http_head *head, size_t index)
{
    const char *name = head->headers[index].name;
    const char *separator = strcasecmp(name, "Cookie") == 0 ? "; " : ", ";
    size_t length = append(target, head->headers[index].value);
    for (size_t i = index + 1; i < head->count; i++) {
        if (strcasecmp(head->headers[i].name, name) == 0) {
            length += append(target + length, separator);
            length += append(target + length, head->headers[i].value);
        }
    }
    return length;
}

static size_t append_headers(char *target, const gdwsi_http_head *head)
{
    size_t length = 0;
    for (size_t i = 0; i < head->count; i++) {
        if (!is_kept(head->headers[i].name) || is_joined(head, i)) {
            continue;
        }
        length += append(target + length, head->headers[i].name) + 1;
        target[length - 1] = '\0';
        length += append_value(target + length, head, i) + 1;
        target[length - 1] = '\0';
    }
    target[length] = '\0';
    return length + 1;
}

/* At least as much as append_headers writes: what joins two lines is no longer than a name and its
 * end, plus a byte. */
static size_t size_of_headers(const gdwsi_http_head *head)
{
    size_t size = 1;
    for (size_t i = 0; i < head->count; i++) {
        if (is_kept(head->headers[i].name)) {
            size += strlen(head->headers[i].name) + strlen(head->headers[i].value) + 2;
        }
    }
    return size;
}

char *gdwsi_request_make_record(const char *scheme, const gdwsi_http_head *head,
                                const char **headers)
{
    const char *host = gdwsi_http_get(head, "Host");
    const char *path = gdwsi_http_path(head->target);
    size_t url_size =
        strlen(scheme) + strlen("://") + (host != NULL ? strlen(host) : 0) + strlen(path) + 1;
    char *record = gdwsi_mem_alloc(url_size + size_of_headers(head));
    if (record == NULL) {
        return NULL;
    }
    (void)snprintf(record, url_size, "%s://%s%s", scheme, host != NULL ? host : "", path);
    (void)append_headers(record + url_size, head);
    *headers = record + url_size;
    return record;
}

const char *gdwsi_request_find(const char *headers, const char *name)
{
    const char *at = headers;
    while (at != NULL && at[0] != '\0') {
        const char *value = at + strlen(at) + 1;
        if (strcasecmp(at, name) == 0) {
            return value;
        }
        at = value + strlen(value) + 1;
    }
    return NULL;
}

/* Cut a comma separated list into its names. */
static void split_protocols(gdws_request *request)
{
    char *place = NULL;
    char *name = strtok_r(request->offered, ", \t", &place);
    while (name != NULL && request->protocol_count < GDWSI_REQUEST_PROTOCOLS_MAX) {
        request->protocols[request->protocol_count] = name;
        request->protocol_count++;
        name = strtok_r(NULL, ", \t", &place);
    }
}

bool gdwsi_request_init(gdws_request *request, const gdwsi_http_head *head, const char *headers,
                        const char *offered)
{
    const char *path = gdwsi_http_path(head->target);
    memset(request, 0, sizeof(*request));
    request->head = head;
    request->headers = headers;
    request->status = 403;
    request->query = "";
    request->path = gdwsi_mem_copy_text(path, strlen(path));
    request->offered = offered != NULL ? gdwsi_mem_copy_text(offered, strlen(offered)) : NULL;
    if (request->path == NULL || (offered != NULL && request->offered == NULL)) {
        gdwsi_request_clear(request);
        return false;
    }
    char *mark = strchr(request->path, '?');
    if (mark != NULL) {
        *mark = '\0';
        request->query = mark + 1;
    }
    if (offered != NULL) {
        split_protocols(request);
    }
    return true;
}

void gdwsi_request_clear(gdws_request *request)
{
    gdwsi_mem_free(request->path);
    gdwsi_mem_free(request->offered);
    request->path = NULL;
    request->offered = NULL;
}

/* For the program */

const char *gdws_request_get_path(const gdws_request *request)
{
    return request != NULL ? request->path : "";
}

const char *gdws_request_get_query(const gdws_request *request)
{
    return request != NULL ? request->query : "";
}

const char *gdws_request_get_header(const gdws_request *request, const char *name)
{
    if (request == NULL || name == NULL) {
        return NULL;
    }
    const char *value = gdwsi_request_find(request->headers, name);
    return value != NULL ? value : gdwsi_http_get(request->head, name);
}

size_t gdws_request_get_protocols(const gdws_request *request, const char *const **protocols)
{
    if (protocols != NULL) {
        *protocols = request != NULL ? request->protocols : NULL;
    }
    return request != NULL ? request->protocol_count : 0;
}

const char *gdws_request_get_address(const gdws_request *request)
{
    return request != NULL ? request->host : "";
}

uint16_t gdws_request_get_port(const gdws_request *request)
{
    return request != NULL ? request->port : 0;
}

const char *gdws_request_get_certificate_subject(const gdws_request *request)
{
    return request != NULL ? request->certificate_subject : NULL;
}

static bool is_one_line(const char *text)
{
    const char *at = text;
    while ((unsigned char)*at >= ' ' && *at != 0x7f) {
        at++;
    }
    return *at == '\0' && at - text <= GDWSI_REQUEST_TEXT_MAX &&
           gdwsi_utf8_is_valid(text, (size_t)(at - text));
}

gdws_error gdws_request_set_refusal(gdws_request *request, int status, const char *text)
{
    if (request == NULL || (text != NULL && !is_one_line(text))) {
        return GDWS_INVALID_PARAMETER;
    }
    if (status < 400 || status > 599) {
        return GDWS_PARAMETER_RANGE_ERROR;
    }
    request->status = status;
    (void)snprintf(request->text, sizeof(request->text), "%s", text != NULL ? text : "");
    return GDWS_OK;
}
