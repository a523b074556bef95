/* SPDX-License-Identifier: MIT */
/* Config: the options of clients and servers, their defaults, their checks and their copying.
 * Setters change nothing when they return an error. */
#ifndef GDWSI_CONFIG_H
#define GDWSI_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "files.h"
#include "gdws/error.h"

struct gdws_request;
struct gdwsi_http_head;
struct gdwsi_link;

/* What a gate answers with. All is lent, and must stay until it has been sent. */
typedef struct gdwsi_resource {
    const char *type;    /* for Content-Type */
    const char *headers; /* more lines, each with its line end */
    const uint8_t *bytes;
    size_t length;
    const char *text; /* of a refusal: why, in one line; NULL for what fits the status */
} gdwsi_resource;

/* Judge a request whose head is in order. Returns 0 to go on with a handshake, or to send the
 * resource to a request that wants none; else the status to refuse with. */
typedef int (*gdwsi_gate)(void *user, const struct gdwsi_http_head *request,
                          gdwsi_resource *resource);

/* A list of strings that owns them. */
typedef struct gdwsi_list {
    char **items;
    size_t count;
} gdwsi_list;

typedef struct gdwsi_config {
    size_t inbound_buffer_bytes;    /* 1 MiB */
    size_t outbound_buffer_bytes;   /* 1 MiB */
    size_t max_queued_packets_in;   /* 4096 */
    size_t max_queued_packets_out;  /* 4096 */
    size_t read_size_bytes;         /* 65536 */
    uint32_t heartbeat_interval_ms; /* 0: off */
    uint32_t heartbeat_timeout_ms;
    uint32_t handshake_timeout_ms; /* 3000 on a server, 10000 on a client */
    uint32_t close_timeout_ms;     /* 5000 */
    bool refuses_connections;
    bool compresses;           /* false */
    bool writes_frames_singly; /* false; for tests: as where an extension is negotiated */
    gdwsi_list protocols;      /* supported subprotocols */
    gdwsi_list headers;        /* extra handshake headers, "Name: value" */
    gdwsi_list origins;        /* allowed origins; none means all */

    /* What a server makes of requests. */
    size_t request_bytes_max;      /* 8192 */
    bool is_cross_origin_isolated; /* false */
    gdwsi_files *files;            /* the document root; NULL without one */
    gdwsi_gate gate;               /* asked before anything else; NULL without one */
    void *gate_user;
    /* Asked about each request that is in order. Returns 0 to let it in, or the status to refuse
     * with (the request's text goes with it), or -1 when the link has been let go. NULL: all come
     * in. */
    int (*admit)(void *owner, struct gdwsi_link *link, struct gdws_request *request);
} gdwsi_config;

void gdwsi_config_init_client(gdwsi_config *config);
void gdwsi_config_init_server(gdwsi_config *config);

/* Free what the config owns. */
void gdwsi_config_clear(gdwsi_config *config);

/* Sizes: 128 bytes to 1 GiB, else PARAMETER_RANGE_ERROR. */
gdws_error gdwsi_config_set_inbound_buffer(gdwsi_config *config, size_t bytes);
gdws_error gdwsi_config_set_outbound_buffer(gdwsi_config *config, size_t bytes);

/* Packets: 1 to 1048576, else PARAMETER_RANGE_ERROR; both directions. */
gdws_error gdwsi_config_set_max_queued_packets(gdwsi_config *config, size_t packets);

/* Godot 3's set_buffers: KiB and packets for each direction; each is rounded up to a power of
 * two, as Godot does; same ranges as above after that; all four or none. 0 is out of range. */
gdws_error gdwsi_config_set_buffers(gdwsi_config *config, size_t in_kb, size_t in_packets,
                                    size_t out_kb, size_t out_packets);

/* 128 to 1 MiB, else PARAMETER_RANGE_ERROR. */
gdws_error gdwsi_config_set_read_size(gdwsi_config *config, size_t bytes);

/* interval 0 switches the heartbeat off (timeout is ignored then); else both are 10 ms to one day
 * (86400000), else PARAMETER_RANGE_ERROR. */
gdws_error gdwsi_config_set_heartbeat(gdwsi_config *config, uint32_t interval_ms,
                                      uint32_t timeout_ms);

/* 10 ms to one day, else PARAMETER_RANGE_ERROR. */
gdws_error gdwsi_config_set_handshake_timeout(gdwsi_config *config, uint32_t timeout_ms);
gdws_error gdwsi_config_set_close_timeout(gdwsi_config *config, uint32_t timeout_ms);

/* 256 bytes to 32 KiB, else PARAMETER_RANGE_ERROR. */
gdws_error gdwsi_config_set_request_size(gdwsi_config *config, size_t bytes);

/* Open a directory, or with NULL none; the old one is closed. Returns what gdwsi_files_new returns.
 */
gdws_error gdwsi_config_set_document_root(gdwsi_config *config, const char *directory);

/* Subprotocols: RFC 6455 section 4.1 tokens (RFC 7230 token), 1 to 63 bytes each, no duplicates, at
 * most 64 of them, and at most 1000 bytes joined with ", "; else INVALID_PARAMETER. count 0 clears.
 * A NULL item is INVALID_PARAMETER. */
gdws_error gdwsi_config_set_protocols(gdwsi_config *config, const char *const *protocols,
                                      size_t count);

/* Whether a subprotocol alone is such a name: OK or INVALID_PARAMETER. */
gdws_error gdwsi_config_check_protocol(const char *protocol);

/* Headers: "Name: value" each, the name a token, the value without control characters (no CR, LF,
 * NUL), never one that the handshake owns (Host, Upgrade, Connection, Content-Length,
 * Transfer-Encoding, Sec-WebSocket-*, in any case); at most 32 of them and 2048 bytes in all; else
 * INVALID_PARAMETER. count 0 clears. Stored normalized as "Name: value" (white space around the
 * value removed). */
gdws_error gdwsi_config_set_headers(gdwsi_config *config, const char *const *headers, size_t count);

/* Origins: exact ("https://example.org", "http://localhost:8000"), a scheme and a wildcard host
 * (https and *.example.org), a bare wildcard host "*.example.org" (any scheme and port), "null", or
 * "*" (all). At most 256, 1-255 visible ASCII bytes each; else INVALID_PARAMETER. count 0 allows
 * all. */
gdws_error gdwsi_config_set_origins(gdwsi_config *config, const char *const *origins, size_t count);

/* Whether a request with this Origin header may come in. origin NULL (no header: not a browser) is
 * always allowed. Scheme and host compare without case; "*.example.org" covers a.example.org and
 * a.b.example.org with any port, not example.org itself. */
bool gdwsi_config_allows_origin(const gdwsi_config *config, const char *origin);

/* Whether a name is in a list; exact bytes. */
bool gdwsi_list_has(const gdwsi_list *list, const char *name);

#endif
