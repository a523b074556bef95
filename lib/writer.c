/* SPDX-License-Identifier: MIT */
/* See writer.h. */
#include "writer.h"

#include <stdarg.h>
#include <stdio.h>

void gdwsi_writer_add(gdwsi_writer *writer, const char *format, ...)
{
    va_list arguments;
    size_t room = writer->size - writer->length;
    va_start(arguments, format);
    int length = vsnprintf(writer->text + writer->length, room, format, arguments);
    va_end(arguments);
    if (writer->is_full || length < 0 || (size_t)length >= room) {
        writer->is_full = true;
        return;
    }
    writer->length += (size_t)length;
}

size_t gdwsi_writer_finish(const gdwsi_writer *writer)
{
    return writer->is_full ? 0 : writer->length;
}
