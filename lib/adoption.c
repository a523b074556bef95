/* SPDX-License-Identifier: MIT */
/* Whoever takes over a descriptor gets a copy of it, so that an error at whatever point leaves the
 * caller's own open. What is not the descriptor's but the socket's, and so is shared with the copy,
 * is put back. */
#include "adoption.h"

#include <string.h>
#include <unistd.h>

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

static int ask(int descriptor, int option)
{
    int value = -1;
    socklen_t length = sizeof(value);
    return getsockopt(descriptor, SOL_SOCKET, option, &value, &length) == 0 ? value : -1;
}

gdws_error gdwsi_adoption_begin(gdwsi_adoption *adoption, int descriptor)
{
    int domain = ask(descriptor, SO_DOMAIN);
    memset(adoption, 0, sizeof(*adoption));
    if (ask(descriptor, SO_TYPE) != SOCK_STREAM ||
        (domain != AF_INET && domain != AF_INET6 && domain != AF_UNIX) ||
        ask(descriptor, SO_ACCEPTCONN) != 0) {
        return GDWS_INVALID_PARAMETER;
    }
    if (!gdwsi_listener_ask_origin(descriptor, adoption->host, &adoption->port)) {
        return GDWS_CONNECTION_ERROR;
    }
    adoption->given = descriptor;
    adoption->flags = fcntl(descriptor, F_GETFL);
    adoption->copy = fcntl(descriptor, F_DUPFD_CLOEXEC, 0);
    return adoption->copy >= 0 ? GDWS_OK : GDWS_CANT_ACQUIRE_RESOURCE;
}

void gdwsi_adoption_end(const gdwsi_adoption *adoption, bool is_taken)
{
    int on = 1;
    if (is_taken) {
        /* As for an accepted one. A unix socket has no such option. */
        (void)setsockopt(adoption->copy, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
        (void)close(adoption->given);
    } else {
        (void)fcntl(adoption->given, F_SETFL, adoption->flags);
    }
}
