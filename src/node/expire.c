/* SPDX-License-Identifier: Apache-2.0 */
/*
 * node/expire.c - what has expired while it waits goes, though nobody comes to take it
 *
 * A full queue drops it by itself when something else is to wait there (session/outbound.c).  Here
 * each sweep looks at some sessions, so that memory and journal get back what it takes.
 */
#include "node/node_private.h"

/* Of one sweep: a session counts one, and what waits in a queue that is looked through. */
#define EXPIRE_WORK_MAX 100000

static size_t expire(struct session *s, uint64_t now_ns)
{
    size_t work = 1;
    size_t n;

    do {
        n = queue_expire(&s->queue, now_ns);
        work += n > 0 ? n + s->queue.n : 0;
    } while (n > 0);
    return work;
}

/** expire_some() - go on with the sessions, all of them in turn; those that come and go meanwhile
 * may be left out of a round */
void expire_some(struct worker *w)
{
    size_t work = 0;

    while (work < EXPIRE_WORK_MAX) {
        const struct resident *r = map_next(&w->residents, &w->expire_cursor);

        if (r == NULL) {
            w->expire_cursor = 0;
            return;
        }
        work += expire(r->session, w->now_ns);
        w->counters.messages_expired += queue_take_expired(&r->session->queue);
    }
}
