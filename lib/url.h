/* SPDX-License-Identifier: MIT */
/* URLs: parse and check ws:// and wss:// (RFC 6455 section 3, RFC 3986). Knows no network. */
#ifndef GDWSI_URL_H
#define GDWSI_URL_H

#include <stdbool.h>
#include <stdint.h>

#include "gdws/error.h"

/* A parsed URL. The strings belong to it. */
typedef struct gdwsi_url {
    bool is_secure;  /* wss */
    uint16_t port;   /* 80 or 443 where the URL names none */
    char *host;      /* without brackets: "example.org", "127.0.0.1", "::1" */
    char *authority; /* for the Host header: host, in brackets where it is IPv6, and ":port" unless
                        it is the scheme's default */
    char *path;      /* path and query, at least "/" */
    char *text;      /* the whole URL, normalized: scheme://authority/path */
} gdwsi_url;

/* Parse a URL as connect_to_url takes it.
 *
 * Scheme ws or wss in any case; a missing scheme means ws ("localhost:8080", "example.org/chat").
 * Host: a name (letters, digits, '-', '_', '.'; labels of 1-63 bytes, 253 in all; no punycode is
 * made), IPv4, or IPv6 in brackets (checked with inet_pton; no zone). Port 1-65535, digits only.
 * Path and query are kept byte for byte, percent-encodings as they are; an empty path is "/"; a
 * query right behind the host ("ws://host?x") gets the "/" before it. Refused: userinfo, fragments
 * (RFC 6455 section 3), white space, control characters, bytes over 0x7e, an empty host, anything
 * over 2000 bytes.
 *
 * url is cleared first. Returns INVALID_PARAMETER with *reason a static text of a few words, or
 * OUT_OF_MEMORY. */
gdws_error gdwsi_url_parse(gdwsi_url *url, const char *text, const char **reason);

/* Free the strings; the struct is all zero afterwards. */
void gdwsi_url_clear(gdwsi_url *url);

#endif
