/* SPDX-License-Identifier: Apache-2.0 */
/* The control store keeps what it is asked to, in order, sealed, over restarts and changes of the
 * key.  MQ.PR.SP-06 */
#include "kept.h"

#include <pthread.h>
#include <sqlite3.h>

#include "store/page_vfs.h"

static void what_was_put_is_there_after_a_restart_in_its_order(void **state)
{
    struct kept *k = *state;

    open_store(k);
    control_put(k->c, CONTROL_BAN, "b", 1, "\"second\"");
    control_put(k->c, CONTROL_BAN, "a", 2, "\"first\"");
    control_put(k->c, CONTROL_BAN, "c", 3, "\"third\"");
    control_put(k->c, CONTROL_BAN, "b", 4, "\"changed\"");
    control_delete(k->c, CONTROL_BAN, "a");
    control_delete(k->c, CONTROL_BAN, "never there");
    assert_true(control_flush(k->c));
    assert_rows(k, CONTROL_BAN, "b=\"changed\";c=\"third\";");
    close_store(k);
    open_store(k);
    assert_rows(k, CONTROL_BAN, "b=\"changed\";c=\"third\";");
    assert_rows(k, CONTROL_ASSET, "");
}

static void what_is_appended_has_no_key_and_the_newest_can_be_asked_for(void **state)
{
    struct kept *k = *state;
    struct buf text = {0};

    open_store(k);
    for (unsigned i = 0; i < 5; i++) {
        char doc[8];

        snprintf(doc, sizeof(doc), "%u", i);
        control_append(k->c, CONTROL_DRILL, i, doc);
    }
    assert_true(control_each(k->c, CONTROL_DRILL, 2, add_row, &text, NULL));
    assert_int_equal(bytes_compare(buf_view(&text), BYTES("=3;=4;")), 0);
    buf_done(&text);
}

static void a_row_that_is_too_large_is_refused_and_the_rest_goes_on(void **state)
{
    struct kept *k = *state;
    char *doc = malloc(CONTROL_DOC_BYTES_MAX + 2);

    open_store(k);
    memset(doc, ' ', CONTROL_DOC_BYTES_MAX + 1);
    doc[CONTROL_DOC_BYTES_MAX + 1] = '\0';
    control_put(k->c, CONTROL_BAN, "too large", 1, doc);
    assert_int_equal(control_counts(k->c).refused, 1);
    assert_false(control_is_kept(k->c));
    control_put(k->c, CONTROL_BAN, "large", 1, doc + 1);
    assert_false(control_flush(k->c));
    control_put(k->c, CONTROL_BAN, "large", 1, "{}");
    assert_false(control_flush(k->c)); /* not all is kept, and never will be */
    assert_rows(k, CONTROL_BAN, "large={};");
    free(doc);
}

static void what_was_flushed_outlives_a_crash(void **state)
{
    struct kept *k = *state;

    open_store(k);
    control_put(k->c, CONTROL_INCIDENT, "I-1", 1, "{}");
    assert_true(control_flush(k->c));
    crash_store(k);
    assert_int_equal(access(in(k, "control.db-wal"), F_OK), 0);
    open_store(k);
    assert_rows(k, CONTROL_INCIDENT, "I-1={};");
}

static void *put_many(void *arg)
{
    struct kept *k = arg;
    char key[64];

    for (unsigned i = 0; i < 200; i++) {
        snprintf(key, sizeof(key), "%lu-%u", (unsigned long)pthread_self(), i);
        control_put(k->c, CONTROL_FLOW, key, i, "{}");
    }
    return control_flush(k->c) ? k : NULL;
}

static void count_row(void *arg, const char *key, uint64_t at_unix_ms, const char *doc)
{
    (void)key;
    (void)at_unix_ms;
    (void)doc;
    ++*(unsigned *)arg;
}

static void many_threads_may_ask_its_own_writes(void **state)
{
    struct kept *k = *state;
    pthread_t threads[4];
    unsigned n = 0;

    open_store(k);
    assert_int_equal(control_start(k->c, NULL, NULL), 0);
    for (unsigned i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, put_many, k), 0);
    for (unsigned i = 0; i < 4; i++) {
        void *ok = NULL;

        pthread_join(threads[i], &ok);
        assert_non_null(ok);
    }
    assert_true(control_each(k->c, CONTROL_FLOW, 0, count_row, &n, NULL));
    assert_int_equal(n, 800);
    assert_true(control_counts(k->c).transactions < 800); /* they were grouped */
    assert_true(control_is_kept(k->c));
}

/* A change of them all touches each page often, and more pages than the cache has. */
static void more_at_once_than_the_cache_takes_is_kept(void **state)
{
    struct kept *k = *state;
    unsigned n = 0;
    char doc[600];
    char key[16];

    open_store(k);
    for (unsigned i = 0; i < 24000; i++) {
        snprintf(key, sizeof(key), "%08x", i % 8000 * 0x9e3779b1U);
        snprintf(doc, sizeof(doc), "{\"n\": %580u}", i);
        control_put(k->c, CONTROL_ASSET, key, i, doc);
    }
    assert_true(control_flush(k->c));
    close_store(k);
    open_store(k);
    assert_true(control_each(k->c, CONTROL_ASSET, 0, count_row, &n, NULL));
    assert_int_equal(n, 8000);
}

static void a_second_program_is_kept_out(void **state)
{
    struct kept *k = *state;
    char *error = NULL;

    open_store(k);
    assert_null(control_open(k->dir, k->keys, &error));
    assert_non_null(strstr(error, "another program has it open"));
    free(error);
}

static void assert_absent(const struct kept *k, const char *name, struct bytes text)
{
    struct buf file = {0};
    char *error = NULL;

    assert_true(file_read(in(k, name), 64U << 20, &file, &error));
    assert_true(file.len > 0);
    if (memmem(file.at, file.len, text.at, text.len) != NULL)
        fail_msg("%s holds \"%.*s\" in clear", name, BYTES_ARG(text));
    buf_done(&file);
}

static void no_file_holds_a_word_in_clear(void **state)
{
    static const char *const names[] = {"control.db", "control.db-wal", "control.mark", "keyring"};
    struct kept *k = *state;

    open_store(k);
    for (unsigned i = 0; i < 2500; i++) { /* so that the log is emptied into the database */
        char key[32];

        snprintf(key, sizeof(key), "canary-in-the-mine-%u", i);
        control_put(k->c, CONTROL_ASSET, key, i, "\"a bird that sings\"");
        if (i % 20 == 0)
            assert_true(control_flush(k->c));
    }
    assert_true(control_flush(k->c));
    for (unsigned i = 0; i < COUNT_OF(names); i++) {
        assert_absent(k, names[i], BYTES("canary"));
        assert_absent(k, names[i], BYTES("a bird"));
        assert_absent(k, names[i], BYTES("asset")); /* nor the schema */
        assert_absent(k, names[i], BYTES("SQLite format"));
    }
}

static void all_is_sealed_anew_and_the_old_key_destroyed_while_it_is_open(void **state)
{
    struct kept *k = *state;
    struct page_scan s;
    uint32_t id = 0;

    open_store(k);
    for (unsigned i = 0; i < 500; i++) {
        char key[32];

        snprintf(key, sizeof(key), "key %u", i);
        control_put(k->c, CONTROL_ASSET, key, i, "\"something of some length, to fill pages\"");
    }
    control_put(k->c, CONTROL_BAN, "b", 1, "1");
    assert_true(control_flush(k->c));
    assert_true(keyring_add(k->keys, &id, &k->error));
    assert_true(control_reseal(k->c, &k->error));
    assert_true(page_scan(k->keys, in(k, "control.db"), &s, &k->error));
    assert_int_equal(s.oldest_key, id);
    assert_true(keyring_drop(k->keys, 1, &k->error));
    control_put(k->c, CONTROL_BAN, "c", 2, "2");
    assert_rows(k, CONTROL_BAN, "b=1;c=2;");
    close_store(k);
    open_store(k);
    assert_rows(k, CONTROL_BAN, "b=1;c=2;");
}

static void the_database_of_a_newer_program_is_left_alone(void **state)
{
    struct kept *k = *state;
    struct page_vfs *v = page_vfs_new(k->keys);
    sqlite3 *db = NULL;

    open_store(k);
    close_store(k);
    assert_int_equal(
        sqlite3_open_v2(in(k, "control.db"), &db, SQLITE_OPEN_READWRITE, page_vfs_name(v)),
        SQLITE_OK);
    assert_int_equal(sqlite3_exec(db,
                                  "PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = WAL;"
                                  "PRAGMA user_version = 1000",
                                  NULL, NULL, NULL),
                     SQLITE_OK);
    sqlite3_close(db);
    page_vfs_free(v);
    assert_refused_with(k, "is of version 1000");
}

/* A first start makes what is missing; a later one never. */
static void keys_are_made_once(void **state)
{
    struct kept *k = *state;
    struct key_source from = {.kind = KEY_FROM_FILE, .name = in(k, "keys/new.key")};
    struct keyring *made;

    keyring_free(k->keys);
    k->keys = NULL;
    assert_int_equal(unlink(in(k, "keyring")), 0);
    made = state_keyring_open(k->dir, &from, &k->error);
    assert_non_null(made);
    assert_int_equal(access(from.name, F_OK), 0);
    k->keys = made;
    open_store(k);
    close_store(k);
    assert_int_equal(rename(in(k, "keyring"), in(k, "aside")), 0);
    assert_null(state_keyring_open(k->dir, &from, &k->error));
    assert_non_null(strstr(k->error, "without it nothing"));
    free(k->error);
    k->error = NULL;
    assert_int_equal(rename(in(k, "aside"), in(k, "keyring")), 0);
    assert_int_equal(unlink(from.name), 0);
    assert_null(state_keyring_open(k->dir, &from, &k->error));
    assert_non_null(strstr(k->error, "cannot open"));
    assert_int_equal(rmdir(in(k, "keys")), 0);
}

static void lines_of_an_older_version_become_rows_once(void **state)
{
    struct kept *k = *state;

    open_store(k);
    put_file(in(k, "drills.jsonl"), BYTES("{\"a\": 1}\n\n{\"b\": 2}\n{\"cu"));
    control_import_lines(k->c, CONTROL_DRILL, "drills.jsonl");
    assert_rows(k, CONTROL_DRILL, "={\"a\": 1};={\"b\": 2};");
    assert_int_equal(access(in(k, "drills.jsonl"), F_OK), -1);
    control_import_lines(k->c, CONTROL_DRILL, "drills.jsonl");
    assert_rows(k, CONTROL_DRILL, "={\"a\": 1};={\"b\": 2};");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        KEPT(what_was_put_is_there_after_a_restart_in_its_order),
        KEPT(what_is_appended_has_no_key_and_the_newest_can_be_asked_for),
        KEPT(a_row_that_is_too_large_is_refused_and_the_rest_goes_on),
        KEPT(what_was_flushed_outlives_a_crash),
        KEPT(many_threads_may_ask_its_own_writes),
        KEPT(more_at_once_than_the_cache_takes_is_kept),
        KEPT(a_second_program_is_kept_out),
        KEPT(no_file_holds_a_word_in_clear),
        KEPT(all_is_sealed_anew_and_the_old_key_destroyed_while_it_is_open),
        KEPT(the_database_of_a_newer_program_is_left_alone),
        KEPT(keys_are_made_once),
        KEPT(lines_of_an_older_version_become_rows_once),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
