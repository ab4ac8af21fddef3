/* SPDX-License-Identifier: Apache-2.0 */
/*
 * store/page_vfs.h - files of SQLite whose every page is sealed
 *
 * A file system layer for SQLite.  Each page of a database, and each page in its
 * write-ahead log, is sealed with AES-256-GCM under a key of its own, that is of
 * (data key, kind of file, page number), with a random nonce; and it is bound to its
 * place.  The last 32 bytes of a page, which SQLite leaves free, hold nonce, tag and
 * the id of the data key.  In clear are the log's headers: page numbers, sizes, and
 * SQLite's own checksums.
 *
 * Refused are files that would leak: rollback journals, temporary files, shared
 * memory, mapped files.  So a connection has to set journal_mode = WAL,
 * locking_mode = EXCLUSIVE and temp_store = MEMORY, and never does what needs more.
 *
 * Private to store.  MQ.PR.SP-06
 */
#pragma once

#include <sqlite3.h>

#include "crypto/keyring.h"

#define PAGE_BYTES        4096
#define PAGE_TAIL_BYTES   32 /* nonce, tag, id of the data key */
#define PAGE_PLAIN_BYTES  (PAGE_BYTES - PAGE_TAIL_BYTES)
#define PAGES_MAX         262143 /* 1 GiB; at that offset SQLite has a page that it never writes */
#define WAL_HEAD_BYTES    32
#define FRAME_HEAD_BYTES  24
#define FRAME_BYTES       (FRAME_HEAD_BYTES + PAGE_BYTES)
#define FRAME_BOUND_BYTES 8 /* of a frame's head: its salts, which stand behind number and size */

enum page_kind {
    PAGE_OF_DATABASE = 1,
    PAGE_OF_WAL = 2,
};

/* Where a page stands. */
struct page_place {
    enum page_kind kind;
    uint32_t number;                  /* as SQLite counts, from 1 */
    uint64_t offset;                  /* PAGE_OF_WAL: of the frame; otherwise 0 */
    uint8_t salts[FRAME_BOUND_BYTES]; /* PAGE_OF_WAL; otherwise zero */
};

void page_seal(struct keyring *keys, const struct page_place *place,
               const uint8_t plain[PAGE_BYTES], uint8_t ret[PAGE_BYTES]);
MUST_CHECK bool page_unseal(struct keyring *keys, const struct page_place *place,
                            const uint8_t sealed[PAGE_BYTES], uint8_t ret[PAGE_BYTES]);
uint32_t page_key_id(const uint8_t sealed[PAGE_BYTES]);

/* What frame @i (from 0) of a log is: its place, from its head. */
struct page_place page_place_of_frame(uint64_t i, const uint8_t head[FRAME_HEAD_BYTES]);

struct page_vfs;

/* Registered under a name of its own until it is freed.  @keys outlives it. */
struct page_vfs *page_vfs_new(struct keyring *keys);
struct page_vfs *page_vfs_free(struct page_vfs *v);
const char *page_vfs_name(const struct page_vfs *v);

/* ---- page_scan.c: what is in the files, whatever SQLite would make of it ---- */

struct page_scan {
    uint32_t n_pages;        /* of the database */
    uint32_t first_bad_page; /* 0: none; those that the log holds anew do not count */
    uint32_t n_bad_pages;
    uint32_t n_frames;         /* in the log, authentic, of its last life */
    uint32_t first_bad_frame;  /* 0: none; counted from 1 */
    uint32_t n_commits_behind; /* ends of transactions that are authentic behind it */
    uint32_t oldest_key;       /* id of the data key; 0: there are no pages */
    uint32_t n_missing_pages;  /* that the database should have behind its end */
};

MUST_CHECK bool page_scan(struct keyring *keys, const char *path, struct page_scan *ret,
                          char **ret_error);
/* Appended to @ret: what of it must not be, a sentence each; nothing when it is sound. */
void page_scan_describe(const struct page_scan *s, const char *path, struct buf *ret);
