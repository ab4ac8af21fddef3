/* SPDX-License-Identifier: Apache-2.0 */
/*
 * node/probes_contained.c - evidence: were devices looked at before they were trusted again?
 *
 * The audit is read from its begin: which device was kept out, by a ban of its client id or of its
 * user; when somebody said that it was inspected; and when it was let in again, by a person or
 * because its time was over.  A device is one that the inventory declares, so that neither
 * strangers nor drills count.
 *
 * MQ.RC.RP-06
 */
#include <stdlib.h>

#include "base/map.h"
#include "base/mem.h"
#include "base/text.h"
#include "node/probes.h"
#include "store/audit.h"

#define MS_PER_DAY  86400000ULL
#define WINDOW_DAYS 365
#define AGAIN_DAYS  30
#define DONE        "done"

struct device {
    char *name;               /* owned; of its record; key */
    uint64_t contained;       /* unix ms, as the others; 0: it is not */
    uint64_t checked;         /* since then; 0: not */
    uint64_t released;        /* the last time; 0: never */
    char *cause;              /* owned; who kept it out the last time */
    bool counts_as_contained; /* and within the window */
};

/* What the audit calls a device. */
struct alias {
    char *object; /* owned; "client m-1", "user meter-1"; key */
    struct device *device;
};

struct look {
    uint64_t since_unix_ms;
    struct map devices;
    struct map aliases;
    double *delay_days; /* owned; of each check */
    size_t n_checks;
    size_t n_released;
    size_t n_released_checked;
    size_t n_again;
};

/* ---- which devices there are ---- */

static struct bytes device_key(const void *item)
{
    return bytes_str(((const struct device *)item)->name);
}

static struct bytes alias_key(const void *item)
{
    return bytes_str(((const struct alias *)item)->object);
}

static void add_alias(struct look *l, struct device *d, const char *kind, const char *name)
{
    struct alias *a = mem_new(struct alias);

    a->object = text_format("%s %s", kind, name);
    a->device = d;
    a = map_put(&l->aliases, a); /* one that several devices share is the last one's */
    if (a != NULL)
        free(a->object);
    free(a);
}

static void add_device(void *arg, const char *name, const char *client_id, const char *principal)
{
    struct look *l = arg;
    struct device *d = map_find(&l->devices, bytes_str(name));

    if (d == NULL) {
        d = mem_new(struct device);
        d->name = text_dup(name);
        map_put(&l->devices, d);
    }
    add_alias(l, d, "client", client_id);
    add_alias(l, d, "client-address", client_id);
    if (principal[0] != '\0')
        add_alias(l, d, "user", principal);
}

static void devices_here(struct sentinel *s, void *arg)
{
    identify_devices_each(s->identify, add_device, arg);
}

static void look_done(struct look *l)
{
    size_t cursor = 0;
    struct device *d;
    struct alias *a;

    while ((d = map_next(&l->devices, &cursor)) != NULL) {
        free(d->name);
        free(d->cause);
        free(d);
    }
    cursor = 0;
    while ((a = map_next(&l->aliases, &cursor)) != NULL) {
        free(a->object);
        free(a);
    }
    map_done(&l->devices);
    map_done(&l->aliases);
    free(l->delay_days);
}

/* ---- what the audit says of them ---- */

static void contain(struct look *l, struct device *d, const struct audit_entry *e)
{
    bool is_same = d->cause != NULL && strcmp(d->cause, e->actor) == 0;

    if (d->contained != 0)
        return;
    l->n_again += is_same && d->released >= l->since_unix_ms &&
                  d->released + AGAIN_DAYS * MS_PER_DAY >= e->at_unix_ms && d->released != 0;
    d->contained = e->at_unix_ms;
    d->checked = 0;
    d->counts_as_contained = e->at_unix_ms >= l->since_unix_ms;
    free(d->cause);
    d->cause = text_dup(e->actor);
}

static void check_device(struct look *l, struct device *d, const struct audit_entry *e)
{
    if (d->contained == 0 || d->checked != 0)
        return;
    d->checked = e->at_unix_ms;
    if (!d->counts_as_contained)
        return;
    l->delay_days = mem_resize(l->delay_days, (l->n_checks + 1) * sizeof(double));
    l->delay_days[l->n_checks++] = (double)(d->checked - d->contained) / (double)MS_PER_DAY;
}

static void release(struct look *l, struct device *d, const struct audit_entry *e)
{
    if (d->contained == 0)
        return;
    d->contained = 0;
    d->released = e->at_unix_ms;
    if (e->at_unix_ms < l->since_unix_ms)
        return;
    l->n_released++;
    l->n_released_checked += d->checked != 0;
}

/* clang-format off */
/* What an entry of the audit means for the device that is its object. */
static const struct meaning {
    const char *action;
    const char *result; /* begins so */
    void (*take)(struct look *l, struct device *d, const struct audit_entry *e);
} meanings[] = {
    {"ban",                 DONE,     contain},
    {"approve ban",         DONE,     contain},
    {"revoke-user",         DONE,     contain},
    {"approve revoke-user", DONE,     contain},
    {"ban",                 "undone", release},
    {"revoke-user",         "undone", release},
    {"unban",               DONE,     release},
    {"undo ban",            DONE,     release},
    {"undo revoke-user",    DONE,     release},
    {NODE_AUDIT_INSPECT,    "",       check_device},
};
/* clang-format on */

static struct device *device_of(const struct look *l, const struct audit_entry *e)
{
    const struct alias *a = map_find(&l->aliases, bytes_str(e->object));

    if (strcmp(e->action, NODE_AUDIT_INSPECT) == 0)
        return map_find(&l->devices, bytes_str(e->object));
    return a != NULL ? a->device : NULL;
}

static void take_row(void *arg, const struct audit_row *r)
{
    struct look *l = arg;
    struct device *d = device_of(l, &r->entry);

    for (size_t i = 0; d != NULL && i < COUNT_OF(meanings); i++) {
        if (strcmp(r->entry.action, meanings[i].action) == 0 &&
            bytes_has_prefix(bytes_str(r->entry.result), bytes_str(meanings[i].result)))
            meanings[i].take(l, d, &r->entry);
    }
}

/* ---- what comes of it ---- */

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a;
    double y = *(const double *)b;

    return (x > y) - (x < y);
}

static void give(const struct look *l, struct evidence_list *e)
{
    if (l->n_released > 0) {
        evidence_add(e, "MQ.RC.RP-06.t1", (double)l->n_released_checked / (double)l->n_released,
                     l->n_released, "365d",
                     "of %zu declared devices that were kept out and let in again, %zu were "
                     "inspected before",
                     l->n_released, l->n_released_checked);
        evidence_add(e, "MQ.RC.RP-06.t3", (double)l->n_again / (double)l->n_released, l->n_released,
                     "365d", "of %zu that were let in again, %zu were kept out again within %d d",
                     l->n_released, l->n_again, AGAIN_DAYS);
    }
    if (l->n_checks > 0) {
        qsort(l->delay_days, l->n_checks, sizeof(double), ascending);
        evidence_add(e, "MQ.RC.RP-06.t2", l->delay_days[(l->n_checks * 9 - 1) / 10], l->n_checks,
                     "365d", "90th percentile of %zu inspections of devices that were kept out",
                     l->n_checks);
    }
}

/** probe_contained() - devices that were kept out, inspected and let in again */
void probe_contained(struct node *n, struct evidence_list *e)
{
    struct look l = {.since_unix_ms = e->at_unix_ms - WINDOW_DAYS * MS_PER_DAY};
    char *error = NULL;

    map_init(&l.devices, device_key);
    map_init(&l.aliases, alias_key);
    sentinel_call(n->sentinel, devices_here, &l);
    if (l.devices.n > 0 && control_audit_each(n->control, 0, 0, take_row, &l, &error))
        give(&l, e);
    free(error);
    look_done(&l);
}
