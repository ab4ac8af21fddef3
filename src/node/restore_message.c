/* SPDX-License-Identifier: Apache-2.0 */
/*
 * node/restore_message.c - messages out of the journal, at the start
 *
 * There may be many millions: of each only what it takes to place it is kept, and those that have
 * to be in memory are read in a second pass.  Records of one worker are written in the order of
 * ids, so they mostly are in order already.
 */
#include <stdlib.h>

#include "base/err.h"
#include "base/mem.h"
#include "node/restore.h"

static struct restored_messages *messages_like(struct restoring *r, uint64_t id)
{
    return &r->messages[id >> 2 & (RECORD_WORKERS_MAX - 1)];
}

static uint64_t unix_ms_at_zero(const struct restoring *r)
{
    return r->node->workers[0]->notes->unix_ms_at_zero;
}

/** restore_take_message() - see restore.h; each is given once */
bool restore_take_message(struct restoring *r, uint64_t id, struct bytes record)
{
    struct restored_messages *l = messages_like(r, id);
    struct message_record m;
    struct publication p;

    if (!record_get_message(record, &m))
        return false;
    p = (struct publication){.topic = m.topic, .forward = m.forward, .payload = m.payload};
    if (l->n == l->cap) {
        l->cap = MAX(l->cap * 2, (size_t)256);
        l->at = mem_resize(l->at, l->cap * sizeof(*l->at));
    }
    l->at[l->n++] = (struct restored_message){
        .id = id,
        .bytes = (uint32_t)publication_bytes(&p),
        .expires_s = shelf_expiry(session_expires_ns(m.expires_unix_ms, unix_ms_at_zero(r))),
        .is_control = m.is_control,
    };
    return true;
}

static int by_message(const void *a, const void *b)
{
    uint64_t left = ((const struct restored_message *)a)->id;
    uint64_t right = ((const struct restored_message *)b)->id;

    return (left > right) - (left < right);
}

static void sort(struct restored_messages *l)
{
    size_t i = 1;

    while (i < l->n && l->at[i - 1].id < l->at[i].id)
        i++;
    if (i < l->n)
        qsort(l->at, l->n, sizeof(*l->at), by_message);
}

/** restore_sort_messages() - all are taken, and can be found from now on */
void restore_sort_messages(struct restoring *r)
{
    for (unsigned w = 0; w < RECORD_WORKERS_MAX; w++)
        sort(&r->messages[w]);
}

/** restore_find_message() - NULL: there is none.  It is mostly the one that was found last, or the
 * one behind it. */
struct restored_message *restore_find_message(struct restoring *r, uint64_t id)
{
    struct restored_messages *l = messages_like(r, id);
    const struct restored_message key = {.id = id};
    struct restored_message *found;

    for (size_t i = l->last; i < l->n && i < l->last + 2; i++) {
        if (l->at[i].id == id) {
            l->last = i;
            return &l->at[i];
        }
    }
    found = l->n > 0 ? bsearch(&key, l->at, l->n, sizeof(key), by_message) : NULL;
    if (found != NULL)
        l->last = (size_t)(found - l->at);
    return found;
}

/** restore_want() - see restore.h; fine if there is no such message */
void restore_want(struct restoring *r, uint64_t message)
{
    struct restored_message *m = restore_find_message(r, message);

    if (m != NULL)
        m->is_wanted = true;
}

static void make(void *arg, uint8_t kind, uint64_t id, struct bytes record)
{
    struct restoring *r = arg;
    struct message *m =
        kind == RECORD_MESSAGE ? session_message(id, record, unix_ms_at_zero(r)) : NULL;

    if (m != NULL)
        map_put(&r->made, m);
}

static int read_wanted(struct restoring *r)
{
    struct buf ids CLEANUP(buf_done) = {0};
    struct journal_search *s;
    int result;

    for (unsigned w = 0; w < RECORD_WORKERS_MAX; w++) {
        const struct restored_messages *l = &r->messages[w];

        for (size_t i = 0; i < l->n; i++) {
            if (l->at[i].is_wanted)
                buf_add(&ids, bytes_of(&l->at[i].id, sizeof(l->at[i].id)));
        }
    }
    if (ids.len == 0)
        return 0;
    s = journal_search_new((const uint64_t *)(void *)ids.at, ids.len / sizeof(uint64_t));
    result = journal_search_some(r->node->journal, s, UINT64_MAX, make, r);
    journal_search_free(s);
    return result;
}

/* One that was read is a holder, beside the deliveries on shelves. */
static void count_holders(struct restoring *r, const struct restored_message *m)
{
    uint32_t n = m->n_holders + (restored_message(r, m->id) != NULL ? 1 : 0);

    if (n > 0)
        holders_add(m->id, n - 1);
    else
        restore_drop(r, m->id);
}

/** restore_messages() - see restore.h */
int restore_messages(struct restoring *r)
{
    int result = read_wanted(r);

    for (unsigned w = 0; w < RECORD_WORKERS_MAX && result == 0; w++)
        for (size_t i = 0; i < r->messages[w].n; i++)
            count_holders(r, &r->messages[w].at[i]);
    return result;
}

/** restore_messages_done() - fine if nothing was read */
void restore_messages_done(struct restoring *r)
{
    for (unsigned w = 0; w < RECORD_WORKERS_MAX; w++)
        free(r->messages[w].at);
}
