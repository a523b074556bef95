/* SPDX-License-Identifier: MIT */
/* See rawsock.h. */
#include "rawsock.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <arpa/inet.h>
#include <check.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/sha.h>
#include <openssl/ssl.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "certs.h"
#include "world.h"

static void adopt(rawsock *raw, gdws_loop *loop, int descriptor)
{
    int on = 1;
    memset(raw, 0, sizeof(*raw));
    raw->loop = loop;
    raw->descriptor = descriptor;
    ck_assert_int_ge(descriptor, 0);
    (void)setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    ck_assert_int_eq(fcntl(descriptor, F_SETFL, O_NONBLOCK), 0);
}

static struct sockaddr_in loopback(uint16_t port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return address;
}

void rawsock_connect_plain(rawsock *raw, gdws_loop *loop, uint16_t port)
{
    struct sockaddr_in address = loopback(port);
    int descriptor = socket(AF_INET, SOCK_STREAM, 0);
    ck_assert_int_eq(connect(descriptor, (struct sockaddr *)&address, sizeof(address)), 0);
    adopt(raw, loop, descriptor);
}

void rawsock_connect_unix(rawsock *raw, gdws_loop *loop, const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    (void)snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
    int descriptor = socket(AF_UNIX, SOCK_STREAM, 0);
    ck_assert_int_eq(connect(descriptor, (struct sockaddr *)&address, sizeof(address)), 0);
    adopt(raw, loop, descriptor);
}

int rawsock_hold_port(uint16_t *port)
{
    struct sockaddr_in address = loopback(0);
    socklen_t length = sizeof(address);
    int on = 1;
    int descriptor = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    ck_assert_int_eq(setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)), 0);
    ck_assert_int_eq(bind(descriptor, (struct sockaddr *)&address, sizeof(address)), 0);
    ck_assert_int_eq(getsockname(descriptor, (struct sockaddr *)&address, &length), 0);
    *port = ntohs(address.sin_port);
    return descriptor;
}

int rawsock_listen(uint16_t *port)
{
    int descriptor = rawsock_hold_port(port);
    ck_assert_int_eq(listen(descriptor, 16), 0);
    return descriptor;
}

void rawsock_accept_plain(rawsock *raw, gdws_loop *loop, int listener)
{
    int descriptor = -1;
    WAIT_FOR_ON(loop, (descriptor = accept(listener, NULL, NULL)) >= 0);
    adopt(raw, loop, descriptor);
}

void rawsock_close(rawsock *raw)
{
    (void)close(raw->descriptor);
    free(raw->bytes);
    SSL_free(raw->tls);
    memset(raw, 0, sizeof(*raw));
    raw->descriptor = -1;
}

static void make_room(rawsock *raw)
{
    if (raw->capacity - raw->length < 65536) {
        raw->capacity = raw->capacity * 2 + 131072;
        raw->bytes = realloc(raw->bytes, raw->capacity);
        ck_assert_ptr_nonnull(raw->bytes);
    }
}

/* Decrypt what is there. After the other side's close_notify only TCP can end. */
static void decrypt(rawsock *raw)
{
    int got = 1;
    while (got > 0) {
        make_room(raw);
        got = SSL_read(raw->tls, raw->bytes + raw->length, 65536);
        raw->length += got > 0 ? (size_t)got : 0;
    }
    if (SSL_get_error(raw->tls, got) != SSL_ERROR_WANT_READ) {
        raw->is_tls_ended = true;
    }
    ERR_clear_error();
}

void rawsock_receive(rawsock *raw)
{
    uint8_t sealed[65536];
    make_room(raw);
    ssize_t got = raw->tls != NULL ? recv(raw->descriptor, sealed, sizeof(sealed), 0)
                                   : recv(raw->descriptor, raw->bytes + raw->length, 65536, 0);
    if (got > 0 && raw->tls == NULL) {
        raw->length += (size_t)got;
    } else if (got > 0) {
        (void)BIO_write(SSL_get_rbio(raw->tls), sealed, (int)got);
        if (!raw->is_tls_ended && SSL_is_init_finished(raw->tls)) {
            decrypt(raw);
        }
    } else if (got == 0 || (errno != EAGAIN && errno != EINTR)) {
        raw->is_ended = true;
    }
}

static void send_bytes(rawsock *raw, const void *bytes, size_t length, size_t piece)
{
    const uint8_t *next = bytes;
    uint64_t limit = world_now_ms() + WORLD_LIMIT_MS;
    while (length > 0) {
        size_t size = piece > 0 && piece < length ? piece : length;
        ssize_t sent = send(raw->descriptor, next, size, MSG_NOSIGNAL);
        if (sent < 0 && errno != EAGAIN) {
            return; /* the other side has closed, which the test sees by itself */
        }
        if (sent > 0) {
            next += sent;
            length -= (size_t)sent;
        }
        ck_assert(world_now_ms() < limit);
        if (length > 0) {
            gdws_loop_wait(raw->loop, sent > 0 ? 0 : 5);
            rawsock_receive(raw);
        }
    }
}

/* Send what TLS has to say. */
static void send_sealed(rawsock *raw, size_t piece)
{
    static uint8_t sealed[1 << 20];
    int length = BIO_read(SSL_get_wbio(raw->tls), sealed, sizeof(sealed));
    while (length > 0) {
        send_bytes(raw, sealed, (size_t)length, raw->piece > 0 ? raw->piece : piece);
        length = BIO_read(SSL_get_wbio(raw->tls), sealed, sizeof(sealed));
    }
}

void rawsock_flush(rawsock *raw)
{
    send_sealed(raw, 0);
}

void rawsock_send_plain(rawsock *raw, const void *bytes, size_t length)
{
    send_bytes(raw, bytes, length, 0);
}

void rawsock_end(rawsock *raw)
{
    (void)shutdown(raw->descriptor, SHUT_WR);
}

void rawsock_stop_listening(int listener)
{
    (void)close(listener);
}

void rawsock_send(rawsock *raw, const void *bytes, size_t length, size_t piece)
{
    if (raw->tls == NULL) {
        send_bytes(raw, bytes, length, piece);
        return;
    }
    const uint8_t *next = bytes;
    while (length > 0) {
        size_t size = piece > 0 && piece < length ? piece : length;
        if (SSL_write(raw->tls, next, (int)size) != (int)size) {
            return; /* it is over, which the test sees by itself */
        }
        next += size;
        length -= size;
        send_sealed(raw, piece);
        if (piece > 0) {
            gdws_loop_wait(raw->loop, 0);
            rawsock_receive(raw);
        }
    }
}

ssize_t rawsock_try_send(rawsock *raw, const void *bytes, size_t length)
{
    ssize_t taken = 0;
    char *sealed;
    if (raw->tls == NULL) {
        return send(raw->descriptor, bytes, length, MSG_DONTWAIT | MSG_NOSIGNAL);
    }
    BIO *out = SSL_get_wbio(raw->tls);
    if (BIO_pending(out) == 0) {
        taken = SSL_write(raw->tls, bytes, (int)length);
    }
    long left = BIO_get_mem_data(out, &sealed);
    ssize_t sent = send(raw->descriptor, sealed, (size_t)left, MSG_DONTWAIT | MSG_NOSIGNAL);
    while (sent > 0) {
        char ignored[4096];
        int gone = BIO_read(out, ignored, sent < 4096 ? (int)sent : 4096);
        sent -= gone;
    }
    return sent < 0 ? -1 : taken;
}

static SSL_CTX *usual_context(bool is_client)
{
    static SSL_CTX *contexts[2];
    SSL_CTX **context = &contexts[is_client ? 0 : 1];
    if (*context == NULL) {
        *context = SSL_CTX_new(is_client ? TLS_client_method() : TLS_server_method());
        ck_assert_ptr_nonnull(*context);
        if (!is_client) {
            cert_use(*context, cert_localhost());
        }
    }
    return *context;
}

bool rawsock_secure(rawsock *raw, SSL_CTX *context, bool is_client)
{
    uint64_t limit = world_now_ms() + WORLD_LIMIT_MS;
    raw->tls = SSL_new(context != NULL ? context : usual_context(is_client));
    SSL_set_bio(raw->tls, BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem()));
    /* What was read before belongs to TLS. */
    (void)BIO_write(SSL_get_rbio(raw->tls), raw->bytes, (int)raw->length);
    raw->length = 0;
    if (is_client) {
        SSL_set_connect_state(raw->tls);
    } else {
        SSL_set_accept_state(raw->tls);
    }
    int result = SSL_do_handshake(raw->tls);
    send_sealed(raw, 0);
    while (result != 1 && SSL_get_error(raw->tls, result) == SSL_ERROR_WANT_READ &&
           !raw->is_ended) {
        gdws_loop_wait(raw->loop, 2);
        rawsock_receive(raw);
        result = SSL_do_handshake(raw->tls);
        send_sealed(raw, 0);
        ck_assert_msg(world_now_ms() < limit, "no end of a TLS handshake");
    }
    if (result == 1) {
        decrypt(raw);
    }
    return result == 1;
}

void rawsock_connect(rawsock *raw, gdws_loop *loop, uint16_t port)
{
    rawsock_connect_plain(raw, loop, port);
    ck_assert(!world_is_secure() || rawsock_secure(raw, NULL, true));
}

void rawsock_accept(rawsock *raw, gdws_loop *loop, int listener)
{
    rawsock_accept_plain(raw, loop, listener);
    ck_assert(!world_is_secure() || rawsock_secure(raw, NULL, false));
}

void rawsock_wait_for(rawsock *raw, size_t length)
{
    uint64_t limit = world_now_ms() + WORLD_LIMIT_MS;
    rawsock_receive(raw);
    while (raw->length < length && !raw->is_ended) {
        ck_assert_msg(world_now_ms() < limit, "%zu of %zu bytes came", raw->length, length);
        gdws_loop_wait(raw->loop, 2);
        rawsock_receive(raw);
    }
}

void rawsock_wait_for_end(rawsock *raw, uint64_t limit_ms)
{
    uint64_t limit = world_now_ms() + limit_ms;
    while (!raw->is_ended) {
        ck_assert_msg(world_now_ms() < limit, "the connection is still open");
        gdws_loop_wait(raw->loop, 2);
        rawsock_receive(raw);
    }
}

void rawsock_consume(rawsock *raw, size_t length)
{
    memmove(raw->bytes, raw->bytes + length, raw->length - length);
    raw->length -= length;
}

void rawsock_read_headers(rawsock *raw, char *text, size_t size)
{
    const uint8_t *end = NULL;
    size_t wanted = 1;
    while (end == NULL) {
        rawsock_wait_for(raw, wanted);
        end = raw->length > 0 ? memmem(raw->bytes, raw->length, "\r\n\r\n", 4) : NULL;
        ck_assert_msg(end != NULL || !raw->is_ended, "no whole block of headers came");
        wanted = raw->length + 1;
    }
    size_t length = (size_t)(end - raw->bytes) + 4;
    ck_assert_uint_lt(length, size);
    memcpy(text, raw->bytes, length);
    text[length] = '\0';
    rawsock_consume(raw, length);
}

void rawsock_upgrade(rawsock *raw)
{
    static const char request[] = "GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\n"
                                  "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
                                  "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
    char answer[4096];
    rawsock_send(raw, request, sizeof(request) - 1, 0);
    rawsock_read_headers(raw, answer, sizeof(answer));
    ck_assert_msg(strncmp(answer, "HTTP/1.1 101", 12) == 0, "%s", answer);
    ck_assert_ptr_nonnull(strstr(answer, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="));
}

void rawsock_answer_upgrade(rawsock *raw, const char *extra_lines)
{
    char request[4096];
    char answer[4096];
    uint8_t digest[SHA_DIGEST_LENGTH];
    char accept_key[64];
    char source[128];
    rawsock_read_headers(raw, request, sizeof(request));
    const char *key = strcasestr(request, "Sec-WebSocket-Key: ");
    ck_assert_ptr_nonnull(key);
    (void)snprintf(source, sizeof(source), "%.24s258EAFA5-E914-47DA-95CA-C5AB0DC85B11", key + 19);
    (void)SHA1((const unsigned char *)source, strlen(source), digest);
    (void)EVP_EncodeBlock((unsigned char *)accept_key, digest, sizeof(digest));
    int length = snprintf(answer, sizeof(answer),
                          "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
                          "Connection: Upgrade\r\nSec-WebSocket-Accept: %s\r\n%s\r\n",
                          accept_key, extra_lines);
    rawsock_send(raw, answer, (size_t)length, 0);
}

size_t rawsock_frame(uint8_t *target, uint8_t first, const void *payload, size_t length,
                     bool is_masked)
{
    static const uint8_t mask[4] = {0x37, 0xfa, 0x21, 0x3d};
    uint8_t *next = target;
    uint8_t mask_bit = is_masked ? 0x80 : 0;
    *next++ = first;
    if (length < 126) {
        *next++ = (uint8_t)(mask_bit | length);
    } else if (length < 65536) {
        *next++ = (uint8_t)(mask_bit | 126);
        *next++ = (uint8_t)(length >> 8);
        *next++ = (uint8_t)length;
    } else {
        *next++ = (uint8_t)(mask_bit | 127);
        for (int shift = 56; shift >= 0; shift -= 8) {
            *next++ = (uint8_t)(length >> shift);
        }
    }
    if (is_masked) {
        memcpy(next, mask, 4);
        next += 4;
    }
    for (size_t i = 0; i < length; i++) {
        next[i] = (uint8_t)(((const uint8_t *)payload)[i] ^ (is_masked ? mask[i & 3] : 0));
    }
    return (size_t)(next - target) + length;
}

void rawsock_send_frame(rawsock *raw, uint8_t first, const void *payload, size_t length,
                        bool is_masked)
{
    uint8_t *bytes = malloc(length + 14);
    size_t size = rawsock_frame(bytes, first, payload, length, is_masked);
    rawsock_send(raw, bytes, size, 0);
    free(bytes);
}

int rawsock_read_frame(rawsock *raw, const uint8_t **payload, size_t *length)
{
    static uint8_t *copy;
    size_t header = 2;
    size_t size = 0;
    rawsock_wait_for(raw, 2);
    if (raw->length < 2) {
        return -1;
    }
    bool is_masked = (raw->bytes[1] & 0x80) != 0;
    size = raw->bytes[1] & 0x7f;
    size_t extra = size == 126 ? 2 : (size == 127 ? 8 : 0);
    header += extra + (is_masked ? 4 : 0);
    rawsock_wait_for(raw, header);
    ck_assert_uint_ge(raw->length, header);
    if (extra > 0) {
        size = 0;
        for (size_t i = 0; i < extra; i++) {
            size = size << 8 | raw->bytes[2 + i];
        }
    }
    rawsock_wait_for(raw, header + size);
    ck_assert_uint_ge(raw->length, header + size);
    copy = realloc(copy, size + 1);
    for (size_t i = 0; i < size; i++) {
        uint8_t mask = is_masked ? raw->bytes[header - 4 + (i & 3)] : 0;
        copy[i] = (uint8_t)(raw->bytes[header + i] ^ mask);
    }
    copy[size] = 0;
    int first = raw->bytes[0];
    rawsock_consume(raw, header + size);
    *payload = copy;
    *length = size;
    return first;
}

void rawsock_expect_close(rawsock *raw, int code)
{
    const uint8_t *payload;
    size_t length;
    int first = rawsock_read_frame(raw, &payload, &length);
    ck_assert_msg(first == 0x88, "first byte of the frame is 0x%02x, not a Close", first);
    int got = length >= 2 ? payload[0] << 8 | payload[1] : 1005;
    ck_assert_int_eq(got, code);
}
