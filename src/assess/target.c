/* SPDX-License-Identifier: Apache-2.0 */
/*
 * assess/target.c - the Target Profile: which tier where, why, and what does not apply
 *
 * framework/target-profile.yaml shows the format.  The most exact id counts:
 * subcategory before category before Function before MQ.
 */
#include "assess/private.h"

#include <stdlib.h>

#include "base/mem.h"
#include "base/text.h"
#include "conf/conf.h"

static bool resolve(const struct catalog *c, struct conf_value at, struct id_set *ret)
{
    const char *id = conf_text(at);

    if (id == NULL)
        return false;
    if (catalog_resolve(c, id, ret))
        return true;
    conf_fail(at, "\"%s\" is no id of the catalogue (such as MQ.PR.IA-03, MQ.PR.IA, MQ.PR, MQ)",
              id);
    return false;
}

/* The value is a tier, or a mapping of tier and reason. */
static void read_tier(const struct catalog *c, struct conf_value key, struct conf_value value,
                      struct target *t)
{
    static const char *const keys[] = {"tier", "reason", NULL};
    struct conf_value number = value;
    struct id_set set;
    double tier = 0;
    char *reason = NULL;

    if (conf_given(conf_get(value, "tier"))) {
        conf_keys(value, keys);
        number = conf_get(value, "tier");
        (void)conf_string(conf_get(value, "reason"), &reason);
    }
    if (resolve(c, key, &set)) {
        bool is_tier = conf_number(number, ASSESS_TIER_MIN, ASSESS_TIER_MAX, &tier);

        if (is_tier && tier != (unsigned)tier)
            conf_fail(number, "a tier is 1, 2, 3 or 4");
        for (size_t i = 0; is_tier && i < t->n_subs; i++) {
            struct target_sub *s = &t->subs[i];

            if (!set.subs[i] || (s->tier > 0 && set.depth < s->depth))
                continue;
            s->tier = (unsigned)tier;
            s->depth = set.depth;
            free(s->reason);
            s->reason = text_dup(reason);
        }
        free(set.subs);
    }
    free(reason);
}

static void read_not_applicable(const struct catalog *c, struct conf_value at, struct target *t)
{
    static const char *const keys[] = {"id", "reason", "approver", "expires", NULL};
    struct conf_value id = conf_need(at, "id");
    char *reason = NULL;
    char *approver = NULL;
    uint64_t expires = 0;
    struct id_set set;

    conf_keys(at, keys);
    (void)conf_string(conf_need(at, "reason"), &reason);
    (void)conf_string(conf_need(at, "approver"), &approver);
    (void)conf_date(conf_need(at, "expires"), &expires);
    if (conf_given(id) && resolve(c, id, &set)) {
        for (size_t i = 0; i < t->n_subs; i++) {
            struct target_sub *s = &t->subs[i];

            if (!set.subs[i] || reason == NULL || approver == NULL)
                continue;
            free(s->na_reason);
            free(s->na_approver);
            s->na_reason = text_dup(reason);
            s->na_approver = text_dup(approver);
            s->na_expires_unix_ms = expires;
        }
        free(set.subs);
    }
    free(reason);
    free(approver);
}

static void read_include(const struct catalog *c, struct conf_value list, struct target *t)
{
    for (size_t i = 0; i < t->n_subs; i++)
        t->subs[i].in_profile = conf_kind(list) != CONF_LIST; /* not given: everything */
    for (size_t i = 0; i < conf_len(list); i++) {
        struct id_set set;

        if (!resolve(c, conf_item(list, i), &set))
            continue;
        for (size_t k = 0; k < t->n_subs; k++)
            t->subs[k].in_profile |= set.subs[k];
        free(set.subs);
    }
}

/**
 * assess_target_load() - read the Target Profile
 * @ret_error: one line an error, with file, line and column; owned by the caller
 *
 * Return: NULL when the file cannot be read or has errors.
 */
struct target *assess_target_load(const char *path, const struct catalog *c, char **ret_error)
{
    static const char *const keys[] = {"profile",        "approved_by", "approved_at", "include",
                                       "not_applicable", "rationale",   "tiers",       NULL};
    struct target *t = mem_new(struct target);
    struct conf *conf = conf_open(path);
    struct conf_value root = conf_root(conf);
    struct conf_value tiers, list;

    t->n_subs = c->n_subcategories;
    t->subs = mem_zero(MAX(t->n_subs, 1) * sizeof(*t->subs));
    conf_keys(root, keys);
    (void)conf_string(conf_need(root, "profile"), &t->name);
    (void)conf_string(conf_get(root, "approved_by"), &t->approved_by);
    if (t->approved_by != NULL)
        (void)conf_date(conf_need(root, "approved_at"), &t->approved_unix_ms);
    read_include(c, conf_get(root, "include"), t);
    tiers = conf_need(root, "tiers");
    for (size_t i = 0; i < conf_pairs(tiers); i++) {
        struct conf_value key;
        struct conf_value value = conf_pair(tiers, i, &key);

        read_tier(c, key, value, t);
    }
    list = conf_get(root, "not_applicable");
    for (size_t i = 0; i < conf_len(list); i++)
        read_not_applicable(c, conf_item(list, i), t);

    if (!conf_ok(conf, ret_error))
        t = assess_target_free(t);
    conf_close(conf);
    return t;
}

/** assess_target_free() - Return: NULL. */
struct target *assess_target_free(struct target *t)
{
    if (t == NULL)
        return NULL;
    for (size_t i = 0; i < t->n_subs; i++) {
        free(t->subs[i].reason);
        free(t->subs[i].na_reason);
        free(t->subs[i].na_approver);
    }
    free(t->subs);
    free(t->name);
    free(t->approved_by);
    free(t);
    return NULL;
}
