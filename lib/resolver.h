/* SPDX-License-Identifier: MIT */
/* Resolver: names to numeric addresses, without blocking. Knows nothing of WebSockets. */
#ifndef GDWSI_RESOLVER_H
#define GDWSI_RESOLVER_H

#include <stddef.h>

#include "gdws/error.h"
#include "loop.h"

/* Addresses that are tried at most for one name. */
#define GDWSI_RESOLVER_MAX 8
#define GDWSI_RESOLVER_TEXT 64

/* Numeric addresses, in the order in which they are to be tried. */
typedef struct gdwsi_addresses {
    char items[GDWSI_RESOLVER_MAX][GDWSI_RESOLVER_TEXT];
    size_t count;
} gdwsi_addresses;

typedef struct gdwsi_lookup gdwsi_lookup;

/* Called once, from inside the loop's poll, with no addresses and a reason on failure. The lookup
 * is over then. */
typedef void (*gdwsi_lookup_done)(void *user, const gdwsi_addresses *addresses, const char *reason);

/* Begin a lookup, or join the one of the same name that is under way. Returns NULL without memory.
 */
gdwsi_lookup *gdwsi_lookup_start(gdws_loop *loop, const char *host, gdwsi_lookup_done done,
                                 void *user);

/* Forget a lookup: done is not called any more. */
void gdwsi_lookup_abandon(gdwsi_lookup *lookup);

/* If the host is a numeric address, give that. Returns whether it is. */
bool gdwsi_addresses_parse(gdwsi_addresses *addresses, const char *host);

#endif
