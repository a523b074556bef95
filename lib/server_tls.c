/* SPDX-License-Identifier: MIT */
/* The server's options for wss. What is replaced while it listens counts for the connections that
 * come from then on; those that are there keep the context that they began with. */
#include "server.h"

#include "log.h"

static gdws_error set_certificates(struct stack_st_X509 **place, const char *certificates)
{
    struct stack_st_X509 *read = NULL;
    gdws_error error = gdwsi_tls_read_certificates(certificates, &read);
    if (error == GDWS_OK) {
        gdwsi_tls_take_certificates(place, read);
    }
    return error;
}

gdws_error gdws_server_set_private_key(gdws_server *server, const char *private_key,
                                       const char *passphrase)
{
    EVP_PKEY *key = NULL;
    gdws_error error = gdwsi_server_check_idle(server);
    if (error == GDWS_OK) {
        error = gdwsi_tls_read_key(private_key, passphrase, &key);
    }
    if (error == GDWS_OK) {
        gdwsi_tls_take_key(&server->tls.key, key);
    }
    return error;
}

gdws_error gdws_server_set_ssl_certificate(gdws_server *server, const char *certificate)
{
    gdws_error error = gdwsi_server_check_idle(server);
    return error == GDWS_OK ? set_certificates(&server->tls.certificate, certificate) : error;
}

gdws_error gdws_server_set_ca_chain(gdws_server *server, const char *chain)
{
    gdws_error error = gdwsi_server_check_idle(server);
    return error == GDWS_OK ? set_certificates(&server->tls.chain, chain) : error;
}

gdws_error gdws_server_set_trusted_certificate(gdws_server *server, const char *certificate,
                                               bool required)
{
    gdws_error error = gdwsi_server_check_idle(server);
    if (error == GDWS_OK) {
        error = set_certificates(&server->tls.trusted, certificate);
    }
    if (error == GDWS_OK) {
        server->tls.requires_certificate = required;
    }
    return error;
}

static gdws_error make_context(const gdwsi_tls_options *options, gdwsi_tls_context **context)
{
    const char *reason = "";
    gdws_error error = gdwsi_tls_context_new(options, false, context, &reason);
    if (error != GDWS_OK) {
        gdwsi_log_write(GDWS_LOG_ERROR, "TLS: %s", reason);
    }
    return error;
}

gdws_error gdws_server_replace_certificate(gdws_server *server, const char *certificate,
                                           const char *chain, const char *private_key,
                                           const char *passphrase)
{
    gdwsi_tls_context *context = NULL;
    if (server == NULL || certificate == NULL || private_key == NULL) {
        return GDWS_INVALID_PARAMETER;
    }
    if (gdwsi_server_is_open(server) && server->tls_context == NULL) {
        return GDWS_UNCONFIGURED;
    }
    /* What the new context shares with the old one is lent to it. */
    gdwsi_tls_options options = {.trusted = server->tls.trusted,
                                 .requires_certificate = server->tls.requires_certificate};
    gdws_error error = gdwsi_tls_read_certificates(certificate, &options.certificate);
    if (error == GDWS_OK) {
        error = gdwsi_tls_read_certificates(chain, &options.chain);
    }
    if (error == GDWS_OK) {
        error = gdwsi_tls_read_key(private_key, passphrase, &options.key);
    }
    if (error == GDWS_OK) {
        error = make_context(&options, &context);
    }
    if (error == GDWS_OK) {
        gdwsi_tls_context_release(server->tls_context);
        server->tls_context = context;
        server->tls.trusted = NULL;
        gdwsi_tls_options_clear(&server->tls);
        server->tls = options;
    } else {
        options.trusted = NULL;
        gdwsi_tls_options_clear(&options);
    }
    return error;
}

gdws_error gdwsi_server_prepare_tls(gdws_server *server)
{
    const gdwsi_tls_options *options = &server->tls;
    gdwsi_tls_context_release(server->tls_context);
    server->tls_context = NULL;
    if (options->certificate == NULL && options->key == NULL && options->chain == NULL &&
        options->trusted == NULL) {
        return GDWS_OK;
    }
    if (server->config.writes_frames_singly) {
        gdwsi_log_write(GDWS_LOG_ERROR, "TLS: wss is not to be had where libwebsockets frames");
        return GDWS_UNAVAILABLE;
    }
    return make_context(options, &server->tls_context);
}

void gdwsi_server_clear_tls(gdws_server *server)
{
    gdwsi_tls_context_release(server->tls_context);
    server->tls_context = NULL;
    gdwsi_tls_options_clear(&server->tls);
}
