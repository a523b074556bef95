/* SPDX-License-Identifier: MIT */
/* Making and destroying libwebsockets' context. Both touch what the process has only once: the
 * handler of SIGPIPE, the limit on descriptors, libwebsockets' own variables. Invariant: one thread
 * at a time does, and leaves all that as it was. */
#include "context.h"

#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <fcntl.h>
#include <linux/kcmp.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#include <libwebsockets.h>

#include "log.h"
#include "mem.h"

/* What a new loop opens: libuv's epoll set, its ring (since 1.45), its pipes (one of them for the
 * whole process) and its eventfd; libwebsockets' /dev/urandom, its eventfd, and a netlink socket
 * (since 4.2). */
#define DESCRIPTORS_NEEDED 10

/* The first version that does not close its pipe at all. */
#define PIPE_NOT_CLOSED 4003004

#if LWS_LIBRARY_VERSION_NUMBER < PIPE_NOT_CLOSED
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
static bool has_descriptors(void)
{
    int tried[DESCRIPTORS_NEEDED];
    int count = 0;
    do {
        tried[count] = open("/dev/urandom", O_RDONLY | O_CLOEXEC);
        count++;
    } while (count < DESCRIPTORS_NEEDED && tried[count - 1] >= 0);
    bool has_all = tried[count - 1] >= 0;
    for (int i = 0; i < count; i++) {
        if (tried[i] >= 0) {
            (void)close(tried[i]);
        }
    }
    return has_all;
}

/* libuv up to 1.48 leaves its epoll set open where it fails. */
int gdwsi_context_init_uv(uv_loop_t *uv)
{
    uv->backend_fd = -1;
    int error = has_descriptors() ? uv_loop_init(uv) : UV_EMFILE;
    if (error != 0 && uv_backend_fd(uv) >= 0) {
        (void)close(uv_backend_fd(uv));
    }
    return error;
}

/* Before 4.3.4 libwebsockets closes the descriptor of its own wakeup twice (its issue 2873): when
 * the context goes, and again when libuv has closed the handle. In between, another thread of the
 * program may have opened something that has been given the same number, and would lose it. So the
 * wsi must forget the number in between. Its place is not public: it is the one whose change
 * lws_get_socket_fd sees. Since 4.3.4 nobody closes the descriptor, so we do, if it is still the
 * one that it was. */

static void note_poll(uv_handle_t *handle, void *user)
{
    uv_handle_t **found = user;
    *found = handle->type == UV_POLL ? handle : *found;
}

/* The pipe is the only thing that a new context polls, beside a netlink socket since 4.2. */
static void note_eventfd(uv_handle_t *handle, void *user)
{
    uv_handle_t **found = user;
    int descriptor = -1;
    int type = 0;
    socklen_t size = sizeof(type);
    if (handle->type == UV_POLL && uv_fileno(handle, &descriptor) == 0 &&
        getsockopt(descriptor, SOL_SOCKET, SO_TYPE, &type, &size) != 0) {
        *found = handle;
    }
}

#if LWS_LIBRARY_VERSION_NUMBER < PIPE_NOT_CLOSED

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

static void note_pipe(gdwsi_context_pipe *pipe, struct lws *wsi, int descriptor)
{
    int *place = (int *)(void *)wsi;
    int *end = place + malloc_usable_size(wsi) / sizeof(*place);
    while (place < end && !is_place(place, wsi, descriptor)) {
        place++;
    }
    pipe->place = place < end ? place : NULL;
}

#else

static void note_pipe(gdwsi_context_pipe *pipe, struct lws *wsi, int descriptor)
{
    (void)wsi;
    pipe->descriptor = descriptor;
}

#endif

static void find_pipe(uv_loop_t *uv, gdwsi_context_pipe *pipe)
{
    uv_handle_t *found = NULL;
    int descriptor = -1;
    uv_walk(uv, note_eventfd, &found);
    if (found != NULL && uv_fileno(found, &descriptor) == 0) {
        note_pipe(pipe, found->data, descriptor);
    }
}

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
    uv_handle_t *found = NULL;
    uv_walk(uv, note_poll, &found);
    return found != NULL;
}

struct lws_context *gdwsi_context_new(uv_loop_t *uv, size_t read_bytes, gdwsi_context_pipe *pipe,
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
    *pipe = (gdwsi_context_pipe){.descriptor = -1, .twin = -1};
    if (context != NULL) {
        find_pipe(uv, pipe);
    }
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

static int compare_addresses(const void *one, const void *other)
{
    const struct lws *const *first = one;
    const struct lws *const *second = other;
    return ((uintptr_t)*first > (uintptr_t)*second) - ((uintptr_t)*first < (uintptr_t)*second);
}

typedef struct search {
    const gdwsi_context_lost *lost; /* in order */
    const struct lws *living;
} search;

static void close_if_lost(uv_handle_t *handle, void *user)
{
    const search *wanted = user;
    const struct lws *wsi = handle->data;
    if (handle->type != UV_POLL || uv_is_closing(handle) ||
        bsearch(&wsi, wanted->lost->wsis, wanted->lost->count, sizeof(wsi), compare_addresses) ==
            NULL) {
        return;
    }
    /* libwebsockets has stopped the one that it has forgotten before it freed the wsi. */
    if (wsi != wanted->living || !uv_is_active(handle)) {
        uv_close(handle, free_watcher);
    }
}

static void close_lost(uv_loop_t *uv, gdwsi_context_lost *lost, const struct lws *living)
{
    search wanted = {.lost = lost, .living = living};
    qsort(lost->wsis, lost->count, sizeof(lost->wsis[0]), compare_addresses);
    uv_walk(uv, close_if_lost, &wanted);
    lost->count = 0;
}

/* One address often comes again and again: where the system refuses at once, the next wsi is made
 * where the last one was. */
void gdwsi_context_note_lost(uv_loop_t *uv, gdwsi_context_lost *lost, const struct lws *wsi)
{
    if (lost->count > 0 && lost->wsis[lost->count - 1] == wsi) {
        return;
    }
    if (lost->count == GDWSI_CONTEXT_LOST_MAX) {
        close_lost(uv, lost, NULL);
    }
    lost->wsis[lost->count] = wsi;
    lost->count++;
}

void gdwsi_context_note_new(uv_loop_t *uv, gdwsi_context_lost *lost, const struct lws *wsi)
{
    if (lost->count > 1 || (lost->count == 1 && lost->wsis[0] == wsi)) {
        close_lost(uv, lost, wsi);
    }
}

bool gdwsi_context_sweep(uv_loop_t *uv, gdwsi_context_lost *lost)
{
    bool is_needed = lost->count > 0;
    if (is_needed) {
        close_lost(uv, lost, NULL);
    }
    return is_needed;
}

void gdwsi_context_destroy(struct lws_context *context, gdwsi_context_pipe *pipe)
{
    (void)pthread_mutex_lock(&process_lock);
    if (pipe->descriptor >= 0 && pipe->twin < 0) {
        pipe->twin = fcntl(pipe->descriptor, F_DUPFD_CLOEXEC, 0);
    }
    lws_context_destroy(context);
    if (pipe->place != NULL) {
        *pipe->place = -1;
        pipe->place = NULL;
    }
    (void)pthread_mutex_unlock(&process_lock);
}

/* The number may be another file's by now, where a later libwebsockets closes it. */
void gdwsi_context_bury(gdwsi_context_pipe *pipe)
{
    pid_t self = getpid();
    if (pipe->twin < 0) {
        return;
    }
    if (syscall(SYS_kcmp, self, self, KCMP_FILE, pipe->descriptor, pipe->twin) == 0) {
        (void)close(pipe->descriptor);
    }
    (void)close(pipe->twin);
    *pipe = (gdwsi_context_pipe){.descriptor = -1, .twin = -1};
}
