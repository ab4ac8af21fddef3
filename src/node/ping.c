/* SPDX-License-Identifier: Apache-2.0 */
/*
 * node/ping.c - clients that must be there are asked whether they are
 *
 * Each detect.ping_interval_s whoever is connected with a role that has a ping_topic gets an empty
 * message at QoS 1 there, by way of the subscription that it must have, and answers by publishing
 * something, wherever.  What a client library acknowledges by itself would show that the network
 * connection is there, and not that the device works.  client-unavailable (D04) counts.
 *
 * MQ.DE.PM-01
 */
#include "base/clock.h"
#include "base/hash.h"
#include "node/node_private.h"

static bool topic_of(const struct link *l, struct buf *ret)
{
    const struct stream_peer *peer = stream_peer(l->stream);
    const struct gate_subject s = {
        .client_id = bytes_str(l->client_id),
        .certificate_cn = peer->has_certificate ? bytes_str(peer->tls->certificate.cn) : BYTES_NONE,
        .has_certificate = peer->has_certificate,
    };

    return gate_ping_topic(l->grant, &s, ret);
}

static void ping(struct link *l, uint64_t until_ns)
{
    CLEANUP(buf_done) struct buf topic = {0};
    struct publication p = {.qos = 1, .expires_ns = until_ns};

    if (!topic_of(l, &topic))
        return;
    p.topic = buf_view(&topic);
    p.topic_hash = hash_keyed(p.topic);
    notice_ping(l);
    flow_publish_own(l->worker, &p, NULL);
    publication_done(&p);
}

/** ping_all() - those of this worker; and again after the interval */
void ping_all(struct worker *w, struct due *d)
{
    uint64_t next_ns = w->now_ns + policy_ping_interval_s(w->policy) * NS_PER_S;

    list_each (it, &w->links) {
        struct link *l = list_item(it, struct link, in_worker);

        if (l->phase == LINK_OPEN && l->conn.state == CONN_ACTIVE)
            ping(l, next_ns);
    }
    worker_due(w, d, next_ns, DUE_PING);
}
