/* SPDX-License-Identifier: Apache-2.0 */
/*
 * identify/crypto.c - how devices are protected, held against the declared profile
 *
 * The profile is a list in the inventory; the first entry that fits counts, and what
 * an entry does not say it leaves open.  MQ.ID.IC-04
 */
#include "identify/private.h"

#include <stdlib.h>

#include "base/mem.h"
#include "conf/conf.h"
#include "identify/tally.h"
#include "identify/traits.h"

#define SUNSET_DAYS 365

/* clang-format off */
static const struct {
    const char *key;
    size_t offset;
    enum identify_trait trait;
} profile_texts[] = {
    {"tls_version",     offsetof(struct crypto_entry, tls_version),     IDENTIFY_TRAIT_TLS_VERSION},
    {"tls_cipher",      offsetof(struct crypto_entry, tls_cipher),      IDENTIFY_TRAIT_TLS_CIPHER},
    {"tls_group",       offsetof(struct crypto_entry, tls_group),       IDENTIFY_TRAIT_TLS_GROUP},
    {"certificate_key", offsetof(struct crypto_entry, certificate_key), IDENTIFY_TRAIT_CERTIFICATE_KEY},
};
/* clang-format on */

static char **text_in(const struct crypto_entry *e, size_t i)
{
    return (char **)(void *)((char *)(uintptr_t)e + profile_texts[i].offset);
}

/** crypto_read() - one entry of crypto_profile in the inventory */
void crypto_read(struct conf_value at, struct crypto_entry *e)
{
    static const char *const keys[] = {"tls_version", "tls_cipher", "tls_group", "certificate_key",
                                       "deprecated",  "sunset",     NULL};

    conf_keys(at, keys);
    for (size_t i = 0; i < COUNT_OF(profile_texts); i++)
        (void)conf_string(conf_get(at, profile_texts[i].key), text_in(e, i));
    (void)conf_bool(conf_get(at, "deprecated"), &e->is_deprecated);
    (void)conf_date(conf_get(at, "sunset"), &e->sunset_unix_ms);
}

/** crypto_done() - free what crypto_read() took */
void crypto_done(struct crypto_entry *e)
{
    for (size_t i = 0; i < COUNT_OF(profile_texts); i++)
        free(*text_in(e, i));
}

static bool fits(const struct crypto_entry *e, const struct asset *a)
{
    for (size_t i = 0; i < COUNT_OF(profile_texts); i++) {
        const char *wanted = *text_in(e, i);
        struct bytes seen = asset_trait(a, profile_texts[i].trait);

        /* A client without a certificate is not judged by the key of one. */
        if (wanted != NULL && !bytes_equal(bytes_str(wanted), seen) &&
            !(seen.len == 0 && profile_texts[i].trait == IDENTIFY_TRAIT_CERTIFICATE_KEY))
            return false;
    }
    return true;
}

static const struct crypto_entry *entry_of(const struct inventory *v, const struct asset *a)
{
    for (size_t i = 0; i < v->n_crypto; i++)
        if (fits(&v->crypto[i], a))
            return &v->crypto[i];
    return NULL;
}

static bool is_ending(const struct crypto_entry *e, uint64_t now)
{
    return e->is_deprecated ||
           (e->sunset_unix_ms > 0 && e->sunset_unix_ms < now + SUNSET_DAYS * DAY_MS);
}

static bool has_tls(const struct asset *a)
{
    return asset_trait(a, IDENTIFY_TRAIT_TLS_VERSION).len > 0;
}

static bool counts(const struct identify *id, const struct asset *a, uint64_t now)
{
    return id->inventory->n_crypto > 0 && has_tls(a) && asset_was_here(a, now);
}

struct tally tally_suite_in_policy_ratio(const struct identify *id, uint64_t now)
{
    struct tally t = {0};

    for (size_t i = 0; i < id->counts.n_assets; i++) {
        if (!counts(id, id->assets[i], now))
            continue;
        t.of++;
        t.n += entry_of(id->inventory, id->assets[i]) != NULL;
    }
    return t;
}

struct tally tally_deprecated_share(const struct identify *id, uint64_t now)
{
    struct tally t = {0};

    for (size_t i = 0; i < id->counts.n_assets; i++) {
        const struct crypto_entry *e = entry_of(id->inventory, id->assets[i]);

        if (!counts(id, id->assets[i], now))
            continue;
        t.of++;
        t.n += e != NULL && is_ending(e, now);
    }
    return t;
}

/* ---- for people ---- */

static const char *judgement(const struct inventory *v, const struct asset *a, uint64_t now)
{
    const struct crypto_entry *e = has_tls(a) ? entry_of(v, a) : NULL; /* in clear: none fits */

    if (v->n_crypto == 0)
        return "no-profile";
    if (e == NULL)
        return "outside";
    return is_ending(e, now) ? "deprecated" : "inside";
}

static json_t *one_json(const struct identify *id, const struct asset *a, uint64_t now)
{
    json_t *o = json_pack("{s:s, s:s, s:b}", "id", a->id, "name", asset_name(a), "connected",
                          !list_is_empty(&a->conns));
    uint64_t not_after;

    for (unsigned t = IDENTIFY_TRAIT_TLS_VERSION; t < IDENTIFY_TRAIT_N; t++) {
        struct bytes value = asset_trait(a, t);

        if (value.len > 0)
            (void)json_object_set_new(o, identify_trait_name(t),
                                      json_stringn((const char *)value.at, value.len));
    }
    if (!has_tls(a))
        (void)json_object_set_new(o, "tls_version", json_string("none"));
    (void)json_object_set_new(o, "profile", json_string(judgement(id->inventory, a, now)));
    if (trait_date(asset_trait(a, IDENTIFY_TRAIT_CERTIFICATE_NOT_AFTER), &not_after))
        (void)json_object_set_new(o, "certificate_not_after_unix_ms",
                                  json_integer((json_int_t)not_after));
    return o;
}

/** identify_crypto_json() - of each asset, see identify.h; a new reference */
json_t *identify_crypto_json(const struct identify *id, uint64_t unix_ms)
{
    json_t *list = json_array();

    for (size_t i = 0; i < id->counts.n_assets; i++)
        (void)json_array_append_new(list, one_json(id, id->assets[i], unix_ms));
    return json_pack("{s:I, s:I, s:b, s:o}", "at_unix_ms", (json_int_t)unix_ms, "n",
                     (json_int_t)json_array_size(list), "has_profile", id->inventory->n_crypto > 0,
                     "assets", list);
}

/** identify_certificate_serial() - see identify.h; looks at every asset */
char *identify_certificate_serial(const struct identify *id, struct bytes client_id)
{
    const struct asset *last = NULL;
    struct bytes serial;

    for (size_t i = 0; i < id->counts.n_assets; i++) {
        const struct asset *a = id->assets[i];

        if (bytes_equal(bytes_str(a->client_id), client_id) &&
            (last == NULL || a->last_seen_unix_ms > last->last_seen_unix_ms))
            last = a;
    }
    serial = last != NULL ? asset_trait(last, IDENTIFY_TRAIT_CERTIFICATE_SERIAL) : BYTES_NONE;
    return serial.len > 0 ? bytes_dup_str(serial) : NULL;
}
