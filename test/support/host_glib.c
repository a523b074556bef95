/* SPDX-License-Identifier: MIT */
/* A program on GLib. */
#include <stdlib.h>

#ifdef HAVE_GLIB

#include <check.h>

#include "gdws/adapters/glib.h"
#include "host.h"

typedef struct glib_host {
    GMainContext *context;
    GSource *source; /* the attached loop's */
    GSource *timer;
} glib_host;

static void begin(host *h)
{
    glib_host *g = calloc(1, sizeof(*g));
    ck_assert_ptr_nonnull(g);
    g->context = g_main_context_new();
    h->state = g;
}

static void attach(host *h)
{
    glib_host *g = h->state;
    g->source = gdws_glib_attach(g->context, h->loop);
    ck_assert_ptr_nonnull(g->source);
}

static void detach(host *h)
{
    glib_host *g = h->state;
    gdws_glib_detach(g->source);
    g->source = NULL;
}

static GSource *start(const glib_host *g, int delay_ms, GSourceFunc call, void *user)
{
    GSource *timer = g_timeout_source_new((guint)delay_ms);
    g_source_set_callback(timer, call, user, NULL);
    (void)g_source_attach(timer, g->context);
    return timer;
}

static void stop(GSource *timer)
{
    if (timer != NULL) {
        g_source_destroy(timer);
        g_source_unref(timer);
    }
}

static gboolean on_limit(gpointer user)
{
    (void)user;
    return G_SOURCE_REMOVE;
}

static gboolean on_timer(gpointer user)
{
    host_call_timer(user);
    return G_SOURCE_REMOVE;
}

static void turn(host *h, int timeout_ms)
{
    glib_host *g = h->state;
    GSource *limit = timeout_ms > 0 ? start(g, timeout_ms, on_limit, NULL) : NULL;
    (void)g_main_context_iteration(g->context, timeout_ms != 0);
    stop(limit);
}

static void after(host *h, int delay_ms)
{
    glib_host *g = h->state;
    stop(g->timer);
    g->timer = start(g, delay_ms, on_timer, h);
}

/* Clean is a context that would sleep for ever on nothing but its own wakeup. */
static bool end(host *h)
{
    glib_host *g = h->state;
    GPollFD descriptors[4];
    gint timeout_ms = 0;
    gint priority = 0;
    stop(g->timer);
    ck_assert(g_main_context_acquire(g->context));
    bool is_clean = !g_main_context_prepare(g->context, &priority) &&
                    g_main_context_query(g->context, priority, &timeout_ms, descriptors, 4) <= 1 &&
                    timeout_ms < 0;
    g_main_context_release(g->context);
    g_main_context_unref(g->context);
    free(g);
    return is_clean;
}

const host_kind host_glib = {.name = "glib",
                             .begin = begin,
                             .attach = attach,
                             .detach = detach,
                             .turn = turn,
                             .after = after,
                             .end = end};

#endif
