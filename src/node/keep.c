/* SPDX-License-Identifier: Apache-2.0 */
/*
 * node/keep.c - the control plane's calls on what the node stores: keys and backups
 *
 * They run on the thread that asks, the admin's; messages are not held up.
 *
 * MQ.PR.SP-06 MQ.RC.RP-08
 */
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "base/text.h"
#include "node/node_private.h"
#include "node/scribe.h"
#include "store/backup.h"
#include "store/journal_io.h"

static enum node_answer end(struct node *n, const char *author, const char *action,
                            const char *object, char *error, char *done, char **ret_text)
{
    enum node_answer a = error == NULL ? NODE_OK : NODE_E_FAILED;

    *ret_text = error == NULL ? done : error;
    log_line(error == NULL ? LOG_INFO : LOG_ERROR, "store", "%s: %s: %s", author, action,
             *ret_text);
    node_audit(n, author, action, object, "", *ret_text);
    return a;
}

/* ---- rows that people and exercises add ---- */

static bool records_table(const char *text, enum control_table *ret)
{
    enum control_table t;

    if (!control_table_parse(text, &t) || (t != CONTROL_DRILL && t != CONTROL_ASSESSMENT))
        return false;
    *ret = t;
    return true;
}

/** node_records_json() - see node.h */
json_t *node_records_json(struct node *n, const char *table)
{
    enum control_table t;
    json_t *all;
    char *error = NULL;

    if (!records_table(table, &t))
        return json_null();
    all = json_array();
    if (!control_rows_json(n->control, t, all, &error))
        log_error("store", "%s", error);
    free(error);
    return all;
}

/** node_record() - see node.h */
enum node_answer node_record(struct node *n, const char *table, const json_t *row,
                             const char *author, char **ret_text)
{
    enum control_table t;
    char *text;
    bool kept;

    if (!records_table(table, &t)) {
        *ret_text = text_format("nothing is recorded as \"%s\": use drill or assessment", table);
        return NODE_E_NOT_FOUND;
    }
    text = json_dumps(row, JSON_COMPACT | JSON_PRESERVE_ORDER);
    control_append(n->control, t, clock_unix_ms(), text);
    kept = control_flush(n->control);
    node_audit(n, author, "record", table, text, kept ? "done" : "not on disk");
    free(text);
    *ret_text = text_format(kept ? "recorded" : "it could not be stored; the log says why");
    return kept ? NODE_OK : NODE_E_FAILED;
}

/* ---- keys ---- */

/** node_keys_json() - see node.h */
json_t *node_keys_json(struct node *n)
{
    return state_keys_json(n->keys);
}

/* Each seals anew what it keeps; when all have, nothing needs an older key. */
static bool reseal_control(struct node *n, char **ret_error)
{
    return control_reseal(n->control, ret_error);
}

static bool reseal_journal(struct node *n, char **ret_error)
{
    return n->scribe == NULL || scribe_reseal(n->scribe, ret_error);
}

static bool (*const sealers[])(struct node *n, char **ret_error) = {reseal_control, reseal_journal};

static bool reseal_all(struct node *n, char **ret_error)
{
    for (size_t i = 0; i < COUNT_OF(sealers); i++)
        if (!sealers[i](n, ret_error))
            return false;
    return true;
}

static bool drop_older(struct node *n, uint32_t current, char **ret_error)
{
    uint32_t ids[KEYRING_KEYS_MAX];
    size_t n_ids = keyring_ids(n->keys, ids);

    for (size_t i = 0; i < n_ids; i++)
        if (ids[i] != current && !keyring_drop(n->keys, ids[i], ret_error))
            return false;
    return true;
}

/** node_key_rotate() - see node.h */
enum node_answer node_key_rotate(struct node *n, const char *author, char **ret_text)
{
    uint32_t id = 0;
    char *error = NULL;
    char *done = NULL;

    if (keyring_add(n->keys, &id, &error) && reseal_all(n, &error)) {
        if (journal_is_aside(n->started->state_dir))
            done = text_format(
                "data key %u is for what is new; the older ones stay, for a journal of "
                "before was set aside, %s/journal-*, and is sealed with them: remove it",
                id, n->started->state_dir);
        else if (drop_older(n, id, &error))
            done = text_format(
                "everything is sealed with data key %u; the older ones are destroyed", id);
    }
    return end(n, author, "rotate", "data key", error, done, ret_text);
}

/** node_key_change() - see node.h */
enum node_answer node_key_change(struct node *n, const char *file, const char *author,
                                 char **ret_text)
{
    const struct key_source to = {.kind = KEY_FROM_FILE, .name = file};
    char *error = NULL;
    char *done = NULL;

    if (file[0] != '/') {
        *ret_text =
            text_format("the file of the at-rest key must be an absolute path, not %s", file);
        return NODE_E_INVALID;
    }
    if (at_rest_key_create(file, &error) && keyring_reseal(n->keys, &to, &error))
        done = text_format(
            "the keyring is under the at-rest key in %s; the old one opens nothing any more "
            "but older backups. Before the next start let the configuration say so: store: "
            "{key_from: file, key_file: %s}",
            file, file);
    return end(n, author, "change", "at-rest key", error, done, ret_text);
}

/* ---- backups ---- */

static void keep_date(struct node *n, const struct backup_input *in, const struct backup_result *r)
{
    json_t *o = json_pack("{s:s, s:s, s:I}", "id", r->id, "dir", in->dir, "left_out",
                          (json_int_t)r->n_left_out);
    char *text = json_dumps(o, JSON_COMPACT);

    control_put(n->control, CONTROL_SETTING, NODE_BACKUP_SETTING, r->at_unix_ms, text);
    free(text);
    json_decref(o);
}

/** node_backup() - see node.h */
enum node_answer node_backup(struct node *n, const char *dir, const char *author, char **ret_text)
{
    const struct config *c = n->started;
    const struct backup_input in = {
        .dir = dir,
        .home = c->dir,
        .state_dir = c->state_dir,
        .key_file = c->key_file,
        .node_name = c->node_name,
    };
    struct backup_result r = {0};
    char *error = NULL;
    char *done = NULL;

    if (dir[0] != '/') {
        *ret_text = text_format("the folder of a backup must be an absolute path, not %s", dir);
        return NODE_E_INVALID;
    }
    if (backup_create(&in, n->control, n->keys, &r, &error)) {
        keep_date(n, &in, &r);
        done = backup_text(&r);
    }
    return end(n, author, "backup", dir, error, done, ret_text);
}
