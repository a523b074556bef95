/* SPDX-License-Identifier: MIT */
/* When a client tries again: after an attempt that has failed and after a connection that has
 * ended, unless the program or the server wants it to be over. Invariants: an attempt is planned
 * before connection_error or connection_closed, so that their handlers see by the status whether
 * there will be one, and announced right after; each one that was announced ends in one
 * connected_to_host or connection_error. */
#include "client.h"

enum { NORMAL_CLOSURE = 1000 };

/* An answer that says no, for as long as the request is the same. Redirections are not followed. */
static bool is_refusal(int http_status)
{
    enum { REQUEST_TIMEOUT = 408, TOO_EARLY = 425, TOO_MANY_REQUESTS = 429 };
    return http_status >= 300 && http_status < 500 && http_status != REQUEST_TIMEOUT &&
           http_status != TOO_EARLY && http_status != TOO_MANY_REQUESTS;
}

static void plan(gdws_client *client, bool may_retry)
{
    client->plans++;
    client->is_announced = false;
    client->is_waiting = may_retry && gdwsi_backoff_next(&client->backoff, &client->delay_ms);
    client->status = client->is_waiting ? GDWS_CONNECTION_CONNECTING : GDWS_CONNECTION_DISCONNECTED;
}

void gdwsi_client_plan_after_error(gdws_client *client)
{
    plan(client, client->error != GDWS_SKIP && !is_refusal(client->http_status));
}

void gdwsi_client_plan_after_end(gdws_client *client)
{
    const gdws_peer *peer = &client->link->peer;
    bool is_dismissed = gdwsi_peer_was_clean(peer) && peer->close_code == NORMAL_CLOSURE;
    gdwsi_backoff_note_connection(&client->backoff,
                                  gdwsi_loop_now(client->loop) - client->connected_at);
    plan(client, !client->is_freed && !client->is_leaving && !peer->is_left && !is_dismissed);
}

static void on_wait_over(uv_timer_t *timer)
{
    gdwsi_client_try_again(timer->data);
}

void gdwsi_client_announce(gdws_client *client, unsigned planned)
{
    if (client->is_freed || client->plans != planned || !client->is_waiting) {
        return;
    }
    client->is_announced = true;
    (void)uv_timer_start(client->timer, on_wait_over, client->delay_ms, 0);
    gdwsi_loop_touch(client->loop);
    if (client->signals.reconnecting != NULL) {
        client->signals.reconnecting(client, client->backoff.attempts, client->delay_ms,
                                     client->signals.user);
    }
}

void gdwsi_client_cancel_plan(gdws_client *client)
{
    client->plans++;
    client->is_waiting = false;
    client->is_announced = false;
    (void)uv_timer_stop(client->timer);
}

gdws_error gdws_client_set_reconnect(gdws_client *client, uint32_t first_delay_ms,
                                     uint32_t max_delay_ms, uint32_t max_attempts)
{
    if (client == NULL) {
        return GDWS_INVALID_PARAMETER;
    }
    return gdwsi_backoff_set(&client->backoff, first_delay_ms, max_delay_ms, max_attempts);
}
