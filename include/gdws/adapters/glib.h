/* SPDX-License-Identifier: MIT */
/**
 * gdws in a GLib main loop (GTK's, too).
 *
 * The main loop polls the attached loop when there is something to do, and signals run inside it.
 * Detach before gdws_loop_free; both may be done in a signal. Since 0.1.
 */
#ifndef GDWS_ADAPTERS_GLIB_H
#define GDWS_ADAPTERS_GLIB_H

#include <glib.h>

#include "gdws/loop.h"

/* Private. */
typedef struct gdws_glib_source_ {
    GSource source;
    gdws_loop *loop;
} gdws_glib_source_;

static inline gboolean gdws_glib_prepare_(GSource *source, gint *timeout_ms)
{
    *timeout_ms = gdws_loop_get_timeout_ms(((gdws_glib_source_ *)source)->loop);
    return *timeout_ms == 0;
}

static inline gboolean gdws_glib_dispatch_(GSource *source, GSourceFunc callback, gpointer user)
{
    (void)callback;
    (void)user;
    (void)gdws_loop_poll(((gdws_glib_source_ *)source)->loop);
    return G_SOURCE_CONTINUE;
}

/**
 * Attach a loop.
 *
 * context: NULL for the default one.
 *
 * Returns the source, which only gdws_glib_detach takes back and whose priority may be changed;
 * NULL for a loop that is NULL. Since 0.1.
 */
static inline GSource *gdws_glib_attach(GMainContext *context, gdws_loop *loop)
{
    /* Without a check of our own GLib looks at the descriptor, and prepare says when it is time. */
    static GSourceFuncs functions = {
        gdws_glib_prepare_, NULL, gdws_glib_dispatch_, NULL, NULL, NULL};
    GSource *source;
    if (loop == NULL) {
        return NULL;
    }
    source = g_source_new(&functions, sizeof(gdws_glib_source_));
    ((gdws_glib_source_ *)source)->loop = loop;
    (void)g_source_add_unix_fd(source, gdws_loop_get_fd(loop), G_IO_IN);
    (void)g_source_attach(source, context);
    return source;
}

/**
 * Detach a loop, in the thread that runs its context. NULL is fine. Since 0.1.
 */
static inline void gdws_glib_detach(GSource *source)
{
    if (source != NULL) {
        g_source_destroy(source);
        g_source_unref(source);
    }
}

#endif
