/* SPDX-License-Identifier: Apache-2.0 */
/* session/kept.c - what the journal keeps of deliveries, and what it gives back */
#include "base/clock.h"
#include "base/err.h"
#include "base/hash.h"
#include "session/session_private.h"

/* Read back at a time, and when not more than so many are left of what was read before. */
#define READ_BYTES_MAX (4U << 20)
#define READ_AHEAD     (SESSION_WANTS_MAX / 2)

/** session_notes() - where its deliveries are noted; NULL: there is no journal
 *
 * Also those of a session that is not kept, as a member of a group: it is connected.
 */
struct notes *session_notes(const struct session *s)
{
    return s->notes != NULL || s->conn == NULL ? s->notes : s->conn->notes;
}

/* d->record and its message's have been given. */
static struct delivery_record record_of(const struct session *s, const struct delivery *d)
{
    return (struct delivery_record){
        .session = s->number,
        .message = d->message->record,
        .qos = d->qos,
        .retain = d->retain,
        .n_subids = d->n_subids,
    };
}

/** session_note_sent() - under d->packet_id */
void session_note_sent(struct session *s, const struct delivery *d)
{
    if (d->record != 0)
        record_put_sent(&session_notes(s)->batch, d->record + RECORD_WAS_SENT, d->packet_id);
}

/** session_note_released() - PUBREC has come: the message is not needed any more */
void session_note_released(struct session *s, struct delivery *d)
{
    const struct released_record r = {.session = s->number, .packet_id = d->packet_id};

    if (d->record == 0)
        return;
    record_forget(d->record);
    record_forget(d->record + RECORD_WAS_SENT);
    d->record = 0;
    if (s->notes == NULL)
        return;
    d->record = notes_id(s->notes);
    record_put_released(&s->notes->batch, d->record, &r);
}

/** session_note_offered() - @d is of @p, and has been given its id; @share: that it came by, or
 * NULL */
void session_note_offered(struct session *s, struct publication *p, const struct delivery *d,
                          const struct share *share)
{
    struct delivery_record r;

    if (d->record == 0)
        return;
    notes_message(session_notes(s), p);
    r = record_of(s, d);
    r.group = share != NULL ? share_group(share) : BYTES_NONE;
    r.filter = share != NULL ? share_filter(share) : BYTES_NONE;
    record_put_delivery(&session_notes(s)->batch, d->record, &r, delivery_subids(d));
}

/** session_note_found() - @d is of what is retained, which has a record if it is to survive */
void session_note_found(struct session *s, struct delivery *d)
{
    struct delivery_record r;

    if (s->notes == NULL || d->qos == 0 || d->message->record == 0)
        return;
    d->record = notes_id(s->notes);
    r = record_of(s, d);
    record_put_delivery(&s->notes->batch, d->record, &r, delivery_subids(d));
}

/** session_note_want() - what is still to be found, in place of what was noted of it before; fine
 * if nothing is promised of it, or the session is not kept any more */
void session_note_want(struct session *s, struct retained_want *want)
{
    const struct retained_range *range = want->range;

    if (s->notes == NULL || range == NULL)
        return;
    notes_drop(s->notes, want->record);
    want->record = notes_id(s->notes);
    record_put_want(&s->notes->batch, want->record,
                    &(struct want_record){.session = s->number,
                                          .filter = subscription_filter(want->subscription),
                                          .n_lanes = (uint8_t)range->n},
                    range->lanes);
}

static enum inflight_state state_of(const struct delivery *d)
{
    if (d->message == NULL)
        return INFLIGHT_PUBCOMP;
    return d->qos == 1 ? INFLIGHT_PUBACK : INFLIGHT_PUBREC;
}

/**
 * session_restore_sent() - what was in flight
 * @sent:  in the order in which it is to be sent again, each packet id once; without a message:
 *         PUBREC has come for it.  References move.
 */
void session_restore_sent(struct session *s, const struct delivery *sent, size_t n)
{
    check(s->inflight.n == 0);
    for (size_t i = 0; i < n; i++) {
        struct delivery d = sent[i];

        d.state = (uint8_t)state_of(&d);
        inflight_restore(&s->inflight, &d);
    }
}

/* ---- reading back ---- */

/** session_wants() - see session.h */
size_t session_wants(struct session *s, uint64_t *ret)
{
    size_t n;

    if (s->conn == NULL || s->is_reading || s->queue.lanes[QUEUE_DELIVERY].n > READ_AHEAD)
        return 0;
    n = queue_wants(&s->queue, ret, SESSION_WANTS_MAX, READ_BYTES_MAX);
    s->is_reading = n > 0;
    return n;
}

/** session_read() - see session.h */
size_t session_read(struct session *s, const uint64_t *records, struct message **messages, size_t n)
{
    size_t n_lost = queue_unshelve(&s->queue, records, messages, n);

    s->is_reading = false;
    s->n_dropped += n_lost;
    return n_lost;
}

/** session_drop_shelved() - see session.h; Return: how many. */
size_t session_drop_shelved(struct session *s, const uint64_t *records, size_t n, uint64_t until)
{
    size_t n_dropped = queue_drop_shelved(&s->queue, records, n, until);

    s->n_dropped += n_dropped;
    return n_dropped;
}

/** session_expires_ns() - see session.h */
uint64_t session_expires_ns(uint64_t unix_ms, uint64_t unix_ms_at_zero)
{
    uint64_t ms = unix_ms > unix_ms_at_zero ? unix_ms - unix_ms_at_zero : 0;

    return unix_ms != UINT64_MAX && ms < UINT64_MAX / NS_PER_MS ? ms * NS_PER_MS : EXPIRES_NEVER;
}

/**
 * session_message() - see session.h
 * @id:               of the record; the message is a holder of it (queue/holders.h)
 * @unix_ms_at_zero:  the date when CLOCK_MONOTONIC was 0
 */
struct message *session_message(uint64_t id, struct bytes record, uint64_t unix_ms_at_zero)
{
    struct message_record m;
    struct publication p;
    struct message *made;

    if (!record_get_message(record, &m))
        return NULL;
    p = (struct publication){
        .topic = m.topic,
        .forward = m.forward,
        .payload = m.payload,
        .qos = m.qos,
        .retain = m.retain,
        .is_control = m.is_control,
        .expires_ns = session_expires_ns(m.expires_unix_ms, unix_ms_at_zero),
        .publisher = m.publisher.len > 0 ? client_key(m.publisher) : 0,
        .topic_hash = hash_keyed(m.topic),
    };
    made = publication_keep(&p);
    made->record = id;
    publication_done(&p);
    return made;
}
