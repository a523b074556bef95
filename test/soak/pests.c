/* SPDX-License-Identifier: MIT */
/* A process full of raw sockets that do what a peer should not. Each has a script of bytes, sends
 * it at its own pace, and then stays, goes, or waits until the server has had enough. */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <netinet/in.h>

#include "dice.h"
#include "message.h"
#include "roles.h"

enum { TURN_MS = 10, LIMIT = 2000, MESSAGES_MAX = 30, DEAF_MS = 40000, REST_MS = 1000 };

#define SCRIPT_MAX (1024 + MESSAGES_MAX * (LIMIT + 8))

/* How it ends once all is sent. */
typedef enum finish {
    FINISH_RESET, /* by an RST */
    FINISH_DEAF,  /* it stays, without reading, until the server or its own time ends it */
    FINISH_WAIT,  /* the server must end it */
    FINISH_STAY   /* it waits, and goes when its time is over */
} finish;

typedef struct habit {
    tally name;
    finish end;
    size_t piece;        /* bytes sent at once; 0: as many as go */
    bool has_request;    /* a whole one, so that there is an entry in the book */
    uint8_t last_opcode; /* of a frame behind the messages; 0: none */
    bool is_last_masked;
} habit;

static const habit habits[] = {
    {COUNT_STRANGERS, FINISH_WAIT, 0, false, 0, false}, /* 403 */
    {COUNT_HALVES, FINISH_STAY, 0, false, 0, false},
    {COUNT_GARBAGE, FINISH_WAIT, 0, false, 0, false},
    {COUNT_VANISHED, FINISH_RESET, 0, false, 0, false},
    {COUNT_RESETS, FINISH_RESET, 0, true, 0x82, true},
    {COUNT_DEAF, FINISH_DEAF, 0, true, 0, false},
    {COUNT_SLOW, FINISH_WAIT, 7, true, 0x88, true},
    {COUNT_RUDE, FINISH_WAIT, 0, true, 0x82, false}, /* not masked: RFC 6455 section 5.1 */
};

typedef struct pest {
    const habit *what; /* NULL: it rests */
    int descriptor;
    uint64_t limit_ms; /* of its rest, or of its life */
    uint8_t *script;
    size_t length;
    size_t sent;
} pest;

typedef struct swarm {
    book *ledger;
    uint16_t owner;
    uint64_t dice;
    uint64_t now_ms;
    pest *pests;
    struct pollfd *polled;
    size_t count;
    size_t busy;
} swarm;

static bool is_talking(const swarm *all)
{
    return atomic_load(&all->ledger->phase) == PHASE_TALK;
}

/* Scripts */

static size_t write_frame(uint8_t *target, uint8_t first, const uint8_t *payload, size_t length,
                          bool is_masked)
{
    static const uint8_t mask[4] = {0x3a, 0xc5, 0x0f, 0x91};
    size_t head = 2;
    target[0] = first;
    target[1] = (uint8_t)((is_masked ? 0x80 : 0) | (length < 126 ? length : 126));
    if (length >= 126) {
        target[2] = (uint8_t)(length >> 8);
        target[3] = (uint8_t)length;
        head = 4;
    }
    if (is_masked) {
        memcpy(target + head, mask, 4);
        head += 4;
    }
    for (size_t i = 0; i < length; i++) {
        target[head + i] = (uint8_t)(payload[i] ^ (is_masked ? mask[i % 4] : 0));
    }
    return head + length;
}

static size_t write_request(uint8_t *target, uint32_t number)
{
    int length = snprintf((char *)target, 512,
                          "GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\n"
                          "Connection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
                          "Sec-WebSocket-Version: 13\r\n%s: %u\r\n\r\n",
                          BOOK_HEADER, number);
    return (size_t)length;
}

/* A whole request, messages as a client would put them, and the last frame. */
static void write_visit(swarm *all, pest *one)
{
    static const uint8_t closing[] = {1000 >> 8, 1000 & 0xff};
    uint32_t number = book_open(all->ledger, KIND_RAW, all->owner, LIMIT);
    entry *in = &all->ledger->entries[number];
    uint32_t messages = (uint32_t)dice_between(&all->dice, 0, MESSAGES_MAX);
    one->length = write_request(one->script, number);
    for (uint32_t i = 0; i < messages; i++) {
        message made = message_make(message_client(number, i, LIMIT), number, i, i, LIMIT);
        one->length += write_frame(one->script + one->length, made.is_text ? 0x81 : 0x82,
                                   made.bytes, made.length, true);
    }
    if (one->what->last_opcode != 0) {
        bool is_close = one->what->last_opcode == 0x88;
        size_t length = write_frame(one->script + one->length, one->what->last_opcode, closing,
                                    sizeof(closing), one->what->is_last_masked);
        one->length += is_close ? length : length - 1; /* the others are cut off in the middle */
    }
    in->client.put = messages;
    in->ending = ENDING_MISBEHAVED;
    in->is_excused = true;
}

static void write_script(swarm *all, pest *one)
{
    one->sent = 0;
    if (one->what->has_request) {
        write_visit(all, one);
    } else if (one->what->name == COUNT_GARBAGE) {
        one->length = (size_t)dice_between(&all->dice, 1, 512);
        for (size_t i = 0; i < one->length; i++) {
            one->script[i] = (uint8_t)dice_roll(&all->dice);
        }
        memcpy(one->script + one->length, "\r\n\r\n", 4);
        one->length += 4;
    } else {
        bool is_whole = one->what->name == COUNT_STRANGERS;
        one->length = write_request(one->script, 0) / (is_whole ? 1 : 2);
    }
}

/* Lives */

static void rest(swarm *all, pest *one)
{
    (void)close(one->descriptor);
    one->descriptor = -1;
    one->what = NULL;
    one->limit_ms = all->now_ms + dice_between(&all->dice, 0, REST_MS);
    all->busy--;
}

static void reset(swarm *all, pest *one)
{
    const struct linger now = {.l_onoff = 1, .l_linger = 0};
    (void)setsockopt(one->descriptor, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
    rest(all, one);
}

static void start(swarm *all, pest *one)
{
    struct sockaddr_in address = {.sin_family = AF_INET};
    const habit *what = &habits[dice_roll(&all->dice) % (sizeof(habits) / sizeof(habits[0]))];
    kind door = what->name == COUNT_GARBAGE ? (kind)(dice_roll(&all->dice) % KIND_RAW)
                                            : (kind)(dice_roll(&all->dice) % 2 * KIND_COMPRESSED);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons(all->ledger->ports[door]);
    one->descriptor = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (one->descriptor < 0 ||
        connect(one->descriptor, (struct sockaddr *)&address, sizeof(address)) != 0) {
        book_wrong(all->ledger, "a raw socket cannot connect: %s", strerror(errno));
        return;
    }
    one->what = what;
    one->limit_ms = UINT64_MAX; /* until all is sent */
    if (what->end == FINISH_STAY || what->end == FINISH_DEAF) {
        one->limit_ms = all->now_ms + dice_between(&all->dice, 500, DEAF_MS);
    }
    all->busy++;
    book_add(all->ledger, what->name);
    write_script(all, one);
}

static void speak(swarm *all, pest *one)
{
    size_t left = one->length - one->sent;
    bool is_slow = one->what->piece > 0 && left > one->what->piece && is_talking(all);
    size_t piece = is_slow ? one->what->piece : left;
    ssize_t sent =
        send(one->descriptor, one->script + one->sent, piece, MSG_DONTWAIT | MSG_NOSIGNAL);
    one->sent += sent > 0 ? (size_t)sent : 0;
    if (sent < 0 && errno != EAGAIN) {
        rest(all, one);
    } else if (one->sent == one->length && one->what->end == FINISH_RESET) {
        reset(all, one);
    } else if (one->sent == one->length && one->what->end == FINISH_WAIT) {
        one->limit_ms = all->now_ms + all->ledger->patience_ms * 2;
    }
}

/* Read and throw away. Returns false when the server has ended it. */
static bool listen_to(const pest *one)
{
    static uint8_t bytes[65536];
    ssize_t length = recv(one->descriptor, bytes, sizeof(bytes), MSG_DONTWAIT);
    return length > 0 || (length < 0 && errno == EAGAIN);
}

static void live(swarm *all, pest *one, short events)
{
    bool is_deaf = one->what->end == FINISH_DEAF;
    bool is_over = (events & (POLLERR | POLLHUP)) != 0 && is_deaf;
    if ((events & (POLLIN | POLLERR | POLLHUP)) != 0 && !is_deaf) {
        is_over = !listen_to(one);
    }
    if (is_over) {
        rest(all, one);
    } else if (one->limit_ms <= all->now_ms) {
        if (one->what->end == FINISH_WAIT) {
            book_wrong(all->ledger, "the server does not end a connection (%s)",
                       book_count_names[one->what->name]);
        }
        rest(all, one);
    } else if ((events & POLLOUT) != 0 && one->sent < one->length) {
        speak(all, one);
    }
}

static void turn(swarm *all)
{
    for (size_t i = 0; i < all->count; i++) {
        const pest *one = &all->pests[i];
        bool is_speaking = one->what != NULL && one->sent < one->length;
        bool is_deaf = one->what != NULL && one->what->end == FINISH_DEAF;
        all->polled[i] = (struct pollfd){.fd = one->descriptor};
        all->polled[i].events = (short)((is_speaking ? POLLOUT : 0) | (is_deaf ? 0 : POLLIN));
    }
    (void)poll(all->polled, all->count, TURN_MS);
    all->now_ms = book_now_ms();
    for (size_t i = 0; i < all->count; i++) {
        pest *one = &all->pests[i];
        if (one->what != NULL) {
            live(all, one, all->polled[i].revents);
        } else if (is_talking(all) && one->limit_ms <= all->now_ms) {
            start(all, one);
        }
    }
    if (all->busy > 0) {
        (void)poll(NULL, 0, 2); /* The slow ones say one piece in each turn. */
    }
}

int pests_run(book *ledger, uint16_t owner, size_t pests, uint64_t seed)
{
    size_t descriptors = book_descriptors();
    swarm all = {.ledger = ledger, .owner = owner, .dice = seed, .count = pests};
    all.now_ms = book_now_ms();
    all.pests = calloc(pests, sizeof(*all.pests));
    all.polled = calloc(pests, sizeof(*all.polled));
    for (size_t i = 0; i < pests; i++) {
        all.pests[i] = (pest){.descriptor = -1, .script = malloc(SCRIPT_MAX)};
        all.pests[i].limit_ms = all.now_ms + dice_between(&all.dice, 0, REST_MS);
    }
    while (is_talking(&all) || all.busy > 0) {
        turn(&all);
    }
    for (size_t i = 0; i < pests; i++) {
        free(all.pests[i].script);
    }
    free(all.pests);
    free(all.polled);
    return book_descriptors() == descriptors ? 0 : 1;
}
