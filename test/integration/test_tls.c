/* SPDX-License-Identifier: MIT */
/* wss: which certificates are accepted and which are refused, and with what words, in both roles;
 * keys and certificates as options; who does not speak TLS. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509_vfy.h>

#include "certs.h"
#include "rawsock.h"
#include "runtests.h"
#include "world.h"

static world w;
static char logged[8192]; /* what the library has said */

static void note_line(gdws_log_level level, const char *line, void *user)
{
    (void)level;
    (void)user;
    size_t used = strlen(logged);
    (void)snprintf(logged + used, sizeof(logged) - used, "%s\n", line);
}

static void set_up(void)
{
    logged[0] = '\0';
    gdws_set_log_callback(note_line, NULL);
    gdws_set_log_level(GDWS_LOG_INFO);
    world_init_idle(&w);
}

static void tear_down(void)
{
    world_free(&w);
    gdws_set_log_callback(NULL, NULL);
    gdws_set_log_level(GDWS_LOG_WARNING);
}

static void give_server(const cert *own)
{
    ck_assert_int_eq(gdws_server_set_private_key(w.server, own->key, NULL), GDWS_OK);
    ck_assert_int_eq(gdws_server_set_ssl_certificate(w.server, own->certificate), GDWS_OK);
}

static void give_client(const char *trusted)
{
    ck_assert_int_eq(gdws_client_set_trusted_certificate(w.client, trusted), GDWS_OK);
}

static void begin(const char *scheme, const char *host)
{
    char url[128];
    (void)snprintf(url, sizeof(url), "%s://%s:%u/", scheme, host, gdws_server_get_port(w.server));
    ck_assert_int_eq(gdws_client_connect_to_url(w.client, url), GDWS_OK);
}

/* Connect, and expect success or a failure with these words. */
static void expect(const char *host, const char *words)
{
    int connected = w.at_client.connected;
    int accepted = w.at_server.connected;
    int errors = w.at_client.errors;
    begin("wss", host);
    WAIT_FOR(&w, w.at_client.connected > connected || w.at_client.errors > errors);
    const char *message = gdws_client_get_error_message(w.client);
    if (words == NULL) {
        ck_assert_msg(w.at_client.errors == errors, "%s", message);
        WAIT_FOR(&w, w.at_server.connected > accepted);
        ck_assert_int_eq(gdws_client_disconnect_from_host(w.client, 1000, ""), GDWS_OK);
        WAIT_FOR(&w, w.at_client.closed == w.at_client.connected &&
                         w.at_server.closed == w.at_server.connected);
        ck_assert(w.at_client.was_clean && w.at_server.was_clean);
    } else {
        ck_assert_msg(w.at_client.errors == errors + 1, "connected in spite of: %s", words);
        ck_assert_msg(strstr(message, words) != NULL, "not \"%s\" but \"%s\"", words, message);
        ck_assert_int_eq(gdws_client_get_error(w.client), GDWS_CONNECTION_ERROR);
        ck_assert_int_eq(w.at_server.connected, accepted);
    }
}

static void expect_logged(const char *words)
{
    WAIT_FOR(&w, strstr(logged, words) != NULL);
}

/* What OpenSSL's own client thinks: X509_V_OK or the number of an error. */
static void expect_s_client(const char *host, int number)
{
    char command[512];
    char authority[64];
    char line[256];
    int verdict = -1;
    bool is_name = strcmp(host, "localhost") == 0;
    cert_write(cert_authority()->certificate, authority);
    (void)snprintf(
        command, sizeof(command),
        "openssl s_client -connect 127.0.0.1:%u -CAfile %s -verify_%s %s </dev/null 2>&1",
        gdws_server_get_port(w.server), authority, is_name ? "hostname" : "ip", host);
    FILE *pipe = popen(command, "re");
    ck_assert_ptr_nonnull(pipe);
    ck_assert_int_eq(fcntl(fileno(pipe), F_SETFL, O_NONBLOCK), 0);
    uint64_t limit = world_now_ms() + WORLD_LIMIT_MS;
    bool is_over = false;
    while (!is_over) {
        ck_assert(world_now_ms() < limit);
        if (fgets(line, sizeof(line), pipe) != NULL) {
            (void)sscanf(line, " Verify return code: %d", &verdict);
        } else {
            is_over = feof(pipe) != 0;
            clearerr(pipe);
            (void)gdws_loop_wait(w.loop, 5);
        }
    }
    (void)pclose(pipe);
    (void)unlink(authority);
    ck_assert_int_eq(verdict, number);
}

/* A server's certificates */

/* What a certificate for this machine is like, but for one thing. */
static cert_wish usual(const cert *issuer)
{
    return (cert_wish){.name = "server",
                       .alternatives = "DNS:localhost,IP:127.0.0.1",
                       .usage = "serverAuth",
                       .issuer = issuer};
}

/* Make a server of a certificate, and see what a client thinks of it that trusts the authority; a
 * client that verifies nothing takes it in any case. alert: what the server hears. number: what
 * OpenSSL's own client says. */
static void judge_server(const cert_wish *wish, const char *host, const char *words,
                         const char *alert, int number)
{
    cert own;
    cert_make(&own, wish);
    give_server(&own);
    give_client(cert_authority()->certificate);
    world_listen(&w);
    expect(host, words);
    expect_logged(words);
    expect_logged(alert);
    expect_s_client(host, number);
    ck_assert_int_eq(gdws_client_set_verify_tls(w.client, false), GDWS_OK);
    expect(host, NULL);
    ck_assert_int_eq(gdws_client_set_verify_tls(w.client, true), GDWS_OK);
    expect(host, words);
    cert_free(&own);
}

START_TEST(a_good_certificate_is_accepted_by_name_and_by_address)
{
    give_server(cert_localhost());
    give_client(cert_authority()->certificate);
    world_listen(&w);
    expect("127.0.0.1", NULL);
    expect("localhost", NULL);
    expect("localhost.", NULL);
    expect_s_client("localhost", 0);
    expect_s_client("127.0.0.1", 0);
}
END_TEST

START_TEST(an_expired_certificate_is_said)
{
    cert_wish wish = usual(cert_authority());
    wish.from_days = -10;
    wish.to_days = -1;
    judge_server(&wish, "localhost", "the server's certificate has expired",
                 "the client refuses us: certificate expired", X509_V_ERR_CERT_HAS_EXPIRED);
}
END_TEST

START_TEST(a_certificate_that_is_not_yet_valid_is_said)
{
    cert_wish wish = usual(cert_authority());
    wish.from_days = 1;
    wish.to_days = 10;
    judge_server(&wish, "localhost", "the server's certificate is not yet valid",
                 "the client refuses us: bad certificate", X509_V_ERR_CERT_NOT_YET_VALID);
}
END_TEST

START_TEST(an_unknown_authority_is_said)
{
    cert other;
    cert_make(&other, &(cert_wish){.name = "another authority", .is_authority = true});
    cert_wish wish = usual(&other);
    judge_server(&wish, "localhost", "the server's certificate is by an unknown authority",
                 "the client refuses us: unknown CA", X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE);
    cert_free(&other);
}
END_TEST

START_TEST(a_self_signed_certificate_is_said)
{
    cert_wish wish = usual(NULL);
    judge_server(&wish, "localhost", "the server's certificate is self-signed",
                 "the client refuses us: unknown CA", X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT);
}
END_TEST

START_TEST(a_certificate_for_another_name_is_said)
{
    cert_wish wish = usual(cert_authority());
    wish.alternatives = "DNS:other.example,DNS:*.localhost,IP:127.0.0.1";
    judge_server(&wish, "localhost", "the server's certificate is for another host than localhost",
                 "the client refuses us:", X509_V_ERR_HOSTNAME_MISMATCH);
}
END_TEST

START_TEST(a_certificate_for_another_address_is_said)
{
    cert_wish wish = usual(cert_authority());
    wish.alternatives = "DNS:localhost,DNS:127.0.0.1,IP:127.0.0.2";
    judge_server(&wish, "127.0.0.1", "the server's certificate is for another host than 127.0.0.1",
                 "the client refuses us:", X509_V_ERR_IP_ADDRESS_MISMATCH);
}
END_TEST

START_TEST(a_certificate_for_clients_is_said)
{
    cert_wish wish = usual(cert_authority());
    wish.usage = "clientAuth";
    judge_server(&wish, "localhost", "the server's certificate is for another purpose",
                 "the client refuses us: unsupported certificate", X509_V_ERR_INVALID_PURPOSE);
}
END_TEST

START_TEST(a_signature_of_what_is_no_authority_is_said)
{
    cert_wish wish = usual(cert_localhost());
    cert own;
    cert_make(&own, &wish);
    give_server(&own);
    ck_assert_int_eq(gdws_server_set_ca_chain(w.server, cert_localhost()->certificate), GDWS_OK);
    give_client(cert_authority()->certificate);
    world_listen(&w);
    expect("localhost", "is by a certificate that is no authority");
    cert_free(&own);
}
END_TEST

START_TEST(a_chain_may_be_given_in_three_ways_and_is_missed)
{
    cert middle;
    cert own;
    cert_make(
        &middle,
        &(cert_wish){.name = "intermediate", .is_authority = true, .issuer = cert_authority()});
    cert_wish wish = usual(&middle);
    cert_make(&own, &wish);
    char *both = cert_join(own.certificate, middle.certificate);
    give_client(cert_authority()->certificate);

    give_server(&own);
    world_listen(&w);
    expect("localhost", "is by an unknown authority");
    gdws_server_stop(w.server);

    ck_assert_int_eq(gdws_server_set_ca_chain(w.server, middle.certificate), GDWS_OK);
    world_listen(&w);
    expect("localhost", NULL);
    gdws_server_stop(w.server);

    ck_assert_int_eq(gdws_server_set_ca_chain(w.server, NULL), GDWS_OK);
    ck_assert_int_eq(gdws_server_set_ssl_certificate(w.server, both), GDWS_OK);
    world_listen(&w);
    expect("localhost", NULL);
    gdws_server_stop(w.server);

    /* The intermediate may itself be what is trusted. */
    give_server(&own);
    world_listen(&w);
    give_client(middle.certificate);
    expect("localhost", NULL);
    free(both);
    cert_free(&own);
    cert_free(&middle);
}
END_TEST

START_TEST(the_trusted_certificate_may_be_the_servers_own_and_no_other_is_accepted)
{
    cert own;
    cert other;
    cert_wish wish = usual(NULL);
    cert_make(&own, &wish);
    cert_make(&other, &wish);
    give_server(&own);
    world_listen(&w);
    give_client(own.certificate);
    expect("localhost", NULL);
    /* The name is still checked, as Godot does it. */
    gdws_server_stop(w.server);
    ck_assert_int_eq(gdws_server_set_bind_ip(w.server, "127.0.0.2"), GDWS_OK);
    world_listen(&w);
    expect("127.0.0.2", "is for another host");
    give_client(other.certificate);
    expect("127.0.0.2", "is self-signed");
    cert_free(&own);
    cert_free(&other);
}
END_TEST

START_TEST(without_a_trusted_certificate_the_systems_authorities_count)
{
    char name[64];
    cert_write(cert_authority()->certificate, name);
    give_server(cert_localhost());
    give_client(NULL);
    world_listen(&w);
    expect("localhost", "is by an unknown authority");
    /* OpenSSL's way to name the system's authorities. */
    ck_assert_int_eq(setenv("SSL_CERT_FILE", name, 1), 0);
    give_client(NULL);
    expect("localhost", NULL);
    ck_assert_int_eq(unsetenv("SSL_CERT_FILE"), 0);
    (void)unlink(name);
}
END_TEST

/* A client's certificates */

static cert_wish usual_client(const cert *issuer)
{
    return (cert_wish){.name = "player \xc3\xa9 7, \"x\"", .usage = "clientAuth", .issuer = issuer};
}

static void listen_for_clients(bool required)
{
    give_server(cert_localhost());
    give_client(cert_authority()->certificate);
    ck_assert_int_eq(
        gdws_server_set_trusted_certificate(w.server, cert_authority()->certificate, required),
        GDWS_OK);
    world_listen(&w);
}

/* See what a server thinks of a client's certificate, whether it requires one or not. */
static void judge_client(const cert_wish *wish, const char *words, const char *alert)
{
    cert own;
    cert_make(&own, wish);
    for (int required = 0; required < 2; required++) {
        logged[0] = '\0';
        listen_for_clients(required == 1);
        ck_assert_int_eq(gdws_client_set_certificate(w.client, own.certificate, own.key, NULL),
                         GDWS_OK);
        expect("localhost", alert);
        expect_logged(words);
        ck_assert_int_eq(gdws_client_set_certificate(w.client, NULL, NULL, NULL), GDWS_OK);
        gdws_server_stop(w.server);
    }
    cert_free(&own);
}

START_TEST(a_clients_certificate_is_verified_and_its_subject_told)
{
    cert own;
    cert_wish wish = usual_client(cert_authority());
    cert_make(&own, &wish);
    listen_for_clients(true);
    ck_assert_int_eq(gdws_client_set_certificate(w.client, own.certificate, own.key, NULL),
                     GDWS_OK);
    begin("wss", "localhost");
    WAIT_FOR(&w, w.at_client.connected == 1 && w.at_server.connected == 1);
    ck_assert_str_eq(gdws_peer_get_certificate_subject(world_server_peer(&w)),
                     "CN=player \xc3\xa9 7\\, \\\"x\\\"");
    ck_assert_str_eq(gdws_peer_get_certificate_subject(world_client_peer(&w)),
                     "CN=gdws test server");
    ck_assert_str_eq(gdws_peer_get_certificate_subject(NULL), "");
    cert_free(&own);
}
END_TEST

START_TEST(a_client_without_a_certificate_is_let_in_or_not)
{
    listen_for_clients(false);
    begin("wss", "localhost");
    WAIT_FOR(&w, w.at_client.connected == 1 && w.at_server.connected == 1);
    ck_assert_str_eq(gdws_peer_get_certificate_subject(world_server_peer(&w)), "");
    gdws_server_stop(w.server);
    WAIT_FOR(&w, w.at_client.closed == 1);
    listen_for_clients(true);
    expect("localhost", "the server wants a certificate from us");
    expect_logged("the client shows no certificate");
}
END_TEST

START_TEST(clients_certificates_that_are_not_in_order_are_said)
{
    cert other;
    cert_make(&other, &(cert_wish){.name = "another authority", .is_authority = true});
    cert_wish wish = usual_client(cert_authority());
    wish.from_days = -10;
    wish.to_days = -1;
    judge_client(&wish, "the client's certificate has expired",
                 "the server refuses us: certificate expired");
    wish.from_days = 1;
    wish.to_days = 10;
    judge_client(&wish, "the client's certificate is not yet valid",
                 "the server refuses us: bad certificate");
    wish = usual_client(&other);
    judge_client(&wish, "the client's certificate is by an unknown authority",
                 "the server refuses us: unknown CA");
    wish = usual_client(NULL);
    judge_client(&wish, "the client's certificate is self-signed",
                 "the server refuses us: unknown CA");
    wish = usual_client(cert_authority());
    wish.usage = "serverAuth";
    judge_client(&wish, "the client's certificate is for another purpose",
                 "the server refuses us: unsupported certificate");
    cert_free(&other);
}
END_TEST

/* Options */

START_TEST(keys_and_certificates_come_from_files_too)
{
    char key_name[64];
    char certificate_name[64];
    char authority_name[64];
    char *encrypted = cert_encrypt_key(cert_localhost(), "open sesame");
    cert_write(encrypted, key_name);
    cert_write(cert_localhost()->certificate, certificate_name);
    cert_write(cert_authority()->certificate, authority_name);
    ck_assert_int_eq(gdws_server_set_private_key(w.server, key_name, "open sesame"), GDWS_OK);
    ck_assert_int_eq(gdws_server_set_ssl_certificate(w.server, certificate_name), GDWS_OK);
    give_client(authority_name);
    world_listen(&w);
    expect("localhost", NULL);
    (void)unlink(key_name);
    (void)unlink(certificate_name);
    (void)unlink(authority_name);
    /* They were read at once. */
    expect("localhost", NULL);
    free(encrypted);
}
END_TEST

START_TEST(bad_keys_and_certificates_are_refused_and_change_nothing)
{
    static const char text[] = "this is no PEM";
    static const char broken[] = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    char name[64];
    cert other;
    cert_wish wish = usual(cert_authority());
    char *encrypted = cert_encrypt_key(cert_localhost(), "open sesame");
    char *cut = cert_join(cert_localhost()->certificate, broken);
    cert_make(&other, &wish);
    cert_write(text, name);
    give_server(cert_localhost());
    give_client(cert_authority()->certificate);
    gdws_server *server = w.server;
    const char *certificate = cert_localhost()->certificate;
    ck_assert_int_eq(gdws_server_set_private_key(server, "/no/such/file", NULL),
                     GDWS_FILE_NOT_FOUND);
    ck_assert_int_eq(gdws_server_set_private_key(server, "/", NULL), GDWS_FILE_CANT_READ);
    ck_assert_int_eq(gdws_server_set_private_key(server, name, NULL), GDWS_INVALID_DATA);
    ck_assert_int_eq(gdws_server_set_private_key(server, certificate, NULL), GDWS_INVALID_DATA);
    ck_assert_int_eq(gdws_server_set_private_key(server, encrypted, NULL), GDWS_UNAUTHORIZED);
    ck_assert_int_eq(gdws_server_set_private_key(server, encrypted, "wrong"), GDWS_UNAUTHORIZED);
    ck_assert_int_eq(gdws_server_set_private_key(NULL, encrypted, ""), GDWS_INVALID_PARAMETER);
    ck_assert_int_eq(gdws_server_set_ssl_certificate(server, "/no/such/file"), GDWS_FILE_NOT_FOUND);
    ck_assert_int_eq(gdws_server_set_ssl_certificate(server, name), GDWS_INVALID_DATA);
    ck_assert_int_eq(gdws_server_set_ssl_certificate(server, broken), GDWS_INVALID_DATA);
    ck_assert_int_eq(gdws_server_set_ssl_certificate(server, cut), GDWS_INVALID_DATA);
    ck_assert_int_eq(gdws_server_set_ssl_certificate(server, encrypted), GDWS_INVALID_DATA);
    ck_assert_int_eq(gdws_server_set_ca_chain(server, name), GDWS_INVALID_DATA);
    ck_assert_int_eq(gdws_server_set_trusted_certificate(server, name, true), GDWS_INVALID_DATA);
    ck_assert_int_eq(gdws_client_set_trusted_certificate(w.client, name), GDWS_INVALID_DATA);
    ck_assert_int_eq(gdws_client_set_certificate(w.client, certificate, other.key, NULL),
                     GDWS_INVALID_DATA);
    ck_assert_int_eq(gdws_client_set_certificate(w.client, certificate, NULL, NULL),
                     GDWS_INVALID_PARAMETER);
    ck_assert_int_eq(gdws_client_set_certificate(w.client, certificate, encrypted, "no"),
                     GDWS_UNAUTHORIZED);
    world_listen(&w);
    expect("localhost", NULL);
    ck_assert_int_eq(gdws_server_set_private_key(server, other.key, NULL), GDWS_ALREADY_IN_USE);
    ck_assert_int_eq(gdws_server_set_ssl_certificate(server, certificate), GDWS_ALREADY_IN_USE);
    ck_assert_int_eq(gdws_server_set_ca_chain(server, NULL), GDWS_ALREADY_IN_USE);
    ck_assert_int_eq(gdws_server_set_trusted_certificate(server, NULL, false), GDWS_ALREADY_IN_USE);
    (void)unlink(name);
    free(encrypted);
    free(cut);
    cert_free(&other);
}
END_TEST

START_TEST(a_server_with_half_of_what_it_needs_does_not_listen_in_the_clear)
{
    cert other;
    cert_wish wish = usual(cert_authority());
    cert_make(&other, &wish);
    ck_assert_int_eq(gdws_server_set_ssl_certificate(w.server, NULL), GDWS_OK);
    ck_assert_int_eq(gdws_server_set_private_key(w.server, other.key, NULL), GDWS_OK);
    ck_assert_int_eq(gdws_server_listen(w.server, 0), GDWS_UNCONFIGURED);
    expect_logged("no certificate");
    ck_assert_int_eq(gdws_server_set_private_key(w.server, NULL, NULL), GDWS_OK);
    ck_assert_int_eq(gdws_server_set_ssl_certificate(w.server, other.certificate), GDWS_OK);
    ck_assert_int_eq(gdws_server_listen(w.server, 0), GDWS_UNCONFIGURED);
    expect_logged("no private key");
    ck_assert_int_eq(gdws_server_set_private_key(w.server, cert_localhost()->key, NULL), GDWS_OK);
    ck_assert_int_eq(gdws_server_listen(w.server, 0), GDWS_INVALID_DATA);
    expect_logged("the private key is not the certificate's");
    ck_assert(!gdws_server_is_listening(w.server));
    cert_free(&other);
}
END_TEST

START_TEST(a_key_that_is_too_weak_is_not_used)
{
    cert weak;
    cert_wish wish = usual(cert_authority());
    cert_make_rsa(&weak, &wish, 1024);
    give_server(&weak);
    ck_assert_int_eq(gdws_server_listen(w.server, 0), GDWS_INVALID_DATA);
    expect_logged("too weak");
    cert_free(&weak);
}
END_TEST

/* Who speaks what */

START_TEST(ws_to_a_secure_port_is_said_and_the_server_stays)
{
    give_server(cert_localhost());
    give_client(cert_authority()->certificate);
    world_listen(&w);
    begin("ws", "127.0.0.1");
    WAIT_FOR(&w, w.at_client.errors == 1);
    ck_assert_int_eq(gdws_client_get_http_status(w.client), 400);
    expect_logged("the client does not speak TLS");
    expect("127.0.0.1", NULL);
}
END_TEST

START_TEST(wss_to_a_plain_port_is_said_and_the_server_stays)
{
    ck_assert_int_eq(gdws_server_set_ssl_certificate(w.server, NULL), GDWS_OK);
    ck_assert_int_eq(gdws_server_set_private_key(w.server, NULL, NULL), GDWS_OK);
    world_listen(&w);
    expect("127.0.0.1", "TLS: the server does not speak TLS");
    expect_logged("the client speaks TLS, this server does not");
    begin("ws", "127.0.0.1");
    WAIT_FOR(&w, w.at_client.connected == 1 && w.at_server.connected == 1);
}
END_TEST

/* Connect to a raw server. Sends bytes, or shakes hands by a context. */
static void connect_to_raw(const char *scheme, const void *bytes, size_t length, SSL_CTX *context)
{
    rawsock raw;
    char url[64];
    uint16_t port = 0;
    int errors = w.at_client.errors;
    int listener = rawsock_listen(&port);
    (void)snprintf(url, sizeof(url), "%s://127.0.0.1:%u/", scheme, port);
    ck_assert_int_eq(gdws_client_connect_to_url(w.client, url), GDWS_OK);
    rawsock_accept_plain(&raw, w.loop, listener);
    rawsock_wait_for(&raw, 1);
    if (context != NULL) {
        ck_assert(!rawsock_secure(&raw, context, false));
    } else if (length > 0) {
        rawsock_send(&raw, bytes, length, 0);
    } else {
        (void)shutdown(raw.descriptor, SHUT_WR);
    }
    WAIT_FOR(&w, w.at_client.errors == errors + 1);
    rawsock_close(&raw);
    (void)close(listener);
}

START_TEST(servers_that_do_not_speak_tls_are_said)
{
    static const char *const answers[] = {"SSH-2.0-OpenSSH_9.2p1\r\n", "220 smtp.example ESMTP\r\n",
                                          "HTTP/1.1 200 OK\r\n\r\n"};
    for (size_t i = 0; i < sizeof(answers) / sizeof(answers[0]); i++) {
        connect_to_raw("wss", answers[i], strlen(answers[i]), NULL);
        ck_assert_ptr_nonnull(
            strstr(gdws_client_get_error_message(w.client), "the server does not speak TLS"));
    }
    connect_to_raw("wss", NULL, 0, NULL);
    ck_assert_ptr_nonnull(strstr(gdws_client_get_error_message(w.client),
                                 "ended the connection instead of a TLS handshake"));
    /* An alert, as servers answer that know nothing of HTTP in the clear. */
    connect_to_raw("ws", "\x15\x03\x01\x00\x02\x02\x46", 7, NULL);
    ck_assert_ptr_nonnull(
        strstr(gdws_client_get_error_message(w.client), "this needs a wss:// URL"));
}
END_TEST

static SSL_CTX *old_context(bool is_client)
{
    SSL_CTX *context = SSL_CTX_new(is_client ? TLS_client_method() : TLS_server_method());
    /* TLS 1.1 needs a level at which SHA-1 is allowed. */
    SSL_CTX_set_security_level(context, 0);
    ck_assert_int_eq(SSL_CTX_set_min_proto_version(context, TLS1_VERSION), 1);
    ck_assert_int_eq(SSL_CTX_set_max_proto_version(context, TLS1_1_VERSION), 1);
    if (!is_client) {
        cert_use(context, cert_localhost());
    }
    return context;
}

START_TEST(versions_before_1_2_are_refused_and_said)
{
    rawsock raw;
    SSL_CTX *old_client = old_context(true);
    SSL_CTX *old_server = old_context(false);
    connect_to_raw("wss", NULL, 0, old_server);
    ck_assert_msg(strstr(gdws_client_get_error_message(w.client), "versions of TLS from 1.2 on"),
                  "%s", gdws_client_get_error_message(w.client));
    give_server(cert_localhost());
    give_client(cert_authority()->certificate);
    world_listen(&w);
    rawsock_connect_plain(&raw, w.loop, gdws_server_get_port(w.server));
    ck_assert(!rawsock_secure(&raw, old_client, true));
    expect_logged("the client speaks no version of TLS from 1.2 on");
    rawsock_wait_for_end(&raw, 2000);
    rawsock_close(&raw);
    expect("localhost", NULL);
    SSL_CTX_free(old_client);
    SSL_CTX_free(old_server);
}
END_TEST

START_TEST(both_versions_that_are_allowed_work)
{
    static const int versions[] = {TLS1_2_VERSION, TLS1_3_VERSION};
    give_server(cert_localhost());
    world_listen(&w);
    for (int i = 0; i < 2; i++) {
        rawsock raw;
        SSL_CTX *context = SSL_CTX_new(TLS_client_method());
        (void)SSL_CTX_set_min_proto_version(context, versions[i]);
        (void)SSL_CTX_set_max_proto_version(context, versions[i]);
        rawsock_connect_plain(&raw, w.loop, gdws_server_get_port(w.server));
        ck_assert(rawsock_secure(&raw, context, true));
        ck_assert_int_eq(SSL_version(raw.tls), versions[i]);
        rawsock_upgrade(&raw);
        rawsock_close(&raw);
        SSL_CTX_free(context);
    }
    WAIT_FOR(&w, w.at_server.closed == 2);
}
END_TEST

START_TEST(without_libwebsockets_raw_role_there_is_no_wss_and_that_is_said)
{
    give_server(cert_localhost());
    ck_assert_int_eq(gdws_server_listen(w.server, 0), GDWS_UNAVAILABLE);
    expect_logged("wss is not to be had");
    ck_assert_int_eq(gdws_client_connect_to_url(w.client, "wss://localhost"), GDWS_UNAVAILABLE);
    ck_assert_ptr_nonnull(strstr(gdws_client_get_error_message(w.client), "wss is not to be had"));
    ck_assert_int_eq(gdws_client_get_error(w.client), GDWS_UNAVAILABLE);
}
END_TEST

static void add_certificate_tests(TCase *tests)
{
    tcase_add_test(tests, a_good_certificate_is_accepted_by_name_and_by_address);
    tcase_add_test(tests, an_expired_certificate_is_said);
    tcase_add_test(tests, a_certificate_that_is_not_yet_valid_is_said);
    tcase_add_test(tests, an_unknown_authority_is_said);
    tcase_add_test(tests, a_self_signed_certificate_is_said);
    tcase_add_test(tests, a_certificate_for_another_name_is_said);
    tcase_add_test(tests, a_certificate_for_another_address_is_said);
    tcase_add_test(tests, a_certificate_for_clients_is_said);
    tcase_add_test(tests, a_signature_of_what_is_no_authority_is_said);
    tcase_add_test(tests, a_chain_may_be_given_in_three_ways_and_is_missed);
    tcase_add_test(tests, the_trusted_certificate_may_be_the_servers_own_and_no_other_is_accepted);
    tcase_add_test(tests, without_a_trusted_certificate_the_systems_authorities_count);
    tcase_add_test(tests, a_clients_certificate_is_verified_and_its_subject_told);
    tcase_add_test(tests, a_client_without_a_certificate_is_let_in_or_not);
    tcase_add_test(tests, clients_certificates_that_are_not_in_order_are_said);
}

Suite *tls_suite(void)
{
    Suite *suite = suite_create("tls");
    TCase *tests = tcase_create("tls");
    tcase_set_timeout(tests, 60);
    tcase_add_checked_fixture(tests, set_up, tear_down);
    if (world_is_fallback()) {
        tcase_add_test(tests, without_libwebsockets_raw_role_there_is_no_wss_and_that_is_said);
    } else {
        add_certificate_tests(tests);
        tcase_add_test(tests, keys_and_certificates_come_from_files_too);
        tcase_add_test(tests, bad_keys_and_certificates_are_refused_and_change_nothing);
        tcase_add_test(tests, a_server_with_half_of_what_it_needs_does_not_listen_in_the_clear);
        tcase_add_test(tests, a_key_that_is_too_weak_is_not_used);
        tcase_add_test(tests, ws_to_a_secure_port_is_said_and_the_server_stays);
        tcase_add_test(tests, wss_to_a_plain_port_is_said_and_the_server_stays);
        tcase_add_test(tests, servers_that_do_not_speak_tls_are_said);
        tcase_add_test(tests, versions_before_1_2_are_refused_and_said);
        tcase_add_test(tests, both_versions_that_are_allowed_work);
    }
    suite_add_tcase(suite, tests);
    return suite;
}
