/* SPDX-License-Identifier: Apache-2.0 */
/*
 * detect/slots.c - records and their slots, and what detectors ask about others
 */
#include <math.h>

#include "base/err.h"
#include "base/mem.h"
#include "detect/private.h"

#define USER_BYTES_MAX 1024 /* of a user name: anybody may send one */
#define SECOND_NS      1000000000ULL

/** name_key() - the key of an address, client id or user name; as client_key() of the sessions */
uint64_t name_key(struct bytes name)
{
    return hash_keyed(name);
}

static struct subjects *table_of(const struct detect *d, enum subject_kind kind)
{
    switch (kind) {
    case SUBJECT_CLIENT:
        return (struct subjects *)(uintptr_t)&d->clients;
    case SUBJECT_ADDRESS:
        return (struct subjects *)(uintptr_t)&d->addresses;
    case SUBJECT_USER:
        return (struct subjects *)(uintptr_t)&d->users;
    case SUBJECT_FLEET:
    case SUBJECT_KIND_N:
        break;
    }
    return NULL;
}

/** record_find() - Return: the record, or NULL. */
struct record *record_find(const struct detect *d, enum subject_kind kind, uint64_t key)
{
    const struct subjects *t = table_of(d, kind);

    return t != NULL ? subjects_find(t, key) : d->fleet;
}

/** record_of() - the record of @name, new if need be; NULL without a name */
struct record *record_of(struct detect *d, enum subject_kind kind, struct bytes name,
                         uint64_t now_ns)
{
    struct subjects *t = table_of(d, kind);
    uint64_t key = name_key(name);
    struct record *r;

    if (name.len == 0)
        return NULL;
    r = subjects_see(t, key, now_ns);
    if (r == NULL) {
        if (kind == SUBJECT_USER)
            name.len = MIN(name.len, (size_t)USER_BYTES_MAX);
        r = record_new(kind, key, name);
        r->since_ns = now_ns;
        subjects_add(t, key, now_ns, r);
    }
    return r;
}

/** slot() - this detector's slot of the record; taken when it is first asked for */
void *slot(const struct judge *j, struct record *r)
{
    return pack_take(&r->slots, &j->d->slots[r->kind], j->detector);
}

/** slot_peek() - slot(), or NULL while it was never asked for */
const void *slot_peek(const struct judge *j, const struct record *r)
{
    return pack_find(&r->slots, &j->d->slots[r->kind], j->detector);
}

/** slot_more() - the second slot of this detector; slot() may have moved by then */
void *slot_more(const struct judge *j, struct record *r)
{
    return pack_take(&r->slots, &j->d->slots[r->kind], j->d->benches[j->detector].more);
}

/** slot_more_peek() - slot_more(), or NULL while it was never asked for */
const void *slot_more_peek(const struct judge *j, const struct record *r)
{
    return pack_find(&r->slots, &j->d->slots[r->kind], j->d->benches[j->detector].more);
}

/** learned_slot() - what this detector has learned of a client, kept over a restart */
void *learned_slot(const struct judge *j, struct record *r)
{
    check(r->kind == SUBJECT_CLIENT);
    return pack_take(&r->learned, &j->d->learned, LEARNED_OF(j->detector));
}

/** learned_peek() - learned_slot(), or NULL while it was never asked for */
const void *learned_peek(const struct judge *j, const struct record *r)
{
    return pack_find(&r->learned, &j->d->learned, LEARNED_OF(j->detector));
}

/** now_of() - the detectors' time */
uint64_t now_of(const struct judge *j)
{
    return j->now_ns;
}

/** own_of() - what the detector's new() has returned */
void *own_of(const struct judge *j)
{
    return j->d->benches[j->detector].own;
}

/** role_of() - the rules that hold for the record */
const struct role_rules *role_of(const struct judge *j, const struct record *r)
{
    return &j->d->book.roles[r->role];
}

/** fleet_of() - the record of all together */
struct record *fleet_of(const struct judge *j)
{
    return j->d->fleet;
}

/** client_by_key() - a client that another one is compared with, or NULL */
struct record *client_by_key(const struct judge *j, uint64_t key)
{
    return record_find(j->d, SUBJECT_CLIENT, key);
}

/** user_of() - the record of a user name that was tried */
struct record *user_of(struct judge *j, struct bytes name)
{
    return record_of(j->d, SUBJECT_USER, name, j->now_ns);
}

/** user_find() - as user_of(), or NULL when there is none */
struct record *user_find(const struct judge *j, struct bytes name)
{
    return record_find(j->d, SUBJECT_USER, name_key(name));
}

/** topic_hash() - of a text, the same over a restart */
uint64_t topic_hash(const struct judge *j, struct bytes text)
{
    return hash_with(&j->d->key, text);
}

/** are_peers() - may the one stand in for the other? */
bool are_peers(const struct judge *j, const struct record *a, const struct record *b)
{
    return a->role == b->role && (role_of(j, a)->traits & TRAIT_PEERS);
}

/** clients_known() - how many clients there are that were let in once */
size_t clients_known(const struct judge *j)
{
    return j->d->clients.n;
}

/** places_of() - connections that the node takes; 0: not known */
size_t places_of(const struct judge *j)
{
    return j->d->connections_max;
}

/** prefix_of() - the record of the /24 or /64 that @address is in; NULL: it is no IP address */
struct record *prefix_of(struct judge *j, struct bytes address)
{
    char text[ADDRESS_NETWORK_LEN];

    if (!address_network(address, 24, 64, text))
        return NULL;
    return record_of(j->d, SUBJECT_ADDRESS, bytes_str(text), j->now_ns);
}

/** share_pattern() - @pattern is new to @r, which is learned: how many have it in common? */
void share_pattern(struct judge *j, uint64_t pattern, const struct record *r)
{
    const struct heavy_item *it = heavy_add(j->d->patterns, j->now_ns, pattern, r->key);

    j->d->shared = MAX(j->d->shared, round(heavy_sources(it)));
}

/** shared_now() - the most that share_pattern() has found for this event */
double shared_now(const struct judge *j)
{
    return j->d->shared;
}

/** sharers_of() - about how many learned clients have this in common that was new to each */
double sharers_of(const struct judge *j, uint64_t pattern)
{
    const struct heavy_item *it = heavy_find(j->d->patterns, pattern);

    return it != NULL ? heavy_sources(it) : 0;
}

/** clients_online() - how many connections there are */
size_t clients_online(const struct judge *j)
{
    return j->d->conns.by_number.n;
}

/** await_client() - AWAITED comes in so many seconds, unless this is called again before */
void await_client(struct judge *j, struct record *r, double seconds)
{
    wheel_set(&j->d->awaited, &r->timer, (uint32_t)(j->now_ns / SECOND_NS + (uint64_t)seconds + 1));
}

/** sample() - a topic, name or address to show with this detector's finding on @r */
void sample(const struct judge *j, const struct record *r, struct bytes text)
{
    samples_keep(j->d->samples, r->key + j->detector, text);
}
