/* SPDX-License-Identifier: MIT */
/* The life of one connection. Invariants: nothing is written after is_dropped or is_killed;
 * libwebsockets is asked to read exactly while the peer has room; the struct is freed once the
 * owner has let go, libwebsockets has freed the wsi and libuv has closed the timer. */
#include "link.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <libwebsockets.h>

#include "log.h"
#include "mem.h"

/* How long packets of a closed peer wait for the program, and a shut one's output for the network.
 */
#define LINGER_TIMEOUT_MS 5000u
#define SHUT_TIMEOUT_MS 1000u

enum { CLOSE_GOING_AWAY = 1001, CLOSE_INVALID_PAYLOAD = 1007, CLOSE_TOO_BIG = 1009 };

static gdwsi_link *link_of_signal(gdwsi_task *task)
{
    return (gdwsi_link *)(void *)((char *)task - offsetof(gdwsi_link, signal));
}

static gdwsi_link *link_of_flush(gdwsi_task *task)
{
    return (gdwsi_link *)(void *)((char *)task - offsetof(gdwsi_link, flush));
}

void gdwsi_link_owe_signal(gdwsi_link *link)
{
    if (link->owner != NULL) {
        gdwsi_loop_add_signal(link->loop, &link->signal);
    }
}

static void run_signal(gdwsi_task *task)
{
    gdwsi_link *link = link_of_signal(task);
    if (link->owner != NULL) {
        link->deliver(link->owner, link);
    }
}

/* Moving bytes */

bool gdwsi_link_can_write(const gdwsi_link *link)
{
    return link->wsi != NULL && link->is_established && !link->is_dropped && !link->is_killed;
}

int gdwsi_link_descriptor(const gdwsi_link *link)
{
    return link->wsi != NULL ? (int)lws_get_socket_fd(link->wsi) : -1;
}

void gdwsi_link_update_reading(gdwsi_link *link)
{
    bool is_over = link->is_read_over && !link->is_dropped;
    bool is_reading = !gdwsi_peer_update_paused(&link->peer) && link->answer == NULL && !is_over;
    if (is_reading != link->is_reading && link->wsi != NULL) {
        link->is_reading = is_reading;
        if (!is_reading) {
            link->unanswered_since = 0;
        }
        (void)lws_rx_flow_control(link->wsi, is_reading ? 1 : 0);
        gdwsi_loop_touch(link->loop);
    }
}

void gdwsi_link_await_close(gdwsi_link *link)
{
    if (link->timer_purpose != GDWSI_LINK_TIMER_CLOSE && link->peer.state != GDWS_STATE_CLOSED) {
        gdwsi_link_set_timer(link, GDWSI_LINK_TIMER_CLOSE, link->close_timeout_ms);
    }
}

/* What is queued goes out first, however long that takes: the time for the close begins anew with
 * each part of it. Not where we close for a violation, or without waiting for anything. */
static void note_progress_of_close(gdwsi_link *link)
{
    const gdws_peer *peer = &link->peer;
    if (!peer->close_queued || peer->is_failed || peer->state == GDWS_STATE_CLOSED) {
        return;
    }
    size_t left = gdws_peer_get_current_outbound_buffered_amount(peer);
    if (left > 0 && left < link->left_to_close) {
        gdwsi_link_set_timer(link, GDWSI_LINK_TIMER_CLOSE, link->close_timeout_ms);
    }
    link->left_to_close = left;
}

void gdwsi_link_conclude_flush(gdwsi_link *link)
{
    gdws_peer *peer = &link->peer;
    gdwsi_peer_note_flushed(peer);
    note_progress_of_close(link);
    if (peer->close_queued && !peer->close_flushed &&
        gdws_peer_get_current_outbound_buffered_amount(peer) == 0) {
        peer->close_flushed = true;
        if (!peer->is_failed) {
            gdwsi_link_set_timer(link, GDWSI_LINK_TIMER_CLOSE, link->close_timeout_ms);
        }
    }
    if (gdwsi_peer_has_event(peer)) {
        gdwsi_link_owe_signal(link);
    }
}

/* Go on reading if there is room again, or stop if there is none. */
static void judge_reading(gdwsi_link *link)
{
    if (link->peer.is_paused && !gdwsi_peer_update_paused(&link->peer)) {
        link->transport->resume(link);
    }
    gdwsi_link_update_reading(link);
}

static void run_flush(gdwsi_task *task)
{
    gdwsi_link *link = link_of_flush(task);
    if (link->must_ask && link->wsi != NULL && !link->is_killed) {
        link->must_ask = false;
        (void)lws_callback_on_writable(link->wsi);
        gdwsi_loop_touch(link->loop);
    }
    if (link->given != NULL && link->wsi != NULL && !link->is_killed) {
        link->transport->take_given(link);
    }
    if (!gdwsi_link_can_write(link)) {
        return;
    }
    judge_reading(link);
    if (!gdwsi_link_can_write(link)) {
        return;
    }
    if (link->is_choked) {
        gdwsi_peer_note_flushed(&link->peer);
        return;
    }
    if (!link->transport->write(link)) {
        gdwsi_link_kill(link);
        return;
    }
    gdwsi_link_conclude_flush(link);
    link->transport->wrote(link);
    /* What was waited for may have been our own pongs. */
    if (link->peer.is_paused && gdwsi_link_can_write(link)) {
        judge_reading(link);
    }
}

/* What the peer's functions do to its link */

static void on_changed(gdws_peer *peer)
{
    gdwsi_link *link = gdwsi_link_of_peer(peer);
    if (peer->close_queued) {
        gdwsi_link_await_close(link);
    }
    if (gdwsi_link_can_write(link)) {
        gdwsi_loop_add_flush(link->loop, &link->flush);
    }
    if (gdwsi_peer_has_event(peer)) {
        gdwsi_link_owe_signal(link);
    }
}

static gdws_error on_set_no_delay(gdws_peer *peer, bool enabled)
{
    gdwsi_link *link = gdwsi_link_of_peer(peer);
    int value = enabled ? 1 : 0;
    if (!gdwsi_link_can_write(link)) {
        return GDWS_UNAVAILABLE;
    }
    int descriptor = lws_get_socket_fd(link->wsi);
    int result = setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &value, sizeof(value));
    return result == 0 ? GDWS_OK : GDWS_FAILED;
}

static void on_received_pong(gdws_peer *peer, const uint8_t *payload, size_t length)
{
    gdwsi_link *link = gdwsi_link_of_peer(peer);
    uint64_t token = 0;
    gdwsi_link_note_heard(link);
    if (length == sizeof(token)) {
        memcpy(&token, payload, sizeof(token));
    }
    if (token != 0 && token == link->ping_token) {
        uint64_t elapsed_ms = (uv_hrtime() - token) / 1000000u;
        peer->round_trip_time_ms = elapsed_ms < INT32_MAX ? (int)elapsed_ms : INT32_MAX;
        link->ping_token = 0;
    }
}

/* Only inside of a poll: nothing happens between polls. */
static size_t on_send_at_once(gdws_peer *peer, const gdwsi_frame *frame, const void *payload)
{
    gdwsi_link *link = gdwsi_link_of_peer(peer);
    if (!link->loop->is_polling || link->is_choked || !gdwsi_link_can_write(link) ||
        link->transport->send_at_once == NULL) {
        return 0;
    }
    return link->transport->send_at_once(link, frame, payload);
}

static const gdwsi_peer_carrier carrier = {.changed = on_changed,
                                           .set_no_delay = on_set_no_delay,
                                           .send_at_once = on_send_at_once,
                                           .received_pong = on_received_pong};

/* Life */

gdwsi_link *gdwsi_link_new(gdws_loop *loop, const gdwsi_config *config, bool is_client, void *owner,
                           gdwsi_link_deliver deliver)
{
    gdwsi_link *link = gdwsi_mem_calloc(1, sizeof(*link));
    if (link == NULL) {
        return NULL;
    }
    gdwsi_peer_init(&link->peer, &carrier, config, &loop->pool, is_client);
    link->loop = loop;
    link->config = config;
    link->owner = owner;
    link->deliver = deliver;
    link->signal.run = run_signal;
    link->flush.run = run_flush;
    link->handshake_timeout_ms = config->handshake_timeout_ms;
    link->close_timeout_ms = config->close_timeout_ms;
    link->heartbeat_timeout_ms = config->heartbeat_timeout_ms;
    link->peer.writes_unmasked = config->writes_frames_singly;
    link->is_reading = true;
    (void)uv_timer_init(&loop->uv, &link->timer);
    link->timer.data = link;
    return link;
}

static void free_link(uv_handle_t *timer)
{
    gdwsi_link *link = timer->data;
    if (link->transport != NULL) {
        link->transport->finish(link);
    }
    if (link->gone != NULL) {
        link->gone(link);
    }
    gdwsi_peer_clear(&link->peer);
    gdwsi_mem_free(link->given);
    gdwsi_mem_free(link);
}

gdws_error gdwsi_link_give(gdwsi_link *link, const void *bytes, size_t length)
{
    if (length == 0) {
        return GDWS_OK;
    }
    uint8_t *given = gdwsi_mem_realloc(link->given, link->given_length + length);
    if (given == NULL) {
        return GDWS_OUT_OF_MEMORY;
    }
    memcpy(given + link->given_length, bytes, length);
    link->given = given;
    link->given_length += length;
    gdwsi_loop_add_flush(link->loop, &link->flush);
    return GDWS_OK;
}

/* Free the link if nobody needs it any more. */
static void settle(gdwsi_link *link)
{
    if (link->owner != NULL || link->wsi != NULL || uv_is_closing((uv_handle_t *)&link->timer)) {
        return;
    }
    gdwsi_loop_remove(&link->signal);
    gdwsi_loop_remove(&link->flush);
    uv_close((uv_handle_t *)&link->timer, free_link);
    gdwsi_loop_touch(link->loop);
}

void gdwsi_link_release(gdwsi_link *link)
{
    if (!link->is_established) {
        gdwsi_link_kill(link);
    } else if (link->peer.state != GDWS_STATE_CLOSED) {
        gdwsi_link_shut(link, CLOSE_GOING_AWAY);
    }
    link->owner = NULL;
    link->config = NULL;
    link->peer.taps = NULL;
    gdwsi_loop_remove(&link->signal);
    settle(link);
}

void gdwsi_link_shut(gdwsi_link *link, int code)
{
    gdwsi_peer_shut(&link->peer, code);
    if (gdwsi_link_can_write(link)) {
        gdwsi_loop_add_flush(link->loop, &link->flush);
        gdwsi_link_set_timer(link, GDWSI_LINK_TIMER_CLOSE, SHUT_TIMEOUT_MS);
    }
    gdwsi_link_owe_signal(link);
}

void gdwsi_link_kill(gdwsi_link *link)
{
    if (link->wsi == NULL || link->is_killed) {
        return;
    }
    link->is_killed = true;
    gdwsi_link_stop_timer(link);
    /* libwebsockets looks at its timeouts when it is woken, not when they are set. */
    lws_set_timeout(link->wsi, PENDING_TIMEOUT_USER_REASON_BASE, LWS_TO_KILL_ASYNC);
    lws_cancel_service(lws_get_context(link->wsi));
    gdwsi_loop_touch(link->loop);
}

void gdwsi_link_note_error(gdwsi_link *link, gdws_error error, const char *format, ...)
{
    if (link->error != GDWS_OK) {
        return;
    }
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(link->message, sizeof(link->message), format, arguments);
    va_end(arguments);
    link->error = error;
}

/* Events */

void gdwsi_link_start_handshake(gdwsi_link *link, struct lws *wsi)
{
    link->wsi = wsi;
    gdwsi_link_set_timer(link, GDWSI_LINK_TIMER_HANDSHAKE,
                         link->peer.is_client ? link->connect_timeout_ms
                                              : link->handshake_timeout_ms);
    gdwsi_loop_touch(link->loop);
}

void gdwsi_link_tcp_connected(gdwsi_link *link)
{
    uint64_t now = gdwsi_loop_now(link->loop);
    uint64_t deadline = link->handshake_deadline;
    link->is_tcp_connected = true;
    if (!link->is_killed) {
        gdwsi_link_set_timer(link, GDWSI_LINK_TIMER_HANDSHAKE, deadline > now ? deadline - now : 0);
    }
}

static int64_t wall_clock_ms(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

void gdwsi_link_established(gdwsi_link *link)
{
    link->is_established = true;
    gdwsi_link_stop_timer(link);
    link->peer.opened_at_ms = wall_clock_ms();
    gdwsi_peer_open(&link->peer);
    gdwsi_log_write(GDWS_LOG_INFO, "%s port %u: connected",
                    gdws_peer_get_connected_host(&link->peer), link->peer.port);
    if (link->peer.heartbeat_interval_ms > 0) {
        link->pinged_at = gdwsi_loop_now(link->loop);
        gdwsi_link_arm_heartbeat(link);
    }
    gdwsi_link_owe_signal(link);
}

static const char *failure_text(int code)
{
    switch (code) {
    case CLOSE_INVALID_PAYLOAD:
        return "text that is not UTF-8";
    case CLOSE_TOO_BIG:
        return "message too big";
    default:
        return "out of memory";
    }
}

void gdwsi_link_fail(gdwsi_link *link, int code, const char *fault)
{
    const char *reason = fault[0] != '\0' ? fault : failure_text(code);
    gdwsi_log_write(GDWS_LOG_INFO, "%s port %u: %s, closing with %d",
                    gdws_peer_get_connected_host(&link->peer), link->peer.port, reason, code);
    gdwsi_peer_fail(&link->peer, code, reason);
    gdwsi_loop_add_flush(link->loop, &link->flush);
    gdwsi_link_leave(link);
}

void gdwsi_link_leave(gdwsi_link *link)
{
    if (!link->is_killed) {
        gdwsi_link_set_timer(link, GDWSI_LINK_TIMER_CLOSE, GDWSI_LINK_BROKEN_TIMEOUT_MS);
    }
}

static void log_end(const gdws_peer *peer)
{
    const char *reason = gdws_peer_get_end_reason(peer);
    gdwsi_log_write(GDWS_LOG_INFO, "%s port %u: disconnected%s%s",
                    gdws_peer_get_connected_host(peer), peer->port, reason[0] != '\0' ? ", " : "",
                    reason);
}

void gdwsi_link_ended(gdwsi_link *link)
{
    if (!link->is_established) {
        gdwsi_link_note_error(link, GDWS_CONNECTION_ERROR, "the connection ended");
    }
    bool was_open = link->is_established && link->peer.state != GDWS_STATE_CLOSED;
    gdwsi_peer_end(&link->peer);
    if (was_open) {
        log_end(&link->peer);
    }
    gdwsi_link_owe_signal(link);
}

void gdwsi_link_destroyed(gdwsi_link *link)
{
    gdwsi_link_ended(link);
    link->wsi = NULL;
    gdwsi_link_stop_timer(link);
    if (link->owner != NULL && gdwsi_peer_is_owed_disconnected(&link->peer)) {
        gdwsi_link_set_timer(link, GDWSI_LINK_TIMER_LINGER, LINGER_TIMEOUT_MS);
    }
    settle(link);
}
