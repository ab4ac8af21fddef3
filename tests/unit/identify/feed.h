/* SPDX-License-Identifier: Apache-2.0 */
/* tests/unit/identify/feed.h - events and inventories for the tests of identify */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "identify/identify.h"

#define DAY_MS 86400000ULL
#define NOW    (20000 * DAY_MS) /* 2024-10-04 */

struct client {
    uint64_t conn;
    const char *client_id;
    const char *principal;
    const char *cert; /* NULL: none */
    const char *address;
    const char *role;
};

static inline void feed(struct identify *id, const struct client *c, enum event_kind kind,
                        const char *topic, uint64_t unix_ms)
{
    struct event e = {
        .kind = kind,
        .value = kind == EVENT_CONNECT_ACCEPTED ? 5 : 0,
        .conn = c->conn,
        .client_id = bytes_str(c->client_id),
        .user_name = bytes_str(c->principal),
        .cert = bytes_str(c->cert),
        .address = bytes_str(c->address),
        .role = bytes_str(c->role),
        .topic = bytes_str(topic),
        .text = kind == EVENT_CONNECT_ACCEPTED ? bytes_str(c->role) : BYTES_NONE,
    };

    identify_event(id, &e, unix_ms);
}

static inline void connect_at(struct identify *id, const struct client *c, uint64_t unix_ms)
{
    feed(id, c, EVENT_CONNECT_ACCEPTED, NULL, unix_ms);
}

/* @yaml becomes the declared inventory; it must be in order. */
static inline void declare(struct identify *id, const char *yaml, uint64_t unix_ms)
{
    char path[] = "/tmp/bastide-inventory-XXXXXX";
    int fd = mkstemp(path);
    char *error = NULL;
    bool ok;

    assert_true(fd >= 0);
    assert_int_equal(write(fd, yaml, strlen(yaml)), strlen(yaml));
    close(fd);
    ok = identify_inventory_load(id, path, unix_ms, &error);
    unlink(path);
    if (!ok)
        fail_msg("%s", error);
}

static inline json_t *asset_named(const json_t *assets, const char *name)
{
    size_t i;
    json_t *v;

    json_array_foreach(json_object_get(assets, "assets"), i,
                       v) if (strcmp(json_string_value(json_object_get(v, "name")), name) ==
                              0) return v;
    return NULL;
}

static inline const char *text_in(const json_t *o, const char *key)
{
    const char *text = json_string_value(json_object_get(o, key));

    return text != NULL ? text : "";
}

static inline void expect_fact(const struct identify *id, enum identify_fact fact, uint64_t unix_ms,
                               double value, uint64_t samples)
{
    struct identify_value got;
    bool known = identify_fact(id, fact, unix_ms, &got);

    print_message("  %s: %s\n", identify_fact_test(fact), got.detail);
    assert_int_equal(known, samples > 0);
    assert_int_equal(got.samples, samples);
    if (known && (got.value < value - 1e-9 || got.value > value + 1e-9))
        fail_msg("%s is %g, not %g", identify_fact_test(fact), got.value, value);
}
