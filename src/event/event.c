/* SPDX-License-Identifier: Apache-2.0 */
/* event/event.c - see event.h */
#include "event/event.h"

#include <stdlib.h>

#include "base/err.h"
#include "base/mem.h"

/** event_kind_text() - the name of @kind in logs and records; static */
const char *event_kind_text(enum event_kind kind)
{
    static const char *const texts[] = {
#define X(name, text) [EVENT_##name] = text,
        EVENT_KINDS(X)
#undef X
    };

    check(kind < EVENT_KIND_N);
    return texts[kind];
}

/** event_block_new() - an empty block for @worker's events */
struct event_block *event_block_new(unsigned worker)
{
    struct event_block *b = mem_alloc(sizeof(*b));

    list_init(&b->link);
    b->worker = worker;
    b->n_events = 0;
    b->n_dropped = 0;
    b->text_len = 0;
    return b;
}

/** event_block_free() - @b may be NULL */
void event_block_free(struct event_block *b)
{
    free(b);
}

static struct bytes keep(struct event_block *b, struct bytes s)
{
    struct bytes kept = bytes_of(b->text + b->text_len, s.len);

    if (s.len > 0)
        memcpy(b->text + b->text_len, s.at, s.len);
    b->text_len += s.len;
    return kept;
}

/**
 * event_leave() - append @e, its strings copied
 *
 * Return: false if the block is full; the event is then counted as dropped.
 */
bool event_leave(struct event_block *b, const struct event *e)
{
    size_t text_len = e->client_id.len + e->user_name.len + e->cert.len + e->address.len +
                      e->role.len + e->topic.len + e->text.len;
    struct event *to;

    if (b->n_events == EVENT_BLOCK_EVENTS_MAX || b->text_len + text_len > EVENT_BLOCK_TEXT_MAX) {
        b->n_dropped++;
        return false;
    }
    to = &b->events[b->n_events++];
    *to = *e;
    to->client_id = keep(b, e->client_id);
    to->user_name = keep(b, e->user_name);
    to->cert = keep(b, e->cert);
    to->address = keep(b, e->address);
    to->role = keep(b, e->role);
    to->topic = keep(b, e->topic);
    to->text = keep(b, e->text);
    return true;
}
