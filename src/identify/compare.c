/* SPDX-License-Identifier: Apache-2.0 */
/*
 * identify/compare.c - what is declared of a device and what is seen of it, side by side
 *
 * Only what a record declares is compared.  MQ.ID.AM-01 MQ.ID.AM-02 MQ.ID.AM-04
 */
#include "identify/private.h"

#include <stdlib.h>

#include "conf/conf.h"
#include "identify/tally.h"

#define SILENT_INTERVALS 3

/* clang-format off */
/* A text of the record, and the trait that says the same. */
static const struct {
    size_t declared;
    enum identify_trait seen;
} compared[] = {
    {offsetof(struct record, manufacturer), IDENTIFY_TRAIT_MANUFACTURER},
    {offsetof(struct record, hw_model),     IDENTIFY_TRAIT_HW_MODEL},
    {offsetof(struct record, hw_serial),    IDENTIFY_TRAIT_HW_SERIAL},
    {offsetof(struct record, firmware),     IDENTIFY_TRAIT_FIRMWARE},
    {offsetof(struct record, software),     IDENTIFY_TRAIT_SOFTWARE},
    {offsetof(struct record, library),      IDENTIFY_TRAIT_LIBRARY},
    {offsetof(struct record, os),           IDENTIFY_TRAIT_OS},
    {offsetof(struct record, tls_version),  IDENTIFY_TRAIT_TLS_VERSION},
};
/* clang-format on */

static void add(json_t *list, const char *what, const char *declared, struct bytes seen)
{
    json_t *o = json_pack("{s:s, s:s*}", "what", what, "declared", declared);

    if (seen.len > 0) {
        char *text = text_clean(seen);

        (void)json_object_set_new(o, "seen", json_string(text));
        free(text);
    }
    (void)json_array_append_new(list, o);
}

static void compare(json_t *list, const char *what, const char *declared, struct bytes seen)
{
    if (declared != NULL && seen.len > 0 && !bytes_equal(bytes_str(declared), seen))
        add(list, what, declared, seen);
}

static bool is_at(const char *expected, const char *address)
{
    struct address prefix, at;

    return prefix_parse(expected, &prefix) == NULL && address_parse(bytes_str(address), &at) &&
           prefix_has(&prefix, &at);
}

static bool is_in_use(const struct record *r)
{
    return (BIT(r->lifecycle) & LIFECYCLE_BIT_IN_SERVICE) != 0;
}

/* It was heard less often than it should be, or never. */
static bool is_missing(const struct record *r, uint64_t since_unix_ms, uint64_t unix_ms)
{
    uint64_t heard = MAX(r->last_seen_unix_ms, since_unix_ms);

    if (!is_in_use(r) || r->n_connected > 0)
        return false;
    if (r->interval_s <= 0)
        return r->last_seen_unix_ms == 0;
    return (double)(unix_ms - MIN(heard, unix_ms)) > SILENT_INTERVALS * 1000.0 * r->interval_s;
}

/** record_differences() - a new reference; of a record that no device has met */
json_t *record_differences(const struct identify *id, const struct record *r, uint64_t unix_ms)
{
    json_t *list = json_array();

    if (is_missing(r, id->since_unix_ms, unix_ms))
        add(list, "missing-device", r->name, BYTES_NONE);
    return list;
}

/** asset_differences() - [{"what", "declared", "seen"}]; a new reference */
json_t *asset_differences(const struct identify *id, const struct asset *a, uint64_t unix_ms)
{
    const struct record *r = a->record;
    const struct zone *z = zone_of(id->inventory, asset_address(a));
    json_t *list = json_array();

    if (r == NULL) {
        add(list, "unknown-device", NULL, bytes_str(asset_name(a)));
        return list;
    }
    if (is_missing(r, id->since_unix_ms, unix_ms))
        add(list, "missing-device", r->name, BYTES_NONE);
    if ((BIT(r->lifecycle) & LIFECYCLE_BIT_GONE) != 0 && !list_is_empty(&a->conns))
        add(list, "lifecycle", lifecycle_names[r->lifecycle], BYTES("connected"));
    if (r->expected_address != NULL && a->n_addresses > 0 &&
        !is_at(r->expected_address, asset_address(a)))
        add(list, "address", r->expected_address, bytes_str(asset_address(a)));
    if (r->zone != NULL && a->n_addresses > 0 && (z == NULL || strcmp(z->name, r->zone) != 0))
        add(list, "zone", r->zone, bytes_str(z != NULL ? z->name : "none declared"));
    compare(list, "protocol", r->protocol, bytes_str(protocol_text(a->protocol_level)));
    if (a->n_prints > 0)
        compare(list, "certificate", r->certificate_fingerprint, bytes_str(a->prints[0]));
    for (size_t i = 0; i < COUNT_OF(compared); i++)
        compare(list, identify_trait_name(compared[i].seen),
                *(char *const *)(const void *)((const char *)r + compared[i].declared),
                asset_trait(a, compared[i].seen));
    return list;
}

/** record_check_expected() - while the inventory is read: is what is expected of a device possible?
 */
void record_check_expected(struct conf_value at, const struct record *r)
{
    static const char *const protocols[] = {"3.1", "3.1.1", "5.0", NULL};
    struct address prefix;
    unsigned which;
    const char *why =
        r->expected_address != NULL ? prefix_parse(r->expected_address, &prefix) : NULL;

    if (why != NULL)
        conf_fail(conf_get(at, "expected_address"), "\"%s\" %s", r->expected_address, why);
    if (conf_given(conf_get(at, "protocol")))
        (void)conf_choice(conf_get(at, "protocol"), protocols, &which);
}

/* A version that was told in 90 days, or declared in an inventory that was approved in 90 days. */
static void count_fw_known(const struct identify *id, const struct asset *a, uint64_t now,
                           struct tally *t)
{
    bool is_told =
        asset_trait(a, IDENTIFY_TRAIT_FIRMWARE).len > 0 &&
        (!list_is_empty(&a->conns) || is_within_days(a->detail->traits_unix_ms, now, STANDS_DAYS));

    if (a->record == NULL || !record_is_approved(a->record) || !asset_was_here(a, now))
        return;
    t->of++;
    t->n += is_told || (a->record->firmware != NULL &&
                        is_within_days(id->inventory->approved_unix_ms, now, STANDS_DAYS));
}

struct tally tally_fw_known_ratio(const struct identify *id, uint64_t now)
{
    struct tally t = {0};

    for (size_t i = 0; i < id->counts.n_assets; i++)
        count_fw_known(id, id->assets[i], now, &t);
    return t;
}
