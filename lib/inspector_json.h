/* SPDX-License-Identifier: MIT */
/* Inspector, JSON out: values for cJSON to print, in memory of our own that is used again and
 * again. cJSON's own functions that make values would have to be told of lib/mem by a hook, which
 * is global to the process and so not ours to set. */
#ifndef GDWSI_INSPECTOR_JSON_H
#define GDWSI_INSPECTOR_JSON_H

#include <stdbool.h>
#include <stddef.h>

#include <cjson/cJSON.h>

typedef struct gdwsi_json {
    cJSON *values;
    size_t capacity;
    size_t used;
    char *texts; /* copies of texts that do not live long enough */
    size_t text_capacity;
    size_t text_used;
    char *printed;
    size_t printed_capacity;
    bool is_full; /* something did not fit: what is printed would not be whole */
} gdwsi_json;

/* Make room, at least so much, and begin anew. Returns false without memory. */
bool gdwsi_json_begin(gdwsi_json *json, size_t values, size_t text_bytes);

void gdwsi_json_clear(gdwsi_json *json);

/* Make a value in a parent; name: in an object, NULL in an array; parent NULL: the root. Names and
 * texts are lent until printing. */
cJSON *gdwsi_json_object(gdwsi_json *json, cJSON *parent, const char *name);
cJSON *gdwsi_json_array(gdwsi_json *json, cJSON *parent, const char *name);
void gdwsi_json_number(gdwsi_json *json, cJSON *parent, const char *name, double number);
void gdwsi_json_bool(gdwsi_json *json, cJSON *parent, const char *name, bool value);
void gdwsi_json_text(gdwsi_json *json, cJSON *parent, const char *name, const char *text);

/* Get room for a text that lives as long as the values. Returns NULL when there is none. */
char *gdwsi_json_room(gdwsi_json *json, size_t size);

/* Print. Returns NULL when it cannot be; lent until the next begin or print. */
const char *gdwsi_json_print(gdwsi_json *json, cJSON *root);

#endif
