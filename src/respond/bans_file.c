/* SPDX-License-Identifier: Apache-2.0 */
/*
 * respond/bans_file.c - bans.json, so that bans outlive a restart
 *
 * {"version": 1, "bans": [{"kind", "subject", "address", "created_unix_ms",
 *  "expires_unix_ms", "reason", "author", "incident"}]}
 *
 * Replaced as a whole, all or nothing.  A file that is not understood is moved aside
 * and said aloud: a ban that vanishes in silence is an open door.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <jansson.h>

#include "base/log.h"
#include "base/mem.h"
#include "crypto/crypto.h"
#include "respond/private.h"

#define FILE_NAME      "bans.json"
#define FILE_MODE      0600
#define FILE_VERSION   1
#define FILE_BYTES_MAX (256U << 20)

static json_t *ban_json(const struct respond_ban *b)
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

/* Return: how many of the bans could not be understood. */
static size_t take_all(struct ban_list *l, json_t *bans, uint64_t now_unix_ms)
{
    size_t bad = 0;
    size_t i;
    json_t *o;

    json_array_foreach(bans, i, o)
    {
        struct respond_ban b;

        if (!ban_parse(o, &b) || l->by_key.n >= RESPOND_BANS_MAX)
            bad++;
        else if (b.expires_unix_ms == 0 || b.expires_unix_ms > now_unix_ms)
            bans_put(l, &b);
    }
    return bad;
}

static void move_aside(struct ban_list *l, const char *why, uint64_t now_unix_ms)
{
    struct buf aside = {0};

    buf_addf(&aside, "%s.corrupt-%llu", l->path, (unsigned long long)now_unix_ms);
    buf_add_u8(&aside, '\0');
    if (rename(l->path, (char *)aside.at) == 0) {
        log_warning("respond",
                    "%s: %s; moved to %s, %zu bans are in force: look into it and ban again what "
                    "is missing",
                    l->path, why, (char *)aside.at, l->by_key.n);
        l->dirty = true;
    } else {
        log_error("respond",
                  "%s: %s, and it cannot be moved aside: %s; bans are not kept over a restart "
                  "until the file is removed and the node restarted",
                  l->path, why, strerror(errno));
        free(l->path);
        l->path = NULL;
    }
    buf_done(&aside);
}

/* @why: what is wrong with it; left empty when nothing is */
static void parse_all(struct ban_list *l, struct bytes text, uint64_t now_unix_ms, struct buf *why)
{
    json_error_t error;
    json_t *root = json_loadb((const char *)text.at, text.len, JSON_REJECT_DUPLICATES, &error);
    json_t *bans = NULL;
    int version = 0;

    if (root == NULL)
        buf_addf(why, "line %d: %s", error.line, error.text);
    else if (json_unpack(root, "{s:i, s:o}", "version", &version, "bans", &bans) != 0 ||
             !json_is_array(bans))
        buf_addf(why, "not a list of bans");
    else if (version != FILE_VERSION)
        buf_addf(why, "version %d, %d is understood", version, FILE_VERSION);
    else {
        size_t bad = take_all(l, bans, now_unix_ms);

        l->dirty = false;
        if (bad > 0)
            buf_addf(why, "%zu of %zu bans are not understood", bad, json_array_size(bans));
    }
    json_decref(root);
}

/**
 * bans_load() - the bans of an earlier run that are still in force
 * @state_dir:  NULL: none, and none are kept
 */
void bans_load(struct ban_list *l, const char *state_dir, uint64_t now_unix_ms)
{
    struct buf path = {0};
    struct buf text = {0};
    struct buf why = {0};
    char *error = NULL;

    if (state_dir == NULL)
        return;
    buf_addf(&path, "%s/" FILE_NAME, state_dir);
    l->path = bytes_dup_str(buf_view(&path));
    buf_done(&path);
    if (access(l->path, F_OK) < 0 && errno == ENOENT)
        return;
    if (file_read(l->path, FILE_BYTES_MAX, &text, &error))
        parse_all(l, buf_view(&text), now_unix_ms, &why);
    else
        buf_addf(&why, "%s", error);
    if (why.len > 0) {
        buf_add_u8(&why, '\0');
        move_aside(l, (char *)why.at, now_unix_ms);
    }
    free(error);
    buf_done(&why);
    buf_done(&text);
}

/**
 * bans_read_back() - what bans_load() would find now; nothing is moved aside
 * @ret:  initialized; without a path, so that it is never written
 */
void bans_read_back(const struct ban_list *l, struct ban_list *ret, uint64_t now_unix_ms)
{
    CLEANUP(buf_done) struct buf text = {0};
    CLEANUP(buf_done) struct buf why = {0};
    char *error = NULL;

    if (l->path != NULL && file_read(l->path, FILE_BYTES_MAX, &text, &error))
        parse_all(ret, buf_view(&text), now_unix_ms, &why);
    free(error);
}

/**
 * bans_save() - write bans.json if there is something new
 *
 * Return: false when it could not be written; the first time this is logged, and
 *         it stays to be done.
 */
bool bans_save(struct ban_list *l)
{
    json_t *bans;
    json_t *root;
    char *text;
    char *error = NULL;
    bool ok;

    if (l->path == NULL || !l->dirty)
        return true;
    bans = json_array();
    list_each (it, &l->all)
        json_array_append_new(bans, ban_json(&list_item(it, struct ban_entry, link)->ban));
    root = json_pack("{s:i, s:o}", "version", FILE_VERSION, "bans", bans);
    text = json_dumps(root, JSON_INDENT(1) | JSON_PRESERVE_ORDER);
    json_decref(root);

    ok = text != NULL && file_replace(l->path, bytes_str(text), FILE_MODE, &error);
    if (!ok && !l->failed)
        log_error("respond", "%s; bans are in force, but are lost with a restart until it can",
                  error != NULL ? error : l->path);
    l->failed = !ok;
    l->dirty = !ok;
    free(text);
    free(error);
    return ok;
}
