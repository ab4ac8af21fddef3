/* SPDX-License-Identifier: Apache-2.0 */
/* store/page_vfs.c - see page_vfs.h */
#include "store/page_vfs.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"

struct page_vfs {
    sqlite3_vfs face;
    sqlite3_vfs *below; /* the system's */
    struct keyring *keys;
    char name[40];
};

struct page_file {
    sqlite3_file face;
    const struct page_vfs *owner;
    enum page_kind kind;
    sqlite3_file *below; /* stands behind this struct */
};

/* ---- a page ---- */

static void put_u32(uint8_t *at, uint32_t n)
{
    for (int i = 0; i < 4; i++)
        at[i] = (uint8_t)(n >> (8 * i));
}

static uint32_t get_u32(const uint8_t *at)
{
    return (uint32_t)at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 | (uint32_t)at[3] << 24;
}

/* SQLite's own numbers are big-endian. */
static uint32_t get_be32(const uint8_t *at)
{
    return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | (uint32_t)at[3];
}

#define BOUND_BYTES (1 + 4 + 4 + 8 + FRAME_BOUND_BYTES)

static void bound_to(const struct page_place *p, uint32_t key_id, uint8_t ret[BOUND_BYTES])
{
    ret[0] = (uint8_t)p->kind;
    put_u32(ret + 1, p->number);
    put_u32(ret + 5, key_id);
    put_u32(ret + 9, (uint32_t)p->offset);
    put_u32(ret + 13, (uint32_t)(p->offset >> 32));
    memcpy(ret + 17, p->salts, FRAME_BOUND_BYTES);
}

static bool key_of(struct keyring *keys, const struct page_place *p, uint32_t key_id,
                   uint8_t ret_secret[SEAL_KEY_BYTES])
{
    uint8_t info[] = "bastide page .....";

    info[13] = (uint8_t)p->kind;
    put_u32(info + 14, p->number);
    return keyring_derive(keys, key_id, bytes_of(info, sizeof(info) - 1), ret_secret);
}

/** page_key_id() - of the data key that @sealed says it is under */
uint32_t page_key_id(const uint8_t sealed[PAGE_BYTES])
{
    return get_u32(sealed + PAGE_BYTES - 4);
}

/** page_seal() - under the current data key; @plain ends in PAGE_TAIL_BYTES that are not kept */
void page_seal(struct keyring *keys, const struct page_place *place,
               const uint8_t plain[PAGE_BYTES], uint8_t ret[PAGE_BYTES])
{
    uint32_t key_id = keyring_current(keys);
    uint8_t *tail = ret + PAGE_PLAIN_BYTES;
    uint8_t key_secret[SEAL_KEY_BYTES];
    uint8_t bound[BOUND_BYTES];

    check(key_of(keys, place, key_id, key_secret));
    bound_to(place, key_id, bound);
    random_bytes(tail, SEAL_NONCE_BYTES);
    seal(key_secret, tail, bytes_of(bound, sizeof(bound)), bytes_of(plain, PAGE_PLAIN_BYTES), ret,
         tail + SEAL_NONCE_BYTES);
    put_u32(tail + SEAL_MORE_BYTES, key_id);
    secret_wipe(key_secret, sizeof(key_secret));
}

/** page_unseal() - false: not authentic, or at another place; @ret ends in zeros otherwise */
bool page_unseal(struct keyring *keys, const struct page_place *place,
                 const uint8_t sealed[PAGE_BYTES], uint8_t ret[PAGE_BYTES])
{
    const uint8_t *tail = sealed + PAGE_PLAIN_BYTES;
    uint32_t key_id = page_key_id(sealed);
    uint8_t key_secret[SEAL_KEY_BYTES];
    uint8_t bound[BOUND_BYTES];
    bool good;

    if (!key_of(keys, place, key_id, key_secret))
        return false;
    bound_to(place, key_id, bound);
    good = unseal(key_secret, tail, bytes_of(bound, sizeof(bound)),
                  bytes_of(sealed, PAGE_PLAIN_BYTES), tail + SEAL_NONCE_BYTES, ret);
    secret_wipe(key_secret, sizeof(key_secret));
    memset(ret + PAGE_PLAIN_BYTES, 0, PAGE_TAIL_BYTES);
    return good;
}

/** page_place_of_frame() - see page_vfs.h */
struct page_place page_place_of_frame(uint64_t i, const uint8_t head[FRAME_HEAD_BYTES])
{
    struct page_place p = {
        .kind = PAGE_OF_WAL,
        .number = get_be32(head),
        .offset = WAL_HEAD_BYTES + i * FRAME_BYTES,
    };

    memcpy(p.salts, head + 8, FRAME_BOUND_BYTES);
    return p;
}

/* ---- a file ---- */

static struct page_file *page_file(sqlite3_file *f)
{
    return (struct page_file *)(void *)f;
}

static int below_read(struct page_file *f, void *to, int n, uint64_t offset)
{
    return f->below->pMethods->xRead(f->below, to, n, (sqlite3_int64)offset);
}

static int below_write(struct page_file *f, const void *from, int n, uint64_t offset)
{
    return f->below->pMethods->xWrite(f->below, from, n, (sqlite3_int64)offset);
}

static int not_authentic(const struct page_place *p)
{
    log_error("store", "page %u %s does not authenticate: it was changed or damaged on disk",
              p->number, p->kind == PAGE_OF_WAL ? "in the write-ahead log" : "of the database");
    return SQLITE_IOERR_DATA;
}

/* All or part of one page. */
static int read_database(struct page_file *f, uint8_t *to, int n, uint64_t offset)
{
    uint64_t inside = offset % PAGE_BYTES;
    struct page_place p = {PAGE_OF_DATABASE, (uint32_t)(offset / PAGE_BYTES) + 1, 0, {0}};
    uint8_t page[PAGE_BYTES];
    int rc;

    if (inside + (uint64_t)n > PAGE_BYTES)
        return SQLITE_IOERR_READ;
    rc = below_read(f, page, PAGE_BYTES, offset - inside);
    if (rc == SQLITE_IOERR_SHORT_READ)
        memset(to, 0, (size_t)n); /* behind the end, as it has to be */
    if (rc != SQLITE_OK)
        return rc;
    if (!page_unseal(f->owner->keys, &p, page, page))
        return not_authentic(&p);
    memcpy(to, page + inside, (size_t)n);
    return SQLITE_OK;
}

static int write_database(struct page_file *f, const uint8_t *from, int n, uint64_t offset)
{
    struct page_place p = {PAGE_OF_DATABASE, (uint32_t)(offset / PAGE_BYTES) + 1, 0, {0}};
    uint8_t page[PAGE_BYTES];

    if (n != PAGE_BYTES || offset % PAGE_BYTES != 0)
        return SQLITE_IOERR_WRITE;
    page_seal(f->owner->keys, &p, from, page);
    return below_write(f, page, PAGE_BYTES, offset);
}

/* SQLite reads a log's head, whole frames when it recovers, and pages.  A whole frame that is not
 * authentic becomes one whose checksum is wrong: there the log ends for SQLite, and whether it may
 * is for page_scan() to say. */
static int read_frame(struct page_file *f, uint8_t *to, int n, uint64_t i, uint64_t inside)
{
    uint8_t frame[FRAME_BYTES];
    struct page_place p;
    int rc = below_read(f, frame, FRAME_BYTES, WAL_HEAD_BYTES + i * FRAME_BYTES);

    if (rc == SQLITE_IOERR_SHORT_READ)
        memset(to, 0, (size_t)n);
    if (rc != SQLITE_OK)
        return rc;
    p = page_place_of_frame(i, frame);
    if (!page_unseal(f->owner->keys, &p, frame + FRAME_HEAD_BYTES, frame + FRAME_HEAD_BYTES) &&
        inside > 0)
        return not_authentic(&p);
    memcpy(to, frame + inside, (size_t)n);
    return SQLITE_OK;
}

static int write_frame(struct page_file *f, const uint8_t *from, uint64_t i)
{
    uint64_t offset = WAL_HEAD_BYTES + i * FRAME_BYTES;
    uint8_t head[FRAME_HEAD_BYTES];
    uint8_t page[PAGE_BYTES];
    struct page_place p;
    int rc = below_read(f, head, FRAME_HEAD_BYTES, offset);

    if (rc != SQLITE_OK)
        return rc;
    p = page_place_of_frame(i, head);
    page_seal(f->owner->keys, &p, from, page);
    return below_write(f, page, PAGE_BYTES, offset + FRAME_HEAD_BYTES);
}

static int vfs_read(sqlite3_file *file, void *to, int n, sqlite3_int64 at)
{
    struct page_file *f = page_file(file);
    uint64_t offset = (uint64_t)at;
    uint64_t inside;

    if (f->kind == PAGE_OF_DATABASE)
        return read_database(f, to, n, offset);
    if (offset + (uint64_t)n <= WAL_HEAD_BYTES)
        return below_read(f, to, n, offset);
    if (offset < WAL_HEAD_BYTES)
        return SQLITE_IOERR_READ;
    inside = (offset - WAL_HEAD_BYTES) % FRAME_BYTES;
    if (inside + (uint64_t)n > FRAME_BYTES)
        return SQLITE_IOERR_READ;
    return read_frame(f, to, n, (offset - WAL_HEAD_BYTES) / FRAME_BYTES, inside);
}

static bool has_zero_tail(const uint8_t page[PAGE_BYTES])
{
    static const uint8_t zeros[PAGE_TAIL_BYTES];

    return memcmp(page + PAGE_PLAIN_BYTES, zeros, PAGE_TAIL_BYTES) == 0;
}

static int vfs_write(sqlite3_file *file, const void *from, int n, sqlite3_int64 at)
{
    struct page_file *f = page_file(file);
    uint64_t offset = (uint64_t)at;
    uint64_t inside;

    /* What SQLite would keep there is lost, and its checksum of the log would then be wrong. */
    if (n == PAGE_BYTES && !has_zero_tail(from))
        return SQLITE_IOERR_WRITE;
    if (f->kind == PAGE_OF_DATABASE)
        return write_database(f, from, n, offset);
    if (offset + (uint64_t)n <= WAL_HEAD_BYTES)
        return below_write(f, from, n, offset);
    inside = (offset - WAL_HEAD_BYTES) % FRAME_BYTES;
    if (inside == 0 && n == FRAME_HEAD_BYTES)
        return below_write(f, from, n, offset);
    if (inside == FRAME_HEAD_BYTES && n == PAGE_BYTES)
        return write_frame(f, from, (offset - WAL_HEAD_BYTES) / FRAME_BYTES);
    return SQLITE_IOERR_WRITE;
}

static int vfs_close(sqlite3_file *file)
{
    struct page_file *f = page_file(file);

    return f->below->pMethods->xClose(f->below);
}

static int vfs_truncate(sqlite3_file *file, sqlite3_int64 size)
{
    struct page_file *f = page_file(file);

    return f->below->pMethods->xTruncate(f->below, size);
}

static int vfs_sync(sqlite3_file *file, int flags)
{
    struct page_file *f = page_file(file);

    return f->below->pMethods->xSync(f->below, flags);
}

static int vfs_file_size(sqlite3_file *file, sqlite3_int64 *ret)
{
    struct page_file *f = page_file(file);

    return f->below->pMethods->xFileSize(f->below, ret);
}

static int vfs_lock(sqlite3_file *file, int level)
{
    struct page_file *f = page_file(file);

    return f->below->pMethods->xLock(f->below, level);
}

static int vfs_unlock(sqlite3_file *file, int level)
{
    struct page_file *f = page_file(file);

    return f->below->pMethods->xUnlock(f->below, level);
}

static int vfs_check_reserved(sqlite3_file *file, int *ret)
{
    struct page_file *f = page_file(file);

    return f->below->pMethods->xCheckReservedLock(f->below, ret);
}

static int vfs_control(sqlite3_file *file, int op, void *arg)
{
    struct page_file *f = page_file(file);

    return f->below->pMethods->xFileControl(f->below, op, arg);
}

static int vfs_sector_size(sqlite3_file *file)
{
    (void)file;
    return PAGE_BYTES;
}

static int vfs_characteristics(sqlite3_file *file)
{
    (void)file;
    return SQLITE_IOCAP_POWERSAFE_OVERWRITE;
}

/* Version 1: no shared memory and no mapped files are to be had. */
static const sqlite3_io_methods methods = {
    .iVersion = 1,
    .xClose = vfs_close,
    .xRead = vfs_read,
    .xWrite = vfs_write,
    .xTruncate = vfs_truncate,
    .xSync = vfs_sync,
    .xFileSize = vfs_file_size,
    .xLock = vfs_lock,
    .xUnlock = vfs_unlock,
    .xCheckReservedLock = vfs_check_reserved,
    .xFileControl = vfs_control,
    .xSectorSize = vfs_sector_size,
    .xDeviceCharacteristics = vfs_characteristics,
};

/* ---- the layer ---- */

static int vfs_open(sqlite3_vfs *vfs, const char *name, sqlite3_file *file, int flags,
                    int *ret_flags)
{
    const struct page_vfs *v = vfs->pAppData;
    struct page_file *f = page_file(file);
    int rc;

    f->face.pMethods = NULL;
    if (!(flags & (SQLITE_OPEN_MAIN_DB | SQLITE_OPEN_WAL)))
        return SQLITE_CANTOPEN;
    f->owner = v;
    f->kind = flags & SQLITE_OPEN_WAL ? PAGE_OF_WAL : PAGE_OF_DATABASE;
    f->below = (sqlite3_file *)(void *)(f + 1);
    rc = v->below->xOpen(v->below, name, f->below, flags, ret_flags);
    if (rc == SQLITE_OK)
        f->face.pMethods = &methods;
    return rc;
}

/** page_vfs_new() - see page_vfs.h */
struct page_vfs *page_vfs_new(struct keyring *keys)
{
    struct page_vfs *v = mem_new(struct page_vfs);

    check(sqlite3_initialize() == SQLITE_OK);
    v->below = sqlite3_vfs_find("unix");
    check(v->below != NULL);
    v->keys = keys;
    v->face = *v->below;
    v->face.iVersion = 2; /* no other system calls are set by this name */
    v->face.szOsFile = (int)sizeof(struct page_file) + v->below->szOsFile;
    v->face.pNext = NULL;
    snprintf(v->name, sizeof(v->name), "bastide-%p", (void *)v);
    v->face.zName = v->name;
    v->face.pAppData = v;
    v->face.xOpen = vfs_open;
    check(sqlite3_vfs_register(&v->face, 0) == SQLITE_OK);
    return v;
}

/** page_vfs_free() - when no connection uses it any more; NULL is fine */
struct page_vfs *page_vfs_free(struct page_vfs *v)
{
    if (v != NULL)
        check(sqlite3_vfs_unregister(&v->face) == SQLITE_OK);
    free(v);
    return NULL;
}

/** page_vfs_name() - to open a database by; borrowed */
const char *page_vfs_name(const struct page_vfs *v)
{
    return v->name;
}
