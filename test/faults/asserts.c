/* SPDX-License-Identifier: MIT */
/* What ck_assert calls, for a program that is no test suite of Check's and yet uses its helpers. */
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
    (void)fprintf(stderr, "%s:%d: %s\n", file, line, message != NULL ? message : expression);
    abort();
}
