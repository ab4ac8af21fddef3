/* SPDX-License-Identifier: Apache-2.0 */
/*
 * protect/restraint.c - who is slowed down, whose commands are held, which topics and listeners are
 * blocked, and who is not to hear whom: an immutable table
 *
 * Whom a throttle or a hold means is found as bans are, by a table of bans; of throttles its
 * entries say how many messages a second are left to them.  Quarantined filters are few: they are
 * gone through, and the verdict on a topic is remembered by whoever asks often.
 *
 * MQ.PR.SP-05 MQ.RS.RP-04
 */
#include <stdatomic.h>
#include <stdlib.h>

#include "base/address.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/text.h"
#include "protect/protect.h"
#include "wire/wire.h"

/* A listener that lets nobody in, or nobody of a network. */
struct shut {
    char *listener; /* owned */
    bool has_prefix;
    struct address prefix;
};

/* Clients, ascending. */
struct clients {
    uint64_t *keys; /* owned */
    size_t n;
};

/* What leads from some clients to others is closed. */
struct parting {
    struct clients from;
    struct clients to;
};

struct restraints {
    _Atomic size_t refs;
    struct ban_table *throttles;
    struct ban_table *holds;        /* NULL: none */
    struct quarantine *quarantines; /* owned, with their filters */
    size_t n_quarantines;
    unsigned directions; /* of any of them */
    struct shut *shut;   /* owned */
    size_t n_shut;
    struct parting *partings; /* owned */
    size_t n_partings;
};

static int slowest_first(const void *a, const void *b)
{
    const struct ban *left = a;
    const struct ban *right = b;

    return (left->per_s > right->per_s) - (left->per_s < right->per_s);
}

/**
 * restraints_new() - a table of both
 * @throttles:    copied, sorted; bans whose per_s is not 0
 * @quarantines:  copied
 *
 * Return: with one reference, for restraints_unref().
 */
struct restraints *restraints_new(struct ban *throttles, size_t n_throttles,
                                  const struct quarantine *quarantines, size_t n_quarantines)
{
    struct restraints *r = mem_new(struct restraints);

    atomic_init(&r->refs, 1);
    if (n_throttles > 0)
        qsort(throttles, n_throttles, sizeof(*throttles), slowest_first);
    r->throttles = ban_table_new(throttles, n_throttles);
    r->quarantines = mem_zero(MAX(n_quarantines, (size_t)1) * sizeof(*r->quarantines));
    r->n_quarantines = n_quarantines;
    for (size_t i = 0; i < n_quarantines; i++) {
        check(wire_topic_filter_valid(bytes_str(quarantines[i].filter)));
        r->quarantines[i].filter = text_dup(quarantines[i].filter);
        r->quarantines[i].directions = quarantines[i].directions;
        r->directions |= quarantines[i].directions;
    }
    return r;
}

/** restraints_ref() - one more owner; any thread; Return: @r. */
struct restraints *restraints_ref(struct restraints *r)
{
    atomic_fetch_add_explicit(&r->refs, 1, memory_order_relaxed);
    return r;
}

/** restraints_unref() - one owner less, the last frees; any thread, @r may be NULL; Return: NULL.
 */
struct restraints *restraints_unref(struct restraints *r)
{
    if (r == NULL || atomic_fetch_sub_explicit(&r->refs, 1, memory_order_acq_rel) != 1)
        return NULL;
    ban_table_unref(r->throttles);
    ban_table_unref(r->holds);
    for (size_t i = 0; i < r->n_quarantines; i++)
        free(r->quarantines[i].filter);
    free(r->quarantines);
    for (size_t i = 0; i < r->n_shut; i++)
        free(r->shut[i].listener);
    free(r->shut);
    for (size_t i = 0; i < r->n_partings; i++) {
        free(r->partings[i].from.keys);
        free(r->partings[i].to.keys);
    }
    free(r->partings);
    free(r);
    return NULL;
}

/**
 * restraints_per_s() - how many messages a second are left to this one
 * @s, @principal, @now_unix_ms:  as for ban_table_find()
 *
 * Return: of the throttles that mean it the slowest; 0: none does.
 */
uint64_t restraints_per_s(const struct restraints *r, const struct gate_subject *s,
                          struct bytes principal, uint64_t now_unix_ms)
{
    const struct ban *b = ban_table_find(r->throttles, s, principal, now_unix_ms);

    return b != NULL ? b->per_s : 0;
}

/** restraints_hold() - see protect.h; once for a table; @whom is copied */
void restraints_hold(struct restraints *r, const struct ban *whom, size_t n)
{
    check(r->holds == NULL);
    if (n > 0)
        r->holds = ban_table_new(whom, n);
}

/**
 * restraints_holds() - do the commands of this one wait for a person?
 * @s, @principal, @now_unix_ms:  as for ban_table_find()
 *
 * MQ.RS.RP-03
 */
bool restraints_holds(const struct restraints *r, const struct gate_subject *s,
                      struct bytes principal, uint64_t now_unix_ms)
{
    return r->holds != NULL && ban_table_find(r->holds, s, principal, now_unix_ms) != NULL;
}

/** restraints_directions() - Return: of all quarantines together; QUARANTINE_... */
unsigned restraints_directions(const struct restraints *r)
{
    return r->directions;
}

/**
 * restraints_block() - is a topic quarantined?
 * @direction:  QUARANTINE_PUBLISH, QUARANTINE_DELIVER or QUARANTINE_HOLD
 *
 * Topics that begin with '$' are matched by filters that do, as everywhere.
 *
 * Return: the filter, borrowed; or NULL.
 */
const char *restraints_block(const struct restraints *r, unsigned direction, struct bytes topic)
{
    for (size_t i = 0; (r->directions & direction) && i < r->n_quarantines; i++) {
        if ((r->quarantines[i].directions & direction) &&
            wire_filter_matches(bytes_str(r->quarantines[i].filter), topic))
            return r->quarantines[i].filter;
    }
    return NULL;
}

/** restraints_shut() - see protect.h; @prefix as prefix_parse() takes it */
void restraints_shut(struct restraints *r, const char *listener, const char *prefix)
{
    struct shut *s;

    r->shut = mem_resize(r->shut, (r->n_shut + 1) * sizeof(*r->shut));
    s = &r->shut[r->n_shut++];
    *s = (struct shut){.listener = text_dup(listener), .has_prefix = prefix != NULL};
    check(prefix == NULL || prefix_parse(prefix, &s->prefix) == NULL);
}

/**
 * restraints_is_shut() - does the listener let nobody in from @address?
 * @address:  empty while it is not known: then only who shuts everybody out counts
 */
bool restraints_is_shut(const struct restraints *r, const char *listener, struct bytes address)
{
    struct address at;

    for (size_t i = 0; i < r->n_shut; i++) {
        const struct shut *s = &r->shut[i];

        if (strcmp(s->listener, listener) == 0 &&
            (!s->has_prefix || (address_parse(address, &at) && prefix_has(&s->prefix, &at))))
            return true;
    }
    return false;
}

/* ---- between zones ---- */

static int by_key(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

    return (x > y) - (x < y);
}

static struct clients clients_of(uint64_t *keys, size_t n)
{
    struct clients c = {.keys = mem_zero(MAX(n, (size_t)1) * sizeof(*keys)), .n = n};

    if (n > 0) {
        qsort(keys, n, sizeof(*keys), by_key);
        memcpy(c.keys, keys, n * sizeof(*keys));
    }
    return c;
}

static bool has(const struct clients *c, uint64_t key)
{
    return bsearch(&key, c->keys, c->n, sizeof(*c->keys), by_key) != NULL;
}

/** restraints_part() - see protect.h; who is on both sides hears itself */
void restraints_part(struct restraints *r, uint64_t *from, size_t n_from, uint64_t *to, size_t n_to)
{
    r->partings = mem_resize(r->partings, (r->n_partings + 1) * sizeof(*r->partings));
    r->partings[r->n_partings++] =
        (struct parting){.from = clients_of(from, n_from), .to = clients_of(to, n_to)};
}

/** restraints_is_parted() - is there anybody who is not to hear another one? */
bool restraints_is_parted(const struct restraints *r)
{
    return r->n_partings > 0;
}

/**
 * restraints_parts() - is what @publisher says kept from @receiver?
 *
 * MQ.RS.RP-04
 */
bool restraints_parts(const struct restraints *r, uint64_t publisher, uint64_t receiver)
{
    for (size_t i = 0; i < r->n_partings; i++) {
        if (publisher != receiver && has(&r->partings[i].from, publisher) &&
            has(&r->partings[i].to, receiver))
            return true;
    }
    return false;
}
