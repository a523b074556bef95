/* SPDX-License-Identifier: MIT */
/* Who may come in: RFC 6455 section 4.2.1, origins (10.2)
 * and subprotocols (4.2.2). Pure functions on texts. */
#include "admission.h"

#include <stdio.h>
#include <string.h>

/* A key is 16 bytes in base64: 22 characters and "==" (RFC 6455 section 4.1). */
#define KEY_LENGTH 24
#define ORIGIN_MAX 255

static bool is_key(const char *key)
{
    static const char base64[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    return key != NULL && strlen(key) == KEY_LENGTH && strspn(key, base64) == KEY_LENGTH - 2 &&
           strcmp(key + KEY_LENGTH - 2, "==") == 0;
}

/* Find the next name of a comma separated list. Returns NULL at the end. */
static const char *next_name(const char **list, size_t *length)
{
    const char *name = *list + strspn(*list, ", \t");
    size_t extent = strcspn(name, ",");
    *list = name + extent;
    while (extent > 0 && (name[extent - 1] == ' ' || name[extent - 1] == '\t')) {
        extent--;
    }
    *length = extent;
    return extent > 0 ? name : NULL;
}

/* Choose the first name of the client's list that the server speaks; without a list of the server's
 * the first one. Returns false when there is none. */
static bool choose_protocol(const gdwsi_config *config, const char *offered,
                            char protocol[GDWSI_ADMISSION_PROTOCOL_MAX + 1])
{
    size_t length = 0;
    const char *name = next_name(&offered, &length);
    while (name != NULL) {
        if (length <= GDWSI_ADMISSION_PROTOCOL_MAX) {
            memcpy(protocol, name, length);
            protocol[length] = '\0';
            if (config->protocols.count == 0 || gdwsi_list_has(&config->protocols, protocol)) {
                return true;
            }
        }
        name = next_name(&offered, &length);
    }
    protocol[0] = '\0';
    return false;
}

int gdwsi_admission_decide(const gdwsi_config *config, const gdwsi_request *request,
                           char protocol[GDWSI_ADMISSION_PROTOCOL_MAX + 1])
{
    protocol[0] = '\0';
    if (!request->is_upgrade || request->version == NULL || strcmp(request->version, "13") != 0) {
        return 426;
    }
    if (!is_key(request->key)) {
        return 400;
    }
    if (!gdwsi_config_allows_origin(config, request->origin)) {
        return 403;
    }
    if (config->refuses_connections) {
        return 503;
    }
    if (request->protocols != NULL && !choose_protocol(config, request->protocols, protocol)) {
        return 400;
    }
    return 0;
}

static const char *status_line(int status)
{
    switch (status) {
    case 403:
        return "403 Forbidden";
    case 426:
        return "426 Upgrade Required";
    case 431:
        return "431 Request Header Fields Too Large";
    case 500:
        return "500 Internal Server Error";
    case 503:
        return "503 Service Unavailable";
    case 505:
        return "505 HTTP Version Not Supported";
    default:
        return "400 Bad Request";
    }
}

static const char *status_text(int status)
{
    switch (status) {
    case 403:
        return "Web pages of this origin may not connect here.\n";
    case 426:
        return "This is a WebSocket server, version 13.\n";
    case 431:
        return "The request is too long.\n";
    case 500:
        return "Out of memory.\n";
    case 503:
        return "No new connections are taken at the moment.\n";
    case 505:
        return "This server speaks HTTP/1.1.\n";
    default:
        return "The WebSocket handshake is malformed, or offers no subprotocol that is spoken "
               "here.\n";
    }
}

size_t gdwsi_admission_write_origin(const char *origin, char *lines, size_t capacity)
{
    if (origin == NULL || strlen(origin) > ORIGIN_MAX) {
        return 0;
    }
    int length =
        snprintf(lines, capacity, "Access-Control-Allow-Origin: %s\r\nVary: Origin\r\n", origin);
    if (length < 0 || (size_t)length >= capacity) {
        return 0;
    }
    return (size_t)length;
}

size_t gdwsi_admission_write_refusal(const gdwsi_config *config, int status, const char *origin,
                                     char answer[GDWSI_ADMISSION_ANSWER_MAX])
{
    char origin_lines[ORIGIN_MAX + 64] = "";
    if (status != 403 && gdwsi_config_allows_origin(config, origin)) {
        size_t length = gdwsi_admission_write_origin(origin, origin_lines, sizeof(origin_lines));
        origin_lines[length] = '\0';
    }
    const char *upgrade =
        status == 426 ? "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n" : "";
    const char *text = status_text(status);
    int length = snprintf(answer, GDWSI_ADMISSION_ANSWER_MAX,
                          "HTTP/1.1 %s\r\n%s%sContent-Type: text/plain; charset=utf-8\r\n"
                          "Content-Length: %zu\r\nConnection: %s\r\n\r\n%s",
                          status_line(status), upgrade, origin_lines, strlen(text),
                          status == 426 ? "close, Upgrade" : "close", text);
    return length > 0 && length < GDWSI_ADMISSION_ANSWER_MAX ? (size_t)length : 0;
}
