/* SPDX-License-Identifier: Apache-2.0 */
/*
 * store/journal.h - what must survive: batches of records in a sealed log
 *
 * Segments of frames; a frame is one batch, written and flushed before the next one
 * (segment.h).  Which records are needed is kept in memory and found out anew at each
 * start by reading the log, and about where each stands; nothing but the log has to be believed.
 * Space comes back from the oldest segment, always: what is still needed of it is put again at the
 * end, and the file goes.  So a drop never outlives the put it is for.
 *
 * What is not authentic is passed over and reported.  At the end of the last segment it
 * is a batch that was never finished; anywhere else, or with authentic frames behind
 * it, it is damage.
 *
 * What was read at the start is flushed before anything follows from it: a process that was killed
 * may have left it in the system's memory only.
 *
 * A failed write or flush leaves the batch pending: nothing is known of the file, which
 * is left alone from then on, and the batch is written anew to a new segment when it is
 * tried again.
 *
 * One thread at a time.  MQ.PR.SP-06
 */
#pragma once

#include "crypto/keyring.h"
#include "store/batch.h"
#include "store/journal_io.h"

struct journal;
struct journal_search;

#define JOURNAL_SEGMENT_BYTES (64U << 20) /* of a node */
#define JOURNAL_ID_BYTES      16

/* How far a journal had come, kept where it is not (journal_mark.h): by the files alone it cannot
 * be told that the newest of them are missing. */
struct journal_mark {
    uint8_t id[JOURNAL_ID_BYTES]; /* which journal; made at random with it */
    uint64_t number;              /* of a batch that is on the device; 0: there is no mark */
};

struct journal_settings {
    uint64_t segment_bytes; /* a new one when it has become larger */
    uint64_t bytes_max;     /* of all files; see journal_has_room() */
    uint64_t space_min;     /* that is left to others on the file system */
    struct journal_mark mark;
    bool is_repair; /* a data key or all files missing is damage, no reason to stop */
};

struct journal_damage {
    uint64_t segment;
    uint64_t from; /* bytes of the file; both 0: the whole file */
    uint64_t to;
    const char *what; /* static */
};

#define JOURNAL_DAMAGE_MAX 64

/* What was found in the files. */
struct journal_report {
    struct journal_damage damage[JOURNAL_DAMAGE_MAX];
    size_t n_damage;     /* may be more than are told */
    uint64_t n_missing;  /* batches at the end that were on the device, as the mark says */
    uint64_t torn_bytes; /* at the end: a batch that was not finished */
    uint64_t n_batches;
    uint64_t n_entries;
};

/* Reads all there is; writes nothing.  @io and @keys outlive the journal.  On failure NULL and
 * @ret_error: a file cannot be read, a data key is missing, there is a mark and no file at all. */
struct journal *journal_open(const struct journal_settings *s, const struct journal_io *io,
                             struct keyring *keys, struct journal_report *ret, char **ret_error);
struct journal *journal_close(struct journal *j);

/* Each record that is needed, once; in no particular order.  Before the first commit. */
typedef void journal_record_fn(void *arg, uint8_t kind, uint64_t id, struct bytes record);
MUST_CHECK int journal_each(struct journal *j, journal_record_fn *each, void *arg);
uint64_t journal_id_max(const struct journal *j); /* of those below 2^62 */

/* The same at any time but while a commit is pending, a part of about @budget bytes at a time; one
 * that was put again may be given twice.  1: there is more to do.  0: done.  -errno: cannot be
 * read; it may be tried again. */
struct journal_walk { /* zero at first */
    uint64_t segment;
    uint64_t offset;
};

MUST_CHECK int journal_walk_some(struct journal *j, struct journal_walk *w, uint64_t budget,
                                 journal_record_fn *each, void *arg);

/* Reads single records back: those of @ids, each once; copied.  Not while a commit
 * is pending.  An id that was not given when it returns 0 is not in the
 * journal any more: it was dropped, or what it stood in is not authentic now. */
struct journal_search *journal_search_new(const uint64_t *ids, size_t n);
/* Reads about @budget bytes.  1: there is more to do.  0: done.  -errno: cannot be read; it may be
 * tried again. */
MUST_CHECK int journal_search_some(struct journal *j, struct journal_search *s, uint64_t budget,
                                   journal_record_fn *each, void *arg);
struct journal_search *journal_search_free(struct journal_search *s);

/* Damaged files stay in the folder quarantine when they go here.  Before the first commit. */
MUST_CHECK int journal_keep_damaged(struct journal *j);

/* All of @batches, together, on the device when it returns 0.  On failure, -errno, they are
 * pending, and no other commit is made before journal_retry() returns 0.  A commit without
 * batches does what cleaning is due, and proves what was written before to be whole. */
MUST_CHECK int journal_commit(struct journal *j, const struct bytes *batches, size_t n);
MUST_CHECK int journal_retry(struct journal *j);
bool journal_is_pending(const struct journal *j);
/* Of the last batch on the device; number 0: none. */
void journal_mark_of(const struct journal *j, struct journal_mark *ret);
bool journal_is_proven(const struct journal *j);
bool journal_wants_cleaning(const struct journal *j);
/* False: more than seven eighths of bytes_max are used, or less than space_min is left. */
bool journal_has_room(const struct journal *j);
/* Put anew all that is needed, so that only segments of now are left; for repair and new keys. */
MUST_CHECK int journal_renew(struct journal *j);

struct journal_stat {
    uint64_t bytes;
    uint64_t bytes_needed;
    uint64_t n_records;
    uint64_t n_segments;
    uint64_t first_segment;
    uint64_t last_segment;
    uint64_t n_batches;  /* since it was opened */
    uint64_t n_cleaned;  /* segments that went since */
    uint64_t n_damaged;  /* segments of which some was not read when they were cleaned */
    uint32_t oldest_key; /* data key of the oldest segment; 0: there is none */
    int clean_error;     /* -errno: why no space comes back; 0: it does */
};

void journal_stat(const struct journal *j, struct journal_stat *ret);
