/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cli/store.c - bastide store: the journal of a node that does not run
 *
 * check reads all of it and says what is not as it was written; repair drops that, and only
 * that, when the files have been put aside; stat counts; dump shows the records.  MQ.PR.SP-06
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "cli/ask.h"
#include "cli/home.h"
#include "cli/keys.h"
#include "cli/print.h"
#include "cli/state.h"
#include "node/node.h"
#include "store/journal_mark.h"

#define NO_JOURNAL "%s: there is no journal; a node with \"durability: commit\" makes one"

struct journal_task {
    struct config *config; /* owned, as the next four */
    struct keyring *keys;
    struct journal_io *io;
    struct journal *journal;
    struct control *control; /* NULL: it cannot be opened */
    char *dir;               /* owned */
    struct journal_report report;
};

/* How far the journal should come.  A control store that is refused keeps nobody from looking at
 * the journal. */
static void open_control(struct journal_task *t, struct journal_mark *ret)
{
    char *error = NULL;

    t->control = control_open(t->config->state_dir, t->keys, &error);
    if (t->control == NULL || !journal_mark_get(t->control, ret, &error))
        home_say("%s\nso it cannot be told whether the newest segments of the journal are there\n",
                 error);
    free(error);
}

static int open_journal(struct journal_task *t, bool is_repair)
{
    struct journal_settings settings = {
        .segment_bytes = JOURNAL_SEGMENT_BYTES,
        .bytes_max = t->config->journal_bytes_max,
        .space_min = t->config->journal_space_min,
        .is_repair = is_repair,
    };
    bool was_there = access(t->dir, F_OK) == 0;
    char *error = NULL;

    if (!was_there && !control_exists(t->config->state_dir))
        return cli_fail(NO_JOURNAL, t->dir);
    if (was_there) {
        t->io = journal_io_open(t->dir, &error);
        if (t->io == NULL)
            return home_failed(error);
    }
    open_control(t, &settings.mark);
    if (!was_there && settings.mark.number == 0)
        return cli_fail(NO_JOURNAL, t->dir);
    if (!was_there && (t->io = journal_io_open(t->dir, &error)) == NULL)
        return home_failed(error);
    t->journal = journal_open(&settings, t->io, t->keys, &t->report, &error);
    return t->journal != NULL ? CLI_OK : home_failed(error);
}

static int begin(const struct cli_args *a, bool is_repair, struct journal_task *t)
{
    struct buf dir = {0};
    int rc = ask_config(a, &t->config);

    if (rc == CLI_OK)
        rc = keys_open(a, t->config, &t->keys);
    if (rc != CLI_OK)
        return rc;
    buf_addf(&dir, "%s/journal", t->config->state_dir);
    buf_add_u8(&dir, 0);
    t->dir = (char *)dir.at;
    return open_journal(t, is_repair);
}

static void end(struct journal_task *t)
{
    journal_close(t->journal);
    journal_io_close(t->io);
    control_close(t->control);
    keyring_free(t->keys);
    config_free(t->config);
    free(t->dir);
}

/* ---- check, stat ---- */

static void say_damage(const struct journal_task *t)
{
    const struct journal_report *r = &t->report;

    for (size_t i = 0; i < MIN(r->n_damage, (size_t)JOURNAL_DAMAGE_MAX); i++) {
        const struct journal_damage *d = &r->damage[i];

        home_say("%016" PRIx64 ".journal, bytes %" PRIu64 " to %" PRIu64 ": %s\n", d->segment,
                 d->from, d->to, d->what);
    }
    if (r->n_missing > 0)
        home_say("%" PRIu64 " batches at its end are missing that were on the disk\n",
                 r->n_missing);
    if (r->torn_bytes > 0)
        home_say("the last %" PRIu64 " bytes are of a batch that was not finished; no "
                 "acknowledgement has left for it\n",
                 r->torn_bytes);
}

static int check_journal(struct journal_task *t)
{
    const struct journal_report *r = &t->report;

    say_damage(t);
    if (r->n_damage == 0)
        home_say("sound: %" PRIu64 " batches, %" PRIu64 " records are needed\n", r->n_batches,
                 r->n_entries);
    else
        home_say("%zu places are damaged; bastide store repair keeps the rest\n", r->n_damage);
    return r->n_damage == 0 ? CLI_OK : CLI_NO;
}

static int stat_journal(struct journal_task *t)
{
    struct journal_stat s;

    journal_stat(t->journal, &s);
    home_say("segments      %" PRIu64 ", %" PRIx64 " to %" PRIx64 "\n"
             "bytes         %" PRIu64 " of at most %" PRIu64 "\n"
             "needed        %" PRIu64 " bytes, %" PRIu64 " records\n"
             "data key      %u, the oldest in use\n",
             s.n_segments, s.first_segment, s.last_segment, s.bytes, t->config->journal_bytes_max,
             s.bytes_needed, s.n_records, s.oldest_key);
    return CLI_OK;
}

/* ---- dump ---- */

static void dump_record(void *arg, uint8_t kind, uint64_t id, struct bytes record)
{
    struct buf line CLEANUP(buf_done) = {0};

    (void)arg;
    node_record_describe(kind, id, record, &line);
    buf_add_u8(&line, '\n');
    print_buf(&line);
}

static int dump_journal(struct journal_task *t)
{
    int r = journal_each(t->journal, dump_record, NULL);

    return r == 0 ? CLI_OK : cli_fail("%s: not all can be read: %s", t->dir, strerror(-r));
}

/* ---- repair ---- */

/* What is there now is all that must be there. */
static void keep_account(struct journal_task *t)
{
    struct journal_mark mark;

    if (t->control == NULL)
        return;
    journal_mark_of(t->journal, &mark);
    journal_mark_put(t->control, &mark);
    state_audit(t->control, "repair", "journal", "");
}

static int repair_journal(struct journal_task *t)
{
    int r;

    say_damage(t);
    if (t->report.n_damage == 0) {
        home_say("there is nothing to repair\n");
        return CLI_OK;
    }
    r = journal_keep_damaged(t->journal);
    if (r == 0)
        r = journal_renew(t->journal);
    if (r < 0)
        return cli_fail("%s: it stays as it was: %s", t->dir, strerror(-r));
    keep_account(t);
    home_say("what stands above was dropped, and nothing else; %" PRIu64 " records are kept; the "
             "damaged files are in %s/quarantine\n",
             t->report.n_entries, t->dir);
    return CLI_OK;
}

/** cli_store() - bastide store check | stat | dump | repair */
int cli_store(int argc, char **argv)
{
    static const struct {
        const char *name;
        int (*run)(struct journal_task *t);
        bool is_repair;
    } words[] = {
        {"check", check_journal, false},
        {"stat", stat_journal, false},
        {"dump", dump_journal, false},
        {"repair", repair_journal, true},
    };
    struct journal_task t = {0};
    struct cli_args a;
    int rc = cli_args_parse(&a, argc, argv, 1, 1);

    if (rc != CLI_OK)
        return rc;
    for (size_t i = 0; i < COUNT_OF(words); i++) {
        if (strcmp(words[i].name, a.operands[0]) != 0)
            continue;
        rc = begin(&a, words[i].is_repair, &t);
        if (rc == CLI_OK)
            rc = words[i].run(&t);
        end(&t);
        return rc;
    }
    return cli_usage(a.verb, "%s is none of check, stat, dump, repair", a.operands[0]);
}
