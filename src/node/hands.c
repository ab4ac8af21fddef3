/* SPDX-License-Identifier: Apache-2.0 */
/*
 * node/hands.c - what respond can do to this node: the ends of its actions
 *
 * respond decides, and has no power; here each of its actions reaches what does it: the workers,
 * bastide-ward, the posture, the node itself.  On the sentinel's thread.
 *
 * MQ.RS.RP-01 to MQ.RS.RP-06
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/hash.h"
#include "base/mem.h"
#include "node/aim.h"
#include "node/node_private.h"
#include "node/orders.h"
#include "node/sentinel.h"

#define INCIDENT_TOPIC "$bastide/incident/"

static unsigned hand_disconnect(void *arg, enum respond_target kind, const char *target,
                                const char *address, const char *reason)
{
    struct sentinel *s = arg;
    struct aim a CLEANUP(aim_done) = aim_at(kind, target, address);

    aim_ask_sentinel(&a, s);
    return aim_disconnect(s->node, &a, reason);
}

static void hand_restrain(void *arg)
{
    enforce_restraints(arg);
}

static const char *hand_firewall(void *arg, const char *prefix, unsigned for_s)
{
    return firewall_ask(((struct sentinel *)arg)->node, prefix, for_s);
}

static const char *hand_posture(void *arg, enum respond_posture p)
{
    struct node *n = ((struct sentinel *)arg)->node;
    const char *lacks = posture_lacks(n, p);

    if (lacks == NULL)
        posture_want(n, p);
    return lacks;
}

static char *hand_revoke(void *arg, const char *serial)
{
    return revoke_certificate(((struct sentinel *)arg)->node, serial);
}

static void hand_shutdown(void *arg, const char *author, const char *reason)
{
    shutdown_want(((struct sentinel *)arg)->node, author, reason);
}

static void hand_ban(void *arg, const struct respond_ban *b)
{
    (void)b;
    enforce_bans(arg);
}

struct delay_post {
    struct post post;
    struct connect_delay *delay; /* owned; taken by the worker */
};

static void take_delay(struct worker *w, struct post *p)
{
    struct delay_post *d = list_item(p, struct delay_post, post);
    struct bytes key = bytes_of(d->delay->key, d->delay->key_len);

    free(map_remove(&w->delays, key));
    if (d->delay->delay_ns > 0)
        map_put(&w->delays, d->delay);
    else
        free(d->delay);
    free(d);
}

static struct post *delay_post(struct bytes key, unsigned delay_ms, uint64_t until_ns)
{
    struct delay_post *d = mem_new(struct delay_post);

    d->post.take = take_delay;
    d->delay = mem_zero(sizeof(*d->delay) + key.len);
    d->delay->delay_ns = delay_ms * NS_PER_MS;
    d->delay->until_ns = until_ns;
    d->delay->key_len = key.len;
    memcpy(d->delay->key, key.at, key.len);
    return &d->post;
}

struct pace_post {
    struct post post;
    uint64_t until_ns;
};

static void take_pace(struct worker *w, struct post *p)
{
    struct pace_post *d = list_item(p, struct pace_post, post);

    pace_until(w, d->until_ns);
    free(d);
}

static struct post *pace_post(uint64_t until_ns)
{
    struct pace_post *d = mem_new(struct pace_post);

    d->post.take = take_pace;
    d->until_ns = until_ns;
    return &d->post;
}

static void hand_delay(void *arg, enum respond_target kind, const char *target, const char *address,
                       unsigned delay_ms, uint64_t until_ns)
{
    struct sentinel *s = arg;
    bool is_pair = kind == TARGET_CLIENT_ADDRESS;
    CLEANUP(buf_done) struct buf key = {0};

    connect_delay_key(kind == TARGET_STRANGERS ? CONNECT_STRANGERS
                                               : bytes_str(is_pair ? address : target),
                      is_pair ? bytes_str(target) : BYTES_NONE, &key);
    for (unsigned i = 0; i < s->node->n_workers; i++)
        worker_post(s->node->workers[i], LANE_CONTROL,
                    kind == TARGET_NODE ? pace_post(until_ns)
                                        : delay_post(buf_view(&key), delay_ms, until_ns));
}

static void hand_publish(void *arg, const struct incident *i, const char *json)
{
    struct sentinel *s = arg;
    struct buf topic = {0};
    struct publication p = {
        .payload = bytes_str(json),
        .qos = 1,
        .is_control = true,
        .expires_ns = EXPIRES_NEVER,
    };

    if (i->severity >= s->alert_severity_min)
        alert_post(s->alert, json);
    buf_addf(&topic, INCIDENT_TOPIC "%s/%s", i->detector->name, i->id);
    p.topic = buf_view(&topic);
    p.topic_hash = hash_keyed(p.topic);
    for (unsigned k = 0; k < s->node->n_workers; k++)
        outlet_post(s->node->workers[k], &p);
    publication_done(&p);
    buf_done(&topic);
}

static unsigned hand_of_topic(void *arg, const char *filter, unsigned *ret_critical)
{
    struct sentinel *s = arg;
    struct aim a CLEANUP(aim_done) = aim_at(TARGET_TOPIC, filter, NULL);
    struct aim_count hit;

    aim_ask_sentinel(&a, s);
    hit = aim_count(s->node, &a);
    *ret_critical = hit.n_critical;
    return hit.n;
}

static unsigned hand_would_hit(void *arg, const struct respond_order *o)
{
    return order_would_hit(arg, o);
}

static char *hand_certificate(void *arg, const char *client_id)
{
    return identify_certificate_serial(((struct sentinel *)arg)->identify, bytes_str(client_id));
}

static char *hand_under(void *arg, const struct respond_measure *at)
{
    return lifting_text(arg, at);
}

/** hands_of() - those of this sentinel, for respond_new() */
struct respond_hands hands_of(struct sentinel *s)
{
    return (struct respond_hands){
        .arg = s,
        .disconnect = hand_disconnect,
        .ban_add = hand_ban,
        .ban_remove = hand_ban,
        .delay = hand_delay,
        .restrain = hand_restrain,
        .firewall = hand_firewall,
        .posture = hand_posture,
        .revoke = hand_revoke,
        .shutdown = hand_shutdown,
        .publish_incident = hand_publish,
        .online_clients = online_clients,
        .clients_at_address = online_at_address,
        .clients_of_topic = hand_of_topic,
        .would_hit = hand_would_hit,
        .certificate_of = hand_certificate,
        .under = hand_under,
    };
}
