/* SPDX-License-Identifier: Apache-2.0 */
/*
 * detect/unauthorized_command.c - D32: a command by one who may not command
 *
 * Once is enough.  Rights should forbid it; this is for the rights that are too
 * broad, and tells of those who try.  A worker marks the event (EVENT_COMMAND) when
 * the topic is a command topic and the role has no may_command.
 *
 * MQ.PR.SP-03
 */
#include <stdlib.h>

#include "base/mem.h"
#include "detect/detector.h"

#define WINDOW_S    600
#define LIMIT       1
#define CLIENTS_MAX 16384

struct unauthorized_command {
    struct subjects clients; /* struct window */
    struct samples *samples; /* owned; topics */
};

static double guilt(const void *state, uint64_t now_ns)
{
    return window_level(state, SECONDS(WINDOW_S), now_ns);
}

static void *new (const struct detect_settings *s)
{
    struct unauthorized_command *me = mem_new(struct unauthorized_command);

    (void)s;
    subjects_init(&me->clients, CLIENTS_MAX, sizeof(struct window), guilt);
    me->samples = samples_new();
    return me;
}

static void free_it(void *it)
{
    struct unauthorized_command *me = it;

    subjects_done(&me->clients);
    free(me->samples);
    free(me);
}

static struct measure measure(const void *it, enum subject_kind kind, uint64_t key, uint64_t now_ns)
{
    const struct unauthorized_command *me = it;
    const struct window *w = subjects_find(&me->clients, key);
    struct measure m = {.severity = SEVERITY_HIGH, .limit = LIMIT, .window_s = WINDOW_S};

    (void)kind;
    if (w == NULL)
        return m;
    m.count = window_level(w, SECONDS(WINDOW_S), now_ns);
    m.ratio = m.count / LIMIT;
    m.over = m.count >= LIMIT;
    return m;
}

static void observe(void *it, struct judge *j, const struct event *e)
{
    struct unauthorized_command *me = it;
    struct suspect s = {
        .kind = SUBJECT_CLIENT,
        .name = e->client_id,
        .key = subject_key(e->client_id),
        .confidence = 100,
    };

    if (!(e->value & EVENT_COMMAND) || e->client_id.len == 0)
        return;
    window_add(subjects_get(&me->clients, s.key, e->at_ns, NULL), SECONDS(WINDOW_S), e->at_ns, 1);
    samples_keep(me->samples, s.key, e->topic);
    s.samples = samples_of(me->samples, s.key);
    judge_suspect(j, e, &s);
}

static uint64_t shed(const void *it)
{
    return ((const struct unauthorized_command *)it)->clients.shed;
}

const struct detector detect_unauthorized_command = {
    .info =
        {
            .name = "unauthorized-command",
            .id = "D32",
            .subcategory = "MQ.PR.SP-03",
            .counts = "commands that its role may not give",
            .attck = {"T0855", "T0848", "T0831"},
            .watches = BIT(EVENT_PUBLISH_TOPIC) | BIT(EVENT_PUBLISH_DENIED),
        },
    .new = new,
    .free = free_it,
    .observe = observe,
    .measure = measure,
    .shed = shed,
};
