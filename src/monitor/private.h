/* SPDX-License-Identifier: Apache-2.0 */
/* monitor/private.h - the parts of monitor, for one another */
#pragma once

#include "base/bytes.h"
#include "monitor/monitor.h"

/* A time as both clocks show it, to make a date of a record's. */
struct monitor_now {
    uint64_t ns;
    uint64_t unix_ms;
};

void monitor_format(struct buf *to, const struct monitor_record *r, struct monitor_now now,
                    uint64_t started_unix_ms);

/* log_file.c */
struct log_file {
    char *path; /* owned */
    int fd;     /* -1: not open */
    uint64_t size;
    uint64_t size_max;
    unsigned n_old;
    bool failed; /* and it was said */
};

void log_file_init(struct log_file *f, const char *dir, const char *name, uint64_t size_max,
                   unsigned n_old);
void log_file_done(struct log_file *f);
void log_file_close(struct log_file *f);
bool log_file_append(struct log_file *f, struct bytes lines);
