/* SPDX-License-Identifier: Apache-2.0 */
/* assess/catalog_find.c - what an id stands for: a test, a scenario, a set of subcategories */
#include "assess/private.h"

#include <stdlib.h>

#include "base/mem.h"

/** assess_catalog_test() - the test with that id; NULL when there is none */
const struct catalog_test *assess_catalog_test(const struct catalog *c, struct bytes id)
{
    for (size_t i = 0; i < c->n_subcategories; i++) {
        const struct catalog_subcategory *s = &c->subcategories[i];

        if (!bytes_has_prefix(id, bytes_str(s->id)))
            continue;
        for (size_t k = 0; k < s->n_tests; k++)
            if (bytes_equal(id, bytes_str(s->tests[k].id)))
                return &s->tests[k];
    }
    return NULL;
}

/** catalog_scenario_index() - "R01" to its place; false: no such scenario */
bool catalog_scenario_index(const struct catalog *c, const char *id, unsigned *ret)
{
    for (unsigned i = 0; i < c->n_scenarios; i++) {
        if (strcmp(c->scenarios[i].id, id) == 0) {
            *ret = i;
            return true;
        }
    }
    return false;
}

/** catalog_test_window_days() - "30d" to 30; 0 when the test looks at now */
unsigned catalog_test_window_days(const struct catalog_test *t)
{
    return t->window != NULL ? (unsigned)strtoul(t->window, NULL, 10) : 0;
}

/* Lines of Appendix A: the id itself, or "MQA.ID.AM" for all that begin with it. */
static bool resolve_alias(const struct catalog *c, const char *id, struct id_set *ret)
{
    size_t len = strlen(id);
    bool found = false;

    for (size_t i = 0; i < c->n_aliases; i++) {
        const char *mine = c->aliases[i].id;

        if (strncmp(mine, id, len) != 0 || strchr(".-", mine[len]) == NULL)
            continue;
        found = true;
        for (size_t k = 0; k < c->aliases[i].n_refs; k++)
            ret->subs[c->aliases[i].refs[k]] = true;
        ret->depth = mine[len] == '\0' ? 3 : strlen(id) > 6 ? 2 : strlen(id) > 3 ? 1 : 0;
    }
    return found;
}

/**
 * catalog_resolve() - an id to the subcategories it stands for
 * @ret: .subs is owned by the caller; written on success
 *
 * Return: false when nothing has that id.
 */
bool catalog_resolve(const struct catalog *c, const char *id, struct id_set *ret)
{
    struct id_set set = {.subs = mem_zero(MAX(c->n_subcategories, 1) * sizeof(bool))};
    bool found = false;

    for (size_t i = 0; i < c->n_subcategories; i++) {
        const struct catalog_subcategory *s = &c->subcategories[i];
        const struct catalog_category *k = &c->categories[s->category];
        const char *const names[] = {"MQ", c->functions[k->function].id, k->id, s->id};

        for (unsigned depth = 0; depth < COUNT_OF(names); depth++) {
            if (strcmp(names[depth], id) == 0) {
                set.subs[i] = true;
                set.depth = depth;
                found = true;
            }
        }
    }
    if (!found && !resolve_alias(c, id, &set)) {
        free(set.subs);
        return false;
    }
    *ret = set;
    return true;
}
