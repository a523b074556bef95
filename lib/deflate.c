/* SPDX-License-Identifier: MIT */
/* Compression by zlib. Invariant: the compressor's window holds exactly what the other side has
 * been, or will be, sent compressed; where that would not be true it is emptied, which is always
 * allowed. */
#include "deflate.h"

#include <limits.h>
#include <string.h>

#define ZLIB_CONST
#include <zlib.h>

#include "mem.h"

/* Shorter messages hardly shrink. */
#define WORTH_MIN 32u

/* What a message's data ends with, and is not sent (RFC 7692 section 7.2.1). */
static const uint8_t tail[4] = {0x00, 0x00, 0xff, 0xff};

/* A window of 256 bytes is one that zlib cannot keep to: messages go uncompressed then, which is
 * always allowed. */
#define OUR_BITS_MIN 9

/* As much memory as suits windows of 4 KiB; speed before size, as players wait. */
#define MEMORY_LEVEL 5

/* At most this much is expanded at once, so that limits are checked in time. */
#define CHUNK_MAX 16384u

/* zlib sets this when it stands between two blocks. */
#define BETWEEN_BLOCKS 128

enum { CLOSE_INVALID_PAYLOAD = 1007, CLOSE_INTERNAL_ERROR = 1011 };

struct gdwsi_deflate {
    gdwsi_extension_terms terms;
    z_stream out;
    z_stream in;
    bool has_out;
    bool has_in;
    bool is_begun; /* bytes of a message have come in */
};

static void *allocate(void *user, unsigned count, unsigned size)
{
    (void)user;
    return gdwsi_mem_calloc(count, size);
}

static void release(void *user, void *memory)
{
    (void)user;
    gdwsi_mem_free(memory);
}

gdwsi_deflate *gdwsi_deflate_new(const gdwsi_extension_terms *terms)
{
    gdwsi_deflate *codec = gdwsi_mem_calloc(1, sizeof(*codec));
    if (codec != NULL) {
        codec->terms = *terms;
        codec->out.zalloc = allocate;
        codec->out.zfree = release;
        codec->in.zalloc = allocate;
        codec->in.zfree = release;
    }
    return codec;
}

void gdwsi_deflate_free(gdwsi_deflate *codec)
{
    if (codec == NULL) {
        return;
    }
    if (codec->has_out) {
        (void)deflateEnd(&codec->out);
    }
    if (codec->has_in) {
        (void)inflateEnd(&codec->in);
    }
    gdwsi_mem_free(codec);
}

/* Outwards */

bool gdwsi_deflate_is_worth(const gdwsi_deflate *codec, size_t length)
{
    return length >= WORTH_MIN && length <= UINT_MAX - GDWSI_DEFLATE_ROOM(0) &&
           codec->terms.our_bits >= OUR_BITS_MIN;
}

static bool has_compressor(gdwsi_deflate *codec)
{
    if (!codec->has_out) {
        codec->has_out =
            deflateInit2(&codec->out, Z_BEST_SPEED, Z_DEFLATED, -(int)codec->terms.our_bits,
                         MEMORY_LEVEL, Z_DEFAULT_STRATEGY) == Z_OK;
    }
    return codec->has_out;
}

void gdwsi_deflate_forget(gdwsi_deflate *codec)
{
    (void)deflateReset(&codec->out);
}

size_t gdwsi_deflate_compress(gdwsi_deflate *codec, const void *message, size_t length,
                              uint8_t *target)
{
    if (!has_compressor(codec)) {
        return 0;
    }
    z_stream *stream = &codec->out;
    size_t room = GDWSI_DEFLATE_ROOM(length);
    stream->next_in = message;
    stream->avail_in = (unsigned)length;
    stream->next_out = target;
    stream->avail_out = (unsigned)room;
    int result = deflate(stream, Z_SYNC_FLUSH);
    size_t written = room - stream->avail_out;
    /* With room left all of it is there, and the tail is at its end. */
    bool is_shorter = result == Z_OK && stream->avail_out > 0 && written > sizeof(tail) &&
                      written - sizeof(tail) < length;
    if (!is_shorter || codec->terms.we_forget) {
        gdwsi_deflate_forget(codec);
    }
    return is_shorter ? written - sizeof(tail) : 0;
}

/* Inwards */

static bool has_expander(gdwsi_deflate *codec)
{
    if (!codec->has_in) {
        codec->has_in = inflateInit2(&codec->in, -(int)codec->terms.their_bits) == Z_OK;
    }
    return codec->has_in;
}

/* A block that says that it is the last one ends zlib's stream, not the message, nor what later
 * messages may refer to (section 7.2.3.4). */
static bool begin_stream(z_stream *stream, int bits)
{
    uint8_t window[1 << MAX_WBITS];
    unsigned length = sizeof(window);
    return inflateGetDictionary(stream, window, &length) == Z_OK &&
           inflateReset2(stream, -bits) == Z_OK &&
           inflateSetDictionary(stream, window, length) == Z_OK;
}

/* What zlib's result means: 0, or a close code. */
static int conclude(gdwsi_deflate *codec, int result)
{
    switch (result) {
    case Z_OK:
    case Z_BUF_ERROR: /* it wants more */
        return 0;
    case Z_STREAM_END:
        return begin_stream(&codec->in, codec->terms.their_bits) ? 0 : CLOSE_INTERNAL_ERROR;
    case Z_MEM_ERROR:
        return CLOSE_INTERNAL_ERROR;
    default:
        return CLOSE_INVALID_PAYLOAD;
    }
}

/* Expand what next_in has. Returns as gdwsi_deflate_expand. */
static int expand(gdwsi_deflate *codec, gdwsi_deflate_sink sink, void *user)
{
    uint8_t chunk[CHUNK_MAX];
    z_stream *stream = &codec->in;
    int code = 0;
    do {
        stream->next_out = chunk;
        stream->avail_out = sizeof(chunk);
        int result = inflate(stream, Z_SYNC_FLUSH);
        size_t length = sizeof(chunk) - stream->avail_out;
        code = length > 0 ? sink(user, chunk, length) : 0;
        if (code == 0) {
            code = conclude(codec, result);
        }
    } while (code == 0 && (stream->avail_in > 0 || stream->avail_out == 0));
    return code;
}

static int expand_bytes(gdwsi_deflate *codec, const uint8_t *bytes, size_t length,
                        gdwsi_deflate_sink sink, void *user)
{
    codec->in.next_in = bytes;
    codec->in.avail_in = (unsigned)length;
    return expand(codec, sink, user);
}

int gdwsi_deflate_expand(gdwsi_deflate *codec, const uint8_t *bytes, size_t length, bool is_final,
                         gdwsi_deflate_sink sink, void *user)
{
    int code = 0;
    if (!has_expander(codec)) {
        return CLOSE_INTERNAL_ERROR;
    }
    while (length > 0 && code == 0) {
        size_t part = length < UINT_MAX ? length : UINT_MAX;
        codec->is_begun = true;
        code = expand_bytes(codec, bytes, part, sink, user);
        bytes += part;
        length -= part;
    }
    /* Some send nothing at all for an empty message: then there is nothing that the tail ends. */
    if (code == 0 && is_final && codec->is_begun) {
        code = expand_bytes(codec, tail, sizeof(tail), sink, user);
        if (code == 0 && (codec->in.data_type & BETWEEN_BLOCKS) == 0) {
            code = CLOSE_INVALID_PAYLOAD;
        }
        codec->is_begun = false;
        if (codec->terms.they_forget) {
            (void)inflateReset(&codec->in);
        }
    }
    return code;
}
