/* SPDX-License-Identifier: MIT */
/* Unpredictable bytes. OpenSSL's generator is asked for a block at a time, since a call for four
 * bytes costs as much as one for a thousand; each thread has its own block, so nothing is locked.
 * A forked child starts with a new block: the same masks must not go out twice. */
#include "random.h"

#include <string.h>
#include <unistd.h>

#include <openssl/rand.h>

#define BLOCK_BYTES 1024

typedef struct block {
    uint8_t bytes[BLOCK_BYTES];
    size_t left;
    pid_t owner;
} block;

static _Thread_local block reserve;

static bool refill(void)
{
    if (RAND_bytes(reserve.bytes, BLOCK_BYTES) != 1) {
        reserve.left = 0;
        return false;
    }
    reserve.left = BLOCK_BYTES;
    reserve.owner = getpid();
    return true;
}

bool gdwsi_random_fill(void *bytes, size_t length)
{
    if (reserve.left < length || reserve.owner != getpid()) {
        if (!refill()) {
            return false;
        }
    }
    reserve.left -= length;
    memcpy(bytes, reserve.bytes + reserve.left, length);
    return true;
}

int32_t gdwsi_random_id(void)
{
    uint32_t number = 0;
    do {
        if (!gdwsi_random_fill(&number, sizeof(number))) {
            return 0;
        }
        number &= 0x7fffffffu;
    } while (number < 2);
    return (int32_t)number;
}
