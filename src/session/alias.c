/* SPDX-License-Identifier: Apache-2.0 */
/*
 * session/alias.c - Topic Aliases to the client; they last as long as the network connection
 *
 * A topic has its place in a small table by its hash, and the place goes to the topic
 * that is used most: each use of another one takes away from it.  A topic that
 * comes once costs nothing; the second time it is sent with its alias, from then on the
 * alias stands for it.  There is no table before a message goes to a client that takes
 * aliases.
 */
#include <stdlib.h>

#include "base/err.h"
#include "base/mem.h"
#include "session/session_private.h"

#define ALIAS_BYTES 3  /* of the property: shorter topics are not worth it */
#define SCORE_MAX   64 /* so that a topic which is not used any more gives way */

struct sent_alias {
    uint64_t topic_hash;
    uint32_t score;
    bool is_set; /* the client knows it */
};

/* The alias of a topic, from 1 to the client's maximum [MQTT5-3.1.2-26] [MQTT5-3.3.2-11]. */
static uint16_t alias_of(const struct conn *c, uint64_t topic_hash)
{
    return (uint16_t)(((topic_hash >> 32) * c->sent_alias_max >> 32) + 1);
}

/**
 * alias_shorten() - put an alias beside the topic of @d, or in its place
 * @c:           takes aliases [MQTT5-3.1.2-27]
 * @d:           is sent now, with ALIAS_BYTES more at the most
 * @topic_hash:  hash_keyed() of the topic, by which it is known; 0: not known, no alias then
 */
void alias_shorten(struct conn *c, struct wire_delivery *d, uint64_t topic_hash)
{
    struct sent_alias *a;
    uint16_t alias;

    if (topic_hash == 0 || d->topic.len <= ALIAS_BYTES)
        return;
    if (c->sent_aliases == NULL)
        c->sent_aliases = mem_zero(c->sent_alias_max * sizeof(*c->sent_aliases));
    alias = alias_of(c, topic_hash);
    a = &c->sent_aliases[alias - 1];
    if (a->topic_hash != topic_hash && a->score > 0) {
        a->score--;
    } else if (a->topic_hash != topic_hash) {
        *a = (struct sent_alias){.topic_hash = topic_hash, .score = 1};
    } else {
        a->score = MIN(a->score + 1, (uint32_t)SCORE_MAX);
        d->topic_alias = alias;
        if (a->is_set)
            d->topic = BYTES_NONE;
        a->is_set = true;
    }
}
