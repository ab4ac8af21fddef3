/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cli/register.c - bastide assets import, bastide flows import: into the declared inventory
 *
 * From CSV, from JSON as these verbs write it, or from CycloneDX.  What is there already
 * is left alone.  A row that does not say what it is of is left out, and a column that is
 * none of the inventory's; both are named.
 */
#include "cli/register.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/guess.h"
#include "base/shown.h"
#include "base/text.h"
#include "cli/ask.h"
#include "cli/bom.h"
#include "cli/csv.h"
#include "cli/declare.h"
#include "cli/home.h"
#include "cli/print.h"
#include "conf/conf.h"
#include "crypto/crypto.h"
#include "node/config.h"

#define FILE_BYTES_MAX (64U << 20)
#define SEEN           "seen_"
#define NAMED_MAX      10 /* rows that are left out, by name */

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
    const char *from; /* the file of the rows */
    struct declare into;
    json_t *known; /* owned: an object whose members are the records there are */
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

static bool is_csv(const char *path)
{
    return strlen(path) > 4 && strcmp(path + strlen(path) - 4, ".csv") == 0;
}

static json_t *read_rows(const char *path, char **ret_error)
{
    CLEANUP(buf_done) struct buf text = {0};
    json_error_t why;
    json_t *root, *rows;

    if (!file_read(path, FILE_BYTES_MAX, &text, ret_error))
        return NULL;
    if (is_csv(path))
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

static void leave_out(struct import *m, const char *what, const char *why, const char *of)
{
    if (m->n_unusable++ < NAMED_MAX)
        (void)fprintf(stderr, "%s: left out; %s %s\n", what, why, of);
}

/* The key whose value an inventory does not take, as what a client calls itself may be; NULL: none.
 */
static const char *treacherous_key(const struct import *m, const json_t *row)
{
    uint32_t code;

    for (size_t k = 0; k < m->kind->n_keys; k++) {
        const char *value = value_of(row, &m->kind->keys[k]);

        if (value != NULL && shown_treacherous(bytes_str(value), &code) != 0)
            return m->kind->keys[k].key;
    }
    return NULL;
}

/* @n: of the row, from 1 on. */
static void take_row(struct import *m, const json_t *row, size_t n)
{
    CLEANUP(buf_done) struct buf id = {0};
    CLEANUP(buf_done) struct buf what = {0};
    const char *name = text_of(row, m->kind->ids[0]);
    const char *key = treacherous_key(m, row);

    buf_addf(&what, "%s: row %zu (", m->from, n);
    shown_add(&what, bytes_str(name != NULL ? name : "-"));
    buf_addf(&what, ")%c", 0);
    if (!identity_of(m->kind, row, &id)) {
        leave_out(m, (const char *)what.at, "it needs", m->kind->needs);
        return;
    }
    if (key != NULL) {
        leave_out(m, (const char *)what.at,
                  "it has control characters or such that are not seen in", key);
        return;
    }
    if (json_object_get(m->known, (const char *)id.at) != NULL) {
        m->n_known++;
        return;
    }
    (void)json_object_set_new(m->known, (const char *)id.at, json_true());
    declare_record(&m->into, (const char *)what.at);
    for (size_t k = 0; k < m->kind->n_keys; k++) {
        const char *value = value_of(row, &m->kind->keys[k]);

        if (value != NULL)
            declare_pair(&m->into, m->kind->keys[k].key, value);
    }
    m->n_added++;
}

/* ---- columns that nobody asks for ---- */

/* A key, what a row calls it, or what was seen in its place. */
static bool is_of(const struct register_key *k, const char *column)
{
    size_t seen = sizeof(SEEN) - 1;

    return strcmp(column, k->key) == 0 || (k->from != NULL && strcmp(column, k->from) == 0) ||
           (strncmp(column, SEEN, seen) == 0 && strcmp(column + seen, k->key) == 0);
}

static bool is_asked_for(const struct register_kind *kind, const char *column,
                         const struct csv_column *written, size_t n_written)
{
    for (size_t i = 0; i < kind->n_keys; i++)
        if (is_of(&kind->keys[i], column))
            return true;
    for (size_t i = 0; i < n_written; i++)
        if (strcmp(column, written[i].title) == 0)
            return true;
    return false;
}

static void name_column(const struct import *m, const char *column)
{
    struct guess g = {.typed = column, .n_edits = 3};

    for (size_t i = 0; i < m->kind->n_keys; i++)
        guess_at(&g, m->kind->keys[i].key);
    (void)fprintf(stderr, "%s: column \"%s\" is left out: the inventory has no such key%s%s%s\n",
                  m->from, column, g.nearest != NULL ? "; is it " : "", text_or_empty(g.nearest),
                  g.nearest != NULL ? "?" : "");
}

/* @written: the columns that the verb itself writes, which may come back. */
static void name_columns(const struct import *m, const json_t *rows,
                         const struct csv_column *written, size_t n_written)
{
    json_t *named = json_object();
    const json_t *row;
    const char *column;
    json_t *v;
    size_t i;

    json_array_foreach(rows, i, row)
    {
        json_object_foreach((json_t *)(uintptr_t)row, column, v)
        {
            if (is_asked_for(m->kind, column, written, n_written) ||
                json_object_get(named, column) != NULL)
                continue;
            (void)json_object_set_new(named, column, json_true());
            name_column(m, column);
        }
    }
    json_decref(named);
}

/* ---- the verb ---- */

static void know(struct import *m, struct conf_value item)
{
    CLEANUP(buf_done) struct buf id = {0};

    for (size_t i = 0; i < COUNT_OF(m->kind->ids) && m->kind->ids[i] != NULL; i++) {
        const char *text = conf_text(conf_get(item, m->kind->ids[i]));

        buf_addf(&id, "%s\n", text_or_empty(text));
    }
    buf_add_u8(&id, 0);
    (void)json_object_set_new(m->known, (const char *)id.at, json_true());
}

static bool read_known(struct import *m, const char *inventory, char **ret_error)
{
    struct conf *c;
    struct conf_value list;
    bool ok;

    m->known = json_object();
    if (!declare_open(&m->into, inventory, m->kind->list, ret_error))
        return false;
    c = conf_parse(inventory, buf_view(&m->into.text));
    list = conf_get(conf_root(c), m->kind->list);
    for (size_t i = 0; i < conf_len(list); i++)
        know(m, conf_item(list, i));
    ok = conf_ok(c, ret_error);
    conf_close(c);
    return ok;
}

static void take_rows(struct import *m, const json_t *rows, const struct csv_column *written,
                      size_t n_written)
{
    const json_t *row;
    size_t i;

    if (is_csv(m->from))
        name_columns(m, rows, written, n_written);
    json_array_foreach(rows, i, row) take_row(m, row, i + 1);
    if (m->n_unusable > NAMED_MAX)
        (void)fprintf(stderr, "%s: and %u more\n", m->from, m->n_unusable - NAMED_MAX);
}

static int finish(struct import *m, bool is_dry)
{
    char *error = NULL;
    int rc;

    if (m->n_added > 0 && !declare_try(&m->into, !is_dry, &error)) {
        rc = cli_fail("%s; nothing was changed", error);
        free(error);
        return rc;
    }
    if (is_dry)
        print_buf(&m->into.added);
    (void)fprintf(stderr, "%s: %u %sadded, %u there already, %u left out\n", m->into.path,
                  m->n_added, is_dry ? "would be " : "", m->n_known, m->n_unusable);
    return m->n_unusable > 0 ? CLI_NO : CLI_OK;
}

static int import_into(struct import *m, const char *inventory, bool is_dry,
                       const struct csv_column *written, size_t n_written)
{
    char *error = NULL;
    json_t *rows = read_rows(m->from, &error);
    int rc;

    if (rows == NULL) {
        rc = cli_fail("%s: %s", m->from, error);
    } else if (!read_known(m, inventory, &error)) {
        rc = cli_fail("%s; nothing was changed", error);
    } else {
        take_rows(m, rows, written, n_written);
        rc = finish(m, is_dry);
    }
    free(error);
    json_decref(rows);
    return rc;
}

/**
 * register_import() - what a file lists into the inventory of the configuration
 * @path:    of the file
 * @written: the columns that the verb itself writes: what only they have is left out without a word
 *
 * Return: an enum cli_exit; CLI_NO as well when a row was left out.
 */
int register_import(const struct cli_args *a, enum register_list list, const char *path,
                    const struct csv_column *written, size_t n_written)
{
    struct config *c = NULL;
    struct import m = {.kind = &kinds[list], .from = path};
    bool is_dry = cli_flag(a, "--dry-run");
    int rc = ask_config(a, &c);

    if (rc != CLI_OK)
        return rc;
    if (c->inventory_file == NULL) {
        rc = cli_fail("%s: there is no inventory_file; name one, such as inventory_file: "
                      "inventory.yaml",
                      c->path);
    } else {
        rc = import_into(&m, c->inventory_file, is_dry, written, n_written);
        if (rc != CLI_USAGE && m.n_added > 0 && !is_dry)
            home_hint_reload(c->dir);
        declare_done(&m.into);
        json_decref(m.known);
    }
    config_free(c);
    return rc;
}
