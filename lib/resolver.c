/* SPDX-License-Identifier: MIT */
/* Name lookup on libuv's threads. A lookup that is under way cannot be stopped, only forgotten: it
 * frees itself when the system has answered. */
#include "resolver.h"

#include <string.h>

#include <netdb.h>

#include "mem.h"

struct gdwsi_lookup {
    uv_getaddrinfo_t request;
    gdws_loop *loop;
    gdwsi_lookup_done done; /* NULL once abandoned */
    void *user;
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

static void on_answer(uv_getaddrinfo_t *request, int status, struct addrinfo *info)
{
    gdwsi_lookup *lookup = request->data;
    gdwsi_addresses addresses;
    collect(&addresses, status == 0 ? info : NULL);
    uv_freeaddrinfo(info);
    if (lookup->done != NULL) {
        const char *reason = status != 0 ? uv_strerror(status) : "it has no address";
        lookup->done(lookup->user, &addresses, addresses.count > 0 ? NULL : reason);
    }
    gdwsi_mem_free(lookup);
}

gdwsi_lookup *gdwsi_lookup_start(gdws_loop *loop, const char *host, gdwsi_lookup_done done,
                                 void *user)
{
    gdwsi_lookup *lookup = gdwsi_mem_calloc(1, sizeof(*lookup));
    if (lookup == NULL) {
        return NULL;
    }
    lookup->loop = loop;
    lookup->done = done;
    lookup->user = user;
    lookup->request.data = lookup;
    struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
    if (uv_getaddrinfo(&loop->uv, &lookup->request, on_answer, host, NULL, &hints) != 0) {
        gdwsi_mem_free(lookup);
        return NULL;
    }
    gdwsi_loop_touch(loop);
    return lookup;
}

void gdwsi_lookup_abandon(gdwsi_lookup *lookup)
{
    if (lookup != NULL) {
        lookup->done = NULL;
        (void)uv_cancel((uv_req_t *)&lookup->request);
    }
}
