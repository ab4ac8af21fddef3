/* SPDX-License-Identifier: Apache-2.0 */
/* store/journal.c - writing: one frame, flushed, and then the next */
#include "store/journal.h"

#include <errno.h>
#include <stdlib.h>

#include "base/err.h"
#include "base/mem.h"
#include "store/journal_private.h"

#define CLEAN_BYTES_MIN 262144 /* read in one commit */
#define GARBAGE_FACTOR  3      /* cleaned when there is more than so many times what is needed, */
#define SPARE_SEGMENTS  2      /* and so many segments */

/** journal_close() - what is pending is lost; Return: NULL */
struct journal *journal_close(struct journal *j)
{
    if (j == NULL)
        return NULL;
    if (j->file >= 0)
        j->io->close(j->io->owner, j->file);
    frames_close(&j->cleaning);
    scan_close(&j->scan);
    live_done(&j->live);
    recent_done(&j->recent);
    buf_done(&j->frame);
    guarded_free(j->secrets);
    free(j->segments);
    free(j);
    return NULL;
}

/* ---- segments ---- */

/** journal_add_segment() - behind the others; Return: zero but for its id, valid until the next */
struct segment *journal_add_segment(struct journal *j, uint64_t id)
{
    if (j->n_segments == j->segments_cap) {
        j->segments_cap = MAX(j->segments_cap * 2, (size_t)16);
        j->segments = mem_resize(j->segments, j->segments_cap * sizeof(*j->segments));
    }
    j->segments[j->n_segments] = (struct segment){.id = id};
    return &j->segments[j->n_segments++];
}

static struct segment *last(const struct journal *j)
{
    check(j->n_segments > 0);
    return &j->segments[j->n_segments - 1];
}

static struct segment_head next_head(const struct journal *j)
{
    const struct segment *before = j->n_segments > 0 ? last(j) : NULL;
    struct segment_head h = {
        .key_id = keyring_current(j->keys),
        .id = before != NULL ? before->id + 1 : j->first,
        .before_end = before != NULL ? before->end : 0,
        .first = j->first_said,
    };

    random_bytes(h.salt, sizeof(h.salt));
    memcpy(h.journal_id, j->id, JOURNAL_ID_BYTES);
    if (before != NULL)
        memcpy(h.before_tag, before->tag, SEAL_TAG_BYTES);
    return h;
}

static void took_segment(struct journal *j, const struct segment_head *h, const uint8_t *head)
{
    struct segment *s = journal_add_segment(j, h->id);

    j->clean_error = 0; /* what hindered it may be over */
    s->key_id = h->key_id;
    s->bytes = s->end = SEGMENT_HEAD_BYTES;
    memcpy(s->tag, segment_head_tag(head), SEAL_TAG_BYTES);
}

/* A file that was begun under this name and has no batch yet is begun anew, under another salt. */
static int create(struct journal *j, const char *name)
{
    const struct journal_io *io = j->io;
    int r = io->create(io->owner, name, &j->file);

    if (r == -EEXIST) {
        r = io->remove(io->owner, name);
        if (r == 0)
            r = io->create(io->owner, name, &j->file);
    }
    return r;
}

/* A process that was killed may have written a frame and not flushed it.  It was read, and what
 * follows relies on it. */
static int sync_former(struct journal *j)
{
    const struct journal_io *io = j->io;
    char name[SEGMENT_NAME_MAX];
    int file = -1;
    int r;

    if (!j->has_former || j->former_error < 0)
        return j->former_error;
    segment_name(last(j)->id, name);
    r = io->open(io->owner, name, &file);
    if (r < 0)
        return err_trace(r);
    r = io->sync(io->owner, file);
    io->close(io->owner, file);
    if (r == 0)
        r = io->sync_folder(io->owner);
    j->former_error = r;
    j->has_former = false;
    return r;
}

static int open_segment(struct journal *j)
{
    const struct journal_io *io = j->io;
    struct segment_head h = next_head(j);
    uint8_t head[SEGMENT_HEAD_BYTES];
    char name[SEGMENT_NAME_MAX];
    int r = sync_former(j);

    if (r < 0)
        return err_trace(r);
    if (!segment_key(j->keys, &h, j->secrets->writing))
        return err_origin(-ENOKEY);
    segment_head_seal(&h, j->secrets->writing, head);
    segment_name(h.id, name);
    r = create(j, name);
    if (r < 0)
        return err_trace(r);
    r = io->write(io->owner, j->file, 0, head, sizeof(head));
    if (r == 0)
        r = io->sync(io->owner, j->file);
    if (r == 0)
        r = io->sync_folder(io->owner);
    if (r == 0)
        took_segment(j, &h, head);
    return r;
}

/* Nothing is known of the file any more but what was flushed before. */
static void abandon(struct journal *j)
{
    if (j->file < 0)
        return;
    j->io->close(j->io->owner, j->file);
    j->file = -1;
}

static bool wants_new_segment(const struct journal *j)
{
    return j->file < 0 || last(j)->end >= j->settings.segment_bytes ||
           last(j)->key_id != keyring_current(j->keys);
}

/* ---- frames ---- */

/* Where the frame that is being made will stand, unless writing fails. */
static void foresee_place(struct journal *j)
{
    bool is_new = wants_new_segment(j);

    j->frame_segment = j->n_segments == 0 ? j->first : last(j)->id + (is_new ? 1 : 0);
    j->frame_offset = is_new ? SEGMENT_HEAD_BYTES : last(j)->end;
}

/* It goes elsewhere, to a new segment, after a failure. */
static void place_anew(struct journal *j)
{
    struct bytes rest = buf_view(&j->frame);
    struct batch_entry e;

    if (last(j)->id == j->frame_segment)
        return;
    j->frame_segment = last(j)->id;
    j->frame_offset = last(j)->end;
    while (batch_next(&rest, &e) == BATCH_ENTRY) {
        if (e.kind != 0 && live_has(&j->live, e.id))
            live_put(&j->live, e.id, BATCH_PUT_BYTES + e.record.len, j->frame_segment,
                     j->frame_offset);
    }
}

/* Seal a copy: what is pending may have to be sealed again, for another place. */
static int write_frame(struct journal *j)
{
    const struct journal_io *io = j->io;
    struct segment *s = last(j);
    uint64_t len = frame_bytes(j->head.len);
    uint8_t *sealed = mem_alloc((size_t)len);
    int r;

    if (j->frame.len > 0)
        memcpy(sealed + FRAME_HEAD_LEN, j->frame.at, j->frame.len);
    frame_seal(&j->head, j->secrets->writing, s->end, sealed);
    r = io->write(io->owner, j->file, s->end, sealed, (size_t)len);
    if (r == 0)
        r = io->sync(io->owner, j->file);
    if (r == 0) {
        s->end += len;
        memcpy(s->tag, frame_tag(&j->head, sealed), SEAL_TAG_BYTES);
    }
    s->bytes = MAX(s->bytes, s->end);
    free(sealed);
    return r;
}

/** journal_retry() - write what is pending, to a new segment if need be; Return: 0 or -errno. */
int journal_retry(struct journal *j)
{
    int r = 0;

    check(j->is_pending);
    if (wants_new_segment(j)) {
        abandon(j);
        r = open_segment(j);
    }
    if (r == 0) {
        place_anew(j);
        r = write_frame(j);
    }
    if (r < 0) {
        abandon(j);
        return err_trace(r);
    }
    j->is_pending = false;
    j->is_proven = j->frame.len == 0;
    j->n_batches++;
    clean_away(j);
    return 0;
}

/** journal_commit() - see journal.h */
int journal_commit(struct journal *j, const struct bytes *batches, size_t n)
{
    check(!j->is_pending);
    j->frame.len = 0;
    foresee_place(j);
    for (size_t i = 0; i < n; i++) {
        buf_add(&j->frame, batches[i]);
        journal_apply(j, batches[i], j->frame_segment, j->frame_offset);
    }
    check(j->frame.len <= FRAME_PLAIN_MAX);
    if (j->frame.len == 0)
        j->clean_error = 0; /* there is time to try again */
    if (j->n_segments > 1 && journal_wants_cleaning(j))
        clean_some(j, MAX((uint64_t)CLEAN_BYTES_MIN, 2 * (uint64_t)j->frame.len));
    j->head = (struct frame_head){
        .len = (uint32_t)j->frame.len,
        .number = j->number++,
        .first = j->first,
    };
    j->is_pending = true;
    return journal_retry(j);
}

/** journal_is_pending() - a batch was not written yet */
bool journal_is_pending(const struct journal *j)
{
    return j->is_pending;
}

/** journal_is_proven() - the last batch could not be taken for one that was never finished */
bool journal_is_proven(const struct journal *j)
{
    return j->is_proven || j->file < 0;
}

/** journal_mark_of() - see journal.h */
void journal_mark_of(const struct journal *j, struct journal_mark *ret)
{
    memcpy(ret->id, j->id, sizeof(ret->id));
    ret->number = j->number - 1 - j->is_pending;
}

/* ---- space ---- */

static uint64_t bytes_of_all(const struct journal *j)
{
    uint64_t bytes = 0;

    for (size_t i = 0; i < j->n_segments; i++)
        bytes += j->segments[i].bytes;
    return bytes;
}

/** journal_wants_cleaning() - is so much of it not needed any more, or under an old key? */
bool journal_wants_cleaning(const struct journal *j)
{
    uint64_t spare = SPARE_SEGMENTS * j->settings.segment_bytes;
    uint64_t factor = journal_has_room(j) ? GARBAGE_FACTOR : 1;

    if (j->file < 0)
        return false;
    if (last(j)->key_id != keyring_current(j->keys))
        return true;
    if (j->n_segments < 2 || j->clean_error < 0)
        return false;
    return j->segments[0].id < j->renew_until ||
           j->segments[0].key_id != keyring_current(j->keys) ||
           bytes_of_all(j) > factor * j->live.bytes + spare;
}

/** journal_has_room() - see journal.h */
bool journal_has_room(const struct journal *j)
{
    uint64_t left = UINT64_MAX;

    if (bytes_of_all(j) > j->settings.bytes_max / 8 * 7)
        return false;
    return j->io->space(j->io->owner, &left) < 0 || left >= j->settings.space_min;
}

/** journal_renew() - see journal.h; Return: 0 or -errno. */
int journal_renew(struct journal *j)
{
    int r;

    check(!j->is_pending);
    abandon(j); /* all of it is flushed; the next commit makes the segment that stays */
    r = journal_commit(j, NULL, 0);

    if (r == 0)
        j->renew_until = last(j)->id;
    while (r == 0 && j->segments[0].id < j->renew_until)
        r = j->clean_error < 0 ? j->clean_error : journal_commit(j, NULL, 0);
    return r;
}

/** journal_stat() - figures for people */
void journal_stat(const struct journal *j, struct journal_stat *ret)
{
    *ret = (struct journal_stat){
        .bytes = bytes_of_all(j),
        .bytes_needed = j->live.bytes,
        .n_records = j->live.n,
        .n_segments = j->n_segments,
        .first_segment = j->n_segments > 0 ? j->segments[0].id : 0,
        .last_segment = j->n_segments > 0 ? last(j)->id : 0,
        .n_batches = j->n_batches,
        .n_cleaned = j->n_cleaned,
        .n_damaged = j->n_damaged,
        .clean_error = j->clean_error,
        .oldest_key = j->n_segments > 0 ? j->segments[0].key_id : 0,
    };
}
