/* SPDX-License-Identifier: MIT */
/* A ring of records; a number's place is its remainder. */
#include "inspector_store.h"

#include <string.h>

#include "mem.h"

static gdwsi_record *place_of(const gdwsi_store *store, uint64_t number)
{
    return &store->records[number % GDWSI_STORE_RECORDS];
}

static void drop_oldest(gdwsi_store *store)
{
    gdwsi_record *oldest = place_of(store, store->first);
    store->bytes -= oldest->kept;
    gdwsi_mem_free(oldest->payload);
    oldest->payload = NULL;
    store->first++;
}

gdwsi_record *gdwsi_store_add(gdwsi_store *store, const gdwsi_record *record,
                              const uint8_t *payload)
{
    if (store->records == NULL) {
        store->records = gdwsi_mem_calloc(GDWSI_STORE_RECORDS, sizeof(*store->records));
        if (store->records == NULL) {
            return NULL;
        }
    }
    while (store->first < store->end && (store->end - store->first >= GDWSI_STORE_RECORDS ||
                                         store->bytes + record->kept > GDWSI_STORE_BYTES)) {
        drop_oldest(store);
    }
    gdwsi_record *kept = place_of(store, store->end);
    *kept = *record;
    kept->number = store->end;
    kept->payload = record->kept > 0 ? gdwsi_mem_alloc(record->kept) : NULL;
    if (kept->payload != NULL) {
        memcpy(kept->payload, payload, record->kept);
    } else {
        kept->kept = 0;
    }
    store->bytes += kept->kept;
    store->end++;
    return kept;
}

gdwsi_record *gdwsi_store_find(const gdwsi_store *store, uint64_t number)
{
    return number >= store->first && number < store->end ? place_of(store, number) : NULL;
}

void gdwsi_store_clear(gdwsi_store *store)
{
    while (store->first < store->end) {
        drop_oldest(store);
    }
    gdwsi_mem_free(store->records);
    store->records = NULL;
}
