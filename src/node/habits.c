/* SPDX-License-Identifier: Apache-2.0 */
/*
 * node/habits.c - what the detectors get from the configuration, and what they keep over a restart
 *
 * On the sentinel's thread.
 */
#include <stdlib.h>

#include "base/mem.h"
#include "node/sentinel.h"

static struct detect_role role_of(const struct role_spec *r)
{
    return (struct detect_role){
        .name = r->name,
        .kind = r->kind,
        .may_command = r->may_command,
        .critical = r->critical,
        .scan_factor = r->scan_factor,
    };
}

/** habits_is_critical() - clients of this role are told of, and never acted against */
bool habits_is_critical(const struct role_spec *r)
{
    const struct detect_role role = role_of(r);

    return r->critical || detect_role_is_critical(&role);
}

/** habits_configure() - @c is in force; with @settings for a new struct detect, NULL for s->detect
 */
void habits_configure(struct sentinel *s, const struct config *c,
                      const struct detect_settings *settings)
{
    struct detect_role *roles = mem_zero((c->policy.n_roles + 1) * sizeof(*roles));
    const struct detect_config detect = {
        .roles = roles,
        .n_roles = c->policy.n_roles,
        .overrides = c->detect_overrides,
        .n_overrides = c->n_detect_overrides,
        .health_check_sources = c->health_check_sources,
        .n_health_check_sources = c->n_health_check_sources,
    };

    for (size_t i = 0; i < detect.n_roles; i++)
        roles[i] = role_of(&c->policy.roles[i]);
    if (settings != NULL)
        s->detect = detect_new(settings, &detect);
    else
        detect_configure(s->detect, &detect);
    free(roles);
}
