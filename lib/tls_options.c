/* SPDX-License-Identifier: MIT */
/* Reading PEM. What is read is kept as OpenSSL's objects, so that no passphrase has to be kept. A
 * missing passphrase is an error here: OpenSSL's own way would be to ask on the terminal. */
#include "tls_options.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include "mem.h"

/* No certificate file is longer than all authorities of a system together. */
#define FILE_MAX ((size_t)4 << 20)

typedef struct secret {
    const char *passphrase;
    bool was_asked_for;
} secret;

static int give_passphrase(char *target, int size, int is_writing, void *user)
{
    secret *known = user;
    (void)is_writing;
    known->was_asked_for = true;
    size_t length = known->passphrase != NULL ? strlen(known->passphrase) : 0;
    if (length == 0 || length > (size_t)size) {
        return -1;
    }
    memcpy(target, known->passphrase, length);
    return (int)length;
}

static gdws_error read_file(const char *name, char **text)
{
    gdws_error error = GDWS_FILE_CANT_READ;
    size_t length = 0;
    FILE *file = fopen(name, "rbe");
    if (file == NULL) {
        return errno == ENOENT || errno == ENOTDIR ? GDWS_FILE_NOT_FOUND : GDWS_FILE_CANT_READ;
    }
    if (fseek(file, 0, SEEK_END) != 0) {
        goto done;
    }
    long size = ftell(file);
    if (size < 0 || (size_t)size > FILE_MAX || fseek(file, 0, SEEK_SET) != 0) {
        goto done;
    }
    *text = gdwsi_mem_calloc(1, (size_t)size + 1);
    if (*text == NULL) {
        error = GDWS_OUT_OF_MEMORY;
        goto done;
    }
    length = fread(*text, 1, (size_t)size, file);
    if (length == (size_t)size) {
        error = GDWS_OK;
    }

done:
    (void)fclose(file);
    return error;
}

static void free_secret_text(char *text)
{
    if (text != NULL) {
        OPENSSL_cleanse(text, strlen(text));
        gdwsi_mem_free(text);
    }
}

/* Open PEM text, or the file of that name. *text is what the BIO reads from and goes after it. */
static gdws_error open_source(const char *source, char **text, BIO **bio)
{
    *text = NULL;
    *bio = NULL;
    const char *pem = source;
    if (strstr(source, "-----BEGIN ") == NULL) {
        gdws_error error = read_file(source, text);
        if (error != GDWS_OK) {
            free_secret_text(*text);
            *text = NULL;
            return error;
        }
        pem = *text;
    }
    *bio = BIO_new_mem_buf(pem, -1);
    if (*bio == NULL) {
        free_secret_text(*text);
        return GDWS_OUT_OF_MEMORY;
    }
    return GDWS_OK;
}

gdws_error gdwsi_tls_read_certificates(const char *source, struct stack_st_X509 **certificates)
{
    char *text;
    BIO *bio;
    secret none = {0};
    *certificates = NULL;
    if (source == NULL) {
        return GDWS_OK;
    }
    gdws_error error = open_source(source, &text, &bio);
    if (error != GDWS_OK) {
        return error;
    }
    STACK_OF(X509) *read = sk_X509_new_null();
    X509 *certificate = PEM_read_bio_X509(bio, NULL, give_passphrase, &none);
    while (read != NULL && certificate != NULL && sk_X509_push(read, certificate) > 0) {
        certificate = PEM_read_bio_X509(bio, NULL, give_passphrase, &none);
    }
    unsigned long why = ERR_peek_last_error();
    if (read == NULL || certificate != NULL) {
        error = GDWS_OUT_OF_MEMORY;
    } else if (sk_X509_num(read) == 0 || ERR_GET_LIB(why) != ERR_LIB_PEM ||
               ERR_GET_REASON(why) != PEM_R_NO_START_LINE) {
        error = GDWS_INVALID_DATA;
    }
    ERR_clear_error();
    if (error != GDWS_OK) {
        X509_free(certificate);
        gdwsi_tls_free_certificates(read);
        read = NULL;
    }
    BIO_free(bio);
    free_secret_text(text);
    *certificates = read;
    return error;
}

gdws_error gdwsi_tls_read_key(const char *source, const char *passphrase, EVP_PKEY **key)
{
    char *text;
    BIO *bio;
    secret known = {.passphrase = passphrase};
    *key = NULL;
    if (source == NULL) {
        return GDWS_OK;
    }
    gdws_error error = open_source(source, &text, &bio);
    if (error != GDWS_OK) {
        return error;
    }
    *key = PEM_read_bio_PrivateKey(bio, NULL, give_passphrase, &known);
    if (*key == NULL) {
        error = known.was_asked_for ? GDWS_UNAUTHORIZED : GDWS_INVALID_DATA;
    }
    ERR_clear_error();
    BIO_free(bio);
    free_secret_text(text);
    return error;
}

void gdwsi_tls_free_certificates(struct stack_st_X509 *certificates)
{
    sk_X509_pop_free(certificates, X509_free);
}

void gdwsi_tls_free_key(EVP_PKEY *key)
{
    EVP_PKEY_free(key);
}

void gdwsi_tls_take_certificates(struct stack_st_X509 **place, struct stack_st_X509 *certificates)
{
    gdwsi_tls_free_certificates(*place);
    *place = certificates;
}

void gdwsi_tls_take_key(EVP_PKEY **place, EVP_PKEY *key)
{
    EVP_PKEY_free(*place);
    *place = key;
}

bool gdwsi_tls_is_pair(const struct stack_st_X509 *certificates, const EVP_PKEY *key)
{
    bool is_pair = certificates != NULL && key != NULL &&
                   X509_check_private_key(sk_X509_value(certificates, 0), key) == 1;
    ERR_clear_error();
    return is_pair;
}

void gdwsi_tls_options_clear(gdwsi_tls_options *options)
{
    gdwsi_tls_free_certificates(options->certificate);
    gdwsi_tls_free_certificates(options->chain);
    gdwsi_tls_free_certificates(options->trusted);
    gdwsi_tls_free_key(options->key);
    memset(options, 0, sizeof(*options));
}
