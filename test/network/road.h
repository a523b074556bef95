/* SPDX-License-Identifier: MIT */
/* A road between two network namespaces that loses, delays, doubles and reorders packets, and that
 * can be closed. Each end is a TUN device with addresses of both families; whoever made the road
 * carries the packets from one to the other, and a seeded dice decides what happens to each. */
#ifndef ROAD_H
#define ROAD_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Of the first and of the second end. */
#define ROAD_FIRST_V4 "10.73.0.1"
#define ROAD_FIRST_V6 "fd73::1"
#define ROAD_SECOND_V4 "10.73.0.2"
#define ROAD_SECOND_V6 "fd73::2"

/* What it does to packets, both ways. */
typedef struct road_surface {
    uint32_t delay_ms;
    uint32_t jitter_ms;        /* the delay is that much more or less */
    uint32_t loss;             /* of 1,000 packets */
    uint32_t reorder;          /* of 1,000 packets go without delay, past those that wait */
    uint32_t duplicate;        /* of 1,000 packets go twice */
    uint32_t bytes_per_second; /* 0: no limit */
} road_surface;

/* What others see, and the switch; in memory that they share. */
typedef struct road_sign {
    atomic_bool is_closed;
    atomic_ullong carried;
    atomic_ullong lost; /* by the dice, by a closed road, by a full queue */
    atomic_ullong delayed;
    atomic_ullong doubled;
    atomic_ullong reordered; /* came behind one that left later */
} road_sign;

typedef struct road_packet {
    uint64_t due_ns;
    uint64_t number; /* in the order in which they came */
    uint8_t *bytes;
    size_t length;
    int to; /* the end */
} road_packet;

typedef struct road {
    road_surface surface;
    road_sign *sign;
    int ends[2];
    uint64_t dice;
    uint64_t numbered;
    uint64_t latest[2];  /* the highest number that has gone out at an end */
    uint64_t free_ns[2]; /* when the limited road to an end has nothing to carry */
    road_packet *heap;
    size_t count;
    size_t capacity;
} road;

/* Tell whether this process may make namespaces and TUN devices; if not, why. */
bool road_is_possible(const char **reason);

void road_init(road *one, const road_surface *surface, road_sign *sign, uint64_t seed);

/* Put the calling process, and what it forks from now on, into a fresh namespace, and make this end
 * of the road there. Returns whether that worked. */
bool road_make_end(road *one, int end);

/* Carry what is due and take what has come; sleep at most so long when there is nothing to do. */
void road_carry(road *one, int timeout_ms);

void road_clear(road *one);

uint64_t road_now_ms(void);

#endif
