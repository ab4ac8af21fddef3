/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cli/dot_alike.c - forty meters that tell the same ones the same are one box in a map
 *
 * Alike are those of one zone whose flows go to and come from the same others, by topics that
 * differ in the device's own name and in levels with a digit only.
 */
#include "cli/dot_alike.h"

#include <stdio.h>
#include <string.h>

#include "base/bytes.h"
#include "base/hash.h"
#include "base/text.h"

#define ALIKE_MIN 3 /* fewer are drawn one by one */

/* Its members in a flow. */
static const struct end {
    const char *id, *name, *zone;
    const char *alike; /* how many others it stands for */
} from = {"from_id", "from", "from_zone", "from_alike"},
  to = {"to_id", "to", "to_zone", "to_alike"};

static const char *text_of(const json_t *o, const char *key)
{
    return text_or_empty(json_string_value(json_object_get(o, key)));
}

static bool is_own(struct bytes level, const json_t *flow)
{
    for (size_t i = 0; i < level.len; i++)
        if (level.at[i] >= '0' && level.at[i] <= '9')
            return true;
    return bytes_equal(level, bytes_str(text_of(flow, from.name))) ||
           bytes_equal(level, bytes_str(text_of(flow, to.name)));
}

/* The topic, with "+" for what is a device's own; ends with a zero. */
static void add_pattern(struct buf *b, const json_t *flow)
{
    const char *at = text_of(flow, "topic");

    for (;;) {
        size_t len = strcspn(at, "/");

        buf_addf(b, "%.*s", is_own(bytes_of(at, len), flow) ? 1 : (int)len,
                 is_own(bytes_of(at, len), flow) ? "+" : at);
        at += len;
        if (*at == '\0')
            break;
        buf_add_u8(b, '/');
        at++;
    }
    buf_add_u8(b, 0);
}

/* ---- what each device does, as a sum of hashes: in whatever order ---- */

static void add_deed(json_t *deeds, const json_t *flow, const struct end *me,
                     const struct end *other)
{
    static const struct hash_key fixed = {{0x616c696b65, 1}};
    CLEANUP(buf_done) struct buf deed = {0};
    const char *id = text_of(flow, me->id);
    uint64_t so_far = (uint64_t)json_integer_value(json_object_get(deeds, id));

    add_pattern(&deed, flow);
    buf_addf(&deed, "%s\n%s\n%s\n%d%d", me->id, text_of(flow, other->id), text_of(flow, me->zone),
             json_is_true(json_object_get(flow, "declared")),
             json_is_true(json_object_get(flow, "live")));
    so_far += hash_with(&fixed, buf_view(&deed));
    (void)json_object_set_new(deeds, id, json_integer((json_int_t)so_far));
}

/* {deeds: [ids]} */
static json_t *kinds_of(const json_t *deeds)
{
    json_t *kinds = json_object();
    const char *id;
    json_t *sum;

    json_object_foreach((json_t *)(uintptr_t)deeds, id, sum)
    {
        char key[24];
        json_t *ids;

        (void)snprintf(key, sizeof(key), "%" JSON_INTEGER_FORMAT, json_integer_value(sum));
        ids = json_object_get(kinds, key);
        if (ids == NULL)
            (void)json_object_set_new(kinds, key, ids = json_array());
        (void)json_array_append_new(ids, json_string(id));
    }
    return kinds;
}

/* {id: [the ids of all that are alike]}, of those that are many enough */
static json_t *crowds_of(const json_t *flows)
{
    json_t *deeds = json_object();
    json_t *crowds = json_object();
    json_t *kinds, *ids, *id, *flow;
    const char *key;
    size_t i;

    json_array_foreach(flows, i, flow)
    {
        add_deed(deeds, flow, &from, &to);
        add_deed(deeds, flow, &to, &from);
    }
    kinds = kinds_of(deeds);
    json_object_foreach(kinds, key, ids)
    {
        if (json_array_size(ids) < ALIKE_MIN)
            continue;
        json_array_foreach(ids, i, id)(void) json_object_set(crowds, json_string_value(id), ids);
    }
    json_decref(kinds);
    json_decref(deeds);
    return crowds;
}

/* ---- as one ---- */

/* Return: false when that end of @flow is no crowd's. */
static bool stand_in(json_t *flow, const json_t *crowds, const struct end *e)
{
    const json_t *ids = json_object_get(crowds, text_of(flow, e->id));

    if (ids == NULL)
        return false;
    (void)json_object_set(flow, e->id, json_array_get(ids, 0));
    (void)json_object_set_new(flow, e->alike, json_integer((json_int_t)json_array_size(ids) - 1));
    return true;
}

static void add_flow(json_t *merged, const json_t *flow, const json_t *crowds)
{
    CLEANUP(buf_done) struct buf key = {0};
    CLEANUP(buf_done) struct buf pattern = {0};
    json_t *mine = json_copy((json_t *)(uintptr_t)flow);
    json_t *same;
    double rate = json_number_value(json_object_get(flow, "messages_per_s"));

    add_pattern(&pattern, flow);
    if ((int)stand_in(mine, crowds, &from) | (int)stand_in(mine, crowds, &to))
        (void)json_object_set_new(mine, "topic", json_string((const char *)pattern.at));
    buf_addf(&key, "%s\n%s\n%s", text_of(mine, from.id), text_of(mine, to.id),
             text_of(mine, "topic"));
    buf_add_u8(&key, 0);
    same = json_object_get(merged, (const char *)key.at);
    if (same != NULL) {
        rate += json_number_value(json_object_get(same, "messages_per_s"));
        (void)json_object_set_new(same, "messages_per_s", json_real(rate));
        json_decref(mine);
    } else {
        (void)json_object_set_new(merged, (const char *)key.at, mine);
    }
}

/** dot_alike() - @flows of the API, with one for many that are alike, and "from_alike" or
 * "to_alike" for how many more; a new reference, an array */
json_t *dot_alike(const json_t *flows)
{
    json_t *crowds = crowds_of(flows);
    json_t *merged = json_object();
    json_t *all = json_array();
    json_t *flow;
    const char *key;
    size_t i;

    json_array_foreach(flows, i, flow) add_flow(merged, flow, crowds);
    json_object_foreach(merged, key, flow)(void) json_array_append(all, flow);
    json_decref(merged);
    json_decref(crowds);
    return all;
}
