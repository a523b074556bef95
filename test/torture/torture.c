/* SPDX-License-Identifier: MIT */
/* The integration suite once for each of its allocations, which then fails. The linker gives us the
 * suite's tests instead of Check's runner (see the Makefile). Each runs in a process of its own: a
 * first time to count its allocations, and then once for each that is drawn. What must hold:
 *
 * - No crash, no sanitizer's report, no call that hangs.
 * - A test may fail, since it cannot know of the failure. Then all objects that it has made are
 * freed where it stands, and after that no allocation may be left, of ours or of libwebsockets'.
 * - A test that passes has left nothing either.
 *
 * TORTURE: how many allocations of each test and kind are drawn, or "all". TORTURE_SEED: what is
 * drawn. TORTURE_JOBS: how many run side by side. TORTURE_ONLY: tests whose "suite: name" contains
 * this. TORTURE_AT: only this number of each. */
#include <errno.h>
#include <execinfo.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <check.h>

#include "failures.h"
#include "leave.h"
#include "objects.h"
#include "world.h"

#define TESTS_MAX 2048
#define FIXTURES_MAX 64
#define JOBS_MAX 64

/* A test that waits in vain does so this much longer than it takes otherwise. */
#define VAIN_MS 300
/* Much longer than any test may take: it hangs. */
#define HANG_MS 30000
/* For a test that takes long by itself, fewer are drawn: about as many as fit in here. */
#define DRAWN_MS 2000

/* How a test's process ends, apart from EXIT_SUCCESS. */
#define EXIT_TOLD 77
#define EXIT_LEFT 78

typedef void (*function)(void);

typedef struct fixture {
    const TCase *tcase;
    function set_up;
    function tear_down;
} fixture;

typedef struct test {
    const char *suite;
    const TTest *check;
    const TCase *tcase;
    int argument;
    int siblings; /* how many arguments there are */
    /* Of the first time. */
    size_t counts[FAIL_KINDS];
    size_t left[FAIL_KINDS];
    uint64_t took_ms;
} test;

typedef struct turn {
    test *test;
    failure_kind kind;
    size_t nth; /* 0: nothing fails, it is counted */
} turn;

/* What a test's process tells. */
typedef struct report {
    size_t counts[FAIL_KINDS];
    size_t left[FAIL_KINDS];
    bool is_reached;
    bool is_cleaned;
    char reason[FAILURES_REASON_MAX];
} report;

typedef struct job {
    pid_t process;
    turn turn;
    uint64_t start;
    int output;
    report *report;
} job;

typedef struct turns {
    turn *items;
    size_t count;
    size_t capacity;
} turns;

static struct {
    const char *suite;
    fixture fixtures[FIXTURES_MAX];
    size_t fixture_count;
    test tests[TESTS_MAX];
    size_t test_count;

    size_t failed[FAIL_KINDS];
    size_t survived;
    size_t told;
    size_t cleaned;
    size_t missed;
    size_t defects;
} all;

/* In the test's process */

static pid_t own_process;
static turn own_turn;
static report *own_report;

static void finish_report(void)
{
    own_report->is_reached = failures_is_reached();
    for (failure_kind kind = FAIL_OURS; kind < FAIL_KINDS; kind++) {
        own_report->counts[kind] = failures_count(kind);
        own_report->left[kind] = failures_live(kind);
    }
}

static bool is_something_left(void)
{
    bool is_left = false;
    for (failure_kind kind = FAIL_OURS; kind < FAIL_KINDS; kind++) {
        bool may = kind == FAIL_THEIRS && failures_may_leave(own_report->reason);
        if (own_report->left[kind] > own_turn.test->left[kind] && !may) {
            fprintf(stderr, "%zu allocations of %s are left, and %zu otherwise\n",
                    own_report->left[kind], kind == FAIL_OURS ? "ours" : "libwebsockets",
                    own_turn.test->left[kind]);
            is_left = true;
        }
    }
    return is_left;
}

/* Without what stands in atexit(3): the test's own memory is not expected to be free. */
static _Noreturn void end(int status)
{
    (void)fflush(NULL);
    leave(status);
}

static void crash(int number)
{
    static const char text[] = "crashed here:\n";
    void *frames[64];
    int count = backtrace(frames, 64);
    finish_report();
    (void)!write(STDERR_FILENO, text, sizeof(text) - 1);
    backtrace_symbols_fd(frames, count, STDERR_FILENO);
    (void)signal(number, SIG_DFL);
    (void)raise(number);
}

void __asan_init(void) __attribute__((weak));

static void prepare_process(const job *one)
{
    sigset_t none;
    (void)sigemptyset(&none);
    (void)sigprocmask(SIG_SETMASK, &none, NULL);
    (void)setpgid(0, 0);
    (void)dup2(one->output, STDOUT_FILENO);
    (void)dup2(one->output, STDERR_FILENO);
    if (__asan_init == NULL) {
        (void)signal(SIGSEGV, crash);
        (void)signal(SIGBUS, crash);
        (void)signal(SIGABRT, crash);
    }
    own_process = getpid();
    own_turn = one->turn;
    own_report = one->report;
    if (own_turn.nth > 0) {
        world_set_limit_ms(own_turn.test->took_ms + VAIN_MS);
    }
}

static void run_test(const job *one) __attribute__((noreturn));
static void run_test(const job *one)
{
    fixture none = {0};
    const fixture *around = &none;
    prepare_process(one);
    for (size_t i = 0; i < all.fixture_count; i++) {
        around = all.fixtures[i].tcase == own_turn.test->tcase ? &all.fixtures[i] : around;
    }
    failures_begin(own_turn.kind, own_turn.nth, own_report->reason);
    if (around->set_up != NULL) {
        around->set_up();
    }
    own_turn.test->check->fn(own_turn.test->argument);
    if (around->tear_down != NULL) {
        around->tear_down();
    }
    finish_report();
    if (own_turn.nth > 0 && is_something_left()) {
        end(EXIT_LEFT);
    }
    if (own_turn.kind == FAIL_THEIRS && failures_may_leave(own_report->reason)) {
        end(EXIT_SUCCESS); /* a leak that a sanitizer would find */
    }
    exit(EXIT_SUCCESS);
}

/* What the linker puts in place of Check's. */

Suite *__real_suite_create(const char *name);
Suite *__wrap_suite_create(const char *name);
void __wrap_tcase_add_checked_fixture(TCase *tcase, SFun set_up, SFun tear_down);
void __wrap__tcase_add_test(TCase *tcase, const TTest *check, int signal_number, int exit_value,
                            int start, int end);
void __wrap__mark_point(const char *file, int line);
void __wrap__ck_assert_failed(const char *file, int line, const char *expression,
                              const char *message, ...)
    __attribute__((noreturn, format(printf, 4, 5)));
void __wrap_srunner_run_all(SRunner *runner, enum print_output mode);
int __wrap_srunner_ntests_failed(SRunner *runner);

Suite *__wrap_suite_create(const char *name)
{
    all.suite = name;
    return __real_suite_create(name);
}

void __wrap_tcase_add_checked_fixture(TCase *tcase, SFun set_up, SFun tear_down)
{
    ck_assert_uint_lt(all.fixture_count, FIXTURES_MAX);
    all.fixtures[all.fixture_count] = (fixture){tcase, set_up, tear_down};
    all.fixture_count++;
}

void __wrap__tcase_add_test(TCase *tcase, const TTest *check, int signal_number, int exit_value,
                            int start, int end)
{
    char name[256];
    const char *only = getenv("TORTURE_ONLY");
    (void)signal_number;
    (void)exit_value;
    (void)snprintf(name, sizeof(name), "%s: %s", all.suite, check->name);
    if (only != NULL && strstr(name, only) == NULL) {
        return;
    }
    for (int i = start; i < end; i++) {
        ck_assert_uint_lt(all.test_count, TESTS_MAX);
        all.tests[all.test_count] = (test){.suite = all.suite,
                                           .check = check,
                                           .tcase = tcase,
                                           .argument = i,
                                           .siblings = end - start};
        all.test_count++;
    }
}

void __wrap__mark_point(const char *file, int line)
{
    (void)file;
    (void)line;
}

/* A test has failed. Not from inside of a failure: signals may fail as well when all is freed. */
void __wrap__ck_assert_failed(const char *file, int line, const char *expression,
                              const char *message, ...)
{
    static bool is_failing;
    va_list arguments;
    fprintf(stderr, "%s:%d: %s: ", file, line, expression);
    if (message != NULL) {
        va_start(arguments, message);
        vfprintf(stderr, message, arguments);
        va_end(arguments);
    }
    fprintf(stderr, "\n");
    if (own_process == getpid() && !is_failing && own_turn.nth > 0 && objects_can_go()) {
        is_failing = true;
        finish_report();
        objects_free();
        finish_report();
        own_report->is_cleaned = true;
        end(is_something_left() ? EXIT_LEFT : EXIT_TOLD);
    }
    end(EXIT_TOLD);
}

/* In the runner's process */

static uint64_t state_of_dice = 1;

/* At least 0 and less than bound; a multiplicative congruence does for spreading. */
static size_t draw(size_t bound)
{
    state_of_dice = state_of_dice * 6364136223846793005u + 1442695040888963407u;
    return (size_t)((state_of_dice >> 33) % bound);
}

static size_t setting(const char *name, size_t usual)
{
    const char *value = getenv(name);
    if (value == NULL || value[0] == '\0') {
        return usual;
    }
    char *end;
    size_t number = (size_t)strtoull(value, &end, 10);
    if (strcmp(value, "all") != 0 && *end != '\0') {
        (void)fprintf(stderr, "torture: %s=%s is no number\n", name, value);
        exit(EXIT_FAILURE);
    }
    return *end == '\0' ? number : SIZE_MAX;
}

static void add_turn(turns *list, test *of, failure_kind kind, size_t nth)
{
    if (list->count == list->capacity) {
        list->capacity = list->capacity * 2 + 64;
        list->items = realloc(list->items, list->capacity * sizeof(*list->items));
        if (list->items == NULL) {
            perror("torture");
            exit(EXIT_FAILURE);
        }
    }
    list->items[list->count] = (turn){of, kind, nth};
    list->count++;
}

/* One from each of so many equal parts of a test's allocations. */
static void add_turns(turns *list, test *of, failure_kind kind)
{
    size_t wanted = setting("TORTURE", 6);
    size_t at = setting("TORTURE_AT", 0);
    size_t count = of->counts[kind];
    if (at > 0) {
        add_turn(list, of, kind, at);
        return;
    }
    if (wanted < SIZE_MAX) {
        size_t fits = DRAWN_MS / (size_t)(of->took_ms + VAIN_MS);
        wanted = (wanted < fits ? wanted : fits) / (size_t)of->siblings;
        wanted = wanted > 0 ? wanted : 1;
    }
    size_t parts = count < wanted ? count : wanted;
    for (size_t i = 0; i < parts; i++) {
        size_t first = count * i / parts;
        size_t end = count * (i + 1) / parts;
        add_turn(list, of, kind, first + 1 + draw(end - first));
    }
}

static void start_job(job *one, turn next)
{
    memset(one->report, 0, sizeof(*one->report));
    (void)ftruncate(one->output, 0);
    (void)lseek(one->output, 0, SEEK_SET);
    one->turn = next;
    one->start = world_now_ms();
    (void)fflush(NULL);
    one->process = fork();
    if (one->process == 0) {
        run_test(one);
    }
    if (one->process < 0) {
        perror("torture: fork");
        exit(EXIT_FAILURE);
    }
}

static void print_defect(const job *one, const char *what)
{
    char text[6000];
    const test *of = one->turn.test;
    printf(
        "DEFECT: %s: %s(%d), allocation %zu of %s%s%s: %s\n", of->suite, of->check->name,
        of->argument, one->turn.nth, one->turn.kind == FAIL_OURS ? "ours" : "libwebsockets' for ",
        one->turn.kind == FAIL_OURS ? "" : one->report->reason,
        one->report->is_reached || one->report->reason[0] != '\0' ? ""
                                                                  : " (not reached, or not told)",
        what);
    off_t length = lseek(one->output, 0, SEEK_END);
    off_t start = length > (off_t)sizeof(text) ? length - (off_t)sizeof(text) : 0;
    ssize_t got = pread(one->output, text, sizeof(text), start);
    (void)fwrite(text, 1, got > 0 ? (size_t)got : 0, stdout);
    (void)fflush(stdout);
    all.defects++;
}

static void judge_first(job *one, int status)
{
    test *of = one->turn.test;
    if (!WIFEXITED(status) || WEXITSTATUS(status) != EXIT_SUCCESS) {
        print_defect(one, "it fails by itself");
        return;
    }
    memcpy(of->counts, one->report->counts, sizeof(of->counts));
    memcpy(of->left, one->report->left, sizeof(of->left));
    of->took_ms = world_now_ms() - one->start;
}

static void judge(job *one, int status)
{
    char what[64];
    if (one->turn.nth == 0) {
        judge_first(one, status);
        return;
    }
    all.failed[one->turn.kind]++;
    if (WIFSIGNALED(status)) {
        (void)snprintf(what, sizeof(what), "%s",
                       WTERMSIG(status) == SIGKILL ? "it hangs" : strsignal(WTERMSIG(status)));
        print_defect(one, what);
    } else if (WEXITSTATUS(status) == EXIT_SUCCESS) {
        all.survived++;
        all.missed += one->report->is_reached ? 0 : 1;
    } else if (WEXITSTATUS(status) == EXIT_TOLD) {
        all.told++;
        all.cleaned += one->report->is_cleaned ? 1 : 0;
    } else if (WEXITSTATUS(status) == EXIT_LEFT) {
        print_defect(one, "something is left");
    } else {
        (void)snprintf(what, sizeof(what), "exit status %d", WEXITSTATUS(status));
        print_defect(one, what);
    }
}

/* Wait until one of the jobs has ended, or hangs. */
static job *await(job *jobs, size_t count, int *status)
{
    const struct timespec tenth = {.tv_nsec = 100000000};
    sigset_t ended;
    (void)sigemptyset(&ended);
    (void)sigaddset(&ended, SIGCHLD);
    for (;;) {
        for (size_t i = 0; i < count; i++) {
            if (jobs[i].process > 0 && waitpid(jobs[i].process, status, WNOHANG) > 0) {
                (void)kill(-jobs[i].process, SIGKILL); /* what it has begun */
                return &jobs[i];
            }
            if (jobs[i].process > 0 &&
                world_now_ms() - jobs[i].start > HANG_MS + 8 * jobs[i].turn.test->took_ms) {
                (void)kill(jobs[i].process, SIGKILL);
            }
        }
        (void)sigtimedwait(&ended, NULL, &tenth);
    }
}

static void run_turns(const turns *list, size_t job_count)
{
    job jobs[JOBS_MAX] = {0};
    size_t next = 0;
    size_t running = 0;
    size_t count = job_count < JOBS_MAX ? job_count : JOBS_MAX;
    for (size_t i = 0; i < count; i++) {
        jobs[i].output = memfd_create("output", MFD_CLOEXEC);
        jobs[i].report =
            mmap(NULL, sizeof(report), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
        if (jobs[i].output < 0 || jobs[i].report == MAP_FAILED) {
            perror("torture");
            exit(EXIT_FAILURE);
        }
        if (next < list->count) {
            start_job(&jobs[i], list->items[next++]);
            running++;
        }
    }
    while (running > 0) {
        int status = 0;
        job *one = await(jobs, count, &status);
        judge(one, status);
        one->process = 0;
        running--;
        if (next < list->count) {
            start_job(one, list->items[next++]);
            running++;
        }
    }
    for (size_t i = 0; i < count; i++) {
        (void)close(jobs[i].output);
        (void)munmap(jobs[i].report, sizeof(report));
    }
}

/* Without these guards nothing might have been tested. */
static void check_counts(void)
{
    size_t sums[FAIL_KINDS] = {0};
    for (size_t i = 0; i < all.test_count; i++) {
        for (failure_kind kind = FAIL_OURS; kind < FAIL_KINDS; kind++) {
            sums[kind] += all.tests[i].counts[kind];
        }
    }
    printf("torture: %zu allocations of ours, %zu of libwebsockets' to choose from\n",
           sums[FAIL_OURS], sums[FAIL_THEIRS]);
    if (sums[FAIL_OURS] == 0 || sums[FAIL_THEIRS] == 0) {
        printf("DEFECT: a hook was never used\n");
        all.defects++;
    }
}

void __wrap_srunner_run_all(SRunner *runner, enum print_output mode)
{
    turns first = {0};
    turns second = {0};
    sigset_t ended;
    size_t jobs = setting("TORTURE_JOBS", 6);
    size_t seed = setting("TORTURE_SEED", 1);
    (void)runner;
    (void)mode;
    state_of_dice = seed;
    (void)sigemptyset(&ended);
    (void)sigaddset(&ended, SIGCHLD);
    (void)sigprocmask(SIG_BLOCK, &ended, NULL);
    failures_install();
    failures_print_harmed();
    for (size_t i = 0; i < all.test_count; i++) {
        add_turn(&first, &all.tests[i], FAIL_OURS, 0);
    }
    run_turns(&first, jobs);
    check_counts();
    for (size_t i = 0; i < all.test_count; i++) {
        add_turns(&second, &all.tests[i], FAIL_OURS);
        add_turns(&second, &all.tests[i], FAIL_THEIRS);
    }
    run_turns(&second, jobs);
    printf("torture: seed %zu, %zu of those that failed could be freed, %zu were not reached\n",
           seed, all.cleaned, all.missed);
    printf("torture: %zu tests, %zu allocations failed (%zu of ours, %zu of libwebsockets'), "
           "%zu survived without notice, %zu told, ",
           all.test_count, all.failed[FAIL_OURS] + all.failed[FAIL_THEIRS], all.failed[FAIL_OURS],
           all.failed[FAIL_THEIRS], all.survived, all.told);
    if (all.defects > 0) {
        printf("%zu DEFECTS\n", all.defects);
    } else {
        printf("nothing wrong\n");
    }
    free(first.items);
    free(second.items);
}

int __wrap_srunner_ntests_failed(SRunner *runner)
{
    (void)runner;
    return (int)all.defects;
}
