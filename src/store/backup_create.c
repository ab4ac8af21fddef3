/* SPDX-License-Identifier: Apache-2.0 */
/* store/backup_create.c - a node's home into a folder of backups */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "base/shown.h"
#include "base/text.h"
#include "store/backup_private.h"

#define DEPTH_MAX 16
#define NAMED_MAX 5

struct making {
    const struct backup_input *in;
    struct backup_result *out;
    struct backup_repo repo;
    json_t *files;     /* owned */
    char *left_out[4]; /* owned, absolute: the at-rest key, the folder of backups, ... */
    char **ret_error;
};

/* An operator may have reasons why something cannot be read: it is said, and the rest is kept. */
static void leave_out(struct making *m, const char *path, const char *why)
{
    struct backup_result *r = m->out;
    CLEANUP(buf_done) struct buf names = {0};

    log_warning("backup", "%s is left out: %s", path, why);
    buf_add(&names, bytes_str(r->left_out));
    buf_addf(&names, "%s", r->n_named > 0 ? ", " : "");
    shown_add(&names, bytes_str(path));
    if (r->n_named == r->n_left_out && r->n_named < NAMED_MAX && names.len < sizeof(r->left_out)) {
        snprintf(r->left_out, sizeof(r->left_out), "%.*s", BYTES_ARG(buf_view(&names)));
        r->n_named++;
    }
    r->n_left_out++;
}

/* ---- one file ---- */

struct filling {
    struct making *m;
    json_t *chunks; /* owned */
    struct buf part;
};

static bool end_part(struct filling *f)
{
    char name[CHUNK_NAME_LEN];
    bool ok = f->part.len == 0 || repo_put(&f->m->repo, buf_view(&f->part), name, f->m->ret_error);

    if (ok && f->part.len > 0) {
        json_array_append_new(f->chunks, json_string(name));
        f->m->out->bytes += f->part.len;
        f->part.len = 0;
    }
    return ok;
}

/* @f is done with. */
static bool end_file(struct filling *f, const char *at, const char *name, unsigned mode, bool ok)
{
    ok = ok && end_part(f);
    if (ok) {
        json_array_append_new(f->m->files, json_pack("{s:s, s:s, s:i, s:O}", "at", at, "name", name,
                                                     "mode", (int)mode, "chunks", f->chunks));
        f->m->out->n_files++;
    }
    json_decref(f->chunks);
    buf_done(&f->part);
    return ok;
}

static bool add_page(void *arg, const uint8_t plain[PAGE_BYTES], char **ret_error)
{
    struct filling *f = arg;

    (void)ret_error; /* the same one */
    buf_add(&f->part, bytes_of(plain, PAGE_BYTES));
    return f->part.len < CHUNK_BYTES || end_part(f);
}

static bool add_control(struct making *m, struct control *c)
{
    struct filling f = {.m = m, .chunks = json_array()};
    bool ok = control_pages(c, add_page, &f, &m->out->control_number, m->ret_error);

    return end_file(&f, "control", DATABASE_MEMBER, 0600, ok);
}

static bool add_all(struct filling *f, int fd, const char *path)
{
    ssize_t n;

    while ((n = read(fd, buf_reserve(&f->part, CHUNK_BYTES - f->part.len),
                     CHUNK_BYTES - f->part.len)) > 0) {
        f->part.len += (size_t)n;
        if (f->part.len == CHUNK_BYTES && !end_part(f))
            return false;
    }
    return n == 0 || text_fail(f->m->ret_error, "cannot read %s: %s", path, strerror(errno));
}

static bool add_file(struct making *m, const char *path, const char *at, const char *name)
{
    struct filling f = {.m = m};
    struct stat st;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOFOLLOW);
    bool is_whole;

    if (fd < 0 || fstat(fd, &st) != 0 || (uint64_t)st.st_size > BACKUP_FILE_BYTES_MAX) {
        leave_out(m, path, fd < 0 ? strerror(errno) : "it is too large");
        if (fd >= 0)
            close(fd);
        return true;
    }
    if (m->out->n_files >= BACKUP_FILES_MAX) {
        close(fd);
        return text_fail(m->ret_error, "more than %d files are in %s", BACKUP_FILES_MAX,
                         m->in->home);
    }
    f.chunks = json_array();
    is_whole = end_file(&f, at, name, st.st_mode & 0777, add_all(&f, fd, path));
    return close(fd) == 0 && is_whole;
}

/* ---- a tree ---- */

static bool is_left_out(const struct making *m, const char *path)
{
    char real[PATH_MAX];

    if (realpath(path, real) == NULL)
        return false; /* opening it will say why */
    for (size_t i = 0; i < COUNT_OF(m->left_out); i++)
        if (m->left_out[i] != NULL && strcmp(m->left_out[i], real) == 0)
            return true;
    return false;
}

static bool add_all_in(struct making *m, DIR *d, const char *path, const char *at, const char *name,
                       unsigned depth);

static bool add_inner_folder(struct making *m, const char *path, const char *at, const char *name,
                             unsigned depth)
{
    DIR *d = depth <= DEPTH_MAX ? opendir(path) : NULL;

    if (d != NULL)
        return add_all_in(m, d, path, at, name, depth);
    leave_out(m, path,
              depth <= DEPTH_MAX ? strerror(errno) : "too many folders stand in one another");
    return true;
}

/* The manifest is JSON. */
static bool is_utf8(const char *name)
{
    json_t *text = json_string(name);

    json_decref(text);
    return text != NULL;
}

static bool add_entry(struct making *m, const char *path, const char *at, const char *name,
                      unsigned depth)
{
    struct stat st;

    if (lstat(path, &st) != 0) {
        if (errno != ENOENT) /* it went meanwhile */
            leave_out(m, path, strerror(errno));
        return true;
    }
    if (is_left_out(m, path))
        return true;
    if (!is_utf8(name)) {
        leave_out(m, path, "its name is no UTF-8 text");
        return true;
    }
    if (S_ISDIR(st.st_mode))
        return add_inner_folder(m, path, at, name, depth + 1);
    return !S_ISREG(st.st_mode) || add_file(m, path, at, name);
}

/* What the store writes is taken as pages, the journal by links; a keyring goes beside the
 * manifest. */
static bool is_of_store(const char *at, const char *name)
{
    return strcmp(at, "state") == 0 &&
           (strncmp(name, "control.", 8) == 0 || strcmp(name, "keyring") == 0 ||
            strcmp(name, "journal") == 0 || strcmp(name, "journal.backup") == 0);
}

/* @d is done with. */
static bool add_all_in(struct making *m, DIR *d, const char *path, const char *at, const char *name,
                       unsigned depth)
{
    struct dirent *e;
    bool ok = true;

    while (ok && (e = readdir(d)) != NULL) {
        char *inner;
        char *inner_name;

        if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
            continue;
        inner = text_format("%s/%s", path, e->d_name);
        inner_name = text_format("%s%s%s", name, name[0] != '\0' ? "/" : "", e->d_name);
        if (!is_of_store(at, inner_name))
            ok = add_entry(m, inner, at, inner_name, depth);
        free(inner);
        free(inner_name);
    }
    closedir(d);
    return ok;
}

/* One without which there is no backup. */
static bool add_folder(struct making *m, const char *path, const char *at, const char *name)
{
    DIR *d = opendir(path);

    return d != NULL
               ? add_all_in(m, d, path, at, name, 0)
               : text_fail(m->ret_error, "cannot read the folder %s: %s", path, strerror(errno));
}

/* ---- the journal ---- */

/*
 * Its segments grow, and the oldest go when what is needed of them has been put again at the end.
 * Links to all of them, made while none went, are whole: what comes behind is what the node did
 * later.
 */
#define JOURNAL        "journal"
#define JOURNAL_LINKS  "journal.backup"
#define LINK_TRIES_MAX 20

static int segments_only(const struct dirent *e)
{
    size_t len = strlen(e->d_name);

    return len > 8 && strcmp(e->d_name + len - 8, ".journal") == 0;
}

static void remove_links(const char *links)
{
    struct dirent **names = NULL;
    int n = scandir(links, &names, segments_only, alphasort);

    for (int i = 0; i < n; i++) {
        char *path = repo_path(links, names[i]->d_name, "");

        unlink(path);
        free(path);
        free(names[i]);
    }
    free(names);
    rmdir(links);
}

/* Return: whether all were linked; false when one went meanwhile. */
static bool link_segments(const char *from, const char *links)
{
    struct dirent **names = NULL;
    int n = scandir(from, &names, segments_only, alphasort);
    bool ok = n >= 0;

    for (int i = 0; i < n; i++) {
        char *old = repo_path(from, names[i]->d_name, "");
        char *new = repo_path(links, names[i]->d_name, "");

        ok = ok && link(old, new) == 0;
        free(old);
        free(new);
    }
    for (int i = 0; i < n; i++) {
        char *first = repo_path(from, names[i]->d_name, "");

        ok = ok && access(first, F_OK) == 0;
        free(first);
        free(names[i]);
    }
    free(names);
    return ok;
}

static bool add_links(struct making *m, const char *from, const char *links)
{
    bool linked = false;

    for (int i = 0; i < LINK_TRIES_MAX && !linked; i++) {
        remove_links(links); /* of a backup that was cut short, or of the try before */
        if (mkdir(links, 0700) != 0)
            return text_fail(m->ret_error, "cannot make the folder %s: %s", links, strerror(errno));
        linked = link_segments(from, links);
    }
    return linked ? add_folder(m, links, "state", JOURNAL)
                  : text_fail(m->ret_error, "%s does not hold still: try again", from);
}

static bool add_journal(struct making *m)
{
    char *from = repo_path(m->in->state_dir, JOURNAL, "");
    char *links = repo_path(m->in->state_dir, JOURNAL_LINKS, "");
    bool ok = true;

    if (access(from, F_OK) == 0) {
        ok = add_links(m, from, links);
        remove_links(links);
    }
    free(from);
    free(links);
    return ok;
}

/* ---- the whole ---- */

/* In order of time: the last one of two within a second is still the newest. */
static void make_id(struct backup_result *r)
{
    uint8_t more[2];
    time_t s;
    struct tm tm;
    size_t n;

    r->at_unix_ms = clock_unix_ms();
    s = (time_t)(r->at_unix_ms / 1000);
    random_bytes(more, sizeof(more));
    gmtime_r(&s, &tm);
    n = strftime(r->id, sizeof(r->id), "%Y%m%dT%H%M%S", &tm);
    snprintf(r->id + n, sizeof(r->id) - n, ".%03uZ-%02x%02x", (unsigned)(r->at_unix_ms % 1000),
             more[0], more[1]);
}

static bool keep_keyring(const struct making *m)
{
    CLEANUP(buf_done) struct buf file = {0};
    char *from = state_keyring_path(m->in->state_dir);
    char *to = repo_path(m->repo.dir, m->out->id, ".keyring");
    bool ok = file_read(from, 1U << 20, &file, m->ret_error) &&
              file_replace(to, buf_view(&file), 0600, m->ret_error);

    free(from);
    free(to);
    return ok;
}

/* How the state folder lies to the home, so that a restored configuration finds it. */
static char *state_in_home(const struct backup_input *in)
{
    char home[PATH_MAX];
    char state[PATH_MAX];
    size_t len;

    if (realpath(in->home, home) == NULL || realpath(in->state_dir, state) == NULL)
        return bytes_dup_str(BYTES("state"));
    len = strlen(home);
    if (strncmp(state, home, len) == 0 && state[len] == '/')
        return text_dup(state + len + 1);
    return bytes_dup_str(BYTES("state"));
}

static bool keep_manifest(struct making *m)
{
    char *state = state_in_home(m->in);
    json_t *o = json_pack("{s:i, s:s, s:I, s:s, s:s, s:I, s:s, s:O}", "format", MANIFEST_FORMAT,
                          "id", m->out->id, "made_unix_ms", (json_int_t)m->out->at_unix_ms, "node",
                          m->in->node_name, "version", BASTIDE_VERSION, "control_number",
                          (json_int_t)m->out->control_number, "state", state, "files", m->files);
    bool ok;

    check(o != NULL);
    ok = repo_put_manifest(&m->repo, m->out->id, o, m->ret_error);
    json_decref(o);
    free(state);
    return ok;
}

static char *run_folder(const struct backup_input *in)
{
    char *path = text_format("%s/run", in->home);
    char *real;

    real = realpath(path, NULL);
    free(path);
    return real;
}

static bool make_all(struct making *m, struct control *c)
{
    m->left_out[0] = realpath(m->in->dir, NULL);
    m->left_out[1] = realpath(m->in->state_dir, NULL);
    m->left_out[2] = m->in->key_file != NULL ? realpath(m->in->key_file, NULL) : NULL;
    m->left_out[3] = run_folder(m->in);
    if (!add_folder(m, m->in->home, "home", ""))
        return false;
    free(m->left_out[1]); /* now it is wanted */
    m->left_out[1] = NULL;
    /* The control store says how far the journal has come at least: so it is taken first. */
    return add_folder(m, m->in->state_dir, "state", "") && add_control(m, c) && add_journal(m) &&
           keep_keyring(m) && keep_manifest(m);
}

/** backup_create() - see backup.h; blocks on disks, but not others */
bool backup_create(const struct backup_input *in, struct control *c, struct keyring *keys,
                   struct backup_result *ret, char **ret_error)
{
    struct backup_result out = {0};
    struct making m = {.in = in, .out = &out, .files = json_array(), .ret_error = ret_error};
    int lock = -1;
    bool ok;

    make_id(&out);
    repo_open(&m.repo, in->dir, keys);
    ok = repo_make(&m.repo, ret_error) && (lock = repo_lock(in->dir, LOCK_SH, ret_error)) >= 0 &&
         make_all(&m, c);
    if (lock >= 0)
        close(lock);
    out.n_chunks = m.repo.n_chunks;
    out.n_new_chunks = m.repo.n_new_chunks;
    out.new_bytes = m.repo.new_bytes;
    for (size_t i = 0; i < COUNT_OF(m.left_out); i++)
        free(m.left_out[i]);
    json_decref(m.files);
    repo_done(&m.repo);
    if (ok)
        *ret = out;
    return ok;
}

static void add_left_out(struct buf *to, const struct backup_result *r)
{
    if (r->n_left_out == 0)
        buf_addf(to, "; nothing was left out");
    else if (r->n_named == r->n_left_out)
        buf_addf(to, "; %zu left out: %s", r->n_left_out, r->left_out);
    else
        buf_addf(to, "; %zu left out%s%s%s: the log says which", r->n_left_out,
                 r->n_named > 0 ? ", " : "", r->left_out, r->n_named > 0 ? " and others" : "");
}

/** backup_text() - see backup.h */
char *backup_text(const struct backup_result *r)
{
    CLEANUP(buf_done) struct buf text = {0};

    buf_addf(&text, "backup %s: %zu files, %llu bytes; %zu of %zu chunks are new, %llu bytes",
             r->id, r->n_files, (unsigned long long)r->bytes, r->n_new_chunks, r->n_chunks,
             (unsigned long long)r->new_bytes);
    add_left_out(&text, r);
    return bytes_dup_str(buf_view(&text));
}
