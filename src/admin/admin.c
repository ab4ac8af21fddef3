/* SPDX-License-Identifier: Apache-2.0 */
/*
 * admin/admin.c - see admin.h: the thread, its loop, and HTTP to exchanges
 *
 * libevent is used by this thread only.  It has no limit of connections of its
 * own: we count the bufferevents that we gave to evhttp and stop accepting at
 * ADMIN_CONNECTIONS_MAX.
 */
#include "admin/admin.h"

#include <errno.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/http.h>
#include <event2/listener.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "admin/exchange.h"
#include "admin/socket.h"
#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/text.h"

#define SWEEP_MS 100

struct admin {
    struct node *node; /* borrowed */
    struct admin_socket socket;
    pthread_t thread;
    int stop_fd; /* eventfd: admin_free() asks the thread to end */
    /* The thread's own from here on. */
    struct event_base *base;
    struct evhttp *http;
    struct evconnlistener *listener; /* owned by http */
    struct event *stop_event;
    struct event *sweep_event;
    struct bufferevent *connections[ADMIN_CONNECTIONS_MAX]; /* a reference each */
    size_t n_connections;
    char *stop_author; /* owned; set while the answer to a stop is on its way */
};

/* ---- connections ---- */

/* evhttp takes its callbacks off a bufferevent when it frees it; then the last reference is ours.
 */
static bool is_over(struct bufferevent *b)
{
    bufferevent_event_cb on_event = NULL;

    bufferevent_getcb(b, NULL, NULL, &on_event, NULL);
    return on_event == NULL;
}

static void sweep(struct admin *a)
{
    size_t kept = 0;

    for (size_t i = 0; i < a->n_connections; i++) {
        if (is_over(a->connections[i]))
            bufferevent_decref(a->connections[i]);
        else
            a->connections[kept++] = a->connections[i];
    }
    a->n_connections = kept;
}

static void accept_later(struct admin *a)
{
    const struct timeval soon = {.tv_usec = SWEEP_MS * 1000};

    evconnlistener_disable(a->listener);
    check(event_add(a->sweep_event, &soon) == 0);
}

static void on_sweep(evutil_socket_t fd, short what, void *arg)
{
    struct admin *a = arg;

    (void)fd;
    (void)what;
    sweep(a);
    if (a->n_connections < ADMIN_CONNECTIONS_MAX)
        evconnlistener_enable(a->listener);
    else
        accept_later(a);
}

/* evhttp asks for a bufferevent for each connection it accepted. */
static struct bufferevent *on_connection(struct event_base *base, void *arg)
{
    struct admin *a = arg;
    struct bufferevent *b = bufferevent_socket_new(base, -1, BEV_OPT_CLOSE_ON_FREE);

    check(b != NULL);
    sweep(a);
    check(a->n_connections < ADMIN_CONNECTIONS_MAX);
    bufferevent_incref(b);
    a->connections[a->n_connections++] = b;
    if (a->n_connections == ADMIN_CONNECTIONS_MAX)
        accept_later(a);
    return b;
}

/* EMFILE and the like: the connection stays in the backlog; do not spin on it. */
static void on_accept_error(struct evconnlistener *l, void *arg)
{
    (void)l;
    log_warning("admin", "cannot accept a connection: %s", strerror(errno));
    accept_later(arg);
}

/* ---- requests ---- */

static enum exchange_method method_of(struct evhttp_request *req)
{
    int method = (int)evhttp_request_get_command(req);

    if (method == EVHTTP_REQ_GET)
        return EXCHANGE_GET;
    return method == EVHTTP_REQ_POST ? EXCHANGE_POST : EXCHANGE_OTHER;
}

/* Either the answer to a stop has left, or its connection broke: now the node may stop. */
static void stop_node(struct admin *a)
{
    char *author = a->stop_author;

    if (author == NULL)
        return;
    a->stop_author = NULL;
    node_stop(a->node, author);
    free(author);
}

static void on_answered(struct evhttp_request *req, void *arg)
{
    (void)req;
    stop_node(arg);
}

static void on_broken(struct evhttp_connection *connection, void *arg)
{
    (void)connection;
    stop_node(arg);
}

static void stop_after_answer(struct admin *a, struct evhttp_request *req, const char *author)
{
    if (a->stop_author != NULL)
        return;
    a->stop_author = text_dup(author);
    evhttp_request_set_on_complete_cb(req, on_answered, a);
    evhttp_connection_set_closecb(evhttp_request_get_connection(req), on_broken, a);
}

static void send_answer(struct evhttp_request *req, struct exchange *x)
{
    struct evkeyvalq *headers = evhttp_request_get_output_headers(req);
    struct evbuffer *out = evbuffer_new();
    char *text = NULL;

    check(out != NULL);
    if (x->reply != NULL) {
        text = json_dumps(x->reply, JSON_COMPACT);
        check(text != NULL);
        check(evbuffer_add_printf(out, "%s\n", text) >= 0);
        evhttp_add_header(headers, "Content-Type", "application/json");
    } else {
        check(evbuffer_add(out, x->text.at, x->text.len) == 0);
        evhttp_add_header(headers, "Content-Type", "text/plain; version=0.0.4; charset=utf-8");
    }
    if (x->status == 405)
        evhttp_add_header(headers, "Allow", x->allows);
    if (x->stops)
        evhttp_add_header(headers, ADMIN_STOPS_HEADER, "yes");
    evhttp_add_header(headers, "Cache-Control", "no-store");
    evhttp_send_reply(req, x->status, NULL, out);
    evbuffer_free(out);
    free(text);
}

/* A call, such as a backup, may take longer than a connection may be idle, and the loop's clock has
 * stood still meanwhile: without this the answer would find its connection closed. */
static void call_was_no_idling(struct admin *a, struct evhttp_connection *connection)
{
    check(event_base_update_cache_time(a->base) == 0);
    evhttp_connection_set_timeout(connection, ADMIN_IDLE_S_MAX);
}

static void on_request(struct evhttp_request *req, void *arg)
{
    struct admin *a = arg;
    const struct evhttp_uri *uri = evhttp_request_get_evhttp_uri(req);
    const char *path = evhttp_uri_get_path(uri);
    char author[EXCHANGE_AUTHOR_MAX];
    struct exchange x = {.node = a->node, .method = method_of(req), .author = author};
    struct evhttp_connection *connection = evhttp_request_get_connection(req);
    struct bufferevent *b = evhttp_connection_get_bufferevent(connection);
    struct evbuffer *in = evhttp_request_get_input_buffer(req);

    admin_peer_author(bufferevent_getfd(b), author, sizeof(author));
    exchange_read_query(&x, evhttp_uri_get_query(uri));
    exchange_read_body(&x, bytes_of(evbuffer_pullup(in, -1), evbuffer_get_length(in)));
    if (x.status == 0)
        routes_dispatch(&x, path != NULL && path[0] != '\0' ? path : "/");
    call_was_no_idling(a, connection);
    if (x.method != EXCHANGE_GET)
        log_info("admin", "%s: %s: %d", author, evhttp_request_get_uri(req), x.status);
    if (x.stops)
        stop_after_answer(a, req, author);
    send_answer(req, &x);
    exchange_done(&x);
}

/* ---- the thread ---- */

static void on_stop(evutil_socket_t fd, short what, void *arg)
{
    struct admin *a = arg;

    (void)fd;
    (void)what;
    event_base_loopbreak(a->base);
}

static void on_libevent_log(int severity, const char *text)
{
    if (severity >= EVENT_LOG_WARN)
        log_warning("admin", "libevent: %s", text);
}

static void *run(void *arg)
{
    struct admin *a = arg;

    node_confine_admin(a->node);
    check(event_base_dispatch(a->base) == 0);
    return NULL;
}

/* All methods reach on_request(), which answers 405 in our own words. */
static void set_limits(struct evhttp *http)
{
    evhttp_set_allowed_methods(http, EVHTTP_REQ_GET | EVHTTP_REQ_POST | EVHTTP_REQ_HEAD |
                                         EVHTTP_REQ_PUT | EVHTTP_REQ_DELETE | EVHTTP_REQ_OPTIONS |
                                         EVHTTP_REQ_PATCH);
    evhttp_set_max_headers_size(http, ADMIN_HEADER_BYTES_MAX);
    evhttp_set_max_body_size(http, ADMIN_BODY_BYTES_MAX);
    evhttp_set_timeout(http, ADMIN_IDLE_S_MAX);
    evhttp_set_default_content_type(http, NULL);
}

/* Memory cannot fail; descriptors can. */
static bool open_loop(struct admin *a)
{
    a->stop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (a->stop_fd < 0)
        return false;
    a->base = event_base_new();
    if (a->base == NULL)
        close(a->stop_fd);
    return a->base != NULL;
}

static void set_up(struct admin *a)
{
    a->http = evhttp_new(a->base);
    a->listener = evconnlistener_new(
        a->base, NULL, NULL, LEV_OPT_CLOSE_ON_FREE | LEV_OPT_CLOSE_ON_EXEC, 0, a->socket.fd);
    a->stop_event = event_new(a->base, a->stop_fd, EV_READ, on_stop, a);
    a->sweep_event = event_new(a->base, -1, 0, on_sweep, a);
    check(a->http != NULL && a->listener != NULL);
    check(a->stop_event != NULL && a->sweep_event != NULL);
    set_limits(a->http);
    evhttp_set_bevcb(a->http, on_connection, a);
    evhttp_set_gencb(a->http, on_request, a);
    check(evhttp_bind_listener(a->http, a->listener) != NULL);
    evconnlistener_set_error_cb(a->listener, on_accept_error);
    check(event_add(a->stop_event, NULL) == 0);
}

/* Signals are the main thread's. */
static int start_thread(struct admin *a)
{
    sigset_t all;
    sigset_t before;
    int err;

    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    err = pthread_create(&a->thread, NULL, run, a);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return err;
}

static void tear_down(struct admin *a)
{
    event_free(a->stop_event);
    event_free(a->sweep_event);
    evhttp_free(a->http);
    sweep(a);
    check(a->n_connections == 0);
    event_base_free(a->base);
    close(a->stop_fd);
}

static struct admin *give_up(struct admin *a, char **ret_error, const char *what)
{
    (void)text_fail(ret_error, "admin: cannot start: %s", what);
    admin_socket_remove(&a->socket);
    free(a);
    return NULL;
}

/**
 * admin_new() - listen at @socket_path and answer from a thread of its own
 * @n:          borrowed; its control-plane calls are made by that thread
 * @ret_error:  what is wrong and what to do; owned by the caller
 *
 * The process must ignore SIGPIPE.
 *
 * Return: NULL on failure.
 */
struct admin *admin_new(struct node *n, const char *socket_path, char **ret_error)
{
    struct admin *a = mem_new(struct admin);
    int err;

    a->node = n;
    if (!admin_socket_open(&a->socket, socket_path, ret_error)) {
        free(a);
        return NULL;
    }
    event_set_log_callback(on_libevent_log);
    if (!open_loop(a)) {
        err = errno;
        close(a->socket.fd);
        return give_up(a, ret_error, strerror(err));
    }
    set_up(a);
    err = start_thread(a);
    if (err == 0)
        return a;
    tear_down(a);
    return give_up(a, ret_error, strerror(err));
}

/** admin_free() - end the thread after the call it is in, close all; Return: NULL */
struct admin *admin_free(struct admin *a)
{
    const uint64_t one = 1;

    if (a == NULL)
        return NULL;
    check(write(a->stop_fd, &one, sizeof(one)) == (ssize_t)sizeof(one));
    check(pthread_join(a->thread, NULL) == 0);
    tear_down(a);
    admin_socket_remove(&a->socket);
    free(a->stop_author);
    free(a);
    return NULL;
}
