/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lab/drill_canary.c - can what is stored be read from the disk alone?
 *
 * Random bytes are published: one message is retained, and waits for a session that is away.  A
 * backup is made.  Then no file of the node's home, state, logs and backups may have these bytes,
 * as they are or in hex, but one that the drill put there itself, so that it is seen that they
 * would be found.
 *
 * MQ.PR.SP-06
 */
#include "lab/drill.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/text.h"
#include "client/client.h"
#include "conf/conf.h"
#include "crypto/crypto.h"

#define TOPIC        "fmb/drill/" DRILL_NAME "/canary"
#define KEEPER       "drill-2-keeper"
#define SOURCE       "127.0.0.213"
#define AWAY_S       300
#define CANARY_BYTES 32
#define HEX_BYTES    (2 * CANARY_BYTES)
#define CHUNK_BYTES  (1U << 20)

struct canary {
    struct drill *d;
    uint8_t raw[CANARY_BYTES];
    char hex[HEX_BYTES + 1];
    struct client *writer; /* owned */
    char *planted;         /* owned; path of the file that has it */
    uint8_t *chunk;        /* owned */
    size_t n_files;
    uint64_t n_bytes;
    bool is_planted_found;
    char *found; /* owned; another file that has it; NULL: none */
};

/* ---- in files ---- */

static bool chunk_has(const struct canary *c, size_t len)
{
    return memmem(c->chunk, len, c->raw, CANARY_BYTES) != NULL ||
           memmem(c->chunk, len, c->hex, HEX_BYTES) != NULL;
}

/* Chunks overlap, so that nothing hides at an edge. */
static bool file_has(struct canary *c, int fd, bool *ret_has)
{
    size_t kept = 0;
    ssize_t n;

    *ret_has = false;
    while ((n = read(fd, c->chunk + kept, CHUNK_BYTES)) > 0) {
        size_t len = kept + (size_t)n;

        c->n_bytes += (uint64_t)n;
        *ret_has |= chunk_has(c, len);
        kept = MIN(len, (size_t)HEX_BYTES - 1);
        memmove(c->chunk, c->chunk + len - kept, kept);
    }
    return n == 0;
}

static bool look_at_file(struct canary *c, const char *path, char **ret_error)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    bool has = false;
    bool ok;

    if (fd < 0)
        return errno == ENOENT || text_fail(ret_error,
                                            "cannot read %s: %s; run the drill as a user "
                                            "who can",
                                            path, strerrordesc_np(errno));
    ok = file_has(c, fd, &has) || text_fail(ret_error, "cannot read %s", path);
    close(fd);
    c->n_files++;
    if (has && strcmp(path, c->planted) == 0) {
        c->is_planted_found = true;
    } else if (has) {
        free(c->found);
        c->found = text_dup(path);
    }
    return ok;
}

static bool look_into(struct canary *c, const char *dir, char **ret_error);

static bool look_at(struct canary *c, const char *path, char **ret_error)
{
    struct stat st;

    if (lstat(path, &st) < 0)
        return errno == ENOENT ||
               text_fail(ret_error, "cannot look at %s: %s", path, strerrordesc_np(errno));
    if (S_ISDIR(st.st_mode))
        return look_into(c, path, ret_error);
    return !S_ISREG(st.st_mode) || look_at_file(c, path, ret_error);
}

/* All files of it; what goes meanwhile is none. */
static bool look_into(struct canary *c, const char *dir, char **ret_error)
{
    DIR *all = opendir(dir);
    const struct dirent *one;
    bool ok = true;

    if (all == NULL)
        return text_fail(ret_error, "cannot look into %s: %s; run the drill as a user who can", dir,
                         strerrordesc_np(errno));
    while (ok && (one = readdir(all)) != NULL) {
        char *path = text_format("%s/%s", dir, one->d_name);

        if (strcmp(one->d_name, ".") != 0 && strcmp(one->d_name, "..") != 0)
            ok = look_at(c, path, ret_error);
        free(path);
    }
    closedir(all);
    return ok;
}

/* A folder that bastide.yaml names, unless it is in the home, where it has been looked at. */
static bool look_elsewhere(struct canary *c, struct conf_value folder, char **ret_error)
{
    const char *path = conf_text(folder);

    return path == NULL || path[0] != '/' || look_into(c, path, ret_error);
}

static bool look_everywhere(struct canary *c, char **ret_error)
{
    char *path = text_format("%s/bastide.yaml", c->d->home.dir);
    struct conf *conf = conf_open(path);
    struct conf_value root = conf_root(conf);
    bool ok = conf_ok(conf, ret_error) && look_into(c, c->d->home.dir, ret_error) &&
              look_elsewhere(c, conf_get(conf_get(root, "node"), "state_dir"), ret_error) &&
              look_elsewhere(c, conf_get(conf_get(root, "monitor"), "log_dir"), ret_error) &&
              look_into(c, c->d->o->backups, ret_error);

    conf_close(conf);
    free(path);
    return ok;
}

/* ---- in messages ---- */

static bool say(struct canary *c, struct bytes payload, char **ret_error)
{
    const struct client_message m = {
        .topic = BYTES(TOPIC), .payload = payload, .qos = 1, .retain = true};

    return client_publish(c->writer, &m) == CLIENT_OK ||
           text_fail(ret_error, "the drill's client: %s", client_error(c->writer));
}

/* With @expiry_s its session stays when it goes; with 0 nothing of it does. */
static bool keeper_visits(const struct drill *d, unsigned expiry_s, char **ret_error)
{
    struct client *k = drill_sleeper(d, KEEPER, SOURCE, expiry_s, false);
    bool ok = client_connect(k) == CLIENT_OK &&
              (expiry_s == 0 || client_subscribe(k, TOPIC, 1) == CLIENT_OK);

    if (!ok)
        text_fail(ret_error, "the drill's session that is away: %s", client_error(k));
    client_disconnect(k, REASON_SUCCESS);
    client_free(k);
    return ok;
}

static bool publish(struct canary *c, char **ret_error)
{
    c->writer = drill_client(c->d, c->d->tls_nobody, DRILL_NAME, SOURCE);
    return keeper_visits(c->d, AWAY_S, ret_error) && drill_comes_in(c->d, c->writer, ret_error) &&
           say(c, bytes_of(c->raw, CANARY_BYTES), ret_error);
}

/* Nothing of the drill stays in the node. */
static bool clean_up(struct canary *c, char **ret_error)
{
    return say(c, BYTES_NONE, ret_error) && keeper_visits(c->d, 0, ret_error);
}

/* ---- from begin to end ---- */

static bool search(struct canary *c, char **ret_error)
{
    const char *const backup[] = {"backup", "create", c->d->o->backups, NULL};

    return operator_do(&c->d->home, backup, NULL, ret_error) &&
           file_replace(c->planted, bytes_of(c->raw, CANARY_BYTES), 0600, ret_error) &&
           look_everywhere(c, ret_error) &&
           (c->is_planted_found ||
            text_fail(ret_error, "what was put into %s was not found there", c->planted));
}

static bool report(struct canary *c, char **ret_error)
{
    char *text = c->found == NULL
                     ? text_format("a message that is retained and waits is in none of %zu files, "
                                   "%.1f MB: home, state, logs, backups",
                                   c->n_files - 1, (double)c->n_bytes / 1e6)
                     : text_format("a message can be READ in %s", c->found);

    drill_tell(c->d, c->found == NULL, text);
    free(text);
    return drill_value(c->d, "MQ.PR.SP-06.t1", c->found == NULL, (unsigned)c->n_files - 1, "R09",
                       ret_error);
}

static bool go(struct canary *c, char **ret_error)
{
    char *why = NULL;
    bool ok = publish(c, ret_error);
    bool was_said = ok;

    ok = ok && search(c, ret_error);
    (void)unlink(c->planted);
    if (was_said && !clean_up(c, ok ? ret_error : &why))
        ok = false;
    free(why);
    return ok && report(c, ret_error);
}

/** drill_canary() - published, backed up and looked for; where nobody says where backups are, it
 * says so and measures nothing */
bool drill_canary(struct drill *d, char **ret_error)
{
    struct canary c = {.d = d};
    bool ok;

    if (d->o->backups == NULL) {
        drill_unmeasured(
            d, d->name,
            "nothing is measured: say by --backups where the node's backups are; one more is "
            "made there and looked through");
        return true;
    }
    random_bytes(c.raw, sizeof(c.raw));
    for (size_t i = 0; i < CANARY_BYTES; i++)
        snprintf(c.hex + 2 * i, 3, "%02x", c.raw[i]);
    c.planted = lab_path(d->home.dir, "canary", "");
    c.chunk = mem_alloc(HEX_BYTES + CHUNK_BYTES);
    ok = go(&c, ret_error);
    client_free(c.writer);
    free(c.planted);
    free(c.chunk);
    free(c.found);
    return ok;
}
