/* SPDX-License-Identifier: Apache-2.0 */
/* node/config_load.c - walk the tree of a file by the table of keys */
#include <stdlib.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/text.h"
#include "crypto/crypto.h"
#include "node/config_keys.h"

/* ---- one value ---- */

typedef void load_fn(struct config_loader *l, const struct config_key *k, void *object,
                     struct conf_value v);

/* Once for each file, however many keys name it. */
static void warn_of_open(struct config_loader *l, const char *path, struct conf_value v)
{
    struct buf what CLEANUP(buf_done) = {0};

    buf_addf(&what, ": %s can be read or changed by others; chmod 600 %s\n", path, path);
    if (l->warnings->len > 0 &&
        memmem(l->warnings->at, l->warnings->len, what.at, what.len) != NULL)
        return;
    conf_place(v, l->warnings);
    buf_addf(l->warnings, ": %.*s", BYTES_ARG(buf_view(&l->path)));
    buf_add(l->warnings, buf_view(&what));
}

static void check_file(struct config_loader *l, const struct config_key *k, const char *path,
                       struct conf_value v)
{
    const char *why = config_file_wrong_why(path);

    if (why != NULL)
        config_fail(l, v, "%s cannot be read: %s", path, why);
    else if ((k->flags & CONFIG_SECRET) && config_file_is_open(path))
        warn_of_open(l, path, v);
}

static void load_scalar(struct config_loader *l, const struct config_key *k, void *object,
                        struct conf_value v)
{
    struct buf why CLEANUP(buf_done) = {0};
    enum conf_kind kind = conf_kind(v);
    const char *text = NULL;

    if (kind == CONF_TEXT)
        text = conf_text(v);
    else
        buf_addf(&why, kind == CONF_NULL ? "has no value" : "is not a single value");
    if (text != NULL && config_set(l, k, object, text, &why)) {
        if (k->flags & CONFIG_READABLE)
            check_file(l, k, *(char **)config_field(object, k->offset), v);
        return;
    }
    if (why.len > 0) {
        buf_add_u8(&why, '\0');
        config_fail_allowed(l, k, v, (const char *)why.at);
    }
}

static void load_subsection(struct config_loader *l, const struct config_key *k, void *object,
                            struct conf_value v)
{
    if (k->flags & CONFIG_OPTIONAL)
        *(bool *)config_field(object, k->offset) = true;
    config_load_section(l, k->section, object, v);
}

/* How many items there are to read; 0, after an error, when it is not a list, or one too long or
 * too short.  "key:" without a value is no list of none where one is required. */
static size_t list_len(struct config_loader *l, const struct config_key *k, struct conf_value v,
                       size_t n_before)
{
    enum conf_kind kind = conf_kind(v);
    size_t n = kind == CONF_LIST ? conf_len(v) : 0;

    if (kind != CONF_LIST && kind != CONF_NULL)
        config_fail_allowed(l, k, v, "is not a list");
    else if (n < k->min || (kind == CONF_NULL && (k->flags & CONFIG_REQUIRED)))
        config_fail_allowed(l, k, v, "is empty");
    else if (n + n_before > k->max)
        config_fail_allowed(l, k, v, "is too long");
    else
        return n;
    return 0;
}

static void load_list(struct config_loader *l, const struct config_key *k, void *object,
                      struct conf_value v)
{
    void **array = config_field(object, k->offset);
    size_t *count = config_field(object, k->count_offset);
    size_t size = k->section->size;
    size_t n_before = *count;
    size_t n = list_len(l, k, v, n_before);

    if (n == 0)
        return;
    *array = mem_resize(*array, (n_before + n) * size);
    memset((char *)*array + n_before * size, 0, n * size);
    for (size_t i = 0; i < n; i++) {
        size_t len = config_enter_item(l, i);

        ++*count;
        config_load_section(l, k->section, (char *)*array + (n_before + i) * size, conf_item(v, i));
        config_leave(l, len);
    }
}

static void load_rules(struct config_loader *l, const struct config_key *k, void *object,
                       struct conf_value v)
{
    struct role_spec *role = object;
    size_t n_before = role->n_rules;

    load_list(l, k, object, v);
    for (size_t i = n_before; i < role->n_rules; i++)
        ((struct rule_spec *)(uintptr_t)role->rules)[i].deny = k->min;
}

static void load_texts(struct config_loader *l, const struct config_key *k, void *object,
                       struct conf_value v)
{
    char ***array = config_field(object, k->offset);
    size_t *count = config_field(object, k->count_offset);
    size_t n = list_len(l, k, v, 0);

    *array = n > 0 ? mem_zero(n * sizeof(**array)) : NULL;
    for (size_t i = 0; i < n; i++) {
        struct conf_value item = conf_item(v, i);
        const char *text = conf_kind(item) == CONF_TEXT ? conf_text(item) : NULL;
        const char *why = text != NULL ? k->wrong_why(text) : NULL;
        size_t len = config_enter_item(l, i);

        if (text == NULL)
            config_fail(l, item, "is not a single value; %s are needed", k->items);
        else if (why != NULL)
            config_fail(l, item, "\"%.200s\" %s", text, why);
        else
            (*array)[(*count)++] = text_dup(text);
        config_leave(l, len);
    }
}

_Static_assert(offsetof(struct role_spec, name) == 0, "CONFIG_NAMED puts the name in front");

static void load_named(struct config_loader *l, const struct config_key *k, void *object,
                       struct conf_value v)
{
    void **array = config_field(object, k->offset);
    size_t *count = config_field(object, k->count_offset);
    size_t size = k->section->size;
    enum conf_kind kind = conf_kind(v);
    size_t n = kind == CONF_MAPPING ? conf_pairs(v) : 0;

    if ((kind != CONF_MAPPING && kind != CONF_NULL) || n > k->max) {
        config_fail_allowed(l, k, v, n > k->max ? "is too long" : "is not a mapping");
        return;
    }
    *array = mem_zero(MAX(n, 1U) * size);
    for (size_t i = 0; i < n; i++) {
        struct conf_value key;
        struct conf_value value = conf_pair(v, i, &key);
        const char *name = config_key_text(l, key);
        const char *why = name != NULL ? role_name_wrong_why(name) : NULL;
        void *item = (char *)*array + *count * size;
        size_t len;

        if (name == NULL || config_fail_twice(l, v, i, name))
            continue;
        if (why != NULL)
            config_fail(l, key, "\"%.80s\" %s", name, why);
        ++*count;
        *(char **)item = text_dup(name);
        len = config_enter(l, why == NULL ? name : "?");
        config_load_section(l, k->section, item, value);
        config_leave(l, len);
    }
}

static load_fn *const loaders[CONFIG_KIND_N] = {
    [CONFIG_TEXT] = load_scalar, [CONFIG_PATH] = load_scalar,    [CONFIG_ADDRESS] = load_scalar,
    [CONFIG_BOOL] = load_scalar, [CONFIG_U16] = load_scalar,     [CONFIG_U32] = load_scalar,
    [CONFIG_U64] = load_scalar,  [CONFIG_DECIMAL] = load_scalar, [CONFIG_CHOICE] = load_scalar,
    [CONFIG_WORD] = load_scalar, [CONFIG_RULE] = load_scalar,    [CONFIG_SECTION] = load_subsection,
    [CONFIG_LIST] = load_list,   [CONFIG_NAMED] = load_named,    [CONFIG_RULES] = load_rules,
    [CONFIG_TEXTS] = load_texts,
};

/* ---- a section ---- */

static void load_absent(struct config_loader *l, const struct config_key *k, void *object,
                        struct conf_value map)
{
    struct buf why CLEANUP(buf_done) = {0};

    if (k->flags & CONFIG_REQUIRED)
        config_fail_allowed(l, k, map, "is missing");
    else if (k->deflt != NULL)
        check(config_set(l, k, object, k->deflt, &why));
    else if (k->kind == CONFIG_SECTION && !(k->flags & CONFIG_OPTIONAL))
        config_load_section(l, k->section, object, conf_get(map, k->name));
}

/**
 * config_load_section() - all keys of a mapping into an object
 * @object:  zero-initialised
 * @map:     none: the defaults, and errors for what is required
 */
void config_load_section(struct config_loader *l, const struct config_section *s, void *object,
                         struct conf_value map)
{
    enum conf_kind kind = conf_kind(map);
    struct conf_value outer = l->place;

    if (kind == CONF_TEXT || kind == CONF_LIST) {
        config_fail(l, map, "is not a mapping; keys and values are expected");
        return;
    }
    if (conf_given(map))
        l->place = map;
    if (kind == CONF_MAPPING)
        config_check_keys(l, s, map);
    for (size_t i = 0; i < s->n_keys; i++) {
        const struct config_key *k = &s->keys[i];
        struct conf_value v = conf_get(map, k->name);
        size_t len = config_enter(l, k->name);

        if (conf_given(v))
            loaders[k->kind](l, k, object, v);
        else
            load_absent(l, k, object, map);
        config_leave(l, len);
    }
    if (s->verify != NULL)
        s->verify(l, object, map);
    l->place = outer;
}

/* ---- freeing ---- */

static void free_items(const struct config_key *k, void *object)
{
    void **array = config_field(object, k->offset);
    size_t *count = config_field(object, k->count_offset);

    for (size_t i = 0; i < *count; i++) {
        if (k->kind == CONFIG_TEXTS) {
            free(((char **)*array)[i]);
            continue;
        }
        config_free_section(k->section, (char *)*array + i * k->section->size);
        if (k->kind == CONFIG_NAMED)
            free(*(char **)(void *)((char *)*array + i * k->section->size));
    }
    free(*array);
    *array = NULL;
    *count = 0;
}

static void free_text(const struct config_key *k, void *object)
{
    char **text = config_field(object, k->offset);

    if (k->flags & CONFIG_SECRET)
        *text = secret_free(*text);
    free(*text);
    *text = NULL;
}

/** config_free_section() - free what the keys of @object own; not the object */
void config_free_section(const struct config_section *s, void *object)
{
    for (size_t i = 0; i < s->n_keys; i++) {
        const struct config_key *k = &s->keys[i];

        switch (k->kind) {
        case CONFIG_TEXT:
        case CONFIG_PATH:
        case CONFIG_ADDRESS:
        case CONFIG_WORD:
        case CONFIG_RULE:
            free_text(k, object);
            break;
        case CONFIG_SECTION:
            config_free_section(k->section, object);
            break;
        case CONFIG_LIST:
        case CONFIG_NAMED:
        case CONFIG_RULES:
        case CONFIG_TEXTS:
            free_items(k, object);
            break;
        case CONFIG_BOOL:
        case CONFIG_U16:
        case CONFIG_U32:
        case CONFIG_U64:
        case CONFIG_DECIMAL:
        case CONFIG_CHOICE:
        case CONFIG_KIND_N:
            break;
        }
    }
}
