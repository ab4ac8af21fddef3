/* SPDX-License-Identifier: Apache-2.0 */
/*
 * detect/credential_stuffing.c - D06: many names are tried, or one of them was found
 *
 * Who was let in from that address before is not counted: a fleet behind one translated
 * address with outdated passwords is no attack.  For all together as many addresses
 * as names are needed.  Somebody unknown who gets in by password where others failed
 * just before has probably found a credential.
 *
 * MQ.DE.ID-01
 */
#include "base/hash.h"
#include "detect/detector.h"

struct by_address {
    struct linear_window names;
    uint32_t found; /* other names that had failed when somebody got in */
    uint64_t found_ns;
};

struct by_all {
    struct linear_window names;
    struct linear_window addresses;
};

static uint64_t window_ns(void)
{
    return rule_window_ns(RULE_D06_HIGH);
}

static void measure_all(const struct judge *j, const struct record *r, struct measure *m)
{
    const struct by_all *all = slot_peek(j, r);
    double names = linear_window_level(&all->names, window_ns(), now_of(j));
    double addresses = linear_window_level(&all->addresses, window_ns(), now_of(j));

    measure_rule(j, r, RULE_D06_FLEET, MIN(names, addresses), m);
}

static void measure(const struct judge *j, const struct record *r, struct measure *m)
{
    const struct by_address *a = slot_peek(j, r);

    if (a == NULL)
        return;
    if (r->kind == SUBJECT_FLEET) {
        measure_all(j, r, m);
        return;
    }
    measure_rule(j, r, RULE_D06_HIGH, linear_window_level(&a->names, window_ns(), now_of(j)), m);
    if (now_of(j) < a->found_ns + window_ns())
        measure_rule(j, r, RULE_D06_FOUND, a->found, m);
}

static uint64_t name_of(const struct event *e)
{
    return hash_keyed(e->user_name.len > 0 ? e->user_name : e->client_id);
}

static void failed(struct judge *j, const struct sight *s)
{
    struct by_all *all = slot(j, fleet_of(j));
    struct by_address *a = slot(j, s->address);
    uint64_t name = name_of(s->e);

    linear_window_add(&a->names, window_ns(), now_of(j), name);
    linear_window_add(&all->names, window_ns(), now_of(j), name);
    linear_window_add(&all->addresses, window_ns(), now_of(j), s->address->key);
    sample(j, s->address, s->e->user_name);
    suspect(j, s, s->address);
    suspect(j, s, fleet_of(j));
}

static void got_in(struct judge *j, const struct sight *s)
{
    struct by_address *a = slot(j, s->address);
    struct linear_window with = a->names;
    double before = linear_window_level(&a->names, window_ns(), now_of(j));

    linear_window_add(&with, window_ns(), now_of(j), name_of(s->e));
    if (linear_window_level(&with, window_ns(), now_of(j)) <= before)
        before -= 1; /* its own name is one of them */
    if (before + 0.5 < role_of(j, s->address)->limit[RULE_D06_FOUND])
        return;
    a->found = (uint32_t)(before + 0.5);
    a->found_ns = now_of(j);
    sample(j, s->address, s->e->user_name);
    suspect(j, s, s->address);
}

static void observe(struct judge *j, const struct sight *s)
{
    if (s->address == NULL || s->was_let_in)
        return;
    if (s->e->kind == EVENT_AUTH_FAILED)
        failed(j, s);
    else if ((s->e->flags & CONNECT_PASSWORD) && slot_peek(j, s->address) != NULL)
        got_in(j, s);
}

const struct detector detect_credential_stuffing = {
    .info =
        {
            .name = "credential-stuffing",
            .id = "D06",
            .subcategory = "MQ.DE.ID-01",
            .counts = "different names that failed",
            .attck = {"T0859"},
            .what = "many names are tried, or one of them was found",
            .mode = DETECT_MODE_ENFORCE,
            .confidence = 85,
            .watches = BIT64(EVENT_AUTH_FAILED) | BIT64(EVENT_CONNECT_ACCEPTED),
        },
    .bytes[SUBJECT_ADDRESS] = sizeof(struct by_address),
    .bytes[SUBJECT_FLEET] = sizeof(struct by_all),
    .observe = observe,
    .measure = measure,
};
