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

#include <math.h>
#include <stdlib.h>

#include "base/err.h"
#include "base/mem.h"
#include "detect/private.h"

#define USER_BYTES_MAX 1024 /* of a user name: anybody may send one */
#define SECOND_NS      1000000000ULL

/* Learned: 600 s old, and 60 messages; one that says little needs an hour. */
#define LEARNED_AGE_S    600
#define LEARNED_EVENTS   60
#define LEARNED_SURELY_S 3600

/* With so many topics a sixth of what is new seems known; more would blind the detectors. */
#define TOPICS_LEARNED_MAX 256

/* Silent for so much of the keep alive. */
#define KEEP_ALIVE_PART 1.5

#define READ_TOPICS       65536
#define PATTERN_BYTES_MAX 256
#define PAIRS_MAX         65536

/* A filter is not the topic of the same text. */
#define FILTER_MARK 0x5bd1e995f117e2ULL

/* A further detector: its file, its name in detector.h. */
static const struct detector *const detectors[] = {
#define X(name) &detect_##name,
    DETECTORS(X)
#undef X
};

#define N_DETECTORS COUNT_OF(detectors)
_Static_assert(N_DETECTORS <= DETECT_DETECTORS_MAX, "indexes are uint8_t, modes an array");
_Static_assert(EVENT_KIND_N <= 64, "what is watched is a bit of 64");

/** severity_text() - as incidents and the API have it; static */
const char *severity_text(enum severity s)
{
    static const char *const texts[] = {
#define X(name, text) [SEVERITY_##name] = text,
        SEVERITIES(X)
#undef X
    };

    check(s < SEVERITY_N);
    return texts[s];
}

/** severity_parse() - Return: false if @text is no severity; @ret is then untouched. */
bool severity_parse(const char *text, enum severity *ret)
{
    for (enum severity s = 0; s < SEVERITY_N; s++) {
        if (strcmp(text, severity_text(s)) == 0) {
            *ret = s;
            return true;
        }
    }
    return false;
}

/** subject_kind_text() - what stands before the colon of an incident's subject; static */
const char *subject_kind_text(enum subject_kind k)
{
    static const char *const texts[] = {
#define X(name, text) [SUBJECT_##name] = text,
        SUBJECT_KINDS(X)
#undef X
    };

    check(k < SUBJECT_KIND_N);
    return texts[k];
}

/** detect_mode_text() - as the configuration has it; static */
const char *detect_mode_text(enum detect_mode m)
{
    static const char *const texts[] = {
#define X(name, text) [DETECT_MODE_##name] = text,
        DETECT_MODES(X)
#undef X
    };

    check(m < COUNT_OF(texts));
    return texts[m];
}

/* ---- records ---- */

/** detector_at() - Return: the @i-th detector. */
const struct detector *detector_at(size_t i)
{
    check(i < N_DETECTORS);
    return detectors[i];
}

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

    return t != NULL ? subjects_find(t, key) : (struct record *)(uintptr_t)&d->fleet;
}

/** record_of() - the record of @name, new if need be; NULL without a name */
struct record *record_of(struct detect *d, enum subject_kind kind, struct bytes name,
                         uint64_t now_ns)
{
    uint64_t key = name_key(name);
    struct record *r;
    bool is_new;

    if (name.len == 0)
        return NULL;
    r = subjects_get(table_of(d, kind), key, now_ns, &is_new);
    if (is_new) {
        if (kind == SUBJECT_USER)
            name.len = MIN(name.len, (size_t)USER_BYTES_MAX);
        r->key = key;
        r->kind = kind;
        r->since_ns = now_ns;
        r->name = bytes_dup_str(name);
    }
    r->seen_ns = MAX(r->seen_ns, now_ns);
    return r;
}

static void *in_part(const struct detect *d, struct record *r, enum part part, size_t offset)
{
    if (r->parts[part] == NULL)
        r->parts[part] = mem_zero(d->part_bytes[r->kind][part]);
    return r->parts[part] + offset;
}

/** slot() - this detector's slot of the record; taken when it is first asked for */
void *slot(const struct judge *j, struct record *r)
{
    const struct detector *me = detector_at(j->detector);

    check(me->bytes[r->kind] > 0);
    return in_part(j->d, r, me->part, j->d->benches[j->detector].offset[r->kind]);
}

/** slot_peek() - slot(), or NULL while it was never asked for */
const void *slot_peek(const struct judge *j, const struct record *r)
{
    const struct detector *me = detector_at(j->detector);

    if (me->bytes[r->kind] == 0 || r->parts[me->part] == NULL)
        return NULL;
    return r->parts[me->part] + j->d->benches[j->detector].offset[r->kind];
}

/** learned_slot() - what this detector has learned of a client, kept over a restart */
void *learned_slot(const struct judge *j, struct record *r)
{
    check(r->kind == SUBJECT_CLIENT && detector_at(j->detector)->learned_bytes > 0);
    return in_part(j->d, r, PART_LEARNED, j->d->benches[j->detector].learned_offset);
}

/** knowledge_of() - what the client is used to; nothing yet is a valid answer */
const struct knowledge *knowledge_of(const struct record *r)
{
    static const struct knowledge nothing;

    return r->parts[PART_LEARNED] != NULL ? (const void *)r->parts[PART_LEARNED] : &nothing;
}

/** learned_peek() - learned_slot(), or NULL while nothing was learned of the client */
const void *learned_peek(const struct judge *j, const struct record *r)
{
    if (r->kind != SUBJECT_CLIENT || r->parts[PART_LEARNED] == NULL)
        return NULL;
    return r->parts[PART_LEARNED] + j->d->benches[j->detector].learned_offset;
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
    return &j->d->fleet;
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

/* ---- life ---- */

static void lay_out(struct detect *d)
{
    d->part_bytes[SUBJECT_CLIENT][PART_LEARNED] = sizeof(struct knowledge);
    for (size_t i = 0; i < N_DETECTORS; i++) {
        const struct detector *row = detectors[i];

        d->benches[i].learned_offset = d->part_bytes[SUBJECT_CLIENT][PART_LEARNED];
        d->part_bytes[SUBJECT_CLIENT][PART_LEARNED] += (row->learned_bytes + 7) & ~(size_t)7;
        for (enum subject_kind k = 0; k < SUBJECT_KIND_N; k++) {
            d->benches[i].offset[k] = d->part_bytes[k][row->part];
            d->part_bytes[k][row->part] += (row->bytes[k] + 7) & ~(size_t)7;
        }
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
    subjects_init(&d->clients, CLIENTS_MAX, sizeof(struct record), record_guilt);
    subjects_init(&d->addresses, ADDRESSES_MAX, sizeof(struct record), record_guilt);
    subjects_init(&d->users, USERS_MAX, sizeof(struct record), record_guilt);
    d->clients.gone = d->addresses.gone = d->users.gone = record_gone;
    d->fleet.kind = SUBJECT_FLEET;
    d->fleet.name = bytes_dup_str(BYTES("fleet"));
    d->samples = samples_new();
    subjects_init(&d->let_in, PAIRS_MAX, sizeof(uint8_t), NULL);
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
    }
    conns_done(&d->conns);
    subjects_done(&d->clients);
    subjects_done(&d->addresses);
    subjects_done(&d->users);
    subjects_done(&d->let_in);
    free(d->patterns);
    free(d->read_topics);
    record_gone(&d->fleet);
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

static bool is_health_check(const struct detect *d, struct bytes address)
{
    struct address a;

    if (d->n_health_sources == 0 || !address_parse(address, &a))
        return false;
    for (size_t i = 0; i < d->n_health_sources; i++) {
        if (prefix_has(&d->health_sources[i], &a))
            return true;
    }
    return false;
}

/* Events that name a client which a connection has not proved to be, and may. */
static bool is_of_known_client(const struct event *e)
{
    return e->kind == EVENT_WILL_PUBLISHED || e->kind == EVENT_INSPECTION_OVERDUE ||
           e->kind == EVENT_AWAITED || e->kind == EVENT_SILENT;
}

static struct record *client_of(struct detect *d, const struct event *e)
{
    struct record *r;

    if (e->client_id.len == 0)
        return NULL;
    if (e->role.len == 0) /* it was not let in, or its connection is not at hand */
        return is_of_known_client(e) ? record_of(d, SUBJECT_CLIENT, e->client_id, e->at_ns) : NULL;
    r = record_of(d, SUBJECT_CLIENT, e->client_id, e->at_ns);
    if (!bytes_equal(bytes_str(d->book.roles[r->role].name), e->role))
        r->role = rule_book_find(&d->book, e->role)->index;
    return r;
}

/* As they were tried, or granted; a filter in another way than a topic. */
static bool is_filter(enum event_kind kind)
{
    return kind == EVENT_SUBSCRIBED || kind == EVENT_SUBSCRIBE_DENIED || kind == EVENT_UNSUBSCRIBED;
}

/* The topic without what is the client's own: its id, and numbers. */
static uint64_t pattern_of(const struct detect *d, const struct sight *s)
{
    struct bytes topic = s->e->topic;
    struct bytes id = s->e->client_id;
    uint8_t text[PATTERN_BYTES_MAX];
    size_t n = 0;

    for (size_t i = 0; i < topic.len && n < sizeof(text);) {
        if (id.len > 0 && topic.len - i >= id.len && memcmp(topic.at + i, id.at, id.len) == 0) {
            text[n++] = '+';
            i += id.len;
        } else if (topic.at[i] >= '0' && topic.at[i] <= '9') {
            n -= n > 0 && text[n - 1] == '0'; /* a number, however long */
            text[n++] = '0';
            i++;
        } else {
            text[n++] = topic.at[i++];
        }
    }
    return hash_with(&d->key, bytes_of(text, n)) ^ (is_filter(s->e->kind) ? FILTER_MARK : 0) ^
           s->role->index;
}

/* Somebody subscribes to the topic, or once did. */
static bool had_reader(const struct detect *d, const struct event *e, uint64_t topic)
{
    uint32_t *tag = &d->read_topics[topic % READ_TOPICS];

    if (e->kind == EVENT_PUBLISH_TOPIC && !(e->value & EVENT_UNMATCHED))
        *tag = (uint32_t)(topic >> 32);
    return *tag == (uint32_t)(topic >> 32);
}

static void see_topic(const struct detect *d, struct sight *s)
{
    s->topic = hash_with(&d->key, s->e->topic) ^ (is_filter(s->e->kind) ? FILTER_MARK : 0);
    s->had_reader = had_reader(d, s->e, s->topic);
    if (s->client == NULL)
        return;
    s->is_new_topic = !bloom_has(&knowledge_of(s->client)->topics, s->topic);
    if (s->is_new_topic)
        s->pattern = pattern_of(d, s);
}

static bool is_first(struct detect *d, uint64_t pair, uint64_t now_ns)
{
    bool is_new;

    subjects_get(&d->let_in, pair, now_ns, &is_new);
    return is_new;
}

/* Who was let in from there once is no stranger, whatever goes wrong later. */
static bool let_in(struct detect *d, const struct event *e)
{
    uint64_t pair = subject_key_pair(e->address, e->client_id);

    if (e->kind == EVENT_CONNECT_ACCEPTED)
        return !is_first(d, pair, e->at_ns);
    return e->kind == EVENT_AUTH_FAILED && subjects_find(&d->let_in, pair) != NULL;
}

static struct sight look(struct detect *d, const struct event *e)
{
    size_t n_clients = d->clients.n;
    struct sight s = {.e = e, .is_health_check = is_health_check(d, e->address)};

    s.was_let_in = let_in(d, e);
    s.client = client_of(d, e);
    s.is_new_client = d->clients.n > n_clients;
    if (!s.is_health_check)
        s.address = record_of(d, SUBJECT_ADDRESS, e->address, e->at_ns);
    s.role = &d->book.roles[s.client != NULL ? s.client->role : 0];
    s.conn = conns_find(&d->conns, e->conn);
    if (e->topic.len > 0)
        see_topic(d, &s);
    return s;
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
           e->kind == EVENT_PUBLISH_DENIED || e->kind == EVENT_SUBSCRIBE_DENIED;
}

static void heard(struct sight *s)
{
    s->breaks_silence = s->conn->silent_s > 0;
    s->conn->silent_s = 0;
    s->conn->is_productive |= s->e->kind == EVENT_PUBLISH_TOPIC || s->e->kind == EVENT_SUBSCRIBED;
    wheel_clear(&s->conn->timer);
}

static void learn(struct detect *d, const struct sight *s)
{
    struct knowledge *k;
    uint64_t age_s;

    if (s->client == NULL || s->client->n_standing > 0 ||
        (s->e->kind != EVENT_PUBLISH_TOPIC && s->e->kind != EVENT_SUBSCRIBED))
        return;
    k = in_part(d, s->client, PART_LEARNED, 0);
    if (k->events == 0)
        s->client->since_ns = s->e->at_ns;
    age_s = (s->e->at_ns - MIN(s->client->since_ns, s->e->at_ns)) / SECOND_NS;
    k->age_s = (uint32_t)MAX((uint64_t)k->age_s, age_s);
    if (bloom_estimate(&k->topics) < TOPICS_LEARNED_MAX)
        bloom_add(&k->topics, s->topic);
    k->events++;
    if (k->age_s >= LEARNED_SURELY_S || (k->age_s >= LEARNED_AGE_S && k->events >= LEARNED_EVENTS))
        k->is_learned = true;
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
    struct sight s = look(d, e);

    d->shared = 0;
    if (e->kind == EVENT_CONNECT_ACCEPTED)
        began(d, &s);
    else if (s.conn != NULL && (is_speech(e) || e->kind == EVENT_DISCONNECTED))
        heard(&s);
    show(j, &s);
    learn(d, &s);
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
        .topics = (unsigned)(bloom_estimate(&k->topics) + 0.5),
        .events = k->events,
    };
}

/** detect_client_forget() - a device was swapped: all that is known of the client is void */
void detect_client_forget(struct detect *d, struct bytes client_id)
{
    subjects_forget(&d->clients, name_key(client_id));
}
