/* SPDX-License-Identifier: MIT */
/* What an inspector hears: a page's command, obeyed by an inspector that watches a client; the head
 * of a request at its gate; and packets, of which the page is told in JSON that parses. */
#include <stdlib.h>
#include <string.h>

#include "handshake.h"
#include "http.h"
#include "inspector.h"
#include "inspector_command.h"
#include "mem.h"
#include "server.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static gdws_loop *loop;
static gdws_client *client;
static gdws_inspector *inspector;
static gdws_client *browser;

static void require(int condition)
{
    if (!condition) {
        abort();
    }
}

/* One inspector with one page that is really connected, for all inputs. */
static void set_up(void)
{
    char url[256];
    gdws_set_log_level(GDWS_LOG_NONE);
    loop = gdws_loop_new();
    client = gdws_client_new(loop);
    inspector = gdws_inspector_new(loop, NULL, 0);
    require(gdws_inspector_watch_client(inspector, client, "watched") == GDWS_OK);
    require(gdws_inspector_set_allow_closing(inspector, true) == GDWS_OK);
    browser = gdws_client_new(loop);
    require(snprintf(url, sizeof(url), "ws://%ssocket", gdws_inspector_get_url(inspector) + 7) > 0);
    require(gdws_client_connect_to_url(browser, url) == GDWS_OK);
    while (gdws_inspector_get_page_count(inspector) == 0) {
        require(gdws_loop_wait(loop, 100) != GDWS_BUSY);
    }
}

/* What the page is told parses, and nothing is left of it here. */
static void read_all(void)
{
    gdws_peer *peer = gdws_client_get_peer(browser, 1);
    const uint8_t *packet;
    size_t length;
    (void)gdws_loop_poll(loop);
    while (gdws_peer_get_packet(peer, &packet, &length) == GDWS_OK) {
        if (gdws_peer_was_string_packet(peer)) {
            cJSON *object = cJSON_ParseWithLength((const char *)packet, length);
            require(cJSON_IsObject(object));
            cJSON_Delete(object);
        }
    }
}

static void judge_command(gdwsi_page *page, const char *text, size_t size)
{
    gdwsi_command command;
    if (!gdwsi_command_parse(text, size, &command)) {
        return;
    }
    require(command.peer >= 0 && strlen(command.reason) <= 123);
    require(command.kind != GDWSI_COMMAND_CLOSE || (command.code >= 1000 && command.code <= 4999));
    gdwsi_page_obey(inspector, page, text, size);
    require(page->seen <= page->updates);
}

static void judge_head(const uint8_t *data, size_t size)
{
    gdwsi_http_head head;
    gdwsi_resource resource = {.type = NULL};
    char *text = malloc(size + 1);
    memcpy(text, data, size);
    size_t end = gdwsi_http_find_end(text, size, 0);
    memcpy(inspector->token, "0123456789abcdef0123456789abcdef", GDWSI_INSPECTOR_TOKEN_LENGTH);
    if (end > 0 && gdwsi_http_parse_request(&head, text, end) == 0 &&
        gdwsi_handshake_judge_head(&head) == 0) {
        int status = gdwsi_inspector_gate(inspector, &head, &resource);
        require(status == 0 || status == 401 || status == 403 || status == 404);
        require(status != 0 || memcmp(gdwsi_http_path(head.target) + 1, inspector->token,
                                      GDWSI_INSPECTOR_TOKEN_LENGTH) == 0);
        require(status != 0 || gdwsi_handshake_is_wanted(&head) || resource.length > 0);
    }
    free(text);
}

/* A packet of any bytes, said to be text or not. */
static void show_packet(gdwsi_page *page, const uint8_t *data, size_t size)
{
    page->room = 1; /* it keeps up */
    page->seen = page->updates;
    page->is_paused = false;
    memset(&page->filter, 0, sizeof(page->filter));
    uint32_t updates = page->updates;
    gdwsi_inspector_note(inspector->watches, NULL, size % 2 == 0, data + 1, size - 1,
                         data[0] % 2 == 0);
    require(page->queued == 1);
    gdwsi_page_tick(inspector, page);
    require(page->updates == updates + 1 && page->queued == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (inspector == NULL) {
        set_up();
    }
    gdwsi_page *page = &inspector->pages[0];
    if (size < 2 || size > 65536) {
        return 0;
    }
    require(page->id != 0);
    if (data[0] == 'c') {
        judge_command(page, (const char *)data + 1, size - 1);
    } else if (data[0] == 'h') {
        judge_head(data + 1, size - 1);
    } else {
        show_packet(page, data + 1, size - 1);
    }
    read_all();
    return 0;
}
