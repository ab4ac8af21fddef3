/* SPDX-License-Identifier: Apache-2.0 */
/* sim/receive.c - what a client does with what the node sends, and whether the node may send it */
#include "sim/client.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/mem.h"
#include "sim/model.h"
#include "sim/node.h"

static void owe(struct client *c, uint8_t type, uint16_t packet_id, uint8_t reason)
{
    if (c->n_owed == c->owed_cap) {
        c->owed_cap = c->owed_cap > 0 ? 2 * c->owed_cap : 16;
        c->owed = mem_resize(c->owed, c->owed_cap * sizeof(*c->owed));
    }
    c->owed[c->n_owed++] = (struct owed){type, reason, packet_id};
}

/* ---- CONNACK ---- */

static void drop_subscribes(struct client *c)
{
    for (unsigned i = 0; i < FILTERS; i++)
        c->subs[i].n_pending = c->subs[i].n_unanswered = 0;
}

static void receive_connack(struct line *k, const struct packet *p)
{
    struct client *c = k->client;
    int present = model_expected_present(k);

    expect(!k->was_answered, "k%u: a second CONNACK", k->index);
    k->was_answered = true;
    expect(p->reason == k->refusal, "k%u: CONNACK with 0x%02x instead of 0x%02x", k->index,
           p->reason, k->refusal);
    expect(p->reason == 0 || !p->session_present, "k%u: refused, and a session is present",
           k->index);
    expect(p->reason != 0 || present < 0 || p->session_present == present,
           "k%u of c%u: session present is %d and must be %d", k->index, c->index,
           p->session_present, present);
    if (k->phase == PHASE_LEFT || p->reason != 0) {
        if (c->line == k)
            client_leave(c, MAY_END_REFUSED);
        return;
    }
    k->phase = PHASE_OPEN;
    k->node_receive_max = p->receive_max != NOT_SET ? p->receive_max : OUT_MAX;
    k->node_alias_max = p->alias_max != NOT_SET ? MIN(p->alias_max, ALIASES) : 0;
    if (p->keep_alive_s != NOT_SET)
        k->keep_alive_s = (uint16_t)p->keep_alive_s;
    drop_subscribes(c);
    c->must_begin_clean = false;
    c->perhaps_no_member = false;
    c->known_epoch = c->epoch;
    if (p->session_present)
        client_resend(c);
    else
        client_session_gone(c);
}

/* ---- answers to what the client sent ---- */

static struct out *out_find(struct client *c, enum out_kind kind, uint16_t packet_id)
{
    for (unsigned i = 0; i < c->n_out; i++) {
        if (c->out[i].kind == kind && c->out[i].packet_id == packet_id && c->out[i].sent_here)
            return &c->out[i];
    }
    fail("c%u: an answer to %u, which is not open", c->index, packet_id);
}

/* Answers of one kind come in the order of what they answer [MQTT5-4.6.0-2] and [MQTT5-4.6.0-3]. */
static void check_order(const struct client *c, const struct out *o)
{
    for (const struct out *i = c->out; i < o; i++)
        expect(i->kind != o->kind || i->letter == NULL || i->letter->qos != o->letter->qos ||
                   !i->sent_here,
               "c%u: %u is acknowledged before %u", c->index, o->packet_id, i->packet_id);
}

static void out_remove(struct client *c, struct out *o)
{
    size_t at = (size_t)(o - c->out);

    memmove(o, o + 1, (--c->n_out - at) * sizeof(*o));
}

static void check_ack_reason(const struct line *k, struct letter *m, uint8_t reason)
{
    if (k->level != LEVEL_5) {
        expect(reason == 0, "a reason to a 3.1.1 client");
        return;
    }
    if (m->is_doubtful)
        return;
    if (m->is_denied && m->n_sent > 1)
        return; /* a repetition of what was refused to a 3.1.1 client, which cannot be told */
    if (m->is_denied)
        expect(reason == 0x87, "m%u, which is not allowed, is acknowledged with 0x%02x", m->n,
               reason);
    else if (reason == 0x97 && settings.durable)
        m->is_doubtful |= m->n_sent > 1; /* what was sent before may have been taken */
    else
        expect(reason == 0 || reason == 0x10, "m%u is refused with 0x%02x", m->n, reason);
}

static void receive_puback_or_pubrec(struct line *k, const struct packet *p, uint64_t written_ns)
{
    struct client *c = k->client;
    struct out *o = out_find(c, OUT_PUBLISH, p->packet_id);

    check_order(c, o);
    expect(o->letter->qos == (p->type == PUBACK ? 1 : 2), "c%u: %s for QoS %u", c->index,
           packet_name(p->type), o->letter->qos);
    check_ack_reason(k, o->letter, p->reason);
    if (p->reason >= 0x80) {
        letter_refused(o->letter);
        out_remove(c, o);
        client_resend(c);
        return;
    }
    letter_settled(o->letter, written_ns);
    if (p->type == PUBACK) {
        out_remove(c, o);
        client_resend(c);
    } else {
        struct out rel = *o;
        struct buf packet = {0};

        rel.kind = OUT_PUBREL;
        out_remove(c, o);
        c->out[c->n_out++] = rel;
        build_ack(&packet, PUBREL, rel.packet_id, 0, k->level);
        line_send(k, &packet);
    }
}

static void receive_pubcomp(struct line *k, const struct packet *p)
{
    struct client *c = k->client;
    struct out *o = out_find(c, OUT_PUBREL, p->packet_id);

    check_order(c, o);
    expect(p->reason == 0 || p->reason == 0x92, "c%u: PUBCOMP with 0x%02x", c->index, p->reason);
    out_remove(c, o);
    client_resend(c);
}

static void granted(struct client *c, const struct out *o, unsigned i)
{
    struct sub *s = &c->subs[o->filters[i]];

    if (!s->sure)
        s->sure_n = model_next_n();
    s->maybe = s->sure = true;
    s->gone_n = 0;
    if (settings.durable || !(c->line->may_end & MAY_END_STOPPED))
        model_subscribed(c, o, i); /* or who was to show what is retained is gone */
    if (s->n_pending > 0)
        return;
    s->steady = true;
    s->qos_least = s->qos_most = o->options[i] & 3;
    s->no_local = o->options[i] & 4;
    s->retain_as_published = o->options[i] & 8;
    s->id = o->id;
    s->since_n = model_next_n();
}

static void receive_suback(struct line *k, const struct packet *p)
{
    struct client *c = k->client;
    struct out *o = out_find(c, OUT_SUBSCRIBE, p->packet_id);

    expect(p->n_codes == o->n_filters, "c%u: SUBACK with %zu codes for %u filters", c->index,
           p->n_codes, o->n_filters);
    for (unsigned i = 0; i < o->n_filters; i++) {
        struct sub *s = &c->subs[o->filters[i]];
        bool allowed = may_subscribe(node_policy(), c->role, c->index, o->filters[i]);
        uint8_t no = k->level == LEVEL_5 ? 0x87 : 0x80;

        if (!node_policy_is_changing() && !o->is_doubtful)
            expect(p->codes[i] == (allowed ? o->options[i] & 3 : no),
                   "c%u: SUBACK for %s with 0x%02x", c->index, filter_text(o->filters[i]),
                   p->codes[i]);
        s->n_unanswered -= s->n_unanswered > 0;
        s->maybe |= p->codes[i] < 0x80 && o->undone[i] != UNDONE_ANSWERED;
        if (o->undone[i] != UNDONE_NOT)
            continue;
        s->n_pending -= s->n_pending > 0;
        if (p->codes[i] < 0x80)
            granted(c, o, i);
    }
    out_remove(c, o);
}

/* The SUBSCRIBEs before @unsubscribe have been undone. */
static void undone_answered(struct client *c, const struct out *unsubscribe, unsigned filter)
{
    for (struct out *o = c->out; o < unsubscribe; o++) {
        for (unsigned f = 0; o->kind == OUT_SUBSCRIBE && f < o->n_filters; f++) {
            if (o->filters[f] == filter && o->undone[f] == UNDONE_SENT)
                o->undone[f] = UNDONE_ANSWERED;
        }
    }
}

static void receive_unsuback(struct line *k, const struct packet *p)
{
    struct client *c = k->client;
    struct out *o = out_find(c, OUT_UNSUBSCRIBE, p->packet_id);

    if (k->level == LEVEL_5)
        expect(p->n_codes == o->n_filters, "c%u: UNSUBACK with %zu codes for %u filters", c->index,
               p->n_codes, o->n_filters);
    for (unsigned i = 0; i < o->n_filters; i++) {
        struct sub *s = &c->subs[o->filters[i]];

        if (k->level == LEVEL_5 && !node_policy_is_changing() && !o->is_doubtful)
            expect(p->codes[i] == 0 || (p->codes[i] == 0x11 && !o->options[i]),
                   "c%u: UNSUBACK for %s with 0x%02x", c->index, filter_text(o->filters[i]),
                   p->codes[i]);
        undone_answered(c, o, o->filters[i]);
        if (s->n_pending > 0) /* subscribed anew meanwhile */
            continue;
        s->maybe = s->sure = false;
        s->gone_n = model_next_n();
    }
    out_remove(c, o);
}

/* ---- what the node delivers ---- */

/* The topic that an alias stands for, or that it stands for from now on. */
static struct bytes resolve_alias(struct line *k, const struct packet *p)
{
    if (p->alias == 0)
        return p->topic;
    expect(p->alias <= k->alias_max, "k%u: topic alias %u, the client takes %u", k->index, p->alias,
           k->alias_max);
    if (p->topic.len > 0)
        k->node_alias_topic[p->alias] = topic_find(p->topic) + 1;
    expect(k->node_alias_topic[p->alias] > 0, "k%u: topic alias %u stands for nothing", k->index,
           p->alias);
    return bytes_str(topic_text((unsigned)k->node_alias_topic[p->alias] - 1));
}

/* The node did not get the PUBREC, so the same comes again; another message by that packet id is
 * a new one [MQTT5-4.3.3-9]. */
static bool is_refused_again(const struct client *c, const struct packet *p)
{
    const struct letter *m = p->payload.len > 0 ? letter_find(p->payload) : NULL;

    return c->received[p->packet_id] == RECEIVED_REFUSED && (p->flags & 8) &&
           c->refused_by_id[p->packet_id] == m;
}

static void receive_publish(struct line *k, const struct packet *sent, uint64_t written_ns)
{
    struct client *c = k->client;
    struct packet resolved = *sent;
    const struct packet *p = &resolved;
    const struct arrival a = {k, p, written_ns};
    unsigned qos = p->flags >> 1 & 3;
    uint8_t reason = k->level == LEVEL_5 && one_in(40) ? 0x83 : 0;

    resolved.topic = resolve_alias(k, sent);
    if (qos > 0) {
        k->n_unacknowledged++;
        expect(k->n_unacknowledged <= k->receive_max,
               "c%u: more than %u messages without acknowledgement", c->index, k->receive_max);
        expect(k->n_unacknowledged <= settings.inflight_max,
               "c%u: more messages in flight than inflight_max", c->index);
    }
    if (qos == 2 && c->received[p->packet_id] == RECEIVED) {
        expect(p->flags & 8, "c%u: packet id %u is used for another message", c->index,
               p->packet_id);
        owe(c, PUBREC, p->packet_id, 0);
        return;
    }
    if (qos == 2 && is_refused_again(c, p)) {
        owe(c, PUBREC, p->packet_id, 0x83);
        return;
    }
    model_received(c, &a);
    if (qos == 1)
        owe(c, PUBACK, p->packet_id, reason);
    if (qos == 2) {
        c->received[p->packet_id] = reason == 0 ? RECEIVED : RECEIVED_REFUSED;
        c->refused_by_id[p->packet_id] = p->payload.len > 0 ? letter_find(p->payload) : NULL;
        owe(c, PUBREC, p->packet_id, reason);
    }
}

static void receive_pubrel(struct line *k, const struct packet *p)
{
    struct client *c = k->client;

    expect(p->reason == 0 || (p->reason == 0x92 && c->received[p->packet_id] != RECEIVED),
           "c%u: PUBREL with 0x%02x", c->index, p->reason);
    c->received[p->packet_id] = 0;
    owe(c, PUBCOMP, p->packet_id, 0);
}

static void receive_disconnect(struct line *k, const struct packet *p)
{
    trace("k%u < DISCONNECT 0x%02x", k->index, p->reason);
    k->end_reason = p->reason;
    expect(p->reason >= 0x80, "k%u: DISCONNECT from the node with 0x%02x", k->index, p->reason);
    expect(k->phase != PHASE_CONNECTING, "k%u: DISCONNECT before CONNACK", k->index);
}

/* ---- packets ---- */

static void receive(struct line *k, const struct packet *p, uint64_t written_ns)
{
    struct client *c = k->client;

    expect(k->end_reason == 0, "k%u: %s after DISCONNECT", k->index, packet_name(p->type));
    expect(p->len <= k->packet_max, "k%u: %s of %zu bytes, the client takes %u", k->index,
           packet_name(p->type), p->len, k->packet_max);
    expect(k->was_answered || p->type == CONNACK, "k%u: %s before CONNACK", k->index,
           packet_name(p->type));
    if (p->type == CONNACK) {
        trace("c%u < k%u CONNACK 0x%02x present %d", c->index, k->index, p->reason,
              p->session_present);
        receive_connack(k, p);
        return;
    }
    if (p->type == DISCONNECT) {
        receive_disconnect(k, p);
        return;
    }
    if (k->phase != PHASE_OPEN)
        return; /* to somebody who does not listen any more */
    if (p->type != PUBLISH)
        trace("c%u < k%u %s %u 0x%02x", c->index, k->index, packet_name(p->type), p->packet_id,
              p->reason);
    switch (p->type) {
    case PUBLISH:
        receive_publish(k, p, written_ns);
        break;
    case PUBACK:
    case PUBREC:
        receive_puback_or_pubrec(k, p, written_ns);
        break;
    case PUBREL:
        receive_pubrel(k, p);
        break;
    case PUBCOMP:
        receive_pubcomp(k, p);
        break;
    case SUBACK:
        receive_suback(k, p);
        break;
    case UNSUBACK:
        receive_unsuback(k, p);
        break;
    case PINGRESP:
        expect(k->n_pings > 0, "k%u: PINGRESP to nothing", k->index);
        k->n_pings--;
        break;
    default:
        fail("k%u: %s", k->index, packet_name(p->type));
    }
}

static void parse_all(struct line *k, uint64_t written_ns)
{
    struct packet p;
    size_t used = 0;

    while (packet_parse(bytes_of(k->in.at + used, k->in.len - used), k->level, &p)) {
        receive(k, &p, written_ns);
        used += p.len;
    }
    if (used > 0)
        buf_drop_front(&k->in, used);
}

/** line_read() - at most @most bytes, and all packets that are whole with them */
void line_read(struct line *k, size_t most)
{
    uint64_t written_ns = 0;
    size_t n;

    if (k->phase == PHASE_OVER)
        return;
    while (most > 0 && (n = socket_receive(k->socket, most, &k->in, &written_ns)) > 0) {
        most -= n;
        if (k->client != NULL)
            parse_all(k, written_ns);
        else
            k->in.len = 0;
    }
    if (socket_at_end(k->socket))
        line_over(k);
}
