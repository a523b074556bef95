/* SPDX-License-Identifier: MIT */
/* Name lookup on libuv's threads, of which the whole process has few. What the system has been
 * asked cannot be taken back: the query goes on when nobody waits for it any more, and frees itself
 * when the answer comes. Invariant: a name takes one thread of a loop at most. */
#include "resolver.h"

#include <string.h>

#include <netdb.h>

#include "mem.h"

typedef struct query query;

struct gdwsi_lookup {
    query *asked;
    gdwsi_lookup *next; /* in a ring, whose head is the query's */
    gdwsi_lookup *previous;
    gdwsi_lookup_done done;
    void *user;
};

/* What the system is asked: once for each name, however many wait for it. */
struct query {
    uv_getaddrinfo_t request;
    gdws_loop *loop;
    query *next; /* on the loop's list, while others may join */
    gdwsi_lookup waiting;
    char host[];
};

bool gdwsi_addresses_parse(gdwsi_addresses *addresses, const char *host)
{
    uint8_t binary[16];
    addresses->count = 0;
    if (strlen(host) >= GDWSI_RESOLVER_TEXT ||
        (uv_inet_pton(AF_INET, host, binary) != 0 && uv_inet_pton(AF_INET6, host, binary) != 0)) {
        return false;
    }
    memcpy(addresses->items[0], host, strlen(host) + 1);
    addresses->count = 1;
    return true;
}

static void collect(gdwsi_addresses *addresses, const struct addrinfo *info)
{
    addresses->count = 0;
    while (info != NULL && addresses->count < GDWSI_RESOLVER_MAX) {
        char *text = addresses->items[addresses->count];
        int result = -1;
        if (info->ai_family == AF_INET) {
            result = uv_ip4_name((const void *)info->ai_addr, text, GDWSI_RESOLVER_TEXT);
        } else if (info->ai_family == AF_INET6) {
            result = uv_ip6_name((const void *)info->ai_addr, text, GDWSI_RESOLVER_TEXT);
        }
        if (result == 0) {
            addresses->count++;
        }
        info = info->ai_next;
    }
}

static bool is_waited_for(const query *asked)
{
    return asked->waiting.next != &asked->waiting;
}

static void leave(gdwsi_lookup *lookup)
{
    lookup->next->previous = lookup->previous;
    lookup->previous->next = lookup->next;
    gdwsi_mem_free(lookup);
}

/* Nobody joins it any more. */
static void close_query(query *asked)
{
    query **place = (query **)&asked->loop->queries;
    while (*place != NULL && *place != asked) {
        place = &(*place)->next;
    }
    if (*place != NULL) {
        *place = asked->next;
    }
}

static void on_answer(uv_getaddrinfo_t *request, int status, struct addrinfo *info)
{
    query *asked = request->data;
    gdwsi_addresses addresses;
    collect(&addresses, status == 0 ? info : NULL);
    uv_freeaddrinfo(info);
    close_query(asked);
    const char *reason = status != 0 ? uv_strerror(status) : "it has no address";
    while (is_waited_for(asked)) {
        gdwsi_lookup_done done = asked->waiting.next->done;
        void *user = asked->waiting.next->user;
        leave(asked->waiting.next);
        done(user, &addresses, addresses.count > 0 ? NULL : reason);
    }
    gdwsi_mem_free(asked);
}

static query *find_query(const gdws_loop *loop, const char *host)
{
    query *asked = loop->queries;
    while (asked != NULL && strcmp(asked->host, host) != 0) {
        asked = asked->next;
    }
    return asked;
}

static query *ask(gdws_loop *loop, const char *host)
{
    size_t size = strlen(host) + 1;
    query *asked = gdwsi_mem_calloc(1, sizeof(*asked) + size);
    if (asked == NULL) {
        return NULL;
    }
    memcpy(asked->host, host, size);
    asked->loop = loop;
    asked->request.data = asked;
    asked->waiting.next = &asked->waiting;
    asked->waiting.previous = &asked->waiting;
    struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
    if (uv_getaddrinfo(&loop->uv, &asked->request, on_answer, host, NULL, &hints) != 0) {
        gdwsi_mem_free(asked);
        return NULL;
    }
    asked->next = loop->queries;
    loop->queries = asked;
    gdwsi_loop_touch(loop);
    return asked;
}

gdwsi_lookup *gdwsi_lookup_start(gdws_loop *loop, const char *host, gdwsi_lookup_done done,
                                 void *user)
{
    gdwsi_lookup *lookup = gdwsi_mem_calloc(1, sizeof(*lookup));
    if (lookup == NULL) {
        return NULL;
    }
    query *asked = find_query(loop, host);
    if (asked == NULL) {
        asked = ask(loop, host);
    }
    if (asked == NULL) {
        gdwsi_mem_free(lookup);
        return NULL;
    }
    *lookup = (gdwsi_lookup){.asked = asked,
                             .next = &asked->waiting,
                             .previous = asked->waiting.previous,
                             .done = done,
                             .user = user};
    lookup->previous->next = lookup;
    asked->waiting.previous = lookup;
    return lookup;
}

void gdwsi_lookup_abandon(gdwsi_lookup *lookup)
{
    if (lookup == NULL) {
        return;
    }
    query *asked = lookup->asked;
    leave(lookup);
    /* Only what has not begun can be cancelled; what has takes its thread, so others join it. */
    if (!is_waited_for(asked) && uv_cancel((uv_req_t *)&asked->request) == 0) {
        close_query(asked);
    }
}
