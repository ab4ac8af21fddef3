/* SPDX-License-Identifier: Apache-2.0 */
/*
 * detect/sight.c - an event is looked at once, for all detectors; and what is learned of it
 *
 * What is said before a login names nobody: only its address is concerned.
 */
#include "detect/private.h"

#define SECOND_NS 1000000000ULL

/* Learned: 600 s old, and 60 messages; one that says little needs an hour. */
#define LEARNED_AGE_S    600
#define LEARNED_EVENTS   60
#define LEARNED_SURELY_S 3600

/* With so many topics a sixth of what is new seems known; more would blind the detectors. */
#define TOPICS_LEARNED_MAX 256

#define PATTERN_BYTES_MAX 256

/* A filter is not the topic of the same text. */
#define FILTER_MARK 0x5bd1e995f117e2ULL

static bool is_health_source(const struct detect *d, struct bytes address)
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
           e->kind == EVENT_AWAITED || e->kind == EVENT_SILENT || e->kind == EVENT_LIFECYCLE ||
           e->kind == EVENT_RETAINED_CHANGED || e->kind == EVENT_COMMAND_HELD; /* by a Will */
}

static struct record *client_of(struct detect *d, const struct event *e)
{
    struct record *r;

    if (e->client_id.len == 0)
        return NULL;
    if (e->role.len == 0) { /* it was not let in, or its connection is not at hand */
        bool is_new_name = e->kind == EVENT_INSPECTION_OVERDUE && e->value > 0;

        r = is_of_known_client(e) ? record_find(d, SUBJECT_CLIENT, name_key(e->client_id)) : NULL;
        return is_new_name ? record_of(d, SUBJECT_CLIENT, e->client_id, e->at_ns) : r;
    }
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
    s->is_new_topic = !knows_topic(s->client, s->topic);
    if (s->is_new_topic)
        s->pattern = pattern_of(d, s);
}

static bool is_first(struct detect *d, uint64_t pair, uint64_t now_ns)
{
    if (subjects_see(&d->let_in, pair, now_ns) != NULL)
        return false;
    subjects_add(&d->let_in, pair, now_ns, NULL);
    return true;
}

/* Who was let in from there once is no stranger, whatever goes wrong later. */
static bool let_in(struct detect *d, const struct event *e)
{
    uint64_t pair = subject_key_pair(e->address, e->client_id);

    if (e->kind == EVENT_CONNECT_ACCEPTED)
        return !is_first(d, pair, e->at_ns);
    return e->kind == EVENT_AUTH_FAILED && subjects_find(&d->let_in, pair) != NULL;
}

/** sight_of() - whose is it, from where, on which connection, is the topic new?  @e is borrowed. */
struct sight sight_of(struct detect *d, const struct event *e)
{
    size_t n_clients = d->clients.n;
    bool checks_health = e->is_proxy || is_health_source(d, e->address);
    struct sight s = {.e = e};

    s.was_let_in = let_in(d, e);
    s.client = client_of(d, e);
    s.is_new_client = d->clients.n > n_clients;
    if (!checks_health)
        s.address = record_of(d, SUBJECT_ADDRESS, e->address, e->at_ns);
    s.is_health_check = checks_health && (s.client == NULL || topics_known(s.client) == 0);
    s.role = &d->book.roles[s.client != NULL ? s.client->role : 0];
    s.conn = conns_find(&d->conns, e->conn);
    if (e->topic.len > 0)
        see_topic(d, &s);
    return s;
}

/** sight_learn() - after the detectors have looked: what the client has done is usual from now on
 */
void sight_learn(struct detect *d, const struct sight *s)
{
    struct knowledge *k;
    uint64_t age_s;

    if (s->client == NULL || s->client->n_standing > 0 ||
        (s->e->kind != EVENT_PUBLISH_TOPIC && s->e->kind != EVENT_SUBSCRIBED))
        return;
    if (topics_known(s->client) < TOPICS_LEARNED_MAX)
        learn_topic(s->client, &d->learned, s->topic);
    k = pack_take(&s->client->learned, &d->learned, LEARNED_KNOWLEDGE);
    if (k->events == 0)
        s->client->since_ns = s->e->at_ns;
    age_s = (s->e->at_ns - MIN(s->client->since_ns, s->e->at_ns)) / SECOND_NS;
    k->age_s = (uint32_t)MAX((uint64_t)k->age_s, age_s);
    k->events++;
    if (k->age_s >= LEARNED_SURELY_S || (k->age_s >= LEARNED_AGE_S && k->events >= LEARNED_EVENTS))
        k->is_learned = true;
}
