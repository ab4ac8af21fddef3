/* SPDX-License-Identifier: Apache-2.0 */
/* node/probes_store.c - evidence: what is stored, how it is sealed, and where it is kept else */
#include <limits.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "node/probes.h"
#include "store/audit.h"

#define MS_PER_HOUR 3600000.0
#define MS_PER_DAY  86400000.0

/* ---- the audit: MQ.PR.IP-04.t2 ---- */

static void check_head(void *arg, const struct audit_head *h)
{
    audit_check_head(arg, h);
}

static void check_row(void *arg, const struct audit_row *r)
{
    audit_check_row(arg, r);
}

static void audit_chain(struct node *n, struct evidence_list *e)
{
    CLEANUP(buf_done) struct buf problems = {0};
    char public[KEYRING_PUBLIC_TEXT_LEN];
    struct audit_check *c;

    keyring_public_text(n->keys, public);
    c = audit_check_new(public);
    if (control_audit_heads(n->control, check_head, c, NULL) &&
        control_audit_each(n->control, 0, 0, check_row, c, NULL) && audit_check_entries(c) > 0)
        evidence_add(e, "MQ.PR.IP-04.t2", audit_check_end(c, &problems), audit_check_entries(c),
                     NULL, "%zu entries against their chain and %zu signed heads",
                     audit_check_entries(c), audit_check_heads(c));
    audit_check_free(c);
}

/* ---- keys: MQ.PR.SP-06.t3 .t4 ---- */

static bool is_private(const struct stat *key)
{
    unsigned mode = key->st_mode & 07777;

    return (mode == 0400 || mode == 0600) && (key->st_uid == geteuid() || key->st_uid == 0);
}

static void key_place(const struct config *c, struct evidence_list *e)
{
    struct stat key;
    struct stat state;

    switch ((enum key_source_kind)c->key_from) {
    case KEY_FROM_CREDENTIAL:
        evidence_add(e, "MQ.PR.SP-06.t3", 1, 1, NULL,
                     "the at-rest key is a credential of the service manager");
        return;
    case KEY_FROM_PASSPHRASE:
        evidence_add(e, "MQ.PR.SP-06.t3", 1, 1, NULL, "the at-rest key is stored nowhere");
        return;
    case KEY_FROM_FILE:
        break;
    }
    if (stat(c->key_file, &key) != 0 || stat(c->state_dir, &state) != 0)
        return; /* the user that the node became may not look: then nothing is known */
    evidence_add(e, "MQ.PR.SP-06.t3", is_private(&key) && key.st_dev != state.st_dev, 1, NULL,
                 "the at-rest key's file is %s, and on %s volume as the state",
                 is_private(&key) ? "private" : "not private",
                 key.st_dev != state.st_dev ? "another" : "the same");
}

static void key_age(struct node *n, struct evidence_list *e)
{
    uint64_t made_unix_ms = keyring_current_unix_ms(n->keys);

    if (made_unix_ms <= e->at_unix_ms)
        evidence_add(e, "MQ.PR.SP-06.t4", (double)(e->at_unix_ms - made_unix_ms) / MS_PER_DAY, 1,
                     NULL, "since data key %u was made", keyring_current(n->keys));
}

/* The journal, the audit and backups have no form but the sealed one. */
static void stores(struct evidence_list *e)
{
    evidence_add(e, "MQ.PR.SP-06.t2", 0.8, 5, NULL,
                 "messages, sessions, audit and backups are encrypted wherever they are stored; "
                 "credentials are verifiers in a file in clear");
}

/* ---- backups: MQ.RC.RP-08.t1 .t3 ---- */

struct last_backup {
    uint64_t at_unix_ms;
    json_t *what; /* owned; NULL: none was made */
};

static void take_setting(void *arg, const char *key, uint64_t at_unix_ms, const char *doc)
{
    struct last_backup *last = arg;

    if (strcmp(key, NODE_BACKUP_SETTING) == 0)
        *last = (struct last_backup){at_unix_ms, json_loads(doc, 0, NULL)};
}

static bool is_within(const char *path, const char *dir)
{
    char *file = realpath(path, NULL);
    char *folder = realpath(dir, NULL);
    bool within = file != NULL && folder != NULL && strncmp(file, folder, strlen(folder)) == 0;

    free(file);
    free(folder);
    return within;
}

static void backups(struct node *n, struct evidence_list *e)
{
    struct last_backup last = {0};
    const char *dir;
    bool apart;

    if (!control_each(n->control, CONTROL_SETTING, 0, take_setting, &last, NULL) ||
        last.what == NULL)
        return;
    dir = json_string_value(json_object_get(last.what, "dir"));
    apart = n->started->key_from != KEY_FROM_FILE || dir == NULL ||
            !is_within(n->started->key_file, dir);
    if (json_integer_value(json_object_get(last.what, "left_out")) == 0)
        evidence_add(e, "MQ.RC.RP-08.t1", (double)(e->at_unix_ms - last.at_unix_ms) / MS_PER_HOUR,
                     1, NULL, "since backup %s of home and state",
                     json_string_value(json_object_get(last.what, "id")));
    evidence_add(e, "MQ.RC.RP-08.t3", apart, 1, NULL,
                 "backups are AES-256-GCM and authenticated; the at-rest key is %s their folder",
                 apart ? "not in" : "in");
    json_decref(last.what);
}

/* Configuration and stores are looked at before anything listens; the program is not, so that it
 * is never said to be met. */
static void start(const struct node *n, struct evidence_list *e)
{
    if (n->journal_was_damaged)
        evidence_add(e, "MQ.RC.RP-01.t3", 0, 1, NULL,
                     "what was authentic in the journal was restored, and not all was");
}

/** probe_store() - the audit, keys and backups */
void probe_store(struct node *n, struct evidence_list *e)
{
    audit_chain(n, e);
    key_place(n->started, e);
    key_age(n, e);
    stores(e);
    backups(n, e);
    start(n, e);
}
