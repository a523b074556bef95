/* SPDX-License-Identifier: MIT */
/* Unixsock: a listening unix socket at a path, and its end. */
#ifndef GDWSI_UNIXSOCK_H
#define GDWSI_UNIXSOCK_H

#include <stdbool.h>
#include <stdint.h>

#include <sys/types.h>
#include <sys/un.h>

#include "gdws/error.h"

/* What such an address begins with. */
#define GDWSI_UNIXSOCK_PREFIX "unix:"

typedef struct gdwsi_unixsock {
    char path[sizeof(((struct sockaddr_un *)0)->sun_path)];
    int directory; /* from where the path was meant; AT_FDCWD for an absolute one */
    dev_t device;  /* of the socket's file, so that no other is removed */
    ino_t inode;
} gdwsi_unixsock;

/* Whether an address is one of these, and can be one of the system's. */
bool gdwsi_unixsock_is_address(const char *address);

/* Open a socket for the address, with its file's mode, and listen. What a server that has ended
 * left at the path is replaced. Returns ALREADY_IN_USE when somebody listens there, or another file
 * is there; CANT_CREATE. */
gdws_error gdwsi_unixsock_open(gdwsi_unixsock *made, const char *address, mode_t mode, int backlog,
                               int *descriptor);

/* Remove the file, if it is still the same one, wherever the process has gone meanwhile. */
void gdwsi_unixsock_remove(gdwsi_unixsock *made);

#endif
