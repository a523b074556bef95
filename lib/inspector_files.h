/* SPDX-License-Identifier: MIT */
/* Inspector, files: those of lib/inspector/, which the build turns into C. */
#ifndef GDWSI_INSPECTOR_FILES_H
#define GDWSI_INSPECTOR_FILES_H

#include <stddef.h>
#include <stdint.h>

typedef struct gdwsi_inspector_file {
    const char *name;
    const uint8_t *bytes;
    size_t length;
} gdwsi_inspector_file;

/* Ends with a name that is NULL. */
extern const gdwsi_inspector_file gdwsi_inspector_files[];

#endif
