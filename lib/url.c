/* SPDX-License-Identifier: MIT */
/* URLs. The text is checked and cut up in place; copies are made at the end, so that an error
 * leaves nothing behind. */
#include "url.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "mem.h"

#define URL_MAX 2000
#define HOST_MAX 253
#define LABEL_MAX 63

/* Pieces of the text. */
typedef struct pieces {
    const char *host;
    size_t host_length;
    bool is_ipv6;
    const char *port; /* digits; NULL without one */
    size_t port_length;
    const char *path;
} pieces;

static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
static const char digits[] = "0123456789";

/* Check each byte: visible ASCII, and nothing that RFC 3986 keeps out of URLs altogether. */
static const char *check_bytes(const char *text)
{
    size_t length = strlen(text);
    if (length == 0) {
        return "empty";
    }
    if (length > URL_MAX) {
        return "too long";
    }
    for (size_t i = 0; i < length; i++) {
        if (text[i] <= ' ' || text[i] > '~' || strchr("\"<>\\^`{|}", text[i]) != NULL) {
            return "a character that a URL cannot have";
        }
        if (text[i] == '#') {
            return "fragments are not allowed";
        }
    }
    return NULL;
}

/* Take the scheme off. Returns NULL and the rest, or what is wrong. */
static const char *take_scheme(const char **rest, bool *is_secure)
{
    const char *end = strstr(*rest, "://");
    *is_secure = false;
    if (end == NULL || strcspn(*rest, "/?") < (size_t)(end - *rest)) {
        return NULL;
    }
    size_t length = (size_t)(end - *rest);
    *is_secure = length == 3 && strncasecmp(*rest, "wss", 3) == 0;
    if (!*is_secure && !(length == 2 && strncasecmp(*rest, "ws", 2) == 0)) {
        return "the scheme must be ws or wss";
    }
    *rest = end + 3;
    return NULL;
}

static bool is_label(const char *label, size_t length)
{
    size_t valid = 0;
    while (valid < length && (strchr(letters, label[valid]) != NULL ||
                              strchr("0123456789-_", label[valid]) != NULL)) {
        valid++;
    }
    return length >= 1 && length <= LABEL_MAX && valid == length && label[0] != '-' &&
           label[length - 1] != '-';
}

static const char *check_name(const char *host, size_t length)
{
    if (length == 0) {
        return "no host";
    }
    if (length > HOST_MAX) {
        return "the host name is too long";
    }
    char text[HOST_MAX + 1];
    memcpy(text, host, length);
    text[length] = '\0';
    if (strspn(text, "0123456789.") == length) {
        struct in_addr ignored;
        return inet_pton(AF_INET, text, &ignored) == 1 ? NULL : "not an IPv4 address";
    }
    size_t rest = text[length - 1] == '.' ? length - 1 : length;
    for (size_t start = 0; start <= rest;) {
        size_t extent = strcspn(text + start, ".");
        if (start + extent > rest || !is_label(text + start, extent)) {
            return "not a host name";
        }
        start += extent + 1;
    }
    return NULL;
}

static const char *check_ipv6(const char *host, size_t length)
{
    char text[INET6_ADDRSTRLEN + 1];
    struct in6_addr ignored;
    if (length >= sizeof(text)) {
        return "not an IPv6 address";
    }
    memcpy(text, host, length);
    text[length] = '\0';
    return inet_pton(AF_INET6, text, &ignored) == 1 ? NULL : "not an IPv6 address";
}

/* Cut host, port and path apart. */
static const char *cut(const char *text, pieces *parts)
{
    size_t extent = strcspn(text, "/?");
    if (memchr(text, '@', extent) != NULL) {
        return "a user name is not allowed";
    }
    parts->path = text + extent;
    parts->is_ipv6 = text[0] == '[';
    const char *after;
    if (parts->is_ipv6) {
        const char *bracket = memchr(text, ']', extent);
        if (bracket == NULL) {
            return "a bracket is missing";
        }
        parts->host = text + 1;
        parts->host_length = (size_t)(bracket - parts->host);
        after = bracket + 1;
    } else {
        parts->host = text;
        parts->host_length = strcspn(text, ":/?");
        after = text + parts->host_length;
    }
    if (after < parts->path) {
        if (*after != ':') {
            return "garbage behind the host";
        }
        parts->port = after + 1;
        parts->port_length = (size_t)(parts->path - parts->port);
    }
    return parts->is_ipv6 ? check_ipv6(parts->host, parts->host_length)
                          : check_name(parts->host, parts->host_length);
}

static const char *read_port(const pieces *parts, uint16_t *port)
{
    static const char bad[] = "the port must be a number from 1 to 65535";
    unsigned value = 0;
    if (parts->port == NULL) {
        return NULL;
    }
    if (parts->port_length == 0 || parts->port_length > 5) {
        return bad;
    }
    for (size_t i = 0; i < parts->port_length; i++) {
        if (strchr(digits, parts->port[i]) == NULL) {
            return bad;
        }
        value = value * 10 + (unsigned)(parts->port[i] - '0');
    }
    *port = (uint16_t)value;
    return value >= 1 && value <= UINT16_MAX ? NULL : bad;
}

static gdws_error copy_pieces(gdwsi_url *url, const pieces *parts)
{
    char authority[HOST_MAX + 16];
    char text[URL_MAX + 16];
    const char *slash = parts->path[0] == '/' ? "" : "/";
    int host_length = (int)parts->host_length;
    int length = snprintf(authority, sizeof(authority), parts->is_ipv6 ? "[%.*s]" : "%.*s",
                          host_length, parts->host);
    if (url->port != (url->is_secure ? 443 : 80)) {
        (void)snprintf(authority + length, sizeof(authority) - (size_t)length, ":%u", url->port);
    }
    length = snprintf(text, sizeof(text), "%s://%s%s%s", url->is_secure ? "wss" : "ws", authority,
                      slash, parts->path);
    const char *path = text + length - strlen(parts->path) - strlen(slash);
    url->host = gdwsi_mem_copy_text(parts->host, parts->host_length);
    url->authority = gdwsi_mem_copy_text(authority, strlen(authority));
    url->path = gdwsi_mem_copy_text(path, strlen(path));
    url->text = gdwsi_mem_copy_text(text, strlen(text));
    if (url->host == NULL || url->authority == NULL || url->path == NULL || url->text == NULL) {
        gdwsi_url_clear(url);
        return GDWS_OUT_OF_MEMORY;
    }
    return GDWS_OK;
}

gdws_error gdwsi_url_parse(gdwsi_url *url, const char *text, const char **reason)
{
    pieces parts = {0};
    memset(url, 0, sizeof(*url));
    *reason = check_bytes(text);
    if (*reason == NULL) {
        *reason = take_scheme(&text, &url->is_secure);
    }
    if (*reason == NULL) {
        *reason = cut(text, &parts);
    }
    url->port = url->is_secure ? 443 : 80;
    if (*reason == NULL) {
        *reason = read_port(&parts, &url->port);
    }
    if (*reason != NULL) {
        memset(url, 0, sizeof(*url));
        return GDWS_INVALID_PARAMETER;
    }
    gdws_error error = copy_pieces(url, &parts);
    if (error != GDWS_OK) {
        *reason = "out of memory";
    }
    return error;
}

void gdwsi_url_clear(gdwsi_url *url)
{
    gdwsi_mem_free(url->host);
    gdwsi_mem_free(url->authority);
    gdwsi_mem_free(url->path);
    gdwsi_mem_free(url->text);
    memset(url, 0, sizeof(*url));
}
