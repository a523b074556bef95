/* SPDX-License-Identifier: MIT */
/* The log's one sink. Function and user pointer are changed together under a lock and copied out
 * before the call, so that the callback runs without it. */
#include "log.h"

#include <ctype.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#define LINE_MAX_BYTES 1024

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static gdws_log_callback callback;
static void *callback_user;
static atomic_int wanted_level = GDWS_LOG_WARNING;

void gdws_set_log_callback(gdws_log_callback function, void *user)
{
    (void)pthread_mutex_lock(&lock);
    callback = function;
    callback_user = user;
    (void)pthread_mutex_unlock(&lock);
}

void gdws_set_log_level(gdws_log_level level)
{
    atomic_store_explicit(&wanted_level, (int)level, memory_order_relaxed);
}

bool gdwsi_log_wants(gdws_log_level level)
{
    return level != GDWS_LOG_NONE &&
           (int)level <= atomic_load_explicit(&wanted_level, memory_order_relaxed);
}

static void write_to_stderr(gdws_log_level level, const char *line)
{
    static const char *const names[] = {"none", "error", "warning", "info", "debug"};
    (void)fprintf(stderr, "gdws: %s: %s\n", names[level], line);
}

static void emit(gdws_log_level level, const char *line)
{
    (void)pthread_mutex_lock(&lock);
    gdws_log_callback function = callback;
    void *user = callback_user;
    (void)pthread_mutex_unlock(&lock);
    if (function != NULL) {
        function(level, line, user);
    } else {
        write_to_stderr(level, line);
    }
}

void gdwsi_log_write(gdws_log_level level, const char *format, ...)
{
    char line[LINE_MAX_BYTES];
    if (!gdwsi_log_wants(level)) {
        return;
    }
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(line, sizeof(line), format, arguments);
    va_end(arguments);
    emit(level, line);
}

void gdwsi_log_line(gdws_log_level level, const char *text)
{
    char line[LINE_MAX_BYTES];
    if (!gdwsi_log_wants(level)) {
        return;
    }
    size_t length = strnlen(text, sizeof(line) - 1);
    while (length > 0 && isspace((unsigned char)text[length - 1]) != 0) {
        length--;
    }
    memcpy(line, text, length);
    line[length] = '\0';
    emit(level, line);
}
