/* SPDX-License-Identifier: MIT */
/* OpenSSL over a BIO of our own that reads what was fed and writes into the room. Invariants: an
 * operation begins with nothing in the room; what was fed has been read when it ends, unless the
 * connection has failed; kept bytes go out before those in the room. OpenSSL's error queue is empty
 * between operations, so that nobody else's errors are taken for ours, or ours for theirs. */
#include "tls.h"

#include <stdio.h>
#include <string.h>

#include <arpa/inet.h>

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include "mem.h"
#include "tls_fault.h"
#include "tls_room.h"

/* Output for a peer that reads nothing: more than our own chunk and some answers is an attack. */
#define KEPT_MAX (GDWSI_TLS_CHUNK_MAX * 4)

/* A record's head, and how long what follows it may be before a handshake (RFC 8446 section 5.1).
 */
#define RECORD_HEAD 5u
#define RECORD_MAX 16384u
#define RECORD_HANDSHAKE 22

/* Handshake messages on a connection that is secured already (tickets, new keys): so many, and one
 * more for so many records. New keys cost us much and the other side little. */
#define MESSAGES_MAX 32
#define RECORDS_PER_MESSAGE 64

struct gdwsi_tls {
    SSL *ssl; /* NULL before the handshake: who never begins costs little */
    gdwsi_tls_context *context;
    gdwsi_tls_room **place;
    const uint8_t *input;
    size_t input_length;
    uint8_t *first; /* a server's: the beginning of the first record */
    size_t first_length;
    uint8_t *kept;
    size_t kept_length;
    uint64_t records;
    uint64_t messages;
    char *host; /* a client's */
    gdwsi_tls_state state;
    bool has_ended;  /* our close_notify is written */
    bool is_abusive; /* too many messages */
    bool is_out_of_memory;
};

/* The BIO */

static int read_input(BIO *bio, char *target, size_t size, size_t *got)
{
    gdwsi_tls *tls = BIO_get_data(bio);
    BIO_clear_retry_flags(bio);
    *got = size < tls->input_length ? size : tls->input_length;
    if (*got == 0 || tls->is_abusive) {
        *got = 0;
        BIO_set_retry_read(bio);
        return 0;
    }
    memcpy(target, tls->input, *got);
    tls->input += *got;
    tls->input_length -= *got;
    return 1;
}

static int write_output(BIO *bio, const char *bytes, size_t length, size_t *written)
{
    gdwsi_tls *tls = BIO_get_data(bio);
    BIO_clear_retry_flags(bio);
    *written = 0;
    if (!gdwsi_tls_room_append(*tls->place, bytes, length)) {
        tls->is_out_of_memory = true;
        return 0;
    }
    *written = length;
    return 1;
}

static long control(BIO *bio, int command, long number, void *pointer)
{
    (void)bio;
    (void)number;
    (void)pointer;
    return command == BIO_CTRL_FLUSH ? 1 : 0;
}

static BIO_METHOD *make_method(void)
{
    BIO_METHOD *method = BIO_meth_new(BIO_TYPE_SOURCE_SINK, "gdws");
    if (method != NULL) {
        (void)BIO_meth_set_read_ex(method, read_input);
        (void)BIO_meth_set_write_ex(method, write_output);
        (void)BIO_meth_set_ctrl(method, control);
    }
    return method;
}

/* Called for each message and for each record's head. */
static void on_message(int is_writing, int version, int type, const void *bytes, size_t length,
                       SSL *ssl, void *user)
{
    gdwsi_tls *tls = user;
    (void)version;
    (void)bytes;
    (void)length;
    (void)ssl;
    if (is_writing || tls->state != GDWSI_TLS_SECURED) {
        return;
    }
    if (type == SSL3_RT_HEADER) {
        tls->records++;
    } else if (type == SSL3_RT_HANDSHAKE) {
        tls->messages++;
        tls->is_abusive = tls->messages > MESSAGES_MAX + tls->records / RECORDS_PER_MESSAGE;
    }
}

/* Life */

static bool connect_bio(gdwsi_tls *tls)
{
    if (tls->context->method == NULL) {
        tls->context->method = make_method();
    }
    BIO *bio = tls->context->method != NULL ? BIO_new(tls->context->method) : NULL;
    if (bio == NULL) {
        return false;
    }
    BIO_set_data(bio, tls);
    BIO_set_init(bio, 1);
    SSL_set_bio(tls->ssl, bio, bio);
    SSL_set_msg_callback(tls->ssl, on_message);
    SSL_set_msg_callback_arg(tls->ssl, tls);
    return true;
}

static bool is_address(const char *host)
{
    unsigned char ignored[sizeof(struct in6_addr)];
    return inet_pton(AF_INET, host, ignored) == 1 || inet_pton(AF_INET6, host, ignored) == 1;
}

/* Whom the certificate must be for, and for names the indication (RFC 6066 section 3). A name that
 * ends with a dot is the same name. */
static bool set_host(gdwsi_tls *tls)
{
    size_t length = strlen(tls->host);
    if (is_address(tls->host)) {
        return X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(tls->ssl), tls->host) == 1;
    }
    if (length > 1 && tls->host[length - 1] == '.') {
        tls->host[length - 1] = '\0';
    }
    SSL_set_hostflags(tls->ssl, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
    return SSL_set1_host(tls->ssl, tls->host) == 1 &&
           SSL_set_tlsext_host_name(tls->ssl, tls->host) == 1;
}

gdwsi_tls *gdwsi_tls_new(gdwsi_tls_context *context, gdwsi_tls_room **room, const char *host)
{
    gdwsi_tls *tls = gdwsi_mem_calloc(1, sizeof(*tls));
    if (tls == NULL) {
        return NULL;
    }
    tls->context = gdwsi_tls_context_retain(context);
    if (gdwsi_tls_room_enter(room) == NULL) {
        goto fail;
    }
    tls->place = room;
    if (host != NULL) {
        tls->host = gdwsi_mem_copy_text(host, strlen(host));
        if (tls->host == NULL) {
            goto fail;
        }
    }
    return tls;

fail:
    gdwsi_tls_free(tls);
    return NULL;
}

void gdwsi_tls_free(gdwsi_tls *tls)
{
    if (tls == NULL) {
        return;
    }
    SSL_free(tls->ssl);
    if (tls->place != NULL) {
        gdwsi_tls_room_leave(tls->place);
    }
    gdwsi_tls_context_release(tls->context);
    gdwsi_mem_free(tls->first);
    gdwsi_mem_free(tls->kept);
    gdwsi_mem_free(tls->host);
    gdwsi_mem_free(tls);
}

/* Operations */

static bool begin(gdwsi_tls *tls)
{
    tls->ssl = SSL_new(tls->context->ssl);
    if (tls->ssl == NULL || !connect_bio(tls) || (tls->host != NULL && !set_host(tls))) {
        return false;
    }
    if (tls->context->is_client) {
        SSL_set_connect_state(tls->ssl);
    } else {
        SSL_set_accept_state(tls->ssl);
    }
    return true;
}

static const char *other_side(const gdwsi_tls *tls)
{
    return tls->context->is_client ? "server" : "client";
}

/* fault: behind the name of the other side; NULL: OpenSSL knows. */
static void fail(gdwsi_tls *tls, const char *fault)
{
    gdwsi_tls_room *room = *tls->place;
    tls->state = GDWSI_TLS_FAILED;
    if (tls->is_out_of_memory) {
        (void)snprintf(room->fault, sizeof(room->fault), "out of memory");
    } else if (fault != NULL) {
        (void)snprintf(room->fault, sizeof(room->fault), "the %s %s", other_side(tls), fault);
    } else {
        gdwsi_tls_fault_write(room->fault, tls->ssl, other_side(tls), tls->host);
    }
}

/* After OpenSSL has said that something did not go. */
static void judge(gdwsi_tls *tls, int result)
{
    int error = SSL_get_error(tls->ssl, result);
    if (tls->is_out_of_memory) {
        fail(tls, NULL);
    } else if (tls->is_abusive) {
        fail(tls, "changes its keys all the time");
    } else if (error == SSL_ERROR_ZERO_RETURN) {
        tls->state = GDWSI_TLS_ENDED;
    } else if (error != SSL_ERROR_WANT_READ) {
        fail(tls, NULL);
    }
}

/* Keep what is in the room behind what is kept already. */
static bool keep(gdwsi_tls *tls)
{
    gdwsi_tls_room *room = *tls->place;
    size_t length = room->out_length;
    room->out_length = 0;
    uint8_t *kept = gdwsi_mem_realloc(tls->kept, tls->kept_length + length);
    if (kept == NULL) {
        tls->is_out_of_memory = true;
        fail(tls, NULL);
        return false;
    }
    memcpy(kept + tls->kept_length, room->out, length);
    tls->kept = kept;
    tls->kept_length += length;
    return true;
}

/* What a connection that has broken left in the room goes: it must not go out on another one. */
static void begin_operation(gdwsi_tls *tls)
{
    (*tls->place)->out_length = 0;
    ERR_clear_error();
}

static void finish_operation(gdwsi_tls *tls)
{
    ERR_clear_error();
    if (tls->kept_length == 0 || (*tls->place)->out_length == 0 || !keep(tls)) {
        return;
    }
    if (tls->kept_length > KEPT_MAX && tls->state != GDWSI_TLS_FAILED) {
        fail(tls, "asks, and does not read our answers");
    }
}

/* Whether OpenSSL may see these bytes: a whole first record, or what can be none. */
static bool is_first_record(const uint8_t *bytes, size_t length)
{
    if (length < RECORD_HEAD) {
        return length > 0 && bytes[0] != RECORD_HANDSHAKE;
    }
    size_t size = (size_t)bytes[3] << 8 | bytes[4];
    return bytes[0] != RECORD_HANDSHAKE || size > RECORD_MAX || length >= RECORD_HEAD + size;
}

/* Whether a handshake can begin. OpenSSL needs 64 KiB for one; who does not even send its first
 * record costs us no more than what it has sent. */
static bool gather(gdwsi_tls *tls)
{
    if (tls->context->is_client ||
        (tls->first_length == 0 && is_first_record(tls->input, tls->input_length))) {
        return true;
    }
    uint8_t *first = gdwsi_mem_realloc(tls->first, tls->first_length + tls->input_length);
    if (first == NULL) {
        tls->is_out_of_memory = true;
        fail(tls, NULL);
        return false;
    }
    memcpy(first + tls->first_length, tls->input, tls->input_length);
    tls->first = first;
    tls->first_length += tls->input_length;
    tls->input = first;
    tls->input_length = tls->first_length;
    return is_first_record(tls->first, tls->first_length);
}

gdwsi_tls_state gdwsi_tls_get_state(const gdwsi_tls *tls)
{
    return tls->state;
}

void gdwsi_tls_feed(gdwsi_tls *tls, const uint8_t *bytes, size_t length)
{
    tls->input = bytes;
    tls->input_length = length;
}

gdwsi_tls_state gdwsi_tls_shake_hands(gdwsi_tls *tls)
{
    if (tls->state != GDWSI_TLS_SHAKING_HANDS) {
        return tls->state;
    }
    if (tls->ssl == NULL && !gather(tls)) {
        return tls->state;
    }
    begin_operation(tls);
    if (tls->ssl == NULL && !begin(tls)) {
        tls->is_out_of_memory = true;
        fail(tls, NULL);
        ERR_clear_error();
        return tls->state;
    }
    int result = SSL_do_handshake(tls->ssl);
    if (result == 1) {
        tls->state = GDWSI_TLS_SECURED;
    } else {
        judge(tls, result);
    }
    gdwsi_mem_free(tls->first);
    tls->first = NULL;
    finish_operation(tls);
    return tls->state;
}

size_t gdwsi_tls_read(gdwsi_tls *tls, uint8_t **bytes)
{
    gdwsi_tls_room *room = *tls->place;
    size_t length = 0;
    *bytes = room->plain;
    if (tls->state != GDWSI_TLS_SECURED) {
        return 0;
    }
    begin_operation(tls);
    int result = 1;
    while (result == 1 && length < GDWSI_TLS_ROOM_PLAIN) {
        size_t got = 0;
        result = SSL_read_ex(tls->ssl, room->plain + length, GDWSI_TLS_ROOM_PLAIN - length, &got);
        length += got;
    }
    if (result != 1) {
        judge(tls, result);
    }
    finish_operation(tls);
    return length;
}

bool gdwsi_tls_write(gdwsi_tls *tls, const void *bytes, size_t length)
{
    size_t written = 0;
    bool can_write = tls->state == GDWSI_TLS_SECURED || tls->state == GDWSI_TLS_ENDED;
    if (!can_write || tls->has_ended) {
        return false;
    }
    begin_operation(tls);
    int result = SSL_write_ex(tls->ssl, bytes, length, &written);
    if (result != 1) {
        judge(tls, result);
    }
    finish_operation(tls);
    return result == 1 && tls->state != GDWSI_TLS_FAILED;
}

void gdwsi_tls_end(gdwsi_tls *tls)
{
    bool is_secured = tls->state == GDWSI_TLS_SECURED || tls->state == GDWSI_TLS_ENDED;
    if (!is_secured || tls->has_ended) {
        return;
    }
    tls->has_ended = true;
    begin_operation(tls);
    (void)SSL_shutdown(tls->ssl);
    finish_operation(tls);
}

size_t gdwsi_tls_peek(const gdwsi_tls *tls, const uint8_t **bytes)
{
    const gdwsi_tls_room *room = *tls->place;
    bool is_kept = tls->kept_length > 0;
    *bytes = is_kept ? tls->kept : room->out;
    return is_kept ? tls->kept_length : room->out_length;
}

bool gdwsi_tls_drop(gdwsi_tls *tls, size_t length)
{
    gdwsi_tls_room *room = *tls->place;
    if (tls->kept_length == 0) {
        room->out_length -= length;
        memmove(room->out, room->out + length, room->out_length);
        return room->out_length == 0 || keep(tls);
    }
    tls->kept_length -= length;
    if (tls->kept_length == 0) {
        gdwsi_mem_free(tls->kept);
        tls->kept = NULL;
    } else {
        memmove(tls->kept, tls->kept + length, tls->kept_length);
    }
    return true;
}

size_t gdwsi_tls_kept(const gdwsi_tls *tls)
{
    return tls->kept_length;
}

const char *gdwsi_tls_get_fault(const gdwsi_tls *tls)
{
    return (*tls->place)->fault;
}

char *gdwsi_tls_get_subject(const gdwsi_tls *tls)
{
    char *subject = NULL;
    X509 *certificate = tls->context->is_verifying ? SSL_get0_peer_certificate(tls->ssl) : NULL;
    if (certificate == NULL) {
        return gdwsi_mem_copy_text("", 0);
    }
    BIO *bio = BIO_new(BIO_s_mem());
    /* As the RFC wants it, but letters outside of ASCII as they are. Control characters and NUL are
     * escaped. */
    if (bio != NULL &&
        X509_NAME_print_ex(bio, X509_get_subject_name(certificate), 0,
                           XN_FLAG_RFC2253 & ~(unsigned long)ASN1_STRFLGS_ESC_MSB) >= 0) {
        char *text;
        long length = BIO_get_mem_data(bio, &text);
        subject = gdwsi_mem_copy_text(text, (size_t)length);
    }
    BIO_free(bio);
    ERR_clear_error();
    return subject;
}
