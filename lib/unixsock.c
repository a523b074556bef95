/* SPDX-License-Identifier: MIT */
/* The file of a unix socket gets its mode before it is there: nobody can connect in between. It is
 * found again from the directory in which the process was then: a daemon has left it. */
#include "unixsock.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include <fcntl.h>
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

/* An absolute path needs no descriptor. */
static int open_directory(const char *path)
{
    return path[0] == '/' ? AT_FDCWD : open(".", O_PATH | O_DIRECTORY | O_CLOEXEC);
}

static void close_directory(gdwsi_unixsock *made)
{
    if (made->directory >= 0) {
        (void)close(made->directory);
    }
    memset(made, 0, sizeof(*made));
}

static bool find_file(const gdwsi_unixsock *made, struct stat *facts)
{
    return fstatat(made->directory, made->path, facts, AT_SYMLINK_NOFOLLOW) == 0;
}

/* Make the file with its mode, and listen. Returns false with errno and without the file. */
static bool listen_at(gdwsi_unixsock *made, int descriptor, mode_t mode, int backlog)
{
    struct stat facts;
    struct sockaddr_un target = fill_address(made->path);
    /* The file gets what this mode and the process' umask have in common, and then all of it. */
    if (fchmod(descriptor, mode) != 0 || !bind_to(descriptor, &target)) {
        return false;
    }
    if (fchmodat(made->directory, made->path, mode, 0) != 0 || !find_file(made, &facts) ||
        listen(descriptor, backlog) != 0) {
        int error = errno;
        (void)unlinkat(made->directory, made->path, 0);
        errno = error;
        return false;
    }
    made->device = facts.st_dev;
    made->inode = facts.st_ino;
    return true;
}

gdws_error gdwsi_unixsock_open(gdwsi_unixsock *made, const char *address, mode_t mode, int backlog,
                               int *descriptor)
{
    memset(made, 0, sizeof(*made));
    memcpy(made->path, address + PREFIX_LENGTH, strlen(address + PREFIX_LENGTH));
    made->directory = open_directory(made->path);
    if (made->directory == -1) {
        return GDWS_CANT_CREATE;
    }
    int opened = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (opened < 0 || !listen_at(made, opened, mode, backlog)) {
        gdws_error error = errno == EADDRINUSE ? GDWS_ALREADY_IN_USE : GDWS_CANT_CREATE;
        if (opened >= 0) {
            (void)close(opened);
        }
        close_directory(made);
        return error;
    }
    *descriptor = opened;
    return GDWS_OK;
}

void gdwsi_unixsock_remove(gdwsi_unixsock *made)
{
    struct stat facts;
    if (made->path[0] == '\0') {
        return;
    }
    if (find_file(made, &facts) && S_ISSOCK(facts.st_mode) && facts.st_dev == made->device &&
        facts.st_ino == made->inode) {
        (void)unlinkat(made->directory, made->path, 0);
    }
    close_directory(made);
}
