/* SPDX-License-Identifier: MIT */
/* Plain HTTP. A file, or what lies in memory, is sent piece by piece, each when the one before has
 * gone, so that it costs memory for one piece and others get their turn. An answer after which the
 * connection goes on ends when the connection is writeable again: a client that sends many requests
 * at once waits its turn, too. Everything goes out by gdwsi_wire_send_text. */
#include "wire_http.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "answer.h"
#include "frame.h"
#include "handshake.h"
#include "log.h"
#include "mem.h"
#include "wire_write.h"

/* One piece, and how many of them before others get their turn. */
#define PIECE_MAX ((size_t)32 << 10)
#define PIECES_MAX 8

/* So long a client may take for the last of its answer, which the kernel holds, and say more. */
#define LAST_TIMEOUT_MS 5000u

/* RFC 6455 section 7.4.1, and 1013 of the IANA registry. */
enum { CLOSE_POLICY_VIOLATION = 1008, CLOSE_INTERNAL_ERROR = 1011, CLOSE_TRY_AGAIN_LATER = 1013 };

struct gdwsi_wire_answer {
    int descriptor;       /* -1: there is no more to read */
    const uint8_t *bytes; /* what is read instead; NULL: nothing, or no more */
    uint64_t position;
    uint64_t size;
    bool keeps_alive;
};

/* Ending */

/* Nothing more is taken of the connection; it ends once what is unsent has gone. What still comes
 * is read and thrown away (RFC 9112 section 9.6): a socket that is closed with unread data in it
 * takes back what the other side has not received yet. */
static void drop(gdwsi_link *link, bool is_alive)
{
    link->is_dropped = true;
    gdwsi_wire_end_text(link, is_alive);
    gdwsi_link_update_reading(link);
    gdwsi_link_leave(link);
}

/* The same after an answer, the last of which may be megabytes. */
static void drop_answered(gdwsi_link *link)
{
    drop(link, true);
    if (!link->is_killed) {
        gdwsi_link_set_timer(link, GDWSI_LINK_TIMER_CLOSE, LAST_TIMEOUT_MS);
    }
}

/* Whom somebody else has let in is refused with a Close frame. Returns its length. */
static size_t write_close(int status, const char *text, char *target)
{
    char payload[GDWSI_FRAME_CONTROL_MAX + 1];
    gdwsi_frame frame = {.opcode = GDWSI_OPCODE_CLOSE, .final = true};
    int code = CLOSE_POLICY_VIOLATION;
    if (status >= 500) {
        code = status == 503 ? CLOSE_TRY_AGAIN_LATER : CLOSE_INTERNAL_ERROR;
    }
    payload[0] = (char)(code >> 8);
    payload[1] = (char)(code & 0xff);
    /* A longer text might be cut inside of a character. */
    if (text == NULL || text[0] == '\0' || strlen(text) > GDWSI_FRAME_CONTROL_MAX - 2) {
        (void)snprintf(payload + 2, sizeof(payload) - 2, "refused with %d", status);
    } else {
        (void)snprintf(payload + 2, sizeof(payload) - 2, "%s", text);
    }
    frame.length = 2 + strlen(payload + 2);
    size_t header = gdwsi_frame_write_header(&frame, (uint8_t *)target);
    memcpy(target + header, payload, (size_t)frame.length);
    return header + (size_t)frame.length;
}

static bool is_head(const char *method)
{
    return method != NULL && strcmp(method, "HEAD") == 0;
}

void gdwsi_wire_refuse(gdwsi_link *link, int status, const char *text, const char *origin)
{
    gdwsi_wire_refuse_method(link, NULL, status, text, origin);
}

void gdwsi_wire_refuse_method(gdwsi_link *link, const char *method, int status, const char *text,
                              const char *origin)
{
    char answer[GDWSI_ANSWER_MAX];
    size_t length = 0;
    if (link->is_answered) {
        length = write_close(status, text, answer);
    } else if (link->config != NULL) {
        length = gdwsi_answer_write_refusal(link->config, status, text, origin, answer);
        /* RFC 9110 section 9.3.2 */
        length = is_head(method) ? gdwsi_http_find_end(answer, length, 0) : length;
    }
    gdwsi_link_note_error(link, GDWS_CONNECTION_ERROR, "request refused with %d", status);
    gdwsi_log_write(GDWS_LOG_INFO, "%s port %u: request refused with %d",
                    gdws_peer_get_connected_host(&link->peer), link->peer.port, status);
    drop(link, gdwsi_wire_send_text(link, answer, length));
}

void gdwsi_wire_stop_answering(gdwsi_link *link)
{
    if (link->answer != NULL && link->answer->descriptor >= 0) {
        (void)close(link->answer->descriptor);
    }
    gdwsi_mem_free(link->answer);
    link->answer = NULL;
}

/* Sending */

static bool has_more(const struct gdwsi_wire_answer *answer)
{
    return answer->descriptor >= 0 || answer->bytes != NULL;
}

/* Read at most room bytes, from wherever they are. Returns how many, 0 or less when there are none
 * though some were promised: a file that has become shorter cannot be sent. */
static ssize_t read_some(struct gdwsi_wire_answer *answer, char *target, size_t room)
{
    if (answer->bytes == NULL) {
        return pread(answer->descriptor, target, room, (off_t)answer->position);
    }
    memcpy(target, answer->bytes + answer->position, room);
    return (ssize_t)room;
}

/* Send the next piece, behind used bytes that are already in it. Returns false when the connection
 * or the file is broken. */
static bool send_piece(gdwsi_link *link, char *piece, size_t used)
{
    struct gdwsi_wire_answer *answer = link->answer;
    size_t length = used;
    if (has_more(answer)) {
        uint64_t left = answer->size - answer->position;
        size_t room = left < PIECE_MAX - used ? (size_t)left : PIECE_MAX - used;
        ssize_t got = read_some(answer, piece + used, room);
        if (got <= 0) {
            return false;
        }
        length += (size_t)got;
        answer->position += (uint64_t)got;
        if (answer->position == answer->size) {
            if (answer->descriptor >= 0) {
                (void)close(answer->descriptor);
            }
            answer->descriptor = -1;
            answer->bytes = NULL;
        }
    }
    return gdwsi_wire_send_text(link, piece, length);
}

/* Send pieces while it is our turn and the connection takes them. */
static bool send_pieces(gdwsi_link *link)
{
    char piece[PIECE_MAX];
    bool is_alive = true;
    for (int i = 0;
         i < PIECES_MAX && is_alive && !gdwsi_wire_has_unsent(link) && has_more(link->answer);
         i++) {
        is_alive = send_piece(link, piece, 0);
    }
    return is_alive;
}

bool gdwsi_wire_go_on_answering(gdwsi_link *link)
{
    struct gdwsi_wire_answer *answer = link->answer;
    gdwsi_link_set_timer(link, GDWSI_LINK_TIMER_HANDSHAKE, GDWSI_LINK_STALL_TIMEOUT_MS);
    if (!gdwsi_wire_has_unsent(link) && !send_pieces(link)) {
        gdwsi_link_kill(link);
        return false;
    }
    if (gdwsi_wire_has_unsent(link) || has_more(answer)) {
        gdwsi_wire_ask_for_writeable(link);
        return false;
    }
    bool keeps_alive = answer->keeps_alive;
    gdwsi_wire_stop_answering(link);
    if (!keeps_alive) {
        drop_answered(link);
        return false;
    }
    gdwsi_link_set_timer(link, GDWSI_LINK_TIMER_HANDSHAKE, link->handshake_timeout_ms);
    return true;
}

/* Whether the client wants, and may have, another answer on this connection (RFC 9112 section 9.3).
 */
static bool is_kept_alive(const gdwsi_http_head *request)
{
    return request->minor_version > 0 && !gdwsi_http_has_token(request, "Connection", "close") &&
           !gdwsi_handshake_has_body(request);
}

/* Begin to send the link's new answer, whose head is written, at the beginning of a piece. */
static void begin(gdwsi_link *link, char *piece, size_t length)
{
    gdwsi_link_set_timer(link, GDWSI_LINK_TIMER_HANDSHAKE, GDWSI_LINK_STALL_TIMEOUT_MS);
    if (send_piece(link, piece, length)) {
        gdwsi_wire_ask_for_writeable(link);
    } else {
        gdwsi_link_kill(link);
    }
}

/* The same; the file, if there is one, becomes the answer's. */
static void start(gdwsi_link *link, const gdwsi_http_head *request, char *piece, size_t length,
                  gdwsi_file *file)
{
    struct gdwsi_wire_answer *answer = length > 0 ? gdwsi_mem_calloc(1, sizeof(*answer)) : NULL;
    if (answer == NULL) {
        if (file != NULL && file->descriptor >= 0) {
            (void)close(file->descriptor);
        }
        gdwsi_wire_refuse_method(link, request->method, 500, NULL, NULL);
        return;
    }
    answer->descriptor = file != NULL ? file->descriptor : -1;
    answer->size = file != NULL ? file->size : 0;
    answer->keeps_alive = is_kept_alive(request);
    link->answer = answer;
    begin(link, piece, length);
}

/* Answering */

/* Lines that allow what the browser asks about (the CORS protocol of the Fetch standard). */
static void answer_preflight(gdwsi_link *link, const gdwsi_http_head *request, const char *origin)
{
    char piece[GDWSI_ANSWER_MAX];
    gdwsi_writer writer = {.text = piece, .size = sizeof(piece)};
    const char *wanted = gdwsi_http_get(request, "Access-Control-Request-Headers");
    gdwsi_answer_begin(&writer, link->config, 204, origin);
    gdwsi_writer_add(&writer, "Allow: GET, HEAD, OPTIONS\r\n");
    if (origin != NULL) {
        gdwsi_writer_add(&writer, "Access-Control-Allow-Methods: GET, HEAD, OPTIONS\r\n"
                                  "Access-Control-Max-Age: 600\r\n");
    }
    if (origin != NULL && wanted != NULL && strlen(wanted) < GDWSI_ANSWER_MAX / 2) {
        gdwsi_writer_add(&writer, "Access-Control-Allow-Headers: %s\r\n", wanted);
    }
    gdwsi_answer_end(&writer, is_kept_alive(request));
    start(link, request, piece, gdwsi_writer_finish(&writer), NULL);
}

/* The directory's page is at the same path with a slash. Only what is surely a path is sent back:
 * what a browser could take for another host is none that was found. */
static void add_location(gdwsi_writer *writer, const char *path)
{
    size_t length = strcspn(path, "?");
    gdwsi_writer_add(writer, "Location: %.*s/%s\r\nContent-Length: 0\r\n", (int)length, path,
                     path + length);
}

static void answer_found(gdwsi_link *link, const gdwsi_http_head *request, const char *origin,
                         int status, gdwsi_file *file)
{
    char piece[PIECE_MAX];
    gdwsi_writer writer = {.text = piece, .size = PIECE_MAX / 2};
    bool is_same =
        status == 200 && gdwsi_files_has_tag(file, gdwsi_http_get(request, "If-None-Match"));
    gdwsi_answer_begin(&writer, link->config, is_same ? 304 : status, origin);
    if (status == 301) {
        add_location(&writer, gdwsi_http_path(request->target));
    } else {
        gdwsi_writer_add(&writer, "ETag: %s\r\nCache-Control: no-cache\r\n", file->tag);
    }
    if (status == 200 && !is_same) {
        gdwsi_writer_add(&writer, "Content-Type: %s\r\nContent-Length: %llu\r\n", file->type,
                         (unsigned long long)file->size);
    }
    gdwsi_answer_end(&writer, is_kept_alive(request));
    if (file->descriptor >= 0 && (is_head(request->method) || is_same || file->size == 0)) {
        (void)close(file->descriptor);
        file->descriptor = -1;
    }
    start(link, request, piece, gdwsi_writer_finish(&writer), file);
}

/* A page's missing file must not cost the page its connection. */
static void answer_missing(gdwsi_link *link, const gdwsi_http_head *request, const char *origin,
                           int status)
{
    static const char text[] = "There is no such file.\n";
    char piece[GDWSI_ANSWER_MAX];
    gdwsi_writer writer = {.text = piece, .size = sizeof(piece)};
    gdwsi_answer_begin(&writer, link->config, status, origin);
    gdwsi_writer_add(&writer, "Content-Type: text/plain; charset=utf-8\r\nContent-Length: %zu\r\n",
                     sizeof(text) - 1);
    gdwsi_answer_end(&writer, is_kept_alive(request));
    if (!is_head(request->method)) {
        gdwsi_writer_add(&writer, "%s", text);
    }
    start(link, request, piece, gdwsi_writer_finish(&writer), NULL);
}

void gdwsi_wire_answer_from_memory(gdwsi_link *link, const gdwsi_http_head *request,
                                   const gdwsi_resource *resource)
{
    char piece[PIECE_MAX];
    gdwsi_writer writer = {.text = piece, .size = PIECE_MAX / 2};
    bool has_body = !is_head(request->method) && resource->length > 0;
    if (!is_head(request->method) && strcmp(request->method, "GET") != 0) {
        gdwsi_wire_refuse(link, 405, NULL, NULL);
        return;
    }
    gdwsi_answer_begin(&writer, link->config, 200, NULL);
    gdwsi_writer_add(&writer, "%sContent-Type: %s\r\nContent-Length: %zu\r\n", resource->headers,
                     resource->type, resource->length);
    gdwsi_answer_end(&writer, is_kept_alive(request));
    size_t length = gdwsi_writer_finish(&writer);
    struct gdwsi_wire_answer *answer = length > 0 ? gdwsi_mem_calloc(1, sizeof(*answer)) : NULL;
    if (answer == NULL) {
        gdwsi_wire_refuse_method(link, request->method, 500, NULL, NULL);
        return;
    }
    answer->descriptor = -1;
    answer->bytes = has_body ? resource->bytes : NULL;
    answer->size = resource->length;
    answer->keeps_alive = is_kept_alive(request);
    link->answer = answer;
    begin(link, piece, length);
}

void gdwsi_wire_answer(gdwsi_link *link, const gdwsi_http_head *request)
{
    gdwsi_file file = {.descriptor = -1};
    const char *origin = gdwsi_http_get(request, "Origin");
    bool is_reading = strcmp(request->method, "GET") == 0 || is_head(request->method);
    if (!gdwsi_config_allows_origin(link->config, origin)) {
        gdwsi_wire_refuse_method(link, request->method, 403, NULL, origin);
    } else if (strcmp(request->method, "OPTIONS") == 0) {
        answer_preflight(link, request, origin);
    } else if (link->config->files == NULL) {
        gdwsi_wire_refuse_method(link, request->method, 426, NULL, origin);
    } else if (!is_reading) {
        gdwsi_wire_refuse(link, 405, NULL, origin);
    } else {
        int status = gdwsi_files_find(link->config->files, gdwsi_http_path(request->target), &file);
        if (status == 200 || status == 301) {
            answer_found(link, request, origin, status, &file);
        } else if (status == 404) {
            answer_missing(link, request, origin, status);
        } else {
            gdwsi_wire_refuse_method(link, request->method, status,
                                     status == 503 ? "Files cannot be opened at the moment."
                                                   : "The path is badly encoded.",
                                     origin);
        }
    }
}
