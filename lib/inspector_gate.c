/* SPDX-License-Identifier: MIT */
/* Who may see the page, and talk to it. A request must name this machine by number or as localhost
 * (names could be made to point here by others, which is called DNS rebinding), come from a page of
 * ours if it comes from a page at all, and know the token. Then it gets a file of the page, or its
 * WebSocket. The page may load and reach nothing but us, and says nothing of its URL to others. */
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include <arpa/inet.h>
#include <openssl/crypto.h>

#include "handshake.h"
#include "http.h"
#include "inspector.h"
#include "inspector_files.h"

#define HOST_MAX 63

static const char headers[] =
    "Content-Security-Policy: default-src 'none'; script-src 'self'; style-src 'self'; "
    "img-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'\r\n"
    "Referrer-Policy: no-referrer\r\n"
    "X-Frame-Options: DENY\r\n"
    "Cross-Origin-Opener-Policy: same-origin\r\n"
    "Cross-Origin-Resource-Policy: same-origin\r\n"
    "Cache-Control: no-store\r\n";

/* Whether a Host header names a machine by number, or is localhost; with a port or without. */
static bool is_own_host(const char *host)
{
    char name[HOST_MAX + 1];
    struct in6_addr address;
    bool is_v6 = host[0] == '[';
    const char *start = is_v6 ? host + 1 : host;
    size_t length = strcspn(start, is_v6 ? "]" : ":");
    const char *rest = start + length + (is_v6 && start[length] == ']' ? 1 : 0);
    if (length > HOST_MAX || (is_v6 && start[length] != ']') ||
        (rest[0] != '\0' &&
         (rest[0] != ':' || strspn(rest + 1, "0123456789") != strlen(rest + 1)))) {
        return false;
    }
    memcpy(name, start, length);
    name[length] = '\0';
    if (is_v6) {
        return inet_pton(AF_INET6, name, &address) == 1;
    }
    return strcasecmp(name, "localhost") == 0 || inet_pton(AF_INET, name, &address) == 1;
}

/* Whether a request's origin, if it has one, is the page at this host. */
static bool is_own_origin(const char *origin, const char *host)
{
    static const char scheme[] = "http://";
    return origin == NULL || (strncasecmp(origin, scheme, sizeof(scheme) - 1) == 0 &&
                              strcasecmp(origin + sizeof(scheme) - 1, host) == 0);
}

/* Find what follows "/TOKEN/" in a path. Returns NULL when the token is not the right one; how long
 * that takes says nothing about it. */
static const char *pass_token(const gdws_inspector *inspector, const char *path)
{
    if (path[0] != '/' || strcspn(path + 1, "/") != GDWSI_INSPECTOR_TOKEN_LENGTH ||
        path[1 + GDWSI_INSPECTOR_TOKEN_LENGTH] != '/' ||
        CRYPTO_memcmp(path + 1, inspector->token, GDWSI_INSPECTOR_TOKEN_LENGTH) != 0) {
        return NULL;
    }
    return path + GDWSI_INSPECTOR_TOKEN_LENGTH + 2;
}

static const char *type_of(const char *name)
{
    const char *dot = strrchr(name, '.');
    if (dot != NULL && strcmp(dot, ".css") == 0) {
        return "text/css; charset=utf-8";
    }
    if (dot != NULL && strcmp(dot, ".js") == 0) {
        return "text/javascript; charset=utf-8";
    }
    return dot != NULL && strcmp(dot, ".svg") == 0 ? "image/svg+xml" : "text/html; charset=utf-8";
}

static int find_file(const char *name, gdwsi_resource *resource)
{
    const gdwsi_inspector_file *file = gdwsi_inspector_files;
    name = name[0] != '\0' ? name : "index.html";
    while (file->name != NULL && strcmp(file->name, name) != 0) {
        file++;
    }
    if (file->name == NULL) {
        return 404;
    }
    resource->type = type_of(file->name);
    resource->headers = headers;
    resource->bytes = file->bytes;
    resource->length = file->length;
    return 0;
}

int gdwsi_inspector_gate(void *user, const gdwsi_http_head *request, gdwsi_resource *resource)
{
    const gdws_inspector *inspector = user;
    const char *host = gdwsi_http_get(request, "Host");
    if (host == NULL || !is_own_host(host)) {
        resource->text = "The inspector is found by number or as localhost, not by other names.";
        return 403;
    }
    if (!is_own_origin(gdwsi_http_get(request, "Origin"), host)) {
        resource->text = "Web pages of this origin may not connect here.";
        return 403;
    }
    const char *name = pass_token(inspector, gdwsi_http_path(request->target));
    if (name == NULL) {
        resource->text =
            "Open the whole URL that the program has given: its token is missing here.";
        return 401;
    }
    if (gdwsi_handshake_is_wanted(request)) {
        return strcmp(name, "socket") == 0 ? 0 : 404;
    }
    return find_file(name, resource);
}
