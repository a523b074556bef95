/* SPDX-License-Identifier: MIT */
/* Between libwebsockets' ws role and link: libwebsockets shakes hands and frames, each message goes
 * out with one lws_write. */
#include "wsrole.h"

#include <stdio.h>
#include <string.h>

#include "context.h"
#include "log.h"
#include "mem.h"
#include "wsrole_server.h"

#define HEADER_MAX GDWSI_WSROLE_HEADER_MAX

/* One write takes so much, or one frame. */
#define BULK_MAX ((size_t)256 << 10)

enum { CLOSE_PROTOCOL_ERROR = 1002 };

/* Writing */

/* libwebsockets passes bytes of the type LWS_WRITE_HTTP through as they are. */
static bool write_raw(gdwsi_link *link, uint8_t *bytes, size_t length)
{
    return lws_write(link->wsi, bytes, length, LWS_WRITE_HTTP) >= 0;
}

static void note_choked(gdwsi_link *link, size_t handed)
{
    if (lws_partial_buffered(link->wsi) != 0) {
        link->is_choked = true;
        link->peer.handed = handed;
        gdwsi_loop_touch(link->loop);
    }
}

static bool write_ping(gdwsi_link *link)
{
    gdwsi_outq queue;
    uint8_t *bytes;
    gdwsi_outq_init(&queue, NULL);
    link->is_ping_due = false;
    link->ping_token = uv_hrtime();
    bool is_written = true;
    if (gdwsi_outq_put_control(&queue, GDWSI_OPCODE_PING, &link->ping_token,
                               sizeof(link->ping_token), link->peer.is_client) == GDWS_OK) {
        size_t length = gdwsi_outq_peek(&queue, &bytes);
        is_written = write_raw(link, bytes, length);
    }
    gdwsi_outq_clear(&queue);
    return is_written;
}

static enum lws_write_protocol write_type(const gdwsi_frame *header)
{
    int type = LWS_WRITE_CONTINUATION;
    if (header->opcode == GDWSI_OPCODE_TEXT) {
        type = LWS_WRITE_TEXT;
    } else if (header->opcode == GDWSI_OPCODE_BINARY) {
        type = LWS_WRITE_BINARY;
    }
    if (!header->final) {
        type |= LWS_WRITE_NO_FIN;
    }
    return (enum lws_write_protocol)type;
}

/* Write the frame at the head of the queue, framed by libwebsockets unless it is a control frame.
 */
static bool write_one(gdwsi_link *link)
{
    gdwsi_outq_frame frame;
    if (!gdwsi_outq_peek_frame(&link->peer.out, &frame)) {
        return true;
    }
    size_t length = (size_t)frame.header.length;
    bool is_written;
    if (frame.header.opcode >= GDWSI_OPCODE_CLOSE) {
        is_written = write_raw(link, frame.payload - (frame.size - length), frame.size);
    } else {
        is_written = lws_write(link->wsi, frame.payload, length, write_type(&frame.header)) >= 0;
    }
    if (is_written) {
        gdwsi_outq_drop_frame(&link->peer.out, &frame);
        note_choked(link, frame.size);
    }
    return is_written;
}

static void ask_for_writeable(gdwsi_link *link)
{
    if (gdwsi_outq_bytes(&link->peer.out) > 0) {
        (void)lws_callback_on_writable(link->wsi);
        gdwsi_loop_touch(link->loop);
    }
}

static bool write_pending(gdwsi_link *link)
{
    bool is_alive = true;
    if (link->is_ping_due && !link->peer.close_queued) {
        is_alive = write_ping(link);
        note_choked(link, 0);
    }
    ask_for_writeable(link);
    return is_alive;
}

/* Write everything at once, because the connection ends: libwebsockets keeps what the kernel does
 * not take. Data that libwebsockets would have to mask is lost then. */
static void write_all(gdwsi_link *link)
{
    gdwsi_outq_frame frame;
    bool is_alive = gdwsi_link_can_write(link);
    while (is_alive && gdwsi_outq_peek_frame(&link->peer.out, &frame)) {
        if (link->peer.is_client && frame.header.opcode < GDWSI_OPCODE_CLOSE) {
            gdwsi_outq_drop_frame(&link->peer.out, &frame);
        } else {
            is_alive = write_raw(link, frame.payload - (frame.size - (size_t)frame.header.length),
                                 frame.size);
            gdwsi_outq_drop_frame(&link->peer.out, &frame);
        }
    }
    if (!is_alive) {
        gdwsi_link_kill(link);
    }
    link->peer.close_flushed = true;
}

/* How many of the bytes, which are whole frames, are to be written at once. */
static size_t choose_length(const uint8_t *bytes, size_t length)
{
    gdwsi_frame frame;
    size_t chosen = 0;
    size_t header = 0;
    if (length <= BULK_MAX) {
        return length;
    }
    do {
        header = gdwsi_frame_read_header(&frame, bytes + chosen, length - chosen);
        chosen += header + (size_t)frame.length;
    } while (header > 0 && chosen < BULK_MAX && chosen < length);
    return chosen;
}

static bool write_bulk(gdwsi_link *link)
{
    gdwsi_outq *queue = &link->peer.out;
    uint8_t *bytes;
    if (link->is_ping_due && !link->peer.close_queued) {
        if (!write_ping(link)) {
            return false;
        }
        note_choked(link, 0);
    }
    size_t length = gdwsi_outq_peek(queue, &bytes);
    if (length == 0 || link->is_choked) {
        return true;
    }
    length = choose_length(bytes, length);
    if (!write_raw(link, bytes, length)) {
        return false;
    }
    gdwsi_outq_drop(queue, length);
    note_choked(link, length);
    ask_for_writeable(link);
    return true;
}

static int on_writeable(gdwsi_link *link)
{
    bool is_bulk = link->transport == &gdwsi_wsrole_bulk_transport;
    if (!gdwsi_link_can_write(link)) {
        return 0;
    }
    bool was_choked = link->is_choked;
    link->is_choked = lws_partial_buffered(link->wsi) != 0;
    if (was_choked && !link->is_choked) {
        gdwsi_link_note_taken(link);
    }
    if (!link->is_choked) {
        link->peer.handed = 0;
        if (!(is_bulk ? write_bulk(link) : write_one(link))) {
            /* Something is missing now: not even a Close frame may follow. */
            gdwsi_link_kill(link);
            return -1;
        }
    }
    ask_for_writeable(link);
    gdwsi_link_conclude_flush(link);
    return 0;
}

static void do_nothing(gdwsi_link *link)
{
    (void)link;
}

const gdwsi_link_transport gdwsi_wsrole_transport = {
    .write = write_pending,
    .wrote = do_nothing,
    .resume = do_nothing,
    .finish = do_nothing,
};

const gdwsi_link_transport gdwsi_wsrole_bulk_transport = {
    .write = write_bulk,
    .wrote = do_nothing,
    .resume = do_nothing,
    .finish = do_nothing,
};

/* Reading */

static void receive(gdwsi_link *link, const void *bytes, size_t length)
{
    struct lws *wsi = link->wsi;
    gdwsi_piece piece = {.bytes = bytes,
                         .length = length,
                         .remaining = lws_remaining_packet_payload(wsi),
                         .is_text = lws_frame_is_binary(wsi) == 0,
                         .is_final = lws_is_final_fragment(wsi) != 0};
    gdwsi_link_note_heard(link);
    int code = gdwsi_peer_receive(&link->peer, &piece);
    if (code != 0) {
        gdwsi_link_fail(link, code, "");
    }
    gdwsi_link_update_reading(link);
    if (piece.is_final) {
        gdwsi_link_owe_signal(link);
    }
}

static int receive_close(gdwsi_link *link, const uint8_t *payload, size_t length)
{
    gdwsi_peer_receive_close(&link->peer, payload, length);
    gdwsi_link_owe_signal(link);
    write_all(link);
    link->is_dropped = true;
    gdwsi_link_set_timer(link, GDWSI_LINK_TIMER_CLOSE, link->close_timeout_ms);
    /* Ends the connection; libwebsockets first writes what it still holds. */
    return -1;
}

/* libwebsockets closes the connection, perhaps after a Close frame of its own. Where it has found
 * an error that it does not answer, answer it. */
static void on_dropped(gdwsi_link *link)
{
    if (gdwsi_link_can_write(link) && !link->peer.close_queued &&
        lws_get_close_length(link->wsi) == 0) {
        gdwsi_outq_clear(&link->peer.out);
        gdwsi_peer_note_end(&link->peer, "ended without a Close frame");
        gdwsi_peer_fail(&link->peer, CLOSE_PROTOCOL_ERROR, "");
        write_all(link);
    }
    link->is_dropped = true;
    gdwsi_link_ended(link);
    gdwsi_link_leave(link);
}

/* Client's handshake */

static int add_client_headers(gdwsi_link *link, char **position, size_t room)
{
    gdwsi_link_tcp_connected(link);
    if (link->config == NULL ||
        !gdwsi_wsrole_append_headers(link->config, position, *position + room)) {
        return -1;
    }
    return 0;
}

/* libwebsockets has found the answer in order; the subprotocol is ours to judge: one that was asked
 * for, and one at all when any was (as browsers and Godot do). */
static int judge_answer(gdwsi_link *link, struct lws *wsi)
{
    char protocol[HEADER_MAX] = "";
    bool is_too_long = false;
    (void)gdwsi_wsrole_copy_header(wsi, WSI_TOKEN_PROTOCOL, protocol, sizeof(protocol),
                                   &is_too_long);
    if (link->config == NULL) {
        return -1;
    }
    link->http_status = (int)lws_http_client_http_response(wsi);
    if (link->config->protocols.count > 0 &&
        (is_too_long || !gdwsi_list_has(&link->config->protocols, protocol))) {
        gdwsi_link_note_error(link, GDWS_CONNECTION_ERROR,
                              "the server chose no subprotocol that was offered");
        return -1;
    }
    link->peer.protocol = gdwsi_mem_copy_text(protocol, strlen(protocol));
    return link->peer.protocol != NULL ? 0 : -1;
}

/* What libwebsockets says when a connection could not be made, in our words. */
static void note_client_failure(gdwsi_link *link, struct lws *wsi, const char *text)
{
    static const struct {
        const char *theirs;
        gdws_error error;
        const char *ours;
    } table[] = {
        {"HS: Accept hash wrong", GDWS_CONNECTION_ERROR,
         "wrong Sec-WebSocket-Accept in the answer"},
        {"HS: ACCEPT missing", GDWS_CONNECTION_ERROR, "no Sec-WebSocket-Accept in the answer"},
        {"HS: PROTOCOL malformed", GDWS_CONNECTION_ERROR,
         "the server chose a subprotocol that was not offered"},
        {"HS: UPGRADE", GDWS_CONNECTION_ERROR, "the answer is no WebSocket upgrade"},
        {"HS: CONNECTION", GDWS_CONNECTION_ERROR, "the answer is no WebSocket upgrade"},
        {"HS: EXT", GDWS_CONNECTION_ERROR, "the server chose an extension that was not offered"},
        {"HS: Rejected", GDWS_CONNECTION_ERROR, "no memory for the connection"},
        {"problem parsing", GDWS_CONNECTION_ERROR, "the answer is not HTTP"},
    };
    int status = (int)lws_http_client_http_response(wsi);
    if (!link->is_tcp_connected) {
        gdwsi_link_note_error(link, GDWS_CANT_CONNECT, "connection refused, or host not reachable");
        return;
    }
    if (status != 0 && status != 101) {
        link->http_status = status;
        gdwsi_link_note_error(link, GDWS_CONNECTION_ERROR,
                              "the server answered with HTTP status %d", status);
        return;
    }
    for (size_t i = 0; text != NULL && i < sizeof(table) / sizeof(table[0]); i++) {
        if (strstr(text, table[i].theirs) != NULL) {
            gdwsi_link_note_error(link, table[i].error, "%s", table[i].ours);
            return;
        }
    }
    gdwsi_link_note_error(link, GDWS_CONNECTION_ERROR,
                          "the server ended the connection instead of a WebSocket handshake");
    gdwsi_log_write(GDWS_LOG_DEBUG, "libwebsockets: %s", text != NULL ? text : "no reason");
}

static void client_failed(gdwsi_link *link, struct lws *wsi, const char *in, size_t length)
{
    char text[HEADER_MAX] = "";
    if (in != NULL && length < sizeof(text)) {
        memcpy(text, in, length);
    }
    note_client_failure(link, wsi, in != NULL ? text : NULL);
    gdwsi_link_ended(link);
}

/* The callback */

/* The same for both sides but for their names. */
int gdwsi_wsrole_open_event(gdwsi_link *link, enum lws_callback_reasons reason, void *in,
                            size_t length)
{
    switch (reason) {
    case LWS_CALLBACK_RECEIVE:
    case LWS_CALLBACK_CLIENT_RECEIVE:
        receive(link, in, length);
        return 0;
    case LWS_CALLBACK_RECEIVE_PONG:
    case LWS_CALLBACK_CLIENT_RECEIVE_PONG:
        link->peer.carrier->received_pong(&link->peer, in, length);
        return 0;
    case LWS_CALLBACK_SERVER_WRITEABLE:
    case LWS_CALLBACK_CLIENT_WRITEABLE:
        return on_writeable(link);
    case LWS_CALLBACK_WS_PEER_INITIATED_CLOSE:
        return receive_close(link, in, length);
    case LWS_CALLBACK_WS_SERVER_DROP_PROTOCOL:
    case LWS_CALLBACK_WS_CLIENT_DROP_PROTOCOL:
        on_dropped(link);
        return 0;
    case LWS_CALLBACK_CLOSED:
    case LWS_CALLBACK_CLIENT_CLOSED:
        gdwsi_link_ended(link);
        return 0;
    default:
        return 0;
    }
}

int gdwsi_wsrole_event(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in,
                       size_t length)
{
    (void)user;
    gdwsi_link *link = wsi != NULL ? lws_get_opaque_user_data(wsi) : NULL;
    if (link == NULL) {
        return 0;
    }
    switch (reason) {
    case LWS_CALLBACK_HTTP_CONFIRM_UPGRADE:
        return gdwsi_wsrole_confirm_upgrade(link, wsi, in);
    case LWS_CALLBACK_HTTP:
        return gdwsi_wsrole_answer_plain_http(link, wsi);
    case LWS_CALLBACK_ADD_HEADERS:
        return gdwsi_wsrole_add_headers(link, wsi, in);
    case LWS_CALLBACK_CLIENT_APPEND_HANDSHAKE_HEADER:
        return add_client_headers(link, in, length);
    case LWS_CALLBACK_CLIENT_FILTER_PRE_ESTABLISH:
        return judge_answer(link, wsi);
    case LWS_CALLBACK_ESTABLISHED:
    case LWS_CALLBACK_CLIENT_ESTABLISHED:
        gdwsi_link_established(link);
        return 0;
    case LWS_CALLBACK_CLIENT_CONNECTION_ERROR:
        client_failed(link, wsi, in, length);
        return 0;
    case LWS_CALLBACK_WSI_DESTROY:
        lws_set_opaque_user_data(wsi, NULL);
        if (link->peer.is_client && !link->is_established) {
            gdwsi_context_note_lost(&link->loop->uv, &link->loop->lost, wsi);
        }
        gdwsi_link_destroyed(link);
        return 0;
    default:
        return gdwsi_wsrole_open_event(link, reason, in, length);
    }
}
