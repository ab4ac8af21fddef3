/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cli/dot.c - see dot.h
 *
 * Names come from clients: in quotes, with what ends them escaped.  One arrow for
 * all topics from one asset to another.
 */
#include "cli/dot.h"

#include <stdlib.h>

#include "base/map.h"
#include "base/mem.h"
#include "base/text.h"
#include "cli/dot_alike.h"

#define TOPICS_SHOWN 3
#define UNZONED      "no zone declared"

static const char *text_of(const json_t *o, const char *key, const char *otherwise)
{
    const char *text = json_string_value(json_object_get(o, key));

    return text != NULL && text[0] != '\0' ? text : otherwise;
}

static bool is_true(const json_t *o, const char *key)
{
    return json_is_true(json_object_get(o, key));
}

static void add_escaped(struct buf *to, const char *text)
{
    for (; *text != '\0'; text++) {
        if (*text == '"' || *text == '\\')
            buf_add_u8(to, '\\');
        buf_add_u8(to, (uint8_t)*text < ' ' ? '?' : (uint8_t)*text);
    }
}

static void add_quoted(struct buf *to, const char *text)
{
    buf_add_u8(to, '"');
    add_escaped(to, text);
    buf_add_u8(to, '"');
}

static void begin(struct buf *to, const char *name, const char *legend)
{
    buf_addf(to,
             "digraph %s {\n  rankdir=LR;\n  graph [fontname=sans, ranksep=1, label=\"%s\"];\n"
             "  node [shape=box, style=rounded, fontname=sans];\n"
             "  edge [fontname=sans, fontsize=10];\n",
             name, legend);
}

/* In the unit in which it is a number that can be read. */
static void add_rate(struct buf *to, double per_s)
{
    if (per_s >= 1)
        buf_addf(to, "about %.3g/s\\n", per_s);
    else if (per_s * 60 >= 1)
        buf_addf(to, "about %.3g/min\\n", per_s * 60);
    else if (per_s > 0)
        buf_addf(to, "about %.3g/h\\n", per_s * 3600);
}

/* ---- groups: zones with what stands in them, pairs with their flows ---- */

struct group {
    char *key;     /* owned; in the map */
    json_t *items; /* owned; an array */
};

static struct bytes group_key(const void *item)
{
    return bytes_str(((const struct group *)item)->key);
}

/* Into the group of that key, in the order in which groups first came (@order). */
static void group_add(struct map *groups, json_t *order, const char *key, json_t *item)
{
    struct group *g = map_find(groups, bytes_str(key));

    if (g == NULL) {
        g = mem_new(struct group);
        g->key = text_dup(key);
        g->items = json_array();
        (void)map_put(groups, g);
        (void)json_array_append_new(order, json_string(key));
    }
    (void)json_array_append(g->items, item);
}

static void groups_done(struct map *groups)
{
    struct group *g;
    size_t cursor = 0;

    while ((g = map_next(groups, &cursor)) != NULL) {
        free(g->key);
        json_decref(g->items);
        free(g);
    }
    map_done(groups);
}

static const json_t *group_items(const struct map *groups, const json_t *key)
{
    const struct group *g = map_find(groups, bytes_str(json_string_value(key)));

    return g->items;
}

static void add_cluster(struct buf *to, size_t n, const char *label, bool is_external)
{
    buf_addf(to, "  subgraph cluster_%zu {\n    label=", n);
    add_quoted(to, label);
    buf_addf(to, ";\n    style=%s;\n", is_external ? "dashed" : "solid");
}

/* ---- flows ---- */

static void add_alike(struct buf *to, json_int_t n)
{
    if (n > 0)
        buf_addf(to, "\\nand %" JSON_INTEGER_FORMAT " alike", n);
}

/* Both ends of each flow, once, in their zones. */
static void add_ends(struct buf *to, const json_t *flows)
{
    static const char *const ends[][4] = {{"from_id", "from", "from_zone", "from_alike"},
                                          {"to_id", "to", "to_zone", "to_alike"}};
    json_t *seen = json_object();
    json_t *order = json_array();
    struct map zones;
    json_t *f, *zone, *end;
    size_t i, k;

    map_init(&zones, group_key);
    json_array_foreach(flows, i, f)
    {
        for (size_t e = 0; e < COUNT_OF(ends); e++) {
            const char *id = text_of(f, ends[e][0], "");

            if (json_object_get(seen, id) != NULL)
                continue;
            (void)json_object_set_new(seen, id, json_true());
            end = json_pack("{s:s, s:s, s:O*}", "id", id, "name", text_of(f, ends[e][1], id),
                            "alike", json_object_get(f, ends[e][3]));
            group_add(&zones, order, text_of(f, ends[e][2], UNZONED), end);
            json_decref(end);
        }
    }
    json_array_foreach(order, i, zone)
    {
        add_cluster(to, i, json_string_value(zone), false);
        json_array_foreach(group_items(&zones, zone), k, end)
        {
            buf_addf(to, "    ");
            add_quoted(to, text_of(end, "id", ""));
            buf_addf(to, " [label=\"");
            add_escaped(to, text_of(end, "name", ""));
            add_alike(to, json_integer_value(json_object_get(end, "alike")));
            buf_addf(to, "\"];\n");
        }
        buf_addf(to, "  }\n");
    }
    groups_done(&zones);
    json_decref(order);
    json_decref(seen);
}

static void add_arrow(struct buf *to, const json_t *flows)
{
    const json_t *first = json_array_get(flows, 0);
    bool is_declared = true, is_live = false;
    double rate = 0;
    const json_t *f;
    size_t i;

    buf_addf(to, "  ");
    add_quoted(to, text_of(first, "from_id", ""));
    buf_addf(to, " -> ");
    add_quoted(to, text_of(first, "to_id", ""));
    buf_addf(to, " [label=\"");
    json_array_foreach(flows, i, f)
    {
        is_declared = is_declared && is_true(f, "declared");
        is_live = is_live || is_true(f, "live");
        rate += json_number_value(json_object_get(f, "messages_per_s"));
        if (i < TOPICS_SHOWN) {
            add_escaped(to, text_of(f, "topic", ""));
            buf_addf(to, "\\n");
        }
    }
    if (i > TOPICS_SHOWN)
        buf_addf(to, "and %zu more\\n", i - TOPICS_SHOWN);
    add_rate(to, rate);
    add_escaped(to, text_of(first, "conduit", ""));
    buf_addf(to, "\", color=%s, fontcolor=%s, style=%s];\n", is_declared ? "black" : "red",
             is_declared ? "black" : "red", is_live ? "solid" : "dashed");
}

/** dot_flows() - red: not declared; dashed: not now; many that are alike are one */
void dot_flows(struct buf *to, const json_t *all)
{
    struct map pairs;
    json_t *flows = dot_alike(all);
    json_t *order = json_array();
    json_t *f;
    const json_t *pair;
    size_t i;

    begin(to, "flows", "red: not declared; dashed: not now; +: of each its own");
    add_ends(to, flows);
    map_init(&pairs, group_key);
    json_array_foreach(flows, i, f)
    {
        CLEANUP(buf_done) struct buf key = {0};

        buf_addf(&key, "%s\n%s", text_of(f, "from_id", ""), text_of(f, "to_id", ""));
        buf_add_u8(&key, 0);
        group_add(&pairs, order, (const char *)key.at, f);
    }
    json_array_foreach(order, i, pair) add_arrow(to, group_items(&pairs, pair));
    groups_done(&pairs);
    json_decref(order);
    json_decref(flows);
    buf_addf(to, "}\n");
}

/* ---- network ---- */

static void add_asset(struct buf *to, const json_t *a)
{
    bool differs = json_array_size(json_object_get(a, "differences")) > 0;

    buf_addf(to, "    ");
    add_quoted(to, text_of(a, "id", ""));
    buf_addf(to, " [label=\"");
    add_escaped(to, text_of(a, "name", ""));
    buf_addf(to, "\\n");
    add_escaped(to, text_of(a, "address", "no address"));
    buf_addf(to, "\", color=%s, style=\"rounded,%s\"];\n", differs ? "red" : "black",
             is_true(a, "connected") ? "solid" : "dashed");
}

/* A zone's own node, to which its conduits lead. */
static void add_zone(struct buf *to, size_t n, const char *name, bool is_external,
                     const json_t *assets)
{
    const json_t *a;
    size_t i;

    add_cluster(to, n, name, is_external);
    buf_addf(to, "    ");
    add_quoted(to, name);
    buf_addf(to, " [shape=point];\n");
    json_array_foreach(assets, i, a) add_asset(to, a);
    buf_addf(to, "  }\n");
}

static void add_conduit(struct buf *to, const json_t *c)
{
    buf_addf(to, "  ");
    add_quoted(to, text_of(c, "from_zone", ""));
    buf_addf(to, " -> ");
    add_quoted(to, text_of(c, "to_zone", ""));
    buf_addf(to, " [dir=both, label=\"");
    add_escaped(to, text_of(c, "name", ""));
    buf_addf(to, "\\n");
    add_escaped(to, text_of(c, "medium", ""));
    buf_addf(to, "\", style=%s];\n", is_true(c, "redundant") ? "bold" : "solid");
}

static void add_broker(struct buf *to, const json_t *b)
{
    buf_addf(to, "  \"broker: ");
    add_escaped(to, text_of(b, "name", ""));
    buf_addf(to, "\" [shape=box3d, style=solid, label=\"");
    add_escaped(to, text_of(b, "name", ""));
    buf_addf(to, "\\n");
    add_escaped(to, text_of(b, "site", ""));
    buf_addf(to, "\"];\n");
}

/* This node may be among the declared brokers. */
static bool is_declared_broker(const json_t *network, const char *name)
{
    const json_t *b;
    size_t i;

    json_array_foreach(json_object_get(network, "brokers"), i,
                       b) if (strcmp(text_of(b, "name", ""), name) == 0) return true;
    return false;
}

/* From a zone to this node, when somebody in it is connected; MQ.ID.AM-03. */
static void add_link(struct buf *to, const struct group *zone, const char *node)
{
    const json_t *a;
    size_t n = 0, i;

    json_array_foreach(zone->items, i, a) n += is_true(a, "connected");
    if (n == 0)
        return;
    buf_addf(to, "  ");
    add_quoted(to, zone->key);
    buf_addf(to, " -> \"broker: ");
    add_escaped(to, node);
    buf_addf(to, "\" [dir=both, style=dotted, label=\"%zu connected\"];\n", n);
}

static void add_links(struct buf *to, const struct map *zones, const json_t *order,
                      const json_t *network)
{
    const json_t *node = json_object_get(network, "node");
    const char *name = text_of(node, "name", "");
    const json_t *zone;
    size_t i;

    if (!is_declared_broker(network, name))
        add_broker(to, node);
    json_array_foreach(order, i, zone)
        add_link(to, map_find(zones, bytes_str(json_string_value(zone))), name);
}

/**
 * dot_network() - zones with their assets, conduits, brokers, and who is connected to this node
 *
 * Red: something differs from its record; dashed: external, or not connected; dotted: seen.
 */
void dot_network(struct buf *to, const json_t *network, const json_t *assets)
{
    struct map zones;
    json_t *order = json_array();
    const json_t *z, *c;
    json_t *a;
    size_t i;

    map_init(&zones, group_key);
    json_array_foreach(assets, i, a)
        group_add(&zones, order, text_of(a, "zone_seen", text_of(a, "zone", UNZONED)), a);
    begin(to, "network",
          "asset in red: differs from its record; dashed: not connected, or outside of the "
          "organisation; bold: redundant; dotted: connected now");
    json_array_foreach(json_object_get(network, "zones"), i, z)
    {
        const struct group *g = map_find(&zones, bytes_str(text_of(z, "name", "")));

        add_zone(to, i, text_of(z, "name", ""), is_true(z, "external"),
                 g != NULL ? g->items : NULL);
    }
    if (map_find(&zones, BYTES(UNZONED)) != NULL)
        add_zone(to, i, UNZONED, false,
                 ((const struct group *)map_find(&zones, BYTES(UNZONED)))->items);
    json_array_foreach(json_object_get(network, "conduits"), i, c) add_conduit(to, c);
    json_array_foreach(json_object_get(network, "brokers"), i, c) add_broker(to, c);
    add_links(to, &zones, order, network);
    buf_addf(to, "}\n");
    groups_done(&zones);
    json_decref(order);
}
