/* SPDX-License-Identifier: MIT */
/* The client's options for wss. The context that they make is kept until one of them changes. */
#include "client.h"

static gdws_error check_idle(const gdws_client *client)
{
    if (client == NULL) {
        return GDWS_INVALID_PARAMETER;
    }
    return gdwsi_client_is_busy(client) ? GDWS_ALREADY_IN_USE : GDWS_OK;
}

static void forget_context(gdws_client *client)
{
    gdwsi_tls_context_release(client->tls_context);
    client->tls_context = NULL;
}

gdws_error gdws_client_set_verify_tls(gdws_client *client, bool verify)
{
    gdws_error error = check_idle(client);
    if (error == GDWS_OK) {
        client->tls.skips_verification = !verify;
        forget_context(client);
    }
    return error;
}

gdws_error gdws_client_set_trusted_certificate(gdws_client *client, const char *certificate)
{
    struct stack_st_X509 *read = NULL;
    gdws_error error = check_idle(client);
    if (error == GDWS_OK) {
        error = gdwsi_tls_read_certificates(certificate, &read);
    }
    if (error == GDWS_OK) {
        gdwsi_tls_take_certificates(&client->tls.trusted, read);
        forget_context(client);
    }
    return error;
}

gdws_error gdws_client_set_certificate(gdws_client *client, const char *certificate,
                                       const char *private_key, const char *passphrase)
{
    struct stack_st_X509 *read = NULL;
    EVP_PKEY *key = NULL;
    gdws_error error = check_idle(client);
    if (error != GDWS_OK) {
        return error;
    }
    if ((certificate == NULL) != (private_key == NULL)) {
        return GDWS_INVALID_PARAMETER;
    }
    error = gdwsi_tls_read_certificates(certificate, &read);
    if (error == GDWS_OK) {
        error = gdwsi_tls_read_key(private_key, passphrase, &key);
    }
    if (error == GDWS_OK && key != NULL && !gdwsi_tls_is_pair(read, key)) {
        error = GDWS_INVALID_DATA;
    }
    if (error != GDWS_OK) {
        gdwsi_tls_free_certificates(read);
        gdwsi_tls_free_key(key);
        return error;
    }
    gdwsi_tls_take_certificates(&client->tls.certificate, read);
    gdwsi_tls_take_key(&client->tls.key, key);
    forget_context(client);
    return GDWS_OK;
}

gdws_error gdwsi_client_prepare_tls(gdws_client *client, const char **reason)
{
    if (client->config.writes_frames_singly) {
        *reason = "wss is not to be had where libwebsockets frames";
        return GDWS_UNAVAILABLE;
    }
    if (client->tls_context != NULL) {
        return GDWS_OK;
    }
    return gdwsi_tls_context_new(&client->tls, true, &client->tls_context, reason);
}

void gdwsi_client_clear_tls(gdws_client *client)
{
    forget_context(client);
    gdwsi_tls_options_clear(&client->tls);
}
