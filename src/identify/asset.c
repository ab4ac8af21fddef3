/* SPDX-License-Identifier: Apache-2.0 */
/* identify/asset.c - one entry a device key; MQ.ID.AM-01 MQ.ID.AM-04 */
#include "identify/private.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/text.h"
#include "wire/wire.h"

_Static_assert(IDENTIFY_TEXT_MAX >= WIRE_CLIENT_ID_MAX, "who is let in is listed");

/** text_clean() - a copy that is UTF-8; what is not becomes '?' */
char *text_clean(struct bytes b)
{
    bool is_utf8 = wire_utf8_valid(b);
    char *text = bytes_dup_str(b);

    for (size_t i = 0; i < b.len; i++) {
        if (b.at[i] >= 0x80 && !is_utf8)
            text[i] = '?';
    }
    return text;
}

/* Who connects, as it says and proves. */
struct device {
    char *client_id; /* owned */
    char *principal; /* owned */
    bool by_certificate;
};

/* '/' and '%' are escaped, so that the id of one pair of names is no other pair's. */
static void add_escaped(struct buf *ret, struct bytes b)
{
    for (size_t i = 0; i < b.len; i++) {
        if (b.at[i] == '/' || b.at[i] == '%')
            buf_addf(ret, "%%%02X", b.at[i]);
        else
            buf_add_u8(ret, b.at[i]);
    }
}

/*
 * The device key as text.  The name in the certificate is the key and not its fingerprint, so that
 * a renewed certificate is no new device; and not the client id, so that one gateway with many
 * client ids is one device.
 */
static void id_format(const struct device *d, struct buf *ret)
{
    if (d->by_certificate) {
        buf_add(ret, BYTES("cert:"));
        buf_add(ret, bytes_str(d->principal));
        return;
    }
    buf_add(ret, BYTES("user:"));
    add_escaped(ret, bytes_str(d->principal));
    buf_add_u8(ret, '/');
    buf_add(ret, bytes_str(d->client_id));
}

static struct principal *principal_get(struct identify *id, const char *name)
{
    struct principal *p = map_find(&id->principals, bytes_str(name));

    if (p != NULL)
        return p;
    p = mem_new(struct principal);
    p->name = text_dup(name);
    (void)map_put(&id->principals, p);
    return p;
}

static void grow(struct identify *id)
{
    if (id->counts.n_assets < id->assets_cap)
        return;
    id->assets_cap = MAX(id->assets_cap * 2, 64);
    id->assets = mem_resize(id->assets, id->assets_cap * sizeof(struct asset *));
}

static struct asset *asset_new(struct identify *id, const struct device *d, struct bytes key,
                               uint64_t unix_ms)
{
    struct asset *a = mem_zero(sizeof(*a) + key.len + 1);

    memcpy(a->id, key.at, key.len);
    a->number = (uint32_t)id->counts.n_assets;
    a->by_certificate = d->by_certificate;
    a->first_seen_unix_ms = a->last_seen_unix_ms = unix_ms;
    a->role = "";
    list_init(&a->conns);
    if (!d->by_certificate && d->principal[0] != '\0')
        a->name = principal_get(id, d->principal);
    if (d->by_certificate) {
        a->principal = a->id + key.len - strlen(d->principal);
        a->client_id = text_dup(d->client_id);
    } else {
        a->principal = a->name != NULL ? a->name->name : "";
        a->client_id = a->id + key.len - strlen(d->client_id);
    }
    grow(id);
    id->assets[id->counts.n_assets++] = a;
    (void)map_put(&id->by_id, a);
    return a;
}

/**
 * asset_get() - the asset with that device key, a new one if need be
 *
 * Return: NULL when the key is longer than is kept or assets_max is reached;
 *         it is counted then.
 */
struct asset *asset_get(struct identify *id, struct bytes client_id, struct bytes principal,
                        bool by_certificate, uint64_t unix_ms)
{
    CLEANUP(buf_done) struct buf key = {0};
    struct device d = {.by_certificate = by_certificate};
    struct asset *a = NULL;

    if (client_id.len <= IDENTIFY_TEXT_MAX && principal.len <= IDENTIFY_TEXT_MAX) {
        d.client_id = text_clean(client_id);
        d.principal = text_clean(principal);
        id_format(&d, &key);
        a = map_find(&id->by_id, buf_view(&key));
        if (a == NULL && id->counts.n_assets < id->limits.assets_max)
            a = asset_new(id, &d, buf_view(&key), unix_ms);
    }
    id->counts.n_assets_dropped += a == NULL;
    free(d.client_id);
    free(d.principal);
    return a;
}

/** asset_free() - Return: NULL.  Its connections are gone by then. */
struct asset *asset_free(struct asset *a)
{
    if (a == NULL)
        return NULL;
    check(list_is_empty(&a->conns));
    if (a->by_certificate)
        free(a->client_id);
    free(a->prints);
    free(a->addresses);
    detail_free(a->detail);
    free(a);
    return NULL;
}

/** asset_set_role() - the role it has now */
void asset_set_role(struct identify *id, struct asset *a, struct bytes role)
{
    char *text = text_clean(role);
    char *known = map_find(&id->roles, bytes_str(text));

    if (known == NULL)
        (void)map_put(&id->roles, text);
    else
        free(text);
    a->role = known != NULL ? known : text;
}

/** asset_add_print() - the certificate it showed last */
void asset_add_print(struct asset *a, struct bytes print)
{
    char text[PRINT_TEXT_MAX] = {0};

    if (print.len == 0 || print.len >= sizeof(text))
        return;
    memcpy(text, print.at, print.len);
    if (a->n_prints > 0 && strcmp(a->prints[0], text) == 0)
        return;
    if (a->n_prints < ASSET_PRINTS_MAX)
        a->prints = mem_resize(a->prints, ++a->n_prints * sizeof(text));
    memmove(a->prints[1], a->prints[0], (a->n_prints - 1U) * sizeof(text));
    memcpy(a->prints[0], text, sizeof(text));
}

/**
 * asset_address_at() - walk over the addresses of an asset, which stand one behind the other, each
 * its time and its text with a zero behind it
 * @at:  from asset->addresses on; moves on
 *
 * Return: the text, borrowed.
 */
const char *asset_address_at(const uint8_t **at, uint64_t *ret_unix_ms)
{
    const char *text = (const char *)*at + sizeof(*ret_unix_ms);

    memcpy(ret_unix_ms, *at, sizeof(*ret_unix_ms));
    *at += sizeof(*ret_unix_ms) + strlen(text) + 1;
    return text;
}

/** asset_add_address() - where it came from last */
void asset_add_address(struct asset *a, struct bytes address, uint64_t unix_ms)
{
    const uint8_t *at = a->addresses;
    struct buf all = {0};
    uint8_t n = 1;

    if (address.len == 0 || address.len >= ADDRESS_TEXT_MAX)
        return;
    if (a->n_addresses > 0 && bytes_equal(bytes_str(asset_address(a)), address)) {
        memcpy(a->addresses, &unix_ms, sizeof(unix_ms));
        return;
    }
    buf_add(&all, bytes_of(&unix_ms, sizeof(unix_ms)));
    buf_add(&all, address);
    buf_add(&all, bytes_of("", 1));
    for (unsigned i = 0; i < a->n_addresses && n < ASSET_ADDRESSES_MAX; i++) {
        const uint8_t *from = at;
        uint64_t then;

        if (bytes_equal(bytes_str(asset_address_at(&at, &then)), address))
            continue;
        buf_add(&all, bytes_of(from, (size_t)(at - from)));
        n++;
    }
    free(a->addresses);
    a->addresses = mem_resize(all.at, all.len);
    a->n_addresses = n;
}

/** asset_seen() - it did something at @unix_ms */
void asset_seen(struct asset *a, uint64_t unix_ms)
{
    a->last_seen_unix_ms = MAX(a->last_seen_unix_ms, unix_ms);
    if (a->record != NULL)
        a->record->last_seen_unix_ms = MAX(a->record->last_seen_unix_ms, unix_ms);
}

/* MQ.ID.EA-01: does it come from the zone where its record says it stands? */
static void judge_zone(const struct identify *id, struct asset *a, uint64_t unix_ms)
{
    const struct zone *from = zone_of(id->inventory, asset_address(a));
    bool elsewhere = a->record != NULL && a->record->zone != NULL &&
                     (from == NULL || strcmp(from->name, a->record->zone) != 0);

    if (!elsewhere)
        a->mismatch_unix_ms = 0;
    else if (a->mismatch_unix_ms == 0)
        a->mismatch_unix_ms = unix_ms;
}

/** asset_bind() - look for its record, after it was seen or the inventory changed */
void asset_bind(struct identify *id, struct asset *a, uint64_t unix_ms)
{
    struct record *r =
        inventory_find(id->inventory, bytes_str(a->client_id), bytes_str(a->principal),
                       a->by_certificate, bytes_str(asset_address(a)));

    if (r != a->record) {
        if (a->record != NULL) {
            a->record->n_assets--;
            a->record->n_connected -= !list_is_empty(&a->conns);
        }
        a->record = r;
        if (r != NULL) {
            r->n_assets++;
            r->n_connected += !list_is_empty(&a->conns);
            r->last_seen_unix_ms = MAX(r->last_seen_unix_ms, a->last_seen_unix_ms);
        }
    }
    if (r != NULL && a->declared_unix_ms == 0)
        a->declared_unix_ms = unix_ms;
    judge_zone(id, a, unix_ms);
}

/** assets_bind_all() - after a new inventory; the records of the old one are gone */
void assets_bind_all(struct identify *id, uint64_t unix_ms)
{
    for (size_t i = 0; i < id->counts.n_assets; i++)
        id->assets[i]->record = NULL;
    for (size_t i = 0; i < id->counts.n_assets; i++)
        asset_bind(id, id->assets[i], unix_ms);
}

/** protocol_text() - "5.0" for a protocol level; static */
const char *protocol_text(unsigned level)
{
    switch (level) {
    case WIRE_V31:
        return "3.1";
    case WIRE_V311:
        return "3.1.1";
    case WIRE_V5:
        return "5.0";
    }
    return "";
}

static bool has_address(const struct asset *a, struct bytes address)
{
    const uint8_t *at = a->addresses;
    uint64_t then;

    for (unsigned i = 0; i < a->n_addresses; i++)
        if (bytes_equal(bytes_str(asset_address_at(&at, &then)), address))
            return true;
    return false;
}

static void note_changes(struct asset *a, const struct event *e, uint64_t unix_ms)
{
    if (a->protocol_level != 0 && a->protocol_level != e->value)
        asset_changed(a, "protocol", bytes_str(protocol_text(a->protocol_level)),
                      bytes_str(protocol_text(e->value)), unix_ms);
    if (a->n_addresses > 0 && !has_address(a, e->address))
        asset_changed(a, "address", bytes_str(asset_address(a)), e->address, unix_ms);
    if (a->n_prints > 0 && e->cert.len > 0 && !bytes_equal(bytes_str(a->prints[0]), e->cert))
        asset_changed(a, "certificate", bytes_str(a->prints[0]), e->cert, unix_ms);
}

/**
 * asset_connected() - a connection of it was let in
 * @e: CONNECT_ACCEPTED
 */
void asset_connected(struct identify *id, struct asset *a, const struct event *e, uint64_t unix_ms)
{
    if (a->by_certificate) {
        free(a->client_id);
        a->client_id = text_clean(e->client_id);
    }
    asset_set_role(id, a, e->text.len > 0 ? e->text : e->role);
    note_changes(a, e, unix_ms);
    a->protocol_level = (uint8_t)e->value;
    a->n_connects++;
    asset_add_print(a, e->cert);
    asset_add_address(a, e->address, unix_ms);
    asset_bind(id, a, unix_ms);
    asset_seen(a, unix_ms);
    if (a->record != NULL && (BIT(a->record->lifecycle) & LIFECYCLE_BIT_GONE) != 0)
        day_add(id->retired, unix_ms, 1);
}

/* The same certificate from another address, under another client id, while a connection stands.
 * (The same client id takes its session over; that is no second place.) */
static bool is_concurrent(const struct asset *a, const struct conn *c)
{
    list_each (it, &a->conns) {
        const struct conn *other = list_item(it, struct conn, in_asset);

        if (other->address_hash != c->address_hash && other->client_hash != c->client_hash)
            return true;
    }
    return false;
}

/** asset_conn_add() - one more live connection; MQ.PR.CL-02, MQ.PR.IA-03 */
void asset_conn_add(struct asset *a, struct conn *c, uint64_t unix_ms)
{
    if (a->by_certificate && is_concurrent(a, c))
        a->concurrent_unix_ms = unix_ms;
    if (list_is_empty(&a->conns)) {
        if (a->record != NULL)
            a->record->n_connected++;
        if (a->name != NULL && a->name->n_connected++ > 0 &&
            !(a->record != NULL && a->record->is_group))
            a->name->shared_unix_ms = unix_ms;
    }
    c->asset = a;
    list_append(&a->conns, &c->in_asset);
}

/** asset_conn_remove() - the connection ended */
void asset_conn_remove(struct conn *c)
{
    struct asset *a = c->asset;

    list_remove(&c->in_asset);
    if (!list_is_empty(&a->conns))
        return;
    if (a->record != NULL)
        a->record->n_connected--;
    if (a->name != NULL)
        a->name->n_connected--;
}

/** asset_name() - what a person calls it: the record's name, else principal or client id */
const char *asset_name(const struct asset *a)
{
    if (a->record != NULL)
        return a->record->name;
    return a->by_certificate || a->client_id[0] == '\0' ? a->principal : a->client_id;
}

/** asset_address() - the latest; "" when none is known */
const char *asset_address(const struct asset *a)
{
    const uint8_t *at = a->addresses;
    uint64_t then;

    return a->n_addresses > 0 ? asset_address_at(&at, &then) : "";
}

static void set_text(json_t *o, const char *key, const char *text)
{
    if (text != NULL && text[0] != '\0')
        (void)json_object_set_new(o, key, json_string(text));
}

static void set_number(json_t *o, const char *key, uint64_t n)
{
    if (n > 0)
        (void)json_object_set_new(o, key, json_integer((json_int_t)n));
}

static void set_record(json_t *o, const struct record *r)
{
    set_text(o, "owner", r->owner);
    set_text(o, "site", r->site);
    set_text(o, "location", r->location);
    set_text(o, "zone", r->zone);
    set_text(o, "criticality", criticality_names[r->criticality]);
    set_text(o, "lifecycle", lifecycle_names[r->lifecycle]);
    set_number(o, "lifecycle_since_unix_ms", r->state_since_unix_ms);
    set_text(o, "hw_model", r->hw_model);
    set_text(o, "hw_serial", r->hw_serial);
}

/** asset_json() - one observed asset, for assets.json and for people; a new reference */
json_t *asset_json(const struct asset *a)
{
    json_t *o = json_object();
    json_t *prints = json_array();
    json_t *addresses = json_array();
    const uint8_t *at = a->addresses;

    for (size_t i = 0; i < a->n_prints; i++)
        (void)json_array_append_new(prints, json_string(a->prints[i]));
    for (unsigned i = 0; i < a->n_addresses; i++) {
        uint64_t then;
        const char *address = asset_address_at(&at, &then);

        (void)json_array_append_new(addresses, json_pack("{s:s, s:I}", "address", address,
                                                         "last_unix_ms", (json_int_t)then));
    }
    set_text(o, "id", a->id);
    set_text(o, "name", asset_name(a));
    set_text(o, "state", a->record != NULL ? "declared" : "learned");
    (void)json_object_set_new(o, "declared", json_boolean(a->record != NULL));
    (void)json_object_set_new(o, "connected", json_boolean(!list_is_empty(&a->conns)));
    (void)json_object_set_new(o, "by_certificate", json_boolean(a->by_certificate));
    set_text(o, "client_id", a->client_id);
    set_text(o, "principal", a->principal);
    set_text(o, "role", a->role);
    set_text(o, "address", asset_address(a));
    (void)json_object_set_new(o, "addresses", addresses);
    (void)json_object_set_new(o, "fingerprints", prints);
    detail_set_json(a->detail, o);
    set_number(o, "protocol_level", a->protocol_level);
    set_text(o, "protocol", protocol_text(a->protocol_level));
    set_number(o, "n_connects", a->n_connects);
    set_number(o, "first_seen_unix_ms", a->first_seen_unix_ms);
    set_number(o, "last_seen_unix_ms", a->last_seen_unix_ms);
    set_number(o, "declared_unix_ms", a->declared_unix_ms);
    set_number(o, "concurrent_unix_ms", a->concurrent_unix_ms);
    set_number(o, "mismatch_unix_ms", a->mismatch_unix_ms);
    (void)json_object_set_new(o, "publishes", json_boolean(a->publishes));
    (void)json_object_set_new(o, "subscribes", json_boolean(a->subscribes));
    if (a->record != NULL)
        set_record(o, a->record);
    return o;
}
