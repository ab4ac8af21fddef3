/* SPDX-License-Identifier: Apache-2.0 */
/*
 * node/enforce.c - commands of the control plane that reach network connections
 *
 * A changed ban list goes to every worker as a new immutable table, and whom it hits
 * is disconnected there; so do throttles, holds and quarantines.  When the call returns, it
 * is in force.
 *
 * MQ.PR.SP-04 MQ.RS.RP-03 MQ.RS.RP-04
 */
#include <stdlib.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/mem.h"
#include "node/aim.h"
#include "node/node_private.h"
#include "node/orders.h"
#include "node/sentinel.h"

/* ---- bans ---- */

struct bans {
    struct ban *all; /* owned; texts borrowed */
    size_t n;
};

static void add_ban(void *arg, const struct respond_ban *b)
{
    struct bans *bans = arg;

    bans->all[bans->n++] = (struct ban){
        .kind = (enum ban_kind)b->kind, /* respond keeps protect's order */
        .subject = (char *)(uintptr_t)b->subject,
        .address = (char *)(uintptr_t)b->address,
        .created_unix_ms = b->created_unix_ms,
        .expires_unix_ms = b->expires_unix_ms,
        .reason = (char *)(uintptr_t)b->reason,
        .author = (char *)(uintptr_t)b->author,
    };
}

/* With one reference. */
static struct ban_table *bans_of(const struct respond *r)
{
    struct bans bans = {.all = mem_zero(MAX(respond_bans(r), 1U) * sizeof(*bans.all))};
    struct ban_table *t;

    respond_bans_each(r, add_ban, &bans);
    t = ban_table_new(bans.all, bans.n);
    free(bans.all);
    return t;
}

static bool hits(const struct ban_table *t, const struct link *l)
{
    const struct gate_subject who = link_subject(l);

    return ban_table_find(t, &who, link_principal(l), clock_unix_ms()) != NULL;
}

static void enforce(struct worker *w, void *arg)
{
    ban_table_unref(w->bans);
    w->bans = ban_table_ref(arg);
    list_each (it, &w->links) {
        struct link *l = list_item(it, struct link, in_worker);

        if (l->phase != LINK_LINGERING && hits(w->bans, l))
            link_close(l, REASON_ADMINISTRATIVE_ACTION, "banned");
    }
}

/** enforce_bans() - those of now, in force on every worker on return */
void enforce_bans(struct sentinel *s)
{
    struct ban_table *t = bans_of(s->respond);

    node_call_all(s->node, enforce, t);
    ban_table_unref(t);
}

/* ---- throttles, holds and quarantines ---- */

struct collection {
    struct ban *throttles; /* owned; texts borrowed */
    size_t n_throttles;
    struct ban *holds; /* the same */
    size_t n_holds;
    struct quarantine *quarantines; /* the same */
    size_t n_quarantines;
};

/* Whom it means is found as bans are. */
static void add_named(struct ban **all, size_t *n, const struct respond_measure *m)
{
    *all = mem_resize(*all, (*n + 1) * sizeof(**all));
    (*all)[(*n)++] = (struct ban){
        .kind = (enum ban_kind)m->target_kind,
        .subject = (char *)(uintptr_t)m->target,
        .address = (char *)(uintptr_t)m->address,
        .expires_unix_ms = m->expires_unix_ms,
        .per_s = m->amount,
    };
}

static void add_filter(struct collection *c, const struct respond_measure *m, unsigned directions)
{
    c->quarantines = mem_resize(c->quarantines, (c->n_quarantines + 1) * sizeof(*c->quarantines));
    c->quarantines[c->n_quarantines++] =
        (struct quarantine){(char *)(uintptr_t)m->target, directions};
}

static void collect(void *arg, const struct respond_measure *m)
{
    struct collection *c = arg;

    if (m->kind == ACTION_THROTTLE)
        add_named(&c->throttles, &c->n_throttles, m);
    if (m->kind == ACTION_HOLD && m->target_kind != TARGET_TOPIC)
        add_named(&c->holds, &c->n_holds, m);
    if (m->kind == ACTION_HOLD && m->target_kind == TARGET_TOPIC)
        add_filter(c, m, QUARANTINE_HOLD);
    if (m->kind == ACTION_QUARANTINE && m->target_kind == TARGET_TOPIC)
        add_filter(c, m, m->directions);
}

static void shut(void *arg, const struct respond_measure *m)
{
    if (m->kind == ACTION_QUARANTINE && m->target_kind == TARGET_LISTENER)
        restraints_shut(arg, m->target, m->address);
}

/* ---- conduits: from the clients of one zone to those of another one ---- */

static void add_client(void *arg, const char *client_id)
{
    struct zone_clients *c = arg;

    if ((c->n & (c->n - 1)) == 0) /* full: a power of two */
        c->keys = mem_resize(c->keys, MAX(c->n * 2, (size_t)1) * sizeof(*c->keys));
    c->keys[c->n++] = client_key(bytes_str(client_id));
}

/** enforce_zone_clients() - see sentinel.h; a zone of the self-test is a client of it */
struct zone_clients enforce_zone_clients(const struct sentinel *s, const struct respond_measure *m,
                                         const char *zone)
{
    struct zone_clients c = {0};

    if (strcmp(m->author, TRIAL_AUTHOR) == 0)
        add_client(&c, zone);
    else
        identify_zone_clients(s->identify, zone, add_client, &c);
    return c;
}

struct parting {
    const struct sentinel *sentinel;
    struct restraints *to; /* NULL: who they are is summed up, no more */
    uint64_t sum;
};

static uint64_t sum_up(uint64_t sum, const struct zone_clients *c)
{
    for (size_t i = 0; i < c->n; i++)
        sum = sum * 31 + c->keys[i];
    return sum * 31 + c->n + 1; /* not 0 of two zones with nobody in them */
}

static void part(void *arg, const struct respond_measure *m)
{
    struct parting *p = arg;
    struct zone_clients from, to;

    if (m->kind != ACTION_QUARANTINE || m->target_kind != TARGET_CONDUIT)
        return;
    from = enforce_zone_clients(p->sentinel, m, m->target);
    to = enforce_zone_clients(p->sentinel, m, m->address);
    p->sum = sum_up(sum_up(p->sum, &from), &to);
    if (p->to != NULL)
        restraints_part(p->to, from.keys, from.n, to.keys, to.n);
    free(from.keys);
    free(to.keys);
}

/** enforce_conduits() - who has come to a zone meanwhile, or left it, is known to the workers */
void enforce_conduits(struct sentinel *s)
{
    struct parting p = {.sentinel = s};

    respond_measures_each(s->respond, part, &p);
    if (p.sum != s->conduit_sum)
        enforce_restraints(s);
}

/** enforce_newcomers() - who has come just now is on his side of a conduit that is closed */
void enforce_newcomers(struct sentinel *s)
{
    if (s->has_newcomers && s->conduit_sum != 0)
        enforce_conduits(s);
    s->has_newcomers = false;
}

/* With one reference. */
static struct restraints *restraints_of(struct sentinel *s)
{
    const struct respond *r = s->respond;
    struct parting p = {.sentinel = s};
    struct collection c = {0};
    struct restraints *all;

    respond_measures_each(r, collect, &c);
    all = restraints_new(c.throttles, c.n_throttles, c.quarantines, c.n_quarantines);
    restraints_hold(all, c.holds, c.n_holds);
    respond_measures_each(r, shut, all);
    p.to = all;
    respond_measures_each(r, part, &p);
    s->conduit_sum = p.sum;
    free(c.throttles);
    free(c.holds);
    free(c.quarantines);
    return all;
}

static void take_restraints(struct worker *w, struct restraints *all)
{
    restraints_unref(w->restraints);
    w->restraints = restraints_ref(all);
    w->is_parted = restraints_is_parted(all);
}

static void load_restraints(struct sentinel *s)
{
    struct restraints *all = restraints_of(s);

    for (unsigned i = 0; i < s->node->n_workers; i++)
        take_restraints(s->node->workers[i], all);
    restraints_unref(all);
}

/** enforce_load() - give the workers, not yet started, bans and restraints of earlier runs */
void enforce_load(struct sentinel *s)
{
    struct ban_table *t = bans_of(s->respond);

    for (unsigned i = 0; i < s->node->n_workers; i++)
        s->node->workers[i]->bans = ban_table_ref(t);
    ban_table_unref(t);
    load_restraints(s);
}

struct reader {
    const struct restraints *restraints;
    uint64_t client_key;
};

static bool is_blocked(const void *arg, const struct message *m)
{
    const struct reader *to = arg;

    return restraints_block(to->restraints, QUARANTINE_DELIVER, m->topic) != NULL ||
           restraints_parts(to->restraints, m->publisher, to->client_key);
}

/* What waits for those who are here and those who are away. */
static void drop_waiting(struct worker *w)
{
    size_t cursor = 0;
    struct resident *c;

    while ((c = map_next(&w->residents, &cursor)) != NULL) {
        const struct reader to = {w->restraints, c->session->client_key};

        w->counters.messages_quarantined += session_drop_waiting(c->session, is_blocked, &to);
    }
}

struct restraining {
    struct restraints *all;
    struct purge *purge;
};

static void restrain(struct worker *w, void *arg)
{
    const struct restraining *r = arg;

    take_restraints(w, r->all);
    purge_cover(r->purge, w);
    list_each (it, &w->links) {
        struct link *l = list_item(it, struct link, in_worker);

        admit_cut_shut(l);
        link_restrain(l);
        if (l->publishing != NULL) /* verdicts are asked for anew */
            memset(l->publishing->verdicts, 0, sizeof(l->publishing->verdicts));
    }
    if ((restraints_directions(w->restraints) & QUARANTINE_DELIVER) || w->is_parted)
        drop_waiting(w);
}

/** enforce_restraints() - throttles, holds and quarantines of now, in force on every worker on
 * return */
void enforce_restraints(struct sentinel *s)
{
    struct restraints *all = restraints_of(s);

    enforce_these_restraints(s->node, all);
    restraints_unref(all);
}

/** enforce_these_restraints() - in the place of those before, on every worker on return */
void enforce_these_restraints(struct node *n, struct restraints *r)
{
    struct restraining now = {r, purge_new(n, r)};

    node_call_all(n, restrain, &now);
    purge_begin(now.purge);
}
