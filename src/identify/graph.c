/* SPDX-License-Identifier: Apache-2.0 */
/*
 * identify/graph.c - the topic tree: which uses and interests meet
 *
 * One tree holds both topics that are published (uses) and filters that are
 * subscribed (interests), level by level.  A use finds its interests by walking
 * literal, '+' and '#' children; an interest finds its uses the other way round.
 * Depth is at most WIRE_TOPIC_LEVELS_MAX, as wire/ lets no deeper topic through.
 *
 * A walk has a budget: what a client asks for with one packet costs the sentinel
 * no more than that, however many topics there are.
 */
#include "identify/private.h"

#include <stdlib.h>

#include "base/mem.h"

#define WILD_ONE BYTES("+")
#define WILD_ALL BYTES("#")

static struct bytes node_key(const void *item)
{
    const struct topic_node *n = item;

    return bytes_of(n->level, n->level_len);
}

static struct topic_node *node_new(struct topic_node *parent, struct bytes level)
{
    size_t bytes = offsetof(struct topic_node, level) + level.len;
    struct topic_node *n = mem_zero(MAX(bytes, sizeof(*n)));

    list_init(&n->uses);
    list_init(&n->interests);
    n->parent = parent;
    n->level_len = (uint16_t)level.len; /* of a text of IDENTIFY_TEXT_MAX */
    if (level.len > 0)
        memcpy(n->level, level.at, level.len);
    return n;
}

static void node_free(struct topic_node *n)
{
    if (n->children != NULL)
        map_done(n->children);
    free(n->children);
    free(n);
}

/** graph_new() - an empty tree; owned */
struct topic_node *graph_new(void)
{
    return node_new(NULL, BYTES_NONE);
}

/** graph_free() - the leaves are gone by then, and with them all nodes; Return: NULL */
struct topic_node *graph_free(struct topic_node *root)
{
    node_free(root);
    return NULL;
}

/* The first level of @rest; @rest is what follows its '/'.  False: there was none left. */
static bool take_level(struct bytes *rest, struct bytes *ret)
{
    const uint8_t *slash;

    if (rest->at == NULL)
        return false;
    slash = memchr(rest->at, '/', rest->len);
    if (slash == NULL) {
        *ret = *rest;
        *rest = BYTES_NONE;
        return true;
    }
    *ret = bytes_of(rest->at, (size_t)(slash - rest->at));
    *rest = bytes_of(slash + 1, rest->len - ret->len - 1);
    return true;
}

/* NULL: there is none. */
static struct topic_node *child_at(const struct topic_node *parent, struct bytes level)
{
    return parent->children != NULL ? map_find(parent->children, level) : NULL;
}

/* The next one after @cursor, as map_next(). */
static struct topic_node *child_next(const struct topic_node *parent, size_t *cursor)
{
    return parent->children != NULL ? map_next(parent->children, cursor) : NULL;
}

static struct topic_node *child_get(struct topic_node *parent, struct bytes level)
{
    struct topic_node *n = child_at(parent, level);

    if (n != NULL)
        return n;
    if (parent->children == NULL) {
        parent->children = mem_new(struct map);
        map_init(parent->children, node_key);
    }
    n = node_new(parent, level);
    (void)map_put(parent->children, n);
    return n;
}

static bool leads_to_nothing(const struct topic_node *n)
{
    return (n->children == NULL || n->children->n == 0) && list_is_empty(&n->uses) &&
           list_is_empty(&n->interests);
}

/* Free the nodes that lead to nothing any more. */
static void prune(struct topic_node *n)
{
    while (n->parent != NULL && leads_to_nothing(n)) {
        struct topic_node *parent = n->parent;

        (void)map_remove(parent->children, node_key(n));
        node_free(n);
        n = parent;
    }
}

/* By what the connection has: it is bounded, and others may share the node. */
static struct leaf *leaf_at(const struct list *of_conn, const struct topic_node *n)
{
    list_each (it, of_conn)
        if (list_item(it, struct leaf, in_conn)->node == n)
            return list_item(it, struct leaf, in_conn);
    return NULL;
}

/**
 * graph_add() - hang a topic (@is_use) or a filter of a connection into the tree
 * @ret_is_new:  false: the connection has the same one already
 *
 * Return: the leaf.
 */
struct leaf *graph_add(struct topic_node *root, struct conn *c, struct bytes text, bool is_use,
                       bool *ret_is_new)
{
    struct list *of_conn = is_use ? &c->uses : &c->interests;
    struct topic_node *n = root;
    struct bytes rest, level;
    struct leaf *l;

    if (text.at == NULL)
        text = BYTES("");
    rest = text;
    while (take_level(&rest, &level))
        n = child_get(n, level);
    l = leaf_at(of_conn, n);
    *ret_is_new = l == NULL;
    if (l != NULL)
        return l;

    l = mem_zero(sizeof(*l) + text.len + 1);
    l->conn = c;
    l->node = n;
    memcpy(l->text, text.at, text.len);
    list_append(is_use ? &n->uses : &n->interests, &l->in_node);
    list_append(of_conn, &l->in_conn);
    return l;
}

/** graph_remove() - take a leaf out and free it */
void graph_remove(struct leaf *l)
{
    list_remove(&l->in_node);
    list_remove(&l->in_conn);
    prune(l->node);
    free(l);
}

/* One step of a walk.  Return: false when the budget is spent. */
static bool spend(struct pair_walk *w)
{
    if (w->budget == 0) {
        w->is_cut = true;
        return false;
    }
    w->budget--;
    return true;
}

static void each_interest(struct pair_walk *w, const struct topic_node *n, const struct leaf *use)
{
    if (n == NULL)
        return;
    list_each (it, &n->interests) {
        if (!spend(w))
            return;
        w->pair(w, use, list_item(it, struct leaf, in_node));
    }
}

static void walk_topic(struct pair_walk *w, const struct topic_node *n, struct bytes rest,
                       const struct leaf *use)
{
    /* "$SYS/..." is met by no filter that begins with a wildcard [MQTT5-4.7.2-1]. */
    bool wild = n->parent != NULL || use->text[0] != '$';
    struct bytes level;
    const struct topic_node *child;

    if (!spend(w))
        return;
    if (wild) /* "a/#" meets "a" too */
        each_interest(w, child_at(n, WILD_ALL), use);
    if (!take_level(&rest, &level)) {
        each_interest(w, n, use);
        return;
    }
    child = child_at(n, level);
    if (child != NULL)
        walk_topic(w, child, rest, use);
    child = wild ? child_at(n, WILD_ONE) : NULL;
    if (child != NULL)
        walk_topic(w, child, rest, use);
}

/** graph_pairs_of_use() - call @w->pair for each standing interest that @use meets, as far as the
 * budget reaches */
void graph_pairs_of_use(struct topic_node *root, const struct leaf *use, struct pair_walk *w)
{
    walk_topic(w, root, bytes_str(use->text), use);
}

static void each_use(struct pair_walk *w, const struct topic_node *n, const struct leaf *interest)
{
    list_each (it, &n->uses) {
        if (!spend(w))
            return;
        w->pair(w, list_item(it, struct leaf, in_node), interest);
    }
}

static bool is_met_by_wildcard(const struct topic_node *n)
{
    if (n->parent->parent == NULL && n->level_len > 0 && n->level[0] == '$')
        return false;
    return !bytes_equal(node_key(n), WILD_ONE) && !bytes_equal(node_key(n), WILD_ALL);
}

static void walk_all(struct pair_walk *w, const struct topic_node *n, const struct leaf *interest)
{
    const struct topic_node *child;
    size_t cursor = 0;

    each_use(w, n, interest);
    while (!w->is_cut && (child = child_next(n, &cursor)) != NULL)
        if (spend(w) && is_met_by_wildcard(child))
            walk_all(w, child, interest);
}

static void walk_filter(struct pair_walk *w, const struct topic_node *n, struct bytes rest,
                        const struct leaf *interest)
{
    const struct topic_node *child;
    struct bytes level;
    size_t cursor = 0;

    if (!take_level(&rest, &level)) {
        each_use(w, n, interest);
        return;
    }
    if (bytes_equal(level, WILD_ALL)) {
        walk_all(w, n, interest);
        return;
    }
    if (!bytes_equal(level, WILD_ONE)) {
        child = child_at(n, level);
        if (child != NULL)
            walk_filter(w, child, rest, interest);
        return;
    }
    while (!w->is_cut && (child = child_next(n, &cursor)) != NULL)
        if (spend(w) && is_met_by_wildcard(child))
            walk_filter(w, child, rest, interest);
}

/** graph_pairs_of_interest() - call @w->pair for each use that @interest meets, as far as the
 * budget reaches */
void graph_pairs_of_interest(struct topic_node *root, const struct leaf *interest,
                             struct pair_walk *w)
{
    walk_filter(w, root, bytes_str(interest->text), interest);
}
