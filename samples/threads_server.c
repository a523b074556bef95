/* SPDX-License-Identifier: MIT */
/* A chat on several threads. Each has a loop and a server of its own, all share one port, and the
 * kernel deals the connections out. What somebody says goes to everybody, on all threads, by
 * gdws_loop_post. Usage: threads_server PORT THREADS */
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <gdws/gdws.h>

static struct worker {
    pthread_t thread;
    gdws_loop *loop;
    gdws_server *server;
} workers[16];
static int count;
static atomic_bool is_stopped;

typedef struct message {
    gdws_server *to;
    char text[];
} message;

/* On the thread that is told. Without a loop there is nobody left to tell. */
static void tell(gdws_loop *loop, void *user)
{
    message *said = user;
    if (loop != NULL) {
        gdws_server_broadcast(said->to, said->text, strlen(said->text), GDWS_WRITE_MODE_TEXT, 0,
                              NULL);
    }
    free(said);
}

static void on_data(gdws_server *server, int32_t id, void *user)
{
    const uint8_t *packet;
    size_t length;
    gdws_server_get_peer_packet(server, id, &packet, &length);
    printf("thread %d hears: %.100s\n", (int)((struct worker *)user - workers), packet);
    for (int i = 0; i < count; i++) {
        message *said = malloc(sizeof(*said) + length + 1); /* a packet ends with a NUL */
        if (said != NULL) {
            said->to = workers[i].server;
            memcpy(said->text, packet, length + 1);
        }
        if (said == NULL || gdws_loop_post(workers[i].loop, tell, said) != GDWS_OK) {
            free(said); /* not posted: still ours */
        }
    }
}

static void *work(void *user)
{
    while (!is_stopped) {
        gdws_loop_wait(((struct worker *)user)->loop, -1);
    }
    return NULL;
}

int main(int argc, char **argv)
{
    sigset_t ends;
    int number = setvbuf(stdout, NULL, _IOLBF, 0);
    uint16_t port = (uint16_t)(argc == 3 ? atoi(argv[1]) : 0);
    sigemptyset(&ends);
    sigaddset(&ends, SIGINT);
    sigaddset(&ends, SIGTERM);
    pthread_sigmask(SIG_BLOCK, &ends, NULL); /* on all threads: main waits for them */
    while (argc == 3 && count < atoi(argv[2]) && count < 16) {
        struct worker *next = &workers[count++];
        const gdws_server_signals signals = {
            .size = sizeof(signals), .user = next, .data_received = on_data};
        next->server = gdws_server_new(NULL);
        next->loop = gdws_server_get_loop(next->server);
        gdws_server_set_signals(next->server, &signals);
        gdws_server_set_bind_ip(next->server, "127.0.0.1");
        gdws_server_set_shares_port(next->server, true);
        if (gdws_server_listen(next->server, port) != GDWS_OK) {
            return 1;
        }
        port = gdws_server_get_port(next->server);
    }
    printf("listening on %d\n", port);
    for (int i = 0; i < count; i++) {
        pthread_create(&workers[i].thread, NULL, work, &workers[i]);
    }
    sigwait(&ends, &number);
    is_stopped = true;
    for (int i = 0; i < count; i++) {
        gdws_loop_wakeup(workers[i].loop);
        pthread_join(workers[i].thread, NULL);
    }
    for (int i = 0; i < count; i++) {
        gdws_server_free(workers[i].server); /* and its loop, to which nobody posts any more */
    }
}
