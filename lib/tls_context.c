/* SPDX-License-Identifier: MIT */
/* Contexts. TLS 1.2 at least, whatever the system's policy allows below it; no renegotiation, no
 * compression, no 0-RTT. Sessions are resumed by tickets where no certificate was asked for, so
 * that each client's certificate is looked at each time. */
#include "tls_context.h"

#include <string.h>

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509_vfy.h>

#include "mem.h"

/* What an HTTP/1.1 server is asked for, and answers (RFC 7301). */
static const unsigned char http_1_1[] = "\x08http/1.1";

static int choose_application(SSL *ssl, const unsigned char **out, unsigned char *out_length,
                              const unsigned char *in, unsigned in_length, void *user)
{
    unsigned char *chosen = NULL;
    (void)ssl;
    (void)user;
    int result =
        SSL_select_next_proto(&chosen, out_length, http_1_1, sizeof(http_1_1) - 1, in, in_length);
    *out = chosen;
    return result == OPENSSL_NPN_NEGOTIATED ? SSL_TLSEXT_ERR_OK : SSL_TLSEXT_ERR_ALERT_FATAL;
}

static bool set_common(SSL_CTX *ssl)
{
    SSL_CTX_set_mode(ssl, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_NO_AUTO_CHAIN);
    SSL_CTX_set_options(ssl, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
    SSL_CTX_set_session_cache_mode(ssl, SSL_SESS_CACHE_OFF);
    /* The system's policy may ask for more than we do. */
    return SSL_CTX_get_min_proto_version(ssl) >= TLS1_2_VERSION ||
           SSL_CTX_set_min_proto_version(ssl, TLS1_2_VERSION) == 1;
}

static bool add_chain(SSL_CTX *ssl, const STACK_OF(X509) * certificates, int first)
{
    for (int i = first; i < sk_X509_num(certificates); i++) {
        if (SSL_CTX_add1_chain_cert(ssl, sk_X509_value(certificates, i)) != 1) {
            return false;
        }
    }
    return true;
}

/* Use our own certificate. Returns NULL, or why it cannot be used. */
static const char *use_certificate(SSL_CTX *ssl, const gdwsi_tls_options *options)
{
    if (options->certificate == NULL) {
        return NULL;
    }
    if (SSL_CTX_use_certificate(ssl, sk_X509_value(options->certificate, 0)) != 1) {
        unsigned long why = ERR_peek_last_error();
        bool is_weak =
            ERR_GET_LIB(why) == ERR_LIB_SSL && (ERR_GET_REASON(why) == SSL_R_EE_KEY_TOO_SMALL ||
                                                ERR_GET_REASON(why) == SSL_R_CA_MD_TOO_WEAK);
        return is_weak ? "the certificate's key or signature is too weak"
                       : "the certificate cannot be used";
    }
    if (!gdwsi_tls_is_pair(options->certificate, options->key)) {
        return "the private key is not the certificate's";
    }
    if (SSL_CTX_use_PrivateKey(ssl, options->key) != 1) {
        return "the private key cannot be used";
    }
    if (!add_chain(ssl, options->certificate, 1) || !add_chain(ssl, options->chain, 0)) {
        return "a certificate of the chain cannot be used";
    }
    return NULL;
}

/* Trust these certificates and no others, roots or not. */
static bool trust(SSL_CTX *ssl, const STACK_OF(X509) * trusted, bool is_client)
{
    X509_STORE *store = X509_STORE_new();
    if (store == NULL) {
        return false;
    }
    SSL_CTX_set_cert_store(ssl, store);
    for (int i = 0; i < sk_X509_num(trusted); i++) {
        X509 *certificate = sk_X509_value(trusted, i);
        if (X509_STORE_add_cert(store, certificate) != 1 ||
            (!is_client && SSL_CTX_add_client_CA(ssl, certificate) != 1)) {
            return false;
        }
    }
    return X509_STORE_set_flags(store, X509_V_FLAG_PARTIAL_CHAIN) == 1;
}

static const char *set_client(SSL_CTX *ssl, const gdwsi_tls_options *options)
{
    if (SSL_CTX_set_alpn_protos(ssl, http_1_1, sizeof(http_1_1) - 1) != 0) {
        return "out of memory";
    }
    if (options->skips_verification) {
        SSL_CTX_set_verify(ssl, SSL_VERIFY_NONE, NULL);
        return NULL;
    }
    SSL_CTX_set_verify(ssl, SSL_VERIFY_PEER, NULL);
    bool is_trusting = options->trusted != NULL ? trust(ssl, options->trusted, true)
                                                : SSL_CTX_set_default_verify_paths(ssl) == 1;
    return is_trusting ? NULL : "the trusted certificates cannot be used";
}

static const char *set_server(SSL_CTX *ssl, const gdwsi_tls_options *options)
{
    SSL_CTX_set_alpn_select_cb(ssl, choose_application, NULL);
    if (options->trusted == NULL) {
        return NULL;
    }
    int mode = SSL_VERIFY_PEER;
    if (options->requires_certificate) {
        mode |= SSL_VERIFY_FAIL_IF_NO_PEER_CERT;
    }
    SSL_CTX_set_verify(ssl, mode, NULL);
    SSL_CTX_set_options(ssl, SSL_OP_NO_TICKET);
    if (SSL_CTX_set_num_tickets(ssl, 0) != 1 || !trust(ssl, options->trusted, false)) {
        return "the trusted certificates cannot be used";
    }
    return NULL;
}

gdws_error gdwsi_tls_context_new(const gdwsi_tls_options *options, bool is_client,
                                 gdwsi_tls_context **context, const char **reason)
{
    *context = NULL;
    if (!is_client && (options->certificate == NULL || options->key == NULL)) {
        *reason = options->key == NULL ? "there is a certificate, but no private key for it"
                                       : "there is a private key, but no certificate for it";
        return GDWS_UNCONFIGURED;
    }
    *reason = "out of memory";
    gdws_error error = GDWS_OUT_OF_MEMORY;
    gdwsi_tls_context *made = gdwsi_mem_calloc(1, sizeof(*made));
    if (made == NULL) {
        return GDWS_OUT_OF_MEMORY;
    }
    made->references = 1;
    made->is_client = is_client;
    made->is_verifying = is_client ? !options->skips_verification : options->trusted != NULL;
    made->ssl = SSL_CTX_new(is_client ? TLS_client_method() : TLS_server_method());
    if (made->ssl == NULL || !set_common(made->ssl)) {
        goto fail;
    }
    const char *fault = use_certificate(made->ssl, options);
    if (fault == NULL) {
        fault = is_client ? set_client(made->ssl, options) : set_server(made->ssl, options);
    }
    if (fault != NULL) {
        *reason = fault;
        error = GDWS_INVALID_DATA;
        goto fail;
    }
    *context = made;
    return GDWS_OK;

fail:
    ERR_clear_error();
    gdwsi_tls_context_release(made);
    return error;
}

gdwsi_tls_context *gdwsi_tls_context_retain(gdwsi_tls_context *context)
{
    context->references++;
    return context;
}

void gdwsi_tls_context_release(gdwsi_tls_context *context)
{
    if (context == NULL) {
        return;
    }
    context->references--;
    if (context->references == 0) {
        SSL_CTX_free(context->ssl);
        BIO_meth_free(context->method);
        gdwsi_mem_free(context);
    }
}
