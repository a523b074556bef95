/* SPDX-License-Identifier: MIT */
/* The shim. Each function here stands before the system's and rolls the dice first. Invariants: an
 * error that ends a connection does end it, for both sides: the socket is shut down and stays
 * dead; an error that leaves it alone moves no byte; only descriptors that were seen being made as
 * sockets or events are touched; errno is what the manual page lists.
 *
 * What libuv 1.44 and libwebsockets 4.1 cannot bear stays out of the dice:
 * - epoll_ctl: libuv asks with a trial ADD (data.fd is -1) whether a descriptor can be watched, and
 *   takes no for an answer; the later ADD and MOD it takes for granted, and aborts. So a descriptor
 *   gets its error at the trial, and keeps it. libwebsockets does not look at the answer, and uses
 * a handle that was never made; gdws tries first for what it hands over. Sockets that libwebsockets
 *   makes itself, for clients, cannot be tried: they are left out.
 * - epoll_wait other than EINTR, read and write of libuv's eventfd other than EINTR and EAGAIN:
 *   libuv aborts.
 * - eventfd_read, eventfd_write of libwebsockets' wakeup: on an error it closes its wakeup for
 *   good. Neither can fail: its counter never runs full, and nobody else reads it.
 * - pipe2 for the first loop of a process, and pthread_create for the first lookup: libuv aborts.
 *   For the pipe gdws tries first whether there are descriptors.
 * - eventfd in libwebsockets: it makes a context that can be neither woken nor destroyed; and open
 *   of /dev/urandom there: it crashes. gdws has tried both first.
 * - the first send of a client on libwebsockets' ws role (our fallback): it takes it for granted
 * that the request goes out whole. A new socket has room for it.
 * - poll other than EINTR, fcntl other than F_DUPFD, ioctl: they have no such errors for a valid
 *   descriptor. */
#include "shim.h"

#include <dlfcn.h>
#include <errno.h>
#include <netdb.h>
#include <poll.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <fcntl.h>
#include <netinet/in.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>

/* glibc declares them with a union of all addresses. */
#pragma GCC diagnostic ignored "-Wpedantic"

#define SHIM __attribute__((visibility("default")))
#define DESCRIPTORS 4096

/* Deeds of a fault: errno itself, or one of these. */
enum { NOTHING = 0, SHORT = -1 };

typedef enum descriptor_kind { KIND_OTHER, KIND_SOCKET, KIND_EVENT } descriptor_kind;

typedef enum function {
    SEND,
    SENDMSG,
    RECV,
    READ,
    WRITE,
    ACCEPT4,
    CONNECT,
    SOCKET,
    BIND,
    LISTEN,
    SETSOCKOPT,
    GETSOCKOPT,
    EPOLL_CREATE1,
    EPOLL_CTL,
    EPOLL_WAIT,
    POLL,
    EVENTFD,
    PIPE2,
    DUPFD,
    CLOSE,
    GETADDRINFO,
    GETENTROPY,
    OPEN,
    FUNCTIONS
} function;

/* The errors of each, with 0 behind the last; which of them end the connection says is_fatal. */
typedef struct face {
    const char *name;
    bool can_interrupt;
    bool can_postpone;
    bool can_shorten;
    int errors[8];
} face;

static const face faces[FUNCTIONS] = {
    [SEND] = {"send", true, true, true, {ECONNRESET, EPIPE, ETIMEDOUT, ENOBUFS, ENOMEM}},
    [SENDMSG] = {"sendmsg", true, true, true, {ECONNRESET, EPIPE, ETIMEDOUT, ENOBUFS, ENOMEM}},
    [RECV] = {"recv", true, true, true, {ECONNRESET, ETIMEDOUT, EHOSTUNREACH, ENOMEM}},
    [READ] = {"read", true, false, false, {0}},
    [WRITE] = {"write", true, false, false, {0}},
    [ACCEPT4] =
        {"accept4", true, true, false, {EMFILE, ENFILE, ENOBUFS, ENOMEM, ECONNABORTED, EPROTO}},
    /* libwebsockets gives a connection up that was interrupted; one that is not to block is not. */
    [CONNECT] = {"connect",
                 false,
                 false,
                 false,
                 {ECONNREFUSED, ENETUNREACH, EADDRNOTAVAIL, ETIMEDOUT, EACCES, EAGAIN, EINTR}},
    [SOCKET] = {"socket", false, false, false, {EMFILE, ENFILE, ENOBUFS, ENOMEM}},
    [BIND] = {"bind", false, false, false, {EADDRINUSE, EACCES, EADDRNOTAVAIL}},
    [LISTEN] = {"listen", false, false, false, {EADDRINUSE}},
    [SETSOCKOPT] = {"setsockopt", false, false, false, {ENOBUFS, ENOMEM, ENOPROTOOPT}},
    [GETSOCKOPT] = {"getsockopt", false, false, false, {ECONNREFUSED, ETIMEDOUT, EHOSTUNREACH}},
    [EPOLL_CREATE1] = {"epoll_create1", false, false, false, {EMFILE, ENFILE, ENOMEM}},
    [EPOLL_CTL] = {"epoll_ctl", false, false, false, {ENOSPC, ENOMEM}},
    [EPOLL_WAIT] = {"epoll_wait", true, false, true, {0}},
    [POLL] = {"poll", true, false, false, {0}},
    [EVENTFD] = {"eventfd", false, false, false, {EMFILE, ENFILE, ENOMEM}},
    [PIPE2] = {"pipe2", false, false, false, {EMFILE, ENFILE}},
    [DUPFD] = {"fcntl(F_DUPFD)", false, false, false, {EMFILE}},
    [CLOSE] = {"close", true, false, false, {0}},
    [GETADDRINFO] = {"getaddrinfo", false, false, false, {EMFILE}},
    [GETENTROPY] = {"getentropy", false, false, false, {EIO, ENOSYS}},
    [OPEN] = {"open(/dev/urandom)", false, false, false, {EMFILE, ENFILE, ENOENT}},
};

/* What getaddrinfo says; EAI_SYSTEM leaves the error above in errno. */
static const int lookup_errors[] = {EAI_AGAIN, EAI_FAIL, EAI_NONAME, EAI_MEMORY, EAI_SYSTEM};

typedef struct dice {
    uint64_t seed;
    uint32_t failed;
    uint32_t interrupted;
    uint32_t postponed;
    uint32_t shortened;
    bool is_in[FUNCTIONS];
    bool is_randomless;
} dice;

static dice rolled;
static atomic_bool is_armed;
static int log_descriptor = -1;
static _Thread_local int paused;
static atomic_uint_fast64_t calls[FUNCTIONS];
static atomic_uint_fast64_t injected[FUNCTIONS][FAULTS_KINDS];
static unsigned char kinds[DESCRIPTORS];
static unsigned char deaths[DESCRIPTORS];       /* it is dead */
static unsigned char unwatchables[DESCRIPTORS]; /* an errno: it cannot be watched; 255: it can */
static unsigned char has_sent[DESCRIPTORS];
static unsigned char is_own[DESCRIPTORS]; /* made here, and does not listen: a client's */

/* The system's own */

#define REAL(type, name, ...)                                                                      \
    static type (*real_##name)(__VA_ARGS__);                                                       \
    static void find_##name(void)                                                                  \
    {                                                                                              \
        if (real_##name == NULL) {                                                                 \
            void *symbol = dlsym(RTLD_NEXT, #name);                                                \
            memcpy(&real_##name, &symbol, sizeof(symbol));                                         \
        }                                                                                          \
    }

REAL(ssize_t, send, int, const void *, size_t, int)
REAL(ssize_t, sendto, int, const void *, size_t, int, const struct sockaddr *, socklen_t)
REAL(ssize_t, sendmsg, int, const struct msghdr *, int)
REAL(ssize_t, recv, int, void *, size_t, int)
REAL(ssize_t, recvfrom, int, void *, size_t, int, struct sockaddr *, socklen_t *)
REAL(ssize_t, recvmsg, int, struct msghdr *, int)
REAL(ssize_t, read, int, void *, size_t)
REAL(ssize_t, readv, int, const struct iovec *, int)
REAL(ssize_t, write, int, const void *, size_t)
REAL(ssize_t, writev, int, const struct iovec *, int)
REAL(int, accept4, int, struct sockaddr *, socklen_t *, int)
REAL(int, connect, int, const struct sockaddr *, socklen_t)
REAL(int, socket, int, int, int)
REAL(int, socketpair, int, int, int, int *)
REAL(int, bind, int, const struct sockaddr *, socklen_t)
REAL(int, listen, int, int)
REAL(int, setsockopt, int, int, int, const void *, socklen_t)
REAL(int, getsockopt, int, int, int, void *, socklen_t *)
REAL(int, epoll_create1, int)
REAL(int, epoll_ctl, int, int, int, struct epoll_event *)
REAL(int, epoll_wait, int, struct epoll_event *, int, int)
REAL(int, epoll_pwait, int, struct epoll_event *, int, int, const sigset_t *)
REAL(int, poll, struct pollfd *, nfds_t, int)
REAL(int, eventfd, unsigned, int)
REAL(int, pipe2, int *, int)
REAL(int, fcntl, int, int, ...)
REAL(int, close, int)
REAL(int, getaddrinfo, const char *, const char *, const struct addrinfo *, struct addrinfo **)
REAL(int, getentropy, void *, size_t)
REAL(ssize_t, getrandom, void *, size_t, unsigned)
REAL(int, open, const char *, int, ...)
REAL(int, open64, const char *, int, ...)

/* The dice */

static uint64_t mix(uint64_t number)
{
    number += UINT64_C(0x9e3779b97f4a7c15);
    number = (number ^ (number >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    number = (number ^ (number >> 27)) * UINT64_C(0x94d049bb133111eb);
    return number ^ (number >> 31);
}

static uint32_t ask(const char *name)
{
    const char *value = getenv(name);
    return value != NULL ? (uint32_t)strtoul(value, NULL, 10) : 0;
}

static bool is_listed(const char *list, const char *name)
{
    size_t length = strlen(name);
    while (list != NULL && *list != '\0') {
        size_t word = strcspn(list, ",");
        if (word == length && strncmp(list, name, length) == 0) {
            return true;
        }
        list += word;
        list += *list == ',' ? 1 : 0;
    }
    return false;
}

void faults_arm(int log)
{
    const char *only = getenv("FAULTS_ONLY");
    const char *seed = getenv("FAULTS_SEED");
    rolled = (dice){.seed = seed != NULL ? strtoull(seed, NULL, 10) : 0,
                    .failed = ask("FAULTS_FAILED"),
                    .interrupted = ask("FAULTS_INTERRUPTED"),
                    .postponed = ask("FAULTS_POSTPONED"),
                    .shortened = ask("FAULTS_SHORTENED"),
                    .is_randomless = ask("FAULTS_RANDOMLESS") != 0};
    for (int i = 0; i < FUNCTIONS; i++) {
        rolled.is_in[i] = only == NULL || *only == '\0' || is_listed(only, faces[i].name);
    }
    log_descriptor = log;
    atomic_store(&is_armed, true);
}

void faults_disarm(void)
{
    atomic_store(&is_armed, false);
}

void faults_pause(void)
{
    paused++;
}

void faults_resume(void)
{
    paused--;
}

/* Errors of a function, those that all share first. */
static int error_of(function which, int kind)
{
    switch (kind) {
    case 0:
        return 0;
    case 1:
        return EINTR;
    case 2:
        return EAGAIN;
    default:
        return which == GETADDRINFO ? 0 : faces[which].errors[kind - 3];
    }
}

void faults_list(faults_count rows[FAULTS_FUNCTIONS])
{
    memset(rows, 0, sizeof(*rows) * FAULTS_FUNCTIONS);
    for (int i = 0; i < FUNCTIONS; i++) {
        rows[i].function = faces[i].name;
        rows[i].calls = atomic_load(&calls[i]);
        for (int kind = 0; kind < FAULTS_KINDS; kind++) {
            bool is_known = kind < 3 + 8;
            rows[i].errors[kind] = is_known ? error_of((function)i, kind) : 0;
            rows[i].injected[kind] = atomic_load(&injected[i][kind]);
            if (i == GETADDRINFO && kind >= 3 && kind < 8) {
                rows[i].errors[kind] = lookup_errors[kind - 3];
            }
        }
    }
}

static void tell(function which, int descriptor, const char *deed)
{
    char line[128];
    int length = snprintf(line, sizeof(line), "    shim: call %llu of %s, descriptor %d: %s\n",
                          (unsigned long long)atomic_load(&calls[which]), faces[which].name,
                          descriptor, deed);
    if (log_descriptor >= 0) {
        (void)syscall(SYS_write, log_descriptor, line, (size_t)length);
    }
}

static int note(function which, int kind, int descriptor, const char *deed)
{
    (void)atomic_fetch_add(&injected[which][kind], 1);
    tell(which, descriptor, deed);
    return kind;
}

static int count_errors(function which)
{
    int count = 0;
    while (count < 8 && faces[which].errors[count] != 0) {
        count++;
    }
    return which == GETADDRINFO ? (int)(sizeof(lookup_errors) / sizeof(*lookup_errors)) : count;
}

static bool is_on(function which)
{
    return atomic_load_explicit(&is_armed, memory_order_relaxed) && paused == 0 &&
           rolled.is_in[which];
}

/* Roll for one call. Returns NOTHING, SHORT, or the kind of the error: see error_of. */
static int roll(function which, int descriptor, uint32_t *extra)
{
    if (!is_on(which)) {
        return NOTHING;
    }
    uint64_t call = atomic_fetch_add(&calls[which], 1);
    uint64_t throw = mix(rolled.seed ^ mix((uint64_t)which << 40 ^ call));
    uint32_t point = (uint32_t)(throw % 10000);
    const face *own = &faces[which];
    int errors = count_errors(which);
    *extra = (uint32_t)(throw >> 32);
    if (own->can_interrupt && point < rolled.interrupted) {
        return note(which, 1, descriptor, "EINTR");
    }
    point -= own->can_interrupt ? rolled.interrupted : 0;
    if (own->can_postpone && point < rolled.postponed) {
        return note(which, 2, descriptor, "EAGAIN");
    }
    point -= own->can_postpone ? rolled.postponed : 0;
    if (own->can_shorten && point < rolled.shortened) {
        return SHORT;
    }
    point -= own->can_shorten ? rolled.shortened : 0;
    if (errors > 0 && point < rolled.failed) {
        int kind = 3 + (int)(*extra % (uint32_t)errors);
        const char *name = which == GETADDRINFO ? gai_strerror(lookup_errors[kind - 3])
                                                : strerrorname_np(error_of(which, kind));
        return note(which, kind, descriptor, name);
    }
    return NOTHING;
}

/* Roll where a call can only fail. Returns whether it has, with errno set. */
static bool fails(function which, int descriptor)
{
    uint32_t extra;
    int kind = roll(which, descriptor, &extra);
    if (kind != NOTHING) {
        errno = error_of(which, kind);
    }
    return kind != NOTHING;
}

/* Descriptors */

static bool is_libwebsockets(const void *caller)
{
    Dl_info found;
    return dladdr(caller, &found) != 0 && found.dli_fname != NULL &&
           strstr(found.dli_fname, "libwebsockets") != NULL;
}

static bool is_tracked(int descriptor)
{
    return descriptor >= 0 && descriptor < DESCRIPTORS;
}

static int remember(int descriptor, descriptor_kind kind)
{
    if (is_tracked(descriptor)) {
        kinds[descriptor] = (unsigned char)kind;
        deaths[descriptor] = 0;
        unwatchables[descriptor] = 0;
        is_own[descriptor] = 0;
        has_sent[descriptor] = 0;
    }
    return descriptor;
}

static bool is_kind(int descriptor, descriptor_kind kind)
{
    return is_tracked(descriptor) && kinds[descriptor] == kind;
}

static bool is_dead(int descriptor)
{
    return is_tracked(descriptor) && deaths[descriptor] != 0;
}

/* A connection has broken: the other side hears of it, too. */
static void kill_socket(int descriptor)
{
    if (is_tracked(descriptor)) {
        deaths[descriptor] = 1;
    }
    (void)shutdown(descriptor, SHUT_RDWR);
}

static bool is_fatal(int error)
{
    return error == ECONNRESET || error == EPIPE || error == ETIMEDOUT || error == EHOSTUNREACH;
}

/* Moving bytes: roll, and do what only sets errno. Returns -1 for an error, otherwise how many
 * bytes may go, at most length. */
static ssize_t may_move(function which, int descriptor, size_t length)
{
    uint32_t extra = 0;
    int kind = roll(which, descriptor, &extra);
    if (kind == SHORT && length > 1) {
        (void)note(which, 0, descriptor, "short");
        /* Single bytes often, anything otherwise. */
        return extra % 4 == 0 ? 1 : 1 + (ssize_t)(extra % (length - 1));
    }
    if (kind == SHORT || kind == NOTHING) {
        return (ssize_t)length;
    }
    errno = error_of(which, kind);
    if (is_fatal(errno)) {
        int error = errno;
        kill_socket(descriptor);
        errno = error;
    }
    return -1;
}

static ssize_t end_of_dead(bool is_reading)
{
    errno = EPIPE;
    return is_reading ? 0 : -1;
}

SHIM ssize_t send(int descriptor, const void *bytes, size_t length, int flags)
{
    find_send();
    if (!is_kind(descriptor, KIND_SOCKET)) {
        return real_send(descriptor, bytes, length, flags);
    }
    if (is_dead(descriptor)) {
        return end_of_dead(false);
    }
    bool is_spared = has_sent[descriptor] == 0 && is_own[descriptor] != 0 &&
                     is_libwebsockets(__builtin_return_address(0));
    has_sent[descriptor] = 1;
    ssize_t part = is_spared ? (ssize_t)length : may_move(SEND, descriptor, length);
    return part < 0 ? -1 : real_send(descriptor, bytes, (size_t)part, flags);
}

SHIM ssize_t sendto(int descriptor, const void *bytes, size_t length, int flags,
                    const struct sockaddr *to, socklen_t size)
{
    find_sendto();
    return to == NULL ? send(descriptor, bytes, length, flags)
                      : real_sendto(descriptor, bytes, length, flags, to, size);
}

/* As much of the parts as may go. */
static int cut_parts(const struct iovec *parts, size_t count, size_t length, struct iovec *cut)
{
    int used = 0;
    for (size_t i = 0; i < count && i < 16 && length > 0; i++) {
        cut[i] = parts[i];
        cut[i].iov_len = parts[i].iov_len < length ? parts[i].iov_len : length;
        length -= cut[i].iov_len;
        used++;
    }
    return used;
}

static size_t sum_parts(const struct iovec *parts, size_t count)
{
    size_t length = 0;
    for (size_t i = 0; i < count; i++) {
        length += parts[i].iov_len;
    }
    return length;
}

SHIM ssize_t sendmsg(int descriptor, const struct msghdr *message, int flags)
{
    struct iovec cut[16];
    struct msghdr copy = *message;
    find_sendmsg();
    if (!is_kind(descriptor, KIND_SOCKET) || message->msg_iovlen > 16) {
        return real_sendmsg(descriptor, message, flags);
    }
    if (is_dead(descriptor)) {
        return end_of_dead(false);
    }
    ssize_t part = may_move(SENDMSG, descriptor, sum_parts(message->msg_iov, message->msg_iovlen));
    if (part < 0) {
        return -1;
    }
    copy.msg_iovlen = (size_t)cut_parts(message->msg_iov, message->msg_iovlen, (size_t)part, cut);
    copy.msg_iov = cut;
    return real_sendmsg(descriptor, &copy, flags);
}

SHIM ssize_t recv(int descriptor, void *bytes, size_t length, int flags)
{
    find_recv();
    if (!is_kind(descriptor, KIND_SOCKET)) {
        return real_recv(descriptor, bytes, length, flags);
    }
    if (is_dead(descriptor)) {
        return end_of_dead(true);
    }
    ssize_t part = may_move(RECV, descriptor, length);
    return part < 0 ? -1 : real_recv(descriptor, bytes, (size_t)part, flags);
}

SHIM ssize_t recvfrom(int descriptor, void *bytes, size_t length, int flags, struct sockaddr *from,
                      socklen_t *size)
{
    find_recvfrom();
    return from == NULL ? recv(descriptor, bytes, length, flags)
                        : real_recvfrom(descriptor, bytes, length, flags, from, size);
}

SHIM ssize_t recvmsg(int descriptor, struct msghdr *message, int flags)
{
    find_recvmsg();
    if (is_kind(descriptor, KIND_SOCKET) && is_dead(descriptor)) {
        return end_of_dead(true);
    }
    if (is_kind(descriptor, KIND_SOCKET) && may_move(RECV, descriptor, 1) < 0) {
        return -1;
    }
    return real_recvmsg(descriptor, message, flags);
}

SHIM ssize_t read(int descriptor, void *bytes, size_t length)
{
    find_read();
    if (is_kind(descriptor, KIND_SOCKET)) {
        return recv(descriptor, bytes, length, 0);
    }
    if (is_kind(descriptor, KIND_EVENT) && fails(READ, descriptor)) {
        return -1;
    }
    return real_read(descriptor, bytes, length);
}

SHIM ssize_t readv(int descriptor, const struct iovec *parts, int count)
{
    struct msghdr message = {.msg_iovlen = (size_t)count};
    find_readv();
    if (!is_kind(descriptor, KIND_SOCKET)) {
        return real_readv(descriptor, parts, count);
    }
    memcpy(&message.msg_iov, &parts, sizeof(parts));
    return recvmsg(descriptor, &message, 0);
}

SHIM ssize_t write(int descriptor, const void *bytes, size_t length)
{
    find_write();
    if (is_kind(descriptor, KIND_SOCKET)) {
        return send(descriptor, bytes, length, 0);
    }
    if (is_kind(descriptor, KIND_EVENT) && fails(WRITE, descriptor)) {
        return -1;
    }
    return real_write(descriptor, bytes, length);
}

SHIM ssize_t writev(int descriptor, const struct iovec *parts, int count)
{
    struct msghdr message = {.msg_iovlen = (size_t)count};
    find_writev();
    if (!is_kind(descriptor, KIND_SOCKET)) {
        return real_writev(descriptor, parts, count);
    }
    memcpy(&message.msg_iov, &parts, sizeof(parts));
    return sendmsg(descriptor, &message, 0);
}

/* Making connections */

SHIM int accept4(int descriptor, struct sockaddr *address, socklen_t *length, int flags)
{
    find_accept4();
    if (fails(ACCEPT4, descriptor)) {
        int error = errno;
        if (error == ECONNABORTED || error == EPROTO) {
            /* The connection was in the queue, and is not any more. */
            find_close();
            int gone = real_accept4(descriptor, NULL, NULL, flags);
            if (gone >= 0) {
                (void)real_close(gone);
            }
        }
        errno = error;
        return -1;
    }
    return remember(real_accept4(descriptor, address, length, flags), KIND_SOCKET);
}

SHIM int accept(int descriptor, struct sockaddr *address, socklen_t *length)
{
    return accept4(descriptor, address, length, 0);
}

SHIM int connect(int descriptor, const struct sockaddr *address, socklen_t length)
{
    find_connect();
    if (is_kind(descriptor, KIND_SOCKET) && fails(CONNECT, descriptor)) {
        if (errno == EINTR) {
            /* It goes on in the background, as the manual page says. */
            (void)real_connect(descriptor, address, length);
            errno = EINTR;
        }
        return -1;
    }
    return real_connect(descriptor, address, length);
}

SHIM int socket(int domain, int type, int protocol)
{
    find_socket();
    bool is_stream = (type & 0xf) == SOCK_STREAM && domain != AF_NETLINK;
    if (is_stream && fails(SOCKET, -1)) {
        return -1;
    }
    int made = remember(real_socket(domain, type, protocol), is_stream ? KIND_SOCKET : KIND_OTHER);
    if (is_tracked(made)) {
        is_own[made] = 1;
    }
    return made;
}

SHIM int socketpair(int domain, int type, int protocol, int pair[2])
{
    find_socketpair();
    int result = real_socketpair(domain, type, protocol, pair);
    if (result == 0) {
        (void)remember(pair[0], KIND_SOCKET);
        (void)remember(pair[1], KIND_SOCKET);
    }
    return result;
}

SHIM int bind(int descriptor, const struct sockaddr *address, socklen_t length)
{
    find_bind();
    return fails(BIND, descriptor) ? -1 : real_bind(descriptor, address, length);
}

SHIM int listen(int descriptor, int backlog)
{
    find_listen();
    if (fails(LISTEN, descriptor)) {
        return -1;
    }
    if (is_tracked(descriptor)) {
        is_own[descriptor] = 0;
    }
    return real_listen(descriptor, backlog);
}

SHIM int setsockopt(int descriptor, int level, int name, const void *value, socklen_t length)
{
    find_setsockopt();
    return fails(SETSOCKOPT, descriptor) ? -1
                                         : real_setsockopt(descriptor, level, name, value, length);
}

/* How a connection that was begun ended: as an answer, not as an error. */
SHIM int getsockopt(int descriptor, int level, int name, void *value, socklen_t *length)
{
    find_getsockopt();
    int result = real_getsockopt(descriptor, level, name, value, length);
    int error = errno;
    if (result == 0 && level == SOL_SOCKET && name == SO_ERROR && fails(GETSOCKOPT, descriptor)) {
        memcpy(value, &errno, sizeof(errno));
        kill_socket(descriptor);
    }
    errno = error;
    return result;
}

/* Waiting */

SHIM int epoll_create1(int flags)
{
    find_epoll_create1();
    return fails(EPOLL_CREATE1, -1) ? -1 : real_epoll_create1(flags);
}

SHIM int epoll_ctl(int set, int operation, int descriptor, struct epoll_event *event)
{
    find_epoll_ctl();
    bool is_trial = operation == EPOLL_CTL_ADD && event != NULL && event->data.fd == -1 &&
                    is_kind(descriptor, KIND_SOCKET) && is_own[descriptor] == 0;
    if (is_trial && unwatchables[descriptor] == 0 && is_on(EPOLL_CTL)) {
        unwatchables[descriptor] =
            fails(EPOLL_CTL, descriptor) ? (unsigned char)errno : (unsigned char)255;
    }
    if (is_trial && unwatchables[descriptor] != 0 && unwatchables[descriptor] != 255) {
        errno = unwatchables[descriptor];
        return -1;
    }
    return real_epoll_ctl(set, operation, descriptor, event);
}

/* Returns how many events may come, -1 for an error. */
static int may_wait(int set, int most)
{
    uint32_t extra = 0;
    int kind = roll(EPOLL_WAIT, set, &extra);
    if (kind == SHORT) {
        (void)note(EPOLL_WAIT, 0, set, "one event at most");
        return 1;
    }
    if (kind != NOTHING) {
        errno = error_of(EPOLL_WAIT, kind);
        return -1;
    }
    return most;
}

SHIM int epoll_wait(int set, struct epoll_event *events, int most, int timeout)
{
    find_epoll_wait();
    most = may_wait(set, most);
    return most < 0 ? -1 : real_epoll_wait(set, events, most, timeout);
}

SHIM int epoll_pwait(int set, struct epoll_event *events, int most, int timeout,
                     const sigset_t *mask)
{
    find_epoll_pwait();
    most = may_wait(set, most);
    return most < 0 ? -1 : real_epoll_pwait(set, events, most, timeout, mask);
}

SHIM int poll(struct pollfd *descriptors, nfds_t count, int timeout)
{
    find_poll();
    return fails(POLL, count > 0 ? descriptors[0].fd : -1) ? -1
                                                           : real_poll(descriptors, count, timeout);
}

SHIM int eventfd(unsigned first, int flags)
{
    find_eventfd();
    bool is_spared = is_libwebsockets(__builtin_return_address(0));
    return !is_spared && fails(EVENTFD, -1) ? -1 : remember(real_eventfd(first, flags), KIND_EVENT);
}

SHIM int pipe2(int pair[2], int flags)
{
    find_pipe2();
    return fails(PIPE2, -1) ? -1 : real_pipe2(pair, flags);
}

static bool is_duplication(int command)
{
    return command == F_DUPFD || command == F_DUPFD_CLOEXEC;
}

static int remember_copy(int descriptor, int copy)
{
    return remember(copy, is_tracked(descriptor) ? (descriptor_kind)kinds[descriptor] : KIND_OTHER);
}

SHIM int fcntl(int descriptor, int command, ...)
{
    va_list arguments;
    va_start(arguments, command);
    void *argument = va_arg(arguments, void *);
    va_end(arguments);
    find_fcntl();
    if (is_duplication(command) && fails(DUPFD, descriptor)) {
        return -1;
    }
    int result = real_fcntl(descriptor, command, argument);
    return is_duplication(command) ? remember_copy(descriptor, result) : result;
}

SHIM int fcntl64(int descriptor, int command, ...)
{
    va_list arguments;
    va_start(arguments, command);
    void *argument = va_arg(arguments, void *);
    va_end(arguments);
    return fcntl(descriptor, command, argument);
}

/* EINTR here says that it is closed (close(2), notes). */
SHIM int close(int descriptor)
{
    find_close();
    if (is_kind(descriptor, KIND_OTHER)) {
        return real_close(descriptor);
    }
    bool is_interrupted = fails(CLOSE, descriptor);
    (void)remember(descriptor, KIND_OTHER);
    int result = real_close(descriptor);
    if (is_interrupted && result == 0) {
        errno = EINTR;
        return -1;
    }
    return result;
}

/* Names and randomness */

SHIM int getaddrinfo(const char *name, const char *service, const struct addrinfo *hints,
                     struct addrinfo **result)
{
    uint32_t extra = 0;
    find_getaddrinfo();
    int kind = roll(GETADDRINFO, -1, &extra);
    if (kind == NOTHING) {
        return real_getaddrinfo(name, service, hints, result);
    }
    errno = EMFILE;
    return lookup_errors[kind - 3];
}

static bool lacks_random(function which)
{
    if (is_on(which) && rolled.is_randomless) {
        errno = EIO;
        (void)atomic_fetch_add(&calls[which], 1);
        (void)note(which, 3, -1, "no random bytes");
        return true;
    }
    return fails(which, -1);
}

SHIM int getentropy(void *bytes, size_t length)
{
    find_getentropy();
    return lacks_random(GETENTROPY) ? -1 : real_getentropy(bytes, length);
}

SHIM ssize_t getrandom(void *bytes, size_t length, unsigned flags)
{
    find_getrandom();
    return lacks_random(GETENTROPY) ? -1 : real_getrandom(bytes, length, flags);
}

static bool is_random_device(const char *path)
{
    return strcmp(path, "/dev/urandom") == 0 || strcmp(path, "/dev/random") == 0;
}

static bool lacks_device(const char *path, const void *caller)
{
    bool is_spared = is_libwebsockets(caller) && !rolled.is_randomless;
    if (!is_random_device(path) || is_spared || !lacks_random(OPEN)) {
        return false;
    }
    errno = errno == EIO ? EMFILE : errno;
    return true;
}

SHIM int open(const char *path, int flags, ...)
{
    va_list arguments;
    va_start(arguments, flags);
    unsigned mode = (flags & (O_CREAT | O_TMPFILE)) != 0 ? va_arg(arguments, unsigned) : 0;
    va_end(arguments);
    find_open();
    return lacks_device(path, __builtin_return_address(0))
               ? -1
               : remember(real_open(path, flags, mode), KIND_OTHER);
}

SHIM int open64(const char *path, int flags, ...)
{
    va_list arguments;
    va_start(arguments, flags);
    unsigned mode = (flags & (O_CREAT | O_TMPFILE)) != 0 ? va_arg(arguments, unsigned) : 0;
    va_end(arguments);
    find_open64();
    return lacks_device(path, __builtin_return_address(0))
               ? -1
               : remember(real_open64(path, flags, mode), KIND_OTHER);
}

/* What libwebsockets calls, by a macro of glibc's. */
SHIM int __open_2(const char *path, int flags);

int __open_2(const char *path, int flags)
{
    find_open();
    return lacks_device(path, __builtin_return_address(0))
               ? -1
               : remember(real_open(path, flags), KIND_OTHER);
}
