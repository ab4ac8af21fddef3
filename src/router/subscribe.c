/* SPDX-License-Identifier: Apache-2.0 */
/* router/subscribe.c - subscriptions of local sessions and interest of other outlets */
#include <stdlib.h>

#include "base/err.h"
#include "base/hash.h"
#include "base/mem.h"
#include "router/router_private.h"

/** router_new() - nobody wants anything */
struct router *router_new(void)
{
    struct router *r = mem_new(struct router);

    trie_init(&r->subscriptions, false);
    trie_init(&r->retained, true);
    map_init(&r->shares, share_id_key);
    owners_init(&r->owners);
    return r;
}

/** router_free() - all subscriptions must have been removed; Return: NULL */
struct router *router_free(struct router *r)
{
    if (r == NULL)
        return NULL;
    match_done(r);
    exact_done(&r->interest);
    retained_done(r);
    shares_done(r);
    trie_done(&r->subscriptions);
    trie_done(&r->retained);
    free(r);
    return NULL;
}

/** node_in_use() - does anything hang on @n that keeps it? */
bool node_in_use(const struct trie_node *n)
{
    return n->n_subscriptions > 0 || n->outlets != 0 || n->shares != NULL;
}

static void node_prepare(struct trie_node *n)
{
    if (n->subscriptions.next == NULL)
        list_init(&n->subscriptions);
}

static struct subscription *find_at_node(const struct trie_node *n, const struct subscriber *s)
{
    list_each (it, (struct list *)&n->subscriptions) {
        struct subscription *sub = list_item(it, struct subscription, in_node);

        if (sub->subscriber == s)
            return sub;
    }
    return NULL;
}

static struct subscription *find_among_own(const struct trie_node *n, const struct subscriber *s)
{
    list_each (it, (struct list *)&s->subscriptions) {
        struct subscription *sub = list_item(it, struct subscription, in_subscriber);

        if (sub->node == n && sub->share == NULL)
            return sub;
    }
    return NULL;
}

/* The shorter list: thousands may have one filter, but nobody has thousands of filters. */
static struct subscription *find_at(const struct trie_node *n, const struct subscriber *s)
{
    if (n == NULL || n->n_subscriptions == 0)
        return NULL;
    return n->n_subscriptions < s->n_subscriptions ? find_at_node(n, s) : find_among_own(n, s);
}

static struct subscription *find_suspended(const struct subscriber *s, struct bytes filter)
{
    if (s->n_suspended == 0)
        return NULL;
    list_each (it, (struct list *)&s->subscriptions) {
        struct subscription *sub = list_item(it, struct subscription, in_subscriber);

        if (sub->is_suspended && sub->group_len == 0 &&
            bytes_equal(subscription_filter(sub), filter))
            return sub;
    }
    return NULL;
}

/** router_find() - @s's subscription to @filter, suspended or not, or NULL */
struct subscription *router_find(const struct router *r, const struct subscriber *s,
                                 struct bytes filter)
{
    struct subscription *sub = find_at(trie_find(&r->subscriptions, filter), s);

    return sub != NULL ? sub : find_suspended(s, filter);
}

/** subscription_set() - take over the options of a subscription, not what it hangs on */
void subscription_set(struct subscription *sub, const struct subscription *options)
{
    sub->id = options->id;
    sub->qos = options->qos;
    sub->retain_handling = options->retain_handling;
    sub->no_local = options->no_local;
    sub->retain_as_published = options->retain_as_published;
}

/** subscription_new() - a subscription of @s that hangs on no node yet */
struct subscription *subscription_new(struct subscriber *s, const struct subscription *options,
                                      struct bytes group, struct bytes filter)
{
    size_t bytes = offsetof(struct subscription, filter) + filter.len + 1 + group.len;
    struct subscription *sub = mem_zero(MAX(bytes, sizeof(*sub)));

    subscription_set(sub, options);
    if (filter.len > 0)
        memcpy(sub->filter, filter.at, filter.len);
    if (group.len > 0)
        memcpy(sub->filter + filter.len + 1, group.at, group.len);
    check(filter.len <= UINT16_MAX && group.len <= UINT16_MAX);
    sub->filter_len = (uint16_t)filter.len;
    sub->group_len = (uint16_t)group.len;
    sub->subscriber = s;
    list_append(&s->subscriptions, &sub->in_subscriber);
    s->n_subscriptions++;
    return sub;
}

static enum router_subscribed hang_on(struct trie_node *n, struct subscription *sub)
{
    node_prepare(n);
    sub->node = n;
    list_append(&n->subscriptions, &sub->in_node);
    return n->n_subscriptions++ > 0 ? ROUTER_NEW : ROUTER_NEW_HERE;
}

/**
 * router_subscribe() - add @filter to what @s wants, or replace its options
 * @options:  id, qos, retain_handling, no_local and retain_as_published are read
 * @filter:   valid, without "$share/group/"; copied; @s has no suspended one to it
 */
enum router_subscribed router_subscribe(struct router *r, struct subscriber *s,
                                        const struct subscription *options, struct bytes filter)
{
    struct trie_node *n = trie_make(&r->subscriptions, filter);
    struct subscription *sub = find_at(n, s);

    match_changed(r, filter);
    if (sub != NULL) {
        subscription_set(sub, options);
        return ROUTER_REPLACED;
    }
    check(find_suspended(s, filter) == NULL);
    return hang_on(n, subscription_new(s, options, BYTES_NONE, filter));
}

/** retained_want_free() - nothing is to be found for it any more; it is in no list of its session
 */
void retained_want_free(struct retained_want *want)
{
    record_forget(want->record);
    free(want->range);
    free(want);
}

static void want_nothing(struct subscription *s)
{
    if (s->want != NULL)
        list_remove(&s->want->in_session);
    while (s->want != NULL) {
        struct retained_want *next = s->want->next;

        retained_want_free(s->want);
        s->want = next;
    }
}

/* Return: whether it was the last of its filter here, and not a shared one. */
static bool leave_node(struct router *r, struct subscription *s)
{
    struct trie_node *n = s->node;
    bool is_shared = s->share != NULL;
    bool last_here = !is_shared && --n->n_subscriptions == 0;

    match_changed(r, subscription_filter(s));
    list_remove(&s->in_node);
    if (is_shared)
        share_leave(r, s); /* sees to its node itself */
    else
        trie_prune(&r->subscriptions, n, node_in_use);
    s->node = NULL;
    s->share = NULL;
    return last_here;
}

/**
 * router_remove() - end one subscription, suspended or not; @s is freed
 * @ret_last_here:  it was the last of its filter here, and not a shared one: the other outlets
 *                  have to be told
 */
void router_remove(struct router *r, struct subscription *s, bool *ret_last_here)
{
    *ret_last_here = !s->is_suspended && leave_node(r, s);
    s->subscriber->n_suspended -= s->is_suspended;
    s->subscriber->n_subscriptions--;
    list_remove(&s->in_subscriber);
    want_nothing(s);
    free(s);
}

/** router_suspend() - nothing matches it until router_resume(); @ret_last_here: as of
 * router_remove() */
void router_suspend(struct router *r, struct subscription *s, bool *ret_last_here)
{
    check(!s->is_suspended);
    *ret_last_here = leave_node(r, s);
    s->is_suspended = true;
    s->subscriber->n_suspended++;
}

/** router_resume() - what matches @s, which is suspended, finds it again; as a new one of its
 * group, see router_share_member(); never ROUTER_REPLACED */
enum router_subscribed router_resume(struct router *r, struct subscription *s)
{
    struct bytes filter = subscription_filter(s);

    check(s->is_suspended);
    s->is_suspended = false;
    s->subscriber->n_suspended--;
    if (s->group_len > 0) {
        share_enter(r, s);
        return ROUTER_NEW;
    }
    match_changed(r, filter);
    return hang_on(trie_make(&r->subscriptions, filter), s);
}

static bool has_wildcard(struct bytes filter)
{
    return memchr(filter.at, '+', filter.len) != NULL || memchr(filter.at, '#', filter.len) != NULL;
}

static void set_interest_at(struct router *r, unsigned outlet, struct bytes filter, bool wanted)
{
    struct trie_node *n =
        wanted ? trie_make(&r->subscriptions, filter) : trie_find(&r->subscriptions, filter);

    if (n == NULL)
        return;
    if (wanted)
        n->outlets |= BIT64(outlet);
    else
        n->outlets &= ~BIT64(outlet);
    trie_prune(&r->subscriptions, n, node_in_use);
}

/** router_interest() - @outlet (below OUTLETS_MAX) wants, or no longer wants, what matches @filter
 */
void router_interest(struct router *r, unsigned outlet, struct bytes filter, bool wanted)
{
    check(outlet < OUTLETS_MAX);
    match_changed(r, filter);
    if (has_wildcard(filter))
        set_interest_at(r, outlet, filter, wanted);
    else
        exact_set(&r->interest, hash_keyed(filter), outlet, wanted);
}
