/* SPDX-License-Identifier: Apache-2.0 */
/*
 * identify/network.c - the network map: zones, the conduits between them, brokers, and
 * what was seen where; MQ.ID.AM-03 MQ.ID.EA-02 MQ.ID.EA-03 MQ.ID.CO-03
 */
#include "identify/private.h"
#include "identify/tally.h"

static bool joins(const struct conduit *c, const char *a, const char *b)
{
    return (strcmp(c->from_zone, a) == 0 && strcmp(c->to_zone, b) == 0) ||
           (strcmp(c->from_zone, b) == 0 && strcmp(c->to_zone, a) == 0);
}

/** conduit_between() - the first that joins the two, in either direction; NULL: none */
const struct conduit *conduit_between(const struct inventory *v, const char *from, const char *to)
{
    for (size_t i = 0; i < v->n_conduits; i++)
        if (joins(&v->conduits[i], from, to))
            return &v->conduits[i];
    return NULL;
}

/* ---- counted ---- */

/* Has each conduit that leads to this external zone an agreement that has ended? */
static bool is_out_of_contract(const struct inventory *v, const struct zone *z, uint64_t now,
                               bool *ret_has_contract)
{
    bool is_in_force = false;

    *ret_has_contract = false;
    for (size_t i = 0; i < v->n_conduits; i++) {
        const struct conduit *c = &v->conduits[i];

        if (strcmp(c->from_zone, z->name) != 0 && strcmp(c->to_zone, z->name) != 0)
            continue;
        if (c->agreement_expires_unix_ms == 0)
            continue;
        *ret_has_contract = true;
        is_in_force |= c->agreement_expires_unix_ms >= now;
    }
    return *ret_has_contract && !is_in_force;
}

struct tally tally_expired_contract_connected(const struct identify *id, uint64_t now)
{
    struct tally t = {0};

    for (size_t i = 0; i < id->counts.n_assets; i++) {
        const struct asset *a = id->assets[i];
        const struct zone *z = zone_of(id->inventory, asset_address(a));
        bool has_contract, is_out;

        if (z == NULL || !z->is_external || !asset_was_here(a, now))
            continue;
        is_out = is_out_of_contract(id->inventory, z, now, &has_contract);
        t.of += has_contract;
        t.n += is_out;
    }
    return t;
}

static bool is_same(const char *a, const char *b)
{
    return a != NULL && b != NULL && strcmp(a, b) == 0;
}

/* Do all conduits that join the two go by one carrier, and none by several ways? */
static bool is_one_path(const struct inventory *v, const char *from, const char *to)
{
    const struct conduit *before = NULL;

    for (size_t i = 0; i < v->n_conduits; i++) {
        const struct conduit *c = &v->conduits[i];

        if (!joins(c, from, to))
            continue;
        if (c->redundant == ANSWER_YES || (before != NULL && !is_same(before->carrier, c->carrier)))
            return false;
        before = c;
    }
    return before != NULL;
}

/* Flows that a declaration calls critical, between two zones. */
struct tally tally_single_path_critical(const struct identify *id, uint64_t now)
{
    const struct inventory *v = id->inventory;
    const struct flow *f;
    struct tally t = {0};
    size_t cursor = 0;

    while ((f = map_next(&id->flows, &cursor)) != NULL) {
        const struct declared_flow *d = flow_declared(v, f);
        const struct zone *from = zone_of(v, asset_address(f->from));
        const struct zone *to = zone_of(v, asset_address(f->to));

        if (d == NULL || d->classification == NULL || from == NULL || to == NULL || from == to ||
            strcmp(d->classification, "critical") != 0 ||
            !is_within_days(f->last_seen_unix_ms, now, SEEN_DAYS))
            continue;
        t.of++;
        t.n += is_one_path(v, from->name, to->name);
    }
    return t;
}

/* ---- for people ---- */

static void set_text(json_t *o, const char *key, const char *text)
{
    if (text != NULL)
        (void)json_object_set_new(o, key, json_string(text));
}

static json_t *zones_json(const struct identify *id)
{
    const struct inventory *v = id->inventory;
    json_t *list = json_array();

    for (size_t i = 0; i < v->n_zones; i++) {
        size_t n = 0;

        for (size_t k = 0; k < id->counts.n_assets; k++)
            n += zone_of(v, asset_address(id->assets[k])) == &v->zones[i];
        (void)json_array_append_new(list, json_pack("{s:s, s:b, s:I}", "name", v->zones[i].name,
                                                    "external", v->zones[i].is_external, "assets",
                                                    (json_int_t)n));
    }
    return list;
}

static json_t *conduit_json(const struct conduit *c)
{
    json_t *o =
        json_pack("{s:s, s:s, s:s, s:b, s:b}", "name", c->name, "from_zone", c->from_zone,
                  "to_zone", c->to_zone, "external", c->is_external, "mutual_tls", c->mutual_tls);

    set_text(o, "owner", c->owner);
    set_text(o, "carrier", c->carrier);
    set_text(o, "medium", c->medium);
    set_text(o, "route_class", c->route_class);
    set_text(o, "agreement", c->agreement);
    if (c->redundant != ANSWER_NONE)
        (void)json_object_set_new(o, "redundant", json_boolean(c->redundant == ANSWER_YES));
    if (c->agreement_expires_unix_ms > 0)
        (void)json_object_set_new(o, "agreement_expires_unix_ms",
                                  json_integer((json_int_t)c->agreement_expires_unix_ms));
    return o;
}

static json_t *brokers_json(const struct inventory *v)
{
    json_t *list = json_array();

    for (size_t i = 0; i < v->n_brokers; i++) {
        json_t *o = json_pack("{s:s}", "name", v->brokers[i].name);

        set_text(o, "site", v->brokers[i].site);
        set_text(o, "room", v->brokers[i].room);
        (void)json_array_append_new(list, o);
    }
    return list;
}

/** identify_network_json() - see identify.h; a new reference */
json_t *identify_network_json(const struct identify *id, uint64_t unix_ms)
{
    json_t *conduits = json_array();

    for (size_t i = 0; i < id->inventory->n_conduits; i++)
        (void)json_array_append_new(conduits, conduit_json(&id->inventory->conduits[i]));
    return json_pack("{s:I, s:o, s:o, s:o}", "at_unix_ms", (json_int_t)unix_ms, "zones",
                     zones_json(id), "conduits", conduits, "brokers", brokers_json(id->inventory));
}
