/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/fuzz/fuzz_stored.c - rows of the control store, as a restart reads them: table, key and
 * JSON, with a tab between, a line each
 *
 * They are authentic, and written by another version perhaps.  What is understood of them can be
 * shown, and lives on for an hour.
 */
#include "fuzz.h"

#include "identify/identify.h"
#include "unit/respond/stage.h"

#define AN_HOUR_S 3600
#define ROWS_MAX  64

static struct stage stage;

static void leave_stage(void)
{
    stage_start(&stage);
    stage_end(&stage);
}

static struct control *store(void)
{
    return stage.settings.control;
}

/* What stands before @end, and is taken off with it. */
static struct bytes take_word(struct bytes *rest, char end)
{
    const uint8_t *at = rest->len > 0 ? memchr(rest->at, end, rest->len) : NULL;
    struct bytes word = bytes_of(rest->at, at != NULL ? (size_t)(at - rest->at) : rest->len);
    size_t n = MIN(word.len + 1, rest->len);

    *rest = bytes_of(rest->at + n, rest->len - n);
    return word;
}

/* A row is put, or taken away again. */
static void each_row(struct bytes text, bool puts)
{
    for (size_t n = 0; text.len > 0 && n < ROWS_MAX; n++) {
        struct bytes line = take_word(&text, '\n');
        char *table = bytes_dup_str(take_word(&line, '\t'));
        char *key = bytes_dup_str(take_word(&line, '\t'));
        char *doc = bytes_dup_str(line);
        enum control_table t;

        if (control_table_parse(table, &t) && wire_utf8_valid(bytes_str(key)) &&
            wire_utf8_valid(bytes_str(doc))) {
            if (puts)
                control_put(store(), t, key, stage.now.unix_ms - 1000, doc);
            else
                control_delete(store(), t, key);
        }
        free(table);
        free(key);
        free(doc);
    }
}

static void check_shown(json_t *o)
{
    char *text = json_dumps(o, JSON_COMPACT);

    check(text != NULL);
    free(text);
    json_decref(o);
}

static void show_incident(void *arg, const struct incident *i)
{
    (void)arg;
    check_shown(respond_incident_json(i));
}

static void show_measure(void *arg, const struct respond_measure *m)
{
    (void)arg;
    check(m->target != NULL && m->author != NULL && m->reason != NULL);
}

static void show_ban(void *arg, const struct respond_ban *b)
{
    (void)arg;
    check(b->subject != NULL && b->author != NULL && b->reason != NULL);
}

static void take_responses(void)
{
    const struct respond_now begun = stage.now;

    stage.n_did = 0;
    stage_start(&stage);
    respond_incidents_each(stage.r, show_incident, NULL);
    respond_measures_each(stage.r, show_measure, NULL);
    respond_bans_each(stage.r, show_ban, NULL);
    stage_wait(&stage, AN_HOUR_S);
    stage.r = respond_free(stage.r);
    stage.now = begun;
}

static void take_assets(void)
{
    struct identify *id = identify_new(NULL);
    char *error = NULL;

    check(identify_load(id, store(), stage.dir, stage.now.unix_ms, &error));
    check_shown(identify_assets_json(id, stage.now.unix_ms));
    check_shown(identify_flows_json(id, stage.now.unix_ms));
    identify_free(id);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bytes text = bytes_of(data, size);

    if (stage.settings.control == NULL) {
        stage_begin(&stage);
        stage.r = respond_free(stage.r);
        check(atexit(leave_stage) == 0);
    }
    each_row(text, true);
    take_responses();
    take_assets();
    each_row(text, false);
    check(control_flush(store()));
    return 0;
}
