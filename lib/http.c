/* SPDX-License-Identifier: MIT */
/* Heads of HTTP/1.x messages. Strict where leniency has been a hole elsewhere: lines end with CRLF,
 * no folded lines, no white space before a colon, no control characters. */
#include "http.h"

#include <string.h>
#include <strings.h>

size_t gdwsi_http_find_end(const char *text, size_t length, size_t known)
{
    size_t from = known > 3 ? known - 3 : 0;
    if (length < 4 || from >= length) {
        return 0;
    }
    const char *end = memmem(text + from, length - from, "\r\n\r\n", 4);
    return end != NULL ? (size_t)(end - text) + 4 : 0;
}

/* RFC 9110 section 5.6.2 */
static bool is_token(const char *text)
{
    static const char others[] = "!#$%&'*+-.^_`|~";
    const char *at = text;
    while ((*at >= 'a' && *at <= 'z') || (*at >= 'A' && *at <= 'Z') || (*at >= '0' && *at <= '9') ||
           (*at != '\0' && strchr(others, *at) != NULL)) {
        at++;
    }
    return *at == '\0' && at != text;
}

/* Cut the next line off. Returns NULL at the blank line that ends the head, and for a line that
 * holds a control character (then *is_bad is set). */
static char *cut_line(char **text, char *end, bool *is_bad)
{
    char *line = *text;
    char *stop = line;
    while (stop < end && ((unsigned char)*stop >= ' ' || *stop == '\t') && *stop != 0x7f) {
        stop++;
    }
    if (end - stop < 2 || stop[0] != '\r' || stop[1] != '\n') {
        *is_bad = true;
        return NULL;
    }
    *stop = '\0';
    *text = stop + 2;
    return stop > line ? line : NULL;
}

static char *trim(char *text)
{
    text += strspn(text, " \t");
    size_t length = strlen(text);
    while (length > 0 && (text[length - 1] == ' ' || text[length - 1] == '\t')) {
        length--;
    }
    text[length] = '\0';
    return text;
}

/* Parse the header lines that follow the first line. Returns 0, 400 or 431. */
static int parse_headers(gdwsi_http_head *head, char *text, char *end)
{
    bool is_bad = false;
    char *line = cut_line(&text, end, &is_bad);
    while (line != NULL) {
        char *colon = strchr(line, ':');
        if (colon == NULL) {
            return 400;
        }
        *colon = '\0';
        if (!is_token(line)) {
            return 400;
        }
        if (head->count == GDWSI_HTTP_HEADERS_MAX) {
            return 431;
        }
        head->headers[head->count].name = line;
        head->headers[head->count].value = trim(colon + 1);
        head->count++;
        line = cut_line(&text, end, &is_bad);
    }
    return is_bad || text != end ? 400 : 0;
}

/* "HTTP/1.x" with one digit. Returns 0, 400, or 505 for another version of HTTP. */
static int parse_version(gdwsi_http_head *head, const char *text)
{
    if (strncmp(text, "HTTP/", 5) != 0 || strlen(text) != 8 || text[6] != '.' || text[5] < '0' ||
        text[5] > '9' || text[7] < '0' || text[7] > '9') {
        return 400;
    }
    head->minor_version = text[7] - '0';
    return text[5] == '1' ? 0 : 505;
}

int gdwsi_http_parse_request(gdwsi_http_head *head, char *text, size_t length)
{
    bool is_bad = false;
    char *end = text + length;
    memset(head, 0, offsetof(gdwsi_http_head, headers));
    char *line = cut_line(&text, end, &is_bad);
    if (line == NULL) {
        return 400;
    }
    char *target = strchr(line, ' ');
    char *version = target != NULL ? strchr(target + 1, ' ') : NULL;
    if (version == NULL || version == target + 1) {
        return 400;
    }
    *target++ = '\0';
    *version++ = '\0';
    if (!is_token(line) || strchr(target, '\t') != NULL) {
        return 400;
    }
    head->method = line;
    head->target = target;
    int status = parse_version(head, version);
    return status != 0 ? status : parse_headers(head, text, end);
}

bool gdwsi_http_parse_answer(gdwsi_http_head *head, char *text, size_t length)
{
    bool is_bad = false;
    char *end = text + length;
    memset(head, 0, offsetof(gdwsi_http_head, headers));
    char *line = cut_line(&text, end, &is_bad);
    if (line == NULL || strlen(line) < 12 || line[8] != ' ') {
        return false;
    }
    line[8] = '\0';
    const char *code = line + 9;
    if (parse_version(head, line) != 0 || strspn(code, "0123456789") != 3 ||
        (code[3] != ' ' && code[3] != '\0')) {
        return false;
    }
    head->status = (code[0] - '0') * 100 + (code[1] - '0') * 10 + (code[2] - '0');
    return parse_headers(head, text, end) == 0;
}

const char *gdwsi_http_path(const char *target)
{
    static const char *const schemes[] = {"http://", "https://", "ws://", "wss://"};
    if (target[0] == '/') {
        return target;
    }
    for (size_t i = 0; i < sizeof(schemes) / sizeof(schemes[0]); i++) {
        size_t length = strlen(schemes[i]);
        if (strncasecmp(target, schemes[i], length) == 0) {
            const char *end = target + length + strcspn(target + length, "/?#");
            bool is_bare = *end == '\0' && end > target + length;
            return *end == '/' && end > target + length ? end : is_bare ? "/" : NULL;
        }
    }
    return NULL;
}

static bool is_port(const char *text)
{
    unsigned long port = 0;
    size_t digits = strspn(text, "0123456789");
    for (size_t i = 0; i < digits && port <= 65535; i++) {
        port = port * 10 + (unsigned long)(text[i] - '0');
    }
    return text[digits] == '\0' && port <= 65535;
}

bool gdwsi_http_is_host(const char *text)
{
    static const char name[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~%";
    bool is_bracketed = text[0] == '[';
    const char *host = is_bracketed ? text + 1 : text;
    const char *end = host + strspn(host, is_bracketed ? "0123456789abcdefABCDEF:." : name);
    if (end == host || (is_bracketed && *end != ']')) {
        return false;
    }
    end += is_bracketed ? 1 : 0;
    return *end == '\0' || (*end == ':' && is_port(end + 1));
}

const char *gdwsi_http_get(const gdwsi_http_head *head, const char *name)
{
    for (size_t i = 0; i < head->count; i++) {
        if (strcasecmp(head->headers[i].name, name) == 0) {
            return head->headers[i].value;
        }
    }
    return NULL;
}

size_t gdwsi_http_count(const gdwsi_http_head *head, const char *name)
{
    size_t count = 0;
    for (size_t i = 0; i < head->count; i++) {
        count += strcasecmp(head->headers[i].name, name) == 0 ? 1 : 0;
    }
    return count;
}

/* Whether a list of one line has a token. */
static bool list_has(const char *list, const char *token)
{
    size_t length = strlen(token);
    while (*list != '\0') {
        list += strspn(list, ", \t");
        size_t extent = strcspn(list, ",");
        size_t used = extent;
        while (used > 0 && (list[used - 1] == ' ' || list[used - 1] == '\t')) {
            used--;
        }
        if (used == length && strncasecmp(list, token, length) == 0) {
            return true;
        }
        list += extent;
    }
    return false;
}

bool gdwsi_http_has_token(const gdwsi_http_head *head, const char *name, const char *token)
{
    for (size_t i = 0; i < head->count; i++) {
        if (strcasecmp(head->headers[i].name, name) == 0 &&
            list_has(head->headers[i].value, token)) {
            return true;
        }
    }
    return false;
}

bool gdwsi_http_join(const gdwsi_http_head *head, const char *name, char *text, size_t size)
{
    size_t length = 0;
    text[0] = '\0';
    for (size_t i = 0; i < head->count; i++) {
        if (strcasecmp(head->headers[i].name, name) != 0) {
            continue;
        }
        size_t extent = strlen(head->headers[i].value);
        if (length + extent + 3 > size) {
            return false;
        }
        if (length > 0) {
            memcpy(text + length, ", ", 2);
            length += 2;
        }
        memcpy(text + length, head->headers[i].value, extent + 1);
        length += extent;
    }
    return true;
}
