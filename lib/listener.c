/* SPDX-License-Identifier: MIT */
/* Our own listening socket, because libwebsockets binds more than it is asked for. When the process
 * is out of descriptors the listener pauses for a moment instead of spinning: the connections wait
 * in the kernel's queue. */
#include "listener.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include "log.h"
#include "mem.h"
#include "unixsock.h"

#define BACKLOG_DEFAULT 4096
#define ACCEPTS_MAX 512 /* in one go, so that peers get their turn */
#define PAUSE_MS 100

struct gdwsi_listener {
    gdws_loop *loop;
    uv_poll_t poll;
    uv_timer_t pause;
    int descriptor;
    int open_handles;
    uint16_t port;
    gdwsi_unixsock unixsock;          /* all zero when it is none */
    gdwsi_listener_accepted accepted; /* NULL once stopped */
    void *user;
};

typedef union any_address {
    struct sockaddr any;
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
} any_address;

/* Fill an address; "*" is all of IPv6, and so of IPv4, too. Returns its length, 0 for a bad one. */
static socklen_t fill_address(any_address *target, const char *address, uint16_t port)
{
    memset(target, 0, sizeof(*target));
    if (strcmp(address, "*") == 0) {
        address = "::";
    }
    if (inet_pton(AF_INET, address, &target->v4.sin_addr) == 1) {
        target->v4.sin_family = AF_INET;
        target->v4.sin_port = htons(port);
        return sizeof(target->v4);
    }
    if (inet_pton(AF_INET6, address, &target->v6.sin6_addr) == 1) {
        target->v6.sin6_family = AF_INET6;
        target->v6.sin6_port = htons(port);
        return sizeof(target->v6);
    }
    return 0;
}

static uint16_t read_address(const any_address *source, char host[GDWSI_LISTENER_TEXT])
{
    host[0] = '\0';
    if (source->any.sa_family == AF_UNIX) {
        memcpy(host, GDWSI_UNIXSOCK_PREFIX, sizeof(GDWSI_UNIXSOCK_PREFIX));
        return 0;
    }
    if (source->any.sa_family == AF_INET) {
        (void)inet_ntop(AF_INET, &source->v4.sin_addr, host, GDWSI_LISTENER_TEXT);
        return ntohs(source->v4.sin_port);
    }
    if (source->any.sa_family != AF_INET6) {
        return 0;
    }
    if (IN6_IS_ADDR_V4MAPPED(&source->v6.sin6_addr)) {
        (void)inet_ntop(AF_INET, &source->v6.sin6_addr.s6_addr[12], host, GDWSI_LISTENER_TEXT);
    } else {
        (void)inet_ntop(AF_INET6, &source->v6.sin6_addr, host, GDWSI_LISTENER_TEXT);
    }
    return ntohs(source->v6.sin6_port);
}

bool gdwsi_listener_ask_origin(int descriptor, char host[GDWSI_LISTENER_TEXT], uint16_t *port)
{
    any_address from;
    socklen_t length = sizeof(from);
    memset(&from, 0, sizeof(from));
    if (getpeername(descriptor, &from.any, &length) != 0) {
        return false;
    }
    *port = read_address(&from, host);
    return true;
}

bool gdwsi_listener_is_address(const char *address)
{
    any_address ignored;
    return fill_address(&ignored, address, 0) > 0 || gdwsi_unixsock_is_address(address);
}

/* Accepting */

static void on_readable(uv_poll_t *poll, int status, int events);

static void on_pause_over(uv_timer_t *timer)
{
    gdwsi_listener *listener = timer->data;
    (void)uv_poll_start(&listener->poll, UV_READABLE, on_readable);
    gdwsi_loop_touch(listener->loop);
}

static void pause_accepting(gdwsi_listener *listener)
{
    gdwsi_log_write(GDWS_LOG_WARNING, "cannot accept connections for now: %s", strerror(errno));
    (void)uv_poll_stop(&listener->poll);
    (void)uv_timer_start(&listener->pause, on_pause_over, PAUSE_MS, 0);
    gdwsi_loop_touch(listener->loop);
}

/* Accept one connection. Returns false when there is none, or no more now. */
static bool accept_one(gdwsi_listener *listener)
{
    any_address from;
    socklen_t length = sizeof(from);
    int on = 1;
    char host[GDWSI_LISTENER_TEXT];
    memset(&from, 0, sizeof(from));
    int descriptor =
        accept4(listener->descriptor, &from.any, &length, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (descriptor < 0) {
        if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
            pause_accepting(listener);
            return false;
        }
        /* A connection that has already gone is no reason to stop. */
        return errno == ECONNABORTED || errno == EINTR;
    }
    (void)setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    uint16_t port = read_address(&from, host);
    listener->accepted(listener->user, descriptor, host, port);
    gdwsi_loop_touch(listener->loop);
    return true;
}

static void on_readable(uv_poll_t *poll, int status, int events)
{
    gdwsi_listener *listener = poll->data;
    (void)status;
    (void)events;
    for (int i = 0; i < ACCEPTS_MAX && listener->accepted != NULL; i++) {
        if (!accept_one(listener)) {
            return;
        }
    }
}

/* Starting */

static gdws_error open_socket(const any_address *address, socklen_t length, bool is_dual,
                              const gdwsi_listener_options *options, int *result)
{
    int on = 1;
    int v6_only = is_dual ? 0 : 1;
    gdws_error error = GDWS_CANT_CREATE;
    int descriptor = socket(address->any.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (descriptor < 0) {
        return GDWS_CANT_CREATE;
    }
    (void)setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    if (address->any.sa_family == AF_INET6 &&
        setsockopt(descriptor, IPPROTO_IPV6, IPV6_V6ONLY, &v6_only, sizeof(v6_only)) != 0) {
        goto fail;
    }
    if (options->shares_port &&
        setsockopt(descriptor, SOL_SOCKET, SO_REUSEPORT, &on, sizeof(on)) != 0) {
        goto fail;
    }
    if (bind(descriptor, &address->any, length) != 0 || listen(descriptor, options->backlog) != 0) {
        error = errno == EADDRINUSE ? GDWS_ALREADY_IN_USE : GDWS_CANT_CREATE;
        goto fail;
    }
    *result = descriptor;
    return GDWS_OK;

fail:
    (void)close(descriptor);
    return error;
}

/* Open the socket for an address; without IPv6 in the system "*" is all of IPv4. */
static gdws_error open_address(const gdwsi_listener_options *options, uint16_t port,
                               int *descriptor)
{
    any_address address;
    bool is_dual = strcmp(options->address, "*") == 0;
    socklen_t length = fill_address(&address, options->address, port);
    if (length == 0) {
        return GDWS_INVALID_PARAMETER;
    }
    gdws_error error = open_socket(&address, length, is_dual, options, descriptor);
    if (error == GDWS_CANT_CREATE && is_dual) {
        length = fill_address(&address, "0.0.0.0", port);
        error = open_socket(&address, length, false, options, descriptor);
    }
    return error;
}

static uint16_t bound_port(int descriptor)
{
    any_address address;
    socklen_t length = sizeof(address);
    char host[GDWSI_LISTENER_TEXT];
    memset(&address, 0, sizeof(address));
    return getsockname(descriptor, &address.any, &length) == 0 ? read_address(&address, host) : 0;
}

void gdwsi_listener_init_options(gdwsi_listener_options *options)
{
    memset(options, 0, sizeof(*options));
    memcpy(options->address, "*", sizeof("*"));
    options->backlog = BACKLOG_DEFAULT;
    options->unix_mode = 0600;
}

gdws_error gdwsi_listener_start(gdws_loop *loop, const gdwsi_listener_options *options,
                                uint16_t port, gdwsi_listener_accepted accepted, void *user,
                                gdwsi_listener **listener)
{
    int descriptor = -1;
    *listener = NULL;
    gdwsi_listener *made = gdwsi_mem_calloc(1, sizeof(*made));
    if (made == NULL) {
        return GDWS_OUT_OF_MEMORY;
    }
    gdws_error error = GDWS_OK;
    int reason = 0;
    if (gdwsi_unixsock_is_address(options->address)) {
        error = gdwsi_unixsock_open(&made->unixsock, options->address, options->unix_mode,
                                    options->backlog, &descriptor);
    } else {
        error = open_address(options, port, &descriptor);
    }
    if (error != GDWS_OK) {
        reason = uv_translate_sys_error(errno);
        goto fail;
    }
    reason = uv_poll_init(&loop->uv, &made->poll, descriptor);
    if (reason != 0) {
        error = GDWS_CANT_CREATE;
        goto fail;
    }
    made->loop = loop;
    made->descriptor = descriptor;
    made->port = bound_port(descriptor);
    made->accepted = accepted;
    made->user = user;
    made->open_handles = 2;
    made->poll.data = made;
    made->pause.data = made;
    (void)uv_timer_init(&loop->uv, &made->pause);
    (void)uv_poll_start(&made->poll, UV_READABLE, on_readable);
    gdwsi_loop_touch(loop);
    *listener = made;
    return GDWS_OK;

fail:
    if (error == GDWS_CANT_CREATE) {
        gdwsi_log_write(GDWS_LOG_WARNING, "cannot listen on %s, port %u: %s", options->address,
                        port, uv_strerror(reason));
    }
    if (descriptor >= 0) {
        gdwsi_unixsock_remove(&made->unixsock);
        (void)close(descriptor);
    }
    gdwsi_mem_free(made);
    return error;
}

static void on_closed(uv_handle_t *handle)
{
    gdwsi_listener *listener = handle->data;
    listener->open_handles--;
    if (listener->open_handles == 0) {
        gdwsi_mem_free(listener);
    }
}

void gdwsi_listener_stop(gdwsi_listener *listener)
{
    if (listener == NULL) {
        return;
    }
    listener->accepted = NULL;
    uv_close((uv_handle_t *)&listener->poll, on_closed);
    uv_close((uv_handle_t *)&listener->pause, on_closed);
    gdwsi_unixsock_remove(&listener->unixsock);
    (void)close(listener->descriptor);
    gdwsi_loop_touch(listener->loop);
}

uint16_t gdwsi_listener_port(const gdwsi_listener *listener)
{
    return listener != NULL ? listener->port : 0;
}
