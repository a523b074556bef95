/* SPDX-License-Identifier: MIT */
/* The opening handshake. Which origins and subprotocols are welcome is admission's business. */
#include "handshake.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include <openssl/evp.h>

#include "answer.h"
#include "random.h"
#include "writer.h"

#define NONCE_BYTES 16
#define SHA1_BYTES 20

static void add_headers(gdwsi_writer *writer, const gdwsi_config *config)
{
    for (size_t i = 0; i < config->headers.count; i++) {
        gdwsi_writer_add(writer, "%s\r\n", config->headers.items[i]);
    }
}

static size_t finish(gdwsi_writer *writer)
{
    gdwsi_writer_add(writer, "\r\n");
    return gdwsi_writer_finish(writer);
}

/* RFC 6455 section 4.2.2, item 5.4 */
static bool make_accept(const char *key, char accept[GDWSI_HANDSHAKE_ACCEPT_SIZE])
{
    static const char guid[] = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
    char text[GDWSI_HANDSHAKE_KEY_SIZE + sizeof(guid)];
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned digest_length = 0;
    int length = snprintf(text, sizeof(text), "%s%s", key, guid);
    if (length < 0 || (size_t)length >= sizeof(text) ||
        EVP_Digest(text, (size_t)length, digest, &digest_length, EVP_sha1(), NULL) != 1 ||
        digest_length != SHA1_BYTES) {
        return false;
    }
    (void)EVP_EncodeBlock((unsigned char *)accept, digest, SHA1_BYTES);
    return true;
}

/* Server */

/* The headers that a request may have only once. */
static bool has_doubled_header(const gdwsi_http_head *request)
{
    static const char *const names[] = {"Host", "Sec-WebSocket-Key", "Sec-WebSocket-Version",
                                        "Origin"};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (gdwsi_http_count(request, names[i]) > 1) {
            return true;
        }
    }
    return false;
}

int gdwsi_handshake_judge_head(const gdwsi_http_head *request)
{
    const char *host = gdwsi_http_get(request, "Host");
    /* With another one a peer's URL would not be what it looks like. */
    bool is_host = host != NULL ? gdwsi_http_is_host(host) : request->minor_version == 0;
    return has_doubled_header(request) || !is_host || gdwsi_http_path(request->target) == NULL ? 400
                                                                                               : 0;
}

bool gdwsi_handshake_is_wanted(const gdwsi_http_head *request)
{
    return gdwsi_http_has_token(request, "Upgrade", "websocket");
}

bool gdwsi_handshake_has_body(const gdwsi_http_head *request)
{
    const char *length = gdwsi_http_get(request, "Content-Length");
    return gdwsi_http_count(request, "Transfer-Encoding") > 0 ||
           (length != NULL && strcmp(length, "0") != 0);
}

/* An offer that is longer than any sensible one is passed over, as it is without compression. */
static bool choose_extension(const gdwsi_config *config, const gdwsi_http_head *request,
                             gdwsi_offer *offer)
{
    char offers[GDWSI_EXTENSION_HEADER_MAX];
    return !config->compresses ||
           !gdwsi_http_join(request, "Sec-WebSocket-Extensions", offers, sizeof(offers)) ||
           gdwsi_extension_choose(offers, &offer->terms, offer->extension);
}

int gdwsi_handshake_judge_request(const gdwsi_config *config, const gdwsi_http_head *request,
                                  gdwsi_offer *offer)
{
    memset(offer, 0, sizeof(*offer));
    if (!gdwsi_http_join(request, "Sec-WebSocket-Protocol", offer->offered,
                         sizeof(offer->offered))) {
        return 431;
    }
    bool is_upgrade = strcmp(request->method, "GET") == 0 && request->minor_version > 0 &&
                      gdwsi_handshake_is_wanted(request) &&
                      gdwsi_http_has_token(request, "Connection", "Upgrade");
    gdwsi_request facts = {
        .version = gdwsi_http_get(request, "Sec-WebSocket-Version"),
        .key = gdwsi_http_get(request, "Sec-WebSocket-Key"),
        .origin = gdwsi_http_get(request, "Origin"),
        .protocols =
            gdwsi_http_count(request, "Sec-WebSocket-Protocol") > 0 ? offer->offered : NULL,
        .is_upgrade = is_upgrade,
    };
    int status = gdwsi_admission_decide(config, &facts, offer->protocol);
    if (status == 0 && !choose_extension(config, request, offer)) {
        return 400;
    }
    /* What follows a handshake is frames: a body would be taken for some. */
    return status == 0 && gdwsi_handshake_has_body(request) ? 400 : status;
}

size_t gdwsi_handshake_write_answer(const gdwsi_config *config, const gdwsi_http_head *request,
                                    const gdwsi_offer *offer, char *text, size_t size)
{
    char accept[GDWSI_HANDSHAKE_ACCEPT_SIZE];
    char origin_lines[GDWSI_ANSWER_MAX];
    gdwsi_writer writer = {.text = text, .size = size};
    if (!make_accept(gdwsi_http_get(request, "Sec-WebSocket-Key"), accept)) {
        return 0;
    }
    gdwsi_writer_add(
        &writer,
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        "Sec-WebSocket-Accept: %s\r\n",
        accept);
    if (offer->protocol[0] != '\0') {
        gdwsi_writer_add(&writer, "Sec-WebSocket-Protocol: %s\r\n", offer->protocol);
    }
    if (offer->extension[0] != '\0') {
        gdwsi_writer_add(&writer, "Sec-WebSocket-Extensions: %s\r\n", offer->extension);
    }
    size_t length = gdwsi_answer_write_origin(gdwsi_http_get(request, "Origin"), origin_lines,
                                              sizeof(origin_lines));
    gdwsi_writer_add(&writer, "%.*s", (int)length, origin_lines);
    add_headers(&writer, config);
    return finish(&writer);
}

/* Client */

bool gdwsi_handshake_make_key(char key[GDWSI_HANDSHAKE_KEY_SIZE])
{
    unsigned char nonce[NONCE_BYTES];
    if (!gdwsi_random_fill(nonce, sizeof(nonce))) {
        return false;
    }
    (void)EVP_EncodeBlock((unsigned char *)key, nonce, NONCE_BYTES);
    return true;
}

size_t gdwsi_handshake_write_request(const gdwsi_config *config, const char *authority,
                                     const char *path, const char *key, char *text, size_t size)
{
    gdwsi_writer writer = {.text = text, .size = size};
    gdwsi_writer_add(&writer,
                     "GET %s HTTP/1.1\r\nHost: %s\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                     "Sec-WebSocket-Key: %s\r\nSec-WebSocket-Version: 13\r\n",
                     path, authority, key);
    for (size_t i = 0; i < config->protocols.count; i++) {
        gdwsi_writer_add(&writer, "%s%s", i == 0 ? "Sec-WebSocket-Protocol: " : ", ",
                         config->protocols.items[i]);
    }
    if (config->protocols.count > 0) {
        gdwsi_writer_add(&writer, "\r\n");
    }
    if (config->compresses) {
        gdwsi_writer_add(&writer, "Sec-WebSocket-Extensions: %s\r\n", gdwsi_extension_offer);
    }
    add_headers(&writer, config);
    return finish(&writer);
}

/* The subprotocol must be one that was asked for, and there must be one when any was, as browsers
 * and Godot want it. */
static const char *judge_protocol(const gdwsi_config *config, const gdwsi_http_head *answer,
                                  const char **protocol)
{
    const char *chosen = gdwsi_http_get(answer, "Sec-WebSocket-Protocol");
    *protocol = chosen != NULL ? chosen : "";
    if (gdwsi_http_count(answer, "Sec-WebSocket-Protocol") > 1 ||
        (chosen != NULL && !gdwsi_list_has(&config->protocols, chosen))) {
        return "the server chose a subprotocol that was not offered";
    }
    if (chosen == NULL && config->protocols.count > 0) {
        return "the server chose no subprotocol that was offered";
    }
    return NULL;
}

static bool judge_extension(const gdwsi_config *config, const gdwsi_http_head *answer,
                            gdwsi_extension_terms *terms)
{
    size_t count = gdwsi_http_count(answer, "Sec-WebSocket-Extensions");
    memset(terms, 0, sizeof(*terms));
    return count == 0 ||
           (count == 1 && config->compresses &&
            gdwsi_extension_accept(gdwsi_http_get(answer, "Sec-WebSocket-Extensions"), terms));
}

const char *gdwsi_handshake_judge_answer(const gdwsi_config *config, const gdwsi_http_head *answer,
                                         const char *key, const char **protocol,
                                         gdwsi_extension_terms *terms)
{
    char expected[GDWSI_HANDSHAKE_ACCEPT_SIZE];
    const char *upgrade = gdwsi_http_get(answer, "Upgrade");
    const char *accept = gdwsi_http_get(answer, "Sec-WebSocket-Accept");
    *protocol = "";
    if (upgrade == NULL || strcasecmp(upgrade, "websocket") != 0 ||
        !gdwsi_http_has_token(answer, "Connection", "Upgrade")) {
        return "the answer is no WebSocket upgrade";
    }
    if (accept == NULL) {
        return "no Sec-WebSocket-Accept in the answer";
    }
    if (gdwsi_http_count(answer, "Sec-WebSocket-Accept") > 1 || !make_accept(key, expected) ||
        strcmp(accept, expected) != 0) {
        return "wrong Sec-WebSocket-Accept in the answer";
    }
    if (!judge_extension(config, answer, terms)) {
        return "the server chose an extension that was not offered";
    }
    return judge_protocol(config, answer, protocol);
}
