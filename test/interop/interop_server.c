/* SPDX-License-Identifier: MIT */
/* The gdws side of conversations with other implementations, as a server: echoes, and does what
 * some texts ask for. Prints what it is told. Usage: interop_server [SUBPROTOCOL]. Serves the files
 * of the directory in the environment variable DOCUMENT_ROOT; speaks TLS with what GDWS_KEY and
 * GDWS_CERTIFICATE name; compresses when there is GDWS_COMPRESSION; takes messages of up to
 * GDWS_MESSAGE_MAX bytes. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gdws/gdws.h"

static volatile sig_atomic_t is_stopped;

static void stop(int number)
{
    (void)number;
    is_stopped = 1;
}

static void on_connected(gdws_server *server, int32_t id, const char *protocol, void *user)
{
    (void)user;
    printf("connected protocol=%s extensions=%s\n", protocol,
           gdws_peer_get_extensions(gdws_server_get_peer(server, id)));
}

static void on_data(gdws_server *server, int32_t id, void *user)
{
    const uint8_t *packet;
    size_t length;
    gdws_peer *peer = gdws_server_get_peer(server, id);
    (void)user;
    if (gdws_peer_get_packet(peer, &packet, &length) != GDWS_OK) {
        return;
    }
    bool is_text = gdws_peer_was_string_packet(peer);
    if (is_text && strncmp((const char *)packet, "report ", 7) == 0) {
        printf("%s\n", (const char *)packet);
    } else if (is_text && strcmp((const char *)packet, "close me") == 0) {
        (void)gdws_peer_close(peer, 4002, "as you asked");
    } else if (is_text && strcmp((const char *)packet, "empty please") == 0) {
        (void)gdws_peer_send(peer, NULL, 0, GDWS_WRITE_MODE_BINARY);
        (void)gdws_peer_send_text(peer, "that was it");
    } else if (gdws_peer_send(peer, packet, length,
                              is_text ? GDWS_WRITE_MODE_TEXT : GDWS_WRITE_MODE_BINARY) != GDWS_OK) {
        printf("an echo was refused\n");
    }
}

static void on_close_request(gdws_server *server, int32_t id, int code, const char *reason,
                             void *user)
{
    (void)server;
    (void)id;
    (void)user;
    printf("close_request code=%d reason=%s\n", code, reason);
}

static void on_disconnected(gdws_server *server, int32_t id, bool was_clean, void *user)
{
    (void)server;
    (void)id;
    (void)user;
    printf("disconnected clean=%d\n", was_clean ? 1 : 0);
}

int main(int argc, char **argv)
{
    const gdws_server_signals signals = {.size = sizeof(signals),
                                         .client_connected = on_connected,
                                         .data_received = on_data,
                                         .client_close_request = on_close_request,
                                         .client_disconnected = on_disconnected};
    setvbuf(stdout, NULL, _IOLBF, 0);
    (void)signal(SIGTERM, stop);
    gdws_server *server = gdws_server_new(NULL);
    (void)gdws_server_set_signals(server, &signals);
    (void)gdws_server_set_bind_ip(server, "127.0.0.1");
    (void)gdws_server_set_supported_protocols(server, (const char *const *)(argv + 1),
                                              (size_t)(argc - 1));
    (void)gdws_server_set_private_key(server, getenv("GDWS_KEY"), NULL);
    (void)gdws_server_set_ssl_certificate(server, getenv("GDWS_CERTIFICATE"));
    const char *max = getenv("GDWS_MESSAGE_MAX");
    if (max != NULL) {
        (void)gdws_server_set_inbound_buffer_size(server, strtoul(max, NULL, 10));
        (void)gdws_server_set_outbound_buffer_size(server, strtoul(max, NULL, 10) + 64);
    }
    (void)gdws_server_set_compression(server, getenv("GDWS_COMPRESSION") != NULL);
    if (gdws_server_set_document_root(server, getenv("DOCUMENT_ROOT")) != GDWS_OK ||
        gdws_server_listen(server, 0) != GDWS_OK) {
        return 1;
    }
    printf("listening on %d\n", gdws_server_get_port(server));
    while (is_stopped == 0) {
        (void)gdws_server_wait(server, 200);
    }
    gdws_server_free(server);
    return 0;
}
