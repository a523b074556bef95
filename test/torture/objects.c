/* SPDX-License-Identifier: MIT */
/* See objects.h. The linker puts the __wrap_ functions in the place of the library's, for calls
 * from inside of the library, too: so what a multiplayer or an inspector owns is known as well, and
 * is forgotten when its owner frees it. */
#include "objects.h"

#include <pthread.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "context.h"
#include "gdws/gdws.h"
#include "gdws/inspector.h"
#include "gdws/lws.h"
#include "gdws/multiplayer.h"
#include "gdws/variant.h"
#include "loop.h"

/* In the order in which they must go. */
typedef enum object_kind { INSPECTOR, MULTIPLAYER, CLIENT, SERVER, LOOP, KINDS } object_kind;

typedef struct object {
    struct object *next;
    void *pointer;
    object_kind kind;
} object;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static object *objects;
static bool has_threads;
static bool has_vhosts;
static bool has_values;

static void *add(void *pointer, object_kind kind)
{
    object *one = pointer != NULL ? malloc(sizeof(*one)) : NULL;
    if (one != NULL) {
        (void)pthread_mutex_lock(&lock);
        *one = (object){objects, pointer, kind};
        objects = one;
        (void)pthread_mutex_unlock(&lock);
    }
    return pointer;
}

static void forget(void *pointer)
{
    (void)pthread_mutex_lock(&lock);
    object **link = &objects;
    while (*link != NULL && (*link)->pointer != pointer) {
        link = &(*link)->next;
    }
    object *one = *link;
    if (one != NULL) {
        *link = one->next;
    }
    (void)pthread_mutex_unlock(&lock);
    free(one);
}

static void *find(object_kind kind)
{
    object *one = objects;
    while (one != NULL && one->kind != kind) {
        one = one->next;
    }
    return one != NULL ? one->pointer : NULL;
}

bool objects_can_go(void)
{
    for (const object *one = objects; one != NULL; one = one->next) {
        const gdws_loop *loop = one->kind == LOOP ? one->pointer : NULL;
        if (loop != NULL && (loop->is_polling || loop->host != NULL)) {
            return false;
        }
    }
    return !has_threads && !has_vhosts && !has_values;
}

static void go(object_kind kind, void *pointer)
{
    switch (kind) {
    case INSPECTOR:
        gdws_inspector_free(pointer);
        break;
    case MULTIPLAYER:
        gdws_multiplayer_free(pointer);
        break;
    case CLIENT:
        gdws_client_free(pointer);
        break;
    case SERVER:
        gdws_server_free(pointer);
        break;
    default:
        gdws_loop_free(pointer);
        break;
    }
}

void objects_free(void)
{
    for (object_kind kind = INSPECTOR; kind < KINDS; kind++) {
        void *pointer = find(kind);
        while (pointer != NULL) {
            go(kind, pointer);
            forget(pointer);
            pointer = find(kind);
        }
    }
}

/* What the linker puts in place of the library's. */

gdws_client *__real_gdws_client_new(gdws_loop *loop);
gdws_client *__wrap_gdws_client_new(gdws_loop *loop);
void __real_gdws_client_free(gdws_client *client);
void __wrap_gdws_client_free(gdws_client *client);
gdws_server *__real_gdws_server_new(gdws_loop *loop);
gdws_server *__wrap_gdws_server_new(gdws_loop *loop);
void __real_gdws_server_free(gdws_server *server);
void __wrap_gdws_server_free(gdws_server *server);
gdws_multiplayer *__real_gdws_multiplayer_new(gdws_loop *loop);
gdws_multiplayer *__wrap_gdws_multiplayer_new(gdws_loop *loop);
void __real_gdws_multiplayer_free(gdws_multiplayer *multiplayer);
void __wrap_gdws_multiplayer_free(gdws_multiplayer *multiplayer);
gdws_inspector *__real_gdws_inspector_new(gdws_loop *loop, const char *address, uint16_t port);
gdws_inspector *__wrap_gdws_inspector_new(gdws_loop *loop, const char *address, uint16_t port);
void __real_gdws_inspector_free(gdws_inspector *inspector);
void __wrap_gdws_inspector_free(gdws_inspector *inspector);
struct lws_context *__real_gdwsi_context_new(uv_loop_t *uv, size_t read_bytes, int **pipe,
                                             int *descriptors);
struct lws_context *__wrap_gdwsi_context_new(uv_loop_t *uv, size_t read_bytes, int **pipe,
                                             int *descriptors);
void __real_gdwsi_context_destroy(struct lws_context *context, int **pipe);
void __wrap_gdwsi_context_destroy(struct lws_context *context, int **pipe);
gdws_error __real_gdws_server_init_lws_protocol(gdws_server *server, const char *name,
                                                struct lws_protocols *protocol);
gdws_error __wrap_gdws_server_init_lws_protocol(gdws_server *server, const char *name,
                                                struct lws_protocols *protocol);
gdws_variant *__real_gdws_variant_new(gdws_variant_type type);
gdws_variant *__wrap_gdws_variant_new(gdws_variant_type type);
int __real_pthread_create(pthread_t *thread, const pthread_attr_t *attributes,
                          void *(*start)(void *user), void *user);
int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attributes,
                          void *(*start)(void *user), void *user);

gdws_client *__wrap_gdws_client_new(gdws_loop *loop)
{
    return add(__real_gdws_client_new(loop), CLIENT);
}

void __wrap_gdws_client_free(gdws_client *client)
{
    forget(client);
    __real_gdws_client_free(client);
}

gdws_server *__wrap_gdws_server_new(gdws_loop *loop)
{
    return add(__real_gdws_server_new(loop), SERVER);
}

void __wrap_gdws_server_free(gdws_server *server)
{
    forget(server);
    __real_gdws_server_free(server);
}

gdws_multiplayer *__wrap_gdws_multiplayer_new(gdws_loop *loop)
{
    return add(__real_gdws_multiplayer_new(loop), MULTIPLAYER);
}

void __wrap_gdws_multiplayer_free(gdws_multiplayer *multiplayer)
{
    forget(multiplayer);
    __real_gdws_multiplayer_free(multiplayer);
}

gdws_inspector *__wrap_gdws_inspector_new(gdws_loop *loop, const char *address, uint16_t port)
{
    return add(__real_gdws_inspector_new(loop, address, port), INSPECTOR);
}

void __wrap_gdws_inspector_free(gdws_inspector *inspector)
{
    forget(inspector);
    __real_gdws_inspector_free(inspector);
}

/* gdws_loop_new is wrapped already (test/support/host.c). Its context is the last that it makes,
 * and the uv loop the first that is in it. */
struct lws_context *__wrap_gdwsi_context_new(uv_loop_t *uv, size_t read_bytes, int **pipe,
                                             int *descriptors)
{
    struct lws_context *context = __real_gdwsi_context_new(uv, read_bytes, pipe, descriptors);
    if (context != NULL) {
        (void)add((gdws_loop *)(void *)uv, LOOP);
    }
    return context;
}

void __wrap_gdwsi_context_destroy(struct lws_context *context, int **pipe)
{
    gdws_loop *loop = (gdws_loop *)(void *)((char *)pipe - offsetof(gdws_loop, pipe));
    forget(loop);
    __real_gdwsi_context_destroy(context, pipe);
}

gdws_error __wrap_gdws_server_init_lws_protocol(gdws_server *server, const char *name,
                                                struct lws_protocols *protocol)
{
    has_vhosts = true;
    return __real_gdws_server_init_lws_protocol(server, name, protocol);
}

/* Values are given away item by item: who has one is not followed. */
gdws_variant *__wrap_gdws_variant_new(gdws_variant_type type)
{
    has_values = true;
    return __real_gdws_variant_new(type);
}

int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attributes,
                          void *(*start)(void *user), void *user)
{
    has_threads = true;
    return __real_pthread_create(thread, attributes, start, user);
}
