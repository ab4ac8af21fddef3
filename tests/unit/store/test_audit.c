/* SPDX-License-Identifier: Apache-2.0 */
/* The audit is a chain: what is removed, changed, moved or cut off is found.  MQ.PR.IP-04.t2 */
#include "kept.h"

#include <sqlite3.h>

#include "base/log.h"
#include "store/audit.h"
#include "store/page_vfs.h"

static void audit(struct kept *k, unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        char object[32];
        struct audit_entry e = {.at_unix_ms = 1000 + i,
                                .actor = "admin:alice",
                                .action = "ban",
                                .object = object,
                                .reason = "it \"scans\"\n",
                                .result = "done"};

        snprintf(object, sizeof(object), "client m-%u", i);
        control_audit(k->c, &e);
        if (i % 3 == 2)
            assert_true(control_flush(k->c));
    }
    assert_true(control_flush(k->c));
}

static void take_row(void *arg, const struct audit_row *r)
{
    audit_check_row(arg, r);
}

static void take_head(void *arg, const struct audit_head *h)
{
    audit_check_head(arg, h);
}

/* @also: a head that was kept elsewhere; NULL.  Return: what is wrong, owned by the caller. */
static char *problems(struct kept *k, const struct audit_head *also)
{
    char public[KEYRING_PUBLIC_TEXT_LEN];
    struct audit_check *c;
    struct buf text = {0};
    char *owned;
    bool good;

    keyring_public_text(k->keys, public);
    c = audit_check_new(public);
    assert_true(control_audit_heads(k->c, take_head, c, NULL));
    if (also != NULL)
        audit_check_head(c, also);
    assert_true(control_audit_each(k->c, 0, 0, take_row, c, NULL));
    good = audit_check_end(c, &text);
    assert_int_equal(good, text.len == 0);
    owned = bytes_dup_str(buf_view(&text));
    buf_done(&text);
    audit_check_free(c);
    return owned;
}

static void assert_found(struct kept *k, const struct audit_head *also, const char *what)
{
    char *found = problems(k, also);

    if (strstr(found, what) == NULL)
        fail_msg("\"%s\" was not found, but: %s", what, found);
    free(found);
}

static void assert_whole(struct kept *k)
{
    char *found = problems(k, NULL);

    assert_string_equal(found, "");
    free(found);
}

/* As somebody who has the at-rest key could: past the store. */
static void tamper(struct kept *k, const char *sql)
{
    struct page_vfs *v = page_vfs_new(k->keys);
    sqlite3 *db = NULL;

    close_store(k);
    assert_int_equal(
        sqlite3_open_v2(in(k, "control.db"), &db, SQLITE_OPEN_READWRITE, page_vfs_name(v)),
        SQLITE_OK);
    assert_int_equal(sqlite3_exec(db,
                                  "PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = WAL;"
                                  "PRAGMA temp_store = MEMORY",
                                  NULL, NULL, NULL),
                     SQLITE_OK);
    if (sqlite3_exec(db, sql, NULL, NULL, NULL) != SQLITE_OK)
        fail_msg("%s: %s", sql, sqlite3_errmsg(db));
    sqlite3_close(db);
    page_vfs_free(v);
    open_store(k);
}

static void a_chain_that_was_left_alone_is_whole_over_restarts(void **state)
{
    struct kept *k = *state;

    open_store(k);
    assert_whole(k);
    audit(k, 10);
    assert_whole(k);
    close_store(k);
    open_store(k);
    audit(k, 5);
    assert_whole(k);
}

static const struct {
    const char *what;
    const char *sql;
    const char *found;
} changes[] = {
    {"removed", "DELETE FROM audit WHERE seq = 5", "entry 5 is missing"},
    {"several removed", "DELETE FROM audit WHERE seq IN (5, 6, 7)", "entries 5 to 7 are missing"},
    {"the first removed", "DELETE FROM audit WHERE seq < 3", "the entries before 3 are missing"},
    {"actor", "UPDATE audit SET actor = 'admin:bob' WHERE seq = 4", "entry 4 was changed"},
    {"time", "UPDATE audit SET at = at + 1 WHERE seq = 4", "entry 4 was changed"},
    {"from one text to the next",
     "UPDATE audit SET actor = 'admin:aliceb', action = 'an' WHERE seq = 4", "entry 4 was changed"},
    {"hash as well", "UPDATE audit SET hash = replace(hash, 'a', 'b') WHERE seq = 4",
     "entry 4 was changed"},
    {"exchanged",
     "UPDATE audit SET seq = -1 WHERE seq = 4; UPDATE audit SET seq = 4 WHERE seq = 5;"
     "UPDATE audit SET seq = 5 WHERE seq = -1",
     "entry 4"},
    {"tail", "DELETE FROM audit WHERE seq > 6", "the end is missing: 10 entries were signed"},
    {"signature", "UPDATE head SET signature = 'AAAA' WHERE seq = 10", "signature does not hold"},
    {"head of another",
     "UPDATE head SET hash = (SELECT hash FROM audit WHERE seq = 2) WHERE seq = 6",
     "head 6: its signature does not hold"},
};

static void whatever_is_done_to_it_is_found(void **state)
{
    for (unsigned i = 0; i < COUNT_OF(changes); i++) {
        struct kept *k;

        print_message("  %s\n", changes[i].what);
        assert_int_equal(kept_setup(state), 0);
        k = *state;
        open_store(k);
        audit(k, 10);
        tamper(k, changes[i].sql);
        assert_found(k, NULL, changes[i].found);
        assert_int_equal(kept_teardown(state), 0);
    }
}

static void keep_head(void *arg, const struct audit_head *h)
{
    *(struct audit_head *)arg = *h;
}

static void a_tail_that_was_cut_off_with_its_heads_is_found_by_a_head_kept_elsewhere(void **state)
{
    struct kept *k = *state;
    struct audit_head newest = {0};

    open_store(k);
    audit(k, 10);
    assert_true(control_audit_heads(k->c, keep_head, &newest, NULL));
    assert_int_equal(newest.seq, 10);
    tamper(k, "DELETE FROM audit WHERE seq > 6; DELETE FROM head WHERE seq > 6");
    assert_whole(k);
    assert_found(k, &newest, "the end is missing");
    audit(k, 10); /* the chain goes on, but is another one */
    assert_found(k, &newest, "entry 10 is another one than was signed");
}

static void a_head_is_exported(void **state)
{
    struct kept *k = *state;
    struct buf text = {0};

    open_store(k);
    audit(k, 4);
    close_store(k);
    assert_true(file_read(in(k, "audit.head"), 4096, &text, &k->error));
    buf_add_u8(&text, 0);
    assert_non_null(strstr((char *)text.at, "{\"seq\": 4, \"hash\": \""));
    buf_done(&text);
}

static void a_long_text_is_cut_between_characters(void **state)
{
    struct kept *k = *state;
    char text[AUDIT_TEXT_BYTES_MAX + 100];
    struct audit_entry e = {.at_unix_ms = 1, .actor = "a", .reason = text};

    open_store(k);
    memset(text, 'x', sizeof(text));
    memcpy(text + AUDIT_TEXT_BYTES_MAX - 1, "\xc3\xa9", 2);
    text[sizeof(text) - 1] = '\0';
    control_audit(k->c, &e);
    assert_whole(k);
    tamper(k, "CREATE TEMP TABLE t(n CHECK(n = 4095));"
              "INSERT INTO t SELECT length(reason) FROM audit");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        KEPT(a_chain_that_was_left_alone_is_whole_over_restarts),
        cmocka_unit_test(whatever_is_done_to_it_is_found),
        KEPT(a_tail_that_was_cut_off_with_its_heads_is_found_by_a_head_kept_elsewhere),
        KEPT(a_head_is_exported),
        KEPT(a_long_text_is_cut_between_characters),
    };

    log_level_set(LOG_WARNING);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
