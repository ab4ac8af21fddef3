/* SPDX-License-Identifier: Apache-2.0 */
/* identify/view.c - assets and flows as JSON, beside what is declared of them */
#include "identify/private.h"

static json_t *record_json(const struct identify *id, const struct record *r, uint64_t unix_ms)
{
    json_t *o = json_pack("{s:s, s:s, s:s, s:b, s:b}", "id", r->name, "name", r->name, "state",
                          "declared-not-seen", "declared", true, "connected", false);
    const struct {
        const char *key;
        const char *text;
    } texts[] = {
        {"client_id", r->client_id},
        {"principal", r->certificate_cn != NULL ? r->certificate_cn : r->user_name},
        {"role", r->role},
        {"address", r->address},
        {"owner", r->owner},
        {"site", r->site},
        {"location", r->location},
        {"zone", r->zone},
        {"hw_model", r->hw_model},
        {"hw_serial", r->hw_serial},
        {"criticality", r->criticality != 0 ? criticality_names[r->criticality] : NULL},
        {"lifecycle", lifecycle_names[r->lifecycle]},
    };

    for (size_t i = 0; i < COUNT_OF(texts); i++)
        if (texts[i].text != NULL)
            (void)json_object_set_new(o, texts[i].key, json_string(texts[i].text));
    if (r->certificate_cn != NULL)
        (void)json_object_set_new(o, "by_certificate", json_true());
    if (r->state_since_unix_ms > 0)
        (void)json_object_set_new(o, "lifecycle_since_unix_ms",
                                  json_integer((json_int_t)r->state_since_unix_ms));
    (void)json_object_set_new(o, "differences", record_differences(id, r, unix_ms));
    return o;
}

static void set_rates(const struct asset *a, json_t *o)
{
    double messages = 0, in = 0, out = 0;

    list_each (it, (struct list *)&a->conns) {
        const struct conn *c = list_item(it, struct conn, in_asset);

        messages += (double)c->messages_per_s;
        in += (double)c->bytes_in_per_s;
        out += (double)c->bytes_out_per_s;
    }
    if (messages + in + out <= 0)
        return;
    (void)json_object_set_new(o, "messages_per_s", json_real(messages));
    (void)json_object_set_new(o, "bytes_in_per_s", json_real(in));
    (void)json_object_set_new(o, "bytes_out_per_s", json_real(out));
}

/* As it is, and beside what it should be. */
static json_t *compared_json(const struct identify *id, const struct asset *a, uint64_t unix_ms)
{
    const struct zone *z = zone_of(id->inventory, asset_address(a));
    json_t *o = asset_json(a);

    if (z != NULL)
        (void)json_object_set_new(o, "zone_seen", json_string(z->name));
    set_rates(a, o);
    (void)json_object_set_new(o, "differences", asset_differences(id, a, unix_ms));
    return o;
}

/** identify_assets_json() - every asset: observed, and declared but never seen; a new reference */
json_t *identify_assets_json(const struct identify *id, uint64_t unix_ms)
{
    json_t *list = json_array();

    for (size_t i = 0; i < id->counts.n_assets; i++)
        (void)json_array_append_new(list, compared_json(id, id->assets[i], unix_ms));
    for (size_t i = 0; i < id->inventory->n_records; i++)
        if (id->inventory->records[i].n_assets == 0)
            (void)json_array_append_new(list, record_json(id, &id->inventory->records[i], unix_ms));
    return json_pack("{s:I, s:I, s:I, s:o}", "at_unix_ms", (json_int_t)unix_ms, "n",
                     (json_int_t)json_array_size(list), "dropped",
                     (json_int_t)id->counts.n_assets_dropped, "assets", list);
}

/* The publisher's rate, shared among the topics it uses: only that is counted. */
static double rate_about(const struct flow *f)
{
    double rate = 0;

    list_each (it, &f->from->conns) {
        const struct conn *c = list_item(it, struct conn, in_asset);

        if (conn_uses(c, f->topic))
            rate += (double)c->messages_per_s / (double)c->n_uses;
    }
    return rate;
}

/* From which zone to which, by which conduit, and how much. */
static void set_way(json_t *o, const struct flow *f, const struct inventory *v)
{
    const struct zone *from = zone_of(v, asset_address(f->from));
    const struct zone *to = zone_of(v, asset_address(f->to));
    const struct conduit *c =
        from != NULL && to != NULL && from != to ? conduit_between(v, from->name, to->name) : NULL;
    double rate = rate_about(f);

    if (from != NULL)
        (void)json_object_set_new(o, "from_zone", json_string(from->name));
    if (to != NULL)
        (void)json_object_set_new(o, "to_zone", json_string(to->name));
    if (c != NULL)
        (void)json_object_set_new(o, "conduit", json_string(c->name));
    (void)json_object_set_new(o, "crosses_zones", json_boolean(from != to));
    if (rate > 0)
        (void)json_object_set_new(o, "messages_per_s", json_real(rate));
}

static json_t *flow_json(const struct flow *f, const struct inventory *v,
                         struct declared_flow **ret_declared)
{
    const struct declared_topic *t = topic_declared(v, bytes_str(f->topic));
    struct declared_flow *d = flow_declared(v, f);
    const char *classification = d != NULL && d->classification != NULL ? d->classification
                                 : t != NULL                            ? t->classification
                                                                        : NULL;
    json_t *o = json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:b, s:b, s:I, s:I}", "from",
                          end_name(f->from), "from_name", asset_name(f->from), "from_id",
                          f->from->id, "topic", f->topic, "to", end_name(f->to), "to_name",
                          asset_name(f->to), "to_id", f->to->id, "declared", d != NULL, "live",
                          flow_is_live(f), "first_seen_unix_ms", (json_int_t)f->first_seen_unix_ms,
                          "last_seen_unix_ms", (json_int_t)f->last_seen_unix_ms);

    if (classification != NULL)
        (void)json_object_set_new(o, "classification", json_string(classification));
    set_way(o, f, v);
    *ret_declared = d;
    return o;
}

/** identify_flows_json() - every flow, and the declared ones that were not seen; a new reference */
json_t *identify_flows_json(const struct identify *id, uint64_t unix_ms)
{
    const struct inventory *v = id->inventory;
    json_t *list = json_array();
    json_t *missing = json_array();
    const struct flow *f;
    size_t cursor = 0;

    for (size_t i = 0; i < v->n_flows; i++)
        v->flows[i].seen = false;
    while ((f = map_next(&id->flows, &cursor)) != NULL) {
        struct declared_flow *d;

        (void)json_array_append_new(list, flow_json(f, v, &d));
        if (d != NULL)
            d->seen = true;
    }
    for (size_t i = 0; i < v->n_flows; i++)
        if (!v->flows[i].seen)
            (void)json_array_append_new(
                missing, json_pack("{s:s, s:s, s:s, s:b, s:b}", "from", v->flows[i].from, "topic",
                                   v->flows[i].topic, "to", v->flows[i].to, "declared", true,
                                   "crosses_zones", v->flows[i].crosses_zones));
    return json_pack("{s:I, s:I, s:I, s:o, s:o}", "at_unix_ms", (json_int_t)unix_ms, "n",
                     (json_int_t)json_array_size(list), "dropped",
                     (json_int_t)id->counts.n_flows_dropped, "flows", list, "declared_not_seen",
                     missing);
}
