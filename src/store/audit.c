/* SPDX-License-Identifier: Apache-2.0 */
/* store/audit.c - the audit in the control store; see audit.h */
#include "store/audit.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/text.h"
#include "store/control_private.h"

#define HEAD_FILE      "audit.head"
#define HEAD_FILE_MODE 0644 /* it holds no secret, and others may keep it */
#define EXPORT_NS      (10 * NS_PER_S)

_Static_assert(sizeof(((struct audit_chain *)0)->hash) == AUDIT_HASH_TEXT_LEN, "a hash as text");

static void add_field(struct buf *to, const char *text)
{
    buf_add(to, bytes_of(text, strlen(text) + 1));
}

static void add_number(struct buf *to, uint64_t n)
{
    char text[24];

    snprintf(text, sizeof(text), "%" PRIu64, n);
    add_field(to, text);
}

/** audit_hash() - what the hash of @r has to be */
void audit_hash(const struct audit_row *r, char ret[AUDIT_HASH_TEXT_LEN])
{
    struct buf text = {0};

    add_number(&text, r->seq);
    add_number(&text, r->entry.at_unix_ms);
    add_field(&text, r->entry.actor);
    add_field(&text, r->entry.action);
    add_field(&text, r->entry.object);
    add_field(&text, r->entry.reason);
    add_field(&text, r->entry.result);
    add_field(&text, r->prev_hash);
    sha256_text(buf_view(&text), ret);
    buf_done(&text);
}

/** audit_head_message() - what is signed of @h; appended to @ret */
void audit_head_message(const struct audit_head *h, struct buf *ret)
{
    add_field(ret, "bastide audit head");
    add_number(ret, h->seq);
    add_field(ret, h->hash);
    add_number(ret, h->at_unix_ms);
}

/** audit_head_text() - see audit.h */
void audit_head_text(const struct audit_head *h, const char *public_text, struct buf *ret)
{
    buf_addf(ret,
             "{\"seq\": %" PRIu64 ", \"hash\": \"%s\", \"at_unix_ms\": %" PRIu64
             ", \"signature\": \"%s\", \"key\": \"%s\"}\n",
             h->seq, h->hash, h->at_unix_ms, h->signature, public_text);
}

/* ---- adding; the writer's ---- */

/** audit_prepare() - the end of the chain, and the statements */
bool audit_prepare(struct control *c, char **ret_error)
{
    sqlite3_stmt *last =
        sql_prepare(c->db, "SELECT seq, hash FROM audit ORDER BY seq DESC LIMIT 1");
    int rc = last != NULL ? sqlite3_step(last) : SQLITE_ERROR;

    memset(c->chain.hash, '0', AUDIT_HASH_TEXT_LEN - 1);
    if (rc == SQLITE_ROW) {
        c->chain.seq = (uint64_t)sqlite3_column_int64(last, 0);
        snprintf(c->chain.hash, sizeof(c->chain.hash), "%s",
                 (const char *)sqlite3_column_text(last, 1));
    }
    sqlite3_finalize(last);
    c->add_entry = sql_prepare(c->db, "INSERT INTO audit(seq, at, actor, action, object, reason, "
                                      "result, prev_hash, hash) VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, "
                                      "?8, ?9)");
    c->add_head =
        sql_prepare(c->db, "INSERT INTO head(seq, at, hash, signature) VALUES(?1, ?2, ?3, ?4)");
    if ((rc == SQLITE_ROW || rc == SQLITE_DONE) && c->add_entry != NULL && c->add_head != NULL)
        return true;
    return text_fail(ret_error, "%s: the audit cannot be read: %s", c->db_path, sql_why(c->db));
}

/** audit_unprepare() - the opposite */
void audit_unprepare(struct control *c)
{
    sqlite3_finalize(c->add_entry);
    sqlite3_finalize(c->add_head);
}

/** audit_add() - the entry of @j is the next of the chain */
bool audit_add(struct control *c, const struct job *j)
{
    const char *const *t = (const char *const *)j->texts;
    char hash[AUDIT_HASH_TEXT_LEN];
    struct audit_row r = {
        .seq = c->chain.seq + 1,
        .entry = {j->at_unix_ms, t[0], t[1], t[2], t[3], t[4]},
        .prev_hash = c->chain.hash,
    };
    bool ok;

    audit_hash(&r, hash);
    check(sqlite3_bind_int64(c->add_entry, 1, (sqlite3_int64)r.seq) == SQLITE_OK);
    check(sqlite3_bind_int64(c->add_entry, 2, (sqlite3_int64)j->at_unix_ms) == SQLITE_OK);
    for (int i = 0; i < AUDIT_TEXTS; i++)
        sql_bind_text(c->add_entry, 3 + i, t[i]);
    sql_bind_text(c->add_entry, 8, r.prev_hash);
    sql_bind_text(c->add_entry, 9, hash);
    ok = sql_step_done(c->add_entry);
    c->chain.seq = r.seq;
    memcpy(c->chain.hash, hash, sizeof(hash));
    return ok;
}

/** audit_sign() - behind the last entry of a transaction */
bool audit_sign(struct control *c)
{
    struct audit_head h = {.seq = c->chain.seq, .at_unix_ms = clock_unix_ms()};
    struct buf message = {0};
    bool ok;

    memcpy(h.hash, c->chain.hash, sizeof(h.hash));
    audit_head_message(&h, &message);
    keyring_sign(c->keys, buf_view(&message), h.signature);
    buf_done(&message);
    check(sqlite3_bind_int64(c->add_head, 1, (sqlite3_int64)h.seq) == SQLITE_OK);
    check(sqlite3_bind_int64(c->add_head, 2, (sqlite3_int64)h.at_unix_ms) == SQLITE_OK);
    sql_bind_text(c->add_head, 3, h.hash);
    sql_bind_text(c->add_head, 4, h.signature);
    ok = sql_step_done(c->add_head);
    if (ok)
        c->head = h;
    return ok;
}

/** audit_export() - the newest head into its file; @now: also when it was done a moment ago */
void audit_export(struct control *c, bool now)
{
    CLEANUP(buf_done) struct buf path = {0};
    CLEANUP(buf_done) struct buf text = {0};
    char public[KEYRING_PUBLIC_TEXT_LEN];
    char *error = NULL;

    if (c->head.seq == c->exported_seq || (!now && clock_now_ns() < c->export_ns))
        return;
    buf_addf(&path, "%s/" HEAD_FILE, c->state_dir);
    buf_add_u8(&path, 0);
    keyring_public_text(c->keys, public);
    audit_head_text(&c->head, public, &text);
    if (!file_replace((const char *)path.at, buf_view(&text), HEAD_FILE_MODE, &error)) {
        log_warning("audit", "the head is not exported: %s", error);
        free(error);
    }
    log_line(now ? LOG_INFO : LOG_DEBUG, "audit", "head %" PRIu64 " %s %s", c->head.seq,
             c->head.hash, c->head.signature);
    c->exported_seq = c->head.seq;
    c->export_ns = clock_now_ns() + EXPORT_NS;
}

/** audit_tidy() - the oldest entries beyond AUDIT_ENTRIES_MAX, up to one that has a signed head */
void audit_tidy(struct control *c)
{
    CLEANUP(buf_done) struct buf text = {0};
    int64_t cut = 0;

    buf_addf(&text,
             "SELECT coalesce(max(seq), 0) FROM head WHERE seq <= (SELECT max(seq) FROM audit) - "
             "%d",
             AUDIT_ENTRIES_MAX);
    buf_add_u8(&text, 0);
    if (!sql_number(c->db, (const char *)text.at, &cut) || cut == 0)
        return;
    text.len = 0;
    buf_addf(&text,
             "BEGIN IMMEDIATE; DELETE FROM audit WHERE seq <= %lld; DELETE FROM head WHERE seq < "
             "%lld; COMMIT",
             (long long)cut, (long long)cut);
    buf_add_u8(&text, 0);
    if (!sql_exec(c->db, (const char *)text.at)) {
        sql_roll_back(c->db);
        log_warning("audit", "old entries stay: %s", sql_why(c->db));
    }
}

/* At most so many bytes, and none but UTF-8: what is not becomes '?'. */
static char *clean(const char *text)
{
    size_t len = text != NULL ? strlen(text) : 0;
    size_t kept = MIN(len, (size_t)AUDIT_TEXT_BYTES_MAX);
    json_t *valid;
    char *copy;

    while (kept < len && kept > 0 && ((uint8_t)text[kept] & 0xc0) == 0x80)
        kept--; /* not within a character */
    copy = bytes_dup_str(bytes_of(text, kept));
    valid = json_string(copy);
    for (char *c = copy; valid == NULL && *c != '\0'; c++)
        if ((uint8_t)*c >= 0x80)
            *c = '?';
    json_decref(valid);
    return copy;
}

/** control_audit() - see audit.h */
void control_audit(struct control *c, const struct audit_entry *e)
{
    const char *const texts[AUDIT_TEXTS] = {e->actor, e->action, e->object, e->reason, e->result};
    struct job *j = mem_new(struct job);

    j->kind = JOB_AUDIT;
    j->at_unix_ms = e->at_unix_ms;
    for (int i = 0; i < AUDIT_TEXTS; i++)
        j->texts[i] = clean(texts[i]);
    control_ask(c, j);
}

/* ---- reading ---- */

struct audit_read {
    uint64_t after;
    size_t limit;
    audit_row_fn *row;
    audit_head_fn *head;
    void *arg;
    char **ret_error;
    bool ok;
};

static void end_reading(struct control *c, struct audit_read *a, sqlite3_stmt *s, int rc)
{
    a->ok = rc == SQLITE_DONE;
    if (!a->ok)
        (void)text_fail(a->ret_error, "%s: the audit cannot be read: %s", c->db_path,
                        sql_why(c->db));
    sqlite3_finalize(s);
}

static void read_rows(struct control *c, void *arg)
{
    struct audit_read *a = arg;
    sqlite3_stmt *s = sql_prepare(c->db, "SELECT seq, at, actor, action, object, reason, result, "
                                         "prev_hash, hash FROM audit WHERE seq > ?1 ORDER BY seq "
                                         "LIMIT ?2");
    int rc = SQLITE_ERROR;

    if (s != NULL) {
        check(sqlite3_bind_int64(s, 1, (sqlite3_int64)a->after) == SQLITE_OK);
        check(sqlite3_bind_int64(s, 2, a->limit > 0 ? (sqlite3_int64)a->limit : -1) == SQLITE_OK);
    }
    while (s != NULL && (rc = sqlite3_step(s)) == SQLITE_ROW) {
        const struct audit_row r = {
            .seq = (uint64_t)sqlite3_column_int64(s, 0),
            .entry = {(uint64_t)sqlite3_column_int64(s, 1), sql_text(s, 2), sql_text(s, 3),
                      sql_text(s, 4), sql_text(s, 5), sql_text(s, 6)},
            .prev_hash = sql_text(s, 7),
            .hash = sql_text(s, 8),
        };

        a->row(a->arg, &r);
    }
    end_reading(c, a, s, rc);
}

/** control_audit_each() - see audit.h */
bool control_audit_each(struct control *c, uint64_t after, size_t limit, audit_row_fn *fn,
                        void *arg, char **ret_error)
{
    struct audit_read a = {
        .after = after, .limit = limit, .row = fn, .arg = arg, .ret_error = ret_error};

    control_call(c, read_rows, &a);
    return a.ok;
}

static void read_heads(struct control *c, void *arg)
{
    struct audit_read *a = arg;
    sqlite3_stmt *s = sql_prepare(c->db, "SELECT seq, at, hash, signature FROM head ORDER BY seq");
    int rc = SQLITE_ERROR;

    while (s != NULL && (rc = sqlite3_step(s)) == SQLITE_ROW) {
        struct audit_head h = {.seq = (uint64_t)sqlite3_column_int64(s, 0),
                               .at_unix_ms = (uint64_t)sqlite3_column_int64(s, 1)};

        snprintf(h.hash, sizeof(h.hash), "%s", sql_text(s, 2));
        snprintf(h.signature, sizeof(h.signature), "%s", sql_text(s, 3));
        a->head(a->arg, &h);
    }
    end_reading(c, a, s, rc);
}

/** control_audit_heads() - see audit.h */
bool control_audit_heads(struct control *c, audit_head_fn *fn, void *arg, char **ret_error)
{
    struct audit_read a = {.head = fn, .arg = arg, .ret_error = ret_error};

    control_call(c, read_heads, &a);
    return a.ok;
}
