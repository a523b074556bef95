/* SPDX-License-Identifier: MIT */
/* An uv_walk that counts: this one stands before libuv's in the test programs. A walk is over all
 * handles of a loop, so what each connection does may not need one. */
#include <dlfcn.h>
#include <stdatomic.h>
#include <string.h>

#include <uv.h>

#include "world.h"

typedef void (*walker)(uv_loop_t *, uv_walk_cb, void *);

static atomic_int walks;

int world_walks(void)
{
    return atomic_load(&walks);
}

__attribute__((visibility("default"))) void uv_walk(uv_loop_t *loop, uv_walk_cb callback,
                                                    void *user)
{
    walker real = NULL;
    void *symbol = dlsym(RTLD_NEXT, "uv_walk");
    memcpy(&real, &symbol, sizeof(real));
    (void)atomic_fetch_add(&walks, 1);
    real(loop, callback, user);
}
