/* SPDX-License-Identifier: MIT */
/* The opening handshake of a link of our own framing: what the head of a request or an answer does
 * to the link. */
#include "wire_opening.h"

#include <stdio.h>
#include <string.h>

#include "admission.h"
#include "handshake.h"
#include "http.h"
#include "log.h"
#include "mem.h"
#include "wire_write.h"

/* How TLS records begin (RFC 8446 section 5.1). */
enum { TLS_ALERT = 21, TLS_HANDSHAKE = 22 };

/* A client's request, until it has been answered. */
struct gdwsi_opening {
    char key[GDWSI_HANDSHAKE_KEY_SIZE];
    size_t length;
    char text[];
};

gdws_error gdwsi_wire_prepare(gdwsi_link *link, const gdwsi_url *url)
{
    char text[GDWSI_HANDSHAKE_TEXT_MAX];
    char key[GDWSI_HANDSHAKE_KEY_SIZE];
    if (!gdwsi_handshake_make_key(key)) {
        return GDWS_FAILED;
    }
    size_t length = gdwsi_handshake_write_request(link->config, url->authority, url->path, key,
                                                  text, sizeof(text));
    link->opening = gdwsi_mem_alloc(sizeof(*link->opening) + length);
    if (length == 0 || link->opening == NULL) {
        return GDWS_OUT_OF_MEMORY;
    }
    memcpy(link->opening->key, key, sizeof(key));
    memcpy(link->opening->text, text, length);
    link->opening->length = length;
    return GDWS_OK;
}

bool gdwsi_wire_send_request(gdwsi_link *link)
{
    return gdwsi_wire_send_text(link, link->opening->text, link->opening->length);
}

/* Refuse a request, and take no more of the connection. */
static void refuse(gdwsi_link *link, int status, const char *origin)
{
    char answer[GDWSI_ADMISSION_ANSWER_MAX];
    size_t length = 0;
    if (link->config != NULL) {
        length = gdwsi_admission_write_refusal(link->config, status, origin, answer);
    }
    bool is_sent = gdwsi_wire_send_text(link, answer, length);
    link->is_dropped = true;
    gdwsi_wire_end_text(link, is_sent);
    gdwsi_link_note_error(link, GDWS_CONNECTION_ERROR, "handshake refused with %d", status);
    gdwsi_log_write(GDWS_LOG_INFO, "%s port %u: handshake refused with %d",
                    gdws_peer_get_connected_host(&link->peer), link->peer.port, status);
    gdwsi_link_leave(link);
}

void gdwsi_wire_refuse(gdwsi_link *link, int status)
{
    refuse(link, status, NULL);
}

/* The URL as Godot 4 gives it: scheme, Host header, path and query. */
static bool note_facts(gdwsi_link *link, const gdwsi_http_head *request, const char *protocol)
{
    char url[GDWSI_HTTP_HEAD_MAX + 16];
    int length = snprintf(url, sizeof(url), "%s://%s%s", link->tls != NULL ? "wss" : "ws",
                          gdwsi_http_get(request, "Host"), request->target);
    link->peer.protocol = gdwsi_mem_copy_text(protocol, strlen(protocol));
    link->peer.url = gdwsi_mem_copy_text(url, (size_t)length);
    return link->peer.protocol != NULL && link->peer.url != NULL;
}

/* Answer a request of length bytes. */
static void answer_request(gdwsi_link *link, char *text, size_t length)
{
    gdwsi_http_head request;
    char protocol[GDWSI_ADMISSION_PROTOCOL_MAX + 1];
    char answer[GDWSI_HANDSHAKE_TEXT_MAX];
    if (link->config == NULL) {
        gdwsi_link_kill(link);
        return;
    }
    int status = gdwsi_http_parse_request(&request, text, length);
    if (status != 0) {
        refuse(link, status, NULL);
        return;
    }
    status = gdwsi_handshake_judge_request(link->config, &request, protocol);
    if (status == 0 && !note_facts(link, &request, protocol)) {
        status = 500;
    }
    if (status != 0) {
        refuse(link, status, gdwsi_http_get(&request, "Origin"));
        return;
    }
    size_t answer_length =
        gdwsi_handshake_write_answer(link->config, &request, protocol, answer, sizeof(answer));
    if (answer_length == 0) {
        refuse(link, 500, NULL);
    } else if (gdwsi_wire_send_text(link, answer, answer_length)) {
        gdwsi_link_established(link);
    } else {
        gdwsi_link_kill(link);
    }
}

static void give_up(gdwsi_link *link, const char *reason)
{
    gdwsi_link_note_error(link, GDWS_CONNECTION_ERROR, "%s", reason);
    gdwsi_link_kill(link);
    gdwsi_link_ended(link);
}

/* Judge an answer of length bytes. Interim answers (1xx) are passed over. */
static void judge_answer(gdwsi_link *link, char *text, size_t length)
{
    gdwsi_http_head answer;
    const char *protocol = "";
    if (link->config == NULL || !gdwsi_http_parse_answer(&answer, text, length)) {
        give_up(link, "the answer is not HTTP");
        return;
    }
    if (answer.status >= 100 && answer.status < 200 && answer.status != 101) {
        return;
    }
    link->http_status = answer.status;
    if (answer.status != 101) {
        gdwsi_link_note_error(link, GDWS_CONNECTION_ERROR,
                              "the server answered with HTTP status %d", answer.status);
        give_up(link, "");
        return;
    }
    const char *fault =
        gdwsi_handshake_judge_answer(link->config, &answer, link->opening->key, &protocol);
    if (fault != NULL) {
        give_up(link, fault);
        return;
    }
    link->peer.protocol = gdwsi_mem_copy_text(protocol, strlen(protocol));
    if (link->peer.protocol == NULL) {
        give_up(link, "out of memory");
        return;
    }
    gdwsi_mem_free(link->opening);
    link->opening = NULL;
    gdwsi_link_established(link);
}

/* Whether a head can still become one that is taken. end: its length, 0 while it is incomplete. */
static bool is_hopeful(gdwsi_link *link, const char *text, size_t length, size_t end)
{
    bool is_client = link->peer.is_client;
    if (end > GDWSI_HTTP_HEAD_MAX || (end == 0 && length > GDWSI_HTTP_HEAD_MAX)) {
        if (is_client) {
            give_up(link, "the answer is too long");
        } else {
            refuse(link, 431, NULL);
        }
        return false;
    }
    if (is_client && strncmp(text, "HTTP/", length < 5 ? length : 5) != 0) {
        give_up(link, text[0] == TLS_ALERT ? "the server speaks TLS: this needs a wss:// URL"
                                           : "the answer is not HTTP");
        return false;
    }
    /* What begins with no letter is no method, but TLS, perhaps. */
    if (!is_client && (text[0] < 'A' || text[0] > 'z')) {
        if (text[0] == TLS_HANDSHAKE) {
            gdwsi_log_write(GDWS_LOG_INFO,
                            "%s port %u: the client speaks TLS, this server does not",
                            gdws_peer_get_connected_host(&link->peer), link->peer.port);
        }
        refuse(link, 400, NULL);
        return false;
    }
    return true;
}

size_t gdwsi_wire_shake_hands(gdwsi_link *link, uint8_t *bytes, size_t length, size_t known)
{
    char *text = (char *)bytes;
    size_t end = gdwsi_http_find_end(text, length, known);
    if (!is_hopeful(link, text, length, end)) {
        return length;
    }
    if (end > 0 && link->peer.is_client) {
        judge_answer(link, text, end);
    } else if (end > 0) {
        answer_request(link, text, end);
    }
    return end;
}
