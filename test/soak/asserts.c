/* SPDX-License-Identifier: MIT */
/* Check's assertions for test/support/certs.c in a program that Check does not run: Check's own
 * give up when no test is running. */
#include <stdio.h>
#include <stdlib.h>

#include <check.h>

void _mark_point(const char *file, int line)
{
    (void)file;
    (void)line;
}

void _ck_assert_failed(const char *file, int line, const char *expression, const char *message, ...)
{
    (void)fprintf(stderr, "%s:%d: %s %s\n", file, line, expression, message != NULL ? message : "");
    abort();
}
