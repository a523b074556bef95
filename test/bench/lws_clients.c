/* SPDX-License-Identifier: MIT */
/* The same as gdws_clients with libwebsockets as its minimal examples use it: its default event
 * loop, a writable callback and one lws_write for each message.
 * Usage: lws_clients PORT COUNT SIZE IN_FLIGHT MS */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <libwebsockets.h>

#include "process.h"

typedef struct session {
    size_t owed; /* messages to be sent */
    size_t got;  /* bytes of the message that is arriving */
} session;

static size_t size;
static size_t in_flight;
static size_t connected;
static uint64_t received;
static uint8_t *payload; /* LWS_PRE before it */

static uint64_t now_ms(void)
{
    struct timespec time;
    (void)clock_gettime(CLOCK_MONOTONIC, &time);
    return (uint64_t)time.tv_sec * 1000u + (uint64_t)time.tv_nsec / 1000000u;
}

static void owe(session *own, struct lws *wsi, size_t count)
{
    own->owed += count;
    lws_callback_on_writable(wsi);
}

static void receive(session *own, struct lws *wsi, const void *bytes, size_t length)
{
    if (own->got + length > size || memcmp(bytes, payload + LWS_PRE + own->got, length) != 0) {
        (void)fprintf(stderr, "a message differs\n");
        exit(1);
    }
    own->got += length;
    if (lws_is_final_fragment(wsi)) {
        own->got = 0;
        received++;
        owe(own, wsi, 1);
    }
}

static int write_next(session *own, struct lws *wsi)
{
    if (own->owed == 0) {
        return 0;
    }
    /* Masking changes the buffer, so each message is copied, as in the examples. */
    static uint8_t *copy;
    if (copy == NULL) {
        copy = malloc(LWS_PRE + size);
    }
    if (copy == NULL) {
        return -1;
    }
    memcpy(copy + LWS_PRE, payload + LWS_PRE, size);
    own->owed--;
    if (lws_write(wsi, copy + LWS_PRE, size, LWS_WRITE_BINARY) < (int)size) {
        return -1;
    }
    if (own->owed > 0) {
        lws_callback_on_writable(wsi);
    }
    return 0;
}

static int on_event(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in,
                    size_t length)
{
    session *own = user;
    switch (reason) {
    case LWS_CALLBACK_CLIENT_ESTABLISHED:
        connected++;
        owe(own, wsi, in_flight);
        break;
    case LWS_CALLBACK_CLIENT_RECEIVE:
        receive(own, wsi, in, length);
        break;
    case LWS_CALLBACK_CLIENT_WRITEABLE:
        return write_next(own, wsi);
    case LWS_CALLBACK_CLIENT_CONNECTION_ERROR:
        (void)fprintf(stderr, "%s\n", in != NULL ? (const char *)in : "no connection");
        exit(1);
    default:
        break;
    }
    return 0;
}

static void run_until(struct lws_context *context, uint64_t end)
{
    while (now_ms() < end) {
        (void)lws_service(context, 0);
    }
}

static void connect_one(struct lws_context *context, int port)
{
    struct lws_client_connect_info info;
    memset(&info, 0, sizeof(info));
    info.context = context;
    info.address = "127.0.0.1";
    info.port = port;
    info.path = "/";
    info.host = "127.0.0.1";
    info.local_protocol_name = "clients";
    (void)lws_client_connect_via_info(&info);
}

int main(int argc, char **argv)
{
    static const struct lws_protocols protocols[] = {
        {"clients", on_event, sizeof(session), 65536, 0, NULL, 1u << 20},
        {NULL, NULL, 0, 0, 0, NULL, 0}};
    struct lws_context_creation_info info;
    if (argc != 6) {
        return 2;
    }
    size_t count = strtoul(argv[2], NULL, 10);
    uint64_t duration = strtoul(argv[5], NULL, 10);
    size = strtoul(argv[3], NULL, 10);
    in_flight = strtoul(argv[4], NULL, 10);
    payload = calloc(1, LWS_PRE + size + 1);
    memset(&info, 0, sizeof(info));
    lws_set_log_level(LLL_ERR, NULL);
    info.port = CONTEXT_PORT_NO_LISTEN;
    info.protocols = protocols;
    info.pt_serv_buf_size = 65536 + 4096;
    struct lws_context *context = lws_create_context(&info);
    if (context == NULL || payload == NULL) {
        return 1;
    }
    for (size_t i = 0; i < count; i++) {
        connect_one(context, atoi(argv[1]));
        while (connected + 50 < i) {
            (void)lws_service(context, 0);
        }
    }
    while (connected < count) {
        (void)lws_service(context, 0);
    }
    run_until(context, now_ms() + 300);
    uint64_t before = received;
    uint64_t start = now_ms();
    uint64_t cpu = process_cpu_ns(getpid());
    run_until(context, start + duration);
    cpu = process_cpu_ns(getpid()) - cpu;
    double messages = (double)(received - before);
    (void)printf("{\"cpu_us\": %.4f, \"per_second\": %.0f}\n", (double)cpu / 1e3 / messages,
                 messages * 1e3 / (double)(now_ms() - start));
    return 0;
}
