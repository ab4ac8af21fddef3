/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/unit/store/disk.h - a file system in memory that fails when told to, and loses power
 *
 * What was written is seen at once; it is on the device when it was flushed.  When the
 * power goes, of each 512 bytes that were written since, the old or the new ones are
 * there, as the seed says, in any mixture; so are names that were made or removed
 * since the folder was flushed.
 */
#pragma once

#include "store/journal_io.h"

#define DISK_FILES_MAX 2048

struct disk_file {
    char name[40];
    struct buf now;  /* as a reader sees it */
    struct buf kept; /* as it was flushed */
    bool is_there;   /* as a reader sees it */
    bool is_kept;    /* its name, as the folder was flushed */
};

enum disk_call {
    DISK_CREATE,
    DISK_OPEN,
    DISK_READ,
    DISK_WRITE,
    DISK_SYNC,
    DISK_SYNC_FOLDER,
    DISK_REMOVE,
    DISK_KEEP_ASIDE,
    DISK_SIZE,
    DISK_LIST,
    DISK_CALL_N,
};

struct disk {
    struct journal_io io;
    struct disk_file files[DISK_FILES_MAX];
    size_t n_files;
    unsigned n_calls[DISK_CALL_N];
    unsigned fail_at[DISK_CALL_N]; /* this call fails, counted from 1; 0: none */
    int fail_with;                 /* -errno */
    bool fails_on;                 /* so do all later ones of that kind */
    bool forgets_sync;             /* as if the process were killed before each flush */
    uint64_t noise;
    uint64_t space;
    unsigned n_aside;
};

void disk_init(struct disk *d, uint64_t seed);
void disk_done(struct disk *d);
void disk_cut_power(struct disk *d);
void disk_forget_sync(struct disk *d, bool yes);
void disk_copy(struct disk *to, const struct disk *from);
struct disk_file *disk_file(struct disk *d, const char *name);
uint64_t disk_bytes(const struct disk *d);
