/* SPDX-License-Identifier: MIT */
/* gdws inside a program that waits by itself: poll(2) over standard input and the gdws loop. Each
 * line that is typed goes to all peers. Usage: foreign_loop PORT */
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <gdws/gdws.h>

static void on_data(gdws_server *server, int32_t id, void *user)
{
    const uint8_t *packet;
    size_t length;
    (void)user;
    if (gdws_server_get_peer_packet(server, id, &packet, &length) == GDWS_OK) {
        printf("%d says: %s\n", (int)id, (const char *)packet);
    }
}

/* Returns false at the end of standard input. */
static bool send_typed_line(gdws_server *server)
{
    char line[4096];
    ssize_t length = read(STDIN_FILENO, line, sizeof(line));
    if (length <= 0) {
        return false;
    }
    if (line[length - 1] == '\n') {
        length--;
    }
    gdws_server_broadcast(server, line, (size_t)length, GDWS_WRITE_MODE_BINARY, 0, NULL);
    return true;
}

int main(int argc, char **argv)
{
    const gdws_server_signals signals = {.size = sizeof(signals), .data_received = on_data};
    if (argc != 2) {
        fprintf(stderr, "usage: %s PORT\n", argv[0]);
        return 2;
    }
    setvbuf(stdout, NULL, _IOLBF, 0);
    gdws_loop *loop = gdws_loop_new();
    gdws_server *server = gdws_server_new(loop);
    gdws_server_set_signals(server, &signals);
    gdws_server_set_bind_ip(server, "127.0.0.1");
    gdws_error error = gdws_server_listen(server, (uint16_t)atoi(argv[1]));
    if (error != GDWS_OK) {
        fprintf(stderr, "cannot listen: %s\n", gdws_error_text(error));
        return 1;
    }
    printf("listening on %d\n", gdws_server_get_port(server));

    struct pollfd descriptors[2] = {{.fd = STDIN_FILENO, .events = POLLIN},
                                    {.fd = gdws_loop_get_fd(loop), .events = POLLIN}};
    bool is_running = true;
    while (is_running) {
        poll(descriptors, 2, gdws_loop_get_timeout_ms(loop));
        if (descriptors[0].revents != 0) {
            is_running = send_typed_line(server);
        }
        gdws_loop_poll(loop);
    }
    gdws_server_free(server);
    gdws_loop_free(loop);
    return 0;
}
