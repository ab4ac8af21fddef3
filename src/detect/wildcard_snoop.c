/* SPDX-License-Identifier: Apache-2.0 */
/*
 * detect/wildcard_snoop.c - D37: a client listens to everything
 *
 * A filter whose first level is + or #, or one that matches more than a quarter of what
 * others publish, judged by a sample of the topics in use.  Dashboards and historians have
 * the kind of role monitor, and it is their job.
 *
 * MQ.DE.ID-02
 */
#include <stdlib.h>

#include "base/mem.h"
#include "detect/tally.h"
#include "wire/wire.h"

#define TOPICS      256 /* in the sample */
#define TOPICS_MIN  20  /* of fewer no share is told */
#define TOPIC_BYTES 128 /* longer ones are not in it */
#define WIDE_SHARE  0.25
#define STALE_NS    SECONDS(86400)

struct topic {
    uint64_t hash;
    uint64_t publisher; /* key of the client */
    uint64_t at_ns;
    size_t len; /* 0: none yet */
    uint8_t text[TOPIC_BYTES];
};

/* Of all topics with one place the lowest hash stays: each topic is in the sample with the same
 * chance, however often it is used. */
struct own {
    struct topic topics[TOPICS];
};

static void *new (void)
{
    return mem_new(struct own);
}

static void measure(const struct judge *j, const struct record *r, struct measure *m)
{
    measure_tally(j, r, RULE_D37_MEDIUM, RULE_D37_MEDIUM, m);
}

static bool is_in_use(const struct judge *j, const struct topic *t)
{
    return t->len > 0 && now_of(j) < t->at_ns + STALE_NS;
}

static void see_topic(const struct judge *j, const struct sight *s)
{
    struct topic *t = &((struct own *)own_of(j))->topics[s->topic % TOPICS];
    struct bytes text = s->e->topic;

    if (s->client == NULL || text.len == 0 || text.len > TOPIC_BYTES || text.at[0] == '$' ||
        (is_in_use(j, t) && t->hash < s->topic))
        return;
    *t = (struct topic){
        .hash = s->topic, .publisher = s->client->key, .at_ns = now_of(j), .len = text.len};
    memcpy(t->text, text.at, text.len);
}

static bool is_wide(const struct judge *j, const struct sight *s)
{
    const struct own *me = own_of(j);
    struct bytes filter = s->e->topic;
    unsigned n = 0, n_matched = 0;

    if (filter.len > 0 && (filter.at[0] == '#' || filter.at[0] == '+'))
        return true;
    for (size_t i = 0; i < TOPICS && wire_filter_has_wildcard(filter); i++) {
        const struct topic *t = &me->topics[i];

        if (is_in_use(j, t) && t->publisher != s->client->key) {
            n++;
            n_matched += wire_filter_matches(filter, bytes_of(t->text, t->len));
        }
    }
    return n >= TOPICS_MIN && n_matched > WIDE_SHARE * n;
}

static void observe(struct judge *j, const struct sight *s)
{
    if (s->e->kind == EVENT_PUBLISH_TOPIC)
        see_topic(j, s);
    else if (s->client != NULL && !(s->role->traits & TRAIT_READS_ALL) && is_wide(j, s))
        tally(j, s, s->client, RULE_D37_MEDIUM, 1);
}

const struct detector detect_wildcard_snoop = {
    .info =
        {
            .name = "wildcard-snoop",
            .id = "D37",
            .subcategory = "MQ.DE.ID-02",
            .counts = "filters that match everything",
            .attck = {"T0842", "T0802", "T0882"},
            .what = "a client listens to everything",
            .mode = DETECT_MODE_OBSERVE,
            .confidence = 80,
            .watches = BIT64(EVENT_SUBSCRIBED) | BIT64(EVENT_PUBLISH_TOPIC),
        },
    .bytes[SUBJECT_CLIENT] = sizeof(struct tally),
    .new = new,
    .free = free,
    .observe = observe,
    .measure = measure,
};
