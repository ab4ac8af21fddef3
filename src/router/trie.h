/* SPDX-License-Identifier: Apache-2.0 */
/*
 * router/trie.h - topic levels as a tree; private to router
 *
 * A node is found by its parent and its level's text in one hash table for the
 * whole tree, so that a node without children costs nothing for them.  A tree of topics
 * has smaller nodes than one of filters.
 */
#pragma once

#include "base/bytes.h"
#include "base/list.h"

struct message;
struct share;

struct trie_node {
    struct trie_node *parent;
    struct trie_node *hash_next; /* in the bucket */
    uint32_t hash;
    uint16_t level_at; /* the level's text, from the node's begin on */
    uint16_t level_len;
    union {
        struct {                           /* in a tree of topics */
            struct trie_node *first_child; /* siblings are linked, for walks over wildcards */
            struct trie_node *next_sibling;
            struct trie_node *prev_sibling;
            struct message *retained; /* owned */
            uint64_t retained_serial;
        };
        struct { /* in a tree of filters */
            uint32_t n_children;
            uint32_t n_subscriptions;
            struct list subscriptions;
            struct share *shares; /* owned list */
            uint64_t outlets;
            struct trie_node *plus;  /* the child "+", found without hashing */
            struct trie_node *pound; /* the child "#" */
        };
    };
};

struct trie {
    struct trie_node *root;
    bool of_topics;
    struct trie_node **buckets;
    size_t n_buckets; /* a power of two */
    size_t n_nodes;
    size_t bytes; /* of the nodes */
};

/* Walks the levels of a topic or filter: "a//b" has "a", "", "b". */
struct levels {
    struct bytes rest;
    bool done;
};

void trie_init(struct trie *t, bool of_topics);
void trie_done(struct trie *t);
struct trie_node *trie_child(const struct trie *t, const struct trie_node *parent,
                             struct bytes level, uint64_t level_hash);
struct trie_node *trie_reach(const struct trie *t, struct levels *l);
struct trie_node *trie_extend(struct trie *t, struct trie_node *n, struct levels l);
struct trie_node *trie_find(const struct trie *t, struct bytes path);
struct trie_node *trie_make(struct trie *t, struct bytes path);
void trie_prune(struct trie *t, struct trie_node *n, bool (*in_use)(const struct trie_node *n));
struct bytes trie_level(const struct trie_node *n);

struct levels levels_of(struct bytes path);
bool levels_next(struct levels *l, struct bytes *ret);
