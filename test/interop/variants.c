/* SPDX-License-Identifier: MIT */
/* Reads each packet as a Godot value and sends it back: the other side of variants.gd. Usage:
 * variants */
#include <signal.h>
#include <stdio.h>

#include "gdws/gdws.h"

static volatile sig_atomic_t is_stopped;

static void stop(int number)
{
    (void)number;
    is_stopped = 1;
}

static void on_data(gdws_server *server, int32_t id, void *user)
{
    gdws_variant *value;
    gdws_peer *peer = gdws_server_get_peer(server, id);
    (void)user;
    gdws_error error = gdws_peer_get_var(peer, &value);
    if (error == GDWS_OK) {
        error = gdws_peer_put_var(peer, value);
    }
    if (error != GDWS_OK) {
        printf("WRONG: %s\n", gdws_error_name(error));
        (void)gdws_peer_close(peer, 4000, gdws_error_name(error));
    }
    gdws_variant_free(value);
}

int main(void)
{
    const gdws_server_signals signals = {.size = sizeof(signals), .data_received = on_data};
    setvbuf(stdout, NULL, _IOLBF, 0);
    (void)signal(SIGTERM, stop);
    gdws_server *server = gdws_server_new(NULL);
    (void)gdws_server_set_signals(server, &signals);
    (void)gdws_server_set_bind_ip(server, "127.0.0.1");
    if (gdws_server_listen(server, 0) != GDWS_OK) {
        return 1;
    }
    printf("listening on %d\n", gdws_server_get_port(server));
    while (is_stopped == 0) {
        (void)gdws_server_wait(server, 200);
    }
    gdws_server_free(server);
    return 0;
}
