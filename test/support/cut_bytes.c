/* SPDX-License-Identifier: MIT */
/* A network that cuts: these send and recv stand before the system's in the test programs.
 * GDWS_TEST_CUT=bytes moves one byte at a time of what is short, GDWS_TEST_CUT=fragments cuts each
 * write into one to five. Whatever crosses a connection then arrives cut at every boundary. */
#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

typedef ssize_t (*sender)(int, const void *, size_t, int);
typedef ssize_t (*receiver)(int, void *, size_t, int);

static void *find(const char *name)
{
    return dlsym(RTLD_NEXT, name);
}

/* How much of a write of this length goes. */
static size_t cut_write(size_t length)
{
    static unsigned turn;
    const char *way = getenv("GDWS_TEST_CUT");
    if (way == NULL || length < 2) {
        return length;
    }
    turn++;
    if (strcmp(way, "bytes") == 0) {
        return length <= 512 ? 1 : length / 2;
    }
    return length / (1 + turn % 5) + (turn % 5 != 0 ? 1 : 0);
}

/* How much a read may take: mostly little, sometimes all, so that big messages come to an end. */
static size_t cut_read(size_t length)
{
    static const size_t steps[] = {1, 2, 3, 5, 8, 13, 127, 65536};
    static unsigned turn;
    if (getenv("GDWS_TEST_CUT") == NULL) {
        return length;
    }
    turn++;
    size_t step = steps[turn % (sizeof(steps) / sizeof(steps[0]))];
    return length < step ? length : step;
}

__attribute__((visibility("default"))) ssize_t send(int descriptor, const void *bytes,
                                                    size_t length, int flags)
{
    static sender real;
    if (real == NULL) {
        void *symbol = find("send");
        memcpy(&real, &symbol, sizeof(real));
    }
    return real(descriptor, bytes, cut_write(length), flags);
}

__attribute__((visibility("default"))) ssize_t recv(int descriptor, void *bytes, size_t length,
                                                    int flags)
{
    static receiver real;
    if (real == NULL) {
        void *symbol = find("recv");
        memcpy(&real, &symbol, sizeof(real));
    }
    return real(descriptor, bytes, cut_read(length), flags);
}
