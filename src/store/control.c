/* SPDX-License-Identifier: Apache-2.0 */
/*
 * store/control.c - the life of a control store
 *
 * Before SQLite sees the files every page in them is authenticated, and behind it the
 * number of the last transaction is held against the mark; only then is anything
 * believed, or written.
 */
#include "store/control_private.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/text.h"

#define DATABASE_NAME "control.db"
#define MARK_NAME     "control.mark"
#define CACHE_PAGES   2000

#define WHAT_TO_DO                                                                                 \
    "nothing was changed; restore the state from a backup (bastide backup restore), or move the "  \
    "files of control.* aside to start with nothing known"

static char *path_in(const char *dir, const char *name)
{
    return text_format("%s/%s", dir, name);
}

static bool is_there(const char *path)
{
    return access(path, F_OK) == 0 || errno != ENOENT;
}

/** control_exists() - is there a store, or a trace of one, in @state_dir? */
bool control_exists(const char *state_dir)
{
    char *db = path_in(state_dir, DATABASE_NAME);
    char *mark = path_in(state_dir, MARK_NAME);
    bool there = is_there(db) || is_there(mark);

    free(db);
    free(mark);
    return there;
}

/* ---- the connection ---- */

/* A new file is its folder's, also when root makes it; SQLite gives the log the same owner. */
static bool make_file(const char *dir, const char *path)
{
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    struct stat st;
    bool ok = fd >= 0;

    if (ok && geteuid() == 0)
        ok = stat(dir, &st) == 0 && fchown(fd, st.st_uid, st.st_gid) == 0;
    if (fd >= 0)
        close(fd);
    return ok;
}

/* Exclusive from the first look on, so no shared memory; and no journal but in memory, so the one
 * transaction before the log is there is not crash-safe: it is the one that makes an empty file.
 * A cache of 512 KiB, since what is read again and again is less.  What is deleted is overwritten,
 * so every page in the file was written and can be authentic. */
static const char *const settings[] = {
    "PRAGMA locking_mode = EXCLUSIVE",
    "PRAGMA temp_store = MEMORY",
    "PRAGMA mmap_size = 0",
    "PRAGMA page_size = 4096",
    "PRAGMA cache_size = -512",
    "PRAGMA cache_spill = OFF", /* sealed pages are written to the log once a transaction */
    "PRAGMA max_page_count = 262143",
    "PRAGMA journal_mode = MEMORY",
    "PRAGMA journal_mode = WAL",
    "PRAGMA synchronous = FULL",
    "PRAGMA secure_delete = ON",
    "PRAGMA wal_autocheckpoint = 1000",
    "PRAGMA trusted_schema = OFF",
};

/** sql_open() - a database of sealed pages; NULL with @ret_error */
sqlite3 *sql_open(const struct page_vfs *vfs, const char *path, char **ret_error)
{
    sqlite3 *db = NULL;
    int reserved = PAGE_TAIL_BYTES;
    bool ok = sqlite3_open_v2(path, &db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE,
                              page_vfs_name(vfs)) == SQLITE_OK;

    sqlite3_extended_result_codes(db, 1);
    /* What a failed check has to look at again stays. */
    ok = ok && sqlite3_db_config(db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL) == SQLITE_OK &&
         sqlite3_file_control(db, "main", SQLITE_FCNTL_RESERVE_BYTES, &reserved) == SQLITE_OK;
    for (size_t i = 0; i < COUNT_OF(settings) && ok; i++)
        ok = sql_exec(db, settings[i]);
    if (ok)
        return db;
    (void)text_fail(ret_error, "%s cannot be opened: %s%s", path, sql_why(db),
                    sqlite3_errcode(db) == SQLITE_NOTADB ? ": " WHAT_TO_DO : "");
    sqlite3_close(db);
    return NULL;
}

/* ---- may it be believed? ---- */

static bool check_pages(const struct control *c, char **ret_error)
{
    CLEANUP(buf_done) struct buf why = {0};
    struct page_scan s;

    if (!page_scan(c->keys, c->db_path, &s, ret_error))
        return false;
    page_scan_describe(&s, c->db_path, &why);
    if (why.len == 0)
        return true;
    return text_fail(ret_error, "%.*s" WHAT_TO_DO, BYTES_ARG(buf_view(&why)));
}

static bool check_number(struct control *c, uint64_t marked, char **ret_error)
{
    int64_t number = 0;

    if (!sql_number(c->db, "SELECT value FROM meta WHERE name = 'number'", &number))
        return text_fail(ret_error,
                         "%s: the number of its last transaction cannot be read: %s: " WHAT_TO_DO,
                         c->db_path, sql_why(c->db));
    c->number = (uint64_t)number;
    if (c->number >= marked)
        return true;
    return text_fail(
        ret_error,
        "%s ends at transaction %lld, but %llu was on disk: its end or its log was cut "
        "off or damaged, or it was replaced by an older one; " WHAT_TO_DO,
        c->db_path, (long long)number, (unsigned long long)marked);
}

/* Both files, or neither; a mark of 0 alone is a beginning that was cut short. */
static bool check_files(struct control *c, char **ret_marked_error, uint64_t *ret_marked)
{
    char *mark = path_in(c->state_dir, MARK_NAME);
    bool has_db = is_there(c->db_path);
    enum mark_found found = mark_open(&c->mark, mark, c->keys, ret_marked);
    bool ok = true;

    if (found == MARK_DAMAGED)
        ok = text_fail(ret_marked_error, "%s does not authenticate, or cannot be read: " WHAT_TO_DO,
                       mark);
    else if (found == MARK_MISSING && has_db)
        ok = text_fail(ret_marked_error,
                       "%s is missing, so it cannot be told whether %s is whole: " WHAT_TO_DO, mark,
                       c->db_path);
    else if (found == MARK_OK && !has_db && *ret_marked > 0)
        ok = text_fail(ret_marked_error, "%s is missing, but held %llu transactions: " WHAT_TO_DO,
                       c->db_path, (unsigned long long)*ret_marked);
    else if (found == MARK_MISSING && !mark_create(&c->mark, mark, c->keys))
        ok = text_fail(ret_marked_error, "cannot make %s: %s", mark, strerror(errno));
    else if (found == MARK_MISSING && !make_file(c->state_dir, mark))
        ok = text_fail(ret_marked_error, "cannot give %s its owner: %s", mark, strerror(errno));
    free(mark);
    return ok;
}

static bool upgrade(sqlite3 *db, const char *path, char **ret_error)
{
    char *why = NULL;

    if (schema_upgrade(db, &why))
        return true;
    (void)text_fail(ret_error, "%s: %s", path, why);
    free(why);
    return false;
}

static bool log_is_emptied_on_close(sqlite3 *db)
{
    return sqlite3_db_config(db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 0, NULL) == SQLITE_OK;
}

/* Under another name until it is whole.  What was begun before is made anew. */
static bool make_at(const struct control *c, const char *path, char **ret_error)
{
    sqlite3 *db;
    bool ok;

    if (!make_file(c->state_dir, path))
        return text_fail(ret_error, "cannot make %s: %s", path, strerror(errno));
    db = sql_open(c->vfs, path, ret_error);
    ok = db != NULL && upgrade(db, path, ret_error) && log_is_emptied_on_close(db);
    return sqlite3_close(db) == SQLITE_OK && ok;
}

static bool make_database(const struct control *c, char **ret_error)
{
    char *path = path_in(c->state_dir, DATABASE_NAME ".new");
    char *log = path_in(c->state_dir, DATABASE_NAME ".new-wal");
    bool ok;

    unlink(log);
    unlink(path);
    ok = make_at(c, path, ret_error);
    if (ok && rename(path, c->db_path) != 0)
        ok = text_fail(ret_error, "cannot put %s in its place: %s", path, strerror(errno));
    free(log);
    free(path);
    return ok;
}

static bool open_all(struct control *c, char **ret_error)
{
    uint64_t marked = 0;

    if (!check_files(c, ret_error, &marked))
        return false;
    if (is_there(c->db_path) ? !check_pages(c, ret_error) : !make_database(c, ret_error))
        return false;
    c->db = sql_open(c->vfs, c->db_path, ret_error);
    if (c->db == NULL || !check_number(c, marked, ret_error) ||
        !upgrade(c->db, c->db_path, ret_error) || !control_prepare(c, ret_error))
        return false;
    /* A store has a transaction from the first, so that its absence is noticed. */
    control_put(c, CONTROL_SETTING, "opened", clock_unix_ms(), "{}");
    if (!control_flush(c))
        return text_fail(ret_error, "%s cannot be written; the log says why", c->db_path);
    c->is_open = true;
    return log_is_emptied_on_close(c->db);
}

/** control_open() - see control.h */
struct control *control_open(const char *state_dir, struct keyring *keys, char **ret_error)
{
    struct control *c = mem_new(struct control);
    pthread_condattr_t monotonic;

    c->state_dir = text_dup(state_dir);
    c->db_path = path_in(state_dir, DATABASE_NAME);
    c->keys = keys;
    c->mark.fd = -1;
    c->vfs = page_vfs_new(keys);
    pthread_mutex_init(&c->lock, NULL);
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&c->wanted, &monotonic);
    pthread_condattr_destroy(&monotonic);
    pthread_cond_init(&c->done, NULL);
    list_init(&c->jobs);
    list_init(&c->waiting);
    atomic_init(&c->is_kept, true);
    if (open_all(c, ret_error))
        return c;
    return control_close(c);
}

static void drop_waiting(struct control *c)
{
    size_t n = 0;

    list_each (it, &c->waiting) {
        list_remove(it);
        job_free(list_item(it, struct job, link));
        n++;
    }
    if (n > 0 && c->is_open)
        log_error("store", "%s: %zu changes could not be written and are lost", c->db_path, n);
}

/** control_close() - see control.h; also of one that could not be opened */
struct control *control_close(struct control *c)
{
    if (c == NULL)
        return NULL;
    if (c->set_number != NULL)
        control_stop_thread(c);
    drop_waiting(c);
    control_unprepare(c);
    check(sqlite3_close(c->db) == SQLITE_OK);
    mark_close(&c->mark);
    page_vfs_free(c->vfs);
    pthread_mutex_destroy(&c->lock);
    pthread_cond_destroy(&c->wanted);
    pthread_cond_destroy(&c->done);
    free(c->db_path);
    free(c->state_dir);
    free(c);
    return NULL;
}
