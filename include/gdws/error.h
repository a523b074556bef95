/* SPDX-License-Identifier: MIT */
/**
 * Errors, version and log: what every other header stands on.
 *
 * Functions that can fail return a gdws_error. The names and numbers are those of Godot's Error
 * enum, without the prefix ERR_, so that a number printed by a Godot game means the same here.
 */
#ifndef GDWS_ERROR_H
#define GDWS_ERROR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define GDWS_API __attribute__((visibility("default")))
#else
#define GDWS_API
#endif

#define GDWS_VERSION_MAJOR 0
#define GDWS_VERSION_MINOR 1
#define GDWS_VERSION_PATCH 0
#define GDWS_VERSION "0.1.0"

/** Name, number and text of each error, for programs that want a table of their own. */
#define GDWS_ERROR_MAP(X)                                                                          \
    X(OK, 0, "no error")                                                                           \
    X(FAILED, 1, "failed")                                                                         \
    X(UNAVAILABLE, 2, "not available")                                                             \
    X(UNCONFIGURED, 3, "not configured")                                                           \
    X(UNAUTHORIZED, 4, "not authorized")                                                           \
    X(PARAMETER_RANGE_ERROR, 5, "parameter out of range")                                          \
    X(OUT_OF_MEMORY, 6, "out of memory, or a queue is full")                                       \
    X(FILE_NOT_FOUND, 7, "file not found")                                                         \
    X(FILE_CANT_READ, 14, "file cannot be read")                                                   \
    X(FILE_EOF, 18, "end of file")                                                                 \
    X(CANT_OPEN, 19, "cannot be opened")                                                           \
    X(CANT_CREATE, 20, "cannot be created")                                                        \
    X(ALREADY_IN_USE, 22, "already in use")                                                        \
    X(TIMEOUT, 24, "timed out")                                                                    \
    X(CANT_CONNECT, 25, "cannot connect")                                                          \
    X(CANT_RESOLVE, 26, "name cannot be resolved")                                                 \
    X(CONNECTION_ERROR, 27, "connection error")                                                    \
    X(CANT_ACQUIRE_RESOURCE, 28, "a resource cannot be acquired")                                  \
    X(INVALID_DATA, 30, "invalid data")                                                            \
    X(INVALID_PARAMETER, 31, "invalid parameter")                                                  \
    X(ALREADY_EXISTS, 32, "already exists")                                                        \
    X(DOES_NOT_EXIST, 33, "does not exist")                                                        \
    X(BUSY, 44, "busy")                                                                            \
    X(SKIP, 45, "skipped")                                                                         \
    X(BUG, 47, "a bug in gdws")

/** What a call came to. Source: Godot's enum Error. Since 0.1. */
typedef enum gdws_error {
#define GDWS_ERROR_ENUM(name, number, text) GDWS_##name = number,
    GDWS_ERROR_MAP(GDWS_ERROR_ENUM)
#undef GDWS_ERROR_ENUM
} gdws_error;

/**
 * Give the name of an error, such as "OUT_OF_MEMORY".
 *
 * Returns a string that lives for ever; "UNKNOWN" for a number that is not in the table.
 * Since 0.1.
 */
GDWS_API const char *gdws_error_name(gdws_error error);

/**
 * Describe an error in a few English words.
 *
 * Returns a string that lives for ever; "unknown error" for a number that is not in the table.
 * Source: Godot's error_names. Since 0.1.
 */
GDWS_API const char *gdws_error_text(gdws_error error);

/** Give the version of the library that is linked, as "major.minor.patch". Since 0.1. */
GDWS_API const char *gdws_version(void);

/** How important a log line is. Since 0.1. */
typedef enum gdws_log_level {
    GDWS_LOG_NONE = 0,    /**< Nothing at all: only for gdws_set_log_level. */
    GDWS_LOG_ERROR = 1,   /**< Something that gdws had to give up. */
    GDWS_LOG_WARNING = 2, /**< Something odd that gdws could deal with. */
    GDWS_LOG_INFO = 3,    /**< Connections that come and go, and why. */
    GDWS_LOG_DEBUG = 4    /**< libwebsockets' own notices, for those who work on gdws. */
} gdws_log_level;

/**
 * Receive one log line.
 *
 * level: how important it is.
 * line: text without a line end, lent until the callback returns.
 * user: what was given to gdws_set_log_callback.
 *
 * It may run on each thread that has a loop, so it must be safe for those; it must not call gdws.
 */
typedef void (*gdws_log_callback)(gdws_log_level level, const char *line, void *user);

/**
 * Send all log lines of this process, those of libwebsockets too, to a function.
 *
 * callback: the function; NULL brings back the default, which writes warnings and errors to stderr.
 * user: handed to each call.
 *
 * Call it before the first loop is made. Since 0.1.
 */
GDWS_API void gdws_set_log_callback(gdws_log_callback callback, void *user);

/** Say how much is logged: lines above this level are not even formatted. Default:
 *  GDWS_LOG_WARNING. Since 0.1. */
GDWS_API void gdws_set_log_level(gdws_log_level level);

#ifdef __cplusplus
}
#endif

#endif
