/* SPDX-License-Identifier: MIT */
/* The loop. A poll is: flush what the program queued, let libuv do what is ready, deliver signals,
 * flush again; and once more while libuv has changes to apply, because a descriptor that is not yet
 * registered with the kernel would be slept through. One libwebsockets context lives as long as the
 * loop. Invariant: signal tasks run only inside gdws_loop_poll. */
#include "loop.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>

#include "context.h"
#include "log.h"
#include "mem.h"

/* More passes than this in one poll wait for the next poll: gdws_loop_get_timeout_ms is 0 then. */
#define PASSES_MAX 4

/* So many peers are read before their signals are delivered. */
#define BATCH_MAX 64

/* While the pool keeps more than this, what it does not need goes back to the system. */
#define KEPT_IDLE ((size_t)256 << 10)
#define TRIM_INTERVAL_MS 1000

/* Tasks */

static void list_init(gdwsi_task *head)
{
    head->next = head;
    head->previous = head;
}

static bool list_is_empty(const gdwsi_task *head)
{
    return head->next == head;
}

/* Returns false when the task is on a list already. */
static bool list_append(gdwsi_task *head, gdwsi_task *task)
{
    if (task->next != NULL) {
        return false;
    }
    task->next = head;
    task->previous = head->previous;
    head->previous->next = task;
    head->previous = task;
    return true;
}

void gdwsi_loop_remove(gdwsi_task *task)
{
    if (task->next == NULL) {
        return;
    }
    task->previous->next = task->next;
    task->next->previous = task->previous;
    task->next = NULL;
    task->previous = NULL;
}

/* Run the tasks that are on the list now; what they add waits for the next time. A task may take
 * others off, so the list moves to a head of its own first. */
static size_t list_run(gdwsi_task *head)
{
    if (list_is_empty(head)) {
        return 0;
    }
    gdwsi_task now = *head;
    now.next->previous = &now;
    now.previous->next = &now;
    list_init(head);
    size_t count = 0;
    while (!list_is_empty(&now)) {
        gdwsi_task *task = now.next;
        gdwsi_loop_remove(task);
        task->run(task);
        count++;
    }
    return count;
}

/* What is put between polls makes the descriptor readable, once, so that a program that sleeps on
 * it comes to poll. Programs that let gdws_loop_wait sleep do not pay for that. Where
 * libwebsockets' own loop drives this one (vhost), that is told instead. */
static void call_for_poll(gdws_loop *loop)
{
    if (loop->is_polling) {
        return;
    }
    if (loop->stir != NULL) {
        loop->stir(loop);
    } else if (loop->is_watched && !loop->is_calling) {
        loop->is_calling = true;
        (void)uv_async_send(&loop->wakeup);
    }
}

void gdwsi_loop_add_signal(gdws_loop *loop, gdwsi_task *task)
{
    loop->batch++;
    if (list_append(&loop->signals, task)) {
        call_for_poll(loop);
    }
}

void gdwsi_loop_add_flush(gdws_loop *loop, gdwsi_task *task)
{
    if (list_append(&loop->flushes, task)) {
        call_for_poll(loop);
    }
}

void gdwsi_loop_add_burial(gdws_loop *loop, gdwsi_task *task)
{
    (void)list_append(&loop->burials, task);
    if (loop->stir != NULL && !loop->is_polling) {
        loop->stir(loop);
    }
}

static void run_burials(gdws_loop *loop)
{
    while (!list_is_empty(&loop->burials)) {
        list_run(&loop->burials);
    }
}

/* Making and freeing */

static void on_wakeup(uv_async_t *handle)
{
    gdws_loop *loop = handle->data;
    loop->is_woken = true;
}

static void on_trim(uv_timer_t *timer)
{
    gdws_loop *loop = timer->data;
    gdwsi_pool_trim(&loop->pool);
}

static void trim_soon(gdws_loop *loop)
{
    if (loop->pool.bytes > KEPT_IDLE && !uv_is_active((uv_handle_t *)&loop->trim)) {
        (void)uv_timer_start(&loop->trim, on_trim, TRIM_INTERVAL_MS, 0);
    }
}

typedef struct handles {
    size_t count;
    size_t closing;
} handles;

static void count_handle(uv_handle_t *handle, void *user)
{
    handles *left = user;
    left->count++;
    left->closing += uv_is_closing(handle) ? 1 : 0;
}

static void close_handle(uv_handle_t *handle, void *user)
{
    (void)user;
    uv_close(handle, NULL);
}

static int run_uv(gdws_loop *loop, uv_run_mode mode)
{
    loop->passes++;
    loop->is_clock_held = true;
    int goes_on = uv_run(&loop->uv, mode);
    loop->is_clock_held = false;
    if (gdwsi_context_sweep(&loop->uv, &loop->lost)) {
        loop->is_touched = true;
        goes_on = 1;
    }
    return goes_on;
}

/* Run until the last handle has been closed. Returns false when libwebsockets has forgotten to
 * close one (which it does for good when it had no memory for a connection's). */
static bool drain_uv(gdws_loop *loop)
{
    bool is_whole = true;
    while (run_uv(loop, UV_RUN_ONCE) != 0) {
        handles left = {0};
        uv_walk(&loop->uv, count_handle, &left);
        if (left.count > 0 && left.closing == 0) {
            is_whole = false;
            uv_walk(&loop->uv, close_handle, NULL);
        }
    }
    return is_whole;
}

gdws_loop *gdws_loop_new(void)
{
    gdws_loop *loop = gdwsi_mem_calloc(1, sizeof(*loop));
    if (loop == NULL) {
        gdwsi_log_write(GDWS_LOG_ERROR, "no memory for a loop");
        return NULL;
    }
    list_init(&loop->signals);
    list_init(&loop->flushes);
    list_init(&loop->burials);
    loop->references = 1;
    loop->read_buffer = gdwsi_mem_alloc(GDWSI_LOOP_READ_MAX);
    if (loop->read_buffer == NULL || !gdwsi_posts_init(&loop->posts)) {
        gdwsi_log_write(GDWS_LOG_ERROR, "no memory for a loop");
        goto fail_loop;
    }
    int error = gdwsi_context_init_uv(&loop->uv);
    if (error != 0) {
        gdwsi_log_write(GDWS_LOG_ERROR, "no loop: %s", uv_strerror(error));
        goto fail_uv;
    }
    error = uv_async_init(&loop->uv, &loop->wakeup, on_wakeup);
    if (error != 0) {
        gdwsi_log_write(GDWS_LOG_ERROR, "no wakeup for a loop: %s", uv_strerror(error));
        goto fail_async;
    }
    loop->wakeup.data = loop;
    uv_unref((uv_handle_t *)&loop->wakeup);
    (void)uv_timer_init(&loop->uv, &loop->trim);
    uv_unref((uv_handle_t *)&loop->trim);
    loop->trim.data = loop;
    loop->context =
        gdwsi_context_new(&loop->uv, GDWSI_LOOP_READ_MAX, &loop->pipe, &loop->descriptors);
    if (loop->context == NULL) {
        gdwsi_log_write(GDWS_LOG_ERROR, "no libwebsockets context (is its libuv plugin there?)");
        goto fail_context;
    }
    gdwsi_loop_touch(loop);
    return loop;

fail_context:
    uv_close((uv_handle_t *)&loop->wakeup, NULL);
    uv_close((uv_handle_t *)&loop->trim, NULL);
fail_async:
    (void)drain_uv(loop);
    (void)uv_loop_close(&loop->uv);
fail_uv:
    gdwsi_posts_clear(&loop->posts);
fail_loop:
    gdwsi_mem_free(loop->read_buffer);
    gdwsi_mem_free(loop);
    return NULL;
}

/* The context goes in two steps, between which libuv closes its handles. Links free themselves when
 * libwebsockets tells them that their sockets are gone. */
static void destroy(gdws_loop *loop)
{
    loop->is_polling = true;
    if (loop->leave_host != NULL) {
        loop->leave_host(loop);
    }
    gdwsi_posts_clear(&loop->posts);
    list_run(&loop->flushes);
    gdwsi_context_destroy(loop->context, &loop->pipe);
    uv_close((uv_handle_t *)&loop->wakeup, NULL);
    uv_close((uv_handle_t *)&loop->trim, NULL);
    if (drain_uv(loop)) {
        gdwsi_context_destroy(loop->context, &loop->pipe);
        (void)drain_uv(loop);
        gdwsi_context_bury(&loop->pipe);
    } else {
        gdwsi_log_write(GDWS_LOG_ERROR, "libwebsockets cannot free its context: it is left behind");
    }
    loop->context = NULL;
    run_burials(loop);
    int error = uv_loop_close(&loop->uv);
    if (error != 0) {
        gdwsi_log_write(GDWS_LOG_ERROR, "a loop does not close: %s", uv_strerror(error));
    }
    gdwsi_pool_clear(&loop->pool);
    gdwsi_mem_free(loop->read_buffer);
    gdwsi_mem_free(loop);
}

void gdwsi_loop_retain(gdws_loop *loop)
{
    loop->references++;
}

void gdwsi_loop_release(gdws_loop *loop)
{
    loop->references--;
    if (loop->is_polling) {
        return;
    }
    run_burials(loop);
    if (loop->references == 0) {
        destroy(loop);
    }
}

void gdws_loop_free(gdws_loop *loop)
{
    if (loop != NULL) {
        gdwsi_loop_release(loop);
    }
}

/* Polling */

void gdwsi_loop_touch(gdws_loop *loop)
{
    loop->is_touched = true;
    call_for_poll(loop);
}

void gdwsi_loop_update_time(gdws_loop *loop)
{
    if (!loop->is_clock_held) {
        uv_update_time(&loop->uv);
    }
}

uint64_t gdwsi_loop_now(gdws_loop *loop)
{
    if (!loop->is_polling) {
        gdwsi_loop_update_time(loop);
    }
    return uv_now(&loop->uv);
}

/* Whether a poll may not end yet. */
static bool must_go_on(const gdws_loop *loop)
{
    return loop->is_touched || !list_is_empty(&loop->signals) || !list_is_empty(&loop->flushes);
}

/* Whether the next poll should come at once. libuv alone can wait until then: after each read
 * libwebsockets leaves it a check of its own timers to do. */
static bool has_work(const gdws_loop *loop)
{
    return must_go_on(loop) || uv_backend_timeout(&loop->uv) == 0;
}

/* Also while libuv reads, but never while it runs timers. */
static void run_tasks(gdws_loop *loop)
{
    bool was_held = loop->is_clock_held;
    loop->is_clock_held = false;
    loop->batch = 0;
    loop->activity += list_run(&loop->signals);
    list_run(&loop->flushes);
    loop->is_clock_held = was_held;
}

void gdwsi_loop_run_batch(gdws_loop *loop)
{
    if (loop->batch >= BATCH_MAX) {
        run_tasks(loop);
    }
}

/* A lock for each wakeup, not for each poll: whoever posts into an empty queue wakes the loop. */
static void run_posts(gdws_loop *loop)
{
    if (loop->is_woken) {
        loop->is_woken = false;
        loop->activity += gdwsi_posts_run(&loop->posts, loop);
    }
}

static void run_pass(gdws_loop *loop)
{
    loop->is_touched = false;
    (void)run_uv(loop, UV_RUN_NOWAIT);
    run_posts(loop);
    run_tasks(loop);
}

gdws_error gdws_loop_poll(gdws_loop *loop)
{
    if (loop == NULL) {
        return GDWS_INVALID_PARAMETER;
    }
    if (loop->is_polling) {
        return GDWS_BUSY;
    }
    loop->is_polling = true;
    loop->is_calling = false;
    list_run(&loop->flushes);
    int passes = 0;
    do {
        run_pass(loop);
        passes++;
    } while (passes < PASSES_MAX && must_go_on(loop));
    run_burials(loop);
    trim_soon(loop);
    loop->is_polling = false;
    if (passes == PASSES_MAX && must_go_on(loop)) {
        call_for_poll(loop);
    }
    if (loop->references == 0) {
        destroy(loop);
    }
    return GDWS_OK;
}

int gdws_loop_get_fd(gdws_loop *loop)
{
    if (loop == NULL) {
        return -1;
    }
    loop->is_watched = true;
    if (must_go_on(loop)) {
        call_for_poll(loop);
    }
    return uv_backend_fd(&loop->uv);
}

int gdws_loop_get_timeout_ms(gdws_loop *loop)
{
    if (loop == NULL) {
        return -1;
    }
    gdwsi_loop_update_time(loop);
    return has_work(loop) ? 0 : uv_backend_timeout(&loop->uv);
}

/* Sleep until there is something to do, then poll. */
static gdws_error sleep_and_poll(gdws_loop *loop, int timeout_ms)
{
    int due_ms = gdws_loop_get_timeout_ms(loop);
    bool is_limited = timeout_ms >= 0 && (due_ms < 0 || timeout_ms <= due_ms);
    struct pollfd descriptor = {.fd = uv_backend_fd(&loop->uv), .events = POLLIN};
    uint64_t activity = loop->activity;
    int ready = poll(&descriptor, 1, is_limited ? timeout_ms : due_ms);
    gdws_error error = gdws_loop_poll(loop);
    if (error == GDWS_OK && ready == 0 && is_limited && loop->activity == activity) {
        error = GDWS_TIMEOUT;
    }
    return error;
}

gdws_error gdws_loop_wait(gdws_loop *loop, int timeout_ms)
{
    if (loop == NULL) {
        return GDWS_INVALID_PARAMETER;
    }
    if (loop->is_polling) {
        return GDWS_BUSY;
    }
    gdws_error error = GDWS_OK;
    uint64_t activity = loop->activity;
    gdwsi_loop_retain(loop);
    /* A busy loop has more to do at once, often more than it knows: poll(2) is left out. */
    if (has_work(loop)) {
        error = gdws_loop_poll(loop);
    }
    if (error == GDWS_OK && loop->activity == activity) {
        error = sleep_and_poll(loop, timeout_ms);
    }
    gdwsi_loop_release(loop);
    return error;
}

/* A thread that is cancelled while it wakes the loop would leave libuv waiting for it. */
static void wake(gdws_loop *loop)
{
    int state = PTHREAD_CANCEL_ENABLE;
    (void)pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &state);
    (void)uv_async_send(&loop->wakeup);
    (void)pthread_setcancelstate(state, NULL);
}

void gdws_loop_wakeup(gdws_loop *loop)
{
    if (loop != NULL) {
        wake(loop);
    }
}

gdws_error gdws_loop_post(gdws_loop *loop, gdws_loop_function function, void *user)
{
    bool must_wake = false;
    if (loop == NULL || function == NULL) {
        return GDWS_INVALID_PARAMETER;
    }
    gdws_error error = gdwsi_posts_put(&loop->posts, function, user, &must_wake);
    if (must_wake) {
        wake(loop);
    }
    return error;
}
