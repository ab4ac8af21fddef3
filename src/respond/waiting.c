/* SPDX-License-Identifier: Apache-2.0 */
/*
 * respond/waiting.c - orders that wait for a second person
 *
 * In memory alone: a restart gives them up.
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/log.h"
#include "base/mem.h"
#include "respond/private.h"

struct waiting_entry {
    struct respond_waiting face;
    struct list link;
};

static void drop(struct waiting_list *l, struct waiting_entry *e)
{
    list_remove(&e->link);
    l->n--;
    action_done(&e->face.action);
    free(e);
}

/** waiting_done() - forget them all */
void waiting_done(struct waiting_list *l)
{
    list_each (it, &l->all)
        drop(l, list_item(it, struct waiting_entry, link));
}

static struct waiting_entry *find(struct waiting_list *l, const char *id)
{
    list_each (it, &l->all) {
        struct waiting_entry *e = list_item(it, struct waiting_entry, link);

        if (strcmp(e->face.id, id) == 0)
            return e;
    }
    return NULL;
}

/* What was ordered, off the list; for respond_waiting_done(). */
static struct respond_waiting take(struct waiting_list *l, struct waiting_entry *e)
{
    struct respond_waiting w = e->face;

    e->face.action = (struct action){0};
    drop(l, e);
    return w;
}

/* An id that an earlier run gave must not be another order's. */
static void next_id(struct waiting_list *l, struct respond_now now,
                    char ret[RESPOND_ORDER_ID_BYTES])
{
    l->last_id = MAX(now.unix_ms, l->last_id + 1);
    snprintf(ret, RESPOND_ORDER_ID_BYTES, "O-%llx", (unsigned long long)l->last_id);
}

/** respond_order_hold() - see order.h */
enum respond_answer respond_order_hold(struct respond *r, const struct respond_order *o,
                                       const char *author, unsigned n_hit, struct respond_now now,
                                       char ret_id[RESPOND_ORDER_ID_BYTES])
{
    struct action a = order_action(o, author, now);
    struct waiting_entry *e;

    if (!action_is_sound(&a) || r->waiting.n == RESPOND_WAITING_MAX) {
        bool is_sound = action_is_sound(&a);

        action_done(&a);
        return is_sound ? RESPOND_E_LIMIT : RESPOND_E_INVALID;
    }
    e = mem_new(struct waiting_entry);
    a.state = ACTION_HELD;
    a.expires_unix_ms = now.unix_ms + respond_scaled_ms(r, RESPOND_HELD_S);
    e->face.action = a;
    e->face.n_hit = n_hit;
    next_id(&r->waiting, now, e->face.id);
    list_init(&e->link);
    list_append(&r->waiting.all, &e->link);
    r->waiting.n++;
    r->counters.held++;
    snprintf(ret_id, RESPOND_ORDER_ID_BYTES, "%s", e->face.id);
    log_warning("respond", "%s: %s of %s %s by %s waits for a second person", e->face.id,
                action_kind_text(a.kind), respond_target_text(a.target_kind), a.target, author);
    return RESPOND_OK;
}

static void name_second(struct action *a, const char *author)
{
    struct buf text = {0};

    buf_addf(&text, "%s; approved by %s", a->reason, author);
    free(a->reason);
    a->reason = bytes_dup_str(buf_view(&text));
    buf_done(&text);
}

/** respond_order_approve() - see order.h */
enum respond_answer respond_order_approve(struct respond *r, const char *id, const char *author,
                                          struct respond_now now, struct respond_waiting *ret,
                                          char **ret_why)
{
    struct waiting_entry *e = find(&r->waiting, id);

    *ret = (struct respond_waiting){0};
    if (e == NULL)
        return RESPOND_E_NOT_FOUND;
    if (strcmp(e->face.action.author, author) == 0)
        return RESPOND_E_CONFLICT;
    *ret = take(&r->waiting, e);
    name_second(&ret->action, author);
    return order_perform(r, &ret->action, now, ret_why);
}

/** respond_order_withdraw() - see order.h */
enum respond_answer respond_order_withdraw(struct respond *r, const char *id, const char *author,
                                           struct respond_waiting *ret)
{
    struct waiting_entry *e = find(&r->waiting, id);

    *ret = (struct respond_waiting){0};
    if (e == NULL)
        return RESPOND_E_NOT_FOUND;
    *ret = take(&r->waiting, e);
    log_info("respond", "%s: withdrawn by %s", id, author);
    return RESPOND_OK;
}

/** waiting_expire() - give up those that nobody approved in time */
void waiting_expire(struct respond *r, struct respond_now now)
{
    list_each (it, &r->waiting.all) {
        struct waiting_entry *e = list_item(it, struct waiting_entry, link);

        if (e->face.action.expires_unix_ms > now.unix_ms)
            continue;
        log_warning("respond", "%s: given up: no second person approved it", e->face.id);
        act_audit(r, &e->face.action, e->face.action.author,
                  "given up: no second person approved it in time", now);
        drop(&r->waiting, e);
    }
}

/** respond_waiting_each() - see order.h */
void respond_waiting_each(const struct respond *r, respond_waiting_fn *fn, void *arg)
{
    list_each (it, (struct list *)(uintptr_t)&r->waiting.all)
        fn(arg, &list_item(it, struct waiting_entry, link)->face);
}

/** respond_waiting_done() - free what @w holds */
void respond_waiting_done(struct respond_waiting *w)
{
    action_done(&w->action);
}
