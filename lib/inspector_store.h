/* SPDX-License-Identifier: MIT */
/* Inspector, store: the packets that pages are shown, the last ones, with as much of their payload
 * as is kept. Bounded in number and in bytes. */
#ifndef GDWSI_INSPECTOR_STORE_H
#define GDWSI_INSPECTOR_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define GDWSI_STORE_RECORDS 8192u
#define GDWSI_STORE_BYTES ((size_t)8 << 20)

typedef struct gdwsi_record {
    uint64_t number;
    int64_t time_ms; /* since the inspector was made */
    uint32_t watch;
    int32_t peer;
    size_t length;    /* of the packet */
    size_t kept;      /* bytes of it */
    uint8_t *payload; /* NULL when none are */
    uint8_t pages;    /* whom it is for, a bit each */
    bool is_sent;
    bool is_text;
    bool is_hidden; /* by the program */
} gdwsi_record;

/* All zero is a store that keeps nothing. */
typedef struct gdwsi_store {
    gdwsi_record *records; /* GDWSI_STORE_RECORDS; NULL until something is kept */
    uint64_t first;        /* numbers that are there: first <= number < end */
    uint64_t end;
    size_t bytes;
} gdwsi_store;

/* Keep a packet as its template says; of the payload record->kept bytes are copied, as far as there
 * is memory. The oldest make room. Returns NULL without memory. */
gdwsi_record *gdwsi_store_add(gdwsi_store *store, const gdwsi_record *record,
                              const uint8_t *payload);

/* Find a packet; NULL when it is not kept any more. */
gdwsi_record *gdwsi_store_find(const gdwsi_store *store, uint64_t number);

/* Forget all; numbers go on. */
void gdwsi_store_clear(gdwsi_store *store);

#endif
