/* SPDX-License-Identifier: Apache-2.0 */
/* store/backup_private.h - the parts of a backup, for one another */
#pragma once

#include <sys/file.h>

#include "store/backup.h"
#include "store/control_private.h"

#define CHUNK_PAGES     16
#define CHUNK_BYTES     (CHUNK_PAGES * PAGE_BYTES)
#define CHUNK_NAME_LEN  65 /* 64 hex digits and a zero */
#define MANIFEST_FORMAT 1
#define DATABASE_MEMBER "control.db"

/* A folder of backups, opened by a keyring. */
struct backup_repo {
    char *dir;                             /* owned */
    uint8_t seal_secret[SEAL_KEY_BYTES];   /* of chunks and manifests */
    uint8_t naming_secret[SEAL_KEY_BYTES]; /* of chunks */
    size_t n_chunks;
    size_t n_new_chunks;
    uint64_t new_bytes;
};

void repo_open(struct backup_repo *r, const char *dir, struct keyring *keys);
void repo_done(struct backup_repo *r);
MUST_CHECK bool repo_make(const struct backup_repo *r, char **ret_error);
/* The name of the chunk, which is there when it returns true. */
MUST_CHECK bool repo_put(struct backup_repo *r, struct bytes plain, char ret_name[CHUNK_NAME_LEN],
                         char **ret_error);
MUST_CHECK bool repo_get(const struct backup_repo *r, const char *name, struct buf *ret,
                         char **ret_error);
MUST_CHECK bool repo_put_manifest(const struct backup_repo *r, const char *id, const json_t *m,
                                  char **ret_error);
json_t *repo_get_manifest(const struct backup_repo *r, const char *id, char **ret_error);
bool repo_is_chunk(const char *name, char **ret_error);
char *repo_path(const char *dir, const char *id, const char *suffix); /* owned by the caller */
char *repo_chunk_path(const char *dir, const char *name);             /* owned by the caller */
/* LOCK_SH: nothing is removed meanwhile; LOCK_EX: nobody else is there.  Return: to be closed; -1
 * with @ret_error. */
int repo_lock(const char *dir, int how, char **ret_error);
/* Array of what @take makes of the names in @dir, in their order, NULL: nothing; NULL with
 * @ret_error. */
json_t *repo_entries(const char *dir, json_t *(*take)(const char *dir, const char *name),
                     char **ret_error);
MUST_CHECK bool repo_remove_folder(const char *path); /* with all in it; false: errno says why */

/* control_pages.c: every page of the store as it is between two transactions */
typedef bool control_page_fn(void *arg, const uint8_t plain[PAGE_BYTES], char **ret_error);
MUST_CHECK bool control_pages(struct control *c, control_page_fn *fn, void *arg,
                              uint64_t *ret_number, char **ret_error);
/* The files of a store from such pages. */
struct page_writer;
struct page_writer *page_writer_new(const char *state_dir, struct keyring *keys, char **ret_error);
MUST_CHECK bool page_writer_add(struct page_writer *w, const uint8_t plain[PAGE_BYTES],
                                char **ret_error);
MUST_CHECK bool page_writer_end(struct page_writer *w, uint64_t number, char **ret_error);
