/* SPDX-License-Identifier: Apache-2.0 */
/*
 * session/retained.c - what new subscriptions find, at the client's pace
 *
 * A subscription that wants retained messages waits in a list until all else has been
 * sent; then its owner looks for it and offers what it found.  So the session holds the
 * findings of one subscription at a time, however often the client subscribes.  What
 * was replaced after the subscription has come, or will, as a live message: it is
 * passed over, so that an old value never comes after a newer one.  If the session does
 * not take that one (at QoS 0 while it is away, or by the drop rule), what is retained by
 * then is looked for again.
 *
 * Of a session that is kept the journal has both: what a subscription wants still, and, as
 * deliveries, what it has found; it is told of a part that was found at once.
 */
#include <stdlib.h>

#include "base/err.h"
#include "base/mem.h"
#include "session/session_private.h"

static void forget(const struct retained_found *f)
{
    record_forget(f->record);
    message_unref(f->message);
}

/** session_forget_found() - what was found is not sent */
void session_forget_found(struct session *s)
{
    struct retained_batch *b = s->retained;

    if (b == NULL)
        return;
    while (b->at < b->n)
        forget(&b->found[b->at++]);
    free(b->found);
    free(b);
    s->retained = NULL;
}

/* Of those that wait only the first one has been begun. */
static struct retained_want *begin_last_anew(struct retained_want *want, uint64_t serial)
{
    record_forget(want->record);
    free(want->range);
    want->record = 0;
    want->range = NULL;
    want->after = 0;
    want->until = serial;
    return want;
}

/**
 * session_want_retained() - @sub, of this session, wants what is retained now
 * @serial:  router_retained_serial(): what comes later comes live
 *
 * Each SUBSCRIBE, also in the same packet [MQTT5-3.8.4-5] [MQTT3-3.8.4-4], finds all of it.  Of
 * those that wait, RETAINED_WANTS_MAX do; then the newest takes the place of the one before it.
 *
 * Return: borrowed; the journal does not have it yet.
 */
struct retained_want *session_want_retained(struct session *s, struct subscription *sub,
                                            uint64_t serial)
{
    struct retained_want *want;

    if (sub->want != NULL && sub->want->n == RETAINED_WANTS_MAX)
        return begin_last_anew(sub->want->last, serial);
    want = mem_new(struct retained_want);
    want->subscription = sub;
    want->until = serial;
    want->last = want;
    want->n = 1;
    list_init(&want->in_session);
    if (sub->want != NULL) {
        sub->want->last->next = want;
        sub->want->last = want;
        sub->want->n++;
        return want;
    }
    sub->want = want;
    list_append(&s->retained_wanting, &want->in_session);
    return want;
}

static struct retained_lane *lane_of(struct retained_range *r, const struct message *m)
{
    return &r->lanes[MIN(2 * record_worker(m->record), r->n - 2) + m->is_control];
}

/** session_wants_retained() - is @m, retained on this worker as the @serial-th, what @want is
 * about?
 *
 * After a restart, when serials say nothing, also what came at QoS 0 since then: it may have waited
 * in memory alone.
 */
bool session_wants_retained(const struct retained_want *want, const struct message *m,
                            uint64_t serial)
{
    const struct retained_lane *lane;

    if (serial <= want->after || serial > want->until)
        return false;
    if (want->range == NULL || m->record == 0)
        return true;
    lane = lane_of(want->range, m);
    return m->record > lane->after && (m->record <= lane->until || m->qos == 0);
}

/* It is among what was found; of its lane it is the last so far. */
static void pass(struct retained_want *want, const struct message *m)
{
    if (want->range != NULL && m->record != 0)
        lane_of(want->range, m)->after = m->record;
}

/* It is found, and not sent yet: what has replaced it by then may have been missed. */
static void keep_until_sent(struct session *s, struct retained_want *want)
{
    struct retained_range *range = want->range;

    want->after = want->until;
    for (size_t i = 0; range != NULL && i < range->n; i++)
        range->lanes[i].until = range->lanes[i].after;
    session_note_want(s, want);
}

/** session_found_retained() - all that @sub, of this session, wanted by its first SUBSCRIBE; what
 * it wants by the next one comes behind the others, when that is sent */
void session_found_retained(struct session *s, struct subscription *sub)
{
    struct retained_want *first = sub->want;
    struct retained_want *next = first->next;

    if (s->retained != NULL) {
        keep_until_sent(s, first);
        return;
    }
    if (next != NULL) {
        next->last = first->last;
        next->n = first->n - 1;
        list_append(&s->retained_wanting, &next->in_session);
    }
    list_remove(&first->in_session);
    retained_want_free(first);
    sub->want = next;
}

/* It is noted once for all that is missed before it is looked for. */
static void want_so_far(struct session *s, struct retained_want *want)
{
    struct retained_range *range = want->range;

    want->until = RETAINED_SO_FAR;
    if (range == NULL || range->lanes[0].until == RETAINED_SO_FAR)
        return;
    for (size_t i = 0; i < range->n; i++)
        range->lanes[i].until = RETAINED_SO_FAR;
    session_note_want(s, want);
}

/** session_missed() - the session has not taken what is retained from now on; @r: subscriptions to
 * which it was offered */
void session_missed(struct session *s, const struct receiver *r)
{
    for (size_t i = 0; i < r->n; i++) {
        if (r->first[i]->want != NULL)
            want_so_far(s, r->first[i]->want->last);
    }
}

/** session_pause_retained() - nothing is looked for by @sub until session_resume_retained() */
void session_pause_retained(struct subscription *sub)
{
    if (sub->want != NULL)
        list_remove(&sub->want->in_session);
}

/** session_resume_retained() - what @sub, of this session, has wanted is looked for behind what
 * others want: what was retained then, and was not replaced meanwhile */
void session_resume_retained(struct session *s, struct subscription *sub)
{
    if (sub->want != NULL)
        list_append(&s->retained_wanting, &sub->want->in_session);
}

static struct delivery delivery_of(const struct retained_batch *b, const struct retained_found *f)
{
    return (struct delivery){
        .message = f->message,
        .record = f->record,
        .qos = MIN(f->message->qos, b->qos),
        .retain = RETAIN_FLAG_FOUND,
        .subids = {b->subscription_id},
        .n_subids = b->subscription_id != 0,
    };
}

/**
 * session_offer_retained() - these were found for @want; they are sent after what waits already
 * @router:  where: of the session's worker
 * @found:   array and references taken over; n may be 0; if they are not all of it, in the order in
 *           which they were retained
 *
 * When session_retained_next() has asked for it.
 */
void session_offer_retained(struct session *s, struct retained_want *want,
                            const struct router *router, struct retained_found *found, size_t n)
{
    check(s->retained == NULL);
    if (n == 0) {
        free(found);
        return;
    }
    s->retained = mem_new(struct retained_batch);
    *s->retained = (struct retained_batch){
        .router = router,
        .found = found,
        .n = n,
        .subscription_id = want->subscription->id,
        .qos = want->subscription->qos,
    };
    for (size_t i = 0; i < n; i++) {
        struct delivery d = delivery_of(s->retained, &found[i]);

        pass(want, found[i].message);
        session_note_found(s, &d);
        found[i].record = d.record;
    }
}

/* What was replaced has come as what has replaced it: then nothing has expired.  While that is
 * still on its way from another worker it comes behind. */
static bool still_stands(struct session *s, const struct message *m, uint64_t now_ns)
{
    bool has_expired = m->expires_ns <= now_ns;

    if (message_is_replaced(m) && !router_retains(s->retained->router, m))
        return false;
    s->queue.n_expired += has_expired;
    return !has_expired;
}

/** session_take_found() - the next one that still stands; Return: false if there is none. */
bool session_take_found(struct session *s, uint64_t now_ns, struct delivery *ret)
{
    struct retained_batch *b = s->retained;
    bool stands = false;

    while (b != NULL && b->at < b->n && !stands) {
        const struct retained_found *f = &b->found[b->at++];

        stands = still_stands(s, f->message, now_ns);
        if (stands)
            *ret = delivery_of(b, f);
        else
            forget(f);
    }
    if (b != NULL && b->at == b->n)
        session_forget_found(s);
    return stands;
}

/* Return: how many. */
static size_t drop_found(struct session *s, queue_pick_fn *drop, const void *arg)
{
    struct retained_batch *b = s->retained;
    size_t kept, n;

    if (b == NULL)
        return 0;
    kept = b->at;
    n = b->n;
    for (size_t i = b->at; i < n; i++) {
        if (drop(arg, b->found[i].message))
            forget(&b->found[i]);
        else
            b->found[kept++] = b->found[i];
    }
    b->n = kept;
    if (b->at == b->n)
        session_forget_found(s);
    return n - kept;
}

/**
 * session_drop_waiting() - forget of what is not sent yet the messages that @drop says
 *
 * In the queue, but for its shelf, and among the retained ones that were found.  What was sent and
 * is not acknowledged stays: its packet id is in use.
 *
 * Return: how many.
 */
size_t session_drop_waiting(struct session *s, queue_pick_fn *drop, const void *arg)
{
    struct queue_ring out = {0};
    size_t n_dropped;

    queue_take_if(&s->queue, drop, arg, &out);
    n_dropped = out.n + drop_found(s, drop, arg);
    s->n_dropped += n_dropped;
    ring_done(&out);
    return n_dropped;
}

/**
 * session_count_waiting() - how many of the messages that @pick says are not sent yet
 * @n_unseen:  as of queue_count_if()
 *
 * What session_drop_waiting() would forget of.
 */
size_t session_count_waiting(const struct session *s, queue_pick_fn *pick, const void *arg,
                             size_t *n_unseen)
{
    const struct retained_batch *b = s->retained;
    size_t n = queue_count_if(&s->queue, pick, arg, n_unseen);

    for (size_t i = b != NULL ? b->at : 0; b != NULL && i < b->n; i++)
        n += pick(arg, b->found[i].message);
    return n;
}
