/* SPDX-License-Identifier: Apache-2.0 */
/* cli/backup.c - bastide backup: a node's home elsewhere, and back; MQ.RC.RP-08 */
#include "store/backup.h"

#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/text.h"
#include "cli/ask.h"
#include "cli/home.h"
#include "cli/keys.h"
#include "cli/print.h"
#include "cli/state.h"

#define BACKUPS_KEPT_MAX 100000
#define DAYS_MAX         36500

/* ---- create ---- */

static int create_here(struct state *s, const char *dir)
{
    const struct config *c = s->config;
    const struct backup_input in = {
        .dir = dir,
        .home = c->dir,
        .state_dir = c->state_dir,
        .key_file = c->key_file,
        .node_name = c->node_name,
    };
    struct backup_result r;
    char *error = NULL;
    char *text;

    if (!backup_create(&in, s->control, s->keys, &r, &error))
        return home_failed(error);
    text = backup_text(&r);
    home_say("%s\n", text);
    free(text);
    return CLI_OK;
}

static int create(const struct cli_args *a, const char *dir)
{
    struct state s;
    int rc = state_open(a, STATE_REFUSE, &s);

    if (rc == CLI_OK && s.control != NULL)
        rc = create_here(&s, dir);
    else if (rc == CLI_OK)
        rc = ask_do(a, "/v1/backups", json_pack("{s:s}", "dir", dir));
    state_done(&s);
    return rc;
}

/* ---- list ---- */

static void warn_of_leftovers(const char *dir)
{
    json_t *all = backup_leftovers(dir, NULL);
    const json_t *path;
    size_t i;

    json_array_foreach(all, i, path)(void)
        cli_fail("%s was left by a verify of an earlier version that was cut short, and holds "
                 "a home in clear: remove it, or let bastide backup prune do it",
                 json_string_value(path));
    json_decref(all);
}

static int list(const struct cli_args *a, const char *dir)
{
    static const struct show_field columns[] = {{"BACKUP", "id", SHOW_TEXT}};
    char *error = NULL;
    json_t *all = backup_list(dir, &error);

    if (all == NULL)
        return home_failed(error);
    print_list(all, cli_flag(a, "--json"), "no backups", columns, COUNT_OF(columns));
    json_decref(all);
    warn_of_leftovers(dir);
    return CLI_OK;
}

/* ---- verify, restore ---- */

/* By --key-file, else as the configuration says. */
static int take_key(const struct cli_args *a, struct config **ret_config, struct key_given *ret)
{
    int rc;

    if (cli_arg(a, "--key-file") != NULL) {
        *ret =
            (struct key_given){.source = {.kind = KEY_FROM_FILE, .name = cli_arg(a, "--key-file")}};
        return CLI_OK;
    }
    if (cli_arg(a, "--passphrase-fd") != NULL) {
        const struct config passphrase = {.key_from = KEY_FROM_PASSPHRASE};

        return keys_given(a, &passphrase, ret);
    }
    rc = ask_config(a, ret_config);
    return rc == CLI_OK ? keys_given(a, *ret_config, ret) : rc;
}

static void say_restored(const struct backup_restored *r, const char *where)
{
    char date[21];

    home_say("%s of node %s, made %s: %zu files, %llu bytes, all authentic; the control store "
             "opens, its %zu audit entries are whole.%s%s\n",
             r->id, r->node_name, date_text(r->made_unix_ms, date), r->n_files,
             (unsigned long long)r->bytes, r->n_audit_entries, where != NULL ? " It is in " : "",
             text_or_empty(where));
}

static int verify(const struct cli_args *a, const char *dir)
{
    struct config *c = NULL;
    struct key_given g = {0};
    struct backup_restored r;
    char *error = NULL;
    int rc = take_key(a, &c, &g);

    if (rc == CLI_OK && !backup_verify(dir, cli_arg(a, "--id"), &g.source, &r, &error))
        rc = home_failed(error);
    else if (rc == CLI_OK)
        say_restored(&r, NULL);
    keys_given_done(&g);
    config_free(c);
    return rc;
}

/* Where the restored configuration looks for it, unless it is elsewhere or there. */
static int put_key(const struct key_source *from, const struct config *c, const char *into)
{
    CLEANUP(secret_buf_done) struct buf key = {0};
    char *error = NULL;
    char *keys;
    bool ok;

    if (from->kind != KEY_FROM_FILE || strncmp(c->key_file, into, strlen(into)) != 0)
        return CLI_OK;
    keys = home_path(into, "keys");
    ok = folder_make(keys, &error) && file_read(from->name, 4096, &key, &error) &&
         file_replace(c->key_file, buf_view(&key), 0600, &error);
    free(keys);
    return ok ? CLI_OK : home_failed(error);
}

/* To whom the node becomes, or it could not read what root has restored. */
static int give_to_node(const struct config *c, const char *into)
{
    const struct passwd *user = c->run_as != NULL ? getpwnam(c->run_as) : NULL;
    char *error = NULL;

    if (geteuid() != 0 || user == NULL ||
        home_give(into, c->run_as, user->pw_uid, user->pw_gid, &error))
        return CLI_OK;
    return home_failed(error);
}

static int not_ready(const char *into, char *error)
{
    int rc = cli_fail("%s: when that is mended, put the at-rest key to its place and give %s to "
                      "the node's user (chown -R), or restore again",
                      error, into);

    free(error);
    return rc;
}

static int make_ready(const struct key_source *key, const char *into)
{
    char *path = home_path(into, "bastide.yaml");
    char *error = NULL;
    struct config *c = config_load(path, &error);
    int rc;

    free(path);
    if (c == NULL)
        return not_ready(into, error);
    rc = put_key(key, c, into);
    if (rc == CLI_OK)
        rc = give_to_node(c, into);
    config_free(c);
    return rc;
}

static int restore(const struct cli_args *a, const char *dir)
{
    struct config *c = NULL;
    struct key_given g = {0};
    struct backup_restored r;
    char *error = NULL;
    char *into;
    int rc;

    if (cli_arg(a, "--into") == NULL)
        return cli_usage(a->verb, "say where to: --into DIR, which is empty or not there");
    into = home_absolute(cli_arg(a, "--into"));
    rc = take_key(a, &c, &g);
    if (rc == CLI_OK && !backup_restore(dir, cli_arg(a, "--id"), &g.source, into, &r, &error)) {
        rc = home_failed(error);
        if (r.is_begun)
            (void)cli_fail("%s has a part of it, and is no home: take single files from there, or "
                           "remove it before the next try",
                           into);
    }
    if (rc == CLI_OK) {
        say_restored(&r, into);
        rc = make_ready(&g.source, into);
    }
    keys_given_done(&g);
    config_free(c);
    free(into);
    return rc;
}

/* ---- prune ---- */

static int take_prune(const struct cli_args *a, unsigned *ret_keep, uint64_t *ret_before_unix_ms)
{
    const char *keep = cli_arg(a, "--keep");
    const char *days = cli_arg(a, "--older-than");
    unsigned n_days = 0;

    *ret_keep = 1;
    if (keep == NULL && days == NULL)
        return cli_usage(a->verb, "say which stay: --keep N, or --older-than DAYS, or both");
    if (keep != NULL && !number_parse(keep, 1, BACKUPS_KEPT_MAX, ret_keep))
        return cli_usage(a->verb, "--keep %s is no number from 1 to %d", keep, BACKUPS_KEPT_MAX);
    if (days != NULL && !number_parse(days, 0, DAYS_MAX, &n_days))
        return cli_usage(a->verb, "--older-than %s is no number of days", days);
    /* A backup is named to the second: without --older-than one of this second may go, too. */
    *ret_before_unix_ms = days != NULL ? clock_unix_ms() - n_days * DAY_MS : clock_unix_ms() + 1000;
    return CLI_OK;
}

static void say_pruned(const struct backup_pruned *r)
{
    home_say("%zu backups removed, and %zu chunks that only they needed, %llu bytes; %zu are "
             "kept, and all of their chunks are there\n",
             r->n_removed, r->n_chunks_removed, (unsigned long long)r->bytes_freed, r->n_kept);
    if (r->n_leftovers > 0)
        home_say("%zu folders removed in which a verify of an earlier version had left a home in "
                 "clear\n",
                 r->n_leftovers);
}

static int prune(const struct cli_args *a, const char *dir)
{
    struct config *c = NULL;
    struct key_given g = {0};
    struct backup_pruned r;
    uint64_t before_unix_ms = 0;
    unsigned keep = 0;
    char *error = NULL;
    int rc = take_prune(a, &keep, &before_unix_ms);

    if (rc == CLI_OK)
        rc = take_key(a, &c, &g);
    if (rc == CLI_OK && !backup_prune(dir, &g.source, keep, before_unix_ms, &r, &error))
        rc = home_failed(error);
    else if (rc == CLI_OK)
        say_pruned(&r);
    keys_given_done(&g);
    config_free(c);
    return rc;
}

/** cli_backup() - bastide backup create | list | verify | restore | prune DIR */
int cli_backup(int argc, char **argv)
{
    static const struct {
        const char *name;
        int (*run)(const struct cli_args *a, const char *dir);
    } words[] = {{"create", create},
                 {"list", list},
                 {"verify", verify},
                 {"restore", restore},
                 {"prune", prune}};
    struct cli_args a;
    int rc = cli_args_parse(&a, argc, argv, 2, 2);
    char *dir;

    if (rc != CLI_OK)
        return rc;
    for (size_t i = 0; i < COUNT_OF(words); i++) {
        if (strcmp(words[i].name, a.operands[0]) != 0)
            continue;
        rc = cli_json_is_for(&a, words[i].run == list, "list");
        if (rc != CLI_OK)
            return rc;
        dir = home_absolute(a.operands[1]);
        rc = words[i].run(&a, dir);
        free(dir);
        return rc;
    }
    return cli_usage(a.verb, "%s is none of create, list, verify, restore, prune", a.operands[0]);
}
