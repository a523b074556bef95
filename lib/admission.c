/* SPDX-License-Identifier: MIT */
/* Who may come in: RFC 6455 section 4.2.1, origins (10.2)
 * and subprotocols (4.2.2). Pure functions on texts. */
#include "admission.h"

#include <string.h>

/* A key is 16 bytes in base64: 22 characters and "==" (RFC 6455 section 4.1). */
#define KEY_LENGTH 24

static bool is_key(const char *key)
{
    static const char base64[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    return key != NULL && strlen(key) == KEY_LENGTH && strspn(key, base64) == KEY_LENGTH - 2 &&
           strcmp(key + KEY_LENGTH - 2, "==") == 0;
}

/* Find the next name of a comma separated list. Returns NULL at the end. */
static const char *next_name(const char **list, size_t *length)
{
    const char *name = *list + strspn(*list, ", \t");
    size_t extent = strcspn(name, ",");
    *list = name + extent;
    while (extent > 0 && (name[extent - 1] == ' ' || name[extent - 1] == '\t')) {
        extent--;
    }
    *length = extent;
    return extent > 0 ? name : NULL;
}

/* Choose the first name of the client's list that the server speaks; without a list of the server's
 * the first one. Returns false when there is none. */
static bool choose_protocol(const gdwsi_config *config, const char *offered,
                            char protocol[GDWSI_ADMISSION_PROTOCOL_MAX + 1])
{
    size_t length = 0;
    const char *name = next_name(&offered, &length);
    while (name != NULL) {
        if (length <= GDWSI_ADMISSION_PROTOCOL_MAX) {
            memcpy(protocol, name, length);
            protocol[length] = '\0';
            if (config->protocols.count == 0 || gdwsi_list_has(&config->protocols, protocol)) {
                return true;
            }
        }
        name = next_name(&offered, &length);
    }
    protocol[0] = '\0';
    return false;
}

int gdwsi_admission_decide(const gdwsi_config *config, const gdwsi_request *request,
                           char protocol[GDWSI_ADMISSION_PROTOCOL_MAX + 1])
{
    protocol[0] = '\0';
    if (!request->is_upgrade || request->version == NULL || strcmp(request->version, "13") != 0) {
        return 426;
    }
    if (!is_key(request->key)) {
        return 400;
    }
    if (!gdwsi_config_allows_origin(config, request->origin)) {
        return 403;
    }
    if (config->refuses_connections) {
        return 503;
    }
    if (request->protocols != NULL && !choose_protocol(config, request->protocols, protocol)) {
        return 400;
    }
    return 0;
}
