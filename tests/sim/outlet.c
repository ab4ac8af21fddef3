/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sim/outlet.c - somebody who is no worker, has no session, and wants messages
 *
 * What a bridge would be for the router: it says which filter it wants, and takes what
 * comes out of a mailbox.  Everything that the node has acknowledged and that the
 * filter matches must come, from each publisher in order, nothing else may.
 */
#include "node/node_private.h"
#include "sim/kernel.h"
#include "sim/model.h"
#include "sim/node.h"

static struct mailbox *mailbox;
static unsigned filter;
static uint32_t last_n[CLIENTS_MAX];

static bool wants(const struct letter *m)
{
    return filter_matches(filter, m->topic);
}

static void came(void *arg, const struct publication *got)
{
    struct letter *m;

    (void)arg;
    if (got->payload.len == 0) /* clears what is retained, and has no number */
        return;
    m = letter_find(got->payload);
    trace("the outlet gets m%u", m->n);
    expect(topic_find(got->topic) == (int)m->topic && wants(m), "the outlet got m%u on %.*s", m->n,
           BYTES_ARG(got->topic));
    expect(letter_may_be_published(m), "the outlet got m%u, whose publisher has no right", m->n);
    expect(m->n_at_outlet < m->n_sent || m->is_will, "the outlet got m%u more than %u times", m->n,
           m->n_sent);
    if (m->n_at_outlet++ > 0 || m->n_sent > 1 || m->is_will)
        return;
    expect(m->n >= last_n[m->publisher->index], "the outlet got m%u behind m%u", m->n,
           last_n[m->publisher->index]);
    last_n[m->publisher->index] = m->n;
}

/** outlet_start() - it joins before the workers' first turn */
void outlet_start(struct node *n)
{
    mailbox = mailbox_new();
    memset(last_n, 0, sizeof(last_n));
    filter = (unsigned)chance_below(PLAIN_FILTERS);
    trace("an outlet wants %s", filter_text(filter));
    outlet_want(n, outlet_join(n, mailbox), bytes_str(filter_text(filter)), true);
}

/** outlet_reads() - it takes what is there */
void outlet_reads(void)
{
    mailbox_clear_wakeup(mailbox);
    for (unsigned lane = 0; lane < LANE_N; lane++) {
        struct list mails = LIST_INIT(mails);

        mailbox_take(mailbox, lane, &mails);
        list_each (it, &mails) {
            list_remove(it);
            outlet_take(list_item(it, struct mail, link), came, NULL);
        }
    }
}

/** outlet_check() - when all has calmed down, everything was there */
void outlet_check(void)
{
    outlet_reads();
    for (uint32_t i = 0; i < model_next_n(); i++) {
        const struct letter *m = model_letter(i);

        expect(!wants(m) || m->n_at_outlet > 0 || !m->is_settled || m->size == 0 || m->is_refused ||
                   m->is_denied || m->is_doubtful || letter_expired(m, kernel_now_ns()),
               "m%u of c%u, qos %u on %s, was acknowledged and did not come to the outlet", m->n,
               m->publisher->index, m->qos, topic_text(m->topic));
    }
}

/** outlet_end() - the workers have ended */
void outlet_end(void)
{
    outlet_reads();
    mailbox_free(mailbox);
}
