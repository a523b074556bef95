/* SPDX-License-Identifier: MIT */
/* See book.h. */
#include "book.h"

#include <dirent.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

/* So many faults are told; the others are only counted. */
#define TOLD_MAX 20

#define BOOK_TEXT(name, text) text,
const char *const book_kind_names[KINDS] = {BOOK_KINDS(BOOK_TEXT)};
const char *const book_ending_names[ENDINGS] = {BOOK_ENDINGS(BOOK_TEXT)};
const char *const book_count_names[COUNTS] = {BOOK_COUNTS(BOOK_TEXT)};

book *book_make(uint64_t seed, uint32_t capacity, uint64_t patience_ms)
{
    size_t size = sizeof(book) + capacity * sizeof(entry);
    book *ledger =
        mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (ledger == MAP_FAILED) {
        return NULL;
    }
    ledger->seed = seed;
    ledger->capacity = capacity;
    ledger->patience_ms = patience_ms;
    atomic_store(&ledger->used, 1);
    return ledger;
}

uint32_t book_open(book *ledger, kind what, uint16_t owner, uint32_t limit)
{
    uint32_t number = atomic_load(&ledger->used);
    do {
        if (number >= ledger->capacity) {
            return 0;
        }
    } while (!atomic_compare_exchange_weak(&ledger->used, &number, number + 1));
    entry *one = &ledger->entries[number];
    one->kind = (uint8_t)what;
    one->owner = owner;
    one->limit = limit;
    return number;
}

void book_add(book *ledger, tally what)
{
    (void)atomic_fetch_add(&ledger->counts[what], 1);
}

void book_wrong(book *ledger, const char *format, ...)
{
    char text[512];
    va_list arguments;
    if (atomic_fetch_add(&ledger->wrong, 1) >= TOLD_MAX) {
        return;
    }
    va_start(arguments, format);
    (void)vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    printf("WRONG: %s\n", text);
    (void)fflush(stdout);
}

void book_mark(book *ledger, uint16_t owner, bool is_killed)
{
    uint32_t used = atomic_load(&ledger->used);
    for (uint32_t i = 1; i < used; i++) {
        entry *one = &ledger->entries[i];
        bool is_over = one->ending == ENDING_FAILED || one->client.ended > 0;
        if (one->owner != owner || one->kind == KIND_RAW || is_over) {
            continue;
        }
        one->is_excused = true;
        if (is_killed) {
            one->ending = ENDING_KILLED;
        }
    }
}

/* The audit */

/* What is wrong in one direction: what `from` has put, `to` has taken. NULL: nothing. */
static const char *judge_way(const side *from, const side *to, bool must_be_whole)
{
    uint32_t put = atomic_load(&from->put);
    uint32_t taken = atomic_load(&to->taken);
    if (taken > put || to->arrived > put) {
        return "more was taken than put";
    }
    if (taken > to->arrived && to->ended > 0) {
        return "more was taken than arrived";
    }
    if (must_be_whole && to->arrived != put) {
        return "not all that was put has arrived, though the connection ended in order";
    }
    if (must_be_whole && taken + to->left != put && !to->is_late) {
        return "not all that arrived could be taken";
    }
    return NULL;
}

/* What is wrong with what the two sides were told. */
static const char *judge_signals(const entry *one)
{
    const side *client = &one->client;
    const side *server = &one->server;
    bool is_killed = one->ending == ENDING_KILLED;
    if (server->connected > 1 || client->connected > 1) {
        return "connected more than once";
    }
    if (server->ended != server->connected) {
        return "the server was not told once that it has ended";
    }
    if (client->ended != client->connected && !(is_killed && client->ended == 0)) {
        return "the client was not told once that it has ended";
    }
    if (client->connected > 0 && server->connected == 0) {
        return "the client was connected, the server was not told";
    }
    return NULL;
}

/* What is wrong with the way it has ended. */
static const char *judge_ending(const entry *one)
{
    bool is_in_order = one->ending == ENDING_CLOSED || one->ending == ENDING_KICKED ||
                       one->ending == ENDING_SETTLED;
    if (one->ending == ENDING_NONE && one->client.connected > 0) {
        return "nobody has ended it";
    }
    if (one->is_excused) {
        return NULL;
    }
    if (is_in_order && (!one->client.is_clean || !one->server.is_clean)) {
        return "it was closed in order, and was not clean";
    }
    if (one->ending == ENDING_LOST || one->ending == ENDING_FAILED) {
        return "it was lost, and nothing was done to it";
    }
    return NULL;
}

static const char *judge(const entry *one)
{
    bool is_settled = one->ending == ENDING_SETTLED;
    const char *fault = judge_signals(one);
    if (fault == NULL) {
        fault = judge_ending(one);
    }
    if (fault == NULL) {
        fault = judge_way(&one->client, &one->server, one->server.is_clean || is_settled);
    }
    if (fault == NULL) {
        fault = judge_way(&one->server, &one->client, one->client.is_clean || is_settled);
    }
    return fault;
}

void book_audit(book *ledger)
{
    uint32_t used = atomic_load(&ledger->used);
    if (ledger->counts[COUNT_STRANGERS] != ledger->counts[COUNT_NOT_ADMITTED]) {
        book_wrong(ledger, "not just the strangers were not admitted");
    }
    for (uint32_t i = 1; i < used; i++) {
        const entry *one = &ledger->entries[i];
        const char *fault = judge(one);
        if (fault != NULL) {
            book_wrong(ledger,
                       "connection %u (%s, %s): %s; client: connected %u, ended %u, %s, put %u, "
                       "arrived %u, taken %u; server: connected %u, ended %u, %s, put %u, "
                       "arrived %u, taken %u",
                       i, book_kind_names[one->kind], book_ending_names[one->ending], fault,
                       one->client.connected, one->client.ended,
                       one->client.is_clean ? "clean" : "not clean", one->client.put,
                       one->client.arrived, one->client.taken, one->server.connected,
                       one->server.ended, one->server.is_clean ? "clean" : "not clean",
                       one->server.put, one->server.arrived, one->server.taken);
        }
    }
}

/* Printing */

static void print_table(uint32_t table[KINDS][ENDINGS])
{
    for (size_t what = 0; what < KINDS; what++) {
        uint32_t all = 0;
        for (size_t how = 0; how < ENDINGS; how++) {
            all += table[what][how];
        }
        printf("%-12s %8u connections:", book_kind_names[what], all);
        for (size_t how = 0; how < ENDINGS; how++) {
            if (table[what][how] > 0) {
                printf(" %u %s;", table[what][how], book_ending_names[how]);
            }
        }
        printf("\n");
    }
}

static void print_way(const char *name, uint64_t put, uint64_t taken, uint64_t bytes)
{
    printf("%s: %" PRIu64 " messages put, %" PRIu64 " taken (%" PRIu64
           " MiB), the others on connections that ended before\n",
           name, put, taken, bytes >> 20);
}

void book_print(const book *ledger)
{
    uint32_t table[KINDS][ENDINGS] = {{0}};
    uint64_t up[3] = {0};
    uint64_t down[3] = {0};
    uint32_t whole = 0;
    uint32_t used = atomic_load(&ledger->used);
    for (uint32_t i = 1; i < used; i++) {
        const entry *one = &ledger->entries[i];
        table[one->kind][one->ending]++;
        up[0] += one->client.put;
        up[1] += one->server.taken;
        up[2] += one->server.bytes;
        down[0] += one->server.put;
        down[1] += one->client.taken;
        down[2] += one->client.bytes;
        whole += one->client.is_clean && one->server.is_clean ? 1 : 0;
    }
    print_table(table);
    for (size_t i = 0; i < COUNTS; i++) {
        printf("%s%" PRIu64 " %s", i > 0 ? ", " : "", ledger->counts[i], book_count_names[i]);
    }
    printf("\n");
    print_way("to the server", up[0], up[1], up[2]);
    print_way("to the clients", down[0], down[1], down[2]);
    printf("%u connections were closed in order on both sides\n", whole);
}

/* Of the system */

uint64_t book_now_ms(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

size_t book_descriptors(void)
{
    size_t number = 0;
    DIR *folder = opendir("/proc/self/fd");
    if (folder == NULL) {
        return 0;
    }
    for (struct dirent *one = readdir(folder); one != NULL; one = readdir(folder)) {
        number += one->d_name[0] != '.' ? 1 : 0;
    }
    (void)closedir(folder);
    return number - 1; /* the folder's own */
}
