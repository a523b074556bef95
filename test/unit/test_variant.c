/* SPDX-License-Identifier: MIT */
/* Variants: bytes that Godot 3.2.3's var2bytes gives, building and asking, and what is refused. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "gdws/variant.h"
#include "mem.h"
#include "runtests.h"
#include "variant.h"

/* Decode, encode again, and compare. Returns the value. */
static gdws_variant *same(const void *bytes, size_t length)
{
    uint8_t again[256];
    size_t used = 0;
    size_t size = 0;
    gdws_variant *variant;
    ck_assert_int_eq(gdws_variant_decode(bytes, length, &variant, &used), GDWS_OK);
    ck_assert_uint_eq(used, length);
    ck_assert_int_eq(gdws_variant_encode(variant, again, sizeof(again), &size), GDWS_OK);
    ck_assert_uint_eq(size, length);
    ck_assert_mem_eq(again, bytes, length);
    return variant;
}

/* A value that was made must encode to these bytes. */
static void gives(gdws_variant *variant, const void *bytes, size_t length)
{
    uint8_t buffer[256];
    size_t size;
    ck_assert_ptr_nonnull(variant);
    ck_assert_int_eq(gdws_variant_encode(variant, buffer, sizeof(buffer), &size), GDWS_OK);
    ck_assert_uint_eq(size, length);
    ck_assert_mem_eq(buffer, bytes, length);
    gdws_variant_free(variant);
    gdws_variant_free(same(bytes, length));
}

#define GIVES(variant, bytes) gives(variant, bytes, sizeof(bytes) - 1)

START_TEST(numbers_as_godot_writes_them)
{
    GIVES(gdws_variant_new(GDWS_VARIANT_NIL), "\0\0\0\0");
    GIVES(gdws_variant_new_bool(true), "\1\0\0\0\1\0\0\0");
    GIVES(gdws_variant_new_bool(false), "\1\0\0\0\0\0\0\0");
    GIVES(gdws_variant_new_int(7), "\2\0\0\0\7\0\0\0");
    GIVES(gdws_variant_new_int(-1), "\2\0\0\0\xff\xff\xff\xff");
    GIVES(gdws_variant_new_int(INT32_MIN), "\2\0\0\0\0\0\0\x80");
    GIVES(gdws_variant_new_int((int64_t)INT32_MAX + 1), "\2\0\1\0\0\0\0\x80\0\0\0\0");
    GIVES(gdws_variant_new_int(INT64_MIN), "\2\0\1\0\0\0\0\0\0\0\0\x80");
    GIVES(gdws_variant_new_real(0.5), "\3\0\0\0\0\0\0\x3f");
    GIVES(gdws_variant_new_real(-0.0), "\3\0\0\0\0\0\0\x80");
    GIVES(gdws_variant_new_real((double)INFINITY), "\3\0\0\0\0\0\x80\x7f");
    GIVES(gdws_variant_new_real(0.1), "\3\0\1\0\x9a\x99\x99\x99\x99\x99\xb9\x3f");
    GIVES(gdws_variant_new_real((double)NAN), "\3\0\1\0\0\0\0\0\0\0\xf8\x7f");
}
END_TEST

START_TEST(texts_as_godot_writes_them)
{
    gdws_variant *strings = gdws_variant_new(GDWS_VARIANT_POOL_STRING_ARRAY);
    ck_assert_int_eq(gdws_variant_append(strings, gdws_variant_new_string("abc")), GDWS_OK);
    ck_assert_int_eq(gdws_variant_append(strings, gdws_variant_new_string("")), GDWS_OK);
    GIVES(gdws_variant_new_string(""), "\4\0\0\0\0\0\0\0");
    GIVES(gdws_variant_new_string("abcd"), "\4\0\0\0\4\0\0\0abcd");
    GIVES(gdws_variant_new_string("\xc3\xa4"), "\4\0\0\0\2\0\0\0\xc3\xa4\0\0");
    /* In a pool the NUL counts. */
    GIVES(strings, "\x17\0\0\0\2\0\0\0\4\0\0\0abc\0\1\0\0\0\0\0\0\0");
    GIVES(gdws_variant_new_node_path(""), "\x0f\0\0\0\0\0\0\x80\0\0\0\0\0\0\0\0");
    GIVES(gdws_variant_new_node_path("/root/A:x:yz"),
          "\x0f\0\0\0\2\0\0\x80\2\0\0\0\1\0\0\0"
          "\4\0\0\0root\1\0\0\0A\0\0\0\1\0\0\0x\0\0\0\2\0\0\0yz\0\0");
}
END_TEST

START_TEST(vectors_and_pools_as_godot_writes_them)
{
    static const float floats[4] = {1.0f, 2.0f, 0.5f, -1.0f};
    static const int32_t integers[2] = {-2, 3};
    GIVES(gdws_variant_new_floats(GDWS_VARIANT_VECTOR2, floats, 2),
          "\5\0\0\0\0\0\x80\x3f\0\0\0\x40");
    GIVES(gdws_variant_new_floats(GDWS_VARIANT_COLOR, floats, 4),
          "\x0e\0\0\0\0\0\x80\x3f\0\0\0\x40\0\0\0\x3f\0\0\x80\xbf");
    GIVES(gdws_variant_new_floats(GDWS_VARIANT_POOL_VECTOR2_ARRAY, floats, 4),
          "\x18\0\0\0\2\0\0\0\0\0\x80\x3f\0\0\0\x40\0\0\0\x3f\0\0\x80\xbf");
    GIVES(gdws_variant_new_floats(GDWS_VARIANT_POOL_COLOR_ARRAY, NULL, 0), "\x1a\0\0\0\0\0\0\0");
    GIVES(gdws_variant_new_bytes("12345", 5), "\x14\0\0\0\5\0\0\0\x31\x32\x33\x34\x35\0\0\0");
    GIVES(gdws_variant_new_ints(integers, 2), "\x15\0\0\0\2\0\0\0\xfe\xff\xff\xff\3\0\0\0");
    /* Each type has its number of floats. */
    static const uint8_t sizes[] = {2, 4, 3, 6, 4, 4, 6, 9, 12, 4};
    static const float many[13] = {0};
    for (int type = GDWS_VARIANT_VECTOR2; type <= GDWS_VARIANT_COLOR; type++) {
        size_t count = sizes[type - GDWS_VARIANT_VECTOR2];
        gdws_variant *one = gdws_variant_new_floats((gdws_variant_type)type, many, count);
        ck_assert_uint_eq(gdws_variant_get_size(one), count);
        gdws_variant_free(one);
        ck_assert_ptr_null(gdws_variant_new_floats((gdws_variant_type)type, many, count + 1));
    }
    ck_assert_ptr_null(gdws_variant_new_floats(GDWS_VARIANT_POOL_VECTOR3_ARRAY, many, 4));
    ck_assert_ptr_null(gdws_variant_new_floats(GDWS_VARIANT_INT, many, 1));
    ck_assert_ptr_null(gdws_variant_new_floats((gdws_variant_type)4711, many, 1));
}
END_TEST

START_TEST(a_tree_is_built_asked_and_owned)
{
    gdws_variant *array = gdws_variant_new(GDWS_VARIANT_ARRAY);
    gdws_variant *player = gdws_variant_new(GDWS_VARIANT_DICTIONARY);
    gdws_variant *name = gdws_variant_new_string("name");
    ck_assert_int_eq(gdws_variant_set(player, name, gdws_variant_new_string("anna")), GDWS_OK);
    ck_assert_int_eq(gdws_variant_set(player, gdws_variant_new_int(1), gdws_variant_new_real(2.5)),
                     GDWS_OK);
    ck_assert_int_eq(
        gdws_variant_set(player, gdws_variant_new_string("name"), gdws_variant_new_string("bert")),
        GDWS_OK);
    ck_assert_uint_eq(gdws_variant_get_size(player), 2);
    ck_assert_int_eq(gdws_variant_append(array, player), GDWS_OK);
    ck_assert_int_eq(gdws_variant_append(array, gdws_variant_new_bytes("\1\2", 2)), GDWS_OK);
    static const int32_t number = 9;
    ck_assert_int_eq(gdws_variant_append(array, gdws_variant_new_ints(&number, 1)), GDWS_OK);
    ck_assert_int_eq(gdws_variant_append(array, gdws_variant_new_bool(true)), GDWS_OK);

    const gdws_variant *first = gdws_variant_get_item(array, 0);
    ck_assert_int_eq(gdws_variant_get_type(first), GDWS_VARIANT_DICTIONARY);
    ck_assert_str_eq(gdws_variant_get_string(gdws_variant_find(first, "name")), "bert");
    ck_assert_str_eq(gdws_variant_get_string(gdws_variant_get_key(first, 0)), "name");
    ck_assert_int_eq(gdws_variant_get_int(gdws_variant_get_key(first, 1)), 1);
    ck_assert_double_eq(gdws_variant_get_real(gdws_variant_get_item(first, 1)), 2.5);
    ck_assert_double_eq(gdws_variant_get_real(gdws_variant_get_key(first, 1)), 1.0);
    ck_assert_ptr_null(gdws_variant_find(first, "other"));
    ck_assert_uint_eq(gdws_variant_get_bytes(gdws_variant_get_item(array, 1))[1], 2);
    ck_assert_int_eq(gdws_variant_get_ints(gdws_variant_get_item(array, 2))[0], 9);
    ck_assert(gdws_variant_get_bool(gdws_variant_get_item(array, 3)));
    ck_assert_ptr_null(gdws_variant_get_item(array, 4));
    ck_assert_ptr_null(gdws_variant_get_key(array, 0));
    /* What it is not. */
    ck_assert_int_eq(gdws_variant_get_int(array), 0);
    ck_assert_str_eq(gdws_variant_get_string(array), "");
    ck_assert_ptr_null(gdws_variant_get_floats(array));
    ck_assert_ptr_null(gdws_variant_get_bytes(array));
    ck_assert_ptr_null(gdws_variant_get_ints(NULL));
    ck_assert_int_eq(gdws_variant_get_type(NULL), GDWS_VARIANT_NIL);
    ck_assert_int_eq(gdws_variant_append(array, NULL), GDWS_INVALID_PARAMETER);
    ck_assert_int_eq(gdws_variant_append(array, array), GDWS_INVALID_PARAMETER);
    gdws_variant *lone = gdws_variant_new_int(3);
    ck_assert_int_eq(gdws_variant_append(lone, lone), GDWS_INVALID_PARAMETER);
    ck_assert_int_eq(gdws_variant_set(array, lone, NULL), GDWS_INVALID_PARAMETER);
    gdws_variant *strings = gdws_variant_new(GDWS_VARIANT_POOL_STRING_ARRAY);
    ck_assert_int_eq(gdws_variant_append(strings, lone), GDWS_INVALID_PARAMETER);
    gdws_variant_free(strings);
    gdws_variant_free(lone);
    gdws_variant_free(array);
    gdws_variant_free(NULL);
    ck_assert_uint_eq(gdwsi_mem_live(), 0);
}
END_TEST

static uint8_t *bytes_of(const gdws_variant *variant, size_t *length)
{
    ck_assert_int_eq(gdws_variant_encode(variant, NULL, 0, length), GDWS_OUT_OF_MEMORY);
    uint8_t *bytes = malloc(*length);
    ck_assert_int_eq(gdws_variant_encode(variant, bytes, *length, length), GDWS_OK);
    return bytes;
}

/* GDScript's division and JSON make REALs of what a program takes for an INT. */
START_TEST(numbers_are_asked_for_as_either_kind)
{
    static const struct {
        double real;
        int64_t integer;
    } table[] = {
        {5.0, 5},
        {2.9, 2},
        {-2.9, -2},
        {-0.0, 0},
        {1e300, INT64_MAX},
        {0x1p63, INT64_MAX},
        {-1e300, INT64_MIN},
        {-0x1p63, INT64_MIN},
        {HUGE_VAL, INT64_MAX},
        {-HUGE_VAL, INT64_MIN},
        {(double)NAN, 0},
        {0x1.fffffffffffffp62, 0x7ffffffffffffc00},
    };
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        gdws_variant *number = gdws_variant_new_real(table[i].real);
        ck_assert_int_eq(gdws_variant_get_int(number), table[i].integer);
        gdws_variant_free(number);
    }
    gdws_variant *whole = gdws_variant_new_int(-7);
    ck_assert_double_eq(gdws_variant_get_real(whole), -7.0);
    gdws_variant_free(whole);
    /* What is no number is none. */
    gdws_variant *text = gdws_variant_new_string("5");
    ck_assert_int_eq(gdws_variant_get_int(text), 0);
    ck_assert_double_eq(gdws_variant_get_real(text), 0.0);
    gdws_variant_free(text);
}
END_TEST

/* {1: "one", "1": "text", 1.0: "real", 1: "again"}, of which bytes may have a key twice. */
START_TEST(players_are_found_by_their_ids)
{
    gdws_variant *players = gdws_variant_new(GDWS_VARIANT_DICTIONARY);
    gdws_variant *array = gdws_variant_new(GDWS_VARIANT_ARRAY);
    ck_assert_int_eq(
        gdws_variant_set(players, gdws_variant_new_int(1), gdws_variant_new_string("one")),
        GDWS_OK);
    ck_assert_int_eq(
        gdws_variant_set(players, gdws_variant_new_string("1"), gdws_variant_new_string("text")),
        GDWS_OK);
    ck_assert_int_eq(
        gdws_variant_set(players, gdws_variant_new_real(1), gdws_variant_new_string("real")),
        GDWS_OK);
    ck_assert_str_eq(gdws_variant_get_string(gdws_variant_find_int(players, 1)), "one");
    ck_assert_ptr_null(gdws_variant_find_int(players, 2));
    ck_assert_ptr_null(gdws_variant_find_int(array, 0));
    gdws_variant_free(array);
    gdws_variant_free(players);
    ck_assert_uint_eq(gdwsi_mem_live(), 0);
}
END_TEST

/* One of each kind of value, the empty ones among them, in an array. */
static gdws_variant *make_one_of_each(void)
{
    static const float floats[4] = {1.5f, -2.0f, 0.0f, 4.25f};
    static const int32_t integers[2] = {7, -8};
    gdws_variant *player = gdws_variant_new(GDWS_VARIANT_DICTIONARY);
    gdws_variant *names = gdws_variant_new(GDWS_VARIANT_POOL_STRING_ARRAY);
    gdws_variant *all = gdws_variant_new(GDWS_VARIANT_ARRAY);
    ck_assert_int_eq(gdws_variant_append(names, gdws_variant_new_string("anna")), GDWS_OK);
    ck_assert_int_eq(gdws_variant_append(names, gdws_variant_new_string("")), GDWS_OK);
    ck_assert_int_eq(gdws_variant_set(player, gdws_variant_new_string("names"), names), GDWS_OK);
    ck_assert_int_eq(gdws_variant_set(player, gdws_variant_new_bool(true),
                                      gdws_variant_new_floats(GDWS_VARIANT_QUAT, floats, 4)),
                     GDWS_OK);
    gdws_variant *items[] = {
        gdws_variant_new(GDWS_VARIANT_NIL),
        gdws_variant_new_int(INT64_MIN),
        gdws_variant_new_real(0.1),
        gdws_variant_new_node_path("/root/Player:position:x"),
        gdws_variant_new_floats(GDWS_VARIANT_POOL_VECTOR2_ARRAY, floats, 4),
        gdws_variant_new_floats(GDWS_VARIANT_POOL_REAL_ARRAY, NULL, 0),
        gdws_variant_new_bytes("\1\0\2", 3),
        gdws_variant_new_bytes(NULL, 0),
        gdws_variant_new_ints(integers, 2),
        gdws_variant_new(GDWS_VARIANT_ARRAY),
        gdws_variant_new(GDWS_VARIANT_DICTIONARY),
        player,
    };
    for (size_t i = 0; i < sizeof(items) / sizeof(items[0]); i++) {
        ck_assert_int_eq(gdws_variant_append(all, items[i]), GDWS_OK);
    }
    return all;
}

START_TEST(a_copy_is_the_same_and_owns_itself)
{
    gdws_variant *all = make_one_of_each();
    size_t length;
    size_t copied;
    uint8_t *bytes = bytes_of(all, &length);
    size_t nth = 0;
    gdws_variant *copy = NULL;
    /* Without memory, at each place: nothing is made, nothing is left. */
    size_t live = gdwsi_mem_live();
    while (copy == NULL && nth < 100) {
        nth++;
        gdwsi_mem_fail_at(nth);
        copy = gdws_variant_duplicate(all);
        ck_assert(gdwsi_mem_has_failed() == (copy == NULL));
        gdwsi_mem_fail_at(0);
        ck_assert(copy != NULL || gdwsi_mem_live() == live);
    }
    ck_assert_uint_gt(nth, 15);
    gdws_variant_free(all);
    uint8_t *other = bytes_of(copy, &copied);
    ck_assert_uint_eq(copied, length);
    ck_assert(memcmp(bytes, other, length) == 0);
    free(other);
    free(bytes);
    /* A part of it, for another container; and the copy is as deep as its original. */
    gdws_variant *part = gdws_variant_duplicate(gdws_variant_get_item(copy, 11));
    gdws_variant_free(copy);
    ck_assert_uint_eq(gdws_variant_get_size(gdws_variant_find(part, "names")), 2);
    for (int i = 2; i < GDWS_VARIANT_DEPTH_MAX; i++) {
        gdws_variant *outer = gdws_variant_new(GDWS_VARIANT_ARRAY);
        ck_assert_int_eq(gdws_variant_append(outer, part), GDWS_OK);
        part = gdws_variant_duplicate(outer);
        gdws_variant_free(outer);
    }
    gdws_variant *outer = gdws_variant_new(GDWS_VARIANT_ARRAY);
    ck_assert_int_eq(gdws_variant_append(outer, part), GDWS_PARAMETER_RANGE_ERROR);
    gdws_variant_free(outer);
    gdws_variant_free(part);
    ck_assert_ptr_null(gdws_variant_duplicate(NULL));
    ck_assert_uint_eq(gdwsi_mem_live(), 0);
}
END_TEST

START_TEST(values_that_cannot_be)
{
    static const char *const paths[] = {"a//b", "//a", "a/", "a:", ":", "a::b", "\xff", "a/:b"};
    for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
        ck_assert_msg(gdws_variant_new_node_path(paths[i]) == NULL, "%s", paths[i]);
    }
    ck_assert_ptr_null(gdws_variant_new_string("\xff"));
    ck_assert_ptr_null(gdws_variant_new_string(NULL));
    ck_assert_ptr_null(gdws_variant_new_node_path(NULL));
    ck_assert_ptr_null(gdws_variant_new_bytes(NULL, 1));
    ck_assert_ptr_null(gdws_variant_new_bytes("a", SIZE_MAX));
    ck_assert_ptr_null(gdws_variant_new(GDWS_VARIANT_OBJECT));
    ck_assert_ptr_null(gdws_variant_new(GDWS_VARIANT_INT));
    ck_assert_uint_eq(gdwsi_mem_live(), 0);
}
END_TEST

typedef struct bad {
    const char *bytes;
    size_t length;
} bad;

#define BAD(text)                                                                                  \
    {                                                                                              \
        text, sizeof(text) - 1                                                                     \
    }

static const bad bad_bytes[] = {
    BAD(""),
    BAD("\0\0\0"),
    BAD("\1\0\0\0\1\0\0"),
    BAD("\2\0\1\0\0\0\0\0"),                     /* 64 bits announced, 32 there */
    BAD("\1\0\1\0\0\0\0\0\0\0\0\0"),             /* a BOOL has no 64 bits */
    BAD("\0\1\0\0"),                             /* a flag that nobody sends */
    BAD("\x1b\0\0\0"),                           /* no such type */
    BAD("\xff\xff\xff\xff"),                     /* no such type */
    BAD("\x10\0\0\0"),                           /* RID */
    BAD("\x11\0\0\0\0\0\0\0"),                   /* an object */
    BAD("\x11\0\1\0\1\0\0\0\0\0\0\0"),           /* an object's id */
    BAD("\4\0\0\0\5\0\0\0abcd"),                 /* longer than what is there */
    BAD("\4\0\0\0\3\0\0\0abc"),                  /* no padding */
    BAD("\4\0\0\0\xff\xff\xff\xff"),             /* longer than anything */
    BAD("\4\0\0\0\1\0\0\0\xff\0\0\0"),           /* not UTF-8 */
    BAD("\4\0\0\0\3\0\0\0\xed\xa0\x80\0"),       /* a surrogate */
    BAD("\5\0\0\0\0\0\0\0\0\0\0"),               /* half a vector */
    BAD("\x0f\0\0\0\1\0\0\0a\0\0\0"),            /* an old node path */
    BAD("\x0f\0\0\0\1\0\0\x80\0\0\0\0\0\0\0\0"), /* a name is missing */
    BAD("\x0f\0\0\0\xff\xff\xff\xff\0\0\0\0\0\0\0\0"),
    BAD("\x0f\0\0\0\0\0\0\x80\xff\xff\xff\xff\0\0\0\0"),
    BAD("\x0f\0\0\0\0\0\0\x80\0\0\0\0\2\0\0\0"),                /* an obsolete flag */
    BAD("\x0f\0\0\0\1\0\0\x80\0\0\0\0\0\0\0\0\0\0\0\0"),        /* an empty name */
    BAD("\x0f\0\0\0\1\0\0\x80\0\0\0\0\0\0\0\0\1\0\0\0/\0\0\0"), /* a name with a slash */
    BAD("\x12\0\0\0\1\0\0\0\0\0\0\0"),                          /* a key without a value */
    BAD("\x12\0\0\0"),                                          /* no count */
    BAD("\x13\0\0\0\1\0\0"),                                    /* half of one */
    BAD("\x17\0\0\0"),
    BAD("\x13\0\0\0\1\0\0\0"), /* an item is missing */
    BAD("\x13\0\0\0\xff\xff\xff\x7f"),
    BAD("\x13\0\0\0\1\0\0\0\x11\0\0\0"), /* an object inside */
    BAD("\x14\0\0\0\xff\xff\xff\xff"),
    BAD("\x15\0\0\0\1\0\0\x40\0\0\0\0"), /* times four it is four */
    BAD("\x16\0\0\0\xff\xff\xff\x3f"),
    BAD("\x17\0\0\0\1\0\0\x80"),
    BAD("\x18\0\0\0\1\0\0\x20\0\0\0\0\0\0\0\0"), /* times eight it is eight */
    BAD("\x1a\0\0\0\1\0\0\0\0\0\0\0\0\0\0\0"),
};

START_TEST(malformed_bytes_are_invalid_data)
{
    gdws_variant *variant;
    size_t used = 1;
    const bad *one = &bad_bytes[_i];
    variant = (gdws_variant *)(void *)&used;
    ck_assert_int_eq(gdws_variant_decode(one->bytes, one->length, &variant, &used),
                     GDWS_INVALID_DATA);
    ck_assert_ptr_null(variant);
    ck_assert_uint_eq(used, 0);
    ck_assert_uint_eq(gdwsi_mem_live(), 0);
}
END_TEST

START_TEST(what_godot_forgives)
{
    static const char shared[] = "\x13\0\0\0\1\0\0\x80\0\0\0\0and more behind it";
    static const char truth[] = "\1\0\0\0\0\0\1\0";
    static const char nul[] = "\4\0\0\0\4\0\0\0ab\0c";
    static const char twice[] = "\x12\0\0\0\2\0\0\0"
                                "\4\0\0\0\1\0\0\0k\0\0\0\2\0\0\0\1\0\0\0"
                                "\4\0\0\0\1\0\0\0k\0\0\0\2\0\0\0\2\0\0\0";
    gdws_variant *variant;
    size_t used;
    ck_assert_int_eq(gdws_variant_decode(shared, sizeof(shared) - 1, &variant, &used), GDWS_OK);
    ck_assert_uint_eq(used, 12);
    ck_assert_uint_eq(gdws_variant_get_size(variant), 1);
    gdws_variant_free(variant);
    ck_assert_int_eq(gdws_variant_decode(truth, 8, &variant, NULL), GDWS_OK);
    ck_assert(gdws_variant_get_bool(variant));
    gdws_variant_free(variant);
    ck_assert_int_eq(gdws_variant_decode(nul, 12, &variant, NULL), GDWS_OK);
    ck_assert_str_eq(gdws_variant_get_string(variant), "ab");
    gdws_variant_free(variant);
    ck_assert_int_eq(gdws_variant_decode(twice, sizeof(twice) - 1, &variant, NULL), GDWS_OK);
    ck_assert_int_eq(gdws_variant_get_int(gdws_variant_find(variant, "k")), 2);
    ck_assert_int_eq(
        gdws_variant_set(variant, gdws_variant_new_string("k"), gdws_variant_new_int(3)), GDWS_OK);
    ck_assert_int_eq(gdws_variant_get_int(gdws_variant_find(variant, "k")), 3);
    gdws_variant_free(variant);
}
END_TEST

START_TEST(depth_is_limited_both_ways)
{
    uint8_t bytes[(GDWS_VARIANT_DEPTH_MAX + 1) * 8 + 4] = {0};
    gdws_variant *variant;
    size_t length = 0;
    for (int depth = 0; depth <= GDWS_VARIANT_DEPTH_MAX; depth++) {
        bytes[8 * depth] = GDWS_VARIANT_ARRAY;
        bytes[8 * depth + 4] = 1;
    }
    ck_assert_int_eq(gdws_variant_decode(bytes, sizeof(bytes), &variant, NULL), GDWS_INVALID_DATA);
    ck_assert_int_eq(gdws_variant_decode(bytes + 8, sizeof(bytes) - 8, &variant, NULL), GDWS_OK);
    gdws_variant *outer = gdws_variant_new(GDWS_VARIANT_ARRAY);
    ck_assert_int_eq(gdws_variant_append(outer, variant), GDWS_PARAMETER_RANGE_ERROR);
    ck_assert_int_eq(gdws_variant_encode(variant, NULL, 0, &length), GDWS_OUT_OF_MEMORY);
    ck_assert_uint_eq(length, sizeof(bytes) - 8);
    gdws_variant *dictionary = gdws_variant_new(GDWS_VARIANT_DICTIONARY);
    ck_assert_int_eq(gdws_variant_set(dictionary, variant, outer), GDWS_PARAMETER_RANGE_ERROR);
    gdws_variant_free(variant);
    gdws_variant_free(outer);
    gdws_variant_free(dictionary);
    ck_assert_uint_eq(gdwsi_mem_live(), 0);
}
END_TEST

START_TEST(each_allocation_may_fail)
{
    static const char bytes[] = "\x13\0\0\0\4\0\0\0"
                                "\4\0\0\0\4\0\0\0abcd"
                                "\x12\0\0\0\1\0\0\0\1\0\0\0\1\0\0\0\x14\0\0\0\1\0\0\0x\0\0\0"
                                "\x17\0\0\0\1\0\0\0\1\0\0\0\0\0\0\0"
                                "\x0f\0\0\0\1\0\0\x80\0\0\0\0\0\0\0\0\1\0\0\0a\0\0\0";
    size_t nth = 0;
    gdws_error error;
    do {
        gdws_variant *variant;
        nth++;
        gdwsi_mem_fail_at(nth);
        error = gdws_variant_decode(bytes, sizeof(bytes) - 1, &variant, NULL);
        bool has_failed = gdwsi_mem_has_failed();
        gdwsi_mem_fail_at(0);
        ck_assert_int_eq(error, has_failed ? GDWS_OUT_OF_MEMORY : GDWS_OK);
        gdws_variant_free(variant);
        ck_assert_uint_eq(gdwsi_mem_live(), 0);
    } while (error != GDWS_OK && nth < 100);
    ck_assert_uint_gt(nth, 8);
    ck_assert_uint_lt(nth, 100);
}
END_TEST

START_TEST(encoding_needs_room)
{
    uint8_t buffer[8] = {0};
    size_t length = 0;
    gdws_variant *variant = gdws_variant_new_int(5);
    gdws_variant *other = variant;
    ck_assert_int_eq(gdws_variant_encode(variant, buffer, 7, &length), GDWS_OUT_OF_MEMORY);
    ck_assert_uint_eq(length, 8);
    ck_assert_uint_eq(buffer[7], 0);
    ck_assert_int_eq(gdws_variant_encode(variant, buffer, 8, &length), GDWS_OK);
    ck_assert_int_eq(gdws_variant_encode(variant, NULL, 8, &length), GDWS_INVALID_PARAMETER);
    ck_assert_int_eq(gdws_variant_encode(NULL, buffer, 8, &length), GDWS_INVALID_PARAMETER);
    ck_assert_int_eq(gdws_variant_encode(variant, buffer, 8, NULL), GDWS_INVALID_PARAMETER);
    ck_assert_int_eq(gdws_variant_decode(NULL, 1, &other, NULL), GDWS_INVALID_PARAMETER);
    ck_assert_int_eq(gdws_variant_decode(buffer, 8, NULL, NULL), GDWS_INVALID_PARAMETER);
    ck_assert_int_eq(gdws_peer_put_var(NULL, variant), GDWS_INVALID_PARAMETER);
    ck_assert_ptr_null(other);
    ck_assert_int_eq(gdws_peer_get_var(NULL, &other), GDWS_INVALID_PARAMETER);
    gdws_variant_free(variant);
    ck_assert_uint_eq(gdwsi_mem_live(), 0);
}
END_TEST

/* One value of each kind, the nth; two of different numbers are not equal. */
static gdws_variant *make_nth(int kind, int number)
{
    const float floats[] = {(float)number, 2};
    const uint8_t byte = (uint8_t)number;
    const int32_t integer = number;
    gdws_variant *list = NULL;
    switch (kind) {
    case 0:
        return gdws_variant_new_bool(number != 0);
    case 1:
        return gdws_variant_new_int(number);
    case 2:
        return gdws_variant_new_real(number);
    case 3:
        return gdws_variant_new_string(number != 0 ? "ab" : "ac");
    case 4:
        return gdws_variant_new_node_path(number != 0 ? "a/b" : "a/c");
    case 5:
        return gdws_variant_new_floats(GDWS_VARIANT_VECTOR2, floats, 2);
    case 6:
        return gdws_variant_new_bytes(&byte, 1);
    case 7:
        return gdws_variant_new_ints(&integer, 1);
    case 8:
        list = gdws_variant_new(GDWS_VARIANT_ARRAY);
        ck_assert_int_eq(gdws_variant_append(list, gdws_variant_new_int(number)), GDWS_OK);
        return list;
    case 9:
        list = gdws_variant_new(GDWS_VARIANT_ARRAY);
        return list;
    default:
        return gdws_variant_new(GDWS_VARIANT_NIL);
    }
}

#define KINDS_OF_KEYS 11

/* A key is set twice: the second value replaces the first one. */
START_TEST(a_key_of_any_type_is_one_key)
{
    gdws_variant *dictionary = gdws_variant_new(GDWS_VARIANT_DICTIONARY);
    size_t expected = 0;
    for (int kind = 0; kind < KINDS_OF_KEYS; kind++) {
        for (int i = 0; i < 4; i++) {
            gdws_variant *value = gdws_variant_new_int(i);
            ck_assert_int_eq(gdws_variant_set(dictionary, make_nth(kind, i % 2), value), GDWS_OK);
        }
        expected += kind < 9 ? 2 : 1;
        ck_assert_uint_eq(gdws_variant_get_size(dictionary), expected);
        ck_assert_int_eq(gdws_variant_get_int(gdws_variant_get_item(dictionary, expected - 1)), 3);
    }
    ck_assert_ptr_null(gdws_variant_find(dictionary, "none"));
    ck_assert_int_eq(gdws_variant_get_int(gdws_variant_find(dictionary, "ab")), 3);
    gdws_variant_free(dictionary);
    ck_assert_uint_eq(gdwsi_mem_live(), 0);
}
END_TEST

START_TEST(a_value_is_in_one_place_only)
{
    gdws_variant *dictionary = gdws_variant_new(GDWS_VARIANT_DICTIONARY);
    gdws_variant *array = gdws_variant_new(GDWS_VARIANT_ARRAY);
    gdws_variant *texts = gdws_variant_new(GDWS_VARIANT_POOL_STRING_ARRAY);
    gdws_variant *one = gdws_variant_new_int(1);
    ck_assert_int_eq(gdws_variant_append(array, array), GDWS_INVALID_PARAMETER);
    ck_assert_int_eq(gdws_variant_append(one, array), GDWS_INVALID_PARAMETER);
    ck_assert_int_eq(gdws_variant_append(dictionary, one), GDWS_INVALID_PARAMETER);
    ck_assert_int_eq(gdws_variant_append(texts, one), GDWS_INVALID_PARAMETER);
    ck_assert_int_eq(gdws_variant_set(dictionary, one, one), GDWS_INVALID_PARAMETER);
    ck_assert_int_eq(gdws_variant_set(dictionary, dictionary, one), GDWS_INVALID_PARAMETER);
    ck_assert_int_eq(gdws_variant_set(dictionary, one, dictionary), GDWS_INVALID_PARAMETER);
    ck_assert_int_eq(gdws_variant_set(dictionary, NULL, one), GDWS_INVALID_PARAMETER);
    ck_assert_int_eq(gdws_variant_set(dictionary, one, NULL), GDWS_INVALID_PARAMETER);
    ck_assert_int_eq(gdws_variant_set(array, one, texts), GDWS_INVALID_PARAMETER);
    ck_assert_ptr_null(gdws_variant_get_item(array, 0));
    ck_assert_ptr_null(gdws_variant_get_item(one, 0));
    ck_assert_ptr_null(gdws_variant_get_key(array, 0));
    ck_assert_ptr_null(gdws_variant_get_key(dictionary, 0));
    ck_assert_ptr_null(gdws_variant_find(dictionary, NULL));
    ck_assert_ptr_null(gdws_variant_find(array, "a"));
    ck_assert_ptr_null(gdws_variant_get_bytes(one));
    ck_assert_ptr_null(gdws_variant_get_ints(one));
    ck_assert_ptr_null(gdws_variant_get_floats(one));
    ck_assert(!gdws_variant_get_bool(one));
    ck_assert_int_eq(gdws_variant_get_int(array), 0);
    gdws_variant *no = gdws_variant_new_bool(false);
    ck_assert(!gdws_variant_get_bool(no));
    gdws_variant_free(no);
    /* A deeper value in the place of one makes the dictionary deeper. */
    ck_assert_int_eq(gdws_variant_append(array, one), GDWS_OK);
    ck_assert_int_eq(gdws_variant_set(dictionary, make_nth(3, 1), gdws_variant_new_int(1)),
                     GDWS_OK);
    ck_assert_int_eq(gdws_variant_set(dictionary, make_nth(3, 1), array), GDWS_OK);
    ck_assert_int_eq(dictionary->depth, 2);
    gdws_variant_free(dictionary);
    gdws_variant_free(texts);
    ck_assert_uint_eq(gdwsi_mem_live(), 0);
}
END_TEST

START_TEST(a_dictionary_is_as_deep_as_what_is_in_it_now)
{
    gdws_variant *deep = gdws_variant_new(GDWS_VARIANT_ARRAY);
    gdws_variant *dictionary = gdws_variant_new(GDWS_VARIANT_DICTIONARY);
    gdws_variant *array = gdws_variant_new(GDWS_VARIANT_ARRAY);
    for (int depth = 2; depth < GDWS_VARIANT_DEPTH_MAX; depth++) {
        gdws_variant *outer = gdws_variant_new(GDWS_VARIANT_ARRAY);
        ck_assert_int_eq(gdws_variant_append(outer, deep), GDWS_OK);
        deep = outer;
    }
    ck_assert_int_eq(gdws_variant_set(dictionary, gdws_variant_new_string("two"),
                                      gdws_variant_new(GDWS_VARIANT_ARRAY)),
                     GDWS_OK);
    ck_assert_int_eq(gdws_variant_set(dictionary, gdws_variant_new_string("deep"), deep), GDWS_OK);
    ck_assert_int_eq(gdws_variant_append(array, dictionary), GDWS_PARAMETER_RANGE_ERROR);
    ck_assert_int_eq(
        gdws_variant_set(dictionary, gdws_variant_new_string("deep"), gdws_variant_new_bool(true)),
        GDWS_OK);
    ck_assert_int_eq(dictionary->depth, 2);
    ck_assert_int_eq(gdws_variant_append(array, dictionary), GDWS_OK);
    gdws_variant_free(array);
    ck_assert_uint_eq(gdwsi_mem_live(), 0);
}
END_TEST

/* As each_allocation_may_fail, for values that the program makes. */
START_TEST(without_memory_there_is_no_value)
{
    for (int kind = 0; kind < KINDS_OF_KEYS; kind++) {
        if (kind == 8) {
            continue; /* it is made of others */
        }
        size_t nth = 1;
        gdws_variant *made = NULL;
        while (made == NULL) {
            gdwsi_mem_fail_at(nth);
            made = make_nth(kind, 1);
            ck_assert_int_eq(made == NULL, gdwsi_mem_has_failed());
            nth++;
        }
        gdwsi_mem_fail_at(0);
        ck_assert_uint_gt(nth, 2);
        gdws_variant_free(made);
        ck_assert_uint_eq(gdwsi_mem_live(), 0);
    }
    gdws_variant *list = gdws_variant_new(GDWS_VARIANT_ARRAY);
    gdws_variant *dictionary = gdws_variant_new(GDWS_VARIANT_DICTIONARY);
    gdws_variant *one = gdws_variant_new_int(1);
    gdws_variant *other = gdws_variant_new_int(2);
    gdwsi_mem_fail_at(1);
    ck_assert_int_eq(gdws_variant_append(list, one), GDWS_OUT_OF_MEMORY);
    gdwsi_mem_fail_at(1);
    ck_assert_int_eq(gdws_variant_set(dictionary, one, other), GDWS_OUT_OF_MEMORY);
    gdws_variant_free(one);
    gdws_variant_free(other);
    gdws_variant_free(list);
    gdws_variant_free(dictionary);
    ck_assert_uint_eq(gdwsi_mem_live(), 0);
}
END_TEST

Suite *variant_suite(void)
{
    Suite *suite = suite_create("variant");
    TCase *tests = tcase_create("variant");
    tcase_add_test(tests, numbers_as_godot_writes_them);
    tcase_add_test(tests, texts_as_godot_writes_them);
    tcase_add_test(tests, vectors_and_pools_as_godot_writes_them);
    tcase_add_test(tests, a_tree_is_built_asked_and_owned);
    tcase_add_test(tests, numbers_are_asked_for_as_either_kind);
    tcase_add_test(tests, players_are_found_by_their_ids);
    tcase_add_test(tests, a_copy_is_the_same_and_owns_itself);
    tcase_add_test(tests, values_that_cannot_be);
    tcase_add_loop_test(tests, malformed_bytes_are_invalid_data, 0,
                        (int)(sizeof(bad_bytes) / sizeof(bad_bytes[0])));
    tcase_add_test(tests, what_godot_forgives);
    tcase_add_test(tests, depth_is_limited_both_ways);
    tcase_add_test(tests, each_allocation_may_fail);
    tcase_add_test(tests, encoding_needs_room);
    tcase_add_test(tests, a_key_of_any_type_is_one_key);
    tcase_add_test(tests, a_value_is_in_one_place_only);
    tcase_add_test(tests, a_dictionary_is_as_deep_as_what_is_in_it_now);
    tcase_add_test(tests, without_memory_there_is_no_value);
    suite_add_tcase(suite, tests);
    return suite;
}
