/* SPDX-License-Identifier: MIT */
/* A name service that is slow: this getaddrinfo stands before the system's in the test programs.
 * Names that begin with "slow" are looked up for three seconds, in vain. */
#include <dlfcn.h>
#include <netdb.h>
#include <string.h>
#include <unistd.h>

typedef int (*lookup)(const char *, const char *, const struct addrinfo *, struct addrinfo **);

__attribute__((visibility("default"))) int getaddrinfo(const char *name, const char *service,
                                                       const struct addrinfo *hints,
                                                       struct addrinfo **result)
{
    if (name != NULL && strncmp(name, "slow", 4) == 0) {
        (void)sleep(3);
        return EAI_NONAME;
    }
    lookup real = NULL;
    void *symbol = dlsym(RTLD_NEXT, "getaddrinfo");
    memcpy(&real, &symbol, sizeof(real));
    return real(name, service, hints, result);
}
