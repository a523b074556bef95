/* SPDX-License-Identifier: MIT */
/* A dice that falls the same way for the same seed (splitmix64). */
#ifndef SOAK_DICE_H
#define SOAK_DICE_H

#include <stdbool.h>
#include <stdint.h>

static inline uint64_t dice_mix(uint64_t value)
{
    value = (value ^ (value >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    value = (value ^ (value >> 27)) * UINT64_C(0x94d049bb133111eb);
    return value ^ (value >> 31);
}

static inline uint64_t dice_roll(uint64_t *dice)
{
    *dice += UINT64_C(0x9e3779b97f4a7c15);
    return dice_mix(*dice);
}

static inline uint64_t dice_between(uint64_t *dice, uint64_t least, uint64_t most)
{
    return least + dice_roll(dice) % (most - least + 1);
}

static inline bool dice_one_in(uint64_t *dice, uint64_t chances)
{
    return dice_roll(dice) % chances == 0;
}

#endif
