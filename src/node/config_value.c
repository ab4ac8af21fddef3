/* SPDX-License-Identifier: Apache-2.0 */
/* node/config_value.c - one scalar: from its text, of the file or of a default, into the object */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

#include "base/err.h"
#include "base/text.h"
#include "node/config_keys.h"

/* Write @text to @at, or say in @why what is wrong; true when written. */
typedef bool set_fn(const struct config_loader *l, const struct config_key *k, void *at,
                    const char *text, struct buf *why);

static void replace(void *at, char *text)
{
    char **field = at;

    free(*field);
    *field = text;
}

static bool text_good(const struct config_key *k, const char *text, struct buf *why)
{
    size_t len = strlen(text);

    for (size_t i = 0; i < len; i++) {
        if ((uint8_t)text[i] < 0x20 || text[i] == 0x7f) {
            buf_addf(why, "has a control character");
            return false;
        }
    }
    if (len >= k->min && len <= k->max)
        return true;
    buf_addf(why, len == 0 ? "is empty" : "has %zu bytes", len);
    return false;
}

static bool set_text(const struct config_loader *l, const struct config_key *k, void *at,
                     const char *text, struct buf *why)
{
    const char *wrong;

    (void)l;
    if (!text_good(k, text, why))
        return false;
    wrong = k->wrong_why != NULL ? k->wrong_why(text) : NULL;
    if (wrong != NULL) {
        buf_addf(why, "\"%.200s\" %s", text, wrong);
        return false;
    }
    replace(at, text_dup(text));
    return true;
}

static void add_absolute(const struct config_loader *l, const char *path, struct buf *ret)
{
    if (path[0] != '/')
        buf_addf(ret, "%s/", l->config->dir);
    buf_addf(ret, "%s", path);
}

static bool set_path(const struct config_loader *l, const struct config_key *k, void *at,
                     const char *text, struct buf *why)
{
    struct buf path CLEANUP(buf_done) = {0};

    if (!text_good(k, text, why))
        return false;
    add_absolute(l, text, &path);
    replace(at, bytes_dup_str(buf_view(&path)));
    return true;
}

static bool set_address(const struct config_loader *l, const struct config_key *k, void *at,
                        const char *text, struct buf *why)
{
    struct buf address CLEANUP(buf_done) = {0};
    size_t skip = bytes_has_prefix(bytes_str(text), BYTES(CONFIG_UNIX)) ? strlen(CONFIG_UNIX) : 0;

    if (!text_good(k, text, why))
        return false;
    buf_add(&address, bytes_of(text, skip));
    if (skip > 0 && text[skip] != '\0')
        add_absolute(l, text + skip, &address);
    else
        buf_addf(&address, "%s", text + skip);
    replace(at, bytes_dup_str(buf_view(&address)));
    return true;
}

static bool set_bool(const struct config_loader *l, const struct config_key *k, void *at,
                     const char *text, struct buf *why)
{
    static const char *const words[] = {"no", "yes", "false", "true"};

    (void)l;
    (void)k;
    for (size_t i = 0; i < COUNT_OF(words); i++) {
        if (strcmp(text, words[i]) == 0) {
            *(bool *)at = i % 2 == 1;
            return true;
        }
    }
    buf_addf(why, "\"%.40s\" is neither yes nor no", text);
    return false;
}

static bool parse_whole(const struct config_key *k, const char *text, uint64_t *ret,
                        struct buf *why)
{
    uint64_t n;

    if (text[0] == '\0' || strspn(text, "0123456789") != strlen(text)) {
        buf_addf(why, "\"%.40s\" is not a whole number", text);
        return false;
    }
    errno = 0;
    n = strtoull(text, NULL, 10);
    if (errno != 0 || n > k->max || (n < k->min && (n > 0 || !(k->flags & CONFIG_OR_ZERO)))) {
        buf_addf(why, "%.40s is out of range", text);
        return false;
    }
    *ret = n;
    return true;
}

static bool set_whole(const struct config_loader *l, const struct config_key *k, void *at,
                      const char *text, struct buf *why)
{
    uint64_t n = 0;

    (void)l;
    if (!parse_whole(k, text, &n, why))
        return false;
    if (k->kind == CONFIG_U16)
        *(uint16_t *)at = (uint16_t)n;
    else if (k->kind == CONFIG_U32)
        *(uint32_t *)at = (uint32_t)n;
    else
        *(uint64_t *)at = n;
    return true;
}

static bool set_decimal(const struct config_loader *l, const struct config_key *k, void *at,
                        const char *text, struct buf *why)
{
    char *end = NULL;
    double n = strtod(text, &end);

    (void)l;
    if (end == text || *end != '\0' || strspn(text, "0123456789.") != strlen(text)) {
        buf_addf(why, "\"%.40s\" is not a number", text);
        return false;
    }
    if (n < (double)k->min || n > (double)k->max) {
        buf_addf(why, "%.40s is out of range", text);
        return false;
    }
    *(double *)at = n;
    return true;
}

static bool set_choice(const struct config_loader *l, const struct config_key *k, void *at,
                       const char *text, struct buf *why)
{
    (void)l;
    for (const struct config_choice *c = k->choices; c->text != NULL; c++) {
        if (strcmp(text, c->text) != 0)
            continue;
        if (k->kind == CONFIG_WORD)
            replace(at, text_dup(c->text));
        else
            memcpy(at, &c->value, sizeof(c->value));
        return true;
    }
    buf_addf(why, "\"%.40s\" is not known here", text);
    return false;
}

static bool set_rule(const struct config_loader *l, const struct config_key *k, void *at,
                     const char *text, struct buf *why)
{
    struct rule_spec *rule = at;
    const char *wrong = rule_filter_wrong_why(text);

    (void)l;
    if (wrong != NULL) {
        buf_addf(why, "\"%.200s\" %s", text, wrong);
        return false;
    }
    replace(&rule->filter, text_dup(text));
    rule->publish = k->min & RULE_PUBLISH;
    rule->subscribe = k->min & RULE_SUBSCRIBE;
    return true;
}

_Static_assert(sizeof(enum config_plane) == sizeof(int), "choices are copied as int");
_Static_assert(sizeof(unsigned) == sizeof(uint32_t), "unsigned fields are CONFIG_U32");

static set_fn *const setters[CONFIG_KIND_N] = {
    [CONFIG_TEXT] = set_text,   [CONFIG_PATH] = set_path,       [CONFIG_ADDRESS] = set_address,
    [CONFIG_BOOL] = set_bool,   [CONFIG_U16] = set_whole,       [CONFIG_U32] = set_whole,
    [CONFIG_U64] = set_whole,   [CONFIG_DECIMAL] = set_decimal, [CONFIG_CHOICE] = set_choice,
    [CONFIG_WORD] = set_choice, [CONFIG_RULE] = set_rule,
};

/**
 * config_set() - a scalar's text into its field
 * @object:   what the key's offset counts from
 * @ret_why:  on failure what is wrong is appended, to be read after the key
 *
 * Return: false when it is wrong; the field is as it was.
 */
bool config_set(const struct config_loader *l, const struct config_key *k, void *object,
                const char *text, struct buf *ret_why)
{
    check(setters[k->kind] != NULL);
    return setters[k->kind](l, k, config_field(object, k->offset), text, ret_why);
}

static void allowed_choices(const struct config_key *k, struct buf *ret)
{
    for (const struct config_choice *c = k->choices; c->text != NULL; c++)
        buf_addf(ret, "%s%s", c == k->choices ? "" : (c[1].text != NULL ? ", " : " or "), c->text);
}

/**
 * config_allowed() - what may stand there, for a person, such as "a whole number from 1 to 9"
 * @ret:  appended to
 */
void config_allowed(const struct config_key *k, struct buf *ret)
{
    switch (k->kind) {
    case CONFIG_TEXT:
        buf_addf(ret, "text of %" PRIu64 " to %" PRIu64 " bytes", k->min, k->max);
        break;
    case CONFIG_PATH:
        buf_addf(ret, "path, relative to the file's folder");
        break;
    case CONFIG_ADDRESS:
        buf_addf(ret, "IP address, or unix: and a path, relative to the file's folder");
        break;
    case CONFIG_BOOL:
        buf_addf(ret, "yes or no");
        break;
    case CONFIG_U16:
    case CONFIG_U32:
    case CONFIG_U64:
        buf_addf(ret, "whole number%s from %" PRIu64 " to %" PRIu64,
                 k->flags & CONFIG_OR_ZERO && k->min > 0 ? ", 0 or" : "", k->min, k->max);
        break;
    case CONFIG_DECIMAL:
        buf_addf(ret, "number from %" PRIu64 " to %" PRIu64, k->min, k->max);
        break;
    case CONFIG_CHOICE:
    case CONFIG_WORD:
        allowed_choices(k, ret);
        break;
    case CONFIG_RULE:
        buf_addf(ret, "topic filter");
        break;
    case CONFIG_SECTION:
        buf_addf(ret, "keys and values");
        break;
    case CONFIG_LIST:
    case CONFIG_RULES:
        buf_addf(ret, "list (- item) of at most %" PRIu64, k->max);
        break;
    case CONFIG_NAMED:
        buf_addf(ret, "names, each with keys and values; at most %" PRIu64, k->max);
        break;
    case CONFIG_TEXTS:
        buf_addf(ret, "list (- item) of at most %" PRIu64 " %s", k->max, k->items);
        break;
    case CONFIG_KIND_N:
        check(false);
    }
}
