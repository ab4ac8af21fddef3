/* SPDX-License-Identifier: Apache-2.0 */
/* respond/protected.c - names of critical clients, learned, that no automatic action touches */
#include <stdlib.h>

#include "base/log.h"
#include "base/mem.h"
#include "respond/private.h"

struct protected_name {
    struct bytes name; /* owned */
    struct list link;
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

/* "client:m-1" */
static void make_key(const struct protected_set *p, struct bytes name, struct buf *ret)
{
    buf_addf(ret, "%s:%.*s", subject_kind_text(p->kind), BYTES_ARG(name));
    buf_add_u8(ret, 0);
}

static void keep(const struct protected_set *p, struct bytes name, bool stays)
{
    CLEANUP(buf_done) struct buf key = {0};

    if (p->control == NULL)
        return;
    make_key(p, name, &key);
    if (stays)
        control_put(p->control, CONTROL_GUARDED, (char *)key.at, 0, "{}");
    else
        control_delete(p->control, CONTROL_GUARDED, (char *)key.at);
}

static void forget(struct protected_set *p, struct protected_name *n)
{
    keep(p, n->name, false);
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

static struct protected_name *name_new(struct protected_set *p, struct bytes name)
{
    struct protected_name *n = mem_new(struct protected_name);

    n->name = bytes_dup(name);
    list_init(&n->link);
    map_put(&p->by_name, n);
    keep(p, name, true);
    return n;
}

/** protected_learn() - until PROTECTED_MAX others were seen since */
void protected_learn(struct protected_set *p, struct bytes name)
{
    struct protected_name *n = map_find(&p->by_name, name);

    if (n == NULL && p->by_name.n == PROTECTED_MAX)
        forget(p, list_item(p->seen.next, struct protected_name, link));
    if (n == NULL)
        n = name_new(p, name);
    list_remove(&n->link);
    list_append(&p->seen, &n->link);
}

static void load_one(void *arg, const char *key, uint64_t at_unix_ms, const char *doc)
{
    struct protected_set *all = arg;

    (void)at_unix_ms;
    (void)doc;
    for (enum subject_kind k = 0; k < SUBJECT_KIND_N; k++) {
        size_t len = strlen(subject_kind_text(k));

        if (strncmp(key, subject_kind_text(k), len) == 0 && key[len] == ':')
            protected_learn(&all[k], bytes_str(key + len + 1));
    }
}

/**
 * protected_load() - who was learned by an earlier run
 * @all:  one set for each kind of subject
 *
 * Until a critical client has come back, its address would not be known otherwise.
 */
void protected_load(struct protected_set *all, struct control *control)
{
    char *error = NULL;

    if (!control_each(control, CONTROL_GUARDED, PROTECTED_MAX, load_one, all, &error))
        log_error("respond", "%s", error);
    free(error);
    for (enum subject_kind k = 0; k < SUBJECT_KIND_N; k++) {
        all[k].kind = k;
        all[k].control = control;
    }
}

/** protected_has() - Return: whether @name is in the set. */
bool protected_has(const struct protected_set *p, struct bytes name)
{
    return map_find(&p->by_name, name) != NULL;
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

    if ((e->kind != EVENT_CONNECT_ACCEPTED && e->kind != EVENT_STANDING) ||
        r->settings.role_is_critical == NULL ||
        !r->settings.role_is_critical(r->settings.role_is_critical_arg, e->role))
        return;
    for (enum subject_kind k = 0; k < SUBJECT_KIND_N; k++) {
        if (names[k].len > 0)
            protected_learn(&r->protected[k], names[k]);
    }
}
