/* SPDX-License-Identifier: MIT */
/* See page.h. */
#include "page.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "world.h"

void page_connect(page *one, gdws_loop *loop, const char *url, const char *origin)
{
    char target[256];
    char header[256];
    const char *const headers[] = {header};
    memset(one, 0, sizeof(*one));
    one->loop = loop;
    one->client = gdws_client_new(loop);
    one->packets = cJSON_CreateArray();
    one->peers = cJSON_CreateArray();
    one->round = cJSON_CreateArray();
    ck_assert_int_eq(strncmp(url, "http://", 7), 0);
    (void)snprintf(target, sizeof(target), "ws://%ssocket", url + 7);
    if (origin != NULL) {
        (void)snprintf(header, sizeof(header), "Origin: %s", origin);
        ck_assert_int_eq(gdws_client_set_handshake_headers(one->client, headers, 1), GDWS_OK);
    }
    ck_assert_int_eq(gdws_client_set_inbound_buffer_size(one->client, (size_t)64 << 20), GDWS_OK);
    ck_assert_int_eq(gdws_client_connect_to_url(one->client, target), GDWS_OK);
    WAIT_FOR_ON(loop, gdws_client_get_connection_status(one->client) != GDWS_CONNECTION_CONNECTING);
}

void page_open(page *one, gdws_loop *loop, const char *url)
{
    page_connect(one, loop, url, NULL);
    PAGE_WAIT_FOR(one, one->rounds > 0);
}

void page_say(page *one, const char *command)
{
    ck_assert_int_eq(gdws_peer_send_text(gdws_client_get_peer(one->client, 1), command), GDWS_OK);
}

static void move_all(cJSON *rows, cJSON *target)
{
    while (rows != NULL && rows->child != NULL) {
        cJSON_AddItemToArray(target, cJSON_DetachItemViaPointer(rows, rows->child));
    }
}

static void take_update(page *one, cJSON *update)
{
    char seen[64];
    cJSON_Delete(one->update);
    one->update = update;
    one->updates++;
    one->left_out = cJSON_GetNumberValue(cJSON_GetObjectItem(update, "left_out"));
    one->passed = cJSON_GetNumberValue(cJSON_GetObjectItem(update, "passed"));
    move_all(cJSON_GetObjectItem(update, "packets"), one->packets);
    move_all(cJSON_GetObjectItem(update, "peers"), one->round);
    if (cJSON_IsTrue(cJSON_GetObjectItem(update, "round_is_over"))) {
        cJSON_Delete(one->peers);
        one->peers = one->round;
        one->round = cJSON_CreateArray();
        one->rounds++;
    }
    (void)snprintf(seen, sizeof(seen), "{\"do\":\"seen\",\"update\":%d}",
                   cJSON_GetObjectItem(update, "update")->valueint);
    (void)gdws_peer_send_text(gdws_client_get_peer(one->client, 1), seen);
}

static void take_text(page *one, const char *text, size_t length)
{
    cJSON *object = cJSON_ParseWithLength(text, length);
    ck_assert_msg(object != NULL, "no JSON: %.200s", text);
    if (cJSON_HasObjectItem(object, "update")) {
        take_update(one, object);
    } else if (cJSON_HasObjectItem(object, "answer")) {
        cJSON_Delete(one->answer);
        one->answer = object;
    } else {
        ck_assert_str_eq(cJSON_GetStringValue(cJSON_GetObjectItem(object, "version")),
                         gdws_version());
        cJSON_Delete(object);
    }
}

void page_read(page *one)
{
    gdws_peer *peer = gdws_client_get_peer(one->client, 1);
    const uint8_t *packet;
    size_t length;
    while (!one->is_stalled && gdws_peer_get_packet(peer, &packet, &length) == GDWS_OK) {
        if (gdws_peer_was_string_packet(peer)) {
            take_text(one, (const char *)packet, length);
            continue;
        }
        free(one->bytes);
        one->bytes = malloc(length + 1);
        ck_assert_ptr_nonnull(one->bytes);
        memcpy(one->bytes, packet, length);
        one->length = length;
        one->shown++;
    }
}

void page_close(page *one)
{
    gdws_client_free(one->client);
    cJSON_Delete(one->update);
    cJSON_Delete(one->answer);
    cJSON_Delete(one->peers);
    cJSON_Delete(one->round);
    cJSON_Delete(one->packets);
    free(one->bytes);
    memset(one, 0, sizeof(*one));
}

static const cJSON *find(const cJSON *rows, int row, int field)
{
    return cJSON_GetArrayItem(cJSON_GetArrayItem(rows, row), field);
}

double page_number(const cJSON *rows, int row, int field)
{
    const cJSON *item = find(rows, row, field);
    return cJSON_IsNumber(item) ? item->valuedouble : cJSON_IsTrue(item) ? 1 : 0;
}

const char *page_text(const cJSON *rows, int row, int field)
{
    const char *text = cJSON_GetStringValue(find(rows, row, field));
    return text != NULL ? text : "(none)";
}

int page_count(const cJSON *rows)
{
    return cJSON_GetArraySize(rows);
}
