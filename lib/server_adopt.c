/* SPDX-License-Identifier: MIT */
/* Connections that another server has accepted. What it has read of them is used by the next poll,
 * as if it came from the socket then. */
#include "server.h"

#include <string.h>
#include <unistd.h>

#include "adoption.h"
#include "handshake.h"
#include "http.h"
#include "mem.h"
#include "wire_tls.h"

typedef struct given_bytes {
    const char *head; /* of a request that has been answered; NULL for none */
    const void *bytes;
    size_t length;
} given_bytes;

/* Make a link and have it take over the copy. A copy that is not taken over is closed. */
static gdws_error take_over(gdws_server *server, const gdwsi_adoption *adoption,
                            const given_bytes *given)
{
    gdws_error error = GDWS_OUT_OF_MEMORY;
    gdwsi_link *link = gdwsi_server_add_link(server, adoption->host, adoption->port);
    if (link == NULL) {
        goto fail;
    }
    link->is_answered = given->head != NULL;
    error = GDWS_OK;
    if (link->is_answered) {
        error = gdwsi_link_give(link, given->head, strlen(given->head));
    }
    if (error == GDWS_OK) {
        error = gdwsi_link_give(link, given->bytes, given->length);
    }
    /* Who has answered a request has done what TLS there was. */
    if (error == GDWS_OK && server->tls_context != NULL && !link->is_answered) {
        error = gdwsi_wire_tls_start(link, server->tls_context, NULL);
    }
    if (error != GDWS_OK) {
        goto fail;
    }
    error = gdwsi_endpoint_adopt(server->adopting, link, adoption->copy);
    if (error != GDWS_OK) {
        gdwsi_server_release_link(server, link);
    }
    return error;

fail:
    (void)close(adoption->copy);
    if (link != NULL) {
        gdwsi_server_release_link(server, link);
    }
    return error;
}

/* Before the first adoption. */
static gdws_error begin(gdws_server *server)
{
    gdws_error error = GDWS_OK;
    if (server->adopting != NULL) {
        return GDWS_OK;
    }
    if (!gdwsi_server_is_open(server)) {
        error = gdwsi_server_prepare_tls(server);
    }
    if (error == GDWS_OK) {
        error = gdwsi_endpoint_get_wire(server->loop, &server->config, &server->adopting);
    }
    return error;
}

static gdws_error adopt(gdws_server *server, int fd, const given_bytes *given)
{
    gdwsi_adoption adoption;
    if (server->is_freed) {
        return GDWS_UNAVAILABLE;
    }
    bool was_adopting = server->adopting != NULL;
    gdws_error error = gdwsi_adoption_begin(&adoption, fd);
    if (error != GDWS_OK) {
        return error;
    }
    error = begin(server);
    if (error == GDWS_OK) {
        error = take_over(server, &adoption, given);
    } else {
        (void)close(adoption.copy);
    }
    gdwsi_adoption_end(&adoption, error == GDWS_OK);
    if (error != GDWS_OK && !was_adopting && server->adopting != NULL) {
        gdwsi_endpoint_release(server->adopting);
        server->adopting = NULL;
    }
    return error;
}

gdws_error gdws_server_adopt_socket(gdws_server *server, int fd, const void *already_read,
                                    size_t length)
{
    given_bytes given = {.bytes = already_read, .length = length};
    if (server == NULL || (already_read == NULL && length > 0)) {
        return GDWS_INVALID_PARAMETER;
    }
    return adopt(server, fd, &given);
}

static bool is_whole_head(const char *head)
{
    return head != NULL && head[0] != '\0' &&
           gdwsi_http_find_end(head, strlen(head), 0) == strlen(head);
}

gdws_error gdws_server_adopt_upgraded(gdws_server *server, int fd, const char *head,
                                      const void *already_read, size_t length)
{
    given_bytes given = {.head = head, .bytes = already_read, .length = length};
    if (server == NULL || !is_whole_head(head) || (already_read == NULL && length > 0)) {
        return GDWS_INVALID_PARAMETER;
    }
    return adopt(server, fd, &given);
}

/* Hand over the headers of an answer. Connection is the business of who writes the answer. */
static void list_headers(char *text, size_t length, gdws_header_function add, void *user)
{
    gdwsi_http_head answer;
    if (add == NULL || !gdwsi_http_parse_answer(&answer, text, length)) {
        return;
    }
    for (size_t i = 0; i < answer.count; i++) {
        if (strcmp(answer.headers[i].name, "Connection") != 0) {
            add(answer.headers[i].name, answer.headers[i].value, user);
        }
    }
}

static int judge(const gdws_server *server, char *text, size_t length, gdws_header_function add,
                 void *user)
{
    gdwsi_http_head head;
    gdwsi_offer offer;
    char answer[GDWSI_HANDSHAKE_TEXT_MAX];
    int status = gdwsi_http_parse_request(&head, text, length);
    if (status == 0) {
        status = gdwsi_handshake_judge_head(&head);
    }
    if (status == 0) {
        status = gdwsi_handshake_judge_request(&server->config, &head, &offer);
    }
    if (status == 0 && server->max_peers > 0 && server->admitted >= server->max_peers) {
        status = 503;
    }
    if (status != 0) {
        return status;
    }
    length = gdwsi_handshake_write_answer(&server->config, &head, &offer, answer, sizeof(answer));
    if (length == 0) {
        return 500;
    }
    list_headers(answer, length, add, user);
    return 101;
}

int gdws_server_judge_request(const gdws_server *server, const char *head, gdws_header_function add,
                              void *user)
{
    if (server == NULL || !is_whole_head(head)) {
        return 400;
    }
    size_t length = strlen(head);
    if (length > server->config.request_bytes_max) {
        return 431;
    }
    char *text = gdwsi_mem_copy_text(head, length);
    if (text == NULL) {
        return 500;
    }
    int status = judge(server, text, length, add, user);
    gdwsi_mem_free(text);
    return status;
}
