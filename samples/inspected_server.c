/* SPDX-License-Identifier: MIT */
/* An echo server that can be watched in a browser: it prints the URL to open. Usage:
 * inspected_server PORT [INSPECTOR_PORT] */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <gdws/gdws.h>

static volatile sig_atomic_t is_stopped;

static void stop(int number)
{
    (void)number;
    is_stopped = 1;
}

static void on_data(gdws_server *server, int32_t id, void *user)
{
    const uint8_t *packet;
    size_t length;
    gdws_peer *peer = gdws_server_get_peer(server, id);
    (void)user;
    if (gdws_peer_get_packet(peer, &packet, &length) == GDWS_OK) {
        gdws_write_mode mode =
            gdws_peer_was_string_packet(peer) ? GDWS_WRITE_MODE_TEXT : GDWS_WRITE_MODE_BINARY;
        if (gdws_peer_send(peer, packet, length, mode) == GDWS_OUT_OF_MEMORY) {
            gdws_peer_close(peer, 1013, "you do not read your echoes");
        }
    }
}

/* Passwords are nobody's business: what follows "password " becomes stars. */
static bool redact(const char *name, int32_t id, uint8_t *payload, size_t length, bool is_text,
                   void *user)
{
    static const char word[] = "password ";
    size_t at = sizeof(word) - 1;
    (void)name;
    (void)id;
    (void)user;
    if (is_text && length > at && memcmp(payload, word, at) == 0) {
        memset(payload + at, '*', length - at);
    }
    return true;
}

int main(int argc, char **argv)
{
    const gdws_server_signals signals = {.size = sizeof(signals), .data_received = on_data};
    if (argc < 2) {
        fprintf(stderr, "usage: %s PORT [INSPECTOR_PORT]\n", argv[0]);
        return 2;
    }
    setvbuf(stdout, NULL, _IOLBF, 0);
    signal(SIGINT, stop);
    signal(SIGTERM, stop);
    gdws_server *server = gdws_server_new(NULL);
    gdws_server_set_signals(server, &signals);
    gdws_server_set_bind_ip(server, "127.0.0.1");
    gdws_server_set_outbound_buffer_size(server, 2u << 20); /* an echo of 1 MiB has a header, too */
    gdws_server_set_heartbeat(server, 2000, 10000);         /* for the column "Ping" */
    gdws_error error = gdws_server_listen(server, (uint16_t)atoi(argv[1]));
    uint16_t port = argc > 2 ? (uint16_t)atoi(argv[2]) : 0;
    gdws_inspector *inspector = gdws_inspector_new(gdws_server_get_loop(server), NULL, port);
    gdws_inspector_watch_server(inspector, server, "echo");
    gdws_inspector_set_allow_closing(inspector, true);
    gdws_inspector_set_redact(inspector, redact, NULL);
    bool is_ready = error == GDWS_OK && inspector != NULL;
    if (is_ready) {
        printf("inspector: %s\n", gdws_inspector_get_url(inspector));
        printf("listening on %d\n", gdws_server_get_port(server));
    } else {
        fprintf(stderr, "cannot listen: %s\n", gdws_error_text(error));
    }
    while (is_ready && !is_stopped) {
        gdws_server_wait(server, 500);
    }
    gdws_inspector_free(inspector);
    gdws_server_free(server);
    return is_ready ? 0 : 1;
}
