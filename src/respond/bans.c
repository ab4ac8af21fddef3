/* SPDX-License-Identifier: Apache-2.0 */
/*
 * respond/bans.c - the list of bans of the node
 *
 * Several may be of the same subject: by people, and because of each incident.  It is kept out as
 * long as one of them stands; each is rolled back for itself.
 *
 * MQ.RS.RP-03
 */
#include <stdlib.h>

#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/text.h"
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

static char *make_key(const struct respond_ban *b)
{
    return text_format("%s\n%s\n%s%s%s", kinds[b->kind], b->subject, text_or_empty(b->address),
                       b->incident != NULL ? "\n" : "", text_or_empty(b->incident));
}

/** bans_init() - none */
void bans_init(struct ban_list *l)
{
    *l = (struct ban_list){0};
    map_init(&l->by_key, key_of);
    list_init(&l->all);
}

static void take_out(struct ban_list *l, struct ban_entry *e)
{
    map_remove(&l->by_key, key_of(e));
    list_remove(&e->link);
}

static void entry_free(struct ban_entry *e)
{
    text_free(e->ban.subject);
    text_free(e->ban.address);
    text_free(e->ban.reason);
    text_free(e->ban.author);
    text_free(e->ban.incident);
    free(e->key);
    free(e);
}

/** bans_drop() - it is over; @e is freed */
void bans_drop(struct ban_list *l, struct ban_entry *e)
{
    ban_unkeep(l, e->key);
    take_out(l, e);
    entry_free(e);
}

/** bans_done() - free them all; what is kept stays so */
void bans_done(struct ban_list *l)
{
    list_each (it, &l->all) {
        struct ban_entry *e = list_item(it, struct ban_entry, link);

        take_out(l, e);
        entry_free(e);
    }
    map_done(&l->by_key);
}

/** bans_find() - Return: the ban of just this subject because of the same, or NULL. */
struct ban_entry *bans_find(const struct ban_list *l, const struct respond_ban *b)
{
    char *key = make_key(b);
    struct ban_entry *e = map_find(&l->by_key, bytes_str(key));

    free(key);
    return e;
}

/** bans_same_subject() - do both keep out the same? */
bool bans_same_subject(const struct respond_ban *a, const struct respond_ban *b)
{
    return a->kind == b->kind && strcmp(a->subject, b->subject) == 0 &&
           strcmp(text_or_empty(a->address), text_or_empty(b->address)) == 0;
}

/** bans_put() - copy @b into the list, in place of one of the same subject because of the same */
struct ban_entry *bans_put(struct ban_list *l, const struct respond_ban *b)
{
    struct ban_entry *e = bans_find(l, b);

    if (e != NULL)
        bans_drop(l, e);
    e = mem_new(struct ban_entry);
    e->ban = *b;
    e->ban.subject = text_dup(b->subject);
    e->ban.address = text_dup(b->address);
    e->ban.reason = text_dup(text_or_empty(b->reason));
    e->ban.author = text_dup(text_or_empty(b->author));
    e->ban.incident = text_dup(b->incident);
    e->key = make_key(b);
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

/* Is what @b asks for so anyway, whatever is rolled back that @b is not because of? */
static bool stands_with(const struct respond_ban *other, const struct respond_ban *b)
{
    return other->incident == NULL || strcmp(other->incident, text_or_empty(b->incident)) == 0;
}

/* Of the same subject, and ends after @b. */
static const struct respond_ban *outlasting(const struct ban_list *l, const struct respond_ban *b,
                                            bool of_any_incident)
{
    list_each (it, &l->all) {
        const struct respond_ban *other = &list_item(it, struct ban_entry, link)->ban;

        if (bans_same_subject(other, b) && ends_later(other->expires_unix_ms, b->expires_unix_ms) &&
            (of_any_incident || stands_with(other, b)))
            return other;
    }
    return NULL;
}

/**
 * bans_cover() - what makes @b in vain: a ban of the same subject that ends after it, by a person
 * or because of the same incident
 *
 * One because of another incident is rolled back for itself, and covers nothing.
 *
 * Return: borrowed, or NULL.
 */
const struct respond_ban *bans_cover(const struct ban_list *l, const struct respond_ban *b)
{
    return outlasting(l, b, false);
}

/** bans_suffice() - is the subject kept out because of an incident, or by a person as long as @b
 * would? */
bool bans_suffice(const struct ban_list *l, const struct respond_ban *b, uint64_t now_unix_ms)
{
    list_each (it, &l->all) {
        const struct respond_ban *other = &list_item(it, struct ban_entry, link)->ban;
        uint64_t needed_unix_ms = other->incident != NULL ? now_unix_ms : b->expires_unix_ms;

        if (bans_same_subject(other, b) && !ends_later(needed_unix_ms, other->expires_unix_ms))
            return true;
    }
    return false;
}

/* What @b takes the place of, or stands beside without ending later; owned by the caller; NULL:
 * nothing. */
static char *what_else_text(const struct ban_list *l, const struct respond_ban *b)
{
    const struct ban_entry *old = bans_find(l, b);
    const struct respond_ban *other = old != NULL ? &old->ban : outlasting(l, b, true);
    struct respond_measure m;

    if (other == NULL)
        return NULL;
    m = respond_measure_of_ban(other);
    return old != NULL ? in_place_text(&m) : beside_text(&m);
}

/* Has the list room for one more? */
static bool make_room(struct respond *r, const struct respond_ban *b)
{
    struct ban_entry *out;

    if (bans_find(&r->bans, b) != NULL || r->bans.by_key.n < RESPOND_BANS_MAX)
        return true;
    out = ban_is_automatic(b) ? bans_ends_first(&r->bans) : NULL;
    if (out == NULL)
        return false;
    log_warning("respond", "%d bans: the one of %s %s is lifted before its time", RESPOND_BANS_MAX,
                kinds[out->ban.kind], out->ban.subject);
    respond_ban_lift(r, out);
    return true;
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
    const struct respond_ban *over;
    struct respond_measure m;
    struct respond_ban made = *b;
    char *what_else;

    if (!ban_is_sound(b) || (b->expires_unix_ms != 0 && b->expires_unix_ms <= now.unix_ms))
        return RESPOND_E_INVALID;
    over = bans_cover(&r->bans, b);
    if (over != NULL) {
        m = respond_measure_of_ban(over);
        *ret_why = in_force_text(&m);
        return RESPOND_E_COVERED;
    }
    if (!make_room(r, b))
        return RESPOND_E_LIMIT;
    what_else = what_else_text(&r->bans, b);
    if (what_else != NULL)
        *ret_why = what_else;
    if (made.created_unix_ms == 0)
        made.created_unix_ms = now.unix_ms;
    r->hands.ban_add(r->hands.arg, &bans_put(&r->bans, &made)->ban);
    return RESPOND_OK;
}

/** respond_ban_lift() - off the list and off the node; @e is freed */
void respond_ban_lift(struct respond *r, struct ban_entry *e)
{
    ban_unkeep(&r->bans, e->key);
    take_out(&r->bans, e);
    r->hands.ban_remove(r->hands.arg, &e->ban);
    entry_free(e);
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

/** respond_ban_remove() - lift all bans of just this subject; incidents that caused them show by
 * whom */
enum respond_answer respond_ban_remove(struct respond *r, enum respond_ban_kind kind,
                                       const char *subject, const char *address, const char *author,
                                       struct respond_now now)
{
    const struct respond_ban of = {.kind = kind, .subject = subject, .address = address};
    unsigned n = 0;

    if (kind >= RESPOND_BAN_KIND_N || subject == NULL)
        return RESPOND_E_INVALID;
    list_each (it, &r->bans.all) {
        struct ban_entry *e = list_item(it, struct ban_entry, link);

        if (!bans_same_subject(&e->ban, &of))
            continue;
        act_ban_lifted(r, &e->ban, author, now);
        respond_ban_lift(r, e);
        n++;
    }
    if (n == 0)
        return RESPOND_E_NOT_FOUND;
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
        const struct ban_entry *e = bans_find(&again, b);

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
