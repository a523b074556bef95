/* SPDX-License-Identifier: MIT */
/* See certs.h. */
#include "certs.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <check.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

static char *take_text(BIO *bio)
{
    char *bytes;
    long length = BIO_get_mem_data(bio, &bytes);
    char *text = calloc(1, (size_t)length + 1);
    ck_assert_ptr_nonnull(text);
    memcpy(text, bytes, (size_t)length);
    BIO_free(bio);
    return text;
}

static void add_extension(X509 *certificate, X509 *issuer, int kind, const char *value)
{
    X509V3_CTX context;
    X509V3_set_ctx(&context, issuer, certificate, NULL, NULL, 0);
    X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, &context, kind, value);
    ck_assert_ptr_nonnull(extension);
    ck_assert_int_eq(X509_add_ext(certificate, extension, -1), 1);
    X509_EXTENSION_free(extension);
}

static X509 *read_certificate(const char *pem)
{
    BIO *bio = BIO_new_mem_buf(pem, -1);
    X509 *certificate = PEM_read_bio_X509(bio, NULL, NULL, NULL);
    BIO_free(bio);
    ck_assert_ptr_nonnull(certificate);
    return certificate;
}

static EVP_PKEY *read_key(const char *pem)
{
    BIO *bio = BIO_new_mem_buf(pem, -1);
    EVP_PKEY *key = PEM_read_bio_PrivateKey(bio, NULL, NULL, NULL);
    BIO_free(bio);
    ck_assert_ptr_nonnull(key);
    return key;
}

static void set_times(X509 *certificate, const cert_wish *wish)
{
    bool is_default = wish->from_days == 0 && wish->to_days == 0;
    long day = 24 * 60 * 60;
    (void)X509_gmtime_adj(X509_getm_notBefore(certificate),
                          (is_default ? -1 : wish->from_days) * day);
    (void)X509_gmtime_adj(X509_getm_notAfter(certificate), (is_default ? 1 : wish->to_days) * day);
}

static void make(cert *made, const cert_wish *wish, EVP_PKEY *key)
{
    static long serial;
    EVP_PKEY *signer = wish->issuer != NULL ? read_key(wish->issuer->key) : key;
    X509 *certificate = X509_new();
    X509 *issuer = wish->issuer != NULL ? read_certificate(wish->issuer->certificate) : certificate;
    X509_NAME *name = X509_get_subject_name(certificate);
    serial++;
    (void)X509_set_version(certificate, 2);
    (void)ASN1_INTEGER_set(X509_get_serialNumber(certificate), (long)getpid() * 1000 + serial);
    set_times(certificate, wish);
    (void)X509_set_pubkey(certificate, key);
    (void)X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8, (const unsigned char *)wish->name,
                                     -1, -1, 0);
    (void)X509_set_issuer_name(certificate, X509_get_subject_name(issuer));
    add_extension(certificate, issuer, NID_subject_key_identifier, "hash");
    add_extension(certificate, issuer, NID_authority_key_identifier, "keyid");
    add_extension(certificate, issuer, NID_basic_constraints,
                  wish->is_authority ? "critical,CA:TRUE" : "critical,CA:FALSE");
    if (wish->alternatives != NULL) {
        add_extension(certificate, issuer, NID_subject_alt_name, wish->alternatives);
    }
    if (wish->usage != NULL) {
        add_extension(certificate, issuer, NID_ext_key_usage, wish->usage);
    }
    ck_assert_int_gt(X509_sign(certificate, signer, EVP_sha256()), 0);
    BIO *bio = BIO_new(BIO_s_mem());
    ck_assert_int_eq(PEM_write_bio_X509(bio, certificate), 1);
    made->certificate = take_text(bio);
    bio = BIO_new(BIO_s_mem());
    ck_assert_int_eq(PEM_write_bio_PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL), 1);
    made->key = take_text(bio);
    if (wish->issuer != NULL) {
        X509_free(issuer);
        EVP_PKEY_free(signer);
    }
    X509_free(certificate);
    EVP_PKEY_free(key);
}

void cert_make(cert *made, const cert_wish *wish)
{
    make(made, wish, EVP_EC_gen("P-256"));
}

void cert_make_rsa(cert *made, const cert_wish *wish, unsigned bits)
{
    make(made, wish, EVP_RSA_gen(bits));
}

void cert_free(cert *made)
{
    free(made->certificate);
    free(made->key);
    memset(made, 0, sizeof(*made));
}

char *cert_encrypt_key(const cert *made, const char *passphrase)
{
    EVP_PKEY *key = read_key(made->key);
    BIO *bio = BIO_new(BIO_s_mem());
    ck_assert_int_eq(PEM_write_bio_PKCS8PrivateKey(bio, key, EVP_aes_256_cbc(), passphrase,
                                                   (int)strlen(passphrase), NULL, NULL),
                     1);
    EVP_PKEY_free(key);
    return take_text(bio);
}

char *cert_join(const char *first, const char *second)
{
    size_t size = strlen(first) + strlen(second) + 1;
    char *text = malloc(size);
    ck_assert_ptr_nonnull(text);
    (void)snprintf(text, size, "%s%s", first, second);
    return text;
}

void cert_write(const char *pem, char *name)
{
    (void)snprintf(name, 64, "/tmp/gdws-test-XXXXXX");
    int descriptor = mkstemp(name);
    ck_assert_int_ge(descriptor, 0);
    ck_assert_int_eq(write(descriptor, pem, strlen(pem)), (ssize_t)strlen(pem));
    (void)close(descriptor);
}

void cert_use(SSL_CTX *context, const cert *made)
{
    X509 *certificate = read_certificate(made->certificate);
    EVP_PKEY *key = read_key(made->key);
    ck_assert_int_eq(SSL_CTX_use_certificate(context, certificate), 1);
    ck_assert_int_eq(SSL_CTX_use_PrivateKey(context, key), 1);
    X509_free(certificate);
    EVP_PKEY_free(key);
}

const cert *cert_authority(void)
{
    static cert authority;
    if (authority.key == NULL) {
        cert_make(&authority, &(cert_wish){.name = "gdws test authority", .is_authority = true});
    }
    return &authority;
}

const cert *cert_localhost(void)
{
    static cert localhost;
    if (localhost.key == NULL) {
        cert_make(&localhost, &(cert_wish){.name = "gdws test server",
                                           .alternatives = "DNS:localhost,IP:127.0.0.1,IP:::1",
                                           .usage = "serverAuth",
                                           .issuer = cert_authority()});
    }
    return &localhost;
}
