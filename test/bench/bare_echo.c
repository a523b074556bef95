/* SPDX-License-Identifier: MIT */
/* The echo server of the benchmark with nothing but sockets: epoll, one recv, one send, and between
 * the two only what the frames need. No queue, no limit, no timer, no check: not a server that
 * anybody could use, but the least that any server can cost here. Usage: bare_echo [broadcast] */
#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/evp.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>

#define READ_MAX ((size_t)65536)
#define CONNECTIONS_MAX 65536
#define MASKED_HEADER_MIN 6

typedef struct connection {
    bool is_upgraded;
    uint8_t *bytes; /* what has come */
    size_t length;
    size_t capacity;
} connection;

static connection connections[CONNECTIONS_MAX];
static int highest;
static bool is_broadcast;

/* Send all; the load reads, so waiting is safe. */
static void send_all(int descriptor, const void *bytes, size_t length)
{
    const uint8_t *at = bytes;
    while (length > 0) {
        ssize_t sent = send(descriptor, at, length, MSG_NOSIGNAL);
        if (sent < 0) {
            struct pollfd wait = {.fd = descriptor, .events = POLLOUT};
            if (errno != EAGAIN || poll(&wait, 1, -1) < 0) {
                return;
            }
            sent = 0;
        }
        at += sent;
        length -= (size_t)sent;
    }
}

static void upgrade(int descriptor, connection *c)
{
    static const char guid[] = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
    uint8_t digest[EVP_MAX_MD_SIZE];
    char text[128];
    char answer[256];
    c->bytes[c->length < c->capacity ? c->length : c->length - 1] = 0;
    const char *key = strstr((const char *)c->bytes, "Sec-WebSocket-Key: ");
    if (key == NULL || strstr((const char *)c->bytes, "\r\n\r\n") == NULL) {
        return;
    }
    (void)snprintf(text, sizeof(text), "%.24s%s", key + strlen("Sec-WebSocket-Key: "), guid);
    (void)EVP_Digest(text, strlen(text), digest, NULL, EVP_sha1(), NULL);
    (void)EVP_EncodeBlock((unsigned char *)text, digest, 20);
    int length = snprintf(answer, sizeof(answer),
                          "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
                          "Connection: Upgrade\r\nSec-WebSocket-Accept: %s\r\n\r\n",
                          text);
    c->is_upgraded = true;
    c->length = 0;
    send_all(descriptor, answer, (size_t)length);
}

/* The length of a masked frame's header, 0 when it is not all there. */
static size_t parse(const uint8_t *bytes, size_t length, uint64_t *payload)
{
    if (length < MASKED_HEADER_MIN) {
        return 0;
    }
    *payload = bytes[1] & 0x7f;
    size_t extra = *payload < 126 ? 0 : *payload == 126 ? 2 : 8;
    if (length < MASKED_HEADER_MIN + extra) {
        return 0;
    }
    if (extra > 0) {
        *payload = 0;
        for (size_t i = 0; i < extra; i++) {
            *payload = *payload << 8 | bytes[2 + i];
        }
    }
    return MASKED_HEADER_MIN + extra;
}

static void unmask(uint8_t *to, const uint8_t *from, size_t length, const uint8_t mask[4])
{
    uint64_t wide;
    size_t i = 0;
    memcpy(&wide, mask, 4);
    memcpy((uint8_t *)&wide + 4, mask, 4);
    for (; length - i >= 8; i += 8) {
        uint64_t word;
        memcpy(&word, from + i, 8);
        word ^= wide;
        memcpy(to + i, &word, 8);
    }
    for (; i < length; i++) {
        to[i] = from[i] ^ mask[i & 3];
    }
}

/* Turn the whole frames that have come into frames to send, in place: those are shorter. */
static void answer(int descriptor, connection *c)
{
    size_t at = 0;
    size_t out = 0;
    uint64_t payload;
    for (;;) {
        size_t header = parse(c->bytes + at, c->length - at, &payload);
        if (header == 0 || c->length - at - header < payload) {
            break;
        }
        uint8_t mask[4];
        memcpy(mask, c->bytes + at + header - 4, 4);
        memmove(c->bytes + out, c->bytes + at, header - 4);
        c->bytes[out + 1] &= 0x7f;
        unmask(c->bytes + out + header - 4, c->bytes + at + header, payload, mask);
        at += header + payload;
        out += header - 4 + payload;
    }
    for (int to = 0; out > 0 && to <= highest; to++) {
        if (is_broadcast ? connections[to].is_upgraded : to == descriptor) {
            send_all(to, c->bytes, out);
        }
    }
    memmove(c->bytes, c->bytes + at, c->length - at);
    c->length -= at;
}

static void serve(int descriptor)
{
    connection *c = &connections[descriptor];
    if (c->capacity - c->length < READ_MAX) {
        c->capacity = 2 * c->capacity + READ_MAX;
        c->bytes = realloc(c->bytes, c->capacity);
        if (c->bytes == NULL) {
            exit(1);
        }
    }
    ssize_t got = recv(descriptor, c->bytes + c->length, c->capacity - c->length, 0);
    if (got > 0) {
        c->length += (size_t)got;
        if (c->is_upgraded) {
            answer(descriptor, c);
        } else {
            upgrade(descriptor, c);
        }
    } else if (got == 0 || errno != EAGAIN) {
        free(c->bytes);
        *c = (connection){0};
        (void)close(descriptor);
    }
}

static void accept_one(int listener, int poller)
{
    int one = 1;
    int descriptor = accept4(listener, NULL, NULL, SOCK_NONBLOCK);
    struct epoll_event event = {.events = EPOLLIN, .data.fd = descriptor};
    if (descriptor < 0 || descriptor >= CONNECTIONS_MAX) {
        exit(1);
    }
    highest = descriptor > highest ? descriptor : highest;
    (void)setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
    (void)epoll_ctl(poller, EPOLL_CTL_ADD, descriptor, &event);
}

int main(int argc, char **argv)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof(address);
    struct epoll_event events[1024];
    struct rlimit limit;
    is_broadcast = argc > 1 && strcmp(argv[1], "broadcast") == 0;
    (void)getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max;
    (void)setrlimit(RLIMIT_NOFILE, &limit);
    int poller = epoll_create1(0);
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    struct epoll_event event = {.events = EPOLLIN, .data.fd = listener};
    if (bind(listener, (struct sockaddr *)&address, length) != 0 || listen(listener, 1024) != 0 ||
        getsockname(listener, (struct sockaddr *)&address, &length) != 0 ||
        epoll_ctl(poller, EPOLL_CTL_ADD, listener, &event) != 0) {
        return 1;
    }
    (void)printf("listening on %u\n", ntohs(address.sin_port));
    (void)fflush(stdout);
    for (;;) {
        int count = epoll_wait(poller, events, 1024, -1);
        for (int i = 0; i < count; i++) {
            if (events[i].data.fd == listener) {
                accept_one(listener, poller);
            } else {
                serve(events[i].data.fd);
            }
        }
    }
}
