/* SPDX-License-Identifier: Apache-2.0 */
/* respond/protected.c - names that no automatic action touches */
#include <stdlib.h>

#include "base/mem.h"
#include "respond/private.h"

struct protected_name {
    struct bytes name; /* owned */
    struct list link;  /* linked when learned, alone when configured */
};

static struct bytes key_of(const void *item)
{
    return ((const struct protected_name *)item)->name;
}

/** protected_init() - nobody */
void protected_init(struct protected_set *p)
{
    *p = (struct protected_set){0};
    map_init(&p->by_name, key_of);
    list_init(&p->seen);
}

static void forget(struct protected_set *p, struct protected_name *n)
{
    map_remove(&p->by_name, n->name);
    list_remove(&n->link);
    bytes_free(n->name);
    free(n);
}

/** protected_done() - forget all */
void protected_done(struct protected_set *p)
{
    size_t cursor = 0;
    struct protected_name *n;

    while ((n = map_next(&p->by_name, &cursor)) != NULL) {
        bytes_free(n->name);
        free(n);
    }
    map_done(&p->by_name);
}

static struct protected_name *name_of(struct protected_set *p, struct bytes name)
{
    struct protected_name *n = map_find(&p->by_name, name);

    if (n != NULL)
        return n;
    n = mem_new(struct protected_name);
    n->name = bytes_dup(name);
    list_init(&n->link);
    map_put(&p->by_name, n);
    return n;
}

/** protected_add() - for good */
void protected_add(struct protected_set *p, struct bytes name)
{
    struct protected_name *n = name_of(p, name);

    if (!list_is_linked(&n->link))
        return;
    list_remove(&n->link);
    p->n_learned--;
}

/** protected_learn() - until PROTECTED_MAX others were seen since */
void protected_learn(struct protected_set *p, struct bytes name)
{
    struct protected_name *n = map_find(&p->by_name, name);

    if (n != NULL && !list_is_linked(&n->link))
        return;
    if (n == NULL) {
        if (p->n_learned == PROTECTED_MAX) {
            forget(p, list_item(p->seen.next, struct protected_name, link));
            p->n_learned--;
        }
        n = name_of(p, name);
        p->n_learned++;
    }
    list_remove(&n->link);
    list_append(&p->seen, &n->link);
}

/** protected_has() - Return: whether @name is in the set. */
bool protected_has(const struct protected_set *p, struct bytes name)
{
    return map_find(&p->by_name, name) != NULL;
}

/** respond_protect_add() - see respond.h */
void respond_protect_add(struct respond *r, enum subject_kind kind, struct bytes subject)
{
    protected_add(&r->protected[kind], subject);
}

/** respond_protect_has() - Return: whether nothing is ever done to the subject automatically. */
bool respond_protect_has(const struct respond *r, enum subject_kind kind, struct bytes subject)
{
    return protected_has(&r->protected[kind], subject);
}

/**
 * respond_protect_event() - learn who is critical, and from where it comes
 *
 * Only what was authenticated teaches.  The address too: else a control master
 * that connects again and again is banned by its own address.
 */
void respond_protect_event(struct respond *r, const struct event *e)
{
    const struct bytes names[SUBJECT_KIND_N] = {
        [SUBJECT_ADDRESS] = e->address,
        [SUBJECT_CLIENT] = e->client_id,
        [SUBJECT_USER] = e->user_name,
    };

    if (e->kind != EVENT_CONNECT_ACCEPTED || r->settings.role_is_critical == NULL ||
        !r->settings.role_is_critical(r->settings.role_is_critical_arg, e->role))
        return;
    for (enum subject_kind k = 0; k < SUBJECT_KIND_N; k++) {
        if (names[k].len > 0)
            protected_learn(&r->protected[k], names[k]);
    }
}
