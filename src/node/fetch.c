/* SPDX-License-Identifier: Apache-2.0 */
/*
 * node/fetch.c - what waits in the journal for a client that takes it comes back into memory
 *
 * The worker asks with ids; the scribe answers with messages, made anew for the one who
 * asked.  What is not in the journal as it was written is lost, and said so.  The session
 * may have ended meanwhile, or have been cleared: then nobody wants the answer.
 *
 * MQ.PR.SP-06
 */
#include "node/fetch.h"

#include <stdlib.h>

#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"
#include "node/node_private.h"
#include "node/scribe.h"

/** fetch_free() - with the messages that nobody wants; Return: NULL */
struct fetch *fetch_free(struct fetch *f)
{
    if (f == NULL)
        return NULL;
    for (size_t i = 0; i < f->n; i++) {
        if (f->messages[i] != NULL) {
            f->messages[i]->record = 0; /* whose it is holds it */
            message_unref(f->messages[i]);
        }
    }
    journal_search_free(f->search);
    bytes_free(f->client_id);
    free(f->records);
    free(f->messages);
    free(f);
    return NULL;
}

/* A quarantine may have begun since it was asked for. */
static void hold_back(struct worker *w, struct fetch *f)
{
    uint64_t to = client_key(f->client_id);

    for (size_t i = 0; i < f->n; i++) {
        struct message *m = f->messages[i];

        if (m == NULL || (restraints_block(w->restraints, QUARANTINE_DELIVER, m->topic) == NULL &&
                          !restraints_parts(w->restraints, m->publisher, to)))
            continue;
        m->record = 0;
        f->messages[i] = message_unref(m);
        f->n_blocked++;
    }
}

static void tell(struct worker *w, const struct fetch *f, size_t n_lost)
{
    if (n_lost == 0)
        return;
    w->counters.messages_dropped += n_lost;
    log_error("journal", "%.*s: %zu messages that waited for it are damaged and were dropped",
              BYTES_ARG(f->client_id), n_lost);
    node_audit(w->node, "node", "journal", "damaged", "messages that waited for a client",
               "dropped");
}

static void take(struct worker *w, struct post *p)
{
    struct fetch *f = list_item(p, struct fetch, post);
    struct resident *c = resident_find(w, f->client_id);
    size_t n_none;

    if (c != NULL && c->session->number == f->session) {
        purge_session(w, c);
        hold_back(w, f);
        n_none = session_read(c->session, f->records, f->messages, f->n);
        memset(f->messages, 0, f->n * sizeof(*f->messages)); /* taken over */
        w->counters.messages_quarantined += MIN(n_none, f->n_blocked);
        tell(w, f, n_none - MIN(n_none, f->n_blocked));
        if (c->link != NULL)
            link_dirty(c->link);
    }
    fetch_free(f);
}

/** fetch_wanted() - ask for what the client is about to take, if it is not in memory */
void fetch_wanted(struct worker *w, struct session *s)
{
    uint64_t records[SESSION_WANTS_MAX];
    size_t n = w->notes != NULL ? session_wants(s, records) : 0;
    struct fetch *f;

    if (n == 0)
        return;
    note_hand_over(w); /* what is asked for may be in the open batch */
    f = mem_new(struct fetch);
    list_init(&f->post.mail.link);
    f->post.take = take;
    f->worker = w;
    f->number = w->notes->number - 1;
    f->unix_ms_at_zero = w->notes->unix_ms_at_zero;
    f->client_id = bytes_dup(s->client_id);
    f->session = s->number;
    f->n = n;
    f->records = mem_alloc(n * sizeof(*records));
    memcpy(f->records, records, n * sizeof(*records));
    f->messages = mem_zero(n * sizeof(struct message *));
    scribe_fetch(w->node->scribe, f);
}

/* ---- the scribe's part ---- */

/* Each delivery has a message of its own, since each is counted as a holder. */
static void found(void *arg, uint8_t kind, uint64_t id, struct bytes record)
{
    struct fetch *f = arg;

    for (size_t i = 0; i < f->n && kind == RECORD_MESSAGE; i++) {
        if (f->records[i] == id)
            f->messages[i] = session_message(id, record, f->unix_ms_at_zero);
    }
}

/** fetch_some() - see fetch.h */
int fetch_some(struct fetch *f, struct journal *j, uint64_t budget)
{
    if (f->search == NULL)
        f->search = journal_search_new(f->records, f->n);
    return journal_search_some(j, f->search, budget, found, f);
}

/** fetch_answer() - see fetch.h */
void fetch_answer(struct fetch *f)
{
    worker_post(f->worker, LANE_CONTROL, &f->post);
}
