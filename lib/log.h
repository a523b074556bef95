/* SPDX-License-Identifier: MIT */
/* Log: one sink for the whole process; libwebsockets' lines come through it as well. */
#ifndef GDWSI_LOG_H
#define GDWSI_LOG_H

#include <stdbool.h>

#include "gdws/error.h"

/* Whether a line of this level would be written: ask before formatting anything costly. */
bool gdwsi_log_wants(gdws_log_level level);

/* Format and write one line (printf style, no line end; over 1023 bytes it is cut). Formats
 * nothing when the level is not wanted. */
void gdwsi_log_write(gdws_log_level level, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Write one ready line, cutting line ends and other trailing white space off. */
void gdwsi_log_line(gdws_log_level level, const char *line);

#endif
