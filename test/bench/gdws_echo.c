/* SPDX-License-Identifier: MIT */
/* The echo server of the benchmark, with gdws. Usage: gdws_echo [broadcast] [read SIZE]
 * [tls KEY CERTIFICATE] [inspected] */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <gdws/gdws.h>

#include <sys/resource.h>

static bool is_broadcast;

static void on_data(gdws_server *server, int32_t id, void *user)
{
    const uint8_t *packet;
    size_t length;
    gdws_peer *peer = gdws_server_get_peer(server, id);
    (void)user;
    if (gdws_peer_get_packet(peer, &packet, &length) != GDWS_OK) {
        return;
    }
    if (is_broadcast) {
        (void)gdws_server_broadcast(server, packet, length, GDWS_WRITE_MODE_BINARY, 0, NULL);
    } else {
        (void)gdws_peer_put_packet(peer, packet, length);
    }
}

int main(int argc, char **argv)
{
    const gdws_server_signals signals = {.size = sizeof(signals), .data_received = on_data};
    struct rlimit limit;
    (void)getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max;
    (void)setrlimit(RLIMIT_NOFILE, &limit);
    gdws_server *server = gdws_server_new(NULL);
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "broadcast") == 0) {
            is_broadcast = true;
        } else if (strcmp(argv[i], "read") == 0 && i + 1 < argc) {
            (void)gdws_server_set_read_size(server, strtoul(argv[i + 1], NULL, 10));
        } else if (strcmp(argv[i], "inspected") == 0) {
            gdws_inspector *inspector = gdws_inspector_new(gdws_server_get_loop(server), NULL, 0);
            (void)gdws_inspector_watch_server(inspector, server, "echo");
            (void)printf("inspector: %s\n", gdws_inspector_get_url(inspector));
        } else if (strcmp(argv[i], "tls") == 0 && i + 2 < argc) {
            (void)gdws_server_set_private_key(server, argv[i + 1], NULL);
            (void)gdws_server_set_ssl_certificate(server, argv[i + 2]);
        }
    }
    (void)gdws_server_set_inbound_buffer_size(server, 256u << 20);
    (void)gdws_server_set_outbound_buffer_size(server, 256u << 20);
    (void)gdws_server_set_signals(server, &signals);
    (void)gdws_server_set_bind_ip(server, "127.0.0.1");
    if (gdws_server_listen(server, 0) != GDWS_OK) {
        return 1;
    }
    (void)printf("listening on %u\n", gdws_server_get_port(server));
    (void)fflush(stdout);
    for (;;) {
        (void)gdws_server_wait(server, -1);
    }
}
