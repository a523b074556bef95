/* SPDX-License-Identifier: MIT */
/* A server on wss that sends back what it receives, and takes a renewed certificate without losing
 * a peer: on SIGHUP it reads the files again. Usage: wss_server PORT CERTIFICATE KEY [CLIENT_CA] */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include <gdws/gdws.h>

static volatile sig_atomic_t is_stopped;
static volatile sig_atomic_t is_renewed;

static void on_signal(int number)
{
    if (number == SIGHUP) {
        is_renewed = 1;
    } else {
        is_stopped = 1;
    }
}

static void on_connected(gdws_server *server, int32_t id, const char *protocol, void *user)
{
    (void)protocol;
    (void)user;
    gdws_peer *peer = gdws_server_get_peer(server, id);
    printf("%d connected, certificate \"%s\"\n", (int)id, gdws_peer_get_certificate_subject(peer));
}

static void on_data(gdws_server *server, int32_t id, void *user)
{
    const uint8_t *packet;
    size_t length;
    gdws_peer *peer = gdws_server_get_peer(server, id);
    (void)user;
    if (gdws_peer_get_packet(peer, &packet, &length) == GDWS_OK) {
        gdws_peer_send(peer, packet, length,
                       gdws_peer_was_string_packet(peer) ? GDWS_WRITE_MODE_TEXT
                                                         : GDWS_WRITE_MODE_BINARY);
    }
}

static void complain(const char *what, gdws_error error)
{
    fprintf(stderr, "%s: %s\n", what, gdws_error_text(error));
}

/* On error the old certificate goes on. */
static void renew(gdws_server *server, const char *certificate, const char *key)
{
    gdws_error error = gdws_server_replace_certificate(server, certificate, NULL, key, NULL);
    if (error == GDWS_OK) {
        printf("a new certificate\n");
    } else {
        complain("no new certificate", error);
    }
}

static gdws_error listen_on(gdws_server *server, int argc, char **argv)
{
    gdws_error error = gdws_server_replace_certificate(server, argv[2], NULL, argv[3], NULL);
    if (error == GDWS_OK && argc > 4) {
        /* Clients need a certificate by this authority. */
        error = gdws_server_set_trusted_certificate(server, argv[4], true);
    }
    return error == GDWS_OK ? gdws_server_listen(server, (uint16_t)atoi(argv[1])) : error;
}

int main(int argc, char **argv)
{
    const gdws_server_signals signals = {
        .size = sizeof(signals), .client_connected = on_connected, .data_received = on_data};
    if (argc < 4) {
        fprintf(stderr, "usage: %s PORT CERTIFICATE KEY [CLIENT_CA]\n", argv[0]);
        return 2;
    }
    setvbuf(stdout, NULL, _IOLBF, 0);
    signal(SIGINT, on_signal);
    signal(SIGTERM, on_signal);
    signal(SIGHUP, on_signal);
    gdws_server *server = gdws_server_new(NULL);
    gdws_server_set_signals(server, &signals);
    gdws_server_set_bind_ip(server, "127.0.0.1");
    gdws_error error = listen_on(server, argc, argv);
    if (error != GDWS_OK) {
        complain("cannot listen", error);
        gdws_server_free(server);
        return 1;
    }
    printf("listening on %d\n", gdws_server_get_port(server));
    while (!is_stopped) {
        gdws_server_wait(server, 500);
        if (is_renewed) {
            is_renewed = 0;
            renew(server, argv[2], argv[3]);
        }
    }
    gdws_server_free(server);
    return 0;
}
