/* SPDX-License-Identifier: MIT */
/* A path is decoded once, segment by segment, and what could mean something to a file system is
 * refused before it is asked: empty segments, dots at the beginning (dot-dot, hidden files),
 * encoded slashes, backslashes, control characters. Then the kernel opens it beneath the root. */
#include "files.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#ifdef SYS_openat2
#include <linux/openat2.h>
#endif

#include "mem.h"

#define INDEX "index.html"

/* A file that is no regular one must not hold us up, nor become our terminal. */
#define OPEN_FLAGS (O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY)

/* Opening */

static int open_beneath(int root, const char *path)
{
#ifdef SYS_openat2
    struct open_how how;
    int descriptor = -1;
    memset(&how, 0, sizeof(how));
    how.flags = OPEN_FLAGS;
    how.resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS;
    /* EAGAIN: something was renamed while the kernel looked. */
    for (int i = 0; i < 8 && descriptor < 0 && (i == 0 || errno == EAGAIN); i++) {
        descriptor = (int)syscall(SYS_openat2, root, path, &how, sizeof(how));
    }
    return descriptor;
#else
    (void)root;
    (void)path;
    errno = ENOSYS;
    return -1;
#endif
}

/* Open a path step by step, following no links. */
static int open_walking(int root, char *path)
{
    int directory = root;
    int descriptor = -1;
    char *segment = path;
    while (segment != NULL) {
        char *slash = strchr(segment, '/');
        if (slash != NULL) {
            *slash = '\0';
        }
        int flags = slash != NULL ? O_DIRECTORY : 0;
        descriptor = openat(directory, segment, OPEN_FLAGS | O_NOFOLLOW | flags);
        int error = errno;
        if (slash != NULL) {
            *slash = '/';
        }
        if (directory != root) {
            (void)close(directory);
        }
        directory = descriptor;
        segment = descriptor >= 0 && slash != NULL ? slash + 1 : NULL;
        errno = error;
    }
    return descriptor;
}

static int open_path(const gdwsi_files *files, char *path)
{
    return files->walks ? open_walking(files->root, path) : open_beneath(files->root, path);
}

gdws_error gdwsi_files_new(const char *directory, gdwsi_files **files)
{
    *files = gdwsi_mem_calloc(1, sizeof(**files));
    if (*files == NULL) {
        return GDWS_OUT_OF_MEMORY;
    }
    int root = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (root < 0) {
        gdws_error error = errno == ENOENT ? GDWS_FILE_NOT_FOUND : GDWS_CANT_OPEN;
        gdwsi_mem_free(*files);
        *files = NULL;
        return error;
    }
    (*files)->root = root;
    int probe = open_beneath(root, ".");
    (*files)->walks = probe < 0;
    if (probe >= 0) {
        (void)close(probe);
    }
    return GDWS_OK;
}

void gdwsi_files_free(gdwsi_files *files)
{
    if (files != NULL) {
        (void)close(files->root);
        gdwsi_mem_free(files);
    }
}

/* Paths */

static int hex_value(char digit)
{
    if (digit >= '0' && digit <= '9') {
        return digit - '0';
    }
    if (digit >= 'a' && digit <= 'f') {
        return digit - 'a' + 10;
    }
    return digit >= 'A' && digit <= 'F' ? digit - 'A' + 10 : -1;
}

/* Decode length bytes. Returns 0 with *written, or the status to answer. */
static int decode_segment(const char *from, size_t length, char *target, size_t *written)
{
    size_t count = 0;
    size_t at = 0;
    while (at < length) {
        unsigned char byte = (unsigned char)from[at];
        if (byte == '%') {
            int high = at + 2 < length ? hex_value(from[at + 1]) : -1;
            int low = high >= 0 ? hex_value(from[at + 2]) : -1;
            if (low < 0) {
                return 400;
            }
            byte = (unsigned char)(high * 16 + low);
            at += 2;
        }
        if (byte < ' ' || byte == 0x7f || byte == '/' || byte == '\\') {
            return 404;
        }
        target[count] = (char)byte;
        count++;
        at++;
    }
    *written = count;
    return 0;
}

/* Hidden files are hidden, but for the well-known ones (RFC 8615). */
static bool is_hidden(const char *segment, size_t length)
{
    static const char known[] = ".well-known";
    return length == 0 || (segment[0] == '.' && (length != sizeof(known) - 1 ||
                                                 memcmp(segment, known, sizeof(known) - 1) != 0));
}

/* Decode a whole path into one that is relative to the root; a directory's gets the index.
 * Returns 0, or the status to answer. */
static int decode_path(const char *path, char target[PATH_MAX])
{
    size_t length = 0;
    const char *end = path + strcspn(path, "?");
    const char *segment = path + 1;
    if (end == path || path[0] != '/') {
        return 404;
    }
    /* Whatever is a directory without the last slash may still be one with it. */
    bool has_slash = end[-1] == '/';
    if ((size_t)(end - path) - (has_slash ? 1 : 0) + sizeof("/" INDEX) > PATH_MAX) {
        return 404;
    }
    while (segment < end) {
        size_t written = 0;
        const char *slash = memchr(segment, '/', (size_t)(end - segment));
        size_t extent = (size_t)((slash != NULL ? slash : end) - segment);
        int status = decode_segment(segment, extent, target + length, &written);
        if (status != 0 || is_hidden(target + length, written)) {
            return status != 0 ? status : 404;
        }
        length += written;
        if (slash != NULL) {
            target[length] = '/';
            length++;
        }
        segment += extent + 1;
    }
    target[length] = '\0';
    if (has_slash) {
        memcpy(target + length, INDEX, sizeof(INDEX));
    }
    return 0;
}

/* Types */

static const char *find_type(const char *path)
{
    static const char *const types[][2] = {
        {"html", "text/html; charset=utf-8"},
        {"htm", "text/html; charset=utf-8"},
        {"js", "text/javascript; charset=utf-8"},
        {"mjs", "text/javascript; charset=utf-8"},
        {"css", "text/css; charset=utf-8"},
        {"txt", "text/plain; charset=utf-8"},
        {"md", "text/markdown; charset=utf-8"},
        {"json", "application/json"},
        {"map", "application/json"},
        {"webmanifest", "application/manifest+json"},
        {"xml", "application/xml"},
        {"wasm", "application/wasm"},
        {"png", "image/png"},
        {"jpg", "image/jpeg"},
        {"jpeg", "image/jpeg"},
        {"gif", "image/gif"},
        {"webp", "image/webp"},
        {"avif", "image/avif"},
        {"svg", "image/svg+xml"},
        {"ico", "image/x-icon"},
        {"ogg", "audio/ogg"},
        {"mp3", "audio/mpeg"},
        {"wav", "audio/wav"},
        {"mp4", "video/mp4"},
        {"webm", "video/webm"},
        {"ogv", "video/ogg"},
        {"woff", "font/woff"},
        {"woff2", "font/woff2"},
        {"ttf", "font/ttf"},
        {"otf", "font/otf"},
        {"pdf", "application/pdf"},
        {"zip", "application/zip"},
    };
    const char *dot = strrchr(path, '.');
    for (size_t i = 0; dot != NULL && i < sizeof(types) / sizeof(types[0]); i++) {
        if (strcasecmp(dot + 1, types[i][0]) == 0) {
            return types[i][1];
        }
    }
    return "application/octet-stream";
}

/* Finding */

static int status_of_error(int error)
{
    return error == EMFILE || error == ENFILE || error == ENOMEM || error == EAGAIN ? 503 : 404;
}

/* A directory, asked for without the last slash: its page is behind it, if it has one. There is
 * room for that, since decode_path has looked. */
static int find_index(const gdwsi_files *files, char path[PATH_MAX])
{
    memcpy(path + strlen(path), "/" INDEX, sizeof("/" INDEX));
    int descriptor = open_path(files, path);
    if (descriptor < 0) {
        return status_of_error(errno);
    }
    (void)close(descriptor);
    return 301;
}

int gdwsi_files_find(const gdwsi_files *files, const char *path, gdwsi_file *file)
{
    char decoded[PATH_MAX];
    struct stat facts;
    file->descriptor = -1;
    int status = decode_path(path, decoded);
    if (status != 0) {
        return status;
    }
    int descriptor = open_path(files, decoded);
    if (descriptor < 0) {
        return status_of_error(errno);
    }
    bool is_known = fstat(descriptor, &facts) == 0;
    bool is_directory = is_known && S_ISDIR(facts.st_mode);
    if (!is_known || !S_ISREG(facts.st_mode)) {
        (void)close(descriptor);
        return is_directory ? find_index(files, decoded) : 404;
    }
    file->descriptor = descriptor;
    file->size = (uint64_t)facts.st_size;
    file->type = find_type(decoded);
    (void)snprintf(file->tag, sizeof(file->tag), "\"%llx-%llx-%llx\"",
                   (unsigned long long)facts.st_ino, (unsigned long long)facts.st_size,
                   (unsigned long long)facts.st_mtim.tv_sec * 1000000000ull +
                       (unsigned long long)facts.st_mtim.tv_nsec);
    return 200;
}

bool gdwsi_files_has_tag(const gdwsi_file *file, const char *tags)
{
    size_t length = strlen(file->tag);
    while (tags != NULL && *tags != '\0') {
        tags += strspn(tags, ", \t");
        const char *tag = strncmp(tags, "W/", 2) == 0 ? tags + 2 : tags;
        size_t extent = strcspn(tag, ", \t");
        if ((extent == 1 && tag[0] == '*') ||
            (extent == length && strncmp(tag, file->tag, length) == 0)) {
            return true;
        }
        tags = tag + extent;
    }
    return false;
}
