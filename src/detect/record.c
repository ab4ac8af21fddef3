/* SPDX-License-Identifier: Apache-2.0 */
/* detect/record.c - see record.h */
#include "detect/record.h"

#include <stdlib.h>

#include "base/err.h"
#include "base/mem.h"

#define GUILT_HALF_LIFE_NS 600000000000ULL
#define SECOND_NS          1000000000ULL
#define STANDING_GUILT     1000.0
#define LEARNED_GUILT      0.1 /* what was learned is worth keeping, but less than what is going on */

/* ---- packs ---- */

/* Of all slots with numbers below @end. */
static size_t bytes_below(const struct pack *p, const struct pack_layout *l, size_t end)
{
    uint64_t below = end < PACK_SLOTS_MAX ? p->has & (BIT64(end) - 1) : p->has;
    size_t n = 0;

    for (; below != 0; below &= below - 1)
        n += l->bytes[__builtin_ctzll(below)];
    return n;
}

/** pack_bytes() - how long all slots are together */
size_t pack_bytes(const struct pack *p, const struct pack_layout *l)
{
    return bytes_below(p, l, PACK_SLOTS_MAX);
}

/** pack_find() - Return: the slot, or NULL while it was not taken; until the next pack_take(). */
void *pack_find(const struct pack *p, const struct pack_layout *l, size_t number)
{
    return p->has & BIT64(number) ? p->at + bytes_below(p, l, number) : NULL;
}

/** pack_take() - the slot, zero when it is taken for the first time; other slots may move */
void *pack_take(struct pack *p, const struct pack_layout *l, size_t number)
{
    size_t at = bytes_below(p, l, number);
    size_t all = pack_bytes(p, l);
    size_t more = l->bytes[number];

    check(number < PACK_SLOTS_MAX && more > 0);
    if (!(p->has & BIT64(number))) {
        p->at = mem_resize(p->at, all + more);
        memmove(p->at + at + more, p->at + at, all - at);
        memset(p->at + at, 0, more);
        p->has |= BIT64(number);
    }
    return p->at + at;
}

/** pack_done() - no slot is taken any more */
void pack_done(struct pack *p)
{
    free(p->at);
    *p = (struct pack){0};
}

/* ---- records ---- */

/** record_new() - nothing is known yet; owned, with @name copied into it */
struct record *record_new(enum subject_kind kind, uint64_t key, struct bytes name)
{
    struct record *r = mem_zero(sizeof(*r) + name.len + 1);

    r->kind = kind;
    r->key = key;
    memcpy(r->name, name.at, name.len);
    return r;
}

/** record_gone() - free what a record owns; it is about to be forgotten */
void record_gone(void *record)
{
    struct record *r = record;

    wheel_clear(&r->timer);
    pack_done(&r->slots);
    pack_done(&r->learned);
}

/** record_guilt() - Return: whether it is worth keeping when there is no room; the larger, the
 * more. */
double record_guilt(const void *record, uint64_t now_ns)
{
    const struct record *r = record;
    struct decay worst = {.level = (double)r->guilt, .at_ns = r->guilt_s * SECOND_NS};

    return STANDING_GUILT * r->n_standing + decay_level(&worst, GUILT_HALF_LIFE_NS, now_ns) +
           (r->learned.has != 0 ? LEARNED_GUILT : 0);
}

/* ---- what a client is used to ---- */

/** knowledge_of() - what the client is used to; nothing yet is a valid answer */
const struct knowledge *knowledge_of(const struct record *r)
{
    static const struct knowledge nothing;

    return r->learned.has & BIT64(LEARNED_KNOWLEDGE) ? (const void *)r->learned.at : &nothing;
}

/* NULL: they are few. */
static struct bloom *many_topics(const struct record *r)
{
    return r->learned.has & BIT64(LEARNED_TOPICS)
               ? (void *)(r->learned.at + sizeof(struct knowledge))
               : NULL;
}

/** knows_topic() - is the client used to it?  Of many topics, seldom one that it is not. */
bool knows_topic(const struct record *r, uint64_t topic)
{
    const struct knowledge *k = knowledge_of(r);
    const struct bloom *many = many_topics(r);

    if (many != NULL)
        return bloom_has(many, topic);
    for (unsigned i = 0; i < k->n_few; i++) {
        if (k->few[i] == topic)
            return true;
    }
    return false;
}

/** topics_known() - how many topics the client is used to; of many about so many */
double topics_known(const struct record *r)
{
    const struct bloom *many = many_topics(r);

    return many != NULL ? bloom_estimate(many) : knowledge_of(r)->n_few;
}

/** learn_topic() - the client is used to it from now on; @l is the layout of .learned */
void learn_topic(struct record *r, const struct pack_layout *l, uint64_t topic)
{
    struct knowledge *k = pack_take(&r->learned, l, LEARNED_KNOWLEDGE);
    struct bloom *many = many_topics(r);

    if (knows_topic(r, topic))
        return;
    if (many == NULL && k->n_few < TOPICS_FEW) {
        k->few[k->n_few++] = topic;
        return;
    }
    if (many == NULL) {
        many = pack_take(&r->learned, l, LEARNED_TOPICS);
        k = pack_take(&r->learned, l, LEARNED_KNOWLEDGE);
        for (unsigned i = 0; i < k->n_few; i++)
            bloom_add(many, k->few[i]);
    }
    bloom_add(many, topic);
}
