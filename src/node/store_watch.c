/* SPDX-License-Identifier: Apache-2.0 */
/*
 * node/store_watch.c - what is wrong with what the node has to keep, for the detectors
 *
 * Looked at once a second, by the sentinel; told when it changes.
 */
#include "node/node_private.h"
#include "node/scribe.h"
#include "node/sentinel.h"

enum fault {
    JOURNAL_FULL,
    JOURNAL_FAILED,
    JOURNAL_DAMAGED,
    CONTROL_WAITS,
    FAULT_N,
};

static const char *const texts[FAULT_N] = {
    [JOURNAL_FULL] = "journal full",
    [JOURNAL_FAILED] = "journal cannot be written",
    [JOURNAL_DAMAGED] = "journal was damaged at the start",
    [CONTROL_WAITS] = "changes of the control store are not on disk",
};

static unsigned faults_of(const struct node *n)
{
    enum scribe_state journal = n->scribe != NULL ? scribe_state(n->scribe) : SCRIBE_OK;
    const bool is_there[FAULT_N] = {
        [JOURNAL_FULL] = journal == SCRIBE_FULL,
        [JOURNAL_FAILED] = journal == SCRIBE_FAILED,
        [JOURNAL_DAMAGED] = n->journal_was_damaged,
        [CONTROL_WAITS] = !control_is_kept(n->control),
    };
    unsigned faults = 0;

    for (unsigned i = 0; i < FAULT_N; i++)
        faults |= is_there[i] ? BIT(i) : 0;
    return faults;
}

/** store_watch() - tell the detectors, if it is something else than before */
void store_watch(struct sentinel *s)
{
    struct buf text CLEANUP(buf_done) = {0};
    struct event e = {.kind = EVENT_STORE_FAULT, .at_ns = s->now_ns};
    unsigned faults = faults_of(s->node);

    if (faults == s->store_faults)
        return;
    s->store_faults = faults;
    for (unsigned i = 0; i < FAULT_N; i++) {
        if (!(faults & BIT(i)))
            continue;
        buf_addf(&text, "%s%s", text.len > 0 ? "; " : "", texts[i]);
        e.value++;
    }
    e.text = buf_view(&text);
    detect_event(s->detect, &e, sentinel_found, s);
}
