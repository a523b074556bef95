/* SPDX-License-Identifier: MIT */
/* Bytes between libwebsockets' raw role and the peer. What is read goes through the handshake, then
 * through the decoder; what the peer is too full for is held, and nothing more is read until it has
 * been taken. What is queued goes to the kernel as it lies in the queue, many frames at once.
 * Writing is a plain send on the socket: lws_write would stop reading while it holds something
 * back, and two peers that flood each other would wait for ever. */
#include "wire.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "admission.h"
#include "handshake.h"
#include "http.h"
#include "log.h"
#include "mem.h"

/* A client's request, until it has been answered. */
struct gdwsi_opening {
    char key[GDWSI_HANDSHAKE_KEY_SIZE];
    size_t length;
    char text[];
};

/* Writing */

static void note_choked(gdwsi_link *link)
{
    link->is_choked = true;
    (void)lws_callback_on_writable(link->wsi);
    gdwsi_loop_touch(link->loop);
}

/* Send as much as the kernel takes. Returns how many bytes, -1 when the connection is broken. */
static ssize_t send_some(gdwsi_link *link, const void *bytes, size_t length)
{
    ssize_t sent = 0;
    do {
        sent = send(lws_get_socket_fd(link->wsi), bytes, length, MSG_NOSIGNAL);
    } while (sent < 0 && errno == EINTR);
    if (sent < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
        sent = 0;
    }
    if (sent >= 0 && (size_t)sent < length) {
        note_choked(link);
    }
    return sent;
}

/* Send the handshake's text, and keep what the kernel does not take. */
static bool send_text(gdwsi_link *link, const char *text, size_t length)
{
    ssize_t sent = send_some(link, text, length);
    if (sent < 0) {
        return false;
    }
    link->unsent_length = length - (size_t)sent;
    if (link->unsent_length > 0) {
        link->unsent = gdwsi_mem_copy_text(text + sent, link->unsent_length);
    }
    return link->unsent_length == 0 || link->unsent != NULL;
}

static bool send_unsent(gdwsi_link *link)
{
    if (link->unsent_length == 0) {
        return true;
    }
    ssize_t sent = send_some(link, link->unsent, link->unsent_length);
    if (sent < 0) {
        return false;
    }
    link->unsent_length -= (size_t)sent;
    memmove(link->unsent, link->unsent + sent, link->unsent_length);
    if (link->unsent_length == 0) {
        gdwsi_mem_free(link->unsent);
        link->unsent = NULL;
    }
    return true;
}

static bool write_queue(gdwsi_link *link)
{
    gdwsi_outq *queue = &link->peer.out;
    uint8_t *bytes;
    size_t length = gdwsi_outq_peek(queue, &bytes);
    while (length > 0 && !link->is_choked) {
        ssize_t sent = send_some(link, bytes, length);
        if (sent < 0) {
            return false;
        }
        gdwsi_outq_drop(queue, (size_t)sent);
        length = gdwsi_outq_peek(queue, &bytes);
    }
    return true;
}

static bool write_pending(gdwsi_link *link)
{
    gdws_peer *peer = &link->peer;
    if (link->is_ping_due) {
        link->is_ping_due = false;
        link->ping_token = uv_hrtime();
        /* Without memory this ping is not sent; its answer will be missed, as it should be. */
        (void)gdwsi_outq_put_control(&peer->out, GDWSI_OPCODE_PING, &link->ping_token,
                                     sizeof(link->ping_token), peer->is_client);
    }
    return send_unsent(link) && write_queue(link);
}

/* When both sides have said Close, or we have failed the connection, it is over for the program.
 * The socket stays for a moment, until the other side closes: what is closed with unread data in
 * it takes our last bytes back. The server closes first (RFC 6455 section 7.1.1). */
static void end_if_closed(gdwsi_link *link)
{
    const gdws_peer *peer = &link->peer;
    if (link->is_dropped || !link->is_close_flushed ||
        (peer->close_code == -1 && !peer->is_failed)) {
        return;
    }
    link->is_dropped = true;
    if (!peer->is_client || peer->is_failed) {
        (void)shutdown(lws_get_socket_fd(link->wsi), SHUT_WR);
    }
    gdwsi_link_ended(link);
    gdwsi_link_leave(link);
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
    /* A Close frame for which there was no memory counts as written. */
    if (gdwsi_outq_bytes(&peer->out) > 0 || peer->close_queued) {
        gdwsi_loop_add_flush(link->loop, &link->flush);
    }
    if (gdwsi_peer_has_event(peer)) {
        gdwsi_link_owe_signal(link);
    }
    return used;
}

/* After a part of the last text: it is over once all of it has gone. */
static void end_text(gdwsi_link *link, bool is_alive)
{
    if (!is_alive) {
        gdwsi_link_kill(link);
    } else if (link->unsent_length == 0) {
        (void)shutdown(lws_get_socket_fd(link->wsi), SHUT_WR);
    }
}

/* Refuse a request, and take no more of the connection. */
static void refuse(gdwsi_link *link, int status, const char *origin)
{
    char answer[GDWSI_ADMISSION_ANSWER_MAX];
    size_t length = 0;
    if (link->config != NULL) {
        length = gdwsi_admission_write_refusal(link->config, status, origin, answer);
    }
    bool is_sent = send_text(link, answer, length);
    link->is_dropped = true;
    end_text(link, is_sent);
    gdwsi_link_note_error(link, GDWS_CONNECTION_ERROR, "handshake refused with %d", status);
    gdwsi_log_write(GDWS_LOG_INFO, "%s port %u: handshake refused with %d",
                    gdws_peer_get_connected_host(&link->peer), link->peer.port, status);
    gdwsi_link_leave(link);
}

/* The URL as Godot 4 gives it: scheme, Host header, path and query. */
static bool note_facts(gdwsi_link *link, const gdwsi_http_head *request, const char *protocol)
{
    char url[GDWSI_HTTP_HEAD_MAX + 16];
    int length =
        snprintf(url, sizeof(url), "ws://%s%s", gdwsi_http_get(request, "Host"), request->target);
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
    } else if (send_text(link, answer, answer_length)) {
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
        give_up(link, "the answer is not HTTP");
        return false;
    }
    /* What begins with no letter is no method, but TLS, perhaps. */
    if (!is_client && (text[0] < 'A' || text[0] > 'z')) {
        refuse(link, 400, NULL);
        return false;
    }
    return true;
}

/* Take the head of a request or an answer. Returns its length, 0 while it is incomplete; all is
 * used when nothing good can come any more. */
static size_t shake_hands(gdwsi_link *link, uint8_t *bytes, size_t length, size_t known)
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

/* Use what can be used of the bytes. Returns how many. */
static size_t use(gdwsi_link *link, uint8_t *bytes, size_t length, size_t known, bool must_take_all)
{
    size_t used = 0;
    size_t head = 1;
    while (!link->is_established && used < length && head > 0) {
        if (link->is_dropped || link->is_killed) {
            return length;
        }
        head = shake_hands(link, bytes + used, length - used, known);
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
        if (is_kept && !link->peer.is_paused) {
            drop_held(link, use(link, link->held, link->held_length, known, false));
        }
    }
    if (!is_kept) {
        gdwsi_link_note_error(link, GDWS_OUT_OF_MEMORY, "out of memory");
        gdwsi_link_kill(link);
        return;
    }
    gdwsi_link_update_reading(link);
    end_if_closed(link);
}

/* For link */

static void resume(gdwsi_link *link)
{
    use_held(link, false);
}

static void finish(gdwsi_link *link)
{
    use_held(link, true);
    gdwsi_mem_free(link->held);
    gdwsi_mem_free(link->unsent);
    gdwsi_mem_free(link->opening);
    link->held = NULL;
    link->held_length = 0;
    link->unsent = NULL;
    link->unsent_length = 0;
    link->opening = NULL;
}

const gdwsi_link_transport gdwsi_wire_transport = {
    .write = write_pending,
    .wrote = end_if_closed,
    .resume = resume,
    .finish = finish,
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

/* libwebsockets' events */

static void on_connected(gdwsi_link *link)
{
    link->is_tcp_connected = true;
    if (!send_text(link, link->opening->text, link->opening->length)) {
        gdwsi_link_note_error(link, GDWS_CONNECTION_ERROR, "the request could not be sent");
        gdwsi_link_kill(link);
    }
}

static void on_ended(gdwsi_link *link)
{
    if (link->peer.is_client && !link->is_established) {
        if (link->is_tcp_connected) {
            gdwsi_link_note_error(link, GDWS_CONNECTION_ERROR,
                                  "the server ended the connection instead of a WebSocket "
                                  "handshake");
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
    link->is_choked = false;
    if (link->unsent_length > 0 && !link->is_killed) {
        bool is_alive = send_unsent(link);
        if (link->is_dropped) {
            end_text(link, is_alive);
        } else if (!is_alive) {
            gdwsi_link_kill(link);
        }
    }
    gdwsi_loop_add_flush(link->loop, &link->flush);
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
    case LWS_CALLBACK_RAW_RX:
        receive(link, in, length);
        break;
    case LWS_CALLBACK_RAW_WRITEABLE:
        on_writeable(link);
        break;
    case LWS_CALLBACK_RAW_CLOSE:
    case LWS_CALLBACK_CLIENT_CONNECTION_ERROR:
        on_ended(link);
        break;
    case LWS_CALLBACK_WSI_DESTROY:
        lws_set_opaque_user_data(wsi, NULL);
        on_ended(link);
        gdwsi_link_destroyed(link);
        break;
    default:
        break;
    }
    return 0;
}
