/* SPDX-License-Identifier: MIT */
/* See road.h. Packets wait in a heap by the time at which they are due. */
#include "road.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <net/if.h>

#include <linux/if_tun.h>
#include <linux/ipv6.h>

#define DEVICE "road"
#define PACKET_MAX 2048
/* What a limited road holds before it loses packets, in time. */
#define BACKLOG_NS UINT64_C(500000000)
#define NS_PER_MS UINT64_C(1000000)

static const char *const v4_of_end[2] = {ROAD_FIRST_V4, ROAD_SECOND_V4};
static const char *const v6_of_end[2] = {ROAD_FIRST_V6, ROAD_SECOND_V6};

static uint64_t now_ns(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

uint64_t road_now_ms(void)
{
    return now_ns() / NS_PER_MS;
}

/* The dice: xorshift64*. */
static uint32_t roll(road *one, uint32_t sides)
{
    one->dice ^= one->dice >> 12;
    one->dice ^= one->dice << 25;
    one->dice ^= one->dice >> 27;
    return (uint32_t)((one->dice * UINT64_C(2685821657736338717)) >> 33) % sides;
}

/* Namespaces and devices */

static int open_device(void)
{
    struct ifreq request = {.ifr_flags = IFF_TUN | IFF_NO_PI};
    memcpy(request.ifr_name, DEVICE, sizeof(DEVICE));
    int descriptor = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
    if (descriptor >= 0 && ioctl(descriptor, TUNSETIFF, &request) != 0) {
        (void)close(descriptor);
        return -1;
    }
    return descriptor;
}

static bool set_v4(int control, int request, const char *address)
{
    struct ifreq wish;
    struct sockaddr_in v4 = {.sin_family = AF_INET};
    memset(&wish, 0, sizeof(wish));
    memcpy(wish.ifr_name, DEVICE, sizeof(DEVICE));
    (void)inet_pton(AF_INET, address, &v4.sin_addr);
    memcpy(&wish.ifr_addr, &v4, sizeof(v4));
    return ioctl(control, (unsigned long)request, &wish) == 0;
}

static bool set_up(int control)
{
    struct ifreq wish;
    memset(&wish, 0, sizeof(wish));
    memcpy(wish.ifr_name, DEVICE, sizeof(DEVICE));
    wish.ifr_flags = IFF_UP | IFF_RUNNING;
    return ioctl(control, SIOCSIFFLAGS, &wish) == 0;
}

static bool set_v6(const char *address)
{
    struct in6_ifreq wish = {.ifr6_prefixlen = 64, .ifr6_ifindex = (int)if_nametoindex(DEVICE)};
    int control = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    (void)inet_pton(AF_INET6, address, &wish.ifr6_addr);
    bool is_set = ioctl(control, SIOCSIFADDR, &wish) == 0;
    (void)close(control);
    return is_set;
}

bool road_make_end(road *one, int end)
{
    if (unshare(CLONE_NEWNET) != 0) {
        return false;
    }
    one->ends[end] = open_device();
    int control = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    bool is_made = one->ends[end] >= 0 && set_v4(control, SIOCSIFADDR, v4_of_end[end]) &&
                   set_v4(control, SIOCSIFNETMASK, "255.255.255.0") && set_up(control) &&
                   set_v6(v6_of_end[end]);
    (void)close(control);
    return is_made;
}

bool road_is_possible(const char **reason)
{
    enum { NO_NAMESPACE = 1, NO_DEVICE = 2 };
    int status = 0;
    pid_t child = fork();
    if (child == 0) {
        road tried;
        road_init(&tried, &(road_surface){0}, NULL, 1);
        if (unshare(CLONE_NEWNET) != 0) {
            _exit(NO_NAMESPACE);
        }
        _exit(road_make_end(&tried, 0) ? 0 : NO_DEVICE);
    }
    (void)waitpid(child, &status, 0);
    *reason = status == 0 ? "" : "no TUN devices with IPv4 and IPv6 here";
    if (child < 0 || (WIFEXITED(status) && WEXITSTATUS(status) == NO_NAMESPACE)) {
        *reason = "network namespaces may not be made here (root may)";
    }
    return child > 0 && status == 0;
}

/* The heap */

static bool is_before(const road_packet *a, const road_packet *b)
{
    return a->due_ns != b->due_ns ? a->due_ns < b->due_ns : a->number < b->number;
}

static void swap(road_packet *a, road_packet *b)
{
    road_packet kept = *a;
    *a = *b;
    *b = kept;
}

static void push(road *one, const road_packet *packet)
{
    if (one->count == one->capacity) {
        one->capacity = one->capacity > 0 ? one->capacity * 2 : 64;
        one->heap = realloc(one->heap, one->capacity * sizeof(*one->heap));
        if (one->heap == NULL) {
            abort();
        }
    }
    size_t at = one->count;
    one->heap[at] = *packet;
    one->count++;
    while (at > 0 && is_before(&one->heap[at], &one->heap[(at - 1) / 2])) {
        swap(&one->heap[at], &one->heap[(at - 1) / 2]);
        at = (at - 1) / 2;
    }
}

static road_packet pop(road *one)
{
    road_packet first = one->heap[0];
    size_t at = 0;
    one->count--;
    one->heap[0] = one->heap[one->count];
    for (;;) {
        size_t least = at;
        for (size_t child = 2 * at + 1; child <= 2 * at + 2 && child < one->count; child++) {
            least = is_before(&one->heap[child], &one->heap[least]) ? child : least;
        }
        if (least == at) {
            return first;
        }
        swap(&one->heap[at], &one->heap[least]);
        at = least;
    }
}

/* Carrying */

/* When a packet that comes now is due at the other end; 0 when the road has no room for it. */
static uint64_t due_time(road *one, int to, size_t length)
{
    const road_surface *surface = &one->surface;
    uint64_t now = now_ns();
    uint64_t due = now;
    if (surface->bytes_per_second > 0) {
        uint64_t start = one->free_ns[to] > now ? one->free_ns[to] : now;
        if (start - now > BACKLOG_NS) {
            return 0;
        }
        due = start + length * UINT64_C(1000000000) / surface->bytes_per_second;
        one->free_ns[to] = due;
    }
    if (roll(one, 1000) < surface->reorder) {
        return due;
    }
    uint64_t delay = surface->delay_ms * NS_PER_MS;
    if (surface->jitter_ms > 0) {
        uint32_t jitter_us = roll(one, 2000 * surface->jitter_ms + 1);
        delay += jitter_us * UINT64_C(1000);
        delay -= surface->jitter_ms * NS_PER_MS;
    }
    if (delay > 0) {
        atomic_fetch_add(&one->sign->delayed, 1);
    }
    return due + delay;
}

static void accept_packet(road *one, int to, const uint8_t *bytes, size_t length)
{
    uint64_t due = due_time(one, to, length);
    if (atomic_load(&one->sign->is_closed) || due == 0 || roll(one, 1000) < one->surface.loss) {
        atomic_fetch_add(&one->sign->lost, 1);
        return;
    }
    road_packet packet = {.due_ns = due, .number = ++one->numbered, .length = length, .to = to};
    packet.bytes = malloc(length);
    if (packet.bytes == NULL) {
        abort();
    }
    memcpy(packet.bytes, bytes, length);
    push(one, &packet);
}

static void take(road *one, int from)
{
    uint8_t bytes[PACKET_MAX];
    ssize_t length = read(one->ends[from], bytes, sizeof(bytes));
    while (length > 0) {
        accept_packet(one, 1 - from, bytes, (size_t)length);
        if (roll(one, 1000) < one->surface.duplicate) {
            atomic_fetch_add(&one->sign->doubled, 1);
            accept_packet(one, 1 - from, bytes, (size_t)length);
        }
        length = read(one->ends[from], bytes, sizeof(bytes));
    }
}

static void deliver(road *one)
{
    uint64_t now = now_ns();
    while (one->count > 0 && one->heap[0].due_ns <= now) {
        road_packet packet = pop(one);
        bool is_out = !atomic_load(&one->sign->is_closed) &&
                      write(one->ends[packet.to], packet.bytes, packet.length) > 0;
        atomic_fetch_add(is_out ? &one->sign->carried : &one->sign->lost, 1);
        if (is_out && packet.number < one->latest[packet.to]) {
            atomic_fetch_add(&one->sign->reordered, 1);
        } else if (is_out) {
            one->latest[packet.to] = packet.number;
        }
        free(packet.bytes);
    }
}

void road_carry(road *one, int timeout_ms)
{
    struct pollfd ends[2] = {{.fd = one->ends[0], .events = POLLIN},
                             {.fd = one->ends[1], .events = POLLIN}};
    uint64_t now = now_ns();
    uint64_t sleep_ns = (uint64_t)timeout_ms * NS_PER_MS;
    if (one->count > 0) {
        uint64_t due = one->heap[0].due_ns;
        uint64_t wait_ns = due > now ? due - now : 0;
        sleep_ns = wait_ns < sleep_ns ? wait_ns : sleep_ns;
    }
    const struct timespec timeout = {.tv_sec = (time_t)(sleep_ns / 1000000000u),
                                     .tv_nsec = (long)(sleep_ns % 1000000000u)};
    (void)ppoll(ends, 2, &timeout, NULL);
    for (int i = 0; i < 2; i++) {
        if (ends[i].revents != 0) {
            take(one, i);
        }
    }
    deliver(one);
}

void road_init(road *one, const road_surface *surface, road_sign *sign, uint64_t seed)
{
    *one = (road){.surface = *surface, .sign = sign, .ends = {-1, -1}, .dice = seed * 2 + 1};
}

void road_clear(road *one)
{
    while (one->count > 0) {
        road_packet packet = pop(one);
        free(packet.bytes);
    }
    free(one->heap);
    for (int i = 0; i < 2; i++) {
        if (one->ends[i] >= 0) {
            (void)close(one->ends[i]);
        }
    }
}
