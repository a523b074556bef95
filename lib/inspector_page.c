/* SPDX-License-Identifier: MIT */
/* One page. What it is told goes out in updates, ten a second; the next one only when the page has
 * said that it has shown the last but one, and nothing of it waits in the outbound queue. So at
 * most two are under way, however slow the page is, and what happens meanwhile is counted. All
 * peers are gone through a slice at a time, so that a table of thousands costs the loop little at
 * once. */
#include <stdio.h>
#include <string.h>

#include "inspector.h"
#include "inspector_command.h"
#include "mem.h"
#include "utf8.h"

#define UPDATES_UNDER_WAY 2u
#define PEERS_PER_UPDATE 100u
#define ROUND_MS 500u

/* Payload bytes that are copied between two ticks, and what is kept of each packet nevertheless. */
#define COPY_PER_TICK ((size_t)4 << 20)
#define KEPT_ALWAYS 256u

/* A preview: so many bytes of text, or of hex. */
#define PREVIEW_TEXT 120u
#define PREVIEW_BYTES 40u
#define PREVIEW_SIZE (3u * PREVIEW_TEXT + 1)

#define CLOSE_POLICY 1008

/* Values of an update, at most: packets, peers, and what comes once or for each watch. */
#define VALUES_PER_PACKET 11u
#define VALUES_PER_PEER 20u
#define VALUES_PER_WATCH 10u
#define VALUES_FIXED 24u

/* Noting */

static bool wants(const gdwsi_page *page, const gdwsi_watch *watch, const gdws_peer *peer,
                  bool is_sent)
{
    const gdwsi_filter *filter = &page->filter;
    return page->id != 0 && !(is_sent ? filter->has_no_sent : filter->has_no_received) &&
           (filter->watch == 0 || filter->watch == watch->number) &&
           (filter->peer == 0 || filter->peer == gdws_peer_get_id(peer));
}

/* Keep a packet for pages, as far as there is memory and the program allows it. */
static void keep(gdwsi_watch *watch, gdwsi_record *record, const uint8_t *packet)
{
    gdws_inspector *inspector = watch->inspector;
    size_t limit = inspector->copy_left > 0 ? inspector->payload_limit : KEPT_ALWAYS;
    record->time_ms = gdwsi_inspector_now(inspector);
    record->watch = watch->number;
    record->kept = record->length < limit ? record->length : limit;
    record->kept =
        record->kept < inspector->payload_limit ? record->kept : inspector->payload_limit;
    gdwsi_record *kept = gdwsi_store_add(&inspector->store, record, packet);
    if (kept == NULL) {
        return;
    }
    inspector->copy_left -= kept->kept < inspector->copy_left ? kept->kept : inspector->copy_left;
    if (inspector->redact != NULL && kept->kept > 0 &&
        !inspector->redact(watch->name, kept->peer, kept->payload, kept->kept, kept->is_text,
                           inspector->redact_user)) {
        kept->is_hidden = true;
        memset(kept->payload, 0, kept->kept);
    }
}

/* Which pages are to be told of a packet, a bit each. */
static unsigned choose_pages(gdwsi_watch *watch, const gdws_peer *peer, bool is_sent)
{
    gdws_inspector *inspector = watch->inspector;
    unsigned pages = 0;
    for (unsigned i = 0; i < inspector->pages_end; i++) {
        gdwsi_page *page = &inspector->pages[i];
        if (!wants(page, watch, peer, is_sent)) {
            continue;
        }
        if (page->is_paused) {
            page->passed++;
        } else if (page->room == 0) {
            page->left_out++;
        } else {
            page->room--;
            page->queued++;
            pages |= 1u << i;
        }
    }
    return pages;
}

void gdwsi_inspector_note(gdwsi_watch *watch, const gdws_peer *peer, bool is_sent,
                          const uint8_t *packet, size_t length, bool is_text)
{
    watch->packets[is_sent ? 1 : 0]++;
    watch->bytes[is_sent ? 1 : 0] += length;
    gdwsi_page *first = &watch->inspector->pages[0];
    if (first->wants_all && first->room == 0 && watch->inspector->pages_end == 1) {
        /* As for most packets of a program that is in a hurry. */
        first->left_out++;
        return;
    }
    unsigned pages = choose_pages(watch, peer, is_sent);
    if (pages != 0) {
        gdwsi_record record = {.peer = gdws_peer_get_id(peer),
                               .length = length,
                               .pages = (uint8_t)pages,
                               .is_sent = is_sent,
                               .is_text = is_text};
        keep(watch, &record, packet);
    }
}

/* Telling */

bool gdwsi_page_say(gdws_inspector *inspector, gdwsi_page *page, const char *text)
{
    gdws_peer *peer = gdws_server_get_peer(inspector->server, page->id);
    return text != NULL && gdws_peer_send_text(peer, text) == GDWS_OK;
}

static void add_watches(const gdws_inspector *inspector, gdwsi_json *json, cJSON *root)
{
    cJSON *all = gdwsi_json_array(json, root, "watches");
    for (const gdwsi_watch *watch = inspector->watches; watch != NULL; watch = watch->next) {
        cJSON *row = gdwsi_json_array(json, all, NULL);
        bool is_up = gdws_server_is_listening(watch->server) ||
                     gdws_client_get_connection_status(watch->client) != 0;
        gdwsi_json_number(json, row, NULL, watch->number);
        gdwsi_json_text(json, row, NULL,
                        watch->multiplayer != NULL ? "multiplayer"
                        : watch->server != NULL    ? "server"
                                                   : "client");
        gdwsi_json_text(json, row, NULL, watch->name);
        gdwsi_json_bool(json, row, NULL, is_up);
        gdwsi_json_number(json, row, NULL, (double)gdwsi_watch_list(watch, NULL, 0));
        for (int i = 0; i < 2; i++) {
            gdwsi_json_number(json, row, NULL, (double)watch->packets[i]);
            gdwsi_json_number(json, row, NULL, (double)watch->bytes[i]);
        }
    }
}

static void add_peer(const gdws_inspector *inspector, gdwsi_json *json, cJSON *rows,
                     const gdwsi_watch *watch, const gdws_peer *peer)
{
    cJSON *row = gdwsi_json_array(json, rows, NULL);
    gdwsi_json_number(json, row, NULL, watch->number);
    gdwsi_json_number(json, row, NULL, gdws_peer_get_id(peer));
    gdwsi_json_text(json, row, NULL, gdws_peer_get_connected_host(peer));
    gdwsi_json_number(json, row, NULL, gdws_peer_get_connected_port(peer));
    gdwsi_json_number(json, row, NULL, gdws_peer_get_ready_state(peer));
    gdwsi_json_text(json, row, NULL, gdws_peer_get_selected_protocol(peer));
    int64_t since = gdws_peer_get_connected_since_ms(peer);
    gdwsi_json_number(json, row, NULL, since != 0 ? (double)(since - inspector->made_at_ms) : 0);
    const uint64_t traffic[] = {gdws_peer_get_received_packet_count(peer),
                                gdws_peer_get_received_bytes(peer),
                                gdws_peer_get_sent_packet_count(peer),
                                gdws_peer_get_sent_bytes(peer),
                                gdws_peer_get_available_packet_count(peer),
                                gdws_peer_get_max_queued_packets(peer),
                                gdws_peer_get_current_inbound_buffered_amount(peer),
                                gdws_peer_get_inbound_buffer_size(peer),
                                gdws_peer_get_current_outbound_buffered_amount(peer),
                                gdws_peer_get_outbound_buffer_size(peer)};
    for (size_t i = 0; i < sizeof(traffic) / sizeof(traffic[0]); i++) {
        gdwsi_json_number(json, row, NULL, (double)traffic[i]);
    }
    gdwsi_json_bool(json, row, NULL, gdws_peer_is_paused(peer));
    gdwsi_json_number(json, row, NULL, gdws_peer_get_round_trip_time_ms(peer));
}

static void end_walk(gdwsi_page *page)
{
    gdwsi_mem_free(page->walk_ids);
    page->walk_ids = NULL;
    page->walk_count = 0;
    page->walk_at = 0;
    page->walk_watch = 0;
    page->is_walking = false;
}

/* Go on with the next object of the walk. Returns false when that ends it: at the end, *is_over, or
 * without memory. */
static bool walk_on(const gdws_inspector *inspector, gdwsi_page *page, bool *is_over)
{
    const gdwsi_watch *watch = inspector->watches;
    while (watch != NULL && watch->number <= page->walk_watch) {
        watch = watch->next;
    }
    end_walk(page);
    *is_over = watch == NULL;
    if (watch == NULL) {
        return false;
    }
    size_t count = gdwsi_watch_list(watch, NULL, 0);
    page->walk_ids = gdwsi_mem_calloc(count, sizeof(*page->walk_ids));
    if (page->walk_ids == NULL) {
        return false;
    }
    page->walk_count = gdwsi_watch_list(watch, page->walk_ids, count);
    page->walk_watch = watch->number;
    page->is_walking = true;
    return true;
}

/* Tell of the next peers. A round tells of all of them; the page forgets those that it was not told
 * of in one. */
static void add_peers(const gdws_inspector *inspector, gdwsi_page *page, gdwsi_json *json,
                      cJSON *root)
{
    cJSON *rows = gdwsi_json_array(json, root, "peers");
    bool goes_on = true;
    bool is_over = false;
    for (size_t told = 0; told < PEERS_PER_UPDATE && goes_on;) {
        if (page->walk_at == page->walk_count) {
            goes_on = walk_on(inspector, page, &is_over);
            continue;
        }
        const gdwsi_watch *watch = gdwsi_inspector_find(inspector, page->walk_watch);
        int32_t id = page->walk_ids[page->walk_at];
        const gdws_peer *peer = watch != NULL ? gdwsi_watch_peer(watch, id) : NULL;
        page->walk_at++;
        if (peer != NULL) {
            add_peer(inspector, json, rows, watch, peer);
            told++;
        }
    }
    gdwsi_json_bool(json, root, "round_is_over", is_over);
}

static size_t preview_bytes(const gdwsi_record *record, char *preview)
{
    static const char digits[] = "0123456789abcdef";
    size_t length = 0;
    for (size_t i = 0; i < record->kept && i < PREVIEW_BYTES; i++) {
        preview[length] = digits[record->payload[i] >> 4];
        preview[length + 1] = digits[record->payload[i] & 15];
        preview[length + 2] = ' ';
        length += 3;
    }
    return length > 0 ? length - 1 : 0;
}

/* Cut a text where a character ends. */
static size_t cut_text(const uint8_t *text, size_t length)
{
    size_t cut = length < PREVIEW_TEXT ? length : PREVIEW_TEXT;
    while (cut > 0 && cut < length && (text[cut] & 0xc0) == 0x80) {
        cut--;
    }
    return cut;
}

/* What is shown of a packet in the list. A NUL, which would end a text, becomes its picture. */
static size_t preview_text(const gdwsi_record *record, size_t cut, char *preview)
{
    size_t length = 0;
    for (size_t i = 0; i < cut; i++) {
        if (record->payload[i] == 0) {
            memcpy(preview + length, "\xe2\x90\x80", 3);
            length += 3;
        } else {
            preview[length] = (char)record->payload[i];
            length++;
        }
    }
    return length;
}

static void add_packet(gdwsi_json *json, cJSON *rows, const gdwsi_record *record)
{
    cJSON *row = gdwsi_json_array(json, rows, NULL);
    char *preview = gdwsi_json_room(json, PREVIEW_SIZE);
    if (preview == NULL) {
        return;
    }
    size_t cut = record->is_text ? cut_text(record->payload, record->kept) : 0;
    bool is_text = record->is_text && (cut == 0 || gdwsi_utf8_is_valid(record->payload, cut));
    size_t length = is_text ? preview_text(record, cut, preview) : preview_bytes(record, preview);
    preview[length] = '\0';
    gdwsi_json_number(json, row, NULL, (double)record->number);
    gdwsi_json_number(json, row, NULL, (double)record->time_ms);
    gdwsi_json_number(json, row, NULL, record->watch);
    gdwsi_json_number(json, row, NULL, record->peer);
    gdwsi_json_bool(json, row, NULL, record->is_sent);
    gdwsi_json_bool(json, row, NULL, record->is_text);
    gdwsi_json_number(json, row, NULL, (double)record->length);
    gdwsi_json_number(json, row, NULL, (double)record->kept);
    gdwsi_json_bool(json, row, NULL, is_text);
    gdwsi_json_text(json, row, NULL, record->is_hidden ? "" : preview);
}

/* Tell of the packets that were kept for it. Returns how many. */
static uint32_t add_packets(gdws_inspector *inspector, gdwsi_page *page, gdwsi_json *json,
                            cJSON *root)
{
    const gdwsi_store *store = &inspector->store;
    unsigned bit = 1u << (unsigned)(page - inspector->pages);
    cJSON *rows = gdwsi_json_array(json, root, "packets");
    uint32_t told = 0;
    uint64_t number = page->next > store->first ? page->next : store->first;
    for (; number < store->end && told < page->queued; number++) {
        const gdwsi_record *record = gdwsi_store_find(store, number);
        if ((record->pages & bit) != 0) {
            add_packet(json, rows, record);
            told++;
        }
    }
    page->next = store->end;
    page->left_out += page->queued - told;
    page->queued = 0;
    return told;
}

static bool begin_json(gdws_inspector *inspector)
{
    size_t values = VALUES_FIXED + inspector->watch_count * VALUES_PER_WATCH +
                    (size_t)GDWSI_PAGE_ROOM * VALUES_PER_PACKET +
                    (size_t)PEERS_PER_UPDATE * VALUES_PER_PEER;
    return gdwsi_json_begin(&inspector->json, values, (size_t)GDWSI_PAGE_ROOM * PREVIEW_SIZE);
}

static bool send_update(gdws_inspector *inspector, gdwsi_page *page)
{
    gdwsi_json *json = &inspector->json;
    if (!begin_json(inspector)) {
        return false;
    }
    cJSON *root = gdwsi_json_object(json, NULL, NULL);
    gdwsi_json_number(json, root, "update", page->updates + 1);
    gdwsi_json_number(json, root, "now", (double)gdwsi_inspector_now(inspector));
    gdwsi_json_bool(json, root, "may_close", inspector->allows_closing);
    add_watches(inspector, json, root);
    uint32_t told = add_packets(inspector, page, json, root);
    if (!page->is_walking && gdwsi_loop_now(inspector->loop) >= page->walk_due) {
        page->walk_due = gdwsi_loop_now(inspector->loop) + ROUND_MS;
        page->is_walking = true;
    }
    if (page->is_walking) {
        add_peers(inspector, page, json, root);
    }
    gdwsi_json_number(json, root, "left_out", (double)page->left_out);
    gdwsi_json_number(json, root, "passed", (double)page->passed);
    if (!gdwsi_page_say(inspector, page, gdwsi_json_print(json, root))) {
        page->left_out += told;
        end_walk(page);
        return false;
    }
    page->updates++;
    return true;
}

/* Whether nothing of what it was told is still on its way, or too much. */
static bool keeps_up(const gdws_inspector *inspector, const gdwsi_page *page)
{
    const gdws_peer *peer = gdws_server_get_peer(inspector->server, page->id);
    return page->updates - page->seen < UPDATES_UNDER_WAY &&
           gdws_peer_get_current_outbound_buffered_amount(peer) == 0;
}

void gdwsi_page_tick(gdws_inspector *inspector, gdwsi_page *page)
{
    if (keeps_up(inspector, page) && send_update(inspector, page)) {
        page->room = GDWSI_PAGE_ROOM;
    }
    inspector->copy_left = COPY_PER_TICK;
}

bool gdwsi_page_open(gdws_inspector *inspector, gdwsi_page *page, int32_t id)
{
    gdwsi_json *json = &inspector->json;
    memset(page, 0, sizeof(*page));
    page->id = id;
    page->wants_all = true;
    page->next = inspector->store.end;
    if (!begin_json(inspector)) {
        return false;
    }
    cJSON *root = gdwsi_json_object(json, NULL, NULL);
    gdwsi_json_text(json, root, "version", gdws_version());
    gdwsi_json_number(json, root, "made_at", (double)inspector->made_at_ms);
    if (!gdwsi_page_say(inspector, page, gdwsi_json_print(json, root))) {
        return false;
    }
    page->room = GDWSI_PAGE_ROOM;
    inspector->copy_left = COPY_PER_TICK;
    return true;
}

void gdwsi_page_close(gdwsi_page *page)
{
    gdwsi_mem_free(page->walk_ids);
    memset(page, 0, sizeof(*page));
}

/* Obeying */

/* Send all that is kept of a packet: what it is, then its bytes. */
static void show(gdws_inspector *inspector, gdwsi_page *page, uint64_t number)
{
    gdwsi_json *json = &inspector->json;
    gdws_peer *peer = gdws_server_get_peer(inspector->server, page->id);
    const gdwsi_record *record = gdwsi_store_find(&inspector->store, number);
    /* A page that asks faster than it reads has to ask again. */
    bool is_busy = gdws_peer_get_current_outbound_buffered_amount(peer) > COPY_PER_TICK;
    bool is_shown = record != NULL && !record->is_hidden && !is_busy;
    size_t length = is_shown ? record->kept : 0;
    if (!begin_json(inspector)) {
        return;
    }
    cJSON *root = gdwsi_json_object(json, NULL, NULL);
    gdwsi_json_text(json, root, "answer", "show");
    gdwsi_json_number(json, root, "packet", (double)number);
    gdwsi_json_bool(json, root, "is_kept", record != NULL);
    gdwsi_json_bool(json, root, "is_hidden", record != NULL && record->is_hidden);
    gdwsi_json_bool(json, root, "is_busy", is_busy);
    gdwsi_json_number(json, root, "bytes", (double)length);
    if (gdwsi_page_say(inspector, page, gdwsi_json_print(json, root))) {
        (void)gdws_peer_send(peer, length > 0 ? record->payload : NULL, length,
                             GDWS_WRITE_MODE_BINARY);
    }
}

static gdws_error close_peer(const gdws_inspector *inspector, const gdwsi_command *command)
{
    const gdwsi_watch *watch = gdwsi_inspector_find(inspector, command->watch);
    if (!inspector->allows_closing) {
        return GDWS_UNAUTHORIZED;
    }
    if (watch == NULL) {
        return GDWS_DOES_NOT_EXIST;
    }
    if (watch->multiplayer != NULL) {
        return gdws_multiplayer_disconnect_peer(watch->multiplayer, command->peer, command->code,
                                                command->reason);
    }
    if (watch->server != NULL) {
        return gdws_server_disconnect_peer(watch->server, command->peer, command->code,
                                           command->reason);
    }
    return gdws_client_disconnect_from_host(watch->client, command->code, command->reason);
}

static void answer_close(gdws_inspector *inspector, gdwsi_page *page, const gdwsi_command *command)
{
    gdwsi_json *json = &inspector->json;
    gdws_error error = close_peer(inspector, command);
    if (!begin_json(inspector)) {
        return;
    }
    cJSON *root = gdwsi_json_object(json, NULL, NULL);
    gdwsi_json_text(json, root, "answer", "close");
    gdwsi_json_number(json, root, "peer", command->peer);
    gdwsi_json_text(json, root, "error", gdws_error_name(error));
    gdwsi_json_text(json, root, "text", gdws_error_text(error));
    (void)gdwsi_page_say(inspector, page, gdwsi_json_print(json, root));
}

static void note_wants(gdwsi_page *page)
{
    const gdwsi_filter *filter = &page->filter;
    page->wants_all = !page->is_paused && filter->watch == 0 && filter->peer == 0 &&
                      !filter->has_no_received && !filter->has_no_sent;
}

void gdwsi_page_obey(gdws_inspector *inspector, gdwsi_page *page, const char *text, size_t length)
{
    gdwsi_command command;
    if (!gdwsi_command_parse(text, length, &command)) {
        (void)gdws_server_disconnect_peer(inspector->server, page->id, CLOSE_POLICY,
                                          "that is no command");
        return;
    }
    switch (command.kind) {
    case GDWSI_COMMAND_SEEN:
        page->seen = command.update <= page->updates ? command.update : page->seen;
        break;
    case GDWSI_COMMAND_FILTER:
        page->filter = command.filter;
        note_wants(page);
        break;
    case GDWSI_COMMAND_PAUSE:
        page->is_paused = true;
        page->passed = 0;
        note_wants(page);
        break;
    case GDWSI_COMMAND_RESUME:
        page->is_paused = false;
        note_wants(page);
        break;
    case GDWSI_COMMAND_SHOW:
        show(inspector, page, command.packet);
        break;
    case GDWSI_COMMAND_CLOSE:
        answer_close(inspector, page, &command);
        break;
    }
}
