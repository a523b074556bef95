/* SPDX-License-Identifier: MIT */
/* Names and texts of errors, from the one table in the public header, and the version. */
#include "gdws/error.h"

const char *gdws_error_name(gdws_error error)
{
    switch (error) {
#define ERROR_NAME(name, number, text)                                                             \
    case GDWS_##name:                                                                              \
        return #name;
        GDWS_ERROR_MAP(ERROR_NAME)
#undef ERROR_NAME
    default:
        return "UNKNOWN";
    }
}

const char *gdws_error_text(gdws_error error)
{
    switch (error) {
#define ERROR_TEXT(name, number, text)                                                             \
    case GDWS_##name:                                                                              \
        return text;
        GDWS_ERROR_MAP(ERROR_TEXT)
#undef ERROR_TEXT
    default:
        return "unknown error";
    }
}

const char *gdws_version(void)
{
    return GDWS_VERSION;
}
