/* SPDX-License-Identifier: MIT */
/* Bytes from libwebsockets' raw role to the peer. What is read goes through the handshake, then
 * through the decoder; what the peer is too full for is held, and nothing more is read until it has
 * been taken. */
#include "wire.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "context.h"
#include "mem.h"
#include "wire_http.h"
#include "wire_opening.h"
#include "wire_tls.h"
#include "wire_write.h"

/* When both sides have said Close, or we have failed the connection, it is over for the program.
 * The socket stays for a moment, until the other side closes: what is closed with unread data in
 * it takes our last bytes back. The server closes first (RFC 6455 section 7.1.1). */
static void end_if_closed(gdwsi_link *link)
{
    const gdws_peer *peer = &link->peer;
    if (link->is_dropped || !peer->close_flushed) {
        return;
    }
    if (peer->close_code == -1 && !peer->is_failed) {
        if (link->is_read_over && link->held_length == 0) {
            /* Theirs will not come. */
            gdwsi_link_kill(link);
        }
        return;
    }
    link->is_dropped = true;
    gdwsi_wire_say_end(link, !peer->is_client || peer->is_failed);
    gdwsi_link_ended(link);
    gdwsi_link_leave(link);
    gdwsi_link_update_reading(link);
}

/* Reading */

/* Keep bytes that cannot be used yet. */
static bool hold(gdwsi_link *link, const uint8_t *bytes, size_t length)
{
    uint8_t *held = gdwsi_mem_realloc(link->held, link->held_length + length);
    if (held == NULL) {
        return false;
    }
    memcpy(held + link->held_length, bytes, length);
    link->held = held;
    link->held_length += length;
    return true;
}

static void drop_held(gdwsi_link *link, size_t length)
{
    link->held_length -= length;
    if (link->held_length == 0) {
        gdwsi_mem_free(link->held);
        link->held = NULL;
    } else {
        memmove(link->held, link->held + length, link->held_length);
    }
}

static size_t decode(gdwsi_link *link, uint8_t *bytes, size_t length, bool must_take_all)
{
    gdws_peer *peer = &link->peer;
    size_t used = 0;
    if (link->is_dropped || peer->is_failed || peer->state == GDWS_STATE_CLOSED) {
        return length;
    }
    int code = gdwsi_decoder_feed(&link->decoder, peer, bytes, length, must_take_all, &used);
    if (code != 0) {
        gdwsi_link_fail(link, code, link->decoder.fault);
    }
    if (peer->close_queued) {
        gdwsi_link_await_close(link);
    }
    /* A Close frame for which there was no memory counts as written. */
    if (gdwsi_outq_bytes(&peer->out) > 0 || peer->close_queued) {
        gdwsi_loop_add_flush(link->loop, &link->flush);
    }
    if (gdwsi_peer_has_event(peer)) {
        gdwsi_link_owe_signal(link);
    }
    return used;
}

/* Use what can be used of the bytes. Returns how many. */
static size_t use(gdwsi_link *link, uint8_t *bytes, size_t length, size_t known, bool must_take_all)
{
    size_t used = 0;
    size_t head = 1;
    while (!link->is_established && used < length && head > 0) {
        if (link->is_dropped || link->is_killed) {
            return length;
        }
        head = gdwsi_wire_shake_hands(link, bytes + used, length - used, known);
        used += head;
        known = 0;
    }
    if (link->is_established && used < length) {
        used += decode(link, bytes + used, length - used, must_take_all);
    }
    return used;
}

static void use_held(gdwsi_link *link, bool must_take_all)
{
    if (link->held_length > 0) {
        drop_held(link, use(link, link->held, link->held_length, 0, must_take_all));
        end_if_closed(link);
    }
}

static void receive(gdwsi_link *link, uint8_t *bytes, size_t length)
{
    size_t known = link->held_length;
    size_t used = 0;
    bool is_kept = true;
    gdwsi_link_note_heard(link);
    if (known == 0) {
        used = use(link, bytes, length, 0, false);
        is_kept = used == length || hold(link, bytes + used, length - used);
    } else {
        is_kept = hold(link, bytes, length);
        if (is_kept && !link->peer.is_paused && link->answer == NULL) {
            drop_held(link, use(link, link->held, link->held_length, known, false));
        }
    }
    if (!is_kept) {
        gdwsi_link_note_error(link, GDWS_OUT_OF_MEMORY, "out of memory");
        gdwsi_peer_note_end(&link->peer, "out of memory");
        gdwsi_link_kill(link);
        return;
    }
    gdwsi_link_update_reading(link);
    end_if_closed(link);
}

/* For link */

static void end_if_over(gdwsi_link *link);

static void resume(gdwsi_link *link)
{
    use_held(link, false);
    end_if_over(link);
}

static void finish(gdwsi_link *link)
{
    use_held(link, true);
    gdwsi_wire_stop_answering(link);
    gdwsi_mem_free(link->held);
    gdwsi_mem_free(link->unsent);
    gdwsi_mem_free(link->opening);
    link->held = NULL;
    link->held_length = 0;
    link->unsent = NULL;
    link->unsent_length = 0;
    link->opening = NULL;
}

static void take_given(gdwsi_link *link);

static void finish_link(gdwsi_link *link)
{
    finish(link);
    gdwsi_wire_tls_free(link);
}

const gdwsi_link_transport gdwsi_wire_transport = {
    .write = gdwsi_wire_write,
    .wrote = end_if_closed,
    .send_at_once = gdwsi_wire_send_at_once,
    .resume = resume,
    .take_given = take_given,
    .finish = finish_link,
};

/* libwebsockets' events */

static void on_connected(gdwsi_link *link)
{
    gdwsi_link_tcp_connected(link);
    if (link->is_killed) {
        /* libwebsockets takes the timeout that was to kill it for that of connecting. */
        link->is_killed = false;
        gdwsi_link_kill(link);
    } else if (link->tls != NULL) {
        gdwsi_wire_tls_connected(link);
    } else if (!gdwsi_wire_send_request(link)) {
        gdwsi_link_note_error(link, GDWS_CONNECTION_ERROR, "the request could not be sent");
        gdwsi_link_kill(link);
    }
}

static void on_ended(gdwsi_link *link)
{
    if (link->peer.is_client && !link->is_established) {
        if (link->is_tcp_connected) {
            bool is_in_tls =
                link->tls != NULL && gdwsi_tls_get_state(link->tls) == GDWSI_TLS_SHAKING_HANDS;
            gdwsi_link_note_error(link, GDWS_CONNECTION_ERROR,
                                  "the server ended the connection instead of a %s handshake",
                                  is_in_tls ? "TLS" : "WebSocket");
        } else {
            gdwsi_link_note_error(link, GDWS_CANT_CONNECT,
                                  "connection refused, or host not reachable");
        }
    }
    finish(link);
    gdwsi_link_ended(link);
}

static void on_writeable(gdwsi_link *link)
{
    if (link->is_choked) {
        gdwsi_link_note_taken(link);
    }
    link->is_choked = false;
    if (gdwsi_wire_has_unsent(link) && !link->is_killed) {
        bool is_alive = gdwsi_wire_send_unsent(link);
        if (link->is_dropped) {
            gdwsi_wire_end_text(link, is_alive);
        } else if (!is_alive) {
            gdwsi_link_kill(link);
        }
    }
    if (link->answer != NULL && !link->is_killed && gdwsi_wire_go_on_answering(link)) {
        use_held(link, false);
        end_if_over(link);
        gdwsi_link_update_reading(link);
    }
    link->must_ask = link->is_choked || link->answer != NULL;
    gdwsi_loop_add_flush(link->loop, &link->flush);
}

/* Whether what the other side has sent before it ended its half is still to be used, or what it is
 * still to hear is on its way: it may listen for a Close frame and all that was queued before it.
 */
static bool is_unfinished(const gdwsi_link *link)
{
    const gdws_peer *peer = &link->peer;
    return link->answer != NULL || (link->is_established && link->held_length > 0) ||
           (peer->close_queued && !peer->close_flushed && gdwsi_link_can_write(link));
}

/* The end of what the other side sends is the end of the connection, when all is done that was to
 * be done before it. */
static void end_if_over(gdwsi_link *link)
{
    if (!link->is_read_over || link->is_killed || link->is_dropped) {
        return;
    }
    if (link->answer == NULL && gdwsi_link_can_write(link) && !link->is_choked) {
        if (gdwsi_wire_write(link)) {
            gdwsi_link_conclude_flush(link);
        }
        end_if_closed(link);
    }
    if (link->is_dropped || link->is_killed || is_unfinished(link)) {
        return;
    }
    on_ended(link);
    link->is_dropped = true;
    gdwsi_wire_say_end(link, true);
    gdwsi_link_leave(link);
    gdwsi_link_update_reading(link);
}

static void on_received(gdwsi_link *link, uint8_t *bytes, size_t length)
{
    if (link->tls == NULL) {
        receive(link, bytes, length);
    } else if (gdwsi_wire_tls_receive(link, bytes, length, receive)) {
        link->is_read_over = true;
        end_if_over(link);
        gdwsi_link_update_reading(link);
    }
}

static void take_given(gdwsi_link *link)
{
    uint8_t *given = link->given;
    link->given = NULL;
    on_received(link, given, link->given_length);
    gdwsi_mem_free(given);
}

/* Read what there is, or as much as the loop's buffer takes. Returns false at the end of the
 * connection. */
static bool read_socket(gdwsi_link *link)
{
    ssize_t length = 0;
    if (link->given != NULL) {
        take_given(link);
    }
    do {
        length =
            recv(lws_get_socket_fd(link->wsi), link->loop->read_buffer, GDWSI_LOOP_READ_MAX, 0);
    } while (length < 0 && errno == EINTR);
    if (length > 0) {
        on_received(link, link->loop->read_buffer, (size_t)length);
    }
    if (length == 0 && is_unfinished(link)) {
        link->is_read_over = true;
        gdwsi_link_update_reading(link);
        return true;
    }
    return length > 0 || (length < 0 && (errno == EAGAIN || errno == EWOULDBLOCK));
}

int gdwsi_wire_event(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in,
                     size_t length)
{
    (void)user;
    gdwsi_link *link = wsi != NULL ? lws_get_opaque_user_data(wsi) : NULL;
    if (link == NULL) {
        return 0;
    }
    switch (reason) {
    case LWS_CALLBACK_RAW_CONNECTED:
        link->wsi = wsi;
        on_connected(link);
        break;
    case LWS_CALLBACK_RAW_RX_FILE:
        if (!read_socket(link)) {
            return -1;
        }
        gdwsi_loop_run_batch(link->loop);
        break;
    case LWS_CALLBACK_RAW_RX:
        on_received(link, in, length);
        gdwsi_loop_run_batch(link->loop);
        break;
    case LWS_CALLBACK_RAW_WRITEABLE:
    case LWS_CALLBACK_RAW_WRITEABLE_FILE:
        on_writeable(link);
        break;
    case LWS_CALLBACK_RAW_CLOSE:
    case LWS_CALLBACK_RAW_CLOSE_FILE:
    case LWS_CALLBACK_CLIENT_CONNECTION_ERROR:
        on_ended(link);
        break;
    case LWS_CALLBACK_WSI_DESTROY:
        lws_set_opaque_user_data(wsi, NULL);
        on_ended(link);
        gdwsi_wire_tls_free(link);
        if (link->peer.is_client && !link->is_tcp_connected) {
            gdwsi_context_note_lost(&link->loop->uv, &link->loop->lost, wsi);
        }
        gdwsi_link_destroyed(link);
        break;
    default:
        break;
    }
    return 0;
}
