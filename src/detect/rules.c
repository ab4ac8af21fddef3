/* SPDX-License-Identifier: Apache-2.0 */
/* detect/rules.c - see rules.h */
#include "detect/rules.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/text.h"

#define SECOND_NS 1000000000ULL

/** rule_info() - a row of the table; static */
const struct detect_rule *rule_info(enum rule r)
{
    static const struct detect_rule rows[RULE_N] = {
#define X(rule, detector, name, severity, limit, seconds, what)                                    \
    {detector, name, SEVERITY_##severity, limit, seconds, what},
        DETECT_RULES(X)
#undef X
    };

    check(r < RULE_N);
    return &rows[r];
}

/** rule_window_ns() - the time that a rule counts in */
uint64_t rule_window_ns(enum rule r)
{
    return rule_info(r)->window_s * SECOND_NS;
}

/** detect_rule() - the @i-th rule, for the manual; static; NULL after the last */
const struct detect_rule *detect_rule(size_t i)
{
    return i < RULE_N ? rule_info((enum rule)i) : NULL;
}

/** detect_rule_named() - Return: that of the detector with this name, static, or NULL. */
const struct detect_rule *detect_rule_named(const char *detector_id, const char *name)
{
    for (enum rule r = 0; r < RULE_N; r++) {
        if (strcmp(rule_info(r)->detector, detector_id) == 0 &&
            strcmp(rule_info(r)->name, name) == 0)
            return rule_info(r);
    }
    return NULL;
}

/* "as medium, and of another entropy": the rule that it goes by, and @ret_rest what it says more;
 * NULL: it says all. */
static const struct detect_rule *goes_by(const struct detect_rule *r, const char **ret_rest)
{
    char name[32] = {0};
    size_t len;

    if (strncmp(r->what, "as ", 3) != 0)
        return NULL;
    len = strcspn(r->what + 3, ",");
    memcpy(name, r->what + 3, MIN(len, sizeof(name) - 1));
    *ret_rest = r->what + 3 + len;
    return detect_rule_named(r->detector, name);
}

/** detect_rule_counts() - see detect.h */
char *detect_rule_counts(const struct detect_rule *r)
{
    const char *rest = "";
    const struct detect_rule *by = goes_by(r, &rest);
    char *of = by != NULL ? detect_rule_counts(by) : NULL;
    char *text;

    if (of == NULL)
        return text_format("%.*s", (int)strcspn(r->what, ";"), r->what);
    text = text_format("%s%.*s", of, (int)strcspn(rest, ";"), rest);
    free(of);
    return text;
}

/* ---- kinds of roles ---- */

/* clang-format off */
static const struct {
    const char *name;
    unsigned traits;
    const char *what;
} kinds[] = {
    {"device",   0, "one piece of equipment: speaks for itself"},
    {"gateway",  TRAIT_READS_ALL | TRAIT_FIXED | TRAIT_PEERS,
                    "stands for equipment behind it: many topics, announced all at once"},
    {"service",  TRAIT_SERVER | TRAIT_READS_ALL | TRAIT_FIXED | TRAIT_PEERS, "a program of the control centre"},
    {"monitor",  TRAIT_SERVER | TRAIT_READS_ALL, "watches and does not speak: historian, dashboard"},
    {"operator", TRAIT_SERVER | TRAIT_READS_ALL | TRAIT_COMMANDS, "a person who may command"},
    {"control",  TRAIT_SERVER | TRAIT_READS_ALL | TRAIT_COMMANDS | TRAIT_CRITICAL | TRAIT_FIXED | TRAIT_PEERS,
                    "the system that commands equipment; never acted against automatically"},
    {"actuator", TRAIT_CRITICAL | TRAIT_FIXED, "equipment that acts; never acted against automatically"},
    {"standby",  TRAIT_SERVER | TRAIT_READS_ALL | TRAIT_COMMANDS | TRAIT_FIXED | TRAIT_PEERS,
                    "takes over from another, and until then is silent"},
    {"ota",      TRAIT_SERVER | TRAIT_FIXED | TRAIT_BULK, "gives out firmware: large payloads, in waves"},
};

/* What a kind does so many times more than others do. */
static const struct {
    const char *kind;
    const char *detector;
    double factor;
} habits[] = {
    {"gateway", "D07", 20}, {"gateway", "D08", 20}, {"gateway", "D26", 20}, {"gateway", "D36", 20},
    {"monitor", "D07", 5},  {"monitor", "D08", 5},  {"monitor", "D36", 5},
    {"service", "D07", 5},  {"service", "D08", 5},  {"service", "D36", 5},  {"service", "D27", 5},
    {"gateway", "D27", 5},  {"control", "D27", 5}, {"gateway", "D28", 10},
};
/* clang-format on */

/** detect_role_kind() - Return: the @i-th kind of role, with @ret_what it is; NULL after the last.
 */
const char *detect_role_kind(size_t i, const char **ret_what)
{
    if (i >= COUNT_OF(kinds))
        return NULL;
    *ret_what = kinds[i].what;
    return kinds[i].name;
}

/* By its kind, else by its name; a site's own is a device. */
static size_t kind_of(const struct detect_role *r)
{
    for (size_t i = 0; i < COUNT_OF(kinds); i++) {
        if (strcmp(kinds[i].name, r->kind != NULL ? r->kind : r->name) == 0)
            return i;
    }
    return 0;
}

/** detect_role_is_critical() - is a role of this kind never acted against? */
bool detect_role_is_critical(const struct detect_role *r)
{
    return kinds[kind_of(r)].traits & TRAIT_CRITICAL;
}

/** detect_role_commands_all() - may it command whatever is a command topic, by its kind or because
 * it is told so, and is not held to certain ones? */
bool detect_role_commands_all(const struct detect_role *r)
{
    return ((kinds[kind_of(r)].traits & TRAIT_COMMANDS) || r->may_command) && !r->has_commands;
}

/** detect_role_factor() - how many times more than others a role of this kind does of what
 * @detector counts; 1 of what it is not known for */
double detect_role_factor(const struct detect_role *r, const char *detector)
{
    for (size_t i = 0; i < COUNT_OF(habits); i++) {
        if (strcmp(habits[i].kind, kinds[kind_of(r)].name) == 0 &&
            strcmp(habits[i].detector, detector) == 0)
            return habits[i].factor;
    }
    return 1;
}

/* ---- the book ---- */

static size_t detector_index(const char *name)
{
    for (size_t i = 0; i < detect_detectors(); i++) {
        if (strcmp(detect_detector(i)->name, name) == 0)
            return i;
    }
    return detect_detectors();
}

static void multiply(struct role_rules *r, const char *id, double by)
{
    for (enum rule rule = 0; rule < RULE_N; rule++) {
        if (strcmp(rule_info(rule)->detector, id) == 0)
            r->limit[rule] *= by;
    }
}

static void begin(struct role_rules *r, uint16_t index, const struct detect_role *of)
{
    size_t kind = kind_of(of);
    bool is_scanner = of->scan_factor > 1;

    snprintf(r->name, sizeof(r->name), "%s", of->name);
    r->index = index;
    r->traits = kinds[kind].traits | (of->may_command ? TRAIT_COMMANDS : 0) |
                (of->has_commands ? TRAIT_LISTED : 0) | (of->critical ? TRAIT_CRITICAL : 0);
    for (enum rule rule = 0; rule < RULE_N; rule++)
        r->limit[rule] = rule_info(rule)->limit;
    for (size_t i = 0; i < detect_detectors(); i++)
        r->mode[i] = (uint8_t)detect_detector(i)->mode;
    for (size_t i = 0; i < COUNT_OF(habits); i++) {
        bool is_scan =
            strcmp(habits[i].detector, "D07") == 0 || strcmp(habits[i].detector, "D08") == 0;

        if (strcmp(habits[i].kind, kinds[kind].name) == 0 && !(is_scanner && is_scan))
            multiply(r, habits[i].detector, habits[i].factor);
    }
    if (is_scanner) {
        multiply(r, "D07", of->scan_factor);
        multiply(r, "D08", of->scan_factor);
    }
}

static void override(struct role_rules *r, const struct detect_override *o)
{
    size_t detector = detector_index(o->detector);
    const char *id;

    if (detector == detect_detectors())
        return;
    id = detect_detector(detector)->id;
    if (o->mode != DETECT_MODE_DEFAULT)
        r->mode[detector] = (uint8_t)o->mode;
    for (enum rule rule = 0; rule < RULE_N; rule++) {
        const struct detect_rule *info = rule_info(rule);

        if (strcmp(info->detector, id) != 0 ||
            (o->rule != NULL && strcmp(o->rule, info->name) != 0))
            continue;
        if (o->limit > 0)
            r->limit[rule] = o->limit;
        if (o->factor > 0)
            r->limit[rule] *= o->factor;
    }
}

/**
 * rule_book_init() - the limits of all roles, as the configuration has them
 * @c:  not needed afterwards
 *
 * In order: the table, what is usual for the role's kind, then each override that is
 * for all roles or for this one, so that a later one wins.
 */
void rule_book_init(struct rule_book *b, const struct detect_config *c)
{
    const struct detect_role nobody = {.name = ""};

    b->n_roles = c->n_roles + 1;
    b->roles = mem_zero(b->n_roles * sizeof(*b->roles));
    for (size_t i = 0; i < b->n_roles; i++) {
        struct role_rules *r = &b->roles[i];

        begin(r, (uint16_t)i, i == 0 ? &nobody : &c->roles[i - 1]);
        for (size_t k = 0; k < c->n_overrides; k++) {
            const struct detect_override *o = &c->overrides[k];

            if (o->role == NULL || strcmp(o->role, r->name) == 0)
                override(r, o);
        }
    }
}

/** rule_book_done() - free it */
void rule_book_done(struct rule_book *b)
{
    free(b->roles);
    *b = (struct rule_book){0};
}

/** rule_book_find() - Return: the role's rules; of a role that is not known, those of none. */
const struct role_rules *rule_book_find(const struct rule_book *b, struct bytes role)
{
    for (size_t i = 1; i < b->n_roles; i++) {
        if (bytes_equal(bytes_str(b->roles[i].name), role))
            return &b->roles[i];
    }
    return &b->roles[0];
}

/** detect_override_wrong_why() - Return: NULL when @o names a detector and a rule that there are.
 */
const char *detect_override_wrong_why(const struct detect_override *o)
{
    size_t detector = detector_index(o->detector);

    if (detector == detect_detectors())
        return "is no detector; docs/reference/detectors.md lists them";
    if (o->rule == NULL && o->limit > 0)
        return "has a limit and no rule; docs/reference/detectors.md lists the rules of each";
    for (enum rule rule = 0; rule < RULE_N; rule++) {
        const struct detect_rule *info = rule_info(rule);

        if (o->rule == NULL || (strcmp(info->detector, detect_detector(detector)->id) == 0 &&
                                strcmp(info->name, o->rule) == 0))
            return NULL;
    }
    return "has no such rule; docs/reference/detectors.md lists the rules of each";
}
