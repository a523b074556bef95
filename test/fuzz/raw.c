/* SPDX-License-Identifier: MIT */
/* Raw sockets that a random program uses. */
#include "raw.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <openssl/evp.h>

#include "program.h"

enum { RAWS = 4, PORTS_MAX = 64 };

static int raws[RAWS];
static bool is_server[RAWS]; /* it was accepted */
static int listener = -1;
static uint16_t listener_port;
static uint16_t ports[PORTS_MAX]; /* that any of them has had */
static size_t port_count;

uint16_t raw_get_port(void)
{
    return listener_port;
}

bool raw_is_port(uint16_t port)
{
    for (size_t i = 0; i < port_count; i++) {
        if (ports[i] == port) {
            return true;
        }
    }
    return false;
}

static struct sockaddr_in make_address(uint16_t port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
    require(inet_pton(AF_INET, program_address(), &address.sin_addr) == 1);
    return address;
}

void raw_connect(uint16_t port)
{
    uint8_t which = program_take() % RAWS;
    if (raws[which] >= 0 || port_count == PORTS_MAX) {
        return;
    }
    struct sockaddr_in address = make_address(port);
    is_server[which] = false;
    raws[which] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    socklen_t length = sizeof(address);
    (void)connect(raws[which], (struct sockaddr *)&address, sizeof(address));
    require(getsockname(raws[which], (struct sockaddr *)&address, &length) == 0);
    ports[port_count] = ntohs(address.sin_port);
    port_count++;
}

static void start_listening(void)
{
    struct sockaddr_in address = make_address(0);
    socklen_t length = sizeof(address);
    listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    require(bind(listener, (struct sockaddr *)&address, sizeof(address)) == 0);
    require(listen(listener, 64) == 0);
    require(getsockname(listener, (struct sockaddr *)&address, &length) == 0);
    listener_port = ntohs(address.sin_port);
}

void raw_accept(void)
{
    uint8_t which = program_take() % RAWS;
    if (raws[which] < 0) {
        is_server[which] = true;
        raws[which] = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    }
}

/* Answer a client's request as a server does, and agree on compression, asked or not. */
static void answer_request(int raw)
{
    static const char guid[] = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
    char request[4096];
    char text[128];
    uint8_t digest[EVP_MAX_MD_SIZE];
    char accepted[EVP_MAX_MD_SIZE * 2];
    char answer[512];
    ssize_t length = recv(raw, request, sizeof(request) - 1, 0);
    request[length > 0 ? length : 0] = '\0';
    const char *key = strstr(request, "Sec-WebSocket-Key: ");
    if (key == NULL) {
        return;
    }
    (void)snprintf(text, sizeof(text), "%.24s%s", key + 19, guid);
    unsigned size = 0;
    require(EVP_Digest(text, strlen(text), digest, &size, EVP_sha1(), NULL) == 1);
    (void)EVP_EncodeBlock((unsigned char *)accepted, digest, (int)size);
    length = snprintf(answer, sizeof(answer),
                      "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
                      "Connection: Upgrade\r\nSec-WebSocket-Accept: %s\r\n%s\r\n",
                      accepted,
                      program_take() & 1 ? "Sec-WebSocket-Extensions: permessage-deflate\r\n" : "");
    (void)send(raw, answer, (size_t)length, MSG_NOSIGNAL);
}

void raw_send(void)
{
    static const char request[] =
        "GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"
        "Sec-WebSocket-Extensions: permessage-deflate\r\n\r\n";
    uint8_t which = program_take() % RAWS;
    int raw = raws[which];
    size_t length = program_take();
    if (raw < 0) {
        return;
    }
    if (length == 0 && is_server[which]) {
        answer_request(raw);
        return;
    }
    if (length == 0) {
        (void)send(raw, request, sizeof(request) - 1, MSG_NOSIGNAL);
        return;
    }
    const uint8_t *bytes = program_take_bytes(length, &length);
    (void)send(raw, bytes, length, MSG_NOSIGNAL);
}

void raw_close(void)
{
    uint8_t how = program_take();
    int *raw = &raws[how % RAWS];
    if (*raw < 0) {
        return;
    }
    if (how & 128) {
        (void)shutdown(*raw, SHUT_WR);
        return;
    }
    if (how & 64) {
        const struct linger hard = {.l_onoff = 1};
        (void)setsockopt(*raw, SOL_SOCKET, SO_LINGER, &hard, sizeof(hard));
    }
    (void)close(*raw);
    *raw = -1;
}

void raw_begin(void)
{
    port_count = 0;
    memset(raws, -1, sizeof(raws));
    if (listener < 0) {
        start_listening();
    }
}

void raw_end(void)
{
    for (size_t i = 0; i < RAWS; i++) {
        if (raws[i] >= 0) {
            (void)close(raws[i]);
        }
    }
    /* Nothing is left for the next input's accept, either. */
    int late = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
    while (late >= 0) {
        (void)close(late);
        late = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
    }
}
