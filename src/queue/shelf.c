/* SPDX-License-Identifier: Apache-2.0 */
/*
 * queue/shelf.c - see shelf.h
 *
 *   flags u8 | [worker u8] difference of counts | [worker u8] difference of counts | bytes
 *            | [difference of expires_s] | [n] subids
 *
 * Numbers are variable-length, seven bits a byte, the low ones first; differences have their sign
 * in the lowest bit.  Each chunk begins anew, with differences to 0.
 */
#include "queue/shelf.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/mem.h"
#include "queue/queue.h"

#define CHUNK_BYTES_MIN 256 /* with its head */
#define CHUNK_BYTES_MAX 4096
#define SHELVED_MAX     64 /* more than any takes without its subscription identifiers */
#define SUBID_MAX       5

/* Flags. */
#define KIND           7U /* QoS and RETAIN: kind_of() */
#define ASIDE          0U
#define SUBIDS_SHIFT   3  /* two bits: how many */
#define SUBIDS_MANY    3U /* how many follows */
#define EXPIRES        BIT(5)
#define OTHER_WORKER   BIT(6) /* the delivery's id is from another one than that before */
#define OTHER_WORKER_M BIT(7) /* the message's */

struct shelf_chunk {
    struct shelf_chunk *next;
    uint32_t len;
    uint32_t cap;
    uint8_t data[];
};

/* ---- numbers ---- */

static uint8_t *put_number(uint8_t *to, uint64_t n)
{
    for (; n >= 128; n >>= 7)
        *to++ = (uint8_t)(n | 128);
    *to++ = (uint8_t)n;
    return to;
}

static uint64_t get_number(const uint8_t **from)
{
    uint64_t n = 0;
    unsigned shift = 0;

    for (; **from >= 128; (*from)++, shift += 7)
        n |= (uint64_t)(**from & 127) << shift;
    return n | (uint64_t) * (*from)++ << shift;
}

static uint8_t worker_of(uint64_t id)
{
    return (uint8_t)id;
}

static uint8_t *put_difference(uint8_t *to, uint64_t before, uint64_t n)
{
    uint64_t difference = n - before;

    return put_number(to, difference << 1 ^ (0 - (difference >> 63)));
}

static uint64_t get_difference(const uint8_t **from, uint64_t before)
{
    uint64_t n = get_number(from);

    return before + (n >> 1 ^ (0 - (n & 1)));
}

static uint8_t *put_id(uint8_t *to, uint64_t before, uint64_t id)
{
    if (worker_of(id) != worker_of(before))
        *to++ = worker_of(id);
    return put_difference(to, before >> 8, id >> 8);
}

static uint64_t get_id(const uint8_t **from, uint64_t before, bool is_other)
{
    uint8_t worker = is_other ? *(*from)++ : worker_of(before);

    return get_difference(from, before >> 8) << 8 | worker;
}

/** shelf_expiry() - see shelf.h */
uint32_t shelf_expiry(uint64_t expires_ns)
{
    uint64_t s = expires_ns / NS_PER_S + (expires_ns % NS_PER_S > 0);

    return s > UINT32_MAX ? 0 : (uint32_t)MAX(s, (uint64_t)1);
}

/** shelved_expires_ns() - see shelf.h */
uint64_t shelved_expires_ns(const struct shelved *d)
{
    return d->expires_s != 0 ? d->expires_s * NS_PER_S : EXPIRES_NEVER;
}

/* ---- chunks ---- */

static struct shelf_chunk *resize(struct shelf_chunk *c, uint32_t bytes)
{
    uint32_t before = c != NULL ? c->cap + (uint32_t)sizeof(*c) : 0;

    memory_count((ptrdiff_t)bytes - (ptrdiff_t)before);
    c = mem_resize(c, bytes);
    c->cap = bytes - (uint32_t)sizeof(*c);
    return c;
}

static void chunk_free(struct shelf_chunk *c)
{
    memory_count(-(ptrdiff_t)(c->cap + sizeof(*c)));
    free(c);
}

static void begin_chunk(struct shelf *s, uint32_t room)
{
    uint32_t bytes = s->last == NULL ? CHUNK_BYTES_MIN : CHUNK_BYTES_MAX;
    struct shelf_chunk *c = resize(NULL, MAX(bytes, room + (uint32_t)sizeof(*c)));

    c->next = NULL;
    c->len = 0;
    if (s->last != NULL)
        s->last->next = c;
    else
        s->first = c;
    s->last = c;
    s->record = s->message = 0;
    s->expires_s = 0;
}

/* The first chunk is the only one that grows: most queues are short. */
static void make_room(struct shelf *s, uint32_t room)
{
    while (s->last == NULL || s->last->cap - s->last->len < room) {
        uint32_t bytes = s->last != NULL ? s->last->cap + (uint32_t)sizeof(*s->last) : 0;

        if (s->last == NULL || s->last != s->first || bytes >= CHUNK_BYTES_MAX)
            begin_chunk(s, room);
        else
            s->first = s->last = resize(s->last, 2 * bytes);
    }
    s->front.chunk = s->first; /* those before it have gone */
}

/* ---- the shelf ---- */

/** shelf_done() - forget all; @s is empty and usable again */
void shelf_done(struct shelf *s)
{
    while (s->first != NULL) {
        struct shelf_chunk *next = s->first->next;

        chunk_free(s->first);
        s->first = next;
    }
    *s = (struct shelf){0};
}

static unsigned kind_of(const struct shelved *d)
{
    check(d->qos == 1 || d->qos == 2);
    return d->qos + 2U * d->retain;
}

static uint8_t flags_of(const struct shelf *s, const struct shelved *d)
{
    unsigned flags;

    if (d->is_aside)
        return ASIDE;
    flags = kind_of(d) | MIN(d->n_subids, SUBIDS_MANY) << SUBIDS_SHIFT;
    if (d->expires_s != 0)
        flags |= EXPIRES;
    if (worker_of(d->record) != worker_of(s->record))
        flags |= OTHER_WORKER;
    if (worker_of(d->message) != worker_of(s->message))
        flags |= OTHER_WORKER_M;
    return (uint8_t)flags;
}

/** shelf_push() - at the end */
void shelf_push(struct shelf *s, const struct shelved *d)
{
    uint32_t n_subids = d->is_aside ? 0 : d->n_subids;
    uint8_t *to;

    make_room(s, SHELVED_MAX + SUBID_MAX * n_subids);
    to = s->last->data + s->last->len;
    *to++ = flags_of(s, d);
    s->n++;
    if (!d->is_aside) {
        to = put_id(to, s->record, d->record);
        to = put_id(to, s->message, d->message);
        to = put_number(to, d->bytes);
        if (d->expires_s != 0) {
            to = put_difference(to, s->expires_s, d->expires_s);
            s->expires_s = d->expires_s;
        }
        if (d->n_subids >= SUBIDS_MANY)
            to = put_number(to, d->n_subids);
        for (uint32_t i = 0; i < d->n_subids; i++)
            to = put_number(to, shelved_subids(d)[i]);
        s->record = d->record;
        s->message = d->message;
    }
    s->last->len = (uint32_t)(to - s->last->data);
}

/** shelved_subids() - the d->n_subids subscription identifiers, of one that was not only looked at;
 * borrowed */
const uint32_t *shelved_subids(const struct shelved *d)
{
    return d->n_subids > SHELVED_SUBIDS_INLINE ? d->more_subids : d->subids;
}

/** shelved_done() - of one that was popped */
void shelved_done(struct shelved *d)
{
    free(d->more_subids);
    d->more_subids = NULL;
}

/* @more: those that do not stand in @ret are kept, too. */
static void get_subids(const uint8_t **from, struct shelved *ret, bool more)
{
    bool is_inline = ret->n_subids <= SHELVED_SUBIDS_INLINE;
    uint32_t *to = ret->subids;

    if (!is_inline && more)
        to = ret->more_subids = mem_alloc(ret->n_subids * sizeof(*to));
    for (uint32_t i = 0; i < ret->n_subids; i++) {
        uint32_t id = (uint32_t)get_number(from);

        if (is_inline || more)
            to[i] = id;
    }
}

static bool next(struct shelf_cursor *c, struct shelved *ret, bool more_subids)
{
    const uint8_t *from;
    uint8_t flags, kind;

    if (c->chunk != NULL && c->at == c->chunk->len && c->chunk->next != NULL)
        *c = (struct shelf_cursor){.chunk = c->chunk->next};
    if (c->chunk == NULL || c->at == c->chunk->len)
        return false;
    from = c->chunk->data + c->at;
    flags = *from++;
    kind = flags & KIND;
    ret->is_aside = kind == ASIDE;
    ret->more_subids = NULL;
    if (!ret->is_aside) {
        ret->record = c->record = get_id(&from, c->record, flags & OTHER_WORKER);
        ret->message = c->message = get_id(&from, c->message, flags & OTHER_WORKER_M);
        ret->bytes = (uint32_t)get_number(&from);
        if (flags & EXPIRES)
            c->expires_s = (uint32_t)get_difference(&from, c->expires_s);
        ret->expires_s = flags & EXPIRES ? c->expires_s : 0;
        ret->qos = kind % 2 != 0 ? 1 : 2;
        ret->retain = (uint8_t)((kind - 1) / 2);
        ret->n_subids = flags >> SUBIDS_SHIFT & SUBIDS_MANY;
        if (ret->n_subids == SUBIDS_MANY)
            ret->n_subids = (uint32_t)get_number(&from);
        get_subids(&from, ret, more_subids);
    }
    c->at = (size_t)(from - c->chunk->data);
    return true;
}

/** shelf_next() - see shelf.h */
bool shelf_next(struct shelf_cursor *c, struct shelved *ret)
{
    return next(c, ret, false);
}

/** shelf_pop() - the first; Return: false if there is none. */
bool shelf_pop(struct shelf *s, struct shelved *ret)
{
    if (!next(&s->front, ret, true))
        return false;
    while (s->first != s->front.chunk) {
        struct shelf_chunk *next = s->first->next;

        chunk_free(s->first);
        s->first = next;
    }
    if (--s->n == 0)
        shelf_done(s);
    return true;
}
