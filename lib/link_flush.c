/* SPDX-License-Identifier: MIT */
/* How a link writes and when it reads. Output goes to libwebsockets as whole frames side by side,
 * one write for many, except where libwebsockets has to frame (an extension was negotiated): then
 * one write for each frame. Invariant: nothing is written unless gdwsi_link_can_write. */
#include "link.h"

#include <string.h>

#include <libwebsockets.h>

/* Bytes handed over in one write at most; what the kernel does not take is copied. */
#define WRITE_MAX (256u * 1024u)

bool gdwsi_link_can_write(const gdwsi_link *link)
{
    return link->wsi != NULL && link->is_established && !link->is_dropped && !link->is_killed;
}

/* libwebsockets passes bytes of the type LWS_WRITE_HTTP through as they are. */
static bool write_raw(gdwsi_link *link, uint8_t *bytes, size_t length)
{
    return lws_write(link->wsi, bytes, length, LWS_WRITE_HTTP) >= 0;
}

static bool write_ping(gdwsi_link *link)
{
    gdwsi_outq queue;
    uint8_t *bytes;
    gdwsi_outq_init(&queue);
    link->is_ping_due = false;
    link->ping_token = uv_hrtime();
    bool is_written = true;
    if (gdwsi_outq_put_control(&queue, GDWSI_OPCODE_PING, &link->ping_token,
                               sizeof(link->ping_token), link->peer.is_client) == GDWS_OK) {
        size_t length = gdwsi_outq_peek(&queue, SIZE_MAX, &bytes);
        is_written = write_raw(link, bytes, length);
    }
    gdwsi_outq_clear(&queue);
    return is_written;
}

static void note_choked(gdwsi_link *link, size_t handed)
{
    if (lws_partial_buffered(link->wsi) != 0) {
        link->is_choked = true;
        link->peer.handed = handed;
        gdwsi_loop_touch(link->loop);
    }
}

/* Write frames until the queue is empty or, unless all must go, the kernel has enough. */
static bool write_many(gdwsi_link *link, bool must_write_all)
{
    uint8_t *bytes;
    size_t length = gdwsi_outq_peek(&link->peer.out, WRITE_MAX, &bytes);
    while (length > 0 && (must_write_all || !link->is_choked)) {
        if (!write_raw(link, bytes, length)) {
            return false;
        }
        gdwsi_outq_drop(&link->peer.out, length);
        note_choked(link, length);
        length = gdwsi_outq_peek(&link->peer.out, WRITE_MAX, &bytes);
    }
    return true;
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

void gdwsi_link_update_reading(gdwsi_link *link)
{
    bool is_reading = !gdwsi_peer_update_paused(&link->peer);
    if (is_reading != link->is_reading) {
        link->is_reading = is_reading;
        if (!is_reading) {
            link->unanswered_since = 0;
        }
        (void)lws_rx_flow_control(link->wsi, is_reading ? 1 : 0);
        gdwsi_loop_touch(link->loop);
    }
}

/* After a write pass: what it means for closing and for drained. */
static void conclude_flush(gdwsi_link *link)
{
    gdws_peer *peer = &link->peer;
    gdwsi_peer_note_flushed(peer);
    if (peer->close_queued && !link->is_close_flushed && gdwsi_outq_bytes(&peer->out) == 0) {
        link->is_close_flushed = true;
        if (!peer->is_failed) {
            gdwsi_link_set_timer(link, GDWSI_LINK_TIMER_CLOSE, link->close_timeout_ms);
        }
    }
    if (gdwsi_peer_has_event(peer)) {
        gdwsi_link_owe_signal(link);
    }
}

void gdwsi_link_flush(gdwsi_link *link)
{
    bool is_alive = true;
    if (!gdwsi_link_can_write(link)) {
        return;
    }
    gdwsi_link_update_reading(link);
    if (link->is_choked) {
        gdwsi_peer_note_flushed(&link->peer);
        return;
    }
    if (link->is_ping_due && !link->peer.close_queued) {
        is_alive = write_ping(link);
        note_choked(link, 0);
    }
    if (is_alive && link->writes_frames_singly) {
        ask_for_writeable(link);
    } else if (is_alive) {
        is_alive = write_many(link, false);
    }
    if (!is_alive) {
        gdwsi_link_kill(link);
        return;
    }
    conclude_flush(link);
}

/* Write everything at once, because the connection ends: libwebsockets keeps what the kernel does
 * not take. Data that libwebsockets would have to frame and mask is lost then. */
void gdwsi_link_write_all(gdwsi_link *link)
{
    if (!gdwsi_link_can_write(link)) {
        return;
    }
    gdwsi_outq_frame frame;
    while (link->writes_frames_singly && link->peer.is_client &&
           gdwsi_outq_peek_frame(&link->peer.out, &frame) &&
           frame.header.opcode < GDWSI_OPCODE_CLOSE) {
        gdwsi_outq_drop_frame(&link->peer.out, &frame);
    }
    if (!write_many(link, true)) {
        gdwsi_link_kill(link);
    }
    link->is_close_flushed = true;
}

int gdwsi_link_writeable(gdwsi_link *link)
{
    if (!gdwsi_link_can_write(link)) {
        return 0;
    }
    link->is_choked = lws_partial_buffered(link->wsi) != 0;
    if (!link->is_choked) {
        link->peer.handed = 0;
    }
    if (link->writes_frames_singly && !link->is_choked) {
        if (!write_one(link)) {
            return -1;
        }
        ask_for_writeable(link);
        conclude_flush(link);
    } else {
        gdwsi_loop_add_flush(link->loop, &link->flush);
    }
    return 0;
}
