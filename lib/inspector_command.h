/* SPDX-License-Identifier: MIT */
/* Inspector, commands: what a page may say, as JSON. */
#ifndef GDWSI_INSPECTOR_COMMAND_H
#define GDWSI_INSPECTOR_COMMAND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "inspector.h"

/* The longest reason, with its end. */
#define GDWSI_COMMAND_REASON_SIZE 124

typedef enum gdwsi_command_kind {
    GDWSI_COMMAND_SEEN,   /* update */
    GDWSI_COMMAND_FILTER, /* filter */
    GDWSI_COMMAND_PAUSE,
    GDWSI_COMMAND_RESUME,
    GDWSI_COMMAND_SHOW, /* packet */
    GDWSI_COMMAND_CLOSE /* watch, peer, code, reason */
} gdwsi_command_kind;

typedef struct gdwsi_command {
    gdwsi_command_kind kind;
    uint32_t update;
    gdwsi_filter filter;
    uint64_t packet;
    uint32_t watch;
    int32_t peer;
    int code;
    char reason[GDWSI_COMMAND_REASON_SIZE];
} gdwsi_command;

/* Parse a command. Returns false for anything that is none; without memory, too. */
bool gdwsi_command_parse(const char *text, size_t length, gdwsi_command *command);

#endif
