/* SPDX-License-Identifier: Apache-2.0 */
/*
 * node/config_plays.c - can what the configuration plays be done?
 *
 * The first play that fits counts: one that asks for what cannot be had is done in
 * place of the node's own and does nothing, and one that never fits is not what its
 * author believes.  Both would be noticed in an emergency only.
 *
 * MQ.RS.RP-03
 */
#include "node/config_keys.h"
#include "respond/respond.h"

/* ---- what it is for ---- */

/* Is the @i-th detector meant? */
static bool is_of(const struct respond_play *p, size_t i)
{
    return p->detector == NULL || strcmp(p->detector, detect_detector(i)->name) == 0;
}

static bool has_subject(const struct respond_play *p, enum subject_kind k)
{
    for (size_t i = 0; i < detect_detectors(); i++) {
        if (is_of(p, i) && detect_acts_on(i, k))
            return true;
    }
    return false;
}

/* Low findings of five detectors are medium. */
static bool may_be(enum severity has, enum severity wanted)
{
    return has == wanted || (has == SEVERITY_LOW && wanted == SEVERITY_MEDIUM);
}

static bool has_severity(const struct respond_play *p, enum severity severity)
{
    const struct detect_rule *r;

    for (size_t rule = 0; (r = detect_rule(rule)) != NULL; rule++) {
        for (size_t i = 0; i < detect_detectors(); i++) {
            if (is_of(p, i) && strcmp(r->detector, detect_detector(i)->id) == 0 &&
                may_be(r->severity, severity))
                return true;
        }
    }
    return false;
}

static const char *kind_text(const struct respond_play *p)
{
    return p->detector != NULL ? p->detector : "any detector";
}

static const char *subject_text(int subject)
{
    for (const struct config_choice *c = config_subjects; c->text != NULL; c++) {
        if (c->value == subject)
            return c->text;
    }
    return "";
}

/* What is not there, or is no choice and told already, says nothing. */
static bool says(struct conf_value play, const char *key, const char *text)
{
    const char *said = conf_text(conf_get(play, key));

    return said != NULL && strcmp(said, text) == 0;
}

static void add_name(struct buf *to, const char *name)
{
    buf_addf(to, "%s%s", to->len > 0 ? ", " : "", name);
}

static void check_subject(struct config_loader *l, const struct respond_play *p,
                          struct conf_value v)
{
    CLEANUP(buf_done) struct buf good = {0};

    for (enum subject_kind k = 0; k < SUBJECT_KIND_N; k++) {
        if (has_subject(p, k))
            add_name(&good, subject_text((int)k));
    }
    if (good.len == 0)
        config_fail_key(l, v, "kind",
                        "nothing is ever done about %s but to tell it; leave the play out",
                        kind_text(p));
    else if (says(v, "subject", subject_text(p->subject)) && p->subject != SUBJECT_KIND_N &&
             !has_subject(p, (enum subject_kind)p->subject))
        config_fail_key(l, v, "subject",
                        "nothing of that kind that %s finds is acted upon; it can be: %.*s",
                        kind_text(p), BYTES_ARG(buf_view(&good)));
}

static void check_severity(struct config_loader *l, const struct respond_play *p,
                           struct conf_value v)
{
    CLEANUP(buf_done) struct buf good = {0};
    enum severity severity = (enum severity)p->severity;

    if (!says(v, "severity", severity_text(severity)) || has_severity(p, severity))
        return;
    for (enum severity s = 0; s < SEVERITY_N; s++) {
        if (has_severity(p, s))
            add_name(&good, severity_text(s));
    }
    config_fail_key(l, v, "severity", "%s finds nothing of that severity; it can be: %.*s",
                    kind_text(p), BYTES_ARG(buf_view(&good)));
}

/* ---- what it does ---- */

static void check_step(struct config_loader *l, const char *text, struct conf_value v)
{
    const struct config *c = l->config;
    struct respond_step s;

    if (text == NULL || respond_step_parse(text, &s) != NULL)
        return; /* told already */
    if (s.kind == ACTION_FIREWALL && c->ward_socket == NULL)
        config_fail(l, v,
                    "nobody keeps the firewall; add respond.ward, the socket of bastide-ward, or "
                    "leave the step out");
    if (s.kind == ACTION_POSTURE && !config_posture_is_prepared(&c->postures[s.amount]))
        config_fail(l, v,
                    "nothing is other in that posture; say below postures.%s what is, or leave the "
                    "step out",
                    respond_posture_text((enum respond_posture)s.amount));
}

static void check_steps(struct config_loader *l, const struct respond_play *p, struct conf_value v)
{
    size_t len = config_enter(l, "steps");

    for (size_t i = 0; i < p->n_steps; i++) {
        size_t item_len = config_enter_item(l, i);

        check_step(l, p->steps[i], conf_item(conf_get(v, "steps"), i));
        config_leave(l, item_len);
    }
    config_leave(l, len);
}

/* ---- will it be? ---- */

static enum detect_mode mode_of(const struct config *c, const struct detector_info *d,
                                const char *role)
{
    enum detect_mode mode = d->mode;

    for (size_t i = 0; i < c->n_detect_overrides; i++) {
        const struct detect_override *o = &c->detect_overrides[i];

        if (o->detector != NULL && strcmp(o->detector, d->name) == 0 &&
            o->mode != DETECT_MODE_DEFAULT &&
            (o->role == NULL || (role != NULL && strcmp(o->role, role) == 0)))
            mode = o->mode;
    }
    return mode;
}

/* Of the play's role; without one, of any. */
static bool is_enforced(const struct config *c, const struct respond_play *p,
                        const struct detector_info *d)
{
    if (mode_of(c, d, p->role) == DETECT_MODE_ENFORCE)
        return true;
    for (size_t i = 0; i < c->policy.n_roles && p->role == NULL; i++) {
        if (mode_of(c, d, c->policy.roles[i].name) == DETECT_MODE_ENFORCE)
            return true;
    }
    return false;
}

/* Detectors that learn observe at first, and a play for one of them is right once they enforce. */
static void check_mode(struct config_loader *l, const struct respond_play *p, struct conf_value v)
{
    const struct config *c = l->config;

    for (size_t i = 0; i < detect_detectors(); i++) {
        const struct detector_info *d = detect_detector(i);

        if (p->detector != NULL && is_of(p, i) && p->n_steps > 0 && !is_enforced(c, p, d))
            config_warn_key(l, v, "kind",
                            "nothing of this play is done while %s is in mode %s; add {detector: "
                            "%s, mode: enforce} to detect.detectors",
                            d->name, detect_mode_text(mode_of(c, d, p->role)), d->name);
    }
}

static bool is_critical(const struct config *c, const char *name)
{
    for (size_t i = 0; i < c->policy.n_roles; i++) {
        const struct role_spec *r = &c->policy.roles[i];

        if (strcmp(r->name, name) == 0)
            return r->critical ||
                   detect_role_is_critical(&(struct detect_role){.name = r->name, .kind = r->kind});
    }
    return false;
}

static bool holds(const struct respond_play *p)
{
    struct respond_step s;

    for (size_t i = 0; i < p->n_steps; i++) {
        if (p->steps[i] != NULL && respond_step_parse(p->steps[i], &s) == NULL &&
            s.kind == ACTION_HOLD)
            return true;
    }
    return false;
}

static void check_critical(struct config_loader *l, const struct respond_play *p,
                           struct conf_value v)
{
    if (p->role != NULL && p->n_steps > 0 && !holds(p) && is_critical(l->config, p->role))
        config_warn_key(l, v, "role",
                        "nothing of this play is done: %s is a critical role, to whose clients "
                        "nothing but hold is ever done",
                        p->role);
}

/** config_check_play() - there is an incident that it fits, and each action stands there once */
void config_check_play(struct config_loader *l, const void *object, struct conf_value v)
{
    const struct respond_play *p = object;
    const char *why = respond_steps_wrong_why(p->steps, p->n_steps);

    if (why != NULL)
        config_fail_key(l, v, "steps", "%s", why);
    check_subject(l, p, v);
    check_severity(l, p, v);
}

/** config_check_plays() - the rest of the configuration has what they need; l->path: "respond" */
void config_check_plays(struct config_loader *l, struct conf_value list)
{
    const struct config *c = l->config;
    size_t len = config_enter(l, "playbooks");

    for (size_t i = 0; i < c->n_plays; i++) {
        const struct respond_play *p = &c->plays[i];
        size_t item_len = config_enter_item(l, i);
        struct conf_value v = conf_item(list, i);

        config_check_role(l, v, "role", p->role);
        check_steps(l, p, v);
        check_mode(l, p, v);
        check_critical(l, p, v);
        config_leave(l, item_len);
    }
    config_leave(l, len);
}

/** config_posture_is_prepared() - see config.h */
bool config_posture_is_prepared(const struct config_posture *p)
{
    const struct limits none = {0};

    return p->n_closed_listeners > 0 || memcmp(&p->limits, &none, sizeof(none)) != 0;
}
