/* SPDX-License-Identifier: Apache-2.0 */
/* store/journal_read.c - opening: which segments there are, whether they fit, what is needed */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/err.h"
#include "base/mem.h"
#include "store/journal_private.h"

#define ID_COUNTED(id) ((id) >> 62 == 0)

struct opening {
    struct journal *j;
    struct journal_report *report;
    uint64_t *ids; /* owned; of the files */
    size_t n_ids;
    struct segment_head before; /* of the segment that was read last */
    char *error;                /* owned; the first */
    int r;
};

/* @text is taken. */
static void fail_with(struct opening *o, int r, struct buf *text)
{
    if (o->r < 0) {
        buf_done(text);
        return;
    }
    o->r = r;
    buf_add_u8(text, 0);
    o->error = (char *)text->at;
}

static void fail_to_read(struct opening *o, int r, uint64_t segment)
{
    struct buf text = {0};
    char name[SEGMENT_NAME_MAX];

    segment_name(segment, name);
    buf_addf(&text, "journal: %s: cannot be read: %s", name, strerror(-r));
    fail_with(o, r, &text);
}

static void fail_for_key(struct opening *o, uint64_t segment, uint32_t key)
{
    struct buf text = {0};
    char name[SEGMENT_NAME_MAX];

    segment_name(segment, name);
    buf_addf(&text,
             "journal: %s is sealed with data key %u, which the keyring does not hold; "
             "restore the keyring that belongs to this journal from a backup",
             name, key);
    fail_with(o, err_origin(-ENOKEY), &text);
}

static void fail_to_list(struct opening *o, int r)
{
    struct buf text = {0};

    buf_addf(&text, "journal: its folder cannot be read: %s", strerror(-r));
    fail_with(o, r, &text);
}

static void fail_for_nothing(struct opening *o)
{
    struct buf text = {0};

    buf_addf(&text,
             "journal: there is none, but %" PRIu64 " batches were on the device: put the folder "
             "back (is its disk mounted?), or restore a backup; to begin anew, with all sessions "
             "and their messages lost: bastide store repair",
             o->j->settings.mark.number);
    fail_with(o, err_origin(-ENOENT), &text);
}

static void damage(struct opening *o, uint64_t segment, uint64_t from, uint64_t to,
                   const char *what)
{
    struct journal_report *r = o->report;

    if (r->n_damage < JOURNAL_DAMAGE_MAX)
        r->damage[r->n_damage] = (struct journal_damage){segment, from, to, what};
    r->n_damage++;
}

/* ---- which there are ---- */

static void found(void *arg, const char *name)
{
    struct opening *o = arg;
    uint64_t id;

    if (!segment_name_parse(name, &id) || id == 0)
        return;
    o->ids = mem_resize(o->ids, (o->n_ids + 1) * sizeof(*o->ids));
    o->ids[o->n_ids++] = id;
}

static int by_id(const void *a, const void *b)
{
    uint64_t left = *(const uint64_t *)a;
    uint64_t right = *(const uint64_t *)b;

    return (left > right) - (left < right);
}

/* Reads the head; @ret is zero if it is not authentic. */
static void read_head(struct opening *o, struct segment *s, struct segment_head *ret)
{
    const struct journal_io *io = o->j->io;
    uint8_t head[SEGMENT_HEAD_BYTES];
    char name[SEGMENT_NAME_MAX];
    enum segment_outcome outcome = SEGMENT_E_AUTHENTIC;
    int file = -1;
    int r;

    *ret = (struct segment_head){0};
    segment_name(s->id, name);
    r = io->open(io->owner, name, &file);
    if (r == 0)
        r = io->size(io->owner, file, &s->bytes);
    if (r == 0 && s->bytes >= sizeof(head)) {
        r = io->read(io->owner, file, 0, head, sizeof(head));
        if (r == 0)
            outcome = segment_head_unseal(o->j->keys, head, ret, o->j->secrets->reading);
    }
    if (file >= 0)
        io->close(io->owner, file);
    secret_wipe(o->j->secrets->reading, SEAL_KEY_BYTES);
    if (r < 0)
        fail_to_read(o, err_origin(r), s->id);
    /* The key's id is not authentic either: it may be the byte that has changed. */
    s->is_unreadable = outcome != SEGMENT_OK || ret->id != s->id;
    if (s->is_unreadable)
        *ret = (struct segment_head){
            .key_id = outcome == SEGMENT_E_KEY ? (uint32_t)le_get(head + 8, 4) : 0};
    else
        memcpy(s->tag, segment_head_tag(head), SEAL_TAG_BYTES);
    s->key_id = ret->key_id;
}

/* ---- do they fit? ---- */

/* Where segment @i ends, as the head of the next one says; what follows there was never
 * acknowledged: it was written again elsewhere. */
static uint64_t end_of(const struct journal *j, size_t i, const struct segment_head *heads)
{
    const struct segment *s = &j->segments[i];

    if (i + 1 < j->n_segments && heads[i + 1].id == s->id + 1)
        return heads[i + 1].before_end;
    return s->bytes;
}

static void check_frame(struct opening *o, const struct segment *s, const struct frames *f,
                        const struct frame_head *h, struct bytes batch)
{
    struct journal *j = o->j;

    if (f->skipped_from < f->skipped_to)
        damage(o, s->id, f->skipped_from, f->skipped_to, "not authentic");
    else if (h->number != j->number && j->number != 1)
        damage(o, s->id, f->at, f->at, "batches are missing before this place");
    j->number = h->number + 1;
    j->first = MAX(j->first, h->first);
    o->report->n_batches++;
    journal_apply(j, batch, s->id, f->at - frame_bytes(h->len));
}

static void read_frames(struct opening *o, struct segment *s, bool is_last)
{
    struct frames f;
    struct frame_head h;
    struct bytes batch;
    uint64_t n_damage = o->report->n_damage;
    int r = frames_open(&f, o->j, s, o->j->secrets->reading);

    if (r < 0) {
        fail_to_read(o, r, s->id);
        return;
    }
    while ((r = frames_next(&f, &h, &batch)) > 0) {
        check_frame(o, s, &f, &h, batch);
        memcpy(s->tag, frame_tag(&h, batch.at - FRAME_HEAD_LEN), SEAL_TAG_BYTES);
    }
    if (r < 0)
        fail_to_read(o, r, s->id);
    else if (f.at < f.end && is_last)
        o->report->torn_bytes = f.end - f.at;
    else if (f.at < f.end)
        damage(o, s->id, f.at, f.end, "not authentic");
    s->end = f.at;
    s->is_damaged |= o->report->n_damage > n_damage;
    frames_close(&f);
}

/* Does the head name the segment before as it is?  (What is before the first is gone.) */
static void check_chain(struct opening *o, const struct segment *before, const struct segment *s,
                        const struct segment_head *h)
{
    if (memcmp(h->journal_id, o->j->id, JOURNAL_ID_BYTES) != 0)
        damage(o, s->id, 0, 0, "of another journal");
    if (before == NULL || before->is_unreadable || before->is_damaged)
        return;
    if (h->before_end != before->end || memcmp(h->before_tag, before->tag, SEAL_TAG_BYTES) != 0)
        damage(o, before->id, 0, 0, "not the segment that the next one was written behind");
}

/* A segment that was being made when the machine stopped: no batch can be in it. */
static bool is_torn_at_birth(const struct segment *s, bool is_last)
{
    return is_last && s->is_unreadable && s->bytes <= SEGMENT_HEAD_BYTES;
}

static void read_segment(struct opening *o, size_t i, const struct segment_head *heads)
{
    struct journal *j = o->j;
    struct segment *s = &j->segments[i];
    bool is_last = i + 1 == j->n_segments;

    if (s->is_unreadable && heads[i].key_id != 0 && !j->settings.is_repair) {
        fail_for_key(o, s->id, heads[i].key_id);
        return;
    }
    if (s->end > s->bytes) {
        damage(o, s->id, s->bytes, s->end, "the end is missing");
        s->is_damaged = true;
        s->end = s->bytes;
    }
    if (s->is_unreadable) {
        damage(o, s->id, 0, s->bytes,
               "its head is not authentic, so that nothing of it can be read");
        s->is_damaged = true;
        s->end = SEGMENT_HEAD_BYTES;
        return;
    }
    read_frames(o, s, is_last);
}

/* The highest that a frame of @s says.  Return: whether it has frames. */
static bool learn_first(struct opening *o, const struct segment *s)
{
    struct frames f;
    struct frame_head h;
    struct bytes batch;
    int r;

    r = frames_open(&f, o->j, s, o->j->secrets->reading);
    while (r >= 0 && (r = frames_next(&f, &h, &batch)) > 0)
        o->j->first = MAX(o->j->first, h.first);
    if (r < 0)
        fail_to_read(o, r, s->id);
    frames_close(&f);
    return f.number > 0;
}

/* From the first segment that is needed on, as the last frame says.  Older files were about to go:
 * what is said in them is not to be believed any more, for what came after it may be gone. */
static size_t skip_older(struct opening *o, const struct segment_head *heads)
{
    struct journal *j = o->j;
    size_t n = 0;

    for (size_t i = 0; i < j->n_segments; i++)
        j->first = MAX(j->first, heads[i].first);
    for (size_t i = j->n_segments; i > 0; i--) {
        if (learn_first(o, &j->segments[i - 1]))
            break;
    }
    while (n < j->n_segments && j->segments[n].id < j->first)
        n++;
    return n;
}

static void read_all(struct opening *o, struct segment_head *heads)
{
    struct journal *j = o->j;
    const struct segment *before = NULL;
    size_t from = skip_older(o, heads);
    uint64_t id = j->first; /* expected */

    for (size_t i = from; i < j->n_segments && o->r == 0; i++) {
        struct segment *s = &j->segments[i];

        if (s->id != id)
            damage(o, id, 0, 0, "missing");
        read_segment(o, i, heads);
        if (!s->is_unreadable && o->r == 0)
            check_chain(o, s->id == id ? before : NULL, s, &heads[i]);
        before = s;
        id = s->id + 1;
    }
}

static void take_identity(struct journal *j, const struct segment_head *heads)
{
    for (size_t i = j->n_segments; i > 0; i--) {
        if (heads[i - 1].id != 0) {
            memcpy(j->id, heads[i - 1].journal_id, JOURNAL_ID_BYTES);
            return;
        }
    }
    random_bytes(j->id, sizeof(j->id));
}

static void read_journal(struct opening *o)
{
    struct journal *j = o->j;
    struct segment_head *heads;

    if (o->n_ids > 0)
        qsort(o->ids, o->n_ids, sizeof(*o->ids), by_id);
    heads = mem_zero((o->n_ids + 1) * sizeof(*heads));
    for (size_t i = 0; i < o->n_ids; i++)
        read_head(o, journal_add_segment(j, o->ids[i]), &heads[i]);
    for (size_t i = 0; i < j->n_segments; i++)
        j->segments[i].end = end_of(j, i, heads);
    if (j->n_segments > 0 && is_torn_at_birth(&j->segments[j->n_segments - 1], true))
        j->n_segments--; /* its name is taken again */
    take_identity(j, heads);
    if (j->n_segments > 0 && j->first == 0)
        j->first = 1;
    if (o->r == 0)
        read_all(o, heads);
    free(heads);
}

/* ---- is the end there? ---- */

/* What looked like a batch that was never finished was one, then. */
static void end_is_missing(struct opening *o, struct segment *last)
{
    o->report->n_missing = o->j->settings.mark.number - o->j->number + 1;
    last->is_damaged |= o->report->torn_bytes > 0;
    damage(o, last->id, last->end, last->end + o->report->torn_bytes,
           "what was written from here on is missing");
    o->report->torn_bytes = 0;
}

static void check_mark(struct opening *o)
{
    const struct journal *j = o->j;
    const struct journal_mark *m = &j->settings.mark;
    struct segment *last = j->n_segments > 0 ? &j->segments[j->n_segments - 1] : NULL;

    if (m->number == 0)
        return;
    if (last == NULL && !j->settings.is_repair) {
        fail_for_nothing(o);
    } else if (last == NULL) {
        o->report->n_missing = m->number;
        damage(o, 1, 0, 0, "all segments are missing");
    } else if (memcmp(m->id, j->id, JOURNAL_ID_BYTES) != 0) {
        damage(o, last->id, 0, 0, "not the journal that was written last");
    } else if (j->number <= m->number) {
        end_is_missing(o, last);
    }
}

/** journal_open() - see journal.h */
struct journal *journal_open(const struct journal_settings *s, const struct journal_io *io,
                             struct keyring *keys, struct journal_report *ret, char **ret_error)
{
    struct journal *j = mem_new(struct journal);
    struct opening o = {.j = j, .report = ret};
    int r;

    *ret = (struct journal_report){0};
    j->settings = *s;
    j->io = io;
    j->keys = keys;
    j->secrets = guarded_new(sizeof(*j->secrets));
    j->number = 1;
    j->file = -1;
    j->cleaning.file = -1;
    r = io->list(io->owner, found, &o);
    if (r < 0)
        fail_to_list(&o, err_origin(r));
    if (o.r == 0)
        read_journal(&o);
    if (o.r == 0)
        check_mark(&o);
    free(o.ids);
    ret->n_entries = j->live.n;
    if (o.r == 0) {
        j->first = j->first_said = MAX(j->first, (uint64_t)1);
        j->has_former = j->n_segments > 0;
        return j;
    }
    *ret_error = o.error;
    return journal_close(j);
}

/** journal_apply() - take in which records a batch makes and ends, and where it stands */
void journal_apply(struct journal *j, struct bytes batch, uint64_t segment, uint64_t offset)
{
    struct batch_entry e;

    while (batch_next(&batch, &e) == BATCH_ENTRY) {
        if (ID_COUNTED(e.id))
            j->id_max = MAX(j->id_max, e.id);
        if (e.kind != 0)
            live_put(&j->live, e.id, BATCH_PUT_BYTES + e.record.len, segment, offset);
        else
            live_drop(&j->live, e.id);
    }
}

/** journal_id_max() - the highest that was ever put or dropped, of those below 2^62 */
uint64_t journal_id_max(const struct journal *j)
{
    return j->id_max;
}

/* Of one segment from w->offset on: 0: to its end; 1: there is more; -errno. */
static int walk_segment(struct journal *j, struct journal_walk *w, const struct segment *s,
                        uint64_t *budget, journal_record_fn *each, void *arg)
{
    struct frames f;
    struct frame_head h;
    struct bytes batch;
    int r = frames_open(&f, j, s, j->secrets->reading);

    if (r < 0)
        return err_trace(r);
    f.at = MAX(f.at, w->offset);
    while (*budget > 0 && (r = frames_next(&f, &h, &batch)) > 0) {
        struct batch_entry e;

        while (batch_next(&batch, &e) == BATCH_ENTRY) {
            if (e.kind != 0 && live_is_in(&j->live, e.id, s->id))
                each(arg, e.kind, e.id, e.record);
        }
        w->offset = f.at;
        *budget -= MIN(*budget, frame_bytes(h.len));
    }
    frames_close(&f);
    return *budget > 0 ? r : 1;
}

/** journal_walk_some() - see journal.h */
int journal_walk_some(struct journal *j, struct journal_walk *w, uint64_t budget,
                      journal_record_fn *each, void *arg)
{
    int r = 0;

    for (size_t i = 0; i < j->n_segments && r == 0; i++) {
        const struct segment *s = &j->segments[i];

        if (s->id < MAX(w->segment, j->first))
            continue;
        if (s->id > w->segment)
            *w = (struct journal_walk){.segment = s->id};
        r = walk_segment(j, w, s, &budget, each, arg);
    }
    return r;
}

struct once {
    struct journal *j;
    uint64_t *segment;
    journal_record_fn *each;
    void *arg;
};

/* One that was dropped and put again stands there twice. */
static void give_once(void *arg, uint8_t kind, uint64_t id, struct bytes record)
{
    const struct once *o = arg;

    if (live_see(&o->j->live, id, *o->segment))
        o->each(o->arg, kind, id, record);
}

/** journal_each() - see journal.h; Return: 0 or -errno. */
int journal_each(struct journal *j, journal_record_fn *each, void *arg)
{
    struct journal_walk w = {0};
    int r =
        journal_walk_some(j, &w, UINT64_MAX, give_once, &(struct once){j, &w.segment, each, arg});

    live_unsee_all(&j->live);
    return r;
}
