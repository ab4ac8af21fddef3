/* SPDX-License-Identifier: Apache-2.0 */
/*
 * respond/bans_store.c - bans in the control store, so that they outlive a restart
 *
 * {"kind", "subject", "address", "created_unix_ms", "expires_unix_ms", "reason",
 *  "author", "incident"}
 *
 * bans.json, {"version": 1, "bans": [...]}, in which an older version kept them, is taken over once
 * and then removed.  What is not understood of it is moved aside and said aloud: a ban that
 * vanishes in silence is an open door.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <jansson.h>

#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"
#include "crypto/crypto.h"
#include "respond/private.h"

#define OLD_NAME      "bans.json"
#define OLD_VERSION   1
#define OLD_BYTES_MAX (256U << 20)

/** respond_ban_json() - as in the store and in the API; a new reference */
json_t *respond_ban_json(const struct respond_ban *b)
{
    json_t *o = json_object();

    json_object_set_new(o, "kind", json_string(respond_ban_kind_text(b->kind)));
    json_object_set_new(o, "subject", json_text(b->subject));
    if (b->address != NULL)
        json_object_set_new(o, "address", json_text(b->address));
    json_object_set_new(o, "created_unix_ms", json_integer((json_int_t)b->created_unix_ms));
    json_object_set_new(o, "expires_unix_ms", json_integer((json_int_t)b->expires_unix_ms));
    json_object_set_new(o, "reason", json_text(b->reason));
    json_object_set_new(o, "author", json_text(b->author));
    if (b->incident != NULL)
        json_object_set_new(o, "incident", json_text(b->incident));
    return o;
}

/* Borrows its texts from @o. */
static bool ban_parse(json_t *o, struct respond_ban *ret)
{
    const char *kind = NULL;
    json_int_t created = 0;
    json_int_t expires = 0;

    *ret = (struct respond_ban){0};
    if (json_unpack(o, "{s:s, s:s, s?s, s:I, s:I, s:s, s:s, s?s}", "kind", &kind, "subject",
                    &ret->subject, "address", &ret->address, "created_unix_ms", &created,
                    "expires_unix_ms", &expires, "reason", &ret->reason, "author", &ret->author,
                    "incident", &ret->incident) != 0)
        return false;
    if (created < 0 || expires < 0 || !respond_ban_kind_parse(kind, &ret->kind))
        return false;
    ret->created_unix_ms = (uint64_t)created;
    ret->expires_unix_ms = (uint64_t)expires;
    return ban_is_sound(ret);
}

/** ban_keep() - as it is in the list, so in the store */
void ban_keep(struct ban_list *l, const struct ban_entry *e)
{
    json_t *o;
    char *text;

    if (l->control == NULL)
        return;
    o = respond_ban_json(&e->ban);
    text = json_dumps(o, JSON_COMPACT);
    json_decref(o);
    check(text != NULL);
    control_put(l->control, CONTROL_BAN, e->key, e->ban.created_unix_ms, text);
    free(text);
}

/** ban_unkeep() - what is kept under this key is over */
void ban_unkeep(struct ban_list *l, const char *key)
{
    if (l->control != NULL)
        control_delete(l->control, CONTROL_BAN, key);
}

/* ---- at the start ---- */

struct loading {
    struct ban_list *into;
    struct control *from; /* NULL: from a file */
    size_t n_bad;
};

/* Return: the entry, or NULL when it is not understood or there are too many. */
static struct ban_entry *take(struct loading *l, json_t *o)
{
    struct respond_ban b;

    if (ban_parse(o, &b) && l->into->by_key.n < RESPOND_BANS_MAX)
        return bans_put(l->into, &b);
    l->n_bad++;
    return NULL;
}

/* A program of before kept it under a key without the incident. */
static void take_row(void *arg, const char *key, uint64_t at_unix_ms, const char *doc)
{
    struct loading *l = arg;
    json_t *o = json_loads(doc, 0, NULL);
    const struct ban_entry *e = take(l, o);

    if (e != NULL && strcmp(e->key, key) != 0) {
        control_delete(l->from, CONTROL_BAN, key);
        control_put(l->from, CONTROL_BAN, e->key, at_unix_ms, doc);
    }
    json_decref(o);
}

/** bans_read_back() - what is in the store, into @ret, which is not kept itself */
void bans_read_back(struct control *from, struct ban_list *ret)
{
    struct loading l = {.into = ret, .from = from};
    char *error = NULL;

    check(ret->control == NULL);
    if (!control_each(from, CONTROL_BAN, 0, take_row, &l, &error))
        log_error("respond", "%s; the bans in it are not in force", error);
    if (l.n_bad > 0)
        log_error("respond", "%zu bans of the store are not understood, and not in force", l.n_bad);
    free(error);
}

/* ---- bans.json ---- */

static void move_aside(const char *path, const char *why, uint64_t now_unix_ms)
{
    struct buf aside = {0};

    buf_addf(&aside, "%s.corrupt-%llu", path, (unsigned long long)now_unix_ms);
    buf_add_u8(&aside, '\0');
    if (rename(path, (char *)aside.at) == 0)
        log_warning("respond", "%s: %s; moved to %s: look into it and ban again what is missing",
                    path, why, (char *)aside.at);
    else
        log_error("respond", "%s: %s, and it cannot be moved aside: %s", path, why,
                  strerror(errno));
    buf_done(&aside);
}

/* @why: what is wrong with it; left empty when nothing is */
static void parse_old(struct ban_list *l, struct bytes text, struct buf *why)
{
    struct loading loading = {.into = l};
    json_error_t error;
    json_t *root = json_loadb((const char *)text.at, text.len, JSON_REJECT_DUPLICATES, &error);
    json_t *bans = NULL;
    json_t *o;
    int version = 0;
    size_t i;

    if (root == NULL)
        buf_addf(why, "line %d: %s", error.line, error.text);
    else if (json_unpack(root, "{s:i, s:o}", "version", &version, "bans", &bans) != 0 ||
             !json_is_array(bans))
        buf_addf(why, "not a list of bans");
    else if (version != OLD_VERSION)
        buf_addf(why, "version %d, %d is understood", version, OLD_VERSION);
    if (why->len > 0)
        bans = NULL;
    json_array_foreach(bans, i, o)
    {
        (void)take(&loading, o);
    }
    if (loading.n_bad > 0)
        buf_addf(why, "%zu of %zu bans are not understood", loading.n_bad, json_array_size(bans));
    json_decref(root);
}

/* Removed when it is in the store, or moved aside. */
static void end_old(const struct ban_list *l, const char *path, struct buf *why,
                    uint64_t now_unix_ms)
{
    if (why->len > 0) {
        buf_add_u8(why, '\0');
        move_aside(path, (const char *)why->at, now_unix_ms);
    } else if (control_flush(l->control) && unlink(path) == 0) {
        log_warning("respond",
                    "%s: %zu bans were taken into the control store; the file is removed", path,
                    l->by_key.n);
    } else {
        log_error("respond", "%s: its bans are in force, but the file stays until they are stored",
                  path);
    }
}

static void take_old(struct ban_list *l, const char *state_dir, uint64_t now_unix_ms)
{
    CLEANUP(buf_done) struct buf path = {0};
    CLEANUP(buf_done) struct buf text = {0};
    CLEANUP(buf_done) struct buf why = {0};
    char *error = NULL;

    buf_addf(&path, "%s/" OLD_NAME, state_dir);
    buf_add_u8(&path, '\0');
    if (access((char *)path.at, F_OK) < 0 && errno == ENOENT)
        return;
    if (file_read((char *)path.at, OLD_BYTES_MAX, &text, &error))
        parse_old(l, buf_view(&text), &why);
    else
        buf_addf(&why, "%s", error);
    end_old(l, (char *)path.at, &why, now_unix_ms);
    free(error);
}

/**
 * bans_load() - the bans of an earlier run that are still in force
 * @control:    NULL: none, and none are kept
 * @state_dir:  where an older version may have left bans.json; NULL: nowhere
 */
void bans_load(struct ban_list *l, struct control *control, const char *state_dir,
               uint64_t now_unix_ms)
{
    if (control == NULL)
        return;
    bans_read_back(control, l);
    l->control = control; /* what changes from here on is kept */
    if (state_dir != NULL)
        take_old(l, state_dir, now_unix_ms);
    list_each (it, &l->all) {
        struct ban_entry *e = list_item(it, struct ban_entry, link);

        if (e->ban.expires_unix_ms != 0 && e->ban.expires_unix_ms <= now_unix_ms)
            bans_drop(l, e);
    }
}
