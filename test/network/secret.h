/* SPDX-License-Identifier: MIT */
/* The server's certificate, signed by itself, for the addresses of the road's first end. */
#ifndef SECRET_H
#define SECRET_H

#include <stdbool.h>

typedef struct secret {
    char certificate[2048]; /* PEM */
    char key[2048];
} secret;

bool secret_make(secret *made);

#endif
