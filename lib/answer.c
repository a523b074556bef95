/* SPDX-License-Identifier: MIT */
/* Plain HTTP answers. What comes from the request and is sent back (the origin) has no control
 * characters: http takes no head that has any. */
#include "answer.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#define ORIGIN_MAX 255

static const struct {
    int status;
    const char *name;
    const char *text; /* for a refusal */
} statuses[] = {
    {200, "OK", ""},
    {204, "No Content", ""},
    {301, "Moved Permanently", ""},
    {304, "Not Modified", ""},
    {400, "Bad Request",
     "The WebSocket handshake is malformed, or offers no subprotocol that is spoken here."},
    {401, "Unauthorized", "Who are you?"},
    {403, "Forbidden", "Web pages of this origin may not connect here."},
    {404, "Not Found", "There is no such file."},
    {405, "Method Not Allowed", "Only GET, HEAD and OPTIONS are answered here."},
    {409, "Conflict", "The request is in conflict with another."},
    {410, "Gone", "This is no more."},
    {426, "Upgrade Required", "This is a WebSocket server, version 13."},
    {429, "Too Many Requests", "Too many requests."},
    {431, "Request Header Fields Too Large", "The request is too long."},
    {500, "Internal Server Error", "Out of memory."},
    {503, "Service Unavailable", "No new connections are taken at the moment."},
    {505, "HTTP Version Not Supported", "This server speaks HTTP/1.1."},
};

static size_t find_status(int status)
{
    size_t i = sizeof(statuses) / sizeof(statuses[0]);
    while (i > 0 && statuses[i - 1].status != status) {
        i--;
    }
    return i;
}

/* RFC 9110 section 5.6.7, in whatever locale the program is. */
static void add_date(gdwsi_writer *writer)
{
    static const char days[] = "SunMonTueWedThuFriSat";
    static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    time_t now = time(NULL);
    struct tm utc;
    if (gmtime_r(&now, &utc) != NULL) {
        gdwsi_writer_add(writer, "Date: %.3s, %02d %.3s %04d %02d:%02d:%02d GMT\r\n",
                         days + 3 * (utc.tm_wday % 7), utc.tm_mday, months + 3 * (utc.tm_mon % 12),
                         utc.tm_year + 1900, utc.tm_hour, utc.tm_min, utc.tm_sec);
    }
}

static void add_origin(gdwsi_writer *writer, const gdwsi_config *config, const char *origin)
{
    char lines[ORIGIN_MAX + 64];
    size_t length = 0;
    if (gdwsi_config_allows_origin(config, origin)) {
        length = gdwsi_answer_write_origin(origin, lines, sizeof(lines));
    }
    if (length > 0) {
        gdwsi_writer_add(writer, "%.*s", (int)length, lines);
    } else {
        gdwsi_writer_add(writer, "Vary: Origin\r\n");
    }
}

void gdwsi_answer_begin(gdwsi_writer *writer, const gdwsi_config *config, int status,
                        const char *origin)
{
    size_t found = find_status(status);
    gdwsi_writer_add(writer, "HTTP/1.1 %d %s\r\n", status,
                     found > 0 ? statuses[found - 1].name : "Refused");
    add_date(writer);
    add_origin(writer, config, origin);
    gdwsi_writer_add(writer, "X-Content-Type-Options: nosniff\r\n");
    if (config->is_cross_origin_isolated) {
        gdwsi_writer_add(writer, "Cross-Origin-Opener-Policy: same-origin\r\n"
                                 "Cross-Origin-Embedder-Policy: require-corp\r\n");
    }
}

void gdwsi_answer_end(gdwsi_writer *writer, bool keeps_alive)
{
    gdwsi_writer_add(writer, "Connection: %s\r\n\r\n", keeps_alive ? "keep-alive" : "close");
}

size_t gdwsi_answer_write_origin(const char *origin, char *lines, size_t capacity)
{
    if (origin == NULL || strlen(origin) > ORIGIN_MAX) {
        return 0;
    }
    int length =
        snprintf(lines, capacity, "Access-Control-Allow-Origin: %s\r\nVary: Origin\r\n", origin);
    if (length < 0 || (size_t)length >= capacity) {
        return 0;
    }
    return (size_t)length;
}

size_t gdwsi_answer_write_refusal(const gdwsi_config *config, int status, const char *text,
                                  const char *origin, char answer[GDWSI_ANSWER_MAX])
{
    gdwsi_writer writer = {.text = answer, .size = GDWSI_ANSWER_MAX};
    size_t found = find_status(status);
    if (text == NULL || text[0] == '\0') {
        text = found > 0 ? statuses[found - 1].text : "The request is refused.";
    }
    gdwsi_answer_begin(&writer, config, status, origin);
    if (status == 426) {
        gdwsi_writer_add(&writer, "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n");
    } else if (status == 405) {
        gdwsi_writer_add(&writer, "Allow: GET, HEAD, OPTIONS\r\n");
    }
    gdwsi_writer_add(&writer,
                     "Content-Type: text/plain; charset=utf-8\r\nContent-Length: %zu\r\n"
                     "Connection: %s\r\n\r\n%s\n",
                     strlen(text) + 1, status == 426 ? "close, Upgrade" : "close", text);
    return gdwsi_writer_finish(&writer);
}
