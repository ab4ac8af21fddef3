/* SPDX-License-Identifier: Apache-2.0 */
/*
 * detect/detect.c - the table of detectors, and what all of them share
 *
 * An event is looked at once: whose is it, from where, on which connection, is the
 * topic new to the client; then it goes to each detector that watches its kind.
 * What a client is used to is learned after they have looked, and not while a
 * finding on it stands.
 */
#include "detect/detect.h"

#include <stdlib.h>

#include "base/err.h"
#include "base/mem.h"
#include "detect/private.h"

#define SECOND_NS 1000000000ULL

/* Silent for so much of the keep alive. */
#define KEEP_ALIVE_PART 1.5

#define PAIRS_MAX 65536

/* A further detector: its file, its name in detector.h. */
static const struct detector *const detectors[] = {
#define X(name) &detect_##name,
    DETECTORS(X)
#undef X
};

#define N_DETECTORS COUNT_OF(detectors)
_Static_assert(N_DETECTORS <= DETECT_DETECTORS_MAX, "indexes are uint8_t, modes an array");
_Static_assert(LEARNED_OF(N_DETECTORS) <= PACK_SLOTS_MAX, "each may have a slot");
_Static_assert(EVENT_KIND_N <= 64, "what is watched is a bit of 64");

/** detector_at() - Return: the @i-th detector. */
const struct detector *detector_at(size_t i)
{
    check(i < N_DETECTORS);
    return detectors[i];
}

/* ---- life ---- */

static uint16_t aligned(size_t bytes)
{
    return (uint16_t)((bytes + 7) & ~(size_t)7);
}

static void lay_out(struct detect *d)
{
    size_t next = N_DETECTORS;

    d->learned.bytes[LEARNED_KNOWLEDGE] = sizeof(struct knowledge);
    d->learned.bytes[LEARNED_TOPICS] = sizeof(struct bloom);
    for (size_t i = 0; i < N_DETECTORS; i++) {
        d->learned.bytes[LEARNED_OF(i)] = aligned(detectors[i]->learned_bytes);
        for (enum subject_kind k = 0; k < SUBJECT_KIND_N; k++)
            d->slots[k].bytes[i] = aligned(detectors[i]->bytes[k]);
        if (detectors[i]->more_bytes == 0)
            continue;
        check(next < PACK_SLOTS_MAX);
        d->slots[SUBJECT_CLIENT].bytes[next] = aligned(detectors[i]->more_bytes);
        d->benches[i].more = next++;
    }
}

static size_t detector_by_id(const char *id)
{
    for (size_t i = 0; id != NULL && i < N_DETECTORS; i++) {
        if (strcmp(detectors[i]->info.id, id) == 0)
            return i;
    }
    check(id == NULL);
    return DETECT_DETECTORS_MAX;
}

static void seat(struct detect *d, size_t i)
{
    const struct detector *row = detectors[i];
    struct bench *b = &d->benches[i];

    if (row->new != NULL)
        b->own = row->new ();
    b->told = mem_zero((pieces_of(row) + 1) * sizeof(*b->told));
    for (size_t k = 0; k < COUNT_OF(b->yields); k++)
        b->yields[k] = detector_by_id(row->info.yields[k]);
    for (enum event_kind kind = 0; kind < EVENT_KIND_N; kind++) {
        if (row->info.watches & BIT64(kind))
            d->by_kind[kind][d->n_by_kind[kind]++] = (uint8_t)i;
    }
}

static void configure(struct detect *d, const struct detect_config *c)
{
    rule_book_init(&d->book, c);
    d->connections_max = c->connections_max;
    d->startup_grace_s = c->startup_grace_s;
    d->health_sources = mem_zero((c->n_health_check_sources + 1) * sizeof(*d->health_sources));
    d->n_health_sources = 0;
    for (size_t i = 0; i < c->n_health_check_sources; i++) {
        if (prefix_parse(c->health_check_sources[i], &d->health_sources[d->n_health_sources]) ==
            NULL)
            d->n_health_sources++;
    }
}

/**
 * detect_new() - all detectors, nothing seen yet
 * @s, @c:  copied
 *
 * Memory is taken as subjects come: up to some 5 MiB for the tables, and what is kept of each.
 */
struct detect *detect_new(const struct detect_settings *s, const struct detect_config *c)
{
    struct detect *d = mem_new(struct detect);
    uint64_t begin_ns = s->started_ns;

    d->settings = *s;
    d->key = (struct hash_key){{hash_keyed(BYTES("detect")), hash_keyed(BYTES("habits"))}};
    subjects_init(&d->clients, CLIENTS_MAX, record_guilt);
    subjects_init(&d->addresses, ADDRESSES_MAX, record_guilt);
    subjects_init(&d->users, USERS_MAX, record_guilt);
    d->clients.gone = d->addresses.gone = d->users.gone = record_gone;
    d->fleet = record_new(SUBJECT_FLEET, 0, BYTES("fleet"));
    d->samples = samples_new();
    subjects_init(&d->let_in, PAIRS_MAX, NULL);
    d->patterns = mem_new(struct heavy);
    d->read_topics = mem_zero(READ_TOPICS * sizeof(*d->read_topics));
    alarms_init(&d->alarms);
    conns_init(&d->conns);
    wheel_init(&d->awaited, (uint32_t)(begin_ns / SECOND_NS));
    wheel_init(&d->silent, (uint32_t)(begin_ns / SECOND_NS));
    lay_out(d);
    configure(d, c);
    for (size_t i = 0; i < N_DETECTORS; i++)
        seat(d, i);
    return d;
}

/** detect_free() - @d may be NULL; Return: NULL */
struct detect *detect_free(struct detect *d)
{
    if (d == NULL)
        return NULL;
    for (size_t i = 0; i < N_DETECTORS; i++) {
        if (detectors[i]->free != NULL)
            detectors[i]->free(d->benches[i].own);
        free(d->benches[i].told);
    }
    conns_done(&d->conns);
    subjects_done(&d->clients);
    subjects_done(&d->addresses);
    subjects_done(&d->users);
    subjects_done(&d->let_in);
    free(d->patterns);
    free(d->read_topics);
    record_gone(d->fleet);
    free(d->fleet);
    alarms_done(&d->alarms);
    rule_book_done(&d->book);
    free(d->health_sources);
    free(d->samples);
    free(d);
    return NULL;
}

/* The places of the roles in the book may have changed. */
static void rebind(struct subjects *t, const struct rule_book *old, const struct rule_book *new)
{
    size_t cursor = 0;
    struct record *r;

    while ((r = subjects_next(t, &cursor)) != NULL)
        r->role = rule_book_find(new, bytes_str(old->roles[r->role].name))->index;
}

/** detect_configure() - see detect.h */
void detect_configure(struct detect *d, const struct detect_config *c)
{
    struct rule_book old = d->book;

    free(d->health_sources);
    configure(d, c);
    rebind(&d->clients, &old, &d->book);
    rule_book_done(&old);
}

/* ---- events ---- */

/** detect_scaled() - CLOCK_MONOTONIC as the detectors see it */
uint64_t detect_scaled(const struct detect *d, uint64_t at_ns)
{
    uint64_t age_ns = at_ns > d->settings.started_ns ? at_ns - d->settings.started_ns : 0;

    if (d->settings.time_scale > 0)
        age_ns = (uint64_t)((double)age_ns * d->settings.time_scale);
    return d->settings.started_ns + age_ns;
}

static uint32_t silent_long_s(const struct conn_record *c)
{
    double asked = KEEP_ALIVE_PART * MIN(c->keep_alive_s, (uint32_t)KEEP_ALIVE_MAX_S);

    return (uint32_t)MAX((double)SILENT_LONG_S, asked);
}

static void began(struct detect *d, struct sight *s)
{
    struct conn_record *c = conns_add(&d->conns, s->e->conn);

    c->client = s->client != NULL ? s->client->key : 0;
    c->address = s->address != NULL ? s->address->key : 0;
    c->accepted_ns = s->e->at_ns;
    c->keep_alive_s = s->e->number;
    wheel_set(&d->silent, &c->timer, (uint32_t)(s->e->at_ns / SECOND_NS) + SILENT_SOON_S);
    s->conn = c;
}

static bool is_speech(const struct event *e)
{
    return e->kind == EVENT_PUBLISH_TOPIC || e->kind == EVENT_SUBSCRIBED ||
           e->kind == EVENT_PUBLISH_DENIED || e->kind == EVENT_SUBSCRIBE_DENIED ||
           e->kind == EVENT_COMMAND_HELD;
}

static void heard(struct sight *s)
{
    s->breaks_silence = s->conn->silent_s > 0;
    s->conn->silent_s = 0;
    s->conn->is_productive |= s->e->kind == EVENT_PUBLISH_TOPIC || s->e->kind == EVENT_SUBSCRIBED;
    wheel_clear(&s->conn->timer);
}

static void show(struct judge *j, const struct sight *s)
{
    enum event_kind kind = s->e->kind;

    for (unsigned i = 0; i < j->d->n_by_kind[kind]; i++) {
        j->detector = j->d->by_kind[kind][i];
        if (s->role->mode[j->detector] == DETECT_MODE_OFF)
            continue;
        j->d->benches[j->detector].events++;
        detectors[j->detector]->observe(j, s);
    }
}

/* @e in the detectors' time. */
static void take(struct judge *j, const struct event *e)
{
    struct detect *d = j->d;
    struct sight s = sight_of(d, e);

    d->shared = 0;
    if (s.is_new_client && e->kind == EVENT_CONNECT_ACCEPTED)
        warm_start(d, s.client);
    if (e->kind == EVENT_CONNECT_ACCEPTED)
        began(d, &s);
    else if (s.conn != NULL && (is_speech(e) || e->kind == EVENT_DISCONNECTED))
        heard(&s);
    show(j, &s);
    sight_learn(d, &s);
    if (e->kind == EVENT_DISCONNECTED && s.conn != NULL)
        conns_drop(&d->conns, s.conn);
}

/**
 * detect_event() - let all detectors that watch for it see @e
 * @found:  called on this thread, for each finding; must not call detect
 *
 * O(1) in the number of subjects.
 */
void detect_event(struct detect *d, const struct event *e, detect_found_fn *found, void *arg)
{
    struct judge j = {.d = d, .at_ns = e->at_ns, .found = found, .arg = arg};
    struct event in_scaled_time = *e;

    check(e->kind < EVENT_KIND_N);
    j.now_ns = in_scaled_time.at_ns = detect_scaled(d, e->at_ns);
    take(&j, &in_scaled_time);
}

/** detect_conn_gone() - see detect.h */
void detect_conn_gone(struct detect *d, uint64_t conn)
{
    struct conn_record *c = conns_find(&d->conns, conn);

    if (c != NULL)
        conns_drop(&d->conns, c);
}

/* ---- time ---- */

static struct event event_of(const struct judge *j, enum event_kind kind, const struct record *r)
{
    return (struct event){
        .kind = kind,
        .at_ns = j->now_ns,
        .client_id = bytes_str(r->name),
        .role = bytes_str(j->d->book.roles[r->role].name),
    };
}

static void client_is_due(struct judge *j, const struct record *r)
{
    const struct event e = event_of(j, EVENT_AWAITED, r);

    take(j, &e);
}

static void conn_is_due(struct judge *j, struct conn_record *c)
{
    const struct record *client = record_find(j->d, SUBJECT_CLIENT, c->client);
    const struct record *address = record_find(j->d, SUBJECT_ADDRESS, c->address);
    uint32_t long_s = silent_long_s(c);
    struct event e;

    if (client == NULL)
        return;
    e = event_of(j, EVENT_SILENT, client);
    e.conn = c->number;
    e.number = c->silent_s == 0 ? SILENT_SOON_S : long_s;
    if (address != NULL)
        e.address = bytes_str(address->name);
    if (c->silent_s == 0)
        wheel_set(&j->d->silent, &c->timer, (uint32_t)(c->accepted_ns / SECOND_NS) + long_s);
    c->silent_s = e.number;
    take(j, &e);
}

/** detect_tick() - see detect.h */
void detect_tick(struct detect *d, uint64_t now_ns, detect_found_fn *found, void *arg)
{
    struct judge j = {.d = d, .at_ns = now_ns, .found = found, .arg = arg};
    struct wheel_timer *t;

    j.now_ns = detect_scaled(d, now_ns);
    wheel_advance(&d->awaited, (uint32_t)(j.now_ns / SECOND_NS));
    wheel_advance(&d->silent, (uint32_t)(j.now_ns / SECOND_NS));
    while ((t = wheel_take(&d->awaited)) != NULL)
        client_is_due(&j, list_item(t, struct record, timer));
    while ((t = wheel_take(&d->silent)) != NULL)
        conn_is_due(&j, list_item(t, struct conn_record, timer));
    judge_tick(&j);
}

/* ---- questions ---- */

/** detect_detectors() - Return: how many there are. */
size_t detect_detectors(void)
{
    return N_DETECTORS;
}

/** detect_detector() - Return: what stands on the door of the @i-th; static. */
const struct detector_info *detect_detector(size_t i)
{
    return &detector_at(i)->info;
}

/** detect_acts_on() - does the @i-th detector have findings of such subjects that may be acted
 * upon? */
bool detect_acts_on(size_t i, enum subject_kind k)
{
    const struct detector *d = detector_at(i);

    return d->bytes[k] > 0 && !(d->info.told_only & BIT(k));
}

/** detect_counters() - of the @i-th detector, since detect_new() */
struct detector_counters detect_counters(const struct detect *d, size_t i)
{
    const struct bench *b = &d->benches[i];

    return (struct detector_counters){
        .detector = &detector_at(i)->info,
        .mode = (enum detect_mode)d->book.roles[0].mode[i],
        .events = b->events,
        .fired = b->fired,
        .suppressed = b->suppressed,
        .shed = b->shed + (detectors[i]->shed != NULL ? detectors[i]->shed(b->own) : 0),
        .standing = b->standing,
    };
}

/** detect_shed() - Return: records with something in them that were forgotten for want of room. */
uint64_t detect_shed(const struct detect *d)
{
    return d->clients.shed + d->addresses.shed + d->users.shed;
}

static bool is_idle(const struct detect *d, const struct conn_record *c)
{
    const struct record *client = record_find(d, SUBJECT_CLIENT, c->client);

    return c->silent_s >= SILENT_LONG_S && client != NULL &&
           !(d->book.roles[client->role].traits & TRAIT_SERVER);
}

/** detect_census() - counted now: visits all clients and connections */
struct detect_census detect_census(const struct detect *d)
{
    struct detect_census n = {.n_connections = d->conns.by_number.n};
    const struct record *r;
    size_t cursor = 0;

    while ((r = subjects_next(&d->clients, &cursor)) != NULL) {
        n.n_active += knowledge_of(r)->events > 0;
        n.n_learned += knowledge_of(r)->is_learned;
    }
    list_each (it, (struct list *)(uintptr_t)&d->conns.in_order)
        n.n_idle += is_idle(d, list_item(it, struct conn_record, in_order));
    return n;
}

/** detect_client_learned() - what is known of the client's habits */
struct detect_learned detect_client_learned(const struct detect *d, struct bytes client_id)
{
    const struct record *r = record_find(d, SUBJECT_CLIENT, name_key(client_id));
    const struct knowledge *k = r != NULL ? knowledge_of(r) : NULL;

    if (k == NULL || k->events == 0)
        return (struct detect_learned){0};
    return (struct detect_learned){
        .known = true,
        .learned = k->is_learned,
        .topics = (unsigned)(topics_known(r) + 0.5),
        .events = k->events,
    };
}

/** detect_client_forget() - a device was swapped: all that is known of the client is void */
void detect_client_forget(struct detect *d, struct bytes client_id)
{
    subjects_forget(&d->clients, name_key(client_id));
    for (size_t i = 0; i < N_DETECTORS; i++) {
        if (detectors[i]->forget != NULL)
            detectors[i]->forget(d->benches[i].own, hash_with(&d->key, client_id));
    }
}
