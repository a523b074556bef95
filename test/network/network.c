/* SPDX-License-Identifier: MIT */
/* gdws on bad networks: each scenario has a road of its own between two network namespaces, a
 * server on one end, clients on the other, and a ledger of every message. All go side by side,
 * since they mostly wait. Usage: network [TIMES [SEED [NAME]]]; TIMES: so many times the messages,
 * over so many times the time; NAME: that scenario alone. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "plays.h"

enum { TIMES_MAX = 100, CARRY_MS = 10 };
/* The longest scenario waits for a retransmission that comes 51 s after the road was closed. */
#define LIMIT_MS 110000u
#define START_MS 20000u
#define END_MS 10000u

static const scenario scenes[] = {
    {.name = "on_a_bad_road_all_arrives_and_no_heartbeat_ends",
     .surface = {.delay_ms = 100, .jitter_ms = 50, .loss = 50, .reorder = 200, .duplicate = 50},
     .terms = {.messages = 300, .duration_ms = 20000, .large = 4000},
     .guests = 12,
     .interval_ms = 500,
     .timeout_ms = 20000,
     .handshake_timeout_ms = 40000,
     .close_timeout_ms = 40000,
     .play = play_talk},
    {.name = "with_a_fifth_of_all_packets_lost_all_arrives",
     .surface = {.delay_ms = 10, .jitter_ms = 5, .loss = 200},
     .terms = {.messages = 100, .duration_ms = 15000, .large = 600},
     .guests = 6,
     .handshake_timeout_ms = 60000,
     .close_timeout_ms = 60000,
     .play = play_talk},
    {.name = "on_a_narrow_road_large_messages_wait_and_arrive",
     .surface = {.delay_ms = 20, .bytes_per_second = 500000},
     .terms = {.messages = 160, .large = 200000},
     .guests = 6,
     .handshake_timeout_ms = 20000,
     .close_timeout_ms = 20000,
     .play = play_talk},
    {.name = "a_link_that_comes_and_goes_loses_nothing",
     .surface = {.delay_ms = 5},
     .terms = {.messages = 200, .duration_ms = 15000, .large = 2000},
     .guests = 6,
     .handshake_timeout_ms = 20000,
     .close_timeout_ms = 20000,
     .close_from_ms = 500,
     .close_for_ms = 500,
     .close_every_ms = 2000,
     .play = play_talk},
    {.name = "a_link_down_for_30_s_loses_nothing",
     .surface = {.delay_ms = 20},
     .terms = {.messages = 400, .duration_ms = 40000, .large = 2000},
     .guests = 12,
     .handshake_timeout_ms = 10000,
     .close_timeout_ms = 10000,
     .close_from_ms = 3000,
     .close_for_ms = 30000,
     .play = play_talk},
    {.name = "a_link_down_for_30_s_is_survived_by_a_longer_deadline",
     .surface = {.delay_ms = 20},
     .terms = {.messages = 400, .duration_ms = 40000, .large = 2000},
     .guests = 6,
     .interval_ms = 2000,
     .timeout_ms = 80000,
     .handshake_timeout_ms = 10000,
     .close_timeout_ms = 10000,
     .close_from_ms = 3000,
     .close_for_ms = 30000,
     .play = play_talk},
    {.name = "a_link_down_for_30_s_is_noticed_within_a_shorter_deadline",
     .surface = {.delay_ms = 20},
     .terms = {.messages = 400, .duration_ms = 10000, .large = 4000},
     .guests = 12,
     .interval_ms = 1000,
     .timeout_ms = 3000,
     .handshake_timeout_ms = 2000,
     .close_timeout_ms = 5000,
     .play = play_notice},
    {.name = "connecting_while_the_link_is_down_ends_and_says_why",
     .surface = {.delay_ms = 20},
     .terms = {.messages = 50, .duration_ms = 1000, .large = 2000},
     .guests = 12,
     .handshake_timeout_ms = 3000,
     .close_timeout_ms = 5000,
     .play = play_dial_in_vain},
    {.name = "closing_while_the_link_is_down_ends_at_the_close_timeout",
     .surface = {.delay_ms = 20},
     .terms = {.messages = 50, .duration_ms = 1000, .large = 2000},
     .guests = 12,
     .handshake_timeout_ms = 20000,
     .close_timeout_ms = 3000,
     .play = play_close_in_vain},
    {.name = "what_was_put_before_close_arrives_over_a_bad_road",
     .surface = {.delay_ms = 30, .jitter_ms = 10, .loss = 20, .bytes_per_second = 300000},
     .terms = {.messages = 150, .large = 40000},
     .guests = 12,
     .handshake_timeout_ms = 40000,
     .close_timeout_ms = 60000,
     .close_from_ms = 500,
     .close_for_ms = 3000,
     .play = play_linger},
    {.name = "killed_clients_are_missed_by_the_heartbeat",
     .surface = {.delay_ms = 20},
     .terms = {.messages = 400, .duration_ms = 30000, .large = 2000},
     .guests = 12,
     .interval_ms = 1000,
     .timeout_ms = 3000,
     .handshake_timeout_ms = 20000,
     .close_timeout_ms = 5000,
     .play = play_clients_killed},
    {.name = "killed_clients_are_missed_when_the_link_is_back",
     .surface = {.delay_ms = 20},
     .terms = {.messages = 400, .duration_ms = 30000, .large = 2000},
     .guests = 12,
     .handshake_timeout_ms = 20000,
     .close_timeout_ms = 5000,
     .play = play_clients_killed},
    {.name = "a_killed_server_is_missed_by_the_heartbeat",
     .surface = {.delay_ms = 20},
     .terms = {.messages = 400, .duration_ms = 30000, .large = 2000},
     .guests = 12,
     .interval_ms = 1000,
     .timeout_ms = 3000,
     .handshake_timeout_ms = 20000,
     .close_timeout_ms = 5000,
     .play = play_server_killed},
    {.name = "a_killed_server_is_missed_when_the_link_is_back",
     .surface = {.delay_ms = 20},
     .terms = {.messages = 400, .duration_ms = 30000, .large = 2000},
     .guests = 12,
     .handshake_timeout_ms = 20000,
     .close_timeout_ms = 5000,
     .play = play_server_killed},
};

enum { SCENES = sizeof(scenes) / sizeof(scenes[0]) };

/* A scenario's three processes */

typedef struct troupe {
    stage *here;
    const secret *own;
    uint64_t limit_ms;
    pid_t server;
    pid_t clients;
    uint64_t seed;
} troupe;

static void direct(const troupe *one)
{
    static crowd all;
    all.here = one->here;
    all.trusted = one->own;
    all.limit_ms = road_now_ms() + one->limit_ms;
    bool is_right = one->here->scene->play(&all);
    if (is_right) {
        crowd_close(&all);
    } else {
        stage_fail(one->here, "something is wrong, but nobody says what");
    }
    _exit(is_right ? 0 : 1);
}

static pid_t start(const troupe *one, int own_end, bool is_server)
{
    pid_t child = fork();
    if (child != 0) {
        return child;
    }
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    (void)close(own_end);
    if (is_server) {
        serve(one->here, one->own);
    }
    direct(one);
    return -1;
}

/* Carry packets until a process has ended. Returns whether it has, and well. */
static bool carry_until_end(road *between, pid_t process, uint64_t limit_ms)
{
    uint64_t limit = road_now_ms() + limit_ms;
    int status = 0;
    while (waitpid(process, &status, WNOHANG) == 0) {
        if (road_now_ms() > limit) {
            (void)kill(process, SIGKILL);
            (void)waitpid(process, &status, 0);
            return false;
        }
        road_carry(between, CARRY_MS);
    }
    return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

static bool start_all(troupe *one, road *between)
{
    stage *here = one->here;
    uint64_t limit = road_now_ms() + START_MS;
    if (!road_make_end(between, 0)) {
        stage_fail(here, "the first end of the road could not be made");
        return false;
    }
    one->server = start(one, between->ends[0], true);
    while (atomic_load(&here->port) == 0 && road_now_ms() < limit) {
        (void)usleep(1000);
    }
    if (!road_make_end(between, 1)) {
        stage_fail(here, "the second end of the road could not be made");
        return false;
    }
    one->clients = start(one, between->ends[1], false);
    return one->server > 0 && one->clients > 0;
}

static int perform(troupe *one)
{
    road between;
    stage *here = one->here;
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    road_init(&between, &here->scene->surface, &here->sign, one->seed);
    if (start_all(one, &between) &&
        !carry_until_end(&between, one->clients, one->limit_ms + END_MS)) {
        stage_fail(here, "the clients' process did not end well");
    }
    atomic_store(&here->is_over, true);
    if (one->server > 0 && !carry_until_end(&between, one->server, END_MS) &&
        !atomic_load(&here->is_server_killed)) {
        stage_fail(here, "the server's process did not end well");
    }
    road_clear(&between);
    return atomic_load(&here->is_faulty) ? 1 : 0;
}

/* All of them */

typedef struct totals {
    unsigned long long carried;
    unsigned long long lost;
    unsigned long long delayed;
    unsigned long long reordered;
    unsigned long long doubled;
    unsigned long long messages;
    unsigned passed;
    unsigned failed;
} totals;

static void sum_up(totals *all, stage *here, int status)
{
    const road_sign *sign = &here->sign;
    bool is_right = status == 0 && !atomic_load(&here->is_faulty);
    printf("%s %s: %llu packets carried, %llu lost, %u messages%s%s\n",
           is_right ? "ok   " : "WRONG", here->scene->name, atomic_load(&sign->carried),
           atomic_load(&sign->lost), atomic_load(&here->messages), is_right ? "" : ": ",
           is_right ? "" : here->fault);
    (void)fflush(stdout);
    all->carried += atomic_load(&sign->carried);
    all->lost += atomic_load(&sign->lost);
    all->delayed += atomic_load(&sign->delayed);
    all->reordered += atomic_load(&sign->reordered);
    all->doubled += atomic_load(&sign->doubled);
    all->messages += atomic_load(&here->messages);
    all->passed += is_right ? 1 : 0;
    all->failed += is_right ? 0 : 1;
}

static void lengthen(scenario *one, uint32_t times)
{
    one->terms.messages *= times;
    one->terms.duration_ms *= times;
}

static int run_all(uint32_t times, uint64_t seed, const char *name)
{
    static scenario played[SCENES];
    secret own;
    pid_t children[SCENES] = {0};
    totals all = {0};
    stage *stages = mmap(NULL, SCENES * sizeof(stage), PROT_READ | PROT_WRITE,
                         MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (stages == MAP_FAILED || !secret_make(&own)) {
        return 2;
    }
    for (size_t i = 0; i < SCENES; i++) {
        troupe one = {.here = &stages[i],
                      .own = &own,
                      .seed = seed * SCENES + i,
                      .limit_ms = LIMIT_MS * times};
        played[i] = scenes[i];
        lengthen(&played[i], times);
        stages[i].scene = &played[i];
        if (name == NULL || strcmp(name, scenes[i].name) == 0) {
            children[i] = fork();
        }
        if ((name == NULL || strcmp(name, scenes[i].name) == 0) && children[i] == 0) {
            _exit(perform(&one));
        }
    }
    for (size_t i = 0; i < SCENES; i++) {
        int status = 1;
        if (children[i] > 0) {
            (void)waitpid(children[i], &status, 0);
            sum_up(&all, &stages[i], status);
        }
    }
    printf("network: %u scenarios, %u wrong: %llu packets carried, %llu lost, %llu delayed, %llu "
           "reordered, %llu doubled; %llu messages in the ledger\n",
           all.passed + all.failed, all.failed, all.carried, all.lost, all.delayed, all.reordered,
           all.doubled, all.messages);
    return all.failed > 0 || all.passed == 0 ? 1 : 0;
}

int main(int argc, char **argv)
{
    const char *reason;
    int times = argc > 1 ? atoi(argv[1]) : 1;
    int seed = argc > 2 ? atoi(argv[2]) : 1;
    if (argc > 4 || times < 1 || times > TIMES_MAX || seed < 0) {
        (void)fprintf(stderr, "usage: %s [TIMES [SEED [NAME]]]\n", argv[0]);
        return 2;
    }
    if (!road_is_possible(&reason)) {
        const char *required = getenv("INTEROP_REQUIRE");
        bool is_required = required != NULL && strcmp(required, "1") == 0;
        printf("skipped: network: %s\n0 passed, %d failed, %d skipped\n", reason,
               is_required ? SCENES : 0, is_required ? 0 : SCENES);
        return is_required ? 1 : 0;
    }
    return run_all((uint32_t)times, (uint64_t)seed, argc > 3 ? argv[3] : NULL);
}
