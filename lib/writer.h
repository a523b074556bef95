/* SPDX-License-Identifier: MIT */
/* Writer: text that grows at its end, in a buffer of fixed size. */
#ifndef GDWSI_WRITER_H
#define GDWSI_WRITER_H

#include <stdbool.h>
#include <stddef.h>

/* Begins with text and size given, the rest zero. Once something does not fit, nothing more is
 * added. */
typedef struct gdwsi_writer {
    char *text;
    size_t size;
    size_t length;
    bool is_full;
} gdwsi_writer;

void gdwsi_writer_add(gdwsi_writer *writer, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Returns the length of the text, 0 when it has not all fitted. */
size_t gdwsi_writer_finish(const gdwsi_writer *writer);

#endif
