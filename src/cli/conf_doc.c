/* SPDX-License-Identifier: Apache-2.0 */
/* cli/conf_doc.c - see conf_doc.h; and the users in it, for conf_edit.h */
#include "cli/conf_doc.h"

#include <stdlib.h>
#include <strings.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/text.h"
#include "cli/conf_edit.h"

/** conf_doc_byte() - the byte offset of @mark, which counts characters */
size_t conf_doc_byte(struct bytes text, const yaml_mark_t *mark)
{
    size_t characters = 0;
    size_t i = 0;

    while (i < text.len && characters < mark->index) {
        i++;
        while (i < text.len && (text.at[i] & 0xc0) == 0x80)
            i++;
        characters++;
    }
    return i;
}

static bool is_scalar(const yaml_node_t *n)
{
    return n != NULL && n->type == YAML_SCALAR_NODE;
}

/** conf_doc_text() - what a scalar says; borrowed */
struct bytes conf_doc_text(const yaml_node_t *n)
{
    return bytes_of(n->data.scalar.value, n->data.scalar.length);
}

/** conf_doc_is_nothing() - is it the value of a key that has none, as in "users:"? */
bool conf_doc_is_nothing(const yaml_node_t *n)
{
    return is_scalar(n) && n->data.scalar.style == YAML_PLAIN_SCALAR_STYLE &&
           n->data.scalar.length == 0;
}

/** conf_doc_count() - items of a sequence, pairs of a mapping, zero of all else */
size_t conf_doc_count(const yaml_node_t *collection)
{
    switch (collection->type) {
    case YAML_SEQUENCE_NODE:
        return (size_t)(collection->data.sequence.items.top -
                        collection->data.sequence.items.start);
    case YAML_MAPPING_NODE:
        return (size_t)(collection->data.mapping.pairs.top - collection->data.mapping.pairs.start);
    case YAML_NO_NODE:
    case YAML_SCALAR_NODE:
        break;
    }
    return 0;
}

/** conf_doc_user() - the mapping of user @i, below conf_doc_count() of d->users */
yaml_node_t *conf_doc_user(struct conf_doc *d, size_t i)
{
    return yaml_document_get_node(&d->yaml, d->users->data.sequence.items.start[i]);
}

static yaml_node_t *pair_key(struct conf_doc *d, const yaml_node_t *mapping, size_t i)
{
    return yaml_document_get_node(&d->yaml, mapping->data.mapping.pairs.start[i].key);
}

/** conf_doc_value() - the value of pair @i of a mapping; a scalar when @mapping is a user */
yaml_node_t *conf_doc_value(struct conf_doc *d, const yaml_node_t *mapping, size_t i)
{
    return yaml_document_get_node(&d->yaml, mapping->data.mapping.pairs.start[i].value);
}

/**
 * conf_doc_member() - the value of key @name in a mapping
 * @ret_key:  the node of the key; may be NULL
 *
 * Return: borrowed; NULL when there is none.
 */
yaml_node_t *conf_doc_member(struct conf_doc *d, const yaml_node_t *mapping, const char *name,
                             yaml_node_t **ret_key)
{
    for (size_t i = 0; i < conf_doc_count(mapping); i++) {
        yaml_node_t *key = pair_key(d, mapping, i);

        if (!is_scalar(key) || !bytes_equal(conf_doc_text(key), bytes_str(name)))
            continue;
        if (ret_key != NULL)
            *ret_key = key;
        return conf_doc_value(d, mapping, i);
    }
    return NULL;
}

static bool check_user(struct conf_doc *d, const yaml_node_t *user, char **ret_error)
{
    size_t line = user->start_mark.line + 1;

    if (user->type != YAML_MAPPING_NODE)
        return text_fail(ret_error, "line %zu: a user is a mapping with a name and a role", line);
    for (size_t i = 0; i < conf_doc_count(user); i++)
        if (!is_scalar(pair_key(d, user, i)) || !is_scalar(conf_doc_value(d, user, i)))
            return text_fail(ret_error, "line %zu: what a user has is plain text", line);
    if (conf_doc_member(d, user, "name", NULL) == NULL)
        return text_fail(ret_error, "line %zu: a user without a name", line);
    return true;
}

static bool check_doc(struct conf_doc *d, char **ret_error)
{
    yaml_node_t *root = yaml_document_get_root_node(&d->yaml);

    if (root == NULL)
        return text_fail(ret_error, "it is empty; it needs a line \"users:\"");
    if (root->type != YAML_MAPPING_NODE)
        return text_fail(ret_error, "it does not begin with \"users:\"");
    d->users = conf_doc_member(d, root, "users", &d->users_key);
    if (d->users == NULL)
        return text_fail(ret_error, "it has no \"users:\"");
    if (d->users->type != YAML_SEQUENCE_NODE && !conf_doc_is_nothing(d->users))
        return text_fail(ret_error, "line %zu: \"users\" is not a list",
                         d->users->start_mark.line + 1);
    for (size_t i = 0; i < conf_doc_count(d->users); i++)
        if (!check_user(d, conf_doc_user(d, i), ret_error))
            return false;
    return true;
}

/**
 * conf_doc_load() - read @text, and check that it is a list of users
 * @d:  written on success; give it to conf_doc_done() and keep @text until then
 *
 * On failure @ret_error says which line; the caller says which file.
 */
bool conf_doc_load(struct conf_doc *d, struct bytes text, char **ret_error)
{
    yaml_parser_t parser;
    bool ok;

    *d = (struct conf_doc){.text = text};
    check(yaml_parser_initialize(&parser) == 1);
    yaml_parser_set_input_string(&parser, text.at, text.len);
    yaml_parser_set_encoding(&parser, YAML_UTF8_ENCODING);
    ok = yaml_parser_load(&parser, &d->yaml) == 1;
    if (!ok)
        text_fail(ret_error, "line %zu, column %zu: %s", parser.problem_mark.line + 1,
                  parser.problem_mark.column + 1, parser.problem);
    yaml_parser_delete(&parser);
    if (ok && !check_doc(d, ret_error)) {
        conf_doc_done(d);
        ok = false;
    }
    return ok;
}

/** conf_doc_done() - free what conf_doc_load() made */
void conf_doc_done(struct conf_doc *d)
{
    yaml_document_delete(&d->yaml);
}

static char *copy_member(struct conf_doc *d, const yaml_node_t *user, const char *name)
{
    const yaml_node_t *value = conf_doc_member(d, user, name, NULL);

    return value != NULL && !conf_doc_is_nothing(value) ? bytes_dup_str(conf_doc_text(value))
                                                        : NULL;
}

static bool means_yes(const char *text)
{
    static const char *const yes[] = {"yes", "true", "on", "y"};

    for (size_t i = 0; text != NULL && i < COUNT_OF(yes); i++)
        if (strcasecmp(text, yes[i]) == 0)
            return true;
    return false;
}

static struct conf_user user_of(struct conf_doc *d, const yaml_node_t *node)
{
    char *disabled = copy_member(d, node, "disabled");
    struct conf_user u = {
        .name = bytes_dup_str(conf_doc_text(conf_doc_member(d, node, "name", NULL))),
        .role = copy_member(d, node, "role"),
        .password = copy_member(d, node, "password"),
        .scram = copy_member(d, node, "scram"),
        .certificate_cn = copy_member(d, node, "certificate_cn"),
        .disabled = means_yes(disabled),
    };

    free(disabled);
    return u;
}

/**
 * conf_users_parse() - the users that @text names, in its order
 * @ret:  written on success; give it to conf_users_done()
 *
 * On failure @ret_error says which line; the caller says which file.
 */
bool conf_users_parse(struct bytes text, struct conf_users *ret, char **ret_error)
{
    struct conf_doc d;

    if (!conf_doc_load(&d, text, ret_error))
        return false;
    ret->n = conf_doc_count(d.users);
    ret->at = mem_zero((ret->n + 1) * sizeof(*ret->at));
    for (size_t i = 0; i < ret->n; i++)
        ret->at[i] = user_of(&d, conf_doc_user(&d, i));
    conf_doc_done(&d);
    return true;
}

/** conf_users_done() - free; one of all zero is fine */
void conf_users_done(struct conf_users *u)
{
    for (size_t i = 0; i < u->n; i++) {
        free(u->at[i].name);
        free(u->at[i].role);
        free(u->at[i].password);
        free(u->at[i].scram);
        free(u->at[i].certificate_cn);
    }
    free(u->at);
    *u = (struct conf_users){0};
}

/** conf_users_find() - the user called @name; Return: borrowed from @u, NULL when there is none */
const struct conf_user *conf_users_find(const struct conf_users *u, const char *name)
{
    for (size_t i = 0; i < u->n; i++)
        if (strcmp(u->at[i].name, name) == 0)
            return &u->at[i];
    return NULL;
}
