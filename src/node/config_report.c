/* SPDX-License-Identifier: Apache-2.0 */
/* node/config_report.c - what is wrong, where, and what is allowed; keys that there are not */
#include <stdarg.h>
#include <stdio.h>

#include "base/guess.h"
#include "node/config_keys.h"

#define WHAT_MAX    8192 /* longer texts of errors are cut */
#define KEY_LEN_MAX 48   /* of a key that is not known, as it is shown */
#define KEYS_MAX    1000 /* in one mapping, before they are looked at */

/* ---- errors ---- */

static void fail_v(struct config_loader *l, struct conf_value v, const char *format, va_list args)
    __attribute__((format(printf, 3, 0)));

static void fail_v(struct config_loader *l, struct conf_value v, const char *format, va_list args)
{
    char what[WHAT_MAX];

    (void)vsnprintf(what, sizeof(what), format, args);
    if (!conf_given(v))
        v = l->place;
    if (l->path.len > 0)
        conf_fail(v, "%.*s: %s", BYTES_ARG(buf_view(&l->path)), what);
    else
        conf_fail(v, "%s", what);
}

/** config_fail() - note what is wrong with the key of l->path; @v says where it stands */
void config_fail(struct config_loader *l, struct conf_value v, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    fail_v(l, v, format, args);
    va_end(args);
}

/** config_enter() - one key further down; Return: what config_leave() takes. */
size_t config_enter(struct config_loader *l, const char *key)
{
    size_t len = l->path.len;

    buf_addf(&l->path, "%s%s", len > 0 ? "." : "", key);
    return len;
}

/** config_enter_item() - to an item of a list; Return: what config_leave() takes. */
size_t config_enter_item(struct config_loader *l, size_t i)
{
    size_t len = l->path.len;

    buf_addf(&l->path, "[%zu]", i);
    return len;
}

/** config_leave() - back to where config_enter() was called */
void config_leave(struct config_loader *l, size_t len)
{
    l->path.len = len;
}

static struct conf_value place_of(struct conf_value map, const char *key)
{
    struct conf_value v = conf_get(map, key);

    return conf_given(v) ? v : map;
}

/** config_fail_key() - note what is wrong with @key of the mapping that l->path names */
void config_fail_key(struct config_loader *l, struct conf_value map, const char *key,
                     const char *format, ...)
{
    size_t len = config_enter(l, key);
    va_list args;

    va_start(args, format);
    fail_v(l, place_of(map, key), format, args);
    va_end(args);
    config_leave(l, len);
}

/** config_warn_key() - as config_fail_key(), of what is allowed and yet unwise */
void config_warn_key(struct config_loader *l, struct conf_value map, const char *key,
                     const char *format, ...)
{
    size_t len = config_enter(l, key);
    char what[WHAT_MAX];
    va_list args;

    va_start(args, format);
    (void)vsnprintf(what, sizeof(what), format, args);
    va_end(args);
    conf_place(place_of(map, key), l->warnings);
    buf_addf(l->warnings, ": %.*s: %s\n", BYTES_ARG(buf_view(&l->path)), what);
    config_leave(l, len);
}

/** config_fail_allowed() - note @why, which says what is wrong, and what @k allows */
void config_fail_allowed(struct config_loader *l, const struct config_key *k, struct conf_value v,
                         const char *why)
{
    struct buf allowed CLEANUP(buf_done) = {0};

    config_allowed(k, &allowed);
    if (strstr(why, "; ") != NULL) /* says what is allowed already */
        config_fail(l, v, "%s", why);
    else
        config_fail(l, v, "%s; %.*s", why, BYTES_ARG(buf_view(&allowed)));
}

/* ---- keys that are not known ---- */

static const struct config_key *key_find(const struct config_section *s, const char *name)
{
    for (size_t i = 0; i < s->n_keys; i++) {
        if (strcmp(s->keys[i].name, name) == 0)
            return &s->keys[i];
    }
    return NULL;
}

/* The key that was meant, if there is one that looks like it. */
static const char *key_nearest(const struct config_section *s, const char *name)
{
    struct guess g = {.typed = name, .n_edits = strlen(name) / 3 + 2};

    for (size_t i = 0; i < s->n_keys; i++)
        guess_at(&g, s->keys[i].name);
    return g.nearest;
}

static void fail_unknown(struct config_loader *l, const struct config_section *s,
                         struct conf_value key, const char *name)
{
    struct buf known CLEANUP(buf_done) = {0};
    const char *nearest = key_nearest(s, name);
    char shown[KEY_LEN_MAX + 1];
    size_t len;

    for (size_t i = 0; i < s->n_keys; i++)
        buf_addf(&known, "%s%s", i > 0 ? ", " : "", s->keys[i].name);
    (void)snprintf(shown, sizeof(shown), "%s", name);
    len = config_enter(l, shown);
    if (nearest != NULL)
        config_fail(l, key, "unknown key; did you mean %s? There are %.*s", nearest,
                    BYTES_ARG(buf_view(&known)));
    else
        config_fail(l, key, "unknown key; there are %.*s", BYTES_ARG(buf_view(&known)));
    config_leave(l, len);
}

/** config_key_text() - Return: the text of a key; NULL, after an error, when it is none. */
const char *config_key_text(struct config_loader *l, struct conf_value key)
{
    if (conf_kind(key) == CONF_TEXT)
        return conf_text(key);
    config_fail(l, key, "a key is not a word; keys and values are expected");
    return NULL;
}

/** config_fail_twice() - true, after an error, when an earlier pair than the @i-th has this key */
bool config_fail_twice(struct config_loader *l, struct conf_value map, size_t i, const char *name)
{
    struct buf first CLEANUP(buf_done) = {0};
    struct conf_value key;
    struct conf_value value = conf_pair(map, i, &key);
    size_t len;

    if (conf_get(map, name).node == value.node)
        return false;
    conf_place(conf_get(map, name), &first);
    len = config_enter(l, name);
    config_fail(l, key, "is there twice, first with the value at %.*s; one of them must go",
                BYTES_ARG(buf_view(&first)));
    config_leave(l, len);
    return true;
}

/** config_check_keys() - each key of @map is one of @s, and there once */
void config_check_keys(struct config_loader *l, const struct config_section *s,
                       struct conf_value map)
{
    size_t n = conf_pairs(map);

    if (n > KEYS_MAX) {
        config_fail(l, map, "has %zu keys; there are only %zu", n, s->n_keys);
        n = 0;
    }
    for (size_t i = 0; i < n; i++) {
        struct conf_value key;
        const char *name;

        (void)conf_pair(map, i, &key);
        name = config_key_text(l, key);
        if (name == NULL)
            continue;
        if (key_find(s, name) == NULL)
            fail_unknown(l, s, key, name);
        else
            (void)config_fail_twice(l, map, i, name);
    }
}
