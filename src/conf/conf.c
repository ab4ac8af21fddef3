/* SPDX-License-Identifier: Apache-2.0 */
/* conf/conf.c - see conf.h; the file, its errors, mappings and sequences */
#include "conf/conf.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <yaml.h>

#include "base/mem.h"
#include "base/text.h"
#include "conf/private.h"

#define WHAT_MAX 8192 /* longer texts of errors are cut */

/* libyaml counts from 0, people from 1. */
void conf_fail_at(struct conf *c, yaml_mark_t mark, const char *what)
{
    if (c->n_errors++ >= CONF_ERRORS_MAX)
        return;
    buf_addf(&c->errors, "%s:%zu:%zu: %s\n", c->name, mark.line + 1, mark.column + 1, what);
}

static void parse(struct conf *c, struct bytes text)
{
    yaml_parser_t parser;

    if (!conf_scan(c, text))
        return;
    if (yaml_parser_initialize(&parser) == 0) {
        buf_addf(&c->errors, "%s: no memory for the parser\n", c->name);
        c->n_errors++;
        return;
    }
    yaml_parser_set_encoding(&parser, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&parser, text.at != NULL ? text.at : (const uint8_t *)"",
                                 text.len);
    c->has_document = yaml_parser_load(&parser, &c->document) != 0;
    if (!c->has_document) /* the scan saw nothing wrong with the text: memory */
        conf_fail_at(c, parser.problem_mark, parser.problem != NULL ? parser.problem : "not YAML");
    yaml_parser_delete(&parser);
}

static struct conf *conf_new(const char *name)
{
    struct conf *c = mem_new(struct conf);

    c->name = text_dup(name);
    return c;
}

/**
 * conf_parse() - read YAML from memory
 * @name: stands in errors as the file's name
 *
 * Return: a tree; never NULL, see conf_ok().
 */
struct conf *conf_parse(const char *name, struct bytes text)
{
    struct conf *c = conf_new(name);

    parse(c, text);
    return c;
}

/* False: errno says why. */
static bool read_all(const char *path, struct buf *ret)
{
    FILE *f = fopen(path, "re");
    bool ok = f != NULL;

    while (ok && !feof(f) && ret->len <= CONF_BYTES_MAX) {
        size_t n = fread(buf_reserve(ret, 65536), 1, 65536, f);

        ret->len += n;
        ok = !ferror(f);
    }
    if (ok && ret->len > CONF_BYTES_MAX) {
        errno = EFBIG;
        ok = false;
    }
    if (f != NULL) {
        int saved = errno;

        (void)fclose(f);
        errno = saved;
    }
    return ok;
}

/**
 * conf_open() - read a YAML file of at most CONF_BYTES_MAX
 *
 * Return: a tree; never NULL, see conf_ok().
 */
struct conf *conf_open(const char *path)
{
    struct conf *c = conf_new(path);
    CLEANUP(buf_done) struct buf text = {0};

    if (read_all(path, &text)) {
        parse(c, buf_view(&text));
    } else {
        buf_addf(&c->errors, "%s: cannot be read: %s\n", path, strerror(errno));
        c->n_errors++;
    }
    return c;
}

/** conf_close() - free the tree; all that was borrowed from it ends.  Return: NULL. */
struct conf *conf_close(struct conf *c)
{
    if (c == NULL)
        return NULL;
    if (c->has_document)
        yaml_document_delete(&c->document);
    buf_done(&c->errors);
    free(c->name);
    free(c);
    return NULL;
}

/** conf_ok() - was everything in order so far?  @ret_error: one line an error, owned by the caller.
 */
bool conf_ok(struct conf *c, char **ret_error)
{
    if (c->n_errors == 0)
        return true;
    if (c->n_errors > CONF_ERRORS_MAX)
        buf_addf(&c->errors, "%s: and %zu more\n", c->name, c->n_errors - CONF_ERRORS_MAX);
    *ret_error = bytes_dup_str(bytes_of(c->errors.at, c->errors.len - 1));
    return false;
}

/** conf_node() - what libyaml has there; NULL when none */
yaml_node_t *conf_node(struct conf_value v)
{
    return v.node == 0 ? NULL : yaml_document_get_node(&v.conf->document, v.node);
}

static struct conf_value none(struct conf *c)
{
    return (struct conf_value){.conf = c};
}

/** conf_root() - the outermost value; none in an empty file */
struct conf_value conf_root(struct conf *c)
{
    bool is_there = c->has_document && yaml_document_get_root_node(&c->document) != NULL;

    return (struct conf_value){.conf = c, .node = is_there ? 1 : 0};
}

/* An error is one line of whole characters: '?' for what a "%.40s" has cut in two (the tree has
 * whole ones only), and for control characters. */
static void mend(char *text)
{
    for (uint8_t *at = (uint8_t *)text; *at != 0;) {
        size_t n = *at < 0xc0 ? 1 : *at < 0xe0 ? 2 : *at < 0xf0 ? 3 : 4;
        size_t is = 1;

        while (is < n && at[is] >> 6 == 2)
            is++;
        if (is < n || *at < 0x20 || *at == 0x7f)
            memset(at, '?', is);
        at += is;
    }
}

/** conf_fail() - note an error at the place of @v, at the file's start when it is none */
void conf_fail(struct conf_value v, const char *format, ...)
{
    yaml_node_t *node = conf_node(v);
    yaml_mark_t mark = {0};
    char what[WHAT_MAX];
    va_list args;

    va_start(args, format);
    (void)vsnprintf(what, sizeof(what), format, args);
    va_end(args);
    mend(what);
    conf_fail_at(v.conf, node != NULL ? node->start_mark : mark, what);
}

/** conf_place() - append "file:line:column" of @v, for what is told in another way than conf_fail()
 */
void conf_place(struct conf_value v, struct buf *ret)
{
    yaml_node_t *node = conf_node(v);
    yaml_mark_t mark = {0};

    if (node != NULL)
        mark = node->start_mark;
    buf_addf(ret, "%s:%zu:%zu", v.conf->name, mark.line + 1, mark.column + 1);
}

/** conf_kind() - what stands there */
enum conf_kind conf_kind(struct conf_value v)
{
    yaml_node_t *node = conf_node(v);

    if (node == NULL)
        return CONF_NONE;
    if (node->type == YAML_MAPPING_NODE)
        return CONF_MAPPING;
    if (node->type == YAML_SEQUENCE_NODE)
        return CONF_LIST;
    return conf_is_null(node) ? CONF_NULL : CONF_TEXT;
}

/* False, with an error, when @v is something else; false without one when it is none. */
static bool is_kind(struct conf_value v, yaml_node_type_t type, const char *name)
{
    yaml_node_t *node = conf_node(v);

    if (node == NULL)
        return false;
    if (node->type == type)
        return true;
    if (node->type == YAML_SCALAR_NODE && node->data.scalar.length == 0)
        return false; /* "key:" with nothing behind it */
    conf_fail(v, "a %s is expected here", name);
    return false;
}

/** conf_pairs() - Return: how many keys the mapping has; 0 when it is none. */
size_t conf_pairs(struct conf_value map)
{
    yaml_node_t *node = conf_node(map);

    if (!is_kind(map, YAML_MAPPING_NODE, "mapping (key: value)"))
        return 0;
    return (size_t)(node->data.mapping.pairs.top - node->data.mapping.pairs.start);
}

/** conf_pair() - the @i-th pair of a mapping, in the file's order; @i is less than conf_pairs() */
struct conf_value conf_pair(struct conf_value map, size_t i, struct conf_value *ret_key)
{
    yaml_node_pair_t *pair = &conf_node(map)->data.mapping.pairs.start[i];

    *ret_key = (struct conf_value){.conf = map.conf, .node = pair->key};
    return (struct conf_value){.conf = map.conf, .node = pair->value};
}

/** conf_get() - the value of @key; none when it is not there or has nothing behind it */
struct conf_value conf_get(struct conf_value map, const char *key)
{
    yaml_node_t *node = conf_node(map);

    if (node == NULL || node->type != YAML_MAPPING_NODE)
        return none(map.conf);
    for (yaml_node_pair_t *p = node->data.mapping.pairs.start; p < node->data.mapping.pairs.top;
         p++) {
        struct conf_value k = {.conf = map.conf, .node = p->key};
        struct conf_value v = {.conf = map.conf, .node = p->value};
        yaml_node_t *at = conf_node(k);

        if (at->type == YAML_SCALAR_NODE && strcmp((char *)at->data.scalar.value, key) == 0)
            return v;
    }
    return none(map.conf);
}

/** conf_need() - conf_get(), and an error at the mapping's place when it is not there */
struct conf_value conf_need(struct conf_value map, const char *key)
{
    struct conf_value v = conf_get(map, key);

    if (!conf_given(v))
        conf_fail(map, "\"%s\" is missing", key);
    return v;
}

static bool is_allowed(const char *key, const char *const *keys)
{
    for (size_t i = 0; keys[i] != NULL; i++)
        if (strcmp(keys[i], key) == 0)
            return true;
    return false;
}

static void fail_unknown(struct conf_value at, const char *key, const char *const *keys)
{
    CLEANUP(buf_done) struct buf all = {0};

    for (size_t i = 0; keys[i] != NULL; i++)
        buf_addf(&all, "%s%s", i == 0 ? "" : ", ", keys[i]);
    conf_fail(at, "\"%s\" is not known here; known are: %.*s", key, BYTES_ARG(buf_view(&all)));
}

/**
 * conf_keys() - check that @map is a mapping and has only these keys, each once
 * @keys: ends with NULL
 */
void conf_keys(struct conf_value map, const char *const *keys)
{
    size_t n = conf_pairs(map);

    for (size_t i = 0; i < n; i++) {
        struct conf_value at;
        const char *key;

        (void)conf_pair(map, i, &at);
        key = conf_text(at);
        if (key == NULL)
            continue;
        if (!is_allowed(key, keys))
            fail_unknown(at, key, keys);
        if (conf_get(map, key).node != conf_pair(map, i, &at).node)
            conf_fail(at, "\"%s\" stands here a second time", key);
    }
}

/** conf_len() - Return: how many items the sequence has; 0 when it is none. */
size_t conf_len(struct conf_value list)
{
    yaml_node_t *node = conf_node(list);

    if (!is_kind(list, YAML_SEQUENCE_NODE, "list (- item)"))
        return 0;
    return (size_t)(node->data.sequence.items.top - node->data.sequence.items.start);
}

/** conf_item() - the @i-th item; @i is less than conf_len() */
struct conf_value conf_item(struct conf_value list, size_t i)
{
    yaml_node_t *node = conf_node(list);

    return (struct conf_value){.conf = list.conf, .node = node->data.sequence.items.start[i]};
}
