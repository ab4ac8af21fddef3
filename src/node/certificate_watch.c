/* SPDX-License-Identifier: Apache-2.0 */
/*
 * node/certificate_watch.c - which certificates of the node's own end soon or are out of date, for
 * the detectors
 *
 * Looked at once a second, by the sentinel; told when it is something else than before: by a day
 * that passes, a clock that is set, a reload.
 */
#include "base/clock.h"
#include "node/node_private.h"
#include "node/sentinel.h"

#define DAY_LEN 10 /* of "2026-12-07T00:00:00.000Z" */

static void describe(const struct node *n, size_t listener, uint64_t now_unix_ms, struct buf *text)
{
    uint64_t begins_unix_ms = atomic_load(&n->certificate_begins_unix_ms[listener]);
    uint64_t ends_unix_ms = atomic_load(&n->certificate_ends_unix_ms[listener]);
    bool is_to_come = begins_unix_ms > now_unix_ms;
    char date[CLOCK_TEXT_LEN];

    buf_addf(text, "%slistener %s: %s %.*s", text->len > 0 ? "; " : "",
             n->started->listeners[listener].name,
             is_to_come                    ? "by this clock not valid before"
             : ends_unix_ms <= now_unix_ms ? "over since"
                                           : "ends on",
             DAY_LEN, clock_format(is_to_come ? begins_unix_ms : ends_unix_ms, date));
}

/** certificate_watch() - tell the detectors, if it is something else than before */
void certificate_watch(struct sentinel *s)
{
    struct buf text CLEANUP(buf_done) = {0};
    struct event e = {.kind = EVENT_CERTIFICATE_DATE, .at_ns = s->now_ns};
    struct certificate_dates dates = {0};

    for (size_t i = 0; i < s->node->started->n_listeners; i++) {
        enum certificate_date date = CERTIFICATE_IN_DATE;

        if (s->node->started->listeners[i].has_tls)
            date = node_certificate_date(s->node, i, s->now_unix_ms, NULL);
        if (date == CERTIFICATE_IN_DATE)
            continue;
        describe(s->node, i, s->now_unix_ms, &text);
        *(date == CERTIFICATE_ENDS_SOON ? &dates.soon : &dates.out) |= BIT64(i);
    }
    if (dates.soon == s->certificate_dates.soon && dates.out == s->certificate_dates.out)
        return;
    s->certificate_dates = dates;
    e.value = (uint32_t)__builtin_popcountll(dates.soon);
    e.number = (uint32_t)__builtin_popcountll(dates.out);
    e.text = buf_view(&text);
    detect_event(s->detect, &e, sentinel_found, s);
}
