/* SPDX-License-Identifier: Apache-2.0 */
/*
 * respond/guard.c - the safeguards before an automatic action
 *
 * In this order: critical subjects and those of never_act_on are never acted upon, but that the
 * commands of a critical one are held where a play says so, which cuts nothing off; observe mode,
 * the grace after the start and the kill switch let see what would have been done; what is too
 * final for a machine, what would cut off clients that work behind the address of an
 * attacker, and more clients than the blast radius wait for a human.  (detection, section 5)
 */
#include "base/hash.h"
#include "respond/private.h"

#define BLAST_S             600
#define BLAST_CLIENTS_MAX   20
#define BLAST_PERCENT_MAX   2
#define BLAST_CLIENTS_FLOOR 5 /* else a small site could never act */

const char guard_protected_why[] = "a critical client, an address it comes from, and who is in "
                                   "never_act_on are never acted upon";

/** guard_protects() - Return: whether the target of @a is critical. */
bool guard_protects(const struct respond *r, const struct incident *i, const struct action *a)
{
    const struct protected_set *of = r->protected;

    unsigned n_critical = 0;

    if (a->target_kind == TARGET_NODE || a->target_kind == TARGET_STRANGERS)
        return false;
    if (a->target_kind == TARGET_TOPIC) {
        (void)r->hands.clients_of_topic(r->hands.arg, a->target, &n_critical);
        return n_critical > 0;
    }
    if (spared_has(r, i, a))
        return true;
    if (a->kind == ACTION_HOLD) /* no play of the node's own has it */
        return false;
    if (a->target_kind == TARGET_ADDRESS)
        return protected_has(&of[SUBJECT_ADDRESS], bytes_str(a->target));
    if (r->settings.role_is_critical != NULL && i->role[0] != '\0' &&
        r->settings.role_is_critical(r->settings.role_is_critical_arg, bytes_str(i->role)))
        return true;
    return protected_has(&of[SUBJECT_CLIENT], bytes_str(i->client_id)) ||
           protected_has(&of[SUBJECT_USER], bytes_str(i->user_name));
}

/** guard_clients() - Return: how many clients @a would touch; what goes on with none cut is none.
 */
unsigned guard_clients(const struct respond *r, const struct action *a)
{
    unsigned n_critical;

    if (a->kind == ACTION_DELAY || a->target_kind == TARGET_NODE)
        return 0;
    if (a->target_kind == TARGET_TOPIC)
        return r->hands.clients_of_topic(r->hands.arg, a->target, &n_critical);
    return a->target_kind == TARGET_ADDRESS ? r->hands.clients_at_address(r->hands.arg, a->target)
                                            : 1;
}

static uint64_t touch_key(const struct action *a)
{
    enum respond_target kind =
        a->target_kind == TARGET_CLIENT_ADDRESS ? TARGET_CLIENT : a->target_kind;

    return hash_keyed(bytes_str(a->target)) ^ (uint64_t)kind;
}

static unsigned blast_max(const struct respond *r)
{
    unsigned clients =
        r->settings.blast_clients_max > 0 ? r->settings.blast_clients_max : BLAST_CLIENTS_MAX;
    unsigned percent =
        r->settings.blast_percent_max > 0 ? r->settings.blast_percent_max : BLAST_PERCENT_MAX;
    uint64_t share = (uint64_t)r->hands.online_clients(r->hands.arg) * percent / 100;

    return (unsigned)MIN((uint64_t)clients, MAX(share, (uint64_t)BLAST_CLIENTS_FLOOR));
}

/** guard_touched() - @a was done to so many clients */
void guard_touched(struct respond *r, const struct action *a, unsigned clients,
                   struct respond_now now)
{
    blast_touch(&r->blast, touch_key(a), clients, now.ns);
}

/**
 * guard_ask() - may @a be done automatically?
 * @ret_why:  static; untouched when it may
 *
 * Return: ACTION_DONE when nothing forbids it, else what becomes of it.
 */
enum action_state guard_ask(struct respond *r, const struct incident *i, const struct action *a,
                            const struct finding *f, struct respond_now now, const char **ret_why)
{
    unsigned touched = guard_clients(r, a);
    uint64_t blast_ns = respond_scaled_ns(r, BLAST_S);
    uint64_t since_ns = now.ns > blast_ns ? now.ns - blast_ns : 0;

    if (guard_protects(r, i, a)) {
        *ret_why = guard_protected_why;
        return ACTION_WITHHELD;
    }
    if (!r->settings.enforce) {
        *ret_why = "observe mode";
        return ACTION_OBSERVED;
    }
    if (f->observe_only) {
        *ret_why = "observe mode of the detector";
        return ACTION_OBSERVED;
    }
    if (f->in_grace) {
        *ret_why = "grace after the start";
        return ACTION_OBSERVED;
    }
    if (now.ns < r->suspended_until_ns) {
        *ret_why = "automatic responses are suspended";
        return ACTION_OBSERVED;
    }
    if (action_is_for_people(a->kind)) {
        *ret_why = "it is not undone easily; approval needed";
        return ACTION_HELD;
    }
    if (a->target_kind == TARGET_ADDRESS && touched > 0) {
        *ret_why = "clients that work come from the address; approval needed";
        return ACTION_HELD;
    }
    if (touched > 0 && blast_with(&r->blast, touch_key(a), touched, since_ns) > blast_max(r)) {
        *ret_why = "too many clients would be touched in 10 min; approval needed";
        return ACTION_HELD;
    }
    return ACTION_DONE;
}

/** respond_is_guarded() - see respond.h; nothing is done or recorded */
bool respond_is_guarded(struct respond *r, const char *role, struct respond_now now)
{
    static const enum action_kind kinds[] = {ACTION_DISCONNECT, ACTION_BAN};
    char *nobody = (char *)(uintptr_t) "";
    const struct incident i = {
        .role = (char *)(uintptr_t)role, .client_id = nobody, .user_name = nobody};
    const struct finding f = {0};
    const char *why = NULL;

    for (size_t k = 0; k < COUNT_OF(kinds); k++) {
        const struct action a = {.kind = kinds[k], .target_kind = TARGET_CLIENT, .target = nobody};

        if (guard_ask(r, &i, &a, &f, now, &why) != ACTION_WITHHELD)
            return false;
    }
    return true;
}
