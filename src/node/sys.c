/* SPDX-License-Identifier: Apache-2.0 */
/* node/sys.c - see sys.h */
#include "node/sys.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/hash.h"
#include "base/mem.h"
#include "node/metrics.h"
#include "node/node_private.h"

#define SYS_TOPIC      "$SYS/broker/"
#define SYS_TEXT_BYTES 64

static const struct window {
    const char *name;
    double minutes;
} windows[] = {{"1min", 1}, {"5min", 5}, {"15min", 15}};

/* What is published of one metric. */
struct said {
    char text[SYS_TEXT_BYTES]; /* empty: nothing yet */
    uint64_t last;             /* what the counter said */
    double loads[COUNT_OF(windows)];
    char load_texts[COUNT_OF(windows)][SYS_TEXT_BYTES];
};

struct sys {
    struct node *node;
    uint64_t taken_ns;
    bool is_published;
    struct said *said; /* owned, one a metric */
};

/* Messages on their way to the worker that publishes them: topic, zero, payload, zero, ... */
struct sys_post {
    struct post post;
    struct buf texts;
};

/** sys_new() - nothing is published yet */
struct sys *sys_new(struct node *n)
{
    struct sys *s = mem_new(struct sys);

    s->node = n;
    s->said = mem_zero(metrics_n() * sizeof(*s->said));
    return s;
}

/** sys_free() - what is published stays; Return: NULL */
struct sys *sys_free(struct sys *s)
{
    free(s->said);
    free(s);
    return NULL;
}

static struct bytes next_text(struct bytes *rest)
{
    struct bytes text = bytes_str((const char *)rest->at);

    *rest = bytes_of(rest->at + text.len + 1, rest->len - text.len - 1);
    return text;
}

/* At QoS 0, so that nothing piles up for who is away. */
static void publish_all(struct worker *w, struct post *post)
{
    struct sys_post *p = list_item(post, struct sys_post, post);
    struct bytes rest = buf_view(&p->texts);

    while (rest.len > 0) {
        struct publication pub = {.retain = true, .expires_ns = EXPIRES_NEVER};

        pub.topic = next_text(&rest);
        pub.payload = next_text(&rest);
        pub.topic_hash = hash_keyed(pub.topic);
        flow_publish_own(w, &pub, NULL);
        publication_done(&pub);
    }
    buf_done(&p->texts);
    free(p);
}

static void add_text(struct buf *to, const char *text)
{
    buf_add(to, bytes_of(text, strlen(text) + 1));
}

/* To be published if it is not what was. */
static void say(struct buf *to, const char *topic, char said[SYS_TEXT_BYTES], const char *text)
{
    if (strcmp(said, text) == 0)
        return;
    buf_addf(to, SYS_TOPIC);
    add_text(to, topic);
    add_text(to, text);
    snprintf(said, SYS_TEXT_BYTES, "%s", text);
}

static void payload_text(enum metric_payload payload, uint64_t value, char ret[SYS_TEXT_BYTES])
{
    unsigned long long n = value;

    switch (payload) {
    case METRIC_NUMBER:
        snprintf(ret, SYS_TEXT_BYTES, "%llu", n);
        return;
    case METRIC_SECONDS:
        snprintf(ret, SYS_TEXT_BYTES, "%llu seconds", n);
        return;
    case METRIC_VERSION:
        snprintf(ret, SYS_TEXT_BYTES, "bastide version %s", BASTIDE_VERSION);
        return;
    }
}

/* An average that forgets: after the window's minutes an old rate counts for 1/e. */
static void average(struct said *s, uint64_t value, double minutes_passed)
{
    double rate = (double)(value - s->last) / minutes_passed;

    for (size_t i = 0; i < COUNT_OF(windows); i++)
        s->loads[i] = rate + exp(-minutes_passed / windows[i].minutes) * (s->loads[i] - rate);
    s->last = value;
}

static void say_loads(struct buf *to, const struct metric *m, struct said *s)
{
    for (size_t i = 0; i < COUNT_OF(windows); i++) {
        char topic[SYS_TEXT_BYTES];
        char text[SYS_TEXT_BYTES];

        snprintf(topic, sizeof(topic), "%s/%s", m->load, windows[i].name);
        snprintf(text, sizeof(text), "%.2f", s->loads[i]);
        say(to, topic, s->load_texts[i], text);
    }
}

static void say_metric(struct buf *to, const struct metric *m, struct said *s, uint64_t value,
                       double minutes_passed)
{
    char text[SYS_TEXT_BYTES];

    if (m->topic != NULL) {
        payload_text(m->payload, value, text);
        say(to, m->topic, s->text, text);
    }
    if (m->load != NULL) {
        average(s, value, minutes_passed);
        say_loads(to, m, s);
    }
}

static void say_all(struct sys *s, double minutes_passed, struct buf *to)
{
    struct node_facts f = facts_take(s->node);

    for (size_t i = 0; i < metrics_n(); i++) {
        const struct metric *m = metric_at(i);
        struct metric_value v;

        if ((m->topic != NULL || m->load != NULL) && m->value(&f, 0, &v))
            say_metric(to, m, &s->said[i], v.value, minutes_passed);
    }
}

/* An empty payload ends what is retained [MQTT5-3.3.1-6]. */
static void unsay_all(struct sys *s, struct buf *to)
{
    for (size_t i = 0; i < metrics_n(); i++) {
        const struct metric *m = metric_at(i);
        char topic[SYS_TEXT_BYTES];

        if (m->topic != NULL)
            say(to, m->topic, s->said[i].text, "");
        for (size_t k = 0; m->load != NULL && k < COUNT_OF(windows); k++) {
            snprintf(topic, sizeof(topic), "%s/%s", m->load, windows[k].name);
            say(to, topic, s->said[i].load_texts[k], "");
        }
    }
}

static void hand_over(struct sys *s, struct buf texts)
{
    struct sys_post *p = mem_new(struct sys_post);

    list_init(&p->post.mail.link);
    p->post.take = publish_all;
    p->texts = texts;
    worker_post(s->node->workers[0], LANE_CONTROL, &p->post);
}

/**
 * sys_turn() - publish if it is time to
 * @interval_s:  0: not at all, and no longer what was
 *
 * By the main thread.  Return: ms until the next turn, as poll() wants it; -1: none.
 */
int sys_turn(struct sys *s, uint32_t interval_s, uint64_t now_ns)
{
    uint64_t due_ns = s->taken_ns + interval_s * NS_PER_S;
    uint64_t from_ns = s->taken_ns > 0 ? s->taken_ns : s->node->started_ns;
    struct buf texts = {0};

    if (interval_s == 0) {
        if (s->is_published)
            unsay_all(s, &texts);
        s->is_published = false;
    } else if (!s->is_published || due_ns <= now_ns) {
        say_all(s, (double)MAX(now_ns - from_ns, NS_PER_MS) / (60.0 * (double)NS_PER_S), &texts);
        s->is_published = true;
        s->taken_ns = now_ns;
        due_ns = now_ns + interval_s * NS_PER_S;
    }
    if (texts.len > 0)
        hand_over(s, texts);
    return interval_s == 0 ? -1 : (int)((due_ns - now_ns) / NS_PER_MS) + 1;
}
