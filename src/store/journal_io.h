/* SPDX-License-Identifier: Apache-2.0 */
/*
 * store/journal_io.h - the few things the journal asks of a file system
 *
 * A table, so that a test can be the file system: one that fails at the n-th call, or
 * that loses what was not flushed.  Names are of files in the journal's folder.
 * Each returns 0 or -errno.
 */
#pragma once

#include <sys/types.h>

#include "base/bytes.h"

typedef void journal_name_fn(void *arg, const char *name);

struct journal_io {
    void *owner;                                                 /* the first argument of each */
    int (*create)(void *owner, const char *name, int *ret_file); /* -EEXIST if it is there */
    int (*open)(void *owner, const char *name, int *ret_file);   /* to read */
    void (*close)(void *owner, int file);
    int (*size)(void *owner, int file, uint64_t *ret);
    int (*read)(void *owner, int file, uint64_t offset, void *at, size_t len); /* all or -EIO */
    /* On failure anything may have been written. */
    int (*write)(void *owner, int file, uint64_t offset, const void *at, size_t len);
    /* What was written is on the device.  After a failure nothing is known of what was written
     * since the last success, and a later success says nothing of it. */
    int (*sync)(void *owner, int file);
    int (*sync_folder)(void *owner); /* names are on the device */
    int (*remove)(void *owner, const char *name);
    int (*keep_aside)(void *owner, const char *name); /* in the folder quarantine as well */
    int (*list)(void *owner, journal_name_fn *each, void *arg);
    int (*space)(void *owner, uint64_t *ret); /* bytes that may still be written */
};

/* The real one, on the folder @dir, which is made if need be and locked: one process at a time.
 * On failure NULL and @ret_error. */
struct journal_io *journal_io_open(const char *dir, char **ret_error);
struct journal_io *journal_io_close(struct journal_io *io);

/* The folder @dir of a journal that is not used becomes DIR-DATE, @ret_aside, owned by the caller;
 * NULL: no segment is in it.  False with @ret_error. */
MUST_CHECK bool journal_set_aside(const char *dir, uint64_t now_unix_ms, char **ret_aside,
                                  char **ret_error);
/* Is one in @state_dir that was set aside?  It needs the data keys of its time. */
bool journal_is_aside(const char *state_dir);
