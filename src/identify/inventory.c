/* SPDX-License-Identifier: Apache-2.0 */
/*
 * identify/inventory.c - the declared inventory, from YAML
 *
 * inventory_record.c reads a device's.  framework/inventory-example.yaml shows every key.
 * MQ.ID.AM-01 MQ.ID.AM-04 MQ.ID.IC-01 MQ.ID.EA-01 MQ.ID.EA-03
 */
#include "identify/inventory.h"

#include <stdlib.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/text.h"
#include "wire/wire.h"

#define LIST_MAX 1000000 /* entries of one list of the file */

static const char *const classification_names[] = {"public", "internal", "confidential", "critical",
                                                   NULL};

static struct bytes record_key(const void *item)
{
    return bytes_str(((const struct record *)item)->match);
}

/** inventory_list() - room for the entries of a list, zeroed and owned; more than LIST_MAX are
 * refused */
void *inventory_list(struct conf_value list, size_t size, size_t *ret_n)
{
    size_t n = conf_len(list);

    if (n > LIST_MAX) {
        conf_fail(list, "%zu entries, at most %d are read", n, LIST_MAX);
        n = 0;
    }
    *ret_n = n;
    return mem_zero(MAX(n, 1) * size);
}

/** inventory_need_string() - a text that has to be there; "" after an error */
void inventory_need_string(struct conf_value map, const char *key, char **ret)
{
    (void)conf_string(conf_need(map, key), ret);
    if (*ret == NULL)
        *ret = bytes_dup_str(BYTES_NONE);
}

/** inventory_need_filter() - as inventory_need_string(), and it is a topic filter */
void inventory_need_filter(struct conf_value map, const char *key, char **ret)
{
    inventory_need_string(map, key, ret);
    if (conf_given(conf_get(map, key)) && !wire_topic_filter_valid(bytes_str(*ret)))
        conf_fail(conf_get(map, key), "\"%s\" is not a topic filter", *ret);
}

/** inventory_answer() - yes or no, where it is given */
void inventory_answer(struct conf_value v, enum answer *ret)
{
    bool yes;

    if (conf_bool(v, &yes))
        *ret = yes ? ANSWER_YES : ANSWER_NO;
}

/** inventory_kind() - the number of an enum whose 0 says "not given": the empty text stands for it
 * and is no choice */
void inventory_kind(struct conf_value v, const char *const *names, unsigned *ret)
{
    unsigned which;

    if (conf_given(v) && conf_choice(v, names + 1, &which))
        *ret = which + 1;
}

static struct bytes name_key(const void *item)
{
    return bytes_str(((const struct record *)item)->name);
}

static void read_records(struct conf_value list, struct inventory *v)
{
    struct map names;

    map_init(&names, name_key);
    v->records = inventory_list(list, sizeof(*v->records), &v->n_records);
    for (size_t i = 0; i < v->n_records; i++) {
        struct record *r = &v->records[i];
        const struct record *old;

        record_read(conf_item(list, i), r);
        if (map_put(&names, r) != NULL)
            conf_fail(conf_item(list, i), "the name \"%s\" is taken", r->name);
        old = map_put(&v->by_match, r);
        if (old != NULL)
            conf_fail(conf_item(list, i), "\"%s\" would be met by the same devices as \"%s\"",
                      r->name, old->name);
    }
    map_done(&names);
}

static void read_zone(struct conf_value at, struct zone *z)
{
    static const char *const keys[] = {"name", "prefixes", "external", NULL};
    struct conf_value list = conf_need(at, "prefixes");

    conf_keys(at, keys);
    inventory_need_string(at, "name", &z->name);
    (void)conf_bool(conf_get(at, "external"), &z->is_external);
    z->prefixes = inventory_list(list, sizeof(*z->prefixes), &z->n_prefixes);
    for (size_t i = 0; i < z->n_prefixes; i++) {
        const char *text = conf_text(conf_item(list, i));
        const char *why = prefix_parse(text_or_empty(text), &z->prefixes[i]);

        if (why != NULL)
            conf_fail(conf_item(list, i), "\"%s\" %s", text_or_empty(text), why);
    }
}

static void read_topic(struct conf_value at, struct declared_topic *t)
{
    static const char *const keys[] = {"filter",         "owner",        "classification",
                                       "criticality",    "readers",      "latency_ms",
                                       "retention_days", "availability", NULL};
    struct conf_value readers = conf_get(at, "readers");
    double n;
    unsigned which;

    conf_keys(at, keys);
    inventory_need_filter(at, "filter", &t->filter);
    (void)conf_string(conf_get(at, "owner"), &t->owner);
    if (conf_choice(conf_get(at, "classification"), classification_names, &which))
        t->classification = text_dup(classification_names[which]);
    inventory_kind(conf_get(at, "criticality"), criticality_names, (unsigned *)&t->criticality);
    t->has_slo = conf_number(conf_get(at, "availability"), 0, 1, &n);
    t->has_slo &= conf_number(conf_get(at, "latency_ms"), 0, 1e9, &n);
    t->has_slo &= conf_number(conf_get(at, "retention_days"), 0, 36500, &n);
    if (!conf_given(readers))
        return;
    t->readers = inventory_list(readers, sizeof(*t->readers), &t->n_readers);
    for (size_t i = 0; i < t->n_readers; i++)
        if (!conf_string(conf_item(readers, i), &t->readers[i]))
            t->readers[i] = bytes_dup_str(BYTES_NONE);
}

static void read_flow(struct conf_value at, struct declared_flow *f)
{
    static const char *const keys[] = {"from",  "topic",         "to", "classification",
                                       "owner", "crosses_zones", NULL};

    conf_keys(at, keys);
    inventory_need_string(at, "from", &f->from);
    inventory_need_filter(at, "topic", &f->topic);
    inventory_need_string(at, "to", &f->to);
    (void)conf_string(conf_get(at, "classification"), &f->classification);
    (void)conf_string(conf_get(at, "owner"), &f->owner);
    (void)conf_bool(conf_get(at, "crosses_zones"), &f->crosses_zones);
}

static void read_zone_name(struct conf_value at, const char *key, const struct inventory *v,
                           char **ret)
{
    inventory_need_string(at, key, ret);
    if (conf_given(conf_get(at, key)) && zone_named(v, *ret) == NULL)
        conf_fail(conf_get(at, key), "no zone is named \"%s\"", *ret);
}

static void read_conduit(struct conf_value at, const struct inventory *v, struct conduit *c)
{
    static const char *const keys[] = {"name",      "from_zone",         "to_zone",
                                       "external",  "mutual_tls",        "topic_allow_list",
                                       "agreement", "agreement_expires", "security_clause",
                                       "owner",     "carrier",           "medium",
                                       "redundant", "route_class",       NULL};

    conf_keys(at, keys);
    inventory_need_string(at, "name", &c->name);
    read_zone_name(at, "from_zone", v, &c->from_zone);
    read_zone_name(at, "to_zone", v, &c->to_zone);
    (void)conf_bool(conf_get(at, "external"), &c->is_external);
    (void)conf_bool(conf_get(at, "mutual_tls"), &c->mutual_tls);
    (void)conf_bool(conf_get(at, "topic_allow_list"), &c->topic_allow_list);
    (void)conf_bool(conf_get(at, "security_clause"), &c->security_clause);
    (void)conf_string(conf_get(at, "agreement"), &c->agreement);
    (void)conf_date(conf_get(at, "agreement_expires"), &c->agreement_expires_unix_ms);
    (void)conf_string(conf_get(at, "owner"), &c->owner);
    (void)conf_string(conf_get(at, "carrier"), &c->carrier);
    (void)conf_string(conf_get(at, "medium"), &c->medium);
    (void)conf_string(conf_get(at, "route_class"), &c->route_class);
    inventory_answer(conf_get(at, "redundant"), &c->redundant);
}

static void read_broker(struct conf_value at, struct broker_record *b)
{
    static const char *const keys[] = {"name",           "site",         "room", "rack",
                                       "access_control", "power_backup", NULL};

    conf_keys(at, keys);
    inventory_need_string(at, "name", &b->name);
    (void)conf_string(conf_get(at, "site"), &b->site);
    (void)conf_string(conf_get(at, "room"), &b->room);
    (void)conf_string(conf_get(at, "rack"), &b->rack);
    (void)conf_string(conf_get(at, "access_control"), &b->access_control);
    (void)conf_string(conf_get(at, "power_backup"), &b->power_backup);
}

static void check_zone_names(struct conf_value list, const struct inventory *v)
{
    for (size_t i = 0; i < v->n_records; i++) {
        const char *name = v->records[i].zone;

        if (name != NULL && zone_named(v, name) == NULL)
            conf_fail(conf_get(conf_item(list, i), "zone"), "no zone is named \"%s\"", name);
    }
}

static struct inventory *inventory_new(void)
{
    struct inventory *v = mem_new(struct inventory);

    map_init(&v->by_match, record_key);
    return v;
}

/**
 * inventory_load() - read the declared inventory
 * @path:      NULL: an empty one
 * @ret_error: one line an error; owned by the caller
 *
 * Return: the inventory, or NULL.
 */
struct inventory *inventory_load(const char *path, char **ret_error)
{
    static const char *const keys[] = {"approved_by",    "approved_at", "zones",    "topics",
                                       "assets",         "flows",       "conduits", "brokers",
                                       "crypto_profile", NULL};
    struct inventory *v = inventory_new();
    struct conf *c;
    struct conf_value root, list;
    char *approver = NULL;

    if (path == NULL)
        return v;
    c = conf_open(path);
    root = conf_root(c);
    conf_keys(root, keys);
    /* A map without a name behind it is not approved. */
    if (conf_string(conf_get(root, "approved_by"), &approver))
        (void)conf_date(conf_need(root, "approved_at"), &v->approved_unix_ms);
    free(approver);

    list = conf_get(root, "zones");
    v->zones = inventory_list(list, sizeof(*v->zones), &v->n_zones);
    for (size_t i = 0; i < v->n_zones; i++)
        read_zone(conf_item(list, i), &v->zones[i]);
    list = conf_get(root, "topics");
    v->topics = inventory_list(list, sizeof(*v->topics), &v->n_topics);
    for (size_t i = 0; i < v->n_topics; i++)
        read_topic(conf_item(list, i), &v->topics[i]);
    list = conf_get(root, "flows");
    v->flows = inventory_list(list, sizeof(*v->flows), &v->n_flows);
    for (size_t i = 0; i < v->n_flows; i++)
        read_flow(conf_item(list, i), &v->flows[i]);
    list = conf_get(root, "conduits");
    v->conduits = inventory_list(list, sizeof(*v->conduits), &v->n_conduits);
    for (size_t i = 0; i < v->n_conduits; i++)
        read_conduit(conf_item(list, i), v, &v->conduits[i]);
    list = conf_get(root, "brokers");
    v->brokers = inventory_list(list, sizeof(*v->brokers), &v->n_brokers);
    for (size_t i = 0; i < v->n_brokers; i++)
        read_broker(conf_item(list, i), &v->brokers[i]);
    list = conf_get(root, "crypto_profile");
    v->crypto = inventory_list(list, sizeof(*v->crypto), &v->n_crypto);
    for (size_t i = 0; i < v->n_crypto; i++)
        crypto_read(conf_item(list, i), &v->crypto[i]);
    read_records(conf_get(root, "assets"), v);
    check_zone_names(conf_get(root, "assets"), v);

    if (!conf_ok(c, ret_error))
        v = inventory_free(v);
    conf_close(c);
    return v;
}

static void topic_done(struct declared_topic *t)
{
    free(t->filter);
    free(t->owner);
    free(t->classification);
    for (size_t i = 0; i < t->n_readers; i++)
        free(t->readers[i]);
    free(t->readers);
}

static void flow_done(struct declared_flow *f)
{
    free(f->from);
    free(f->topic);
    free(f->to);
    free(f->classification);
    free(f->owner);
}

static void conduit_done(struct conduit *c)
{
    free(c->name);
    free(c->from_zone);
    free(c->to_zone);
    free(c->owner);
    free(c->carrier);
    free(c->medium);
    free(c->route_class);
    free(c->agreement);
}

static void broker_done(struct broker_record *b)
{
    free(b->name);
    free(b->site);
    free(b->room);
    free(b->rack);
    free(b->access_control);
    free(b->power_backup);
}

/** inventory_free() - Return: NULL. */
struct inventory *inventory_free(struct inventory *v)
{
    if (v == NULL)
        return NULL;
    for (size_t i = 0; i < v->n_records; i++)
        record_done(&v->records[i]);
    for (size_t i = 0; i < v->n_zones; i++) {
        free(v->zones[i].name);
        free(v->zones[i].prefixes);
    }
    for (size_t i = 0; i < v->n_topics; i++)
        topic_done(&v->topics[i]);
    for (size_t i = 0; i < v->n_flows; i++)
        flow_done(&v->flows[i]);
    for (size_t i = 0; i < v->n_conduits; i++)
        conduit_done(&v->conduits[i]);
    for (size_t i = 0; i < v->n_brokers; i++)
        broker_done(&v->brokers[i]);
    for (size_t i = 0; i < v->n_crypto; i++)
        crypto_done(&v->crypto[i]);
    map_done(&v->by_match);
    free(v->records);
    free(v->zones);
    free(v->topics);
    free(v->flows);
    free(v->conduits);
    free(v->brokers);
    free(v->crypto);
    free(v);
    return NULL;
}

/**
 * inventory_find() - the record whose identifiers a device shows, all of them
 *
 * Of several, the one that asks for most: a record with certificate and client
 * id goes before one with the certificate alone.
 *
 * Return: borrowed; NULL when there is none.
 */
struct record *inventory_find(const struct inventory *v, struct bytes client_id,
                              struct bytes principal, bool by_certificate, struct bytes address)
{
    CLEANUP(buf_done) struct buf key = {0};
    struct bytes cn = by_certificate ? principal : BYTES_NONE;
    struct record *r = NULL;

    if (v->by_match.n == 0)
        return NULL;
    for (unsigned with = 15; with > 0 && r == NULL;
         with--) { /* every set of identifiers, the certificate first */
        key.len = 0;
        record_match_format(&key, with & 8 ? cn : BYTES_NONE, with & 4 ? principal : BYTES_NONE,
                            with & 2 ? client_id : BYTES_NONE, with & 1 ? address : BYTES_NONE);
        r = map_find(&v->by_match, buf_view(&key));
    }
    return r;
}
