/* SPDX-License-Identifier: Apache-2.0 */
/*
 * store/control_schema.c - the tables, as a list of steps
 *
 * user_version says how many steps a database has behind it.  A step is never changed
 * once it has been released: another one follows it.
 */
#include "store/control_private.h"

#include "base/text.h"

/* clang-format off */
#define DOCUMENTS(name)                                                                         \
    "CREATE TABLE " name "(id INTEGER PRIMARY KEY, key TEXT UNIQUE, at INTEGER NOT NULL,"       \
    " doc TEXT NOT NULL);"

static const char *const steps[] = {
    /* 1: how many transactions there were; documents by key */
    "CREATE TABLE meta(name TEXT PRIMARY KEY, value INTEGER NOT NULL);"
    "INSERT INTO meta VALUES('number', 0);"
    DOCUMENTS("asset") DOCUMENTS("flow") DOCUMENTS("seen") DOCUMENTS("incident")
    DOCUMENTS("ban") DOCUMENTS("subject") DOCUMENTS("guarded") DOCUMENTS("drill")
    DOCUMENTS("assessment") DOCUMENTS("setting"),
    /* 2: the audit */
    "CREATE TABLE audit(seq INTEGER PRIMARY KEY, at INTEGER NOT NULL, actor TEXT NOT NULL,"
    " action TEXT NOT NULL, object TEXT NOT NULL, reason TEXT NOT NULL, result TEXT NOT NULL,"
    " prev_hash TEXT NOT NULL, hash TEXT NOT NULL);"
    "CREATE TABLE head(seq INTEGER PRIMARY KEY, at INTEGER NOT NULL, hash TEXT NOT NULL,"
    " signature TEXT NOT NULL);",
    /* 3: what clients are used to */
    DOCUMENTS("habit"),
};
/* clang-format on */

static bool take_step(sqlite3 *db, size_t i)
{
    struct buf version = {0};
    bool ok;

    buf_addf(&version, "PRAGMA user_version = %zu", i + 1);
    buf_add_u8(&version, 0);
    ok = sql_exec(db, "BEGIN IMMEDIATE") && sql_exec(db, steps[i]) &&
         sql_exec(db, (const char *)version.at) && sql_exec(db, "COMMIT");
    if (!ok)
        sql_roll_back(db);
    buf_done(&version);
    return ok;
}

/** schema_upgrade() - take the steps that @db has not behind it, each a transaction of its own */
bool schema_upgrade(sqlite3 *db, char **ret_error)
{
    int64_t version = 0;

    if (!sql_number(db, "PRAGMA user_version", &version))
        return text_fail(ret_error, "its version cannot be read: %s", sql_why(db));
    if (version > (int64_t)COUNT_OF(steps))
        return text_fail(ret_error,
                         "it is of version %lld, and this program knows %zu: start the newer "
                         "program, or restore a backup that the older one made",
                         (long long)version, COUNT_OF(steps));
    for (size_t i = (size_t)version; i < COUNT_OF(steps); i++)
        if (!take_step(db, i))
            return text_fail(ret_error, "it cannot be brought to version %zu: %s", i + 1,
                             sql_why(db));
    return true;
}
