/* SPDX-License-Identifier: MIT */
#include "seed.h"

#include <dirent.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <sys/resource.h>

#include "mem.h"

/* A seed that takes more turns, calls one function more often, or takes more CPU time in ms, goes
 * round in circles. Most take a tenth of this at most. */
#define TURNS_MAX 3000
#define CALLS_MAX 20000
#define CPU_MAX_MS 1500
#define PATIENCE_MS 8000

static const char *const harms[] = {"gentle", "rare", "often", "randomless"};
static const char *const ways[] = {"tcp", "unix", "adopted"};

uint32_t seed_draw(uint64_t *state, uint32_t below)
{
    uint64_t number = *state += UINT64_C(0x9e3779b97f4a7c15);
    number = (number ^ (number >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    number = (number ^ (number >> 27)) * UINT64_C(0x94d049bb133111eb);
    return (uint32_t)((number ^ (number >> 31)) >> 11) % below;
}

static uint64_t slowness(void)
{
    return getenv("GDWS_TEST_SLOW") != NULL ? 10 : 1;
}

uint64_t seed_patience_ms(void)
{
    return PATIENCE_MS * slowness();
}

uint64_t seed_now_ms(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

void seed_fail(outcome *result, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    (void)fputs("WRONG: ", stderr);
    (void)vfprintf(stderr, format, arguments);
    (void)fputc('\n', stderr);
    va_end(arguments);
    result->is_right = false;
}

static plan make_plan(uint64_t seed)
{
    uint64_t dice = seed * 7919 + 1;
    plan all = {.seed = seed};
    uint32_t throw = seed_draw(&dice, 20);
    all.harm = HARM_OFTEN;
    if (throw < 13) {
        all.harm = throw < 7 ? HARM_GENTLE : HARM_RARE;
    } else if (throw == 19) {
        all.harm = HARM_RANDOM;
    }
    all.is_party = seed_draw(&dice, 8) == 0;
    all.way = seed_draw(&dice, 2) == 0 ? WAY_TCP : (way)seed_draw(&dice, WAY_KINDS);
    all.is_secure = seed_draw(&dice, 4) == 0;
    all.is_compressed = seed_draw(&dice, 4) == 0;
    all.is_named = seed_draw(&dice, 3) == 0;
    /* libwebsockets' role has no TLS and adopts nothing (see wsrole.h). */
    all.is_fallback =
        seed_draw(&dice, 5) == 0 && !all.is_secure && all.way != WAY_ADOPTED && !all.is_party;
    all.is_compressed = all.is_compressed && !all.is_fallback;
    all.is_early = seed_draw(&dice, 4) == 0;
    all.reconnects = seed_draw(&dice, 3) == 0 && !all.is_party;
    all.has_heartbeat = seed_draw(&dice, 4) == 0;
    all.is_narrow = seed_draw(&dice, 4) == 0;
    all.clients = 1 + (int)seed_draw(&dice, 3);
    all.goal = 1 + seed_draw(&dice, 24);
    all.ending = (int)seed_draw(&dice, 5);
    if (all.is_fallback && all.ending == 2) {
        /* There, a close of our own drops what arrives before the answer. */
        all.ending = 0;
    }
    return all;
}

static void set_rate(const char *name, uint32_t rate)
{
    char text[16];
    (void)snprintf(text, sizeof(text), "%u", rate);
    (void)setenv(name, text, 0);
}

/* What is set already stands: so one can try out single functions. */
static void set_rates(const plan *all)
{
    static const uint32_t failed[HARM_KINDS] = {0, 60, 600, 0};
    uint64_t dice = all->seed * 104729 + 5;
    char text[32];
    (void)snprintf(text, sizeof(text), "%llu", (unsigned long long)all->seed);
    (void)setenv("FAULTS_SEED", text, 1);
    set_rate("FAULTS_FAILED", failed[all->harm]);
    set_rate("FAULTS_INTERRUPTED", seed_draw(&dice, 3) * 400);
    set_rate("FAULTS_POSTPONED", seed_draw(&dice, 3) * 600);
    set_rate("FAULTS_SHORTENED", seed_draw(&dice, 3) * 1200);
    set_rate("FAULTS_RANDOMLESS", all->harm == HARM_RANDOM ? 1 : 0);
}

static int count_descriptors(void)
{
    DIR *folder = opendir("/proc/self/fd");
    int count = 0;
    while (folder != NULL && readdir(folder) != NULL) {
        count++;
    }
    (void)closedir(folder);
    return count;
}

static uint64_t most_calls(const outcome *result)
{
    uint64_t most = 0;
    for (int i = 0; i < FAULTS_FUNCTIONS; i++) {
        most = result->faults[i].calls > most ? result->faults[i].calls : most;
    }
    return most;
}

static uint64_t cpu_ms(void)
{
    struct rusage used;
    (void)getrusage(RUSAGE_SELF, &used);
    return (uint64_t)(used.ru_utime.tv_sec + used.ru_stime.tv_sec) * 1000 +
           (uint64_t)(used.ru_utime.tv_usec + used.ru_stime.tv_usec) / 1000;
}

static void log_line(gdws_log_level level, const char *line, void *user)
{
    (void)level;
    (void)user;
    (void)fprintf(stderr, "    log: %s\n", line);
}

/* A first loop and a first lookup make what libuv keeps until the process ends: a pipe, threads.
 * The lookup is given up: what follows would take random numbers, the first after the fork, and so
 * OpenSSL would ask the system for them before the faults begin. */
static void warm_up(void)
{
    gdws_loop *loop = gdws_loop_new();
    gdws_client *client = gdws_client_new(loop);
    (void)gdws_client_connect_to_url(client, "ws://localhost:1");
    (void)gdws_client_disconnect_from_host(client, 1000, NULL);
    gdws_client_free(client);
    gdws_loop_free(loop);
}

static void play(const plan *all, outcome *result)
{
    gdws_loop *loop = NULL;
    if (all->is_early) {
        faults_arm(2);
        loop = gdws_loop_new();
    }
    if (loop == NULL) {
        /* Made in vain, or not tried: so without faults. */
        faults_disarm();
        loop = gdws_loop_new();
        faults_arm(2);
    }
    if (loop == NULL) {
        seed_fail(result, "no loop even without faults");
        return;
    }
    if (all->is_party) {
        party_play(all, loop, result);
    } else {
        peers_play(all, loop, result);
    }
    gdws_loop_free(loop);
}

/* Address sanitizer's, where it is there. */
__attribute__((weak)) int __lsan_do_recoverable_leak_check(void);

/* Nothing may be left, and nothing may have gone round in circles. */
static void check_end(outcome *result, int descriptors, uint64_t cpu)
{
    if (gdwsi_mem_live() != 0) {
        seed_fail(result, "%zu allocations are left", gdwsi_mem_live());
    }
    if (count_descriptors() != descriptors) {
        seed_fail(result, "%d descriptors at the start, %d at the end", descriptors,
                  count_descriptors());
    }
    if (result->turns > TURNS_MAX * slowness() || cpu > CPU_MAX_MS * slowness() ||
        most_calls(result) > CALLS_MAX * slowness()) {
        seed_fail(result, "%llu turns, %llu calls of one function, %llu ms of CPU time",
                  (unsigned long long)result->turns, (unsigned long long)most_calls(result),
                  (unsigned long long)cpu);
    }
    if (__lsan_do_recoverable_leak_check != NULL && __lsan_do_recoverable_leak_check() != 0) {
        seed_fail(result, "memory is left");
    }
}

void seed_play(uint64_t seed, outcome *result)
{
    plan all = make_plan(seed);
    memset(result, 0, sizeof(*result));
    result->is_right = true;
    set_rates(&all);
    gdws_set_log_level(GDWS_LOG_INFO);
    gdws_set_log_callback(log_line, NULL);
    warm_up();
    int descriptors = count_descriptors();
    uint64_t cpu = cpu_ms();
    (void)fprintf(stderr, "seed %llu: %s, %s, %d clients, goal %u, ending %d,%s%s%s%s%s%s%s%s%s\n",
                  (unsigned long long)seed, harms[all.harm], ways[all.way], all.clients, all.goal,
                  all.ending, all.is_party ? " multiplayer" : "", all.is_secure ? " wss" : "",
                  all.is_compressed ? " compressed" : "", all.is_fallback ? " fallback" : "",
                  all.is_named ? " named" : "", all.is_early ? " early" : "",
                  all.reconnects ? " reconnecting" : "", all.has_heartbeat ? " heartbeat" : "",
                  all.is_narrow ? " narrow" : "");
    play(&all, result);
    faults_list(result->faults);
    check_end(result, descriptors, cpu_ms() - cpu);
}
