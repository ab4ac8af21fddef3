/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cli/register.c - bastide assets import, bastide flows import: into the declared inventory
 *
 * From CSV, from JSON as these verbs write it, or from CycloneDX.  New records are put
 * at the head of the inventory's list; comments and all else in the file stay.  What is
 * there already is left alone.  The file is read again before it takes the old one's
 * place: all or nothing.
 */
#include "cli/register.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/ask.h"
#include "cli/bom.h"
#include "cli/csv.h"
#include "cli/home.h"
#include "conf/conf.h"
#include "crypto/crypto.h"
#include "node/node.h"

#define FILE_BYTES_MAX (64U << 20)
#define FILE_MODE      0644
#define SEEN           "seen_"

/* A key of a record in the inventory; @from: what a row calls it instead. */
struct register_key {
    const char *key;
    const char *from;
};

/* One of the inventory's lists that can be imported into. */
struct register_kind {
    const char *list;      /* key in the inventory */
    const char *ids[4];    /* members that say which record it is; NULL ends them */
    const char *proofs[4]; /* of these a row needs one; none: all of @ids */
    const struct register_key *keys;
    size_t n_keys;
    const char *needs; /* for a person: what a row must have */
};

/* clang-format off */
static const struct register_key asset_keys[] = {
    {"name", NULL},
    {"client_id", NULL},      {"certificate_cn", NULL}, {"user_name", NULL},     {"owner", NULL},
    {"site", NULL},           {"location", NULL},       {"zone", NULL},          {"role", NULL},
    {"criticality", NULL},    {"state", "lifecycle"},   {"state_since", NULL},   {"approved_at", NULL},
    {"manufacturer", NULL},   {"hw_model", NULL},       {"hw_serial", NULL},     {"firmware", NULL},
    {"software", NULL},       {"library", NULL},        {"os", NULL},            {"protocol", NULL},
    {"tls_version", NULL},    {"expected_address", NULL}, {"expected_interval_s", NULL},
    {"end_of_support", NULL}, {"replacement", NULL},    {"exposure_class", NULL}, {"key_storage", NULL},
    {"direction", NULL},      {"location_confirmed", NULL}, {"certificate_fingerprint", NULL},
};
static const struct register_key flow_keys[] = {
    {"from", NULL}, {"topic", NULL}, {"to", NULL}, {"classification", NULL}, {"owner", NULL}, {"crosses_zones", NULL},
};
static const struct register_kind kinds[] = {
    [REGISTER_ASSETS] = {"assets", {"name"}, {"client_id", "certificate_cn", "user_name"}, asset_keys,
                         COUNT_OF(asset_keys), "a name, and client_id, certificate_cn or user_name"},
    [REGISTER_FLOWS]  = {"flows", {"from", "topic", "to"}, {NULL}, flow_keys, COUNT_OF(flow_keys),
                         "from, topic and to"},
};
/* clang-format on */

struct import {
    const struct register_kind *kind;
    const char *path; /* of the inventory */
    struct buf text;  /* of the inventory */
    json_t *known;    /* owned: an object whose members are the records there are */
    struct buf added; /* YAML */
    unsigned n_added;
    unsigned n_known;
    unsigned n_unusable;
};

static const char *text_of(const json_t *o, const char *key)
{
    const char *text = json_string_value(json_object_get(o, key));

    return text != NULL && text[0] != '\0' ? text : NULL;
}

static void set(json_t *o, const char *key, const char *text)
{
    if (text != NULL && text[0] != '\0')
        (void)json_object_set_new(o, key, json_string(text));
}

static void add_differences(struct buf *to, const json_t *asset)
{
    const json_t *d;
    size_t i;

    json_array_foreach(json_object_get(asset, "differences"), i, d)
    {
        const char *what = text_of(d, "what");
        const char *declared = text_of(d, "declared");
        const char *seen = text_of(d, "seen");

        if (what == NULL)
            continue;
        buf_addf(to, "%s%s", to->len > 0 ? "; " : "", what);
        if (declared != NULL && seen != NULL)
            buf_addf(to, ": %s -> %s", declared, seen);
    }
    buf_add_u8(to, 0);
}

/**
 * register_flat() - one asset as a row: texts that stand deeper are lifted; a new reference
 *
 * A device that was learned by its certificate is that one under whatever client id, so the one
 * that it has now is not in the row: a record made of it would ask for both.
 */
json_t *register_flat(const json_t *asset)
{
    CLEANUP(buf_done) struct buf differences = {0};
    json_t *row = json_copy((json_t *)(uintptr_t)asset);
    bool by_certificate = json_is_true(json_object_get(asset, "by_certificate"));
    const char *key;
    json_t *v;

    set(row, by_certificate ? "certificate_cn" : "user_name", text_of(asset, "principal"));
    if (by_certificate && !json_is_true(json_object_get(asset, "declared")))
        (void)json_object_del(row, "client_id");
    json_object_foreach(json_object_get(asset, "traits"), key, v)
    {
        CLEANUP(buf_done) struct buf name = {0};

        buf_addf(&name, SEEN "%s", key);
        buf_add_u8(&name, 0);
        set(row, (const char *)name.at, json_string_value(v));
    }
    add_differences(&differences, asset);
    set(row, "differs", (const char *)differences.at);
    return row;
}

/* ---- rows ---- */

static json_t *rows_of_json(json_t *root, char **ret_error)
{
    json_t *rows = NULL;
    const json_t *o;
    size_t i;

    if (json_is_object(root))
        return bom_read(root, ret_error);
    if (!json_is_array(root)) {
        *ret_error = bytes_dup_str(BYTES("it is neither a list of assets nor CycloneDX"));
        return NULL;
    }
    rows = json_array();
    json_array_foreach(root, i, o)(void) json_array_append_new(rows, register_flat(o));
    return rows;
}

static json_t *read_rows(const char *path, char **ret_error)
{
    CLEANUP(buf_done) struct buf text = {0};
    json_error_t why;
    json_t *root, *rows;

    if (!file_read(path, FILE_BYTES_MAX, &text, ret_error))
        return NULL;
    if (strlen(path) > 4 && strcmp(path + strlen(path) - 4, ".csv") == 0)
        return csv_read(buf_view(&text), ret_error);
    root = json_loadb((const char *)text.at, text.len, JSON_REJECT_DUPLICATES, &why);
    if (root == NULL) {
        CLEANUP(buf_done) struct buf error = {0};

        buf_addf(&error, "line %d: %s; a file of values is called *.csv", why.line, why.text);
        *ret_error = bytes_dup_str(buf_view(&error));
        return NULL;
    }
    rows = rows_of_json(root, ret_error);
    json_decref(root);
    return rows;
}

/* ---- into YAML ---- */

static const char *value_of(const json_t *row, const struct register_key *k)
{
    CLEANUP(buf_done) struct buf seen = {0};
    const char *text = text_of(row, k->key);

    if (k->from != NULL) /* "state" of a row says how the asset is known */
        return text_of(row, k->from);
    if (json_is_boolean(json_object_get(row, k->key)))
        return json_is_true(json_object_get(row, k->key)) ? "yes" : "no";
    buf_addf(&seen, SEEN "%s", k->key);
    buf_add_u8(&seen, 0);
    return text != NULL ? text : text_of(row, (const char *)seen.at);
}

/* A JSON text is a quoted text of YAML, too. */
static void add_pair(struct buf *to, const char *begin, const char *key, const char *value)
{
    json_t *text = json_string(value);
    char *quoted = text != NULL ? json_dumps(text, JSON_ENCODE_ANY) : NULL;

    if (quoted != NULL)
        buf_addf(to, "%s%s: %s\n", begin, key, quoted);
    free(quoted);
    json_decref(text);
}

/* Which record it is, as a C string; false: the row does not say. */
static bool identity_of(const struct register_kind *kind, const json_t *row, struct buf *ret)
{
    bool is_proved = kind->proofs[0] == NULL;

    for (size_t i = 0; i < COUNT_OF(kind->ids) && kind->ids[i] != NULL; i++) {
        if (text_of(row, kind->ids[i]) == NULL)
            return false;
        buf_addf(ret, "%s\n", text_of(row, kind->ids[i]));
    }
    for (size_t i = 0; i < COUNT_OF(kind->proofs) && kind->proofs[i] != NULL; i++)
        is_proved |= text_of(row, kind->proofs[i]) != NULL;
    buf_add_u8(ret, 0);
    return is_proved;
}

static void take_row(struct import *m, const json_t *row)
{
    CLEANUP(buf_done) struct buf id = {0};
    const char *begin = "  - ";

    if (!identity_of(m->kind, row, &id)) {
        m->n_unusable++;
        return;
    }
    if (json_object_get(m->known, (const char *)id.at) != NULL) {
        m->n_known++;
        return;
    }
    (void)json_object_set_new(m->known, (const char *)id.at, json_true());
    for (size_t k = 0; k < m->kind->n_keys; k++) {
        const char *value = value_of(row, &m->kind->keys[k]);

        if (value == NULL)
            continue;
        add_pair(&m->added, begin, m->kind->keys[k].key, value);
        begin = "    ";
    }
    m->n_added++;
}

/* Where @list begins a line, and ':' follows; NULL: nowhere. */
static const uint8_t *find_list(struct bytes text, const char *list)
{
    size_t head = strlen(list);
    size_t at = 0;

    while (at < text.len) {
        const uint8_t *end = memchr(text.at + at, '\n', text.len - at);
        size_t len = end != NULL ? (size_t)(end - text.at) - at : text.len - at;

        if (len > head && memcmp(text.at + at, list, head) == 0 && text.at[at + head] == ':')
            return text.at + at;
        at += len + 1;
    }
    return NULL;
}

/* Return: false when the list is written in a way that cannot be added to. */
static bool put_in(struct import *m, struct buf *ret)
{
    struct bytes text = buf_view(&m->text);
    const uint8_t *at = find_list(text, m->kind->list);
    size_t head, line;

    if (at == NULL) {
        buf_add(ret, text);
        if (text.len > 0 && text.at[text.len - 1] != '\n')
            buf_add_u8(ret, '\n');
        buf_addf(ret, "%s:\n", m->kind->list);
        buf_add(ret, buf_view(&m->added));
        return true;
    }
    head = (size_t)(at - text.at) + strlen(m->kind->list) + 1;
    line = head;
    while (line < text.len && text.at[line] != '\n')
        line++;
    buf_add(ret, bytes_of(text.at, head));
    for (size_t i = head; i < line && text.at[i] != '#'; i++)
        if (strchr(" \t[]\r", text.at[i]) == NULL)
            return false;
    buf_add_u8(ret, '\n');
    buf_add(ret, buf_view(&m->added));
    buf_add(ret, line < text.len ? bytes_of(text.at + line + 1, text.len - line - 1) : BYTES_NONE);
    return true;
}

static bool write_inventory(struct import *m, char **ret_error)
{
    CLEANUP(buf_done) struct buf text = {0};
    CLEANUP(buf_done) struct buf beside = {0};
    bool ok;

    if (!put_in(m, &text)) {
        *ret_error =
            bytes_dup_str(BYTES("its assets are a list in one line; write one item (- ) a line"));
        return false;
    }
    buf_addf(&beside, "%s.import", m->path);
    buf_add_u8(&beside, 0);
    ok = file_replace((const char *)beside.at, buf_view(&text), FILE_MODE, ret_error) &&
         node_inventory_check((const char *)beside.at, ret_error) &&
         file_replace(m->path, buf_view(&text), FILE_MODE, ret_error);
    (void)unlink((const char *)beside.at);
    return ok;
}

/* ---- the verb ---- */

static void know(struct import *m, struct conf_value item)
{
    CLEANUP(buf_done) struct buf id = {0};

    for (size_t i = 0; i < COUNT_OF(m->kind->ids) && m->kind->ids[i] != NULL; i++) {
        const char *text = conf_text(conf_get(item, m->kind->ids[i]));

        buf_addf(&id, "%s\n", text != NULL ? text : "");
    }
    buf_add_u8(&id, 0);
    (void)json_object_set_new(m->known, (const char *)id.at, json_true());
}

static bool read_known(struct import *m, char **ret_error)
{
    struct conf *c;
    struct conf_value list;
    bool ok;

    m->known = json_object();
    if (access(m->path, F_OK) != 0)
        return true; /* the first records make the file */
    if (!file_read(m->path, FILE_BYTES_MAX, &m->text, ret_error))
        return false;
    c = conf_open(m->path);
    list = conf_get(conf_root(c), m->kind->list);
    for (size_t i = 0; i < conf_len(list); i++)
        know(m, conf_item(list, i));
    ok = conf_ok(c, ret_error);
    conf_close(c);
    return ok;
}

static void import_done(struct import *m)
{
    buf_done(&m->text);
    buf_done(&m->added);
    json_decref(m->known);
}

static int import_into(struct import *m, const char *path, bool is_dry)
{
    char *error = NULL;
    json_t *rows = read_rows(path, &error);
    const json_t *row;
    bool ok;
    size_t i;

    if (rows == NULL) {
        int rc = cli_fail("%s: %s", path, error);

        free(error);
        return rc;
    }
    ok = read_known(m, &error);
    json_array_foreach(rows, i, row) if (ok) take_row(m, row);
    json_decref(rows);
    if (ok && is_dry && m->n_added > 0)
        (void)fwrite(m->added.at, 1, m->added.len, stdout);
    else if (ok && m->n_added > 0)
        ok = write_inventory(m, &error);
    if (!ok) {
        int rc = cli_fail("%s: %s; nothing was changed", m->path, error);

        free(error);
        return rc;
    }
    (void)fprintf(stderr, "%s: %u added, %u there already, %u left out (each needs %s)\n", m->path,
                  m->n_added, m->n_known, m->n_unusable, m->kind->needs);
    return CLI_OK;
}

/** register_import() - what the file @path lists into the inventory of the configuration */
int register_import(const struct cli_args *a, enum register_list list, const char *path)
{
    struct config *c = NULL;
    struct import m = {.kind = &kinds[list]};
    int rc = ask_config(a, &c);

    if (rc != CLI_OK)
        return rc;
    if (c->inventory_file == NULL) {
        rc = cli_fail("%s: there is no inventory_file; name one, such as inventory_file: "
                      "inventory.yaml",
                      c->path);
    } else {
        m.path = c->inventory_file;
        rc = import_into(&m, path, cli_flag(a, "--dry-run"));
        if (rc == CLI_OK && m.n_added > 0 && !cli_flag(a, "--dry-run"))
            home_hint_reload(c->dir);
        import_done(&m);
    }
    config_free(c);
    return rc;
}
