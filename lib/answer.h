/* SPDX-License-Identifier: MIT */
/* Answer: the text of plain HTTP answers (RFC 9110), refusals among them, with what each of them
 * says about origins. Knows texts only. */
#ifndef GDWSI_ANSWER_H
#define GDWSI_ANSWER_H

#include <stdbool.h>
#include <stddef.h>

#include "config.h"
#include "writer.h"

/* The longest refusal, and the longest head of any answer. */
#define GDWSI_ANSWER_MAX 2048

/* Begin an answer: the status line, and the lines that all answers have. origin: the request's;
 * NULL without one. */
void gdwsi_answer_begin(gdwsi_writer *writer, const gdwsi_config *config, int status,
                        const char *origin);

/* End its head. */
void gdwsi_answer_end(gdwsi_writer *writer, bool keeps_alive);

/* Write a whole answer that says in one line why a request is refused, Connection: close. text: the
 * line; NULL or "" for one that fits the status. Returns its length. */
size_t gdwsi_answer_write_refusal(const gdwsi_config *config, int status, const char *text,
                                  const char *origin, char answer[GDWSI_ANSWER_MAX]);

/* Write the lines that an answer to an allowed origin carries ("" for NULL or a bad origin), each
 * with its line end. Returns their length; nothing is written when they do not fit. */
size_t gdwsi_answer_write_origin(const char *origin, char *lines, size_t capacity);

#endif
