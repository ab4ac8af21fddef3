/* SPDX-License-Identifier: Apache-2.0 */
/* node/metrics.c - see metrics.h */
#include "node/metrics.h"

#include "base/err.h"
#include "node/node.h"

/* clang-format off */
/*    name               payload  $SYS/broker/...            value                               help */
#define GAUGES(X)                                                                                                                                \
    X(uptime_seconds,    SECONDS, "uptime",                  f->uptime_s,                        "seconds since the start")                      \
    X(clients_connected, NUMBER,  "clients/connected",       f->connected,                       "clients connected now")                        \
    X(clients_away,      NUMBER,  "clients/disconnected",    f->sessions - f->connected,         "sessions that wait for their client")          \
    X(clients_most,      NUMBER,  "clients/maximum",         f->connected_most,                  "most clients that were connected at once")     \
    X(sessions,          NUMBER,  "clients/total",           f->sessions,                        "sessions, connected or not")                   \
    X(subscriptions,     NUMBER,  "subscriptions/count",     f->subscriptions,                   "subscriptions of all sessions")                \
    X(subscriptions_suspended, NUMBER, NULL,                  f->subscriptions_suspended,         "of them those that no rule allows now")         \
    X(retained_messages, NUMBER,  "retained messages/count", f->retained,                        "retained messages")                            \
    X(retained_bytes,    NUMBER,  NULL,                      f->retained_bytes,                  "memory of retained messages and their topics") \
    X(memory_bytes,      NUMBER,  NULL,                      f->memory_bytes,                    "memory of messages on their way: see memory_bytes_max") \
    X(messages_inflight, NUMBER,  "messages/inflight",       f->inflight,                        "messages sent and not acknowledged yet")       \
    X(messages_stored,   NUMBER,  "messages/stored",         f->queued + f->retained,            "messages retained, in queues and in flight")   \
    X(stored_bytes,      NUMBER,  "store/messages/bytes",    f->queued_bytes + f->retained_bytes,"memory of messages retained and in queues")    \
    X(heap_bytes,        NUMBER,  "heap/current",            f->heap_bytes,                      "memory that is the process' own: heap and stacks")  \
    X(heap_bytes_most,   NUMBER,  "heap/maximum",            f->heap_bytes_most,                 "the most that it was when it was looked at")    \
    X(assets,            NUMBER,  NULL,                      f->identify.n_assets,               "assets known")                                 \
    X(flows,             NUMBER,  NULL,                      f->identify.n_flows,                "data flows known")                             \
    X(bans,              NUMBER,  NULL,                      f->bans,                            "bans in force")                                \
    X(journal_state,     NUMBER,  NULL,                      f->journal_state,                   "0: written, or there is none; 1: nearly full, 2: failed; messages above QoS 0 are refused") \
    X(journal_bytes,     NUMBER,  NULL,                      f->journal.bytes,                   "bytes of the journal's files")                  \
    X(journal_records,   NUMBER,  NULL,                      f->journal.n_records,               "records of the journal that are needed")       \
    X(commands_waiting,  NUMBER,  NULL,                      f->commands_waiting,                "commands that wait for a person's approval")    \
    X(incidents_open,    NUMBER,  NULL,                      f->incidents_open,                  "incidents not closed")                          \
    X(control_store_bytes, NUMBER, NULL,                     f->store.bytes,                     "size of the control store on disk")
/* clang-format on */

#define ONE_VALUE(name, expr)                                                                      \
    static bool name##_value(const struct node_facts *f, size_t i, struct metric_value *ret)       \
    {                                                                                              \
        *ret = (struct metric_value){NULL, (uint64_t)(expr)};                                      \
        return i == 0;                                                                             \
    }
#define X(name, topic, load, help) ONE_VALUE(name, f->counters.name)
COUNTERS(X)
#undef X
#define X(name, payload, topic, expr, help) ONE_VALUE(name, expr)
GAUGES(X)
#undef X
ONE_VALUE(incidents, f->respond.incidents)
ONE_VALUE(shed, f->shed_blocks)
ONE_VALUE(shed_records, f->shed_records)
ONE_VALUE(monitor_records, f->monitor.records)
ONE_VALUE(monitor_dropped, f->monitor.dropped)
ONE_VALUE(monitor_failures, f->monitor.write_failures)
ONE_VALUE(store_changes, f->store.changes)
ONE_VALUE(store_failures, f->store.failures)
ONE_VALUE(store_refused, f->store.refused)
ONE_VALUE(walks_cut, f->identify.n_walks_cut)

static bool build_value(const struct node_facts *f, size_t i, struct metric_value *ret)
{
    (void)f;
    *ret = (struct metric_value){BASTIDE_VERSION, 1};
    return i == 0;
}

static bool events_value(const struct node_facts *f, size_t i, struct metric_value *ret)
{
    if (i >= EVENT_KIND_N)
        return false;
    *ret = (struct metric_value){event_kind_text((enum event_kind)i), f->n_events[i]};
    return true;
}

static bool findings_value(const struct node_facts *f, size_t i, struct metric_value *ret)
{
    if (i >= f->n_detectors)
        return false;
    *ret = (struct metric_value){f->detectors[i].detector->name, f->detectors[i].fired};
    return true;
}

static bool violations_value(const struct node_facts *f, size_t i, struct metric_value *ret)
{
    if (i >= VIOLATION_N)
        return false;
    *ret = (struct metric_value){violation_text((enum violation)i), f->violations[i]};
    return true;
}

#define ALERT_COUNTERS(X) X(sent) X(failures) X(refused) X(dropped) X(waiting)

#define X(name)                                                                                    \
    static bool alerts_##name##_value(const struct node_facts *f, size_t i,                        \
                                      struct metric_value *ret)                                    \
    {                                                                                              \
        if (i >= f->n_alerts)                                                                      \
            return false;                                                                          \
        *ret = (struct metric_value){f->alerts[i].receiver, f->alerts[i].name};                    \
        return true;                                                                               \
    }
ALERT_COUNTERS(X)
#undef X

static const struct metric metrics[] = {
    /* clang-format off */
    {"build_info", "gauge", "version", NULL, "version", "1, with the version", METRIC_VERSION, build_value},
#define X(name, payload, topic, expr, help) {#name, "gauge", topic, NULL, NULL, help, METRIC_##payload, name##_value},
    GAUGES(X)
#undef X
    {NULL, "gauge", "clients/active", NULL, NULL, "the same as clients/connected", METRIC_NUMBER, clients_connected_value},
    {NULL, "gauge", "clients/inactive", NULL, NULL, "the same as clients/disconnected", METRIC_NUMBER, clients_away_value},
    {NULL, "gauge", "store/messages/count", NULL, NULL, "the same as messages/stored", METRIC_NUMBER, messages_stored_value},
#define X(name, topic, load, help) {#name "_total", "counter", topic, load, NULL, help, METRIC_NUMBER, name##_value},
    COUNTERS(X)
#undef X
    {"incidents_total", "counter", NULL, NULL, NULL, "incidents opened since the start", METRIC_NUMBER, incidents_value},
    {"event_blocks_shed_total", "counter", NULL, NULL, NULL, "blocks of events that detection did not look at; who is connected is learned later", METRIC_NUMBER, shed_value},
    {"detect_records_shed_total", "counter", NULL, NULL, NULL, "records of clients, addresses and users that detection forgot for want of room", METRIC_NUMBER, shed_records_value},
    {"flow_walks_cut_total", "counter", NULL, NULL, NULL, "events whose data flows are learned later, since there were too many at once", METRIC_NUMBER, walks_cut_value},
    {"control_store_changes_total", "counter", NULL, NULL, NULL, "changes of the control store that are on disk", METRIC_NUMBER, store_changes_value},
    {"control_store_failures_total", "counter", NULL, NULL, NULL, "transactions of the control store that could not be written, and are tried again", METRIC_NUMBER, store_failures_value},
    {"control_store_refused_total", "counter", NULL, NULL, NULL, "changes of the control store that are lost: too many waited", METRIC_NUMBER, store_refused_value},
    {"violations_total", "counter", NULL, NULL, "violation", "protocol violations by name", METRIC_NUMBER, violations_value},
    {"events_total", "counter", NULL, NULL, "kind", "events by kind", METRIC_NUMBER, events_value},
    {"findings_total", "counter", NULL, NULL, "detector", "findings by detector", METRIC_NUMBER, findings_value},
    {"monitor_records_total", "counter", NULL, NULL, NULL, "records that logs or tap got", METRIC_NUMBER, monitor_records_value},
    {"monitor_dropped_total", "counter", NULL, NULL, NULL, "records that were dropped, since whoever watches was behind", METRIC_NUMBER, monitor_dropped_value},
    {"monitor_write_failures_total", "counter", NULL, NULL, NULL, "writes to a log of the monitor that failed", METRIC_NUMBER, monitor_failures_value},
    {"alerts_sent_total", "counter", NULL, NULL, "receiver", "incidents that the receiver took", METRIC_NUMBER, alerts_sent_value},
    {"alerts_failures_total", "counter", NULL, NULL, "receiver", "attempts to send an incident that failed", METRIC_NUMBER, alerts_failures_value},
    {"alerts_refused_total", "counter", NULL, NULL, "receiver", "incidents that the receiver did not want", METRIC_NUMBER, alerts_refused_value},
    {"alerts_dropped_total", "counter", NULL, NULL, "receiver", "incidents that the receiver never got: its queue was full", METRIC_NUMBER, alerts_dropped_value},
    {"alerts_waiting", "gauge", NULL, NULL, "receiver", "incidents that wait for the receiver", METRIC_NUMBER, alerts_waiting_value},
    /* clang-format on */
};

/** metrics_n() - rows of the table */
size_t metrics_n(void)
{
    return COUNT_OF(metrics);
}

/** metric_at() - row @i, in the order of Prometheus' families */
const struct metric *metric_at(size_t i)
{
    check(i < COUNT_OF(metrics));
    return &metrics[i];
}

static json_t *value_json(const struct metric *m, const struct metric_value *v)
{
    json_t *o = json_pack("{s:s,s:s,s:s,s:o}", "name", m->name, "type", m->type, "help", m->help,
                          "value", json_integer((json_int_t)v->value));

    if (m->label != NULL)
        json_object_set_new(o, "labels", json_pack("{s:s}", m->label, v->label));
    return o;
}

/** node_metrics_json() - see node.h */
json_t *node_metrics_json(struct node *n)
{
    struct node_facts f = facts_take(n);
    json_t *all = json_array();
    struct metric_value v;

    for (size_t i = 0; i < COUNT_OF(metrics); i++) {
        const struct metric *m = &metrics[i];

        for (size_t k = 0; m->name != NULL && m->value(&f, k, &v); k++)
            json_array_append_new(all, value_json(m, &v));
    }
    return all;
}

/** node_metrics_describe() - see node.h */
json_t *node_metrics_describe(void)
{
    json_t *all = json_array();

    for (size_t i = 0; i < COUNT_OF(metrics); i++) {
        const struct metric *m = &metrics[i];

        json_array_append_new(all, json_pack("{s:s*,s:s,s:s*,s:s*,s:s*,s:s}", "name", m->name,
                                             "type", m->type, "topic", m->topic, "load", m->load,
                                             "label", m->label, "help", m->help));
    }
    return all;
}
