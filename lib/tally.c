/* SPDX-License-Identifier: MIT */
/* A hash table with linear probing; at most half of it is used. Entries whose count has fallen to
 * zero stay until it is made anew, so that probing never has to move any. It goes with its last
 * peer.
 */
#include "tally.h"

#include <string.h>

#include <arpa/inet.h>

#include "mem.h"

#define CAPACITY_MIN 16

/* An address: 4 bytes of IPv4, or the first 8 of IPv6, with a byte that tells them apart. */
typedef struct address_key {
    uint8_t bytes[8];
    uint8_t family;
} address_key;

struct gdwsi_tally_entry {
    address_key key;
    bool is_used;
    uint32_t count;
};

static bool parse(const char *address, address_key *key)
{
    struct in6_addr v6;
    memset(key, 0, sizeof(*key));
    if (inet_pton(AF_INET, address, key->bytes) == 1) {
        key->family = 4;
        return true;
    }
    if (inet_pton(AF_INET6, address, &v6) == 1) {
        memcpy(key->bytes, &v6, sizeof(key->bytes));
        key->family = 6;
        return true;
    }
    return false;
}

/* The place of a key, or the free one where it belongs. There is always a free one. */
static struct gdwsi_tally_entry *find(struct gdwsi_tally_entry *entries, size_t capacity,
                                      const address_key *key)
{
    uint64_t hash;
    memcpy(&hash, key->bytes, sizeof(hash));
    hash = (hash ^ key->family) * 0x9e3779b97f4a7c15u;
    size_t place = (size_t)(hash >> 32) & (capacity - 1);
    while (entries[place].is_used && memcmp(&entries[place].key, key, sizeof(*key)) != 0) {
        place = (place + 1) & (capacity - 1);
    }
    return &entries[place];
}

/* Make the table anew, without the entries that count nothing, and with room for more. */
static bool make_room(gdwsi_tally *tally)
{
    size_t alive = 0;
    for (size_t i = 0; i < tally->capacity; i++) {
        alive += tally->entries[i].count > 0 ? 1 : 0;
    }
    size_t capacity = CAPACITY_MIN;
    while (capacity < 4 * (alive + 1)) {
        capacity *= 2;
    }
    struct gdwsi_tally_entry *entries = gdwsi_mem_calloc(capacity, sizeof(*entries));
    if (entries == NULL) {
        return false;
    }
    for (size_t i = 0; i < tally->capacity; i++) {
        if (tally->entries[i].count > 0) {
            *find(entries, capacity, &tally->entries[i].key) = tally->entries[i];
        }
    }
    gdwsi_mem_free(tally->entries);
    tally->entries = entries;
    tally->capacity = capacity;
    tally->used = alive;
    return true;
}

bool gdwsi_tally_add(gdwsi_tally *tally, const char *address)
{
    address_key key;
    if (!parse(address, &key)) {
        return true;
    }
    if (2 * (tally->used + 1) > tally->capacity && !make_room(tally)) {
        return false;
    }
    struct gdwsi_tally_entry *entry = find(tally->entries, tally->capacity, &key);
    if (!entry->is_used) {
        entry->is_used = true;
        entry->key = key;
        tally->used++;
    }
    entry->count++;
    tally->total++;
    return true;
}

void gdwsi_tally_remove(gdwsi_tally *tally, const char *address)
{
    address_key key;
    if (tally->capacity == 0 || !parse(address, &key)) {
        return;
    }
    struct gdwsi_tally_entry *entry = find(tally->entries, tally->capacity, &key);
    if (entry->count > 0) {
        entry->count--;
        tally->total--;
    }
    if (tally->total == 0) {
        gdwsi_tally_clear(tally);
    }
}

size_t gdwsi_tally_get(const gdwsi_tally *tally, const char *address)
{
    address_key key;
    if (tally->capacity == 0 || !parse(address, &key)) {
        return 0;
    }
    return find(tally->entries, tally->capacity, &key)->count;
}

void gdwsi_tally_clear(gdwsi_tally *tally)
{
    gdwsi_mem_free(tally->entries);
    memset(tally, 0, sizeof(*tally));
}
