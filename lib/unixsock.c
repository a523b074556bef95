/* SPDX-License-Identifier: MIT */
/* The file of a unix socket gets its mode before it is there: nobody can connect in between. */
#include "unixsock.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include <sys/socket.h>
#include <sys/stat.h>

#define PREFIX_LENGTH (sizeof(GDWSI_UNIXSOCK_PREFIX) - 1)

bool gdwsi_unixsock_is_address(const char *address)
{
    struct sockaddr_un ignored;
    return strncmp(address, GDWSI_UNIXSOCK_PREFIX, PREFIX_LENGTH) == 0 &&
           address[PREFIX_LENGTH] != '\0' &&
           strlen(address + PREFIX_LENGTH) < sizeof(ignored.sun_path);
}

static struct sockaddr_un fill_address(const char *path)
{
    struct sockaddr_un address;
    memset(&address, 0, sizeof(address));
    address.sun_family = AF_UNIX;
    memcpy(address.sun_path, path, strlen(path));
    return address;
}

/* Whether a path is a socket to which nobody listens any more. */
static bool is_left_over(const struct sockaddr_un *address)
{
    struct stat facts;
    if (lstat(address->sun_path, &facts) != 0 || !S_ISSOCK(facts.st_mode)) {
        return false;
    }
    int descriptor = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (descriptor < 0) {
        return false;
    }
    bool is_refused =
        connect(descriptor, (const struct sockaddr *)address, sizeof(*address)) != 0 &&
        errno == ECONNREFUSED;
    (void)close(descriptor);
    return is_refused;
}

static bool bind_to(int descriptor, const struct sockaddr_un *address)
{
    if (bind(descriptor, (const struct sockaddr *)address, sizeof(*address)) == 0) {
        return true;
    }
    if (errno != EADDRINUSE) {
        return false;
    }
    if (!is_left_over(address)) {
        errno = EADDRINUSE;
        return false;
    }
    (void)unlink(address->sun_path);
    return bind(descriptor, (const struct sockaddr *)address, sizeof(*address)) == 0;
}

gdws_error gdwsi_unixsock_open(gdwsi_unixsock *made, const char *address, mode_t mode, int backlog,
                               int *descriptor)
{
    struct stat facts;
    memset(made, 0, sizeof(*made));
    memcpy(made->path, address + PREFIX_LENGTH, strlen(address + PREFIX_LENGTH));
    struct sockaddr_un target = fill_address(made->path);
    int opened = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (opened < 0) {
        return GDWS_CANT_CREATE;
    }
    /* The file gets what this mode and the process' umask have in common, and then all of it. */
    if (fchmod(opened, mode) != 0 || !bind_to(opened, &target)) {
        gdws_error error = errno == EADDRINUSE ? GDWS_ALREADY_IN_USE : GDWS_CANT_CREATE;
        (void)close(opened);
        return error;
    }
    if (chmod(made->path, mode) != 0 || lstat(made->path, &facts) != 0 ||
        listen(opened, backlog) != 0) {
        (void)unlink(made->path);
        (void)close(opened);
        return GDWS_CANT_CREATE;
    }
    made->device = facts.st_dev;
    made->inode = facts.st_ino;
    *descriptor = opened;
    return GDWS_OK;
}

void gdwsi_unixsock_remove(const gdwsi_unixsock *made)
{
    struct stat facts;
    if (made->path[0] != '\0' && lstat(made->path, &facts) == 0 && S_ISSOCK(facts.st_mode) &&
        facts.st_dev == made->device && facts.st_ino == made->inode) {
        (void)unlink(made->path);
    }
}
