/* SPDX-License-Identifier: MIT */
/* The load generator: plain sockets and epoll, so that the same load falls on every server. Each
 * active peer keeps a number of messages in flight and checks every byte that comes back. Prints
 * one line of JSON with the server's CPU time by the kernel's accounting. */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <openssl/ssl.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include "process.h"

#define PATTERN_SHIFT 251
#define SAMPLES_MAX 4000000u
#define WARM_UP_MS 300
#define HEADER_MAX 14

/* A heavy peer moves at most this much before the others get their turn: what is measured is the
 * server's fairness, not ours. */
#define TURN_MAX ((size_t)256 << 10)

typedef struct options {
    uint16_t port;
    int pid;
    size_t active;
    size_t idle;
    size_t size;
    size_t in_flight;
    size_t heavy; /* of the active ones: peers that send messages of heavy_size, not measured */
    size_t heavy_size;
    unsigned milliseconds;
    bool is_broadcast;
    bool is_tls;
} options;

typedef struct connection {
    int descriptor;
    SSL *tls; /* NULL: in the clear */
    bool is_heavy;
    bool is_choked;   /* the poller tells when it can be written to */
    size_t size;      /* of its messages */
    size_t in_flight; /* that it keeps */
    uint64_t sent;    /* messages */
    uint64_t received;
    uint64_t *times; /* when each message in flight was sent */
    uint8_t *out;
    size_t out_length;
    size_t out_size; /* of the last message, encoded, and those before it in the output */
    size_t out_sent;
    uint8_t *in;
    size_t in_length;
    size_t payload_at; /* bytes of the message that is arriving */
    uint64_t frame_left;
    bool is_final;
} connection;

static options the;
static uint8_t *pattern;
static connection *connections;
static uint32_t *samples;
static size_t sample_count;
static bool is_measuring;
static uint64_t measured;
static int poller;
static SSL_CTX *context;

static void die(const char *what)
{
    (void)fprintf(stderr, "load: %s: %s\n", what, strerror(errno));
    exit(1);
}

static uint64_t now_ns(void)
{
    struct timespec time;
    (void)clock_gettime(CLOCK_MONOTONIC, &time);
    return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
}

/* Frames */

static size_t write_header(uint8_t *bytes, size_t length, const uint8_t mask[4])
{
    size_t at = 2;
    bytes[0] = 0x82;
    if (length < 126) {
        bytes[1] = (uint8_t)(0x80 | length);
    } else {
        size_t extra = length <= 0xffff ? 2 : 8;
        bytes[1] = extra == 2 ? 0xfe : 0xff;
        for (size_t i = 0; i < extra; i++) {
            bytes[at + i] = (uint8_t)((uint64_t)length >> (8 * (extra - 1 - i)));
        }
        at += extra;
    }
    memcpy(bytes + at, mask, 4);
    return at + 4;
}

/* Where in the pattern a connection's message begins. A heavy peer sends the same one again and
 * again, so that it need not be made anew. */
static size_t offset_of(const connection *c, uint64_t number)
{
    return c->is_heavy ? 0 : (size_t)(number % PATTERN_SHIFT);
}

static void note_sent(connection *c, size_t length)
{
    c->out_length = length;
    c->times[c->sent % c->in_flight] = now_ns();
    c->sent++;
}

/* Append the connection's next message to its output. */
static void queue_message(connection *c)
{
    if (c->is_heavy && c->sent > 0) {
        note_sent(c, c->out_size);
        return;
    }
    uint32_t key = 0x9e3779b9u * (uint32_t)(c->sent + 1);
    uint8_t mask[4];
    uint64_t wide = (uint64_t)key << 32 | key;
    memcpy(mask, &key, 4);
    uint8_t *target = c->out + c->out_length;
    target += write_header(target, c->size, mask);
    const uint8_t *source = pattern + offset_of(c, c->sent);
    size_t i = 0;
    for (; c->size - i >= 8; i += 8) {
        uint64_t word;
        memcpy(&word, source + i, 8);
        word ^= wide;
        memcpy(target + i, &word, 8);
    }
    for (; i < c->size; i++) {
        target[i] = source[i] ^ mask[i & 3];
    }
    c->out_size = (size_t)(target - c->out) + c->size;
    note_sent(c, c->out_size);
}

/* Both give what send and recv would. */

static ssize_t put(connection *c, const void *bytes, size_t length)
{
    if (c->tls == NULL) {
        return send(c->descriptor, bytes, length, MSG_NOSIGNAL | MSG_DONTWAIT);
    }
    int sent = SSL_write(c->tls, bytes, length < 1u << 30 ? (int)length : 1 << 30);
    if (sent <= 0) {
        int error = SSL_get_error(c->tls, sent);
        errno = error == SSL_ERROR_WANT_WRITE || error == SSL_ERROR_WANT_READ ? EAGAIN : EPIPE;
        return -1;
    }
    return sent;
}

static ssize_t get(connection *c, void *bytes, size_t room)
{
    if (c->tls == NULL) {
        return recv(c->descriptor, bytes, room, MSG_DONTWAIT);
    }
    size_t length = 0;
    int got = 1;
    while (got > 0 && length < room) {
        size_t left = room - length < 1u << 30 ? room - length : 1u << 30;
        got = SSL_read(c->tls, (char *)bytes + length, (int)left);
        length += got > 0 ? (size_t)got : 0;
    }
    if (length == 0) {
        errno = SSL_get_error(c->tls, got) == SSL_ERROR_WANT_READ ? EAGAIN : ECONNRESET;
        return -1;
    }
    return (ssize_t)length;
}

static void flush(connection *c)
{
    bool goes_on = true;
    while (goes_on && c->out_sent < c->out_length) {
        size_t left = c->out_length - c->out_sent;
        ssize_t sent =
            put(c, c->out + c->out_sent, c->is_heavy && left > TURN_MAX ? TURN_MAX : left);
        goes_on = !c->is_heavy;
        if (sent < 0) {
            if (errno != EAGAIN) {
                die("send");
            }
            break;
        }
        c->out_sent += (size_t)sent;
    }
    bool is_done = c->out_sent == c->out_length;
    if (is_done == c->is_choked) {
        struct epoll_event event = {.events = EPOLLIN | (is_done ? 0u : EPOLLOUT), .data.ptr = c};
        if (epoll_ctl(poller, EPOLL_CTL_MOD, c->descriptor, &event) != 0) {
            die("epoll_ctl");
        }
        c->is_choked = !is_done;
    }
    if (is_done) {
        c->out_sent = 0;
        c->out_length = 0;
    }
}

static void note_received(connection *c)
{
    uint64_t elapsed = now_ns() - c->times[c->received % c->in_flight];
    c->received++;
    c->payload_at = 0;
    if (is_measuring && !c->is_heavy) {
        measured++;
        if (sample_count < SAMPLES_MAX) {
            samples[sample_count] = (uint32_t)(elapsed / 100);
            sample_count++;
        }
    }
}

static size_t read_header(connection *c, const uint8_t *bytes, size_t length)
{
    size_t extra = 0;
    if (length < 2) {
        return 0;
    }
    if (bytes[1] >= 126) {
        extra = bytes[1] == 126 ? 2 : 8;
    }
    if (length < 2 + extra) {
        return 0;
    }
    c->frame_left = extra > 0 ? 0 : bytes[1];
    for (size_t i = 0; i < extra; i++) {
        c->frame_left = c->frame_left << 8 | bytes[2 + i];
    }
    if ((bytes[0] & 0x70) != 0 || (bytes[1] & 0x80) != 0 || (bytes[0] & 0x0f) > 2) {
        (void)fprintf(stderr, "load: unexpected frame %02x %02x\n", bytes[0], bytes[1]);
        exit(1);
    }
    c->is_final = (bytes[0] & 0x80) != 0;
    return 2 + extra;
}

/* Check what has come, and answer each whole message with the next. */
static void take_input(connection *c)
{
    size_t at = 0;
    for (;;) {
        if (c->frame_left == 0) {
            size_t header = read_header(c, c->in + at, c->in_length - at);
            if (header == 0) {
                break;
            }
            at += header;
        }
        size_t piece = c->in_length - at;
        piece = piece < c->frame_left ? piece : (size_t)c->frame_left;
        const uint8_t *expected = pattern + offset_of(c, c->received) + c->payload_at;
        if (c->payload_at + piece > c->size || memcmp(c->in + at, expected, piece) != 0) {
            (void)fprintf(stderr, "load: message %llu differs\n", (unsigned long long)c->received);
            exit(1);
        }
        c->payload_at += piece;
        c->frame_left -= piece;
        at += piece;
        if (c->frame_left > 0) {
            break;
        }
        if (c->is_final) {
            note_received(c);
        }
    }
    memmove(c->in, c->in + at, c->in_length - at);
    c->in_length -= at;
}

/* Connections */

static void shake_hands(connection *c)
{
    static const char request[] = "GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\n"
                                  "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
                                  "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
    char answer[2048];
    size_t length = 0;
    if (put(c, request, sizeof(request) - 1) < 0) {
        die("send");
    }
    do {
        ssize_t got = c->tls != NULL ? SSL_read(c->tls, answer + length, 1)
                                     : recv(c->descriptor, answer + length, 1, 0);
        if (got <= 0 || length + 2 > sizeof(answer)) {
            die("handshake");
        }
        length++;
        answer[length] = '\0';
    } while (strstr(answer, "\r\n\r\n") == NULL);
    if (strncmp(answer, "HTTP/1.1 101", 12) != 0) {
        (void)fprintf(stderr, "load: %s\n", answer);
        exit(1);
    }
}

static void open_connection(connection *c)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(the.port)};
    int on = 1;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    c->descriptor = socket(AF_INET, SOCK_STREAM, 0);
    if (c->descriptor < 0 ||
        connect(c->descriptor, (struct sockaddr *)&address, sizeof(address)) != 0) {
        die("connect");
    }
    (void)setsockopt(c->descriptor, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    if (context != NULL) {
        c->tls = SSL_new(context);
        (void)SSL_set_fd(c->tls, c->descriptor);
        if (SSL_connect(c->tls) != 1) {
            die("TLS");
        }
    }
    shake_hands(c);
    if (context != NULL && fcntl(c->descriptor, F_SETFL, O_NONBLOCK) != 0) {
        die("fcntl");
    }
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = c};
    if (epoll_ctl(poller, EPOLL_CTL_ADD, c->descriptor, &event) != 0) {
        die("epoll_ctl");
    }
}

static void prepare(connection *c, size_t index)
{
    c->is_heavy = index < the.heavy;
    c->size = c->is_heavy ? the.heavy_size : the.size;
    c->in_flight = c->is_heavy ? 1 : the.in_flight;
    c->times = calloc(c->in_flight, sizeof(*c->times));
    c->out = malloc(c->in_flight * (c->size + HEADER_MAX));
    c->in = malloc(c->in_flight * (c->size + HEADER_MAX) + 65536);
    if (c->times == NULL || c->out == NULL || c->in == NULL) {
        die("malloc");
    }
}

static void read_from(connection *c)
{
    size_t room = c->in_flight * (c->size + HEADER_MAX) + 65536 - c->in_length;
    room = c->is_heavy && room > TURN_MAX ? TURN_MAX : room;
    ssize_t got = get(c, c->in + c->in_length, room);
    if (got < 0 && errno == EAGAIN) {
        return;
    }
    if (got <= 0) {
        die("the server ended a connection");
    }
    c->in_length += (size_t)got;
    take_input(c);
}

/* Running */

static void refill(connection *c)
{
    while (c->sent - c->received < c->in_flight && c->out_sent == 0) {
        queue_message(c);
    }
    flush(c);
}

static void run_echo_until(uint64_t end)
{
    struct epoll_event events[1024];
    while (now_ns() < end) {
        int count = epoll_wait(poller, events, 1024, 1);
        for (int i = 0; i < count; i++) {
            connection *c = events[i].data.ptr;
            if ((events[i].events & EPOLLOUT) != 0) {
                flush(c);
            }
            if ((events[i].events & ~(uint32_t)EPOLLOUT) != 0) {
                read_from(c);
                refill(c);
            }
        }
    }
}

/* One peer sends as many messages as it may have in flight, all receive; the next ones go when all
 * have the last one. */
static void run_broadcast_until(uint64_t end)
{
    struct epoll_event events[1024];
    connection *sender = &connections[0];
    while (now_ns() < end) {
        for (size_t i = 1; i < the.active; i++) {
            for (size_t j = 0; j < the.in_flight; j++) {
                connections[i].times[j] = now_ns();
            }
        }
        for (size_t j = 0; j < the.in_flight; j++) {
            queue_message(sender);
        }
        flush(sender);
        size_t left = the.active * the.in_flight;
        while (left > 0) {
            int count = epoll_wait(poller, events, 1024, 1000);
            if (count <= 0) {
                die("broadcast");
            }
            for (int i = 0; i < count; i++) {
                connection *c = events[i].data.ptr;
                uint64_t before = c->received;
                read_from(c);
                left -= (size_t)(c->received - before);
            }
        }
    }
}

static void run_until(uint64_t end)
{
    if (the.is_broadcast) {
        run_broadcast_until(end);
    } else {
        run_echo_until(end);
    }
}

static int compare(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a;
    uint32_t y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

static double percentile(double part)
{
    if (sample_count == 0) {
        return 0;
    }
    return samples[(size_t)(part * (double)(sample_count - 1))] / 10.0;
}

static void measure(size_t resident_before)
{
    size_t all = the.active + the.idle;
    size_t resident = process_resident(the.pid);
    run_until(now_ns() + WARM_UP_MS * 1000000u);
    is_measuring = true;
    uint64_t start = now_ns();
    uint64_t cpu = process_cpu_ns(the.pid);
    run_until(start + the.milliseconds * 1000000ull);
    cpu = process_cpu_ns(the.pid) - cpu;
    double seconds = (double)(now_ns() - start) / 1e9;
    qsort(samples, sample_count, sizeof(*samples), compare);
    (void)printf("{\"cpu_us\": %.4f, \"per_second\": %.0f, \"p50_us\": %.1f, \"p99_us\": %.1f, "
                 "\"rss_bytes\": %.0f, \"messages\": %llu}\n",
                 measured > 0 ? (double)cpu / 1e3 / (double)measured : 0.0,
                 (double)measured / seconds, percentile(0.5), percentile(0.99),
                 ((double)resident - (double)resident_before) / (double)all,
                 (unsigned long long)measured);
}

static void parse(int argc, char **argv)
{
    static const struct option names[] = {
        {"port", 1, NULL, 'p'},      {"pid", 1, NULL, 'P'},   {"active", 1, NULL, 'a'},
        {"idle", 1, NULL, 'i'},      {"size", 1, NULL, 's'},  {"in-flight", 1, NULL, 'f'},
        {"ms", 1, NULL, 'm'},        {"heavy", 1, NULL, 'h'}, {"heavy-size", 1, NULL, 'H'},
        {"broadcast", 0, NULL, 'b'}, {"tls", 0, NULL, 't'},   {NULL, 0, NULL, 0},
    };
    the = (options){.active = 1, .size = 20, .in_flight = 1, .milliseconds = 1000};
    int option = getopt_long(argc, argv, "", names, NULL);
    while (option != -1) {
        unsigned long value = optarg != NULL ? strtoul(optarg, NULL, 10) : 0;
        switch (option) {
        case 'p':
            the.port = (uint16_t)value;
            break;
        case 'P':
            the.pid = (int)value;
            break;
        case 'a':
            the.active = value;
            break;
        case 'i':
            the.idle = value;
            break;
        case 's':
            the.size = value;
            break;
        case 'f':
            the.in_flight = value;
            break;
        case 'm':
            the.milliseconds = (unsigned)value;
            break;
        case 'h':
            the.heavy = value;
            break;
        case 'H':
            the.heavy_size = value;
            break;
        case 'b':
            the.is_broadcast = true;
            break;
        case 't':
            the.is_tls = true;
            break;
        default:
            exit(2);
        }
        option = getopt_long(argc, argv, "", names, NULL);
    }
}

int main(int argc, char **argv)
{
    struct rlimit limit;
    parse(argc, argv);
    (void)getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max;
    (void)setrlimit(RLIMIT_NOFILE, &limit);
    size_t largest = the.size > the.heavy_size ? the.size : the.heavy_size;
    if (the.is_tls) {
        (void)signal(SIGPIPE, SIG_IGN);
        context = SSL_CTX_new(TLS_client_method());
        SSL_CTX_set_mode(context,
                         SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    }
    poller = epoll_create1(0);
    pattern = malloc(largest + PATTERN_SHIFT);
    samples = malloc(SAMPLES_MAX * sizeof(*samples));
    connections = calloc(the.active + the.idle, sizeof(*connections));
    if (poller < 0 || pattern == NULL || samples == NULL || connections == NULL) {
        die("start");
    }
    for (size_t i = 0; i < largest + PATTERN_SHIFT; i++) {
        pattern[i] = (uint8_t)(i * 131 + (i >> 8));
    }
    size_t resident_before = process_resident(the.pid);
    for (size_t i = 0; i < the.active + the.idle; i++) {
        open_connection(&connections[i]);
    }
    for (size_t i = 0; i < the.active; i++) {
        prepare(&connections[i], i);
        if (!the.is_broadcast) {
            refill(&connections[i]);
        }
    }
    measure(resident_before);
    return 0;
}
