/* SPDX-License-Identifier: Apache-2.0 */
/*
 * node/listener_tls.c - the TLS contexts of the listeners
 *
 * One a listener, NULL where it is plain TCP.  Workers hold references; which context a listener
 * has changes by a reload, connections that stand keep theirs.
 *
 * MQ.PR.DS-02
 */
#include "node/listener_tls.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/mem.h"

static enum tls_client_certificate client_certificate_of(const struct config_listener *l)
{
    switch (l->client_certificate) {
    case CONFIG_CLIENT_CERTIFICATE_NONE:
        return TLS_CLIENT_CERTIFICATE_NONE;
    case CONFIG_CLIENT_CERTIFICATE_OPTIONAL:
        return TLS_CLIENT_CERTIFICATE_OPTIONAL;
    case CONFIG_CLIENT_CERTIFICATE_REQUIRED:
        return TLS_CLIENT_CERTIFICATE_REQUIRED;
    }
    return TLS_CLIENT_CERTIFICATE_REQUIRED;
}

/** node_tls_of() - see node.h */
struct tls_context *node_tls_of(const struct config_listener *l, char **ret_error)
{
    const struct tls_settings s = {
        .certificate = l->certificate,
        .key = l->key,
        .client_ca = l->client_ca,
        .crl = l->crl,
        .client_certificate = client_certificate_of(l),
        .version_min = l->tls_version_min,
        .in_websocket = l->websocket,
    };

    return tls_context_new(&s, ret_error);
}

static struct tls_context **contexts_new(size_t n)
{
    return mem_zero(MAX(n, (size_t)1) * sizeof(struct tls_context *));
}

/** listener_tls_free() - for @n listeners; NULL is fine */
void listener_tls_free(struct tls_context **tls, size_t n)
{
    for (size_t i = 0; tls != NULL && i < n; i++)
        tls_context_unref(tls[i]);
    free(tls);
}

/* A line on what is out of date or soon will be: @said.  What is takes the place of nothing that
 * is not: false. */
static bool may_follow(const struct config_listener *l, enum certificate_date date,
                       enum certificate_date before, const struct buf *said, struct buf *text)
{
    if (date != CERTIFICATE_IN_DATE)
        buf_addf(text, "listener \"%s\": %.*s\n", l->name, BYTES_ARG(buf_view(said)));
    if (date != CERTIFICATE_OUT_OF_DATE || before == CERTIFICATE_OUT_OF_DATE)
        return true;
    buf_addf(text, "what is in force there is not out of date, and stays\n");
    return false;
}

/* May certificate and revocation lists, from the files of @l, come into force at the @i-th? */
static bool look_at_dates(const struct node *n, size_t i, const struct config_listener *l,
                          const struct tls_context *tls, struct buf *text)
{
    uint64_t now = clock_unix_ms();
    CLEANUP(buf_done) struct buf certificate = {0};
    CLEANUP(buf_done) struct buf crl = {0};
    struct certificate_span shown = shared_span_get(&n->certificate_spans[i]);
    struct certificate_span looked_up = shared_span_get(&n->crl_spans[i]);

    return may_follow(l, certificate_date(tls_context_span(tls), now, &certificate),
                      certificate_date(shown, now, NULL), &certificate, text) &&
           may_follow(l, crl_date(tls_context_crl_span(tls), l->crl, now, &crl),
                      crl_date(looked_up, NULL, now, NULL), &crl, text);
}

/**
 * listener_tls_new() - one context a listener
 *
 * Return: NULL with @ret_error, owned by the caller, when one cannot be made.
 */
struct tls_context **listener_tls_new(const struct config *c, char **ret_error)
{
    struct tls_context **tls = contexts_new(c->n_listeners);

    for (size_t i = 0; i < c->n_listeners; i++) {
        if (!c->listeners[i].has_tls)
            continue;
        tls[i] = node_tls_of(&c->listeners[i], ret_error);
        if (tls[i] == NULL) {
            listener_tls_free(tls, i);
            return NULL;
        }
    }
    return tls;
}

static const struct config_listener *same_listener(const struct config *c,
                                                   const struct config_listener *l)
{
    for (size_t i = 0; i < c->n_listeners; i++) {
        if (config_listener_is_same(&c->listeners[i], l))
            return &c->listeners[i];
    }
    return NULL;
}

static bool is_named(const struct config *c, const char *name)
{
    for (size_t i = 0; i < c->n_listeners; i++) {
        if (strcmp(c->listeners[i].name, name) == 0)
            return true;
    }
    return false;
}

/**
 * listener_tls_anew() - contexts for the listeners that stay as they are but for certificates, CA
 * and CRL
 * @c:        what they are to be now
 * @text:     gets what takes a restart and what is wrong, a line each
 * @ret_all:  false: one could not be made, or is out of date and the one before is not; those
 *            behind it were not tried
 *
 * Return: by listener that was started; NULL: that one stays as it is.
 */
struct tls_context **listener_tls_anew(const struct node *n, const struct config *c,
                                       struct buf *text, bool *ret_all)
{
    const struct config *started = n->started;
    struct tls_context **tls = contexts_new(started->n_listeners);

    *ret_all = true;
    for (size_t i = 0; i < started->n_listeners && *ret_all; i++) {
        const struct config_listener *l = same_listener(c, &started->listeners[i]);
        char *error = NULL;

        if (l == NULL) {
            buf_addf(text, "listener \"%s\" %s: takes a restart\n", started->listeners[i].name,
                     is_named(c, started->listeners[i].name) ? "has changed" : "is gone");
            continue;
        }
        if (!l->has_tls)
            continue;
        tls[i] = node_tls_of(l, &error);
        if (tls[i] == NULL) {
            buf_addf(text, "%s\n", error);
            free(error);
            *ret_all = false;
        } else if (!look_at_dates(n, i, l, tls[i], text)) {
            tls[i] = tls_context_unref(tls[i]);
            *ret_all = false;
        }
    }
    if (*ret_all && c->n_listeners > started->n_listeners)
        buf_addf(text, "new listeners take a restart\n");
    return tls;
}
