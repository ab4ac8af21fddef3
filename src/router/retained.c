/* SPDX-License-Identifier: Apache-2.0 */
/*
 * router/retained.c - the last message of each topic, for who subscribes later
 *
 * Every worker has all retained messages (the messages themselves are shared), so
 * that a subscription is answered without asking others.  Two publishers on
 * different workers may set the same topic at once; the stamp, drawn from one
 * counter of the node, decides everywhere the same way: the highest stands.  A
 * removal leaves a mark behind, a message with an empty payload, so that an older
 * value that is still under way does not come back; the sweep takes it away later,
 * and a value that comes later still is known by what became of it elsewhere.
 *
 * The limit on bytes is one on memory: messages, marks and the tree of topics.
 *
 * The messages belong to no session and outlive their publisher's [MQTT3-3.1.2-7].
 *
 * [MQTT5-3.3.1-5] to -7 [MQTT3-3.3.1-5] [MQTT3-3.3.1-7] [MQTT3-3.3.1-10] [MQTT3-3.3.1-11]
 */
#include "base/err.h"
#include "base/hash.h"
#include "router/router_private.h"

#define MARKS_MAX 10000 /* then topics that had nothing get none */

static bool in_use(const struct trie_node *n)
{
    return n->retained != NULL;
}

static bool is_mark(const struct message *m)
{
    return m->payload.len == 0;
}

static void put(struct router *r, struct trie_node *n, struct message *m)
{
    n->retained = m;
    n->retained_serial = ++r->retained_serial;
    order_add(&r->order, n);
    r->retained_bytes += message_bytes(m);
    if (is_mark(m))
        r->n_marks++;
    else
        r->n_retained++;
}

static void forget(struct router *r, struct trie_node *n)
{
    r->retained_bytes -= message_bytes(n->retained);
    order_remove(&r->order, n);
    if (is_mark(n->retained)) {
        r->n_marks--;
    } else {
        r->n_retained--;
        owners_remove(&r->owners, n->retained->publisher);
    }
    message_set_replaced(n->retained);
    if (n->retained->record != 0)
        record_forget(n->retained->record + 1); /* which says that it is retained */
    n->retained = message_unref(n->retained);
}

/** retained_done() - release all messages */
void retained_done(struct router *r)
{
    for (size_t i = 0; i < r->retained.n_buckets; i++) {
        for (struct trie_node *n = r->retained.buckets[i]; n != NULL; n = n->hash_next) {
            if (n->retained != NULL)
                forget(r, n);
        }
    }
    owners_done(&r->owners);
    order_done(&r->order);
}

/* 0: nobody's, or the node's. */
static uint64_t owner_of(const struct message *m)
{
    return m != NULL && !is_mark(m) ? m->publisher : 0;
}

/* A new value for a topic that has one takes no room unless it is larger. */
static bool has_room(const struct router *r, const struct publication *p,
                     const struct message *before, const struct retained_limits *limits)
{
    size_t room = before != NULL ? message_bytes(before) : 0;

    if (p->payload.len == 0)
        return before != NULL || r->n_marks < MARKS_MAX;
    if ((before == NULL || is_mark(before)) && r->n_retained >= limits->messages_max)
        return false;
    return publication_bytes(p) <= room ||
           router_retained_bytes(r) - room + publication_bytes(p) <= limits->bytes_max;
}

/* What another one had on its topic counts as the publisher's from then on. */
static bool has_quota(const struct router *r, const struct publication *p,
                      const struct message *before, const struct retained_limits *limits)
{
    return p->publisher == 0 || p->payload.len == 0 || owner_of(before) == p->publisher ||
           owners_n(&r->owners, p->publisher) < limits->per_publisher_max;
}

/* Where nothing is, not even a mark, what was replaced on another worker already comes too late:
 * the mark of its removal has been swept, or what stands in its place is under way.  A mark is put
 * there nevertheless, for what may come behind it. */
static bool is_older(const struct publication *p, const struct message *before)
{
    if (before != NULL)
        return before->stamp > p->stamp;
    return p->payload.len > 0 && p->message != NULL && message_is_replaced(p->message);
}

/**
 * router_retain() - @p is the retained message of its topic from here on
 * @p:          p->stamp decides between publishers of several workers
 * @ret_owner:  as router_retained_by() before; NULL: nobody asks
 */
enum retain_outcome router_retain(struct router *r, struct publication *p,
                                  const struct retained_limits *limits, uint64_t *ret_owner)
{
    struct levels missing = levels_of(p->topic);
    struct trie_node *n = trie_reach(&r->retained, &missing);
    const struct message *before = missing.done ? n->retained : NULL;

    if (ret_owner != NULL)
        *ret_owner = owner_of(before);
    if (!has_room(r, p, before, limits))
        return p->payload.len == 0 ? RETAIN_REMOVED : RETAIN_E_FULL;
    if (!has_quota(r, p, before, limits))
        return RETAIN_E_QUOTA;
    if (is_older(p, before))
        return RETAIN_OLDER;
    n = trie_extend(&r->retained, n, missing);
    if (p->payload.len > 0) /* before another one of the same publisher goes */
        owners_add(&r->owners, p->publisher);
    if (n->retained != NULL)
        forget(r, n);
    put(r, n, publication_keep(p));
    return is_mark(n->retained) ? RETAIN_REMOVED : RETAIN_STORED;
}

/** router_retained_by() - Return: who published what @topic retains, as in the message; 0: nothing
 * is retained there, or the node did. */
uint64_t router_retained_by(const struct router *r, struct bytes topic)
{
    const struct trie_node *n = trie_find(&r->retained, topic);

    return n != NULL ? owner_of(n->retained) : 0;
}

/** router_retains() - is @m what its topic retains here?  It may be replaced elsewhere already */
bool router_retains(const struct router *r, const struct message *m)
{
    const struct trie_node *n = trie_find(&r->retained, m->topic);

    return n != NULL && n->retained == m;
}

struct search {
    const struct trie *trie;
    uint64_t now_ns;
    size_t n_max;
    retained_fn *each;
    void *arg;
    size_t n_visited;
};

static void found(struct search *s, const struct trie_node *n)
{
    s->n_visited++;
    if (n->retained != NULL && !is_mark(n->retained) && n->retained->expires_ns > s->now_ns)
        s->each(s->arg, n->retained, n->retained_serial);
}

static void everything_below(struct search *s, const struct trie_node *n)
{
    found(s, n);
    for (const struct trie_node *c = n->first_child; c != NULL && s->n_visited <= s->n_max;
         c = c->next_sibling)
        everything_below(s, c);
}

static bool hidden(const struct trie_node *parent, const struct trie_node *n)
{
    return parent->parent == NULL && n->level_len > 0 && trie_level(n).at[0] == '$';
}

static void search_below(struct search *s, const struct trie_node *n, struct levels rest)
{
    bool is_pound, is_plus;
    struct bytes level;

    s->n_visited++;
    if (!levels_next(&rest, &level)) {
        found(s, n);
        return;
    }
    is_pound = level.len == 1 && level.at[0] == '#';
    is_plus = level.len == 1 && level.at[0] == '+';
    if (is_pound)
        found(s, n);
    if (!is_pound && !is_plus) {
        const struct trie_node *c = trie_child(s->trie, n, level, hash_keyed(level));

        if (c != NULL)
            search_below(s, c, rest);
        return;
    }
    for (const struct trie_node *c = n->first_child; c != NULL && s->n_visited <= s->n_max;
         c = c->next_sibling) {
        if (hidden(n, c))
            continue;
        if (is_pound)
            everything_below(s, c);
        else
            search_below(s, c, rest);
    }
}

/**
 * router_retained_each() - call @each with every retained message that @filter matches
 * @filter:  valid; at most WIRE_TOPIC_LEVELS_MAX levels, which bounds the recursion
 * @n_max:   so many topics and levels may be looked at
 *
 * Expired ones are passed over.  A wildcard at the front does not find '$' topics
 * [MQTT5-4.7.2-1].
 *
 * Return: about how many were looked at; more than @n_max: there are others, and only
 *         router_retained_scan() finds all of them without taking too long at a time.
 */
size_t router_retained_each(struct router *r, struct bytes filter, uint64_t now_ns, size_t n_max,
                            retained_fn *each, void *arg)
{
    struct search s = {&r->retained, now_ns, n_max, each, arg, 0};

    search_below(&s, r->retained.root, levels_of(filter));
    return s.n_visited;
}

/**
 * router_retained_scan() - call @each with what is retained on any topic, a part at a time
 * @want:   of what it is about, in the order in which it was retained; its begin moves on, at last
 *          to its end
 * @n_max:  topics that are looked at
 *
 * Return: how many were looked at.
 */
size_t router_retained_scan(struct router *r, struct retained_want *want, uint64_t now_ns,
                            size_t n_max, retained_fn *each, void *arg)
{
    struct search s = {&r->retained, now_ns, n_max, each, arg, 0};
    size_t end = order_behind(&r->order, want->until);
    size_t i = order_behind(&r->order, want->after);

    for (; i < end && s.n_visited < n_max; i++) {
        const struct trie_node *n = order_node(&r->order, i);

        if (n != NULL)
            found(&s, n);
        else
            s.n_visited++;
    }
    want->after = i < end ? order_serial(&r->order, i) - 1 : want->until;
    return s.n_visited;
}

/** router_retained_serial() - of the message that was retained last; later ones have higher ones */
uint64_t router_retained_serial(const struct router *r)
{
    return r->retained_serial;
}

/** router_n_retained() - topics that have a retained message */
size_t router_n_retained(const struct router *r)
{
    return r->n_retained;
}

/** router_retained_bytes() - memory: the messages, marks of removed ones, the tree of topics, and
 * whose they are */
size_t router_retained_bytes(const struct router *r)
{
    return r->retained_bytes + r->retained.bytes + owners_bytes(&r->owners) +
           order_bytes(&r->order);
}

static size_t sweep_bucket(struct router *r, size_t bucket, uint64_t now_ns, uint64_t stamp_before)
{
    struct trie_node *n = r->retained.buckets[bucket];
    size_t n_swept = 0;

    while (n != NULL) {
        struct trie_node *next = n->hash_next;

        if (n->retained != NULL && n->retained->stamp < stamp_before &&
            (is_mark(n->retained) || n->retained->expires_ns <= now_ns)) {
            forget(r, n);
            trie_prune(&r->retained, n, in_use);
            n_swept++;
            next = r->retained.buckets[bucket]; /* pruning may have freed neighbours */
        }
        n = next;
    }
    return n_swept;
}

/**
 * router_retained_sweep() - take away expired messages and marks of removed ones
 * @stamp_before:  younger ones stay: older values of their topics may still be under way
 * @n_max:         buckets to look at in this call; the next call goes on behind them
 *
 * Return: how many were taken away.
 */
size_t router_retained_sweep(struct router *r, uint64_t now_ns, uint64_t stamp_before, size_t n_max)
{
    size_t n_swept = 0;

    for (size_t i = 0; i < MIN(n_max, r->retained.n_buckets); i++) {
        r->sweep_bucket = (r->sweep_bucket + 1) & (r->retained.n_buckets - 1);
        n_swept += sweep_bucket(r, r->sweep_bucket, now_ns, stamp_before);
    }
    return n_swept;
}
