/* SPDX-License-Identifier: Apache-2.0 */
/*
 * node/certificate_watch.c - which certificates of the node's own end soon or are out of date, for
 * the detectors
 *
 * Looked at by the sentinel, from time to time; told when it changes: by a day that passes, a clock
 * that is set, a reload.
 */
#include "node/node_private.h"
#include "node/sentinel.h"

/** certificate_watch() - tell the detectors, if it is something else than before */
void certificate_watch(struct sentinel *s)
{
    struct buf text CLEANUP(buf_done) = {0};
    struct event e = {.kind = EVENT_CERTIFICATE_DATE, .at_ns = s->now_ns};
    struct certificate_dates dates = {0};

    for (size_t i = 0; i < s->node->started->n_listeners; i++) {
        const struct config_listener *l = &s->node->started->listeners[i];
        enum certificate_date date = CERTIFICATE_IN_DATE;

        if (l->has_tls)
            date = node_certificate_date(s->node, i, s->now_unix_ms, NULL);
        if (date == CERTIFICATE_IN_DATE)
            continue;
        buf_addf(&text, "%slistener %s", text.len > 0 ? "; " : "", l->name);
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
