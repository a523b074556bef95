/* SPDX-License-Identifier: MIT */
/* The ledger: memory that all processes share, so that it stands even when one of them is killed.
 * It has an entry for each connection (for each attempt at one), in which either side counts what
 * it has put and taken. What was in the messages, and in which order, is checked by whoever takes
 * them; with that, the counts say all. */
#ifndef SOAK_BOOK_H
#define SOAK_BOOK_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The header with which a request says which connection it is. */
#define BOOK_HEADER "X-Soak"

/* The code of the Close frame for those that are kicked. */
#define BOOK_KICKED 4000

#define BOOK_KINDS(X)                                                                              \
    X(PLAIN, "ws")                                                                                 \
    X(SECURE, "wss")                                                                               \
    X(COMPRESSED, "compressed")                                                                    \
    X(RAW, "raw sockets")

/* How a connection has ended, as its client sees it. */
#define BOOK_ENDINGS(X)                                                                            \
    X(NONE, "still open")                                                                          \
    X(CLOSED, "closed")                                                                            \
    X(KICKED, "kicked")                                                                            \
    X(SETTLED, "settled at the end")                                                               \
    X(DROPPED, "client freed")                                                                     \
    X(KILLED, "process killed")                                                                    \
    X(MISBEHAVED, "misbehaved")                                                                    \
    X(LOST, "reported lost")                                                                       \
    X(FAILED, "not connected")

/* What else is counted. */
#define BOOK_COUNTS(X)                                                                             \
    X(BROADCASTS, "broadcasts")                                                                    \
    X(REFUSED_PUTS, "puts on a full queue")                                                        \
    X(SERVER_STALLS, "stalls of the server")                                                       \
    X(CLIENT_STALLS, "stalls of clients")                                                          \
    X(KICKS, "kicks")                                                                              \
    X(RECONNECTS, "reconnects")                                                                    \
    X(KILLS, "processes killed")                                                                   \
    X(FREEZES, "processes frozen")                                                                 \
    X(HALVES, "half handshakes")                                                                   \
    X(GARBAGE, "garbage instead of a handshake")                                                   \
    X(VANISHED, "gone at once")                                                                    \
    X(RESETS, "RST in the middle")                                                                 \
    X(DEAF, "deaf")                                                                                \
    X(SLOW, "byte by byte")                                                                        \
    X(RUDE, "against the protocol")                                                                \
    X(STRANGERS, "strangers")                                                                      \
    X(NOT_ADMITTED, "not admitted")

#define BOOK_ENUM_KIND(name, text) KIND_##name,
#define BOOK_ENUM_ENDING(name, text) ENDING_##name,
#define BOOK_ENUM_COUNT(name, text) COUNT_##name,
typedef enum kind { BOOK_KINDS(BOOK_ENUM_KIND) KINDS } kind;
typedef enum ending { BOOK_ENDINGS(BOOK_ENUM_ENDING) ENDINGS } ending;
typedef enum tally { BOOK_COUNTS(BOOK_ENUM_COUNT) COUNTS } tally;

extern const char *const book_kind_names[KINDS];
extern const char *const book_ending_names[ENDINGS];
extern const char *const book_count_names[COUNTS];

/* What one side knows of a connection. */
typedef struct side {
    _Atomic uint32_t put; /* messages that put_packet has taken */
    _Atomic uint32_t taken;
    _Atomic uint64_t bytes; /* in those that were taken */
    uint32_t arrived;       /* at the end, by the library's own count */
    uint32_t left;          /* of these, what the program had not taken when it freed the client */
    uint8_t connected;      /* how often it was told so */
    uint8_t ended;
    bool is_clean; /* the other side's Close frame came, in order */
    bool is_late;  /* the program was away for so long that packets may have been given up */
} side;

typedef struct entry {
    side client;
    side server;
    uint32_t limit; /* of a message's length, both ways */
    uint16_t owner; /* the client's process */
    uint8_t kind;
    uint8_t ending;
    bool is_excused; /* something was done to it after which it may be lost */
    void *guest;     /* the server's own */
} entry;

typedef enum phase {
    PHASE_TALK,
    PHASE_HUSH,   /* nobody says anything new but echoes */
    PHASE_SETTLE, /* the server has hushed */
    PHASE_OVER    /* the crowd is gone */
} phase;

typedef struct book {
    uint64_t seed;
    uint32_t capacity; /* entries */
    uint64_t patience_ms;
    _Atomic uint32_t used;
    _Atomic int phase;
    _Atomic bool is_hushed;
    _Atomic uint32_t wrong;
    _Atomic uint32_t peers;  /* that the server has now */
    _Atomic uint64_t put[2]; /* messages, by clients and by the server; for the eye */
    _Atomic uint64_t counts[COUNTS];
    uint16_t ports[KIND_RAW];
    entry entries[]; /* the first is not used */
} book;

/* Make it, before the first fork. */
book *book_make(uint64_t seed, uint32_t capacity, uint64_t patience_ms);

/* Open an entry for an attempt to connect. Returns its number, 0 when all are used. */
uint32_t book_open(book *ledger, kind what, uint16_t owner, uint32_t limit);

void book_add(book *ledger, tally what);

/* Say what is wrong, and remember that something is. */
void book_wrong(book *ledger, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* A process was killed, or may have been frozen for too long: mark what it has open. */
void book_mark(book *ledger, uint16_t owner, bool is_killed);

/* Compare both sides of all connections. */
void book_audit(book *ledger);

/* Print what there was. */
void book_print(const book *ledger);

uint64_t book_now_ms(void);

/* How many descriptors this process has open. */
size_t book_descriptors(void);

#endif
