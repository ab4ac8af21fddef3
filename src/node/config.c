/* SPDX-License-Identifier: Apache-2.0 */
/* node/config.c - the configuration from its files, and away again; MQ.PR.IA-05 MQ.PR.SP-05 */
#include <libgen.h>
#include <limits.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "base/mem.h"
#include "base/text.h"
#include "node/config_keys.h"

/* The folder of @path, absolute if it is there. */
static char *dir_of(const char *path)
{
    char *copy = text_dup(path);
    const char *dir = dirname(copy);
    char *real = realpath(dir, NULL);

    if (real == NULL)
        real = text_dup(dir);
    free(copy);
    return real;
}

static struct config *config_new(const char *path)
{
    struct config *c = mem_new(struct config);
    const char *slash = strrchr(path, '/');
    struct buf whole CLEANUP(buf_done) = {0};

    c->dir = dir_of(path);
    buf_addf(&whole, "%s/%s", c->dir, slash != NULL ? slash + 1 : path);
    c->path = bytes_dup_str(buf_view(&whole));
    return c;
}

/* All that @conf says, by the table from @root on; what is wrong with it goes to @errors. */
static void load_tree(struct config *c, struct conf *conf, const struct config_section *root,
                      struct buf *warnings, struct buf *errors)
{
    struct config_loader l = {.config = c, .warnings = warnings, .place = conf_root(conf)};
    char *error = NULL;
    bool good = conf_ok(conf, &error);

    if (good) { /* without a tree every key would seem to be missing */
        config_load_section(&l, root, c, conf_root(conf));
        good = conf_ok(conf, &error);
    }
    if (!good)
        buf_addf(errors, "%s%s", errors->len > 0 ? "\n" : "", error);
    free(error);
    buf_done(&l.path);
}

/* NULL: @path is a file of at most @max bytes that can be read. */
static const char *source_wrong_why(const char *path, unsigned max)
{
    const char *why = config_file_wrong_why(path);
    struct stat st;

    if (why == NULL && stat(path, &st) == 0 && st.st_size > (off_t)max)
        return max == CONFIG_BYTES_MAX ? "it is larger than 1 MiB" : "it is larger than 16 MiB";
    return why;
}

static void load_users(struct config *c, struct buf *warnings, struct buf *errors)
{
    const char *why = source_wrong_why(c->users_file, CONFIG_USERS_BYTES_MAX);
    struct conf *conf;

    if (why != NULL) {
        if (config_file_wrong_why(c->users_file) == NULL) /* otherwise it has been told */
            buf_addf(errors, "%s%s: cannot be read: %s", errors->len > 0 ? "\n" : "", c->users_file,
                     why);
        return;
    }
    conf = conf_open(c->users_file);
    load_tree(c, conf, &config_users_section, warnings, errors);
    conf_close(conf);
}

/* Who may change these decides what the node does, or what it remembers. */
static void warn_of_writers(const char *path, struct buf *warnings)
{
    struct stat st;

    if (path != NULL && stat(path, &st) == 0 && (st.st_mode & S_IWOTH) != 0)
        buf_addf(warnings, "%s can be changed by everybody; chmod o-w %s\n", path, path);
}

/* What is so because of the kind of a role. */
static void settle_roles(struct config *c)
{
    struct role_spec *roles = (struct role_spec *)(uintptr_t)c->policy.roles; /* owned by @c */

    for (size_t i = 0; i < c->policy.n_roles; i++) {
        const struct detect_role r = {
            .name = roles[i].name,
            .kind = roles[i].kind,
            .may_command = roles[i].may_command,
            .has_commands = roles[i].n_command_topics > 0,
        };

        roles[i].critical |= detect_role_is_critical(&r);
        roles[i].hold_commands = c->hold_commands && !detect_role_commands_all(&r);
        roles[i].retained_factor = (uint32_t)detect_role_factor(&r, "D26");
    }
}

/**
 * config_from() - a configuration from a tree that is read already, and its file of users
 * @conf:       borrowed during the call
 * @path:       of its file; paths in it are relative to the folder of that
 * @ret_error:  on failure one error a line, owned by the caller
 *
 * Return: owned, for config_free(); NULL on failure.
 */
struct config *config_from(struct conf *conf, const char *path, char **ret_error)
{
    struct config *c = config_new(path);
    struct buf warnings CLEANUP(buf_done) = {0};
    struct buf errors CLEANUP(buf_done) = {0};

    load_tree(c, conf, &config_root_section, &warnings, &errors);
    if (c->users_file != NULL)
        load_users(c, &warnings, &errors);
    settle_roles(c);
    warn_of_writers(c->path, &warnings);
    warn_of_writers(c->state_dir, &warnings);
    if (warnings.len > 0)
        c->warnings = bytes_dup_str(bytes_of(warnings.at, warnings.len - 1));
    if (errors.len == 0)
        return c;
    *ret_error = bytes_dup_str(buf_view(&errors));
    return config_free(c);
}

/**
 * config_load() - read the file and the file of users that it names
 * @ret_error:  on failure one error a line, "path:line:column: key: what is wrong; what is
 * allowed", owned by the caller
 *
 * Blocks on the files; main thread, or a command's.
 *
 * Return: owned, for config_free(); NULL on failure.
 */
struct config *config_load(const char *path, char **ret_error)
{
    const char *why = source_wrong_why(path, CONFIG_BYTES_MAX);
    struct buf error CLEANUP(buf_done) = {0};
    struct conf *conf;
    struct config *c;

    if (why != NULL) {
        buf_addf(&error, "%s: cannot be read: %s", path, why);
        *ret_error = bytes_dup_str(buf_view(&error));
        return NULL;
    }
    conf = conf_open(path);
    c = config_from(conf, path, ret_error);
    conf_close(conf);
    return c;
}

/**
 * config_admin_socket() - where the node that runs with this configuration is asked
 * @ret_error:  as of config_load()
 *
 * Whatever else the file says need not be right, and the files that it names need not be readable:
 * a running node can be asked while somebody edits, and by who may not read its secrets.
 *
 * Return: owned; NULL on failure.
 */
char *config_admin_socket(const char *path, char **ret_error)
{
    struct config *c = config_new(path);
    struct conf *conf = conf_open(path);
    struct buf warnings CLEANUP(buf_done) = {0};
    struct buf errors CLEANUP(buf_done) = {0};
    char *found = NULL;

    load_tree(c, conf, &config_root_section, &warnings, &errors);
    if (c->admin_socket != NULL)
        found = text_dup(c->admin_socket);
    else
        *ret_error = bytes_dup_str(buf_view(&errors));
    conf_close(conf);
    config_free(c);
    return found;
}

/** config_free() - @c may be NULL; Return: NULL. */
struct config *config_free(struct config *c)
{
    if (c == NULL)
        return NULL;
    config_free_section(&config_root_section, c);
    config_free_section(&config_users_section, c);
    free(c->path);
    free(c->dir);
    free(c->warnings);
    free(c);
    return NULL;
}

/** config_wants_journal() - see config.h */
bool config_wants_journal(const struct config *c)
{
    bool wants = c->durability == CONFIG_DURABILITY_COMMIT;

    for (size_t i = 0; i < c->n_durability_rules; i++)
        wants |= c->durability_rules[i].durability == CONFIG_DURABILITY_COMMIT;
    return wants;
}
