/* SPDX-License-Identifier: MIT */
/* TLS under a link. Ciphertext that libwebsockets' raw role has read goes through OpenSSL,
 * plaintext goes on to where bytes of an unsecured link go at once. A handshake that fails leaves
 * the alert for the other side, and words for us. */
#include "wire_tls.h"

#include "log.h"
#include "mem.h"
#include "wire_http.h"
#include "wire_opening.h"
#include "wire_write.h"

gdws_error gdwsi_wire_tls_start(gdwsi_link *link, gdwsi_tls_context *context, const char *host)
{
    link->tls = gdwsi_tls_new(context, &link->loop->tls_room, host);
    return link->tls != NULL ? GDWS_OK : GDWS_OUT_OF_MEMORY;
}

void gdwsi_wire_tls_free(gdwsi_link *link)
{
    gdwsi_tls_free(link->tls);
    link->tls = NULL;
}

/* The connection is of no use any more; the other side still gets the alert. */
static void fail(gdwsi_link *link)
{
    const char *fault = gdwsi_tls_get_fault(link->tls);
    gdwsi_log_write(GDWS_LOG_INFO, "%s port %u: TLS: %s", gdws_peer_get_connected_host(&link->peer),
                    link->peer.port, fault);
    gdwsi_link_note_error(link, GDWS_CONNECTION_ERROR, "TLS: %s", fault);
    gdwsi_peer_note_end(&link->peer, "TLS: the connection is broken");
    link->is_dropped = true;
    gdwsi_wire_end_text(link, gdwsi_wire_send_unsent(link));
    if (link->peer.is_client || link->is_established) {
        gdwsi_link_ended(link);
    }
    gdwsi_link_leave(link);
}

/* The handshake is done: HTTP may begin. */
static void note_secured(gdwsi_link *link)
{
    link->peer.certificate_subject = gdwsi_tls_get_subject(link->tls);
    if (link->peer.certificate_subject == NULL) {
        gdwsi_link_note_error(link, GDWS_OUT_OF_MEMORY, "out of memory");
        gdwsi_link_kill(link);
        return;
    }
    if (link->peer.is_client && !gdwsi_wire_send_request(link)) {
        gdwsi_link_note_error(link, GDWS_CONNECTION_ERROR, "the request could not be sent");
        gdwsi_link_kill(link);
    }
}

/* Go on with the handshake. Returns whether the connection is secured. */
static bool shake_hands(gdwsi_link *link)
{
    if (gdwsi_tls_get_state(link->tls) == GDWSI_TLS_SECURED) {
        return true;
    }
    gdwsi_tls_state state = gdwsi_tls_shake_hands(link->tls);
    if (state == GDWSI_TLS_FAILED) {
        fail(link);
        return false;
    }
    if (!gdwsi_wire_send_unsent(link)) {
        gdwsi_link_kill(link);
        return false;
    }
    if (state == GDWSI_TLS_SECURED) {
        note_secured(link);
    }
    return state == GDWSI_TLS_SECURED && !link->is_killed;
}

void gdwsi_wire_tls_connected(gdwsi_link *link)
{
    (void)shake_hands(link);
}

/* An HTTP request where a TLS record should be. Someone has forgotten the s of wss, and can be
 * told. */
static bool is_plain_request(const gdwsi_link *link, const uint8_t *bytes, size_t length)
{
    return !link->peer.is_client && !link->is_tls_begun && length > 0 && bytes[0] >= 'A' &&
           bytes[0] <= 'Z';
}

bool gdwsi_wire_tls_receive(gdwsi_link *link, uint8_t *bytes, size_t length,
                            void (*take)(gdwsi_link *link, uint8_t *bytes, size_t length))
{
    uint8_t *plain;
    size_t got;
    gdwsi_tls_state state = gdwsi_tls_get_state(link->tls);
    if (link->is_killed || state == GDWSI_TLS_FAILED || state == GDWSI_TLS_ENDED) {
        return false;
    }
    if (is_plain_request(link, bytes, length)) {
        gdwsi_log_write(GDWS_LOG_INFO, "%s port %u: TLS: the client does not speak TLS",
                        gdws_peer_get_connected_host(&link->peer), link->peer.port);
        gdwsi_wire_tls_free(link);
        gdwsi_wire_refuse(link, 400, NULL, NULL);
        return false;
    }
    link->is_tls_begun = true;
    gdwsi_tls_feed(link->tls, bytes, length);
    if (!shake_hands(link)) {
        return gdwsi_tls_get_state(link->tls) == GDWSI_TLS_ENDED;
    }
    do {
        got = gdwsi_tls_read(link->tls, &plain);
        if (gdwsi_tls_get_state(link->tls) == GDWSI_TLS_FAILED) {
            /* What OpenSSL wants to say goes first: the room is needed for what take may write. */
            fail(link);
            return false;
        }
        if (!gdwsi_wire_send_sealed(link)) {
            gdwsi_link_kill(link);
            return false;
        }
        if (got > 0) {
            take(link, plain, got);
        }
    } while (got > 0 && !link->is_killed && gdwsi_tls_get_state(link->tls) == GDWSI_TLS_SECURED);
    return gdwsi_tls_get_state(link->tls) == GDWSI_TLS_ENDED;
}
