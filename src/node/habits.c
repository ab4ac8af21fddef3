/* SPDX-License-Identifier: Apache-2.0 */
/*
 * node/habits.c - what the detectors get from the configuration, and what they keep over a restart
 *
 * On the sentinel's thread.
 */
#include <stdlib.h>

#include "base/log.h"
#include "base/mem.h"
#include "node/node_private.h"
#include "node/sentinel.h"

#define HABIT_ROWS_MAX     20000 /* at once */
#define FORGOTTEN_AFTER_MS (90ULL * 86400000)

static struct detect_role role_of(const struct role_spec *r)
{
    return (struct detect_role){
        .name = r->name,
        .kind = r->kind,
        .may_command = r->may_command,
        .has_commands = r->n_command_topics > 0,
        .critical = r->critical,
        .scan_factor = r->scan_factor,
    };
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
        .connections_max = c->policy.limits.connections_max,
        .startup_grace_s = c->startup_grace_s,
    };

    for (size_t i = 0; i < detect.n_roles; i++)
        roles[i] = role_of(&c->policy.roles[i]);
    if (settings != NULL)
        s->detect = detect_new(settings, &detect);
    else
        detect_configure(s->detect, &detect);
    free(roles);
}

/* ---- over a restart ---- */

static void keep_habit(void *arg, const char *key, const char *doc)
{
    const struct sentinel *s = arg;

    control_put(s->node->control, CONTROL_HABIT, key, s->now_unix_ms, doc);
}

/** habits_save() - what has been learned since the last time; Return: false: there is more. */
bool habits_save(struct sentinel *s)
{
    return detect_habits_each(s->detect, HABIT_ROWS_MAX, keep_habit, s) < HABIT_ROWS_MAX;
}

/** habits_forget() - all that is known of the client is void, on disk as well */
void habits_forget(struct sentinel *s, const char *client_id)
{
    char *key = detect_habit_key(bytes_str(client_id));

    detect_client_forget(s->detect, bytes_str(client_id));
    control_delete(s->node->control, CONTROL_HABIT, key);
    free(key);
}

struct reading {
    struct sentinel *s;
    size_t n;
    size_t n_other; /* of another program's layout */
};

static void take_habit(void *arg, const char *key, uint64_t at_unix_ms, const char *doc)
{
    struct reading *r = arg;

    if (at_unix_ms + FORGOTTEN_AFTER_MS < r->s->now_unix_ms)
        control_delete(r->s->node->control, CONTROL_HABIT, key);
    else if (detect_habit_take(r->s->detect, key, doc, r->s->now_ns))
        r->n++;
    else
        r->n_other++;
}

/** habits_load() - what earlier runs have learned; those not seen for 90 days are forgotten */
void habits_load(struct sentinel *s)
{
    struct reading r = {.s = s};
    char *error = NULL;

    if (!control_each(s->node->control, CONTROL_HABIT, 0, take_habit, &r, &error))
        log_error("detect", "what was learned could not all be read: %s", error);
    free(error);
    if (r.n_other > 0)
        log_info("detect", "%zu of %zu habits are of another version and are learned anew",
                 r.n_other, r.n + r.n_other);
}

/* ---- what the inventory says ---- */

static void tell_inspection(void *arg, const char *name, uint32_t days_overdue)
{
    struct sentinel *s = arg;
    const struct event e = {
        .kind = EVENT_INSPECTION_OVERDUE,
        .value = days_overdue,
        .at_ns = s->now_ns,
        .client_id = bytes_str(name),
    };

    detect_event(s->detect, &e, sentinel_found, s);
}

/** habits_inspect() - tell the detectors which inspections are overdue, and which are not;
 * MQ.DE.PM-02
 */
void habits_inspect(struct sentinel *s)
{
    identify_inspections_each(s->identify, s->now_unix_ms, tell_inspection, s);
}

static void tell_lifecycle(void *arg, const char *client_id, uint64_t conn, unsigned flags,
                           const char *state)
{
    struct sentinel *s = arg;
    const struct event e = {
        .kind = EVENT_LIFECYCLE,
        .value = flags,
        .conn = conn,
        .at_ns = s->now_ns,
        .client_id = bytes_str(client_id),
        .text = bytes_str(state),
    };

    detect_event(s->detect, &e, sentinel_found, s);
}

/** habits_lifecycles() - tell the detectors which devices may be silent, and which must be gone;
 * MQ.ID.AM-04
 */
void habits_lifecycles(struct sentinel *s)
{
    identify_lifecycles_each(s->identify, tell_lifecycle, s);
}

/** habits_lifecycle_of() - as habits_lifecycles(), of who has just been let in */
void habits_lifecycle_of(struct sentinel *s, uint64_t conn)
{
    identify_lifecycle_of(s->identify, conn, tell_lifecycle, s);
}
