/* SPDX-License-Identifier: Apache-2.0 */
/* detect/alarm.c - see alarm.h */
#include "detect/alarm.h"

#include <stdlib.h>

#include "base/mem.h"

static struct bytes key_of(const void *item)
{
    return bytes_of(&((const struct alarm *)item)->id, sizeof(struct alarm_id));
}

/** alarms_init() - none stands */
void alarms_init(struct alarms *all)
{
    map_init(&all->by_id, key_of);
    list_init(&all->raised);
}

/** alarms_done() - forget them all */
void alarms_done(struct alarms *all)
{
    list_each (it, &all->raised)
        alarm_drop(all, list_item(it, struct alarm, link));
    map_done(&all->by_id);
}

/** alarm_find() - Return: the alarm that stands, or NULL. */
struct alarm *alarm_find(const struct alarms *all, const struct alarm_id *id)
{
    return map_find(&all->by_id, bytes_of(id, sizeof(*id)));
}

static void forget_names(struct alarm *a)
{
    bytes_free(a->subject);
    bytes_free(a->client_id);
    bytes_free(a->user_name);
    bytes_free(a->address);
    bytes_free(a->role);
}

static struct bytes keep_cut(struct bytes name)
{
    return bytes_dup(bytes_of(name.at, MIN(name.len, (size_t)ALARM_NAME_BYTES_MAX)));
}

/**
 * alarm_raise() - a finding was handed out, or is to be: remember what it says
 *
 * Room must have been made: see alarm_oldest().
 * Return: the alarm, new or raised again.
 */
struct alarm *alarm_raise(struct alarms *all, const struct alarm_id *id, const struct finding *f,
                          uint64_t now_ns, uint64_t pending_until_ns)
{
    struct alarm *a = alarm_find(all, id);
    struct alarm old = {0};

    if (a == NULL) {
        a = mem_new(struct alarm);
        a->id = *id;
        list_init(&a->link);
        map_put(&all->by_id, a);
    } else {
        old = *a;
        list_remove(&a->link);
    }
    list_append(&all->raised, &a->link);
    a->severity = f->severity;
    a->raised_ns = a->said_ns = now_ns;
    a->has_more = false;
    a->pending_until_ns = pending_until_ns;
    a->limit = f->limit;
    a->window_s = f->window_s;
    a->observe_only = f->observe_only;
    a->subject = bytes_dup(f->subject);
    a->client_id = keep_cut(f->client_id);
    a->user_name = keep_cut(f->user_name);
    a->address = keep_cut(f->address);
    a->role = keep_cut(f->role);
    forget_names(&old); /* not before: @f may have them from here */
    return a;
}

/** alarm_oldest() - Return: the one that must give way to a new one, or NULL while there is room.
 */
struct alarm *alarm_oldest(const struct alarms *all)
{
    return all->by_id.n < ALARMS_MAX ? NULL : list_item(all->raised.next, struct alarm, link);
}

/** alarm_refreshed() - what was counted since it was raised was said */
void alarm_refreshed(struct alarms *all, struct alarm *a, uint64_t now_ns)
{
    a->said_ns = now_ns;
    a->has_more = false;
    list_remove(&a->link);
    list_append(&all->raised, &a->link);
}

/** alarm_drop() - it no longer stands; @a is freed */
void alarm_drop(struct alarms *all, struct alarm *a)
{
    map_remove(&all->by_id, key_of(a));
    list_remove(&a->link);
    forget_names(a);
    free(a);
}
