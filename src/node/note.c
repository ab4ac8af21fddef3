/* SPDX-License-Identifier: Apache-2.0 */
/*
 * node/note.c - what this worker has the journal keep, and what comes of it
 *
 * What is noted in a turn is handed over to the scribe before anything that follows from
 * it can be seen elsewhere: before messages leave for other workers, and before
 * packets leave for clients, which wait at their gates until the scribe has answered.
 *
 * MQ.PR.SP-05 MQ.PR.SP-06
 */
#include <stdlib.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/mem.h"
#include "node/node_private.h"
#include "node/scribe.h"

static void gone(void *arg, uint64_t record)
{
    notes_drop(arg, record);
}

/** note_begin_turn() - what goes from here on is told to this worker's notes */
void note_begin_turn(struct worker *w)
{
    if (w->notes != NULL)
        record_forget_by(gone, w->notes);
}

static enum config_durability durability_of(const struct config *c, struct bytes topic)
{
    for (size_t i = 0; i < c->n_durability_rules; i++) {
        if (wire_filter_matches(bytes_str(c->durability_rules[i].filter), topic))
            return c->durability_rules[i].durability;
    }
    return c->durability;
}

/** note_is_durable() - is a message on @topic to survive? */
bool note_is_durable(const struct worker *w, struct bytes topic)
{
    return w->notes != NULL && durability_of(w->node->started, topic) == CONFIG_DURABILITY_COMMIT;
}

/** note_has_failed() - nothing can be kept, not even that there is a session */
bool note_has_failed(const struct worker *w)
{
    return w->notes != NULL && scribe_state(w->node->scribe) == SCRIBE_FAILED;
}

/** note_is_behind() - much has been noted that is not written yet */
bool note_is_behind(const struct worker *w)
{
    return w->notes != NULL && scribe_is_behind(w->node->scribe);
}

/** note_may_promise() - false: what is published above QoS 0 can not be kept; for how long nobody
 * knows */
bool note_may_promise(const struct worker *w)
{
    return w->notes == NULL || scribe_state(w->node->scribe) == SCRIBE_OK;
}

/* ---- notes ---- */

static struct session_record session_record_of(const struct worker *w, const struct resident *c)
{
    const struct session *s = c->session;

    return (struct session_record){
        .number = s->number,
        .left_unix_ms = c->link != NULL ? 0 : c->since_unix_ms,
        .expiry_s = s->expiry_s,
        .level = (uint8_t)c->level,
        .home = (uint8_t)w->index,
        .by_password = c->by_password,
        .is_control = c->is_control,
        .has_certificate = c->certificate_cn != NULL,
        .client_id = s->client_id,
        .principal = bytes_str(c->principal),
        .certificate_cn = bytes_str(c->certificate_cn),
    };
}

/** note_session() - the session as it is now, in place of what was noted of it before; one that is
 * not persistent is not kept any more */
void note_session(struct worker *w, struct resident *c)
{
    struct session *s = c->session;
    uint64_t before = s->record;
    struct session_record r;

    if (w->notes == NULL)
        return;
    if (!s->is_persistent) {
        session_forget(s);
        return;
    }
    s->notes = w->notes;
    if (s->number == 0)
        s->number = notes_session_number(w->notes);
    r = session_record_of(w, c);
    s->record = notes_id(w->notes);
    record_put_session(&w->notes->batch, s->record, &r);
    notes_drop(w->notes, before);
}

/** note_subscription() - of a session that is kept; in place of what was noted of it before */
void note_subscription(struct session *s, struct subscription *sub)
{
    const struct subscription_record r = {
        .session = s->number,
        .id = sub->id,
        .qos = sub->qos,
        .no_local = sub->no_local,
        .retain_as_published = sub->retain_as_published,
        .group = subscription_group(sub),
        .filter = subscription_filter(sub),
    };

    if (s->notes == NULL)
        return;
    notes_drop(s->notes, sub->record);
    sub->record = notes_id(s->notes);
    record_put_subscription(&s->notes->batch, sub->record, &r);
}

/** note_will() - of a session that is kept; @p is the Will Message */
void note_will(struct session *s, struct publication *p)
{
    struct will_record r = {.session = s->number};

    if (s->notes == NULL || !p->is_durable)
        return;
    r.expiry_ns = s->will->expiry_ns;
    r.delay_s = s->will->delay_s;
    record_put_will(&s->notes->batch, notes_message(s->notes, p)->record + RECORD_IS_WILL, &r);
}

/** note_retained() - @p is retained; what it replaces has been noted to be gone */
void note_retained(struct worker *w, struct publication *p)
{
    if (!p->is_durable)
        return;
    record_put_retained(&w->notes->batch, notes_message(w->notes, p)->record + RECORD_IS_RETAINED,
                        p->stamp);
}

/** note_intents() - @p is on its way to these outlets, each of which drops its intent when it has
 * taken it */
void note_intents(struct worker *w, struct publication *p, uint64_t outlets)
{
    uint64_t record;

    if (!p->is_durable || p->qos == 0)
        return;
    record = notes_message(w->notes, p)->record;
    for (unsigned i = 0; i < w->n_workers; i++) {
        if (i != w->index && (outlets & BIT64(i)))
            batch_put(&w->notes->batch, RECORD_INTENT, intent_id(record, i), BYTES_NONE);
    }
}

/** note_taken() - @m came from another worker, and what follows from it here has been noted */
void note_taken(struct worker *w, const struct message *m)
{
    if (w->notes != NULL && m->record != 0 && m->qos > 0)
        notes_drop(w->notes, intent_id(m->record, w->index));
}

/** note_share_intent() - the same for one member of a group; Return: its id, 0: it is not kept. */
uint64_t note_share_intent(struct worker *w, struct publication *p, const struct share *s)
{
    struct share_intent_record r = {.group = share_group(s), .filter = share_filter(s)};
    uint64_t id;

    if (!p->is_durable || p->qos == 0)
        return 0;
    r.message = notes_message(w->notes, p)->record;
    id = notes_id(w->notes);
    record_put_share_intent(&w->notes->batch, id, &r);
    return id;
}

/* ---- to the scribe and back ---- */

/**
 * note_hand_over() - what was noted so far is a batch of its own, and with the scribe
 *
 * Not in the middle of what follows from one packet or one post: after a kill there would be half
 * of it, such as the packet id of a message at QoS 2 without those who were to have it.
 */
void note_hand_over(struct worker *w)
{
    struct notes *n = w->notes;

    if (n == NULL || n->batch.bytes.len == 0)
        return;
    if (!scribe_take(w->node->scribe, w, n->number, &n->batch.bytes))
        w->held_until_ns = w->now_ns + HOLD_NS;
    n->number++;
}

/** note_flushed() - batches up to @number are on the device: what waited for them leaves */
void note_flushed(struct worker *w, uint64_t number)
{
    struct notes *n = w->notes;

    n->flushed = MAX(n->flushed, number);
    list_each (it, &n->gates) {
        struct gate *g = list_item(it, struct gate, in_notes);
        struct link *l = list_item(g->conn, struct link, conn);

        if (gate_open(g, n->flushed))
            link_dirty(l);
    }
}
