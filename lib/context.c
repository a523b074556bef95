/* SPDX-License-Identifier: MIT */
/* Making and destroying libwebsockets' context. Both touch what the process has only once: the
 * handler of SIGPIPE, the limit on descriptors, libwebsockets' own variables. Invariant: one thread
 * at a time does, and leaves all that as it was. */
#include "context.h"

#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include <fcntl.h>

#include <libwebsockets.h>

#include "log.h"
#include "mem.h"

/* What a new loop opens: libuv's epoll set, its pipes (one of them for the whole process) and its
 * eventfd; libwebsockets' /dev/urandom and its eventfd. */
#define DESCRIPTORS_NEEDED 8

/* The first version that closes its pipe once. */
#define PIPE_CLOSED_ONCE 4003004

#if LWS_LIBRARY_VERSION_NUMBER < PIPE_CLOSED_ONCE
#include <malloc.h>
#endif

/* libwebsockets allocates a table of this many descriptors at most. */
#define DESCRIPTORS_MAX (1u << 20)

/* More than it needs besides its buffer and its tables. */
#define CONTEXT_BYTES ((size_t)64 << 10)

static pthread_mutex_t process_lock = PTHREAD_MUTEX_INITIALIZER;

static void receive_lws_line(int level, const char *line)
{
    gdws_log_level ours = (level & (LLL_ERR | LLL_WARN)) != 0 ? GDWS_LOG_INFO : GDWS_LOG_DEBUG;
    gdwsi_log_line(ours, line);
}

static void route_lws_log(void)
{
    int levels = 0;
    if (gdwsi_log_wants(GDWS_LOG_INFO)) {
        levels |= LLL_ERR | LLL_WARN;
    }
    if (gdwsi_log_wants(GDWS_LOG_DEBUG)) {
        levels |= LLL_NOTICE;
    }
    lws_set_log_level(levels, receive_lws_line);
}

/* libwebsockets sizes a table by the limit on descriptors, which is a thousand million in some
 * containers; give it a sensible limit while it looks. Returns whether *old is to be restored. */
static bool lower_descriptor_limit(struct rlimit *old)
{
    if (getrlimit(RLIMIT_NOFILE, old) != 0 || old->rlim_cur <= DESCRIPTORS_MAX) {
        return false;
    }
    struct rlimit lower = *old;
    lower.rlim_cur = DESCRIPTORS_MAX;
    return setrlimit(RLIMIT_NOFILE, &lower) == 0;
}

/* libuv aborts when there is no descriptor for the pipe of its first loop; libwebsockets makes a
 * context that can be neither woken nor destroyed when there is none for its eventfd, and crashes
 * when it cannot open /dev/urandom. So what they need is tried first; between that and the use only
 * another thread can take it. */
bool gdwsi_context_has_descriptors(void)
{
    int tried[DESCRIPTORS_NEEDED];
    int count = 0;
    int opened = open("/dev/urandom", O_RDONLY | O_CLOEXEC);
    while (opened >= 0 && count < DESCRIPTORS_NEEDED - 1) {
        tried[count] = opened;
        count++;
        opened = fcntl(tried[0], F_DUPFD_CLOEXEC, 0);
    }
    for (int i = 0; i < count; i++) {
        (void)close(tried[i]);
    }
    if (opened >= 0) {
        (void)close(opened);
    }
    return opened >= 0;
}

/* libwebsockets up to 4.3.3 closes the descriptor of its own wakeup twice (its issue 2873): when
 * the context goes, and again when libuv has closed the handle. In between, another thread of the
 * program may have opened something that has been given the same number, and would lose it. So the
 * wsi must forget the number in between. Its place is not public: it is the one whose change
 * lws_get_socket_fd sees. */

typedef struct polls {
    uv_handle_t *handle;
    size_t count;
} polls;

static void note_poll(uv_handle_t *handle, void *user)
{
    polls *found = user;
    if (handle->type == UV_POLL) {
        found->handle = handle;
        found->count++;
    }
}

#if LWS_LIBRARY_VERSION_NUMBER < PIPE_CLOSED_ONCE

static bool is_place(int *place, struct lws *wsi, int descriptor)
{
    if (*place != descriptor) {
        return false;
    }
    *place = -1;
    bool is_seen = lws_get_socket_fd(wsi) == -1;
    *place = descriptor;
    return is_seen;
}

/* The pipe is the only thing that a new context polls. */
static int *find_pipe(uv_loop_t *uv)
{
    polls found = {0};
    int descriptor = -1;
    uv_walk(uv, note_poll, &found);
    if (found.count != 1 || uv_fileno(found.handle, &descriptor) != 0) {
        return NULL;
    }
    struct lws *wsi = found.handle->data;
    int *place = (int *)(void *)wsi;
    int *end = place + malloc_usable_size(wsi) / sizeof(*place);
    while (place < end && !is_place(place, wsi, descriptor)) {
        place++;
    }
    return place < end ? place : NULL;
}

#else

static int *find_pipe(uv_loop_t *uv)
{
    (void)uv;
    return NULL;
}

#endif

/* libwebsockets 4.1 does not survive it when it has no memory for what a context begins with:
 * itself with its buffer, and two tables of all descriptors. */
static bool has_room(size_t buffer, int descriptors)
{
    size_t tables = (size_t)descriptors * (sizeof(struct lws_pollfd) + sizeof(struct lws *));
    return gdwsi_mem_has_room(buffer + tables + CONTEXT_BYTES);
}

/* Where it has none for its wakeup alone, it returns a context that it has begun to destroy, and
 * that cannot be destroyed further. It is the one that polls nothing. */
static bool is_usable(uv_loop_t *uv)
{
    polls found = {0};
    uv_walk(uv, note_poll, &found);
    return found.count > 0;
}

struct lws_context *gdwsi_context_new(uv_loop_t *uv, size_t read_bytes, int **pipe,
                                      int *descriptors)
{
    static const lws_retry_bo_t no_validity_checks = {0};
    void *foreign_loops[1] = {uv};
    struct lws_context_creation_info info;
    memset(&info, 0, sizeof(info));
    info.port = CONTEXT_PORT_NO_LISTEN;
    info.options = LWS_SERVER_OPTION_LIBUV | LWS_SERVER_OPTION_EXPLICIT_VHOSTS;
    info.foreign_loops = foreign_loops;
    info.retry_and_idle_policy = &no_validity_checks;
    info.pt_serv_buf_size = (unsigned)read_bytes + 4096;
    info.count_threads = 1;

    struct sigaction sigpipe;
    struct rlimit limit;
    (void)pthread_mutex_lock(&process_lock);
    route_lws_log();
    bool is_lowered = lower_descriptor_limit(&limit);
    *descriptors = getdtablesize();
    bool is_saved = sigaction(SIGPIPE, NULL, &sigpipe) == 0;
    struct lws_context *context =
        has_room(info.pt_serv_buf_size, *descriptors) ? lws_create_context(&info) : NULL;
    if (context != NULL && !is_usable(uv)) {
        context = NULL;
    }
    *pipe = context != NULL ? find_pipe(uv) : NULL;
    if (is_saved) {
        (void)sigaction(SIGPIPE, &sigpipe, NULL);
    }
    if (is_lowered) {
        (void)setrlimit(RLIMIT_NOFILE, &limit);
    }
    (void)pthread_mutex_unlock(&process_lock);
    return context;
}

/* libwebsockets exports it for its plugins; it gives back what they have allocated. */
__attribute__((weak)) void *lws_realloc(void *pointer, size_t size, const char *reason);

static void free_watcher(uv_handle_t *watcher)
{
    if (lws_realloc != NULL) {
        (void)lws_realloc(watcher, 0, "gdws");
    }
}

typedef struct search {
    const struct lws *wsi;
    uv_handle_t *watcher;
} search;

static void note_watcher(uv_handle_t *handle, void *user)
{
    search *wanted = user;
    if (handle->type == UV_POLL && handle->data == wanted->wsi && !uv_is_closing(handle)) {
        wanted->watcher = handle;
    }
}

void gdwsi_context_forget(uv_loop_t *uv, const struct lws *wsi)
{
    search wanted = {.wsi = wsi};
    uv_walk(uv, note_watcher, &wanted);
    if (wanted.watcher != NULL) {
        uv_close(wanted.watcher, free_watcher);
    }
}

void gdwsi_context_destroy(struct lws_context *context, int **pipe)
{
    (void)pthread_mutex_lock(&process_lock);
    lws_context_destroy(context);
    if (*pipe != NULL) {
        **pipe = -1;
        *pipe = NULL;
    }
    (void)pthread_mutex_unlock(&process_lock);
}
