/* SPDX-License-Identifier: Apache-2.0 */
/*
 * store/backup_restore.c - a home from a backup
 *
 * What comes out of a backup is believed only because it is authentic; even so a name
 * never leads out of the folder that is restored into.
 *
 * A verify is a restore whose files go nowhere once they are authentic.  What has to be a file is
 * the control store, whose pages are sealed again: it stands in a folder of its own, and signals
 * that would end the process wait until that is gone.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"
#include "base/signals.h"
#include "base/text.h"
#include "store/audit.h"
#include "store/backup_private.h"

#define ID_SUFFIX ".backup"

/* ---- which there are ---- */

static bool has_suffix(const char *name, size_t *ret_len)
{
    size_t len = strlen(name);
    size_t end = sizeof(ID_SUFFIX) - 1;

    if (len <= end || len - end >= BACKUP_ID_BYTES || strcmp(name + len - end, ID_SUFFIX) != 0)
        return false;
    *ret_len = len - end;
    return true;
}

static json_t *backup_of(const char *dir, const char *name)
{
    size_t len = 0;

    (void)dir;
    return has_suffix(name, &len) ? json_pack("{s:s%}", "id", name, len) : NULL;
}

/** backup_list() - see backup.h */
json_t *backup_list(const char *dir, char **ret_error)
{
    return repo_entries(dir, backup_of, ret_error);
}

static bool choose(const char *dir, const char *id, char ret[BACKUP_ID_BYTES], char **ret_error)
{
    json_t *all;
    const char *newest;

    if (id != NULL) {
        if (strchr(id, '/') != NULL || strlen(id) >= BACKUP_ID_BYTES)
            return text_fail(ret_error, "%s is no name of a backup; bastide backup list shows them",
                             id);
        snprintf(ret, BACKUP_ID_BYTES, "%s", id);
        return true;
    }
    all = backup_list(dir, ret_error);
    if (all == NULL)
        return false;
    newest =
        json_string_value(json_object_get(json_array_get(all, json_array_size(all) - 1), "id"));
    if (newest != NULL)
        snprintf(ret, BACKUP_ID_BYTES, "%s", newest);
    else
        (void)text_fail(ret_error, "there is no backup in %s", dir);
    json_decref(all);
    return newest != NULL;
}

/* ---- files ---- */

struct restoring {
    struct backup_repo repo;
    struct keyring *keys; /* of the restored state folder; owned */
    const char *into;     /* NULL: a verify */
    char *state_dir;      /* owned */
    unsigned n_controls;  /* stores that the manifest has named so far */
    struct backup_restored *out;
    char **ret_error;
};

typedef bool part_fn(struct restoring *r, void *arg, struct bytes part);

/* Every part of @file, authentic, in order. */
static bool each_part(struct restoring *r, const json_t *file, part_fn *take, void *arg)
{
    const json_t *chunk;
    size_t i;

    json_array_foreach(json_object_get(file, "chunks"), i, chunk)
    {
        CLEANUP(buf_done) struct buf part = {0};

        if (signals_are_waiting())
            return text_fail(r->ret_error, "it was ended by a signal");
        if (!repo_get(&r->repo, json_string_value(chunk), &part, r->ret_error))
            return false;
        r->out->bytes += part.len;
        if (!take(r, arg, buf_view(&part)))
            return false;
    }
    return true;
}

static bool drop_part(struct restoring *r, void *arg, struct bytes part)
{
    (void)r;
    (void)arg;
    (void)part;
    return true;
}

static bool make_folders(struct restoring *r, char *path)
{
    for (char *slash = strchr(path + strlen(r->into) + 1, '/'); slash != NULL;
         slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        if (mkdir(path, 0700) != 0 && errno != EEXIST)
            return text_fail(r->ret_error, "cannot make the folder %s: %s", path, strerror(errno));
        *slash = '/';
    }
    return true;
}

static bool stays_inside(const char *name)
{
    return name != NULL && name[0] != '\0' && name[0] != '/' && strcmp(name, "..") != 0 &&
           strncmp(name, "../", 3) != 0 && strstr(name, "/../") == NULL &&
           (strlen(name) < 3 || strcmp(name + strlen(name) - 3, "/..") != 0);
}

struct made_file {
    const char *path;
    int fd;
};

static bool write_part(struct restoring *r, void *arg, struct bytes part)
{
    const struct made_file *f = arg;

    return file_write_all(f->fd, part) ||
           text_fail(r->ret_error, "cannot write %s: %s", f->path, strerror(errno));
}

static bool restore_file(struct restoring *r, const json_t *file, char *path)
{
    mode_t mode = (mode_t)json_integer_value(json_object_get(file, "mode")) & 0777;
    struct made_file f = {.path = path};
    bool ok;

    if (!make_folders(r, path))
        return false;
    f.fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (f.fd < 0)
        return text_fail(r->ret_error, "cannot make %s: %s", path, strerror(errno));
    ok = each_part(r, file, write_part, &f) &&
         ((fchmod(f.fd, mode) == 0 && fsync(f.fd) == 0) ||
          text_fail(r->ret_error, "cannot write %s: %s", path, strerror(errno)));
    close(f.fd);
    return ok;
}

/* ---- the control store ---- */

static bool add_pages(struct restoring *r, void *arg, struct bytes part)
{
    for (size_t at = 0; at + PAGE_BYTES <= part.len; at += PAGE_BYTES)
        if (!page_writer_add(arg, part.at + at, r->ret_error))
            return false;
    return true;
}

static bool restore_control(struct restoring *r, const json_t *file, uint64_t number)
{
    struct page_writer *w;
    char *ignored = NULL;
    bool ok;

    if (r->n_controls++ > 0)
        return text_fail(r->ret_error, "the manifest names two control stores");
    w = page_writer_new(r->state_dir, r->keys, r->ret_error);
    if (w == NULL)
        return false;
    ok = each_part(r, file, add_pages, w);
    ok = page_writer_end(w, number, ok ? r->ret_error : &ignored) && ok;
    free(ignored);
    return ok;
}

static void count_head(void *arg, const struct audit_head *h)
{
    audit_check_head(arg, h);
}

static void count_row(void *arg, const struct audit_row *row)
{
    audit_check_row(arg, row);
}

static bool check_audit(struct restoring *r, struct control *c)
{
    CLEANUP(buf_done) struct buf problems = {0};
    char public[KEYRING_PUBLIC_TEXT_LEN];
    struct audit_check *k;
    bool ok;

    keyring_public_text(r->keys, public);
    k = audit_check_new(public);
    ok = control_audit_heads(c, count_head, k, r->ret_error) &&
         control_audit_each(c, 0, 0, count_row, k, r->ret_error);
    if (ok && !audit_check_end(k, &problems))
        ok = text_fail(r->ret_error, "the audit in the backup is not whole: %.*s",
                       BYTES_ARG(buf_view(&problems)));
    r->out->n_audit_entries = audit_check_entries(k);
    audit_check_free(k);
    return ok;
}

/* It is there, as in every backup: otherwise an empty one would be made here.  It opens, which
 * authenticates every page, and what is in it fits together. */
static bool try_control(struct restoring *r)
{
    struct control *c;
    bool ok;

    if (r->n_controls == 0)
        return text_fail(r->ret_error, "the manifest names no control store");
    c = control_open(r->state_dir, r->keys, r->ret_error);
    ok = c != NULL && check_audit(r, c);
    control_close(c);
    return ok;
}

/* ---- the whole ---- */

static bool restore_one(struct restoring *r, const json_t *file, uint64_t number)
{
    const char *at = json_string_value(json_object_get(file, "at"));
    const char *name = json_string_value(json_object_get(file, "name"));
    char *path;
    bool ok;

    if (at == NULL || !stays_inside(name))
        return text_fail(r->ret_error, "the manifest names a file that is none");
    r->out->n_files++;
    if (strcmp(at, "control") == 0)
        return restore_control(r, file, number);
    if (r->into == NULL)
        return each_part(r, file, drop_part, NULL);
    path = text_format("%s/%s", strcmp(at, "state") == 0 ? r->state_dir : r->into, name);
    ok = restore_file(r, file, path);
    free(path);
    return ok;
}

static bool make_state(struct restoring *r, const json_t *m)
{
    const char *state = json_string_value(json_object_get(m, "state"));
    char *inner;
    bool ok;

    if (!stays_inside(state))
        return text_fail(r->ret_error, "the manifest names a state folder that is none");
    if (r->into == NULL)
        return true; /* it has one of its own */
    r->state_dir = text_format("%s/%s", r->into, state);
    inner = text_format("%s/", r->state_dir);
    ok = make_folders(r, inner);
    free(inner);
    return ok;
}

static bool restore_keyring(struct restoring *r, const struct key_source *from)
{
    CLEANUP(buf_done) struct buf file = {0};
    char *kept = repo_path(r->repo.dir, r->out->id, ".keyring");
    char *path = state_keyring_path(r->state_dir);
    bool ok = file_read(kept, 1U << 20, &file, r->ret_error) &&
              file_replace(path, buf_view(&file), 0600, r->ret_error);

    if (ok) {
        keyring_free(r->keys);
        r->keys = keyring_open(path, from, r->ret_error);
        ok = r->keys != NULL;
    }
    free(kept);
    free(path);
    return ok;
}

static bool restore_all(struct restoring *r, const json_t *m)
{
    uint64_t number = (uint64_t)json_integer_value(json_object_get(m, "control_number"));
    const char *node = json_string_value(json_object_get(m, "node"));
    const json_t *file;
    bool ok = true;
    size_t i;

    r->out->made_unix_ms = (uint64_t)json_integer_value(json_object_get(m, "made_unix_ms"));
    snprintf(r->out->node_name, sizeof(r->out->node_name), "%s", text_or_empty(node));
    json_array_foreach(json_object_get(m, "files"), i, file) ok =
        ok && restore_one(r, file, number);
    return ok && try_control(r);
}

static bool take_folder(const char *into, char **ret_error)
{
    if (mkdir(into, 0700) == 0)
        return true;
    if (errno == EEXIST && (rmdir(into) == 0 && mkdir(into, 0700) == 0))
        return true;
    return text_fail(ret_error, "%s must be empty or not there, and its folder writable: %s", into,
                     strerror(errno));
}

/* The manifest is read with the keys of the keyring that lies beside it. */
static bool restore_from(struct restoring *r, const char *dir, const struct key_source *from)
{
    char *kept = repo_path(dir, r->out->id, ".keyring");
    json_t *m = NULL;
    bool ok;

    r->keys = keyring_open(kept, from, r->ret_error);
    free(kept);
    if (r->keys == NULL)
        return false;
    repo_open(&r->repo, dir, r->keys);
    m = repo_get_manifest(&r->repo, r->out->id, r->ret_error);
    ok = m != NULL && make_state(r, m) && (r->into == NULL || restore_keyring(r, from)) &&
         restore_all(r, m);
    json_decref(m);
    keyring_free(r->keys);
    repo_done(&r->repo);
    return ok;
}

/** backup_restore() - see backup.h */
bool backup_restore(const char *dir, const char *id, const struct key_source *from,
                    const char *into, struct backup_restored *ret, char **ret_error)
{
    struct backup_restored out = {0};
    struct restoring r = {.into = into, .out = &out, .ret_error = ret_error};
    int lock = repo_lock(dir, LOCK_SH, ret_error);
    bool ok;

    *ret = out;
    if (lock < 0)
        return false;
    out.is_begun = choose(dir, id, out.id, ret_error) && take_folder(into, ret_error);
    ok = out.is_begun && restore_from(&r, dir, from);
    free(r.state_dir);
    close(lock);
    *ret = out;
    return ok;
}

/* ---- a verify ---- */

static char *scratch_template(void)
{
    const char *dir = getenv("TMPDIR");

    return repo_path(dir != NULL && dir[0] != '\0' ? dir : "/tmp", "bastide-verify.XXXXXX", "");
}

static bool verify_in_scratch(struct restoring *r, const char *dir, const struct key_source *from)
{
    bool ok;

    r->state_dir = scratch_template();
    if (mkdtemp(r->state_dir) == NULL) {
        ok = text_fail(r->ret_error,
                       "cannot make the folder %s: %s; the control store is tried there: let "
                       "TMPDIR name a folder with room for it",
                       r->state_dir, strerror(errno));
    } else {
        ok = restore_from(r, dir, from);
        if (!repo_remove_folder(r->state_dir) && ok)
            ok = text_fail(r->ret_error, "%s cannot be removed: %s", r->state_dir, strerror(errno));
    }
    free(r->state_dir);
    return ok;
}

/** backup_verify() - see backup.h */
bool backup_verify(const char *dir, const char *id, const struct key_source *from,
                   struct backup_restored *ret, char **ret_error)
{
    struct backup_restored out = {0};
    struct restoring r = {.out = &out, .ret_error = ret_error};
    int lock = repo_lock(dir, LOCK_SH, ret_error);
    sigset_t before;
    bool ok;

    *ret = out;
    if (lock < 0)
        return false;
    before = signals_hold();
    ok = choose(dir, id, out.id, ret_error) && verify_in_scratch(&r, dir, from);
    signals_release(&before); /* one that was held ends it here */
    close(lock);
    *ret = out;
    return ok;
}
