/* SPDX-License-Identifier: Apache-2.0 */
/* identify/inventory_record.c - a device in the declared inventory; MQ.ID.AM-01 MQ.ID.AM-04 */
#include "identify/inventory.h"

#include <stdlib.h>

#include "base/mem.h"

/* clang-format off */
const char *const lifecycle_names[] = {
#define X(name, text) text,
    LIFECYCLES(X)
#undef X
    NULL,
};
const char *const criticality_names[] = {"", "low", "medium", "high", "safety", NULL};
static const char *const direction_names[] = {"", "publisher", "subscriber", "both", NULL};
static const char *const exposure_names[] = {"", "attended", "indoor-locked", "outdoor-locked", "public", NULL};
static const char *const key_storage_names[] = {"", "file", "secure-element", "tpm", "tee", NULL};

static const struct record_text {
    const char *key;
    size_t offset;
} record_texts[] = {
#define X(field) {#field, offsetof(struct record, field)},
    RECORD_TEXTS(X)
#undef X
};
/* clang-format on */

/** record_match_format() - what a device must show to be this record's, as the key of
 * inventory.by_match; appended */
void record_match_format(struct buf *ret, struct bytes cn, struct bytes user, struct bytes client,
                         struct bytes address)
{
    const struct bytes parts[] = {cn, user, client, address};

    for (size_t i = 0; i < COUNT_OF(parts); i++) {
        if (i > 0)
            buf_add_u8(ret, 0x1f);
        buf_add(ret, parts[i]);
    }
}

static void record_match(struct conf_value at, struct record *r)
{
    CLEANUP(buf_done) struct buf key = {0};

    if (r->certificate_cn == NULL && r->user_name == NULL && r->client_id == NULL &&
        r->address == NULL)
        conf_fail(at, "a device is known by client_id, certificate_cn, user_name or address");
    record_match_format(&key, bytes_str(r->certificate_cn), bytes_str(r->user_name),
                        bytes_str(r->client_id), bytes_str(r->address));
    r->match = bytes_dup_str(buf_view(&key));
}

/** record_read() - the mapping at @at; what is wrong is told to its file; .match is set */
void record_read(struct conf_value at, struct record *r)
{
    static const char *const keys[] = {"name",
                                       "client_id",
                                       "certificate_cn",
                                       "user_name",
                                       "address",
                                       "owner",
                                       "site",
                                       "location",
                                       "zone",
                                       "role",
                                       "hw_model",
                                       "hw_serial",
                                       "replacement",
                                       "manufacturer",
                                       "firmware",
                                       "software",
                                       "library",
                                       "os",
                                       "protocol",
                                       "tls_version",
                                       "expected_address",
                                       "certificate_fingerprint",
                                       "criticality",
                                       "state",
                                       "state_since",
                                       "approved_at",
                                       "expected_interval_s",
                                       "direction",
                                       "exposure_class",
                                       "location_confirmed",
                                       "inspected",
                                       "end_of_support",
                                       "auto_renew",
                                       "key_storage",
                                       "group",
                                       NULL};
    unsigned state = LIFECYCLE_APPROVED;

    conf_keys(at, keys);
    inventory_need_string(at, "name", &r->name);
    for (size_t i = 0; i < COUNT_OF(record_texts); i++)
        (void)conf_string(conf_get(at, record_texts[i].key),
                          (char **)(void *)((char *)r + record_texts[i].offset));
    record_match(at, r);
    record_check_expected(at, r);
    r->has_lifecycle = conf_choice(conf_get(at, "state"), lifecycle_names, &state);
    r->lifecycle = (enum lifecycle)state;
    inventory_kind(conf_get(at, "criticality"), criticality_names, (unsigned *)&r->criticality);
    inventory_kind(conf_get(at, "direction"), direction_names, (unsigned *)&r->direction);
    inventory_kind(conf_get(at, "exposure_class"), exposure_names, (unsigned *)&r->exposure);
    inventory_kind(conf_get(at, "key_storage"), key_storage_names, (unsigned *)&r->key_storage);
    inventory_answer(conf_get(at, "auto_renew"), &r->auto_renew);
    (void)conf_bool(conf_get(at, "group"), &r->is_group);
    (void)conf_number(conf_get(at, "expected_interval_s"), 0.001, 31536000, &r->interval_s);
    (void)conf_date(conf_get(at, "state_since"), &r->state_since_unix_ms);
    (void)conf_date(conf_get(at, "approved_at"), &r->approved_unix_ms);
    (void)conf_date(conf_get(at, "location_confirmed"), &r->location_confirmed_unix_ms);
    (void)conf_date(conf_get(at, "inspected"), &r->inspected_unix_ms);
    (void)conf_date(conf_get(at, "end_of_support"), &r->end_of_support_unix_ms);
}

/** record_done() - half-read is fine */
void record_done(struct record *r)
{
    free(r->name);
    free(r->match);
    for (size_t i = 0; i < COUNT_OF(record_texts); i++)
        free(*(char **)(void *)((char *)r + record_texts[i].offset));
}
