/* SPDX-License-Identifier: MIT */
/* Deflate: the messages of a connection compressed and expanded, as permessage-deflate has it (RFC
 * 7692 section 7.2). zlib does the work. Knows bytes only. The memory for each direction is taken
 * when its first message comes. */
#ifndef GDWSI_DEFLATE_H
#define GDWSI_DEFLATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "extension.h"

typedef struct gdwsi_deflate gdwsi_deflate;

/* Returns NULL without memory. */
gdwsi_deflate *gdwsi_deflate_new(const gdwsi_extension_terms *terms);

/* NULL is fine. */
void gdwsi_deflate_free(gdwsi_deflate *deflate);

/* Whether a message of this length is worth the trouble. */
bool gdwsi_deflate_is_worth(const gdwsi_deflate *deflate, size_t length);

/* How many bytes gdwsi_deflate_compress needs at target. */
#define GDWSI_DEFLATE_ROOM(length) ((length) + 8)

/* Compress a message that is worth it. Returns how many bytes it has now, or 0 when it would not be
 * shorter or there is no memory: then it goes as it is. */
size_t gdwsi_deflate_compress(gdwsi_deflate *deflate, const void *message, size_t length,
                              uint8_t *target);

/* The message that was compressed last was not sent: the next one must not refer to it. */
void gdwsi_deflate_forget(gdwsi_deflate *deflate);

/* Called with bytes of a message; returns 0 to go on. */
typedef int (*gdwsi_deflate_sink)(void *user, const uint8_t *bytes, size_t length);

/* Expand a piece of a message, or with is_final its last one, which may be empty. Returns 0, what
 * the sink has returned, or the close code to fail with: 1007 (the bytes are no DEFLATE data) or
 * 1011 (no memory). After anything but 0 there is nothing more to expand. */
int gdwsi_deflate_expand(gdwsi_deflate *deflate, const uint8_t *bytes, size_t length, bool is_final,
                         gdwsi_deflate_sink sink, void *user);

#endif
