/* SPDX-License-Identifier: MIT */
/* Files: a directory that is served, and what the path of a request means in it. Nothing outside of
 * the directory is ever opened. Knows no HTTP but paths, tags and types. */
#ifndef GDWSI_FILES_H
#define GDWSI_FILES_H

#include <stdbool.h>
#include <stdint.h>

#include "gdws/error.h"

typedef struct gdwsi_files {
    int root;
    bool walks; /* the kernel cannot keep a path beneath a directory: no links are followed */
} gdwsi_files;

#define GDWSI_FILES_TAG_SIZE 64

/* A file that was found. */
typedef struct gdwsi_file {
    int descriptor; /* -1 when there is none to read */
    uint64_t size;
    const char *type; /* for Content-Type */
    char tag[GDWSI_FILES_TAG_SIZE];
} gdwsi_file;

/* Open a directory. Returns FILE_NOT_FOUND, CANT_OPEN (no directory, or not allowed) or
 * OUT_OF_MEMORY. */
gdws_error gdwsi_files_new(const char *directory, gdwsi_files **files);

void gdwsi_files_free(gdwsi_files *files);

/* Find the file of a request's path and query, percent-encoded as it was sent. Returns 200 and the
 * open file; 301 when it is a directory whose path lacks the last slash; 400 for a bad encoding;
 * 404 for whatever is not there or not to be seen; 503 when it cannot be opened now. */
int gdwsi_files_find(const gdwsi_files *files, const char *path, gdwsi_file *file);

/* Whether an If-None-Match header names the file's tag (RFC 9110 section 13.1.2). */
bool gdwsi_files_has_tag(const gdwsi_file *file, const char *tags);

#endif
