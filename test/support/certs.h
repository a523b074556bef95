/* SPDX-License-Identifier: MIT */
/* Certificates that the tests make for themselves, as PEM. */
#ifndef CERTS_H
#define CERTS_H

#include <stdbool.h>

#include <openssl/types.h>

typedef struct cert {
    char *certificate;
    char *key;
} cert;

typedef struct cert_wish {
    const char *name; /* the subject's common name */
    const char
        *alternatives;  /* as OpenSSL's configuration has them: "DNS:localhost,IP:127.0.0.1" */
    const char *usage;  /* "serverAuth", "clientAuth"; NULL: any */
    const cert *issuer; /* NULL: self-signed */
    bool is_authority;
    int from_days; /* counted from now; both 0: from yesterday to tomorrow */
    int to_days;
} cert_wish;

void cert_make(cert *made, const cert_wish *wish);

/* The same with a key of RSA, whose size is given in bits. */
void cert_make_rsa(cert *made, const cert_wish *wish, unsigned bits);

void cert_free(cert *made);

/* The key again, encrypted with a passphrase; to be freed. */
char *cert_encrypt_key(const cert *made, const char *passphrase);

/* Two PEM texts one after the other; to be freed. */
char *cert_join(const char *first, const char *second);

/* Write PEM into a file of a fresh name in the folder for temporary files. name: of 64 bytes. */
void cert_write(const char *pem, char *name);

/* Let OpenSSL on the other side use it. */
void cert_use(SSL_CTX *context, const cert *made);

/* An authority, and what it has signed for this machine; made once for each process. */
const cert *cert_authority(void);
const cert *cert_localhost(void);

#endif
