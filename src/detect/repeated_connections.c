/* SPDX-License-Identifier: Apache-2.0 */
/*
 * detect/repeated_connections.c - D01: one client connects again and again
 *
 * W2(60) of successful CONNECTs of a client id.  15 a minute is beyond a constant
 * retry each 5 s (12) and beyond exponential back-off (6 to 7 in the first minute).
 * Only what was accepted counts: nobody moves the counter of another's name.  A
 * storm of many clients that each come back once does not move it either.
 *
 * MQ.DE.NM-01
 */
#include <stdlib.h>

#include "base/mem.h"
#include "detect/detector.h"

#define WINDOW_S     60
#define LIMIT_MEDIUM 15
#define LIMIT_HIGH   30
#define CLIENTS_MAX  131072

struct repeated_connections {
    struct subjects clients; /* struct window */
    struct samples *samples; /* owned; addresses */
};

static double guilt(const void *state, uint64_t now_ns)
{
    return window_level(state, SECONDS(WINDOW_S), now_ns);
}

static void *new (const struct detect_settings *s)
{
    struct repeated_connections *me = mem_new(struct repeated_connections);

    (void)s;
    subjects_init(&me->clients, CLIENTS_MAX, sizeof(struct window), guilt);
    me->samples = samples_new();
    return me;
}

static void free_it(void *it)
{
    struct repeated_connections *me = it;

    subjects_done(&me->clients);
    free(me->samples);
    free(me);
}

static struct measure measure(const void *it, enum subject_kind kind, uint64_t key, uint64_t now_ns)
{
    const struct repeated_connections *me = it;
    const struct window *w = subjects_find(&me->clients, key);
    struct measure m = {.severity = SEVERITY_MEDIUM, .limit = LIMIT_MEDIUM, .window_s = WINDOW_S};

    (void)kind;
    if (w == NULL)
        return m;
    m.count = window_level(w, SECONDS(WINDOW_S), now_ns);
    m.ratio = m.count / LIMIT_MEDIUM;
    m.over = m.count >= LIMIT_MEDIUM;
    if (m.count >= LIMIT_HIGH) {
        m.severity = SEVERITY_HIGH;
        m.limit = LIMIT_HIGH;
    }
    return m;
}

static void observe(void *it, struct judge *j, const struct event *e)
{
    struct repeated_connections *me = it;
    struct suspect s = {
        .kind = SUBJECT_CLIENT,
        .name = e->client_id,
        .key = subject_key(e->client_id),
        .confidence = 90,
    };
    struct window *w;

    if (e->client_id.len == 0)
        return;
    w = subjects_get(&me->clients, s.key, e->at_ns, NULL);
    window_add(w, SECONDS(WINDOW_S), e->at_ns, 1);
    if (window_level(w, SECONDS(WINDOW_S), e->at_ns) >= LIMIT_MEDIUM / 3.0)
        samples_keep(me->samples, s.key, e->address);
    s.samples = samples_of(me->samples, s.key);
    judge_suspect(j, e, &s);
}

static uint64_t shed(const void *it)
{
    return ((const struct repeated_connections *)it)->clients.shed;
}

const struct detector detect_repeated_connections = {
    .info =
        {
            .name = "repeated-connection-attempts",
            .id = "D01",
            .subcategory = "MQ.DE.NM-01",
            .counts = "connections",
            .attck = {"T0814"},
            .watches = BIT(EVENT_CONNECT_ACCEPTED),
        },
    .new = new,
    .free = free_it,
    .observe = observe,
    .measure = measure,
    .shed = shed,
};
