/* SPDX-License-Identifier: MIT */
/* A server and a crowd of peers of all kinds, for as long as one likes, with a ledger of every
 * message. Nothing may be lost, doubled, altered or out of order on a connection that was not
 * reported lost, and at the end memory, descriptors and timers are as they were at the beginning.
 *
 * Here is what watches over the processes, kills and freezes some, and judges. The server is in
 * house.c, clients are in crowd.c, those who misbehave in pests.c, the ledger is book.c, and what
 * is said is in message.c.
 *
 * By the environment: SOAK_SECONDS (1800), SOAK_PEERS (2000), SOAK_SEED (by the clock),
 * SOAK_PATIENCE (seconds that a slow machine is given for an answer: 30). */
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "certs.h"
#include "dice.h"
#include "gdws/gdws.h"
#include "message.h"
#include "roles.h"

/* The first processes live until the end; the mortal ones are killed, frozen and replaced. */
enum { STEADY = DRIVES, MORTAL = 2, CROWDS = STEADY + MORTAL, PESTS = CROWDS, PROCESSES };

enum {
    TURN_MS = 50,
    REPORT_MS = 10000,
    FREEZE_MAX_MS = 12000,
    MORTAL_MIN_MS = 3000,
    MORTAL_MAX_MS = 15000,
    SPARE_DESCRIPTORS = 128,
    CROWD_NICE = 5
};

/* The server's memory: how much more the last quarter may have than the second. */
#define GROWTH_PERCENT 50
#define GROWTH_KIB 32768

typedef struct process {
    pid_t pid; /* 0: not there now */
    crowd_plan plan;
    bool is_frozen;
    uint64_t due_ms; /* of what happens to it next */
} process;

typedef struct soak {
    book *ledger;
    process processes[PROCESSES];
    pid_t house;
    uint64_t dice;
    uint64_t seconds;
    size_t peers;
    uint64_t start_ms;
    uint64_t report_ms;
    size_t memory_kib[4]; /* the most in each quarter */
} soak;

/* Processes */

static void begin(soak *all, size_t index)
{
    process *one = &all->processes[index];
    one->plan.seed = dice_roll(&all->dice);
    one->is_frozen = false;
    one->due_ms = book_now_ms() + dice_between(&all->dice, MORTAL_MIN_MS, MORTAL_MAX_MS);
    one->pid = fork();
    if (one->pid == 0) {
        (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
        (void)setpriority(PRIO_PROCESS, 0, CROWD_NICE); /* one server has all these to serve */
        int status =
            index == PESTS
                ? pests_run(all->ledger, one->plan.owner, one->plan.clients, one->plan.seed)
                : crowd_run(all->ledger, cert_authority()->certificate, &one->plan);
        exit(status);
    }
}

static void begin_house(soak *all)
{
    int channel[2];
    char byte;
    if (pipe(channel) != 0) {
        book_wrong(all->ledger, "no pipe");
        return;
    }
    all->house = fork();
    if (all->house == 0) {
        (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
        (void)close(channel[0]);
        exit(house_run(all->ledger, cert_localhost(), channel[1]));
    }
    (void)close(channel[1]);
    if (read(channel[0], &byte, 1) != 1) {
        book_wrong(all->ledger, "the server does not begin");
    }
    (void)close(channel[0]);
}

static void freeze(soak *all, process *one)
{
    int status;
    (void)kill(one->pid, SIGSTOP);
    (void)waitpid(one->pid, &status, WUNTRACED);
    book_mark(all->ledger, one->plan.owner, false);
    book_add(all->ledger, COUNT_FREEZES);
    one->is_frozen = true;
    one->due_ms = book_now_ms() + dice_between(&all->dice, 100, FREEZE_MAX_MS);
}

static void thaw(soak *all, process *one)
{
    (void)kill(one->pid, SIGCONT);
    one->is_frozen = false;
    one->due_ms = book_now_ms() + dice_between(&all->dice, MORTAL_MIN_MS, MORTAL_MAX_MS);
}

static void slay(soak *all, process *one)
{
    (void)kill(one->pid, SIGKILL);
    (void)waitpid(one->pid, NULL, 0);
    book_mark(all->ledger, one->plan.owner, true);
    book_add(all->ledger, COUNT_KILLS);
    one->pid = 0;
    one->due_ms = book_now_ms() + dice_between(&all->dice, 0, 1000);
}

/* What happens to the mortal ones. */
static void rule(soak *all, size_t index)
{
    process *one = &all->processes[index];
    if (book_now_ms() < one->due_ms) {
        return;
    }
    if (one->pid == 0) {
        begin(all, index);
    } else if (one->is_frozen && dice_one_in(&all->dice, 2)) {
        thaw(all, one);
    } else if (!one->is_frozen && dice_one_in(&all->dice, 3)) {
        freeze(all, one);
    } else {
        slay(all, one);
    }
}

/* Whether a process has ended. What a status means is judged here. */
static bool has_ended(soak *all, pid_t *pid, const char *name)
{
    int status = 0;
    if (*pid == 0 || waitpid(*pid, &status, WNOHANG) != *pid) {
        return *pid == 0;
    }
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
        book_wrong(all->ledger, "%s has ended with status %#x", name, (unsigned)status);
    }
    *pid = 0;
    return true;
}

/* Watching */

/* A line of /proc/PID/status, in KiB: memory that is the process's own, not shared. */
static size_t read_memory(pid_t pid)
{
    char line[256];
    size_t kib = 0;
    (void)snprintf(line, sizeof(line), "/proc/%d/status", (int)pid);
    FILE *status = fopen(line, "r");
    while (status != NULL && fgets(line, sizeof(line), status) != NULL) {
        if (strncmp(line, "RssAnon:", 8) == 0) {
            kib = strtoul(line + 8, NULL, 10);
        }
    }
    if (status != NULL) {
        (void)fclose(status);
    }
    return kib;
}

static void report(soak *all, uint64_t now_ms, size_t kib)
{
    const book *ledger = all->ledger;
    all->report_ms = now_ms + REPORT_MS;
    printf("%5" PRIu64 " s: %4u peers, %u connections so far, %" PRIu64 " messages to the server, "
           "%" PRIu64 " to the clients, server %.1f MiB\n",
           (now_ms - all->start_ms) / 1000, ledger->peers, ledger->used - 1, ledger->put[0],
           ledger->put[1], (double)kib / 1024);
    (void)fflush(stdout);
}

static void watch(soak *all, uint64_t now_ms)
{
    size_t kib = read_memory(all->house);
    uint64_t quarter = (now_ms - all->start_ms) * 4 / (all->seconds * 1000);
    if (quarter < 4 && kib > all->memory_kib[quarter]) {
        all->memory_kib[quarter] = kib;
    }
    if (all->report_ms <= now_ms) {
        report(all, now_ms, kib);
    }
}

static bool is_right(const soak *all)
{
    return atomic_load(&all->ledger->wrong) == 0;
}

static void talk(soak *all)
{
    uint64_t end_ms = all->start_ms + all->seconds * 1000;
    for (uint64_t now_ms = all->start_ms; now_ms < end_ms && is_right(all);
         now_ms = book_now_ms()) {
        for (size_t i = 0; i < PROCESSES; i++) {
            process *one = &all->processes[i];
            if (i >= STEADY && i < CROWDS) {
                rule(all, i);
            } else if (has_ended(all, &one->pid, "a process of peers")) {
                book_wrong(all->ledger, "process %zu has gone too early", i);
            }
        }
        if (has_ended(all, &all->house, "the server")) {
            book_wrong(all->ledger, "the server has gone too early");
        }
        watch(all, now_ms);
        (void)poll(NULL, 0, TURN_MS);
    }
}

/* The end */

static bool wait_for_process(soak *all, pid_t *pid, uint64_t limit_ms, const char *name)
{
    while (!has_ended(all, pid, name)) {
        if (book_now_ms() > limit_ms) {
            book_wrong(all->ledger, "%s does not come to its end", name);
            (void)kill(*pid, SIGKILL);
            (void)waitpid(*pid, NULL, 0);
            *pid = 0;
            return false;
        }
        (void)poll(NULL, 0, TURN_MS);
    }
    return true;
}

static void judge_memory(soak *all)
{
    size_t before = all->memory_kib[1];
    size_t after = all->memory_kib[3];
    printf("memory of the server, the most in each quarter of the time: %.1f, %.1f, %.1f, %.1f "
           "MiB\n",
           (double)all->memory_kib[0] / 1024, (double)before / 1024,
           (double)all->memory_kib[2] / 1024, (double)after / 1024);
    if (after > before + before * GROWTH_PERCENT / 100 + GROWTH_KIB) {
        book_wrong(all->ledger, "the server's memory grows: from %zu KiB to %zu KiB", before,
                   after);
    }
}

static void settle(soak *all)
{
    book *ledger = all->ledger;
    uint64_t limit_ms = book_now_ms() + ledger->patience_ms * 6;
    for (size_t i = 0; i < PROCESSES; i++) {
        if (all->processes[i].is_frozen) {
            thaw(all, &all->processes[i]);
        }
    }
    atomic_store(&ledger->phase, PHASE_HUSH);
    while (!atomic_load(&ledger->is_hushed) && book_now_ms() < limit_ms) {
        (void)poll(NULL, 0, TURN_MS);
    }
    atomic_store(&ledger->phase, PHASE_SETTLE);
    for (size_t i = 0; i < PROCESSES; i++) {
        (void)wait_for_process(all, &all->processes[i].pid, limit_ms, "a process of peers");
    }
    atomic_store(&ledger->phase, PHASE_OVER);
    (void)wait_for_process(all, &all->house, book_now_ms() + ledger->patience_ms * 4, "the server");
}

static uint64_t option(const char *name, uint64_t standard)
{
    const char *text = getenv(name);
    if (text == NULL || *text == '\0') {
        return standard;
    }
    char *end;
    uint64_t number = strtoull(text, &end, 10);
    if (*end != '\0') {
        (void)fprintf(stderr, "soak: %s=%s is no number\n", name, text);
        exit(EXIT_FAILURE);
    }
    return number;
}

static void raise_descriptors(size_t peers)
{
    struct rlimit limit;
    rlim_t needed = (rlim_t)peers + SPARE_DESCRIPTORS;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < needed) {
        limit.rlim_cur = needed < limit.rlim_max ? needed : limit.rlim_max;
        (void)setrlimit(RLIMIT_NOFILE, &limit);
    }
}

/* Seven in ten are of the steady processes, two of the mortal ones, and one misbehaves. */
static void plan(soak *all)
{
    for (size_t i = 0; i < PROCESSES; i++) {
        crowd_plan *one = &all->processes[i].plan;
        size_t share = i < STEADY ? all->peers * 7 / 10 / STEADY : all->peers / 10;
        *one = (crowd_plan){.owner = (uint16_t)i, .clients = share > 0 ? share : 1};
        one->way = (drive)(i % DRIVES);
    }
}

int main(void)
{
    soak all = {.seconds = option("SOAK_SECONDS", 1800), .peers = option("SOAK_PEERS", 2000)};
    uint64_t seed = option("SOAK_SEED", (uint64_t)time(NULL));
    uint32_t capacity = (uint32_t)(all.peers * (all.seconds + 60));
    all.ledger = book_make(seed, capacity, option("SOAK_PATIENCE", 30) * 1000);
    if (all.ledger == NULL || all.seconds == 0 || all.peers == 0) {
        (void)fprintf(stderr, "soak: no memory, no time or no peers\n");
        return 2;
    }
    printf("soak: %zu peers for %" PRIu64 " s, SOAK_SEED=%" PRIu64 "\n", all.peers, all.seconds,
           seed);
    (void)fflush(stdout);
    all.dice = seed;
    message_seed(seed);
    gdws_set_log_level((gdws_log_level)option("SOAK_LOG", GDWS_LOG_WARNING));
    raise_descriptors(all.peers);
    plan(&all);
    (void)cert_localhost();
    begin_house(&all);
    for (size_t i = 0; i < PROCESSES && is_right(&all); i++) {
        begin(&all, i);
    }
    all.start_ms = book_now_ms();
    all.report_ms = all.start_ms + REPORT_MS;
    talk(&all);
    settle(&all);
    judge_memory(&all);
    book_audit(all.ledger);
    book_print(all.ledger);
    uint64_t messages = all.ledger->put[0] + all.ledger->put[1];
    if (is_right(&all)) {
        printf("soak: %" PRIu64 " messages in the ledger, nothing lost\n", messages);
        return 0;
    }
    printf("soak: WRONG, %u times, see above; SOAK_SEED=%" PRIu64 "\n", all.ledger->wrong, seed);
    return 1;
}
