/* SPDX-License-Identifier: MIT */
/* This getaddrinfo stands before the system's in the test programs. Its name service is slow: names
 * that begin with "slow" are looked up for three seconds, in vain, with "slower" for four. And
 * localhost is known with the dot of a whole name, too, as a DNS server knows names, but not the
 * system's list of hosts. two.test has two addresses. */
#include <dlfcn.h>
#include <netdb.h>
#include <stdatomic.h>
#include <string.h>
#include <unistd.h>

#include "world.h"

typedef int (*lookup)(const char *, const char *, const struct addrinfo *, struct addrinfo **);

static atomic_int slow_lookups;

int world_slow_lookups(void)
{
    return atomic_load(&slow_lookups);
}

/* 127.0.0.1, then 127.0.0.2. The C library frees the links of such a list one by one. */
static int look_up_two(lookup real, const char *service, const struct addrinfo *hints,
                       struct addrinfo **result)
{
    int error = real("127.0.0.1", service, hints, result);
    if (error == 0) {
        error = real("127.0.0.2", service, hints, &(*result)->ai_next);
    }
    return error;
}

__attribute__((visibility("default"))) int getaddrinfo(const char *name, const char *service,
                                                       const struct addrinfo *hints,
                                                       struct addrinfo **result)
{
    if (name != NULL && strncmp(name, "slow", 4) == 0) {
        (void)atomic_fetch_add(&slow_lookups, 1);
        (void)sleep(strncmp(name, "slower", 6) == 0 ? 4 : 3);
        return EAI_NONAME;
    }
    if (name != NULL && strcmp(name, "localhost.") == 0) {
        name = "localhost";
    }
    lookup real = NULL;
    void *symbol = dlsym(RTLD_NEXT, "getaddrinfo");
    memcpy(&real, &symbol, sizeof(real));
    if (name != NULL && strcmp(name, "two.test") == 0) {
        return look_up_two(real, service, hints, result);
    }
    return real(name, service, hints, result);
}
