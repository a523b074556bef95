/* SPDX-License-Identifier: MIT */
/* Commands are short, so that cJSON's memory for one is small; it comes and goes within the parsing
 * and does not come from lib/mem: see inspector_json.h. */
#include "inspector_command.h"

#include <string.h>

#include "frame.h"

/* 2^53: whole numbers up to here are exact. */
#define NUMBER_MAX 9007199254740992.0

/* Read a whole number. Returns false when it is not there or not in range. */
static bool read_number(const cJSON *object, const char *name, double highest, uint64_t *number)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, name);
    if (!cJSON_IsNumber(item) || !(item->valuedouble >= 0 && item->valuedouble <= highest)) {
        return false;
    }
    *number = (uint64_t)item->valuedouble;
    return !(item->valuedouble > (double)*number);
}

static bool read_id(const cJSON *object, const char *name, int32_t *id)
{
    uint64_t number = 0;
    bool is_there = read_number(object, name, INT32_MAX, &number);
    *id = (int32_t)number;
    return is_there;
}

static bool read_index(const cJSON *object, const char *name, uint32_t *index)
{
    uint64_t number = 0;
    bool is_there = read_number(object, name, UINT32_MAX, &number);
    *index = (uint32_t)number;
    return is_there;
}

static bool read_filter(const cJSON *object, gdwsi_filter *filter)
{
    const char *direction =
        cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(object, "direction"));
    if (direction == NULL || !read_index(object, "watch", &filter->watch) ||
        !read_id(object, "peer", &filter->peer)) {
        return false;
    }
    filter->has_no_sent = strcmp(direction, "received") == 0;
    filter->has_no_received = strcmp(direction, "sent") == 0;
    return filter->has_no_sent || filter->has_no_received || strcmp(direction, "both") == 0;
}

static bool read_close(const cJSON *object, gdwsi_command *command)
{
    const char *reason = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(object, "reason"));
    uint64_t code = 0;
    if (reason == NULL || strlen(reason) >= sizeof(command->reason) ||
        !read_number(object, "code", 4999, &code) ||
        !read_index(object, "watch", &command->watch) || !read_id(object, "peer", &command->peer)) {
        return false;
    }
    command->code = (int)code;
    memcpy(command->reason, reason, strlen(reason) + 1);
    return gdwsi_frame_is_sendable_close_code(command->code);
}

static bool read_command(const cJSON *object, gdwsi_command *command)
{
    static const char *const names[] = {"seen", "filter", "pause", "resume", "show", "close"};
    const char *name = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(object, "do"));
    size_t kind = 0;
    while (kind < sizeof(names) / sizeof(names[0]) &&
           (name == NULL || strcmp(name, names[kind]) != 0)) {
        kind++;
    }
    command->kind = (gdwsi_command_kind)kind;
    switch (command->kind) {
    case GDWSI_COMMAND_SEEN:
        return read_index(object, "update", &command->update);
    case GDWSI_COMMAND_FILTER:
        return read_filter(object, &command->filter);
    case GDWSI_COMMAND_PAUSE:
    case GDWSI_COMMAND_RESUME:
        return true;
    case GDWSI_COMMAND_SHOW:
        return read_number(object, "packet", NUMBER_MAX, &command->packet);
    case GDWSI_COMMAND_CLOSE:
        return read_close(object, command);
    }
    return false;
}

bool gdwsi_command_parse(const char *text, size_t length, gdwsi_command *command)
{
    const char *end = NULL;
    memset(command, 0, sizeof(*command));
    cJSON *object = cJSON_ParseWithLengthOpts(text, length, &end, 0);
    bool is_command = object != NULL && end == text + length && read_command(object, command);
    cJSON_Delete(object);
    return is_command;
}
