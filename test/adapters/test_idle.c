/* SPDX-License-Identifier: MIT */
/* Idle programs sleep: one process for each kind of host, with a server and a client that are
 * connected, is not woken once in ten seconds, and answers at once when it is called. That lasts
 * its ten seconds by nature, for all at the same time. */
#include <dirent.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "host.h"
#include "rawsock.h"
#include "runtests.h"
#include "world.h"

enum { KINDS_MAX = 16, IDLE_MS = 10000, HEARTBEAT_MS = 1000 };

typedef struct sleeper {
    pid_t pid;
    uint16_t port;
    long woken;
} sleeper;

/* A program that is only ever driven by its host. */
static void live(const char *kind, bool has_heartbeat, int report)
{
    world w;
    (void)setenv("GDWS_TEST_ADAPTER", kind, 1);
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    world_init_idle(&w);
    if (has_heartbeat) {
        ck_assert_int_eq(gdws_server_set_heartbeat(w.server, HEARTBEAT_MS, HEARTBEAT_MS), GDWS_OK);
    }
    world_listen(&w);
    world_connect(&w);
    w.takes_packets = true;
    ck_assert_int_eq(gdws_peer_send_text(world_client_peer(&w), "x"), GDWS_OK);
    WAIT_FOR(&w, w.at_server.data == 1);
    uint16_t port = gdws_server_get_port(w.server);
    ck_assert_int_eq(write(report, &port, sizeof(port)), sizeof(port));
    for (;;) {
        (void)gdws_loop_wait(w.loop, -1);
    }
}

static sleeper start(const char *kind, bool has_heartbeat)
{
    sleeper made = {.woken = 0};
    int report[2];
    ck_assert_int_eq(pipe(report), 0);
    made.pid = fork();
    ck_assert_int_ge(made.pid, 0);
    if (made.pid == 0) {
        live(kind, has_heartbeat, report[1]);
    }
    (void)close(report[1]);
    ck_assert_msg(read(report[0], &made.port, sizeof(made.port)) == sizeof(made.port),
                  "no program on %s", kind);
    (void)close(report[0]);
    return made;
}

/* How often the process has gone to sleep: once more for each time that it was woken. */
static long count_sleeps(pid_t pid)
{
    char path[64];
    char line[256];
    long count = 0;
    (void)snprintf(path, sizeof(path), "/proc/%d/task", (int)pid);
    DIR *tasks = opendir(path);
    ck_assert_ptr_nonnull(tasks);
    for (struct dirent *task = readdir(tasks); task != NULL; task = readdir(tasks)) {
        (void)snprintf(line, sizeof(line), "%s/%.20s/status", path, task->d_name);
        FILE *status = task->d_name[0] != '.' ? fopen(line, "r") : NULL;
        while (status != NULL && fgets(line, sizeof(line), status) != NULL) {
            static const char name[] = "voluntary_ctxt_switches:";
            if (strncmp(line, name, sizeof(name) - 1) == 0) {
                count += strtol(line + sizeof(name) - 1, NULL, 10);
            }
        }
        if (status != NULL) {
            (void)fclose(status);
        }
    }
    (void)closedir(tasks);
    return count;
}

/* Wait until a process has come to rest. */
static void settle(const sleeper *one)
{
    uint64_t limit = world_now_ms() + WORLD_LIMIT_MS;
    long before = -1;
    long now = count_sleeps(one->pid);
    while (before != now) {
        ck_assert_msg(world_now_ms() < limit, "a program does not come to rest");
        (void)usleep(200000);
        before = now;
        now = count_sleeps(one->pid);
    }
}

/* It is asleep, not dead. */
static void call(const sleeper *one)
{
    gdws_loop *loop = gdws_loop_new();
    rawsock raw;
    rawsock_connect_plain(&raw, loop, one->port);
    rawsock_upgrade(&raw);
    rawsock_close(&raw);
    gdws_loop_free(loop);
}

START_TEST(idle_programs_are_never_woken)
{
    sleeper sleepers[KINDS_MAX];
    size_t count = 0;
    /* The one with a heartbeat shows that being woken is seen. */
    sleeper restless = start("poll", true);
    for (size_t i = 0; host_kinds[i] != NULL; i++) {
        sleepers[count] = start(host_kinds[i]->name, false);
        count++;
    }
    for (size_t i = 0; i < count; i++) {
        settle(&sleepers[i]);
        sleepers[i].woken = -count_sleeps(sleepers[i].pid);
    }
    restless.woken = -count_sleeps(restless.pid);
    (void)usleep(IDLE_MS * 1000);
    restless.woken += count_sleeps(restless.pid);
    for (size_t i = 0; i < count; i++) {
        sleepers[i].woken += count_sleeps(sleepers[i].pid);
        (void)printf("idle for %d ms: %-9s woken %ld times\n", IDLE_MS, host_kinds[i]->name,
                     sleepers[i].woken);
        ck_assert_int_eq(sleepers[i].woken, 0);
    }
    ck_assert_int_ge(restless.woken, IDLE_MS / HEARTBEAT_MS - 1);
    for (size_t i = 0; i < count; i++) {
        call(&sleepers[i]);
        (void)kill(sleepers[i].pid, SIGKILL);
        (void)waitpid(sleepers[i].pid, NULL, 0);
    }
    (void)kill(restless.pid, SIGKILL);
    (void)waitpid(restless.pid, NULL, 0);
}
END_TEST

Suite *idle_suite(void)
{
    Suite *suite = suite_create("idle");
    TCase *tests = tcase_create("idle");
    tcase_set_timeout(tests, 60);
#if defined(__SANITIZE_THREAD__)
    (void)idle_programs_are_never_woken; /* its own thread wakes all the time */
#else
    /* valgrind itself decides when its programs sleep. */
    if (getenv("GDWS_TEST_VALGRIND") == NULL) {
        tcase_add_test(tests, idle_programs_are_never_woken);
    }
#endif
    suite_add_tcase(suite, tests);
    return suite;
}
