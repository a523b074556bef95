/* SPDX-License-Identifier: MIT */
/* Unpredictable bytes. OpenSSL's generator is asked for a block at a time, since a call for four
 * bytes costs as much as one for a thousand; each thread has its own block, so nothing is locked.
 * A forked child starts with a new block: the same masks must not go out twice. */
#include "random.h"

#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

#include <openssl/rand.h>

#define BLOCK_BYTES 1024

typedef struct block {
    uint8_t bytes[BLOCK_BYTES];
    size_t left;
    unsigned forks; /* that had happened when it was filled */
} block;

static _Thread_local block reserve;

/* Asking for the process's number instead would be a system call for each mask. */
static atomic_uint forks;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void note_fork(void)
{
    (void)atomic_fetch_add_explicit(&forks, 1, memory_order_relaxed);
}

static void watch_forks(void)
{
    (void)pthread_atfork(NULL, NULL, note_fork);
}

static unsigned count_forks(void)
{
    return atomic_load_explicit(&forks, memory_order_relaxed);
}

static bool refill(void)
{
    (void)pthread_once(&once, watch_forks);
    if (RAND_bytes(reserve.bytes, BLOCK_BYTES) != 1) {
        reserve.left = 0;
        return false;
    }
    reserve.left = BLOCK_BYTES;
    reserve.forks = count_forks();
    return true;
}

bool gdwsi_random_fill(void *bytes, size_t length)
{
    if (reserve.left < length || reserve.forks != count_forks()) {
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
