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

    aim_at_writers(&a, s);
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

static void hand_posture(void *arg, enum respond_posture p)
{
    posture_want(((struct sentinel *)arg)->node, p);
}

static char *hand_revoke(void *arg, const char *serial)
{
    return revoke_certificate(((struct sentinel *)arg)->node, serial);
}

static void hand_shutdown(void *arg, const char *author, const char *reason)
{
    shutdown_want(((struct sentinel *)arg)->node, author, reason);
}

static void hand_ban_add(void *arg, const struct respond_ban *b)
{
    enforce_add(arg, b);
}

static void hand_ban_remove(void *arg, const struct respond_ban *b)
{
    enforce_remove(arg, b);
}

struct delay_post {
    struct post post;
    struct address_delay delay;
};

static void take_delay(struct worker *w, struct post *p)
{
    struct delay_post *d = list_item(p, struct delay_post, post);
    struct address_delay *known = map_find(&w->delays, bytes_str(d->delay.address));

    if (d->delay.address[0] == '\0') {
        pace_until(w, d->delay.until_ns);
    } else if (known != NULL && d->delay.delay_ns == 0) {
        free(map_remove(&w->delays, bytes_str(d->delay.address)));
    } else if (known != NULL) {
        *known = d->delay;
    } else if (d->delay.delay_ns > 0) {
        known = mem_new(struct address_delay);
        *known = d->delay;
        map_put(&w->delays, known);
    }
    free(d);
}

static void hand_delay(void *arg, const char *address, unsigned delay_ms, uint64_t until_ns)
{
    struct sentinel *s = arg;

    for (unsigned i = 0; i < s->node->n_workers; i++) {
        struct delay_post *d = mem_new(struct delay_post);

        d->post.take = take_delay;
        snprintf(d->delay.address, sizeof(d->delay.address), "%s", address != NULL ? address : "");
        d->delay.delay_ns = delay_ms * NS_PER_MS;
        d->delay.until_ns = until_ns;
        worker_post(s->node->workers[i], LANE_CONTROL, &d->post);
    }
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

    aim_at_writers(&a, s);
    hit = aim_count(s->node, &a);
    *ret_critical = hit.n_critical;
    return hit.n;
}

static char *hand_certificate(void *arg, const char *client_id)
{
    return identify_certificate_serial(((struct sentinel *)arg)->identify, bytes_str(client_id));
}

/** hands_of() - those of this sentinel, for respond_new() */
struct respond_hands hands_of(struct sentinel *s)
{
    return (struct respond_hands){
        .arg = s,
        .disconnect = hand_disconnect,
        .ban_add = hand_ban_add,
        .ban_remove = hand_ban_remove,
        .delay_address = hand_delay,
        .restrain = hand_restrain,
        .firewall = hand_firewall,
        .posture = hand_posture,
        .revoke = hand_revoke,
        .shutdown = hand_shutdown,
        .publish_incident = hand_publish,
        .online_clients = online_clients,
        .clients_at_address = online_at_address,
        .clients_of_topic = hand_of_topic,
        .certificate_of = hand_certificate,
    };
}
