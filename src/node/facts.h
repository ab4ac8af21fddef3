/* SPDX-License-Identifier: Apache-2.0 */
/*
 * node/facts.h - what is, at one moment, as the threads that own it tell
 *
 * Private to node.  Status, metrics and $SYS are made of it.
 */
#pragma once

#include "alert/alert.h"
#include "detect/detect.h"
#include "event/event.h"
#include "identify/identify.h"
#include "monitor/monitor.h"
#include "node/config.h"
#include "node/counters.h"
#include "node/violation.h"
#include "respond/respond.h"
#include "store/control.h"
#include "store/journal.h"

#define FACTS_DETECTORS_MAX DETECT_DETECTORS_MAX

struct node;

struct node_facts {
    uint64_t uptime_s;
    /* of the workers */
    struct counters counters;
    uint64_t violations[VIOLATION_N];
    size_t sessions;
    size_t connected;
    size_t connected_most;
    size_t subscriptions;
    size_t subscriptions_suspended; /* of them: no rule allows them now */
    size_t inflight;
    size_t queued; /* in queues and in flight */
    size_t queued_bytes;
    size_t retained;
    size_t retained_bytes;
    size_t memory_bytes;
    size_t commands_waiting; /* for a person */
    uint64_t heap_bytes;     /* of the process; 0: the kernel does not say */
    uint64_t heap_bytes_most;
    size_t connections[CONFIG_LISTENERS_MAX]; /* by listener */
    /* of the sentinel */
    struct identify_counts identify;
    size_t bans;
    unsigned incidents_open;
    size_t actions_waiting; /* for a person */
    uint64_t suspended_until_unix_ms;
    bool is_kept;
    struct respond_counters respond;
    uint64_t shed_blocks;
    uint64_t shed_records; /* of detect */
    struct detector_counters detectors[FACTS_DETECTORS_MAX];
    size_t n_detectors;
    struct alert_counters alerts[ALERT_RECEIVERS_MAX];
    size_t n_alerts;
    struct monitor_counters monitor; /* zero when nobody watches */
    /* of the scribe */
    bool has_journal;
    int journal_state; /* enum scribe_state */
    struct journal_stat journal;
    uint64_t n_events[EVENT_KIND_N];
    struct control_counts store;
};

struct node_facts facts_take(struct node *n);
