/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cli/bom.c - see bom.h; CycloneDX 1.5, ECMA-424
 *
 * An asset is a component of type "device"; its firmware, operating system, library
 * and software are components of it, and what the inventory knows besides stands in
 * properties named "bastide:KEY".  MQ.ID.AM-01 MQ.ID.AM-02
 */
#include "cli/bom.h"

#include "base/clock.h"
#include "base/text.h"

#define PREFIX "bastide:"

/* clang-format off */
/* A trait that is software, and its type in CycloneDX. */
static const struct {
    const char *key;
    const char *type;
} parts[] = {
    {"firmware", "firmware"},
    {"os",       "operating-system"},
    {"library",  "library"},
    {"software", "application"},
};
static const char *const properties[] = {
    "client_id", "certificate_cn", "user_name", "address", "owner", "site", "location", "zone", "role",
    "hw_serial", "criticality", "lifecycle", "protocol", "tls_version", "expected_address",
};
/* clang-format on */

/* What is seen goes before what is declared. */
static const char *value_of(const json_t *asset, const char *key)
{
    const char *text = json_string_value(json_object_get(json_object_get(asset, "traits"), key));

    return text != NULL ? text : json_string_value(json_object_get(asset, key));
}

static json_t *part_json(const char *type, const char *value)
{
    size_t name = strcspn(value, " /");

    /* "paho-c 1.3.12": a name and a version; a version alone is called by its type. */
    if (value[name] != '\0')
        return json_pack("{s:s, s:s%, s:s}", "type", type, "name", value, name, "version",
                         value + name + 1);
    return json_pack("{s:s, s:s, s:s}", "type", type, "name", type, "version", value);
}

static json_t *device_json(const json_t *asset)
{
    json_t *o = json_pack("{s:s, s:s, s:s}", "type", "device", "bom-ref",
                          json_string_value(json_object_get(asset, "id")), "name",
                          json_string_value(json_object_get(asset, "name")));
    json_t *more = json_array();
    json_t *props = json_array();
    const char *maker = value_of(asset, "manufacturer");
    const char *model = value_of(asset, "hw_model");

    if (maker != NULL)
        (void)json_object_set_new(o, "manufacturer", json_pack("{s:s}", "name", maker));
    if (model != NULL)
        (void)json_object_set_new(o, "version", json_string(model));
    for (size_t i = 0; i < COUNT_OF(parts); i++)
        if (value_of(asset, parts[i].key) != NULL)
            (void)json_array_append_new(more,
                                        part_json(parts[i].type, value_of(asset, parts[i].key)));
    for (size_t i = 0; i < COUNT_OF(properties); i++) {
        CLEANUP(buf_done) struct buf name = {0};

        if (value_of(asset, properties[i]) == NULL)
            continue;
        buf_addf(&name, PREFIX "%s", properties[i]);
        (void)json_array_append_new(props, json_pack("{s:s%, s:s}", "name", name.at, name.len,
                                                     "value", value_of(asset, properties[i])));
    }
    (void)json_object_set_new(o, "components", more);
    (void)json_object_set_new(o, "properties", props);
    return o;
}

/** bom_write() - a new reference */
json_t *bom_write(const json_t *assets, uint64_t unix_ms)
{
    char date[CLOCK_TEXT_LEN];
    json_t *components = json_array();
    const json_t *a;
    size_t i;

    json_array_foreach(assets, i, a)(void) json_array_append_new(components, device_json(a));
    return json_pack("{s:s, s:s, s:i, s:{s:s, s:{s:[{s:s, s:s, s:s}]}}, s:o}", "bomFormat",
                     "CycloneDX", "specVersion", "1.5", "version", 1, "metadata", "timestamp",
                     clock_format(unix_ms, date), "tools", "components", "type", "application",
                     "name", "bastide", "version", BASTIDE_VERSION, "components", components);
}

/* ---- reading ---- */

static const char *member(const json_t *o, const char *key)
{
    return json_string_value(json_object_get(o, key));
}

static void set(json_t *o, const char *key, const char *text)
{
    if (text != NULL && text[0] != '\0')
        (void)json_object_set_new(o, key, json_string(text));
}

static void read_part(json_t *record, const json_t *part)
{
    const char *name = member(part, "name");
    const char *version = member(part, "version");

    for (size_t i = 0; i < COUNT_OF(parts); i++) {
        CLEANUP(buf_done) struct buf text = {0};

        if (member(part, "type") == NULL || strcmp(member(part, "type"), parts[i].type) != 0)
            continue;
        if (name != NULL && strcmp(name, parts[i].type) != 0)
            buf_addf(&text, "%s%s", name, version != NULL ? " " : "");
        buf_addf(&text, "%s", text_or_empty(version));
        buf_add_u8(&text, 0);
        set(record, parts[i].key, (const char *)text.at);
    }
}

static json_t *read_device(const json_t *device)
{
    json_t *record = json_object();
    const json_t *v;
    size_t i;

    set(record, "name", member(device, "name"));
    set(record, "hw_model", member(device, "version"));
    set(record, "manufacturer", member(json_object_get(device, "manufacturer"), "name"));
    json_array_foreach(json_object_get(device, "components"), i, v) read_part(record, v);
    json_array_foreach(json_object_get(device, "properties"), i, v)
    {
        const char *name = member(v, "name");

        if (name != NULL && strncmp(name, PREFIX, sizeof(PREFIX) - 1) == 0)
            set(record, name + sizeof(PREFIX) - 1, member(v, "value"));
    }
    return record;
}

/**
 * bom_read() - records of the inventory, as objects of texts, from the devices of a document
 *
 * Return: a new reference; NULL with @ret_error, owned by the caller.
 */
json_t *bom_read(const json_t *bom, char **ret_error)
{
    json_t *records = json_array();
    const json_t *c;
    size_t i;

    if (member(bom, "bomFormat") == NULL || strcmp(member(bom, "bomFormat"), "CycloneDX") != 0) {
        *ret_error = bytes_dup_str(BYTES("it is no CycloneDX document: bomFormat does not say so"));
        json_decref(records);
        return NULL;
    }
    json_array_foreach(json_object_get(bom, "components"), i, c)
    {
        if (member(c, "type") != NULL && strcmp(member(c, "type"), "device") == 0)
            (void)json_array_append_new(records, read_device(c));
    }
    return records;
}
