/* SPDX-License-Identifier: Apache-2.0 */
/* tests/unit/cli/test_dot.c - devices that are alike are one box, and nobody else is in it */
#include <stdio.h>

#include "base/bytes.h"
#include "base/hash.h"
#include "cli/dot.h"
#include "unit/unit.h"

/* "1 reading" of @zone, and so on; as the API has it. */
static void add(json_t *flows, const char *from, const char *topic, const char *to,
                const char *zone, double rate)
{
    (void)json_array_append_new(
        flows, json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:b, s:b, s:f}", "from", from, "from_id",
                         from, "topic", topic, "to", to, "to_id", to, "from_zone", zone, "declared",
                         true, "live", true, "messages_per_s", rate));
}

static void add_meter(json_t *flows, unsigned i, const char *zone)
{
    char name[32], topic[64];

    (void)snprintf(name, sizeof(name), "meter-%c", 'a' + (char)i);
    (void)snprintf(topic, sizeof(topic), "fmb/%s/reading", name);
    add(flows, name, topic, "centre", zone, 0.01);
}

/* How often @part is in @map, which is freed. */
static unsigned count_in(struct buf *map, const char *part)
{
    unsigned n = 0;

    buf_add_u8(map, 0);
    for (const char *at = (const char *)map->at; (at = strstr(at, part)) != NULL; at++)
        n++;
    buf_done(map);
    return n;
}

/* @flows is consumed; Return: how often @part is in the map. */
static unsigned count(json_t *flows, const char *part)
{
    struct buf map = {0};

    dot_flows(&map, flows);
    json_decref(flows);
    return count_in(&map, part);
}

static json_t *meters(unsigned n, const char *zone, const char *zone_of_last)
{
    json_t *flows = json_array();

    for (unsigned i = 0; i < n; i++)
        add_meter(flows, i, i + 1 < n ? zone : zone_of_last);
    return flows;
}

static void many_that_are_alike_are_one(void **state)
{
    (void)state;
    assert_int_equal(count(meters(5, "north", "north"), "meter-a\\nand 4 alike"), 1);
    assert_int_equal(count(meters(5, "north", "north"), " -> "), 1);
    assert_int_equal(count(meters(5, "north", "north"), "fmb/+/reading\\nabout 3/min"), 1);
}

static void who_differs_is_drawn_by_himself(void **state)
{
    json_t *flows = meters(5, "north", "north");

    (void)state;
    assert_int_equal(count(meters(2, "north", "north"), "alike"), 0);
    assert_int_equal(count(meters(5, "north", "south"), "and 3 alike"), 1);
    assert_int_equal(count(meters(5, "north", "south"), "\"meter-e\" -> \"centre\""), 1);
    add(flows, "meter-c", "fmb/command/breaker", "breaker", "north", 1);
    assert_int_equal(count(json_incref(flows), "and 3 alike"), 1);
    assert_int_equal(count(json_incref(flows), "\"meter-c\" -> \"centre\" [label=\"fmb/meter-c"),
                     1);
    assert_int_equal(count(flows, "\"meter-c\" -> \"breaker\""), 1);
}

static json_t *asset_of(const char *id, const char *zone, bool is_connected)
{
    return json_pack("{s:s, s:s, s:s, s:b}", "id", id, "name", id, "zone_seen", zone, "connected",
                     is_connected);
}

static void zones_lead_to_the_node_that_they_are_connected_to(void **state)
{
    json_t *network = json_pack("{s:{s:s}, s:[{s:s}, {s:s}], s:[], s:[{s:s}]}", "node", "name",
                                "north-1", "zones", "name", "field", "name", "office", "conduits",
                                "brokers", "name", "north-1");
    json_t *assets = json_pack("[o, o, o]", asset_of("a", "field", true),
                               asset_of("b", "field", true), asset_of("c", "office", false));
    struct buf map = {0};

    (void)state;
    dot_network(&map, network, assets);
    assert_int_equal(
        count_in(&map,
                 "\"field\" -> \"broker: north-1\" [dir=both, style=dotted, label=\"2 connected"),
        1);
    dot_network(&map, network, assets);
    assert_int_equal(count_in(&map, "\"office\" ->"), 0);
    dot_network(&map, network, assets);
    assert_int_equal(count_in(&map, "\"broker: north-1\" [shape"), 1); /* declared: once */
    (void)json_array_clear(json_object_get(network, "brokers"));
    dot_network(&map, network, assets);
    assert_int_equal(count_in(&map, "\"broker: north-1\" [shape"), 1); /* not: once as well */
    json_decref(network);
    json_decref(assets);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(many_that_are_alike_are_one),
        cmocka_unit_test(who_differs_is_drawn_by_himself),
        cmocka_unit_test(zones_lead_to_the_node_that_they_are_connected_to),
    };

    hash_key_set(1, 2);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
