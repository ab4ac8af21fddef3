/* SPDX-License-Identifier: Apache-2.0 */
/* node/config_describe.c - the table of keys, told to people: the reference of the configuration */
#include "base/err.h"
#include "node/config_keys.h"

static void describe_section(const struct config_section *s, struct buf *path, struct buf *ret);

static void describe_key(const struct config_key *k, struct buf *path, struct buf *ret)
{
    bool is_group = k->section != NULL;

    buf_addf(ret, "%.*s%s\n    ", BYTES_ARG(buf_view(path)), k->name);
    config_allowed(k, ret);
    if (k->flags & CONFIG_REQUIRED)
        buf_addf(ret, "; required");
    else if (k->deflt != NULL)
        buf_addf(ret, "; default %s", k->deflt);
    buf_addf(ret, "\n    %s%s\n", k->what,
             k->flags & CONFIG_RESTART ? ". A change takes a restart" : "");
    if (is_group) {
        size_t len = path->len;

        buf_addf(path, "%s%s.", k->name,
                 k->kind == CONFIG_SECTION ? "" : (k->kind == CONFIG_NAMED ? ".NAME" : "[]"));
        describe_section(k->section, path, ret);
        path->len = len;
    }
}

static void describe_section(const struct config_section *s, struct buf *path, struct buf *ret)
{
    for (size_t i = 0; i < s->n_keys; i++)
        describe_key(&s->keys[i], path, ret);
}

/**
 * config_describe() - the reference of all keys of the file, then of users_file
 * @ret:  appended to; three lines a key: its path, what is allowed and the default, what it means
 */
void config_describe(struct buf *ret)
{
    struct buf path CLEANUP(buf_done) = {0};

    describe_section(&config_root_section, &path, ret);
    buf_addf(ret, "\nIn users_file:\n\n");
    describe_section(&config_users_section, &path, ret);
}
