/* SPDX-License-Identifier: MIT */
/* Words for what OpenSSL knows as numbers: how a certificate failed, why we gave up, and with which
 * alert the other side did (RFC 8446 section 6). */
#include "tls_fault.h"

#include <stdio.h>

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509_vfy.h>

typedef struct words {
    long number;
    const char *text;
} words;

static const char *find(const words *table, size_t count, long number)
{
    for (size_t i = 0; i < count; i++) {
        if (table[i].number == number) {
            return table[i].text;
        }
    }
    return NULL;
}

#define FIND(table, number) find((table), sizeof(table) / sizeof((table)[0]), (number))

/* Behind "the server's certificate". */
static const words of_certificates[] = {
    {X509_V_ERR_CERT_HAS_EXPIRED, "has expired"},
    {X509_V_ERR_CERT_NOT_YET_VALID, "is not yet valid"},
    {X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT, "is self-signed and not trusted"},
    {X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN, "is by an unknown authority"},
    {X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT, "is by an unknown authority"},
    {X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY, "is by an unknown authority"},
    {X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE, "is by an unknown authority"},
    {X509_V_ERR_INVALID_PURPOSE, "is for another purpose"},
    {X509_V_ERR_INVALID_CA, "is by a certificate that is no authority"},
    {X509_V_ERR_CERT_SIGNATURE_FAILURE, "has a signature that is false"},
    {X509_V_ERR_CERT_REVOKED, "has been revoked"},
    {X509_V_ERR_EE_KEY_TOO_SMALL, "has a key that is too weak"},
    {X509_V_ERR_CA_KEY_TOO_SMALL, "is by an authority whose key is too weak"},
    {X509_V_ERR_CA_MD_TOO_WEAK, "has a signature that is too weak"},
};

/* Behind "the server". */
static const words of_handshakes[] = {
    {SSL_R_WRONG_VERSION_NUMBER, "does not speak TLS"},
    {SSL_R_HTTP_REQUEST, "does not speak TLS"},
    {SSL_R_PACKET_LENGTH_TOO_LONG, "does not speak TLS"},
    {SSL_R_UNSUPPORTED_PROTOCOL, "speaks no version of TLS from 1.2 on"},
    {SSL_R_VERSION_TOO_LOW, "speaks no version of TLS from 1.2 on"},
    {SSL_R_WRONG_SSL_VERSION, "speaks no version of TLS from 1.2 on"},
    {SSL_R_NO_PROTOCOLS_AVAILABLE, "speaks no version of TLS from 1.2 on"},
    {SSL_AD_REASON_OFFSET + SSL_AD_PROTOCOL_VERSION, "refuses versions of TLS from 1.2 on"},
    {SSL_AD_REASON_OFFSET + SSL_AD_CERTIFICATE_REQUIRED, "wants a certificate from us"},
    {SSL_R_NO_SHARED_CIPHER, "has no cipher in common with us"},
    {SSL_R_NO_SUITABLE_SIGNATURE_ALGORITHM, "has no signature algorithm in common with us"},
    {SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE, "shows no certificate"},
    {SSL_R_NO_APPLICATION_PROTOCOL, "does not want to speak HTTP/1.1"},
    {SSL_R_DECRYPTION_FAILED_OR_BAD_RECORD_MAC, "sends what cannot be decrypted"},
};

static void write_certificate_fault(char text[GDWSI_TLS_FAULT_MAX], long result, const char *who,
                                    const char *host)
{
    const char *what = FIND(of_certificates, result);
    bool is_mismatch =
        result == X509_V_ERR_HOSTNAME_MISMATCH || result == X509_V_ERR_IP_ADDRESS_MISMATCH;
    if (is_mismatch && host != NULL) {
        (void)snprintf(text, GDWSI_TLS_FAULT_MAX,
                       "the %s's certificate is for another host than %.60s", who, host);
    } else if (what != NULL) {
        (void)snprintf(text, GDWSI_TLS_FAULT_MAX, "the %s's certificate %s", who, what);
    } else {
        (void)snprintf(text, GDWSI_TLS_FAULT_MAX, "the %s's certificate: %.80s", who,
                       X509_verify_cert_error_string(result));
    }
}

void gdwsi_tls_fault_write(char text[GDWSI_TLS_FAULT_MAX], const SSL *ssl, const char *who,
                           const char *host)
{
    unsigned long error = ERR_peek_error();
    int reason = ERR_GET_LIB(error) == ERR_LIB_SSL ? ERR_GET_REASON(error) : 0;
    const char *what = reason != 0 ? FIND(of_handshakes, reason) : NULL;
    if (reason == SSL_R_CERTIFICATE_VERIFY_FAILED) {
        write_certificate_fault(text, SSL_get_verify_result(ssl), who, host);
    } else if (what != NULL) {
        (void)snprintf(text, GDWSI_TLS_FAULT_MAX, "the %s %s", who, what);
    } else if (reason > SSL_AD_REASON_OFFSET) {
        (void)snprintf(text, GDWSI_TLS_FAULT_MAX, "the %s refuses us: %.60s", who,
                       SSL_alert_desc_string_long(reason - SSL_AD_REASON_OFFSET));
    } else {
        const char *name = ERR_reason_error_string(error);
        (void)snprintf(text, GDWSI_TLS_FAULT_MAX, "the %s breaks the protocol: %.70s", who,
                       name != NULL ? name : "unknown error");
    }
}
