/* SPDX-License-Identifier: MIT */
/* Random: unpredictable bytes for masks (RFC 6455 section 5.3) and ids, from OpenSSL by the block.
 */
#ifndef GDWSI_RANDOM_H
#define GDWSI_RANDOM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Fill length bytes (at most 64). Returns false when the system has no randomness to give. */
bool gdwsi_random_fill(void *bytes, size_t length);

/* Choose an id in 2..2147483647. Returns 0 when the system has no randomness to give. */
int32_t gdwsi_random_id(void);

#endif
