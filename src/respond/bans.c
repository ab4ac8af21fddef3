/* SPDX-License-Identifier: Apache-2.0 */
/* respond/bans.c - the list of bans of the node */
#include <stdlib.h>

#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"
#include "respond/private.h"

static const char *const kinds[] = {
    [RESPOND_BAN_ADDRESS] = "address",
    [RESPOND_BAN_CLIENT] = "client",
    [RESPOND_BAN_USER] = "user",
    [RESPOND_BAN_CLIENT_ADDRESS] = "client-address",
    [RESPOND_BAN_CERTIFICATE] = "certificate",
    [RESPOND_BAN_ISSUER] = "issuer",
};

/** respond_ban_kind_text() - as it is stored; static */
const char *respond_ban_kind_text(enum respond_ban_kind kind)
{
    check(kind < RESPOND_BAN_KIND_N);
    return kinds[kind];
}

/** respond_ban_kind_parse() - Return: false if @text is no kind; @ret is then untouched. */
bool respond_ban_kind_parse(const char *text, enum respond_ban_kind *ret)
{
    for (enum respond_ban_kind k = 0; k < RESPOND_BAN_KIND_N; k++) {
        if (strcmp(text, kinds[k]) == 0) {
            *ret = k;
            return true;
        }
    }
    return false;
}

static struct bytes key_of(const void *item)
{
    return bytes_str(((const struct ban_entry *)item)->key);
}

static char *make_key(enum respond_ban_kind kind, const char *subject, const char *address)
{
    struct buf key = {0};
    char *text;

    buf_addf(&key, "%s\n%s\n%s", kinds[kind], subject, address != NULL ? address : "");
    text = bytes_dup_str(buf_view(&key));
    buf_done(&key);
    return text;
}

/** bans_init() - none */
void bans_init(struct ban_list *l)
{
    *l = (struct ban_list){0};
    map_init(&l->by_key, key_of);
    list_init(&l->all);
}

static char *keep(const char *text)
{
    return text != NULL ? bytes_dup_str(bytes_str(text)) : NULL;
}

static void drop_text(const char *text)
{
    free((void *)(uintptr_t)text);
}

static void drop(struct ban_list *l, struct ban_entry *e)
{
    map_remove(&l->by_key, key_of(e));
    list_remove(&e->link);
    drop_text(e->ban.subject);
    drop_text(e->ban.address);
    drop_text(e->ban.reason);
    drop_text(e->ban.author);
    drop_text(e->ban.incident);
    free(e->key);
    free(e);
}

/** bans_drop() - it is over; @e is freed */
void bans_drop(struct ban_list *l, struct ban_entry *e)
{
    ban_unkeep(l, e);
    drop(l, e);
}

/** bans_done() - free them all; what is kept stays so */
void bans_done(struct ban_list *l)
{
    list_each (it, &l->all)
        drop(l, list_item(it, struct ban_entry, link));
    map_done(&l->by_key);
}

/** bans_find() - Return: the ban of just this subject, or NULL. */
struct ban_entry *bans_find(const struct ban_list *l, enum respond_ban_kind kind,
                            const char *subject, const char *address)
{
    char *key = make_key(kind, subject, address);
    struct ban_entry *e = map_find(&l->by_key, bytes_str(key));

    free(key);
    return e;
}

/** bans_put() - copy @b into the list, in place of one of the same subject */
struct ban_entry *bans_put(struct ban_list *l, const struct respond_ban *b)
{
    struct ban_entry *e = bans_find(l, b->kind, b->subject, b->address);

    if (e != NULL)
        bans_drop(l, e);
    e = mem_new(struct ban_entry);
    e->ban = *b;
    e->ban.subject = keep(b->subject);
    e->ban.address = keep(b->address);
    e->ban.reason = keep(b->reason != NULL ? b->reason : "");
    e->ban.author = keep(b->author != NULL ? b->author : "");
    e->ban.incident = keep(b->incident);
    e->key = make_key(b->kind, b->subject, b->address);
    list_init(&e->link);
    list_append(&l->all, &e->link);
    map_put(&l->by_key, e);
    ban_keep(l, e);
    return e;
}

/** ban_is_automatic() - Return: whether a detector made it. */
bool ban_is_automatic(const struct respond_ban *b)
{
    return b->author != NULL && bytes_has_prefix(bytes_str(b->author), BYTES("detector:"));
}

/** ban_is_sound() - Return: whether the fields that must be there are. */
bool ban_is_sound(const struct respond_ban *b)
{
    if (b->kind >= RESPOND_BAN_KIND_N || b->subject == NULL || b->subject[0] == '\0')
        return false;
    if (b->kind != RESPOND_BAN_CLIENT_ADDRESS)
        return b->address == NULL;
    return b->address != NULL && b->address[0] != '\0';
}

/** bans_ends_first() - Return: of the automatic ones the one that ends first, or NULL. */
struct ban_entry *bans_ends_first(const struct ban_list *l)
{
    struct ban_entry *first = NULL;

    list_each (it, &l->all) {
        struct ban_entry *e = list_item(it, struct ban_entry, link);

        if (!ban_is_automatic(&e->ban) || e->ban.expires_unix_ms == 0)
            continue;
        if (first == NULL || e->ban.expires_unix_ms < first->ban.expires_unix_ms)
            first = e;
    }
    return first;
}

/** respond_measure_of_ban() - for lists in which both stand; borrows from @b */
struct respond_measure respond_measure_of_ban(const struct respond_ban *b)
{
    return (struct respond_measure){
        .kind = ACTION_BAN,
        .target_kind = (enum respond_target)b->kind,
        .target = b->subject,
        .address = b->address,
        .created_unix_ms = b->created_unix_ms,
        .expires_unix_ms = b->expires_unix_ms,
        .reason = b->reason,
        .author = b->author,
        .incident = b->incident,
    };
}

/* ---- the list and the node ---- */

/** bans_cover() - Return: the ban of the same subject that ends after @b, or NULL. */
const struct ban_entry *bans_cover(const struct ban_list *l, const struct respond_ban *b)
{
    const struct ban_entry *e = bans_find(l, b->kind, b->subject, b->address);

    return e != NULL && ends_later(e->ban.expires_unix_ms, b->expires_unix_ms) ? e : NULL;
}

/**
 * respond_ban_put() - ban, in the list and on the node; not yet on disk
 * @ret_why:  as of respond_order_run()
 *
 * Return: RESPOND_OK, E_INVALID, E_COVERED by one that ends later, or E_LIMIT when the list is
 * full.
 */
enum respond_answer respond_ban_put(struct respond *r, const struct respond_ban *b,
                                    struct respond_now now, char **ret_why)
{
    const struct ban_entry *old;
    struct respond_measure before;
    struct respond_ban made = *b;

    if (!ban_is_sound(b) || (b->expires_unix_ms != 0 && b->expires_unix_ms <= now.unix_ms))
        return RESPOND_E_INVALID;
    old = bans_find(&r->bans, b->kind, b->subject, b->address);
    if (old != NULL) {
        bool is_covered = bans_cover(&r->bans, b) != NULL;

        before = respond_measure_of_ban(&old->ban);
        *ret_why = is_covered ? in_force_text(&before) : in_place_text(&before);
        if (is_covered)
            return RESPOND_E_COVERED;
    }
    if (old == NULL && r->bans.by_key.n >= RESPOND_BANS_MAX) {
        struct ban_entry *out = ban_is_automatic(b) ? bans_ends_first(&r->bans) : NULL;

        if (out == NULL)
            return RESPOND_E_LIMIT;
        log_warning("respond", "%d bans: the one of %s %s is lifted before its time",
                    RESPOND_BANS_MAX, kinds[out->ban.kind], out->ban.subject);
        respond_ban_lift(r, out);
    }
    if (made.created_unix_ms == 0)
        made.created_unix_ms = now.unix_ms;
    r->hands.ban_add(r->hands.arg, &bans_put(&r->bans, &made)->ban);
    return RESPOND_OK;
}

/** respond_ban_lift() - off the list and off the node; @e is freed */
void respond_ban_lift(struct respond *r, struct ban_entry *e)
{
    r->hands.ban_remove(r->hands.arg, &e->ban);
    bans_drop(&r->bans, e);
}

/** respond_bans_expire() - lift those whose time is over */
void respond_bans_expire(struct respond *r, struct respond_now now)
{
    list_each (it, &r->bans.all) {
        struct ban_entry *e = list_item(it, struct ban_entry, link);
        struct respond_measure m;

        if (e->ban.expires_unix_ms == 0 || e->ban.expires_unix_ms > now.unix_ms)
            continue;
        m = respond_measure_of_ban(&e->ban);
        audit_end(r, &m, "unban", now);
        respond_ban_lift(r, e);
    }
}

/** respond_ban_add() - see respond.h; E_INVALID: fields missing, or it would be over already */
enum respond_answer respond_ban_add(struct respond *r, const struct respond_ban *b,
                                    struct respond_now now, char **ret_why)
{
    enum respond_answer a = respond_ban_put(r, b, now, ret_why);

    if (a == RESPOND_OK)
        respond_flush(r);
    return a;
}

/** respond_ban_remove() - lift a ban; an incident that caused it shows by whom */
enum respond_answer respond_ban_remove(struct respond *r, enum respond_ban_kind kind,
                                       const char *subject, const char *address, const char *author,
                                       struct respond_now now)
{
    struct ban_entry *e;

    if (kind >= RESPOND_BAN_KIND_N || subject == NULL)
        return RESPOND_E_INVALID;
    e = bans_find(&r->bans, kind, subject, address);
    if (e == NULL)
        return RESPOND_E_NOT_FOUND;
    act_ban_lifted(r, &e->ban, author, now);
    respond_ban_lift(r, e);
    respond_flush(r);
    return RESPOND_OK;
}

/** respond_bans_kept() - see respond.h */
size_t respond_bans_kept(struct respond *r)
{
    struct ban_list again;
    size_t n = 0;

    if (r->settings.control == NULL)
        return 0;
    bans_init(&again);
    bans_read_back(r->settings.control, &again);
    list_each (it, &r->bans.all) {
        const struct respond_ban *b = &list_item(it, struct ban_entry, link)->ban;
        const struct ban_entry *e = bans_find(&again, b->kind, b->subject, b->address);

        n += e != NULL && e->ban.expires_unix_ms == b->expires_unix_ms;
    }
    bans_done(&again);
    return n;
}

/** respond_bans_each() - in the order in which they were made; @fn must not call respond */
void respond_bans_each(const struct respond *r, respond_ban_fn *fn, void *arg)
{
    list_each (it, &r->bans.all)
        fn(arg, &list_item(it, struct ban_entry, link)->ban);
}

/** respond_bans() - Return: how many. */
unsigned respond_bans(const struct respond *r)
{
    return (unsigned)r->bans.by_key.n;
}
