/* SPDX-License-Identifier: MIT */
/* A collector of counters on epoll(7): programs send it datagrams such as "logins". Dashboards in
 * browsers are told each second how often each has come, by a WebSocket server beside it whose port
 * has the same number. Usage: embed_epoll PORT */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <arpa/inet.h>

#include <gdws/adapters/epoll.h>
#include <gdws/gdws.h>

#define COUNTERS_MAX 256
static volatile sig_atomic_t is_stopped;
static struct {
    char name[32];
    int value;
} counters[COUNTERS_MAX];

static void stop(int number)
{
    (void)number;
    is_stopped = 1;
}

static void count_one(int udp)
{
    char name[32] = "";
    ssize_t length = recv(udp, name, sizeof(name) - 1, 0);
    for (int i = 0; length > 0 && i < COUNTERS_MAX; i++) {
        if (counters[i].value == 0 || strcmp(counters[i].name, name) == 0) {
            memcpy(counters[i].name, name, sizeof(name));
            counters[i].value++;
            return;
        }
    }
}

static void report(int timer, gdws_server *server)
{
    char line[64];
    if (read(timer, line, sizeof(line)) > 0) {
        for (int i = 0; i < COUNTERS_MAX && counters[i].value > 0; i++) {
            int length = snprintf(line, sizeof(line), "%s %d", counters[i].name, counters[i].value);
            gdws_server_broadcast(server, line, (size_t)length, GDWS_WRITE_MODE_TEXT, 0, NULL);
        }
    }
}

int main(int argc, char **argv)
{
    const struct itimerspec second = {.it_interval = {.tv_sec = 1}, .it_value = {.tv_sec = 1}};
    struct sockaddr_in address = {.sin_family = AF_INET};
    struct epoll_event events[16] = {{.events = EPOLLIN}};
    gdws_epoll adapter;
    if (argc != 2) {
        fprintf(stderr, "usage: %s PORT\n", argv[0]);
        return 2;
    }
    signal(SIGTERM, stop);
    int epoll_fd = epoll_create1(0);
    int timer = timerfd_create(CLOCK_MONOTONIC, 0);
    int udp = socket(AF_INET, SOCK_DGRAM, 0);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    events[0].data.fd = timer;
    epoll_ctl(epoll_fd, EPOLL_CTL_ADD, timer, events);
    events[0].data.fd = udp;
    epoll_ctl(epoll_fd, EPOLL_CTL_ADD, udp, events);
    gdws_server *server = gdws_server_new(NULL);
    gdws_server_set_bind_ip(server, "127.0.0.1");
    gdws_error error = gdws_server_listen(server, (uint16_t)atoi(argv[1]));
    address.sin_port = htons(gdws_server_get_port(server));
    if (error != GDWS_OK || bind(udp, (struct sockaddr *)&address, sizeof(address)) != 0 ||
        gdws_epoll_attach(&adapter, epoll_fd, gdws_server_get_loop(server)) != GDWS_OK) {
        fprintf(stderr, "cannot listen\n");
        return 1;
    }
    timerfd_settime(timer, 0, &second, NULL);
    fprintf(stderr, "listening on %d\n", gdws_server_get_port(server));
    while (!is_stopped) {
        /* Without gdws this was epoll_wait(epoll_fd, events, 16, -1). */
        int count = gdws_epoll_wait(&adapter, events, 16, -1);
        for (int i = 0; i < count; i++) {
            if (events[i].data.fd == udp) {
                count_one(udp);
            } else {
                report(timer, server);
            }
        }
    }
    gdws_epoll_detach(&adapter);
    gdws_server_free(server);
    return 0;
}
