/* SPDX-License-Identifier: MIT */
/* utf8, frame, error and log. */
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "frame.h"
#include "gdws/error.h"
#include "log.h"
#include "random.h"
#include "runtests.h"
#include "utf8.h"

/* bad: offset of the first bad byte; -1: valid; -2: incomplete at the end. */
static const struct {
    const char *text;
    int bad;
} texts[] = {
    {"", -1},
    {"plain ASCII that is longer than one word of eight", -1},
    {"\x7f", -1},
    {"\xc2\x80", -1},
    {"\xdf\xbf", -1},
    {"\xe0\xa0\x80", -1},
    {"\xed\x9f\xbf", -1},
    {"\xee\x80\x80", -1},
    {"\xef\xbf\xbf", -1},
    {"\xf0\x90\x80\x80", -1},
    {"\xf4\x8f\xbf\xbf", -1},
    {"12345678\xc3\xa4", -1},
    {"1234567\xc3\xa4", -1},
    {"\x80", 0},
    {"\xbf", 0},
    {"\xc0\x80", 0},
    {"\xc1\xbf", 0},
    {"a\xc2", -2},
    {"\xc2\x7f", 1},
    {"\xc2\xc0", 1},
    {"\xe0\x9f\xbf", 1},
    {"\xe0\x80\x80", 1},
    {"\xed\xa0\x80", 1},
    {"\xed\xbf\xbf", 1},
    {"\xe1\x80\x7f", 2},
    {"\xf0\x8f\xbf\xbf", 1},
    {"\xf4\x90\x80\x80", 1},
    {"\xf5\x80\x80\x80", 0},
    {"\xf8\x88\x80\x80\x80", 0},
    {"\xff", 0},
    {"12345678\xff", 8},
    {"123456781234567\xff", 15},
    {"\xf0\x9f\x98", -2},
    {"\xe2\x82", -2},
};

/* The offset of the first byte that is refused, when the text comes byte by byte. */
static int first_bad(const char *text)
{
    gdwsi_utf8 state = {0};
    for (int i = 0; text[i] != '\0'; i++) {
        if (!gdwsi_utf8_check(&state, text + i, 1)) {
            return i;
        }
    }
    return gdwsi_utf8_is_complete(&state) ? -1 : -2;
}

START_TEST(utf8_fails_at_the_first_bad_byte)
{
    const char *text = texts[_i].text;
    ck_assert_int_eq(first_bad(text), texts[_i].bad);
    ck_assert(gdwsi_utf8_is_valid(text, strlen(text)) == (texts[_i].bad == -1));
}
END_TEST

START_TEST(utf8_gives_the_same_verdict_however_it_is_cut)
{
    const char *text = texts[_i].text;
    size_t length = strlen(text);
    for (size_t cut = 0; cut <= length; cut++) {
        gdwsi_utf8 state = {0};
        bool is_fine = gdwsi_utf8_check(&state, text, cut) &&
                       gdwsi_utf8_check(&state, text + cut, length - cut);
        ck_assert(is_fine == (texts[_i].bad < 0));
        ck_assert(!is_fine || gdwsi_utf8_is_complete(&state) == (texts[_i].bad == -1));
    }
}
END_TEST

START_TEST(every_code_point_is_judged_right)
{
    for (uint32_t point = 0; point < 0x120000; point += 1 + point / 64) {
        uint8_t bytes[4];
        size_t length = 1;
        if (point < 0x80) {
            bytes[0] = (uint8_t)point;
        } else if (point < 0x800) {
            length = 2;
            bytes[0] = (uint8_t)(0xc0 | point >> 6);
        } else if (point < 0x10000) {
            length = 3;
            bytes[0] = (uint8_t)(0xe0 | point >> 12);
        } else {
            length = 4;
            bytes[0] = (uint8_t)(0xf0 | point >> 18);
        }
        for (size_t i = 1; i < length; i++) {
            bytes[i] = (uint8_t)(0x80 | (point >> (6 * (length - 1 - i)) & 0x3f));
        }
        bool is_valid = point <= 0x10ffff && (point < 0xd800 || point > 0xdfff);
        ck_assert(gdwsi_utf8_is_valid(bytes, length) == is_valid);
    }
}
END_TEST

START_TEST(frame_headers_are_read_as_they_were_written)
{
    static const uint64_t lengths[] = {0, 1, 125, 126, 127, 65535, 65536, 1ull << 32, 1ull << 62};
    static const size_t sizes[] = {2, 2, 2, 4, 4, 4, 10, 10, 10};
    for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
        for (int masked = 0; masked < 2; masked++) {
            gdwsi_frame frame = {.opcode = GDWSI_OPCODE_BINARY,
                                 .final = i % 2 == 0,
                                 .masked = masked != 0,
                                 .mask = {1, 2, 3, 4},
                                 .length = lengths[i]};
            gdwsi_frame read;
            uint8_t bytes[GDWSI_FRAME_HEADER_MAX];
            size_t size = gdwsi_frame_write_header(&frame, bytes);
            ck_assert_uint_eq(size, sizes[i] + (masked != 0 ? 4 : 0));
            ck_assert_uint_eq(size, gdwsi_frame_header_size(&frame));
            for (size_t part = 0; part < size; part++) {
                ck_assert_uint_eq(gdwsi_frame_read_header(&read, bytes, part), 0);
            }
            ck_assert_uint_eq(gdwsi_frame_read_header(&read, bytes, size), size);
            ck_assert(read.opcode == frame.opcode && read.final == frame.final &&
                      read.masked == frame.masked && read.length == frame.length);
            ck_assert(masked == 0 || memcmp(read.mask, frame.mask, 4) == 0);
        }
    }
}
END_TEST

START_TEST(masking_is_what_the_rfc_says_at_any_alignment)
{
    static const uint8_t mask[4] = {0x37, 0xfa, 0x21, 0x3d};
    uint8_t source[96];
    uint8_t target[96];
    for (size_t i = 0; i < sizeof(source); i++) {
        source[i] = (uint8_t)(i * 37);
    }
    for (size_t offset = 0; offset < 8; offset++) {
        for (size_t length = 0; length <= 70; length++) {
            gdwsi_frame_mask(target + offset, source + 7 - offset, length, mask);
            for (size_t i = 0; i < length; i++) {
                ck_assert_uint_eq(target[offset + i], source[7 - offset + i] ^ mask[i & 3]);
            }
            gdwsi_frame_mask(target + offset, target + offset, length, mask);
            ck_assert(memcmp(target + offset, source + 7 - offset, length) == 0);
        }
    }
}
END_TEST

START_TEST(close_codes_that_may_be_sent)
{
    for (int code = -1; code <= 70000; code++) {
        bool is_sendable = (code >= 1000 && code <= 1003) || (code >= 1007 && code <= 1014) ||
                           (code >= 3000 && code <= 4999);
        ck_assert(gdwsi_frame_is_sendable_close_code(code) == is_sendable);
    }
}
END_TEST

START_TEST(errors_have_names_and_texts)
{
    ck_assert_str_eq(gdws_error_name(GDWS_OUT_OF_MEMORY), "OUT_OF_MEMORY");
    ck_assert_int_eq(GDWS_OUT_OF_MEMORY, 6);
    ck_assert_int_eq(GDWS_BUG, 47);
    ck_assert_str_eq(gdws_error_text(GDWS_OK), "no error");
    ck_assert_str_eq(gdws_error_name((gdws_error)1000), "UNKNOWN");
    ck_assert_str_eq(gdws_error_text((gdws_error)1000), "unknown error");
    ck_assert_str_eq(gdws_version(), GDWS_VERSION);
}
END_TEST

static char logged[2048];
static int lines;

static void take_line(gdws_log_level level, const char *line, void *user)
{
    ck_assert_ptr_eq(user, &lines);
    ck_assert_int_ne(level, GDWS_LOG_NONE);
    lines++;
    (void)strncpy(logged, line, sizeof(logged) - 1);
}

START_TEST(the_log_gives_what_is_wanted)
{
    char long_text[3000];
    lines = 0;
    gdws_set_log_callback(take_line, &lines);
    gdwsi_log_write(GDWS_LOG_INFO, "not wanted");
    ck_assert_int_eq(lines, 0);
    gdwsi_log_write(GDWS_LOG_ERROR, "number %d", 7);
    ck_assert_str_eq(logged, "number 7");
    gdws_set_log_level(GDWS_LOG_DEBUG);
    gdwsi_log_line(GDWS_LOG_DEBUG, "a line end \r\n");
    ck_assert_str_eq(logged, "a line end");
    memset(long_text, 'x', sizeof(long_text) - 1);
    long_text[sizeof(long_text) - 1] = '\0';
    gdwsi_log_write(GDWS_LOG_ERROR, "%s", long_text);
    ck_assert_uint_eq(strlen(logged), 1023);
    gdws_set_log_level(GDWS_LOG_NONE);
    gdwsi_log_write(GDWS_LOG_ERROR, "not wanted");
    ck_assert_int_eq(lines, 3);
    gdws_set_log_level(GDWS_LOG_WARNING);
    gdws_set_log_callback(NULL, NULL);
}
END_TEST

START_TEST(memory_fails_when_a_test_wants_it_to)
{
    gdwsi_mem_fail_at(2);
    void *first = gdwsi_mem_alloc(0);
    ck_assert_ptr_nonnull(first);
    ck_assert_ptr_null(gdwsi_mem_calloc(1, 1));
    ck_assert(gdwsi_mem_has_failed());
    ck_assert_ptr_null(gdwsi_mem_calloc(SIZE_MAX, 2));
    ck_assert_ptr_null(gdwsi_mem_copy_text("", SIZE_MAX));
    first = gdwsi_mem_realloc(first, 100);
    ck_assert_ptr_nonnull(first);
    ck_assert_uint_eq(gdwsi_mem_live(), 1);
    gdwsi_mem_free(first);
    gdwsi_mem_free(NULL);
}
END_TEST

/* A server that forks must not give two connections the same masks. */
START_TEST(a_forked_child_draws_other_bytes)
{
    uint8_t ours[64];
    uint8_t theirs[64];
    int results[2];
    ck_assert(gdwsi_random_fill(ours, 4)); /* the rest of the block is the same in both */
    ck_assert_int_eq(pipe(results), 0);
    pid_t child = fork();
    if (child == 0) {
        bool is_drawn = gdwsi_random_fill(theirs, sizeof(theirs));
        _exit(is_drawn && write(results[1], theirs, sizeof(theirs)) == sizeof(theirs) ? 0 : 1);
    }
    (void)close(results[1]);
    ck_assert_int_eq(read(results[0], theirs, sizeof(theirs)), sizeof(theirs));
    (void)close(results[0]);
    ck_assert_int_eq(waitpid(child, NULL, 0), child);
    ck_assert(gdwsi_random_fill(ours, sizeof(ours)));
    ck_assert_mem_ne(ours, theirs, sizeof(ours));
}
END_TEST

Suite *bytes_suite(void)
{
    int count = (int)(sizeof(texts) / sizeof(texts[0]));
    Suite *suite = suite_create("bytes");
    TCase *tests = tcase_create("bytes");
    tcase_add_checked_fixture(tests, begin, assert_nothing_is_left);
    tcase_add_loop_test(tests, utf8_fails_at_the_first_bad_byte, 0, count);
    tcase_add_loop_test(tests, utf8_gives_the_same_verdict_however_it_is_cut, 0, count);
    tcase_add_test(tests, every_code_point_is_judged_right);
    tcase_add_test(tests, frame_headers_are_read_as_they_were_written);
    tcase_add_test(tests, masking_is_what_the_rfc_says_at_any_alignment);
    tcase_add_test(tests, close_codes_that_may_be_sent);
    tcase_add_test(tests, errors_have_names_and_texts);
    tcase_add_test(tests, the_log_gives_what_is_wanted);
    tcase_add_test(tests, a_forked_child_draws_other_bytes);
    tcase_add_test(tests, memory_fails_when_a_test_wants_it_to);
    suite_add_tcase(suite, tests);
    return suite;
}
