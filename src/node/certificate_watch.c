/* SPDX-License-Identifier: Apache-2.0 */
/*
 * node/certificate_watch.c - which certificates of the node's own, and which revocation lists that
 * it looks into, end soon or are out of date, for the detectors
 *
 * Looked at once a second, by the sentinel; told when it is something else than before: by a day
 * that passes, a clock that is set, a reload.
 */
#include "base/clock.h"
#include "node/node_private.h"
#include "node/sentinel.h"

#define DAY_LEN 10 /* of "2026-12-07T00:00:00.000Z" */

static void describe(const char *listener, const char *what, struct certificate_span s,
                     uint64_t now_unix_ms, struct buf *text)
{
    bool is_to_come = s.begins_unix_ms > now_unix_ms;
    char date[CLOCK_TEXT_LEN];

    buf_addf(text, "%slistener %s: %s%s %.*s", text->len > 0 ? "; " : "", listener, what,
             is_to_come                      ? "by this clock not valid before"
             : s.ends_unix_ms <= now_unix_ms ? "over since"
                                             : "ends on",
             DAY_LEN, clock_format(is_to_come ? s.begins_unix_ms : s.ends_unix_ms, date));
}

/* Return: is there something to tell? */
static bool note(struct certificate_dates *dates, size_t listener, enum certificate_date date)
{
    if (date == CERTIFICATE_ENDS_SOON)
        dates->soon |= BIT64(listener);
    if (date == CERTIFICATE_OUT_OF_DATE)
        dates->out |= BIT64(listener);
    return date != CERTIFICATE_IN_DATE;
}

static bool are_same(struct certificate_dates a, struct certificate_dates b)
{
    return a.soon == b.soon && a.out == b.out;
}

static void look(const struct sentinel *s, struct certificate_dates *certificates,
                 struct certificate_dates *crls, struct buf *text)
{
    const struct node *n = s->node;
    uint64_t now = s->now_unix_ms;

    for (size_t i = 0; i < n->started->n_listeners; i++) {
        const struct config_listener *l = &n->started->listeners[i];
        struct certificate_span shown = shared_span_get(&n->certificate_spans[i]);
        struct certificate_span looked_up = shared_span_get(&n->crl_spans[i]);

        if (!l->has_tls)
            continue;
        if (note(certificates, i, certificate_date(shown, now, NULL)))
            describe(l->name, "", shown, now, text);
        if (note(crls, i, crl_date(looked_up, NULL, now, NULL)))
            describe(l->name, "CRL ", looked_up, now, text);
    }
}

/** certificate_watch() - tell the detectors, if it is something else than before */
void certificate_watch(struct sentinel *s)
{
    struct buf text CLEANUP(buf_done) = {0};
    struct event e = {.kind = EVENT_CERTIFICATE_DATE, .at_ns = s->now_ns};
    struct certificate_dates certificates = {0};
    struct certificate_dates crls = {0};

    look(s, &certificates, &crls, &text);
    if (are_same(certificates, s->certificate_dates) && are_same(crls, s->crl_dates))
        return;
    s->certificate_dates = certificates;
    s->crl_dates = crls;
    e.value = (uint32_t)__builtin_popcountll(certificates.soon | crls.soon);
    e.number = (uint32_t)__builtin_popcountll(certificates.out | crls.out);
    e.text = buf_view(&text);
    detect_event(s->detect, &e, sentinel_found, s);
}
