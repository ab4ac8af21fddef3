/* SPDX-License-Identifier: Apache-2.0 */
/*
 * respond/measure_store.c - measures outlive a restart, but not their expiry
 *
 * Each is a setting of the control store, "measure WHAT ...", with the object that the
 * API shows.  One that is not understood is said aloud and left there.
 */
#include <stdlib.h>

#include <jansson.h>

#include "base/log.h"
#include "base/mem.h"
#include "respond/private.h"

#define PREFIX "measure "

/** respond_measure_json() - as in the file and in the API; a new reference */
json_t *respond_measure_json(const struct respond_measure *m)
{
    json_t *o = json_object();

    json_object_set_new(o, "what", json_string(action_kind_text(m->kind)));
    json_object_set_new(o, "target_kind", json_string(respond_target_text(m->target_kind)));
    json_object_set_new(o, "target", json_text(m->target));
    if (m->address != NULL)
        json_object_set_new(o, "address", json_text(m->address));
    if (m->directions != 0)
        json_object_set_new(o, "directions", json_integer(m->directions));
    if (m->amount != 0)
        json_object_set_new(o, "amount", json_integer((json_int_t)m->amount));
    json_object_set_new(o, "created_unix_ms", json_integer((json_int_t)m->created_unix_ms));
    json_object_set_new(o, "expires_unix_ms", json_integer((json_int_t)m->expires_unix_ms));
    json_object_set_new(o, "reason", json_text(m->reason));
    json_object_set_new(o, "author", json_text(m->author));
    if (m->incident != NULL)
        json_object_set_new(o, "incident", json_text(m->incident));
    if (m->undo_by != NULL)
        json_object_set_new(o, "undo_by", json_text(m->undo_by));
    return o;
}

/* Borrows its texts from @o. */
static bool parse(json_t *o, struct respond_measure *ret)
{
    const char *what = NULL;
    const char *target_kind = NULL;
    json_int_t directions = 0;
    json_int_t amount = 0;
    json_int_t created = 0;
    json_int_t expires = 0;

    *ret = (struct respond_measure){0};
    if (json_unpack(o, "{s:s, s:s, s:s, s?s, s?I, s?I, s:I, s:I, s:s, s:s, s?s, s?s}", "what",
                    &what, "target_kind", &target_kind, "target", &ret->target, "address",
                    &ret->address, "directions", &directions, "amount", &amount, "created_unix_ms",
                    &created, "expires_unix_ms", &expires, "reason", &ret->reason, "author",
                    &ret->author, "incident", &ret->incident, "undo_by", &ret->undo_by) != 0)
        return false;
    if (!action_kind_parse(what, &ret->kind) || !measure_is_kept(ret->kind) ||
        !respond_target_parse(target_kind, &ret->target_kind) || directions < 0 ||
        directions > (RESPOND_PUBLISH | RESPOND_DELIVER) || amount < 0 || created < 0 ||
        expires < 0 || (ret->kind == ACTION_POSTURE && amount >= POSTURE_N))
        return false;
    ret->directions = (unsigned)directions;
    ret->amount = (uint64_t)amount;
    ret->created_unix_ms = (uint64_t)created;
    ret->expires_unix_ms = (uint64_t)expires;
    return true;
}

static const char *or_none(const char *text)
{
    return text != NULL ? text : "-";
}

static void add_key(const struct respond_measure *m, struct buf *ret)
{
    buf_addf(ret, PREFIX "%s %s %s %s %s %u %llu", action_kind_text(m->kind),
             respond_target_text(m->target_kind), m->target, or_none(m->address),
             or_none(m->incident), m->directions, (unsigned long long)m->amount);
    buf_add_u8(ret, '\0');
}

/** measure_keep() - put @m into the store, or take it out */
void measure_keep(struct measure_list *l, const struct respond_measure *m, bool is_in_force)
{
    struct buf key CLEANUP(buf_done) = {0};
    json_t *o;
    char *text;

    if (l->control == NULL || !measure_is_kept(m->kind))
        return;
    add_key(m, &key);
    if (!is_in_force) {
        control_delete(l->control, CONTROL_SETTING, (const char *)key.at);
        return;
    }
    o = respond_measure_json(m);
    text = json_dumps(o, JSON_COMPACT | JSON_PRESERVE_ORDER);
    control_put(l->control, CONTROL_SETTING, (const char *)key.at, m->created_unix_ms, text);
    free(text);
    json_decref(o);
}

struct loading {
    struct measure_list *list;
    struct control *control;
    uint64_t now_unix_ms;
};

/* Under another key it was kept by a program of before. */
static void take(struct loading *load, const char *key, const char *doc,
                 const struct respond_measure *m)
{
    struct buf now CLEANUP(buf_done) = {0};

    measures_add(load->list, m);
    add_key(m, &now);
    if (strcmp((const char *)now.at, key) == 0)
        return;
    control_delete(load->control, CONTROL_SETTING, key);
    control_put(load->control, CONTROL_SETTING, (const char *)now.at, m->created_unix_ms, doc);
}

static void load_one(void *arg, const char *key, uint64_t at_unix_ms, const char *doc)
{
    struct loading *load = arg;
    struct respond_measure m;
    json_t *o;

    (void)at_unix_ms;
    if (strncmp(key, PREFIX, strlen(PREFIX)) != 0)
        return;
    o = json_loads(doc, 0, NULL);
    if (o == NULL || !parse(o, &m))
        log_error("respond", "%s: is not understood, and not in force: take it again", key);
    else if (m.expires_unix_ms == 0 || m.expires_unix_ms > load->now_unix_ms)
        take(load, key, doc, &m);
    else
        control_delete(load->control, CONTROL_SETTING, key);
    json_decref(o);
}

/** measures_load() - those of an earlier run that are still to be in force
 */
void measures_load(struct measure_list *l, struct control *control, uint64_t now_unix_ms)
{
    struct loading load = {.list = l, .control = control, .now_unix_ms = now_unix_ms};
    char *error = NULL;

    if (!control_each(control, CONTROL_SETTING, 0, load_one, &load, &error))
        log_error("respond", "%s", error);
    free(error);
    l->control = control;
}
