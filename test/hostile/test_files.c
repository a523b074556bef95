/* SPDX-License-Identifier: MIT */
/* Plain HTTP on a server's port: the files of the document root, and no others. */
#include <dirent.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <libwebsockets.h>

#include "cases.h"
#include "runtests.h"
#include "server.h"

/* More than the kernel buffers of a connection. */
#define BIG (24u << 20)

static world w;
static char place[64];

static void path_of(char *path, size_t size, const char *name)
{
    (void)snprintf(path, size, "%s/%s", place, name);
}

static void make_file(const char *name, const void *content, size_t length)
{
    char path[256];
    path_of(path, sizeof(path), name);
    FILE *file = fopen(path, "wb");
    ck_assert_ptr_nonnull(file);
    ck_assert_uint_eq(fwrite(content, 1, length, file), length);
    ck_assert_int_eq(fclose(file), 0);
}

static void make_directory(const char *name)
{
    char path[256];
    path_of(path, sizeof(path), name);
    ck_assert_int_eq(mkdir(path, 0755), 0);
}

static void make_link(const char *target, const char *name)
{
    char path[256];
    path_of(path, sizeof(path), name);
    ck_assert_int_eq(symlink(target, path), 0);
}

static uint8_t big_byte(size_t i)
{
    return (uint8_t)(i * 31 + i / 1009);
}

static void make_big(void)
{
    uint8_t *content = malloc(BIG);
    for (size_t i = 0; i < BIG; i++) {
        content[i] = big_byte(i);
    }
    make_file("root/big.bin", content, BIG);
    free(content);
}

/* A document root, and a secret beside it. */
static void set_up(void)
{
    char path[256];
    world_init(&w);
    (void)snprintf(place, sizeof(place), "/tmp/gdws-files-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(place));
    make_directory("root");
    make_directory("root/sub");
    make_directory("root/empty");
    make_directory("root/.git");
    make_directory("root/.well-known");
    make_directory("root-beside");
    make_file("secret.txt", S("SECRET"));
    make_file("root-beside/secret.txt", S("SECRET"));
    make_file("root/.env", S("SECRET"));
    make_file("root/.git/config", S("SECRET"));
    make_file("root/.well-known/known.txt", S("known"));
    make_file("root/index.html", S("<title>the page</title>"));
    make_file("root/sub/index.html", S("<title>below</title>"));
    make_file("root/sub/x.js", S("let x;"));
    make_file("root/a b.txt", S("with a space"));
    make_file("root/\xc3\xa4.txt", S("umlaut"));
    make_file("root/none", S(""));
    make_file("root/game.wasm", S("\0asm"));
    make_link("/etc/passwd", "root/passwd");
    make_link("../secret.txt", "root/out");
    make_link("..", "root/up");
    make_link("sub/x.js", "root/in");
    path_of(path, sizeof(path), "root/pipe");
    ck_assert_int_eq(mkfifo(path, 0644), 0);
    path_of(path, sizeof(path), "root");
    ck_assert_int_eq(gdws_server_set_document_root(w.server, path), GDWS_OK);
}

static void tear_down(void)
{
    char command[128];
    world_free(&w);
    (void)snprintf(command, sizeof(command), "rm -rf '%s'", place);
    ck_assert_int_eq(system(command), 0);
}

static void open_raw(rawsock *raw)
{
    rawsock_connect(raw, w.loop, gdws_server_get_port(w.server));
}

/* Send a request and read the head of its answer. */
static void ask(rawsock *raw, const char *request, char *head, size_t size)
{
    rawsock_send(raw, request, strlen(request), 0);
    rawsock_read_headers(raw, head, size);
}

static void get(rawsock *raw, const char *path, char *head, size_t size)
{
    char request[1024];
    (void)snprintf(request, sizeof(request), "GET %s HTTP/1.1\r\nHost: a\r\n\r\n", path);
    ask(raw, request, head, size);
}

static size_t content_length(const char *head)
{
    const char *line = strstr(head, "\r\nContent-Length: ");
    ck_assert_msg(line != NULL, "%s", head);
    return strtoul(line + strlen("\r\nContent-Length: "), NULL, 10);
}

static void expect_body(rawsock *raw, const char *head, const char *body, size_t length)
{
    ck_assert_uint_eq(content_length(head), length);
    rawsock_wait_for(raw, length);
    ck_assert_uint_ge(raw->length, length);
    ck_assert(memcmp(raw->bytes, body, length) == 0);
    rawsock_consume(raw, length);
}

static const struct {
    const char *path;
    const char *type;
    const char *body;
    size_t length;
} found[] = {
    {"/", "text/html; charset=utf-8", S("<title>the page</title>")},
    {"/index.html", "text/html; charset=utf-8", S("<title>the page</title>")},
    {"/?v=2", "text/html; charset=utf-8", S("<title>the page</title>")},
    {"/index.html?../../secret.txt", "text/html; charset=utf-8", S("<title>the page</title>")},
    {"/sub/", "text/html; charset=utf-8", S("<title>below</title>")},
    {"/sub/x.js", "text/javascript; charset=utf-8", S("let x;")},
    {"/%73ub/x%2Ejs", "text/javascript; charset=utf-8", S("let x;")},
    {"/a%20b.txt", "text/plain; charset=utf-8", S("with a space")},
    {"/%c3%a4.txt", "text/plain; charset=utf-8", S("umlaut")},
    {"/%C3%A4.txt", "text/plain; charset=utf-8", S("umlaut")},
    {"/game.wasm", "application/wasm", S("\0asm")},
    {"/none", "application/octet-stream", S("")},
    {"/.well-known/known.txt", "text/plain; charset=utf-8", S("known")},
    {"http://a/sub/x.js", "text/javascript; charset=utf-8", S("let x;")},
};

START_TEST(a_file_is_sent_with_its_type)
{
    rawsock raw;
    char head[2048];
    char type[128];
    open_raw(&raw);
    /* Twice, because the connection goes on. */
    for (int i = 0; i < 2; i++) {
        get(&raw, found[_i].path, head, sizeof(head));
        ck_assert_msg(strncmp(head, "HTTP/1.1 200 OK\r\n", 17) == 0, "%s", head);
        (void)snprintf(type, sizeof(type), "\r\nContent-Type: %s\r\n", found[_i].type);
        ck_assert_msg(strstr(head, type) != NULL, "%s", head);
        ck_assert_ptr_nonnull(strstr(head, "\r\nConnection: keep-alive\r\n"));
        ck_assert_ptr_nonnull(strstr(head, "\r\nX-Content-Type-Options: nosniff\r\n"));
        ck_assert_ptr_nonnull(strstr(head, "\r\nDate: "));
        expect_body(&raw, head, found[_i].body, found[_i].length);
    }
    ck_assert_uint_eq(raw.length, 0);
    rawsock_close(&raw);
}
END_TEST

/* Nothing of these is to be had. The paths are sent as they stand, as no browser would. */
static const struct {
    const char *path;
    int status;
} refused[] = {
    {"/..", 404},
    {"/../", 404},
    {"/../secret.txt", 404},
    {"/../../../../../../etc/passwd", 404},
    {"/sub/../../secret.txt", 404},
    {"/sub/../index.html", 404},
    {"/./index.html", 404},
    {"/.", 404},
    {"/...", 404},
    {"/.../secret.txt", 404},
    {"/%2e%2e/secret.txt", 404},
    {"/%2E%2E/secret.txt", 404},
    {"/.%2e/secret.txt", 404},
    {"/%2e./secret.txt", 404},
    {"/%2e%2e%2fsecret.txt", 404},
    {"/..%2fsecret.txt", 404},
    {"/..%2Fsecret.txt", 404},
    {"/sub%2fx.js", 404},
    {"/sub%2f..%2f..%2fsecret.txt", 404},
    {"/%2fetc/passwd", 404},
    {"/%2Fetc%2Fpasswd", 404},
    {"//etc/passwd", 404},
    {"//", 404},
    {"///index.html", 404},
    {"/sub//x.js", 404},
    {"/..\\secret.txt", 404},
    {"/..%5csecret.txt", 404},
    {"/..%5Csecret.txt", 404},
    {"/sub\\..\\..\\secret.txt", 404},
    {"/%252e%252e/secret.txt", 404},
    {"/%25%32%65%25%32%65/secret.txt", 404},
    {"/%c0%ae%c0%ae/secret.txt", 404},
    {"/..%c0%afsecret.txt", 404},
    {"/%e0%80%ae%e0%80%ae/secret.txt", 404},
    {"/%uff0e%uff0e/secret.txt", 400},
    {"/..;/secret.txt", 404},
    {"/..%00/secret.txt", 404},
    {"/index.html%00", 404},
    {"/index.html%00.js", 404},
    {"/%00", 404},
    {"/index.html%0d%0aX: y", 400},
    {"/index.html%0d%0aX:%20y", 404},
    {"/%", 400},
    {"/%2", 400},
    {"/%zz", 400},
    {"/index.html%", 400},
    {"/~root/", 404},
    {"/../root-beside/secret.txt", 404},
    {"/passwd", 404},
    {"/out", 404},
    {"/up/secret.txt", 404},
    {"/up", 404},
    {"/up/root/index.html", 404},
    {"/pipe", 404},
    {"/.env", 404},
    {"/.git/config", 404},
    {"/%2eenv", 404},
    {"/sub/.", 404},
    {"/sub/..", 404},
    {"/index.html/", 404},
    {"/index.html/..", 404},
    {"/INDEX.HTML", 404},
    {"/index.html ", 400},
    {"/proc/self/environ", 404},
    {"/dev/null", 404},
    {"/empty/", 404},
    {"/empty", 404},
    {"/\x01", 400},
    {"/index.html#x", 404},
    {"index.html", 400},
    {"..", 400},
    {"../secret.txt", 400},
    {"*", 400},
    {"file:///etc/passwd", 400},
    {"http://a/../secret.txt", 404},
    {"http://a", 200},
    {"http://../secret.txt", 404},
};

START_TEST(nothing_outside_of_the_document_root_is_sent)
{
    rawsock raw;
    char head[2048];
    char line[32];
    open_raw(&raw);
    w.server->config.files->walks = w.server->config.files->walks || _i % 2 == 1;
    get(&raw, refused[_i / 2].path, head, sizeof(head));
    (void)snprintf(line, sizeof(line), "HTTP/1.1 %d ", refused[_i / 2].status);
    ck_assert_msg(strncmp(head, line, strlen(line)) == 0, "%s: %s", refused[_i / 2].path, head);
    size_t length = content_length(head);
    rawsock_wait_for(&raw, length);
    ck_assert_uint_eq(raw.length, length);
    ck_assert_ptr_null(memmem(raw.bytes, raw.length, "SECRET", 6));
    ck_assert_ptr_null(memmem(raw.bytes, raw.length, "root:", 5));
    rawsock_close(&raw);
    world_connect(&w);
}
END_TEST

START_TEST(a_path_of_any_length_is_answered)
{
    static char path[8000];
    static char request[8192];
    rawsock raw;
    char head[2048];
    for (size_t length = 1; length < sizeof(path) - 100; length = length * 3 / 2 + 1) {
        for (size_t i = 0; i < length; i++) {
            path[i] = i % 100 == 0 ? '/' : 'a';
        }
        path[length] = '\0';
        (void)snprintf(request, sizeof(request), "GET %s HTTP/1.1\r\nHost: a\r\n\r\n", path);
        open_raw(&raw);
        ask(&raw, request, head, sizeof(head));
        ck_assert_msg(strncmp(head, length == 1 ? "HTTP/1.1 200 " : "HTTP/1.1 404 ", 13) == 0, "%s",
                      head);
        rawsock_close(&raw);
    }
}
END_TEST

/* Make a directory so deep that its path in a URL measures length bytes, with an index. */
static void make_deep(char *path, size_t length)
{
    char root[256];
    path_of(root, sizeof(root), "root");
    int directory = open(root, O_RDONLY | O_DIRECTORY);
    size_t done = 0;
    while (done < length) {
        size_t left = length - done;
        size_t size = left > 400 ? 200 : left > 201 ? left / 2 : left;
        path[done] = '/';
        memset(path + done + 1, 'd', size - 1);
        path[done + size] = '\0';
        ck_assert_int_eq(mkdirat(directory, path + done + 1, 0755), 0);
        int below = openat(directory, path + done + 1, O_RDONLY | O_DIRECTORY);
        ck_assert_int_ge(below, 0);
        (void)close(directory);
        directory = below;
        done += size;
    }
    int file = openat(directory, "index.html", O_WRONLY | O_CREAT, 0644);
    ck_assert_int_eq(write(file, "deep", 4), 4);
    (void)close(file);
    (void)close(directory);
}

static void get_deep(const char *path, const char *end, char *head, size_t size)
{
    static char request[8192];
    rawsock raw;
    (void)snprintf(request, sizeof(request), "GET %s%s HTTP/1.1\r\nHost: a\r\n\r\n", path, end);
    open_raw(&raw);
    ask(&raw, request, head, size);
    if (strncmp(head, "HTTP/1.1 200 ", 13) == 0) {
        expect_body(&raw, head, S("deep"));
    }
    rawsock_close(&raw);
}

/* As deep as a path can be that the system takes, with the index and a NUL behind it. */
START_TEST(the_deepest_directories_are_found_and_deeper_ones_are_not)
{
    static char path[PATH_MAX + 16];
    static char head[8192];
    static char location[PATH_MAX + 64];
    const size_t deepest = PATH_MAX - sizeof("index.html") - 1;
    make_deep(path, deepest);
    w.server->config.files->walks = w.server->config.files->walks || _i == 1;
    get_deep(path, "", head, sizeof(head));
    ck_assert_msg(strncmp(head, "HTTP/1.1 301 ", 13) == 0, "%s", head);
    (void)snprintf(location, sizeof(location), "\r\nLocation: %s/\r\n", path);
    ck_assert_ptr_nonnull(strstr(head, location));
    /* Where it was sent to, there is something. */
    get_deep(path, "/", head, sizeof(head));
    ck_assert_msg(strncmp(head, "HTTP/1.1 200 ", 13) == 0, "%s", head);
    /* This is there as well, but no longer to be had. */
    get_deep(path, "/index.html", head, sizeof(head));
    ck_assert_msg(strncmp(head, "HTTP/1.1 404 ", 13) == 0, "%s", head);
    get_deep(path, "d", head, sizeof(head));
    ck_assert_msg(strncmp(head, "HTTP/1.1 404 ", 13) == 0, "%s", head);
}
END_TEST

START_TEST(a_link_inside_is_followed_where_the_kernel_watches_it)
{
    rawsock raw;
    char head[2048];
    open_raw(&raw);
    if (!w.server->config.files->walks) {
        get(&raw, "/in", head, sizeof(head));
        expect_body(&raw, head, S("let x;"));
    }
    w.server->config.files->walks = true;
    get(&raw, "/in", head, sizeof(head));
    ck_assert_msg(strncmp(head, "HTTP/1.1 404 ", 13) == 0, "%s", head);
    rawsock_close(&raw);
}
END_TEST

START_TEST(a_directory_without_its_slash_is_redirected)
{
    rawsock raw;
    char head[2048];
    open_raw(&raw);
    get(&raw, "/sub?a=b", head, sizeof(head));
    ck_assert_msg(strncmp(head, "HTTP/1.1 301 ", 13) == 0, "%s", head);
    ck_assert_msg(strstr(head, "\r\nLocation: /sub/?a=b\r\n") != NULL, "%s", head);
    expect_body(&raw, head, "", 0);
    rawsock_close(&raw);
}
END_TEST

START_TEST(head_has_the_head_of_get_and_no_body)
{
    rawsock raw;
    char head[2048];
    char again[2048];
    open_raw(&raw);
    ask(&raw, "HEAD /sub/x.js HTTP/1.1\r\nHost: a\r\n\r\n", head, sizeof(head));
    ck_assert_uint_eq(content_length(head), 6);
    get(&raw, "/sub/x.js", again, sizeof(again));
    ck_assert_ptr_nonnull(strstr(head, "ETag: "));
    ck_assert_str_eq(strstr(head, "ETag: "), strstr(again, "ETag: "));
    expect_body(&raw, again, S("let x;"));
    ask(&raw, "HEAD /missing HTTP/1.1\r\nHost: a\r\n\r\n", head, sizeof(head));
    ck_assert_msg(strncmp(head, "HTTP/1.1 404 ", 13) == 0, "%s", head);
    get(&raw, "/", head, sizeof(head));
    ck_assert_msg(strncmp(head, "HTTP/1.1 200 ", 13) == 0, "%s", head);
    expect_body(&raw, head, S("<title>the page</title>"));
    ask(&raw, "HEAD /% HTTP/1.1\r\nHost: a\r\n\r\n", head, sizeof(head));
    ck_assert_msg(strncmp(head, "HTTP/1.1 400 ", 13) == 0, "%s", head);
    rawsock_wait_for_end(&raw, 5000);
    ck_assert_uint_eq(raw.length, 0);
    rawsock_close(&raw);
}
END_TEST

START_TEST(a_file_that_is_known_is_not_sent_again)
{
    static const char *const forms[] = {"%s", "W/%s", "\"x\", %s", "\"x\" , W/\"y\",%s,\"z\"", "*"};
    rawsock raw;
    char head[2048];
    char tag[128] = "";
    char form[256];
    char request[512];
    open_raw(&raw);
    get(&raw, "/sub/x.js", head, sizeof(head));
    expect_body(&raw, head, S("let x;"));
    ck_assert_int_eq(sscanf(strstr(head, "ETag: "), "ETag: %127[^\r]", tag), 1);
    for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
        const char *mark = strstr(forms[i], "%s");
        int before = mark != NULL ? (int)(mark - forms[i]) : (int)strlen(forms[i]);
        (void)snprintf(form, sizeof(form), "%.*s%s%s", before, forms[i], mark != NULL ? tag : "",
                       mark != NULL ? mark + 2 : "");
        (void)snprintf(request, sizeof(request),
                       "GET /sub/x.js HTTP/1.1\r\nHost: a\r\nIf-None-Match: %s\r\n\r\n", form);
        ask(&raw, request, head, sizeof(head));
        ck_assert_msg(strncmp(head, "HTTP/1.1 304 ", 13) == 0, "%s: %s", form, head);
        ck_assert_ptr_nonnull(strstr(head, tag));
    }
    make_file("root/sub/x.js", S("let y = 2;"));
    ask(&raw, request, head, sizeof(head));
    ck_assert_msg(strncmp(head, "HTTP/1.1 304 ", 13) == 0, "%s", head);
    (void)snprintf(request, sizeof(request),
                   "GET /sub/x.js HTTP/1.1\r\nHost: a\r\nIf-None-Match: %s\r\n\r\n", tag);
    ask(&raw, request, head, sizeof(head));
    expect_body(&raw, head, S("let y = 2;"));
    rawsock_close(&raw);
}
END_TEST

START_TEST(requests_at_once_are_answered_in_order)
{
    enum { COUNT = 200 };
    static char requests[COUNT * 64];
    rawsock raw;
    char head[2048];
    size_t length = 0;
    for (int i = 0; i < COUNT; i++) {
        length += (size_t)snprintf(requests + length, sizeof(requests) - length,
                                   "GET %s HTTP/1.1\r\nHost: a\r\n\r\n",
                                   i % 3 == 0   ? "/sub/x.js"
                                   : i % 3 == 1 ? "/missing"
                                                : "/");
    }
    open_raw(&raw);
    rawsock_send(&raw, requests, length, 0);
    for (int i = 0; i < COUNT; i++) {
        rawsock_read_headers(&raw, head, sizeof(head));
        if (i % 3 == 0) {
            expect_body(&raw, head, S("let x;"));
        } else if (i % 3 == 1) {
            expect_body(&raw, head, S("There is no such file.\n"));
        } else {
            expect_body(&raw, head, S("<title>the page</title>"));
        }
    }
    rawsock_close(&raw);
}
END_TEST

/* RFC 9112 section 2.2 */
START_TEST(empty_lines_between_requests_are_passed_over)
{
    static const char requests[] = "GET /sub/x.js HTTP/1.1\r\nHost: a\r\n\r\n\r\n"
                                   "GET /sub/x.js HTTP/1.1\r\nHost: a\r\n\r\n\r\n\r\n"
                                   "GET /sub/x.js HTTP/1.1\r\nHost: a\r\n\r\n\r\n";
    rawsock raw;
    char head[2048];
    open_raw(&raw);
    rawsock_send(&raw, requests, sizeof(requests) - 1, (size_t)_i);
    for (int i = 0; i < 3; i++) {
        rawsock_read_headers(&raw, head, sizeof(head));
        expect_body(&raw, head, S("let x;"));
    }
    get(&raw, "/", head, sizeof(head));
    expect_body(&raw, head, S("<title>the page</title>"));
    rawsock_close(&raw);
}
END_TEST

START_TEST(a_connection_that_has_fetched_files_can_become_a_websocket)
{
    rawsock raw;
    char head[2048];
    open_raw(&raw);
    get(&raw, "/", head, sizeof(head));
    expect_body(&raw, head, S("<title>the page</title>"));
    rawsock_upgrade(&raw);
    w.takes_packets = true;
    rawsock_send_frame(&raw, 0x81, "hello", 5, true);
    WAIT_FOR(&w, w.at_server.data == 1);
    rawsock_close(&raw);
}
END_TEST

/* What ends the connection, and with which status. */
static const struct {
    const char *request;
    const char *line;
} last[] = {
    {"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", "HTTP/1.1 200 "},
    {"GET / HTTP/1.1\r\nHost: a\r\nConnection: x, Close\r\n\r\n", "HTTP/1.1 200 "},
    {"GET / HTTP/1.0\r\n\r\n", "HTTP/1.1 200 "},
    {"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", "HTTP/1.1 200 "},
    {"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nGET /", "HTTP/1.1 200 "},
    {"GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "HTTP/1.1 200 "},
    {"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc", "HTTP/1.1 405 "},
    {"PUT /x HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc", "HTTP/1.1 405 "},
    {"DELETE / HTTP/1.1\r\nHost: a\r\n\r\n", "HTTP/1.1 405 "},
    {"TRACE / HTTP/1.1\r\nHost: a\r\n\r\n", "HTTP/1.1 405 "},
    {"CONNECT a:80 HTTP/1.1\r\nHost: a\r\n\r\n", "HTTP/1.1 400 "},
    {"get / HTTP/1.1\r\nHost: a\r\n\r\n", "HTTP/1.1 405 "},
    {"GET / HTTP/1.1\r\n\r\n", "HTTP/1.1 400 "},
    {"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", "HTTP/1.1 400 "},
    {"GET / HTTP/2.0\r\nHost: a\r\n\r\n", "HTTP/1.1 505 "},
    {"GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\n\r\n", "HTTP/1.1 426 "},
};

START_TEST(some_answers_are_the_last)
{
    rawsock raw;
    char head[2048];
    open_raw(&raw);
    ask(&raw, last[_i].request, head, sizeof(head));
    ck_assert_msg(strncmp(head, last[_i].line, 13) == 0, "%s", head);
    ck_assert_msg(strstr(head, "\r\nConnection: close") != NULL, "%s", head);
    rawsock_wait_for_end(&raw, 5000);
    ck_assert_uint_eq(raw.length, content_length(head));
    rawsock_close(&raw);
    WAIT_FOR(&w, w.server->links == NULL);
}
END_TEST

START_TEST(allowed_origins_may_read_files_and_others_may_not)
{
    static const char *const origins[] = {"https://good.example"};
    rawsock raw;
    char head[2048];
    ck_assert_int_eq(gdws_server_set_allowed_origins(w.server, origins, 1), GDWS_OK);
    open_raw(&raw);
    ask(&raw, "GET / HTTP/1.1\r\nHost: a\r\nOrigin: https://good.example\r\n\r\n", head,
        sizeof(head));
    ck_assert_ptr_nonnull(
        strstr(head, "\r\nAccess-Control-Allow-Origin: https://good.example\r\n"));
    ck_assert_ptr_nonnull(strstr(head, "\r\nVary: Origin\r\n"));
    expect_body(&raw, head, S("<title>the page</title>"));
    get(&raw, "/", head, sizeof(head));
    ck_assert_ptr_null(strstr(head, "Access-Control-Allow-Origin"));
    ck_assert_ptr_nonnull(strstr(head, "\r\nVary: Origin\r\n"));
    expect_body(&raw, head, S("<title>the page</title>"));
    ask(&raw, "GET / HTTP/1.1\r\nHost: a\r\nOrigin: https://bad.example\r\n\r\n", head,
        sizeof(head));
    ck_assert_msg(strncmp(head, "HTTP/1.1 403 ", 13) == 0, "%s", head);
    ck_assert_ptr_null(strstr(head, "Access-Control-Allow-Origin"));
    rawsock_close(&raw);
}
END_TEST

/* With and without a document root. */
START_TEST(a_preflight_is_answered)
{
    static const char *const origins[] = {"https://good.example"};
    rawsock raw;
    char head[2048];
    ck_assert_int_eq(gdws_server_set_allowed_origins(w.server, origins, 1), GDWS_OK);
    if (_i == 1) {
        ck_assert_int_eq(gdws_server_set_document_root(w.server, NULL), GDWS_OK);
    }
    open_raw(&raw);
    for (int i = 0; i < 2; i++) {
        ask(&raw,
            "OPTIONS /x HTTP/1.1\r\nHost: a\r\nOrigin: https://good.example\r\n"
            "Access-Control-Request-Method: GET\r\nAccess-Control-Request-Headers: x-a, "
            "x-b\r\n\r\n",
            head, sizeof(head));
        ck_assert_msg(strncmp(head, "HTTP/1.1 204 ", 13) == 0, "%s", head);
        ck_assert_ptr_nonnull(
            strstr(head, "\r\nAccess-Control-Allow-Origin: https://good.example\r\n"));
        ck_assert_ptr_nonnull(strstr(head, "\r\nAccess-Control-Allow-Methods: GET, HEAD, OPTIONS"));
        ck_assert_ptr_nonnull(strstr(head, "\r\nAccess-Control-Allow-Headers: x-a, x-b\r\n"));
        ck_assert_ptr_null(strstr(head, "Content-Length"));
    }
    ask(&raw,
        "OPTIONS /x HTTP/1.1\r\nHost: a\r\nOrigin: https://bad.example\r\n"
        "Access-Control-Request-Method: GET\r\n\r\n",
        head, sizeof(head));
    ck_assert_msg(strncmp(head, "HTTP/1.1 403 ", 13) == 0, "%s", head);
    ck_assert_ptr_null(strstr(head, "Access-Control-Allow"));
    rawsock_close(&raw);
}
END_TEST

START_TEST(isolation_is_sent_when_it_is_asked_for)
{
    rawsock raw;
    char head[2048];
    open_raw(&raw);
    for (int i = 0; i < 2; i++) {
        ck_assert_int_eq(gdws_server_set_cross_origin_isolation(w.server, i == 1), GDWS_OK);
        get(&raw, "/", head, sizeof(head));
        expect_body(&raw, head, S("<title>the page</title>"));
        ck_assert((strstr(head, "\r\nCross-Origin-Opener-Policy: same-origin\r\n") != NULL) ==
                  (i == 1));
        ck_assert((strstr(head, "\r\nCross-Origin-Embedder-Policy: require-corp\r\n") != NULL) ==
                  (i == 1));
    }
    rawsock_close(&raw);
}
END_TEST

START_TEST(a_document_root_must_be_a_directory)
{
    char path[256];
    rawsock raw;
    char head[2048];
    path_of(path, sizeof(path), "missing");
    ck_assert_int_eq(gdws_server_set_document_root(w.server, path), GDWS_FILE_NOT_FOUND);
    path_of(path, sizeof(path), "secret.txt");
    ck_assert_int_eq(gdws_server_set_document_root(w.server, path), GDWS_CANT_OPEN);
    ck_assert_int_eq(gdws_server_set_document_root(NULL, path), GDWS_INVALID_PARAMETER);
    open_raw(&raw);
    get(&raw, "/", head, sizeof(head));
    expect_body(&raw, head, S("<title>the page</title>"));
    ck_assert_int_eq(gdws_server_set_document_root(w.server, NULL), GDWS_OK);
    get(&raw, "/", head, sizeof(head));
    ck_assert_msg(strncmp(head, "HTTP/1.1 426 ", 13) == 0, "%s", head);
    ck_assert_ptr_nonnull(strstr(head, "\r\nUpgrade: websocket\r\n"));
    rawsock_close(&raw);
}
END_TEST

/* Big files */

static void expect_big(rawsock *raw)
{
    rawsock_wait_for(raw, BIG);
    ck_assert_uint_eq(raw->length, BIG);
    size_t wrong = 0;
    for (size_t i = 0; i < BIG; i++) {
        wrong += raw->bytes[i] != big_byte(i) ? 1 : 0;
    }
    ck_assert_uint_eq(wrong, 0);
}

/* Wait until the kernel takes no more, which a sleep of the loop in the middle of an answer shows:
 * a wait that times out, although there is something to send. */
static void wait_for_full_buffers(const gdwsi_link *link)
{
    WAIT_FOR(&w, gdws_loop_wait(w.loop, 50) == GDWS_TIMEOUT);
    ck_assert_ptr_nonnull(link->answer);
}

/* A client that reads nothing for a while costs one piece of memory and holds nobody up. */
START_TEST(a_big_file_waits_for_its_reader_and_holds_nobody_up)
{
    rawsock raw;
    char head[2048];
    make_big();
    open_raw(&raw);
    get(&raw, "/big.bin", head, sizeof(head));
    ck_assert_uint_eq(content_length(head), BIG);
    const gdwsi_link *link = w.server->links;
    wait_for_full_buffers(link);
    ck_assert_uint_le(link->unsent_length, 32768);
    w.takes_packets = true;
    w.echoes = true;
    world_connect(&w);
    for (int i = 0; i < 100; i++) {
        uint64_t start = world_now_ms();
        ck_assert_int_eq(gdws_peer_send_text(world_client_peer(&w), "hello"), GDWS_OK);
        WAIT_FOR(&w, w.at_client.data == i + 1);
        ck_assert_uint_lt(world_now_ms() - start, 1000);
    }
    ck_assert_ptr_nonnull(link->answer);
    expect_big(&raw);
    rawsock_consume(&raw, BIG);
    get(&raw, "/sub/x.js", head, sizeof(head));
    expect_body(&raw, head, S("let x;"));
    rawsock_close(&raw);
}
END_TEST

/* Whether the server has read all that has come to a connection. */
static bool has_read_all(const gdwsi_link *link)
{
    int unread = 0;
    ck_assert_int_eq(ioctl(lws_get_socket_fd(link->wsi), FIONREAD, &unread), 0);
    return unread == 0;
}

/* Read until the server has handed all to the kernel, which still has to send the last of it. */
static void read_until_handed_over(rawsock *raw)
{
    uint64_t limit = world_now_ms() + 3 * WORLD_LIMIT_MS;
    while (w.server->links != NULL && w.server->links->answer != NULL) {
        (void)gdws_loop_wait(w.loop, 5);
        rawsock_receive(raw);
        ck_assert(world_now_ms() < limit);
    }
    ck_assert_uint_lt(raw->length, BIG);
}

/* RFC 9112 section 9.6: what comes behind the request does not cut the answer, neither when it
 * comes at once nor when it comes while the last of the answer is on its way. */
START_TEST(what_follows_the_last_request_does_not_cut_its_answer)
{
    static const char *const more[] = {"\r\n", "GET /sub/x.js HTTP/1.1\r\nHost: a\r\n\r\n"};
    const char *extra = more[_i % 2];
    bool is_late = _i >= 2;
    int small = 32768;
    rawsock raw;
    char head[2048];
    make_big();
    open_raw(&raw);
    ck_assert_int_eq(setsockopt(raw.descriptor, SOL_SOCKET, SO_RCVBUF, &small, sizeof(small)), 0);
    ask(&raw, "GET /big.bin HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", head, sizeof(head));
    ck_assert_uint_eq(content_length(head), BIG);
    if (!is_late) {
        rawsock_send(&raw, extra, strlen(extra), 0);
    }
    read_until_handed_over(&raw);
    if (is_late) {
        uint64_t late = world_now_ms() + 2 * GDWSI_LINK_BROKEN_TIMEOUT_MS;
        while (world_now_ms() < late) {
            (void)gdws_loop_wait(w.loop, 20);
        }
        rawsock_send(&raw, extra, strlen(extra), 0);
    }
    WAIT_FOR(&w, w.server->links == NULL || has_read_all(w.server->links));
    expect_big(&raw);
    rawsock_wait_for_end(&raw, WORLD_LIMIT_MS);
    ck_assert_uint_eq(raw.length, BIG);
    rawsock_close(&raw);
    WAIT_FOR(&w, w.server->links == NULL);
}
END_TEST

static int count_descriptors(void)
{
    int count = 0;
    DIR *directory = opendir("/proc/self/fd");
    ck_assert_ptr_nonnull(directory);
    while (readdir(directory) != NULL) {
        count++;
    }
    (void)closedir(directory);
    return count;
}

START_TEST(a_client_that_goes_in_the_middle_leaves_nothing_open)
{
    rawsock raw;
    char head[2048];
    make_big();
    int before = count_descriptors();
    open_raw(&raw);
    get(&raw, "/big.bin", head, sizeof(head));
    ck_assert_int_eq(count_descriptors(), before + 3);
    rawsock_close(&raw);
    WAIT_FOR(&w, w.server->links == NULL && count_descriptors() == before);
}
END_TEST

START_TEST(a_file_that_becomes_shorter_ends_the_connection)
{
    rawsock raw;
    char head[2048];
    char path[256];
    make_big();
    open_raw(&raw);
    get(&raw, "/big.bin", head, sizeof(head));
    path_of(path, sizeof(path), "root/big.bin");
    wait_for_full_buffers(w.server->links);
    ck_assert_int_eq(truncate(path, 1000), 0);
    rawsock_wait_for_end(&raw, 5000);
    ck_assert_uint_lt(raw.length, BIG);
    rawsock_close(&raw);
}
END_TEST

START_TEST(a_server_may_be_stopped_while_it_sends)
{
    rawsock raw;
    char head[2048];
    make_big();
    open_raw(&raw);
    get(&raw, "/big.bin", head, sizeof(head));
    gdws_server_stop(w.server);
    rawsock_wait_for_end(&raw, 5000);
    ck_assert_uint_lt(raw.length, BIG);
    rawsock_close(&raw);
}
END_TEST

START_TEST(a_connection_without_another_request_ends)
{
    rawsock raw;
    char head[2048];
    gdws_server_stop(w.server);
    ck_assert_int_eq(gdws_server_set_handshake_timeout_ms(w.server, 500), GDWS_OK);
    WAIT_FOR(&w, gdws_server_listen(w.server, 0) == GDWS_OK);
    open_raw(&raw);
    get(&raw, "/", head, sizeof(head));
    expect_body(&raw, head, S("<title>the page</title>"));
    rawsock_wait_for_end(&raw, 5000);
    rawsock_close(&raw);
    WAIT_FOR(&w, w.server->links == NULL);
}
END_TEST

#define COUNT(table) ((int)(sizeof(table) / sizeof((table)[0])))

Suite *files_suite(void)
{
    Suite *suite = suite_create("files");
    TCase *tests = tcase_create("files");
    suite_add_tcase(suite, tests);
    if (world_is_fallback()) {
        return suite; /* libwebsockets shakes hands: there is no document root */
    }
    tcase_set_timeout(tests, 60);
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_loop_test(tests, a_file_is_sent_with_its_type, 0, COUNT(found));
    tcase_add_loop_test(tests, nothing_outside_of_the_document_root_is_sent, 0, 2 * COUNT(refused));
    tcase_add_test(tests, a_path_of_any_length_is_answered);
    tcase_add_loop_test(tests, the_deepest_directories_are_found_and_deeper_ones_are_not, 0, 2);
    tcase_add_test(tests, a_link_inside_is_followed_where_the_kernel_watches_it);
    tcase_add_test(tests, a_directory_without_its_slash_is_redirected);
    tcase_add_test(tests, head_has_the_head_of_get_and_no_body);
    tcase_add_test(tests, a_file_that_is_known_is_not_sent_again);
    tcase_add_test(tests, requests_at_once_are_answered_in_order);
    tcase_add_loop_test(tests, empty_lines_between_requests_are_passed_over, 0, 3);
    tcase_add_test(tests, a_connection_that_has_fetched_files_can_become_a_websocket);
    tcase_add_loop_test(tests, some_answers_are_the_last, 0, COUNT(last));
    tcase_add_test(tests, allowed_origins_may_read_files_and_others_may_not);
    tcase_add_loop_test(tests, a_preflight_is_answered, 0, 2);
    tcase_add_test(tests, isolation_is_sent_when_it_is_asked_for);
    tcase_add_test(tests, a_document_root_must_be_a_directory);
    tcase_add_test(tests, a_big_file_waits_for_its_reader_and_holds_nobody_up);
    tcase_add_loop_test(tests, what_follows_the_last_request_does_not_cut_its_answer, 0, 4);
    tcase_add_test(tests, a_client_that_goes_in_the_middle_leaves_nothing_open);
    tcase_add_test(tests, a_file_that_becomes_shorter_ends_the_connection);
    tcase_add_test(tests, a_server_may_be_stopped_while_it_sends);
    tcase_add_test(tests, a_connection_without_another_request_ends);
    return suite;
}
