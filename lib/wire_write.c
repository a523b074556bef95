/* SPDX-License-Identifier: MIT */
/* What a link of our own framing writes. A plain send on the socket: lws_write would stop reading
 * while it holds something back, and two peers that flood each other would wait for ever. */
#include "wire_write.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include <libwebsockets.h>

#include "mem.h"
#include "tls.h"

/* A peer writes at most this much before the others get their turn. */
#define TURN_MAX ((size_t)1 << 20)

void gdwsi_wire_ask_for_writeable(gdwsi_link *link)
{
    (void)lws_callback_on_writable(link->wsi);
    gdwsi_loop_touch(link->loop);
}

static void note_choked(gdwsi_link *link)
{
    link->is_choked = true;
    gdwsi_wire_ask_for_writeable(link);
}

/* Send as much as the kernel takes. Returns how many bytes, -1 when the connection is broken. */
static ssize_t send_raw(gdwsi_link *link, const void *bytes, size_t length)
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

bool gdwsi_wire_send_sealed(gdwsi_link *link)
{
    const uint8_t *bytes;
    size_t length = gdwsi_tls_peek(link->tls, &bytes);
    ssize_t sent = length > 0 && !link->is_choked ? send_raw(link, bytes, length) : 0;
    bool is_kept = sent >= 0 && gdwsi_tls_drop(link->tls, (size_t)sent);
    link->peer.handed = gdwsi_tls_kept(link->tls);
    return is_kept;
}

/* Encrypt and send, as long as the kernel takes it all. Returns how many bytes need no more care,
 * -1 when the connection is broken. */
static ssize_t send_secured(gdwsi_link *link, const uint8_t *bytes, size_t length)
{
    size_t done = 0;
    while (done < length && gdwsi_tls_kept(link->tls) == 0) {
        size_t left = length - done;
        size_t chunk = left < GDWSI_TLS_CHUNK_MAX ? left : GDWSI_TLS_CHUNK_MAX;
        if (!gdwsi_tls_write(link->tls, bytes + done, chunk) || !gdwsi_wire_send_sealed(link)) {
            return -1;
        }
        done += chunk;
    }
    return (ssize_t)done;
}

static ssize_t send_some(gdwsi_link *link, const void *bytes, size_t length)
{
    return link->tls == NULL ? send_raw(link, bytes, length) : send_secured(link, bytes, length);
}

bool gdwsi_wire_send_text(gdwsi_link *link, const char *text, size_t length)
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

bool gdwsi_wire_has_unsent(const gdwsi_link *link)
{
    return link->unsent_length > 0 || (link->tls != NULL && gdwsi_tls_kept(link->tls) > 0);
}

bool gdwsi_wire_send_unsent(gdwsi_link *link)
{
    if (link->tls != NULL && !gdwsi_wire_send_sealed(link)) {
        return false;
    }
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
    if (length == 0 || link->is_choked) {
        return true;
    }
    ssize_t sent = send_some(link, bytes, length < TURN_MAX ? length : TURN_MAX);
    if (sent < 0) {
        return false;
    }
    gdwsi_outq_drop(queue, (size_t)sent);
    if (gdwsi_outq_bytes(queue) > 0 && !link->is_choked) {
        gdwsi_loop_add_flush(link->loop, &link->flush);
    }
    return true;
}

bool gdwsi_wire_write(gdwsi_link *link)
{
    gdws_peer *peer = &link->peer;
    if (link->is_ping_due && !peer->close_queued) {
        link->is_ping_due = false;
        link->ping_token = uv_hrtime();
        /* Without memory this ping is not sent; its answer will be missed, as it should be. */
        (void)gdwsi_outq_put_control(&peer->out, GDWSI_OPCODE_PING, &link->ping_token,
                                     sizeof(link->ping_token), peer->is_client);
    }
    return gdwsi_wire_send_unsent(link) && write_queue(link);
}

void gdwsi_wire_end_text(gdwsi_link *link, bool is_alive)
{
    if (!is_alive) {
        gdwsi_link_kill(link);
    } else if (!gdwsi_wire_has_unsent(link)) {
        gdwsi_wire_say_end(link, true);
    }
}

void gdwsi_wire_say_end(gdwsi_link *link, bool is_tcp_ended)
{
    if (link->tls != NULL) {
        gdwsi_tls_end(link->tls);
        if (!gdwsi_wire_send_sealed(link)) {
            gdwsi_link_kill(link);
            return;
        }
    }
    /* With something left it is not the end: the socket will have room again. */
    if (is_tcp_ended && !gdwsi_wire_has_unsent(link)) {
        (void)shutdown(lws_get_socket_fd(link->wsi), SHUT_WR);
    }
}

size_t gdwsi_wire_send_at_once(gdwsi_link *link, const gdwsi_frame *frame, const void *payload)
{
    uint8_t header[GDWSI_FRAME_HEADER_MAX];
    size_t header_size = gdwsi_frame_write_header(frame, header);
    union {
        const void *lent;
        void *base; /* only read from */
    } bytes = {.lent = payload};
    struct iovec parts[2] = {{.iov_base = header, .iov_len = header_size},
                             {.iov_base = bytes.base, .iov_len = (size_t)frame->length}};
    if (frame->length > TURN_MAX) {
        parts[1].iov_len = TURN_MAX;
    }
    struct msghdr message = {.msg_iov = parts, .msg_iovlen = 2};
    /* What is encrypted is copied in any case. */
    if (link->unsent_length > 0 || link->tls != NULL) {
        return 0;
    }
    /* An error comes again, and is dealt with, when the queue is written. */
    ssize_t sent = sendmsg(lws_get_socket_fd(link->wsi), &message, MSG_NOSIGNAL);
    if (sent > 0 && (size_t)sent < header_size + parts[1].iov_len) {
        note_choked(link);
    }
    return sent > 0 ? (size_t)sent : 0;
}
