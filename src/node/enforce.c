/* SPDX-License-Identifier: Apache-2.0 */
/*
 * node/enforce.c - commands of the control plane that reach network connections
 *
 * A changed ban list goes to every worker as a new immutable table, and whom it hits
 * is disconnected there; when the call returns, it is in force.
 *
 * MQ.PR.SP-04 MQ.RS.RP-03
 */
#include <stdlib.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/mem.h"
#include "node/node_private.h"
#include "node/sentinel.h"

static void ban_copy(struct ban *to, const struct respond_ban *b)
{
    to->kind = (enum ban_kind)b->kind; /* respond keeps protect's order */
    to->subject = bytes_dup_str(bytes_str(b->subject));
    to->address = b->address != NULL ? bytes_dup_str(bytes_str(b->address)) : NULL;
    to->created_unix_ms = b->created_unix_ms;
    to->expires_unix_ms = b->expires_unix_ms;
    to->reason = bytes_dup_str(bytes_str(b->reason));
    to->author = bytes_dup_str(bytes_str(b->author));
}

static void ban_done(struct ban *b)
{
    free(b->subject);
    free(b->address);
    free(b->reason);
    free(b->author);
}

static bool same(const struct ban *a, const struct respond_ban *b)
{
    return a->kind == (enum ban_kind)b->kind && strcmp(a->subject, b->subject) == 0 &&
           bytes_equal(bytes_str(a->address), bytes_str(b->address));
}

static void forget(struct sentinel *s, const struct respond_ban *b)
{
    for (size_t i = 0; i < s->n_bans; i++) {
        if (!same(&s->bans[i], b))
            continue;
        ban_done(&s->bans[i]);
        s->bans[i] = s->bans[--s->n_bans];
        return;
    }
}

static void remember(void *arg, const struct respond_ban *b)
{
    struct sentinel *s = arg;

    forget(s, b);
    s->bans = mem_resize(s->bans, (s->n_bans + 1) * sizeof(*s->bans));
    ban_copy(&s->bans[s->n_bans++], b);
}

/* ---- on the workers ---- */

struct enforce {
    struct ban_table *table;
    unsigned n_closed;
};

static bool hits(const struct ban_table *t, const struct link *l)
{
    const struct gate_subject who = {
        .client_id = bytes_str(l->client_id),
        .address = bytes_str(l->address),
    };
    struct bytes principal = l->grant != NULL ? bytes_str(grant_principal(l->grant)) : BYTES_NONE;

    return ban_table_find(t, &who, principal, clock_unix_ms()) != NULL;
}

static void enforce(struct worker *w, void *arg)
{
    struct enforce *e = arg;

    ban_table_unref(w->bans);
    w->bans = ban_table_ref(e->table);
    list_each (it, &w->links) {
        struct link *l = list_item(it, struct link, in_worker);

        if (l->phase == LINK_LINGERING || !hits(w->bans, l))
            continue;
        link_close(l, REASON_ADMINISTRATIVE_ACTION, "banned");
        e->n_closed++;
    }
}

static unsigned distribute(struct sentinel *s)
{
    struct enforce e = {.table = ban_table_new(s->bans, s->n_bans)};

    for (unsigned i = 0; i < s->node->n_workers; i++)
        node_call_worker(s->node, i, enforce, &e);
    ban_table_unref(e.table);
    return e.n_closed;
}

/** enforce_load() - give the workers, not yet started, the bans of earlier runs */
void enforce_load(struct sentinel *s)
{
    struct ban_table *t;

    respond_bans_each(s->respond, remember, s);
    t = ban_table_new(s->bans, s->n_bans);
    for (unsigned i = 0; i < s->node->n_workers; i++)
        s->node->workers[i]->bans = ban_table_ref(t);
    ban_table_unref(t);
}

/** enforce_done() - free the list */
void enforce_done(struct sentinel *s)
{
    for (size_t i = 0; i < s->n_bans; i++)
        ban_done(&s->bans[i]);
    free(s->bans);
}

/** enforce_add() - in force on every worker on return; Return: how many connections were closed. */
unsigned enforce_add(struct sentinel *s, const struct respond_ban *b)
{
    remember(s, b);
    return distribute(s);
}

/** enforce_remove() - lifted on every worker on return */
void enforce_remove(struct sentinel *s, const struct respond_ban *b)
{
    forget(s, b);
    distribute(s);
}

/* ---- disconnect ---- */

struct disconnect {
    enum subject_kind kind;
    uint64_t number; /* 0: by kind and subject */
    struct bytes subject;
    const char *reason;
    unsigned n_closed;
};

static bool is_meant(const struct disconnect *d, const struct link *l)
{
    if (d->number != 0)
        return l->number == d->number;
    switch (d->kind) {
    case SUBJECT_ADDRESS:
        return bytes_equal(bytes_str(l->address), d->subject);
    case SUBJECT_CLIENT:
        return bytes_equal(bytes_str(l->client_id), d->subject);
    case SUBJECT_USER:
        return l->grant != NULL && bytes_equal(bytes_str(grant_principal(l->grant)), d->subject);
    case SUBJECT_FLEET:
    case SUBJECT_KIND_N:
        break;
    }
    return false;
}

static void disconnect(struct worker *w, void *arg)
{
    struct disconnect *d = arg;

    list_each (it, &w->links) {
        struct link *l = list_item(it, struct link, in_worker);

        if (l->phase == LINK_LINGERING || !is_meant(d, l))
            continue;
        worker_event_of(w, l, EVENT_ACTION_TAKEN, 0, BYTES_NONE, d->reason);
        /* Why is for the event and the audit: it would tell an intruder the limits. */
        link_close(l, REASON_ADMINISTRATIVE_ACTION, "closed by the control plane");
        d->n_closed++;
    }
}

static unsigned disconnect_all(struct node *n, struct disconnect *d)
{
    for (unsigned i = 0; i < n->n_workers; i++)
        node_call_worker(n, i, disconnect, d);
    return d->n_closed;
}

/** links_disconnect() - close all connections of a subject; Return: how many; in force on return.
 */
unsigned links_disconnect(struct node *n, enum subject_kind kind, const char *subject,
                          const char *reason)
{
    struct disconnect d = {.kind = kind, .subject = bytes_str(subject), .reason = reason};

    return disconnect_all(n, &d);
}

/** links_disconnect_conn() - close the connection with this number; Return: 1, or 0 if it is gone.
 */
unsigned links_disconnect_conn(struct node *n, uint64_t number, const char *reason)
{
    struct disconnect d = {.number = number, .reason = reason};

    return number == 0 ? 0 : disconnect_all(n, &d);
}
