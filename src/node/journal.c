/* SPDX-License-Identifier: Apache-2.0 */
/*
 * node/journal.c - the journal of a node: opened, restored from, closed
 *
 * MQ.PR.SP-06
 */
#include "store/journal.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "node/node_private.h"
#include "node/restore.h"
#include "node/scribe.h"
#include "store/journal_mark.h"

static char *in_state(const struct config *c, const char *name)
{
    struct buf path = {0};

    buf_addf(&path, "%s/%s", c->state_dir, name);
    buf_add_u8(&path, 0);
    return (char *)path.at;
}

/* What is not as it was written has been passed over; it stays aside for those who look into it. */
static void tell(struct node *n, const struct journal_report *r)
{
    char *dir = in_state(n->started, "journal/quarantine");

    for (size_t i = 0; i < MIN(r->n_damage, (size_t)JOURNAL_DAMAGE_MAX); i++) {
        const struct journal_damage *d = &r->damage[i];

        node_audit(n, "node", "journal", "damaged", d->what, "passed over");
        log_error("journal", "segment %016llx, bytes %llu to %llu: %s",
                  (unsigned long long)d->segment, (unsigned long long)d->from,
                  (unsigned long long)d->to, d->what);
    }
    if (r->n_missing > 0)
        log_error("journal", "%llu batches at its end are missing that were on the disk",
                  (unsigned long long)r->n_missing);
    if (r->n_damage > 0 && journal_keep_damaged(n->journal) == 0)
        log_error("journal",
                  "%zu places are damaged: what is authentic has been restored, the damaged files "
                  "are kept in %s",
                  r->n_damage, dir);
    if (r->torn_bytes > 0)
        log_info("journal", "the last %llu bytes are of a batch that was not finished",
                 (unsigned long long)r->torn_bytes);
    free(dir);
}

static bool open_journal(struct node *n, char **ret_error)
{
    struct journal_settings settings = {
        .segment_bytes = JOURNAL_SEGMENT_BYTES,
        .bytes_max = n->started->journal_bytes_max,
        .space_min = n->started->journal_space_min,
    };
    struct journal_report report;
    char *dir;

    if (!journal_mark_get(n->control, &settings.mark, ret_error))
        return false;
    dir = in_state(n->started, "journal");
    n->journal_io = journal_io_open(dir, ret_error);
    free(dir);
    if (n->journal_io == NULL)
        return false;
    n->journal = journal_open(&settings, n->journal_io, n->keys, &report, ret_error);
    if (n->journal == NULL)
        return false;
    tell(n, &report);
    n->journal_was_damaged = report.n_damage > 0;
    return true;
}

/* Of a time when durability was commit.  What is in it must not come back when it is again: clients
 * have gone on without it. */
static bool set_aside(struct node *n, char **ret_error)
{
    char *dir = in_state(n->started, "journal");
    char *aside = NULL;
    bool ok = journal_set_aside(dir, clock_unix_ms(), &aside, ret_error);

    if (aside != NULL) {
        log_warning("journal",
                    "node.durability is memory: the sessions and messages of the time when it was "
                    "commit are not restored; they are in %s, which is yours to remove",
                    aside);
        node_audit(n, "node", "journal", aside, "node.durability is memory", "set aside");
    }
    if (ok)
        journal_mark_forget(n->control);
    free(aside);
    free(dir);
    return ok;
}

static bool restore(struct node *n)
{
    struct journal_mark mark;
    int r = restore_all(n);

    if (r < 0) {
        log_error("journal", "what it holds cannot be restored: %s", strerror(-r));
        return false;
    }
    journal_mark_of(n->journal, &mark);
    journal_mark_put(n->control, &mark);
    return true;
}

/** journal_begin() - see scribe.h */
bool journal_begin(struct node *n)
{
    char *error = NULL;
    bool is_wanted = config_wants_journal(n->started);

    if (is_wanted ? !open_journal(n, &error) : !set_aside(n, &error)) {
        log_error("journal", "%s", error);
        free(error);
        return false;
    }
    if (!is_wanted)
        return true;
    if (!restore(n))
        return false;
    n->scribe = scribe_new(n, n->journal);
    purge_at_start(n);
    return scribe_start(n->scribe) == 0;
}

/** journal_end() - after the workers' threads have ended: what they have handed over is written */
void journal_end(struct node *n)
{
    if (n->scribe != NULL)
        scribe_stop(n->scribe);
}
