/* SPDX-License-Identifier: Apache-2.0 */
/* router/router_private.h - what subscribe.c, match.c and retained.c share */
#pragma once

#include "base/map.h"
#include "router/exact.h"
#include "router/order.h"
#include "router/router.h"
#include "router/trie.h"

#define FIRST_LEVEL_BUCKETS 256
#define CACHE_SETS          4096 /* of remembered topics, by hash; a power of two */
#define CACHE_WAYS          4 /* topics in a set: those that share one do not put each other out */
#define CACHE_WEIGHT_MAX                                                                           \
    1000000 /* subscriptions in all remembered results; then all is forgotten */

struct cached; /* of match.c */

struct match_scratch {
    struct trie_node **frontier[2];
    size_t cap[2];
    struct trie_node **nodes; /* whose subscriptions match */
    size_t n_nodes;
    size_t nodes_cap;
};

struct router {
    struct trie subscriptions;
    struct exact interest; /* of other outlets, in filters without wildcards */
    struct trie retained;
    struct map shares; /* by id */
    uint32_t next_share_id;
    struct map owners;  /* of retained messages; see owners.c */
    struct order order; /* of their topics */
    size_t n_retained;
    size_t n_marks;
    uint64_t retained_serial;
    size_t retained_bytes;
    size_t sweep_bucket;

    /* Results of topics that begin with level L hold while versions[bucket of L] and
     * version_wildcard stand still. */
    uint64_t versions[FIRST_LEVEL_BUCKETS];
    uint64_t version_wildcard;
    uint64_t serial;
    struct cached *cache[CACHE_SETS][CACHE_WAYS]; /* in each set the newest first */
    size_t cache_weight;
    struct match_scratch scratch;
};

struct share {
    struct share *next; /* at the same node */
    struct trie_node *node;
    struct bytes group;  /* owned */
    struct bytes filter; /* owned */
    uint32_t id;         /* never reused */
    struct list members; /* subscription.in_node, the next in turn first */
    struct share_count here;
    struct share_count elsewhere; /* sum of outlets */
    struct share_count outlets[OUTLETS_MAX];
    uint32_t turn;
};

bool node_in_use(const struct trie_node *n);
struct subscription *subscription_new(struct subscriber *s, const struct subscription *options,
                                      struct bytes group, struct bytes filter);
void subscription_set(struct subscription *sub, const struct subscription *options);
void share_enter(struct router *r, struct subscription *sub);
void share_leave(struct router *r, struct subscription *sub);
void shares_done(struct router *r);
struct bytes share_id_key(const void *item);

void match_changed(struct router *r, struct bytes filter);
void match_done(struct router *r);
void retained_done(struct router *r);
void owners_init(struct map *owners);
void owners_done(struct map *owners);
void owners_add(struct map *owners, uint64_t publisher);
void owners_remove(struct map *owners, uint64_t publisher);
size_t owners_n(const struct map *owners, uint64_t publisher);
size_t owners_bytes(const struct map *owners);
