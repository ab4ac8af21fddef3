/* SPDX-License-Identifier: Apache-2.0 */
/* bench/traffic.h - publishers, subscribers and their topics; private to traffic*.c */
#pragma once

#include "bench/private.h"

struct publisher {
    struct peer peer;
    struct list hungry; /* may be able to send */
    struct traffic *traffic;
    uint32_t index;
    uint32_t first_topic;
    uint32_t n_topics;
    uint64_t noise;
    uint64_t n_due;               /* deliveries that its messages are to give */
    _Atomic uint64_t n_delivered; /* those that have come; counted by any driver */
    uint64_t *sequences;          /* owned; of its topics */
};

struct subscriber {
    struct peer peer;
    struct traffic *traffic;
    uint32_t first_publisher; /* whose messages it is to get */
    uint32_t n_publishers;
    const uint8_t *wants; /* by topic; NULL: all */
    struct track *tracks; /* owned; [publisher][topic of publisher] */
    struct bytes filter;  /* owned; of other shapes than wild */
};

/* What a driver has of it. */
struct share {
    struct list hungry;
    struct publisher **publishers; /* owned array of borrowed */
    size_t n_publishers;
    size_t next; /* whose turn it is, open loop */
    uint64_t begin_ns;
    uint64_t n_made; /* messages that were due */
    bool *nudges;    /* owned; [driver]: its publishers have got room */
};

struct traffic {
    struct bench *bench;
    enum shape shape;
    struct crew *crew;
    struct topic *topics; /* owned */
    size_t n_topics;
    struct publisher *publishers; /* owned */
    size_t n_publishers;
    struct subscriber *subscribers; /* owned */
    size_t n_subscribers;
    struct share *shares; /* owned, one a driver */
    struct wild wild;     /* SHAPE_WILD */
    double fan;           /* deliveries of a message, on average */
    uint64_t window;
    uint64_t due_max; /* deliveries of one publisher that may be due */
    _Atomic uint64_t measured_from_ns;
};

extern const struct play traffic_play;
