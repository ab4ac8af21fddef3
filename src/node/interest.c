/* SPDX-License-Identifier: Apache-2.0 */
/*
 * node/interest.c - what this worker wants from the others
 *
 * A filter that is new on this worker, or a change in a group of a shared
 * subscription, is announced to the others, and SUBACK leaves when all of them have
 * taken it in: a message published anywhere after SUBACK finds its subscriber.  Until
 * then the session's deliveries wait behind the SUBACK.
 *
 * That a filter is not wanted any more nobody waits for: it is told at the next sweep, all
 * of them together.  Until then messages come that nobody here gets; and a client that
 * comes back with its filter, as most do, finds it announced.
 */
#include <stdlib.h>

#include "base/err.h"
#include "base/mem.h"
#include "node/node_private.h"

/* Some thousand filters, so that a sweep is no longer than a turn; others are told of at once. */
#define RETIRING_BYTES_MAX 262144

struct interest {
    struct post post;
    unsigned from;
    uint64_t seq;             /* 0: nobody waits for it */
    bool wanted;              /* a plain subscription */
    struct share_count count; /* a shared one: when there is a group */
    size_t group_len;
    size_t filter_len;
    uint8_t text[]; /* group, filter */
};

struct interest_ack {
    struct post post;
    unsigned from;
    uint64_t seq;
};

/* A filter that nobody here wants any more, and the others do not know it yet. */
struct retiring {
    size_t len;
    uint8_t filter[];
};

struct suback_wait {
    struct list in_worker;
    uint64_t link;
    uint64_t seq;
    struct buf packet; /* the encoded SUBACK */
};

static uint64_t acked_by_all(const struct worker *w)
{
    uint64_t seq = w->interest_seq;

    for (unsigned i = 0; i < w->n_workers; i++) {
        if (i != w->index)
            seq = MIN(seq, w->interest_acked[i]);
    }
    return seq;
}

static void send_subacks(struct worker *w)
{
    uint64_t acked = acked_by_all(w);

    list_each (it, &w->suback_waits) {
        struct suback_wait *wait = list_item(it, struct suback_wait, in_worker);
        struct link *l = link_find(w, wait->link);

        if (wait->seq > acked)
            break;
        if (l != NULL && l->conn.n_subacks_due > 0) { /* else it is not waited for any longer */
            conn_suback(&l->conn, buf_view(&wait->packet));
            link_dirty(l);
        }
        list_remove(it);
        buf_done(&wait->packet);
        free(wait);
    }
}

static void take_interest_ack(struct worker *w, struct post *p)
{
    struct interest_ack *a = list_item(p, struct interest_ack, post);

    w->interest_acked[a->from] = MAX(w->interest_acked[a->from], a->seq);
    free(a);
    send_subacks(w);
}

/** interest_acknowledge() - what was taken in in this turn: workers wait for it with SUBACK */
void interest_acknowledge(struct worker *w)
{
    for (unsigned i = 0; i < w->n_workers; i++) {
        struct interest_ack *a;

        if (w->interest_taken[i] == 0)
            continue;
        a = mem_new(struct interest_ack);
        a->post.take = take_interest_ack;
        a->from = w->index;
        a->seq = w->interest_taken[i];
        w->interest_taken[i] = 0;
        outlet_add_control(w, i, &a->post);
    }
}

static void take_interest(struct worker *w, struct post *p)
{
    struct interest *in = list_item(p, struct interest, post);
    struct bytes group = bytes_of(in->text, in->group_len);
    struct bytes filter = bytes_of(in->text + in->group_len, in->filter_len);

    if (group.len > 0)
        router_share_interest(w->router, in->from, group, filter, in->count);
    else
        router_interest(w->router, in->from, filter, in->wanted);
    if (in->seq != 0)
        w->interest_taken[in->from] = in->seq;
    free(in);
}

static struct interest *interest_new(unsigned from, struct bytes group, struct bytes filter)
{
    struct interest *in = mem_zero(sizeof(*in) + group.len + filter.len);

    list_init(&in->post.mail.link);
    in->post.take = take_interest;
    in->from = from;
    in->group_len = group.len;
    in->filter_len = filter.len;
    if (group.len > 0)
        memcpy(in->text, group.at, group.len);
    memcpy(in->text + group.len, filter.at, filter.len);
    return in;
}

static void tell(struct worker *w, struct bytes group, struct bytes filter, bool wanted,
                 struct share_count count)
{
    bool is_waited_for = wanted || group.len > 0;

    w->interest_seq += is_waited_for;
    for (unsigned i = 0; i < w->n_workers; i++) {
        struct interest *in;

        if (i == w->index)
            continue;
        in = interest_new(w->index, group, filter);
        in->seq = is_waited_for ? w->interest_seq : 0;
        in->wanted = wanted;
        in->count = count;
        outlet_add_control(w, i, &in->post);
    }
}

/** outlet_want() - @outlet, no worker's, wants @filter from all workers, or no longer; any thread
 *
 * What is published on a worker after it has taken this in goes there.
 */
void outlet_want(struct node *n, unsigned outlet, struct bytes filter, bool wanted)
{
    check(outlet >= n->n_workers && outlet < n->n_outlets);
    for (unsigned i = 0; i < n->n_workers; i++) {
        struct interest *in = interest_new(outlet, BYTES_NONE, filter);

        in->wanted = wanted;
        worker_post(n->workers[i], LANE_CONTROL, &in->post);
    }
}

static struct bytes retiring_filter(const void *item)
{
    const struct retiring *r = item;

    return bytes_of(r->filter, r->len);
}

static size_t retiring_bytes(struct bytes filter)
{
    return sizeof(struct retiring) + filter.len;
}

static void tell_plain(struct worker *w, struct bytes filter, bool wanted)
{
    tell(w, BYTES_NONE, filter, wanted, (struct share_count){0});
}

/* Return: whether the others were never told that it is not wanted. */
static bool is_back(struct worker *w, struct bytes filter)
{
    struct retiring *r = map_remove(&w->retiring, filter);

    if (r == NULL)
        return false;
    w->retiring_bytes -= retiring_bytes(filter);
    free(r);
    return true;
}

static void retire(struct worker *w, struct bytes filter)
{
    struct retiring *r = mem_alloc(sizeof(*r) + filter.len);

    r->len = filter.len;
    memcpy(r->filter, filter.at, filter.len);
    check(map_put(&w->retiring, r) == NULL);
    w->retiring_bytes += retiring_bytes(filter);
}

/** interest_init() - nothing is wanted from others yet */
void interest_init(struct worker *w)
{
    list_init(&w->suback_waits);
    map_init(&w->retiring, retiring_filter);
}

/** interest_retire() - the others learn what is not wanted here any more; at each sweep */
void interest_retire(struct worker *w)
{
    size_t cursor = 0;
    struct retiring *r;

    while ((r = map_next(&w->retiring, &cursor)) != NULL) {
        tell_plain(w, retiring_filter(r), false);
        free(r);
    }
    map_done(&w->retiring);
    w->retiring_bytes = 0;
}

/** interest_done() - of interest_init(), when no SUBACK waits any more; nobody is told */
void interest_done(struct worker *w)
{
    size_t cursor = 0;
    struct retiring *r;

    while ((r = map_next(&w->retiring, &cursor)) != NULL)
        free(r);
    map_done(&w->retiring);
}

/** interest_tell() - this worker wants @filter from the others, or no longer */
void interest_tell(struct worker *w, struct bytes filter, bool wanted)
{
    if (w->n_workers == 1 || (wanted && is_back(w, filter)))
        return;
    if (wanted || w->retiring_bytes + retiring_bytes(filter) > RETIRING_BYTES_MAX)
        tell_plain(w, filter, wanted);
    else
        retire(w, filter);
}

/** share_tell() - the others learn how many members the group has here now */
void share_tell(struct worker *w, struct bytes group, struct bytes filter)
{
    const struct share *s = router_share(w->router, group, filter);

    tell(w, group, filter, false, s != NULL ? share_here(s) : (struct share_count){0});
}

/**
 * interest_send_suback() - w->suback leaves when the other workers have taken in what it grants
 * @type:           WIRE_SUBACK, or WIRE_UNSUBACK, which leaves behind the SUBACKs before it
 * @reason_string:  why something was not granted; NULL: all was
 */
void interest_send_suback(struct link *l, enum wire_type type, const char *reason_string)
{
    struct worker *w = l->worker;
    struct suback_wait *wait = mem_new(struct suback_wait);

    wait->link = l->number;
    wait->seq = w->interest_seq;
    conn_add_suback(&l->conn, &wait->packet, type, w->suback, reason_string);
    l->conn.n_subacks_due++;
    l->conn.n_packets++;
    list_append(&w->suback_waits, &wait->in_worker);
    send_subacks(w);
}
