/* SPDX-License-Identifier: Apache-2.0 */
/* node/restore.c - reading the records */
#include "node/restore.h"

#include <malloc.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"

static struct bytes record_of(const void *item)
{
    const struct message *m = item;

    return bytes_of(&m->record, sizeof(m->record));
}

static struct bytes session_of(const void *item)
{
    const struct restored_queue *q = item;

    return bytes_of(&q->session, sizeof(q->session));
}

/** restored_message() - borrowed; NULL if there is none with this record */
struct message *restored_message(const struct restoring *r, uint64_t record)
{
    return map_find(&r->made, bytes_of(&record, sizeof(record)));
}

/** restore_drop() - see restore.h */
void restore_drop(struct restoring *r, uint64_t id)
{
    notes_drop(r->node->workers[0]->notes, id);
    r->n_dropped++;
}

/* ---- each kind ---- */

static void keep_for_later(struct restored_list *l, uint64_t id, struct bytes record)
{
    if (l->n == l->cap) {
        l->cap = MAX(l->cap * 2, (size_t)64);
        l->at = mem_resize(l->at, l->cap * sizeof(*l->at));
    }
    l->at[l->n++] = (struct restored){id, bytes_dup(record)};
}

/** restore_add_delivery() - zero, valid until the next */
struct restored_delivery *restore_add_delivery(struct restored_deliveries *l)
{
    if (l->n == l->cap) {
        l->cap = MAX(l->cap * 2, (size_t)1024);
        l->at = mem_resize(l->at, l->cap * sizeof(*l->at));
    }
    l->at[l->n] = (struct restored_delivery){0};
    return &l->at[l->n++];
}

static bool take_released(struct restoring *r, uint64_t id, struct bytes record)
{
    struct restored_delivery *to;
    struct released_record d;

    if (!record_get_released(record, &d))
        return false;
    to = restore_add_delivery(&r->deliveries);
    to->session = d.session;
    to->delivery = (struct delivery){.record = id, .qos = 2, .packet_id = d.packet_id};
    return true;
}

static bool take_sent(struct restoring *r, uint64_t id, struct bytes record)
{
    uint16_t packet_id;

    if (!record_get_sent(record, &packet_id))
        return false;
    if (r->n_sent == r->sent_cap) {
        r->sent_cap = MAX(r->sent_cap * 2, (size_t)256);
        r->sent = mem_resize(r->sent, r->sent_cap * sizeof(*r->sent));
    }
    r->sent[r->n_sent++] = (struct restored_sent){id - RECORD_WAS_SENT, packet_id};
    return true;
}

static struct restored_list *list_for(struct restoring *r, uint8_t kind)
{
    switch (kind) {
    case RECORD_SESSION:
        return &r->sessions;
    case RECORD_SUBSCRIPTION:
        return &r->subscriptions;
    case RECORD_WILL:
        return &r->wills;
    case RECORD_RETAINED:
        return &r->retained;
    case RECORD_INTENT:
        return &r->intents;
    case RECORD_SHARE_INTENT:
        return &r->share_intents;
    case RECORD_RECEIVED:
        return &r->received;
    case RECORD_WANT:
        return &r->wants;
    default:
        return NULL;
    }
}

static void take_record(void *arg, uint8_t kind, uint64_t id, struct bytes record)
{
    struct restoring *r = arg;
    struct restored_list *later = list_for(r, kind);
    bool taken;

    if (later != NULL) {
        keep_for_later(later, id, record);
        return;
    }
    switch (kind) {
    case RECORD_MESSAGE:
        taken = restore_take_message(r, id, record);
        break;
    case RECORD_DELIVERY:
        taken = restore_take_delivery(r, id, record);
        break;
    case RECORD_SENT:
        taken = take_sent(r, id, record);
        break;
    case RECORD_RELEASED:
        taken = take_released(r, id, record);
        break;
    default:
        taken = false;
        break;
    }
    if (!taken)
        restore_drop(r, id);
}

/* ---- the whole ---- */

static void begin_notes(struct node *n)
{
    uint64_t count = record_count(journal_id_max(n->journal));

    for (unsigned i = 0; i < n->n_workers; i++) {
        struct notes *notes = mem_new(struct notes);

        notes_init(notes, i);
        notes_begin(notes, count);
        notes->unix_ms_at_zero = clock_unix_ms() - clock_now_ns() / NS_PER_MS;
        n->workers[i]->notes = notes;
    }
}

static void list_done(struct restored_list *l)
{
    for (size_t i = 0; i < l->n; i++)
        bytes_free(l->at[i].record);
    free(l->at);
}

/* Messages that nothing refers to any more go, and their records with them. */
static void done(struct restoring *r)
{
    size_t cursor = 0;
    struct message *m;

    while ((m = map_next(&r->made, &cursor)) != NULL)
        message_unref(m);
    map_done(&r->made);
    restore_messages_done(r);
    restore_queues_done(r);
    list_done(&r->sessions);
    list_done(&r->subscriptions);
    list_done(&r->wills);
    list_done(&r->retained);
    list_done(&r->intents);
    list_done(&r->share_intents);
    list_done(&r->received);
    list_done(&r->wants);
    free(r->deliveries.at);
    free(r->left.at);
    free(r->sent);
    buf_done(&r->subids);
}

/* What was changed by restoring is one batch: either all of it is true or none. */
static int commit(struct node *n)
{
    struct bytes batches[WORKERS_MAX];
    int r;

    for (unsigned i = 0; i < n->n_workers; i++)
        batches[i] = buf_view(&n->workers[i]->notes->batch.bytes);
    r = journal_commit(n->journal, batches, n->n_workers);
    for (unsigned i = 0; i < n->n_workers; i++)
        n->workers[i]->notes->batch.bytes.len = 0;
    return r;
}

/** restore_all() - see restore.h; the workers have notes afterwards */
int restore_all(struct node *n)
{
    struct restoring r = {.node = n, .now_ns = clock_now_ns(), .now_unix_ms = clock_unix_ms()};
    struct readmitted readmitted = {0}; /* who has to go is in the log */
    int result;

    begin_notes(n);
    map_init(&r.made, record_of);
    map_init(&r.queues, session_of);
    note_begin_turn(n->workers[0]);
    result = journal_each(n->journal, take_record, &r);
    if (result == 0)
        result = restore_link(&r);
    done(&r);
    if (result == 0)
        result = commit(n);
    if (result == 0) {
        for (unsigned i = 0; i < n->n_workers; i++)
            readmit_part(n->workers[i], &readmitted);
        for (unsigned i = 0; i < n->n_workers; i++)
            outlet_flush_control(n->workers[i]); /* before the first of them turns */
    }
    record_forget_by(NULL, NULL);
    (void)malloc_trim(0); /* what was needed to put it together */
    if (result == 0)
        log_info("journal",
                 "%zu sessions with %zu messages restored in %llu ms; %zu records dropped",
                 r.n_sessions, r.n_queued,
                 (unsigned long long)((clock_now_ns() - r.now_ns) / NS_PER_MS), r.n_dropped);
    return result;
}
