/* SPDX-License-Identifier: Apache-2.0 */
/* router/trie.c - see trie.h */
#include "router/trie.h"

#include <stddef.h>
#include <stdlib.h>

#include "base/err.h"
#include "base/hash.h"
#include "base/mem.h"

#define BUCKETS_MIN 64

/** levels_of() - begin at the first level; an empty path has one empty level */
struct levels levels_of(struct bytes path)
{
    return (struct levels){.rest = path};
}

/** levels_next() - Return: false after the last level. */
bool levels_next(struct levels *l, struct bytes *ret)
{
    const uint8_t *slash;

    if (l->done)
        return false;
    slash = l->rest.len > 0 ? memchr(l->rest.at, '/', l->rest.len) : NULL;
    if (slash == NULL) {
        *ret = l->rest;
        l->done = true;
        return true;
    }
    *ret = bytes_of(l->rest.at, (size_t)(slash - l->rest.at));
    l->rest = bytes_of(slash + 1, l->rest.len - ret->len - 1);
    return true;
}

static size_t node_bytes(const struct trie_node *n)
{
    return (size_t)n->level_at + n->level_len;
}

static struct trie_node *node_new(const struct trie *t, struct trie_node *parent,
                                  struct bytes level, uint32_t hash)
{
    size_t head = t->of_topics ? offsetof(struct trie_node, retained_serial) + sizeof(uint64_t)
                               : sizeof(struct trie_node);
    struct trie_node *n = mem_zero(head + level.len);

    check(level.len <= UINT16_MAX);
    n->parent = parent;
    n->hash = hash;
    n->level_at = (uint16_t)head;
    n->level_len = (uint16_t)level.len;
    if (level.len > 0)
        memcpy((uint8_t *)n + head, level.at, level.len);
    return n;
}

/** trie_level() - the text of @n's level; borrowed from it */
struct bytes trie_level(const struct trie_node *n)
{
    return bytes_of((const uint8_t *)n + n->level_at, n->level_len);
}

static bool is_level(struct bytes level, char c)
{
    return level.len == 1 && level.at[0] == (uint8_t)c;
}

/* One hash for a node: its level's, scattered by its parent. */
static uint32_t hash_under(const struct trie_node *parent, uint64_t level_hash)
{
    return (uint32_t)(((level_hash ^ parent->hash) * 0x9e3779b97f4a7c15ULL) >> 32);
}

static struct trie_node **bucket_of(const struct trie *t, uint32_t hash)
{
    return &t->buckets[hash >> (32 - __builtin_ctzll(t->n_buckets))];
}

/** trie_init() - only a root */
void trie_init(struct trie *t, bool of_topics)
{
    *t = (struct trie){.of_topics = of_topics, .n_buckets = BUCKETS_MIN};
    t->buckets = mem_zero(t->n_buckets * sizeof(struct trie_node *));
    t->root = node_new(t, NULL, BYTES_NONE, 0x5bd1e995);
}

/** trie_done() - free all nodes; what hangs on them is the caller's to free before */
void trie_done(struct trie *t)
{
    for (size_t i = 0; i < t->n_buckets; i++) {
        struct trie_node *n = t->buckets[i];

        while (n != NULL) {
            struct trie_node *next = n->hash_next;

            free(n);
            n = next;
        }
    }
    free(t->buckets);
    free(t->root);
    *t = (struct trie){0};
}

static bool has_children(const struct trie *t, const struct trie_node *n)
{
    return t->of_topics ? n->first_child != NULL : n->n_children > 0;
}

/** trie_child() - @parent's child at @level, whose hash_keyed() is @level_hash; NULL if none */
struct trie_node *trie_child(const struct trie *t, const struct trie_node *parent,
                             struct bytes level, uint64_t level_hash)
{
    uint32_t hash = hash_under(parent, level_hash);
    struct trie_node *n;

    if (!has_children(t, parent))
        return NULL;
    for (n = *bucket_of(t, hash); n != NULL; n = n->hash_next) {
        if (n->hash == hash && n->parent == parent && bytes_equal(trie_level(n), level))
            break;
    }
    return n;
}

static void grow(struct trie *t)
{
    struct trie_node **old = t->buckets;
    size_t n_old = t->n_buckets;

    t->n_buckets *= 2;
    t->buckets = mem_zero(t->n_buckets * sizeof(struct trie_node *));
    for (size_t i = 0; i < n_old; i++) {
        struct trie_node *n = old[i];

        while (n != NULL) {
            struct trie_node *next = n->hash_next;
            struct trie_node **to = bucket_of(t, n->hash);

            n->hash_next = *to;
            *to = n;
            n = next;
        }
    }
    free(old);
}

static void link_sibling(struct trie_node *parent, struct trie_node *n)
{
    n->next_sibling = parent->first_child;
    if (n->next_sibling != NULL)
        n->next_sibling->prev_sibling = n;
    parent->first_child = n;
}

static void unlink_sibling(struct trie_node *parent, struct trie_node *n)
{
    if (n->prev_sibling != NULL)
        n->prev_sibling->next_sibling = n->next_sibling;
    else
        parent->first_child = n->next_sibling;
    if (n->next_sibling != NULL)
        n->next_sibling->prev_sibling = n->prev_sibling;
}

static void link_filter(struct trie_node *parent, struct trie_node *n)
{
    parent->n_children++;
    if (is_level(trie_level(n), '+'))
        parent->plus = n;
    if (is_level(trie_level(n), '#'))
        parent->pound = n;
}

static void unlink_filter(struct trie_node *parent, const struct trie_node *n)
{
    parent->n_children--;
    if (parent->plus == n)
        parent->plus = NULL;
    if (parent->pound == n)
        parent->pound = NULL;
}

/* There is none yet. */
static struct trie_node *child_new(struct trie *t, struct trie_node *parent, struct bytes level)
{
    struct trie_node *n;
    struct trie_node **bucket;

    if (t->n_nodes >= t->n_buckets)
        grow(t);
    n = node_new(t, parent, level, hash_under(parent, hash_keyed(level)));
    bucket = bucket_of(t, n->hash);
    n->hash_next = *bucket;
    *bucket = n;

    if (t->of_topics)
        link_sibling(parent, n);
    else
        link_filter(parent, n);
    t->n_nodes++;
    t->bytes += node_bytes(n);
    return n;
}

/** trie_reach() - Return: the last node there is on the way along @l, which is left at the levels
 * that are missing: done if there are none. */
struct trie_node *trie_reach(const struct trie *t, struct levels *l)
{
    struct trie_node *n = t->root;
    struct levels ahead = *l;
    struct bytes level;

    while (levels_next(&ahead, &level)) {
        struct trie_node *child = trie_child(t, n, level, hash_keyed(level));

        if (child == NULL)
            break;
        n = child;
        *l = ahead;
    }
    return n;
}

/** trie_extend() - Return: the node of what trie_reach() has left of @l, made below @n, which it
 * returned; if that is nothing, @n. */
struct trie_node *trie_extend(struct trie *t, struct trie_node *n, struct levels l)
{
    struct bytes level;

    while (levels_next(&l, &level))
        n = child_new(t, n, level);
    return n;
}

/** trie_find() - the node of @path, or NULL */
struct trie_node *trie_find(const struct trie *t, struct bytes path)
{
    struct levels l = levels_of(path);
    struct trie_node *n = trie_reach(t, &l);

    return l.done ? n : NULL;
}

/** trie_make() - the node of @path, made with its ancestors where missing */
struct trie_node *trie_make(struct trie *t, struct bytes path)
{
    struct levels l = levels_of(path);
    struct trie_node *n = trie_reach(t, &l);

    return trie_extend(t, n, l);
}

static void unlink_node(struct trie *t, struct trie_node *n)
{
    struct trie_node **at = bucket_of(t, n->hash);
    struct trie_node *parent = n->parent;

    while (*at != n)
        at = &(*at)->hash_next;
    *at = n->hash_next;

    if (t->of_topics)
        unlink_sibling(parent, n);
    else
        unlink_filter(parent, n);
    t->n_nodes--;
    t->bytes -= node_bytes(n);
}

/** trie_prune() - free @n and its ancestors as far as they are not @in_use and have no children */
void trie_prune(struct trie *t, struct trie_node *n, bool (*in_use)(const struct trie_node *n))
{
    while (n != t->root && !has_children(t, n) && !in_use(n)) {
        struct trie_node *parent = n->parent;

        unlink_node(t, n);
        free(n);
        n = parent;
    }
}
