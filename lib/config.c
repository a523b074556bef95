/* SPDX-License-Identifier: MIT */
/* Options. Lists are copied whole before the old one goes, so that a setter that fails has changed
 * nothing. */
#include "config.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "mem.h"

#define SIZE_LOWEST 128u
#define SIZE_HIGHEST (1u << 30)
#define PACKETS_HIGHEST (1u << 20)
#define READ_HIGHEST (1u << 20)
#define REQUEST_LOWEST 256u
#define REQUEST_HIGHEST 32768u
#define TIME_LOWEST 10u
#define TIME_HIGHEST 86400000u
#define PROTOCOLS_MAX 64
#define PROTOCOL_LENGTH_MAX 63
#define PROTOCOLS_BYTES_MAX 1000
#define HEADERS_MAX 32
#define HEADERS_BYTES_MAX 2048
#define ORIGINS_MAX 256
#define ORIGIN_LENGTH_MAX 255

static const char token_bytes[] = "!#$%&'*+-.^_`|~0123456789"
                                  "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";

static void init(gdwsi_config *config)
{
    memset(config, 0, sizeof(*config));
    config->inbound_buffer_bytes = 1u << 20;
    config->outbound_buffer_bytes = 1u << 20;
    config->max_queued_packets_in = 4096;
    config->max_queued_packets_out = 4096;
    config->read_size_bytes = 65536;
    config->close_timeout_ms = 5000;
    config->request_bytes_max = 8192;
}

void gdwsi_config_init_client(gdwsi_config *config)
{
    init(config);
    config->handshake_timeout_ms = 10000;
}

void gdwsi_config_init_server(gdwsi_config *config)
{
    init(config);
    config->handshake_timeout_ms = 3000;
}

/* Lists */

static void list_clear(gdwsi_list *list)
{
    for (size_t i = 0; i < list->count; i++) {
        gdwsi_mem_free(list->items[i]);
    }
    gdwsi_mem_free(list->items);
    memset(list, 0, sizeof(*list));
}

static bool list_append(gdwsi_list *list, const char *text, size_t length)
{
    list->items[list->count] = gdwsi_mem_copy_text(text, length);
    if (list->items[list->count] == NULL) {
        return false;
    }
    list->count++;
    return true;
}

static bool list_make_room(gdwsi_list *list, size_t count)
{
    memset(list, 0, sizeof(*list));
    if (count > 0) {
        list->items = gdwsi_mem_calloc(count, sizeof(*list->items));
    }
    return count == 0 || list->items != NULL;
}

static gdws_error list_replace(gdwsi_list *list, const char *const *items, size_t count)
{
    gdwsi_list copy;
    if (!list_make_room(&copy, count)) {
        return GDWS_OUT_OF_MEMORY;
    }
    for (size_t i = 0; i < count; i++) {
        if (!list_append(&copy, items[i], strlen(items[i]))) {
            list_clear(&copy);
            return GDWS_OUT_OF_MEMORY;
        }
    }
    list_clear(list);
    *list = copy;
    return GDWS_OK;
}

bool gdwsi_list_has(const gdwsi_list *list, const char *name)
{
    for (size_t i = 0; i < list->count; i++) {
        if (strcmp(list->items[i], name) == 0) {
            return true;
        }
    }
    return false;
}

void gdwsi_config_clear(gdwsi_config *config)
{
    list_clear(&config->protocols);
    list_clear(&config->headers);
    list_clear(&config->origins);
    gdwsi_files_free(config->files);
    config->files = NULL;
}

/* Numbers */

static bool is_between(size_t value, size_t lowest, size_t highest)
{
    return value >= lowest && value <= highest;
}

gdws_error gdwsi_config_set_inbound_buffer(gdwsi_config *config, size_t bytes)
{
    if (!is_between(bytes, SIZE_LOWEST, SIZE_HIGHEST)) {
        return GDWS_PARAMETER_RANGE_ERROR;
    }
    config->inbound_buffer_bytes = bytes;
    return GDWS_OK;
}

gdws_error gdwsi_config_set_outbound_buffer(gdwsi_config *config, size_t bytes)
{
    if (!is_between(bytes, SIZE_LOWEST, SIZE_HIGHEST)) {
        return GDWS_PARAMETER_RANGE_ERROR;
    }
    config->outbound_buffer_bytes = bytes;
    return GDWS_OK;
}

gdws_error gdwsi_config_set_max_queued_packets(gdwsi_config *config, size_t packets)
{
    if (!is_between(packets, 1, PACKETS_HIGHEST)) {
        return GDWS_PARAMETER_RANGE_ERROR;
    }
    config->max_queued_packets_in = packets;
    config->max_queued_packets_out = packets;
    return GDWS_OK;
}

static size_t round_up(size_t value)
{
    size_t power = 1;
    while (power < value) {
        power *= 2;
    }
    return power;
}

gdws_error gdwsi_config_set_buffers(gdwsi_config *config, size_t in_kb, size_t in_packets,
                                    size_t out_kb, size_t out_packets)
{
    if (!is_between(in_kb, 1, SIZE_HIGHEST >> 10) || !is_between(out_kb, 1, SIZE_HIGHEST >> 10) ||
        !is_between(in_packets, 1, PACKETS_HIGHEST) ||
        !is_between(out_packets, 1, PACKETS_HIGHEST)) {
        return GDWS_PARAMETER_RANGE_ERROR;
    }
    config->inbound_buffer_bytes = round_up(in_kb) << 10;
    config->max_queued_packets_in = round_up(in_packets);
    config->outbound_buffer_bytes = round_up(out_kb) << 10;
    config->max_queued_packets_out = round_up(out_packets);
    return GDWS_OK;
}

gdws_error gdwsi_config_set_read_size(gdwsi_config *config, size_t bytes)
{
    if (!is_between(bytes, SIZE_LOWEST, READ_HIGHEST)) {
        return GDWS_PARAMETER_RANGE_ERROR;
    }
    config->read_size_bytes = bytes;
    return GDWS_OK;
}

gdws_error gdwsi_config_set_heartbeat(gdwsi_config *config, uint32_t interval_ms,
                                      uint32_t timeout_ms)
{
    if (interval_ms != 0 && (!is_between(interval_ms, TIME_LOWEST, TIME_HIGHEST) ||
                             !is_between(timeout_ms, TIME_LOWEST, TIME_HIGHEST))) {
        return GDWS_PARAMETER_RANGE_ERROR;
    }
    config->heartbeat_interval_ms = interval_ms;
    config->heartbeat_timeout_ms = timeout_ms;
    return GDWS_OK;
}

gdws_error gdwsi_config_set_handshake_timeout(gdwsi_config *config, uint32_t timeout_ms)
{
    if (!is_between(timeout_ms, TIME_LOWEST, TIME_HIGHEST)) {
        return GDWS_PARAMETER_RANGE_ERROR;
    }
    config->handshake_timeout_ms = timeout_ms;
    return GDWS_OK;
}

gdws_error gdwsi_config_set_close_timeout(gdwsi_config *config, uint32_t timeout_ms)
{
    if (!is_between(timeout_ms, TIME_LOWEST, TIME_HIGHEST)) {
        return GDWS_PARAMETER_RANGE_ERROR;
    }
    config->close_timeout_ms = timeout_ms;
    return GDWS_OK;
}

gdws_error gdwsi_config_set_request_size(gdwsi_config *config, size_t bytes)
{
    if (!is_between(bytes, REQUEST_LOWEST, REQUEST_HIGHEST)) {
        return GDWS_PARAMETER_RANGE_ERROR;
    }
    config->request_bytes_max = bytes;
    return GDWS_OK;
}

gdws_error gdwsi_config_set_document_root(gdwsi_config *config, const char *directory)
{
    gdwsi_files *files = NULL;
    gdws_error error = directory != NULL ? gdwsi_files_new(directory, &files) : GDWS_OK;
    if (error == GDWS_OK) {
        gdwsi_files_free(config->files);
        config->files = files;
    }
    return error;
}

/* Subprotocols */

static bool is_token(const char *text, size_t length)
{
    return length > 0 && strspn(text, token_bytes) >= length;
}

gdws_error gdwsi_config_check_protocol(const char *protocol)
{
    size_t length = protocol != NULL ? strlen(protocol) : 0;
    return length <= PROTOCOL_LENGTH_MAX && is_token(protocol, length) ? GDWS_OK
                                                                       : GDWS_INVALID_PARAMETER;
}

gdws_error gdwsi_config_set_protocols(gdwsi_config *config, const char *const *protocols,
                                      size_t count)
{
    size_t bytes = 0;
    if (count > PROTOCOLS_MAX || (protocols == NULL && count > 0)) {
        return GDWS_INVALID_PARAMETER;
    }
    for (size_t i = 0; i < count; i++) {
        size_t length = protocols[i] != NULL ? strlen(protocols[i]) : 0;
        bytes += length + 2;
        if (length > PROTOCOL_LENGTH_MAX || !is_token(protocols[i], length) ||
            bytes > PROTOCOLS_BYTES_MAX) {
            return GDWS_INVALID_PARAMETER;
        }
        for (size_t j = 0; j < i; j++) {
            if (strcmp(protocols[i], protocols[j]) == 0) {
                return GDWS_INVALID_PARAMETER;
            }
        }
    }
    return list_replace(&config->protocols, protocols, count);
}

/* Headers */

static bool is_owned_by_handshake(const char *name, size_t length)
{
    static const char *const owned[] = {"Host", "Upgrade", "Connection", "Content-Length",
                                        "Transfer-Encoding"};
    static const char prefix[] = "Sec-WebSocket-";
    for (size_t i = 0; i < sizeof(owned) / sizeof(owned[0]); i++) {
        if (strlen(owned[i]) == length && strncasecmp(name, owned[i], length) == 0) {
            return true;
        }
    }
    return strncasecmp(name, prefix, sizeof(prefix) - 1) == 0;
}

/* Check a line and write it as "Name: value". Returns its length, 0 when it is not in order. */
static size_t normalize_header(const char *line, char *target, size_t size)
{
    const char *colon = line != NULL ? strchr(line, ':') : NULL;
    if (colon == NULL || strlen(line) >= size) {
        return 0;
    }
    size_t name_length = (size_t)(colon - line);
    if (!is_token(line, name_length) || is_owned_by_handshake(line, name_length)) {
        return 0;
    }
    const char *value = colon + 1 + strspn(colon + 1, " \t");
    size_t length = strlen(value);
    while (length > 0 && (value[length - 1] == ' ' || value[length - 1] == '\t')) {
        length--;
    }
    for (size_t i = 0; i < length; i++) {
        if (((unsigned char)value[i] < ' ' && value[i] != '\t') || value[i] == 0x7f) {
            return 0;
        }
    }
    int written = snprintf(target, size, "%.*s: %.*s", (int)name_length, line, (int)length, value);
    return written > 0 && (size_t)written < size ? (size_t)written : 0;
}

gdws_error gdwsi_config_set_headers(gdwsi_config *config, const char *const *headers, size_t count)
{
    char line[HEADERS_BYTES_MAX];
    gdwsi_list copy;
    size_t bytes = 0;
    gdws_error error = GDWS_INVALID_PARAMETER;
    if (count > HEADERS_MAX || (headers == NULL && count > 0)) {
        return GDWS_INVALID_PARAMETER;
    }
    if (!list_make_room(&copy, count)) {
        return GDWS_OUT_OF_MEMORY;
    }
    for (size_t i = 0; i < count; i++) {
        size_t length = normalize_header(headers[i], line, sizeof(line));
        bytes += length + 2;
        if (length == 0 || bytes > HEADERS_BYTES_MAX) {
            goto fail;
        }
        if (!list_append(&copy, line, length)) {
            error = GDWS_OUT_OF_MEMORY;
            goto fail;
        }
    }
    list_clear(&config->headers);
    config->headers = copy;
    return GDWS_OK;

fail:
    list_clear(&copy);
    return error;
}

/* Origins */

/* Cut "scheme://" off; the scheme's length is 0 without one. */
static const char *after_scheme(const char *origin, size_t *scheme_length)
{
    const char *colon = strstr(origin, "://");
    *scheme_length = colon != NULL ? (size_t)(colon - origin) : 0;
    return colon != NULL ? colon + 3 : origin;
}

static bool is_origin(const char *origin)
{
    if (origin == NULL || origin[0] == '\0' || strlen(origin) > ORIGIN_LENGTH_MAX) {
        return false;
    }
    for (const char *byte = origin; *byte != '\0'; byte++) {
        if (*byte <= ' ' || *byte > '~') {
            return false;
        }
    }
    if (strcmp(origin, "*") == 0 || strcmp(origin, "null") == 0) {
        return true;
    }
    size_t scheme_length = 0;
    const char *host = after_scheme(origin, &scheme_length);
    bool is_wildcard = strncmp(host, "*.", 2) == 0;
    const char *name = is_wildcard ? host + 2 : host;
    return name[0] != '\0' && name[0] != '.' && strpbrk(name, "*/?#@") == NULL &&
           (scheme_length > 0 || is_wildcard);
}

gdws_error gdwsi_config_set_origins(gdwsi_config *config, const char *const *origins, size_t count)
{
    if (count > ORIGINS_MAX || (origins == NULL && count > 0)) {
        return GDWS_INVALID_PARAMETER;
    }
    for (size_t i = 0; i < count; i++) {
        if (!is_origin(origins[i])) {
            return GDWS_INVALID_PARAMETER;
        }
    }
    return list_replace(&config->origins, origins, count);
}

/* Whether a host, perhaps with a port, is a subdomain of ".name". A rule that names a port asks for
 * that port, others for none in particular. */
static bool is_subdomain(const char *host, const char *dot_name)
{
    size_t host_length = strchr(dot_name, ':') != NULL ? strlen(host) : strcspn(host, ":");
    size_t name_length = strlen(dot_name);
    return host_length > name_length &&
           strncasecmp(host + host_length - name_length, dot_name, name_length) == 0;
}

static bool matches(const char *rule, const char *origin)
{
    size_t rule_scheme = 0;
    size_t origin_scheme = 0;
    const char *rule_host = after_scheme(rule, &rule_scheme);
    const char *host = after_scheme(origin, &origin_scheme);
    if (strcmp(rule, "*") == 0 || strcasecmp(rule, origin) == 0) {
        return true;
    }
    if (rule_scheme > 0 &&
        (rule_scheme != origin_scheme || strncasecmp(rule, origin, rule_scheme) != 0)) {
        return false;
    }
    return strncmp(rule_host, "*.", 2) == 0 && origin_scheme > 0 &&
           is_subdomain(host, rule_host + 1);
}

bool gdwsi_config_allows_origin(const gdwsi_config *config, const char *origin)
{
    if (config->origins.count == 0 || origin == NULL) {
        return true;
    }
    for (size_t i = 0; i < config->origins.count; i++) {
        if (matches(config->origins.items[i], origin)) {
            return true;
        }
    }
    return false;
}
