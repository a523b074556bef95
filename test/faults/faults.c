/* SPDX-License-Identifier: MIT */
/* Seeds of faults, each in a process of its own. Usage:
 *   faults FIRST COUNT   play seeds, two at a time (FAULT_JOBS)
 *   faults SEED          play one, here, and say everything
 * The shim lies beside this program, which preloads it. */
#include <errno.h>
#include <netdb.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sys/mman.h>
#include <sys/wait.h>

#include "leave.h"
#include "seed.h"

#define JOBS_MAX 16

/* With fewer seeds a function may have been spared by chance. */
#define SEEDS_FOR_ALL 1000

/* A process that takes longer hangs, in s. */
#define LIFE_S 60

typedef struct job {
    pid_t pid; /* 0: none */
    uint64_t seed;
    FILE *said;
    outcome *result; /* shared with the process */
} job;

typedef struct sum {
    uint64_t seeds;
    uint64_t failed;
    uint64_t most_turns;
    outcome total;
} sum;

static void add(sum *all, const outcome *one)
{
    outcome *total = &all->total;
    total->connections += one->connections;
    total->lost += one->lost;
    total->refused += one->refused;
    total->received += one->received;
    all->most_turns = one->turns > all->most_turns ? one->turns : all->most_turns;
    for (int i = 0; i < FAULTS_FUNCTIONS; i++) {
        total->faults[i].calls += one->faults[i].calls;
        for (int kind = 0; kind < FAULTS_KINDS; kind++) {
            total->faults[i].injected[kind] += one->faults[i].injected[kind];
        }
    }
}

static void begin(job *one, uint64_t seed)
{
    one->seed = seed;
    one->said = tmpfile();
    memset(one->result, 0, sizeof(*one->result));
    one->pid = fork();
    if (one->pid == 0) {
        (void)dup2(fileno(one->said), STDOUT_FILENO);
        (void)dup2(fileno(one->said), STDERR_FILENO);
        (void)alarm(getenv("GDWS_TEST_SLOW") != NULL ? LIFE_S * 10 : LIFE_S);
        seed_play(seed, one->result);
        (void)fflush(stderr);
        leave(one->result->is_right ? 0 : 1);
    }
}

static void print_log(FILE *said)
{
    char line[512];
    (void)fseek(said, 0, SEEK_SET);
    while (fgets(line, sizeof(line), said) != NULL) {
        (void)fputs(line, stdout);
    }
}

static void finish(job *one, int status, sum *all)
{
    all->seeds++;
    add(all, one->result);
    if (status != 0) {
        all->failed++;
        printf("seed %llu failed: ", (unsigned long long)one->seed);
        if (WIFSIGNALED(status)) {
            printf("%s\n", WTERMSIG(status) == SIGALRM ? "it hangs" : strsignal(WTERMSIG(status)));
        } else {
            printf("status %d\n", WEXITSTATUS(status));
        }
        print_log(one->said);
        (void)fflush(stdout);
    }
    (void)fclose(one->said);
    one->pid = 0;
}

static void wait_for_one(job *jobs, int count, sum *all)
{
    int status = 0;
    pid_t pid = wait(&status);
    for (int i = 0; i < count; i++) {
        if (jobs[i].pid == pid) {
            finish(&jobs[i], status, all);
        }
    }
}

static job *find_idle(job *jobs, int count)
{
    for (int i = 0; i < count; i++) {
        if (jobs[i].pid == 0) {
            return &jobs[i];
        }
    }
    return NULL;
}

static const char *name_lookup_error(int error)
{
    switch (error) {
    case EAI_AGAIN:
        return "EAI_AGAIN";
    case EAI_FAIL:
        return "EAI_FAIL";
    case EAI_NONAME:
        return "EAI_NONAME";
    case EAI_MEMORY:
        return "EAI_MEMORY";
    default:
        return "EAI_SYSTEM";
    }
}

static const char *name_kind(const faults_count *row, int kind)
{
    if (kind == 0) {
        return "short";
    }
    return strcmp(row->function, "getaddrinfo") == 0 ? name_lookup_error(row->errors[kind])
                                                     : strerrorname_np(row->errors[kind]);
}

/* Print what was injected. Returns how many functions had faults, and how many faults they were. */
static int print_table(const sum *all, uint64_t *faults, int *spared)
{
    faults_count names[FAULTS_FUNCTIONS];
    int functions = 0;
    faults_list(names);
    printf("%-18s %10s %9s\n", "function", "calls", "faults");
    for (int i = 0; i < FAULTS_FUNCTIONS && names[i].function != NULL; i++) {
        const faults_count *row = &all->total.faults[i];
        uint64_t own = 0;
        for (int kind = 0; kind < FAULTS_KINDS; kind++) {
            own += row->injected[kind];
        }
        printf("%-18s %10llu %9llu ", names[i].function, (unsigned long long)row->calls,
               (unsigned long long)own);
        for (int kind = 0; kind < FAULTS_KINDS; kind++) {
            if (row->injected[kind] > 0) {
                printf(" %s %llu", name_kind(&names[i], kind),
                       (unsigned long long)row->injected[kind]);
            }
        }
        printf("\n");
        *faults += own;
        functions += own > 0 ? 1 : 0;
        *spared += own == 0 ? 1 : 0;
    }
    return functions;
}

static bool judge(const sum *all)
{
    uint64_t faults = 0;
    int spared = 0;
    int functions = print_table(all, &faults, &spared);
    bool is_idle = spared > 0 && all->seeds >= SEEDS_FOR_ALL;
    bool is_right = all->failed == 0 && !is_idle;
    printf("%llu messages, %llu attempts refused, at most %llu turns\n",
           (unsigned long long)all->total.received, (unsigned long long)all->total.refused,
           (unsigned long long)all->most_turns);
    if (is_idle) {
        printf("WRONG: %d functions never failed\n", spared);
    }
    printf("faults: %llu seeds, %llu faults injected into %d functions, %llu connections made, "
           "%llu lost, ",
           (unsigned long long)all->seeds, (unsigned long long)faults, functions,
           (unsigned long long)all->total.connections, (unsigned long long)all->total.lost);
    if (is_right) {
        printf("nothing wrong\n");
    } else {
        printf("%llu seeds WRONG\n", (unsigned long long)all->failed);
    }
    return is_right;
}

static bool play_many(uint64_t first, uint64_t count)
{
    const char *wish = getenv("FAULT_JOBS");
    int jobs_count = wish != NULL ? atoi(wish) : 2;
    job jobs[JOBS_MAX] = {{0}};
    sum all = {0};
    jobs_count = jobs_count < 1 || jobs_count > JOBS_MAX ? 2 : jobs_count;
    outcome *results = mmap(NULL, sizeof(outcome) * JOBS_MAX, PROT_READ | PROT_WRITE,
                            MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (results == MAP_FAILED) {
        return false;
    }
    for (int i = 0; i < jobs_count; i++) {
        jobs[i].result = &results[i];
    }
    for (uint64_t seed = first; seed < first + count; seed++) {
        job *idle = find_idle(jobs, jobs_count);
        while (idle == NULL) {
            wait_for_one(jobs, jobs_count, &all);
            idle = find_idle(jobs, jobs_count);
        }
        begin(idle, seed);
    }
    while (all.seeds < count) {
        wait_for_one(jobs, jobs_count, &all);
    }
    return judge(&all);
}

static bool play_one(uint64_t seed)
{
    outcome result;
    sum all = {0};
    seed_play(seed, &result);
    all.seeds = 1;
    all.failed = result.is_right ? 0 : 1;
    add(&all, &result);
    (void)fflush(stderr);
    return judge(&all);
}

/* Begin again with the shim before everything else. */
static void preload(char **argv)
{
    char own[4096];
    char shim[4200];
    ssize_t length = readlink("/proc/self/exe", own, sizeof(own) - 1);
    if (length <= 0 || getenv("LD_PRELOAD") != NULL) {
        return;
    }
    own[length] = '\0';
    (void)snprintf(shim, sizeof(shim), "%s.so", own);
    (void)setenv("LD_PRELOAD", shim, 1);
    /* The shim stands before the sanitizer's functions, which stand before the system's. */
    (void)setenv("ASAN_OPTIONS", "verify_asan_link_order=0", 0);
    (void)execv(own, argv);
}

int main(int argc, char **argv)
{
    if (argc < 2 || argc > 3) {
        (void)fprintf(stderr, "usage: %s SEED, or %s FIRST COUNT\n", argv[0], argv[0]);
        return 2;
    }
    if (faults_arm == NULL) {
        preload(argv);
        (void)fprintf(stderr, "%s.so is not there, or LD_PRELOAD names another\n", argv[0]);
        return 2;
    }
    /* The children's certificates are made once, here. */
    (void)cert_localhost();
    uint64_t seed = strtoull(argv[1], NULL, 10);
    bool is_right = argc == 2 ? play_one(seed) : play_many(seed, strtoull(argv[2], NULL, 10));
    return is_right ? 0 : 1;
}
