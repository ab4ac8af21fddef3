/* SPDX-License-Identifier: Apache-2.0 */
/*
 * router/router.h - who wants what: subscriptions, interest of other outlets, retained messages
 *
 * Each worker has one router: the exact trie of the subscriptions of its own
 * sessions and, on the same nodes or by its hash, which other outlets (workers; later bridges and
 * monitors) want a filter.  A publish is matched once: the result names the local
 * subscriptions and the outlets.  Repeated topics hit a match cache.
 *
 * Pure: one thread, no clock, no socket.
 */
#pragma once

#include "base/bytes.h"
#include "base/list.h"
#include "queue/queue.h"

#define OUTLETS_MAX 64

struct router;
struct trie_node;
struct share; /* a shared subscription: one group on one filter; of share.c */

/* Stands inside a session.  The mark is the router's, to merge overlapping subscriptions. */
struct subscriber {
    struct list subscriptions;
    uint64_t mark_serial;
    uint32_t mark;
    uint32_t n_subscriptions; /* with those that are suspended: */
    uint32_t n_suspended;
};

#define RETAINED_WANTS_MAX 8 /* SUBSCRIBEs of one filter for which that is still to be done */

#define RETAINED_SO_FAR UINT64_MAX /* as the end of a want: all, up to when it is looked for */

/* Of the messages whose records a worker has given, and that go by one of its lanes, those behind
 * @after, up to @until. */
struct retained_lane {
    uint64_t after;
    uint64_t until;
};

/* Which of the messages that the journal has a want is about, after a restart, too.  Each worker
 * has two lanes, the second one for the control plane; the last two stand for all workers that have
 * none. */
struct retained_range {
    uint32_t n; /* even */
    struct retained_lane lanes[];
};

/* Retained messages are still to be found for a subscription, or, of the first one in its session's
 * turn, to be sent: then there is nothing between after and until. */
struct retained_want {
    struct list in_session; /* those of its session, in turn */
    struct subscription *subscription;
    uint64_t after;  /* with serials above this */
    uint64_t until;  /* and up to this, or RETAINED_SO_FAR; later ones come live */
    bool scans;      /* too many to be found at once: all topics are looked at, in parts */
    uint64_t record; /* id by which the journal has it; 0: it does not */
    struct retained_range *range; /* owned; NULL: nothing is promised */
    /* By later SUBSCRIBEs of the same filter, not in the list yet: */
    struct retained_want *next; /* owned */
    struct retained_want *last; /* of the first one only: the last behind it, or itself; */
    uint32_t n;                 /* and how many they are, with itself */
};

/* One that is suspended stands with its subscriber alone: no message meets it, and a group has a
 * member less (docs/decisions/0020). */
struct subscription {
    struct list in_subscriber;
    struct list in_node;
    struct retained_want *want;    /* owned; NULL: all that is retained was found */
    struct subscriber *subscriber; /* borrowed */
    struct trie_node *node;        /* NULL: suspended */
    struct share *share;           /* NULL: not shared, or suspended */
    uint64_t record;               /* id by which the journal has it; 0: it does not */
    uint32_t id;                   /* Subscription Identifier, 0: none */
    uint8_t qos;
    uint8_t retain_handling;
    bool no_local;
    bool retain_as_published;
    bool is_connected; /* of a shared one: its session has a network connection, */
    bool is_kept;      /* and the journal has its session */
    bool is_suspended;
    uint16_t filter_len;
    uint16_t group_len; /* 0: not shared */
    char filter[];      /* without "$share/group/"; with a zero after it, and then the group */
};

/* Without "$share/group/"; borrowed from the subscription. */
static inline struct bytes subscription_filter(const struct subscription *s)
{
    return bytes_of(s->filter, s->filter_len);
}

/* Of a shared one; borrowed, too. */
static inline struct bytes subscription_group(const struct subscription *s)
{
    return bytes_of(s->filter + s->filter_len + 1, s->group_len);
}

/* The subscriptions of one subscriber that match a topic: first[0] to first[n - 1]. */
struct receiver {
    struct subscriber *subscriber;
    struct subscription *const *first;
    size_t n;
};

/* Valid until the router changes or matches again. */
struct match {
    const struct receiver *receivers;
    size_t n_receivers;
    struct share *const *shares; /* each is owed one delivery, see share_next() */
    size_t n_shares;
    uint64_t outlets; /* BIT64(outlet) */
};

struct router *router_new(void);
struct router *router_free(struct router *r);

enum router_subscribed {
    ROUTER_NEW,      /* a new subscription, of a filter that a local session already has */
    ROUTER_NEW_HERE, /* the first of this filter here: the other outlets have to be told */
    ROUTER_REPLACED, /* the same filter again: options replaced [MQTT5-3.8.4-3] [MQTT3-3.8.4-3] */
};

enum router_subscribed router_subscribe(struct router *r, struct subscriber *s,
                                        const struct subscription *options, struct bytes filter);
void retained_want_free(struct retained_want *want);
struct subscription *router_find(const struct router *r, const struct subscriber *s,
                                 struct bytes filter);
void router_remove(struct router *r, struct subscription *s, bool *ret_last_here);
void router_suspend(struct router *r, struct subscription *s, bool *ret_last_here);
enum router_subscribed router_resume(struct router *r, struct subscription *s);
void router_interest(struct router *r, unsigned outlet, struct bytes filter, bool wanted);
struct match router_match(struct router *r, struct bytes topic, uint64_t topic_hash);

/* Shared subscriptions [MQTT5-4.8.2-1]: of a group's members, here and at other outlets, one gets a
 * message: in turn, and one that is connected before one that is not. */
struct share_count {
    uint32_t n_members;
    uint32_t n_connected;
    uint32_t n_kept; /* by the journal */
};

struct share_target {
    bool found;
    bool is_here;    /* a member of this worker: share_next_here() */
    unsigned outlet; /* when it is not */
};

struct subscription *router_share_find(const struct subscriber *s, struct bytes group,
                                       struct bytes filter);
enum router_subscribed router_share_join(struct router *r, struct subscriber *s,
                                         const struct subscription *options, struct bytes group,
                                         struct bytes filter);
void router_share_member(struct subscription *s, bool is_connected, bool is_kept);
void router_share_interest(struct router *r, unsigned outlet, struct bytes group,
                           struct bytes filter, struct share_count count);
struct share *router_share(const struct router *r, struct bytes group, struct bytes filter);
struct share *router_share_by_id(const struct router *r, uint32_t id);
uint32_t share_id(const struct share *s);
struct bytes share_group(const struct share *s);
struct bytes share_filter(const struct share *s);
struct share_count share_here(const struct share *s);
bool share_has_connected(const struct share *s);
bool share_has_away(const struct share *s);
bool share_has_kept(const struct share *s);
struct share_target share_next(struct share *s);
struct share_target share_next_elsewhere(struct share *s, uint64_t asked, bool connected);
struct subscription *share_next_here(struct share *s, bool connected);

/* Retained messages [MQTT5-3.3.1-5]. */
struct retained_limits {
    size_t messages_max;
    size_t bytes_max;
    size_t per_publisher_max;
};

enum retain_outcome {
    RETAIN_STORED,
    RETAIN_REMOVED, /* an empty payload [MQTT5-3.3.1-6] */
    RETAIN_OLDER,   /* a newer one for the topic is there already */
    RETAIN_E_FULL,  /* a limit would be passed; nothing was changed */
    RETAIN_E_QUOTA, /* the same, that of its publisher */
};

/* @serial: the order in which they were retained by this router */
typedef void retained_fn(void *arg, struct message *m, uint64_t serial);

enum retain_outcome router_retain(struct router *r, struct publication *p,
                                  const struct retained_limits *limits, uint64_t *ret_owner);
size_t router_retained_each(struct router *r, struct bytes filter, uint64_t now_ns, size_t n_max,
                            retained_fn *each, void *arg);
size_t router_retained_scan(struct router *r, struct retained_want *want, uint64_t now_ns,
                            size_t n_max, retained_fn *each, void *arg);
uint64_t router_retained_serial(const struct router *r);
uint64_t router_retained_by(const struct router *r, struct bytes topic);
bool router_retains(const struct router *r, const struct message *m);
size_t router_n_retained(const struct router *r);
size_t router_retained_bytes(const struct router *r);
size_t router_retained_sweep(struct router *r, uint64_t now_ns, uint64_t stamp_before,
                             size_t n_max);
