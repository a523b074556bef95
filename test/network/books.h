/* SPDX-License-Identifier: MIT */
/* The ledger of one connection, as one side keeps it: what it has sent, and that what comes is what
 * the other side has sent, each byte of it, each message once and in order. */
#ifndef BOOKS_H
#define BOOKS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "gdws/gdws.h"

/* What each side says on a connection. */
typedef struct books_terms {
    uint32_t messages;    /* the last one says that it is the last */
    uint32_t duration_ms; /* over which they are spread; 0: at once */
    uint32_t large;       /* every 16th message has up to so many bytes, the others up to 220 */
} books_terms;

typedef struct books_account {
    const books_terms *terms;
    uint32_t tag; /* of its own messages */
    uint32_t sent;
    uint64_t opened_ms;
    uint32_t other_tag; /* of the other side's; 0 before the first */
    uint32_t received;
    bool has_last;
    const char *fault; /* the first thing that was wrong; NULL: nothing */
} books_account;

void books_open(books_account *one, const books_terms *terms, uint32_t tag);

/* Put what is due, as far as the queue takes it. */
void books_send_due(books_account *one, gdws_peer *peer);

/* Take packets and check them. Returns how many were right. */
size_t books_take(books_account *one, gdws_peer *peer);

/* Whether all has been put, and the other side's last message has come. */
bool books_is_sent(const books_account *one);
bool books_is_complete(const books_account *one);

#endif
