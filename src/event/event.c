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

static struct event_block *block_new(unsigned worker, size_t n_events, size_t text_len)
{
    struct event_block *b = mem_alloc(sizeof(*b) + n_events * sizeof(struct event) + text_len);

    *b = (struct event_block){.worker = worker, .events = (struct event *)(b + 1)};
    b->text = (uint8_t *)(b->events + n_events);
    return b;
}

/** event_block_new() - an empty block for @worker's events, as long as one may become */
struct event_block *event_block_new(unsigned worker)
{
    return block_new(worker, EVENT_BLOCK_EVENTS_MAX, EVENT_BLOCK_TEXT_MAX);
}

static void move_texts(struct event *e, const uint8_t *from, const uint8_t *to)
{
    struct bytes *const all[] = {&e->client_id, &e->user_name, &e->cert, &e->address,
                                 &e->role,      &e->topic,     &e->text};

    for (size_t i = 0; i < COUNT_OF(all); i++)
        all[i]->at = to + (all[i]->at - from);
}

/**
 * event_block_take() - what is in @b, which is empty after that
 *
 * Return: owned, no longer than need be: many may wait to be looked at.
 */
struct event_block *event_block_take(struct event_block *b)
{
    struct event_block *taken = block_new(b->worker, b->n_events, b->text_len);

    taken->n_events = b->n_events;
    taken->n_dropped = b->n_dropped;
    taken->text_len = b->text_len;
    memcpy(taken->events, b->events, b->n_events * sizeof(*b->events));
    memcpy(taken->text, b->text, b->text_len);
    for (unsigned i = 0; i < taken->n_events; i++)
        move_texts(&taken->events[i], b->text, taken->text);
    b->n_events = b->n_dropped = 0;
    b->text_len = 0;
    return taken;
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
