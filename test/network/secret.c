/* SPDX-License-Identifier: MIT */
/* See secret.h. */
#include "secret.h"

#include <openssl/ec.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include "road.h"

#define DAY_S (24L * 60 * 60)

static bool add_extension(X509 *certificate, int kind, const char *value)
{
    X509V3_CTX context;
    X509V3_set_ctx(&context, certificate, certificate, NULL, NULL, 0);
    X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, &context, kind, value);
    bool is_added = extension != NULL && X509_add_ext(certificate, extension, -1) == 1;
    X509_EXTENSION_free(extension);
    return is_added;
}

static bool fill(X509 *certificate, EVP_PKEY *key)
{
    X509_NAME *name = X509_get_subject_name(certificate);
    (void)X509_gmtime_adj(X509_getm_notBefore(certificate), -DAY_S);
    (void)X509_gmtime_adj(X509_getm_notAfter(certificate), DAY_S);
    return X509_set_version(certificate, X509_VERSION_3) == 1 &&
           X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC,
                                      (const unsigned char *)"gdws test server", -1, -1, 0) == 1 &&
           X509_set_issuer_name(certificate, name) == 1 && X509_set_pubkey(certificate, key) == 1 &&
           add_extension(certificate, NID_subject_alt_name,
                         "IP:" ROAD_FIRST_V4 ",IP:" ROAD_FIRST_V6) &&
           X509_sign(certificate, key, EVP_sha256()) > 0;
}

static bool read_text(BIO *bio, char *text, int size)
{
    int length = BIO_read(bio, text, size - 1);
    text[length > 0 ? length : 0] = '\0';
    return length > 0;
}

bool secret_make(secret *made)
{
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *certificate = X509_new();
    BIO *for_certificate = BIO_new(BIO_s_mem());
    BIO *for_key = BIO_new(BIO_s_mem());
    bool is_made = key != NULL && certificate != NULL && fill(certificate, key) &&
                   PEM_write_bio_X509(for_certificate, certificate) == 1 &&
                   PEM_write_bio_PrivateKey(for_key, key, NULL, NULL, 0, NULL, NULL) == 1 &&
                   read_text(for_certificate, made->certificate, sizeof(made->certificate)) &&
                   read_text(for_key, made->key, sizeof(made->key));
    BIO_free(for_key);
    BIO_free(for_certificate);
    X509_free(certificate);
    EVP_PKEY_free(key);
    return is_made;
}
