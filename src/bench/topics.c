/* SPDX-License-Identifier: Apache-2.0 */
/* bench/topics.c - topics with their PUBLISH, and the wildcard filters that want them */
#include <stdio.h>
#include <stdlib.h>

#include "base/err.h"
#include "base/map.h"
#include "base/mem.h"
#include "base/text.h"
#include "bench/private.h"

/**
 * topic_init() - a topic, and its PUBLISH with a payload as the options say
 * @name:  copied
 */
void topic_init(struct topic *t, const struct bench *b, const char *name, bool retain)
{
    struct wire_delivery d = {
        .topic = bytes_str(name),
        .packet_id = b->o.qos > 0 ? 1 : 0,
        .qos = (uint8_t)b->o.qos,
        .retain = retain,
    };
    uint8_t *payload = mem_zero(b->o.size);

    stamp_fill(payload, b->o.size);
    d.payload = bytes_of(payload, b->o.size);
    *t = (struct topic){.name = bytes_dup(bytes_str(name))};
    wire_encode_delivery(&t->frame, &d, b->level);
    t->stamp_at = t->frame.len - b->o.size;
    t->id_at = t->stamp_at - (b->level == WIRE_V5 ? 3 : 2); /* an empty property block between */
    free(payload);
}

/** topic_done() - free what @t owns */
void topic_done(struct topic *t)
{
    bytes_free(t->name);
    buf_done(&t->frame);
}

/**
 * topic_put() - append a PUBLISH to what @p sends
 * @id:  of peer_take_id(); 0 at QoS 0
 */
void topic_put(const struct topic *t, struct peer *p, uint16_t id, struct stamp s)
{
    uint8_t *at = buf_reserve(&p->out, t->frame.len);

    memcpy(at, t->frame.at, t->frame.len);
    stamp_write(at + t->stamp_at, s, t->frame.len - t->stamp_at);
    if (id != 0) {
        at[t->id_at] = (uint8_t)(id >> 8);
        at[t->id_at + 1] = (uint8_t)id;
    }
    p->out.len += t->frame.len;
    peer_dirty(p);
}

/* ---- wild ---- */

#define LEVELS           4
#define FILTER_BYTES_MAX 512

/* How many names a level has: a million topics, of which a run uses some. */
static const unsigned names_of[LEVELS] = {10, 20, 50, 100};

/* A filter with who has it; two subscribers may have the same. */
struct wild_filter {
    struct bytes text; /* owned by the subscriber's list */
    size_t subscriber;
    struct wild_filter *next; /* of the same text */
};

static struct bytes key_of(const void *item)
{
    return ((const struct wild_filter *)item)->text;
}

/* The same topics and filters in every run, so that runs can be compared. */
static uint64_t noise(uint64_t *state)
{
    uint64_t z = (*state += 0x9e3779b97f4a7c15ULL);

    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
    return z ^ (z >> 31);
}

/* "a3/b17/c40/d99" behind the run's prefix; a level of -1 is "+"; @n_levels below LEVELS ends in
 * "#". */
static int print_levels(char *at, size_t size, const struct bench *b, const int level[LEVELS],
                        unsigned n_levels)
{
    int n = snprintf(at, size, "%s/%08x", b->o.prefix, b->run);

    for (unsigned i = 0; i < n_levels; i++) {
        if (level[i] < 0)
            n += snprintf(at + n, size - (size_t)n, "/+");
        else
            n += snprintf(at + n, size - (size_t)n, "/%c%d", 'a' + (int)i, level[i]);
    }
    if (n_levels < LEVELS)
        n += snprintf(at + n, size - (size_t)n, "/#");
    return n;
}

static void draw_levels(uint64_t *state, int level[LEVELS])
{
    for (unsigned i = 0; i < LEVELS; i++)
        level[i] = (int)(noise(state) % names_of[i]);
}

/*
 * Half of the filters have a "+", three of ten a "#" (one of them after two levels), the others no
 * wildcard: with 100,000 of them some twenty of a hundred subscribers want a topic.
 */
static void draw_filter(uint64_t *state, const struct bench *b, char *at, size_t size)
{
    unsigned n_levels = LEVELS;
    int level[LEVELS];

    draw_levels(state, level);
    switch (noise(state) % 10) {
    case 0:
    case 1:
        n_levels = LEVELS - 1;
        break;
    case 2:
        n_levels = noise(state) % 3 == 0 ? LEVELS - 2 : LEVELS - 1;
        break;
    case 3:
    case 4:
        break;
    default:
        level[noise(state) % LEVELS] = -1;
        break;
    }
    (void)print_levels(at, size, b, level, n_levels);
}

/* Levels as topics have them, with "+" in some places, and an end that none has. */
static void draw_miss(uint64_t *state, const struct bench *b, size_t number, char *at, size_t size)
{
    int level[LEVELS];
    int n;

    draw_levels(state, level);
    if (noise(state) % 2 == 0)
        level[noise(state) % (LEVELS - 1)] = -1;
    level[LEVELS - 1] = (int)(names_of[LEVELS - 1] + number);
    n = print_levels(at, size, b, level, LEVELS);
    check((size_t)n < size);
}

static void add_filter(struct wild *w, size_t subscriber, const char *text)
{
    size_t n = w->n_filters[subscriber]++;

    if ((n & (n - 1)) == 0)
        w->filters[subscriber] =
            mem_resize(w->filters[subscriber], (n == 0 ? 1 : 2 * n) * sizeof(struct bytes));
    w->filters[subscriber][n] = bytes_dup(bytes_str(text));
}

/* Put all filters in @by_text; Return: the array that holds them, to be freed. */
static struct wild_filter *index_filters(const struct wild *w, struct map *by_text)
{
    struct wild_filter *all, *f;
    size_t n = 0;

    for (size_t s = 0; s < w->n_subscribers; s++)
        n += w->n_filters[s];
    all = f = mem_zero(n * sizeof(*all));
    map_init(by_text, key_of);
    for (size_t s = 0; s < w->n_subscribers; s++) {
        for (size_t i = 0; i < w->n_filters[s]; i++, f++) {
            struct wild_filter *first = map_find(by_text, w->filters[s][i]);

            *f = (struct wild_filter){.text = w->filters[s][i], .subscriber = s};
            if (first == NULL) {
                (void)map_put(by_text, f);
            } else {
                f->next = first->next;
                first->next = f;
            }
        }
    }
    return all;
}

/* Whoever has the filter @text wants @topic. */
static void want(struct wild *w, const struct map *by_text, size_t topic, const char *text)
{
    const struct wild_filter *f = map_find(by_text, bytes_str(text));

    for (; f != NULL; f = f->next)
        w->wants[f->subscriber * w->n_topics + topic] = 1;
}

/* Rather than to match each filter with each topic, look up every filter that would match. */
static void find_wants(struct wild *w, const struct bench *b, const struct map *by_text,
                       size_t topic, const int level[LEVELS])
{
    char text[FILTER_BYTES_MAX];

    for (unsigned n_levels = 0; n_levels <= LEVELS; n_levels++) {
        for (unsigned mask = 0; mask < BIT(n_levels); mask++) {
            int some[LEVELS];

            for (unsigned i = 0; i < n_levels; i++)
                some[i] = (mask & BIT(i)) != 0 ? -1 : level[i];
            (void)print_levels(text, sizeof(text), b, some, n_levels);
            want(w, by_text, topic, text);
        }
    }
}

/**
 * wild_init() - topics, and filters for every subscriber, as the options say
 *
 * With --miss, one more subscriber wants everything, so that it can be seen what
 * arrives.
 */
void wild_init(struct wild *w, const struct bench *b)
{
    uint64_t state = 1;
    struct wild_filter *all;
    struct map by_text;
    char text[FILTER_BYTES_MAX];
    int level[LEVELS] = {0};

    *w = (struct wild){.n_topics = b->o.topics,
                       .n_subscribers = b->o.subscribers + (b->o.miss ? 1 : 0)};
    w->names = mem_zero(w->n_topics * sizeof(char *));
    w->wants = mem_zero(w->n_topics * w->n_subscribers);
    w->filters = mem_zero(w->n_subscribers * sizeof(struct bytes *));
    w->n_filters = mem_zero(w->n_subscribers * sizeof(size_t));
    for (size_t i = 0; i < b->o.filters; i++) {
        if (b->o.miss)
            draw_miss(&state, b, i, text, sizeof(text));
        else
            draw_filter(&state, b, text, sizeof(text));
        add_filter(w, i % b->o.subscribers, text);
    }
    if (b->o.miss) {
        (void)print_levels(text, sizeof(text), b, level, 0);
        add_filter(w, w->n_subscribers - 1, text);
    }
    all = index_filters(w, &by_text);
    for (size_t i = 0; i < w->n_topics; i++) {
        draw_levels(&state, level);
        (void)print_levels(text, sizeof(text), b, level, LEVELS);
        w->names[i] = text_dup(text);
        find_wants(w, b, &by_text, i, level);
    }
    map_done(&by_text);
    free(all);
}

/** wild_done() - free what @w owns */
void wild_done(struct wild *w)
{
    for (size_t i = 0; i < w->n_topics; i++)
        free(w->names[i]);
    for (size_t s = 0; s < w->n_subscribers; s++) {
        for (size_t i = 0; i < w->n_filters[s]; i++)
            bytes_free(w->filters[s][i]);
        free(w->filters[s]);
    }
    free(w->names);
    free(w->wants);
    free(w->filters);
    free(w->n_filters);
}
