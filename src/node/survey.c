/* SPDX-License-Identifier: Apache-2.0 */
/*
 * node/survey.c - a look at every session of a worker, by another thread and in parts
 *
 * There may be a hundred thousand of them, and to look at one takes from a tenth of a microsecond
 * to some ten: all at once would hold the worker's messages up for longer than a command may take.
 * So it is asked again and again, for so many each time, and between two parts it goes on as usual.
 *
 * Who comes or goes meanwhile may be in it or not.  Nobody is in it twice: if the table of sessions
 * has grown between two parts, the survey begins anew.
 */
#include "node/node_private.h"

struct part {
    const struct survey *survey;
    size_t places; /* of the table that @cursor is in; SIZE_MAX: none yet */
    size_t cursor;
    bool is_last;
};

static void look_at_part(struct worker *w, void *arg)
{
    struct part *p = arg;
    const struct survey *s = p->survey;
    const struct resident *c;

    if (p->places != w->residents.cap) {
        p->places = w->residents.cap;
        p->cursor = 0;
        s->begin(s->arg);
    }
    for (size_t n = 0; n < s->part && !p->is_last; n++) {
        c = map_next(&w->residents, &p->cursor);
        p->is_last = c == NULL || !s->each(c, s->arg);
    }
}

/** survey_worker() - let @s look at all sessions of that worker; any thread but a worker's */
void survey_worker(struct node *n, unsigned worker, const struct survey *s)
{
    struct part p = {.survey = s, .places = SIZE_MAX};

    while (!p.is_last)
        node_call_worker(n, worker, look_at_part, &p);
}
