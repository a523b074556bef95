/* SPDX-License-Identifier: MIT */
/* Loops on a libuv loop of the program's. The loop keeps a libuv loop of its own inside, and the
 * adapter attaches that to the program's: libwebsockets could not be taken down otherwise without
 * running the program's loop, which may be what we are called from, and poll would run the
 * program's callbacks. The price is a second epoll_wait(2) for each time that it is woken. */
#include <uv.h>

#include "gdws/adapters/libuv.h"
#include "log.h"
#include "loop.h"
#include "mem.h"

static void free_adapter(gdws_libuv *adapter)
{
    gdwsi_mem_free(adapter);
}

static void leave_host(gdws_loop *loop)
{
    gdws_libuv_detach(loop->host, free_adapter);
    loop->host = NULL;
}

gdws_loop *gdws_loop_new_on_uv(struct uv_loop_s *host)
{
    if (host == NULL) {
        return NULL;
    }
    gdws_loop *loop = gdws_loop_new();
    if (loop == NULL) {
        return NULL;
    }
    gdws_libuv *adapter = gdwsi_mem_calloc(1, sizeof(*adapter));
    if (adapter == NULL || gdws_libuv_attach(adapter, host, loop) != GDWS_OK) {
        gdwsi_log_write(GDWS_LOG_ERROR, "a loop cannot be attached to a libuv loop");
        gdwsi_mem_free(adapter);
        gdws_loop_free(loop);
        return NULL;
    }
    loop->host = adapter;
    loop->leave_host = leave_host;
    return loop;
}
