/* SPDX-License-Identifier: MIT */
/* Any text as a URL, a header, a subprotocol, an origin and a handshake request: no crash, no leak,
 * and what is accepted is in order. */
#include <stdlib.h>
#include <string.h>

#include "admission.h"
#include "answer.h"
#include "config.h"
#include "mem.h"
#include "url.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(int condition)
{
    if (!condition) {
        abort();
    }
}

static void try_url(const char *text)
{
    gdwsi_url url;
    gdwsi_url again;
    const char *reason = NULL;
    if (gdwsi_url_parse(&url, text, &reason) != GDWS_OK) {
        require(reason != NULL && url.host == NULL);
        return;
    }
    require(url.path[0] == '/' && url.port != 0 && strpbrk(url.text, " \r\n#") == NULL);
    /* A normalized URL is a URL, and stays what it is, unless it has grown too long. */
    if (strlen(url.text) <= 2000) {
        require(gdwsi_url_parse(&again, url.text, &reason) == GDWS_OK);
        require(strcmp(again.text, url.text) == 0 && again.port == url.port);
        gdwsi_url_clear(&again);
    }
    gdwsi_url_clear(&url);
}

static void try_config(const char *text)
{
    gdwsi_config config;
    char protocol[GDWSI_ADMISSION_PROTOCOL_MAX + 1];
    char answer[GDWSI_ANSWER_MAX];
    gdwsi_request request = {.version = "13",
                             .key = "dGhlIHNhbXBsZSBub25jZQ==",
                             .origin = text,
                             .protocols = text,
                             .is_upgrade = true};
    gdwsi_config_init_server(&config);
    if (gdwsi_config_set_headers(&config, &text, 1) == GDWS_OK) {
        require(strpbrk(config.headers.items[0], "\r\n") == NULL);
    }
    (void)gdwsi_config_set_protocols(&config, &text, 1);
    (void)gdwsi_config_set_origins(&config, &text, 1);
    int status = gdwsi_admission_decide(&config, &request, protocol);
    if (status != 0) {
        require(gdwsi_answer_write_refusal(&config, status, NULL, text, answer) > 0);
    }
    gdwsi_config_clear(&config);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = gdwsi_mem_copy_text((const char *)data, size);
    try_url(text);
    try_config(text);
    gdwsi_mem_free(text);
    require(gdwsi_mem_live() == 0);
    return 0;
}
