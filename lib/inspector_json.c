/* SPDX-License-Identifier: MIT */
/* The values are linked as cJSON links them (a first child's previous one is the last child), and
 * nobody but cJSON_PrintPreallocated, which allocates nothing, sees them. */
#include "inspector_json.h"

#include <limits.h>
#include <string.h>

#include "mem.h"

#define PRINTED_MIN ((size_t)64 << 10)
#define PRINTED_MAX ((size_t)8 << 20)

/* Make a block at least so large; what was in it is lost. Returns NULL without memory. */
static void *make_room(void *block, size_t *capacity, size_t wanted, size_t size)
{
    if (block != NULL && *capacity >= wanted) {
        return block;
    }
    gdwsi_mem_free(block);
    block = gdwsi_mem_calloc(wanted, size);
    *capacity = block != NULL ? wanted : 0;
    return block;
}

bool gdwsi_json_begin(gdwsi_json *json, size_t values, size_t text_bytes)
{
    json->used = 0;
    json->text_used = 0;
    json->is_full = false;
    json->values = make_room(json->values, &json->capacity, values, sizeof(*json->values));
    json->texts = make_room(json->texts, &json->text_capacity, text_bytes, 1);
    return json->values != NULL && json->texts != NULL;
}

void gdwsi_json_clear(gdwsi_json *json)
{
    gdwsi_mem_free(json->values);
    gdwsi_mem_free(json->texts);
    gdwsi_mem_free(json->printed);
    memset(json, 0, sizeof(*json));
}

/* cJSON takes names and texts that it may change; it is only ever asked to print them. */
static char *lend(const char *text)
{
    union {
        const char *lent;
        char *taken;
    } pointer = {.lent = text};
    return pointer.taken;
}

static cJSON *make(gdwsi_json *json, cJSON *parent, const char *name, int type)
{
    if (json->used == json->capacity) {
        json->is_full = true;
        return NULL;
    }
    cJSON *value = &json->values[json->used];
    json->used++;
    memset(value, 0, sizeof(*value));
    value->type = type;
    value->string = name != NULL ? lend(name) : NULL;
    if (parent != NULL && parent->child == NULL) {
        parent->child = value;
        value->prev = value;
    } else if (parent != NULL) {
        value->prev = parent->child->prev;
        value->prev->next = value;
        parent->child->prev = value;
    }
    return value;
}

cJSON *gdwsi_json_object(gdwsi_json *json, cJSON *parent, const char *name)
{
    return make(json, parent, name, cJSON_Object);
}

cJSON *gdwsi_json_array(gdwsi_json *json, cJSON *parent, const char *name)
{
    return make(json, parent, name, cJSON_Array);
}

void gdwsi_json_number(gdwsi_json *json, cJSON *parent, const char *name, double number)
{
    cJSON *value = make(json, parent, name, cJSON_Number);
    if (value != NULL) {
        value->valuedouble = number;
        value->valueint = number >= INT_MAX ? INT_MAX : number <= INT_MIN ? INT_MIN : (int)number;
    }
}

void gdwsi_json_bool(gdwsi_json *json, cJSON *parent, const char *name, bool value)
{
    (void)make(json, parent, name, value ? cJSON_True : cJSON_False);
}

void gdwsi_json_text(gdwsi_json *json, cJSON *parent, const char *name, const char *text)
{
    cJSON *value = make(json, parent, name, cJSON_String);
    if (value != NULL) {
        value->valuestring = lend(text);
    }
}

char *gdwsi_json_room(gdwsi_json *json, size_t size)
{
    if (size > json->text_capacity - json->text_used) {
        json->is_full = true;
        return NULL;
    }
    char *text = json->texts + json->text_used;
    json->text_used += size;
    return text;
}

const char *gdwsi_json_print(gdwsi_json *json, cJSON *root)
{
    if (json->is_full || root == NULL) {
        return NULL;
    }
    size_t wanted = json->printed_capacity > 0 ? json->printed_capacity : PRINTED_MIN;
    for (; wanted <= PRINTED_MAX; wanted *= 2) {
        json->printed = make_room(json->printed, &json->printed_capacity, wanted, 1);
        if (json->printed == NULL) {
            return NULL;
        }
        if (cJSON_PrintPreallocated(root, json->printed, (int)json->printed_capacity, 0)) {
            return json->printed;
        }
    }
    return NULL;
}
