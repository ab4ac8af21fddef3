/* SPDX-License-Identifier: Apache-2.0 */
/* bench/traffic_make.c - who publishes what to whom */
#include <stdio.h>
#include <stdlib.h>

#include "base/err.h"
#include "base/mem.h"
#include "bench/traffic.h"

#define WINDOWS_UNDELIVERED 4
#define WINDOW_QOS_2_MAX    64 /* brokers bound what is between PUBLISH and PUBREL */

static void make_topics(struct traffic *t)
{
    const struct bench_options *o = &t->bench->o;
    char name[512];

    t->n_topics = t->shape == SHAPE_WILD ? t->wild.n_topics : t->n_publishers;
    t->topics = mem_zero(t->n_topics * sizeof(*t->topics));
    for (size_t i = 0; i < t->n_topics; i++) {
        (void)snprintf(name, sizeof(name), "%s/%08x/p%zu", o->prefix, t->bench->run, i);
        topic_init(&t->topics[i], t->bench, t->shape == SHAPE_WILD ? t->wild.names[i] : name,
                   false);
        t->topics[i].fan = (uint32_t)(t->shape == SHAPE_PAIR ? 1 : t->n_subscribers);
        if (t->shape == SHAPE_WILD) {
            t->topics[i].fan = 0;
            for (size_t s = 0; s < t->n_subscribers; s++)
                t->topics[i].fan += t->wild.wants[s * t->n_topics + i];
        }
        t->fan += t->topics[i].fan;
    }
    t->fan /= (double)t->n_topics;
}

static void make_publishers(struct traffic *t)
{
    t->publishers = mem_zero(t->n_publishers * sizeof(*t->publishers));
    for (size_t i = 0; i < t->n_publishers; i++) {
        struct publisher *u = &t->publishers[i];

        u->traffic = t;
        u->index = (uint32_t)i;
        u->first_topic = t->shape == SHAPE_WILD ? 0 : (uint32_t)i;
        u->n_topics = t->shape == SHAPE_WILD ? (uint32_t)t->n_topics : 1;
        u->noise = i + 1;
        u->sequences = mem_zero(u->n_topics * sizeof(uint64_t));
        list_init(&u->hungry);
    }
}

/* The filter of subscriber @i of other shapes than wild. */
static struct bytes filter_of(const struct traffic *t, size_t i)
{
    const struct bench *b = t->bench;
    char text[512];

    if (t->shape != SHAPE_PAIR && t->n_publishers > 1)
        (void)snprintf(text, sizeof(text), "%s/%08x/+", b->o.prefix, b->run);
    else
        (void)snprintf(text, sizeof(text), "%s/%08x/p%zu", b->o.prefix, b->run,
                       t->shape == SHAPE_PAIR ? i : 0);
    return bytes_dup(bytes_str(text));
}

static void make_subscribers(struct traffic *t)
{
    size_t n_topics = t->shape == SHAPE_WILD ? t->n_topics : 1;

    t->subscribers = mem_zero(t->n_subscribers * sizeof(*t->subscribers));
    for (size_t i = 0; i < t->n_subscribers; i++) {
        struct subscriber *s = &t->subscribers[i];

        s->traffic = t;
        s->first_publisher = t->shape == SHAPE_PAIR ? (uint32_t)i : 0;
        s->n_publishers = t->shape == SHAPE_PAIR ? 1 : (uint32_t)t->n_publishers;
        s->tracks = mem_zero(s->n_publishers * n_topics * sizeof(struct track));
        if (t->shape == SHAPE_WILD) {
            s->wants = &t->wild.wants[i * t->n_topics];
            s->peer.filters = t->wild.filters[i];
            s->peer.n_filters = t->wild.n_filters[i];
        } else {
            s->filter = filter_of(t, i);
            s->peer.filters = &s->filter;
            s->peer.n_filters = 1;
        }
    }
}

static void make_shares(struct traffic *t)
{
    check(t->crew->n_drivers > 0);
    t->shares = mem_zero(t->crew->n_drivers * sizeof(*t->shares));
    for (unsigned i = 0; i < t->crew->n_drivers; i++) {
        list_init(&t->shares[i].hungry);
        t->shares[i].nudges = mem_zero(t->crew->n_drivers * sizeof(bool));
        t->shares[i].publishers = mem_zero(t->n_publishers * sizeof(struct publisher *));
    }
    for (size_t i = 0; i < t->n_subscribers; i++)
        crew_add(t->crew, &t->subscribers[i].peer, (unsigned)i, 's', i);
    for (size_t i = 0; i < t->n_publishers; i++) {
        struct share *own = &t->shares[i % t->crew->n_drivers];

        own->publishers[own->n_publishers++] = &t->publishers[i];
        crew_add(t->crew, &t->publishers[i].peer, (unsigned)i, 'p', i);
    }
}

/**
 * traffic_new() - publishers and subscribers as the options say
 *
 * Ended by traffic_free().
 */
struct traffic *traffic_new(struct bench *b)
{
    struct traffic *t = mem_new(struct traffic);

    t->bench = b;
    t->shape = b->load->shape;
    t->n_publishers = b->o.publishers;
    t->n_subscribers = b->o.subscribers;
    if (t->shape == SHAPE_WILD) {
        wild_init(&t->wild, b);
        t->n_subscribers = t->wild.n_subscribers;
    }
    make_topics(t);
    make_publishers(t);
    make_subscribers(t);
    t->window = b->o.qos == 2 ? MIN(b->o.window, (uint64_t)WINDOW_QOS_2_MAX) : b->o.window;
    t->due_max = (uint64_t)((double)(t->window * (b->o.qos > 0 ? WINDOWS_UNDELIVERED : 1)) *
                            MAX(t->fan, 1.0));
    t->measured_from_ns = UINT64_MAX;
    t->crew = crew_new(b, &traffic_play, t);
    make_shares(t);
    return t;
}

/** traffic_free() - Return: NULL */
struct traffic *traffic_free(struct traffic *t)
{
    unsigned n_shares = t->crew->n_drivers;

    crew_free(t->crew);
    for (unsigned i = 0; i < n_shares; i++) {
        free(t->shares[i].publishers);
        free(t->shares[i].nudges);
    }
    for (size_t i = 0; i < t->n_publishers; i++)
        free(t->publishers[i].sequences);
    for (size_t i = 0; i < t->n_subscribers; i++) {
        free(t->subscribers[i].tracks);
        bytes_free(t->subscribers[i].filter);
    }
    for (size_t i = 0; i < t->n_topics; i++)
        topic_done(&t->topics[i]);
    if (t->shape == SHAPE_WILD)
        wild_done(&t->wild);
    free(t->shares);
    free(t->publishers);
    free(t->subscribers);
    free(t->topics);
    free(t);
    return NULL;
}
