/* SPDX-License-Identifier: MIT */
/* The negotiation of permessage-deflate. A server keeps its own window, and asks for the other one,
 * at 4 KiB: that costs little of the ratio and saves most of the memory of a connection. */
#include "extension.h"

#include <string.h>
#include <strings.h>

#include "writer.h"

enum { BITS_MIN = 8, BITS_MAX = 15, BITS_CHOSEN = 12 };

const char gdwsi_extension_offer[] = "permessage-deflate; client_max_window_bits";

/* The parameters of section 7.1, in the order of names below. */
enum { SERVER_FORGETS, CLIENT_FORGETS, SERVER_BITS, CLIENT_BITS, PARAMETERS };

typedef struct span {
    const char *text;
    size_t length;
} span;

/* An extension of a list. */
typedef struct extension {
    bool is_deflate;
    bool is_known; /* so are all its parameters, each is there once and has a value that it may have
                    */
    bool has[PARAMETERS];
    uint8_t bits[PARAMETERS]; /* 0: no value */
} extension;

static const char *skip_space(const char *at)
{
    return at + strspn(at, " \t");
}

/* RFC 9110 section 5.6.2 */
static span read_token(const char **at)
{
    static const char characters[] = "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyz"
                                     "ABCDEFGHIJKLMNOPQRSTUVWXYZ";
    span token = {.text = *at, .length = strspn(*at, characters)};
    *at = skip_space(*at + token.length);
    return token;
}

/* A token, or a token in quotes (RFC 6455 section 9.1). Empty when it is neither. */
static span read_value(const char **at)
{
    if (**at != '"') {
        return read_token(at);
    }
    const char *inside = *at + 1;
    span value = read_token(&inside);
    if (value.text[value.length] != '"') {
        return (span){.text = *at, .length = 0};
    }
    *at = skip_space(value.text + value.length + 1);
    return value;
}

static bool is_same(span token, const char *name)
{
    return token.length == strlen(name) && strncasecmp(token.text, name, token.length) == 0;
}

/* 8 to 15, without leading zeros; 0 for anything else. */
static uint8_t parse_bits(span value)
{
    int bits = 0;
    if (value.length == 0 || value.length > 2 || value.text[0] == '0') {
        return 0;
    }
    for (size_t i = 0; i < value.length; i++) {
        if (value.text[i] < '0' || value.text[i] > '9') {
            return 0;
        }
        bits = bits * 10 + (value.text[i] - '0');
    }
    return bits >= BITS_MIN && bits <= BITS_MAX ? (uint8_t)bits : 0;
}

static void note_parameter(extension *one, span name, bool has_value, span value)
{
    static const char *const names[PARAMETERS] = {
        "server_no_context_takeover", "client_no_context_takeover", "server_max_window_bits",
        "client_max_window_bits"};
    for (size_t i = 0; i < PARAMETERS; i++) {
        if (is_same(name, names[i])) {
            bool is_size = i == SERVER_BITS || i == CLIENT_BITS;
            one->bits[i] = has_value ? parse_bits(value) : 0;
            one->is_known =
                one->is_known && !one->has[i] && (!has_value || (is_size && one->bits[i] != 0));
            one->has[i] = true;
            return;
        }
    }
    one->is_known = false;
}

/* Read one extension of a list, and the comma behind it. Returns false when it is not well formed.
 */
static bool read_extension(const char **at, extension *one)
{
    memset(one, 0, sizeof(*one));
    *at = skip_space(*at);
    span name = read_token(at);
    one->is_deflate = is_same(name, "permessage-deflate");
    one->is_known = one->is_deflate;
    bool is_formed = name.length > 0;
    while (is_formed && **at == ';') {
        span value = {.text = "", .length = 0};
        *at = skip_space(*at + 1);
        span parameter = read_token(at);
        bool has_value = **at == '=';
        if (has_value) {
            *at = skip_space(*at + 1);
            value = read_value(at);
        }
        is_formed = parameter.length > 0 && (!has_value || value.length > 0);
        note_parameter(one, parameter, has_value, value);
    }
    if (is_formed && **at == ',') {
        *at = skip_space(*at + 1);
        return **at != '\0';
    }
    return is_formed && **at == '\0';
}

static uint8_t smaller(uint8_t bits, uint8_t limit)
{
    return limit != 0 && limit < bits ? limit : bits;
}

/* As a server. */
static void agree(const extension *offer, gdwsi_extension_terms *terms,
                  char answer[GDWSI_EXTENSION_ANSWER_MAX])
{
    gdwsi_writer writer = {.text = answer, .size = GDWSI_EXTENSION_ANSWER_MAX};
    terms->is_agreed = true;
    terms->we_forget = offer->has[SERVER_FORGETS];
    terms->they_forget = offer->has[CLIENT_FORGETS];
    terms->our_bits = smaller(BITS_CHOSEN, offer->bits[SERVER_BITS]);
    /* Only who says that it understands the parameter may be told (section 7.1.2.2). */
    terms->their_bits =
        offer->has[CLIENT_BITS] ? smaller(BITS_CHOSEN, offer->bits[CLIENT_BITS]) : BITS_MAX;
    gdwsi_writer_add(&writer, "permessage-deflate%s%s",
                     terms->we_forget ? "; server_no_context_takeover" : "",
                     terms->they_forget ? "; client_no_context_takeover" : "");
    if (offer->has[SERVER_BITS]) {
        gdwsi_writer_add(&writer, "; server_max_window_bits=%d", terms->our_bits);
    }
    if (offer->has[CLIENT_BITS]) {
        gdwsi_writer_add(&writer, "; client_max_window_bits=%d", terms->their_bits);
    }
}

bool gdwsi_extension_choose(const char *offers, gdwsi_extension_terms *terms,
                            char answer[GDWSI_EXTENSION_ANSWER_MAX])
{
    extension offer;
    memset(terms, 0, sizeof(*terms));
    answer[0] = '\0';
    while (*offers != '\0') {
        if (!read_extension(&offers, &offer)) {
            return false;
        }
        /* A server's window without a size says nothing (section 7.1.2.1). */
        bool is_usable = offer.is_known && offer.has[SERVER_BITS] == (offer.bits[SERVER_BITS] != 0);
        if (is_usable && !terms->is_agreed) {
            agree(&offer, terms, answer);
        }
    }
    return true;
}

bool gdwsi_extension_accept(const char *chosen, gdwsi_extension_terms *terms)
{
    extension answer;
    memset(terms, 0, sizeof(*terms));
    if (!read_extension(&chosen, &answer) || *chosen != '\0' || !answer.is_known ||
        answer.has[SERVER_BITS] != (answer.bits[SERVER_BITS] != 0) ||
        answer.has[CLIENT_BITS] != (answer.bits[CLIENT_BITS] != 0)) {
        return false;
    }
    terms->is_agreed = true;
    terms->we_forget = answer.has[CLIENT_FORGETS];
    terms->they_forget = answer.has[SERVER_FORGETS];
    terms->our_bits = smaller(BITS_CHOSEN, answer.bits[CLIENT_BITS]);
    terms->their_bits = smaller(BITS_MAX, answer.bits[SERVER_BITS]);
    return true;
}
