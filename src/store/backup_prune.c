/* SPDX-License-Identifier: Apache-2.0 */
/*
 * store/backup_prune.c - older backups go, and the chunks that no other one needs
 *
 * What is kept is read first: the manifest of each backup that stays, by its own keyring.  If one
 * of them cannot be read, or one of their chunks is missing, nothing is removed.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/map.h"
#include "base/mem.h"
#include "base/text.h"
#include "store/backup_private.h"

#define DATE_LEN 15 /* of an id: "20261126T023000" */

struct chunk {
    char name[CHUNK_NAME_LEN];
};

struct pruning {
    const char *dir;
    const struct key_source *from;
    struct map needed; /* struct chunk by name; owned */
    struct backup_pruned *out;
    char **ret_error;
};

static struct bytes chunk_name(const void *item)
{
    return bytes_str(((const struct chunk *)item)->name);
}

/* ---- what is needed ---- */

static bool need(struct pruning *p, const char *name)
{
    char *path = NULL;
    struct chunk *c;
    bool ok;

    if (!repo_is_chunk(name, p->ret_error))
        return false;
    if (map_find(&p->needed, bytes_str(name)) != NULL)
        return true;
    path = repo_chunk_path(p->dir, name);
    ok = access(path, F_OK) == 0 ||
         text_fail(p->ret_error, "%s: %s; nothing was removed", path, strerror(errno));
    free(path);
    if (!ok)
        return false;
    c = mem_new(struct chunk);
    memcpy(c->name, name, CHUNK_NAME_LEN);
    map_put(&p->needed, c);
    return true;
}

static bool need_all(struct pruning *p, const json_t *manifest)
{
    const json_t *file;
    const json_t *chunk;
    size_t i;
    size_t k;

    json_array_foreach(json_object_get(manifest, "files"), i, file)
    {
        json_array_foreach(json_object_get(file, "chunks"), k, chunk)
        {
            if (!need(p, json_string_value(chunk)))
                return false;
        }
    }
    return true;
}

static bool keep(struct pruning *p, const char *id)
{
    char *path = repo_path(p->dir, id, ".keyring");
    struct keyring *keys = keyring_open(path, p->from, p->ret_error);
    struct backup_repo repo;
    json_t *manifest;
    bool ok;

    free(path);
    if (keys == NULL)
        return false;
    repo_open(&repo, p->dir, keys);
    keyring_free(keys);
    manifest = repo_get_manifest(&repo, id, p->ret_error);
    ok = manifest != NULL && need_all(p, manifest);
    json_decref(manifest);
    repo_done(&repo);
    p->out->n_kept += ok;
    return ok;
}

/* ---- what goes ---- */

static bool take_away(struct pruning *p, const char *id, const char *suffix)
{
    char *path = repo_path(p->dir, id, suffix);
    bool ok = unlink(path) == 0 || errno == ENOENT ||
              text_fail(p->ret_error, "cannot remove %s: %s", path, strerror(errno));

    free(path);
    return ok;
}

/* The manifest first: what is left without one is no backup. */
static bool remove_backup(struct pruning *p, const char *id)
{
    bool ok = take_away(p, id, ".backup") && take_away(p, id, ".keyring");

    p->out->n_removed += ok;
    return ok;
}

static bool remove_chunk(struct pruning *p, int folder, const char *name)
{
    struct stat st;

    if (name[0] == '.' || map_find(&p->needed, bytes_str(name)) != NULL)
        return true;
    if (fstatat(folder, name, &st, AT_SYMLINK_NOFOLLOW) != 0 || unlinkat(folder, name, 0) != 0)
        return text_fail(p->ret_error, "cannot remove the chunk %s: %s", name, strerror(errno));
    p->out->n_chunks_removed++;
    p->out->bytes_freed += (uint64_t)st.st_size;
    return true;
}

static bool remove_chunks_in(struct pruning *p, const char *path)
{
    DIR *d = opendir(path);
    const struct dirent *e;
    bool ok = true;

    if (d == NULL)
        return errno == ENOTDIR ||
               text_fail(p->ret_error, "cannot read %s: %s", path, strerror(errno));
    while (ok && (e = readdir(d)) != NULL)
        ok = remove_chunk(p, dirfd(d), e->d_name);
    closedir(d);
    return ok;
}

static bool remove_chunks(struct pruning *p)
{
    char *chunks = repo_path(p->dir, "chunks", "");
    struct dirent **names = NULL;
    int n = scandir(chunks, &names, NULL, NULL);
    bool ok = n >= 0 || text_fail(p->ret_error, "cannot read %s: %s", chunks, strerror(errno));

    for (int i = 0; i < n; i++) {
        char *path = repo_path(chunks, names[i]->d_name, "");

        ok = ok && (names[i]->d_name[0] == '.' || remove_chunks_in(p, path));
        free(path);
        free(names[i]);
    }
    free(names);
    free(chunks);
    return ok;
}

/* ---- what earlier versions left ---- */

#define LEFTOVER      "verify."
#define LEFTOVER_MORE 6 /* letters and digits behind it, of mkdtemp() */

static bool is_folder(const char *path)
{
    struct stat st;

    return lstat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

static json_t *leftover_of(const char *dir, const char *name)
{
    bool is_one = strncmp(name, LEFTOVER, sizeof(LEFTOVER) - 1) == 0 &&
                  strlen(name) == sizeof(LEFTOVER) - 1 + LEFTOVER_MORE;
    char *path = is_one ? repo_path(dir, name, "") : NULL;
    json_t *leftover = path != NULL && is_folder(path) ? json_string(path) : NULL;

    free(path);
    return leftover;
}

/** backup_leftovers() - see backup.h */
json_t *backup_leftovers(const char *dir, char **ret_error)
{
    return repo_entries(dir, leftover_of, ret_error);
}

static bool remove_leftovers(struct pruning *p)
{
    json_t *all = backup_leftovers(p->dir, p->ret_error);
    bool ok = all != NULL;
    const json_t *path;
    size_t i;

    json_array_foreach(all, i, path)
    {
        ok = ok && (repo_remove_folder(json_string_value(path)) ||
                    text_fail(p->ret_error, "cannot remove %s: %s", json_string_value(path),
                              strerror(errno)));
        p->out->n_leftovers += ok;
    }
    json_decref(all);
    return ok;
}

/* ---- the whole ---- */

static void date_of(uint64_t unix_ms, char ret[DATE_LEN + 1])
{
    time_t s = (time_t)(unix_ms / 1000);
    struct tm tm;

    gmtime_r(&s, &tm);
    strftime(ret, DATE_LEN + 1, "%Y%m%dT%H%M%S", &tm);
}

static bool prune(struct pruning *p, const json_t *all, size_t keep_min, const char *before)
{
    size_t n = json_array_size(all);
    bool ok = true;

    for (int pass = 0; pass < 2; pass++) {
        for (size_t i = 0; i < n && ok; i++) {
            const char *id = json_string_value(json_object_get(json_array_get(all, i), "id"));
            bool goes = i + keep_min < n && strncmp(id, before, DATE_LEN) < 0;

            if (pass == 0 && !goes)
                ok = keep(p, id);
            else if (pass == 1 && goes)
                ok = remove_backup(p, id);
        }
    }
    return ok && remove_chunks(p) && remove_leftovers(p);
}

/** backup_prune() - see backup.h */
bool backup_prune(const char *dir, const struct key_source *from, size_t keep_min,
                  uint64_t before_unix_ms, struct backup_pruned *ret, char **ret_error)
{
    struct backup_pruned out = {0};
    struct pruning p = {.dir = dir, .from = from, .out = &out, .ret_error = ret_error};
    int lock = repo_lock(dir, LOCK_EX, ret_error);
    char before[DATE_LEN + 1];
    json_t *all;
    size_t cursor = 0;
    void *item;
    bool ok;

    if (lock < 0)
        return false;
    map_init(&p.needed, chunk_name);
    date_of(before_unix_ms, before);
    all = backup_list(dir, ret_error);
    ok = all != NULL && prune(&p, all, keep_min, before);
    while ((item = map_next(&p.needed, &cursor)) != NULL)
        free(item);
    map_done(&p.needed);
    json_decref(all);
    close(lock);
    if (ok)
        *ret = out;
    return ok;
}
