/* SPDX-License-Identifier: Apache-2.0 */
/* store/journal_private.h - what the files of the journal share */
#pragma once

#include "store/journal.h"
#include "store/live.h"
#include "store/recent.h"
#include "store/segment.h"

struct segment {
    uint64_t id;
    uint64_t bytes;              /* of the file */
    uint64_t end;                /* of what is good */
    uint8_t tag[SEAL_TAG_BYTES]; /* of the last frame, or of the head */
    uint32_t key_id;
    bool is_unreadable; /* its head is not authentic */
    bool is_damaged;
};

/* The frames of one segment, one after another; what is not authentic is passed over. */
struct frames {
    const struct journal *journal;
    int file; /* -1: nothing to read */
    uint64_t at;
    uint64_t end;
    uint64_t skipped_from; /* before the frame that was read last: not authentic from here */
    uint64_t skipped_to;   /* to here; the same: nothing was skipped */
    uint64_t number;       /* of the last frame; 0: none yet */
    uint64_t trial_bytes;  /* that may still be tried in search of a frame */
    struct buf data;       /* of the file, from data_at on */
    uint64_t data_at;
    uint8_t *key_secret; /* of the segment: borrowed, wiped when it is closed */
};

/* ---- frames.c ---- */

/* @key_secret: where the segment's key is kept meanwhile, one of j->secrets. */
MUST_CHECK int frames_open(struct frames *f, const struct journal *j, const struct segment *s,
                           uint8_t key_secret[SEAL_KEY_BYTES]);
void frames_close(struct frames *f);
/* 1: a frame, whose batch is borrowed until the next call.  0: the end; f->at is behind the last
 * good frame, and less than f->end if what follows is not authentic.  -errno: cannot be read. */
MUST_CHECK int frames_next(struct frames *f, struct frame_head *ret, struct bytes *ret_batch);

/* Has something been passed over that was written there?  @is_end: frames_next() returned 0. */
bool frames_have_skipped(const struct frames *f, bool is_end);

/* The frame that was read last in a search. */
struct scan {
    uint32_t segment; /* the low bits of its id; 0: none, and nothing is open */
    uint64_t offset;
    struct bytes batch; /* borrowed from frames */
    struct frames frames;
};

/* Keys of segments, in guarded memory. */
struct journal_secrets {
    uint8_t writing[SEAL_KEY_BYTES]; /* of the last one */
    uint8_t cleaning[SEAL_KEY_BYTES];
    uint8_t scan[SEAL_KEY_BYTES];
    uint8_t reading[SEAL_KEY_BYTES]; /* within one call */
};

struct journal {
    struct journal_settings settings;
    const struct journal_io *io; /* borrowed */
    struct keyring *keys;        /* borrowed */
    uint8_t id[JOURNAL_ID_BYTES];
    struct segment *segments; /* owned; oldest first, ids without gaps unless some are missing */
    size_t n_segments;
    size_t segments_cap;
    uint64_t number;     /* of the next frame */
    uint64_t first;      /* segment that is needed, as the next frame says, */
    uint64_t first_said; /* and as it stands on the device */
    uint64_t id_max;
    struct live live;

    bool has_former;  /* the last segment is of a former run, and perhaps not flushed */
    int former_error; /* -errno: it could not be flushed, and a later success would say nothing */

    struct journal_secrets *secrets; /* owned */
    int file; /* of the last segment, which is written to; -1: the next frame opens a new one */
    struct buf frame;       /* being made, or pending */
    struct frame_head head; /* of it */
    uint64_t frame_segment; /* where it goes, as j->live has it */
    uint64_t frame_offset;
    bool is_pending;

    struct frames cleaning; /* of the oldest segment */
    bool is_cleaning;
    int clean_error;      /* -errno: the oldest segment could not be read; tried again later */
    uint64_t renew_until; /* segments before it are cleaned in any case */
    uint64_t n_batches;
    uint64_t n_cleaned;
    uint64_t n_damaged;
    bool is_proven; /* the last frame is one without entries */
    struct scan scan;
    struct recent recent; /* that searches have found */
};

struct segment *journal_add_segment(struct journal *j, uint64_t id);
/* @segment, @offset: of the frame that the batch is in. */
void journal_apply(struct journal *j, struct bytes batch, uint64_t segment, uint64_t offset);

/* ---- journal_clean.c ---- */

/* Append to the frame what is still needed of the oldest segment, about @budget bytes' worth. */
void clean_some(struct journal *j, uint64_t budget);
/* What was said in a frame is on the device: segments before j->first go. */
void clean_away(struct journal *j);
/* What of @s is not as it was written is lost: the file stays aside for those who look into it.
 * Return: 0 or -errno. */
MUST_CHECK int keep_damaged(struct journal *j, struct segment *s);

/* ---- journal_search.c ---- */

void scan_close(struct scan *s);
