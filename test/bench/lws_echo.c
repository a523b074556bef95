/* SPDX-License-Identifier: MIT */
/* The echo server of the benchmark, with libwebsockets as its minimal examples use it: its default
 * event loop, a queue for each connection, a writable callback and one lws_write for each message.
 * Usage: lws_echo [broadcast] [tls KEY CERTIFICATE] */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sys/resource.h>

#include <libwebsockets.h>

/* A message, shared by all that are to send it. */
typedef struct message {
    size_t references;
    size_t length;
    size_t capacity;
    uint8_t bytes[]; /* LWS_PRE before the payload */
} message;

typedef struct entry {
    struct entry *next;
    message *what;
} entry;

typedef struct session {
    struct session *next;
    struct lws *wsi;
    entry *first;
    entry **last;
    message *arriving;
} session;

static bool is_broadcast;
static session *sessions;

static void release(message *what)
{
    what->references--;
    if (what->references == 0) {
        free(what);
    }
}

static void append(session *to, message *what)
{
    entry *item = malloc(sizeof(*item));
    if (item == NULL) {
        exit(1);
    }
    item->next = NULL;
    item->what = what;
    what->references++;
    *to->last = item;
    to->last = &item->next;
    lws_callback_on_writable(to->wsi);
}

static void receive(session *from, const void *bytes, size_t length)
{
    message *what = from->arriving;
    size_t had = what != NULL ? what->length : 0;
    size_t whole = had + length + lws_remaining_packet_payload(from->wsi);
    if (what == NULL || whole > what->capacity) {
        what = realloc(what, sizeof(*what) + LWS_PRE + whole);
        if (what == NULL) {
            exit(1);
        }
        what->references = 1;
        what->capacity = whole;
        from->arriving = what;
    }
    memcpy(what->bytes + LWS_PRE + had, bytes, length);
    what->length = had + length;
    if (!lws_is_final_fragment(from->wsi)) {
        return;
    }
    from->arriving = NULL;
    if (is_broadcast) {
        for (session *each = sessions; each != NULL; each = each->next) {
            append(each, what);
        }
    } else {
        append(from, what);
    }
    release(what);
}

static int write_next(session *to)
{
    entry *item = to->first;
    if (item == NULL) {
        return 0;
    }
    int sent =
        lws_write(to->wsi, item->what->bytes + LWS_PRE, item->what->length, LWS_WRITE_BINARY);
    bool is_sent = sent >= (int)item->what->length;
    to->first = item->next;
    if (to->first == NULL) {
        to->last = &to->first;
    } else {
        lws_callback_on_writable(to->wsi);
    }
    release(item->what);
    free(item);
    return is_sent ? 0 : -1;
}

static void forget(session *gone)
{
    session **place = &sessions;
    while (*place != gone) {
        place = &(*place)->next;
    }
    *place = gone->next;
    while (gone->first != NULL) {
        entry *item = gone->first;
        gone->first = item->next;
        release(item->what);
        free(item);
    }
    free(gone->arriving);
}

static int on_event(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in,
                    size_t length)
{
    session *own = user;
    switch (reason) {
    case LWS_CALLBACK_ESTABLISHED:
        own->wsi = wsi;
        own->last = &own->first;
        own->next = sessions;
        sessions = own;
        break;
    case LWS_CALLBACK_RECEIVE:
        receive(own, in, length);
        break;
    case LWS_CALLBACK_SERVER_WRITEABLE:
        return write_next(own);
    case LWS_CALLBACK_CLOSED:
        forget(own);
        break;
    default:
        break;
    }
    return 0;
}

int main(int argc, char **argv)
{
    static const struct lws_protocols protocols[] = {
        {"echo", on_event, sizeof(session), 65536, 0, NULL, 1u << 20},
        {NULL, NULL, 0, 0, 0, NULL, 0}};
    struct lws_context_creation_info info;
    struct rlimit limit;
    (void)getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max;
    (void)setrlimit(RLIMIT_NOFILE, &limit);
    memset(&info, 0, sizeof(info));
    lws_set_log_level(LLL_ERR, NULL);
    info.iface = "127.0.0.1";
    info.options = LWS_SERVER_OPTION_DISABLE_IPV6 | LWS_SERVER_OPTION_EXPLICIT_VHOSTS;
    info.protocols = protocols;
    info.vhost_name = "echo";
    info.pt_serv_buf_size = 65536 + 4096;
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "broadcast") == 0) {
            is_broadcast = true;
        } else if (strcmp(argv[i], "tls") == 0 && i + 2 < argc) {
            info.options |= LWS_SERVER_OPTION_DO_SSL_GLOBAL_INIT;
            info.ssl_private_key_filepath = argv[i + 1];
            info.ssl_cert_filepath = argv[i + 2];
        }
    }
    struct lws_context *context = lws_create_context(&info);
    struct lws_vhost *vhost = context != NULL ? lws_create_vhost(context, &info) : NULL;
    if (vhost == NULL) {
        return 1;
    }
    (void)printf("listening on %d\n", lws_get_vhost_listen_port(vhost));
    (void)fflush(stdout);
    while (lws_service(context, 0) >= 0) {
    }
    return 0;
}
