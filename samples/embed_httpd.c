/* SPDX-License-Identifier: MIT */
/* GNU libmicrohttpd serves a page and hands requests for WebSockets over to gdws, which echoes, on
 * one thread, until standard input ends. Usage: embed_httpd PORT */
#include <gdws/gdws.h>
#include <microhttpd.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#define MOST 65536 /* twice what libmicrohttpd takes of a request */

static void on_data(gdws_server *server, int32_t id, void *user)
{
    size_t length;
    const uint8_t *packet = user;
    gdws_server_get_peer_packet(server, id, &packet, &length);
    gdws_peer_put_packet(gdws_server_get_peer(server, id), packet, length);
}

/* libmicrohttpd takes a request apart; gdws wants it as it was. */
static void *begin(void *user, const char *target, struct MHD_Connection *connection)
{
    char *request = malloc(MOST);
    snprintf(request, MOST, "GET %s HTTP/1.1\r\n", target);
    return (void)user, (void)connection, request;
}

static enum MHD_Result add(void *text, enum MHD_ValueKind kind, const char *name, const char *value)
{
    return (void)kind, sprintf(strchr(text, '\0'), "%s: %s\r\n", name, value) > 0;
}

static void end(void *user, struct MHD_Connection *connection, void **request,
                enum MHD_RequestTerminationCode code)
{
    (void)user, (void)connection, (void)code, free(*request);
}

/* Status 101 has been sent. extra: what was read behind the request. */
static void hand_over(void *server, struct MHD_Connection *from, void *request, const char *extra,
                      size_t length, MHD_socket socket, struct MHD_UpgradeResponseHandle *handle)
{
    int copy = dup(socket); /* libmicrohttpd closes its own */
    if (gdws_server_adopt_upgraded(server, copy, request, extra, length) != GDWS_OK) {
        close(copy);
    }
    (void)from, MHD_upgrade_action(handle, MHD_UPGRADE_ACTION_CLOSE);
}

static void add_header(const char *name, const char *value, void *answer)
{
    MHD_add_response_header(answer, name, value);
}

static enum MHD_Result reply(void *server, struct MHD_Connection *connection, const char *path,
                             const char *method, const char *version, const char *body,
                             size_t *body_length, void **request)
{
    static char page[] = "<!DOCTYPE html><title>gdws</title>Pages and WebSockets on one port.\n";
    if (strstr(*request, "\r\n\r\n") == NULL) { /* only the second call may answer */
        MHD_get_connection_values(connection, MHD_HEADER_KIND, add, *request);
        return strcat(*request, "\r\n"), MHD_YES;
    }
    struct MHD_Response *answer = MHD_create_response_for_upgrade(hand_over, server);
    int status = gdws_server_judge_request(server, *request, add_header, answer);
    if (status != 101) { /* 426: it asks for no WebSocket, but for a page */
        MHD_destroy_response(answer);
        answer = MHD_create_response_from_buffer(strlen(page), page, MHD_RESPMEM_PERSISTENT);
    }
    MHD_queue_response(connection, status == 426 ? 200 : (unsigned)status, answer);
    MHD_destroy_response(answer);
    return (void)path, (void)method, (void)version, (void)body, (void)body_length, MHD_YES;
}

int main(int argc, char **argv)
{
    const gdws_server_signals signals = {.size = sizeof(signals), .data_received = on_data};
    struct sockaddr_in place = {AF_INET, htons((uint16_t)atoi(argv[argc - 1])), {0}, {0}};
    place.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    gdws_server *server = gdws_server_new(NULL); /* it listens nowhere */
    gdws_loop *loop = gdws_server_get_loop(server);
    gdws_server_set_signals(server, &signals);
    struct MHD_Daemon *daemon =
        MHD_start_daemon(MHD_USE_EPOLL | MHD_ALLOW_UPGRADE, 0, NULL, NULL, reply, server,
                         MHD_OPTION_SOCK_ADDR, &place, MHD_OPTION_URI_LOG_CALLBACK, begin, NULL,
                         MHD_OPTION_NOTIFY_COMPLETED, end, NULL, MHD_OPTION_END);
    int httpd = MHD_get_daemon_info(daemon, MHD_DAEMON_INFO_EPOLL_FD)->epoll_fd;
    struct pollfd all[] = {{0, POLLIN, 0}, {httpd, POLLIN, 0}, {gdws_loop_get_fd(loop), POLLIN, 0}};
    dprintf(1, "listening on %d\n", MHD_get_daemon_info(daemon, MHD_DAEMON_INFO_BIND_PORT)->port);
    for (MHD_UNSIGNED_LONG_LONG limit = 1; all[0].revents == 0;) {
        poll(all, 3,
             MHD_get_timeout(daemon, &limit) && !limit ? 0 : gdws_loop_get_timeout_ms(loop));
        MHD_run(daemon);
        gdws_loop_poll(loop);
    }
    MHD_stop_daemon(daemon);
    gdws_server_free(server);
}
