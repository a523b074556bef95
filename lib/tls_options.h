/* SPDX-License-Identifier: MIT */
/* TLS options: certificates and keys as a program gives them, parsed. Setters change nothing when
 * they return an error. */
#ifndef GDWSI_TLS_OPTIONS_H
#define GDWSI_TLS_OPTIONS_H

#include <stdbool.h>

#include <openssl/types.h>

#include "gdws/error.h"

struct stack_st_X509;

typedef struct gdwsi_tls_options {
    struct stack_st_X509 *certificate; /* our own first, then those of its issuers; NULL: none */
    struct stack_st_X509 *chain;       /* more of its issuers; may be NULL */
    EVP_PKEY *key;
    struct stack_st_X509 *trusted; /* NULL: a client trusts the system's authorities, a server asks
                                      for no certificate */
    bool skips_verification;       /* a client's */
    bool requires_certificate;     /* a server's, of its clients; false: they may have none */
} gdwsi_tls_options;

void gdwsi_tls_options_clear(gdwsi_tls_options *options);

/* Read certificates. source: PEM text, or the name of a file of it; NULL gives *certificates NULL.
 * Returns FILE_NOT_FOUND, FILE_CANT_READ, INVALID_DATA when there is no certificate in it, or
 * OUT_OF_MEMORY. */
gdws_error gdwsi_tls_read_certificates(const char *source, struct stack_st_X509 **certificates);

/* Read a private key, as above. passphrase: NULL for none. Returns UNAUTHORIZED, too, when the
 * passphrase is missing or wrong. */
gdws_error gdwsi_tls_read_key(const char *source, const char *passphrase, EVP_PKEY **key);

/* Free what was read; NULL is fine. */
void gdwsi_tls_free_certificates(struct stack_st_X509 *certificates);
void gdwsi_tls_free_key(EVP_PKEY *key);

/* Take certificates, or a key, into options in place of what is there. */
void gdwsi_tls_take_certificates(struct stack_st_X509 **place, struct stack_st_X509 *certificates);
void gdwsi_tls_take_key(EVP_PKEY **place, EVP_PKEY *key);

/* Whether the first of the certificates has this key. */
bool gdwsi_tls_is_pair(const struct stack_st_X509 *certificates, const EVP_PKEY *key);

#endif
