/* SPDX-License-Identifier: Apache-2.0 */
/*
 * store/backup.h - a node's home in a folder that holds no key to it
 *
 *   DIR/ID.backup   the manifest: which files, of which chunks; sealed
 *   DIR/ID.keyring  the node's keyring as it was, sealed under the at-rest key
 *   DIR/chunks/xx/  parts of files, by a keyed hash of what is in them; compressed, sealed
 *
 * A part that is there already is not written again: after the first, a backup costs
 * what has changed.  The keys come from the keyring, which takes the at-rest key; that
 * is never part of a backup.  Each chunk is bound to its name and each name to its
 * content, and the manifest is authenticated: a backup is whole, or refused.
 *
 * The control store is taken between two transactions, as pages; the journal by links to
 * its segments; everything else as files.  Nothing waits for it but changes of the control store.
 *
 * MQ.RC.RP-08
 */
#pragma once

#include <jansson.h>

#include "store/control.h"

#define BACKUP_ID_BYTES       32 /* "20261126T023000.125Z-4f2a" and a zero */
#define BACKUP_NAMED_BYTES    512
#define BACKUP_FILES_MAX      20000
#define BACKUP_FILE_BYTES_MAX (1ULL << 30)

struct backup_input {
    const char *dir;       /* where to; made when missing */
    const char *home;      /* the folder of the configuration */
    const char *state_dir; /* absolute, or as in the configuration */
    const char *key_file;  /* of the at-rest key, which is left out; NULL */
    const char *node_name;
};

struct backup_result {
    char id[BACKUP_ID_BYTES];
    uint64_t at_unix_ms;
    size_t n_files;
    size_t n_left_out; /* files and folders that could not be read, or lie too deep: the log says
                          which, and why */
    size_t n_named;    /* of them, the first few, which stand in @left_out */
    char left_out[BACKUP_NAMED_BYTES]; /* paths, for people, ", " between two */
    size_t n_chunks;
    size_t n_new_chunks;
    uint64_t bytes;     /* of the files */
    uint64_t new_bytes; /* written */
    uint64_t control_number;
};

MUST_CHECK bool backup_create(const struct backup_input *in, struct control *c,
                              struct keyring *keys, struct backup_result *ret, char **ret_error);

char *backup_text(const struct backup_result *r); /* a line for people; owned by the caller */

/* Array of {"id"}, oldest first, by names alone; NULL with @ret_error. */
json_t *backup_list(const char *dir, char **ret_error);
/* Array of the paths of folders verify.XXXXXX in @dir, where earlier versions verified and, cut
 * short, left a home in clear; NULL with @ret_error. */
json_t *backup_leftovers(const char *dir, char **ret_error);

struct backup_pruned {
    size_t n_kept;
    size_t n_removed;
    size_t n_chunks_removed; /* that no backup needs any more, or that were never finished */
    uint64_t bytes_freed;
    size_t n_leftovers; /* backup_leftovers(), removed */
};

/* All go but the newest @keep_min (at least 1) and those made at @before_unix_ms or later.  @from
 * opens the keyrings of those that are kept; false with @ret_error: one of them cannot be read, or
 * is not whole, and nothing was removed; or a file cannot be removed, and what is kept is whole.
 */
MUST_CHECK bool backup_prune(const char *dir, const struct key_source *from, size_t keep_min,
                             uint64_t before_unix_ms, struct backup_pruned *ret, char **ret_error);

struct backup_restored {
    char id[BACKUP_ID_BYTES];
    uint64_t made_unix_ms;
    char node_name[128];
    size_t n_files;
    uint64_t bytes;
    size_t n_audit_entries; /* verified */
    bool is_begun;          /* something is in the folder, also after a failure */
};

/* @id: NULL: the newest.  @from opens its keyring.  @into must be empty or not there.  Every byte
 * that comes back was authenticated, and the store that is made of it is opened and its audit
 * verified; else false with @ret_error, and what was made in @into is no home. */
MUST_CHECK bool backup_restore(const char *dir, const char *id, const struct key_source *from,
                               const char *into, struct backup_restored *ret, char **ret_error);
/* What a restore proves, but for the room that it takes: every byte is authenticated in memory, and
 * the store is made, sealed as it was, in a folder of its own in TMPDIR (/tmp), which is removed.
 * Nothing is written to @dir.  SIGINT, SIGTERM and SIGHUP end it when that folder is gone. */
MUST_CHECK bool backup_verify(const char *dir, const char *id, const struct key_source *from,
                              struct backup_restored *ret, char **ret_error);
