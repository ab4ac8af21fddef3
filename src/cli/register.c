/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cli/register.c - bastide assets import: devices into the declared inventory
 *
 * From CSV, from JSON as `bastide assets` writes it, or from CycloneDX.  New records
 * are put at the head of the inventory's list of assets; comments and all else in the
 * file stay.  A name that is there already is left alone.  The file is read again
 * before it takes the old one's place: all or nothing.
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

/* clang-format off */
/* Keys of a record in the inventory; @from: what a row calls it besides. */
static const struct {
    const char *key;
    const char *from;
} keys[] = {
    {"client_id", NULL},      {"certificate_cn", NULL}, {"user_name", NULL},     {"owner", NULL},
    {"site", NULL},           {"location", NULL},       {"zone", NULL},          {"role", NULL},
    {"criticality", NULL},    {"state", "lifecycle"},   {"state_since", NULL},   {"approved_at", NULL},
    {"manufacturer", NULL},   {"hw_model", NULL},       {"hw_serial", NULL},     {"firmware", NULL},
    {"software", NULL},       {"library", NULL},        {"os", NULL},            {"protocol", NULL},
    {"tls_version", NULL},    {"expected_address", NULL}, {"expected_interval_s", NULL},
    {"end_of_support", NULL}, {"replacement", NULL},    {"exposure_class", NULL}, {"key_storage", NULL},
    {"direction", NULL},      {"location_confirmed", NULL}, {"certificate_fingerprint", NULL},
};
/* clang-format on */

struct import {
    const char *path; /* of the inventory */
    struct buf text;  /* of the inventory */
    json_t *known;    /* owned: an object whose members are the names there are */
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
        const char *declared = text_of(d, "declared");
        const char *seen = text_of(d, "seen");

        buf_addf(to, "%s%s", i > 0 ? "; " : "", text_of(d, "what"));
        if (declared != NULL && seen != NULL)
            buf_addf(to, ": %s -> %s", declared, seen);
    }
    buf_add_u8(to, 0);
}

/** register_flat() - one asset as a row: texts that stand deeper are lifted; a new reference */
json_t *register_flat(const json_t *asset)
{
    CLEANUP(buf_done) struct buf differences = {0};
    json_t *row = json_copy((json_t *)(uintptr_t)asset);
    const char *proof =
        json_is_true(json_object_get(asset, "by_certificate")) ? "certificate_cn" : "user_name";
    const char *key;
    json_t *v;

    set(row, proof, text_of(asset, "principal"));
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

static const char *value_of(const json_t *row, size_t k)
{
    CLEANUP(buf_done) struct buf seen = {0};
    const char *text = text_of(row, keys[k].key);

    if (keys[k].from != NULL) /* "state" of a row says how the asset is known */
        return text_of(row, keys[k].from);
    buf_addf(&seen, SEEN "%s", keys[k].key);
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

static bool has_identity(const json_t *row)
{
    return text_of(row, "client_id") != NULL || text_of(row, "certificate_cn") != NULL ||
           text_of(row, "user_name") != NULL;
}

static void take_row(struct import *m, const json_t *row)
{
    const char *name = text_of(row, "name");

    if (name == NULL || !has_identity(row)) {
        m->n_unusable++;
        return;
    }
    if (json_object_get(m->known, name) != NULL) {
        m->n_known++;
        return;
    }
    (void)json_object_set_new(m->known, name, json_true());
    add_pair(&m->added, "  - ", "name", name);
    for (size_t k = 0; k < COUNT_OF(keys); k++)
        if (value_of(row, k) != NULL)
            add_pair(&m->added, "    ", keys[k].key, value_of(row, k));
    m->n_added++;
}

/* Where "assets:" stands alone at the begin of a line; NULL: nowhere. */
static const uint8_t *find_assets(struct bytes text)
{
    static const char head[] = "assets:";
    size_t at = 0;

    while (at < text.len) {
        const uint8_t *end = memchr(text.at + at, '\n', text.len - at);
        size_t len = end != NULL ? (size_t)(end - text.at) - at : text.len - at;

        if (len >= sizeof(head) - 1 && memcmp(text.at + at, head, sizeof(head) - 1) == 0)
            return text.at + at;
        at += len + 1;
    }
    return NULL;
}

/* Return: false when the list is written in a way that cannot be added to. */
static bool put_in(struct import *m, struct buf *ret)
{
    struct bytes text = buf_view(&m->text);
    const uint8_t *at = find_assets(text);
    size_t head, line;

    if (at == NULL) {
        buf_add(ret, text);
        if (text.len > 0 && text.at[text.len - 1] != '\n')
            buf_add_u8(ret, '\n');
        buf_addf(ret, "assets:\n");
        buf_add(ret, buf_view(&m->added));
        return true;
    }
    head = (size_t)(at - text.at) + strlen("assets:");
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
    list = conf_get(conf_root(c), "assets");
    for (size_t i = 0; i < conf_len(list); i++) {
        const char *name = conf_text(conf_get(conf_item(list, i), "name"));

        if (name != NULL)
            (void)json_object_set_new(m->known, name, json_true());
    }
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
    if (ok && is_dry)
        (void)fwrite(m->added.at, 1, m->added.len, stdout);
    else if (ok && m->n_added > 0)
        ok = write_inventory(m, &error);
    if (!ok) {
        int rc = cli_fail("%s: %s; nothing was changed", m->path, error);

        free(error);
        return rc;
    }
    (void)fprintf(stderr,
                  "%s: %u added, %u there already, %u without a name or client_id, certificate_cn "
                  "or user_name\n",
                  m->path, m->n_added, m->n_known, m->n_unusable);
    return CLI_OK;
}

/** register_import() - devices of the file @path into the inventory of the configuration */
int register_import(const struct cli_args *a, const char *path)
{
    struct config *c = NULL;
    struct import m = {0};
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
