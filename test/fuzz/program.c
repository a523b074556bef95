/* SPDX-License-Identifier: MIT */
/* The bytes of a random program. */
#include "program.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "loop.h"
#include "mem.h"

enum { DEPTH_MAX = 3, SLEEP_MAX_MS = 16, SECOND_MS = 1000 };

static const uint8_t *program;
static size_t left;
static int depth; /* of signals */
static void (*next_step)(void);
static gdws_loop *loop;
static size_t in_use_before;

void require(bool condition)
{
    if (!condition) {
        abort();
    }
}

static void ignore_log(gdws_log_level level, const char *text, void *user)
{
    (void)level;
    (void)user;
    require(text != NULL);
}

/* Allocations, but for those that are kept for reuse. */
static size_t in_use(void)
{
    return gdwsi_mem_live() - gdwsi_pool_kept(&loop->pool);
}

void program_begin(const uint8_t *data, size_t size, void (*step)(void))
{
    gdws_set_log_callback(ignore_log, NULL);
    program = data;
    left = size;
    depth = 0;
    next_step = step;
    if (loop == NULL) {
        loop = gdws_loop_new();
        require(loop != NULL);
        in_use_before = in_use();
    }
}

gdws_loop *program_loop(void)
{
    return loop;
}

uint8_t program_take(void)
{
    if (left == 0) {
        return 0;
    }
    left--;
    return *program++;
}

bool program_has_more(void)
{
    return left > 0;
}

const uint8_t *program_take_bytes(size_t length, size_t *taken)
{
    const uint8_t *bytes = program;
    *taken = length < left ? length : left;
    program += *taken;
    left -= *taken;
    return bytes;
}

void program_end(void)
{
    left = 0;
}

bool program_go_on(void)
{
    if (depth == DEPTH_MAX || left == 0) {
        return false;
    }
    uint8_t how = program_take();
    if ((how & 3) == 0) {
        depth++;
        next_step();
        depth--;
    }
    return (how & 63) == 61;
}

bool program_is_in_signal(void)
{
    return depth > 0;
}

void program_poll(void)
{
    if (depth > 0) {
        require(gdws_loop_poll(loop) == GDWS_BUSY);
        require(gdws_loop_wait(loop, 0) == GDWS_BUSY);
        return;
    }
    uint8_t how = program_take();
    if (how >= 240) {
        (void)gdws_loop_wait(loop, how % SLEEP_MAX_MS);
        return;
    }
    for (int i = 1 + how % 4; i > 0; i--) {
        require(gdws_loop_poll(loop) == GDWS_OK);
    }
}

const char *program_address(void)
{
    static char address[] = "127.255.255.255";
    unsigned process = (unsigned)getpid();
    (void)snprintf(address, sizeof(address), "127.%u.%u.%u", 1 + (process >> 15 & 63),
                   process >> 7 & 255, 1 + (process & 127));
    return address;
}

void program_write_url(char *url, uint16_t port, bool by_name)
{
    unsigned parts[4];
    const char *address = program_address();
    if (!by_name) {
        (void)snprintf(url, PROGRAM_URL_MAX, "ws://%s:%u/", address, port);
        return;
    }
    require(sscanf(address, "%u.%u.%u.%u", &parts[0], &parts[1], &parts[2], &parts[3]) == 4);
    (void)snprintf(url, PROGRAM_URL_MAX, "ws://0x%02x%02x%02x%02x:%u/", parts[0], parts[1],
                   parts[2], parts[3], port);
}

void program_require_nothing_left(void)
{
    for (int i = 0; i < 2 * SECOND_MS && in_use() > in_use_before; i++) {
        (void)gdws_loop_wait(loop, 1);
    }
    require(in_use() == in_use_before);
}
