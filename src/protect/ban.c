/* SPDX-License-Identifier: Apache-2.0 */
/*
 * protect/ban.c - who is kept out for a time: an immutable table, found by hash
 *
 * Thousands of bans cost a few look-ups: one for each prefix length that some
 * ban has, one each for client id, user and pair.  Bans with the same key hang
 * in a chain, in the order given.
 *
 * MQ.PR.SP-04
 */
#include <stdatomic.h>
#include <stdlib.h>

#include "base/address.h"
#include "base/err.h"
#include "base/map.h"
#include "base/mem.h"
#include "base/text.h"
#include "protect/protect.h"
#include "wire/wire.h"

#define BAN_SUBJECT_BYTES_MAX 65535 /* the longest client id and user name there can be */
#define BAN_SERIAL_DIGITS_MAX 42
#define BAN_KEY_ADDRESS_BYTES (ADDRESS_BYTES + 1)

struct ban_entry {
    struct ban ban;         /* texts owned */
    struct bytes key;       /* owned */
    struct ban_entry *same; /* next ban with this key */
};

struct ban_table {
    _Atomic size_t refs;
    struct ban_entry *entries;
    size_t n;
    struct map by_key[BAN_KIND_N];
    uint8_t prefix_lens[ADDRESS_BITS_MAX + 1]; /* those in use, longest first */
    size_t n_prefix_lens;
};

static const char *const kind_texts[BAN_KIND_N] = {
    [BAN_ADDRESS] = "address",
    [BAN_CLIENT] = "client",
    [BAN_USER] = "user",
    [BAN_CLIENT_ADDRESS] = "client-address",
    [BAN_CERTIFICATE] = "certificate",
    [BAN_ISSUER] = "issuer",
};

/** ban_kind_text() - Return: "address", "client", ...; static. */
const char *ban_kind_text(enum ban_kind kind)
{
    check(kind < BAN_KIND_N);
    return kind_texts[kind];
}

/** ban_kind_parse() - the kind with this text; false, and @ret untouched, if there is none */
bool ban_kind_parse(const char *text, enum ban_kind *ret)
{
    for (unsigned i = 0; i < BAN_KIND_N; i++) {
        if (strcmp(text, kind_texts[i]) == 0) {
            *ret = (enum ban_kind)i;
            return true;
        }
    }
    return false;
}

static const char *name_wrong_why(const char *subject)
{
    size_t len = strlen(subject);

    if (len == 0)
        return "is empty";
    if (len > BAN_SUBJECT_BYTES_MAX)
        return "is longer than 65,535 bytes";
    return wire_utf8_valid(bytes_of(subject, len)) ? NULL : "is not UTF-8";
}

static const char *serial_wrong_why(const char *serial)
{
    size_t len = strlen(serial);

    if (len == 0 || len > BAN_SERIAL_DIGITS_MAX || strspn(serial, "0123456789ABCDEF") != len)
        return "is no serial number: up to 42 of 0-9 and A-F, as 'bastide pki list' shows it";
    return NULL;
}

static const char *wrong_why(enum ban_kind kind, const char *subject, const char *address)
{
    struct address a;
    const char *why = kind == BAN_ADDRESS       ? prefix_parse(subject, &a)
                      : kind == BAN_CERTIFICATE ? serial_wrong_why(subject)
                                                : name_wrong_why(subject);

    if (why == NULL && kind == BAN_ADDRESS && prefix_is_everybody(&a))
        why = "has a prefix length of 0, which is everybody";
    if (why != NULL)
        return why;
    if (kind != BAN_CLIENT_ADDRESS)
        return address == NULL ? NULL : "has an address, which only a client-address ban has";
    if (address == NULL)
        return "has no address, which a client-address ban needs";
    why = prefix_parse(address, &a);
    if (why == NULL && a.prefix_len != ADDRESS_BITS_MAX)
        return "has a prefix where a client-address ban needs one address";
    return why;
}

/**
 * ban_subject_valid() - can there be such a ban?
 * @address:  NULL but for BAN_CLIENT_ADDRESS
 * @ret_why:  when not: what is wrong, to be read after the subject; static
 */
bool ban_subject_valid(enum ban_kind kind, const char *subject, const char *address,
                       const char **ret_why)
{
    const char *why = wrong_why(kind, subject, address);

    if (why != NULL)
        *ret_why = why;
    return why == NULL;
}

/* ---- keys ---- */

static struct bytes entry_key(const void *item)
{
    return ((const struct ban_entry *)item)->key;
}

static void address_key(const struct address *a, uint8_t ret[BAN_KEY_ADDRESS_BYTES])
{
    memcpy(ret, a->at, ADDRESS_BYTES);
    ret[ADDRESS_BYTES] = a->prefix_len;
}

/* An address has a fixed length, so what follows cannot be mistaken for a part of it. */
static void pair_key(const struct address *a, struct bytes client_id, struct buf *ret)
{
    uint8_t key[BAN_KEY_ADDRESS_BYTES];

    address_key(a, key);
    buf_add(ret, bytes_of(key, sizeof(key)));
    buf_add(ret, client_id);
}

/* Owned.  @b is valid. */
static struct bytes key_new(const struct ban *b)
{
    struct buf key CLEANUP(buf_done) = {0};
    struct address a = {0};
    bool is_address = b->kind == BAN_ADDRESS;

    if (is_address || b->kind == BAN_CLIENT_ADDRESS) {
        check(prefix_parse(is_address ? b->subject : b->address, &a) == NULL);
        pair_key(&a, is_address ? BYTES_NONE : bytes_str(b->subject), &key);
    } else {
        buf_add(&key, bytes_str(b->subject));
    }
    return bytes_dup(buf_view(&key));
}

static void table_add(struct ban_table *t, const struct ban *b)
{
    struct ban_entry *e = &t->entries[t->n++];
    struct ban_entry *first;
    const char *why;

    check(ban_subject_valid(b->kind, b->subject, b->address, &why));
    *e = (struct ban_entry){.ban = *b, .key = key_new(b)};
    e->ban.subject = text_dup(b->subject);
    e->ban.address = text_dup(b->address);
    e->ban.reason = text_dup(b->reason);
    e->ban.author = text_dup(b->author);
    first = map_find(&t->by_key[b->kind], e->key);
    if (first == NULL) {
        map_put(&t->by_key[b->kind], e);
        return;
    }
    while (first->same != NULL)
        first = first->same;
    first->same = e;
}

static void note_prefix_lens(struct ban_table *t)
{
    bool used[ADDRESS_BITS_MAX + 1] = {false};

    for (size_t i = 0; i < t->n; i++) {
        if (t->entries[i].ban.kind == BAN_ADDRESS)
            used[t->entries[i].key.at[ADDRESS_BYTES]] = true;
    }
    for (size_t len = COUNT_OF(used); len-- > 0;) {
        if (used[len])
            t->prefix_lens[t->n_prefix_lens++] = (uint8_t)len;
    }
}

/**
 * ban_table_new() - a table of @n bans
 * @bans:  copied; each one ban_subject_valid(); reason and author may be NULL
 *
 * Return: with one reference, for ban_table_unref().
 */
struct ban_table *ban_table_new(const struct ban *bans, size_t n)
{
    struct ban_table *t = mem_new(struct ban_table);

    atomic_init(&t->refs, 1);
    t->entries = mem_zero(MAX(n, 1U) * sizeof(*t->entries));
    for (size_t i = 0; i < BAN_KIND_N; i++)
        map_init(&t->by_key[i], entry_key);
    for (size_t i = 0; i < n; i++)
        table_add(t, &bans[i]);
    note_prefix_lens(t);
    return t;
}

/** ban_table_ref() - one more owner; any thread; Return: @t. */
struct ban_table *ban_table_ref(struct ban_table *t)
{
    atomic_fetch_add_explicit(&t->refs, 1, memory_order_relaxed);
    return t;
}

/** ban_table_unref() - one owner less, the last frees; any thread, @t may be NULL; Return: NULL. */
struct ban_table *ban_table_unref(struct ban_table *t)
{
    if (t == NULL || atomic_fetch_sub_explicit(&t->refs, 1, memory_order_acq_rel) != 1)
        return NULL;
    for (size_t i = 0; i < t->n; i++) {
        free(t->entries[i].ban.subject);
        free(t->entries[i].ban.address);
        free(t->entries[i].ban.reason);
        free(t->entries[i].ban.author);
        bytes_free(t->entries[i].key);
    }
    for (size_t i = 0; i < BAN_KIND_N; i++)
        map_done(&t->by_key[i]);
    free(t->entries);
    free(t);
    return NULL;
}

/* ---- asking ---- */

struct ban_search {
    const struct ban_table *table;
    uint64_t now_unix_ms;
    const struct ban_entry *found; /* the first in force, in the order given; NULL so far */
};

static void look_up(struct ban_search *s, enum ban_kind kind, struct bytes key)
{
    const struct ban_entry *e = map_find(&s->table->by_key[kind], key);

    while (e != NULL && e->ban.expires_unix_ms != 0 && e->ban.expires_unix_ms <= s->now_unix_ms)
        e = e->same;
    if (e != NULL && (s->found == NULL || e < s->found))
        s->found = e;
}

static void look_up_address(struct ban_search *s, const struct address *address)
{
    struct address a = *address;
    uint8_t key[BAN_KEY_ADDRESS_BYTES];

    for (size_t i = 0; i < s->table->n_prefix_lens; i++) {
        address_mask(&a, s->table->prefix_lens[i]);
        address_key(&a, key);
        look_up(s, BAN_ADDRESS, bytes_of(key, sizeof(key)));
    }
}

/**
 * ban_table_find() - is this one kept out?
 * @s:            address, client id: what is empty is not looked at
 * @principal:    name of the user whose identity is proven, or claimed, as the caller means it; may
 *                be empty
 * @now_unix_ms:  a ban holds while this is less than its expires_unix_ms
 *
 * MQ.PR.SP-04
 *
 * Return: the first ban, in the order given, that hits and is in force; borrowed; or NULL.
 */
const struct ban *ban_table_find(const struct ban_table *t, const struct gate_subject *s,
                                 struct bytes principal, uint64_t now_unix_ms)
{
    struct ban_search search = {.table = t, .now_unix_ms = now_unix_ms};
    struct buf pair CLEANUP(buf_done) = {0};
    struct address a;
    bool has_address = s->address.len > 0 && address_parse(s->address, &a);

    if (has_address)
        look_up_address(&search, &a);
    if (s->client_id.len > 0)
        look_up(&search, BAN_CLIENT, s->client_id);
    if (principal.len > 0)
        look_up(&search, BAN_USER, principal);
    if (s->certificate_serial.len > 0)
        look_up(&search, BAN_CERTIFICATE, s->certificate_serial);
    if (s->certificate_issuer.len > 0)
        look_up(&search, BAN_ISSUER, s->certificate_issuer);
    if (has_address && s->client_id.len > 0 && t->by_key[BAN_CLIENT_ADDRESS].n > 0) {
        pair_key(&a, s->client_id, &pair);
        look_up(&search, BAN_CLIENT_ADDRESS, buf_view(&pair));
    }
    return search.found != NULL ? &search.found->ban : NULL;
}
