/* SPDX-License-Identifier: MIT */
/* The opening handshake of a link of our own framing: what the head of a request or an answer does
 * to the link. */
#include "wire_opening.h"

#include <string.h>

#include "handshake.h"
#include "http.h"
#include "log.h"
#include "mem.h"
#include "request.h"
#include "wire_http.h"
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
        gdwsi_link_note_error(link, GDWS_FAILED, "the system gives no random numbers");
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

/* Let a request in, unless its owner refuses it. */
static void let_in(gdwsi_link *link, const gdwsi_http_head *head, const gdwsi_offer *offer)
{
    char answer[GDWSI_HANDSHAKE_TEXT_MAX];
    if (link->is_answered) {
        gdwsi_link_established(link);
        return;
    }
    size_t length = gdwsi_handshake_write_answer(link->config, head, offer, answer, sizeof(answer));
    if (length == 0) {
        gdwsi_wire_refuse(link, 500, NULL, NULL);
    } else if (gdwsi_wire_send_text(link, answer, length)) {
        gdwsi_link_established(link);
    } else {
        gdwsi_link_kill(link);
    }
}

/* Ask the owner. Returns 0 to let the request in; otherwise all has been done. */
static int admit(gdwsi_link *link, const gdwsi_http_head *head, const gdwsi_offer *offer)
{
    gdws_request request;
    const char *offered = offer->offered[0] != '\0' ? offer->offered : NULL;
    if (link->config->admit == NULL) {
        return 0;
    }
    if (!gdwsi_request_init(&request, head, link->peer.request_headers, offered)) {
        gdwsi_wire_refuse(link, 500, NULL, gdwsi_http_get(head, "Origin"));
        return 500;
    }
    request.host = gdws_peer_get_connected_host(&link->peer);
    request.port = link->peer.port;
    const char *subject = gdws_peer_get_certificate_subject(&link->peer);
    request.certificate_subject = subject[0] != '\0' ? subject : NULL;
    int status = link->config->admit(link->owner, link, &request);
    if (status > 0) {
        gdwsi_wire_refuse(link, status, request.text, gdwsi_http_get(head, "Origin"));
    }
    gdwsi_request_clear(&request);
    return status;
}

/* Compress from now on, if that was agreed on. Returns false without memory. */
static bool note_terms(gdwsi_link *link, const gdwsi_extension_terms *terms)
{
    if (terms->is_agreed) {
        link->peer.deflate = gdwsi_deflate_new(terms);
    }
    return terms->is_agreed == (link->peer.deflate != NULL);
}

/* Keep what the program may ask for later. */
static bool note_facts(gdwsi_link *link, const gdwsi_http_head *head, const gdwsi_offer *offer)
{
    link->peer.protocol = gdwsi_mem_copy_text(offer->protocol, strlen(offer->protocol));
    link->peer.url = gdwsi_request_make_record(link->tls != NULL ? "wss" : "ws", head,
                                               &link->peer.request_headers);
    return link->peer.protocol != NULL && link->peer.url != NULL && note_terms(link, &offer->terms);
}

/* Ask the config's gate. Returns whether a handshake may go on; otherwise all has been done. What
 * it refuses is no business of other origins, either. */
static bool pass_gate(gdwsi_link *link, const gdwsi_http_head *head)
{
    gdwsi_resource resource = {.type = NULL};
    int status = link->config->gate(link->config->gate_user, head, &resource);
    if (status != 0) {
        gdwsi_wire_refuse_method(link, head->method, status, resource.text, NULL);
        return false;
    }
    if (!gdwsi_handshake_is_wanted(head)) {
        gdwsi_wire_answer_from_memory(link, head, &resource);
        return false;
    }
    return true;
}

/* Answer a request of length bytes. */
static void answer_request(gdwsi_link *link, char *text, size_t length)
{
    gdwsi_http_head head;
    gdwsi_offer offer;
    if (link->config == NULL) {
        gdwsi_link_kill(link);
        return;
    }
    int status = gdwsi_http_parse_request(&head, text, length);
    if (status != 0) {
        gdwsi_wire_refuse_method(link, head.method, status, NULL, NULL);
        return;
    }
    status = gdwsi_handshake_judge_head(&head);
    if (status == 0 && link->config->gate != NULL && !pass_gate(link, &head)) {
        return;
    }
    if (status == 0 && !link->is_answered && !gdwsi_handshake_is_wanted(&head)) {
        gdwsi_wire_answer(link, &head);
        return;
    }
    if (status == 0) {
        status = gdwsi_handshake_judge_request(link->config, &head, &offer);
    }
    if (status == 0 && !note_facts(link, &head, &offer)) {
        status = 500;
    }
    if (status != 0) {
        gdwsi_wire_refuse_method(link, head.method, status, NULL, gdwsi_http_get(&head, "Origin"));
    } else if (admit(link, &head, &offer) == 0) {
        let_in(link, &head, &offer);
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
    gdwsi_extension_terms terms;
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
        gdwsi_handshake_judge_answer(link->config, &answer, link->opening->key, &protocol, &terms);
    if (fault != NULL) {
        give_up(link, fault);
        return;
    }
    link->peer.protocol = gdwsi_mem_copy_text(protocol, strlen(protocol));
    if (link->peer.protocol == NULL || !note_terms(link, &terms)) {
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
    size_t most = link->config != NULL ? link->config->request_bytes_max : GDWSI_HTTP_HEAD_MAX;
    if (end > most || (end == 0 && length > most)) {
        if (is_client) {
            give_up(link, "the answer is too long");
        } else {
            gdwsi_wire_refuse_method(link, strncmp(text, "HEAD ", 5) == 0 ? "HEAD" : NULL, 431,
                                     NULL, NULL);
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
        gdwsi_wire_refuse(link, 400, NULL, NULL);
        return false;
    }
    return true;
}

/* Whether a text begins with an empty line, or may become one that does. Some clients send one
 * behind a body (RFC 9112 section 2.2). */
static bool is_empty_line(const char *text, size_t length)
{
    return memcmp(text, "\r\n", length < 2 ? length : 2) == 0;
}

size_t gdwsi_wire_shake_hands(gdwsi_link *link, uint8_t *bytes, size_t length, size_t known)
{
    char *text = (char *)bytes;
    if (link->answer != NULL) {
        return 0;
    }
    /* A head that somebody else has answered stands by itself. */
    if (!link->peer.is_client && !link->is_answered && is_empty_line(text, length)) {
        return length < 2 ? 0 : 2;
    }
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
