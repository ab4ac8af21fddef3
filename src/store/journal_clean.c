/* SPDX-License-Identifier: Apache-2.0 */
/* store/journal_clean.c - space comes back from the oldest segment */
#include <errno.h>

#include "base/err.h"
#include "store/journal_private.h"

/* What stands elsewhere already was put again before the node was stopped. */
static void put_again(struct journal *j, struct bytes batch)
{
    uint64_t from = j->segments[0].id;
    struct batch_entry e;

    while (batch_next(&batch, &e) == BATCH_ENTRY) {
        struct batch to = {j->frame};

        if (e.kind == 0 || !live_is_in(&j->live, e.id, from))
            continue;
        batch_put(&to, e.kind, e.id, e.record);
        j->frame = to.bytes;
        live_put(&j->live, e.id, BATCH_PUT_BYTES + e.record.len, j->frame_segment, j->frame_offset);
    }
}

static int begin(struct journal *j)
{
    int r = 0;

    if (!j->is_cleaning)
        r = frames_open(&j->cleaning, j, &j->segments[0], j->secrets->cleaning);
    j->is_cleaning = r == 0;
    return r;
}

/** keep_damaged() - see journal_private.h; fine if it was kept already, as those are that were
 * damaged when the journal was opened */
int keep_damaged(struct journal *j, struct segment *s)
{
    char name[SEGMENT_NAME_MAX];
    int r;

    if (s->is_damaged)
        return 0;
    segment_name(s->id, name);
    r = j->io->keep_aside(j->io->owner, name);
    if (r < 0 && r != -EEXIST)
        return err_trace(r);
    s->is_damaged = true;
    j->n_damaged++;
    return 0;
}

/**
 * clean_some() - see journal_private.h
 *
 * When the segment is through, the frame says so: what was put again and that it is
 * not needed any more become true together.
 */
void clean_some(struct journal *j, uint64_t budget)
{
    struct frame_head h;
    struct bytes batch;
    uint64_t until;
    int kept = 0;
    int r = begin(j);

    if (r == 0) {
        until = j->cleaning.at + budget;
        do {
            r = frames_next(&j->cleaning, &h, &batch);
            if (r > 0)
                put_again(j, batch);
            if (r >= 0 && frames_have_skipped(&j->cleaning, r == 0))
                kept = keep_damaged(j, &j->segments[0]);
            r = kept < 0 ? kept : r;
        } while (r > 0 && j->cleaning.at < until);
        if (r > 0)
            return;
        frames_close(&j->cleaning);
    }
    j->is_cleaning = false;
    j->clean_error = r;
    if (r == 0)
        j->first = j->segments[0].id + 1;
}

/** clean_away() - see journal_private.h; a file that cannot be removed is tried at the next start
 */
void clean_away(struct journal *j)
{
    j->first_said = j->head.first;
    while (j->n_segments > 1 && j->segments[0].id < j->first_said) {
        char name[SEGMENT_NAME_MAX];

        segment_name(j->segments[0].id, name);
        if (j->scan.segment == (uint32_t)j->segments[0].id)
            scan_close(&j->scan);
        j->io->remove(j->io->owner, name);
        j->n_segments--;
        memmove(j->segments, j->segments + 1, j->n_segments * sizeof(*j->segments));
        j->n_cleaned++;
    }
}

/** journal_keep_damaged() - see journal.h; Return: 0 or -errno. */
int journal_keep_damaged(struct journal *j)
{
    for (size_t i = 0; i < j->n_segments; i++) {
        char name[SEGMENT_NAME_MAX];
        int r;

        if (!j->segments[i].is_damaged)
            continue;
        segment_name(j->segments[i].id, name);
        r = j->io->keep_aside(j->io->owner, name);
        if (r < 0 && r != -EEXIST)
            return err_trace(r);
    }
    return 0;
}
