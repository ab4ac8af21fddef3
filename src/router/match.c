/* SPDX-License-Identifier: Apache-2.0 */
/*
 * router/match.c - one topic against all filters, and the memory of recent results
 *
 * A walk goes level by level with the set of nodes that still match, at most one
 * literal, one '+' and one '#' child each.  A result is remembered under the topic
 * and holds while no filter with the same first level, and none that begins with a
 * wildcard, has changed.
 */
#include <stdlib.h>

#include "base/err.h"
#include "base/hash.h"
#include "base/mem.h"
#include "router/router_private.h"

/* One piece of memory with the lists, in their order, and the topic behind it. */
struct cached {
    uint64_t hash;
    const uint64_t *version_at; /* of its first level */
    uint64_t version;
    uint64_t version_wildcard;
    struct bytes topic;
    struct receiver *receivers;
    struct subscription **subscriptions; /* grouped by receiver */
    size_t n_receivers;
    struct share **shares;
    size_t n_subscriptions;
    size_t n_shares;
    uint64_t outlets;
};

static struct bytes first_level(struct bytes path)
{
    struct levels l = levels_of(path);
    struct bytes level;

    levels_next(&l, &level);
    return level;
}

static uint64_t *version_of(struct router *r, struct bytes first)
{
    return &r->versions[hash_keyed(first) & (FIRST_LEVEL_BUCKETS - 1)];
}

/** match_changed() - what hangs on @filter changes: results it may be in no longer hold */
void match_changed(struct router *r, struct bytes filter)
{
    struct bytes first = first_level(filter);

    if (first.len == 1 && (first.at[0] == '+' || first.at[0] == '#'))
        r->version_wildcard++;
    else
        ++*version_of(r, first);
}

static void forget(struct router *r, struct cached **at)
{
    struct cached *c = *at;

    *at = NULL;
    if (c == NULL)
        return;
    r->cache_weight -= c->n_subscriptions + 1;
    free(c);
}

static void forget_all(struct router *r)
{
    for (size_t i = 0; r->cache_weight > 0; i++) {
        for (size_t k = 0; k < CACHE_WAYS; k++)
            forget(r, &r->cache[i][k]);
    }
}

/** match_done() - free the memory of results and the scratch space */
void match_done(struct router *r)
{
    forget_all(r);
    free(r->scratch.frontier[0]);
    free(r->scratch.frontier[1]);
    free(r->scratch.nodes);
}

static void add_to(struct trie_node ***at, size_t *n, size_t *cap, struct trie_node *node)
{
    if (*n == *cap) {
        *cap = *cap > 0 ? *cap * 2 : 16;
        *at = mem_resize(*at, *cap * sizeof(**at));
    }
    (*at)[(*n)++] = node;
}

static void matched(struct match_scratch *s, struct trie_node *n)
{
    if (n != NULL && node_in_use(n))
        add_to(&s->nodes, &s->n_nodes, &s->nodes_cap, n);
}

/* Collect in scratch.nodes every node whose filter matches @topic. */
static void walk(struct router *r, struct bytes topic)
{
    struct match_scratch *s = &r->scratch;
    struct levels l = levels_of(topic);
    struct bytes level;
    /* Wildcards at the front do not match topics that begin with '$' [MQTT5-4.7.2-1]. */
    bool wildcards = topic.len == 0 || topic.at[0] != '$';
    unsigned now = 0;
    size_t n = 0;

    s->n_nodes = 0;
    add_to(&s->frontier[0], &n, &s->cap[0], r->subscriptions.root);
    while (n > 0 && levels_next(&l, &level)) {
        uint64_t level_hash = hash_keyed(level);
        size_t n_next = 0;

        for (size_t i = 0; i < n; i++) {
            struct trie_node *at = s->frontier[now][i];
            struct trie_node *child = trie_child(&r->subscriptions, at, level, level_hash);

            if (child != NULL)
                add_to(&s->frontier[!now], &n_next, &s->cap[!now], child);
            if (wildcards && at->plus != NULL)
                add_to(&s->frontier[!now], &n_next, &s->cap[!now], at->plus);
            if (wildcards)
                matched(s, at->pound);
        }
        wildcards = true;
        now = !now;
        n = n_next;
    }
    for (size_t i = 0; i < n; i++) {
        matched(s, s->frontier[now][i]);
        matched(s, s->frontier[now][i]->pound); /* "a/#" matches "a" as well */
    }
}

/* With room for all that the matched nodes have. */
static struct cached *cached_new(const struct router *r, struct bytes topic)
{
    struct cached all = {0};
    struct cached *c;

    for (size_t i = 0; i < r->scratch.n_nodes; i++) {
        const struct trie_node *n = r->scratch.nodes[i];

        all.outlets |= n->outlets;
        all.n_subscriptions += n->n_subscriptions;
        for (const struct share *s = n->shares; s != NULL; s = s->next)
            all.n_shares++;
    }
    c = mem_alloc(sizeof(*c) + all.n_subscriptions * (sizeof(*c->receivers) + sizeof(void *)) +
                  all.n_shares * sizeof(void *) + topic.len);
    *c = all;
    c->receivers = (struct receiver *)(c + 1);
    c->subscriptions = (struct subscription **)(c->receivers + c->n_subscriptions);
    c->shares = (struct share **)(c->subscriptions + c->n_subscriptions);
    c->topic = bytes_of(memcpy(c->shares + c->n_shares, topic.at, topic.len), topic.len);
    return c;
}

/* Give every subscriber of the matched nodes one receiver, and count. */
static void count_receivers(struct router *r, struct cached *c)
{
    uint64_t serial = ++r->serial;

    for (size_t i = 0; i < r->scratch.n_nodes; i++) {
        struct trie_node *n = r->scratch.nodes[i];

        if (n->n_subscriptions == 0)
            continue;
        list_each (it, &n->subscriptions) {
            struct subscriber *s = list_item(it, struct subscription, in_node)->subscriber;

            if (s->mark_serial != serial) {
                s->mark_serial = serial;
                s->mark = (uint32_t)c->n_receivers;
                c->receivers[c->n_receivers++] = (struct receiver){.subscriber = s};
            }
            c->receivers[s->mark].n++;
        }
    }
}

/* Put each receiver's subscriptions side by side. */
static void group_subscriptions(struct router *r, struct cached *c)
{
    struct subscription **at = c->subscriptions;

    for (size_t i = 0; i < c->n_receivers; i++) {
        c->receivers[i].first = at;
        at += c->receivers[i].n;
        c->receivers[i].n = 0;
    }
    for (size_t i = 0; i < r->scratch.n_nodes; i++) {
        struct trie_node *n = r->scratch.nodes[i];

        if (n->n_subscriptions == 0)
            continue;
        list_each (it, &n->subscriptions) {
            struct subscription *sub = list_item(it, struct subscription, in_node);
            struct receiver *to = &c->receivers[sub->subscriber->mark];

            c->subscriptions[(size_t)(to->first - c->subscriptions) + to->n++] = sub;
        }
    }
}

static void list_shares(const struct router *r, struct cached *c)
{
    size_t n = 0;

    for (size_t i = 0; i < r->scratch.n_nodes; i++) {
        for (struct share *s = r->scratch.nodes[i]->shares; s != NULL; s = s->next)
            c->shares[n++] = s;
    }
}

static struct cached *find_out(struct router *r, struct bytes topic, uint64_t hash)
{
    struct cached *c;

    walk(r, topic);
    c = cached_new(r, topic);
    c->hash = hash;
    c->version_at = version_of(r, first_level(topic));
    c->version = *c->version_at;
    c->version_wildcard = r->version_wildcard;
    c->outlets |= exact_outlets(&r->interest, hash);
    count_receivers(r, c);
    group_subscriptions(r, c);
    list_shares(r, c);
    return c;
}

static struct match match_of(const struct cached *c)
{
    return (struct match){
        .receivers = c->receivers,
        .n_receivers = c->n_receivers,
        .shares = c->shares,
        .n_shares = c->n_shares,
        .outlets = c->outlets,
    };
}

static bool holds(const struct router *r, const struct cached *c, struct bytes topic, uint64_t hash)
{
    return c->hash == hash && c->version_wildcard == r->version_wildcard &&
           c->version == *c->version_at && bytes_equal(c->topic, topic);
}

static struct cached *remember(struct router *r, struct cached **set, struct bytes topic,
                               uint64_t hash)
{
    forget(r, &set[CACHE_WAYS - 1]);
    memmove(&set[1], &set[0], (CACHE_WAYS - 1) * sizeof(set[0]));
    set[0] = NULL;
    if (r->cache_weight > CACHE_WEIGHT_MAX)
        forget_all(r);
    set[0] = find_out(r, topic, hash);
    r->cache_weight += set[0]->n_subscriptions + 1;
    return set[0];
}

/**
 * router_match() - who gets a message on @topic [MQTT5-3.3.2-3] [MQTT3-3.3.2-3]
 * @topic:       a valid topic name
 * @topic_hash:  hash_keyed(@topic)
 *
 * Return: borrowed; valid until the router is called again.
 */
struct match router_match(struct router *r, struct bytes topic, uint64_t topic_hash)
{
    struct cached **set = r->cache[topic_hash & (CACHE_SETS - 1)];

    for (size_t i = 0; i < CACHE_WAYS && set[i] != NULL; i++) {
        if (holds(r, set[i], topic, topic_hash))
            return match_of(set[i]);
    }
    return match_of(remember(r, set, topic, topic_hash));
}
