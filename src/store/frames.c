/* SPDX-License-Identifier: Apache-2.0 */
/* store/frames.c - reading a segment, good or damaged */
#include <errno.h>

#include "base/err.h"
#include "store/journal_private.h"

#define READ_BYTES 262144
#define TRIALS_PER_BYTE                                                                            \
    4 /* in search of a frame at most so many bytes are tried for each there is */

/** frames_close() - fine if it was not opened */
void frames_close(struct frames *f)
{
    if (f->file >= 0)
        f->journal->io->close(f->journal->io->owner, f->file);
    buf_done(&f->data);
    if (f->key_secret != NULL)
        secret_wipe(f->key_secret, SEAL_KEY_BYTES);
    f->file = -1;
}

/* At least @n bytes from f->at on are in memory: 1; 0: there are not so many; -errno. */
static int fill(struct frames *f, uint64_t n)
{
    const struct journal_io *io = f->journal->io;
    uint64_t len = MIN(MAX(n, (uint64_t)READ_BYTES), f->end - f->at);
    int r;

    if (f->at >= f->data_at && f->at + n <= f->data_at + f->data.len)
        return 1;
    if (n > f->end - f->at)
        return 0;
    f->data.len = 0;
    r = io->read(io->owner, f->file, f->at, buf_reserve(&f->data, (size_t)len), (size_t)len);
    if (r < 0)
        return err_trace(r);
    f->data.len = (size_t)len;
    f->data_at = f->at;
    return 1;
}

static uint8_t *here(const struct frames *f)
{
    return f->data.at + (f->at - f->data_at);
}

/**
 * frames_open() - begin to read @s up to s->end
 *
 * Of a segment whose head is not authentic there are no frames.  Return: 0 or -errno.
 */
int frames_open(struct frames *f, const struct journal *j, const struct segment *s,
                uint8_t key_secret[SEAL_KEY_BYTES])
{
    const struct journal_io *io = j->io;
    uint8_t head[SEGMENT_HEAD_BYTES];
    struct segment_head h;
    char name[SEGMENT_NAME_MAX];
    int r;

    *f = (struct frames){.journal = j, .file = -1, .key_secret = key_secret};
    if (s->is_unreadable)
        return 0;
    segment_name(s->id, name);
    r = io->open(io->owner, name, &f->file);
    if (r < 0)
        return err_trace(r);
    r = io->read(io->owner, f->file, 0, head, sizeof(head));
    if (r == 0 && segment_head_unseal(j->keys, head, &h, f->key_secret) != SEGMENT_OK)
        r = err_origin(-EBADMSG);
    if (r < 0) {
        frames_close(f);
        return err_trace(r);
    }
    f->at = f->skipped_from = f->skipped_to = SEGMENT_HEAD_BYTES;
    f->end = MIN(s->end, s->bytes);
    f->trial_bytes = TRIALS_PER_BYTE * f->end;
    return 0;
}

/* Is there a good frame at f->at?  1, 0 or -errno; its batch is decrypted in place. */
static int try_here(struct frames *f, struct frame_head *ret)
{
    int r = fill(f, FRAME_HEAD_LEN);

    if (r <= 0)
        return r;
    if (!frame_head_read(here(f), ret) || ret->number <= f->number)
        return 0;
    r = fill(f, frame_bytes(ret->len));
    if (r <= 0)
        return r;
    if (frame_unseal(ret, f->key_secret, f->at, here(f), here(f) + FRAME_HEAD_LEN))
        return 1;
    f->trial_bytes -= MIN(f->trial_bytes, frame_bytes(ret->len));
    f->data.len = 0; /* overwritten by the trial */
    return 0;
}

/* The next good frame behind f->at, which is set to it; 0: there is none, f->at is the end. */
static int search(struct frames *f, struct frame_head *ret)
{
    int r = 0;

    while (r == 0 && f->trial_bytes > 0 && f->at + FRAME_ALIGN < f->end) {
        f->at += FRAME_ALIGN;
        r = try_here(f, ret);
    }
    return r;
}

/** frames_have_skipped() - see journal_private.h */
bool frames_have_skipped(const struct frames *f, bool is_end)
{
    return f->skipped_from < f->skipped_to || (is_end && f->at < f->end);
}

/** frames_next() - see journal_private.h */
int frames_next(struct frames *f, struct frame_head *ret, struct bytes *ret_batch)
{
    uint64_t from = f->at;
    int r;

    f->skipped_from = f->skipped_to = from;
    if (f->file < 0 || f->at >= f->end)
        return 0;
    r = try_here(f, ret);
    if (r == 0)
        r = search(f, ret);
    if (r <= 0) {
        f->at = from;
        return r;
    }
    f->skipped_to = f->at;
    f->number = ret->number;
    *ret_batch = bytes_of(here(f) + FRAME_HEAD_LEN, ret->len);
    f->at += frame_bytes(ret->len);
    return 1;
}
