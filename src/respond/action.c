/* SPDX-License-Identifier: Apache-2.0 */
/*
 * respond/action.c - the table of actions: what each is aimed at, what does it, what undoes it
 *
 * Who orders one, a finding (act.c) or a person (order.c), is not asked here.
 *
 * MQ.RS.RP-01 to MQ.RS.RP-06
 */
#include <stdlib.h>

#include "base/mem.h"
#include "base/text.h"
#include "respond/private.h"

#define DELAY_MS_MAX   60000
#define FIREWALL_S_MAX 604800

/* Is there what the kind needs besides its target? */
typedef bool sound_fn(const struct action *a);
/* Return: RESPOND_OK, or why not; @ret_why: more on it, owned by the caller, or untouched. */
typedef enum respond_answer perform_fn(struct respond *r, struct action *a, struct respond_now now,
                                       char **ret_why);
/* Return: false when the node cannot, so that it is in force still; @ret_why: why, owned by the
 * caller, otherwise untouched. */
typedef bool undo_fn(struct respond *r, const struct action *a, const char *author,
                     struct respond_now now, char **ret_why);

/* ---- measures ---- */

/** action_measure() - the measure that @a makes; borrows from it */
struct respond_measure action_measure(const struct action *a)
{
    return (struct respond_measure){
        .kind = a->kind,
        .target_kind = a->target_kind,
        .target = a->target,
        .address = a->address,
        .directions = a->directions,
        .amount = a->amount,
        .expires_unix_ms = a->expires_unix_ms,
        .reason = a->reason,
        .author = a->author,
        .incident = a->incident,
    };
}

static enum respond_answer take_measure(struct respond *r, struct action *a, struct respond_now now,
                                        char **ret_why)
{
    struct respond_measure m;

    a->expires_unix_ms = a->for_ms > 0 ? now.unix_ms + a->for_ms : 0;
    m = action_measure(a);
    return respond_measure_put(r, &m, now, ret_why);
}

static bool lift_measure(struct respond *r, const struct action *a, const char *author,
                         struct respond_now now, char **ret_why)
{
    struct respond_measure at = action_measure(a);
    char *why = NULL;

    (void)respond_measures_lift(r, &at, author, now, &why);
    if (why != NULL)
        *ret_why = why;
    return why == NULL;
}

static bool delay_is_sound(const struct action *a)
{
    return a->target_kind == TARGET_NODE ? a->amount == 0
                                         : a->amount > 0 && a->amount <= DELAY_MS_MAX;
}

static bool throttle_is_sound(const struct action *a)
{
    return a->amount > 0;
}

static bool quarantine_is_sound(const struct action *a)
{
    return a->directions != 0;
}

/* Its elements time out: there is none without an end. */
static bool firewall_is_sound(const struct action *a)
{
    return a->for_ms > 0 && a->for_ms <= FIREWALL_S_MAX * 1000ULL;
}

static bool posture_is_sound(const struct action *a)
{
    return a->amount > POSTURE_NORMAL && a->amount < POSTURE_N;
}

/* ---- the others ---- */

static enum respond_answer disconnect(struct respond *r, struct action *a, struct respond_now now,
                                      char **ret_why)
{
    (void)now;
    if (r->hands.disconnect(r->hands.arg, a->target_kind, a->target, a->address, a->reason) > 0)
        return RESPOND_OK;
    *ret_why = bytes_dup_str(BYTES("nobody was connected"));
    return RESPOND_E_NOT_FOUND;
}

/** action_ban() - the ban that ACTION_BAN makes; borrows from @a */
struct respond_ban action_ban(const struct action *a)
{
    return (struct respond_ban){
        .kind = a->ban_kind,
        .subject = a->target,
        .address = a->ban_kind == RESPOND_BAN_CLIENT_ADDRESS ? a->address : NULL,
        .expires_unix_ms = a->expires_unix_ms,
        .reason = a->reason,
        .author = a->author,
        .incident = a->incident,
    };
}

static enum respond_answer ban(struct respond *r, struct action *a, struct respond_now now,
                               char **ret_why)
{
    struct respond_ban b;

    a->expires_unix_ms = a->for_ms > 0 ? now.unix_ms + a->for_ms : 0;
    b = action_ban(a);
    return respond_ban_put(r, &b, now, ret_why);
}

static bool unban(struct respond *r, const struct action *a, const char *author,
                  struct respond_now now, char **ret_why)
{
    struct respond_ban b = action_ban(a);
    struct ban_entry *e = bans_find(&r->bans, &b);

    (void)author;
    (void)now;
    (void)ret_why;
    if (e != NULL)
        respond_ban_lift(r, e);
    return true;
}

/* Kept out of this node at once, whatever becomes of the list that all who trust the CA read. */
static enum respond_answer revoke_certificate(struct respond *r, struct action *a,
                                              struct respond_now now, char **ret_why)
{
    enum respond_answer answer = ban(r, a, now, ret_why);
    char *why;

    if (answer != RESPOND_OK)
        return answer;
    why = r->hands.revoke(r->hands.arg, a->target);
    if (why == NULL)
        return RESPOND_OK;
    free(*ret_why);
    *ret_why = text_format("not on the CA's list: %s; kept out of this node by a ban, which "
                           "'bastide respond undo ban certificate %s' lifts",
                           why, a->target);
    free(why);
    return RESPOND_E_CONFLICT;
}

static enum respond_answer shut_down(struct respond *r, struct action *a, struct respond_now now,
                                     char **ret_why)
{
    (void)now;
    (void)ret_why;
    r->hands.shutdown(r->hands.arg, a->author, a->reason);
    return RESPOND_OK;
}

static bool lasts_for_good(const struct action *a)
{
    return a->for_ms == 0;
}

#define AT(name) BIT(TARGET_##name)
#define SOMEBODY                                                                                   \
    (AT(ADDRESS) | AT(CLIENT) | AT(USER) | AT(CLIENT_ADDRESS) | AT(CERTIFICATE) | AT(ISSUER))

/* clang-format off */
static const struct action_row {
    unsigned targets; /* BIT(enum respond_target) that the kind can be aimed at */
    sound_fn *is_sound;  /* NULL: it needs nothing more */
    perform_fn *perform; /* NULL: nothing to do on the node */
    undo_fn *undo;       /* NULL: cannot be undone */
    bool for_people;     /* a finding proposes it, and a person approves */
} rows[ACTION_KIND_N] = {
    [ACTION_RECORD]             = {0, NULL, NULL, NULL, false},
    [ACTION_ALERT]              = {0, NULL, NULL, NULL, false},
    [ACTION_DELAY]              = {AT(ADDRESS) | AT(CLIENT_ADDRESS) | AT(STRANGERS) | AT(NODE), delay_is_sound, take_measure, lift_measure, false},
    [ACTION_THROTTLE]           = {SOMEBODY, throttle_is_sound, take_measure, lift_measure, false},
    [ACTION_HOLD]               = {SOMEBODY | AT(TOPIC), NULL, take_measure, lift_measure, false},
    [ACTION_DISCONNECT]         = {SOMEBODY | AT(TOPIC) | AT(LISTENER) | AT(CONN), NULL, disconnect, NULL, false},
    [ACTION_BAN]                = {SOMEBODY, NULL, ban, unban, false},
    [ACTION_QUARANTINE]         = {AT(TOPIC) | AT(LISTENER) | AT(CONDUIT), quarantine_is_sound, take_measure, lift_measure, false},
    [ACTION_FIREWALL]           = {AT(ADDRESS), firewall_is_sound, take_measure, lift_measure, false},
    [ACTION_REVOKE_CERTIFICATE] = {AT(CERTIFICATE), lasts_for_good, revoke_certificate, NULL, true},
    [ACTION_REVOKE_USER]        = {AT(USER), lasts_for_good, ban, unban, true},
    [ACTION_POSTURE]            = {AT(NODE), posture_is_sound, take_measure, lift_measure, false},
    [ACTION_SHUTDOWN]           = {AT(NODE), NULL, shut_down, NULL, true},
};
/* clang-format on */

/** action_is_for_people() - is it too final to be done by a finding alone? */
bool action_is_for_people(enum action_kind kind)
{
    return rows[kind].for_people;
}

/** action_is_ban() - is what it does a ban? */
bool action_is_ban(enum action_kind kind)
{
    return kind == ACTION_BAN || kind == ACTION_REVOKE_CERTIFICATE || kind == ACTION_REVOKE_USER;
}

/** action_can_be_undone() - has it an inverse? */
bool action_can_be_undone(enum action_kind kind)
{
    return rows[kind].undo != NULL;
}

/** action_is_sound() - can there be such an action? */
bool action_is_sound(const struct action *a)
{
    const struct action_row *row = &rows[a->kind];

    return (row->targets & BIT(a->target_kind)) && (row->is_sound == NULL || row->is_sound(a));
}

/** respond_ordered_wrong_why() - see order.h */
const char *respond_ordered_wrong_why(const char *text)
{
    enum action_kind kind;

    return action_kind_parse(text, &kind) && rows[kind].targets != 0
               ? NULL
               : "is no action that people order: 'bastide respond actions' lists them";
}

/** respond_action_targets() - see order.h */
unsigned respond_action_targets(enum action_kind kind)
{
    return rows[kind].targets;
}

/** action_perform() - do it on the node; @ret_why as in respond_order_run() */
enum respond_answer action_perform(struct respond *r, struct action *a, struct respond_now now,
                                   char **ret_why)
{
    return rows[a->kind].perform(r, a, now, ret_why);
}

/** action_undo() - its inverse, if it has one; Return: false with @ret_why, owned by the caller,
 * when it is in force still */
bool action_undo(struct respond *r, const struct action *a, const char *author,
                 struct respond_now now, char **ret_why)
{
    return rows[a->kind].undo == NULL || rows[a->kind].undo(r, a, author, now, ret_why);
}
