/* SPDX-License-Identifier: Apache-2.0 */
/*
 * router/share.c - shared subscriptions: one message for one member of a group
 *
 * A share is one group on one filter.  Every outlet tells the others how many members
 * of it it has, and how many of them are connected; so the worker that received a
 * message picks, in turn and by weight, a member of its own or an outlet, which then
 * picks among its own.  A member that is connected goes before one that is not.  Where none of
 * them takes it, the next outlet is asked that was not yet.
 * What a member holds survives if the journal has the session of any member.
 *
 * [MQTT5-4.8.2-1] [MQTT5-4.8.2-3]
 */
#include <stdlib.h>

#include "base/err.h"
#include "base/mem.h"
#include "router/router_private.h"

/** share_id_key() - for the map by id */
struct bytes share_id_key(const void *item)
{
    const struct share *s = item;

    return bytes_of(&s->id, sizeof(s->id));
}

static struct share *share_at(const struct trie_node *n, struct bytes group)
{
    struct share *s = n != NULL ? n->shares : NULL;

    while (s != NULL && !bytes_equal(s->group, group))
        s = s->next;
    return s;
}

static struct share *share_make(struct router *r, struct bytes group, struct bytes filter)
{
    struct trie_node *n = trie_make(&r->subscriptions, filter);
    struct share *s = share_at(n, group);

    if (s != NULL)
        return s;
    s = mem_new(struct share);
    s->node = n;
    s->group = bytes_dup(group);
    s->filter = bytes_dup(filter);
    s->id = ++r->next_share_id;
    list_init(&s->members);
    s->next = n->shares;
    n->shares = s;
    map_put(&r->shares, s);
    match_changed(r, filter);
    return s;
}

static void share_free(struct share *s)
{
    bytes_free(s->group);
    bytes_free(s->filter);
    free(s);
}

/* Nobody is in it, here or elsewhere: it goes. */
static void share_drop_unused(struct router *r, struct share *s)
{
    struct share **at = &s->node->shares;
    struct trie_node *n = s->node;

    if (s->here.n_members > 0 || s->elsewhere.n_members > 0)
        return;
    match_changed(r, s->filter);
    while (*at != s)
        at = &(*at)->next;
    *at = s->next;
    map_remove(&r->shares, share_id_key(s));
    share_free(s);
    trie_prune(&r->subscriptions, n, node_in_use);
}

/** shares_done() - forget what other outlets have; no member is left here */
void shares_done(struct router *r)
{
    size_t cursor = 0;
    struct share *s;

    while ((s = map_next(&r->shares, &cursor)) != NULL) {
        check(s->here.n_members == 0);
        share_free(s);
    }
    map_done(&r->shares);
}

/** router_share() - the share of @group on @filter, or NULL if it has no member anywhere */
struct share *router_share(const struct router *r, struct bytes group, struct bytes filter)
{
    return share_at(trie_find(&r->subscriptions, filter), group);
}

/** router_share_by_id() - the share with this share_id(), or NULL if it is gone */
struct share *router_share_by_id(const struct router *r, uint32_t id)
{
    return map_find(&r->shares, bytes_of(&id, sizeof(id)));
}

/** router_share_find() - the membership of @s, suspended or not, or NULL */
struct subscription *router_share_find(const struct subscriber *s, struct bytes group,
                                       struct bytes filter)
{
    list_each (it, (struct list *)&s->subscriptions) {
        struct subscription *sub = list_item(it, struct subscription, in_subscriber);

        if (sub->group_len > 0 && bytes_equal(subscription_filter(sub), filter) &&
            bytes_equal(subscription_group(sub), group))
            return sub;
    }
    return NULL;
}

/** share_enter() - @sub is a member of its group from here on, see router_share_member() */
void share_enter(struct router *r, struct subscription *sub)
{
    struct share *share = share_make(r, subscription_group(sub), subscription_filter(sub));

    sub->node = share->node;
    sub->share = share;
    list_append(&share->members, &sub->in_node);
    share->here.n_members++;
}

/** router_share_join() - @s, which has no suspended membership of it, is a member of @group on
 * @filter from here on, see router_share_member(); or new options */
enum router_subscribed router_share_join(struct router *r, struct subscriber *s,
                                         const struct subscription *options, struct bytes group,
                                         struct bytes filter)
{
    struct subscription *sub = router_share_find(s, group, filter);

    if (sub != NULL) {
        check(!sub->is_suspended);
        subscription_set(sub, options);
        return ROUTER_REPLACED;
    }
    share_enter(r, subscription_new(s, options, group, filter));
    return ROUTER_NEW;
}

/** share_leave() - @sub, already unlinked, is no member any more; the share may be freed */
void share_leave(struct router *r, struct subscription *sub)
{
    router_share_member(sub, false, false);
    sub->share->here.n_members--;
    share_drop_unused(r, sub->share);
}

static void count_one(uint32_t *n, bool *was, bool is)
{
    *n += (uint32_t)is - (uint32_t)*was;
    *was = is;
}

/** router_share_member() - does the session of @s have a network connection; does the journal have
 * it?  Neither, for a new member */
void router_share_member(struct subscription *s, bool is_connected, bool is_kept)
{
    count_one(&s->share->here.n_connected, &s->is_connected, is_connected);
    count_one(&s->share->here.n_kept, &s->is_kept, is_kept);
}

/** router_share_interest() - @outlet has so many members */
void router_share_interest(struct router *r, unsigned outlet, struct bytes group,
                           struct bytes filter, struct share_count count)
{
    struct share *s =
        count.n_members > 0 ? share_make(r, group, filter) : router_share(r, group, filter);

    check(outlet < OUTLETS_MAX && count.n_connected <= count.n_members &&
          count.n_kept <= count.n_members);
    if (s == NULL)
        return;
    s->elsewhere.n_members += count.n_members - s->outlets[outlet].n_members;
    s->elsewhere.n_connected += count.n_connected - s->outlets[outlet].n_connected;
    s->elsewhere.n_kept += count.n_kept - s->outlets[outlet].n_kept;
    s->outlets[outlet] = count;
    share_drop_unused(r, s);
}

/** share_id() - a number for it that is never reused on this worker */
uint32_t share_id(const struct share *s)
{
    return s->id;
}

/** share_group() - borrowed */
struct bytes share_group(const struct share *s)
{
    return s->group;
}

/** share_filter() - borrowed */
struct bytes share_filter(const struct share *s)
{
    return s->filter;
}

/** share_here() - the members that are sessions of this worker */
struct share_count share_here(const struct share *s)
{
    return s->here;
}

/** share_has_connected() - is any member connected, wherever it is? */
bool share_has_connected(const struct share *s)
{
    return s->here.n_connected + s->elsewhere.n_connected > 0;
}

/** share_has_away() - is any member not connected, wherever it is? */
bool share_has_away(const struct share *s)
{
    return s->here.n_members + s->elsewhere.n_members >
           s->here.n_connected + s->elsewhere.n_connected;
}

/** share_has_kept() - does the journal have the session of any member, wherever it is? */
bool share_has_kept(const struct share *s)
{
    return s->here.n_kept + s->elsewhere.n_kept > 0;
}

static uint32_t weight_of(const struct share_count *n, bool connected)
{
    return connected ? n->n_connected : n->n_members;
}

/** share_next_here() - the next member here in turn; NULL: there is none
 * @connected:  among those that are */
struct subscription *share_next_here(struct share *s, bool connected)
{
    for (uint32_t i = 0; i < s->here.n_members; i++) {
        struct list *first = s->members.next;
        struct subscription *sub = list_item(first, struct subscription, in_node);

        list_remove(first);
        list_append(&s->members, first);
        if (!connected || sub->is_connected)
            return sub;
    }
    return NULL;
}

/* Of all members at outlets the @k-th. */
static unsigned outlet_of(const struct share *s, uint32_t k, bool connected)
{
    unsigned i = 0;

    for (;; i++) {
        uint32_t n;

        check(i < OUTLETS_MAX);
        n = weight_of(&s->outlets[i], connected);
        if (k < n)
            return i;
        k -= n;
    }
}

/** share_next() - who gets the next message: a member here, or an outlet; not found: nobody is in
 * it */
struct share_target share_next(struct share *s)
{
    bool connected = share_has_connected(s);
    uint32_t here = weight_of(&s->here, connected);
    uint32_t all = here + weight_of(&s->elsewhere, connected);
    uint32_t k;

    if (all == 0)
        return (struct share_target){0};
    k = s->turn++ % all;
    if (k < here)
        return (struct share_target){.found = true, .is_here = true};
    return (struct share_target){.found = true, .outlet = outlet_of(s, k - here, connected)};
}

/** share_next_elsewhere() - an outlet with members, from some on in turn; not found: there is none
 * @asked:      BIT64(outlet) of those that are not to be found
 * @connected:  with members that are */
struct share_target share_next_elsewhere(struct share *s, uint64_t asked, bool connected)
{
    unsigned first = s->turn++ % OUTLETS_MAX;

    for (unsigned i = 0; i < OUTLETS_MAX; i++) {
        unsigned outlet = (first + i) % OUTLETS_MAX;

        if (!(asked & BIT64(outlet)) && weight_of(&s->outlets[outlet], connected) > 0)
            return (struct share_target){.found = true, .outlet = outlet};
    }
    return (struct share_target){0};
}
