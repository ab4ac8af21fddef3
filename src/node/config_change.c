/* SPDX-License-Identifier: Apache-2.0 */
/* node/config_change.c - what of a changed configuration takes a restart, by the table of keys */
#include <string.h>

#include "base/err.h"
#include "node/config_keys.h"

static bool text_is_same(const char *a, const char *b)
{
    return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

static size_t size_of(enum config_kind kind)
{
    static const size_t sizes[CONFIG_KIND_N] = {
        [CONFIG_BOOL] = sizeof(bool),      [CONFIG_U16] = sizeof(uint16_t),
        [CONFIG_U32] = sizeof(uint32_t),   [CONFIG_U64] = sizeof(uint64_t),
        [CONFIG_DECIMAL] = sizeof(double), [CONFIG_CHOICE] = sizeof(int),
    };

    return sizes[kind];
}

static bool section_is_same(const struct config_section *s, const void *a, const void *b);

static bool list_is_same(const struct config_key *k, const void *a, const void *b)
{
    size_t n = *(size_t *)config_field(a, k->count_offset);
    const char *all_a = *(char **)config_field(a, k->offset);
    const char *all_b = *(char **)config_field(b, k->offset);

    if (n != *(size_t *)config_field(b, k->count_offset))
        return false;
    for (size_t i = 0; i < n; i++)
        if (!section_is_same(k->section, all_a + i * k->section->size,
                             all_b + i * k->section->size))
            return false;
    return true;
}

/* Only of the kinds that a key with CONFIG_RESTART has. */
static bool key_is_same(const struct config_key *k, const void *a, const void *b)
{
    const void *at_a = config_field(a, k->offset);
    const void *at_b = config_field(b, k->offset);

    switch (k->kind) {
    case CONFIG_TEXT:
    case CONFIG_PATH:
    case CONFIG_ADDRESS:
    case CONFIG_WORD:
        return text_is_same(*(char *const *)at_a, *(char *const *)at_b);
    case CONFIG_BOOL:
    case CONFIG_U16:
    case CONFIG_U32:
    case CONFIG_U64:
    case CONFIG_DECIMAL:
    case CONFIG_CHOICE:
        return memcmp(at_a, at_b, size_of(k->kind)) == 0;
    case CONFIG_LIST:
        return list_is_same(k, a, b);
    case CONFIG_SECTION:
        return section_is_same(k->section, a, b);
    case CONFIG_RULE:
    case CONFIG_NAMED:
    case CONFIG_RULES:
    case CONFIG_TEXTS:
    case CONFIG_KIND_N:
        break;
    }
    check(false);
    return true;
}

static bool section_is_same(const struct config_section *s, const void *a, const void *b)
{
    for (size_t i = 0; i < s->n_keys; i++)
        if (!key_is_same(&s->keys[i], a, b))
            return false;
    return true;
}

static void look(const struct config_section *s, const void *a, const void *b, struct buf *path,
                 struct buf *ret)
{
    size_t len = path->len;

    for (size_t i = 0; i < s->n_keys; i++) {
        const struct config_key *k = &s->keys[i];

        buf_addf(path, "%s%s", len > 0 ? "." : "", k->name);
        if ((k->flags & CONFIG_RESTART) && !key_is_same(k, a, b))
            buf_addf(ret, "%.*s has changed: takes a restart\n", BYTES_ARG(buf_view(path)));
        else if (k->kind == CONFIG_SECTION && !(k->flags & CONFIG_RESTART))
            look(k->section, a, b, path, ret);
        path->len = len;
    }
}

/**
 * config_say_restart() - which keys have changed that are read at the start alone
 * @ret:  appended to, a line each
 */
void config_say_restart(const struct config *started, const struct config *now, struct buf *ret)
{
    struct buf path CLEANUP(buf_done) = {0};

    look(&config_root_section, started, now, &path, ret);
}
