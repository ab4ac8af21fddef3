/* SPDX-License-Identifier: Apache-2.0 */
/* wire/alias.c - the topics that a peer's Topic Aliases stand for */
#include <stdlib.h>

#include "base/mem.h"
#include "wire/fault.h"

static enum wire_outcome refuse(const char *what)
{
    fault_last = (struct fault){WIRE_E_TOPIC_ALIAS, what, "Topic Alias", false};
    return WIRE_E_TOPIC_ALIAS;
}

/**
 * wire_aliases_resolve() - give @p the topic that its Topic Alias stands for, or remember it
 * @a:  of the network connection that @p came over [MQTT5-3.3.2-8]
 * @p:  as decoded; its topic is borrowed from @a until the alias is set again
 *
 * Every alias from 1 to the maximum is taken [MQTT5-3.3.2-10] [MQTT5-3.3.2-12].
 *
 * Return: WIRE_OK; WIRE_E_TOPIC_ALIAS, it is too high or stands for nothing [MQTT5-3.3.2-9].
 */
enum wire_outcome wire_aliases_resolve(struct wire_aliases *a, struct wire_publish *p)
{
    struct bytes *alias;

    if (p->topic_alias == 0)
        return WIRE_OK;
    if (p->topic_alias > a->max)
        return refuse("is above Topic Alias Maximum");
    if (a->topics == NULL)
        a->topics = mem_zero(a->max * sizeof(*a->topics));
    alias = &a->topics[p->topic_alias - 1];
    if (p->topic.len > 0) {
        bytes_free(*alias);
        *alias = bytes_dup(p->topic);
    } else {
        p->topic = *alias;
    }
    return p->topic.len > 0 ? WIRE_OK : refuse("stands for no topic");
}

/** wire_aliases_done() - with the network connection [MQTT5-3.3.2-7]; @a takes none then */
void wire_aliases_done(struct wire_aliases *a)
{
    for (size_t i = 0; a->topics != NULL && i < a->max; i++)
        bytes_free(a->topics[i]);
    free(a->topics);
    *a = (struct wire_aliases){0};
}
