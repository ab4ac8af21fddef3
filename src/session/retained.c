/* SPDX-License-Identifier: Apache-2.0 */
/*
 * session/retained.c - what a new subscription found, sent at the client's pace
 *
 * The found messages stay references until there is room to send them, so a
 * subscription that finds a million neither fills the queue nor is cut short by it.
 */
#include <stdlib.h>

#include "base/mem.h"
#include "session/session_private.h"

/** retained_batch_drop() - forget the first batch */
void retained_batch_drop(struct session *s)
{
    struct retained_batch *b = s->retained;

    s->retained = b->next;
    for (size_t i = b->at; i < b->n; i++)
        message_unref(b->messages[i]);
    free(b->messages);
    free(b);
}

/**
 * session_offer_retained() - @sub found these; they are sent after what waits already
 * @messages:  array and references taken over; n may be 0
 *
 * They are sent with the RETAIN flag [MQTT3-3.3.1-8].
 */
void session_offer_retained(struct session *s, const struct subscription *sub,
                            struct message **messages, size_t n)
{
    struct retained_batch **end = &s->retained;
    struct retained_batch *b;

    if (n == 0) {
        free(messages);
        return;
    }
    b = mem_new(struct retained_batch);
    b->messages = messages;
    b->n = n;
    b->subscription_id = sub->id;
    b->qos = sub->qos;
    while (*end != NULL)
        end = &(*end)->next;
    *end = b;
}

/** retained_batch_take() - the next one that has not expired; Return: false if there is none. */
bool retained_batch_take(struct session *s, uint64_t now_ns, struct delivery *ret)
{
    while (s->retained != NULL) {
        struct retained_batch *b = s->retained;
        struct message *m;

        if (b->at == b->n) {
            retained_batch_drop(s);
            continue;
        }
        m = b->messages[b->at++];
        if (m->expires_ns <= now_ns) {
            message_unref(m);
            continue;
        }
        *ret = (struct delivery){
            .message = m,
            .qos = MIN(m->qos, b->qos),
            .retain = true,
            .subids = {b->subscription_id},
            .n_subids = b->subscription_id != 0,
        };
        return true;
    }
    return false;
}
