/* SPDX-License-Identifier: Apache-2.0 */
/*
 * monitor/monitor.h - metadata of the traffic, for others to watch
 *
 * A worker leaves records in a block and gives the block away once a turn, or when it
 * is full.  One thread makes JSON lines of them, with the field names of Zeek's
 * mqtt_connect, mqtt_subscribe and mqtt_publish logs, writes them to files and hands
 * them to the tap.  When it is behind, blocks are dropped and counted: whoever
 * watches never slows delivery.
 *
 * Never a password; of payloads only as many bytes as are allowed, none unless said.
 *
 * MQ.DE.*
 */
#pragma once

#include "base/bytes.h"
#include "base/list.h"

#define MONITOR_RECORDS_MAX     256
#define MONITOR_TEXT_BYTES_MAX  65536
#define MONITOR_BLOCKS_MAX      64    /* that wait; of more the newest are dropped */
#define MONITOR_LINES_BYTES_MAX 49152 /* handed to the tap at once */
#define MONITOR_PAYLOAD_MAX     16384 /* bytes of a payload that may ever be shown */

/* clang-format off */
/*    name         file and topic      what it tells of */
#define MONITOR_KINDS(X)                                          \
    X(CONNECT,     "mqtt_connect")     /* a CONNECT and its answer */ \
    X(SUBSCRIBE,   "mqtt_subscribe")   /* one filter of a SUBSCRIBE or UNSUBSCRIBE */ \
    X(PUBLISH,     "mqtt_publish")     /* a PUBLISH from a client */
/* clang-format on */

enum monitor_kind {
#define X(name, text) MONITOR_##name,
    MONITOR_KINDS(X)
#undef X
        MONITOR_KIND_N,
};

/* Strings are borrowed by monitor_leave(), which copies them. */
struct monitor_record {
    enum monitor_kind kind;
    uint64_t at_ns; /* CLOCK_MONOTONIC */
    uint64_t conn;  /* number of the connection */
    struct bytes client_address;
    struct bytes listener_address;
    uint16_t client_port;
    uint16_t listener_port;
    uint8_t level; /* of the protocol; CONNECT */
    uint8_t qos;
    uint8_t granted; /* SUBSCRIBE: reason code */
    bool retain;
    bool is_unsubscribe;
    struct bytes client_id;
    struct bytes user;
    struct bytes topic;   /* filter, or topic; CONNECT: of the Will */
    struct bytes status;  /* CONNECT and PUBLISH: in words */
    struct bytes payload; /* as much as is to be shown; CONNECT: of the Will */
    uint32_t payload_len; /* all of it */
};

struct monitor_block {
    struct list link;
    unsigned n;
    size_t text_len;
    struct monitor_record records[MONITOR_RECORDS_MAX];
    uint8_t text[MONITOR_TEXT_BYTES_MAX];
};

struct monitor_block *monitor_block_new(void);
void monitor_block_free(struct monitor_block *b);
bool monitor_leave(struct monitor_block *b, const struct monitor_record *r);

struct monitor_settings {
    const char *log_dir; /* copied; made when it is missing; NULL: no files */
    uint64_t log_bytes_max;
    unsigned log_files;       /* old ones that are kept of each kind */
    uint64_t started_unix_ms; /* makes the numbers of connections unique */
    /* Lines of one kind, for the tap; on the monitor's thread; NULL: no tap. */
    void (*tap)(void *arg, enum monitor_kind kind, struct bytes lines);
    void (*begin)(void *arg); /* first on the monitor's thread; may be NULL */
    void *arg;
};

struct monitor;

struct monitor *monitor_new(const struct monitor_settings *s);
MUST_CHECK int monitor_start(struct monitor *m);
/* The thread ends, and nothing goes to the tap any more; what comes later is still written by
 * monitor_free(). */
void monitor_stop(struct monitor *m);
struct monitor *monitor_free(struct monitor *m);
/* @b is taken over; any thread; never waits. */
void monitor_take(struct monitor *m, struct monitor_block *b);
/* The files are opened anew with the next line: somebody has moved them; any thread. */
void monitor_reopen(struct monitor *m);
/* Other files or another tap from the next block on; any thread. */
void monitor_change(struct monitor *m, const struct monitor_settings *s);
/* A record or lines did not fit elsewhere; any thread. */
void monitor_dropped(struct monitor *m, uint64_t n);

struct monitor_counters {
    uint64_t records;
    uint64_t dropped; /* records that nobody got to see */
    uint64_t write_failures;
};

struct monitor_counters monitor_count(struct monitor *m); /* any thread */
const char *monitor_kind_text(enum monitor_kind kind);
