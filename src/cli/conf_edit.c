/* SPDX-License-Identifier: Apache-2.0 */
/* cli/conf_edit.c - see conf_edit.h */
#include "cli/conf_edit.h"

#include <stdlib.h>

#include "base/err.h"
#include "base/text.h"
#include "cli/conf_doc.h"

/* ---- changing ---- */

/* Replace @text's bytes from @from to before @to. */
static void splice(struct buf *text, size_t from, size_t to, struct bytes with)
{
    struct buf out = {0};

    check(from <= to && to <= text->len);
    buf_add(&out, bytes_of(text->at, from));
    buf_add(&out, with);
    buf_add(&out, bytes_of(text->at + to, text->len - to));
    buf_done(text);
    *text = out;
}

static void quote(struct buf *to, const char *value)
{
    buf_add_u8(to, '"');
    for (const char *at = value; *at != '\0'; at++) {
        if ((uint8_t)*at < 0x20 || *at == 0x7f) {
            buf_addf(to, "\\x%02x", (unsigned)(uint8_t)*at);
            continue;
        }
        if (*at == '"' || *at == '\\')
            buf_add_u8(to, '\\');
        buf_add_u8(to, (uint8_t)*at);
    }
    buf_add_u8(to, '"');
}

/* The start of the line after the one with byte @at, or the end. */
static size_t next_line(struct bytes text, size_t at)
{
    while (at < text.len && text.at[at] != '\n')
        at++;
    return at < text.len ? at + 1 : at;
}

static size_t line_start(struct bytes text, size_t at)
{
    while (at > 0 && text.at[at - 1] != '\n')
        at--;
    return at;
}

/* Past the last value of a user; there is at least its name. */
static size_t user_end(struct conf_doc *d, const yaml_node_t *user)
{
    size_t end = 0;

    for (size_t i = 0; i < conf_doc_count(user); i++) {
        size_t value_end = conf_doc_byte(d->text, &conf_doc_value(d, user, i)->end_mark);

        end = MAX(end, value_end);
    }
    return end;
}

static yaml_node_t *find_user(struct conf_doc *d, const char *name)
{
    for (size_t i = 0; i < conf_doc_count(d->users); i++)
        if (bytes_equal(conf_doc_text(conf_doc_member(d, conf_doc_user(d, i), "name", NULL)),
                        bytes_str(name)))
            return conf_doc_user(d, i);
    return NULL;
}

static bool is_flow(const yaml_node_t *n)
{
    return (n->type == YAML_MAPPING_NODE && n->data.mapping.style == YAML_FLOW_MAPPING_STYLE) ||
           (n->type == YAML_SEQUENCE_NODE && n->data.sequence.style == YAML_FLOW_SEQUENCE_STYLE);
}

static bool by_hand(char **ret_error, size_t line)
{
    return text_fail(
        ret_error,
        "line %zu is written in a way that this program does not change; write each user "
        "as \"- name: ...\" with its other lines below, or change it by hand",
        line + 1);
}

static void add_line(struct buf *lines, size_t indent, const char *key, const char *quoted)
{
    if (quoted == NULL)
        return;
    for (size_t i = 0; i < indent; i++)
        buf_add_u8(lines, ' ');
    buf_addf(lines, "%s: ", key);
    quote(lines, quoted);
    buf_add_u8(lines, '\n');
}

/* Insert @lines at the start of a line; the one before gets its end if it has none. */
static void insert_lines(struct buf *text, size_t at, struct buf *lines)
{
    if (at > 0 && text->at[at - 1] != '\n') {
        splice(text, at, at, BYTES("\n"));
        at++;
    }
    splice(text, at, at, buf_view(lines));
    buf_done(lines);
}

static bool set_member(struct buf *text, const char *name, const char *key, struct bytes written,
                       char **ret_error)
{
    struct buf line = {0};
    yaml_node_t *value;
    yaml_node_t *user;
    bool ok = true;
    struct conf_doc d;

    if (!conf_doc_load(&d, buf_view(text), ret_error))
        return false;
    user = find_user(&d, name);
    value = user != NULL ? conf_doc_member(&d, user, key, NULL) : NULL;
    if (user == NULL) {
        ok = text_fail(ret_error, "there is no user \"%s\"", name);
    } else if (value != NULL) {
        size_t from = conf_doc_byte(d.text, &value->start_mark);

        if (from > 0 && text->at[from - 1] == ':')
            buf_add_u8(&line, ' ');
        buf_add(&line, written);
        splice(text, from, conf_doc_byte(d.text, &value->end_mark), buf_view(&line));
        buf_done(&line);
    } else if (is_flow(user) || is_flow(d.users)) {
        ok = by_hand(ret_error, user->start_mark.line);
    } else {
        buf_addf(&line, "%*s%s: %.*s\n", (int)user->start_mark.column, "", key, BYTES_ARG(written));
        insert_lines(text, next_line(d.text, user_end(&d, user)), &line);
    }
    conf_doc_done(&d);
    return ok;
}

/* Where a new user goes, and how far it is indented; "users: []" has become "users:". */
static bool place_for_new(struct buf *text, size_t *ret_at, size_t *ret_indent, char **ret_error)
{
    bool ok = true;
    struct conf_doc d;
    size_t n;

    if (!conf_doc_load(&d, buf_view(text), ret_error))
        return false;
    n = conf_doc_count(d.users);
    if (n > 0 && is_flow(d.users)) {
        ok = by_hand(ret_error, d.users->start_mark.line);
    } else if (n > 0) {
        *ret_at = next_line(d.text, user_end(&d, conf_doc_user(&d, n - 1)));
        *ret_indent = d.users->start_mark.column;
    } else {
        size_t key_end = conf_doc_byte(d.text, &d.users_key->end_mark);

        if (!conf_doc_is_nothing(d.users))
            splice(text, conf_doc_byte(d.text, &d.users->start_mark),
                   conf_doc_byte(d.text, &d.users->end_mark), BYTES_NONE);
        *ret_at = next_line(buf_view(text), key_end);
        *ret_indent = 2;
    }
    conf_doc_done(&d);
    return ok;
}

static bool add_user(struct buf *text, const struct conf_user *user, char **ret_error)
{
    struct buf lines = {0};
    size_t indent = 0;
    size_t at = 0;

    if (!place_for_new(text, &at, &indent, ret_error))
        return false;
    buf_addf(&lines, "%*s- name: ", (int)indent, "");
    quote(&lines, user->name);
    buf_add_u8(&lines, '\n');
    add_line(&lines, indent + 2, "role", user->role);
    add_line(&lines, indent + 2, "certificate_cn", user->certificate_cn);
    add_line(&lines, indent + 2, "password", user->password);
    add_line(&lines, indent + 2, "scram", user->scram);
    insert_lines(text, at, &lines);
    return true;
}

/* Only "- " may stand before a user that is taken out with its lines. */
static bool begins_its_line(struct bytes text, size_t at)
{
    for (size_t i = line_start(text, at); i < at; i++)
        if (text.at[i] != ' ' && text.at[i] != '-')
            return false;
    return true;
}

static bool remove_user(struct buf *text, const char *name, char **ret_error)
{
    yaml_node_t *user;
    bool ok = true;
    struct conf_doc d;

    if (!conf_doc_load(&d, buf_view(text), ret_error))
        return false;
    user = find_user(&d, name);
    if (user == NULL) {
        ok = text_fail(ret_error, "there is no user \"%s\"", name);
    } else {
        size_t from = conf_doc_byte(d.text, &user->start_mark);
        size_t key_end = conf_doc_byte(d.text, &d.users_key->end_mark);

        if (is_flow(d.users) || !begins_its_line(d.text, from))
            ok = by_hand(ret_error, user->start_mark.line);
        else
            splice(text, line_start(d.text, from), next_line(d.text, user_end(&d, user)),
                   BYTES_NONE);
        if (ok && conf_doc_count(d.users) == 1) /* a list stays a list */
            splice(text, key_end + 1, key_end + 1, BYTES(" []"));
    }
    conf_doc_done(&d);
    return ok;
}

/* ---- a change is kept only if it reads as it was meant ---- */

static bool same_text(const char *a, const char *b)
{
    return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

static bool same_user(const struct conf_user *a, const struct conf_user *b)
{
    return same_text(a->name, b->name) && same_text(a->role, b->role) &&
           same_text(a->password, b->password) && same_text(a->scram, b->scram) &&
           same_text(a->certificate_cn, b->certificate_cn) && a->disabled == b->disabled;
}

/* Is @after @before, but for user @name, who is @wanted, or gone when that is NULL? */
static bool is_as_wanted(const struct conf_users *before, const struct conf_users *after,
                         const char *name, const struct conf_user *wanted)
{
    const struct conf_user *found = conf_users_find(after, name);
    size_t others = 0;

    if (wanted == NULL ? found != NULL : found == NULL || !same_user(found, wanted))
        return false;
    for (size_t i = 0; i < before->n; i++) {
        const struct conf_user *old = &before->at[i];

        if (strcmp(old->name, name) == 0)
            continue;
        found = conf_users_find(after, old->name);
        if (found == NULL || !same_user(found, old))
            return false;
        others++;
    }
    return after->n == others + (wanted != NULL);
}

/* @changed replaces @text, or is thrown away and @ret_error says why. */
static bool accept(struct buf *text, struct buf *changed, const char *name,
                   const struct conf_user *wanted, char **ret_error)
{
    struct conf_users before = {0};
    struct conf_users after = {0};
    char *why = NULL;
    bool ok = conf_users_parse(buf_view(text), &before, ret_error);

    if (ok && (!conf_users_parse(buf_view(changed), &after, &why) ||
               !is_as_wanted(&before, &after, name, wanted)))
        ok = text_fail(ret_error,
                       "user \"%s\" is written in a way that this program cannot change; "
                       "change it by hand",
                       name);
    free(why);
    conf_users_done(&before);
    conf_users_done(&after);
    buf_done(ok ? text : changed);
    if (ok)
        *text = *changed;
    return ok;
}

static struct buf copy_of(const struct buf *text)
{
    struct buf copy = {0};

    buf_add(&copy, buf_view(text));
    return copy;
}

/**
 * conf_user_add() - append @user to the list
 * @text:  the file; as it was on failure
 * @user:  borrowed; it is not there yet
 */
bool conf_user_add(struct buf *text, const struct conf_user *user, char **ret_error)
{
    struct conf_user wanted = *user;
    struct conf_users users = {0};
    struct buf changed = copy_of(text);
    bool ok = conf_users_parse(buf_view(text), &users, ret_error);

    wanted.disabled = false;
    if (ok && conf_users_find(&users, user->name) != NULL)
        ok = text_fail(ret_error, "there is a user \"%s\" already", user->name);
    conf_users_done(&users);
    if (ok && add_user(&changed, user, ret_error))
        return accept(text, &changed, user->name, &wanted, ret_error);
    buf_done(&changed);
    return false;
}

/* A key of a user, and what is written behind it. */
struct member {
    const char *key;
    struct buf written;
};

static bool set_members(struct buf *text, const char *name, const struct member *members, size_t n,
                        char **ret_error)
{
    for (size_t i = 0; i < n; i++)
        if (!set_member(text, name, members[i].key, buf_view(&members[i].written), ret_error))
            return false;
    return true;
}

/* Set @n members of user @name, which then is as @with says: of a password, or of being disabled.
 */
static bool change(struct buf *text, const char *name, const struct member *members, size_t n,
                   const struct conf_user *with, char **ret_error)
{
    struct buf changed = copy_of(text);
    struct conf_users users = {0};
    const struct conf_user *old = NULL;
    struct conf_user wanted;
    bool ok = conf_users_parse(buf_view(text), &users, ret_error);

    if (ok) {
        old = conf_users_find(&users, name);
        if (old == NULL)
            text_fail(ret_error, "there is no user \"%s\"", name);
    }
    if (old != NULL && set_members(&changed, name, members, n, ret_error)) {
        wanted = *old;
        if (with->password != NULL) {
            wanted.password = with->password;
            wanted.scram = with->scram;
        } else {
            wanted.disabled = with->disabled;
        }
        ok = accept(text, &changed, name, &wanted, ret_error);
    } else {
        buf_done(&changed);
        ok = false;
    }
    conf_users_done(&users);
    return ok;
}

/**
 * conf_user_set_password() - give user @name other verifiers; @text is as it was on failure
 * @verifier, @scram:  of the same password, so that no older one stays good
 */
bool conf_user_set_password(struct buf *text, const char *name, const char *verifier,
                            const char *scram, char **ret_error)
{
    struct conf_user with = {.password = (char *)(uintptr_t)verifier,
                             .scram = (char *)(uintptr_t)scram};
    struct member members[] = {{.key = "password"}, {.key = "scram"}};
    bool ok;

    quote(&members[0].written, verifier);
    quote(&members[1].written, scram);
    ok = change(text, name, members, COUNT_OF(members), &with, ret_error);
    buf_done(&members[0].written);
    buf_done(&members[1].written);
    return ok;
}

/** conf_user_set_disabled() - shut user @name out or let it in; @text is as it was on failure */
bool conf_user_set_disabled(struct buf *text, const char *name, bool disabled, char **ret_error)
{
    struct conf_user with = {.disabled = disabled};
    struct member member = {.key = "disabled"};
    bool ok;

    buf_addf(&member.written, "%s", disabled ? "yes" : "no");
    ok = change(text, name, &member, 1, &with, ret_error);
    buf_done(&member.written);
    return ok;
}

/** conf_user_remove() - take user @name out; @text is as it was on failure */
bool conf_user_remove(struct buf *text, const char *name, char **ret_error)
{
    struct buf changed = copy_of(text);

    if (remove_user(&changed, name, ret_error))
        return accept(text, &changed, name, NULL, ret_error);
    buf_done(&changed);
    return false;
}
