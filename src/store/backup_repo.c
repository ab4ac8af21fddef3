/* SPDX-License-Identifier: Apache-2.0 */
/* store/backup_repo.c - chunks and manifests in a folder */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zstd.h>

#include "base/err.h"
#include "base/text.h"
#include "store/backup_private.h"

#define ZSTD_LEVEL         3
#define MANIFEST_BYTES_MAX (256U << 20)
#define CHUNK_FILE_MAX     (2 * CHUNK_BYTES)
#define OPEN_FILES_MAX     16

/** repo_open() - of the keyring that the node has; reads nothing yet */
void repo_open(struct backup_repo *r, const char *dir, struct keyring *keys)
{
    *r = (struct backup_repo){.dir = text_dup(dir)};
    keyring_derive_lasting(keys, BYTES("bastide backup seal"), r->seal_secret);
    keyring_derive_lasting(keys, BYTES("bastide backup name"), r->naming_secret);
}

/** repo_done() - wipe and free */
void repo_done(struct backup_repo *r)
{
    secret_wipe(r->seal_secret, sizeof(r->seal_secret));
    secret_wipe(r->naming_secret, sizeof(r->naming_secret));
    free(r->dir);
}

/** repo_path() - DIR/ID.SUFFIX */
char *repo_path(const char *dir, const char *id, const char *suffix)
{
    return text_format("%s/%s%s", dir, id, suffix);
}

static bool make_folder(const char *path, char **ret_error)
{
    return mkdir(path, 0700) == 0 || errno == EEXIST ||
           text_fail(ret_error, "cannot make the folder %s: %s", path, strerror(errno));
}

/** repo_make() - the folder, when it is not there */
bool repo_make(const struct backup_repo *r, char **ret_error)
{
    char *chunks = repo_path(r->dir, "chunks", "");
    bool ok = make_folder(r->dir, ret_error) && make_folder(chunks, ret_error);

    free(chunks);
    return ok;
}

/** repo_lock() - see backup_private.h */
int repo_lock(const char *dir, int how, char **ret_error)
{
    int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    if (fd < 0 && errno == ENOENT) {
        (void)text_fail(ret_error, "there is no folder %s", dir);
    } else if (fd < 0) {
        (void)text_fail(ret_error, "cannot open the folder %s: %s", dir, strerror(errno));
    } else if (flock(fd, how | LOCK_NB) != 0) {
        (void)text_fail(ret_error, "%s: %s", dir,
                        errno == EWOULDBLOCK ? "it is in use by another backup, restore or prune; "
                                               "try again when that is done"
                                             : strerror(errno));
        close(fd);
        fd = -1;
    }
    return fd;
}

static int by_name(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name);
}

/** repo_entries() - see backup_private.h */
json_t *repo_entries(const char *dir, json_t *(*take)(const char *dir, const char *name),
                     char **ret_error)
{
    struct dirent **names = NULL;
    int n = scandir(dir, &names, NULL, by_name);
    json_t *all;

    if (n < 0) {
        (void)text_fail(ret_error, "cannot read the folder %s: %s", dir, strerror(errno));
        return NULL;
    }
    all = json_array();
    for (int i = 0; i < n; i++) {
        json_t *one = take(dir, names[i]->d_name);

        if (one != NULL)
            json_array_append_new(all, one);
        free(names[i]);
    }
    free(names);
    return all;
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *at)
{
    (void)st;
    (void)type;
    (void)at;
    return remove(path);
}

/** repo_remove_folder() - see backup_private.h */
bool repo_remove_folder(const char *path)
{
    return nftw(path, remove_one, OPEN_FILES_MAX, FTW_DEPTH | FTW_PHYS) == 0;
}

/* ---- chunks ---- */

/** repo_is_chunk() - is @name, or NULL, one that repo_put() gives? */
bool repo_is_chunk(const char *name, char **ret_error)
{
    if (name != NULL && strlen(name) == CHUNK_NAME_LEN - 1 &&
        strspn(name, "0123456789abcdef") == CHUNK_NAME_LEN - 1)
        return true;
    return text_fail(ret_error, "a manifest names a chunk that is none");
}

/** repo_chunk_path() - DIR/chunks/xx/NAME */
char *repo_chunk_path(const char *dir, const char *name)
{
    return text_format("%s/chunks/%.2s/%s", dir, name, name);
}

static void name_of(const struct backup_repo *r, struct bytes plain, char ret[CHUNK_NAME_LEN])
{
    uint8_t name[SEAL_KEY_BYTES];

    key_derive(r->naming_secret, plain, name);
    for (size_t i = 0; i < sizeof(name); i++)
        snprintf(ret + 2 * i, 3, "%02x", name[i]);
}

static void compress(struct bytes plain, struct buf *ret)
{
    size_t room = ZSTD_compressBound(plain.len);
    size_t n = ZSTD_compress(buf_reserve(ret, room), room, plain.at, plain.len, ZSTD_LEVEL);

    check(!ZSTD_isError(n));
    ret->len += n;
}

/* Under another name until it is whole; made durable with all others by the manifest. */
static bool write_chunk(const char *path, struct bytes sealed, char **ret_error)
{
    char *aside = text_format("%s.new", path);
    char *dir = text_dup(path);
    int fd;
    bool ok;

    *strrchr(dir, '/') = '\0';
    ok = make_folder(dir, ret_error);
    fd = ok ? open(aside, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600) : -1;
    if (ok && (fd < 0 || !file_write_all(fd, sealed) || rename(aside, path) != 0)) {
        ok = text_fail(ret_error, "cannot write %s: %s", path, strerror(errno));
        unlink(aside);
    }
    if (fd >= 0)
        close(fd);
    free(dir);
    free(aside);
    return ok;
}

static bool decompress(struct bytes small, struct buf *ret)
{
    size_t n = ZSTD_decompress(buf_reserve(ret, CHUNK_BYTES), CHUNK_BYTES, small.at, small.len);

    if (ZSTD_isError(n))
        return false;
    ret->len += n;
    return true;
}

/** repo_get() - what repo_put() kept under @name, of a manifest; appended to @ret */
bool repo_get(const struct backup_repo *r, const char *name, struct buf *ret, char **ret_error)
{
    CLEANUP(buf_done) struct buf sealed = {0};
    CLEANUP(buf_done) struct buf small = {0};
    char again[CHUNK_NAME_LEN] = "";
    size_t len = ret->len;
    char *path;
    bool ok;

    if (!repo_is_chunk(name, ret_error))
        return false;
    path = repo_chunk_path(r->dir, name);
    ok = file_read(path, CHUNK_FILE_MAX, &sealed, ret_error);
    if (ok && unseal_box(r->seal_secret, bytes_str(name), buf_view(&sealed), &small) &&
        decompress(buf_view(&small), ret))
        name_of(r, bytes_of(ret->at + len, ret->len - len), again);
    if (ok && strcmp(again, name) != 0)
        ok = text_fail(ret_error, "%s does not authenticate: it was changed or damaged", path);
    free(path);
    return ok;
}

/* Is it there, and sound?  One that a power cut has left behind, or that was damaged since, is
 * written again. */
static bool is_kept(const struct backup_repo *r, const char *name)
{
    CLEANUP(buf_done) struct buf plain = {0};
    char *ignored = NULL;
    bool is_sound = repo_get(r, name, &plain, &ignored);

    free(ignored);
    return is_sound;
}

/** repo_put() - keep @plain, at most CHUNK_BYTES, unless it is kept already */
bool repo_put(struct backup_repo *r, struct bytes plain, char ret_name[CHUNK_NAME_LEN],
              char **ret_error)
{
    CLEANUP(buf_done) struct buf small = {0};
    CLEANUP(buf_done) struct buf sealed = {0};
    char *path;
    bool ok = true;

    name_of(r, plain, ret_name);
    path = repo_chunk_path(r->dir, ret_name);
    r->n_chunks++;
    if (!is_kept(r, ret_name)) {
        compress(plain, &small);
        seal_box(r->seal_secret, bytes_str(ret_name), buf_view(&small), &sealed);
        ok = write_chunk(path, buf_view(&sealed), ret_error);
        r->n_new_chunks++;
        r->new_bytes += sealed.len;
    }
    free(path);
    return ok;
}

/* ---- manifests ---- */

static bool sync_all(const char *dir, char **ret_error)
{
    int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    bool ok = fd >= 0 && syncfs(fd) == 0;

    if (!ok)
        (void)text_fail(ret_error, "%s cannot be made durable: %s", dir, strerror(errno));
    if (fd >= 0)
        close(fd);
    return ok;
}

/** repo_put_manifest() - the backup is there from now on */
bool repo_put_manifest(const struct backup_repo *r, const char *id, const json_t *m,
                       char **ret_error)
{
    CLEANUP(buf_done) struct buf small = {0};
    CLEANUP(buf_done) struct buf sealed = {0};
    char *text = json_dumps(m, JSON_COMPACT);
    char *path = repo_path(r->dir, id, ".backup");
    size_t room = ZSTD_compressBound(strlen(text));
    size_t n = ZSTD_compress(buf_reserve(&small, room), room, text, strlen(text), ZSTD_LEVEL);
    bool ok;

    check(!ZSTD_isError(n));
    small.len = n;
    seal_box(r->seal_secret, bytes_str(id), buf_view(&small), &sealed);
    ok = sync_all(r->dir, ret_error) && file_replace(path, buf_view(&sealed), 0600, ret_error);
    free(path);
    free(text);
    return ok;
}

static json_t *manifest_of(struct bytes small)
{
    unsigned long long size = ZSTD_getFrameContentSize(small.at, small.len);
    CLEANUP(buf_done) struct buf text = {0};
    size_t n;

    if (size > MANIFEST_BYTES_MAX)
        return NULL;
    n = ZSTD_decompress(buf_reserve(&text, (size_t)size + 1), (size_t)size, small.at, small.len);
    return ZSTD_isError(n) ? NULL : json_loadb((char *)text.at, n, 0, NULL);
}

/** repo_get_manifest() - of backup @id; owned by the caller; NULL with @ret_error */
json_t *repo_get_manifest(const struct backup_repo *r, const char *id, char **ret_error)
{
    CLEANUP(buf_done) struct buf sealed = {0};
    CLEANUP(buf_done) struct buf small = {0};
    char *path = repo_path(r->dir, id, ".backup");
    json_t *m = NULL;

    if (file_read(path, MANIFEST_BYTES_MAX, &sealed, ret_error)) {
        if (unseal_box(r->seal_secret, bytes_str(id), buf_view(&sealed), &small))
            m = manifest_of(buf_view(&small));
        if (m == NULL || json_integer_value(json_object_get(m, "format")) != MANIFEST_FORMAT) {
            json_decref(m);
            m = NULL;
            (void)text_fail(ret_error, "%s does not authenticate: it was changed or damaged", path);
        }
    }
    free(path);
    return m;
}
