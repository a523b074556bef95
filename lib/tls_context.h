/* SPDX-License-Identifier: MIT */
/* TLS context: what all connections with the same options have in common. Connections keep theirs
 * alive, so that it can be replaced while they go on. */
#ifndef GDWSI_TLS_CONTEXT_H
#define GDWSI_TLS_CONTEXT_H

#include <stdbool.h>
#include <stddef.h>

#include <openssl/types.h>

#include "gdws/error.h"
#include "tls_options.h"

typedef struct gdwsi_tls_context {
    size_t references;
    SSL_CTX *ssl;
    struct bio_method_st *method; /* how its connections read and write; tls makes it */
    bool is_client;
    bool is_verifying; /* the other side's certificate, if it has one */
} gdwsi_tls_context;

/* Make a context. The caller says how its connections move bytes (tls does). reason: receives a
 * static text when it cannot be made. Returns UNCONFIGURED when a server has no certificate or no
 * key, INVALID_DATA when a certificate or key cannot be used, or OUT_OF_MEMORY. */
gdws_error gdwsi_tls_context_new(const gdwsi_tls_options *options, bool is_client,
                                 gdwsi_tls_context **context, const char **reason);

gdwsi_tls_context *gdwsi_tls_context_retain(gdwsi_tls_context *context);

/* NULL is fine. */
void gdwsi_tls_context_release(gdwsi_tls_context *context);

#endif
