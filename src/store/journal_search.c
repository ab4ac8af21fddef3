/* SPDX-License-Identifier: Apache-2.0 */
/*
 * store/journal_search.c - reading single records back
 *
 * What is asked for together mostly stands together, and what is asked for next stands behind
 * it.  So frames are read one after another as long as something of them may be wanted, and the
 * last one is kept, decrypted, for who asks next.  What went to many is asked for by each of them:
 * so what was found is kept for a while, too (recent.h).
 */
#include <stdlib.h>

#include "base/err.h"
#include "base/mem.h"
#include "store/journal_private.h"

struct journal_search {
    uint64_t *ids; /* owned; ascending */
    bool *is_done; /* owned; of each: it was given, or is not there */
    size_t n;
    size_t at;        /* all before it are done */
    uint32_t segment; /* looked through for all ids: frames of this one; 0: none yet, */
    uint64_t since;   /* from here */
    uint64_t until;   /* to this one; UINT64_MAX: to the end */
};

/* ---- the frame that was read last ---- */

/** scan_close() - see journal_private.h */
void scan_close(struct scan *s)
{
    if (s->segment != 0)
        frames_close(&s->frames);
    *s = (struct scan){0};
}

static struct segment *segment_of(const struct journal *j, uint32_t id)
{
    for (size_t i = j->n_segments; i > 0; i--) {
        if ((uint32_t)j->segments[i - 1].id == id)
            return &j->segments[i - 1];
    }
    return NULL;
}

static int scan_open(struct journal *j, const struct segment *s, uint64_t offset)
{
    int r;

    scan_close(&j->scan);
    r = frames_open(&j->scan.frames, j, s, j->secrets->scan);
    if (r < 0)
        return err_trace(r);
    j->scan.segment = (uint32_t)s->id;
    j->scan.frames.at = offset;
    return 0;
}

/* The next frame: 1; 0: there is none; -errno. */
static int scan_next(struct journal *j, struct segment *s)
{
    struct scan *scan = &j->scan;
    struct frame_head h;
    int r;

    scan->batch = BYTES_NONE;
    scan->frames.end = MIN(s->end, s->bytes); /* it may have grown */
    r = frames_next(&scan->frames, &h, &scan->batch);
    if (r >= 0 && frames_have_skipped(&scan->frames, r == 0)) {
        int kept = keep_damaged(j, s);

        r = kept < 0 ? kept : r;
    }
    if (r > 0)
        scan->offset = scan->frames.at - frame_bytes(h.len);
    else
        scan_close(scan);
    return r;
}

/* ---- the search ---- */

static int by_id(const void *a, const void *b)
{
    uint64_t left = *(const uint64_t *)a;
    uint64_t right = *(const uint64_t *)b;

    return (left > right) - (left < right);
}

/** journal_search_new() - see journal.h */
struct journal_search *journal_search_new(const uint64_t *ids, size_t n)
{
    struct journal_search *s = mem_new(struct journal_search);

    check(n > 0);
    s->ids = mem_alloc(n * sizeof(*ids));
    s->is_done = mem_zero(n * sizeof(*s->is_done));
    memcpy(s->ids, ids, n * sizeof(*ids));
    qsort(s->ids, n, sizeof(*ids), by_id);
    for (size_t i = 0; i < n; i++) { /* each once */
        if (i == 0 || s->ids[i] != s->ids[s->n - 1])
            s->ids[s->n++] = s->ids[i];
    }
    return s;
}

/** journal_search_free() - Return: NULL */
struct journal_search *journal_search_free(struct journal_search *s)
{
    if (s != NULL) {
        free(s->ids);
        free(s->is_done);
        free(s);
    }
    return NULL;
}

/* Those of the frame that was read last. */
static void give(struct journal *j, struct journal_search *s, journal_record_fn *each, void *arg)
{
    struct bytes rest = j->scan.batch;
    struct batch_entry e;

    while (batch_next(&rest, &e) == BATCH_ENTRY) {
        const uint64_t *found;

        if (e.kind == 0 || e.id < s->ids[s->at] || e.id > s->ids[s->n - 1])
            continue;
        found = bsearch(&e.id, s->ids, s->n, sizeof(*s->ids), by_id);
        if (found == NULL || s->is_done[found - s->ids] || !live_has(&j->live, e.id))
            continue;
        s->is_done[found - s->ids] = true;
        recent_put(&j->recent, e.id, e.kind, e.record);
        each(arg, e.kind, e.id, e.record);
    }
}

/* The first that is not done, if it was found lately; about @ret_len bytes were worked on. */
static bool give_recent(struct journal *j, struct journal_search *s, journal_record_fn *each,
                        void *arg, uint64_t *ret_len)
{
    struct bytes record;
    uint8_t kind;

    if (!recent_find(&j->recent, s->ids[s->at], &kind, &record))
        return false;
    s->is_done[s->at] = true;
    each(arg, kind, s->ids[s->at], record);
    *ret_len = BATCH_PUT_BYTES + record.len;
    return true;
}

/* One frame more of where @p says: 1; 0: there is none; -errno. */
static int look(struct journal *j, struct journal_search *s, const struct live_place *p)
{
    struct scan *scan = &j->scan;
    struct segment *segment = segment_of(j, p->segment);
    bool is_there = scan->segment == p->segment;
    int r = 0;

    check(segment != NULL);
    if (s->segment == p->segment && s->since <= p->from && is_there && scan->offset == s->until) {
        r = scan_next(j, segment);
    } else if (s->segment == 0 && is_there && scan->offset >= p->from && scan->offset <= p->last) {
        s->since = scan->offset; /* of an earlier search */
        r = 1;
    } else {
        s->since = p->from;
        r = scan_open(j, segment, p->from);
        if (r == 0)
            r = scan_next(j, segment);
    }
    s->segment = r >= 0 ? p->segment : 0;
    s->until = r > 0 ? scan->offset : UINT64_MAX;
    return r;
}

static bool was_looked_through(const struct journal_search *s, const struct live_place *p)
{
    return s->segment == p->segment && s->since <= p->from && s->until >= p->last;
}

/** journal_search_some() - see journal.h */
int journal_search_some(struct journal *j, struct journal_search *s, uint64_t budget,
                        journal_record_fn *each, void *arg)
{
    check(!j->is_pending);
    while (budget > 0) {
        struct live_place p;
        uint64_t len;
        int r;

        while (s->at < s->n && s->is_done[s->at])
            s->at++;
        if (s->at == s->n)
            return 0;
        if (!live_find(&j->live, s->ids[s->at], &p) || was_looked_through(s, &p)) {
            s->is_done[s->at] = true;
            continue;
        }
        if (!give_recent(j, s, each, arg, &len)) {
            r = look(j, s, &p);
            if (r < 0)
                return err_trace(r);
            if (r > 0)
                give(j, s, each, arg);
            len = frame_bytes((uint32_t)j->scan.batch.len);
        }
        budget -= MIN(budget, len);
    }
    return 1;
}
