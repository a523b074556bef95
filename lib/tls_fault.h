/* SPDX-License-Identifier: MIT */
/* TLS fault: what went wrong on a TLS connection, in words. */
#ifndef GDWSI_TLS_FAULT_H
#define GDWSI_TLS_FAULT_H

#include <stdbool.h>
#include <stddef.h>

#include <openssl/types.h>

#define GDWSI_TLS_FAULT_MAX 120

/* Describe the error that OpenSSL has queued for a connection. who: "server" or "client", the other
 * side. host: whom a client wanted; NULL on a server. */
void gdwsi_tls_fault_write(char text[GDWSI_TLS_FAULT_MAX], const SSL *ssl, const char *who,
                           const char *host);

#endif
