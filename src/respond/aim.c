/* SPDX-License-Identifier: Apache-2.0 */
/*
 * respond/aim.c - whom an automatic action is aimed at: the incident's subject, or something of it
 *
 * MQ.RS.RP-03
 */
#include "respond/private.h"

#include "base/text.h"

/* Sets the target, which is owned by @a.  Return: false when there is nothing that it could be
 * aimed at. */
typedef bool aim_fn(const struct respond *r, const struct incident *i,
                    const struct respond_step *step, struct action *a);

static bool aim_at(struct action *a, enum respond_target kind, struct bytes target)
{
    a->target_kind = kind;
    a->target = bytes_dup_str(target);
    return target.len > 0;
}

/* The fleet is all that the node has: it is told of, and acted upon by what is meant for it. */
static bool aim_at_subject(const struct respond *r, const struct incident *i,
                           const struct respond_step *step, struct action *a)
{
    (void)r;
    (void)step;
    if (i->subject_kind == SUBJECT_FLEET)
        return aim_at(a, TARGET_NODE, bytes_str(respond_target_text(TARGET_NODE))) &&
               a->kind <= ACTION_ALERT;
    return aim_at(a, (enum respond_target)i->subject_kind, bytes_str(i->subject));
}

static bool aim_at_address(const struct respond *r, const struct incident *i,
                           const struct respond_step *step, struct action *a)
{
    (void)step;
    return aim_at(a, TARGET_ADDRESS, bytes_str(i->address)) &&
           (a->kind != ACTION_FIREWALL || r->settings.has_firewall);
}

static bool aim_at_node(const struct respond *r, const struct incident *i,
                        const struct respond_step *step, struct action *a)
{
    (void)r;
    (void)i;
    (void)step;
    return aim_at(a, TARGET_NODE, bytes_str(respond_target_text(TARGET_NODE)));
}

/* A client alone, where it comes from: others behind the address, and itself elsewhere, are not. */
static bool aim_at_pair(const struct incident *i, struct action *a)
{
    if (i->address[0] == '\0')
        return false;
    a->address = text_dup(i->address);
    return aim_at(a, TARGET_CLIENT_ADDRESS, bytes_str(i->client_id));
}

/* What the whole fleet does has no address: all are delayed. */
static bool aim_delay(const struct respond *r, const struct incident *i,
                      const struct respond_step *step, struct action *a)
{
    if (step->whom == TARGET_CLIENT_ADDRESS)
        return aim_at_pair(i, a);
    if (step->whom == TARGET_STRANGERS)
        return aim_at(a, TARGET_STRANGERS, bytes_str(respond_target_text(TARGET_STRANGERS)));
    if (i->subject_kind != SUBJECT_FLEET)
        return aim_at_address(r, i, step, a);
    a->amount = 0;
    return aim_at_node(r, i, step, a);
}

/* By its name alone, its next owner would have it too. */
static bool aim_restraint(const struct respond *r, const struct incident *i,
                          const struct respond_step *step, struct action *a)
{
    return i->subject_kind == SUBJECT_CLIENT ? aim_at_pair(i, a) : aim_at_subject(r, i, step, a);
}

static bool aim_at_filter(const struct respond *r, const struct incident *i,
                          const struct respond_step *step, struct action *a)
{
    (void)r;
    (void)i;
    return aim_at(a, TARGET_TOPIC, step->filter);
}

/* A client together with its address: nobody can lock out another by using its name. */
static bool aim_ban(const struct respond *r, const struct incident *i,
                    const struct respond_step *step, struct action *a)
{
    if (i->subject_kind == SUBJECT_ADDRESS) {
        a->ban_kind = RESPOND_BAN_ADDRESS;
        return aim_at_subject(r, i, step, a);
    }
    a->ban_kind = RESPOND_BAN_CLIENT_ADDRESS;
    return aim_at_pair(i, a);
}

/* Of a client that has proved who it is: another one may have used the name. */
static bool aim_at_user(const struct respond *r, const struct incident *i,
                        const struct respond_step *step, struct action *a)
{
    (void)r;
    (void)step;
    a->ban_kind = RESPOND_BAN_USER;
    return aim_at(a, TARGET_USER, bytes_str(i->user_name)) && i->subject_kind == SUBJECT_CLIENT;
}

static bool aim_at_certificate(const struct respond *r, const struct incident *i,
                               const struct respond_step *step, struct action *a)
{
    char *serial = i->subject_kind == SUBJECT_CLIENT
                       ? r->hands.certificate_of(r->hands.arg, i->client_id)
                       : NULL;
    bool is_known = aim_at(a, TARGET_CERTIFICATE, bytes_str(serial));

    (void)step;
    a->ban_kind = RESPOND_BAN_CERTIFICATE;
    free(serial);
    return is_known;
}

/* clang-format off */
static aim_fn *const aims[ACTION_KIND_N] = {
    [ACTION_RECORD]             = aim_at_subject,
    [ACTION_ALERT]              = aim_at_subject,
    [ACTION_DELAY]              = aim_delay,
    [ACTION_THROTTLE]           = aim_restraint,
    [ACTION_HOLD]               = aim_restraint,
    [ACTION_DISCONNECT]         = aim_at_subject,
    [ACTION_BAN]                = aim_ban,
    [ACTION_QUARANTINE]         = aim_at_filter,
    [ACTION_FIREWALL]           = aim_at_address,
    [ACTION_REVOKE_CERTIFICATE] = aim_at_certificate,
    [ACTION_REVOKE_USER]        = aim_at_user,
    [ACTION_POSTURE]            = aim_at_node,
    [ACTION_SHUTDOWN]           = aim_at_node,
};
/* clang-format on */

/**
 * action_aim() - the target of @a, whose kind is set
 * @step:  of the playbook
 *
 * Return: false when there is nothing that it could be aimed at; @a owns what is set all the same.
 */
bool action_aim(const struct respond *r, const struct incident *i, const struct respond_step *step,
                struct action *a)
{
    return aims[a->kind](r, i, step, a);
}
