/* SPDX-License-Identifier: Apache-2.0 */
/*
 * node/metrics.h - one table of what can be watched, for Prometheus and for $SYS
 *
 * Private to node.  A row has a value or, with a label, several; its function gives
 * the i-th and answers false behind the last.
 */
#pragma once

#include "node/facts.h"

struct metric_value {
    const char *label; /* static; NULL: none */
    uint64_t value;
};

typedef bool metric_value_fn(const struct node_facts *f, size_t i, struct metric_value *ret);

/* What stands in a message on $SYS. */
enum metric_payload {
    METRIC_NUMBER,
    METRIC_SECONDS, /* "17 seconds" */
    METRIC_VERSION, /* "bastide version 0.1.0" */
};

struct metric {
    const char *name;  /* in Prometheus, behind "bastide_"; NULL: not there */
    const char *type;  /* "counter" or "gauge" */
    const char *topic; /* behind "$SYS/broker/"; NULL: not there */
    const char *load;  /* its moving averages stand there, behind "$SYS/broker/"; NULL: nowhere */
    const char *label; /* of its values; NULL: one value without a label */
    const char *help;
    enum metric_payload payload;
    metric_value_fn *value;
};

size_t metrics_n(void);
const struct metric *metric_at(size_t i);
