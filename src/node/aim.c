/* SPDX-License-Identifier: Apache-2.0 */
/*
 * node/aim.c - whom an action is aimed at: counted, or cut off, on all workers
 *
 * Address, client, user, certificate and issuer are found as bans find them, so that
 * who is counted is who is hit.  A topic means who reads it, by a subscription, and who
 * writes there: has a Will there, or has published there, within the last minute, or, as
 * the sentinel knows it of filters with wildcards, since it connected.  A listener means who
 * has come by it, a conduit the clients of both of its zones.  The node's own trials are cut with
 * the others, and never counted.
 *
 * MQ.RS.RP-03
 */
#include "node/aim.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/hash.h"
#include "base/mem.h"
#include "node/node_private.h"
#include "node/self_test.h"
#include "node/sentinel.h"

static bool is_named(enum respond_target kind)
{
    return kind <= TARGET_ISSUER; /* in the order of enum ban_kind */
}

/**
 * aim_wrong_why() - can there be such a target?
 * @address:  NULL but for TARGET_CLIENT_ADDRESS and TARGET_CONDUIT, and a prefix or NULL for
 *            TARGET_LISTENER
 *
 * Return: NULL, or what is wrong with it, to be read after it; static.
 */
const char *aim_wrong_why(enum respond_target kind, const char *target, const char *address)
{
    const char *why = NULL;
    struct address prefix;

    if (is_named(kind)) {
        (void)ban_subject_valid((enum ban_kind)kind, target, address, &why);
        return why;
    }
    if (kind == TARGET_TOPIC)
        return respond_topic_wrong_why(target);
    if (kind == TARGET_LISTENER)
        return address != NULL ? prefix_parse(address, &prefix) : NULL;
    if (kind == TARGET_CONDUIT && address == NULL)
        return "is one zone: name the one that it leads to, too";
    if (kind == TARGET_CONDUIT)
        return strcmp(target, address) == 0 ? "leads to itself" : NULL;
    if (kind == TARGET_NODE || kind == TARGET_STRANGERS)
        return strcmp(target, respond_target_text(kind)) == 0 ? NULL : "is too much: there is one";
    if (kind == TARGET_CONN && strspn(target, "0123456789") != strlen(target))
        return "is no number of a connection, as 'bastide clients' shows it";
    return NULL;
}

/** aim_at() - a target that aim_wrong_why() has nothing against; for aim_done() */
struct aim aim_at(enum respond_target kind, const char *target, const char *address)
{
    const struct ban one = {
        .kind = (enum ban_kind)kind,
        .subject = (char *)(uintptr_t)target,
        .address = (char *)(uintptr_t)address,
    };

    return (struct aim){
        .kind = kind,
        .target = bytes_str(target),
        .address = address,
        .hash = hash_keyed(bytes_str(target)),
        .directions = RESPOND_PUBLISH | RESPOND_DELIVER,
        .conn = kind == TARGET_CONN ? strtoull(target, NULL, 10) : 0,
        .named = is_named(kind) ? ban_table_new(&one, 1) : NULL,
    };
}

static int by_number(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

    return (x > y) - (x < y);
}

static void add_known(void *arg, uint64_t number)
{
    struct aim *a = arg;

    if ((a->n_known & (a->n_known - 1)) == 0) /* full: a power of two */
        a->known = mem_resize(a->known, MAX(a->n_known * 2, (size_t)1) * sizeof(number));
    a->known[a->n_known++] = number;
}

static void add_zone_client(void *arg, const char *client_id)
{
    add_known(arg, client_key(bytes_str(client_id)));
}

/** aim_ask_sentinel() - of a filter with wildcards, who has published below it; of a conduit, who
 * is at its ends; the sentinel's thread */
void aim_ask_sentinel(struct aim *a, const struct sentinel *s)
{
    if (a->kind == TARGET_CONDUIT) {
        identify_zone_clients(s->identify, (const char *)a->target.at, add_zone_client, a);
        identify_zone_clients(s->identify, a->address, add_zone_client, a);
    } else if (a->kind == TARGET_TOPIC && wire_filter_has_wildcard(a->target)) {
        identify_writers_each(s->identify, a->target, add_known, a);
    }
    if (a->n_known > 0)
        qsort(a->known, a->n_known, sizeof(*a->known), by_number);
}

/** aim_done() - what aim_at() holds is released */
void aim_done(struct aim *a)
{
    a->named = ban_table_unref(a->named);
    free(a->known);
    a->known = NULL;
}

/* ---- topics ---- */

static bool has_published(const struct link *l, uint64_t hash)
{
    const struct publishing *p = l->publishing;

    for (unsigned i = 0; p != NULL && i < 4; i++) {
        unsigned bit = (unsigned)(hash >> (10 * i)) & (64 * TOPIC_BLOOM_WORDS - 1);

        if (!(p->topics[bit / 64] & BIT64(bit % 64)))
            return false;
    }
    return p != NULL;
}

static bool is_known(const struct aim *a, uint64_t number)
{
    return a->n_known > 0 &&
           bsearch(&number, a->known, a->n_known, sizeof(*a->known), by_number) != NULL;
}

static bool writes(const struct link *l, const struct session *s, const struct aim *a)
{
    if (s->will != NULL && wire_filter_matches(a->target, s->will->message->topic))
        return true;
    if (!wire_filter_has_wildcard(a->target))
        return has_published(l, a->hash) || has_published(l, ~a->hash); /* read by nobody */
    return is_known(a, l->number);
}

static bool reads(const struct session *s, const struct aim *a)
{
    list_each (it, (struct list *)(uintptr_t)&s->subscriber.subscriptions) {
        const struct subscription *sub = list_item(it, struct subscription, in_subscriber);

        if (!sub->is_suspended && wire_filters_overlap(subscription_filter(sub), a->target))
            return true;
    }
    return false;
}

static bool uses_topic(const struct link *l, const struct aim *a)
{
    const struct session *s = l->resident != NULL ? l->resident->session : NULL;

    return s != NULL && (((a->directions & RESPOND_PUBLISH) && writes(l, s, a)) ||
                         ((a->directions & RESPOND_DELIVER) && reads(s, a)));
}

static bool came_by(const struct link *l, const struct aim *a)
{
    struct address prefix, from;

    return bytes_equal(bytes_str(l->listener->name), a->target) &&
           (a->address == NULL ||
            (prefix_parse(a->address, &prefix) == NULL &&
             address_parse(bytes_str(l->address), &from) && prefix_has(&prefix, &from)));
}

static bool hits(const struct aim *a, const struct link *l)
{
    struct gate_subject who;

    if (l->phase == LINK_LINGERING)
        return false;
    switch (a->kind) {
    case TARGET_ADDRESS:
    case TARGET_CLIENT:
    case TARGET_USER:
    case TARGET_CLIENT_ADDRESS:
    case TARGET_CERTIFICATE:
    case TARGET_ISSUER:
        who = link_subject(l);
        return ban_table_find(a->named, &who, link_principal(l), clock_unix_ms()) != NULL;
    case TARGET_TOPIC:
        return uses_topic(l, a);
    case TARGET_LISTENER:
        return came_by(l, a);
    case TARGET_CONDUIT:
        return l->resident != NULL && is_known(a, l->resident->session->client_key);
    case TARGET_CONN:
        return l->number == a->conn;
    case TARGET_NODE:
        return true;
    case TARGET_STRANGERS: /* who has connected is none */
        return false;
    case TARGET_N:
        break;
    }
    return false;
}

/* ---- on the workers ---- */

struct round {
    const struct aim *aim;
    const char *reason; /* NULL: count only */
    struct aim_count count;
};

/* It is cut with the others, but nobody is hit: the node tries itself. */
static bool is_of_trials(const struct link *l)
{
    return self_test_is_from(l->worker->node->self_test, bytes_str(l->client_id),
                             bytes_str(l->address), l->worker->now_ns);
}

static void go_round(struct worker *w, void *arg)
{
    struct round *r = arg;

    list_each (it, &w->links) {
        struct link *l = list_item(it, struct link, in_worker);

        if (!hits(r->aim, l))
            continue;
        if (!is_of_trials(l)) {
            r->count.n++;
            r->count.n_critical += l->grant != NULL && grant_is_critical(l->grant);
        }
        if (r->reason == NULL)
            continue;
        worker_event_of(w, l, EVENT_ACTION_TAKEN, 0, BYTES_NONE, r->reason);
        /* Why is for the event and the audit: it would tell an intruder the limits. */
        link_close(l, REASON_ADMINISTRATIVE_ACTION, "closed by the control plane");
    }
}

static struct aim_count go(struct node *n, const struct aim *a, const char *reason)
{
    struct round r = {.aim = a, .reason = reason};

    node_call_all(n, go_round, &r);
    return r.count;
}

/** aim_count() - how many connections it hits now; never from a worker's thread */
struct aim_count aim_count(struct node *n, const struct aim *a)
{
    return go(n, a, NULL);
}

/**
 * aim_disconnect() - close the connections that it hits; in force on return
 *
 * Never from a worker's thread.
 *
 * Return: how many.
 */
unsigned aim_disconnect(struct node *n, const struct aim *a, const char *reason)
{
    return go(n, a, reason).n;
}
